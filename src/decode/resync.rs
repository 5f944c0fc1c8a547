//! After damage in JSON: where does the next record begin?
//!
//! In: the text from the damaged record on. Out: the damaged record, which ends at the next `{` that
//! stands in the place of a list element and opens with the fields of a record, not of a holder or
//! of a modification. Looks at most [`LOOK`] bytes ahead of a candidate. The names that tell a
//! record come from `decp_json`.

use std::io::Read;
use std::ops::ControlFlow::{self, Break, Continue};

use super::decp_json::{self, Role, role};
use super::decp_names::is_part;
use super::rescue::{End, end_of_record, opens_damaged_record};
use super::scan::{Scan, Step};
use super::split_json::{MAX_KEY, Splitter, Stop};
use super::window::{BEFORE, is_space};
use super::{Container, Shape};

/// How far a candidate is read: a record names its buyer or its object within its first fields.
pub(super) const LOOK: usize = 4096;

/// How many candidates in vain make the look ahead short: a file made to waste time shall not.
const MANY: u32 = 10_000;
const SHORT_LOOK: usize = 256;

/// Whether the text opens an object that has, among its first fields, one that only a record has.
/// Damage before that field refuses it; so does the end of the text.
pub(super) fn opens_record(text: &[u8]) -> bool {
    first_fields(text, decp_json::is_record_field)
}

/// Whether one of the first fields of the object satisfies `wanted`.
pub(super) fn first_fields(text: &[u8], wanted: fn(&[u8]) -> bool) -> bool {
    let text = text.get(..LOOK).unwrap_or(text);
    let mut at = 1;
    for _ in 0..16 {
        let Some(key_at) = next_byte(text, at).filter(|i| text.get(*i) == Some(&b'"')) else {
            return false;
        };
        let Some(len) = text.get(key_at + 1..).and_then(|t| memchr::memchr(b'"', t)) else {
            return false;
        };
        let key = text.get(key_at + 1..key_at + 1 + len).unwrap_or_default();
        let Some(colon) = next_byte(text, key_at + len + 2).filter(|i| text.get(*i) == Some(&b':')) else {
            return false;
        };
        if wanted(key) {
            return true;
        }
        let Some(value) = next_byte(text, colon + 1) else {
            return false;
        };
        let Step::End(n) = Scan::new().step(text.get(value..).unwrap_or_default(), false) else {
            return false;
        };
        let Some(comma) = next_byte(text, value + n).filter(|i| text.get(*i) == Some(&b',')) else {
            return false;
        };
        at = comma + 1;
    }
    false
}

fn next_byte(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.iter().position(|b| !is_space(*b)).map(|n| from + n)
}

/// What stands before a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Nothing that precedes a list element.
    None,
    /// A comma; the fragment before it ends at this index.
    Comma(usize),
    /// Another object, without the comma between (or one a line); it ends at this index.
    Record(usize),
    /// An opening bracket: a list begins. The fragment ends at this index, before the list's name.
    List(usize),
}

/// What stands before index `at` of the text.
fn lead(text: &[u8], at: usize) -> Lead {
    let before = text.get(..at).unwrap_or_default();
    match before.iter().rposition(|b| !is_space(*b)) {
        Some(i) if before.get(i) == Some(&b',') => Lead::Comma(i),
        Some(i) if before.get(i) == Some(&b'[') => Lead::List(i),
        Some(i) if before.get(i) == Some(&b'}') => Lead::Record(i + 1),
        Some(i)
            if before.get(i..).is_some_and(|space| space.contains(&b'\n')) && !matches!(before.get(i), Some(b':')) =>
        {
            Lead::Record(i + 1)
        }
        _ => Lead::None,
    }
}

/// The name of the list that opens at index `bracket`: `"contrat-concession": [`.
fn list_name(text: &[u8], bracket: usize) -> Option<(&[u8], usize)> {
    let before = text.get(..bracket)?;
    let colon = before.iter().rposition(|b| !is_space(*b)).filter(|i| before.get(*i) == Some(&b':'))?;
    let close = before.get(..colon)?.iter().rposition(|b| !is_space(*b)).filter(|i| before.get(*i) == Some(&b'"'))?;
    let open = memchr::memrchr(b'"', before.get(..close)?)?;
    Some((before.get(open + 1..close)?, open))
}

