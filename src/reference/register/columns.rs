//! The columns of the public stock files that are read, and what a file with them gives.
//!
//! In: the names of a header. Out: where the needed columns stand, or which is missing and what was
//! nearest to it. Names are compared without case: exports of the files have them in small letters.

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Col {
    Siren,
    Siret,
    Statut,
    Denomination,
    Nom,
    NomUsage,
    PrenomUsuel,
    Prenom1,
    CategorieJuridique,
    CategorieEntreprise,
    NicSiege,
    Etat,
    Siege,
    Commune,
    StatutEtablissement,
}

/// Number of columns.
pub(super) const COLUMNS: usize = 15;

/// Every column, its name in the stock files, and how many digits it has when it is a number.
pub(super) const NAMES: [(Col, &str, usize); COLUMNS] = [
    (Col::Siren, "siren", 9),
    (Col::Siret, "siret", 14),
    (Col::Statut, "statutDiffusionUniteLegale", 0),
    (Col::Denomination, "denominationUniteLegale", 0),
    (Col::Nom, "nomUniteLegale", 0),
    (Col::NomUsage, "nomUsageUniteLegale", 0),
    (Col::PrenomUsuel, "prenomUsuelUniteLegale", 0),
    (Col::Prenom1, "prenom1UniteLegale", 0),
    (Col::CategorieJuridique, "categorieJuridiqueUniteLegale", 4),
    (Col::CategorieEntreprise, "categorieEntreprise", 0),
    (Col::NicSiege, "nicSiegeUniteLegale", 5),
    (Col::Etat, "etatAdministratifUniteLegale", 0),
    (Col::Siege, "etablissementSiege", 0),
    (Col::Commune, "codeCommuneEtablissement", 5),
    (Col::StatutEtablissement, "statutDiffusionEtablissement", 0),
];

/// What a file of legal units must have. Without the diffusion status no name could be told.
const OF_UNITS: [Col; 5] =
    [Col::Statut, Col::Denomination, Col::Nom, Col::CategorieJuridique, Col::CategorieEntreprise];

/// What tells a file of legal units: columns that no other file has.
const SIGNS_OF_UNITS: [Col; 6] =
    [Col::Statut, Col::Denomination, Col::Nom, Col::Prenom1, Col::CategorieJuridique, Col::NicSiege];

/// What a file of an extract gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles {
    /// Names, categories, size classes, diffusion statuses (StockUniteLegale).
    pub units: bool,
    /// Communes of seats (StockEtablissement).
    pub seats: bool,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// See [`Roles::units`].
    Units,
    /// See [`Roles::seats`].
    Seats,
}

/// Where the columns of a file stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    places: [Option<usize>; COLUMNS],
    pub(super) roles: Roles,
    /// Whether rows say which establishment is the seat; else each is one.
    pub(super) says_seat: bool,
}

impl Columns {
    /// Finds the columns in a header.
    ///
    /// # Errors
    /// What is missing, the nearest name that is there, and what to do.
    pub(super) fn find<S: AsRef<str>>(header: &[S]) -> Result<Self, String> {
        let header: Vec<&str> = header.iter().map(|name| name.as_ref().trim()).collect();
        let mut places = [None; COLUMNS];
        for (col, name, _) in NAMES {
            if let Some(slot) = places.get_mut(col as usize) {
                *slot = header.iter().position(|found| found.eq_ignore_ascii_case(name));
            }
        }
        let has = |col: Col| places.get(col as usize).copied().flatten().is_some();
        let units = SIGNS_OF_UNITS.iter().filter(|col| has(**col)).count() >= 2;
        let seats = has(Col::Commune) || has(Col::Siege);
        let mut missing: Vec<Col> = Vec::new();
        if !has(Col::Siren) && !has(Col::Siret) {
            missing.push(if units || !seats { Col::Siren } else { Col::Siret });
        }
        if units {
            missing.extend(OF_UNITS.iter().filter(|col| !has(**col)));
        }
        if seats && !has(Col::Commune) {
            missing.push(Col::Commune);
        }
        // A file of establishments has many rows a unit: which one is the seat must be said.
        if seats && !units && !has(Col::Siege) {
            missing.push(Col::Siege);
        }
        if !units && !seats {
            let shown = header.iter().take(8).copied().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "it is neither a StockUniteLegale nor a StockEtablissement file of the SIRENE register: its columns are {shown}"
            ));
        }
        if missing.is_empty() {
            return Ok(Self { places, roles: Roles { units, seats }, says_seat: has(Col::Siege) });
        }
        let told: Vec<String> = missing.into_iter().map(|col| lack(name_of(col), &header)).collect();
        Err(format!("it lacks {}; take the public stock file as Insee publishes it", told.join(", ")))
    }

    /// Each column that is there: where it stands in the file, and what it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Col, usize)> {
        NAMES.iter().zip(self.places).filter_map(|((col, _, digits), place)| Some((place?, *col, *digits)))
    }
}

