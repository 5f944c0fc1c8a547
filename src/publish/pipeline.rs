//! One reading pass, every format at once: the contracts are read on the calling thread, gathered
//! into batches, and each writer takes them in a thread of its own, through a short queue.
//!
//! Memory: a few batches ([`QUEUE`] a writer) and what each writer holds; a slow writer slows the
//! reading, nothing piles up. The first failure stops everything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use super::batch::{Batch, ItemSeats, Verdict};
use super::catalog::Catalog;
use super::changes::Changes;
use super::error::PublishError;
use super::format::Writer;
use super::input::{Counts, ReadError, Seat, Seats};
use super::manifest::{FileEntry, LeftOut};
use super::tabular::row_count;
use super::{decp2019_json, valid_2019::valid_2019, valid_2022::valid_2022};
use crate::record::{Contract, Field, Holder, Kind, Siren};

/// Batches that may wait for a writer.
const QUEUE: usize = 4;

/// Units whose answer is kept: under a megabyte and a half.
const KNOWN: usize = 4096;

/// What the reading pass found.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) counts: Counts,
    pub(super) left_out: LeftOut,
}

/// Where the contracts come from.
pub(super) type Contracts<'a> = Box<dyn Iterator<Item = Result<Contract, ReadError>> + 'a>;

/// Feeds every contract to every writer. Gives the files, and the journal, which has yet to end.
pub(super) fn run(
    contracts: Contracts<'_>,
    catalog: &Catalog,
    seats: Seats<'_>,
    writers: Vec<Box<dyn Writer + '_>>,
    changes: Changes,
) -> Result<(Read, Vec<FileEntry>, Changes), PublishError> {
    std::thread::scope(|scope| {
        let mut queues = Vec::new();
        let mut threads = Vec::new();
        for writer in writers {
            let name = writer.name();
            let (queue, batches) = sync_channel(QUEUE);
            queues.push(queue);
            threads.push((name, spawn(scope, name, || write(writer, batches))?));
        }
        let (queue, batches) = sync_channel(QUEUE);
        queues.push(queue);
        let journal = spawn(scope, super::changes::CHANGES, || journal(changes, batches))?;

        let mut reader = Reader::new(catalog, seats);
        let read = reader.read(contracts, &queues);
        // Without its queue a writer ends its file.
        drop(queues);
        // What a writer says comes first: when one failed, the reading only stopped because of it.
        let mut files = Vec::new();
        for (name, thread) in threads {
            files.extend(join(name, thread)?);
        }
        let changes = join(super::changes::CHANGES, journal)?;
        read?;
        Ok((reader.found, files, changes))
    })
}

fn spawn<'s, 'e, T: Send + 's>(
    scope: &'s Scope<'s, 'e>,
    name: &str,
    work: impl FnOnce() -> Result<T, PublishError> + Send + 's,
) -> Result<ScopedJoinHandle<'s, Result<T, PublishError>>, PublishError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
        .map_err(PublishError::io("start a thread for", name.as_ref()))
}

fn join<T>(name: &str, thread: ScopedJoinHandle<'_, Result<T, PublishError>>) -> Result<T, PublishError> {
    thread.join().map_err(|_| PublishError::Thread { what: name.to_owned() })?
}

fn write(mut writer: Box<dyn Writer + '_>, batches: Receiver<Arc<Batch>>) -> Result<Vec<FileEntry>, PublishError> {
    for batch in batches {
        writer.batch(&batch)?;
    }
    writer.finish()
}

fn journal(mut changes: Changes, batches: Receiver<Arc<Batch>>) -> Result<Changes, PublishError> {
    for batch in batches {
        changes.batch(&batch)?;
    }
    changes.end_of_contracts()?;
    Ok(changes)
}

/// Turns contracts into batches and counts them.
struct Reader<'a> {
    catalog: &'a Catalog,
    seats: Seats<'a>,
    found: Read,
    last_uid: Option<String>,
    known: HashMap<Siren, Option<Arc<Seat>>>,
    twins: Twins,
}

impl<'a> Reader<'a> {
    fn new(catalog: &'a Catalog, seats: Seats<'a>) -> Self {
        let found = Read::default();
        Self { catalog, seats, found, last_uid: None, known: HashMap::new(), twins: Twins::default() }
    }

    fn read(&mut self, contracts: Contracts<'_>, queues: &[SyncSender<Arc<Batch>>]) -> Result<(), PublishError> {
        let mut batch = Batch { first: 1, ..Batch::default() };
        for contract in contracts {
            let mut contract = contract.map_err(PublishError::Read)?;
            self.check(&contract)?;
            let masked = |siren: &Siren| Ok::<_, PublishError>(self.seat(siren)?.is_some_and(|seat| seat.masked));
            super::mask::mask(&mut contract, masked)?;
            let verdict = self.verdict(&contract);
            let seats = self.seats(&contract)?;
            self.count(&contract, verdict, seats.seat.as_ref().is_some_and(|seat| seat.is_placed()));
            let winner = winner(&contract);
            batch.push(contract, verdict, seats, winner);
            if batch.is_full() {
                let next = batch.next();
                if !send(std::mem::replace(&mut batch, next), queues) {
                    return Ok(());
                }
            }
        }
        send(batch, queues);
        Ok(())
    }

