//! XML of the 2022 format. The elements differ from those of 2019, the notation does not; booleans
//! are `oui` and `non`. The root names the schema, as the ministry's own examples do.

use super::node::Node;

/// The declaration and the root, with the encoding that the file is in.
pub(super) fn head(encoding: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"{encoding}\" standalone=\"yes\"?>\n<marches xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
    )
}

/// One record.
pub(super) fn record(element: &str, tree: &Node) -> String {
    super::xml2019::record(element, tree)
}
