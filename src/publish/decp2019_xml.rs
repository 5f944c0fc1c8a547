//! decp-2019.xml: the official 2019 format as XML, one record a line.

use super::batch::{Numbered, Verdict};
use super::decp_xml::{XML_HEAD, XML_TAIL, element};
use super::error::PublishError;
use super::format::TextFormat;
use super::output::Output;
use super::shape_2019::members;
use super::xml::Xml;

/// The format.
pub(super) struct Decp2019Xml;

impl TextFormat for Decp2019Xml {
    const NAME: &'static str = "decp-2019.xml";

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(XML_HEAD);
    }
    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        if numbered.item.verdict != Verdict::Decp2019 {
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
