//! One typed model for everything that DECP 2019 (v1.x) and 2022 (v2.0.x) hold, marché and
//! concession. The 2019 format maps up into it; nothing is invented for what it lacks.

use serde::{Deserialize, Serialize};

use super::*;

/// A marché public or a contrat de concession.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `marche`.
    Marche,
    /// `contrat-concession`.
    Concession,
}

impl Kind {
    /// The word of contrats.ndjson: `marche` or `concession`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Marche => "marche",
            Self::Concession => "concession",
        }
    }
}

/// The official format in which a source declared a record. A contract that any source gave in the
/// 2022 format, or in a table only, belongs to `decp`; one known from 2019 only to `decp-2019`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Format {
    /// Arrêté of 22 March 2019 (v1.5 and before).
    V2019,
    /// Arrêté of 22 December 2022 (v2.0.x).
    V2022,
    /// A table (CSV) of any kind.
    Table,
}

/// A holder (`titulaire`, `concessionnaire`) or a sub-contractor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Holder {
    /// `typeIdentifiant`.
    pub id_type: Option<IdType>,
    /// `id`: a SIRET of 14 digits when `id_type` says so, else as declared, trimmed.
    pub id: Option<String>,
    /// `denominationSociale` (2019 only).
    pub name: Option<String>,
}

impl Holder {
    /// SIREN of a holder identified by SIRET.
    pub fn siren(&self) -> Option<Siren> {
        match self.id_type {
            Some(IdType::Siret) | None => Siret::parse(self.id.as_deref()?).map(|s| s.siren()),
            Some(_) => None,
        }
    }
    /// What tells two holders apart: the identifier where there is one, else the folded name.
    pub fn key(&self) -> Option<String> {
        match (&self.id, &self.name) {
            (Some(id), _) => Some(id.clone()),
            (None, Some(name)) => Some(fold(name)),
            (None, None) => None,
        }
    }
}

/// Place of execution (`lieuExecution`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// `code`, in the code system that `kind` names.
    pub code: Option<String>,
    /// `typeCode`.
    pub kind: Option<PlaceType>,
    /// `nom` (2019 only).
    pub name: Option<String>,
}

/// A modification of the contract (`modifications[]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Modification {
    /// `id` (2022): ascending in the order of notification.
    pub id: Option<u32>,
    /// `objetModification` (2019).
    pub objet: Option<String>,
    /// `dateNotificationModification`; a concession's `dateSignatureModification`.
    pub date: Option<Day>,
    /// `datePublicationDonneesModification`.
    pub date_publication: Option<Day>,
    /// `dureeMois`, months, after this modification.
    pub duree_mois: Option<u32>,
    /// `montant` (a concession's `valeurGlobale`), € without tax, after this modification.
    pub montant: Option<Money>,
    /// `titulaires` after this modification; empty = unchanged.
    pub titulaires: Vec<Holder>,
}

/// A declaration of sub-contracting (`actesSousTraitance[]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ActeSousTraitance {
    /// `id`.
    pub id: Option<u32>,
    /// `sousTraitant`.
    pub sous_traitant: Holder,
    /// `dureeMois`, months.
    pub duree_mois: Option<u32>,
    /// `dateNotification`.
    pub date: Option<Day>,
    /// `datePublicationDonnees`.
    pub date_publication: Option<Day>,
    /// `montant`, € without tax.
    pub montant: Option<Money>,
    /// `variationPrix`.
    pub variation_prix: Option<VariationPrix>,
}

/// A modification of a sub-contracting act (`modificationsActesSousTraitance[]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ModificationActe {
    /// `id` of the act.
    pub id: Option<u32>,
    /// `dureeMois`, months.
    pub duree_mois: Option<u32>,
    /// `dateNotificationModificationSousTraitance`.
    pub date: Option<Day>,
    /// `datePublicationDonnees`.
    pub date_publication: Option<Day>,
    /// `montant`, € without tax.
    pub montant: Option<Money>,
}

/// One tariff of a year of a concession.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Tarif {
    /// `intituleTarif`.
    pub intitule: Option<String>,
    /// `tarif`, €.
    pub tarif: Option<Money>,
}

/// One year of a concession (`donneesExecution[]`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct DonneesAnnuelles {
    /// `datePublicationDonneesExecution`.
    pub date_publication: Option<Day>,
    /// `depensesInvestissement`, €.
    pub depenses_investissement: Option<Money>,
    /// `tarifs`.
    pub tarifs: Vec<Tarif>,
}

