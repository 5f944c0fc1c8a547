//! Content codings: gzip, deflate and zstd taken off while the bytes arrive.
//!
//! In: the response's headers, then pieces of body as sent. Out: decoded bytes pushed into a
//! writer in small steps, so that the writer can stop a bomb before it grows. Memory: one
//! decoder. The decoding is ours, not the HTTP client's, so that both lengths are counted.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

use super::fault::FetchFault;

/// What we say we read.
pub(super) const ACCEPT_ENCODING: &str = "gzip, zstd, deflate";

/// RFC 8878 §3.1.1.1.2 and RFC 9659: a zstd content coding needs no window beyond 8 MiB (2^23).
const ZSTD_WINDOW_LOG: u32 = 23;

/// Output step of the deflate decoder, in bytes: what the others use too.
const STEP: usize = 32 * 1024;

/// One content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

impl Coding {
    /// The one coding that the answer declares. Two, or one we did not ask for, is a fault: stacked
    /// codings serve nobody but bombs.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, FetchFault> {
        let mut found = Self::Identity;
        let mut shown = String::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            for word in text.split(',').map(str::trim).filter(|w| !w.is_empty() && *w != "identity") {
                if !shown.is_empty() {
                    shown.push_str(", ");
                }
                shown.extend(word.escape_debug().take(40));
                found = match (found, word) {
                    (Self::Identity, "gzip" | "x-gzip") => Self::Gzip,
                    (Self::Identity, "deflate") => Self::Deflate,
                    (Self::Identity, "zstd") => Self::Zstd,
                    _ => return Err(FetchFault::Coding(shown)),
                };
            }
        }
        Ok(found)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }
}

/// A decoder that pushes into `W`.
pub(super) enum Decoder<W: Write> {
    Identity(W),
    Gzip(Option<Gzip<W>>),
    Deflate(Deflate<W>),
    Zstd(Box<zstd::stream::write::Decoder<'static, W>>),
}

/// A gzip stream: members one after another.
pub(super) enum Gzip<W: Write> {
    Member(Box<GzDecoder<W>>),
    /// After the last member, whose checksum was right. Some servers pad; what follows is ignored.
    Over(W),
}

/// A deflate stream, with the zlib wrapper that RFC 9110 asks for or without, as some servers send it.
pub(super) struct Deflate<W> {
    inflate: Option<Decompress>,
    over: bool,
    sink: W,
}

impl<W: Write> Decoder<W> {
    pub(super) fn new(coding: Coding, sink: W) -> io::Result<Self> {
        Ok(match coding {
            Coding::Identity => Self::Identity(sink),
            Coding::Gzip => Self::Gzip(Some(Gzip::Member(Box::new(GzDecoder::new(sink))))),
            Coding::Deflate => Self::Deflate(Deflate { inflate: None, over: false, sink }),
            Coding::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(sink)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    /// Decodes one piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(sink) => sink.write_all(piece),
            Self::Zstd(decoder) => decoder.write_all(piece),
            Self::Deflate(deflate) => deflate.feed(piece),
            Self::Gzip(state) => {
                if let Some(gzip) = state.take() {
                    *state = Some(gzip.feed(piece)?);
                }
                Ok(())
            }
        }
    }

    /// Ends the stream; one that is not complete is an error.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Identity(sink) => Ok(sink),
            Self::Zstd(decoder) => decoder.finish(),
            Self::Deflate(deflate) if deflate.over => Ok(deflate.sink),
            Self::Deflate(_) => Err(incomplete()),
            Self::Gzip(Some(Gzip::Over(sink))) => Ok(sink),
            Self::Gzip(Some(Gzip::Member(member))) => member.finish(),
            Self::Gzip(None) => Err(incomplete()),
        }
    }

    /// The sink, while decoding goes on.
    pub(super) fn sink(&mut self) -> Option<&mut W> {
        match self {
            Self::Identity(sink) => Some(sink),
            Self::Deflate(deflate) => Some(&mut deflate.sink),
            Self::Zstd(decoder) => Some(decoder.get_mut()),
            Self::Gzip(Some(Gzip::Over(sink))) => Some(sink),
            Self::Gzip(Some(Gzip::Member(member))) => Some(member.get_mut()),
            Self::Gzip(None) => None,
        }
    }
}

fn incomplete() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before its end")
}

