//! Splits an XML payload into raw records without parsing them.
//!
//! In: text that streams. Out: byte ranges of the elements that are records, in file order, then
//! how the document ended. Above the records it counts open elements, passes comments, CDATA,
//! declarations and attributes; inside one it looks only for the record's end, for the beginning
//! of the next one (the end was lost) and for the end of the list. Holds one record
//! (`max_record`). The names of records come from `decp_xml`.

use std::io::Read;

use super::block::{BLOCK, Block};
use super::decp_xml::{RECORDS, is_record, is_root};
use super::sniff::begins;
use super::window::{Window, is_space};
use super::{Ended, Ending, NotData, Shape, Sink, SplitOptions};

/// Longest tag read above the records, in bytes; that of a record may be as long as a record.
const MAX_TAG: usize = 16 * 1024;

/// How far the name of a tag inside a record is looked for, in bytes.
const NAME: usize = 64;

/// What begins at a `<`.
#[derive(Debug, PartialEq, Eq)]
enum Tag {
    /// `<name …>`: local name, offset after the tag, whether it closes itself.
    Open(Vec<u8>, u64, bool),
    /// `</name>`: local name, offset after the tag.
    Close(Vec<u8>, u64),
    /// Comment, CDATA, declaration, instruction: offset after it.
    Aside(u64),
    /// A `<` that begins nothing.
    Stray,
    /// The text ends inside.
    Cut,
}

struct Splitter<'s, 'e, R> {
    window: Window<R>,
    at: u64,
    max_record: usize,
    sink: &'s mut Sink<'e>,
    /// Names of the open elements above the records.
    open: Vec<Vec<u8>>,
    /// Names carry a namespace prefix.
    prefixed: bool,
    /// A document type declaration was passed.
    declared: bool,
    found: bool,
}

/// Splits.
pub(super) fn run<R: Read>(window: Window<R>, options: &SplitOptions, sink: &mut Sink<'_>) -> Result<Ended, NotData> {
    let max_record = options.max_record.max(64);
    let mut s =
        Splitter { window, at: 0, max_record, sink, open: Vec::new(), prefixed: false, declared: false, found: false };
    let opening = begins(s.window.text().head());
    let cut = s.document().map_err(NotData::Read)?;
    if !s.found && s.sink.records == 0 && (cut.is_none() || !s.open.is_empty()) {
        return Err(NotData::NoRecords { begins: opening });
    }
    let ending = cut.map_or(Ending::Complete, |what| Ending::Cut { what });
    Ok(Ended { ending, length: s.window.end(), told: s.window.text().told(), trailing: None })
}

impl<R: Read> Splitter<'_, '_, R> {
    /// Walks the whole text; what was open when it ended, if anything was.
    fn document(&mut self) -> std::io::Result<Option<String>> {
        while !self.sink.stopped {
            self.window.keep_from(self.at);
            let Some(lt) = self.find(self.at)? else {
                self.at = self.window.end();
                return Ok(self.still_open());
            };
            match self.tag(lt)? {
                Tag::Cut => {
                    self.window.ensure(lt, 2)?;
                    if self.window.bytes(lt).get(1).is_some_and(|b| is_name_start(*b)) && self.found {
                        self.give(lt, self.window.end(), Shape::Cut);
                    }
                    return Ok(Some("a tag".into()));
                }
                Tag::Stray => self.at = lt + 1,
                Tag::Aside(end) => self.at = end,
                Tag::Close(name, end) => {
                    if let Some(n) = self.open.iter().rposition(|o| *o == name) {
                        self.open.truncate(n);
                    }
                    self.at = end;
                }
                Tag::Open(name, end, closed) if is_record(&name) => {
                    self.found = true;
                    if closed {
                        self.give(lt, end, Shape::Xml);
                        self.at = end;
                    } else if !self.record(lt, end, &name)? {
                        return Ok((!self.sink.stopped).then(|| "a record".into()));
                    }
                }
                Tag::Open(name, end, closed) => {
                    self.found |= is_root(&name);
                    self.at = end;
                    if !closed && self.open.len() < 64 {
                        self.open.push(name);
                    }
                }
            }
        }
        Ok(None)
    }

