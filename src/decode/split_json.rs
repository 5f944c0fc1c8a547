//! Splits a JSON payload into raw records without parsing them.
//!
//! In: text that streams. Out: byte ranges in file order, then how the document ended. It walks
//! the few levels above the records (`{"marches": …}`, `{"marches": {"marche": …}}`, a bare list, a
//! record alone, documents one after another) and hands each record to [`Scan`]; a record that
//! does not end as JSON should is closed at the beginning of the next one ([`resync`]).
//! Holds one record (`max_record`). Knows no field name: see `decp_json` for those.

use std::io::Read;

use super::decp_json::{Role, is_record_field, role};
use super::rescue::opens_damaged_record;
use super::resync::{LOOK, opens_record};
use super::scan::{Scan, Step};
use super::sniff::begins;
use super::window::{Ahead, Window, is_space};
use super::{Container, Ended, Ending, NotData, Shape, Sink, SplitOptions};

/// Levels of objects and lists that may stand above the records.
const MAX_LEVELS: u32 = 8;

/// Longest field name read above the records.
pub(super) const MAX_KEY: usize = 256;

/// Why walking stops before the end of the text.
pub(super) enum Stop {
    /// The text ends inside what is named here.
    Cut(String),
    /// The text made no sense, and nothing after it does.
    Lost(String),
    /// The text is at its end, and closes what it opened.
    End,
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

pub(super) struct Splitter<'s, 'e, R> {
    pub window: Window<R>,
    pub at: u64,
    pub max_record: usize,
    pub sink: &'s mut Sink<'e>,
    /// A list of records was met, be it empty.
    pub found: bool,
    /// Text passed over outside the records.
    pub passed: Option<String>,
    /// Text after the last document.
    pub trailing: Option<String>,
    /// What closes the objects and lists that are open above the records, innermost last.
    pub closers: Vec<u8>,
    /// Candidates for the next record looked at in vain, one after another.
    pub fruitless: u32,
}

/// Splits. `start`: where the first document begins.
pub(super) fn run<R: Read>(
    window: Window<R>,
    start: u64,
    options: &SplitOptions,
    sink: &mut Sink<'_>,
) -> Result<Ended, NotData> {
    let mut s = Splitter {
        window,
        at: start,
        max_record: options.max_record.max(64),
        sink,
        found: false,
        passed: None,
        trailing: None,
        closers: Vec::new(),
        fruitless: 0,
    };
    let opening = begins(s.window.text().head());
    let ending = match s.documents() {
        Ok(()) | Err(Stop::Enough | Stop::End) => None,
        Err(Stop::Cut(what)) => Some(Ending::Cut { what }),
        Err(Stop::Lost(what)) => Some(Ending::Damaged { what }),
        Err(Stop::Read(e)) => return Err(NotData::Read(e)),
    };
    // A document cut before its first list is a cut document, whatever it would have become.
    if !s.found && s.sink.records == 0 && !matches!(ending, Some(Ending::Cut { .. })) {
        return Err(NotData::NoRecords { begins: opening });
    }
    let passed = s.passed.take();
    let ending = ending.or(passed.map(|what| Ending::Damaged { what })).unwrap_or(Ending::Complete);
    Ok(Ended { ending, length: s.window.end(), told: s.window.text().told(), trailing: s.trailing })
}

impl<R: Read> Splitter<'_, '_, R> {
    /// One document after another, until the text ends.
    fn documents(&mut self) -> Result<(), Stop> {
        if self.at == 0 && self.window.ensure(0, 3)? && self.window.bytes(0).starts_with(b"\xEF\xBB\xBF") {
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
                    self.trailing = Some(begins(self.window.bytes(self.at)));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The next byte that is no white space; the walk stands on it.
    fn next(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            match self.window.ahead(self.at, self.max_record)? {
                Ahead::Byte(at, b) => {
                    self.at = at;
                    return Ok(Some(b));
                }
                Ahead::Far => {
                    self.at += self.max_record as u64;
                    self.window.keep_from(self.at);
                }
                Ahead::End => {
                    self.at = self.window.end();
                    return Ok(None);
                }
            }
        }
    }

    /// An object above the records, or a record in the place of one. `hint` says what the name
    /// before it promised.
    fn object(&mut self, hint: Option<Container>, level: u32) -> Result<(), Stop> {
        self.closers.push(b'}');
        self.fields(hint, level)?;
        self.closers.pop();
        Ok(())
    }

    fn fields(&mut self, hint: Option<Container>, level: u32) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        // While nothing tells, the start is kept: this may turn out to be a record.
        let mut kept = true;
        loop {
            kept &= self.at - start <= self.max_record as u64 && self.window.keeps(start);
            self.window.keep_from(if kept { start } else { self.at });
            let b = self.next()?.ok_or_else(|| Stop::Cut("the outer object".into()))?;
            kept &= self.window.keeps(start);
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
                    kept &= self.window.keeps(start);
                    if is_record_field(&key) && kept {
                        self.at = start;
                        return self.record(hint.unwrap_or(Container::Plain), false).map(|_| ());
                    }
                    let is_list = self.value(&key, hint, level)?;
                    // An object that held a list of records is none itself.
                    kept &= !is_list;
                }
                _ => {
                    self.window.ensure(start, LOOK)?;
                    if kept && opens_damaged_record(self.window.slice(start, start + LOOK as u64)) {
                        self.at = start;
                        return self.record(hint.unwrap_or(Container::Plain), false).map(|_| ());
                    }
                    return self.recover("an object above the records", Container::Plain, level);
                }
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
        Ok(match self.window.ahead(self.at + 1, self.max_record)? {
            Ahead::Byte(at, b'{') => {
                self.window.ensure(at, LOOK)?;
                opens_record(self.window.bytes(at))
            }
            // Rather one record too many in quarantine than a list passed over.
            Ahead::Far => true,
            _ => false,
        })
    }

