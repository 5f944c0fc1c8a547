//! journal.sqlite: all that depends on when we looked, as tables for the API and the pages: the changes
//! of 90 days, when each resource showed each contract, which uid became which. It goes on from that of
//! the publication before.
//!
//! In: that file, and what `changes` finds. Out: the file, observations.csv and aliases.csv. Work and
//! memory go with what changed, not with the region: a contract that stays as it was is not touched, since
//! the record of a present state is not here but in contrats.ndjson beside, and a `last_seen` is written
//! only once there is one. Only a record that was replaced since is kept here, compressed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::ToSpan;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use super::changes::{ChangeCounts, Why};
use super::consumer_rows::sql_integer;
use super::error::PublishError;
use super::journal_schema::{DOCUMENTATION, SCHEMA_VERSION, TABLES};
use super::manifest::FileEntry;
use super::previous::Publication;
use crate::record::{Contract, Day};

/// Name of the file.
pub const JOURNAL_DB: &str = "journal.sqlite";

/// For how long a change can be asked for.
const KEPT_DAYS: i64 = 90;

/// A replaced record is small and there are many: speed counts more than size.
const ZSTD_LEVEL: i32 = 3;

/// Page cache of the connection, in KiB.
const CACHE_KIB: i32 = 4 * 1024;

/// What the journal has to know of the publication it is made for.
pub(super) struct About<'a> {
    pub(super) previous: Option<&'a Publication>,
    pub(super) epoch: Uuid,
    /// First seq of this publication.
    pub(super) first_seq: u64,
    pub(super) day: Day,
    /// Something must be forgotten: no record but the present ones may stay.
    pub(super) forget: bool,
    pub(super) compress: bool,
}

/// The writer.
pub(super) struct Journal {
    connection: Connection,
    dir: PathBuf,
    path: PathBuf,
    compressor: zstd::bulk::Compressor<'static>,
    epoch: Uuid,
    first_seq: u64,
    day: Day,
    /// Day of the publication before: until then a resource that does no longer showed a contract.
    before: String,
    /// Changes are told from here on; `None`: only the next publication's are.
    since_min: Option<u64>,
    forget: bool,
    compress: bool,
    /// It knows nothing of what the publication before held: every contract has to be entered.
    pub(super) fresh: bool,
}

impl Journal {
    /// Creates the file in `dir`, from that of the publication before where there is one.
    pub(super) fn create(dir: &Path, about: &About<'_>) -> Result<Self, PublishError> {
        let path = dir.join(JOURNAL_DB);
        let carried = about.previous.is_some_and(|previous| carry(previous, &path));
        let connection = open(&path, carried).map_err(PublishError::database(&path))?;
        let compressor =
            zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(PublishError::io("compress the records of", &path))?;
        let same_epoch = about.previous.is_none_or(|p| p.manifest.epoch == about.epoch);
        let mut journal = Self {
            connection,
            dir: dir.to_owned(),
            path,
            compressor,
            epoch: about.epoch,
            first_seq: about.first_seq,
            day: about.day,
            before: about.previous.map_or_else(|| about.day.to_string(), |p| p.manifest.day.clone()),
            // Who follows another epoch has to take the dump, which ends with this publication's changes.
            since_min: same_epoch.then(|| about.first_seq.saturating_sub(1)),
            forget: about.forget,
            compress: about.compress,
            fresh: !carried,
        };
        if carried {
            journal.go_on(same_epoch).map_err(PublishError::database(&journal.path))?;
        }
        Ok(journal)
    }

    /// Drops what is too old, or of another epoch.
    fn go_on(&mut self, same_epoch: bool) -> rusqlite::Result<()> {
        let connection = &self.connection;
        if !same_epoch {
            return connection.execute_batch("DELETE FROM changements");
        }
        let known: Option<u64> = connection
            .query_row("SELECT valeur FROM meta WHERE cle = 'since_min'", [], |row| row.get::<_, String>(0))
            .optional()?
            .and_then(|text| text.parse().ok());
        let oldest = self.day.date().saturating_sub(KEPT_DAYS.days()).to_string();
        let dropped: Option<i64> =
            connection.query_row("SELECT max(seq) FROM changements WHERE day < ?1", [&oldest], |row| row.get(0))?;
        connection.execute("DELETE FROM changements WHERE day < ?1", [&oldest])?;
        let dropped = dropped.and_then(|seq| u64::try_from(seq).ok()).unwrap_or_default();
        self.since_min = known.map(|known| known.max(dropped)).or(self.since_min);
        Ok(())
    }

