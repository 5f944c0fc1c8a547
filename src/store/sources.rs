//! Sources and their resources: health, validators, what is due. A stanza that disappears leaves
//! its row here, an orphan, until `forget`.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError};
use crate::record::Day;

/// What the configuration says of a source, kept so that an orphan still has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Number in the store.
    pub n: i64,
    /// Id of the stanza.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// Its licence; `unknown` is kept and never published.
    pub licence: String,
    /// `buyer`, `platform`, `consolidator`, `scrape`.
    pub authority: String,
    /// SIRENs it is the authority for.
    pub buyers: Vec<String>,
    /// `full` or `incremental`.
    pub snapshot: String,
}

/// How a source fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// The source.
    pub source: SourceRow,
    /// RFC 3339, UTC; `None` = never tried.
    pub first_attempt: Option<String>,
    /// The same of the last time.
    pub last_attempt: Option<String>,
    /// RFC 3339, UTC; a partial harvest is a success that leaves the source degraded.
    pub last_success: Option<String>,
    /// RFC 3339, UTC.
    pub next_run: Option<String>,
    /// Failed harvests since the last success.
    pub consecutive_failures: u32,
    /// The last failure or the reason of partiality, `None` after a clean harvest.
    pub last_error: Option<String>,
    /// The last harvest left something out.
    pub partial: bool,
}

/// ETag and Last-Modified as the server gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// A resource and its current payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRow {
    /// Number in the store.
    pub n: i64,
    /// Number of its source.
    pub source: i64,
    /// Id within the source.
    pub id: String,
    /// Where it was fetched.
    pub url: String,
    /// As the catalogue names it.
    pub title: String,
    /// Date that the catalogue, the file name or the server gives it.
    pub resource_date: Option<Day>,
    /// Name of its current payload in the archive.
    pub sha256: Option<String>,
    /// Size of its current payload.
    pub bytes: Option<u64>,
    /// For the next conditional request.
    pub validators: Validators,
    /// The catalogue's checksum of the current payload.
    pub checksum: Option<String>,
    /// Day of the last fetch that was not conditional.
    pub full_fetch: Option<Day>,
    /// Last day on which it was seen whole.
    pub whole_day: Option<Day>,
    /// `complete`, `partial`, `delisted`, `new`.
    pub state: String,
    /// Records in its current payload.
    pub records: u64,
    /// Why its last fetch failed.
    pub error: Option<String>,
}

/// How a harvest of a source ended.
#[derive(Debug, Clone, Default)]
pub struct HarvestEnd {
    /// RFC 3339, UTC.
    pub at: String,
    /// Something of it was merged or found unchanged.
    pub succeeded: bool,
    /// A failure counts against the source; one of our own does not.
    pub counted: bool,
    /// Something of it was left out.
    pub partial: bool,
    /// What failed, for people.
    pub error: Option<String>,
    /// RFC 3339, UTC: when it is due again.
    pub next_run: Option<String>,
}

const COLUMNS: &str = "n, id, name, url, licence, authority, buyers, snapshot, last_attempt, last_success, next_run,
    consecutive_failures, last_error, partial, first_attempt";

fn state(r: &Row<'_>) -> rusqlite::Result<SourceState> {
    let buyers: String = r.get(6)?;
    Ok(SourceState {
        source: SourceRow {
            n: r.get(0)?,
            id: r.get(1)?,
            name: r.get(2)?,
            url: r.get(3)?,
            licence: r.get(4)?,
            authority: r.get(5)?,
            buyers: buyers.split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            snapshot: r.get(7)?,
        },
        last_attempt: r.get(8)?,
        last_success: r.get(9)?,
        next_run: r.get(10)?,
        consecutive_failures: r.get(11)?,
        last_error: r.get(12)?,
        partial: r.get(13)?,
        first_attempt: r.get(14)?,
    })
}

