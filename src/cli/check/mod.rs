//! `guichet check`: the configuration, linted, and its decisions compared with the store; with `--online` each source asked; with `--rules`
//! the rules that records are read with.
//!
//! Findings go to stderr, the verdict to stdout; `--json` puts all on stdout, errors too.

mod online;
mod rules;

use serde_json::{Map, Value, json};

use super::Ended;
use super::args::Check;
use super::context::{Failure, Start, colours};
use super::output::{Out, counted};
use crate::config::{At, Config, Diagnostic, Diagnostics, Loaded, ProcessEnv, Severity, permission_warnings};
use crate::daemon::exit::Exit;
use crate::daemon::overrides;
use crate::daemon::pipeline::store_path;
use crate::store::Snapshot;

pub(super) fn run(start: &Start, args: &Check) -> Ended {
    // The rules are those of the program: they need no configuration.
    if args.rules && !args.online {
        return rules::print(args.json);
    }
    let loaded = match Config::load(start.global.config.as_deref(), start.global.data_dir.as_deref(), &ProcessEnv) {
        Ok(loaded) => loaded,
        Err(found) if args.json => return refused(&found),
        Err(found) => return Err(found.into()),
    };
    start.log(Some(&loaded.config.log))?;
    let Loaded { config, mut warnings } = loaded;
    warnings.extend(permission_warnings(&config.files));
    if !args.files {
        warnings.extend(void_decisions(&config));
    }
    if warnings.has_errors() {
        return if args.json { refused(&warnings) } else { Err(warnings.into()) };
    }
    let asked = match args.online {
        true => Some(online::ask(&config, start.clock.now())?),
        false => None,
    };
    let exit = asked.as_deref().map_or(Exit::Done, online::exit);
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        let mut document = report(&config, &warnings);
        if args.rules {
            document.insert("rules".to_owned(), rules::json());
        }
        if let Some(asked) = &asked {
            document.insert("online".to_owned(), serde_json::to_value(asked).unwrap_or_default());
        }
        out.json(&document)?;
    } else {
        if !warnings.is_empty() {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), warnings.render(colours()).as_bytes());
        }
        if args.rules {
            rules::table(&mut out)?;
        }
        out.line(&verdict(&config, &warnings))?;
        if let Some(asked) = &asked {
            online::table(asked, &mut out)?;
        }
    }
    out.finish()?;
    Ok(exit)
}

/// Decisions about records that the store does not know; none where nothing was harvested yet.
fn void_decisions(config: &Config) -> Diagnostics {
    let path = store_path(config);
    if config.decisions.is_empty() || !path.exists() {
        return Diagnostics::default();
    }
    let found = Snapshot::read(&path).and_then(|snapshot| overrides::void(config, &snapshot));
    found.unwrap_or_else(|error| {
        let what = format!("decisions were not compared with the store: {error}");
        Diagnostics::new(vec![Diagnostic::warning(At::Path(config.files.overrides.clone()), what)])
    })
}

/// `check --json` of a configuration that is refused.
fn refused(found: &Diagnostics) -> Ended {
    let mut document = Map::from_iter([("ok".to_owned(), Value::Bool(false))]);
    merge(&mut document, found.to_json());
    let mut out = Out::stdout(true);
    out.json(&document)?;
    out.finish()?;
    Ok(Exit::Config)
}

fn report(config: &Config, warnings: &Diagnostics) -> Map<String, Value> {
    let mut document = Map::from_iter([("ok".to_owned(), Value::Bool(true))]);
    merge(&mut document, warnings.to_json());
    let enabled = config.sources.enabled().count();
    merge(
        &mut document,
        json!({
            "files": config.files.read().iter().map(|f| f.display().to_string()).collect::<Vec<_>>(),
            "data_dir": config.data_dir.display().to_string(),
            "region": config.region.name(),
            "sources": {"total": config.sources.len(), "enabled": enabled, "disabled": config.sources.len() - enabled},
            "decisions": config.decisions.len(),
        }),
    );
    document
}

fn merge(into: &mut Map<String, Value>, members: Value) {
    if let Value::Object(members) = members {
        into.extend(members);
    }
}

fn verdict(config: &Config, warnings: &Diagnostics) -> String {
    let enabled = config.sources.enabled().count();
    format!(
        "ok: {} ({enabled} enabled, {} disabled), {}, {}, region {}",
        counted(config.sources.len() as u64, "source"),
        config.sources.len() - enabled,
        counted(config.decisions.len() as u64, "decision"),
        counted(warnings.count(Severity::Warning) as u64, "warning"),
        config.region.name().unwrap_or("without limit"),
    )
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure::failed(format!(
            "cannot write the result as JSON: {error}; this is a fault of guichet, please report it"
        ))
    }
}
