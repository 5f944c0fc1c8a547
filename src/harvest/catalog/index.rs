//! A directory listing that a web server makes (Apache, nginx, lighttpd, IIS, Python and their like).
//!
//! In: the address of a folder. Out: its files and those of its subfolders, each named by its path
//! below the folder, with the size and the time that the listing shows. Only links that stay in the
//! folder or below are followed, however they are written: `..`, `%2e%2e`, a full address. A
//! subfolder that `exclude` matches is not asked for. Memory: one listing and the names found.

use std::collections::{BTreeSet, VecDeque};

use html5gum::{Token, Tokenizer};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use url::Url;

use super::Resource;
use super::filter::{Found, set};
use super::walk::{Asker, short_id};
use crate::harvest::client::same_origin;
use crate::harvest::fault::{FetchError, FetchFault};
use crate::harvest::shown::ShownUrl;

/// Deepest subfolder, counted from the source's address: year, month, day and two to spare.
const DEPTH: usize = 5;

/// Links taken from one listing.
const LINKS: usize = 100_000;

/// Text looked at after a link for its time and size, in bytes.
const BESIDE: usize = 400;

/// One link, with the text that stands beside it up to the next.
#[derive(Debug, Default, PartialEq, Eq)]
struct Link {
    href: String,
    beside: String,
}

/// The files of a folder and below.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let asker = Asker { data_only: false, ..asker };
    let exclude = set(&asker.source.exclude).map_err(|fault| asker.error(fault))?;
    let given = asker.home()?;
    let first = asker.page(&given).await?;
    let mut tree = Tree::at(root(&given, &first.from).map_err(|fault| asker.error(fault))?);
    tree.take(&first.body, &first.from).map_err(|fault| asker.error(fault))?;
    let mut asked = 1;
    while let Some(folder) = tree.folders.pop_front() {
        if exclude.is_match(ShownUrl::of(&folder).as_str()) {
            continue;
        }
        if asked >= asker.most {
            tree.found.incomplete = Some(format!("there are more than {} folders", asker.most));
            break;
        }
        asked += 1;
        let page = asker.page(&folder).await;
        let taken = match &page {
            Ok(page) => tree.take(&page.body, &page.from).map_err(|fault| fault.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = taken {
            tree.found.incomplete.get_or_insert(format!("folder {}: {why}", ShownUrl::of(&folder)));
        }
    }
    Ok(tree.found)
}

/// The folder that an answer lists: where redirects led, if that is still the same site.
fn root(given: &Url, from: &Url) -> Result<Url, FetchFault> {
    if !same_origin(given, from) {
        let host = from.host_str().unwrap_or("nowhere");
        return Err(FetchFault::Catalogue(format!("the listing is on another site, {host}: give that address")));
    }
    let mut root = from.join("./").map_err(|e| FetchFault::Catalogue(format!("no folder: {e}")))?;
    root.set_query(None);
    root.set_fragment(None);
    Ok(root)
}

struct Tree {
    root: Url,
    found: Found,
    folders: VecDeque<Url>,
    /// Addresses of files and folders met: a listing names each twice, by its icon and its name.
    met: BTreeSet<String>,
}

impl Tree {
    fn at(root: Url) -> Self {
        let met = BTreeSet::from([root.to_string()]);
        Self { root, found: Found::default(), folders: VecDeque::new(), met }
    }

    /// Takes the files and folders that a listing names.
    fn take(&mut self, html: &[u8], from: &Url) -> Result<(), FetchFault> {
        let links = links(html);
        if links.is_empty() {
            return Err(FetchFault::Catalogue("it is no directory listing: it holds no link".into()));
        }
        if links.len() >= LINKS {
            self.found.incomplete = Some(format!("a folder holds {LINKS} links or more"));
        }
        for link in links {
            self.link(&link, from);
        }
        Ok(())
    }

    fn link(&mut self, link: &Link, from: &Url) {
        let Ok(mut url) = from.join(link.href.trim()) else { return };
        url.set_fragment(None);
        let Some(below) = self.below(&url) else { return };
        let folder = url.path().ends_with('/');
        // The folder itself in another order (`?C=M;O=D`).
        if below.is_empty() || below.starts_with('?') || (folder && url.query().is_some()) {
            return;
        }
        if !self.met.insert(url.to_string()) {
            return;
        }
        if folder {
            if below.matches('/').count() <= DEPTH {
                self.folders.push_back(url);
            } else {
                let why = format!("folders more than {DEPTH} deep are not followed");
                self.found.incomplete.get_or_insert(why);
            }
            return;
        }
        let name = below.rsplit('/').next().unwrap_or(&below);
        let (modified, bytes) = beside(&link.beside);
        let mut resource = Resource::new(&short_id(&below), url.as_str(), name);
        resource.format = extension(url.path());
        resource.bytes = bytes;
        resource.last_modified = modified;
        self.found.add(resource);
    }

    /// The path of an address below the root, when it is below and on the same site.
    fn below(&self, url: &Url) -> Option<String> {
        let same = url.scheme() == self.root.scheme()
            && url.host() == self.root.host()
            && url.port_or_known_default() == self.root.port_or_known_default()
            && url.username().is_empty();
        let path = url.path().strip_prefix(self.root.path()).filter(|_| same)?;
        // A server may undo this and climb.
        let lower = path.to_ascii_lowercase();
        if ["%2e%2e", "..", "%2f", "%5c"].iter().any(|climbs| lower.contains(climbs)) {
            return None;
        }
        Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }
}

fn extension(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let (_, extension) = name.rsplit_once('.')?;
    let plain = (1..=8).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| extension.to_ascii_lowercase())
}

