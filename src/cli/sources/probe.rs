//! `guichet sources probe URL`: what answers there, what format it is, and a stanza for it.
//!
//! Needs no data directory, and no configuration where there is none: the limits of `[harvest]` and
//! its allow list count when there is one. A few requests: the address, the first pages of a catalogue,
//! one file; stores nothing.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use url::Url;

use super::stanza::Stanza;
use crate::cli::Ended;
use crate::cli::context::{Failure, Start, runtime};
use crate::cli::output::{Column, Out, bytes};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline;
use crate::decode::{self, SplitOptions};
use crate::harvest::{Catalog, Harvester, Limits, NoProgress, Probe, Resource, ShownUrl, SourceAccess, user_agent};

/// Resources shown to a person; `--json` gives all.
const SHOWN: usize = 12;

const COLUMNS: [Column; 4] =
    [Column::left("resource"), Column::left("format"), Column::right("size"), Column::left("title")];

/// What was found, as `--json` prints it.
#[derive(Serialize)]
struct Found {
    url: String,
    final_url: String,
    status: u16,
    content_type: Option<String>,
    bytes: Option<u64>,
    last_modified: Option<String>,
    conditional: bool,
    catalog: &'static str,
    licence_declared: Option<String>,
    resources: Vec<Listed>,
    incomplete: Option<String>,
    /// Of the address itself, or of the first resource of the catalogue that could be read.
    format: Option<&'static str>,
    not_data: Option<String>,
    stanza: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    title: String,
    url: String,
    format: Option<String>,
    bytes: Option<u64>,
    last_modified: Option<String>,
}

/// Looks at an address.
pub(in crate::cli) fn probe(start: &Start, url: &str, json: bool) -> Ended {
    let address = Url::parse(url.trim())
        .ok()
        .filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
        .ok_or_else(|| {
            Failure::usage(format!(
                "`{}` is no web address: write it whole, with http:// or https://",
                ShownUrl::of_text(url)
            ))
        })?;
    let opened = start.open_if_any()?;
    let harvester = match &opened {
        Some(opened) => pipeline::harvester(&opened.config, Arc::new(NoProgress))?,
        None => {
            let limits = Limits { user_agent: user_agent(Some(pipeline::CONTACT)), ..Limits::default() };
            Harvester::new(limits, Arc::new(NoProgress))?
        }
    };
    let found = runtime()?.block_on(look(&harvester, &address, start.clock.now()))?;
    let mut out = Out::stdout(json);
    let exit = if found.stanza.is_some() { Exit::Done } else { Exit::Failed };
    if out.is_json() {
        out.json(&found)?;
    } else {
        show(&found, &mut out)?;
    }
    out.finish()?;
    Ok(exit)
}

fn access(url: &str) -> SourceAccess {
    SourceAccess { id: "probe".to_owned(), url: url.to_owned(), ..SourceAccess::default() }
}

async fn look(harvester: &Harvester, url: &Url, now: Timestamp) -> Result<Found, Failure> {
    let fail = |error: crate::harvest::FetchError| Failure::failed(error.to_string());
    let probe = harvester.probe(&access(url.as_str()), now).await.map_err(fail)?;
    let mut declared = Declared::read(&probe.prefix);
    if let Some((_, listing)) = &probe.catalogue {
        declared.title = listing.title.clone().or(declared.title);
        declared.licence = listing.licence.clone().or(declared.licence);
    }
    let mut found = Found::of(url, &probe, &declared);
    if probe.status != 200 {
        found.not_data = Some(format!("the server answered {}: open the address in a browser", probe.status));
        return Ok(found);
    }
    let judged = match &probe.catalogue {
        None => recognise(&probe.prefix),
        Some((_, listing)) => match best(&listing.resources) {
            None => Err("the catalogue lists no file".to_owned()),
            Some(resource) => match harvester.probe(&access(&resource.url), now).await {
                Ok(first) if first.status == 200 => recognise(&first.prefix),
                Ok(first) => Err(format!("the server answered {} for the resource `{}`", first.status, resource.title)),
                Err(error) => Err(error.to_string()),
            },
        },
    };
    match judged {
        Ok(format) => found.format = Some(format),
        Err(why) => found.not_data = Some(why),
    }
    // A catalogue is one even when its first file cannot be read today.
    if found.format.is_some() || probe.catalogue.is_some() {
        found.stanza = Some(suggest(url, &found, &declared).to_string());
    }
    Ok(found)
}