    /// A contract as it stands now: new, changed, or not known to a fresh journal.
    pub(super) fn seen(&self, contract: &Contract) -> Result<(), PublishError> {
        self.observe(contract).map_err(PublishError::database(&self.path))
    }

    fn observe(&self, contract: &Contract) -> rusqlite::Result<()> {
        let uid = contract.uid.as_str();
        let shown: BTreeSet<(&str, &str)> =
            contract.observations.iter().map(|o| (o.source.as_str(), o.resource.as_str())).collect();
        if !self.fresh {
            self.connection
                .prepare_cached("UPDATE observations SET last_seen = ?2 WHERE uid = ?1 AND last_seen IS NULL")?
                .execute((uid, &self.before))?;
        }
        let last_seen = contract.withdrawn.then_some(&self.before);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO observations VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET last_seen = CASE WHEN ?5 IS NULL THEN NULL ELSE last_seen END",
        )?;
        let first_seen = last_seen.map_or_else(|| self.day.to_string(), Clone::clone);
        for (source, resource) in shown {
            insert.execute((uid, source, resource, &first_seen, last_seen))?;
        }
        Ok(())
    }

    /// A contract that is new or has changed.
    pub(super) fn upsert(&self, seq: u64, contract: &Contract) -> Result<(), PublishError> {
        let enter = || {
            let uid = contract.uid.as_str();
            if self.since_min.is_some() {
                let row = (sql_integer(seq), uid, self.day.to_string());
                self.connection
                    .prepare_cached(
                        "INSERT INTO changements VALUES (?1, 'contrat', 'upsert', ?2, NULL, NULL, ?3, NULL)",
                    )?
                    .execute(row)?;
            }
            // A uid that is back leads to itself.
            self.connection.prepare_cached("DELETE FROM alias WHERE ancien = ?1")?.execute([uid])?;
            self.observe(contract)
        };
        enter().map_err(PublishError::database(&self.path))
    }

    /// The line that a uid had until now: the last upsert that told it keeps it.
    pub(super) fn replaced(&mut self, uid: &str, line: &[u8]) -> Result<(), PublishError> {
        let record = line.strip_suffix(b"\n").unwrap_or(line);
        let told = "SELECT seq FROM changements WHERE uid = ?1 AND op = 'upsert' AND record IS NULL";
        let database = PublishError::database(&self.path);
        let seq: Option<i64> = self
            .connection
            .prepare_cached(told)
            .and_then(|mut s| s.query_row([uid], |row| row.get(0)).optional())
            .map_err(&database)?;
        let Some(seq) = seq else { return Ok(()) };
        let packed =
            self.compressor.compress(record).map_err(PublishError::io("compress the records of", &self.path))?;
        let keep = "UPDATE changements SET record = ?2 WHERE seq = ?1";
        self.connection.prepare_cached(keep).and_then(|mut s| s.execute(params![seq, packed])).map_err(&database)?;
        Ok(())
    }

    /// A contract that is no longer there, and the line that it had.
    pub(super) fn delete(&mut self, seq: u64, uid: &str, why: &Why, line: &[u8]) -> Result<(), PublishError> {
        self.replaced(uid, line)?;
        self.went(seq, uid, why).map_err(PublishError::database(&self.path))
    }

    fn went(&self, seq: u64, uid: &str, why: &Why) -> rusqlite::Result<()> {
        let successors = why.successors();
        if self.since_min.is_some() {
            let merged_into = if let Why::Merged(successor) = why { Some(successor) } else { None };
            let row = (sql_integer(seq), uid, why.word(), merged_into, self.day.to_string());
            self.connection
                .prepare_cached("INSERT INTO changements VALUES (?1, 'contrat', 'delete', ?2, ?3, ?4, ?5, NULL)")?
                .execute(row)?;
        }
        for successor in successors {
            self.follow(uid, successor, successors.len() == 1)?;
        }
        self.connection.prepare_cached("DELETE FROM alias WHERE uid = ?1 OR ancien = uid")?.execute([uid])?;
        self.connection.prepare_cached("DELETE FROM observations WHERE uid = ?1")?.execute([uid])?;
        Ok(())
    }

    /// What was known under a uid is known under another one from now on: its former names, and since
    /// when it was seen. `only`: nothing else took its observations.
    fn follow(&self, uid: &str, successor: &str, only: bool) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO alias SELECT ancien, ?2, depuis FROM alias WHERE uid = ?1 AND ancien <> ?2",
            )?
            .execute((uid, successor))?;
        connection.prepare_cached("INSERT OR IGNORE INTO alias VALUES (?1, ?2, ?3)")?.execute((
            uid,
            successor,
            self.day.to_string(),
        ))?;
        connection
            .prepare_cached(
                "UPDATE observations SET first_seen = min(observations.first_seen, old.first_seen)
                 FROM (SELECT source, resource, first_seen FROM observations WHERE uid = ?1) AS old
                 WHERE uid = ?2 AND observations.source = old.source AND observations.resource = old.resource",
            )?
            .execute((uid, successor))?;
        if only {
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO observations
                     SELECT ?2, source, resource, first_seen, coalesce(last_seen, ?3) FROM observations WHERE uid = ?1",
                )?
                .execute((uid, successor, &self.before))?;
        }
        Ok(())
    }

    /// Ends the file, and writes the two tables that are read from it.
    pub(super) fn finish(self, counts: &ChangeCounts) -> Result<Vec<FileEntry>, PublishError> {
        let last_seq = counts.next_seq.saturating_sub(1);
        let rows = self.end(last_seq).map_err(PublishError::database(&self.path))?;
        let day = self.day.to_string();
        let mut files = super::journal_csv::write(&self.connection, &self.dir, &day, self.compress)?;
        let Self { connection, path, .. } = self;
        connection.close().map_err(|(_, e)| PublishError::database(&path)(e))?;
        let (sha256, bytes) = super::verify::sum_and_sync(&path)?;
        files.push(FileEntry { name: JOURNAL_DB.to_owned(), sha256, bytes, rows: Some(rows) });
        Ok(files)
    }

    /// Says how many changes the file holds.
    fn end(&self, last_seq: u64) -> rusqlite::Result<u64> {
        let connection = &self.connection;
        if self.forget {
            // Each uid's last change alone leads to the same state.
            connection.execute_batch("DELETE FROM changements WHERE op = 'upsert' AND record IS NOT NULL")?;
        }
        let mut meta = connection.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
        let since_min = self.since_min.unwrap_or(last_seq);
        for (key, value) in [
            ("schema", SCHEMA_VERSION.to_owned()),
            ("epoch", self.epoch.to_string()),
            ("first_seq", self.first_seq.to_string()),
            ("last_seq", last_seq.to_string()),
            ("since_min", since_min.to_string()),
            ("day", self.day.to_string()),
        ] {
            meta.execute((key, value))?;
        }
        connection.execute_batch("COMMIT")?;
        let pages = |what| connection.query_row(what, [], |row| row.get::<_, i64>(0));
        // What was deleted stands in free pages until they are used again.
        if self.forget || pages("PRAGMA freelist_count")? * 4 > pages("PRAGMA page_count")? {
            connection.execute_batch("VACUUM")?;
        }
        let rows = pages("SELECT count(*) FROM changements")?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }
}

