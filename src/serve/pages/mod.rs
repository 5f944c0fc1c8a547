//! Pages for people: plain HTML, one style sheet, no script.
//!
//! In: rows and figures. Out: HTML in the reader's language with a validator. Every declared text
//! goes through the templates' escaping; a declared address becomes a link only when it is http or
//! https. Knows no SQL.

pub mod assets;
pub mod donnees;
mod fields;
pub mod home;
pub mod marche;
pub mod marches;
pub mod sources;

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded;

use super::app::App;
use super::etag::{self, ETag, Verdict};
use super::format;
use super::i18n::{Lang, Texts};
use super::negotiate;
use super::problem::Problem;
use super::snapshot::Publication;

/// What every page knows: language, texts, where it is, the publication it shows.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Language of the page.
    pub lang: Lang,
    /// Its texts.
    pub t: &'static Texts,
    /// Name of the region, where known.
    pub region: Option<String>,
    /// The publication shown.
    pub stamp: Option<Stamp>,
    /// The path asked, as it stands in the URL.
    path: String,
    /// The query without `lang`.
    query: Vec<(String, String)>,
    /// The language was chosen by the URL: links keep it.
    chosen: bool,
    base_url: Option<String>,
    now: Timestamp,
}

/// A publication in the frame of a page.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Frame {
    /// Reads language and place from a request.
    pub fn of(app: &App, uri: &Uri, headers: &HeaderMap) -> Self {
        let (mut chosen, mut query) = (None, Vec::new());
        for (key, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match key.as_ref() {
                "lang" => chosen = Lang::from_code(&value).or(chosen),
                _ => query.push((key.into_owned(), value.into_owned())),
            }
        }
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let lang = chosen.unwrap_or_else(|| Lang::accepted(header));
        Self {
            lang,
            t: lang.texts(),
            region: None,
            stamp: None,
            path: uri.path().to_owned(),
            query,
            chosen: chosen.is_some(),
            base_url: app.options.base_url.as_ref().map(|u| u.trim_end_matches('/').to_owned()),
            now: (app.options.now)(),
        }
    }

    /// Shows this publication in the frame.
    pub fn showing(&mut self, publication: &Publication) {
        self.stamp = Some(Stamp { name: publication.name.clone(), created: publication.manifest.created.parse().ok() });
    }

    /// A link on this server, in the language that the reader chose.
    pub fn href(&self, path: &str) -> String {
        match (self.chosen, path.contains('?')) {
            (false, _) => path.to_owned(),
            (true, false) => format!("{path}?lang={}", self.lang.code()),
            (true, true) => format!("{path}&lang={}", self.lang.code()),
        }
    }

    /// A link to a list with these filters.
    pub fn list_href<K: AsRef<str>, V: AsRef<str>>(&self, pairs: &[(K, V)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.iter().map(|(k, v)| (k.as_ref(), v.as_ref())));
        let query = query.finish();
        self.href(&if query.is_empty() { "/marches".to_owned() } else { format!("/marches?{query}") })
    }

    /// This page in the other language.
    pub fn other_href(&self) -> String {
        self.localised(self.lang.other())
    }

    fn localised(&self, lang: Lang) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query).append_pair("lang", lang.code());
        format!("{}?{}", self.path, query.finish())
    }

    /// Whether the navigation's link is the place where the reader is.
    pub fn is_at(&self, path: &str) -> bool {
        self.path == path || (path != "/" && self.path.strip_prefix(path).is_some_and(|r| r.starts_with('/')))
    }

    /// An absolute address for programs: `None` without a configured one.
    pub fn canonical(&self) -> Option<String> {
        Some(format!("{}{}", self.base_url.as_ref()?, self.path))
    }

    /// What stands before a path in an example to copy.
    pub fn base(&self) -> &str {
        self.base_url.as_deref().unwrap_or("https://…")
    }

    /// The version of the style sheet, so that a new one is fetched.
    pub fn style(&self) -> &'static str {
        assets::style_version()
    }

    /// An integer.
    pub fn int(&self, n: &i64) -> String {
        format::integer(self.lang, *n)
    }
    /// A count.
    pub fn count(&self, n: &u64) -> String {
        format::integer(self.lang, i64::try_from(*n).unwrap_or(i64::MAX))
    }
    /// Euros.
    pub fn money(&self, euros: &f64) -> String {
        format::money(self.lang, *euros)
    }
    /// Euros for a headline.
    pub fn money_short(&self, euros: &f64) -> String {
        format::money_short(self.lang, *euros)
    }
    /// A day in words.
    pub fn day(&self, iso: &str) -> String {
        format::day(self.lang, iso)
    }
    /// A size.
    pub fn bytes(&self, n: &u64) -> String {
        format::bytes(self.lang, *n)
    }
    /// A number of months.
    pub fn months(&self, n: &i64) -> String {
        let unit = if n.abs() < 2 { self.t.month } else { self.t.months };
        format!("{}\u{a0}{unit}", format::integer(self.lang, *n))
    }
    /// A moment in words.
    pub fn moment(&self, at: &Timestamp) -> String {
        format::moment(self.lang, *at)
    }
    /// How long ago.
    pub fn ago(&self, at: &Timestamp) -> String {
        format::ago(self.lang, *at, self.now)
    }
    /// Whether the publication shown is older than a night and a little more.
    pub fn is_stale(&self) -> bool {
        const LIMIT_HOURS: i64 = 26;
        self.stamp
            .as_ref()
            .and_then(|s| s.created)
            .is_some_and(|at| self.now.duration_since(at).as_hours() >= LIMIT_HOURS)
    }
}

