//! The exit codes that scripts and systemd rely on, each on a simulated region, end to end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::path::Path;

use guichet::demo::{Manner, Stage, World};
use serde_json::Value;

/// A region in a folder, and the binary on it at a fixed time.
struct Root {
    dir: tempfile::TempDir,
    world: World,
    _stage: Stage,
}

/// What a command left.
struct Ended {
    code: Option<i32>,
    out: String,
    told: String,
}

impl Root {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(seed, 100, 8);
        let stage = Stage::open(dir.path(), &world).unwrap();
        Self { dir, world, _stage: stage }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let out = common::guichet()
            .current_dir(self.dir.path())
            .env("GUICHET_NOW", "2026-11-24T05:00:00Z")
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: out.status.code(), out: text(&out.stdout), told: text(&out.stderr) }
    }

    /// Ends with this code, or the test does.
    fn ends(&self, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.out, ended.told);
        ended
    }

    fn sources(&self) -> Vec<Value> {
        let status: Value = serde_json::from_str(&self.ends(0, &["status", "--json"]).out).unwrap();
        status["sources"].as_array().unwrap().clone()
    }

    fn dead(&self) -> &str {
        &self.world.profiles().iter().find(|p| p.manner == Manner::Dead).unwrap().id
    }

    fn edit(&self, change: impl FnOnce(String) -> String) {
        let file = self.dir.path().join("sources.toml");
        std::fs::write(&file, change(std::fs::read_to_string(&file).unwrap())).unwrap();
    }

    /// Takes the stanza of a source out of sources.toml.
    fn remove(&self, id: &str) {
        self.edit(|text| {
            let stanzas = text.split("\n[[source]]\n");
            let kept: Vec<&str> = stanzas.filter(|s| !s.contains(&format!("id = \"{id}\"\n"))).collect();
            kept.join("\n[[source]]\n")
        });
    }

    fn latest(&self) -> std::path::PathBuf {
        std::fs::canonicalize(self.dir.path().join("var/public/latest")).unwrap()
    }
}

fn lines(publication: &Path) -> usize {
    std::fs::read_to_string(publication.join("contrats.ndjson")).unwrap().lines().count()
}

#[test]
fn a_region_with_a_dead_source_is_3_its_good_sources_are_0_and_its_dead_one_is_1() {
    let root = Root::new(31);
    let all = root.ends(3, &["harvest"]);
    assert!(all.told.contains("Connection refused"), "{}", all.told);
    let sources = root.sources();
    let ok: Vec<&str> = sources.iter().filter(|s| s["state"] == "ok").map(|s| s["id"].as_str().unwrap()).collect();
    assert!(ok.len() >= 3, "{sources:?}");
    let quarantined = |s: &Value| s["state"] == "ok" && s["records"]["quarantined"].as_u64() > Some(0);
    assert!(sources.iter().any(quarantined), "the world shows that quarantined records are no failure: {sources:?}");
    root.ends(0, &[&["harvest"][..], &ok].concat());
    let dead = root.ends(1, &["harvest", root.dead()]);
    assert!(dead.told.contains("asked again"), "{}", dead.told);
    root.ends(3, &["harvest", ok[0], root.dead()]);

    root.ends(0, &["publish"]);
    let again = root.ends(0, &["publish"]);
    assert!(again.out.contains("nothing changed") && again.out.contains("none was written"), "{}", again.out);
    root.ends(0, &["publish", "--force"]);
    assert_eq!(root.latest().file_name().unwrap(), "2026-11-24.2");
    root.ends(0, &["replay"]);
    root.ends(0, &["db", "check"]);
}

#[test]
fn a_region_of_which_nothing_answers_is_1_and_what_was_published_stands() {
    let root = Root::new(32);
    root.ends(3, &["harvest"]);
    root.ends(0, &["publish"]);
    let before = root.latest();
    let gone = root.world.profiles().iter().filter(|p| p.manner != Manner::Dead);
    gone.for_each(|p| root.remove(&p.id));
    root.ends(0, &["check"]);
    root.ends(1, &["harvest"]);
    let sources = root.sources();
    let orphans = sources.iter().filter(|s| s["state"] == "orphan").count();
    assert_eq!(orphans, sources.len() - 1, "{sources:?}");
    root.ends(0, &["publish", "--force"]);
    assert_eq!(lines(&root.latest()), lines(&before));
}

#[test]
fn wrong_usage_and_unknown_ids_are_2() {
    let root = Root::new(33);
    root.ends(3, &["harvest"]);
    for arguments in [
        &["harvest", "nimes"][..],
        &["harvest", "--fast"],
        &["publish", "now"],
        &["sources", "show", "nimes"],
        &["sources", "forget", "nimes"],
        &["explain", "21310555400017X-2024"],
        &["replay", "nimes"],
        &["demo", "--contracts", "many"],
        &["harvests"],
    ] {
        let ended = root.ends(2, arguments);
        assert!(ended.out.is_empty() && !ended.told.is_empty(), "{arguments:?}: {}", ended.out);
    }
}

#[test]
fn a_fall_that_the_gate_refuses_is_4_until_it_is_accepted() {
    let root = Root::new(34);
    root.ends(3, &["harvest"]);
    root.ends(0, &["publish"]);
    let before = root.latest();
    let sources = root.sources();
    let most = sources.iter().max_by_key(|s| s["records"]["accepted"].as_u64()).unwrap()["id"].as_str().unwrap();
    root.ends(2, &["sources", "forget", most]);
    root.remove(most);
    // A stanza that has gone purges nothing.
    root.ends(0, &["publish", "--force"]);
    assert_eq!(lines(&root.latest()), lines(&before));
    let before = root.latest();
    root.ends(0, &["sources", "forget", most]);
    for arguments in [&["publish"][..], &["publish"], &["publish", "--force"]] {
        let refused = root.ends(4, arguments);
        assert!(refused.told.contains("--accept-shrink") && refused.told.contains("max_drop"), "{}", refused.told);
        assert_eq!(root.latest(), before, "the publication before stays in place");
    }
    root.ends(0, &["publish", "--accept-shrink"]);
    assert!(lines(&root.latest()) < lines(&before));
    root.ends(0, &["publish", "--force"]);
}

#[test]
fn a_data_directory_that_is_held_is_75_and_a_wrong_configuration_is_78() {
    let root = Root::new(35);
    let held = guichet::daemon::lock::DataLock::take(&root.dir.path().join("var"), "run").unwrap();
    for command in [&["harvest"][..], &["publish"], &["replay"], &["run"], &["sources", "forget", "nimes"]] {
        let ended = root.ends(75, command);
        assert!(ended.told.contains("guichet run") && ended.out.is_empty(), "{command:?}: {}", ended.told);
    }
    root.ends(0, &["status"]);
    drop(held);
    root.edit(|text| text.replacen("schedule = ", "shedule = ", 1));
    for command in
        [&["check"][..], &["harvest"], &["publish"], &["run"], &["status"], &["replay"], &["sources", "list"]]
    {
        let ended = root.ends(78, command);
        assert!(ended.told.contains("sources.toml:3:1") && ended.told.contains("`schedule`"), "{}", ended.told);
    }
    root.edit(|text| text.replacen("shedule = ", "schedule = ", 1));
    root.ends(0, &["check"]);
    let config = root.dir.path().join("config/guichet.toml");
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + "[serve]\nlisten = \"everywhere\"\n").unwrap();
    assert!(root.ends(78, &["harvest"]).told.contains("listen"));
}
