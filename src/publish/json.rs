//! Writes JSON into a byte buffer: exact decimals, no intermediate tree, no copy of a text.
//!
//! Every text that comes in is written as valid JSON whatever it holds; a NaN cannot come in,
//! since numbers are decimals.

use std::io::Write;

use super::emit::{Emit, Written};
use crate::record::{Day, Money};

/// Writes a JSON string, quotes included.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &b) in bytes.iter().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let (high, low) = (HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Writes an exact decimal.
pub(super) fn number(out: &mut Vec<u8>, value: Money) {
    let decimal = value.decimal();
    match (decimal.scale(), i64::try_from(decimal.mantissa())) {
        (0, Ok(whole)) => integer(out, whole),
        // Writing into memory cannot fail.
        _ => drop(write!(out, "{decimal}")),
    }
}

/// Writes a whole number.
pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0_u8; 20];
    let (mut rest, mut at) = (value.unsigned_abs(), digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a day, without quotes.
pub(super) fn day(out: &mut Vec<u8>, day: Day) {
    let date = day.date();
    match u16::try_from(date.year()) {
        Ok(year) => {
            let (month, of_month) = (date.month() as u8, date.day() as u8);
            let pair = |n: u8| [b'0' + n / 10, b'0' + n % 10];
            out.extend_from_slice(&pair((year / 100) as u8));
            out.extend_from_slice(&pair((year % 100) as u8));
            out.push(b'-');
            out.extend_from_slice(&pair(month));
            out.push(b'-');
            out.extend_from_slice(&pair(of_month));
        }
        Err(_) => drop(write!(out, "{day}")),
    }
}

/// Writes one JSON object (or a part of one) into a buffer.
pub(super) struct Json<'a> {
    /// Where it goes.
    pub(super) out: &'a mut Vec<u8>,
    /// Whether the next member needs no comma.
    first: bool,
    /// Whether lists of objects are wrapped as the 2022 format does: `[{"titulaire": {…}}]`.
    wrapped: bool,
}

impl<'a> Json<'a> {
    /// Writes a whole object with flat lists.
    pub(super) fn object_into(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        Self::whole(out, false, members);
    }
    /// Writes a whole object whose lists are wrapped as in 2022.
    pub(super) fn wrapped_into(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Json<'_>)) {
        Self::whole(out, true, members);
    }
    fn whole(out: &'a mut Vec<u8>, wrapped: bool, members: impl FnOnce(&mut Json<'_>)) {
        out.push(b'{');
        let mut json = Json { out, first: true, wrapped };
        members(&mut json);
        json.out.push(b'}');
    }
    /// Writes the name of the next member; its value must follow.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }
    /// Writes an array; `each` writes one item, commas are put between.
    pub(super) fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Vec<u8>, T),
    ) {
        let out = self.key(name);
        out.push(b'[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            each(out, item);
        }
        out.push(b']');
    }
}

impl Emit for Json<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        string(self.key(name), value);
    }
    fn number(&mut self, name: &'static str, value: Money) {
        number(self.key(name), value);
    }
    fn integer(&mut self, name: &'static str, value: u32) {
        integer(self.key(name), i64::from(value));
    }
    fn day(&mut self, name: &'static str, value: Day) {
        let out = self.key(name);
        out.push(b'"');
        day(out, value);
        out.push(b'"');
    }
    fn boolean(&mut self, name: &'static str, value: bool) {
        self.key(name).extend_from_slice(if value { b"true" } else { b"false" });
    }
    fn object(&mut self, name: &'static str, members: impl FnOnce(&mut Self)) {
        self.key(name).push(b'{');
        self.first = true;
        members(self);
        self.first = false;
        self.out.push(b'}');
    }
    fn words(&mut self, list: &'static str, item: &'static str, words: &[&'static str]) {
        let wrapped = self.wrapped;
        let out = self.key(list);
        if wrapped {
            out.push(b'{');
            string(out, item);
            out.push(b':');
        }
        out.push(b'[');
        for (i, word) in words.iter().enumerate() {
            if words[..i].contains(word) {
                continue;
            }
            if i > 0 {
                out.push(b',');
            }
            string(out, word);
        }
        out.push(b']');
        if wrapped {
            out.push(b'}');
        }
    }
    fn list<T>(&mut self, list: &'static str, item: &'static str, items: &[T], mut members: impl FnMut(&mut Self, &T)) {
        self.key(list).push(b'[');
        let (mut written, mut any) = (Written::default(), false);
        for one in items {
            let before = self.out.len();
            if any {
                self.out.push(b',');
            }
            let start = self.out.len();
            self.out.push(b'{');
            self.first = true;
            if self.wrapped {
                self.object(item, |e| members(e, one));
            } else {
                members(self, one);
            }
            self.out.push(b'}');
            if written.again(self.out, start) {
                self.out.truncate(before);
            } else {
                any = true;
            }
        }
        self.first = false;
        self.out.push(b']');
    }
    fn pick(json: &'static str, _: &'static str) -> &'static str {
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_from_json_as_it_was() {
        let nasty = "é \"\\ / \u{0}\u{1f}\u{7f}\n\r\t\u{2028} 🏛 \u{fffd}";
        let mut out = Vec::new();
        string(&mut out, nasty);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), nasty);
    }

    #[test]
    fn numbers_keep_every_digit() {
        for text in ["0", "-7", "12000.5", "0.000001", "79228162514264337593543950335", "-0.1"] {
            let mut out = Vec::new();
            number(&mut out, Money::new(text.parse().unwrap()));
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn an_item_that_comes_again_is_written_once() {
        for n in [3_u32, 40] {
            let items: Vec<u32> = (0..n).chain(0..n).collect();
            let mut out = Vec::new();
            Json::wrapped_into(&mut out, |j| {
                j.list("l", "i", &items, |j, n| j.integer("n", *n));
                j.boolean("end", true);
            });
            let v: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(v["l"].as_array().unwrap().len(), n as usize);
            assert_eq!(v["l"][1]["i"]["n"], 1);
            assert_eq!(v["end"], true);
        }
    }
}
