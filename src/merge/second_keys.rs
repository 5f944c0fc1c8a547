//! Second keys: an id meets its form without the two-digit sequence, without a leading year, or
//! without both (records.md §4, rule 3), when the records agree on a holder and on the amount or
//! the object, and do not contradict.
//!
//! In: clusters. Out: the same clusters, some joined; what is gone never brings two together that
//! stand now. Candidates are found by
//! (form, holder), so the work does not grow with the square of a buyer's contracts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Day, Kind, Money};

use super::identity::{Atom, Key, contradict, fit, share};
use super::node::Node;
use super::text::same_text;
use super::{Rule, Rules};

/// Most clusters of one form and holder that are compared with each other; more share a form that
/// tells nothing, such as `1`.
const MOST_CLUSTERS: usize = 256;
/// Most pairs of atoms that are looked at when two clusters are compared.
const MOST_PAIRS: usize = 1 << 16;
/// Years between an id's leading year and the notification that still are one numbering: contracts
/// of a consultation in December are notified in January.
const YEARS_APART: i16 = 1;

/// Which clusters may be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Any two.
    Standing,
    /// One that is gone with any other; two that stand now were looked at before.
    Gone,
}

/// Joins clusters whose ids meet. Result sorted by first atom.
pub(super) fn join(
    clusters: Vec<Vec<u32>>,
    atoms: &[Atom],
    keys: &[Key],
    nodes: &[Node],
    phase: Phase,
    rules: &Rules,
) -> Vec<Vec<u32>> {
    if !rules.on(Rule::SecondKeys) || keys.len() < 2 {
        return clusters;
    }
    let ids: Vec<Id> = describe_ids(keys, atoms, nodes);
    let mut groups: Vec<Group> = clusters
        .into_iter()
        .map(|c| Group::new(c, atoms, nodes))
        .collect();
    let pairs = pairs(&groups, &ids, keys, atoms, phase, rules);
    let mut head: Vec<usize> = (0..groups.len()).collect();
    for (_, i, j) in pairs {
        let (a, b) = (top(&mut head, i), top(&mut head, j));
        let (a, b) = (a.min(b), a.max(b));
        if a == b
            || (phase == Phase::Gone && groups[a].present && groups[b].present)
            || !compatible(&groups, a, b, &ids, atoms, rules)
        {
            continue;
        }
        let moved = std::mem::take(&mut groups[b]);
        groups[a].absorb(moved);
        head[b] = a;
    }
    let mut out: Vec<Vec<u32>> = groups
        .into_iter()
        .map(|g| g.atoms)
        .filter(|c| !c.is_empty())
        .collect();
    out.sort_unstable();
    out
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
    tokens: BTreeSet<String>,
    years: BTreeSet<i16>,
    present: bool,
}