/// Copies the journal of the publication before. One that is missing (an older program) or does not fit its
/// manifest is not gone on with: the journal starts anew, and who is behind takes the dump.
fn carry(previous: &Publication, path: &Path) -> bool {
    let from = previous.dir.join(JOURNAL_DB);
    let copied = || -> io::Result<()> {
        let mut to = File::create_new(path)?;
        io::copy(&mut File::open(&from)?, &mut to).map(drop)
    };
    let fits = || -> rusqlite::Result<bool> {
        let connection = connect(path)?;
        let meta = |key: &str| -> rusqlite::Result<String> {
            connection.query_row("SELECT valeur FROM meta WHERE cle = ?1", [key], |row| row.get(0))
        };
        Ok(meta("schema")? == SCHEMA_VERSION
            && meta("epoch")? == previous.manifest.epoch.to_string()
            && meta("last_seq")? == previous.manifest.last_seq.to_string())
    };
    if copied().is_ok() && fits().unwrap_or(false) {
        return true;
    }
    // Nothing of it may be in the way; when it cannot be removed, opening says why.
    let _ = std::fs::remove_file(path);
    false
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// As guichet.sqlite: what a crash leaves is thrown away with its folder.
fn open(path: &Path, carried: bool) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "FILE")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    if !carried {
        connection.execute_batch(TABLES)?;
        let mut documented = connection.prepare("INSERT INTO documentation VALUES (?1, ?2, ?3)")?;
        for row in DOCUMENTATION {
            documented.execute(*row)?;
        }
    }
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}
