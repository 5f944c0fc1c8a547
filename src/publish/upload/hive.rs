//! decp.parquet, laid out by year: `annee=2024/decp.parquet`, as DuckDB, Polars, Spark and Arrow read a
//! folder of partitions in place.
//!
//! In: the file of a publication. Out: one file for each year of dateNotification, with the same columns
//! and the rows in the same order, and one for the rows without such a year. Memory: two row groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;

use super::super::checksums::Hashing;
use super::super::decp_parquet::{Column, GROUP, PARQUET, open, write_group};
use super::super::error::PublishError;
use super::super::tabular::COLUMNS;
use super::bucket::Content;
use crate::record::Day;

/// The folder of the layout in the bucket.
pub(super) const HIVE: &str = "decp/";
/// What readers of partitions take for null.
const NO_YEAR: &str = "__HIVE_DEFAULT_PARTITION__";
/// Years that a notification can have; what a slip of a key made of the date is no partition of its own.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2100;
/// Rows that are held in all: many years come in turns.
const HELD: usize = 2 * GROUP;

/// One file of the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Its key.
    pub(super) key: String,
    /// Where it stands until it is sent.
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) rows: u64,
}

/// A partition that is being written.
struct Part {
    columns: Vec<Column>,
    held: usize,
    rows: u64,
    writer: SerializedFileWriter<Hashing<BufWriter<File>>>,
    path: PathBuf,
    key: String,
}

/// Whether a key is one of the layout.
pub(super) fn is_partition(key: &str) -> bool {
    key.strip_prefix(HIVE).and_then(|rest| rest.strip_prefix("annee=")).is_some_and(|rest| {
        rest.strip_suffix("/decp.parquet")
            .is_some_and(|year| year == NO_YEAR || (!year.is_empty() && year.bytes().all(|b| b.is_ascii_digit())))
    })
}

/// Lays the decp.parquet of `dir` out in the folder `into`.
pub(super) fn split(dir: &Path, into: &Path) -> Result<Vec<Partition>, PublishError> {
    let path = dir.join(PARQUET);
    let error = PublishError::parquet(&path);
    let file = File::open(&path).map_err(PublishError::io("open", &path))?;
    let reader = SerializedFileReader::new(file).map_err(&error)?;
    let mut layout = Layout { into, slots: BTreeMap::new(), parts: Vec::new() };
    let day = COLUMNS.iter().position(|(name, _)| *name == "dateNotification").unwrap_or_default();
    if reader.metadata().file_metadata().schema_descr().num_columns() != COLUMNS.len() {
        return Err(error(ParquetError::General("it has other columns than this version writes".to_owned())));
    }
    for n in 0..reader.num_row_groups() {
        let group = reader.get_row_group(n).map_err(&error)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        let read = |c: usize| Column::read(COLUMNS[c].1, group.as_ref(), c, rows).map_err(&error);
        let mut to = Vec::with_capacity(rows);
        for number in read(day)?.rows_of_integers() {
            to.push(layout.slot(number.and_then(year))?);
        }
        for c in 0..COLUMNS.len() {
            let column = read(c)?;
            let mut columns: Vec<&mut Column> = layout.parts.iter_mut().filter_map(|p| p.columns.get_mut(c)).collect();
            column.scatter(&to, &mut columns);
        }
        layout.count(&to);
        layout.relieve()?;
    }
    layout.finish()
}

fn year(number: i32) -> Option<i16> {
    Day::from_number(number).map(|d| d.year()).filter(|y| YEARS.contains(y))
}

struct Layout<'a> {
    into: &'a Path,
    slots: BTreeMap<Option<i16>, usize>,
    parts: Vec<Part>,
}

impl Layout<'_> {
    /// Which part takes the rows of a year.
    fn slot(&mut self, year: Option<i16>) -> Result<usize, PublishError> {
        if let Some(slot) = self.slots.get(&year) {
            return Ok(*slot);
        }
        let name = year.map_or_else(|| NO_YEAR.to_owned(), |y| y.to_string());
        let path = self.into.join(format!("{name}.parquet"));
        let file = File::create_new(&path).map_err(PublishError::io("create", &path))?;
        let out = Hashing::new(BufWriter::with_capacity(64 << 10, file));
        let writer = open(out).map_err(PublishError::parquet(&path))?;
        let columns = COLUMNS.iter().map(|(_, kind)| Column::new(*kind)).collect();
        let key = format!("{HIVE}annee={name}/{PARQUET}");
        self.parts.push(Part { columns, held: 0, rows: 0, writer, path, key });
        self.slots.insert(year, self.parts.len() - 1);
        Ok(self.parts.len() - 1)
    }

    fn count(&mut self, to: &[usize]) {
        for slot in to {
            if let Some(part) = self.parts.get_mut(*slot) {
                part.held += 1;
                part.rows += 1;
            }
        }
    }

    /// Writes the largest parts until few enough rows are held.
    fn relieve(&mut self) -> Result<(), PublishError> {
        while self.parts.iter().map(|p| p.held).sum::<usize>() > HELD {
            let Some(part) = self.parts.iter_mut().max_by_key(|p| p.held) else { break };
            part.flush()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Partition>, PublishError> {
        let mut done = Vec::new();
        for mut part in self.parts {
            part.flush()?;
            let error = PublishError::parquet(&part.path);
            let (out, sha256, bytes) = part.writer.into_inner().map_err(error)?.finish();
            out.into_inner().map_err(|e| PublishError::io("write", &part.path)(e.into_error()))?;
            let content = Content { sha256, bytes };
            done.push(Partition { key: part.key, path: part.path, content, rows: part.rows });
        }
        done.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(done)
    }
}

impl Part {
    fn flush(&mut self) -> Result<(), PublishError> {
        if self.held == 0 {
            return Ok(());
        }
        write_group(&mut self.writer, &mut self.columns).map_err(PublishError::parquet(&self.path))?;
        self.held = 0;
        Ok(())
    }
}
