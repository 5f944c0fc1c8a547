//! `guichet sources list`: every source with its state.

use crate::cli::Ended;
use crate::cli::args::Reading;
use crate::cli::context::Opened;
use crate::cli::output::{Column, Out};
use crate::cli::status::{self, when};
use crate::daemon::exit::Exit;

const COLUMNS: [Column; 6] = [
    Column::left("source"),
    Column::left("state"),
    Column::right("records"),
    Column::left("last success"),
    Column::left("name"),
    Column::left("url"),
];

/// Prints one line a source, by id; orphans too.
pub(in crate::cli) fn list(opened: &Opened, args: &Reading) -> Ended {
    let (status, _) = status::read(opened)?;
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        out.json(&serde_json::json!({ "sources": status.sources }))?;
    } else {
        let row = |s: &crate::daemon::status::SourceStatus| {
            vec![
                s.id.clone(),
                s.state.to_owned(),
                s.records.received.to_string(),
                when(&s.last_success),
                s.name.clone(),
                s.url.clone(),
            ]
        };
        out.table(&COLUMNS, status.sources.iter().map(row))?;
    }
    out.finish()?;
    Ok(Exit::Done)
}