/// A declared address that may become a link, and its host to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address, as parsed.
    pub href: String,
    /// Where it leads.
    pub host: String,
}

/// Only http and https, with a host, without a password.
pub fn link(declared: Option<&str>) -> Option<Link> {
    let url = Url::parse(declared?.trim()).ok()?;
    let safe = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| safe)?.to_owned();
    Some(Link { href: url.into(), host })
}

/// A person who asks for a page: their frame and their headers. A request whose `Accept` leaves no
/// room for HTML is answered 406.
pub struct Reader {
    /// The frame of the page.
    pub frame: Frame,
    /// Headers of the request.
    pub headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
        if !negotiate::accepts_html(accept) {
            return Err(Problem::new(
                StatusCode::NOT_ACCEPTABLE,
                "not-acceptable",
                "Cette page n’existe qu’en HTML. Les données sont à /donnees.",
                "This page exists in HTML only. The data is at /donnees.",
            )
            .instead("/donnees"));
        }
        let frame = Frame::of(app, &parts.uri, &parts.headers);
        Ok(Self { frame, headers: parts.headers.clone() })
    }
}

impl Reader {
    /// The pairs of the query string, `lang` left out.
    pub fn query(&self) -> &[(String, String)] {
        &self.frame.query
    }

    /// Answers with a page.
    pub fn page(&self, template: &impl Template) -> Result<Response, Problem> {
        self.page_as(StatusCode::OK, template)
    }

    /// Answers with a page under another status.
    pub fn page_as(&self, status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
        let html = template.render().map_err(|error| {
            tracing::error!(%error, "cannot render a page");
            Problem::internal()
        })?;
        let tag = ETag::of_digest(&hex::encode(Sha256::digest(html.as_bytes())));
        let known = status == StatusCode::OK && etag::evaluate(&self.headers, &tag, None) == Verdict::NotModified;
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { (status, html).into_response() };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_LANGUAGE, self.frame.lang.code()),
            (header::CACHE_CONTROL, "no-cache"),
            (header::VARY, "Accept-Language"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(tag.as_str()) {
            headers.insert(header::ETAG, tag);
        }
        Ok(response)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    f: &'a Frame,
    problem: &'a Problem,
}

/// The page that explains a problem; `None` when it cannot be rendered.
pub fn error(frame: &Frame, problem: &Problem) -> Option<String> {
    ErrorPage { f: frame, problem }.render().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//x.fr",
            "/x",
            "file:///etc/passwd",
            "ftp://x.fr",
            "http://",
            "https://u:p@x.fr",
            "",
            "java\nscript:x",
        ] {
            assert_eq!(link(Some(bad)), None, "{bad}");
        }
        let good = link(Some(" https://www.exemple.fr/a b?\"><script>")).unwrap();
        assert_eq!(good.host, "www.exemple.fr");
        assert!(!good.href.contains(['"', '<', ' ']), "{}", good.href);
    }
}
