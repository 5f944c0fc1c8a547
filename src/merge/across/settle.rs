//! From scores to joins: thresholds, the assignment between each two sources, and what several
//! sources say together.

use std::collections::{BTreeMap, BTreeSet};

use crate::merge::identity::{Atom, share};
use crate::merge::{Rule, Rules, decided};

use super::assign::{MARGIN, Standing, judge};
use super::block;
use super::score::{LOWER, Score, UPPER, facts, words};
use super::unit::Unit;

/// Most pairs of atoms that are looked at when two units are compared; more are left apart.
const MOST_PAIRS: usize = 1 << 12;

/// Most edges that may hang together; with more, all are left open.
const MOST_CHAINED: usize = 128;

/// A join that was made, by clusters.
#[derive(Debug)]
pub(super) struct Made {
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    pub score: u32,
    pub evidence: String,
}

/// A pair left open, each by one of its clusters.
#[derive(Debug)]
pub(super) struct Pair {
    pub left: u32,
    pub right: u32,
    pub score: u32,
    pub tied: bool,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    pub joins: Vec<Made>,
    pub open: Vec<Pair>,
}

/// Two units that may be one contract.
#[derive(Debug, Clone, Copy)]
struct Edge {
    a: usize,
    b: usize,
    score: Score,
    standing: Standing,
}

/// What the comparison of units needs beside them.
pub(super) struct Scene<'a> {
    pub atoms: &'a [Atom<'a>],
    pub rules: &'a Rules,
}

