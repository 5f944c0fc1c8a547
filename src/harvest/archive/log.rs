//! `log.ndjson`: what was seen, of which resource, when. With the payloads, the decisions and the
//! configuration it gives the store again, so its shape is a promise (contract.md §1).
//!
//! Append-only, one JSON object a line, synced after each append. A kill can leave a last line
//! without end: readers do not see it, the next writer drops it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ArchiveError, Sha256, io_error, sync_dir};
use crate::record::Day;

/// One look at one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the answer was complete.
    pub at: Timestamp,
    /// Id of the source.
    pub source: String,
    /// Id of the resource within the source.
    pub resource: String,
    /// What was found.
    pub seen: Seen,
}

/// What was found at a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A 304, or the catalogue's checksum as before: the last payload stands.
    Unchanged,
    /// The catalogue no longer lists it.
    Delisted,
    /// The operator forgot the whole source: what stands before this line is void.
    Forgotten,
    /// The operator erased this payload, which this resource once gave: what it alone said cannot
    /// be replayed, and that is meant.
    Purged {
        /// Name of the payload.
        sha256: Sha256,
    },
    /// Records were removed for good: the payload that this resource once gave stands in the
    /// archive as another one, without them, and is meant wherever the log names the old one.
    Rewritten {
        /// Name of the payload that held them, erased.
        redacted: Sha256,
        /// Name of what is left of it; `None`: nothing could be kept.
        rewritten: Option<Sha256>,
        /// Length of what is left.
        bytes: u64,
    },
    /// A payload, now in the archive.
    Payload {
        /// Where it came from, without secrets.
        url: String,
        /// The resource's title in the catalogue.
        title: Option<String>,
        /// The resource's own date, if anything declares one.
        resource_date: Option<Day>,
        /// Name of the payload.
        sha256: Sha256,
        /// Its length.
        bytes: u64,
        /// False for a document that ends before its own end.
        whole: bool,
    },
}

/// The line as written; the order of the fields is the order in the file.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    source: String,
    resource: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unchanged: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    delisted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    forgotten: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purged: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redacted: Option<Redacted>,
    #[serde(flatten)]
    payload: Option<Payload>,
}

#[derive(Serialize, Deserialize)]
struct Redacted {
    sha256: Sha256,
    rewritten: Option<Sha256>,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    url: String,
    title: Option<String>,
    resource_date: Option<String>,
    sha256: Sha256,
    bytes: u64,
    whole: bool,
}

impl From<&Entry> for Line {
    fn from(entry: &Entry) -> Self {
        let payload = match &entry.seen {
            Seen::Unchanged | Seen::Delisted | Seen::Forgotten | Seen::Purged { .. } | Seen::Rewritten { .. } => None,
            Seen::Payload { url, title, resource_date, sha256, bytes, whole } => Some(Payload {
                url: url.clone(),
                title: title.clone(),
                resource_date: resource_date.map(|day| day.to_string()),
                sha256: *sha256,
                bytes: *bytes,
                whole: *whole,
            }),
        };
        Self {
            at: entry.at,
            source: entry.source.clone(),
            resource: entry.resource.clone(),
            unchanged: entry.seen == Seen::Unchanged,
            delisted: entry.seen == Seen::Delisted,
            forgotten: entry.seen == Seen::Forgotten,
            purged: match entry.seen {
                Seen::Purged { sha256 } => Some(sha256),
                _ => None,
            },
            redacted: match entry.seen {
                Seen::Rewritten { redacted, rewritten, bytes } => Some(Redacted { sha256: redacted, rewritten, bytes }),
                _ => None,
            },
            payload,
        }
    }
}

