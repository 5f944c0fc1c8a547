//! What the harvest must be told: limits of the whole program, and how one source is reached.
//!
//! Plain values, already validated: the room `config` reads the files, the caller maps one onto
//! the other. Secrets arrive resolved and never appear in `Debug`.

use std::fmt;
use std::time::Duration;

use super::catalog::Catalog;
use super::guard::AllowList;

/// Largest body by default, after decompression. The largest real DECP file known is half of it;
/// for one source set `max_bytes` in its stanza.
pub const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Pause between the starts of two requests to one host: many buyer profiles share a platform, and
/// platforms block bursts. For one source, set `per_host` in its stanza, not this.
pub const HOST_PAUSE: Duration = Duration::from_millis(500);

/// The limits of `[harvest]` in guichet.toml. [`Default`] gives the shipped values.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Transfers at once, over all hosts.
    pub concurrency: usize,
    /// Transfers at once with one host and port; a source may ask for fewer or more.
    pub per_host: usize,
    /// Pause between the starts of two requests to one host.
    pub min_interval: Duration,
    /// For name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For the first byte of an answer, and between two pieces of it.
    pub read_timeout: Duration,
    /// For a whole transfer with its redirects, waiting for politeness not counted.
    pub total_timeout: Duration,
    /// Attempts after the first one, for faults that may pass.
    pub retries: u32,
    /// Upper bound of the first random pause before a retry; it doubles each time.
    pub retry_base: Duration,
    /// Longest Retry-After that is honoured, and longest pause before a retry.
    pub retry_after_max: Duration,
    /// Largest payload, in bytes after decompression.
    pub max_bytes: u64,
    /// Decoded bytes per received byte, beyond the first 10 MiB.
    pub max_ratio: u64,
    /// Exceptions to the address guard.
    pub allow: AllowList,
    /// The `User-Agent` of sources that name none: see [`user_agent`].
    pub user_agent: String,
    /// What stands in the place of this machine's resolver and certificates; nothing but in tests.
    #[doc(hidden)]
    pub outside: super::Outside,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 16,
            per_host: 2,
            min_interval: HOST_PAUSE,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(15 * 60),
            retries: 3,
            retry_base: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(5 * 60),
            max_bytes: MAX_BYTES,
            max_ratio: 200,
            allow: AllowList::default(),
            user_agent: user_agent(None),
            outside: super::Outside::default(),
        }
    }
}

/// `guichet/<version> (+<contact>)`: publishers see who asks and where to complain.
pub fn user_agent(contact: Option<&str>) -> String {
    match contact.map(str::trim).filter(|c| !c.is_empty()) {
        Some(contact) => format!("guichet/{} (+{contact})", env!("CARGO_PKG_VERSION")),
        None => format!("guichet/{}", env!("CARGO_PKG_VERSION")),
    }
}

/// How one source is reached: the part of its stanza that the harvest needs.
#[derive(Clone, Default)]
pub struct SourceAccess {
    /// The source's id; appears in errors, progress and traffic.
    pub id: String,
    /// The catalogue's address, or the file's own with `Catalog::None`.
    pub url: String,
    /// How `url` leads to files.
    pub catalog: Catalog,
    /// What to ask of an Opendatasoft dataset.
    pub ods: super::catalog::Ods,
    /// Globs on a resource's title or address; empty keeps all.
    pub include: Vec<String>,
    /// Globs on a resource's title or address that win over `include`.
    pub exclude: Vec<String>,
    /// Headers sent to the host of `url` and to no other. `{credential}` in a value is replaced.
    pub headers: Vec<(String, String)>,
    /// The resolved secret. Without `{credential}` in a header it is sent as `Authorization`: as it
    /// stands when it names a scheme (`Basic …`), else as `Bearer`.
    pub credential: Option<String>,
    /// Replaces [`Limits::user_agent`].
    pub user_agent: Option<String>,
    /// Replaces [`Limits::max_bytes`].
    pub max_bytes: Option<u64>,
    /// Replaces [`Limits::total_timeout`].
    pub timeout: Option<Duration>,
    /// Replaces [`Limits::per_host`] for this source's requests.
    pub per_host: Option<usize>,
}

impl fmt::Debug for SourceAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceAccess")
            .field("id", &self.id)
            .field("url", &super::ShownUrl::of_text(&self.url))
            .field("catalog", &self.catalog)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("credential", &self.credential.as_ref().map(|_| "hidden"))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_of_a_source_shows_no_secret() {
        let access = SourceAccess {
            id: "a".into(),
            url: "https://u:pw1@example.fr/?token=pw2".into(),
            headers: vec![("X-API-KEY".into(), "pw3".into())],
            credential: Some("pw4".into()),
            ..SourceAccess::default()
        };
        let shown = format!("{access:?}");
        assert!(!shown.contains("pw"), "{shown}");
        assert!(shown.contains("X-API-KEY"));
    }

    #[test]
    fn the_user_agent_names_the_program_and_its_contact() {
        assert!(user_agent(Some("https://marches.example.fr")).ends_with(" (+https://marches.example.fr)"));
        assert!(user_agent(None).starts_with("guichet/"));
    }
}
