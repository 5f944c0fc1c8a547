//! What a source already said: the raw hashes whose record need not be parsed again.
//!
//! Loaded once for a harvest of one source: 24 bytes a record, sorted; what the harvest adds goes
//! to a small map beside.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{Snapshot, StoreError};

/// xxh3-128 of a raw record, big-endian.
pub type RawHash = u128;

/// A hash as its bytes: a number of this width would pad what is kept a hundred thousand times.
pub(super) type HashBytes = [u8; 16];

/// Why a record was turned away at the door (records.md §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutReason {
    /// The buyer's seat is known to lie elsewhere, and the place of execution is not inside.
    SeatOutside,
}

/// What became of a raw record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Kept as this observation.
    Observation(i64),
    /// Turned away at the door.
    Out(OutReason),
    /// Quarantined: a row of its own tells why.
    Quarantine,
    /// A further row of a table that was gathered into this observation, whose first row stands before it.
    Gathered(i64),
}

const OUT_SEAT: i64 = -1;
const QUARANTINE: i64 = 0;
/// Codes at and below this: gathered rows. Above it there is room for reasons to turn a record away.
const GATHERED: i64 = -1_000;

impl Known {
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Observation(id) => id,
            Self::Out(OutReason::SeatOutside) => OUT_SEAT,
            Self::Quarantine => QUARANTINE,
            Self::Gathered(id) => GATHERED - id,
        }
    }

    pub(super) fn from_code(code: i64) -> Self {
        match code {
            QUARANTINE => Self::Quarantine,
            id if id > 0 => Self::Observation(id),
            code if code <= GATHERED => Self::Gathered(GATHERED - code),
            _ => Self::Out(OutReason::SeatOutside),
        }
    }
}

/// The hashes of one source, and the ids for its new observations.
#[derive(Debug, Default)]
pub struct KnownRecords {
    sorted: Vec<(HashBytes, i64)>,
    added: HashMap<HashBytes, i64>,
}

impl KnownRecords {
    /// What became of a raw record, when this source already had it. A quarantined one is not
    /// known: it is read again, since a rule may have changed.
    pub fn get(&self, hash: RawHash) -> Option<Known> {
        let hash = hash.to_be_bytes();
        let code = match self.sorted.binary_search_by(|e| e.0.cmp(&hash)) {
            Ok(i) => self.sorted.get(i).map(|e| e.1),
            Err(_) => self.added.get(&hash).copied(),
        };
        code.map(Known::from_code)
    }

    /// Remembers what became of a new one.
    pub fn add(&mut self, hash: RawHash, known: Known) {
        if known != Known::Quarantine {
            self.added.insert(hash.to_be_bytes(), known.code());
        }
    }

    /// Number of hashes held.
    pub fn len(&self) -> usize {
        self.sorted.len() + self.added.len()
    }

    /// Whether the source never said anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Snapshot {
    /// Everything that a source ever said and that is kept, and what its current payloads hold
    /// that was turned away.
    ///
    /// # Errors
    /// A disk fault or a damaged page.
    pub fn known_records(&self, source: i64) -> Result<KnownRecords, StoreError> {
        let mut sorted = Vec::new();
        let mut statement =
            self.conn.prepare_cached("SELECT hash, id FROM observation INDEXED BY observation_hash WHERE source=?1")?;
        let mut rows = statement.query([source])?;
        while let Some(row) = rows.next()? {
            sorted.push((row.get(0)?, row.get(1)?));
        }
        for_each_entry(&self.conn, source, |_, _, hash, code| {
            if matches!(Known::from_code(code), Known::Out(_)) {
                sorted.push((hash.to_be_bytes(), code));
            }
        })?;
        sorted.sort_unstable();
        sorted.dedup_by_key(|e| e.0);
        sorted.shrink_to_fit();
        Ok(KnownRecords { sorted, added: HashMap::new() })
    }
}

/// Bytes of one entry of a page: hash and code.
pub(super) const ENTRY: usize = 24;

/// Calls back with (resource, position, hash, code) for each place of a source's current payloads.
pub(super) fn for_each_entry(
    conn: &Connection,
    source: i64,
    mut each: impl FnMut(i64, u32, RawHash, i64),
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.resource, p.entries FROM resource r JOIN place p ON p.resource=r.n WHERE r.source=?1 ORDER BY r.id, p.page",
    )?;
    let mut rows = statement.query([source])?;
    let (mut current, mut position) = (None, 0);
    while let Some(row) = rows.next()? {
        let resource: i64 = row.get(0)?;
        if current != Some(resource) {
            (current, position) = (Some(resource), 0);
        }
        for (hash, code) in entries(row.get_ref(1)?.as_blob().map_err(|e| StoreError::damaged("a page of places", e))?)?
        {
            each(resource, position, hash, code);
            position += 1;
        }
    }
    Ok(())
}

/// The entries of a page.
pub(super) fn entries(page: &[u8]) -> Result<impl Iterator<Item = (RawHash, i64)> + '_, StoreError> {
    if !page.len().is_multiple_of(ENTRY) {
        return Err(StoreError::damaged("a page of places", "its length is no multiple of an entry"));
    }
    Ok(page.chunks_exact(ENTRY).map(|e| {
        let (mut hash, mut code) = ([0; 16], [0; 8]);
        hash.copy_from_slice(&e[..16]);
        code.copy_from_slice(&e[16..]);
        (RawHash::from_be_bytes(hash), i64::from_be_bytes(code))
    }))
}
