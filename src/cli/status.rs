//! `guichet status`: the health of each source, of the store, of the last publication and of the
//! daemon. Reads a snapshot, so it works beside a running daemon; writes nothing.

use std::io::Write;

use super::Ended;
use super::args::Reading;
use super::context::{Opened, Start};
use super::output::{Column, Out, OutputError, Shape, bytes, counted, instant};
use crate::config::{ProcessEnv, data_dir_in_spite_of_errors};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::store_path;
use crate::daemon::status::{self, DaemonStatus, SourceStatus, Status};

const COLUMNS: [Column; 9] = [
    Column::left("source"),
    Column::left("state"),
    Column::left("last success"),
    Column::left("next run"),
    Column::right("failures"),
    Column::right("received"),
    Column::right("accepted"),
    Column::right("quarantined"),
    Column::left("last error"),
];

pub(super) fn run(start: &Start, args: &Reading) -> Ended {
    let opened = match start.open() {
        Ok(opened) => opened,
        Err(failure) => {
            if failure.is_of_configuration() {
                show_daemon_alone(start, args)?;
            }
            return Err(failure);
        }
    };
    let (status, stored) = read(&opened)?;
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        out.json(&status)?;
    } else {
        show(&status, stored, &opened, &mut out)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// The status, and whether there is a store at all.
pub(super) fn read(opened: &Opened) -> Result<(Status, bool), super::Failure> {
    let now = opened.clock.now();
    let snapshot = opened.snapshot()?;
    let mut status = match &snapshot {
        Some(snapshot) => status::read(&opened.config, snapshot, now)?,
        None => status::of_config(&opened.config, now),
    };
    status.daemon = status::daemon(&opened.config.public_dir());
    Ok((status, snapshot.is_some()))
}

/// The cells of a source that `status` and `sources list` share the words for.
pub(super) fn when(text: &Option<String>) -> String {
    text.as_deref().map_or_else(|| "-".to_owned(), instant)
}

fn row(s: &SourceStatus) -> Vec<String> {
    vec![
        s.id.clone(),
        s.state.to_owned(),
        when(&s.last_success),
        when(&s.next_run),
        s.consecutive_failures.to_string(),
        s.records.received.to_string(),
        s.records.accepted.to_string(),
        s.records.quarantined.to_string(),
        s.last_error.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn show<W: Write>(status: &Status, stored: bool, opened: &Opened, out: &mut Out<W>) -> Result<(), OutputError> {
    out.table(&COLUMNS, status.sources.iter().map(row))?;
    // In a pipe these lines must not be taken for sources.
    let mark = if out.shape() == Shape::Table { "" } else { "# " };
    let store = &status.store;
    out.line(&match stored {
        false => {
            format!("{mark}store: none yet at {}; `guichet harvest` makes it", store_path(&opened.config).display())
        }
        true => format!(
            "{mark}store: {}, write-ahead log {}, {} due for a merge",
            bytes(store.bytes),
            bytes(store.wal_bytes),
            counted(store.dirty_buyers, "buyer")
        ),
    })?;
    out.line(&match &status.publication {
        None => format!("{mark}publication: none yet; `guichet publish` writes one"),
        Some(p) => format!(
            "{mark}publication: {} of {}, seq {}, {}",
            p.publication,
            instant(&p.created),
            p.last_seq,
            if p.outdated { "the store holds something newer" } else { "up to date" }
        ),
    })?;
    if let Some(upload) = &status.upload {
        let stands = match (&upload.last_error, upload.due) {
            (Some(error), _) => format!("failed {} in a row: {error}", counted(upload.consecutive_failures, "time")),
            (None, true) => "due".to_owned(),
            (None, false) => "up to date".to_owned(),
        };
        out.line(&format!("{mark}upload to {}: last success {}, {stands}", upload.bucket, when(&upload.last_success)))?;
    }
    for void in status.decisions.iter().flat_map(|d| &d.void) {
        out.line(&format!("{mark}decision without effect: {void}"))?;
    }
    if let Some(daemon) = &status.daemon {
        show_daemon(daemon, mark, out)?;
    }
    Ok(())
}

fn show_daemon<W: Write>(daemon: &DaemonStatus, mark: &str, out: &mut Out<W>) -> Result<(), OutputError> {
    out.line(&format!("{mark}daemon: {} (as of {})", daemon.doing, instant(&daemon.written)))?;
    if !daemon.config_last_reload_successful {
        let why = daemon.config_error.as_deref().unwrap_or("see its log").replace('\n', "; ");
        out.line(&format!("{mark}daemon: the last reload of the configuration was refused: {why}"))?;
    }
    Ok(())
}

/// Under a configuration that cannot be used: what a daemon, which lives on the one before, last
/// said. Silent where there is none.
fn show_daemon_alone(start: &Start, args: &Reading) -> Result<(), OutputError> {
    let (file, dir) = (start.global.config.as_deref(), start.global.data_dir.as_deref());
    let Some(public) = data_dir_in_spite_of_errors(file, dir, &ProcessEnv).map(|dir| dir.join("public")) else {
        return Ok(());
    };
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        let written = std::fs::read(public.join("status.json")).ok();
        if let Some(status) = written.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok()) {
            out.json(&status)?;
        }
    } else if let Some(daemon) = status::daemon(&public) {
        show_daemon(&daemon, if out.shape() == Shape::Table { "" } else { "# " }, &mut out)?;
    }
    out.finish()?;
    Ok(())
}