/// The element that stands whole at the end of the text, after a comma or a line break: `null`, or an
/// object that is no part of a record. `effort` bounds how many bytes may be scanned in search of it.
fn last_element(text: &[u8], effort: &mut usize) -> Option<(usize, usize)> {
    let end = text.iter().rposition(|b| !is_space(*b) && *b != b',')? + 1;
    let body = text.get(..end)?;
    let separated = |at: usize| matches!(lead(text, at), Lead::Comma(_) | Lead::Record(_));
    if body.ends_with(b"null") {
        return Some((end - 4, end)).filter(|_| separated(end - 4));
    }
    if !body.ends_with(b"}") {
        return None;
    }
    for at in memchr::memrchr_iter(b'{', body).filter(|at| separated(*at)) {
        let object = body.get(at..)?;
        *effort = effort.checked_sub(object.len())?;
        if Scan::new().step(object, true) == Step::End(object.len()) {
            return (at > 0 && !first_fields(object, is_part)).then_some((at, end));
        }
    }
    None
}

impl<R: Read> Splitter<'_, '_, R> {
    /// Whether the text at `at` is a field name: then an object was closed too early before it.
    pub(super) fn is_field(&mut self, at: u64) -> Result<bool, Stop> {
        self.window.ensure(at, MAX_KEY)?;
        let text = self.window.bytes(at + 1);
        let text = text.get(..MAX_KEY).unwrap_or(text);
        let after = memchr::memchr(b'"', text).and_then(|n| text.get(n + 1..)).unwrap_or_default();
        Ok(after.iter().find(|b| !is_space(**b)) == Some(&b':'))
    }

    /// Gives the damaged record that began at `start`, and tells the list that the walk stands in
    /// after it. Its own end is looked for first, then the next record.
    pub(super) fn after_damage(
        &mut self,
        start: u64,
        held: bool,
        container: Container,
        in_list: bool,
    ) -> Result<Option<Container>, Stop> {
        if held && let Some(end) = self.own_end(start, in_list)? {
            self.give(start, end, Shape::DamagedJson(container))?;
            self.at = end;
            return Ok(Some(container));
        }
        self.seek_next(start, held, container)
    }

    /// The end of the damaged record that began at `start`, as far as the record itself tells. The
    /// look ahead doubles, so that a file of many damaged records costs no more than a few readings.
    fn own_end(&mut self, start: u64, in_list: bool) -> Result<Option<u64>, Stop> {
        let mut look = 2 * LOOK;
        loop {
            let whole = !self.window.ensure(start, look)?;
            let text = self.window.slice(start, start + look as u64);
            match end_of_record(text, whole, in_list) {
                End::At(n) => return Ok((!self.holds_record(start, start + n as u64)).then_some(start + n as u64)),
                End::Unknown => return Ok(None),
                End::More if look > self.max_record => return Ok(None),
                End::More => look *= 2,
            }
        }
    }

    /// Whether another record begins between `start` and `end`: then they hold more than one.
    pub(super) fn holds_record(&self, start: u64, end: u64) -> bool {
        let text = self.window.slice(start, end);
        let mut looks = 0;
        memchr::memchr_iter(b'{', text).skip(1).any(|at| {
            let candidate = !matches!(lead(text, at), Lead::None) && looks < MANY;
            looks += u32::from(candidate);
            candidate && text.get(at..).is_some_and(opens_record)
        })
    }

    /// Finds the next record after damage in the one that began at `start`, gives what lies before
    /// as one damaged record (and what stands whole at the end of it, as elements of their own),
    /// and tells the list that the next one stands in.
    pub(super) fn seek_next(
        &mut self,
        start: u64,
        mut held: bool,
        mut container: Container,
    ) -> Result<Option<Container>, Stop> {
        let mut from = if held { start + 1 } else { self.at };
        let shape = Shape::DamagedJson(container);
        loop {
            match self.candidate(start.max(from.saturating_sub(BEFORE)), from, true)? {
                Continue(next) => from = next,
                Break(Some((at, end, list))) => {
                    if held {
                        self.give_with_elements(start, end, container)?;
                    }
                    if let Some(list) = list {
                        container = list;
                    }
                    self.at = at;
                    return Ok(Some(container));
                }
                Break(None) => {
                    self.at = self.window.end();
                    let tail = self.window.slice(self.at.saturating_sub(256).max(start), self.at);
                    let closed = tail.iter().rev().find(|b| !is_space(**b)).is_some_and(|b| matches!(b, b'}' | b']'));
                    let whole = self.closes_all(start);
                    if held && whole {
                        let end = self.before_closers(start);
                        self.give_with_elements(start, end, container)?;
                    } else if held {
                        let shape = if closed { shape } else { Shape::Cut };
                        self.give(start, self.at, shape)?;
                    }
                    return Err(match (whole, closed) {
                        (true, _) => Stop::End,
                        (false, true) => Stop::Lost("the last record is damaged".into()),
                        (false, false) => Stop::Cut("a damaged record".into()),
                    });
                }
            }
            if held && from - start > self.max_record as u64 {
                self.give(start, from, Shape::Oversized)?;
                held = false;
            }
            if !held {
                self.window.keep_from(from.saturating_sub(BEFORE));
            }
        }
    }

