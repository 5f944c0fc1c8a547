//! Decisions of operators through the command line: taken, explained, checked, taken back.

use serde_json::Value;

use crate::journey::{Profile, json};
use crate::setup::{BUYER, Region, document, marche, stanza, text};

const REST: &str = "who = \"M. Durand, plateforme régionale\"\nwhy = \"confirmé par l'acheteur\"\nwhen = 2026-11-24\n";

fn records(ids: &[&str]) -> String {
    ids.iter().map(|id| format!("[\"{BUYER}\", \"{id}\"]")).collect::<Vec<_>>().join(", ")
}

/// Two feeds: `2024-01` in both under two forms, `A-7` and `B-9` that nothing joins.
fn two_feeds() -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    region.sources(&(stanza("albi", &profile.url("albi.json")) + &stanza("paie", &profile.url("paie.json"))));
    let mut other = marche("B-9", 99_000, "2024-03-15");
    other["titulaires"][0]["titulaire"]["id"] = "21340172201787".into();
    other["objet"] = "Tout autre chose".into();
    profile.put("albi.json", document(&[marche("2024-01", 47_224, "2024-03-15"), marche("A-7", 80_000, "2024-03-15")]));
    profile.put("paie.json", document(&[marche("2024/01", 47_224, "2024-03-20"), other]));
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    (region, profile)
}

