//! The texts of decp.xlsx: what a spreadsheet can hold of one, and the shared table of those that come
//! again and again (names, codes, labels), which makes the file half as large and quicker to open.
//!
//! The table is bounded: a text that finds no room stands in its cell. Which ones have room depends on
//! the order of the rows alone.

use std::collections::HashMap;

/// Texts of the table at most.
const TEXTS: usize = 60_000;
/// And their bytes.
const BYTES: usize = 4 << 20;
/// A longer text hardly comes again.
const LONG: usize = 200;

/// Characters (UTF-16 units) that a cell can hold: a limit of spreadsheet programs.
pub(super) const CELL: usize = 32_767;

/// The shared table.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<Box<str>, u32>,
    order: Vec<u8>,
    bytes: usize,
}

impl Texts {
    /// The number of a text; `None` when it has to stand in its cell.
    pub(super) fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(n) = self.numbers.get(text) {
            return Some(*n);
        }
        if text.len() > LONG || self.numbers.len() >= TEXTS || self.bytes + text.len() > BYTES {
            return None;
        }
        let n = u32::try_from(self.numbers.len()).ok()?;
        self.bytes += text.len();
        self.order.extend_from_slice(b"<si><t xml:space=\"preserve\">");
        escape(&mut self.order, text);
        self.order.extend_from_slice(b"</t></si>");
        self.numbers.insert(text.into(), n);
        Some(n)
    }

    /// The part `sharedStrings.xml`.
    pub(super) fn part(&self) -> Vec<u8> {
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" uniqueCount=\"{}\">",
            self.numbers.len()
        );
        [head.as_bytes(), &self.order, b"</sst>"].concat()
    }
}

/// Writes a text as spreadsheets read it: XML's own characters escaped, those that XML cannot carry as
/// `_xHHHH_` (and a text that looks like that as itself), cut where a cell ends.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > CELL {
            return;
        }
        match c {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' | '\n' => out.push(c as u8),
            '_' if is_escape(text.get(at..).unwrap_or_default()) => out.extend_from_slice(b"_x005F_"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                out.extend_from_slice(format!("_x{:04X}_", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Whether a text begins with `_xHHHH_`.
fn is_escape(text: &str) -> bool {
    match text.as_bytes() {
        [b'_', b'x', digits @ ..] if digits.len() >= 5 => {
            digits.iter().take(4).all(u8::is_ascii_hexdigit) && digits.get(4) == Some(&b'_')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_is_written_so_that_a_spreadsheet_reads_it_back() {
        assert_eq!(escaped("a<b & \"c\">\u{1}\r\né"), "a&lt;b &amp; &quot;c&quot;&gt;_x0001__x000D_\né");
        assert_eq!(escaped("_x0041_ _x41_ _"), "_x005F_x0041_ _x41_ _");
        assert_eq!(escaped(&"é".repeat(CELL + 1)).chars().count(), CELL);
        assert_eq!(escaped(&"😀".repeat(CELL)).chars().count(), CELL / 2);
    }

    #[test]
    fn a_text_that_comes_again_has_the_number_it_had() {
        let mut texts = Texts::default();
        assert_eq!([texts.number("a"), texts.number("b<"), texts.number("a")], [Some(0), Some(1), Some(0)]);
        assert_eq!(texts.number(&"x".repeat(LONG + 1)), None);
        let part = String::from_utf8(texts.part()).unwrap();
        assert!(part.contains("uniqueCount=\"2\"") && part.contains(">b&lt;</t>"), "{part}");
        for i in 0..TEXTS {
            texts.number(&i.to_string());
        }
        assert_eq!((texts.number("the last straw"), texts.number("a")), (None, Some(0)));
    }
}