    /// Whether the text, read to its end, closes all that is open above the records.
    fn closes_all(&self, start: u64) -> bool {
        let end = self.window.end();
        let tail = self.window.slice(end.saturating_sub(4096).max(start), end);
        let mut tail = tail.iter().rev().filter(|b| !is_space(**b));
        self.closers.iter().all(|closer| tail.next() == Some(closer))
    }

    /// Where the closing brackets at the end of the text begin.
    fn before_closers(&self, start: u64) -> u64 {
        let mut end = self.window.end();
        for _ in 0..self.closers.len() {
            let tail = self.window.slice(end.saturating_sub(4096).max(start), end);
            let spaces = tail.iter().rev().take_while(|b| is_space(**b)).count();
            end = end.saturating_sub(spaces as u64 + 1).max(start);
        }
        end
    }

    /// Gives the text between `start` and `end` as one damaged record, and the elements that stand
    /// whole at its end (`null`, `{}`, a record that names no buyer) as what they are.
    fn give_with_elements(&mut self, start: u64, end: u64, container: Container) -> Result<(), Stop> {
        let text = self.window.slice(start, end);
        let mut stop = text.len();
        let mut elements = Vec::new();
        let mut effort = 4 * text.len() + LOOK;
        while let Some((from, to)) = last_element(text.get(..stop).unwrap_or_default(), &mut effort) {
            elements.push((start + from as u64, start + to as u64));
            stop = from;
        }
        let rest = text.get(..stop).unwrap_or_default();
        let kept = rest.iter().rposition(|b| !is_space(*b) && *b != b',').map_or(0, |i| i + 1);
        self.give(start, start + kept as u64, Shape::DamagedJson(container))?;
        for (from, to) in elements.into_iter().rev() {
            self.give(from, to, Shape::Json(container))?;
        }
        Ok(())
    }

    /// The next `{` from `from` on that begins a record: its offset, where the text before it
    /// ends, and the list it opens, if it opens one. `Continue` names the place to go on from.
    #[allow(clippy::type_complexity, reason = "used once, just above")]
    fn candidate(
        &mut self,
        origin: u64,
        from: u64,
        damaged: bool,
    ) -> Result<ControlFlow<Option<(u64, u64, Option<Container>)>, u64>, Stop> {
        let Some(n) = memchr::memchr(b'{', self.window.bytes(from)) else {
            let end = self.window.end();
            return Ok(if self.window.more()? { Continue(end) } else { Break(None) });
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
        let look = if self.fruitless < MANY { LOOK } else { SHORT_LOOK };
        self.window.ensure(at, look)?;
        self.fruitless += 1;
        let text = self.window.slice(at, at + look as u64);
        if opens_record(text) || damaged && opens_damaged_record(text) {
            self.fruitless = 0;
            return Ok(Break(Some((at, origin + end as u64, list))));
        }
        Ok(Continue(at + 1))
    }

    /// Nonsense above the records: goes on with the next record, wherever it is.
    pub(super) fn recover(&mut self, what: &str, container: Container, level: u32) -> Result<(), Stop> {
        let mut from = self.at;
        self.passed.get_or_insert_with(|| format!("damage in {what}"));
        loop {
            match self.candidate(from.saturating_sub(BEFORE), from, false)? {
                Continue(next) => {
                    from = next;
                    self.window.keep_from(from.saturating_sub(BEFORE));
                }
                Break(None) => return Err(Stop::Lost(format!("damage in {what}"))),
                Break(Some((at, _, list))) => {
                    self.at = at;
                    return self.list(list.unwrap_or(container), level);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_from_a_holder_and_a_modification() {
        assert!(opens_record(br#"{"id":"1","acheteur":{"id":"2"}"#));
        assert!(opens_record(br#"{ "id" : "a\"b", "dureeMois": 3, "objet": "#));
        assert!(!opens_record(br#"{"id":"78","typeIdentifiant":"SIRET"}"#));
        assert!(!opens_record(br#"{"id":1,"montant":3,"titulaires":[{"id":"3"}]}"#));
        assert!(!opens_record(br#"{"titulaire":{"id":"1","nature":"x"}}"#));
    }

    #[test]
    fn the_name_of_a_list_is_read_backwards() {
        let text = br#"}],"contrat-concession" : [{"id""#;
        let at = text.iter().rposition(|b| *b == b'{').unwrap();
        let Lead::List(bracket) = lead(text, at) else { panic!() };
        assert_eq!(list_name(text, bracket).unwrap().0, b"contrat-concession");
    }
}
