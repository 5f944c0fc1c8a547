//! The command line as a user meets it: the real binary, its output, its exit codes.
//!
//! `journey`, `quality`, `quarantine` and `renumbered` need a harvest, from a server of their own on loopback; everything
//! else needs files only.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod decisions;
mod files;
mod history;
mod journey;
mod quality;
mod quarantine;
mod renumbered;
mod setup;

use setup::{Region, guichet, shipped, text};

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let out = guichet().arg("--help").assert().code(0).get_output().clone();
    for word in ["harvest", "explain", "validate", "sources", "78  configuration error", "GUICHET_NOW"] {
        assert!(text(&out.stdout).contains(word), "{word}");
    }
    guichet().arg("--version").assert().code(0);
    guichet().args(["sources", "--help"]).assert().code(0);
}

#[test]
fn wrong_usage_ends_with_2() {
    for line in ["harvests", "", "validate", "explain", "sources show", "db restore", "validate --format csv x"] {
        let out = guichet().args(line.split_whitespace()).assert().code(2).get_output().clone();
        assert!(out.stdout.is_empty(), "{line}");
        assert!(!out.stderr.is_empty(), "{line}");
    }
    guichet().args(["sources", "probe", "decp.json"]).assert().code(2);
}

#[test]
fn the_shipped_configuration_is_good() {
    let out = guichet().args(["check", "--config"]).arg(shipped()).assert().code(0).get_output().clone();
    assert!(text(&out.stdout).starts_with("ok: "), "{}", text(&out.stdout));
    let out = guichet().args(["check", "--json", "--config"]).arg(shipped()).assert().code(0).get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&json["ok"], &json["errors"]), (&true.into(), &0.into()));
    let count = |key: &str| json["sources"][key].as_u64().unwrap();
    assert_eq!(count("total"), count("enabled") + count("disabled"));
    assert!(count("enabled") > 10);
}

#[test]
fn every_error_of_the_configuration_is_shown_at_once_with_its_place() {
    let region = Region::new();
    region.sources("[[source]]\nid = \"a\"\nname = \"A\"\nurl = \"ftp://example.org\"\nlicense = \"etalab-2.0\"\n");
    for command in [&["check"][..], &["status"], &["harvest"], &["publish"], &["sources", "list"], &["explain", "x"]] {
        let out = region.guichet().args(command).assert().code(78).get_output().clone();
        let told = text(&out.stderr);
        for part in ["sources.toml:4:", "sources.toml:5:1", "did you mean `licence`?", "license = \"etalab-2.0\""] {
            assert!(told.contains(part), "{command:?} {part}: {told}");
        }
        assert!(!told.contains('\u{1b}'), "no colours where nobody looks");
    }
    let out = region.guichet().args(["check", "--json"]).assert().code(78).get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["errors"].as_u64().unwrap() >= 2, "{json}");
    let places = json["diagnostics"].as_array().unwrap();
    assert!(places.iter().any(|d| d["line"] == 4 && d["column"].is_u64()), "{json}");
}

#[test]
fn a_configuration_that_is_nowhere_is_a_configuration_error() {
    let empty = tempfile::tempdir().unwrap();
    let out = guichet().current_dir(empty.path()).arg("status").assert().code(78).get_output().clone();
    assert!(text(&out.stderr).contains("--config FILE"));
    let out =
        guichet().env("GUICHET_NOW", "yesterday").args(["check", "--rules"]).assert().code(78).get_output().clone();
    assert!(text(&out.stderr).contains("2026-11-24T03:00:00Z"), "{}", text(&out.stderr));
}

#[test]
fn a_configuration_that_others_can_write_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let region = Region::new();
    region.source("a", "http://127.0.0.1:9/x.json");
    let file = region.path("config/guichet.toml");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let out = region.guichet().arg("check").assert().code(0).get_output().clone();
    assert!(text(&out.stderr).contains("others than its owner can write"), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("1 warning"), "{}", text(&out.stdout));
}

#[test]
fn the_rules_are_listed_in_both_languages_without_a_configuration() {
    let empty = tempfile::tempdir().unwrap();
    let out =
        guichet().current_dir(empty.path()).args(["check", "--rules", "--json"]).assert().code(0).get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let rules = json["rules"].as_array().unwrap();
    for code in ["amount-negative", "id-missing", "id-reused"] {
        let rule = rules.iter().find(|r| r["code"] == code).unwrap();
        assert!(rule["message"]["fr"].as_str().unwrap().len() > 10, "{rule}");
        assert_ne!(rule["message"]["fr"], rule["message"]["en"], "{rule}");
    }
    let out = guichet().current_dir(empty.path()).args(["check", "--rules"]).assert().code(0).get_output().clone();
    assert_eq!(text(&out.stdout).lines().count(), rules.len());
}

