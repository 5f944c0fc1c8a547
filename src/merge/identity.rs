//! Same key: one contract, unless observations contradict (records.md §4, rules 1 and 2).
//!
//! Observations of a key that agree on amount, lots and holders never contradict: they form an
//! *atom*. Atoms are joined best fit first, and two atoms that contradict never end in one
//! cluster, however many others each of them fits.
//!
//! What stands now is settled without looking at what is gone, so that a gone observation, which
//! the store forgets one day, never decides about others. Then each gone one looks for its place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Cpv, Day, Kind, Money};

use super::node::Node;
use super::{Rule, Rules};

/// Most atoms of one key that are compared with each other. A key with more is a placeholder
/// (`0000000000000000`) and tells nothing: what does not agree exactly stays apart.
const MOST_ATOMS: usize = 512;
/// Most distinct texts, days or codes that an atom remembers for telling how well others fit.
const MOST_MARKS: usize = 8;

/// The observations of one key that agree on amount, lots and holders, and on being gone or not.
#[derive(Debug, Default)]
pub(super) struct Atom {
    /// Index into [`Atoms::keys`].
    pub key: u32,
    pub nodes: Vec<u32>,
    pub montant: Option<Money>,
    pub lots: Vec<String>,
    pub holders: Vec<String>,
    pub tokens: Vec<String>,
    /// Its nodes are in current payloads; else none of them is.
    pub present: bool,
    pub objets: Vec<String>,
    days: Vec<Day>,
    cpvs: Vec<Cpv>,
    durations: Vec<u32>,
    slices: Vec<Slice>,
}

/// Where and when an observation stood, with what a framework's pieces must share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    source: u32,
    resource: String,
    published: Option<Day>,
    life: Life,
    /// Object and notification date of a framework's record that names one holder.
    piece: Option<(String, Option<Day>)>,
}

/// When an observation stood in its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    first: Day,
    /// `None` while present.
    gone: Option<Day>,
    /// Gone, and since when is not known.
    lost: bool,
}

impl Life {
    /// Whether two observations certainly stood there at the same time: both do now, or their
    /// time overlaps and they came, or went, on the same day. (One that came while the other was
    /// there and outlived it may as well be a correction that was taken back.)
    fn together(self, other: Self) -> bool {
        if self.lost || other.lost {
            return false;
        }
        let before = |a: Day, end: Option<Day>| end.is_none_or(|end| a < end);
        match (self.gone, other.gone) {
            (None, None) => true,
            (a, b) => {
                before(self.first, b)
                    && before(other.first, a)
                    && (self.first == other.first || a == b)
            }
        }
    }
}

/// Key of a group of observations: kind, establishment (only where the rule that buyers are SIRENs
/// is off), normalised id.
pub(super) type Key = (Option<Kind>, String, String);

pub(super) struct Atoms {
    pub atoms: Vec<Atom>,
    /// Sorted.
    pub keys: Vec<Key>,
}

/// Groups nodes by key, then by what they say of amount, lots and holders. Sorted by content.
pub(super) fn atoms(nodes: &[Node], rules: &Rules) -> Atoms {
    type Signature<'a> = (Key, bool, &'a [String], Option<Money>, &'a [String]);
    let mut groups: BTreeMap<Signature<'_>, Vec<u32>> = BTreeMap::new();
    for (i, n) in (0u32..).zip(nodes) {
        let r = n.record();
        let kind = rules.on(Rule::KindInKey).then_some(r.kind);
        let establishment = if rules.on(Rule::BuyerIsSiren) {
            String::new()
        } else {
            r.acheteur.to_string()
        };
        let key = (kind, establishment, n.key.clone());
        groups
            .entry((key, n.candidate.present, &n.lots, n.montant(), &n.holders))
            .or_default()
            .push(i);
    }
    let mut keys: Vec<Key> = Vec::new();
    let mut atoms = Vec::with_capacity(groups.len());
    for ((key, present, lots, montant, holders), members) in groups {
        if keys.last() != Some(&key) {
            keys.push(key);
        }
        let mut atom = Atom {
            key: keys.len().saturating_sub(1) as u32,
            montant,
            lots: lots.to_vec(),
            holders: holders.to_vec(),
            present,
            ..Atom::default()
        };
        for i in members {
            if let Some(n) = nodes.get(i as usize) {
                describe(&mut atom, n, rules);
            }
            atom.nodes.push(i);
        }
        finish(&mut atom);
        atoms.push(atom);
    }
    Atoms { atoms, keys }
}

