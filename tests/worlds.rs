//! The demo's worlds through the pure core: decode, refine and merge as functions, without network
//! or store, judged by the demo's own check. And the other way round: with one rule of the merge
//! switched off, the same worlds must no longer pass, or they would prove nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

use guichet::decode::{self, SplitOptions};
use guichet::demo::{self, Verdict, World};
use guichet::merge::{self, Authority, Candidate, Outcome, Rules, SourceFacts};
use guichet::record::{Contract, Day, Holder, Observation, Siren};
use guichet::reference::Region;
use guichet::refine::{self, Context, Refined};
use serde_json::{Value, json};

/// A record in a payload.
enum Place {
    Known(i64),
    Quarantined,
    OutOfRegion,
}

/// All that the sources said in one night.
#[derive(Default)]
struct Night {
    /// Places of each source's resources.
    places: BTreeMap<(u32, String), Vec<Place>>,
    /// Observations by id: source, resource, position, what it says.
    #[allow(clippy::type_complexity, reason = "a test local shape, named by its fields below")]
    observations: Vec<(u32, Vec<(String, u32)>, Observation)>,
    repaired: BTreeMap<u32, u64>,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn harvest(world: &World, dir: &Path) -> Night {
    let region = Region::insee("76").unwrap();
    let cx = Context { region: &region, register: None, seen: day("2026-11-24") };
    let mut night = Night::default();
    let written = world.write(dir).unwrap();
    for (profile, files) in world.profiles().iter().zip(&written) {
        let source = profile.number as u32;
        let mut known: HashMap<Vec<u8>, i64> = HashMap::new();
        for (spec, file) in profile.files.iter().zip(files) {
            let mut places = Vec::new();
            let bytes = std::fs::File::open(&file.path).unwrap();
            let split = decode::split(bytes, &SplitOptions::default(), &mut |slice| {
                let at = slice.position;
                if let Some(id) = known.get(slice.bytes) {
                    night.observations[*id as usize].1.push((spec.id.clone(), at));
                    places.push(Place::Known(*id));
                    return ControlFlow::Continue(());
                }
                let refined = match decode::parse(&slice) {
                    Err(_) => Refined::Quarantine { reason: "x", detail: String::new() },
                    Ok(raw) => refine::refine(raw, &cx),
                };
                places.push(match refined {
                    Refined::Quarantine { .. } => Place::Quarantined,
                    Refined::OutOfRegion { .. } => Place::OutOfRegion,
                    Refined::Observation(o) => {
                        let id = night.observations.len() as i64;
                        let repaired = o.findings.iter().any(|f| f.severity.name() == "repaired");
                        *night.repaired.entry(source).or_default() += u64::from(repaired);
                        night.observations.push((source, vec![(spec.id.clone(), at)], *o));
                        known.insert(slice.bytes.to_vec(), id);
                        Place::Known(id)
                    }
                });
                ControlFlow::Continue(())
            });
            split.unwrap_or_else(|e| panic!("{}: {e:?}", file.path.display()));
            night.places.insert((source, spec.id.clone()), places);
        }
    }
    night
}

fn run(world: &World, rules: &Rules) -> Verdict {
    let dir = tempfile::tempdir().unwrap();
    let night = harvest(world, dir.path());
    let sources: Vec<_> = world
        .profiles()
        .iter()
        .map(|p| SourceFacts {
            id: p.id.clone(),
            authority: match p.authority {
                demo::Authority::Buyer => Authority::Buyer,
                demo::Authority::Platform => Authority::Platform,
                demo::Authority::Consolidator => Authority::Consolidator,
            },
            buyers: p.buyers.iter().map(|b| Siren::parse(b).unwrap()).collect(),
        })
        .collect();
    let mut buyers: BTreeMap<Siren, Vec<Candidate>> = BTreeMap::new();
    for (id, (source, places, observation)) in (0..).zip(&night.observations) {
        let (resource, position) = places.iter().min().unwrap().clone();
        let mut also_in: Vec<_> = places.iter().map(|p| p.0.clone()).filter(|r| *r != resource).collect();
        also_in.dedup();
        buyers.entry(observation.record.acheteur.siren()).or_default().push(Candidate {
            observation_id: id,
            source: *source,
            resource,
            position,
            also_in,
            present: true,
            withdrawn: false,
            gone_since: None,
            resource_date: Some(day("2026-06-02")),
            first_seen: day("2026-11-24"),
            observation: observation.clone(),
        });
    }
    let (mut contracts, mut outcomes) = (Vec::new(), HashMap::new());
    for (siren, candidates) in buyers {
        let merged = merge::merge_buyer(siren, &sources, candidates, rules);
        assert!(merged.refused.is_empty());
        contracts.extend(merged.contracts.into_iter().filter(|c| c.region.in_scope));
        outcomes.extend(merged.outcomes);
    }
    contracts.sort_by(|a, b| a.uid.cmp(&b.uid));
    publish(world, &night, &contracts, &outcomes, dir.path());
    demo::check(dir.path(), world).unwrap()
}

/// The three files that the check reads.
fn publish(world: &World, night: &Night, contracts: &[Contract], outcomes: &HashMap<i64, Outcome>, dir: &Path) {
    let lines: String = contracts.iter().map(|c| format!("{}\n", line(c))).collect();
    let mut counts: BTreeMap<u32, [u64; 6]> = BTreeMap::new();
    for ((source, _), places) in &night.places {
        let count = counts.entry(*source).or_default();
        let mut seen = std::collections::BTreeSet::new();
        for place in places {
            count[0] += 1;
            count[match place {
                Place::Quarantined => 4,
                Place::OutOfRegion => 5,
                Place::Known(id) => {
                    // Equal content in another file is no repeat, whatever its bytes.
                    let same = if let Outcome::SameAs(first) = outcomes[id] { first } else { *id };
                    match outcomes[&same] {
                        _ if !seen.insert(same) => 3,
                        Outcome::Accepted => 1,
                        Outcome::Superseded => 2,
                        Outcome::OutOfRegion => 5,
                        Outcome::SameAs(_) | Outcome::Gone | Outcome::Excluded => panic!("everything is present"),
                    }
                }
            }] += 1;
        }
    }
    let sources: Vec<Value> = counts
        .iter()
        .map(|(source, c)| {
            json!({"source": world.profiles()[*source as usize].id, "received": c[0], "accepted": c[1], "superseded": c[2],
                   "repeats": c[3], "quarantined": c[4], "out_of_region": c[5],
                   "repaired": night.repaired.get(source).copied().unwrap_or(0)})
        })
        .collect();
    let old = contracts.iter().filter(|c| c.only_2019).count();
    let manifest = json!({"files": [
        {"name": "contrats.ndjson", "bytes": lines.len(), "rows": contracts.len()},
        {"name": "decp.json", "bytes": 0, "rows": contracts.len() - old},
        {"name": "decp-2019.json", "bytes": 0, "rows": old}], "left_out": {}});
    std::fs::write(dir.join("contrats.ndjson"), lines).unwrap();
    std::fs::write(dir.join("quality.json"), json!({"sources": sources}).to_string()).unwrap();
    std::fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
}

fn line(c: &Contract) -> Value {
    let r = &c.record;
    let money = |m: guichet::record::Money| serde_json::from_str::<Value>(&m.to_string()).unwrap();
    let holders = |h: &[Holder]| h.iter().map(|h| json!({"id": h.id})).collect::<Vec<_>>();
    let list = |n: usize| vec![json!({}); n];
    let observations: Vec<_> = c
        .observations
        .iter()
        .map(|o| json!({"source": o.source, "resource": o.resource, "position": o.position, "acheteur_id": o.acheteur_id, "id": o.id}))
        .collect();
    let mut v = json!({
        "uid": c.uid.as_str(), "type": r.kind.name(), "titulaires": holders(&r.titulaires),
        "montant": r.montant.map(money), "dureeMois": r.duree_mois,
        "dateNotification": r.date_notification.map(|d| d.to_string()), "objet": r.objet,
        "offresRecues": r.offres_recues, "codeCPV": r.cpv.map(|c| c.to_string()), "modifications": list(r.modifications.len()),
        "actesSousTraitance": list(r.actes.len()), "modificationsActesSousTraitance": list(r.modifications_actes.len()),
        "donneesExecution": list(r.donnees_execution.len()),
        "current": {"montant": c.current.montant.map(money), "dureeMois": c.current.duree_mois, "titulaires": holders(&c.current.titulaires)},
        "observations": observations, "region": {"in_scope": c.region.in_scope}, "withdrawn": c.withdrawn,
    });
    v.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    v["current"].as_object_mut().unwrap().retain(|_, v| !v.is_null());
    v
}

#[test]
fn twenty_worlds_come_out_as_they_are() {
    for seed in 1..=20 {
        let verdict = run(&World::new(seed, 300, 9), &Rules::default());
        assert!(verdict.holds(), "seed {seed}: {}", verdict.table(false, demo::Language::English));
    }
}

#[test]
fn a_later_night_comes_out_as_it_is() {
    for night in 2..=4 {
        let world = World::new(1, 2_000, 12).night(night);
        // What is removed is kept by the store, which this test has none of.
        let gone = world.ledger().contracts.iter().filter(|c| c.records.iter().all(|r| r.place.is_none())).count();
        let verdict = run(&world, &Rules::default());
        assert_eq!((verdict.wrong, verdict.missed), (0, gone), "{:#?}", verdict.details);
    }
}

#[test]
fn no_rule_of_the_merge_can_be_switched_off_unnoticed() {
    let mut unnoticed = Vec::new();
    for rule in merge::Rule::ALL {
        let rules = Rules::default().without(*rule);
        let noticed = (1..=3).any(|seed| !run(&World::new(seed, 400, 9), &rules).holds());
        if !noticed {
            unnoticed.push(rule);
        }
    }
    assert!(unnoticed.is_empty(), "no world tells the difference: {unnoticed:?}");
}
