//! Merging the buyers that changed: rows out, the pure merge, rows in.
//!
//! A few workers each read one buyer at a time in a snapshot of their own and hand batches to the
//! store's writer. Memory: the largest buyer, a smaller one per further worker, and the batches in flight.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::{self, Decision};
use crate::merge::{self, Authority, Candidate, Outcome, Rules, SourceFacts};
use crate::record::Siren;
use crate::store::{BuyerChange, BuyerInput, MergeRow, MergedBuyer, Pending, SourceState, Store, StoreError};

/// Observations per transaction: enough that commits do not count.
const BATCH: usize = 4096;
/// So many bytes of a contract weigh as one observation more: long records make small batches.
const BYTES: usize = 2048;

/// Buyers of so many observations are merged one at a time: two of the largest at once would need
/// the memory of both.
const LARGE: usize = 512;

/// What a merge run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Buyers merged again.
    pub buyers: usize,
    /// Contracts that are new, changed or gone.
    pub changed: usize,
}

/// The sources as the merge and the publication may use them, in the order of their ids.
pub struct Sources {
    /// What the merge knows of each.
    pub facts: Vec<SourceFacts>,
    /// Place in `facts` by the store's number; a source whose licence does not allow republication is absent.
    numbers: std::collections::HashMap<i64, u32>,
}

impl Sources {
    /// Only sources whose licence is known may speak in a contract (contract.md §5).
    pub fn of(states: &[SourceState], republishable: impl Fn(&str) -> bool) -> Self {
        let mut sources = Self { facts: Vec::new(), numbers: Default::default() };
        for state in states.iter().filter(|s| republishable(&s.source.licence)) {
            let row = &state.source;
            sources.numbers.insert(row.n, sources.facts.len() as u32);
            sources.facts.push(SourceFacts {
                id: row.id.clone(),
                authority: authority(&row.authority),
                buyers: row.buyers.iter().filter_map(|b| Siren::parse(b)).collect(),
            });
        }
        sources
    }
}

fn authority(word: &str) -> Authority {
    match word {
        "buyer" => Authority::Buyer,
        "consolidator" => Authority::Consolidator,
        "scrape" => Authority::Scrape,
        _ => Authority::Platform,
    }
}

/// The operators' decisions, by the buyer whose records they name.
pub type Decisions = BTreeMap<Siren, Vec<Decision>>;

/// Merges every buyer that is due; every buyer at all where the rules are others than before, and
/// those about whom operators have decided otherwise than before.
///
/// # Errors
/// A disk fault; the buyers not yet written stay due.
pub fn run(
    store: &Store,
    sources: &Sources,
    rules: &Rules,
    decisions: &Decisions,
    workers: usize,
) -> Result<MergeReport, StoreError> {
    let effects = decisions.iter().map(|(siren, own)| (*siren, config::decisions_fingerprint(own)));
    let decided = store.decide_by(effects.collect())?;
    if decided > 0 {
        tracing::info!(buyers = decided, "decisions of overrides.toml have changed: {decided} buyers are merged again");
    }
    if store.merge_by(rules.fingerprint())? {
        tracing::info!("the rules of the merge have changed: every buyer is merged again");
    }
    let due = store.dirty_buyers()?;
    let next = AtomicUsize::new(0);
    let changed = AtomicUsize::new(0);
    let failure: Mutex<Option<StoreError>> = Mutex::new(None);
    let large = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, due.len().max(1)) {
            scope.spawn(|| {
                let work = Worker {
                    store,
                    sources,
                    rules,
                    decisions,
                    due: &due,
                    next: &next,
                    changed: &changed,
                    large: &large,
                };
                if let Err(error) = work.run() {
                    next.store(due.len(), Ordering::Relaxed);
                    if let Ok(mut first) = failure.lock() {
                        first.get_or_insert(error);
                    }
                }
            });
        }
    });
    match failure.into_inner() {
        Ok(None) => Ok(MergeReport { buyers: due.len(), changed: changed.into_inner() }),
        Ok(Some(error)) => Err(error),
        Err(_) => Err(StoreError::WriterGone),
    }
}

