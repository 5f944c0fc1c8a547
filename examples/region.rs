//! The simulated region alone, for programs that run guichet on it from outside: `region DIR [SEED
//! [CONTRACTS [SOURCES]]]` writes the configuration of the region into DIR, serves it on loopback,
//! prints `night 1`, and shows the night whose number each line of its standard input holds,
//! until that ends.

use std::error::Error;
use std::io::BufRead as _;

use guichet::demo::{Stage, World};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(dir) = arguments.next() else {
        eprintln!("usage: region DIR [SEED [CONTRACTS [SOURCES]]]");
        std::process::exit(2);
    };
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (seed, contracts, sources) = (number(1)?, number(400)?, number(8)?);
    let world = World::new(seed, usize::try_from(contracts)?, usize::try_from(sources)?);
    let stage = Stage::open(std::path::Path::new(&dir), &world)?;
    println!("night 1");
    for line in std::io::stdin().lock().lines() {
        let night = world.night(line?.trim().parse()?);
        stage.show(&night)?;
        println!("night {}", night.which_night());
    }
    Ok(())
}
