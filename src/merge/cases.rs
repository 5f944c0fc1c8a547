//! Identity case by case: what must meet and, above all, what must not (records.md §4).
//!
//! Every must-not-merge case is shown with its rule off as well, where the two then do merge: a
//! case that no rule decides tests nothing.

use super::testing::*;
use super::{Outcome, Rule, Rules};
use crate::record::{Day, Format, Modification};

/// Whether the rule is what decides: the groups with every rule on, and other groups with it off.
fn decides(rule: Rule, made: &[Make], groups_on: &[Vec<i64>]) {
    let sources = platforms(&["a", "b", "c"]);
    let on = groups(&merge_with(&sources, made.to_vec(), &Rules::default()));
    assert_eq!(on, groups_on, "all rules on");
    let off = merge_with(&sources, made.to_vec(), &Rules::default().without(rule));
    assert_ne!(groups(&off), groups_on, "without {}", rule.name());
}

#[test]
fn separators_case_and_accents_of_an_id_do_not_part_two_sources() {
    let made =
        [make("2022/14é").montant(10_000).held_by(&[A]), make(" 2022.14E").source(1).montant(10_000).held_by(&[A])];
    decides(Rule::NormalisedIds, &made, &[vec![0, 1]]);
    let zeros = merge(vec![make("0014"), make("14").source(1)]);
    assert_eq!(zeros.contracts.len(), 2, "leading zeros stay");
}

#[test]
fn a_buyer_that_moves_to_another_establishment_is_the_same_buyer() {
    let made = [
        make("M1").montant(10_000).held_by(&[A]),
        make_of("21310555400025", "M1").source(1).montant(10_000).held_by(&[A]),
    ];
    decides(Rule::BuyerIsSiren, &made, &[vec![0, 1]]);
}

#[test]
fn a_marche_and_a_concession_of_one_id_are_two_and_both_take_a_suffix() {
    let made =
        [make("M1").montant(10_000).held_by(&[A]), make("M1").source(1).montant(10_000).held_by(&[A]).concession()];
    decides(Rule::KindInKey, &made, &[vec![0], vec![1]]);
    let merged = merge(made.to_vec());
    assert!(merged.contracts.iter().all(|c| c.uid.as_str().contains("M1~")));
}

#[test]
fn two_amounts_of_one_payload_and_date_are_two_contracts_even_of_one_holder() {
    let lot = |euros| make("20181101").objet("Ancien hôpital").montant(euros).held_by(&[A]);
    let made = [lot(80_096).published("2018-12-21"), lot(20_389).published("2018-12-21").at("r", 1)];
    decides(Rule::OnePayload, &made, &[vec![0], vec![1]]);
    decides(Rule::Contradictions, &made, &[vec![0], vec![1]]);
    let undated = [lot(80_096), lot(20_389).at("r", 1)];
    decides(Rule::OnePayload, &undated, &[vec![0], vec![1]]);
}

#[test]
fn one_dated_and_one_undated_record_may_be_a_correction() {
    let made = vec![
        make("M1").montant(80_096).held_by(&[A]).published("2018-12-21"),
        make("M1").montant(20_389).held_by(&[A]).at("r", 1),
    ];
    assert_eq!(groups(&merge(made)), [[0, 1]]);
}

#[test]
fn two_payloads_that_share_a_resource_through_a_third_place_still_contradict() {
    let mut first = make("M1").montant(100_000).held_by(&[A]).at("2023", 0);
    first.0.also_in = vec!["2024".to_owned()];
    let second = make("M1").montant(200_000).held_by(&[A]).at("2024", 1);
    assert_eq!(groups(&merge(vec![first, second])), [[0], [1]]);
}

#[test]
fn lots_of_one_id_holder_and_amount_are_two() {
    let lot = |text: &str| make("2024300293").objet(text).montant(209_280).held_by(&[A]);
    let made = [lot("24 logements: Lot 2 : gros oeuvre"), lot("24 logements: Lot 3 : menuiseries").at("r", 1)];
    decides(Rule::LotNumbers, &made, &[vec![0], vec![1]]);
    let elsewhere = [made[0].clone(), made[1].clone().source(1)];
    decides(Rule::LotNumbers, &elsewhere, &[vec![0], vec![1]]);
}