impl Group {
    fn new(cluster: Vec<u32>, atoms: &[Atom], nodes: &[Node]) -> Self {
        let mut group = Self::default();
        for a in cluster.iter().filter_map(|a| atoms.get(*a as usize)) {
            group.keys.insert(a.key);
            group.tokens.extend(a.tokens.iter().cloned());
            group.present |= a.present;
            let notified = a.nodes.iter().filter_map(|n| nodes.get(*n as usize));
            let notified = notified.filter_map(|n| n.record().date_notification);
            group.years.extend(notified.map(Day::year));
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
        self.present |= other.present;
    }
    /// Whether a leading year can be the year of notification of these contracts.
    fn notified_about(&self, year: i16) -> bool {
        self.years.is_empty() || self.years.iter().any(|y| (y - year).abs() <= YEARS_APART)
    }
}

/// An id with its shorter forms.
#[derive(Debug)]
struct Id {
    whole: String,
    /// The leading year, and the rest.
    yearless: Option<(i16, String)>,
    /// Its last two digits are the number of modifications that a record of it declares, at least
    /// one: a sequence, not a part of the number.
    counts_modifications: bool,
}

fn describe_ids(keys: &[Key], atoms: &[Atom], nodes: &[Node]) -> Vec<Id> {
    let mut ids: Vec<Id> = keys
        .iter()
        .map(|(_, _, whole)| Id {
            whole: whole.clone(),
            yearless: without_year(whole),
            counts_modifications: false,
        })
        .collect();
    for a in atoms {
        let Some(id) = ids.get_mut(a.key as usize) else {
            continue;
        };
        let Some(n) = sequence(&id.whole).filter(|n| *n > 0) else {
            continue;
        };
        id.counts_modifications |= a
            .nodes
            .iter()
            .filter_map(|i| nodes.get(*i as usize))
            .any(|node| node.record().modifications.len() == n);
    }
    ids
}

/// The number in the last two digits, where an id ends in two and has more than these.
fn sequence(id: &str) -> Option<usize> {
    stem(id)?;
    id.get(id.len().checked_sub(2)?..)?.parse().ok()
}

/// The id without its last two digits and a separator before them.
fn stem(id: &str) -> Option<&str> {
    let cut = id.len().checked_sub(2)?;
    if !id.as_bytes().iter().skip(cut).all(u8::is_ascii_digit) {
        return None;
    }
    let stem = id.get(..cut)?.trim_end_matches('-');
    stem.chars().any(char::is_alphanumeric).then_some(stem)
}

/// A leading year and the id without it.
fn without_year(id: &str) -> Option<(i16, String)> {
    let year: i16 = id
        .get(..4)
        .filter(|y| y.bytes().all(|b| b.is_ascii_digit()))?
        .parse()
        .ok()?;
    if !(1990..2100).contains(&year) {
        return None;
    }
    let rest = id.get(4..)?.trim_start_matches('-');
    rest.chars()
        .any(char::is_alphanumeric)
        .then(|| (year, rest.to_owned()))
}

/// Every form under which an id may meet another.
fn forms(id: &Id) -> Vec<&str> {
    let mut out = vec![id.whole.as_str()];
    out.extend(stem(&id.whole));
    if let Some((_, rest)) = &id.yearless {
        out.push(rest);
        out.extend(stem(rest));
    }
    out
}

/// Whether two ids differ only by a sequence: one is the other's stem, or both have one stem and
/// one of them is the first of the sequence.
fn alike(x: &str, y: &str, rules: &Rules) -> bool {
    let (sx, sy) = (stem(x), stem(y));
    let first = x.ends_with("00") || y.ends_with("00") || !rules.on(Rule::SequenceNeedsZero);
    x == y || sx == Some(y) || sy == Some(x) || (first && sx.is_some() && sx == sy)
}

/// Whether two ids meet, given that a leading year may be that of these notifications.
fn meet(a: &Id, b: &Id, about: impl Fn(i16) -> bool, rules: &Rules) -> bool {
    if alike(&a.whole, &b.whole, rules) {
        return true;
    }
    match (&a.yearless, &b.yearless) {
        // Two years are two numberings; with one year, only separators can differ.
        (Some((ya, ra)), Some((yb, rb))) if ya == yb && alike(ra, rb, rules) => true,
        (ya, yb) => {
            let one_sided = |y: &Option<(i16, String)>, whole: &str| {
                y.as_ref()
                    .is_some_and(|(year, rest)| about(*year) && alike(rest, whole, rules))
            };
            one_sided(ya, &b.whole) || one_sided(yb, &a.whole)
        }
    }
}

/// Best fit first, then order of content.
type Pair = (Reverse<u32>, usize, usize);

/// Pairs of clusters whose ids meet and whose records agree, best fit first.
fn pairs(
    groups: &[Group],
    ids: &[Id],
    keys: &[Key],
    atoms: &[Atom],
    phase: Phase,
    rules: &Rules,
) -> Vec<Pair> {
    let evidence_needed = rules.on(Rule::SecondKeysNeedEvidence);
    let mut blocks: BTreeMap<(Option<Kind>, &str, &str, &str), Vec<usize>> = BTreeMap::new();
    for (i, g) in groups.iter().enumerate() {
        for k in &g.keys {
            let (Some(id), Some(key)) = (ids.get(*k as usize), keys.get(*k as usize)) else {
                continue;
            };
            for form in forms(id) {
                let of_anyone = (!evidence_needed).then_some("");
                let of_holders = g.tokens.iter().map(String::as_str);
                let tokens = of_holders.filter(|_| evidence_needed).chain(of_anyone);
                for token in tokens {
                    let block = blocks.entry((key.0, &key.1, form, token)).or_default();
                    if block.last() != Some(&i) {
                        block.push(i);
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    for block in blocks.values().filter(|b| b.len() <= MOST_CLUSTERS) {
        for (k, i) in block.iter().enumerate() {
            seen.extend(block.iter().skip(k + 1).map(|j| (*i, *j)));
        }
    }
    let mut out: Vec<Pair> = seen
        .into_iter()
        .filter_map(|(i, j)| {
            let (a, b) = (groups.get(i)?, groups.get(j)?);
            if phase == Phase::Gone && a.present && b.present {
                return None;
            }
            let met = id_pairs(a, b, ids).any(|(x, y)| groups_meet(a, b, x, y, rules));
            let score = evidence(a, b, atoms, rules).filter(|_| met)?;
            Some((Reverse(score), i, j))
        })
        .collect();
    out.sort_unstable();
    out
}

/// Every id of `a` with every different id of `b`.
fn id_pairs<'a>(
    a: &'a Group,
    b: &'a Group,
    ids: &'a [Id],
) -> impl Iterator<Item = (&'a Id, &'a Id)> {
    a.keys
        .iter()
        .flat_map(|x| b.keys.iter().map(move |y| (x, y)))
        .filter(|(x, y)| x != y)
        .filter_map(|(x, y)| Some((ids.get(*x as usize)?, ids.get(*y as usize)?)))
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
            !needed
                || (share(&x.tokens, &y.tokens)
                    && (same_amount(x.montant, y.montant) || same_object(x, y)))
        })
        .map(|(x, y)| fit(x, y))
        .max()
}

fn atom_pairs<'a>(
    a: &'a Group,
    b: &'a Group,
    atoms: &'a [Atom],
) -> impl Iterator<Item = (&'a Atom, &'a Atom)> {
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
    a.objets
        .iter()
        .any(|x| b.objets.iter().any(|y| same_text(x, y)))
}

/// Whether two groups can be one contract: every id of one meets every id of the other, and no
/// observation of one contradicts one of the other.
fn compatible(
    groups: &[Group],
    a: usize,
    b: usize,
    ids: &[Id],
    atoms: &[Atom],
    rules: &Rules,
) -> bool {
    let (Some(a), Some(b)) = (groups.get(a), groups.get(b)) else {
        return false;
    };
    if a.atoms.len().saturating_mul(b.atoms.len()) > MOST_PAIRS {
        return false;
    }
    let no_third = !rules.on(Rule::NoThird)
        || id_pairs(a, b, ids).all(|(x, y)| groups_meet(a, b, x, y, rules) || one_sequence(x, y));
    no_third && !atom_pairs(a, b, atoms).any(|(x, y)| contradict(x, y, rules))
}

/// Two steps of one sequence, each numbered by its own modifications: `…01` with one and `…02`
/// with two are versions of the contract that `…00` names, and may both join it.
fn one_sequence(x: &Id, y: &Id) -> bool {
    let stems = (stem(&x.whole), stem(&y.whole));
    x.counts_modifications && y.counts_modifications && stems.0.is_some() && stems.0 == stems.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(a: &str, b: &str, year: i16) -> bool {
        let id = |whole: &str| Id {
            whole: whole.to_owned(),
            yearless: without_year(whole),
            counts_modifications: false,
        };
        meet(&id(a), &id(b), |y| (y - year).abs() <= 1, &Rules::default())
    }

    #[test]
    fn an_id_meets_itself_without_year_sequence_or_both() {
        for (a, b) in [
            ("2018N030000", "2018N0300"),
            ("2018N030000", "N030000"),
            ("2018N030000", "N0300"),
            ("2018N030001", "N0300"),
            ("2018N030001", "2018N030000"),
            ("2018N030001", "N030000"),
            ("2023-102-00", "2023-102"),
            ("2018-N0300", "2018N030000"),
            ("24TRA17", "24TRA"),
        ] {
            assert!(met(a, b, 2018) || met(a, b, 2023), "{a} {b}");
            assert!(met(b, a, 2018) || met(b, a, 2023), "{b} {a}");
        }
    }

    #[test]
    fn two_sequences_two_years_and_an_unrelated_year_do_not_meet() {
        for (a, b) in [
            ("24TRA10", "24TRA17"),
            ("2018N030001", "2018N030002"),
            ("2018N0300", "2019N0300"),
            ("2015N0300", "N0300"),
            ("18", "17"),
            ("2018", "18"),
        ] {
            assert!(!met(a, b, 2018), "{a} {b}");
        }
    }
}
