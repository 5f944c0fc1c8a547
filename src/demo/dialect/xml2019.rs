//! XML of the 2019 format: `<marche>` and `<contrat-concession>` mixed in `<marches>`, an element a
//! line; lists hold an element for each item.

use super::node::{self, Node};

/// The declaration and the root, with the encoding that the file is in.
pub(super) fn head(encoding: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>\n<marches>")
}

/// One record.
pub(super) fn record(element: &str, tree: &Node) -> String {
    let mut out = String::with_capacity(2048);
    node::xml(element, tree, 1, &mut out);
    out.trim_start_matches('\n').to_owned()
}
