//! The command line as typed: every command, flag and help text, in one place.
//!
//! In: the process's arguments. Out: [`Args`], or a usage error (exit code 2). Help, man page and
//! completions all come from this definition. Does nothing: each command has its own file.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};

use crate::daemon::exit::Exit;
use crate::decode;
use crate::harvest::Sha256;
use crate::record::Day;

/// Configuration files tried in turn when `--config` is not given.
pub const CONFIG_FILES: [&str; 2] = ["config/guichet.toml", "/etc/guichet/guichet.toml"];

const EXIT_CODES: &str = "\
Exit codes:
  0   done (quarantined records alone are not a failure)
  1   failed; also: not one source gave anything
  2   wrong usage, unknown id
  3   done, but some sources failed or are partial
  4   publication refused by a gate, the one before stays
  75  another guichet holds the data directory
  78  configuration error

Environment:
  GUICHET_<TABLE>__<KEY>  sets a key of guichet.toml, as GUICHET_SERVE__LISTEN=127.0.0.1:9000
  GUICHET_NOW             fixes the clock, as 2026-11-24T03:00:00Z
  RUST_LOG                replaces the levels of -q and -v, as guichet::harvest=debug
  NO_COLOR                no colours";

/// The regional single access point for public procurement data.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "guichet",
    version,
    about = "Regional single access point for French public procurement data",
    long_about = "Pulls essential procurement data (DECP) from many buyer profiles, merges what is the same contract, keeps every version and every source's word, and publishes consolidated dumps every night.",
    after_long_help = EXIT_CODES,
    after_help = "`guichet help COMMAND` tells more about one command; --help lists exit codes and environment.",
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file [default: config/guichet.toml, else /etc/guichet/guichet.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Data directory, instead of the one that guichet.toml names
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// Log less: warnings and errors; twice: errors only
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "verbose")]
    pub quiet: u8,
    /// Log more: what is done in detail; twice: everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How log lines on stderr are written [default: what guichet.toml says, else text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the daemon: schedules, harvests, merges, publishes, serves
    Run,
    /// Show the whole thing on a simulated region, checked against the known truth
    Demo(Demo),
    /// Harvest now and merge
    Harvest(Harvest),
    /// Write a publication now
    Publish(Publish),
    /// Only the web side, from a public/ directory
    Serve(Serve),
    /// Check guichet.toml, sources.toml and overrides.toml
    Check(Check),
    /// List, show, probe or forget sources
    #[command(subcommand)]
    Sources(Sources),
    /// Health of each source, of the store, of the last publication
    Status(Reading),
    /// Where each field of a record comes from, and what was rejected and why
    Explain(Explain),
    /// Read local files with the same rules and report what is wrong in them
    Validate(Validate),
    /// Merge local files, as contrats.ndjson on stdout
    Merge(Merge),
    /// Records that cannot be used: list, show, read again
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Remove a record everywhere, for good
    Redact(Redact),
    /// Mask the name of a natural person in every output from now on
    Mask(Mask),
    /// Rebuild the store from archive/, without the network
    Replay(Replay),
    /// Erase payloads from archive/
    #[command(subcommand)]
    Archive(Archive),
    /// Check, back up or restore the store
    #[command(subcommand)]
    Db(Db),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the man page, or write all of them
    Man(Man),
}

/// For commands that read and take nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Reading {
    /// Print JSON (see docs/json.md) instead of a table
    #[arg(long)]
    pub json: bool,
}

/// `guichet demo`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Demo {
    /// Seed of the simulated region: the same seed gives the same region
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// About how many contracts the region has
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub contracts: u32,
    /// How many sources publish them
    #[arg(long, value_name = "K", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub sources: u32,
    /// End after the check: 0 when the truth holds, 1 when it does not
    #[arg(long)]
    pub once: bool,
    /// Where to serve the pages
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8310", conflicts_with = "once")]
    pub listen: SocketAddr,
    /// Working root, kept afterwards [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// `guichet harvest`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Harvest {
    /// Sources to harvest [default: every enabled one]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Fetch everything again, whatever the servers' validators and checksums say
    #[arg(long)]
    pub force: bool,
    /// Say what would be fetched; fetch and store nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `guichet publish`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Publish {
    /// Write a publication even when nothing has changed
    #[arg(long)]
    pub force: bool,
    /// Publish even when more contracts have gone than `max_drop` allows
    #[arg(long)]
    pub accept_shrink: bool,
}

/// `guichet serve`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Serve {
    /// The directory to serve, as a copy of a public/ [default: public/ of the data directory]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub public: Option<PathBuf>,
    /// Where to listen [default: what guichet.toml says, else 127.0.0.1:8310]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// `guichet check`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Check {
    /// Also ask each source whether it answers
    #[arg(long)]
    pub online: bool,
    /// List the rules that records are read with
    #[arg(long)]
    pub rules: bool,
    /// Only the files: do not look in the store whether a source declares the records that decisions name
    #[arg(long)]
    pub files: bool,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `guichet sources`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Sources {
    /// Every source with its state
    List(Reading),
    /// One source: its stanza as it is understood, its state, its resources
    Show {
        /// The source
        #[arg(value_name = "ID")]
        id: String,
        /// Print JSON (see docs/json.md)
        #[arg(long)]
        json: bool,
    },
    /// Fetch a URL, recognise format and catalogue, print a stanza ready for sources.toml
    Probe {
        /// What to fetch
        #[arg(value_name = "URL", value_hint = ValueHint::Url)]
        url: String,
        /// Print JSON (see docs/json.md)
        #[arg(long)]
        json: bool,
    },
    /// Remove what an ended source said; its stanza must be gone from sources.toml
    Forget {
        /// The source
        #[arg(value_name = "ID")]
        id: String,
    },
}

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

