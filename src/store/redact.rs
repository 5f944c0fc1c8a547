//! Removing records for good (law L6): the rows go, then the pages that held them are written anew.
//!
//! In: ids of observations. Out: a store that never had them, whose buyers are due for a merge; a
//! file in which their bytes lie nowhere, not even in a free page or in the log. And the copy of
//! `decisions/` that travels inside every backup. Memory: the ids, one page of places.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{OptionalExtension, params};

use super::known::{ENTRY, Known, entries};
use super::{Snapshot, Store, StoreError};
use crate::record::Observation;

/// The table of a backup that holds `decisions/`; it stands in no store.
const CARRIED: &str = "carried_decisions";

/// What [`Store::redact`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Observations, all versions.
    pub observations: u64,
    /// Buyers to merge again.
    pub buyers: u64,
}

impl Snapshot {
    /// Calls back with id, raw hash and content of every observation that is kept, of all versions.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn observations(&self, mut each: impl FnMut(i64, u128, Observation)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare("SELECT id, hash, body FROM observation ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let damaged = |why: String| StoreError::damaged(format!("observation {id}"), why);
            let hash: [u8; 16] = row.get(1)?;
            let body = row.get_ref(2)?.as_blob().map_err(|e| damaged(e.to_string()))?;
            let observation = postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))?;
            each(id, u128::from_be_bytes(hash), observation);
        }
        Ok(())
    }

    /// The raw hash of an observation.
    ///
    /// # Errors
    /// A disk fault.
    pub fn raw_hash(&self, observation: i64) -> Result<Option<u128>, StoreError> {
        let sql = "SELECT hash FROM observation WHERE id=?1";
        let hash: Option<[u8; 16]> =
            self.conn.prepare_cached(sql)?.query_row([observation], |r| r.get(0)).optional()?;
        Ok(hash.map(u128::from_be_bytes))
    }
}

impl Store {
    /// Removes observations, their places and their history, and every contract of their buyers, which
    /// become due for a merge that makes them anew.
    ///
    /// # Errors
    /// A disk fault; nothing is then removed.
    pub fn redact(&self, ids: BTreeSet<i64>) -> Result<Redacted, StoreError> {
        if ids.is_empty() {
            return Ok(Redacted::default());
        }
        self.writer.run("remove records from", move |tx| {
            let mut buyers = BTreeSet::new();
            let mut sources = BTreeSet::new();
            let mut find = tx.prepare_cached("SELECT siren, source FROM observation WHERE id=?1")?;
            for id in &ids {
                if let Some((siren, source)) =
                    find.query_row([id], |r| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?))).optional()?
                {
                    buyers.insert(siren);
                    sources.insert(source);
                }
            }
            let mut observations = 0;
            for sql in ["DELETE FROM standing WHERE id=?1", "DELETE FROM also WHERE id=?1"] {
                let mut statement = tx.prepare_cached(sql)?;
                for id in &ids {
                    statement.execute([id])?;
                }
            }
            let mut delete = tx.prepare_cached("DELETE FROM observation WHERE id=?1")?;
            for id in &ids {
                observations += delete.execute([id])? as u64;
            }
            for source in sources {
                blank(tx, source, &ids)?;
            }
            for siren in &buyers {
                // What stood because of them, or gave way to them, is judged again.
                tx.execute(
                    "UPDATE standing SET outcome=1, same_as=NULL WHERE id IN (SELECT id FROM observation WHERE siren=?1)",
                    [siren],
                )?;
                tx.execute("DELETE FROM contract WHERE siren=?1", [siren])?;
                tx.execute("INSERT INTO dirty VALUES (?1, 1) ON CONFLICT DO UPDATE SET mark=mark+1", [siren])?;
            }
            super::meta::bump_state(tx)?;
            Ok(Redacted { observations, buyers: buyers.len() as u64 })
        })
    }

    /// Nothing vouches any more for what a resource was: the next harvest asks for the whole.
    ///
    /// # Errors
    /// A disk fault.
    pub fn unvouched(&self, resource: i64) -> Result<(), StoreError> {
        self.writer.run("forget the validators of a resource in", move |tx| {
            tx.execute(
                "UPDATE resource SET etag=NULL, last_modified=NULL, checksum=NULL, full_fetch=NULL WHERE n=?1",
                [resource],
            )?;
            Ok(())
        })
    }

    /// Writes the file anew and empties its log, so that what was removed lies nowhere in them.
    ///
    /// # Errors
    /// A disk fault, or no room for a second copy: the store is then as before.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.writer.compact()
    }
}

