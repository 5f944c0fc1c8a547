//! `guichet sources list|show|probe|forget`.

mod forget;
mod list;
mod probe;
mod show;
mod stanza;

pub(super) use forget::forget;
pub(super) use list::list;
pub(super) use probe::{best, probe, recognise};
pub(super) use show::show;

use super::context::{Failure, Opened};
use crate::config;

/// An id that neither the configuration nor the store knows, with the nearest one that is known.
fn unknown(id: &str, opened: &Opened, stored: &[String]) -> Failure {
    let configured = opened.config.sources.iter().map(|s| s.id.as_str());
    let help = match config::nearest(id, configured.chain(stored.iter().map(String::as_str))) {
        Some(right) => format!("did you mean `{right}`?"),
        None => "`guichet sources list` shows those that are".to_owned(),
    };
    Failure::usage(format!(
        "the source `{id}` is not known, neither in {} nor in the store: {help}",
        opened.config.files.sources.display()
    ))
}