/// `guichet validate`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Validate {
    /// Files to read
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Their format
    #[arg(long, value_enum, value_name = "F", default_value_t)]
    pub format: InputFormat,
    /// In tables, the field that a header stands for, as `columns` in sources.toml; once for each header
    #[arg(long, value_name = "HEADER=FIELD", value_parser = column)]
    pub columns: Vec<(String, String)>,
    /// Their encoding, where they lie about it, as latin1 or windows-1252 [default: recognised]
    #[arg(long, value_name = "LABEL", value_parser = encoding)]
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Print JSON (see docs/json.md) instead of a report
    #[arg(long)]
    pub json: bool,
}

/// `HEADER=FIELD`; a header may hold `=`, a field does not.
fn column(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=').map(|(header, field)| (header.trim(), field.trim())) {
        Some((header, field)) if !header.is_empty() && decode::is_column(field) => {
            Ok((header.to_owned(), field.to_owned()))
        }
        Some((header, field)) if !header.is_empty() => {
            Err(format!("`{field}` is no field of a table; write one as acheteur.id, titulaires.id or montant"))
        }
        _ => Err("write a header, `=` and a field, as \"N° du marché=id\"".to_owned()),
    }
}

fn encoding(label: &str) -> Result<&'static encoding_rs::Encoding, String> {
    decode::encoding(label)
        .ok_or_else(|| format!("`{label}` is not an encoding; write latin1, windows-1252, utf-16le…"))
}

/// Formats that local files can be read in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Recognised from the content
    #[default]
    Auto,
    /// DECP 2019 or 2022, JSON
    DecpJson,
    /// DECP 2019 or 2022, XML
    DecpXml,
    /// DECP as a table: national columns, SCDL, Région Bretagne
    DecpCsv,
}

impl InputFormat {
    /// The format's name in sources.toml.
    pub fn name(self) -> &'static str {
        match self {
            InputFormat::Auto => "auto",
            InputFormat::DecpJson => "decp-json",
            InputFormat::DecpXml => "decp-xml",
            InputFormat::DecpCsv => "decp-csv",
        }
    }
}

/// `guichet merge`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Merge {
    /// Files to read; each counts as a source of its own
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Join records by their ids alone, as with `[merge] across_feeds = false`
    #[arg(long)]
    pub ids_only: bool,
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
    /// Why, for whoever reads decisions/ later; it is not published
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub reason: String,
    /// Say what would go; remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub json: bool,
}

/// `guichet mask`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Mask {
    /// SIRET of the natural person
    #[arg(value_name = "SIRET")]
    pub siret: String,
    /// Why, for whoever reads decisions/ later; it is not published
    #[arg(long, value_name = "TEXT", value_parser = said)]
    pub reason: String,
    /// Say where the name stands; mask nothing
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

/// `guichet completions`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// `guichet man`
#[derive(Debug, Clone, Default, PartialEq, Eq, ClapArgs)]
pub struct Man {
    /// Write guichet.1 and one page per command here, instead of guichet.1 to stdout
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

impl Args {
    /// Reads the process's arguments. Help and version are printed and end with 0, a usage error
    /// is printed on stderr and ends with 2.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Exit> {
        Self::try_parse_from(arguments).map_err(|error| {
            // A closed pipe must not turn `guichet --help | head` into a failure.
            let _ = error.print();
            end_of(&error)
        })
    }
}

/// How the process ends when clap has something to say instead of a command.
fn end_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

impl Command {
    /// The command's name as in the lock's note and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Run => "run",
            Command::Demo(_) => "demo",
            Command::Harvest(_) => "harvest",
            Command::Publish(_) => "publish",
            Command::Serve(_) => "serve",
            Command::Check(_) => "check",
            Command::Sources(Sources::Forget { .. }) => "sources forget",
            Command::Sources(_) => "sources",
            Command::Status(_) => "status",
            Command::Explain(_) => "explain",
            Command::Validate(_) => "validate",
            Command::Merge(_) => "merge",
            Command::Quarantine(Quarantine::Retry) => "quarantine retry",
            Command::Quarantine(_) => "quarantine",
            Command::Redact(_) => "redact",
            Command::Mask(_) => "mask",
            Command::Replay(_) => "replay",
            Command::Archive(_) => "archive purge",
            Command::Db(Db::Restore { .. }) => "db restore",
            Command::Db(_) => "db",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }

    /// Whether the command writes to the data directory and so must hold its lock.
    pub fn takes_lock(&self) -> bool {
        match self {
            Command::Harvest(harvest) => !harvest.dry_run,
            Command::Archive(Archive::Purge { dry_run, .. }) => !dry_run,
            Command::Redact(redact) => !redact.dry_run,
            Command::Mask(mask) => !mask.dry_run,
            Command::Run
            | Command::Publish(_)
            | Command::Quarantine(Quarantine::Retry)
            | Command::Replay(_)
            | Command::Sources(Sources::Forget { .. })
            | Command::Db(Db::Restore { .. }) => true,
            _ => false,
        }
    }
}

impl Global {
    /// The configuration file to read: the one given, else the first of [`CONFIG_FILES`] that is
    /// there, else the first, so that the error names it.
    pub fn config_file(&self) -> PathBuf {
        let there = || CONFIG_FILES.iter().map(Path::new).find(|path| path.exists());
        match &self.config {
            Some(given) => given.clone(),
            None => there().unwrap_or(Path::new(CONFIG_FILES[0])).to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
