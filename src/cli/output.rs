//! What commands print: a table on a terminal, plain lines elsewhere, JSON when asked.
//!
//! In: values and rows. Out: stdout. Rows are held until the table is drawn; for streams of any
//! length use [`Out::line`]. Texts that come from feeds cannot move the cursor or reorder a line.

use std::io::{self, BufWriter, IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::daemon::exit::Exit;

/// In which shape results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// For people at a terminal.
    Table,
    /// For pipes: one row per line, fields separated by tabs, no header.
    Plain,
    /// One JSON document.
    Json,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    align: CellAlignment,
}

impl Column {
    /// Text.
    pub const fn left(title: &'static str) -> Self {
        Column { title, align: CellAlignment::Left }
    }

    /// Numbers.
    pub const fn right(title: &'static str) -> Self {
        Column { title, align: CellAlignment::Right }
    }
}

/// Why nothing more can be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader has had enough, as `head` does. Not a failure.
    #[error("the reader of the output has gone")]
    Gone,
    /// The output cannot be written.
    #[error("cannot write the output: {0}; check the disk or the file that it goes to")]
    Io(#[source] io::Error),
    /// A value that JSON cannot hold: a fault of ours.
    #[error("cannot write the result as JSON: {0}; this is a fault of guichet, please report it")]
    Json(#[source] serde_json::Error),
}

impl OutputError {
    /// How the command ends: quietly when its reader has gone.
    pub fn exit(&self) -> Exit {
        match self {
            OutputError::Gone => Exit::Done,
            OutputError::Io(_) | OutputError::Json(_) => Exit::Failed,
        }
    }
}

impl From<io::Error> for OutputError {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::BrokenPipe => OutputError::Gone,
            _ => OutputError::Io(cause),
        }
    }
}

/// Where a command prints its results.
#[derive(Debug)]
pub struct Out<W: Write> {
    to: W,
    shape: Shape,
}

impl Out<BufWriter<io::StdoutLock<'static>>> {
    /// Stdout: JSON when asked, a table on a terminal, else plain lines. Buffered: call
    /// [`Out::finish`].
    pub fn stdout(json: bool) -> Self {
        let shape = match (json, io::stdout().is_terminal()) {
            (true, _) => Shape::Json,
            (false, true) => Shape::Table,
            (false, false) => Shape::Plain,
        };
        Out::new(BufWriter::new(io::stdout().lock()), shape)
    }
}

impl<W: Write> Out<W> {
    /// Prints to anything, in a given shape.
    pub fn new(to: W, shape: Shape) -> Self {
        Out { to, shape }
    }

    /// The shape in force.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether a JSON document is wanted.
    pub fn is_json(&self) -> bool {
        self.shape == Shape::Json
    }

