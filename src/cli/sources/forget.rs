//! `guichet sources forget ID`: what an ended source said leaves the region.
//!
//! The archive's log is told first: a replay then gives the same store, whenever this is killed.

use std::sync::Arc;

use super::unknown;
use crate::cli::Ended;
use crate::cli::context::{Failure, Opened};
use crate::cli::output::{Out, counted};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::store_path;
use crate::daemon::replay;
use crate::harvest::{Entry, NoProgress, Seen};

/// Removes an orphan, and merges its buyers again.
pub(in crate::cli) fn forget(opened: &Opened, id: &str) -> Ended {
    if opened.config.sources.get(id).is_some() {
        return Err(Failure::usage(format!(
            "the source `{id}` is still configured ({}): remove its stanza first, or set `enabled = false` to keep what it said",
            opened.config.files.sources.display()
        )));
    }
    if !store_path(&opened.config).exists() {
        return Err(unknown(id, opened, &[]));
    }
    let pipeline = replay::open_current(Arc::clone(&opened.config), opened.clock, Arc::new(NoProgress))?;
    let known: Vec<String> = pipeline.store.snapshot()?.sources()?.into_iter().map(|s| s.source.id).collect();
    if !known.iter().any(|k| k == id) {
        return Err(unknown(id, opened, &known));
    }
    let at = opened.clock.now();
    pipeline.archive.append(&[Entry { at, source: id.to_owned(), resource: String::new(), seen: Seen::Forgotten }])?;
    let gone = pipeline.store.forget(id)?;
    let merged = pipeline.merge()?;
    // The pages show the sources of public/status.json: without the one that has gone.
    crate::cli::publish::write_status(&pipeline)?;
    let mut out = Out::stdout(false);
    out.line(&format!(
        "forgot {id}: {}, {}; {} merged again, {} changed or gone",
        counted(gone.resources, "resource"),
        counted(gone.observations, "observation"),
        counted(merged.buyers as u64, "buyer"),
        counted(merged.changed as u64, "contract")
    ))?;
    out.line("its payloads stay in the archive; the next publication shows the change (`guichet publish`)")?;
    out.finish()?;
    Ok(Exit::Done)
}
