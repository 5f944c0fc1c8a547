//! How good identity is: precision, recall and F1 over pairs, and the confusion listed.
//!
//! In: two groupings of the same things, the truth and what was found, as a label for each thing.
//! Pairs are counted from the sizes of the groups, so a million things cost no more than a sort.

use std::collections::BTreeMap;
use std::fmt;

/// Pairs of things, counted by whether they belong together and whether they were put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs<T> {
    /// Together in both.
    pub right: u64,
    /// Put together, and different.
    pub wrong: u64,
    /// Left apart, and the same.
    pub missed: u64,
    /// Found groups that hold things of several true groups: the members of each true group.
    pub joined: Vec<Vec<Vec<T>>>,
    /// True groups whose things were found in several groups: the members of each found group.
    pub split: Vec<Vec<Vec<T>>>,
}

impl<T> Pairs<T> {
    /// Share of the pairs put together that belong together; 1 when none was.
    pub fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }
    /// Share of the pairs that belong together that were put together; 1 when none does.
    pub fn recall(&self) -> f64 {
        share(self.right, self.right + self.missed)
    }
    /// Harmonic mean of the two.
    pub fn f1(&self) -> f64 {
        share(2 * self.right, 2 * self.right + self.wrong + self.missed)
    }
    /// Adds the counts and the confusion of another measure of the same kind.
    pub fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.missed += other.missed;
        self.joined.extend(other.joined);
        self.split.extend(other.split);
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl<T> fmt::Display for Pairs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "precision {:.4}, recall {:.4}, F1 {:.4} ({} pairs right, {} wrong, {} missed)",
            self.precision(),
            self.recall(),
            self.f1(),
            self.right,
            self.wrong,
            self.missed
        )
    }
}

/// Compares what was found with the truth. Each item is a thing, its true label, its found label.
pub fn compare<T, A, B>(items: impl IntoIterator<Item = (T, A, B)>) -> Pairs<T>
where
    T: Clone + Ord,
    A: Ord + Clone,
    B: Ord + Clone,
{
    let mut truth: BTreeMap<A, BTreeMap<B, Vec<T>>> = BTreeMap::new();
    let mut found: BTreeMap<B, BTreeMap<A, Vec<T>>> = BTreeMap::new();
    for (thing, a, b) in items {
        let of_truth = truth.entry(a.clone()).or_default();
        of_truth.entry(b.clone()).or_default().push(thing.clone());
        found.entry(b).or_default().entry(a).or_default().push(thing);
    }
    let (right, true_pairs, split) = count(truth);
    let (_, found_pairs, joined) = count(found);
    Pairs { right, wrong: found_pairs - right, missed: true_pairs - right, joined, split }
}

/// Pairs inside the cells, pairs inside the groups, and the groups of more than one cell.
fn count<T: Ord, A, B>(groups: BTreeMap<A, BTreeMap<B, Vec<T>>>) -> (u64, u64, Vec<Vec<Vec<T>>>) {
    let pairs = |n: usize| n as u64 * (n as u64).saturating_sub(1) / 2;
    let (mut inside, mut all, mut torn) = (0, 0, Vec::new());
    for cells in groups.into_values() {
        all += pairs(cells.values().map(Vec::len).sum());
        inside += cells.values().map(|c| pairs(c.len())).sum::<u64>();
        if cells.len() > 1 {
            let mut cells: Vec<Vec<T>> = cells.into_values().collect();
            cells.iter_mut().for_each(|c| c.sort());
            cells.sort();
            torn.push(cells);
        }
    }
    (inside, all, torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_and_the_confusion_is_listed() {
        // True groups: {1, 2, 3}, {4, 5}, {6}; found: {1, 2}, {3, 4}, {5}, {6}.
        let items = [(1, 'a', 0), (2, 'a', 0), (3, 'a', 1), (4, 'b', 1), (5, 'b', 2), (6, 'c', 3)];
        let measured = compare(items);
        assert_eq!((measured.right, measured.wrong, measured.missed), (1, 1, 3));
        assert_eq!(measured.joined, [[[3], [4]]]);
        assert_eq!(measured.split, [vec![vec![1, 2], vec![3]], vec![vec![4], vec![5]]]);
        assert_eq!(measured.precision(), 0.5);
        assert_eq!(measured.recall(), 0.25);
        assert!((measured.f1() - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_find_is_found_perfectly() {
        let measured: Pairs<u8> = compare([(1, 1, 1), (2, 2, 2)]);
        assert_eq!((measured.precision(), measured.recall()), (1.0, 1.0));
    }
}
