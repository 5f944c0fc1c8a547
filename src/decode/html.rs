//! JSON that stands inside a web page, as some profiles answer.
//!
//! In: the head of a page. Out: where its data begin, and, where the page writes them with entities
//! (`&quot;`), the data as they were meant. Holds a few bytes. Knows no tag.

use std::io::{self, Read};

use super::decp_json::{Role, role};
use super::rescue::{name_at, solid};
use super::resync::opens_record;
use super::text::Text;
use super::xml::html_entity;

/// Where the data begin in the text of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Embedded {
    /// As they are.
    Plain(u64),
    /// With entities in the place of quotes.
    Escaped(u64),
}

impl Embedded {
    pub fn at(&self) -> u64 {
        match self {
            Self::Plain(at) | Self::Escaped(at) => *at,
        }
    }
}

/// The first list of records in the head of a page.
pub(super) fn embedded(head: &[u8]) -> Option<Embedded> {
    for at in memchr::memchr2_iter(b'{', b'[', head) {
        let text = head.get(at..).unwrap_or_default();
        if begins_list(text) {
            return Some(Embedded::Plain(at as u64));
        }
        let start = text.get(..4096).unwrap_or(text);
        if memchr::memmem::find(start.get(..64).unwrap_or(start), b"&quot;").is_some() {
            let mut plain = Vec::new();
            unescape(start, &mut plain, true);
            if begins_list(&plain) {
                return Some(Embedded::Escaped(at as u64));
            }
        }
    }
    None
}

/// Whether the text opens a list of records, or what holds one.
fn begins_list(text: &[u8]) -> bool {
    match (text.first(), solid(text, 1)) {
        (Some(b'['), Some(i)) => text.get(i..).is_some_and(|t| t.starts_with(b"{") && opens_record(t)),
        (Some(_), Some(i)) => name_at(text, i).is_some_and(|n| role(n) != Role::Other) || opens_record(text),
        _ => false,
    }
}

/// Resolves entities; what may be the beginning of one at the end is left, unless nothing follows.
/// Says how many bytes were read.
fn unescape(text: &[u8], out: &mut Vec<u8>, last: bool) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let Some(n) = memchr::memchr(b'&', rest) else {
            out.extend_from_slice(rest);
            return text.len();
        };
        out.extend_from_slice(rest.get(..n).unwrap_or_default());
        let entity = rest.get(n + 1..).unwrap_or_default();
        let entity = entity.get(..10).unwrap_or(entity);
        match entity.iter().position(|b| *b == b';') {
            None if entity.len() < 10 && !last => return at + n,
            Some(end) if let Some(c) = entity.get(..end).and_then(character) => {
                let mut buffer = [0; 4];
                out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                at += n + end + 2;
            }
            _ => {
                out.push(b'&');
                at += n + 1;
            }
        }
    }
    at
}

fn character(entity: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(entity).ok()?;
    match name {
        "quot" => Some('"'),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                };
                code.and_then(char::from_u32)
            }
            None => html_entity(name),
        },
    }
}

/// The text of a page from the beginning of its data to the next tag, without entities.
pub(super) struct Unescaped<R> {
    text: Text<R>,
    /// Bytes before the data.
    skip: u64,
    raw: Vec<u8>,
    plain: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Unescaped<R> {
    pub fn new(text: Text<R>, at: u64) -> Self {
        Self { text, skip: at, raw: Vec::new(), plain: Vec::new(), given: 0, ended: false }
    }
}

impl<R: Read> Read for Unescaped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            let held = self.raw.len();
            self.raw.resize(held + 32 * 1024, 0);
            let n = self.text.fill(self.raw.get_mut(held..).unwrap_or_default())?;
            self.raw.truncate(held + n);
            self.ended = n == 0;
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(self.raw.len());
            self.raw.drain(..skipped);
            self.skip -= skipped as u64;
            if let Some(tag) = memchr::memchr(b'<', &self.raw).filter(|_| self.skip == 0) {
                self.raw.truncate(tag);
                self.ended = true;
            }
            self.plain.clear();
            self.given = 0;
            let read = unescape(&self.raw, &mut self.plain, self.ended);
            self.raw.drain(..read);
        }
        let rest = self.plain.get(self.given..).unwrap_or_default();
        let n = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        self.given += n;
        Ok(n)
    }
}