impl Scene<'_> {
    /// Joins units; the first `settled` are not joined with each other.
    pub fn settle<'u>(&self, units: Vec<Unit<'u>>, settled: usize, found: &mut Found) -> Vec<Unit<'u>> {
        let mut edges = self.edges(&units, settled);
        if edges.is_empty() {
            return units;
        }
        self.assign(&units, &mut edges);
        let (joined, open) = self.joins(&units, edges);
        let cluster = |i: usize| units.get(i).and_then(|u| u.clusters.first().copied());
        found.open.extend(open.into_iter().filter_map(|e| {
            let tied = e.standing == Standing::Tied && e.score.points >= UPPER && e.score.sound;
            Some(Pair { left: cluster(e.a)?, right: cluster(e.b)?, score: shown(e.score), tied })
        }));
        self.unite(units, &joined, found)
    }

    /// Joins what is gone with what stands, and with each other.
    pub fn extend<'u>(&self, mut standing: Vec<Unit<'u>>, gone: Vec<Unit<'u>>, found: &mut Found) -> Vec<Unit<'u>> {
        if gone.is_empty() {
            return standing;
        }
        let settled = standing.len();
        standing.extend(gone);
        self.settle(standing, settled, found)
    }

    /// Where each withdrawn unit belongs, if it fits one standing unit and no other nearly as well:
    /// its first cluster and the first cluster of its home, and those that found none.
    pub fn place_alone<'u>(&self, standing: &[Unit<'u>], withdrawn: Vec<Unit<'u>>) -> (Vec<(u32, u32)>, Vec<Unit<'u>>) {
        if withdrawn.is_empty() || standing.is_empty() {
            return (Vec::new(), withdrawn);
        }
        let (mut placed, mut left) = (Vec::new(), Vec::new());
        let settled = standing.len();
        let all: Vec<Unit> = standing.iter().chain(&withdrawn).cloned().collect();
        let mut fits: BTreeMap<usize, Vec<(i32, usize)>> = BTreeMap::new();
        for e in self.edges(&all, settled) {
            if e.a < settled && e.score.sound {
                fits.entry(e.b).or_default().push((e.score.points, e.a));
            }
        }
        for (i, unit) in withdrawn.into_iter().enumerate() {
            let mut homes = fits.remove(&(settled + i)).unwrap_or_default();
            homes.sort_unstable();
            let (best, next) = (homes.pop(), homes.pop());
            let home = best.filter(|(points, _)| {
                let clear = next.is_none_or(|(other, _)| i64::from(points - other) >= MARGIN);
                *points >= UPPER && clear
            });
            let home = home.and_then(|(_, a)| standing.get(a)?.clusters.first().copied());
            match home {
                Some(home) => placed.extend(unit.clusters.iter().map(|c| (*c, home))),
                None => left.push(unit),
            }
        }
        (placed, left)
    }

    /// Pairs of at least the lower threshold that can be one contract, in order.
    fn edges(&self, units: &[Unit], settled: usize) -> Vec<Edge> {
        let mut promising = Vec::new();
        block::pairs(units, settled, &mut |i, j| {
            let (Some(a), Some(b)) = (units.get(i), units.get(j)) else { return };
            if a.kind == b.kind && self.apart(a, b) {
                let facts = facts(a, b);
                if facts.promising() {
                    promising.push((i, j, facts));
                }
            }
        });
        promising.sort_unstable_by_key(|(i, j, _)| (*i, *j));
        promising.dedup_by_key(|(i, j, _)| (*i, *j));
        let edge = |(a, b, facts): (usize, usize, super::score::Facts)| {
            let (x, y) = (units.get(a)?, units.get(b)?);
            let score = facts.score(x, y);
            (score.points >= LOWER && !self.contradicts(&x.atoms, &y.atoms)).then_some(Edge {
                a,
                b,
                score,
                standing: Standing::Chosen,
            })
        };
        promising.into_iter().filter_map(edge).collect()
    }

    /// Whether no source says both.
    fn apart(&self, a: &Unit, b: &Unit) -> bool {
        !self.rules.on(Rule::AcrossSources) || !share(&a.sources, &b.sources)
    }

    fn contradicts(&self, a: &[u32], b: &[u32]) -> bool {
        if a.len().saturating_mul(b.len()) > MOST_PAIRS {
            return true;
        }
        let atom = |i: &u32| self.atoms.get(*i as usize);
        decided::apart(a.iter().filter_map(atom), b.iter().filter_map(atom), self.rules)
    }

    /// Judges each edge by the assignment between each two sources that it joins; the worst counts.
    fn assign(&self, units: &[Unit], edges: &mut [Edge]) {
        if !self.rules.on(Rule::AcrossAssignment) {
            return;
        }
        let mut between: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (i, e) in edges.iter().enumerate() {
            let (Some(a), Some(b)) = (units.get(e.a), units.get(e.b)) else { continue };
            for p in &a.sources {
                for q in b.sources.iter().filter(|q| *q != p) {
                    between.entry((*p.min(q), *p.max(q))).or_default().push(i);
                }
            }
        }
        for ((p, _), which) in between {
            let pairs: Vec<(usize, usize, i32)> = which
                .iter()
                .filter_map(|i| edges.get(*i))
                .map(|e| {
                    let first = units.get(e.a).is_some_and(|u| u.sources.binary_search(&p).is_ok());
                    let (left, right) = if first { (e.a, e.b) } else { (e.b, e.a) };
                    (left, right, e.score.points)
                })
                .collect();
            for (i, standing) in which.iter().zip(judge(&pairs)) {
                if let Some(e) = edges.get_mut(*i) {
                    e.standing = e.standing.max(standing);
                }
            }
        }
    }

    /// The edges that join, best first, and those that stay open.
    fn joins(&self, units: &[Unit], edges: Vec<Edge>) -> (Vec<Edge>, Vec<Edge>) {
        let joins = |e: &Edge| e.standing == Standing::Chosen && e.score.points >= UPPER && e.score.sound;
        let (mut chosen, mut open): (Vec<Edge>, Vec<Edge>) =
            edges.into_iter().filter(|e| e.standing != Standing::Lost).partition(joins);
        chosen.sort_by_key(|e| (std::cmp::Reverse(e.score.points), e.a, e.b));
        let mut joined = Vec::new();
        for part in parts(units.len(), chosen) {
            if part.len() > MOST_CHAINED {
                open.extend(part.into_iter().map(|e| Edge { standing: Standing::Tied, ..e }));
            } else {
                joined.extend(self.agree(units, part, &mut open));
            }
        }
        joined.sort_by_key(|e| (std::cmp::Reverse(e.score.points), e.a, e.b));
        (joined, open)
    }

    /// Of the edges of a part, best first, those that go together. Where what three sources say
    /// does not, the weaker pair gives way; where one is as good as the other, neither joins.
    fn agree(&self, units: &[Unit], mut chosen: Vec<Edge>, open: &mut Vec<Edge>) -> Vec<Edge> {
        loop {
            match self.clash(units, &chosen) {
                None => return chosen,
                Some(out) => {
                    let mut at = 0;
                    chosen.retain(|e| {
                        at += 1;
                        let stays = !out.contains(&(at - 1));
                        if !stays && out.len() > 1 {
                            open.push(Edge { standing: Standing::Tied, ..*e });
                        }
                        stays
                    });
                }
            }
        }
    }

    /// The first edge that cannot join after those before it, and those as good that forbid it.
    fn clash(&self, units: &[Unit], chosen: &[Edge]) -> Option<BTreeSet<usize>> {
        let mut groups = Groups::default();
        for (at, e) in chosen.iter().enumerate() {
            let (a, b) = (groups.members(e.a), groups.members(e.b));
            if a == b {
                continue;
            }
            let sound = a.iter().all(|x| {
                b.iter().all(|y| match (units.get(*x), units.get(*y)) {
                    (Some(x), Some(y)) => self.apart(x, y) && !self.contradicts(&x.atoms, &y.atoms),
                    _ => false,
                })
            });
            if !sound {
                let near = |f: &Edge| {
                    let touches = [f.a, f.b].iter().any(|u| a.contains(u) || b.contains(u));
                    touches && i64::from(f.score.points - e.score.points) < MARGIN
                };
                let tied = chosen.iter().take(at).enumerate().filter(|(_, f)| near(f)).map(|(i, _)| i);
                return Some(tied.chain([at]).collect());
            }
            groups.join(&a, &b);
        }
        None
    }

    /// Makes one unit of those that edges join.
    fn unite<'u>(&self, units: Vec<Unit<'u>>, joined: &[Edge], found: &mut Found) -> Vec<Unit<'u>> {
        let mut slots: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
        let mut head: Vec<usize> = (0..slots.len()).collect();
        for e in joined {
            let (a, b) = (top(&mut head, e.a), top(&mut head, e.b));
            let (a, b) = (a.min(b), a.max(b));
            if a == b {
                continue;
            }
            let Some(moved) = slots.get_mut(b).and_then(Option::take) else { continue };
            if let Some(kept) = slots.get_mut(a).and_then(Option::as_mut) {
                found.joins.push(Made {
                    left: kept.clusters.clone(),
                    right: moved.clusters.clone(),
                    score: shown(e.score),
                    evidence: words(kept, &moved),
                });
                kept.absorb(moved);
            }
            if let Some(up) = head.get_mut(b) {
                *up = a;
            }
        }
        slots.into_iter().flatten().collect()
    }
}