fn published(region: &Region) -> Vec<Value> {
    region.guichet().args(["-q", "publish", "--accept-shrink"]).assert().code(0);
    let read = std::fs::read_to_string(region.path("var/public/latest/contrats.ndjson")).unwrap();
    read.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn decide(region: &Region, toml: &str) {
    std::fs::write(region.path("config/overrides.toml"), toml).unwrap();
}

#[test]
fn decisions_win_are_told_with_who_why_and_when_and_taken_back_leave_no_trace() {
    let (region, _profile) = two_feeds();
    let before = published(&region);
    assert_eq!(before.len(), 3);
    decide(
        &region,
        &format!(
            "[[same]]\nrecords = [{}]\n{REST}\n[[different]]\nrecords = [{}]\n{REST}",
            records(&["A-7", "B-9"]),
            records(&["2024-01", "2024/01"])
        ),
    );
    region.guichet().args(["check"]).assert().code(0);
    assert_eq!(published(&region).len(), 3);

    let e = json(&region, &["explain", &format!("{BUYER}B-9")], 0);
    assert_eq!(e["observations"].as_array().unwrap().len(), 2, "{e}");
    let d = &e["decisions"][0];
    assert_eq!((&d["verdict"], &d["why"]), (&"same".into(), &"confirmé par l'acheteur".into()));
    assert_eq!((&d["when"], &d["place"]), (&"2026-11-24".into(), &"config/overrides.toml:1:1".into()));
    assert_eq!(d["records"][1], serde_json::json!([BUYER, "B-9"]));
    let identities: Vec<&Value> = e["observations"].as_array().unwrap().iter().map(|o| &o["identity"]).collect();
    assert!(identities.contains(&&"decision".into()), "{identities:?}");

    let ambiguous = json(&region, &["explain", &format!("{BUYER}2024-01")], 0);
    let refused = &ambiguous["refused"][0];
    assert_eq!(refused["why"], "decided", "{ambiguous}");
    assert!(refused["uid"].as_str().unwrap().starts_with(&format!("{BUYER}2024/01")), "{refused}");
    let out = region.guichet().args(["explain", &format!("{BUYER}2024-01")]).assert().code(0).get_output().clone();
    for said in ["decided different", "M. Durand", "confirmé par l'acheteur", "2026-11-24", "an operator decided so"] {
        assert!(text(&out.stdout).contains(said), "{said}\n{}", text(&out.stdout));
    }

    std::fs::remove_file(region.path("config/overrides.toml")).unwrap();
    assert_eq!(published(&region), before);
}

#[test]
fn an_excluded_record_leaves_the_dump_is_counted_and_explained() {
    let (region, _profile) = two_feeds();
    published(&region);
    decide(&region, &format!("[[exclude]]\nrecord = {}\n{REST}", records(&["A-7"])));
    assert_eq!(published(&region).len(), 2);
    let status = json(&region, &["status"], 0);
    let albi = status["sources"].as_array().unwrap().iter().find(|s| s["id"] == "albi").unwrap();
    assert_eq!((&albi["records"]["accepted"], &albi["records"]["out_of_region"]), (&1.into(), &1.into()), "{albi}");
    assert_eq!(status["decisions"], serde_json::json!({"total": 1, "void": []}));
    let told = region.guichet().args(["explain", &format!("{BUYER}A-7")]).assert().code(2).get_output().clone();
    let told = text(&told.stderr);
    assert!(told.contains("excluded") && told.contains("M. Durand") && told.contains("overrides.toml:1:1"), "{told}");
}

#[test]
fn a_decision_about_what_no_source_declares_is_an_error_of_check_and_stops_nothing_else() {
    let (region, _profile) = two_feeds();
    decide(&region, &format!("[[same]]\nrecords = [{},\n  {}]\n{REST}", records(&["A-7"]), records(&["b.9"])));
    let errors = text(&region.guichet().args(["check"]).assert().code(78).get_output().stderr);
    assert!(errors.contains("config/overrides.toml:3:3"), "{errors}");
    assert!(errors.contains("no source has declared") && errors.contains("B-9"), "{errors}");
    region.guichet().args(["check", "--files"]).assert().code(0);
    let published = region.guichet().args(["publish"]).assert().code(0).get_output().clone();
    assert!(text(&published.stderr).contains("a decision has no effect: overrides.toml:3:3"), "{published:?}");
    let status = json(&region, &["status"], 0);
    assert!(status["decisions"]["void"][0].as_str().unwrap().starts_with("overrides.toml:3:3: "), "{status}");
    // Without a store there is nothing to compare with.
    std::fs::remove_dir_all(region.path("var")).unwrap();
    region.guichet().args(["check"]).assert().code(0);
}

#[test]
fn local_files_are_merged_under_the_decisions_of_a_configuration_that_is_named() {
    let (region, _profile) = two_feeds();
    decide(&region, &format!("[[same]]\nrecords = [{}]\n{REST}", records(&["A-7", "Q-3"])));
    std::fs::write(region.path("a.json"), document(&[marche("A-7", 80_000, "2024-03-15")])).unwrap();
    std::fs::write(region.path("b.json"), document(&[marche("Q-3", 12, "2024-03-15")])).unwrap();
    let merged = |more: &[&str]| {
        let mut command = region.guichet();
        let out = command.args(["-q", "merge", "a.json", "b.json"]).args(more).assert().code(0).get_output().clone();
        text(&out.stdout).lines().count()
    };
    assert_eq!((merged(&[]), merged(&["--config", "config/guichet.toml"])), (2, 1));
}

#[test]
fn a_marche_and_a_concession_decided_the_same_are_an_error_of_check_and_stay_two() {
    let (region, profile) = (Region::new(), Profile::start());
    region.source("albi", &profile.url("albi.json"));
    let concession = serde_json::json!({
        "id": "C-1", "autoriteConcedante": {"id": BUYER}, "nature": "Délégation de service public", "objet": "Eau",
        "procedure": "Procédure négociée ouverte", "dureeMois": 96, "dateSignature": "2024-03-01", "valeurGlobale": 5_000_000,
        "datePublicationDonnees": "2024-03-15", "concessionnaires": [{"concessionnaire": {"id": "55208131766522", "typeIdentifiant": "SIRET"}}]
    });
    let both = serde_json::json!({"marches": {"marche": [marche("A-7", 80_000, "2024-03-15")], "contrat-concession": [concession]}});
    profile.put("albi.json", both.to_string());
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    decide(&region, &format!("[[same]]\nrecords = [{}]\n{REST}", records(&["A-7", "C-1"])));
    let errors = text(&region.guichet().args(["check"]).assert().code(78).get_output().stderr);
    assert!(errors.contains("they are never one contract") && errors.contains("overrides.toml:2:"), "{errors}");
    assert_eq!(published(&region).len(), 2);
}
