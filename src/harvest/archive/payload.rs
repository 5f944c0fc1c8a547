//! One payload on its way into the archive, and back out.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use sha2::Digest;
use tempfile::NamedTempFile;

use super::{Archive, ArchiveError, INCOMING, Sha256, io_error, sync_dir};

/// Compression level: the archive is written while the network waits and read rarely. On DECP files
/// level 3 is a quarter slower than level 1 and saves another 7 % of the size.
const LEVEL: i32 = 1;

/// Bytes of a frame, at most: a payload is a run of frames that do not know each other. Each is
/// compressed at once, which is faster than one long stream and needs no window; a larger one would
/// save little.
const FRAME: usize = 512 << 10;

/// Window of at most 2 MiB (2^21) for reading: it bounds the memory.
const WINDOW_LOG: u32 = 21;

/// A payload being stored: compressed into a temporary file of the archive's folder while it
/// arrives. Dropped without [`Incoming::commit`], it leaves nothing. Memory: two frames.
pub struct Incoming {
    archive: Archive,
    compressor: zstd::bulk::Compressor<'static>,
    gathered: Vec<u8>,
    packed: Vec<u8>,
    file: NamedTempFile,
}

impl Incoming {
    pub(super) fn new(archive: Archive) -> Result<Self, ArchiveError> {
        let dir = archive.dir();
        let failed = || io_error("cannot begin a file in", dir);
        let file = tempfile::Builder::new().prefix(INCOMING).tempfile_in(dir).map_err(failed())?;
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(failed())?;
        compressor.include_checksum(true).map_err(failed())?;
        Ok(Self { archive, compressor, gathered: Vec::new(), packed: Vec::new(), file })
    }

    /// Adds bytes of the payload.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.gathered.len()));
            self.gathered.extend_from_slice(now);
            bytes = later;
            if self.gathered.len() == FRAME {
                self.frame()?;
            }
        }
        Ok(())
    }

    /// Writes what is gathered as one frame.
    fn frame(&mut self) -> Result<(), ArchiveError> {
        let failed = || io_error("cannot write into", self.archive.dir());
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.gathered.len()));
        self.compressor.compress_to_buffer(&self.gathered, &mut self.packed).map_err(failed())?;
        self.file.write_all(&self.packed).map_err(failed())?;
        self.gathered.clear();
        Ok(())
    }

    /// Gives the payload its name: synced, renamed, and the name synced too. False when the archive
    /// had it already. The caller vouches that `name` is the sha256 of what was pushed.
    pub fn commit(mut self, name: &Sha256) -> Result<bool, ArchiveError> {
        let target = self.archive.path_of(name);
        if target.is_file() {
            return Ok(false);
        }
        self.frame()?;
        let Self { archive, file, .. } = self;
        crash_point!("archive.landing");
        file.as_file().sync_all().map_err(io_error("cannot sync", file.path()))?;
        let shard = target.parent().unwrap_or(archive.dir());
        match fs::create_dir(shard) {
            Ok(()) => sync_dir(archive.dir())?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io_error("cannot make", shard)(e)),
        }
        file.persist(&target).map_err(|e| io_error("cannot name", &target)(e.error))?;
        sync_dir(shard)?;
        Ok(true)
    }
}

/// A payload being read back.
pub struct PayloadReader {
    decoder: zstd::stream::read::Decoder<'static, BufReader<File>>,
    /// The name it must prove at its end, and the hash so far.
    proof: Option<(Sha256, sha2::Sha256)>,
}

impl PayloadReader {
    pub(super) fn open(path: &Path, name: Sha256, verified: bool) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => ArchiveError::Missing(name),
            _ => io_error("cannot open", path)(e),
        })?;
        let mut decoder = zstd::stream::read::Decoder::new(file).map_err(io_error("cannot read", path))?;
        decoder.window_log_max(WINDOW_LOG).map_err(io_error("cannot read", path))?;
        Ok(Self { decoder, proof: verified.then(|| (name, sha2::Sha256::new())) })
    }
}

impl Read for PayloadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.decoder.read(buffer)?;
        if n > 0 {
            if let (Some((_, hasher)), Some(piece)) = (&mut self.proof, buffer.get(..n)) {
                hasher.update(piece);
            }
        } else if !buffer.is_empty()
            && let Some((name, hasher)) = self.proof.take()
        {
            let found = Sha256::from(hasher);
            if found != name {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("the archive holds another payload ({found}) under the name {name}"),
                ));
            }
        }
        Ok(n)
    }
}
