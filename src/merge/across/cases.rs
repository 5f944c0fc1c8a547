//! Rule 4 case by case: what meets under two ids, what must not, and what is told as a candidate.

use crate::merge::testing::*;
use crate::merge::{Merged, Outcome, Rule, Rules};
use crate::record::*;

/// A contract that has everything.
fn full(id: &str) -> Make {
    make(id)
        .objet("Construction du centre de secours, doublages et cloisons")
        .with(|r| r.montant = "47224.15".parse().ok().map(Money::new))
        .held_by(&["35354717900045"])
        .notified("2018-12-03")
        .with(|r| {
            r.duree_mois = Some(7);
            r.cpv = Cpv::parse("45410000");
            r.lieu = Some(Place { code: Some("31".to_owned()), kind: Some(PlaceType::Departement), name: None });
        })
}

fn contracts(made: Vec<Make>) -> Merged {
    merge(made)
}

fn doubles(m: &Merged) -> Vec<(usize, u32, bool)> {
    let all = m.contracts.iter().enumerate();
    all.flat_map(|(i, c)| c.doubles.iter().map(move |d| (i, d.score, d.tied))).collect()
}

#[test]
fn amount_duration_and_a_mistyped_holder_are_enough_without_day_and_text() {
    let feed = full("PES1").source(1).held_by(&["35345717900045"]).objet("RELANCE LOTS SECS").with(|r| {
        r.date_notification = None;
    });
    let m = contracts(vec![full("M1"), feed]);
    assert_eq!(groups(&m), [[0, 1]]);
    let c = &m.contracts[0];
    assert_eq!((c.joins[0].left.clone(), c.joins[0].right.clone()), (vec![0], vec![1]));
    assert!(c.joins[0].score >= 60);
    for said in ["même montant (47224.15 €)", "une faute de frappe", "même durée (7 mois)"] {
        assert!(c.joins[0].evidence.contains(said), "{}", c.joins[0].evidence);
    }
    let off = merge_with(
        &platforms(&["a", "b", "c"]),
        vec![full("M1"), full("PES1").source(1)],
        &Rules::default().without(Rule::AcrossFeeds),
    );
    assert_eq!(off.contracts.len(), 2);
}

#[test]
fn another_day_amount_holder_or_lot_keeps_two_contracts() {
    let other =
        |change: &dyn Fn(Make) -> Make| contracts(vec![full("M1"), change(full("PES1").source(1))]).contracts.len();
    assert_eq!(other(&|m| m), 1);
    assert_eq!(other(&|m| m.notified("2019-12-03")), 2, "renewed a year later");
    assert_eq!(other(&|m| m.montant(90_000)), 2);
    assert_eq!(other(&|m| m.held_by(&[B])), 2);
    assert_eq!(other(&|m| m.concession()), 2);
    let lots = vec![full("M1").objet("Centre, lot 2"), full("PES1").source(1).objet("Centre, lot 3")];
    assert_eq!(contracts(lots).contracts.len(), 2);
}

#[test]
fn two_records_of_one_source_never_meet_however_alike() {
    let made = vec![full("M1"), full("N2").at("r", 1)];
    assert_eq!(contracts(made.clone()).contracts.len(), 2);
    // Nor through a third source, which both fit.
    let m = contracts(made.into_iter().chain([full("PES1").source(1)]).collect());
    assert_eq!(m.contracts.len(), 3);
    assert_eq!(doubles(&m).len(), 4, "the third is a candidate of both, and they of it: {:?}", doubles(&m));
    assert!(doubles(&m).iter().all(|(_, score, tied)| *tied && *score >= 60));
}

#[test]
fn a_third_source_does_not_bring_two_records_of_one_together() {
    // c fits both a's first and b; b fits a's second better than its first.
    let made = vec![
        full("M1"),
        full("M2").at("r", 1).notified("2018-12-20"),
        full("PES1").source(1).notified("2018-12-20"),
        full("Z1").source(2),
    ];
    let m = contracts(made);
    assert_eq!(groups(&m), [[0, 3], [1, 2]]);
}

#[test]
fn the_best_assignment_decides_and_not_the_first_pair() {
    let made = vec![
        full("M1").notified("2018-12-03"),
        full("M2").at("r", 1).notified("2018-12-08"),
        full("PES1").source(1).notified("2018-12-08"),
        full("PES2").source(1).at("r", 1).notified("2018-12-03"),
    ];
    assert_eq!(groups(&contracts(made)), [[0, 3], [1, 2]]);
}

#[test]
fn close_amounts_of_one_holder_are_a_candidate_with_its_evidence() {
    let feed = full("PES1").source(1).objet("Reconditionnement de deux camions").with(|r| {
        r.montant = "47500".parse().ok().map(Money::new);
        r.date_notification = None;
        r.duree_mois = Some(12);
    });
    let m = contracts(vec![full("M1"), feed]);
    assert_eq!(m.contracts.len(), 2);
    let d = &m.contracts[0].doubles[0];
    assert_eq!((&d.uid, d.tied, d.sources.as_slice()), (&m.contracts[1].uid, false, &["b".to_owned()][..]));
    assert!((30..60).contains(&d.score), "{}", d.score);
    assert!(d.evidence.contains("montants voisins à 1 % près (47224.15 € et 47500 €)"), "{}", d.evidence);
    assert!(m.contracts[1].doubles[0].evidence.contains("(47500 € et 47224.15 €)"));
}

#[test]
fn what_has_little_in_common_is_no_candidate() {
    let feed = full("PES1").source(1).montant(90_000).notified("2020-01-01").objet("Autre chose");
    assert!(doubles(&contracts(vec![full("M1"), feed])).is_empty());
}

#[test]
fn a_feed_that_is_gone_for_a_day_still_belongs_to_its_contract_and_one_gone_for_good_adds_nothing() {
    let gone = |for_good| full("PES1").source(1).gone("2024-12-30", for_good);
    let m = contracts(vec![full("M1"), gone(false)]);
    assert_eq!((groups(&m), m.contracts[0].observations.len()), (vec![vec![0, 1]], 2));
    let m = contracts(vec![full("M1"), gone(true)]);
    assert_eq!(m.outcomes, [(0, Outcome::Accepted), (1, Outcome::Gone)]);
    assert_eq!(m.contracts, contracts(vec![full("M1")]).contracts);
}

#[test]
fn three_feeds_with_three_numbers_are_one_contract() {
    let m = contracts(vec![full("M1"), full("PES1").source(1), full("Z9").source(2)]);
    assert_eq!(groups(&m), [[0, 1, 2]]);
    assert_eq!(m.contracts[0].joins.len(), 2);
}

#[test]
fn one_that_two_feeds_know_and_one_that_fits_only_the_second_take_the_better_pair() {
    // b is the same contract as a's to the day; c fits b too, but is another amount.
    let made = vec![
        full("M1"),
        full("PES1").source(1),
        full("Z9").source(2).with(|r| r.montant = "48000.10".parse().ok().map(Money::new)),
        full("Z8").source(2).at("r", 1),
    ];
    assert_eq!(groups(&contracts(made)), [vec![0, 1, 3], vec![2]]);
}