impl<W: Write> Gzip<W> {
    fn feed(self, mut piece: &[u8]) -> io::Result<Self> {
        let mut member = match self {
            Self::Over(_) => return Ok(self),
            Self::Member(member) => member,
        };
        while let Some(first) = piece.first() {
            let n = member.write(piece)?;
            if n > 0 {
                piece = piece.get(n..).unwrap_or_default();
                continue;
            }
            // The member is over; its checksum is verified here.
            let sink = member.finish()?;
            if *first != 0x1f {
                return Ok(Self::Over(sink));
            }
            *member = GzDecoder::new(sink);
        }
        Ok(Self::Member(member))
    }
}

impl<W: Write> Deflate<W> {
    fn feed(&mut self, mut piece: &[u8]) -> io::Result<()> {
        let Some(first) = piece.first() else {
            return Ok(());
        };
        // A zlib stream starts with method 8 and a window of at most 2^15.
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(first & 0x0f == 8 && first >> 4 <= 7));
        let mut out = [0u8; STEP];
        while !self.over {
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(piece, &mut out, FlushDecompress::None)?;
            let n = usize::try_from(inflate.total_out() - written).unwrap_or(STEP);
            let used = usize::try_from(inflate.total_in() - read).unwrap_or(piece.len());
            self.sink.write_all(out.get(..n).unwrap_or(&out))?;
            piece = piece.get(used..).unwrap_or_default();
            self.over = status == Status::StreamEnd;
            if n < STEP && (piece.is_empty() || used == 0) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000).flat_map(|i| format!("{i},").into_bytes()).collect()
    }

    fn packed<E: Write>(mut encoder: E, finish: impl FnOnce(E) -> io::Result<Vec<u8>>) -> Vec<u8> {
        encoder.write_all(&text()).unwrap();
        finish(encoder).unwrap()
    }

    fn gzip() -> Vec<u8> {
        packed(GzEncoder::new(Vec::new(), Compression::fast()), GzEncoder::finish)
    }

    fn decode(coding: Coding, bytes: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding, Vec::new())?;
        for piece in bytes.chunks(step) {
            decoder.feed(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn every_coding_gives_the_same_bytes_however_the_network_cuts_them() {
        let zlib = packed(ZlibEncoder::new(Vec::new(), Compression::fast()), ZlibEncoder::finish);
        let raw = packed(DeflateEncoder::new(Vec::new(), Compression::fast()), DeflateEncoder::finish);
        let zstd = zstd::encode_all(text().as_slice(), 3).unwrap();
        for (coding, bytes) in [
            (Coding::Identity, text()),
            (Coding::Gzip, gzip()),
            (Coding::Deflate, zlib),
            (Coding::Deflate, raw),
            (Coding::Zstd, zstd),
        ] {
            for step in [1, 7, 4096, bytes.len()] {
                assert!(decode(coding, &bytes, step).unwrap() == text(), "{coding:?} by {step}");
            }
            if coding != Coding::Identity {
                for cut in [1, 5, bytes.len() / 2, bytes.len() - 1] {
                    assert!(decode(coding, &bytes[..cut], 512).is_err(), "{coding:?} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn gzip_members_are_joined_and_padding_behind_them_is_ignored() {
        let two = [gzip(), gzip()].concat();
        assert_eq!(decode(Coding::Gzip, &two, 1000).unwrap().len(), 2 * text().len());
        let padded = [gzip(), vec![0; 512]].concat();
        for step in [1, 100, padded.len()] {
            assert!(decode(Coding::Gzip, &padded, step).unwrap() == text());
        }
    }

    #[test]
    fn a_wrong_checksum_or_plain_text_under_gzip_is_an_error() {
        let mut bad = gzip();
        let crc = bad.len() - 8;
        bad[crc] ^= 1;
        assert!(decode(Coding::Gzip, &bad, 100).is_err());
        assert!(decode(Coding::Gzip, b"{\"marches\": []}", 100).is_err());
        assert!(decode(Coding::Zstd, b"{\"marches\": []}", 100).is_err());
    }

    #[test]
    fn stacked_and_unknown_codings_are_refused() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for v in values {
                headers.append(CONTENT_ENCODING, v.parse().unwrap());
            }
            Coding::of(&headers)
        };
        assert_eq!(of(&[]).unwrap(), Coding::Identity);
        assert_eq!(of(&["X-GZIP"]).unwrap(), Coding::Gzip);
        assert_eq!(of(&["identity, zstd"]).unwrap(), Coding::Zstd);
        for bad in [&["gzip, gzip"][..], &["gzip", "deflate"], &["br"], &["zstd, gzip"]] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }
}
