//! What the merge is given: sources, and the observations that may be the same contract.

use crate::record::{Day, Observation, Siren};

/// Who speaks in a source (`authority` in sources.toml), strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authority {
    /// The buyer itself.
    Buyer,
    /// The platform on which the buyer publishes.
    Platform,
    /// Whoever gathers from platforms.
    Consolidator,
    /// Whoever reads pages.
    Scrape,
}

/// What the merge knows of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its id in sources.toml.
    pub id: String,
    /// Who speaks there.
    pub authority: Authority,
    /// Buyers that it is the authority for.
    pub buyers: Vec<Siren>,
}

impl SourceFacts {
    /// Whether the source is the authority for this buyer.
    pub fn speaks_for(&self, siren: &Siren) -> bool {
        self.buyers.contains(siren)
    }
    /// The authority that counts for this buyer: a `buyer` source outside its `buyers` ranks as a
    /// platform.
    pub fn authority_for(&self, siren: &Siren) -> Authority {
        match self.authority {
            Authority::Buyer if !self.speaks_for(siren) => Authority::Platform,
            other => other,
        }
    }
}

/// One observation of a source, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The caller's name for it; never decides anything.
    pub observation_id: i64,
    /// Index into the list of sources.
    pub source: u32,
    /// The smallest id among the resources of the source whose current payload holds it; for one
    /// that is gone, where it last was.
    pub resource: String,
    /// 0-based position there.
    pub position: u32,
    /// Ids of the other resources whose current payload holds it, in any order. Two observations
    /// stood in one payload when they share a resource, so one that stands in several counts in each.
    pub also_in: Vec<String>,
    /// It is in a current payload.
    pub present: bool,
    /// It has been gone for so long that the source no longer says it (records.md §6).
    pub withdrawn: bool,
    /// The first day on which it was missing; `None` while present, or when not known.
    pub gone_since: Option<Day>,
    /// The date of its resource (file name, catalogue, Last-Modified).
    pub resource_date: Option<Day>,
    /// The first day on which the source was seen to say it.
    pub first_seen: Day,
    /// What it says.
    pub observation: Observation,
}
