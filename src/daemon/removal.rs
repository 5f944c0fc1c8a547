//! Removal for good (law L6): a decision is written first; everything else follows from it, and is
//! taken up again by every start until it is done.
//!
//! In: `decisions/`. Out: a store, an archive and publications without what was removed: the store's
//! rows go, payloads are rewritten and read again, buyers are merged, the file is written anew, a
//! publication without the record is made, and those that held it are withdrawn. Where nothing was ever
//! removed, a start costs one look for a folder. Memory: as a replay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};
use uuid::Uuid;

use super::decisions::{About, Decisions, Level, What};
use super::ingest::{Ingest, IngestError, Payload};
use super::pipeline::{Pipeline, RunError, store_path};
use super::publish_run::PublishOptions;
use super::rewrite::{self, ArchiveReport, Rewrites};
use crate::config::Snapshot as SnapshotKind;
use crate::publish::{self, Published};
use crate::record::{Contract, ObservationRef, Siren, Uid};
use crate::store::{MergeRow, Redacted, ResourceRow, ResourceSeen, Snapshot, Store, StoreError};

/// The fact of the store that names the decisions it was brought in line with.
pub(super) const SETTLED: &str = "decisions";

/// What a removal did.
#[derive(Debug, Default)]
pub struct Removal {
    /// In the store.
    pub store: Redacted,
    /// In the archive.
    pub archive: ArchiveReport,
    /// Publications withdrawn, by name.
    pub withdrawn: Vec<String>,
    /// The publication made in their place.
    pub published: Option<Published>,
    /// Why none was made.
    pub refused: Option<RunError>,
}

/// What a removal of a contract would take.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub uid: Uid,
    /// Observations, all versions, of all sources.
    pub observations: u64,
    /// Sources that told them.
    pub sources: BTreeSet<String>,
    /// Other contracts that bear the same identity and stay.
    pub siblings: BTreeSet<Uid>,
    about: About,
}

impl Plan {
    /// For a contract of which nothing is left.
    pub fn nothing(uid: Uid) -> Self {
        Self { uid, observations: 0, sources: BTreeSet::new(), siblings: BTreeSet::new(), about: About::default() }
    }
}

/// Says what would go with a contract: everything ever said under its identities, but for what belongs
/// to another contract. `None`: no such contract.
///
/// # Errors
/// A disk fault.
pub fn plan(snapshot: &Snapshot, uid: &Uid) -> Result<Option<Plan>, StoreError> {
    let Some(contract) = snapshot.contract(uid)? else { return Ok(None) };
    let siren = contract.record.acheteur.siren();
    let rows = snapshot.buyer_with_gone(siren)?.take_rows();
    let others: Vec<Contract> = snapshot.contracts_of(siren)?.into_iter().filter(|c| c.uid != *uid).collect();
    let names: BTreeMap<i64, String> = snapshot.sources()?.into_iter().map(|s| (s.source.n, s.source.id)).collect();
    let holds = |contract: &Contract, row: &MergeRow| {
        let here = |o: &ObservationRef| {
            names.get(&row.source) == Some(&o.source) && row.resource == o.resource && row.position == o.position
        };
        contract.observations.iter().any(|o| here(o) && row.observation.record.id.as_str() == o.id)
    };
    let (mine, rest): (Vec<&MergeRow>, Vec<&MergeRow>) = rows.iter().partition(|row| holds(&contract, row));
    let theirs: Vec<&MergeRow> = rest.into_iter().filter(|row| others.iter().any(|o| holds(o, row))).collect();
    let mut plan = Plan::nothing(uid.clone());
    plan.about.uid(uid.as_str());
    let mut texts = BTreeSet::new();
    for row in &mine {
        let record = &row.observation.record;
        // As wide as no other contract is taken with it.
        let free = |level: &Level| theirs.iter().all(|t| level.of(&t.observation.record) != level.of(record));
        let level = Level::ALL.into_iter().find(free);
        texts.extend(level.map(|level| level.of(record)));
        if level != Some(Level::Identity) {
            let alike = |o: &&Contract| o.record.kind == record.kind && o.record.id.key() == record.id.key();
            plan.siblings.extend(others.iter().filter(alike).map(|o| o.uid.clone()));
        }
    }
    // As publications tell it: a framework's pieces together, under whatever name they had for it.
    let alone = |level: &&Level| {
        let told = level.of(&contract.record);
        theirs.iter().all(|t| level.of(&t.observation.record) != told)
            && others.iter().all(|o| level.of(&o.record) != told)
    };
    texts.extend(Level::ALL.iter().find(alone).map(|level| level.of(&contract.record)));
    let ours: BTreeSet<i64> = mine.iter().map(|row| row.id).collect();
    for row in &rows {
        if ours.contains(&row.id) || Level::ALL.iter().any(|l| texts.contains(&l.of(&row.observation.record))) {
            plan.observations += 1;
            plan.sources.extend(names.get(&row.source).cloned());
            if let Some(raw) = snapshot.raw_hash(row.id)? {
                plan.about.raw(raw);
            }
        }
    }
    texts.into_iter().for_each(|text| plan.about.record(text));
    Ok(Some(plan))
}

