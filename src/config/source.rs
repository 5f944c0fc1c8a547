//! One source, as used: every key resolved, inherited or defaulted.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use url::Url;

use super::credential::Credential;
use super::crontab::Fields;
use super::resource_date::ResourceDate;
use crate::record::Siren;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word of the configuration, with its value.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
            /// The word in the configuration.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words!(
    /// How the resources of a source are found.
    Catalog {
        /// The URL is the one resource.
        None = "none",
        /// A dataset of data.gouv.fr, API v1 or v2.
        Datagouv = "datagouv",
        /// A dataset of an Opendatasoft portal.
        Ods = "ods",
        /// The search API of TED.
        Ted = "ted",
        /// A `package_show` URL.
        Ckan = "ckan",
        /// RDF/XML, Turtle or JSON-LD.
        Dcat = "dcat",
        /// An HTML directory listing.
        Index = "index",
        /// JSON pages.
        Pages = "pages",
    }
);
words!(
    /// What the payloads are.
    Format {
        /// Recognised from the content.
        Auto = "auto",
        /// DECP 2019 or 2022 as JSON.
        DecpJson = "decp-json",
        /// DECP 2019 or 2022 as XML.
        DecpXml = "decp-xml",
        /// DECP as a table.
        DecpCsv = "decp-csv",
        /// Notices of the BOAMP.
        Boamp = "boamp",
        /// eForms notices (UBL XML).
        Eforms = "eforms",
        /// Planned purchases of APProch.
        Approch = "approch",
        /// OCDS releases or records.
        Ocds = "ocds",
        /// RSS, Atom or JSON Feed.
        Rss = "rss",
        /// Another guichet.
        Guichet = "guichet",
    }
);
words!(
    /// Who speaks, for the merge: the lower, the stronger (records.md §5).
    Authority {
        /// The buyer itself, for the SIRENs of `buyers`.
        Buyer = "buyer",
        /// The platform on which buyers publish.
        Platform = "platform",
        /// Someone who gathers what others published.
        Consolidator = "consolidator",
        /// What was read off pages.
        Scrape = "scrape",
    }
);
words!(
    /// What the absence of a record means.
    Snapshot {
        /// A payload holds everything: what is missing was withdrawn.
        Full = "full",
        /// A payload holds what is new: nothing follows from absence.
        Incremental = "incremental",
    }
);

/// The catalogues that this version can read. An enabled stanza with another one is an error.
pub const READABLE_CATALOGS: &[Catalog] =
    &[Catalog::None, Catalog::Datagouv, Catalog::Ods, Catalog::Ckan, Catalog::Dcat, Catalog::Index, Catalog::Pages];
/// The formats that this version can read. An enabled stanza with another one is an error.
pub const READABLE_FORMATS: &[Format] = &[Format::Auto, Format::DecpJson, Format::DecpXml, Format::DecpCsv];

/// Licences that allow republication, by their SPDX identifiers and those that data portals use.
const REPUBLISHABLE: &[&str] = &[
    "etalab-2.0",
    "etalab-1.0",
    "lov2",
    "fr-lo",
    "fr-lo-1.0",
    "fr-lo-2.0",
    "cc0-1.0",
    "cc-zero",
    "pddl-1.0",
    "odc-pddl",
    "cc-by-4.0",
    "cc-by-3.0",
    "cc-by",
    "cc-by-sa-4.0",
    "cc-by-sa",
    "odc-by-1.0",
    "odc-by",
    "odbl-1.0",
    "odc-odbl",
    "ogl-uk-3.0",
    "eu-reuse",
];

/// The licence of a source's data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Licence(String);

impl Licence {
    pub(super) fn new(id: &str) -> Self {
        Self(id.trim().to_ascii_lowercase())
    }
    /// The identifier, in lower case; `unknown` when nobody knows.
    pub fn id(&self) -> &str {
        &self.0
    }
    /// Whether what the source says may be published again. What may not is kept, and used to
    /// recognise contracts, but no field of it enters a publication.
    pub fn allows_republication(&self) -> bool {
        REPUBLISHABLE.contains(&self.0.as_str())
    }
    /// The licences that allow republication.
    pub(super) fn known() -> &'static [&'static str] {
        REPUBLISHABLE
    }
}

/// Whether a licence, by its identifier as the store keeps it, allows republication.
pub fn licence_allows_republication(id: &str) -> bool {
    Licence::new(id).allows_republication()
}

