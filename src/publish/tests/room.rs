//! The room as its callers see it: reproducible, refused where it must be, whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use super::generate::{contracts, stream};
use super::*;
use crate::record::{Double, Money};

fn state_files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !is_journal(&name) {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    files
}

#[test]
fn the_same_contracts_give_the_same_state_files_byte_for_byte() {
    let [a, b] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = Case::new(a.path(), contracts(11, 900)).outcome();
    // The second one has a past, another seq and another moment.
    Case::new(b.path(), contracts(12, 30)).outcome();
    let mut case = Case::new(b.path(), contracts(11, 900));
    case.next_seq = 5000;
    let second = case.outcome();
    let (first, second) = (state_files(&first.dir), state_files(&second.dir));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(bytes == &second[name], "{name} differs");
    }
    assert_eq!(first.len(), 7 + 4 + 2 * 7 + 1, "plain; database, tables, links; compressed forms; LISEZMOI.md");
}

#[test]
fn nothing_changed_gives_no_new_publication_unless_asked_for() {
    let public = tempfile::tempdir().unwrap();
    let first = Case::new(public.path(), contracts(13, 50)).outcome();
    let mut case = Case::new(public.path(), contracts(13, 50));
    case.day = Day::from_ymd(2026, 11, 25).unwrap();
    assert_eq!(case.publish().unwrap(), Published::Same { publication: first.publication.clone() });
    assert_eq!(swap::names(&public.path().join("dumps")).unwrap(), [first.publication]);
    let mut case = Case::new(public.path(), contracts(13, 50));
    case.force = true;
    let forced = case.outcome();
    assert_eq!((forced.publication.as_str(), forced.upserts), ("2026-11-24.2", 0));
    assert_eq!((forced.first_seq, forced.last_seq), (first.last_seq + 1, first.last_seq));
    let mut case = Case::new(public.path(), contracts(13, 50));
    case.options.configuration = "another".to_owned();
    case.outcome();
}

#[test]
fn a_region_without_contracts_gives_a_publication_that_stands() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), Vec::new()).outcome();
    let read = |name: &str| std::fs::read_to_string(outcome.dir.join(name)).unwrap();
    let decp: serde_json::Value = serde_json::from_str(&read("decp.json")).unwrap();
    assert_eq!(decp, serde_json::json!({"marches": {"marche": [], "contrat-concession": []}}));
    let old: serde_json::Value = serde_json::from_str(&read("decp-2019.json")).unwrap();
    assert_eq!(old, serde_json::json!({"marches": []}));
    assert_eq!((outcome.first_seq, outcome.last_seq), (1, 0));
    assert_eq!(read("contrats.ndjson"), "");
}

#[test]
fn a_publication_that_lost_too_much_is_refused_and_the_last_one_stands() {
    let public = tempfile::tempdir().unwrap();
    let all = contracts(14, 200);
    let first = Case::new(public.path(), all.clone()).outcome();
    let error = Case::new(public.path(), all[..150].to_vec()).publish().unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(swap::names(&public.path().join("dumps")).unwrap(), [first.publication]);
    let mut case = Case::new(public.path(), all[..150].to_vec());
    case.options.accept_shrink = true;
    assert_eq!(case.outcome().publication, "2026-11-24.2");
}

#[test]
fn contracts_out_of_order_or_of_unknown_licence_are_never_published() {
    let public = tempfile::tempdir().unwrap();
    let mut all = contracts(15, 2000);
    all.swap(1500, 1501);
    let error = Case::new(public.path(), all).publish().unwrap_err();
    assert!(matches!(error, PublishError::Order { .. }), "{error}");
    let mut case = Case::new(public.path(), contracts(15, 20));
    case.licence = "unknown";
    let error = case.publish().unwrap_err();
    assert!(matches!(error, PublishError::Licence { .. }), "{error}");
    assert!(swap::names(&public.path().join("dumps")).unwrap().is_empty(), "nothing is left behind");
    assert!(Publication::latest(public.path()).unwrap().is_none());
}

#[test]
fn a_file_that_does_not_read_back_is_found() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(16, 300)).outcome();
    let manifest = Manifest::read(&outcome.dir).unwrap();
    verify::verify(&outcome.dir, &manifest.files).unwrap();
    for name in ["decp.json", "contrats.ndjson.zst", CONSUMER_DB] {
        let path = outcome.dir.join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let error = verify::verify(&outcome.dir, &manifest.files).unwrap_err();
        assert!(matches!(error, PublishError::Verify { .. }), "{name}: {error}");
        std::fs::write(&path, &good).unwrap();
    }
    let mut fewer = manifest.files.clone();
    for entry in &mut fewer {
        if entry.name == "decp.csv" {
            entry.rows = entry.rows.map(|r| r - 1);
        }
    }
    assert!(verify::verify(&outcome.dir, &fewer).is_err(), "a row too many is found");
}