#[test]
fn disjoint_holders_with_different_amounts_are_two_wherever_they_stand() {
    let made = [
        make("20181001").montant(117_095).held_by(&[A]).published("2018-12-04"),
        make("20181001").montant(6_217).held_by(&[B]).published("2018-12-21").at("r", 1),
    ];
    decides(Rule::DisjointHolders, &made, &[vec![0], vec![1]]);
}

#[test]
fn a_corrected_amount_or_a_corrected_holder_alone_is_one_contract() {
    let first = make("M1").montant(100_000).held_by(&[A]).published("2024-01-02");
    let amount = make("M1").montant(110_000).held_by(&[A]).published("2024-02-02").at("s", 0);
    let holder = make("M1").montant(100_000).held_by(&[B]).published("2024-02-02").at("s", 0);
    assert_eq!(groups(&merge(vec![first.clone(), amount])), [[0, 1]]);
    assert_eq!(groups(&merge(vec![first, holder])), [[0, 1]]);
}

#[test]
fn another_establishment_of_a_holder_is_no_other_holder_between_sources() {
    let made = vec![
        make("M1").montant(100_000).held_by(&["11111111100011"]),
        make("M1").montant(105_000).held_by(&["11111111100029"]).source(1),
    ];
    assert_eq!(groups(&merge(made)), [[0, 1]]);
}

#[test]
fn an_observation_from_elsewhere_joins_the_contract_it_fits() {
    let lot = |euros, source| make("M1").montant(euros).held_by(&[A]).source(source);
    // Neighbours in amount, but object and date tell which is which.
    let made = [
        lot(100_000, 0).objet("a").notified("2024-01-01"),
        lot(300_000, 0).objet("b").notified("2024-02-02").at("r", 1),
        lot(150_000, 1).objet("b").notified("2024-02-02"),
        lot(290_000, 1).objet("a").notified("2024-01-01").at("r", 1),
    ];
    decides(Rule::BestFit, &made, &[vec![0, 3], vec![1, 2]]);
}

#[test]
fn an_observation_that_fits_two_contracts_never_makes_one_of_them() {
    let made = vec![
        make("M1").montant(100_000).held_by(&[A]),
        make("M1").montant(200_000).held_by(&[A]).at("r", 1),
        make("M1").held_by(&[A]).source(1),
    ];
    let merged = merge(made);
    assert_eq!(merged.contracts.len(), 2);
    let reused = |c: &crate::record::Contract| c.findings.iter().any(|(f, _)| f.code == "id-reused");
    assert!(merged.contracts.iter().all(reused));
}

#[test]
fn a_framework_published_one_record_a_holder_is_one_contract_with_all_holders() {
    let piece = |siret| make("AC1").objet("Fournitures").montant(90_000).held_by(&[siret]).framework();
    let made = [piece(A), piece(B).at("r", 1), piece(C).at("r", 2)];
    decides(Rule::UnitedFrameworks, &made, &[vec![0, 1, 2]]);
    let merged = merge(made.to_vec());
    let c = &merged.contracts[0];
    assert_eq!(c.record.titulaires, [A, B, C].map(holder));
    assert_eq!(c.titulaires_from, [0, 1, 2]);
    assert!(c.conflicts.is_empty(), "{:?}", c.conflicts);
    assert!(merged.outcomes.iter().all(|(_, o)| *o == Outcome::Accepted));
    assert_eq!(c.current.titulaires.len(), 3);
}

#[test]
fn what_is_no_framework_or_differs_in_object_or_date_is_not_united() {
    let piece = |siret| make("AC1").objet("Fournitures").montant(90_000).held_by(&[siret]);
    let plain = vec![piece(A), piece(B).at("r", 1)];
    assert_eq!(merge(plain).contracts.len(), 2);
    let dates =
        vec![piece(A).framework().notified("2024-01-01"), piece(B).framework().notified("2024-03-01").at("r", 1)];
    assert_eq!(merge(dates).contracts.len(), 2);
    let objects = vec![piece(A).framework(), piece(B).framework().objet("Travaux").at("r", 1)];
    assert_eq!(merge(objects).contracts.len(), 2);
}

