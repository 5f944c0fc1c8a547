//! Payloads of the archive without the records that were removed.
//!
//! In: a payload, how its source is read, the decisions. Out: the payload as it was, when it holds none
//! of them; else another one in its place, under its own hash, the old one erased; or nothing, where what
//! is left could not be read as before. The log is told before the old one goes, so that a replay takes
//! the new one wherever the log names the old one. Memory: as one reading, and the hashes of records
//! already judged, bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use tracing::warn;

use super::decisions::Decisions;
use super::pipeline::RunError;
use super::purge;
use crate::config::Config;
use crate::decode::{self, NotData, Slice, SplitOptions, StripError};
use crate::harvest::{Archive, ArchiveError, Entry, Seen, Sha256};
use crate::record::Day;
use crate::reference::Region;
use crate::refine::{self, Context, Refined};

/// Hashes of judged records kept: 64 MiB or so. Payloads of one resource differ by little, so that most
/// records of the next one are among them.
const JUDGED: usize = 2 << 20;

/// What became of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaned {
    /// It holds nothing that was removed.
    AsItWas,
    /// Another one stands in its place.
    Now {
        /// Name of what is left.
        sha256: Sha256,
        /// Its length.
        bytes: u64,
        /// Records taken out.
        removed: u64,
    },
    /// Nothing of it could be kept.
    Gone,
}

/// Judges records by the decisions, each raw record once.
pub struct Judge<'d> {
    decisions: &'d Decisions,
    everywhere: Region,
    /// The day matters to no identity.
    day: Day,
    innocent: HashSet<u128>,
}

impl<'d> Judge<'d> {
    /// A judge by these decisions.
    pub fn new(decisions: &'d Decisions, day: Day) -> Self {
        Self { decisions, everywhere: Region::everywhere(), day, innocent: HashSet::new() }
    }

    /// Whether the record was removed. One that cannot be read has no identity, and was not.
    pub fn removes(&mut self, slice: &Slice<'_>) -> bool {
        let hash = slice.hash();
        if self.innocent.contains(&hash) {
            return false;
        }
        let context = Context { region: &self.everywhere, register: None, seen: self.day };
        let removed = match decode::parse(slice).map(|raw| refine::refine(raw, &context)) {
            Ok(Refined::Observation(observation)) => self.decisions.removes(&observation, hash),
            _ => false,
        };
        if !removed {
            if self.innocent.len() >= JUDGED {
                self.innocent.clear();
            }
            self.innocent.insert(hash);
        }
        removed
    }
}

