//! Rebuilding the store from the archive, without the network.
//!
//! In: archive/log.ndjson, line by line, and the payloads it names; the configuration. Out: a new
//! store beside the old one, then in its place; or, for some sources only, their part of the store
//! made anew. The archive is the truth: the same payloads, with the days they were seen, give the
//! same contracts. Memory: as a harvest, and the hashes of the sources replayed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tracing::{info, warn};
use uuid::Uuid;

use super::clock::Clock;
use super::decisions::Decisions;
use super::ingest::{Ingest, IngestError, Payload};
use super::pipeline::{Pipeline, RunError, day_in, decisions, merge_sources, rules, source_row, store_path, workers};
use super::rewrite::{self, Cleaned, Judge, Rewrites};
use super::{leftovers, merge_run, register};
use crate::config::Config;
use crate::decode::Slice;
use crate::harvest::{Archive, Entry, Progress, Seen, Sha256};
use crate::record::{Day, Siren};
use crate::reference::Register;
use crate::store::{Known, KnownRecords, ResourceRow, ResourceSeen, SourceRow, Store, StoreError};

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// Lines of the log that were played.
    pub entries: u64,
    /// Payloads decoded again.
    pub payloads: u64,
    /// Records in them.
    pub records: u64,
    /// Payloads that the archive no longer has: what they alone said cannot be brought back.
    pub lost: Vec<String>,
    /// Payloads that the operator erased: passed over, and meant to be.
    pub purged: u64,
    /// Contracts that the merge wrote.
    pub contracts: usize,
}

/// Stores of before do not know where the buyers of dropped records had their seat.
const SEATS: &str = "seats-asked";

/// All that decides what a payload's bytes mean, by source, as the store remembers it.
pub fn fingerprint(config: &Config) -> String {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    all.insert(
        "",
        format!("{} {} {} {SEATS}", env!("CARGO_PKG_VERSION"), crate::refine::VERSION, config.decoding_fingerprint()),
    );
    for source in config.sources.iter() {
        all.insert(&source.id, source.decoding_fingerprint());
    }
    serde_json::to_string(&all).unwrap_or_default()
}

/// Which sources must be replayed because the program, the tables, the region or their stanza
/// changed since the store was made. `None`: all of them.
fn outdated(stored: &str, now: &str) -> Option<BTreeSet<String>> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<String, String>>(text).unwrap_or_default();
    let (old, new) = (read(stored), read(now));
    if old.get("") != new.get("") {
        return None;
    }
    Some(new.into_iter().filter(|(id, f)| old.get(id).is_some_and(|o| o != f)).map(|(id, _)| id).collect())
}

/// Facts of the store: what decided the meaning of its payloads; the content of the register that
/// placed its buyers; the sources of a replay that is under way.
const DECODING: &str = "decoding";
const REGISTER: &str = "register";
const UNDER_WAY: &str = "replaying";

/// Opens a data directory; when what decides the meaning of payloads has changed since its store
/// was made, replays what that concerns first: all of it for the program, the tables and the region, a
/// source for its stanza, and for the register the sources with a buyer whose seat it finds elsewhere.
/// The caller holds the lock.
///
/// # Errors
/// A fault of the store, of the archive or of the register.
pub fn open_current(config: Arc<Config>, clock: Clock, progress: Arc<dyn Progress>) -> Result<Pipeline, RunError> {
    leftovers::sweep(&config)?;
    let wanted = fingerprint(&config);
    if store_path(&config).exists() {
        let register = register::open(&config)?;
        let store = Store::open(&store_path(&config))?;
        let stored = store.fact(DECODING)?;
        let left = store.fact(UNDER_WAY)?.unwrap_or_default();
        let moved = match store.fact(REGISTER)? {
            Some(placed_by) if placed_by != register::digest(register.as_deref()) => {
                let seat = |buyer: &Siren| config.region.seat(buyer, register.as_deref());
                store.sources_with_moved_seats(seat)?
            }
            _ => BTreeSet::new(),
        };
        if let Some(register) = &register {
            register.check()?;
        }
        // Only to be opened again: with its log, should that still stand beside it.
        let _ = store.close();
        let list = |ids: &BTreeSet<String>| ids.iter().cloned().collect::<Vec<_>>().join(", ");
        match stored.map(|stored| outdated(&stored, &wanted)) {
            Some(None) => {
                info!("program, tables or region changed since the store was made: rebuilding it from the archive");
                all(&config)?;
            }
            Some(Some(mut ids)) => {
                if !ids.is_empty() {
                    info!("stanzas changed in what their payloads mean: replaying {}", list(&ids));
                }
                if !moved.is_empty() {
                    info!("the register places buyers otherwise than before: replaying {}", list(&moved));
                }
                ids.extend(moved);
                ids.extend(left.split_terminator(',').map(str::to_owned));
                if !ids.is_empty() {
                    some(&config, &ids)?;
                }
            }
            None => {}
        }
    }
    let pipeline = Pipeline::open(config, clock, progress)?;
    pipeline.store.set_fact(DECODING, wanted)?;
    pipeline.store.set_fact(REGISTER, register::digest(pipeline.register.as_deref()).to_owned())?;
    // What was decided and then cut short, or came back with an older store, is carried out first.
    pipeline.settle()?;
    Ok(pipeline)
}

