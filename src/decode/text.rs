//! The bytes of a payload as UTF-8 text, whatever encoding they were in.
//!
//! In: bytes as received. Out: the same text in UTF-8, through [`Text::fill`]. The encoding is
//! decided once, from a byte order mark, a declaration that the bytes do not contradict, or the
//! bytes themselves, as soon as they tell: a beginning that is all ASCII decides nothing, the
//! stretch from the first other byte on does. What a label elsewhere says is not asked, unless the
//! caller knows that the payload lies. Text that is already UTF-8 passes
//! untouched, its mark and its damaged bytes included, so that offsets are those of the payload;
//! anything else is transcoded while it streams. Memory: one head of [`HEAD`] bytes and one
//! buffer of the same size. Knows neither JSON nor XML beyond the place of `encoding="…"`.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How much of a payload decides its encoding and its format. Always read whole (or to the end of
/// the payload) before anything is decided, so that the size of network reads changes nothing.
pub(super) const HEAD: usize = 64 * 1024;

/// A payload being read as UTF-8.
pub struct Text<R> {
    input: R,
    /// What was read to decide, and how much of it has been given out.
    head: Vec<u8>,
    taken: usize,
    transcode: Option<Box<Transcoder>>,
    encoding: &'static Encoding,
    /// The encoding that the document declares and that its bytes refute.
    refuted: Option<String>,
    /// Nothing but ASCII so far: what the document declares, to be weighed when more is known.
    undecided: Option<Option<String>>,
}

/// What reading a text told of its encoding.
#[derive(Debug, Clone)]
pub struct Told {
    /// The encoding of the payload's bytes.
    pub encoding: &'static Encoding,
    /// The encoding that the document declares and that its bytes refute.
    pub refuted: Option<String>,
    /// Bytes were met that have no meaning in the encoding (they became U+FFFD).
    pub damaged: bool,
}

struct Transcoder {
    decoder: Decoder,
    source: Vec<u8>,
    /// Bytes of `source` that wait: from, to.
    from: usize,
    to: usize,
    last: bool,
    damaged: bool,
    /// The end of the input has been decoded, too.
    finished: bool,
}

