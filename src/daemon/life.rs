//! The daemon's life: the pipeline as the scheduler's jobs, the web side beside it, status.json
//! rewritten after each run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, info, warn};

use super::cron::Schedule;
use super::due::{Due, Plan, Publication, Published};
use super::harvest_run::blocking;
use super::notify::{Heartbeat, Notifier, Pulse};
use super::pipeline::{Pipeline, RunError};
use super::publish_run::{self, PublishOptions};
use super::reload::{LastReload, Live, Watched};
use super::service::Service;
use super::shutdown::{self, DRAIN, Stop};
use super::status::{self, DaemonStatus, Status};
use super::supervise::{Ended, Harvested, Jobs, Standing};
use crate::config::Config;
use crate::publish::Published as Outcome;
use crate::serve::{self, MetricsOptions, ServeOptions};

/// How often the writer's pulse is taken: far below the watchdog's period.
const PULSE: Duration = Duration::from_secs(2);

/// What is told to whoever asks how the daemon does.
#[derive(Debug, Clone, Default)]
struct Telling {
    doing: String,
    reload_error: Option<String>,
}

struct Work {
    pipeline: Arc<Pipeline>,
    telling: Mutex<Telling>,
    /// As it was last written; held while it is, so that what is written last is newest.
    status: Mutex<Option<Status>>,
}

/// Lives until a signal ends it. `load` reads the configuration anew.
///
/// # Errors
/// A fault of the store at the start, signals that cannot be listened for.
pub async fn live(
    pipeline: Arc<Pipeline>,
    listener: tokio::net::TcpListener,
    notifier: Notifier,
    load: impl Fn() -> Result<Arc<Config>, String> + Send + Sync + 'static,
) -> Result<Ended, RunError> {
    let work = Arc::new(Work { pipeline: Arc::clone(&pipeline), telling: Mutex::default(), status: Mutex::default() });
    let starting = Arc::clone(&pipeline);
    // What a killed run left due is merged before anything new is looked at.
    blocking("start", move || {
        starting.enter_sources()?;
        starting.merge()
    })
    .await??;
    work.write_status().await;
    let (handle, stop) = shutdown::stop();
    let signals = shutdown::signals().map_err(|e| RunError::Setting(format!("cannot listen for signals: {e}")))?;
    let serving = tokio::spawn(web(Arc::clone(&work), listener, stop.clone()));
    let heart = Heartbeat::new();
    let beating = tokio::spawn(writer_pulse(Arc::clone(&pipeline), heart.writer.clone()));
    let told = Arc::clone(&work);
    let uploading = tokio::spawn(super::upload::keep(Arc::clone(&pipeline), move || {
        let work = Arc::clone(&told);
        async move { work.write_status().await }
    }));
    let clock = pipeline.clock;
    let service = Service {
        live: Arc::new(configuration(&pipeline, load)),
        jobs: Arc::new(Daemon(Arc::clone(&work))),
        clock,
        notifier,
        heart,
        drain: DRAIN,
    };
    let after = Arc::clone(&work);
    let ended = service.run(signals, (handle, stop), move |config, last| after.reloaded(&config, last)).await;
    work.tell(|t| t.doing = "stopped".to_owned());
    work.write_status().await;
    beating.abort();
    // What it left undone is due at the next start.
    uploading.abort();
    let _ = tokio::time::timeout(Duration::from_secs(12), serving).await;
    Ok(ended)
}

/// The configuration in force, all or nothing: one that cannot be used under this process is
/// refused as a whole.
fn configuration(
    pipeline: &Arc<Pipeline>,
    load: impl Fn() -> Result<Arc<Config>, String> + Send + Sync + 'static,
) -> Live<Arc<Config>> {
    let (of, now) = (Arc::clone(pipeline), pipeline.clock.now());
    let fresh = move || -> Result<Arc<Config>, Box<dyn std::fmt::Display + Send + Sync>> {
        let next = load().map_err(|e| Box::new(e) as Box<dyn std::fmt::Display + Send + Sync>)?;
        let refuse = |why: &str| Err(Box::new(why.to_owned()) as Box<dyn std::fmt::Display + Send + Sync>);
        let old = of.config();
        if next.data_dir != old.data_dir {
            return refuse("`data_dir` has changed: restart guichet to move to another data directory");
        }
        if next.serve.listen != old.serve.listen {
            return refuse("`[serve] listen` has changed: restart guichet to listen elsewhere");
        }
        if next.register != old.register {
            return refuse("`[register] sirene` has changed: restart guichet, which reads the register");
        }
        if super::replay::fingerprint(&next) != super::replay::fingerprint(&old) && !only_new_stanzas(&old, &next) {
            return refuse(
                "the region, or what the payloads of a source mean, has changed: restart guichet, which rebuilds its store from the archive",
            );
        }
        of.reconfigure(Arc::clone(&next)).map_err(|e| Box::new(e) as Box<dyn std::fmt::Display + Send + Sync>)?;
        Ok(next)
    };
    Live::new(pipeline.config(), now, watched, move || fresh().map_err(|e| e.to_string().into()))
}

