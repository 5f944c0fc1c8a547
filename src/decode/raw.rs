//! A record as declared: one member for each field that any edition of DECP has, each holding what
//! stood there, untyped. Whatever names and wrappings a format uses end here.

use crate::record::{Format, Kind};

use super::Note;

/// A declared scalar, with the type that the format gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A JSON string.
    Text(String),
    /// A JSON number, as written.
    Number(String),
    /// A JSON boolean.
    Bool(bool),
    /// The text of an XML element or of a cell, which has no type.
    Plain(String),
}

impl Scalar {
    /// As declared.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(t) | Self::Number(t) | Self::Plain(t) => t,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }
}

/// A field: `None` when absent, `null` or empty.
pub type Declared = Option<Scalar>;

/// `titulaire`, `concessionnaire`, `sousTraitant`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::Holder")]
pub struct RawHolder {
    pub id_type: Declared,
    pub id: Declared,
    pub name: Declared,
}

/// `modification`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::Modification")]
pub struct RawModification {
    pub id: Declared,
    pub objet: Declared,
    pub date: Declared,
    pub date_publication: Declared,
    pub duree_mois: Declared,
    pub montant: Declared,
    pub titulaires: Vec<RawHolder>,
}

/// `acteSousTraitance`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::ActeSousTraitance")]
pub struct RawActe {
    pub id: Declared,
    pub sous_traitant: RawHolder,
    pub duree_mois: Declared,
    pub date: Declared,
    pub date_publication: Declared,
    pub montant: Declared,
    pub variation_prix: Declared,
}

/// `modificationActeSousTraitance`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::ModificationActe")]
pub struct RawModificationActe {
    pub id: Declared,
    pub duree_mois: Declared,
    pub date: Declared,
    pub date_publication: Declared,
    pub montant: Declared,
}

/// `donneesAnnuelles`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::DonneesAnnuelles")]
pub struct RawDonnees {
    pub date_publication: Declared,
    pub depenses_investissement: Declared,
    /// `intituleTarif`, `tarif`.
    pub tarifs: Vec<(Declared, Declared)>,
}

/// One record as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the fields of record::Record")]
pub struct RawRecord {
    /// Marché or concession, by what the record and its place say.
    pub kind: Kind,
    /// The edition of the format, by what the record holds.
    pub format: Format,
    /// `_type`, `typeContrat`: what the record calls itself.
    pub declared_type: Declared,
    /// `uid`: SIRET of the buyer and id, where the source writes it.
    pub uid: Declared,
    pub id: Declared,
    pub acheteur: Declared,
    pub acheteur_nom: Declared,
    pub nature: Declared,
    pub objet: Declared,
    pub cpv: Declared,
    pub techniques: Vec<Scalar>,
    pub modalites: Vec<Scalar>,
    pub id_accord_cadre: Declared,
    pub procedure: Declared,
    pub lieu_code: Declared,
    pub lieu_type: Declared,
    pub lieu_nom: Declared,
    pub duree_mois: Declared,
    pub date_notification: Declared,
    pub date_publication: Declared,
    pub date_debut_execution: Declared,
    pub montant: Declared,
    /// Amounts are in hundredths of a euro: the dialect loses the decimal comma.
    pub cents: bool,
    /// In amounts, a comma is of decimals: the table writes them so.
    pub decimal_comma: bool,
    /// The amount is the one that was planned, since none was declared as agreed.
    pub planned: bool,
    pub montant_subvention: Declared,
    pub forme_prix: Declared,
    pub types_prix: Vec<Scalar>,
    pub considerations_sociales: Vec<Scalar>,
    pub considerations_environnementales: Vec<Scalar>,
    pub marche_innovant: Declared,
    pub attribution_avance: Declared,
    pub taux_avance: Declared,
    pub sous_traitance_declaree: Declared,
    pub ccag: Declared,
    pub offres_recues: Declared,
    pub groupement: Declared,
    pub origine_ue: Declared,
    pub origine_france: Declared,
    pub titulaires: Vec<RawHolder>,
    pub donnees_execution: Vec<RawDonnees>,
    pub actes: Vec<RawActe>,
    pub modifications_actes: Vec<RawModificationActe>,
    pub modifications: Vec<RawModification>,
    /// Fields that the model has no place for: path and value, as declared.
    pub others: Vec<(String, String)>,
    /// What the decoder had to do.
    pub notes: Vec<Note>,
}

impl RawRecord {
    pub(super) fn new() -> Self {
        Self {
            kind: Kind::Marche,
            format: Format::V2019,
            declared_type: None,
            uid: None,
            id: None,
            acheteur: None,
            acheteur_nom: None,
            nature: None,
            objet: None,
            cpv: None,
            techniques: Vec::new(),
            modalites: Vec::new(),
            id_accord_cadre: None,
            procedure: None,
            lieu_code: None,
            lieu_type: None,
            lieu_nom: None,
            duree_mois: None,
            date_notification: None,
            date_publication: None,
            date_debut_execution: None,
            montant: None,
            cents: false,
            decimal_comma: false,
            planned: false,
            montant_subvention: None,
            forme_prix: None,
            types_prix: Vec::new(),
            considerations_sociales: Vec::new(),
            considerations_environnementales: Vec::new(),
            marche_innovant: None,
            attribution_avance: None,
            taux_avance: None,
            sous_traitance_declaree: None,
            ccag: None,
            offres_recues: None,
            groupement: None,
            origine_ue: None,
            origine_france: None,
            titulaires: Vec::new(),
            donnees_execution: Vec::new(),
            actes: Vec::new(),
            modifications_actes: Vec::new(),
            modifications: Vec::new(),
            others: Vec::new(),
            notes: Vec::new(),
        }
    }
}