    fn still_open(&self) -> Option<String> {
        self.open.last().map(|name| format!("<{}>", String::from_utf8_lossy(name)))
    }

    /// One record, from its start tag at `start` (which ends at `after`). False when the text ends.
    fn record(&mut self, start: u64, after: u64, name: &[u8]) -> std::io::Result<bool> {
        let (mut at, mut held) = (after, true);
        loop {
            at = self.past_fields(at);
            let Some(lt) = self.find_held(at, start, &mut held)? else {
                if held {
                    self.give(start, self.window.end(), Shape::Cut);
                }
                self.at = self.window.end();
                return Ok(false);
            };
            self.window.ensure(lt, NAME)?;
            if self.is_field(self.window.bytes(lt)) {
                at = lt + 1;
                continue;
            }
            let (next, end) = match self.tag(lt)? {
                Tag::Close(n, end) if n == name => (end, Some((end, Shape::Xml))),
                Tag::Close(n, _) if self.open.contains(&n) => (lt, Some((lt, Shape::DamagedXml))),
                Tag::Open(n, ..) if is_record(&n) => (lt, Some((lt, Shape::DamagedXml))),
                Tag::Aside(end) => (end, None),
                Tag::Cut => {
                    if held {
                        self.give(start, self.window.end(), Shape::Cut);
                    }
                    self.at = self.window.end();
                    return Ok(false);
                }
                _ => (lt + 1, None),
            };
            at = next;
            if let Some((end, shape)) = end {
                if held {
                    self.give(start, end, shape);
                }
                self.at = next;
                return Ok(true);
            }
        }
    }

    /// From `at` to a place inside a record before which no tag is of weight, in what has been read.
    fn past_fields(&self, at: u64) -> u64 {
        let text = self.window.bytes(at);
        let mut i = 0;
        while !self.prefixed
            && let Some(block) = text.get(i..).and_then(|t| t.first_chunk())
        {
            let mut looks = worth_a_look(block);
            while looks != 0 {
                let lt = i + looks.trailing_zeros() as usize;
                if !self.is_field(text.get(lt..).unwrap_or_default()) {
                    return at + lt as u64;
                }
                looks &= looks - 1;
            }
            // The last two bytes of a block are what its last `<` is judged by.
            i += BLOCK - 2;
        }
        at + i as u64
    }

    /// Whether the `<` that begins the text begins the tag of a field, start or end, and nothing of
    /// weight: most do, and their names tell.
    fn is_field(&self, text: &[u8]) -> bool {
        let name = match text {
            [_, b'/', name @ ..] | [_, name @ ..] => name,
            [] => return false,
        };
        match name.first() {
            None | Some(b'!' | b'?') => return false,
            Some(b'm' | b'c') => {}
            // Records and their lists have names that begin with `m` or `c`, or with a prefix.
            Some(_) => return !self.prefixed,
        }
        let window = name.get(..NAME).unwrap_or(name);
        // No prefix, and so no other name than this one.
        let Some(b'>') = memchr::memchr2(b'>', b':', window).and_then(|n| window.get(n)) else {
            return false;
        };
        let is = |other: &[u8]| {
            name.strip_prefix(other).is_some_and(|rest| rest.first().is_none_or(|b| !b.is_ascii_alphanumeric()))
        };
        !RECORDS.iter().any(|n| is(n)) && !self.open.iter().any(|n| is(n))
    }

    /// The next `<`; gives the record up as oversized when it grows beyond the limit.
    fn find_held(&mut self, from: u64, start: u64, held: &mut bool) -> std::io::Result<Option<u64>> {
        let mut at = from;
        loop {
            if let Some(n) = memchr::memchr(b'<', self.window.bytes(at)) {
                return Ok(Some(at + n as u64));
            }
            at = at.max(self.window.end());
            if *held && at - start > self.max_record as u64 {
                self.give(start, at, Shape::Oversized);
                *held = false;
            }
            if !*held {
                self.window.keep_from(at);
            }
            if !self.window.more()? {
                return Ok(None);
            }
        }
    }

