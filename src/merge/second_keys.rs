//! Second keys: an id meets its form without the two-digit sequence, without a leading year, or
//! without both (records.md §4, rule 3), when the records agree on a holder and on the amount or
//! the object, and do not contradict.
//!
//! In: clusters. Out: the same clusters, some joined. Candidates are found by
//! (form, holder), so the work does not grow with the square of a buyer's contracts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use xxhash_rust::xxh3::Xxh3Default;

use crate::record::{Day, Money};

use super::cluster::Cluster;
use super::decided::{self, Side};
use super::id_forms::{Id, YEARS_APART, forms, meet, sequence, stem};
use super::identity::{Atom, Key, Word, fit, share};
use super::node::Node;
use super::text::same_text;
use super::{Rule, Rules};

/// Most clusters of one form and holder that are compared with each other; more share a form that
/// tells nothing, such as `1`.
const MOST_CLUSTERS: usize = 256;
/// Most pairs of atoms that are looked at when two clusters are compared.
const MOST_PAIRS: usize = 1 << 16;

/// Joins clusters of one tier whose ids meet.
pub(super) fn join(
    clusters: Vec<Vec<u32>>,
    atoms: &[Atom],
    keys: &[Key],
    nodes: &[Node],
    rules: &Rules,
) -> Vec<Vec<u32>> {
    if !rules.on(Rule::SecondKeys) || clusters.len() < 2 {
        return clusters;
    }
    let ids: Vec<Id> = keys.iter().map(|k| Id::new(&k.2)).collect();
    let mut groups: Vec<Group> = clusters.into_iter().map(|c| Group::new(c, atoms, &ids, nodes)).collect();
    let mut head: Vec<usize> = (0..groups.len()).collect();
    for (_, i, j) in pairs(&groups, 0, &ids, keys, atoms, rules) {
        let (a, b) = (top(&mut head, i), top(&mut head, j));
        let (a, b) = (a.min(b), a.max(b));
        if a == b || !compatible(&groups[a], &groups[b], &ids, atoms, rules) {
            continue;
        }
        let moved = std::mem::take(&mut groups[b]);
        groups[a].absorb(moved);
        head[b] = a;
    }
    groups.into_iter().map(|g| g.atoms).filter(|c| !c.is_empty()).collect()
}

/// Puts each atom into the cluster whose ids meet its own and that it fits best; gives those that
/// found one.
pub(super) fn attach(
    clusters: &mut [Cluster],
    which: &[u32],
    atoms: &[Atom],
    keys: &[Key],
    nodes: &[Node],
    rules: &Rules,
) -> BTreeSet<u32> {
    let mut placed = BTreeSet::new();
    if !rules.on(Rule::SecondKeys) || which.is_empty() {
        return placed;
    }
    let ids: Vec<Id> = keys.iter().map(|k| Id::new(&k.2)).collect();
    let settled = clusters.len();
    let said = clusters.iter().map(|c| c.said.clone());
    let groups: Vec<Group> =
        said.chain(which.iter().map(|i| vec![*i])).map(|c| Group::new(c, atoms, &ids, nodes)).collect();
    for (_, c, g) in pairs(&groups, settled, &ids, keys, atoms, rules) {
        let (Some(cluster), Some(i)) = (clusters.get_mut(c), which.get(g - settled)) else {
            continue;
        };
        // Others may have been put there since; what was dropped does not count.
        let now = Group::new(cluster.said.clone(), atoms, &ids, nodes);
        if !placed.contains(i) && compatible(&now, &groups[g], &ids, atoms, rules) {
            placed.insert(*i);
            cluster.take(*i, atoms);
        }
    }
    placed
}

fn top(head: &mut [usize], mut i: usize) -> usize {
    while head[i] != i {
        head[i] = head[head[i]];
        i = head[i];
    }
    i
}

/// A cluster with what the comparison asks of it.
#[derive(Debug, Default)]
struct Group {
    atoms: Vec<u32>,
    keys: BTreeSet<u32>,
    tokens: BTreeSet<Word>,
    years: BTreeSet<i16>,
    /// Keys whose last two digits are the number of modifications that a record declares, at least
    /// one: a sequence, not a part of the number.
    sequences: BTreeSet<u32>,
    /// Keys of records that were decided to be one contract, by side.
    tied: BTreeMap<Side, BTreeSet<u32>>,
}

