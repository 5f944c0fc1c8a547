//! Where a damaged JSON record ends, judged from the record itself.
//!
//! In: the text from the damaged record on. Out: the index after it, when everything up to there can
//! be explained: a text that lost a quote or has some too many, a bracket lost or too many, a comma
//! or a colon lost, bytes that mean nothing. Unlike `scan`, which stops at the first fault, it
//! follows the brackets through the faults, and it knows the names of fields. Holds a stack of
//! brackets. What it cannot explain is left to `resync`, which looks for the next record instead.

use super::decp_json::{Role, is_record_field, role};
use super::decp_names::{is_name, is_part};
use super::resync::first_fields;
use super::scan::is_scalar;
use super::window::is_space;

/// Deepest nesting that is followed.
const MAX_STACK: usize = super::MAX_DEPTH;

/// How far a decision may look ahead, bytes.
const AHEAD: usize = 512;

/// What became of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The record ends before this index.
    At(usize),
    /// The text ends first.
    More,
    /// No end that can be trusted.
    Unknown,
}

/// The last thing seen outside white space.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Open,
    Comma,
    Colon,
    Value,
}

struct Walk<'t> {
    text: &'t [u8],
    at: usize,
    /// Open brackets, the record's own first.
    stack: Vec<u8>,
    before: Before,
    /// End of the last thing that belongs to the record.
    done: usize,
}

/// The end of the damaged record that begins the text. `whole`: the text goes no further.
/// `in_list`: the record stands in a list, so that a bracket may close that list.
pub(super) fn end_of_record(text: &[u8], whole: bool, in_list: bool) -> End {
    let mut walk = Walk { text, at: 0, stack: Vec::new(), before: Before::Open, done: 0 };
    loop {
        let step = walk.step(in_list);
        // Each decision looked ahead: what it may have looked at must have been there.
        if !whole && walk.at + AHEAD > text.len() {
            return End::More;
        }
        let end = match step {
            Ok(None) => continue,
            Ok(Some(end)) => end,
            Err(Lost::TextEnds) if !whole => return End::More,
            Err(_) => return End::Unknown,
        };
        // What follows decides whether this can be the end: it must be there to be looked at.
        return match after(text, end, in_list) {
            Follow::Element => End::At(end),
            Follow::TextEnds if whole => End::At(end),
            Follow::TextEnds => End::More,
            Follow::Other => End::Unknown,
        };
    }
}

/// Whether a damaged text opens an object of which some field of the outermost level is one that only
/// a record has, and none is a holder's or a modification's.
pub(super) fn opens_damaged_record(text: &[u8]) -> bool {
    let mut walk = Walk { text, at: 0, stack: Vec::new(), before: Before::Open, done: 0 };
    let mut fields = 0;
    while fields < 24 {
        let key = walk.key_here();
        if walk.stack.len() == 1
            && let Some(key) = key
        {
            if is_part(key) {
                return false;
            }
            if is_record_field(key) {
                return true;
            }
            fields += 1;
        }
        if !matches!(walk.step(true), Ok(None)) {
            return false;
        }
    }
    false
}

enum Lost {
    TextEnds,
    Sense,
}

/// What stands after a possible end.
#[derive(Debug, PartialEq, Eq)]
enum Follow {
    /// Another element, or the end of the list or of the object around.
    Element,
    TextEnds,
    Other,
}

fn after(text: &[u8], end: usize, in_list: bool) -> Follow {
    let Some(i) = solid(text, end) else { return Follow::TextEnds };
    match text.get(i) {
        Some(b']') if in_list => Follow::Element,
        Some(b'}') if !in_list => Follow::Element,
        // Without the comma between, or one document a line.
        Some(b'{') => Follow::Element,
        Some(b'n') if text.get(i..i + 4) == Some(b"null") => Follow::Element,
        Some(b',') => match solid(text, i + 1) {
            None => Follow::TextEnds,
            Some(j) if !in_list && text.get(j) == Some(&b'"') => Follow::Element,
            Some(j) if starts_element(text, j) => Follow::Element,
            Some(_) => Follow::Other,
        },
        _ => Follow::Other,
    }
}

fn starts_element(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), Some(b'{' | b'[' | b']' | b',')) || text.get(at..at + 4) == Some(b"null")
}

/// Index of the first byte that is no white space.
pub(super) fn solid(text: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.iter().position(|b| !is_space(*b)).map(|n| from + n)
}

/// The field name whose opening quote stands at `at`, when a colon follows it.
pub(super) fn name_at(text: &[u8], at: usize) -> Option<&[u8]> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let rest = text.get(at + 1..)?;
    let n = rest.get(..64).unwrap_or(rest).iter().position(|b| *b == b'"')?;
    let name = rest.get(..n)?;
    let plain =
        !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$'));
    let colon = solid(text, at + n + 2)?;
    (plain && text.get(colon) == Some(&b':')).then_some(name)
}

