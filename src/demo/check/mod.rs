//! Compares a publication with the truth of the world that it was made from.
//!
//! In: the folder of a publication, a [`World`]. Out: a [`Verdict`]. It reads `contrats.ndjson`,
//! `quality.json` and `manifest.json` as any consumer would, and judges by where each observation
//! was written, never by uid: each contract of the truth has to be exactly one published contract,
//! made of its own records and no other's, with the right values; nothing else is published; the
//! counts of every source balance with what the world put in. Holds the truth, and a line of the
//! publication at a time.

mod compare;
mod counts;
mod published;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::ledger::Ledger;
use super::truth::{Fate, Place};
use super::world::World;
use published::{Line, Observation};

/// Details kept; more would not be read.
const MAX_DETAILS: usize = 200;

/// A publication that cannot be judged.
#[derive(Debug, thiserror::Error)]
#[error("cannot judge {}: {why}; a complete publication holds contrats.ndjson, quality.json and manifest.json", .path.display())]
pub struct CheckError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// How a publication stands against the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Sources of the world.
    pub sources: usize,
    /// Records received, all sources together.
    pub records: u64,
    /// Contracts published.
    pub contracts: usize,
    /// Records with a repaired value.
    pub repaired: u64,
    /// Records in quarantine.
    pub quarantined: u64,
    /// Contracts of the truth that are published, and right.
    pub found: usize,
    /// Contracts of the truth that are not published.
    pub missed: usize,
    /// What is published and should not be so: a contract that mixes, splits, forges or misquotes,
    /// and each count that does not balance.
    pub wrong: usize,
    /// What was missed and what is wrong, a line each, at most two hundred.
    pub details: Vec<String>,
}

impl Verdict {
    /// Whether the publication is the truth.
    pub fn holds(&self) -> bool {
        self.missed == 0 && self.wrong == 0
    }

    fn say(&mut self, detail: String) {
        if self.details.len() < MAX_DETAILS {
            self.details.push(detail);
        }
    }

    fn wrong(&mut self, detail: String) {
        self.wrong += 1;
        self.say(detail);
    }
}

/// Judges the publication in this folder.
///
/// # Errors
/// When one of its three files is missing or no JSON of its kind; what can be read but is not true
/// is in the verdict.
pub fn check(publication: &Path, world: &World) -> Result<Verdict, CheckError> {
    let ledger = world.ledger();
    let mut judge = Judge {
        world,
        ledger: &ledger,
        sources: world.profiles().iter().map(|p| (p.id.as_str(), p.number)).collect(),
        told: vec![0; ledger.contracts.len()],
        last_uid: None,
        verdict: Verdict { sources: world.profiles().len(), ..Verdict::default() },
    };
    published::lines(&publication.join("contrats.ndjson"), &mut |line| judge.contract(&line))?;
    judge.missed();
    let (told, mut verdict) = (judge.told, judge.verdict);
    counts::quality(publication, world, &ledger, &mut verdict)?;
    counts::manifest(publication, &ledger, &told, &mut verdict)?;
    Ok(verdict)
}

struct Judge<'a> {
    world: &'a World,
    ledger: &'a Ledger,
    /// Number of each source, by id.
    sources: HashMap<&'a str, usize>,
    /// How often each contract of the truth was published.
    told: Vec<u32>,
    last_uid: Option<String>,
    verdict: Verdict,
}

/// What the truth knows of an observation.
enum Known {
    /// It speaks of this contract.
    Of(usize, Option<Fate>),
    /// It speaks of one of these: its place is that of an earlier night.
    OneOf(Vec<usize>),
    /// Nobody ever published it.
    Nothing,
}

