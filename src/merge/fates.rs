//! What becomes of observations and contracts: repeats, what is gone, names, scope (records.md §6, §8).

use std::collections::BTreeSet;

use super::testing::*;
use super::{Merged, Outcome};
use crate::record::Where;

#[test]
fn the_same_content_in_two_resources_or_twice_is_one_observation() {
    let same = make("M1").montant(10).held_by(&[A]);
    let merged = merge(vec![same.clone().at("s", 3), same.clone().at("r", 7), same.clone().at("r", 2), same.source(1)]);
    assert_eq!(
        merged.outcomes,
        [(0, Outcome::SameAs(2)), (1, Outcome::SameAs(2)), (2, Outcome::Accepted), (3, Outcome::Accepted),]
    );
    assert_eq!(merged.contracts[0].observations[0].position, 2);
}

#[test]
fn a_gone_observation_goes_when_its_source_says_the_contract_anew() {
    let old = make("M1").montant(100).held_by(&[A]).seen("2024-01-01").gone("2024-03-01", false);
    let new = make("M1").montant(110).held_by(&[A]).seen("2024-03-01");
    let merged = merge(vec![old.clone(), new]);
    assert_eq!(merged.outcomes, [(0, Outcome::Gone), (1, Outcome::Accepted)]);
    let alone = merge(vec![old]);
    assert_eq!(alone.outcomes, [(0, Outcome::Accepted)]);
    assert!(!alone.contracts[0].withdrawn, "it stands for seven days");
}

#[test]
fn a_contract_that_left_every_source_is_withdrawn_and_kept() {
    let gone = |source| make("M1").montant(100).held_by(&[A]).source(source).gone("2024-03-01", true);
    assert!(merge(vec![gone(0), gone(1)]).contracts[0].withdrawn);
    let merged = merge(vec![gone(0), make("M1").montant(100).held_by(&[A]).source(1)]);
    assert!(!merged.contracts[0].withdrawn);
    assert_eq!(merged.outcomes, [(0, Outcome::Gone), (1, Outcome::Accepted)]);
}

#[test]
fn a_lot_that_leaves_its_payload_is_withdrawn_and_not_swallowed_by_its_sister() {
    let lot = |euros| make("M1").montant(euros).held_by(&[A]).seen("2024-01-01");
    let merged = merge(vec![lot(80_096), lot(20_389).at("r", 1).gone("2024-03-01", true)]);
    assert_eq!(groups(&merged), [[0], [1]]);
    assert_eq!(merged.contracts.iter().filter(|c| c.withdrawn).count(), 1);
    // All of them gone at once: as many withdrawn contracts as there were.
    let gone = |euros| lot(euros).gone("2024-03-01", true);
    assert_eq!(merge(vec![gone(80_096), gone(20_389).at("r", 1)]).contracts.len(), 2);
}

#[test]
fn a_correction_that_is_taken_back_leaves_no_contract_behind() {
    let first = make("M1").montant(100).held_by(&[A]).seen("2024-01-01");
    let correction = make("M1").montant(110).held_by(&[A]).seen("2024-02-01").gone("2024-02-05", false);
    let merged = merge(vec![first, correction]);
    assert_eq!(merged.outcomes, [(0, Outcome::Accepted), (1, Outcome::Gone)]);
}

#[test]
fn what_is_gone_does_not_bring_together_what_stands() {
    let made = vec![
        make("24TRA10").objet("Voirie").montant(50_000).held_by(&[A]),
        make("24TRA17").objet("Voirie").montant(50_000).held_by(&[A]).at("r", 1),
        make("24TRA00").objet("Voirie").montant(50_000).held_by(&[A]).source(1).gone("2024-03-01", false),
    ];
    assert_eq!(merge(made).contracts.len(), 2);
}

#[test]
fn suffixes_follow_content_not_place() {
    let lot = |text: &str, euros, holder| make("M1").objet(text).montant(euros).held_by(&[holder]);
    let made = vec![lot("Lot 1", 10, A), lot("Lot 2", 10, A).at("r", 1), lot("Lot 3", 20, B).at("r", 2)];
    let uids = |m: &Merged| m.contracts.iter().map(|c| c.uid.clone()).collect::<Vec<_>>();
    let first = merge(made.clone());
    assert!(first.contracts.iter().all(|c| c.uid.as_str().len() == BUYER.len() + 2 + 9));
    let moved: Vec<Make> = made.into_iter().rev().enumerate().map(|(i, m)| m.at("z", i as u32)).collect();
    assert_eq!(uids(&merge(moved)), uids(&first));
}

#[test]
fn holders_lot_and_date_alike_take_the_amount_into_the_suffix() {
    let marche = |euros| make("M1").montant(euros).held_by(&[A]);
    let merged = merge(vec![marche(10), marche(20).at("r", 1), marche(30).at("r", 2)]);
    let distinct: BTreeSet<_> = merged.contracts.iter().map(|c| &c.uid).collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn no_two_contracts_share_a_uid_even_where_an_id_looks_like_a_suffix() {
    let first = merge(vec![make("M1").montant(1).held_by(&[A]), make("M1").montant(2).held_by(&[B]).at("r", 1)]);
    let suffixed = first.contracts[0].uid.as_str().trim_start_matches(BUYER).to_owned();
    let merged = merge(vec![
        make("M1").montant(1).held_by(&[A]),
        make("M1").montant(2).held_by(&[B]).at("r", 1),
        make(&suffixed).montant(3).held_by(&[C]).at("r", 2),
    ]);
    let distinct: BTreeSet<_> = merged.contracts.iter().map(|c| &c.uid).collect();
    assert_eq!(distinct.len(), 3);
}

#[test]
fn a_seat_or_a_current_place_inside_puts_a_contract_in_scope() {
    for (seat, place, in_scope, reasons) in [
        (Where::Inside, Where::Inside, true, vec!["place", "seat"]),
        (Where::Outside, Where::Inside, true, vec!["place"]),
        (Where::Inside, Where::Outside, true, vec!["seat"]),
        (Where::Unknown, Where::Unknown, false, vec!["seat-unknown"]),
        (Where::Outside, Where::Unknown, false, vec!["seat-outside"]),
    ] {
        let merged = merge(vec![make("M1").region(seat, place)]);
        let scope = &merged.contracts[0].region;
        assert_eq!((scope.in_scope, &scope.reasons), (in_scope, &reasons.iter().map(|r| (*r).to_owned()).collect()));
        let outcome = if in_scope { Outcome::Accepted } else { Outcome::OutOfRegion };
        assert_eq!(merged.outcomes, [(0, outcome)]);
    }
}

#[test]
fn a_sibling_that_lies_inside_brings_an_unknown_seat_in() {
    let made = vec![
        make("M1").region(Where::Unknown, Where::Unknown),
        make("M1").source(1).region(Where::Unknown, Where::Inside),
    ];
    let merged = merge(made);
    assert!(merged.contracts[0].region.in_scope);
    assert_eq!(merged.outcomes, [(0, Outcome::Accepted), (1, Outcome::Accepted)]);
}

#[test]
fn observations_of_another_buyer_or_of_no_source_are_refused() {
    let merged = merge(vec![make("M1"), make_of("21340172201787", "M1"), make("M1").source(9)]);
    assert_eq!((merged.refused, merged.contracts.len()), (vec![1, 2], 1));
}