/// Looks through one payload, and puts another one in its place where that must be. The old one is
/// left: the caller erases it once the log knows.
///
/// # Errors
/// A disk fault.
pub fn clean(
    archive: &Archive,
    name: &Sha256,
    options: &SplitOptions,
    removes: &mut dyn FnMut(&Slice<'_>) -> bool,
) -> Result<Cleaned, RunError> {
    // Most payloads hold nothing of it, and are not copied to find that out.
    let mut any = false;
    let looked = decode::split(archive.read(name)?, options, &mut |slice| {
        any = removes(&slice);
        if any { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    if let Err(NotData::Read(error)) = looked {
        return Err(unread(archive, error));
    }
    if !any {
        return Ok(Cleaned::AsItWas);
    }
    match decode::strip(archive.read(name)?, options, removes) {
        Ok(None) => Ok(Cleaned::AsItWas),
        Ok(Some(left)) => {
            let stored = archive.put(left.file)?;
            Ok(Cleaned::Now { sha256: stored.sha256, bytes: stored.bytes, removed: left.removed })
        }
        Err(StripError::Unfit | StripError::NotData(NotData::Packed { .. })) => Ok(Cleaned::Gone),
        Err(StripError::NotData(NotData::Read(error)) | StripError::Io(error)) => Err(unread(archive, error)),
        Err(StripError::NotData(_)) => Ok(Cleaned::Gone),
    }
}

fn unread(archive: &Archive, source: std::io::Error) -> RunError {
    RunError::Io { what: "rewrite a payload of", path: archive.dir().to_owned(), source }
}

/// What stands now for payloads that were rewritten; `None`: nothing.
#[derive(Debug, Clone, Default)]
pub struct Rewrites(HashMap<Sha256, Option<Sha256>>);

impl Rewrites {
    /// As the archive's log tells.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn read(archive: &Archive) -> Result<Self, ArchiveError> {
        let mut all = Self::default();
        for entry in archive.entries()? {
            if let Seen::Rewritten { redacted, rewritten, .. } = entry?.seen {
                all.note(redacted, rewritten);
            }
        }
        Ok(all)
    }

    /// Notes one more.
    pub fn note(&mut self, old: Sha256, new: Option<Sha256>) {
        self.0.insert(old, new);
    }

    /// What a name of the log stands for now; `None`: erased whole.
    pub fn now(&self, name: Sha256) -> Option<Sha256> {
        let (mut name, mut steps) = (name, 0);
        while let Some(next) = self.0.get(&name) {
            steps += 1;
            // A circle would mean a hash that names two contents.
            if steps > self.0.len() {
                return None;
            }
            name = (*next)?;
        }
        Some(name)
    }
}

/// What was done to the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// Payloads looked through.
    pub payloads: u64,
    /// Of these, written anew.
    pub rewritten: u64,
    /// Of these, erased whole: what is left of them could not be read as before.
    pub erased: u64,
    /// Records taken out, in all payloads together.
    pub removed: u64,
}

/// Erases what a kill left: payloads whose successor the log names, and payloads that the log does not
/// name at all, in which a removed record may stand unseen.
///
/// # Errors
/// A disk fault.
pub fn sweep(archive: &Archive) -> Result<u64, ArchiveError> {
    let rewrites = Rewrites::read(archive)?;
    let mut named: BTreeSet<Sha256> = purge::uses(archive)?.into_keys().collect();
    named.retain(|name| !rewrites.0.contains_key(name));
    let mut erased = 0;
    for name in archive.names()? {
        if !named.contains(&name) {
            erased += u64::from(archive.erase(&name)?);
        }
    }
    Ok(erased)
}

/// Looks through every payload of the archive.
///
/// # Errors
/// A disk fault: what was rewritten until then stands, and the next start goes on.
pub fn all(
    archive: &Archive,
    config: &Config,
    decisions: &Decisions,
    now: Timestamp,
) -> Result<ArchiveReport, RunError> {
    let mut report = ArchiveReport::default();
    let mut judges: BTreeMap<String, Judge<'_>> = BTreeMap::new();
    let day = super::pipeline::day_in(config, now);
    for (name, uses) in purge::uses(archive)? {
        if !archive.contains(&name) {
            continue;
        }
        report.payloads += 1;
        let sources: BTreeSet<&str> = uses.iter().map(|u| u.source.as_str()).collect();
        for source in sources {
            // Judged by source: each reads its records its own way.
            if judges.len() > 1 && !judges.contains_key(source) {
                judges.clear();
            }
            let judge = judges.entry(source.to_owned()).or_insert_with(|| Judge::new(decisions, day));
            let options = super::quarantine::reading_of(config, source);
            let cleaned = clean(archive, &name, &options, &mut |slice| judge.removes(slice))?;
            let (rewritten, bytes) = match cleaned {
                Cleaned::AsItWas => continue,
                Cleaned::Now { sha256, bytes, removed } => {
                    report.rewritten += 1;
                    report.removed += removed;
                    (Some(sha256), bytes)
                }
                Cleaned::Gone => {
                    warn!(
                        source.id = source,
                        "payload {name} is erased whole: what is left of it does not read as before"
                    );
                    report.erased += 1;
                    (None, 0)
                }
            };
            let line = |u: &purge::Use| Entry {
                at: now,
                source: u.source.clone(),
                resource: u.resource.clone(),
                seen: Seen::Rewritten { redacted: name, rewritten, bytes },
            };
            archive.append(&uses.iter().map(line).collect::<Vec<_>>())?;
            crash_point!("removal.rewriting");
            archive.erase(&name)?;
            break;
        }
    }
    Ok(report)
}
