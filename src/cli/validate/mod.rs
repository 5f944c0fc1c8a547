//! `guichet validate FILE…`: the same reading and the same rules as a harvest, on local files, for
//! whoever produces data. Needs no configuration and no data directory.
//!
//! Files are read side by side, one record at a time; what is held of a file is its counts and the
//! first examples of each rule.

mod json;
mod text;
mod words;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use super::Ended;
use super::args::{InputFormat, Validate};
use super::context::Start;
use super::files::{self, Input};
use super::output::Out;
use crate::daemon::exit::Exit;
use crate::decode::{Ending, Note, Split, SplitOptions};
use crate::record::{Day, Field, Finding, Format, Observation, Severity};
use crate::reference::Region;
use crate::refine::{self, Context, Outcome, ReadItem, Rule};

/// Examples kept of each rule: enough to find the habit behind them.
const EXAMPLES: usize = 3;

/// What was found in one file.
#[derive(Debug, Default)]
struct FileReport {
    /// Path as given.
    file: String,
    /// Why it was not read at all.
    error: Option<String>,
    /// `decp-json`, `decp-xml`.
    format: &'static str,
    encoding: &'static str,
    /// Why the document is not whole.
    damage: Option<Damage>,
    records: u64,
    /// Records that have an identity.
    accepted: u64,
    quarantined: u64,
    /// Of the accepted: at least one value was repaired.
    repaired: u64,
    /// Of the accepted: declared in the 2019, the 2022 edition.
    editions: [u64; 2],
    /// By severity, worst first, then by code.
    rules: BTreeMap<(Weight, Cow<'static, str>), Group>,
    /// Fields that the official schema requires and that an accepted record lacks.
    missing: BTreeMap<Field, u64>,
}

/// How the document ends otherwise than whole.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Damage {
    Cut(String),
    Damaged(String),
}

/// What a finding weighs, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Quarantine,
    Error,
    Warning,
    Repaired,
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Repaired => Self::Repaired,
        }
    }
}

impl Weight {
    fn name(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Repaired => "repaired",
        }
    }
}

/// One rule's findings.
#[derive(Debug, Default)]
struct Group {
    count: u64,
    examples: Vec<Example>,
}

/// Where a rule was broken.
#[derive(Debug)]
struct Example {
    /// 0-based place among the records; none for the document around them.
    position: Option<u32>,
    /// Where the record's bytes begin.
    offset: Option<u64>,
    /// The record's own id.
    id: Option<String>,
    field: String,
    value: String,
}

pub(super) fn run(start: &Start, args: &Validate) -> Ended {
    start.log(None)?;
    let day = files::today(start.clock);
    let options = SplitOptions {
        encoding: args.encoding,
        columns: args.columns.iter().cloned().collect(),
        ..SplitOptions::default()
    };
    let reports = files::each(&args.files, |path| read(path, args.format, &options, day));
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        out.json(&json::document(&reports))?;
    } else {
        text::print(&reports, words::Language::of_the_user(), &mut out)?;
    }
    out.finish()?;
    Ok(if reports.iter().all(FileReport::is_good) { Exit::Done } else { Exit::Failed })
}

fn read(path: &Path, format: InputFormat, options: &SplitOptions, day: Day) -> FileReport {
    let mut report = FileReport { file: path.display().to_string(), ..FileReport::default() };
    match Input::open(path) {
        Ok(input) => report.read(path, input, (format, options), day),
        Err(why) => report.error = Some(why),
    }
    report
}

impl FileReport {
    /// No record lost, nothing that is an error, and the document is whole.
    fn is_good(&self) -> bool {
        let bad = |(weight, _): &(Weight, Cow<'static, str>)| *weight <= Weight::Error;
        self.error.is_none() && self.damage.is_none() && !self.rules.keys().any(bad)
    }

    fn count(&self, weight: Weight) -> u64 {
        self.rules.iter().filter(|((w, _), _)| *w == weight).map(|(_, group)| group.count).sum()
    }

    fn read(&mut self, path: &Path, input: impl std::io::Read, how: (InputFormat, &SplitOptions), day: Day) {
        let (format, options) = how;
        let region = Region::everywhere();
        let context = Context { region: &region, register: None, seen: day };
        let split = refine::read_all(input, options, &context, &mut |item| {
            self.item(item);
            ControlFlow::Continue(())
        });
        match split {
            Ok(split) => self.document(split, format),
            Err(error) => self.error = Some(files::not_data(path, &error)),
        }
    }

    fn document(&mut self, split: Split, asked: InputFormat) {
        self.format = split.dialect.format();
        if asked != InputFormat::Auto && asked.name() != self.format {
            self.error = Some(format!(
                "{}: is {} by its content, not {} as --format says; leave --format out",
                self.file,
                self.format,
                asked.name()
            ));
        }
        self.encoding = split.encoding;
        self.damage = match split.ending {
            Ending::Complete => None,
            Ending::Cut { what } => Some(Damage::Cut(what)),
            Ending::Damaged { what } => Some(Damage::Damaged(what)),
        };
        for Note { code, field, value } in split.notes {
            let weight = Rule::from_code(code).map_or(Weight::Warning, |rule| rule.severity().into());
            let example = Example { position: None, offset: None, id: None, field: field.into_owned(), value };
            self.add(weight, code.into(), || example);
        }
    }

    fn item(&mut self, item: ReadItem<'_>) {
        let places = item.places();
        self.records += places;
        let at = (item.position, item.offset);
        match item.outcome {
            Outcome::Observation(o) => {
                self.accepted += places;
                self.observation(&o, at);
            }
            // Everywhere is inside: this reading has no region to be out of.
            Outcome::OutOfRegion { .. } => self.accepted += places,
            Outcome::Quarantine { reason, detail } => {
                self.quarantined += places;
                self.add(Weight::Quarantine, reason.into(), || Example {
                    position: Some(at.0),
                    offset: Some(at.1),
                    id: None,
                    field: String::new(),
                    value: detail,
                });
            }
        }
    }

    fn observation(&mut self, o: &Observation, (position, offset): (u32, u64)) {
        self.editions[usize::from(o.format != Format::V2019)] += 1;
        self.repaired += u64::from(o.findings.iter().any(|f| f.severity == Severity::Repaired));
        for Finding { code, field, value, severity } in &o.findings {
            self.add((*severity).into(), code.clone(), || Example {
                position: Some(position),
                offset: Some(offset),
                id: Some(o.record.id.to_string()),
                field: field.to_string(),
                value: value.clone(),
            });
        }
        for field in refine::missing(o) {
            *self.missing.entry(field).or_default() += 1;
        }
    }

    fn add(&mut self, weight: Weight, code: Cow<'static, str>, example: impl FnOnce() -> Example) {
        let group = self.rules.entry((weight, code)).or_default();
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(example());
        }
    }

    /// Worst first, the most frequent first.
    fn ranked(&self) -> Vec<(Weight, &str, &Group)> {
        let mut all: Vec<_> =
            self.rules.iter().map(|((weight, code), group)| (*weight, code.as_ref(), group)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.count.cmp(&a.2.count)).then(a.1.cmp(b.1)));
        all
    }
}
