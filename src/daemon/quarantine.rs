//! Records in quarantine, with their raw text read back from the archive; and reading them again.
//!
//! In: pages of rows of the store, payloads of the archive. Out: records for the publication and
//! for people; or, for `retry`, payloads made current again under the present rules. A payload is
//! split as when it was harvested, and only as far as its last record in quarantine. Memory: one
//! page of rows, one record.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use super::ingest::{Ingest, IngestError, Payload};
use super::pipeline::{Pipeline, RunError};
use crate::config::{Config, Snapshot as SnapshotKind};
use crate::decode::{self, SplitOptions};
use crate::harvest::Archive;
use crate::publish::{MAX_RAW, QuarantineRecord, QuarantineRecords, ReadError};
use crate::store::{QuarantineOf, Quarantined, ResourceRow, ResourceSeen, Snapshot, StoreError};

/// Rows read at once.
const PAGE: u32 = 512;
/// Of each, the publication shows [`MAX_RAW`] bytes, and looks at these for names to mask.
const LOOKED_AT: usize = 3 * MAX_RAW;
/// Records on their way to the publication's writer.
const AHEAD: usize = 64;

/// How the payloads of a source are read: what its stanza says, as in a harvest and in a replay.
pub fn reading_of(config: &Config, source: &str) -> SplitOptions {
    super::ingest::reading(config.sources.get(source).map(|s| &**s), config.harvest.max_ratio)
}

/// Calls back with each record in quarantine of a resource, by position, with the first `limit`
/// bytes of its raw text: `None` where the archive has its payload no more, or reads it otherwise.
/// `options` are those of its source ([`reading_of`]).
///
/// # Errors
/// A disk fault, or what the callback fails with.
pub fn of_resource<E: From<StoreError>>(
    snapshot: &Snapshot,
    archive: &Archive,
    resource: i64,
    options: &SplitOptions,
    limit: usize,
    mut each: impl FnMut(Quarantined, Option<String>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rows = Rows { snapshot, resource, page: VecDeque::new(), next: 0, ended: false };
    let mut failed = None;
    if let Some(payload) = rows.peek()?.map(|row| row.payload.clone())
        && let Some(input) = payload.parse().ok().and_then(|name| archive.read(&name).ok())
    {
        // What cannot be read any more ends here; the rows that are left go out without their text.
        let _ = decode::split(input, options, &mut |slice| match meet(&mut rows, &slice, limit, &mut each) {
            Ok(flow) => flow,
            Err(e) => {
                failed = Some(e);
                ControlFlow::Break(())
            }
        });
    }
    if let Some(e) = failed {
        return Err(e);
    }
    while let Some(row) = rows.next()? {
        each(row, None)?;
    }
    Ok(())
}

/// Gives the rows up to a slice; breaks off when no row is left.
fn meet<E: From<StoreError>>(
    rows: &mut Rows<'_>,
    slice: &decode::Slice<'_>,
    limit: usize,
    each: &mut impl FnMut(Quarantined, Option<String>) -> Result<(), E>,
) -> Result<ControlFlow<()>, E> {
    while rows.peek()?.is_some_and(|row| row.position <= slice.position) {
        let Some(row) = rows.next()? else { break };
        let same = row.position == slice.position
            && row.byte_start == slice.offset
            && row.byte_len == slice.bytes.len() as u64;
        let start = slice.bytes.get(..limit.min(slice.bytes.len())).unwrap_or_default();
        each(row, same.then(|| text(start)))?;
    }
    Ok(if rows.peek()?.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
}

/// Bytes as text; the character that the limit cut is left out.
fn text(bytes: &[u8]) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Err(e) if e.error_len().is_none() => bytes.get(..e.valid_up_to()).unwrap_or_default(),
        _ => bytes,
    };
    String::from_utf8_lossy(whole).into_owned()
}

/// The rows of a resource, a page at a time.
struct Rows<'a> {
    snapshot: &'a Snapshot,
    resource: i64,
    page: VecDeque<Quarantined>,
    next: u32,
    ended: bool,
}

impl Rows<'_> {
    fn peek(&mut self) -> Result<Option<&Quarantined>, StoreError> {
        if self.page.is_empty() && !self.ended {
            self.page = self.snapshot.quarantine_page(self.resource, self.next, PAGE)?.into();
            self.next = self.page.back().map_or(self.next, |row| row.position.saturating_add(1));
            self.ended = self.page.len() < PAGE as usize;
        }
        Ok(self.page.front())
    }
    fn next(&mut self) -> Result<Option<Quarantined>, StoreError> {
        self.peek()?;
        Ok(self.page.pop_front())
    }
}