fn describe(atom: &mut Atom, n: &Node, rules: &Rules) {
    let r = n.record();
    atom.tokens.extend(n.tokens.iter().cloned());
    if !n.objet.is_empty() {
        atom.objets.push(n.objet.clone());
    }
    atom.days.extend(r.date_notification);
    atom.cpvs.extend(r.cpv);
    atom.durations.extend(r.duree_mois);
    let piece = (rules.on(Rule::UnitedFrameworks)
        && n.framework
        && r.titulaires.len() == 1
        && r.montant.is_some()
        && !n.objet.is_empty())
    .then(|| (n.objet.clone(), r.date_notification));
    let life = Life {
        first: n.candidate.first_seen,
        gone: n.candidate.gone_since.filter(|_| !n.candidate.present),
        lost: !n.candidate.present && n.candidate.gone_since.is_none(),
    };
    atom.slices.extend(n.resources.iter().map(|resource| Slice {
        source: n.source,
        resource: resource.clone(),
        published: r.date_publication,
        life,
        piece: piece.clone(),
    }));
}

fn finish(atom: &mut Atom) {
    fn few<T: Ord>(marks: &mut Vec<T>) {
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MOST_MARKS);
    }
    few(&mut atom.objets);
    few(&mut atom.days);
    few(&mut atom.cpvs);
    few(&mut atom.durations);
    atom.tokens.sort_unstable();
    atom.tokens.dedup();
    atom.slices.sort_unstable();
    atom.slices.dedup();
}

/// Whether two atoms cannot be one contract.
pub(super) fn contradict(a: &Atom, b: &Atom, rules: &Rules) -> bool {
    if !rules.on(Rule::Contradictions) {
        return false;
    }
    let lots = !a.lots.is_empty() && !b.lots.is_empty() && a.lots != b.lots;
    let montants = matches!((a.montant, b.montant), (Some(x), Some(y)) if x != y);
    if lots || (rules.on(Rule::DisjointHolders) && montants && disjoint(a, b)) {
        return true;
    }
    let holders = !a.holders.is_empty() && !b.holders.is_empty() && a.holders != b.holders;
    rules.on(Rule::OnePayload) && (montants || holders) && stood_together(a, b, montants)
}

/// Whether an observation of `a` and one of `b` stood in one payload with one publication date,
/// and are not two pieces of one framework.
fn stood_together(a: &Atom, b: &Atom, montants: bool) -> bool {
    fn place(s: &Slice) -> (u32, &str, Option<Day>) {
        (s.source, s.resource.as_str(), s.published)
    }
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.slices.get(i), b.slices.get(j)) {
        match place(x).cmp(&place(y)) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                let here = place(x);
                let run = |all: &[Slice], from: usize| {
                    all.iter()
                        .skip(from)
                        .take_while(|s| place(s) == here)
                        .count()
                };
                let (n, m) = (run(&a.slices, i), run(&b.slices, j));
                let clash = a.slices.iter().skip(i).take(n).any(|x| {
                    b.slices.iter().skip(j).take(m).any(|y| {
                        let pieces = !montants && x.piece.is_some() && x.piece == y.piece;
                        x.life.together(y.life) && !pieces
                    })
                });
                if clash {
                    return true;
                }
                (i, j) = (i + n, j + m);
            }
        }
    }
    false
}

/// Both name holders in comparable ways, and share none.
fn disjoint(a: &Atom, b: &Atom) -> bool {
    let has = |t: &[String], kind: char| t.iter().any(|t| t.starts_with(kind));
    let comparable = |kind| has(&a.tokens, kind) && has(&b.tokens, kind);
    (comparable('i') || comparable('n')) && !share(&a.tokens, &b.tokens)
}

/// Whether two sorted lists have a member in common.
pub(super) fn share<T: Ord>(a: &[T], b: &[T]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.iter().any(|x| long.binary_search(x).is_ok())
}

/// How well two atoms fit: the greater, the better. Lots, amount and holders weigh most, object
/// and notification date half as much, what many contracts of a buyer share least.
pub(super) fn fit(a: &Atom, b: &Atom) -> u32 {
    let mut score = 0;
    if !a.lots.is_empty() && a.lots == b.lots {
        score += 8;
    }
    match (a.montant, b.montant) {
        (Some(x), Some(y)) if x == y => score += 8,
        (Some(x), Some(y)) if near(x, y) => score += 2,
        _ => {}
    }
    if !a.holders.is_empty() && a.holders == b.holders {
        score += 8;
    } else if share(&a.tokens, &b.tokens) {
        score += 4;
    }
    score += 4 * u32::from(share(&a.objets, &b.objets));
    score += 4 * u32::from(share(&a.days, &b.days));
    score += u32::from(share(&a.cpvs, &b.cpvs));
    score + u32::from(share(&a.durations, &b.durations))
}

