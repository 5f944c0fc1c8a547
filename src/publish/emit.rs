//! One description of a record, two syntaxes: the shapes of the official formats are written once,
//! against this trait, and come out as JSON or as XML. So the two files cannot disagree.

use crate::record::{Day, Money};

/// Writes the members of one record, in order.
pub(super) trait Emit {
    /// A text; an enumerated word is one too.
    fn text(&mut self, name: &'static str, value: &str);
    /// An exact decimal number.
    fn number(&mut self, name: &'static str, value: Money);
    /// A whole number.
    fn integer(&mut self, name: &'static str, value: u32);
    /// A day.
    fn day(&mut self, name: &'static str, value: Day);
    /// A boolean.
    fn boolean(&mut self, name: &'static str, value: bool);
    /// A member that has members.
    fn object(&mut self, name: &'static str, members: impl FnOnce(&mut Self));
    /// A list of words. The schemas want each word once, so a word that comes again is not written again.
    fn words(&mut self, list: &'static str, item: &'static str, words: &[&'static str]);
    /// A list of objects. The schemas want each item once, so one that is written like an earlier
    /// one of the list is not written again.
    fn list<T>(&mut self, list: &'static str, item: &'static str, items: &[T], members: impl FnMut(&mut Self, &T));
    /// The name that JSON, or XML, has for the same thing.
    fn pick(json: &'static str, xml: &'static str) -> &'static str;

    /// A text that may be absent.
    fn maybe_text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(v) = value {
            self.text(name, v);
        }
    }
    /// A number that may be absent.
    fn maybe_number(&mut self, name: &'static str, value: Option<Money>) {
        if let Some(v) = value {
            self.number(name, v);
        }
    }
    /// A whole number that may be absent.
    fn maybe_integer(&mut self, name: &'static str, value: Option<u32>) {
        if let Some(v) = value {
            self.integer(name, v);
        }
    }
    /// A day that may be absent.
    fn maybe_day(&mut self, name: &'static str, value: Option<Day>) {
        if let Some(v) = value {
            self.day(name, v);
        }
    }
    /// A boolean that may be absent.
    fn maybe_boolean(&mut self, name: &'static str, value: Option<bool>) {
        if let Some(v) = value {
            self.boolean(name, v);
        }
    }
}

/// Beyond this many items a list is searched for equal ones by hash, not one by one.
const FEW: usize = 16;

/// Remembers the items of one list as they were written, to find the one that comes again.
#[derive(Default)]
pub(super) struct Written {
    ranges: Vec<std::ops::Range<usize>>,
    hashes: std::collections::HashSet<u128>,
}

impl Written {
    /// Whether the item that `out` ends with (from `start` on) was already written; else remembers it.
    pub(super) fn again(&mut self, out: &[u8], start: usize) -> bool {
        let item = out.get(start..).unwrap_or_default();
        if self.ranges.len() < FEW {
            if self.ranges.iter().any(|r| out.get(r.clone()) == Some(item)) {
                return true;
            }
        } else {
            if self.hashes.is_empty() {
                let known = self.ranges.iter().filter_map(|r| out.get(r.clone()));
                self.hashes = known.map(xxhash_rust::xxh3::xxh3_128).collect();
            }
            if !self.hashes.insert(xxhash_rust::xxh3::xxh3_128(item)) {
                return true;
            }
        }
        self.ranges.push(start..out.len());
        false
    }
}
