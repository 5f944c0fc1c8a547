//! Payload bytes → raw records, one at a time, in bounded memory.
//!
//! ```text
//! Text (encoding) → sniff (JSON, XML, or no data) → split_json | split_xml: byte ranges of records
//!                 → parse: decp_json | decp_xml over one small Tree → RawRecord
//! ```
//!
//! [`split`] finds where each record begins and ends without parsing it, so that a record already
//! known costs a scan and a hash; [`parse`] makes a [`RawRecord`] of one. Damage inside a record
//! costs that record: the splitter goes on at the next boundary. Holds one record at a time (at
//! most [`SplitOptions::max_record`]) and one buffer. What the values mean is for `refine`; the
//! names of a format's fields appear in its decoder and nowhere else.

mod decp;
mod decp_json;
mod decp_names;
mod decp_parts;
mod decp_xml;
mod json;
mod note;
mod raw;
mod region_bretagne;
mod rescue;
mod resync;
mod scan;
mod sniff;
mod split_json;
mod split_xml;
mod text;
mod tree;
mod unwrap;
mod window;
mod xml;

pub(crate) use xml::html_entity;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod damage_xml_tests;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::ops::ControlFlow;

use crate::record::Kind;

pub(crate) use note::BARE_QUOTE;
pub use note::{NOTES, Note};
pub use raw::*;
pub use sniff::NotData;
pub use text::{Text, Told};

/// Longest record, in bytes: a DECP record with hundreds of modifications stays under 200 KiB.
pub const MAX_RECORD: usize = 1024 * 1024;

/// Deepest nesting that [`parse`] follows; the official formats need nine levels.
pub const MAX_DEPTH: usize = 64;

/// How to split.
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// Longest record, in bytes of UTF-8. A longer one is given cut, as [`Shape::Oversized`].
    pub max_record: usize,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { max_record: MAX_RECORD }
    }
}

/// The format of a document, recognised from its content. Which edition (2019, 2022) is decided
/// for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// JSON, one document or several.
    DecpJson,
    /// XML.
    DecpXml,
}

impl Dialect {
    /// Short name: `json` or `xml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DecpJson => "json",
            Self::DecpXml => "xml",
        }
    }
}

/// The list of the 2022 format, or the plain one of 2019, in which a JSON record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Container {
    /// A list without a name of its own (`marches: […]`, a bare list, a record alone).
    Plain,
    /// `marche`, `contrat-concession`: a list that names what it holds.
    Named(Kind),
}

/// What the splitter says of one slice. With the bytes, all that [`parse`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A JSON value.
    Json(Container),
    /// A JSON object with damage inside: its end was found by the beginning of the next record.
    DamagedJson(Container),
    /// An XML element.
    Xml,
    /// An XML element whose end tag is missing.
    DamagedXml,
    /// The beginning of a record that the end of the document cuts.
    Cut,
    /// The first `max_record` bytes of a record that is longer.
    Oversized,
}

/// One record, raw.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// UTF-8, but for bytes that are damaged in the payload itself.
    pub bytes: &'a [u8],
    /// Where it begins, in bytes of the payload; of its UTF-8 text where the payload is in another encoding.
    pub offset: u64,
    /// 0-based place among the records of the payload.
    pub position: u32,
    /// What the splitter says of it.
    pub shape: Shape,
}

/// How the document ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Everything that was opened was closed.
    Complete,
    /// The document stops inside: what stands before is whole, the rest never came.
    Cut {
        /// What was still open.
        what: String,
    },
    /// The document ends, but text between its records made no sense and was passed over.
    Damaged {
        /// What was passed over.
        what: String,
    },
}

/// What [`split`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The format.
    pub dialect: Dialect,
    /// How it ended; when the callback broke off, as far as it was read.
    pub ending: Ending,
    /// How many slices were given.
    pub records: u32,
    /// What was repaired in the document around its records: encoding, byte order mark.
    pub notes: Vec<Note>,
    /// Name of the payload's encoding.
    pub encoding: &'static str,
}

/// Why a slice is no record: it goes to quarantine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Reject {
    /// `cut`, `null`, `empty`, `not-an-object`, `unreadable`, `too-deep`, `oversized`.
    pub reason: &'static str,
    /// What, and where in the record.
    pub detail: String,
}

impl Reject {
    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Gives each record of a payload to `each`, in file order. The same records come whatever the
/// sizes of the reads. `each` may break off; then the rest is not read.
///
/// # Errors
/// [`NotData`] when the bytes are no open data at all (empty, a web page, an error message, another
/// format), or when they cannot be read. Records given before a read error stand for nothing.
pub fn split(
    input: impl Read,
    options: &SplitOptions,
    each: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
) -> Result<Split, NotData> {
    let text = Text::open(input, None).map_err(NotData::Read)?;
    let dialect = sniff::sniff(&text)?;
    let window = window::Window::new(text);
    let mut sink = Sink { each, records: 0, stopped: false };
    let ended = match dialect {
        Dialect::DecpJson => split_json::run(window, options, &mut sink),
        Dialect::DecpXml => split_xml::run(window, options, &mut sink),
    }?;
    let Told { encoding, refuted, damaged } = ended.told;
    let mut notes = Vec::new();
    if let Some(label) = refuted {
        notes.push(Note::new(note::ENCODING_DECLARED, "", label));
    }
    if encoding != encoding_rs::UTF_8 {
        notes.push(Note::new(note::ENCODING, "", encoding.name()));
    }
    if damaged {
        notes.push(Note::new(note::ENCODING_DAMAGED, "", encoding.name()));
    }
    if let Some(text) = ended.trailing {
        notes.push(Note::new(note::TRAILING_TEXT, "", text));
    }
    Ok(Split { dialect, ending: ended.ending, records: sink.records, notes, encoding: encoding.name() })
}

/// What a splitter tells at the end.
struct Ended {
    ending: Ending,
    /// The encoding.
    told: Told,
    /// How the text after the last document begins.
    trailing: Option<String>,
}

/// Counts the slices and hands them on.
struct Sink<'e> {
    each: &'e mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    records: u32,
    stopped: bool,
}

impl Sink<'_> {
    fn give(&mut self, bytes: &[u8], offset: u64, shape: Shape) {
        if self.stopped {
            return;
        }
        let slice = Slice { bytes, offset, position: self.records, shape };
        self.records = self.records.saturating_add(1);
        self.stopped = (self.each)(slice).is_break();
    }
}

/// Reads one record. Pure: the same slice gives the same record, or the same reason.
///
/// # Errors
/// [`Reject`] when no record can be made of the bytes.
pub fn parse(slice: &Slice<'_>) -> Result<RawRecord, Reject> {
    match slice.shape {
        Shape::Cut => Err(Reject::new("cut", "the document stops inside this record")),
        Shape::Oversized => Err(Reject::new("oversized", "longer than the limit of one record")),
        Shape::Json(container) => decp_json::parse(slice.bytes, container, false),
        Shape::DamagedJson(container) => decp_json::parse(slice.bytes, container, true),
        Shape::Xml => decp_xml::parse(slice.bytes),
        Shape::DamagedXml => Err(Reject::new("unreadable", "the record is never closed")),
    }
}
