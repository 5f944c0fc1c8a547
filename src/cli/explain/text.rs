//! An explanation for people: the contract, its observations, its fields, what was found in them.

use std::io::Write;

use serde_json::value::RawValue;

use super::decided::DecisionWhy;
use super::history::{KnownContract, State};
use super::model::{CandidateWhy, Explained, JoinedWhy, Observed};
use crate::cli::output::{Column, Out, OutputError};
use crate::record::Contract;

/// Longest value shown, in characters; `--json` gives all of it.
const VALUE: usize = 100;

const OBSERVATIONS: [Column; 10] = [
    Column::right("#"),
    Column::left("source"),
    Column::left("resource"),
    Column::right("position"),
    Column::left("outcome"),
    Column::left("effective"),
    Column::left("first seen"),
    Column::left("gone since"),
    Column::left("declared"),
    Column::left("identity"),
];

const FIELDS: [Column; 4] = [Column::left("field"), Column::left("value"), Column::left("from"), Column::left("why")];

const FINDINGS: [Column; 5] = [
    Column::left("finding"),
    Column::left("severity"),
    Column::left("field"),
    Column::left("declared"),
    Column::right("#"),
];

const JOINS: [Column; 3] = [Column::left("one contract"), Column::right("score"), Column::left("evidence")];

const REFUSED: [Column; 5] = [
    Column::left("not merged with"),
    Column::right("score"),
    Column::left("because"),
    Column::left("sources"),
    Column::left("evidence"),
];

const DECISIONS: [Column; 6] = [
    Column::left("decision"),
    Column::left("records"),
    Column::left("why"),
    Column::left("who"),
    Column::left("when"),
    Column::left("where"),
];

const APART: [Column; 2] = [Column::left("not one with"), Column::left("because")];

const DECLARED: [Column; 6] = [
    Column::left("declared for"),
    Column::left("what"),
    Column::right("montant"),
    Column::right("months"),
    Column::left("titulaires"),
    Column::right("#"),
];

/// `seen` and `gone` count the lines of the table of observations, from 1.
const KNOWN: [Column; 7] = [
    Column::left("known from"),
    Column::left("seen"),
    Column::left("gone"),
    Column::left("uid"),
    Column::right("montant"),
    Column::right("months"),
    Column::left("titulaires"),
];

const CANDIDATES: [Column; 4] =
    [Column::left("uid"), Column::left("notified"), Column::right("montant"), Column::left("objet")];

/// The contracts that one id covers.
pub(super) fn candidates<W: Write>(contracts: &[&Contract], out: &mut Out<W>) -> Result<(), OutputError> {
    let dash = || "-".to_owned();
    let row = |c: &&Contract| {
        let r = &c.record;
        vec![
            c.uid.to_string(),
            r.date_notification.map_or_else(dash, |d| d.to_string()),
            r.montant.map_or_else(dash, |m| m.to_string()),
            short(r.objet.as_deref().unwrap_or("-")),
        ]
    };
    out.table(&CANDIDATES, contracts.iter().map(row))
}

/// The whole explanation.
pub(super) fn print<W: Write>(e: &Explained, out: &mut Out<W>) -> Result<(), OutputError> {
    out.line(&format!("uid {}", e.uid))?;
    out.line(&format!("page /marches/{}", e.url))?;
    out.line(match (e.in_scope, e.withdrawn) {
        (false, _) => "not published: neither the buyer's seat nor the place of execution is known to be in the region",
        (true, true) => "withdrawn: no source publishes it any more",
        (true, false) => "published with the next publication, if not yet",
    })?;
    if let Some(day) = &e.as_of {
        out.line(&format!("as the region knew it on {day}"))?;
    }
    match e.stored {
        None | Some("current") => {}
        _ => out.line("the merge has not been run since its sources changed: this is what it will give")?,
    }
    out.line("")?;
    out.table(&OBSERVATIONS, e.observations.iter().map(observation))?;
    out.line("")?;
    let mut rows = Vec::new();
    for f in &e.fields {
        let from = f.observation.map_or_else(|| "-".to_owned(), |i| from(i, f.source.as_deref()));
        rows.push(vec![
            f.field.to_owned(),
            f.value.as_deref().map_or_else(|| "-".to_owned(), value),
            from,
            f.told.clone(),
        ]);
        for r in &f.rejected {
            let told = format!("rejected: {}", r.told);
            rows.push(vec![
                format!("{} ≠", f.field),
                value(&r.value),
                self::from(r.observation, Some(&r.source)),
                told,
            ]);
        }
    }
    out.table(&FIELDS, rows)?;
    identity(e, out)?;
    decisions(e, out)?;
    findings(e, out)?;
    history(e, out)
}

