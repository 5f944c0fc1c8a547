//! Counting what became of the records of the current payloads (law L0).
//!
//! Counts are places in payloads: a record that stands in two resources is accepted in both; the
//! same content again in one resource is a repeat. Memory: one byte an observation, and the
//! distinct observations of one resource at a time.

use std::collections::{BTreeMap, HashMap};

use super::known::Known;
use super::{Snapshot, StoreError};
use crate::record::{Field, Observation, Record, Siren};

/// What became of records: `received = accepted + superseded + repeats + quarantined + out_of_region`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RecordCounts {
    /// Records in the payload.
    pub received: u64,
    /// Speak for a contract.
    pub accepted: u64,
    /// Another content of the same contract in the same source won.
    pub superseded: u64,
    /// The same content again in the same resource.
    pub repeats: u64,
    /// Unreadable, or without identity.
    pub quarantined: u64,
    /// Neither the seat nor the place is in the region.
    pub out_of_region: u64,
    /// Of the accepted and superseded: needed a repair.
    pub repaired: u64,
}

impl RecordCounts {
    fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.accepted += other.accepted;
        self.superseded += other.superseded;
        self.repeats += other.repeats;
        self.quarantined += other.quarantined;
        self.out_of_region += other.out_of_region;
        self.repaired += other.repaired;
    }
}

/// Counts of one source.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SourceCounts {
    /// All its resources together.
    pub records: RecordCounts,
    /// By resource id.
    pub resources: BTreeMap<String, RecordCounts>,
    /// Accepted records that lack a clean value, by field.
    pub missing: BTreeMap<Field, u64>,
}

/// Counts of one buyer, over all sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerCounts {
    /// The buyer.
    pub siren: Siren,
    /// Observations that speak for a contract.
    pub accepted: u64,
    /// Of those: needed a repair.
    pub repaired: u64,
    /// Of those: lack a clean value, by field.
    pub missing: BTreeMap<Field, u64>,
}

/// Bit `i` is set when the record has no clean value for `Field::ALL[i]`, among the fields that its
/// kind and format ask for.
pub fn missing_mask(observation: &Observation) -> i64 {
    let record = &observation.record;
    let mut mask = 0;
    for (bit, field) in Field::ALL.iter().enumerate() {
        if asked(observation, *field) && !present(record, *field) {
            mask |= 1 << bit;
        }
    }
    mask
}

fn asked(observation: &Observation, field: Field) -> bool {
    use crate::record::{Format, Kind};
    let marche = observation.record.kind == Kind::Marche;
    let recent = observation.format != Format::V2019;
    match field {
        Field::Nature
        | Field::Objet
        | Field::Procedure
        | Field::DureeMois
        | Field::DateNotification
        | Field::DatePublicationDonnees
        | Field::Montant
        | Field::Titulaires => true,
        Field::CodeCpv | Field::LieuExecution | Field::TypesPrix => marche,
        Field::FormePrix
        | Field::Techniques
        | Field::ModalitesExecution
        | Field::MarcheInnovant
        | Field::AttributionAvance
        | Field::SousTraitanceDeclaree
        | Field::Ccag
        | Field::OffresRecues
        | Field::TypeGroupementOperateurs => marche && recent,
        Field::ConsiderationsSociales | Field::ConsiderationsEnvironnementales => recent,
        Field::DateDebutExecution | Field::MontantSubventionPublique => !marche,
        _ => false,
    }
}

