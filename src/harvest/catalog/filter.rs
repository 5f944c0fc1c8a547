//! What every catalogue's list goes through: one entry per id, `include` and `exclude`, order.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Listing, Resource};
use crate::harvest::access::SourceAccess;
use crate::harvest::fault::{FetchError, FetchFault};
use crate::harvest::{Harvester, ShownUrl};

/// Longest id taken from a catalogue, in bytes: data.gouv.fr's are 36.
const ID_BYTES: usize = 200;

/// Warnings kept: a hostile catalogue can earn any number.
const WARNINGS: usize = 50;

/// What a catalogue gave, before any choice.
#[derive(Default)]
pub(super) struct Found {
    resources: BTreeMap<String, Resource>,
    pub(super) incomplete: Option<String>,
    pub(super) warnings: Vec<String>,
    /// What the catalogue calls itself.
    pub(super) title: Option<String>,
    /// The licence that it declares, as it writes it.
    pub(super) licence: Option<String>,
}

impl Found {
    /// Takes one entry. False when it is there already or cannot be used.
    pub(super) fn add(&mut self, resource: Resource) -> bool {
        let id = &resource.id;
        if id.is_empty() || id.len() > ID_BYTES || id.chars().any(char::is_control) {
            let shown: String = id.escape_debug().take(80).collect();
            self.warn(format!("a resource whose id cannot be used: `{shown}`"));
            return false;
        }
        if self.resources.contains_key(id) {
            self.warn(format!("resource {id} is listed more than once; the first stands"));
            return false;
        }
        self.resources.insert(id.clone(), resource);
        true
    }

    pub(super) fn warn(&mut self, text: String) {
        if self.warnings.len() < WARNINGS {
            self.warnings.push(text);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.resources.len()
    }
}

/// Makes the listing: what is included and not excluded, sorted by id.
pub(super) fn finish(harvester: &Harvester, source: &SourceAccess, found: Found) -> Result<Listing, FetchError> {
    let globs = |patterns| set(patterns).map_err(|fault| harvester.error(source, None, &source.url, fault, 0));
    let (include, exclude) = (globs(&source.include)?, globs(&source.exclude)?);
    let Found { resources, mut incomplete, mut warnings, title, licence } = found;
    let listed = resources.len();
    if listed == 0 && incomplete.is_none() {
        // A catalogue that empties itself is a failure until somebody says otherwise.
        incomplete = Some("the catalogue lists no resource".into());
    }
    let resources: Vec<Resource> = resources
        .into_values()
        .filter(|r| (source.include.is_empty() || matches(&include, r)) && !matches(&exclude, r))
        .collect();
    if resources.is_empty() && listed > 0 {
        warnings.push(format!("none of the {listed} resources passes `include` and `exclude`"));
    }
    Ok(Listing { resources, listed, incomplete, warnings, title, licence })
}

fn matches(set: &GlobSet, resource: &Resource) -> bool {
    set.is_match(&resource.title) || set.is_match(ShownUrl::of_text(&resource.url).as_str())
}

/// Case does not count, and `*` crosses `/`: a pattern is written against a title or a whole address.
pub(super) fn set(patterns: &[String]) -> Result<GlobSet, FetchFault> {
    let bad = |e: globset::Error| FetchFault::Catalogue(format!("`include`/`exclude`: {e}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).case_insensitive(true).literal_separator(false).build().map_err(bad)?);
    }
    set.build().map_err(bad)
}

/// The ids found so far.
#[cfg(test)]
pub(super) fn ids(found: &Found) -> Vec<&str> {
    found.resources.keys().map(String::as_str).collect()
}

/// What was found so far.
#[cfg(test)]
pub(super) fn all(found: Found) -> Vec<Resource> {
    found.resources.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harvest::{Limits, NoProgress};
    use std::sync::Arc;

    fn resource(id: &str, title: &str) -> Resource {
        Resource::new(id, &format!("https://static.example.fr/files/{id}/{title}"), title)
    }

    fn chosen(include: &[&str], exclude: &[&str], found: Found) -> Vec<String> {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let source = SourceAccess { include: own(include), exclude: own(exclude), ..SourceAccess::default() };
        let harvester = Harvester::new(Limits::default(), Arc::new(NoProgress)).unwrap();
        let listing = finish(&harvester, &source, found).unwrap();
        listing.resources.into_iter().map(|r| r.id).collect()
    }

    fn found() -> Found {
        let mut found = Found::default();
        for (id, title) in [("c", "decp-2024.JSON"), ("a", "decp-2023.json"), ("b", "notice.pdf"), ("a", "again.json")]
        {
            found.add(resource(id, title));
        }
        found
    }

    #[test]
    fn resources_are_chosen_by_title_or_address_and_sorted_by_id() {
        assert_eq!(chosen(&[], &[], found()), ["a", "b", "c"]);
        assert_eq!(chosen(&["*.json"], &[], found()), ["a", "c"]);
        assert_eq!(chosen(&["*/files/b/*"], &[], found()), ["b"]);
        assert_eq!(chosen(&["decp-*"], &["*2023*"], found()), ["c"]);
        assert_eq!(found().warnings.len(), 1);
    }
}