impl Found {
    fn of(url: &Url, probe: &Probe, declared: &Declared) -> Self {
        let listing = probe.catalogue.as_ref().map(|(_, listing)| listing);
        let catalog = probe.catalogue.as_ref().map_or(Catalog::None, |(catalog, _)| *catalog).word();
        let listed = |r: &Resource| Listed {
            id: r.id.clone(),
            title: r.title.clone(),
            url: ShownUrl::of_text(&r.url).as_str().to_owned(),
            format: r.format.clone(),
            bytes: r.bytes,
            last_modified: r.last_modified.map(|t| t.to_string()),
        };
        Self {
            url: ShownUrl::of(url).as_str().to_owned(),
            final_url: probe.final_url.as_str().to_owned(),
            status: probe.status,
            content_type: probe.content_type.clone(),
            bytes: probe.bytes,
            last_modified: probe.last_modified.map(|t| t.to_string()),
            conditional: probe.conditional,
            catalog,
            licence_declared: declared.licence.clone(),
            resources: listing.iter().flat_map(|l| l.resources.iter().map(listed)).collect(),
            incomplete: listing.and_then(|l| l.incomplete.clone()),
            format: None,
            not_data: None,
            stanza: None,
        }
    }
}

/// The format of a payload by its first bytes; a document cut by our own limit is none the worse.
pub(in crate::cli) fn recognise(prefix: &[u8]) -> Result<&'static str, String> {
    let first = &mut |_: decode::Slice<'_>| std::ops::ControlFlow::Break(());
    match decode::split(prefix, &SplitOptions::default(), first) {
        Ok(split) => Ok(split.dialect.format()),
        Err(error) => Err(error.to_string()),
    }
}

/// The resource whose format tells most about the others: the largest that calls itself JSON or XML.
pub(in crate::cli) fn best(resources: &[Resource]) -> Option<&Resource> {
    let telling = |r: &Resource| r.format.as_deref().is_some_and(|f| f.contains("json") || f.contains("xml"));
    resources.iter().max_by_key(|r| (telling(r), r.bytes))
}

/// Title and licence that a catalogue of data.gouv.fr declares at its top level.
#[derive(Debug, Default)]
struct Declared {
    title: Option<String>,
    licence: Option<String>,
}

impl Declared {
    /// Reads as far as the prefix goes: the end is our own cut, not an error.
    fn read(prefix: &[u8]) -> Self {
        let mut found = Self::default();
        let mut json = serde_json::Deserializer::from_slice(prefix);
        let _ = (&mut found).deserialize(&mut json);
        found
    }
}

