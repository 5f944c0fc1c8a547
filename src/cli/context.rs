//! What a command opens before it works: clock, log, configuration, lock, runtime; and how a
//! command that cannot go on ends.
//!
//! In: the arguments and the environment. Out: [`Start`], [`Opened`], or a [`Failure`] with its exit
//! code. Opens no store: who writes takes `daemon::pipeline::Pipeline`, who reads a snapshot.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{Args, CONFIG_FILES, Global, LogFormat};
use super::logging::{Logging, LoggingError};
use super::output::OutputError;
use crate::config::{self, Config, Diagnostics, ProcessEnv};
use crate::daemon::clock::{Clock, ClockError};
use crate::daemon::decisions::DecisionError;
use crate::daemon::exit::Exit;
use crate::daemon::lock::{DataLock, LockError};
use crate::daemon::pipeline::{RunError, store_path};
use crate::harvest::{ArchiveError, ClientError};
use crate::store::{Snapshot, StoreError};

/// A command that cannot go on: the exit code, and what stderr is told.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    told: String,
}

impl Failure {
    /// What went wrong, where, why and what to do.
    pub fn new(exit: Exit, told: impl Into<String>) -> Self {
        Self { exit, told: told.into() }
    }

    /// The ordinary failure (exit code 1).
    pub fn failed(told: impl Into<String>) -> Self {
        Self::new(Exit::Failed, told)
    }

    /// Wrong usage, or an id that is not known (exit code 2).
    pub fn usage(told: impl Into<String>) -> Self {
        Self::new(Exit::Usage, told)
    }

    /// An end of which nothing is said when it is no failure at all, as for a closed pipe.
    pub(super) fn quiet_if(self, exit: Exit) -> Self {
        if exit == Exit::Done { Self { told: String::new(), ..self } } else { self }
    }

    /// Whether the configuration is at fault.
    pub(super) fn is_of_configuration(&self) -> bool {
        self.exit == Exit::Config
    }

    /// Tells stderr, and gives the exit code.
    pub fn tell(self) -> Exit {
        if !self.told.is_empty() {
            let (on, off) = if colours() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
            // A stderr that is gone cannot be told so.
            let _ = match self.exit {
                // Diagnostics say `error:` themselves, one by one.
                Exit::Config => writeln!(std::io::stderr(), "{}", self.told),
                _ => writeln!(std::io::stderr(), "{on}error:{off} {}", self.told),
            };
        }
        self.exit
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::new(error.exit(), error.to_string()).quiet_if(error.exit())
    }
}

impl From<Diagnostics> for Failure {
    fn from(found: Diagnostics) -> Self {
        Self::new(Exit::Config, found.render(colours()).trim_end())
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::new(error.exit(), error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::Publish(e) if e.is_refusal() => Exit::Refused,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ClockError> for Failure {
    fn from(error: ClockError) -> Self {
        Self::new(Exit::Config, format!("error: {error}"))
    }
}

impl From<LoggingError> for Failure {
    fn from(error: LoggingError) -> Self {
        Self::new(Exit::Config, format!("error: {error}"))
    }
}

macro_rules! failed {
    ($($error:ty),+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::failed(error.to_string())
            }
        }
    )+};
}
failed!(StoreError, ArchiveError, ClientError, DecisionError);

/// Whether stderr shows colours.
pub fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

/// What every command has: what was typed for all of them, and the clock.
#[derive(Debug, Clone)]
pub struct Start {
    /// The global options.
    pub global: Global,
    /// What time it is.
    pub clock: Clock,
    command: &'static str,
    takes_lock: bool,
}

/// A command with its configuration, and the data directory's lock where it writes.
#[derive(Debug)]
pub struct Opened {
    /// The global options: a reload reads the same files again.
    pub global: Global,
    /// What time it is.
    pub clock: Clock,
    /// The configuration.
    pub config: Arc<Config>,
    /// What its author should know.
    pub warnings: Diagnostics,
    /// Held until the command ends, by those that write.
    pub lock: Option<DataLock>,
}

