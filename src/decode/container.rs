//! What a payload is packed in: gzip, zstd, zip, one inside another.
//!
//! In: bytes as received. Out: each document inside, one after another, as a stream. Nothing is
//! written under a name that the payload gives: a zip is spooled to a nameless temporary file and
//! read by its index, an entry at a time. Memory: one buffer a level. Guards: total bytes unpacked,
//! ratio, depth, number of entries. Packed data that break off give what could be unpacked, and say
//! so. Knows nothing of what the documents hold.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use super::NotData;

/// Containers inside containers that are followed.
const MAX_LEVELS: u32 = 3;
/// Entries of one archive that are looked at.
const MAX_ENTRIES: u64 = 100_000;
/// The ratio counts from here on: a small file may pack very well.
const RATIO_FLOOR: u64 = 16 << 20;

/// What bytes are packed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Zip,
}

/// The packing of a payload that begins with these bytes.
pub(super) fn packing(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1F, 0x8B, 8, ..] => Some(Packing::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Packing::Zstd),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Packing::Zip),
        _ => None,
    }
}

/// What unpacking a payload is allowed, and what it came to.
pub(super) struct Limits {
    /// Most bytes unpacked, of all levels together.
    pub max_bytes: u64,
    /// Most bytes unpacked for each byte received.
    pub max_ratio: u64,
    received: Cell<u64>,
    unpacked: Cell<u64>,
    /// A limit was passed.
    over: Cell<bool>,
    /// The input itself could not be read.
    failed: Cell<bool>,
    /// Packed data broke off, or made no sense.
    broken: RefCell<Option<String>>,
}

impl Limits {
    pub fn new(max_bytes: u64, max_ratio: u64) -> Self {
        Self {
            max_bytes,
            max_ratio: max_ratio.max(1),
            received: Cell::new(0),
            unpacked: Cell::new(0),
            over: Cell::new(false),
            failed: Cell::new(false),
            broken: RefCell::new(None),
        }
    }

    /// Why the packed data broke off, where they did since the last call.
    pub fn take_broken(&self) -> Option<String> {
        self.broken.borrow_mut().take()
    }

    fn too_large(&self) -> NotData {
        NotData::TooLarge { unpacked: self.unpacked.get(), received: self.received.get() }
    }
}

/// The input as received, counted.
struct Received<'l, R> {
    input: R,
    limits: &'l Limits,
}

impl<R: Read> Read for Received<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.input.read(out) {
            Ok(n) => {
                self.limits.received.set(self.limits.received.get() + n as u64);
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => {
                self.limits.failed.set(true);
                Err(e)
            }
        }
    }
}

/// Unpacked bytes, counted; where they break off, they end.
struct Unpacked<'l, R> {
    input: R,
    limits: &'l Limits,
    what: &'static str,
    ended: bool,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let l = self.limits;
        match self.input.read(out) {
            Ok(n) => {
                let unpacked = l.unpacked.get() + n as u64;
                l.unpacked.set(unpacked);
                if unpacked > l.max_bytes || unpacked > RATIO_FLOOR && unpacked / l.received.get().max(1) > l.max_ratio
                {
                    l.over.set(true);
                    return Err(io::Error::other("more is packed in the payload than is allowed"));
                }
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted || l.failed.get() || l.over.get() => Err(e),
            Err(e) => {
                self.ended = true;
                l.broken.borrow_mut().get_or_insert_with(|| format!("the {} data ({e})", self.what));
                Ok(0)
            }
        }
    }
}

