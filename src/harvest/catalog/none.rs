//! No catalogue: the source's address is its one file.

use super::{Listing, Resource};
use crate::harvest::ShownUrl;
use crate::harvest::access::SourceAccess;

/// Id of the one resource of a source without catalogue.
pub const MAIN: &str = "main";

/// The one file; `include` and `exclude` have nothing to choose from.
pub(super) fn list(source: &SourceAccess) -> Listing {
    let resource = Resource::new(MAIN, &source.url, &file_name(&source.url));
    Listing { resources: vec![resource], listed: 1, ..Listing::default() }
}

/// Last non-empty part of the path of an address, else the address, without secrets.
pub(super) fn file_name(url: &str) -> String {
    let shown = ShownUrl::of_text(url);
    let path = shown.as_str().split('?').next().unwrap_or_default();
    match path.trim_end_matches('/').rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => shown.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_catalogue_has_one_resource_named_by_its_file() {
        let source = SourceAccess { url: "https://u:p@a.fr/data/decp.json?token=x".into(), ..SourceAccess::default() };
        let listing = list(&source);
        let one = &listing.resources[0];
        assert_eq!((one.id.as_str(), one.title.as_str()), ("main", "decp.json"));
        assert_eq!(one.url, source.url);
        assert_eq!(listing.incomplete, None);
    }
}
