//! The names of a contract's fields, in the words of the 2022 arrêté.

use serde::{Deserialize, Serialize};

macro_rules! fields {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A field of a contract. Its name is that of the 2022 format (a concession's amount, dates
        /// and holders stand under the names of a marché); a field that only 2019 has keeps its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is its name")]
        pub enum Field { $($variant),+ }

        impl Field {
            /// Every field, in the order in which a contract is written.
            pub const ALL: &'static [Field] = &[$(Field::$variant),+];
            /// The name in files and findings.
            pub fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),+ }
            }
            /// The field of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Field::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for Field {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.name()) }
        }
    };
}

fields! {
    Id = "id",
    Acheteur = "acheteur",
    AcheteurNom = "acheteur.nom",
    Nature = "nature",
    Nature2019 = "nature2019",
    Objet = "objet",
    CodeCpv = "codeCPV",
    Techniques = "techniques",
    ModalitesExecution = "modalitesExecution",
    IdAccordCadre = "idAccordCadre",
    Procedure = "procedure",
    LieuExecution = "lieuExecution",
    DureeMois = "dureeMois",
    DateNotification = "dateNotification",
    DatePublicationDonnees = "datePublicationDonnees",
    DateDebutExecution = "dateDebutExecution",
    Montant = "montant",
    MontantSubventionPublique = "montantSubventionPublique",
    FormePrix = "formePrix",
    TypesPrix = "typesPrix",
    ConsiderationsSociales = "considerationsSociales",
    ConsiderationsEnvironnementales = "considerationsEnvironnementales",
    MarcheInnovant = "marcheInnovant",
    AttributionAvance = "attributionAvance",
    TauxAvance = "tauxAvance",
    SousTraitanceDeclaree = "sousTraitanceDeclaree",
    Ccag = "ccag",
    OffresRecues = "offresRecues",
    TypeGroupementOperateurs = "typeGroupementOperateurs",
    OrigineUe = "origineUE",
    OrigineFrance = "origineFrance",
    Titulaires = "titulaires",
    DonneesExecution = "donneesExecution",
    ActesSousTraitance = "actesSousTraitance",
    ModificationsActesSousTraitance = "modificationsActesSousTraitance",
    Modifications = "modifications",
}

impl Field {
    /// The fields that come together from one winner, so that no contract is a chimera (records.md §5).
    pub const COUPLED: &'static [Field] = &[
        Field::Montant,
        Field::DureeMois,
        Field::FormePrix,
        Field::TypesPrix,
        Field::OffresRecues,
        Field::Titulaires,
        Field::DateNotification,
    ];
}
