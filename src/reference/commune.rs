//! Communes: by code, by postal code, by name.
//!
//! Communes that were merged keep their rows (their codes and names stand in old contracts), and
//! the rows say what they belong to today.

use std::sync::LazyLock;

use super::departement::{Departement, DepartementSet, departement_of_prefix, departements};
use super::table::Row;
use super::{COMMUNES, POSTAL};
use crate::record::fold;

/// What a row of the table of communes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommuneKind {
    /// A commune of today.
    Commune,
    /// An arrondissement of Paris, Lyon or Marseille.
    ArrondissementMunicipal,
    /// A former commune that is a part of another today (déléguée or associée).
    Part,
    /// A code that is no longer in use; the name is that of the commune it went into.
    FormerCode,
}

/// A commune, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commune {
    /// Insee code: `31555`, `2A004`.
    pub code: &'static str,
    /// `Toulouse`.
    pub name: &'static str,
    /// What it is.
    pub kind: CommuneKind,
    /// The département it is in today, which for a few merged communes is not that of their code.
    pub departement: Departement,
}

/// The commune of this Insee code, in capitals (`2A004`).
pub fn commune(code: &str) -> Option<Commune> {
    COMMUNES.get(code).and_then(from_row)
}

fn from_row(row: Row) -> Option<Commune> {
    let today = row.column(2);
    Some(Commune {
        code: row.key(),
        name: row.column(3),
        kind: match row.column(1) {
            "1" => CommuneKind::Commune,
            "2" => CommuneKind::ArrondissementMunicipal,
            "5" => CommuneKind::FormerCode,
            _ => CommuneKind::Part,
        },
        departement: departement_of_prefix(if today.is_empty() { row.key() } else { today })?,
    })
}

/// The communes that a postal code serves; none for a CEDEX.
pub fn communes_of_postal_code(code: &str) -> Vec<Commune> {
    let row = POSTAL.get(code);
    row.map(|row| row.column(1).split(' ').filter_map(commune).collect()).unwrap_or_default()
}

/// Whether La Poste lists this postal code (it lists no CEDEX here).
pub(super) fn postal_code_is_listed(code: &str) -> bool {
    POSTAL.get(code).is_some()
}

/// The département of a postal code of five digits: the one it begins with, unless none of its
/// communes is there (`94390` is Orly airport in the Essonne, `97133` is Saint-Barthélemy). A CEDEX is only
/// known by its beginning. `20…` is Corsica, in two départements.
pub(super) fn departements_of_postal_code(code: &str) -> DepartementSet {
    let by_prefix = match code.get(..3) {
        Some("200" | "201") => DepartementSet::one("2A"),
        Some("202" | "206") => DepartementSet::one("2B"),
        Some(p) if p.starts_with("20") => DepartementSet::of(["2A", "2B"]),
        _ => departement_of_prefix(code).map_or(DepartementSet::EMPTY, |d| DepartementSet::one(d.code)),
    };
    let served = DepartementSet::of(communes_of_postal_code(code).iter().map(|c| c.departement.code));
    if served.is_empty() || !served.intersection(by_prefix).is_empty() { by_prefix } else { served }
}

/// Hash of a comparable name, index of the département in `departements()`; sorted.
/// Sixteen bytes a commune instead of a map of strings: a hash that meets another by accident
/// would need 2⁶⁴ / 40,000² more names.
static BY_NAME: LazyLock<Vec<(u64, u8)>> = LazyLock::new(|| {
    let order: Vec<_> = departements().map(|d| d.code).collect();
    let place = |code: &str| order.binary_search(&code).ok().and_then(|i| u8::try_from(i).ok());
    let mut all: Vec<_> = COMMUNES
        .rows()
        .filter_map(from_row)
        .filter(|c| c.kind != CommuneKind::FormerCode)
        .filter_map(|c| Some((hash(&comparable(c.name)), place(c.departement.code)?)))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
});

/// The départements that have a commune of this name.
pub(super) fn departements_of_name(name: &str) -> DepartementSet {
    let wanted = hash(&comparable(name));
    let order: Vec<_> = departements().map(|d| d.code).collect();
    let start = BY_NAME.partition_point(|(h, _)| *h < wanted);
    let found = BY_NAME.iter().skip(start).take_while(|(h, _)| *h == wanted);
    DepartementSet::of(found.filter_map(|(_, i)| order.get(usize::from(*i)).copied()))
}

/// A name without case, accents, hyphens and apostrophes, `st` written out.
pub(super) fn comparable(name: &str) -> String {
    let folded = fold(name).replace(['-', '\''], " ");
    let words = folded.split_whitespace().map(|word| match word {
        "st" => "saint",
        "ste" => "sainte",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn hash(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_commune_is_still_known_and_says_where_it_is_today() {
        assert_eq!(commune("31555").unwrap().name, "Toulouse");
        assert_eq!(commune("75101").unwrap().kind, CommuneKind::ArrondissementMunicipal);
        assert_eq!(commune("02285").unwrap().departement.code, "59", "Escaufourt went to the Nord");
        assert!(commune("31999").is_none() && commune("").is_none());
    }

    #[test]
    fn a_postal_code_is_in_the_departement_it_serves() {
        let of = |code| departements_of_postal_code(code).only().map(|d| d.code);
        assert_eq!(of("31000"), Some("31"));
        assert_eq!(of("31059"), Some("31"), "a CEDEX");
        assert_eq!(of("94390"), Some("91"), "Orly airport");
        assert_eq!((of("20000"), of("20200"), of("20600")), (Some("2A"), Some("2B"), Some("2B")));
        assert_eq!((of("97200"), of("97133"), of("98800")), (Some("972"), Some("977"), Some("988")));
        assert_eq!((of("00000"), of("96000")), (None, None));
    }

    #[test]
    fn a_name_is_found_whatever_its_typography() {
        let of = |name| departements_of_name(name).iter().map(|d| d.code).collect::<Vec<_>>();
        assert_eq!(of("TOULOUSE"), ["31"]);
        assert_eq!(of("St Jean de Védas"), ["34"]);
        assert!(of("Saint-Martin").len() > 3, "many");
        assert!(of("Nulle-Part-les-Bains").is_empty());
    }
}
