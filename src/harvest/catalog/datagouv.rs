//! A dataset of data.gouv.fr (or another udata site).
//!
//! API v1 lists the resources inside the dataset; v2 gives there a link to pages of them, each with
//! a `next_page`. Either address, or the pages' own, is read. A page comes whole into memory, within
//! `PAGE_BYTES`, and only its list is looked into, entry by entry: one odd entry costs itself.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use reqwest::header::{self, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::filter::Found;
use super::{Checksum, Resource, none};
use crate::harvest::Harvester;
use crate::harvest::access::SourceAccess;
use crate::harvest::client::{check_downgrade, same_origin};
use crate::harvest::fault::{FetchError, FetchFault};
use crate::harvest::fetch::parse;

/// Largest page: a dataset of 1,275 resources inline is 1.5 MB.
const PAGE_BYTES: u64 = 32 * 1024 * 1024;

/// Most pages asked: at the smallest usual page (20) more resources than any dataset has.
const PAGES: usize = 2000;

/// The parts of a dataset, or of a page of resources, that are looked at.
#[derive(Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    next_page: Option<String>,
    total: Option<u64>,
    /// What udata says instead, when there is no such dataset.
    message: Option<String>,
}

/// API v2: the dataset names its resources by a link.
#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct Entry {
    id: Option<String>,
    url: Option<String>,
    title: Option<String>,
    format: Option<String>,
    r#type: Option<String>,
    filesize: Option<serde_json::Number>,
    last_modified: Option<String>,
    checksum: Option<Declared>,
    #[serde(default)]
    extras: Option<Extras>,
}

#[derive(Deserialize)]
struct Declared {
    r#type: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Extras {
    #[serde(rename = "analysis:checksum")]
    checksum: Option<String>,
    #[serde(rename = "analysis:content-length")]
    length: Option<serde_json::Number>,
    #[serde(rename = "analysis:last-modified-at")]
    modified: Option<String>,
}

/// What one page leads to.
#[derive(Debug)]
enum Next {
    Page(Url),
    End,
}

/// Lists a dataset, page by page.
pub(super) async fn list(harvester: &Harvester, source: &SourceAccess, now: Timestamp) -> Result<Found, FetchError> {
    let fail = |fault| harvester.error(source, None, &source.url, fault, 1);
    let first = parse(&source.url).map_err(fail)?;
    let mut walk = Walk { home: first.clone(), found: Found::default(), total: None };
    let mut asked = HashSet::new();
    let mut url = first;
    loop {
        asked.insert(url.clone());
        let page = page(harvester, source, &url, now).await;
        let next = match page {
            Ok((text, from)) => walk.take(&text, &from),
            Err(e) if walk.found.len() == 0 => return Err(e),
            Err(e) => {
                walk.found.incomplete = Some(format!("page {} of the catalogue: {e}", asked.len()));
                break;
            }
        };
        match next {
            Ok(Next::End) => break,
            Ok(Next::Page(next)) if asked.contains(&next) => {
                walk.found.incomplete = Some("the catalogue's pages go in a circle".into());
                break;
            }
            Ok(Next::Page(_)) if asked.len() >= PAGES => {
                walk.found.incomplete = Some(format!("the catalogue has more than {PAGES} pages"));
                break;
            }
            Ok(Next::Page(next)) => url = next,
            Err(fault) if walk.found.len() == 0 => return Err(fail(fault)),
            Err(fault) => {
                walk.found.incomplete = Some(fault.to_string());
                break;
            }
        }
    }
    Ok(walk.end())
}

/// One page's text, and the address that gave it after redirects.
async fn page(
    harvester: &Harvester,
    source: &SourceAccess,
    url: &Url,
    now: Timestamp,
) -> Result<(Vec<u8>, Url), FetchError> {
    let bounded = SourceAccess { max_bytes: Some(PAGE_BYTES), ..source.clone() };
    let mut tries = harvester.tries(source, None, url.as_str());
    loop {
        match page_once(harvester, &bounded, url, now).await {
            Ok(page) => return Ok(page),
            Err(fault) => tries.again(fault).await?,
        }
    }
}

async fn page_once(
    harvester: &Harvester,
    source: &SourceAccess,
    url: &Url,
    now: Timestamp,
) -> Result<(Vec<u8>, Url), FetchFault> {
    let mut open = HeaderMap::new();
    open.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let mut answer = harvester.ask(source, url.clone(), open, now).await?;
    if answer.response.status() == reqwest::StatusCode::NOT_MODIFIED {
        return Err(FetchFault::UnaskedNotModified);
    }
    let body = harvester.body(source, "", &mut answer, true, Vec::new(), |landed| Ok(landed.keep)).await?;
    Ok((body, answer.url))
}

struct Walk {
    /// The source's own address: pages must stay on its site.
    home: Url,
    found: Found,
    /// How many resources the catalogue announced, at most.
    total: Option<u64>,
}

