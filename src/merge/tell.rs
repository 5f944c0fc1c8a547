//! For whoever explains a merge: why two contracts are not one, and what speaks for two ids that met.

use std::collections::BTreeSet;

use crate::config::Decision;
use crate::record::{Field, Record, Siren};

use super::identity::{Contradiction, atoms, contradiction, share};
use super::text::{letters, same_text};
use super::{Candidate, Rules, SourceFacts, decided, node};

/// Why observations of two contracts of a buyer cannot be one: the strongest reason between any two
/// of them; `None` where no two contradict, as where each fits better elsewhere.
pub fn refusal(
    siren: Siren,
    sources: &[SourceFacts],
    [left, right]: [&[&Candidate]; 2],
    decisions: &[Decision],
    rules: &Rules,
) -> Option<Contradiction> {
    let on_the_left: BTreeSet<i64> = left.iter().map(|c| c.observation_id).collect();
    let all: Vec<Candidate> = left.iter().chain(right).map(|c| (*c).clone()).collect();
    let (nodes, _) = node::prepare(siren, sources, all, rules);
    let atoms = atoms(&nodes, &decided::Decided::new(decisions), rules).atoms;
    let (left, right): (Vec<_>, Vec<_>) = atoms.iter().partition(|a| {
        let first = a.nodes.first().and_then(|n| nodes.get(*n as usize));
        first.is_some_and(|n| on_the_left.contains(&n.candidate.observation_id))
    });
    left.iter().flat_map(|x| right.iter().filter_map(|y| contradiction(x, y, rules))).min()
}

/// What two records agree on of what second keys ask for: a holder, the amount, the object.
pub fn agreement(a: &Record, b: &Record) -> Vec<Field> {
    let objet = |r: &Record| letters(r.objet.as_deref().unwrap_or_default());
    let (x, y) = (objet(a), objet(b));
    let agreed = [
        (Field::Titulaires, share(&node::tokens(&a.titulaires), &node::tokens(&b.titulaires))),
        (Field::Montant, a.montant.is_some() && a.montant == b.montant),
        (Field::Objet, !x.is_empty() && same_text(&x, &y)),
    ];
    agreed.into_iter().filter(|(_, agreed)| *agreed).map(|(field, _)| field).collect()
}
