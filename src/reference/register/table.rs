//! The register's table: units sorted by SIREN, in blocks of 4 KiB, found by one read.
//!
//! ```text
//! block…                            each: checksum (4), used bytes (2), packed units
//! first SIREN of each block (4)…
//! what was counted, as JSON
//! length of the JSON (4) · number of blocks (4) · checksum of both (8) · mark (8)
//! ```
//!
//! A block is never larger, so that its place follows from its number. Memory: the first SIRENs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::RegisterError;
use super::unit::{Unit, number};
use crate::record::Siren;

const BLOCK: usize = 4096;
/// Checksum and used bytes.
const BLOCK_HEAD: usize = 6;
const TAIL: usize = 24;
/// Another number when the table's form changes: tables of before are then made again.
const MARK: &[u8; 8] = b"guichR01";

/// A file that a table was made from, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Where it was.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its date of change, nanoseconds since 1970.
    pub changed: u128,
}

/// What was counted while a table was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Made {
    /// From what.
    pub files: Vec<SourceFile>,
    /// A stable name for the content.
    pub digest: String,
    /// Rows read.
    pub rows: u64,
    /// Legal units in the table.
    pub units: u64,
    /// Of these, with the commune of their seat.
    pub seated: u64,
    /// Of these, natural persons whose name must not be told.
    pub masked: u64,
    /// Rows without a SIREN or SIRET that can be read: left out.
    pub faulty: u64,
    /// The first of them, counted from 1 in its file, and that file.
    pub first_faulty: Option<(PathBuf, u64)>,
    /// Units that more than one row described, each differently: the rules of `build` chose.
    pub contradictory: u64,
}

/// Writes a table.
pub(super) struct Writer {
    out: BufWriter<File>,
    block: Vec<u8>,
    firsts: Vec<u32>,
    last: Option<u32>,
    digest: Xxh3Default,
}

impl Writer {
    pub(super) fn new(file: File) -> Self {
        let (block, firsts) = (Vec::with_capacity(BLOCK), Vec::new());
        let out = BufWriter::with_capacity(256 << 10, file);
        Self { out, block, firsts, last: None, digest: Xxh3Default::new() }
    }

    /// Adds a unit: SIRENs ascend.
    pub(super) fn push(&mut self, siren: u32, unit: &Unit) -> io::Result<()> {
        if self.last.replace(siren).is_some_and(|last| last >= siren) {
            return Err(io::Error::other("units out of order: a fault of the program"));
        }
        let mut packed = Vec::with_capacity(64);
        unit.pack(siren, &mut packed);
        self.digest.update(&packed);
        if BLOCK_HEAD + self.block.len() + packed.len() > BLOCK {
            self.flush()?;
        }
        if self.block.is_empty() {
            self.firsts.push(siren);
        }
        self.block.extend_from_slice(&packed);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let used = u16::try_from(self.block.len()).map_err(io::Error::other)?;
        self.block.resize(BLOCK - BLOCK_HEAD, 0);
        self.out.write_all(&checksum(&self.block).to_be_bytes())?;
        self.out.write_all(&used.to_be_bytes())?;
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Ends the table; it is synced.
    pub(super) fn finish(mut self, mut made: Made) -> io::Result<()> {
        if !self.block.is_empty() {
            self.flush()?;
        }
        made.digest = format!("{:032x}", self.digest.digest128());
        let mut end: Vec<u8> = self.firsts.iter().flat_map(|first| first.to_be_bytes()).collect();
        let json = serde_json::to_vec(&made)?;
        end.extend_from_slice(&json);
        let sum = xxh3_64(&end);
        end.extend_from_slice(&u32::try_from(json.len()).map_err(io::Error::other)?.to_be_bytes());
        end.extend_from_slice(&u32::try_from(self.firsts.len()).map_err(io::Error::other)?.to_be_bytes());
        end.extend_from_slice(&sum.to_be_bytes());
        end.extend_from_slice(MARK);
        self.out.write_all(&end)?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

fn checksum(block: &[u8]) -> u32 {
    xxh3_64(block) as u32
}

/// A table that can be asked.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    path: PathBuf,
    firsts: Vec<u32>,
    made: Made,
}

impl Table {
    /// Opens a table; `None` when there is none, or one of another version.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, RegisterError> {
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(RegisterError::io("open", path))?,
        };
        let io = |e| RegisterError::io("read", path)(e);
        let damaged = |why: &str| RegisterError::Damaged { path: path.to_owned(), why: why.to_owned() };
        let size = file.metadata().map_err(io)?.len();
        let mut tail = [0; TAIL];
        let Some(tail_at) = size.checked_sub(TAIL as u64) else { return Ok(None) };
        read_at(&file, &mut tail, tail_at).map_err(io)?;
        if !tail.ends_with(MARK) {
            return Ok(None);
        }
        let word = |at: usize| tail.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
        let (json, blocks) = (u64::from(word(0)), u64::from(word(4)));
        if blocks * (BLOCK as u64 + 4) + json != tail_at {
            return Err(damaged("its length is not what it says"));
        }
        let mut end = vec![0; usize::try_from(blocks * 4 + json).map_err(|_| damaged("it is too long"))?];
        read_at(&file, &mut end, blocks * BLOCK as u64).map_err(io)?;
        if tail.get(8..16) != Some(&xxh3_64(&end).to_be_bytes()[..]) {
            return Err(damaged("the checksum of its index is wrong"));
        }
        let (firsts, json) = end.split_at_checked(blocks as usize * 4).unwrap_or_default();
        let firsts = firsts.chunks_exact(4).filter_map(|b| Some(u32::from_be_bytes(b.try_into().ok()?))).collect();
        let made = serde_json::from_slice(json).map_err(|e| damaged(&e.to_string()))?;
        Ok(Some(Self { file, path: path.to_owned(), firsts, made }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn made(&self) -> &Made {
        &self.made
    }

    /// The unit of a SIREN.
    pub(super) fn unit(&self, siren: &Siren) -> Result<Option<Unit>, RegisterError> {
        let wanted = number(siren);
        let Some(block) = self.firsts.partition_point(|first| *first <= wanted).checked_sub(1) else {
            return Ok(None);
        };
        let mut bytes = [0; BLOCK];
        read_at(&self.file, &mut bytes, block as u64 * BLOCK as u64).map_err(RegisterError::io("read", &self.path))?;
        let damaged = || RegisterError::Damaged { path: self.path.clone(), why: format!("block {block}") };
        let (head, units) = bytes.split_at_checked(BLOCK_HEAD).ok_or_else(damaged)?;
        if head.get(..4) != Some(&checksum(units).to_be_bytes()[..]) {
            return Err(damaged());
        }
        let used = head.get(4..).and_then(|b| b.try_into().ok()).map_or(0, u16::from_be_bytes);
        let mut rest = units.get(..usize::from(used)).ok_or_else(damaged)?;
        while !rest.is_empty() {
            let (found, length) = Unit::head(rest).ok_or_else(damaged)?;
            if found >= wanted {
                return if found > wanted { Ok(None) } else { Unit::unpack(rest).map(Some).ok_or_else(damaged) };
            }
            rest = rest.get(length..).ok_or_else(damaged)?;
        }
        Ok(None)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut out: &mut [u8], mut at: u64) -> io::Result<()> {
    while !out.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, out, at)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out = out.get_mut(n..).unwrap_or_default();
        at += n as u64;
    }
    Ok(())
}
