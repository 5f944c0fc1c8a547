//! Fetching one resource: asked only if it changed, tried again when that can help, archived.
//!
//! In: a source's access, a resource, what is known of its last payload. Out: unchanged, the same
//! again, or a new payload in the archive, with the validators to remember. Stores no validator and
//! writes no log entry: the caller does, in the transaction that makes the payload's rows current.

use std::io::{self, Read, Write};

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{self, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

use super::Harvester;
use super::access::SourceAccess;
use super::archive::{Archive, ArchiveError, Incoming, Sha256};
use super::catalog::{Held, Resource};
use super::client::Answer;
use super::coding::Coding;
use super::fault::{FetchError, FetchFault};
use super::landing::{Bounds, Landed};
use super::shown::ShownUrl;
use super::spool::Spool;
use super::transfer::{Terms, receive};

/// What a server gave to ask "has it changed?" with, as it gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// ETag with its quotes and any `W/`.
    pub etag: Option<String>,
    /// Last-Modified.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Of an answer. Two different ones contradict: none is kept.
    fn of(headers: &HeaderMap) -> Self {
        Self { etag: single(headers, header::ETAG), last_modified: single(headers, header::LAST_MODIFIED) }
    }

    /// A 304 may renew them (RFC 9111 §4.3.4); what it does not name stays.
    fn renewed(&self, by: Self) -> Self {
        Self {
            etag: by.etag.or_else(|| self.etag.clone()),
            last_modified: by.last_modified.or_else(|| self.last_modified.clone()),
        }
    }

    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    fn add_to(&self, headers: &mut HeaderMap) {
        let mut put = |name, value: &Option<String>| {
            if let Some(Ok(value)) = value.as_ref().map(|v| HeaderValue::from_str(v)) {
                headers.insert(name, value);
            }
        };
        put(header::IF_NONE_MATCH, &self.etag);
        put(header::IF_MODIFIED_SINCE, &self.last_modified);
    }
}

/// The one value of a header, if it is text and all its occurrences agree.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    first.to_str().ok().map(str::trim).filter(|v| !v.is_empty() && v.len() <= 1024).map(str::to_owned)
}

/// What is known of a resource's last payload, as the store remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Validators of the answer that gave it, stored with it.
    pub validators: Validators,
    /// Its name.
    pub sha256: Sha256,
    /// Its length.
    pub bytes: u64,
}

/// How a fetch ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// 304: the server says it has not changed. The validators may be newer.
    NotModified {
        /// To be stored in place of the old ones.
        validators: Validators,
    },
    /// It was sent again, byte for byte the same. The validators may be new all the same.
    Same {
        /// Name of the payload, which is in the archive.
        sha256: Sha256,
        /// To be stored in place of the old ones.
        validators: Validators,
    },
    /// Another payload than before, now in the archive.
    Payload(Payload),
}

/// A payload that has just been archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its name in the archive.
    pub sha256: Sha256,
    /// Its length, after decompression.
    pub bytes: u64,
    /// To be stored when, and only when, its rows become current.
    pub validators: Validators,
    /// Last-Modified as a moment, if it can be read: one of the sources of the resource's date.
    pub last_modified: Option<Timestamp>,
    /// The address after all redirects, without secrets.
    pub final_url: ShownUrl,
    /// Content-Type as declared; nobody should trust it.
    pub content_type: Option<String>,
}

impl Harvester {
    /// Fetches `resource`. With `force`, asks for the whole even if it has not changed.
    ///
    /// # Errors
    /// The fault of the last attempt. Nothing of a failed transfer is kept.
    pub async fn fetch(
        &self,
        source: &SourceAccess,
        resource: &Resource,
        previous: Option<&Previous>,
        archive: &Archive,
        force: bool,
        now: Timestamp,
    ) -> Result<Fetched, FetchError> {
        if let Some(held) = &resource.held {
            let taken = self.take_held(held, previous, archive).await;
            return taken.map_err(|fault| self.error(source, Some(&resource.id), &resource.url, fault, 1));
        }
        let began = Instant::now();
        let at = || now + began.elapsed();
        let mut tries = self.tries(source, Some(&resource.id), &resource.url);
        loop {
            let result = self.fetch_once(source, resource, previous, archive, force, at()).await;
            self.progress.finished(&source.id, &resource.id);
            match result {
                Ok(fetched) => return Ok(fetched),
                Err(fault) => tries.again(fault).await?,
            }
        }
    }

