//! The upload of what is published: when it is due, what came of it, and the daemon's attempts.
//!
//! It is due while the store's note of the last one differs from what stands in `public/`: after a
//! publication, a removal, a change of the bucket, a failure, a kill. The note is a fact of the store,
//! and says nothing that a publication is made of.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::harvest_run::blocking;
use super::pipeline::{Pipeline, RunError};
use crate::config::{Config, ProcessEnv, Upload};
use crate::publish::upload::{self, Mirrored, Target};
use crate::store::Snapshot;

/// The fact of the store that tells of the last upload.
const NOTE: &str = "upload";
/// Pause before the first repetition of a request, and their number: a minute in all.
const PAUSE: Duration = Duration::from_secs(1);
const RETRIES: usize = 5;
/// How often the daemon looks whether an upload is due.
const LOOK: Duration = Duration::from_secs(10);
/// Pause of the daemon after a first failure, doubled up to the last.
const AGAIN: Duration = Duration::from_secs(30);
const AGAIN_AT_MOST: Duration = Duration::from_secs(15 * 60);

/// What is remembered of the last upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Print of what the bucket shows; absent after a failure.
    shows: Option<String>,
    /// Where it was sent.
    bucket: String,
    /// When it ended, RFC 3339, UTC.
    ended: String,
    /// When the last one succeeded.
    last_success: Option<String>,
    /// The publication that the bucket's `latest/` led to then.
    publication: Option<String>,
    /// Why it failed.
    error: Option<String>,
    /// Failures in a row.
    failures: u32,
}

/// Of `status --json`: how the bucket stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadStatus {
    /// Endpoint, bucket and prefix.
    pub bucket: String,
    /// Whether the bucket lacks something that `public/` shows.
    pub due: bool,
    /// The publication that the bucket's `latest/` led to after the last success.
    pub publication: Option<String>,
    /// RFC 3339, UTC.
    pub last_success: Option<String>,
    /// Attempts that failed since.
    pub consecutive_failures: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