/// When a source is harvested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSchedule {
    /// The crontab line as written.
    pub line: String,
    /// Its five fields.
    pub fields: Fields,
    /// IANA name of the time zone in which it is read.
    pub timezone: String,
    /// Inherited: spread over the hour that follows by a stable hash of the source's id. A
    /// schedule in the stanza itself is exact.
    pub spread: bool,
}

/// Globs over the title or the URL of a resource.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Globs {
    /// Compiles; a pattern that is none is the error, with its index. `*` matches `/` too:
    /// titles are no paths. Case does not count.
    pub fn new(patterns: Vec<String>) -> Result<Self, (usize, String)> {
        let mut builder = GlobSetBuilder::new();
        for (i, pattern) in patterns.iter().enumerate() {
            let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
            builder.add(glob.map_err(|error| (i, error.kind().to_string()))?);
        }
        let set = builder.build().map_err(|error| (0, error.kind().to_string()))?;
        Ok(Self { patterns, set })
    }
    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
    /// The patterns as written.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
    /// Whether one of them matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        self.set.is_match(text)
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}
impl Eq for Globs {}

/// One entry of sources.toml.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Unique, never reused: `^[a-z0-9][a-z0-9-]{0,63}$`.
    pub id: String,
    /// For people.
    pub name: String,
    /// http or https, without credentials.
    pub url: Url,
    /// How resources are found. Default: none.
    pub catalog: Catalog,
    /// What the payloads are. Default: auto.
    pub format: Format,
    /// Who speaks. Default: platform.
    pub authority: Authority,
    /// The SIRENs that this source is the authority for. Not empty when `authority` is buyer.
    pub buyers: Vec<Siren>,
    /// Licence of the data.
    pub licence: Licence,
    /// When it is harvested.
    pub schedule: SourceSchedule,
    /// False: not harvested, but what it said stays. Default: true.
    pub enabled: bool,
    /// Why it is not enabled.
    pub disabled_reason: Option<String>,
    /// Only resources whose title or URL matches; empty: all.
    pub include: Globs,
    /// Not the resources whose title or URL matches; stronger than `include`.
    pub exclude: Globs,
    /// Sent with each request, in the order of their names. Never a secret.
    pub headers: BTreeMap<String, String>,
    /// Where the secret is.
    pub credential: Option<Credential>,
    /// Most bytes of one payload after decompression. Default: `[harvest] max_bytes`.
    pub max_bytes: u64,
    /// Longest time for one payload. Default: `[harvest] total_timeout`.
    pub timeout: Duration,
    /// A harvest with fewer records has failed; `None`: no such limit.
    pub min_records: Option<u64>,
    /// A harvest with fewer records than the last by more than this share has failed. Default: 0.15.
    pub max_shrink: f64,
    /// Most requests at once to this source's host. Default: `[harvest] per_host`.
    pub per_host: usize,
    /// Replaces guichet's own user agent.
    pub user_agent: Option<String>,
    /// What absence means. Default: full.
    pub snapshot: Snapshot,
    /// decp-csv: header → field, for a CSV of an unknown kind.
    pub columns: BTreeMap<String, String>,
    /// The encoding, when the payload lies about it (a label of the WHATWG list).
    pub encoding: Option<String>,
    /// ted: the expert query.
    pub query: Option<String>,
    /// ods: the filter of the export, in ODSQL; `{since}` in it is the first day of the window.
    pub filter: Option<String>,
    /// ods: only records of this last stretch of time, by the dataset's first date unless the filter
    /// names another.
    pub window: Option<Duration>,
    /// Where the date of a resource stands in its name.
    pub resource_date: Option<ResourceDate>,
    /// rss: element → field.
    pub map: BTreeMap<String, String>,
}

impl Source {
    /// Whether a resource of this title and URL is wanted.
    pub fn wants(&self, title: &str, url: &str) -> bool {
        let hit = |globs: &Globs| globs.matches(title) || globs.matches(url);
        (self.include.is_empty() || hit(&self.include)) && !hit(&self.exclude)
    }

    /// All that changes what the bytes of a payload mean, as text: when it changes, the
    /// payloads of this source must be decoded again.
    pub fn decoding_fingerprint(&self) -> String {
        let text = format!(
            "{}|{:?}|{:?}|{:?}|{:?}",
            self.format.word(),
            self.encoding,
            self.columns,
            self.map,
            self.resource_date
        );
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
    }
}