    /// Archives a payload that was read with its catalogue.
    async fn take_held(
        &self,
        held: &Held,
        previous: Option<&Previous>,
        archive: &Archive,
    ) -> Result<Fetched, FetchFault> {
        let sha256 = held.sha256;
        if previous.is_some_and(|p| p.sha256 == sha256) && archive.contains(&sha256) {
            return Ok(Fetched::Same { sha256, validators: Validators::default() });
        }
        let payload = Payload {
            sha256,
            bytes: held.bytes,
            validators: Validators::default(),
            last_modified: held.last_modified,
            final_url: held.final_url.clone(),
            content_type: held.content_type.clone(),
        };
        let (held, archive) = (held.clone(), archive.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let mut incoming = archive.incoming().map_err(broken)?;
            let mut failed = None;
            let read = held.read(|piece| {
                incoming.push(piece).map_err(|e| {
                    failed = Some(broken(e));
                    io::Error::other("the archive failed")
                })
            });
            match (failed, read) {
                (Some(fault), _) => Err(fault),
                (None, Err(e)) => Err(FetchFault::disk("cannot read a temporary file back", e)),
                (None, Ok(())) => incoming.commit(&sha256).map_err(broken),
            }
        });
        kept.await.map_err(|_| FetchFault::Cancelled)??;
        Ok(Fetched::Payload(payload))
    }

    async fn fetch_once(
        &self,
        source: &SourceAccess,
        resource: &Resource,
        previous: Option<&Previous>,
        archive: &Archive,
        force: bool,
        now: Timestamp,
    ) -> Result<Fetched, FetchFault> {
        // Without the payload itself a 304 would leave a hole: ask for the whole.
        let previous = previous.filter(|p| archive.contains(&p.sha256));
        let asked = previous.map(|p| &p.validators).filter(|v| !force && !v.is_empty());
        let mut open = HeaderMap::new();
        open.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(validators) = asked {
            validators.add_to(&mut open);
        }
        let url = parse(&resource.url)?;
        let mut answer = self.ask(source, url, open, now).await?;
        let headers = answer.response.headers();
        let validators = Validators::of(headers);
        if answer.response.status() == StatusCode::NOT_MODIFIED {
            let asked = asked.ok_or(FetchFault::UnaskedNotModified)?;
            return Ok(Fetched::NotModified { validators: asked.renewed(validators) });
        }
        let mut payload = Payload {
            sha256: Sha256::from_bytes([0; 32]),
            bytes: 0,
            last_modified: validators.last_modified.as_deref().and_then(http_date),
            final_url: ShownUrl::of(&answer.url),
            content_type: single(headers, header::CONTENT_TYPE),
            validators,
        };
        let known = previous.map(|p| p.sha256);
        let keep = self.keep_for(&answer, previous, archive)?;
        let archive = archive.clone();
        let landed = self
            .body(source, &resource.id, &mut answer, true, keep, move |landed| settle(landed, known, &archive))
            .await?;
        (payload.sha256, payload.bytes) = (landed.sha256, landed.bytes);
        Ok(match landed.keep {
            Settled::Same => Fetched::Same { sha256: payload.sha256, validators: payload.validators },
            Settled::Stored => Fetched::Payload(payload),
        })
    }

    /// Where the body goes while it arrives: aside, when it is probably what we have, else straight
    /// into the archive.
    fn keep_for(&self, answer: &Answer, previous: Option<&Previous>, archive: &Archive) -> Result<Keep, FetchFault> {
        let plain = Coding::of(answer.response.headers())? == Coding::Identity;
        let length = answer.response.content_length().filter(|_| plain);
        let likely = previous.is_some_and(|p| length.is_none_or(|n| n == p.bytes));
        match likely {
            true => {
                let spool = self.spools.take(archive.dir());
                spool.map(Keep::Spool).map_err(|e| FetchFault::disk("cannot write a temporary file", e))
            }
            false => Ok(Keep::Archive(archive.incoming().map_err(broken)?)),
        }
    }

    /// Reads a body under the source's limits, telling who listens.
    pub(super) async fn body<K: Write + Send + 'static, T: Send + 'static>(
        &self,
        source: &SourceAccess,
        label: &str,
        answer: &mut Answer,
        data_only: bool,
        keep: K,
        finish: impl FnOnce(Landed<K>) -> Result<T, FetchFault> + Send + 'static,
    ) -> Result<T, FetchFault> {
        self.progress.started(&source.id, label, answer.response.content_length());
        let received = std::sync::atomic::AtomicU64::new(0);
        let terms = Terms {
            bounds: Bounds {
                max_bytes: source.max_bytes.unwrap_or(self.limits.max_bytes),
                max_ratio: self.limits.max_ratio,
                data_only,
            },
            read_timeout: self.limits.read_timeout,
            total: self.total(source),
            enough: None,
            on_bytes: &|n| {
                received.store(n, std::sync::atomic::Ordering::Relaxed);
                self.progress.advanced(&source.id, label, n);
            },
        };
        let result = receive(answer, terms, keep, finish).await;
        self.count(&source.id, |t| t.received += received.into_inner());
        result
    }
}

