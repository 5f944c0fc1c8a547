//! guichet.sqlite: the consumers' database, which the pages read and anyone may query.
//!
//! In: contracts in uid order. Out: one file, the same bytes for the same contracts. Rows are narrow
//! and stand in the order of the contracts, so that writing only appends; indexes come last. Memory:
//! SQLite's page cache ([`CACHE_KIB`]) and one buyer's sums. Knows no time of ours, no seq.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::batch::{Batch, Item, Numbered, Verdict};
use super::catalog::Catalog;
use super::consumer_buyer::Buyer;
use super::consumer_rows::{Statements, sql_integer};
use super::consumer_schema::{INDEXES, SCHEMA_VERSION, TABLES, documentation, views};
use super::error::PublishError;
use super::format::Writer;
use super::input::Seat;
use super::manifest::FileEntry;
use crate::record::{Day, Kind};

/// Name of the file.
pub const CONSUMER_DB: &str = "guichet.sqlite";

/// Page cache of the connection while it writes, in KiB.
const CACHE_KIB: i32 = 16 * 1024;

/// And while it makes the indexes: SQLite sorts in as much memory as the cache may have, beside it.
const SORT_KIB: i32 = 4 * 1024;

/// The writer.
pub(super) struct ConsumerDb {
    connection: Connection,
    state: State,
    path: PathBuf,
    region: Option<String>,
}

/// What is counted and looked up while rows are written.
pub(super) struct State {
    pub(super) catalog: Arc<Catalog>,
    pub(super) day: Day,
    /// Contracts and observations of each source, by number.
    pub(super) per_source: Vec<[u64; 2]>,
    /// Resources that observations name and the catalogue does not: id → number, per source number.
    pub(super) more_resources: HashMap<(usize, String), usize>,
    /// Sources that observations name and the catalogue does not.
    pub(super) more_sources: HashMap<String, usize>,
    buyer: Option<Buyer>,
    buyers: u64,
    counts: Totals,
}

#[derive(Default)]
struct Totals {
    contrats: u64,
    marches: u64,
    retires: u64,
    lignes: u64,
    seat_unknown: u64,
}

impl ConsumerDb {
    /// Creates the file in `dir`.
    pub(super) fn create(
        dir: &Path,
        catalog: Arc<Catalog>,
        day: Day,
        region: Option<String>,
    ) -> Result<Self, PublishError> {
        let path = dir.join(CONSUMER_DB);
        let connection = open(&path).map_err(PublishError::database(&path))?;
        let state = State {
            per_source: vec![[0; 2]; catalog.sources.len()],
            catalog,
            day,
            more_resources: HashMap::new(),
            more_sources: HashMap::new(),
            buyer: None,
            buyers: 0,
            counts: Totals::default(),
        };
        Ok(Self { connection, state, path, region })
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        if let Some(buyer) = self.state.buyer.take() {
            Statements::new(connection)?.buyer(&buyer)?;
        }
        sources(connection, &self.state)?;
        meta(connection, &self.state, self.region.as_deref())?;
        let mut documented = connection.prepare("INSERT INTO documentation VALUES (?1, ?2, ?3)")?;
        for row in documentation() {
            documented.execute(row)?;
        }
        drop(documented);
        connection.pragma_update(None, "cache_size", -SORT_KIB)?;
        connection.execute_batch(INDEXES)?;
        connection.execute_batch(&views())?;
        connection.execute_batch("COMMIT")
    }
}

/// A database that is only ever read once it is whole needs no journal and no sync of its own: what
/// a crash leaves is thrown away with its folder.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "application_id", 0x6775_6963_u32 as i32)?; // "guic"
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(TABLES)?;
    connection.execute_batch("BEGIN")?;
    Ok(connection)
}

fn sources(connection: &Connection, state: &State) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("INSERT INTO sources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (n, (s, count)) in state.catalog.sources.iter().zip(&state.per_source).enumerate() {
        let row = (
            sql_integer(n),
            &s.id,
            some(&s.name),
            some(&s.url),
            some(&s.licence),
            some(&s.format),
            some(&s.authority),
            sql_integer(count[0]),
            sql_integer(count[1]),
        );
        statement.execute(row)?;
    }
    let none: Option<&str> = None;
    let mut more: Vec<_> = state.more_sources.iter().collect();
    more.sort();
    for (id, n) in more {
        let count = state.per_source.get(*n).copied().unwrap_or_default();
        let [contracts, observations] = count.map(sql_integer);
        let n = sql_integer(*n);
        statement.execute((n, id, none, none, none, none, none, contracts, observations))?;
    }
    let mut statement = connection.prepare("INSERT INTO ressources VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (n, r) in state.catalog.resources.iter().enumerate() {
        let Some(source) = state.catalog.source_number(&r.source) else {
            continue;
        };
        let (n, source) = (sql_integer(n), sql_integer(source));
        statement.execute((n, source, &r.id, some(&r.url), r.title.as_deref()))?;
    }
    let mut more: Vec<_> = state.more_resources.iter().map(|(k, n)| (n, k)).collect();
    more.sort();
    for (n, (source, id)) in more {
        statement.execute((sql_integer(*n), sql_integer(*source), id, none, none))?;
    }
    Ok(())
}

