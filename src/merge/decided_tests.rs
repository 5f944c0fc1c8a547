//! Decisions of operators: stronger than every rule, and nothing else is touched by them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::Outcome;
use super::testing::*;
use crate::config::{Decision, Verdict, groups as sides};
use crate::record::Kind;

use Verdict::{Different, Exclude, Same};

fn voirie(id: &str) -> Make {
    make(id).objet("Voirie").montant(50_000).held_by(&[A])
}

#[test]
fn what_was_decided_to_be_one_is_one_whatever_it_says() {
    let made = vec![make("X1").montant(10).held_by(&[A]), make("Y9").montant(20).held_by(&[B]).source(1)];
    assert_eq!(groups(&merge(made.clone())), [[0], [1]]);
    let merged = merge_under(&[decide(Same, &["X1", "Y9"])], made);
    assert_eq!(groups(&merged), [[0, 1]]);
    assert_eq!(merged.outcomes, [(0, Outcome::Accepted), (1, Outcome::Accepted)]);
}

#[test]
fn two_records_of_one_source_that_are_one_leave_one_accepted_and_one_superseded() {
    let made = vec![make("X1").montant(10).held_by(&[A]), make("Y9").montant(20).held_by(&[B]).at("r", 1)];
    let merged = merge_under(&[decide(Same, &["X1", "Y9"])], made);
    let outcomes: BTreeSet<Outcome> = merged.outcomes.iter().map(|(_, o)| *o).collect();
    assert_eq!((merged.contracts.len(), outcomes), (1, BTreeSet::from([Outcome::Accepted, Outcome::Superseded])));
}

#[test]
fn what_fits_one_of_the_records_that_are_one_comes_along() {
    // The third is the second key of the first, or the second under another form; it contradicts the other.
    let decided = [decide(Same, &["2024M7", "Y 9"])];
    let other = |id| make(id).montant(20).held_by(&[B]);
    for (third, of) in [(voirie("2024M700"), 0), (other("y-9"), 1)] {
        let made = vec![voirie("2024M7"), other("Y 9").source(1), third.source(2)];
        assert!(groups(&merge(made.clone())).contains(&vec![of, 2]));
        assert_eq!(groups(&merge_under(&decided, made)), [[0, 1, 2]]);
    }
    // Both at once, in one source: they contradict each other, and nobody decided about them.
    let made =
        vec![voirie("2024M7"), other("Y 9").source(1), voirie("2024M700").source(2), other("y-9").source(2).at("s", 0)];
    assert_eq!(merge_under(&decided, made).contracts.len(), 2);
}

#[test]
fn a_marche_and_a_concession_are_never_one() {
    let made = vec![make("X1").montant(10), make("Y9").montant(10).concession().source(1), make("Y9").source(2)];
    let merged = merge_under(&[decide(Same, &["X1", "Y9"])], made);
    assert_eq!(groups(&merged), [vec![0, 2], vec![1]]);
    let kinds: BTreeSet<&str> = merged.contracts.iter().map(|c| c.record.kind.name()).collect();
    assert_eq!(kinds, BTreeSet::from([Kind::Marche.name(), Kind::Concession.name()]));
}

#[test]
fn what_was_decided_to_be_different_stays_apart_under_one_key_second_keys_and_across_feeds() {
    let one_key = vec![voirie("24/01"), voirie("24-01").source(1)];
    let second = vec![voirie("2024M7"), voirie("2024M700").source(1)];
    let like = |m: Make| m.notified("2024-03-01").with(|r| r.duree_mois = Some(12));
    let across = vec![like(voirie("M-44").montant(50_123)), like(voirie("PES-9").montant(50_123)).source(1)];
    for (made, ids) in [(one_key, ["24/01", "24-01"]), (second, ["2024M7", "2024M700"]), (across, ["M-44", "PES-9"])] {
        assert_eq!(groups(&merge(made.clone())), [[0, 1]], "{ids:?}");
        let merged = merge_under(&[decide(Different, &ids)], made);
        assert_eq!(groups(&merged), [[0], [1]], "{ids:?}");
        assert!(merged.contracts.iter().all(|c| c.doubles.is_empty()), "a pair that is decided is no candidate");
        assert_eq!(merged.contracts.iter().map(|c| &c.uid).collect::<BTreeSet<_>>().len(), 2);
    }
}

#[test]
fn no_third_record_pulls_together_what_was_decided_to_be_different() {
    // 2 fits both equally; it goes to one of them, and not both to it.
    let made = vec![voirie("24/01"), voirie("24-01").source(1), voirie("24 01").source(2)];
    assert_eq!(groups(&merge(made.clone())), [[0, 1, 2]]);
    let merged = merge_under(&[decide(Different, &["24/01", "24-01"])], made);
    assert_eq!(merged.contracts.len(), 2);
    assert_ne!(merged.contract_of[0].1, merged.contract_of[1].1);
}

#[test]
fn records_that_are_one_keep_apart_what_either_is_different_from() {
    // 0 and 2 are one; 1 is not 2, so it is not 0 either, whose key it shares.
    let made = vec![voirie("24/01"), voirie("24-01").source(1), make("Z").source(2)];
    let decisions = [decide(Same, &["24/01", "Z"]), decide(Different, &["Z", "24-01"])];
    assert_eq!(groups(&merge_under(&decisions, made)), [vec![0, 2], vec![1]]);
}

