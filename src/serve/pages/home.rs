//! `/`: the figures of the region, how fresh they are, the latest contracts, where to download.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::donnees::{FileRow, rows};
use super::{Frame, Reader};
use crate::serve::app::App;
use crate::serve::problem::Problem;
use crate::serve::queries::Figures;
use crate::serve::queries::filter::Filter;
use crate::serve::queries::list::{self, Line};

/// Contracts shown.
const LATEST: u32 = 10;
/// Files that most visitors come for, when the publication has them.
const MAIN_FILES: [&str; 5] = ["decp.csv", "decp.json", "decp.parquet", "contrats.ndjson", "guichet.sqlite"];

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    f: &'a Frame,
    figures: Option<Arc<Figures>>,
    lines: Vec<Line>,
    files: Vec<FileRow>,
}

#[derive(Template)]
#[template(path = "empty.html")]
struct Empty<'a> {
    f: &'a Frame,
}

/// The home page; while there is no publication, a page that says so.
pub async fn page(State(app): State<Arc<App>>, mut reader: Reader) -> Result<Response, Problem> {
    let Some(publication) = app.current().await? else {
        return reader.page(&Empty { f: &reader.frame });
    };
    // A publication without its database still has files to show.
    let figures = app.figures(&publication).await.ok();
    let filter = Filter { limit: Some(LATEST), ..Filter::default() };
    let page = app.ask(&publication, move |db| list::page(db, &filter)).await.unwrap_or_default();
    reader.frame.showing(&publication);
    reader.frame.region = figures.as_ref().and_then(|f| f.region.clone());
    let files = rows(&publication, reader.frame.lang, "/latest/")
        .into_iter()
        .filter(|row| MAIN_FILES.contains(&row.name.as_str()))
        .collect();
    reader.page(&Home { f: &reader.frame, figures, lines: page.lines, files })
}
