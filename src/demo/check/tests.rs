use super::*;
use crate::demo::truth::{Says, TruthContract};
use serde_json::{Value, json};

/// A publication that is the truth, to be spoiled.
struct Publication {
    contracts: Vec<Value>,
    quality: Value,
    manifest: Value,
}

fn value<T: Clone>(says: &Says<T>, to: impl Fn(&T) -> Value) -> Value {
    match says {
        Says::This(v) => to(v),
        Says::Nothing | Says::Anything => Value::Null,
    }
}

/// A line of contrats.ndjson, made from the truth alone.
fn line(world: &World, c: &TruthContract) -> Value {
    let e = &c.expected;
    let number = |v: &crate::record::Money| serde_json::from_str(&v.to_string()).unwrap();
    let holders = |ids: &BTreeSet<String>| ids.iter().map(|id| json!({"typeIdentifiant": "SIRET", "id": id})).collect();
    let list = |n: usize| vec![json!({"observation": 0}); n];
    let observations: Vec<_> = c
        .records
        .iter()
        .filter(|r| matches!(r.fate, Fate::Accepted(_) | Fate::Gone(_)))
        .map(|r| {
            let profile = &world.profiles()[r.source];
            let place = r.place.unwrap_or(Place { source: r.source, resource: 0, position: 999_999 });
            json!({"source": profile.id, "resource": profile.files[place.resource].id, "position": place.position,
                   "acheteur_id": r.acheteur_id, "id": r.id, "published": "2024-01-01"})
        })
        .collect();
    let mut v = json!({
        "uid": format!("{}{}~{}", c.records[0].acheteur_id, c.records[0].id, c.id),
        "type": e.kind.name(),
        "titulaires": value(&e.titulaires, holders),
        "montant": value(&e.montant, number),
        "dureeMois": value(&e.duree_mois, |d| json!(d)),
        "dateNotification": value(&e.date, |d| json!(d.to_string())),
        "objet": value(&e.objet, |o| json!(o)),
        "codeCPV": value(&e.cpv, |o| json!(o)),
        "offresRecues": value(&e.offres_recues, |n| json!(n)),
        "modifications": list(e.modifications),
        "actesSousTraitance": list(e.actes),
        "modificationsActesSousTraitance": list(e.modifications_actes),
        "donneesExecution": list(e.annees),
        "current": {
            "montant": value(&e.current_montant, number),
            "dureeMois": value(&e.current_duree_mois, |d| json!(d)),
            "titulaires": value(&e.current_titulaires, holders),
        },
        "observations": observations,
        "region": {"in_scope": true, "reasons": ["seat"]},
        "withdrawn": false,
    });
    // Absent = key absent.
    let prune = |v: &mut Value| v.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    prune(&mut v);
    prune(&mut v["current"]);
    v
}

impl Publication {
    fn of(world: &World) -> Self {
        let ledger = world.ledger();
        let mut contracts: Vec<_> = ledger.contracts.iter().filter(|c| c.in_scope).map(|c| line(world, c)).collect();
        contracts.sort_by(|a, b| a["uid"].as_str().cmp(&b["uid"].as_str()));
        let sources: Vec<_> = world
            .profiles()
            .iter()
            .zip(&ledger.counts)
            .map(|(p, c)| {
                json!({"source": p.id, "received": c.received, "accepted": c.accepted, "superseded": c.superseded,
                       "repeats": c.repeats, "quarantined": c.quarantined, "out_of_region": c.out_of_region,
                       "repaired": c.misspelled, "late": 0, "missing": {}, "rules": {}})
            })
            .collect();
        let n = ledger.contracts.iter().filter(|c| c.in_scope && c.in_2022).count();
        let rest = contracts.len() - n;
        let manifest = json!({
            "files": [{"name": "decp.json", "sha256": "", "bytes": 0, "rows": n - 2},
                      {"name": "decp-2019.json", "sha256": "", "bytes": 0, "rows": rest},
                      {"name": "contrats.ndjson", "sha256": "", "bytes": 0, "rows": contracts.len()}],
            "left_out": {"decp": {"id-too-long": 2}, "decp-2019": {}},
        });
        Self { contracts, quality: json!({"sources": sources, "buyers": []}), manifest }
    }

    fn judge(&self, world: &World) -> Verdict {
        let dir = tempfile::tempdir().unwrap();
        let lines: String = self.contracts.iter().map(|c| format!("{c}\n")).collect();
        let mut manifest = self.manifest.clone();
        manifest["files"][2]["bytes"] = json!(lines.len());
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        put("contrats.ndjson", &lines);
        put("quality.json", &self.quality.to_string());
        put("manifest.json", &manifest.to_string());
        check(dir.path(), world).unwrap()
    }
}

fn world() -> World {
    World::new(1, 200, 9)
}

#[test]
fn a_publication_that_is_the_truth_holds_in_every_night() {
    for seed in 0..4 {
        for night in [1, 2, 4] {
            let world = World::new(seed, 400, 9).night(night);
            let p = Publication::of(&world);
            let verdict = p.judge(&world);
            assert!(verdict.holds(), "{seed} {night} {:#?}", verdict.details);
            assert_eq!((verdict.found, verdict.contracts), (p.contracts.len(), p.contracts.len()));
            assert!(verdict.quarantined >= 7 && verdict.repaired > 0 && verdict.records > 400);
        }
    }
}

