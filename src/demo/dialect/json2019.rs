//! JSON of the 2019 format: one bare list, indented, each record with its `_type`.

use super::node::{self, Json, Node};
use crate::record::{Kind, Record};

pub(super) const HEAD: &str = "{\n  \"marches\": [\n    ";
pub(super) const BETWEEN: &str = ",\n    ";
pub(super) const TAIL: &str = "\n  ]\n}\n";

/// One record.
pub(super) fn record(r: &Record, tree: &Node, ascii: bool) -> String {
    let mut tree = tree.clone();
    if matches!(&tree, Node::Fields(f) if !f.is_empty()) {
        let kind = match r.kind {
            Kind::Marche => "Marché",
            Kind::Concession => "Contrat de concession",
        };
        tree.push("_type", Node::text(kind));
    }
    let mut out = String::with_capacity(2048);
    node::json(
        &tree,
        Json {
            wrapped: false,
            ascii,
            pretty: true,
        },
        2,
        &mut out,
    );
    out
}
