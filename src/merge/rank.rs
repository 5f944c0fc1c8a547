//! Which of two observations wins (records.md §5), where both have a valid value.

use std::cmp::Ordering;

use super::node::Node;
use super::{Authority, Rule, Rules};
use crate::record::Day;

/// What the order of observations is made of, but for their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Its source is the authority for this buyer.
    pub speaks: bool,
    /// The authority that counts for this buyer.
    pub authority: Authority,
    /// The latest day that it declares and that is not after its resource's date; `None` is oldest.
    pub effective: Option<Day>,
    /// How many fields have a clean value.
    pub filled: usize,
}

/// What made one observation win over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// Its source speaks for the buyer.
    SpeaksForBuyer,
    /// Its source has the stronger authority.
    Authority,
    /// Its effective date is newer.
    EffectiveDate,
    /// It has more valid fields.
    MoreFields,
    /// Nothing but its place: smaller source, resource, position.
    Place,
}

impl Criterion {
    /// A short name, for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpeaksForBuyer => "speaks-for-buyer",
            Self::Authority => "authority",
            Self::EffectiveDate => "effective-date",
            Self::MoreFields => "more-fields",
            Self::Place => "place",
        }
    }
}

impl Rank {
    pub(super) fn of(node: &Node) -> Self {
        Self { speaks: node.speaks, authority: node.authority, effective: node.effective, filled: node.filled }
    }

    /// Winner first, by the first criterion that tells the two apart; equal where only their
    /// place does.
    pub fn compare(&self, other: &Self, rules: &Rules) -> (Ordering, Criterion) {
        let asked = rules.on(Rule::AuthorityFirst);
        let authority = |o: Ordering| if asked { o } else { Ordering::Equal };
        let criteria = [
            (Criterion::SpeaksForBuyer, authority(other.speaks.cmp(&self.speaks))),
            (Criterion::Authority, authority(self.authority.cmp(&other.authority))),
            (Criterion::EffectiveDate, other.effective.cmp(&self.effective)),
            (Criterion::MoreFields, other.filled.cmp(&self.filled)),
        ];
        let decisive = criteria.into_iter().find(|(_, o)| o.is_ne());
        decisive.map_or((Ordering::Equal, Criterion::Place), |(c, o)| (o, c))
    }
}

/// The total order, winner first: the source that speaks for the buyer, the stronger authority, the
/// newer effective date (none is oldest), more valid fields, smaller source, resource, position.
pub(super) fn order(a: &Node, b: &Node, rules: &Rules) -> Ordering {
    let (order, _) = Rank::of(a).compare(&Rank::of(b), rules);
    order.then_with(|| a.by_place(b))
}
