//! quality.json: how good the data of each source and of each buyer is, in counts.
//!
//! The counts are made by the store, in one place; this file only gives them their public shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name of the file.
pub(super) const QUALITY: &str = "quality.json";

/// The counts of every source and buyer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// In the order of their ids.
    pub sources: Vec<SourceQuality>,
    /// In the order of their SIRENs.
    pub buyers: Vec<BuyerQuality>,
}

/// What became of the records of a source's current payloads (contract.md §6):
/// `received = accepted + superseded + repeats + quarantined + out_of_region`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceQuality {
    /// Id of the source.
    pub source: String,
    /// Records in its current payloads.
    pub received: u64,
    /// Of these, in a contract of the region.
    pub accepted: u64,
    /// Of these, another content of a contract that won over them.
    pub superseded: u64,
    /// Of these, the same content again in one resource.
    pub repeats: u64,
    /// Of these, unreadable or without identity.
    pub quarantined: u64,
    /// Of these, of a buyer and a place outside the region.
    pub out_of_region: u64,
    /// Accepted ones of which a value was repaired.
    pub repaired: u64,
    /// Accepted ones published more than two months after the notification.
    pub late: u64,
    /// Accepted ones that lack a field.
    pub missing: BTreeMap<String, u64>,
    /// Findings by rule.
    pub rules: BTreeMap<String, u64>,
}

/// The same for a buyer, whatever the source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BuyerQuality {
    /// SIREN.
    pub buyer: String,
    /// Name, as last declared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Accepted records.
    pub accepted: u64,
    /// Accepted ones of which a value was repaired.
    pub repaired: u64,
    /// Accepted ones that lack a field.
    pub missing: BTreeMap<String, u64>,
    /// Findings by rule.
    pub rules: BTreeMap<String, u64>,
}

impl SourceQuality {
    /// Whether every record received is counted once (law L0).
    pub fn is_balanced(&self) -> bool {
        let parts = [self.accepted, self.superseded, self.repeats, self.quarantined, self.out_of_region];
        self.received == parts.iter().sum::<u64>()
    }
}

/// The text of quality.json: one source or buyer a line, sorted.
pub(super) fn write(mut quality: Quality) -> Result<Vec<u8>, serde_json::Error> {
    quality.sources.sort_by(|a, b| a.source.cmp(&b.source));
    quality.buyers.sort_by(|a, b| a.buyer.cmp(&b.buyer));
    let mut out = b"{\"sources\":[".to_vec();
    lines(&mut out, &quality.sources)?;
    out.extend_from_slice(b"],\"buyers\":[");
    lines(&mut out, &quality.buyers)?;
    out.extend_from_slice(b"]}\n");
    Ok(out)
}

fn lines<T: Serialize>(out: &mut Vec<u8>, items: &[T]) -> Result<(), serde_json::Error> {
    for (i, item) in items.iter().enumerate() {
        out.extend_from_slice(if i > 0 { b",\n" } else { b"\n" });
        serde_json::to_writer(&mut *out, item)?;
    }
    if !items.is_empty() {
        out.push(b'\n');
    }
    Ok(())
}
