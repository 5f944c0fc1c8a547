//! overrides.toml: the operators' decisions, read and checked.
//!
//! `[[same]]` and `[[different]]` name two or more records, `[[exclude]]` one; each says who
//! decided, why and when. What each means and what contradicts is in `decisions`.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeValue;

use super::decisions::{Decision, Placed, RecordKey, Verdict, contradictions};
use super::diagnostic::{At, Diagnostic};
use super::read::{Document, Fault, Located, Reader, Report};
use super::stanza::non_empty;
use crate::record::{Day, LocalId, Siret};

/// Records with their places.
type Named = BTreeMap<RecordKey, At>;

/// Reads every decision.
pub(super) fn read(document: &Document, report: &Report) -> Vec<Placed> {
    let table = document.table(report);
    let top = Reader::new(document, &table, 0..0, "overrides.toml", report);
    let mut decisions = Vec::new();
    for (key, verdict) in [("same", Verdict::Same), ("different", Verdict::Different), ("exclude", Verdict::Exclude)] {
        for reader in top.tables(key) {
            let decision = decision(&reader, verdict);
            reader.finish();
            decisions.extend(decision);
        }
    }
    top.finish();
    contradictions(&decisions).into_iter().for_each(|found| report.push(found));
    decisions
}

fn decision(reader: &Reader<'_>, verdict: Verdict) -> Option<Placed> {
    let named = match verdict {
        Verdict::Exclude => reader.structured("record", |value, _| record(value)).map(|record| {
            let value = Named::from([(record.value, record.at.clone())]);
            Located { value, at: record.at }
        }),
        _ => reader.structured("records", records),
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
    let (records, records_at) = named?.value.into_iter().unzip();
    let decision = Decision { verdict, records, who: who?.value, why: why?.value, when: when?.value };
    Some(Placed { decision, at: reader.here(), records_at })
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

fn records(value: &DeValue<'_>, place: &dyn Fn(Range<usize>) -> At) -> Result<Named, Fault> {
    let form = || "records = [[\"SIRET\", \"id\"], [\"SIRET\", \"id\"]]".to_owned();
    let DeValue::Array(list) = value else {
        return Err(Fault("a list of records is expected".to_owned(), form()));
    };
    let mut named = Named::new();
    for item in list.iter() {
        named.entry(record(item.get_ref())?).or_insert_with(|| place(item.span()));
    }
    if named.len() < 2 {
        return Err(Fault("two different records at least are expected".to_owned(), form()));
    }
    Ok(named)
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