    /// One JSON document, indented, ended by a newline.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), OutputError> {
        serde_json::to_writer_pretty(&mut self.to, value).map_err(|error| match error.io_error_kind() {
            Some(io::ErrorKind::BrokenPipe) => OutputError::Gone,
            Some(_) => OutputError::Io(error.into()),
            None => OutputError::Json(error),
        })?;
        Ok(self.to.write_all(b"\n")?)
    }

    /// One line of text.
    pub fn line(&mut self, text: &str) -> Result<(), OutputError> {
        Ok(writeln!(self.to, "{}", clean(text))?)
    }

    /// Bytes as they are, for formats that have a form of their own.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        Ok(self.to.write_all(bytes)?)
    }

    /// Rows under titles on a terminal; elsewhere one tab-separated line each, with no title, so
    /// that `cut` and `awk` need no exception. Draws nothing for no rows.
    pub fn table(
        &mut self,
        columns: &[Column],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), OutputError> {
        let mut rows = rows.into_iter().map(|row| row.iter().map(|cell| clean(cell)).collect::<Vec<_>>());
        if self.shape != Shape::Table {
            return rows.try_for_each(|row| Ok(writeln!(self.to, "{}", row.join("\t"))?));
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(columns.iter().map(|c| Cell::new(c.title).set_alignment(c.align)));
        for row in rows {
            let aligned = columns.iter().map(|c| c.align).chain(std::iter::repeat(CellAlignment::Left));
            table.add_row(row.iter().zip(aligned).map(|(cell, a)| Cell::new(cell).set_alignment(a)));
        }
        if table.row_count() == 0 {
            return Ok(());
        }
        Ok(writeln!(self.to, "{table}")?)
    }

    /// Sends what is still buffered. A full disk shows here at the latest.
    pub fn finish(mut self) -> Result<W, OutputError> {
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Whether progress bars make sense: stderr is a terminal that a person looks at.
pub fn shows_progress() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A size for people: three digits and a unit of 1000, as disks are sold and `du --si` says.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    match unit {
        "B" => format!("{n} B"),
        _ if value < 10.0 => format!("{value:.2} {unit}"),
        _ if value < 100.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// `1 source`, `2 sources`.
pub fn counted(n: impl Into<u64>, one: &str) -> String {
    let n = n.into();
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// An instant as the store keeps it, without fractions of a second: for people.
pub fn instant(text: &str) -> String {
    match (text.split_once('.'), text.ends_with('Z')) {
        (Some((whole, _)), true) => format!("{whole}Z"),
        _ => text.to_owned(),
    }
}

/// A text from anywhere, fit for one line of a terminal: control characters and those that
/// reorder text are shown by their code, line breaks and tabs become spaces.
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => shown.push(' '),
            c if c.is_control() || reorders(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

fn reorders(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [Column::left("source"), Column::right("records")];

    fn drawn(shape: Shape, rows: &[[&str; 2]]) -> String {
        let mut out = Out::new(Vec::new(), shape);
        out.table(&COLUMNS, rows.iter().map(|row| row.map(str::to_owned).to_vec())).unwrap();
        String::from_utf8(out.finish().unwrap()).unwrap()
    }

    #[test]
    fn pipes_get_one_line_per_row_and_no_title() {
        assert_eq!(drawn(Shape::Plain, &[["nimes", "12"], ["albi", "3"]]), "nimes\t12\nalbi\t3\n");
    }

    #[test]
    fn terminals_get_titles_and_numbers_to_the_right() {
        let table = drawn(Shape::Table, &[["nimes", "12"], ["albi", "3"]]);
        assert!(table.contains("source") && table.contains("       3 "), "{table}");
        assert_eq!(drawn(Shape::Table, &[]), "");
    }

    #[test]
    fn a_feed_cannot_write_escape_sequences_to_the_terminal() {
        let hostile = "Travaux\x1b[2J\u{202E}gnirts\nligne\u{9b}";
        let row = drawn(Shape::Plain, &[[hostile, "1"]]);
        assert_eq!(row, "Travaux\\u{1b}[2J\\u{202e}gnirts ligne\\u{9b}\t1\n");
        assert_eq!(clean("Nîmes – école « Jean-Jaurès » 🏫"), "Nîmes – école « Jean-Jaurès » 🏫");
    }

    #[test]
    fn sizes_have_three_digits_and_instants_no_fractions() {
        let sizes = [0, 999, 1000, 12_345, 123_456_789, 5_000_000_000_000].map(bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.00 kB", "12.3 kB", "123 MB", "5.00 TB"]);
        assert_eq!(instant("2026-11-24T03:00:00.123456Z"), "2026-11-24T03:00:00Z");
        assert_eq!(instant("2026-11-24T03:00:00Z"), "2026-11-24T03:00:00Z");
        assert_eq!((counted(1u32, "source"), counted(0u32, "source")), ("1 source".into(), "0 sources".into()));
    }

    #[test]
    fn json_is_one_document_ended_by_a_newline() {
        let mut out = Out::new(Vec::new(), Shape::Json);
        out.json(&serde_json::json!({"id": "nimes"})).unwrap();
        assert_eq!(out.finish().unwrap(), b"{\n  \"id\": \"nimes\"\n}\n");
    }

    struct Closed(io::ErrorKind);
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is() {
        let value = serde_json::json!([1]);
        for (kind, exit) in [(io::ErrorKind::BrokenPipe, Exit::Done), (io::ErrorKind::StorageFull, Exit::Failed)] {
            let out = || Out::new(Closed(kind), Shape::Plain);
            assert_eq!(out().line("x").unwrap_err().exit(), exit);
            assert_eq!(out().json(&value).unwrap_err().exit(), exit);
            assert_eq!(out().bytes(b"x").unwrap_err().exit(), exit);
        }
    }
}
