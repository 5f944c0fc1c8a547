//! Where a body lands: counted, judged by its first bytes, hashed, and handed on.
//!
//! In: decoded bytes in any steps. Out: the sha256 and length of the whole, and the writer that
//! kept it; or the fault that ended it early (too large, a bomb, a web page, nothing at all).
//! Memory: the first kilobyte. Knows no format beyond "this is a web page".

use std::io::{self, Write};

use sha2::Digest;

use super::archive::Sha256;
use super::fault::FetchFault;

/// Decoded bytes before the ratio is judged: small files of spaces compress beyond any ratio.
const RATIO_FROM: u64 = 10 * 1024 * 1024;

/// Bytes looked at to tell a web page from data.
const HEAD: usize = 1024;

/// The limits one body is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) max_bytes: u64,
    pub(super) max_ratio: u64,
    /// Whether a web page and an empty body are faults.
    pub(super) data_only: bool,
}

/// What a body came to.
pub(super) struct Landed<K> {
    pub(super) keep: K,
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
}

/// A writer that judges what passes through it into `K`. Its errors are [`FetchFault`]s.
pub(super) struct Landing<K> {
    keep: K,
    bounds: Bounds,
    hasher: sha2::Sha256,
    /// Bytes as sent, so far.
    wire: u64,
    bytes: u64,
    head: Vec<u8>,
    judged: bool,
}

impl<K: Write> Landing<K> {
    pub(super) fn new(keep: K, bounds: Bounds) -> Self {
        let judged = !bounds.data_only;
        Self { keep, bounds, hasher: sha2::Sha256::new(), wire: 0, bytes: 0, head: Vec::new(), judged }
    }

    /// Notes that `n` more bytes arrived, before they are decoded.
    pub(super) fn arrived(&mut self, n: usize) {
        self.wire += n as u64;
    }

    fn check(&mut self, piece: &[u8]) -> Result<(), FetchFault> {
        let Bounds { max_bytes, max_ratio, .. } = self.bounds;
        self.bytes += piece.len() as u64;
        if self.bytes > max_bytes {
            return Err(FetchFault::TooLarge { limit: max_bytes });
        }
        if self.bytes > RATIO_FROM && self.bytes > self.wire.saturating_mul(max_ratio) {
            return Err(FetchFault::Bomb { wire: self.wire, decoded: self.bytes, limit: max_ratio });
        }
        if !self.judged {
            self.head.extend(piece.iter().take(HEAD - self.head.len()));
            if self.head.len() == HEAD {
                self.judge()?;
            }
        }
        Ok(())
    }

    fn judge(&mut self) -> Result<(), FetchFault> {
        self.judged = true;
        match web_page(&self.head) {
            Some(start) => Err(FetchFault::Html(start)),
            None => Ok(()),
        }
    }

    /// The end of the body, which must have been something.
    pub(super) fn finish(mut self) -> Result<Landed<K>, FetchFault> {
        if self.bounds.data_only && self.bytes <= HEAD as u64 && visible(&self.head).is_empty() {
            return Err(FetchFault::Empty);
        }
        if !self.judged {
            self.judge()?;
        }
        Ok(Landed { keep: self.keep, sha256: self.hasher.into(), bytes: self.bytes })
    }
}

impl<K: Write> Write for Landing<K> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.check(piece).map_err(FetchFault::into_io)?;
        self.hasher.update(piece);
        self.keep.write_all(piece)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.keep.flush()
    }
}

/// What is left after a byte order mark and white space.
fn visible(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.trim_ascii_start()
}

/// The start of the page, when `head` begins one: an XML declaration and comments may come first.
fn web_page(head: &[u8]) -> Option<String> {
    let mut rest = visible(head);
    loop {
        let end: &[u8] = match rest {
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'?', ..] => b"?>",
            _ => break,
        };
        let at = memchr::memmem::find(rest, end)?;
        rest = rest.get(at + end.len()..)?.trim_ascii_start();
    }
    const PAGES: [&[u8]; 6] = [b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<script"];
    let starts = |word: &&[u8]| {
        let (start, next) = rest.split_at_checked(word.len()).unwrap_or((&[], &[]));
        // `<html>` or `<html lang=…`, not `<headers>`.
        start.eq_ignore_ascii_case(word) && !next.first().is_some_and(u8::is_ascii_alphanumeric)
    };
    PAGES.iter().any(starts).then(|| {
        let text = String::from_utf8_lossy(rest.get(..80).unwrap_or(rest)).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { max_bytes: 100_000_000, max_ratio: 200, data_only: true };

    fn land(pieces: &[&[u8]]) -> Result<u64, FetchFault> {
        let mut landing = Landing::new(io::sink(), BOUNDS);
        for piece in pieces {
            landing.arrived(piece.len());
            landing.write_all(piece).map_err(|e| FetchFault::from_io(e, |e| FetchFault::disk("test", e)))?;
        }
        landing.finish().map(|l| l.bytes)
    }

    #[test]
    fn a_web_page_is_known_by_its_first_bytes_whatever_stands_before_them() {
        for page in [
            "<!DOCTYPE html><html>",
            "\u{feff}\n  <HTML lang=\"fr\">",
            "<?xml version=\"1.0\"?>\n<!-- x --><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\">",
            "<html>",
            "<script>location='/login'</script>",
        ] {
            assert!(matches!(land(&[page.as_bytes()]), Err(FetchFault::Html(_))), "{page}");
            let drops: Vec<&[u8]> = page.as_bytes().chunks(1).collect();
            assert!(matches!(land(&drops), Err(FetchFault::Html(_))), "{page}");
        }
        for data in ["{\"html\": \"<html>\"}", "<marches>", "<headers/>", "id;objet", "<?xml version='1.0'?><marches/>"]
        {
            assert_eq!(land(&[data.as_bytes()]).unwrap(), data.len() as u64, "{data}");
        }
    }

    #[test]
    fn a_body_without_a_visible_byte_is_empty() {
        for nothing in ["", " \r\n\t", "\u{feff}", "\u{feff}\n"] {
            assert!(matches!(land(&[nothing.as_bytes()]), Err(FetchFault::Empty)), "{nothing:?}");
        }
    }

    #[test]
    fn the_ratio_is_judged_beyond_ten_mebibytes_only() {
        let mut landing = Landing::new(io::sink(), BOUNDS);
        landing.arrived(1000);
        let piece = vec![b'['; 1024 * 1024];
        for _ in 0..10 {
            landing.write_all(&piece).unwrap();
        }
        assert!(landing.write_all(&piece).is_err());
    }
}