fn meta(connection: &Connection, state: &State, region: Option<&str>) -> rusqlite::Result<()> {
    let t = &state.counts;
    let mut statement = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
    let texts = [
        ("schema", Some(SCHEMA_VERSION.to_owned())),
        ("day", Some(state.day.to_string())),
        ("generator", Some(super::GENERATOR.to_owned())),
        ("region", region.map(str::to_owned)),
    ];
    let numbers = [
        ("contrats", t.contrats),
        ("marches", t.marches),
        ("concessions", t.contrats - t.marches),
        ("retires", t.retires),
        ("actifs", t.contrats - t.retires),
        ("lignes", t.lignes),
        ("acheteurs", state.buyers),
        ("sources", state.per_source.len() as u64),
        ("seat_unknown", t.seat_unknown),
    ];
    let numbers = numbers.map(|(key, n)| (key, Some(n.to_string())));
    for (key, value) in texts.into_iter().chain(numbers) {
        if let Some(value) = value {
            statement.execute((key, value))?;
        }
    }
    Ok(())
}

impl State {
    /// Number of a source and of its resource; those the catalogue does not know get the next numbers.
    pub(super) fn numbers(&mut self, source: &str, resource: &str) -> (usize, usize) {
        let source_number = match self.catalog.source_number(source) {
            Some(n) => n,
            None => match self.more_sources.get(source) {
                Some(n) => *n,
                None => {
                    self.more_sources.insert(source.to_owned(), self.per_source.len());
                    self.per_source.push([0; 2]);
                    self.per_source.len() - 1
                }
            },
        };
        if let Some(n) = self.catalog.resource_number(source, resource) {
            return (source_number, n);
        }
        let next = self.catalog.resources.len() + self.more_resources.len();
        let key = (source_number, resource.to_owned());
        (source_number, *self.more_resources.entry(key).or_insert(next))
    }

    fn count(&mut self, item: &Item, rows: u64) {
        let t = &mut self.counts;
        t.contrats += 1;
        t.marches += u64::from(item.contract.record.kind == Kind::Marche);
        if item.verdict == Verdict::Withdrawn {
            t.retires += 1;
        } else {
            t.lignes += rows;
            t.seat_unknown += u64::from(!item.seat.as_ref().is_some_and(|seat| seat.is_placed()));
        }
    }

    fn contract(&mut self, rows: &mut Statements<'_>, one: &Numbered<'_>) -> rusqlite::Result<()> {
        let seat: Option<&Seat> = one.item.seat.as_deref();
        let siret = one.item.contract.record.acheteur;
        let siren = siret.siren();
        if self.buyer.as_ref().is_none_or(|b| b.siren != siren) {
            if let Some(done) = self.buyer.take() {
                rows.buyer(&done)?;
            }
            self.buyers += 1;
            self.buyer = Some(Buyer::new(siren));
        }
        if let Some(buyer) = &mut self.buyer
            && buyer.add(one.item)
            && let Some(seat) = seat
        {
            rows.seat(&siret, seat)?;
        }
        rows.contract(self, one)?;
        let lines = rows.holders(self, one)?;
        rows.children(self, one)?;
        self.count(one.item, lines);
        Ok(())
    }
}

impl Writer for ConsumerDb {
    fn name(&self) -> &'static str {
        CONSUMER_DB
    }
    fn batch(&mut self, batch: &Batch) -> Result<(), PublishError> {
        let state = &mut self.state;
        let mut write = || {
            let mut rows = Statements::new(&self.connection)?;
            batch.iter().try_for_each(|one| state.contract(&mut rows, &one))
        };
        write().map_err(PublishError::database(&self.path))
    }
    fn finish(mut self: Box<Self>) -> Result<Vec<FileEntry>, PublishError> {
        self.end().map_err(PublishError::database(&self.path))?;
        let rows = self.state.counts.contrats;
        let Self { connection, path, .. } = *self;
        connection.close().map_err(|(_, e)| PublishError::database(&path)(e))?;
        // SQLite writes its pages in no order, so their sum is taken from the file.
        let (sha256, bytes) = super::verify::sum_and_sync(&path)?;
        Ok(vec![FileEntry { name: CONSUMER_DB.to_owned(), sha256, bytes, rows: Some(rows) }])
    }
}
