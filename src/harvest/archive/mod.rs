//! The archive: every payload ever fetched, named by its sha256, and the log of what was seen when.
//!
//! In: payload bytes as they arrive, and log entries. Out: the same bytes back, checked; the
//! entries in order. Layout: `ab/abcdef….zst` and `log.ndjson` (contract.md §1). A file appears
//! whole, synced, or not at all. Memory: one compression window. Knows no format, no source, no HTTP.

mod hash;
mod log;
mod payload;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::Digest;

pub use hash::Sha256;
pub use log::{Entries, Entry, Seen};
pub use payload::{Incoming, PayloadReader};

/// Start of the names of files that are still being written.
const INCOMING: &str = ".incoming-";

/// What the archive could not do, and where.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file system refused.
    #[error("{what} {}: {error} (check free space and rights of the data directory)", .path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Nothing of that name: never fetched, or purged.
    #[error("payload {0} is not in the archive: it was purged, or the archive is not complete")]
    Missing(Sha256),
    /// A line of the log, not the last one, that is no entry.
    #[error("{}:{line}: no entry of the archive's log: {why} (restore the file from a backup)", .path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// 1-based.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |error| ArchiveError::Io { what, path, error }
}

/// What [`Archive::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Name of the payload.
    pub sha256: Sha256,
    /// Its length, uncompressed.
    pub bytes: u64,
    /// Whether it was not there before.
    pub new: bool,
}

/// A handle on the archive's folder; clones share it.
#[derive(Debug, Clone)]
pub struct Archive {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    /// Opened by the first append.
    log: Mutex<Option<File>>,
}

impl Archive {
    /// Opens `dir` for the one process that holds the data directory's lock: makes it if need be,
    /// drops the line that a kill left half written, sweeps what a kill left half stored.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let archive = Self::beside(dir);
        let dir = archive.dir();
        fs::create_dir_all(dir).map_err(io_error("cannot make the archive", dir))?;
        for entry in fs::read_dir(dir).map_err(io_error("cannot list the archive", dir))? {
            let entry = entry.map_err(io_error("cannot list the archive", dir))?;
            if entry.file_name().to_string_lossy().starts_with(INCOMING) {
                let path = entry.path();
                fs::remove_file(&path).map_err(io_error("cannot remove the leftover", &path))?;
            }
        }
        log::mend(&archive.log_path())?;
        Ok(archive)
    }

    /// A handle for commands that read beside a running daemon: touches nothing.
    pub fn beside(dir: impl Into<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { dir: dir.into(), log: Mutex::new(None) }) }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    fn log_path(&self) -> PathBuf {
        self.inner.dir.join("log.ndjson")
    }

    fn path_of(&self, name: &Sha256) -> PathBuf {
        let hex = name.to_string();
        let shard = hex.get(..2).unwrap_or_default();
        self.inner.dir.join(shard).join(format!("{hex}.zst"))
    }

    /// Whether a payload is there.
    pub fn contains(&self, name: &Sha256) -> bool {
        self.path_of(name).is_file()
    }

    /// Length of a payload's file, compressed; `None` when it is not there.
    pub fn size(&self, name: &Sha256) -> Option<u64> {
        fs::metadata(self.path_of(name)).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
    }

    /// Erases a payload, for good: gone from the disk when this returns. Says whether it was there.
    pub fn erase(&self, name: &Sha256) -> Result<bool, ArchiveError> {
        let path = self.path_of(name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(io_error("cannot erase", &path)(e)),
        }
        path.parent().map_or(Ok(()), sync_dir)?;
        Ok(true)
    }

    /// The names of all payloads that are there, sorted.
    pub fn names(&self) -> Result<Vec<Sha256>, ArchiveError> {
        let mut names = Vec::new();
        let what = "cannot list the archive";
        for shard in fs::read_dir(self.dir()).map_err(io_error(what, self.dir()))? {
            let shard = shard.map_err(io_error(what, self.dir()))?.path();
            if !shard.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shard).map_err(io_error(what, &shard))? {
                let file = file.map_err(io_error(what, &shard))?.file_name();
                let hex = file.to_str().and_then(|name| name.strip_suffix(".zst"));
                names.extend(hex.and_then(|hex| hex.parse::<Sha256>().ok()));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Begins to store a payload whose name is not known yet.
    pub fn incoming(&self) -> Result<Incoming, ArchiveError> {
        Incoming::new(self.clone())
    }

    /// Stores what `from` gives.
    pub fn put(&self, mut from: impl Read) -> Result<Stored, ArchiveError> {
        let mut incoming = self.incoming()?;
        let mut hasher = sha2::Sha256::new();
        let mut bytes = 0u64;
        let mut buffer = vec![0u8; 128 * 1024];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io_error("cannot read what is to go into", self.dir())(e)),
            };
            let Some(piece) = buffer.get(..n).filter(|p| !p.is_empty()) else {
                break;
            };
            hasher.update(piece);
            bytes += n as u64;
            incoming.push(piece)?;
        }
        let sha256 = Sha256::from(hasher);
        let new = incoming.commit(&sha256)?;
        Ok(Stored { sha256, bytes, new })
    }

    /// Reads a payload back as it was received. The checksum inside the file is checked on the way:
    /// damage ends in an error, never in other bytes.
    pub fn read(&self, name: &Sha256) -> Result<PayloadReader, ArchiveError> {
        PayloadReader::open(&self.path_of(name), *name, false)
    }

    /// Length of a payload as it was received, read through.
    pub fn length(&self, name: &Sha256) -> Result<u64, ArchiveError> {
        let path = self.path_of(name);
        io::copy(&mut self.read(name)?, &mut io::sink()).map_err(io_error("cannot read", &path))
    }

    /// As [`Archive::read`], and the end is an error unless the bytes have the sha256 of their name:
    /// for replay and restore, where a file may come from anywhere.
    pub fn read_verified(&self, name: &Sha256) -> Result<PayloadReader, ArchiveError> {
        PayloadReader::open(&self.path_of(name), *name, true)
    }

    /// Appends entries to the log and syncs it, once for all of them.
    pub fn append(&self, entries: &[Entry]) -> Result<(), ArchiveError> {
        let mut log = self.inner.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        log::append(&self.log_path(), &mut log, entries)
    }

    /// The log from its beginning. A last line without end (being written, or torn) is not given.
    pub fn entries(&self) -> Result<Entries, ArchiveError> {
        Entries::open(&self.log_path())
    }
}

