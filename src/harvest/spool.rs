//! Temporary files for payloads that are probably what we have already.
//!
//! A body whose previous version is known is written raw to a nameless file while it is hashed, and
//! compressed only when the hash turns out to be another: on most nights most files are the same,
//! and compressing costs three times what hashing does. Files are used again, so that the system
//! need not find new pages for each.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A spool that grew beyond this is cut before it is put back: it would hold disk space for nothing.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Idle spools kept: as many as transfers usually run at once.
const KEPT: usize = 16;

/// The idle spools of one harvester.
#[derive(Debug, Clone, Default)]
pub(super) struct Spools {
    idle: Arc<Mutex<Vec<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    dir: PathBuf,
    file: File,
}

/// A nameless file; what is written can be read back once. Goes back to the pool when dropped.
#[derive(Debug)]
pub(super) struct Spool {
    pool: Spools,
    idle: Option<Idle>,
    written: u64,
}

impl Spools {
    /// A spool on the file system of `dir`.
    pub(super) fn take(&self, dir: &Path) -> io::Result<Spool> {
        let mut pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = pool.iter().position(|idle| idle.dir == dir);
        let idle = at.map(|at| pool.swap_remove(at));
        drop(pool);
        let mut idle = match idle {
            Some(idle) => idle,
            None => Idle { dir: dir.to_owned(), file: tempfile::tempfile_in(dir)? },
        };
        idle.file.seek(SeekFrom::Start(0))?;
        Ok(Spool { pool: self.clone(), idle: Some(idle), written: 0 })
    }
}

impl Spool {
    /// What was written, from its beginning.
    pub(super) fn reader(&mut self) -> io::Result<impl Read + '_> {
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))?;
        let written = self.written;
        Ok(self.file()?.take(written))
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.idle.as_mut().map(|idle| &mut idle.file).ok_or_else(|| io::Error::other("spool already given back"))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file()?.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let Some(idle) = self.idle.take() else { return };
        if self.written > KEPT_BYTES && idle.file.set_len(0).is_err() {
            return;
        }
        let mut pool = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT {
            pool.push(idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_used_again_gives_only_what_was_written_last() {
        let dir = tempfile::tempdir().unwrap();
        let spools = Spools::default();
        for text in ["a long first text", "short"] {
            let mut spool = spools.take(dir.path()).unwrap();
            spool.write_all(text.as_bytes()).unwrap();
            let mut back = String::new();
            spool.reader().unwrap().read_to_string(&mut back).unwrap();
            assert_eq!(back, text);
        }
        assert_eq!(spools.idle.lock().unwrap().len(), 1);
    }
}
