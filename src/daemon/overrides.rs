//! Decisions of overrides.toml that the store shows to be void: about a record that no source ever
//! declared, or over a marché and a concession.
//!
//! In: the configuration, a snapshot. Out: a diagnostic each, at the place of the record. They are
//! errors to `guichet check`; a daemon goes on and tells them, since a source that ends takes its
//! records along and must not stop it. Memory: what the sources said of one buyer.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{At, Config, Diagnostic, Diagnostics, Placed, RecordKey, Verdict, nearest, shown_record};
use crate::record::{Kind, Siren};
use crate::store::{Snapshot, StoreError};

/// What sources ever declared of the buyers that decisions name.
type Declared = BTreeMap<RecordKey, BTreeSet<Kind>>;

/// Every decision that has no effect as it is written, in the order of the file. Nothing is found in
/// a store in which nothing was harvested yet.
///
/// # Errors
/// A disk fault or a damaged row.
pub fn void(config: &Config, snapshot: &Snapshot) -> Result<Diagnostics, StoreError> {
    let mut found = Vec::new();
    if !config.decisions.is_empty() && snapshot.has_observations()? {
        let mut declared = Declared::new();
        let buyers: BTreeSet<Siren> =
            config.decisions.iter().flat_map(|p| &p.decision.records).map(|r| r.0.siren()).collect();
        for siren in buyers {
            for row in snapshot.buyer_with_gone(siren)?.rows {
                let r = row.observation.record;
                declared.entry((r.acheteur, r.id)).or_default().insert(r.kind);
            }
        }
        for placed in &config.decisions {
            unknown(placed, &declared, &mut found);
            two_kinds(placed, &declared, &mut found);
        }
    }
    Ok(Diagnostics::new(found))
}

/// What is told of them in public: where (file, line and column, without folders) and what.
pub fn told(found: &Diagnostics) -> Vec<String> {
    let place = |at: &At| {
        let place = at.place();
        place.rsplit('/').next().unwrap_or(&place).to_owned()
    };
    found.iter().map(|d| format!("{}: {}", place(&d.at), d.what)).collect()
}

fn unknown(placed: &Placed, declared: &Declared, found: &mut Vec<Diagnostic>) {
    for (record, at) in placed.decision.records.iter().zip(&placed.records_at) {
        if declared.contains_key(record) {
            continue;
        }
        let what = format!("no source has declared {}", shown_record(record));
        let help = match meant(record, declared) {
            Some(right) => format!("did you mean {}? records are named as sources declare them", shown_record(right)),
            None if declared.keys().any(|(siret, _)| siret.siren() == record.0.siren()) => {
                "`guichet explain` shows what sources declare; if the source has ended, take the decision back"
                    .to_owned()
            }
            None => format!("no source ever said anything of the buyer {}", record.0.siren()),
        };
        found.push(Diagnostic::error(at.clone(), what).help(help));
    }
}

/// The record that was probably meant: the same id in another form or under another establishment,
/// else the nearest.
fn meant<'a>(record: &RecordKey, declared: &'a Declared) -> Option<&'a RecordKey> {
    let (siret, id) = record;
    let own = || declared.keys().filter(|(other, _)| other.siren() == siret.siren());
    let alike = |r: &&RecordKey| r.1.key() == id.key();
    own().find(|r| alike(r) && r.0 == *siret).or_else(|| own().find(alike)).or_else(|| {
        let near = nearest(id.as_str(), own().map(|r| r.1.as_str()))?;
        own().find(|r| r.1.as_str() == near)
    })
}

/// A marché and a concession are never one contract.
fn two_kinds(placed: &Placed, declared: &Declared, found: &mut Vec<Diagnostic>) {
    if placed.decision.verdict != Verdict::Same {
        return;
    }
    let kinds = |record: &RecordKey| declared.get(record).cloned().unwrap_or_default();
    let mut records = placed.decision.records.iter().zip(&placed.records_at).filter(|(r, _)| !kinds(r).is_empty());
    let Some((first, _)) = records.next() else { return };
    let of_first = kinds(first);
    for (other, at) in records.filter(|(r, _)| kinds(r).is_disjoint(&of_first)) {
        let word = |record: &RecordKey| kinds(record).first().map_or("", |k| k.name());
        let what = format!(
            "{} is a {}, {} a {}: they are never one contract",
            shown_record(first),
            word(first),
            shown_record(other),
            word(other)
        );
        found.push(Diagnostic::error(at.clone(), what).help("take the decision back, or name records of one kind"));
    }
}
