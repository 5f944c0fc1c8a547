//! overrides.toml: the operators' decisions, read and checked.
//!
//! `[[same]]` and `[[different]]` name two or more records, `[[exclude]]` one; each says who
//! decided, why and when. This version cannot apply a decision, and says so rather than merge
//! against it.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::read::{Document, Fault, Located, Reader, Report};
use super::stanza::non_empty;
use crate::record::{Day, LocalId, Siret};

/// A record as a source declares it: the buyer's SIRET and the id.
pub type RecordKey = (Siret, LocalId);

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The records are one contract.
    Same,
    /// They are different contracts.
    Different,
    /// The record is no contract of the region's.
    Exclude,
}

/// A decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// About which records: one for `Exclude`, two or more else; sorted.
    pub records: Vec<RecordKey>,
    /// Who decided.
    pub who: String,
    /// Why.
    pub why: String,
    /// On which day.
    pub when: Day,
}

/// Whether this version applies decisions at a merge.
const APPLIES_DECISIONS: bool = false;

/// Reads every decision.
pub(super) fn read(document: &Document, report: &Report) -> Vec<Decision> {
    let table = document.table(report);
    let top = Reader::new(document, &table, 0..0, "overrides.toml", report);
    let mut decisions = Vec::new();
    for (key, verdict) in [("same", Verdict::Same), ("different", Verdict::Different), ("exclude", Verdict::Exclude)] {
        for reader in top.tables(key) {
            let here = reader.here();
            let decision = decision(&reader, verdict);
            reader.finish();
            if !APPLIES_DECISIONS {
                let what = format!("[[{key}]]: this version cannot apply decisions yet");
                let help = "take it out until a version applies it: a merge against a decision would be wrong";
                report.push(Diagnostic::error(here, what).help(help));
            }
            decisions.extend(decision);
        }
    }
    top.finish();
    decisions
}

fn decision(reader: &Reader<'_>, verdict: Verdict) -> Option<Decision> {
    let records = match verdict {
        Verdict::Exclude => reader.structured("record", |value, _| Ok(vec![record(value)?])),
        _ => reader.structured("records", |value, _| records(value)),
    };
    let who = reader.scalar("who", non_empty);
    let why = reader.scalar("why", non_empty);
    let when = when(reader);
    let key = if verdict == Verdict::Exclude { "record" } else { "records" };
    let missing: Vec<_> = [key, "who", "why", "when"].into_iter().filter(|key| !reader.has(key)).collect();
    if !missing.is_empty() {
        let what = format!("a decision lacks `{}`", missing.join("`, `"));
        let help = "each decision says which records, who decided, why and when (a date)";
        reader.report().push(Diagnostic::error(reader.here(), what).help(help));
    }
    Some(Decision { verdict, records: records?.value, who: who?.value, why: why?.value, when: when?.value })
}

/// A date, as TOML's own or as text.
fn when(reader: &Reader<'_>) -> Option<Located<Day>> {
    reader.structured("when", |value, _| {
        let text = match value {
            DeValue::Datetime(datetime) => datetime.date.map(|date| date.to_string()),
            DeValue::String(text) => Some(text.to_string()),
            _ => None,
        };
        let day = text.and_then(|text| text.parse::<Day>().ok());
        day.ok_or_else(|| Fault("a date is expected".to_owned(), "like when = 2026-11-24".to_owned()))
    })
}

fn records(value: &DeValue<'_>) -> Result<Vec<RecordKey>, Fault> {
    let form = || "records = [[\"SIRET\", \"id\"], [\"SIRET\", \"id\"]]".to_owned();
    let DeValue::Array(list) = value else {
        return Err(Fault("a list of records is expected".to_owned(), form()));
    };
    let set = list.iter().map(|item| record(item.get_ref())).collect::<Result<BTreeSet<_>, _>>()?;
    if set.len() < 2 {
        return Err(Fault("two different records at least are expected".to_owned(), form()));
    }
    Ok(set.into_iter().collect())
}

fn record(value: &DeValue<'_>) -> Result<RecordKey, Fault> {
    let fault = |what: &str| Fault(what.to_owned(), "a record is [\"SIRET\", \"id\"]".to_owned());
    let DeValue::Array(pair) = value else {
        return Err(fault("a record is a pair"));
    };
    let texts: Vec<&str> = pair.iter().filter_map(|item| item.get_ref().as_str()).collect();
    let (&[siret, id], 2) = (texts.as_slice(), pair.len()) else {
        return Err(fault("a record is a pair of strings"));
    };
    let siret = Siret::parse(siret).ok_or_else(|| fault(&format!("`{siret}` is no SIRET: fourteen digits")))?;
    let id = LocalId::new(id).ok_or_else(|| fault("the id is empty"))?;
    Ok((siret, id))
}
