//! `guichet archive purge`: payloads erased for good, after saying what that means.

use std::io::Write;
use std::time::Duration;

use super::Ended;
use super::context::{Failure, Opened};
use super::output::{Out, OutputError, bytes, counted};
use crate::daemon::exit::Exit;
use crate::daemon::purge::{self, Doomed, Plan, PurgeError, Which};
use crate::harvest::{Archive, Sha256};

impl From<PurgeError> for Failure {
    fn from(error: PurgeError) -> Self {
        match error {
            PurgeError::Unknown(_) => Failure::usage(error.to_string()),
            other => Failure::failed(other.to_string()),
        }
    }
}

pub(super) fn purge(opened: &Opened, hash: Option<Sha256>, older_than: Option<Duration>, dry_run: bool) -> Ended {
    let which = match (hash, older_than) {
        (Some(hash), _) => Which::Hash(hash),
        (None, Some(age)) => Which::OlderThan(age),
        (None, None) => return Err(Failure::usage("say which payloads: --hash SHA256 or --older-than 400d")),
    };
    let dir = opened.config.data_dir.join("archive");
    // Opening for writing mends and sweeps: not in a dry run, which may stand beside a daemon.
    let archive = if dry_run { Archive::beside(dir) } else { Archive::open(dir)? };
    let now = opened.clock.now();
    let plan = purge::plan(&archive, opened.snapshot()?.as_ref(), which, now)?;
    let mut out = Out::stdout(false);
    say(&plan, &mut out)?;
    let size: u64 = plan.doomed.iter().map(|d| d.bytes).sum();
    let payloads = counted(plan.doomed.len() as u64, "payload");
    if dry_run || plan.doomed.is_empty() {
        out.line(&format!("{payloads} to erase, {}; nothing was erased", bytes(size)))?;
        out.finish()?;
        return Ok(Exit::Done);
    }
    // What it means is on the operator's screen before the first file goes.
    let mut out = Out::new(out.finish()?, super::output::Shape::Plain);
    let freed = purge::run(&archive, &plan, now)?;
    out.line(&format!("{payloads} erased, {} freed; copies in backups are yours to erase", bytes(freed)))?;
    out.finish()?;
    Ok(Exit::Done)
}

fn say<W: Write>(plan: &Plan, out: &mut Out<W>) -> Result<(), OutputError> {
    for doomed in &plan.doomed {
        payload(doomed, out)?;
    }
    if plan.doomed.iter().any(|d| !d.uses.is_empty()) {
        out.line(
            "after this a replay no longer knows what only these payloads said: records, versions and withdrawn \
             contracts of those days, and the day on which a record was first seen",
        )?;
    }
    if plan.doomed.iter().flat_map(|d| &d.uses).any(|u| u.current.is_some()) {
        out.line(
            "a current payload is among them: the store keeps its records until the next replay (a new version or another \
             region replays by itself), which then lacks them until the source is harvested again; to remove a record for \
             good it must leave the store too",
        )?;
    }
    if plan.kept_current > 0 {
        out.line(&format!(
            "{} kept, though as old: the store stands on what is current (name one with --hash to erase it)",
            counted(plan.kept_current, "payload")
        ))?;
    }
    Ok(())
}

fn payload<W: Write>(doomed: &Doomed, out: &mut Out<W>) -> Result<(), OutputError> {
    out.line(&format!("{} ({})", doomed.sha256, bytes(doomed.bytes)))?;
    if doomed.uses.is_empty() {
        return out.line("  named nowhere in the log: no replay needs it");
    }
    for u in &doomed.uses {
        let current = match u.current {
            Some(records) => format!(", CURRENT: {} of the store come from it", counted(records, "record")),
            None => String::new(),
        };
        let day = |t: jiff::Timestamp| t.strftime("%Y-%m-%d").to_string();
        out.line(&format!("  {} / {}: seen from {} to {}{current}", u.source, u.resource, day(u.first), day(u.last)))?;
    }
    Ok(())
}
