//! What kind of document these bytes are, judged by the bytes alone.
//!
//! In: the head of a payload. Out: a [`Dialect`], or why it is no data ([`NotData`]), so that a
//! web page sent with status 200 never counts as an emptied feed. Holds nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};

use encoding_rs::UTF_8;

use super::csv_table::Table;
use super::{Dialect, text::Text};

/// Why a payload cannot be a feed: a failed harvest, after which the last good state stands.
#[derive(Debug, thiserror::Error)]
pub enum NotData {
    /// Nothing, or white space.
    #[error("the payload is empty: the source answered without data; the last good state stands, try again later")]
    Empty,
    /// A web page.
    #[error(
        "a web page came instead of data (it begins with {begins:?}): open the address in a browser and correct the source's url"
    )]
    Html {
        /// How it begins.
        begins: String,
    },
    /// A JSON or XML document that holds no list of contracts.
    #[error(
        "the document holds no list of contracts (it begins with {begins:?}): an error message, or another format; check the source's url and format"
    )]
    NoRecords {
        /// How it begins.
        begins: String,
    },
    /// Neither JSON nor XML nor a table.
    #[error(
        "the payload is {what}, not DECP in JSON, XML or CSV (it begins with {begins:?}): check the source's url and format"
    )]
    Unrecognised {
        /// What it looks like.
        what: &'static str,
        /// How it begins.
        begins: String,
    },
    /// Another format than the one that was asked for.
    #[error("the payload is {found}, where {wanted} was expected: correct the source's format, or write \"auto\"")]
    OtherFormat {
        /// Name of the format that the bytes have.
        found: &'static str,
        /// Name of the format that was asked for.
        wanted: &'static str,
    },
    /// Packed in a way that is not read.
    #[error("the payload cannot be unpacked: {why}; ask the publisher, or correct the source's url")]
    Packed {
        /// What stands in the way.
        why: String,
    },
    /// A bomb, or more than was allowed.
    #[error(
        "the payload unpacks to more than is allowed ({unpacked} bytes from {received}): if it is sound, raise the source's `max_bytes`, or `max_ratio` in [harvest]"
    )]
    TooLarge {
        /// Bytes unpacked when the limit was met.
        unpacked: u64,
        /// Bytes received until then.
        received: u64,
    },
    /// The bytes could not be read.
    #[error("the payload could not be read to its end: {0}; try again")]
    Read(#[source] io::Error),
}

impl NotData {
    /// Short code for logs and `status`: `empty`, `html`, `no-records`, `unrecognised`,
    /// `other-format`, `packed`, `too-large`, `read`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Html { .. } => "html",
            Self::NoRecords { .. } => "no-records",
            Self::Unrecognised { .. } => "unrecognised",
            Self::OtherFormat { .. } => "other-format",
            Self::Packed { .. } => "packed",
            Self::TooLarge { .. } => "too-large",
            Self::Read(_) => "read",
        }
    }
}

/// The first 80 bytes, fit for a message.
pub(super) fn begins(bytes: &[u8]) -> String {
    let head = bytes.get(..80).unwrap_or(bytes);
    String::from_utf8_lossy(head).trim().replace(|c: char| c.is_control(), " ")
}

/// The head of a payload as text, without its mark.
pub(super) fn head_text<R: Read>(text: &Text<R>) -> Cow<'_, [u8]> {
    if text.encoding() == UTF_8 {
        return text.head().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text.head()).into();
    }
    let (decoded, _) = text.encoding().decode_with_bom_removal(text.head());
    decoded.into_owned().into_bytes().into()
}

/// Recognises the format.
pub(super) fn sniff(raw: &[u8], columns: &BTreeMap<String, String>) -> Result<Dialect, NotData> {
    let start = raw.iter().position(|b| !super::window::is_space(*b));
    let Some(body) = start.and_then(|s| raw.get(s..)) else {
        return Err(NotData::Empty);
    };
    let lower = body.get(..1024).unwrap_or(body).to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    match body.first() {
        Some(b'<') if has("<!doctype html") || has("<html") => Err(NotData::Html { begins: begins(body) }),
        Some(b'<') => Ok(Dialect::DecpXml),
        Some(b'{' | b'[') => Ok(Dialect::DecpJson),
        _ if Table::find(body, columns).is_some() => Ok(Dialect::DecpCsv),
        _ => Err(unrecognised(body)),
    }
}

fn unrecognised(body: &[u8]) -> NotData {
    let what = match body {
        [b'P', b'K', ..] => "a ZIP archive that is damaged",
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        _ if body.utf8_chunks().next().is_some_and(|c| c.valid().len() > 8) => "some other text",
        _ => "binary data",
    };
    NotData::Unrecognised { what, begins: begins(body) }
}
