//! `/api/v1/changes?since=SEQ`: what changed since, so that a copy can be kept in step.
//!
//! In: `journal.sqlite` for the changes, `guichet.sqlite` and `contrats.ndjson` of the same publication for
//! the records that are the present state. Out: a page as JSON, or NDJSON in the form of `changes.ndjson`;
//! 410 where the changes are no longer known, with the dump to take instead. A page holds at most
//! [`MAX_BYTES`] of records.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::serve::app::App;
use crate::serve::files::{self, blocking};
use crate::serve::problem::Problem;
use crate::serve::queries::journal::{self, Change, Extent};
use crate::serve::snapshot::Publication;
use crate::serve::{headers, negotiate};

/// Changes on a page unless the client asks for fewer; the most of a JSON page.
const PAGE: u32 = 100;
/// The most of an NDJSON page.
const MAX_LINES: u32 = 5_000;
/// Bytes of records after which a page ends.
const MAX_BYTES: u64 = 8 << 20;
/// The dump that a client takes when its place in the journal is not known any more.
const DUMP: &str = "/latest/contrats.ndjson";

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    since: u64,
    epoch: Option<String>,
    limit: Option<u32>,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Problem> {
        let (mut since, mut epoch, mut limit) = (None, None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let fresh = match &*key {
                "since" => since.replace(number(&value, "since")?).is_none(),
                "limit" => limit.replace(lines(&value)?).is_none(),
                "epoch" => match uuid::Uuid::try_parse(&value) {
                    Ok(uuid) => epoch.replace(uuid.to_string()).is_none(),
                    Err(_) => {
                        return Err(refuse(
                            "epoch",
                            "un UUID, celui que la dernière réponse a donné",
                            "a UUID, the one that the last answer gave",
                        ));
                    }
                },
                "lang" => true,
                other => {
                    let name: String = other.chars().take(64).collect();
                    return Err(Problem::bad_request(
                        "unknown-parameter",
                        format!("Le paramètre « {name} » n’existe pas. Paramètres : since, epoch, limit."),
                        format!("There is no parameter “{name}”. Parameters: since, epoch, limit."),
                    ));
                }
            };
            if !fresh {
                return Err(refuse(&key, "une seule valeur", "one value only"));
            }
        }
        let Some(since) = since else {
            return Err(refuse(
                "since",
                "le dernier seq que vous avez appliqué (last_seq de manifest.json pour un dump)",
                "the last seq that you applied (last_seq of manifest.json for a dump)",
            ));
        };
        Ok(Self { since, epoch, limit })
    }

    fn next(&self, base: Option<&str>, after: u64, epoch: &str) -> String {
        let limit = self.limit.map(|n| format!("&limit={n}")).unwrap_or_default();
        let base = base.map(|b| b.trim_end_matches('/')).unwrap_or_default();
        format!("{base}/api/v1/changes?epoch={epoch}&since={after}{limit}")
    }
}

fn number(value: &str, name: &str) -> Result<u64, Problem> {
    value.parse().map_err(|_| refuse(name, "un nombre entier, 0 ou plus", "a whole number, 0 or more"))
}

fn lines(value: &str) -> Result<u32, Problem> {
    let n = value.parse().ok().filter(|n| (1..=MAX_LINES).contains(n));
    n.ok_or_else(|| refuse("limit", "de 1 à 100, ou à 5000 en NDJSON", "1 to 100, or to 5000 as NDJSON"))
}

fn refuse(name: &str, fr: &str, en: &str) -> Problem {
    Problem::bad_request(
        "bad-parameter",
        format!("Le paramètre « {name} » attend : {fr}."),
        format!("The parameter “{name}” takes: {en}."),
    )
}

