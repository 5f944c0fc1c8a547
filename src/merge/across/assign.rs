//! The best one-to-one assignment between the clusters of two sources, and which of its pairs are
//! certain.
//!
//! In: the pairs that are candidates, with their points. Out: for each pair whether it stands in
//! the best assignment and whether another one is as good. Each connected part is solved alone and
//! exactly (shortest augmenting paths over a square cost matrix). A part of more than
//! [`MOST_NODES`] clusters is not solved: all its pairs are tied.

use std::collections::BTreeMap;

use super::score::LOWER;

/// Largest part that is solved: the work is the cube of it.
pub(super) const MOST_NODES: usize = 96;
/// Another assignment that is worse by less than this is as good.
pub(super) const MARGIN: i64 = 5;

/// What became of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// In the best assignment, and in any that is nearly as good.
    Chosen,
    /// In the best assignment or in one that is nearly as good.
    Tied,
    /// Other pairs are better.
    Lost,
}

/// Judges pairs (left, right, points), of which no two are alike.
pub(super) fn judge(pairs: &[(usize, usize, i32)]) -> Vec<Standing> {
    let mut out = vec![Standing::Lost; pairs.len()];
    for part in parts(pairs) {
        if let [one] = part.as_slice() {
            out[*one] = Standing::Chosen;
            continue;
        }
        let own: Vec<(usize, usize, i32)> = part.iter().map(|i| pairs[*i]).collect();
        for (i, standing) in part.iter().zip(solve(&own)) {
            out[*i] = standing;
        }
    }
    out
}

/// Indexes of the pairs of each connected part.
fn parts(pairs: &[(usize, usize, i32)]) -> Vec<Vec<usize>> {
    let mut head: BTreeMap<(bool, usize), usize> = BTreeMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut ends: Vec<Vec<(bool, usize)>> = Vec::new();
    for (i, (left, right, _)) in pairs.iter().enumerate() {
        let (l, r) = ((false, *left), (true, *right));
        let into = match (head.get(&l).copied(), head.get(&r).copied()) {
            (Some(a), Some(b)) if a != b => {
                let (keep, go) = if ends[a].len() >= ends[b].len() { (a, b) } else { (b, a) };
                let (moved, nodes) = (std::mem::take(&mut members[go]), std::mem::take(&mut ends[go]));
                head.extend(nodes.iter().map(|n| (*n, keep)));
                members[keep].extend(moved);
                ends[keep].extend(nodes);
                keep
            }
            (Some(a), _) | (None, Some(a)) => a,
            (None, None) => {
                members.push(Vec::new());
                ends.push(Vec::new());
                members.len() - 1
            }
        };
        members[into].push(i);
        for end in [l, r] {
            if head.insert(end, into).is_none() {
                ends[into].push(end);
            }
        }
    }
    members.retain(|m| !m.is_empty());
    members
}

fn solve(pairs: &[(usize, usize, i32)]) -> Vec<Standing> {
    let number = |ends: Vec<usize>| {
        let mut ends = ends;
        ends.sort_unstable();
        ends.dedup();
        ends
    };
    let lefts = number(pairs.iter().map(|p| p.0).collect());
    let rights = number(pairs.iter().map(|p| p.1).collect());
    let n = lefts.len() + rights.len();
    if n > MOST_NODES {
        return vec![Standing::Tied; pairs.len()];
    }
    let mut square = Square::new(n);
    let place = |l: &usize, r: &usize| {
        (lefts.binary_search(l).unwrap_or_default(), rights.binary_search(r).unwrap_or_default())
    };
    for (l, r, points) in pairs {
        let (row, column) = place(l, r);
        // What a pair is worth above what would not be a candidate; none is worth nothing.
        *square.cost(row, column) = -i64::from(points - LOWER + 1).max(0);
    }
    // A row or column beyond the real ones stands for staying alone.
    for row in 0..n {
        for column in 0..n {
            if row >= lefts.len() || column >= rights.len() {
                *square.cost(row, column) = 0;
            }
        }
    }
    (0..n).for_each(|row| square.augment(row));
    let best = square.chosen.clone();
    let at = |l: &usize, r: &usize, chosen: &[usize]| {
        let (row, column) = place(l, r);
        chosen.get(column) == Some(&row)
    };
    // Leaving a pair out shows by how much the next best assignment without it is worse.
    let certain: Vec<Option<bool>> = pairs
        .iter()
        .map(|(l, r, _)| {
            at(l, r, &best).then(|| {
                let (row, column) = place(l, r);
                let mut without = square.clone();
                let lost = without.forbid(row, column);
                lost >= MARGIN
            })
        })
        .collect();
    let open: Vec<(usize, usize)> =
        pairs.iter().zip(&certain).filter(|(_, c)| **c == Some(false)).map(|(p, _)| (p.0, p.1)).collect();
    pairs
        .iter()
        .zip(certain)
        .map(|((l, r, _), certain)| match certain {
            Some(true) => Standing::Chosen,
            Some(false) => Standing::Tied,
            None if open.iter().any(|(x, y)| x == l || y == r) => Standing::Tied,
            None => Standing::Lost,
        })
        .collect()
}

