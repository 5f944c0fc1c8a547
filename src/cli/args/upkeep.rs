//! Arguments of the commands that look into the store and mend it: explain, quarantine, replay, removal, backups.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueHint};

use crate::harvest::Sha256;
use crate::record::Day;

use super::Reading;

/// `guichet explain`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Explain {
    /// The contract: SIRET of the buyer followed by its local id, as in contrats.ndjson
    #[arg(value_name = "UID")]
    pub uid: String,
    /// As the region knew it at the end of that day
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub as_of: Option<Day>,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub json: bool,
}

fn date(text: &str) -> Result<Day, String> {
    text.parse().map_err(|_| "a date is expected, like 2026-11-24".to_owned())
}

/// `guichet quarantine`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Quarantine {
    /// Every record in quarantine, with its place and its reason
    List {
        /// Only those of this source
        #[arg(long, value_name = "ID")]
        source: Option<String>,
        /// Print JSON (see docs/json.md) instead of a table
        #[arg(long)]
        json: bool,
    },
    /// One record in quarantine, with its text as it was received
    Show {
        /// Its number, as `list` gives it
        #[arg(value_name = "N")]
        n: i64,
        /// Print JSON (see docs/json.md)
        #[arg(long)]
        json: bool,
    },
    /// Read the payloads that hold such records again, from archive/, under the present rules
    Retry,
}

/// `guichet archive`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Archive {
    /// Erase payloads for good; says first what can then no longer be replayed
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Purge {
        /// The payload of this sha256, even one that is current
        #[arg(long, value_name = "SHA256", group = "which")]
        hash: Option<Sha256>,
        /// Every payload last seen longer ago than this, as 400d; current ones are kept
        #[arg(long, value_name = "AGE", group = "which", value_parser = crate::config::parse_duration)]
        older_than: Option<Duration>,
        /// Say what would be erased; erase nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// `guichet redact`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Redact {
    /// The contract: SIRET of the buyer followed by its local id, as in contrats.ndjson
    #[arg(value_name = "UID")]
    pub uid: String,
    /// Why, and how it is told.
    #[command(flatten)]
    pub deciding: Deciding,
}

/// `guichet mask`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Mask {
    /// SIRET of the natural person
    #[arg(value_name = "SIRET")]
    pub siret: String,
    /// Why, and how it is told.
    #[command(flatten)]
    pub deciding: Deciding,
}

/// What every decision for good takes.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Deciding {
    /// Why, for whoever reads decisions/ later; it is not published
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub reason: String,
    /// Say what it would do; decide nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// A reason that says something.
fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why: the reason is kept with the decision".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// `guichet replay`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Replay {
    /// Sources to replay [default: every one in the archive]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// `guichet db`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Db {
    /// Check the store's integrity
    Check(Reading),
    /// Write a consistent copy of the store, also while the daemon runs
    Backup {
        /// The copy; must not exist yet
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Put a backup in the place of the store
    Restore {
        /// The backup
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}
