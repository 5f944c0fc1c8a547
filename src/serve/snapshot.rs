//! The publications under `public/`: the current one, and any dated one, as immutable objects.
//!
//! In: the folder. Out: a [`Publication`], shared by every request that began while it was current,
//! so that no answer mixes two. `latest` is resolved once per request; nothing is watched and a
//! swap needs no restart. A publication that is no longer current is let go with its connections
//! when its last request ends. Memory: the file lists of at most [`KEPT`] publications.
//! Everything here blocks on the disk: call it from a blocking thread.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::db::Database;
use super::manifest::{self, Entry, Manifest};

/// Publications whose file lists stay in memory: more than are ever retained by default.
const KEPT: usize = 64;
/// Largest `manifest.json` or `SHA256SUMS` read, in bytes: thousands of times the real ones.
const MAX_LIST: u64 = 8 << 20;
/// How often a publication that vanishes between two steps is looked up again.
const ATTEMPTS: usize = 3;

/// Why a publication could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file that must be there cannot be read.
    #[error("cannot read {}: {source} (check that the server's user may read public/)", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is not one.
    #[error("{} is no manifest: {source} (publish again, or copy public/ again)", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A list of files is larger than any real one.
    #[error("{} is larger than {MAX_LIST} bytes (publish again, or copy public/ again)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl SnapshotError {
    /// Whether something simply is not there.
    fn is_absence(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// What tells one state of a `manifest.json` from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, SnapshotError> {
        let meta = fs::metadata(path).map_err(|source| io_error(path, source))?;
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        })
    }
}

/// One publication: its folder, what it announces, its database.
#[derive(Debug)]
pub struct Publication {
    /// The name under `/dumps/`.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Every file that may be served.
    pub files: BTreeMap<String, Entry>,
    /// When it was made, seconds since 1970: what `Last-Modified` says.
    pub created: Option<u64>,
    /// The consumers' database.
    pub database: Database,
    /// The journal beside it.
    pub journal: Database,
    stamp: Stamp,
}

impl Publication {
    fn open(dir: &Path, name: &str) -> Result<Self, SnapshotError> {
        let path = dir.join("manifest.json");
        let stamp = Stamp::of(&path)?;
        let text = read_bounded(&path)?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|source| SnapshotError::Manifest { path: path.clone(), source })?;
        let sums = match read_bounded(&dir.join("SHA256SUMS")) {
            Ok(bytes) => bytes,
            Err(e) if e.is_absence() => Vec::new(),
            Err(e) => return Err(e),
        };
        let mut files = manifest::entries(&manifest, &String::from_utf8_lossy(&sums));
        // The lists cannot hold their own digest; they are small, so it is made here.
        for own in ["manifest.json", "SHA256SUMS", "SHA256SUMS.minisig"] {
            if let Ok(bytes) = read_bounded(&dir.join(own)) {
                let sha256 = hex::encode(Sha256::digest(&bytes));
                let bytes = Some(bytes.len() as u64);
                files.insert(own.to_owned(), Entry { sha256, bytes, rows: None });
            }
        }
        let created = manifest.created.parse::<jiff::Timestamp>().ok();
        Ok(Self {
            name: name.to_owned(),
            dir: dir.to_owned(),
            files,
            created: created.and_then(|at| u64::try_from(at.as_second()).ok()),
            database: Database::new(dir.join("guichet.sqlite")),
            journal: Database::new(dir.join("journal.sqlite")),
            manifest,
            stamp,
        })
    }
}

/// The publications of one `public/` folder.
#[derive(Debug)]
pub struct Publications {
    public: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_dir: BTreeMap<PathBuf, Arc<Publication>>,
    current: Option<PathBuf>,
}

impl Publications {
    /// Those under `public`, which need not exist yet.
    pub fn new(public: impl Into<PathBuf>) -> Self {
        Self { public: public.into(), known: Mutex::default() }
    }

    /// The folder itself.
    pub fn public(&self) -> &Path {
        &self.public
    }