#[test]
fn a_v1_id_meets_the_v2_id_without_its_year_and_sequence() {
    let old = make("2024N030000").montant(50_000).held_by(&[A]).notified("2024-01-05");
    let new = make("N0300").montant(50_000).held_by(&[A]).source(1);
    decides(Rule::SecondKeys, &[old.format(Format::V2019), new], &[vec![0, 1]]);
}

#[test]
fn an_amount_and_a_holder_or_an_object_and_a_holder_are_evidence_less_is_none() {
    let v1 = make("2024N030000").objet("Voirie du centre").montant(50_000).held_by(&[A]).notified("2024-01-05");
    let v2 = |m: Make| vec![v1.clone(), m.source(1).notified("2024-01-05")];
    let n = || make("N0300");
    for (other, contracts) in [
        (n().montant(50_000).held_by(&[A]), 1),
        (n().objet("VOIRIE du centre.").held_by(&[A]), 1),
        (n().montant(50_000).objet("Voirie du centre"), 2),
        (n().montant(50_000).held_by(&[B]), 2),
        (n().montant(60_000).held_by(&[A]).objet("Éclairage"), 2),
        (n(), 2),
    ] {
        assert_eq!(merge(v2(other)).contracts.len(), contracts);
    }
    let made = v2(n().montant(60_000).held_by(&[A]).objet("Éclairage"));
    decides(Rule::SecondKeysNeedEvidence, &made, &[vec![0], vec![1]]);
}

#[test]
fn second_keys_do_not_join_what_contradicts() {
    let made = vec![
        make("2024N030000").objet("Voirie, lot 1").montant(50_000).held_by(&[A]).notified("2024-01-05"),
        make("N0300").objet("Voirie, lot 2").montant(50_000).held_by(&[A]).notified("2024-01-05").source(1),
    ];
    assert_eq!(merge(made).contracts.len(), 2);
}

#[test]
fn ids_that_differ_in_their_last_two_digits_meet_only_from_00() {
    let marche = |id| make(id).objet("Voirie").montant(50_000).held_by(&[A]);
    let made = [marche("24TRA10"), marche("24TRA17").at("r", 1)];
    decides(Rule::SequenceNeedsZero, &made, &[vec![0], vec![1]]);
    let made = vec![marche("201918A06900"), marche("201918A06901").at("r", 1)];
    assert_eq!(groups(&merge(made)), [[0, 1]]);
}

#[test]
fn two_contracts_are_not_pulled_together_through_their_stem() {
    let marche = |id| make(id).objet("Voirie").montant(50_000).held_by(&[A]);
    let made = [marche("24TRA10"), marche("24TRA17").at("r", 1), marche("24TRA").source(1)];
    decides(Rule::NoThird, &made, &[vec![0, 2], vec![1]]);
}

#[test]
fn a_sequence_that_counts_its_modifications_is_one_contract() {
    let line = |d: i8| Modification { date: Day::from_ymd(2024, 3, d), ..Modification::default() };
    let marche = |id, lines: &[Modification]| make(id).objet("Voirie").montant(50_000).held_by(&[A]).modified(lines);
    let made = vec![
        marche("2024N00", &[]),
        marche("2024N01", &[line(1)]).at("r", 1),
        marche("2024N02", &[line(1), line(2)]).at("r", 2),
    ];
    assert_eq!(groups(&merge(made)), [[0, 1, 2]]);
}

#[test]
fn contracts_of_two_years_of_one_numbering_do_not_meet() {
    let marche = |id, on| make(id).objet("Fleurs").montant(5_000).held_by(&[A]).notified(on);
    let made = vec![marche("2023N014", "2023-02-01"), marche("2024N014", "2024-02-01").source(1)];
    assert_eq!(merge(made).contracts.len(), 2);
}

#[test]
fn a_lot_named_among_others_is_the_same_contract_elsewhere_only_with_the_same_amount() {
    let say = |text: &str, euros| make("M1").objet(text).montant(euros).held_by(&[A]);
    let one = || say("Voirie, lot 2", 100_000);
    let both = |euros| say("Voirie, lots 2 et 3", euros);
    assert_eq!(merge(vec![one(), both(100_000).source(1)]).contracts.len(), 1);
    assert_eq!(merge(vec![one(), both(150_000).source(1)]).contracts.len(), 2);
    assert_eq!(merge(vec![one(), both(100_000).at("r", 1)]).contracts.len(), 2);
}
