//! A contract: what the region knows, made from all the observations of the same real contract.

use serde::{Deserialize, Serialize};

use super::*;

/// Index into [`Contract::observations`].
pub type ObservationIndex = u32;

/// Where an observation stands, as contrats.ndjson shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObservationRef {
    /// Id of the source.
    pub source: String,
    /// The smallest id among the current resources of the source that hold it.
    pub resource: String,
    /// 0-based place there.
    pub position: u32,
    /// The buyer's SIRET as this observation declares it.
    pub acheteur_id: String,
    /// The id as this observation declares it, trimmed.
    pub id: String,
    /// `datePublicationDonnees` as this observation declares it.
    pub published: Option<Day>,
}

/// Two observations disagree on a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// Every distinct normalised value, the winner first: its JSON form as contrats.ndjson would
    /// write it, and the first observation (in winning order) that declares it.
    pub values: Vec<(String, ObservationIndex)>,
}

/// What the modifications made of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Current {
    /// € without tax.
    pub montant: Option<Money>,
    /// Months.
    pub duree_mois: Option<u32>,
    /// Holders.
    pub titulaires: Vec<Holder>,
}

/// Why a contract is in the region, or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Published at all only when true.
    pub in_scope: bool,
    /// `seat`, `place`, `no-region`, `seat-unknown`, `seat-outside`: sorted.
    pub reasons: Vec<String>,
}

/// Two parts of a contract that sources number differently, and why they are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Joined {
    /// Observations of the one part, ascending.
    pub left: Vec<ObservationIndex>,
    /// Observations of the other.
    pub right: Vec<ObservationIndex>,
    /// Out of 100.
    pub score: u32,
    /// What speaks for and against, in French.
    pub evidence: String,
}

/// Another contract of the buyer that may be the same under another id, and was left apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Double {
    /// Its name.
    pub uid: Uid,
    /// Out of 100.
    pub score: u32,
    /// The score is high enough, but nothing says which of several it is.
    pub tied: bool,
    /// What speaks for and against, in French.
    pub evidence: String,
    /// Sources that publish it, sorted.
    pub sources: Vec<String>,
    /// Its amount, € without tax.
    pub montant: Option<Money>,
    /// When it was notified.
    pub date_notification: Option<Day>,
    /// Its object.
    pub objet: Option<String>,
}

/// A contract of the region. `record` holds the chosen values; the other members say where each
/// came from. Lists in it are united where records.md §5 says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contract {
    /// Published name.
    pub uid: Uid,
    /// Chosen values; modifications in the order of their dates.
    pub record: Record,
    /// After the modifications.
    pub current: Current,
    /// True when every observation declares the 2019 format: belongs to `decp-2019`.
    pub only_2019: bool,
    /// The observations it is made of, sorted by source, resource, position.
    pub observations: Vec<ObservationRef>,
    /// Which observation each field's value comes from, in field order; a field that is absent has none.
    pub provenance: Vec<(Field, ObservationIndex)>,
    /// Observation of each holder, parallel to `record.titulaires`.
    pub titulaires_from: Vec<ObservationIndex>,
    /// Observation of each modification, parallel to `record.modifications`.
    pub modifications_from: Vec<ObservationIndex>,
    /// Observation of each act, parallel to `record.actes`.
    pub actes_from: Vec<ObservationIndex>,
    /// Observation of each modification of an act, parallel to `record.modifications_actes`.
    pub modifications_actes_from: Vec<ObservationIndex>,
    /// Disagreements, in field order.
    pub conflicts: Vec<Conflict>,
    /// Findings of its observations and of the merge.
    pub findings: Vec<(Finding, ObservationIndex)>,
    /// In the region or not, and why.
    pub region: Scope,
    /// No source publishes it any more.
    pub withdrawn: bool,
    /// What made one contract of observations under different ids in different sources, the
    /// surest first.
    pub joins: Vec<Joined>,
    /// Contracts of the buyer that may be this one under another id, the likeliest first.
    pub doubles: Vec<Double>,
}
