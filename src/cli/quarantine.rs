//! `guichet quarantine list|show|retry`: the records that cannot be used. Listing and showing work
//! beside a running daemon, on the store's rows and the archive's payloads; `retry` holds the lock.

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::Ended;
use super::context::{Failure, Opened};
use super::output::{Column, Out, OutputError, counted};
use crate::daemon::exit::Exit;
use crate::daemon::{quarantine, replay};
use crate::decode::SplitOptions;
use crate::harvest::{Archive, NoProgress};
use crate::refine::catalogue;
use crate::store::{Quarantined, Snapshot, StoreError};

const COLUMNS: [Column; 8] = [
    Column::right("n"),
    Column::left("source"),
    Column::left("resource"),
    Column::right("position"),
    Column::right("bytes"),
    Column::left("reason"),
    Column::left("first seen"),
    Column::left("detail"),
];

/// Rows read at once.
const PAGE: u32 = 512;

#[derive(Serialize)]
struct Message {
    fr: &'static str,
    en: &'static str,
}

/// A record in quarantine, as JSON shows it.
#[derive(Serialize)]
struct Shown<'a> {
    n: i64,
    source: &'a str,
    resource: &'a str,
    position: u32,
    payload: String,
    bytes: [u64; 2],
    reason: String,
    message: Message,
    remedy: Message,
    detail: String,
    first_seen: String,
}

impl<'a> Shown<'a> {
    fn of(source: &'a str, resource: &'a str, row: Quarantined) -> Self {
        let entry = catalogue::entry(&row.reason);
        let message = entry.map_or(("", ""), |e| (e.french, e.english));
        let remedy = entry.map_or(("", ""), |e| (e.remedy.french(), e.remedy.english()));
        Self {
            n: row.n,
            source,
            resource,
            position: row.position,
            payload: row.payload,
            bytes: [row.byte_start, row.byte_start + row.byte_len],
            reason: row.reason,
            message: Message { fr: message.0, en: message.1 },
            remedy: Message { fr: remedy.0, en: remedy.1 },
            detail: row.detail,
            first_seen: row.first_seen.to_string(),
        }
    }

    fn cells(self) -> Vec<String> {
        vec![
            self.n.to_string(),
            self.source.to_owned(),
            self.resource.to_owned(),
            self.position.to_string(),
            format!("{}-{}", self.bytes[0], self.bytes[1]),
            self.reason,
            self.first_seen,
            self.detail,
        ]
    }
}

