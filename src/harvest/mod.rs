//! From a source to payloads: catalogues, the HTTP client with its guards and retries, the archive.
//!
//! In: limits and one source's access, already validated, and what the store remembers of a resource
//! (validators, hash). Out: the list of a source's resources, and for each a payload in the archive,
//! or why there is none.
//!
//! ```text
//! list(source)  →  resources  →  fetch(resource)  →  client: guard, politeness, redirects, time limits
//!                                                       ↓ pieces of body, a short queue
//!                                                     coding → landing (counts, first bytes, sha256)
//!                                                       ↓
//!                                                     archive, or the spool when it is probably known
//! ```
//!
//! Memory does not depend on the size of a payload. Nothing here knows what the bytes mean, and
//! nothing here is remembered between runs: validators and log entries are written by the caller, in
//! step with the rows they describe.

mod access;
mod archive;
mod catalog;
mod client;
mod coding;
mod fault;
mod fetch;
mod guard;
mod headers;
mod landing;
mod network;
mod outside;
mod polite;
mod probe;
mod report;
mod resolver;
mod retry;
mod shown;
mod spool;
mod transfer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

pub use access::{HOST_PAUSE, Limits, MAX_BYTES, SourceAccess, user_agent};
pub use archive::{Archive, ArchiveError, Entries, Entry, Incoming, PayloadReader, Seen, Sha256, Stored};
pub use catalog::{BadChecksum, Catalog, Checksum, Export, Held, Listing, MAIN, Ods, Resource};
pub use client::ClientError;
pub use fault::{FetchError, FetchFault, Patience, Phase};
pub use fetch::{Fetched, Payload, Previous, Validators};
pub use guard::{AllowEntry, AllowList, BadAllowEntry, Refusal, allowed};
#[doc(hidden)]
pub use outside::{Addresses, Names, Outside};
pub use probe::{PREFIX_BYTES, Probe};
pub use report::{NoProgress, Progress, Traffic};
pub use retry::{RetryAfter, retry_after};
pub use shown::ShownUrl;

use client::{Answer, Ask, Web};
use polite::Hosts;
use spool::Spools;

/// Fetches from any number of sources at once, politely. One per process; share it.
pub struct Harvester {
    limits: Limits,
    web: Web,
    hosts: Hosts,
    spools: Spools,
    progress: Arc<dyn Progress>,
    traffic: Mutex<HashMap<String, Traffic>>,
}

impl Harvester {
    /// Sets up the client.
    ///
    /// # Errors
    /// When TLS cannot be set up. A machine without CA certificates is no error: https sources fail
    /// one by one and say what is missing.
    pub fn new(limits: Limits, progress: Arc<dyn Progress>) -> Result<Self, ClientError> {
        let web = Web::new(&limits)?;
        let hosts = Hosts::new(limits.concurrency, limits.per_host, limits.min_interval);
        Ok(Self { limits, web, hosts, spools: Spools::default(), progress, traffic: Mutex::default() })
    }

    /// What `source` has cost since the last call, and starts its count anew.
    pub fn take_traffic(&self, source: &str) -> Traffic {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(source).unwrap_or_default()
    }

    fn count(&self, source: &str, add: impl FnOnce(&mut Traffic)) {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        add(all.entry(source.to_owned()).or_default());
    }

    fn total(&self, source: &SourceAccess) -> Duration {
        source.timeout.unwrap_or(self.limits.total_timeout)
    }

    /// Counts the attempts at one address; see [`Tries::again`].
    fn tries<'a>(&'a self, source: &'a SourceAccess, resource: Option<&'a str>, url: &'a str) -> Tries<'a> {
        Tries { harvester: self, source, resource, url, made: 0, pauses: Box::new(retry::ladder(&self.limits)) }
    }

    fn note(&self, url: &str, strikes: u32) {
        if strikes > 0
            && let Ok(url) = Url::parse(url)
            && let (Some(host), Some(port)) = (url.host(), url.port_or_known_default())
        {
            self.hosts.note(&format!("{host}:{port}"), strikes);
        }
    }

    fn error(
        &self,
        source: &SourceAccess,
        resource: Option<&str>,
        url: &str,
        fault: FetchFault,
        attempts: u32,
    ) -> FetchError {
        FetchError {
            source_id: source.id.clone(),
            resource: resource.map(Box::from),
            url: ShownUrl::of_text(url),
            fault,
            attempts,
        }
    }

