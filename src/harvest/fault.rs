//! What can go wrong between a source and its payload, as values.
//!
//! Each fault says what happened; [`FetchFault::advice`] says what to do about it, and
//! [`FetchFault::patience`] whether asking again soon can help. [`FetchError`] adds where.
//! Knows no HTTP type: `client` turns what the network says into these.

use std::io;
use std::time::Duration;

use super::guard::Refusal;
use super::shown::ShownUrl;

/// A request that gave no payload: which source, which address, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {url} for source `{source_id}`: {fault} ({})", .fault.advice())]
pub struct FetchError {
    /// The id of the source in sources.toml.
    pub source_id: String,
    /// The id of the resource; `None` for the catalogue itself.
    pub resource: Option<Box<str>>,
    /// The address first asked, without secrets.
    pub url: ShownUrl,
    /// What happened at the last attempt.
    #[source]
    pub fault: FetchFault,
    /// How many times it was asked, the first one included.
    pub attempts: u32,
}

/// Which time limit ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Name, TCP and TLS together (`connect_timeout`).
    Connect,
    /// Between the request and the first byte of the answer (`read_timeout`).
    FirstByte,
    /// Between two pieces of the body (`read_timeout`).
    Stall,
    /// The whole transfer, redirects included (`total_timeout`, or the source's `timeout`).
    Total,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting took longer than",
            Self::FirstByte => "no answer came within",
            Self::Stall => "the transfer stood still for",
            Self::Total => "the whole transfer took longer than",
        }
    }
    fn key(self) -> &'static str {
        match self {
            Self::Connect => "connect_timeout",
            Self::FirstByte | Self::Stall => "read_timeout",
            Self::Total => "total_timeout (or `timeout` of the source)",
        }
    }
}

/// How often a fault is worth asking again within one harvest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patience {
    /// The answer will be the same.
    Never,
    /// Perhaps an accident: one more time, no more.
    Once,
    /// The far end is ill or busy: all the retries that the configuration allows.
    Full,
}

