//! `status --json` and public/status.json: the health of each source, of the store, of the last
//! publication (contract.md §6).

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::pipeline::{schedule_of, store_path};
use super::upload::UploadStatus;
use crate::config::{Config, Source};
use crate::store::{RecordCounts, Snapshot, SourceState, StoreError};

/// A source without a success for so long is failing.
const FAILING_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The whole.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// By id.
    pub sources: Vec<SourceStatus>,
    /// The store.
    pub store: StoreStatus,
    /// The last publication; absent when there is none.
    pub publication: Option<PublicationStatus>,
    /// The bucket that mirrors the publications; absent when none is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadStatus>,
    /// What overrides.toml decides; absent when it decides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions: Option<DecisionsStatus>,
    /// The daemon, where one writes this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<DaemonStatus>,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceStatus {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// URL, without secrets.
    pub url: String,
    /// Licence.
    pub licence: String,
    /// ok, degraded, failing, disabled, orphan.
    pub state: &'static str,
    /// RFC 3339, UTC.
    pub last_success: Option<String>,
    /// RFC 3339, UTC: from the store where a daemon planned it, else from the schedule.
    pub next_run: Option<String>,
    /// Harvests that gave nothing, in a row.
    pub consecutive_failures: u32,
    /// Why the last harvest failed or is partial; why it is disabled.
    pub last_error: Option<String>,
    /// Of the current payloads.
    pub records: Records,
}

/// Counts of records.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[allow(missing_docs, reason = "the words of contract.md §6")]
pub struct Records {
    pub received: u64,
    pub accepted: u64,
    pub superseded: u64,
    pub repeats: u64,
    pub quarantined: u64,
    pub out_of_region: u64,
    pub repaired: u64,
}

impl From<RecordCounts> for Records {
    fn from(c: RecordCounts) -> Self {
        Self {
            received: c.received,
            accepted: c.accepted,
            superseded: c.superseded,
            repeats: c.repeats,
            quarantined: c.quarantined,
            out_of_region: c.out_of_region,
            repaired: c.repaired,
        }
    }
}

/// The store.
#[derive(Debug, Clone, Serialize)]
pub struct StoreStatus {
    /// Size of the file, bytes.
    pub bytes: u64,
    /// Size of its write-ahead log, bytes.
    pub wal_bytes: u64,
    /// Buyers due for a merge.
    pub dirty_buyers: u64,
    /// Buyers that the last merge looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_merge_buyers: Option<u64>,
}

/// The last publication.
#[derive(Debug, Clone, Serialize)]
pub struct PublicationStatus {
    /// Folder name.
    pub publication: String,
    /// Its day.
    pub day: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// Last sequence number in it.
    pub last_seq: u64,
    /// Whether the store holds something newer.
    pub outdated: bool,
}

/// The operators' decisions.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionsStatus {
    /// How many there are.
    pub total: usize,
    /// Those without effect: place in the file, and why.
    pub void: Vec<String>,
}

/// The daemon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// What it does now, in words.
    pub doing: String,
    /// RFC 3339, UTC.
    pub written: String,
    /// Whether the last reload of the configuration succeeded.
    pub config_last_reload_successful: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_error: Option<String>,
}

/// Reads the status from a snapshot and the configuration.
///
/// # Errors
/// A disk fault or a damaged row.
pub fn read(config: &Config, snapshot: &Snapshot, now: Timestamp) -> Result<Status, StoreError> {
    let counts = snapshot.counts()?;
    let states = snapshot.sources()?;
    let mut sources: Vec<SourceStatus> =
        states.iter().map(|s| known(config, s, now, counts.get(&s.source.n).map(|c| c.records))).collect();
    let unknown = config.sources.iter().filter(|s| !states.iter().any(|k| k.source.id == s.id));
    sources.extend(unknown.map(|source| untried(source, now)));
    sources.sort_by(|a, b| a.id.cmp(&b.id));
    let state_version = snapshot.state_version()?;
    let fingerprint = config.publishing_fingerprint();
    let publication = snapshot.last_publication()?.map(|p| PublicationStatus {
        outdated: p.state_version != state_version || p.fingerprint != fingerprint,
        publication: p.name,
        day: p.day.to_string(),
        created: p.created,
        last_seq: p.last_seq,
    });
    let path = store_path(config);
    let store = StoreStatus {
        bytes: size(&path),
        wal_bytes: size(&path.with_extension("db-wal")),
        dirty_buyers: snapshot.dirty_count()?,
        last_merge_buyers: snapshot.fact("last_merge_buyers")?.and_then(|n| n.parse().ok()),
    };
    let decisions = match config.decisions.len() {
        0 => None,
        total => {
            Some(DecisionsStatus { total, void: super::overrides::told(&super::overrides::void(config, snapshot)?) })
        }
    };
    let upload = super::upload::status(config, snapshot)?;
    Ok(Status { sources, store, publication, upload, decisions, daemon: None })
}

