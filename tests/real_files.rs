//! Every real DECP file at hand is read, and what was read stands in a table. `received` is counted
//! a second time by `tests/ci/received.py`, which shares no line with the reader.
//!
//! The files are not part of this repository: without them (`GUICHET_REAL_DATA`, or `../shared/data`)
//! the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use guichet::decode::{Ending, SplitOptions};
use guichet::record::{Day, Severity};
use guichet::reference::Region;
use guichet::refine::{Context, Outcome, Rule, read_all};

/// Received, quarantined, repaired (observations with at least one repair).
type Counts = (u32, u32, u32);

/// File (or folder, its files taken together), then what is read of it.
const TABLE: &[(&str, Counts)] = &[
    ("decp-v1/aife.json", (4530, 15, 995)),
    ("decp-v1/e-marchespublics.json", (470, 0, 71)),
    ("decp-v1/exemples-officiels/cc-avec-modifications.json", (1, 0, 0)),
    ("decp-v1/exemples-officiels/cc-avec-modifications.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/cc-basique-avec-uid.json", (1, 0, 0)),
    ("decp-v1/exemples-officiels/cc-basique-avec-uid.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/cc-basique.json", (1, 0, 1)),
    ("decp-v1/exemples-officiels/cc-basique.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/mar-avec-modifications.json", (1, 0, 0)),
    ("decp-v1/exemples-officiels/mar-avec-modifications.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/mar-basique-avec-uid.json", (1, 0, 0)),
    ("decp-v1/exemples-officiels/mar-basique-avec-uid.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/mar-basique.json", (1, 0, 1)),
    ("decp-v1/exemples-officiels/mar-basique.xml", (1, 0, 0)),
    ("decp-v1/exemples-officiels/paquet-avec-uid.json", (2, 0, 0)),
    ("decp-v1/exemples-officiels/paquet-avec-uid.xml", (4, 0, 0)),
    ("decp-v1/exemples-officiels/paquet-result.json", (2, 0, 2)),
    ("decp-v1/exemples-officiels/paquet.json", (2, 0, 0)),
    ("decp-v1/exemples-officiels/paquet.xml", (4, 0, 0)),
    ("decp-v1/mixte-49.json", (49, 0, 49)),
    ("decp-v1/pes-2019-02-03.json", (110, 0, 110)),
    ("decp-v1/pes-2019-02-11.json", (138, 0, 138)),
    ("decp-v1/pes-par-acheteur", (233, 0, 233)),
    ("decp-v1/region-bretagne-csv-root.xml", (762, 0, 762)),
    ("decp-v1/region-bretagne-latin1.csv", (762, 0, 762)),
    ("decp-v1/region-bretagne.xml", (762, 0, 762)),
    ("decp-v2/decp-59920013600241-2024-07-09-01.json", (5, 0, 5)),
    ("decp-v2/dematis13.json", (137, 0, 5)),
    ("decp-v2/dematis16.json", (143, 0, 1)),
    ("decp-v2/dematis17.json", (159, 0, 1)),
    ("decp-v2/dematis18.json", (74, 0, 2)),
    ("decp-v2/dematis20.json", (45, 0, 3)),
    ("decp-v2/exemples-officiels/Contrat-concession-modification.xml", (2, 0, 0)),
    ("decp-v2/exemples-officiels/Contrat-concession.xml", (2, 0, 0)),
    ("decp-v2/exemples-officiels/Marche.xml", (2, 0, 2)),
    ("decp-v2/exemples-officiels/concessions.json", (2, 0, 0)),
    ("decp-v2/exemples-officiels/concessions_avec_modifications.json", (2, 0, 0)),
    ("decp-v2/exemples-officiels/marches_avec_modifications.json", (2, 0, 2)),
    ("decp-v2/exemples-officiels/marches_concessions.json", (4, 0, 2)),
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
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "json" || e == "xml" || e == "csv") {
            out.push(path);
        }
    }
    out.sort();
    out
}

fn read(path: &Path) -> Counts {
    let region = Region::everywhere();
    let cx = Context { region: &region, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let (mut observations, mut quarantined, mut repaired) = (0, 0, 0);
    let split = read_all(File::open(path).unwrap(), &SplitOptions::default(), &cx, &mut |item| {
        match item.outcome {
            Outcome::Observation(o) => {
                observations += 1;
                repaired += u32::from(o.findings.iter().any(|f| f.severity == Severity::Repaired));
                for f in &o.findings {
                    let rule = Rule::from_code(&f.code).unwrap_or_else(|| panic!("{} stands in no table", f.code));
                    assert_eq!(rule.severity(), f.severity);
                    // A value that the clean record replaces or lacks is never lost.
                    if f.severity != Severity::Warning && !f.value.is_empty() && !f.field.is_empty() {
                        let kept = o.declared.iter().any(|d| d.field == f.field && d.value.starts_with(&f.value));
                        assert!(kept, "{}: {f:?} but {:?}", path.display(), o.declared);
                    }
                }
            }
            Outcome::Quarantine { .. } => quarantined += 1,
            Outcome::OutOfRegion { .. } => panic!("out of a region without limit"),
        }
        ControlFlow::Continue(())
    })
    .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(split.ending, Ending::Complete, "{}", path.display());
    assert_eq!(split.records, observations + quarantined, "{}: the counts do not balance", path.display());
    (split.records, quarantined, repaired)
}

#[test]
fn every_real_file_is_read_and_its_counts_are_those_of_the_table() {
    let Some(data) = data() else { return };
    let mut got: BTreeMap<String, Counts> = BTreeMap::new();
    for folder in ["decp-v1", "decp-v2"] {
        for path in files(&data.join(folder)) {
            let name = path.strip_prefix(&data).unwrap().display().to_string();
            let row = match name.split_once("/pes-par-acheteur/") {
                Some((before, _)) => format!("{before}/pes-par-acheteur"),
                None => name,
            };
            let counts = read(&path);
            assert!(counts.0 > 0, "{}", path.display());
            let sum = got.entry(row).or_default();
            *sum = (sum.0 + counts.0, sum.1 + counts.1, sum.2 + counts.2);
        }
    }
    let table: BTreeMap<String, Counts> = TABLE.iter().map(|(f, c)| ((*f).to_owned(), *c)).collect();
    let show =
        |t: &BTreeMap<String, Counts>| t.iter().map(|(f, c)| format!("    (\"{f}\", {c:?}),\n")).collect::<String>();
    assert!(got == table, "the table of this file is\n{}\nand the files give\n{}", show(&table), show(&got));
}