/// Everything that can stand between a request and a payload.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// Not an address that can be asked.
    #[error("this is no web address that can be asked: {0}")]
    BadUrl(String),
    /// A header or credential of the source's stanza that HTTP cannot carry.
    #[error("header `{name}` cannot be sent: {why}")]
    BadHeader {
        /// Name of the header; never its value.
        name: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// The address guard said no.
    #[error("refused to connect to {host}: {refusal}")]
    Refused {
        /// The host as named in the address.
        host: String,
        /// The rule that said no.
        refusal: Refusal,
    },
    /// No address for the name.
    #[error("the name {host} was not resolved: {why}")]
    Dns {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// The connection was not made.
    #[error("no connection: {0}")]
    Connect(String),
    /// TLS failed: certificate, name, version.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// A time limit ran out.
    #[error("{} {limit:?}", .phase.words())]
    Timeout {
        /// Which limit.
        phase: Phase,
        /// Its value.
        limit: Duration,
    },
    /// A status that carries no payload.
    #[error("the server answered {code}")]
    Status {
        /// HTTP status code.
        code: u16,
        /// How long the server asked to wait, already capped.
        retry_after: Option<Duration>,
    },
    /// 202: the server is still making the file.
    #[error("the server answered 202: the file is not ready")]
    NotReady,
    /// 304 to a request that carried no validators.
    #[error("the server answered 304 to a request that did not ask whether anything changed")]
    UnaskedNotModified,
    /// More hops than allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// An address came a second time.
    #[error("the redirects go in a circle, back to {0}")]
    RedirectLoop(ShownUrl),
    /// A redirect without a usable target.
    #[error("a redirect without a usable target: {0}")]
    BadRedirect(String),
    /// A redirect from https to http.
    #[error("a redirect leaves https for http: {0}")]
    Downgrade(ShownUrl),
    /// The transfer ended before the announced end.
    #[error("the transfer was cut after {received} bytes{}: {why}", length_words(.announced))]
    Cut {
        /// Bytes of body received, as sent.
        received: u64,
        /// Content-Length, when there was one.
        announced: Option<u64>,
        /// What the connection said.
        why: String,
    },
    /// Not HTTP, or too much of it.
    #[error("the answer is not proper HTTP: {0}")]
    Protocol(String),
    /// A content coding that is not read.
    #[error("content coding `{0}` is not accepted")]
    Coding(String),
    /// Compressed data that does not decompress.
    #[error("the body announced as {coding} does not decompress: {why}")]
    Corrupt {
        /// Content coding as declared.
        coding: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// More bytes than `max_bytes`, counted after decompression.
    #[error("the payload is larger than {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: u64,
    },
    /// Decompression grows beyond `max_ratio`.
    #[error("{wire} compressed bytes became more than {decoded}: beyond a ratio of {limit}")]
    Bomb {
        /// Bytes received.
        wire: u64,
        /// Bytes they became.
        decoded: u64,
        /// `max_ratio`.
        limit: u64,
    },
    /// A web page where data was expected.
    #[error("a web page came instead of data, it starts with {0:?}")]
    Html(String),
    /// 204, 205, or a body without a single visible byte.
    #[error("the answer is empty")]
    Empty,
    /// The host was unreachable several times in a row: it is left alone for a while.
    #[error("{host} failed several times in a row and is left alone for {rest:?}")]
    HostResting {
        /// Host and port.
        host: String,
        /// How much longer.
        rest: Duration,
    },
    /// A catalogue answered something that is not its format.
    #[error("the catalogue's answer cannot be used: {0}")]
    Catalogue(String),
    /// The local disk failed.
    #[error("{what}: {error}")]
    Disk {
        /// What was being written or read.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// guichet itself stopped the transfer.
    #[error("the transfer was stopped")]
    Cancelled,
}

fn length_words(length: &Option<u64>) -> String {
    length.map_or(String::new(), |n| format!(" of {n}"))
}

impl FetchFault {
    /// What the operator can do, as a clause without final stop.
    pub fn advice(&self) -> String {
        match self {
            Self::BadUrl(_) => "correct `url` in sources.toml, or tell the publisher".into(),
            Self::BadHeader { .. } => "correct `headers` or `credential` in sources.toml".into(),
            Self::Refused { refusal, .. } => refusal.advice().into(),
            Self::Dns { .. } => "check the name, and this machine's DNS".into(),
            Self::Connect(_) => "the server may be down; it is asked again at the next harvest".into(),
            Self::Tls(_) => "check the certificate with a browser; this machine needs its CA certificates \
                 (package ca-certificates) and a right clock"
                .into(),
            Self::Timeout { phase, .. } => {
                format!("if the server is just slow, raise {} in guichet.toml", phase.key())
            }
            Self::Status { code, .. } => status_advice(*code).into(),
            Self::NotReady => "it is asked again at the next harvest".into(),
            Self::UnaskedNotModified => "the server or a cache before it is wrong; tell the publisher".into(),
            Self::TooManyRedirects(_) | Self::RedirectLoop(_) | Self::BadRedirect(_) => {
                "open the address in a browser and put the final one in sources.toml".into()
            }
            Self::Downgrade(_) => "if the data is public and only on http, put that address in sources.toml".into(),
            Self::Cut { .. } => "nothing of it was kept; it is asked again".into(),
            Self::Protocol(_) => "something that is not a web server answers there".into(),
            Self::Coding(_) => "only gzip, deflate and zstd, one at a time, are read; tell the publisher".into(),
            Self::Corrupt { .. } => "the server's compression is broken; tell the publisher".into(),
            Self::TooLarge { .. } => "if the file really is that large, raise `max_bytes` of the source".into(),
            Self::Bomb { .. } => "if the file really compresses that well, raise `max_ratio` in guichet.toml".into(),
            Self::Html(_) => "open the address in a browser: login page, maintenance, or a moved file".into(),
            Self::Empty => "the last good state stands; tell the publisher if it stays so".into(),
            Self::HostResting { .. } => "the other files of this host are asked again at the next harvest".into(),
            Self::Catalogue(_) => "check that `url` is the dataset's API address and `catalog` its kind".into(),
            Self::Disk { .. } => "check free space and rights of the data directory".into(),
            Self::Cancelled => "it is asked again at the next harvest".into(),
        }
    }

    /// How often asking again soon is worth it.
    pub fn patience(&self) -> Patience {
        match self {
            Self::Dns { .. } | Self::Connect(_) | Self::Timeout { .. } | Self::Cut { .. } | Self::NotReady => {
                Patience::Full
            }
            Self::Status { code, .. } => match code {
                408 | 425 | 429 | 500 | 502..=504 | 520..=530 => Patience::Full,
                // Some hosts say 403 when they mean "too fast".
                403 => Patience::Once,
                _ => Patience::Never,
            },
            Self::Corrupt { .. } | Self::Protocol(_) | Self::UnaskedNotModified => Patience::Once,
            _ => Patience::Never,
        }
    }

    /// Whether asking again later can help without anybody mending anything: what a scheduler reads.
    pub fn is_transient(&self) -> bool {
        self.patience() > Patience::Never || matches!(self, Self::HostResting { .. } | Self::Cancelled)
    }

    /// How much this fault says that the whole host, not one file of it, cannot be had
    /// (see `polite`): 0 is nothing.
    pub(super) fn strikes(&self) -> u32 {
        match self {
            Self::Dns { .. } | Self::Connect(_) | Self::Timeout { phase: Phase::Connect, .. } => 4,
            Self::Status { code: 429, .. } => 1,
            _ => 0,
        }
    }

    pub(super) fn disk(what: impl Into<String>, error: io::Error) -> Self {
        Self::Disk { what: what.into(), error }
    }

    /// Wraps a fault so that it can pass through `Write`; [`FetchFault::from_io`] takes it out.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The fault that a sink put into `error`, or what `otherwise` makes of a decoder's own error.
    pub(super) fn from_io(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<FetchFault>()) {
            let kind = error.kind();
            match error.into_inner().map(|inner| inner.downcast::<FetchFault>()) {
                Some(Ok(fault)) => *fault,
                _ => otherwise(io::Error::from(kind)),
            }
        } else {
            otherwise(error)
        }
    }
}

fn status_advice(code: u16) -> &'static str {
    match code {
        401 | 407 => "the source needs a `credential`, or the one it has is wrong",
        403 => "the server does not let us in: ask the publisher, or give a `credential` or `user_agent`",
        404 => "the file is not there: look for its new address",
        410 => "the file was removed for good: look for its successor",
        429 => "we ask too often: raise `min_interval` or set `per_host = 1` for the source",
        500.. => "the server is ill; it is asked again at the next harvest",
        _ => "check the address with a browser",
    }
}
