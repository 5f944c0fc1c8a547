//! The operators' decisions about the records of one buyer, as the merge applies them: stronger than
//! every rule.
//!
//! In: the buyer's decisions. Out: for each record that one names, its *side*: records declared the
//! same are on one side and become one contract whatever they say; two sides declared different
//! never meet, whatever would bring them together. A record that none names has no side and goes
//! where it fits. A record is named by SIRET and id as declared; a marché and a concession are never
//! one, so that a side has two halves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::{self, Decision, RecordKey, Verdict};
use crate::record::{Kind, LocalId, Siret};

use super::cluster::{self, Cluster};
use super::identity::{Atom, Key, contradict};
use super::node::Node;
use super::{Candidate, Outcome, Rules, second_keys};

/// One side by number, for one kind; 0 where no decision names a record.
pub(super) type Side = u32;

/// See the file's head. The default decides nothing.
#[derive(Debug, Default)]
pub(super) struct Decided {
    sides: HashMap<(Siret, LocalId), u32>,
    united: BTreeSet<u32>,
    apart: BTreeMap<u32, BTreeSet<u32>>,
    excluded: BTreeSet<RecordKey>,
}

impl Decided {
    pub(super) fn new(decisions: &[Decision]) -> Self {
        if decisions.is_empty() {
            return Self::default();
        }
        let of = |verdict| decisions.iter().filter(move |d| d.verdict == verdict);
        let groups = config::groups(decisions.iter().filter(|d| d.verdict != Verdict::Exclude));
        let side = |record: &RecordKey| groups.get(record).map(|g| *g as u32);
        let mut decided = Self {
            sides: groups.iter().map(|(record, group)| ((*record).clone(), *group as u32)).collect(),
            united: of(Verdict::Same).flat_map(|d| &d.records).filter_map(side).collect(),
            apart: BTreeMap::new(),
            excluded: of(Verdict::Exclude).flat_map(|d| d.records.iter().cloned()).collect(),
        };
        for decision in of(Verdict::Different) {
            let sides: BTreeSet<u32> = decision.records.iter().filter_map(side).collect();
            for one in &sides {
                let others = sides.iter().filter(|other| *other != one);
                decided.apart.entry(*one).or_default().extend(others);
            }
        }
        decided
    }

    /// Takes out what is no contract, and says so of each.
    pub(super) fn exclude(&self, candidates: Vec<Candidate>, outcomes: &mut Vec<(i64, Outcome)>) -> Vec<Candidate> {
        let (out, kept): (Vec<Candidate>, Vec<Candidate>) = candidates.into_iter().partition(|c| {
            let r = &c.observation.record;
            !self.excluded.is_empty() && self.excluded.contains(&(r.acheteur, r.id.clone()))
        });
        outcomes.extend(out.iter().map(|c| (c.observation_id, Outcome::Excluded)));
        kept
    }

    /// The side of an observation.
    pub(super) fn side(&self, node: &Node) -> Side {
        if self.sides.is_empty() {
            return 0;
        }
        let r = node.record();
        let group = self.sides.get(&(r.acheteur, r.id.clone()));
        group.map_or(0, |group| half(*group, r.kind))
    }

    /// Whether what is on a side is one contract, and the sides that it never meets.
    pub(super) fn of(&self, side: Side) -> (bool, Vec<Side>) {
        let Some(group) = side.checked_sub(1).map(|s| s / 2) else { return (false, Vec::new()) };
        let kind = if side % 2 == 1 { Kind::Marche } else { Kind::Concession };
        let apart = self.apart.get(&group).into_iter().flatten().map(|other| half(*other, kind));
        (self.united.contains(&group), apart.collect())
    }
}

fn half(group: u32, kind: Kind) -> Side {
    1 + 2 * group + u32::from(kind == Kind::Concession)
}

