//! Which contract is meant: by its uid as in files or in URLs, or by any SIRET and id that one of
//! its observations declares.

use std::collections::HashMap;

use crate::cli::context::{Failure, Opened};
use crate::config::{Decision, Placed, Verdict};
use crate::daemon::merge_run::{self, Sources};
use crate::daemon::pipeline;
use crate::merge::{self, Candidate, Merged, Rules};
use crate::record::{Contract, Day, Siren, Siret, Uid, normalised_key};
use crate::store::{MergeRow, Snapshot, SourceState, WITHDRAWN_AFTER_DAYS};

/// One buyer, merged again.
pub(super) struct Buyer {
    pub siren: Siren,
    pub rules: Rules,
    pub sources: Sources,
    /// What operators decided about its records, as the merge takes it.
    pub decisions: Vec<Decision>,
    /// The same as it stands in overrides.toml.
    pub placed: Vec<Placed>,
    /// Every source of the store by its number.
    pub states: HashMap<i64, SourceState>,
    /// All rows, also those of sources that may not speak.
    pub rows: Vec<MergeRow>,
    /// What the merge is given, by observation id.
    pub candidates: HashMap<i64, Candidate>,
    pub merged: Merged,
    /// Merged together with what is gone: only says which contract that belonged to.
    pub with_gone: Merged,
}

/// What an id leads to.
pub(super) enum Match<'a> {
    One(&'a Contract),
    Several(Vec<&'a Contract>),
    None,
}

/// The buyer that a uid names, in either of its forms.
pub(super) fn siren_of(uid: &str) -> Option<Siren> {
    Siret::parse(uid.trim().get(..14)?).map(|siret| siret.siren())
}

impl Buyer {
    /// The buyer as the region knew it at the end of a day; with none, as it stands now.
    pub(super) fn load(
        opened: &Opened,
        snapshot: &Snapshot,
        siren: Siren,
        as_of: Option<Day>,
    ) -> Result<Self, Failure> {
        let states = snapshot.sources()?;
        let sources = pipeline::merge_sources(&states);
        let rules = pipeline::rules(&opened.config);
        let decisions = pipeline::decisions(&opened.config).remove(&siren).unwrap_or_default();
        let of_buyer = |p: &&Placed| p.decision.records.iter().any(|r| r.0.siren() == siren);
        let placed = opened.config.decisions.iter().filter(of_buyer).cloned().collect();
        let all = snapshot.buyer_with_gone(siren)?.rows;
        let (standing, rows) = match as_of {
            // What was replaced since may have stood then.
            Some(day) => {
                let then: Vec<MergeRow> = all.iter().filter_map(|row| as_known(row, day)).collect();
                (then.clone(), then)
            }
            None => (snapshot.buyer(siren)?.rows, all),
        };
        let standing = merge_run::candidates(standing, &sources);
        let with_gone = merge_run::candidates(rows.clone(), &sources);
        let merge = |candidates| merge::merge_decided(siren, &sources.facts, candidates, &decisions, &rules);
        Ok(Self {
            siren,
            rules,
            candidates: with_gone.iter().map(|c| (c.observation_id, c.clone())).collect(),
            merged: merge(standing),
            with_gone: merge(with_gone),
            decisions,
            placed,
            sources,
            states: states.into_iter().map(|s| (s.source.n, s)).collect(),
            rows,
        })
    }

    /// Nothing was ever said of it.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.merged.contracts.iter()
    }

    /// Exact names before declared ones, declared ones before those that only compare as equal.
    pub(super) fn find(&self, asked: &str) -> Match<'_> {
        let plain = asked.trim().to_owned();
        let from_url = Uid::from_url(&plain).map(|uid| uid.as_str().to_owned());
        let names: Vec<String> = std::iter::once(plain).chain(from_url).collect();
        let exact: Vec<&Contract> = self.contracts().filter(|c| names.iter().any(|n| n == c.uid.as_str())).collect();
        if let [one] = exact.as_slice() {
            return Match::One(one);
        }
        let declared = |siret: &str, id: &str| names.iter().any(|n| n.strip_prefix(siret) == Some(id));
        let alike = |_: &str, id: &str| {
            names.iter().any(|n| n.get(14..).is_some_and(|asked| normalised_key(asked) == normalised_key(id)))
        };
        for test in [&declared as &dyn Fn(&str, &str) -> bool, &alike] {
            let found = self.naming(test);
            match found.as_slice() {
                [] => {}
                [one] => return Match::One(one),
                _ => return Match::Several(found),
            }
        }
        Match::None
    }

    /// The decision by which the record that is asked for is no contract.
    pub(super) fn exclusion(&self, asked: &str) -> Option<&Placed> {
        let plain = asked.trim();
        let from_url = Uid::from_url(plain).map(|uid| uid.as_str().to_owned());
        let is = |siret: &Siret, id: &str| {
            let names = |name: &str| name.strip_prefix(siret.as_str()) == Some(id);
            names(plain) || from_url.as_deref().is_some_and(names)
        };
        let excludes = |p: &&Placed| p.decision.verdict == Verdict::Exclude;
        self.placed
            .iter()
            .filter(excludes)
            .find(|p| p.decision.records.iter().any(|(siret, id)| is(siret, id.as_str())))
    }

    /// Contracts that hold an observation of a contract of the same buyer at another time.
    pub(super) fn descended(&self, other: &Buyer, contract: &Contract) -> Vec<&Contract> {
        let place = other.merged.contracts.iter().position(|c| c.uid == contract.uid);
        let of = |(_, p): &&(i64, u32)| Some(*p as usize) == place;
        let ids: Vec<i64> = other.merged.contract_of.iter().filter(of).map(|(id, _)| *id).collect();
        let own = self.merged.contract_of.iter().filter(|(id, _)| ids.contains(id));
        let places: std::collections::BTreeSet<u32> = own.map(|(_, place)| *place).collect();
        places.into_iter().filter_map(|place| self.merged.contracts.get(place as usize)).collect()
    }

    /// Contracts of which some observation passes, whatever became of it.
    fn naming(&self, test: &dyn Fn(&str, &str) -> bool) -> Vec<&Contract> {
        let mut places: Vec<u32> = self
            .merged
            .contract_of
            .iter()
            .filter(|(id, _)| {
                self.candidates.get(id).is_some_and(|c| {
                    let r = &c.observation.record;
                    test(r.acheteur.as_str(), r.id.as_str())
                })
            })
            .map(|(_, place)| *place)
            .collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.merged.contracts.get(place as usize)).collect()
    }
}

/// What was known of an observation at the end of a day; `None` when it had not been seen yet. Its
/// place is the last one known, and the date of its resource, where it is later, that day.
pub(super) fn as_known(row: &MergeRow, day: Day) -> Option<MergeRow> {
    let gone = row.gone.filter(|gone| *gone <= day);
    (row.first_seen <= day).then(|| MergeRow {
        gone,
        withdrawn: gone.is_some_and(|gone| day.number() - gone.number() >= WITHDRAWN_AFTER_DAYS),
        resource_date: row.resource_date.map(|date| date.min(day)),
        ..row.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buyer_is_read_from_either_form_of_a_uid() {
        for uid in ["21310555400017M 1/2", "21310555400017M~201~2f2", " 21310555400017"] {
            assert_eq!(siren_of(uid).map(|s| s.to_string()).as_deref(), Some("213105554"), "{uid}");
        }
        for uid in ["2131055540001", "", "é1310555400017", "abc21310555400017"] {
            assert!(siren_of(uid).is_none(), "{uid}");
        }
    }
}
