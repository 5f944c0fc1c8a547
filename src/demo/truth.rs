//! What is true in the simulated region: what each contract is, whatever its sources make of it.
//!
//! Knows nothing of files: [`super::ledger`] says where each contract was written.

use std::collections::BTreeSet;

use crate::record::{Day, Kind, Money, Record, fold};

pub use super::family::Fate;

/// The name of a contract in the simulated region; it has nothing to do with a uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TruthId {
    /// Number of the family, from 0.
    pub family: u64,
    /// Number of the contract in its family, from 0.
    pub member: u32,
}

impl std::fmt::Display for TruthId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.family, self.member)
    }
}

/// What a publication has to say of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says<T> {
    /// Exactly this.
    This(T),
    /// Nothing: the key is absent.
    Nothing,
    /// Several answers are right by the rules.
    Anything,
}

impl<T> From<Option<T>> for Says<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::This)
    }
}

impl<T: PartialEq> Says<T> {
    /// Whether this is what a publication may say.
    pub fn accepts(&self, said: Option<&T>) -> bool {
        match (self, said) {
            (Self::This(right), Some(said)) => right == said,
            (Self::Nothing, None) | (Self::Anything, _) => true,
            (Self::This(_), None) | (Self::Nothing, Some(_)) => false,
        }
    }
}

/// The values that a publication has to give a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// `type`.
    pub kind: Kind,
    /// `montant`, as first declared.
    pub montant: Says<Money>,
    /// `dureeMois`, as first declared.
    pub duree_mois: Says<u32>,
    /// Identifiers of `titulaires`.
    pub titulaires: Says<BTreeSet<String>>,
    /// `dateNotification`.
    pub date: Says<Day>,
    /// `objet`, folded: sources may differ in case.
    pub objet: Says<String>,
    /// `codeCPV`.
    pub cpv: Says<String>,
    /// `offresRecues`: the 2019 format has none, so that mostly it depends on who speaks.
    pub offres_recues: Says<u32>,
    /// Number of `modifications`.
    pub modifications: usize,
    /// Number of `actesSousTraitance`.
    pub actes: usize,
    /// Number of `modificationsActesSousTraitance`.
    pub modifications_actes: usize,
    /// Number of years of `donneesExecution`.
    pub annees: usize,
    /// `current.montant`.
    pub current_montant: Says<Money>,
    /// `current.dureeMois`.
    pub current_duree_mois: Says<u32>,
    /// Identifiers of `current.titulaires`.
    pub current_titulaires: Says<BTreeSet<String>>,
}

impl Expected {
    /// What the clean values of one record make of a contract.
    pub fn of(record: &Record) -> Self {
        let mut mods: Vec<_> = record.modifications.iter().collect();
        mods.sort_by_key(|m| (m.date, m.id));
        let last_holders = mods.iter().rev().find(|m| !m.titulaires.is_empty());
        let holders = last_holders.map_or(&record.titulaires, |m| &m.titulaires);
        Self {
            kind: record.kind,
            montant: record.montant.into(),
            duree_mois: record.duree_mois.into(),
            titulaires: keys(&record.titulaires),
            date: record.date_notification.into(),
            objet: record.objet.as_deref().map(fold).into(),
            cpv: record.cpv.map(|c| c.to_string()).into(),
            offres_recues: Says::Anything,
            modifications: mods.len(),
            actes: record.actes.len(),
            modifications_actes: record.modifications_actes.len(),
            annees: record.donnees_execution.len(),
            current_montant: mods
                .iter()
                .rev()
                .find_map(|m| m.montant)
                .or(record.montant)
                .into(),
            current_duree_mois: mods
                .iter()
                .rev()
                .find_map(|m| m.duree_mois)
                .or(record.duree_mois)
                .into(),
            current_titulaires: keys(holders),
        }
    }
}

fn keys(holders: &[crate::record::Holder]) -> Says<BTreeSet<String>> {
    let keys: BTreeSet<_> = holders.iter().filter_map(|h| h.id.clone()).collect();
    if keys.is_empty() {
        Says::Nothing
    } else {
        Says::This(keys)
    }
}

/// A contract of the simulated region, and where its sources wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthContract {
    /// Its name here.
    pub id: TruthId,
    /// SIREN of the buyer.
    pub siren: String,
    /// Whether it belongs into the publication.
    pub in_scope: bool,
    /// Its values.
    pub expected: Expected,
    /// The records that speak of it, in the order in which they were written.
    pub records: Vec<TruthRecord>,
    /// Whether a record of the 2022 format is among those that count.
    pub in_2022: bool,
}

/// A record that a source published, and what has to become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruthRecord {
    /// Where it stands; `None` when it is gone.
    pub place: Option<Place>,
    /// Number of the source.
    pub source: usize,
    /// SIRET of the buyer, as declared.
    pub acheteur_id: String,
    /// Id, as declared.
    pub id: String,
    /// What has to become of it.
    pub fate: Fate,
}

/// A place in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the source.
    pub source: usize,
    /// Number of the resource in its source, in the order of the resources' ids.
    pub resource: usize,
    /// 0-based place in the payload.
    pub position: u32,
}

/// What the counts of a source have to be (contract.md §6, `quality.json`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Places in its current payloads.
    pub received: u64,
    /// Places that count.
    pub accepted: u64,
    /// Places whose contract another place of the payload speaks for.
    pub superseded: u64,
    /// Places whose content stands in the resource already.
    pub repeats: u64,
    /// Places without a readable identity.
    pub quarantined: u64,
    /// Places of contracts that are none of the region's.
    pub out_of_region: u64,
    /// Places written in a spelling that has to be repaired: `repaired` is at least 1 when this is.
    pub misspelled: u64,
}

impl Counts {
    /// Adds one place.
    pub(crate) fn add(&mut self, fate: Fate) {
        if matches!(fate, Fate::Gone(_)) {
            return;
        }
        self.received += 1;
        match fate {
            Fate::Accepted(_) => self.accepted += 1,
            Fate::Superseded(_) => self.superseded += 1,
            Fate::Repeat(_) => self.repeats += 1,
            Fate::Quarantined => self.quarantined += 1,
            Fate::OutOfRegion(_) => self.out_of_region += 1,
            Fate::Gone(_) => {}
        }
    }
}
