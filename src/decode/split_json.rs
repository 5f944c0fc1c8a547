//! Splits a JSON payload into raw records without parsing them.
//!
//! In: text that streams. Out: byte ranges in file order, then how the document ended. It walks
//! the few levels above the records (`{"marches": …}`, `{"marches": {"marche": …}}`, a bare list, a
//! record alone, documents one after another) and hands each record to [`Scan`]; a record that
//! does not end as JSON should is closed at the beginning of the next one ([`resync`]).
//! Holds one record (`max_record`). Knows no field name: see `decp_json` for those.

use std::io::Read;
use std::ops::ControlFlow::{self, Break, Continue};

use super::decp_json::{Role, is_record_field, role};
use super::resync::{LOOK, Lead, lead, list_name, opens_record};
use super::scan::{Scan, Step};
use super::sniff::begins;
use super::window::{Window, is_space};
use super::{Container, Ending, NotData, Shape, Sink, SplitOptions};

/// Levels of objects and lists that may stand above the records.
const MAX_LEVELS: u32 = 8;

/// Longest field name read above the records.
const MAX_KEY: usize = 256;

/// Why walking stops before the end of the text.
enum Stop {
    /// The text ends inside what is named here.
    Cut(String),
    /// The text made no sense, and nothing after it does.
    Lost(String),
    /// The caller broke off.
    Enough,
    /// Reading failed.
    Read(std::io::Error),
}

impl From<std::io::Error> for Stop {
    fn from(e: std::io::Error) -> Self {
        Self::Read(e)
    }
}

struct Splitter<'s, 'e, R> {
    window: Window<R>,
    at: u64,
    max_record: usize,
    sink: &'s mut Sink<'e>,
    /// A list of records was met, be it empty.
    found: bool,
    /// Text passed over outside the records.
    passed: Option<String>,
}

/// Splits; also tells whether the encoding was damaged.
pub(super) fn run<R: Read>(
    window: Window<R>,
    options: &SplitOptions,
    sink: &mut Sink<'_>,
) -> Result<(Ending, bool), NotData> {
    let mut s = Splitter {
        window,
        at: 0,
        max_record: options.max_record.max(64),
        sink,
        found: false,
        passed: None,
    };
    let opening = begins(s.window.text().head());
    let ending = match s.documents() {
        Ok(()) | Err(Stop::Enough) => None,
        Err(Stop::Cut(what)) => Some(Ending::Cut { what }),
        Err(Stop::Lost(what)) => Some(Ending::Damaged { what }),
        Err(Stop::Read(e)) => return Err(NotData::Read(e)),
    };
    // A document cut before its first list is a cut document, whatever it would have become.
    if !s.found && s.sink.records == 0 && !matches!(ending, Some(Ending::Cut { .. })) {
        return Err(NotData::NoRecords { begins: opening });
    }
    let passed = s.passed.take();
    let ending = ending
        .or(passed.map(|what| Ending::Damaged { what }))
        .unwrap_or(Ending::Complete);
    Ok((ending, s.window.text().damaged()))
}

