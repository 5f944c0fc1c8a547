//! The laws of the merge as properties, over small worlds in which ids, amounts, holders, texts and
//! days collide all the time.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::decided::Decided;
use super::identity::{atoms, contradict};
use super::testing::*;
use super::{Authority, Candidate, Merged, Outcome, Rule, Rules, SourceFacts, fields, merge_all, merge_buyer, node};
use crate::record::*;

fn sources() -> Vec<SourceFacts> {
    let facts = |id: &str, authority, buyers: &[&str]| SourceFacts {
        id: id.to_owned(),
        authority,
        buyers: buyers.iter().filter_map(|b| Siren::parse(b)).collect(),
    };
    vec![
        facts("m", Authority::Platform, &[]),
        facts("z", Authority::Buyer, &["213105554"]),
        facts("c", Authority::Consolidator, &[]),
    ]
}

fn modification() -> impl Strategy<Value = Modification> {
    (proptest::option::of(1..3u32), proptest::option::of(1..3i8), proptest::option::of(1..3i64)).prop_map(
        |(id, d, euros)| Modification {
            id,
            date: d.and_then(|d| Day::from_ymd(2024, 3, d)),
            montant: euros.map(Money::euros),
            ..Modification::default()
        },
    )
}

fn one() -> impl Strategy<Value = Make> {
    let ids = ["M1", "m-1", "2024M1", "2024M100", "M100", "M101", "M102", "X"];
    let objets = ["", "Voirie", "Voirie lot 1", "Voirie lot 2", "lots 1 et 2"];
    let what = (
        prop::sample::select(ids.to_vec()),
        prop::sample::select(objets.to_vec()),
        proptest::option::weighted(0.8, prop::sample::select(&[0i64, 100, 109, 200][..])),
        prop::sample::subsequence(vec![A, B, C], 0..=2),
        any::<bool>(),
        prop::collection::vec(modification(), 0..3),
    );
    let place = (
        0..3u32,
        prop::sample::select(&["r", "s"][..]),
        0..6u32,
        prop::bool::weighted(0.2),
        prop::sample::select(&[0u8, 0, 0, 0, 1, 2][..]),
    );
    let days =
        (proptest::option::of(1..3i8), proptest::option::of(1..3i8), proptest::option::of(1..4i8), 1..4i8, 1..5i8);
    (what, place, days, any::<(bool, bool, bool)>()).prop_map(
        |((id, objet, euros, held, framework, lines), place, days, flags)| {
            let (source, resource, position, both, state) = place;
            let (published, notified, resource_date, first, gone) = days;
            let on = |d: Option<i8>| d.and_then(|d| Day::from_ymd(2024, 2, d));
            let mut m = make(id).held_by(&held).modified(&lines).source(source).at(resource, position);
            if framework {
                m = m.framework();
            }
            let r = &mut m.0.observation.record;
            r.objet = (!objet.is_empty()).then(|| objet.to_owned());
            r.montant = euros.map(Money::euros);
            r.date_publication = on(published);
            r.date_notification = on(notified);
            r.duree_mois = flags.0.then_some(12);
            r.cpv = Cpv::parse(if flags.1 { "45000000" } else { "71000000" });
            m.0.observation.place = if flags.2 { Where::Inside } else { Where::Outside };
            m.0.observation.seat = Where::Unknown;
            m.0.resource_date = on(resource_date);
            m.0.first_seen = Day::from_ymd(2024, 2, first).unwrap();
            if both {
                m.0.also_in = vec!["s".to_owned(), "t".to_owned()];
            }
            if state > 0 {
                m.0.present = false;
                m.0.withdrawn = state == 2;
                m.0.also_in.clear();
                m.0.gone_since = Day::from_ymd(2024, 2, first.max(gone));
            }
            m
        },
    )
}

/// Records of one buyer in which all that decides identity collides.
pub(super) fn made() -> impl Strategy<Value = Vec<Make>> {
    prop::collection::vec(one(), 1..14)
}

