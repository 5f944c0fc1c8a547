//! What one run from source to publication works with: store, archive, client, configuration.
//!
//! Opened once per process by whoever holds the data directory's lock (run, harvest, publish,
//! replay, demo). The configuration can be swapped while it works; what is under way finishes
//! under the old one.

use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::clock::Clock;
use super::cron::Schedule;
use super::merge_run::{self, MergeReport};
use crate::config::{Config, Format, ProcessEnv, Snapshot, Source};
use crate::harvest::{
    AllowList, Archive, ArchiveError, Catalog, Export, Harvester, Limits, Ods, Outside, Progress, SourceAccess,
    user_agent,
};
use crate::merge::{Rule, Rules};
use crate::record::Day;
use crate::store::{SourceRow, SourceState, Store, StoreError};

/// Where a publisher finds out who asks.
pub const CONTACT: &str = "https://github.com/guichet-unique/guichet";

/// A failure that ends a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The client could not be set up.
    #[error(transparent)]
    Client(#[from] crate::harvest::ClientError),
    /// The publication failed or was refused.
    #[error(transparent)]
    Publish(#[from] crate::publish::PublishError),
    /// A file of ours.
    #[error("cannot {what} {}: {source}; check the owner, mode and free space of the data directory", .path.display())]
    Io {
        /// The operation, as a verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// `decisions/` cannot be read or written.
    #[error(transparent)]
    Decisions(#[from] super::decisions::DecisionError),
    /// The register cannot be read or made.
    #[error(transparent)]
    Register(#[from] crate::reference::RegisterError),
    /// A setting that passed the check and still cannot be used.
    #[error("{0}")]
    Setting(String),
    /// A worker broke off.
    #[error(
        "a worker broke off inside guichet while it tried to {0}: a fault of the program, please report it with this log"
    )]
    Broke(&'static str),
}

/// The configuration in force and the client made for it.
pub struct Settings {
    /// The configuration.
    pub config: Arc<Config>,
    /// The client: it keeps the politeness towards each host.
    pub harvester: Arc<Harvester>,
}

/// See the file's head.
pub struct Pipeline {
    settings: ArcSwap<Settings>,
    progress: Arc<dyn Progress>,
    /// The store.
    pub store: Store,
    /// The archive.
    pub archive: Archive,
    /// The register, where one is configured: that of the start, until the process ends.
    pub register: Option<Arc<crate::reference::Register>>,
    /// What was removed and who is masked.
    pub(super) decisions: ArcSwap<super::decisions::Decisions>,
    /// What time it is.
    pub clock: Clock,
    /// Next free observation id.
    pub(super) next_id: AtomicI64,
    /// How the last harvests ended, to tell an outage of our own from theirs.
    pub(super) lately: super::harvest_end::Lately,
    /// Merges take turns: a second one would find the first one's work half done.
    pub(super) merging: Mutex<()>,
    /// Uploads take turns.
    pub(super) uploading: tokio::sync::Mutex<()>,
    /// Bounds the decoding threads.
    pub(super) decoders: Arc<tokio::sync::Semaphore>,
    /// What the harvests cost and gave, for the metrics.
    pub meters: super::meters::Meters,
    /// Void decisions that the log was told of.
    void: Mutex<Vec<String>>,
}

impl Pipeline {
    /// Begins to fold the store's log into its file, beside what is done next.
    pub fn fold(&self) {
        self.store.writer().fold();
    }

    /// Ends the writing and folds the store's log into its file, so that the next start has nothing to
    /// read back. Nothing can be written after this.
    pub fn close(&self) {
        // What is not folded stands in the log beside the file, and the next start reads it back.
        let _ = self.store.clone().close();
    }

    /// Opens the data directory of a configuration. The caller holds its lock.
    ///
    /// # Errors
    /// A disk fault, a store newer than this program, TLS that cannot be set up.
    pub fn open(config: Arc<Config>, clock: Clock, progress: Arc<dyn Progress>) -> Result<Self, RunError> {
        let dir = &config.data_dir;
        std::fs::create_dir_all(dir).map_err(|source| RunError::Io { what: "make", path: dir.clone(), source })?;
        let decisions = ArcSwap::from_pointee(super::decisions::Decisions::load(dir)?);
        let store = Store::open(&store_path(&config))?;
        let archive = Archive::open(dir.join("archive"))?;
        let register = super::register::open(&config)?;
        let next_id = AtomicI64::new(store.next_observation_id()?);
        let harvester = Arc::new(harvester(&config, Arc::clone(&progress))?);
        Ok(Self {
            settings: ArcSwap::from_pointee(Settings { config, harvester }),
            progress,
            store,
            archive,
            register,
            decisions,
            clock,
            next_id,
            lately: super::harvest_end::Lately::default(),
            merging: Mutex::new(()),
            uploading: tokio::sync::Mutex::new(()),
            decoders: Arc::new(tokio::sync::Semaphore::new(workers())),
            meters: super::meters::Meters::default(),
            void: Mutex::default(),
        })
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.load().config)
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Puts another configuration in force. The data directory cannot change under a running process.
    ///
    /// # Errors
    /// TLS that cannot be set up; the old configuration then stays.
    pub fn reconfigure(&self, config: Arc<Config>) -> Result<(), RunError> {
        let harvester = if config.harvest == self.config().harvest {
            Arc::clone(&self.settings.load().harvester)
        } else {
            Arc::new(harvester(&config, Arc::clone(&self.progress))?)
        };
        self.settings.store(Arc::new(Settings { config, harvester }));
        Ok(())
    }

    /// Puts a scripted resolver and other certificates in the place of this machine's: for tests.
    ///
    /// # Errors
    /// As [`Pipeline::reconfigure`].
    #[doc(hidden)]
    pub fn replace_outside(&self, outside: Outside) -> Result<(), RunError> {
        let config = self.config();
        let limits = Limits { outside, ..limits(&config)? };
        let harvester = Arc::new(Harvester::new(limits, Arc::clone(&self.progress))?);
        self.settings.store(Arc::new(Settings { config, harvester }));
        Ok(())
    }

    /// The day of an instant in the zone of `[publish]`.
    pub fn day(&self, at: Timestamp) -> Day {
        day_in(&self.config(), at)
    }

    /// Enters every configured source in the store, so that orphans and disabled ones are told apart.
    ///
    /// # Errors
    /// A disk fault.
    pub fn enter_sources(&self) -> Result<(), StoreError> {
        let known: std::collections::HashMap<String, SourceRow> =
            self.store.snapshot()?.sources()?.into_iter().map(|s| (s.source.id.clone(), s.source)).collect();
        for source in self.config().sources.iter() {
            let row = source_row(source);
            if known.get(&row.id).is_none_or(|old| SourceRow { n: 0, ..old.clone() } != row) {
                self.store.enter_source(row)?;
            }
        }
        Ok(())
    }

    /// Merges every buyer that is due. Blocks: for blocking threads.
    ///
    /// # Errors
    /// A disk fault.
    pub fn merge(&self) -> Result<MergeReport, StoreError> {
        let _turn = self.merging.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let states = self.store.snapshot()?.sources()?;
        let sources = merge_sources(&states);
        let config = self.config();
        let report = merge_run::run(&self.store, &sources, &rules(&config), &decisions(&config), workers())?;
        self.tell_void_decisions(&config)?;
        Ok(report)
    }
}

impl Pipeline {
    /// Tells the log which decisions have no effect, each once.
    fn tell_void_decisions(&self, config: &Config) -> Result<(), StoreError> {
        if config.decisions.is_empty() {
            return Ok(());
        }
        let now = super::overrides::told(&super::overrides::void(config, &self.store.snapshot()?)?);
        let mut before = self.void.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for told in now.iter().filter(|told| !before.contains(told)) {
            tracing::warn!("a decision has no effect: {told}; `guichet check` shows it");
        }
        *before = now;
        Ok(())
    }
}

/// The rules of the merge under a configuration.
pub fn rules(config: &Config) -> Rules {
    let rules = if config.region.is_everywhere() { Rules::without_region() } else { Rules::default() };
    if config.merge.across_feeds { rules } else { rules.without(Rule::AcrossFeeds) }
}

/// The operators' decisions of a configuration, by buyer.
pub fn decisions(config: &Config) -> merge_run::Decisions {
    crate::config::by_buyer(config.decisions.iter().map(|placed| &placed.decision))
}

/// The sources that may speak in a contract.
pub fn merge_sources(states: &[SourceState]) -> merge_run::Sources {
    merge_run::Sources::of(states, crate::config::licence_allows_republication)
}

/// Threads that decode or merge at once: the one writer is the limit from there on.
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 4)
}

/// The store's file.
pub fn store_path(config: &Config) -> PathBuf {
    config.data_dir.join("guichet.db")
}

/// The day of an instant in the zone of `[publish]`: records are first seen, withdrawn and
/// published on days of one calendar.
pub fn day_in(config: &Config, at: Timestamp) -> Day {
    let zone = TimeZone::get(&config.publish.timezone).unwrap_or(TimeZone::UTC);
    Day::new(at.to_zoned_datetime(zone).date())
}

/// When a source is due, from its stanza.
pub fn schedule_of(source: &Source) -> Option<Schedule> {
    Schedule::of_source(&source.schedule, &source.id).ok()
}

/// What the store keeps of a stanza.
pub(super) fn source_row(source: &Source) -> SourceRow {
    SourceRow {
        n: 0,
        id: source.id.clone(),
        name: source.name.clone(),
        url: crate::harvest::ShownUrl::of(&source.url).as_str().to_owned(),
        licence: source.licence.id().to_owned(),
        authority: source.authority.word().to_owned(),
        buyers: source.buyers.iter().map(ToString::to_string).collect(),
        snapshot: match source.snapshot {
            Snapshot::Full => "full".to_owned(),
            Snapshot::Incremental => "incremental".to_owned(),
        },
    }
}

/// How the client reaches a source.
///
/// # Errors
/// A credential that cannot be read: the text says which and what to do.
pub fn access(source: &Source) -> Result<SourceAccess, String> {
    let credential = match &source.credential {
        Some(c) => Some(c.read(&ProcessEnv).map_err(|e| e.to_string())?.expose().to_owned()),
        None => None,
    };
    let catalog = catalog(source.catalog).ok_or_else(|| {
        format!("this version cannot read the catalogue `{}`: set enabled = false", source.catalog.word())
    })?;
    let ods = Ods {
        filter: source.filter.clone(),
        window: source.window,
        export: if source.format == Format::DecpCsv { Export::Csv } else { Export::Json },
    };
    Ok(SourceAccess {
        id: source.id.clone(),
        url: source.url.to_string(),
        catalog,
        ods,
        include: source.include.patterns().to_vec(),
        exclude: source.exclude.patterns().to_vec(),
        headers: source.headers.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        credential,
        user_agent: source.user_agent.clone(),
        max_bytes: Some(source.max_bytes),
        timeout: Some(source.timeout),
        per_host: Some(source.per_host),
    })
}

/// The catalogue of a stanza, if this version reads it.
fn catalog(of: crate::config::Catalog) -> Option<Catalog> {
    use crate::config::Catalog as Named;
    Some(match of {
        Named::None => Catalog::None,
        Named::Datagouv => Catalog::Datagouv,
        Named::Ods => Catalog::Ods,
        Named::Ckan => Catalog::Ckan,
        Named::Dcat => Catalog::Dcat,
        Named::Index => Catalog::Index,
        Named::Pages => Catalog::Pages,
        Named::Ted => return None,
    })
}

/// A client for this configuration.
///
/// # Errors
/// TLS that cannot be set up, or an allow list that cannot be read.
pub fn harvester(config: &Config, progress: Arc<dyn Progress>) -> Result<Harvester, RunError> {
    Ok(Harvester::new(limits(config)?, progress)?)
}

fn limits(config: &Config) -> Result<Limits, RunError> {
    let h = &config.harvest;
    let private: Vec<String> = h.allow_private_hosts.iter().map(ToString::to_string).collect();
    let allow =
        AllowList::parse(&private).map_err(|e| RunError::Setting(format!("[harvest] allow_private_hosts: {e}")))?;
    Ok(Limits {
        concurrency: h.concurrency,
        per_host: h.per_host,
        min_interval: h.min_interval,
        connect_timeout: h.connect_timeout,
        read_timeout: h.read_timeout,
        total_timeout: h.total_timeout,
        retries: u32::try_from(h.retries).unwrap_or(u32::MAX),
        retry_base: h.retry_base,
        retry_after_max: h.retry_after_max,
        max_bytes: h.max_bytes,
        max_ratio: h.max_ratio,
        allow,
        user_agent: user_agent(Some(config.publish.base_url.as_ref().map_or(CONTACT, |u| u.as_str()))),
        outside: Outside::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::READABLE_CATALOGS;

    #[test]
    fn every_catalogue_that_the_check_calls_readable_is_read_and_no_other() {
        for (word, named) in crate::config::Catalog::WORDS {
            assert_eq!(catalog(*named).is_some(), READABLE_CATALOGS.contains(named), "{word}");
            assert!(catalog(*named).is_none_or(|c| c.word() == *word), "{word}");
        }
    }
}
