//! Joins atoms to clusters, each of which becomes a contract.
//!
//! Best fit first, and two atoms that contradict never end in one cluster, however many others each
//! of them fits. What is in current payloads is settled first; then each observation that is gone
//! looks for its place, alone; those that find none are settled among themselves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::decided;
use super::identity::{Atom, Key, Tier, contradict, fit};
use super::node::Node;
use super::{Rules, second_keys};

/// Most atoms of one key that are compared with each other. A key with more is a placeholder
/// (`0000000000000000`) and tells nothing: what does not agree exactly stays apart.
const MOST_ATOMS: usize = 256;

/// Atoms (indexes) that are one contract.
#[derive(Debug, Default, Clone)]
pub(super) struct Cluster {
    /// What says it.
    pub said: Vec<u32>,
    /// What is gone and belongs to it, but no longer says anything, since the same source, or for
    /// what is gone for good anyone, still says the contract.
    pub dropped: Vec<u32>,
}

impl Cluster {
    fn new(said: Vec<u32>) -> Self {
        Self { said, dropped: Vec::new() }
    }

    /// The nodes of its atoms, in order of place.
    pub fn members(&self, atoms: &[Atom]) -> Vec<u32> {
        let all = self.said.iter().chain(&self.dropped);
        let mut out: Vec<u32> =
            all.filter_map(|a| atoms.get(*a as usize)).flat_map(|a| a.nodes.iter().copied()).collect();
        out.sort_unstable();
        out
    }

    /// Takes a gone atom in.
    pub fn take(&mut self, i: u32, atoms: &[Atom]) {
        let atom = |i: &u32| atoms.get(*i as usize);
        let dropped = atom(&i).is_some_and(|a| {
            a.tier == Tier::Withdrawn
                || self
                    .said
                    .iter()
                    .filter_map(atom)
                    .filter(|s| s.tier == Tier::Present)
                    .any(|s| a.sources.iter().all(|x| s.sources.contains(x)))
        });
        if dropped {
            self.dropped.push(i);
        } else {
            self.said.push(i);
        }
    }
}

/// Puts every atom into a cluster.
pub(super) fn clusters(atoms: &[Atom], keys: &[Key], nodes: &[Node], rules: &Rules) -> Vec<Cluster> {
    let mut out: Vec<Cluster> = Vec::new();
    for tier in [Tier::Present, Tier::Gone, Tier::Withdrawn] {
        let mut left: Vec<u32> = (0u32..).zip(atoms).filter(|(_, a)| a.tier == tier).map(|(i, _)| i).collect();
        if !out.is_empty() && !left.is_empty() {
            let (united, free) = decided::part(&left, atoms);
            let united = decided::follow(&mut out, united, atoms, keys, nodes, rules);
            left = free;
            let placed = attach(&mut out, &left, atoms, rules);
            left.retain(|i| !placed.contains(i));
            let placed = second_keys::attach(&mut out, &left, atoms, keys, nodes, rules);
            left.retain(|i| !placed.contains(i));
            left.extend(united);
            left.sort_unstable();
        }
        let new = cluster(&left, atoms, rules);
        let new = second_keys::join(new, atoms, keys, nodes, rules);
        out.extend(new.into_iter().map(Cluster::new));
    }
    out
}

/// Puts each atom into the cluster of its key that it fits best and contradicts nowhere; gives
/// those that found one.
pub(super) fn attach(clusters: &mut [Cluster], which: &[u32], atoms: &[Atom], rules: &Rules) -> BTreeSet<u32> {
    let atom = |i: &u32| atoms.get(*i as usize);
    let mut of_key: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (c, cluster) in clusters.iter().enumerate() {
        let keys: BTreeSet<u32> = cluster.said.iter().filter_map(atom).map(|a| a.key).collect();
        for key in keys {
            of_key.entry(key).or_default().push(c);
        }
    }
    let mut pairs = Vec::new();
    for g in which {
        let Some(a) = atom(g) else { continue };
        let Some(found) = of_key.get(&a.key).filter(|c| c.len() <= MOST_ATOMS) else {
            continue;
        };
        for c in found {
            let said = clusters.get(*c).map(|c| c.said.iter()).into_iter().flatten();
            let fits = said.take(MOST_ATOMS).filter_map(atom).map(|m| fit(a, m, rules));
            pairs.extend(fits.max().map(|best| (Reverse(best), *g, *c)));
        }
    }
    pairs.sort_unstable();
    let mut placed: BTreeSet<u32> = BTreeSet::new();
    for (_, g, c) in pairs {
        let (Some(a), Some(cluster)) = (atom(&g), clusters.get_mut(c)) else {
            continue;
        };
        let said = cluster.said.iter().filter_map(atom);
        if !placed.contains(&g) && !decided::apart(std::iter::once(a), said, rules) {
            placed.insert(g);
            cluster.take(g, atoms);
        }
    }
    placed
}

