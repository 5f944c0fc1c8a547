//! Takes up a changed configuration while running: all of it, or none.
//!
//! In: SIGHUP, or a change of the watched files. Out: one swap of one pointer, and how it went,
//! for the log, `status` and the metrics. Work under way ends under the configuration it began
//! with. Knows nothing of what a configuration holds: loading is a function it is given.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tracing::{error, info, warn};
use xxhash_rust::xxh3::Xxh3;

use super::clock::Clock;
use super::notify::Notifier;
use super::shutdown::Stop;

/// Quiet time after a change of a file before it is read: editors and deployments write in
/// several steps, and half a step must not be reported as an error.
pub const QUIET: Duration = Duration::from_millis(500);

/// Longest wait for that quiet.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// What made us look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// SIGHUP: reload even when no file has changed (a secret's file may have).
    Signal,
    /// Something happened beside a watched file.
    Files,
}

/// What to keep an eye on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files that make up the configuration. Those that are not there yet count too.
    pub files: Vec<PathBuf>,
    /// Directories of which every `*.toml` counts.
    pub dirs: Vec<PathBuf>,
}

/// How the last attempt to reload went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReload {
    /// When it was attempted; the start of the daemon counts as the first.
    pub at: Timestamp,
    /// Why it failed, in full, with the position in the file; `None` when it succeeded.
    pub error: Option<String>,
}

impl LastReload {
    /// What `guichet_config_last_reload_successful` says.
    pub fn successful(&self) -> bool {
        self.error.is_none()
    }
}

/// What loading gives: the new configuration, or the report of everything wrong with it.
pub type Loaded<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The configuration in force.
pub struct Live<T> {
    current: ArcSwap<T>,
    last: ArcSwap<LastReload>,
    load: Box<dyn Fn() -> Loaded<T> + Send + Sync>,
    watched: fn(&T) -> Watched,
    /// Digest of the files when they were last read; also keeps two reloads apart.
    digest: Mutex<u128>,
}

impl<T> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("last", &self.last.load()).finish_non_exhaustive()
    }
}

impl<T> Live<T> {
    /// Starts from a configuration that was just loaded. `load` reads and checks everything
    /// afresh; `watched` says which files a configuration came from.
    pub fn new(
        first: T,
        now: Timestamp,
        watched: fn(&T) -> Watched,
        load: impl Fn() -> Loaded<T> + Send + Sync + 'static,
    ) -> Self {
        let digest = Mutex::new(digest(&watched(&first)));
        Live {
            current: ArcSwap::from_pointee(first),
            last: ArcSwap::from_pointee(LastReload { at: now, error: None }),
            load: Box::new(load),
            watched,
            digest,
        }
    }

    /// The configuration in force. Keep the returned value for one piece of work, not longer.
    pub fn get(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// How the last reload went.
    pub fn last(&self) -> Arc<LastReload> {
        self.last.load_full()
    }

    /// Loads and swaps, or changes nothing. `None`: the files are the same to the byte and the
    /// cause was a file event, so there was nothing to do.
    pub fn reload(&self, cause: Cause, now: Timestamp) -> Option<Arc<LastReload>> {
        let mut seen = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = digest(&(self.watched)(&self.get()));
        if cause == Cause::Files && before == *seen {
            return None;
        }
        let outcome = match (self.load)() {
            Ok(next) => {
                self.current.store(Arc::new(next));
                LastReload { at: now, error: None }
            }
            Err(report) => LastReload { at: now, error: Some(report.to_string()) },
        };
        // Taken before loading: what changes while we read is seen as a change again.
        *seen = before;
        self.last.store(Arc::new(outcome));
        Some(self.last())
    }
}

/// Digest of names and contents. A file that cannot be read counts as absent: loading tells why.
fn digest(watched: &Watched) -> u128 {
    let mut files: BTreeSet<PathBuf> = watched.files.iter().cloned().collect();
    for dir in &watched.dirs {
        let members = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
        files.extend(members.filter(|path| is_toml(path)));
    }
    let mut hash = Xxh3::new();
    for path in files {
        hash.update(path.as_os_str().as_encoded_bytes());
        match std::fs::read(&path) {
            Ok(bytes) => {
                hash.update(&[1]);
                hash.update(&bytes.len().to_le_bytes());
                hash.update(&bytes);
            }
            Err(_) => hash.update(&[0]),
        }
    }
    hash.digest128()
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "toml")
}

