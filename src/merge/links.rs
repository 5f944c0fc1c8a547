//! Writes into contracts what rule 4 found: why parts of them are one, and what else may be the
//! same.

use std::cmp::Reverse;

use crate::record::{Double, Joined, ObservationIndex};

use super::across::Across;
use super::survive::Built;

/// Most candidates that a contract names; with more, the likeliest.
const MOST_DOUBLES: usize = 16;

/// `place`: the contract of each cluster. The contracts have their names.
pub(super) fn note(built: &mut [Built], place: &[Option<usize>], across: &Across) {
    let of = |cluster: usize| place.get(cluster).copied().flatten();
    for join in &across.joins {
        let Some(b) = of(join.cluster).and_then(|i| built.get_mut(i)) else { continue };
        let index = |nodes: &[u32]| -> Vec<ObservationIndex> {
            let all = nodes.iter().filter_map(|n| b.listed.binary_search(n).ok());
            all.map(|i| i as ObservationIndex).collect()
        };
        let (left, right) = (index(&join.left), index(&join.right));
        b.contract.joins.push(Joined { left, right, score: join.score, evidence: join.evidence.clone() });
    }
    for double in &across.doubles {
        let (Some(a), Some(b)) = (of(double.a), of(double.b)) else { continue };
        let (Some(x), Some(y)) = (built.get(a), built.get(b)) else { continue };
        if !x.contract.region.in_scope || !y.contract.region.in_scope {
            continue;
        }
        let [first, second] = &double.evidence;
        let (of_x, of_y) = (other(y, double, first), other(x, double, second));
        for (i, one) in [(a, of_x), (b, of_y)] {
            if let Some(b) = built.get_mut(i) {
                b.contract.doubles.push(one);
            }
        }
    }
    for b in built {
        b.contract
            .joins
            .sort_by(|x, y| y.score.cmp(&x.score).then_with(|| (&x.left, &x.right).cmp(&(&y.left, &y.right))));
        b.contract.doubles.sort_by(|x, y| (Reverse(x.score), &x.uid).cmp(&(Reverse(y.score), &y.uid)));
        b.contract.doubles.truncate(MOST_DOUBLES);
    }
}

fn other(b: &Built, double: &super::across::Double, evidence: &str) -> Double {
    let c = &b.contract;
    let mut sources: Vec<String> = c.observations.iter().map(|o| o.source.clone()).collect();
    sources.dedup();
    Double {
        uid: c.uid.clone(),
        score: double.score,
        tied: double.tied,
        evidence: evidence.to_owned(),
        sources,
        montant: c.record.montant,
        date_notification: c.record.date_notification,
        objet: c.record.objet.clone(),
    }
}
