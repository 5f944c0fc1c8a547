//! Making the register's table takes the memory that it is given, whatever the size of the extract: alone in
//! its process, so that the peak is its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::io::{BufWriter, Write};

use guichet::record::Siren;
use guichet::reference::Register;
use guichet::reference::register::{Memory, TABLE_FILE};

/// Peak of the process so far, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

const UNITS: u32 = 400_000;

#[test]
fn the_table_of_a_large_extract_is_made_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("units.csv");
    let mut out = BufWriter::new(std::fs::File::create(&path).unwrap());
    let header = "siren,statutDiffusionUniteLegale,denominationUniteLegale,nomUniteLegale,categorieJuridiqueUniteLegale,categorieEntreprise";
    writeln!(out, "{header},codeCommuneEtablissement").unwrap();
    let siren = |n: u32| 100_000_000 + n * 2000;
    for n in 0..UNITS {
        // In no order: a prime that does not divide their number.
        let n = (u64::from(n) * 7919 % u64::from(UNITS)) as u32;
        let name = format!("ENTREPRISE NUMERO {n} {}", "DE TRAVAUX PUBLICS ET PARTICULIERS ".repeat(4));
        writeln!(out, "{},O,{name},,5710,PME,31555", siren(n)).unwrap();
    }
    out.into_inner().unwrap().sync_all().unwrap();
    let before = peak();
    let files = [path];
    let register = Register::current(&files, dir.path(), Memory { run_bytes: 2 << 20 }, |_| {}).unwrap();
    let grown = peak() - before;
    let table = std::fs::metadata(dir.path().join(TABLE_FILE)).unwrap().len();
    println!("{} MB of table, {} MB of memory", table / 1_000_000, grown / 1_000_000);
    assert_eq!(register.made().units, u64::from(UNITS));
    assert!(table > 60_000_000, "{table}");
    assert!(grown < 24_000_000, "{grown} bytes for a table of {table}");
    for n in [0, 1, UNITS / 2, UNITS - 1] {
        let unit = register.unit(&Siren::parse(&siren(n).to_string()).unwrap()).unwrap().unwrap();
        assert!(unit.name.unwrap().starts_with(&format!("ENTREPRISE NUMERO {n} ")));
    }
}
