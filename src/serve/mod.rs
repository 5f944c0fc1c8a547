//! The web side: pages, files, health and metrics, from a `public/` folder and nothing else.
//!
//! In: the folder (publications with their `guichet.sqlite`, `latest`, `status.json`). Out: an axum
//! router, and a loop that serves it until told to stop. Works on a copied folder, on an empty one,
//! and across swaps of `latest`. Memory: the file lists of the publications, a few SQLite
//! connections, one chunk per download. Knows nothing of the store, of harvests or of merges.
//!
//! | file | concern |
//! |---|---|
//! | `snapshot`, `manifest`, `status` | what stands in the folder |
//! | `db`, `queries/` | the consumers' database and the journal |
//! | `api/` | answers for programs |
//! | `files`, `range`, `etag`, `encoding`, `body` | downloads |
//! | `pages/`, `i18n`, `format`, `style.css` | pages for people |
//! | `app`, `layers`, `net`, `headers`, `problem`, `negotiate`, `metrics` | what every request passes |

mod api;
mod app;
mod body;
mod db;
mod encoding;
mod etag;
mod files;
mod format;
mod headers;
mod i18n;
mod layers;
mod manifest;
mod metrics;
mod negotiate;
mod net;
mod pages;
mod problem;
mod queries;
mod range;
mod snapshot;
mod status;

use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use jiff::Timestamp;

pub use metrics::Extra as ExtraMetrics;
pub use net::{ConnectionLimits, Peer};

/// The clock: what "now" is on a page. Fixed in tests and drills.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Who may read `/metrics`, and what else stands there.
#[derive(Clone, Default)]
pub struct MetricsOptions {
    /// Networks that may read them besides loopback.
    pub allow: Vec<IpNet>,
    /// What the daemon of this process adds.
    pub extra: Option<ExtraMetrics>,
}

impl std::fmt::Debug for MetricsOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let extra = self.extra.is_some();
        f.debug_struct("MetricsOptions").field("allow", &self.allow).field("extra", &extra).finish()
    }
}

/// Limits of what one request, and all together, may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests worked on at once; beyond, 503 with `Retry-After`. Downloads count until their
    /// headers are sent.
    pub requests: usize,
    /// Files being sent at once: each holds a file descriptor for as long as its client likes.
    pub downloads: usize,
    /// From a request to the headers of its answer.
    pub request_time: Duration,
    /// One query of the database.
    pub query_time: Duration,
    /// Queries at once: more than the machine has cores only makes all of them slower.
    pub queries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 512,
            downloads: 256,
            request_time: Duration::from_secs(10),
            query_time: Duration::from_secs(2),
            queries: 8,
        }
    }
}

/// What the web side needs to know.
#[derive(Clone)]
pub struct ServeOptions {
    /// The folder to serve; it may be empty, or appear later.
    pub public: PathBuf,
    /// Where the world sees this server (`https://…`, without a final slash): for canonical links.
    /// `None`: links stay relative.
    pub base_url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `/metrics`.
    pub metrics: MetricsOptions,
    /// Limits per request.
    pub limits: Limits,
    /// The clock.
    pub now: Clock,
}

impl ServeOptions {
    /// Serves `public` with the defaults.
    pub fn new(public: impl Into<PathBuf>, now: Clock) -> Self {
        Self {
            public: public.into(),
            base_url: None,
            trusted_proxies: Vec::new(),
            metrics: MetricsOptions::default(),
            limits: Limits::default(),
            now,
        }
    }
}

/// Every route, with the layers that each request passes.
pub fn router(options: ServeOptions) -> Router {
    layers::wrap(app::routes(), Arc::new(app::App::new(options)))
}

/// How long answers that are under way may take once the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves the router on a bound listener until `shutdown` completes, then lets answers under way
/// end for at most ten seconds. Fails only if the listener does.
pub async fn run(
    listener: tokio::net::TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    run_within(listener, router, ConnectionLimits::default(), shutdown).await
}

/// [`run`] with other limits on its connections.
pub async fn run_within(
    listener: tokio::net::TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let guarded = net::Guarded::new(listener, limits);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(guarded, service).with_graceful_shutdown(async move {
        shutdown.await;
        let _ = stopping.send(());
    });
    let drained = async {
        // An error means that the server ended by itself: then the other branch tells.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = serving.into_future() => result,
        () = drained => Ok(()),
    }
}

#[cfg(test)]
mod tests;
