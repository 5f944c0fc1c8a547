//! `decisions/`: what was removed and who is masked, for good. Append-only, in every backup, stronger
//! than any harvest, replay or restore.
//!
//! In: an observation with the hash of its raw record; a uid; a SIREN. Out: whether a decision is about
//! it. A decision keeps no word of what it is about, only HMAC-SHA256 marks under a secret that never
//! leaves the folder: of the identity (type, SIREN, normalised id), so that another content of the same
//! record does not come back either; where other contracts bear the same identity, of what tells it from
//! them; of the raw record; of the uid. Every line names its secret: folders can be joined. Memory: 32
//! bytes a mark. Files are born 0600. Knows neither store nor archive.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::marks::{SECRET_BYTES, Secret, mark, raw_text, uid_text, unit_text};
use crate::record::{Observation, Record, Siren};

pub use super::marks::{About, Level, Mark};

/// Name of the folder in the data directory.
pub(super) const FOLDER: &str = "decisions";
/// The decisions, one JSON object a line.
const LOG: &str = "decisions.ndjson";
/// Ending of a secret's file; its name is the secret's.
const SECRET: &str = ".secret";

/// What `decisions/` could not do, and where.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The file system refused.
    #[error("cannot {what} {}: {source}; check the owner, mode and free space of the data directory", .path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A line that is no decision, or whose secret is not there: nothing can be published safely.
    #[error("{}:{line}: {why}; nothing is harvested or published before it is mended: restore the folder from a backup", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DecisionError {
    let path = path.to_owned();
    move |source| DecisionError::Io { what, path, source }
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A record is removed everywhere.
    Redact,
    /// A natural person's name is masked in every output.
    Mask,
}

/// One decision, as its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Timestamp,
    what: What,
    secret: String,
    reason: String,
    marks: BTreeSet<Mark>,
}

/// All decisions of a data directory.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    dir: PathBuf,
    secrets: BTreeMap<String, Secret>,
    lines: Vec<Line>,
    redacted: HashSet<Mark>,
    masked: HashSet<Mark>,
}

