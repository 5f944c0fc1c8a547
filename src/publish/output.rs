//! One file of a publication on its way to the disk: bytes go in, sha256 and compressed forms come
//! out beside, and the file is synced before it counts as written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::checksums::Hashing;
use super::compress::{Compressed, sync};
use super::error::PublishError;
use super::manifest::FileEntry;

/// A file being written.
pub(super) struct Output {
    file: Hashing<BufWriter<File>>,
    compressed: Option<Compressed>,
    name: String,
    path: PathBuf,
}

impl Output {
    /// Creates `name` in `dir`, with `.gz` and `.zst` beside it when `compress`.
    pub(super) fn create(dir: &Path, name: &str, compress: bool) -> Result<Self, PublishError> {
        let path = dir.join(name);
        let file = File::create_new(&path).map_err(PublishError::io("create", &path))?;
        Ok(Self {
            file: Hashing::new(BufWriter::with_capacity(64 << 10, file)),
            compressed: compress.then(|| Compressed::create(dir, name)).transpose()?,
            name: name.to_owned(),
            path,
        })
    }
    /// Writes more.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), PublishError> {
        self.file.write_all(bytes).map_err(PublishError::io("write", &self.path))?;
        match &mut self.compressed {
            Some(compressed) => compressed.write_all(bytes),
            None => Ok(()),
        }
    }
    /// Ends the file and its compressed forms, on the disk. `rows`: what the manifest says it holds.
    pub(super) fn finish(self, rows: Option<u64>) -> Result<Vec<FileEntry>, PublishError> {
        let (file, sha256, bytes) = self.file.finish();
        crash_point!("publish.before-sync");
        sync(file).map_err(PublishError::io("write", &self.path))?;
        let mut entries = vec![FileEntry { name: self.name, sha256, bytes, rows }];
        if let Some(compressed) = self.compressed {
            entries.extend(compressed.finish(rows)?);
        }
        Ok(entries)
    }
}

/// Writes a small file at once.
pub(super) fn put(dir: &Path, name: &str, bytes: &[u8], rows: Option<u64>) -> Result<FileEntry, PublishError> {
    let mut output = Output::create(dir, name, false)?;
    output.write_all(bytes)?;
    let mut entries = output.finish(rows)?;
    entries.pop().ok_or_else(|| PublishError::Thread { what: name.to_owned() })
}
