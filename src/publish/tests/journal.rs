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
