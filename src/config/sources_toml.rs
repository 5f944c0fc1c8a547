//! sources.toml and sources.d: from stanzas to sources, and the checks over several keys.
//!
//! In: documents in the order main file, then sources.d by name; the limits of `[harvest]`. Out:
//! [`Sources`]. A `[defaults]` of a file in sources.d holds for that file, over that of the main one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::credential::Credential;
use super::crontab::Fields;
use super::diagnostic::{At, Diagnostic, suggest};
use super::env::Env;
use super::read::{Document, Located, Pairs, Reader, Report};
use super::settings::Harvest;
use super::source::{
    Authority, Catalog, Format, Licence, READABLE_CATALOGS, READABLE_FORMATS, Snapshot, Source, SourceSchedule,
};
use super::stanza::{Stanza, schedule, secret_of};
use url::Url;

/// When a source is harvested that says nothing: at night, and not on the full hour, when
/// everybody else asks.
const SCHEDULE: &str = "17 3 * * *";
const TIMEZONE: &str = "Europe/Paris";
/// A harvest that lost more than this share has failed (records.md §6).
pub const MAX_SHRINK: f64 = 0.15;

/// Every source of the configuration, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sources(BTreeMap<String, Arc<Source>>);

impl Sources {
    /// Of a list; a later source of an id replaces an earlier one. For tests and the demo.
    pub fn from_list(list: impl IntoIterator<Item = Source>) -> Self {
        Self(list.into_iter().map(|source| (source.id.clone(), Arc::new(source))).collect())
    }
    /// Every source, enabled or not, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.0.values()
    }
    /// The sources that are harvested, by id.
    pub fn enabled(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.iter().filter(|source| source.enabled)
    }
    /// The source of this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Source>> {
        self.0.get(id)
    }
    /// The id that was probably meant.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        super::diagnostic::nearest(id, self.0.keys().map(String::as_str))
    }
    /// How many there are, enabled or not.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads the documents and checks all sources together.
pub(super) struct SourcesReader<'a> {
    pub(super) root: &'a Path,
    pub(super) limits: &'a Harvest,
    pub(super) env: &'a dyn Env,
    pub(super) report: &'a Report,
}