/// A stanza that is new or has gone changes the meaning of no payload that is stored.
fn only_new_stanzas(old: &Config, new: &Config) -> bool {
    old.decoding_fingerprint() == new.decoding_fingerprint()
        && new
            .sources
            .iter()
            .all(|s| old.sources.get(&s.id).is_none_or(|o| o.decoding_fingerprint() == s.decoding_fingerprint()))
}

fn watched(config: &Arc<Config>) -> Watched {
    let files = &config.files;
    Watched {
        files: vec![files.guichet.clone(), files.sources.clone(), files.overrides.clone()],
        dirs: vec![files.sources_d.clone()],
    }
}

/// Beats while the writer thread does: it counts its own turns, one a second when idle.
async fn writer_pulse(pipeline: Arc<Pipeline>, pulse: Pulse) {
    let mut last = None;
    loop {
        let beats = pipeline.store.writer().beats();
        if last.replace(beats) != Some(beats) {
            pulse.beat();
        }
        tokio::time::sleep(PULSE).await;
    }
}

async fn web(work: Arc<Work>, listener: tokio::net::TcpListener, stop: Stop) {
    let config = work.pipeline.config();
    let (clock, metered) = (work.pipeline.clock, Arc::clone(&work));
    let mut options = ServeOptions::new(config.public_dir(), Arc::new(move || clock.now()));
    options.base_url = config.publish.base_url.as_ref().map(|u| u.as_str().trim_end_matches('/').to_owned());
    options.trusted_proxies = config.serve.trusted_proxies.clone();
    options.metrics = MetricsOptions {
        allow: config.serve.metrics_from.clone(),
        extra: Some(Arc::new(move |out| metered.metrics(out))),
    };
    // Port 0 in the configuration is any free one: what is said is where it listens.
    let address = listener.local_addr().unwrap_or(config.serve.listen);
    info!("serving on http://{address}/");
    if let Err(e) = serve::run(listener, serve::router(options), async move { stop.asked().await }).await {
        error!(
            "the web side on {address} has stopped: {e}; harvests and publications go on, restart guichet to serve again"
        );
    }
}

/// A report of errors for status.json, which is public: what is wrong and where (`file:line:column`),
/// without the lines themselves and without folders.
fn without_lines(report: &str) -> String {
    let mut told = Vec::new();
    let mut lines = report.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(what) = line.strip_prefix("error: ") else { continue };
        let place = lines.peek().and_then(|next| next.trim_start().strip_prefix("--> "));
        let place = place.map(|p| p.rsplit('/').next().unwrap_or(p));
        told.push(place.map_or_else(|| what.to_owned(), |place| format!("{place}: {what}")));
    }
    if told.is_empty() { report.to_owned() } else { told.join("\n") }
}