#[test]
fn only_the_formats_asked_for_are_written_and_uncompressed_when_asked() {
    let public = tempfile::tempdir().unwrap();
    let mut case = Case::new(public.path(), contracts(17, 20));
    case.options.formats = vec!["decp.csv".to_owned()];
    case.options.compress = false;
    let outcome = case.outcome();
    assert_eq!(
        swap::names(&outcome.dir).unwrap(),
        [
            "LISEZMOI.md",
            "SHA256SUMS",
            "aliases.csv",
            "catalog.jsonld",
            "catalog.ttl",
            "changes.ndjson",
            "contrats.ndjson",
            "datapackage.json",
            "decp.csv",
            "doublons.csv",
            "guichet.sqlite",
            "journal.sqlite",
            "liens.csv",
            "manifest.json",
            "observations.csv",
            "quality.html",
            "quality.json",
            "quarantine.ndjson"
        ]
    );
}

#[test]
fn candidates_that_were_not_merged_stand_once_in_doublons_csv() {
    let public = tempfile::tempdir().unwrap();
    let mut all = contracts(18, 40);
    all.retain(|c| !c.withdrawn);
    let [a, b] = [all[3].clone(), all[7].clone()];
    let double = |of: &Contract, evidence: &str| Double {
        uid: of.uid.clone(),
        score: 41,
        tied: false,
        evidence: evidence.to_owned(),
        sources: vec!["x".to_owned(), "y".to_owned()],
        montant: Some(Money::euros(1200)),
        date_notification: Day::from_ymd(2024, 3, 5),
        objet: Some("Voirie, \"centre\"".to_owned()),
    };
    all[3].doubles = vec![double(&b, "de a à b")];
    all[7].doubles = vec![double(&a, "de b à a")];
    let outcome = Case::new(public.path(), all.clone()).outcome();
    let text = std::fs::read_to_string(outcome.dir.join("doublons.csv")).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("uid_a,uid_b,acheteur_siren,score,decision,indices,"));
    let row = lines[1];
    assert!(row.contains(",0.41,score insuffisant,de a à b,") && row.contains(",x y,"), "{row}");
    assert!(row.contains(",1200,") && row.contains(",2024-03-05,"), "{row}");
    assert!(row.ends_with(",\"Voirie, \"\"centre\"\"\""), "{row}");
    let manifest = Publication::latest(public.path()).unwrap().unwrap().manifest;
    assert_eq!(manifest.file("doublons.csv").unwrap().rows, Some(1));
    assert!(manifest.file("doublons.csv.gz").is_some() && manifest.file("doublons.csv.zst").is_some());
    // Another candidate is a change, although no contract has changed.
    all[3].doubles[0].tied = true;
    all[7].doubles[0].tied = true;
    let outcome = Case::new(public.path(), all).outcome();
    let text = std::fs::read_to_string(outcome.dir.join("doublons.csv")).unwrap();
    assert!(text.contains(",ambigu,"), "{text}");
}

/// Writes a publication for other readers (`tests/ci/validate_publication.py`), and measures it:
/// `GUICHET_TEST_OUT=dir GUICHET_TEST_CONTRACTS=n cargo test --lib publish::tests::room::a_publication_for -- --nocapture`.
#[test]
fn a_publication_for_other_readers() {
    let Some(out) = std::env::var_os("GUICHET_TEST_OUT") else {
        println!("skipped: GUICHET_TEST_OUT names no folder to write to");
        return;
    };
    let number = |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let n = number("GUICHET_TEST_CONTRACTS", 3000);
    let all = || stream(number("GUICHET_TEST_SEED", 42), n);
    let mut case = Case::new(Path::new(&out), all());
    case.options.compress = std::env::var_os("GUICHET_TEST_PLAIN").is_none();
    case.options.accept_shrink = true;
    case.force = true;
    if let Ok(formats) = std::env::var("GUICHET_TEST_FORMATS") {
        case.options.formats = formats.split(',').map(str::to_owned).collect();
    }
    let started = std::time::Instant::now();
    let outcome = case.outcome();
    println!("published in {:?}: {:?}", started.elapsed(), outcome.counts);
    if n <= 10_000 {
        left_out(&Path::new(&out).join("left-out.ndjson"), all());
    }
}

/// The records that were left out, in the form they would have had, so that another validator can
/// say whether it agrees.
fn left_out(path: &Path, all: impl Iterator<Item = Contract>) {
    let mut text = Vec::new();
    for contract in &all.filter(|c| !c.withdrawn).collect::<Vec<_>>() {
        let verdict = if contract.only_2019 { valid_2019(contract) } else { valid_2022(contract) };
        let Err(reason) = verdict else { continue };
        let mut record = Vec::new();
        let mut xml = Vec::new();
        let element = decp_xml::element(contract.record.kind);
        if contract.only_2019 {
            decp2019_json::write_record(&mut record, contract);
            xml::Xml::element_into(&mut xml, element, |x| shape_2019::members(x, contract));
        } else {
            json::Json::wrapped_into(&mut record, |j| shape_2022::members(j, contract));
            xml::Xml::element_into(&mut xml, element, |x| shape_2022::members(x, contract));
        }
        let line = serde_json::json!({
            "year": if contract.only_2019 { 2019 } else { 2022 },
            "type": element,
            "reason": reason.to_string(),
            "record": serde_json::from_slice::<serde_json::Value>(&record).unwrap(),
            "xml": String::from_utf8(xml).unwrap(),
        });
        serde_json::to_writer(&mut text, &line).unwrap();
        text.push(b'\n');
    }
    std::fs::write(path, text).unwrap();
}
