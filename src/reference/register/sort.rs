//! Sorting more rows than memory holds: sorted runs on disk, then one merge.
//!
//! In: a SIREN and a few bytes, in any order. Out: the same by SIREN, then by their bytes. Memory:
//! one run while filling; while merging 64 KiB a run, of which there are never more than
//! [`MOST_RUNS`]. Runs are nameless files: nothing stays behind a crash.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Runs that are merged at once; more are merged into one first.
const MOST_RUNS: usize = 128;

/// Buffer of a run while it is read or written, bytes.
const BUFFER: usize = 64 << 10;

/// Entries of a run at most: 12 bytes each beside their own.
const MOST_ENTRIES: usize = 512 << 10;

/// See the file's head.
pub(super) struct Sorter {
    dir: PathBuf,
    run_bytes: usize,
    /// The bytes of the run that is being filled, one entry after another.
    bytes: Vec<u8>,
    /// SIREN, start and length of each.
    entries: Vec<(u32, u32, u32)>,
    runs: Vec<File>,
}

impl Sorter {
    /// Sorts in `dir`, `run_bytes` at a time.
    pub(super) fn new(dir: &Path, run_bytes: usize) -> Self {
        let run_bytes = run_bytes.clamp(1 << 10, 1 << 30);
        Self {
            dir: dir.to_owned(),
            run_bytes,
            bytes: Vec::with_capacity(run_bytes),
            entries: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, siren: u32, bytes: &[u8]) -> io::Result<()> {
        if self.bytes.len() + bytes.len() > self.run_bytes || self.entries.len() >= MOST_ENTRIES {
            self.spill()?;
        }
        let length = u16::try_from(bytes.len()).map_err(|_| io::Error::other("an entry is longer than 64 KiB"))?;
        // Both fit: a run is at most 1 GiB.
        let start = u32::try_from(self.bytes.len()).map_err(io::Error::other)?;
        self.entries.push((siren, start, u32::from(length)));
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the run that was filled.
    fn spill(&mut self) -> io::Result<()> {
        let bytes = &self.bytes;
        let of =
            |start: u32, length: u32| bytes.get(start as usize..start as usize + length as usize).unwrap_or_default();
        self.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| of(a.1, a.2).cmp(of(b.1, b.2))));
        let mut out = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(&self.dir)?);
        for (siren, start, length) in &self.entries {
            write(&mut out, *siren, of(*start, *length))?;
        }
        self.runs.push(rewound(out)?);
        self.bytes.clear();
        self.entries.clear();
        if self.runs.len() >= MOST_RUNS {
            let merged = Merge::new(std::mem::take(&mut self.runs))?;
            let mut out = BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(&self.dir)?);
            for entry in merged {
                let (siren, bytes) = entry?;
                write(&mut out, siren, &bytes)?;
            }
            self.runs.push(rewound(out)?);
        }
        Ok(())
    }

    /// All entries, sorted.
    pub(super) fn finish(mut self) -> io::Result<Merge> {
        self.spill()?;
        Merge::new(self.runs)
    }
}

fn write(out: &mut impl Write, siren: u32, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&siren.to_le_bytes())?;
    out.write_all(&u16::try_from(bytes.len()).unwrap_or_default().to_le_bytes())?;
    out.write_all(bytes)
}

fn rewound(out: BufWriter<File>) -> io::Result<File> {
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// An entry at the head of a run: SIREN, bytes, the run's number.
type Head = Reverse<(u32, Vec<u8>, usize)>;

/// Sorted entries, from several runs.
pub(super) struct Merge {
    runs: Vec<BufReader<File>>,
    heads: BinaryHeap<Head>,
}

impl Merge {
    fn new(files: Vec<File>) -> io::Result<Self> {
        let runs = files.into_iter().map(|file| BufReader::with_capacity(BUFFER, file)).collect();
        let mut merge = Self { runs, heads: BinaryHeap::new() };
        for number in 0..merge.runs.len() {
            merge.refill(number)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, number: usize) -> io::Result<()> {
        let Some(run) = self.runs.get_mut(number) else { return Ok(()) };
        let mut siren = [0; 4];
        match run.read_exact(&mut siren) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let mut length = [0; 2];
        run.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_le_bytes(length))];
        run.read_exact(&mut bytes)?;
        self.heads.push(Reverse((u32::from_le_bytes(siren), bytes, number)));
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = io::Result<(u32, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((siren, bytes, number)) = self.heads.pop()?;
        Some(self.refill(number).map(|()| (siren, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_comes_out_is_what_went_in_sorted(
            mut entries in proptest::collection::vec((0_u32..50, proptest::collection::vec(any::<u8>(), 0..60)), 0..900),
        ) {
            let dir = tempfile::tempdir().unwrap();
            // A kibibyte a run: dozens of runs.
            let mut sorter = Sorter::new(dir.path(), 1 << 10);
            for (siren, bytes) in &entries {
                sorter.push(*siren, bytes).unwrap();
            }
            let got: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
            entries.sort();
            prop_assert_eq!(got, entries);
        }
    }

    #[test]
    fn more_runs_than_are_merged_at_once_are_merged_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path(), 1 << 10);
        for n in 0..300_u32 {
            sorter.push(n * 7 % 300, &[0; 1000]).unwrap();
            assert!(sorter.runs.len() < MOST_RUNS);
        }
        let got: Vec<u32> = sorter.finish().unwrap().map(|e| e.unwrap().0).collect();
        assert_eq!(got, (0..300).collect::<Vec<_>>());
    }
}
