//! The region that guichet works for, and whether a buyer or a place is in it.

use super::departement::{DepartementSet, region_name};
use super::place::{Location, locate};
use super::register::Register;
use super::seat::{Seat, seat_of};
use crate::record::{DepartementCode, Place, Siren, Where};

/// A set of départements with a name, or no limit at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    name: Option<String>,
    /// `None`: no limit.
    limit: Option<DepartementSet>,
}

impl Region {
    /// No limit: everything is inside, known or not.
    pub fn everywhere() -> Self {
        Self { name: None, limit: None }
    }
    /// The départements of this list that exist, under a name of the operator's choice.
    pub fn of(name: impl Into<String>, departements: &[DepartementCode]) -> Self {
        let set = DepartementSet::of(departements.iter().map(DepartementCode::as_str));
        Self { name: Some(name.into()), limit: Some(set) }
    }
    /// The région of this Insee code, as it is since 2016; `None` when there is none.
    pub fn insee(code: &str) -> Option<Self> {
        let region = region_name(code)?;
        let set = DepartementSet::of_region(region.code);
        Some(Self { name: Some(region.name.to_owned()), limit: Some(set) })
    }
    /// The same region under another name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
    /// What it is called; `None` without a limit.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    /// Whether there is no limit.
    pub fn is_everywhere(&self) -> bool {
        self.limit.is_none()
    }
    /// Its départements, by code; empty without a limit.
    pub fn departements(&self) -> Vec<DepartementCode> {
        self.limit.iter().flat_map(|set| set.iter()).filter_map(|d| d.code()).collect()
    }

    /// Whether the buyer's seat is in the region, by its SIREN; the register, where there is one, has
    /// the first word. A fault of it counts as "not known" and is kept by it ([`Register::check`]).
    ///
    /// Where a buyer may sit in several départements (an EPCI across a border), a likely seat in
    /// the region counts, but `Outside` is only said when none of them is inside: it makes
    /// the door drop the record.
    pub fn seat(&self, buyer: &Siren, register: Option<&Register>) -> Where {
        let Some(limit) = self.limit else {
            return Where::Inside;
        };
        let unit = register.and_then(|register| register.unit_or_fault(buyer));
        match seat_of(buyer, unit.as_ref()) {
            Seat::Unknown => Where::Unknown,
            Seat::Known { main, all, .. } => match compare(all, limit) {
                Where::Unknown if main.is_some_and(|d| DepartementSet::one(d.code).is_within(limit)) => Where::Inside,
                answer => answer,
            },
        }
    }

    /// Whether a place of execution is in the region. A place wider than the region (the country,
    /// a région that the region is a part of) is neither.
    pub fn place(&self, place: &Place) -> Where {
        let Some(limit) = self.limit else {
            return Where::Inside;
        };
        match locate(place) {
            Location::In(set) => compare(set, limit),
            Location::Abroad => Where::Outside,
            Location::Unknown => Where::Unknown,
        }
    }

    /// All that changes an answer of this region, as text, for fingerprints.
    pub fn canonical(&self) -> String {
        match self.limit {
            None => "*".to_owned(),
            Some(set) => set.iter().map(|d| d.code).collect::<Vec<_>>().join(" "),
        }
    }
}

fn compare(set: DepartementSet, limit: DepartementSet) -> Where {
    if set.is_empty() {
        Where::Unknown
    } else if set.is_within(limit) {
        Where::Inside
    } else if set.intersection(limit).is_empty() {
        Where::Outside
    } else {
        Where::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PlaceType;

    fn occitanie() -> Region {
        Region::insee("76").unwrap()
    }
    fn seat(region: &Region, siren: &str) -> Where {
        region.seat(&Siren::parse(siren).unwrap(), None)
    }
    fn place(kind: PlaceType, code: &str) -> Place {
        Place { code: Some(code.to_owned()), kind: Some(kind), name: None }
    }

    #[test]
    fn seats_are_inside_outside_or_unknown() {
        let region = occitanie();
        assert_eq!(seat(&region, "213105554"), Where::Inside);
        assert_eq!(seat(&region, "217500016"), Where::Outside);
        assert_eq!(seat(&region, "350696944"), Where::Unknown);
        assert_eq!(seat(&Region::everywhere(), "350696944"), Where::Inside);
    }

    #[test]
    fn a_body_across_the_border_is_never_outside() {
        let beaune = "200006682"; // members in 21 and 71
        let of = |codes: &[&str]| {
            let codes: Vec<_> = codes.iter().filter_map(|c| DepartementCode::parse(c)).collect();
            seat(&Region::of("test", &codes), beaune)
        };
        assert_eq!(of(&["21"]), Where::Inside, "its most populous part");
        assert_eq!(of(&["71"]), Where::Unknown);
        assert_eq!(of(&["31"]), Where::Outside);
    }

    #[test]
    fn a_place_wider_than_the_region_is_neither_in_nor_out() {
        let gard = Region::of("Gard", &[DepartementCode::parse("30").unwrap()]);
        assert_eq!(gard.place(&place(PlaceType::Region, "76")), Where::Unknown);
        assert_eq!(gard.place(&place(PlaceType::Region, "11")), Where::Outside);
        assert_eq!(occitanie().place(&place(PlaceType::Region, "76")), Where::Inside);
        assert_eq!(occitanie().place(&place(PlaceType::Pays, "FR")), Where::Unknown);
        assert_eq!(occitanie().place(&place(PlaceType::Pays, "BE")), Where::Outside);
    }

    #[test]
    fn corsica_by_digits_alone_is_known_to_be_outside_of_occitanie() {
        assert_eq!(seat(&occitanie(), "282000015"), Where::Outside);
        let south = Region::of("Sud", &[DepartementCode::parse("2A").unwrap()]);
        assert_eq!(seat(&south, "282000015"), Where::Unknown);
    }

    #[test]
    fn there_is_no_region_77() {
        assert!(Region::insee("77").is_none());
    }
}
