//! What ties the files of a publication together: `manifest.json` and `SHA256SUMS`, as read back.
//!
//! In: the text of both. Out: one entry per file that may be served. A name that is not listed, or
//! that could lead out of its folder, does not exist for the web. Bounded by the caller.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `manifest.json`, as far as the web side reads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Day of the publication, `YYYY-MM-DD`.
    pub day: String,
    /// Name of the publication: the day, with `.2` and so on for a further one that day.
    pub publication: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// Program and version.
    pub generator: String,
    /// UUID within which seq grows.
    pub epoch: String,
    /// Last seq of changes.ndjson.
    pub last_seq: Option<u64>,
    /// The files.
    pub files: Vec<ManifestFile>,
    /// Present, and neither `null` nor `false`, once the publication is withdrawn.
    pub withdrawn: Option<serde_json::Value>,
}

/// One file of the manifest.
#[derive(Debug, Clone, Deserialize)]
pub struct ManifestFile {
    /// Name within the publication.
    pub name: String,
    /// Lower-case hexadecimal digest.
    pub sha256: String,
    /// Size in bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Records, rows or lines; absent where the notion has no sense.
    #[serde(default)]
    pub rows: Option<u64>,
}

impl Manifest {
    /// Whether nothing of this publication may be given out any more.
    pub fn is_withdrawn(&self) -> bool {
        use serde_json::Value::{Bool, Null};
        !matches!(self.withdrawn, None | Some(Null | Bool(false)))
    }
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Lower-case hexadecimal digest of its bytes.
    pub sha256: String,
    /// Size in bytes, where announced.
    pub bytes: Option<u64>,
    /// Rows, where announced.
    pub rows: Option<u64>,
}

/// The files of a publication by name: those of the manifest, then those that only the sums list.
/// Names and digests that are not well formed are left out.
pub fn entries(manifest: &Manifest, sums: &str) -> BTreeMap<String, Entry> {
    let mut out = BTreeMap::new();
    for line in sums.lines() {
        let Some((sha256, name)) = line.split_once(' ') else {
            continue;
        };
        let name = name.trim_start_matches([' ', '*']).trim_end();
        insert(&mut out, name, sha256, None, None);
    }
    for file in &manifest.files {
        insert(&mut out, &file.name, &file.sha256, file.bytes, file.rows);
    }
    out
}

fn insert(out: &mut BTreeMap<String, Entry>, name: &str, sha256: &str, bytes: Option<u64>, rows: Option<u64>) {
    let digest = sha256.to_ascii_lowercase();
    let ok = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if ok && is_file_name(name) {
        out.insert(name.to_owned(), Entry { sha256: digest, bytes, rows });
    }
}

/// A plain name: letters, digits, `.`, `_`, `-`, not starting with a dot, at most 128 bytes. No
/// separator of any system, no parent, no control character, no drive.
pub fn is_file_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && !name.contains("..")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// The name of a publication: `2026-11-24`, or with a counter from 2: `2026-11-24.2`. Gives the
/// day and the counter (1 without one), by which publications are ordered.
pub fn publication_key(name: &str) -> Option<(jiff::civil::Date, u32)> {
    let (day, counter) = match name.split_once('.') {
        Some((day, n)) => (day, Some(n)),
        None => (name, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let well_formed = day.len() == 10 && day.split('-').all(digits);
    let counter = match counter {
        None => 1,
        Some(n) if digits(n) && !n.starts_with('0') => n.parse().ok()?,
        Some(_) => return None,
    };
    if well_formed { Some((day.parse().ok()?, counter)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_files() {
        for name in ["decp.json", "decp-2019.xml.zst", "SHA256SUMS", "a_b"] {
            assert!(is_file_name(name), "{name}");
        }
        for name in ["", ".", "..", ".tmp", "a/b", "a\\b", "a..b", "é", "a\0", "C:x", "a b", "%2e"] {
            assert!(!is_file_name(name), "{name}");
        }
    }

    #[test]
    fn publications_are_ordered_by_day_then_counter() {
        let key = |name| publication_key(name);
        assert!(key("2026-11-24.10") > key("2026-11-24.2"));
        assert!(key("2026-11-24.2") > key("2026-11-24"));
        for name in [
            "",
            "latest",
            "2026-11-31",
            "2026-11-24.",
            "2026-11-24.0",
            "2026-11-24.x",
            "2026-11-24/..",
            "+026-11-24",
            "2026-11-24.2.2",
            "2026-1-24",
        ] {
            assert_eq!(key(name), None, "{name}");
        }
    }

    #[test]
    fn the_sums_complete_the_manifest_and_hostile_names_are_left_out() {
        let digest = "AB".repeat(32);
        let manifest: Manifest = serde_json::from_str(&format!(
            r#"{{"files":[{{"name":"decp.json","sha256":"{digest}","bytes":5,"rows":1}},
               {{"name":"../guichet.db","sha256":"{digest}"}},{{"name":"x","sha256":"zz"}}]}}"#
        ))
        .unwrap();
        let sums = format!("{digest}  decp.json\n{digest} *decp.json.gz\n{digest}  ../../etc/passwd\n");
        let found = entries(&manifest, &sums);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["decp.json", "decp.json.gz"]);
        assert_eq!(found["decp.json"].bytes, Some(5));
        assert_eq!(found["decp.json"].sha256, "ab".repeat(32));
    }
}
