//! From a decoded payload to current rows: batches that nobody sees yet, then one flip.
//!
//! A batch appends observations. The flip, in one transaction, makes the payload's list the
//! current one, moves or ends what stood in the list before, stores the validators and marks the
//! buyers to merge. Killed before the flip, a harvest has left nothing but rows that the next one finds.

use rusqlite::{OptionalExtension, Transaction, params};

use super::known::{HashBytes, Known, RawHash};
use super::places::{List, replace_list};
use super::{Store, StoreError, Validators};
use crate::record::Day;

/// An observation to append.
#[derive(Debug, Clone)]
pub struct NewObservation {
    /// From [`Store::next_observation_id`] on, ascending.
    pub id: i64,
    /// Hash of the raw record.
    pub hash: RawHash,
    /// The buyer.
    pub siren: u32,
    /// The latest day that it declares.
    pub last_day: Option<Day>,
    /// Whether a repair was needed.
    pub repaired: bool,
    /// Bit `i` set: the field `Field::ALL[i]` has no clean value.
    pub missing: i64,
    /// The store's encoding of `record::Observation`.
    pub body: Vec<u8>,
}

/// A record for the quarantine.
#[derive(Debug, Clone)]
pub struct QuarantineRow {
    /// Hash of the raw record.
    pub hash: RawHash,
    /// Place in the payload.
    pub position: u32,
    /// Start in the decoded UTF-8 stream of the payload, bytes.
    pub byte_start: u64,
    /// Length, bytes.
    pub byte_len: u64,
    /// Code of the reason.
    pub reason: &'static str,
    /// For people.
    pub detail: String,
}

/// One record of a payload, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub(super) hash: HashBytes,
    pub(super) code: i64,
}

impl Entry {
    /// A record's hash and what became of it.
    pub fn new(hash: RawHash, known: Known) -> Self {
        Self { hash: hash.to_be_bytes(), code: known.code() }
    }
}

/// What a fetch tells of a resource besides its records.
#[derive(Debug, Clone)]
pub struct ResourceSeen {
    /// Number of the source.
    pub source: i64,
    /// Id within the source.
    pub id: String,
    /// Where it was fetched.
    pub url: String,
    /// As the catalogue names it.
    pub title: String,
    /// Its date, where it has one.
    pub resource_date: Option<Day>,
    /// Today.
    pub day: Day,
    /// Catalogue's checksum, to skip it next time.
    pub checksum: Option<String>,
    /// For the next conditional request; `None` keeps those of before.
    pub validators: Option<Validators>,
    /// The request carried no validators.
    pub full_fetch: bool,
}

/// How the document of a payload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlipEnd {
    /// Whole: what is no longer in it has gone.
    Complete,
    /// Cut: the records before the cut are merged, nothing has gone because of it.
    Partial,
}

/// A payload whose batches are all queued.
#[derive(Debug, Clone)]
pub struct Flip {
    /// The resource.
    pub seen: ResourceSeen,
    /// Name in the archive.
    pub sha256: String,
    /// Size, bytes.
    pub bytes: u64,
    /// Its records in order.
    pub entries: Vec<Entry>,
    /// Those that cannot be read.
    pub quarantine: Vec<QuarantineRow>,
    /// How it ended.
    pub end: FlipEnd,
    /// What to show when it is partial.
    pub error: Option<String>,
    /// `false` for a source that publishes only what is new: nothing is ever gone from it.
    pub full_snapshot: bool,
    /// Observations of this id and above were appended by this harvest; `buyers` are theirs.
    pub first_new_id: i64,
    /// SIRENs of the new observations.
    pub buyers: std::collections::BTreeSet<u32>,
}

impl Store {
    /// The first free id for an observation. One writing process at a time holds the data
    /// directory, so ids may be given out in memory from here.
    ///
    /// # Errors
    /// A disk fault.
    pub fn next_observation_id(&self) -> Result<i64, StoreError> {
        self.writer
            .run("read", |tx| Ok(tx.query_row("SELECT coalesce(max(id), 0) + 1 FROM observation", [], |r| r.get(0))?))
    }

    /// Queues a batch of observations of one source.
    pub fn append(&self, source: i64, first_seen: Day, batch: Vec<NewObservation>) -> super::writer::Pending<()> {
        self.writer.submit("add observations to", move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO observation (id, source, siren, first_seen, last_day, repaired, missing, hash, body) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
            )?;
            for o in &batch {
                crash_point!("store.batch");
                let hash = o.hash.to_be_bytes();
                insert.execute(params![o.id, source, o.siren, first_seen.number(), o.last_day.map(Day::number), o.repaired, o.missing, &hash[..], o.body])?;
            }
            Ok(())
        })
    }

    /// Makes a payload current.
    ///
    /// # Errors
    /// A disk fault; the payload of before is then still the current one.
    pub fn flip(&self, flip: Flip) -> Result<(), StoreError> {
        self.writer.run("make a payload current in", move |tx| apply(tx, &flip))
    }

    /// Notes that a resource was seen whole and unchanged today.
    ///
    /// # Errors
    /// A disk fault.
    pub fn unchanged(&self, seen: ResourceSeen) -> Result<(), StoreError> {
        self.writer.run("note an unchanged payload in", move |tx| {
            let (n, _) = enter(tx, &seen)?;
            whole_today(tx, n, seen.day)
        })
    }

    /// Notes that a resource could not be fetched; its last good payload stands.
    ///
    /// # Errors
    /// A disk fault.
    pub fn resource_failed(&self, seen: ResourceSeen, error: String) -> Result<(), StoreError> {
        self.writer.run("note a failed fetch in", move |tx| {
            let n = tx
                .prepare_cached("SELECT n FROM resource WHERE source=?1 AND id=?2")?
                .query_row(params![seen.source, seen.id], |r| r.get::<_, i64>(0))
                .optional()?;
            if let Some(n) = n {
                tx.prepare_cached("UPDATE resource SET error=?2 WHERE n=?1")?.execute(params![n, error])?;
            }
            Ok(())
        })
    }

    /// The catalogue no longer lists a resource: all that stood only in it has gone today.
    ///
    /// # Errors
    /// A disk fault.
    pub fn delisted(&self, resource: i64, day: Day) -> Result<(), StoreError> {
        self.writer.run("note a resource that vanished in", move |tx| {
            let Some(row) = super::sources::resources(tx, None)?.into_iter().find(|r| r.n == resource) else { return Ok(()) };
            if row.state != "delisted" {
                replace_list(tx, &row, &List { entries: &[], first_new_id: i64::MAX }, day, true)?;
                tx.execute("UPDATE resource SET state='delisted', sha256=NULL, etag=NULL, last_modified=NULL, checksum=NULL, records=0 WHERE n=?1", [resource])?;
                tx.execute("DELETE FROM quarantine WHERE resource=?1", [resource])?;
            }
            whole_today(tx, resource, day)
        })
    }
}

