//! `guichet demo`: a simulated region on loopback, through the real pipeline, judged against the truth.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Ended;
use super::args::Demo;
use super::context::{Failure, Start, runtime};
use super::output::{Out, shows_progress};
use super::progress::Bars;
use crate::config::Config;
use crate::daemon::exit::Exit;
use crate::daemon::lock::DataLock;
use crate::daemon::publish_run::PublishOptions;
use crate::daemon::replay;
use crate::daemon::shutdown::{self, Stop};
use crate::demo::{self, Language, Stage, Verdict, World};
use crate::harvest::{NoProgress, Progress};
use crate::publish::Published;
use crate::serve::{self, ServeOptions};

pub(super) fn run(start: &Start, args: &Demo) -> Ended {
    start.log(None)?;
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(
            tempfile::tempdir()
                .map_err(|e| Failure::failed(format!("cannot make a temporary folder: {e}; name one with --dir")))?,
        ),
    };
    let dir: PathBuf = match (&args.dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(dir)) => dir.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    // Before the work, so that nobody waits for it in vain.
    let listener = if args.once { None } else { Some(listen(args.listen)?) };
    let world = World::new(args.seed, args.contracts as usize, args.sources as usize);
    let stage = Stage::open(&dir, &world).map_err(|e| Failure::failed(e.to_string()))?;
    let environment = std::collections::BTreeMap::<String, String>::new();
    let config = Arc::new(Config::load(Some(&stage.config()), None, &environment)?.config);
    let lock = DataLock::take(&config.data_dir, "demo")?;
    let (verdict, public) = judge(start, config, &world)?;
    drop(lock);
    tell(&verdict)?;
    match listener {
        None => Ok(if verdict.holds() { Exit::Done } else { Exit::Failed }),
        Some(listener) => show(start, listener, &public, &dir),
    }
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener, Failure> {
    let listener = std::net::TcpListener::bind(address).and_then(|l| l.set_nonblocking(true).map(|()| l));
    listener.map_err(|e| {
        Failure::failed(format!("cannot listen on {address}: {e}; name another address with --listen, or use --once"))
    })
}

/// Harvests, merges, publishes, and holds the publication against the truth.
fn judge(start: &Start, config: Arc<Config>, world: &World) -> Result<(Verdict, PathBuf), Failure> {
    let progress: Arc<dyn Progress> = if shows_progress() { Arc::new(Bars::new()) } else { Arc::new(NoProgress) };
    let public = config.public_dir();
    let pipeline = Arc::new(replay::open_current(config, start.clock, progress)?);
    pipeline.enter_sources()?;
    let sources: Vec<_> = pipeline.config().sources.enabled().cloned().collect();
    runtime()?.block_on(pipeline.harvest(sources, false, Stop::never()))?;
    let published = pipeline.publish(PublishOptions::default())?;
    super::publish::write_status(&pipeline)?;
    let publication = match published {
        Published::New(outcome) => outcome.dir,
        Published::Same { publication } => public.join("dumps").join(publication),
    };
    let verdict = demo::check(&publication, world).map_err(|e| Failure::failed(e.to_string()))?;
    Ok((verdict, public))
}

fn tell(verdict: &Verdict) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    let french = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .is_some_and(|v| v.starts_with("fr"));
    let language = if french { Language::French } else { Language::English };
    let mut out = Out::stdout(false);
    out.bytes(verdict.table(std::io::stdout().is_terminal(), language).as_bytes())?;
    let end = match (verdict.holds(), french) {
        (true, true) => "La publication est conforme à la vérité connue de la région simulée.",
        (true, false) => "The publication is the known truth of the simulated region.",
        (false, true) => "La publication n'est pas conforme à la vérité connue.",
        (false, false) => "The publication is not the known truth.",
    };
    out.line(end)?;
    out.finish()?;
    Ok(())
}

fn show(start: &Start, listener: std::net::TcpListener, public: &Path, dir: &Path) -> Ended {
    let clock = start.clock;
    let options = ServeOptions::new(public, Arc::new(move || clock.now()));
    runtime()?.block_on(async move {
        let gone = |e: std::io::Error| Failure::failed(format!("the listening socket is lost: {e}; try again"));
        let address = listener.local_addr().map_err(gone)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(gone)?;
        let mut out = Out::stdout(false);
        out.line(&format!("open http://{address}/ (Ctrl-C ends; the region lives in {})", dir.display()))?;
        out.finish()?;
        let signals = shutdown::signals().map_err(|e| Failure::failed(format!("cannot listen for signals: {e}")))?;
        let (handle, stop) = shutdown::stop();
        tokio::spawn(shutdown::obey(signals, shutdown::DRAIN, handle));
        let (asked, insist) = (stop.clone(), stop);
        tokio::select! {
            ended = serve::run(listener, serve::router(options), async move { asked.asked().await }) => {
                ended.map_err(|e| Failure::failed(format!("the web side on {address} has stopped: {e}")))?;
            }
            () = insist.now() => {}
        }
        Ok(Exit::Done)
    })
}
