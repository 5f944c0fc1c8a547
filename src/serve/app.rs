//! What handlers share, and the table of routes.
//!
//! A handler asks [`App`] for a publication or for rows, and answers or returns a [`Problem`]. The
//! causes of failures are logged here, once; clients get a problem without them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::db::DbError;
use super::files::{self, Through, blocking};
use super::layers::Client;
use super::metrics::{self, Requests};
use super::problem::Problem;
use super::queries::Figures;
use super::snapshot::{Publication, Publications, SnapshotError};
use super::status::{self, Status};
use super::{ServeOptions, api, headers, pages};

/// State of the web side.
pub struct App {
    /// As given.
    pub options: ServeOptions,
    /// The folder.
    pub publications: Arc<Publications>,
    /// What is observed of requests.
    pub requests: Requests,
    /// Requests worked on at once.
    pub slots: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
}

/// The figures of a publication are counted once, over every contract of it: France whole takes a
/// few seconds on a small machine.
const FIGURES_TIME: Duration = Duration::from_secs(8);
/// How long a query may wait for its turn.
const QUEUE_TIME: Duration = Duration::from_secs(2);

impl App {
    /// Nothing is read yet.
    pub fn new(options: ServeOptions) -> Self {
        Self {
            publications: Arc::new(Publications::new(&options.public)),
            requests: Requests::default(),
            slots: Arc::new(Semaphore::new(options.limits.requests)),
            queries: Arc::new(Semaphore::new(options.limits.queries)),
            downloads: Arc::new(Semaphore::new(options.limits.downloads)),
            options,
        }
    }

    /// The current publication, or `None` while there is none.
    pub async fn current(&self) -> Result<Option<Arc<Publication>>, Problem> {
        let publications = self.publications.clone();
        blocking(move || publications.latest()).await?.map_err(unreadable)
    }

    /// The current publication, or 503.
    pub async fn latest(&self) -> Result<Arc<Publication>, Problem> {
        self.current().await?.ok_or_else(Problem::no_publication)
    }

    /// The publication of this name, or 404.
    pub async fn dated(&self, name: String) -> Result<Arc<Publication>, Problem> {
        let publications = self.publications.clone();
        blocking(move || publications.dated(&name)).await?.map_err(unreadable)?.ok_or_else(Problem::not_found)
    }

    /// Asks the database of a publication, within the time limit of a query.
    pub async fn ask<T: Send + 'static>(
        &self,
        publication: &Arc<Publication>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let limit = self.options.limits.query_time;
        self.with_publication(publication, move |of| of.database.read(limit, query)).await
    }

    /// Asks the journal of a publication, as [`App::ask`] does its database. A publication of an older
    /// program has none: it knows no change and no former uid.
    pub async fn ask_journal<T: Send + 'static>(
        &self,
        publication: &Arc<Publication>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let limit = self.options.limits.query_time;
        self.with_publication(publication, move |of| of.journal.read(limit, query)).await
    }

    /// The headline figures of a publication.
    pub async fn figures(&self, publication: &Arc<Publication>) -> Result<Arc<Figures>, Problem> {
        self.with_publication(publication, |of| of.database.figures(FIGURES_TIME)).await
    }

    async fn with_publication<T: Send + 'static>(
        &self,
        publication: &Arc<Publication>,
        work: impl FnOnce(&Publication) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = tokio::time::timeout(QUEUE_TIME, self.queries.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::busy());
        };
        let publication = publication.clone();
        blocking(move || {
            let result = work(&publication);
            drop(turn); // held while the thread works, even when the client has gone
            result
        })
        .await?
        .map_err(|error| match error {
            DbError::Deadline => Problem::busy(),
            DbError::Missing(path) => {
                tracing::error!(path = %path.display(), "a database of the publication is missing; publish or copy it again");
                Problem::internal()
            }
            error => {
                tracing::error!(%error, "cannot read the consumers' database");
                Problem::internal()
            }
        })
    }

    /// Room for one more file to be sent, or 503.
    fn room(&self) -> Result<files::Room, Problem> {
        self.downloads.clone().try_acquire_owned().map_err(|_| Problem::busy())
    }

    /// The health file, as it is now.
    pub async fn status(&self) -> Result<Option<Status>, Problem> {
        let publications = self.publications.clone();
        blocking(move || status::read(publications.public())).await
    }
}

fn unreadable(error: SnapshotError) -> Problem {
    tracing::error!(%error, "cannot open a publication");
    Problem::internal()
}

/// Every route. Those of the API and the feeds join here, each from its own file.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(page_routes())
        .merge(file_routes())
        .route("/api/v1/changes", get(api::changes::answer).options(preflight))
        .route("/healthz", get(|| async { plain("ok\n") }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .route("/robots.txt", get(robots))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::read_only() })
}

