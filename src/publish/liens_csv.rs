//! liens.csv: which contract came of which consultation, with score and evidence. It has its header
//! and no row as long as no consultations are read.

use std::path::Path;

use super::error::PublishError;
use super::manifest::FileEntry;
use super::output;

/// Name of the file.
pub(super) const LIENS: &str = "liens.csv";

/// Its columns, in order.
pub(super) const COLUMNS: [&str; 6] = ["consultation", "uid", "acheteur_siren", "score", "decision", "indices"];

/// Writes the file.
pub(super) fn write(dir: &Path) -> Result<FileEntry, PublishError> {
    output::put(dir, LIENS, format!("{}\r\n", COLUMNS.join(",")).as_bytes(), Some(0))
}
