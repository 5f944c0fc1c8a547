//! Decides which observations are the same contract, and which value of each field wins.
//!
//! In: every observation of one buyer (a SIREN), the sources they come from, what operators decided
//! about the buyer's records, the rules. Out: the buyer's contracts sorted by uid, and what became of each observation. A pure function: no I/O,
//! no clock, and the order in which observations arrive has no influence, because they are put
//! into an order of their own content and place first. Memory: the observations of one buyer.
//!
//! The flow, one file a step:
//!
//! ```text
//! node       facts of an observation; the same content twice is one
//! decided    what operators decided: stronger than every rule below
//! identity   when two observations of one key contradict           (uses lot)
//! cluster    same key = one contract unless they contradict
//! second_keys  an id with and without its year and sequence meet, with evidence (uses id_forms)
//! across     different ids in different feeds: what else says that they are one
//! outcome    per contract: gone ones go, one content a source is current  (uses rank, framework)
//! survive    the winner of each field, provenance, conflicts     (uses fields, unite)
//! scope      in the region or not
//! uid        names, suffixes of reused ids
//! ```
//!
//! It knows nothing of SQL, formats, dumps, or of contracts of other buyers.

mod across;
mod cluster;
mod decided;
mod fields;
mod framework;
mod id_forms;
mod identity;
mod input;
pub mod json;
mod links;
mod lot;
pub mod measure;
mod node;
mod outcome;
mod rank;
mod rules;
mod scope;
mod second_keys;
mod survive;
mod tell;
mod text;
mod uid;
mod unite;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod decided_tests;
#[cfg(test)]
mod fates;
#[cfg(test)]
mod labelled;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod winners;

use std::collections::BTreeMap;

use crate::config::Decision;
use crate::record::{Contract, Field, Record, Siren};

pub use identity::Contradiction;
pub use input::{Authority, Candidate, SourceFacts};
pub use lot::lot_numbers;
pub use outcome::Outcome;
pub use rank::{Criterion, Rank};
pub use rules::{Rule, Rules};
pub use tell::{agreement, refusal};

/// Grows whenever the same observations give other contracts than before, or another encoding of
/// them: stores are then merged again.
pub const VERSION: u32 = 2;

/// What became of a buyer's observations.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// Its contracts, in byte order of the uid; those out of the region too (`region.in_scope`).
    pub contracts: Vec<Contract>,
    /// What became of each observation, by observation id; every candidate stands here once,
    /// but the refused ones.
    pub outcomes: Vec<(i64, Outcome)>,
    /// The contract (index into `contracts`) that each observation belongs to, whatever its
    /// outcome, by observation id; an excluded one belongs to none.
    pub contract_of: Vec<(i64, u32)>,
    /// Observations that are not of this buyer or name a source that is not in the list: a fault
    /// of the caller, left out of everything.
    pub refused: Vec<i64>,
}

/// Merges the observations of one buyer.
///
/// Pure: equal input, in any order and with any observation ids, gives equal contracts.
pub fn merge_buyer(siren: Siren, sources: &[SourceFacts], candidates: Vec<Candidate>, rules: &Rules) -> Merged {
    merge_decided(siren, sources, candidates, &[], rules)
}

/// As [`merge_buyer`], under the operators' decisions about records of this buyer, which win over
/// everything. Their order has no influence. Those that contradict each other are refused by the
/// configuration; here `exclude` would win over `same`, and `same` over `different`.
pub fn merge_decided(
    siren: Siren,
    sources: &[SourceFacts],
    mut candidates: Vec<Candidate>,
    decisions: &[Decision],
    rules: &Rules,
) -> Merged {
    let mut merged = Merged::default();
    // In place, here and below: a second list of a large buyer's observations would be the peak of a harvest.
    candidates.retain(|c| {
        let ours = c.observation.record.acheteur.siren() == siren && sources.get(c.source as usize).is_some();
        if !ours {
            merged.refused.push(c.observation_id);
        }
        ours
    });
    merged.refused.sort_unstable();
    let decided = decided::Decided::new(decisions);
    let candidates = if decisions.is_empty() { candidates } else { decided.exclude(candidates, &mut merged.outcomes) };

    let (nodes, same) = node::prepare(siren, sources, candidates, rules);
    let identity::Atoms { atoms, keys } = identity::atoms(&nodes, &decided, rules);
    let clusters = cluster::clusters(&atoms, &keys, &nodes, rules);
    let across = across::join(clusters, &atoms, &keys, &nodes, rules);
    let (mut built, mut place) = (Vec::new(), Vec::new());
    for cluster in &across.clusters {
        let standing = outcome::settle(&cluster.members(&atoms), &nodes, rules);
        let one: Option<survive::Built> = survive::build(&standing, &nodes, sources, rules);
        place.push(one.is_some().then_some(built.len()));
        built.extend(one);
    }
    uid::name(&mut built, &nodes);
    links::note(&mut built, &place, &across);
    built.sort_unstable_by(|a, b| a.contract.uid.cmp(&b.contract.uid));
    report(built, &nodes, &same, &mut merged);
    merged
}

/// Merges observations of any number of buyers, one buyer after the other, in order of SIREN.
pub fn merge_all(sources: &[SourceFacts], candidates: Vec<Candidate>, rules: &Rules) -> Vec<(Siren, Merged)> {
    let mut buyers: BTreeMap<Siren, Vec<Candidate>> = BTreeMap::new();
    for c in candidates {
        buyers.entry(c.observation.record.acheteur.siren()).or_default().push(c);
    }
    buyers.into_iter().map(|(siren, own)| (siren, merge_buyer(siren, sources, own, rules))).collect()
}

/// What the order of a buyer's observations reads of one of them, for whoever explains a merge;
/// `None` for one that [`merge_buyer`] would refuse.
pub fn rank(siren: Siren, sources: &[SourceFacts], candidate: &Candidate, rules: &Rules) -> Option<Rank> {
    sources.get(candidate.source as usize)?;
    let (nodes, _) = node::prepare(siren, sources, vec![candidate.clone()], rules);
    nodes.first().map(Rank::of)
}

/// Whether a record has a clean value of a field.
pub fn declares(record: &Record, field: Field) -> bool {
    fields::present(record, field)
}

/// Says what became of each observation, of contracts that are in their order.
fn report(built: Vec<survive::Built>, nodes: &[node::Node], same: &[node::Same], merged: &mut Merged) {
    let mut ids: Vec<(i64, u32)> = nodes.iter().map(|n| (n.candidate.observation_id, u32::MAX)).collect();
    for (place, one) in (0u32..).zip(built) {
        for (node, outcome) in one.outcomes {
            if let Some((id, contract)) = ids.get_mut(node as usize) {
                *contract = place;
                merged.outcomes.push((*id, outcome));
            }
        }
        merged.contracts.push(one.contract);
    }
    for s in same {
        if let Some((kept, contract)) = ids.get(s.kept as usize).copied() {
            let outcome = if s.gone { Outcome::Gone } else { Outcome::SameAs(kept) };
            merged.outcomes.push((s.observation_id, outcome));
            merged.contract_of.push((s.observation_id, contract));
        }
    }
    merged.contract_of.extend(ids);
    merged.outcomes.sort_unstable();
    merged.contract_of.sort_unstable();
}
