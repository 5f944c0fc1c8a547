//! The bucket as the mirror of `public/`: what stands on the disk stands there, what has gone goes there.
//!
//! In: the folder `public/`, a bucket. Out: under the prefix, `dumps/<publication>/…` as on the disk,
//! `decp/annee=<year>/decp.parquet` of the newest publication ([`hive`]), and `latest/manifest.json`,
//! which comes last, so that who starts there never meets half a publication. The manifest of a
//! publication comes after its files and stands for them: where it stands, they were read back. Nothing
//! is remembered here: what is left to do is the difference between disk and bucket, so that an upload
//! that was cut short goes on where it stopped. Other keys under the prefix are not touched.

mod bucket;
mod error;
mod hive;
mod send;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use bucket::Target;
pub use error::UploadError;

use super::error::PublishError;
use super::manifest::{MANIFEST, Manifest};
use super::previous::Publication;
use super::swap::{DUMPS, names};
use super::{retention, swap};
use bucket::{Bucket, Content};
use send::{Sent, ensure};

/// What readers start from.
const POINTER: &str = "latest/manifest.json";
/// A manifest is far smaller.
const MAX_MANIFEST: usize = 4 << 20;

/// What an upload did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// The publication that `latest/` leads to now.
    pub latest: Option<String>,
    /// Files sent and read back.
    pub sent: u64,
    /// Their size.
    pub sent_bytes: u64,
    /// Files that stood there already.
    pub stood: u64,
    /// Objects deleted.
    pub deleted: u64,
}

/// A publication on the disk.
struct Local {
    name: String,
    dir: PathBuf,
    /// Every file that stands, and what it should be.
    files: BTreeMap<String, Content>,
    withdrawn: bool,
}

/// A print of what a bucket should show; `None`: nothing was ever published. Two are equal when nothing
/// was published, withdrawn or removed between them.
///
/// # Errors
/// The folder cannot be listed.
pub fn wanted(public: &Path) -> Result<Option<String>, PublishError> {
    let dumps = public.join(DUMPS);
    if !dumps.is_dir() {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    let mut any = false;
    for name in names(&dumps)?.into_iter().filter(|n| retention::is_publication(n)) {
        any = true;
        hasher.update(format!("{name}\n"));
        let dir = dumps.join(&name);
        for file in names(&dir)? {
            let path = dir.join(&file);
            let bytes = std::fs::metadata(&path).map_err(PublishError::io("look at", &path))?.len();
            hasher.update(format!("\t{file} {bytes}\n"));
        }
    }
    if let Ok(latest) = std::fs::read_link(public.join(swap::LATEST)) {
        hasher.update(latest.as_os_str().as_encoded_bytes());
    }
    Ok(any.then(|| hex::encode(hasher.finalize())))
}

/// Makes the bucket what `public/` is. What was withdrawn goes first, what is newest comes next, what
/// retention removed goes last.
///
/// # Errors
/// The first thing that failed in spite of its repetitions. What was done stays done.
pub async fn mirror(public: &Path, target: &Target) -> Result<Mirrored, UploadError> {
    let (locals, latest) = on_disk(public).await?;
    let bucket = Bucket::new(target)?;
    let there = bucket.list("dumps/").await?;
    let mut mirror = Mirror { bucket, there: by_publication(there), done: Mirrored::default() };
    if locals.is_empty() {
        return Ok(mirror.done);
    }
    mirror.refuse_foreign(public, &locals)?;
    for local in locals.iter().filter(|l| l.withdrawn) {
        mirror.withdraw(local).await?;
    }
    let newest = locals.iter().find(|l| latest.as_ref() == Some(&l.name) && !l.withdrawn);
    match newest {
        Some(local) => mirror.newest(local).await?,
        None => mirror.unpoint().await?,
    }
    for local in locals.iter().rev().filter(|l| !l.withdrawn && latest.as_ref() != Some(&l.name)) {
        mirror.publication(local).await?;
    }
    mirror.clear(&locals).await?;
    Ok(mirror.done)
}

/// Publications by name, the oldest first, and the name that `latest` leads to.
async fn on_disk(public: &Path) -> Result<(Vec<Local>, Option<String>), UploadError> {
    let public = public.to_owned();
    blocking(move || {
        let dumps = public.join(DUMPS);
        let mut locals = Vec::new();
        if dumps.is_dir() {
            for name in names(&dumps)?.into_iter().filter(|n| retention::is_publication(n)) {
                locals.push(local(name.clone(), dumps.join(name))?);
            }
        }
        retention::sort(&mut locals, |l| &l.name);
        Ok((locals, Publication::latest(&public)?.map(|p| p.name)))
    })
    .await
}

fn local(name: String, dir: PathBuf) -> Result<Local, UploadError> {
    let manifest = Manifest::read(&dir)?;
    let mut files = BTreeMap::new();
    for file in names(&dir)? {
        let content = match manifest.file(&file) {
            Some(entry) => Content { sha256: entry.sha256.clone(), bytes: entry.bytes },
            // The manifest itself, the sums and their signature: small.
            None => {
                let path = dir.join(&file);
                let bytes = std::fs::read(&path).map_err(UploadError::disk(&path))?;
                Content { sha256: hex::encode(Sha256::digest(&bytes)), bytes: bytes.len() as u64 }
            }
        };
        files.insert(file, content);
    }
    Ok(Local { name, dir, files, withdrawn: manifest.withdrawn.is_some() })
}

/// File names and sizes by publication; what is no publication of ours is left out, and so left alone.
fn by_publication(keys: BTreeMap<String, u64>) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut found: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (key, bytes) in keys {
        let Some((name, file)) = key.strip_prefix("dumps/").and_then(|rest| rest.split_once('/')) else { continue };
        if retention::is_publication(name) && !file.contains('/') && !file.is_empty() {
            found.entry(name.to_owned()).or_default().insert(file.to_owned(), bytes);
        }
    }
    found
}

