//! The sources and resources that a publication names, found by id: sorted, so that their numbers
//! in guichet.sqlite do not depend on the order in which they came.

use std::collections::HashMap;

use super::input::{ResourceRow, SourceRow};

/// Sources and resources, numbered from 0 in the order of their ids.
pub(super) struct Catalog {
    /// In the order of id.
    pub(super) sources: Vec<SourceRow>,
    /// In the order of (source, id).
    pub(super) resources: Vec<ResourceRow>,
    source_numbers: HashMap<String, usize>,
    /// Resource numbers by id, per source.
    resource_numbers: HashMap<String, HashMap<String, usize>>,
}

impl Catalog {
    /// Sorts and indexes; of two rows with one id the first is kept.
    pub(super) fn new(mut sources: Vec<SourceRow>, mut resources: Vec<ResourceRow>) -> Self {
        sources.sort_by(|a, b| a.id.cmp(&b.id));
        sources.dedup_by(|b, a| a.id == b.id);
        resources.sort_by(|a, b| (&a.source, &a.id).cmp(&(&b.source, &b.id)));
        resources.dedup_by(|b, a| (&a.source, &a.id) == (&b.source, &b.id));
        let source_numbers = sources.iter().enumerate().map(|(i, s)| (s.id.clone(), i)).collect();
        let mut resource_numbers: HashMap<String, HashMap<String, usize>> = HashMap::new();
        for (i, r) in resources.iter().enumerate() {
            resource_numbers.entry(r.source.clone()).or_default().insert(r.id.clone(), i);
        }
        Self { sources, resources, source_numbers, resource_numbers }
    }
    /// Number of a source.
    pub(super) fn source_number(&self, id: &str) -> Option<usize> {
        self.source_numbers.get(id).copied()
    }
    /// Number of a resource.
    pub(super) fn resource_number(&self, source: &str, id: &str) -> Option<usize> {
        self.resource_numbers.get(source)?.get(id).copied()
    }
    /// A resource.
    pub(super) fn resource(&self, source: &str, id: &str) -> Option<&ResourceRow> {
        self.resources.get(self.resource_number(source, id)?)
    }
}