impl TryFrom<Line> for Entry {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        if let Some(sha256) = line.purged {
            let seen = Seen::Purged { sha256 };
            return Ok(Self { at: line.at, source: line.source, resource: line.resource, seen });
        }
        if let Some(Redacted { sha256, rewritten, bytes }) = line.redacted {
            let seen = Seen::Rewritten { redacted: sha256, rewritten, bytes };
            return Ok(Self { at: line.at, source: line.source, resource: line.resource, seen });
        }
        let seen = match (line.unchanged, line.payload) {
            _ if line.delisted => Seen::Delisted,
            _ if line.forgotten => Seen::Forgotten,
            (true, _) => Seen::Unchanged,
            (false, None) => {
                return Err("neither `unchanged` nor a whole set of payload fields".into());
            }
            (false, Some(p)) => Seen::Payload {
                url: p.url,
                title: p.title,
                resource_date: p
                    .resource_date
                    .map(|day| day.parse().map_err(|e| format!("resource_date: {e}")))
                    .transpose()?,
                sha256: p.sha256,
                bytes: p.bytes,
                whole: p.whole,
            },
        };
        Ok(Self { at: line.at, source: line.source, resource: line.resource, seen })
    }
}

/// Cuts the line that a kill left without end. Looks at the tail only.
pub(super) fn mend(path: &Path) -> Result<(), ArchiveError> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io_error("cannot open", path)(e)),
    };
    let failed = || io_error("cannot mend", path);
    let length = file.seek(SeekFrom::End(0)).map_err(failed())?;
    let end = end_of_last_line(&mut file, length).map_err(failed())?;
    if end < length {
        tracing::warn!(
            archive.log = %path.display(),
            dropped_bytes = length - end,
            "the last line of the archive's log was not finished by the run that wrote it: dropped"
        );
        file.set_len(end).map_err(failed())?;
        file.sync_all().map_err(failed())?;
    }
    Ok(())
}

fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0u8; 64 * 1024];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let size = usize::try_from(end - start).unwrap_or(buffer.len());
        let Some(part) = buffer.get_mut(..size) else {
            break;
        };
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(part)?;
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Appends `entries` in one write and one sync. After a failed write the torn part is cut again, so
/// that a full disk does not spoil the line that follows it.
pub(super) fn append(path: &Path, log: &mut Option<File>, entries: &[Entry]) -> Result<(), ArchiveError> {
    if entries.is_empty() {
        return Ok(());
    }
    let failed = || io_error("cannot append to", path);
    let mut lines = Vec::with_capacity(entries.len() * 256);
    for entry in entries {
        serde_json::to_writer(&mut lines, &Line::from(entry)).map_err(|e| failed()(e.into()))?;
        lines.push(b'\n');
    }
    let file = match log {
        Some(file) => file,
        None => {
            let new = !path.exists();
            let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed())?;
            if new && let Some(dir) = path.parent() {
                sync_dir(dir)?;
            }
            log.insert(file)
        }
    };
    let before = file.metadata().map_err(failed())?.len();
    if let Err(e) = file.write_all(&lines).and_then(|()| file.sync_data()) {
        // Should this fail too, the next opening mends it.
        let _ = file.set_len(before);
        return Err(failed()(e));
    }
    Ok(())
}

/// The entries of the log, in the order they were written.
#[derive(Debug)]
pub struct Entries {
    path: PathBuf,
    reader: Option<BufReader<File>>,
    line: u64,
    buffer: Vec<u8>,
}

