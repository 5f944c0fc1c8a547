//! decp.csv: the rows of [`super::tabular`] as RFC 4180: `,`, CRLF, UTF-8 without BOM, a cell quoted
//! only where it must be, nothing prefixed. A line feed inside a cell is kept as it is.

use std::sync::Arc;

use super::batch::{Numbered, Verdict};
use super::catalog::Catalog;
use super::error::PublishError;
use super::format::TextFormat;
use super::json;
use super::output::Output;
use super::tabular::{COLUMNS, Cell, rows};
use crate::record::Day;

/// The format.
pub(super) struct DecpCsv {
    catalog: Arc<Catalog>,
    day: Day,
}

impl DecpCsv {
    /// `day`: that of the publication, for dureeRestanteMois.
    pub(super) fn new(catalog: Arc<Catalog>, day: Day) -> Self {
        Self { catalog, day }
    }
}

impl TextFormat for DecpCsv {
    const NAME: &'static str = "decp.csv";

    fn begin(&mut self, out: &mut Vec<u8>) {
        for (i, (name, _)) in COLUMNS.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        if numbered.item.verdict == Verdict::Withdrawn {
            return Ok(0);
        }
        rows(numbered.item, &self.catalog, self.day, |row| {
            for (i, cell) in row.cells().iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(out, cell);
            }
            out.extend_from_slice(b"\r\n");
            Ok(())
        })
    }
    fn finish(self, _: &mut Output) -> Result<(), PublishError> {
        Ok(())
    }
}

fn write(out: &mut Vec<u8>, cell: &Cell<'_>) {
    match *cell {
        Cell::Empty => {}
        Cell::Text(text) => quoted(out, text),
        Cell::Integer(n) => json::integer(out, i64::from(n)),
        Cell::Number(n) => json::number(out, n),
        Cell::Boolean(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        Cell::Date(d) => json::day(out, d),
    }
}

/// Writes a cell, quoted only where it must be.
pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n')) {
        return out.extend_from_slice(bytes);
    }
    out.push(b'"');
    for part in bytes.split_inclusive(|b| *b == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