#[test]
fn an_excluded_record_is_in_no_contract_and_has_its_outcome() {
    let made = vec![voirie("M1"), voirie("M2").montant(7), voirie("m-1").source(1)];
    let merged = merge_under(&[decide(Exclude, &["M1"])], made);
    assert_eq!(merged.outcomes, [(0, Outcome::Excluded), (1, Outcome::Accepted), (2, Outcome::Accepted)]);
    assert_eq!((merged.contracts.len(), merged.contract_of.len()), (2, 2));
}

#[test]
fn what_is_gone_and_is_one_goes_where_one_of_it_fits() {
    let made = vec![
        voirie("M1"),
        voirie("m1").gone("2024-11-01", true),
        make("Q").montant(9).held_by(&[C]).gone("2024-11-01", true).source(1),
    ];
    let without = merge(made.clone());
    assert_eq!(groups(&without), [vec![0, 1], vec![2]]);
    let merged = merge_under(&[decide(Same, &["m1", "Q"])], made);
    assert_eq!(groups(&merged), [[0, 1, 2]]);
    assert_eq!(merged.outcomes, [(0, Outcome::Accepted), (1, Outcome::Gone), (2, Outcome::Gone)]);
}

#[test]
fn what_went_later_follows_what_went_before_into_a_contract_that_no_longer_says_it() {
    let lot = |id: &str| make(id).objet("Voirie lot 2").held_by(&[C]);
    let made = vec![
        lot("M100"),
        lot("M100").montant(100).source(1).at("s", 2),
        lot("M101").montant(200).source(1).gone("2024-02-03", false),
        make("M101").montant(100).gone("2024-02-04", true),
    ];
    let merged = merge_under(&[decide(Same, &["2024M1", "M101"])], made);
    let of: BTreeSet<u32> = merged.contract_of.iter().filter(|(i, _)| *i >= 2).map(|(_, c)| *c).collect();
    assert_eq!(of.len(), 1, "{:?}", merged.contract_of);
}

fn decisions() -> impl Strategy<Value = Vec<Decision>> {
    let ids = ["M1", "m-1", "2024M1", "2024M100", "M100", "M101", "M102", "X"];
    let one = (0..3u8, prop::sample::subsequence(ids.to_vec(), 2..4)).prop_map(|(verdict, ids)| match verdict {
        0 => decide(Same, &ids),
        1 => decide(Different, &ids),
        _ => decide(Exclude, &ids[..1]),
    });
    prop::collection::vec(one, 0..4)
}

/// Whether no decision contradicts another.
fn sound(all: &[Decision]) -> bool {
    let sides = sides(all.iter());
    let excluded: BTreeSet<_> = all.iter().filter(|d| d.verdict == Exclude).flat_map(|d| &d.records).collect();
    all.iter().all(|d| match d.verdict {
        Same => d.records.iter().all(|r| !excluded.contains(r)),
        Different => d.records.iter().map(|r| sides[r]).collect::<BTreeSet<_>>().len() == d.records.len(),
        Exclude => true,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn decisions_hold_over_any_records_in_any_order(
        (world, shuffled) in super::laws::made().prop_flat_map(|w| (Just(w.clone()), Just(w).prop_shuffle())),
        decisions in decisions().prop_filter("contradictory", |d| sound(d)),
    ) {
        let merged = merge_under(&decisions, world.clone());
        let mut turned = decisions.clone();
        turned.reverse();
        prop_assert_eq!(&merged.contracts, &merge_under(&turned, shuffled).contracts);
        prop_assert_eq!(merged.outcomes.len(), world.len());
        let of: BTreeMap<i64, u32> = merged.contract_of.iter().copied().collect();
        let outcome: BTreeMap<i64, Outcome> = merged.outcomes.iter().copied().collect();
        let naming = |d: &Decision, at: usize| -> Vec<i64> {
            let all = (0i64..).zip(&world);
            all.filter(|(_, m)| m.0.observation.record.id == d.records[at].1).map(|(i, _)| i).collect()
        };
        let standing = |i: &i64| of.contains_key(i) && outcome[i] != Outcome::Gone;
        for d in &decisions {
            let named: Vec<Vec<i64>> = (0..d.records.len()).map(|at| naming(d, at)).collect();
            match d.verdict {
                Same => {
                    let contracts: BTreeSet<_> = named.iter().flatten().map(|i| of.get(i)).collect();
                    prop_assert!(contracts.len() <= 1, "{:?} {:?}", d, contracts);
                }
                Different => {
                    let contracts = |ids: &Vec<i64>| -> BTreeSet<u32> {
                        ids.iter().filter(|i| standing(i)).map(|i| of[i]).collect()
                    };
                    for (k, a) in named.iter().enumerate() {
                        for b in &named[k + 1..] {
                            prop_assert!(contracts(a).is_disjoint(&contracts(b)), "{:?}", d);
                        }
                    }
                }
                Exclude => prop_assert!(named[0].iter().all(|i| outcome[i] == Outcome::Excluded)),
            }
        }
    }
}