/// Takes the ids out of the lists of a source: the places stay, as those of records that are not used.
fn blank(tx: &rusqlite::Transaction<'_>, source: i64, ids: &BTreeSet<i64>) -> Result<(), StoreError> {
    let sql = "SELECT p.resource, p.page, p.entries FROM resource r JOIN place p ON p.resource=r.n WHERE r.source=?1";
    let mut statement = tx.prepare_cached(sql)?;
    let mut update = tx.prepare_cached("UPDATE place SET entries=?3 WHERE resource=?1 AND page=?2")?;
    let mut changed = Vec::new();
    let mut rows = statement.query([source])?;
    while let Some(row) = rows.next()? {
        let page = row.get_ref(2)?.as_blob().map_err(|e| StoreError::damaged("a page of places", e))?;
        let of = |code| match Known::from_code(code) {
            Known::Observation(id) | Known::Gathered(id) => ids.contains(&id),
            _ => false,
        };
        if entries(page)?.any(|(_, code)| of(code)) {
            let mut left = Vec::with_capacity(page.len());
            for (hash, code) in entries(page)? {
                let (hash, code) = if of(code) { (0, Known::Quarantine.code()) } else { (hash, code) };
                left.extend_from_slice(&hash.to_be_bytes());
                left.extend_from_slice(&code.to_be_bytes());
            }
            debug_assert_eq!(left.len() % ENTRY, 0);
            changed.push((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, left));
        }
    }
    drop(rows);
    for (resource, page, left) in changed {
        update.execute(params![resource, page, left])?;
    }
    Ok(())
}

/// Puts the files of `decisions/` into a backup.
///
/// # Errors
/// A disk fault.
pub(super) fn carry_decisions(backup: &Path, files: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    let fail = |e| StoreError::sqlite("write to", backup, e);
    // With the secret in it, the file is for its owner only.
    let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(backup, owner).map_err(|source| StoreError::Io {
        what: "set the mode of".to_owned(),
        path: backup.to_owned(),
        source,
    })?;
    let mut conn = rusqlite::Connection::open(backup).map_err(fail)?;
    let write = |conn: &mut rusqlite::Connection| -> rusqlite::Result<()> {
        conn.execute_batch("PRAGMA synchronous=FULL")?;
        let tx = conn.transaction()?;
        tx.execute_batch(&format!("CREATE TABLE {CARRIED} (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT"))?;
        for (name, content) in files {
            tx.execute(&format!("INSERT INTO {CARRIED} VALUES (?1, ?2)"), params![name, content])?;
        }
        tx.commit()
    };
    write(&mut conn).map_err(fail)?;
    conn.close().map_err(|(_, e)| fail(e))
}

/// The files of `decisions/` that a backup carries; none in one made without decisions.
///
/// # Errors
/// A disk fault, or no database.
pub fn carried_decisions(backup: &Path) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let fail = |e| StoreError::sqlite("read", backup, e);
    let conn = super::connect_ro(backup)?;
    let read = || -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?1)";
        if !conn.query_row(sql, [CARRIED], |r| r.get::<_, bool>(0))? {
            return Ok(Vec::new());
        }
        let mut statement = conn.prepare(&format!("SELECT name, content FROM {CARRIED} ORDER BY name"))?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
        rows.collect()
    };
    read().map_err(fail)
}

impl Store {
    /// Drops what a backup carried beside the store, once it stands in `decisions/`.
    ///
    /// # Errors
    /// A disk fault.
    pub fn drop_carried(&self) -> Result<(), StoreError> {
        self.writer.run("tidy", |tx| Ok(tx.execute_batch(&format!("DROP TABLE IF EXISTS {CARRIED}"))?))
    }
}
