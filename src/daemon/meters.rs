//! What the harvests cost and gave since the program started, for the metrics of contract.md §8.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::harvest_run::SourceReport;
use crate::harvest::Traffic;

/// A snapshot of the counters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// By source: what its requests amounted to.
    pub traffic: BTreeMap<String, Traffic>,
    /// By source: (received, new, quarantined) records of the payloads read.
    pub records: BTreeMap<String, (u64, u64, u64)>,
    /// How long the last harvest took, seconds.
    pub harvest_seconds: Option<f64>,
    /// How long the last merge took, seconds.
    pub merge_seconds: Option<f64>,
    /// How long the last publication took, seconds.
    pub publication_seconds: Option<f64>,
    /// Publications refused by a gate.
    pub refused: u64,
}

/// Counters shared by all that runs.
#[derive(Debug, Default)]
pub struct Meters(Mutex<Reading>);

impl Meters {
    fn with(&self, change: impl FnOnce(&mut Reading)) {
        change(
            &mut self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }
    /// The counters now.
    pub fn reading(&self) -> Reading {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
    pub(super) fn source(&self, id: &str, report: &SourceReport, traffic: Traffic) {
        self.with(|r| {
            r.traffic.entry(id.to_owned()).or_default().add(&traffic);
            let n = r.records.entry(id.to_owned()).or_default();
            *n = (
                n.0 + report.received,
                n.1 + report.new,
                n.2 + report.quarantined,
            );
        });
    }
    pub(super) fn harvested(&self, time: Duration) {
        self.with(|r| r.harvest_seconds = Some(time.as_secs_f64()));
    }
    pub(super) fn merged(&self, time: Duration) {
        self.with(|r| r.merge_seconds = Some(time.as_secs_f64()));
    }
    pub(super) fn published(&self, time: Duration) {
        self.with(|r| r.publication_seconds = Some(time.as_secs_f64()));
    }
    pub(super) fn refused(&self) {
        self.with(|r| r.refused += 1);
    }
}