impl Judge<'_> {
    fn contract(&mut self, line: &Line) {
        self.verdict.contracts += 1;
        let mut problems = Vec::new();
        if self.last_uid.as_ref().is_some_and(|last| *last >= line.uid) {
            problems.push("it is not after the uid before it".to_owned());
        }
        self.last_uid = Some(line.uid.clone());
        match self.whose(line, &mut problems) {
            None => problems.push("no contract of the truth is meant".to_owned()),
            Some(index) => self.one(index, line, &mut problems),
        }
        if problems.is_empty() {
            self.verdict.found += 1;
        } else {
            self.verdict.wrong(format!("{}: {}", line.uid, problems.join("; ")));
        }
    }

    /// Judges a published contract against the one it is.
    fn one(&mut self, index: usize, line: &Line, problems: &mut Vec<String>) {
        let Some(truth) = self.ledger.contracts.get(index) else { return };
        if let Some(told) = self.told.get_mut(index) {
            *told += 1;
            if *told > 1 {
                problems.push(format!("contract {} of the truth is published {told} times", truth.id));
            }
        }
        if !truth.in_scope {
            problems.push(format!("contract {} is not of the region", truth.id));
        }
        for r in truth.records.iter().filter(|r| matches!(r.fate, Fate::Accepted(_))) {
            let source = self.world.profiles().get(r.source).map_or("", |p| p.id.as_str());
            let is = |o: &Observation| o.source == source && o.id == r.id && o.acheteur_id == r.acheteur_id;
            if !line.observations.iter().any(is) {
                problems.push(format!("what {source} says under {} is left out", r.id));
            }
        }
        compare::values(truth, line, problems);
    }

    /// The contract that the observations speak of; a problem for each that speaks of another.
    fn whose(&self, line: &Line, problems: &mut Vec<String>) -> Option<usize> {
        let (mut certain, mut open) = (BTreeSet::new(), Vec::new());
        for o in &line.observations {
            match self.known(o) {
                Known::Nothing => problems.push(format!("{} never published {} at {}", o.source, o.id, o.position)),
                Known::OneOf(candidates) => open.push(candidates),
                Known::Of(index, fate) => {
                    certain.insert(index);
                    if matches!(fate, Some(Fate::OutOfRegion(_))) && self.is_in_scope(index) {
                        problems.push(format!("{} at {} had to stay out", o.source, o.position));
                    }
                }
            }
        }
        if certain.len() > 1 {
            let name = |i: &usize| self.ledger.contracts.get(*i).map_or(String::new(), |c| c.id.to_string());
            let names: Vec<_> = certain.iter().map(name).collect();
            problems.push(format!("it mixes the contracts {} of the truth", names.join(", ")));
        }
        let first = certain.first().copied().or_else(|| open.first().and_then(|c| c.first()).copied())?;
        if open.iter().any(|c| !c.contains(&first)) {
            problems.push("it mixes what was published in an earlier night".to_owned());
        }
        Some(first)
    }

    fn is_in_scope(&self, index: usize) -> bool {
        self.ledger.contracts.get(index).is_some_and(|c| c.in_scope)
    }

    fn known(&self, o: &Observation) -> Known {
        let Some(&source) = self.sources.get(o.source.as_str()) else { return Known::Nothing };
        let files = self.world.profiles().get(source).map_or(&[][..], |p| &p.files);
        let resource = match files {
            [_] => Some(0),
            files => files.iter().position(|f| f.id == o.resource),
        };
        if let Some(resource) = resource
            && let Some(&(index, fate)) = self.ledger.places.get(&Place { source, resource, position: o.position })
            && self.says(index, source, o)
        {
            return Known::Of(index, Some(fate));
        }
        let key = (source, o.acheteur_id.clone(), o.id.clone());
        match self.ledger.by_id.get(&key).map(Vec::as_slice) {
            None | Some([]) => Known::Nothing,
            Some(all) => {
                let distinct: BTreeSet<_> = all.iter().copied().collect();
                match distinct.first() {
                    Some(one) if distinct.len() == 1 && self.may_be_gone(*one, source) => Known::Of(*one, None),
                    _ if self.world.which_night() > 1 => Known::OneOf(distinct.into_iter().collect()),
                    _ => Known::Nothing,
                }
            }
        }
    }

    /// Whether the contract has a record with this SIRET and id in the source.
    fn says(&self, index: usize, source: usize, o: &Observation) -> bool {
        self.ledger.contracts.get(index).is_some_and(|c| {
            c.records.iter().any(|r| r.source == source && r.id == o.id && r.acheteur_id == o.acheteur_id)
        })
    }

    /// Whether a record of the source may stand where it stood the night before.
    fn may_be_gone(&self, index: usize, source: usize) -> bool {
        let gone = |r: &super::truth::TruthRecord| r.source == source && r.place.is_none();
        self.world.which_night() > 1 || self.ledger.contracts.get(index).is_some_and(|c| c.records.iter().any(gone))
    }

    fn missed(&mut self) {
        for (truth, told) in self.ledger.contracts.iter().zip(&self.told) {
            if truth.in_scope && *told == 0 {
                self.verdict.missed += 1;
                let ids: BTreeSet<_> = truth.records.iter().map(|r| format!("{} {}", r.acheteur_id, r.id)).collect();
                let ids: Vec<_> = ids.into_iter().collect();
                self.verdict.say(format!("missed: contract {} of the truth ({})", truth.id, ids.join(", ")));
            }
        }
    }
}
