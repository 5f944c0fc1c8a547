//! A bucket: the few S3 requests that a mirror needs, each signed, tried again where that may help, and
//! never redirected.
//!
//! In: keys below the prefix. Out: what the service says. Requests are signed in their URL, so that the
//! secret never leaves this process; the URL is never shown, since whoever has it may repeat the request.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use base64::Engine as _;
use bytes::Bytes;
use reqwest::{Client, RequestBuilder, Response};
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2, S3Action};
use rusty_s3::{Bucket as Address, Credentials, UrlStyle};
use sha2::{Digest, Sha256};
use url::Url;

use super::error::UploadError;

/// How long a signed URL may be used: longer than any request lasts.
const SIGNED: Duration = Duration::from_secs(15 * 60);
/// A request that sends or asks for little must end within this time: 8 MiB at 30 kB/s.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
const CONNECT: Duration = Duration::from_secs(10);
/// Silence of the service within an answer.
const SILENCE: Duration = Duration::from_secs(60);
/// The most that is read of an answer that is no object: 1000 keys of 1024 bytes, and their XML.
const MAX_ANSWER: usize = 4 << 20;
/// The most that is read of a refusal.
const MAX_REFUSAL: usize = 16 << 10;
/// Our own name for the sha256 of the whole object, which a service keeps with it.
const META_SHA256: &str = "x-amz-meta-sha256";

/// Where to upload to. Has no `Debug`: it holds the keys.
pub struct Target {
    /// The service.
    pub endpoint: Url,
    /// The bucket.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// What every key begins with: empty, or ending in `/`.
    pub prefix: String,
    /// Whether the bucket stands in the path rather than in the host.
    pub path_style: bool,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// Pause before the first repetition of a request; doubled from one to the next.
    pub pause: Duration,
    /// Repetitions of a request.
    pub retries: usize,
}

/// An object as it stands, or as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Lower-case hex.
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// How an object is given out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) media: &'static str,
    /// Whether it is replaced in place: caches must ask then.
    pub(super) changes: bool,
}

/// See the file's head.
pub(super) struct Bucket {
    client: Client,
    address: Address,
    keys: Credentials,
    prefix: String,
    retry: ExponentialBuilder,
}

