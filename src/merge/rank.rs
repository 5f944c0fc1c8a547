//! Which of two observations wins (records.md §5), where both have a valid value.

use std::cmp::Ordering;

use super::node::Node;
use super::{Rule, Rules};

/// The total order, winner first: the source that speaks for the buyer, the stronger authority, the
/// newer effective date (none is oldest), more valid fields, smaller source, resource, position.
pub(super) fn order(a: &Node, b: &Node, rules: &Rules) -> Ordering {
    let authority = if rules.on(Rule::AuthorityFirst) {
        b.speaks
            .cmp(&a.speaks)
            .then_with(|| a.authority.cmp(&b.authority))
    } else {
        Ordering::Equal
    };
    authority
        .then_with(|| b.effective.cmp(&a.effective))
        .then_with(|| b.filled.cmp(&a.filled))
        .then_with(|| a.by_place(b))
}
