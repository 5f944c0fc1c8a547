//! Rows and cells of a delimited table, with the faults of real ones.
//!
//! In: text from the beginning of a row. Out: where the row ends and how many cells it has; its
//! cells. A quote opens a cell only at its beginning and closes it only before a delimiter or a line
//! end, so that quotes inside a text do no harm; the splitter reads a line literally where a quote
//! that is never closed would take the rows after it. Holds nothing.

use std::borrow::Cow;

/// The end of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowEnd {
    /// Bytes of the row, its line end included.
    pub length: usize,
    /// Its cells.
    pub cells: usize,
    /// It goes over more than one line.
    pub lines: bool,
    /// A cell that does has quotes inside that are not escaped: perhaps it was never closed.
    pub doubtful: bool,
}

/// Scans one row; `None` when the text ends inside it, unless nothing follows (`whole`) and the row
/// may end there.
pub(super) fn row(text: &[u8], delimiter: u8, whole: bool) -> Option<RowEnd> {
    let (mut at, mut cells, mut lines, mut doubtful) = (0, 1, false, false);
    loop {
        if text.get(at) == Some(&b'"') {
            let quoted = quoted_end(text, at, delimiter, whole)?;
            let breaks = text.get(at..quoted.end).is_some_and(|t| memchr::memchr(b'\n', t).is_some());
            lines |= breaks;
            doubtful |= breaks && quoted.bare;
            at = quoted.end;
        }
        let rest = text.get(at..).unwrap_or_default();
        match memchr::memchr2(delimiter, b'\n', rest) {
            Some(n) if rest.get(n) == Some(&delimiter) => {
                cells += 1;
                at += n + 1;
            }
            Some(n) => return Some(RowEnd { length: at + n + 1, cells, lines, doubtful }),
            None => return whole.then_some(RowEnd { length: text.len(), cells, lines, doubtful }),
        }
    }
}

/// A cell in quotes.
struct Quoted {
    /// After the quote that closes it.
    end: usize,
    /// It has quotes inside that are not escaped.
    bare: bool,
}

/// The cell whose opening quote stands at `at`.
fn quoted_end(text: &[u8], at: usize, delimiter: u8, whole: bool) -> Option<Quoted> {
    let (mut from, mut bare) = (at + 1, false);
    loop {
        let quote = from + memchr::memchr(b'"', text.get(from..)?)?;
        match text.get(quote + 1) {
            Some(b'"') => from = quote + 2,
            None if !whole => return None,
            None | Some(b'\n' | b'\r') => return Some(Quoted { end: quote + 1, bare }),
            Some(b) if *b == delimiter => return Some(Quoted { end: quote + 1, bare }),
            Some(_) => (from, bare) = (quote + 1, true),
        }
    }
}

/// The first line, in which quotes mean nothing.
pub(super) fn line(text: &[u8], delimiter: u8, whole: bool) -> Option<RowEnd> {
    let end = memchr::memchr(b'\n', text).map(|n| n + 1).or(whole.then_some(text.len()))?;
    let cells = memchr::memchr_iter(delimiter, text.get(..end).unwrap_or_default()).count() + 1;
    Some(RowEnd { length: end, cells, lines: false, doubtful: false })
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub text: Cow<'a, str>,
    /// It has quotes inside that are not escaped.
    pub bare: bool,
}

/// The cells of one row.
pub(super) fn cells(row: &str, delimiter: u8, literal: bool) -> Vec<Cell<'_>> {
    let row = row.strip_suffix('\n').unwrap_or(row);
    let row = row.strip_suffix('\r').unwrap_or(row);
    let bytes = row.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(64), 0);
    loop {
        let quoted =
            (!literal && bytes.get(at) == Some(&b'"')).then(|| quoted_end(bytes, at, delimiter, true)).flatten();
        let from = quoted.as_ref().map_or(at, |q| q.end);
        let rest = bytes.get(from..).unwrap_or_default();
        let end = from + memchr::memchr(delimiter, rest).unwrap_or(rest.len());
        let whole = row.get(at..end).unwrap_or_default();
        out.push(match quoted {
            Some(q) if q.end == end => unquote(row.get(at + 1..end - 1).unwrap_or_default()),
            _ => Cell { text: whole.into(), bare: false },
        });
        if end >= bytes.len() {
            return out;
        }
        at = end + 1;
    }
}

/// The inside of a quoted cell.
fn unquote(inside: &str) -> Cell<'_> {
    if !inside.contains('"') {
        return Cell { text: inside.into(), bare: false };
    }
    let bare = inside.replace("\"\"", "").contains('"');
    Cell { text: inside.replace("\"\"", "\"").into(), bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(row: &str) -> Vec<String> {
        cells(row, b';', false).into_iter().map(|c| c.text.into_owned()).collect()
    }

    #[test]
    fn cells_come_out_of_quotes_and_stray_quotes_do_no_harm() {
        assert_eq!(texts("a;\"b;c\";\"d \"\"e\"\"\";\r\n"), ["a", "b;c", "d \"e\"", ""]);
        assert_eq!(texts("a;Achat \"urgent\" de;c"), ["a", "Achat \"urgent\" de", "c"]);
        assert_eq!(texts("\"Achat \"urgent\" de\";c"), ["Achat \"urgent\" de", "c"]);
        assert_eq!(texts(""), [""]);
    }

    #[test]
    fn a_row_ends_where_no_quote_is_open() {
        let row = |text: &str, whole| super::row(text.as_bytes(), b';', whole);
        assert_eq!(row("a;\"b\nc\";d\ne", false), Some(RowEnd { length: 10, cells: 3, lines: true, doubtful: false }));
        assert_eq!(row("a;\"b\nc", false), None);
        assert_eq!(row("a;b", true), Some(RowEnd { length: 3, cells: 2, lines: false, doubtful: false }));
        assert_eq!(row("a;\"b", true), None);
    }
}
