//! What can happen to contracts on their way through several sources: each scenario is a function
//! from chance to a family, and says what has to come out.
//!
//! In: seed, number of the family, night. Out: a [`Family`]. The same in a world of any size and
//! of any number of sources. To add a case, write its function in the file of its concern and
//! name it in [`Scenario`].

mod authority;
mod faults;
mod identity;
mod ordinary;
mod region;
mod renumbered;
mod reused;

use super::actors::{self, Buyer};
use super::draft;
use super::family::Family;
use super::quirk::{Broken, Quirk};
use super::rng::{About, Rng};
use crate::record::{LocalId, Record};

/// A case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is described where it is built")]
pub enum Scenario {
    Single,
    Overlap,
    Concession,
    SubContracting,
    YearAndSequence,
    SequenceGrew,
    Modified,
    EstablishmentMoved,
    SeparatorsDiffer,
    Framework,
    CorrectedInPlace,
    CorrectedElsewhere,
    Lots,
    LotsAlike,
    SameText,
    SameHolder,
    UnrelatedHere,
    UnrelatedElsewhere,
    LastTwoDigits,
    SequencesOfLots,
    ThroughAThird,
    StemWithoutEvidence,
    BestFit,
    KindsOfOneId,
    YearsOfOneStem,
    LotsInTwoSources,
    BuyerSpeaks,
    PlatformOverConsolidator,
    NoChimera,
    DatedAhead,
    Forged,
    OutsideSeat,
    PlaceDecides,
    UnknownSeat,
    UnknownSeatElsewhere,
    SiblingShows,
    SeatDecides,
    LeftAtTheDoor,
    Repeated,
    RepeatedInOtherOrder,
    RepeatedInOtherFile,
    Misspelled,
    Renumbered,
    RenumberedLots,
    RenumberedTransposed,
    RenumberedMoved,
    RenumberedCorrected,
    RenumberedFramework,
    RenumberedReused,
    AlikeInEachSource,
    AlikeInOneSource,
    ByElimination,
    YearlyRenewal,
    LotsAcross,
    Unusable(Quirk),
    Broken(Broken),
}

impl Scenario {
    /// Every case: a world of some hundred contracts holds each at least once.
    pub const ALL: [Self; 71] = [
        Self::Overlap,
        Self::YearAndSequence,
        Self::Lots,
        Self::LotsAlike,
        Self::SameText,
        Self::SameHolder,
        Self::UnrelatedHere,
        Self::UnrelatedElsewhere,
        Self::LastTwoDigits,
        Self::SequencesOfLots,
        Self::ThroughAThird,
        Self::StemWithoutEvidence,
        Self::BestFit,
        Self::KindsOfOneId,
        Self::YearsOfOneStem,
        Self::LotsInTwoSources,
        Self::BuyerSpeaks,
        Self::PlatformOverConsolidator,
        Self::NoChimera,
        Self::DatedAhead,
        Self::Forged,
        Self::Single,
        Self::Concession,
        Self::SubContracting,
        Self::SequenceGrew,
        Self::Modified,
        Self::EstablishmentMoved,
        Self::SeparatorsDiffer,
        Self::Framework,
        Self::CorrectedInPlace,
        Self::CorrectedElsewhere,
        Self::OutsideSeat,
        Self::PlaceDecides,
        Self::UnknownSeat,
        Self::UnknownSeatElsewhere,
        Self::SiblingShows,
        Self::SeatDecides,
        Self::LeftAtTheDoor,
        Self::Repeated,
        Self::RepeatedInOtherOrder,
        Self::RepeatedInOtherFile,
        Self::Misspelled,
        Self::Misspelled,
        Self::Renumbered,
        Self::RenumberedLots,
        Self::RenumberedTransposed,
        Self::RenumberedMoved,
        Self::RenumberedCorrected,
        Self::RenumberedFramework,
        Self::RenumberedReused,
        Self::AlikeInEachSource,
        Self::AlikeInOneSource,
        Self::ByElimination,
        Self::YearlyRenewal,
        Self::LotsAcross,
        Self::Unusable(Quirk::QuotesUnescaped),
        Self::Unusable(Quirk::QuoteUnescaped),
        Self::Unusable(Quirk::OffersNotCommunicated),
        Self::Unusable(Quirk::AmountHuge),
        Self::Unusable(Quirk::AmountNotANumber),
        Self::Unusable(Quirk::YearTypo),
        Self::Unusable(Quirk::DurationNotCommunicated),
        Self::Unusable(Quirk::ProcedureUnknown),
        Self::Unusable(Quirk::HoldersOverlong),
        Self::Broken(Broken::NoBuyer),
        Self::Broken(Broken::NoId),
        Self::Broken(Broken::BuyerOverlong),
        Self::Broken(Broken::Garbled),
        Self::Broken(Broken::Torn),
        // These two have no content that could tell two of them apart: a second one in the same
        // file would be a repeat as well, so that no other family plays them.
        Self::Broken(Broken::Null),
        Self::Broken(Broken::Empty),
    ];