impl Work {
    fn tell(&self, change: impl FnOnce(&mut Telling)) {
        change(&mut self.telling.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn telling(&self) -> Telling {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reloaded(self: &Arc<Self>, config: &Arc<Config>, last: &LastReload) {
        self.tell(|t| t.reload_error = last.error.as_deref().map(without_lines));
        if last.error.is_none() {
            info!(sources = config.sources.len(), "{} sources configured", config.sources.len());
        }
        let work = Arc::clone(self);
        tokio::spawn(async move {
            let pipeline = Arc::clone(&work.pipeline);
            // Decisions may have changed: the buyers that they name are merged again at once.
            let taken_up = blocking("take up the new configuration", move || {
                pipeline.enter_sources()?;
                pipeline.merge()
            });
            match taken_up.await {
                Ok(Ok(_)) => {}
                Ok(Err(e)) => error!("{e}"),
                Err(e) => error!("{e}"),
            }
            work.write_status().await;
        });
    }

    /// Rewrites public/status.json from the store. A failure is logged: health is a help, and stops
    /// nothing.
    async fn write_status(self: &Arc<Self>) {
        let work = Arc::clone(self);
        let written = blocking("write status.json", move || {
            let mut last = work.status.lock().unwrap_or_else(PoisonError::into_inner);
            let pipeline = &work.pipeline;
            *last = Some(status::read(&pipeline.config(), &pipeline.store.snapshot()?, pipeline.clock.now())?);
            work.write(&mut last)
        });
        complain(written.await);
    }

    /// Rewrites what it says of the daemon alone: the rest is a walk through the store.
    fn write_standing(self: &Arc<Self>) {
        let work = Arc::clone(self);
        tokio::spawn(async move {
            let written = blocking("write status.json", move || {
                work.write(&mut work.status.lock().unwrap_or_else(PoisonError::into_inner))
            });
            complain(written.await);
        });
    }

    fn write(&self, last: &mut Option<Status>) -> Result<(), RunError> {
        let Some(status) = last else { return Ok(()) };
        let telling = self.telling();
        status.daemon = Some(DaemonStatus {
            doing: telling.doing,
            written: self.pipeline.clock.now().to_string(),
            config_last_reload_successful: telling.reload_error.is_none(),
            config_error: telling.reload_error,
        });
        let path = self.pipeline.config().public_dir();
        status::write(&path, status).map_err(|source| RunError::Io { what: "write status.json in", path, source })
    }

    fn metrics(&self, out: &mut String) {
        let config = self.pipeline.config();
        let path = super::pipeline::store_path(&config);
        let size = |p: &std::path::Path| std::fs::metadata(p).map_or(0, |m| m.len());
        let reload = self.telling().reload_error.is_none();
        self.pipeline.meters.write(out, reload, size(&path), size(&path.with_extension("db-wal")));
    }
}

fn complain(written: Result<Result<(), RunError>, RunError>) {
    if let Ok(Err(e)) | Err(e) = written {
        warn!("{e}");
    }
}

/// The pipeline as the scheduler sees it.
struct Daemon(Arc<Work>);

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Jobs for Daemon {
    async fn plan(&self, _now: Timestamp) -> Result<Plan, Cause> {
        let pipeline = Arc::clone(&self.0.pipeline);
        blocking("plan", move || plan(&pipeline)).await?.map_err(Cause::from)
    }

    async fn harvest(&self, ids: Vec<String>, stop: Stop) -> Harvested {
        let pipeline = &self.0.pipeline;
        let config = pipeline.config();
        let sources = ids.iter().filter_map(|id| config.sources.get(id).cloned()).collect();
        let changed = match pipeline.harvest(sources, false, stop).await {
            Ok(report) => report.merge.changed > 0,
            Err(e) => {
                error!("the harvest broke off: {e}");
                false
            }
        };
        self.0.write_status().await;
        Harvested { changed }
    }

    async fn publish(&self, _stop: Stop) -> Published {
        // A reload may have changed the rules of the merge since the last harvest.
        let pipeline = Arc::clone(&self.0.pipeline);
        match blocking("merge", move || pipeline.merge()).await {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => return Published::Failed(e.to_string()),
            Err(e) => return Published::Failed(e.to_string()),
        }
        let published = match publish_run::publish(&self.0.pipeline, PublishOptions::default()).await {
            Ok(Outcome::New(outcome)) => {
                info!(contracts = outcome.counts.contrats, "publication {} stands", outcome.publication);
                Published::Written
            }
            Ok(Outcome::Same { .. }) => Published::Unchanged,
            Err(RunError::Publish(e)) if e.is_refusal() => Published::Refused(e.to_string()),
            Err(e) => Published::Failed(e.to_string()),
        };
        self.0.write_status().await;
        published
    }

    fn standing(&self, standing: &Standing) {
        self.0.tell(|t| t.doing = standing.to_string());
        self.0.write_standing();
    }
}

fn plan(pipeline: &Pipeline) -> Result<Plan, RunError> {
    let config = pipeline.config();
    let snapshot = pipeline.store.snapshot()?;
    let states = snapshot.sources()?;
    let time = |text: &Option<String>| text.as_ref().and_then(|t| t.parse::<Timestamp>().ok());
    let due = config.sources.enabled().map(|source| {
        let state = states.iter().find(|s| s.source.id == source.id);
        Due {
            id: source.id.clone(),
            next_run: state.and_then(|s| time(&s.next_run)),
            last_attempt: state.and_then(|s| time(&s.last_attempt)),
            failing: state.is_some_and(|s| s.consecutive_failures > 0),
        }
    });
    let zone = jiff::tz::TimeZone::get(&config.publish.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let publication = Publication {
        schedule: Schedule::new(&config.publish.schedule.1, zone),
        last: snapshot.last_publication()?.and_then(|p| time(&Some(p.created))),
        changed: pipeline.changed_since_publication()?,
    };
    Ok(Plan { sources: due.collect(), publication })
}

#[cfg(test)]
mod tests {
    use super::without_lines;

    #[test]
    fn what_is_told_of_a_refused_configuration_holds_neither_its_lines_nor_its_folders() {
        let report = "error: unknown key `shedule`\n --> /etc/guichet/sources.toml:5:1\n  |\n5 | shedule = \"secret\"\n  = help: x\n\nerror: a bad URL\n --> a.toml:7:2\n\n2 errors\n";
        assert_eq!(without_lines(report), "sources.toml:5:1: unknown key `shedule`\na.toml:7:2: a bad URL");
        assert_eq!(without_lines("`data_dir` has changed"), "`data_dir` has changed");
    }
}