    /// The current publication; `None` while there is none.
    pub fn latest(&self) -> Result<Option<Arc<Publication>>, SnapshotError> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some((dir, name)) = self.latest_dir()? else {
                return Ok(None);
            };
            match self.open(&dir, &name) {
                Ok(found) => {
                    self.now_current(dir);
                    return Ok(Some(found));
                }
                Err(e) if e.is_absence() => last = Some(e),
                Err(e) => return Err(e),
            }
        }
        if let Some(error) = last {
            tracing::warn!(%error, "`latest` leads to no publication");
        }
        Ok(None)
    }

    /// The publication of this name; `None` when there is none.
    pub fn dated(&self, name: &str) -> Result<Option<Arc<Publication>>, SnapshotError> {
        if manifest::publication_key(name).is_none() {
            return Ok(None);
        }
        match self.open(&self.public.join("dumps").join(name), name) {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.is_absence() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The names of all publications, the newest first.
    pub fn names(&self) -> Result<Vec<String>, SnapshotError> {
        let dumps = self.public.join("dumps");
        let listing = match fs::read_dir(&dumps) {
            Ok(listing) => listing,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error(&dumps, source)),
        };
        let mut names: Vec<_> = listing
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| Some((manifest::publication_key(&name)?, name)))
            .collect();
        names.sort_by(|a, b| b.cmp(a));
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    /// Where `latest` leads. Only the last part of the link counts, so that a link made with an
    /// absolute path still works in a copied folder and can never lead out of it. A copy that made
    /// a folder of the link, or lost it, works too.
    fn latest_dir(&self) -> Result<Option<(PathBuf, String)>, SnapshotError> {
        let link = self.public.join("latest");
        match fs::symlink_metadata(&link) {
            Ok(meta) if meta.is_symlink() => {
                let target = fs::read_link(&link).map_err(|e| io_error(&link, e))?;
                let name = target.file_name().and_then(|n| n.to_str()).unwrap_or_default();
                if manifest::publication_key(name).is_some() {
                    return Ok(Some((self.public.join("dumps").join(name), name.to_owned())));
                }
            }
            Ok(meta) if meta.is_dir() => {
                let path = link.join("manifest.json");
                let text = read_bounded(&path)?;
                let manifest: Manifest =
                    serde_json::from_slice(&text).map_err(|source| SnapshotError::Manifest { path, source })?;
                if manifest::publication_key(&manifest.publication).is_some() {
                    return Ok(Some((link, manifest.publication)));
                }
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(io_error(&link, source)),
        }
        let newest = self
            .names()?
            .into_iter()
            .find(|name| matches!(self.dated(name), Ok(Some(found)) if !found.manifest.is_withdrawn()));
        Ok(newest.map(|name| (self.public.join("dumps").join(&name), name)))
    }

    /// The publication in this folder, from memory while its manifest is the same file.
    fn open(&self, dir: &Path, name: &str) -> Result<Arc<Publication>, SnapshotError> {
        let stamp = Stamp::of(&dir.join("manifest.json"));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match (stamp, known.by_dir.get(dir)) {
            (Ok(stamp), Some(found)) if found.stamp == stamp => return Ok(found.clone()),
            (Ok(_), _) => {}
            (Err(e), _) => {
                known.by_dir.remove(dir);
                return Err(e);
            }
        }
        drop(known);
        let found = Arc::new(Publication::open(dir, name)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        while known.by_dir.len() >= KEPT {
            known.by_dir.pop_first(); // the oldest by name
        }
        known.by_dir.insert(dir.to_owned(), found.clone());
        Ok(found)
    }

    /// Remembers the current folder, and lets go of the connections of the one before.
    fn now_current(&self, dir: PathBuf) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.current.as_ref() == Some(&dir) {
            return;
        }
        if let Some(before) = known.current.replace(dir)
            && let Some(publication) = known.by_dir.remove(&before)
        {
            publication.database.close_idle();
            publication.journal.close_idle();
        }
    }
}

fn io_error(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Io { path: path.to_owned(), source }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, SnapshotError> {
    let file = File::open(path).map_err(|e| io_error(path, e))?;
    let mut bytes = Vec::new();
    file.take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(|e| io_error(path, e))?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(SnapshotError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}
