//! decp.json: the official 2022 format as JSON, one record a line.
//!
//! The format keeps marchés and concessions in two lists, while contracts come in uid order: the
//! concessions, which are few, wait in a spool (in memory up to a bound, then in a nameless file).

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::SpooledTempFile;

use super::batch::{Numbered, Verdict};
use super::error::PublishError;
use super::format::TextFormat;
use super::json::Json;
use super::output::Output;
use super::shape_2022::members;
use crate::record::Kind;

/// Concessions wait in memory up to this many bytes.
const SPOOL: usize = 1 << 20;

/// The format; holds the concessions until the marchés have all come.
pub(super) struct DecpJson {
    first: bool,
    concessions: SpooledTempFile,
    scratch: Vec<u8>,
    any_concession: bool,
    /// Where the spool is, for messages.
    dir: PathBuf,
}

impl DecpJson {
    /// `dir`: where the spool goes when it outgrows the memory it may take.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            first: true,
            concessions: tempfile::spooled_tempfile_in(SPOOL, dir),
            scratch: Vec::new(),
            any_concession: false,
            dir: dir.to_owned(),
        }
    }
}

impl TextFormat for DecpJson {
    const NAME: &'static str = "decp.json";

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"marches\":{\"marche\":[\n");
    }

    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        let contract = &numbered.item.contract;
        if numbered.item.verdict != Verdict::Decp {
            return Ok(0);
        }
        match contract.record.kind {
            Kind::Marche => {
                separate(&mut self.first, out);
                Json::wrapped_into(out, |j| members(j, contract));
            }
            Kind::Concession => {
                self.scratch.clear();
                let mut first = !std::mem::replace(&mut self.any_concession, true);
                separate(&mut first, &mut self.scratch);
                Json::wrapped_into(&mut self.scratch, |j| members(j, contract));
                self.concessions.write_all(&self.scratch).map_err(PublishError::io("write a spool in", &self.dir))?;
            }
        }
        Ok(1)
    }

    fn finish(mut self, out: &mut Output) -> Result<(), PublishError> {
        out.write_all(if self.first { b"" } else { b"\n" })?;
        out.write_all(b"],\"contrat-concession\":[\n")?;
        let spool = || PublishError::io("read a spool in", &self.dir);
        self.concessions.rewind().map_err(spool())?;
        let mut chunk = vec![0_u8; 64 << 10];
        loop {
            let n = self.concessions.read(&mut chunk).map_err(spool())?;
            match chunk.get(..n) {
                Some([]) | None => break,
                Some(bytes) => out.write_all(bytes)?,
            }
        }
        out.write_all(if self.any_concession { b"\n]}}\n" } else { b"]}}\n" })
    }
}

/// Puts a comma and a line feed between records.
pub(super) fn separate(first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.extend_from_slice(b",\n");
    }
}
