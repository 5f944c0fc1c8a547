//! What a publication is made from, what it may be asked, and what comes of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::quality::Quality;
use super::quarantine_ndjson::QuarantineRecords;
use super::signature::SigningKey;
use crate::record::{Contract, Day, Siren};

/// What the iterator of contracts may fail with.
pub type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// A source, as the publication names it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SourceRow {
    /// Id in sources.toml.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Its URL, without secrets.
    pub url: String,
    /// Licence, as in sources.toml; `unknown` = nothing of it may be published.
    pub licence: String,
    /// `format` of its stanza.
    pub format: String,
    /// `authority` of its stanza.
    pub authority: String,
    /// `max_shrink` of its stanza, as a share (0.15 = 15 %); `None` = that of [`Options`].
    pub max_shrink: Option<f64>,
}

/// A resource that a current observation stands in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceRow {
    /// Id of its source.
    pub source: String,
    /// Id inside the source, as in [`crate::record::ObservationRef::resource`].
    pub id: String,
    /// Where it was fetched, without secrets.
    pub url: String,
    /// Title in the catalogue.
    pub title: Option<String>,
}

/// Where a legal unit has its seat, and what the register says of it; what is not known is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seat {
    /// INSEE code and name of the commune.
    pub commune: Option<(Cow<'static, str>, Cow<'static, str>)>,
    /// Code and name of the département.
    pub departement: Option<(Cow<'static, str>, Cow<'static, str>)>,
    /// Code and name of the région.
    pub region: Option<(Cow<'static, str>, Cow<'static, str>)>,
    /// Its name in the register; [`crate::reference::MASK`] where it must not be told.
    pub name: Option<Cow<'static, str>>,
    /// What kind of buyer it is, in the words of the national dataset.
    pub category: Option<&'static str>,
    /// Size class: `PME`, `ETI`, `GE`.
    pub size: Option<&'static str>,
    /// It is a natural person whose name must not be told, whoever declared it.
    pub masked: bool,
}

impl Seat {
    /// The same, of a natural person whose name must not be told.
    pub fn masked(self) -> Self {
        Self { masked: true, name: Some(Cow::Borrowed(crate::reference::MASK)), ..self }
    }
    /// Whether it is known where it is.
    pub fn is_placed(&self) -> bool {
        self.departement.is_some()
    }
}

/// Looks a legal unit up. A fault ends the publication: a name that should be masked must not slip
/// through because a disk failed.
pub type Seats<'a> = &'a (dyn Fn(&Siren) -> Result<Option<Seat>, ReadError> + Sync);

/// One snapshot of the region, to be published.
pub struct Input<'a> {
    /// Every contract in scope, withdrawn or not, in the byte order of the uid.
    pub contracts: Box<dyn Iterator<Item = Result<Contract, ReadError>> + 'a>,
    /// Every source that an observation names.
    pub sources: Vec<SourceRow>,
    /// Every resource that an observation names.
    pub resources: Vec<ResourceRow>,
    /// The counts of quality.json.
    pub quality: Quality,
    /// What stands in quarantine, of sources whose licence allows republication.
    pub quarantine: QuarantineRecords<'a>,
    /// Where seats, and what the register says, are looked up.
    pub seats: Seats<'a>,
    /// The day of the publication, in the time zone of `[publish]`.
    pub day: Day,
    /// The moment it is made: stands in the manifest only.
    pub created: Timestamp,
    /// Epoch of the journal: changes on restore and replay.
    pub epoch: Uuid,
    /// First free seq of the journal.
    pub next_seq: u64,
    /// Name of the region; `None` = no limit.
    pub region: Option<String>,
    /// Contracts redacted since the publication before: no fall for the gate.
    pub redacted: u64,
    /// Whether anything was removed or masked since then: the journal keeps no older word of any contract.
    pub forget: bool,
    /// Whether a contract of this name was redacted: then its delete says so.
    pub removed: &'a (dyn Fn(&str) -> bool + Sync),
}

/// What a publication may be asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder `public/`.
    pub public: PathBuf,
    /// The optional files to write, by their names ([`OPTIONAL_FILES`]); those that pages and
    /// journals need are always written.
    pub formats: Vec<String>,
    /// Whether `.gz` and `.zst` stand beside the large text files.
    pub compress: bool,
    /// Share by which the number of contracts may fall (0.02 = 2 %).
    pub max_drop: f64,
    /// Share by which one of the ten largest sources may fall (0.15 = 15 %).
    pub max_shrink: f64,
    /// The operator accepts a fall, this once.
    pub accept_shrink: bool,
    /// How many days keep their last publication.
    pub keep_daily: usize,
    /// How many months keep their last publication.
    pub keep_monthly: usize,
    /// Fingerprint of the part of the configuration that decides what is published.
    pub configuration: String,
    /// Where `public/` is seen from outside, ending in `/`: for the links of the catalogue.
    pub base_url: Option<String>,
    /// What signs SHA256SUMS; `None` = it is not signed.
    pub signing_key: Option<Arc<SigningKey>>,
}

impl Options {
    /// Everything, into `public`, with the defaults of contract.md §4.
    pub fn new(public: impl Into<PathBuf>) -> Self {
        Self {
            public: public.into(),
            formats: OPTIONAL_FILES.iter().map(|f| (*f).to_owned()).collect(),
            compress: true,
            max_drop: 0.02,
            max_shrink: 0.15,
            accept_shrink: false,
            keep_daily: 14,
            keep_monthly: 12,
            configuration: String::new(),
            base_url: None,
            signing_key: None,
        }
    }
}

/// The files that `[publish] formats` can leave out.
pub const OPTIONAL_FILES: &[&str] =
    &["decp.json", "decp.xml", "decp-2019.json", "decp-2019.xml", "decp.csv", "decp.parquet", "decp.xlsx"];

/// What a publication holds, in numbers. Stands in the manifest under `counts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Contracts in contrats.ndjson, withdrawn ones included.
    pub contrats: u64,
    /// Of these, marchés.
    pub marches: u64,
    /// Of these, concessions.
    pub concessions: u64,
    /// Of these, withdrawn.
    pub withdrawn: u64,
    /// Contracts in decp.json and decp.xml.
    pub decp: u64,
    /// Contracts in decp-2019.json and decp-2019.xml.
    #[serde(rename = "decp-2019")]
    pub decp_2019: u64,
    /// Rows of decp.csv and decp.parquet.
    pub lignes: u64,
    /// Observations that the contracts are made of.
    pub observations: u64,
    /// Contracts, withdrawn ones aside, whose buyer's seat is not known.
    pub seat_unknown: u64,
    /// Contracts with at least one observation of each source.
    pub sources: BTreeMap<String, u64>,
}

/// A publication that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its name: the day, with `.2`, `.3`… from the second of a day on.
    pub publication: String,
    /// Its folder.
    pub dir: PathBuf,
    /// What it holds.
    pub counts: Counts,
    /// First seq of its changes.
    pub first_seq: u64,
    /// Last seq of its changes; smaller than `first_seq` when nothing changed.
    pub last_seq: u64,
    /// Contracts that are new or have changed.
    pub upserts: u64,
    /// Contracts that are no longer there.
    pub deletes: u64,
    /// Publications that retention removed, by name.
    pub removed: Vec<String>,
}
