//! changes.ndjson: applied to the publication before, it gives this one, byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::generate::{Dice, contracts};
use super::*;

#[derive(serde::Deserialize)]
struct Change<'a> {
    epoch: String,
    seq: u64,
    kind: String,
    op: String,
    uid: String,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    reason: Option<String>,
    merged_into: Option<String>,
}

fn lines(dir: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(dir.join("contrats.ndjson")).unwrap();
    let uid = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["uid"].as_str().unwrap().to_owned();
    text.split_terminator('\n').map(|l| (uid(l), l.to_owned())).collect()
}

/// Applies the journal of `outcome` and checks its seqs.
fn apply(outcome: &Outcome, state: &mut BTreeMap<String, String>) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(outcome.dir.join("changes.ndjson")).unwrap();
    let (mut seq, mut deleted) = (outcome.first_seq, Vec::new());
    for line in text.split_terminator('\n') {
        let change: Change<'_> = serde_json::from_str(line).unwrap();
        assert_eq!((change.seq, change.kind.as_str()), (seq, "contrat"));
        assert_eq!(change.epoch, Uuid::from_u128(7).to_string());
        match change.op.as_str() {
            "upsert" => drop(state.insert(change.uid, change.record.unwrap().get().to_owned())),
            "delete" => {
                assert!(state.remove(&change.uid).is_some());
                let why = change.merged_into.or(change.reason).unwrap();
                deleted.push((change.uid, why));
            }
            other => panic!("{other}"),
        }
        seq += 1;
    }
    assert_eq!(outcome.last_seq + 1, seq);
    deleted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_changes_applied_to_the_old_publication_give_the_new_one(seed in any::<u64>(), packed in any::<bool>()) {
        let public = tempfile::tempdir().unwrap();
        let before = contracts(seed, 60);
        let mut dice = Dice(seed ^ 1);
        let mut after: Vec<Contract> = Vec::new();
        for mut contract in contracts(seed, 60).into_iter().chain(contracts(seed ^ 2, 4)) {
            match dice.roll(6) {
                0 => continue,
                1 => contract.withdrawn = !contract.withdrawn,
                _ => {}
            }
            after.push(contract);
        }
        after.sort_by(|a, b| a.uid.as_str().as_bytes().cmp(b.uid.as_str().as_bytes()));
        after.dedup_by(|a, b| a.uid == b.uid);
        let first = Case::new(public.path(), before).outcome();
        let mut state = BTreeMap::new();
        apply(&first, &mut state);
        prop_assert_eq!(&state, &lines(&first.dir));
        if packed {
            // An old publication may have its text compressed only.
            std::fs::remove_file(first.dir.join("contrats.ndjson")).unwrap();
        }
        let mut case = Case::new(public.path(), after);
        case.options.accept_shrink = true;
        case.force = true;
        let second = case.outcome();
        prop_assert_eq!(second.first_seq, first.last_seq + 1, "the journal goes on by itself");
        apply(&second, &mut state);
        prop_assert_eq!(&state, &lines(&second.dir));
        let manifest = Manifest::read(&second.dir).unwrap();
        prop_assert_eq!(manifest.applies_to, Some(first.publication));
    }
}

#[test]
fn a_contract_that_went_names_the_one_that_took_its_observations() {
    let public = tempfile::tempdir().unwrap();
    let mut all = contracts(9, 400);
    all.iter_mut().for_each(|c| c.observations.truncate(1));
    all.retain(|c| c.uid.as_str().ends_with(c.observations[0].id.as_str()));
    Case::new(public.path(), all.clone()).outcome();
    // 10 goes into 11; 20 is cut in two; 30 is gone.
    let [merged, cut, gone] = [10, 20, 30].map(|i| all[i].clone());
    let taken = merged.observations[0].clone();
    all[11].observations.push(taken);
    let successor = all[11].uid.as_str().to_owned();
    for suffix in ["0000000a", "0000000b"] {
        let mut half = cut.clone();
        half.uid = crate::record::Uid::suffixed(&cut.record.acheteur, &cut.record.id, suffix);
        all.push(half);
    }
    let went = [&merged, &cut, &gone].map(|c| c.uid.as_str().to_owned());
    all.retain(|c| !went.contains(&c.uid.as_str().to_owned()));
    all.sort_by(|a, b| a.uid.as_str().cmp(b.uid.as_str()));
    let mut state = lines(&Publication::latest(public.path()).unwrap().unwrap().dir);
    let deleted = apply(&Case::new(public.path(), all).outcome(), &mut state);
    let [merged, cut, gone] = went;
    let mut expected = vec![(merged, successor), (cut, "split".to_owned()), (gone, "gone".to_owned())];
    expected.sort();
    assert_eq!(deleted, expected);
}

