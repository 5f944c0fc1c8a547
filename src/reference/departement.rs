//! Départements and régions: which exist, their names, and sets of them.
//!
//! In: codes. Out: names, and [`DepartementSet`], by which places, seats and regions are compared.
//! Holds about a hundred parsed rows. Knows no commune.

use std::sync::LazyLock;

use super::{DEPARTEMENTS, REGIONS};
use crate::record::DepartementCode;

/// A département of the Code officiel géographique, overseas territories included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departement {
    /// `31`, `2A`, `971`.
    pub code: &'static str,
    /// `Haute-Garonne`.
    pub name: &'static str,
    /// Code of the région it belongs to; an overseas territory is its own.
    pub region: &'static str,
}

/// A région of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionName {
    /// Insee code, `76`.
    pub code: &'static str,
    /// `Occitanie`.
    pub name: &'static str,
}

/// Sorted by code; an index into it is a bit of a [`DepartementSet`].
static ALL: LazyLock<Vec<Departement>> = LazyLock::new(|| {
    DEPARTEMENTS.rows().map(|row| Departement { code: row.key(), region: row.column(1), name: row.column(3) }).collect()
});

/// The 22 régions of before 2016 whose codes are gone, with the départements they had.
/// Old files still name a place of execution by them.
const FORMER_REGIONS: [(&str, &str); 16] = [
    ("21", "08 10 51 52"),
    ("22", "02 60 80"),
    ("23", "27 76"),
    ("25", "14 50 61"),
    ("26", "21 58 71 89"),
    ("31", "59 62"),
    ("41", "54 55 57 88"),
    ("42", "67 68"),
    ("43", "25 39 70 90"),
    ("54", "16 17 79 86"),
    ("72", "24 33 40 47 64"),
    ("73", "09 12 31 32 46 65 81 82"),
    ("74", "19 23 87"),
    ("82", "01 07 26 38 42 69 73 74"),
    ("83", "03 15 43 63"),
    ("91", "11 30 34 48 66"),
];

/// The département of this code.
pub fn departement(code: &str) -> Option<Departement> {
    index(code).and_then(|i| ALL.get(i).copied())
}

/// Every département, by code.
pub fn departements() -> impl Iterator<Item = Departement> {
    ALL.iter().copied()
}

/// The région of this Insee code.
pub fn region_name(code: &str) -> Option<RegionName> {
    REGIONS.get(code).map(|row| RegionName { code: row.key(), name: row.column(2) })
}

/// Every région of today, by code.
pub fn regions() -> impl Iterator<Item = RegionName> {
    REGIONS.rows().map(|row| RegionName { code: row.key(), name: row.column(2) })
}

fn index(code: &str) -> Option<usize> {
    ALL.binary_search_by(|d| d.code.cmp(code)).ok()
}

/// The département that a commune or postal code begins with: two characters, three overseas.
/// `None` where there is no such département (`20…` of Corsica is none: see `postal`).
pub(super) fn departement_of_prefix(code: &str) -> Option<Departement> {
    let length = if code.starts_with("97") || code.starts_with("98") { 3 } else { 2 };
    departement(code.get(..length)?)
}

/// A set of départements. Empty means that nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DepartementSet(u128);

impl DepartementSet {
    /// No département.
    pub const EMPTY: Self = Self(0);

    /// One département; empty when the code does not exist.
    pub fn one(code: &str) -> Self {
        index(code).map_or(Self::EMPTY, |i| Self(1 << i))
    }
    /// Those of the codes that exist.
    pub fn of<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        codes.into_iter().fold(Self::EMPTY, |set, code| set.union(Self::one(code)))
    }
    /// The départements of a région of today.
    pub fn of_region(code: &str) -> Self {
        Self::of(ALL.iter().filter(|d| d.region == code).map(|d| d.code))
    }
    /// The départements of a région abolished in 2016, by its old code.
    pub fn of_former_region(code: &str) -> Self {
        let old = FORMER_REGIONS.iter().find(|(old, _)| *old == code);
        old.map_or(Self::EMPTY, |(_, list)| Self::of(list.split(' ')))
    }
    /// Those of either.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Those of both.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Whether every département of this set is in the other.
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// How many.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// The départements, by code.
    pub fn iter(self) -> impl Iterator<Item = Departement> {
        ALL.iter().enumerate().filter(move |(i, _)| self.0 >> i & 1 == 1).map(|(_, d)| *d)
    }
    /// The only one, if there is exactly one.
    pub fn only(self) -> Option<Departement> {
        (self.len() == 1).then(|| self.iter().next()).flatten()
    }
}

impl Departement {
    /// The code as the type of the domain.
    pub fn code(self) -> Option<DepartementCode> {
        DepartementCode::parse(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occitanie_has_its_thirteen_departements() {
        let codes: Vec<_> = DepartementSet::of_region("76").iter().map(|d| d.code).collect();
        let expected = ["09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82"];
        assert_eq!(codes, expected);
        let old = DepartementSet::of_former_region("73").union(DepartementSet::of_former_region("91"));
        assert_eq!(old, DepartementSet::of_region("76"));
    }

    #[test]
    fn every_departement_fits_in_a_set_and_has_the_form_of_a_code() {
        assert!(ALL.len() <= 128);
        assert!(departements().all(|d| d.code().is_some() && region_name(d.region).is_some()));
    }

    #[test]
    fn no_former_region_has_the_code_of_one_of_today() {
        for (code, list) in FORMER_REGIONS {
            assert!(region_name(code).is_none(), "{code}");
            assert_eq!(DepartementSet::of_former_region(code).len(), list.split(' ').count());
        }
    }
}
