//! The rows of an extract in CSV: delimiter by its header, UTF-8 (else Windows-1252), BOM or not.
//!
//! Memory: one row, and the buffers of the reader. Knows no container.

use std::io::Read;

use csv::ByteRecord;

use super::columns::{Cells, Columns};
use super::extract::{EachRow, Fault};

/// Buffer of the reader, bytes.
const BUFFER: usize = 256 << 10;

/// A header longer than this is none.
const MOST_HEADER: usize = 64 << 10;

/// Reads the header, and with `each` every row.
pub(super) fn read(mut input: impl Read, each: Option<&mut EachRow<'_>>) -> Result<Columns, Fault> {
    let (header, rest) = header(&mut input)?;
    let delimiter = delimiter(&header);
    let input = std::io::Cursor::new(header).chain(std::io::Cursor::new(rest)).chain(input);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(BUFFER).from_reader(input);
    let names: Vec<String> = {
        let header = reader.byte_headers().map_err(fault)?;
        header.iter().map(|name| text(name).into_owned()).collect()
    };
    let columns = Columns::find(&names).map_err(Fault::Extract)?;
    let Some(each) = each else { return Ok(columns) };
    let places: Vec<_> = columns.iter().collect();
    let (mut record, mut cells) = (ByteRecord::new(), Cells::default());
    while reader.read_byte_record(&mut record).map_err(fault)? {
        cells.clear();
        for (place, col, _) in &places {
            cells.set(*col, &text(record.get(*place).unwrap_or_default()));
        }
        each(&columns, &cells)?;
    }
    Ok(columns)
}

/// The first line, without a BOM, and what was read behind it.
fn header(input: &mut impl Read) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let (mut head, mut chunk) = (Vec::new(), [0; 4096]);
    let end = loop {
        if let Some(at) = head.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            break at;
        }
        if head.len() > MOST_HEADER {
            return Err(Fault::Extract("its first line is no header of a CSV file".to_owned()));
        }
        match input.read(&mut chunk)? {
            0 => break head.len(),
            n => head.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    };
    let rest = head.split_off(end);
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    if head.is_empty() && rest.is_empty() {
        return Err(Fault::Extract("it is empty".to_owned()));
    }
    Ok((head, rest))
}

fn delimiter(header: &[u8]) -> u8 {
    let count = |d: &u8| header.iter().filter(|b| *b == d).count();
    // The last of the best: `,`, as Insee writes it.
    *b"\t;,".iter().max_by_key(|d| count(d)).unwrap_or(&b',')
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

fn fault(error: csv::Error) -> Fault {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => Fault::Io(e),
        other => Fault::Extract(format!("it is no CSV file that can be read ({other:?})")),
    }
}
