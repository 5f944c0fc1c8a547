//! The consumers' database, opened so that nothing can change it and nothing can hold it up.
//!
//! In: `guichet.sqlite` of one publication. Out: what a query returns, or why not. A few read-only
//! connections per publication, opened when needed; every query has a deadline, and SQLite's own
//! limits are lowered to what the pages use. Knows no table: see `queries`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

/// Layout of the database that this program reads (`meta.schema`).
const SCHEMA: &str = "1";
/// Idle connections kept per publication.
const IDLE: usize = 4;
/// Page cache of one connection, in KiB; the system caches the file besides.
const CACHE_KIB: i64 = 2048;
/// Virtual machine steps between two looks at the clock: a fraction of a millisecond.
const STEPS: i32 = 2_000;

/// Why a query gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The publication has no database.
    #[error("{} is missing (add sqlite to `formats` of [publish], or copy it too)", .0.display())]
    Missing(PathBuf),
    /// It was written by a newer program.
    #[error("{} has layout {found}, this program reads {SCHEMA} (update guichet)", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// The layout found.
        found: String,
    },
    /// The query took too long and was stopped.
    #[error("a query was stopped at its deadline")]
    Deadline,
    /// SQLite failed.
    #[error("cannot read {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// The connections to one publication's database.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    closed: AtomicBool,
    figures: OnceLock<Arc<super::queries::Figures>>,
}

impl Database {
    /// The database at `path`; nothing is opened yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), closed: AtomicBool::new(false), figures: OnceLock::new() }
    }

    /// Runs `query` on a connection of its own, for at most `limit`. Blocks.
    pub fn read<T>(
        &self,
        limit: Duration,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DbError> {
        let pooled = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let end = Instant::now() + limit;
        let guard = connection.progress_handler(STEPS, Some(move || Instant::now() > end));
        let result = guard.and_then(|()| query(&connection)).map_err(|e| self.explain(e));
        let released = connection.progress_handler(0, None::<fn() -> bool>).is_ok();
        if released && !self.closed.load(Ordering::Acquire) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE {
                idle.push(connection);
            }
        }
        result
    }

    /// The headline figures, counted once per publication. Blocks.
    pub fn figures(&self, limit: Duration) -> Result<Arc<super::queries::Figures>, DbError> {
        if let Some(known) = self.figures.get() {
            return Ok(known.clone());
        }
        let counted = Arc::new(self.read(limit, super::queries::figures)?);
        Ok(self.figures.get_or_init(|| counted).clone())
    }

    /// Lets go of the connections that nobody uses, and keeps none from now on: the publication is
    /// no longer the current one.
    pub fn close_idle(&self) {
        self.closed.store(true, Ordering::Release);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn connect(&self) -> Result<Connection, DbError> {
        if !self.path.exists() {
            return Err(DbError::Missing(self.path.clone()));
        }
        let connection = open(&self.path).map_err(|e| self.explain(e))?;
        let schema: Option<String> = connection
            .query_row("SELECT valeur FROM meta WHERE cle = 'schema'", [], |r| r.get(0))
            .optional()
            .map_err(|e| self.explain(e))?;
        match schema {
            Some(found) if found == SCHEMA => Ok(connection),
            found => Err(DbError::Schema { path: self.path.clone(), found: found.unwrap_or_default() }),
        }
    }

    fn explain(&self, source: rusqlite::Error) -> DbError {
        match source.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => DbError::Deadline,
            _ => DbError::Sqlite { path: self.path.clone(), source },
        }
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 16 << 20)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    Ok(connection)
}

/// `immutable=1` tells SQLite that it needs neither lock nor journal: the folder may be read-only,
/// and readers never wait.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for b in path.as_os_str().as_encoded_bytes() {
        if b.is_ascii_alphanumeric() || b"/._-".contains(b) {
            uri.push(char::from(*b));
        } else {
            uri.push_str(&format!("%{b:02x}"));
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(dir: &Path) -> Database {
        let path = dir.join("a b%?#é.sqlite");
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "CREATE TABLE meta(cle TEXT PRIMARY KEY, valeur TEXT NOT NULL) WITHOUT ROWID;
                 INSERT INTO meta VALUES ('schema', '1');",
            )
            .unwrap();
        Database::new(path)
    }

    #[test]
    fn nothing_can_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let db = small(dir.path());
        let written = db.read(Duration::from_secs(5), |c| c.execute("DELETE FROM meta", []));
        assert!(matches!(written, Err(DbError::Sqlite { .. })), "{written:?}");
        let elsewhere = db.read(Duration::from_secs(5), |c| c.execute("ATTACH ':memory:' AS x", []));
        assert!(elsewhere.is_err());
    }

    #[test]
    fn a_query_ends_at_its_deadline_and_the_connection_works_again() {
        let dir = tempfile::tempdir().unwrap();
        let db = small(dir.path());
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) FROM n";
        let start = Instant::now();
        let answer = db.read(Duration::from_millis(50), |c| c.query_row(endless, [], |r| r.get::<_, i64>(0)));
        assert!(matches!(answer, Err(DbError::Deadline)), "{answer:?}");
        assert!(start.elapsed() < Duration::from_secs(5));
        let one = db.read(Duration::from_secs(5), |c| c.query_row("SELECT 1", [], |r| r.get::<_, i64>(0)));
        assert_eq!(one.unwrap(), 1i64);
    }

    #[test]
    fn a_missing_database_and_a_newer_one_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let absent = Database::new(dir.path().join("guichet.sqlite"));
        let error = absent.read(Duration::from_secs(1), |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
        let db = small(dir.path());
        Connection::open(&db.path).unwrap().execute("UPDATE meta SET valeur = '2'", []).unwrap();
        let error = db.read(Duration::from_secs(1), |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("layout 2") && error.contains("update"), "{error}");
    }
}
