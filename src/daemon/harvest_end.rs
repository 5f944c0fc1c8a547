//! The end of a source's harvest, in one transaction with its next run, and whether a failure counts
//! against it.
//!
//! When more than half of the sources fail at once, it is this machine or its network that is out,
//! not they: such failures are told, the sources are degraded and asked again within minutes, but
//! nothing is counted against them. "At once" is within one run, or within the hour over which
//! inherited schedules are spread. Knows nothing of HTTP and of records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tracing::{info, warn};

use super::due;
use super::harvest_report::SourceReport;
use super::harvest_run::blocking;
use super::pipeline::{Pipeline, RunError, schedule_of};
use crate::config::Source;
use crate::store::HarvestEnd;

/// Fewest sources of which "more than half" says something about us rather than about them.
const FEWEST: usize = 3;

/// The pause after an outage, as a number of failures: ten to twenty minutes.
const OUTAGE_STEP: u32 = 3;

/// More than half of the sources failed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Sources that failed.
    pub failed: usize,
    /// Sources that were asked.
    pub asked: usize,
}

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} sources failed at once: taken for an outage of this machine or its network, not counted against them; \
             check the connection, the DNS and the clock",
            self.failed, self.asked
        )
    }
}

/// Whether so many failures are ours.
fn outage(asked: usize, failed: usize) -> Option<Outage> {
    (asked >= FEWEST && failed * 2 > asked).then_some(Outage { failed, asked })
}

/// How the harvests of the last hour ended, in this process.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<BTreeMap<String, (Timestamp, bool)>>);

impl Lately {
    /// Notes the ends of a run, and judges it together with what ended shortly before.
    pub(super) fn judge(&self, run: &[(String, bool)], now: Timestamp) -> Option<Outage> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|_, (at, _)| now.duration_since(*at).abs() <= due::SETTLE);
        ends.extend(run.iter().map(|(id, failed)| (id.clone(), (now, *failed))));
        let count = |all: &mut dyn Iterator<Item = bool>| all.fold((0, 0), |(n, bad), f| (n + 1, bad + usize::from(f)));
        let (asked, failed) = count(&mut run.iter().map(|(_, failed)| *failed));
        let (all, bad) = count(&mut ends.values().map(|(_, failed)| *failed));
        outage(asked, failed).or_else(|| outage(all, bad))
    }
}

/// A source's harvest that has done its work and waits for its end.
pub(super) struct Closing {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) source: Arc<Source>,
    /// The source's number in the store.
    pub(super) n: i64,
    pub(super) report: SourceReport,
}

impl Closing {
    /// The one end of every harvest.
    pub(super) async fn end(self, outage: Option<Outage>) -> Result<SourceReport, RunError> {
        let Self { pipeline, source, n, mut report } = self;
        pipeline.meters.source(&source.id, &report, pipeline.settings().harvester.take_traffic(&source.id));
        let now = pipeline.clock.now();
        let succeeded = report.succeeded();
        // Stopped by us: nothing is known of the source, and what was due is still due.
        let stopped = report.stopped && !succeeded;
        let outage = outage.filter(|_| !succeeded && !stopped);
        if let (Some(outage), Some(error)) = (outage, &mut report.error) {
            *error = format!("{error} — {outage}");
        }
        let (store, error, partial) = (pipeline.store.clone(), report.error.clone(), report.partial);
        let schedule = schedule_of(&source);
        let id = source.id.clone();
        crash_point!("harvest.before-end");
        blocking("end a harvest", move || {
            let before = store.snapshot()?.sources()?.into_iter().find(|s| s.source.n == n);
            let before = before.map_or(0, |s| s.consecutive_failures);
            let failures = match (succeeded, outage) {
                (true, _) => 0,
                (false, None) => before + 1,
                (false, Some(_)) => before.max(OUTAGE_STEP),
            };
            let schedule = schedule.filter(|_| !stopped);
            let next_run = schedule.and_then(|s| due::next_run(&s, now, failures, &id)).map(|t| t.to_string());
            let counted = outage.is_none() && !stopped;
            store.harvest_ends(n, HarvestEnd { at: now.to_string(), succeeded, counted, partial, error, next_run })
        })
        .await??;
        match &report.error {
            None => {
                info!(source.id = %report.id, records = report.received, new = report.new, "source {} harvested", report.id)
            }
            // What its resources failed for was said when they did.
            Some(_) if report.failed > 0 => warn!(
                source.id = %report.id, failed = report.failed,
                "source {}: {} of {} resources failed", report.id, report.failed, report.listed
            ),
            Some(error) => warn!(source.id = %report.id, "source {}: {error}", report.id),
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(good: usize, bad: usize) -> Vec<(String, bool)> {
        (0..good + bad).map(|i| (format!("{good}-{bad}-{i}"), i >= good)).collect()
    }

    #[test]
    fn more_than_half_of_at_least_three_sources_is_our_own_outage() {
        let now = "2026-11-24T03:00:00Z".parse().unwrap();
        for (good, bad, ours) in
            [(0, 1, false), (0, 2, false), (0, 3, true), (2, 2, false), (2, 3, true), (3, 2, false)]
        {
            assert_eq!(Lately::default().judge(&run(good, bad), now).is_some(), ours, "{good} good, {bad} bad");
        }
    }

    #[test]
    fn sources_that_are_harvested_one_by_one_are_judged_by_the_last_hour() {
        let lately = Lately::default();
        let at = |minutes: i64| {
            "2026-11-24T03:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minutes)
        };
        let one = |id: &str, failed| vec![(id.to_owned(), failed)];
        assert_eq!(lately.judge(&one("a", true), at(0)), None);
        assert_eq!(lately.judge(&one("b", true), at(20)), None);
        assert_eq!(lately.judge(&one("c", true), at(40)), Some(Outage { failed: 3, asked: 3 }));
        // A source counts once, by its last harvest; what is older than an hour no longer does.
        assert_eq!(lately.judge(&one("c", false), at(45)), Some(Outage { failed: 2, asked: 3 }));
        assert_eq!(lately.judge(&one("d", true), at(90)), None);
    }
}