/// Reloads on every cause until the stop. `after` runs once per attempt with the new or kept
/// configuration: to log what changed, wake the scheduler and rewrite the status.
pub async fn run<T: Send + Sync + 'static>(
    live: Arc<Live<T>>,
    clock: Clock,
    notifier: Notifier,
    stop: Stop,
    mut after: impl FnMut(Arc<T>, &LastReload),
) {
    let (sender, mut causes) = mpsc::channel(16);
    let _listening = listen_for_hangup(sender.clone());
    let mut eye = Eye::open(sender);
    loop {
        if let Some(eye) = &mut eye {
            eye.follow(&(live.watched)(&live.get()));
        }
        let cause = tokio::select! {
            cause = settled(&mut causes) => cause,
            () = stop.asked() => return,
        };
        let Some(cause) = cause else {
            stop.asked().await;
            return;
        };
        let again = live.clone();
        let now = clock.now();
        if cause == Cause::Signal {
            notifier.reloading();
        }
        let outcome = tokio::task::spawn_blocking(move || again.reload(cause, now)).await;
        let outcome = outcome.ok().flatten();
        let status = match &outcome {
            None => "configuration unchanged".to_owned(),
            Some(done) => match &done.error {
                None => {
                    info!("configuration reloaded");
                    "configuration reloaded".to_owned()
                }
                Some(report) => {
                    error!(
                        "the new configuration is refused, the one before stays in force; correct it and save it again, or send SIGHUP:\n{report}"
                    );
                    format!("configuration refused, the one before stays: {report}")
                }
            },
        };
        if cause == Cause::Signal {
            notifier.ready(&status);
        } else if outcome.is_some() {
            notifier.status(&status);
        }
        if let Some(done) = outcome {
            after(live.get(), &done);
        }
    }
}

/// Waits for a cause; after a file event, for quiet. A signal is obeyed at once.
async fn settled(causes: &mut mpsc::Receiver<Cause>) -> Option<Cause> {
    let first = causes.recv().await?;
    if first == Cause::Signal {
        return Some(first);
    }
    let patience = tokio::time::Instant::now() + QUIET_MAX;
    loop {
        let quiet = (tokio::time::Instant::now() + QUIET).min(patience);
        match tokio::time::timeout_at(quiet, causes.recv()).await {
            Ok(Some(Cause::Signal)) => return Some(Cause::Signal),
            Ok(Some(Cause::Files)) if tokio::time::Instant::now() < patience => {}
            Ok(_) | Err(_) => return Some(Cause::Files),
        }
    }
}

fn listen_for_hangup(causes: mpsc::Sender<Cause>) -> Option<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => Some(tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                if causes.send(Cause::Signal).await.is_err() {
                    return;
                }
            }
        })),
        Err(cause) => {
            warn!("cannot listen for SIGHUP: {cause}; edit a file or restart to reload");
            None
        }
    }
}

/// Watches the directories that hold the files: an editor replaces a file by renaming another
/// over it, which a watch on the file itself would lose.
struct Eye {
    watcher: RecommendedWatcher,
    dirs: BTreeSet<PathBuf>,
}

impl Eye {
    fn open(causes: mpsc::Sender<Cause>) -> Option<Self> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // A full channel already holds a cause to look.
            if event.map_or(true, |event| concerns(&event)) {
                let _ = causes.try_send(Cause::Files);
            }
        });
        match watcher {
            Ok(watcher) => Some(Eye { watcher, dirs: BTreeSet::new() }),
            Err(cause) => {
                warn!(
                    "cannot watch the configuration for changes: {cause}; send SIGHUP to reload (on Linux, fs.inotify.max_user_instances may be too low)"
                );
                None
            }
        }
    }

    fn follow(&mut self, watched: &Watched) {
        let mut wanted: BTreeSet<PathBuf> = watched.dirs.iter().filter(|d| d.is_dir()).cloned().collect();
        // A directory that appears is seen in its parent; a link is followed to its target.
        for path in watched.files.iter().chain(&watched.dirs) {
            for path in [Some(path.clone()), path.canonicalize().ok()].into_iter().flatten() {
                let parent = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
                wanted.extend(parent.filter(|p| p.is_dir()).map(Path::to_owned));
            }
        }
        for gone in self.dirs.difference(&wanted) {
            let _ = self.watcher.unwatch(gone);
        }
        let mut kept: BTreeSet<PathBuf> = self.dirs.intersection(&wanted).cloned().collect();
        for new in wanted.difference(&self.dirs) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => drop(kept.insert(new.clone())),
                Err(cause) => {
                    warn!("cannot watch {} for changes: {cause}; send SIGHUP after editing there", new.display())
                }
            }
        }
        self.dirs = kept;
    }
}

/// Whether an event can mean a changed configuration. Reading the files ourselves makes access
/// events, which must not wake us again; a busy neighbour's writes are of no interest either.
fn concerns(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any) => {
            event.paths.iter().any(|path| is_toml(path))
        }
        EventKind::Access(_) => false,
        _ => true,
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