pub(super) fn all(conn: &Connection) -> Result<Vec<SourceState>, StoreError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM source ORDER BY id"))?;
    let rows = statement.query_map([], state)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn resources(conn: &Connection, source: Option<i64>) -> Result<Vec<ResourceRow>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT n, source, id, url, title, resource_date, sha256, bytes, etag, last_modified, checksum, full_fetch, whole_day,
         state, records, error FROM resource WHERE ?1 IS NULL OR source=?1 ORDER BY source, id",
    )?;
    let day = |r: &Row<'_>, i| -> rusqlite::Result<Option<Day>> {
        Ok(r.get::<_, Option<i32>>(i)?.and_then(Day::from_number))
    };
    let rows = statement.query_map([source], |r| {
        Ok(ResourceRow {
            n: r.get(0)?,
            source: r.get(1)?,
            id: r.get(2)?,
            url: r.get(3)?,
            title: r.get(4)?,
            resource_date: day(r, 5)?,
            sha256: r.get(6)?,
            bytes: r.get(7)?,
            validators: Validators { etag: r.get(8)?, last_modified: r.get(9)? },
            checksum: r.get(10)?,
            full_fetch: day(r, 11)?,
            whole_day: day(r, 12)?,
            state: r.get(13)?,
            records: r.get(14)?,
            error: r.get(15)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// Enters a source, or what its stanza says now. A change of its licence, authority or buyers
    /// makes every buyer it speaks of due for a merge. Gives its number.
    ///
    /// # Errors
    /// A disk fault.
    pub fn enter_source(&self, row: SourceRow) -> Result<i64, StoreError> {
        self.writer.run("enter a source in", move |tx| {
            let before = tx
                .prepare_cached(&format!("SELECT {COLUMNS} FROM source WHERE id=?1"))?
                .query_row([&row.id], state)
                .optional()?;
            let buyers = row.buyers.join(" ");
            let sql = "INSERT INTO source (id, name, url, licence, authority, buyers, snapshot) VALUES (?1,?2,?3,?4,?5,?6,?7)
                ON CONFLICT (id) DO UPDATE SET name=excluded.name, url=excluded.url, licence=excluded.licence,
                authority=excluded.authority, buyers=excluded.buyers, snapshot=excluded.snapshot RETURNING n";
            let n: i64 = tx.prepare_cached(sql)?.query_row(
                params![row.id, row.name, row.url, row.licence, row.authority, buyers, row.snapshot],
                |r| r.get(0),
            )?;
            if let Some(SourceState { source: old, .. }) = before
                && (old.licence != row.licence || old.authority != row.authority || old.buyers != row.buyers)
            {
                tx.execute("INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE source=?1 ON CONFLICT DO UPDATE SET mark=mark+1", [n])?;
            }
            Ok(n)
        })
    }

    /// Marks a source as being harvested: when the program is killed, the mark shows it.
    ///
    /// # Errors
    /// A disk fault.
    pub fn harvest_begins(&self, source: i64, at: String) -> Result<(), StoreError> {
        self.writer.run("begin a harvest in", move |tx| {
            tx.prepare_cached(
                "UPDATE source SET running=1, last_attempt=?2, first_attempt=coalesce(first_attempt, ?2) WHERE n=?1",
            )?
            .execute(params![source, at])?;
            Ok(())
        })
    }

    /// However a harvest ends, it ends here, in one transaction.
    ///
    /// # Errors
    /// A disk fault.
    pub fn harvest_ends(&self, source: i64, end: HarvestEnd) -> Result<(), StoreError> {
        self.writer.run("end a harvest in", move |tx| {
            let sql = if end.succeeded {
                "UPDATE source SET running=0, last_success=?2, consecutive_failures=?6, last_error=?3, partial=?4,
                 next_run=coalesce(?5, next_run) WHERE n=?1"
            } else {
                "UPDATE source SET running=0, last_attempt=?2, consecutive_failures=consecutive_failures+?6, last_error=?3,
                 partial=?4, next_run=coalesce(?5, next_run) WHERE n=?1"
            };
            let counted = i64::from(end.counted && !end.succeeded);
            let mut statement = tx.prepare_cached(sql)?;
            statement.execute(params![source, end.at, end.error, end.partial, end.next_run, counted])?;
            Ok(())
        })
    }

    /// Plans the next harvest of a source.
    ///
    /// # Errors
    /// A disk fault.
    pub fn plan(&self, source: i64, next_run: Option<String>) -> Result<(), StoreError> {
        self.writer.run("plan a harvest in", move |tx| {
            tx.prepare_cached("UPDATE source SET next_run=?2 WHERE n=?1")?.execute(params![source, next_run])?;
            Ok(())
        })
    }
}