/// The links of a page, in its order.
fn links(html: &[u8]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let (mut open, mut in_name) = (false, false);
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) if tag.name.as_slice() == b"a" => {
                let href = tag.attributes.get(b"href".as_slice());
                open = href.is_some();
                in_name = true;
                if let Some(href) = href.filter(|_| links.len() < LINKS) {
                    let href = String::from_utf8_lossy(href).into_owned();
                    links.push(Link { href, beside: String::new() });
                }
            }
            Token::StartTag(tag) if tag.name.as_slice() == b"tr" => open = false,
            Token::StartTag(_) if open && !in_name => append(&mut links, b" "),
            Token::EndTag(tag) if tag.name.as_slice() == b"a" => in_name = false,
            Token::String(text) if open && !in_name => append(&mut links, &text),
            _ => {}
        }
    }
    links
}

fn append(links: &mut [Link], text: &[u8]) {
    if let Some(link) = links.last_mut().filter(|l| l.beside.len() < BESIDE) {
        link.beside.extend(String::from_utf8_lossy(text).chars().take(BESIDE));
    }
}

/// The time and the size that stand beside a link. Servers write their own time without its zone: it
/// is taken as UTC, which can be some hours off.
fn beside(text: &str) -> (Option<Timestamp>, Option<u64>) {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some((at, date)) = words.iter().enumerate().find_map(|(i, word)| Some((i, day(word)?))) else {
        return (None, None);
    };
    let clock = words.get(at + 1).and_then(|word| time(word));
    let moment = DateTime::from_parts(date, clock.unwrap_or_default());
    let size = words.get(at + 1 + usize::from(clock.is_some())).and_then(|word| size(word));
    (TimeZone::UTC.to_timestamp(moment).ok(), size)
}

/// `2024-05-17`, `17-May-2024`, `2024-May-17`.
fn day(word: &str) -> Option<Date> {
    if let Ok(date) = word.parse::<Date>() {
        return Some(date);
    }
    let mut parts = word.split('-');
    let (a, month, b) = (parts.next()?, parts.next()?, parts.next()?);
    let month = month_of(month)?;
    let (year, day) = if a.len() == 4 { (a, b) } else { (b, a) };
    Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()
}

