//! The tables of guichet.toml, as used. Each key says its unit, its default and the reason for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::Credential;
use super::crontab::Fields;
use super::upload::Upload;

/// Most connections that `concurrency` and `per_host` accept: beyond, the process would run out of
/// files, and the platforms out of patience.
pub const MOST_CONNECTIONS: u64 = 256;

/// `[harvest]`: how the network is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Harvest {
    /// Requests at once, over all hosts. Default 16: the writer is slower than that already.
    pub concurrency: usize,
    /// Requests at once to one host. Default 2: many profiles share a platform, and platforms
    /// block bursts.
    pub per_host: usize,
    /// Pause between the starts of two requests to one host. Default 500 ms.
    pub min_interval: Duration,
    /// Longest time to connect, TLS included. Default 10 s.
    pub connect_timeout: Duration,
    /// Longest silence while headers or body are awaited. Default 30 s.
    pub read_timeout: Duration,
    /// Longest time for one payload, from the first byte sent. Default 15 min: the largest yearly
    /// files are hundreds of megabytes from slow hosts. `timeout` in a stanza overrides it.
    pub total_timeout: Duration,
    /// Attempts after the first, for faults that can pass. Default 4.
    pub retries: usize,
    /// First pause before asking again; it doubles each time, with jitter. Default 1 s.
    pub retry_base: Duration,
    /// Longest pause that a `Retry-After` can impose on a harvest. Default 5 min: a host that asks
    /// for more has failed this time, and is asked again at its next run.
    pub retry_after_max: Duration,
    /// Most bytes of one payload, after decompression. Default 512 MiB. `max_bytes` in a stanza
    /// overrides it.
    pub max_bytes: u64,
    /// Most times that a payload may grow in decompression. Default 200: real XML stays below 60,
    /// bombs are above 1,000.
    pub max_ratio: u64,
    /// After so many days without a whole answer, validators are not sent. Default 7: some servers
    /// answer 304 for ever.
    pub force_refresh_days: u32,
    /// Private addresses that may be asked all the same. Default none.
    pub allow_private_hosts: Vec<PrivateHost>,
}

impl Default for Harvest {
    fn default() -> Self {
        Self {
            concurrency: 16,
            per_host: 2,
            min_interval: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(15 * 60),
            retries: 4,
            retry_base: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(5 * 60),
            max_bytes: 512 << 20,
            max_ratio: 200,
            force_refresh_days: 7,
            allow_private_hosts: Vec::new(),
        }
    }
}

/// An entry of `allow_private_hosts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateHost {
    /// The addresses.
    pub net: IpNet,
    /// Only this port; `None`: any.
    pub port: Option<u16>,
}

impl std::fmt::Display for PrivateHost {
    /// The form of the configuration: an address, `address:port`, or a CIDR.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.net.addr(), port).fmt(f),
            None if self.net.prefix_len() == self.net.max_prefix_len() => self.net.addr().fmt(f),
            None => self.net.fmt(f),
        }
    }
}

/// `[publish]`: what is published, when, and what is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// At the latest then. Default `30 6 * * *`: before the working day.
    pub schedule: (String, Fields),
    /// IANA name. Default Europe/Paris. A publication's day is a day in this zone.
    pub timezone: String,
    /// The optional files to write, by name ([`PUBLISHED_FILES`]). Default all.
    pub formats: Vec<String>,
    /// Whether large text files also stand as `.gz` and `.zst`. Default true.
    pub compress: bool,
    /// Days whose last publication is kept. Default 14.
    pub keep_daily: u32,
    /// Months whose last publication is kept. Default 12.
    pub keep_monthly: u32,
    /// Share by which the number of contracts may fall from one publication to the next.
    /// Default 0.02.
    pub max_drop: f64,
    /// Where `public/` is seen from outside, ending in `/`. Default: none, links are relative.
    pub base_url: Option<Url>,
    /// Prefix of OCDS identifiers, given by the Open Contracting Partnership. Default none.
    pub ocid_prefix: Option<String>,
    /// Where the minisign key is kept that signs SHA256SUMS. Default: none, it is not signed.
    pub signing_key: Option<Credential>,
    /// The bucket that mirrors what is published. Default none.
    pub upload: Option<Upload>,
}

/// The files that `[publish] formats` can choose; the others are what pages and journals need.
pub const PUBLISHED_FILES: &[&str] =
    &["decp.json", "decp.xml", "decp-2019.json", "decp-2019.xml", "decp.csv", "decp.parquet", "decp.xlsx"];

/// Files of contract.md that this version does not write yet.
pub(super) const LATER_FILES: &[&str] =
    &["consultations.ndjson", "consultations.csv", "consultations.parquet", "ocds.jsonl"];

/// Files that are always written; naming them is harmless.
pub(super) const ALWAYS_FILES: &[&str] = &[
    "contrats.ndjson",
    "doublons.csv",
    "liens.csv",
    "changes.ndjson",
    "guichet.sqlite",
    "journal.sqlite",
    "observations.csv",
    "aliases.csv",
    "quality.json",
    "quality.html",
    "quarantine.ndjson",
    "LISEZMOI.md",
    "datapackage.json",
    "catalog.jsonld",
    "catalog.ttl",
    "manifest.json",
    "SHA256SUMS",
    "SHA256SUMS.minisig",
];

/// `[serve]`: the web side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// Address and port. Default 127.0.0.1:8310: a reverse proxy stands before it.
    pub listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may read `/metrics`. Default loopback only.
    pub metrics_from: Vec<IpNet>,
}

/// `[merge]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Identity rule 4: the same contract under different ids in two feeds. Default true.
    pub across_feeds: bool,
}

impl Default for Merge {
    fn default() -> Self {
        Self { across_feeds: true }
    }
}

/// `[archive]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// zstd level of archived payloads, 1 to 19. Default 3: the network is slower than that.
    pub compression_level: i32,
}

impl Default for Archive {
    fn default() -> Self {
        Self { compression_level: 3 }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`. The command line and GUICHET_LOG are stronger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// error, warn, info, debug or trace. Default info.
    pub level: &'static str,
    /// Default text.
    pub format: LogFormat,
}

/// Where the configuration was found, and what is to be watched for changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// guichet.toml.
    pub guichet: PathBuf,
    /// sources.toml.
    pub sources: PathBuf,
    /// The folder `sources.d` beside it, whether it exists or not.
    pub sources_d: PathBuf,
    /// The files in it that were read, in name order.
    pub more_sources: Vec<PathBuf>,
    /// overrides.toml beside guichet.toml, whether it exists or not.
    pub overrides: PathBuf,
}

impl Files {
    /// Every file that was read.
    pub fn read(&self) -> Vec<PathBuf> {
        let mut all = vec![self.guichet.clone(), self.sources.clone()];
        all.extend(self.more_sources.iter().cloned());
        if self.overrides.exists() {
            all.push(self.overrides.clone());
        }
        all
    }
    /// The folders in which a change may be a change of the configuration: an editor replaces
    /// files, so that watching a file itself loses it.
    pub fn folders(&self) -> Vec<PathBuf> {
        let parents = [&self.guichet, &self.sources].map(|file| file.parent().map(PathBuf::from));
        let mut all: Vec<PathBuf> = parents.into_iter().flatten().collect();
        if self.sources_d.is_dir() {
            all.push(self.sources_d.clone());
        }
        all.sort();
        all.dedup();
        all
    }
}
