//! Which divisions the common procurement vocabulary has (regulation (EC) 213/2008).

use crate::record::Cpv;

/// The 45 divisions, sorted.
const DIVISIONS: [&str; 45] = [
    "03", "09", "14", "15", "16", "18", "19", "22", "24", "30", "31", "32", "33", "34", "35", "37", "38", "39", "41",
    "42", "43", "44", "45", "48", "50", "51", "55", "60", "63", "64", "65", "66", "70", "71", "72", "73", "75", "76",
    "77", "79", "80", "85", "90", "92", "98",
];

/// Whether the first two digits of this code are a division.
pub fn cpv_division_exists(cpv: &Cpv) -> bool {
    DIVISIONS.binary_search(&cpv.division()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_are_a_division_and_99_is_none() {
        let exists = |code| cpv_division_exists(&Cpv::parse(code).unwrap());
        assert!(exists("45000000") && exists("03000000") && exists("98390000"));
        assert!(!exists("99000000") && !exists("00000000") && !exists("46000000"));
    }

    #[test]
    fn the_divisions_are_those_of_the_official_table() {
        let Some(table) = super::super::real_data("reference/cpv_2008_fr.csv") else {
            return;
        };
        let mut official: Vec<_> = table.lines().skip(1).filter_map(|l| l.get(..2)).collect();
        official.dedup();
        assert_eq!(official, DIVISIONS);
    }
}
