//! The laws of records.md §2 on the whole pipeline: idempotent, free of order, reversible.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Region, assert_same_state, enabled, publish, state};
use guichet::daemon::publish_run::PublishOptions;
use guichet::daemon::replay;
use guichet::publish::Published;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;

#[test]
fn sources_in_any_order_and_in_any_number_of_runs_give_the_same_files() {
    let region = Region::new(11, 100, 8);
    let calm = region.pipeline("calm", 0);
    region.harvest_all(&calm);
    let calm = publish(&calm);
    for seed in 0..3 {
        let name = format!("shuffled-{seed}");
        let mut order = enabled(&region.pipeline(&name, 0));
        order.shuffle(&mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        for chunk in order.chunks(1 + seed as usize) {
            // Each run opens the store anew, as a restarted program would.
            let pipeline = region.pipeline(&name, 0);
            region.harvest(&pipeline, chunk.to_vec(), false);
        }
        let shuffled = publish(&region.pipeline(&name, 0));
        assert_same_state(&calm, &shuffled, &format!("order {seed}"));
    }
}

#[test]
fn the_same_bytes_again_on_the_same_day_change_nothing() {
    let region = Region::new(12, 80, 8);
    let pipeline = region.pipeline("var", 0);
    region.harvest_all(&pipeline);
    let first = publish(&pipeline);
    let version = pipeline.store.snapshot().unwrap().state_version().unwrap();
    let report = region.harvest(&pipeline, enabled(&pipeline), true);
    assert_eq!((report.merge.changed, pipeline.store.snapshot().unwrap().state_version().unwrap()), (0, version));
    let again = pipeline.publish(PublishOptions::default()).unwrap();
    assert!(matches!(again, Published::Same { publication } if first.ends_with(&publication)));
    let next_day = region.pipeline("var", 1);
    region.harvest_all(&next_day);
    assert!(matches!(next_day.publish(PublishOptions::default()).unwrap(), Published::Same { .. }));
}

#[test]
fn a_replay_from_the_archive_gives_the_same_files() {
    let region = Region::new(13, 80, 8);
    for night in 0..=2 {
        region.stage.show(&region.world.night(night)).unwrap();
        region.harvest_all(&region.pipeline("var", i64::from(night)));
    }
    let before = publish(&region.pipeline("var", 2));
    let kept = common::state(&before);
    replay::all(&region.config("var")).unwrap();
    let after = publish(&region.pipeline("var", 2));
    let differ: Vec<_> =
        common::state(&after).into_iter().filter(|(n, b)| kept.get(n) != Some(b)).map(|(n, _)| n).collect();
    assert_eq!(differ, Vec::<String>::new());
}

#[test]
fn a_forgotten_source_leaves_the_region_as_if_it_had_never_spoken() {
    let region = Region::new(14, 80, 8);
    let with = region.pipeline("with", 0);
    let all = enabled(&with);
    region.harvest_all(&with);
    publish(&with);
    let (gone, others) = all.split_last().unwrap();
    with.store.forget(&gone.id).unwrap();
    with.merge().unwrap();
    let without = region.pipeline("without", 0);
    region.harvest(&without, others.to_vec(), false);
    let (a, b) = (publish(&with), publish(&without));
    // guichet.sqlite lists the sources that are configured, and this one still is in one of the two.
    let lines = |dir: &std::path::Path| std::fs::read(dir.join("contrats.ndjson")).unwrap();
    assert!(lines(&a) == lines(&b), "contrats.ndjson differs");
}

#[test]
fn a_fall_beyond_the_limit_is_refused_until_it_is_accepted() {
    let region = Region::new(15, 80, 8);
    let pipeline = region.pipeline("var", 0);
    region.harvest_all(&pipeline);
    publish(&pipeline);
    let gone = enabled(&pipeline).into_iter().next().unwrap();
    pipeline.store.forget(&gone.id).unwrap();
    pipeline.merge().unwrap();
    let refused = pipeline.publish(PublishOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("accept-shrink"), "{refused}");
    let accepted = pipeline.publish(PublishOptions { accept_shrink: true, ..Default::default() }).unwrap();
    assert!(matches!(accepted, Published::New(_)));
}

/// The lines of a publication's contrats.ndjson.
fn contracts(publication: &Path) -> Vec<serde_json::Value> {
    let lines = std::fs::read_to_string(publication.join("contrats.ndjson")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// SIRET and id of an observation, as overrides.toml names a record.
fn record(observation: &serde_json::Value) -> String {
    format!("[{}, {}]", observation["acheteur_id"], observation["id"])
}

/// Decisions against what the merge found: pairs of contracts of one buyer that are the same,
/// contracts under several ids that are different, contracts that are none. With the buyers named.
fn decide(all: &[serde_json::Value]) -> (String, usize) {
    let mut buyers: BTreeMap<&str, Vec<&serde_json::Value>> = BTreeMap::new();
    for c in all {
        buyers.entry(&c["uid"].as_str().unwrap()[..9]).or_default().push(c);
    }
    let rest = "who = \"test\"\nwhy = \"essai\"\nwhen = 2026-11-24\n\n";
    let (mut text, mut named) = (String::new(), 0);
    let records = |c: &serde_json::Value| -> Vec<String> {
        let mut all: Vec<String> = c["observations"].as_array().unwrap().iter().map(record).collect();
        all.sort();
        all.dedup();
        all
    };
    for (i, own) in buyers.values().enumerate() {
        let split = own.iter().map(|c| records(c)).find(|r| r.len() > 1);
        let decision = match (i % 3, own.as_slice(), split) {
            (_, _, Some(split)) => format!("[[different]]\nrecords = [{}]\n", split.join(", ")),
            (1, [a, b, ..], _) if a["type"] == b["type"] && records(a) != records(b) => {
                format!("[[same]]\nrecords = [{}, {}]\n", records(a)[0], records(b)[0])
            }
            (2, [.., c], _) => format!("[[exclude]]\nrecord = {}\n", records(c)[0]),
            _ => continue,
        };
        text += &(decision + rest);
        named += 1;
    }
    for word in ["same", "different", "exclude"] {
        assert!(text.contains(&format!("[[{word}]]")), "the world gives no occasion for {word}");
    }
    (text, named)
}

#[test]
fn a_decision_that_is_taken_back_leaves_the_region_as_if_it_had_never_been_taken() {
    let region = Region::new(16, 120, 8);
    for night in 0..=9 {
        // Nights after the second bring nothing new, and withdraw what has gone.
        region.stage.show(&region.world.night(night.min(2))).unwrap();
        region.harvest_all(&region.pipeline("var", i64::from(night)));
    }
    let without = publish(&region.pipeline("var", 9));
    let kept = state(&without);
    let overrides = region.stage.dir().join("config/overrides.toml");
    let (text, named) = decide(&contracts(&without));
    std::fs::write(&overrides, text).unwrap();
    let pipeline = region.pipeline("var", 9);
    let report = pipeline.merge().unwrap();
    assert_eq!(report.buyers, named, "exactly the buyers that decisions name are merged again");
    assert_eq!(pipeline.merge().unwrap().buyers, 0);
    let decided = publish(&pipeline);
    assert_ne!(std::fs::read(decided.join("contrats.ndjson")).unwrap(), kept["contrats.ndjson"]);
    let sums = pipeline.store.snapshot().unwrap().counts().unwrap();
    for r in sums.values().map(|c| c.records) {
        assert_eq!(r.received, r.accepted + r.superseded + r.repeats + r.quarantined + r.out_of_region);
    }
    let decided = state(&decided);
    drop(pipeline);
    // A replay under the decisions gives what the store had become under them.
    replay::all(&region.config("var")).unwrap();
    let replayed = state(&publish(&region.pipeline("var", 9)));
    let differ: Vec<_> = replayed.iter().filter(|(n, b)| decided.get(*n) != Some(*b)).map(|(n, _)| n).collect();
    assert_eq!(differ, Vec::<&String>::new());
    std::fs::remove_file(&overrides).unwrap();
    let pipeline = region.pipeline("var", 9);
    assert_eq!(pipeline.merge().unwrap().buyers, named);
    let back = state(&publish(&pipeline));
    let differ: Vec<_> = back.iter().filter(|(n, b)| kept.get(*n) != Some(*b)).map(|(n, _)| n).collect();
    assert_eq!(differ, Vec::<&String>::new());
}
