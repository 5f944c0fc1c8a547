//! A stanza as typed: every key of a source, each optional, each with its place.
//!
//! `[defaults]` and `[[source]]` are read alike; what a stanza does not say it takes from the
//! defaults. Checks of one value are here; checks of a whole source are in `sources_toml`.

use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::credential::Credential;
use super::crontab::Fields;
use super::diagnostic::{At, Diagnostic, suggest};
use super::read::{Fault, Located, Pairs, Raw, Reader};
use super::resource_date::ResourceDate;
use super::source::{Authority, Catalog, Format, Globs, Licence, Snapshot};
use crate::record::Siren;

/// The keys of a source.
#[derive(Clone, Default)]
pub(super) struct Stanza {
    pub(super) id: Option<Located<String>>,
    pub(super) name: Option<Located<String>>,
    pub(super) url: Option<Located<Url>>,
    pub(super) catalog: Option<Located<Catalog>>,
    pub(super) format: Option<Located<Format>>,
    pub(super) authority: Option<Located<Authority>>,
    pub(super) buyers: Option<Located<Vec<Siren>>>,
    pub(super) licence: Option<Located<Licence>>,
    pub(super) schedule: Option<Located<(String, Fields)>>,
    pub(super) timezone: Option<Located<String>>,
    pub(super) enabled: Option<Located<bool>>,
    pub(super) disabled_reason: Option<Located<String>>,
    pub(super) include: Option<Located<Globs>>,
    pub(super) exclude: Option<Located<Globs>>,
    pub(super) headers: Option<Located<Pairs>>,
    pub(super) credential: Option<Located<Credential>>,
    pub(super) max_bytes: Option<Located<u64>>,
    pub(super) timeout: Option<Located<Duration>>,
    pub(super) min_records: Option<Located<u64>>,
    pub(super) max_shrink: Option<Located<f64>>,
    pub(super) per_host: Option<Located<u64>>,
    pub(super) user_agent: Option<Located<String>>,
    pub(super) snapshot: Option<Located<Snapshot>>,
    pub(super) columns: Option<Located<Pairs>>,
    pub(super) encoding: Option<Located<String>>,
    pub(super) query: Option<Located<String>>,
    pub(super) filter: Option<Located<String>>,
    pub(super) window: Option<Located<Duration>>,
    pub(super) resource_date: Option<Located<ResourceDate>>,
    pub(super) map: Option<Located<Pairs>>,
}

macro_rules! inherit {
    ($own:expr, $defaults:expr, $($key:ident)+) => {
        Stanza { $($key: $own.$key.or_else(|| $defaults.$key.clone())),+ }
    };
}

impl Stanza {
    /// What the stanza does not say, from the defaults.
    pub(super) fn over(self, defaults: &Stanza) -> Stanza {
        inherit!(self, defaults, id name url catalog format authority buyers licence schedule timezone
            enabled disabled_reason include exclude headers credential max_bytes timeout min_records
            max_shrink per_host user_agent snapshot columns encoding query filter window resource_date map)
    }

    /// Reads every key of a table and reports what is no key of a source.
    pub(super) fn read(reader: Reader<'_>) -> Stanza {
        let stanza = Stanza {
            id: reader.scalar("id", id),
            name: reader.scalar("name", non_empty),
            url: reader.scalar("url", |raw| web_url(&text(&raw)?)),
            catalog: reader.choice("catalog", Catalog::WORDS),
            format: reader.choice("format", Format::WORDS),
            authority: reader.choice("authority", Authority::WORDS),
            buyers: buyers(&reader),
            licence: reader.scalar("licence", |raw| non_empty(raw).map(|id| Licence::new(&id))),
            schedule: reader.scalar("schedule", |raw| schedule(&text(&raw)?)),
            timezone: reader.scalar("timezone", |raw| timezone(&text(&raw)?)),
            enabled: reader.boolean("enabled"),
            disabled_reason: reader.string("disabled_reason"),
            include: globs(&reader, "include"),
            exclude: globs(&reader, "exclude"),
            headers: headers(&reader),
            credential: credential(&reader, "credential"),
            max_bytes: reader.size("max_bytes"),
            timeout: reader.duration("timeout", Duration::from_secs(1)),
            min_records: reader.integer("min_records", 0, u64::from(u32::MAX)),
            max_shrink: reader.share("max_shrink"),
            per_host: reader.integer("per_host", 1, super::settings::MOST_CONNECTIONS),
            user_agent: reader.scalar("user_agent", header_value),
            snapshot: reader.choice("snapshot", Snapshot::WORDS),
            columns: reader.string_map("columns"),
            encoding: reader.scalar("encoding", encoding),
            query: reader.scalar("query", non_empty),
            filter: reader.scalar("where", non_empty),
            window: reader.duration("window", Duration::from_secs(60)),
            resource_date: reader.scalar("resource_date", |raw| {
                let help = "like \"%Y-%m-%d\" or \"export_%Y%m%d\"".to_owned();
                ResourceDate::new(&text(&raw)?).map_err(|what| Fault(what, help))
            }),
            map: reader.string_map("map"),
        };
        reader.finish();
        stanza
    }
}