/// The members of gzip data, one after another; what follows the last one is padding, or nothing of
/// ours.
struct Members<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            if rest.fill_buf()?.starts_with(&[0x1F]) {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Calls back with each document of the payload, whatever it is packed in. The callback says whether
/// to go on, or why the document is no data: where no document is, the first of these reasons is
/// the answer.
pub(super) fn documents(
    input: &mut dyn Read,
    limits: &Limits,
    each: &mut dyn FnMut(&mut dyn Read) -> Result<bool, NotData>,
) -> Result<bool, NotData> {
    let mut received = Received { input, limits };
    level(&mut received, limits, 0, each)
}

fn level(
    input: &mut dyn Read,
    limits: &Limits,
    depth: u32,
    each: &mut dyn FnMut(&mut dyn Read) -> Result<bool, NotData>,
) -> Result<bool, NotData> {
    let mut head = [0; 4];
    let mut n = 0;
    while let Some(room) = head.get_mut(n..).filter(|r| !r.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) if limits.over.get() => return Err(limits.too_large()),
            Err(e) => return Err(NotData::Read(e)),
        }
    }
    let head = head.get(..n).unwrap_or_default();
    let mut input = head.chain(input);
    let result = match packing(head) {
        Some(_) if depth == MAX_LEVELS => {
            return Err(NotData::Packed { why: format!("it is packed more than {MAX_LEVELS} times") });
        }
        Some(Packing::Gzip) => {
            let input = Members { member: Some(GzDecoder::new(BufReader::with_capacity(64 * 1024, input))) };
            level(&mut unpacked(input, limits, "gzip"), limits, depth + 1, each)
        }
        Some(Packing::Zstd) => {
            let input = zstd::stream::read::Decoder::new(input).map_err(NotData::Read)?;
            level(&mut unpacked(input, limits, "zstd"), limits, depth + 1, each)
        }
        Some(Packing::Zip) => zip(&mut input, limits, depth, each),
        None => each(&mut input),
    };
    match result {
        Err(NotData::Read(_)) if limits.over.get() => Err(limits.too_large()),
        other => other,
    }
}

fn unpacked<'l, R: Read>(input: R, limits: &'l Limits, what: &'static str) -> Unpacked<'l, R> {
    Unpacked { input, limits, what, ended: false }
}

/// The entries of a zip archive in the order of its index.
fn zip(
    input: &mut dyn Read,
    limits: &Limits,
    depth: u32,
    each: &mut dyn FnMut(&mut dyn Read) -> Result<bool, NotData>,
) -> Result<bool, NotData> {
    let mut file = tempfile::tempfile().map_err(NotData::Read)?;
    let size = io::copy(&mut input.take(limits.max_bytes.saturating_add(1)), &mut file).map_err(NotData::Read)?;
    if size > limits.max_bytes {
        return Err(NotData::TooLarge { unpacked: size, received: limits.received.get() });
    }
    let packed = |why: String| NotData::Packed { why };
    let mut buffer = vec![0; rawzip::RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer)
        .map_err(|e| packed(format!("the archive has no index that can be read ({e}): it is cut or damaged")))?;
    if archive.entries_hint() > MAX_ENTRIES {
        return Err(packed(format!("the archive names {} entries, more than {MAX_ENTRIES}", archive.entries_hint())));
    }
    let (mut data, mut refusal, mut entry_number) = (0_u32, None, 0_u64);
    let mut entries = archive.entries(&mut buffer);
    loop {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(e) => {
                limits.broken.borrow_mut().get_or_insert_with(|| format!("the index of the archive ({e})"));
                break;
            }
        };
        entry_number += 1;
        if entry_number > MAX_ENTRIES {
            return Err(packed(format!("the archive holds more than {MAX_ENTRIES} entries")));
        }
        if entry.is_dir() {
            continue;
        }
        let method = entry.compression_method();
        let result = match archive.get_entry(entry.wayfinder()) {
            Err(e) => Err(packed(format!("entry {entry_number} cannot be found in the archive ({e})"))),
            Ok(found) => match method {
                CompressionMethod::STORE => {
                    let reader = found.verifying_reader(found.reader());
                    level(&mut unpacked(reader, limits, "zip"), limits, depth + 1, each)
                }
                CompressionMethod::DEFLATE => {
                    let reader = found.verifying_reader(flate2::read::DeflateDecoder::new(found.reader()));
                    level(&mut unpacked(reader, limits, "zip"), limits, depth + 1, each)
                }
                other => Err(packed(format!("entry {entry_number} is compressed by {other:?}, which is not read"))),
            },
        };
        match result {
            Ok(true) => data += 1,
            Ok(false) => return Ok(false),
            Err(e @ (NotData::TooLarge { .. } | NotData::Read(_))) => return Err(e),
            Err(e) => {
                // What cannot be unpacked is missing; what is no data never was of ours.
                if let NotData::Packed { why } = &e {
                    limits.broken.borrow_mut().get_or_insert_with(|| why.clone());
                }
                refusal = refusal.or(Some(e));
            }
        }
    }
    match refusal {
        Some(refusal) if data == 0 => Err(refusal),
        None if data == 0 => Err(NotData::Empty),
        _ => Ok(true),
    }
}
