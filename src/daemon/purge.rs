//! Erasing payloads from the archive: what goes, and what can then no longer be replayed.
//!
//! In: the archive's log, the store's current payloads, what the operator names. Out: a plan, which
//! changes nothing; then the payloads erased, each noted in the log before it goes, so that a replay
//! knows that nothing is missing by accident. Memory: one entry a payload of the log.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::harvest::{Archive, ArchiveError, Entry, Seen, Sha256};
use crate::store::{Snapshot, StoreError};

/// What to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This payload, even a current one.
    Hash(Sha256),
    /// Every payload that was last seen longer ago than this, but for current ones.
    OlderThan(Duration),
}

/// A resource that once gave a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Id of the source.
    pub source: String,
    /// Id of the resource.
    pub resource: String,
    /// First seen there.
    pub first: Timestamp,
    /// Last seen there, unchanged or not.
    pub last: Timestamp,
    /// Records that the store holds from it now: `Some` when it is the current payload.
    pub current: Option<u64>,
}

/// A payload to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// Its name.
    pub sha256: Sha256,
    /// Bytes on the disk that come free.
    pub bytes: u64,
    /// Where it came from.
    pub uses: Vec<Use>,
}

/// What a purge would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Payloads to erase, by name.
    pub doomed: Vec<Doomed>,
    /// Payloads old enough but current, and so kept.
    pub kept_current: u64,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such payload.
    #[error(
        "payload {0} is not in the archive: `guichet sources show ID --json` and archive/log.ndjson name those there are"
    )]
    Unknown(Sha256),
}

/// Reads the log and says what would go. Changes nothing.
///
/// # Errors
/// See [`PurgeError`].
pub fn plan(archive: &Archive, store: Option<&Snapshot>, which: Which, now: Timestamp) -> Result<Plan, PurgeError> {
    let current = match store {
        Some(snapshot) => current(snapshot)?,
        None => BTreeMap::new(),
    };
    let mut plan = Plan::default();
    for (sha256, mut uses) in uses(archive)? {
        let Some(bytes) = archive.size(&sha256) else { continue };
        for one in &mut uses {
            one.current = current.get(&(one.source.clone(), one.resource.clone(), sha256)).copied();
        }
        let is_current = uses.iter().any(|u| u.current.is_some());
        let wanted = match which {
            Which::Hash(name) => name == sha256,
            Which::OlderThan(age) => {
                let last = uses.iter().map(|u| u.last).max().unwrap_or(now);
                let old = Duration::try_from(now.duration_since(last)).is_ok_and(|since| since > age);
                plan.kept_current += u64::from(old && is_current);
                old && !is_current
            }
        };
        if wanted {
            plan.doomed.push(Doomed { sha256, bytes, uses });
        }
    }
    match which {
        // A payload that a kill left without a line in the log can still be erased.
        Which::Hash(name) if plan.doomed.is_empty() => {
            let bytes = archive.size(&name).ok_or(PurgeError::Unknown(name))?;
            plan.doomed.push(Doomed { sha256: name, bytes, uses: Vec::new() });
        }
        _ => {}
    }
    Ok(plan)
}

type Current = BTreeMap<(String, String, Sha256), u64>;

fn current(snapshot: &Snapshot) -> Result<Current, StoreError> {
    let names: BTreeMap<i64, String> = snapshot.sources()?.into_iter().map(|s| (s.source.n, s.source.id)).collect();
    let rows = snapshot.resources(None)?.into_iter().filter_map(|r| {
        let payload = r.sha256.as_deref()?.parse().ok()?;
        Some(((names.get(&r.source)?.clone(), r.id, payload), r.records))
    });
    Ok(rows.collect())
}

/// Every payload of the log and where it came from.
pub(super) fn uses(archive: &Archive) -> Result<BTreeMap<Sha256, Vec<Use>>, ArchiveError> {
    let mut all: BTreeMap<Sha256, Vec<Use>> = BTreeMap::new();
    let mut standing: BTreeMap<(String, String), Sha256> = BTreeMap::new();
    for entry in archive.entries()? {
        let Entry { at, source, resource, seen } = entry?;
        let place = (source, resource);
        let sha256 = match seen {
            Seen::Payload { sha256, .. } => {
                standing.insert(place.clone(), sha256);
                Some(sha256)
            }
            Seen::Unchanged => standing.get(&place).copied(),
            Seen::Rewritten { redacted, rewritten, .. } => {
                // What is left of it is what stands there from now on.
                if let (Some(sha256), Some(now)) = (rewritten, standing.get_mut(&place))
                    && *now == redacted
                {
                    *now = sha256;
                }
                rewritten
            }
            Seen::Delisted | Seen::Forgotten | Seen::Purged { .. } => None,
        };
        let Some(sha256) = sha256 else { continue };
        let (source, resource) = place;
        let uses = all.entry(sha256).or_default();
        match uses.iter_mut().find(|u| u.source == source && u.resource == resource) {
            Some(known) => known.last = known.last.max(at),
            None => uses.push(Use { source, resource, first: at, last: at, current: None }),
        }
    }
    Ok(all)
}

/// Erases what the plan says: the log first, then each file. Gives the bytes that came free.
///
/// # Errors
/// A disk fault: what was erased until then is gone, and the same purge can be run again.
pub fn run(archive: &Archive, plan: &Plan, now: Timestamp) -> Result<u64, ArchiveError> {
    let noted: HashSet<(Sha256, String, String)> = purged_lines(archive)?;
    let mut lines = Vec::new();
    for doomed in &plan.doomed {
        for one in &doomed.uses {
            let (source, resource, sha256) = (one.source.clone(), one.resource.clone(), doomed.sha256);
            if !noted.contains(&(sha256, source.clone(), resource.clone())) {
                lines.push(Entry { at: now, source, resource, seen: Seen::Purged { sha256 } });
            }
        }
    }
    archive.append(&lines)?;
    let mut freed = 0;
    for doomed in &plan.doomed {
        if archive.erase(&doomed.sha256)? {
            freed += doomed.bytes;
        }
    }
    Ok(freed)
}

fn purged_lines(archive: &Archive) -> Result<HashSet<(Sha256, String, String)>, ArchiveError> {
    let mut noted = HashSet::new();
    for entry in archive.entries()? {
        let Entry { source, resource, seen, .. } = entry?;
        match seen {
            Seen::Purged { sha256 } => drop(noted.insert((sha256, source, resource))),
            // Fetched again since: its next purge is another one.
            Seen::Payload { sha256, .. } => drop(noted.remove(&(sha256, source, resource))),
            _ => {}
        }
    }
    Ok(noted)
}

/// The payloads that the log says were erased.
///
/// # Errors
/// The log cannot be read.
pub fn purged(archive: &Archive) -> Result<BTreeSet<Sha256>, ArchiveError> {
    Ok(purged_lines(archive)?.into_iter().map(|(sha256, ..)| sha256).collect())
}
