//! A few sources of a scripted upstream under the real pipeline, night after night.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each journey uses a part; a test may fail loudly")]

use std::collections::BTreeMap;
use std::sync::Arc;

use guichet::config::Config;
use guichet::daemon::clock::Clock;
use guichet::daemon::exit::Exit;
use guichet::daemon::harvest_report::HarvestReport;
use guichet::daemon::pipeline::Pipeline;
use guichet::daemon::replay;
use guichet::daemon::shutdown::Stop;
use guichet::daemon::status::{self, SourceStatus};
use guichet::harvest::{NoProgress, Outside};
use guichet::store::ResourceRow;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The first night.
pub const FIRST: &str = "2026-11-24T03:00:00Z";

/// Limits that end a fault soon, and pauses that cost a test nothing.
pub const QUICK: &str = "min_interval = \"0s\"\nretries = 2\nretry_base = \"5ms\"\nretry_after_max = \"100ms\"\n\
    connect_timeout = \"10s\"\nread_timeout = \"20s\"\ntotal_timeout = \"60s\"\n";

/// A working root of its own, without limit of region.
pub struct Small {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    pub outside: Outside,
}

/// One night's harvest, and what it left.
pub struct Night {
    pub report: HarvestReport,
    pub pipeline: Arc<Pipeline>,
    now: Timestamp,
}

impl Small {
    /// With these lines in `[harvest]`; 127.0.0.1 is allowed.
    pub fn new(harvest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = format!("[harvest]\nallow_private_hosts = [\"127.0.0.1\"]\n{harvest}");
        std::fs::write(dir.path().join("guichet.toml"), settings).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { dir, runtime, outside: Outside::default() }
    }

    pub fn quick() -> Self {
        Self::new(QUICK)
    }

    /// One source of an address, with more keys.
    pub fn source(self, id: &str, url: &str, keys: &str) -> Self {
        self.sources(&stanza(id, url, keys));
        self
    }

    pub fn sources(&self, toml: &str) {
        std::fs::write(self.dir.path().join("sources.toml"), toml).unwrap();
    }

    /// Harvests every enabled source so many days after [`FIRST`].
    pub fn night(&self, days: i64) -> Night {
        self.at(FIRST.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days), false)
    }

    pub fn at(&self, now: Timestamp, force: bool) -> Night {
        self.until(now, force, Stop::never())
    }

    /// As [`Small::at`], stopped when asked.
    pub fn until(&self, now: Timestamp, force: bool, stop: Stop) -> Night {
        let none = BTreeMap::<String, String>::new();
        let loaded = Config::load(Some(&self.dir.path().join("guichet.toml")), None, &none);
        let config = loaded.unwrap_or_else(|e| panic!("{}", e.render(false))).config;
        let pipeline = replay::open_current(Arc::new(config), Clock::fixed(now), Arc::new(NoProgress)).unwrap();
        pipeline.replace_outside(self.outside.clone()).unwrap();
        pipeline.enter_sources().unwrap();
        let pipeline = Arc::new(pipeline);
        let sources = pipeline.config().sources.enabled().cloned().collect();
        let report = self.runtime.block_on(pipeline.harvest(sources, force, stop)).unwrap();
        Night { report, pipeline, now }
    }
}

impl Night {
    pub fn exit(&self) -> Exit {
        self.report.exit()
    }

    pub fn status(&self, id: &str) -> SourceStatus {
        let snapshot = self.pipeline.store.snapshot().unwrap();
        let status = status::read(&self.pipeline.config(), &snapshot, self.now).unwrap();
        status.sources.into_iter().find(|s| s.id == id).unwrap()
    }

    /// The resources of all sources, by id.
    pub fn resources(&self) -> Vec<ResourceRow> {
        self.pipeline.store.snapshot().unwrap().resources(None).unwrap()
    }

    pub fn resource(&self, id: &str) -> ResourceRow {
        let all = self.resources();
        all.into_iter().find(|r| r.id == id).unwrap_or_else(|| panic!("there is no resource {id}"))
    }

    /// Ids of the resources that hold something.
    pub fn standing(&self) -> Vec<String> {
        let all = self.resources().into_iter();
        all.filter(|r| r.sha256.is_some()).map(|r| r.id).collect()
    }

    /// What the one source's harvest said went wrong.
    pub fn error(&self) -> &str {
        self.report.sources[0].error.as_deref().unwrap_or_default()
    }

    /// Until when at the latest the source is asked again.
    pub fn next_run(&self, id: &str) -> SignedDuration {
        self.status(id).next_run.unwrap().parse::<Timestamp>().unwrap().duration_since(self.now)
    }
}

pub fn stanza(id: &str, url: &str, keys: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nname = \"Profil {id}\"\nurl = \"{url}\"\nlicence = \"etalab-2.0\"\n{keys}\n")
}

/// A marché that can be told from every other.
pub fn marche(id: &str) -> Value {
    let montant = 10_000 + id.bytes().map(u64::from).fold(0, |sum, b| sum * 7 + b) % 90_000;
    json!({
        "id": id, "acheteur": {"id": "21310555400017"}, "nature": "Marché", "objet": format!("Fournitures, marché {id}"),
        "codeCPV": "45261000", "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
        "dureeMois": 6, "dateNotification": "2024-03-01", "datePublicationDonnees": "2024-03-15", "montant": montant,
        "titulaires": [{"titulaire": {"id": "55208131766522", "typeIdentifiant": "SIRET"}}]
    })
}

/// A document of the 2022 format with marchés `PREFIX-1` to `PREFIX-n`.
pub fn document(prefix: &str, n: usize) -> String {
    let marches: Vec<Value> = (1..=n).map(|i| marche(&format!("{prefix}-{i}"))).collect();
    json!({"marches": {"marche": marches, "contrat-concession": []}}).to_string()
}

impl Small {
    /// Other lines in `[harvest]` from now on.
    pub fn harvest(&self, lines: &str) {
        let settings = format!("[harvest]\nallow_private_hosts = [\"127.0.0.1\"]\n{lines}");
        std::fs::write(self.dir.path().join("guichet.toml"), settings).unwrap();
    }

    /// The working root.
    pub fn root(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Every file below the working root.
    pub fn files(&self) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
                if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
            }
        }
        found
    }
}
