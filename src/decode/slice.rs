//! One record as a splitter hands it on: its bytes, where they stood, and what else their meaning depends on.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::csv_table::Table;
use crate::record::Kind;

/// The list of the 2022 format, or the plain one of 2019, in which a JSON record stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Container {
    /// A list without a name of its own (`marches: […]`, a bare list, a record alone).
    Plain,
    /// `marche`, `contrat-concession`: a list that names what it holds.
    Named(Kind),
}

/// What the splitter says of one slice. With the bytes, all that [`parse`] needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A JSON value.
    Json(Container),
    /// A JSON object with damage inside: its end was found by the beginning of the next record.
    DamagedJson(Container),
    /// An XML element.
    Xml,
    /// An XML element whose end tag is missing.
    DamagedXml,
    /// The beginning of a record that the end of the document cuts.
    Cut,
    /// The first `max_record` bytes of a record that is longer.
    Oversized,
    /// Rows of a table that tell of one contract.
    Rows,
    /// A row of a table whose cells do not fit its header.
    DamagedRow,
}

/// One record, raw.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// UTF-8, but for bytes that are damaged in the payload itself.
    pub bytes: &'a [u8],
    /// Where it begins, in bytes of the payload; of its UTF-8 text where the payload is in another encoding.
    pub offset: u64,
    /// 0-based place among the records of the payload; of a table, among its rows.
    pub position: u32,
    /// What the splitter says of it.
    pub shape: Shape,
    /// The further places that it takes: rows gathered with the first one, in ascending order. Their
    /// bytes follow those of the first; in the payload they may stand apart.
    pub also: &'a [u32],
    /// Of a row: the table that it stands in.
    pub table: Option<&'a Table>,
}

impl Slice<'_> {
    /// The hash by which a raw record is known again, wherever it stands: of its bytes and of what
    /// their meaning depends on beside them.
    pub fn hash(&self) -> u128 {
        xxh3_128_with_seed(self.bytes, self.context())
    }

    /// What the meaning of its bytes depends on beside the bytes: the same bytes under another
    /// number mean something else.
    fn context(&self) -> u64 {
        let shape = match self.shape {
            Shape::Json(Container::Plain) => 1,
            Shape::Json(Container::Named(Kind::Marche)) => 2,
            Shape::Json(Container::Named(Kind::Concession)) => 3,
            Shape::DamagedJson(Container::Plain) => 4,
            Shape::DamagedJson(Container::Named(Kind::Marche)) => 5,
            Shape::DamagedJson(Container::Named(Kind::Concession)) => 6,
            Shape::Xml => 7,
            Shape::DamagedXml => 8,
            Shape::Cut => 9,
            Shape::Oversized => 10,
            Shape::Rows => 11,
            Shape::DamagedRow => 12,
        };
        shape + self.table.map_or(0, |t| t.fingerprint() << 8)
    }
}
