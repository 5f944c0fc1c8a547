//! changes.ndjson: what changed since the publication before. The two contrats.ndjson are in uid
//! order, so one merge of their lines finds it; applied in order to the old one it gives the new one.
//!
//! Upserts come first, in uid order, then deletes: by then guichet.sqlite knows which contract took
//! over the observations of one that went (`merged_into`). Memory: one line of each file; the lines
//! that went wait in a spool.

use std::cmp::Ordering;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::SpooledTempFile;

use super::batch::{Batch, Numbered};
use super::emit::Emit;
use super::error::PublishError;
use super::journal::{About, Journal};
use super::json::{Json, integer};
use super::manifest::FileEntry;
use super::output::Output;
use super::previous::OldLines;

/// Name of the file.
pub(super) const CHANGES: &str = "changes.ndjson";

/// Lines that went wait in memory up to this many bytes.
const SPOOL: usize = 1 << 20;

/// The writer.
pub(super) struct Changes {
    output: Output,
    buffer: Vec<u8>,
    old: Option<OldLines>,
    gone: SpooledTempFile,
    epoch: String,
    seq: u64,
    dir: PathBuf,
    journal: Journal,
    /// Contracts that are new or have changed.
    pub(super) upserts: u64,
    /// Contracts that are no longer there.
    pub(super) deletes: u64,
}

/// The part of an old line that tells where its observations went.
#[derive(serde::Deserialize)]
struct Gone {
    uid: String,
    observations: Vec<Declared>,
}

#[derive(serde::Deserialize)]
struct Declared {
    acheteur_id: String,
    id: String,
}

/// Why a contract is no longer there.
pub(super) enum Why {
    /// One contract holds its observations now.
    Merged(String),
    /// Several do.
    Split(Vec<String>),
    /// It was removed for good.
    Redacted,
    /// None does: withdrawn long since, out of the region, forgotten, or excluded.
    Gone,
}

impl Why {
    /// The word for it in the files.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Merged(_) => "merged",
            Self::Split(_) => "split",
            Self::Redacted => "redacted",
            Self::Gone => "gone",
        }
    }
    /// The contracts that hold its observations now, at most [`SUCCESSORS`].
    pub(super) fn successors(&self) -> &[String] {
        match self {
            Self::Merged(one) => std::slice::from_ref(one),
            Self::Split(several) => several,
            Self::Gone | Self::Redacted => &[],
        }
    }
}

/// Of a contract that was split, this many successors are looked for.
const SUCCESSORS: usize = 50;

impl Changes {
    /// Creates the file, and the journal's, in `dir`.
    pub(super) fn create(dir: &Path, about: &About<'_>) -> Result<Self, PublishError> {
        let About { previous, epoch, first_seq: seq, compress, .. } = *about;
        let old = previous.map(|p| p.dir.as_path());
        Ok(Self {
            output: Output::create(dir, CHANGES, compress)?,
            buffer: Vec::new(),
            old: old.map(OldLines::open).transpose()?,
            gone: tempfile::spooled_tempfile_in(SPOOL, dir),
            epoch: epoch.to_string(),
            seq,
            dir: dir.to_owned(),
            journal: Journal::create(dir, about)?,
            upserts: 0,
            deletes: 0,
        })
    }

    /// Takes the next contracts.
    pub(super) fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        for one in batch.iter() {
            if self.has_changed(&one)? {
                self.upsert(&one)?;
            } else if self.journal.fresh {
                self.journal.seen(&one.item.contract)?;
            }
        }
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Whether a contract is new or differs from the old line of its uid; goes past that line.
    fn has_changed(&mut self, one: &Numbered<'_>) -> Result<bool, PublishError> {
        let uid = one.item.contract.uid.as_str();
        loop {
            let Some(old) = &mut self.old else {
                return Ok(true);
            };
            match old.uid().map_or(Ordering::Greater, |o| o.cmp(uid)) {
                Ordering::Greater => return Ok(true),
                Ordering::Equal => {
                    let changed = old.line() != one.line;
                    if changed {
                        self.journal.replaced(uid, old.line())?;
                    }
                    old.advance()?;
                    return Ok(changed);
                }
                Ordering::Less => self.past_old()?,
            }
        }
    }

    /// The present old line has no successor of its uid: keeps it for the end.
    fn past_old(&mut self) -> Result<(), PublishError> {
        if let Some(old) = &mut self.old {
            self.gone.write_all(old.line()).map_err(PublishError::io("write a spool in", &self.dir))?;
            old.advance()?;
        }
        Ok(())
    }

