//! Serves the files of a folder on loopback, for whole-process measures: `upstream DIR` prints the
//! address and lives until its standard input ends.

use std::io::Read as _;

fn main() -> std::io::Result<()> {
    let Some(dir) = std::env::args_os().nth(1) else {
        eprintln!("usage: upstream DIR");
        std::process::exit(2);
    };
    let upstream = guichet::demo::Upstream::start()?;
    upstream.serve_dir("/", std::path::Path::new(&dir));
    println!("{}", upstream.url("/"));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
