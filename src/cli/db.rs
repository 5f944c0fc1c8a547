//! `guichet db check|backup|restore`: the store's file. Check and backup work beside a running
//! daemon; restore holds the lock.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Ended;
use super::args::Reading;
use super::context::{Failure, Start};
use super::output::{Out, bytes, counted};
use crate::daemon::decisions::Decisions;
use crate::daemon::exit::Exit;
use crate::daemon::removal;
use crate::store;

#[derive(Serialize)]
struct Checked<'a> {
    sound: bool,
    path: String,
    version: i64,
    integrity: &'a [String],
    orphans: Vec<Orphans<'a>>,
    dirty_buyers: u64,
    observations: u64,
    contracts: u64,
}

#[derive(Serialize)]
struct Orphans<'a> {
    what: &'a str,
    rows: u64,
}

/// The store's file in a data directory.
fn file(dir: &Path) -> PathBuf {
    dir.join("guichet.db")
}

fn existing(dir: &Path) -> Result<PathBuf, Failure> {
    let path = file(dir);
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::failed(format!(
        "there is no store at {}: `guichet harvest` makes one, `guichet replay` makes it from the archive; --data-dir names another directory",
        path.display()
    )))
}

pub(super) fn check(start: &Start, args: &Reading) -> Ended {
    let (dir, _) = start.open_data_dir()?;
    let path = existing(&dir)?;
    let report = store::check(&path)?;
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        out.json(&Checked {
            sound: report.is_sound(),
            path: path.display().to_string(),
            version: report.version,
            integrity: &report.integrity,
            orphans: report.orphans.iter().map(|(what, rows)| Orphans { what, rows: *rows }).collect(),
            dirty_buyers: report.dirty,
            observations: report.observations,
            contracts: report.contracts,
        })?;
    } else {
        for complaint in &report.integrity {
            out.line(&format!("integrity: {complaint}"))?;
        }
        for (what, rows) in &report.orphans {
            out.line(&format!("{what}: {}", counted(*rows, "row")))?;
        }
        out.line(&format!(
            "{}: {} (format {}): {}, {}, {} due for a merge",
            if report.is_sound() { "ok" } else { "damaged" },
            path.display(),
            report.version,
            counted(report.observations, "observation"),
            counted(report.contracts, "contract"),
            counted(report.dirty, "buyer")
        ))?;
        if !report.is_sound() {
            out.line("stop the daemon, move the file away and run `guichet replay`, or `guichet db restore` a backup")?;
        }
    }
    out.finish()?;
    Ok(if report.is_sound() { Exit::Done } else { Exit::Failed })
}

pub(super) fn backup(start: &Start, to: &Path) -> Ended {
    let (dir, _) = start.open_data_dir()?;
    let path = existing(&dir)?;
    // What was removed must stay so wherever this is restored.
    store::backup_with(&path, to, &Decisions::export(&dir)?)?;
    let size = std::fs::metadata(to).map_or(0, |m| m.len());
    said(&format!("{} saved to {} ({})", path.display(), to.display(), bytes(size)))
}

pub(super) fn restore(start: &Start, from: &Path) -> Ended {
    if !from.is_file() {
        return Err(Failure::failed(format!(
            "there is no backup {}: name a file that `guichet db backup` wrote",
            from.display()
        )));
    }
    let (dir, _lock) = start.open_data_dir()?;
    let path = file(&dir);
    let before = path.exists();
    // What either of them decided holds, before the old rows come back.
    let decisions = Decisions::join(&dir, &store::carried_decisions(from)?)?;
    crash_point!("restore.joined");
    let mut removed = 0;
    store::restore(&path, from, |store| {
        store.drop_carried()?;
        // Whoever follows changes.ndjson must not take the numbers of before for those that come now.
        store.begin_epoch(uuid::Uuid::new_v4().to_string())?;
        if !decisions.redacts_nothing() {
            removed = removal::purge_store(store, &decisions)?.observations;
            store.compact()?;
        }
        Ok(())
    })?;
    let kept =
        if before { format!("; what stood there is kept as {}.before-restore", path.display()) } else { String::new() };
    let again = match removed {
        0 => String::new(),
        n => format!("; {} that decisions/ removes taken out of it again", counted(n, "observation")),
    };
    said(&format!("{} restored from {}, with a new epoch{kept}{again}", path.display(), from.display()))
}

fn said(text: &str) -> Ended {
    let mut out = Out::stdout(false);
    out.line(text)?;
    out.finish()?;
    Ok(Exit::Done)
}
