//! Tables, and how an older file becomes a newer one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// The format that this program writes. A file with a larger one is refused.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// `synchronous=FULL`: a commit survives a power cut. The checkpoint every 64 MiB keeps the log
/// from being copied into the file after each small batch; the size limit gives the space back.
pub(super) const PRAGMAS: &str = "
PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=OFF;
PRAGMA cache_size=-16384;
PRAGMA wal_autocheckpoint=8192;
PRAGMA journal_size_limit=67108864;
PRAGMA temp_store=FILE;
PRAGMA trusted_schema=OFF;
";

/// One script per step; a step that has been released never changes.
const MIGRATIONS: &[&str] =
    &[include_str!("schema/001.sql"), include_str!("schema/002.sql"), include_str!("schema/003.sql")];

pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |e| StoreError::sqlite("upgrade", path, e);
    let found: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(fail)?;
    if found > VERSION {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: VERSION });
    }
    for (done, script) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
        tx.execute_batch(script).map_err(fail)?;
        tx.pragma_update(None, "user_version", done as i64 + 1).map_err(fail)?;
        tx.commit().map_err(fail)?;
    }
    Ok(())
}