/// The status where nothing was harvested yet: what the configuration says.
pub fn of_config(config: &Config, now: Timestamp) -> Status {
    Status {
        sources: config.sources.iter().map(|source| untried(source, now)).collect(),
        store: StoreStatus { bytes: 0, wal_bytes: 0, dirty_buyers: 0, last_merge_buyers: None },
        publication: None,
        upload: super::upload::never(config),
        decisions: (!config.decisions.is_empty())
            .then(|| DecisionsStatus { total: config.decisions.len(), void: Vec::new() }),
        daemon: None,
    }
}

/// A source that the store does not know yet.
fn untried(source: &Source, now: Timestamp) -> SourceStatus {
    SourceStatus {
        id: source.id.clone(),
        name: source.name.clone(),
        url: crate::harvest::ShownUrl::of(&source.url).as_str().to_owned(),
        licence: source.licence.id().to_owned(),
        state: if source.enabled { "ok" } else { "disabled" },
        last_success: None,
        next_run: if source.enabled {
            schedule_of(source).and_then(|s| s.next_after(now)).map(|t| t.to_string())
        } else {
            None
        },
        consecutive_failures: 0,
        last_error: source.disabled_reason.clone().filter(|_| !source.enabled),
        records: Records::default(),
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

fn known(config: &Config, s: &SourceState, now: Timestamp, counts: Option<RecordCounts>) -> SourceStatus {
    let stanza = config.sources.get(&s.source.id);
    let (state, error) = match stanza {
        None => ("orphan", s.last_error.clone()),
        Some(stanza) if !stanza.enabled => ("disabled", stanza.disabled_reason.clone()),
        Some(_) => (health(s, now), s.last_error.clone()),
    };
    let planned = stanza.filter(|x| x.enabled).and_then(|x| {
        let stored = s.next_run.clone().filter(|t| t.parse::<Timestamp>().is_ok_and(|t| t > now));
        stored.or_else(|| schedule_of(x).and_then(|c| c.next_after(now)).map(|t| t.to_string()))
    });
    SourceStatus {
        id: s.source.id.clone(),
        name: s.source.name.clone(),
        url: s.source.url.clone(),
        licence: s.source.licence.clone(),
        state,
        last_success: s.last_success.clone(),
        next_run: planned,
        consecutive_failures: s.consecutive_failures,
        last_error: error,
        records: counts.unwrap_or_default().into(),
    }
}

fn health(s: &SourceState, now: Timestamp) -> &'static str {
    let since =
        |t: &Option<String>| t.as_ref().and_then(|t| t.parse::<Timestamp>().ok()).map(|t| now.duration_since(t));
    // Never a success: failing once it has been tried for as long.
    match since(&s.last_success).or(since(&s.first_attempt).filter(|_| s.consecutive_failures > 0)) {
        Some(age) if age >= FAILING_AFTER => "failing",
        _ if s.consecutive_failures > 0 || s.partial => "degraded",
        _ => "ok",
    }
}

/// What a daemon said of itself when it last wrote public/status.json; `None` where none did.
pub fn daemon(public: &Path) -> Option<DaemonStatus> {
    #[derive(Deserialize)]
    struct File {
        daemon: Option<DaemonStatus>,
    }
    let text = std::fs::read(public.join("status.json")).ok()?;
    serde_json::from_slice::<File>(&text).ok()?.daemon
}

/// Writes public/status.json, whole or not at all.
///
/// # Errors
/// A disk fault.
pub fn write(public: &Path, status: &Status) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(public)?;
    let mut file = tempfile::NamedTempFile::new_in(public)?;
    serde_json::to_writer_pretty(&mut file, status)?;
    std::io::Write::write_all(&mut file, b"\n")?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    crash_point!("status.before-rename");
    file.persist(public.join("status.json")).map_err(|e| e.error)?;
    std::fs::File::open(public)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SourceRow;

    #[test]
    fn a_source_is_failing_after_a_week_without_success_even_if_it_never_had_one() {
        let source = SourceRow {
            n: 1,
            id: "a".to_owned(),
            name: String::new(),
            url: String::new(),
            licence: "etalab-2.0".to_owned(),
            authority: "platform".to_owned(),
            buyers: Vec::new(),
            snapshot: "full".to_owned(),
        };
        let mut state = SourceState {
            source,
            first_attempt: Some("2026-11-01T03:00:00Z".to_owned()),
            last_attempt: Some("2026-11-24T03:00:00Z".to_owned()),
            last_success: None,
            next_run: None,
            consecutive_failures: 9,
            last_error: None,
            partial: false,
        };
        let on = |day: &str| day.parse::<Timestamp>().unwrap();
        assert_eq!(health(&state, on("2026-11-03T06:00:00Z")), "degraded");
        assert_eq!(health(&state, on("2026-11-08T06:00:00Z")), "failing");
        state.last_success = Some("2026-11-07T03:00:00Z".to_owned());
        assert_eq!(health(&state, on("2026-11-08T06:00:00Z")), "degraded");
        state.consecutive_failures = 0;
        assert_eq!(health(&state, on("2026-11-08T06:00:00Z")), "ok");
        assert_eq!(health(&state, on("2026-11-15T06:00:00Z")), "failing");
    }
}
