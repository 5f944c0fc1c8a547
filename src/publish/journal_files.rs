//! Which files of a publication depend on when we looked: the journal files. Every other one is a state
//! file: the same for the same inputs, byte for byte.

/// How the names of the journal files begin, compressed forms included. `tests/ci/kill_loop.py` reads this list.
pub const JOURNAL_FILES: &[&str] = &[
    "journal.sqlite",
    "changes.ndjson",
    "observations.csv",
    "aliases.csv",
    "quality.",
    "quarantine.ndjson",
    "manifest.json",
    "SHA256SUMS",
    "datapackage.json",
    "catalog.",
];

/// Whether a file of a publication is a journal file.
pub fn is_journal(name: &str) -> bool {
    JOURNAL_FILES.iter().any(|start| name.starts_with(start))
}
