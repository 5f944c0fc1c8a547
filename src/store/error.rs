//! What can go wrong with the store: where, why, what to do.

use std::path::{Path, PathBuf};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite refused: a full or failing disk, a damaged file, a lock held too long.
    #[error("cannot {what} the store {}: {source} ({})", .path.display(), advice(.source))]
    Sqlite {
        /// The operation, as a verb.
        what: String,
        /// The database file.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// The file was written by a later version.
    #[error("the store {} has format {found}, this program knows up to {known}: use the newer guichet, or restore a backup made by this one", .path.display())]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// A row that this program wrote cannot be read back.
    #[error("the store holds {what} that cannot be read ({why}): run `guichet db check`, then `guichet replay`")]
    Damaged {
        /// Which row.
        what: String,
        /// Why.
        why: String,
    },
    /// The path cannot be used.
    #[error("cannot use {} as a store: {what}", .path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// A file operation beside SQLite failed (backup, restore).
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// The operation, as a verb.
        what: String,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// No such source in the store.
    #[error("the store knows no source `{0}`: `guichet sources list` shows those it has")]
    UnknownSource(String),
    /// The writer has stopped, after a failure that it reported or because the program ends.
    #[error("the store's writer has stopped: see the error before this one")]
    WriterGone,
}

impl StoreError {
    pub(super) fn sqlite(what: &str, path: &Path, source: rusqlite::Error) -> Self {
        Self::Sqlite { what: what.to_owned(), path: path.to_owned(), source }
    }

    pub(super) fn damaged(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Damaged { what: what.into(), why: why.to_string() }
    }
}

/// Inside the store's own functions the path is known to the caller, which adds it.
impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite { what: "use".to_owned(), path: PathBuf::new(), source }
    }
}

fn advice(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space; nothing committed is lost",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the file; close it and try again"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "move the file away and run `guichet replay`, or restore a backup"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "check the owner and mode of the data directory"
        }
        // Also what SQLite says of a full disk where it is its index of the log that cannot grow.
        Some(ErrorCode::SystemIoFailure) => "check the disk and its free space; nothing committed is lost",
        _ => "run `guichet db check`",
    }
}
