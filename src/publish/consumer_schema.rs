//! Tables, indexes and views of guichet.sqlite, and what each column means. A test compares the
//! documentation with the schema in both directions.

use super::tabular::COLUMNS;

/// `meta.schema`: grows when a table or column changes its meaning or goes away.
pub(super) const SCHEMA_VERSION: &str = "1";

/// The tables; indexes come after the rows, which is faster.
pub(super) const TABLES: &str = "
CREATE TABLE meta(cle TEXT NOT NULL PRIMARY KEY, valeur TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE documentation(objet TEXT NOT NULL, colonne TEXT NOT NULL, description TEXT NOT NULL,
  PRIMARY KEY(objet, colonne)) STRICT, WITHOUT ROWID;
CREATE TABLE sources(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, nom TEXT, url TEXT, licence TEXT, format TEXT,
  authority TEXT, contrats INTEGER NOT NULL, observations INTEGER NOT NULL) STRICT;
CREATE TABLE ressources(n INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources(n), id TEXT NOT NULL, url TEXT, titre TEXT,
  UNIQUE(source, id)) STRICT;
CREATE TABLE contrats(
  n INTEGER PRIMARY KEY, uid TEXT NOT NULL, type TEXT NOT NULL, retire INTEGER NOT NULL, seul2019 INTEGER NOT NULL,
  id TEXT NOT NULL, acheteur_id TEXT NOT NULL, acheteur_siren TEXT NOT NULL, acheteur_nom TEXT, departement TEXT,
  nature TEXT, nature2019 TEXT, objet TEXT, codeCPV TEXT, categorie TEXT, procedure TEXT, techniques TEXT,
  modalitesExecution TEXT, idAccordCadre TEXT, lieuExecution_code TEXT, lieuExecution_typeCode TEXT, lieuExecution_nom TEXT,
  dureeMois INTEGER, dureeRestanteMois REAL, dateNotification TEXT, datePublicationDonnees TEXT, dateDebutExecution TEXT,
  montant REAL, montantSubventionPublique REAL, formePrix TEXT, typesPrix TEXT, considerationsSociales TEXT,
  considerationsEnvironnementales TEXT, marcheInnovant INTEGER, attributionAvance INTEGER, tauxAvance REAL,
  sousTraitanceDeclaree INTEGER, ccag TEXT, offresRecues INTEGER, typeGroupementOperateurs TEXT, origineUE REAL,
  origineFrance REAL, montantActuel REAL, dureeMoisActuelle INTEGER, titulaires TEXT,
  source INTEGER REFERENCES sources(n), ressource INTEGER REFERENCES ressources(n),
  region_motifs TEXT, provenance TEXT, debut INTEGER NOT NULL, octets INTEGER NOT NULL) STRICT;
CREATE TABLE titulaires(contrat INTEGER NOT NULL REFERENCES contrats(n), etat INTEGER NOT NULL, rang INTEGER NOT NULL,
  typeIdentifiant TEXT, id TEXT, siren TEXT, denominationSociale TEXT, observation INTEGER,
  PRIMARY KEY(contrat, etat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE modifications(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL, id INTEGER, objetModification TEXT,
  dateNotificationModification TEXT, datePublicationDonneesModification TEXT, dureeMois INTEGER, montant REAL,
  etat_dureeMois INTEGER, etat_dureeRestanteMois REAL, etat_montant REAL, etat_titulaires INTEGER NOT NULL,
  observation INTEGER, PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE actes_sous_traitance(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL, id INTEGER,
  sousTraitant_typeIdentifiant TEXT, sousTraitant_id TEXT, sousTraitant_nom TEXT, dureeMois INTEGER, dateNotification TEXT,
  datePublicationDonnees TEXT, montant REAL, variationPrix TEXT, observation INTEGER,
  PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE modifications_actes(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL, id INTEGER, dureeMois INTEGER,
  dateNotificationModificationSousTraitance TEXT, datePublicationDonnees TEXT, montant REAL, observation INTEGER,
  PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE donnees_execution(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL,
  datePublicationDonneesExecution TEXT, depensesInvestissement REAL, PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE tarifs(contrat INTEGER NOT NULL REFERENCES contrats(n), annee INTEGER NOT NULL, rang INTEGER NOT NULL,
  intituleTarif TEXT, tarif REAL, PRIMARY KEY(contrat, annee, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE observations(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL,
  source INTEGER NOT NULL REFERENCES sources(n), ressource INTEGER NOT NULL REFERENCES ressources(n), position INTEGER NOT NULL,
  acheteur_id TEXT NOT NULL, id TEXT NOT NULL, published TEXT, PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE conflits(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL, champ TEXT NOT NULL, valeurs TEXT NOT NULL,
  PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE constats(contrat INTEGER NOT NULL REFERENCES contrats(n), rang INTEGER NOT NULL, code TEXT NOT NULL, champ TEXT NOT NULL,
  valeur TEXT NOT NULL, gravite TEXT NOT NULL, observation INTEGER NOT NULL,
  PRIMARY KEY(contrat, rang)) STRICT, WITHOUT ROWID;
CREATE TABLE acheteurs(siren TEXT NOT NULL PRIMARY KEY, siret TEXT NOT NULL, nom TEXT, departement TEXT, contrats INTEGER NOT NULL,
  retires INTEGER NOT NULL, montant REAL NOT NULL, premiere_notification TEXT, derniere_notification TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE sieges(siret TEXT NOT NULL PRIMARY KEY, commune_code TEXT, commune_nom TEXT, departement_code TEXT, departement_nom TEXT,
  region_code TEXT, region_nom TEXT, nom TEXT, categorie TEXT, taille TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE alias(cle TEXT NOT NULL, contrat INTEGER NOT NULL REFERENCES contrats(n), PRIMARY KEY(cle, contrat)) STRICT, WITHOUT ROWID;
";

/// The indexes, for the lists and look-ups of the pages.
pub(super) const INDEXES: &str = "
CREATE UNIQUE INDEX contrats_uid ON contrats(uid);
CREATE INDEX contrats_date ON contrats(coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE INDEX contrats_acheteur ON contrats(acheteur_siren, coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE INDEX contrats_departement ON contrats(departement, coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE INDEX titulaires_id ON titulaires(id);
CREATE INDEX titulaires_siren ON titulaires(siren) WHERE siren IS NOT NULL;
";

/// How a column of the view `decp` is had from the tables, for each kind of state.
fn column(name: &str, later: bool) -> String {
    let state = |first: &str, then: &str| {
        if later { then.to_owned() } else { first.to_owned() }
    };
    match name {
        "type" => "c.categorie".to_owned(),
        "titulaire_id" => "t.id".to_owned(),
        "titulaire_typeIdentifiant" => "t.typeIdentifiant".to_owned(),
        "titulaire_nom" => "coalesce(h.nom, t.denominationSociale)".to_owned(),
        "montant" => state("c.montant", "m.etat_montant"),
        "dureeMois" => state("c.dureeMois", "m.etat_dureeMois"),
        "dureeRestanteMois" => state("c.dureeRestanteMois", "m.etat_dureeRestanteMois"),
        "dateNotification" => state("c.dateNotification", "m.dateNotificationModification"),
        "datePublicationDonnees" => state("c.datePublicationDonnees", "m.datePublicationDonneesModification"),
        "modification_id" => state("0", "m.rang"),
        "donneesActuelles" => {
            let later = if later { " AND l.rang > m.rang" } else { "" };
            format!("NOT EXISTS(SELECT 1 FROM modifications l WHERE l.contrat = c.n{later})")
        }
        "sourceDataset" => "s.id".to_owned(),
        "sourceFile" => "r.url".to_owned(),
        "titulaire_distance" => "NULL".to_owned(),
        "titulaire_categorie" => "h.taille".to_owned(),
        _ if name.ends_with("titude") || name.ends_with("gitude") => "NULL".to_owned(),
        _ => match name.split_once('_') {
            Some(("acheteur", rest)) if rest != "id" && rest != "nom" => format!("b.{rest}"),
            Some(("titulaire", rest)) => format!("h.{rest}"),
            _ => format!("c.{name}"),
        },
    }
}

/// The views: `decp` has the columns and rows of decp.csv, `etats` the states of each contract.
pub(super) fn views() -> String {
    let half = |later: bool| {
        let columns: Vec<String> =
            COLUMNS.iter().map(|(name, _)| format!("{} AS {name}", column(name, later))).collect();
        let (join, state) =
            if later { (" JOIN modifications m ON m.contrat = c.n", "m.etat_titulaires") } else { ("", "0") };
        format!(
            "SELECT {} FROM contrats c{join} LEFT JOIN titulaires t ON t.contrat = c.n AND t.etat = {state} \
             LEFT JOIN sieges b ON b.siret = c.acheteur_id \
             LEFT JOIN sieges h ON h.siret = t.id AND t.siren IS NOT NULL \
             LEFT JOIN sources s ON s.n = c.source LEFT JOIN ressources r ON r.n = c.ressource WHERE c.retire = 0",
            columns.join(", ")
        )
    };
    format!(
        "CREATE VIEW decp AS {} UNION ALL {};
CREATE VIEW etats AS SELECT n AS contrat, 0 AS etat, montant, dureeMois, dureeRestanteMois, dateNotification,
  datePublicationDonnees, 0 AS etat_titulaires, NOT EXISTS(SELECT 1 FROM modifications l WHERE l.contrat = n) AS actuel FROM contrats
 UNION ALL SELECT contrat, rang, etat_montant, etat_dureeMois, etat_dureeRestanteMois, dateNotificationModification,
  datePublicationDonneesModification, etat_titulaires,
  NOT EXISTS(SELECT 1 FROM modifications l WHERE l.contrat = m.contrat AND l.rang > m.rang) FROM modifications m;",
        half(false),
        half(true)
    )
}

/// What each table, view and column means, in French: table or view, column or nothing, description,
/// separated by tabs.
const DOCUMENTATION: &str = include_str!("consumer_db.fr.tsv");

/// The rows of the table `documentation`.
pub(super) fn documentation() -> impl Iterator<Item = [&'static str; 3]> {
    DOCUMENTATION.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        Some([parts.next()?, parts.next()?, parts.next()?])
    })
}
