//! `guichet publish`: a publication now, unless nothing changed.

use super::args::Publish;
use super::context::Opened;
use super::output::Out;
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::{Pipeline, RunError};
use crate::daemon::publish_run::PublishOptions;
use crate::daemon::{replay, status};
use crate::harvest::NoProgress;
use crate::publish::Published;

pub(super) fn run(opened: &Opened, args: &Publish) -> super::Ended {
    let pipeline = replay::open_current(opened.config.clone(), opened.clock, std::sync::Arc::new(NoProgress))?;
    pipeline.enter_sources()?;
    // What a killed harvest left due belongs into what is published.
    pipeline.merge()?;
    let ask = PublishOptions { force: args.force, accept_shrink: args.accept_shrink };
    let published = pipeline.publish(ask);
    let status = write_status(&pipeline);
    // Of two failures, that of the publication is the one to hear of.
    let published = published?;
    status?;
    let mut out = Out::stdout(false);
    out.line(&told(&published))?;
    out.finish()?;
    Ok(Exit::Done)
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
