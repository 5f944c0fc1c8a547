//! Arguments of the commands that run guichet: harvest, publish, serve, sources, demo.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueHint};

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
