//! `guichet replay`: the store anew from the archive, without the network.

use std::collections::BTreeSet;

use super::args::Replay;
use super::context::{Failure, Opened};
use super::output::{Out, counted};
use crate::daemon::exit::Exit;
use crate::daemon::replay;

pub(super) fn run(opened: &Opened, args: &Replay) -> super::Ended {
    let report = if args.ids.is_empty() {
        replay::all(&opened.config)?
    } else {
        let ids: BTreeSet<String> = args.ids.iter().cloned().collect();
        let known: BTreeSet<String> = match opened.snapshot()? {
            Some(snapshot) => snapshot.sources()?.into_iter().map(|s| s.source.id).collect(),
            None => BTreeSet::new(),
        };
        if let Some(id) = ids.iter().find(|id| !known.contains(*id) && opened.config.sources.get(id).is_none()) {
            return Err(Failure::usage(format!(
                "there is no source `{id}`: `guichet sources list` shows those there are"
            )));
        }
        replay::some(&opened.config, &ids)?
    };
    let mut out = Out::stdout(false);
    out.line(&format!(
        "{} entries of the archive played: {} payloads, {} records; {} contracts written",
        report.entries, report.payloads, report.records, report.contracts
    ))?;
    if report.purged > 0 {
        out.line(&format!("{} were erased by `archive purge` and passed over", counted(report.purged, "payload")))?;
    }
    for lost in &report.lost {
        out.line(&format!("payload {lost} could not be played: what it alone said is not in the store"))?;
    }
    out.finish()?;
    Ok(if report.lost.is_empty() { Exit::Done } else { Exit::Partial })
}