/// Whether two lists of atoms cannot be one contract. What was decided to be one contradicts itself
/// at will, so that others contradict it only where they contradict all of it.
pub(super) fn apart<'a>(
    left: impl Iterator<Item = &'a Atom<'a>> + Clone,
    right: impl Iterator<Item = &'a Atom<'a>> + Clone,
    rules: &Rules,
) -> bool {
    if !left.clone().chain(right.clone()).any(|a| a.united) {
        return left.into_iter().any(|x| right.clone().any(|y| contradict(x, y, rules)));
    }
    let (left, right) = (wholes(left.map(|a| (0, a))), wholes(right.map(|a| (0, a))));
    let contradicts = |xs: &Whole, ys: &Whole| xs.iter().all(|x| ys.iter().all(|y| contradict(x.1, y.1, rules)));
    left.iter().any(|xs| right.iter().any(|ys| contradicts(xs, ys)))
}

/// Atoms with their indexes that are one by decision, or one alone.
pub(super) type Whole<'a> = Vec<(u32, &'a Atom<'a>)>;

/// Atoms of one united side together, every other one alone.
pub(super) fn wholes<'a>(atoms: impl Iterator<Item = (u32, &'a Atom<'a>)>) -> Vec<Whole<'a>> {
    let mut out: Vec<Whole> = Vec::new();
    let mut place: BTreeMap<Side, usize> = BTreeMap::new();
    for (i, atom) in atoms {
        match place.get(&atom.side).and_then(|p| out.get_mut(*p)) {
            Some(whole) if atom.united => whole.push((i, atom)),
            _ => {
                place.insert(atom.side, out.len());
                out.push(vec![(i, atom)]);
            }
        }
    }
    out
}

/// The keys of united atoms, each with the smallest of those that decisions tie together.
pub(super) fn tied_keys<'a>(atoms: impl Iterator<Item = &'a Atom<'a>>) -> BTreeMap<u32, u32> {
    let mut of_side: BTreeMap<Side, BTreeSet<u32>> = BTreeMap::new();
    for a in atoms.filter(|a| a.united) {
        of_side.entry(a.side).or_default().insert(a.key);
    }
    let mut tied: BTreeMap<u32, u32> = BTreeMap::new();
    for keys in of_side.values() {
        let heads: BTreeSet<u32> = keys.iter().map(|k| *tied.get(k).unwrap_or(k)).collect();
        let Some(first) = heads.first() else { continue };
        tied.values_mut().filter(|head| heads.contains(head)).for_each(|head| *head = *first);
        tied.extend(keys.iter().map(|k| (*k, *first)));
    }
    tied
}

/// Parts the atoms (indexes) that a decision makes one with others from those that go where they fit.
pub(super) fn part(which: &[u32], atoms: &[Atom]) -> (Vec<u32>, Vec<u32>) {
    which.iter().partition(|i| atoms.get(**i as usize).is_some_and(|a| a.united))
}

/// What is gone and was decided to be one contract goes, all together, where its own side is,
/// else where a part of it fits; gives what found no place.
pub(super) fn follow(
    clusters: &mut [Cluster],
    united: Vec<u32>,
    atoms: &[Atom],
    keys: &[Key],
    nodes: &[Node],
    rules: &Rules,
) -> Vec<u32> {
    let mut sides: BTreeMap<Side, Vec<u32>> = BTreeMap::new();
    for i in united {
        sides.entry(atoms.get(i as usize).map_or(0, |a| a.side)).or_default().push(i);
    }
    let mut left = Vec::new();
    for (side, members) in sides {
        // Also where a part of the side is, but said no longer: its source says that contract otherwise.
        let on = |c: &Cluster| {
            c.said.iter().chain(&c.dropped).any(|a| atoms.get(*a as usize).is_some_and(|a| a.side == side))
        };
        let home = clusters.iter().position(on).or_else(|| {
            members.iter().find_map(|i| {
                let mut tried: Vec<Cluster> = clusters.to_vec();
                if cluster::attach(&mut tried, &[*i], atoms, rules).is_empty() {
                    second_keys::attach(&mut tried, &[*i], atoms, keys, nodes, rules);
                }
                tried.iter().position(|c| c.said.contains(i) || c.dropped.contains(i))
            })
        });
        match home.and_then(|home| clusters.get_mut(home)) {
            Some(cluster) => members.iter().for_each(|i| cluster.take(*i, atoms)),
            None => left.extend(members),
        }
    }
    left.sort_unstable();
    left
}
