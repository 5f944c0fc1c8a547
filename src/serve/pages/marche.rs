//! `/marches/{uid}`: one contract, its history, its sources, what they disagree on; and the way to
//! it from every other name that it has or had.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::fields::{self, FieldRow};
use super::{Frame, Link, Reader, link};
use crate::record::Uid;
use crate::serve::app::{App, Parts, parts};
use crate::serve::i18n::Texts;
use crate::serve::problem::Problem;
use crate::serve::queries::contract::{self, Act, Contract, Holder};
use crate::serve::queries::list::Line;
use crate::serve::queries::{self, Lead, journal};
use crate::serve::snapshot::Publication;

#[derive(Template)]
#[template(path = "marche.html")]
struct Page<'a> {
    f: &'a Frame,
    c: &'a Contract,
    uid: &'a str,
    rows: Vec<FieldRow>,
    /// The state whose holders hold now.
    state_now: i64,
}

impl<'a> Page<'a> {
    fn text(&self, column: &str) -> Option<&'a str> {
        self.c.fields.text(column).filter(|text| !text.is_empty())
    }
    fn flag(&self, column: &str) -> bool {
        self.c.fields.integer(column) == Some(1)
    }
    fn amount(&self, column: &str) -> Option<f64> {
        self.c.fields.real(column)
    }
    fn months(&self, column: &str) -> Option<i64> {
        self.c.fields.integer(column)
    }
    fn buyer(&self) -> &'a str {
        self.text("acheteur_siren").unwrap_or_default()
    }
    fn holders(&self, state: &i64) -> Vec<&'a Holder> {
        self.c.holders.iter().filter(|h| h.state == *state).collect()
    }
    /// Those of the contract as it was signed.
    fn first_holders(&self) -> Vec<&'a Holder> {
        self.holders(&0)
    }
    fn buyer_href(&self) -> String {
        self.f.list_href(&[("acheteur", self.buyer())])
    }
    /// Acts, then changes of acts, each with its word.
    fn acts(&self) -> Vec<(&'static str, &'a Act)> {
        let acts = self.c.acts.iter().map(|act| (self.f.t.act, act));
        acts.chain(self.c.act_changes.iter().map(|act| (self.f.t.act_change, act))).collect()
    }
    /// Whether it matters which observation a value comes from.
    fn several(&self) -> bool {
        self.c.observations.len() > 1
    }
    /// The number of an observation as readers see it, from 1.
    fn number(&self, rank: &i64) -> i64 {
        rank + 1
    }
    fn shown(&self, rank: &Option<i64>) -> Option<i64> {
        rank.filter(|_| self.several()).map(|rank| rank + 1)
    }
    fn link(&self, declared: &Option<String>) -> Option<Link> {
        link(declared.as_deref())
    }
    fn severity(&self, word: &str) -> &'static str {
        severity(self.f.t, word)
    }
    fn holder_href(&self, holder: &Holder) -> Option<String> {
        let id = holder.siren.as_ref().or(holder.id.as_ref())?;
        Some(self.f.list_href(&[("titulaire", id)]))
    }
}

fn severity(t: &'static Texts, word: &str) -> &'static str {
    match word {
        "repaired" => t.repaired,
        "warning" => t.warning,
        _ => t.error,
    }
}

#[derive(Template)]
#[template(path = "several.html")]
struct Several<'a> {
    f: &'a Frame,
    asked: &'a str,
    lines: &'a [Line],
}

/// What the database says of the name asked for.
enum Found {
    Contract(Box<Contract>),
    Other(Lead),
}

/// The page, a redirection to it, or a choice.
pub async fn page(State(app): State<Arc<App>>, path: Parts<String>, mut reader: Reader) -> Result<Response, Problem> {
    let asked = parts(path)?;
    let publication = app.latest().await?;
    // A link typed or copied from a file holds the uid as it is, not as a URL writes it.
    let names: Vec<String> =
        [Uid::from_url(&asked).map(|uid| uid.as_str().to_owned()), Some(asked.clone())].into_iter().flatten().collect();
    let former = names.clone();
    let (region, (uid, mut found)) =
        app.ask(&publication, move |db| Ok((queries::region(db)?, find(db, names)?))).await?;
    if matches!(found, Found::Other(Lead::Nothing)) && publication.files.contains_key(JOURNAL) {
        found = Found::Other(succeeding(&app, &publication, former).await?);
    }
    reader.frame.region = region;
    reader.frame.showing(&publication);
    match found {
        Found::Contract(contract) => {
            let canonical = Uid::from_text(uid.clone()).to_url();
            if canonical != asked {
                return Ok(redirect(&reader.frame, &canonical, true));
            }
            let rows = fields::rows(&reader.frame, &contract);
            let state_now = contract.holders.iter().map(|h| h.state).max().unwrap_or(0);
            reader.page(&Page { f: &reader.frame, c: &contract, uid: &uid, rows, state_now })
        }
        Found::Other(Lead::Moved(uid)) => Ok(redirect(&reader.frame, &Uid::from_text(uid).to_url(), false)),
        Found::Other(Lead::Several(lines)) => {
            let page = Several { f: &reader.frame, asked: &uid, lines: &lines };
            reader.page_as(StatusCode::MULTIPLE_CHOICES, &page)
        }
        Found::Other(_) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no-such-contract",
            "Aucun contrat de la dernière publication ne porte cet identifiant.",
            "No contract of the latest publication bears this identifier.",
        )
        .instead("/marches")),
    }
}

/// The journal, in the publications that have one.
const JOURNAL: &str = "journal.sqlite";

/// What became of a contract that had one of these names once.
async fn succeeding(app: &App, publication: &Arc<Publication>, names: Vec<String>) -> Result<Lead, Problem> {
    let successors = app
        .ask_journal(publication, move |db| {
            let found: rusqlite::Result<Vec<_>> = names.iter().map(|name| journal::successors(db, name)).collect();
            Ok(found?.into_iter().find(|uids| !uids.is_empty()).unwrap_or_default())
        })
        .await?;
    if successors.is_empty() {
        return Ok(Lead::Nothing);
    }
    app.ask(publication, move |db| queries::lead_by(db, &successors)).await
}

/// The first of the names that leads somewhere.
fn find(db: &rusqlite::Connection, names: Vec<String>) -> rusqlite::Result<(String, Found)> {
    for name in names {
        match queries::lead(db, &name)? {
            Lead::Nothing => {}
            Lead::Contract(n) => {
                let contract = Box::new(contract::contract(db, n)?);
                return Ok((name, Found::Contract(contract)));
            }
            other => return Ok((name, Found::Other(other))),
        }
    }
    Ok((String::new(), Found::Other(Lead::Nothing)))
}

/// Another spelling of the same name leads there for good; another name of the contract only until
/// the next merge decides otherwise.
fn redirect(frame: &Frame, uid: &str, same_name: bool) -> Response {
    let to = frame.href(&format!("/marches/{uid}"));
    if same_name {
        Redirect::permanent(&to).into_response()
    } else {
        let mut response = StatusCode::FOUND.into_response();
        if let Ok(to) = axum::http::HeaderValue::from_str(&to) {
            response.headers_mut().insert(axum::http::header::LOCATION, to);
        }
        response
    }
}
