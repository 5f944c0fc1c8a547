//! `guichet run`: the daemon. Schedules, harvests, merges, publishes and serves until it is told to stop.

use std::sync::Arc;

use super::Ended;
use super::context::{Failure, Opened, runtime};
use crate::config::{Config, ProcessEnv};
use crate::daemon::exit::Exit;
use crate::daemon::{life, replay};
use crate::harvest::NoProgress;

pub(super) fn run(opened: &Opened) -> Ended {
    for warning in crate::config::permission_warnings(&opened.config.files).iter() {
        tracing::warn!("{}: {}", warning.place(), warning.what);
    }
    let (file, data_dir) = (opened.global.config.clone(), opened.global.data_dir.clone());
    let load = move || {
        let loaded = Config::load(file.as_deref(), data_dir.as_deref(), &ProcessEnv);
        loaded.map(|l| Arc::new(l.config)).map_err(|found| found.render(false))
    };
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let notifier = crate::daemon::notify::Notifier::from_env();
        let (config, clock) = (opened.config.clone(), opened.clock);
        // A store that must be upgraded or rebuilt takes its time: the service manager is told.
        let opening = tokio::task::spawn_blocking(move || replay::open_current(config, clock, Arc::new(NoProgress)));
        let pipeline =
            notifier.extending(opening).await.map_err(|_| Failure::failed("opening the store broke off"))??;
        let listen = opened.config.serve.listen;
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
            Failure::failed(format!(
                "cannot listen on {listen}: {error}; change `listen` in [serve], or end the program that holds it"
            ))
        })?;
        life::live(Arc::new(pipeline), listener, notifier, load).await.map_err(Failure::from)
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    tracing::info!("ended: {ended:?}");
    Ok(Exit::Done)
}
