//! The closed vocabularies of the DECP formats, in the words of the 2022 schema (2.0.x), plus the
//! few that only the 2019 format has.
//!
//! `label` is the exact text of the schema; `parse` compares folded (case, accents, typography),
//! so that `MARCHE` and `Marché` meet. What is no word of the list stays beside the record, as declared.

use serde::{Deserialize, Serialize};

use super::text::fold;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $label:literal $(| $alias:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is its label")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The exact text of the official schema.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
            /// The value whose label is exactly this text.
            pub fn exact(text: &str) -> Option<Self> {
                match text { $($label => Some(Self::$variant),)+ _ => None }
            }
            /// The value meant by a text that may differ in case, accents, typography, or by a
            /// spelling of an older format.
            pub fn parse(text: &str) -> Option<Self> {
                if let Some(v) = Self::exact(text) {
                    return Some(v);
                }
                static LABELS: std::sync::LazyLock<Vec<String>> =
                    std::sync::LazyLock::new(|| $name::ALL.iter().map(|v| fold(v.label())).collect());
                let folded = fold(text);
                let spelled = |label: &String| *label == folded;
                LABELS.iter().position(spelled).and_then(|i| Self::ALL.get(i).copied())
                    .or_else(|| match folded.as_str() { $($($alias => Some(Self::$variant),)*)+ _ => None })
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.label()) }
        }
    };
}

vocabulary!(
    /// `nature` of the 2022 format, marchés and concessions.
    Nature {
        Marche = "Marché" | "marche simple" | "marche public",
        Partenariat = "Marché de partenariat",
        Defense = "Marché de défense ou de sécurité",
        ConcessionTravaux = "Concession de travaux",
        ConcessionService = "Concession de service" | "concession de services",
        ConcessionServicePublic = "Concession de service public" | "concession de services publics",
        DelegationServicePublic = "Délégation de service public",
    }
);
vocabulary!(
    /// `nature` of a 2019 marché. Two of its words became a technique and a link in 2022.
    Nature2019 {
        Marche = "Marché" | "marche simple" | "marche public",
        Partenariat = "Marché de partenariat",
        AccordCadre = "Accord-cadre" | "accord cadre",
        Subsequent = "Marché subséquent" | "subsequent" | "marches subsequents",
    }
);
vocabulary!(
    /// `procedure`: six words for marchés, four for concessions.
    Procedure {
        Adaptee = "Procédure adaptée" | "mapa",
        AppelOffresOuvert = "Appel d'offres ouvert",
        AppelOffresRestreint = "Appel d'offres restreint",
        Negociation = "Procédure avec négociation" | "procedure concurrentielle avec negociation"
            | "procedure negociee avec mise en concurrence prealable",
        SansPublicite = "Marché passé sans publicité ni mise en concurrence préalable"
            | "marche negocie sans publicite ni mise en concurrence prealable"
            | "marche public negocie sans publicite ni mise en concurrence prealable"
            | "marche passe sans publicite ni mise en concurrence"
            | "marche negocie sans publicite ni mise en concurrence",
        Dialogue = "Dialogue compétitif",
        NegocieeOuverte = "Procédure négociée ouverte",
        NonNegocieeOuverte = "Procédure non négociée ouverte",
        NegocieeRestreinte = "Procédure négociée restreinte",
        NonNegocieeRestreinte = "Procédure non négociée restreinte",
    }
);
vocabulary!(
    /// `lieuExecution.typeCode`.
    PlaceType {
        CodePostal = "Code postal" | "postal" | "code_postal" | "codepostal",
        Commune = "Code commune" | "commune" | "code_commune" | "code insee",
        Arrondissement = "Code arrondissement" | "arrondissement",
        Canton = "Code canton" | "canton",
        Departement = "Code département" | "departement" | "code_departement",
        Region = "Code région" | "region" | "code_region",
        Pays = "Code pays" | "pays" | "code_pays",
    }
);
vocabulary!(
    /// `typeIdentifiant` of a holder or a sub-contractor. `UE` of the 2019 format is `TVA`.
    IdType {
        Siret = "SIRET",
        Tva = "TVA" | "tva_intracommunautaire" | "tva-intracommunautaire" | "tva intracommunautaire" | "ue",
        Tahiti = "TAHITI",
        Ridet = "RIDET",
        Frwf = "FRWF" | "frw",
        Irep = "IREP",
        HorsUe = "HORS-UE" | "hors_ue" | "hors ue",
    }
);
vocabulary!(
    /// `techniques.technique`.
    Technique {
        AccordCadre = "Accord-cadre" | "accord cadre",
        Concours = "Concours",
        Qualification = "Système de qualification",
        AcquisitionDynamique = "Système d'acquisition dynamique",
        Catalogue = "Catalogue électronique",
        Enchere = "Enchère électronique",
        SansObjet = "Sans objet",
    }
);
vocabulary!(
    /// `modalitesExecution.modaliteExecution`.
    Modalite {
        Tranches = "Tranches",
        BonsCommande = "Bons de commande",
        MarchesSubsequents = "Marchés subséquents",
        SansObjet = "Sans objet",
    }
);
vocabulary!(
    /// `formePrix` of the 2022 format. (That of 2019 is a [`TypePrix`] today.)
    FormePrix { Unitaire = "Unitaire", Forfaitaire = "Forfaitaire", Mixte = "Mixte" }
);
vocabulary!(
    /// `typesPrix.typePrix`; the aliases are the 2019 `formePrix`.
    TypePrix {
        Ferme = "Définitif ferme" | "ferme" | "fermes",
        Actualisable = "Définitif actualisable" | "ferme et actualisable" | "fermes et actualisables" | "fermes actualisables",
        Revisable = "Définitif révisable" | "revisable" | "revisables",
        Provisoire = "Provisoire",
    }
);
vocabulary!(
    /// `considerationsSociales.considerationSociale`.
    ConsiderationSociale {
        Clause = "Clause sociale",
        Critere = "Critère social",
        MarcheReserve = "Marché réservé",
        ConcessionReservee = "Concession réservée",
        Aucune = "Pas de considération sociale",
    }
);
vocabulary!(
    /// `considerationsEnvironnementales.considerationEnvironnementale`.
    ConsiderationEnvironnementale {
        Clause = "Clause environnementale",
        Critere = "Critère environnemental",
        Aucune = "Pas de considération environnementale",
    }
);
vocabulary!(
    /// `ccag`, the general conditions that the contract refers to.
    Ccag {
        Travaux = "Travaux",
        MaitriseOeuvre = "Maitrise d'œuvre",
        Fournitures = "Fournitures courantes et services",
        Industriels = "Marchés industriels",
        Intellectuelles = "Prestations intellectuelles",
        Tic = "Techniques de l'information et de la communication",
        Aucun = "Pas de CCAG",
    }
);
vocabulary!(
    /// `typeGroupementOperateurs`.
    Groupement { Conjoint = "Conjoint", Solidaire = "Solidaire", Aucun = "Pas de groupement" }
);
vocabulary!(
    /// `variationPrix` of a sub-contracting act.
    VariationPrix { Ferme = "Ferme", Actualisable = "Actualisable", Revisable = "Révisable" }
);