/// Joins the given atoms (indexes, ascending) of each key: best fit first, never two that
/// contradict. Clusters hold atom indexes, ascending.
fn cluster(which: &[u32], atoms: &[Atom], rules: &Rules) -> Vec<Vec<u32>> {
    let atom = |i: &u32| atoms.get(*i as usize);
    let key = |i: &u32| atom(i).map(|a| a.key);
    let mut out = Vec::new();
    // Keys that a decision ties together are looked at together.
    let tied = decided::tied_keys(which.iter().filter_map(atom));
    let mut together: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for group in which.chunk_by(|a, b| key(a) == key(b)) {
        if let Some(of) = group.first().and_then(key).and_then(|k| tied.get(&k)) {
            together.entry(*of).or_default().extend(group);
        } else if group.len() == 1 || group.len() > MOST_ATOMS {
            out.extend(group.iter().map(|i| vec![*i]));
        } else {
            out.extend(join_group(group, atoms, rules));
        }
    }
    for group in together.into_values() {
        out.extend(join_decided(&group, atoms, rules));
    }
    out
}

fn join_group(which: &[u32], atoms: &[Atom], rules: &Rules) -> Vec<Vec<u32>> {
    let group: Vec<&Atom> = which.iter().filter_map(|i| atoms.get(*i as usize)).collect();
    let fits = |i: usize, j: usize| match (group.get(i), group.get(j)) {
        (Some(a), Some(b)) if !contradict(a, b, rules) => Fit::Well(fit(a, b, rules)),
        _ => Fit::Never,
    };
    let joined = best_first(group.len(), fits);
    joined.iter().map(|members| members.iter().filter_map(|k| which.get(k).copied()).collect()).collect()
}

/// As [`join_group`], over the keys that decisions tie together: what was decided to be one is one
/// from the start, and others join by a key that they have in common.
fn join_decided(which: &[u32], atoms: &[Atom], rules: &Rules) -> Vec<Vec<u32>> {
    let wholes = decided::wholes(which.iter().filter_map(|i| Some((*i, atoms.get(*i as usize)?))));
    let indexes = |whole: &[(u32, &Atom)]| whole.iter().map(|(i, _)| *i).collect::<Vec<u32>>();
    if wholes.len() > MOST_ATOMS {
        return wholes.iter().map(|w| indexes(w)).collect();
    }
    let fits = |i: usize, j: usize| {
        let (Some(x), Some(y)) = (wholes.get(i), wholes.get(j)) else { return Fit::Never };
        if decided::apart(x.iter().map(|(_, a)| *a), y.iter().map(|(_, a)| *a), rules) {
            return Fit::Never;
        }
        let pairs = x.iter().flat_map(|(_, a)| y.iter().map(move |(_, b)| (*a, *b)));
        let best = pairs.filter(|(a, b)| a.key == b.key).map(|(a, b)| fit(a, b, rules)).max();
        best.map_or(Fit::Apart, Fit::Well)
    };
    let joined = best_first(wholes.len(), fits);
    let members = |set: &BitSet| {
        let mut all: Vec<u32> = set.iter().filter_map(|k| wholes.get(k)).flat_map(|w| indexes(w)).collect();
        all.sort_unstable();
        all
    };
    joined.iter().map(members).collect()
}

/// How two of a group go together.
enum Fit {
    /// They contradict.
    Never,
    /// Nothing joins them, but both may join a third.
    Apart,
    /// So well.
    Well(u32),
}

/// Joins `n` things, best fit first, never two that contradict.
fn best_first(n: usize, fits: impl Fn(usize, usize) -> Fit) -> Vec<BitSet> {
    let mut apart = vec![BitSet::new(n); n];
    let mut pairs = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for i in 0..n {
        for j in i + 1..n {
            match fits(i, j) {
                Fit::Never => {
                    apart[i].insert(j);
                    apart[j].insert(i);
                }
                Fit::Apart => {}
                Fit::Well(score) => pairs.push((Reverse(score), i, j)),
            }
        }
    }
    pairs.sort_unstable();
    // Each atom starts as the head of its own cluster; a head holds members and what they exclude.
    let mut head: Vec<usize> = (0..n).collect();
    let mut members: Vec<BitSet> = (0..n).map(|i| BitSet::of(n, i)).collect();
    for (_, i, j) in pairs {
        let (a, b) = (head[i].min(head[j]), head[i].max(head[j]));
        if a == b || members[a].meets(&apart[b]) {
            continue;
        }
        let (moved, excluded) = (members[b].clone(), apart[b].clone());
        for k in moved.iter() {
            head[k] = a;
        }
        members[a].add(&moved);
        apart[a].add(&excluded);
    }
    let mut heads = head.into_iter().enumerate();
    members.retain(|_| heads.next().is_some_and(|(i, head)| head == i));
    members
}

/// A fixed set of small numbers.
#[derive(Debug, Clone)]
struct BitSet(Vec<u64>);

impl BitSet {
    fn new(n: usize) -> Self {
        Self(vec![0; n.div_ceil(64)])
    }
    fn of(n: usize, i: usize) -> Self {
        let mut set = Self::new(n);
        set.insert(i);
        set
    }
    fn insert(&mut self, i: usize) {
        if let Some(word) = self.0.get_mut(i / 64) {
            *word |= 1 << (i % 64);
        }
    }
    fn add(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }
    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }
    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(w, bits)| (0..64).filter_map(move |b| (bits >> b & 1 == 1).then_some(w * 64 + b)))
    }
}
