//! `guichet check --rules`: every rule and every reason of quarantine, in French and in English.

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::Ended;
use crate::cli::output::{Column, Out, OutputError};
use crate::daemon::exit::Exit;
use crate::refine::catalogue::{Entry, entries};

const COLUMNS: [Column; 6] = [
    Column::left("rule"),
    Column::left("severity"),
    Column::left("field"),
    Column::left("français"),
    Column::left("english"),
    Column::left("reference"),
];

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

pub(super) fn table<W: Write>(out: &mut Out<W>) -> Result<(), OutputError> {
    let row = |e: Entry| {
        [e.code, e.severity, e.field, e.french, e.english, e.reference.unwrap_or("-")].map(str::to_owned).to_vec()
    };
    out.table(&COLUMNS, entries().map(row))
}

/// A list of `{code, severity, field, message: {fr, en}, remedy: {fr, en}, reference}`.
pub(super) fn json() -> Value {
    let one = |e: Entry| {
        json!({
            "code": e.code,
            "severity": e.severity,
            "field": e.field,
            "message": {"fr": e.french, "en": e.english},
            "remedy": {"fr": e.remedy.french(), "en": e.remedy.english()},
            "reference": e.reference,
        })
    };
    entries().map(one).collect()
}
