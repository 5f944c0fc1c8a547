//! A DCAT catalogue: RDF/XML, Turtle or JSON-LD, on one page or several (Hydra).
//!
//! In: the catalogue's address. Out: the distributions that its datasets name, each by its
//! `dcat:downloadURL`, else its `dcat:accessURL`, with format, length, checksum and date where the
//! catalogue gives them. Pages are followed by `hydra:next` or `hydra:nextPage`. A document that
//! breaks off gives what stands before the break, and an incomplete list. Memory: one page and the
//! few statements of it that are looked at.

mod graph;
mod rdfxml;
mod syntax;

use url::Url;

use self::graph::{Graph, Node, Object, Predicate};
use super::datagouv::moment;
use super::filter::Found;
use super::walk::{Asker, Walk, expect, short_id};
use super::{Checksum, Resource, none};
use crate::harvest::fault::{FetchError, FetchFault};

/// What a catalogue is asked for.
pub(super) const ACCEPT: &str = "application/rdf+xml, text/turtle, application/ld+json;q=0.9, */*;q=0.1";

/// What the pages announced and named.
#[derive(Default)]
struct Catalogue {
    found: Found,
    total: Option<u64>,
    datasets: u64,
}

/// The distributions of a catalogue.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let mut walk = Walk::from(asker, asker.home()?);
    let mut catalogue = Catalogue::default();
    while let Some(page) = walk.page(&mut catalogue.found).await? {
        let from = page.from.clone();
        let base = from.clone();
        // A page is megabytes of text: not on the thread that keeps the network going.
        let read = tokio::task::spawn_blocking(move || syntax::read(&page.body, &base)).await;
        let next = match read {
            Ok(Ok(document)) => Ok(catalogue.take(&document.graph, document.broken, &from)),
            Ok(Err(why)) => Err(FetchFault::Catalogue(why)),
            Err(_) => Err(FetchFault::Cancelled),
        };
        walk.then(&mut catalogue.found, &from, next)?;
    }
    let Catalogue { mut found, total, datasets, .. } = catalogue;
    let (got, what) = if datasets > 0 { (datasets, "datasets") } else { (found.len() as u64, "resources") };
    expect(&mut found, total, got, what);
    Ok(found)
}

impl Catalogue {
    /// Takes the distributions of one page; the address of the next one.
    fn take(&mut self, graph: &Graph, broken: Option<String>, from: &Url) -> Option<String> {
        for node in graph.distributions() {
            self.distribution(graph, node, from);
        }
        self.datasets += graph.datasets();
        self.total = self.total.max(graph.any(Predicate::TotalItems).and_then(|n| n.text().trim().parse().ok()));
        if self.found.title.is_none() {
            let (title, licence) = graph.described();
            (self.found.title, self.found.licence) = (title, licence);
        }
        if let Some(why) = broken {
            self.found.incomplete = Some(format!("the catalogue's document is broken: {why}"));
        }
        graph.any(Predicate::Next).map(|next| next.text().to_owned())
    }

    fn distribution(&mut self, graph: &Graph, node: &Node, from: &Url) {
        let mut urls: Vec<&str> = graph.all(node, Predicate::DownloadUrl).map(Object::text).collect();
        if urls.is_empty() {
            urls = graph.all(node, Predicate::AccessUrl).map(Object::text).collect();
        }
        urls.sort_unstable();
        urls.dedup();
        if urls.is_empty() {
            self.found.warn(format!("distribution {} has neither downloadURL nor accessURL", node.shown()));
        }
        let several = urls.len() > 1;
        for url in urls {
            let Ok(url) = from.join(url.trim()) else {
                self.found.warn(format!("distribution {} has an address that is none", node.shown()));
                continue;
            };
            let id = match node {
                Node::Iri(iri) if !several => iri.as_str(),
                _ => url.as_str(),
            };
            let one = |p| graph.first(node, p).map(|o| o.text().trim().to_owned()).filter(|t| !t.is_empty());
            let title = one(Predicate::Title).unwrap_or_else(|| none::file_name(url.as_str()));
            let mut resource = Resource::new(&short_id(id), url.as_str(), &title);
            resource.format = format(graph, node);
            resource.last_modified = one(Predicate::Modified).or_else(|| one(Predicate::Issued)).and_then(|t| when(&t));
            if !several {
                // A length and a checksum can only be those of one file.
                resource.bytes = one(Predicate::ByteSize).and_then(|n| bytes(&n));
                resource.checksum = checksum(graph, node);
            }
            self.found.add(resource);
        }
    }
}

/// A moment, or a day alone.
fn when(text: &str) -> Option<jiff::Timestamp> {
    moment(text).or_else(|| {
        let day: jiff::civil::Date = text.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    })
}

/// A number of bytes, also as the decimal that DCAT 1 asked for.
fn bytes(text: &str) -> Option<u64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok().filter(|n| *n > 0)
}

/// `dct:format`, else `dcat:mediaType`: a text, the end of an address, or the label of a node.
fn format(graph: &Graph, node: &Node) -> Option<String> {
    let object = graph.first(node, Predicate::Format).or_else(|| graph.first(node, Predicate::MediaType))?;
    let named = match object {
        Object::Node(other) => graph.first(other, Predicate::Label).map(Object::text),
        Object::Text(_) => None,
    };
    let word = named.unwrap_or_else(|| last_part(object.text())).trim().to_ascii_lowercase();
    Some(word).filter(|w| !w.is_empty() && w.len() <= 80 && !w.starts_with("_:"))
}

/// `spdx:checksum`: the algorithm is `spdx:checksumAlgorithm_sha1` or a text.
fn checksum(graph: &Graph, node: &Node) -> Option<Checksum> {
    let Object::Node(checksum) = graph.first(node, Predicate::Checksum)? else { return None };
    let value = graph.first(checksum, Predicate::ChecksumValue)?.text();
    let kind = graph.first(checksum, Predicate::Algorithm).map(|o| last_part(o.text()).to_ascii_lowercase());
    let kind = kind.map(|k| k.trim_start_matches("checksumalgorithm_").to_owned());
    Checksum::new(kind.as_deref(), value)
}

fn last_part(iri: &str) -> &str {
    iri.rsplit(['/', '#']).next().unwrap_or(iri)
}

#[cfg(test)]
mod tests;