impl Bucket {
    pub(super) fn new(target: &Target) -> Result<Self, UploadError> {
        // Another part of the program (or a test) may have installed one: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setting = |why: String| UploadError::Setting { bucket: target.bucket.clone(), why };
        let style = if target.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let address = Address::new(target.endpoint.clone(), style, target.bucket.clone(), target.region.clone())
            .map_err(|e| setting(e.to_string()))?;
        let mut builder = Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(super::super::GENERATOR.replace(' ', "/"))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        if target.endpoint.scheme() == "http" {
            // Where no certificate is looked at, a machine without CA certificates serves too.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|e| setting(chain(&e)))?;
        let retry = ExponentialBuilder::default()
            .with_min_delay(target.pause)
            .with_max_delay(target.pause.saturating_mul(32))
            .with_factor(2.0)
            .with_max_times(target.retries)
            .with_jitter();
        let keys = Credentials::new(target.access_key.clone(), target.secret_key.clone());
        Ok(Self { client, address, keys, prefix: target.prefix.clone(), retry })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Sends what `make` builds, again while that may help. Signed anew each time.
    async fn ask<T, F: Future<Output = Result<T, UploadError>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, UploadError> {
        (|| attempt())
            .retry(self.retry)
            .when(UploadError::passing)
            .notify(|error, pause| tracing::debug!("once more in {pause:?}: {error}"))
            .await
    }

    /// The keys below a folder, without the prefix, and their sizes.
    pub(super) async fn list(&self, folder: &str) -> Result<BTreeMap<String, u64>, UploadError> {
        let what = format!("list `{}` of the bucket", self.key(folder));
        let mut found = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let mut action = ListObjectsV2::new(&self.address, Some(&self.keys));
            action.with_prefix(self.key(folder));
            if let Some(token) = token.take() {
                action.with_continuation_token(token);
            }
            let text = self
                .ask(|| async { text(&what, answered(&what, self.client.get(action.sign(SIGNED))).await?).await })
                .await?;
            let page = ListObjectsV2::parse_response(&text)
                .map_err(|e| UploadError::Answer { action: what.clone(), why: e.to_string() })?;
            for object in page.contents {
                if let Some(key) = object.key.strip_prefix(&self.prefix) {
                    found.insert(key.to_owned(), object.size.unwrap_or_default());
                }
            }
            match page.next_continuation_token {
                Some(next) => token = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// What the bucket says it holds under a key; `None`: nothing, or something that we did not send.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Content>, UploadError> {
        let (what, name) = (format!("look at `{key}` in the bucket"), self.key(key));
        let action = self.address.head_object(Some(&self.keys), &name);
        let head = self.ask(|| answered(&what, self.client.head(action.sign(SIGNED)))).await;
        let response = match head {
            Err(e) if e.absent() => return Ok(None),
            other => other?,
        };
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        let bytes = header("content-length").and_then(|n| n.parse().ok());
        Ok(header(META_SHA256).zip(bytes).map(|(sha256, bytes)| Content { sha256: sha256.to_owned(), bytes }))
    }

    /// The whole of a small object.
    pub(super) async fn get(&self, key: &str, most: usize) -> Result<Option<Vec<u8>>, UploadError> {
        let (what, name) = (format!("read `{key}` from the bucket"), self.key(key));
        let action = self.address.get_object(Some(&self.keys), &name);
        let read = self.ask(|| async {
            let response = answered(&what, self.client.get(action.sign(SIGNED))).await?;
            limited(&what, response, most).await
        });
        match read.await {
            Err(e) if e.absent() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Reads an object as it is given out, to its end or to the first byte too many.
    pub(super) async fn read_back(&self, key: &str, most: u64) -> Result<Content, UploadError> {
        let (what, name) = (format!("read `{key}` back from the bucket"), self.key(key));
        let action = self.address.get_object(Some(&self.keys), &name);
        self.ask(|| async {
            let mut response = answered(&what, self.client.get(action.sign(SIGNED))).await?;
            let (mut hasher, mut bytes) = (Sha256::new(), 0_u64);
            while let Some(chunk) = response.chunk().await.map_err(network(&what))? {
                hasher.update(&chunk);
                bytes += chunk.len() as u64;
                if bytes > most {
                    break;
                }
            }
            Ok(Content { sha256: hex::encode(hasher.finalize()), bytes })
        })
        .await
    }

    /// Sends a small object. The service checks the sha256, where it knows how.
    pub(super) async fn put(&self, key: &str, body: Bytes, kind: Kind, sha256: &str) -> Result<(), UploadError> {
        let (what, name) = (format!("send `{key}` to the bucket"), self.key(key));
        let sum = base64::engine::general_purpose::STANDARD.encode(hex::decode(sha256).unwrap_or_default());
        let mut action = self.address.put_object(Some(&self.keys), &name);
        action.headers_mut().insert("x-amz-checksum-sha256", sum.as_str());
        action.headers_mut().insert(META_SHA256, sha256);
        self.ask(|| {
            let request = self.client.put(action.sign(SIGNED)).timeout(PATIENCE).body(body.clone());
            let request = described(request, kind).header("x-amz-checksum-sha256", &sum).header(META_SHA256, sha256);
            answered(&what, request)
        })
        .await
        .map(drop)
    }

    /// Begins a large object; gives the name of the upload.
    pub(super) async fn begin(&self, key: &str, kind: Kind, sha256: &str) -> Result<String, UploadError> {
        let (what, name) = (format!("begin to send `{key}` to the bucket"), self.key(key));
        let mut action = self.address.create_multipart_upload(Some(&self.keys), &name);
        action.headers_mut().insert(META_SHA256, sha256);
        let text = self
            .ask(|| async {
                let request = self.client.post(action.sign(SIGNED)).timeout(PATIENCE).header(META_SHA256, sha256);
                text(&what, answered(&what, described(request, kind)).await?).await
            })
            .await?;
        let answer = CreateMultipartUpload::parse_response(&text)
            .map_err(|e| UploadError::Answer { action: what, why: e.to_string() })?;
        Ok(answer.upload_id().to_owned())
    }

    /// Sends one part of a large object; gives its tag.
    pub(super) async fn part(&self, key: &str, upload: &str, n: u16, body: Bytes) -> Result<String, UploadError> {
        let (what, name) = (format!("send part {n} of `{key}` to the bucket"), self.key(key));
        let action = self.address.upload_part(Some(&self.keys), &name, n, upload);
        let request = || self.client.put(action.sign(SIGNED)).timeout(PATIENCE).body(body.clone());
        let response = self.ask(|| answered(&what, request())).await?;
        let tag = response.headers().get("etag").and_then(|v| v.to_str().ok());
        tag.map(str::to_owned)
            .ok_or_else(|| UploadError::Answer { action: what, why: "a part without ETag".to_owned() })
    }

    /// Puts the parts together.
    pub(super) async fn complete(&self, key: &str, upload: &str, tags: &[String]) -> Result<(), UploadError> {
        let (what, name) = (format!("put the parts of `{key}` together in the bucket"), self.key(key));
        let tags = || tags.iter().map(String::as_str);
        self.ask(|| async {
            let action = self.address.complete_multipart_upload(Some(&self.keys), &name, upload, tags());
            let (url, body) = (action.sign(SIGNED), action.body());
            let answer =
                text(&what, answered(&what, self.client.post(url).timeout(PATIENCE).body(body)).await?).await?;
            // The answer begins before the parts are together: a failure then comes under 200.
            match refusal(&answer) {
                (Some(code), message) if !answer.contains("CompleteMultipartUploadResult") => {
                    Err(UploadError::Refused { action: what.clone(), status: 500, code: Some(code), message })
                }
                _ => Ok(()),
            }
        })
        .await
    }

    /// Lets go of the parts of an upload that came to nothing.
    pub(super) async fn abort(&self, key: &str, upload: &str) -> Result<(), UploadError> {
        let (what, name) = (format!("give up the parts of `{key}` in the bucket"), self.key(key));
        let action = self.address.abort_multipart_upload(Some(&self.keys), &name, upload);
        answered(&what, self.client.delete(action.sign(SIGNED)).timeout(PATIENCE)).await.map(drop)
    }

    /// Deletes an object; one that is not there is deleted.
    pub(super) async fn delete(&self, key: &str) -> Result<(), UploadError> {
        let (what, name) = (format!("delete `{key}` from the bucket"), self.key(key));
        let action = self.address.delete_object(Some(&self.keys), &name);
        match self.ask(|| answered(&what, self.client.delete(action.sign(SIGNED)).timeout(PATIENCE))).await {
            Err(e) if !e.absent() => Err(e),
            _ => Ok(()),
        }
    }
}

fn described(request: RequestBuilder, kind: Kind) -> RequestBuilder {
    let request = request.header("content-type", kind.media);
    if kind.changes { request.header("cache-control", "no-cache") } else { request }
}

/// Sends, and makes a refusal an error.
async fn answered(what: &str, request: RequestBuilder) -> Result<Response, UploadError> {
    let response = request.send().await.map_err(network(what))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = limited(what, response, MAX_REFUSAL).await.unwrap_or_default();
    let (code, message) = refusal(&String::from_utf8_lossy(&body));
    Err(UploadError::Refused { action: what.to_owned(), status: status.as_u16(), code, message })
}

async fn text(what: &str, response: Response) -> Result<String, UploadError> {
    let bytes = limited(what, response, MAX_ANSWER).await?;
    String::from_utf8(bytes).map_err(|e| UploadError::Answer { action: what.to_owned(), why: e.to_string() })
}

async fn limited(what: &str, mut response: Response, most: usize) -> Result<Vec<u8>, UploadError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network(what))? {
        if bytes.len() + chunk.len() > most {
            let why = format!("it is longer than {most} bytes");
            return Err(UploadError::Answer { action: what.to_owned(), why });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `Code` and `Message` of an error document; a service's words are cut and lose what is not printable.
fn refusal(body: &str) -> (Option<String>, Option<String>) {
    let mut reader = quick_xml::Reader::from_str(body);
    let (mut inside, mut code, mut message) = (String::new(), None, None);
    while let Ok(event) = reader.read_event() {
        match event {
            quick_xml::events::Event::Start(e) => e.local_name().as_ref().clone_into(&mut inside),
            quick_xml::events::Event::Text(t) => {
                let text: String = t.chars().filter(|c| !c.is_control()).take(200).collect();
                match inside.as_str() {
                    "Code" if code.is_none() => code = Some(text),
                    "Message" if message.is_none() => message = Some(text),
                    _ => {}
                }
            }
            quick_xml::events::Event::End(_) => inside.clear(),
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    (code, message)
}

/// Without the URL: it is signed, and whoever reads it in a log could use it.
fn network(what: &str) -> impl FnOnce(reqwest::Error) -> UploadError {
    let action = what.to_owned();
    move |e| UploadError::Network { action, why: chain(&e.without_url()) }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        next = cause.source();
    }
    text
}