    fn upsert(&mut self, one: &Numbered<'_>) -> Result<(), PublishError> {
        let (seq, epoch) = (self.seq, self.epoch.as_str());
        let record = one.line.strip_suffix(b"\n").unwrap_or(one.line);
        Json::object_into(&mut self.buffer, |j| {
            head(j, epoch, seq, "upsert", one.item.contract.uid.as_str());
            j.key("record").extend_from_slice(record);
        });
        self.buffer.push(b'\n');
        self.journal.upsert(seq, &one.item.contract)?;
        self.seq += 1;
        self.upserts += 1;
        Ok(())
    }

    /// All contracts have come: what is left of the old file has gone too.
    pub(super) fn end_of_contracts(&mut self) -> Result<(), PublishError> {
        while self.old.as_ref().is_some_and(|o| o.uid().is_some()) {
            self.past_old()?;
        }
        Ok(())
    }

    /// Writes the deletes and ends the file. `database`: the finished guichet.sqlite. Says the next free seq.
    pub(super) fn finish(
        mut self,
        database: &Path,
        removed: &dyn Fn(&str) -> bool,
    ) -> Result<(Vec<FileEntry>, ChangeCounts), PublishError> {
        let spool = PublishError::io("read a spool in", &self.dir);
        self.gone.rewind().map_err(spool)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags).map_err(PublishError::database(database))?;
        let mut line = Vec::new();
        let mut gone = BufReader::new(std::mem::replace(&mut self.gone, tempfile::spooled_tempfile(0)));
        loop {
            line.clear();
            let spool = PublishError::io("read a spool in", &self.dir);
            if gone.read_until(b'\n', &mut line).map_err(spool)? == 0 {
                break;
            }
            let old: Gone = serde_json::from_slice(&line)
                .map_err(|e| PublishError::Previous { path: self.dir.clone(), what: e.to_string() })?;
            let why = match removed(&old.uid) {
                true => Why::Redacted,
                false => why(&connection, &old).map_err(PublishError::database(database))?,
            };
            self.delete(&old.uid, &why);
            self.journal.delete(self.seq - 1, &old.uid, &why, &line)?;
            self.output.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        let counts = ChangeCounts { upserts: self.upserts, deletes: self.deletes, next_seq: self.seq };
        let mut files = self.output.finish(Some(self.upserts + self.deletes))?;
        files.extend(self.journal.finish(&counts)?);
        Ok((files, counts))
    }

    fn delete(&mut self, uid: &str, why: &Why) {
        let (seq, epoch) = (self.seq, self.epoch.as_str());
        Json::object_into(&mut self.buffer, |j| {
            head(j, epoch, seq, "delete", uid);
            j.text("reason", why.word());
            if let Why::Merged(successor) = why {
                j.text("merged_into", successor);
            }
        });
        self.buffer.push(b'\n');
        self.seq += 1;
        self.deletes += 1;
    }
}

/// How many changes were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChangeCounts {
    /// Contracts that are new or have changed.
    pub(super) upserts: u64,
    /// Contracts that are no longer there.
    pub(super) deletes: u64,
    /// The first free seq after them.
    pub(super) next_seq: u64,
}

fn head(j: &mut Json<'_>, epoch: &str, seq: u64, op: &'static str, uid: &str) {
    j.text("epoch", epoch);
    integer(j.key("seq"), i64::try_from(seq).unwrap_or(i64::MAX));
    j.text("kind", "contrat");
    j.text("op", op);
    j.text("uid", uid);
}

/// Which contracts hold now what the old one was made of: found by the SIRET and id that its
/// observations declared.
fn why(connection: &Connection, old: &Gone) -> rusqlite::Result<Why> {
    let mut statement = connection.prepare_cached(
        "SELECT uid FROM contrats WHERE uid = ?1
         UNION SELECT c.uid FROM alias a JOIN contrats c ON c.n = a.contrat WHERE a.cle = ?1 ORDER BY 1 LIMIT ?2",
    )?;
    let mut successors: Vec<String> = Vec::new();
    for o in &old.observations {
        let key = format!("{}{}", o.acheteur_id, o.id);
        for uid in statement.query_map((key, SUCCESSORS), |row| row.get::<_, String>(0))? {
            let uid = uid?;
            if successors.len() < SUCCESSORS && !successors.contains(&uid) {
                successors.push(uid);
            }
        }
    }
    Ok(match successors.len() {
        0 => Why::Gone,
        1 => successors.pop().map_or(Why::Gone, Why::Merged),
        _ => Why::Split(successors),
    })
}
