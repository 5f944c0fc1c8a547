//! `guichet merge FILE…`: the merge of local files, as contrats.ndjson on stdout.
//!
//! Each file is a source of its own, under its file name. Files are read side by side; memory is
//! their observations. Needs no configuration and no data directory; every region is inside. The
//! decisions of overrides.toml are applied where `--config` names a configuration.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Ended;
use super::args::Merge;
use super::context::{Failure, Start};
use super::files::{self, Input};
use super::output::{Out, counted};
use crate::daemon::exit::Exit;
use crate::daemon::merge_run::Decisions;
use crate::daemon::pipeline;
use crate::decode::{Ending, SplitOptions};
use crate::harvest::MAIN;
use crate::merge::{Authority, Candidate, Rule, Rules, SourceFacts, merge_decided};
use crate::publish::write_contract;
use crate::record::{Day, Observation, Siren};
use crate::reference::Region;
use crate::refine::{self, Context, Outcome};

/// One file, read.
struct File {
    /// Place and content of each record that has an identity.
    observations: Vec<(u32, Observation)>,
    quarantined: u64,
    /// Why it is not whole.
    partial: Option<String>,
}

pub(super) fn run(start: &Start, args: &Merge) -> Ended {
    let decisions = decisions(start)?;
    let day = files::today(start.clock);
    let read = files::each(&args.files, |path| read(path, day));
    let (mut whole, mut faulty, mut quarantined) = (0, 0, 0);
    let names = names(&args.files);
    let mut sources = Vec::new();
    let mut buyers: BTreeMap<Siren, Vec<Candidate>> = BTreeMap::new();
    for ((path, name), file) in args.files.iter().zip(names).zip(read) {
        match file {
            Ok(file) => {
                quarantined += file.quarantined;
                if let Some(why) = &file.partial {
                    complain(&format!("{}: {why}", path.display()));
                }
                if file.partial.is_some() {
                    faulty += 1
                } else {
                    whole += 1
                }
                let n = sources.len() as u32;
                sources.push(SourceFacts { id: name, authority: Authority::Platform, buyers: Vec::new() });
                for (position, observation) in file.observations {
                    let of = buyers.entry(observation.record.acheteur.siren()).or_default();
                    of.push(candidate(n, position, day, observation));
                }
            }
            Err(why) => {
                complain(&why);
                faulty += 1;
            }
        }
    }
    let read_at_all = !sources.is_empty();
    let rules = Rules::without_region();
    let rules = if args.ids_only { rules.without(Rule::AcrossFeeds) } else { rules };
    let contracts = write(buyers, &sources, &decisions, &rules)?;
    tracing::info!(
        "{} from {}; {} set aside (`guichet validate` says why)",
        counted(contracts, "contract"),
        counted(sources.len() as u64, "file"),
        counted(quarantined, "record")
    );
    // A cut file gave what stands before the cut: done, but partial.
    Ok(match Exit::of_run(whole, faulty) {
        Exit::Failed if read_at_all => Exit::Partial,
        exit => exit,
    })
}

/// The decisions of the configuration that `--config` names; none without it.
fn decisions(start: &Start) -> Result<Decisions, Failure> {
    match start.global.config {
        Some(_) => Ok(pipeline::decisions(&start.open()?.config)),
        None => {
            start.log(None)?;
            Ok(Decisions::new())
        }
    }
}

fn complain(why: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {why}\n").as_bytes());
}

fn read(path: &Path, day: Day) -> Result<File, String> {
    let input = Input::open(path)?;
    let region = Region::everywhere();
    let context = Context { region: &region, register: None, seen: day };
    let mut file = File { observations: Vec::new(), quarantined: 0, partial: None };
    let split = refine::read_all(input, &SplitOptions::default(), &context, &mut |item| {
        let places = item.places();
        match item.outcome {
            Outcome::Observation(observation) => file.observations.push((item.position, *observation)),
            Outcome::Quarantine { .. } | Outcome::OutOfRegion { .. } => file.quarantined += places,
        }
        ControlFlow::Continue(())
    });
    let split = split.map_err(|error| files::not_data(path, &error))?;
    file.partial = match split.ending {
        Ending::Complete => None,
        Ending::Cut { what } => Some(format!("the document stops inside {what}: the records before are merged")),
        Ending::Damaged { what } => {
            Some(format!("the document is damaged between its records ({what}): those that stand are merged"))
        }
    };
    Ok(file)
}

/// Each file's name, or its path as given where two have the same name.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |p: &Path| p.file_name().map_or_else(|| p.display().to_string(), |n| n.to_string_lossy().into_owned());
    let short: Vec<String> = paths.iter().map(|p| name(p)).collect();
    let twice = |n: &String| short.iter().filter(|other| *other == n).count() > 1;
    paths.iter().zip(&short).map(|(p, n)| if twice(n) { p.display().to_string() } else { n.clone() }).collect()
}

fn candidate(source: u32, position: u32, day: Day, observation: Observation) -> Candidate {
    Candidate {
        observation_id: (i64::from(source) << 32) | i64::from(position),
        source,
        resource: MAIN.to_owned(),
        position,
        also_in: Vec::new(),
        present: true,
        withdrawn: false,
        gone_since: None,
        resource_date: None,
        first_seen: day,
        observation,
    }
}

/// Writes each contract on a line. A uid begins with the buyer's SIREN, so that buyers in their
/// order give uids in theirs.
fn write(
    buyers: BTreeMap<Siren, Vec<Candidate>>,
    sources: &[SourceFacts],
    decisions: &Decisions,
    rules: &Rules,
) -> Result<u64, Failure> {
    let mut out = Out::stdout(false);
    let (mut line, mut n) = (Vec::new(), 0);
    for (siren, candidates) in buyers {
        let own = decisions.get(&siren).map_or(&[][..], Vec::as_slice);
        for contract in merge_decided(siren, sources, candidates, own, rules).contracts {
            line.clear();
            write_contract(&mut line, &contract);
            line.push(b'\n');
            out.bytes(&line)?;
            n += 1;
        }
    }
    out.finish()?;
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_one_name_are_told_apart_by_their_paths() {
        let paths = ["a/decp.json", "b/decp.json", "c/other.xml"].map(PathBuf::from);
        assert_eq!(names(&paths), ["a/decp.json", "b/decp.json", "other.xml"]);
    }
}