/// What goes into a publication: records of sources whose licence is known to allow it.
pub(super) fn for_publication(config: Arc<Config>, snapshot: Snapshot, archive: Archive) -> QuarantineRecords<'static> {
    let (out, items) = sync_channel::<Result<QuarantineRecord, ReadError>>(AHEAD);
    let body = move || {
        let each = |of: &QuarantineOf| {
            let options = reading_of(&config, &of.source);
            of_resource(&snapshot, &archive, of.resource, &options, LOOKED_AT, |row, raw| {
                let record = record(of, row, raw);
                out.send(Ok(record)).map_err(|_| End::Stopped)
            })
        };
        let end = publishable(&snapshot).map_err(End::Store).and_then(|all| all.iter().try_for_each(each));
        if let Err(End::Store(error)) = end {
            let _ = out.send(Err(error.into()));
        }
    };
    match std::thread::Builder::new().name("quarantine".into()).spawn(body) {
        Ok(_) => Box::new(items.into_iter()),
        Err(error) => Box::new(std::iter::once(Err(error.into()))),
    }
}

enum End {
    Stopped,
    Store(StoreError),
}

impl From<StoreError> for End {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

fn publishable(snapshot: &Snapshot) -> Result<Vec<QuarantineOf>, StoreError> {
    let allowed: std::collections::HashSet<String> = snapshot
        .sources()?
        .into_iter()
        .filter(|s| crate::config::licence_allows_republication(&s.source.licence))
        .map(|s| s.source.id)
        .collect();
    Ok(snapshot.quarantines()?.into_iter().filter(|of| allowed.contains(&of.source)).collect())
}

fn record(of: &QuarantineOf, row: Quarantined, raw: Option<String>) -> QuarantineRecord {
    QuarantineRecord {
        source: of.source.clone(),
        resource: of.resource_id.clone(),
        position: row.position,
        payload: row.payload,
        bytes: (row.byte_start, row.byte_start + row.byte_len),
        reason: row.reason,
        detail: row.detail,
        first_seen: row.first_seen.to_string(),
        raw,
    }
}

/// What reading again gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// Payloads read again.
    pub payloads: u64,
    /// Payloads that the archive has no more, or that cannot be read any more: left as they were.
    pub lost: u64,
    /// Records in quarantine before.
    pub before: u64,
    /// Records in quarantine after.
    pub after: u64,
    /// Contracts that the merge wrote.
    pub contracts: usize,
}

impl Pipeline {
    /// Reads every payload that holds records in quarantine again, under the present rules, makes
    /// it current again and merges. The archive's log is not touched: nothing new was seen. Blocks.
    ///
    /// # Errors
    /// A disk fault; what was read again until then stands.
    pub fn retry_quarantine(&self) -> Result<Retried, RunError> {
        let config = self.config();
        let mut done = Retried::default();
        let (all, states) = {
            let snapshot = self.store.snapshot()?;
            (snapshot.quarantines()?, snapshot.sources()?)
        };
        for of in all {
            done.before += of.records;
            let Some(state) = states.iter().find(|s| s.source.id == of.source) else { continue };
            let full = config
                .sources
                .get(&of.source)
                .map_or(state.source.snapshot == "full", |s| s.snapshot == SnapshotKind::Full);
            match self.read_again(&config, &of, state.source.n, full)? {
                Some(left) => {
                    done.payloads += 1;
                    done.after += left;
                }
                None => {
                    done.lost += 1;
                    done.after += of.records;
                }
            }
        }
        done.contracts = self.merge()?.changed;
        Ok(done)
    }

    /// Reads one payload again: how many of its records are in quarantine now.
    fn read_again(&self, config: &Config, of: &QuarantineOf, source: i64, full: bool) -> Result<Option<u64>, RunError> {
        let snapshot = self.store.snapshot()?;
        let row = snapshot.resources(Some(source))?.into_iter().find(|r| r.n == of.resource);
        let Some(row) = row else { return Ok(None) };
        let name = row.sha256.as_deref().and_then(|name| name.parse().ok());
        let Some((name, input)) = name.and_then(|name| Some((name, self.archive.read(&name).ok()?))) else {
            return Ok(None);
        };
        let mut known = snapshot.known_records(source)?;
        drop(snapshot);
        let piece = Payload {
            // The day on which they came, not today: reading again is no new sight of them.
            seen: seen(of, &row, source),
            sha256: crate::harvest::Sha256::to_string(&name),
            bytes: row.bytes.unwrap_or_default(),
            before: Some(&row),
            split: reading_of(config, &of.source),
            full_snapshot: full,
            max_shrink: 1.0,
            min_records: 0,
        };
        let register = self.register.as_deref();
        let ingest = Ingest { store: &self.store, next_id: &self.next_id, region: &config.region, register };
        match ingest.payload(piece, input, &mut known, |_| Ok(())) {
            Ok(read) => Ok(Some(read.quarantined)),
            Err(IngestError::Store(e)) => Err(e.into()),
            Err(IngestError::Log(e)) => Err(e.into()),
            Err(IngestError::Register(e)) => Err(e.into()),
            Err(e) => {
                tracing::warn!(source.id = %of.source, "payload {name} cannot be read again: {e}");
                Ok(None)
            }
        }
    }
}

fn seen(of: &QuarantineOf, row: &ResourceRow, source: i64) -> ResourceSeen {
    ResourceSeen {
        source,
        id: row.id.clone(),
        url: row.url.clone(),
        title: row.title.clone(),
        resource_date: row.resource_date,
        day: of.first_seen,
        checksum: row.checksum.clone(),
        validators: None,
        full_fetch: false,
    }
}
