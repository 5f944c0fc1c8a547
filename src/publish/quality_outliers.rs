//! Amounts far from those of their group: same CPV division, buyers of like size (records.md §7).
//!
//! In: contracts in uid order, so that a buyer's follow each other and its size is known when they
//! end. Out: the amounts that lie furthest from their group's median, measured on logarithms in
//! units of the median deviation, so that a few wild ones do not hide each other. This depends on
//! other contracts, and so stands in the quality files only, never in a contract. Memory: a
//! histogram and a few extremes for each group, and the amounts of one buyer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{Contract, Money};

/// Bins for a factor of ten: amounts of one bin differ by a twelfth.
const BINS: f64 = 30.0;
/// From one euro to a hundred billion.
const ALL_BINS: usize = 331;
/// A smaller group has no usual amount.
const LEAST: u64 = 30;
/// Deviations beyond which an amount is told: of a bell curve, one in 150 000.
const FAR: f64 = 4.5;
/// And it is at least a hundred times more, or less, than the median: two factors of ten, in bins.
const HUNDREDFOLD: usize = 60;
/// Extremes kept of each group, at each end.
const EXTREMES: usize = 10;
/// How many are told, the furthest first.
const TOLD: usize = 100;

/// An amount far from those of its group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// The contract.
    pub uid: String,
    /// Its amount, €.
    pub montant: f64,
    /// CPV division of the group.
    pub cpv: String,
    /// Size of its buyers: `small` (fewer than 20 contracts), `medium` (fewer than 200), `large`.
    pub buyers: String,
    /// Contracts of the group.
    pub contracts: u64,
    /// Median of the group, €, to two digits.
    pub median: f64,
    /// Distance from the median, in median deviations of the logarithms.
    pub deviations: f64,
}

