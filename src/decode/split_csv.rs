//! Splits a table into raw records: each row, or the rows of one contract gathered.
//!
//! In: text that streams. Out: rows in file order. Where rows of one contract may stand apart (a row
//! for each state and holder, sorted by date), the text is spooled to a nameless temporary file while
//! it is scanned, and each contract is given at the place of its first row with all its rows, wherever
//! they stand: no window, so that no order of rows changes what a contract is. Rows belong together
//! when they have the same uid (or buyer and id) and, in a table without numbers of states, agree in
//! every cell that is not a holder's or a modification's. Memory: 24 bytes a row, and the rows of one
//! contract (at most `max_record` bytes; what goes beyond begins another record). A row that does not
//! fit the header is a damaged record of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use xxhash_rust::xxh3::Xxh3;

use super::csv_columns::Target;
use super::csv_rows::{RowEnd, cells, line, row};
use super::csv_table::Table;
use super::sniff::begins;
use super::text::HEAD;
use super::window::Window;
use super::{Ended, Ending, NotData, Shape, Sink, Slice, SplitOptions};

/// One row in the index.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// What the rows of one contract have in common; then the place of the first of them.
    key: u64,
    offset: u64,
    length: u32,
    number: u32,
}

struct Splitter<'s, 'e, R> {
    window: Window<R>,
    at: u64,
    table: Table,
    max_record: usize,
    sink: &'s mut Sink<'e>,
    /// The rows so far.
    rows: u32,
    cut: bool,
    /// The beginning of the row at hand, when it is longer than what is held.
    long: Option<Vec<u8>>,
}

/// What a row is.
enum Found {
    Sound(usize),
    Damaged(usize, Shape),
}

/// Splits.
pub(super) fn run<R: Read>(
    mut window: Window<R>,
    options: &SplitOptions,
    sink: &mut Sink<'_>,
) -> Result<Ended, NotData> {
    window.ensure(0, HEAD).map_err(NotData::Read)?;
    let head = window.slice(0, HEAD as u64);
    let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let Some(table) = Table::find(head, &options.columns) else {
        return Err(NotData::NoRecords { begins: begins(head) });
    };
    let at = (mark + table.start) as u64;
    let max_record = options.max_record.max(64);
    let first = sink.records;
    let mut s = Splitter { window, at, table, max_record, sink, rows: 0, cut: false, long: None };
    if s.table.gather { s.gathered() } else { s.one_by_one() }.map_err(NotData::Read)?;
    s.sink.records = first.saturating_add(s.rows);
    let ending = if s.cut { Ending::Cut { what: "a row".into() } } else { Ending::Complete };
    Ok(Ended { ending, told: s.window.text().told(), trailing: None, length: s.window.end() })
}

/// Calls back with number, place and length of every row of a table, line ends included.
pub(super) fn rows<R: Read>(
    mut window: Window<R>,
    options: &SplitOptions,
    each: &mut dyn FnMut(u32, u64, u64),
) -> io::Result<()> {
    window.ensure(0, HEAD)?;
    let head = window.slice(0, HEAD as u64);
    let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let Some(table) = Table::find(head, &options.columns) else { return Ok(()) };
    let at = (mark + table.start) as u64;
    let max_record = options.max_record.max(64);
    let nobody = &mut |_: Slice<'_>| std::ops::ControlFlow::Continue(());
    let sink = &mut Sink { each: nobody, records: 0, base: 0, stopped: false };
    let mut s = Splitter { window, at, table, max_record, sink, rows: 0, cut: false, long: None };
    while let Some(Found::Sound(length) | Found::Damaged(length, _)) = s.next()? {
        each(s.rows, s.at, length as u64);
        s.at += length as u64;
        s.rows = s.rows.saturating_add(1);
    }
    Ok(())
}

