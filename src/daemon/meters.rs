//! What the harvests cost and gave since the program started, for the metrics of contract.md §8.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::harvest_report::SourceReport;
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
    /// How long the last upload that succeeded took, seconds.
    pub upload_seconds: Option<f64>,
    /// Bytes that uploads sent.
    pub uploaded_bytes: u64,
    /// Uploads that failed.
    pub upload_failures: u64,
    /// Whether the last upload succeeded; `None` before the first.
    pub upload_ok: Option<bool>,
}

/// Counters shared by all that runs.
#[derive(Debug, Default)]
pub struct Meters(Mutex<Reading>);

impl Meters {
    fn with(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
    /// The counters now.
    pub fn reading(&self) -> Reading {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
    pub(super) fn source(&self, id: &str, report: &SourceReport, traffic: Traffic) {
        self.with(|r| {
            r.traffic.entry(id.to_owned()).or_default().add(&traffic);
            let n = r.records.entry(id.to_owned()).or_default();
            *n = (n.0 + report.received, n.1 + report.new, n.2 + report.quarantined);
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
    /// `done`: how long it took and what it sent; `None` when it failed.
    pub(super) fn uploaded(&self, done: Option<(Duration, u64)>) {
        self.with(|r| {
            r.upload_ok = Some(done.is_some());
            match done {
                Some((time, bytes)) => {
                    r.upload_seconds = Some(time.as_secs_f64());
                    r.uploaded_bytes += bytes;
                }
                None => r.upload_failures += 1,
            }
        });
    }
}

impl Meters {
    /// Writes the families of contract.md §8 that only a running daemon knows, as OpenMetrics text.
    pub fn write(&self, out: &mut String, reload_ok: bool, store_bytes: u64, wal_bytes: u64) {
        use std::fmt::Write as _;
        let r = self.reading();
        let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, String)>| {
            if !samples.is_empty() {
                let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
                let suffix = if kind == "counter" { "_total" } else { "" };
                for (labels, value) in samples {
                    let _ = writeln!(out, "{name}{suffix}{labels} {value}");
                }
            }
        };
        let label = |name: &str, value: &str| format!("{name}=\"{value}\"");
        let bytes = r.traffic.iter().map(|(id, t)| (format!("{{{}}}", label("source", id)), t.received.to_string()));
        family("guichet_fetch_bytes", "counter", "Bytes of bodies as sent", bytes.collect());
        let codes = r.traffic.iter().flat_map(|(id, t)| {
            t.responses.iter().map(move |(code, n)| (format!("{{source=\"{id}\",code=\"{code}\"}}"), n.to_string()))
        });
        family("guichet_http_responses", "counter", "Answers by status code", codes.collect());
        let seconds = |v: Option<f64>| v.map(|v| vec![(String::new(), format!("{v}"))]).unwrap_or_default();
        family("guichet_harvest_duration_seconds", "gauge", "Of the last harvest", seconds(r.harvest_seconds));
        family("guichet_merge_duration_seconds", "gauge", "Of the last merge", seconds(r.merge_seconds));
        family(
            "guichet_publication_duration_seconds",
            "gauge",
            "Of the last publication",
            seconds(r.publication_seconds),
        );
        let refused = vec![("{gate=\"drop\"}".to_owned(), r.refused.to_string())];
        family("guichet_publication_refused", "counter", "Publications refused by a gate", refused);
        let one = |v: u64| vec![(String::new(), v.to_string())];
        if let Some(ok) = r.upload_ok {
            family("guichet_upload_last_successful", "gauge", "Whether the last upload succeeded", one(u64::from(ok)));
            family("guichet_upload_failures", "counter", "Uploads that failed", one(r.upload_failures));
            family("guichet_upload_bytes", "counter", "Bytes sent to the bucket", one(r.uploaded_bytes));
        }
        family("guichet_upload_duration_seconds", "gauge", "Of the last upload", seconds(r.upload_seconds));
        let ok = one(u64::from(reload_ok));
        family(
            "guichet_config_last_reload_successful",
            "gauge",
            "Whether the configuration in force is the one in the files",
            ok,
        );
        family("guichet_store_bytes", "gauge", "Size of the store", one(store_bytes));
        family("guichet_wal_bytes", "gauge", "Size of the store's write-ahead log", one(wal_bytes));
    }
}