impl<R: Read> Splitter<'_, '_, R> {
    /// One document after another, until the text ends.
    fn documents(&mut self) -> Result<(), Stop> {
        if self.window.ensure(0, 3)? && self.window.bytes(0).starts_with(b"\xEF\xBB\xBF") {
            self.at = 3;
        }
        while let Some(b) = self.next()? {
            self.window.keep_from(self.at);
            match b {
                b'{' => self.object(None, 0)?,
                b'[' => {
                    self.at += 1;
                    self.list(Container::Plain, 0)?;
                }
                b',' | b';' => self.at += 1,
                _ => {
                    // What follows the last document is no data; say so and leave it.
                    self.window.ensure(self.at, 80)?;
                    let what = format!(
                        "text after the document: {}",
                        begins(self.window.bytes(self.at))
                    );
                    self.passed.get_or_insert(what);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The next byte that is no white space; the walk stands on it.
    fn next(&mut self) -> Result<Option<u8>, Stop> {
        let found = self.window.skip_space(self.at)?;
        self.at = found.map_or(self.window.end(), |(at, _)| at);
        Ok(found.map(|(_, b)| b))
    }

    /// An object above the records, or a record in the place of one. `hint` says what the name
    /// before it promised.
    fn object(&mut self, hint: Option<Container>, level: u32) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        // While nothing tells, the start is kept: this may turn out to be a record.
        let mut kept = true;
        loop {
            if kept && self.at - start > self.max_record as u64 {
                kept = false;
            }
            self.window.keep_from(if kept { start } else { self.at });
            let b = self
                .next()?
                .ok_or_else(|| Stop::Cut("the outer object".into()))?;
            match b {
                b'}' => {
                    self.at += 1;
                    if let (Some(container), true) = (hint, kept) {
                        self.give(start, self.at, Shape::Json(container))?;
                    }
                    return Ok(());
                }
                b',' => self.at += 1,
                b'"' => {
                    let key = self.key()?;
                    if is_record_field(&key) && kept {
                        self.at = start;
                        return self
                            .record(hint.unwrap_or(Container::Plain), false)
                            .map(|_| ());
                    }
                    let is_list = self.value(&key, hint, level)?;
                    // An object that held a list of records is none itself.
                    kept &= !is_list;
                }
                _ => return self.recover("an object above the records", Container::Plain, level),
            }
        }
    }

    /// Reads a field name and its colon; the walk stands on the value.
    fn key(&mut self) -> Result<Vec<u8>, Stop> {
        self.window.ensure(self.at, MAX_KEY + 2)?;
        let text = self.window.bytes(self.at + 1);
        let text = text.get(..MAX_KEY).unwrap_or(text);
        let Some(n) = memchr::memchr(b'"', text) else {
            return Err(if text.len() < MAX_KEY {
                Stop::Cut("a field name above the records".into())
            } else {
                Stop::Lost(format!("no field name, but {}", begins(text)))
            });
        };
        let key = text.get(..n).unwrap_or_default().to_vec();
        self.at += n as u64 + 2;
        match self.next()? {
            Some(b':') => self.at += 1,
            None => return Err(Stop::Cut("a field above the records".into())),
            Some(_) => return Err(Stop::Lost("a field without value above the records".into())),
        }
        match self.next()? {
            Some(_) => Ok(key),
            None => Err(Stop::Cut("a field above the records".into())),
        }
    }

    /// The value of a field above the records; true when records are (or would be) in it.
    fn value(&mut self, key: &[u8], hint: Option<Container>, level: u32) -> Result<bool, Stop> {
        let b = self.window.byte(self.at)?;
        let role = role(key);
        if level < MAX_LEVELS && (role != Role::Other || self.is_list_of_records(b)?) {
            let container = match role {
                Role::Records(kind) => Container::Named(kind),
                _ => hint.unwrap_or(Container::Plain),
            };
            match b {
                Some(b'[') => {
                    self.at += 1;
                    self.list(container, level + 1)?;
                    return Ok(true);
                }
                Some(b'{') => {
                    self.found |= role != Role::Other;
                    let hint = matches!(role, Role::Records(_)).then_some(container);
                    self.object(hint, level + 1)?;
                    return Ok(true);
                }
                _ => self.found |= role != Role::Other && b == Some(b'n'),
            }
        }
        self.skip_value()?;
        Ok(false)
    }

    /// Whether a list under a name that says nothing begins with a record all the same.
    fn is_list_of_records(&mut self, b: Option<u8>) -> Result<bool, Stop> {
        if b != Some(b'[') {
            return Ok(false);
        }
        Ok(match self.window.skip_space(self.at + 1)? {
            Some((at, b'{')) => {
                self.window.ensure(at, LOOK)?;
                opens_record(self.window.bytes(at))
            }
            _ => false,
        })
    }

    /// Passes a value that holds no record.
    fn skip_value(&mut self) -> Result<(), Stop> {
        let mut scan = Scan::new();
        loop {
            let last = !self.window.ensure(self.at, 256)?;
            match scan.step(self.window.bytes(self.at), last) {
                Step::End(n) => {
                    self.at += n as u64;
                    return Ok(());
                }
                Step::Damaged(n) => {
                    self.at += n as u64;
                    return Err(Stop::Lost("a value above the records is damaged".into()));
                }
                Step::More(_) if last => {
                    return Err(Stop::Cut("a value above the records".into()));
                }
                Step::More(n) => self.at += n as u64,
            }
        }
    }

    /// The records of a list; the walk stands after its opening bracket.
    fn list(&mut self, mut container: Container, level: u32) -> Result<(), Stop> {
        self.found = true;
        loop {
            let b = self.next()?;
            self.window.keep_from(self.at);
            match b {
                None => return Err(Stop::Cut("the list of records".into())),
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    // The list was never closed, the object around it is: leave it to the object.
                    self.passed
                        .get_or_insert_with(|| "a list of records without its end".into());
                    return Ok(());
                }
                Some(b'[') if level < MAX_LEVELS => {
                    self.at += 1;
                    self.list(container, level + 1)?;
                }
                Some(_) => {
                    if let Some(next) = self.record(container, true)? {
                        container = next;
                    }
                }
            }
        }
    }

    /// One element, from its first byte. Gives its slice; where damage was passed, the list in
    /// which the walk now stands.
    fn record(&mut self, container: Container, in_list: bool) -> Result<Option<Container>, Stop> {
        let start = self.at;
        let mut scan = Scan::new();
        let mut held = true;
        loop {
            let last = !self.window.ensure(self.at, 256)?;
            let step = scan.step(self.window.bytes(self.at), last);
            let (Step::End(n) | Step::Damaged(n) | Step::More(n)) = step;
            self.at += n as u64;
            if held && self.at - start > self.max_record as u64 {
                self.give(start, self.at, Shape::Oversized)?;
                held = false;
            }
            if !held {
                self.window.keep_from(self.at);
            }
            match step {
                Step::End(_) if !in_list || self.follows()? => {
                    if held {
                        self.give(start, self.at, Shape::Json(container))?;
                    }
                    return Ok(None);
                }
                Step::End(_) | Step::Damaged(_) => {
                    return self.after_damage(start, held, container);
                }
                Step::More(_) if last => {
                    if held {
                        self.give(start, self.window.end(), Shape::Cut)?;
                    }
                    return Err(Stop::Cut("a record".into()));
                }
                Step::More(_) => {}
            }
        }
    }

    /// Whether what follows an element is what may follow one: another, or the end of the list.
    fn follows(&mut self) -> Result<bool, Stop> {
        Ok(match self.window.skip_space(self.at)? {
            None | Some((_, b']')) => true,
            Some((at, b',')) => match self.window.skip_space(at + 1)? {
                None => true,
                Some((at, b'"')) => !self.is_field(at)?,
                Some((_, b)) => {
                    matches!(b, b'{' | b'[' | b']' | b',' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'N')
                }
            },
            Some(_) => false,
        })
    }

    /// Whether the text at `at` is a field name: then an object was closed too early before it.
    fn is_field(&mut self, at: u64) -> Result<bool, Stop> {
        self.window.ensure(at, MAX_KEY)?;
        let text = self.window.bytes(at + 1);
        let text = text.get(..MAX_KEY).unwrap_or(text);
        let after = memchr::memchr(b'"', text)
            .and_then(|n| text.get(n + 1..))
            .unwrap_or_default();
        Ok(after.iter().find(|b| !is_space(**b)) == Some(&b':'))
    }

    /// Finds the next record after damage in the one that began at `start`, gives what lies before
    /// as one damaged record, and tells the list that the next one stands in.
    fn after_damage(
        &mut self,
        start: u64,
        mut held: bool,
        mut container: Container,
    ) -> Result<Option<Container>, Stop> {
        let mut from = if held { start + 1 } else { self.at };
        let shape = Shape::DamagedJson(container);
        loop {
            match self.candidate(start.max(from.saturating_sub(512)), from)? {
                Continue(next) => from = next,
                Break(Some((at, end, list))) => {
                    if held {
                        self.give(start, end, shape)?;
                    }
                    if let Some(list) = list {
                        container = list;
                    }
                    self.at = at;
                    return Ok(Some(container));
                }
                Break(None) => {
                    self.at = self.window.end();
                    let tail = self
                        .window
                        .slice(self.at.saturating_sub(256).max(start), self.at);
                    let closed = tail
                        .iter()
                        .rev()
                        .find(|b| !is_space(**b))
                        .is_some_and(|b| matches!(b, b'}' | b']'));
                    if held {
                        let shape = if closed { shape } else { Shape::Cut };
                        self.give(start, self.at, shape)?;
                    }
                    return Err(if closed {
                        Stop::Lost("the last record is damaged".into())
                    } else {
                        Stop::Cut("a damaged record".into())
                    });
                }
            }
            if held && from - start > self.max_record as u64 {
                self.give(start, from, Shape::Oversized)?;
                held = false;
            }
            if !held {
                self.window.keep_from(from.saturating_sub(512));
            }
        }
    }

    /// The next `{` from `from` on that begins a record: its offset, where the text before it
    /// ends, and the list it opens, if it opens one. `Continue` names the place to go on from.
    #[allow(clippy::type_complexity, reason = "used once, just above")]
    fn candidate(
        &mut self,
        origin: u64,
        from: u64,
    ) -> Result<ControlFlow<Option<(u64, u64, Option<Container>)>, u64>, Stop> {
        let Some(n) = memchr::memchr(b'{', self.window.bytes(from)) else {
            let end = self.window.end();
            return Ok(if self.window.more()? {
                Continue(end)
            } else {
                Break(None)
            });
        };
        let at = from + n as u64;
        let text = self.window.slice(origin, at);
        let (end, list) = match lead(text, text.len()) {
            Lead::None => return Ok(Continue(at + 1)),
            Lead::Comma(i) | Lead::Record(i) => (i, None),
            Lead::List(i) => match list_name(text, i) {
                Some((name, open)) => match role(name) {
                    Role::Records(kind) => (open, Some(Container::Named(kind))),
                    Role::Wrapper => (open, Some(Container::Plain)),
                    Role::Other => return Ok(Continue(at + 1)),
                },
                None => (i, None),
            },
        };
        self.window.ensure(at, LOOK)?;
        if opens_record(self.window.bytes(at)) {
            return Ok(Break(Some((at, origin + end as u64, list))));
        }
        Ok(Continue(at + 1))
    }

    /// Nonsense above the records: goes on with the next record, wherever it is.
    fn recover(&mut self, what: &str, container: Container, level: u32) -> Result<(), Stop> {
        let mut from = self.at;
        self.passed
            .get_or_insert_with(|| format!("damage in {what}"));
        loop {
            match self.candidate(from.saturating_sub(512), from)? {
                Continue(next) => {
                    from = next;
                    self.window.keep_from(from.saturating_sub(512));
                }
                Break(None) => return Err(Stop::Lost(format!("damage in {what}"))),
                Break(Some((at, _, list))) => {
                    self.at = at;
                    return self.list(list.unwrap_or(container), level);
                }
            }
        }
    }

    /// Gives a slice, without the white space after it, and no longer than the limit.
    fn give(&mut self, from: u64, to: u64, shape: Shape) -> Result<(), Stop> {
        let limit = from + self.max_record as u64;
        let (to, shape) = if to > limit {
            (limit, Shape::Oversized)
        } else {
            (to, shape)
        };
        let bytes = self.window.slice(from, to);
        let end = bytes
            .iter()
            .rposition(|b| !is_space(*b))
            .map_or(0, |i| i + 1);
        self.sink
            .give(bytes.get(..end).unwrap_or_default(), from, shape);
        if self.sink.stopped {
            Err(Stop::Enough)
        } else {
            Ok(())
        }
    }
}
