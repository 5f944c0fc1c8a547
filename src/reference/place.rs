//! Where a place of execution is: from `code` and `typeCode` to départements.
//!
//! The code is read in the system that its type names. Real files misname it often (a postal code
//! under `Code département`, `34` under `Code région`), so where it does not exist there, any
//! other reading that its form allows counts, and several are all kept: an answer is only drawn
//! from them when they agree. A text such as `Haute-Garonne` is looked up as a name.
//! The declared code is never changed here.

use super::commune::{
    CommuneKind, commune, comparable, departements_of_name, departements_of_postal_code, postal_code_is_listed,
};
use super::departement::{DepartementSet, departement, departement_of_prefix, departements, region_name, regions};
use super::{ARRONDISSEMENTS, departements_of_nuts};
use crate::record::{DepartementCode, Place, PlaceType};

/// Where a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In one of these départements, or all over them; never empty.
    In(DepartementSet),
    /// In another country.
    Abroad,
    /// It cannot be told, or it is France whole.
    Unknown,
}

/// Whether a code exists in the system that its type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// It does, today or in the past.
    Exists,
    /// It does not, but would under this other type.
    OtherType(PlaceType),
    /// It exists under no type.
    Missing,
    /// The form is right; no table at hand can tell more (a CEDEX, a canton), or no code or no type is declared.
    Unchecked,
}

/// ISO 3166-1 codes of what is France and has a département code of its own: two letters, three
/// letters, département.
const OVERSEAS: [(&str, &str, &str); 12] = [
    ("GP", "GLP", "971"),
    ("MQ", "MTQ", "972"),
    ("GF", "GUF", "973"),
    ("RE", "REU", "974"),
    ("PM", "SPM", "975"),
    ("YT", "MYT", "976"),
    ("BL", "BLM", "977"),
    ("MF", "MAF", "978"),
    ("TF", "ATF", "984"),
    ("WF", "WLF", "986"),
    ("PF", "PYF", "987"),
    ("NC", "NCL", "988"),
];

/// Where the place is. Without a type a code means nothing: unknown.
pub fn locate(place: &Place) -> Location {
    let Some(kind) = place.kind else {
        return Location::Unknown;
    };
    let declared = place.code.as_deref().unwrap_or_default();
    let code = tidy(declared);
    let may_be_abroad = kind == PlaceType::Pays || code.starts_with("99") && code.len() == 5;
    if let Some(answer) = country(&code).filter(|_| may_be_abroad) {
        return answer;
    }
    let some = |set: DepartementSet| (!set.is_empty()).then_some(set);
    some(in_own_system(kind, &code))
        .or_else(|| some(by_form(kind, &code)))
        .or_else(|| some(by_name(kind, declared)))
        .or_else(|| some(by_name(kind, place.name.as_deref()?)))
        .map_or(Location::Unknown, Location::In)
}

/// The one département the place is in, if there is exactly one.
pub fn departement_of(place: &Place) -> Option<DepartementCode> {
    match locate(place) {
        Location::In(set) => set.only()?.code(),
        Location::Abroad | Location::Unknown => None,
    }
}

