//! `validate` and `merge` on local files: no configuration, no data directory.

use serde_json::Value;

use crate::setup::{BUYER, document, guichet, marche, text};

/// A folder with files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn good() -> String {
    document(&[marche("2024-01", 120_000, "2024-03-15"), marche("2024-02", 80_000, "2024-03-15")])
}

/// A negative amount, a CPV with its check digit, and a record without id.
fn bad() -> String {
    let mut negative = marche("2024-03", 1, "2024-03-15");
    negative["montant"] = (-5).into();
    negative["codeCPV"] = "45261000-4".into();
    let mut nameless = marche("x", 1, "2024-03-15");
    nameless.as_object_mut().unwrap().remove("id");
    document(&[marche("2024-01", 120_000, "2024-03-15"), negative, nameless])
}

fn validated(dir: &tempfile::TempDir, arguments: &[&str], code: i32) -> Value {
    let out = guichet()
        .current_dir(dir.path())
        .args(["validate", "--json"])
        .args(arguments)
        .assert()
        .code(code)
        .get_output()
        .clone();
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn a_faultless_file_is_good() {
    let dir = folder(&[("good.json", &good())]);
    let json = validated(&dir, &["good.json"], 0);
    assert_eq!((&json["ok"], &json["records"], &json["errors"]), (&true.into(), &2.into(), &0.into()), "{json}");
    assert_eq!(json["files"][0]["editions"]["2022"], 2);
    assert_eq!(json["files"][0]["rules"], serde_json::json!([]), "{json}");
    let out = guichet().current_dir(dir.path()).args(["validate", "good.json"]).assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains("good: no error"), "{}", text(&out.stdout));
}

