//! Harvesting: every source has its turn, side by side; then the merge.
//!
//! A source that fails is an outcome of the run, not its end. However a source's harvest ends, it ends in
//! [`Closing::end`], in one transaction with its next run.

use std::sync::Arc;

use tracing::warn;

use super::harvest_end::{Closing, Outage};
use super::harvest_report::{HarvestReport, SourceReport};
use super::pipeline::{Pipeline, RunError, Settings, access};
use super::shutdown::Stop;
use super::source_run::SourceRun;
use crate::config::Source;
use crate::store::StoreError;

/// How a source's turn ended.
enum Turn {
    Ended(SourceReport),
    /// It gave nothing; its end is not written yet.
    Failed(Closing),
}

impl Pipeline {
    /// Harvests these sources, side by side, then merges what changed.
    ///
    /// # Errors
    /// A fault of the store or the archive; what was committed stands.
    pub async fn harvest(
        self: &Arc<Self>,
        sources: Vec<Arc<Source>>,
        force: bool,
        stop: Stop,
    ) -> Result<HarvestReport, RunError> {
        let began = std::time::Instant::now();
        let settings = self.settings();
        let mut tasks = tokio::task::JoinSet::new();
        let turns = Arc::new(tokio::sync::Semaphore::new(settings.config.harvest.concurrency.max(1)));
        for source in sources {
            let (pipeline, settings, turns, stop) =
                (Arc::clone(self), Arc::clone(&settings), Arc::clone(&turns), stop.clone());
            tasks.spawn(async move {
                let _turn = turns.acquire_owned().await;
                pipeline.source(&settings, &source, force, &stop).await
            });
        }
        let mut report = HarvestReport::default();
        let mut failure = None;
        let mut failed = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(Ok(Turn::Ended(source))) => report.sources.push(source),
                // Whether this counts against the source is known when all have had their turn.
                Ok(Ok(Turn::Failed(closing))) => failed.push(closing),
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(_) => failure = failure.or(Some(RunError::Broke("harvest a source"))),
            }
        }
        report.outage = self.judge(&report.sources, &failed);
        for closing in failed {
            match closing.end(report.outage).await {
                Ok(source) => report.sources.push(source),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        report.sources.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(error) = failure {
            return Err(error);
        }
        crash_point!("harvest.before-merge");
        self.meters.harvested(began.elapsed());
        let pipeline = Arc::clone(self);
        let began = std::time::Instant::now();
        report.merge = blocking("merge", move || pipeline.merge()).await??;
        self.meters.merged(began.elapsed());
        Ok(report)
    }

    /// Whether the failures of a run are our own.
    fn judge(&self, good: &[SourceReport], failed: &[Closing]) -> Option<Outage> {
        let good = good.iter().map(|s| (s.id.clone(), false));
        let bad = failed.iter().filter(|c| !c.report.stopped).map(|c| (c.report.id.clone(), true));
        let ends: Vec<_> = good.chain(bad).collect();
        let outage = self.lately.judge(&ends, self.clock.now()).filter(|_| !failed.is_empty());
        if let Some(outage) = outage {
            warn!(failed = outage.failed, asked = outage.asked, "{outage}");
        }
        outage
    }

    async fn source(
        self: &Arc<Self>,
        settings: &Arc<Settings>,
        source: &Arc<Source>,
        force: bool,
        stop: &Stop,
    ) -> Result<Turn, RunError> {
        let store = self.store.clone();
        let row = super::pipeline::source_row(source);
        let at = self.clock.now().to_string();
        let (n, before) = blocking("enter a source", move || {
            let n = store.enter_source(row)?;
            store.harvest_begins(n, at)?;
            Ok::<_, StoreError>((n, store.snapshot()?.resources(Some(n))?))
        })
        .await??;
        let mut run = SourceRun::new(Arc::clone(self), Arc::clone(settings), Arc::clone(source), (n, before), force);
        match access(source) {
            Ok(access) => run.all(&access, stop).await?,
            Err(error) => run.failed_at_all(error),
        }
        let closing = run.close();
        match closing.report.succeeded() {
            true => closing.end(None).await.map(Turn::Ended),
            false => Ok(Turn::Failed(closing)),
        }
    }
}
/// Runs blocking work on its own thread.
pub(super) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| RunError::Broke(what))
}
