//! Progress bars on stderr while payloads arrive; only where a terminal shows them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::harvest::Progress;

/// One bar per transfer under way.
pub(super) struct Bars {
    all: MultiProgress,
    open: Mutex<HashMap<(String, String), ProgressBar>>,
    style: ProgressStyle,
    spinner: ProgressStyle,
}

impl Bars {
    pub(super) fn new() -> Self {
        let style =
            |template: &str| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self {
            all: MultiProgress::new(),
            open: Mutex::default(),
            style: style("{prefix:32!} {wide_bar} {bytes:>10}/{total_bytes:<10} {eta:>4}"),
            spinner: style("{prefix:32!} {spinner} {bytes:>10}"),
        }
    }

    fn bars(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), ProgressBar>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bars {
    fn started(&self, source: &str, resource: &str, total: Option<u64>) {
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(self.style.clone()),
            None => ProgressBar::no_length().with_style(self.spinner.clone()),
        };
        let bar = self.all.add(bar.with_prefix(super::output::clean(&format!("{source} {resource}"))));
        self.bars().insert((source.to_owned(), resource.to_owned()), bar);
    }

    fn advanced(&self, source: &str, resource: &str, received: u64) {
        if let Some(bar) = self.bars().get(&(source.to_owned(), resource.to_owned())) {
            bar.set_position(received);
        }
    }

    fn finished(&self, source: &str, resource: &str) {
        if let Some(bar) = self.bars().remove(&(source.to_owned(), resource.to_owned())) {
            bar.finish_and_clear();
        }
    }
}
