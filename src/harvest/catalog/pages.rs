//! An API that gives its records in pages of JSON.
//!
//! In: the address of the first page. Out: one resource a page, `page-0001` and on, each with its
//! content: finding the next page means reading this one, and asking twice would cost twice and
//! could give two different states. The next page is named by `next`, `next_page`, `links.next` or the header
//! `Link: rel=next`, as an address (absolute or not), as `{"href": …}` or as a number for the
//! parameter `page`. A page goes on as it came, also one that cannot be read to its end.
//! Memory: one page.

use std::collections::HashSet;

use reqwest::header::{self, HeaderMap};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;
use xxhash_rust::xxh3::xxh3_128;

use super::Resource;
use super::filter::Found;
use super::held::{Said, Shelf};
use super::walk::{Asker, Page, Walk, expect};
use crate::harvest::fault::{FetchError, FetchFault};
use crate::harvest::fetch::http_date;
use crate::harvest::shown::ShownUrl;

/// Keys at the top of a page that are looked at before we give up on it.
const KEYS: usize = 10_000;

/// Keys that announce how many records there are in all.
const TOTALS: [&str; 8] =
    ["total", "total_count", "totalCount", "totalItems", "total_results", "nhits", "numFound", "count"];

/// What a page says of itself.
#[derive(Default)]
struct Read {
    next: Option<Value>,
    total: Option<u64>,
    /// Records in it, and the hash of their text; `None` when no list of records was found.
    records: Option<(u64, u128)>,
}

#[derive(Default)]
struct Pages {
    found: Found,
    total: Option<u64>,
    records: u64,
    /// A page whose records could not be counted: nothing is expected of the total then.
    uncounted: bool,
    seen: HashSet<u128>,
}

/// The pages, to the last one.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let mut walk = Walk::from(asker, asker.home()?);
    let shelf = Shelf::new();
    let mut pages = Pages::default();
    while let Some(page) = walk.page(&mut pages.found).await? {
        let from = page.from.clone();
        let next = pages.take(page, walk.pages(), &shelf);
        walk.then(&mut pages.found, &from, next)?;
    }
    let Pages { mut found, total, records, uncounted, .. } = pages;
    if !uncounted {
        expect(&mut found, total, records, "records");
    }
    Ok(found)
}

impl Pages {
    fn take(&mut self, page: Page, number: usize, shelf: &Shelf) -> Result<Option<String>, FetchFault> {
        let link = next_link(&page.headers);
        let read = match read(&page.body) {
            Ok(read) => read,
            Err(why) => {
                self.keep(&page, number, shelf)?;
                self.uncounted = true;
                if link.is_none() {
                    self.found.incomplete = Some(format!(
                        "page {number} cannot be read to its end ({why}): whether one follows is not known"
                    ));
                }
                return Ok(link);
            }
        };
        self.total = self.total.max(read.total);
        let next = match read.next {
            None | Some(Value::Null) => link,
            Some(next) => address(&next, &page.from)?.or(link),
        };
        match read.records {
            // The page after the last one, as some servers have it.
            Some((0, _)) if number > 1 => return Ok(next),
            Some((n, text)) => {
                if n > 0 && !self.seen.insert(text) {
                    self.found.incomplete = Some(format!("page {number} repeats the records of a page before it"));
                    return Ok(None);
                }
                self.records += n;
            }
            None => self.uncounted = true,
        }
        self.keep(&page, number, shelf)?;
        Ok(next)
    }

    fn keep(&mut self, page: &Page, number: usize, shelf: &Shelf) -> Result<(), FetchFault> {
        let text = |name| page.headers.get(name).and_then(|v| v.to_str().ok());
        let said = Said {
            sha256: page.sha256,
            last_modified: text(header::LAST_MODIFIED).and_then(http_date),
            content_type: text(header::CONTENT_TYPE).map(str::to_owned),
            final_url: ShownUrl::of(&page.from),
        };
        let held = shelf.keep(&page.body, said).map_err(|e| FetchFault::disk("cannot write a temporary file", e))?;
        let mut resource = Resource::new(&format!("page-{number:04}"), page.from.as_str(), &format!("page {number}"));
        resource.format = Some("json".to_owned());
        resource.bytes = Some(held.bytes);
        resource.held = Some(held);
        self.found.add(resource);
        Ok(())
    }
}

/// The address of the next page, as the page writes it. Nothing for an empty one or `false`.
fn address(next: &Value, from: &Url) -> Result<Option<String>, FetchFault> {
    match next {
        Value::String(link) => Ok(Some(link.trim().to_owned()).filter(|l| !l.is_empty())),
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Object(link) => link.get("href").map_or(Ok(None), |href| address(href, from)),
        Value::Number(n) if n.is_u64() => {
            let mut url = from.clone();
            let others: Vec<(String, String)> = from
                .query_pairs()
                .filter(|(k, _)| k != "page")
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect();
            url.query_pairs_mut().clear().extend_pairs(others).append_pair("page", &n.to_string());
            Ok(Some(url.into()))
        }
        _ => Err(FetchFault::Catalogue("its next page is no address".into())),
    }
}

/// `Link: <…>; rel="next"` (RFC 8288).
pub(in crate::harvest) fn next_link(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::LINK).iter().filter_map(|v| v.to_str().ok()).find_map(|line| {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, after) = after.split_once('>')?;
            let (parameters, next) = after.split_at(after.find('<').unwrap_or(after.len()));
            if parameters.split([';', ',']).any(is_next) {
                return Some(target.to_owned());
            }
            rest = next;
        }
        None
    })
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case("next"))
}