/// The edges of each connected part, in their order.
fn parts(units: usize, edges: Vec<Edge>) -> Vec<Vec<Edge>> {
    let mut head: Vec<usize> = (0..units).collect();
    for e in &edges {
        let (a, b) = (top(&mut head, e.a), top(&mut head, e.b));
        if let Some(up) = head.get_mut(a.max(b)) {
            *up = a.min(b);
        }
    }
    let mut out: BTreeMap<usize, Vec<Edge>> = BTreeMap::new();
    for e in edges {
        out.entry(top(&mut head, e.a)).or_default().push(e);
    }
    out.into_values().collect()
}

/// The first of what hangs together with it.
fn top(head: &mut [usize], mut i: usize) -> usize {
    while head[i] != i {
        head[i] = head[head[i]];
        i = head[i];
    }
    i
}

/// Percent, as people read it.
fn shown(score: Score) -> u32 {
    u32::try_from(score.points.clamp(0, 100)).unwrap_or_default()
}

/// Units joined so far; those that are not named are alone.
#[derive(Default)]
struct Groups(BTreeMap<usize, Vec<usize>>);

impl Groups {
    fn members(&self, unit: usize) -> Vec<usize> {
        self.0.get(&unit).cloned().unwrap_or_else(|| vec![unit])
    }
    fn join(&mut self, a: &[usize], b: &[usize]) {
        let mut all = [a, b].concat();
        all.sort_unstable();
        for unit in &all {
            self.0.insert(*unit, all.clone());
        }
    }
}