/// Makes names in `dir` survive a power cut.
fn sync_dir(dir: &Path) -> Result<(), ArchiveError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(io_error("cannot sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> (tempfile::TempDir, Archive) {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path().join("archive")).unwrap();
        (dir, archive)
    }

    fn text(mut reader: PayloadReader) -> io::Result<String> {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn a_payload_comes_back_as_it_was_under_its_sha256() {
        let (_dir, archive) = archive();
        let stored = archive.put("abc".as_bytes()).unwrap();
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((stored.sha256.to_string().as_str(), stored.bytes, stored.new), (name, 3, true));
        assert!(archive.dir().join("ba").join(format!("{name}.zst")).is_file());
        assert_eq!(text(archive.read_verified(&stored.sha256).unwrap()).unwrap(), "abc");
        assert!(!archive.put("abc".as_bytes()).unwrap().new);
    }

    #[test]
    fn nothing_is_left_of_a_payload_that_was_not_committed() {
        let (_dir, archive) = archive();
        let mut incoming = archive.incoming().unwrap();
        incoming.push(b"half").unwrap();
        drop(incoming);
        assert_eq!(fs::read_dir(archive.dir()).unwrap().count(), 0);
    }

    #[test]
    fn opening_sweeps_what_a_kill_left_and_reading_beside_touches_nothing() {
        let (_dir, archive) = archive();
        let leftover = archive.dir().join(".incoming-x");
        fs::write(&leftover, "half").unwrap();
        Archive::beside(archive.dir());
        assert!(leftover.exists());
        Archive::open(archive.dir()).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn damage_in_the_archive_is_an_error_never_other_bytes() {
        let (_dir, archive) = archive();
        let noise: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let name = archive.put(noise.as_slice()).unwrap().sha256;
        let path = archive.path_of(&name);
        let whole = fs::read(&path).unwrap();
        for at in [20, whole.len() / 2, whole.len() - 6] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert!(io::copy(&mut archive.read(&name).unwrap(), &mut io::sink()).is_err(), "{at}");
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(io::copy(&mut archive.read(&name).unwrap(), &mut io::sink()).is_err());
    }

    #[test]
    fn another_payload_under_the_name_is_found_by_the_verified_reading() {
        let (_dir, archive) = archive();
        let (a, b) = (archive.put("a".as_bytes()).unwrap(), archive.put("b".as_bytes()).unwrap());
        fs::copy(archive.path_of(&b.sha256), archive.path_of(&a.sha256)).unwrap();
        assert!(text(archive.read_verified(&a.sha256).unwrap()).is_err());
    }

    #[test]
    fn a_payload_that_is_not_there_says_so() {
        let (_dir, archive) = archive();
        let name = "00".repeat(32).parse().unwrap();
        assert!(!archive.contains(&name));
        assert!(matches!(archive.read(&name), Err(ArchiveError::Missing(_))));
    }
}
