//! NUTS codes of France ↔ départements: notices name places by them, and so do some DECP files.
//!
//! The codes since 2016 (`FRJ23`) and those of before (`FR623`). A shorter code stands for all the
//! départements below it. Eurostat's nomenclature, written down by hand.

use super::departement::DepartementSet;

/// Prefix of a NUTS-2 area, then the départements of its NUTS-3 areas: the digit of the n-th
/// is its place in the list, from 1.
const SINCE_2016: [(&str, &str); 27] = [
    ("FR10", "75 77 78 91 92 93 94 95"),
    ("FRB0", "18 28 36 37 41 45"),
    ("FRC1", "21 58 71 89"),
    ("FRC2", "25 39 70 90"),
    ("FRD1", "14 50 61"),
    ("FRD2", "27 76"),
    ("FRE1", "59 62"),
    ("FRE2", "02 60 80"),
    ("FRF1", "67 68"),
    ("FRF2", "08 10 51 52"),
    ("FRF3", "54 55 57 88"),
    ("FRG0", "44 49 53 72 85"),
    ("FRH0", "22 29 35 56"),
    ("FRI1", "24 33 40 47 64"),
    ("FRI2", "19 23 87"),
    ("FRI3", "16 17 79 86"),
    ("FRJ1", "11 30 34 48 66"),
    ("FRJ2", "09 12 31 32 46 65 81 82"),
    ("FRK1", "03 15 43 63"),
    ("FRK2", "01 07 26 38 42 69 73 74"),
    ("FRL0", "04 05 06 13 83 84"),
    ("FRM0", "2A 2B"),
    ("FRY1", "971"),
    ("FRY2", "972"),
    ("FRY3", "973"),
    ("FRY4", "974"),
    ("FRY5", "976"),
];

/// The same for the codes in force until 2016.
const UNTIL_2016: [(&str, &str); 21] = [
    ("FR21", "08 10 51 52"),
    ("FR22", "02 60 80"),
    ("FR23", "27 76"),
    ("FR24", "18 28 36 37 41 45"),
    ("FR25", "14 50 61"),
    ("FR26", "21 58 71 89"),
    ("FR30", "59 62"),
    ("FR41", "54 55 57 88"),
    ("FR42", "67 68"),
    ("FR43", "25 39 70 90"),
    ("FR51", "44 49 53 72 85"),
    ("FR52", "22 29 35 56"),
    ("FR53", "16 17 79 86"),
    ("FR61", "24 33 40 47 64"),
    ("FR62", "09 12 31 32 46 65 81 82"),
    ("FR63", "19 23 87"),
    ("FR71", "01 07 26 38 42 69 73 74"),
    ("FR72", "03 15 43 63"),
    ("FR81", "11 30 34 48 66"),
    ("FR82", "04 05 06 13 83 84"),
    ("FR83", "2A 2B"),
];

/// The départements of a French NUTS code of one to three levels; empty when there is no such code
/// (or when it is `FR`, which is no place in particular). Capitals expected.
pub fn departements_of_nuts(code: &str) -> DepartementSet {
    let known = || SINCE_2016.iter().chain(UNTIL_2016.iter());
    match code.len() {
        3 | 4 => known()
            .filter(|(area, _)| area.starts_with(code))
            .fold(DepartementSet::EMPTY, |set, (_, list)| set.union(DepartementSet::of(list.split(' ')))),
        5 => departement_of_leaf(code),
        _ => DepartementSet::EMPTY,
    }
}

fn departement_of_leaf(code: &str) -> DepartementSet {
    let area = SINCE_2016.iter().chain(UNTIL_2016.iter()).find(|(area, _)| code.starts_with(area));
    let (Some((area, list)), Some(last)) = (area, code.bytes().last()) else {
        return DepartementSet::EMPTY;
    };
    let single = !list.contains(' '); // overseas: the one département of the area ends in 0
    match last {
        b'0' if single => DepartementSet::one(list),
        b'1'..=b'9' if !single || *area == "FR10" => {
            list.split(' ').nth(usize::from(last - b'1')).map_or(DepartementSet::EMPTY, DepartementSet::one)
        }
        _ => DepartementSet::EMPTY,
    }
}

/// The NUTS-3 code of a département, in the nomenclature of today.
pub fn nuts_of_departement(code: &str) -> Option<String> {
    SINCE_2016.iter().find_map(|(area, list)| {
        let place = list.split(' ').position(|d| d == code)?;
        Some(if list.contains(' ') { format!("{area}{}", place + 1) } else { format!("{area}0") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(nuts: &str) -> Vec<&'static str> {
        departements_of_nuts(nuts).iter().map(|d| d.code).collect()
    }

    #[test]
    fn toulouse_is_found_by_its_code_of_today_and_its_code_of_before() {
        assert_eq!((codes("FRJ23"), codes("FR623")), (vec!["31"], vec!["31"]));
        assert_eq!((codes("FRY10"), codes("FRM02"), codes("FR101")), (vec!["971"], vec!["2B"], vec!["75"]));
    }

    #[test]
    fn a_short_code_stands_for_all_below_it_and_france_for_no_place() {
        assert_eq!(departements_of_nuts("FRJ"), DepartementSet::of_region("76"));
        assert_eq!(departements_of_nuts("FRM0").len(), 2);
        for nothing in ["FR", "FRZ", "FRJ29", "FRY11", "FRX", "", "É"] {
            assert!(departements_of_nuts(nothing).is_empty(), "{nothing}");
        }
    }

    #[test]
    fn every_departement_but_the_territories_has_one_code_and_comes_back_from_it() {
        for d in super::super::departements().filter(|d| !d.region.starts_with('9') || d.region.len() == 2) {
            let nuts = nuts_of_departement(d.code).unwrap_or_else(|| panic!("{} has no NUTS code", d.code));
            assert_eq!(codes(&nuts), [d.code]);
        }
    }
}