/// Where a text that lost its closing quote ends, when the quote at `quote` opens the name of a
/// field of the format: before the comma in front of that name, or in front of the object that
/// begins with it (and in front of the empty elements before that).
pub(super) fn lost_quote(text: &[u8], start: usize, quote: usize) -> Option<usize> {
    let name = name_at(text, quote)?;
    let mut before = text.get(start..quote)?.trim_ascii_end();
    let object = before.strip_suffix(b"{");
    before = object.unwrap_or(before).trim_ascii_end().strip_suffix(b",")?;
    if object.is_some() {
        while let Some(rest) =
            before.trim_ascii_end().strip_suffix(b"null").or(before.trim_ascii_end().strip_suffix(b"{}"))
            && let Some(rest) = rest.trim_ascii_end().strip_suffix(b",")
        {
            before = rest;
        }
    }
    std::str::from_utf8(name).is_ok_and(is_name).then_some(start + before.len())
}

/// Whether the quote at `quote` ends a text: it is followed by what may follow one.
pub(super) fn ends_text(text: &[u8], quote: usize) -> bool {
    let Some(i) = solid(text, quote + 1) else { return true };
    match text.get(i) {
        Some(b'}' | b']') => true,
        Some(b',') => {
            let Some(j) = solid(text, i + 1) else { return true };
            match text.get(j) {
                Some(b'"') => name_at(text, j).is_some() || in_list_of_texts(text, j),
                _ => starts_element(text, j) || text.get(j) == Some(&b'}'),
            }
        }
        _ => false,
    }
}

/// A text followed by a comma or the end of a list, as in a list of texts.
fn in_list_of_texts(text: &[u8], at: usize) -> bool {
    let rest = text.get(at + 1..).unwrap_or_default();
    let Some(n) = memchr::memchr(b'"', rest) else { return false };
    solid(text, at + n + 2).is_some_and(|i| matches!(text.get(i), Some(b',' | b']')))
}

impl<'t> Walk<'t> {
    fn in_object(&self) -> bool {
        self.stack.last() == Some(&b'{')
    }

    fn in_list(&self) -> bool {
        self.stack.contains(&b'[')
    }

