//! A reload as a plan: which sources start, restart and stop. Pure; the daemon applies it whole.

use std::collections::BTreeSet;

use super::sources_toml::Sources;

/// What a new configuration changes for the sources that are harvested, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reload {
    /// New, or enabled again.
    pub start: BTreeSet<String>,
    /// Still there, with another stanza.
    pub restart: BTreeSet<String>,
    /// Gone, or disabled. What they said stays.
    pub stop: BTreeSet<String>,
}

impl Reload {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty() && self.restart.is_empty() && self.stop.is_empty()
    }
}

/// What changes from `old` to `new`.
pub fn plan(old: &Sources, new: &Sources) -> Reload {
    let ids = |sources: &Sources| sources.enabled().map(|s| s.id.clone()).collect::<BTreeSet<_>>();
    let (before, after) = (ids(old), ids(new));
    Reload {
        start: &after - &before,
        stop: &before - &after,
        restart: (&before & &after).into_iter().filter(|id| old.get(id) != new.get(id)).collect(),
    }
}
