//! What the reading pass hands to the writers: a bounded run of contracts, with everything that
//! several formats need worked out once.

use std::sync::Arc;

use super::input::Seat;
use super::reason::Reason;
use crate::record::{Contract, Siren};

/// Where a contract stands among the official files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// In decp.json and decp.xml.
    Decp,
    /// In decp-2019.json and decp-2019.xml.
    Decp2019,
    /// In neither: why.
    LeftOut(Reason),
    /// In neither, nor in the tables: no source publishes it any more.
    Withdrawn,
}

/// One contract of a batch, as the writers see it.
#[derive(Debug)]
pub(super) struct Item {
    /// The contract.
    pub(super) contract: Contract,
    /// Which official files it stands in.
    pub(super) verdict: Verdict,
    /// Seat of the buyer; shared, since a buyer's contracts follow each other.
    pub(super) seat: Option<Arc<Seat>>,
    /// What is known of each holder that is identified by a SIRET, of every state.
    pub(super) holders: Vec<(Siren, Arc<Seat>)>,
    /// Index of the winning observation.
    pub(super) winner: usize,
    /// Where its line of contrats.ndjson ends in [`Batch::lines`]; it starts where the one before ends.
    end: usize,
}

impl Item {
    /// What is known of a holder.
    pub(super) fn holder_seat(&self, siren: &Siren) -> Option<&Seat> {
        self.holders.iter().find(|(of, _)| of == siren).map(|(_, seat)| &**seat)
    }
    /// The name of the buyer: the register's, else as declared.
    pub(super) fn buyer_name(&self) -> Option<&str> {
        let told = self.seat.as_ref().and_then(|seat| seat.name.as_deref());
        told.or(self.contract.record.acheteur_nom.as_deref())
    }
}

/// A run of contracts in the order of their uid.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The contracts.
    pub(super) items: Vec<Item>,
    /// Their lines of contrats.ndjson, each with its line feed.
    pub(super) lines: Vec<u8>,
    /// Byte offset of the first line in contrats.ndjson.
    pub(super) offset: u64,
    /// Number of the first contract, from 1.
    pub(super) first: u64,
}

/// What was looked up for a contract, once for all writers.
#[derive(Debug, Default)]
pub(super) struct ItemSeats {
    /// Of the buyer.
    pub(super) seat: Option<Arc<Seat>>,
    /// Of the holders.
    pub(super) holders: Vec<(Siren, Arc<Seat>)>,
}

/// A batch goes to the writers when its lines reach this many bytes…
const BYTES: usize = 256 << 10;
/// …or its contracts this many: what bounds the memory of the pipeline.
const CONTRACTS: usize = 256;

impl Batch {
    /// An empty batch that starts where this one ends.
    pub(super) fn next(&self) -> Self {
        Self {
            items: Vec::with_capacity(CONTRACTS),
            lines: Vec::with_capacity(self.lines.len()),
            offset: self.offset + self.lines.len() as u64,
            first: self.first + self.items.len() as u64,
        }
    }
    /// Whether it should go to the writers now.
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= CONTRACTS || self.lines.len() >= BYTES
    }
    /// Adds a contract and its line.
    pub(super) fn push(&mut self, contract: Contract, verdict: Verdict, seats: ItemSeats, winner: usize) {
        super::contract_json::write_contract(&mut self.lines, &contract);
        self.lines.push(b'\n');
        let ItemSeats { seat, holders } = seats;
        self.items.push(Item { contract, verdict, seat, holders, winner, end: self.lines.len() });
    }
    /// Each contract with its number, the offset of its line in contrats.ndjson and the line itself, line feed included.
    pub(super) fn iter(&self) -> impl Iterator<Item = Numbered<'_>> {
        let mut start = 0;
        self.items.iter().zip(self.first..).map(move |(item, number)| {
            let line = self.lines.get(start..item.end).unwrap_or_default();
            let offset = self.offset + start as u64;
            start = item.end;
            Numbered { item, number, offset, line }
        })
    }
}

/// A contract of a batch with its place in contrats.ndjson.
pub(super) struct Numbered<'a> {
    /// The contract.
    pub(super) item: &'a Item,
    /// Its number, from 1.
    pub(super) number: u64,
    /// Byte offset of its line in contrats.ndjson.
    pub(super) offset: u64,
    /// The line, line feed included.
    pub(super) line: &'a [u8],
}