/// Capitals, no white space.
fn tidy(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

fn is_digits(code: &str, length: usize) -> bool {
    code.len() == length && code.bytes().all(|b| b.is_ascii_digit())
}

/// A country; `None` for what is no country code and may be something else.
fn country(code: &str) -> Option<Location> {
    if matches!(code, "FR" | "FRA" | "FRANCE" | "99100" | "FX" | "250") {
        return Some(Location::Unknown); // all of France is no place in particular
    }
    if let Some((.., departement)) = OVERSEAS.iter().find(|(two, three, _)| code == *two || code == *three) {
        return Some(Location::In(DepartementSet::one(departement)));
    }
    let letters = matches!(code.len(), 2 | 3) && code.bytes().all(|b| b.is_ascii_uppercase());
    let insee = is_digits(code, 5) && code.starts_with("99");
    (insee || letters && departements_of_nuts(code).is_empty()).then_some(Location::Abroad)
}

/// The code in the system of its type; empty where it does not exist there.
fn in_own_system(kind: PlaceType, code: &str) -> DepartementSet {
    match kind {
        PlaceType::CodePostal if is_digits(code, 5) => departements_of_postal_code(code),
        PlaceType::Commune => of_commune(code),
        PlaceType::Arrondissement => of_arrondissement(code).union(of_commune(code)),
        PlaceType::Canton if matches!(code.len(), 4 | 5) => of_prefix(code),
        PlaceType::Departement => DepartementSet::one(code),
        PlaceType::Region => DepartementSet::of_region(code),
        _ => DepartementSet::EMPTY,
    }
}

fn of_commune(code: &str) -> DepartementSet {
    commune(code).map_or(DepartementSet::EMPTY, |c| DepartementSet::one(c.departement.code))
}

fn of_arrondissement(code: &str) -> DepartementSet {
    ARRONDISSEMENTS.get(code).map_or(DepartementSet::EMPTY, |row| DepartementSet::one(row.column(1)))
}

fn of_prefix(code: &str) -> DepartementSet {
    departement_of_prefix(code).map_or(DepartementSet::EMPTY, |d| DepartementSet::one(d.code))
}

/// Every reading that the form of the code allows, whatever its type.
fn by_form(kind: PlaceType, code: &str) -> DepartementSet {
    let bare = code.strip_prefix("FR").map(|rest| rest.trim_start_matches('-'));
    if let Some(bare) = bare.filter(|rest| is_digits(rest, 5) || is_digits(rest, 2)) {
        return by_form(kind, bare);
    }
    match code.len() {
        1 if is_digits(code, 1) => DepartementSet::one(&format!("0{code}")),
        2 if kind == PlaceType::Region => DepartementSet::of_former_region(code).union(DepartementSet::one(code)),
        2 => match DepartementSet::one(code) {
            set if set.is_empty() => DepartementSet::of_region(code),
            set => set,
        },
        3 if code.starts_with("FR") => departements_of_nuts(code),
        // `031` is the first arrondissement of the Allier, or the Haute-Garonne written with a zero.
        3 => DepartementSet::one(code)
            .union(of_arrondissement(code))
            .union(code.strip_prefix('0').map_or(DepartementSet::EMPTY, DepartementSet::one)),
        4 if is_digits(code, 4) && matches!(kind, PlaceType::CodePostal | PlaceType::Commune) => {
            of_prefix(&format!("0{code}")) // a number that lost its zero
        }
        4 | 5 if code.starts_with("FR") => departements_of_nuts(code),
        4 => of_prefix(code),
        5 => match of_commune(code).union(departements_of_postal_code(code)) {
            set if set.is_empty() => of_prefix(code),
            set => set,
        },
        _ => DepartementSet::EMPTY,
    }
}

/// The départements that a name can mean; a name of the declared type comes first.
fn by_name(kind: PlaceType, name: &str) -> DepartementSet {
    let wanted = comparable(name);
    if wanted.len() < 2 || wanted.bytes().all(|b| b.is_ascii_digit()) {
        return DepartementSet::EMPTY;
    }
    let departement = DepartementSet::of(departements().filter(|d| comparable(d.name) == wanted).map(|d| d.code));
    if kind == PlaceType::Commune || departement.is_empty() {
        let commune = departements_of_name(name);
        if !commune.is_empty() {
            return commune.union(departement);
        }
    }
    if !departement.is_empty() {
        return departement;
    }
    let region = regions().find(|r| comparable(r.name) == wanted);
    region.map_or(DepartementSet::EMPTY, |r| DepartementSet::of_region(r.code))
}

/// Whether the declared code exists, for the rules of quality. A lost zero or a prefix is not
/// forgiven here, and a name is no code.
pub fn place_exists(place: &Place) -> Existence {
    let (Some(kind), Some(code)) = (place.kind, place.code.as_deref()) else {
        return Existence::Unchecked;
    };
    let code = code.trim();
    if exists_as(kind, code) {
        return Existence::Exists;
    }
    let form_only = match kind {
        PlaceType::CodePostal => is_digits(code, 5) && !departements_of_postal_code(code).is_empty(),
        PlaceType::Canton => matches!(code.len(), 4 | 5) && !of_prefix(code).is_empty(),
        PlaceType::Pays => is_digits(code, 5) && code.starts_with("99"),
        _ => false,
    };
    if form_only {
        return Existence::Unchecked;
    }
    let others = [
        PlaceType::Departement,
        PlaceType::Commune,
        PlaceType::CodePostal,
        PlaceType::Region,
        PlaceType::Arrondissement,
        PlaceType::Pays,
    ];
    let other = others.into_iter().find(|other| *other != kind && exists_as(*other, code));
    other.map_or(Existence::Missing, Existence::OtherType)
}

fn exists_as(kind: PlaceType, code: &str) -> bool {
    match kind {
        PlaceType::CodePostal => postal_code_is_listed(code),
        PlaceType::Commune => commune(code).is_some(),
        PlaceType::Arrondissement => {
            ARRONDISSEMENTS.get(code).is_some()
                || commune(code).is_some_and(|c| c.kind == CommuneKind::ArrondissementMunicipal)
        }
        PlaceType::Canton => false,
        PlaceType::Departement => departement(code).is_some(),
        PlaceType::Region => region_name(code).is_some() || !DepartementSet::of_former_region(code).is_empty(),
        PlaceType::Pays => COUNTRIES.split(' ').any(|c| c == code),
    }
}

/// ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG \
GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR \
NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