fn present(r: &Record, field: Field) -> bool {
    match field {
        Field::Nature => r.nature.is_some(),
        Field::Objet => r.objet.is_some(),
        Field::Procedure => r.procedure.is_some(),
        Field::DureeMois => r.duree_mois.is_some(),
        Field::DateNotification => r.date_notification.is_some(),
        Field::DatePublicationDonnees => r.date_publication.is_some(),
        Field::Montant => r.montant.is_some(),
        Field::Titulaires => !r.titulaires.is_empty(),
        Field::CodeCpv => r.cpv.is_some(),
        Field::LieuExecution => r.lieu.is_some(),
        Field::TypesPrix => !r.types_prix.is_empty(),
        Field::FormePrix => r.forme_prix.is_some(),
        Field::Techniques => !r.techniques.is_empty(),
        Field::ModalitesExecution => !r.modalites.is_empty(),
        Field::MarcheInnovant => r.marche_innovant.is_some(),
        Field::AttributionAvance => r.attribution_avance.is_some(),
        Field::SousTraitanceDeclaree => r.sous_traitance_declaree.is_some(),
        Field::Ccag => r.ccag.is_some(),
        Field::OffresRecues => r.offres_recues.is_some(),
        Field::TypeGroupementOperateurs => r.groupement.is_some(),
        Field::ConsiderationsSociales => !r.considerations_sociales.is_empty(),
        Field::ConsiderationsEnvironnementales => !r.considerations_environnementales.is_empty(),
        Field::DateDebutExecution => r.date_debut_execution.is_some(),
        Field::MontantSubventionPublique => r.montant_subvention.is_some(),
        _ => true,
    }
}

fn fields(mask: i64, into: &mut BTreeMap<Field, u64>) {
    let mut rest = mask as u64;
    while rest != 0 {
        let bit = rest.trailing_zeros() as usize;
        if let Some(field) = Field::ALL.get(bit) {
            *into.entry(*field).or_default() += 1;
        }
        rest &= rest - 1;
    }
}

/// Outcome and repair of every observation that stands: one byte each, by id.
struct Outcomes {
    bytes: Vec<u8>,
    same_as: HashMap<i64, i64>,
}

const REPAIRED: u8 = 0x80;

impl Outcomes {
    fn load(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let mut all = Self { bytes: Vec::new(), same_as: HashMap::new() };
        let sql = "SELECT s.id, s.outcome, s.same_as, o.repaired FROM standing s JOIN observation o ON o.id=s.id ORDER BY s.id";
        let mut statement = snapshot.conn.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let at = usize::try_from(id).map_err(|e| StoreError::damaged("an observation", e))?;
            if all.bytes.len() <= at {
                all.bytes.resize(at + 1, 0);
            }
            all.bytes[at] = row.get::<_, u8>(1)? | if row.get::<_, bool>(3)? { REPAIRED } else { 0 };
            if let Some(other) = row.get(2)? {
                all.same_as.insert(id, other);
            }
        }
        Ok(all)
    }

    fn canonical(&self, id: i64) -> i64 {
        self.same_as.get(&id).copied().unwrap_or(id)
    }

    fn of(&self, id: i64) -> (u8, bool) {
        let byte = usize::try_from(id).ok().and_then(|at| self.bytes.get(at)).copied().unwrap_or(0);
        (byte & !REPAIRED, byte & REPAIRED != 0)
    }
}

