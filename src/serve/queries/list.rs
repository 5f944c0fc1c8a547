//! The list of contracts: newest first, page after page by a key.
//!
//! In: checked filters. Out: at most a page of lines and the cursor of the next one.
//! Never an offset: a cursor names the last line seen, by date and uid, so that it stays good in
//! the next publication.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::filter::{Cursor, Filter, MAX_PAGE};
use crate::record::Uid;

/// Lines on one page unless the reader asks for another number.
pub const PAGE: u32 = 50;
/// Lines counted at most for the total of a filtered list.
pub const COUNTED: i64 = 10_000;

/// One line of the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Published name of the contract.
    pub uid: String,
    /// `marche` or `concession`.
    pub kind: String,
    /// As declared.
    pub objet: Option<String>,
    /// The buyer's SIREN.
    pub buyer: String,
    /// The buyer's name, where known.
    pub buyer_name: Option<String>,
    /// Names, else ids, of the present holders.
    pub holders: Option<String>,
    /// Euros without tax, after the modifications.
    pub amount: Option<f64>,
    /// `YYYY-MM-DD`.
    pub date: Option<String>,
    /// No source publishes it any more.
    pub withdrawn: bool,
}

impl Line {
    /// The uid as it stands in a URL.
    pub fn url(&self) -> String {
        Uid::from_text(self.uid.clone()).to_url()
    }
}

/// The columns of a [`Line`], of `contrats c`.
pub const COLUMNS: &str = "c.uid, c.type, c.objet, c.acheteur_siren, c.acheteur_nom, \
     c.titulaires, c.montantActuel, c.dateNotification, c.retire";

/// Reads a line of [`COLUMNS`].
pub fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        uid: row.get(0)?,
        kind: row.get(1)?,
        objet: row.get(2)?,
        buyer: row.get(3)?,
        buyer_name: row.get(4)?,
        holders: row.get(5)?,
        amount: row.get(6)?,
        date: row.get(7)?,
        withdrawn: row.get(8)?,
    })
}

/// A page of the list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The lines.
    pub lines: Vec<Line>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Reads one page, newest first; contracts of one day in the order of their uid.
pub fn page(db: &Connection, filter: &Filter) -> rusqlite::Result<Page> {
    let limit = filter.limit.unwrap_or(PAGE).min(MAX_PAGE);
    let (mut conditions, mut bound) = filter.conditions();
    if let Some(cursor) = &filter.cursor {
        // The uid's number in this publication, or that of its place had it not gone.
        let n: i64 = db
            .prepare_cached("SELECT n FROM contrats WHERE uid <= ?1 ORDER BY uid DESC LIMIT 1")?
            .query_row([&cursor.uid], |r| r.get(0))
            .optional()?
            .unwrap_or(0);
        conditions.push_str(
            " AND coalesce(c.dateNotification,'') <= ?
              AND NOT (coalesce(c.dateNotification,'') = ? AND c.n <= ?)",
        );
        bound.push(Value::Text(cursor.date.clone()));
        bound.push(Value::Text(cursor.date.clone()));
        bound.push(Value::Integer(n));
    }
    bound.push(Value::Integer(i64::from(limit) + 1));
    let sql = format!(
        "SELECT {COLUMNS} FROM contrats c WHERE {conditions}
         ORDER BY coalesce(c.dateNotification,'') DESC, c.n LIMIT ?"
    );
    let mut lines: Vec<Line> =
        db.prepare_cached(&sql)?.query_map(params_from_iter(bound), line)?.collect::<rusqlite::Result<_>>()?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let next = lines.last().filter(|_| more).map(Cursor::after);
    Ok(Page { lines, next })
}

/// How many contracts the filters leave, counted to [`COUNTED`] + 1.
pub fn total(db: &Connection, filter: &Filter) -> rusqlite::Result<i64> {
    let (conditions, mut bound) = filter.conditions();
    bound.push(Value::Integer(COUNTED + 1));
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM contrats c WHERE {conditions} LIMIT ?)");
    db.prepare_cached(&sql)?.query_row(params_from_iter(bound), |r| r.get(0))
}

/// The name of a buyer, for the title of its list.
pub fn buyer_name(db: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    let siren = id.get(..9).unwrap_or(id);
    let name = db
        .prepare_cached("SELECT nom FROM acheteurs WHERE siren = ?1")?
        .query_row([siren], |r| r.get::<_, Option<String>>(0))
        .optional()?;
    Ok(name.flatten())
}
