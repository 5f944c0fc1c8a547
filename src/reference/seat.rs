//! Where the seat of a buyer is, from its SIREN: by the register where there is one, else from the number
//! alone, which tells of public bodies only.
//!
//! Then come the embedded tables (communes, EPCI, the collectivities that merged since 2015), then the
//! structure of the numbers that were given to public bodies until about 2014: in `21 31 0555 4`,
//! the third and fourth digits are the département. How far that can be trusted was measured
//! against the places of execution of 6,000 real records: first digits 21 to 24, 27, 28 ≥ 99 %,
//! 26 96 %, 25 (syndicats) 84 %, 19 (schools) 93 %; 18 (State bodies) 27 %, so never. Numbers that
//! begin with 20 were given since, in order, and tell nothing. Private companies are unknown here.

use super::commune::{Commune, commune};
use super::departement::{Departement, DepartementSet, departement, departement_of_prefix};
use super::register::Unit;
use super::{EPCI, SIRENS};
use crate::record::Siren;

/// What a seat is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The SIREN register names its commune.
    Register,
    /// The SIREN is that of a commune.
    Commune,
    /// The SIREN is that of an EPCI: the seat is in one of its members' départements.
    Epci,
    /// The SIREN is that of a région or another collectivity born of a merger.
    Collectivity,
    /// The digits of a public SIREN.
    Structure,
}

/// What is known of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// The seat is in one of `all`.
    Known {
        /// The most likely département; `None` where two are equally likely (Corsica by digits).
        main: Option<Departement>,
        /// Every département that is possible; never empty.
        all: DepartementSet,
        /// By what.
        how: Evidence,
    },
    /// Nothing is known without a register.
    Unknown,
}

/// SIREN of the collectivities that mergers made, which neither table has, and the départements
/// of their seats.
const COLLECTIVITIES: [(&str, &str); 11] = [
    ("200052264", "67"),  // Région Grand Est, Strasbourg
    ("200052678", "973"), // Collectivité territoriale de Guyane
    ("200053403", "14"),  // Région Normandie, Caen
    ("200053726", "25"),  // Région Bourgogne-Franche-Comté, Besançon
    ("200053742", "59"),  // Région Hauts-de-France, Lille
    ("200053759", "33"),  // Région Nouvelle-Aquitaine, Bordeaux
    ("200053767", "69"),  // Région Auvergne-Rhône-Alpes, Lyon
    ("200053791", "31"),  // Région Occitanie, Toulouse
    ("200055507", "972"), // Collectivité territoriale de Martinique
    ("200076958", "2A"),  // Collectivité de Corse, Ajaccio
    ("200094332", "67"),  // Collectivité européenne d'Alsace, Strasbourg
];

/// The commune whose own SIREN this is.
pub fn seat_commune(siren: &Siren) -> Option<Commune> {
    SIRENS.get(siren.as_str()).and_then(|row| commune(row.column(1)))
}

/// The département of a seat: by the register, if the unit is in it and its commune is told; else as
/// [`seat_departement`].
pub fn seat_of(siren: &Siren, unit: Option<&Unit>) -> Seat {
    let told = unit.and_then(|unit| unit.commune.as_deref());
    // A commune that is newer than the tables still begins with its département.
    let departement =
        told.and_then(|code| commune(code).map_or_else(|| departement_of_prefix(code), |c| Some(c.departement)));
    match departement {
        Some(found) => known(Some(found), DepartementSet::one(found.code), Evidence::Register),
        None => seat_departement(siren),
    }
}

/// The département of a public body's seat, by the tables or by the structure of its SIREN.
pub fn seat_departement(siren: &Siren) -> Seat {
    if let Some(commune) = seat_commune(siren) {
        return known(Some(commune.departement), DepartementSet::one(commune.departement.code), Evidence::Commune);
    }
    if let Some(row) = EPCI.get(siren.as_str()) {
        let members = row.column(2);
        let main = members.split(' ').next().and_then(departement);
        return known(main, DepartementSet::of(members.split(' ')), Evidence::Epci);
    }
    if let Some((_, code)) = COLLECTIVITIES.iter().find(|(s, _)| *s == siren.as_str()) {
        return known(departement(code), DepartementSet::one(code), Evidence::Collectivity);
    }
    by_structure(siren.as_str())
}

