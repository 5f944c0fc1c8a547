//! Catalogues: from a source's address to the files it offers. One file per kind.
//!
//! In: a source's access. Out: its resources, sorted by id, and whether the list is whole. Memory:
//! one page of the catalogue and the list. What the files contain is not known here.

mod ckan;
mod datagouv;
mod dcat;
mod filter;
mod held;
mod index;
mod json;
mod none;
mod ods;
mod pages;
mod walk;

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Harvester;
use super::access::SourceAccess;
use super::fault::FetchError;

pub use held::Held;
pub use none::MAIN;
pub use ods::{Export, Ods};

pub(super) use pages::next_link;
use walk::{Asker, PAGES};

/// How a source's address leads to its files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Catalog {
    /// The address is the file.
    #[default]
    None,
    /// A dataset of data.gouv.fr or another udata site: API v1 (inline) or v2 (paged).
    Datagouv,
    /// A dataset of an Opendatasoft portal, taken from its `exports`.
    Ods,
    /// A `package_show` address of a CKAN portal.
    Ckan,
    /// A DCAT catalogue in RDF/XML, Turtle or JSON-LD.
    Dcat,
    /// An HTML directory listing, with its subfolders.
    Index,
    /// Pages of JSON that hold the records themselves.
    Pages,
}

impl Catalog {
    /// The word in sources.toml.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Datagouv => "datagouv",
            Self::Ods => "ods",
            Self::Ckan => "ckan",
            Self::Dcat => "dcat",
            Self::Index => "index",
            Self::Pages => "pages",
        }
    }
}

/// One file that a source offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Stable within the source. [`MAIN`] where there is no catalogue.
    pub id: String,
    /// Where to fetch it, as the catalogue says; may hold anything.
    pub url: String,
    /// Its name in the catalogue, else the last part of its address.
    pub title: String,
    /// Format as declared, lower case: a hint, nothing more.
    pub format: Option<String>,
    /// Checksum of its content as declared: equal to the one seen with the last payload, the file
    /// need not be asked for.
    pub checksum: Option<Checksum>,
    /// Length in bytes as declared.
    pub bytes: Option<u64>,
    /// When the catalogue says it changed.
    pub last_modified: Option<Timestamp>,
    /// Its content, where reading the catalogue meant reading it: it is not asked for again.
    pub held: Option<Held>,
}

impl Resource {
    /// A resource of which nothing more is known.
    pub fn new(id: &str, url: &str, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            url: url.to_owned(),
            title: title.to_owned(),
            format: None,
            checksum: None,
            bytes: None,
            last_modified: None,
            held: None,
        }
    }

    /// Whether the catalogue vouches that the content is the one it had when `before` was declared.
    pub fn same_as(&self, before: &Checksum) -> bool {
        self.checksum.as_ref() == Some(before)
    }
}

/// A checksum that a catalogue declares. Prints and parses as `sha1:2455…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// `md5`, `sha1`, `sha256` or `sha512`.
    pub kind: String,
    /// Lower-case hexadecimal digits.
    pub value: String,
}

impl Checksum {
    /// A checksum, if `value` has the length of one; `kind` only has to agree with it.
    pub fn new(kind: Option<&str>, value: &str) -> Option<Self> {
        let value = value.trim().to_ascii_lowercase();
        let of_length = match value.len() {
            32 => "md5",
            40 => "sha1",
            64 => "sha256",
            128 => "sha512",
            _ => return None,
        };
        let kind = kind.map(|k| k.to_ascii_lowercase().replace(['-', '_'], ""));
        let agrees = kind.is_none_or(|k| k.is_empty() || k == of_length);
        (agrees && value.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self { kind: of_length.into(), value })
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

impl FromStr for Checksum {
    type Err = BadChecksum;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, value) = text.split_once(':').ok_or(BadChecksum)?;
        Self::new(Some(kind), value).ok_or(BadChecksum)
    }
}

/// Text that is no `kind:digits`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a checksum: `sha1:` and 40 hexadecimal digits, or another known kind, is expected")]
pub struct BadChecksum;

/// What a catalogue lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files that `include` and `exclude` let through, sorted by id.
    pub resources: Vec<Resource>,
    /// How many the catalogue listed before that.
    pub listed: usize,
    /// Why the list may lack some: then the source is degraded and nothing is withdrawn because
    /// its resource is not listed.
    pub incomplete: Option<String>,
    /// Entries of the catalogue that are no usable resource, and why.
    pub warnings: Vec<String>,
    /// What the catalogue calls itself, if it does.
    pub title: Option<String>,
    /// The licence that it declares, as it writes it; nobody has checked it.
    pub licence: Option<String>,
}

impl Harvester {
    /// Lists what `source` offers.
    ///
    /// # Errors
    /// When the catalogue gives nothing usable. A failure after the first page gives an incomplete list.
    pub async fn list(&self, source: &SourceAccess, now: Timestamp) -> Result<Listing, FetchError> {
        self.list_some(source, now, PAGES).await
    }

    /// As [`Harvester::list`], from at most so many pages of the catalogue.
    pub(super) async fn list_some(
        &self,
        source: &SourceAccess,
        now: Timestamp,
        pages: usize,
    ) -> Result<Listing, FetchError> {
        let asker = |accept| Asker::new(self, source, now, pages, accept);
        let found = match source.catalog {
            Catalog::None => return Ok(none::list(source)),
            Catalog::Datagouv => datagouv::list(asker("application/json")).await?,
            Catalog::Ods => ods::list(asker("application/json")).await?,
            Catalog::Ckan => ckan::list(asker("application/json")).await?,
            Catalog::Dcat => dcat::list(asker(dcat::ACCEPT)).await?,
            Catalog::Index => index::list(asker("text/html, */*;q=0.1")).await?,
            Catalog::Pages => pages::list(asker("application/json")).await?,
        };
        filter::finish(self, source, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_believed_when_its_form_fits_its_kind() {
        let sha1 = "24551462ECBB24B6151A5386B3CD63EEDB02E902";
        let one = Checksum::new(Some("SHA-1"), sha1).unwrap();
        assert_eq!(one, Checksum::new(None, sha1).unwrap());
        assert_eq!(one.to_string().parse::<Checksum>().unwrap(), one);
        for (kind, value) in [("sha256", sha1), ("sha1", "abc"), ("sha1", &"z".repeat(40)), ("crc32", sha1)] {
            assert_eq!(Checksum::new(Some(kind), value), None, "{kind} {value}");
        }
    }
}
