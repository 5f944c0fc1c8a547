//! decp.xlsx: the rows of [`super::tabular`] for a spreadsheet: the present state of each contract only,
//! typed cells, a frozen header with filters. In one sheet, or beyond a sheet's limit in one per year.
//!
//! Rows go deflated into a spool as they come; the archive is made around them at the end. Written
//! directly, since a row must not wait in memory and the bytes may depend on nothing but the rows. Memory:
//! the texts that come again ([`super::xlsx_texts`]), one byte a row, a deflater or one per sheet.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::{Batch, Verdict};
use super::catalog::Catalog;
use super::checksums::Hashing;
use super::compress::sync;
use super::error::PublishError;
use super::format::Writer;
use super::json;
use super::manifest::FileEntry;
use super::tabular::{COLUMNS, Cell, rows};
use super::xlsx_parts::{self as parts, Spool};
use super::xlsx_texts::{Texts, escape};
use crate::record::Day;

/// Name of the file.
pub(super) const XLSX: &str = "decp.xlsx";

/// Rows of a sheet, its header included: a limit of spreadsheet programs.
const SHEET_ROWS: u32 = 1_048_576;

/// XML of rows before it is deflated.
const FLUSH: usize = 64 << 10;

/// Columns whose texts hardly ever come again.
const UNIQUE: [&str; 3] = ["uid", "id", "objet"];

/// The format.
pub(super) struct DecpXlsx {
    catalog: Arc<Catalog>,
    day: Day,
    dir: PathBuf,
    limit: u32,
    texts: Texts,
    columns: Vec<Column>,
    sheet: Spool,
    buffer: Vec<u8>,
    /// The year of each row written, as [`parts::bucket`] has it: which sheet it goes to if one is not enough.
    years: Vec<u8>,
}

/// What a cell of a column begins with.
struct Column {
    letters: Vec<u8>,
    unique: bool,
}

impl DecpXlsx {
    /// Creates the file's spool in `dir`. `day`: that of the publication.
    pub(super) fn create(dir: &Path, catalog: Arc<Catalog>, day: Day) -> Result<Self, PublishError> {
        Self::with_limit(dir, catalog, day, SHEET_ROWS)
    }

    /// As [`DecpXlsx::create`], with another limit of a sheet.
    pub(super) fn with_limit(dir: &Path, catalog: Arc<Catalog>, day: Day, limit: u32) -> Result<Self, PublishError> {
        let columns = COLUMNS.iter().enumerate();
        let columns =
            columns.map(|(i, (name, _))| Column { letters: parts::letters(i), unique: UNIQUE.contains(name) });
        Ok(Self {
            catalog,
            day,
            dir: dir.to_owned(),
            limit,
            texts: Texts::default(),
            columns: columns.collect(),
            sheet: Spool::create(dir)?,
            buffer: Vec::with_capacity(FLUSH + (16 << 10)),
            years: Vec::new(),
        })
    }

    fn flush(&mut self) -> Result<(), PublishError> {
        self.sheet.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl Writer for DecpXlsx {
    fn name(&self) -> &'static str {
        XLSX
    }

    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        for one in batch.iter() {
            if one.item.verdict == Verdict::Withdrawn {
                continue;
            }
            let Self { catalog, day, texts, columns, buffer, years, .. } = self;
            rows(one.item, catalog, *day, |row| {
                if row.is_current() {
                    years.push(parts::bucket(row.contract_year(), *day));
                    // The header is row 1.
                    write_row(buffer, texts, columns, years.len() + 1, &row.cells());
                }
                Ok::<_, PublishError>(())
            })?;
            if self.buffer.len() >= FLUSH {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        self.flush()?;
        let Self { dir, day, limit, texts, sheet, years, .. } = *self;
        let rows = years.len() as u64;
        let sheets = if rows < u64::from(limit) {
            let sheet = parts::Sheet { name: "decp".to_owned(), rows, spool: sheet };
            vec![sheet]
        } else {
            parts::by_year(&dir, sheet, &years, day, u64::from(limit) - 1)?
        };
        let path = dir.join(XLSX);
        let file = File::create_new(&path).map_err(PublishError::io("create", &path))?;
        let out = Hashing::new(BufWriter::with_capacity(64 << 10, file));
        let out = parts::archive(out, &path, day, sheets, &texts)?;
        let (file, sha256, bytes) = out.finish();
        sync(file).map_err(PublishError::io("write", &path))?;
        Ok(vec![FileEntry { name: XLSX.to_owned(), sha256, bytes, rows: Some(rows) }])
    }
}

/// Appends a row. What is not known has no cell.
fn write_row(out: &mut Vec<u8>, texts: &mut Texts, columns: &[Column], number: usize, cells: &[Cell<'_>]) {
    let mut digits = Vec::with_capacity(8);
    json::integer(&mut digits, i64::try_from(number).unwrap_or(i64::MAX));
    out.extend_from_slice(b"<row r=\"");
    out.extend_from_slice(&digits);
    out.extend_from_slice(b"\">");
    for (column, cell) in columns.iter().zip(cells) {
        if matches!(cell, Cell::Empty) {
            continue;
        }
        out.extend_from_slice(b"<c r=\"");
        out.extend_from_slice(&column.letters);
        out.extend_from_slice(&digits);
        write_cell(out, texts, column.unique, cell);
        out.extend_from_slice(b"</c>");
    }
    out.extend_from_slice(b"</row>");
}

/// What follows the place of a cell: type, style, value.
fn write_cell(out: &mut Vec<u8>, texts: &mut Texts, unique: bool, cell: &Cell<'_>) {
    let plain = |out: &mut Vec<u8>, kind: &[u8], value: &mut dyn FnMut(&mut Vec<u8>)| {
        out.extend_from_slice(kind);
        out.extend_from_slice(b"<v>");
        value(out);
        out.extend_from_slice(b"</v>");
    };
    match *cell {
        Cell::Empty => {}
        Cell::Text(text) => match if unique { None } else { texts.number(text) } {
            Some(n) => plain(out, b"\" t=\"s\">", &mut |out| json::integer(out, i64::from(n))),
            None => inline(out, text),
        },
        Cell::Integer(n) => plain(out, b"\">", &mut |out| json::integer(out, i64::from(n))),
        Cell::Number(n) => plain(out, b"\">", &mut |out| json::number(out, n)),
        Cell::Boolean(b) => plain(out, b"\" t=\"b\">", &mut |out| out.push(if b { b'1' } else { b'0' })),
        Cell::Date(day) => match parts::serial(day) {
            Some(n) => plain(out, b"\" s=\"1\">", &mut |out| json::integer(out, n)),
            // A spreadsheet has no such day.
            None => inline(out, &day.to_string()),
        },
    }
}

fn inline(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"\" t=\"inlineStr\"><is><t xml:space=\"preserve\">");
    escape(out, text);
    out.extend_from_slice(b"</t></is>");
}
