//! A contract over the nights: what each day knew, and what its modifications made of it.

use serde_json::{Value, json};

use crate::journey::{Profile, json as asked};
use crate::setup::{BUYER, Region, document, marche, text};

fn night(region: &Region, day: &str, profile: &Profile, marches: &[Value]) {
    profile.put("albi.json", document(marches));
    region.guichet().env("GUICHET_NOW", format!("{day}T03:00:00Z")).args(["-q", "harvest"]).assert().code(0);
}

/// First seen on the 20th for 100 000 €, corrected on the 22nd, modified on the 24th.
fn three_nights() -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    region.source("albi", &profile.url("albi.json"));
    let first = marche("M1", 100_000, "2024-03-15");
    let corrected = marche("M1", 110_000, "2024-03-20");
    let mut modified = corrected.clone();
    let change = |id: u32, day: &str, montant: u64| json!({"modification": {"id": id, "dureeMois": 6 + id, "montant": montant, "dateNotificationModification": day, "datePublicationDonneesModification": day}});
    modified["modifications"] = json!([change(1, "2026-06-01", 120_000), change(2, "2026-11-23", 130_000)]);
    let other = marche("M2", 5, "2024-03-15");
    night(&region, "2026-11-20", &profile, &[first, other.clone()]);
    night(&region, "2026-11-22", &profile, &[corrected, other.clone()]);
    night(&region, "2026-11-24", &profile, &[modified, other]);
    (region, profile)
}

#[test]
fn explain_tells_what_each_day_knew_and_what_modifications_made_of_the_contract() {
    let (region, _profile) = three_nights();
    let uid = format!("{BUYER}M1");
    let now = asked(&region, &["explain", &uid], 0);
    assert_eq!((&now["as_of"], &now["contract"]["montant"]), (&Value::Null, &110_000.into()));
    let declared = now["history"]["declared"].as_array().unwrap();
    let steps: Vec<(&Value, &Value, &Value, &Value)> =
        declared.iter().map(|d| (&d["date"], &d["modification"], &d["montant"], &d["dureeMois"])).collect();
    assert_eq!(
        steps,
        [
            (&"2024-03-01".into(), &Value::Null, &110_000.into(), &6.into()),
            (&"2026-06-01".into(), &1.into(), &120_000.into(), &7.into()),
            (&"2026-11-23".into(), &2.into(), &130_000.into(), &8.into()),
        ]
    );
    let known = now["history"]["known"].as_array().unwrap();
    let days: Vec<(&Value, &Value)> = known.iter().map(|k| (&k["day"], &k["contracts"][0]["montant"])).collect();
    let expected = [("2026-11-20", 100_000), ("2026-11-22", 110_000), ("2026-11-24", 130_000)];
    assert_eq!(
        days,
        expected.map(|(day, m)| (Value::from(day), Value::from(m))).iter().map(|(d, m)| (d, m)).collect::<Vec<_>>()
    );
    let observations = now["observations"].as_array().unwrap();
    for (k, day) in known.iter().zip(["2026-11-20", "2026-11-22", "2026-11-24"]) {
        let seen = k["seen"][0].as_u64().unwrap() as usize;
        assert_eq!(observations[seen]["first_seen"], day);
    }
    assert_eq!(observations.iter().filter(|o| o["outcome"] == "gone").count(), 2);

    let then = asked(&region, &["explain", &uid, "--as-of", "2026-11-21"], 0);
    assert_eq!((&then["as_of"], &then["stored"]), (&"2026-11-21".into(), &Value::Null));
    assert_eq!((&then["contract"]["montant"], &then["in_force"]["montant"]), (&100_000.into(), &100_000.into()));
    assert_eq!(
        (then["history"]["known"].as_array().unwrap().len(), then["observations"].as_array().unwrap().len()),
        (1, 1)
    );
    let corrected = asked(&region, &["explain", &uid, "--as-of", "2026-11-22"], 0);
    assert_eq!(corrected["contract"]["montant"], 110_000);
    assert_eq!(
        (&now["in_force"]["montant"], &now["contract"]["current"]["montant"]),
        (&130_000.into(), &130_000.into())
    );

    let out = region.guichet().args(["explain", &uid, "--as-of", "2026-11-22"]).assert().code(0).get_output().clone();
    for said in ["as the region knew it on 2026-11-22", "in force on 2026-11-22: 110000, 6 months", "award\t110000"] {
        assert!(text(&out.stdout).contains(said), "{said}\n{}", text(&out.stdout));
    }
}

#[test]
fn a_day_before_it_was_known_ahead_or_none_at_all_is_wrong_usage() {
    let (region, _profile) = three_nights();
    for (day, said) in
        [("2026-11-19", "was not known on"), ("2027-01-01", "lies ahead"), ("hier", "a date is expected")]
    {
        let uid = format!("{BUYER}M1");
        let told = region.guichet().args(["explain", &uid, "--as-of", day]).assert().code(2).get_output().clone();
        assert!(text(&told.stderr).contains(said), "{day} {}", text(&told.stderr));
    }
}

#[test]
fn contracts_of_one_id_say_why_they_are_not_one_and_second_keys_on_what_they_agree() {
    let (region, profile) = (Region::new(), Profile::start());
    region.source("albi", &profile.url("albi.json"));
    let (one, mut two) = (marche("M1", 100_000, "2024-03-15"), marche("M1", 90_000, "2024-03-15"));
    two["titulaires"][0]["titulaire"]["id"] = "21340172201787".into();
    let (plain, counted) = (marche("2024V7", 77_000, "2024-03-15"), marche("2024V700", 77_000, "2024-03-16"));
    night(&region, "2026-11-24", &profile, &[one, two, plain, counted]);
    let several = asked(&region, &["explain", &format!("{BUYER}M1")], 2);
    let uid = several["candidates"][0]["uid"].as_str().unwrap();
    let e = asked(&region, &["explain", uid], 0);
    assert_eq!(e["refused"], json!([{"uid": several["candidates"][1]["uid"], "why": "other-parties"}]));
    let e = asked(&region, &["explain", &format!("{BUYER}2024V7")], 0);
    let second: Vec<&Value> =
        e["observations"].as_array().unwrap().iter().filter(|o| o["identity"] == "second-key").collect();
    assert_eq!(second.len(), 1, "{e}");
    assert_eq!(second[0]["agrees_on"], json!(["titulaires", "montant"]));
}
