//! The publication before: found by the link `latest`, read line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::contract_json::uid_of_line;
use super::contrats_ndjson::CONTRATS;
use super::error::PublishError;
use super::manifest::Manifest;

/// A publication that stands in `public/dumps/`.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

impl Publication {
    /// What `public/latest` points at; `None` before the first publication.
    pub fn latest(public: &Path) -> Result<Option<Self>, PublishError> {
        let link = public.join(super::swap::LATEST);
        let target = match std::fs::read_link(&link) {
            Ok(target) => target,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(PublishError::io("read the link", &link)(e)),
        };
        let dir = public.join(&target);
        let name = target.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let manifest = Manifest::read(&dir)?;
        Ok(Some(Self { name, dir, manifest }))
    }
}

impl Publication {
    /// The newest one of all when it is withdrawn and `latest` leads to none: what it held still tells
    /// the gate whether too much is lost.
    pub fn withdrawn_last(public: &Path) -> Result<Option<Self>, PublishError> {
        let dumps = public.join(super::swap::DUMPS);
        if !dumps.is_dir() || public.join(super::swap::LATEST).is_symlink() {
            return Ok(None);
        }
        let names = super::swap::names(&dumps)?;
        let Some(name) = super::retention::newest(&names) else { return Ok(None) };
        let dir = dumps.join(&name);
        let manifest = Manifest::read(&dir)?;
        Ok(manifest.withdrawn.is_some().then_some(Self { name, dir, manifest }))
    }
}

/// The lines of a contrats.ndjson, plain or `.zst`, one at a time.
pub(super) struct OldLines {
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    uid: Option<String>,
    path: PathBuf,
}

impl OldLines {
    /// Opens that of a publication and reads the first line.
    pub(super) fn open(dir: &Path) -> Result<Self, PublishError> {
        let plain = dir.join(CONTRATS);
        let packed = dir.join(format!("{CONTRATS}.zst"));
        let (reader, path): (Box<dyn Read + Send>, _) = match File::open(&plain) {
            Ok(file) => (Box::new(file), plain),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let file = File::open(&packed).map_err(PublishError::io("open", &packed))?;
                let decoder = zstd::Decoder::new(file).map_err(PublishError::io("read", &packed))?;
                (Box::new(decoder), packed)
            }
            Err(e) => return Err(PublishError::io("open", &plain)(e)),
        };
        let reader = Box::new(BufReader::with_capacity(256 << 10, reader));
        let mut lines = Self { reader, line: Vec::new(), uid: None, path };
        lines.advance()?;
        Ok(lines)
    }
    /// uid of the present line; `None` at the end.
    pub(super) fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }
    /// The present line, line feed included.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }
    /// Goes to the next line.
    pub(super) fn advance(&mut self) -> Result<(), PublishError> {
        self.line.clear();
        self.reader.read_until(b'\n', &mut self.line).map_err(PublishError::io("read", &self.path))?;
        if self.line.is_empty() {
            self.uid = None;
            return Ok(());
        }
        let Some(uid) = uid_of_line(&self.line).filter(|_| self.line.ends_with(b"\n")) else {
            return Err(self.broken("a line of it is no contract"));
        };
        if self.uid.as_ref().is_some_and(|before| *before >= uid) {
            return Err(self.broken(&format!("`{uid}` does not stand in the order of the uids")));
        }
        self.uid = Some(uid);
        Ok(())
    }
    fn broken(&self, what: &str) -> PublishError {
        PublishError::Previous { path: self.path.clone(), what: what.to_owned() }
    }
}