impl Walk {
    fn take(&mut self, text: &[u8], from: &Url) -> Result<Next, FetchFault> {
        let page = read(text)?;
        self.total = self.total.max(page.total);
        let list = match (page.resources, page.data) {
            (Some(raw), _) if raw.get().starts_with('{') => {
                let link: Link = serde_json::from_str(raw.get()).map_err(|e| odd(&e))?;
                return self.follow(&link.href, from).map(Next::Page);
            }
            (Some(raw), _) | (None, Some(raw)) => raw,
            (None, None) => return Err(not_a_dataset(page.message)),
        };
        let entries: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|e| odd(&e))?;
        let before = self.found.len();
        for (index, raw) in entries.iter().enumerate() {
            self.entry(index, raw);
        }
        match page.next_page.as_deref().map(str::trim).filter(|next| !next.is_empty()) {
            None => Ok(Next::End),
            Some(_) if self.found.len() == before => {
                self.found.incomplete =
                    Some("a page of the catalogue brought nothing new, yet named a next one".into());
                Ok(Next::End)
            }
            Some(next) => self.follow(next, from).map(Next::Page),
        }
    }

    /// A link to another page of the same site.
    fn follow(&self, link: &str, from: &Url) -> Result<Url, FetchFault> {
        let bad = |why: String| FetchFault::Catalogue(format!("its next page {why}"));
        let next = from.join(link).map_err(|e| bad(format!("is no address: {e}")))?;
        if !same_origin(&self.home, &next) && !same_origin(from, &next) {
            let host = next.host_str().unwrap_or("nowhere");
            return Err(bad(format!("is on another site, {host}: it is not followed")));
        }
        check_downgrade(from, &next)?;
        Ok(next)
    }

    fn entry(&mut self, index: usize, raw: &RawValue) {
        match serde_json::from_str::<Entry>(raw.get()) {
            Err(e) => self.found.warn(format!("entry {index} of a page is no resource: {e}")),
            // A description of the data, for people.
            Ok(entry) if entry.r#type.as_deref() == Some("documentation") => {
                // It counts towards the announced total all the same.
                self.total = self.total.map(|t| t.saturating_sub(1));
            }
            Ok(entry) => match resource(entry) {
                Ok(resource) => {
                    self.found.add(resource);
                }
                Err(why) => self.found.warn(format!("entry {index} of a page {why}")),
            },
        }
    }

    fn end(mut self) -> Found {
        let got = self.found.len() as u64;
        if let Some(total) = self.total.filter(|total| got < *total) {
            self.found.incomplete.get_or_insert(format!("the catalogue announced {total} resources and listed {got}"));
        }
        self.found
    }
}

/// Reads one answer of the API, without its entries.
pub(crate) fn read(text: &[u8]) -> Result<Page<'_>, FetchFault> {
    serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)).map_err(|e| odd(&e))
}

fn odd(error: &serde_json::Error) -> FetchFault {
    FetchFault::Catalogue(format!("it is not the JSON of a data.gouv.fr dataset: {error}"))
}

fn not_a_dataset(message: Option<String>) -> FetchFault {
    let said = message.map(|m| format!(", it says: {}", m.chars().take(200).collect::<String>()));
    FetchFault::Catalogue(format!("it has neither `resources` nor `data`{}", said.unwrap_or_default()))
}

fn resource(entry: Entry) -> Result<Resource, &'static str> {
    let id = entry.id.filter(|id| !id.is_empty()).ok_or("has no id")?;
    let url = entry.url.map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()).ok_or("has no url")?;
    let (analysed, length, modified) = match entry.extras {
        Some(e) => (e.checksum, e.length, e.modified),
        None => (None, None, None),
    };
    let declared = entry.checksum.and_then(|c| Checksum::new(c.r#type.as_deref(), c.value.as_deref()?));
    let analysed = analysed.and_then(|value| Checksum::new(None, &value));
    let checksum = match (declared, analysed) {
        // One of the two is of another version: neither vouches for anything.
        (Some(a), Some(b)) if a.kind == b.kind && a.value != b.value => None,
        (a, b) => a.or(b),
    };
    let size = |n: Option<serde_json::Number>| n.and_then(|n| n.as_u64()).filter(|n| *n > 0);
    Ok(Resource {
        title: entry.title.filter(|t| !t.trim().is_empty()).unwrap_or_else(|| none::file_name(&url)),
        format: entry.format.map(|f| f.trim().to_ascii_lowercase()).filter(|f| !f.is_empty()),
        checksum,
        bytes: size(entry.filesize).or(size(length)),
        last_modified: entry.last_modified.as_deref().and_then(moment).or_else(|| modified.as_deref().and_then(moment)),
        id,
        url,
    })
}

/// A moment as udata writes it; without offset it is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })
}

#[cfg(test)]
mod tests;
