//! decp-2019.json: the official 2019 format as JSON, one record a line, marchés and concessions in
//! one list, told apart by `_type`. With no record the list is empty.

use super::batch::{Numbered, Verdict};
use super::decp_json::separate;
use super::emit::Emit;
use super::error::PublishError;
use super::format::TextFormat;
use super::json::Json;
use super::output::Output;
use super::shape_2019::members;
use crate::record::{Contract, Kind};

/// The format.
pub(super) struct Decp2019Json {
    first: bool,
}

impl Decp2019Json {
    /// At its start.
    pub(super) fn new() -> Self {
        Self { first: true }
    }
}

/// Appends one record: what the list's `uniqueItems` compares.
pub(super) fn write_record(out: &mut Vec<u8>, contract: &Contract) {
    Json::object_into(out, |j| {
        let kind = match contract.record.kind {
            Kind::Marche => "Marché",
            Kind::Concession => "Contrat de concession",
        };
        j.text("_type", kind);
        members(j, contract);
    });
}

impl TextFormat for Decp2019Json {
    const NAME: &'static str = "decp-2019.json";

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"marches\":[\n");
    }
    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        if numbered.item.verdict != Verdict::Decp2019 {
            return Ok(0);
        }
        separate(&mut self.first, out);
        write_record(out, &numbered.item.contract);
        Ok(1)
    }
    fn finish(self, out: &mut Output) -> Result<(), PublishError> {
        out.write_all(if self.first { b"]}\n" } else { b"\n]}\n" })
    }
}
