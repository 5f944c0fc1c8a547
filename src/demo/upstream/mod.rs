//! A fake upstream: an HTTP/1.1 server on loopback whose every answer is a script, down to the
//! byte at which the connection breaks.
//!
//! In: [`Page`]s per path, or a folder. Out: bytes on sockets, and a record of what was asked.
//! Plain threads and blocking sockets, one per connection and at most [`MAX_CONNECTIONS`]: it runs
//! beside the program under test without a share of its runtime, and files go from disk to socket
//! inside the kernel. A body is never held whole unless it was given as bytes. It knows nothing of
//! procurement; `catalogue` shapes data.gouv-like answers.

mod catalogue;
mod page;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use catalogue::{Catalogue, Listed};
pub use page::Page;

/// Connections served at a time; the next ones wait to be accepted.
pub const MAX_CONNECTIONS: usize = 256;
/// Requests remembered for [`Upstream::seen`]; older ones are only counted.
const REMEMBERED: usize = 10_000;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// When its head was complete.
    pub at: Instant,
}

impl Request {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(&self.target, |(path, _)| path)
    }
    /// The value of a query parameter, as sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(n, _)| *n == name))
            .map(|(_, v)| v)
    }
}

type Answer = Arc<dyn Fn(&Request) -> Page + Send + Sync>;

enum Route {
    /// The n-th request gets the n-th page; the last one stays.
    Script(Vec<Page>, AtomicUsize),
    Answer(Answer),
}