    /// The next `<` from `from` on; what stands before it is let go.
    fn find(&mut self, from: u64) -> std::io::Result<Option<u64>> {
        let mut at = from;
        loop {
            if let Some(n) = memchr::memchr(b'<', self.window.bytes(at)) {
                return Ok(Some(at + n as u64));
            }
            at = at.max(self.window.end());
            self.window.keep_from(at);
            if !self.window.more()? {
                return Ok(None);
            }
        }
    }

    /// Reads what begins at the `<` of `lt`.
    fn tag(&mut self, lt: u64) -> std::io::Result<Tag> {
        self.window.ensure(lt, 9)?;
        let head = self.window.bytes(lt);
        let Some(second) = head.get(1).copied() else {
            return Ok(Tag::Cut);
        };
        match second {
            b'?' => self.aside(lt, b"<?", b"?>"),
            b'!' if head.starts_with(b"<!--") => self.aside(lt, b"<!--", b"-->"),
            b'!' if head.starts_with(b"<![CDATA[") => self.aside(lt, b"<![CDATA[", b"]]>"),
            b'!' if head.len() < 9 => Ok(Tag::Cut),
            b'!' => self.declaration(lt),
            b'/' => self.named(lt, lt + 2),
            b if is_name_start(b) => self.named(lt, lt + 1),
            _ => Ok(Tag::Stray),
        }
    }

    /// Passes to the end of a comment, CDATA section or instruction. One that has lost its end (it
    /// is too long, another one begins inside, or the document ends properly without it) is passed
    /// over at its first byte: a lost `-->` must not cost the rest of the file. The look ahead
    /// doubles, so that a file of nothing but openings costs no more than twice its length.
    fn aside(&mut self, lt: u64, start: &[u8], end: &[u8]) -> std::io::Result<Tag> {
        let from = lt + start.len() as u64;
        let mut look = 64;
        loop {
            let more = self.window.ensure(from, look)?;
            let text = self.window.slice(from, from + look as u64);
            let found = memchr::memmem::find(text, end);
            let again = memchr::memmem::find(text, start);
            match (found, again) {
                (Some(n), again) if again.is_none_or(|a| a > n) => {
                    return Ok(Tag::Aside(from + (n + end.len()) as u64));
                }
                (_, Some(_)) => return Ok(Tag::Stray),
                _ if look > self.max_record => return Ok(Tag::Stray),
                _ if !more && (self.ends_properly(from) || goes_on(text)) => return Ok(Tag::Stray),
                _ if !more => return Ok(Tag::Cut),
                _ => look *= 2,
            }
        }
    }

    /// Whether the text, read to its end, closes the outermost element after `from`.
    fn ends_properly(&self, from: u64) -> bool {
        let end = self.window.end();
        let tail = self.window.slice(from.max(end.saturating_sub(1024)), end);
        let tail = tail.trim_ascii_end();
        let name = memchr::memmem::rfind(tail, b"</").and_then(|i| tail.get(i + 2..)).unwrap_or_default();
        let name = name.strip_suffix(b">").map(local_name);
        name.is_some_and(|n| self.open.first().map_or(is_record(n), |root| n == &**root))
    }

    /// `<!DOCTYPE … [ … ]>`, which is passed and never expanded. There is one at most, before the
    /// first element.
    fn declaration(&mut self, lt: u64) -> std::io::Result<Tag> {
        self.window.ensure(lt, MAX_TAG)?;
        let text = self.window.bytes(lt);
        let first = self.open.is_empty() && !self.found && !self.declared;
        if !first || !text.get(..9).is_some_and(|t| t.eq_ignore_ascii_case(b"<!DOCTYPE")) {
            return Ok(Tag::Stray);
        }
        self.declared = true;
        let mut depth = 0_i32;
        for (i, b) in text.iter().enumerate().take(MAX_TAG) {
            match b {
                b'[' => depth += 1,
                b']' => depth -= 1,
                b'>' if depth <= 0 => return Ok(Tag::Aside(lt + i as u64 + 1)),
                _ => {}
            }
        }
        Ok(if text.len() < MAX_TAG { Tag::Cut } else { Tag::Stray })
    }