type Key = (String, &'static str);

/// Counts amounts by group.
#[derive(Debug, Default)]
pub(super) struct Outliers {
    groups: BTreeMap<Key, Group>,
    /// Of the buyer at hand: CPV division, amount, uid.
    buyer: Vec<(String, Money, String)>,
}

#[derive(Debug)]
struct Group {
    bins: Vec<u32>,
    contracts: u64,
    low: Vec<(Money, String)>,
    high: Vec<(Money, String)>,
}

impl Outliers {
    /// Takes a contract of the buyer at hand. Amounts of one euro or less are none: a rule of their own tells them.
    pub(super) fn contract(&mut self, contract: &Contract) {
        let record = &contract.record;
        if let (Some(cpv), Some(amount)) = (record.cpv, record.montant.filter(|m| *m > Money::euros(1))) {
            self.buyer.push((cpv.division().to_owned(), amount, contract.uid.as_str().to_owned()));
        }
    }

    /// The buyer at hand has no more contracts: its size is known.
    pub(super) fn end_of_buyer(&mut self) {
        let size = match self.buyer.len() {
            0..20 => "small",
            20..200 => "medium",
            _ => "large",
        };
        for (cpv, amount, uid) in self.buyer.drain(..) {
            self.groups.entry((cpv, size)).or_default().add(amount, uid);
        }
    }

    /// The furthest amounts, the furthest first.
    pub(super) fn told(&self) -> Vec<Outlier> {
        let mut all: Vec<Outlier> = self.groups.iter().flat_map(|(key, group)| group.far(key)).collect();
        all.sort_by(|a, b| b.deviations.total_cmp(&a.deviations).then_with(|| a.uid.cmp(&b.uid)));
        all.truncate(TOLD);
        all
    }
}

impl Default for Group {
    fn default() -> Self {
        Self { bins: vec![0; ALL_BINS], contracts: 0, low: Vec::new(), high: Vec::new() }
    }
}

impl Group {
    fn add(&mut self, amount: Money, uid: String) {
        if let Some(n) = self.bins.get_mut(bin(amount)) {
            *n += 1;
        }
        self.contracts += 1;
        keep(&mut self.low, (amount, uid.clone()), |new, old| new < old);
        keep(&mut self.high, (amount, uid), |new, old| new > old);
    }

    fn far(&self, (cpv, buyers): &Key) -> Vec<Outlier> {
        if self.contracts < LEAST {
            return Vec::new();
        }
        let median = self.median();
        let deviation = self.deviation(median);
        let outlier = |(amount, uid): &(Money, String)| {
            let distance = bin(*amount).abs_diff(median);
            let deviations = distance as f64 / deviation;
            (deviations > FAR && distance >= HUNDREDFOLD).then(|| Outlier {
                uid: uid.clone(),
                montant: amount.to_f64(),
                cpv: cpv.clone(),
                buyers: (*buyers).to_owned(),
                contracts: self.contracts,
                median: two_digits(10_f64.powf((median as f64 + 0.5) / BINS)),
                deviations: (deviations * 10.0).round() / 10.0,
            })
        };
        self.low.iter().chain(&self.high).filter_map(outlier).collect()
    }

    fn median(&self) -> usize {
        let mut below = 0;
        let half = self.contracts.div_ceil(2);
        self.bins
            .iter()
            .position(|n| {
                below += u64::from(*n);
                below >= half
            })
            .unwrap_or(0)
    }

    /// The median distance from the median, in bins, scaled as a standard deviation; at least that of
    /// amounts that differ by a third, since a group of equal amounts has none.
    fn deviation(&self, median: usize) -> f64 {
        let at = |i: Option<usize>| i.and_then(|i| self.bins.get(i)).map_or(0, |n| u64::from(*n));
        let (mut within, half) = (at(Some(median)), self.contracts.div_ceil(2));
        let mut distance = 0;
        while within < half && distance < ALL_BINS {
            distance += 1;
            within += at(median.checked_sub(distance)) + at(Some(median + distance));
        }
        (distance as f64 * 1.4826).max(4.0)
    }
}

/// The bin of an amount, by its logarithm.
fn bin(amount: Money) -> usize {
    // Both ends are bounded: a cast cannot leave the table.
    (amount.to_f64().max(1.0).log10() * BINS).min((ALL_BINS - 1) as f64) as usize
}

/// Keeps the [`EXTREMES`] that stand before the others.
fn keep(list: &mut Vec<(Money, String)>, new: (Money, String), before: impl Fn(&Money, &Money) -> bool) {
    if list.len() >= EXTREMES && list.last().is_some_and(|last| !before(&new.0, &last.0)) {
        return;
    }
    // Of equal ones the first to come stands: contracts come in uid order.
    let at = list.partition_point(|old| !before(&new.0, &old.0));
    list.insert(at, new);
    list.truncate(EXTREMES);
}

fn two_digits(value: f64) -> f64 {
    let unit = 10_f64.powf(value.log10().floor() - 1.0);
    ((value / unit).round() * unit).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(amounts: impl Iterator<Item = i64>) -> Vec<Outlier> {
        let mut outliers = Outliers::default();
        for (i, amount) in amounts.enumerate() {
            outliers.buyer.push(("45".to_owned(), Money::euros(amount), format!("u{i:03}")));
            // One contract a buyer.
            outliers.end_of_buyer();
        }
        outliers.told()
    }

    #[test]
    fn an_amount_a_thousand_times_the_usual_one_is_told_and_its_neighbours_are_not() {
        let usual = (1..=60).map(|i| 20_000 * i);
        assert_eq!(group(usual.clone()), []);
        let told = group(usual.chain([900_000_000_000 / 20, 5]));
        let uids: Vec<_> = told.iter().map(|o| (o.uid.as_str(), o.buyers.as_str())).collect();
        assert_eq!(uids, [("u061", "small"), ("u060", "small")], "{told:?}");
        assert!((400_000.0..800_000.0).contains(&told[0].median), "{told:?}");
    }

    #[test]
    fn a_small_group_has_no_usual_amount_and_equal_amounts_hide_nothing() {
        assert_eq!(group((1..=28).map(|_| 10_000).chain([90_000_000_000])), []);
        let told = group((1..=40).map(|_| 10_000).chain([90_000_000_000, 11_000]));
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn the_largest_buyers_are_a_group_of_their_own() {
        let mut outliers = Outliers::default();
        for i in 0..250 {
            outliers.buyer.push(("45".to_owned(), Money::euros(1_000_000 + i), format!("u{i}")));
        }
        outliers.end_of_buyer();
        assert_eq!(outliers.groups.keys().map(|k| k.1).collect::<Vec<_>>(), ["large"]);
        assert_eq!((two_digits(123_456.0), two_digits(98.7)), (120_000.0, 99.0));
    }
}
