//! A sliding view on a text that streams: what a splitter looks through.
//!
//! In: a [`Text`]. Out: slices of it by absolute offset. Holds the bytes from the one that the
//! splitter keeps (the start of the current record) to the last one read, and no more: memory is
//! bounded by how far the splitter lets the two drift apart. Knows no format.

use std::io::{self, Read};

use super::text::Text;

/// How much is asked of the input at a time.
const CHUNK: usize = 256 * 1024;

pub(super) struct Window<R> {
    text: Text<R>,
    buffer: Vec<u8>,
    /// How much of `buffer` holds text.
    filled: usize,
    /// Absolute offset of `buffer[0]`.
    base: u64,
    /// Nothing before this offset is needed any more.
    keep: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub fn new(text: Text<R>) -> Self {
        Self { text, buffer: vec![0; CHUNK], filled: 0, base: 0, keep: 0, ended: false }
    }

    pub fn text(&self) -> &Text<R> {
        &self.text
    }

    /// What has been read from `from` on.
    pub fn bytes(&self, from: u64) -> &[u8] {
        self.buffer.get(self.index(from)..self.filled).unwrap_or_default()
    }

    /// What lies between two offsets, as far as it is held.
    pub fn slice(&self, from: u64, to: u64) -> &[u8] {
        let to = self.index(to).min(self.filled);
        self.buffer.get(self.index(from).min(to)..to).unwrap_or_default()
    }

    fn index(&self, at: u64) -> usize {
        usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// Offset of the end of what has been read.
    pub fn end(&self) -> u64 {
        self.base + self.filled as u64
    }

    /// Lets go of everything before `at`.
    pub fn keep_from(&mut self, at: u64) {
        self.keep = at.max(self.keep).min(self.end());
    }

    /// Reads at least one byte more; false at the end of the text.
    pub fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let gone = self.index(self.keep).min(self.filled);
        // Moving a short rest beats growing; moving a long record again and again does not.
        if gone > 0 && (gone >= self.filled / 2 || self.buffer.len() - self.filled < CHUNK / 4) {
            self.buffer.copy_within(gone..self.filled, 0);
            self.filled -= gone;
            self.base += gone as u64;
        }
        if self.buffer.len() - self.filled < CHUNK / 4 {
            self.buffer.resize(self.buffer.len() + CHUNK, 0);
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let n = self.text.fill(room)?;
        self.filled += n;
        self.ended = n == 0;
        Ok(n > 0)
    }

    /// Makes `n` bytes from `from` available; false when the text ends before.
    pub fn ensure(&mut self, from: u64, n: usize) -> io::Result<bool> {
        while self.bytes(from).len() < n {
            if !self.more()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The byte at `at`; `None` at the end of the text.
    pub fn byte(&mut self, at: u64) -> io::Result<Option<u8>> {
        self.ensure(at, 1)?;
        Ok(self.bytes(at).first().copied())
    }

    /// The first offset from `from` on whose byte is no white space (nor a record separator);
    /// `None` at the end of the text.
    pub fn skip_space(&mut self, mut from: u64) -> io::Result<Option<(u64, u8)>> {
        loop {
            let bytes = self.bytes(from);
            if let Some((i, b)) = bytes.iter().enumerate().find(|(_, b)| !is_space(**b)) {
                return Ok(Some((from + i as u64, *b)));
            }
            from = from.max(self.end());
            if !self.more()? {
                return Ok(None);
            }
        }
    }
}

/// White space between values: that of JSON, and the separators of record streams.
pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0x1E | 0x0C | 0x0B | 0)
}