/// Within a tenth of each other.
fn near(a: Money, b: Money) -> bool {
    let (a, b) = (a.decimal().abs(), b.decimal().abs());
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    high - low <= high / rust_decimal::Decimal::TEN
}

/// Joins the given atoms (indexes, ascending) of each key: best fit first, never two that
/// contradict. Clusters hold atom indexes, ascending.
pub(super) fn cluster(which: &[u32], atoms: &[Atom], rules: &Rules) -> Vec<Vec<u32>> {
    let key = |i: &u32| atoms.get(*i as usize).map(|a| a.key);
    let mut out = Vec::new();
    for group in which.chunk_by(|a, b| key(a) == key(b)) {
        if group.len() == 1 || group.len() > MOST_ATOMS {
            out.extend(group.iter().map(|i| vec![*i]));
        } else {
            out.extend(join_group(group, atoms, rules));
        }
    }
    out
}

fn score(a: &Atom, b: &Atom, rules: &Rules) -> u32 {
    if rules.on(Rule::BestFit) {
        fit(a, b)
    } else {
        0
    }
}

fn join_group(which: &[u32], atoms: &[Atom], rules: &Rules) -> Vec<Vec<u32>> {
    let group: Vec<&Atom> = which
        .iter()
        .filter_map(|i| atoms.get(*i as usize))
        .collect();
    let n = group.len();
    let mut apart = vec![BitSet::new(n); n];
    let mut pairs = Vec::with_capacity(n * n.saturating_sub(1) / 2);
    for (i, a) in group.iter().enumerate() {
        for (j, b) in group.iter().enumerate().skip(i + 1) {
            if contradict(a, b, rules) {
                apart[i].insert(j);
                apart[j].insert(i);
            } else {
                pairs.push((Reverse(score(a, b, rules)), i, j));
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
    (0..n)
        .filter(|i| head[*i] == *i)
        .map(|i| {
            members[i]
                .iter()
                .filter_map(|k| which.get(k).copied())
                .collect()
        })
        .collect()
}

/// Puts each gone atom into the cluster of its key that it fits best and contradicts nowhere.
/// Those that find none are clustered among themselves.
pub(super) fn attach_gone(
    mut clusters: Vec<Vec<u32>>,
    gone: &[u32],
    atoms: &[Atom],
    rules: &Rules,
) -> Vec<Vec<u32>> {
    let atom = |i: &u32| atoms.get(*i as usize);
    let mut of_key: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (c, cluster) in clusters.iter().enumerate() {
        let keys: BTreeSet<u32> = cluster.iter().filter_map(atom).map(|a| a.key).collect();
        for key in keys {
            of_key.entry(key).or_default().push(c);
        }
    }
    let mut pairs = Vec::new();
    for g in gone {
        let Some(a) = atom(g) else { continue };
        let Some(found) = of_key.get(&a.key).filter(|c| c.len() <= MOST_ATOMS) else {
            continue;
        };
        for c in found {
            let members = clusters.get(*c).into_iter().flatten().filter_map(atom);
            if let Some(best) = members.take(MOST_ATOMS).map(|m| score(a, m, rules)).max() {
                pairs.push((Reverse(best), *g, *c));
            }
        }
    }
    pairs.sort_unstable();
    let mut placed: BTreeSet<u32> = BTreeSet::new();
    for (_, g, c) in pairs {
        let (Some(a), Some(cluster)) = (atom(&g), clusters.get_mut(c)) else {
            continue;
        };
        let fits = !cluster
            .iter()
            .filter_map(atom)
            .any(|m| contradict(a, m, rules));
        if fits && placed.insert(g) {
            cluster.push(g);
        }
    }
    let left: Vec<u32> = gone
        .iter()
        .filter(|g| !placed.contains(g))
        .copied()
        .collect();
    clusters.iter_mut().for_each(|c| c.sort_unstable());
    clusters.extend(cluster(&left, atoms, rules));
    clusters
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
        self.0.iter().enumerate().flat_map(|(w, bits)| {
            (0..64).filter_map(move |b| (bits >> b & 1 == 1).then_some(w * 64 + b))
        })
    }
}

/// The nodes of a cluster of atoms, in order of place.
pub(super) fn members(cluster: &[u32], atoms: &[Atom]) -> Vec<u32> {
    let mut out: Vec<u32> = cluster
        .iter()
        .filter_map(|a| atoms.get(*a as usize))
        .flat_map(|a| a.nodes.iter().copied())
        .collect();
    out.sort_unstable();
    out
}
