//! Several nights of one region: contracts are changed, corrected, added and removed, and each
//! night's publication is that night's truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::path::Path;
use std::sync::Arc;

use guichet::config::Config;
use guichet::daemon::clock::Clock;
use guichet::daemon::publish_run::PublishOptions;
use guichet::daemon::replay;
use guichet::daemon::shutdown::Stop;
use guichet::demo::{LAST_NIGHT, Stage, Verdict, World, check};
use guichet::harvest::NoProgress;
use guichet::publish::Published;

/// One night: harvest everything, publish, judge.
fn night(stage: &Stage, world: &World) -> Verdict {
    let env = std::collections::BTreeMap::<String, String>::new();
    let config =
        Config::load(Some(&stage.config()), None, &env).unwrap_or_else(|e| panic!("{}", e.render(false))).config;
    let now = format!("2026-11-{:02}T03:00:00Z", 20 + world.which_night());
    let clock = Clock::fixed(now.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pipeline = Arc::new(replay::open_current(Arc::new(config), clock, Arc::new(NoProgress)).unwrap());
    pipeline.enter_sources().unwrap();
    let enabled: Vec<_> = pipeline.config().sources.enabled().cloned().collect();
    runtime.block_on(pipeline.harvest(enabled, false, Stop::never())).unwrap();
    match pipeline.publish(PublishOptions::default()).unwrap() {
        Published::New(outcome) => check(&outcome.dir, world).unwrap(),
        Published::Same { publication } => panic!("nothing changed since {publication}"),
    }
}

fn play(dir: &Path, seed: u64, nights: impl IntoIterator<Item = u32>) {
    let world = World::new(seed, 800, 9);
    let stage = Stage::open(dir, &world).unwrap();
    for n in nights {
        let tonight = world.night(n);
        stage.show(&tonight).unwrap();
        let verdict = night(&stage, &tonight);
        assert!(verdict.holds(), "seed {seed}, night {n}: {:#?}", verdict.details);
    }
}

#[test]
fn each_nights_publication_is_that_nights_truth() {
    let dir = tempfile::tempdir().unwrap();
    play(dir.path(), 1, 1..=4);
}

#[test]
fn a_region_that_was_not_asked_for_some_nights_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    play(dir.path(), 2, [1, LAST_NIGHT]);
}