fn gone(extent: &Extent, asked: &Asked) -> Option<Problem> {
    let other = asked.epoch.as_ref().is_some_and(|epoch| *epoch != extent.epoch);
    let (fr, en) = if other {
        ("Le journal a recommencé depuis (autre epoch)", "The journal began anew since (another epoch)")
    } else if asked.since < extent.since_min {
        ("Ces changements ne sont plus conservés", "These changes are no longer kept")
    } else {
        return None;
    };
    Some(no_longer(fr, en))
}

fn no_longer(fr: &str, en: &str) -> Problem {
    let problem = Problem::new(
        StatusCode::GONE,
        "changes-gone",
        format!("{fr} : reprenez {DUMP}, puis suivez depuis le last_seq de son manifest.json."),
        format!("{en}: take {DUMP} again, then follow from the last_seq of its manifest.json."),
    );
    problem.instead(DUMP)
}

/// A change as clients read it: the form of `changes.ndjson`.
#[derive(Serialize)]
struct Item<'a> {
    epoch: &'a str,
    seq: u64,
    kind: &'a str,
    op: &'a str,
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<&'a str>,
}

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<Item<'a>>,
    next: Option<String>,
    epoch: &'a str,
    last_seq: u64,
}

/// The page.
pub async fn answer(State(app): State<Arc<App>>, uri: Uri, request: HeaderMap) -> Result<Response, Problem> {
    let asked = Asked::parse(uri.query().unwrap_or_default())?;
    let accept = request.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let by_lines = negotiate::wants_lines(accept);
    let limit = asked.limit.unwrap_or(PAGE).min(if by_lines { MAX_LINES } else { PAGE });
    let publication = app.latest().await?;
    if publication.manifest.is_withdrawn() {
        return Err(files::withdrawn(&publication));
    }
    if !publication.files.contains_key("journal.sqlite") {
        // Written by an older program: it does not know what changed.
        return Err(no_longer("Cette publication n’a pas de journal", "This publication has no journal"));
    }
    let since = asked.since;
    let (extent, mut changes) = app
        .ask_journal(&publication, move |db| Ok((journal::extent(db)?, journal::changes(db, since, limit + 1)?)))
        .await?;
    if let Some(problem) = gone(&extent, &asked) {
        return Err(problem);
    }
    let mut more = changes.len() > limit as usize;
    changes.truncate(limit as usize);
    let present: Vec<String> =
        changes.iter().filter(|c| c.op == "upsert" && c.record.is_none()).map(|c| c.uid.clone()).collect();
    let places = app.ask(&publication, move |db| places(db, &present)).await?;
    let of = publication.clone();
    let (changes, records) = blocking(move || records(&of, changes, places)).await??;
    more |= changes.len() > records.len();
    let last = changes.iter().take(records.len()).next_back().map(|c| c.seq);
    let base = app.options.base_url.as_deref();
    let next = last.filter(|_| more).map(|seq| asked.next(base, seq, &extent.epoch));
    let items = changes.iter().zip(records).map(|(c, record)| item(&extent.epoch, c, record)).collect();
    respond(Page { items, next, epoch: &extent.epoch, last_seq: extent.last_seq }, by_lines)
}

fn item<'a>(epoch: &'a str, change: &'a Change, record: Option<Box<RawValue>>) -> Item<'a> {
    Item {
        epoch,
        seq: change.seq,
        kind: &change.kind,
        op: &change.op,
        uid: &change.uid,
        record,
        reason: change.reason.as_deref(),
        merged_into: change.merged_into.as_deref(),
    }
}

fn respond(page: Page<'_>, by_lines: bool) -> Result<Response, Problem> {
    let mut body = Vec::new();
    if by_lines {
        for item in &page.items {
            serde_json::to_writer(&mut body, item).map_err(|_| Problem::internal())?;
            body.push(b'\n');
        }
    } else {
        serde_json::to_writer(&mut body, &page).map_err(|_| Problem::internal())?;
    }
    let kind = if by_lines { "application/x-ndjson" } else { "application/json" };
    let fixed =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache"), (header::VARY, "Accept, Accept-Encoding")];
    let mut response = (fixed, body).into_response();
    let link = page.next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    headers::share(response.headers_mut());
    Ok(response)
}

