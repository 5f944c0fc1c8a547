//! `guichet harvest`: every source asked for, now; then the merge. Publishes nothing.

use std::sync::Arc;

use super::Ended;
use super::args::Harvest;
use super::context::{Failure, Opened, runtime};
use super::output::{Column, Out, shows_progress};
use super::progress::Bars;
use crate::config::Source;
use crate::daemon::exit::Exit;
use crate::daemon::harvest_report::{HarvestReport, SourceReport};
use crate::daemon::pipeline::{access, harvester};
use crate::daemon::replay;
use crate::daemon::shutdown;
use crate::harvest::{NoProgress, Progress};

pub(super) fn run(opened: &Opened, args: &Harvest) -> Ended {
    let sources = asked(opened, &args.ids)?;
    if args.dry_run {
        return dry_run(opened, &sources);
    }
    let progress: Arc<dyn Progress> = if shows_progress() { Arc::new(Bars::new()) } else { Arc::new(NoProgress) };
    let pipeline = Arc::new(replay::open_current(opened.config.clone(), opened.clock, progress)?);
    pipeline.enter_sources()?;
    let report = runtime()?.block_on(async {
        let (handle, stop) = shutdown::stop();
        let signals = shutdown::signals()
            .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
        tokio::spawn(shutdown::obey(signals, shutdown::DRAIN, handle));
        let insist = stop.clone();
        tokio::select! {
            report = pipeline.harvest(sources, args.force, stop) => Ok::<_, Failure>(report?),
            () = insist.now() => Err(Failure::failed("stopped: what was committed stands, the rest is asked for at the next harvest")),
        }
    })?;
    // The log is folded while the status is counted.
    pipeline.fold();
    super::publish::write_status(&pipeline)?;
    pipeline.close();
    tell(&report)?;
    Ok(report.exit())
}

/// The enabled sources, or those named, which may be disabled: whoever names one means it.
pub(super) fn asked(opened: &Opened, ids: &[String]) -> Result<Vec<Arc<Source>>, Failure> {
    let sources = &opened.config.sources;
    if ids.is_empty() {
        return Ok(sources.enabled().cloned().collect());
    }
    let find = |id: &String| match sources.get(id) {
        Some(source) => Ok(Arc::clone(source)),
        None => {
            let nearest = sources.nearest(id).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Err(Failure::usage(format!(
                "there is no source `{id}` in {}{nearest}",
                opened.config.files.sources.display()
            )))
        }
    };
    let mut found: Vec<Arc<Source>> = ids.iter().map(find).collect::<Result<_, _>>()?;
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}

const COLUMNS: [Column; 9] = [
    Column::left("source"),
    Column::left("state"),
    Column::right("fetched"),
    Column::right("unchanged"),
    Column::right("failed"),
    Column::right("records"),
    Column::right("new"),
    Column::right("quarantined"),
    Column::left("error"),
];

fn tell(report: &HarvestReport) -> Result<(), Failure> {
    let mut out = Out::stdout(false);
    let row = |s: &SourceReport| {
        vec![
            s.id.clone(),
            state(s).to_owned(),
            s.fetched.to_string(),
            s.unchanged.to_string(),
            s.failed.to_string(),
            s.received.to_string(),
            s.new.to_string(),
            s.quarantined.to_string(),
            s.error.clone().unwrap_or_default(),
        ]
    };
    out.table(&COLUMNS, report.sources.iter().map(row))?;
    out.line(&format!("{} buyers merged, {} contracts changed", report.merge.buyers, report.merge.changed))?;
    out.finish()?;
    Ok(())
}

fn state(s: &SourceReport) -> &'static str {
    match (s.succeeded(), s.partial) {
        (true, false) => "ok",
        (true, true) => "partial",
        (false, _) => "failed",
    }
}

/// Lists what each source offers and what would be asked for; fetches and stores nothing.
fn dry_run(opened: &Opened, sources: &[Arc<Source>]) -> Ended {
    let harvester = harvester(&opened.config, Arc::new(NoProgress))?;
    let known = match opened.snapshot()? {
        Some(snapshot) => {
            let states = snapshot.sources()?;
            let number = |id: &str| states.iter().find(|s| s.source.id == id).map(|s| s.source.n);
            let mut all = std::collections::BTreeMap::new();
            for source in sources {
                if let Some(n) = number(&source.id) {
                    all.insert(source.id.clone(), snapshot.resources(Some(n))?);
                }
            }
            all
        }
        None => std::collections::BTreeMap::new(),
    };
    let mut out = Out::stdout(false);
    let (mut rows, mut faulty) = (Vec::new(), 0);
    let runtime = runtime()?;
    for source in sources {
        let listing = match access(source) {
            Ok(access) => runtime.block_on(harvester.list(&access, opened.clock.now())).map_err(|e| e.to_string()),
            Err(error) => Err(error),
        };
        match listing {
            Err(error) => {
                faulty += 1;
                rows.push(vec![source.id.clone(), String::new(), "failed".to_owned(), error]);
            }
            Ok(listing) => {
                let before = known.get(&source.id).map(Vec::as_slice).unwrap_or_default();
                for resource in &listing.resources {
                    let row = before.iter().find(|b| b.id == resource.id);
                    let same =
                        row.and_then(|b| b.checksum.as_ref()?.parse().ok()).is_some_and(|c| resource.same_as(&c));
                    let what = match row {
                        None => "fetch",
                        Some(_) if same => "skip: same checksum",
                        Some(b) if b.validators.etag.is_some() || b.validators.last_modified.is_some() => {
                            "ask if changed"
                        }
                        Some(_) => "fetch again",
                    };
                    rows.push(vec![source.id.clone(), resource.title.clone(), what.to_owned(), resource.url.clone()]);
                }
            }
        }
    }
    let columns = [Column::left("source"), Column::left("resource"), Column::left("would"), Column::left("where")];
    out.table(&columns, rows)?;
    out.finish()?;
    Ok(Exit::of_run(sources.len() - faulty, faulty))
}
