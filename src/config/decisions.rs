//! The operators' decisions: what each says, and whether they go together.
//!
//! In: the decisions of overrides.toml with their places. Out: which records are declared to be one,
//! the decisions of each buyer, and a [`Diagnostic`] for each that another one contradicts. Knows
//! no store: whether a source ever declared such a record is asked elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{At, Diagnostic};
use crate::record::{Day, LocalId, Siren, Siret};

/// A record as a source declares it: the buyer's SIRET and the id, trimmed. Compared as they are:
/// case, accents and separators count.
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

impl Verdict {
    /// The name of its table in overrides.toml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::Exclude => "exclude",
        }
    }
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

impl Decision {
    /// What decides a merge: who decided, why and when have no part in it.
    fn effect(&self) -> (Verdict, &[RecordKey]) {
        (self.verdict, &self.records)
    }
}

/// A decision, and where it stands in overrides.toml.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The decision.
    pub decision: Decision,
    /// The decision's table.
    pub at: At,
    /// Each of its records, in their order.
    pub records_at: Vec<At>,
}

impl Placed {
    /// `overrides.toml:12:1`.
    pub fn place(&self) -> String {
        self.at.place()
    }
}

/// The decisions of each buyer that any of them names, without those that say nothing of it.
pub fn by_buyer<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> BTreeMap<Siren, Vec<Decision>> {
    let mut buyers: BTreeMap<Siren, Vec<Decision>> = BTreeMap::new();
    for decision in decisions {
        let mut own: BTreeMap<Siren, Vec<RecordKey>> = BTreeMap::new();
        for record in &decision.records {
            own.entry(record.0.siren()).or_default().push(record.clone());
        }
        for (siren, records) in own {
            if decision.verdict == Verdict::Exclude || records.len() > 1 {
                buyers.entry(siren).or_default().push(Decision { records, ..decision.clone() });
            }
        }
    }
    for own in buyers.values_mut() {
        own.sort();
    }
    buyers
}

/// A short text that is the same for decisions that have the same effect on a merge, in whatever
/// order they stand and whoever took them.
pub fn fingerprint<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> String {
    let effects: BTreeSet<_> = decisions.into_iter().map(Decision::effect).collect();
    super::digest(
        &effects.iter().map(|(verdict, records)| format!("{} {records:?}", verdict.name())).collect::<Vec<_>>(),
    )
}

/// Every record that is named, with the number of its group: records that `same` declares to be one,
/// directly or through others, have one number. Numbers follow the order of records.
pub fn groups<'a>(decisions: impl Iterator<Item = &'a Decision> + Clone) -> BTreeMap<&'a RecordKey, usize> {
    let records: BTreeSet<&RecordKey> = decisions.clone().flat_map(|d| &d.records).collect();
    let places: BTreeMap<&RecordKey, usize> = records.into_iter().zip(0..).collect();
    let mut head: Vec<usize> = (0..places.len()).collect();
    for decision in decisions.filter(|d| d.verdict == Verdict::Same) {
        let mut of = decision.records.iter().filter_map(|r| places.get(r).copied());
        let Some(first) = of.next() else { continue };
        for other in of {
            let (a, b) = (top(&head, first), top(&head, other));
            if let Some(up) = head.get_mut(a.max(b)) {
                *up = a.min(b);
            }
        }
    }
    places.into_iter().map(|(record, place)| (record, top(&head, place))).collect()
}

fn top(head: &[usize], mut of: usize) -> usize {
    while let Some(up) = head.get(of).filter(|up| **up != of) {
        of = *up;
    }
    of
}

/// What cannot stand: each at the place of the record that contradicts.
pub(super) fn contradictions(all: &[Placed]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let groups = groups(all.iter().map(|p| &p.decision));
    let sames = |group: usize| {
        let of = |p: &&Placed| {
            p.decision.verdict == Verdict::Same
                && p.decision.records.first().and_then(|r| groups.get(r)) == Some(&group)
        };
        all.iter().filter(of).map(Placed::place).collect::<Vec<_>>().join(", ")
    };
    for placed in all {
        let records = placed.decision.records.iter().zip(&placed.records_at);
        match placed.decision.verdict {
            Verdict::Same => found.extend(two_buyers(placed)),
            Verdict::Different => {
                let mut first_of: BTreeMap<usize, &RecordKey> = BTreeMap::new();
                for (record, at) in records {
                    let Some(group) = groups.get(record) else { continue };
                    let Some(first) = first_of.get(group) else {
                        first_of.insert(*group, record);
                        continue;
                    };
                    let what = format!(
                        "{} and {} are decided to be different here, and the same by {}",
                        shown(first),
                        shown(record),
                        sames(*group)
                    );
                    found.push(Diagnostic::error(at.clone(), what).help("take one of these decisions back"));
                }
            }
            Verdict::Exclude => {
                for (record, at) in records {
                    let Some(other) =
                        all.iter().find(|p| p.decision.verdict == Verdict::Same && p.decision.records.contains(record))
                    else {
                        continue;
                    };
                    let what = format!(
                        "{} is excluded here, and the same as another record by {}",
                        shown(record),
                        other.place()
                    );
                    found.push(Diagnostic::error(at.clone(), what).help("take one of these decisions back"));
                }
            }
        }
    }
    found
}

/// The unit of a merge is the buyer.
fn two_buyers(placed: &Placed) -> Option<Diagnostic> {
    let first = placed.decision.records.first()?.0.siren();
    let mut records = placed.decision.records.iter().zip(&placed.records_at);
    let (other, at) = records.find(|(record, _)| record.0.siren() != first)?;
    let what = format!("`same` over two buyers: SIREN {first} and {}", other.0.siren());
    Some(Diagnostic::error(at.clone(), what).help("a contract has one buyer: name records of one SIREN"))
}

/// A record as it is written in overrides.toml.
pub fn shown(record: &RecordKey) -> String {
    format!("[\"{}\", \"{}\"]", record.0, record.1)
}
