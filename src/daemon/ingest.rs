//! One payload from the archive into the store: split, skip what is known, parse, refine, append, flip.
//!
//! In: a payload in the archive, what its source already said. Out: counts, and the payload made
//! current. Runs on a blocking thread. Memory: one record, one batch of observations, and 32 bytes
//! a record of the payload. Payloads of one source are taken one after the other; those of
//! different sources side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::config::{Format, Source};
use crate::decode::{self, Dialect, Ending, NotData, Slice, SplitOptions};
use crate::record::{Day, Severity, Siren, Where};
use crate::reference::{Region, Register, RegisterError};
use crate::refine::{self, Context, Refined};
use crate::store::{
    Entry, Flip, FlipEnd, Known, KnownRecords, NewObservation, OutReason, QuarantineRow, ResourceRow, ResourceSeen,
    Store, StoreError, Validators, missing_mask,
};

/// Observations of one transaction, and their bytes: large enough that commits do not count, small enough that
/// two of them waiting for the writer stay under a few megabytes, however long the records are.
const BATCH: usize = 2048;
const BATCH_BYTES: usize = 4 << 20;

/// What a payload is to its source.
pub struct Payload<'a> {
    /// The resource, as it was fetched.
    pub seen: ResourceSeen,
    /// Name in the archive.
    pub sha256: String,
    /// Size, bytes.
    pub bytes: u64,
    /// The resource as it stood before.
    pub before: Option<&'a ResourceRow>,
    /// How to read it.
    pub split: SplitOptions,
    /// Whether what is missing from it has gone (`snapshot = "full"`).
    pub full_snapshot: bool,
    /// Share of records that may be missing against the payload before (0.15 = 15 %).
    pub max_shrink: f64,
    /// Fewer records than this is a failed harvest.
    pub min_records: u64,
}

/// What came of a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Records in it.
    pub received: u64,
    /// Not known before.
    pub new: u64,
    /// Quarantined.
    pub quarantined: u64,
    /// Turned away at the door.
    pub out_of_region: u64,
    /// Why it is only part of a document.
    pub partial: Option<String>,
}

/// Why a payload is not merged; the one before it still stands.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It is no data at all.
    #[error(transparent)]
    NotData(#[from] NotData),
    /// It holds too little.
    #[error("{0}")]
    Shrunk(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive's log cannot be written.
    #[error(transparent)]
    Log(#[from] crate::harvest::ArchiveError),
    /// The register failed while it was asked.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// What all payloads of a run share.
pub struct Ingest<'a> {
    /// The store.
    pub store: &'a Store,
    /// Next free observation id.
    pub next_id: &'a AtomicI64,
    /// The configured region.
    pub region: &'a Region,
    /// The register, where one is configured.
    pub register: Option<&'a Register>,
}

struct Reading<'a> {
    ingest: &'a Ingest<'a>,
    known: &'a mut KnownRecords,
    context: Context<'a>,
    day: Day,
    source: i64,
    entries: Vec<Entry>,
    quarantine: Vec<QuarantineRow>,
    batch: Vec<NewObservation>,
    batch_bytes: usize,
    /// Where one observation is encoded, before its bytes are taken at their size.
    scratch: Vec<u8>,
    pending: Option<crate::store::Pending<()>>,
    buyers: BTreeSet<u32>,
    /// Where the buyers of records read now have their seat; nothing where there is no region.
    seats: BTreeMap<u32, Where>,
    counts: Ingested,
    failure: Option<StoreError>,
}

impl Ingest<'_> {
    /// Reads a payload and makes it current. `log` is called between the last batch and the flip:
    /// the archive's log must name a payload before the store depends on it.
    ///
    /// # Errors
    /// See [`IngestError`]; what stood before still stands.
    pub fn payload(
        &self,
        payload: Payload<'_>,
        input: impl Read,
        known: &mut KnownRecords,
        log: impl FnOnce(bool) -> Result<(), IngestError>,
    ) -> Result<Ingested, IngestError> {
        let first_new_id = self.next_id.load(Ordering::Relaxed);
        let context = Context { region: self.region, register: self.register, seen: payload.seen.day };
        let mut reading = Reading {
            ingest: self,
            known,
            context,
            day: payload.seen.day,
            source: payload.seen.source,
            entries: Vec::new(),
            quarantine: Vec::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            scratch: Vec::new(),
            pending: None,
            buyers: BTreeSet::new(),
            seats: BTreeMap::new(),
            counts: Ingested::default(),
            failure: None,
        };
        let split = decode::split(input, &payload.split, &mut |slice| reading.record(&slice))?;
        let Reading { entries, quarantine, buyers, seats, mut counts, .. } = reading.finish()?;
        if let Some(register) = self.register {
            register.check()?;
        }
        counts.received = entries.len() as u64;
        counts.partial = match &split.ending {
            Ending::Complete => None,
            Ending::Cut { what } => Some(format!("the document stops inside {what}: the records before are merged")),
            Ending::Damaged { what } => {
                Some(format!("the document is damaged between its records ({what}): those that stand are merged"))
            }
        };
        if counts.partial.is_none() {
            refuse_shrunk(&payload, counts.received)?;
            if self.spoils(&payload, &counts)? {
                counts.partial = Some(format!(
                    "not one of its {} records can be used, unlike those of the payload before: what stood still stands; \
                     `guichet quarantine list` says what is wrong with each",
                    counts.received
                ));
            }
        }
        self.store.seats_asked(payload.seen.source, seats)?;
        crash_point!("ingest.before-log");
        log(counts.partial.is_none())?;
        crash_point!("ingest.before-flip");
        let mut seen = payload.seen;
        if counts.partial.is_some() {
            // What vouches for "unchanged" is kept with a complete payload only.
            (seen.validators, seen.checksum) = (Some(Validators::default()), None);
        }
        let flip = Flip {
            seen,
            sha256: payload.sha256,
            bytes: payload.bytes,
            entries,
            quarantine,
            end: if counts.partial.is_none() { FlipEnd::Complete } else { FlipEnd::Partial },
            error: counts.partial.clone(),
            full_snapshot: payload.full_snapshot,
            first_new_id,
            buyers,
        };
        self.store.flip(flip)?;
        crash_point!("ingest.after-flip");
        Ok(counts)
    }
}

