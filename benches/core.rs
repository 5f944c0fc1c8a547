//! The pure core, measured alone: `cargo bench --bench core`. Whole processes beside the script that
//! a skilled user would write instead: `benches/whole.py`.
//!
//! The payloads are those of the simulated region, so that every dialect, and its faults, is in them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench stops at the first surprise")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use guichet::decode::{self, SplitOptions};
use guichet::demo::World;
use guichet::merge::{Authority, Candidate, Rules, SourceFacts, merge_buyer};
use guichet::record::{Day, Siren};
use guichet::reference::Region;
use guichet::refine::{Context, Outcome, read_all};

fn main() {
    divan::main();
}

/// Every payload of a region of 4,000 contracts, by dialect.
static PAYLOADS: LazyLock<BTreeMap<&'static str, Vec<Vec<u8>>>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let world = World::new(7, 4000, 8);
    world.write(dir.path()).expect("payloads are written");
    let mut files = Vec::new();
    walk(dir.path(), &mut files);
    let mut payloads: BTreeMap<&'static str, Vec<Vec<u8>>> = BTreeMap::new();
    for path in files {
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("xml") => "xml",
            Some("json") => "json",
            _ => continue,
        };
        payloads.entry(kind).or_default().push(std::fs::read(path).expect("a payload is read"));
    }
    payloads
});

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder is read").flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, out) } else { out.push(path) }
    }
    out.sort();
}

fn bytes(kind: &str) -> usize {
    PAYLOADS[kind].iter().map(Vec::len).sum()
}

/// Boundaries of records only: what a payload costs whose records are all known.
#[divan::bench(args = ["json", "xml"])]
fn split(bencher: Bencher<'_, '_>, kind: &str) {
    bencher.counter(BytesCount::new(bytes(kind))).bench(|| {
        let mut records = 0;
        for payload in &PAYLOADS[kind] {
            // A payload of the region may hold no data at all.
            let _ = decode::split(payload.as_slice(), &SplitOptions::default(), &mut |slice| {
                records += black_box(slice.bytes).len();
                ControlFlow::Continue(())
            });
        }
        records
    });
}

/// Boundaries, parsing and refining: what a first harvest costs.
#[divan::bench(args = ["json", "xml"])]
fn read(bencher: Bencher<'_, '_>, kind: &str) {
    let region = Region::everywhere();
    let cx = Context { region: &region, register: None, seen: Day::from_ymd(2026, 11, 24).expect("a day") };
    bencher.counter(BytesCount::new(bytes(kind))).bench(|| {
        for payload in &PAYLOADS[kind] {
            let _ = read_all(payload.as_slice(), &SplitOptions::default(), &cx, &mut |item| {
                black_box(&item);
                ControlFlow::Continue(())
            });
        }
    });
}

/// One buyer that says the region's contracts from two sources.
#[divan::bench(args = [100, 1000, 8000])]
fn merge(bencher: Bencher<'_, '_>, observations: usize) {
    let all = candidates(observations);
    let siren = all.first().map(|c| c.observation.record.acheteur.siren()).expect("a candidate");
    let facts = |id: &str| SourceFacts { id: id.to_owned(), authority: Authority::Platform, buyers: Vec::new() };
    let sources = [facts("a"), facts("b")];
    bencher
        .counter(ItemsCount::new(observations))
        .with_inputs(|| all.clone())
        .bench_values(|all| merge_buyer(siren, &sources, all, &Rules::without_region()));
}

fn candidates(observations: usize) -> Vec<Candidate> {
    let region = Region::everywhere();
    let day = Day::from_ymd(2026, 11, 24).expect("a day");
    let cx = Context { region: &region, register: None, seen: day };
    let mut found: Vec<Candidate> = Vec::new();
    let mut buyer: Option<guichet::record::Siret> = None;
    for payload in PAYLOADS.values().flatten() {
        let _ = read_all(payload.as_slice(), &SplitOptions::default(), &cx, &mut |item| {
            if let Outcome::Observation(mut o) = item.outcome {
                o.record.acheteur = *buyer.get_or_insert(o.record.acheteur);
                found.push(Candidate {
                    observation_id: found.len() as i64 + 1,
                    source: (found.len() % 2) as u32,
                    resource: "r".to_owned(),
                    position: item.position,
                    also_in: Vec::new(),
                    present: true,
                    withdrawn: false,
                    gone_since: None,
                    resource_date: None,
                    first_seen: day,
                    observation: *o,
                });
            }
            ControlFlow::Continue(())
        });
    }
    let siren: Option<Siren> = buyer.map(|b| b.siren());
    assert!(siren.is_some() && !found.is_empty(), "the region says something");
    // The region has fewer than the largest case asks for: it is said again under other ids.
    let base = found.clone();
    for turn in 1.. {
        if found.len() >= observations {
            break;
        }
        for c in &base {
            let mut c = c.clone();
            c.observation_id = found.len() as i64 + 1;
            c.position += turn * 100_000;
            let id = format!("{}T{turn}", c.observation.record.id);
            c.observation.record.id = guichet::record::LocalId::new(&id).expect("an id");
            found.push(c);
        }
    }
    found.truncate(observations);
    found
}