fn dump(name: &str, file: &str) -> String {
    format!("dumps/{name}/{file}")
}

/// An upload under way.
struct Mirror {
    bucket: Bucket,
    /// What stands in the bucket, by publication.
    there: BTreeMap<String, BTreeMap<String, u64>>,
    done: Mirrored,
}

impl Mirror {
    /// A data directory that lost its publications, or the wrong prefix, must not empty a bucket.
    fn refuse_foreign(&self, public: &Path, locals: &[Local]) -> Result<(), UploadError> {
        let ours = self.there.is_empty() || locals.iter().any(|l| self.there.contains_key(&l.name));
        if ours {
            return Ok(());
        }
        let found: Vec<&str> = self.there.keys().take(3).map(String::as_str).collect();
        Err(UploadError::Foreign { found: found.join(", "), public: public.to_owned() })
    }

    async fn ensure(&mut self, key: &str, path: &Path, content: &Content, known: bool) -> Result<(), UploadError> {
        match ensure(&self.bucket, key, path, content, known).await? {
            Sent::Now => {
                self.done.sent += 1;
                self.done.sent_bytes += content.bytes;
            }
            Sent::Stood => self.done.stood += 1,
        }
        Ok(())
    }

    async fn delete(&mut self, key: &str) -> Result<(), UploadError> {
        self.bucket.delete(key).await?;
        self.done.deleted += 1;
        Ok(())
    }

    /// Takes a withdrawn publication out of the bucket: its manifest says so first, as on the disk.
    async fn withdraw(&mut self, local: &Local) -> Result<(), UploadError> {
        let Some(there) = self.there.get(&local.name).cloned() else { return Ok(()) };
        if self.pointed().await?.as_ref() == Some(&local.name) {
            self.unpoint().await?;
        }
        if let Some(content) = local.files.get(MANIFEST) {
            self.ensure(&dump(&local.name, MANIFEST), &local.dir.join(MANIFEST), content, false).await?;
        }
        for file in there.keys().filter(|f| *f != MANIFEST) {
            self.delete(&dump(&local.name, file)).await?;
        }
        self.there.entry(local.name.clone()).or_default().retain(|f, _| f == MANIFEST);
        Ok(())
    }

