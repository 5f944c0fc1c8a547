//! The command line: one file per command, each of which parses nothing, calls a room, prints.
//!
//! In: arguments. Out: stdout for results, stderr for logs and errors, an exit code. Knows neither
//! SQL nor HTTP. [`args`] defines everything that can be typed, [`context`] what a command opens
//! before it works, and [`run`] is the one place where a command's failure is told.

mod archive;
pub mod args;
mod check;
pub mod completions;
pub mod context;
mod db;
mod demo;
mod explain;
mod files;
mod harvest;
pub mod logging;
pub mod man;
mod mask;
mod merge;
pub mod output;
mod progress;
mod publish;
mod quarantine;
mod redact;
mod replay;
mod run;
mod serve;
mod sources;
mod status;
mod validate;

use std::ffi::OsString;

use args::{Archive, Args, Command, Db, Quarantine, Sources};
use context::{Failure, Start};
use output::Out;

use crate::daemon::exit::Exit;

/// What every command gives: how it ended, or why it could not.
type Ended = Result<Exit, Failure>;

/// Reads the arguments, runs the command, tells its failure on stderr.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::read(arguments) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    match dispatch(&args) {
        Ok(exit) => exit,
        Err(failure) => failure.tell(),
    }
}

fn dispatch(args: &Args) -> Ended {
    let start = Start::new(args)?;
    match &args.command {
        // These need no configuration, or work without one.
        Command::Completions(a) => print(|out| completions::run(a, out)),
        Command::Man(a) => {
            let mut out = Out::stdout(false);
            man::run(a, &mut out).map_err(|e| Failure::new(e.exit(), e.to_string()).quiet_if(e.exit()))?;
            out.finish()?;
            Ok(Exit::Done)
        }
        Command::Validate(a) => validate::run(&start, a),
        Command::Merge(a) => merge::run(&start, a),
        Command::Demo(a) => demo::run(&start, a),
        Command::Check(a) => check::run(&start, a),
        Command::Serve(a) => serve::run(&start, a),
        Command::Sources(Sources::Probe { url, json }) => sources::probe(&start, url, *json),
        Command::Db(Db::Check(a)) => db::check(&start, a),
        Command::Db(Db::Backup { file }) => db::backup(&start, file),
        Command::Db(Db::Restore { file }) => db::restore(&start, file),
        // These work with the configured region, under its lock where they write.
        Command::Run => run::run(&start.open()?),
        Command::Harvest(a) => harvest::run(&start.open()?, a),
        Command::Publish(a) => publish::run(&start.open()?, a),
        Command::Redact(a) => redact::run(&start.open()?, a),
        Command::Mask(a) => mask::run(&start.open()?, a),
        Command::Replay(a) => replay::run(&start.open()?, a),
        Command::Quarantine(Quarantine::List { source, json }) => {
            quarantine::list(&start.open()?, source.as_deref(), *json)
        }
        Command::Quarantine(Quarantine::Show { n, json }) => quarantine::show(&start.open()?, *n, *json),
        Command::Quarantine(Quarantine::Retry) => quarantine::retry(&start.open()?),
        Command::Archive(Archive::Purge { hash, older_than, dry_run }) => {
            archive::purge(&start.open()?, *hash, *older_than, *dry_run)
        }
        Command::Status(a) => status::run(&start, a),
        Command::Explain(a) => explain::run(&start.open()?, a),
        Command::Sources(Sources::List(a)) => sources::list(&start.open()?, a),
        Command::Sources(Sources::Show { id, json }) => sources::show(&start.open()?, id, *json),
        Command::Sources(Sources::Forget { id }) => sources::forget(&start.open()?, id),
    }
}

/// Runs a command that only prints.
fn print(
    command: impl FnOnce(&mut Out<std::io::BufWriter<std::io::StdoutLock<'static>>>) -> Result<(), output::OutputError>,
) -> Ended {
    let mut out = Out::stdout(false);
    command(&mut out)?;
    out.finish()?;
    Ok(Exit::Done)
}
