//! HTTP/1.1 on one socket: reads a request head, writes an answer, breaks it where the page says.
//!
//! A request is looked at before it is taken from the socket: where an answer ends in a reset, its
//! last byte is left unread, and closing a socket with unread bytes is what makes the kernel send
//! the reset.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::page::{Body, End, Gzip, Page, Silence, compress};
use super::{Request, Shared};

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Longest body of a request, in bytes.
const MAX_BODY: u64 = 16 * 1024 * 1024;
/// Bytes given to the kernel at a time where a body is paced, chunked or compressed.
const PIECE: usize = 256 * 1024;
/// How long a stall lasts when neither side ends it.
const STALL: Duration = Duration::from_secs(600);

/// Answers requests until the peer, the page or the server ends the connection.
pub(super) fn serve(mut stream: TcpStream, shared: &Shared) {
    // Small pieces are the point of a drip.
    let _ = stream.set_nodelay(true);
    while let Ok(Some((request, length))) = next_request(&stream, shared) {
        shared.remember(&request);
        let now = shared.answering.fetch_add(1, Ordering::SeqCst) + 1;
        shared.peak.fetch_max(now, Ordering::SeqCst);
        let page = shared.find(&request);
        let again = answer(&mut stream, shared, &request, length, &page).unwrap_or(false);
        shared.answering.fetch_sub(1, Ordering::SeqCst);
        if !again
            || request
                .header("connection")
                .is_some_and(|c| c.eq_ignore_ascii_case("close"))
        {
            break;
        }
    }
}

/// The next request, still on the socket, and the length of its head; `None` at the end.
fn next_request(stream: &TcpStream, shared: &Shared) -> io::Result<Option<(Request, usize)>> {
    let mut head = vec![0; 4 * 1024];
    let mut before = 0;
    loop {
        let n = stream.peek(&mut head)?;
        if n == 0 || shared.is_stopped() {
            return Ok(None);
        }
        if let Some(end) = memchr::memmem::find(&head[..n], b"\r\n\r\n") {
            return Ok(parse(&head[..end]).map(|r| (r, end + 4)));
        }
        if n == head.len() {
            if n >= MAX_HEAD {
                return Ok(None);
            }
            head.resize(n * 2, 0);
        } else if n == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        before = n;
    }
}

fn parse(head: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    Some(Request {
        method,
        target,
        headers: lines.filter_map(header).collect(),
        at: Instant::now(),
    })
}

/// Takes the request from the socket (but for its last byte where the answer is to be reset).
fn take(stream: &mut TcpStream, request: &Request, head: usize, page: &Page) -> io::Result<()> {
    let body = request
        .header("content-length")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0u64);
    let whole = head as u64 + body.min(MAX_BODY);
    let kept = u64::from(matches!(page.end, End::Reset(_)));
    io::copy(&mut stream.take(whole - kept), &mut io::sink()).map(drop)
}

/// Sends the page; true when the connection can serve another request.
fn answer(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    head: usize,
    page: &Page,
) -> io::Result<bool> {
    take(stream, request, head, page)?;
    shared.pause(page.delay);
    match page.silent {
        Some(Silence::Close) => return Ok(false),
        Some(Silence::Stall) => {
            stall(stream, shared);
            return Ok(false);
        }
        None => {}
    }
    if page.conditional && page.status == 200 && is_known(request, page) {
        return send_head(stream, page, 304, Length::None).map(|()| true);
    }
    let (mut body, length): (Box<dyn Read>, Option<u64>) = match &page.body {
        Body::Bytes(b) => (Box::new(&b[..]), Some(b.len() as u64)),
        Body::Stream(make) => (make(), None),
        Body::File(path) => {
            let Ok(file) = File::open(path) else {
                return answer(
                    stream,
                    shared,
                    request,
                    0,
                    &Page::status(404).header("Connection", "close"),
                );
            };
            let length = file.metadata()?.len();
            if is_plain(page) && request.method != "HEAD" {
                send_head(stream, page, page.status, Length::Known(length))?;
                // File to socket: the standard library leaves this to the kernel.
                let sent = io::copy(&mut file.take(length), stream)?;
                shared.bytes.fetch_add(sent, Ordering::Relaxed);
                return Ok(sent == length);
            }
            (Box::new(file), Some(length))
        }
    };
    let compressed = page.gzip == Gzip::Accepted
        && request
            .header("accept-encoding")
            .is_some_and(|a| a.contains("gzip"));
    let chunked = page.chunked || compressed || length.is_none();
    let said = match (chunked && page.declared.is_none(), length) {
        (false, Some(n)) => Length::Known(page.declared.unwrap_or(n)),
        (false, None) => page.declared.map_or(Length::Chunked, Length::Known),
        (true, _) => Length::Chunked,
    };
    if compressed || page.gzip == Gzip::Labelled {
        let page = page
            .clone()
            .header("Content-Encoding", "gzip")
            .header("Vary", "Accept-Encoding");
        send_head(stream, &page, page.status, said)?;
    } else {
        send_head(stream, page, page.status, said)?;
    }
    if request.method == "HEAD" || matches!(page.status, 204 | 304) {
        return Ok(true);
    }
    let mut out = Out {
        stream,
        shared,
        page,
        chunked: said == Length::Chunked,
        sent: 0,
    };
    let result = if compressed {
        compress(&mut body, &mut out)
    } else {
        copy(&mut body, &mut out)
    };
    let (sent, broken) = (out.sent, result.is_err());
    if broken {
        return ended(stream, shared, page);
    }
    if said == Length::Chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(page.end == End::Complete && matches!(said, Length::Chunked) || said == Length::Known(sent))
}

