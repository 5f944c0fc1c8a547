//! The same contract under different ids in different feeds (records.md §4, rule 4).
//!
//! In: the clusters that keys gave. Out: the same clusters, some joined, with what joined them, and
//! the pairs that may be one contract and were left apart.
//!
//! ```text
//! unit    the values of a cluster as sets
//! block   which pairs are compared: shared amount, holder or days
//! score   points, and the evidence in words
//! assign  between two sources: the best one-to-one assignment, and what is tied in it
//! settle  thresholds, joins of several sources, candidates
//! ```
//!
//! Two clusters that one source both says are never joined: it gave them two ids, or rule 2 holds
//! them apart. What joined clusters hold counts together, so that no third one brings two records of
//! a source into one contract. What contradicts (rule 2) stays apart. As with keys, what is in
//! current payloads is settled first; then what is gone for some days; what is gone for good looks
//! for its place alone, since it is dropped where it finds one.

mod assign;
mod block;
mod score;
mod settle;
mod unit;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod generated;

use std::collections::BTreeMap;

use super::cluster::Cluster;
use super::identity::{Atom, Key, Tier};
use super::node::Node;
use super::{Rule, Rules};

use settle::{Pair, Scene};
use unit::Unit;

/// Clusters after rule 4.
#[derive(Debug, Default)]
pub(super) struct Across {
    pub clusters: Vec<Cluster>,
    pub joins: Vec<Join>,
    pub doubles: Vec<Double>,
}

/// Two parts of one contract, and why they are one.
#[derive(Debug)]
pub(super) struct Join {
    /// Index into the clusters.
    pub cluster: usize,
    /// Nodes of the one and of the other part.
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    pub score: u32,
    pub evidence: String,
}

/// Two contracts that may be one.
#[derive(Debug)]
pub(super) struct Double {
    /// Indexes into the clusters.
    pub a: usize,
    pub b: usize,
    pub score: u32,
    /// Nothing says which of several it is.
    pub tied: bool,
    /// In words, first of `a`, then of `b`.
    pub evidence: [String; 2],
}

/// Joins what is one contract under several ids.
pub(super) fn join(clusters: Vec<Cluster>, atoms: &[Atom], keys: &[Key], nodes: &[Node], rules: &Rules) -> Across {
    let alone = |clusters| Across { clusters, ..Across::default() };
    let one_source = nodes.first().is_none_or(|first| nodes.iter().all(|n| n.source == first.source));
    if !rules.on(Rule::AcrossFeeds) || clusters.len() < 2 || one_source {
        return alone(clusters);
    }
    let scene = Scene { atoms, rules };
    let mut tiers: [Vec<Unit>; 3] = Default::default();
    for (i, cluster) in (0u32..).zip(&clusters) {
        let unit = Unit::new(i, &cluster.said, atoms, keys, nodes);
        tiers[unit.tier as usize].push(unit);
    }
    let [present, gone, withdrawn] = tiers;
    let mut found = settle::Found::default();
    let standing = scene.settle(present, 0, &mut found);
    let standing = scene.extend(standing, gone, &mut found);
    let (placed, left) = scene.place_alone(&standing, withdrawn);
    let left = scene.settle(left, 0, &mut found);
    let units: Vec<Unit> = standing.into_iter().chain(left).collect();
    if found.joins.is_empty() && found.open.is_empty() && placed.is_empty() {
        return alone(clusters);
    }
    gather(clusters, &units, placed, found, atoms)
}

/// Makes clusters of units, in the order in which the first cluster of each stood.
fn gather(
    mut old: Vec<Cluster>,
    units: &[Unit],
    placed: Vec<(u32, u32)>,
    found: settle::Found,
    atoms: &[Atom],
) -> Across {
    let mut order: Vec<&Unit> = units.iter().collect();
    order.sort_by_key(|u| u.clusters.first().copied());
    let mut place_of: Vec<usize> = vec![usize::MAX; old.len()];
    let members = |which: &[u32], old: &[Cluster]| -> Vec<u32> {
        let said = which.iter().filter_map(|c| old.get(*c as usize)).flat_map(|c| &c.said);
        let mut out: Vec<u32> =
            said.filter_map(|a| atoms.get(*a as usize)).flat_map(|a| a.nodes.iter().copied()).collect();
        out.sort_unstable();
        out
    };
    let mut across = Across::default();
    let parts: Vec<(Vec<u32>, Vec<u32>)> =
        found.joins.iter().map(|j| (members(&j.left, &old), members(&j.right, &old))).collect();
    for (place, unit) in order.iter().enumerate() {
        let mut cluster = Cluster::default();
        for c in &unit.clusters {
            if let Some(part) = old.get_mut(*c as usize).map(std::mem::take) {
                cluster.said.extend(part.said);
                cluster.dropped.extend(part.dropped);
            }
            if let Some(of) = place_of.get_mut(*c as usize) {
                *of = place;
            }
        }
        cluster.said.sort_unstable();
        cluster.dropped.sort_unstable();
        across.clusters.push(cluster);
    }
    let place = |c: u32| place_of.get(c as usize).copied().filter(|p| *p != usize::MAX);
    for (gone, home) in placed {
        let part = old.get_mut(gone as usize).map(std::mem::take).unwrap_or_default();
        if let Some(cluster) = place(home).and_then(|p| across.clusters.get_mut(p)) {
            cluster.dropped.extend(part.said);
            cluster.dropped.extend(part.dropped);
            cluster.dropped.sort_unstable();
        }
    }
    for (join, (left, right)) in found.joins.into_iter().zip(parts) {
        let Some(cluster) = join.left.first().and_then(|c| place(*c)) else { continue };
        across.joins.push(Join { cluster, left, right, score: join.score, evidence: join.evidence });
    }
    across.doubles = doubles(units, found.open, place);
    across
}

/// The candidates that are still two contracts and can be one, each once.
fn doubles(units: &[Unit], open: Vec<Pair>, place: impl Fn(u32) -> Option<usize>) -> Vec<Double> {
    let of: BTreeMap<u32, &Unit> = units.iter().flat_map(|u| u.clusters.iter().map(move |c| (*c, u))).collect();
    let mut out: Vec<Double> = open
        .into_iter()
        .filter_map(|pair| {
            let (a, b) = (place(pair.left)?, place(pair.right)?);
            let (x, y) = (*of.get(&pair.left)?, *of.get(&pair.right)?);
            let possible = a != b && !super::identity::share(&x.sources, &y.sources);
            let withdrawn = x.tier == Tier::Withdrawn || y.tier == Tier::Withdrawn;
            let ((a, x), (b, y)) = if a <= b { ((a, x), (b, y)) } else { ((b, y), (a, x)) };
            let evidence = || [score::words(x, y), score::words(y, x)];
            let Pair { score, tied, .. } = pair;
            (possible && !withdrawn).then(|| Double { a, b, score, tied, evidence: evidence() })
        })
        .collect();
    out.sort_by(|x, y| (x.a, x.b, y.score, &x.evidence).cmp(&(y.a, y.b, x.score, &y.evidence)));
    out.dedup_by(|later, first| (later.a, later.b) == (first.a, first.b));
    out
}
