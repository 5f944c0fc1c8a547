//! `/marches`: the list of contracts, filtered by field, page after page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Frame, Reader};
use crate::serve::app::App;
use crate::serve::problem::Problem;
use crate::serve::queries;
use crate::serve::queries::filter::{Filter, KNOWN, Refused};
use crate::serve::queries::list::{self, Line};

#[derive(Template)]
#[template(path = "marches.html")]
struct List<'a> {
    f: &'a Frame,
    filter: &'a Filter,
    lines: Vec<Line>,
    /// Contracts that the filters leave, counted up to a limit.
    total: Option<i64>,
    buyer: Option<String>,
    next: Option<String>,
    first: Option<String>,
}

impl List<'_> {
    /// What stands in a field of the form.
    fn given<'s>(&self, value: &'s Option<String>) -> &'s str {
        value.as_deref().unwrap_or_default()
    }
    /// Where counting stops.
    fn counted(&self) -> &'static i64 {
        &list::COUNTED
    }
    fn is_kind(&self, kind: &str) -> bool {
        self.filter.kind.as_deref() == Some(kind)
    }
}

fn refuse(refused: Refused) -> Problem {
    match refused {
        Refused::Unknown(name) => Problem::bad_request(
            "unknown-filter",
            format!("Le filtre « {name} » n’existe pas. Filtres possibles : {}.", KNOWN.join(", ")),
            format!("There is no filter “{name}”. Filters: {}.", KNOWN.join(", ")),
        ),
        Refused::Twice(name) => Problem::bad_request(
            "repeated-filter",
            format!("Le filtre « {name} » est donné deux fois."),
            format!("The filter “{name}” is given twice."),
        ),
        Refused::Value(name, fr, en) => Problem::bad_request(
            "bad-filter",
            format!("Le filtre « {name} » attend : {fr}."),
            format!("The filter “{name}” takes: {en}."),
        ),
    }
    .instead("/marches")
}

/// The page.
pub async fn page(State(app): State<Arc<App>>, mut reader: Reader) -> Result<Response, Problem> {
    let filter = Filter::parse(reader.query()).map_err(refuse)?;
    let publication = app.latest().await?;
    let asked = filter.clone();
    let (region, page, buyer) = app
        .ask(&publication, move |db| {
            let buyer = match &asked.acheteur {
                Some(id) => list::buyer_name(db, id)?,
                None => None,
            };
            Ok((queries::region(db)?, list::page(db, &asked)?, buyer))
        })
        .await?;
    // A total is a comfort: a list without one is better than none.
    let total = if filter.is_empty() {
        app.figures(&publication).await.ok().map(|f| f.contracts)
    } else {
        let asked = filter.clone();
        match app.ask(&publication, move |db| list::total(db, &asked)).await {
            Ok(n) => Some(n),
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => None,
            Err(problem) => return Err(problem),
        }
    };
    reader.frame.region = region;
    reader.frame.showing(&publication);
    let mut pairs = filter.pairs();
    let first = filter.cursor.is_some().then(|| reader.frame.list_href(&pairs));
    let next = page.next.map(|cursor| {
        pairs.push(("cursor", cursor.to_text()));
        reader.frame.list_href(&pairs)
    });
    reader.page(&List { f: &reader.frame, filter: &filter, lines: page.lines, total, buyer, next, first })
}
