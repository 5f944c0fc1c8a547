//! contrats.ndjson: one line a contract, withdrawn ones included. The lines come ready with the
//! batch, since changes.ndjson and guichet.sqlite need them too.

use std::path::Path;

use super::batch::Batch;
use super::error::PublishError;
use super::format::Writer;
use super::manifest::FileEntry;
use super::output::Output;

/// Name of the file.
pub(super) const CONTRATS: &str = "contrats.ndjson";

/// The format.
pub(super) struct ContratsNdjson {
    output: Output,
    rows: u64,
}

impl ContratsNdjson {
    /// Creates the file in `dir`.
    pub(super) fn create(dir: &Path, compress: bool) -> Result<Self, PublishError> {
        Ok(Self { output: Output::create(dir, CONTRATS, compress)?, rows: 0 })
    }
}

impl Writer for ContratsNdjson {
    fn name(&self) -> &'static str {
        CONTRATS
    }
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        self.rows += batch.items.len() as u64;
        self.output.write_all(&batch.lines)
    }
    fn finish(self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        self.output.finish(Some(self.rows))
    }
}
