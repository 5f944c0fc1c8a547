//! `/metrics`: what requests and `status.json` give, and what a daemon in the same process adds.
//!
//! Names and labels are those of contract.md §8. In: observed requests, the status file, the
//! current publication. Out: the OpenMetrics text, or the older Prometheus text for a client that
//! does not ask for OpenMetrics. Label values are routes, sources and outcomes: their number is
//! bounded by the configuration, never by visitors.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::snapshot::Publication;
use super::status::Status;

/// Writes further families, in OpenMetrics text without the closing `# EOF`. A family that it
/// writes takes the place of the one made here.
pub type Extra = Arc<dyn Fn(&mut String) + Send + Sync>;

/// Seconds: from a cached file to a stopped query.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    source: String,
    outcome: String,
}

/// What is observed of requests.
#[derive(Debug, Clone)]
pub struct Requests {
    durations: Family<Request, Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)) }
    }
}

impl Requests {
    /// Notes one answered request. `route` is the pattern, never the path asked.
    pub fn observe(&self, method: &'static str, route: &str, code: u16, took: Duration) {
        let labels = Request { method, route: route.to_owned(), code };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// The whole text.
pub fn text(
    requests: &Requests,
    status: Option<&Status>,
    publication: Option<&Publication>,
    extra: Option<&Extra>,
) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    if let Some(extra) = extra {
        extra(&mut out);
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
    }
    let given: BTreeSet<String> = out
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next())
        .map(str::to_owned)
        .collect();
    let mut registry = Own { registry: Registry::default(), given };
    registry.add(
        "guichet_http_request_duration_seconds",
        "From a request to the headers of its answer",
        requests.durations.clone(),
    );
    if let Some(created) = publication.and_then(|p| p.created) {
        registry.add(
            "guichet_publication_timestamp_seconds",
            "When the current publication was made",
            ConstGauge::new(i64::try_from(created).unwrap_or(i64::MAX)),
        );
    }
    if let Some(status) = status {
        health(&mut registry, status);
    }
    encode_registry(&mut out, &registry.registry)?;
    out.write_str("# EOF\n")?;
    Ok(out)
}

/// A registry that leaves out what was given already.
struct Own {
    registry: Registry,
    given: BTreeSet<String>,
}

impl Own {
    fn add(&mut self, name: &str, help: &str, metric: impl Metric) {
        if !self.given.contains(name) {
            self.registry.register(name, help, metric);
        }
    }
}

fn health(registry: &mut Own, status: &Status) {
    let success = Family::<SourceLabel, Gauge>::default();
    let failures = Family::<SourceLabel, Gauge>::default();
    let records = Family::<OutcomeLabel, Counter>::default();
    for source in &status.sources {
        let label = SourceLabel { source: source.id.clone() };
        let at = source.last_success.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        if let Some(at) = at {
            success.get_or_create(&label).set(at.as_second());
        }
        if let Some(n) = source.consecutive_failures {
            failures.get_or_create(&label).set(i64::try_from(n).unwrap_or(i64::MAX));
        }
        for (outcome, n) in source.records.iter().flatten() {
            if let Some(n) = n.as_u64() {
                let label = OutcomeLabel { source: source.id.clone(), outcome: outcome.clone() };
                records.get_or_create(&label).inc_by(n);
            }
        }
    }
    registry.add("guichet_source_last_success_timestamp_seconds", "Last complete harvest", success);
    registry.add("guichet_source_consecutive_failures", "Harvests failed since then", failures);
    registry.add("guichet_records", "Records of the current payloads by outcome", records);
    let number = |value: Option<&serde_json::Value>| match value? {
        serde_json::Value::Bool(yes) => Some(i64::from(*yes)),
        other => other.as_i64(),
    };
    for (name, help, value) in [
        ("guichet_store_bytes", "Size of the store", number(status.store.get("bytes"))),
        ("guichet_wal_bytes", "Size of its write-ahead log", number(status.store.get("wal_bytes"))),
        (
            "guichet_config_last_reload_successful",
            "Whether the last reload was taken over",
            number(status.daemon.get("config_last_reload_successful")),
        ),
    ] {
        if let Some(value) = value {
            registry.add(name, help, ConstGauge::new(value));
        }
    }
}

/// The same figures in the text format of before OpenMetrics, where a counter is announced under
/// the name of its samples.
pub fn as_prometheus(openmetrics: &str) -> String {
    let counters: BTreeSet<&str> =
        openmetrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut out = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(kind), Some(name), Some(rest)) if counters.contains(name) => {
                let _ = writeln!(out, "# {kind} {name}_total {rest}");
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_daemon_gives_is_not_given_twice() {
        let status: Status = serde_json::from_str(
            r#"{"sources":[{"id":"a","consecutive_failures":2,"last_success":"2026-11-24T03:00:00Z",
                "records":{"accepted":7}}],"store":{"bytes":4096}}"#,
        )
        .unwrap();
        let requests = Requests::default();
        requests.observe("GET", "/latest/{file}", 200, Duration::from_millis(3));
        let alone = text(&requests, Some(&status), None, None).unwrap();
        assert!(alone.contains("guichet_source_consecutive_failures{source=\"a\"} 2\n"), "{alone}");
        assert!(alone.contains("guichet_records_total{source=\"a\",outcome=\"accepted\"} 7\n"));
        assert!(alone.contains("guichet_store_bytes 4096\n"));
        assert!(alone.contains("guichet_source_last_success_timestamp_seconds{source=\"a\"} 1795489200\n"));
        assert!(alone.ends_with("# EOF\n"));
        let extra: Extra = Arc::new(|out: &mut String| {
            out.push_str("# TYPE guichet_store_bytes gauge\nguichet_store_bytes 1");
        });
        let both = text(&requests, Some(&status), None, Some(&extra)).unwrap();
        assert_eq!(both.matches("\nguichet_store_bytes ").count(), 1, "{both}");
    }

    #[test]
    fn the_older_text_names_a_counter_as_its_samples_are_named() {
        let old = as_prometheus("# HELP a Of it.\n# TYPE a counter\na_total 1\n# TYPE b gauge\nb 2\n# EOF\n");
        assert_eq!(old, "# HELP a_total Of it.\n# TYPE a_total counter\na_total 1\n# TYPE b gauge\nb 2\n");
    }
}