    /// What the family of this number plays: each case once, then mostly the ordinary.
    pub fn of(seed: u64, family: u64) -> Self {
        let at = usize::try_from(family).unwrap_or(usize::MAX);
        if let Some(first) = Self::ALL.get(at) {
            return *first;
        }
        let mut rng = Rng::new(seed, About::Scenario, family);
        match rng.below(100) {
            0..62 => Self::Single,
            62..80 => Self::Overlap,
            80..83 => Self::Concession,
            83..86 => Self::SubContracting,
            _ => Self::ALL[rng.below(Self::ALL.len() - 2)],
        }
    }

    /// How many contracts its families have (once all of them are published).
    pub fn contracts(self) -> usize {
        match self {
            Self::Broken(broken) => usize::from(broken.damages_text()),
            Self::Unusable(quirk) if quirk.damages_text() => 2,
            Self::Lots | Self::SameText | Self::RenumberedLots | Self::AlikeInOneSource => 3,
            Self::LotsAlike
            | Self::SameHolder
            | Self::UnrelatedHere
            | Self::UnrelatedElsewhere
            | Self::LastTwoDigits
            | Self::SequencesOfLots
            | Self::ThroughAThird
            | Self::StemWithoutEvidence
            | Self::BestFit
            | Self::KindsOfOneId
            | Self::YearsOfOneStem
            | Self::LotsInTwoSources
            | Self::RenumberedReused
            | Self::AlikeInEachSource
            | Self::ByElimination
            | Self::YearlyRenewal
            | Self::LotsAcross
            | Self::Forged => 2,
            _ => 1,
        }
    }