/// Calls back with every record, by source, resource and position.
fn each(
    snapshot: &Snapshot,
    only: Option<&str>,
    mut show: impl FnMut(Shown<'_>) -> Result<(), OutputError>,
) -> Result<(), Failure> {
    for of in snapshot.quarantines()?.iter().filter(|of| only.is_none_or(|id| of.source == id)) {
        let mut from = 0;
        loop {
            let page = snapshot.quarantine_page(of.resource, from, PAGE)?;
            let Some(last) = page.last().map(|row| row.position) else { break };
            for row in page {
                show(Shown::of(&of.source, &of.resource_id, row))?;
            }
            from = last.saturating_add(1);
        }
    }
    Ok(())
}

pub(super) fn list(opened: &Opened, only: Option<&str>, as_json: bool) -> Ended {
    let snapshot = opened.snapshot()?;
    if let Some(id) = only {
        let stored = match &snapshot {
            Some(snapshot) => snapshot.sources()?.iter().any(|s| s.source.id == id),
            None => false,
        };
        if !stored && opened.config.sources.get(id).is_none() {
            return Err(Failure::usage(format!(
                "there is no source `{id}`: `guichet sources list` shows those there are"
            )));
        }
    }
    let mut out = Out::stdout(as_json);
    match (&snapshot, out.is_json()) {
        (None, true) => out.json(&json!({"quarantine": []}))?,
        (None, false) => {}
        (Some(snapshot), true) => {
            let mut all = Vec::new();
            each(snapshot, only, |shown| {
                all.push(serde_json::to_value(shown).map_err(OutputError::Json)?);
                Ok(())
            })?;
            out.json(&json!({"quarantine": all}))?;
        }
        (Some(snapshot), false) => {
            let mut rows = Vec::new();
            each(snapshot, only, |shown| {
                rows.push(shown.cells());
                Ok(())
            })?;
            out.table(&COLUMNS, rows)?;
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}

pub(super) fn show(opened: &Opened, n: i64, as_json: bool) -> Ended {
    let found = match opened.snapshot()? {
        Some(snapshot) => snapshot.quarantined(n)?.map(|found| (found, snapshot)),
        None => None,
    };
    let Some(((source, resource, row), snapshot)) = found else {
        return Err(Failure::usage(format!(
            "nothing in quarantine has number {n}: `guichet quarantine list` shows the numbers; a record that was mended loses its own"
        )));
    };
    let archive = Archive::beside(opened.config.data_dir.join("archive"));
    let raw = raw(&snapshot, &archive, &quarantine::reading_of(&opened.config, &source), &row)?;
    let shown = Shown::of(&source, &resource, row);
    let mut out = Out::stdout(as_json);
    if out.is_json() {
        let mut document = serde_json::to_value(&shown)?;
        if let Some(members) = document.as_object_mut() {
            members.insert("raw".to_owned(), json!(raw));
        }
        out.json(&document)?;
    } else {
        print(&shown, raw.as_deref(), &mut out)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn print<W: Write>(s: &Shown<'_>, raw: Option<&str>, out: &mut Out<W>) -> Result<(), OutputError> {
    out.line(&format!("{}: source {}, resource {}, position {}", s.n, s.source, s.resource, s.position))?;
    out.line(&format!("payload {}, bytes {} to {} of its text", s.payload, s.bytes[0], s.bytes[1]))?;
    out.line(&format!("first seen {}", s.first_seen))?;
    out.line(&format!("{}: {} / {}", s.reason, s.message.fr, s.message.en))?;
    if !s.detail.is_empty() {
        out.line(&s.detail)?;
    }
    out.line(&format!("→ {} / {}", s.remedy.fr, s.remedy.en))?;
    out.line("")?;
    match raw {
        Some(raw) => raw.lines().try_for_each(|line| out.line(line)),
        None => out.line("its text cannot be read: the archive no longer has the payload"),
    }
}

/// The text of one record; `None` when the archive has it no more.
fn raw(
    snapshot: &Snapshot,
    archive: &Archive,
    options: &SplitOptions,
    wanted: &Quarantined,
) -> Result<Option<String>, Failure> {
    enum End {
        Found(Option<String>),
        Store(StoreError),
    }
    impl From<StoreError> for End {
        fn from(e: StoreError) -> Self {
            Self::Store(e)
        }
    }
    let end = quarantine::of_resource(snapshot, archive, wanted.resource, options, usize::MAX, |row, raw| {
        if row.n == wanted.n { Err(End::Found(raw)) } else { Ok(()) }
    });
    match end {
        Ok(()) => Ok(None),
        Err(End::Found(raw)) => Ok(raw),
        Err(End::Store(e)) => Err(e.into()),
    }
}

pub(super) fn retry(opened: &Opened) -> Ended {
    let pipeline = replay::open_current(Arc::clone(&opened.config), opened.clock, Arc::new(NoProgress))?;
    let done = pipeline.retry_quarantine()?;
    let mut out = Out::stdout(false);
    out.line(&format!(
        "{} read again: {} in quarantine before, {} after; {} written",
        counted(done.payloads, "payload"),
        counted(done.before, "record"),
        done.after,
        counted(done.contracts as u64, "contract"),
    ))?;
    if done.lost > 0 {
        out.line(&format!(
            "{} could not be read again: no longer in the archive, or no longer readable; their records stay as they were",
            counted(done.lost, "payload")
        ))?;
    }
    out.finish()?;
    Ok(if done.lost > 0 { Exit::Partial } else { Exit::Done })
}