/// Writes the decision to remove a contract; [`Pipeline::settle`] then does it.
///
/// # Errors
/// A disk fault; nothing is then decided.
pub fn decide(pipeline: &Pipeline, plan: &Plan, reason: &str) -> Result<(), RunError> {
    let decisions = Decisions::clone(&pipeline.decisions.load());
    let decisions = decisions.decide(What::Redact, &plan.about, reason, pipeline.clock.now())?;
    crash_point!("removal.decided");
    pipeline.decisions.store(Arc::new(decisions));
    Ok(())
}

/// Writes the decision to mask a natural person.
///
/// # Errors
/// A disk fault; nothing is then decided.
pub fn decide_mask(pipeline: &Pipeline, siren: Siren, reason: &str) -> Result<(), RunError> {
    let mut about = About::default();
    about.unit(siren);
    let decisions = Decisions::clone(&pipeline.decisions.load());
    let decisions = decisions.decide(What::Mask, &about, reason, pipeline.clock.now())?;
    pipeline.decisions.store(Arc::new(decisions));
    Ok(())
}

/// Takes out of a store all that was removed: enough for whoever reads it before the next start. Its
/// buyers are due for a merge.
///
/// # Errors
/// A disk fault.
pub fn purge_store(store: &Store, decisions: &Decisions) -> Result<Redacted, StoreError> {
    let mut ids = BTreeSet::new();
    store.snapshot()?.observations(|id, raw, observation| {
        if decisions.removes(&observation, raw) {
            ids.insert(id);
        }
    })?;
    store.redact(ids)
}

impl Pipeline {
    /// Whether a contract of this name was removed, by this or an earlier decision.
    pub fn has_removed(&self, uid: &Uid) -> bool {
        self.decisions.load().removes_uid(uid.as_str())
    }

    /// Brings store, archive and publications in line with `decisions/`, where they are not yet. Blocks.
    ///
    /// # Errors
    /// A disk fault: the next start goes on where this one ended.
    pub fn settle(&self) -> Result<Option<Removal>, RunError> {
        let decisions = self.decisions.load_full();
        if decisions.redacts_nothing() {
            return Ok(None);
        }
        rewrite::sweep(&self.archive)?;
        let digest = decisions.digest();
        if self.store.fact(SETTLED)?.as_ref() == Some(&digest) {
            return Ok(None);
        }
        info!("decisions/ holds removals that the data do not show yet: carrying them out");
        let config = self.config();
        let mut done = Removal { store: purge_store(&self.store, &decisions)?, ..Removal::default() };
        crash_point!("removal.store");
        done.archive = rewrite::all(&self.archive, &config, &decisions, self.clock.now())?;
        crash_point!("removal.archive");
        self.enter_sources()?;
        self.read_rewritten()?;
        crash_point!("removal.read");
        self.merge()?;
        crash_point!("removal.merged");
        self.store.compact()?;
        crash_point!("removal.compacted");
        erase_copies(&store_path(&config))?;
        self.withdraw(&decisions, &mut done)?;
        crash_point!("removal.withdrawn");
        self.store.set_fact(SETTLED, digest)?;
        Ok(Some(done))
    }

