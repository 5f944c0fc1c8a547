//! The command line as typed: every command, flag and help text, in one place.
//!
//! In: the process's arguments. Out: [`Args`], or a usage error (exit code 2). Help, man page and
//! completions all come from this definition. Does nothing: each command has its own file.

mod producers;
mod service;
mod upkeep;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};

use crate::daemon::exit::Exit;

pub use producers::{InputFormat, Merge, Validate};
pub use service::{Check, Completions, Demo, Harvest, Man, Publish, Reading, Serve, Sources};
pub use upkeep::{Archive, Db, Explain, Mask, Quarantine, Redact, Replay};

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
            Command::Redact(redact) => !redact.deciding.dry_run,
            Command::Mask(mask) => !mask.deciding.dry_run,
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
mod tests;
