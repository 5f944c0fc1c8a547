//! Payload bytes → raw records, one at a time, in bounded memory.
//!
//! ```text
//! container (gzip, zstd, zip) → Text (encoding) → sniff (JSON, XML, table, or no data)
//!     → split_json | split_xml | split_csv: byte ranges of records
//!     → parse: decp_json | decp_xml | decp_csv over one small Tree → RawRecord
//! ```
//!
//! [`split`] finds where each record begins and ends without parsing it, so that a record already
//! known costs a scan and a hash; [`parse`] makes a [`RawRecord`] of one. Damage inside a record
//! costs that record: the splitter goes on at the next boundary. Holds one record at a time (at
//! most [`SplitOptions::max_record`]) and one buffer. What the values mean is for `refine`; the
//! names of a format's fields appear in its decoder and nowhere else.

mod block;
mod container;
mod csv_columns;
mod csv_rows;
mod csv_table;
mod decp;
mod decp_csv;
mod decp_json;
mod decp_names;
mod decp_parts;
mod decp_xml;
mod html;
mod json;
mod note;
mod raw;
mod region_bretagne;
mod rescue;
mod resync;
mod scan;
mod scan_block;
mod slice;
mod sniff;
mod split_csv;
mod split_json;
mod split_xml;
mod strip;
mod text;
mod tree;
mod unwrap;
mod window;
mod xml;

pub(crate) use xml::html_entity;

#[cfg(test)]
mod block_tests;
#[cfg(test)]
mod csv_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod damage_xml_tests;
#[cfg(test)]
mod pack_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;

use encoding_rs::Encoding;

pub use csv_table::Table;
pub(crate) use note::BARE_QUOTE;
pub use note::{NOTES, Note};
pub use raw::*;
pub use slice::{Container, Shape, Slice};
pub use sniff::NotData;
pub use strip::{StripError, Stripped, strip};
pub use text::{Text, Told};

/// Longest record, in bytes: a DECP record with hundreds of modifications stays under 200 KiB.
pub const MAX_RECORD: usize = 1024 * 1024;

/// Deepest nesting that [`parse`] follows; the official formats need nine levels.
pub const MAX_DEPTH: usize = 64;

/// How to split.
#[derive(Debug, Clone)]
pub struct SplitOptions {
    /// Longest record, in bytes of UTF-8. A longer one is given cut, as [`Shape::Oversized`]; a
    /// longer row of a table, too.
    pub max_record: usize,
    /// Most bytes that a packed payload may unpack to, all its documents together.
    pub max_bytes: u64,
    /// Most bytes unpacked for each byte received.
    pub max_ratio: u64,
    /// The format that the payload must have; `None`: recognised.
    pub format: Option<Dialect>,
    /// The encoding, where the payload lies about it; `None`: recognised.
    pub encoding: Option<&'static Encoding>,
    /// Of a table: header → field (`acheteur.id`, `titulaires.id`, `montant`…), for headers that
    /// mean nothing to this version, or something else.
    pub columns: BTreeMap<String, String>,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self {
            max_record: MAX_RECORD,
            max_bytes: 2 << 30,
            max_ratio: 200,
            format: None,
            encoding: None,
            columns: BTreeMap::new(),
        }
    }
}

/// The encoding of a label (`latin1`, `windows-1252`…); `None` when no standard knows it.
pub fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes())
}

/// Whether a column may be said to hold this field: `acheteur.id`, `titulaires.id`, `montant`…
pub fn is_column(field: &str) -> bool {
    csv_columns::target(field) != csv_columns::Target::Unknown
}

/// The format of a document, recognised from its content. Which edition (2019, 2022) is decided
/// for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// JSON, one document or several.
    DecpJson,
    /// XML.
    DecpXml,
    /// A table: CSV, however delimited.
    DecpCsv,
}

