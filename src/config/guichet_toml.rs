//! guichet.toml, under the environment: from tables to settings.
//!
//! In: the document (or none), the environment. Out: each table's settings; a key that is wrong
//! keeps its default so that the rest can still be checked. Paths are left as written: `load`
//! knows the working root.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::diagnostic::{Diagnostic, suggest};
use super::hosts::{each, networks, private_host};
use super::read::{Fault, Located, Raw, Reader};
use super::settings::{
    ALWAYS_FILES, Archive, Harvest, LATER_FILES, Log, LogFormat, MOST_CONNECTIONS, Merge, PUBLISHED_FILES, Publish,
    Serve,
};
use super::stanza::{non_empty, schedule, secret_of, timezone, web_url};
use crate::record::DepartementCode;
use crate::reference::{self, Region};
use ipnet::IpNet;

/// guichet.toml as read; paths as written.
pub(super) struct Settings {
    pub(super) data_dir: Option<Located<String>>,
    pub(super) sources: Option<Located<String>>,
    pub(super) region: Region,
    pub(super) harvest: Harvest,
    pub(super) publish: Publish,
    pub(super) serve: Serve,
    pub(super) merge: Merge,
    pub(super) register: Vec<Located<String>>,
    pub(super) archive: Archive,
    pub(super) log: Log,
}

/// Reads every table of guichet.toml.
pub(super) fn read(top: Reader<'_>) -> Option<Settings> {
    let settings = Settings {
        data_dir: top.scalar("data_dir", non_empty),
        sources: top.scalar("sources", non_empty),
        region: region(&top),
        harvest: harvest(top.table("harvest")),
        publish: publish(top.table("publish"))?,
        serve: serve(top.table("serve")),
        merge: merge(top.table("merge")),
        register: register(top.table("register")),
        archive: archive(top.table("archive")),
        log: log(top.table("log")),
    };
    top.table("privacy").finish();
    top.finish();
    Some(settings)
}

/// Replaces a default by what is configured.
fn set<T>(target: &mut T, located: Option<Located<T>>) {
    if let Some(located) = located {
        *target = located.value;
    }
}

fn set_number<T: TryFrom<u64>>(target: &mut T, located: Option<Located<u64>>) {
    if let Some(number) = located.and_then(|n| T::try_from(n.value).ok()) {
        *target = number;
    }
}

fn region(top: &Reader<'_>) -> Region {
    let written = top.has("region");
    let table = top.table("region");
    let name = table.scalar("name", non_empty);
    let insee = table.scalar("insee", |raw| {
        let code = non_empty(raw)?;
        let known = || reference::regions().map(|r| format!("{} {}", r.code, r.name)).collect::<Vec<_>>();
        Region::insee(&code).ok_or_else(|| {
            Fault(format!("no région has the Insee code `{code}`"), format!("known: {}", known().join(", ")))
        })
    });
    let departements = departements(&table);
    let here = table.here();
    let report = table.report();
    table.finish();
    let chosen = match (insee, departements) {
        (Some(insee), None) => Some(insee.value),
        (None, Some(list)) if !list.is_empty() => Some(Region::of("", &list)),
        (Some(insee), Some(_)) => {
            let what = "[region] takes `insee` or `departements`, not both";
            report.push(Diagnostic::error(insee.at, what).help("remove one of them"));
            None
        }
        (None, _) => {
            if written && name.is_some() {
                let what = "[region] has a name but no limit";
                let help = "add insee = \"76\" or departements = [\"31\"]; without [region] there is no limit";
                report.push(Diagnostic::error(here, what).help(help));
            }
            return Region::everywhere();
        }
    };
    let Some(chosen) = chosen else {
        return Region::everywhere();
    };
    match name {
        Some(name) => chosen.named(name.value),
        None if chosen.name() == Some("") => {
            let codes: Vec<_> = chosen.departements().iter().map(|d| d.as_str().to_owned()).collect();
            chosen.named(codes.join(", "))
        }
        None => chosen,
    }
}