fn table(dir: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join(name)).unwrap();
    text.split_terminator("\r\n").skip(1).map(str::to_owned).collect()
}

fn numbers(dir: &Path, sql: &str) -> Vec<u64> {
    let db = rusqlite::Connection::open(dir.join(JOURNAL_DB)).unwrap();
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}

fn on(public: &Path, all: &[Contract], day: &str) -> Case {
    let mut case = Case::new(public, all.to_vec());
    case.day = day.parse().unwrap();
    case.options.accept_shrink = true;
    case.force = true;
    case
}

/// Some contracts of one observation each, which their uid comes from.
fn plain(seed: u64, n: u64) -> Vec<Contract> {
    let mut all = contracts(seed, n);
    all.retain(|c| c.uid.as_str().ends_with(c.observations[0].id.as_str()) && !c.withdrawn);
    all.iter_mut().for_each(|c| c.observations.truncate(1));
    all
}

#[test]
fn the_journal_keeps_what_was_replaced_and_forgets_it_when_told_to() {
    let public = tempfile::tempdir().unwrap();
    let mut all = plain(31, 60);
    let first = on(public.path(), &all, "2026-11-24").outcome();
    let old = lines(&first.dir)[all[5].uid.as_str()].clone();
    all[5].record.objet = Some("Tout autre chose".to_owned());
    let second = on(public.path(), &all, "2026-11-25").outcome();
    let db = rusqlite::Connection::open(second.dir.join(JOURNAL_DB)).unwrap();
    let packed: Vec<u8> = db
        .query_row("SELECT record FROM changements WHERE uid = ?1 AND record IS NOT NULL", [all[5].uid.as_str()], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(zstd::decode_all(packed.as_slice()).unwrap(), old.as_bytes());
    let seqs = "SELECT seq FROM changements ORDER BY seq";
    assert_eq!(numbers(&second.dir, seqs), (1..=second.last_seq).collect::<Vec<_>>());
    // Something was redacted: no record but the present ones stays, and nothing is lost to who follows.
    let mut case = on(public.path(), &all, "2026-11-26");
    case.redacted = 1;
    let third = case.outcome();
    assert_eq!(numbers(&third.dir, "SELECT count(*) FROM changements WHERE record IS NOT NULL"), [0]);
    assert_eq!(numbers(&third.dir, "PRAGMA freelist_count"), [0], "nor in a free page");
    assert_eq!(numbers(&third.dir, seqs).len() as u64, second.last_seq - 1);
}

#[test]
fn a_change_is_told_for_ninety_days() {
    let public = tempfile::tempdir().unwrap();
    let mut all = plain(32, 40);
    let first = on(public.path(), &all, "2026-11-24").outcome();
    let since_min = |o: &Outcome| numbers(&o.dir, "SELECT CAST(valeur AS INTEGER) FROM meta WHERE cle = 'since_min'");
    assert_eq!(since_min(&first), [0]);
    all[3].withdrawn = true;
    let second = on(public.path(), &all, "2027-02-22").outcome();
    assert_eq!(since_min(&second), [0], "the ninetieth day");
    let third = on(public.path(), &all, "2027-02-23").outcome();
    assert_eq!(since_min(&third), [first.last_seq]);
    assert_eq!(numbers(&third.dir, "SELECT seq FROM changements"), [second.last_seq]);
}

#[test]
fn a_former_uid_leads_to_the_last_of_those_that_followed_it() {
    let public = tempfile::tempdir().unwrap();
    let mut all = plain(33, 200);
    let names: Vec<String> = all.iter().map(|c| c.uid.as_str().to_owned()).collect();
    on(public.path(), &all, "2026-11-24").outcome();
    // 5 goes into 6, then 6 into 7; then 6 is back.
    for (gone, into, day) in [(5, 6, "2026-11-25"), (6, 7, "2026-11-26")] {
        let from = all.iter().find(|c| c.uid.as_str() == names[gone]).unwrap().observations.clone();
        all.retain(|c| c.uid.as_str() != names[gone]);
        all.iter_mut().find(|c| c.uid.as_str() == names[into]).unwrap().observations.extend(from);
        on(public.path(), &all, day).outcome();
    }
    let latest = || Publication::latest(public.path()).unwrap().unwrap().dir;
    let mut expected =
        vec![format!("{},{},2026-11-25", names[5], names[7]), format!("{},{},2026-11-26", names[6], names[7])];
    expected.sort();
    assert_eq!(table(&latest(), "aliases.csv"), expected);
    let seen = table(&latest(), "observations.csv");
    let of_seven: Vec<_> = seen.iter().filter(|l| l.starts_with(&format!("{},", names[7]))).collect();
    assert!(
        !of_seven.is_empty() && of_seven.iter().all(|l| l.ends_with(",2026-11-24,2026-11-26,true")),
        "{of_seven:?}"
    );
    let original = plain(33, 200).into_iter().find(|c| c.uid.as_str() == names[6]).unwrap();
    let declared = original.observations[0].id.clone();
    for c in &mut all {
        if c.observations.len() > 1 {
            c.observations.retain(|o| o.id != declared);
        }
    }
    all.push(original);
    all.sort_by(|a, b| a.uid.cmp(&b.uid));
    on(public.path(), &all, "2026-11-27").outcome();
    assert_eq!(table(&latest(), "aliases.csv"), [format!("{},{},2026-11-25", names[5], names[7])]);
}

#[test]
fn observations_tell_when_each_resource_showed_a_contract() {
    let public = tempfile::tempdir().unwrap();
    let mut all = plain(34, 30);
    on(public.path(), &all, "2026-11-24").outcome();
    let mut other = all[2].observations[0].clone();
    other.resource = "fichier-autre".to_owned();
    let was = std::mem::replace(&mut all[2].observations, vec![other]);
    all[4].withdrawn = true;
    let outcome = on(public.path(), &all, "2026-11-30").outcome();
    let row = |uid: &str, resource: &str| {
        let start = format!("{uid},{},{resource},", was[0].source);
        table(&outcome.dir, "observations.csv").iter().find_map(|l| Some(l.strip_prefix(&start)?.to_owned()))
    };
    let uid = all[2].uid.as_str();
    assert_eq!(row(uid, "fichier-autre").unwrap(), "2026-11-30,2026-11-30,true");
    assert_eq!(row(uid, &was[0].resource).unwrap(), "2026-11-24,2026-11-24,false");
    let withdrawn = table(&outcome.dir, "observations.csv");
    let withdrawn = withdrawn.iter().find(|l| l.starts_with(&format!("{},", all[4].uid.as_str()))).unwrap();
    assert!(withdrawn.ends_with(",2026-11-24,2026-11-24,false"), "{withdrawn}");
    // A journal that is lost, or another one's, is begun anew with all that is there.
    std::fs::write(outcome.dir.join(JOURNAL_DB), b"no database").unwrap();
    let after = on(public.path(), &all, "2026-12-01").outcome();
    let fresh = table(&after.dir, "observations.csv");
    assert_eq!(fresh.len(), all.len());
    let since_min = "SELECT CAST(valeur AS INTEGER) FROM meta WHERE cle = 'since_min'";
    assert_eq!(numbers(&after.dir, since_min), [outcome.last_seq]);
}
