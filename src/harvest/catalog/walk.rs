//! Reading a catalogue page by page: what every kind that has pages shares.
//!
//! In: the address of the first page, and after each page what it said of the next. Out: the pages'
//! bytes, one at a time, until the end, a circle, a failure, or more pages than anybody needs. A
//! failure of the first page is an error; a later one makes the list incomplete. A next page on
//! another site is never asked for. What a page means is not known here.

use std::collections::HashSet;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use super::filter::Found;
use crate::harvest::access::SourceAccess;
use crate::harvest::archive::Sha256;
use crate::harvest::client::{check_downgrade, same_origin};
use crate::harvest::fault::{FetchError, FetchFault};
use crate::harvest::fetch::parse;
use crate::harvest::{Harvester, ShownUrl};

/// Largest page: a dataset of 1,275 resources inline is 1.5 MB.
const PAGE_BYTES: u64 = 32 * 1024 * 1024;

/// Most pages asked for: at the smallest usual page (20) more resources than any dataset has.
pub(super) const PAGES: usize = 2000;

/// Who asks, for which source, and how far.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) harvester: &'a Harvester,
    pub(super) source: &'a SourceAccess,
    pub(super) now: Timestamp,
    /// Most pages asked for.
    pub(super) most: usize,
    /// What the request accepts.
    pub(super) accept: &'static str,
    /// Whether a web page is a failure.
    pub(super) data_only: bool,
}

/// One page as it came.
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    pub(super) sha256: Sha256,
    /// The address that gave it, after redirects.
    pub(super) from: Url,
    pub(super) headers: HeaderMap,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        harvester: &'a Harvester,
        source: &'a SourceAccess,
        now: Timestamp,
        most: usize,
        accept: &'static str,
    ) -> Self {
        Self { harvester, source, now, most, accept, data_only: true }
    }

    /// A fault of the catalogue as a whole.
    pub(super) fn error(&self, fault: FetchFault) -> FetchError {
        self.harvester.error(self.source, None, &self.source.url, fault, 1)
    }

    /// The source's own address.
    pub(super) fn home(&self) -> Result<Url, FetchError> {
        parse(&self.source.url).map_err(|fault| self.error(fault))
    }

    /// Asks for one page, as often as that can help.
    pub(super) async fn page(&self, url: &Url) -> Result<Page, FetchError> {
        let limit = self.source.max_bytes.map_or(PAGE_BYTES, |own| own.min(PAGE_BYTES));
        let bounded = SourceAccess { max_bytes: Some(limit), ..self.source.clone() };
        let mut tries = self.harvester.tries(self.source, None, url.as_str());
        loop {
            match self.once(&bounded, url).await {
                Ok(page) => return Ok(page),
                Err(fault) => tries.again(fault).await?,
            }
        }
    }

    async fn once(&self, source: &SourceAccess, url: &Url) -> Result<Page, FetchFault> {
        let mut open = HeaderMap::new();
        open.insert(header::ACCEPT, HeaderValue::from_static(self.accept));
        let mut answer = self.harvester.ask(source, url.clone(), open, self.now).await?;
        if answer.response.status() == StatusCode::NOT_MODIFIED {
            return Err(FetchFault::UnaskedNotModified);
        }
        let headers = answer.response.headers().clone();
        let finish = |landed: crate::harvest::landing::Landed<Vec<u8>>| Ok((landed.keep, landed.sha256));
        let (body, sha256) = self.harvester.body(source, "", &mut answer, self.data_only, Vec::new(), finish).await?;
        Ok(Page { body, sha256, from: answer.url, headers })
    }
}

/// A walk from page to page.
pub(super) struct Walk<'a> {
    asker: Asker<'a>,
    /// The source's own address: pages must stay on its site.
    home: Url,
    asked: HashSet<Url>,
    next: Option<Url>,
    /// What had been found before the page that is being read.
    before: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn from(asker: Asker<'a>, first: Url) -> Self {
        Self { asker, home: first.clone(), asked: HashSet::new(), next: Some(first), before: 0 }
    }

    /// How many pages were asked for.
    pub(super) fn pages(&self) -> usize {
        self.asked.len()
    }

    /// The next page; `None` when the walk is over, for whichever reason.
    pub(super) async fn page(&mut self, found: &mut Found) -> Result<Option<Page>, FetchError> {
        let Some(url) = self.next.take() else { return Ok(None) };
        self.asked.insert(url.clone());
        self.before = found.len();
        match self.asker.page(&url).await {
            Ok(page) => Ok(Some(page)),
            Err(error) if found.len() == 0 && self.asked.len() == 1 => Err(error),
            Err(error) => {
                found.incomplete = Some(format!("page {} of the catalogue: {error}", self.asked.len()));
                Ok(None)
            }
        }
    }

    /// Says what the page that came last led to: a link to the next one, or none.
    pub(super) fn then(
        &mut self,
        found: &mut Found,
        from: &Url,
        next: Result<Option<String>, FetchFault>,
    ) -> Result<(), FetchError> {
        let next = next.and_then(|link| link.map(|link| self.follow(&link, from)).transpose());
        match next {
            Ok(None) => {}
            Ok(Some(_)) if found.len() == self.before && self.asked.len() > 1 => {
                found.incomplete = Some("a page of the catalogue brought nothing new, yet named a next one".into());
            }
            Ok(Some(next)) if self.asked.contains(&next) => {
                found.incomplete = Some("the catalogue's pages go in a circle".into());
            }
            Ok(Some(_)) if self.asked.len() >= self.asker.most => {
                found.incomplete = Some(format!("the catalogue has more than {} pages", self.asker.most));
            }
            Ok(Some(next)) => self.next = Some(next),
            Err(fault) if found.len() == 0 => return Err(self.asker.error(fault)),
            Err(fault) => found.incomplete = Some(fault.to_string()),
        }
        Ok(())
    }

    /// A link to another page of the same site.
    fn follow(&self, link: &str, from: &Url) -> Result<Url, FetchFault> {
        let bad = |why: String| FetchFault::Catalogue(format!("its next page {why}"));
        let mut next = from.join(link.trim()).map_err(|e| bad(format!("is no address: {e}")))?;
        next.set_fragment(None);
        if !same_origin(&self.home, &next) && !same_origin(from, &next) {
            let shown = ShownUrl::of(&next);
            let host = next.host_str().unwrap_or(shown.as_str());
            return Err(bad(format!("is on another site, {host}: it is not followed")));
        }
        check_downgrade(from, &next)?;
        Ok(next)
    }
}

/// A checked count: fewer than announced makes the list incomplete.
pub(super) fn expect(found: &mut Found, announced: Option<u64>, got: u64, what: &str) {
    if let Some(announced) = announced.filter(|announced| got < *announced) {
        found.incomplete.get_or_insert(format!("the catalogue announced {announced} {what} and listed {got}"));
    }
}

/// An id of at most 200 bytes made of any text: long ones are replaced by their hash.
pub(super) fn short_id(text: &str) -> String {
    const MOST: usize = 200;
    let plain = !text.is_empty() && text.len() <= MOST && !text.chars().any(char::is_control);
    match plain {
        true => text.to_owned(),
        false => format!("x-{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes())),
    }
}