fn departements(table: &Reader<'_>) -> Option<Vec<DepartementCode>> {
    let listed = table.strings("departements")?;
    let mut codes = Vec::new();
    for entry in listed.value {
        match reference::departement(&entry.value).and_then(|d| d.code()) {
            Some(code) => codes.push(code),
            None => {
                let what = format!("no département has the code `{}`", entry.value);
                let padded = format!("0{}", entry.value).to_uppercase();
                let upper = entry.value.to_uppercase();
                let near = [padded, upper].into_iter().find(|code| reference::departement(code).is_some());
                let help = near.map_or_else(
                    || "write \"09\", \"31\", \"2A\" or \"974\"".to_owned(),
                    |code| format!("did you mean `{code}`?"),
                );
                table.report().push(Diagnostic::error(entry.at, what).help(help));
            }
        }
    }
    Some(codes)
}

fn harvest(table: Reader<'_>) -> Harvest {
    let mut h = Harvest::default();
    let instant = Duration::ZERO;
    let second = Duration::from_secs(1);
    set_number(&mut h.concurrency, table.integer("concurrency", 1, MOST_CONNECTIONS));
    set_number(&mut h.per_host, table.integer("per_host", 1, MOST_CONNECTIONS));
    set(&mut h.min_interval, table.duration("min_interval", instant));
    set(&mut h.connect_timeout, table.duration("connect_timeout", Duration::from_millis(100)));
    set(&mut h.read_timeout, table.duration("read_timeout", Duration::from_millis(100)));
    let total = table.duration("total_timeout", second);
    let total_at = total.as_ref().map(|total| total.at.clone());
    set(&mut h.total_timeout, total);
    set_number(&mut h.retries, table.integer("retries", 0, 20));
    set(&mut h.retry_base, table.duration("retry_base", instant));
    set(&mut h.retry_after_max, table.duration("retry_after_max", instant));
    set(&mut h.max_bytes, table.size("max_bytes"));
    set_number(&mut h.max_ratio, table.integer("max_ratio", 1, 1_000_000));
    set_number(&mut h.force_refresh_days, table.integer("force_refresh_days", 0, 3650));
    if let Some(listed) = table.strings("allow_private_hosts") {
        h.allow_private_hosts = each(&table, listed.value, private_host);
    }
    if let Some(at) = total_at
        && h.total_timeout < h.connect_timeout
    {
        let what = "`total_timeout` is shorter than `connect_timeout`: nothing could ever be fetched";
        table.report().push(Diagnostic::error(at, what));
    }
    table.finish();
    h
}

fn publish(table: Reader<'_>) -> Option<Publish> {
    let mut p = Publish {
        schedule: schedule("30 6 * * *").ok()?,
        timezone: "Europe/Paris".to_owned(),
        formats: PUBLISHED_FILES.iter().map(|name| (*name).to_owned()).collect(),
        compress: true,
        keep_daily: 14,
        keep_monthly: 12,
        max_drop: 0.02,
        base_url: None,
        ocid_prefix: None,
        signing_key: None,
        upload: None,
    };
    set(&mut p.schedule, table.scalar("schedule", |raw| schedule(&non_empty(raw)?)));
    set(&mut p.timezone, table.scalar("timezone", |raw| timezone(&non_empty(raw)?)));
    if let Some(listed) = table.strings("formats") {
        let chosen = each(&table, listed.value, published_file);
        p.formats.retain(|name| chosen.contains(&name.as_str()));
    }
    set(&mut p.compress, table.boolean("compress"));
    set_number(&mut p.keep_daily, table.integer("keep_daily", 1, 10_000));
    set_number(&mut p.keep_monthly, table.integer("keep_monthly", 0, 10_000));
    set(&mut p.max_drop, table.share("max_drop"));
    if let Some(url) = table.scalar("base_url", base_url) {
        if let Some(what) = secret_of(&url.value) {
            table.report().push(Diagnostic::error(url.at, what).secret());
        }
        p.base_url = Some(url.value);
    }
    p.ocid_prefix = table.scalar("ocid_prefix", ocid_prefix).map(|prefix| prefix.value);
    p.signing_key = super::stanza::credential(&table, "signing_key").map(|key| key.value);
    p.upload = super::upload::read(&table, &p.formats);
    table.finish();
    Some(p)
}