impl Group {
    fn new(cluster: Vec<u32>, atoms: &[Atom], ids: &[Id], nodes: &[Node]) -> Self {
        let mut group = Self::default();
        for a in cluster.iter().filter_map(|a| atoms.get(*a as usize)) {
            group.keys.insert(a.key);
            if a.united {
                group.tied.entry(a.side).or_default().insert(a.key);
            }
            group.tokens.extend(&a.tokens);
            let number = ids.get(a.key as usize).and_then(|id| sequence(&id.whole));
            for n in a.nodes.iter().filter_map(|n| nodes.get(*n as usize)) {
                let r = n.record();
                group.years.extend(r.date_notification.map(Day::year));
                if !r.modifications.is_empty() && number == Some(r.modifications.len()) {
                    group.sequences.insert(a.key);
                }
            }
        }
        group.atoms = cluster;
        group
    }
    fn absorb(&mut self, other: Self) {
        self.atoms.extend(other.atoms);
        self.atoms.sort_unstable();
        self.keys.extend(other.keys);
        self.tokens.extend(other.tokens);
        self.years.extend(other.years);
        self.sequences.extend(other.sequences);
        for (side, keys) in other.tied {
            self.tied.entry(side).or_default().extend(keys);
        }
    }
    /// Other keys that a decision makes one with this one.
    fn tied_to(&self, key: u32) -> impl Iterator<Item = u32> {
        self.tied.values().filter(move |keys| keys.contains(&key)).flatten().copied()
    }
    /// Whether a leading year can be the year of notification of these contracts.
    fn notified_about(&self, year: i16) -> bool {
        self.years.is_empty() || self.years.iter().any(|y| (y - year).abs() <= YEARS_APART)
    }
}

/// Hash of kind, establishment (see [`Key`]) and form of an id; a holder, where one is asked for; a cluster.
type Place = (u128, Option<Word>, u32);
/// Best fit first, then order of content.
type Pair = (Reverse<u32>, usize, usize);

