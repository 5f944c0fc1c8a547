//! What a table is: its delimiter, where its header stands, which column holds which field.
//!
//! In: the head of a text, and the source's own `columns`. Out: a [`Table`], or nothing where no
//! line names a buyer and a contract. The delimiter is the one under which the header says most;
//! the decimal comma is recognised from the amounts of the first rows. Holds the header.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::csv_columns::{Part, Target, plain, target};
use super::csv_rows::{cells, row};
use super::region_bretagne;

/// Lines that may stand above the header: a title, `sep=;`.
const MAX_ABOVE: usize = 10;

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub header: String,
    pub target: Target,
}

/// How the rows of a table are to be read.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) delimiter: u8,
    /// Bytes of the text up to the first row.
    pub(super) start: usize,
    /// Rows of one contract are gathered into one record.
    pub(super) gather: bool,
    /// The table of the Région Bretagne.
    pub(super) bretagne: bool,
    /// Amounts have a decimal comma.
    pub(super) comma: bool,
    fingerprint: u64,
}

impl Table {
    /// Recognises the table that the text begins.
    pub(super) fn find(head: &[u8], named: &BTreeMap<String, String>) -> Option<Self> {
        let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
        let mut best: Option<(usize, Self)> = None;
        let mut at = 0;
        for _ in 0..MAX_ABOVE {
            let text = head.get(at..).filter(|t| !t.is_empty())?;
            for delimiter in [b';', b',', b'\t', b'|'] {
                let Some(end) = row(text, delimiter, true).map(|r| r.length) else { continue };
                let header = String::from_utf8_lossy(text.get(..end)?);
                let table = Self::of_header(&header, delimiter, at + end, named);
                let known = table.columns.iter().filter(|c| c.target != Target::Unknown).count();
                if table.is_one() && best.as_ref().is_none_or(|(n, _)| known > *n) {
                    best = Some((known, table));
                }
            }
            if let Some((_, mut table)) = best {
                table.comma = table.has_decimal_comma(head);
                return Some(table);
            }
            at += memchr::memchr(b'\n', text)? + 1;
        }
        None
    }

    fn of_header(header: &str, delimiter: u8, start: usize, named: &BTreeMap<String, String>) -> Self {
        let named: BTreeMap<String, &str> = named.iter().map(|(h, f)| (plain(h), f.as_str())).collect();
        let names = cells(header, delimiter, false);
        let bretagne = names.iter().any(|c| region_bretagne::column(&plain(&c.text)) == Some("MontantinitialHt"));
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        for cell in names {
            let header = cell.text.trim().to_owned();
            let target = match (named.get(&plain(&header)), region_bretagne::column(&plain(&header))) {
                (Some(field), _) => target(field),
                (None, Some(column)) if bretagne => Target::Field(column),
                _ => target(&header),
            };
            // A name that stands twice means its first column.
            let twice = target != Target::Beside && columns.iter().any(|c| c.target == target);
            let target = if twice { Target::Unknown } else { target };
            columns.push(Column { header, target });
        }
        let several = |c: &Column| {
            matches!(c.target, Target::Holder(..) | Target::Modification(_) | Target::NewHolder(_) | Target::State)
        };
        let gather = !bretagne && columns.iter().any(several);
        let shape: String = columns.iter().map(|c| format!("{}\u{1f}{:?}\u{1e}", c.header, c.target)).collect();
        let fingerprint = xxh3_64(format!("{delimiter}{gather}{bretagne}{shape}").as_bytes());
        Self { columns, delimiter, start, gather, bretagne, comma: false, fingerprint }
    }

    /// Whether the columns name a buyer and a contract.
    fn is_one(&self) -> bool {
        let has = |wanted: Target| self.index(wanted).is_some();
        let of_bretagne = self.bretagne && has(Target::Field("Iddumarche")) && has(Target::Field("SIRETacheteur"));
        of_bretagne
            || has(Target::Field("uid")) && self.columns.len() > 3
            || has(Target::Field("id")) && has(Target::Inside("acheteur", "id"))
    }

    /// The column of a target.
    pub(super) fn index(&self, wanted: Target) -> Option<usize> {
        self.columns.iter().position(|c| c.target == wanted)
    }

    /// Whether the amounts of the first rows have decimals after a comma, and none after a point.
    fn has_decimal_comma(&self, head: &[u8]) -> bool {
        let is_amount = |c: &Column| {
            matches!(
                c.target,
                Target::Field("montant" | "valeurGlobale" | "MontantinitialHt" | "Montantprevu")
                    | Target::Modification("montant")
            )
        };
        let amounts: Vec<usize> = (0..).zip(&self.columns).filter(|(_, c)| is_amount(c)).map(|(i, _)| i).collect();
        let (mut comma, mut at) = (false, self.start);
        for _ in 0..500 {
            let Some(text) = head.get(at..).filter(|t| !t.is_empty()) else { break };
            let Some(end) = row(text, self.delimiter, false) else { break };
            let line = String::from_utf8_lossy(text.get(..end.length).unwrap_or_default());
            let row = cells(&line, self.delimiter, false);
            for cell in amounts.iter().filter_map(|i| row.get(*i)) {
                let text = cell.text.trim();
                let decimals = |c| {
                    text.rsplit_once(c)
                        .is_some_and(|(_, d)| (1..=2).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
                };
                if decimals('.') {
                    return false;
                }
                comma |= decimals(',');
            }
            at += end.length;
        }
        comma
    }

    /// Tells tables apart in which the same row means something else.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint ^ u64::from(self.comma)
    }

    /// The columns of a holder, where a row names several: their numbers.
    pub(super) fn holder_numbers(&self) -> Vec<u8> {
        let mut numbers: Vec<u8> = Vec::new();
        for column in &self.columns {
            if let Target::Holder(_, n) = column.target
                && !numbers.contains(&n)
            {
                numbers.push(n);
            }
        }
        numbers
    }

    /// The column of a part of a holder.
    pub(super) fn holder(&self, part: Part, n: u8) -> Option<usize> {
        self.index(Target::Holder(part, n))
    }
}
