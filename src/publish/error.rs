//! What can go wrong while a publication is written: each error says what, where, why, what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why no publication came of it. Nothing that was public before has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The contracts could not be read from the store.
    #[error("cannot read the contracts to publish: {0}; `guichet db check` tells whether the store is sound")]
    Read(Box<dyn std::error::Error + Send + Sync>),
    /// The contracts did not come in the byte order of their uid, or one uid came twice.
    #[error(
        "contract `{uid}` came after `{after}`: they must come once each, in the byte order of their uid; this is a defect of guichet, please report it"
    )]
    Order {
        /// The one that came too late, or twice.
        uid: String,
        /// The one before it.
        after: String,
    },
    /// A contract holds a field from a source whose licence does not allow it.
    #[error(
        "contract `{uid}` holds an observation of source `{source_id}`, whose licence is unknown: it must not be published; name the licence in sources.toml, or `guichet sources forget {source_id}`"
    )]
    Licence {
        /// The contract.
        uid: String,
        /// The source.
        source_id: String,
    },
    /// The consumers' database could not be written or is not sound.
    #[error("cannot write the consumers' database `{}`: {source}; check the free space of its file system", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The Parquet file could not be written.
    #[error("cannot write `{}`: {source}; check the free space of its file system", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer says.
        source: parquet::errors::ParquetError,
    },
    /// The publication before this one cannot be read, so that the changes since it are not known.
    #[error("cannot read the publication before, `{}`: {what}; restore it from a mirror, or remove the link `latest` to start a new series", .path.display())]
    Previous {
        /// Its folder or file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What was read back is not what was written.
    #[error("`{}` does not read back as it was written ({what}): the disk or the memory is faulty; nothing was published, the publication before stands", .path.display())]
    Verify {
        /// The file.
        path: PathBuf,
        /// The difference.
        what: String,
    },
    /// A gate of records.md §6 closed.
    #[error(transparent)]
    Refused(#[from] super::gate::Refusal),
    /// The sums could not be signed.
    #[error("cannot sign SHA256SUMS: {what}; check signing_key of [publish]")]
    Sign {
        /// What the signing says.
        what: String,
    },
    /// A thread of the pipeline ended without an answer.
    #[error(
        "the thread that writes {what} ended abnormally; nothing was published; this is a defect of guichet, please report it"
    )]
    Thread {
        /// What it was writing.
        what: String,
    },
}

impl PublishError {
    /// Wraps an error of the file system.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
    /// Wraps an error of SQLite.
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Database { path: path.clone(), source }
    }
    /// Wraps an error of the Parquet writer.
    pub(super) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { path: path.clone(), source }
    }
    /// Whether a gate refused (exit code 4), rather than something failing.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// A format's crate may pass the system's error on inside its own, and that inside another.
fn kind(error: &io::Error) -> io::ErrorKind {
    let mut kind = error.kind();
    let mut cause = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = cause {
        kind = inner.downcast_ref::<io::Error>().map_or(kind, io::Error::kind);
        cause = inner.source();
    }
    kind
}

fn advice(error: &io::Error) -> &'static str {
    match kind(error) {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space: a publication needs about seven times the size of contrats.ndjson"
        }
        io::ErrorKind::PermissionDenied => "give the user that runs guichet the right to write there",
        io::ErrorKind::ReadOnlyFilesystem => "mount the data directory writable",
        io::ErrorKind::NotFound => "was it removed while guichet worked? Try again",
        _ => "check the disk, then try again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_one_however_deep_its_error_lies() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let zip = io::Error::other(rawzip::Error::from(full()));
        for error in [full(), zip, io::Error::other(full())] {
            assert!(PublishError::io("write", Path::new("decp.xlsx"))(error).to_string().contains("free some space"));
        }
        assert!(
            PublishError::io("write", Path::new("x"))(io::Error::other("odd")).to_string().contains("check the disk")
        );
    }
}
