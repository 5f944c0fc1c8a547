//! Where observations stand: the list of a resource, replaced as a whole.
//!
//! In: the records of a payload in their order. Out: pages of places; the smallest resource of the
//! source that holds an observation is where it stands, the others are named beside (`also`); what
//! no resource holds any more has gone. Every change marks the buyer. Memory: the ids of one
//! resource, old and new.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use super::ingest::Entry;
use super::known::{ENTRY, Known, entries};
use crate::record::Day;

/// Entries of one page of places: 96 KiB a page, so that a long list is never one blob.
const PAGE: usize = 4096;

/// A list about to become current.
pub(super) struct List<'a> {
    /// Its records.
    pub(super) entries: &'a [Entry],
    /// Ids from here on are new.
    pub(super) first_new_id: i64,
}

/// Makes `list` the list of a resource, and moves or ends what stood in it.
pub(super) fn replace_list(
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
    let mut also = Also::new(tx)?;
    let mut dirty = tx.prepare_cached(MARK_BUYER_OF)?;
    let mut ids: Vec<_> = places.iter().filter(|(id, position)| old_places.get(*id) != Some(*position)).collect();
    ids.sort_unstable();
    for (id, position) in ids {
        if insert.execute(params![id, resource.n, position])? == 0 {
            let (gone, n, other) = find.query_row([id], |r| {
                Ok((r.get::<_, Option<i32>>(0)?.is_some(), r.get::<_, i64>(1)?, r.get::<_, String>(2)?))
            })?;
            if !gone && n != resource.n {
                if resource.id >= other {
                    if also.add(*id, resource.n)? {
                        dirty.execute([id])?;
                    }
                    continue;
                }
                also.add(*id, n)?;
                also.remove(*id, resource.n)?;
            }
            update.execute(params![id, resource.n, position])?;
        } else if *id >= first_new_id {
            continue;
        }
        dirty.execute([id])?;
    }
    Ok(())
}

/// Further resources that hold an observation.
struct Also<'t> {
    insert: rusqlite::CachedStatement<'t>,
    delete: rusqlite::CachedStatement<'t>,
}

impl<'t> Also<'t> {
    fn new(tx: &'t Transaction<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            insert: tx.prepare_cached("INSERT INTO also VALUES (?1, ?2) ON CONFLICT DO NOTHING")?,
            delete: tx.prepare_cached("DELETE FROM also WHERE id=?1 AND resource=?2")?,
        })
    }
    /// Whether it was not noted before.
    fn add(&mut self, id: i64, resource: i64) -> Result<bool, StoreError> {
        Ok(self.insert.execute([id, resource])? > 0)
    }
    /// Whether it was noted.
    fn remove(&mut self, id: i64, resource: i64) -> Result<bool, StoreError> {
        Ok(self.delete.execute([id, resource])? > 0)
    }
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
    let mut also = Also::new(tx)?;
    let mut dirty = tx.prepare_cached(MARK_BUYER_OF)?;
    let mut ids: Vec<_> = left.iter().copied().filter(|id| *id > 0).collect();
    ids.sort_unstable();
    for id in ids {
        let now = find.query_row([id], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i32>>(1)?))).optional()?;
        match (now, elsewhere.get(&id)) {
            (Some((n, None)), None) if n == resource.n => gone.execute(params![id, day.number()])?,
            (Some((n, _)), Some((other, position))) if n == resource.n => {
                also.remove(id, *other)?;
                moved.execute(params![id, other, position])?
            }
            _ if also.remove(id, resource.n)? => 1,
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
