//! Finds the end of one JSON value in bytes that stream, without parsing it.
//!
//! In: a place where a value begins, and bytes in pieces. Out: where it ends, or where the text
//! stops being JSON. It passes what is sound a block at a time (`scan_block`), the rest byte by byte;
//! it follows strings by wide search and brackets by a bit stack, and checks what
//! it passes: a quote too many turns text into structure and structure into text, which shows at
//! the first word outside a string, long before the end of the file. Holds twelve bytes of state.

use super::block::BLOCK;
use super::scan_block::Pass;

/// Where a scan stands; survives the end of a piece.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Open brackets, the innermost in bit 0: 1 = object.
    pub stack: u64,
    pub depth: u32,
    pub before: Before,
    pub in_string: bool,
    pub escaped: bool,
}

/// The last thing seen outside white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// An opening bracket, a comma, nothing: an element or a field may follow.
    Open,
    Colon,
    Value,
}

/// What a piece of text gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The value ends after this many bytes of the piece.
    End(usize),
    /// The text is no JSON here.
    Damaged(usize),
    /// The value goes on; the scan consumed this many bytes and wants the rest again, with more.
    More(usize),
}

/// No number or literal is longer; what is, is damage.
const LONGEST_TOKEN: usize = 128;

/// Classes of bytes outside strings.
const SPACE: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;
const COMMA: u8 = 4;
const COLON: u8 = 5;
const TOKEN: u8 = 6;
const BAD: u8 = 7;

const CLASS: [u8; 256] = {
    let mut t = [BAD; 256];
    let mut i = 0;
    while i < 256 {
        t[i] = match i as u8 {
            b' ' | b'\n' | b'\r' | b'\t' => SPACE,
            b'"' => QUOTE,
            b'{' | b'[' => OPEN,
            b'}' | b']' => CLOSE,
            b',' => COMMA,
            b':' => COLON,
            b'0'..=b'9' | b'-' | b'+' | b'.' | b'a'..=b'z' | b'A'..=b'Z' => TOKEN,
            _ => BAD,
        };
        i += 1;
    }
    t
};

