//! A first look at an address: what answers there, and how it begins.
//!
//! In: a source's access. Out: status, type, length, the first bytes, and whether it is a
//! catalogue. One request, at most two, no retry; memory is the prefix. Recognising the data's format is
//! `decode`'s work, which the caller gives the prefix to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderValue};

use super::Harvester;
use super::access::SourceAccess;
use super::catalog::{Catalog, Listing};
use super::fault::{FetchError, FetchFault};
use super::fetch::parse;
use super::landing::Bounds;
use super::shown::ShownUrl;
use super::transfer::{Terms, receive};

/// Bytes read to show and to recognise.
pub const PREFIX_BYTES: usize = 64 * 1024;

/// What was found at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// HTTP status code.
    pub status: u16,
    /// The address after all redirects, without secrets.
    pub final_url: ShownUrl,
    /// Content-Type as declared.
    pub content_type: Option<String>,
    /// Content-Length, if the answer is not compressed and has one.
    pub bytes: Option<u64>,
    /// Last-Modified, if it can be read.
    pub last_modified: Option<Timestamp>,
    /// Whether it can be asked again with "only if changed".
    pub conditional: bool,
    /// The first bytes, decompressed; at most [`PREFIX_BYTES`].
    pub prefix: Vec<u8>,
    /// Its list, when it is a catalogue that is known.
    pub catalogue: Option<(Catalog, Listing)>,
}

/// Keeps the first bytes where they can be seen even when the transfer is stopped.
#[derive(Clone, Default)]
struct Prefix(Arc<Mutex<Vec<u8>>>);

impl Write for Prefix {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = PREFIX_BYTES - kept.len().min(PREFIX_BYTES);
        kept.extend(bytes.iter().take(room));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Harvester {
    /// Looks at `source.url`. A status that is no success is an answer here, not an error.
    ///
    /// # Errors
    /// When nothing answers, or what does is refused.
    pub async fn probe(&self, source: &SourceAccess, now: Timestamp) -> Result<Probe, FetchError> {
        let mut probe = self.look(source).await.map_err(|fault| self.error(source, None, &source.url, fault, 1))?;
        if probe.status == 200 && may_be_datagouv(&source.url, &probe.prefix) {
            let source = SourceAccess { catalog: Catalog::Datagouv, ..source.clone() };
            // What only looks like one is not one.
            if let Ok(listing) = self.list(&source, now).await {
                probe.catalogue = Some((Catalog::Datagouv, listing));
            }
        }
        Ok(probe)
    }

    async fn look(&self, source: &SourceAccess) -> Result<Probe, FetchFault> {
        let mut open = HeaderMap::new();
        open.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let mut answer = self.ask_any(source, parse(&source.url)?, open).await?;
        let headers = answer.response.headers();
        let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::to_owned);
        let mut probe = Probe {
            status: answer.response.status().as_u16(),
            final_url: ShownUrl::of(&answer.url),
            content_type: text(header::CONTENT_TYPE),
            bytes: answer.response.content_length().filter(|_| !headers.contains_key(header::CONTENT_ENCODING)),
            last_modified: text(header::LAST_MODIFIED).as_deref().and_then(super::fetch::http_date),
            conditional: headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED),
            prefix: Vec::new(),
            catalogue: None,
        };
        let prefix = Prefix::default();
        let terms = Terms {
            // A bomb is stopped when it has given much more than is shown.
            bounds: Bounds { max_bytes: 64 * PREFIX_BYTES as u64, max_ratio: self.limits.max_ratio, data_only: false },
            read_timeout: self.limits.read_timeout,
            total: self.total(source),
            enough: Some(PREFIX_BYTES as u64),
            on_bytes: &|_| {},
        };
        match receive(&mut answer, terms, prefix.clone(), |_| Ok(())).await {
            Ok(()) | Err(FetchFault::Cancelled | FetchFault::TooLarge { .. }) => {}
            Err(fault) => return Err(fault),
        }
        probe.prefix = std::mem::take(&mut *prefix.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(probe)
    }
}

/// Whether an address and the first bytes behind it look like the API of a udata site.
fn may_be_datagouv(url: &str, prefix: &[u8]) -> bool {
    let prefix = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix).trim_ascii_start();
    let has = |word: &[u8]| memchr::memmem::find(prefix, word).is_some();
    let api = ["/api/1/datasets/", "/api/2/datasets/"].iter().any(|path| url.contains(path));
    prefix.first() == Some(&b'{') && (api || (has(b"\"next_page\"") && has(b"\"data\"")) || has(b"\"resources\""))
}
