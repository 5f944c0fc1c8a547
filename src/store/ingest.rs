//! From a decoded payload to current rows: batches that nobody sees yet, then one flip.
//!
//! A batch appends observations. The flip, in one transaction, makes the payload's list the
//! current one, moves or ends what stood in the list before, stores the validators and marks the
//! buyers to merge. Killed before the flip, a harvest has left nothing but rows that the next one finds.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction, params};

use super::known::{ENTRY, HashBytes, Known, RawHash, entries};
use super::{Store, StoreError, Validators};
use crate::record::Day;

/// Entries of one page of places: 96 KiB a page, so that a long list is never one blob.
const PAGE: usize = 4096;

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
    hash: HashBytes,
    code: i64,
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
         WHERE s.resource=?1 AND s.gone IS NOT NULL AND s.gone<=?2 AND s.outcome NOT IN (5, 6) ON CONFLICT DO UPDATE SET mark=mark+1",
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

/// A list about to become current.
struct List<'a> {
    entries: &'a [Entry],
    first_new_id: i64,
}

/// Makes `list` the list of a resource, and moves or ends what stood in it.
fn replace_list(
    tx: &Transaction<'_>,
    resource: &super::ResourceRow,
    list: &List<'_>,
    day: Day,
    gone_counts: bool,
) -> Result<(), StoreError> {
    let (before, lingering) = read_list(tx, resource.n)?;
    let mut places: HashMap<i64, u32> = HashMap::with_capacity(list.entries.len());
    for (position, entry) in (0_u32..).zip(list.entries) {
        if let Known::Observation(id) = Known::from_code(entry.code) {
            places.entry(id).or_insert(position);
        }
    }
    let left: HashSet<i64> =
        before.iter().chain(&lingering).filter(|id| **id > 0 && !places.contains_key(id)).copied().collect();
    write_list(tx, resource.n, list.entries)?;
    let old_places: HashMap<i64, u32> = first_places(&before);
    stand(tx, resource, &places, &old_places, list.first_new_id)?;
    if gone_counts {
        leave(tx, resource, &left, day)?;
    } else if !left.is_empty() {
        linger(tx, resource.n, &left)?;
    }
    Ok(())
}

fn first_places(ids: &[i64]) -> HashMap<i64, u32> {
    let mut places = HashMap::with_capacity(ids.len());
    for (position, id) in (0_u32..).zip(ids) {
        if *id > 0 {
            places.entry(*id).or_insert(position);
        }
    }
    places
}

/// Observation ids (0 and below: none) of the current list, and of what lingers from before it.
fn read_list(tx: &Transaction<'_>, resource: i64) -> Result<(Vec<i64>, Vec<i64>), StoreError> {
    let (mut list, mut lingering) = (Vec::new(), Vec::new());
    let mut statement = tx.prepare_cached("SELECT page, entries FROM place WHERE resource=?1 ORDER BY page")?;
    let mut rows = statement.query([resource])?;
    while let Some(row) = rows.next()? {
        let to = if row.get::<_, i64>(0)? < LINGERING { &mut list } else { &mut lingering };
        let page = row.get_ref(1)?.as_blob().map_err(|e| StoreError::damaged("a page of places", e))?;
        to.extend(entries(page)?.map(|(_, code)| code));
    }
    Ok((list, lingering))
}

fn write_list(tx: &Transaction<'_>, resource: i64, list: &[Entry]) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM place WHERE resource=?1")?.execute([resource])?;
    let mut insert = tx.prepare_cached("INSERT INTO place (resource, page, entries) VALUES (?1,?2,?3)")?;
    let mut page = Vec::with_capacity(PAGE * ENTRY);
    for (number, chunk) in list.chunks(PAGE).enumerate() {
        page.clear();
        for entry in chunk {
            page.extend_from_slice(&entry.hash);
            page.extend_from_slice(&entry.code.to_be_bytes());
        }
        insert.execute(params![resource, number, page])?;
    }
    Ok(())
}

