//! A file of an extract: what it is packed in, what format it has, its rows.
//!
//! In: a path; the content tells CSV from Parquet, and gzip, zstd and zip around a CSV. Out: the
//! columns, and each row. Nothing is held but a row and the readers' buffers.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use rawzip::{CompressionMethod, ZipArchive};

use super::columns::{Cells, Columns, Roles};
use super::{RegisterError, csv_rows, parquet_rows};

/// Buffer before a decompressor, bytes.
const BUFFER: usize = 256 << 10;

/// Called with each row; the columns are the same each time.
pub(super) type EachRow<'a> = dyn FnMut(&Columns, &Cells) -> io::Result<()> + 'a;

/// Why a file is not read; the path is added by the caller.
pub(super) enum Fault {
    /// The disk, or packed data that break off.
    Io(io::Error),
    /// The file is no extract.
    Extract(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a file of an extract gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    /// The file.
    pub path: PathBuf,
    /// What it gives.
    pub roles: Roles,
}

/// Looks at a file without reading its rows: whether it can be used, and for what.
///
/// # Errors
/// There is no such file, it is no extract, or a needed column is missing.
pub fn inspect(path: &Path) -> Result<Extract, RegisterError> {
    let columns = read(path, None)?;
    Ok(Extract { path: path.to_owned(), roles: columns.roles })
}

/// Reads a file: with `each` every row, else the header only.
pub(super) fn read(path: &Path, each: Option<&mut EachRow<'_>>) -> Result<Columns, RegisterError> {
    let what = if each.is_some() { "read" } else { "open" };
    let found = open(path).and_then(|file| unpacked(file, each));
    found.map_err(|fault| match fault {
        Fault::Io(source) => RegisterError::io(what, path)(source),
        Fault::Extract(why) => RegisterError::Extract { path: path.to_owned(), why },
    })
}

fn open(path: &Path) -> Result<File, Fault> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(Fault::Extract("it is a folder: name the file in it".to_owned()));
    }
    Ok(file)
}

fn unpacked(mut file: File, each: Option<&mut EachRow<'_>>) -> Result<Columns, Fault> {
    let mut head = [0; 4];
    let mut n = 0;
    while let Some(room) = head.get_mut(n..).filter(|room| !room.is_empty()) {
        match file.read(room)? {
            0 => break,
            read => n += read,
        }
    }
    file.rewind()?;
    match &head {
        b"PAR1" => parquet_rows::read(file, each),
        b"PK\x03\x04" => zip(file, each),
        [0x28, 0xB5, 0x2F, 0xFD] => rows(zstd::stream::read::Decoder::new(file)?, each),
        [0x1F, 0x8B, 8, _] => rows(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file)), each),
        _ => csv_rows::read(file, each),
    }
}

/// What came out of a container: CSV, since Parquet is read by leaps.
fn rows(mut input: impl Read, each: Option<&mut EachRow<'_>>) -> Result<Columns, Fault> {
    let mut head = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut head)?;
    match &*head {
        b"PAR1" => Err(Fault::Extract("it is a packed Parquet file: unpack it first".to_owned())),
        b"PK\x03\x04" | [0x28, 0xB5, 0x2F, 0xFD] | [0x1F, 0x8B, 8, _] => {
            Err(Fault::Extract("it is packed twice: unpack it first".to_owned()))
        }
        _ => csv_rows::read(io::Cursor::new(head).chain(input), each),
    }
}

/// The largest file in a zip archive: Insee's hold one.
fn zip(file: File, each: Option<&mut EachRow<'_>>) -> Result<Columns, Fault> {
    let damaged = |e: rawzip::Error| Fault::Extract(format!("it is no whole zip archive ({e}): fetch it again"));
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(damaged)?;
    let (mut entries, mut largest, mut most) = (archive.entries(&mut buffer), None, 0);
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        let size = entry.uncompressed_size_hint();
        if !entry.is_dir() && (largest.is_none() || size > most) {
            (largest, most) = (Some((entry.wayfinder(), entry.compression_method())), size);
        }
    }
    let Some((place, method)) = largest else {
        return Err(Fault::Extract("the archive is empty".to_owned()));
    };
    let entry = archive.get_entry(place).map_err(damaged)?;
    match method {
        CompressionMethod::STORE => rows(entry.verifying_reader(entry.reader()), each),
        CompressionMethod::DEFLATE => {
            rows(entry.verifying_reader(flate2::read::DeflateDecoder::new(entry.reader())), each)
        }
        other => Err(Fault::Extract(format!("it is compressed by {other:?}, which is not read: unpack it first"))),
    }
}
