//! The report for people: per file what was read, then each rule that was broken, worst first.

use std::io::Write;

use super::words::Language;
use super::{Damage, Example, FileReport, Group, Weight};
use crate::cli::output::{Out, OutputError};
use crate::refine::catalogue;

/// Longest declared value shown, in characters; `--json` gives more of it.
const VALUE: usize = 80;

pub(super) fn print<W: Write>(reports: &[FileReport], language: Language, out: &mut Out<W>) -> Result<(), OutputError> {
    for (i, report) in reports.iter().enumerate() {
        if i > 0 {
            out.line("")?;
        }
        file(report, language, out)?;
    }
    if reports.len() > 1 {
        out.line("")?;
        let bad = reports.iter().filter(|r| !r.is_good()).count();
        out.line(&match language {
            Language::French => format!("{} fichiers, dont {bad} avec des erreurs", reports.len()),
            Language::English => format!("{} files, {bad} with errors", reports.len()),
        })?;
    }
    Ok(())
}

fn file<W: Write>(r: &FileReport, language: Language, out: &mut Out<W>) -> Result<(), OutputError> {
    if let Some(error) = &r.error {
        return out.line(&format!("{} {error}", language.pick("ERREUR", "ERROR")));
    }
    let [old, new] = r.editions;
    out.line(&match language {
        Language::French => format!(
            "{} : {}, {}, {} données ({old} au format 2019, {new} au format 2022)",
            r.file, r.format, r.encoding, r.records
        ),
        Language::English => format!(
            "{}: {}, {}, {} records ({old} of the 2019 format, {new} of the 2022 format)",
            r.file, r.format, r.encoding, r.records
        ),
    })?;
    out.line(&match language {
        Language::French => format!(
            "  {} lues dont {} redressées, {} écartées ; {} erreurs, {} points d'attention",
            r.accepted,
            r.repaired,
            r.quarantined,
            r.count(Weight::Error),
            r.count(Weight::Warning)
        ),
        Language::English => format!(
            "  {} read of which {} repaired, {} set aside; {} errors, {} warnings",
            r.accepted,
            r.repaired,
            r.quarantined,
            r.count(Weight::Error),
            r.count(Weight::Warning)
        ),
    })?;
    if let Some(damage) = &r.damage {
        out.line(&format!("  {}", ending(damage, language)))?;
    }
    for (weight, code, group) in r.ranked() {
        rule(weight, code, group, language, out)?;
    }
    missing(r, language, out)?;
    if r.is_good() {
        out.line(language.pick("  bon : aucune erreur", "  good: no error"))?;
    }
    Ok(())
}

fn ending(damage: &Damage, language: Language) -> String {
    match (damage, language) {
        (Damage::Cut(what), Language::French) => {
            format!(
                "ERREUR le document s'arrête au milieu ({what}) : ce qui suit n'est jamais arrivé ; publiez-le en entier"
            )
        }
        (Damage::Cut(what), Language::English) => {
            format!("ERROR the document stops inside {what}: the rest never came; publish it whole")
        }
        (Damage::Damaged(what), Language::French) => {
            format!(
                "ERREUR le document est abîmé entre ses données ({what}) : ce passage a été sauté ; corrigez sa syntaxe"
            )
        }
        (Damage::Damaged(what), Language::English) => {
            format!(
                "ERROR the document is damaged between its records ({what}): that part was passed over; mend its syntax"
            )
        }
    }
}

fn rule<W: Write>(
    weight: Weight,
    code: &str,
    group: &Group,
    language: Language,
    out: &mut Out<W>,
) -> Result<(), OutputError> {
    out.line("")?;
    out.line(&format!("  {} {code} × {}", language.weight(weight), group.count))?;
    if let Some(e) = catalogue::entry(code) {
        let reference = e.reference.map(|r| format!(" [{r}]")).unwrap_or_default();
        out.line(&format!("    {}{reference}", language.pick(e.french, e.english)))?;
        out.line(&format!("    → {}", language.pick(e.remedy.french(), e.remedy.english())))?;
    }
    for e in &group.examples {
        out.line(&format!("      {}", example(e, language)))?;
    }
    let more = group.count - group.examples.len() as u64;
    if more > 0 {
        out.line(&format!("      … {} {more}", language.pick("et encore", "and more:")))?;
    }
    Ok(())
}

fn example(e: &Example, language: Language) -> String {
    let mut shown = match (e.position, e.offset) {
        (Some(position), Some(offset)) => format!("position {position}, {} {offset}", language.pick("octet", "byte")),
        _ => language.pick("document", "document").to_owned(),
    };
    if let Some(id) = &e.id {
        shown.push_str(&format!(", id {}", short(id)));
    }
    let (open, close) = (language.pick("« ", "\""), language.pick(" »", "\""));
    match (e.field.is_empty(), e.value.is_empty()) {
        (true, true) => {}
        (true, false) => shown.push_str(&format!(": {}", short(&e.value))),
        (false, true) => shown.push_str(&format!(": {}", e.field)),
        (false, false) => shown.push_str(&format!(": {} = {open}{}{close}", e.field, short(&e.value))),
    }
    shown
}

fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

fn missing<W: Write>(r: &FileReport, language: Language, out: &mut Out<W>) -> Result<(), OutputError> {
    if r.missing.is_empty() {
        return Ok(());
    }
    let mut fields: Vec<_> = r.missing.iter().collect();
    fields.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    out.line("")?;
    out.line(&format!(
        "  {}",
        language.pick(
            "Champs que le format officiel exige, sans valeur utilisable :",
            "Fields that the official format requires, without a usable value:"
        )
    ))?;
    for (field, n) in fields {
        out.line(&format!("    {field} × {n}"))?;
    }
    Ok(())
}
