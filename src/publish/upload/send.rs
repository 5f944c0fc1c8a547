//! One file into the bucket: not sent when it stands there already, in parts when it is large, read back
//! from its first to its last byte. Memory: one part.

use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::super::media_type;
use super::bucket::{Bucket, Content, Kind};
use super::error::UploadError;

/// Size of a part, and of the largest object that is sent in one piece: above the 5 MiB that every
/// service takes as a part.
pub(super) const PART: usize = 8 << 20;
/// The most parts an upload may have.
const MOST_PARTS: u64 = 10_000;
/// Attempts at an object that does not read back as it was sent.
const ATTEMPTS: u32 = 2;

/// What was done for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It stood there.
    Stood,
    /// It was sent and read back.
    Now,
}

/// Brings a file to the bucket, unless it stands there. `known`: what stands there was read back before.
pub(super) async fn ensure(
    bucket: &Bucket,
    key: &str,
    path: &Path,
    content: &Content,
    known: bool,
) -> Result<Sent, UploadError> {
    if bucket.head(key).await?.as_ref() == Some(content) {
        // An upload that was killed may have left it unread.
        if known || bucket.read_back(key, content.bytes).await? == *content {
            return Ok(Sent::Stood);
        }
    }
    let mut attempt = 1;
    loop {
        send(bucket, key, path, content).await?;
        let read = bucket.read_back(key, content.bytes).await?;
        if read == *content {
            return Ok(Sent::Now);
        }
        bucket.delete(key).await?;
        if attempt == ATTEMPTS {
            let what = format!(
                "{} bytes with the sha256 {}, not {} with {}",
                read.bytes, read.sha256, content.bytes, content.sha256
            );
            return Err(UploadError::Verify { key: key.to_owned(), what });
        }
        attempt += 1;
    }
}

async fn send(bucket: &Bucket, key: &str, path: &Path, content: &Content) -> Result<(), UploadError> {
    let mut file = File::open(path).await.map_err(UploadError::disk(path))?;
    let kind = kind(key);
    if content.bytes <= PART as u64 {
        let mut hasher = Sha256::new();
        let bytes = part(&mut file, path, PART + 1, &mut hasher).await?;
        unchanged(path, bytes.len() as u64, hasher, content)?;
        return bucket.put(key, bytes, kind, &content.sha256).await;
    }
    let upload = bucket.begin(key, kind, &content.sha256).await?;
    let sent = in_parts(bucket, key, &upload, path, &mut file, content).await;
    if sent.is_err() {
        // A part that stays costs its owner money; the first error is the one to tell.
        if let Err(error) = bucket.abort(key, &upload).await {
            tracing::debug!("{error}");
        }
    }
    sent
}

async fn in_parts(
    bucket: &Bucket,
    key: &str,
    upload: &str,
    path: &Path,
    file: &mut File,
    content: &Content,
) -> Result<(), UploadError> {
    let size = (PART as u64).max(content.bytes.div_ceil(MOST_PARTS));
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (mut hasher, mut tags, mut bytes) = (Sha256::new(), Vec::new(), 0_u64);
    loop {
        let body = part(file, path, size, &mut hasher).await?;
        if body.is_empty() {
            break;
        }
        bytes += body.len() as u64;
        if bytes > content.bytes {
            break;
        }
        let n = u16::try_from(tags.len() + 1).unwrap_or(u16::MAX);
        tags.push(bucket.part(key, upload, n, body).await?);
    }
    unchanged(path, bytes, hasher, content)?;
    bucket.complete(key, upload, &tags).await
}

/// The next bytes of a file, at most `most`.
async fn part(file: &mut File, path: &Path, most: usize, hasher: &mut Sha256) -> Result<Bytes, UploadError> {
    let mut bytes = Vec::new();
    file.take(most as u64).read_to_end(&mut bytes).await.map_err(UploadError::disk(path))?;
    hasher.update(&bytes);
    Ok(bytes.into())
}

fn unchanged(path: &Path, bytes: u64, hasher: Sha256, content: &Content) -> Result<(), UploadError> {
    let sha256 = hex::encode(hasher.finalize());
    if bytes == content.bytes && sha256 == content.sha256 {
        return Ok(());
    }
    let what = format!("{bytes} bytes with the sha256 {sha256}");
    Err(UploadError::Changed { path: path.to_owned(), what })
}

/// How a key is given out, by the ending of its name.
fn kind(key: &str) -> Kind {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let media = media_type::of(name);
    Kind { media, changes: !key.starts_with("dumps/") || key.ends_with("/manifest.json") }
}
