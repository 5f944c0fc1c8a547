//! `/latest/…` and `/dumps/…`: the files of publications, with everything that a download tool may
//! ask for.
//!
//! In: a publication, a name, request headers. Out: the file, a part of it, a precompressed variant
//! of it, or "you have it already". The validator is the digest that the manifest announces for the
//! very bytes sent, so a client can check what it got against what was published. A name is looked
//! up in the publication's own list and nowhere else.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::encoding::{self, Encoding};
use super::etag::{self, ETag, Verdict};
use super::manifest::Entry;
use super::problem::Problem;
use super::range::{self, Asked as Range};
use super::snapshot::Publication;
use super::{body, headers};
use crate::publish::media_type;

/// How a publication was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// By `/latest/`: what is there changes.
    Latest,
    /// By its own name: what is there never changes.
    Dated,
}

impl Through {
    fn cache_control(self) -> &'static str {
        match self {
            Self::Latest => "no-cache",
            Self::Dated => "public, max-age=31536000, immutable",
        }
    }
}

/// 410 for a publication that was withdrawn.
pub fn withdrawn(publication: &Publication) -> Problem {
    Problem::new(
        StatusCode::GONE,
        "withdrawn",
        format!(
            "La publication {} a été retirée ; ses fichiers ne sont plus distribués. Prenez la plus récente.",
            publication.name
        ),
        format!(
            "Publication {} was withdrawn; its files are no longer given out. Take the latest one.",
            publication.name
        ),
    )
    .instead("/latest/")
}

/// What will be sent, once it is known to be there.
struct Chosen {
    encoding: Encoding,
    /// Digest and size of the bytes sent.
    entry: Entry,
    path: PathBuf,
    /// The file itself, held open: it stays readable when the publication goes.
    file: File,
    /// Its size on the disk.
    stored: u64,
    /// The plain file is not there any more and is made from its `.zst`.
    inflate: bool,
    /// Another client could be sent other bytes.
    varies: bool,
}

/// Held while a file is being sent.
pub type Room = OwnedSemaphorePermit;

/// What is asked of a file.
pub struct Asked<'a> {
    /// GET or HEAD.
    pub method: &'a Method,
    /// Headers of the request.
    pub headers: &'a HeaderMap,
    /// How the publication was reached.
    pub through: Through,
}

/// Answers a request for one file.
pub async fn serve(
    publication: Arc<Publication>,
    name: String,
    asked: &Asked<'_>,
    room: Room,
) -> Result<Response, Problem> {
    let Asked { method, headers: request, through } = *asked;
    if publication.manifest.is_withdrawn() {
        return Err(withdrawn(&publication));
    }
    let accepted = request.get(header::ACCEPT_ENCODING).map(|v| v.to_str().unwrap_or_default().to_owned());
    let (of, wanted) = (publication.clone(), name.clone());
    let chosen = blocking(move || open(&of, &wanted, accepted.as_deref())).await??;
    let tag = ETag::of_digest(&chosen.entry.sha256);
    let (varies, encoding) = (chosen.varies, chosen.encoding);
    let mut response = match etag::evaluate(request, &tag, publication.created) {
        Verdict::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Verdict::Failed => {
            return Err(Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "Le fichier n’est plus celui que votre requête exige.",
                "The file is no longer the one that your request requires.",
            ));
        }
        Verdict::Send => {
            let applies = *method == Method::GET && etag::range_applies(request, &tag, publication.created, varies);
            let asked = request.get(header::RANGE).filter(|_| applies);
            let asked = asked.and_then(|v| v.to_str().ok());
            let room = (*method == Method::GET).then_some(room);
            send(chosen, asked, room).await?
        }
    };
    let about = About { publication: &publication, name: &name, through, tag: &tag, varies };
    about.describe(response.headers_mut(), encoding);
    Ok(response)
}

/// Finds the file, chooses the best variant that exists and opens it. Blocks.
fn open(publication: &Publication, name: &str, accepted: Option<&str>) -> Result<Chosen, Problem> {
    let plain = publication.files.get(name).ok_or_else(Problem::not_found)?;
    // Retention may remove a variant between the look and the opening: then look again.
    for _ in 0..2 {
        let listed = |encoding: Encoding| {
            let file = format!("{name}{}", encoding.suffix());
            let entry = publication.files.get(&file)?;
            let path = publication.dir.join(&file);
            path.is_file().then(|| (entry.clone(), path))
        };
        let mut available: Vec<Encoding> = Encoding::ALL.into_iter().filter(|e| listed(*e).is_some()).collect();
        // An older publication keeps its large texts compressed only; the plain bytes are
        // announced still, and can be made again.
        let gone = !available.contains(&Encoding::Identity) && available.contains(&Encoding::Zstd);
        if gone {
            available.push(Encoding::Identity);
        }
        if available.is_empty() {
            return Err(Problem::not_found());
        }
        let encoding = encoding::choose(accepted, &available).ok_or_else(not_acceptable)?;
        let inflate = gone && encoding == Encoding::Identity;
        let from = if inflate { Encoding::Zstd } else { encoding };
        let Some((stored, path)) = listed(from) else {
            continue;
        };
        let entry = if inflate { plain.clone() } else { stored };
        let varies = available.len() > 1;
        match File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((stored, file)) => {
                return Ok(Chosen { encoding, entry, path, file, stored, inflate, varies });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot open a published file");
                return Err(Problem::internal());
            }
        }
    }
    Err(Problem::not_found())
}

