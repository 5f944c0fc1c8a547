//! A first look at an address: what answers there, and how it begins.
//!
//! In: a source's access. Out: status, type, length, the first bytes, and whether it is a
//! catalogue. A few requests: one for the address, the others for the first pages of a catalogue.
//! Memory is the prefix and the list. Recognising the data's format is
//! `decode`'s work, which the caller gives the prefix to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderValue};

use super::Harvester;
use super::access::SourceAccess;
use super::catalog::{Catalog, Listing, next_link};
use super::fault::{FetchError, FetchFault};
use super::fetch::parse;
use super::landing::Bounds;
use super::shown::ShownUrl;
use super::transfer::{Terms, receive};

/// Bytes read to show and to recognise.
pub const PREFIX_BYTES: usize = 64 * 1024;

/// Pages of a catalogue asked for: enough to know what it is.
const PAGES: usize = 4;

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
    /// Whether the answer names a next page in its header `Link`.
    pub linked: bool,
    /// Its list, or the beginning of a long one, when it is a catalogue that is known.
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
        if probe.status != 200 {
            return Ok(probe);
        }
        for catalog in candidates(&source.url, &probe) {
            let source = SourceAccess { catalog, ..source.clone() };
            // What only looks like one is not one.
            match self.list_some(&source, now, PAGES).await {
                // One page of JSON is a file.
                Ok(listing) if catalog == Catalog::Pages && listing.listed < 2 => {}
                Ok(listing) if listing.listed > 0 => {
                    probe.catalogue = Some((catalog, listing));
                    break;
                }
                _ => {}
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
            linked: next_link(headers).is_some(),
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

/// The catalogues that an address and what it answers may be, likeliest first.
fn candidates(url: &str, probe: &Probe) -> Vec<Catalog> {
    let prefix = probe.prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&probe.prefix).trim_ascii_start();
    let has = |word: &str| memchr::memmem::find(prefix, word.as_bytes()).is_some();
    let at = |paths: &[&str]| paths.iter().any(|path| url.contains(path));
    let kind = probe.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let object = prefix.first() == Some(&b'{');
    let mut found = Vec::new();
    if at(&["/api/explore/v2", "/api/v2/catalog/datasets/", "/explore/dataset/"]) {
        found.push(Catalog::Ods);
    }
    if at(&["/action/package_show"]) || (at(&["/dataset/"]) && has("ckan")) {
        found.push(Catalog::Ckan);
    }
    let udata = at(&["/api/1/datasets/", "/api/2/datasets/"]);
    if object && (udata || (has("\"next_page\"") && has("\"data\"")) || has("\"resources\"")) {
        found.push(Catalog::Datagouv);
    }
    let rdf = ["rdf+xml", "turtle", "ld+json"].iter().any(|k| kind.contains(k));
    if rdf || has("http://www.w3.org/ns/dcat#") {
        found.push(Catalog::Dcat);
    }
    let listing = ["Index of ", "Directory listing", "Parent Directory", "href=\"../\"", "href=\"?C="];
    if prefix.first() == Some(&b'<') && listing.iter().any(|sign| has(sign)) {
        found.push(Catalog::Index);
    }
    let names_next = ["\"next\"", "\"next_page\""].iter().any(|key| has(key)) || probe.linked;
    if (object || prefix.first() == Some(&b'[')) && names_next {
        found.push(Catalog::Pages);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_recognised_by_its_address_its_type_or_its_first_bytes() {
        let of = |url: &str, kind: &str, prefix: &str| {
            let probe = Probe {
                status: 200,
                final_url: ShownUrl::of_text(url),
                content_type: Some(kind.to_owned()),
                bytes: None,
                last_modified: None,
                conditional: false,
                prefix: prefix.as_bytes().to_vec(),
                linked: false,
                catalogue: None,
            };
            candidates(url, &probe)
        };
        let rdf = "<rdf:RDF xmlns:d=\"http://www.w3.org/ns/dcat#\">";
        for (url, kind, prefix, expected) in [
            ("https://p.fr/explore/dataset/decp/", "text/html", "<!doctype html>", vec![Catalog::Ods]),
            ("https://p.fr/api/3/action/package_show?id=x", "application/json", "{", vec![Catalog::Ckan]),
            ("https://p.fr/api/1/datasets/x/", "application/json", "{\"id\": 1}", vec![Catalog::Datagouv]),
            ("https://p.fr/cat", "application/rdf+xml; charset=utf-8", "<rdf:RDF", vec![Catalog::Dcat]),
            ("https://p.fr/cat", "text/xml", rdf, vec![Catalog::Dcat]),
            ("https://p.fr/d/", "text/html", "<html><title>Index of /d", vec![Catalog::Index]),
            ("https://p.fr/api", "application/json", "{\"next\": null", vec![Catalog::Pages]),
            ("https://p.fr/decp.json", "application/json", "{\"marches\": [", vec![]),
        ] {
            assert_eq!(of(url, kind, prefix), expected, "{url}");
        }
    }
}
