//! quality.json and quality.html: how good the data of each source and of each buyer is.
//!
//! In: the counts of places in payloads, made by the store, and every contract of the reading pass,
//! whose findings [`super::quality_tally`] counts. Out: both files. Only records that a publication
//! accepts are judged: those that are withdrawn, gone, superseded or of unknown licence are not.
//! Memory: the counts of every source and buyer, and examples for those that the page shows.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::catalog::Catalog;
use super::error::PublishError;
use super::format::Writer;
use super::manifest::FileEntry;
use super::output::{self, Output};
use super::quality_page;
use super::quality_tally::{LATE, Tallies};
use crate::record::{Day, Field, ObservationRef, Siren};

/// Name of the counts.
pub(super) const QUALITY: &str = "quality.json";
/// Name of the page.
pub(super) const QUALITY_PAGE: &str = "quality.html";

/// What the store counted of every source and buyer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quality {
    /// In any order.
    pub sources: Vec<SourceQuality>,
    /// In the order of their SIRENs.
    pub buyers: Vec<BuyerCounts>,
    /// Observations of contracts that no current payload holds any more: not judged.
    pub gone: HashSet<GoneKey>,
}

/// What the store counted of a buyer. There are tens of thousands: nothing is kept twice.
#[derive(Debug, Clone, PartialEq)]
pub struct BuyerCounts {
    /// Who.
    pub buyer: Siren,
    /// Accepted records.
    pub accepted: u64,
    /// Accepted ones of which a value was repaired.
    pub repaired: u64,
    /// Accepted ones that lack a field, by field.
    pub missing: Box<[(Field, u32)]>,
}

/// Source, resource, position, SIRET of the buyer and id, as an observation of a contract names them.
pub type GoneKey = (String, String, u32, String, String);

/// What became of the records of a source's current payloads (contract.md §6):
/// `received = accepted + superseded + repeats + quarantined + out_of_region`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceQuality {
    /// Id of the source.
    pub source: String,
    /// Records in its current payloads.
    pub received: u64,
    /// Of these, in a contract of the region.
    pub accepted: u64,
    /// Of these, another content of a contract that won over them.
    pub superseded: u64,
    /// Of these, the same content again in one resource.
    pub repeats: u64,
    /// Of these, unreadable or without identity.
    pub quarantined: u64,
    /// Of these, of a buyer and a place outside the region.
    pub out_of_region: u64,
    /// Accepted or superseded ones of which a value was repaired.
    pub repaired: u64,
    /// Judged ones published more than two months after the notification.
    pub late: u64,
    /// Judged ones that lack a field, by field.
    pub missing: BTreeMap<String, u64>,
    /// Judged ones that break a rule, by rule; one that breaks it twice counts once.
    pub rules: BTreeMap<String, u64>,
    /// How the judged ones fare.
    #[serde(flatten)]
    pub judged: Judged,
}

/// The line of a buyer in quality.json: the same, whatever the source.
#[derive(Debug, Serialize)]
struct BuyerQuality<'a> {
    /// SIREN.
    buyer: &'a str,
    /// Name, as last declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    accepted: u64,
    repaired: u64,
    late: u64,
    missing: BTreeMap<&'static str, u64>,
    rules: BTreeMap<&'a str, u64>,
    #[serde(flatten)]
    judged: Judged,
}

impl<'a> BuyerQuality<'a> {
    fn of(counts: &'a BuyerCounts, tallies: &'a Tallies) -> Self {
        let rules = tallies.rules_of(&counts.buyer);
        Self {
            buyer: counts.buyer.as_str(),
            name: tallies.name_of(&counts.buyer),
            accepted: counts.accepted,
            repaired: counts.repaired,
            late: rules.get(LATE).copied().unwrap_or(0),
            missing: counts.missing.iter().map(|(f, n)| (f.name(), u64::from(*n))).collect(),
            rules,
            judged: tallies.judged_of(&counts.buyer),
        }
    }
}

/// The records that were judged: each accepted one once, in however many resources it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Judged {
    /// How many.
    pub checked: u64,
    /// Of these, without any finding.
    pub clean: u64,
    /// Of these, with a repair or a warning, but no error.
    pub doubtful: u64,
    /// Of these, with an error.
    pub faulty: u64,
    /// 0 to 100: clean ones count whole, doubtful ones half, faulty and quarantined ones nothing.
    /// `None` when there is nothing to judge.
    pub score: Option<u8>,
}

