//! decp.parquet: the rows of [`super::tabular`] with typed columns, zstd.
//!
//! Numbers are doubles, as in the national dataset (the exact decimals are in decp.csv); every
//! column may be null. Holds one row group ([`GROUP`] rows), column by column, whatever the size of
//! the file. The bytes depend on the rows only: `created_by` is fixed.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::batch::{Batch, Verdict};
use super::catalog::Catalog;
use super::checksums::Hashing;
use super::compress::sync;
use super::error::PublishError;
use super::format::Writer;
use super::manifest::FileEntry;
use super::tabular::{COLUMNS, Cell, Kind, double, rows};
use crate::record::Day;

/// Name of the file.
pub(super) const PARQUET: &str = "decp.parquet";

/// Rows of a row group: large enough to compress well, small enough to hold.
pub(super) const GROUP: usize = 16 * 1024;

/// The values of one column in the row group that is being gathered, or was read.
pub(super) struct Column {
    kind: Kind,
    /// 1 where the row has a value, 0 where it is null.
    defined: Vec<i16>,
    text: Vec<u8>,
    ends: Vec<usize>,
    integers: Vec<i32>,
    numbers: Vec<f64>,
    booleans: Vec<bool>,
}

/// The format.
pub(super) struct DecpParquet {
    catalog: Arc<Catalog>,
    day: Day,
    columns: Vec<Column>,
    gathered: usize,
    rows: u64,
    writer: SerializedFileWriter<Hashing<BufWriter<File>>>,
    path: PathBuf,
}

impl DecpParquet {
    /// Creates the file in `dir`. `day`: that of the publication, for dureeRestanteMois.
    pub(super) fn create(dir: &Path, catalog: Arc<Catalog>, day: Day) -> Result<Self, PublishError> {
        let path = dir.join(PARQUET);
        let file = File::create_new(&path).map_err(PublishError::io("create", &path))?;
        let out = Hashing::new(BufWriter::with_capacity(64 << 10, file));
        let writer = open(out).map_err(PublishError::parquet(&path))?;
        let columns = COLUMNS.iter().map(|(_, kind)| Column::new(*kind)).collect();
        Ok(Self { catalog, day, columns, gathered: 0, rows: 0, writer, path })
    }

    fn flush(&mut self) -> Result<(), PublishError> {
        if self.gathered == 0 {
            return Ok(());
        }
        write_group(&mut self.writer, &mut self.columns).map_err(PublishError::parquet(&self.path))?;
        self.gathered = 0;
        Ok(())
    }
}

/// Writes what the columns gathered as a row group.
pub(super) fn write_group<W: std::io::Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    columns: &mut [Column],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        column.write(&mut group)?;
    }
    group.close().map(drop)
}

/// Begins a file with the columns of the table.
pub(super) fn open<W: std::io::Write + Send>(out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    let fields = COLUMNS
        .iter()
        .map(|(name, kind)| {
            let (physical, logical) = match kind {
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Integer => (Physical::INT32, None),
                Kind::Number => (Physical::DOUBLE, None),
                Kind::Boolean => (Physical::BOOLEAN, None),
                Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
            };
            let field = Type::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical);
            Ok(Arc::new(field.build()?))
        })
        .collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Type::group_type_builder("decp").with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_created_by("guichet".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        // Statistics of each page would be held for every row group until the file ends.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .build();
    SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
}