impl Ingest<'_> {
    /// Whether a whole payload of nothing but records for quarantine comes after one that could be used, or
    /// after one that spoilt it so: a new fault of the export, which withdraws nothing.
    fn spoils(&self, payload: &Payload<'_>, counts: &Ingested) -> Result<bool, StoreError> {
        let Some(before) = payload.before.filter(|_| counts.received > 0 && counts.quarantined == counts.received)
        else {
            return Ok(false);
        };
        let held = self.store.snapshot()?.quarantines()?.into_iter().find(|q| q.resource == before.n);
        Ok(before.state == "partial" || before.records > held.map_or(0, |q| q.records))
    }
}

/// How the payloads of a source are to be read, by its stanza; an orphan's as they come.
pub fn reading(source: Option<&Source>, max_ratio: u64) -> SplitOptions {
    let usual = SplitOptions { max_ratio, ..SplitOptions::default() };
    let Some(source) = source else { return usual };
    let format = match source.format {
        Format::DecpJson => Some(Dialect::DecpJson),
        Format::DecpXml => Some(Dialect::DecpXml),
        Format::DecpCsv => Some(Dialect::DecpCsv),
        _ => None,
    };
    SplitOptions {
        format,
        max_bytes: source.max_bytes,
        encoding: source.encoding.as_deref().and_then(decode::encoding),
        columns: source.columns.clone(),
        ..usual
    }
}

/// Judged on whole documents only, since a cut one withdraws nothing.
fn refuse_shrunk(payload: &Payload<'_>, received: u64) -> Result<(), IngestError> {
    if received < payload.min_records {
        return Err(IngestError::Shrunk(format!(
            "the payload holds {received} records, fewer than `min_records` = {}: the last good one stands; \
             if so few are right, lower `min_records` for this source",
            payload.min_records
        )));
    }
    let before = payload.before.filter(|b| b.state == "complete" && payload.full_snapshot).map_or(0, |b| b.records);
    if (received as f64) < before as f64 * (1.0 - payload.max_shrink) {
        return Err(IngestError::Shrunk(format!(
            "the payload holds {received} records where the last one held {before}, a fall of more than `max_shrink` = {:.0} %: \
             the last good one stands; if the fall is real, raise `max_shrink` for this source and harvest again",
            payload.max_shrink * 100.0
        )));
    }
    Ok(())
}

