//! Names contracts: SIRET and id of the canonical observation, and a suffix where one id covers
//! several contracts (contract.md §6).
//!
//! The suffix follows from the contract's own content (holders, lots, notification date; the amount,
//! then a counter, where these do not tell two apart), so that a file put in another order does not
//! rename anything.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::record::{Findings, Holder, Severity, Uid};

use super::node::Node;
use super::survive::Built;

/// How much of a contract's content a suffix is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Parties,
    Amount,
    Counter(u32),
}

/// Names every contract, no two alike, and notes `id-reused` where one id covers several.
pub(super) fn name(built: &mut [Built], nodes: &[Node]) {
    let mut contracts_of: BTreeMap<&str, u32> = BTreeMap::new();
    let keys: Vec<BTreeSet<&str>> = built.iter().map(|b| keys(b, nodes)).collect();
    for key in keys.iter().flatten() {
        *contracts_of.entry(key).or_default() += 1;
    }
    let reused = |key: &str| contracts_of.get(key).is_some_and(|n| *n > 1);
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut taken: BTreeSet<Uid> = BTreeSet::new();
    for (i, b) in built.iter_mut().enumerate() {
        let Some(winner) = nodes.get(b.winner as usize) else {
            continue;
        };
        if keys.get(i).is_some_and(|k| k.iter().any(|k| reused(k))) {
            note_reuse(b);
        }
        let r = &b.contract.record;
        b.contract.uid = Uid::new(&r.acheteur, &r.id);
        if reused(&winner.key) || !taken.insert(b.contract.uid.clone()) {
            groups.entry(&winner.key).or_default().push(i);
        }
    }
    for members in groups.into_values() {
        name_group(built, &members, nodes, &mut taken);
    }
}

/// The ids that a contract's observations give it.
fn keys<'a>(b: &Built, nodes: &'a [Node]) -> BTreeSet<&'a str> {
    b.said.iter().filter_map(|i| Some(nodes.get(*i as usize)?.key.as_str())).collect()
}

fn note_reuse(b: &mut Built) {
    let mut found = Findings::default();
    let id = b.contract.record.id.as_str();
    found.push("id-reused", "id", id, Severity::Warning);
    let at = b.canonical;
    b.contract.findings.extend(found.0.into_iter().map(|f| (f, at)));
}

/// Gives each contract of one id its suffix.
fn name_group(built: &mut [Built], members: &[usize], nodes: &[Node], taken: &mut BTreeSet<Uid>) {
    let mut order: Vec<usize> = members.to_vec();
    // What decides a counter is the content of the canonical observation, then the rest.
    order.sort_by_key(|i| {
        let b = built.get(*i);
        let node = b.and_then(|b| nodes.get(b.winner as usize));
        (b.map(|b| b.contract.uid.clone()), node.map(|n| (n.content, n.source)))
    });
    for depth in [Depth::Parties, Depth::Amount] {
        let mut by_suffix: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for i in order {
            let suffix = built.get(i).map(|b| suffix(b, depth)).unwrap_or_default();
            by_suffix.entry(suffix).or_default().push(i);
        }
        order = Vec::new();
        for (suffix, alike) in by_suffix {
            match alike.as_slice() {
                [one] if take(built, *one, &suffix, taken) => {}
                _ => order.extend(alike),
            }
        }
    }
    for i in order {
        let mut n = 0;
        loop {
            n += 1;
            let text = built.get(i).map(|b| suffix(b, Depth::Counter(n))).unwrap_or_default();
            if take(built, i, &text, taken) {
                break;
            }
        }
    }
}

/// Gives the contract this suffix unless another has the name.
fn take(built: &mut [Built], i: usize, suffix: &str, taken: &mut BTreeSet<Uid>) -> bool {
    let Some(b) = built.get_mut(i) else {
        return true;
    };
    let r = &b.contract.record;
    let uid = Uid::suffixed(&r.acheteur, &r.id, suffix);
    let free = taken.insert(uid.clone());
    if free {
        b.contract.uid = uid;
    }
    free
}

/// Eight hex digits of what tells the contract from others of its id.
fn suffix(b: &Built, depth: Depth) -> String {
    let r = &b.contract.record;
    let mut holders: Vec<String> = r.titulaires.iter().filter_map(Holder::key).collect();
    holders.sort_unstable();
    let mut hash = Sha256::new();
    // Lengths go in too, so that no two lists read alike.
    let mut say = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    };
    say(r.kind.name());
    for list in [&holders, &b.lots] {
        say(&list.len().to_string());
        list.iter().for_each(|part| say(part));
    }
    say(&r.date_notification.map(|d| d.to_string()).unwrap_or_default());
    if depth != Depth::Parties {
        say(&r.montant.map(|m| m.to_string()).unwrap_or_default());
    }
    if let Depth::Counter(n) = depth {
        say(&n.to_string());
    }
    hex::encode(hash.finalize().iter().take(4).copied().collect::<Vec<u8>>())
}
