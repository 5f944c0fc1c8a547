//! Reference tables embedded in the program: communes, EPCI, départements, régions, postal codes,
//! the structure of public SIRENs, CPV divisions, NUTS codes.
//!
//! In: codes, names, SIRENs, as a record declares them. Out: whether they exist, what they are
//! called, which département they are in, and whether that is in the region ([`Region`]).
//! Memory: the tables are text in the program's image, looked up by bisection; about 0.7 MB more
//! once a place is looked up by name. Knows nothing of sources or stores, and no private company:
//! that takes an extract of the SIREN register, which [`register`] reads where one is configured.

mod commune;
mod cpv;
mod departement;
mod nuts;
mod place;
mod region;
pub mod register;
mod seat;
mod table;

use std::sync::LazyLock;

use table::Table;
use xxhash_rust::xxh3::Xxh3Default;

pub use crate::record::Where;
pub use commune::{Commune, CommuneKind, commune, communes_of_postal_code};
pub use cpv::cpv_division_exists;
pub use departement::{Departement, DepartementSet, RegionName, departement, departements, region_name, regions};
pub use nuts::{departements_of_nuts, nuts_of_departement};
pub use place::{Existence, Location, departement_of, locate, place_exists};
pub use region::Region;
pub use register::{MASK, Register, RegisterError};
pub use seat::{Evidence, Seat, seat_commune, seat_departement, seat_of};

const COMMUNES: Table = Table::new(include_str!("data/communes.tsv"));
const SIRENS: Table = Table::new(include_str!("data/sirens.tsv"));
const POSTAL: Table = Table::new(include_str!("data/postal.tsv"));
const EPCI: Table = Table::new(include_str!("data/epci.tsv"));
const DEPARTEMENTS: Table = Table::new(include_str!("data/departements.tsv"));
const REGIONS: Table = Table::new(include_str!("data/regions.tsv"));
const ARRONDISSEMENTS: Table = Table::new(include_str!("data/arrondissements.tsv"));

/// Every embedded table by its name.
const TABLES: [(&str, Table); 7] = [
    ("communes", COMMUNES),
    ("sirens", SIRENS),
    ("postal", POSTAL),
    ("epci", EPCI),
    ("departements", DEPARTEMENTS),
    ("regions", REGIONS),
    ("arrondissements", ARRONDISSEMENTS),
];

/// Number of the rules by which this room reads places and seats: raise it when one of them
/// changes an answer, so that stored results are made anew.
const RULES: u32 = 1;

/// A stable name for the content of the tables and the rules over them: 32 hex digits. What was
/// decided under another fingerprint must be decided again.
pub fn fingerprint() -> &'static str {
    static FINGERPRINT: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Xxh3Default::new();
        hash.update(&RULES.to_le_bytes());
        for (name, table) in TABLES {
            hash.update(name.as_bytes());
            hash.update(&(table.text().len() as u64).to_le_bytes());
            hash.update(table.text().as_bytes());
        }
        format!("{:032x}", hash.digest128())
    });
    &FINGERPRINT
}

/// A file of the real samples, for tests; `None` (after saying so) where they are not at hand.
#[cfg(test)]
fn real_data(path: &str) -> Option<String> {
    let root = std::env::var_os("GUICHET_REAL_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        std::path::PathBuf::from,
    );
    let bytes = std::fs::read(root.join(path)).ok();
    if bytes.is_none() {
        println!("skipped: no real data `{path}`");
    }
    bytes.map(|b| String::from_utf8_lossy(&b).into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fingerprint_is_the_same_each_time_and_looks_like_one() {
        assert_eq!(super::fingerprint(), super::fingerprint());
        assert_eq!(super::fingerprint().len(), 32);
    }

    #[test]
    fn the_tables_agree_with_the_independent_copy_of_them() {
        let Some(csv) = super::real_data("reference/communes.csv") else {
            return;
        };
        let mut seen = 0;
        for row in csv::Reader::from_reader(csv.as_bytes()).into_records().map(Result::unwrap) {
            let Some(commune) = super::commune(&row[0]) else { panic!("no commune {}", &row[0]) };
            if &row[2] == "commune-actuelle" {
                assert_eq!((commune.name, commune.departement.code), (&row[1], &row[3]));
            }
            if let Some(siren) = crate::record::Siren::parse(&row[5]) {
                assert_eq!(super::seat_commune(&siren), Some(commune));
                seen += 1;
            }
        }
        assert!(seen > 34_000, "{seen} communes with a SIREN");
    }
}
