//! Where a test may end the program as a power cut would: [`crash_point!`] marks the place, [`POINTS`]
//! lists every one. Built only with the feature `crash-points`, which nothing that is handed out has:
//! without it a mark is no code at all.
//!
//! `GUICHET_CRASH_AT=name` ends the process at the first pass of the point, `name:3` at the third. Own
//! code, since what is needed is one comparison and an abort that runs no destructor; tests/ci/crash_points.py
//! drives it.

/// Ends the process here when the environment asks for this point. No code without `crash-points`.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "crash-points")]
        $crate::crash::reached($name);
    };
}

/// Every point: its name, the command that passes it, and what stands and what does not when the program
/// ends there. A test holds this against the code, the driver runs each.
#[cfg(any(test, feature = "crash-points"))]
pub const POINTS: &[(&str, &str, &str)] = &[
    ("archive.landing", "harvest", "a payload is written under a temporary name, not yet under its own"),
    ("harvest.fetched", "harvest", "a payload stands in the archive, nothing names it"),
    ("store.batch", "harvest", "half of a batch of observations is written, its transaction is open"),
    ("store.before-commit", "harvest", "all that is committed together is written, its transaction is open"),
    ("store.committed", "harvest", "a transaction is committed, who waits for it has not heard"),
    ("ingest.before-log", "harvest", "all batches of a payload are committed, the archive's log does not name it"),
    ("ingest.before-flip", "harvest", "the archive's log names a payload that is not current"),
    ("ingest.after-flip", "harvest", "a payload is current, its source's harvest has not ended"),
    ("harvest.before-end", "harvest", "all payloads of a source are current, its end is not noted"),
    ("harvest.before-merge", "harvest", "every source's harvest has ended, no buyer is merged"),
    ("merge.batch", "harvest", "some buyers of a batch are written, its transaction is open"),
    ("merge.between", "harvest", "some buyers are merged, others are due"),
    ("status.before-rename", "harvest", "the new status.json is written beside the old one"),
    ("publish.writing", "publish", "contracts have gone to the writers of some files"),
    ("publish.before-sync", "publish", "a file of a publication is written, not synced"),
    ("publish.before-verify", "publish", "all files are written, none is read back"),
    ("publish.before-settle", "publish", "manifest and sums are written, the folder is not synced"),
    ("swap.pending", "publish", "the marker of a publication on its way stands, its folder has no name"),
    ("swap.named", "publish", "the folder has its name, `latest` does not lead to it: between the renames"),
    ("swap.link", "publish", "the new link stands beside `latest`"),
    ("swap.turned", "publish", "`latest` leads to the new publication, the marker still stands"),
    ("publish.before-retention", "publish", "the publication is shown, what is too old still stands"),
    ("publish.before-note", "publish", "the publication is shown, the store has not noted it"),
    ("publish.noted", "publish", "the store has noted the publication"),
    ("removal.decided", "redact", "the decision is written, nothing has gone"),
    ("removal.store", "redact", "the rows have gone from the store, the archive still holds them"),
    ("removal.rewriting", "redact", "the archive's log names a rewritten payload, the old one still stands"),
    ("removal.archive", "redact", "the archive is rewritten, the store stands on the payloads of before"),
    ("removal.read", "redact", "the rewritten payloads are current, nothing is merged"),
    ("removal.merged", "redact", "the buyers are merged, free pages may hold what was removed"),
    ("removal.compacted", "redact", "the store is written anew, publications hold what was removed"),
    ("removal.published", "redact", "a publication without it stands, those before still hold it"),
    ("removal.withdrawing", "redact", "a manifest says withdrawn, its files still stand"),
    ("removal.withdrawn", "redact", "all is done, the store has not noted it"),
    ("replay.entry", "replay", "the store beside the old one is half built"),
    ("replay.merged", "replay", "the store beside the old one is whole, it has no epoch of its own yet"),
    ("replay.before-rename", "replay", "the new store is whole and closed, the old one stands"),
    ("replay.renamed", "replay", "the new store stands, its name is not synced"),
    ("replay.forgotten", "replay-one", "what the source said has gone from the store in place"),
    ("replay.source-merged", "replay-one", "the source is played again and merged, the mark still stands"),
    ("restore.joined", "restore", "the decisions are joined, the old store stands"),
    ("restore.copied", "restore", "the backup is copied beside the store"),
    ("restore.kept", "restore", "the old store has its second name too, the backup is not in its place"),
    ("restore.placed", "restore", "the backup is in the store's place, its name is not synced"),
];

/// Ends the process when this is the pass of the point that the environment names.
#[cfg(feature = "crash-points")]
pub fn reached(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    let asked = ASKED.get_or_init(|| {
        let text = std::env::var("GUICHET_CRASH_AT").ok()?;
        let (point, pass) = text.split_once(':').unwrap_or((&text, "1"));
        let known = POINTS.iter().any(|(name, ..)| *name == point);
        let pass = pass.parse().ok().filter(|n| known && *n > 0);
        if pass.is_none() {
            eprintln!("GUICHET_CRASH_AT={text} names no crash point");
        }
        Some((point.to_owned(), pass?))
    });
    if let Some((point, pass)) = asked
        && point == name
        && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass
    {
        eprintln!("crash point {name}, pass {pass}");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// The points marked in the sources below a folder, and how often each is.
    fn marked(dir: &Path, found: &mut BTreeMap<String, usize>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                marked(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for rest in text.split("crash_point!(\"").skip(1) {
                    *found.entry(rest.split('"').next().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    }

    #[test]
    fn every_point_in_the_code_is_in_the_table_and_the_other_way_round() {
        let mut found = BTreeMap::new();
        marked(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let named: Vec<&str> = POINTS.iter().map(|(name, ..)| *name).collect();
        let listed: BTreeMap<String, usize> = named.iter().map(|name| ((*name).to_owned(), 1)).collect();
        assert_eq!(listed.len(), named.len(), "a name stands twice in the table");
        assert_eq!(found, listed, "each point is marked once, and listed");
    }
}
