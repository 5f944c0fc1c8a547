//! Survivorship rule by rule (records.md §5).

use super::testing::*;
use super::{Authority, Outcome, Rule, Rules, SourceFacts};
use crate::record::{
    Contract, Cpv, Day, Field, Finding, Format, FormePrix, Holder, Modification, Money, Severity, Siret, TypePrix,
};

fn source(id: &str, authority: Authority, speaks: bool) -> SourceFacts {
    SourceFacts {
        id: id.to_owned(),
        authority,
        buyers: if speaks { vec![Siret::parse(BUYER).unwrap().siren()] } else { Vec::new() },
    }
}

fn one(sources: &[SourceFacts], made: Vec<Make>) -> Contract {
    let merged = merge_with(sources, made, &Rules::default());
    assert_eq!(merged.contracts.len(), 1);
    merged.contracts.into_iter().next().unwrap()
}

fn from(c: &Contract, field: Field) -> Option<&str> {
    let (_, i) = c.provenance.iter().find(|(f, _)| *f == field)?;
    Some(&c.observations[*i as usize].source)
}

fn cpv(m: Make, code: &str) -> Make {
    m.with(|r| r.cpv = Cpv::parse(code))
}

#[test]
fn the_source_that_speaks_for_the_buyer_beats_a_newer_one() {
    let sources = [source("z", Authority::Scrape, true), source("a", Authority::Buyer, false)];
    let old = cpv(make("M1").published("2024-01-01"), "45000000");
    let new = cpv(make("M1").published("2024-06-01"), "71000000").source(1);
    let c = one(&sources, vec![old.clone(), new.clone()]);
    assert_eq!(from(&c, Field::CodeCpv), Some("z"));
    let off = merge_with(&sources, vec![old, new], &Rules::default().without(Rule::AuthorityFirst));
    assert_eq!(from(&off.contracts[0], Field::CodeCpv), Some("a"));
}

#[test]
fn authority_ranks_buyer_platform_consolidator_scrape_and_a_buyer_elsewhere_is_a_platform() {
    let order = [Authority::Platform, Authority::Consolidator, Authority::Scrape];
    for pair in order.windows(2) {
        let sources = [source("a", pair[1], false), source("b", pair[0], false)];
        let made = vec![
            cpv(make("M1").published("2024-06-01"), "45000000"),
            cpv(make("M1").published("2024-01-01"), "71000000").source(1),
        ];
        assert_eq!(from(&one(&sources, made), Field::CodeCpv), Some("b"));
    }
    // Equal rank: the newer one wins.
    let sources = [source("a", Authority::Buyer, false), source("b", Authority::Platform, false)];
    let made = vec![
        cpv(make("M1").published("2024-01-01"), "45000000"),
        cpv(make("M1").published("2024-06-01"), "71000000").source(1),
    ];
    assert_eq!(from(&one(&sources, made), Field::CodeCpv), Some("b"));
}

#[test]
fn a_day_after_the_resources_own_date_does_not_make_a_record_newer() {
    let sources = platforms(&["a", "b"]);
    let typo = cpv(make("M1").published("2042-01-01"), "45000000");
    let sound = cpv(make("M1").published("2024-06-01"), "71000000").source(1);
    let c = one(&sources, vec![typo.clone(), sound.clone()]);
    assert_eq!(from(&c, Field::CodeCpv), Some("b"));
    let off = merge_with(&sources, vec![typo, sound], &Rules::default().without(Rule::FutureDates));
    assert_eq!(from(&off.contracts[0], Field::CodeCpv), Some("a"));
}

#[test]
fn a_modification_makes_a_record_newer_and_an_undated_one_has_its_resources_date() {
    let sources = platforms(&["a", "b"]);
    let line = Modification { date: Day::from_ymd(2024, 7, 1), ..Modification::default() };
    let made = vec![
        cpv(make("M1").published("2024-02-01"), "45000000"),
        cpv(make("M1").published("2024-01-01"), "71000000").source(1).modified(&[line]),
    ];
    assert_eq!(from(&one(&sources, made), Field::CodeCpv), Some("b"));
    let undated = vec![
        cpv(make("M1").published("2024-02-01"), "45000000"),
        cpv(make("M1"), "71000000").source(1).resource_date(Some("2024-03-01")),
    ];
    assert_eq!(from(&one(&sources, undated), Field::CodeCpv), Some("b"));
    let first_seen = vec![
        cpv(make("M1").published("2024-02-01"), "45000000"),
        cpv(make("M1"), "71000000").source(1).resource_date(None).seen("2024-01-15"),
    ];
    assert_eq!(from(&one(&sources, first_seen), Field::CodeCpv), Some("a"));
}