fn page_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(pages::home::page))
        .route("/marches", get(pages::marches::page))
        .route("/marches/{uid}", get(pages::marche::page))
        .route("/sources", get(pages::sources::page))
        .route("/donnees", get(pages::donnees::page))
        .route("/style.css", get(pages::assets::style))
        .route("/favicon.svg", get(pages::assets::icon))
}

fn file_routes() -> Router<Arc<App>> {
    let data = |handler: axum::routing::MethodRouter<Arc<App>>| handler.options(preflight);
    Router::new()
        .route("/latest", get(|| async { Redirect::permanent("/latest/") }))
        .route("/dumps", get(|| async { Redirect::permanent("/dumps/") }))
        .route("/dumps/{publication}", get(to_folder))
        .route("/latest/", get(pages::donnees::latest_index))
        .route("/dumps/", get(pages::donnees::past))
        .route("/dumps/{publication}/", get(pages::donnees::dated_index))
        .route("/latest/{file}", data(get(latest_file)))
        .route("/dumps/{publication}/{file}", data(get(dated_file)))
        .route(
            "/catalog.jsonld",
            data(get(|app, method, request| latest_named("catalog.jsonld", app, method, request))),
        )
        .route("/catalog.ttl", data(get(|app, method, request| latest_named("catalog.ttl", app, method, request))))
}

/// A path's parts, or 404: what is not UTF-8 names nothing here.
pub type Parts<T> = Result<Path<T>, PathRejection>;

/// The parts themselves.
pub fn parts<T>(path: Parts<T>) -> Result<T, Problem> {
    path.map(|Path(parts)| parts).map_err(|_| Problem::not_found())
}

async fn latest_file(
    app: State<Arc<App>>,
    path: Parts<String>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, Problem> {
    latest_named(&parts(path)?, app, method, request).await
}

/// A file of the current publication.
async fn latest_named(
    name: &str,
    State(app): State<Arc<App>>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let name = name.to_owned();
    let publication = app.latest().await?;
    let seen = publication.name.clone();
    let asked = files::Asked { method: &method, headers: &request, through: Through::Latest };
    let first = files::serve(publication, name.clone(), &asked, app.room()?).await;
    match first {
        // The publication may have been replaced and removed between the look and the opening.
        Err(problem) if matches!(problem.status.as_u16(), 404 | 410 | 500) => {
            let publication = app.latest().await?;
            if publication.name == seen {
                return Err(problem);
            }
            files::serve(publication, name, &asked, app.room()?).await
        }
        other => other,
    }
}

async fn dated_file(
    State(app): State<Arc<App>>,
    path: Parts<(String, String)>,
    method: Method,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let (publication, name) = parts(path)?;
    let publication = app.dated(publication).await?;
    let asked = files::Asked { method: &method, headers: &request, through: Through::Dated };
    files::serve(publication, name, &asked, app.room()?).await
}

async fn to_folder(State(app): State<Arc<App>>, path: Parts<String>) -> Result<Redirect, Problem> {
    let publication = app.dated(parts(path)?).await?;
    Ok(Redirect::permanent(&format!("/dumps/{}/", publication.name)))
}

async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    headers::preflight(response.headers_mut());
    response
}

/// A small text that is made anew each time.
fn plain(text: impl Into<String>) -> Response {
    let fixed = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (fixed, text.into()).into_response()
}

async fn ready(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let publication = app.latest().await?;
    app.ask(&publication, |db| db.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))).await?;
    Ok(plain(format!("ready {}\n", publication.name)))
}

async fn metrics_text(
    State(app): State<Arc<App>>,
    client: Option<axum::Extension<Client>>,
    request: HeaderMap,
) -> Result<Response, Problem> {
    let address = client.and_then(|c| c.address);
    let allowed =
        address.is_some_and(|ip| ip.is_loopback() || app.options.metrics.allow.iter().any(|net| net.contains(&ip)));
    if !allowed {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Les métriques ne se lisent que depuis la machine elle-même, sauf configuration contraire.",
            "Metrics can only be read from the machine itself, unless configured otherwise.",
        ));
    }
    let status = app.status().await?;
    let publication = app.current().await.unwrap_or_default();
    let extra = app.options.metrics.extra.as_ref();
    let text = metrics::text(&app.requests, status.as_ref(), publication.as_deref(), extra)
        .map_err(|_| Problem::internal())?;
    let open = request
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("application/openmetrics-text"));
    let (kind, text) = if open {
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    } else {
        ("text/plain; version=0.0.4; charset=utf-8", metrics::as_prometheus(&text))
    };
    let mut response = plain(text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

async fn robots() -> Response {
    // Filtered and paged lists are endless and hold nothing that the pages they lead to do not.
    plain("User-agent: *\nDisallow: /marches?\nDisallow: /dumps/\nDisallow: /latest/\nDisallow: /api/\n")
}