fn month_of(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|m| name.eq_ignore_ascii_case(m))?;
    i8::try_from(at + 1).ok()
}

/// `03:04` or `03:04:05`.
fn time(word: &str) -> Option<jiff::civil::Time> {
    let mut parts = word.split(':').map(|p| p.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next());
    jiff::civil::Time::new(hour, minute, second.unwrap_or(Some(0))?, 0).ok()
}

/// `1234`, `1.2K`, `3M`: what is rounded is only about right, and only shown.
fn size(word: &str) -> Option<u64> {
    let unit = word.chars().last().filter(char::is_ascii_alphabetic);
    let factor = match unit.map(|c| c.to_ascii_uppercase()) {
        None => return word.parse().ok(),
        Some('B') => 1.0,
        Some('K') => 1024.0,
        Some('M') => 1024.0 * 1024.0,
        Some('G') => 1024.0 * 1024.0 * 1024.0,
        Some(_) => return None,
    };
    let number: f64 = word.get(..word.len() - 1)?.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number * factor) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_folder_or_below_are_taken() {
        let root: Url = "https://a.fr/data/".parse().unwrap();
        let mut tree = Tree::at(root.clone());
        let html = r#"<a href="../">up</a><a href="/">top</a><a href="?C=M;O=D">sort</a><a href="/data/?C=N">sort</a>
            <a href='x.xml'>x</a> <a href="x.xml"><img></a><A HREF=sub/>sub</A> <a href="/data/sub/y.json#z">y</a>
            <a href="https://b.fr/data/evil.xml">e</a> <a href="http://a.fr/data/plain.xml">p</a>
            <a href="//b.fr/data/evil.xml">e</a> <a href="%2e%2e/up.xml">u</a> <a href="..%2fup.xml">u</a>
            <a href="sub/..%5cup.xml">u</a> <a href="..\up.xml">u</a> <a href="https://a.fr:8443/data/p.xml">p</a>
            <a href="javascript:alert(1)">j</a> <a href="mailto:x@a.fr">m</a> <a name="here">n</a>
            <a href="a&amp;b.xml?x=1">q</a> <a href="/database/n.xml">n</a>"#;
        tree.take(html.as_bytes(), &root).unwrap();
        assert_eq!(super::super::filter::ids(&tree.found), ["a&b.xml?x=1", "sub/y.json", "x.xml"]);
        assert_eq!(tree.folders.iter().map(Url::as_str).collect::<Vec<_>>(), ["https://a.fr/data/sub/"]);
    }

    #[test]
    fn time_and_size_are_read_as_the_common_servers_write_them() {
        let of = |html: &str| beside(&links(html.as_bytes()).last().unwrap().beside);
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        assert_eq!(
            of("<pre><a href=\"x\">x</a>      17-May-2024 03:04      1234\n</pre>"),
            (at("2024-05-17T03:04:00Z"), Some(1234))
        );
        assert_eq!(
            of(
                "<tr><td><a href=x>x</a></td><td align=right>2024-05-17 03:04  </td><td>1.5K</td></tr><tr><td>9999-01-01"
            ),
            (at("2024-05-17T03:04:00Z"), Some(1536))
        );
        assert_eq!(
            of("<td class=n><a href=x>x</a></td><td class=m>2024-May-17 03:04:05</td><td class=s>2.0M</td>"),
            (at("2024-05-17T03:04:05Z"), Some(2 * 1024 * 1024))
        );
        assert_eq!(of("<li><a href=x>x 2024-05-17</a></li>"), (None, None));
        assert_eq!(of("<a href=x>x</a> 2024-13-41 99:99 -"), (None, None));
        assert_eq!(of("<a href=x>x</a> 2024-05-17 -"), (at("2024-05-17T00:00:00Z"), None));
    }
}
