//! A sliding view on a text that streams: what a splitter looks through.
//!
//! In: a [`Text`]. Out: slices of it by absolute offset. Holds the bytes from a little before the one that
//! the splitter keeps (the start of the current record) to the last one read, and no more: memory is
//! bounded by how far the splitter lets the two drift apart. Knows no format.

use std::io::{self, Read};

use super::text::Text;

/// How much is asked of the input at a time.
const CHUNK: usize = 256 * 1024;

/// So much before what is kept is held too: whoever looks for a record after damage asks what stands
/// before it, and the answer must not depend on how the text came.
pub(super) const BEFORE: u64 = 512;

pub(super) struct Window<R> {
    text: Text<R>,
    buffer: Vec<u8>,
    /// How much of `buffer` holds text.
    filled: usize,
    /// Absolute offset of `buffer[0]`.
    base: u64,
    /// Nothing before this offset is needed any more, but [`BEFORE`].
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
        let gone = self.index(self.keep.saturating_sub(BEFORE)).min(self.filled);
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

    /// Whether everything from `at` on is still held.
    pub fn keeps(&self, at: u64) -> bool {
        self.keep <= at
    }

    /// Lets go of what stands more than `most` bytes before `at`, and of all before `at` with it: white space
    /// or a text without end must not be held for what began before it.
    pub fn let_go(&mut self, at: u64, most: usize) {
        if at.saturating_sub(self.keep) > most as u64 {
            self.keep_from(at);
        }
    }

    /// The first byte from `from` on that is no white space (nor a record separator), if it is one of the next
    /// `most`. What is looked at is held.
    pub fn ahead(&mut self, from: u64, most: usize) -> io::Result<Ahead> {
        let (mut seen, mut look) = (0, 64.min(most));
        loop {
            let more = self.ensure(from, look)?;
            let text = self.slice(from + seen as u64, from + look as u64);
            if let Some((i, b)) = text.iter().enumerate().find(|(_, b)| !is_space(**b)) {
                return Ok(Ahead::Byte(from + (seen + i) as u64, *b));
            }
            match more {
                false => return Ok(Ahead::End),
                true if look >= most => return Ok(Ahead::Far),
                true => (seen, look) = (look, (look * 4).min(most)),
            }
        }
    }
}

/// What follows white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// A byte, and its offset.
    Byte(u64, u8),
    /// More white space than was looked at.
    Far,
    /// The end of the text.
    End,
}

/// White space between values: that of JSON, and the separators of record streams.
pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0x1E | 0x0C | 0x0B | 0)
}
