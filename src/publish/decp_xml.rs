//! decp.xml: the official 2022 format as XML, one record a line, marchés and concessions mixed in
//! uid order as the XSD allows.

use super::batch::{Numbered, Verdict};
use super::error::PublishError;
use super::format::TextFormat;
use super::output::Output;
use super::shape_2022::members;
use super::xml::Xml;
use crate::record::Kind;

/// The format.
pub(super) struct DecpXml;

/// What both XML formats start with.
pub(super) const XML_HEAD: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<marches>\n";
/// What both XML formats end with.
pub(super) const XML_TAIL: &[u8] = b"</marches>\n";

impl TextFormat for DecpXml {
    const NAME: &'static str = "decp.xml";

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(XML_HEAD);
    }
    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        if numbered.item.verdict != Verdict::Decp {
            return Ok(0);
        }
        let contract = &numbered.item.contract;
        Xml::element_into(out, element(contract.record.kind), |x| members(x, contract));
        out.push(b'\n');
        Ok(1)
    }
    fn finish(self, out: &mut Output) -> Result<(), PublishError> {
        out.write_all(XML_TAIL)
    }
}

/// The element of a record.
pub(super) fn element(kind: Kind) -> &'static str {
    match kind {
        Kind::Marche => "marche",
        Kind::Concession => "contrat-concession",
    }
}