    /// A start or an end tag whose name begins at `from`.
    fn named(&mut self, lt: u64, from: u64) -> std::io::Result<Tag> {
        let mut want = 512;
        loop {
            let more = self.window.ensure(lt, want)?;
            let text = self.window.slice(from, lt + want as u64);
            if let Some(n) = tag_end(text) {
                let inside = text.get(..n).unwrap_or_default();
                let closed = inside.ends_with(b"/");
                // A tag that the next `<` breaks off ends before it.
                let broken = text.get(n) == Some(&b'<');
                let end = from + n as u64 + u64::from(!broken);
                let name = local_name(inside).to_vec();
                // `<marche public de …` that no `>` ends is text: a tag has attributes, or nothing.
                let words = inside.get(inside.iter().position(|b| is_space(*b)).unwrap_or(inside.len())..);
                if broken && words.is_some_and(|w| !w.trim_ascii().is_empty() && !w.contains(&b'=')) {
                    return Ok(Tag::Stray);
                }
                self.prefixed |= inside.get(name.len()) == Some(&b':') || !inside.starts_with(&name);
                return Ok(if from == lt + 1 { Tag::Open(name, end, closed) } else { Tag::Close(name, end) });
            }
            if !more {
                return Ok(Tag::Cut);
            }
            if want >= MAX_TAG {
                let name = local_name(text);
                if from != lt + 1 || !is_record(name) {
                    return Ok(Tag::Stray);
                }
                if want > self.max_record {
                    // A record all the same: too long already.
                    return Ok(Tag::Open(name.to_vec(), lt + want as u64, false));
                }
            }
            want *= 4;
        }
    }

    /// Gives a slice, without the white space after it, and no longer than the limit.
    fn give(&mut self, from: u64, to: u64, shape: Shape) {
        let limit = from + self.max_record as u64;
        let (to, shape) = if to > limit { (limit, Shape::Oversized) } else { (to, shape) };
        let bytes = self.window.slice(from, to);
        let end = bytes.iter().rposition(|b| !is_space(*b)).map_or(0, |i| i + 1);
        self.sink.give(bytes.get(..end).unwrap_or_default(), from, shape);
    }
}

/// Whether a record ends in the text and another one begins after it: then what is thought to be a
/// comment or a CDATA section, and has no end, is none.
fn goes_on(text: &[u8]) -> bool {
    let mut closed = false;
    memchr::memchr_iter(b'<', text).any(|i| {
        let tag = text.get(i + 1..).unwrap_or_default();
        let end = tag.strip_prefix(b"/").is_some_and(|t| is_record(local_name(t)));
        let start = closed && is_record(local_name(tag));
        closed |= end;
        start
    })
}

/// Where in a block a tag begins that may be more than that of a field: see [`Splitter::is_field`].
fn worth_a_look(block: &[u8; BLOCK]) -> u64 {
    let block = Block::new(block);
    let (first, slash) = (block.any(*b"mc!?"), block.eq(b'/'));
    block.eq(b'<') & (first >> 1 | slash >> 1 & first >> 2)
}

fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

/// Index of the `>` of a tag, quotes respected; of the `<` that breaks it off; `None` when the text
/// ends before.
fn tag_end(text: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (i, b) in text.iter().enumerate() {
        match (quote, b) {
            (_, b'<') | (None, b'>') => return Some(i),
            (None, b'"' | b'\'') => quote = Some(*b),
            (Some(q), b) if q == *b => quote = None,
            _ => {}
        }
    }
    None
}

/// The name that opens the text, without namespace prefix.
fn local_name(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| is_space(*b) || matches!(b, b'/' | b'>'));
    let name = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    name.iter().position(|b| *b == b':').and_then(|i| name.get(i + 1..)).unwrap_or(name)
}
