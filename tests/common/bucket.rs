//! A real S3-compatible service on loopback, over a folder, with scripted faults before it.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

/// The keys that it knows.
pub const ACCESS: &str = "AKGUICHET";
pub const SECRET: &str = "not-a-secret-of-anybody";
/// The bucket that it has.
pub const BUCKET: &str = "commande-publique";

/// What a request gets instead of its answer: status, a header, a body.
pub type Fault = (u16, Option<(&'static str, String)>, &'static str);
type Script = Box<dyn FnMut(&str, &str) -> Option<Fault> + Send>;

/// A service that runs until the test's process ends.
pub struct Server {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = s3s::service::S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(s3s::auth::SimpleAuth::from_single(ACCESS, SECRET));
        let broken = |e: s3s::HttpError| async move { (StatusCode::INTERNAL_SERVER_ERROR, format!("{e:?}")) };
        let service = HandleError::new(builder.build(), broken);
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let nothing: Script = Box::new(|_, _| None);
        let script = Arc::new(Mutex::new(nothing));
        let (log, faults) = (Arc::clone(&seen), Arc::clone(&script));
        let before = from_fn(move |request: Request, next: Next| {
            let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
            log.lock().unwrap().push(format!("{method} {path}"));
            let fault = (faults.lock().unwrap())(&method, &path);
            async move {
                match fault {
                    None => next.run(request).await,
                    Some(fault) => {
                        // Its body is read, so that the client is not cut off in the middle of it.
                        let _ = axum::body::to_bytes(request.into_body(), 64 << 20).await;
                        answer(fault)
                    }
                }
            }
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = Router::new().fallback_service(service).layer(before);
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { address, folder, seen, script }
    }

    /// What happens to requests from now on, by method and path.
    pub fn faults(&self, script: impl FnMut(&str, &str) -> Option<Fault> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn no_faults(&self) {
        self.faults(|_, _| None);
    }

    /// The requests since the last call, as `PUT /bucket/key`.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The folder that holds the bucket's objects.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// Keys of the bucket, sorted.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        walk(&self.root(), &self.root(), &mut keys);
        keys.sort();
        keys
    }
}

fn answer((status, header, body): Fault) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), Body::from(body)).into_response();
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn walk(root: &Path, dir: &Path, keys: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, keys);
        } else {
            keys.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}