    /// What must never be published, and what the formats rely on.
    fn check(&mut self, contract: &Contract) -> Result<(), PublishError> {
        let uid = contract.uid.as_str();
        if let Some(after) = self.last_uid.as_ref().filter(|last| last.as_str() >= uid) {
            return Err(PublishError::Order { uid: uid.to_owned(), after: after.clone() });
        }
        let last = self.last_uid.get_or_insert_default();
        last.clear();
        last.push_str(uid);
        for o in &contract.observations {
            let source = self.catalog.source_number(&o.source).and_then(|n| self.catalog.sources.get(n));
            if source.is_some_and(|s| s.licence == "unknown") {
                let (uid, source_id) = (uid.to_owned(), o.source.clone());
                return Err(PublishError::Licence { uid, source_id });
            }
        }
        Ok(())
    }

    fn verdict(&mut self, contract: &Contract) -> Verdict {
        if contract.withdrawn {
            Verdict::Withdrawn
        } else if contract.only_2019 {
            match valid_2019(contract).and_then(|()| self.twins.check(contract)) {
                Ok(()) => Verdict::Decp2019,
                Err(reason) => Verdict::LeftOut(reason),
            }
        } else {
            valid_2022(contract).map_or_else(Verdict::LeftOut, |()| Verdict::Decp)
        }
    }

    /// What is known of the buyer, and of each holder of each state.
    fn seats(&mut self, contract: &Contract) -> Result<ItemSeats, PublishError> {
        let record = &contract.record;
        let mut found = ItemSeats { seat: self.seat(&record.acheteur.siren())?, holders: Vec::new() };
        let later = record.modifications.iter().flat_map(|m| &m.titulaires);
        for siren in record.titulaires.iter().chain(later).filter_map(Holder::siren) {
            if found.holders.iter().all(|(of, _)| *of != siren)
                && let Some(seat) = self.seat(&siren)?
            {
                found.holders.push((siren, seat));
            }
        }
        Ok(found)
    }

    /// Buyers and holders come again and again: the last ones are kept.
    fn seat(&mut self, siren: &Siren) -> Result<Option<Arc<Seat>>, PublishError> {
        if let Some(seat) = self.known.get(siren) {
            return Ok(seat.clone());
        }
        let seat = (self.seats)(siren).map_err(PublishError::Read)?.map(Arc::new);
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(*siren, seat.clone());
        Ok(seat)
    }

    fn count(&mut self, contract: &Contract, verdict: Verdict, seated: bool) {
        let Read { counts, left_out } = &mut self.found;
        counts.contrats += 1;
        match contract.record.kind {
            Kind::Marche => counts.marches += 1,
            Kind::Concession => counts.concessions += 1,
        }
        counts.observations += contract.observations.len() as u64;
        let mut last = None;
        for o in &contract.observations {
            // Observations are sorted by source.
            if last.replace(&o.source) != Some(&o.source) {
                match counts.sources.get_mut(&o.source) {
                    Some(n) => *n += 1,
                    None => drop(counts.sources.insert(o.source.clone(), 1)),
                }
            }
        }
        match verdict {
            Verdict::Decp => counts.decp += 1,
            Verdict::Decp2019 => counts.decp_2019 += 1,
            Verdict::Withdrawn => counts.withdrawn += 1,
            Verdict::LeftOut(reason) => {
                let reasons = if contract.only_2019 { &mut left_out.decp_2019 } else { &mut left_out.decp };
                *reasons.entry(reason.to_string()).or_default() += 1;
            }
        }
        if verdict != Verdict::Withdrawn {
            counts.lignes += row_count(&contract.record);
            counts.seat_unknown += u64::from(!seated);
        }
    }
}

/// Hands a batch to every writer; false when one has ended, which it does only when it failed.
fn send(batch: Batch, queues: &[SyncSender<Arc<Batch>>]) -> bool {
    crash_point!("publish.writing");
    let batch = Arc::new(batch);
    queues.iter().all(|queue| queue.send(Arc::clone(&batch)).is_ok())
}

/// The observation that won: the one that gave the id, else the amount, else the first.
fn winner(contract: &Contract) -> usize {
    let from = |field| contract.provenance.iter().find(|(f, _)| *f == field).map(|(_, i)| *i);
    from(Field::Id).or_else(|| from(Field::Montant)).map_or(0, |i| i as usize)
}

/// Finds records of decp-2019 that would be written alike: the schema forbids them, and they can
/// only be contracts of one reused id, which follow each other in uid order.
#[derive(Default)]
struct Twins {
    key: String,
    records: HashSet<u128>,
    scratch: Vec<u8>,
}

impl Twins {
    fn check(&mut self, contract: &Contract) -> Result<(), super::reason::Reason> {
        let record = &contract.record;
        let key = format!("{}{}", record.acheteur, record.id);
        if key == contract.uid.as_str() {
            return Ok(());
        }
        if key != self.key {
            self.records.clear();
            self.key = key;
        }
        self.scratch.clear();
        decp2019_json::write_record(&mut self.scratch, contract);
        if self.records.insert(xxhash_rust::xxh3::xxh3_128(&self.scratch)) {
            Ok(())
        } else {
            super::reason::fail("contrat", super::reason::Fault::Duplicate)
        }
    }
}