/// Worse than any sum of real costs.
const NEVER: i64 = 1 << 40;

/// A square matrix of costs with a partial assignment of least cost and the potentials that prove
/// it.
#[derive(Debug, Clone)]
struct Square {
    n: usize,
    costs: Vec<i64>,
    rows: Vec<i64>,
    columns: Vec<i64>,
    /// The row of each column; `n` where it has none.
    chosen: Vec<usize>,
}

impl Square {
    fn new(n: usize) -> Self {
        Self { n, costs: vec![NEVER; n * n], rows: vec![0; n], columns: vec![0; n], chosen: vec![n; n] }
    }

    fn cost(&mut self, row: usize, column: usize) -> &mut i64 {
        &mut self.costs[row * self.n + column]
    }

    fn total(&self) -> i64 {
        let cost = |(column, row): (usize, &usize)| self.costs.get(row * self.n + column).copied().unwrap_or(0);
        self.chosen.iter().enumerate().map(cost).sum()
    }

    /// Assigns one more row, along the shortest augmenting path.
    fn augment(&mut self, row: usize) {
        let n = self.n;
        let (mut least, mut before, mut seen) = (vec![i64::MAX; n], vec![n; n], vec![false; n]);
        let (mut at, mut last) = (row, n);
        let free = loop {
            let (mut step, mut next) = (i64::MAX, n);
            for column in 0..n {
                if seen[column] {
                    continue;
                }
                let reduced = self.costs[at * n + column] - self.rows[at] - self.columns[column];
                if reduced < least[column] {
                    (least[column], before[column]) = (reduced, last);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            if next == n {
                return;
            }
            self.rows[row] += step;
            for column in 0..n {
                if seen[column] {
                    self.rows[self.chosen[column]] += step;
                    self.columns[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            seen[next] = true;
            if self.chosen[next] == n {
                break next;
            }
            (at, last) = (self.chosen[next], next);
        };
        let mut column = free;
        while before[column] != n {
            self.chosen[column] = self.chosen[before[column]];
            column = before[column];
        }
        self.chosen[column] = row;
    }

    /// Takes an assigned cell out and assigns its row anew; gives what that costs.
    fn forbid(&mut self, row: usize, column: usize) -> i64 {
        let before = self.total();
        *self.cost(row, column) = NEVER;
        self.chosen[column] = self.n;
        self.augment(row);
        self.total() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_best_assignment_is_not_the_greedy_one() {
        // 1–a is the best pair, but 1–b and 2–a together are better.
        let judged = judge(&[(1, 1, 90), (1, 2, 80), (2, 1, 85)]);
        assert_eq!(judged, [Standing::Lost, Standing::Chosen, Standing::Chosen]);
    }

    #[test]
    fn two_that_fit_equally_well_are_tied_and_a_certain_pair_beside_them_is_not() {
        let judged = judge(&[(1, 1, 70), (1, 2, 70), (2, 3, 70)]);
        assert_eq!(judged, [Standing::Tied, Standing::Tied, Standing::Chosen]);
        assert_eq!(judge(&[(1, 1, 90), (1, 2, 70)]), [Standing::Chosen, Standing::Lost]);
        let square = [(1, 1, 70), (1, 2, 70), (2, 1, 70), (2, 2, 70)];
        assert!(judge(&square).iter().all(|s| *s == Standing::Tied));
    }

    #[test]
    fn a_part_too_large_to_solve_is_tied_whole() {
        let star: Vec<_> = (0..MOST_NODES).map(|r| (0, r, 60 + i32::try_from(r).unwrap())).collect();
        assert!(judge(&star).iter().all(|s| *s == Standing::Tied));
    }

    /// Every way to assign, by trying.
    fn by_trying(pairs: &[(usize, usize, i32)], forbidden: Option<usize>) -> i64 {
        fn go(pairs: &[(usize, usize, i32)], at: usize, skip: Option<usize>, used: &mut Vec<(usize, usize)>) -> i64 {
            let Some((l, r, points)) = pairs.get(at) else { return 0 };
            let mut best = go(pairs, at + 1, skip, used);
            if skip != Some(at) && !used.iter().any(|(x, y)| x == l || y == r) {
                used.push((*l, *r));
                best = best.max(i64::from(points - LOWER + 1) + go(pairs, at + 1, skip, used));
                used.pop();
            }
            best
        }
        go(pairs, 0, forbidden, &mut Vec::new())
    }

    proptest! {
        #[test]
        fn what_is_chosen_is_what_trying_everything_chooses(
            made in proptest::collection::btree_map((0..4usize, 0..4usize), 40..90i32, 1..9)
        ) {
            let pairs: Vec<_> = made.into_iter().map(|((l, r), p)| (l, r, p)).collect();
            let best = by_trying(&pairs, None);
            for (i, standing) in judge(&pairs).into_iter().enumerate() {
                let certain = best - by_trying(&pairs, Some(i)) >= MARGIN;
                prop_assert_eq!(standing == Standing::Chosen, certain, "{:?} in {:?}", pairs[i], pairs);
            }
        }
    }
}