/// Builds the whole store anew and puts it in the place of the old one. The caller holds the lock.
///
/// # Errors
/// A fault of the store or of the archive; the old store then stays.
pub fn all(config: &Config) -> Result<ReplayReport, RunError> {
    let path = store_path(config);
    let fresh = path.with_extension("db.replay");
    leftovers::unfinished(&fresh)?;
    let result = build(config, &path, &fresh);
    if result.is_err() {
        // On a full disk its room is what is needed most; should this fail too, the next start sweeps it.
        let _ = leftovers::unfinished(&fresh);
    }
    result
}

fn build(config: &Config, path: &Path, fresh: &Path) -> Result<ReplayReport, RunError> {
    let old = if path.exists() { Some(Store::open(path)?) } else { None };
    let register = register::open(config)?;
    let store = Store::open(fresh)?;
    let mut replay = Replay::new(config, &store, old.as_ref(), None, register.clone())?;
    replay.play()?;
    let mut report = replay.report;
    if let Some(old) = &old {
        store.carry_over(&old.snapshot()?)?;
        // The replay itself took nothing in that was removed.
        if let Some(settled) = old.fact(super::removal::SETTLED)? {
            store.set_fact(super::removal::SETTLED, settled)?;
        }
    }
    report.contracts = merge(config, &store)?;
    crash_point!("replay.merged");
    store.begin_epoch(Uuid::new_v4().to_string())?;
    store.set_fact(DECODING, fingerprint(config))?;
    store.set_fact(REGISTER, register::digest(register.as_deref()).to_owned())?;
    // A log that is not folded would be left behind by the rename: then the old store stays.
    old.map_or(Ok(()), Store::close)?;
    store.close()?;
    put_in_place(fresh, path)?;
    Ok(report)
}

/// Makes the part of some sources anew, in place. Killed half-way, it is run again by the next
/// [`open_current`].
///
/// # Errors
/// A fault of the store or of the archive.
pub fn some(config: &Config, ids: &BTreeSet<String>) -> Result<ReplayReport, RunError> {
    let register = register::open(config)?;
    let store = Store::open(&store_path(config))?;
    store.set_fact(UNDER_WAY, ids.iter().cloned().collect::<Vec<_>>().join(","))?;
    let states: HashMap<String, _> =
        store.snapshot()?.sources()?.into_iter().map(|s| (s.source.id.clone(), s)).collect();
    let before = store.snapshot()?;
    let mut replay = Replay::new(config, &store, Some(&store), Some(ids), register)?;
    for id in ids.iter().filter(|id| states.contains_key(*id)) {
        // Its row stays: what no payload says of it must outlive a kill.
        store.unsay(id)?;
    }
    crash_point!("replay.forgotten");
    replay.play()?;
    let mut report = replay.report;
    store.carry_over(&before)?;
    report.contracts = merge(config, &store)?;
    crash_point!("replay.source-merged");
    store.begin_epoch(Uuid::new_v4().to_string())?;
    store.set_fact(UNDER_WAY, String::new())?;
    drop(before);
    let _ = store.close();
    Ok(report)
}

fn merge(config: &Config, store: &Store) -> Result<usize, StoreError> {
    let states = store.snapshot()?.sources()?;
    Ok(merge_run::run(store, &merge_sources(&states), &rules(config), &decisions(config), workers())?.changed)
}