    /// The publication that `latest/` leads to; `None` also where its manifest cannot be read.
    async fn pointed(&self) -> Result<Option<String>, UploadError> {
        let bytes = self.bucket.get(POINTER, MAX_MANIFEST).await?;
        Ok(bytes.and_then(|b| serde_json::from_slice::<Manifest>(&b).ok()).map(|m| m.publication))
    }

    /// Leads nobody anywhere: the newest publication is withdrawn, and its rows with it.
    async fn unpoint(&mut self) -> Result<(), UploadError> {
        let pointer = self.bucket.list("latest/").await?;
        if pointer.contains_key(POINTER) {
            self.delete(POINTER).await?;
        }
        for key in self.bucket.list(hive::HIVE).await?.into_keys().filter(|k| hive::is_partition(k)) {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// Whether all of a publication stands in the bucket and was read back.
    async fn stands(&self, local: &Local) -> Result<bool, UploadError> {
        let (Some(there), Some(manifest)) = (self.there.get(&local.name), local.files.get(MANIFEST)) else {
            return Ok(false);
        };
        let all = local.files.iter().all(|(file, content)| there.get(file) == Some(&content.bytes));
        Ok(all && self.bucket.head(&dump(&local.name, MANIFEST)).await?.as_ref() == Some(manifest))
    }

    /// Brings a publication to the bucket, its manifest last.
    async fn publication(&mut self, local: &Local) -> Result<(), UploadError> {
        if self.stands(local).await? {
            self.done.stood += local.files.len() as u64;
            return Ok(());
        }
        let last = |file: &String| file == MANIFEST;
        for turn in [false, true] {
            for (file, content) in local.files.iter().filter(|(file, _)| last(file) == turn) {
                self.ensure(&dump(&local.name, file), &local.dir.join(file), content, false).await?;
            }
        }
        Ok(())
    }

    /// The newest publication: its files, its rows by year, and then the pointer.
    async fn newest(&mut self, local: &Local) -> Result<(), UploadError> {
        self.publication(local).await?;
        let Some(manifest) = local.files.get(MANIFEST) else { return Ok(()) };
        let known = self.bucket.head(POINTER).await?.as_ref() == Some(manifest);
        self.by_year(local, known).await?;
        self.ensure(POINTER, &local.dir.join(MANIFEST), manifest, known).await?;
        self.done.latest = Some(local.name.clone());
        Ok(())
    }

    async fn by_year(&mut self, local: &Local, known: bool) -> Result<(), UploadError> {
        let mut gone: BTreeSet<String> =
            self.bucket.list(hive::HIVE).await?.into_keys().filter(|k| hive::is_partition(k)).collect();
        if local.files.contains_key(super::decp_parquet::PARQUET) {
            let dir = local.dir.clone();
            // Beside the publications: the disk that has room for one has room for this.
            let into = local.dir.parent().unwrap_or(&local.dir).to_owned();
            let (_folder, partitions) = blocking(move || {
                let folder = swap::scratch_in(&into)?;
                let partitions = hive::split(&dir, folder.path())?;
                Ok((folder, partitions))
            })
            .await?;
            for p in &partitions {
                self.ensure(&p.key, &p.path, &p.content, known).await?;
                gone.remove(&p.key);
            }
        }
        for key in gone {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// Deletes what stands no longer on the disk.
    async fn clear(&mut self, locals: &[Local]) -> Result<(), UploadError> {
        for (name, files) in std::mem::take(&mut self.there) {
            let local = locals.iter().find(|l| l.name == name);
            // Without its manifest a publication is none: it goes first.
            for turn in [true, false] {
                for file in files.keys().filter(|f| (*f == MANIFEST) == turn) {
                    if local.is_none_or(|l| !l.files.contains_key(file)) {
                        self.delete(&dump(&name, file)).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Runs what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|_| PublishError::Thread { what: "the upload".to_owned() })?
}
