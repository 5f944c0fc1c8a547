//! Reads a finished publication back before anyone sees it: sizes, sha256, rows, the soundness of
//! guichet.sqlite. What does not read back as it was written is not published.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::file::reader::{FileReader, SerializedFileReader};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

use super::consumer_db::CONSUMER_DB;
use super::decp_parquet::PARQUET;
use super::error::PublishError;
use super::journal::JOURNAL_DB;
use super::manifest::FileEntry;

/// Files read back at once.
const READERS: usize = 2;

/// Reads every file of `dir` back and compares it with what the writers counted.
pub(super) fn verify(dir: &Path, files: &[FileEntry]) -> Result<(), PublishError> {
    // The largest first, so that the readers end together.
    let mut order: Vec<&FileEntry> = files.iter().collect();
    order.sort_by_key(|f| std::cmp::Reverse(f.bytes));
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let read = || {
        while let Some(entry) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(e) = one(dir, entry) {
                failure.lock().unwrap_or_else(|p| p.into_inner()).get_or_insert(e);
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..READERS {
            scope.spawn(read);
        }
        read();
    });
    failure.into_inner().unwrap_or_else(|p| p.into_inner()).map_or(Ok(()), Err)
}

fn one(dir: &Path, entry: &FileEntry) -> Result<(), PublishError> {
    let path = dir.join(&entry.name);
    let wrong = |what: String| Err(PublishError::Verify { path: path.clone(), what });
    let found = read(&path, entry.name.ends_with(".csv"))?;
    if found.bytes != entry.bytes {
        return wrong(format!("{} bytes instead of {}", found.bytes, entry.bytes));
    }
    if found.sha256 != entry.sha256 {
        return wrong("another sha256".to_owned());
    }
    let rows = match entry.name.as_str() {
        CONSUMER_DB => Some(database_rows(&path, "SELECT count(*) FROM contrats")?),
        JOURNAL_DB => Some(database_rows(&path, "SELECT count(*) FROM changements")?),
        PARQUET => Some(parquet_rows(&path)?),
        name => frame(name).map(|frame| found.lines.saturating_sub(frame)),
    };
    match (rows, entry.rows) {
        (Some(found), Some(written)) if found != written => wrong(format!("{found} rows instead of {written}")),
        _ => Ok(()),
    }
}

/// Lines of a text file that hold no row; `None` for a file whose rows are not its lines.
fn frame(name: &str) -> Option<u64> {
    match name {
        "decp.json" | "decp.xml" | "decp-2019.xml" => Some(3),
        "decp-2019.json" => Some(2),
        name if name.ends_with(".csv") => Some(1),
        _ => name.ends_with(".ndjson").then_some(0),
    }
}

struct Found {
    bytes: u64,
    sha256: String,
    /// Line feeds; in a CSV those outside quotes.
    lines: u64,
}

fn read(path: &Path, quoted: bool) -> Result<Found, PublishError> {
    let mut file = File::open(path).map_err(PublishError::io("open", path))?;
    let (mut hasher, mut bytes, mut lines, mut inside) = (Sha256::new(), 0, 0, false);
    let mut chunk = vec![0_u8; 256 << 10];
    loop {
        let n = file.read(&mut chunk).map_err(PublishError::io("read back", path))?;
        let part = chunk.get(..n).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        hasher.update(part);
        bytes += n as u64;
        if quoted {
            for at in memchr::memchr2_iter(b'"', b'\n', part) {
                match part.get(at) {
                    Some(b'"') => inside = !inside,
                    _ => lines += u64::from(!inside),
                }
            }
        } else {
            lines += memchr::memchr_iter(b'\n', part).count() as u64;
        }
    }
    Ok(Found { bytes, sha256: hex::encode(hasher.finalize()), lines })
}

/// sha256 and size of a file that was not written front to back; syncs it.
pub(super) fn sum_and_sync(path: &Path) -> Result<(String, u64), PublishError> {
    let found = read(path, false)?;
    File::open(path).and_then(|file| file.sync_all()).map_err(PublishError::io("sync", path))?;
    Ok((found.sha256, found.bytes))
}

fn parquet_rows(path: &Path) -> Result<u64, PublishError> {
    let error = PublishError::parquet(path);
    let file = File::open(path).map_err(PublishError::io("open", path))?;
    let reader = SerializedFileReader::new(file).map_err(&error)?;
    Ok(u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0))
}

fn database_rows(path: &Path, count: &str) -> Result<u64, PublishError> {
    let error = PublishError::database(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&error)?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(&error)?;
    if sound != "ok" {
        return Err(PublishError::Verify { path: path.to_owned(), what: sound });
    }
    let rows: i64 = connection.query_row(count, [], |row| row.get(0)).map_err(&error)?;
    Ok(u64::try_from(rows).unwrap_or(0))
}
