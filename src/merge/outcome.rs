//! What becomes of each observation of a contract: what is gone is dropped when its source says the
//! contract otherwise, and of several contents of one source the one that wins is current.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Node;
use super::{Rules, framework, rank};

/// What became of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its contract is made of it.
    Accepted,
    /// Another content of the same contract in the same source won.
    Superseded,
    /// The same content as this observation of the same source.
    SameAs(i64),
    /// It belongs to a contract that is not known to lie in the region.
    OutOfRegion,
    /// No longer published, and no part of its contract any more.
    Gone,
    /// An operator decided that it is no contract.
    Excluded,
}

/// The observations of one contract, settled. Members are node indexes.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// What the contract is made of, in winning order.
    pub current: Vec<u32>,
    /// The members of `current` that are pieces of one framework, for each source that publishes
    /// it so.
    pub pieces: Vec<Vec<u32>>,
    pub superseded: Vec<u32>,
    pub gone: Vec<u32>,
    /// No source says it any more.
    pub withdrawn: bool,
}

/// Settles one contract's observations.
pub(super) fn settle(members: &[u32], nodes: &[Node], rules: &Rules) -> Standing {
    let all = members.iter().filter_map(|i| Some((*i, nodes.get(*i as usize)?)));
    let (mut kept, gone) = drop_gone(all.collect());
    let mut standing = Standing {
        withdrawn: kept.iter().all(|(_, n)| !n.candidate.present && n.candidate.withdrawn),
        gone,
        ..Standing::default()
    };
    kept.sort_by(|(_, a), (_, b)| rank::order(a, b, rules));
    let mut by_source: BTreeMap<u32, Vec<(u32, &Node)>> = BTreeMap::new();
    for (i, n) in &kept {
        by_source.entry(n.source).or_default().push((*i, n));
    }
    let mut current: BTreeSet<u32> = BTreeSet::new();
    for contents in by_source.values() {
        let Some(((i, winner), others)) = contents.split_first() else {
            continue;
        };
        let mut pieces = framework::pieces(winner, others, rules);
        current.extend([i].into_iter().chain(&pieces));
        if !pieces.is_empty() {
            pieces.push(*i);
            pieces.sort_unstable();
            standing.pieces.push(pieces);
        }
    }
    (standing.current, standing.superseded) = kept.iter().map(|(i, _)| *i).partition(|i| current.contains(i));
    standing
}

/// Drops what is gone where its source still says the contract, and what is gone for good where
/// anyone does.
fn drop_gone(all: Vec<(u32, &Node)>) -> (Vec<(u32, &Node)>, Vec<u32>) {
    let present: BTreeSet<u32> = all.iter().filter(|(_, n)| n.candidate.present).map(|(_, n)| n.source).collect();
    let for_good = |n: &Node| !n.candidate.present && n.candidate.withdrawn;
    let stands = all.iter().any(|(_, n)| !for_good(n));
    let (kept, gone): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, n)| n.candidate.present || !(present.contains(&n.source) || (stands && for_good(n))));
    (kept, gone.into_iter().map(|(i, _)| i).collect())
}
