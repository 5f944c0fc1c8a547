//! A family: one or more contracts that belong together in a scenario, and every record that
//! sources publish of them, before it is decided which sources these are.

use super::quirk::{Broken, Quirk};
use super::truth::Expected;
use crate::record::Record;

/// Who has to publish: a slot is filled by a source that fits, and no source fills two slots of a
/// family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The format that the source speaks.
    pub(crate) format: Wanted,
    /// With which authority it speaks for the family's buyer.
    pub(crate) voice: Voice,
    /// Whether the family is meaningless without it; others stay empty where no source is left.
    pub(crate) needed: bool,
}

/// Which format a slot asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Either,
    V2019,
    V2022,
}

/// With which authority a slot has to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Anyone who does not speak for a buyer.
    Anyone,
    /// The buyer's own profile.
    Buyer,
    /// A platform.
    Platform,
    /// A consolidator.
    Consolidator,
}

impl Slot {
    /// A source of this format that speaks for no buyer.
    pub(crate) const fn any(format: Wanted) -> Self {
        Self {
            format,
            voice: Voice::Anyone,
            needed: true,
        }
    }
    /// The same, but the family goes without it where all such sources are taken.
    pub(crate) const fn perhaps(format: Wanted) -> Self {
        Self {
            format,
            voice: Voice::Anyone,
            needed: false,
        }
    }
}

/// What becomes of a published record. The numbers are those of the family's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Current: one of the observations that the contract is made of.
    Accepted(u32),
    /// A later word of the same source about the same contract, in the same payload, won.
    Superseded(u32),
    /// The same content stands in the resource already.
    Repeat(u32),
    /// Out of the region: the seat lies outside or is unknown, and neither this record nor, for an
    /// unknown seat, a sibling says that the place lies inside.
    OutOfRegion(u32),
    /// Unreadable, or without identity.
    Quarantined,
    /// No longer published; the contract stands for some days on what was said before.
    Gone(u32),
}

impl Fate {
    /// The number of the contract that the record speaks of.
    pub fn contract(self) -> Option<u32> {
        match self {
            Self::Accepted(n)
            | Self::Superseded(n)
            | Self::Repeat(n)
            | Self::OutOfRegion(n)
            | Self::Gone(n) => Some(n),
            Self::Quarantined => None,
        }
    }
}

/// What a source writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// A record, in the source's spelling.
    Record(Box<Record>, Vec<Quirk>),
    /// Something that is none.
    Broken(Broken, Box<Record>),
}

/// One record of one source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    /// Index of the slot whose source publishes it.
    pub(crate) slot: usize,
    /// 0: the resource drawn for the slot; 1: the one after it, where the source has several.
    pub(crate) resource: usize,
    pub(crate) content: Content,
    pub(crate) fate: Fate,
}

impl Notice {
    /// A record that counts.
    pub(crate) fn accepted(slot: usize, contract: u32, record: &Record) -> Self {
        Self::of(slot, Fate::Accepted(contract), record)
    }
    /// A record with this fate.
    pub(crate) fn of(slot: usize, fate: Fate, record: &Record) -> Self {
        Self {
            slot,
            resource: 0,
            content: Content::Record(Box::new(record.clone()), Vec::new()),
            fate,
        }
    }
    /// The same record, spelled otherwise.
    pub(crate) fn spelled(mut self, quirk: Quirk) -> Self {
        if let Content::Record(_, quirks) = &mut self.content {
            quirks.push(quirk);
        }
        self
    }
}

/// One contract of a family.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    /// Whether it belongs into the publication.
    pub(crate) in_scope: bool,
    pub(crate) expected: Expected,
}

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Family {
    pub(crate) siren: String,
    pub(crate) slots: Vec<Slot>,
    pub(crate) members: Vec<Member>,
    pub(crate) notices: Vec<Notice>,
}

impl Family {
    /// A family of this buyer, without contracts yet.
    pub(crate) fn of(siren: &str, slots: impl Into<Vec<Slot>>) -> Self {
        Self {
            siren: siren.to_owned(),
            slots: slots.into(),
            ..Self::default()
        }
    }

    /// Adds a contract of the region whose values are those of this record, and returns its number.
    pub(crate) fn member(&mut self, record: &Record) -> u32 {
        self.member_as(Expected::of(record), true)
    }

    /// Adds a contract and returns its number.
    pub(crate) fn member_as(&mut self, expected: Expected, in_scope: bool) -> u32 {
        self.members.push(Member { in_scope, expected });
        self.members.len() as u32 - 1
    }

    /// Adds a contract that slot 0 alone publishes, in this record.
    pub(crate) fn alone(&mut self, record: &Record) -> u32 {
        let n = self.member(record);
        self.notices.push(Notice::accepted(0, n, record));
        n
    }
}