fn name_of(col: Col) -> &'static str {
    NAMES.get(col as usize).map_or("", |(_, name, _)| name)
}

/// `` `a` (the nearest column is `b`) ``.
fn lack(name: &str, header: &[&str]) -> String {
    let known = |found: &&&str| !NAMES.iter().any(|(_, name, _)| name.eq_ignore_ascii_case(found));
    let distance = |found: &&&str| strsim::damerau_levenshtein(&found.to_lowercase(), &name.to_lowercase());
    let near = header.iter().filter(known).min_by_key(distance).filter(|found| distance(found) <= name.len() / 3);
    match near {
        Some(near) => format!("the column `{name}` (the nearest it has is `{near}`)"),
        None => format!("the column `{name}`"),
    }
}

/// The values of one row, by column; empty where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells([String; COLUMNS]);

/// What Insee writes in the place of a value that may not be told.
const NOT_TOLD: &str = "[ND]";

impl Cells {
    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(String::clear);
    }
    pub(super) fn set(&mut self, col: Col, text: &str) {
        let text = text.trim();
        if let Some(cell) = self.0.get_mut(col as usize)
            && text != NOT_TOLD
        {
            cell.clear();
            cell.push_str(text);
        }
    }
    pub(super) fn get(&self, col: Col) -> &str {
        self.0.get(col as usize).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: &str = "siren,statutDiffusionUniteLegale,categorieEntreprise,nomUniteLegale,denominationUniteLegale,categorieJuridiqueUniteLegale";

    fn find(header: &str) -> Result<Columns, String> {
        Columns::find(&header.split(',').collect::<Vec<_>>())
    }

    #[test]
    fn a_file_is_known_by_its_columns_whatever_their_case_and_order() {
        assert_eq!(find(UNITS).unwrap().roles, Roles { units: true, seats: false });
        assert_eq!(find(&UNITS.to_lowercase()).unwrap().roles, Roles { units: true, seats: false });
        let seats = find("codeCommuneEtablissement,siret,etablissementSiege").unwrap();
        assert_eq!((seats.roles, seats.says_seat), (Roles { units: false, seats: true }, true));
        let joined = find(&format!("{UNITS},codeCommuneEtablissement")).unwrap();
        assert_eq!((joined.roles, joined.says_seat), (Roles { units: true, seats: true }, false));
    }

    #[test]
    fn what_is_missing_is_named_with_the_nearest_name_that_is_there() {
        let told = find(&UNITS.replace("statutDiffusionUniteLegale", "statutDifusionUniteLegale")).unwrap_err();
        assert!(
            told.contains("`statutDiffusionUniteLegale` (the nearest it has is `statutDifusionUniteLegale`)"),
            "{told}"
        );
        let told = find("siret,codeCommuneEtablissement").unwrap_err();
        assert!(told.contains("`etablissementSiege`") && !told.contains("nearest"), "{told}");
        let told = find("a,b,c").unwrap_err();
        assert!(told.contains("neither") && told.contains("a, b, c"), "{told}");
    }
}