    /// The name of the field that begins here.
    fn key_here(&self) -> Option<&'t [u8]> {
        let at = solid(self.text, self.at)?;
        (self.in_object() && self.before != Before::Colon).then(|| name_at(self.text, at)).flatten()
    }

    /// Goes over one token. `Some`: the record ends there.
    fn step(&mut self, in_list: bool) -> Result<Option<usize>, Lost> {
        self.at = solid(self.text, self.at).ok_or(Lost::TextEnds)?;
        let b = self.text.get(self.at).copied().ok_or(Lost::TextEnds)?;
        match b {
            b'{' | b'[' => return self.open(b),
            b'}' => return self.brace(in_list),
            b']' => return self.bracket(),
            b'"' => return self.quoted(),
            b',' => {
                self.before = Before::Comma;
                self.at += 1;
                return Ok(None);
            }
            b':' => self.before = Before::Colon,
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let n = rest
                    .iter()
                    .position(|b| is_space(*b) || matches!(b, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"'));
                let n = n.ok_or(Lost::TextEnds)?.max(1);
                // `null` where a field name should stand is a record of its own.
                if rest.get(..n) == Some(b"null") && self.in_object() && self.before == Before::Comma && !self.in_list()
                {
                    return Ok(Some(self.done));
                }
                // Words where a value should stand: a text without its opening quote.
                if self.before == Before::Colon && !is_scalar(rest.get(..n).unwrap_or_default()) {
                    return self.text_from(self.at);
                }
                self.before = Before::Value;
                self.at += n;
                self.done = self.at;
                return Ok(None);
            }
        }
        self.at += 1;
        self.done = self.at;
        Ok(None)
    }

    fn open(&mut self, b: u8) -> Result<Option<usize>, Lost> {
        if self.stack.is_empty() && self.at > 0 || self.stack.len() == MAX_STACK {
            return Err(Lost::Sense);
        }
        if b == b'{' && self.in_object() && self.before != Before::Colon {
            // An object where a field name should stand: the one before it lost its end.
            if !self.in_list() {
                return Ok(Some(self.done));
            }
            while self.in_object() {
                self.stack.pop();
            }
        }
        self.stack.push(b);
        self.before = Before::Open;
        self.at += 1;
        self.done = self.at;
        Ok(None)
    }

    /// The next two things after `at`: a byte, and the byte after it when that is a comma.
    fn ahead(&self, at: usize) -> Result<(u8, usize), Lost> {
        let i = solid(self.text, at).ok_or(Lost::TextEnds)?;
        Ok((self.text.get(i).copied().unwrap_or_default(), i))
    }

    fn brace(&mut self, in_list: bool) -> Result<Option<usize>, Lost> {
        let next = self.at + 1;
        if !self.in_object() {
            // Within a list: a brace too many, or the list lost its end.
            let extra = match self.ahead(next) {
                Err(_) => false,
                Ok((b']', i)) => match self.ahead(i + 1) {
                    Ok((b',', j)) => solid(self.text, j + 1)
                        .and_then(|k| name_at(self.text, k))
                        .is_some_and(|name| !matches!(role(name), Role::Records(_))),
                    _ => false,
                },
                Ok((b',', i)) => match self.ahead(i + 1)? {
                    (b'{', j) => self.text.get(j..).is_some_and(|t| first_fields(t, is_part)),
                    _ => false,
                },
                Ok(_) => false,
            };
            self.at = next;
            self.done = next;
            if extra {
                return Ok(None);
            }
            self.stack.pop();
        }
        self.stack.pop();
        self.before = Before::Value;
        self.at = next;
        self.done = next;
        if !self.stack.is_empty() {
            return Ok(None);
        }
        // The record is closed. A field after it shows that a brace was too many.
        while in_list && let Ok((b'}', i)) = self.ahead(self.at) {
            self.at = i + 1;
            self.done = self.at;
        }
        if let Ok((b',', i)) = self.ahead(self.at)
            && in_list
            && let Some(j) = solid(self.text, i + 1)
            && name_at(self.text, j).is_some()
        {
            self.stack.push(b'{');
            return Ok(None);
        }
        Ok(Some(self.done))
    }

    fn bracket(&mut self) -> Result<Option<usize>, Lost> {
        if !self.in_list() {
            // Too many, when a field of the record or its own end follows; else the end of the list around.
            let extra = match self.ahead(self.at + 1) {
                Ok((b',', i)) => solid(self.text, i + 1)
                    .and_then(|k| name_at(self.text, k))
                    .is_some_and(|name| !matches!(role(name), Role::Records(_))),
                Ok((b'}', i)) => match self.ahead(i + 1) {
                    Ok((b',', j)) => solid(self.text, j + 1).is_some_and(|k| {
                        name_at(self.text, k).is_some_and(|n| !matches!(role(n), Role::Records(_)))
                            || starts_element(self.text, k)
                    }),
                    _ => false,
                },
                _ => false,
            };
            if !extra {
                return Ok(Some(self.done));
            }
        } else {
            while self.stack.pop().is_some_and(|b| b != b'[') {}
        }
        self.before = Before::Value;
        self.at += 1;
        self.done = self.at;
        Ok(None)
    }

    /// A field name or a text.
    fn quoted(&mut self) -> Result<Option<usize>, Lost> {
        if self.stack.is_empty() {
            return Err(Lost::Sense);
        }
        let name = name_at(self.text, self.at);
        if let Some(name) = name.filter(|_| self.before != Before::Colon) {
            // A field name in a list: the list lost its end.
            if !self.in_object() {
                if matches!(role(name), Role::Records(_)) || self.stack.len() < 2 {
                    return Err(Lost::Sense);
                }
                while self.stack.last() == Some(&b'[') {
                    self.stack.pop();
                }
            }
            self.at += name.len() + 2;
            self.before = Before::Value;
            self.done = self.at;
            return Ok(None);
        }
        self.text_from(self.at + 1)
    }

    /// The rest of a text that begins at `start`.
    fn text_from(&mut self, start: usize) -> Result<Option<usize>, Lost> {
        let mut at = start;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            at += memchr::memchr2(b'"', b'\\', rest).ok_or(Lost::TextEnds)?;
            let escaped = self.text.get(at) == Some(&b'\\');
            if escaped && self.text.get(at + 1) != Some(&b'"') {
                at += 2;
                continue;
            }
            let quote = at + usize::from(escaped);
            if let Some(end) = lost_quote(self.text, start, quote) {
                self.at = end;
                break;
            }
            if ends_text(self.text, quote) && (!escaped || name_follows(self.text, quote)) {
                self.at = quote + 1;
                break;
            }
            at = quote + 1;
        }
        self.before = Before::Value;
        self.done = self.at;
        Ok(None)
    }
}

/// Whether a comma and the name of a field of the format follow the quote.
pub(super) fn name_follows(text: &[u8], quote: usize) -> bool {
    let comma = solid(text, quote + 1).filter(|i| text.get(*i) == Some(&b','));
    let name = comma.and_then(|i| solid(text, i + 1)).and_then(|j| name_at(text, j));
    name.and_then(|n| std::str::from_utf8(n).ok()).is_some_and(is_name)
}
