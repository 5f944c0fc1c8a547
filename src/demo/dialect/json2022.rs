//! JSON of the 2022 format: an object of two lists, marchés first, a record a line; each item of a
//! list is wrapped in its name.

use super::node::{self, Json, Node};

pub(super) const HEAD: &str = "{\"marches\":{\"marche\":[\n";
pub(super) const BETWEEN: &str = ",\n";

/// The end of the first list, and the second one.
pub(super) fn tail(concessions: &str) -> String {
    format!("\n],\"contrat-concession\":[{concessions}\n]}}}}\n")
}

/// The end of the first list and the second one, up to where its next record would begin.
pub(super) fn to_late(concessions: &str) -> String {
    let comma = if concessions.is_empty() { "" } else { BETWEEN };
    format!("\n],\"contrat-concession\":[{concessions}{comma}")
}

/// One record.
pub(super) fn record(tree: &Node, ascii: bool) -> String {
    let mut out = String::with_capacity(1536);
    node::json(
        tree,
        Json {
            wrapped: true,
            ascii,
            pretty: false,
        },
        0,
        &mut out,
    );
    out
}
