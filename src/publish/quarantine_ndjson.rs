//! quarantine.ndjson: every record that could not be used, with its place, its reason and its
//! beginning, so that its producer finds and mends it.
//!
//! In: records of sources whose licence allows republication, by source, resource and position.
//! Out: one line each. Holds one record.

use std::path::Path;

use serde::Serialize;

use super::batch::Batch;
use super::error::PublishError;
use super::format::Writer;
use super::input::{ReadError, Seats};
use super::manifest::FileEntry;
use super::mask::mentions;
use super::output::Output;
use crate::record::Siren;
use crate::reference::MASK;
use crate::refine::catalogue;

/// Name of the file.
pub(super) const QUARANTINE: &str = "quarantine.ndjson";

/// Longest raw text of a record in the file, in bytes; the archive has it whole.
pub const MAX_RAW: usize = 2000;

/// One record in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuarantineRecord {
    /// Id of its source.
    pub source: String,
    /// Id of its resource.
    pub resource: String,
    /// 0-based place in the payload.
    pub position: u32,
    /// sha256 of the payload.
    pub payload: String,
    /// First byte, and the one after the last, in the payload's text as UTF-8.
    pub bytes: (u64, u64),
    /// Code of the reason.
    pub reason: String,
    /// What was declared.
    pub detail: String,
    /// The first day on which it was seen.
    pub first_seen: String,
    /// Its text, or the beginning of it, beyond [`MAX_RAW`] where there is more: who is named just
    /// behind the cut is masked too; `None` when the archive has it no more.
    pub raw: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    source: &'a str,
    resource: &'a str,
    position: u32,
    payload: &'a str,
    bytes: [u64; 2],
    reason: &'a str,
    message: Message,
    detail: &'a str,
    first_seen: &'a str,
    raw: Option<&'a str>,
    truncated: bool,
}

#[derive(Serialize)]
struct Message {
    fr: &'static str,
    en: &'static str,
}

/// Records in quarantine, by source, resource and position.
pub type QuarantineRecords<'a> = Box<dyn Iterator<Item = Result<QuarantineRecord, ReadError>> + Send + 'a>;

/// Writes the file at the end of the reading pass.
pub(super) struct QuarantineNdjson<'a> {
    output: Output,
    records: QuarantineRecords<'a>,
    seats: Seats<'a>,
}

impl<'a> QuarantineNdjson<'a> {
    /// Creates the file in `dir`.
    pub(super) fn create(
        dir: &Path,
        records: QuarantineRecords<'a>,
        seats: Seats<'a>,
        compress: bool,
    ) -> Result<Self, PublishError> {
        Ok(Self { output: Output::create(dir, QUARANTINE, compress)?, records, seats })
    }
}

impl Writer for QuarantineNdjson<'_> {
    fn name(&self) -> &'static str {
        QUARANTINE
    }
    fn batch(&mut self, _: &Batch) -> Result<(), PublishError> {
        Ok(())
    }
    fn finish(mut self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        let (mut rows, mut text) = (0, Vec::new());
        for record in self.records {
            let mut record = record.map_err(PublishError::Read)?;
            mask(&mut record, self.seats).map_err(PublishError::Read)?;
            text.clear();
            line(&record, &mut text);
            self.output.write_all(&text)?;
            rows += 1;
        }
        self.output.finish(Some(rows))
    }
}

/// A text that names a natural person whose data must not be told is not shown: where in it the name
/// stands is not known.
fn mask(record: &mut QuarantineRecord, seats: Seats<'_>) -> Result<(), ReadError> {
    let masked = |siren: &Siren| Ok::<_, ReadError>(seats(siren)?.is_some_and(|seat| seat.masked));
    let raw = record.raw.as_deref().unwrap_or_default();
    if mentions(raw, masked)? || mentions(&record.detail, masked)? {
        record.raw = None;
        record.detail = MASK.to_owned();
    }
    Ok(())
}

fn line(r: &QuarantineRecord, out: &mut Vec<u8>) {
    let (fr, en) = catalogue::entry(&r.reason).map_or(("", ""), |e| (e.french, e.english));
    let raw = r.raw.as_deref().map(|raw| raw.get(..raw.floor_char_boundary(MAX_RAW)).unwrap_or_default());
    let line = Line {
        source: &r.source,
        resource: &r.resource,
        position: r.position,
        payload: &r.payload,
        bytes: [r.bytes.0, r.bytes.1],
        reason: &r.reason,
        message: Message { fr, en },
        detail: &r.detail,
        first_seen: &r.first_seen,
        raw,
        truncated: raw.is_some_and(|raw| (raw.len() as u64) < r.bytes.1.saturating_sub(r.bytes.0)),
    };
    // Text and numbers only: this cannot fail.
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}
