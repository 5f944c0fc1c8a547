//! The pairs of real records that were labelled by hand, those that one source decides.
//!
//! Each test reads the real files and says `skipped` where they are not on the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::measure::{Pairs, compare};
use super::testing::{candidates, platforms, real_data};
use super::{Merged, Rules, merge_all};

/// Observations, named (file, position), by the contract they were put into.
struct Found {
    group: BTreeMap<(String, u32), (String, u32)>,
    merged: Vec<Merged>,
    ids: BTreeMap<(String, u32), String>,
}

fn found(files: &[&str]) -> Option<Found> {
    let dir = real_data()?;
    let paths: Vec<_> = files.iter().map(|f| dir.join(f)).collect();
    let named: Vec<(&str, &Path)> = files.iter().copied().zip(paths.iter().map(|p| p.as_path())).collect();
    let (input, names) = candidates(0, &named);
    let ids = input.iter().map(|c| (names[c.observation_id as usize].clone(), c.observation.record.id.key())).collect();
    let merged = merge_all(&platforms(&["feed"]), input, &Rules::default());
    let mut group = BTreeMap::new();
    for (siren, m) in &merged {
        for (id, contract) in &m.contract_of {
            group.insert(names[*id as usize].clone(), (siren.to_string(), *contract));
        }
    }
    Some(Found { group, merged: merged.into_iter().map(|(_, m)| m).collect(), ids })
}

impl Found {
    fn of(&self, file: &str, position: u32) -> &(String, u32) {
        &self.group[&(file.to_owned(), position)]
    }
    fn contracts(&self, file: &str, positions: &[u32]) -> usize {
        let distinct: BTreeSet<_> = positions.iter().map(|p| self.of(file, *p)).collect();
        distinct.len()
    }
    /// Names of the contracts of a buyer and an id.
    fn uids(&self, siren: &str, id: &str) -> Vec<String> {
        self.merged
            .iter()
            .flat_map(|m| &m.contracts)
            .filter(|c| c.record.id.as_str() == id && c.record.acheteur.siren().as_str() == siren)
            .map(|c| c.uid.as_str().to_owned())
            .collect()
    }
}

const EMP: &str = "decp-v1/e-marchespublics.json";

#[test]
fn the_lots_and_reused_ids_of_e_marchespublics_stay_apart() {
    let Some(f) = found(&[EMP]) else { return };
    for (positions, contracts) in [
        (vec![386, 396, 397], 3),
        ((387..=395).collect(), 9),
        ((125..=133).chain(135..=137).collect(), 12),
        (vec![129, 130], 2),
        (vec![120, 134], 2),
        (vec![138, 139], 2),
        (vec![18, 23], 2),
        (vec![72, 73], 2),
        (vec![228, 229], 2),
        (vec![252, 272], 1),
        (vec![254, 273], 1),
        (vec![225, 242], 1),
    ] {
        assert_eq!(f.contracts(EMP, &positions), contracts, "{positions:?}");
    }
    let uids = f.uids("210400495", "20181101");
    assert_eq!(uids.len(), 12);
    assert!(uids.iter().all(|u| u.contains('~')), "{uids:?}");
}

#[test]
fn the_reused_ids_of_dematis_files_are_two_contracts_each() {
    for (file, siren, id) in [
        ("decp-v2/dematis16.json", "281300038", "2024-FCS01-00"),
        ("decp-v2/dematis16.json", "403891997", "2024-2024300293"),
        ("decp-v2/dematis18.json", "130027931", "2024-OCC022-00"),
        ("decp-v2/dematis20.json", "445520398", "2021-5310-00"),
        ("decp-v2/dematis20.json", "445520398", "2021-1420-00"),
    ] {
        let Some(f) = found(&[file]) else { return };
        let uids = f.uids(siren, id);
        assert_eq!(uids.len(), 2, "{id}: {uids:?}");
        assert!(uids.iter().all(|u| u.contains('~')));
    }
}

