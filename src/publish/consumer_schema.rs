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
  region_code TEXT, region_nom TEXT) STRICT, WITHOUT ROWID;
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
        if later {
            then.to_owned()
        } else {
            first.to_owned()
        }
    };
    match name {
        "type" => "c.categorie".to_owned(),
        "titulaire_id" => "t.id".to_owned(),
        "titulaire_typeIdentifiant" => "t.typeIdentifiant".to_owned(),
        "titulaire_nom" => "t.denominationSociale".to_owned(),
        "montant" => state("c.montant", "m.etat_montant"),
        "dureeMois" => state("c.dureeMois", "m.etat_dureeMois"),
        "dureeRestanteMois" => state("c.dureeRestanteMois", "m.etat_dureeRestanteMois"),
        "dateNotification" => state("c.dateNotification", "m.dateNotificationModification"),
        "datePublicationDonnees" => state(
            "c.datePublicationDonnees",
            "m.datePublicationDonneesModification",
        ),
        "modification_id" => state("0", "m.rang"),
        "donneesActuelles" => {
            let later = if later { " AND l.rang > m.rang" } else { "" };
            format!("NOT EXISTS(SELECT 1 FROM modifications l WHERE l.contrat = c.n{later})")
        }
        "sourceDataset" => "s.id".to_owned(),
        "sourceFile" => "r.url".to_owned(),
        "titulaire_distance" | "acheteur_categorie" | "titulaire_categorie" => "NULL".to_owned(),
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
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(name, _)| format!("{} AS {name}", column(name, later)))
            .collect();
        let (join, state) = if later {
            (
                " JOIN modifications m ON m.contrat = c.n",
                "m.etat_titulaires",
            )
        } else {
            ("", "0")
        };
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

