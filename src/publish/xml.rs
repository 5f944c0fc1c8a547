//! Writes XML 1.0 elements into a byte buffer, without attributes or namespaces, as the DECP
//! formats have them.

use super::emit::{Emit, Written};
use super::json;
use crate::record::{Day, Money};

/// Whether XML 1.0 can carry every character of a text; a control character, U+FFFE and U+FFFF it cannot.
pub(super) fn can_carry(text: &str) -> bool {
    text.bytes().all(|b| (b >= 0x20 || matches!(b, b'\t' | b'\n' | b'\r')) && b != 0xef)
        || text.chars().all(|c| match c {
            '\t' | '\n' | '\r' => true,
            '\u{fffe}' | '\u{ffff}' => false,
            c => c >= ' ',
        })
}

/// Writes the text of an element.
fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &b) in bytes.iter().enumerate() {
        let entity: &[u8] = match b {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            // A reader would make it a line feed.
            b'\r' => b"&#13;",
            // One record is one line.
            b'\n' => b"&#10;",
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(entity);
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Writes elements one after the other.
pub(super) struct Xml<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Xml<'a> {
    /// Writes one element with its children.
    pub(super) fn element_into(out: &'a mut Vec<u8>, name: &'static str, members: impl FnOnce(&mut Xml<'_>)) {
        Xml { out }.object(name, |xml| members(xml));
    }
    fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }
    fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }
    fn leaf(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.open(name);
        write(self.out);
        self.close(name);
    }
}

impl Emit for Xml<'_> {
    fn text(&mut self, name: &'static str, value: &str) {
        self.leaf(name, |out| escape(out, value));
    }
    fn number(&mut self, name: &'static str, value: Money) {
        self.leaf(name, |out| json::number(out, value));
    }
    fn integer(&mut self, name: &'static str, value: u32) {
        self.leaf(name, |out| json::integer(out, i64::from(value)));
    }
    fn day(&mut self, name: &'static str, value: Day) {
        self.leaf(name, |out| json::day(out, value));
    }
    fn boolean(&mut self, name: &'static str, value: bool) {
        self.leaf(name, |out| out.extend_from_slice(if value { b"oui" } else { b"non" }));
    }
    fn object(&mut self, name: &'static str, members: impl FnOnce(&mut Self)) {
        self.open(name);
        members(self);
        self.close(name);
    }
    fn words(&mut self, list: &'static str, item: &'static str, words: &[&'static str]) {
        self.object(list, |xml| {
            for (i, word) in words.iter().enumerate() {
                if !words[..i].contains(word) {
                    xml.text(item, word);
                }
            }
        });
    }
    fn list<T>(&mut self, list: &'static str, item: &'static str, items: &[T], mut members: impl FnMut(&mut Self, &T)) {
        self.open(list);
        let mut written = Written::default();
        for one in items {
            let start = self.out.len();
            self.object(item, |xml| members(xml, one));
            if written.again(self.out, start) {
                self.out.truncate(start);
            }
        }
        self.close(list);
    }
    fn pick(_: &'static str, xml: &'static str) -> &'static str {
        xml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_told() {
        assert!(can_carry("élève ﬁn 🏛\t\n \u{fffd}\u{85}"));
        for bad in ["\u{0}", "a\u{b}", "\u{1f}", "é\u{fffe}", "\u{ffff}"] {
            assert!(!can_carry(bad), "{bad:?}");
        }
    }

    #[test]
    fn text_is_read_back_as_it_was() {
        let nasty = "a<b>&amp; \"c\" ]]> \r\n é";
        let mut out = Vec::new();
        Xml::element_into(&mut out, "x", |x| x.text("t", nasty));
        let mut reader = quick_xml::Reader::from_reader(out.as_slice());
        let mut text = String::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Text(t) => text.push_str(&t.xml10_content()),
                quick_xml::events::Event::GeneralRef(r) => match r.resolve_char_ref().unwrap() {
                    Some(c) => text.push(c),
                    None => text.push_str(quick_xml::escape::resolve_predefined_entity(&r).unwrap()),
                },
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(text, nasty);
    }
}
