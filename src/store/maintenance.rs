//! Checking, saving and bringing back the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::{Store, StoreError, schema};

/// What `db check` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Format of the file.
    pub version: i64,
    /// Complaints of SQLite's integrity check, none when all is well.
    pub integrity: Vec<String>,
    /// Rows that point at nothing, by kind.
    pub orphans: Vec<(String, u64)>,
    /// Buyers still due for a merge.
    pub dirty: u64,
    /// Observations, all versions.
    pub observations: u64,
    /// Contracts.
    pub contracts: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.integrity.is_empty() && self.orphans.is_empty()
    }
}

const ORPHANS: &[(&str, &str)] = &[
    (
        "standing without observation",
        "SELECT count(*) FROM standing s LEFT JOIN observation o ON o.id=s.id WHERE o.id IS NULL",
    ),
    (
        "standing without resource",
        "SELECT count(*) FROM standing s LEFT JOIN resource r ON r.n=s.resource WHERE r.n IS NULL",
    ),
    (
        "observation without source",
        "SELECT count(*) FROM observation o LEFT JOIN source s ON s.n=o.source WHERE s.n IS NULL",
    ),
    ("resource without source", "SELECT count(*) FROM resource r LEFT JOIN source s ON s.n=r.source WHERE s.n IS NULL"),
    ("place without resource", "SELECT count(*) FROM place p LEFT JOIN resource r ON r.n=p.resource WHERE r.n IS NULL"),
    (
        "quarantine without resource",
        "SELECT count(*) FROM quarantine q LEFT JOIN resource r ON r.n=q.resource WHERE r.n IS NULL",
    ),
];

/// Checks the file and what its rows say of each other. Works beside a running daemon.
///
/// # Errors
/// A file that cannot be opened or read at all.
pub fn check(path: &Path) -> Result<CheckReport, StoreError> {
    let conn = super::connect_ro(path)?;
    let read = |e| StoreError::sqlite("check", path, e);
    let version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(read)?;
    if version > schema::VERSION {
        return Err(StoreError::TooNew { path: path.to_owned(), found: version, known: schema::VERSION });
    }
    let run = || -> rusqlite::Result<CheckReport> {
        let mut statement = conn.prepare("PRAGMA integrity_check")?;
        let lines = statement.query_map([], |r| r.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
        let one = |sql: &str| conn.query_row(sql, [], |r| r.get::<_, u64>(0));
        let mut orphans = Vec::new();
        for (what, sql) in ORPHANS {
            match one(sql)? {
                0 => {}
                n => orphans.push(((*what).to_owned(), n)),
            }
        }
        Ok(CheckReport {
            version,
            integrity: lines.into_iter().filter(|l| l != "ok").collect(),
            orphans,
            dirty: one("SELECT count(*) FROM dirty")?,
            observations: one("SELECT count(*) FROM observation")?,
            contracts: one("SELECT count(*) FROM contract")?,
        })
    };
    run().map_err(read)
}

/// Copies a consistent image of the store to `to`, which must not exist. Works beside a running daemon.
///
/// # Errors
/// `to` exists, or a disk fault; no file is then left at `to`.
pub fn backup(path: &Path, to: &Path) -> Result<(), StoreError> {
    backup_with(path, to, &[])
}

/// As [`backup`], with the files of `decisions/` beside the store's tables.
///
/// # Errors
/// As [`backup`].
pub fn backup_with(path: &Path, to: &Path, decisions: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Path {
            path: to.to_owned(),
            what: "it exists already; a backup never overwrites".to_owned(),
        });
    }
    let partial = sibling(to, "partial");
    let _ = std::fs::remove_file(&partial);
    let carry = || if decisions.is_empty() { Ok(()) } else { super::redact::carry_decisions(&partial, decisions) };
    let result = copy(&super::connect_ro(path)?, &partial).and_then(|()| carry()).and_then(|()| put(&partial, to));
    if result.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    result
}

/// Replaces the store at `path` by the backup `from`, once `prepare` has made of the copy what is to
/// stand; what stood there is kept beside it with the ending `.before-restore`. At every moment one of
/// the two stands whole at `path`. The caller holds the data directory's lock.
///
/// # Errors
/// `from` is no sound store of a version known here, `prepare` fails, or a disk fault; the store is then
/// as before.
pub fn restore(
    path: &Path,
    from: &Path,
    prepare: impl FnOnce(&Store) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let report = check(from)?;
    if report.version == 0 || !report.is_sound() {
        return Err(StoreError::damaged(
            format!("a backup ({})", from.display()),
            "it is not a sound store of guichet",
        ));
    }
    let partial = sibling(path, "restoring");
    remove_with_log(&partial)?;
    let result = copy(&super::connect_ro(from)?, &partial).and_then(|()| {
        crash_point!("restore.copied");
        let store = Store::open(&partial)?;
        prepare(&store)?;
        store.close()?;
        replace(path, &partial)
    });
    if result.is_err() {
        // Room for what comes next; what was copied is the backup's still.
        let _ = remove_with_log(&partial);
    }
    result
}

/// Puts a closed store in the place of another one, which keeps a second name.
fn replace(path: &Path, with: &Path) -> Result<(), StoreError> {
    if path.exists() {
        // Its log belongs to the file that it stands beside: it must not meet another one. A store that is
        // too damaged to be opened, or a full disk, leaves one, which is kept too.
        if let Ok(conn) = super::connect_rw(path) {
            let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        let kept = sibling(path, "before-restore");
        remove_with_log(&kept)?;
        let log = beside(path, "-wal");
        if std::fs::metadata(&log).is_ok_and(|m| m.len() > 0) {
            second_name(&log, &beside(&kept, "-wal"))?;
        }
        second_name(path, &kept)?;
        crash_point!("restore.kept");
        remove(&log)?;
        remove(&beside(path, "-shm"))?;
    }
    put(with, path)
}

/// On a file system without hard links the second name is a copy.
fn second_name(path: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::hard_link(path, to).or_else(|_| std::fs::copy(path, to).map(drop)).map_err(|source| StoreError::Io {
        what: "keep the store as".to_owned(),
        path: to.to_owned(),
        source,
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::Io { what: "remove".to_owned(), path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn remove_with_log(path: &Path) -> Result<(), StoreError> {
    remove(path)?;
    ["-wal", "-shm", "-journal"].iter().try_for_each(|end| remove(&beside(path, end)))
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let fail = |e| StoreError::sqlite("copy to", to, e);
    let mut target = Connection::open(to).map_err(fail)?;
    target.execute_batch("PRAGMA synchronous=FULL").map_err(fail)?;
    let pages = 1000;
    Backup::new(from, &mut target).and_then(|b| b.run_to_completion(pages, Duration::ZERO, None)).map_err(fail)?;
    target.execute_batch("PRAGMA journal_mode=DELETE").map_err(fail)?;
    target.close().map_err(|(_, e)| fail(e))
}

fn put(from: &Path, to: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::Io { what: "write".to_owned(), path: to.to_owned(), source };
    let file = std::fs::File::open(from).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    std::fs::rename(from, to).map_err(fail)?;
    crash_point!("restore.placed");
    match to.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(dir) => std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(fail),
        None => Ok(()),
    }
}
