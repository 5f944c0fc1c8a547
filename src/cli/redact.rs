//! `guichet redact UID --reason TEXT`: a record removed everywhere, for good.
//!
//! The decision is written first; whatever kills the command afterwards, the next start goes on.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::Ended;
use super::args::Redact;
use super::context::{Failure, Opened};
use super::output::{Out, counted};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::{RunError, store_path};
use crate::daemon::removal::{self, Plan, Removal};
use crate::daemon::replay;
use crate::harvest::NoProgress;
use crate::publish::Published;
use crate::record::Uid;

#[derive(Serialize)]
struct Shown<'a> {
    uid: &'a str,
    dry_run: bool,
    observations: u64,
    sources: Vec<&'a str>,
    kept_with_same_id: Vec<&'a str>,
    payloads_rewritten: u64,
    payloads_erased: u64,
    withdrawn: &'a [String],
    publication: Option<&'a str>,
}

pub(super) fn run(opened: &Opened, args: &Redact) -> Ended {
    if !store_path(&opened.config).exists() {
        return Err(unknown(&args.uid));
    }
    let uid = Uid::from_text(args.uid.trim());
    if args.deciding.dry_run {
        let snapshot = opened.snapshot()?.ok_or_else(|| unknown(&args.uid))?;
        let plan = removal::plan(&snapshot, &uid)?.ok_or_else(|| unknown(&args.uid))?;
        return tell(args, &plan, &Removal::default()).map(|()| Exit::Done);
    }
    let pipeline = Arc::new(replay::open_current(Arc::clone(&opened.config), opened.clock, Arc::new(NoProgress))?);
    pipeline.enter_sources()?;
    pipeline.merge()?;
    let plan = match removal::plan(&pipeline.store.snapshot()?, &uid)? {
        Some(plan) => plan,
        // Opening carried out what an earlier run was kept from.
        None if pipeline.has_removed(&uid) => Plan::nothing(uid),
        None => return Err(unknown(&args.uid)),
    };
    if plan.observations == 0 {
        return tell(args, &plan, &Removal::default()).map(|()| Exit::Done);
    }
    removal::decide(&pipeline, &plan, &args.deciding.reason)?;
    let done = pipeline.settle()?.unwrap_or_default();
    super::publish::write_status(&pipeline)?;
    let (_, uploaded) = super::publish::upload(&pipeline)?;
    pipeline.close();
    tell(args, &plan, &done)?;
    match done.refused {
        None => Ok(uploaded),
        Some(error @ RunError::Publish(_)) => Err(error.into()),
        Some(error) => Err(Failure::failed(error.to_string())),
    }
}

fn tell(args: &Redact, plan: &Plan, done: &Removal) -> Result<(), Failure> {
    let made = match &done.published {
        Some(Published::New(outcome)) => Some(outcome.publication.as_str()),
        Some(Published::Same { publication }) => Some(publication.as_str()),
        None => None,
    };
    let mut out = Out::stdout(args.deciding.json);
    if out.is_json() {
        out.json(&json!(Shown {
            uid: plan.uid.as_str(),
            dry_run: args.deciding.dry_run,
            observations: plan.observations,
            sources: plan.sources.iter().map(String::as_str).collect(),
            kept_with_same_id: plan.siblings.iter().map(Uid::as_str).collect(),
            payloads_rewritten: done.archive.rewritten,
            payloads_erased: done.archive.erased,
            withdrawn: &done.withdrawn,
            publication: made,
        }))?;
        return Ok(out.finish().map(drop)?);
    }
    let sources = plan.sources.iter().cloned().collect::<Vec<_>>().join(", ");
    let verb = if args.deciding.dry_run { "would be removed" } else { "removed" };
    if plan.observations == 0 {
        out.line(&format!("{}: removed already; nothing of it is left", plan.uid))?;
        return Ok(out.finish().map(drop)?);
    }
    out.line(&format!("{}: {} of {sources} {verb}", plan.uid, counted(plan.observations, "observation")))?;
    for sibling in &plan.siblings {
        out.line(&format!("  {sibling} has the same id and stays"))?;
    }
    if args.deciding.dry_run {
        out.line("nothing was removed")?;
    } else {
        out.line(&format!(
            "archive: {} rewritten, {} erased whole",
            counted(done.archive.rewritten, "payload"),
            counted(done.archive.erased, "payload")
        ))?;
        let withdrawn = if done.withdrawn.is_empty() { "none".to_owned() } else { done.withdrawn.join(", ") };
        out.line(&format!("publications withdrawn: {withdrawn}"))?;
        if let Some(published) = &done.published {
            out.line(&super::publish::told(published))?;
        }
        out.line("backups made before, and copies on mirrors, are yours to erase; a restore removes it again")?;
    }
    Ok(out.finish().map(drop)?)
}

fn unknown(uid: &str) -> Failure {
    Failure::usage(format!(
        "`{uid}` is no contract of this region: give the uid as contrats.ndjson writes it (with its suffix where one id covers several contracts); `guichet explain {uid}` looks for it"
    ))
}
