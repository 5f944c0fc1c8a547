//! DECP in XML: the names of records and of what stands above them.
//!
//! In: the bytes of one element. Out: a [`RawRecord`]. The fields themselves have the same names in
//! JSON and XML: see `decp`; a record with the columns of the Région Bretagne goes through
//! `region_bretagne` first.

use crate::record::Kind;

use super::text::utf8;
use super::tree::Tree;
use super::{RawRecord, Reject, decp, decp_json, region_bretagne, xml};

/// The local names of elements that are records.
pub(super) const RECORDS: [&[u8]; 2] = [b"marche", b"contrat-concession"];

/// Whether an element of this local name is a record.
pub(super) fn is_record(name: &[u8]) -> bool {
    RECORDS.contains(&name)
}

/// Whether an element of this local name may hold records, or none: a document that is empty and well formed.
pub(super) fn is_root(name: &[u8]) -> bool {
    matches!(name, b"marches" | b"csv")
}

/// Reads one record.
pub(super) fn parse(bytes: &[u8]) -> Result<RawRecord, Reject> {
    let (text, damage) = utf8(bytes);
    let xml::Element { name, tree, mut notes } = xml::parse(&text)?;
    decp_json::damage_note(damage, &mut notes);
    let kind = if name == "marche" { Kind::Marche } else { Kind::Concession };
    match tree {
        Tree::Null => Err(Reject::new("empty", "a record without any field")),
        tree @ Tree::Map(_) if tree.is_empty() => Err(Reject::new("empty", "a record without any value")),
        Tree::Map(fields) if region_bretagne::is_ours(&fields) => Ok(region_bretagne::record(fields, notes, true)),
        Tree::Map(fields) => Ok(decp::record(fields, Some(kind), decp::Carrier::Xml, notes)),
        other => Err(Reject::new("not-an-object", format!("{} in the place of a record", other.show(80)))),
    }
}
