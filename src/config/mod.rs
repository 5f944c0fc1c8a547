//! The configuration: guichet.toml, sources.toml with sources.d, overrides.toml, the environment.
//!
//! In: paths and an environment. Out: [`Config`], typed and checked, or every error of every file
//! at once, each with its line and what to do ([`Diagnostics`]). Reads files, and nothing else of
//! the world: knows no network and no store. The order of the work is in [`Config::load`].

mod credential;
mod crontab;
mod decisions;
mod diagnostic;
mod document;
mod env;
mod guichet_toml;
mod hosts;
mod load;
mod overrides_toml;
mod plan;
mod read;
mod resource_date;
mod settings;
mod source;
mod sources_toml;
mod stanza;
mod upload;
mod value;

use std::path::PathBuf;

pub use credential::{Credential, CredentialError, Secret};
pub use crontab::{CrontabError, Fields, Problem};
pub use decisions::{
    Decision, Placed, RecordKey, Verdict, by_buyer, fingerprint as decisions_fingerprint, groups, shown as shown_record,
};
pub use diagnostic::{At, Diagnostic, Diagnostics, Severity, SourceText, nearest};
pub use env::{Env, ProcessEnv};
pub use load::{Loaded, data_dir_in_spite_of_errors, permission_warnings};
pub use plan::{Reload, plan};
pub use resource_date::ResourceDate;
pub use settings::{
    Archive, Files, Harvest, Log, LogFormat, MOST_CONNECTIONS, Merge, PUBLISHED_FILES, PrivateHost, Publish, Serve,
};
pub use source::{
    Authority, Catalog, Format, Globs, Licence, READABLE_CATALOGS, READABLE_FORMATS, Snapshot, Source, SourceSchedule,
    licence_allows_republication,
};
pub use sources_toml::{MAX_SHRINK, Sources};

pub use upload::Upload;
pub use value::duration as parse_duration;

use crate::reference::{self, Region};

/// Everything that is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where it was found.
    pub files: Files,
    /// The folder that holds sources.toml: where relative paths of the configuration start.
    pub root: PathBuf,
    /// The store, the archive and `public/`. Default `var` under the root, or systemd's state
    /// directory.
    pub data_dir: PathBuf,
    /// The region. Default: no limit.
    pub region: Region,
    /// `[harvest]`.
    pub harvest: Harvest,
    /// `[publish]`.
    pub publish: Publish,
    /// `[serve]`.
    pub serve: Serve,
    /// `[merge]`.
    pub merge: Merge,
    /// `[register] sirene`: the files of the SIREN register extract. Default none.
    pub register: Vec<PathBuf>,
    /// `[archive]`.
    pub archive: Archive,
    /// `[log]`.
    pub log: Log,
    /// sources.toml and sources.d.
    pub sources: Sources,
    /// overrides.toml.
    pub decisions: Vec<Placed>,
}

impl Config {
    /// The folder `public/` of the data directory.
    pub fn public_dir(&self) -> PathBuf {
        self.data_dir.join("public")
    }

    /// All that changes what records mean or whether they are in the region, for every source:
    /// tables and region. When it changes, payloads must be decoded again. What changes it for one
    /// source alone is [`Source::decoding_fingerprint`].
    pub fn decoding_fingerprint(&self) -> String {
        digest(&[reference::fingerprint().to_owned(), self.region.canonical()])
    }

    /// All of the configuration that changes the state files of a publication, beside what was
    /// harvested.
    pub fn publishing_fingerprint(&self) -> String {
        let mut parts = vec![
            self.decoding_fingerprint(),
            self.region.name().unwrap_or_default().to_owned(),
            format!("{:?}", self.merge),
            self.publish.formats.join(","),
            self.publish.compress.to_string(),
            self.publish.timezone.clone(),
            self.publish.base_url.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.publish.ocid_prefix.clone().unwrap_or_default(),
            decisions_fingerprint(self.decisions.iter().map(|placed| &placed.decision)),
            self.publish.signing_key.as_ref().map(ToString::to_string).unwrap_or_default(),
        ];
        for source in self.sources.iter() {
            parts.push(format!(
                "{}|{}|{}|{}|{}|{:?}|{:?}",
                source.id,
                source.name,
                source.url,
                source.licence.id(),
                source.authority.word(),
                source.buyers,
                source.snapshot,
            ));
        }
        digest(&parts)
    }
}

fn digest(parts: &[String]) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests;
