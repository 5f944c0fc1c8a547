//! `/sources`: what is harvested, from whom, and how it goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::{Frame, Link, Reader, link};
use crate::serve::app::App;
use crate::serve::i18n::Texts;
use crate::serve::problem::Problem;
use crate::serve::queries::{self, SourceRow};
use crate::serve::status::Source;

#[derive(Template)]
#[template(path = "sources.html")]
struct Sources<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    health_known: bool,
}

/// A source as the publication and the health file know it together.
struct Row {
    id: String,
    name: String,
    site: Option<Link>,
    licence: Option<String>,
    contracts: Option<i64>,
    state: String,
    last_success: Option<Timestamp>,
    next_run: Option<Timestamp>,
    failures: u64,
    error: Option<String>,
    received: Option<u64>,
    accepted: Option<u64>,
    quarantined: Option<u64>,
    out_of_region: Option<u64>,
}

impl Row {
    fn new(id: String, published: Option<SourceRow>, health: Option<Source>) -> Self {
        let health = health.unwrap_or_default();
        let published_url = published.as_ref().and_then(|p| p.url.as_deref());
        let site = link(health.url.as_deref()).or_else(|| link(published_url));
        let moment = |text: &Option<String>| text.as_deref().and_then(|at| at.parse().ok());
        let named = |p: &SourceRow| p.name.clone();
        Self {
            name: health.name.clone().or_else(|| published.as_ref().and_then(named)).unwrap_or_else(|| id.clone()),
            site,
            licence: health.licence.clone().or_else(|| published.as_ref().and_then(|p| p.licence.clone())),
            contracts: published.as_ref().map(|p| p.contracts),
            state: health.state.clone().unwrap_or_default(),
            last_success: moment(&health.last_success),
            next_run: moment(&health.next_run),
            failures: health.consecutive_failures.unwrap_or(0),
            error: health.error_text(),
            received: health.records("received"),
            accepted: health.records("accepted"),
            quarantined: health.records("quarantined"),
            out_of_region: health.records("out_of_region"),
            id,
        }
    }

    /// The state in words.
    fn state_text(&self, t: &'static Texts) -> Option<&'static str> {
        match self.state.as_str() {
            "ok" => Some(t.state_ok),
            "degraded" => Some(t.state_degraded),
            "failing" => Some(t.state_failing),
            "disabled" => Some(t.state_disabled),
            "orphan" => Some(t.state_orphan),
            "" => None,
            _ => Some(t.state_unknown),
        }
    }

    /// Whether the health file knows the source.
    fn is_known(&self) -> bool {
        !self.state.is_empty()
    }

    /// The state as a class of the style sheet.
    fn state_class(&self) -> &'static str {
        match self.state.as_str() {
            "ok" => "good",
            "degraded" => "fair",
            "failing" => "bad",
            _ => "none",
        }
    }
}

/// The page. It needs no publication: health alone is worth a page.
pub async fn page(State(app): State<Arc<App>>, mut reader: Reader) -> Result<Response, Problem> {
    let status = app.status().await?;
    let mut published = BTreeMap::new();
    if let Some(publication) = app.current().await? {
        reader.frame.showing(&publication);
        let asked = app.ask(&publication, |db| Ok((queries::region(db)?, queries::sources(db)?))).await;
        if let Ok((region, sources)) = asked {
            reader.frame.region = region;
            published = sources.into_iter().map(|s| (s.id.clone(), s)).collect();
        }
    }
    let health_known = status.is_some();
    let mut rows: Vec<Row> = Vec::new();
    for source in status.map(|s| s.sources).unwrap_or_default() {
        rows.push(Row::new(source.id.clone(), published.remove(&source.id), Some(source)));
    }
    rows.extend(published.into_iter().map(|(id, row)| Row::new(id, Some(row), None)));
    reader.page(&Sources { f: &reader.frame, rows, health_known })
}