fn put_in_place(fresh: &Path, path: &Path) -> Result<(), RunError> {
    let io = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| RunError::Io { what, path, source }
    };
    for ending in ["-wal", "-shm"] {
        let log = PathBuf::from(format!("{}{ending}", path.display()));
        if log.exists() {
            std::fs::remove_file(&log).map_err(io("remove", &log))?;
        }
    }
    crash_point!("replay.before-rename");
    std::fs::rename(fresh, path).map_err(io("replace", path))?;
    crash_point!("replay.renamed");
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(io("sync", dir))?;
    }
    Ok(())
}

struct Replay<'a> {
    config: &'a Config,
    store: &'a Store,
    archive: Archive,
    register: Option<Arc<Register>>,
    /// What the old store knows of sources that have no stanza any more.
    orphans: HashMap<String, SourceRow>,
    only: Option<&'a BTreeSet<String>>,
    numbers: HashMap<String, i64>,
    known: HashMap<i64, KnownRecords>,
    next_id: AtomicI64,
    report: ReplayReport,
    purged: BTreeSet<Sha256>,
    rewrites: Rewrites,
    decisions: Decisions,
}

impl<'a> Replay<'a> {
    fn new(
        config: &'a Config,
        store: &'a Store,
        old: Option<&Store>,
        only: Option<&'a BTreeSet<String>>,
        register: Option<Arc<Register>>,
    ) -> Result<Self, RunError> {
        let orphans = match old {
            Some(old) => old.snapshot()?.sources()?.into_iter().map(|s| (s.source.id.clone(), s.source)).collect(),
            None => HashMap::new(),
        };
        let archive = Archive::open(config.data_dir.join("archive"))?;
        Ok(Self {
            config,
            store,
            purged: super::purge::purged(&archive)?,
            rewrites: Rewrites::read(&archive)?,
            decisions: Decisions::load(&config.data_dir)?,
            archive,
            register,
            orphans,
            only,
            numbers: HashMap::new(),
            known: HashMap::new(),
            next_id: AtomicI64::new(store.next_observation_id()?),
            report: ReplayReport::default(),
        })
    }

    fn play(&mut self) -> Result<(), RunError> {
        for entry in self.archive.entries()? {
            let entry = entry?;
            if self.only.is_none_or(|only| only.contains(&entry.source)) {
                crash_point!("replay.entry");
                self.report.entries += 1;
                self.entry(&entry)?;
            }
        }
        Ok(())
    }

    fn number(&mut self, id: &str) -> Result<i64, RunError> {
        if let Some(n) = self.numbers.get(id) {
            return Ok(*n);
        }
        let row = match (self.config.sources.get(id), self.orphans.get(id)) {
            (Some(stanza), _) => source_row(stanza),
            (None, Some(row)) => row.clone(),
            (None, None) => {
                warn!(
                    source.id = id,
                    "the archive names source {id}, which has no stanza: kept, and not published until it has a licence"
                );
                SourceRow {
                    n: 0,
                    id: id.to_owned(),
                    name: id.to_owned(),
                    url: String::new(),
                    licence: "unknown".to_owned(),
                    authority: "platform".to_owned(),
                    buyers: Vec::new(),
                    snapshot: "full".to_owned(),
                }
            }
        };
        let n = self.store.enter_source(row)?;
        self.numbers.insert(id.to_owned(), n);
        Ok(n)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), RunError> {
        let day = day_in(self.config, entry.at);
        let n = self.number(&entry.source)?;
        let before = self.store.snapshot()?.resources(Some(n))?.into_iter().find(|r| r.id == entry.resource);
        match (&entry.seen, before) {
            (Seen::Forgotten, _) => {
                self.store.forget(&entry.source)?;
                self.numbers.remove(&entry.source);
                self.known.remove(&n);
            }
            (Seen::Delisted, Some(row)) => self.store.delisted(row.n, day)?,
            (Seen::Unchanged, Some(row)) => self.store.unchanged(seen_again(n, &row, day))?,
            (Seen::Unchanged | Seen::Delisted, None) | (Seen::Purged { .. } | Seen::Rewritten { .. }, _) => {}
            (Seen::Payload { .. }, before) => self.payload(entry, n, day, before)?,
        }
        Ok(())
    }