impl Entries {
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let reader = match File::open(path) {
            Ok(file) => Some(BufReader::new(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(io_error("cannot open", path)(e)),
        };
        Ok(Self { path: path.to_owned(), reader, line: 0, buffer: Vec::new() })
    }

    fn parse(&self) -> Result<Entry, ArchiveError> {
        serde_json::from_slice::<Line>(&self.buffer)
            .map_err(|e| e.to_string())
            .and_then(Entry::try_from)
            .map_err(|why| ArchiveError::Log { path: self.path.clone(), line: self.line, why })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let reader = self.reader.as_mut()?;
            self.buffer.clear();
            self.line += 1;
            match reader.read_until(b'\n', &mut self.buffer) {
                Err(e) => {
                    self.reader = None;
                    return Some(Err(io_error("cannot read", &self.path)(e)));
                }
                // The end, or a line that is being written or was torn.
                Ok(_) if self.buffer.pop() != Some(b'\n') => {
                    self.reader = None;
                    return None;
                }
                Ok(_) if self.buffer.trim_ascii().is_empty() => {}
                Ok(_) => return Some(self.parse()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Archive;
    use super::*;

    fn payload(resource: &str) -> Entry {
        Entry {
            at: "2026-11-24T03:00:00Z".parse().unwrap(),
            source: "montpellier-3m".into(),
            resource: resource.into(),
            seen: Seen::Payload {
                url: "https://data.example.fr/decp.json".into(),
                title: Some("DECP \"2026\"\n".into()),
                resource_date: Day::from_ymd(2026, 11, 23),
                sha256: Sha256::of(b"abc"),
                bytes: 3,
                whole: true,
            },
        }
    }

    fn unchanged() -> Entry {
        Entry { seen: Seen::Unchanged, ..payload("r1") }
    }

    fn archive() -> (tempfile::TempDir, Archive, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archive::open(dir.path()).unwrap();
        let log = dir.path().join("log.ndjson");
        (dir, archive, log)
    }

    fn read(archive: &Archive) -> Vec<Entry> {
        archive.entries().unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_log_has_the_promised_shape() {
        let (_dir, archive, log) = archive();
        archive.append(&[payload("r1"), unchanged()]).unwrap();
        let text = std::fs::read_to_string(log).unwrap();
        let expected = concat!(
            r#"{"at":"2026-11-24T03:00:00Z","source":"montpellier-3m","resource":"r1","#,
            r#""url":"https://data.example.fr/decp.json","title":"DECP \"2026\"\n","resource_date":"2026-11-23","#,
            r#""sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","bytes":3,"whole":true}"#,
            "\n",
            r#"{"at":"2026-11-24T03:00:00Z","source":"montpellier-3m","resource":"r1","unchanged":true}"#,
            "\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn entries_come_back_in_order_over_several_openings() {
        let (dir, archive, _log) = archive();
        assert_eq!(read(&archive), []);
        archive.append(&[payload("a")]).unwrap();
        let again = Archive::open(dir.path()).unwrap();
        again.append(&[unchanged(), payload("b")]).unwrap();
        assert_eq!(read(&again), [payload("a"), unchanged(), payload("b")]);
    }

    #[test]
    fn what_is_no_payload_comes_back_as_what_it_is() {
        let (_dir, archive, _log) = archive();
        let (a, b) = (Sha256::of(b"abc"), Sha256::of(b"ab"));
        let all = [
            Seen::Unchanged,
            Seen::Delisted,
            Seen::Forgotten,
            Seen::Purged { sha256: a },
            Seen::Rewritten { redacted: a, rewritten: Some(b), bytes: 2 },
            Seen::Rewritten { redacted: a, rewritten: None, bytes: 0 },
        ];
        let entries = all.map(|seen| Entry { seen, ..unchanged() });
        archive.append(&entries).unwrap();
        assert_eq!(read(&archive), entries);
    }

    #[test]
    fn a_line_torn_by_a_kill_is_dropped_wherever_the_kill_came() {
        let (dir, archive, log) = archive();
        archive.append(&[payload("a")]).unwrap();
        let first = std::fs::metadata(&log).unwrap().len();
        archive.append(&[payload("b")]).unwrap();
        let whole = std::fs::read(&log).unwrap();
        for cut in first..whole.len() as u64 {
            std::fs::write(&log, &whole[..cut as usize]).unwrap();
            assert_eq!(read(&Archive::beside(dir.path())), [payload("a")], "cut at {cut}");
            let mended = Archive::open(dir.path()).unwrap();
            mended.append(&[payload("c")]).unwrap();
            assert_eq!(read(&mended), [payload("a"), payload("c")], "cut at {cut}");
        }
    }

    #[test]
    fn a_spoiled_line_inside_is_an_error_with_its_place_and_the_rest_is_still_read() {
        let (_dir, archive, log) = archive();
        archive.append(&[payload("a"), payload("b")]).unwrap();
        let text = std::fs::read_to_string(&log).unwrap().replacen("sha256", "sha", 1);
        std::fs::write(&log, text).unwrap();
        let entries: Vec<_> = archive.entries().unwrap().collect();
        assert!(entries[0].as_ref().unwrap_err().to_string().contains("log.ndjson:1:"));
        assert_eq!(entries[1].as_ref().unwrap(), &payload("b"));
    }
}
