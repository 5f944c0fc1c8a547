//! Counting what became of the records of the current payloads (law L0).
//!
//! Counts are places in payloads: a record that stands in two resources is accepted in both; the
//! same content again in one resource is a repeat. Memory: one byte an observation, and the
//! distinct observations of one resource at a time.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::known::Known;
use super::{Snapshot, StoreError};
use crate::record::{Field, LocalId, Observation, Siren, Siret};

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
    /// Neither the seat nor the place is in the region, or an operator decided that it is no contract.
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

/// Bit `i` is set when the record has no usable value for `Field::ALL[i]`, among the fields that the
/// official schema of its format requires.
pub fn missing_mask(observation: &Observation) -> i64 {
    let bit = |field: &Field| Field::ALL.iter().position(|f| f == field).map_or(0, |bit| 1_i64 << bit);
    crate::refine::missing(observation).iter().map(bit).sum()
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
        let at = |id: i64| usize::try_from(id).map_err(|e| StoreError::damaged("an observation", e));
        let mut statement = snapshot.conn.prepare_cached("SELECT id, outcome, same_as FROM standing ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let place = at(id)?;
            if all.bytes.len() <= place {
                all.bytes.resize(place + 1, 0);
            }
            if let Some(byte) = all.bytes.get_mut(place) {
                *byte = row.get(1)?;
            }
            if let Some(other) = row.get(2)? {
                all.same_as.insert(id, other);
            }
        }
        let mut statement = snapshot
            .conn
            .prepare_cached("SELECT id FROM observation INDEXED BY observation_repaired WHERE repaired=1")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(byte) = all.bytes.get_mut(at(row.get(0)?)?) {
                *byte |= REPAIRED;
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

/// What tells an observation that is gone from every other one: source, resource and place where it
/// stood last, buyer and id as declared.
pub type GoneKey = (String, String, u32, Siret, LocalId);

impl Snapshot {
    /// The observations that still speak for a contract although no current payload holds them: gone
    /// for less than the days after which they count as withdrawn.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn gone_but_speaking(&self) -> Result<HashSet<GoneKey>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT c.id, r.id, s.position, o.body FROM standing s JOIN observation o ON o.id=s.id
             JOIN resource r ON r.n=s.resource JOIN source c ON c.n=o.source WHERE s.gone IS NOT NULL AND s.outcome=1",
        )?;
        let mut rows = statement.query([])?;
        let mut gone = HashSet::new();
        while let Some(row) = rows.next()? {
            let damaged = |e: String| StoreError::damaged("an observation", e);
            let body = row.get_ref(3)?.as_blob().map_err(|e| damaged(e.to_string()))?;
            let observation: Observation = postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))?;
            let record = observation.record;
            gone.insert((row.get(0)?, row.get(1)?, row.get(2)?, record.acheteur, record.id));
        }
        Ok(gone)
    }

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
        let mut rows = statement.query([source, super::places::LINGERING])?;
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
            "SELECT o.source, o.missing, count(*) FROM observation o INDEXED BY observation_missing
             CROSS JOIN standing s ON s.id=o.id
             WHERE o.missing<>0 AND s.outcome=1 AND s.gone IS NULL GROUP BY 1, 2",
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

    /// Calls back with the counts of each buyer that has an accepted observation, by SIREN. What the
    /// sources of these numbers said, which may not be published, is not counted.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn buyer_counts(
        &self,
        silent: &std::collections::BTreeSet<i64>,
        mut each: impl FnMut(BuyerCounts),
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT o.siren, o.repaired, o.missing, o.source FROM observation o JOIN standing s ON s.id=o.id
             WHERE s.outcome=1 AND s.gone IS NULL ORDER BY o.siren",
        )?;
        let mut rows = statement.query([])?;
        let mut open: Option<BuyerCounts> = None;
        while let Some(row) = rows.next()? {
            if silent.contains(&row.get(3)?) {
                continue;
            }
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
        (4 | 7, _) => c.out_of_region += 1,
        (_, false) => c.repeats += 1,
        (2, true) => c.superseded += 1,
        (_, true) => c.accepted += 1,
    }
    first && !matches!(outcome, 4 | 7)
}