/// Where the lines of these contracts are in `contrats.ndjson`: first byte and length, in their order.
fn places(db: &Connection, uids: &[String]) -> rusqlite::Result<Vec<(u64, u64)>> {
    let mut place = db.prepare_cached("SELECT debut, octets FROM contrats WHERE uid = ?1")?;
    let one = |uid: &String| {
        let found = place.query_row([uid], |r| Ok((r.get::<_, u64>(0)?, r.get::<_, u64>(1)?))).optional()?;
        // The two files are of one publication: what one calls present the other holds.
        found.ok_or(rusqlite::Error::QueryReturnedNoRows)
    };
    uids.iter().map(one).collect()
}

type Records = Vec<Option<Box<RawValue>>>;

/// The record of each change, until the page is full. Blocks.
fn records(
    publication: &Publication,
    changes: Vec<Change>,
    places: Vec<(u64, u64)>,
) -> Result<(Vec<Change>, Records), Problem> {
    let path = publication.dir.join("contrats.ndjson");
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(path = %path.display(), %error, "cannot read the record of a change");
        Problem::internal()
    };
    let file = if places.is_empty() { None } else { Some(File::open(&path).map_err(|e| unreadable(&e))?) };
    let (mut places, mut out, mut bytes) = (places.into_iter(), Records::new(), 0);
    for change in &changes {
        let text = match (change.op.as_str(), &change.record) {
            ("upsert", Some(packed)) => zstd::decode_all(packed.as_slice()).map_err(|e| unreadable(&e))?,
            ("upsert", None) => {
                let (Some(file), Some((start, len))) = (&file, places.next()) else {
                    return Err(unreadable(&"it has no place"));
                };
                let mut line = vec![0; usize::try_from(len).map_err(|e| unreadable(&e))?];
                file.read_exact_at(&mut line, start).map_err(|e| unreadable(&e))?;
                line
            }
            _ => {
                out.push(None);
                continue;
            }
        };
        bytes += text.len() as u64;
        let text = String::from_utf8(text).map_err(|e| unreadable(&e))?;
        out.push(Some(RawValue::from_string(text).map_err(|e| unreadable(&e))?));
        if bytes >= MAX_BYTES {
            break;
        }
    }
    Ok((changes, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_and_says_what_can() {
        for query in [
            "",
            "since=",
            "since=-1",
            "since=1&since=2",
            "since=1&limit=0",
            "since=1&limit=9999",
            "since=1&epoch=x",
            "since=1&offset=3",
        ] {
            let problem = Asked::parse(query).unwrap_err();
            assert_eq!(problem.status, StatusCode::BAD_REQUEST, "{query}");
        }
        let asked = Asked::parse("since=7&limit=2&epoch=00000000-0000-0000-0000-000000000007").unwrap();
        assert_eq!((asked.since, asked.limit), (7, Some(2)));
        let next = asked.next(Some("https://marches.exemple.fr/"), 9, "e");
        assert_eq!(next, "https://marches.exemple.fr/api/v1/changes?epoch=e&since=9&limit=2");
    }

    #[test]
    fn another_epoch_and_what_is_too_old_are_gone_and_what_is_to_come_is_not() {
        let extent = Extent { epoch: "00000000-0000-0000-0000-000000000007".into(), since_min: 5, last_seq: 9 };
        let ask = |query| gone(&extent, &Asked::parse(query).unwrap()).map(|p| (p.status.as_u16(), p.instead));
        let dump = Some((410, Some(DUMP.to_owned())));
        assert_eq!(ask("since=4"), dump);
        assert_eq!(ask("since=5"), None);
        assert_eq!(ask("since=999"), None);
        assert_eq!(ask("since=9&epoch=00000000-0000-0000-0000-000000000008"), dump);
    }
}