/// The clean values of a contract as one source, or the region, knows it. Absent = `None` or empty:
/// not declared, or declared unusably (then a finding and a [`Declared`] stand beside).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Marché or concession.
    pub kind: Kind,
    /// `id`, as declared, trimmed.
    pub id: LocalId,
    /// `acheteur.id`, a concession's `autoriteConcedante.id`.
    pub acheteur: Siret,
    /// `acheteur.nom` (2019).
    pub acheteur_nom: Option<String>,
    /// `nature` in the vocabulary of 2022.
    pub nature: Option<Nature>,
    /// `nature` as a 2019 marché declared it; `None` for every other record.
    pub nature_2019: Option<Nature2019>,
    /// `objet`, white space squeezed.
    pub objet: Option<String>,
    /// `codeCPV` without check digit.
    pub cpv: Option<Cpv>,
    /// `techniques`.
    pub techniques: Vec<Technique>,
    /// `modalitesExecution`.
    pub modalites: Vec<Modalite>,
    /// `idAccordCadre`.
    pub id_accord_cadre: Option<String>,
    /// `procedure`.
    pub procedure: Option<Procedure>,
    /// `lieuExecution` (a concession has one in 2019 only).
    pub lieu: Option<Place>,
    /// `dureeMois`, months, as first declared.
    pub duree_mois: Option<u32>,
    /// `dateNotification`; a concession's `dateSignature`.
    pub date_notification: Option<Day>,
    /// `datePublicationDonnees`.
    pub date_publication: Option<Day>,
    /// `dateDebutExecution` (concessions).
    pub date_debut_execution: Option<Day>,
    /// `montant` (a concession's `valeurGlobale`), € without tax, as first declared.
    pub montant: Option<Money>,
    /// `montantSubventionPublique` (concessions), €.
    pub montant_subvention: Option<Money>,
    /// `formePrix` of 2022.
    pub forme_prix: Option<FormePrix>,
    /// `typesPrix`, or the 2019 `formePrix`.
    pub types_prix: Vec<TypePrix>,
    /// `considerationsSociales`.
    pub considerations_sociales: Vec<ConsiderationSociale>,
    /// `considerationsEnvironnementales`.
    pub considerations_environnementales: Vec<ConsiderationEnvironnementale>,
    /// `marcheInnovant`.
    pub marche_innovant: Option<bool>,
    /// `attributionAvance`.
    pub attribution_avance: Option<bool>,
    /// `tauxAvance`, 0 to 1.
    pub taux_avance: Option<Rate>,
    /// `sousTraitanceDeclaree`.
    pub sous_traitance_declaree: Option<bool>,
    /// `ccag`.
    pub ccag: Option<Ccag>,
    /// `offresRecues`, at least 1.
    pub offres_recues: Option<u32>,
    /// `typeGroupementOperateurs`.
    pub groupement: Option<Groupement>,
    /// `origineUE`, 0 to 1.
    pub origine_ue: Option<Rate>,
    /// `origineFrance`, 0 to 1.
    pub origine_france: Option<Rate>,
    /// `titulaires`, a concession's `concessionnaires`.
    pub titulaires: Vec<Holder>,
    /// `donneesExecution` (concessions).
    pub donnees_execution: Vec<DonneesAnnuelles>,
    /// `actesSousTraitance`.
    pub actes: Vec<ActeSousTraitance>,
    /// `modificationsActesSousTraitance`.
    pub modifications_actes: Vec<ModificationActe>,
    /// `modifications`, in the order declared.
    pub modifications: Vec<Modification>,
}

impl Record {
    /// A record of which only the identity is known.
    pub fn new(kind: Kind, acheteur: Siret, id: LocalId) -> Self {
        Self {
            kind,
            id,
            acheteur,
            acheteur_nom: None,
            nature: None,
            nature_2019: None,
            objet: None,
            cpv: None,
            techniques: Vec::new(),
            modalites: Vec::new(),
            id_accord_cadre: None,
            procedure: None,
            lieu: None,
            duree_mois: None,
            date_notification: None,
            date_publication: None,
            date_debut_execution: None,
            montant: None,
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
        }
    }

    /// Every day that the record declares as a publication, a modification or an act: what its
    /// effective date is chosen from (records.md §5).
    pub fn declared_days(&self) -> impl Iterator<Item = Day> + '_ {
        self.date_publication
            .into_iter()
            .chain(self.modifications.iter().flat_map(|m| m.date.into_iter().chain(m.date_publication)))
            .chain(self.actes.iter().flat_map(|a| a.date.into_iter().chain(a.date_publication)))
            .chain(self.modifications_actes.iter().flat_map(|m| m.date.into_iter().chain(m.date_publication)))
            .chain(self.donnees_execution.iter().filter_map(|d| d.date_publication))
    }

    /// How many fields have a clean value: one of the orders that decide between two observations.
    pub fn filled(&self) -> usize {
        fn n<T>(v: &Option<T>) -> usize {
            usize::from(v.is_some())
        }
        fn l<T>(v: &[T]) -> usize {
            usize::from(!v.is_empty())
        }
        n(&self.acheteur_nom)
            + n(&self.nature)
            + n(&self.objet)
            + n(&self.cpv)
            + l(&self.techniques)
            + l(&self.modalites)
            + n(&self.id_accord_cadre)
            + n(&self.procedure)
            + n(&self.lieu)
            + n(&self.duree_mois)
            + n(&self.date_notification)
            + n(&self.date_publication)
            + n(&self.date_debut_execution)
            + n(&self.montant)
            + n(&self.montant_subvention)
            + n(&self.forme_prix)
            + l(&self.types_prix)
            + l(&self.considerations_sociales)
            + l(&self.considerations_environnementales)
            + n(&self.marche_innovant)
            + n(&self.attribution_avance)
            + n(&self.taux_avance)
            + n(&self.sous_traitance_declaree)
            + n(&self.ccag)
            + n(&self.offres_recues)
            + n(&self.groupement)
            + n(&self.origine_ue)
            + n(&self.origine_france)
            + l(&self.titulaires)
            + l(&self.donnees_execution)
            + l(&self.actes)
            + l(&self.modifications_actes)
            + l(&self.modifications)
    }
}

/// A value that a source declared and that the clean field cannot hold: kept, never overwritten.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Declared {
    /// Path, as in a [`Finding`].
    pub field: String,
    /// As declared.
    pub value: String,
}

/// Where the buyer's seat, or a place of execution, lies with respect to the configured region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Where {
    /// Inside the region.
    Inside,
    /// Known to be elsewhere.
    Outside,
    /// Not known.
    Unknown,
}

/// One record as one source published it: the clean values, what they were before, what they broke.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// The format it was declared in.
    pub format: Format,
    /// The clean values.
    pub record: Record,
    /// Declared values that have no place in `record`, and those that a repair replaced.
    pub declared: Vec<Declared>,
    /// Rules broken.
    pub findings: Vec<Finding>,
    /// The buyer's seat.
    pub seat: Where,
    /// The place of execution.
    pub place: Where,
}
