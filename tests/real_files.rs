//! Every real DECP file at hand is read, and what was read stands in a table. `received` is counted
//! a second time by `tests/ci/received.py`, which shares no line with the reader.
//!
//! The files are not part of this repository: without them (`GUICHET_REAL_DATA`, or `../shared/data`)
//! the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use guichet::decode::{Ending, SplitOptions};
use guichet::merge::{Authority, Candidate, Outcome, Rules, SourceFacts, merge_buyer};
use guichet::record::{Day, Observation, Severity, Siren};
use guichet::reference::Region;
use guichet::refine::{self, Context, Rule, read_all};

/// Received, accepted, repeats, superseded, quarantined, and repaired (accepted or superseded with at
/// least one repair).
type Counts = [u32; 6];

/// File (or folder, its files taken together), then what is read of it.
const TABLE: &[(&str, Counts)] = &[
    ("decp-v1/aife.json", [4530, 4267, 165, 83, 15, 966]),
    ("decp-v1/e-marchespublics.json", [470, 464, 2, 4, 0, 71]),
    ("decp-v1/exemples-officiels/cc-avec-modifications.json", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/cc-avec-modifications.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/cc-basique-avec-uid.json", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/cc-basique-avec-uid.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/cc-basique.json", [1, 1, 0, 0, 0, 1]),
    ("decp-v1/exemples-officiels/cc-basique.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/mar-avec-modifications.json", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/mar-avec-modifications.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/mar-basique-avec-uid.json", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/mar-basique-avec-uid.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/mar-basique.json", [1, 1, 0, 0, 0, 1]),
    ("decp-v1/exemples-officiels/mar-basique.xml", [1, 1, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/paquet-avec-uid.json", [2, 2, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/paquet-avec-uid.xml", [4, 4, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/paquet-result.json", [2, 2, 0, 0, 0, 2]),
    ("decp-v1/exemples-officiels/paquet.json", [2, 2, 0, 0, 0, 0]),
    ("decp-v1/exemples-officiels/paquet.xml", [4, 4, 0, 0, 0, 0]),
    ("decp-v1/mixte-49.json", [49, 49, 0, 0, 0, 49]),
    ("decp-v1/pes-2019-02-03.json", [110, 109, 0, 1, 0, 110]),
    ("decp-v1/pes-2019-02-11.json", [138, 136, 0, 2, 0, 138]),
    ("decp-v1/pes-par-acheteur", [233, 233, 0, 0, 0, 233]),
    ("decp-v1/region-bretagne-csv-root.xml", [762, 760, 0, 2, 0, 762]),
    ("decp-v1/region-bretagne-latin1.csv", [762, 760, 0, 2, 0, 762]),
    ("decp-v1/region-bretagne.xml", [762, 760, 0, 2, 0, 762]),
    ("decp-v2/decp-59920013600241-2024-07-09-01.json", [5, 5, 0, 0, 0, 5]),
    ("decp-v2/dematis13.json", [137, 137, 0, 0, 0, 5]),
    ("decp-v2/dematis16.json", [143, 143, 0, 0, 0, 1]),
    ("decp-v2/dematis17.json", [159, 159, 0, 0, 0, 1]),
    ("decp-v2/dematis18.json", [74, 74, 0, 0, 0, 2]),
    ("decp-v2/dematis20.json", [45, 45, 0, 0, 0, 3]),
    ("decp-v2/exemples-officiels/Contrat-concession-modification.xml", [2, 1, 1, 0, 0, 0]),
    ("decp-v2/exemples-officiels/Contrat-concession.xml", [2, 1, 1, 0, 0, 0]),
    ("decp-v2/exemples-officiels/Marche.xml", [2, 1, 1, 0, 0, 1]),
    ("decp-v2/exemples-officiels/concessions.json", [2, 2, 0, 0, 0, 0]),
    ("decp-v2/exemples-officiels/concessions_avec_modifications.json", [2, 2, 0, 0, 0, 0]),
    ("decp-v2/exemples-officiels/marches_avec_modifications.json", [2, 2, 0, 0, 0, 2]),
    ("decp-v2/exemples-officiels/marches_concessions.json", [4, 4, 0, 0, 0, 2]),
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
    let cx = Context { region: &region, register: None, seen: Day::from_ymd(2026, 11, 24).unwrap() };
    let mut known: HashMap<Vec<u8>, i64> = HashMap::new();
    let mut observations: Vec<(u32, Observation)> = Vec::new();
    // The observation that each place holds; `None`: quarantined.
    let mut places: Vec<Option<i64>> = Vec::new();
    let split = read_all(File::open(path).unwrap(), &SplitOptions::default(), &cx, &mut |item| {
        places.push(match item.outcome {
            refine::Outcome::Observation(o) => {
                let next = observations.len() as i64;
                let id = *known.entry(item.bytes.to_vec()).or_insert(next);
                if id == next {
                    prove(path, &o);
                    observations.push((item.position, *o));
                }
                Some(id)
            }
            refine::Outcome::Quarantine { .. } => None,
            refine::Outcome::OutOfRegion { .. } => panic!("out of a region without limit"),
        });
        ControlFlow::Continue(())
    })
    .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(split.ending, Ending::Complete, "{}", path.display());
    assert_eq!(split.records as usize, places.len(), "{}: a record is neither read nor refused", path.display());
    let counts = fates(&observations, &places);
    assert_eq!(counts[0], counts[1..5].iter().sum::<u32>(), "{}: the counts do not balance", path.display());
    counts
}

/// Every finding is a rule of the table, and no declared value is lost by it.
fn prove(path: &Path, o: &Observation) {
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

/// What becomes of the places of one payload when its source speaks alone.
fn fates(observations: &[(u32, Observation)], places: &[Option<i64>]) -> Counts {
    let day = Day::from_ymd(2026, 11, 24).unwrap();
    let sources = [SourceFacts { id: "file".to_owned(), authority: Authority::Platform, buyers: vec![] }];
    let mut buyers: BTreeMap<Siren, Vec<Candidate>> = BTreeMap::new();
    for (id, (position, observation)) in (0..).zip(observations) {
        buyers.entry(observation.record.acheteur.siren()).or_default().push(Candidate {
            observation_id: id,
            source: 0,
            resource: "file".to_owned(),
            position: *position,
            also_in: vec![],
            present: true,
            withdrawn: false,
            gone_since: None,
            resource_date: None,
            first_seen: day,
            observation: observation.clone(),
        });
    }
    let mut outcomes = HashMap::new();
    for (siren, candidates) in buyers {
        outcomes.extend(merge_buyer(siren, &sources, candidates, &Rules::without_region()).outcomes);
    }
    let (mut counts, mut seen) = ([0; 6], HashSet::new());
    for place in places {
        counts[0] += 1;
        let Some(id) = place else {
            counts[4] += 1;
            continue;
        };
        let same = if let Outcome::SameAs(first) = outcomes[id] { first } else { *id };
        counts[match outcomes[&same] {
            _ if !seen.insert(same) => {
                counts[2] += 1;
                continue;
            }
            Outcome::Accepted => 1,
            Outcome::Superseded => 3,
            other => panic!("{other:?} of one present payload"),
        }] += 1;
        let repaired = observations[same as usize].1.findings.iter().any(|f| f.severity == Severity::Repaired);
        counts[5] += u32::from(repaired);
    }
    counts
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
            assert!(counts[0] > 0, "{}", path.display());
            let sum = got.entry(row).or_default();
            *sum = std::array::from_fn(|n| sum[n] + counts[n]);
        }
    }
    let table: BTreeMap<String, Counts> = TABLE.iter().map(|(f, c)| ((*f).to_owned(), *c)).collect();
    let show =
        |t: &BTreeMap<String, Counts>| t.iter().map(|(f, c)| format!("    (\"{f}\", {c:?}),\n")).collect::<String>();
    assert!(got == table, "the table of this file is\n{}\nand the files give\n{}", show(&table), show(&got));
}

/// Taking out the first, a middle and the last record that can be read. That the others stay byte for byte is
/// part of the taking out: what does not fit is refused.
#[test]
fn any_record_of_a_real_file_can_be_taken_out_of_it() {
    let Some(data) = data() else { return };
    let (options, mut refused) = (SplitOptions::default(), Vec::new());
    for (name, _) in TABLE {
        let path = data.join(name);
        for path in if path.is_dir() { files(&path) } else { vec![path] } {
            let mut sound = Vec::new();
            let read = guichet::decode::split(File::open(&path).unwrap(), &options, &mut |slice| {
                if guichet::decode::parse(&slice).is_ok() {
                    sound.push(slice.position);
                }
                ControlFlow::Continue(())
            });
            if read.is_err() || sound.is_empty() {
                continue;
            }
            for position in [sound[0], sound[sound.len() / 2], sound[sound.len() - 1]] {
                let mut goes = |slice: &guichet::decode::Slice<'_>| slice.position == position;
                match guichet::decode::strip(File::open(&path).unwrap(), &options, &mut goes) {
                    Ok(Some(left)) => assert_eq!(left.removed, 1),
                    Ok(None) => panic!("{name}: {position} was not found"),
                    Err(error) => refused.push(format!("{name} {position}: {error}")),
                }
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
