//! The rows of an extract in Parquet: only the needed columns are read, a batch at a time.
//!
//! Numbers become text again, with the leading zeros that they lost: some exports write a SIRET as
//! an integer. Memory: a page and a batch ([`BATCH`] rows) of each needed column.

use std::fs::File;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::columns::{Cells, Col, Columns};
use super::extract::{EachRow, Fault};

/// Rows of a batch.
const BATCH: usize = 2048;

/// Reads the header, and with `each` every row.
pub(super) fn read(file: File, each: Option<&mut EachRow<'_>>) -> Result<Columns, Fault> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<String> = schema.columns().iter().map(|c| c.path().string()).collect();
    let columns = Columns::find(&names).map_err(Fault::Extract)?;
    for (place, ..) in columns.iter() {
        if schema.column(place).max_rep_level() > 0 || schema.column(place).max_def_level() > 1 {
            let name = schema.column(place).name().to_owned();
            return Err(Fault::Extract(format!("its column `{name}` is a list, not a value a row")));
        }
    }
    let Some(each) = each else { return Ok(columns) };
    let mut cells = Cells::default();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        let mut readers = columns
            .iter()
            .map(|(place, col, digits)| {
                let optional = schema.column(place).max_def_level() > 0;
                Column::new(group.get_column_reader(place)?, col, digits, optional)
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let mut left = rows;
        while left > 0 {
            let batch = left.min(BATCH);
            for column in &mut readers {
                column.read(batch)?;
            }
            for row in 0..batch {
                cells.clear();
                for column in &mut readers {
                    column.put(row, &mut cells);
                }
                each(&columns, &cells)?;
            }
            left -= batch;
        }
    }
    Ok(columns)
}

impl From<ParquetError> for Fault {
    fn from(error: ParquetError) -> Self {
        Self::Extract(format!("it is no Parquet file that can be read ({error}): fetch it again"))
    }
}

/// One column of a row group, and the batch of it that was read.
struct Column {
    reader: ColumnReader,
    col: Col,
    /// Digits that a number is filled up to; 0: none.
    digits: usize,
    optional: bool,
    /// 1 where a row has a value.
    defined: Vec<i16>,
    values: Values,
    /// The next value.
    next: usize,
    /// Where a number is written.
    text: String,
}

/// The values of a batch.
enum Values {
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
}

impl Column {
    fn new(reader: ColumnReader, col: Col, digits: usize, optional: bool) -> Result<Self, Fault> {
        let values = match &reader {
            ColumnReader::ByteArrayColumnReader(_) => Values::Bytes(Vec::new()),
            ColumnReader::FixedLenByteArrayColumnReader(_) => Values::Fixed(Vec::new()),
            ColumnReader::Int32ColumnReader(_) => Values::Int32(Vec::new()),
            ColumnReader::Int64ColumnReader(_) => Values::Int64(Vec::new()),
            ColumnReader::DoubleColumnReader(_) => Values::Double(Vec::new()),
            ColumnReader::BoolColumnReader(_) => Values::Boolean(Vec::new()),
            _ => return Err(Fault::Extract("a needed column has a type that holds no identifier".to_owned())),
        };
        Ok(Self { reader, col, digits, optional, defined: Vec::new(), values, next: 0, text: String::new() })
    }

    fn read(&mut self, rows: usize) -> Result<(), Fault> {
        self.defined.clear();
        self.next = 0;
        let defined = self.optional.then_some(&mut self.defined);
        let read = match (&mut self.reader, &mut self.values) {
            (ColumnReader::ByteArrayColumnReader(r), Values::Bytes(v)) => batch(r, rows, defined, v)?,
            (ColumnReader::FixedLenByteArrayColumnReader(r), Values::Fixed(v)) => batch(r, rows, defined, v)?,
            (ColumnReader::Int32ColumnReader(r), Values::Int32(v)) => batch(r, rows, defined, v)?,
            (ColumnReader::Int64ColumnReader(r), Values::Int64(v)) => batch(r, rows, defined, v)?,
            (ColumnReader::DoubleColumnReader(r), Values::Double(v)) => batch(r, rows, defined, v)?,
            (ColumnReader::BoolColumnReader(r), Values::Boolean(v)) => batch(r, rows, defined, v)?,
            _ => 0,
        };
        if read == rows {
            return Ok(());
        }
        Err(Fault::Extract("a column of it has fewer rows than the file says: fetch it again".to_owned()))
    }

    /// Puts the value of a row of the batch into its cell.
    fn put(&mut self, row: usize, cells: &mut Cells) {
        if self.optional && self.defined.get(row) != Some(&1) {
            return;
        }
        let (next, col, digits) = (self.next, self.col, self.digits);
        self.next += 1;
        self.text.clear();
        let text = &mut self.text;
        let number = |n: i64, text: &mut String| {
            use std::fmt::Write as _;
            // Writing into memory cannot fail.
            let _ = write!(text, "{n:0digits$}");
        };
        match &self.values {
            Values::Bytes(v) => return set(cells, col, v.get(next).map(ByteArray::data)),
            Values::Fixed(v) => return set(cells, col, v.get(next).map(|b| b.data())),
            Values::Boolean(v) => text.push_str(if v.get(next) == Some(&true) { "true" } else { "false" }),
            Values::Int32(v) => number(v.get(next).copied().unwrap_or_default().into(), text),
            Values::Int64(v) => number(v.get(next).copied().unwrap_or_default(), text),
            // A SIRET has 14 digits: exact in a double.
            Values::Double(v) => number(v.get(next).copied().unwrap_or_default() as i64, text),
        }
        cells.set(col, &self.text);
    }
}

fn set(cells: &mut Cells, col: Col, bytes: Option<&[u8]>) {
    cells.set(col, &String::from_utf8_lossy(bytes.unwrap_or_default()));
}

/// Reads a batch; says how many rows it got.
fn batch<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    mut defined: Option<&mut Vec<i16>>,
    values: &mut Vec<T::T>,
) -> Result<usize, ParquetError> {
    values.clear();
    let mut got = 0;
    while got < rows {
        let (records, ..) = reader.read_records(rows - got, defined.as_deref_mut(), None, values)?;
        if records == 0 {
            break;
        }
        got += records;
    }
    Ok(got)
}