/// Where clusters can meet: those of one form and holder stand side by side.
fn places(groups: &[Group], ids: &[Id], keys: &[Key], rules: &Rules) -> Vec<Place> {
    let evidence_needed = rules.on(Rule::SecondKeysNeedEvidence);
    let mut places = Vec::new();
    for (i, g) in (0_u32..).zip(groups) {
        for k in &g.keys {
            let (Some(id), Some((kind, establishment, _))) = (ids.get(*k as usize), keys.get(*k as usize)) else {
                continue;
            };
            for form in forms(id) {
                let mut hash = Xxh3Default::new();
                (kind, establishment, form).hash(&mut hash);
                let form = hash.digest128();
                if evidence_needed {
                    places.extend(g.tokens.iter().map(|token| (form, Some(*token), i)));
                } else {
                    places.push((form, None, i));
                }
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    places
}

/// Pairs of clusters whose ids meet and whose records agree, best fit first. With the first
/// `settled` groups settled, only pairs of one of them and another.
fn pairs(groups: &[Group], settled: usize, ids: &[Id], keys: &[Key], atoms: &[Atom], rules: &Rules) -> Vec<Pair> {
    let places = places(groups, ids, keys, rules);
    let mut seen = BTreeSet::new();
    let blocks = places.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    for block in blocks.filter(|b| (2..=MOST_CLUSTERS).contains(&b.len())) {
        for (k, (_, _, i)) in block.iter().enumerate() {
            let others = block.iter().skip(k + 1).map(|(_, _, j)| (*i as usize, *j as usize));
            seen.extend(others.filter(|(i, j)| settled == 0 || (*i < settled && *j >= settled)));
        }
    }
    let mut out: Vec<Pair> = seen
        .into_iter()
        .filter_map(|(i, j)| {
            let (a, b) = (groups.get(i)?, groups.get(j)?);
            let mut pairs = key_pairs(a, b, ids);
            let met = pairs.any(|(x, y)| groups_meet(a, b, x.1, y.1, rules));
            let score = met.then(|| evidence(a, b, atoms, rules)).flatten()?;
            Some((Reverse(score), i, j))
        })
        .collect();
    out.sort_unstable();
    out
}

/// Every key of `a` with every different key of `b`, each with its id.
fn key_pairs<'a>(a: &'a Group, b: &'a Group, ids: &'a [Id]) -> impl Iterator<Item = ((u32, &'a Id), (u32, &'a Id))> {
    let id = |k: u32| Some((k, ids.get(k as usize)?));
    a.keys
        .iter()
        .flat_map(|x| b.keys.iter().map(move |y| (*x, *y)))
        .filter(|(x, y)| x != y)
        .filter_map(move |(x, y)| Some((id(x)?, id(y)?)))
}

fn groups_meet(a: &Group, b: &Group, x: &Id, y: &Id, rules: &Rules) -> bool {
    let about = |year| a.notified_about(year) && b.notified_about(year);
    meet(x, y, about, rules)
}

/// How well the best pair of records that agree on a holder and on the amount or the object fits;
/// `None` where no pair agrees.
fn evidence(a: &Group, b: &Group, atoms: &[Atom], rules: &Rules) -> Option<u32> {
    let needed = rules.on(Rule::SecondKeysNeedEvidence);
    atom_pairs(a, b, atoms)
        .take(MOST_PAIRS)
        .filter(|(x, y)| {
            !needed || (share(&x.tokens, &y.tokens) && (same_amount(x.montant, y.montant) || same_object(x, y)))
        })
        .map(|(x, y)| fit(x, y, rules))
        .max()
}

fn atom_pairs<'a>(
    a: &'a Group,
    b: &'a Group,
    atoms: &'a [Atom<'a>],
) -> impl Iterator<Item = (&'a Atom<'a>, &'a Atom<'a>)> {
    a.atoms
        .iter()
        .flat_map(|x| b.atoms.iter().map(move |y| (x, y)))
        .filter_map(|(x, y)| Some((atoms.get(*x as usize)?, atoms.get(*y as usize)?)))
}

/// Equal, and more than the 0 or 1 € that stand where no amount is known.
fn same_amount(a: Option<Money>, b: Option<Money>) -> bool {
    a == b && a.is_some_and(|m| m > Money::euros(1))
}

fn same_object(a: &Atom, b: &Atom) -> bool {
    a.objets.iter().any(|x| b.objets.iter().any(|y| same_text(x, y)))
}

/// Whether two groups can be one contract: every id of one meets every id of the other, and no
/// observation of one contradicts one of the other.
fn compatible(a: &Group, b: &Group, ids: &[Id], atoms: &[Atom], rules: &Rules) -> bool {
    if a.atoms.len().saturating_mul(b.atoms.len()) > MOST_PAIRS {
        return false;
    }
    // Two steps of one sequence, each numbered by its own modifications (`…01` with one, `…02` with
    // two), are versions of the contract that `…00` names: both may join it.
    let one_sequence = |x: (u32, &Id), y: (u32, &Id)| {
        let stems = (stem(&x.1.whole), stem(&y.1.whole));
        let counted = a.sequences.contains(&x.0) && b.sequences.contains(&y.0);
        counted && stems.0.is_some() && stems.0 == stems.1
    };
    // Keys that were decided to be one count as one: what meets one of them meets the contract.
    let by_decision = |x: u32, y: u32| {
        let xs = || a.tied_to(x).chain([x]);
        xs().any(|x| {
            b.tied_to(y).chain([y]).any(|y| {
                let ids = ids.get(x as usize).zip(ids.get(y as usize));
                x == y || ids.is_some_and(|(x, y)| groups_meet(a, b, x, y, rules))
            })
        })
    };
    let no_third = !rules.on(Rule::NoThird)
        || key_pairs(a, b, ids)
            .all(|(x, y)| groups_meet(a, b, x.1, y.1, rules) || one_sequence(x, y) || by_decision(x.0, y.0));
    let said = |g: &Group| g.atoms.clone().into_iter().filter_map(|i| atoms.get(i as usize));
    no_third && !decided::apart(said(a), said(b), rules)
}