impl Column {
    /// An empty one.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            defined: Vec::new(),
            text: Vec::new(),
            ends: Vec::new(),
            integers: Vec::new(),
            numbers: Vec::new(),
            booleans: Vec::new(),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) {
        self.defined.push(i16::from(*cell != Cell::Empty));
        match *cell {
            Cell::Empty => {}
            Cell::Text(text) => {
                self.text.extend_from_slice(text.as_bytes());
                self.ends.push(self.text.len());
            }
            // The schema has no unsigned type that all readers know; no duration comes near.
            Cell::Integer(n) => self.integers.push(i32::try_from(n).unwrap_or(i32::MAX)),
            Cell::Number(n) => self.numbers.push(double(n)),
            Cell::Boolean(b) => self.booleans.push(b),
            Cell::Date(d) => self.integers.push(d.number()),
        }
    }

    /// Reads a column of a row group of such a file.
    pub(super) fn read(kind: Kind, group: &dyn RowGroupReader, n: usize, rows: usize) -> Result<Self, ParquetError> {
        let mut column = Self::new(kind);
        let reader = group.get_column_reader(n)?;
        let defined = &mut column.defined;
        match kind {
            Kind::Text => {
                for value in get::<ByteArrayType>(reader, rows, defined)? {
                    column.text.extend_from_slice(value.data());
                    column.ends.push(column.text.len());
                }
            }
            Kind::Integer | Kind::Date => column.integers = get::<Int32Type>(reader, rows, defined)?,
            Kind::Number => column.numbers = get::<DoubleType>(reader, rows, defined)?,
            Kind::Boolean => column.booleans = get::<BoolType>(reader, rows, defined)?,
        }
        Ok(column)
    }

    /// The 32-bit numbers (days, for a date), row by row.
    pub(super) fn rows_of_integers(&self) -> impl Iterator<Item = Option<i32>> {
        let mut values = self.integers.iter();
        self.defined.iter().map(move |defined| if *defined == 1 { values.next().copied() } else { None })
    }

    /// Appends each row to the column that `to` names for it.
    pub(super) fn scatter(&self, to: &[usize], columns: &mut [&mut Self]) {
        let mut n = 0;
        for (defined, to) in self.defined.iter().zip(to) {
            let Some(column) = columns.get_mut(*to) else { continue };
            column.defined.push(*defined);
            if *defined != 1 {
                continue;
            }
            match self.kind {
                Kind::Text => {
                    let start = if n == 0 { 0 } else { self.ends.get(n - 1).copied().unwrap_or_default() };
                    let end = self.ends.get(n).copied().unwrap_or(start);
                    column.text.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                    let end = column.text.len();
                    column.ends.push(end);
                }
                Kind::Integer | Kind::Date => column.integers.extend(self.integers.get(n)),
                Kind::Number => column.numbers.extend(self.numbers.get(n)),
                Kind::Boolean => column.booleans.extend(self.booleans.get(n)),
            }
            n += 1;
        }
    }

    /// Writes the column and empties it.
    pub(super) fn write<W: std::io::Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self.kind {
            Kind::Text => {
                let text = bytes::Bytes::from(std::mem::take(&mut self.text));
                let mut start = 0;
                let values: Vec<ByteArray> = self
                    .ends
                    .drain(..)
                    .map(|end| ByteArray::from(text.slice(std::mem::replace(&mut start, end)..end)))
                    .collect();
                put::<ByteArrayType, _>(group, &values, &self.defined)?;
            }
            Kind::Integer | Kind::Date => {
                put::<Int32Type, _>(group, &self.integers, &self.defined)?;
            }
            Kind::Number => put::<DoubleType, _>(group, &self.numbers, &self.defined)?,
            Kind::Boolean => put::<BoolType, _>(group, &self.booleans, &self.defined)?,
        }
        self.integers.clear();
        self.numbers.clear();
        self.booleans.clear();
        self.defined.clear();
        Ok(())
    }
}

fn get<T: DataType>(reader: ColumnReader, rows: usize, defined: &mut Vec<i16>) -> Result<Vec<T::T>, ParquetError> {
    if T::get_physical_type() != reader_type(&reader) {
        return Err(ParquetError::General("a column has another type than decp.parquet gives it".to_owned()));
    }
    let mut reader = get_typed_column_reader::<T>(reader);
    let (mut values, mut read) = (Vec::new(), 0);
    while read < rows {
        match reader.read_records(rows - read, Some(defined), None, &mut values)?.0 {
            0 => return Err(ParquetError::General("a column is shorter than its row group".to_owned())),
            n => read += n,
        }
    }
    Ok(values)
}

fn reader_type(reader: &ColumnReader) -> Physical {
    match reader {
        ColumnReader::BoolColumnReader(_) => Physical::BOOLEAN,
        ColumnReader::Int32ColumnReader(_) => Physical::INT32,
        ColumnReader::Int64ColumnReader(_) => Physical::INT64,
        ColumnReader::Int96ColumnReader(_) => Physical::INT96,
        ColumnReader::FloatColumnReader(_) => Physical::FLOAT,
        ColumnReader::DoubleColumnReader(_) => Physical::DOUBLE,
        ColumnReader::ByteArrayColumnReader(_) => Physical::BYTE_ARRAY,
        ColumnReader::FixedLenByteArrayColumnReader(_) => Physical::FIXED_LEN_BYTE_ARRAY,
    }
}

fn put<T: DataType, W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    defined: &[i16],
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the schema has".to_owned()));
    };
    column.typed::<T>().write_batch(values, Some(defined), None)?;
    column.close()
}

impl Writer for DecpParquet {
    fn name(&self) -> &'static str {
        PARQUET
    }
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        for item in batch.items.iter().filter(|i| i.verdict != Verdict::Withdrawn) {
            let (columns, catalog) = (&mut self.columns, &self.catalog);
            let written = rows(item, catalog, self.day, |row| {
                for (column, cell) in columns.iter_mut().zip(row.cells().iter()) {
                    column.push(cell);
                }
                Ok::<_, PublishError>(())
            })?;
            self.rows += written;
            self.gathered += written as usize;
            if self.gathered >= GROUP {
                self.flush()?;
            }
        }
        Ok(())
    }
    fn finish(mut self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        self.flush()?;
        let error = PublishError::parquet(&self.path);
        let (file, sha256, bytes) = self.writer.into_inner().map_err(&error)?.finish();
        sync(file).map_err(PublishError::io("write", &self.path))?;
        Ok(vec![FileEntry { name: PARQUET.to_owned(), sha256, bytes, rows: Some(self.rows) }])
    }
}
