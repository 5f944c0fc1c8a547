//! Takes records out of a payload: the same document without them, as well formed as it was.
//!
//! In: a payload, how it is read, which records must go. Out: a nameless file with the payload
//! without them, or nothing when it holds none. A JSON record goes with the comma beside it, an XML
//! record with its element, a contract of a table with all its rows. What is packed comes out
//! unpacked (several documents: as one zip, stored), JSON inside an escaped web page as the JSON
//! alone; every other encoding stays what it was where it can. The result is read again: it must hold
//! exactly the records that were to stay, byte for byte, else [`StripError::Unfit`]. Memory: the places
//! of what goes and one record; the documents lie in nameless files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

use encoding_rs::{EncoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use xxhash_rust::xxh3::Xxh3;

use super::text::Text;
use super::{Dialect, NotData, Sink, Slice, SplitOptions, container, document, html, sniff, split_csv, window};

/// A payload without what had to go.
#[derive(Debug)]
pub struct Stripped {
    /// How many records were taken out.
    pub removed: u64,
    /// What is left, read from its beginning.
    pub file: File,
}

/// Why records cannot be taken out of a payload.
#[derive(Debug, thiserror::Error)]
pub enum StripError {
    /// It cannot be read.
    #[error(transparent)]
    NotData(#[from] NotData),
    /// A temporary file failed.
    #[error("cannot rewrite a payload: {0}; check the free space for temporary files")]
    Io(#[from] io::Error),
    /// What is left does not read as it did before.
    #[error("what is left of the payload does not read as it did before")]
    Unfit,
}

/// Takes out of the payload every record of which `goes` is true.
///
/// # Errors
/// See [`StripError`].
pub fn strip(
    input: impl Read,
    options: &SplitOptions,
    goes: &mut dyn FnMut(&Slice<'_>) -> bool,
) -> Result<Option<Stripped>, StripError> {
    let limits = container::Limits::new(options.max_bytes, options.max_ratio);
    let (mut removed, mut all, mut failed) = (0, All::None, None);
    let mut input = input;
    container::documents(&mut input, &limits, &mut |input| match one(input, options, goes) {
        Ok((n, file)) => {
            removed += n;
            all.add(file).map_err(NotData::Read)?;
            Ok(true)
        }
        Err(StripError::NotData(e)) => Err(e),
        Err(StripError::Io(e)) => Err(NotData::Read(e)),
        Err(other) => {
            failed = Some(other);
            Ok(false)
        }
    })?;
    match failed {
        Some(e) => Err(e),
        None if removed == 0 => Ok(None),
        None => {
            let mut file = all.finish()?;
            file.seek(SeekFrom::Start(0))?;
            Ok(Some(Stripped { removed, file }))
        }
    }
}

/// The documents that are left.
enum All {
    None,
    One(File),
    Several(Box<rawzip::ZipArchiveWriter<BufWriter<File>>>, u32),
}

impl All {
    fn add(&mut self, file: File) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(file),
            Self::One(first) => {
                let mut zip = rawzip::ZipArchiveWriter::new(BufWriter::new(tempfile::tempfile()?));
                entry(&mut zip, 1, first)?;
                entry(&mut zip, 2, file)?;
                Self::Several(Box::new(zip), 2)
            }
            Self::Several(mut zip, n) => {
                entry(&mut zip, n + 1, file)?;
                Self::Several(zip, n + 1)
            }
        };
        Ok(())
    }

    fn finish(self) -> io::Result<File> {
        match self {
            Self::None => tempfile::tempfile(),
            Self::One(file) => Ok(file),
            Self::Several(zip, _) => {
                let out = zip.finish().map_err(io::Error::other)?;
                out.into_inner().map_err(io::IntoInnerError::into_error)
            }
        }
    }
}

fn entry(zip: &mut rawzip::ZipArchiveWriter<BufWriter<File>>, n: u32, mut file: File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let name = format!("{n:06}");
    let (mut entry, config) = zip.new_file(&name).start().map_err(io::Error::other)?;
    let mut writer = config.wrap(&mut entry);
    io::copy(&mut file, &mut writer)?;
    let (_, descriptor) = writer.finish().map_err(io::Error::other)?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    Ok(())
}

/// What stays of a document, as a number: of every record its bytes and what they mean.
#[derive(Default)]
struct Proof(Xxh3);

impl Proof {
    fn add(&mut self, slice: &Slice<'_>) {
        self.0.update(&slice.hash().to_le_bytes());
    }
}

/// One document: how many of its records went, and what is left.
fn one(
    input: &mut dyn Read,
    options: &SplitOptions,
    goes: &mut dyn FnMut(&Slice<'_>) -> bool,
) -> Result<(u64, File), StripError> {
    let mut whole = tempfile::tempfile()?;
    io::copy(input, &mut whole)?;
    let (mut cuts, mut rows, mut proof) = (Vec::new(), BTreeSet::new(), Proof::default());
    let mut removed = 0;
    let split = walk(&mut whole, options, &mut |slice| {
        if !goes(&slice) {
            proof.add(&slice);
        } else {
            removed += 1;
            match slice.table {
                Some(_) => rows.extend(std::iter::once(slice.position).chain(slice.also.iter().copied())),
                None => cuts.push((slice.offset, slice.bytes.len() as u64)),
            }
        }
        ControlFlow::Continue(())
    })?;
    if removed == 0 {
        whole.seek(SeekFrom::Start(0))?;
        return Ok((0, whole));
    }
    if split.dialect == Dialect::DecpCsv {
        let window = window::Window::new(plain(&mut whole, options)?.0);
        split_csv::rows(window, options, &mut |number, at, length| {
            if rows.contains(&number) {
                cuts.push((at, length));
            }
        })?;
    }
    let stays = |file: &mut File| {
        let mut found = Proof::default();
        let again = walk(file, options, &mut |slice| {
            found.add(&slice);
            ControlFlow::Continue(())
        });
        again.is_ok_and(|a| a.dialect == split.dialect) && found.0.digest128() == proof.0.digest128()
    };
    let own = Encoding::for_label(split.encoding.as_bytes()).unwrap_or(UTF_8);
    let forms = [Some((own, false)), options.encoding.is_none().then_some((UTF_8, true))];
    for (encoding, mark) in forms.into_iter().flatten() {
        let mut file = without(&mut whole, options, split.dialect, &cuts, encoding, mark)?;
        if stays(&mut file) {
            file.seek(SeekFrom::Start(0))?;
            return Ok((removed, file));
        }
    }
    // A record that was the whole document leaves nothing but its declaration.
    let mut file = tempfile::tempfile()?;
    file.write_all(empty(split.dialect))?;
    if stays(&mut file) {
        file.seek(SeekFrom::Start(0))?;
        return Ok((removed, file));
    }
    Err(StripError::Unfit)
}

fn walk(
    file: &mut File,
    options: &SplitOptions,
    each: &mut dyn FnMut(Slice<'_>) -> ControlFlow<()>,
) -> Result<super::Split, StripError> {
    file.seek(SeekFrom::Start(0))?;
    let mut sink = Sink { each, records: 0, base: 0, stopped: false };
    Ok(document(&mut BufReader::new(file), options, &mut sink)?)
}

/// The text that the offsets of slices count in; whether it is what an escaped web page held.
fn plain<'f>(file: &'f mut File, options: &SplitOptions) -> io::Result<(Text<Box<dyn Read + 'f>>, bool)> {
    file.seek(SeekFrom::Start(0))?;
    let input: Box<dyn Read + 'f> = Box::new(BufReader::new(file));
    let text = Text::open(input, options.encoding)?;
    let head = sniff::head_text(&text);
    let Err(NotData::Html { .. }) = sniff::sniff(&head, &options.columns) else {
        drop(head);
        return Ok((text, false));
    };
    let Some(html::Embedded::Escaped(at)) = html::embedded(&head) else {
        drop(head);
        return Ok((text, false));
    };
    drop(head);
    let mark = if Encoding::for_bom(text.head()).is_some() { 3 } else { 0 };
    let page: Box<dyn Read + 'f> = Box::new(html::Unescaped::new(text, at + mark));
    Ok((Text::open(page, Some(UTF_8))?, true))
}

/// The document without the cuts, in an encoding; with a mark where the bytes alone would not tell it.
fn without(
    whole: &mut File,
    options: &SplitOptions,
    dialect: Dialect,
    cuts: &[(u64, u64)],
    encoding: &'static Encoding,
    mark: bool,
) -> io::Result<File> {
    let (mut text, unescaped) = plain(whole, options)?;
    let encoding = if unescaped { UTF_8 } else { encoding };
    let mut file = BufWriter::new(tempfile::tempfile()?);
    if mark {
        file.write_all(b"\xEF\xBB\xBF")?;
    }
    let mut out = Joined {
        out: Encoded { out: file, encoding, cut: Vec::new() },
        json: dialect == Dialect::DecpJson,
        held: Vec::new(),
        after_cut: false,
        last: None,
    };
    let mut buffer = vec![0; 64 * 1024];
    let (mut at, mut next, mut first) = (0_u64, 0_usize, true);
    loop {
        let n = text.fill(&mut buffer)?;
        let Some(mut piece) = buffer.get(..n).filter(|p| !p.is_empty()) else { break };
        if std::mem::take(&mut first) && mark && piece.starts_with(b"\xEF\xBB\xBF") {
            piece = piece.get(3..).unwrap_or_default();
            at += 3;
        }
        while !piece.is_empty() {
            let (from, to) = cuts.get(next).map_or((u64::MAX, u64::MAX), |(from, length)| (*from, from + length));
            let inside = at >= from;
            let end = if inside { to } else { from };
            let take = usize::try_from(end - at).unwrap_or(usize::MAX).min(piece.len());
            let (now, later) = piece.split_at(take);
            if !inside {
                out.keep(now)?;
            }
            at += take as u64;
            piece = later;
            if at == to {
                out.cut();
                next += 1;
            }
        }
    }
    out.finish(empty(dialect))?.into_inner().map_err(io::IntoInnerError::into_error)
}

/// A document without any record.
fn empty(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::DecpJson => b"[]",
        Dialect::DecpXml => b"<marches/>",
        Dialect::DecpCsv => b"",
    }
}

/// Joins what is kept: where a JSON record went, one comma beside it goes too.
struct Joined<W: Write> {
    out: Encoded<W>,
    json: bool,
    /// A comma that may have to go, and the white space after it.
    held: Vec<u8>,
    after_cut: bool,
    /// The last byte kept that is no white space; a comma that is held included.
    last: Option<u8>,
}

/// White space held at most after a comma: what is longer is no layout.
const HELD: usize = 64 * 1024;

impl<W: Write> Joined<W> {
    fn cut(&mut self) {
        self.after_cut = true;
    }

    fn keep(&mut self, mut piece: &[u8]) -> io::Result<()> {
        if !self.json {
            self.last = piece.iter().rev().find(|b| !window::is_space(**b)).copied().or(self.last);
            return self.out.write(piece);
        }
        if self.after_cut {
            let solid = piece.iter().position(|b| !window::is_space(*b)).unwrap_or(piece.len());
            let (space, rest) = piece.split_at(solid);
            self.hold_or_write(space)?;
            let Some(b) = rest.first() else { return Ok(()) };
            self.after_cut = false;
            piece = rest;
            match (b, self.last) {
                // `"marche": {…}` was the record.
                (b',' | b'}' | b']', Some(b':')) => self.out.write(b"null")?,
                (b',', _) => piece = rest.get(1..).unwrap_or_default(),
                (b']' | b'}', Some(b',')) => {
                    self.held.drain(..1.min(self.held.len()));
                    self.flush()?;
                }
                _ => {}
            }
        }
        let Some(solid) = piece.iter().rposition(|b| !window::is_space(*b)) else {
            return self.hold_or_write(piece);
        };
        self.last = piece.get(solid).copied();
        self.flush()?;
        if self.last == Some(b',') {
            self.out.write(piece.get(..solid).unwrap_or_default())?;
            self.held.extend_from_slice(piece.get(solid..).unwrap_or_default());
            Ok(())
        } else {
            self.out.write(piece)
        }
    }

    fn hold_or_write(&mut self, space: &[u8]) -> io::Result<()> {
        if self.held.is_empty() {
            return self.out.write(space);
        }
        self.held.extend_from_slice(space);
        if self.held.len() > HELD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.out.write(&held)
    }

    /// Ends the document; one of which nothing is left becomes `empty`.
    fn finish(mut self, empty: &[u8]) -> io::Result<W> {
        if self.after_cut && self.json && self.last == Some(b',') {
            self.held.drain(..1.min(self.held.len()));
        }
        self.flush()?;
        if self.last.is_none() {
            self.out.write(empty)?;
        }
        self.out.flush()
    }
}

/// Writes UTF-8 text in another encoding.
struct Encoded<W: Write> {
    out: W,
    encoding: &'static Encoding,
    /// The beginning of a character that the last piece cut.
    cut: Vec<u8>,
}

impl<W: Write> Encoded<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.encoding == UTF_8 {
            return self.out.write_all(piece);
        }
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(piece);
        let valid = match std::str::from_utf8(&bytes) {
            Ok(text) => text.len(),
            Err(e) => e.valid_up_to(),
        };
        let rest = bytes.split_off(valid);
        self.cut = rest;
        let text = String::from_utf8_lossy(&bytes);
        if self.encoding == UTF_16LE || self.encoding == UTF_16BE {
            let little = self.encoding == UTF_16LE;
            let units = text.encode_utf16().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() });
            return self.out.write_all(&units.collect::<Vec<u8>>());
        }
        let mut encoder = self.encoding.new_encoder();
        let mut rest: &str = &text;
        let mut buffer = vec![0; 16 * 1024];
        while !rest.is_empty() {
            let (result, read, written) = encoder.encode_from_utf8_without_replacement(rest, &mut buffer, false);
            self.out.write_all(buffer.get(..written).unwrap_or_default())?;
            rest = rest.get(read..).unwrap_or_default();
            if let EncoderResult::Unmappable(_) = result {
                self.out.write_all(b"?")?;
            }
        }
        Ok(())
    }

    fn flush(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
#[path = "strip_tests.rs"]
mod tests;