impl<R: Read> Splitter<'_, '_, R> {
    /// The next row that is not blank; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Found>> {
        self.long = None;
        loop {
            self.window.keep_from(self.at);
            match self.window.byte(self.at)? {
                None => return Ok(None),
                Some(b'\n' | b'\r') => self.at += 1,
                Some(_) => return self.row().map(Some),
            }
        }
    }

    fn row(&mut self) -> io::Result<Found> {
        let expected = self.table.columns.len();
        let delimiter = self.table.delimiter;
        let mut look = 4096;
        loop {
            let whole = !self.window.ensure(self.at, look)?;
            let text = self.window.slice(self.at, self.at + look as u64);
            let scanned = row(text, delimiter, whole);
            if scanned.is_none() && !whole && look <= self.max_record {
                look *= 4;
                continue;
            }
            let alone = line(text, delimiter, whole);
            let open = scanned.is_none_or(|r| r.cells < expected && r.length == text.len() && !text.ends_with(b"\n"));
            if open && whole && !more_rows(text, delimiter, expected) {
                // The text ends inside a row, and no other follows.
                self.cut = true;
                let shape = if text.len() > self.max_record { Shape::Oversized } else { Shape::Cut };
                return Ok(Found::Damaged(text.len(), shape));
            }
            // A quote that is never closed, or that is closed in another row: the line counts.
            let fits = scanned.filter(|r| {
                !r.lines || r.cells == expected && !(r.doubtful && alone.is_some_and(|a| a.cells >= expected))
            });
            let Some(found) = fits.or(alone) else {
                return self.too_long();
            };
            return Ok(self.judge(found, expected, fits.is_none()));
        }
    }

    /// What a row is by its cells.
    fn judge(&self, found: RowEnd, expected: usize, literal: bool) -> Found {
        let RowEnd { length, cells, .. } = found;
        if length > self.max_record {
            return Found::Damaged(length, Shape::Oversized);
        }
        let extra_empty = || {
            let text = String::from_utf8_lossy(self.window.slice(self.at, self.at + length as u64));
            super::csv_rows::cells(&text, self.table.delimiter, false)
                .iter()
                .skip(expected)
                .all(|c| c.text.trim().is_empty())
        };
        let fits = cells == expected || cells < expected && cells * 2 >= expected || cells > expected && extra_empty();
        if fits && !literal { Found::Sound(length) } else { Found::Damaged(length, Shape::DamagedRow) }
    }

    /// A line beyond the limit: its beginning is kept, the rest passed to its end.
    fn too_long(&mut self) -> io::Result<Found> {
        self.long = Some(self.window.slice(self.at, self.at + self.max_record as u64).to_vec());
        let mut length = self.max_record;
        loop {
            let text = self.window.bytes(self.at + length as u64);
            if let Some(n) = memchr::memchr(b'\n', text) {
                return Ok(Found::Damaged(length + n + 1, Shape::Oversized));
            }
            length += text.len();
            self.window.keep_from(self.at + length as u64);
            if !self.window.more()? {
                return Ok(Found::Damaged(length, Shape::Oversized));
            }
        }
    }

    fn one_by_one(&mut self) -> io::Result<()> {
        while let Some(found) = self.next()? {
            let (length, shape) = match found {
                Found::Sound(length) => (length, Shape::Rows),
                Found::Damaged(length, shape) => (length, shape),
            };
            self.give(length, shape);
            self.at += length as u64;
            self.rows = self.rows.saturating_add(1);
            if self.sink.stopped {
                break;
            }
        }
        Ok(())
    }

    /// Gives the row at hand.
    fn give(&mut self, length: usize, shape: Shape) {
        let bytes = held(&self.long, &self.window, self.at, length.min(self.max_record)).trim_ascii_end();
        let position = self.sink.records.saturating_add(self.rows);
        self.sink.give_rows(Slice { bytes, offset: self.at, position, shape, also: &[], table: Some(&self.table) });
    }

    /// Two passes: every row to a file, with its key; then contract by contract.
    fn gathered(&mut self) -> io::Result<()> {
        let mut spool = BufWriter::with_capacity(256 * 1024, tempfile::tempfile()?);
        let mut index: Vec<Row> = Vec::new();
        let mut damaged: HashMap<u32, Shape> = HashMap::new();
        // Where in the text the rows begin: the spool holds nothing but rows.
        let mut spooled = 0_u64;
        let mut places: Vec<(u64, u64)> = Vec::new();
        while let Some(found) = self.next()? {
            let (length, shape) = match found {
                Found::Sound(length) => (length, None),
                Found::Damaged(length, shape) => (length, Some(shape)),
            };
            let bytes = held(&self.long, &self.window, self.at, length.min(self.max_record));
            let key = match shape {
                None => self.key(bytes),
                Some(shape) => {
                    damaged.insert(self.rows, shape);
                    None
                }
            };
            // A row without identity stands alone.
            let key = key.unwrap_or_else(|| xxhash_rust::xxh3::xxh3_64_with_seed(&self.rows.to_le_bytes(), 1));
            let length32 = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            if places.last().is_none_or(|(text, spool)| self.at - text != spooled - spool) {
                places.push((self.at, spooled));
            }
            index.push(Row { key, offset: spooled, length: length32, number: self.rows });
            spool.write_all(bytes)?;
            spooled += u64::from(length32);
            self.at += length as u64;
            self.rows = self.rows.saturating_add(1);
        }
        group(&mut index);
        let mut file = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.contracts(&index, &damaged, &places, BufReader::with_capacity(256 * 1024, file))
    }

    fn contracts(
        &mut self,
        index: &[Row],
        damaged: &HashMap<u32, Shape>,
        places: &[(u64, u64)],
        mut file: BufReader<File>,
    ) -> io::Result<()> {
        let (mut bytes, mut also, mut at) = (Vec::new(), Vec::new(), 0_u64);
        let base = self.sink.records;
        for rows in index.chunk_by(|a, b| a.key == b.key) {
            let mut rest = rows;
            while let Some((first, _)) = rest.split_first() {
                bytes.clear();
                also.clear();
                let mut taken = 0;
                for row in rest {
                    let length = row.length as usize;
                    if taken > 0 && bytes.len() + length > self.max_record {
                        break;
                    }
                    let step = i64::try_from(row.offset).unwrap_or(i64::MAX) - i64::try_from(at).unwrap_or(i64::MAX);
                    file.seek_relative(step)?;
                    let from = bytes.len();
                    bytes.resize(from + length, 0);
                    file.read_exact(bytes.get_mut(from..).unwrap_or_default())?;
                    at = row.offset + u64::from(row.length);
                    if bytes.last() != Some(&b'\n') {
                        bytes.push(b'\n');
                    }
                    if taken > 0 {
                        also.push(base.saturating_add(row.number));
                    }
                    taken += 1;
                }
                rest = rest.get(taken..).unwrap_or_default();
                let shape = damaged.get(&first.number).copied().unwrap_or(Shape::Rows);
                let place = places.partition_point(|(_, spool)| *spool <= first.offset).checked_sub(1);
                let offset = place.and_then(|i| places.get(i)).map_or(0, |(text, spool)| text + first.offset - spool);
                self.sink.give_rows(Slice {
                    bytes: bytes.trim_ascii_end(),
                    offset,
                    position: base.saturating_add(first.number),
                    shape,
                    also: &also,
                    table: Some(&self.table),
                });
                if self.sink.stopped {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What a row has in common with the others of its contract; `None` without identity.
    fn key(&self, bytes: &[u8]) -> Option<u64> {
        let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Into::into);
        let row = cells(&text, self.table.delimiter, false);
        let cell = |wanted| {
            let text = self.table.index(wanted).and_then(|i| row.get(i)).map(|c| c.text.trim());
            text.filter(|t| !t.is_empty())
        };
        let mut hash = Xxh3::new();
        match (cell(Target::Field("uid")), cell(Target::Inside("acheteur", "id")), cell(Target::Field("id"))) {
            (Some(uid), ..) => hash.update(uid.as_bytes()),
            (None, Some(buyer), Some(id)) => {
                hash.update(buyer.as_bytes());
                hash.update(&[0x1F]);
                hash.update(id.as_bytes());
            }
            _ => return None,
        }
        if self.table.index(Target::State).is_none() {
            for (column, cell) in self.table.columns.iter().zip(&row) {
                let of_contract =
                    !matches!(column.target, Target::Holder(..) | Target::Modification(_) | Target::NewHolder(_));
                if of_contract && !column.header.to_ascii_lowercase().starts_with("titulaire") {
                    hash.update(&[0x1E]);
                    hash.update(cell.text.trim().as_bytes());
                }
            }
        }
        Some(hash.digest())
    }
}

/// The row at `at`, as far as it is held.
fn held<'w, R: Read>(long: &'w Option<Vec<u8>>, window: &'w Window<R>, at: u64, length: usize) -> &'w [u8] {
    long.as_deref().unwrap_or_else(|| window.slice(at, at + length as u64))
}

/// Whether a line after the first one has as many cells as the header.
fn more_rows(text: &[u8], delimiter: u8, expected: usize) -> bool {
    let lines = text.split(|b| *b == b'\n').skip(1);
    lines.into_iter().any(|l| memchr::memchr_iter(delimiter, l).count() + 1 == expected)
}

/// Puts the rows of each contract together, contracts in the order of their first rows, and replaces
/// each key by the number of that first row.
fn group(index: &mut [Row]) {
    index.sort_unstable_by_key(|r| (r.key, r.number));
    let mut previous = None;
    for row in index.iter_mut() {
        let first = match previous {
            Some((key, first)) if key == row.key => first,
            _ => row.number,
        };
        previous = Some((row.key, first));
        row.key = u64::from(first);
    }
    index.sort_unstable_by_key(|r| (r.key, r.number));
}
