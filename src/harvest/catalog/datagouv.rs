//! A dataset of data.gouv.fr (or another udata site).
//!
//! API v1 lists the resources inside the dataset; v2 gives there a link to pages of them, each with
//! a `next_page`. Either address, or the pages' own, is read. A page comes whole into memory, and only
//! its list is looked into, entry by entry: one odd entry costs itself.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::filter::Found;
use super::walk::{Asker, Walk, expect};
use super::{Checksum, Resource, json, none};
use crate::harvest::fault::{FetchError, FetchFault};

/// The parts of a dataset, or of a page of resources, that are looked at.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "json::text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    license: Option<String>,
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

/// Lists a dataset, page by page.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let mut walk = Walk::from(asker, asker.home()?);
    let mut dataset = Dataset::default();
    while let Some(page) = walk.page(&mut dataset.found).await? {
        let next = dataset.take(&page.body);
        walk.then(&mut dataset.found, &page.from, next)?;
    }
    Ok(dataset.end())
}

#[derive(Default)]
struct Dataset {
    found: Found,
    /// How many resources the catalogue announced, at most.
    total: Option<u64>,
}

impl Dataset {
    /// Takes the resources of a page; the link to the next one, if it names any.
    fn take(&mut self, text: &[u8]) -> Result<Option<String>, FetchFault> {
        let page = read(text)?;
        self.found.title = page.title.or(self.found.title.take());
        self.found.licence = page.license.or(self.found.licence.take());
        self.total = self.total.max(page.total);
        let list = match (page.resources, page.data) {
            (Some(raw), _) if raw.get().starts_with('{') => {
                let link: Link = serde_json::from_str(raw.get()).map_err(|e| odd(&e))?;
                return Ok(Some(link.href));
            }
            (Some(raw), _) | (None, Some(raw)) => raw,
            (None, None) => return Err(not_a_dataset(page.message)),
        };
        let entries: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|e| odd(&e))?;
        for (index, raw) in entries.iter().enumerate() {
            self.entry(index, raw);
        }
        Ok(page.next_page.filter(|next| !next.trim().is_empty()))
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
        expect(&mut self.found, self.total, got, "resources");
        self.found
    }
}

/// Reads one answer of the API, without its entries.
fn read(text: &[u8]) -> Result<Page<'_>, FetchFault> {
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
        held: None,
        id,
        url,
    })
}

/// A moment as udata writes it; without offset it is UTC.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })
}

#[cfg(test)]
mod tests;