fn text(raw: &Raw<'_>) -> Result<String, Fault> {
    match raw {
        Raw::Toml(DeValue::String(text)) => Ok(text.to_string()),
        Raw::Text(text) => Ok((*text).to_owned()),
        Raw::Toml(other) => Err(Fault(format!("a string is expected, not {}", other.type_str()), String::new())),
    }
}

pub(super) fn non_empty(raw: Raw<'_>) -> Result<String, Fault> {
    let text = text(&raw)?;
    if text.trim().is_empty() {
        return Err(Fault("it is empty".to_owned(), String::new()));
    }
    Ok(text)
}

fn id(raw: Raw<'_>) -> Result<String, Fault> {
    let id = text(&raw)?;
    let bytes = id.as_bytes();
    let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ok = bytes.len() <= 64 && bytes.first().is_some_and(letter) && bytes.iter().all(|b| letter(b) || *b == b'-');
    if ok {
        return Ok(id);
    }
    let folded: String = crate::record::fold(&id)
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let better: String = folded.trim_matches('-').chars().take(64).collect();
    let form = "lower-case letters, digits and `-`, 64 at most, a letter or digit first";
    let help = if better.is_empty() { form.to_owned() } else { format!("{form}; for instance `{better}`") };
    Err(Fault(format!("`{id}` is no id of a source"), help))
}

/// An http or https URL with a host. Secrets in it are found by [`secret_of`], so that the
/// diagnostic can hide them.
pub(super) fn web_url(text: &str) -> Result<Url, Fault> {
    let form = || "write an http:// or https:// URL".to_owned();
    let url = Url::parse(text).map_err(|error| Fault(format!("`{text}` is no URL: {error}"), form()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault(format!("`{}:` URLs are not fetched", url.scheme()), form()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Fault(format!("`{text}` has no host"), form()));
    }
    Ok(url)
}

/// What in a URL is, or looks like, a secret; the message does not repeat it.
pub(super) fn secret_of(url: &Url) -> Option<String> {
    const WORDS: [&str; 6] = ["key", "token", "secret", "password", "passwd", "signature"];
    if !url.username().is_empty() || url.password().is_some() {
        let what = "a user name or password in a URL is a secret, and a secret is never inline";
        return Some(what.to_owned());
    }
    let secret = url.query_pairs().find(|(name, _)| {
        let name = name.to_ascii_lowercase();
        WORDS.iter().any(|word| name.contains(word))
    });
    secret.map(|(name, _)| format!("`{name}` in a URL looks like a secret, and a secret is never inline"))
}

/// A crontab line that some day matches.
pub(super) fn schedule(line: &str) -> Result<(String, Fields), Fault> {
    let form = "minute hour day month weekday, like \"17 3 * * *\" for every night at 03:17";
    let fields: Fields = line.parse().map_err(|error| Fault(format!("{error}"), form.to_owned()))?;
    if !fields.ever_comes() {
        let what = format!("`{line}` never comes: no year has such a day");
        return Err(Fault(what, "check the day and the month".to_owned()));
    }
    Ok((line.trim().to_owned(), fields))
}

/// The name of a zone of the IANA database.
pub(super) fn timezone(name: &str) -> Result<String, Fault> {
    if !name.is_empty() && jiff::tz::TimeZone::get(name).is_ok() {
        return Ok(name.to_owned());
    }
    let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
    let near = super::diagnostic::nearest(name, known.iter().map(String::as_str));
    let help = near.map_or_else(
        || "write a name like Europe/Paris, Indian/Reunion or UTC".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Err(Fault(format!("`{name}` is not a time zone"), help))
}

fn encoding(raw: Raw<'_>) -> Result<String, Fault> {
    let label = text(&raw)?;
    if encoding_rs::Encoding::for_label(label.as_bytes()).is_some() {
        return Ok(label);
    }
    let common = ["utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "utf-16le", "utf-16be"];
    Err(Fault(format!("`{label}` is not an encoding"), suggest(&label, &common)))
}

fn header_value(raw: Raw<'_>) -> Result<String, Fault> {
    let value = non_empty(raw)?;
    if value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(value);
    }
    Err(Fault("only visible ASCII can stand in a header".to_owned(), String::new()))
}

fn buyers(reader: &Reader<'_>) -> Option<Located<Vec<Siren>>> {
    let listed = reader.strings("buyers")?;
    let mut sirens = Vec::new();
    for entry in &listed.value {
        match Siren::parse(&entry.value) {
            Some(siren) if siren.has_valid_key() => sirens.push(siren),
            Some(_) => {
                let what = format!("`{}` is no SIREN: its check digit is wrong", entry.value);
                reader.report().push(Diagnostic::error(entry.at.clone(), what).help("check the digits"));
            }
            None => {
                let what = format!("`{}` is no SIREN: nine digits are expected", entry.value);
                let mut found = Diagnostic::error(entry.at.clone(), what);
                if let Some(siret) = crate::record::Siret::parse(&entry.value) {
                    found = found.help(format!("this is a SIRET; its SIREN is {}", siret.siren()));
                }
                reader.report().push(found);
            }
        }
    }
    sirens.sort_unstable();
    sirens.dedup();
    Some(Located { value: sirens, at: listed.at })
}

fn globs(reader: &Reader<'_>, key: &'static str) -> Option<Located<Globs>> {
    let listed = reader.strings(key)?;
    match Globs::new(listed.value.iter().map(|entry| entry.value.clone()).collect()) {
        Ok(globs) => Some(Located { value: globs, at: listed.at }),
        Err((index, why)) => {
            let at = listed.value.get(index).map_or(listed.at, |entry| entry.at.clone());
            let help = "`*` and `?` match anything, `{a,b}` one of several, `[0-9]` a character";
            let what = format!("`{key}`: not a pattern: {why}");
            reader.report().push(Diagnostic::error(at, what).help(help));
            None
        }
    }
}

/// Names of headers that carry secrets.
fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "cookie", "token", "api-key", "apikey", "secret", "password"]
        .iter()
        .any(|word| name.contains(word))
}