/// Reads until `buffer` is full or the input ends; says how much.
fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while let Some(room) = buffer.get_mut(n..).filter(|r| !r.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

impl<R: Read> Text<R> {
    /// Reads the head and decides, unless `forced` names the encoding.
    ///
    /// # Errors
    /// Only those of the input.
    pub fn open(mut input: R, forced: Option<&'static Encoding>) -> io::Result<Self> {
        let mut head = vec![0; HEAD];
        let n = read_full(&mut input, &mut head)?;
        head.truncate(n);
        let mut text = Self { input, head, taken: 0, transcode: None, encoding: UTF_8, refuted: None, undecided: None };
        let label = declared(&text.head);
        match (forced, Encoding::for_bom(&text.head), wide_without_mark(&text.head)) {
            (Some(encoding), ..) | (None, Some((encoding, _)), _) | (None, None, Some(encoding)) => {
                text.encoding = encoding;
            }
            _ if text.head.is_ascii() => text.undecided = Some(label),
            _ => (text.encoding, text.refuted) = decide(&text.head, label),
        }
        if text.encoding != UTF_8 {
            text.transcode = Some(Box::new(Transcoder::new(text.encoding, text.head.clone())));
            text.taken = text.head.len();
        }
        Ok(text)
    }

    /// The encoding of the payload's bytes.
    pub fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// What is known of the encoding, once the text has been read.
    pub fn told(&self) -> Told {
        let damaged = self.transcode.as_ref().is_some_and(|t| t.damaged);
        Told { encoding: self.encoding, refuted: self.refuted.clone(), damaged }
    }

    /// The first bytes of the payload as they came: what sniffing the container needs.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Puts the next text at the start of `out`, which must hold at least 64 bytes; 0 at the end.
    ///
    /// # Errors
    /// Only those of the input.
    pub fn fill(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.undecided.is_some() {
            let n = self.fill_ascii(out)?;
            if n > 0 || self.undecided.is_some() {
                return Ok(n);
            }
        }
        if let Some(t) = &mut self.transcode {
            return t.fill(&mut self.input, out);
        }
        self.fill_plain(out)
    }

    /// The next text up to the first byte that is not ASCII. 0: such a byte stands there, and the
    /// encoding is decided; or the end.
    fn fill_ascii(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_plain(out)?;
        let read = out.get(..n).unwrap_or_default();
        if read.is_ascii() {
            return Ok(n);
        }
        let ascii = read.iter().position(|b| !b.is_ascii()).unwrap_or(n);
        // What decides is as long as the first head, whatever the sizes of the reads.
        let mut sample = read.get(ascii..).unwrap_or_default().to_vec();
        let held = sample.len();
        sample.resize(held.max(HEAD), 0);
        let more = read_full(&mut self.input, sample.get_mut(held..).unwrap_or_default())?;
        sample.truncate(held + more);
        let label = self.undecided.take().flatten();
        (self.encoding, self.refuted) = decide(sample.get(..HEAD).unwrap_or(&sample), label);
        if self.encoding == UTF_8 {
            (self.head, self.taken) = (sample, 0);
        } else {
            self.transcode = Some(Box::new(Transcoder::new(self.encoding, sample)));
        }
        Ok(ascii)
    }

    fn fill_plain(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(rest) = self.head.get(self.taken..).filter(|r| !r.is_empty()) {
            let n = rest.len().min(out.len());
            if let (Some(to), Some(from)) = (out.get_mut(..n), rest.get(..n)) {
                to.copy_from_slice(from);
            }
            self.taken += n;
            return Ok(n);
        }
        loop {
            match self.input.read(out) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Transcoder {
    fn new(encoding: &'static Encoding, source: Vec<u8>) -> Self {
        Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            from: 0,
            to: source.len(),
            source,
            last: false,
            damaged: false,
            finished: false,
        }
    }

    fn fill(&mut self, input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
        // A decoder that has seen the end must not be asked again.
        while !self.finished {
            if self.from == self.to && !self.last {
                self.source.resize(HEAD, 0);
                self.from = 0;
                self.to = read_full(input, &mut self.source)?;
                self.last = self.to < HEAD;
            }
            let source = self.source.get(self.from..self.to).unwrap_or_default();
            let (result, read, written, lossy) = self.decoder.decode_to_utf8(source, out, self.last);
            self.from += read;
            self.damaged |= lossy;
            self.finished = self.last && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

/// The encoding of a payload that holds these bytes and declares `label`, and the declaration where
/// the bytes refute it.
fn decide(head: &[u8], label: Option<String>) -> (&'static Encoding, Option<String>) {
    let declared = label.as_deref().and_then(|l| Encoding::for_label(l.as_bytes()));
    let (valid, invalid) = multibyte(head);
    let looks_utf8 = invalid == 0 || valid > invalid;
    match declared {
        // A declared single-byte encoding holds unless the bytes are plainly UTF-8.
        Some(e) if e.is_single_byte() && !(looks_utf8 && valid > 0) => (e, None),
        Some(e) if e == UTF_8 && looks_utf8 => (UTF_8, None),
        // `utf-16` in a file that is read byte by byte cannot be true.
        Some(_) if looks_utf8 => (UTF_8, label),
        None if looks_utf8 => (UTF_8, None),
        Some(e) if e != UTF_8 && e != UTF_16LE && e != UTF_16BE => (e, None),
        _ => (guess(head), label),
    }
}

/// A legacy encoding for bytes that are not UTF-8; Western Europe where nothing says otherwise.
fn guess(head: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    let guess = detector.guess(Some(b"fr"), Utf8Detection::Deny);
    if guess.is_single_byte() { guess } else { WINDOWS_1252 }
}

/// UTF-16 that lost its mark: every other byte of an ASCII opening is zero.
fn wide_without_mark(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(UTF_16LE),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// The label of `<?xml … encoding="label"?>`.
fn declared(head: &[u8]) -> Option<String> {
    let start = head.iter().position(|b| !b.is_ascii_whitespace())?;
    let head = head.get(start..)?;
    if !head.starts_with(b"<?xml") {
        return None;
    }
    let end = memchr::memmem::find(head, b"?>")?.min(512);
    let declaration = String::from_utf8_lossy(head.get(..end)?).into_owned();
    let after = declaration.split_once("encoding")?.1.trim_start();
    let value = after.strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(label, _)| label.trim().to_owned())
}

/// How many well-formed multi-byte sequences, and how many damaged ones, the bytes hold. One that
/// the end of the head cuts counts as neither.
fn multibyte(head: &[u8]) -> (usize, usize) {
    let (mut valid, mut invalid) = (0, 0);
    let mut chunks = head.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        valid += chunk.valid().bytes().filter(|b| *b >= 0xC0).count();
        let cut = chunks.peek().is_none() && chunk.invalid().first().is_some_and(|b| *b >= 0xC0);
        if !chunk.invalid().is_empty() && !cut {
            invalid += 1;
        }
    }
    (valid, invalid)
}

/// One record as text: borrowed where it is UTF-8. Damaged bytes become letters of Windows-1252
/// when the record holds no sequence of UTF-8 (it is in that encoding), else U+FFFD.
pub(super) fn utf8(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, Damage) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.into(), Damage::None);
    }
    if multibyte(bytes).0 > 0 {
        return (String::from_utf8_lossy(bytes), Damage::Lossy);
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    (text, Damage::Legacy)
}

/// What [`utf8`] had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Nothing.
    None,
    /// Read as Windows-1252.
    Legacy,
    /// Bytes were lost.
    Lossy,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> (String, &'static Encoding) {
        let mut text = Text::open(bytes, None).unwrap();
        let (mut out, mut buffer) = (Vec::new(), vec![0; 64]);
        loop {
            let n = text.fill(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            out.extend_from_slice(&buffer[..n]);
        }
        (String::from_utf8(out).unwrap(), text.encoding())
    }

    #[test]
    fn latin_1_is_read_by_declaration_and_without_one() {
        let declared = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9t\xe9</a>";
        assert!(all(declared).0.ends_with("<a>été</a>"));
        let bare = b"{\"objet\":\"March\xe9 de t\xe9l\xe9phonie \xe0 l'\x9cuvre\"}";
        assert_eq!(all(bare).0, "{\"objet\":\"Marché de téléphonie à l'œuvre\"}");
    }

    #[test]
    fn a_long_payload_in_another_encoding_is_read_to_its_end_and_not_beyond() {
        let mut long = b"<?xml version=\"1.0\" encoding=\"windows-1252\"?><a>".to_vec();
        long.extend(std::iter::repeat_n(0xe9, HEAD * 2 + 17));
        let text = all(&long).0;
        assert_eq!(text.chars().filter(|c| *c == 'é').count(), HEAD * 2 + 17);
    }

    #[test]
    fn utf_16_is_read_with_a_mark_and_without() {
        let text = "{\"objet\":\"été\"}";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut be = vec![0xFE, 0xFF];
        be.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        assert_eq!(all(&le), (text.to_owned(), UTF_16LE));
        assert_eq!(all(&be), (format!("\u{feff}{text}"), UTF_16BE));
    }

    #[test]
    fn a_declaration_that_the_bytes_refute_is_not_believed() {
        let bytes = "<?xml version='1.0' encoding='utf-16'?><a>été</a>".as_bytes();
        let text = Text::open(bytes, None).unwrap();
        assert_eq!((text.encoding(), text.refuted.as_deref()), (UTF_8, Some("utf-16")));
        let bytes = "<?xml version='1.0' encoding='ISO-8859-1'?><a>été</a>".as_bytes();
        assert_eq!(all(bytes).1, UTF_8);
    }

    #[test]
    fn a_beginning_in_ascii_decides_nothing_however_long() {
        let ascii = "x".repeat(HEAD + 1000);
        for (declared, body, encoding, refuted) in [
            ("ISO-8859-1", "été".as_bytes(), UTF_8, Some("ISO-8859-1")),
            ("ISO-8859-1", b"\xe9t\xe9", WINDOWS_1252, None),
            ("UTF-8", b"\xe9t\xe9 \xe0 l'h\xf4pital", WINDOWS_1252, Some("UTF-8")),
            ("UTF-8", "été".as_bytes(), UTF_8, None),
            ("ISO-8859-1", b"ete", UTF_8, None),
        ] {
            let mut bytes = format!("<?xml version='1.0' encoding='{declared}'?><a>{ascii}").into_bytes();
            bytes.extend_from_slice(body);
            bytes.extend_from_slice(b"</a>");
            let (mut out, mut buffer) = (Vec::new(), vec![0; 100]);
            let mut text = Text::open(&bytes[..], None).unwrap();
            while let n @ 1.. = text.fill(&mut buffer).unwrap() {
                out.extend_from_slice(&buffer[..n]);
            }
            assert_eq!((text.encoding(), text.refuted.as_deref()), (encoding, refuted), "{declared} {body:?}");
            let end = String::from_utf8(out).unwrap();
            assert!(end.ends_with("été</a>") || end.ends_with("été à l'hôpital</a>") || end.ends_with("ete</a>"));
        }
    }

    #[test]
    fn an_encoding_that_the_caller_knows_is_not_judged() {
        let mut text = Text::open("été".as_bytes(), Some(WINDOWS_1252)).unwrap();
        let mut buffer = vec![0; 64];
        let n = text.fill(&mut buffer).unwrap();
        assert_eq!(std::str::from_utf8(&buffer[..n]), Ok("Ã©tÃ©"));
    }

    #[test]
    fn one_damaged_byte_does_not_make_a_utf_8_file_latin_1() {
        let bytes = b"{\"a\":\"\xc3\xa9t\xc3\xa9 \xc3\"}";
        let mut text = Text::open(&bytes[..], None).unwrap();
        let mut buffer = vec![0; 64];
        let n = text.fill(&mut buffer).unwrap();
        assert_eq!((text.encoding(), &buffer[..n]), (UTF_8, &bytes[..]));
    }

    #[test]
    fn a_record_in_windows_1252_among_utf_8_ones_is_read() {
        assert_eq!(utf8(b"caf\xe9"), ("café".into(), Damage::Legacy));
        assert_eq!(utf8(b"caf\xc3\xa9 \xc3"), ("café \u{fffd}".into(), Damage::Lossy));
    }
}
