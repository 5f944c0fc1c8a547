//! The rules of the merge as switches.
//!
//! All are on in the product. A switch exists so that a test can turn one off and see that the
//! generated world then comes out wrong: a rule that nothing misses is no rule.

/// One rule of identity or survivorship that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Ids are compared without case, accents and kinds of separator.
    NormalisedIds,
    /// The buyer is the SIREN: a change of establishment is no change of buyer.
    BuyerIsSiren,
    /// A marché and a concession never meet.
    KindInKey,
    /// Observations of one key that contradict stay apart.
    Contradictions,
    /// Inside one payload and publication date, another amount, lot or holder is another contract.
    OnePayload,
    /// Elsewhere, disjoint holders together with different amounts are another contract.
    DisjointHolders,
    /// Lot numbers are read from the object text.
    LotNumbers,
    /// An observation that could join several contracts joins the one that it fits best.
    BestFit,
    /// The holders of a framework that is published one record a holder are united.
    UnitedFrameworks,
    /// An id meets its form without year or sequence.
    SecondKeys,
    /// … and only when the records agree on a holder and on the amount or the object.
    SecondKeysNeedEvidence,
    /// Two ids that differ in their last two digits meet only if one ends in `00`.
    SequenceNeedsZero,
    /// Two ids that do not meet are not pulled into one contract through a third.
    NoThird,
    /// One contract that two feeds number differently is found by what it says (`[merge]
    /// across_feeds`).
    AcrossFeeds,
    /// … but two records that one source numbers differently are never one.
    AcrossSources,
    /// … and between two sources the best one-to-one assignment decides; what is tied stays apart.
    AcrossAssignment,
    /// Who speaks for the buyer, and authority, come before the date.
    AuthorityFirst,
    /// A declared day later than the resource's own date says nothing about how new a record is.
    FutureDates,
    /// Amount, holders and what belongs to them come from one winner.
    Coupled,
    /// Modifications and acts of all current observations are united.
    UnitedModifications,
}

impl Rule {
    /// Every switch.
    pub const ALL: &'static [Rule] = &[
        Rule::NormalisedIds,
        Rule::BuyerIsSiren,
        Rule::KindInKey,
        Rule::Contradictions,
        Rule::OnePayload,
        Rule::DisjointHolders,
        Rule::LotNumbers,
        Rule::BestFit,
        Rule::UnitedFrameworks,
        Rule::SecondKeys,
        Rule::SecondKeysNeedEvidence,
        Rule::SequenceNeedsZero,
        Rule::NoThird,
        Rule::AcrossFeeds,
        Rule::AcrossSources,
        Rule::AcrossAssignment,
        Rule::AuthorityFirst,
        Rule::FutureDates,
        Rule::Coupled,
        Rule::UnitedModifications,
    ];

    /// A short name, for messages of tests.
    pub fn name(self) -> &'static str {
        match self {
            Rule::NormalisedIds => "normalised-ids",
            Rule::BuyerIsSiren => "buyer-is-siren",
            Rule::KindInKey => "kind-in-key",
            Rule::Contradictions => "contradictions",
            Rule::OnePayload => "one-payload",
            Rule::DisjointHolders => "disjoint-holders",
            Rule::LotNumbers => "lot-numbers",
            Rule::BestFit => "best-fit",
            Rule::UnitedFrameworks => "united-frameworks",
            Rule::SecondKeys => "second-keys",
            Rule::SecondKeysNeedEvidence => "second-keys-need-evidence",
            Rule::SequenceNeedsZero => "sequence-needs-zero",
            Rule::NoThird => "no-third",
            Rule::AcrossFeeds => "across-feeds",
            Rule::AcrossSources => "across-sources",
            Rule::AcrossAssignment => "across-assignment",
            Rule::AuthorityFirst => "authority-first",
            Rule::FutureDates => "future-dates",
            Rule::Coupled => "coupled",
            Rule::UnitedModifications => "united-modifications",
        }
    }
}

/// Which rules are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    off: u32,
    /// No region is configured: every contract is in scope, for the reason `no-region`.
    pub no_region: bool,
}

impl Default for Rules {
    /// Every rule on, a region configured.
    fn default() -> Self {
        Self { off: 0, no_region: false }
    }
}

impl Rules {
    /// Every rule on, no region configured.
    pub fn without_region() -> Self {
        Self { off: 0, no_region: true }
    }
    /// The same rules with this one off.
    #[must_use]
    pub fn without(self, rule: Rule) -> Self {
        Self { off: self.off | 1 << rule as u32, ..self }
    }
    /// What tells these rules, and the program's way to apply them, from others: contracts made
    /// under another one are to be made again.
    pub fn fingerprint(&self) -> String {
        format!("{} {:x} {}", super::VERSION, self.off, self.no_region)
    }
    /// Whether the rule is on.
    pub fn on(&self, rule: Rule) -> bool {
        self.off & (1 << rule as u32) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_turns_off_itself_alone() {
        for rule in Rule::ALL {
            let rules = Rules::default().without(*rule);
            let off: Vec<_> = Rule::ALL.iter().filter(|r| !rules.on(**r)).collect();
            assert_eq!(off, [rule], "{}", rule.name());
        }
    }
}
