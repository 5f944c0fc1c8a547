//! `guichet publish`: a publication now, unless nothing changed.

use std::sync::Arc;

use super::args::Publish;
use super::context::{Failure, Opened, runtime};
use super::output::Out;
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::{Pipeline, RunError};
use crate::daemon::publish_run::PublishOptions;
use crate::daemon::{replay, status, upload};
use crate::harvest::NoProgress;
use crate::publish::Published;

pub(super) fn run(opened: &Opened, args: &Publish) -> super::Ended {
    let pipeline = Arc::new(replay::open_current(opened.config.clone(), opened.clock, Arc::new(NoProgress))?);
    pipeline.enter_sources()?;
    // What a killed harvest left due belongs into what is published.
    pipeline.merge()?;
    let ask = PublishOptions { force: args.force, accept_shrink: args.accept_shrink };
    let published = pipeline.publish(ask);
    let status = write_status(&pipeline);
    // Of two failures, that of the publication is the one to hear of; what stands is said before the
    // network has its turn.
    say(&told(&published?))?;
    status?;
    let (uploaded, exit) = upload(&pipeline)?;
    if let Some(uploaded) = uploaded {
        say(&uploaded)?;
    }
    Ok(exit)
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = Out::stdout(false);
    out.line(line)?;
    Ok(out.finish().map(drop)?)
}

/// Uploads what is due, where a bucket is configured. A failure undoes nothing: it is told by the log,
/// by the exit code and by `status`, and what is left is due again.
pub(super) fn upload(pipeline: &Arc<Pipeline>) -> Result<(Option<String>, Exit), Failure> {
    if pipeline.config().publish.upload.is_none() {
        return Ok((None, Exit::Done));
    }
    let done = runtime()?.block_on(upload::run(pipeline));
    write_status(pipeline)?;
    match done {
        Ok(done) => Ok((done.map(|done| upload::told_in_words(&done)), Exit::Done)),
        Err(error) => {
            tracing::error!("{error}");
            Ok((None, Exit::Partial))
        }
    }
}

/// One line on what came of it.
pub(super) fn told(published: &Published) -> String {
    match published {
        Published::Same { publication } => {
            format!("nothing changed since the publication {publication}: none was written (--force writes one)")
        }
        Published::New(outcome) => format!(
            "publication {} in {}: {} contracts, {} changed, {} gone",
            outcome.publication,
            outcome.dir.display(),
            outcome.counts.contrats,
            outcome.upserts,
            outcome.deletes
        ),
    }
}

/// Rewrites public/status.json after a run.
pub(super) fn write_status(pipeline: &Pipeline) -> Result<(), RunError> {
    let config = pipeline.config();
    let status = status::read(&config, &pipeline.store.snapshot()?, pipeline.clock.now())?;
    let path = config.public_dir();
    status::write(&path, &status).map_err(|source| RunError::Io { what: "write status.json in", path, source })
}