impl<'de> DeserializeSeed<'de> for &mut Declared {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Declared {
    type Value = ();
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "title" => self.title = map.next_value()?,
                "license" => self.licence = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

fn suggest(url: &Url, found: &Found, declared: &Declared) -> Stanza {
    let host = url.host_str().unwrap_or("source").trim_start_matches("www.").to_owned();
    let name = declared.title.clone().unwrap_or_else(|| host.clone());
    let id = match &declared.title {
        Some(title) => slug(title),
        None => slug(&format!("{host} {}", last_words(url))),
    };
    let mut stanza = Stanza::default();
    stanza
        .text("id", if id.is_empty() { "source" } else { &id })
        .remark("unique, never reused")
        .text("name", &name)
        .text("url", url.as_str())
        .text("catalog", found.catalog)
        .text("format", found.format.unwrap_or("auto"))
        .text("licence", "unknown");
    match &declared.licence {
        Some(licence) => {
            let shown: String = licence.chars().filter(|c| !c.is_control()).take(60).collect();
            stanza
                .remark(format!("the catalogue says {shown}: check it, then write it here; unknown = never published"))
        }
        None => stanza.remark("find out: what is unknown is kept, never published"),
    };
    stanza
}

/// The last part of the path that is no file ending and no API version.
fn last_words(url: &Url) -> String {
    let last = url.path_segments().into_iter().flatten().rfind(|s| !s.is_empty()).unwrap_or_default();
    last.rsplit_once('.').map_or(last, |(stem, _)| stem).to_owned()
}

/// A text as an id: `^[a-z0-9][a-z0-9-]{0,63}$`.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in crate::record::fold(text).chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            _ if out.is_empty() || out.ends_with('-') => {}
            _ => out.push('-'),
        }
        if out.len() == 40 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

fn show<W: std::io::Write>(f: &Found, out: &mut Out<W>) -> Result<(), Failure> {
    let mut fact = |name: &str, value: &str| out.line(&format!("# {name}: {value}"));
    fact("answer", &f.status.to_string())?;
    if f.final_url != f.url {
        fact("redirected to", &f.final_url)?;
    }
    fact("type", f.content_type.as_deref().unwrap_or("not declared"))?;
    if let Some(n) = f.bytes {
        fact("size", &bytes(n))?;
    }
    if let Some(at) = &f.last_modified {
        fact("last modified", at)?;
    }
    fact("can be asked \"only if changed\"", if f.conditional { "yes" } else { "no" })?;
    fact("catalogue", f.catalog)?;
    if let Some(why) = &f.incomplete {
        fact("the list is incomplete", why)?;
    }
    fact("format", f.format.unwrap_or("not recognised"))?;
    if let Some(why) = &f.not_data {
        fact("but", why)?;
    }
    if !f.resources.is_empty() {
        fact("resources", &f.resources.len().to_string())?;
        let row = |r: &Listed| {
            let size = r.bytes.map_or_else(|| "-".to_owned(), bytes);
            vec![format!("# {}", r.id), r.format.clone().unwrap_or_else(|| "-".to_owned()), size, r.title.clone()]
        };
        out.table(&COLUMNS, f.resources.iter().take(SHOWN).map(row))?;
        if f.resources.len() > SHOWN {
            out.line(&format!("# … and {} more", f.resources.len() - SHOWN))?;
        }
    }
    match &f.stanza {
        Some(stanza) => {
            out.line("")?;
            stanza.lines().try_for_each(|line| out.line(line))?;
        }
        None => out.line("# no stanza: there is nothing here that this version reads")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_licence_are_read_at_the_top_level_only_and_from_a_cut_answer() {
        let whole =
            br#"{"id": 1, "organization": {"title": "no"}, "title": "DECP d'Albi", "license": "lov2", "resources": ["#;
        let found = Declared::read(whole);
        assert_eq!((found.title.as_deref(), found.licence.as_deref()), (Some("DECP d'Albi"), Some("lov2")));
        assert!(Declared::read(b"<html>").title.is_none());
    }

    #[test]
    fn an_id_is_made_of_what_the_source_is_called() {
        assert_eq!(slug("Données essentielles – Ville d’Albi (81)"), "donnees-essentielles-ville-d-albi-81");
        assert_eq!(slug("  ---"), "");
        assert!(slug(&"mots ".repeat(40)).len() <= 40);
        let url = Url::parse("https://www.ville-albi.fr/open/decp-2024.json").unwrap();
        assert_eq!(last_words(&url), "decp-2024");
    }

    #[test]
    fn a_prefix_is_recognised_although_it_is_cut() {
        let json = br#"{"marches": [{"id": "1", "acheteur": {"id": "21310555400017"}}, {"id": "2", "ach"#;
        assert_eq!(recognise(json), Ok("decp-json"));
        assert!(recognise(b"<!DOCTYPE html><html></html>").unwrap_err().contains("web page"));
    }
}