#[test]
fn a_record_republished_in_three_files_is_one_contract() {
    let files = ["13", "16", "20"].map(|n| format!("decp-v2/dematis{n}.json"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let Some(f) = found(&files) else { return };
    assert_eq!(f.uids("452200751", "23-239").len(), 1);
    let groups = [(files[0], 7), (files[1], 6), (files[2], 16)].map(|(file, p)| f.of(file, p));
    assert!(groups.iter().all(|g| *g == groups[0]));
}

#[test]
fn a_v1_sequence_pair_of_the_pes_is_one_contract() {
    let file = "decp-v1/pes-2019-02-11.json";
    let Some(f) = found(&[file]) else { return };
    assert_eq!(f.contracts(file, &[121, 123]), 1);
}

#[test]
fn the_pes_files_that_repeat_each_other_add_no_contract() {
    let all = ["decp-v1/pes-2019-02-11.json", "decp-v1/pes-2019-02-03.json"];
    let (Some(one), Some(two)) = (found(&all[..1]), found(&all)) else {
        return;
    };
    let count = |f: &Found| f.merged.iter().map(|m| m.contracts.len()).sum::<usize>();
    assert_eq!(count(&one), count(&two));
}

/// aife.json, labelled by what facts say of it: repeated keys that differ only outside object,
/// holder, amount and date, or in a date, are one contract each.
#[test]
fn the_repeats_of_aife_are_one_contract_each_and_its_tests_are_not_tidied_up() {
    let file = "decp-v1/aife.json";
    let Some(f) = found(&[file]) else { return };
    for repeats in [
        vec![210, 211, 4254, 4267, 4288],
        vec![229, 4427],
        vec![251, 253, 3555, 3820],
        vec![1171, 1445, 1446, 1461],
        vec![1525, 1672],
        vec![1569, 4305, 4500],
        vec![2118, 2120],
        vec![4134, 4137, 4138, 4139],
    ] {
        assert_eq!(f.contracts(file, &repeats), 1, "{repeats:?}");
    }
    // Test records of one id: another holder, another amount or another day is another contract.
    assert_ne!(f.of(file, 2354), f.of(file, 2358));
}

#[test]
fn precision_and_recall_on_the_labelled_pairs_are_one() {
    let Some(f) = found(&[EMP]) else { return };
    let truth: Vec<Vec<u32>> = [(386..=397).collect::<Vec<u32>>(), vec![120], vec![134]]
        .into_iter()
        .chain([(125..=133).collect(), (135..=139).collect()])
        .chain([vec![18], vec![23], vec![72, 73], vec![228, 229]])
        .flat_map(|each| each.into_iter().map(|p| vec![p]))
        .chain([vec![252, 272], vec![254, 273], vec![225, 242]])
        .collect();
    let items = truth
        .iter()
        .enumerate()
        .flat_map(|(label, group)| group.iter().map(move |p| (*p, label)))
        .map(|(p, label)| (p, label, f.of(EMP, p).clone()));
    let measured: Pairs<u32> = compare(items);
    println!("labelled pairs of {EMP}: {measured}");
    assert_eq!((measured.wrong, measured.missed), (0, 0), "{measured:?}");
}

/// The pairs of AIFE and PES of buyer 283100014, as two sources.
#[test]
fn the_pairs_of_aife_and_pes_meet_where_they_are_sure_and_are_candidates_where_they_are_not() {
    let Some(dir) = real_data() else { return };
    let (aife, pes) = ("decp-v1/aife.json", "decp-v1/pes-2019-02-11.json");
    let (mut input, mut names) = candidates(0, &[(aife, &dir.join(aife))]);
    let (more, more_names) = candidates(1, &[(pes, &dir.join(pes))]);
    let first = names.len() as i64;
    input.extend(more.into_iter().map(|c| super::Candidate { observation_id: c.observation_id + first, ..c }));
    names.extend(more_names);
    let merged = merge_all(&platforms(&["aife", "pes"]), input.clone(), &Rules::default());
    let by_keys = merge_all(&platforms(&["aife", "pes"]), input, &Rules::default().without(super::Rule::AcrossFeeds));
    let place = |merged: &[(crate::record::Siren, Merged)]| -> BTreeMap<(String, u32), (String, u32)> {
        let all = merged.iter().flat_map(|(s, m)| m.contract_of.iter().map(move |(id, c)| (s.to_string(), *id, *c)));
        all.map(|(s, id, c)| (names[id as usize].clone(), (s, c))).collect()
    };
    let (on, off) = (place(&merged), place(&by_keys));
    let at = |p: u32, q: u32| (on[&(aife.to_owned(), p)].clone(), on[&(pes.to_owned(), q)].clone());
    let contract = |(s, c): &(String, u32)| {
        let (_, m) = merged.iter().find(|(siren, _)| siren.as_str() == s).unwrap();
        &m.contracts[*c as usize]
    };
    let sure = [(1173, 120), (1673, 124)];
    for (p, q) in sure {
        let (a, b) = at(p, q);
        println!("{p} = {q}: {:?}", contract(&a).joins);
        assert_eq!(a, b, "{p} = {q}");
    }
    for (p, q) in [(1686, 127), (1681, 125)] {
        let (a, b) = at(p, q);
        println!("{p} ~ {q}: {:?}", contract(&a).doubles);
        assert_ne!(a, b, "{p} ~ {q}");
        assert!(contract(&a).doubles.iter().any(|d| d.uid == contract(&b).uid), "{p} ~ {q}");
    }
    // All that rule 4 joined in the two files, whichever the buyer; the labelled ones and no other
    // that the facts would have to be asked about.
    let mut joined: BTreeMap<&(String, u32), BTreeSet<&(String, u32)>> = BTreeMap::new();
    for (name, group) in &on {
        joined.entry(group).or_default().insert(&off[name]);
    }
    let joins: Vec<_> = joined.iter().filter(|(_, parts)| parts.len() > 1).map(|(group, _)| *group).collect();
    let doubles = merged.iter().flat_map(|(_, m)| &m.contracts).map(|c| c.doubles.len()).sum::<usize>() / 2;
    println!("AIFE and PES: {} contracts joined across feeds, {doubles} candidates", joins.len());
    let truth = sure.iter().enumerate().flat_map(|(n, (p, q))| [((aife, *p), n), ((pes, *q), n)]);
    let unsure = [((aife, 1686), 2), ((pes, 127), 3), ((aife, 1681), 4), ((pes, 125), 5)];
    let items = truth.chain(unsure).map(|((f, p), label)| ((f, p), label, on[&(f.to_owned(), p)].clone()));
    let measured: Pairs<(&str, u32)> = compare(items);
    println!("labelled pairs across feeds: {measured}");
    for group in &joins {
        println!("  {}: {:?}", contract(group).uid, contract(group).joins);
    }
    assert_eq!((measured.wrong, measured.missed), (0, 0), "{measured:?}");
    assert_eq!(joins.len(), sure.len(), "{joins:?}");
}

/// Second keys join records of one source whose ids differ by a sequence, and nothing else.
#[test]
fn second_keys_join_only_sequences_in_the_real_files() {
    let dematis = ["13", "16", "17", "18", "20"].map(|n| format!("decp-v2/dematis{n}.json"));
    let mut files = vec![EMP, "decp-v1/aife.json", "decp-v1/pes-2019-02-11.json"];
    files.extend(dematis.iter().map(String::as_str));
    let Some(f) = found(&files) else { return };
    let mut ids: BTreeMap<&(String, u32), BTreeSet<&str>> = BTreeMap::new();
    for (name, group) in &f.group {
        ids.entry(group).or_default().insert(&f.ids[name]);
    }
    let joined: Vec<Vec<&str>> =
        ids.into_values().filter(|ids| ids.len() > 1).map(|ids| ids.into_iter().collect()).collect();
    println!("joined by second keys: {joined:?}");
    assert!(joined.contains(&vec!["201918A06900", "201918A06901"]));
    for pair in &joined {
        let stem = |id: &str| id[..id.len() - 2].to_owned();
        let (short, long) = (pair[0], pair[1]);
        assert_eq!(pair.len(), 2, "{pair:?}");
        assert!(short == stem(long) || stem(short) == stem(long), "{pair:?}");
    }
}
