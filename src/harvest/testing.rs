//! An upstream whose every byte a test decides, on loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// One step of an answer.
pub(crate) enum Act {
    Send(Vec<u8>),
    Wait(u64),
    /// Ends the connection with RST instead of FIN.
    Reset,
    /// Keeps the connection open and says nothing more.
    Hang,
}

/// A request as it came: path with query, and the head as text.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) head: String,
    /// 0 for the first request of this path.
    pub(crate) nth: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A listening script.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    heads: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    pub(crate) async fn new(script: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", script).await
    }

    pub(crate) async fn on(addr: &str, script: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(script), Arc::clone(&heads));
        let counts = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log, counts) = (Arc::clone(&script), Arc::clone(&log), Arc::clone(&counts));
                tokio::spawn(async move {
                    let _ = serve(stream, &*script, &log, &counts).await;
                });
            }
        });
        Self { addr, heads, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// A header of the nth request.
    pub(crate) fn header(&self, nth: usize, name: &str) -> Option<String> {
        self.heads.lock().unwrap()[nth].header(name).map(str::to_owned)
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.heads.lock().unwrap().iter().map(|r| r.path.clone()).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &(dyn Fn(&Request) -> Vec<Act> + Send + Sync),
    log: &Mutex<Vec<Request>>,
    counts: &Mutex<HashMap<String, usize>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let nth = {
        let mut counts = counts.lock().unwrap();
        let n = counts.entry(path.clone()).or_default();
        *n += 1;
        *n - 1
    };
    let request = Request { path, head, nth };
    let acts = script(&request);
    log.lock().unwrap().push(request);
    for act in acts {
        match act {
            Act::Send(bytes) => stream.write_all(&bytes).await?,
            Act::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Act::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        }
    }
    stream.shutdown().await
}

/// A whole answer with Content-Length.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let mut text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    if status != 304 && status != 204 {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    vec![Act::Send([text.as_bytes(), b"\r\n", body].concat())]
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<Act> {
    reply(200, &[], body)
}

pub(crate) fn redirect(to: &str) -> Vec<Act> {
    reply(302, &[("Location", to)], "")
}

/// Exactly these bytes, then FIN.
pub(crate) fn raw(text: &str) -> Vec<Act> {
    vec![Act::Send(text.as_bytes().to_vec())]
}

/// Short limits, no pauses, 127.0.0.1 allowed.
pub(crate) fn limits() -> Limits {
    Limits {
        min_interval: Duration::ZERO,
        per_host: 8,
        connect_timeout: Duration::from_millis(500),
        read_timeout: Duration::from_millis(250),
        total_timeout: Duration::from_secs(3),
        retries: 2,
        retry_base: Duration::from_millis(5),
        retry_after_max: Duration::from_millis(300),
        max_bytes: 40 * 1024 * 1024,
        allow: AllowList::parse(&["127.0.0.1"]).unwrap(),
        ..Limits::default()
    }
}

/// A harvester with its archive.
pub(crate) struct Bench {
    pub(crate) harvester: Harvester,
    pub(crate) archive: Archive,
    _dir: tempfile::TempDir,
}

pub(crate) fn now() -> Timestamp {
    "2026-11-24T03:00:00Z".parse().unwrap()
}

pub(crate) fn source(url: String) -> SourceAccess {
    SourceAccess { id: "s".into(), url, ..SourceAccess::default() }
}

pub(crate) fn resource(url: String) -> Resource {
    Resource::new("main", &url, "t")
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(limits())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path().join("archive")).unwrap();
        let harvester = Harvester::new(limits, Arc::new(NoProgress)).unwrap();
        Self { harvester, archive, _dir: dir }
    }

    pub(crate) async fn fetch(&self, url: String) -> Result<Fetched, FetchError> {
        self.fetch_as(&source(url.clone()), url, None, false).await
    }

    pub(crate) async fn fetch_as(
        &self,
        source: &SourceAccess,
        url: String,
        previous: Option<&Previous>,
        force: bool,
    ) -> Result<Fetched, FetchError> {
        self.harvester.fetch(source, &resource(url), previous, &self.archive, force, now()).await
    }

    /// The fault that fetching `url` ends in, and how often it was asked.
    pub(crate) async fn fault(&self, url: String) -> (FetchFault, u32) {
        let error = self.fetch(url).await.unwrap_err();
        assert_eq!(self.leftovers(), 0, "a failed transfer left something in the archive");
        (error.fault, error.attempts)
    }

    /// A payload that must have come.
    pub(crate) async fn payload(&self, url: String) -> Payload {
        match self.fetch(url).await.unwrap() {
            Fetched::Payload(payload) => payload,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn text(&self, sha256: &Sha256) -> String {
        std::io::read_to_string(self.archive.read_verified(sha256).unwrap()).unwrap()
    }

    /// Files in the archive.
    pub(crate) fn leftovers(&self) -> usize {
        std::fs::read_dir(self.archive.dir()).unwrap().count()
    }
}
