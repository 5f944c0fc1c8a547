//! Log lines on stderr: readable text, or JSON for a collector; under the journal with priorities
//! and without the time and colours that it adds itself.
//!
//! In: verbosity, format, environment. Out: the process's subscriber, installed once.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::fmt::format::{Compact, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::args::{Global, LogFormat};

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logging {
    /// Text or JSON.
    pub format: LogFormat,
    /// Lowest level of guichet's own events that is written. Other crates' events are written one
    /// level stricter, and never below warnings unless everything is asked for.
    pub level: Level,
    /// Stderr goes to the journal: no time, no colours, a priority on each line.
    pub journal: bool,
    /// Colours.
    pub colours: bool,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// `RUST_LOG` cannot be read.
    #[error(
        "the environment variable RUST_LOG is `{value}`, which is not a list of levels: {cause}; write it like `info` or `guichet::harvest=debug`"
    )]
    Filter {
        /// The variable's value.
        value: String,
        /// What is wrong with it.
        #[source]
        cause: ParseError,
    },
    /// A subscriber is already installed.
    #[error("logging is already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

impl Logging {
    /// What the command line and the environment ask for. `configured`: the format that
    /// guichet.toml names, for when the command line names none.
    pub fn from_env(global: &Global, configured: Option<LogFormat>) -> Self {
        let journal = stderr_is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref());
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Logging {
            format: global.log_format.or(configured).unwrap_or_default(),
            level: level(global.quiet, global.verbose),
            journal,
            colours: std::io::stderr().is_terminal() && !journal && !dumb && !set("NO_COLOR"),
        }
    }

    /// Installs the process's subscriber. `RUST_LOG`, when set, replaces the levels.
    pub fn install(&self) -> Result<(), LoggingError> {
        use tracing_subscriber::util::SubscriberInitExt as _;
        let filter = match std::env::var("RUST_LOG") {
            Ok(value) if !value.trim().is_empty() => {
                EnvFilter::try_new(&value).map_err(|cause| LoggingError::Filter { value, cause })?
            }
            _ => self.filter(),
        };
        let base = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
        match (self.format, self.journal) {
            (LogFormat::Json, _) => {
                base.json().flatten_event(true).with_current_span(true).finish().try_init()?;
            }
            (LogFormat::Text, true) => base.with_ansi(false).event_format(Journal::new()).finish().try_init()?,
            (LogFormat::Text, false) => {
                base.compact().with_target(false).with_ansi(self.colours).finish().try_init()?;
            }
        }
        Ok(())
    }

    fn filter(&self) -> EnvFilter {
        let others = match self.level {
            Level::TRACE => LevelFilter::DEBUG,
            Level::DEBUG => LevelFilter::INFO,
            Level::ERROR => LevelFilter::ERROR,
            _ => LevelFilter::WARN,
        };
        EnvFilter::new(format!("{others},guichet={}", self.level))
    }
}

fn level(quiet: u8, verbose: u8) -> Level {
    match (quiet, verbose) {
        (0, 0) => Level::INFO,
        (0, 1) => Level::DEBUG,
        (0, _) => Level::TRACE,
        (1, _) => Level::WARN,
        (_, _) => Level::ERROR,
    }
}

/// Whether stderr is the very stream that the service manager connected to the journal: a
/// command run by hand inside a service inherits the variable, but may have another stderr.
fn stderr_is_journal(variable: Option<&str>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let named = variable.and_then(|value| value.split_once(':'));
    let Some((device, inode)) = named else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|stderr| device.parse() == Ok(stderr.dev()) && inode.parse() == Ok(stderr.ino()))
}

/// A line for the journal: `<priority>` in front, which it takes off again.
struct Journal(Format<Compact, ()>);

impl Journal {
    fn new() -> Self {
        Journal(Format::default().compact().without_time().with_level(false).with_target(false).with_ansi(false))
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        let mut text = String::new();
        self.0.format_event(context, Writer::new(&mut text), event)?;
        // Each line of a report is an entry of its own: each needs its priority.
        text.lines().try_for_each(|line| writeln!(writer, "<{priority}>{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_journal_gets_priorities_and_neither_time_nor_colours() {
        let buffer = Buffer::default();
        let into = buffer.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || into.clone()).event_format(Journal::new()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(source.id = "nimes", "harvesting");
            tracing::error!("refused:\n sources.toml:12:5");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("<6>") && lines[0].contains("harvesting"), "{text}");
        assert!(lines[0].contains("nimes"), "{text}");
        assert!(lines[1].starts_with("<3>refused:") && lines[2].starts_with("<3> sources.toml"), "{text}");
    }

    #[test]
    fn only_the_stream_that_the_variable_names_is_the_journal() {
        use std::os::unix::fs::MetadataExt as _;
        assert!(!stderr_is_journal(None));
        assert!(!stderr_is_journal(Some("")));
        assert!(!stderr_is_journal(Some("8:1")));
        let stderr = std::fs::metadata("/proc/self/fd/2").unwrap();
        assert!(stderr_is_journal(Some(&format!("{}:{}", stderr.dev(), stderr.ino()))));
    }

    #[test]
    fn quiet_and_verbose_move_our_level_and_keep_others_stricter() {
        assert_eq!(level(0, 0), Level::INFO);
        assert_eq!(level(2, 0), Level::ERROR);
        let logging = |level| Logging { format: LogFormat::Text, level, journal: false, colours: false };
        assert_eq!(logging(level(0, 0)).filter().to_string(), "guichet=info,warn");
        assert_eq!(logging(level(0, 1)).filter().to_string(), "guichet=debug,info");
        assert_eq!(logging(level(2, 0)).filter().to_string(), "guichet=error,error");
    }
}