#[test]
fn each_broken_rule_is_told_with_its_place_value_and_meaning_worst_first() {
    let dir = folder(&[("bad.json", &bad())]);
    let json = validated(&dir, &["bad.json"], 1);
    let file = &json["files"][0];
    let codes: Vec<(&str, &str)> = file["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["severity"].as_str().unwrap(), r["code"].as_str().unwrap()))
        .collect();
    assert_eq!(codes, [("quarantine", "id-missing"), ("error", "amount-negative"), ("repaired", "cpv-check-digit")]);
    let amount = &file["rules"][1];
    assert_eq!(amount["count"], 1);
    let example = &amount["examples"][0];
    assert_eq!(
        (&example["position"], &example["id"], &example["field"], &example["value"]),
        (&1.into(), &"2024-03".into(), &"montant".into(), &"-5".into())
    );
    // The offset is that of the record itself.
    let offset = example["offset"].as_u64().unwrap() as usize;
    assert!(bad().get(offset..).unwrap().starts_with('{'));
    assert_eq!(file["missing"]["montant"], 1);
    assert_eq!(
        (&file["records"], &file["accepted"], &file["quarantined"], &file["repaired"]),
        (&3.into(), &2.into(), &1.into(), &1.into())
    );
}

#[test]
fn the_report_speaks_french_where_the_user_does() {
    let dir = folder(&[("bad.json", &bad())]);
    let report = |variable: &str, locale: &str| {
        let out = guichet()
            .current_dir(dir.path())
            .env(variable, locale)
            .args(["validate", "bad.json"])
            .assert()
            .code(1)
            .get_output()
            .clone();
        text(&out.stdout)
    };
    let french = report("LANG", "fr_FR.UTF-8");
    assert!(french.contains("ERREUR amount-negative × 1") && french.contains("Montant négatif."), "{french}");
    assert!(french.contains("position 1, octet ") && french.contains("montant = « -5 »"), "{french}");
    let english = report("LC_ALL", "C.UTF-8");
    assert!(english.contains("ERROR amount-negative × 1") && english.contains("A negative amount."), "{english}");
}

#[test]
fn a_cut_file_gives_the_records_before_the_cut_and_is_not_good() {
    let whole = good();
    let cut = &whole[..whole.rfind("2024-02").unwrap()];
    let dir = folder(&[("cut.json", cut)]);
    let json = validated(&dir, &["cut.json"], 1);
    let file = &json["files"][0];
    assert_eq!((&file["ending"], &file["accepted"], &file["ok"]), (&"cut".into(), &1.into(), &false.into()), "{json}");
}

#[test]
fn what_is_no_data_is_told_and_the_other_files_are_read() {
    let dir = folder(&[
        ("page.json", "<!DOCTYPE html><html><body>404</body></html>"),
        ("empty.json", " \n"),
        ("good.json", &good()),
    ]);
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    let json = validated(&dir, &["page.json", "empty.json", "folder", "missing.json", "good.json"], 1);
    let errors: Vec<&str> =
        json["files"].as_array().unwrap().iter().map(|f| f["error"].as_str().unwrap_or("-")).collect();
    for (error, part) in
        errors.iter().zip(["is a web page", "is empty", "is a directory", "there is no such file", "-"])
    {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(json["records"], 2);
}

#[test]
fn stdin_is_read_and_a_wrong_format_is_refused() {
    let out = guichet().args(["validate", "-", "--json"]).write_stdin(good()).assert().code(0).get_output().clone();
    let json: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["records"], 2);
    let dir = folder(&[("good.json", &good())]);
    let json = validated(&dir, &["--format", "decp-xml", "good.json"], 1);
    assert!(json["files"][0]["error"].as_str().unwrap().contains("decp-json by its content"), "{json}");
}

#[test]
fn a_table_of_an_unknown_kind_is_read_by_the_columns_and_the_encoding_that_are_given() {
    let table = "Numéro;Pouvoir adjudicateur;Sujet;Prix;Attributaire\n\
                 2024-01;21310555400017;Réfection de l’école;12000;55208131766522\n";
    let dir = tempfile::tempdir().unwrap();
    let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(table);
    std::fs::write(dir.path().join("t.csv"), &bytes).unwrap();
    let refused = validated(&dir, &["t.csv"], 1);
    assert!(refused["files"][0]["error"].is_string(), "{refused}");
    let columns =
        ["Numéro=id", "Pouvoir adjudicateur=acheteur.id", "Sujet=objet", "Prix=montant", "Attributaire=titulaires.id"];
    let mut arguments = vec!["t.csv"];
    for column in columns {
        arguments.extend(["--columns", column]);
    }
    let file = validated(&dir, &arguments, 0)["files"][0].clone();
    assert_eq!(
        (&file["format"], &file["encoding"], &file["accepted"]),
        (&"decp-csv".into(), &"windows-1252".into(), &1.into()),
        "{file}"
    );
    // What the operator says of the encoding is believed.
    arguments.extend(["--encoding", "macintosh"]);
    assert_eq!(validated(&dir, &arguments, 0)["files"][0]["encoding"], "macintosh");
}

fn merged(dir: &tempfile::TempDir, files: &[&str], code: i32) -> (Vec<Value>, String) {
    let out = guichet().current_dir(dir.path()).arg("merge").args(files).assert().code(code).get_output().clone();
    let lines = text(&out.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    (lines, text(&out.stderr))
}

#[test]
fn local_files_are_merged_and_each_is_a_source() {
    let b = document(&[marche("2024.02", 80_000, "2024-04-01"), marche("2024-00", 10, "2024-03-15")]);
    let dir = folder(&[("a.json", &good()), ("b.json", &b)]);
    let (contracts, told) = merged(&dir, &["a.json", "b.json"], 0);
    let uids: Vec<&str> = contracts.iter().map(|c| c["uid"].as_str().unwrap()).collect();
    assert_eq!(uids, [format!("{BUYER}2024-00"), format!("{BUYER}2024-01"), format!("{BUYER}2024.02")]);
    let sources: Vec<&str> =
        contracts[2]["observations"].as_array().unwrap().iter().map(|o| o["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["a.json", "b.json"]);
    assert_eq!(contracts[2]["region"]["reasons"], serde_json::json!(["no-region"]));
    assert!(told.contains("3 contracts from 2 files"), "{told}");
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let b = document(&[marche("2024-02", 81_000, "2024-04-01"), marche("2024-01", 120_000, "2024-03-20")]);
    let dir = folder(&[("a.json", &good()), ("b.json", &b)]);
    assert_eq!(merged(&dir, &["a.json", "b.json"], 0).0, merged(&dir, &["b.json", "a.json"], 0).0);
}

#[test]
fn a_merge_of_which_a_file_fails_is_partial_and_of_which_all_fail_has_failed() {
    let dir = folder(&[("a.json", &good()), ("page.json", "<html></html>")]);
    let (contracts, told) = merged(&dir, &["a.json", "page.json", "none.json"], 3);
    assert_eq!(contracts.len(), 2);
    assert!(told.contains("page.json: is a web page") && told.contains("none.json: there is no such file"), "{told}");
    assert_eq!(merged(&dir, &["page.json"], 1).0.len(), 0);
}