impl Nature {
    /// Whether this is a nature of concession.
    pub fn is_concession(self) -> bool {
        !matches!(self, Self::Marche | Self::Partenariat | Self::Defense)
    }
}

impl Procedure {
    /// Whether this is a procedure of concession.
    pub fn is_concession(self) -> bool {
        matches!(
            self,
            Self::NegocieeOuverte | Self::NonNegocieeOuverte | Self::NegocieeRestreinte | Self::NonNegocieeRestreinte
        )
    }
}

impl TypePrix {
    /// The 2019 `formePrix` that means this; a provisional price had no word then.
    pub fn forme_prix_2019(self) -> Option<&'static str> {
        match self {
            Self::Ferme => Some("Ferme"),
            Self::Actualisable => Some("Ferme et actualisable"),
            Self::Revisable => Some("Révisable"),
            Self::Provisoire => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_accents_and_old_spellings_are_understood() {
        assert_eq!(Nature2019::parse("ACCORD-CADRE"), Some(Nature2019::AccordCadre));
        assert_eq!(PlaceType::parse("CODE DEPARTEMENT"), Some(PlaceType::Departement));
        assert_eq!(Ccag::parse("Maîtrise d’oeuvre"), Some(Ccag::MaitriseOeuvre));
        assert_eq!(IdType::parse("UE"), Some(IdType::Tva));
        assert_eq!(Procedure::parse("Procédure concurrentielle avec négociation"), Some(Procedure::Negociation));
        assert_eq!(Nature::parse("bail"), None);
    }

    #[test]
    fn each_label_is_its_own_value() {
        for v in Procedure::ALL {
            assert_eq!(Procedure::exact(v.label()), Some(*v));
        }
    }
}
