//! Every SQL statement of the web side: prepared once per connection, values always bound.
//!
//! In: a read-only connection to `guichet.sqlite`. Out: rows as plain structs, text as declared
//! (the templates escape it). Each query is bounded by a limit, an index, or the deadline of `db`.

pub mod contract;
pub mod filter;
pub mod journal;
pub mod list;

use rusqlite::{Connection, OptionalExtension, Row, params};

/// Amounts beyond this many euros are aberrant and stay out of sums; `acheteurs.montant` leaves
/// them out already.
pub const ABERRANT: f64 = 1e9;

/// The headline figures of a publication.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Name of the region, where there is one.
    pub region: Option<String>,
    /// Contracts, withdrawn ones left out.
    pub contracts: i64,
    /// Marchés among them.
    pub marches: i64,
    /// Concessions among them.
    pub concessions: i64,
    /// Withdrawn contracts.
    pub withdrawn: i64,
    /// Buyers (SIREN).
    pub buyers: i64,
    /// Sum of present amounts in euros, aberrant ones left out.
    pub amount: f64,
    /// Contracts left out of that sum for their amount.
    pub aberrant: i64,
}

/// Reads and counts the headline figures.
pub fn figures(db: &Connection) -> rusqlite::Result<Figures> {
    let mut meta = db.prepare_cached("SELECT valeur FROM meta WHERE cle = ?1")?;
    let mut text = |key: &str| meta.query_row([key], |r| r.get::<_, String>(0)).optional();
    let mut out = Figures { region: text("region")?, ..Figures::default() };
    let mut number = |key: &str| -> rusqlite::Result<i64> { Ok(text(key)?.and_then(|v| v.parse().ok()).unwrap_or(0)) };
    out.contracts = number("actifs")?;
    out.withdrawn = number("retires")?;
    out.buyers = number("acheteurs")?;
    out.amount = db.prepare_cached("SELECT coalesce(sum(montant), 0.0) FROM acheteurs")?.query_row([], |r| r.get(0))?;
    (out.aberrant, out.concessions) = db
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE montantActuel > ?1),
                    count(*) FILTER (WHERE type = 'concession')
             FROM contrats WHERE retire = 0",
        )?
        .query_row([ABERRANT], |r| Ok((r.get(0)?, r.get(1)?)))?;
    out.marches = out.contracts.saturating_sub(out.concessions);
    Ok(out)
}

/// Name of the region, where there is one.
pub fn region(db: &Connection) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT valeur FROM meta WHERE cle = 'region'")?.query_row([], |r| r.get(0)).optional()
}

/// A source as the publication knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRow {
    /// Its id in sources.toml.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Where it publishes.
    pub url: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// Contracts with at least one observation of it.
    pub contracts: i64,
}

/// Every source, in the order of ids.
pub fn sources(db: &Connection) -> rusqlite::Result<Vec<SourceRow>> {
    db.prepare_cached("SELECT id, nom, url, licence, contrats FROM sources ORDER BY id")?
        .query_map([], |r| {
            Ok(SourceRow {
                id: r.get(0)?,
                name: r.get(1)?,
                url: r.get(2)?,
                licence: r.get(3)?,
                contracts: r.get::<_, Option<i64>>(4)?.unwrap_or(0),
            })
        })?
        .collect()
}

/// What a requested identifier leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Lead {
    /// It is the uid of a contract: its row number.
    Contract(i64),
    /// It is another name of this one contract.
    Moved(String),
    /// It names several contracts.
    Several(Vec<list::Line>),
    /// Nothing bears it.
    Nothing,
}

/// Contracts listed at most for one reused identifier.
const SEVERAL: u32 = 500;

/// Looks an identifier up: first as a uid, then as a SIRET+id that an observation declares.
pub fn lead(db: &Connection, asked: &str) -> rusqlite::Result<Lead> {
    let exact =
        db.prepare_cached("SELECT n FROM contrats WHERE uid = ?1")?.query_row([asked], |r| r.get(0)).optional()?;
    if let Some(n) = exact {
        return Ok(Lead::Contract(n));
    }
    let sql = format!(
        "SELECT {} FROM alias a JOIN contrats c ON c.n = a.contrat
         WHERE a.cle = ?1 ORDER BY c.n LIMIT ?2",
        list::COLUMNS
    );
    let found: Vec<list::Line> =
        db.prepare_cached(&sql)?.query_map(params![asked, SEVERAL], list::line)?.collect::<rusqlite::Result<_>>()?;
    Ok(Lead::to(found))
}

impl Lead {
    /// To none, to the one, or to a choice.
    fn to(mut found: Vec<list::Line>) -> Self {
        match (found.pop(), found.is_empty()) {
            (None, _) => Self::Nothing,
            (Some(only), true) => Self::Moved(only.uid),
            (Some(last), false) => {
                found.push(last);
                Self::Several(found)
            }
        }
    }
}

/// What former uids lead to: the contracts among `uids` that are there.
pub fn lead_by(db: &Connection, uids: &[String]) -> rusqlite::Result<Lead> {
    let sql = format!("SELECT {} FROM contrats c WHERE c.uid = ?1", list::COLUMNS);
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for uid in uids {
        found.extend(statement.query_row([uid], list::line).optional()?);
    }
    Ok(Lead::to(found))
}

/// A column that may be absent, by name.
fn opt<T: rusqlite::types::FromSql>(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<T>> {
    row.get(name)
}