/// What happens after the last byte that the page lets through.
fn ended(stream: &TcpStream, shared: &Shared, page: &Page) -> io::Result<bool> {
    match page.end {
        End::Stall(_) => stall(stream, shared),
        // What was sent should arrive before the reset takes the rest.
        End::Reset(_) => shared.pause(Duration::from_millis(30)),
        End::Complete | End::Cut(_) => {}
    }
    Ok(false)
}

/// Whether a file can go to the socket as it is.
fn is_plain(page: &Page) -> bool {
    page.gzip == Gzip::No
        && page.pace.is_none()
        && !page.chunked
        && page.declared.is_none()
        && page.end == End::Complete
}

/// Whether the request already has what the page holds.
fn is_known(request: &Request, page: &Page) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if let Some(known) = request.header("if-none-match") {
        return page
            .etag
            .as_ref()
            .is_some_and(|e| known == "*" || known.split(',').any(|k| plain(k) == plain(e)));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    match (
        request.header("if-modified-since").and_then(date),
        page.last_modified.as_deref().and_then(date),
    ) {
        (Some(known), Some(changed)) => changed <= known,
        _ => false,
    }
}

/// How the end of a body is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(u64),
    Chunked,
    None,
}

fn send_head(stream: &mut TcpStream, page: &Page, status: u16, length: Length) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    let own = [("ETag", &page.etag), ("Last-Modified", &page.last_modified)];
    let own = own
        .iter()
        .filter_map(|(n, v)| v.as_deref().map(|v| (*n, v)));
    for (name, value) in page
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .chain(own)
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match length {
        Length::Known(n) if status != 204 => head.push_str(&format!("Content-Length: {n}\r\n")),
        Length::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        Length::Known(_) | Length::None => {}
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// Holds the connection open in silence until the peer or the server gives up.
fn stall(stream: &TcpStream, shared: &Shared) {
    const LOOK: Duration = Duration::from_millis(50);
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    for _ in 0..STALL.as_millis() / LOOK.as_millis() {
        let gone = match stream.peek(&mut [0]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(e) => e.kind() != io::ErrorKind::WouldBlock,
        };
        if gone || shared.is_stopped() {
            return;
        }
        shared.pause(LOOK);
    }
}

fn copy(from: &mut dyn Read, out: &mut Out<'_>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            n => out.write_all(&piece[..n])?,
        }
    }
}

/// The body on its way out: paced, chunked, and broken off where the page says.
struct Out<'a> {
    stream: &'a mut TcpStream,
    shared: &'a Shared,
    page: &'a Page,
    chunked: bool,
    sent: u64,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut n = self
            .page
            .pace
            .map_or(bytes.len(), |(piece, _)| piece.min(bytes.len()));
        if let End::Cut(limit) | End::Reset(limit) | End::Stall(limit) = self.page.end {
            n = n.min(usize::try_from(limit.saturating_sub(self.sent)).unwrap_or(n));
            if n == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        if self.shared.is_stopped() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.chunked {
            self.stream.write_all(format!("{n:x}\r\n").as_bytes())?;
        }
        self.stream.write_all(&bytes[..n])?;
        if self.chunked {
            self.stream.write_all(b"\r\n")?;
        }
        self.sent += n as u64;
        self.shared.bytes.fetch_add(n as u64, Ordering::Relaxed);
        if let Some((_, pause)) = self.page.pace {
            self.shared.pause(pause);
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
