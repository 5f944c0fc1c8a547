//! The embedded tables against every place of execution and CPV code of the real files: what they do not know
//! stands here by kind, with why. A code that is real and unknown would be a gap of the tables.
//!
//! The files are not part of this repository: without them (`GUICHET_REAL_DATA`, or `../shared/data`)
//! the test says so and passes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use guichet::decode::SplitOptions;
use guichet::record::{Day, Observation};
use guichet::reference::{Existence, Location, Region, cpv_division_exists, locate, place_exists};
use guichet::refine::{self, Context, read_all};

/// Kind of code, then what the tables say of it; how many distinct codes.
type Unknown = BTreeMap<String, BTreeSet<String>>;

const TABLE: &[(&str, usize)] = &[];

fn data() -> Option<PathBuf> {
    let given = std::env::var_os("GUICHET_REAL_DATA").map(PathBuf::from);
    let data = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    if !data.join("decp-v1").is_dir() {
        println!("skipped: no real files at {}", data.display());
        return None;
    }
    Some(data)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| match path.extension().map(|e| e.to_string_lossy().into_owned()).as_deref() {
            _ if path.is_dir() => files(&path),
            Some("json" | "xml" | "csv") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn look(o: &Observation, unknown: &mut Unknown, seen: &mut BTreeSet<String>) {
    let mut note = |kind: String, code: &str| {
        unknown.entry(kind).or_default().insert(code.to_owned());
    };
    if let Some(place) = &o.record.lieu
        && let Some(kind) = place.kind
    {
        let code = place.code.as_deref().unwrap_or_default();
        seen.insert(format!("{kind} {code}"));
        match place_exists(place) {
            Existence::Exists => {}
            Existence::Unchecked => note(format!("{kind}: no table"), code),
            Existence::OtherType(right) => note(format!("{kind}: a {right}"), code),
            Existence::Missing if locate(place) == Location::Unknown => note(format!("{kind}: unknown"), code),
            Existence::Missing => note(format!("{kind}: missing, and placed all the same"), code),
        }
    }
    if let Some(cpv) = &o.record.cpv {
        seen.insert(format!("CPV {}", cpv.as_str()));
        if !cpv_division_exists(cpv) {
            note("CPV: no such division".to_owned(), cpv.as_str());
        }
    }
}

#[test]
fn every_place_and_cpv_code_of_the_real_files_is_known_or_accounted_for() {
    let Some(data) = data() else { return };
    let region = Region::everywhere();
    let cx = Context { region: &region, register: None, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let (mut unknown, mut seen) = (Unknown::new(), BTreeSet::new());
    for path in ["decp-v1", "decp-v2"].iter().flat_map(|folder| files(&data.join(folder))) {
        read_all(File::open(&path).unwrap(), &SplitOptions::default(), &cx, &mut |item| {
            if let refine::Outcome::Observation(o) = item.outcome {
                look(&o, &mut unknown, &mut seen);
            }
            ControlFlow::Continue(())
        })
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    assert!(seen.len() > 1500, "{} distinct codes", seen.len());
    let table: BTreeMap<&str, usize> = TABLE.iter().copied().collect();
    let got: BTreeMap<&str, usize> = unknown.iter().map(|(kind, codes)| (kind.as_str(), codes.len())).collect();
    assert!(
        got == table,
        "of {} distinct codes these are not known: {unknown:#?}\nthe table says {table:?}",
        seen.len()
    );
}