/// Position of the first `"` or `\` from `i`. Most strings are short: two steps of eight bytes
/// settle them for less than a call to a wide search.
fn string_stop(bytes: &[u8], i: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = i;
    for _ in 0..3 {
        let Some(word) = bytes.get(at..at + 8).and_then(|w| w.try_into().ok()).map(u64::from_le_bytes) else {
            break;
        };
        let (q, b) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        let hit = (q.wrapping_sub(ONES) & !q | b.wrapping_sub(ONES) & !b) & HIGH;
        if hit != 0 {
            return Some(at + hit.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr::memchr2(b'"', b'\\', bytes.get(at..)?).map(|n| at + n)
}

/// Position of the first quote, backslash or control character from `i`: what a parser must stop at.
pub(super) fn text_stop(bytes: &[u8], i: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = i;
    while let Some(word) = bytes.get(at..at + 8).and_then(|w| w.try_into().ok()).map(u64::from_le_bytes) {
        let (q, b) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        let hit = (q.wrapping_sub(ONES) & !q | b.wrapping_sub(ONES) & !b | low) & HIGH;
        if hit != 0 {
            return Some(at + hit.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).map(|n| at + n)
}

impl Scan {
    /// Ready at the first byte of a value.
    pub fn new() -> Self {
        Self { stack: 0, depth: 0, before: Before::Open, in_string: false, escaped: false }
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.stack & 1 == 1
    }

    /// Goes on through a piece of text; `last` when nothing follows it.
    pub fn step(&mut self, bytes: &[u8], last: bool) -> Step {
        let mut i = 0;
        // Up to here the scan looks at each byte: what it passes in blocks gave it cause.
        let mut slow = 0;
        loop {
            while self.depth > 0
                && i >= slow
                && let Some(block) = bytes.get(i..).and_then(|b| b.first_chunk())
            {
                match self.pass(block) {
                    Pass::On(n) => i += n,
                    Pass::End(n) => return Step::End(i + n),
                    Pass::Look => slow = i + BLOCK,
                }
            }
            if self.in_string {
                match self.string(bytes, i) {
                    Some(next) => i = next,
                    None => return Step::More(bytes.len()),
                }
                if self.depth == 0 {
                    return Step::End(i);
                }
            }
            let Some(&b) = bytes.get(i) else {
                return Step::More(bytes.len());
            };
            let ok = match CLASS[b as usize] {
                SPACE => true,
                QUOTE => {
                    self.in_string = true;
                    self.before != Before::Value
                }
                COLON => {
                    let ok = self.in_object() && self.before == Before::Value;
                    self.before = Before::Colon;
                    ok
                }
                COMMA => {
                    let ok = self.before == Before::Value && self.depth > 0;
                    self.before = Before::Open;
                    ok
                }
                OPEN => self.open(b),
                CLOSE => {
                    if !self.close(b) {
                        return Step::Damaged(i);
                    }
                    if self.depth == 0 {
                        return Step::End(i + 1);
                    }
                    true
                }
                TOKEN => match self.token(bytes, i, last) {
                    Step::End(n) if self.depth == 0 => return Step::End(n),
                    Step::End(n) => {
                        i = n;
                        continue;
                    }
                    other => return other,
                },
                _ => false,
            };
            if !ok {
                return Step::Damaged(i);
            }
            i += 1;
        }
    }

    /// From inside a string to after its closing quote; `None` where the piece ends before.
    fn string(&mut self, bytes: &[u8], mut i: usize) -> Option<usize> {
        if self.escaped {
            bytes.get(i)?;
            self.escaped = false;
            i += 1;
        }
        loop {
            i = string_stop(bytes, i)?;
            if bytes.get(i) == Some(&b'"') {
                self.in_string = false;
                self.before = Before::Value;
                return Some(i + 1);
            }
            if bytes.get(i + 1).is_none() {
                self.escaped = true;
                return None;
            }
            i += 2;
        }
    }

    fn open(&mut self, b: u8) -> bool {
        let ok = match (self.in_object(), self.before) {
            (true, Before::Colon) => true,
            (true, _) => false,
            (false, before) => before != Before::Value && before != Before::Colon,
        };
        self.stack = self.stack << 1 | u64::from(b == b'{');
        self.depth += 1;
        self.before = Before::Open;
        ok
    }

    fn close(&mut self, b: u8) -> bool {
        // Below 64 levels the stack has forgotten what was open; `parse` refuses such a record.
        let ok = self.depth > 64 || (self.in_object() == (b == b'}') && self.before != Before::Colon);
        self.stack >>= 1;
        self.depth = self.depth.saturating_sub(1);
        self.before = Before::Value;
        ok
    }

    /// A number or a literal; it may not touch the end of the piece unless nothing follows.
    fn token(&mut self, bytes: &[u8], i: usize, last: bool) -> Step {
        let rest = bytes.get(i..).unwrap_or_default();
        let window = rest.get(..LONGEST_TOKEN).unwrap_or(rest);
        let n = window.iter().position(|b| CLASS[*b as usize] != TOKEN);
        let n = match n {
            Some(n) => n,
            None if window.len() == LONGEST_TOKEN => return Step::Damaged(i),
            None if !last => return Step::More(i),
            None => window.len(),
        };
        let fits = match (self.in_object(), self.before) {
            (true, Before::Colon) => true,
            (true, _) => false,
            (false, before) => before != Before::Value,
        };
        self.before = Before::Value;
        if fits && is_scalar(window.get(..n).unwrap_or_default()) { Step::End(i + n) } else { Step::Damaged(i) }
    }
}

/// Numbers, and the literals of JSON and of those who write it by hand.
pub(super) fn is_scalar(token: &[u8]) -> bool {
    match token.first() {
        Some(b'0'..=b'9') => token.iter().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')),
        Some(b'-' | b'+' | b'.') => {
            let rest = token.get(1..).unwrap_or_default();
            rest == b"Infinity"
                || rest == b"NaN"
                || (!rest.is_empty() && rest.first() != Some(&b'-') && is_scalar(rest))
        }
        _ => matches!(
            token,
            b"true"
                | b"false"
                | b"null"
                | b"NaN"
                | b"nan"
                | b"Infinity"
                | b"True"
                | b"False"
                | b"None"
                | b"NULL"
                | b"Null"
                | b"TRUE"
                | b"FALSE"
                | b"undefined"
        ),
    }
}