/// Why nothing was uploaded, or not all.
#[derive(Debug, thiserror::Error)]
pub enum UploadFault {
    /// The upload itself; what is published stands.
    #[error(transparent)]
    Upload(#[from] upload::UploadError),
    /// Before or after it.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl UploadFault {
    /// As status.json tells it, which is public: without the paths of this machine.
    fn shown(&self) -> String {
        use upload::UploadError as E;
        match self {
            Self::Upload(E::Disk { .. } | E::Changed { .. } | E::Publication(_)) => {
                "a file of the publication cannot be uploaded; the log says which and why".to_owned()
            }
            Self::Upload(E::Foreign { .. }) => {
                "the bucket holds another instance's publications; the log says what to do".to_owned()
            }
            Self::Upload(e) => e.to_string(),
            Self::Run(_) => "the upload could not begin; the log says why".to_owned(),
        }
    }
}

/// How the bucket stands; `None` where none is configured.
pub(super) fn status(config: &Config, snapshot: &Snapshot) -> Result<Option<UploadStatus>, crate::store::StoreError> {
    let Some(to) = &config.publish.upload else { return Ok(None) };
    let note = snapshot.fact(NOTE)?.and_then(|text| read(&text));
    let wanted = upload::wanted(&config.public_dir()).unwrap_or_default();
    Ok(Some(told(to, note, wanted.as_deref())))
}

/// Where nothing was uploaded yet.
pub(super) fn never(config: &Config) -> Option<UploadStatus> {
    config.publish.upload.as_ref().map(|to| told(to, None, None))
}

fn told(to: &Upload, note: Option<Note>, wanted: Option<&str>) -> UploadStatus {
    let bucket = to.shown();
    let note = note.filter(|n| n.bucket == bucket);
    UploadStatus {
        due: wanted.is_some() && note.as_ref().and_then(|n| n.shows.as_deref()) != wanted,
        publication: note.as_ref().and_then(|n| n.publication.clone()),
        last_success: note.as_ref().and_then(|n| n.last_success.clone()),
        consecutive_failures: note.as_ref().map_or(0, |n| n.failures),
        last_error: note.and_then(|n| n.error),
        bucket,
    }
}

/// A note that this version cannot read is none: the upload is due, and finds what stands.
fn read(text: &str) -> Option<Note> {
    serde_json::from_str(text).ok()
}

/// Uploads what is due; `None`: nothing is, or no bucket is configured. One at a time.
///
/// # Errors
/// The bucket cannot be made what `public/` is: noted, and due again.
pub async fn run(pipeline: &Arc<Pipeline>) -> Result<Option<Mirrored>, UploadFault> {
    let _turn = pipeline.uploading.lock().await;
    let config = pipeline.config();
    let Some(to) = &config.publish.upload else { return Ok(None) };
    let (of, bucket) = (Arc::clone(pipeline), to.shown());
    let public = config.public_dir();
    let (folder, before) = (public.clone(), bucket.clone());
    let (wanted, note) = blocking("look for what is to be uploaded", move || {
        let note = of.store.fact(NOTE)?.and_then(|text| read(&text)).filter(|n| n.bucket == before);
        Ok::<_, RunError>((upload::wanted(&folder)?, note))
    })
    .await??;
    let Some(wanted) = wanted else { return Ok(None) };
    if note.as_ref().and_then(|n| n.shows.as_ref()) == Some(&wanted) {
        return Ok(None);
    }
    let began = std::time::Instant::now();
    let mirrored = match target(to) {
        Ok(target) => upload::mirror(&public, &target).await.map_err(UploadFault::from),
        Err(e) => Err(UploadFault::Run(e)),
    };
    let now = pipeline.clock.now().to_string();
    let before = note.as_ref();
    let note = match &mirrored {
        Ok(done) => Note {
            shows: Some(wanted),
            bucket,
            ended: now.clone(),
            last_success: Some(now),
            publication: done.latest.clone(),
            error: None,
            failures: 0,
        },
        Err(e) => Note {
            shows: None,
            bucket,
            ended: now,
            last_success: before.and_then(|n| n.last_success.clone()),
            publication: before.and_then(|n| n.publication.clone()),
            error: Some(e.shown()),
            failures: before.map_or(0, |n| n.failures).saturating_add(1),
        },
    };
    pipeline.meters.uploaded(mirrored.as_ref().ok().map(|done| (began.elapsed(), done.sent_bytes)));
    let of = Arc::clone(pipeline);
    let text = serde_json::to_string(&note).unwrap_or_default();
    blocking("note the upload", move || of.store.set_fact(NOTE, text).map_err(RunError::from)).await??;
    mirrored.map(Some)
}

/// The bucket with its keys, read anew each time: they may have been replaced.
fn target(to: &Upload) -> Result<Target, RunError> {
    let secret = |key: &str, credential: &crate::config::Credential| {
        let read = credential.read(&ProcessEnv);
        let read = read.map_err(|e| RunError::Setting(format!("[publish.upload] {key}: {e}")))?;
        Ok::<_, RunError>(read.expose().to_owned())
    };
    Ok(Target {
        endpoint: to.endpoint.clone(),
        bucket: to.bucket.clone(),
        region: to.region.clone(),
        prefix: to.prefix.clone(),
        path_style: to.path_style,
        access_key: secret("access_key", &to.access_key)?,
        secret_key: secret("secret_key", &to.secret_key)?,
        pause: PAUSE,
        retries: RETRIES,
    })
}

/// One line on what came of it.
pub fn told_in_words(done: &Mirrored) -> String {
    format!(
        "uploaded: {} files sent ({} bytes) and read back, {} stood there, {} deleted",
        done.sent, done.sent_bytes, done.stood, done.deleted
    )
}

/// The daemon's uploads, beside its harvests: a slow service holds up nothing. Never ends. `after` is
/// called after each attempt.
pub(super) async fn keep<F: Future<Output = ()>>(pipeline: Arc<Pipeline>, after: impl Fn() -> F) {
    let mut pause = AGAIN;
    loop {
        tokio::time::sleep(LOOK).await;
        match run(&pipeline).await {
            Ok(None) => pause = AGAIN,
            Ok(Some(done)) => {
                info!("{}", told_in_words(&done));
                pause = AGAIN;
                after().await;
            }
            Err(e) => {
                warn!("{e}; once more in {} s", pause.as_secs());
                after().await;
                rest(&pipeline, pause).await;
                pause = (pause * 2).min(AGAIN_AT_MOST);
            }
        }
    }
}

/// Waits, but not for longer than until the configuration is another.
async fn rest(pipeline: &Pipeline, pause: Duration) {
    let (config, began) = (pipeline.config(), tokio::time::Instant::now());
    while began.elapsed() < pause && Arc::ptr_eq(&config, &pipeline.config()) {
        tokio::time::sleep(LOOK.min(pause)).await;
    }
}
