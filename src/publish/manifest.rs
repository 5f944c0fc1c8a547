//! manifest.json: what ties the files of a publication together (contract.md §6), and the reading
//! of the manifest of the publication before.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::PublishError;
use super::input::Counts;
use crate::record::Day;

/// Name of the file.
pub const MANIFEST: &str = "manifest.json";

/// One file of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name in the folder of the publication.
    pub name: String,
    /// sha256 in lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Records, rows or lines of data it holds; `None` where that means nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
}

/// Contracts that stand in no official file, by the first rule they break.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Of those that belong to decp.json and decp.xml.
    pub decp: BTreeMap<String, u64>,
    /// Of those that belong to decp-2019.json and decp-2019.xml.
    #[serde(rename = "decp-2019")]
    pub decp_2019: BTreeMap<String, u64>,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The day of the publication, `2026-11-24`.
    pub day: String,
    /// Its name: the day, with `.2`, `.3`… from the second of a day on.
    pub publication: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Program and version.
    pub generator: String,
    /// Epoch of the journal.
    pub epoch: Uuid,
    /// First seq of changes.ndjson.
    pub first_seq: u64,
    /// Last seq of changes.ndjson; smaller than `first_seq` when nothing changed.
    pub last_seq: u64,
    /// The publication that changes.ndjson applies to; absent for the first.
    pub applies_to: Option<String>,
    /// What it holds, in numbers.
    pub counts: Counts,
    /// Every file but SHA256SUMS and this one, sorted by name.
    pub files: Vec<FileEntry>,
    /// What stands in no official file, and why.
    pub left_out: LeftOut,
    /// Fingerprint of the configuration that decided what is published.
    #[serde(default)]
    pub configuration: String,
    /// Present once the publication is withdrawn: its files are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawn>,
}

/// Why a publication is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// When it was withdrawn, RFC 3339.
    pub when: String,
    /// A word for it: `redacted`.
    pub reason: String,
}

impl Manifest {
    /// Its text.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
    /// Reads that of a publication's folder.
    pub fn read(dir: &Path) -> Result<Self, PublishError> {
        let path = dir.join(MANIFEST);
        let previous = |what: String| PublishError::Previous { path: path.clone(), what };
        let bytes = std::fs::read(&path).map_err(|e| previous(e.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|e| previous(e.to_string()))
    }
    /// The file of this name.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|f| f.name == name)
    }
}

/// Name of a publication made on a day when `taken` exist already: `2026-11-24`, then `2026-11-24.2`…
pub(super) fn next_name<'a>(day: Day, taken: impl Iterator<Item = &'a str>) -> String {
    let day = day.to_string();
    let last = taken
        .filter_map(|name| {
            let rest = name.strip_prefix(&day)?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('.')?.parse::<u32>().ok() }
        })
        .max();
    match last {
        None => day,
        Some(n) => format!("{day}.{}", n.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_publication_of_a_day_is_number_two() {
        let day = Day::from_ymd(2026, 11, 24).unwrap();
        assert_eq!(next_name(day, ["2026-11-23"].into_iter()), "2026-11-24");
        let taken = ["2026-11-24", "2026-11-24.9", "2026-11-24.10", "2026-11-24.x"];
        assert_eq!(next_name(day, taken.into_iter()), "2026-11-24.11");
        assert_eq!(next_name(day, taken.into_iter().take(1)), "2026-11-24.2");
    }
}
