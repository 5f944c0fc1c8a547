//! Records that cannot be read or have no identity: rows in, pages of rows out.
//!
//! The raw text is not here but in the archive, at the row's payload and byte range. Memory: the
//! hashes of what one resource had in quarantine, or one page of rows.

use std::collections::{HashMap, VecDeque};

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::ingest::{Flip, QuarantineRow};
use super::{Snapshot, StoreError};
use crate::record::Day;

/// One record in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its number: stays as long as the same raw record stays in the same resource.
    pub n: i64,
    /// Number of the resource.
    pub resource: i64,
    /// 0-based place in the payload.
    pub position: u32,
    /// Name of the payload in the archive.
    pub payload: String,
    /// Start in the decoded UTF-8 stream of the payload, bytes.
    pub byte_start: u64,
    /// Length, bytes.
    pub byte_len: u64,
    /// Code of the reason.
    pub reason: String,
    /// For people.
    pub detail: String,
    /// The first day on which it was seen there.
    pub first_seen: Day,
}

/// A resource that holds such records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineOf {
    /// Number of the resource.
    pub resource: i64,
    /// Id of its source.
    pub source: String,
    /// Its own id.
    pub resource_id: String,
    /// How many of its records are in quarantine.
    pub records: u64,
    /// The earliest day on which one of them was first seen.
    pub first_seen: Day,
}

const COLUMNS: &str = "id, resource, position, payload, byte_start, byte_len, reason, detail, first_seen";

/// Makes a payload's quarantine the current one of its resource. What was there before and still
/// is keeps its number and its first day.
pub(super) fn replace(tx: &Transaction<'_>, resource: i64, flip: &Flip) -> Result<(), StoreError> {
    let mut before = by_hash(tx, resource)?;
    tx.prepare_cached("DELETE FROM quarantine WHERE resource=?1")?.execute([resource])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO quarantine (id, resource, position, payload, byte_start, byte_len, reason, detail, first_seen, hash)
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    )?;
    let mut put = |q: &QuarantineRow, kept: Option<(i64, i32)>| {
        let (id, day) = kept.map_or((None, flip.seen.day.number()), |(id, day)| (Some(id), day));
        let hash = q.hash.to_be_bytes();
        insert.execute(params![
            id,
            resource,
            q.position,
            flip.sha256,
            q.byte_start,
            q.byte_len,
            q.reason,
            q.detail,
            day,
            &hash[..]
        ])
    };
    // Known numbers first, so that a new one never takes one of them.
    let mut fresh = Vec::new();
    for q in &flip.quarantine {
        match before.get_mut(&q.hash.to_be_bytes()).and_then(VecDeque::pop_front) {
            Some((id, day)) => drop(put(q, Some((id, day.min(flip.seen.day.number()))))?),
            None => fresh.push(q),
        }
    }
    for q in fresh {
        put(q, None)?;
    }
    Ok(())
}

type ByHash = HashMap<[u8; 16], VecDeque<(i64, i32)>>;

fn by_hash(tx: &Transaction<'_>, resource: i64) -> Result<ByHash, StoreError> {
    let mut before = ByHash::new();
    let mut statement = tx.prepare_cached(
        "SELECT hash, id, first_seen FROM quarantine WHERE resource=?1 AND hash IS NOT NULL ORDER BY position",
    )?;
    let mut rows = statement.query([resource])?;
    while let Some(row) = rows.next()? {
        before.entry(row.get(0)?).or_default().push_back((row.get(1)?, row.get(2)?));
    }
    Ok(before)
}

impl Snapshot {
    /// The resources that hold records in quarantine, by source and id.
    ///
    /// # Errors
    /// A disk fault.
    pub fn quarantines(&self) -> Result<Vec<QuarantineOf>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT r.n, s.id, r.id, count(*), min(q.first_seen) FROM quarantine q JOIN resource r ON r.n=q.resource
             JOIN source s ON s.n=r.source GROUP BY r.n ORDER BY s.id, r.id",
        )?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(QuarantineOf {
                resource: row.get(0)?,
                source: row.get(1)?,
                resource_id: row.get(2)?,
                records: row.get(3)?,
                first_seen: day(row.get(4)?)?,
            });
        }
        Ok(all)
    }

    /// At most `limit` records in quarantine of a resource, from position `from` on, by position.
    ///
    /// # Errors
    /// A disk fault.
    pub fn quarantine_page(&self, resource: i64, from: u32, limit: u32) -> Result<Vec<Quarantined>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM quarantine WHERE resource=?1 AND position>=?2 ORDER BY position, id LIMIT ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![resource, from, limit])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(quarantined(row)?);
        }
        Ok(page)
    }

    /// The record in quarantine of this number, with the ids of its source and resource.
    ///
    /// # Errors
    /// A disk fault.
    pub fn quarantined(&self, n: i64) -> Result<Option<(String, String, Quarantined)>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM quarantine WHERE id=?1");
        let found = self.conn.prepare_cached(&sql)?.query_row([n], |row| Ok(quarantined(row))).optional()?;
        let Some(found) = found.transpose()? else { return Ok(None) };
        let (source, resource) = self
            .conn
            .prepare_cached("SELECT s.id, r.id FROM resource r JOIN source s ON s.n=r.source WHERE r.n=?1")?
            .query_row([found.resource], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Some((source, resource, found)))
    }
}

fn quarantined(row: &Row<'_>) -> Result<Quarantined, StoreError> {
    Ok(Quarantined {
        n: row.get(0)?,
        resource: row.get(1)?,
        position: row.get(2)?,
        payload: row.get(3)?,
        byte_start: row.get(4)?,
        byte_len: row.get(5)?,
        reason: row.get(6)?,
        detail: row.get(7)?,
        first_seen: day(row.get(8)?)?,
    })
}

fn day(number: i32) -> Result<Day, StoreError> {
    Day::from_number(number).ok_or_else(|| StoreError::damaged("a quarantined record", "its day is no day"))
}