/// Looks at the top of a page.
fn read(body: &[u8]) -> Result<Read, String> {
    // Latin-1 inside a text is the decoder's matter: what is looked for here is ASCII.
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut found = Read::default();
    if text.starts_with('[') {
        found.records = list_of(text)?;
        return Ok(found);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Top(&mut found)).map_err(|e| e.to_string())?;
    json.end().map_err(|e| e.to_string())?;
    Ok(found)
}

/// How many records a list holds, and the hash of its text; `None` when it is no list of objects.
fn list_of(text: &str) -> Result<Option<(u64, u128)>, String> {
    let entries: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let objects = entries.iter().all(|e| e.get().starts_with('{'));
    Ok(objects.then(|| (entries.len() as u64, xxh3_128(text.as_bytes()))))
}

struct Top<'r>(&'r mut Read);

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object or an array")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(read) = self;
        let mut keys = 0;
        while let Some(key) = map.next_key::<String>()? {
            let raw: &RawValue = map.next_value()?;
            keys += 1;
            if keys > KEYS {
                return Err(serde::de::Error::custom("too many keys"));
            }
            read.entry(&key, raw.get());
        }
        Ok(())
    }
}

impl Read {
    fn entry(&mut self, key: &str, raw: &str) {
        let value = || serde_json::from_str::<Value>(raw).ok();
        match key {
            "next" => self.next = value().filter(|v| !v.is_null()).or(self.next.take()),
            "next_page" => self.next = self.next.take().or_else(value),
            "links" => self.next = self.next.take().or_else(|| value().and_then(|links| of_links(&links))),
            _ if TOTALS.contains(&key) => {
                let total = value().and_then(|v| v.as_u64().or_else(|| v.as_str()?.trim().parse().ok()));
                self.total = self.total.max(total);
            }
            _ if self.records.is_some_and(|(n, _)| n > 0) => {}
            _ => self.records = records(raw, 0).or(self.records.take()),
        }
    }
}

/// `{"next": …}`, or `[{"rel": "next", "href": …}]`.
fn of_links(links: &Value) -> Option<Value> {
    match links {
        Value::Object(links) => links.get("next").filter(|next| !next.is_null()).cloned(),
        Value::Array(links) => links.iter().find(|l| l.get("rel").and_then(Value::as_str) == Some("next")).cloned(),
        _ => None,
    }
}

/// The list of records in a value: itself, or the first such list one level below.
fn records(raw: &str, depth: u32) -> Option<(u64, u128)> {
    match raw.as_bytes().first() {
        Some(b'[') => list_of(raw).ok().flatten(),
        Some(b'{') if depth == 0 => {
            let inner: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(raw).ok()?;
            let lists = inner.values().filter_map(|v| records(v.get(), 1));
            // A document of both kinds: all its lists count.
            lists.reduce(|(n, text), (m, more)| (n + m, text ^ more.rotate_left(1)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(links: &[&str]) -> HeaderMap {
        links.iter().map(|l| (header::LINK, l.parse().unwrap())).collect()
    }

    #[test]
    fn the_next_page_is_found_in_every_place_that_an_api_names_it() {
        let from: Url = "https://a.fr/x?size=2&page=1".parse().unwrap();
        let next = |text: &str| read(text.as_bytes()).unwrap().next.map(|n| address(&n, &from).unwrap());
        let two = Some(Some("/x?page=2".to_owned()));
        assert_eq!(next(r#"{"next": "/x?page=2", "results": []}"#), two);
        assert_eq!(next(r#"{"next": null, "next_page": " /x?page=2 "}"#), two);
        assert_eq!(next(r#"{"links": {"self": "/x", "next": "/x?page=2"}}"#), two);
        assert_eq!(next(r#"{"links": {"next": {"href": "/x?page=2"}}}"#), two);
        assert_eq!(next(r#"{"links": [{"rel": "prev"}, {"rel": "next", "href": "/x?page=2"}]}"#), two);
        assert_eq!(next(r#"{"next_page": 2}"#), Some(Some("https://a.fr/x?size=2&page=2".into())));
        assert_eq!(next(r#"{"next": null, "links": {"next": null}}"#), None);
        assert_eq!(next(r#"{"next": ""}"#), Some(None));
        assert!(address(&serde_json::json!([1]), &from).is_err());
    }

    #[test]
    fn a_link_header_is_read_by_its_relation() {
        let of = |links: &[&str]| next_link(&headers(links));
        assert_eq!(of(&[r#"<https://a.fr/?p=2>; rel="next""#]).unwrap(), "https://a.fr/?p=2");
        assert_eq!(of(&[r#"</p1>; rel="first", </p,2>; title="a"; rel="last next""#]).unwrap(), "/p,2");
        assert_eq!(of(&["</p9>; rel=last", "</p2>; REL=Next"]).unwrap(), "/p2");
        assert_eq!(of(&["</p2>; rel=prev", "nonsense", "<broken"]), None);
    }

    #[test]
    fn records_are_counted_wherever_their_list_stands() {
        let count = |text: &str| read(text.as_bytes()).unwrap().records.map(|(n, _)| n);
        assert_eq!(count(r#"[{"id": 1}, {"id": 2}]"#), Some(2));
        assert_eq!(count(r#"{"count": 7, "tags": ["a"], "results": [{"id": 1}]}"#), Some(1));
        assert_eq!(count(r#"{"marches": {"marche": [{}, {}], "contrat-concession": [{}]}}"#), Some(3));
        assert_eq!(count(r#"{"results": []}"#), Some(0));
        assert_eq!(count(r#"{"message": "no"}"#), None);
        assert_eq!(read(br#"{"total": "12", "x": 1}"#).unwrap().total, Some(12));
        assert!(read(b"{\"results\": [{").is_err());
    }
}