#[test]
fn completions_and_man_pages_are_printed() {
    let out = guichet().args(["completions", "bash"]).assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains("accept-shrink"));
    let out = guichet().arg("man").assert().code(0).get_output().clone();
    assert!(text(&out.stdout).contains(".TH guichet 1"));
    let dir = tempfile::tempdir().unwrap();
    guichet().args(["man", "--dir"]).arg(dir.path()).assert().code(0);
    assert!(dir.path().join("guichet-explain.1").is_file());
}

#[test]
fn before_the_first_harvest_status_shows_what_is_configured() {
    let region = Region::new();
    region.source("albi", "http://127.0.0.1:9/albi.json");
    let out = region.guichet().arg("status").assert().code(0).get_output().clone();
    let told = text(&out.stdout);
    assert!(told.starts_with("albi\tok\t-\t"), "{told}");
    assert!(told.contains("# store: none yet") && told.contains("# publication: none yet"), "{told}");
    let out = region.guichet().args(["status", "--json"]).assert().code(0).get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["sources"][0]["id"], "albi");
    assert!(json["sources"][0]["next_run"].is_string() && json["publication"].is_null(), "{json}");
    assert!(!region.path("var").exists(), "a command that reads makes nothing");
}

#[test]
fn what_is_not_there_is_told_with_what_to_do() {
    let region = Region::new();
    region.source("albi", "http://127.0.0.1:9/albi.json");
    let told = |arguments: &[&str], code| {
        let out = region.guichet().args(arguments).assert().code(code).get_output().clone();
        text(&out.stderr)
    };
    assert!(told(&["db", "check"], 1).contains("guichet harvest"));
    assert!(told(&["db", "backup", "copy.db"], 1).contains("there is no store"));
    assert!(told(&["db", "restore", "copy.db"], 1).contains("there is no backup"));
    assert!(told(&["sources", "show", "alby"], 2).contains("did you mean `albi`?"));
    assert!(told(&["sources", "forget", "alby"], 2).contains("did you mean `albi`?"));
    assert!(told(&["sources", "forget", "albi"], 2).contains("remove its stanza first"));
    assert!(told(&["explain", "21310555400017X"], 2).contains("nothing was harvested yet"));
    assert!(told(&["serve", "--public", "nowhere"], 1).contains("there is no folder"));
}

#[test]
fn the_stanza_shown_is_the_one_understood_and_keeps_secrets() {
    let region = Region::new();
    region.sources(
        "[defaults]\nlicence = \"etalab-2.0\"\n[[source]]\nid = \"albi\"\nname = \"Albi\"\nurl = \"https://example.org/albi.json\"\n\
         headers = { \"X-API-KEY\" = \"{credential}\" }\ncredential = { env = \"ALBI_KEY\" }\n",
    );
    let out = region
        .guichet()
        .env("ALBI_KEY", "hunter2")
        .args(["sources", "show", "albi"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    let told = text(&out.stdout);
    for part in ["licence    = \"etalab-2.0\"", "catalog    = \"none\"", "{ env = \"ALBI_KEY\" }", "********"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    let out = region
        .guichet()
        .env("ALBI_KEY", "hunter2")
        .args(["sources", "show", "albi", "--json"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["configured"]["credential"], "env:ALBI_KEY");
    assert!(!text(&out.stdout).contains("hunter2"));
}

#[test]
fn a_second_writer_is_turned_away_with_75_and_readers_are_not() {
    let region = Region::new();
    region.source("albi", "http://127.0.0.1:9/albi.json");
    let _held = guichet::daemon::lock::DataLock::take(&region.path("var"), "run").unwrap();
    for command in [
        &["harvest"][..],
        &["publish"],
        &["replay"],
        &["sources", "forget", "gone"],
        &["quarantine", "retry"],
        &["archive", "purge", "--older-than", "400d"],
        &["run"],
    ] {
        let out = region.guichet().args(command).assert().code(75).get_output().clone();
        assert!(text(&out.stderr).contains("guichet run"), "{command:?}");
    }
    for command in
        [&["status"][..], &["sources", "list"], &["check"], &["harvest", "--dry-run"], &["quarantine", "list"]]
    {
        assert_ne!(region.guichet().args(command).output().unwrap().status.code(), Some(75), "{command:?}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    for arguments in [&["check", "--rules"][..], &["completions", "zsh"], &["man"]] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_guichet"))
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    }
}