fn by_structure(siren: &str) -> Seat {
    let part = |range: std::ops::Range<usize>| siren.get(range).unwrap_or_default();
    if !matches!(part(0..2), "19" | "21" | "22" | "23" | "24" | "25" | "26" | "27" | "28") {
        return Seat::Unknown;
    }
    let all = match part(2..4) {
        "20" => DepartementSet::of(["2A", "2B"]), // numbered before Corsica had two
        "97" | "98" => DepartementSet::one(part(2..5)),
        code => DepartementSet::one(code),
    };
    known(all.only(), all, Evidence::Structure)
}

fn known(main: Option<Departement>, all: DepartementSet, how: Evidence) -> Seat {
    if all.is_empty() { Seat::Unknown } else { Seat::Known { main, all, how } }
}

impl Seat {
    /// The one département that the seat is most likely in.
    pub fn departement(&self) -> Option<Departement> {
        match self {
            Self::Known { main, .. } => *main,
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(siren: &str) -> (Option<&'static str>, Option<Evidence>) {
        match seat_departement(&Siren::parse(siren).unwrap()) {
            Seat::Known { main, how, .. } => (main.map(|d| d.code), Some(how)),
            Seat::Unknown => (None, None),
        }
    }

    #[test]
    fn communes_and_epci_are_known_by_name_before_their_digits_are_read() {
        assert_eq!(seat("213105554"), (Some("31"), Some(Evidence::Commune)));
        assert_eq!(seat("200053668"), (Some("01"), Some(Evidence::Commune)), "a commune nouvelle");
        assert_eq!(seat("243400017"), (Some("34"), Some(Evidence::Epci)));
        assert_eq!(seat("200053791"), (Some("31"), Some(Evidence::Collectivity)));
    }

    #[test]
    fn the_register_comes_before_the_tables_and_the_tables_before_nothing() {
        let of = |siren: &str, commune: Option<&str>| {
            let unit = Unit { commune: commune.map(str::to_owned), ..Unit::default() };
            match seat_of(&Siren::parse(siren).unwrap(), Some(&unit)) {
                Seat::Known { main, how, .. } => (main.map(|d| d.code), Some(how)),
                Seat::Unknown => (None, None),
            }
        };
        assert_eq!(of("350696944", Some("34172")), (Some("34"), Some(Evidence::Register)));
        assert_eq!(of("283100014", Some("2A004")), (Some("2A"), Some(Evidence::Register)));
        assert_eq!(of("350696944", Some("31999")), (Some("31"), Some(Evidence::Register)), "a new commune");
        assert_eq!(of("213105554", None), (Some("31"), Some(Evidence::Commune)));
        assert_eq!(of("350696944", Some("00000")), (None, None));
    }

    #[test]
    fn other_public_bodies_are_known_by_their_digits() {
        assert_eq!(seat("283100014"), (Some("31"), Some(Evidence::Structure)));
        assert_eq!(seat("229710017"), (Some("971"), Some(Evidence::Structure)));
        assert_eq!(seat("282000015"), (None, Some(Evidence::Structure)), "Corsica: one of two");
    }

    #[test]
    fn state_bodies_new_numbers_and_companies_are_unknown() {
        for siren in ["180031015", "130027931", "200099999", "350696944", "219900000", "210000000"] {
            assert_eq!(seat(siren), (None, None), "{siren}");
        }
    }

    #[test]
    fn the_collectivities_of_the_list_have_valid_keys_and_known_departements() {
        for (siren, code) in COLLECTIVITIES {
            assert!(Siren::parse(siren).unwrap().has_valid_key(), "{siren}");
            assert!(departement(code).is_some());
        }
    }
}