/// What all threads share.
struct Shared {
    routes: RwLock<BTreeMap<String, Route>>,
    /// Prefix and folder.
    folders: RwLock<Vec<(String, PathBuf)>>,
    log: Mutex<Log>,
    stopped: AtomicBool,
    /// Woken when the server stops: pauses and stalls end with it.
    bell: (Mutex<()>, Condvar),
    /// Open connections, by number: closed when the server stops.
    open: (Mutex<HashMap<u64, TcpStream>>, Condvar),
    answering: AtomicUsize,
    peak: AtomicUsize,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Log {
    counts: BTreeMap<String, u64>,
    seen: VecDeque<Request>,
}

/// The server. Dropping it closes its port and every connection.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Listens on a free port of 127.0.0.1; every path answers 404.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            routes: RwLock::default(),
            folders: RwLock::default(),
            log: Mutex::default(),
            stopped: AtomicBool::new(false),
            bell: Default::default(),
            open: Default::default(),
            answering: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
        });
        let inner = Arc::clone(&shared);
        let accepting = std::thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || accept(&listener, &inner))?;
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// A server whose `/` is this page.
    ///
    /// # Errors
    /// As [`Upstream::start`].
    pub fn serving(page: Page) -> io::Result<Self> {
        let upstream = Self::start()?;
        upstream.page("/", page);
        Ok(upstream)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers this path (with its query, or without any) with this page, from now on.
    pub fn page(&self, path: &str, page: Page) {
        self.script(path, [page]);
    }

    /// Answers the n-th request for this path with the n-th page; the last one stays.
    pub fn script(&self, path: &str, pages: impl IntoIterator<Item = Page>) {
        self.route(
            path,
            Route::Script(pages.into_iter().collect(), AtomicUsize::new(0)),
        );
    }

    /// Answers this path, whatever its query, with what the function makes of the request.
    pub fn answer(&self, path: &str, answer: impl Fn(&Request) -> Page + Send + Sync + 'static) {
        self.route(path, Route::Answer(Arc::new(answer)));
    }

    /// Serves the files of a folder under a prefix that ends in `/`, each with an `ETag` made of
    /// its length and its time, read from disk when asked for.
    pub fn serve_dir(&self, prefix: &str, dir: &Path) {
        let mut folders = self
            .shared
            .folders
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        folders.retain(|(p, _)| p != prefix);
        folders.push((prefix.to_owned(), dir.to_owned()));
    }

    fn route(&self, path: &str, route: Route) {
        self.shared
            .routes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), route);
    }

    /// How often this path was asked for, with any query.
    pub fn requests(&self, path: &str) -> u64 {
        self.shared.log().counts.get(path).copied().unwrap_or(0)
    }

    /// How many requests there were in all.
    pub fn total(&self) -> u64 {
        self.shared.log().counts.values().sum()
    }

    /// The requests for this path, with any query, in the order in which they came.
    pub fn seen(&self, path: &str) -> Vec<Request> {
        self.shared
            .log()
            .seen
            .iter()
            .filter(|r| r.path() == path)
            .cloned()
            .collect()
    }

    /// The most requests that were being answered at one moment.
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::Relaxed)
    }

    /// Bytes of bodies sent so far.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        drop(self.shared.bell.0.lock());
        self.shared.bell.1.notify_all();
        for stream in self.shared.connections().values() {
            // Already closed by its peer is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.open.1.notify_all();
        // The listener only looks up when somebody knocks.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Waits, but not beyond the life of the server.
    fn pause(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let guard = self.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self
            .bell
            .1
            .wait_timeout_while(guard, time, |()| !self.is_stopped());
    }

    fn remember(&self, request: &Request) {
        let mut log = self.log();
        *log.counts.entry(request.path().to_owned()).or_default() += 1;
        if log.seen.len() == REMEMBERED {
            log.seen.pop_front();
        }
        log.seen.push_back(request.clone());
    }

    /// The page for a request; 404 where nothing is routed.
    fn find(&self, request: &Request) -> Page {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let route = routes
            .get(&request.target)
            .or_else(|| routes.get(request.path()));
        match route {
            Some(Route::Script(pages, served)) => {
                let nth = served.fetch_add(1, Ordering::Relaxed);
                pages
                    .get(nth)
                    .or(pages.last())
                    .cloned()
                    .unwrap_or_else(|| Page::status(404))
            }
            Some(Route::Answer(answer)) => {
                let answer = Arc::clone(answer);
                drop(routes);
                answer(request)
            }
            None => self
                .find_file(request.path())
                .unwrap_or_else(|| Page::status(404)),
        }
    }

    fn find_file(&self, path: &str) -> Option<Page> {
        let folders = self.folders.read().unwrap_or_else(PoisonError::into_inner);
        let (rest, dir) = folders
            .iter()
            .find_map(|(p, dir)| path.strip_prefix(p.as_str()).map(|rest| (rest, dir)))?;
        // Only plain names: nothing that climbs.
        if rest
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.') || part.contains('\\'))
        {
            return None;
        }
        let file = dir.join(rest);
        let meta = std::fs::metadata(&file)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        let changed = meta.modified().ok()?;
        let since = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
        let kind = if rest.ends_with(".xml") {
            "application/xml"
        } else {
            "application/json"
        };
        let etag = format!("\"{:x}-{:x}\"", meta.len(), since.as_nanos());
        Some(
            Page::file(file)
                .header("Content-Type", kind)
                .etag(&etag)
                .last_modified(changed),
        )
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for number in 0u64.. {
        let Ok((stream, _)) = listener.accept() else {
            // Out of file handles, most likely: give the open ones time to end.
            shared.pause(Duration::from_millis(10));
            if shared.is_stopped() {
                return;
            }
            continue;
        };
        if shared.is_stopped() {
            return;
        }
        let Ok(handle) = stream.try_clone() else {
            continue;
        };
        let connections = shared.connections();
        let room = |open: &mut HashMap<_, _>| open.len() >= MAX_CONNECTIONS && !shared.is_stopped();
        let mut connections = shared
            .open
            .1
            .wait_while(connections, room)
            .unwrap_or_else(PoisonError::into_inner);
        connections.insert(number, handle);
        drop(connections);
        let inner = Arc::clone(shared);
        let serve = move || {
            wire::serve(stream, &inner);
            inner.connections().remove(&number);
            inner.open.1.notify_all();
        };
        if std::thread::Builder::new().spawn(serve).is_err() {
            shared.connections().remove(&number);
        }
    }
}

#[cfg(test)]
mod tests;
