//! What can go wrong between a source and its payload, case by case, through the real pipeline: what the run
//! does, how it exits, how the source fares, what the operator is told.
//!
//! Everything is on loopback. Where a case needs a resolver, a silent network or a certificate, a scripted one
//! stands in the place of the machine's. Every single damage of a document is tested where documents are read; here
//! what a run makes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "common/small.rs"]
mod small;

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/documents.rs"]
mod documents;
#[path = "faults/network.rs"]
mod network;
#[path = "faults/nights.rs"]
mod nights;
#[path = "faults/tls.rs"]
mod tls;

use guichet::daemon::exit::Exit;
use guichet::demo::{Page, Upstream};

use small::{Night, QUICK, Small, document};

/// How the second night of a source must end; on the first one it gave three records.
#[derive(Debug, Clone, Copy)]
enum Ends {
    /// With a new payload of so many records.
    Well(u64),
    /// With the same payload.
    Unchanged,
    /// With the records before a break.
    Partly { records: u64, says: &'static str },
    /// With nothing: what stood still stands.
    Badly { says: &'static str },
}

/// A payload of three records with validators of its own.
fn good() -> Page {
    Page::json(document("a", 3)).etag("\"first\"")
}

/// A source that was harvested well the night before.
fn harvested(upstream: &Upstream) -> Small {
    upstream.page("/f", good());
    let small = Small::quick().source("s", &upstream.url("/f"), "schedule = \"17 3 * * *\"");
    judge("the first night", &small.night(0), Ends::Well(3));
    small
}

/// Checks exit code, state, message and what stands.
fn judge(case: &str, night: &Night, ends: Ends) {
    let (source, status) = (&night.report.sources[0], night.status("s"));
    let told = status.last_error.clone().unwrap_or_default();
    let (exit, state, failures) = match ends {
        Ends::Well(_) | Ends::Unchanged => (Exit::Done, "ok", 0),
        Ends::Partly { .. } => (Exit::Partial, "degraded", 0),
        Ends::Badly { .. } => (Exit::Failed, "degraded", 1),
    };
    assert_eq!(night.exit(), exit, "{case}: {told}");
    assert_eq!((status.state, status.consecutive_failures), (state, failures), "{case}: {told}");
    match ends {
        Ends::Well(records) => assert_eq!((source.received, source.fetched, told.as_str()), (records, 1, ""), "{case}"),
        Ends::Unchanged => assert_eq!((source.unchanged, source.fetched, told.as_str()), (1, 0, ""), "{case}"),
        Ends::Partly { records, says } => {
            // The fragment at the break is quarantined or left, and never a record.
            let read = source.received - source.quarantined;
            assert_eq!((read, source.fetched), (records, 1), "{case}: {told}");
            assert!(told.contains(says), "{case}: {told}");
            // What vouches for a payload is kept with a complete one only.
            let kept = night.resource("main");
            assert_eq!((kept.state.as_str(), kept.validators.etag), ("partial", None), "{case}");
        }
        Ends::Badly { says } => {
            assert_eq!((source.failed, source.fetched), (1, 0), "{case}: {told}");
            assert!(told.contains(says), "{case}: {told}");
            // Where, and what to do.
            assert!(told.contains("source `s`") || told.contains("resource `"), "{case}: {told}");
            assert!(told.contains('(') || told.contains(';'), "{case}: no advice in {told}");
            // A failure is asked again well before a day has passed.
            assert!(night.next_run("s") <= jiff::SignedDuration::from_mins(5), "{case}: {}", night.next_run("s"));
            let kept = night.resources();
            if let Some(kept) = kept.iter().find(|r| r.id == "main") {
                assert_eq!((kept.state.as_str(), kept.records), ("complete", 3), "{case}");
                assert_eq!(kept.validators.etag.as_deref(), Some("\"first\""), "{case}");
            }
        }
    }
}

/// The night after, with these answers in the place of the good one. Gives how often the source was asked.
fn second_night(case: &str, pages: Vec<Page>, ends: Ends) -> u64 {
    second_night_with(case, QUICK, pages, ends)
}

fn second_night_with(case: &str, harvest: &str, pages: Vec<Page>, ends: Ends) -> u64 {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    small.harvest(harvest);
    upstream.script("/f", pages);
    let night = small.night(1);
    judge(case, &night, ends);
    upstream.requests("/f") - 1
}