    /// GETs `url` for `source`: an answer of 200, 203 or 304, else the fault that its status is.
    async fn ask(
        &self,
        source: &SourceAccess,
        url: Url,
        open: HeaderMap,
        now: Timestamp,
    ) -> Result<Answer, FetchFault> {
        let answer = self.ask_any(source, url, open).await?;
        let code = answer.response.status().as_u16();
        if code != 429 {
            // Whatever it says, the host is there.
            self.hosts.note(&answer.host, 0);
        }
        match code {
            200 | 203 | 304 => Ok(answer),
            202 => Err(FetchFault::NotReady),
            204 | 205 => Err(FetchFault::Empty),
            code @ (429 | 503) => {
                let retry_after = self.heed_retry_after(source, &answer, now);
                if code == 429 && retry_after.is_none() {
                    // "Too often" is said to all of us, also when it does not say until when.
                    self.hosts.pause(&answer.host, self.limits.retry_base);
                }
                Err(FetchFault::Status { code, retry_after })
            }
            code => Err(FetchFault::Status { code, retry_after: None }),
        }
    }

    /// Pauses the whole host for as long as it asked, within our own limit.
    fn heed_retry_after(&self, source: &SourceAccess, answer: &Answer, now: Timestamp) -> Option<Duration> {
        let headers = answer.response.headers();
        let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
        let asked = text(header::RETRY_AFTER)?;
        // A date is meant by the server's clock, which is not ours.
        let now = text(header::DATE).and_then(fetch::http_date).unwrap_or(now);
        let read = retry::retry_after(asked, now, self.limits.retry_after_max);
        let (id, host) = (&source.id, &answer.host);
        match read {
            RetryAfter::Unsaid => {
                let shown: String = asked.escape_debug().take(60).collect();
                tracing::warn!(source.id = %id, "{host} sent a Retry-After that says nothing: `{shown}`");
            }
            RetryAfter::Capped { asked, max } => tracing::warn!(
                source.id = %id,
                asked_s = asked.as_secs(),
                retry_in_s = max.as_secs(),
                "{host} asked for a longer pause than retry_after_max: it gets that much"
            ),
            RetryAfter::Wait(_) => {}
        }
        let pause = read.pause().filter(|p| !p.is_zero())?;
        self.hosts.pause(host, pause);
        Some(pause)
    }

    /// GETs `url` for `source`, whatever the status.
    async fn ask_any(&self, source: &SourceAccess, url: Url, mut open: HeaderMap) -> Result<Answer, FetchFault> {
        let agent = source.user_agent.as_deref().unwrap_or(&self.limits.user_agent);
        open.insert(header::USER_AGENT, headers::value("User-Agent", agent)?);
        let mut private = HeaderMap::new();
        // A catalogue names addresses anywhere: secrets go to the source's own host only.
        if Url::parse(&source.url).is_ok_and(|own| client::same_origin(&own, &url)) {
            private = headers::private(source)?;
        }
        let ask = Ask {
            url,
            private: &private,
            open,
            per_host: source.per_host,
            total: self.total(source),
            on_answer: &|status: StatusCode| {
                self.count(&source.id, |t| *t.responses.entry(status.as_u16()).or_default() += 1);
            },
            on_request: &|| self.count(&source.id, |t| t.requests += 1),
        };
        self.web.get(ask, &self.hosts).await
    }
}

/// The attempts at one address.
struct Tries<'a> {
    harvester: &'a Harvester,
    source: &'a SourceAccess,
    resource: Option<&'a str>,
    url: &'a str,
    made: u32,
    pauses: Box<dyn Iterator<Item = Duration> + Send + Sync>,
}

impl Tries<'_> {
    /// Waits before the next attempt; the error when `fault` is not worth one, or none is left.
    async fn again(&mut self, fault: FetchFault) -> Result<(), FetchError> {
        self.made += 1;
        let worth = match fault.patience() {
            Patience::Never => false,
            Patience::Once => self.made == 1,
            Patience::Full => true,
        };
        let (harvester, source) = (self.harvester, self.source);
        let Some(bound) = self.pauses.next().filter(|_| worth) else {
            harvester.note(self.url, fault.strikes());
            return Err(harvester.error(source, self.resource, self.url, fault, self.made));
        };
        let pause = retry::jittered(bound);
        tracing::debug!(
            source.id = %source.id,
            resource.id = self.resource,
            retry_in_s = pause.as_secs_f32(),
            "attempt {} at {} failed, asking again: {fault}",
            self.made,
            ShownUrl::of_text(self.url)
        );
        harvester.count(&source.id, |t| t.retries += 1);
        // A Retry-After has already paused the whole host: the next request waits for that too.
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