/// What each table, view and column means: (object, column or empty, description).
pub(super) const DOCUMENTATION: &[(&str, &str, &str)] = &[
    (
        "meta",
        "",
        "Ce que contient ce fichier : jour, région, version du schéma, nombres",
    ),
    ("meta", "cle", "Nom de la valeur"),
    ("meta", "valeur", "La valeur, en texte"),
    ("documentation", "", "Cette documentation"),
    ("documentation", "objet", "Table ou vue"),
    (
        "documentation",
        "colonne",
        "Colonne ; vide pour la table ou la vue elle-même",
    ),
    ("documentation", "description", "Ce qu'elle contient"),
    ("sources", "", "Les flux dont viennent les données"),
    ("sources", "n", "Numéro, dans l'ordre des identifiants"),
    ("sources", "id", "Identifiant de la source"),
    ("sources", "nom", "Nom"),
    ("sources", "url", "Adresse"),
    ("sources", "licence", "Licence des données"),
    ("sources", "format", "Format attendu"),
    (
        "sources",
        "authority",
        "Qui parle : buyer, platform, consolidator, scrape",
    ),
    (
        "sources",
        "contrats",
        "Contrats dont au moins une observation en vient, retirés compris",
    ),
    ("sources", "observations", "Observations qui en viennent"),
    ("ressources", "", "Les fichiers de chaque source"),
    ("ressources", "n", "Numéro"),
    ("ressources", "source", "Source (sources.n)"),
    ("ressources", "id", "Identifiant dans la source"),
    ("ressources", "url", "Adresse du fichier"),
    ("ressources", "titre", "Titre au catalogue"),
    (
        "contrats",
        "",
        "Un marché ou une concession par ligne, avec les valeurs retenues",
    ),
    ("contrats", "n", "Numéro, dans l'ordre des uid"),
    (
        "contrats",
        "uid",
        "SIRET de l'acheteur puis numéro du contrat, avec un suffixe si le numéro a servi plusieurs fois",
    ),
    ("contrats", "type", "marche ou concession"),
    (
        "contrats",
        "retire",
        "1 : plus aucune source ne publie ce contrat",
    ),
    (
        "contrats",
        "seul2019",
        "1 : publié seulement au format de 2019",
    ),
    ("contrats", "id", "Numéro donné par l'acheteur"),
    (
        "contrats",
        "acheteur_id",
        "SIRET de l'acheteur ou de l'autorité concédante",
    ),
    ("contrats", "acheteur_siren", "SIREN de l'acheteur"),
    (
        "contrats",
        "acheteur_nom",
        "Nom de l'acheteur, tel que déclaré",
    ),
    (
        "contrats",
        "departement",
        "Département du siège de l'acheteur",
    ),
    ("contrats", "nature", "Nature, vocabulaire de 2022"),
    ("contrats", "nature2019", "Nature, vocabulaire de 2019"),
    ("contrats", "objet", "Objet"),
    ("contrats", "codeCPV", "Code CPV, 8 chiffres"),
    (
        "contrats",
        "categorie",
        "Travaux, Fournitures ou Services, d'après le code CPV",
    ),
    ("contrats", "procedure", "Procédure"),
    (
        "contrats",
        "techniques",
        "Techniques d'achat, séparées par une virgule",
    ),
    (
        "contrats",
        "modalitesExecution",
        "Modalités d'exécution, séparées par une virgule",
    ),
    ("contrats", "idAccordCadre", "Numéro de l'accord-cadre"),
    ("contrats", "lieuExecution_code", "Code du lieu d'exécution"),
    ("contrats", "lieuExecution_typeCode", "Type de ce code"),
    ("contrats", "lieuExecution_nom", "Nom du lieu d'exécution"),
    ("contrats", "dureeMois", "Durée initiale, en mois"),
    (
        "contrats",
        "dureeRestanteMois",
        "Mois restants au jour de la publication, d'après la durée initiale",
    ),
    (
        "contrats",
        "dateNotification",
        "Date de notification, ou de signature d'une concession",
    ),
    (
        "contrats",
        "datePublicationDonnees",
        "Date de publication des données",
    ),
    (
        "contrats",
        "dateDebutExecution",
        "Début d'exécution d'une concession",
    ),
    (
        "contrats",
        "montant",
        "Montant initial hors taxes, en euros (valeur globale d'une concession)",
    ),
    (
        "contrats",
        "montantSubventionPublique",
        "Subvention publique d'une concession, en euros",
    ),
    (
        "contrats",
        "formePrix",
        "Forme du prix, vocabulaire de 2022",
    ),
    (
        "contrats",
        "typesPrix",
        "Types de prix, séparés par une virgule",
    ),
    (
        "contrats",
        "considerationsSociales",
        "Considérations sociales, séparées par une virgule",
    ),
    (
        "contrats",
        "considerationsEnvironnementales",
        "Considérations environnementales, séparées par une virgule",
    ),
    ("contrats", "marcheInnovant", "Marché innovant (0 ou 1)"),
    ("contrats", "attributionAvance", "Avance attribuée (0 ou 1)"),
    ("contrats", "tauxAvance", "Taux de l'avance, de 0 à 1"),
    (
        "contrats",
        "sousTraitanceDeclaree",
        "Sous-traitance déclarée (0 ou 1)",
    ),
    ("contrats", "ccag", "CCAG de référence"),
    ("contrats", "offresRecues", "Nombre d'offres reçues"),
    ("contrats", "typeGroupementOperateurs", "Type de groupement"),
    (
        "contrats",
        "origineUE",
        "Part de produits de l'Union européenne, de 0 à 1",
    ),
    (
        "contrats",
        "origineFrance",
        "Part de produits français, de 0 à 1",
    ),
    (
        "contrats",
        "montantActuel",
        "Montant après les modifications",
    ),
    (
        "contrats",
        "dureeMoisActuelle",
        "Durée après les modifications",
    ),
    (
        "contrats",
        "titulaires",
        "Noms (à défaut identifiants) des titulaires actuels",
    ),
    (
        "contrats",
        "source",
        "Source de l'observation retenue (sources.n)",
    ),
    (
        "contrats",
        "ressource",
        "Fichier de l'observation retenue (ressources.n)",
    ),
    (
        "contrats",
        "region_motifs",
        "Pourquoi le contrat est de la région",
    ),
    (
        "contrats",
        "provenance",
        "JSON {champ: rang de l'observation} ; vide quand il n'y a qu'une observation",
    ),
    (
        "contrats",
        "debut",
        "Position de sa ligne dans contrats.ndjson, en octets",
    ),
    (
        "contrats",
        "octets",
        "Longueur de sa ligne dans contrats.ndjson, sans le saut de ligne",
    ),
    (
        "titulaires",
        "",
        "Titulaires (concessionnaires) de chaque état qui en déclare",
    ),
    ("titulaires", "contrat", "Contrat (contrats.n)"),
    (
        "titulaires",
        "etat",
        "0 : état initial ; k : déclarés par la modification de rang k",
    ),
    ("titulaires", "rang", "Place dans la liste, à partir de 0"),
    ("titulaires", "typeIdentifiant", "Type d'identifiant"),
    ("titulaires", "id", "Identifiant"),
    (
        "titulaires",
        "siren",
        "SIREN, si l'identifiant est un SIRET",
    ),
    ("titulaires", "denominationSociale", "Nom, tel que déclaré"),
    (
        "titulaires",
        "observation",
        "Rang de l'observation d'où il vient",
    ),
    (
        "modifications",
        "",
        "Modifications d'un contrat, dans l'ordre de leurs dates",
    ),
    ("modifications", "contrat", "Contrat (contrats.n)"),
    ("modifications", "rang", "Rang, à partir de 1"),
    ("modifications", "id", "Numéro déclaré (format de 2022)"),
    (
        "modifications",
        "objetModification",
        "Objet (format de 2019)",
    ),
    (
        "modifications",
        "dateNotificationModification",
        "Date de notification, ou de signature pour une concession",
    ),
    (
        "modifications",
        "datePublicationDonneesModification",
        "Date de publication",
    ),
    ("modifications", "dureeMois", "Nouvelle durée déclarée"),
    ("modifications", "montant", "Nouveau montant déclaré"),
    (
        "modifications",
        "etat_dureeMois",
        "Durée après cette modification, reportée si elle ne la change pas",
    ),
    (
        "modifications",
        "etat_dureeRestanteMois",
        "Mois restants au jour de la publication, dans cet état",
    ),
    (
        "modifications",
        "etat_montant",
        "Montant après cette modification, reporté si elle ne le change pas",
    ),
    (
        "modifications",
        "etat_titulaires",
        "État (titulaires.etat) dont les titulaires valent",
    ),
    (
        "modifications",
        "observation",
        "Rang de l'observation d'où elle vient",
    ),
    ("actes_sous_traitance", "", "Actes de sous-traitance"),
    ("actes_sous_traitance", "contrat", "Contrat (contrats.n)"),
    (
        "actes_sous_traitance",
        "rang",
        "Place dans la liste, à partir de 0",
    ),
    ("actes_sous_traitance", "id", "Numéro déclaré"),
    (
        "actes_sous_traitance",
        "sousTraitant_typeIdentifiant",
        "Type d'identifiant du sous-traitant",
    ),
    (
        "actes_sous_traitance",
        "sousTraitant_id",
        "Identifiant du sous-traitant",
    ),
    (
        "actes_sous_traitance",
        "sousTraitant_nom",
        "Nom du sous-traitant",
    ),
    ("actes_sous_traitance", "dureeMois", "Durée, en mois"),
    (
        "actes_sous_traitance",
        "dateNotification",
        "Date de notification",
    ),
    (
        "actes_sous_traitance",
        "datePublicationDonnees",
        "Date de publication",
    ),
    (
        "actes_sous_traitance",
        "montant",
        "Montant hors taxes, en euros",
    ),
    ("actes_sous_traitance", "variationPrix", "Variation du prix"),
    (
        "actes_sous_traitance",
        "observation",
        "Rang de l'observation d'où il vient",
    ),
    (
        "modifications_actes",
        "",
        "Modifications des actes de sous-traitance",
    ),
    ("modifications_actes", "contrat", "Contrat (contrats.n)"),
    (
        "modifications_actes",
        "rang",
        "Place dans la liste, à partir de 0",
    ),
    ("modifications_actes", "id", "Numéro de l'acte modifié"),
    (
        "modifications_actes",
        "dureeMois",
        "Nouvelle durée, en mois",
    ),
    (
        "modifications_actes",
        "dateNotificationModificationSousTraitance",
        "Date de notification",
    ),
    (
        "modifications_actes",
        "datePublicationDonnees",
        "Date de publication",
    ),
    (
        "modifications_actes",
        "montant",
        "Nouveau montant hors taxes, en euros",
    ),
    (
        "modifications_actes",
        "observation",
        "Rang de l'observation d'où elle vient",
    ),
    (
        "donnees_execution",
        "",
        "Données d'exécution annuelles d'une concession",
    ),
    ("donnees_execution", "contrat", "Contrat (contrats.n)"),
    (
        "donnees_execution",
        "rang",
        "Place dans la liste, à partir de 0",
    ),
    (
        "donnees_execution",
        "datePublicationDonneesExecution",
        "Date de publication",
    ),
    (
        "donnees_execution",
        "depensesInvestissement",
        "Dépenses d'investissement, en euros",
    ),
    (
        "tarifs",
        "",
        "Tarifs à la charge des usagers d'une concession",
    ),
    ("tarifs", "contrat", "Contrat (contrats.n)"),
    ("tarifs", "annee", "Année (donnees_execution.rang)"),
    ("tarifs", "rang", "Place dans la liste, à partir de 0"),
    ("tarifs", "intituleTarif", "Intitulé"),
    ("tarifs", "tarif", "Tarif, en euros"),
    (
        "observations",
        "",
        "Ce que chaque source dit de chaque contrat : où le lire",
    ),
    ("observations", "contrat", "Contrat (contrats.n)"),
    (
        "observations",
        "rang",
        "Rang, à partir de 0 : ce que nomment provenance et les colonnes observation",
    ),
    ("observations", "source", "Source (sources.n)"),
    ("observations", "ressource", "Fichier (ressources.n)"),
    (
        "observations",
        "position",
        "Place dans le fichier, à partir de 0",
    ),
    (
        "observations",
        "acheteur_id",
        "SIRET de l'acheteur, tel que déclaré",
    ),
    ("observations", "id", "Numéro du contrat, tel que déclaré"),
    ("observations", "published", "Date de publication déclarée"),
    (
        "conflits",
        "",
        "Champs sur lesquels les observations d'un contrat diffèrent",
    ),
    ("conflits", "contrat", "Contrat (contrats.n)"),
    ("conflits", "rang", "Place dans la liste, à partir de 0"),
    ("conflits", "champ", "Champ"),
    (
        "conflits",
        "valeurs",
        "JSON [{value, observation}], la valeur retenue d'abord",
    ),
    (
        "constats",
        "",
        "Règles que des valeurs n'ont pas respectées",
    ),
    ("constats", "contrat", "Contrat (contrats.n)"),
    ("constats", "rang", "Place dans la liste, à partir de 0"),
    ("constats", "code", "Code de la règle"),
    ("constats", "champ", "Champ"),
    ("constats", "valeur", "Valeur déclarée"),
    ("constats", "gravite", "repaired, warning ou error"),
    ("constats", "observation", "Rang de l'observation"),
    ("acheteurs", "", "Acheteurs, par SIREN"),
    ("acheteurs", "siren", "SIREN"),
    ("acheteurs", "siret", "SIRET du contrat le plus récent"),
    ("acheteurs", "nom", "Nom déclaré le plus récent"),
    ("acheteurs", "departement", "Département du siège"),
    ("acheteurs", "contrats", "Contrats, retirés non compris"),
    ("acheteurs", "retires", "Contrats retirés"),
    (
        "acheteurs",
        "montant",
        "Somme des montants actuels, en euros, sans les montants d'au moins un milliard",
    ),
    (
        "acheteurs",
        "premiere_notification",
        "Plus ancienne notification",
    ),
    (
        "acheteurs",
        "derniere_notification",
        "Plus récente notification",
    ),
    (
        "sieges",
        "",
        "Siège des acheteurs et titulaires, quand il est connu",
    ),
    ("sieges", "siret", "SIRET"),
    ("sieges", "commune_code", "Code INSEE de la commune"),
    ("sieges", "commune_nom", "Commune"),
    ("sieges", "departement_code", "Code du département"),
    ("sieges", "departement_nom", "Département"),
    ("sieges", "region_code", "Code de la région"),
    ("sieges", "region_nom", "Région"),
    (
        "alias",
        "",
        "Autres SIRET + numéro sous lesquels un contrat a été déclaré",
    ),
    ("alias", "cle", "SIRET suivi du numéro, tels que déclarés"),
    ("alias", "contrat", "Contrat (contrats.n)"),
    (
        "decp",
        "",
        "Vue : les colonnes et les lignes de decp.csv (contrat × état × titulaire)",
    ),
    ("etats", "", "Vue : les états successifs de chaque contrat"),
];
