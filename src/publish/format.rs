//! What every writer of a publication is to the pipeline, and the common frame of the text formats.
//!
//! A format is one file of this folder. It sees each contract once, in uid order, holds no more
//! than a buffer, and knows nothing of the other formats. To add one: implement [`TextFormat`]
//! (or [`Writer`], for what is no text), and name it in `pipeline::writers`.

use std::path::Path;

use super::batch::{Batch, Numbered};
use super::error::PublishError;
use super::manifest::FileEntry;
use super::output::Output;

/// Writes one or more files of a publication; lives in a thread of its own.
pub(super) trait Writer: Send {
    /// What it writes, for messages and thread names.
    fn name(&self) -> &'static str;
    /// Takes the next contracts.
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError>;
    /// Ends its files: each is complete and on the disk when this returns.
    fn finish(self: Box<Self>) -> Result<Vec<FileEntry>, PublishError>;
}

/// A text format: turns contracts into bytes.
pub(super) trait TextFormat: Send {
    /// Name of its file.
    const NAME: &'static str;
    /// What stands before the first contract.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Appends one contract, if it stands in this file; says how many rows that made.
    fn contract(&mut self, contract: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError>;
    /// Writes what stands after the last contract.
    fn finish(self, out: &mut Output) -> Result<(), PublishError>;
}

/// Puts a [`TextFormat`] into its file, and into its compressed forms.
pub(super) struct TextFile<F> {
    format: F,
    output: Output,
    buffer: Vec<u8>,
    rows: u64,
}

/// What a buffer may hold before it goes to the file.
const FLUSH: usize = 128 << 10;

impl<F: TextFormat> TextFile<F> {
    /// Creates the file in `dir`.
    pub(super) fn create(dir: &Path, mut format: F, compress: bool) -> Result<Self, PublishError> {
        let output = Output::create(dir, F::NAME, compress)?;
        let mut buffer = Vec::with_capacity(FLUSH + (16 << 10));
        format.begin(&mut buffer);
        Ok(Self { format, output, buffer, rows: 0 })
    }
    fn flush(&mut self) -> Result<(), PublishError> {
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<F: TextFormat> Writer for TextFile<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        for numbered in batch.iter() {
            self.rows += self.format.contract(&numbered, &mut self.buffer)?;
            if self.buffer.len() >= FLUSH {
                self.flush()?;
            }
        }
        Ok(())
    }
    fn finish(mut self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        self.flush()?;
        self.format.finish(&mut self.output)?;
        self.output.finish(Some(self.rows))
    }
}