/// Gives each observation of the new list its place: the smallest id among the resources of the
/// source that hold it now.
fn stand(
    tx: &Transaction<'_>,
    resource: &super::ResourceRow,
    places: &HashMap<i64, u32>,
    old_places: &HashMap<i64, u32>,
    first_new_id: i64,
) -> Result<(), StoreError> {
    // Most are accepted in the end: said at once, so that the merge has fewer rows to touch.
    let mut insert = tx.prepare_cached(
        "INSERT INTO standing (id, resource, position, outcome) VALUES (?1,?2,?3,1) ON CONFLICT DO NOTHING",
    )?;
    let mut find =
        tx.prepare_cached("SELECT s.gone, r.n, r.id FROM standing s JOIN resource r ON r.n=s.resource WHERE s.id=?1")?;
    let mut update = tx.prepare_cached(
        "UPDATE standing SET resource=?2, position=?3, gone=NULL, outcome=1, same_as=NULL WHERE id=?1",
    )?;
    let mut dirty = tx.prepare_cached(MARK_BUYER_OF)?;
    let mut ids: Vec<_> = places.iter().filter(|(id, position)| old_places.get(*id) != Some(*position)).collect();
    ids.sort_unstable();
    for (id, position) in ids {
        if insert.execute(params![id, resource.n, position])? == 0 {
            let (gone, n, other) = find.query_row([id], |r| {
                Ok((r.get::<_, Option<i32>>(0)?.is_some(), r.get::<_, i64>(1)?, r.get::<_, String>(2)?))
            })?;
            if !gone && n != resource.n && resource.id >= other {
                continue;
            }
            update.execute(params![id, resource.n, position])?;
        } else if *id >= first_new_id {
            continue;
        }
        dirty.execute([id])?;
    }
    Ok(())
}

const MARK_BUYER_OF: &str =
    "INSERT INTO dirty SELECT siren, 1 FROM observation WHERE id=?1 ON CONFLICT DO UPDATE SET mark=mark+1";

/// Ends what stood in the old list only, unless another resource of the source holds it.
fn leave(tx: &Transaction<'_>, resource: &super::ResourceRow, left: &HashSet<i64>, day: Day) -> Result<(), StoreError> {
    if left.is_empty() {
        return Ok(());
    }
    let elsewhere = elsewhere(tx, resource, left)?;
    let mut find = tx.prepare_cached("SELECT resource, gone FROM standing WHERE id=?1")?;
    let mut gone = tx.prepare_cached("UPDATE standing SET gone=?2 WHERE id=?1")?;
    let mut moved = tx.prepare_cached(
        "UPDATE standing SET resource=?2, position=?3, gone=NULL, outcome=1, same_as=NULL WHERE id=?1",
    )?;
    let mut dirty = tx.prepare_cached(MARK_BUYER_OF)?;
    let mut ids: Vec<_> = left.iter().copied().filter(|id| *id > 0).collect();
    ids.sort_unstable();
    for id in ids {
        let now = find.query_row([id], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i32>>(1)?))).optional()?;
        match (now, elsewhere.get(&id)) {
            (Some((n, None)), None) if n == resource.n => gone.execute(params![id, day.number()])?,
            (Some((n, _)), Some((other, position))) if n == resource.n => {
                moved.execute(params![id, other, position])?
            }
            _ => continue,
        };
        dirty.execute([id])?;
    }
    Ok(())
}

/// What is missing from a partial or incremental payload still stands, at the place where it was.
fn linger(tx: &Transaction<'_>, resource: i64, left: &HashSet<i64>) -> Result<(), StoreError> {
    // Their places are kept at the end of the list, so that the next whole payload can end them.
    let mut ids: Vec<_> = left.iter().copied().filter(|id| *id > 0).collect();
    ids.sort_unstable();
    let mut find = tx.prepare_cached("SELECT hash FROM observation WHERE id=?1")?;
    let mut insert = tx.prepare_cached("INSERT INTO place (resource, page, entries) VALUES (?1,?2,?3)")?;
    for (number, chunk) in (LINGERING..).zip(ids.chunks(PAGE)) {
        let mut page = Vec::with_capacity(chunk.len() * ENTRY);
        for id in chunk {
            let hash: [u8; 16] = find.query_row([id], |r| r.get(0))?;
            page.extend_from_slice(&hash);
            page.extend_from_slice(&id.to_be_bytes());
        }
        insert.execute(params![resource, number, page])?;
    }
    Ok(())
}

/// Pages from here on hold what a partial payload no longer shows: they stand, and are not counted.
pub(super) const LINGERING: i64 = 1 << 32;

/// For ids that left a resource: the smallest other resource of the source that holds them.
fn elsewhere(
    tx: &Transaction<'_>,
    resource: &super::ResourceRow,
    left: &HashSet<i64>,
) -> Result<HashMap<i64, (i64, u32)>, StoreError> {
    let mut found: HashMap<i64, (i64, u32)> = HashMap::new();
    super::known::for_each_entry(tx, resource.source, |other, position, _, code| {
        if other != resource.n && left.contains(&code) {
            found.entry(code).or_insert((other, position));
        }
    })?;
    Ok(found)
}
