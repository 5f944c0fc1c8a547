//! One contract that two feeds number differently, from the harvest to doublons.csv, and switched off.

use serde_json::Value;

use crate::journey::{Profile, json};
use crate::setup::{BUYER, Region, document, marche, stanza, text};

fn two_feeds() -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    region.sources(&(stanza("albi", &profile.url("albi.json")) + &stanza("paie", &profile.url("paie.json"))));
    let albi = [marche("2024-01", 47_224, "2024-03-15"), marche("2024-02", 80_000, "2024-03-15")];
    let mut anew = marche("PES-77", 47_224, "2024-03-02");
    anew["objet"] = "TOITURE GYMNASE".into();
    anew["titulaires"][0]["titulaire"]["id"] = "55208137166522".into();
    profile.put("albi.json", document(&albi));
    profile.put("paie.json", document(&[anew, marche("PES-78", 120_500, "2024-03-02")]));
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    (region, profile)
}

fn published(region: &Region) -> (usize, Vec<String>) {
    region.guichet().args(["-q", "publish", "--accept-shrink"]).assert().code(0);
    let read = |name: &str| std::fs::read_to_string(region.path("var/public/latest").join(name)).unwrap();
    let doubles = read("doublons.csv").split_terminator("\r\n").skip(1).map(str::to_owned).collect();
    (read("contrats.ndjson").lines().count(), doubles)
}

#[test]
fn a_contract_under_two_ids_is_one_explained_with_its_evidence_and_two_when_switched_off() {
    let (region, _profile) = two_feeds();
    let e = json(&region, &["explain", &format!("{BUYER}PES-77")], 0);
    assert_eq!(e["uid"], format!("{BUYER}2024-01"));
    let identities: Vec<&Value> = e["observations"].as_array().unwrap().iter().map(|o| &o["identity"]).collect();
    assert_eq!(identities, ["same-id", "across-feeds"]);
    let join = &e["joins"][0];
    assert_eq!((&join["left"], &join["right"]), (&serde_json::json!([0]), &serde_json::json!([1])));
    assert!(join["score"].as_f64().unwrap() >= 0.6, "{join}");
    for said in ["même montant (47224 €)", "faute de frappe", "même date de notification"] {
        assert!(join["evidence"].as_str().unwrap().contains(said), "{join}");
    }
    let refused = json(&region, &["explain", &format!("{BUYER}2024-02")], 0);
    let candidate = &refused["candidates"][0];
    assert_eq!((&candidate["uid"], &candidate["why"]), (&format!("{BUYER}PES-78").into(), &"score-too-low".into()));
    let out = region.guichet().args(["explain", &format!("{BUYER}2024-02")]).assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains("montants différents (80000 € et 120500 €)"), "{}", text(&out.stdout));

    let (contracts, doubles) = published(&region);
    assert_eq!((contracts, doubles.len()), (3, 1), "{doubles:?}");
    assert!(doubles[0].starts_with(&format!("{BUYER}2024-02,{BUYER}PES-78,213105554,0.")), "{doubles:?}");
    assert!(doubles[0].contains(",score insuffisant,"), "{doubles:?}");

    let settings = region.path("config/guichet.toml");
    let before = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{before}[merge]\nacross_feeds = false\n")).unwrap();
    assert_eq!(published(&region), (4, Vec::new()));
    std::fs::write(&settings, before).unwrap();
    assert_eq!(published(&region), (3, doubles));
}

#[test]
fn local_files_are_merged_across_ids_unless_asked_to_go_by_ids_only() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.json"), document(&[marche("2024-01", 47_224, "2024-03-15")])).unwrap();
    std::fs::write(dir.path().join("b.json"), document(&[marche("PES-77", 47_224, "2024-03-02")])).unwrap();
    let merged = |more: &[&str]| {
        let mut command = crate::setup::guichet();
        let command = command.current_dir(dir.path()).args(["-q", "merge", "a.json", "b.json"]).args(more);
        text(&command.assert().code(0).get_output().stdout).lines().count()
    };
    assert_eq!((merged(&[]), merged(&["--ids-only"])), (1, 2));
}
