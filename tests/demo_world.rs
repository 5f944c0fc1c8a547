//! The whole journey, world by world: harvest, merge, publish, and the publication is the truth.

use std::sync::Arc;

use guichet::config::Config;
use guichet::daemon::clock::Clock;
use guichet::daemon::publish_run::PublishOptions;
use guichet::daemon::replay;
use guichet::daemon::shutdown::Stop;
use guichet::demo::{Stage, World, check};
use guichet::harvest::NoProgress;
use guichet::publish::Published;

fn run(seed: u64, contracts: usize, sources: usize) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new(seed, contracts, sources);
    let stage = Stage::open(dir.path(), &world).unwrap();
    let env = std::collections::BTreeMap::<String, String>::new();
    let config = Config::load(Some(&stage.config()), None, &env).unwrap_or_else(|e| panic!("{}", e.render(false))).config;
    let clock = Clock::fixed("2026-11-24T03:00:00Z".parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pipeline = Arc::new(replay::open_current(Arc::new(config), clock, Arc::new(NoProgress)).unwrap());
    pipeline.enter_sources().unwrap();
    let enabled: Vec<_> = pipeline.config().sources.enabled().cloned().collect();
    runtime.block_on(pipeline.harvest(enabled, false, Stop::never())).unwrap();
    let Published::New(outcome) = pipeline.publish(PublishOptions::default()).unwrap() else { panic!("nothing was published") };
    let verdict = check(&outcome.dir, &world).unwrap();
    eprintln!("{}", verdict.table(false, guichet::demo::Language::English));
    if verdict.holds() { Vec::new() } else { verdict.details }
}

/// CI runs the command itself for twenty seeds; here a few, so that `cargo test` alone finds a broken rule.
#[test]
fn the_publications_of_small_worlds_are_the_truth() {
    for seed in 1..=4 {
        assert_eq!(run(seed, 120, 8), Vec::<String>::new(), "seed {seed}");
    }
}