fn not_acceptable() -> Problem {
    Problem::new(
        StatusCode::NOT_ACCEPTABLE,
        "not-acceptable",
        "Ce fichier n’existe dans aucun des codages que votre requête accepte (Accept-Encoding).",
        "This file exists in none of the encodings that your request accepts (Accept-Encoding).",
    )
}

/// 200, 206 or 416 with its body; without room, for HEAD, the same without it.
async fn send(chosen: Chosen, asked: Option<&str>, room: Option<Room>) -> Result<Response, Problem> {
    if chosen.inflate {
        return inflate(chosen, room);
    }
    let stored = chosen.stored;
    // A copy in progress, or one that was cut, must not pass for what was announced.
    if chosen.entry.bytes.is_some_and(|announced| announced != stored) {
        tracing::error!(
            path = %chosen.path.display(), bytes = stored, announced = chosen.entry.bytes,
            "a published file has not the size that its manifest announces; copy or publish again"
        );
        return Err(Problem::internal().retry_after(60));
    }
    let (status, first, len) = match asked.map_or(Range::Whole, |text| range::asked(text, stored)) {
        Range::Whole => (StatusCode::OK, 0, stored),

        Range::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),

        Range::Unsatisfiable => return Ok(unsatisfiable(stored)),
    };
    let mut file = chosen.file;
    if first > 0 {
        let moved = blocking(move || file.seek(SeekFrom::Start(first)).map(|_| file)).await?;
        file = moved.map_err(|_| Problem::internal())?;
    }
    let body = room.map_or_else(Body::empty, |room| body::part(file.into(), len, room));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        set(headers, header::CONTENT_RANGE, &format!("bytes {first}-{}/{stored}", first + len - 1));
    }
    Ok(response)
}

/// The plain bytes of a file that stands compressed only. A part of them would cost the whole, so
/// none is offered: `.zst` itself can be asked for in parts.
fn inflate(chosen: Chosen, room: Option<Room>) -> Result<Response, Problem> {
    let Some(len) = chosen.entry.bytes else {
        return Err(Problem::not_found());
    };
    let body = match room {
        None => Body::empty(),
        Some(room) => body::inflated(chosen.file.into(), len, room).map_err(|error| {
            tracing::error!(path = %chosen.path.display(), %error, "cannot inflate a published file");
            Problem::internal()
        })?,
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    Ok(response)
}

fn unsatisfiable(len: u64) -> Response {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range-not-satisfiable",
        format!("Le fichier a {len} octets ; la partie demandée est au-delà."),
        format!("The file has {len} bytes; the part asked for lies beyond."),
    );
    let mut response = problem.into_response();
    set(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{len}"));
    response
}

/// What the headers say of the file.
struct About<'a> {
    publication: &'a Publication,
    name: &'a str,
    through: Through,
    tag: &'a ETag,
    varies: bool,
}

impl About<'_> {
    /// The headers of every answer about a file, 304 and 416 included.
    fn describe(&self, headers: &mut HeaderMap, encoding: Encoding) {
        headers::open_data(headers);
        set(headers, header::ETAG, self.tag.as_str());
        set(headers, header::CACHE_CONTROL, self.through.cache_control());
        if let Some(at) = self.publication.created {
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at));
            set(headers, header::LAST_MODIFIED, &date);
        }
        if self.varies {
            set(headers, header::VARY, "Accept-Encoding");
        }
        if self.through == Through::Latest {
            let frozen = format!("/dumps/{}/{}", self.publication.name, self.name);
            set(headers, header::CONTENT_LOCATION, &frozen);
        }
        let is_problem =
            headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/problem"));
        if !is_problem {
            set(headers, header::CONTENT_TYPE, media_type::of(self.name));
            if let Some(encoding) = encoding.name() {
                set(headers, header::CONTENT_ENCODING, encoding);
            }
        }
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Runs disk work on a blocking thread; a panic there is an internal error here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a blocking thread ended early");
        Problem::internal()
    })
}
