//! The files that the profiles publish, written as their dialects, encodings and faults want them.
//!
//! In: a [`World`], a folder. Out: one file per resource, with its length and sha256. A record at a
//! time; only the concessions of a 2022 JSON wait in memory for their list.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::dialect::Dialect;
use super::family::{Content, Fate};
use super::ledger::kind;
use super::profile::{Encoding, FileSpec, Profile};
use super::rng::{About, Rng};
use super::world::World;
use super::{actors, draft};

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Of its content, in hex.
    pub sha256: String,
    /// Records that begin in it.
    pub records: u64,
}

impl World {
    /// Writes every file of every source that is alive to `dir/<source>/<file>`, and says what it
    /// wrote, by source and file.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<Vec<Vec<Written>>> {
        let mut files: Vec<Vec<Payload>> = Vec::new();
        for profile in self.profiles() {
            let specs = if profile.is_alive() {
                &profile.files[..]
            } else {
                &[]
            };
            let folder = dir.join(&profile.id);
            if !specs.is_empty() {
                std::fs::create_dir_all(&folder)?;
            }
            files.push(
                specs
                    .iter()
                    .map(|s| Payload::create(&folder, profile.dialect, s))
                    .collect::<io::Result<_>>()?,
            );
        }
        self.each::<io::Error>(&mut |_, family, spots| {
            for (notice, spot) in family.notices.iter().zip(spots) {
                if matches!(notice.fate, Fate::Gone(_)) {
                    continue;
                }
                let Some((source, file)) = *spot else {
                    continue;
                };
                if let Some(payload) = files.get_mut(source).and_then(|f| f.get_mut(file)) {
                    payload.add(&notice.content)?;
                }
            }
            Ok(())
        })?;
        let finish = |(profile, files): (&Profile, Vec<Payload>)| -> io::Result<Vec<Written>> {
            files
                .into_iter()
                .zip(0..)
                .map(|(p, r)| p.finish(|d| fragment(self.seed(), profile.number, r, d)))
                .collect()
        };
        self.profiles().iter().zip(files).map(finish).collect()
    }
}

/// A record that nobody will ever read whole: what a cut document ends in.
fn fragment(seed: u64, source: usize, file: u64, dialect: Dialect) -> Option<String> {
    let mut rng = Rng::new(seed, About::Profile, source as u64 * 1_000 + file);
    let b = actors::buyer(seed, &mut rng);
    let number = draft::number('Z', source as u64 * 1_000 + file);
    let record = if dialect == Dialect::Json2022 {
        draft::concession(&b, &number, true, &mut rng)
    } else {
        draft::marche(&b, &number, true, &mut rng)
    }?;
    let mut text = dialect.write(&Content::Record(Box::new(record), Vec::new()), true);
    let mut half = text.len() / 2;
    while !text.is_char_boundary(half) {
        half -= 1;
    }
    text.truncate(half);
    Some(text)
}

/// A file on its way to disk.
struct Payload {
    path: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    records: u64,
    dialect: Dialect,
    encoding: Encoding,
    cut: bool,
    /// Text of the records of the second list, with what stands between them.
    late: String,
    /// Whether the main list has a record.
    begun: bool,
}

impl Payload {
    fn create(folder: &Path, dialect: Dialect, spec: &FileSpec) -> io::Result<Self> {
        let path = folder.join(&spec.name);
        let out = BufWriter::with_capacity(256 * 1024, File::create(&path)?);
        let mut new = Self {
            path,
            out,
            hash: Sha256::new(),
            bytes: 0,
            records: 0,
            dialect,
            encoding: spec.encoding,
            cut: spec.cut,
            late: String::new(),
            begun: false,
        };
        if spec.encoding == Encoding::Utf8Bom {
            new.put(b"\xef\xbb\xbf")?;
        }
        let name = if spec.encoding == Encoding::Windows1252 {
            "windows-1252"
        } else {
            "UTF-8"
        };
        new.text(&dialect.head(name))?;
        Ok(new)
    }

    fn add(&mut self, content: &Content) -> io::Result<()> {
        let text = self
            .dialect
            .write(content, self.encoding == Encoding::Ascii);
        self.records += 1;
        if self.dialect.is_late(kind(content)) {
            if !self.late.is_empty() {
                self.late.push_str(self.dialect.between());
            }
            self.late.push_str(&text);
            return Ok(());
        }
        if std::mem::replace(&mut self.begun, true) || !self.dialect.is_json() {
            self.text(self.dialect.between())?;
        }
        self.text(&text)
    }

    fn finish(mut self, fragment: impl FnOnce(Dialect) -> Option<String>) -> io::Result<Written> {
        let late = std::mem::take(&mut self.late);
        let fragment = if self.cut {
            fragment(self.dialect)
        } else {
            None
        };
        if let Some(fragment) = fragment {
            self.records += 1;
            let text = self.dialect.cut(&late, &fragment, self.begun);
            self.text(&text)?;
        } else {
            let tail = self.dialect.tail(&late);
            self.text(&tail)?;
        }
        self.out.flush()?;
        let sha256 = hex::encode(self.hash.finalize());
        Ok(Written {
            path: self.path,
            bytes: self.bytes,
            sha256,
            records: self.records,
        })
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        if self.encoding == Encoding::Windows1252 {
            let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(text);
            return self.put(&bytes);
        }
        self.put(text.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests;
