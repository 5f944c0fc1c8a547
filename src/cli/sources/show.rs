//! `guichet sources show ID`: the stanza as it is understood, the state, the resources.

use serde::Serialize;

use super::stanza;
use super::unknown;
use crate::cli::Ended;
use crate::cli::context::{Failure, Opened};
use crate::cli::output::{Column, Out, bytes};
use crate::cli::status::{self, when};
use crate::config::Source;
use crate::daemon::exit::Exit;
use crate::daemon::status::SourceStatus;
use crate::store::ResourceRow;

const COLUMNS: [Column; 7] = [
    Column::left("resource"),
    Column::left("state"),
    Column::right("records"),
    Column::right("size"),
    Column::left("seen whole"),
    Column::left("dated"),
    Column::left("title"),
];

/// What `--json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    configured: Option<Stanza<'a>>,
    status: &'a SourceStatus,
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Stanza<'a> {
    name: &'a str,
    url: String,
    catalog: &'a str,
    format: &'a str,
    authority: &'a str,
    buyers: Vec<&'a str>,
    licence: &'a str,
    republishable: bool,
    schedule: &'a str,
    schedule_spread: bool,
    timezone: &'a str,
    enabled: bool,
    disabled_reason: Option<&'a str>,
    include: &'a [String],
    exclude: &'a [String],
    headers: Vec<&'a String>,
    credential: Option<String>,
    max_bytes: u64,
    timeout_seconds: f64,
    per_host: usize,
    min_records: Option<u64>,
    max_shrink: f64,
    snapshot: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    id: &'a str,
    url: &'a str,
    title: &'a str,
    state: &'a str,
    records: u64,
    bytes: Option<u64>,
    sha256: Option<&'a str>,
    resource_date: Option<String>,
    whole_day: Option<String>,
    error: Option<&'a str>,
}

/// Prints what is known of one source, configured or orphan.
pub(in crate::cli) fn show(opened: &Opened, id: &str, json: bool) -> Ended {
    let stanza = opened.config.sources.get(id).map(std::ops::Deref::deref);
    let (status, _) = status::read(opened)?;
    let Some(state) = status.sources.iter().find(|s| s.id == id) else {
        let stored: Vec<String> = status.sources.iter().map(|s| s.id.clone()).collect();
        return Err(unknown(id, opened, &stored));
    };
    let resources = resources(opened, id)?;
    let mut out = Out::stdout(json);
    if out.is_json() {
        out.json(&Shown {
            id,
            configured: stanza.map(described),
            status: state,
            resources: resources.iter().map(resource).collect(),
        })?;
    } else {
        let text = match stanza {
            Some(source) => stanza::effective(source).to_string(),
            None => format!(
                "# no stanza any more: what it said stands until `guichet sources forget {id}`\n# {}, {}\n",
                state.name, state.url
            ),
        };
        text.lines().try_for_each(|line| out.line(line))?;
        out.line("")?;
        out.line(&format!("state: {}", state.state))?;
        out.line(&format!("last success: {}", when(&state.last_success)))?;
        out.line(&format!("next run: {}", when(&state.next_run)))?;
        let r = &state.records;
        out.line(&format!(
            "records: {} received = {} accepted + {} superseded + {} repeats + {} quarantined + {} out of region; {} repaired",
            r.received, r.accepted, r.superseded, r.repeats, r.quarantined, r.out_of_region, r.repaired
        ))?;
        if let Some(error) = &state.last_error {
            out.line(&format!("last error ({} in a row): {error}", state.consecutive_failures))?;
        }
        out.line("")?;
        out.table(&COLUMNS, resources.iter().map(row))?;
        for r in &resources {
            if let Some(error) = &r.error {
                out.line(&format!("{}: {error}", r.id))?;
            }
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn resources(opened: &Opened, id: &str) -> Result<Vec<ResourceRow>, Failure> {
    let Some(snapshot) = opened.snapshot()? else { return Ok(Vec::new()) };
    match snapshot.sources()?.iter().find(|s| s.source.id == id) {
        Some(source) => Ok(snapshot.resources(Some(source.source.n))?),
        None => Ok(Vec::new()),
    }
}

fn row(r: &ResourceRow) -> Vec<String> {
    let day = |d: Option<crate::record::Day>| d.map_or_else(|| "-".to_owned(), |d| d.to_string());
    vec![
        r.id.clone(),
        r.state.clone(),
        r.records.to_string(),
        r.bytes.map_or_else(|| "-".to_owned(), bytes),
        day(r.whole_day),
        day(r.resource_date),
        r.title.clone(),
    ]
}

fn resource(r: &ResourceRow) -> Resource<'_> {
    Resource {
        id: &r.id,
        url: &r.url,
        title: &r.title,
        state: &r.state,
        records: r.records,
        bytes: r.bytes,
        sha256: r.sha256.as_deref(),
        resource_date: r.resource_date.map(|d| d.to_string()),
        whole_day: r.whole_day.map(|d| d.to_string()),
        error: r.error.as_deref(),
    }
}

fn described(s: &Source) -> Stanza<'_> {
    Stanza {
        name: &s.name,
        url: crate::harvest::ShownUrl::of(&s.url).as_str().to_owned(),
        catalog: s.catalog.word(),
        format: s.format.word(),
        authority: s.authority.word(),
        buyers: s.buyers.iter().map(|b| b.as_str()).collect(),
        licence: s.licence.id(),
        republishable: s.licence.allows_republication(),
        schedule: &s.schedule.line,
        schedule_spread: s.schedule.spread,
        timezone: &s.schedule.timezone,
        enabled: s.enabled,
        disabled_reason: s.disabled_reason.as_deref(),
        include: s.include.patterns(),
        exclude: s.exclude.patterns(),
        headers: s.headers.keys().collect(),
        credential: s.credential.as_ref().map(ToString::to_string),
        max_bytes: s.max_bytes,
        timeout_seconds: s.timeout.as_secs_f64(),
        per_host: s.per_host,
        min_records: s.min_records,
        max_shrink: s.max_shrink,
        snapshot: s.snapshot.word(),
    }
}
