//! Small facts about the store as a whole: epoch, sequence, versions of its state.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::record::Day;

/// What ties changes.ndjson together: `seq` only grows within an epoch (contract.md §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// A UUID that changes on restore or replay.
    pub id: String,
    /// The next sequence number to give.
    pub next_seq: u64,
}

/// A publication that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationRow {
    /// Folder name: `2026-11-24`, `2026-11-24.2`.
    pub name: String,
    /// Its day in `[publish] timezone`.
    pub day: Day,
    /// RFC 3339, UTC.
    pub created: String,
    /// The state that it shows.
    pub state_version: u64,
    /// Configuration and program that it was made with.
    pub fingerprint: String,
    /// First change in it; one more than `last_seq` when it has none.
    pub first_seq: u64,
    /// Last change in it.
    pub last_seq: u64,
}

pub(super) fn get(conn: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    Ok(conn.prepare_cached("SELECT value FROM meta WHERE key=?1")?.query_row([key], |r| r.get(0)).optional()?)
}

pub(super) fn set(conn: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value=excluded.value",
    )?
    .execute([key, value])?;
    Ok(())
}

fn number(conn: &Connection, key: &str) -> Result<u64, StoreError> {
    Ok(get(conn, key)?.and_then(|v| v.parse().ok()).unwrap_or(0))
}

/// The state that the contracts are in: grows whenever one of them changes.
pub(super) fn state_version(conn: &Connection) -> Result<u64, StoreError> {
    number(conn, "state_version")
}

pub(super) fn bump_state(conn: &Connection) -> Result<(), StoreError> {
    set(conn, "state_version", &(state_version(conn)? + 1).to_string())
}

impl super::Store {
    /// The epoch, begun by this call when the store is new. `fresh` is the UUID to begin one with.
    ///
    /// # Errors
    /// A disk fault.
    pub fn epoch(&self, fresh: String) -> Result<Epoch, StoreError> {
        self.writer.run("read the epoch of", move |tx| {
            let id = match get(tx, "epoch")? {
                Some(id) => id,
                None => {
                    set(tx, "epoch", &fresh)?;
                    set(tx, "next_seq", "1")?;
                    fresh
                }
            };
            Ok(Epoch { id, next_seq: number(tx, "next_seq")?.max(1) })
        })
    }

    /// Begins another epoch: after a restore or a replay, sequence numbers of before mean nothing.
    ///
    /// # Errors
    /// A disk fault.
    pub fn begin_epoch(&self, id: String) -> Result<(), StoreError> {
        self.writer.run("begin an epoch in", move |tx| {
            set(tx, "epoch", &id)?;
            set(tx, "next_seq", "1")
        })
    }

    /// A fact that another room keeps here, such as the configuration's fingerprint.
    ///
    /// # Errors
    /// A disk fault.
    pub fn set_fact(&self, key: &'static str, value: String) -> Result<(), StoreError> {
        self.writer.run("write to", move |tx| set(tx, key, &value))
    }

    /// The fact of this name.
    ///
    /// # Errors
    /// A disk fault.
    pub fn fact(&self, key: &str) -> Result<Option<String>, StoreError> {
        get(&super::connect_ro(&self.path)?, key)
    }

    /// Records a publication that has appeared, and moves the sequence on, in one transaction.
    ///
    /// # Errors
    /// A disk fault.
    pub fn published(&self, row: PublicationRow) -> Result<(), StoreError> {
        self.writer.run("record a publication in", move |tx| {
            set(tx, "next_seq", &(row.last_seq + 1).max(number(tx, "next_seq")?).to_string())?;
            insert_publication(tx, &row)
        })
    }
}

pub(super) fn insert_publication(tx: &Connection, row: &PublicationRow) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO publication (name, day, created, state_version, fingerprint, first_seq, last_seq)
             VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO UPDATE SET created=excluded.created,
             state_version=excluded.state_version, fingerprint=excluded.fingerprint, first_seq=excluded.first_seq,
             last_seq=excluded.last_seq",
    )?
    .execute(params![
        row.name,
        row.day.number(),
        row.created,
        row.state_version,
        row.fingerprint,
        row.first_seq,
        row.last_seq
    ])?;
    Ok(())
}

pub(super) fn publications(conn: &Connection) -> Result<Vec<PublicationRow>, StoreError> {
    let sql = "SELECT name, day, created, state_version, fingerprint, first_seq, last_seq FROM publication ORDER BY created, name";
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([], publication)?;
    rows.map(|row| checked(row?)).collect()
}

fn publication(r: &rusqlite::Row<'_>) -> rusqlite::Result<(i32, PublicationRow)> {
    Ok((
        r.get(1)?,
        PublicationRow {
            name: r.get(0)?,
            day: Day::new(jiff::civil::Date::ZERO),
            created: r.get(2)?,
            state_version: r.get(3)?,
            fingerprint: r.get(4)?,
            first_seq: r.get(5)?,
            last_seq: r.get(6)?,
        },
    ))
}

fn checked((number, row): (i32, PublicationRow)) -> Result<PublicationRow, StoreError> {
    let day = Day::from_number(number).ok_or_else(|| StoreError::damaged("a publication", "its day is no day"))?;
    Ok(PublicationRow { day, ..row })
}

pub(super) fn last_publication(conn: &Connection) -> Result<Option<PublicationRow>, StoreError> {
    let sql = "SELECT name, day, created, state_version, fingerprint, first_seq, last_seq
               FROM publication ORDER BY created DESC, name DESC LIMIT 1";
    conn.query_row(sql, [], publication).optional()?.map(checked).transpose()
}
