//! sha256 of what is written, taken while it is written, and the file SHA256SUMS.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::manifest::FileEntry;

/// Passes bytes on and keeps their number and their sha256.
pub(super) struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    /// Starts at nothing.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }
    /// What was written to, the sha256 in lower-case hex, and how many bytes.
    pub(super) fn finish(self) -> (W, String, u64) {
        (self.inner, hex::encode(self.hasher.finalize()), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.hasher.update(buf.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The text of SHA256SUMS, as `sha256sum --check` reads it, sorted by name.
pub(super) fn sums(files: &[FileEntry]) -> String {
    let mut lines: Vec<String> = files.iter().map(|f| format!("{}  {}\n", f.sha256, f.name)).collect();
    lines.sort_by(|a, b| a.get(66..).cmp(&b.get(66..)));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_sha256sum() {
        let mut h = Hashing::new(Vec::new());
        h.write_all(b"ab").unwrap();
        h.write_all(b"c").unwrap();
        let (inner, sum, bytes) = h.finish();
        assert_eq!((inner.as_slice(), bytes), (b"abc".as_slice(), 3));
        assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