struct Worker<'a> {
    store: &'a Store,
    sources: &'a Sources,
    rules: &'a Rules,
    decisions: &'a Decisions,
    due: &'a [(Siren, i64)],
    next: &'a AtomicUsize,
    changed: &'a AtomicUsize,
    large: &'a Mutex<()>,
}

/// Buyers taken at once: neighbours, so that contracts reach the store nearly in order.
const STRIDE: usize = 64;

impl Worker<'_> {
    fn run(&self) -> Result<(), StoreError> {
        let snapshot = self.store.snapshot()?;
        let (mut batch, mut weight) = (Vec::new(), 0);
        let mut pending: Option<Pending<usize>> = None;
        loop {
            let from = self.next.fetch_add(STRIDE, Ordering::Relaxed);
            let Some(buyers) = self.due.get(from..(from + STRIDE).min(self.due.len())).filter(|b| !b.is_empty()) else {
                break;
            };
            for (siren, mark) in buyers {
                let mut input = snapshot.buyer(*siren)?;
                weight += input.rows.len();
                let large = input.rows.len() >= LARGE;
                if large {
                    // What waits to be written is not kept beside it.
                    self.send(&mut batch, &mut pending)?;
                    self.settle(&mut pending)?;
                }
                let alone = large.then(|| self.large.lock());
                let merged = merge_one(&mut input, self.sources, self.decisions, self.rules);
                let change = snapshot.change(&input, *mark, merged)?;
                weight += change.bytes() / BYTES;
                batch.push(change);
                drop(alone);
                if weight >= BATCH || large {
                    self.send(&mut batch, &mut pending)?;
                    weight = 0;
                }
            }
        }
        self.send(&mut batch, &mut pending)?;
        self.settle(&mut pending)
    }

    /// Hands a batch to the writer once it has taken the one before.
    fn send(&self, batch: &mut Vec<BuyerChange>, pending: &mut Option<Pending<usize>>) -> Result<(), StoreError> {
        self.settle(pending)?;
        if !batch.is_empty() {
            *pending = Some(self.store.merged(std::mem::take(batch)));
        }
        Ok(())
    }

    fn settle(&self, pending: &mut Option<Pending<usize>>) -> Result<(), StoreError> {
        if let Some(done) = pending.take() {
            self.changed.fetch_add(done.wait()?, Ordering::Relaxed);
            crash_point!("merge.between");
        }
        Ok(())
    }
}

/// A buyer's rows as the merge takes them; those of a source that may not speak are left out.
pub fn candidates(rows: Vec<MergeRow>, sources: &Sources) -> Vec<Candidate> {
    let candidate = |row: MergeRow| {
        Some(Candidate {
            observation_id: row.id,
            source: *sources.numbers.get(&row.source)?,
            resource: row.resource,
            position: row.position,
            also_in: row.also_in,
            present: row.gone.is_none(),
            withdrawn: row.withdrawn,
            gone_since: row.gone,
            resource_date: row.resource_date,
            first_seen: row.first_seen,
            observation: row.observation,
        })
    };
    rows.into_iter().filter_map(candidate).collect()
}

/// Rows to candidates, candidates to contracts. Takes the rows out of the input.
pub fn merge_one(input: &mut BuyerInput, sources: &Sources, decisions: &Decisions, rules: &Rules) -> MergedBuyer {
    let rows = input.take_rows();
    let withdrawn: std::collections::HashSet<i64> = rows.iter().filter(|r| r.withdrawn).map(|r| r.id).collect();
    let own = decisions.get(&input.siren).map_or(&[][..], Vec::as_slice);
    let merged = merge::merge_decided(input.siren, &sources.facts, candidates(rows, sources), own, rules);
    let outcomes = merged.outcomes.into_iter().map(|(id, outcome)| match outcome {
        Outcome::Accepted | Outcome::Superseded if withdrawn.contains(&id) => (id, 6, None),
        Outcome::Accepted => (id, 1, None),
        Outcome::Superseded => (id, 2, None),
        Outcome::SameAs(other) => (id, 3, Some(other)),
        Outcome::OutOfRegion => (id, 4, None),
        Outcome::Gone => (id, 5, None),
        Outcome::Excluded => (id, 7, None),
    });
    MergedBuyer { outcomes: outcomes.collect(), contracts: merged.contracts }
}