    /// The payload that stands for one of the log, without what was removed; `None`: none does any more.
    fn without_removed(&mut self, entry: &Entry, name: Sha256, bytes: u64) -> Result<Option<(Sha256, u64)>, RunError> {
        let Some(now) = self.rewrites.now(name) else { return Ok(None) };
        if self.decisions.redacts_nothing() || !self.archive.contains(&now) {
            return Ok(Some((now, bytes)));
        }
        // An archive that was put back from elsewhere may hold it again.
        let options = super::quarantine::reading_of(self.config, &entry.source);
        let mut judge = Judge::new(&self.decisions, day_in(self.config, entry.at));
        let known = self.numbers.get(&entry.source).and_then(|n| self.known.get(n));
        // What this replay has taken in already was judged then.
        let stands = |hash| matches!(known.and_then(|k| k.get(hash)), Some(Known::Observation(_) | Known::Gathered(_)));
        let mut removes = |slice: &Slice<'_>| !stands(slice.hash()) && judge.removes(slice);
        let (to, length) = match rewrite::clean(&self.archive, &now, &options, &mut removes)? {
            Cleaned::AsItWas if now == name => return Ok(Some((now, bytes))),
            Cleaned::AsItWas => return Ok(Some((now, self.archive.length(&now)?))),
            Cleaned::Now { sha256, bytes, .. } => (Some(sha256), bytes),
            Cleaned::Gone => (None, 0),
        };
        let seen = Seen::Rewritten { redacted: now, rewritten: to, bytes: length };
        self.archive.append(&[Entry { seen, ..entry.clone() }])?;
        self.rewrites.note(now, to);
        self.archive.erase(&now)?;
        Ok(to.map(|to| (to, length)))
    }

    fn payload(&mut self, entry: &Entry, n: i64, day: Day, before: Option<ResourceRow>) -> Result<(), RunError> {
        let Seen::Payload { url, title, resource_date, sha256, bytes, .. } = &entry.seen else {
            return Ok(());
        };
        let Some((sha256, bytes)) = self.without_removed(entry, *sha256, *bytes)? else {
            self.report.purged += 1;
            return Ok(());
        };
        let sha256 = &sha256;
        if !self.archive.contains(sha256) && self.purged.contains(sha256) {
            self.report.purged += 1;
            return Ok(());
        }
        if !self.archive.contains(sha256) {
            warn!(source.id = %entry.source, "payload {sha256} is no longer in the archive: what it alone said is lost");
            self.report.lost.push(sha256.to_string());
            return Ok(());
        }
        let stanza = self.config.sources.get(&entry.source);
        let named = stanza
            .and_then(|s| s.resource_date.as_ref())
            .and_then(|d| title.as_deref().and_then(|t| d.find(t)).or_else(|| d.find(url)));
        let seen = ResourceSeen {
            source: n,
            id: entry.resource.clone(),
            url: url.clone(),
            title: title.clone().unwrap_or_default(),
            resource_date: named.or(*resource_date),
            day,
            checksum: None,
            validators: None,
            full_fetch: false,
        };
        let full_snapshot = match stanza {
            Some(s) => s.snapshot == crate::config::Snapshot::Full,
            None => self.orphans.get(&entry.source).is_none_or(|o| o.snapshot == "full"),
        };
        // The gates judged it when it came: what was accepted then is replayed.
        let piece = Payload {
            seen,
            sha256: sha256.to_string(),
            bytes,
            before: before.as_ref(),
            split: super::ingest::reading(stanza.map(|s| &**s), self.config.harvest.max_ratio),
            full_snapshot,
            max_shrink: 1.0,
            min_records: 0,
        };
        let register = self.register.as_deref();
        let ingest = Ingest { store: self.store, next_id: &self.next_id, region: &self.config.region, register };
        let known = self.known.entry(n).or_default();
        match ingest.payload(piece, self.archive.read(sha256)?, known, |_| Ok(())) {
            Ok(done) => {
                self.report.payloads += 1;
                self.report.records += done.received;
                Ok(())
            }
            Err(IngestError::Store(e)) => Err(e.into()),
            Err(IngestError::Log(e)) => Err(e.into()),
            Err(IngestError::Register(e)) => Err(e.into()),
            Err(e) => {
                warn!(source.id = %entry.source, "payload {sha256} cannot be read as it was: {e}");
                self.report.lost.push(sha256.to_string());
                Ok(())
            }
        }
    }
}

fn seen_again(source: i64, row: &ResourceRow, day: Day) -> ResourceSeen {
    ResourceSeen {
        source,
        id: row.id.clone(),
        url: row.url.clone(),
        title: row.title.clone(),
        resource_date: row.resource_date,
        day,
        checksum: row.checksum.clone(),
        validators: None,
        full_fetch: false,
    }
}