impl Start {
    pub(super) fn new(args: &Args) -> Result<Self, Failure> {
        Ok(Self {
            global: args.global.clone(),
            clock: Clock::from_env()?,
            command: args.command.name(),
            takes_lock: args.command.takes_lock(),
        })
    }

    /// Installs the log, as the command line asks, else the configuration.
    ///
    /// # Errors
    /// `RUST_LOG` that cannot be read.
    pub fn log(&self, configured: Option<&config::Log>) -> Result<(), Failure> {
        let format = configured.map(|log| match log.format {
            config::LogFormat::Text => LogFormat::Text,
            config::LogFormat::Json => LogFormat::Json,
        });
        let mut logging = Logging::from_env(&self.global, format);
        let asked = self.global.quiet > 0 || self.global.verbose > 0;
        if let Some(level) = configured.and_then(|log| log.level.parse().ok()).filter(|_| !asked) {
            logging.level = level;
        }
        Ok(logging.install()?)
    }

    /// Reads the configuration, installs the log, takes the lock where the command writes.
    ///
    /// # Errors
    /// Every error of the configuration (78), a data directory that another process holds (75).
    pub fn open(&self) -> Result<Opened, Failure> {
        let loaded = Config::load(self.global.config.as_deref(), self.global.data_dir.as_deref(), &ProcessEnv)?;
        self.log(Some(&loaded.config.log))?;
        for warning in loaded.warnings.iter() {
            let (place, what) = (warning.place(), &warning.what);
            if self.takes_lock {
                tracing::warn!("{place}: {what}");
            } else {
                tracing::debug!("{place}: {what}");
            }
        }
        let lock = match self.takes_lock {
            true => Some(DataLock::take(&loaded.config.data_dir, self.command)?),
            false => None,
        };
        Ok(Opened {
            global: self.global.clone(),
            clock: self.clock,
            config: Arc::new(loaded.config),
            warnings: loaded.warnings,
            lock,
        })
    }

    /// As [`Start::open`], but a configuration that nobody named and that is not there is none.
    ///
    /// # Errors
    /// As [`Start::open`]: a configuration that is there must be right.
    pub fn open_if_any(&self) -> Result<Option<Opened>, Failure> {
        if self.global.config.is_none() && !CONFIG_FILES.iter().any(|file| std::path::Path::new(file).exists()) {
            self.log(None)?;
            return Ok(None);
        }
        self.open().map(Some)
    }

    /// The data directory and its lock, for commands on the store that need nothing else of the
    /// configuration: `--data-dir` alone is enough where there is none.
    ///
    /// # Errors
    /// As [`Start::open`].
    pub fn open_data_dir(&self) -> Result<(PathBuf, Option<DataLock>), Failure> {
        match (&self.global.config, &self.global.data_dir) {
            (None, Some(dir)) if !CONFIG_FILES.iter().any(|file| std::path::Path::new(file).exists()) => {
                self.log(None)?;
                let lock = match self.takes_lock {
                    true => Some(DataLock::take(dir, self.command)?),
                    false => None,
                };
                Ok((dir.clone(), lock))
            }
            _ => {
                let opened = self.open()?;
                Ok((opened.config.data_dir.clone(), opened.lock))
            }
        }
    }
}

impl Opened {
    /// A read snapshot of the store, which works beside a running daemon; `None` where nothing was
    /// harvested yet.
    ///
    /// # Errors
    /// A disk fault, a store of another version.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, Failure> {
        let path = store_path(&self.config);
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Snapshot::read(&path)?))
    }
}

/// Threads for blocking work: sources wait for the store's one writer on them, and each costs memory.
const BLOCKING: usize = 24;

/// The runtime of a command that asks the network or serves.
///
/// # Errors
/// The system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING).enable_all().build().map_err(|error| {
        Failure::failed(format!(
            "cannot start the threads of the network side: {error}; check the limits of processes and memory"
        ))
    })
}