    /// Plays it.
    pub(crate) fn play(self, cx: &mut Cx) -> Option<Family> {
        match self {
            Self::Single => ordinary::single(cx),
            Self::Overlap => ordinary::overlap(cx),
            Self::Concession => ordinary::concession(cx),
            Self::SubContracting => ordinary::sub_contracting(cx),
            Self::YearAndSequence => identity::year_and_sequence(cx),
            Self::SequenceGrew => identity::sequence_grew(cx),
            Self::Modified => identity::modified(cx),
            Self::EstablishmentMoved => identity::establishment_moved(cx),
            Self::SeparatorsDiffer => identity::separators_differ(cx),
            Self::Framework => identity::framework(cx),
            Self::CorrectedInPlace => identity::corrected_in_place(cx),
            Self::CorrectedElsewhere => identity::corrected_elsewhere(cx),
            Self::Lots => reused::lots(cx),
            Self::LotsAlike => reused::lots_alike(cx),
            Self::SameText => reused::same_text(cx),
            Self::SameHolder => reused::same_holder(cx),
            Self::UnrelatedHere => reused::unrelated(cx, false),
            Self::UnrelatedElsewhere => reused::unrelated(cx, true),
            Self::LastTwoDigits => reused::last_two_digits(cx),
            Self::SequencesOfLots => reused::sequences_of_lots(cx),
            Self::ThroughAThird => reused::through_a_third(cx),
            Self::StemWithoutEvidence => reused::stem_without_evidence(cx),
            Self::BestFit => reused::best_fit(cx),
            Self::KindsOfOneId => reused::kinds_of_one_id(cx),
            Self::YearsOfOneStem => reused::years_of_one_stem(cx),
            Self::LotsInTwoSources => reused::lots_in_two_sources(cx),
            Self::BuyerSpeaks => authority::buyer_speaks(cx),
            Self::PlatformOverConsolidator => authority::platform_over_consolidator(cx),
            Self::NoChimera => authority::no_chimera(cx),
            Self::DatedAhead => authority::dated_ahead(cx),
            Self::Forged => authority::forged(cx),
            Self::OutsideSeat => region::outside_seat(cx),
            Self::PlaceDecides => region::place_decides(cx),
            Self::UnknownSeat => region::unknown_seat(cx),
            Self::UnknownSeatElsewhere => region::unknown_seat_elsewhere(cx),
            Self::SiblingShows => region::sibling_shows(cx),
            Self::SeatDecides => region::seat_decides(cx),
            Self::LeftAtTheDoor => region::left_at_the_door(cx),
            Self::Repeated => faults::repeated(cx),
            Self::RepeatedInOtherOrder => faults::repeated_in_other_order(cx),
            Self::RepeatedInOtherFile => faults::repeated_in_other_file(cx),
            Self::Misspelled => faults::misspelled(cx),
            Self::Renumbered => renumbered::renumbered(cx),
            Self::RenumberedLots => renumbered::lots(cx),
            Self::RenumberedTransposed => renumbered::transposed(cx),
            Self::RenumberedMoved => renumbered::moved(cx),
            Self::RenumberedCorrected => renumbered::corrected(cx),
            Self::RenumberedFramework => renumbered::framework(cx),
            Self::RenumberedReused => renumbered::reused(cx),
            Self::AlikeInEachSource => renumbered::alike_in_each_source(cx),
            Self::AlikeInOneSource => renumbered::alike_in_one_source(cx),
            Self::ByElimination => renumbered::by_elimination(cx),
            Self::YearlyRenewal => renumbered::yearly_renewal(cx),
            Self::LotsAcross => renumbered::lots_across(cx),
            Self::Unusable(quirk) => faults::unusable(cx, quirk),
            Self::Broken(broken) => faults::broken(cx, broken),
        }
    }
}

/// What happens to an ordinary family after the first night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing.
    None,
    /// From this night on it has one modification more.
    Modified(u32),
    /// From this night on another amount, newly published.
    Corrected(u32),
    /// It is published from this night on.
    Added(u32),
    /// It is published until the night before.
    Removed(u32),
}

impl Event {
    /// About one family in twelve changes, in the second to fourth night.
    fn of(seed: u64, family: u64) -> Self {
        let mut rng = Rng::new(seed, About::Fate, family);
        let night = 2 + rng.below(3) as u32;
        match rng.below(100) {
            0..4 => Self::Modified(night),
            4..6 => Self::Corrected(night),
            6..7 => Self::Added(night),
            7..8 => Self::Removed(night),
            _ => Self::None,
        }
    }
}

/// What a scenario plays with.
pub(crate) struct Cx {
    pub(crate) seed: u64,
    /// Number of the family.
    pub(crate) family: u64,
    /// 1 = the first.
    pub(crate) night: u32,
    pub(crate) event: Event,
    pub(crate) rng: Rng,
}

