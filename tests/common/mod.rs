//! A simulated region under the real pipeline, without the command line; and the binary itself.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each journey uses a part; a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guichet::config::{Config, Source};
use guichet::daemon::clock::Clock;
use guichet::daemon::harvest_report::HarvestReport;
use guichet::daemon::pipeline::Pipeline;
use guichet::daemon::publish_run::PublishOptions;
use guichet::daemon::replay;
use guichet::daemon::shutdown::Stop;
use guichet::demo::{Stage, Verdict, World, check};
use guichet::harvest::NoProgress;
use guichet::publish::{Published, is_journal};

/// The binary, in an environment that sets nothing of its own.
pub fn guichet() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_guichet"));
    for (name, _) in std::env::vars() {
        let ours = ["GUICHET_", "LC_", "NOTIFY_", "WATCHDOG_"].iter().any(|p| name.starts_with(p));
        if ours || name == "LANG" || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// A world on its stage, and a runtime to ask it with.
pub struct Region {
    dir: tempfile::TempDir,
    pub world: World,
    pub stage: Stage,
    runtime: tokio::runtime::Runtime,
}

impl Region {
    pub fn new(seed: u64, contracts: usize, sources: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(seed, contracts, sources);
        let stage = Stage::open(&dir.path().join("stage"), &world).unwrap();
        Self { dir, world, stage, runtime: tokio::runtime::Runtime::new().unwrap() }
    }

    /// A data directory of its own under the stage's configuration, on the day of a night.
    pub fn pipeline(&self, name: &str, night: i64) -> Arc<Pipeline> {
        let config = self.config(name);
        let pipeline = replay::open_current(Arc::new(config), clock(night), Arc::new(NoProgress)).unwrap();
        pipeline.enter_sources().unwrap();
        Arc::new(pipeline)
    }

    pub fn config(&self, name: &str) -> Config {
        let none = BTreeMap::<String, String>::new();
        let data = self.dir.path().join(name);
        let loaded = Config::load(Some(&self.stage.config()), Some(&data), &none);
        loaded.unwrap_or_else(|e| panic!("{}", e.render(false))).config
    }

    pub fn harvest(&self, pipeline: &Arc<Pipeline>, sources: Vec<Arc<Source>>, force: bool) -> HarvestReport {
        self.runtime.block_on(pipeline.harvest(sources, force, Stop::never())).unwrap()
    }

    pub fn harvest_all(&self, pipeline: &Arc<Pipeline>) -> HarvestReport {
        self.harvest(pipeline, enabled(pipeline), false)
    }

    pub fn judge(&self, publication: &Path, world: &World) -> Verdict {
        check(publication, world).unwrap()
    }
}

pub fn clock(night: i64) -> Clock {
    let first: jiff::Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
    Clock::fixed(first + jiff::SignedDuration::from_hours(24 * night))
}

pub fn enabled(pipeline: &Pipeline) -> Vec<Arc<Source>> {
    pipeline.config().sources.enabled().cloned().collect()
}

/// Publishes, whatever the gate would say of a fall.
pub fn publish(pipeline: &Pipeline) -> PathBuf {
    let ask = PublishOptions { force: true, accept_shrink: true };
    match pipeline.publish(ask).unwrap() {
        Published::New(outcome) => outcome.dir,
        Published::Same { publication } => panic!("{publication} stands, none was written"),
    }
}

/// Name and bytes of each state file.
pub fn state(publication: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(publication).unwrap().map(|e| e.unwrap().path());
    let named = files.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), p));
    named.filter(|(name, _)| !is_journal(name)).map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// Fails naming the files that differ, not printing them.
pub fn assert_same_state(a: &Path, b: &Path, what: &str) {
    let (a, b) = (state(a), state(b));
    let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let differ: Vec<_> = names.into_iter().filter(|n| a.get(*n) != b.get(*n)).collect();
    assert!(differ.is_empty(), "{what}: {differ:?} differ");
}