pub(super) fn parse(url: &str) -> Result<Url, FetchFault> {
    let url = url.trim();
    Url::parse(url).map_err(|e| FetchFault::BadUrl(format!("{e} in {}", ShownUrl::of_text(url))))
}

pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(text).ok().and_then(|at| Timestamp::try_from(at).ok())
}

fn broken(error: ArchiveError) -> FetchFault {
    match error {
        ArchiveError::Io { what, path, error } => FetchFault::disk(format!("{what} {}", path.display()), error),
        other => FetchFault::disk("the archive failed", io::Error::other(other)),
    }
}

enum Keep {
    Spool(Spool),
    Archive(Incoming),
}

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Spool(spool) => {
                spool.write(bytes).map_err(|e| FetchFault::disk("cannot write a temporary file", e).into_io())
            }
            Self::Archive(incoming) => match incoming.push(bytes) {
                Ok(()) => Ok(bytes.len()),
                Err(e) => Err(broken(e).into_io()),
            },
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Settled {
    Same,
    Stored,
}

/// The whole body is there and its hash known: forget it if we had it, else archive it.
fn settle(landed: Landed<Keep>, known: Option<Sha256>, archive: &Archive) -> Result<Landed<Settled>, FetchFault> {
    let Landed { keep, sha256, bytes } = landed;
    let end = |keep| Ok(Landed { keep, sha256, bytes });
    if known == Some(sha256) {
        return end(Settled::Same);
    }
    let incoming = match keep {
        Keep::Archive(incoming) => incoming,
        Keep::Spool(mut spool) => compress(&mut spool, archive)?,
    };
    incoming.commit(&sha256).map_err(broken)?;
    end(Settled::Stored)
}

fn compress(spool: &mut Spool, archive: &Archive) -> Result<Incoming, FetchFault> {
    let unread = |e| FetchFault::disk("cannot read a temporary file back", e);
    let mut incoming = archive.incoming().map_err(broken)?;
    let mut reader = spool.reader().map_err(unread)?;
    let mut buffer = vec![0u8; 128 * 1024];
    loop {
        let n = match reader.read(&mut buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(unread)?,
        };
        match buffer.get(..n).filter(|piece| !piece.is_empty()) {
            Some(piece) => incoming.push(piece).map_err(broken)?,
            None => return Ok(incoming),
        }
    }
}