impl SourcesReader<'_> {
    pub(super) fn read(&self, documents: &[Document]) -> Sources {
        let mut defaults = Stanza::default();
        let mut sources = BTreeMap::new();
        let mut seen: BTreeMap<String, At> = BTreeMap::new();
        let mut stanzas = 0;
        for (i, document) in documents.iter().enumerate() {
            let table = document.table(self.report);
            let top = Reader::new(document, &table, 0..0, "sources.toml", self.report);
            let here = if top.has("defaults") { self.defaults(&top, &defaults) } else { defaults.clone() };
            if i == 0 {
                defaults = here.clone();
            }
            for reader in top.tables("source") {
                stanzas += 1;
                if let Some(source) = self.source(reader, &here, &mut seen) {
                    sources.insert(source.id.clone(), Arc::new(source));
                }
            }
            top.finish();
        }
        if let (0, Some(main)) = (stanzas, documents.first()) {
            let at = At::Path(main.text.path.clone());
            let what = "there is no source: nothing will be harvested";
            self.report.push(Diagnostic::warning(at, what).help("add a [[source]]"));
        }
        Sources(sources)
    }

    fn defaults(&self, top: &Reader<'_>, outer: &Stanza) -> Stanza {
        let mut own = Stanza::read(top.table("defaults"));
        if let Some(id) = own.id.take() {
            let found = Diagnostic::error(id.at, "`id` cannot be inherited: each source has its own");
            self.report.push(found.help("move it into a [[source]]"));
        }
        own.over(outer)
    }

    fn source(&self, reader: Reader<'_>, defaults: &Stanza, seen: &mut BTreeMap<String, At>) -> Option<Source> {
        let here = reader.here();
        let missing: Vec<_> = ["id", "name", "url", "licence"]
            .into_iter()
            .filter(|key| !reader.has(key) && !defaults.gives(key))
            .collect();
        let own = Stanza::read(reader);
        let exact = own.schedule.is_some();
        let id = own.id.clone();
        if !missing.is_empty() {
            let name = id.as_ref().map_or(String::new(), |id| format!(" `{}`", id.value));
            let what = format!("[[source]]{name} lacks `{}`", missing.join("`, `"));
            self.report.push(Diagnostic::error(here, what).help(required_help(&missing)));
        }
        if let Some(id) = &id {
            self.unique(id, seen);
        }
        let stanza = own.over(defaults);
        self.check(&stanza);
        self.build(stanza, exact)
    }

    fn unique(&self, id: &Located<String>, seen: &mut BTreeMap<String, At>) {
        if let Some(first) = seen.get(&id.value) {
            let what = format!("the id `{}` stands twice", id.value);
            let help = format!(
                "it is first at {}; give each source its own id, and never reuse one",
                Diagnostic::error(first.clone(), "").place()
            );
            self.report.push(Diagnostic::error(id.at.clone(), what).help(help));
        } else {
            seen.insert(id.value.clone(), id.at.clone());
        }
    }

    fn build(&self, stanza: Stanza, exact: bool) -> Option<Source> {
        let enabled = stanza.enabled.is_none_or(|enabled| enabled.value);
        let (line, fields): (String, Fields) = match stanza.schedule {
            Some(schedule) => schedule.value,
            None => schedule(SCHEDULE).ok()?,
        };
        let timezone = value_or(stanza.timezone, || TIMEZONE.to_owned());
        Some(Source {
            id: stanza.id?.value,
            name: stanza.name?.value,
            url: stanza.url?.value,
            catalog: value_or(stanza.catalog, || Catalog::None),
            format: value_or(stanza.format, || Format::Auto),
            authority: value_or(stanza.authority, || Authority::Platform),
            buyers: value_or(stanza.buyers, Vec::new),
            licence: stanza.licence?.value,
            schedule: SourceSchedule { line, fields, timezone, spread: !exact },
            enabled,
            disabled_reason: stanza.disabled_reason.map(|reason| reason.value),
            include: value_or(stanza.include, Default::default),
            exclude: value_or(stanza.exclude, Default::default),
            headers: pairs(stanza.headers),
            credential: stanza.credential.map(|credential| self.under_root(credential.value)),
            max_bytes: value_or(stanza.max_bytes, || self.limits.max_bytes),
            timeout: value_or(stanza.timeout, || self.limits.total_timeout),
            min_records: stanza.min_records.map(|records| records.value),
            max_shrink: value_or(stanza.max_shrink, || MAX_SHRINK),
            per_host: stanza.per_host.and_then(|n| usize::try_from(n.value).ok()).unwrap_or(self.limits.per_host),
            user_agent: stanza.user_agent.map(|agent| agent.value),
            snapshot: value_or(stanza.snapshot, || Snapshot::Full),
            columns: pairs(stanza.columns),
            encoding: stanza.encoding.map(|encoding| encoding.value),
            query: stanza.query.map(|query| query.value),
            filter: stanza.filter.map(|filter| filter.value),
            window: stanza.window.map(|window| window.value),
            resource_date: stanza.resource_date.map(|date| date.value),
            map: pairs(stanza.map),
        })
    }

    fn under_root(&self, credential: Credential) -> Credential {
        match credential {
            Credential::File(path) => Credential::File(self.root.join(path)),
            other => other,
        }
    }

    /// The checks over several keys.
    fn check(&self, stanza: &Stanza) {
        let enabled = stanza.enabled.as_ref().is_none_or(|enabled| enabled.value);
        if enabled {
            self.readable(stanza);
            self.credential_is_set(stanza);
        }
        let buyer = stanza.authority.as_ref().filter(|authority| authority.value == Authority::Buyer);
        if let Some(authority) = buyer
            && stanza.buyers.as_ref().is_none_or(|buyers| buyers.value.is_empty())
        {
            let what = "`authority = \"buyer\"` needs `buyers`: the SIRENs that this source speaks for";
            let help = "add buyers = [\"…\"], or say authority = \"platform\"";
            self.report.push(Diagnostic::error(authority.at.clone(), what).help(help));
        }
        if let Some(licence) = &stanza.licence {
            self.licence(licence);
        }
        if let Some(url) = &stanza.url {
            self.secret_in_url(url);
        }
        self.without_effect(stanza);
    }

    fn readable(&self, stanza: &Stanza) {
        let way_out = "say `enabled = false` and why in `disabled_reason`; this version reads";
        if let Some(catalog) = stanza.catalog.as_ref().filter(|c| !READABLE_CATALOGS.contains(&c.value)) {
            let what = format!("this version cannot read the catalogue `{}` yet", catalog.value.word());
            let known: Vec<_> = READABLE_CATALOGS.iter().map(|c| c.word()).collect();
            let help = format!("{way_out} the catalogues {}", known.join(", "));
            self.report.push(Diagnostic::error(catalog.at.clone(), what).help(help));
        }
        if let Some(format) = stanza.format.as_ref().filter(|f| !READABLE_FORMATS.contains(&f.value)) {
            let what = format!("this version cannot read the format `{}` yet", format.value.word());
            let known: Vec<_> = READABLE_FORMATS.iter().map(|f| f.word()).collect();
            let help = format!("{way_out} the formats {}", known.join(", "));
            self.report.push(Diagnostic::error(format.at.clone(), what).help(help));
        }
    }

    fn credential_is_set(&self, stanza: &Stanza) {
        if let Some(Located { value: Credential::Env(name), at }) = &stanza.credential
            && self.env.get(name).is_none()
        {
            let what = format!("the environment variable `{name}` is not set here");
            let help = "set it for the service, or the source will fail";
            self.report.push(Diagnostic::warning(at.clone(), what).help(help));
        }
    }

    fn licence(&self, licence: &Located<Licence>) {
        let id = licence.value.id();
        if licence.value.allows_republication() {
            return;
        }
        let found = if id == "unknown" {
            let what = "the licence is unknown: what this source says is kept, but never published";
            Diagnostic::warning(licence.at.clone(), what)
                .help("ask the publisher; for the State's open data it is usually etalab-2.0")
        } else {
            let what = format!("`{id}` is not known to allow republication: kept, but never published");
            Diagnostic::warning(licence.at.clone(), what).help(suggest(id, Licence::known()))
        };
        self.report.push(found);
    }

    fn secret_in_url(&self, url: &Located<Url>) {
        if let Some(what) = secret_of(&url.value) {
            let help = "take it out of the URL and write `credential = { env = \"NAME\" }`";
            self.report.push(Diagnostic::error(url.at.clone(), what).help(help).secret());
        }
    }

    /// Keys that only make sense with another one.
    fn without_effect(&self, stanza: &Stanza) {
        let catalog = stanza.catalog.as_ref().map_or(Catalog::None, |c| c.value);
        let format = stanza.format.as_ref().map_or(Format::Auto, |f| f.value);
        let tabular = matches!(format, Format::Auto | Format::DecpCsv);
        let listed = catalog != Catalog::None;
        let cases = [
            (at(&stanza.query), catalog == Catalog::Ted, "query", "catalog = \"ted\""),
            (at(&stanza.filter), catalog == Catalog::Ods, "where", "catalog = \"ods\""),
            (at(&stanza.window), catalog == Catalog::Ods, "window", "catalog = \"ods\""),
            (at(&stanza.map), format == Format::Rss, "map", "format = \"rss\""),
            (at(&stanza.columns), tabular, "columns", "format = \"decp-csv\""),
            (at(&stanza.include), listed, "include", "a catalog"),
            (at(&stanza.exclude), listed, "exclude", "a catalog"),
        ];
        for (place, works, key, needs) in cases {
            if let (Some(place), false) = (place, works) {
                let what = format!("`{key}` has no effect without {needs}");
                self.report.push(Diagnostic::warning(place, what));
            }
        }
        let full = stanza.snapshot.as_ref().is_none_or(|s| s.value == Snapshot::Full);
        if let Some(place) = at(&stanza.window).filter(|_| full && catalog == Catalog::Ods) {
            let what = "`window` in a full snapshot: a record that leaves the window will count as withdrawn";
            self.report.push(Diagnostic::warning(place, what).help("say snapshot = \"incremental\""));
        }
        if let (None, Some(reason)) = (&stanza.enabled, &stanza.disabled_reason) {
            let what = "`disabled_reason` without `enabled = false`: the source is harvested";
            self.report.push(Diagnostic::warning(reason.at.clone(), what));
        }
    }
}

fn required_help(missing: &[&str]) -> String {
    if missing.contains(&"licence") {
        "`id`, `name`, `url` and `licence` are required; licence = \"unknown\" is allowed".to_owned()
    } else {
        "`id`, `name`, `url` and `licence` are required".to_owned()
    }
}

fn at<T>(located: &Option<Located<T>>) -> Option<At> {
    located.as_ref().map(|located| located.at.clone())
}

fn value_or<T>(located: Option<Located<T>>, default: impl FnOnce() -> T) -> T {
    located.map_or_else(default, |located| located.value)
}

fn pairs(located: Option<Located<Pairs>>) -> BTreeMap<String, String> {
    value_or(located, Vec::new).into_iter().map(|(key, value)| (key, value.value)).collect()
}

impl Stanza {
    /// Whether the defaults give this required key.
    fn gives(&self, key: &str) -> bool {
        match key {
            "name" => self.name.is_some(),
            "url" => self.url.is_some(),
            "licence" => self.licence.is_some(),
            _ => false,
        }
    }
}