impl Decisions {
    /// Reads the folder; no folder: no decisions.
    ///
    /// # Errors
    /// See [`DecisionError`].
    pub fn load(data_dir: &Path) -> Result<Self, DecisionError> {
        let dir = data_dir.join(FOLDER);
        let mut found = Self { dir: dir.clone(), ..Self::default() };
        if !dir.is_dir() {
            return Ok(found);
        }
        for (name, bytes) in files(&dir)? {
            if let Some(id) = name.strip_suffix(SECRET) {
                let text = String::from_utf8_lossy(&bytes);
                let mut secret = [0; SECRET_BYTES];
                hex::decode_to_slice(text.trim(), &mut secret).map_err(|e| DecisionError::Line {
                    path: dir.join(&name),
                    line: 1,
                    why: format!("no secret ({e})"),
                })?;
                found.secrets.insert(id.to_owned(), secret);
            }
        }
        let path = dir.join(LOG);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(io_error("read", &path)(e)),
        };
        for (number, line) in whole_lines(&text).enumerate() {
            let broken = |why: String| DecisionError::Line { path: path.clone(), line: number + 1, why };
            let line: Line = serde_json::from_slice(line).map_err(|e| broken(format!("no decision ({e})")))?;
            if !found.secrets.contains_key(&line.secret) {
                return Err(broken(format!("its secret `{}{SECRET}` is missing", line.secret)));
            }
            found.take(line);
        }
        Ok(found)
    }

    fn take(&mut self, line: Line) {
        match line.what {
            What::Redact => self.redacted.extend(&line.marks),
            What::Mask => self.masked.extend(&line.marks),
        }
        self.lines.push(line);
    }

    /// Whether nothing was ever removed.
    pub fn redacts_nothing(&self) -> bool {
        self.redacted.is_empty()
    }

    /// What tells these decisions from others: those of removal, whatever their order.
    pub fn digest(&self) -> String {
        self.digest_of(What::Redact)
    }

    /// The same of the masks.
    pub fn masks_digest(&self) -> String {
        if self.masked.is_empty() { String::new() } else { self.digest_of(What::Mask) }
    }

    fn digest_of(&self, what: What) -> String {
        let marks: BTreeSet<Mark> =
            self.lines.iter().filter(|l| l.what == what).flat_map(|l| l.marks.clone()).collect();
        let mut hasher = Sha256::new();
        marks.iter().for_each(|m| hasher.update(m.0));
        hex::encode(hasher.finalize())
    }

    fn any(&self, marks: &HashSet<Mark>, text: &str) -> bool {
        !marks.is_empty() && self.secrets.values().any(|secret| marks.contains(&mark(secret, text)))
    }

    /// Whether a record was removed: `raw` is the hash of its raw form.
    pub fn removes(&self, observation: &Observation, raw: u128) -> bool {
        self.any(&self.redacted, &raw_text(raw)) || self.removes_record(&observation.record)
    }

    /// Whether a record like this was removed, whatever its raw form: also what a publication says of one.
    pub fn removes_record(&self, record: &Record) -> bool {
        Level::ALL.iter().any(|level| self.any(&self.redacted, &level.of(record)))
    }

    /// Whether a contract of this name was removed.
    pub fn removes_uid(&self, uid: &str) -> bool {
        self.any(&self.redacted, &uid_text(uid))
    }

    /// Whether the name of this unit is masked.
    pub fn masks(&self, siren: &Siren) -> bool {
        self.any(&self.masked, &unit_text(siren))
    }

    /// How many removals were decided after an instant.
    pub fn removals_since(&self, then: Timestamp) -> u64 {
        self.lines.iter().filter(|l| l.what == What::Redact && l.at >= then).count() as u64
    }

    /// Whether anything was decided since then.
    pub fn any_since(&self, then: Timestamp) -> bool {
        self.lines.iter().any(|l| l.at >= then)
    }

    /// Writes a decision: on the disk when this returns. Gives the decisions with it.
    ///
    /// # Errors
    /// See [`DecisionError`]; nothing is then decided.
    pub fn decide(mut self, what: What, about: &About, reason: &str, at: Timestamp) -> Result<Self, DecisionError> {
        self.make_folder()?;
        let (id, secret) = self.secret()?;
        let marks = about.marks(&secret);
        let line = Line { at, what, secret: id, reason: reason.to_owned(), marks };
        self.append(std::slice::from_ref(&line))?;
        self.take(line);
        Ok(self)
    }

    fn make_folder(&self) -> Result<(), DecisionError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(io_error("make", &self.dir))?;
        self.dir.parent().map_or(Ok(()), sync)
    }

    /// The secret to mark with, made by the first decision.
    fn secret(&mut self) -> Result<(String, Secret), DecisionError> {
        if let Some((id, secret)) = self.secrets.iter().next() {
            return Ok((id.clone(), *secret));
        }
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|e| io_error("make a secret for", &self.dir)(e.into()))?;
        let digest = hex::encode(Sha256::digest(secret));
        let id = digest.get(..8).unwrap_or_default().to_owned();
        self.put(&format!("{id}{SECRET}"), format!("{}\n", hex::encode(secret)).as_bytes())?;
        self.secrets.insert(id.clone(), secret);
        Ok((id, secret))
    }

    /// A file that appears whole, for its owner only.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), DecisionError> {
        let path = self.dir.join(name);
        // A temporary file is born 0600.
        let mut file = tempfile::NamedTempFile::new_in(&self.dir).map_err(io_error("write in", &self.dir))?;
        file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(io_error("write", &path))?;
        file.persist(&path).map_err(|e| io_error("write", &path)(e.error))?;
        sync(&self.dir)
    }

    /// Appends lines, after cutting the one that a kill left without end.
    fn append(&self, lines: &[Line]) -> Result<(), DecisionError> {
        let path = self.dir.join(LOG);
        let failed = || io_error("write", &path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed())?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed())?;
        let end = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        file.set_len(end as u64).map_err(failed())?;
        let mut new = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut new, line).map_err(|e| failed()(e.into()))?;
            new.push(b'\n');
        }
        io::Seek::seek(&mut file, io::SeekFrom::End(0)).map_err(failed())?;
        file.write_all(&new).and_then(|()| file.sync_all()).map_err(failed())?;
        sync(&self.dir)
    }

    /// Name and content of each file, for a backup.
    ///
    /// # Errors
    /// A disk fault.
    pub fn export(data_dir: &Path) -> Result<Vec<(String, Vec<u8>)>, DecisionError> {
        let dir = data_dir.join(FOLDER);
        if dir.is_dir() { files(&dir) } else { Ok(Vec::new()) }
    }

    /// Joins the files that a backup carried with those that stand here: what either decided holds.
    ///
    /// # Errors
    /// See [`DecisionError`].
    pub fn join(data_dir: &Path, carried: &[(String, Vec<u8>)]) -> Result<Self, DecisionError> {
        let here = Self::load(data_dir)?;
        if carried.is_empty() {
            return Ok(here);
        }
        here.make_folder()?;
        let mut new = Vec::new();
        for (name, bytes) in carried {
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
            if name.ends_with(SECRET) && plain && !here.dir.join(name).exists() {
                here.put(name, bytes)?;
            }
            if name == LOG {
                for (number, text) in whole_lines(bytes).enumerate() {
                    let line: Line = serde_json::from_slice(text).map_err(|e| DecisionError::Line {
                        path: PathBuf::from(format!("{LOG} of the backup")),
                        line: number + 1,
                        why: format!("no decision ({e})"),
                    })?;
                    if !here.lines.contains(&line) {
                        new.push(line);
                    }
                }
            }
        }
        if !new.is_empty() {
            here.append(&new)?;
        }
        Self::load(data_dir)
    }
}

/// The lines that end; one that is being written, or was torn by a kill, decided nothing.
fn whole_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default().split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty())
}

fn files(dir: &Path) -> Result<Vec<(String, Vec<u8>)>, DecisionError> {
    let mut all = Vec::new();
    for file in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let path = file.map_err(io_error("list", dir))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if name == LOG || name.ends_with(SECRET) {
            all.push((name, fs::read(&path).map_err(io_error("read", &path))?));
        }
    }
    all.sort();
    Ok(all)
}

fn sync(dir: &Path) -> Result<(), DecisionError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(io_error("sync", dir))
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
