//! `guichet completions SHELL`: a completion script, made from the command line's definition.

use std::io::Write;

use clap::CommandFactory as _;

use super::args::{Args, Completions};
use super::output::{Out, OutputError};

/// Prints the script, as in `guichet completions bash > …/bash-completion/completions/guichet`.
pub fn run<W: Write>(args: &Completions, out: &mut Out<W>) -> Result<(), OutputError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "guichet", &mut script);
    out.bytes(&script)
}

#[cfg(test)]
mod tests {
    use super::super::output::Shape;
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn every_shell_completes_the_commands() {
        for &shell in clap_complete::Shell::value_variants() {
            let mut out = Out::new(Vec::new(), Shape::Plain);
            run(&Completions { shell }, &mut out).unwrap();
            let script = String::from_utf8(out.finish().unwrap()).unwrap();
            assert!(script.contains("harvest") && script.contains("accept-shrink"), "{shell}");
        }
    }
}