fn headers(reader: &Reader<'_>) -> Option<Located<Pairs>> {
    let listed = reader.string_map("headers")?;
    for (name, value) in &listed.value {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let placeholder = value.value.contains("{credential}");
        let found = if is_secret_header(name) && !placeholder {
            let what = format!("the header `{name}` carries a secret, and a secret is never inline");
            let help = "write `credential = { env = \"NAME\" }`, `{ file = \"…\" }` or `{ systemd = \"name\" }`, and `{credential}` in its place here";
            Some(Diagnostic::error(value.at.clone(), what).help(help).secret())
        } else if name.is_empty() || !name.bytes().all(token) {
            Some(Diagnostic::error(value.at.clone(), format!("`{name}` is no name of a header")))
        } else if !value.value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            let what = format!("the header `{name}` holds more than visible ASCII");
            Some(Diagnostic::error(value.at.clone(), what))
        } else {
            None
        };
        found.into_iter().for_each(|found| reader.report().push(found));
    }
    Some(listed)
}

/// `{ env = … }`, `{ file = … }` or `{ systemd = … }`, for the stanza and for keys that sign.
pub(super) fn credential(reader: &Reader<'_>, key: &'static str) -> Option<Located<Credential>> {
    const FORM: &str = "write { env = \"NAME\" }, { file = \"path\" } or { systemd = \"name\" }";
    let mut inline: Option<At> = None;
    let found = reader.structured(key, |value, place| match value {
        DeValue::Table(table) => {
            let mut entries = table.iter();
            let (Some((key, value)), None) = (entries.next(), entries.next()) else {
                return Err(Fault("one key says where the secret is".to_owned(), FORM.to_owned()));
            };
            let DeValue::String(text) = value.get_ref() else {
                return Err(Fault("a string is expected".to_owned(), FORM.to_owned()));
            };
            match key.get_ref().as_ref() {
                _ if text.trim().is_empty() => Err(Fault("it is empty".to_owned(), FORM.to_owned())),
                "env" => Ok(Some(Credential::Env(text.to_string()))),
                "file" => Ok(Some(Credential::File(text.as_ref().into()))),
                "systemd" if !text.contains('/') => Ok(Some(Credential::Systemd(text.to_string()))),
                "systemd" => Err(Fault("a name of systemd has no `/`".to_owned(), FORM.to_owned())),
                key => {
                    inline = Some(place(value.span()));
                    let what = format!("unknown key `{key}` in a credential");
                    Err(Fault(what, suggest(key, &["env", "file", "systemd"])))
                }
            }
        }
        DeValue::String(_) => Ok(None),
        _ => Err(Fault("a table is expected".to_owned(), FORM.to_owned())),
    })?;
    match found.value {
        Some(credential) => Some(Located { value: credential, at: found.at }),
        None => {
            let what = format!("`{key}`: a secret is never inline");
            reader.report().push(Diagnostic::error(found.at, what).help(FORM).secret());
            None
        }
    }
}