    /// Makes the rewritten form of each current payload the current one.
    fn read_rewritten(&self) -> Result<(), RunError> {
        let rewrites = Rewrites::read(&self.archive)?;
        let (states, resources) = {
            let snapshot = self.store.snapshot()?;
            (snapshot.sources()?, snapshot.resources(None)?)
        };
        for row in resources {
            let Some(old) = row.sha256.as_deref().and_then(|name| name.parse().ok()) else { continue };
            let Some(state) = states.iter().find(|s| s.source.n == row.source) else { continue };
            match rewrites.now(old) {
                Some(new) if new != old => {
                    self.read_instead(&state.source.id, state.source.snapshot == "full", &row, new)?
                }
                Some(_) => {}
                // Asked for whole by the next harvest, and rewritten as it comes.
                None => self.store.unvouched(row.n)?,
            }
        }
        Ok(())
    }

    fn read_instead(
        &self,
        source: &str,
        full: bool,
        row: &ResourceRow,
        name: crate::harvest::Sha256,
    ) -> Result<(), RunError> {
        let config = self.config();
        let snapshot = self.store.snapshot()?;
        let mut known = snapshot.known_records(row.source)?;
        drop(snapshot);
        let input = self.archive.read(&name)?;
        let piece = Payload {
            seen: ResourceSeen {
                source: row.source,
                id: row.id.clone(),
                url: row.url.clone(),
                title: row.title.clone(),
                resource_date: row.resource_date,
                // Nothing was seen today: the day on which it was last whole stays.
                day: row.whole_day.unwrap_or_else(|| self.day(self.clock.now())),
                checksum: row.checksum.clone(),
                validators: None,
                full_fetch: false,
            },
            sha256: name.to_string(),
            bytes: self.archive.length(&name)?,
            before: Some(row),
            split: super::quarantine::reading_of(&config, source),
            full_snapshot: config.sources.get(source).map_or(full, |s| s.snapshot == SnapshotKind::Full),
            max_shrink: 1.0,
            min_records: 0,
        };
        let register = self.register.as_deref();
        let ingest = Ingest { store: &self.store, next_id: &self.next_id, region: &config.region, register };
        match ingest.payload(piece, input, &mut known, |_| Ok(())) {
            Ok(_) => Ok(()),
            Err(IngestError::Store(e)) => Err(e.into()),
            Err(IngestError::Log(e)) => Err(e.into()),
            Err(IngestError::Register(e)) => Err(e.into()),
            Err(e) => {
                warn!(source.id = source, "payload {name} cannot be read: {e}; the next harvest asks for it whole");
                Ok(self.store.unvouched(row.n)?)
            }
        }
    }

    /// Publishes without the record, then withdraws what held it; refused or not, that goes.
    fn withdraw(&self, decisions: &Decisions, done: &mut Removal) -> Result<(), RunError> {
        let public = self.config().public_dir();
        let holds = |line: &publish::Held<'_>| {
            decisions.removes_uid(line.uid) || line.records.iter().any(|record| decisions.removes_record(record))
        };
        let mut doomed = publish::holding(&public, holds)?;
        if doomed.is_empty() {
            return Ok(());
        }
        let ask = PublishOptions::default();
        let published = match self.publish(ask) {
            // What it would say is what a publication says that must go.
            Ok(Published::Same { publication }) if doomed.contains(&publication) => {
                self.publish(PublishOptions { force: true, ..ask })
            }
            other => other,
        };
        match published {
            Ok(published) => done.published = Some(published),
            Err(error) => {
                warn!("no publication could be made after a removal: {error}");
                done.refused = Some(error);
            }
        }
        crash_point!("removal.published");
        // The retention of the new one may have removed some.
        doomed.retain(|name| publish::stands(&public, name));
        let stands = publish::Publication::latest(&public)?.is_some_and(|p| !doomed.contains(&p.name));
        if !stands {
            // What comes next applies to nothing that anybody can still fetch.
            self.store.begin_epoch(Uuid::new_v4().to_string())?;
        }
        publish::withdraw(&public, &doomed, &self.clock.now().to_string(), "redacted")?;
        done.withdrawn = doomed;
        Ok(())
    }
}

/// Copies of the store that older commands left beside it hold what was removed.
fn erase_copies(store: &Path) -> Result<(), RunError> {
    for ending in ["before-restore", "restoring", "replay"] {
        for log in ["", "-wal", "-shm", "-journal"] {
            let path = PathBuf::from(format!("{}.{ending}{log}", store.display()));
            match std::fs::remove_file(&path) {
                Ok(()) => info!("{} may hold what was removed: erased", path.display()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(RunError::Io { what: "erase", path, source }),
            }
        }
    }
    Ok(())
}
