//! Whether what a publication counts is what the world put in (law L0), and whether its files hold
//! what its manifest says.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{CheckError, Verdict};
use crate::demo::ledger::Ledger;
use crate::demo::truth::Counts;
use crate::demo::world::World;

#[derive(Deserialize)]
struct Quality {
    sources: Vec<SourceCounts>,
}

#[derive(Deserialize)]
struct SourceCounts {
    source: String,
    received: u64,
    accepted: u64,
    superseded: u64,
    repeats: u64,
    quarantined: u64,
    out_of_region: u64,
    repaired: u64,
}

#[derive(Deserialize)]
struct Manifest {
    files: Vec<ManifestFile>,
    #[serde(default)]
    left_out: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct ManifestFile {
    name: String,
    bytes: u64,
    rows: Option<u64>,
}

/// Compares `quality.json` source by source.
pub(super) fn quality(
    publication: &Path,
    world: &World,
    ledger: &Ledger,
    verdict: &mut Verdict,
) -> Result<(), CheckError> {
    let quality: Quality = read(&publication.join("quality.json"))?;
    for q in &quality.sources {
        verdict.records += q.received;
        verdict.repaired += q.repaired;
        verdict.quarantined += q.quarantined;
        if !world.profiles().iter().any(|p| p.id == q.source) {
            verdict.wrong(format!("quality.json counts a source that is none: {}", q.source));
        }
    }
    for (profile, right) in world.profiles().iter().zip(&ledger.counts) {
        let mut all = quality.sources.iter().filter(|q| q.source == profile.id);
        match (all.next(), right.received) {
            (Some(said), _) => source(said, right, verdict),
            (None, 0) => {}
            (None, n) => verdict.wrong(format!("{}: quality.json does not count its {n} records", profile.id)),
        }
        if all.next().is_some() {
            verdict.wrong(format!("{}: quality.json counts it twice", profile.id));
        }
    }
    Ok(())
}

fn source(said: &SourceCounts, right: &Counts, verdict: &mut Verdict) {
    let pairs = [
        ("received", said.received, right.received),
        ("accepted", said.accepted, right.accepted),
        ("superseded", said.superseded, right.superseded),
        ("repeats", said.repeats, right.repeats),
        ("quarantined", said.quarantined, right.quarantined),
        ("out_of_region", said.out_of_region, right.out_of_region),
    ];
    let differing = pairs.iter().filter(|(_, said, right)| said != right);
    let differing: Vec<_> = differing.map(|(name, said, right)| format!("{name} {said}, in truth {right}")).collect();
    if !differing.is_empty() {
        verdict.wrong(format!("{}: {}", said.source, differing.join("; ")));
    }
    if right.misspelled > 0 && said.repaired == 0 {
        verdict.wrong(format!("{}: {} misspelled records, none repaired", said.source, right.misspelled));
    }
}

/// Compares the rows of the official files with the contracts that belong there: what is in a file
/// and what is left out of it add up.
pub(super) fn manifest(
    publication: &Path,
    ledger: &Ledger,
    told: &[u32],
    verdict: &mut Verdict,
) -> Result<(), CheckError> {
    let manifest: Manifest = read(&publication.join("manifest.json"))?;
    let rows = |name: &str| manifest.files.iter().find(|f| f.name == name).and_then(|f| f.rows);
    for f in &manifest.files {
        let bytes = std::fs::metadata(publication.join(&f.name)).map_or(0, |m| m.len());
        if bytes != f.bytes {
            verdict.wrong(format!("{} has {bytes} bytes, its manifest says {}", f.name, f.bytes));
        }
    }
    let published = verdict.contracts as u64;
    if let Some(said) = rows("contrats.ndjson").filter(|n| *n != published) {
        verdict.wrong(format!("contrats.ndjson has {published} lines, its manifest says {said}"));
    }
    let in_2022 = |wanted: bool| {
        ledger.contracts.iter().zip(told).filter(|(c, told)| **told > 0 && c.in_2022 == wanted).count() as u64
    };
    for (base, right) in [("decp", in_2022(true)), ("decp-2019", in_2022(false))] {
        let out: u64 = manifest.left_out.get(base).map_or(0, |reasons| reasons.values().sum());
        for name in [format!("{base}.json"), format!("{base}.xml")] {
            if let Some(said) = rows(&name).filter(|n| n + out != right) {
                verdict.wrong(format!("{name} has {said} rows and {out} are left out, in truth {right}"));
            }
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, CheckError> {
    let fail = |why: String| CheckError { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| fail(e.to_string()))
}
