//! Whether a contract lies in the region, and why (records.md §8).

use crate::record::{Scope, Where};

use super::Rules;
use super::node::Node;

/// In scope when the buyer's seat, or the place of execution of a current observation, is inside.
pub(super) fn scope(current: &[&Node], rules: &Rules) -> Scope {
    if rules.no_region {
        return Scope { in_scope: true, reasons: vec!["no-region".to_owned()] };
    }
    let seat = |w| current.iter().any(|n| n.candidate.observation.seat == w);
    let place = current.iter().any(|n| n.candidate.observation.place == Where::Inside);
    let mut reasons = Vec::new();
    // Alphabetical, as contrats.ndjson sorts them.
    if place {
        reasons.push("place");
    }
    if seat(Where::Inside) {
        reasons.push("seat");
    }
    let in_scope = !reasons.is_empty();
    if !in_scope {
        reasons.push(if seat(Where::Unknown) { "seat-unknown" } else { "seat-outside" });
    }
    Scope { in_scope, reasons: reasons.into_iter().map(str::to_owned).collect() }
}
