//! `status.json`: the health of sources and daemon, as the last run left it beside the publications.
//!
//! Read anew for each request that shows it (a few kilobytes, at most [`MAX`]). A file that is
//! absent, newer in shape, or damaged gives what can be read of it: health is a help, and never
//! keeps a page from being served.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

/// Largest file read, in bytes: room for ten thousand sources.
const MAX: u64 = 16 << 20;

/// What `status.json` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// One entry per source, in the order of the file.
    pub sources: Vec<Source>,
    /// Figures of the store: bytes, wal_bytes.
    pub store: BTreeMap<String, serde_json::Value>,
    /// Figures of the daemon: config_last_reload_successful.
    pub daemon: BTreeMap<String, serde_json::Value>,
}

/// One source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Where it publishes.
    pub url: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// `ok`, `degraded`, `failing`, `disabled`, `orphan`.
    pub state: Option<String>,
    /// RFC 3339.
    pub last_success: Option<String>,
    /// RFC 3339.
    pub next_run: Option<String>,
    /// Harvests that failed since the last success.
    pub consecutive_failures: Option<u64>,
    /// Of the last harvest, where it failed.
    pub last_error: Option<serde_json::Value>,
    /// Counts of the current payloads, by outcome.
    pub records: Option<BTreeMap<String, serde_json::Value>>,
}

impl Source {
    /// A count of the current payloads.
    pub fn records(&self, outcome: &str) -> Option<u64> {
        self.records.as_ref()?.get(outcome)?.as_u64()
    }

    /// The last error as text, whether it is one or holds one.
    pub fn error_text(&self) -> Option<String> {
        use serde_json::Value;
        match self.last_error.as_ref()? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Object(map) => {
                let text = ["message", "error", "detail", "what"].iter().find_map(|k| map.get(*k)?.as_str());
                Some(text.map_or_else(|| Value::Object(map.clone()).to_string(), str::to_owned))
            }
            other => Some(other.to_string()),
        }
        .filter(|text| !text.is_empty())
    }
}

/// Reads the file; `None` when there is none or it is no JSON object of that kind. Blocks.
pub fn read(public: &Path) -> Option<Status> {
    let path = public.join("status.json");
    let file = File::open(&path).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX).read_to_end(&mut bytes).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(status) => Some(status),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot read status.json; pages go on without it");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_leniently_and_damage_gives_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).is_none());
        let path = dir.path().join("status.json");
        std::fs::write(
            &path,
            r#"{"sources":[{"id":"a","new":1,"records":{"received":3,"x":null},
            "last_error":{"message":"<b>403</b>"}},{"id":"b","last_error":null}],"more":[]}"#,
        )
        .unwrap();
        let status = read(dir.path()).unwrap();
        assert_eq!(status.sources[0].records("received"), Some(3));
        assert_eq!(status.sources[0].error_text().as_deref(), Some("<b>403</b>"));
        assert_eq!(status.sources[1].error_text(), None);
        std::fs::write(&path, "{\"sources\": [").unwrap();
        assert!(read(dir.path()).is_none());
    }
}
