//! A payload that was read while its catalogue was: kept aside until it is harvested.
//!
//! Bodies of one listing share one temporary file, which stays in memory while it is small. What is
//! held goes with the listing.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tempfile::SpooledTempFile;

use super::super::archive::Sha256;
use super::super::shown::ShownUrl;

/// Bytes of one listing's bodies kept in memory; what is more goes to a nameless file.
const IN_MEMORY: usize = 4 * 1024 * 1024;

/// Where the bodies of one listing are kept.
#[derive(Clone)]
pub(super) struct Shelf(Arc<Mutex<SpooledTempFile>>);

/// One body, with what its answer said.
#[derive(Clone)]
pub struct Held {
    shelf: Shelf,
    at: u64,
    pub(in crate::harvest) bytes: u64,
    pub(in crate::harvest) sha256: Sha256,
    pub(in crate::harvest) last_modified: Option<Timestamp>,
    pub(in crate::harvest) content_type: Option<String>,
    pub(in crate::harvest) final_url: ShownUrl,
}

/// What an answer said of its body.
pub(super) struct Said {
    pub(super) sha256: Sha256,
    pub(super) last_modified: Option<Timestamp>,
    pub(super) content_type: Option<String>,
    pub(super) final_url: ShownUrl,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.bytes)
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}
impl Eq for Held {}

impl Shelf {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(SpooledTempFile::new(IN_MEMORY))))
    }

    /// Keeps a body.
    pub(super) fn keep(&self, body: &[u8], said: Said) -> io::Result<Held> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = file.seek(SeekFrom::End(0))?;
        file.write_all(body)?;
        let Said { sha256, last_modified, content_type, final_url } = said;
        Ok(Held { shelf: self.clone(), at, bytes: body.len() as u64, sha256, last_modified, content_type, final_url })
    }
}

impl Held {
    /// Gives the body, a piece at a time.
    pub(in crate::harvest) fn read<E: From<io::Error>>(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = vec![0u8; 128 * 1024];
        let mut done = 0;
        while done < self.bytes {
            let left = usize::try_from(self.bytes - done).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..left).unwrap_or_default();
            // The lock is not held while the piece is used.
            let mut file = self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(self.at + done))?;
            file.read_exact(piece)?;
            drop(file);
            each(piece)?;
            done += left as u64;
        }
        Ok(())
    }
}
