//! Frameworks published one record a holder: which records of a contract are such pieces.
//!
//! Pieces stand in one payload with the same dates, object and amount, are declared as a framework,
//! and name one holder each. Their holders are united and each record is accepted.

use std::collections::BTreeSet;

use super::node::Node;
use super::{Rule, Rules};
use crate::record::Holder;

/// The pieces that belong to the winner of a source, among its other contents of the same contract
/// in winning order: one for each further holder.
pub(super) fn pieces(winner: &Node, others: &[(u32, &Node)], rules: &Rules) -> Vec<u32> {
    let Some(own) = sole_holder(winner).filter(|_| rules.on(Rule::UnitedFrameworks)) else {
        return Vec::new();
    };
    let mut holders = BTreeSet::from([own]);
    others
        .iter()
        .filter(|(_, n)| is_piece_with(winner, n))
        .filter(|(_, n)| sole_holder(n).is_some_and(|h| holders.insert(h)))
        .map(|(i, _)| *i)
        .collect()
}

fn is_piece_with(a: &Node, b: &Node) -> bool {
    let (x, y) = (a.record(), b.record());
    let one_payload = a.candidate.present == b.candidate.present && a.resources.iter().any(|r| b.resources.contains(r));
    one_payload
        && a.framework
        && b.framework
        && x.date_publication == y.date_publication
        && x.date_notification == y.date_notification
        && x.montant.is_some()
        && x.montant == y.montant
        && !a.objet.is_empty()
        && a.objet == b.objet
        && a.lots == b.lots
}

fn sole_holder(n: &Node) -> Option<String> {
    match n.record().titulaires.as_slice() {
        [one] => Holder::key(one),
        _ => None,
    }
}
