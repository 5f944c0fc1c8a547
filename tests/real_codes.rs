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

/// Kind of code and what the tables say of it, then the distinct codes.
type Unknown = BTreeMap<String, BTreeSet<String>>;

/// Kind of code and what the tables say of it, then how many distinct codes. None is a gap: each is wrong
/// where it stands, or of a system that no table here is meant to hold.
const TABLE: &[(&str, usize)] = &[
    // Divisions 23, 29, 67 and 74 are those of the vocabulary of 2003, which that of 2008 replaced; a date
    // (20190128) and test records (12345678, 12345555) stand among them.
    ("CPV: no such division", 18),
    // In a division that exists: codes of 2003 again (30262000), tests (22222222), a digit off (39000002).
    ("CPV: not in the vocabulary of 2008", 12),
    // Wrong: a département's number, and postal codes, under `Code commune`.
    ("Code commune: a Code département", 1),
    ("Code commune: a Code postal", 11),
    // Wrong: 15003 is a commune, 15000 a postal code; the number of the département would be 15.
    ("Code département: a Code commune", 7),
    ("Code département: a Code postal", 5),
    // Wrong: a NUTS code (FR615), and a code of Martinique with a digit too many: each begins with its place.
    ("Code département: missing, and placed all the same", 2),
    // Wrong: 99 is no département; it stands for abroad, or for nowhere.
    ("Code département: unknown", 1),
    // Wrong: the Aisne is no country; FRJ23 (NUTS) is the Haute-Garonne.
    ("Code pays: a Code département", 1),
    ("Code pays: missing, and placed all the same", 1),
    // Right: Insee's five digits for other countries. All begin with 99, which is all that matters here: abroad.
    ("Code pays: no table", 11),
    // Wrong: 99 alone says nothing, and FRANCE is a name; neither is a place.
    ("Code pays: unknown", 2),
    // Wrong: numbers of départements, and FR, under `Code postal`.
    ("Code postal: a Code département", 10),
    ("Code postal: a Code pays", 1),
    // Wrong in form only: a postal code behind FR.
    ("Code postal: missing, and placed all the same", 6),
    // Right for the most part: CEDEX, of which there is no open table that stays current; their first two digits
    // place them. 75000 is nobody's, and means Paris.
    ("Code postal: no table", 42),
    // Wrong: 775000 has a digit too many, and two départements could be meant.
    ("Code postal: unknown", 1),
    // Wrong: numbers of départements, FR, and a NUTS code (FRF2) under `Code région`.
    ("Code région: a Code département", 2),
    ("Code région: a Code pays", 1),
    ("Code région: missing, and placed all the same", 1),
];

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

fn look(o: &Observation, cpv_2008: &BTreeSet<String>, unknown: &mut Unknown, seen: &mut BTreeSet<String>) {
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
        } else if !cpv_2008.contains(cpv.as_str()) {
            note("CPV: not in the vocabulary of 2008".to_owned(), cpv.as_str());
        }
    }
}

#[test]
fn every_place_and_cpv_code_of_the_real_files_is_known_or_accounted_for() {
    let Some(data) = data() else { return };
    let region = Region::everywhere();
    let cx = Context { region: &region, register: None, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let official = std::fs::read_to_string(data.join("reference/cpv_2008_fr.csv")).unwrap();
    let cpv_2008 = official.lines().skip(1).filter_map(|line| Some(line.get(..8)?.to_owned())).collect();
    let (mut unknown, mut seen) = (Unknown::new(), BTreeSet::new());
    for path in ["decp-v1", "decp-v2"].iter().flat_map(|folder| files(&data.join(folder))) {
        read_all(File::open(&path).unwrap(), &SplitOptions::default(), &cx, &mut |item| {
            if let refine::Outcome::Observation(o) = item.outcome {
                look(&o, &cpv_2008, &mut unknown, &mut seen);
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
