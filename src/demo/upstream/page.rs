//! What the fake upstream answers, fault by fault: a page is built up by its methods and changes
//! nothing until it is routed.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Where the bytes of an answer come from.
#[derive(Clone)]
pub(super) enum Body {
    Bytes(Bytes),
    /// Read anew for each answer, never held whole.
    File(PathBuf),
    /// A stream of unknown length, made anew for each answer.
    Stream(Arc<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(b) => write!(f, "{} bytes", b.len()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stream(_) => f.write_str("a stream"),
        }
    }
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// The connection closes after that many bytes of the body.
    Cut(u64),
    /// It is reset after that many.
    Reset(u64),
    /// Nothing more comes after that many, and the connection stays open.
    Stall(u64),
}

/// Whether the body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gzip {
    No,
    /// When the request accepts it.
    Accepted,
    /// The header says gzip; the body is sent as it is (which may be gzip already, or a lie).
    Labelled,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Page {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// Whether a validator of the request is looked at.
    pub(super) conditional: bool,
    pub(super) gzip: Gzip,
    /// Before the first byte of the answer.
    pub(super) delay: Duration,
    /// So many bytes, then such a pause.
    pub(super) pace: Option<(usize, Duration)>,
    pub(super) chunked: bool,
    /// What `Content-Length` says instead of the truth.
    pub(super) declared: Option<u64>,
    pub(super) end: End,
    /// The connection closes (or stays silent) before any answer.
    pub(super) silent: Option<Silence>,
}

/// An answer that never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    Close,
    Stall,
}

impl Page {
    fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            etag: None,
            last_modified: None,
            conditional: true,
            gzip: Gzip::No,
            delay: Duration::ZERO,
            pace: None,
            chunked: false,
            declared: None,
            end: End::Complete,
            silent: None,
        }
    }

    /// 200 with these bytes.
    pub fn bytes(body: impl Into<Bytes>, content_type: &str) -> Self {
        Self::new(200, Body::Bytes(body.into())).header("Content-Type", content_type)
    }
    /// 200 with JSON.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::bytes(body, "application/json")
    }
    /// 200 with XML.
    pub fn xml(body: impl Into<Bytes>) -> Self {
        Self::bytes(body, "application/xml")
    }
    /// 200 with HTML: what a login page or a firewall answers in place of data.
    pub fn html(body: impl Into<Bytes>) -> Self {
        Self::bytes(body, "text/html; charset=utf-8")
    }
    /// This status, with a short text (none for 204 and 304).
    pub fn status(status: u16) -> Self {
        let text = if matches!(status, 204 | 304) {
            String::new()
        } else {
            format!("status {status}\n")
        };
        Self::new(status, Body::Bytes(text.into())).header("Content-Type", "text/plain")
    }
    /// This status, with nothing.
    pub fn empty(status: u16) -> Self {
        Self::new(status, Body::Bytes(Bytes::new()))
    }
    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Self::empty(status).header("Location", to)
    }
    /// 200 with the content of a file, read when it is asked for. A missing file answers 404.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(200, Body::File(path.into()))
    }
    /// 200 with whatever the reader gives, in chunks; it is made anew for each answer.
    pub fn stream(make: impl Fn() -> Box<dyn Read + Send> + Send + Sync + 'static) -> Self {
        Self::new(200, Body::Stream(Arc::new(make))).chunked()
    }
    /// A gzip body that unpacks to so many bytes of one letter.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn gzip_bomb(unpacked: u64) -> io::Result<Self> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        io::copy(&mut io::repeat(b'a').take(unpacked), &mut gz)?;
        Ok(Self::json(gz.finish()?).labelled_gzip())
    }
    /// The connection closes without an answer.
    pub fn no_answer() -> Self {
        Self {
            silent: Some(Silence::Close),
            ..Self::empty(200)
        }
    }
    /// The connection stays open without an answer.
    pub fn never_answers() -> Self {
        Self {
            silent: Some(Silence::Stall),
            ..Self::empty(200)
        }
    }

    /// Adds a header; one named twice is sent twice.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    /// Another status for the same body.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
    /// An `ETag`, with its quotes; a request that names it is answered 304.
    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }
    /// A `Last-Modified`; a request that names that moment or a later one is answered 304.
    #[must_use]
    pub fn last_modified(mut self, at: SystemTime) -> Self {
        self.last_modified = Some(httpdate::fmt_http_date(at));
        self
    }
    /// Sends its validators, and the whole body whatever the request says.
    #[must_use]
    pub fn unconditional(mut self) -> Self {
        self.conditional = false;
        self
    }
    /// `Retry-After`, in seconds, as a date, or as nonsense.
    #[must_use]
    pub fn retry_after(self, value: &str) -> Self {
        self.header("Retry-After", value)
    }
    /// Compressed on the way, when the request accepts gzip.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.gzip = Gzip::Accepted;
        self
    }
    /// Says `Content-Encoding: gzip` and sends the body as it is.
    #[must_use]
    pub fn labelled_gzip(mut self) -> Self {
        self.gzip = Gzip::Labelled;
        self
    }
    /// Waits before the first byte.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
    /// Sends so many bytes of the body at a time, with a pause after each.
    #[must_use]
    pub fn drip(mut self, bytes: usize, pause: Duration) -> Self {
        self.pace = Some((bytes.max(1), pause));
        self
    }
    /// Chunked, without a length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }
    /// Closes the connection after `n` bytes of the body, whose full length (or, chunked, whose
    /// end) was announced.
    #[must_use]
    pub fn cut_after(mut self, n: u64) -> Self {
        self.end = End::Cut(n);
        self
    }
    /// Resets it there.
    #[must_use]
    pub fn reset_after(mut self, n: u64) -> Self {
        self.end = End::Reset(n);
        self
    }
    /// Sends nothing more from there on, and keeps it open.
    #[must_use]
    pub fn stall_after(mut self, n: u64) -> Self {
        self.end = End::Stall(n);
        self
    }
    /// Announces another length than the body has.
    #[must_use]
    pub fn content_length(mut self, n: u64) -> Self {
        self.declared = Some(n);
        self
    }
    /// A document that ends inside its `n`-th record (from 1), completely transferred: cuts the
    /// body in the middle between the starts of two records, which the caller knows by `opening`
    /// (`{"id"`, `<marche>`). The body must be bytes; a page with fewer records stays whole.
    #[must_use]
    pub fn cut_inside_record(mut self, n: usize, opening: &str) -> Self {
        if let Body::Bytes(b) = &self.body {
            let starts: Vec<_> = memchr::memmem::find_iter(b, opening.as_bytes()).collect();
            if let Some(start) = n.checked_sub(1).and_then(|at| starts.get(at)) {
                let end = starts.get(n).copied().unwrap_or(b.len());
                self.body = Body::Bytes(b.slice(..start + (end - start) / 2));
            }
        }
        self
    }
}

/// Compresses the whole of a reader.
pub(super) fn compress(mut from: impl Read, to: impl Write) -> io::Result<()> {
    let mut gz = GzEncoder::new(to, Compression::fast());
    io::copy(&mut from, &mut gz)?;
    gz.finish()?.flush()
}