impl Cx {
    /// For the family of this number, as it stands in this night.
    pub(crate) fn new(seed: u64, family: u64, night: u32) -> Self {
        Self { seed, family, night, event: Event::of(seed, family), rng: Rng::new(seed, About::Family, family) }
    }

    /// A buyer of the region.
    fn buyer(&mut self) -> Buyer {
        actors::buyer(self.seed, &mut self.rng)
    }

    /// The family's own number.
    fn number(&self, letter: char) -> String {
        draft::number(letter, self.family)
    }

    /// A marché with the family's number as its id.
    fn marche(&mut self, buyer: &Buyer) -> Option<Record> {
        let recent = self.rng.chance(60);
        draft::marche(buyer, &self.number('M'), recent, &mut self.rng)
    }

    /// A marché of the years of the 2019 rules, with an id as they ask for.
    fn marche_2019(&mut self, buyer: &Buyer) -> Option<Record> {
        let mut r = draft::marche(buyer, &self.number('M'), false, &mut self.rng)?;
        r.id = self.id_2019(&r, 0)?;
        Some(r)
    }

    /// The id that the 2019 rules make of the family's number.
    fn id_2019(&self, r: &Record, sequence: usize) -> Option<LocalId> {
        draft::local_id(&draft::id_2019(r.date_notification?.year(), &self.number('M'), sequence))
    }

    /// Another contract under the id of this one: other object, holders and amount.
    fn unlike(&mut self, r: &Record) -> Record {
        let mut other = r.clone();
        let (objet, cpv) = draft::objet(&mut self.rng);
        other.objet = Some(format!("{objet}, seconde opération"));
        other.cpv = crate::record::Cpv::parse(cpv);
        other.montant = Some(draft::other_amount(r.montant, &mut self.rng));
        other.titulaires = self.others(&r.titulaires);
        other
    }

    /// As many holders as these, none of whom is among them.
    fn others(&mut self, than: &[crate::record::Holder]) -> Vec<crate::record::Holder> {
        loop {
            let new = actors::suppliers(than.len().max(1), &mut self.rng);
            if new.iter().all(|h| !than.contains(h)) {
                return new;
            }
        }
    }
}

/// Removes `- lot 7` from the object: for scenarios in which a lot would decide.
fn without_lot(r: &mut Record) {
    if let Some((head, _)) = r.objet.as_deref().and_then(|o| o.split_once(" - lot ")) {
        r.objet = Some(head.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_plays_and_has_the_contracts_that_it_announces() {
        for seed in 0..20 {
            for (family, scenario) in (1_000..).zip(Scenario::ALL) {
                let mut cx = Cx::new(seed, family, 1);
                cx.event = Event::None;
                let f = scenario.play(&mut cx).unwrap_or_else(|| panic!("{scenario:?} gives nothing"));
                assert_eq!(f.members.len(), scenario.contracts(), "{scenario:?}");
                assert!(f.notices.iter().all(|n| n.slot < f.slots.len()), "{scenario:?}");
                for m in 0..f.members.len() as u32 {
                    assert!(f.notices.iter().any(|n| n.fate.contract() == Some(m)), "{scenario:?} {m}");
                }
            }
        }
    }

    #[test]
    fn a_family_is_the_same_whenever_it_is_asked_for() {
        for family in 0..300 {
            let scenario = Scenario::of(7, family);
            let play = |night| scenario.play(&mut Cx::new(7, family, night));
            assert_eq!(play(1), play(1));
            assert_eq!(play(3), play(3));
        }
    }

    #[test]
    fn the_list_of_cases_is_complete() {
        let ordinary = Scenario::ALL.iter().filter(|s| !matches!(s, Scenario::Broken(_) | Scenario::Unusable(_)));
        let kinds: std::collections::BTreeSet<_> = ordinary.collect();
        assert_eq!(kinds.len(), 54);
        for b in Broken::ALL {
            assert!(Scenario::ALL.contains(&Scenario::Broken(b)));
        }
    }
}
