//! `guichet check --online`: each enabled source asked for its list and for the beginning of one
//! file. Stores nothing; at most three requests a source, within the limits of `[harvest]`.

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinSet;
use url::Url;

use crate::cli::context::{Failure, runtime};
use crate::cli::output::{Column, Out, OutputError, counted};
use crate::cli::sources::{best, recognise};
use crate::config::{Config, Format, Source};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline;
use crate::harvest::{Catalog, Harvester, NoProgress, Resource, SourceAccess};

const COLUMNS: [Column; 4] =
    [Column::left("source"), Column::left("answers"), Column::right("resources"), Column::left("remark")];

/// How a source answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Answer {
    id: String,
    /// It lists at least one file, and the file asked for is data of a format that is read.
    ok: bool,
    /// Files that `include` and `exclude` let through.
    resources: Option<usize>,
    /// Format of the file looked at.
    format: Option<&'static str>,
    /// What is wrong, or worth knowing.
    remark: Option<String>,
}

/// Asks every enabled source, side by side.
pub(super) fn ask(config: &Config, now: Timestamp) -> Result<Vec<Answer>, Failure> {
    let harvester = Arc::new(pipeline::harvester(config, Arc::new(NoProgress))?);
    let mut answers = runtime()?.block_on(async {
        let mut tasks = JoinSet::new();
        for source in config.sources.enabled() {
            let (harvester, source) = (Arc::clone(&harvester), Arc::clone(source));
            tasks.spawn(async move { one(&harvester, &source, now).await });
        }
        tasks.join_all().await
    });
    answers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(answers)
}

async fn one(harvester: &Harvester, source: &Source, now: Timestamp) -> Answer {
    let mut answer = Answer { id: source.id.clone(), ok: false, resources: None, format: None, remark: None };
    match look(harvester, source, now, &mut answer).await {
        Ok(remark) => (answer.ok, answer.remark) = (true, remark),
        Err(why) => answer.remark = Some(why),
    }
    answer
}

/// A remark on a source that answers, or why it does not.
async fn look(
    harvester: &Harvester,
    source: &Source,
    now: Timestamp,
    answer: &mut Answer,
) -> Result<Option<String>, String> {
    let access = pipeline::access(source)?;
    let listing = harvester.list(&access, now).await.map_err(|e| e.to_string())?;
    answer.resources = Some(listing.resources.len());
    let Some(resource) = best(&listing.resources) else {
        return Err(match listing.listed {
            0 => "the catalogue lists no file".to_owned(),
            n => format!("`include` and `exclude` leave none of the {n} files of the catalogue"),
        });
    };
    let probe = harvester.probe(&file(&access, resource), now).await.map_err(|e| e.to_string())?;
    if probe.status != 200 {
        return Err(format!("the server answered {} for `{}`", probe.status, resource.title));
    }
    let format = recognise(&probe.prefix).map_err(|why| format!("`{}`: {why}", resource.title))?;
    answer.format = Some(format);
    if source.format != Format::Auto && source.format.word() != format {
        return Err(format!(
            "`{}` is {format}, and the stanza says format = \"{}\"",
            resource.title,
            source.format.word()
        ));
    }
    Ok(listing
        .incomplete
        .map(|why| format!("the list is incomplete: {why}"))
        .or_else(|| listing.warnings.into_iter().next()))
}

/// How one file of a source is reached. Its secrets go to the source's own host and no other.
fn file(access: &SourceAccess, resource: &Resource) -> SourceAccess {
    let origin = |url: &str| Url::parse(url).ok().map(|u| u.origin());
    let own = origin(&access.url).is_some_and(|own| origin(&resource.url) == Some(own));
    SourceAccess {
        url: resource.url.clone(),
        catalog: Catalog::None,
        headers: if own { access.headers.clone() } else { Vec::new() },
        credential: if own { access.credential.clone() } else { None },
        ..access.clone()
    }
}

/// 0 when all answer, 1 when none does, 3 in between.
pub(super) fn exit(answers: &[Answer]) -> Exit {
    let good = answers.iter().filter(|a| a.ok).count();
    Exit::of_run(good, answers.len() - good)
}

pub(super) fn table<W: Write>(answers: &[Answer], out: &mut Out<W>) -> Result<(), OutputError> {
    let row = |a: &Answer| {
        vec![
            a.id.clone(),
            a.format.filter(|_| a.ok).unwrap_or(if a.ok { "yes" } else { "no" }).to_owned(),
            a.resources.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            a.remark.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    out.table(&COLUMNS, answers.iter().map(row))?;
    let good = answers.iter().filter(|a| a.ok).count();
    out.line(&format!("online: {good} of {} answer with data", counted(answers.len() as u64, "enabled source")))
}