fn published_file(name: &str) -> Result<&'static str, Fault> {
    let all = PUBLISHED_FILES.iter().chain(ALWAYS_FILES).copied();
    if let Some(known) = all.clone().find(|known| *known == name) {
        return Ok(known);
    }
    if LATER_FILES.contains(&name) {
        let what = format!("this version cannot write `{name}` yet");
        return Err(Fault(what, format!("it writes {}", PUBLISHED_FILES.join(", "))));
    }
    Err(Fault(format!("`{name}` is no file of a publication"), suggest(name, PUBLISHED_FILES)))
}

/// A URL that ends in `/`, so that names can be appended.
fn base_url(raw: Raw<'_>) -> Result<url::Url, Fault> {
    let text = non_empty(raw)?;
    let url = web_url(&text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Fault("it has a query or a fragment".to_owned(), "write only scheme, host and path".to_owned()));
    }
    if url.path().ends_with('/') { Ok(url) } else { web_url(&format!("{text}/")) }
}

fn ocid_prefix(raw: Raw<'_>) -> Result<String, Fault> {
    let prefix = non_empty(raw)?;
    let ok = prefix
        .strip_prefix("ocds-")
        .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    let form = "`ocds-` and six letters or digits, as the Open Contracting Partnership gives them";
    if ok { Ok(prefix) } else { Err(Fault(format!("`{prefix}` is no OCDS prefix"), form.to_owned())) }
}

fn serve(table: Reader<'_>) -> Serve {
    let listen = table.scalar("listen", |raw| {
        let text = non_empty(raw)?;
        let form = "an address and a port, like \"127.0.0.1:8310\" or \"[::1]:8310\"";
        text.parse::<SocketAddr>().map_err(|_| Fault(format!("`{text}` is no address to listen on"), form.to_owned()))
    });
    let loopback = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    let default_metrics = || match IpNet::new(loopback[0], 8) {
        Ok(net) => vec![net.trunc(), IpNet::from(loopback[1])],
        Err(_) => loopback.map(IpNet::from).to_vec(),
    };
    let serve = Serve {
        listen: listen.map_or(SocketAddr::new(loopback[0], 8310), |listen| listen.value),
        trusted_proxies: networks(&table, "trusted_proxies").unwrap_or_default(),
        metrics_from: networks(&table, "metrics_from").unwrap_or_else(default_metrics),
    };
    table.finish();
    serve
}

fn merge(table: Reader<'_>) -> Merge {
    let mut merge = Merge::default();
    if let Some(across) = table.boolean("across_feeds") {
        merge.across_feeds = across.value;
    }
    table.finish();
    merge
}

fn archive(table: Reader<'_>) -> Archive {
    let mut archive = Archive::default();
    set_number(&mut archive.compression_level, table.integer("compression_level", 1, 19));
    table.finish();
    archive
}

fn log(table: Reader<'_>) -> Log {
    let levels = ["error", "warn", "info", "debug", "trace"].map(|level| (level, level));
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let log = Log {
        level: table.choice("level", &levels).map_or("info", |level| level.value),
        format: table.choice("format", &formats).map_or(LogFormat::Text, |format| format.value),
    };
    table.finish();
    log
}

/// The files of the extract, as written: one, or a list of them.
fn register(table: Reader<'_>) -> Vec<Located<String>> {
    let files = table.one_or_more("sirene", non_empty);
    table.finish();
    files
}