#[test]
fn more_valid_fields_then_the_smaller_source_id_decide() {
    let sources = platforms(&["b", "a"]);
    let made = vec![cpv(make("M1"), "45000000").objet("Voirie"), cpv(make("M1"), "71000000").source(1)];
    assert_eq!(from(&one(&sources, made), Field::CodeCpv), Some("b"));
    let made = vec![cpv(make("M1"), "45000000"), cpv(make("M1"), "71000000").source(1)];
    assert_eq!(from(&one(&sources, made), Field::CodeCpv), Some("a"));
}

#[test]
fn a_valid_value_beats_an_absent_one_whoever_says_it() {
    let sources = [source("a", Authority::Buyer, true), source("b", Authority::Scrape, false)];
    let made = vec![make("M1").objet("Voirie"), cpv(make("M1"), "71000000").source(1)];
    let c = one(&sources, made);
    assert_eq!((from(&c, Field::CodeCpv), from(&c, Field::Objet)), (Some("b"), Some("a")));
}

#[test]
fn coupled_fields_come_from_one_winner_and_gaps_from_who_agrees() {
    let sources = platforms(&["a", "b", "c"]);
    let winner = make("M1").published("2024-06-01").montant(100).held_by(&[A]);
    let agrees =
        make("M1").published("2024-01-01").montant(100).held_by(&[A]).source(1).with(|r| r.offres_recues = Some(3));
    let differs =
        make("M1").published("2024-02-01").montant(90).held_by(&[A]).source(2).with(|r| r.duree_mois = Some(48));
    let made = vec![winner, agrees, differs];
    let c = one(&sources, made.clone());
    assert_eq!(c.record.offres_recues, Some(3));
    assert_eq!(from(&c, Field::OffresRecues), Some("b"));
    assert_eq!(c.record.duree_mois, None, "nobody who agrees says a duration");
    let lost = c.conflicts.iter().find(|k| k.field == Field::DureeMois).unwrap();
    assert_eq!(lost.values[0].0, "48", "the loser stays visible");
    let off = merge_with(&sources, made, &Rules::default().without(Rule::Coupled));
    assert_eq!(off.contracts[0].record.duree_mois, Some(48));
}

#[test]
fn an_observation_with_an_unusable_amount_leaves_the_coupled_fields_to_a_valid_one() {
    let sources = platforms(&["a", "b"]);
    let broken = make("M1").published("2024-06-01").held_by(&[A]).with(|r| r.duree_mois = Some(12));
    let valid = make("M1").published("2024-01-01").montant(100).held_by(&[B]).source(1);
    let c = one(&sources, vec![broken, valid]);
    assert_eq!(c.record.montant, Some(Money::euros(100)));
    assert_eq!(c.record.titulaires, [holder(B)]);
    assert_eq!(c.record.duree_mois, None);
}

#[test]
fn who_does_not_speak_for_the_buyer_fills_a_gap_but_replaces_nothing() {
    let sources = [source("a", Authority::Buyer, true), source("b", Authority::Platform, false)];
    let own = make("M1").held_by(&[A]).with(|r| r.duree_mois = Some(12));
    let other = |siret| make("M1").montant(100).held_by(&[siret]).source(1).with(|r| r.duree_mois = Some(24));
    let c = one(&sources, vec![own.clone(), other(A)]);
    assert_eq!((c.record.montant, c.record.duree_mois), (Some(Money::euros(100)), Some(12)));
    let c = one(&sources, vec![own, other(B)]);
    assert_eq!((c.record.montant, c.record.titulaires), (None, vec![holder(A)]));
}

#[test]
fn one_content_of_a_source_is_current_and_the_rest_add_nothing() {
    let old = cpv(make("M1").published("2024-01-01").montant(100).held_by(&[A]), "45000000");
    let new = make("M1").published("2024-06-01").montant(110).held_by(&[A]).at("r", 1);
    let merged = merge(vec![old, new]);
    assert_eq!(merged.outcomes, [(0, Outcome::Superseded), (1, Outcome::Accepted)]);
    let c = &merged.contracts[0];
    assert_eq!((c.record.cpv, c.observations.len()), (None, 1));
    assert!(c.conflicts.is_empty());
}

#[test]
fn conflicts_show_every_value_once_the_winner_first() {
    let sources = platforms(&["a", "b", "c"]);
    let say = |source, on: &str, euros| make("M1").source(source).published(on).montant(euros).held_by(&[A]);
    let c = one(&sources, vec![say(0, "2024-01-01", 1200), say(1, "2024-06-01", 1300), say(2, "2024-03-01", 1200)]);
    let k = c.conflicts.iter().find(|k| k.field == Field::Montant).unwrap();
    assert_eq!(k.values, [("1300".to_owned(), 1), ("1200".to_owned(), 2)]);
    assert!(!c.conflicts.iter().any(|k| k.field == Field::Titulaires));
}

