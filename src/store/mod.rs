//! The regional store: one SQLite file in write-ahead mode, one thread that writes it.
//!
//! In: observations and the ordered lists of what each payload holds, batch by batch; the merge's
//! contracts and outcomes; the state of sources, runs and publications. Out: read snapshots.
//! State is rows, and every piece of state is written in the transaction of the work it
//! describes, so that a kill at any instruction loses nothing committed and repeats nothing.
//! Memory: the page caches named below, one batch, and the hashes of one source while it is harvested.
//! Knows nothing of HTTP, payload formats or dump formats. The archive is the truth, this is a view:
//! `replay` builds it again.

mod carry;
mod counts;
mod error;
mod forget;
mod ingest;
mod known;
mod maintenance;
mod merging;
mod meta;
mod places;
mod quarantine;
mod redact;
mod schema;
mod seats;
mod snapshot;
mod sources;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use counts::{BuyerCounts, GoneKey, RecordCounts, SourceCounts, missing_mask};
pub use error::StoreError;
pub use forget::Forgotten;
pub use ingest::{Entry, Flip, FlipEnd, NewObservation, QuarantineRow, ResourceSeen};
pub use known::{Known, KnownRecords, OutReason};
pub use maintenance::{CheckReport, backup, backup_with, check, restore};
pub use merging::{BuyerChange, BuyerInput, MergeRow, MergedBuyer, WITHDRAWN_AFTER_DAYS};
pub use meta::{Epoch, PublicationRow};
pub use quarantine::{QuarantineOf, Quarantined};
pub use redact::{Redacted, carried_decisions};
pub use schema::VERSION;
pub use snapshot::Snapshot;
pub use sources::{HarvestEnd, ResourceRow, SourceRow, SourceState, Validators};
pub use writer::{Pending, Writer};

/// How long a reader waits for a lock that another process holds (a backup, an operator's shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The store of one data directory. Cheap to clone; all clones share the one writer.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
}

impl Store {
    /// Opens the store at `path`, creating or upgrading it, and starts its writer.
    ///
    /// # Errors
    /// A file that is not a database, a database newer than this program, a disk fault.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut conn = connect_rw(path)?;
        schema::migrate(&mut conn, path)?;
        let writer = Writer::start(conn, path.to_owned());
        Ok(Self { path: path.to_owned(), writer })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The one writer.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Waits for what is queued, folds the log into the file and closes it: nothing can be written through
    /// any clone after this.
    ///
    /// # Errors
    /// The disk has no room for what the log holds, or a reader needs it: file and log together are the
    /// store still, and neither may be moved alone.
    pub fn close(self) -> Result<(), StoreError> {
        self.writer.close()
    }

    /// A read snapshot: what was committed when it began, until it is dropped.
    ///
    /// # Errors
    /// A disk fault, or a file that is not a store of this version.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.path)
    }
}

fn connect_rw(path: &Path) -> Result<Connection, StoreError> {
    let refuse = |what: &str| StoreError::Path { path: path.to_owned(), what: what.to_owned() };
    let text = path.to_str().ok_or_else(|| refuse("the path is not UTF-8"))?;
    if text.starts_with("file:") {
        return Err(refuse("a path that starts with `file:` would be read as a URI"));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|e| StoreError::sqlite("open", path, e))?;
    let setup = || -> rusqlite::Result<()> {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        keep_plans(&conn)?;
        conn.execute_batch(schema::PRAGMAS)
    };
    setup().map_err(|e| StoreError::sqlite("open", path, e))?;
    Ok(conn)
}

/// A plan must not depend on the values bound: SQLite would otherwise plan a statement anew for each
/// value that might suit a partial index, at several times the cost of running it.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn connect_ro(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|e| StoreError::sqlite("open", path, e))?;
    let setup = || -> rusqlite::Result<()> {
        conn.busy_timeout(BUSY_TIMEOUT)?;
        keep_plans(&conn)?;
        conn.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4096; PRAGMA mmap_size=0; PRAGMA temp_store=FILE;")
    };
    setup().map_err(|e| StoreError::sqlite("open", path, e))?;
    Ok(conn)
}