/// What operators decided, and what was kept apart though it shares the id.
fn decisions<W: Write>(e: &Explained, out: &mut Out<W>) -> Result<(), OutputError> {
    if !e.decisions.is_empty() {
        let told = |d: &DecisionWhy| {
            let verdict = match d.verdict {
                "same" => "decided the same",
                "different" => "decided different",
                _ => "decided to be none",
            };
            let records: Vec<String> = d.records.iter().map(|(siret, id)| format!("{siret} {id}")).collect();
            vec![verdict.to_owned(), records.join(", "), d.why.clone(), d.who.clone(), d.when.clone(), d.place.clone()]
        };
        out.line("")?;
        out.table(&DECISIONS, e.decisions.iter().map(told))?;
    }
    if !e.refused.is_empty() {
        out.line("")?;
        out.table(&APART, e.refused.iter().map(|r| vec![r.uid.clone(), r.told.to_owned()]))?;
    }
    Ok(())
}

/// What modifications made of it, and what was known when.
fn history<W: Write>(e: &Explained, out: &mut Out<W>) -> Result<(), OutputError> {
    let dash = || "-".to_owned();
    let state = |s: &State| {
        let montant = s.montant.as_deref().map_or_else(dash, value);
        [montant, s.duree_mois.map_or_else(dash, |n| n.to_string()), value(&s.titulaires)]
    };
    let declared = e.history.declared.iter().enumerate().map(|(i, d)| {
        let what = match (i, d.modification) {
            (0, _) => "award".to_owned(),
            (_, Some(id)) => format!("modification {id}"),
            (_, None) => "modification".to_owned(),
        };
        let mut row = vec![d.date.clone().unwrap_or_else(dash), what];
        row.extend(state(&d.state));
        row.push(d.observation.map_or_else(dash, |i| i.to_string()));
        row
    });
    out.line("")?;
    out.table(&DECLARED, declared)?;
    if let Some(day) = &e.as_of {
        let [montant, months, holders] = state(&e.in_force);
        out.line(&format!("in force on {day}: {montant}, {months} months, {holders}"))?;
    }
    let known = e.history.known.iter().flat_map(|k| {
        let places = |list: &[usize]| match list {
            [] => dash(),
            _ => list.iter().map(|i| (i + 1).to_string()).collect::<Vec<_>>().join(" "),
        };
        let (seen, gone) = (places(&k.seen), places(&k.gone));
        let row = move |c: &KnownContract| {
            let uid = if c.withdrawn { format!("{} (withdrawn)", c.uid) } else { c.uid.clone() };
            let mut row = vec![k.day.clone(), seen.clone(), gone.clone(), uid];
            row.extend(state(&c.state));
            row
        };
        k.contracts.iter().map(row).collect::<Vec<_>>()
    });
    out.line("")?;
    out.table(&KNOWN, known)
}

/// Why observations under different ids are one contract, and which other contracts may be.
fn identity<W: Write>(e: &Explained, out: &mut Out<W>) -> Result<(), OutputError> {
    let indexes = |list: &[u32]| list.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    if !e.joins.is_empty() {
        let row = |j: &JoinedWhy| {
            vec![format!("{} = {}", indexes(&j.left), indexes(&j.right)), format!("{:.2}", j.score), j.evidence.clone()]
        };
        out.line("")?;
        out.table(&JOINS, e.joins.iter().map(row))?;
    }
    if !e.candidates.is_empty() {
        let why = |c: &CandidateWhy| if c.why == "tied" { "others fit as well" } else { "score too low" };
        let row = |c: &CandidateWhy| {
            vec![c.uid.clone(), format!("{:.2}", c.score), why(c).to_owned(), c.sources.join(" "), c.evidence.clone()]
        };
        out.line("")?;
        out.table(&REFUSED, e.candidates.iter().map(row))?;
    }
    Ok(())
}

fn observation(o: &Observed) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        o.index.map_or_else(|| "-".to_owned(), |i| i.to_string()),
        match (o.speaks_for_buyer, o.authority) {
            (true, _) => format!("{} (speaks for the buyer)", o.source),
            (false, Some(authority)) => format!("{} ({authority})", o.source),
            (false, None) => format!("{} (licence unknown)", o.source),
        },
        o.resource.clone(),
        o.position.to_string(),
        o.outcome.to_owned(),
        or_dash(&o.effective_date),
        o.first_seen.clone(),
        or_dash(&o.gone_since),
        format!("{} {}", o.acheteur_id, o.id),
        match o.agrees_on.as_slice() {
            [] => format!("{} {}", o.identity, o.key),
            agreed => format!("{} {} (same {})", o.identity, o.key, agreed.join(", ")),
        },
    ]
}

fn findings<W: Write>(e: &Explained, out: &mut Out<W>) -> Result<(), OutputError> {
    let contract: serde_json::Value = serde_json::from_str(e.contract.get()).map_err(OutputError::Json)?;
    let Some(found) = contract["findings"].as_array().filter(|f| !f.is_empty()) else { return Ok(()) };
    let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let row = |f: &serde_json::Value| {
        vec![
            text(&f["code"]),
            text(&f["severity"]),
            text(&f["field"]),
            short(&text(&f["value"])),
            text(&f["observation"]),
        ]
    };
    out.line("")?;
    out.table(&FINDINGS, found.iter().map(row))
}

fn from(index: u32, source: Option<&str>) -> String {
    format!("{index} {}", source.unwrap_or_default())
}

fn value(raw: &RawValue) -> String {
    short(raw.get())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}
