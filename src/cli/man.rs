//! `guichet man`: the man pages, made from the command line's definition.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::args::{Args, Man};
use super::output::{Out, OutputError};
use crate::daemon::exit::Exit;

/// Why the pages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ManError {
    /// Stdout.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A page's file.
    #[error("cannot write the man page {}: {cause}; check that the directory can be written", .path.display())]
    File {
        /// The file, or the directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
}

impl ManError {
    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            ManError::Output(error) => error.exit(),
            ManError::File { .. } => Exit::Failed,
        }
    }
}

/// Prints guichet(1), or writes one page per command into a directory.
pub fn run<W: Write>(args: &Man, out: &mut Out<W>) -> Result<(), ManError> {
    let mut command = Args::command();
    command.build();
    match &args.dir {
        None => Ok(out.bytes(&page(&command, "guichet").map_err(OutputError::from)?)?),
        Some(dir) => {
            let made = std::fs::create_dir_all(dir);
            made.map_err(|cause| ManError::File { path: dir.clone(), cause })?;
            write_all(dir, &command, "guichet")
        }
    }
}

/// One page for `command` and each of its subcommands, named as git names its own.
fn write_all(dir: &Path, command: &clap::Command, name: &str) -> Result<(), ManError> {
    let path = dir.join(format!("{name}.1"));
    page(command, name).and_then(|page| std::fs::write(&path, page)).map_err(|cause| ManError::File { path, cause })?;
    command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
        .try_for_each(|sub| write_all(dir, sub, &format!("{name}-{}", sub.get_name())))
}

fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .section("1")
        .source(format!("guichet {}", env!("CARGO_PKG_VERSION")))
        .render(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::output::Shape;
    use super::*;

    #[test]
    fn the_page_on_stdout_lists_commands_and_exit_codes() {
        let mut out = Out::new(Vec::new(), Shape::Plain);
        run(&Man::default(), &mut out).unwrap();
        let page = String::from_utf8(out.finish().unwrap()).unwrap();
        assert!(page.contains(".TH guichet 1"), "{page}");
        for word in ["harvest", "explain", "publication refused by a gate", "GUICHET_NOW"] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }

    #[test]
    fn a_directory_gets_one_page_per_command() {
        let dir = tempfile::tempdir().unwrap();
        let args = Man { dir: Some(dir.path().join("man1")) };
        run(&args, &mut Out::new(Vec::new(), Shape::Plain)).unwrap();
        for name in ["guichet", "guichet-run", "guichet-sources-probe", "guichet-db-restore"] {
            assert!(dir.path().join(format!("man1/{name}.1")).is_file(), "{name}");
        }
    }
}