impl Snapshot {
    /// Counts of every source, by number.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn counts(&self) -> Result<BTreeMap<i64, SourceCounts>, StoreError> {
        let outcomes = Outcomes::load(self)?;
        let names: HashMap<i64, String> = self.resources(None)?.into_iter().map(|r| (r.n, r.id)).collect();
        let mut all = BTreeMap::new();
        for source in self.sources()? {
            let n = source.source.n;
            let mut counts = self.resource_counts(n, &outcomes, &names)?;
            for c in counts.resources.values() {
                counts.records.add(c);
            }
            all.insert(n, counts);
        }
        self.count_missing(&mut all)?;
        Ok(all)
    }

    fn resource_counts(
        &self,
        source: i64,
        outcomes: &Outcomes,
        names: &HashMap<i64, String>,
    ) -> Result<SourceCounts, StoreError> {
        let mut counts = SourceCounts::default();
        let mut seen: HashMap<i64, i64> = HashMap::new();
        let mut current = None;
        let mut statement = self.conn.prepare_cached(
            "SELECT r.n, p.entries FROM resource r JOIN place p ON p.resource=r.n WHERE r.source=?1 AND p.page<?2 ORDER BY r.n, p.page",
        )?;
        let mut rows = statement.query([source, super::ingest::LINGERING])?;
        while let Some(row) = rows.next()? {
            let resource: i64 = row.get(0)?;
            if current != Some(resource) {
                current = Some(resource);
                seen.clear();
            }
            let name = names.get(&resource).cloned().unwrap_or_default();
            let c = counts.resources.entry(name).or_default();
            let page = row.get_ref(1)?.as_blob().map_err(|e| StoreError::damaged("a page of places", e))?;
            for (_, code) in super::known::entries(page)? {
                count(c, Known::from_code(code), outcomes, &mut seen);
            }
        }
        Ok(counts)
    }

    fn count_missing(&self, all: &mut BTreeMap<i64, SourceCounts>) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT o.source, o.missing, count(*) FROM standing s JOIN observation o ON o.id=s.id
             WHERE s.outcome=1 AND s.gone IS NULL AND o.missing<>0 GROUP BY 1, 2",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (mask, n): (i64, u64) = (row.get(1)?, row.get(2)?);
            let Some(counts) = all.get_mut(&row.get(0)?) else {
                continue;
            };
            let mut one = BTreeMap::new();
            fields(mask, &mut one);
            for field in one.into_keys() {
                *counts.missing.entry(field).or_default() += n;
            }
        }
        Ok(())
    }

    /// Calls back with the counts of each buyer that has an accepted observation, by SIREN.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn buyer_counts(&self, mut each: impl FnMut(BuyerCounts)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT o.siren, o.repaired, o.missing FROM observation o JOIN standing s ON s.id=o.id
             WHERE s.outcome=1 AND s.gone IS NULL ORDER BY o.siren",
        )?;
        let mut rows = statement.query([])?;
        let mut open: Option<BuyerCounts> = None;
        while let Some(row) = rows.next()? {
            let siren = super::merging::siren(row.get(0)?)?;
            if open.as_ref().is_none_or(|b| b.siren != siren) {
                open.replace(BuyerCounts { siren, accepted: 0, repaired: 0, missing: BTreeMap::new() })
                    .into_iter()
                    .for_each(&mut each);
            }
            if let Some(buyer) = &mut open {
                buyer.accepted += 1;
                buyer.repaired += u64::from(row.get::<_, bool>(1)?);
                fields(row.get(2)?, &mut buyer.missing);
            }
        }
        open.into_iter().for_each(each);
        Ok(())
    }
}

/// Counts one place. `seen`: for each observation, the one that stood for it first in this resource.
fn count(c: &mut RecordCounts, known: Known, outcomes: &Outcomes, seen: &mut HashMap<i64, i64>) {
    c.received += 1;
    match known {
        Known::Quarantine => c.quarantined += 1,
        Known::Out(_) => c.out_of_region += 1,
        Known::Observation(id) => {
            let first = !seen.contains_key(&outcomes.canonical(id));
            if standing(c, id, first, outcomes) {
                seen.insert(outcomes.canonical(id), id);
                c.repaired += u64::from(outcomes.of(outcomes.canonical(id)).1);
            }
        }
        // A gathered row shares the fate of the first one.
        Known::Gathered(id) => {
            let first = seen.get(&outcomes.canonical(id)) == Some(&id);
            standing(c, id, first, outcomes);
        }
    }
}

/// Counts a place that holds an observation; whether it speaks for it.
fn standing(c: &mut RecordCounts, id: i64, first: bool, outcomes: &Outcomes) -> bool {
    let outcome = outcomes.of(outcomes.canonical(id)).0;
    match (outcome, first) {
        (4, _) => c.out_of_region += 1,
        (_, false) => c.repeats += 1,
        (2, true) => c.superseded += 1,
        (_, true) => c.accepted += 1,
    }
    first && outcome != 4
}
