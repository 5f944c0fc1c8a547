//! `guichet check --rules`: every rule and every reason of quarantine, in French and in English.

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::Ended;
use crate::cli::output::{Column, Out, OutputError};
use crate::daemon::exit::Exit;
use crate::refine::rules::{REASONS, Rule};

const COLUMNS: [Column; 6] = [
    Column::left("rule"),
    Column::left("severity"),
    Column::left("field"),
    Column::left("français"),
    Column::left("english"),
    Column::left("reference"),
];

/// What the merge itself finds, beside the rules of single records.
const OF_THE_MERGE: [(&str, &str, &str, &str, &str, &str); 1] = [(
    "id-reused",
    "warning",
    "id",
    "L'acheteur a donné ce même identifiant à plusieurs contrats : leur uid porte un suffixe.",
    "The buyer gave this id to several contracts: their uids carry a suffix.",
    "arrêté 22/12/2022, id",
)];

/// Prints them and nothing else.
pub(super) fn print(as_json: bool) -> Ended {
    let mut out = Out::stdout(as_json);
    if out.is_json() {
        out.json(&json!({ "rules": json() }))?;
    } else {
        table(&mut out)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn rows() -> impl Iterator<Item = [&'static str; 6]> {
    let records =
        Rule::ALL.iter().map(|r| [r.code(), r.severity().name(), r.field(), r.french(), r.english(), r.reference()]);
    let merge = OF_THE_MERGE
        .iter()
        .map(|(code, severity, field, fr, en, reference)| [*code, *severity, *field, *fr, *en, *reference]);
    let quarantine = REASONS.iter().map(|(code, fr, en)| [*code, "quarantine", "*", *fr, *en, "-"]);
    records.chain(merge).chain(quarantine)
}

pub(super) fn table<W: Write>(out: &mut Out<W>) -> Result<(), OutputError> {
    out.table(&COLUMNS, rows().map(|row| row.map(str::to_owned).to_vec()))
}

/// A list of `{code, severity, field, message: {fr, en}, reference}`.
pub(super) fn json() -> Value {
    rows()
        .map(|[code, severity, field, fr, en, reference]| {
            json!({"code": code, "severity": severity, "field": field, "message": {"fr": fr, "en": en}, "reference": Some(reference).filter(|r| *r != "-")})
        })
        .collect()
}