fn number(siren: &Siren) -> u32 {
    siren.as_str().parse().unwrap_or_default()
}

impl Reading<'_> {
    fn record(&mut self, slice: &Slice<'_>) -> ControlFlow<()> {
        // The same bytes mean another thing in another container, or when what follows them is lost.
        let hash = slice.hash();
        let known = match self.known.get(hash) {
            Some(known) => known,
            None => {
                self.counts.new += 1;
                let known = self.read(slice, hash);
                self.known.add(hash, known);
                known
            }
        };
        let places = 1 + slice.also.len() as u64;
        match known {
            Known::Quarantine => self.counts.quarantined += places,
            Known::Out(_) => self.counts.out_of_region += places,
            Known::Observation(_) | Known::Gathered(_) => {}
        }
        self.enter(slice.position, Entry::new(hash, known));
        let further = match known {
            Known::Observation(id) => Known::Gathered(id),
            other => other,
        };
        for place in slice.also {
            self.enter(*place, Entry::new(hash, further));
        }
        if self.failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Puts an entry in its place. Gathered rows may stand behind places that are not read yet.
    fn enter(&mut self, place: u32, entry: Entry) {
        let place = place as usize;
        if place >= self.entries.len() {
            self.entries.resize(place + 1, Entry::new(0, Known::Quarantine));
        }
        if let Some(slot) = self.entries.get_mut(place) {
            *slot = entry;
        }
    }

    fn read(&mut self, slice: &Slice<'_>, hash: u128) -> Known {
        let refined = match decode::parse(slice) {
            Ok(raw) => refine::refine(raw, &self.context),
            Err(reject) => Refined::Quarantine { reason: reject.reason, detail: reject.detail },
        };
        match refined {
            Refined::Quarantine { reason, detail } => {
                self.quarantine.push(QuarantineRow {
                    hash,
                    position: slice.position,
                    byte_start: slice.offset,
                    byte_len: slice.bytes.len() as u64,
                    reason,
                    detail,
                });
                Known::Quarantine
            }
            Refined::OutOfRegion { buyer, .. } => {
                self.seat(&buyer, Where::Outside);
                Known::Out(OutReason::SeatOutside)
            }
            Refined::Observation(observation) => {
                let id = self.ingest.next_id.fetch_add(1, Ordering::Relaxed);
                let siren = number(&observation.record.acheteur.siren());
                self.seat(&observation.record.acheteur.siren(), observation.seat);
                let repaired = observation.findings.iter().any(|f| f.severity == Severity::Repaired);
                let missing = missing_mask(&observation);
                let last_day = observation.record.declared_days().max();
                self.scratch.clear();
                match postcard::to_extend(&*observation, std::mem::take(&mut self.scratch)) {
                    Ok(encoded) => {
                        let body = encoded.as_slice().to_vec();
                        self.scratch = encoded;
                        self.batch_bytes += body.len();
                        self.batch.push(NewObservation { id, hash, siren, last_day, repaired, missing, body });
                    }
                    Err(e) => {
                        self.failure =
                            Some(StoreError::Damaged { what: "an observation".to_owned(), why: e.to_string() })
                    }
                }
                self.buyers.insert(siren);
                if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                    self.flush();
                }
                Known::Observation(id)
            }
        }
    }

    fn seat(&mut self, buyer: &Siren, found: Where) {
        if !self.ingest.region.is_everywhere() {
            self.seats.insert(number(buyer), found);
        }
    }

    /// Queues the batch once the one before it is committed: never more than two in memory.
    fn flush(&mut self) {
        if let Some(Err(e)) = self.pending.take().map(crate::store::Pending::wait) {
            self.failure = Some(e);
        }
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.batch_bytes = 0;
            self.pending = Some(self.ingest.store.append(self.source, self.day, batch));
        }
    }

    fn finish(mut self) -> Result<Self, StoreError> {
        self.flush();
        self.flush();
        match self.failure.take() {
            Some(e) => Err(e),
            None => Ok(self),
        }
    }
}