impl Judged {
    /// Works out the score; `quarantined` records count as faulty.
    pub(super) fn scored(mut self, quarantined: u64) -> Self {
        let all = self.checked + quarantined;
        let points = 2 * self.clean + self.doubtful;
        // Rounded down: only who has no fault at all has 100.
        self.score = (all > 0).then(|| u8::try_from(100 * points / (2 * all)).unwrap_or(100));
        self
    }
    /// Half records to be won by mending everything: what the page sorts by.
    pub(super) fn to_win(self) -> u64 {
        2 * self.faulty + self.doubtful
    }
}

impl SourceQuality {
    /// Whether every record received is counted once (law L0).
    pub fn is_balanced(&self) -> bool {
        let parts = [self.accepted, self.superseded, self.repeats, self.quarantined, self.out_of_region];
        self.received == parts.iter().sum::<u64>()
    }
}

/// Writes both files at the end of the reading pass.
pub(super) struct QualityFiles {
    dir: PathBuf,
    catalog: Arc<Catalog>,
    counts: Quality,
    tallies: Tallies,
    day: Day,
    region: Option<String>,
}

impl QualityFiles {
    /// Takes what the store counted.
    pub(super) fn new(dir: &Path, catalog: Arc<Catalog>, counts: Quality, day: Day, region: Option<String>) -> Self {
        Self { dir: dir.to_owned(), catalog, counts, tallies: Tallies::default(), day, region }
    }
}

/// Whether no current payload holds an observation any more.
fn is_gone(gone: &HashSet<GoneKey>, o: &ObservationRef) -> bool {
    // Nearly always empty: the key is made only when it can matter.
    let key = || (o.source.clone(), o.resource.clone(), o.position, o.acheteur_id.clone(), o.id.clone());
    !gone.is_empty() && gone.contains(&key())
}

impl Writer for QualityFiles {
    fn name(&self) -> &'static str {
        QUALITY
    }
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        let Self { tallies, counts, .. } = self;
        for item in batch.items.iter().filter(|item| !item.contract.withdrawn) {
            tallies.contract(&item.contract, item.seat.as_deref(), |o| is_gone(&counts.gone, o));
        }
        Ok(())
    }
    fn finish(self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        let Self { dir, catalog, mut counts, mut tallies, day, region } = *self;
        tallies.end_of_buyer();
        let outliers = tallies.outliers.told();
        counts.sources.sort_by(|a, b| a.source.cmp(&b.source));
        counts.buyers.sort_by_key(|b| b.buyer);
        tallies.complete(&mut counts.sources);
        let page =
            quality_page::write(&counts, &outliers, &tallies, &catalog, day, region.as_deref()).map_err(|e| {
                PublishError::Io { action: "write", path: dir.join(QUALITY_PAGE), source: std::io::Error::other(e) }
            })?;
        let mut lines = Lines::create(&dir)?;
        lines.list("{\"sources\":[", counts.sources.iter())?;
        lines.list("],\"buyers\":[", counts.buyers.iter().map(|b| BuyerQuality::of(b, &tallies)))?;
        lines.list("],\"outliers\":[", outliers.iter())?;
        let mut files = lines.finish()?;
        files.push(output::put(&dir, QUALITY_PAGE, page.as_bytes(), None)?);
        Ok(files)
    }
}

/// quality.json on its way to the disk: one source or buyer a line.
struct Lines {
    output: Output,
    buffer: Vec<u8>,
    dir: PathBuf,
}

impl Lines {
    fn create(dir: &Path) -> Result<Self, PublishError> {
        Ok(Self { output: Output::create(dir, QUALITY, false)?, buffer: Vec::new(), dir: dir.to_owned() })
    }

    fn list<T: Serialize>(&mut self, opening: &str, items: impl Iterator<Item = T>) -> Result<(), PublishError> {
        self.output.write_all(opening.as_bytes())?;
        let mut end: &[u8] = b"";
        for (i, item) in items.enumerate() {
            self.buffer.clear();
            self.buffer.extend_from_slice(if i > 0 { b",\n" } else { b"\n" });
            serde_json::to_writer(&mut self.buffer, &item).map_err(super::unwritable(&self.dir, QUALITY))?;
            self.output.write_all(&self.buffer)?;
            end = b"\n";
        }
        self.output.write_all(end)
    }

    fn finish(mut self) -> Result<Vec<FileEntry>, PublishError> {
        self.output.write_all(b"]}\n")?;
        self.output.finish(None)
    }
}
