//! The four dialects in which a profile publishes, one file each: how a payload begins, what
//! stands between records, how it ends.
//!
//! In: records, with the spelling or the fault that the scenario wants. Out: text, record by
//! record; only the concessions of a 2022 JSON wait for their list at the end.

pub(crate) mod json2019;
pub(crate) mod json2022;
mod node;
mod tree2019;
mod tree2022;
pub(crate) mod xml2019;
pub(crate) mod xml2022;

pub(crate) use node::Node;
pub(crate) use tree2022::{amount_name, buyer_name, date_name, holders_name};

use super::family::Content;
use crate::record::{Format, Kind, Record};

/// An official format in one of its two notations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// `{"marches": [ … ]}`.
    Json2019,
    /// `<marches>` with flat text.
    Xml2019,
    /// `{"marches": {"marche": [ … ], "contrat-concession": [ … ]}}`.
    Json2022,
    /// `<marches>` with the elements of 2.0.x.
    Xml2022,
}

impl Dialect {
    /// The official format.
    pub fn format(self) -> Format {
        match self {
            Self::Json2019 | Self::Xml2019 => Format::V2019,
            Self::Json2022 | Self::Xml2022 => Format::V2022,
        }
    }
    /// JSON, not XML.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json2019 | Self::Json2022)
    }
    /// Ending of a file's name.
    pub fn extension(self) -> &'static str {
        if self.is_json() { "json" } else { "xml" }
    }
    /// The XML element of a record.
    pub(crate) fn element(self, r: &Record) -> &'static str {
        match r.kind {
            Kind::Marche => "marche",
            Kind::Concession => "contrat-concession",
        }
    }
    /// What a payload begins with.
    pub(crate) fn head(self, encoding: &str) -> String {
        match self {
            Self::Json2019 => json2019::HEAD.to_owned(),
            Self::Json2022 => json2022::HEAD.to_owned(),
            Self::Xml2019 => xml2019::head(encoding),
            Self::Xml2022 => xml2022::head(encoding),
        }
    }
    /// What stands between two records.
    pub(crate) fn between(self) -> &'static str {
        match self {
            Self::Json2019 => json2019::BETWEEN,
            Self::Json2022 => json2022::BETWEEN,
            Self::Xml2019 | Self::Xml2022 => "\n",
        }
    }
    /// What a payload ends with; `late` are the records that had to wait for it.
    pub(crate) fn tail(self, late: &str) -> String {
        match self {
            Self::Json2019 => json2019::TAIL.to_owned(),
            Self::Json2022 => json2022::tail(late),
            Self::Xml2019 | Self::Xml2022 => "\n</marches>\n".to_owned(),
        }
    }
    /// What a document that is cut inside this half record ends with; `begun` when records stand
    /// before it in the main list.
    pub(crate) fn cut(self, late: &str, fragment: &str, begun: bool) -> String {
        let between = self.between();
        match self {
            Self::Json2022 => format!("{}{fragment}", json2022::to_late(late)),
            Self::Json2019 if !begun => fragment.to_owned(),
            _ => format!("{between}{fragment}"),
        }
    }
    /// Whether such a record stands in a list of its own at the end.
    pub(crate) fn is_late(self, kind: Kind) -> bool {
        self == Self::Json2022 && kind == Kind::Concession
    }

    /// The text of what a source publishes, as this dialect writes it.
    pub(crate) fn write(self, content: &Content, ascii: bool) -> String {
        match content {
            Content::Record(r, quirks) => {
                let mut tree = self.tree(r);
                quirks.iter().for_each(|q| q.apply(r, self, &mut tree));
                quirks.iter().fold(self.text(r, &tree, ascii), |text, q| q.damage(self, text))
            }
            Content::Broken(broken, r) => {
                let mut tree = self.tree(r);
                broken.apply(r, &mut tree);
                broken.damage(r, self, self.text(r, &tree, ascii))
            }
        }
    }

    fn tree(self, r: &Record) -> Node {
        match self.format() {
            Format::V2019 => tree2019::tree(r),
            Format::V2022 | Format::Table => tree2022::tree(r),
        }
    }

    fn text(self, r: &Record, tree: &Node, ascii: bool) -> String {
        match self {
            Self::Json2019 => json2019::record(r, tree, ascii),
            Self::Json2022 => json2022::record(tree, ascii),
            Self::Xml2019 => xml2019::record(self.element(r), tree),
            Self::Xml2022 => xml2022::record(self.element(r), tree),
        }
    }
}