fn enter(tx: &Transaction<'_>, seen: &ResourceSeen) -> Result<(i64, super::ResourceRow), StoreError> {
    let old: Option<(i64, Option<i32>)> = tx
        .prepare_cached("SELECT n, resource_date FROM resource WHERE source=?1 AND id=?2")?
        .query_row(params![seen.source, seen.id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((n, date)) = old
        && seen.resource_date.is_some_and(|d| Some(d.number()) != date)
    {
        // The date of a resource dates its undated records, and bounds the others.
        let bound = seen.resource_date.map(Day::number).min(date).or(seen.resource_date.map(Day::number));
        tx.prepare_cached(
            "INSERT INTO dirty SELECT DISTINCT o.siren, 1 FROM standing s JOIN observation o ON o.id=s.id
             WHERE s.resource=?1 AND (o.last_day IS NULL OR o.last_day>?2) ON CONFLICT DO UPDATE SET mark=mark+1",
        )?
        .execute(params![n, bound])?;
    }
    let sql = "INSERT INTO resource (source, id, url, title, resource_date, checksum, state) VALUES (?1,?2,?3,?4,?5,?6,'new')
        ON CONFLICT (source, id) DO UPDATE SET url=excluded.url, title=excluded.title,
        resource_date=coalesce(excluded.resource_date, resource_date), checksum=excluded.checksum, error=NULL RETURNING n";
    let n: i64 = tx.prepare_cached(sql)?.query_row(
        params![seen.source, seen.id, seen.url, seen.title, seen.resource_date.map(Day::number), seen.checksum],
        |r| r.get(0),
    )?;
    if let Some(v) = &seen.validators {
        tx.prepare_cached("UPDATE resource SET etag=?2, last_modified=?3 WHERE n=?1")?.execute(params![
            n,
            v.etag,
            v.last_modified
        ])?;
    }
    if seen.full_fetch {
        tx.prepare_cached("UPDATE resource SET full_fetch=?2 WHERE n=?1")?.execute(params![n, seen.day.number()])?;
    }
    let row = super::sources::resources(tx, Some(seen.source))?.into_iter().find(|r| r.n == n);
    row.map(|r| (n, r)).ok_or_else(|| StoreError::damaged("a resource", "its row cannot be read back"))
}

/// The resource was seen whole today: what has been gone long enough is due for a merge, which
/// will call it withdrawn.
fn whole_today(tx: &Transaction<'_>, resource: i64, day: Day) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE resource SET whole_day=max(coalesce(whole_day, ?2), ?2) WHERE n=?1")?
        .execute(params![resource, day.number()])?;
    tx.prepare_cached(
        "INSERT INTO dirty SELECT DISTINCT o.siren, 1 FROM standing s JOIN observation o ON o.id=s.id
         WHERE s.resource=?1 AND s.gone IS NOT NULL AND s.gone<=?2 AND s.outcome NOT IN (5, 6, 7) ON CONFLICT DO UPDATE SET mark=mark+1",
    )?
    .execute(params![
        resource,
        day.number() - super::merging::WITHDRAWN_AFTER_DAYS
    ])?;
    Ok(())
}

fn apply(tx: &Transaction<'_>, flip: &Flip) -> Result<(), StoreError> {
    let (n, before) = enter(tx, &flip.seen)?;
    let gone_counts = flip.end == FlipEnd::Complete && flip.full_snapshot;
    let list = List { entries: &flip.entries, first_new_id: flip.first_new_id };
    replace_list(tx, &before, &list, flip.seen.day, gone_counts)?;
    let mut dirty = tx.prepare_cached("INSERT INTO dirty VALUES (?1, 1) ON CONFLICT DO UPDATE SET mark=mark+1")?;
    for siren in &flip.buyers {
        dirty.execute([siren])?;
    }
    let state = if flip.end == FlipEnd::Complete { "complete" } else { "partial" };
    tx.prepare_cached("UPDATE resource SET sha256=?2, bytes=?3, state=?4, records=?5, error=?6 WHERE n=?1")?
        .execute(params![n, flip.sha256, flip.bytes, state, flip.entries.len(), flip.error])?;
    super::quarantine::replace(tx, n, flip)?;
    if flip.end == FlipEnd::Complete { whole_today(tx, n, flip.seen.day) } else { Ok(()) }
}