impl Dialect {
    /// The format's name in sources.toml.
    pub fn format(self) -> &'static str {
        match self {
            Self::DecpJson => "decp-json",
            Self::DecpXml => "decp-xml",
            Self::DecpCsv => "decp-csv",
        }
    }

    /// Short name: `json`, `xml` or `csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DecpJson => "json",
            Self::DecpXml => "xml",
            Self::DecpCsv => "csv",
        }
    }
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
    /// How many records the payload holds: the places of all slices that were given.
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
    let limits = container::Limits::new(options.max_bytes, options.max_ratio);
    let mut sink = Sink { each, records: 0, base: 0, stopped: false };
    let mut whole: Option<Split> = None;
    let mut input = input;
    container::documents(&mut input, &limits, &mut |input| {
        let part = document(input, options, &mut sink);
        let broken = limits.take_broken();
        let mut part = match (part, &broken) {
            (Err(e @ (NotData::Read(_) | NotData::TooLarge { .. })), _) => return Err(e),
            (Err(_), Some(why)) => {
                return Err(NotData::Packed { why: format!("{why} break off before the first record") });
            }
            (part, _) => part?,
        };
        if let Some(what) = broken {
            part.ending = Ending::Cut { what };
        }
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.join(part),
        }
        Ok(!sink.stopped)
    })?;
    let mut whole = whole.ok_or(NotData::Empty)?;
    whole.records = sink.records;
    if let Some(what) = limits.take_broken() {
        whole.ending = Ending::Cut { what };
    }
    Ok(whole)
}

impl Split {
    /// One more document of the same payload.
    fn join(&mut self, part: Self) {
        let weight = |e: &Ending| match e {
            Ending::Complete => 0,
            Ending::Damaged { .. } => 1,
            Ending::Cut { .. } => 2,
        };
        if weight(&part.ending) > weight(&self.ending) {
            self.ending = part.ending;
        }
        for note in part.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }
}

/// One document.
fn document(input: &mut dyn Read, options: &SplitOptions, sink: &mut Sink<'_>) -> Result<Split, NotData> {
    let text = Text::open(input, options.encoding).map_err(NotData::Read)?;
    let head = sniff::head_text(&text);
    let (mut start, mut notes) = (0, Vec::new());
    let dialect = match sniff::sniff(&head, &options.columns) {
        Err(NotData::Html { begins }) => {
            let found = html::embedded(&head).ok_or(NotData::Html { begins })?;
            notes.push(Note::new(note::HTML_PAGE, "", ""));
            drop(head);
            // The head came without its mark, which is three bytes of UTF-8 whatever it was.
            let mark = if Encoding::for_bom(text.head()).is_some() { 3 } else { 0 };
            start = found.at() + mark;
            if let html::Embedded::Escaped(_) = found {
                let page = html::Unescaped::new(text, start);
                let text = Text::open(page, Some(encoding_rs::UTF_8)).map_err(NotData::Read)?;
                return lists(text, Dialect::DecpJson, 0, options, sink, notes);
            }
            Dialect::DecpJson
        }
        other => other?,
    };
    lists(text, dialect, start, options, sink, notes)
}

/// The records of a document whose format is known.
fn lists<R: Read>(
    text: Text<R>,
    dialect: Dialect,
    start: u64,
    options: &SplitOptions,
    sink: &mut Sink<'_>,
    mut notes: Vec<Note>,
) -> Result<Split, NotData> {
    if let Some(wanted) = options.format.filter(|f| *f != dialect) {
        return Err(NotData::OtherFormat { found: dialect.name(), wanted: wanted.name() });
    }
    let window = window::Window::new(text);
    let ended = match dialect {
        Dialect::DecpJson => split_json::run(window, start, options, sink),
        Dialect::DecpXml => split_xml::run(window, options, sink),
        Dialect::DecpCsv => split_csv::run(window, options, sink),
    }?;
    sink.base += ended.length;
    let Told { encoding, refuted, damaged } = ended.told;
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
    /// How far it was read, in bytes of text.
    length: u64,
}

/// Counts the slices and hands them on.
struct Sink<'e> {
    each: &'e mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
    records: u32,
    /// Bytes of text in the documents before this one.
    base: u64,
    stopped: bool,
}

impl Sink<'_> {
    fn give(&mut self, bytes: &[u8], offset: u64, shape: Shape) {
        if self.stopped {
            return;
        }
        let offset = self.base + offset;
        let slice = Slice { bytes, offset, position: self.records, shape, also: &[], table: None };
        self.records = self.records.saturating_add(1);
        self.stopped = (self.each)(slice).is_break();
    }

    /// Rows of a table. Their places are counted by the splitter, which knows them all beforehand.
    fn give_rows(&mut self, slice: Slice<'_>) {
        if !self.stopped {
            self.stopped = (self.each)(Slice { offset: self.base + slice.offset, ..slice }).is_break();
        }
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
        Shape::Rows => decp_csv::parse(slice),
        Shape::DamagedRow => Err(decp_csv::refuse(slice)),
        Shape::DamagedXml => Err(Reject::new("unreadable", "the record is never closed")),
    }
}