#[test]
fn modifications_are_united_in_order_and_make_the_current_state() {
    let sources = platforms(&["a", "b"]);
    let on = |d: i8, euros: Option<i64>| Modification {
        date: Day::from_ymd(2024, 3, d),
        montant: euros.map(Money::euros),
        ..Modification::default()
    };
    let longer = Modification { duree_mois: Some(24), titulaires: vec![holder(B)], ..on(9, None) };
    let base = || make("M1").montant(100).held_by(&[A]).with(|r| r.duree_mois = Some(12));
    let made = vec![
        base().modified(&[on(20, Some(130)), on(1, Some(120))]).published("2024-05-01"),
        base().modified(&[longer, Modification { id: Some(3), ..on(20, Some(130)) }]).source(1),
    ];
    let c = one(&sources, made.clone());
    let days: Vec<i8> = c.record.modifications.iter().map(|m| m.date.unwrap().date().day()).collect();
    assert_eq!(days, [1, 9, 20]);
    assert_eq!(c.modifications_from.len(), 3);
    assert_eq!(c.current.montant, Some(Money::euros(130)));
    assert_eq!((c.current.duree_mois, c.current.titulaires), (Some(24), vec![holder(B)]));
    assert_eq!(c.record.montant, Some(Money::euros(100)), "the first declared stays");
    let off = merge_with(&sources, made, &Rules::default().without(Rule::UnitedModifications));
    assert_eq!(off.contracts[0].record.modifications.len(), 2);
}

#[test]
fn the_2019_format_alone_makes_a_2019_contract() {
    let v1 = make("M1").format(Format::V2019);
    assert!(merge(vec![v1.clone()]).contracts[0].only_2019);
    assert!(!merge(vec![v1.clone(), make("M1").source(1)]).contracts[0].only_2019);
    // A 2022 record that its own source superseded was given all the same.
    let newer = v1.published("2024-06-01");
    let merged = merge(vec![make("M1").published("2024-01-01").at("r", 1), newer]);
    assert!(!merged.contracts[0].only_2019);
}

#[test]
fn findings_of_current_observations_go_with_the_contract() {
    let mut flawed = make("M1");
    flawed.0.observation.findings.push(Finding {
        code: "siret-key".into(),
        field: "titulaires[0].id".into(),
        value: "1".to_owned(),
        severity: Severity::Warning,
    });
    let merged = merge(vec![make("M1").objet("x"), flawed.source(1)]);
    let c = &merged.contracts[0];
    assert_eq!((c.findings.len(), c.findings[0].1), (1, 1));
}

#[test]
fn a_united_framework_meets_the_full_list_of_another_source_without_conflict() {
    let sources = platforms(&["a", "b"]);
    let base = || make("AC1").objet("Fournitures").montant(90_000).framework();
    let made = vec![
        base().held_by(&[A]).published("2024-02-01"),
        base().held_by(&[B]).published("2024-02-01").at("r", 1),
        base().held_by(&[A, B]).source(1).with(|r| r.forme_prix = Some(FormePrix::Mixte)),
    ];
    let c = one(&sources, made);
    assert!(!c.conflicts.iter().any(|k| k.field == Field::Titulaires), "{:?}", c.conflicts);
    assert_eq!(c.record.titulaires.len(), 2);
    assert_eq!(c.record.forme_prix, Some(FormePrix::Mixte));
}

#[test]
fn a_2019_record_and_a_2022_one_make_one_contract_with_the_names_of_the_first() {
    let sources = platforms(&["a", "b"]);
    let v1 = make("2024M00100").montant(100).notified("2024-01-03").format(Format::V2019).with(|r| {
        r.acheteur_nom = Some("Ville".to_owned());
        r.types_prix = vec![TypePrix::Ferme];
        r.titulaires = vec![Holder { name: Some("ACME".to_owned()), ..holder(A) }];
    });
    let v2 = make("M001").montant(100).held_by(&[A]).notified("2024-01-03").source(1).published("2024-02-01");
    let c = one(&sources, vec![v1.resource_date(Some("2024-01-05")), v2]);
    assert_eq!(c.uid.as_str(), format!("{BUYER}M001"));
    assert_eq!(from(&c, Field::AcheteurNom), Some("a"));
    assert_eq!(from(&c, Field::TypesPrix), Some("a"), "it agrees on amount and holder");
    assert_eq!(from(&c, Field::Titulaires), Some("b"));
    assert!(!c.only_2019);
}
