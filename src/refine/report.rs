//! Reading a whole payload at once: what `validate` shows, and the shortest way from bytes to
//! observations for whoever needs no store.
//!
//! In: bytes. Out: every record in file order with its place, its bytes and what came of it. Holds
//! one record at a time.

use std::io::Read;
use std::ops::ControlFlow;

use crate::decode::{self, NotData, Split, SplitOptions};
use crate::record::Observation;

use super::{Context, Refined, refine};

/// One record of a payload.
#[derive(Debug)]
pub struct ReadItem<'a> {
    /// 0-based place in the payload.
    pub position: u32,
    /// Where its bytes begin (see [`decode::Slice::offset`]).
    pub offset: u64,
    /// The further places that it takes, in a table whose rows were gathered.
    pub also: &'a [u32],
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What came of it.
    pub outcome: Outcome,
}

impl ReadItem<'_> {
    /// How many of the payload's records it is.
    pub fn places(&self) -> u64 {
        1 + self.also.len() as u64
    }
}

/// What came of a record, wherever it was decided.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Clean values and findings.
    Observation(Box<Observation>),
    /// Why not: one of [`super::REASONS`], and what was declared.
    Quarantine {
        /// Code.
        reason: &'static str,
        /// What, and where in the record.
        detail: String,
    },
    /// Outside the region.
    OutOfRegion {
        /// Code.
        reason: &'static str,
    },
}

/// Splits, parses and refines a payload; gives each record to `each`.
///
/// # Errors
/// [`NotData`] as [`decode::split`].
pub fn read_all(
    input: impl Read,
    options: &SplitOptions,
    cx: &Context<'_>,
    each: &mut dyn FnMut(ReadItem<'_>) -> ControlFlow<()>,
) -> Result<Split, NotData> {
    decode::split(input, options, &mut |slice| {
        let outcome = match decode::parse(&slice) {
            Err(reject) => Outcome::Quarantine { reason: reject.reason, detail: reject.detail },
            Ok(raw) => match refine(raw, cx) {
                Refined::Observation(o) => Outcome::Observation(o),
                Refined::Quarantine { reason, detail } => Outcome::Quarantine { reason, detail },
                Refined::OutOfRegion { reason, .. } => Outcome::OutOfRegion { reason },
            },
        };
        each(ReadItem { position: slice.position, offset: slice.offset, also: slice.also, bytes: slice.bytes, outcome })
    })
}