    /// Passes a value that holds no record.
    fn skip_value(&mut self) -> Result<(), Stop> {
        let mut scan = Scan::new();
        loop {
            self.window.let_go(self.at, self.max_record);
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
    pub(super) fn list(&mut self, container: Container, level: u32) -> Result<(), Stop> {
        self.found = true;
        self.closers.push(b']');
        self.items(container, level)?;
        self.closers.pop();
        Ok(())
    }

    fn items(&mut self, mut container: Container, level: u32) -> Result<(), Stop> {
        loop {
            self.window.keep_from(self.at);
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
                    self.passed.get_or_insert_with(|| "a list of records without its end".into());
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
                if self.holds_record(start, self.at) {
                    return self.seek_next(start, held, container);
                }
                self.give(start, self.at, Shape::Oversized)?;
                held = false;
            }
            if !held {
                self.window.keep_from(self.at);
            }
            match step {
                // A record that lost its end takes those after it for its own, up to the end of the
                // text, where too few brackets are left to close the list.
                Step::End(_)
                    if in_list
                        && held
                        && self.window.ahead(self.at, self.max_record)? == Ahead::End
                        && self.holds_record(start, self.at) =>
                {
                    return self.seek_next(start, held, container);
                }
                Step::End(_) if !in_list || self.follows()? => {
                    if held {
                        self.give(start, self.at, Shape::Json(container))?;
                    }
                    return Ok(None);
                }
                Step::End(_) | Step::Damaged(_) => {
                    return self.after_damage(start, held, container, in_list);
                }
                Step::More(_) if last && held && self.holds_record(start, self.at) => {
                    return self.seek_next(start, held, container);
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
        Ok(match self.window.ahead(self.at, self.max_record)? {
            Ahead::End | Ahead::Far | Ahead::Byte(_, b']') => true,
            Ahead::Byte(at, b',') => match self.window.ahead(at + 1, self.max_record)? {
                Ahead::End | Ahead::Far => true,
                Ahead::Byte(at, b'"') => !self.is_field(at)?,
                Ahead::Byte(_, b) => {
                    matches!(b, b'{' | b'[' | b']' | b',' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'N')
                }
            },
            Ahead::Byte(..) => false,
        })
    }

    /// Gives a slice, without the white space after it, and no longer than the limit.
    pub(super) fn give(&mut self, from: u64, to: u64, shape: Shape) -> Result<(), Stop> {
        let limit = from + self.max_record as u64;
        let (to, shape) = if to > limit { (limit, Shape::Oversized) } else { (to, shape) };
        let bytes = self.window.slice(from, to);
        let end = bytes.iter().rposition(|b| !is_space(*b)).map_or(0, |i| i + 1);
        self.sink.give(bytes.get(..end).unwrap_or_default(), from, shape);
        if self.sink.stopped { Err(Stop::Enough) } else { Ok(()) }
    }
}