fn world() -> impl Strategy<Value = Vec<Candidate>> {
    made().prop_map(numbered)
}

fn merged(candidates: Vec<Candidate>) -> Merged {
    let siren = Siret::parse(BUYER).unwrap().siren();
    merge_buyer(siren, &sources(), candidates, &Rules::default())
}

fn kinds(m: &Merged) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    for (_, o) in &m.outcomes {
        let name = match o {
            Outcome::Accepted => "accepted",
            Outcome::Superseded => "superseded",
            Outcome::SameAs(_) => "same",
            Outcome::OutOfRegion => "out",
            Outcome::Gone => "gone",
            Outcome::Excluded => "excluded",
        };
        *out.entry(name).or_default() += 1;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_observations_sources_or_ids_changes_the_contracts(
        (first, shuffled) in world().prop_flat_map(|w| (Just(w.clone()), Just(w).prop_shuffle())),
        turn in 0..3usize,
    ) {
        let plain = merged(first);
        let mut turned = sources();
        turned.rotate_left(turn);
        let renamed: Vec<Candidate> = (0i64..).zip(shuffled).map(|(i, mut c)| {
            c.source = (c.source + 3 - turn as u32) % 3;
            c.observation_id = 1000 - i;
            c.also_in.reverse();
            c
        }).collect();
        let siren = Siret::parse(BUYER).unwrap().siren();
        let other = merge_buyer(siren, &turned, renamed, &Rules::default());
        prop_assert_eq!(kinds(&plain), kinds(&other));
        prop_assert_eq!(plain.contracts, other.contracts);
    }

    #[test]
    fn every_observation_has_one_outcome_and_one_contract(world in world()) {
        let n = world.len() as i64;
        let m = merged(world);
        prop_assert_eq!(m.outcomes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        prop_assert_eq!(m.contract_of.iter().map(|(id, _)| *id).collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        prop_assert!(m.contract_of.iter().all(|(_, c)| (*c as usize) < m.contracts.len()));
        let outcomes: BTreeMap<i64, Outcome> = m.outcomes.iter().copied().collect();
        for (id, o) in &m.outcomes {
            if let Outcome::SameAs(kept) = o {
                prop_assert!(kept != id && !matches!(outcomes[kept], Outcome::SameAs(_)));
            }
        }
    }

    #[test]
    fn what_is_gone_and_forgotten_is_not_missed(world in world()) {
        let first = merged(world.clone());
        let gone: BTreeSet<i64> = first.outcomes.iter().filter(|(_, o)| *o == Outcome::Gone).map(|(id, _)| *id).collect();
        let left = world.into_iter().filter(|c| !gone.contains(&c.observation_id)).collect();
        prop_assert_eq!(merged(left).contracts, first.contracts);
    }

    #[test]
    fn no_contract_is_made_of_observations_that_contradict(world in world()) {
        let rules = Rules::default();
        let m = merged(world.clone());
        let siren = Siret::parse(BUYER).unwrap().siren();
        let (nodes, _) = node::prepare(siren, &sources(), world, &rules);
        let found = atoms(&nodes, &Decided::default(), &rules);
        let contract_of: BTreeMap<i64, u32> = m.contract_of.iter().copied().collect();
        let outcome: BTreeMap<i64, Outcome> = m.outcomes.iter().copied().collect();
        let place = |a: &super::identity::Atom| {
            let id = nodes[a.nodes[0] as usize].candidate.observation_id;
            (contract_of[&id], outcome[&id])
        };
        for (i, a) in found.atoms.iter().enumerate() {
            for b in found.atoms.iter().skip(i + 1) {
                let (x, y) = (place(a), place(b));
                if x.0 == y.0 && x.1 != Outcome::Gone && y.1 != Outcome::Gone {
                    prop_assert!(!contradict(a, b, &rules), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn no_source_has_two_numbers_in_a_contract_but_by_their_form(world in world()) {
        let siren = Siret::parse(BUYER).unwrap().siren();
        let by_keys = merge_buyer(siren, &sources(), world.clone(), &Rules::default().without(Rule::AcrossFeeds));
        let part: BTreeMap<i64, u32> = by_keys.contract_of.iter().copied().collect();
        let m = merged(world.clone());
        let outcome: BTreeMap<i64, Outcome> = m.outcomes.iter().copied().collect();
        let of: BTreeMap<i64, u32> = m.contract_of.iter().copied().collect();
        let mut parts: BTreeMap<(u32, u32), BTreeSet<u32>> = BTreeMap::new();
        let mut joined: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for c in world.iter().filter(|c| outcome[&c.observation_id] != Outcome::Gone) {
            let (contract, own) = (of[&c.observation_id], part[&c.observation_id]);
            if !matches!(outcome[&c.observation_id], Outcome::SameAs(_)) {
                parts.entry((contract, c.source)).or_default().insert(own);
                joined.entry(contract).or_default().insert(own);
            }
        }
        prop_assert!(parts.values().all(|p| p.len() == 1), "{parts:?}");
        for (contract, parts) in joined {
            prop_assert_eq!(m.contracts[contract as usize].joins.len(), parts.len() - 1, "each join says why");
        }
        // And what keys joined, rule 4 never parts.
        let mut whole: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (id, p) in &part {
            whole.entry(*p).or_default().insert(of[id]);
        }
        prop_assert!(whole.values().all(|c| c.len() == 1));
    }

    #[test]
    fn candidates_name_contracts_that_stand_apart_and_share_no_source(world in world()) {
        let m = merged(world);
        for c in &m.contracts {
            for d in &c.doubles {
                let other = m.contracts.iter().find(|o| o.uid == d.uid);
                prop_assert!(other.is_some() && d.uid != c.uid);
                prop_assert!(c.observations.iter().all(|o| !d.sources.contains(&o.source)));
                prop_assert!(!c.withdrawn && d.score >= 30);
            }
        }
    }

    #[test]
    fn every_value_is_that_of_the_observation_that_provenance_names(world in world()) {
        let m = merged(world.clone());
        let accepted: BTreeMap<i64, Outcome> = m.outcomes.iter().copied().collect();
        let of: BTreeMap<i64, u32> = m.contract_of.iter().copied().collect();
        for (n, c) in m.contracts.iter().enumerate() {
            // The observations of the contract, in the order in which it lists them.
            let mut own: Vec<&Candidate> = world.iter().filter(|k| {
                of[&k.observation_id] == n as u32
                    && (accepted[&k.observation_id] == Outcome::Accepted || accepted[&k.observation_id] == Outcome::OutOfRegion)
            }).collect();
            own.retain(|k| c.observations.iter().any(|o| is_at(o, k)));
            let said = |i: u32| {
                let o = &c.observations[i as usize];
                own.iter().filter(|k| is_at(o, k)).map(|k| &k.observation.record).collect::<Vec<_>>()
            };
            for field in Field::ALL {
                let named = c.provenance.iter().find(|(f, _)| f == field);
                prop_assert_eq!(fields::present(&c.record, *field), named.is_some(), "{}", field);
                let united = matches!(field, Field::Titulaires | Field::Modifications | Field::ActesSousTraitance | Field::ModificationsActesSousTraitance);
                if let Some((_, i)) = named && !united {
                    prop_assert!(said(*i).iter().any(|r| fields::equal(r, &c.record, *field)), "{}", field);
                }
            }
            prop_assert_eq!(c.titulaires_from.len(), c.record.titulaires.len());
            for (h, i) in c.record.titulaires.iter().zip(&c.titulaires_from) {
                prop_assert!(said(*i).iter().any(|r| r.titulaires.contains(h)));
            }
            prop_assert_eq!(c.modifications_from.len(), c.record.modifications.len());
            for (line, i) in c.record.modifications.iter().zip(&c.modifications_from) {
                prop_assert!(said(*i).iter().any(|r| r.modifications.contains(line)));
            }
            for k in &c.conflicts {
                let texts: BTreeSet<&String> = k.values.iter().map(|(v, _)| v).collect();
                prop_assert_eq!(texts.len(), k.values.len(), "each value once");
                if let Some((_, i)) = c.provenance.iter().find(|(f, _)| *f == k.field) {
                    prop_assert_eq!(k.values[0].1, *i, "the winner first");
                }
            }
        }
    }

    #[test]
    fn uids_are_distinct_and_sorted(world in world()) {
        let m = merged(world);
        for pair in m.contracts.windows(2) {
            prop_assert!(pair[0].uid < pair[1].uid);
        }
    }

    #[test]
    fn buyers_merged_together_or_apart_give_the_same(world in world(), other in world()) {
        let elsewhere: Vec<Candidate> = other.into_iter().map(|mut c| {
            c.observation_id += 100;
            c.observation.record.acheteur = Siret::parse("24340001700022").unwrap();
            c
        }).collect();
        let both: Vec<Candidate> = world.iter().cloned().chain(elsewhere.clone()).collect();
        let all = merge_all(&sources(), both, &Rules::default());
        let siren = Siret::parse("24340001700022").unwrap().siren();
        prop_assert_eq!(&all[0].1, &merged(world));
        prop_assert_eq!(&all[1].1, &merge_buyer(siren, &sources(), elsewhere, &Rules::default()));
    }
}

fn is_at(o: &ObservationRef, c: &Candidate) -> bool {
    let r = &c.observation.record;
    o.source == sources()[c.source as usize].id
        && o.resource == c.resource
        && o.position == c.position
        && o.id == r.id.as_str()
        && o.published == r.date_publication
}

/// The largest buyer must stay a matter of seconds: 20,000 observations, ids in two formats, some
/// reused, and one placeholder id that a thousand contracts share.
#[test]
fn a_buyer_of_twenty_thousand_observations_is_merged_without_comparing_all_with_all() {
    let made: Vec<Make> = (0..20_000u32)
        .map(|i| {
            let contract = i / 2;
            let id = match contract % 10 {
                0 => "0000000000000000".to_owned(),
                1 => format!("2024R{:03}00", contract / 100),
                _ if i % 2 == 0 => format!("2024N{contract:05}00"),
                _ => format!("N{contract:05}"),
            };
            make(&id)
                .source(i % 2)
                .at("r", contract)
                .montant(1000 + i64::from(contract))
                .held_by(&[&format!("{:014}", 10_000_000_000_000 + u64::from(contract % 50))])
                .objet(&format!("Travaux {contract}"))
                .notified("2024-02-01")
        })
        .collect();
    let started = std::time::Instant::now();
    let m = merge(made);
    println!("20,000 observations in {:?}", started.elapsed());
    assert_eq!(m.contracts.iter().filter(|c| c.observations.len() == 2).count(), 10_000);
}

/// Feeds that give every record one id, one holder, another amount and another day, or ids of one
/// family, ask for the most comparisons; the bounds of `cluster` and `second_keys` hold.
#[test]
fn hostile_ids_do_not_make_the_work_grow_with_the_square() {
    let started = std::time::Instant::now();
    let family = |of: u32| {
        (0..6_000u32).map(move |i| {
            let id = match of {
                0 => "0".to_owned(),
                1 => format!("N{}", i / 250),
                _ => format!("{}N{:02}", 2000 + i % 60, i / 60),
            };
            make(&id).source(i % 3).at(&format!("r{i}"), i).montant(1000 + i64::from(i)).held_by(&[A]).objet("Travaux")
        })
    };
    for of in 0..3 {
        let m = merge(family(of).collect());
        println!("family {of}: {} contracts, {:?} so far", m.contracts.len(), started.elapsed());
        assert_eq!(m.outcomes.len(), 6_000);
    }
}