#[test]
fn a_contract_left_out_is_missed() {
    let world = world();
    let mut p = Publication::of(&world);
    p.contracts.remove(10);
    p.manifest["files"][2]["rows"] = json!(p.contracts.len());
    let verdict = p.judge(&world);
    assert_eq!(verdict.missed, 1, "{:?}", verdict.details);
    // Its row is missing in one of the official files as well.
    assert_eq!(verdict.wrong, 1, "{:?}", verdict.details);
}

#[test]
fn two_contracts_made_one_are_wrong_and_missed() {
    let world = world();
    let mut p = Publication::of(&world);
    let moved = p.contracts.remove(20)["observations"].as_array().unwrap().clone();
    p.contracts[20]["observations"].as_array_mut().unwrap().extend(moved);
    let verdict = p.judge(&world);
    assert!(verdict.missed == 1 && verdict.wrong >= 1);
    assert!(verdict.details.iter().any(|d| d.contains("it mixes the contracts")), "{:?}", verdict.details);
}

#[test]
fn one_contract_made_two_is_wrong() {
    let world = world();
    let mut p = Publication::of(&world);
    let several = |c: &Value| c["observations"].as_array().unwrap().len() > 1;
    let at = p.contracts.iter().position(several).unwrap();
    let mut half = p.contracts[at].clone();
    let all = p.contracts[at]["observations"].as_array_mut().unwrap();
    half["observations"] = json!([all.pop().unwrap()]);
    half["uid"] = json!(format!("{}+", half["uid"].as_str().unwrap()));
    p.contracts.insert(at + 1, half);
    let verdict = p.judge(&world);
    assert!(verdict.wrong >= 2, "{:?}", verdict.details);
    assert!(verdict.details.iter().any(|d| d.contains("published 2 times")));
}

#[test]
fn each_value_that_differs_is_wrong() {
    let spoil: [(&str, fn(&mut Value)); 9] = [
        ("montant", |c| c["montant"] = json!(1.5)),
        ("montant", |c| drop(c.as_object_mut().unwrap().remove("montant"))),
        ("dureeMois", |c| c["dureeMois"] = json!(999)),
        ("titulaires", |c| c["titulaires"] = json!([{"id": "99999999999999"}])),
        ("dateNotification", |c| c["dateNotification"] = json!("2001-01-01")),
        ("modifications", |c| c["modifications"].as_array_mut().unwrap().push(json!({}))),
        ("current.montant", |c| c["current"]["montant"] = json!(7)),
        ("withdrawn", |c| c["withdrawn"] = json!(true)),
        ("type", |c| c["type"] = json!("consultation")),
    ];
    let world = world();
    let truth = Publication::of(&world);
    // A contract that has all of these.
    let at = truth.contracts.iter().position(|c| c.get("montant").is_some() && c.get("titulaires").is_some()).unwrap();
    for (field, how) in spoil {
        let mut p = Publication::of(&world);
        how(&mut p.contracts[at]);
        let verdict = p.judge(&world);
        assert_eq!((verdict.wrong, verdict.missed), (1, 0), "{field}: {:?}", verdict.details);
        assert!(verdict.details[0].contains(field), "{field}: {:?}", verdict.details);
    }
}

#[test]
fn a_lost_record_a_lost_count_and_an_invented_observation_are_wrong() {
    let world = world();
    for (name, change) in [("received", -1), ("quarantined", 1), ("repeats", 1), ("out_of_region", -1)] {
        let mut p = Publication::of(&world);
        let sources = p.quality["sources"].as_array_mut().unwrap();
        let count = sources.iter_mut().find(|s| s[name].as_i64().unwrap() > 0).unwrap();
        count[name] = json!(count[name].as_i64().unwrap() + change);
        assert_eq!(p.judge(&world).wrong, 1, "{name}");
    }
    let mut p = Publication::of(&world);
    p.contracts[3]["observations"][0]["id"] = json!("INVENTED");
    assert!(p.judge(&world).wrong >= 1);
    let mut p = Publication::of(&world);
    p.quality["sources"].as_array_mut().unwrap().remove(0);
    assert_eq!(p.judge(&world).wrong, 1);
    let mut p = Publication::of(&world);
    p.contracts.swap(4, 5);
    assert_eq!(p.judge(&world).wrong, 1, "not sorted");
}

#[test]
fn a_contract_of_another_region_is_wrong() {
    let world = world();
    let ledger = world.ledger();
    let mut outside = ledger.contracts.iter().find(|c| !c.in_scope).unwrap().clone();
    for r in &mut outside.records {
        r.fate = Fate::Accepted(0);
    }
    let mut p = Publication::of(&world);
    p.contracts.push(line(&world, &outside));
    p.contracts.sort_by(|a, b| a["uid"].as_str().cmp(&b["uid"].as_str()));
    let verdict = p.judge(&world);
    assert!(verdict.details.iter().any(|d| d.contains("not of the region")), "{:?}", verdict.details);
}

#[test]
fn a_folder_without_a_publication_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let error = check(dir.path(), &world()).unwrap_err().to_string();
    assert!(error.contains("contrats.ndjson") && error.contains("cannot judge"), "{error}");
}
