//! A read transaction: what was committed when it began. Keep it short: it pins the write-ahead log.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::{PublicationRow, ResourceRow, SourceState, StoreError, meta, schema, sources};
use crate::record::{Contract, Siren, Uid};

/// A read snapshot of the store.
pub struct Snapshot {
    pub(super) conn: Connection,
    pub(super) held: std::cell::OnceCell<super::merging::Held>,
}

impl Snapshot {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let conn = super::connect_ro(path)?;
        let begin = || -> rusqlite::Result<()> {
            conn.execute_batch("BEGIN")?;
            // The snapshot is taken by the first read, not by BEGIN.
            conn.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))
        };
        begin().map_err(|e| StoreError::sqlite("read", path, e))?;
        Ok(Self { conn, held: std::cell::OnceCell::new() })
    }

    /// A snapshot for a command that only reads, without a writer: works beside a running daemon.
    ///
    /// # Errors
    /// A disk fault, a file that is no store, or one of another version: only who writes upgrades.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let found: i64 = super::connect_ro(path)?
            .query_row("PRAGMA user_version", [], |r| r.get(0))
            .map_err(|e| StoreError::sqlite("read", path, e))?;
        match found.cmp(&schema::VERSION) {
            std::cmp::Ordering::Equal => Self::open(path),
            std::cmp::Ordering::Greater => {
                Err(StoreError::TooNew { path: path.to_owned(), found, known: schema::VERSION })
            }
            std::cmp::Ordering::Less => Err(StoreError::Path {
                path: path.to_owned(),
                what: format!(
                    "it has format {found}, this program reads {}: any command that writes (`guichet harvest`, `guichet run`) upgrades it",
                    schema::VERSION
                ),
            }),
        }
    }

    /// The state of the contracts: grows whenever one changes.
    ///
    /// # Errors
    /// A disk fault.
    pub fn state_version(&self) -> Result<u64, StoreError> {
        meta::state_version(&self.conn)
    }

    /// A fact that another room keeps in the store.
    ///
    /// # Errors
    /// A disk fault.
    pub fn fact(&self, key: &str) -> Result<Option<String>, StoreError> {
        meta::get(&self.conn, key)
    }

    /// Every publication made, the oldest first.
    ///
    /// # Errors
    /// A disk fault.
    pub fn publications(&self) -> Result<Vec<PublicationRow>, StoreError> {
        meta::publications(&self.conn)
    }

    /// The last publication, if there is one.
    ///
    /// # Errors
    /// A disk fault.
    pub fn last_publication(&self) -> Result<Option<PublicationRow>, StoreError> {
        meta::last_publication(&self.conn)
    }

    /// Every source, also orphans, by id.
    ///
    /// # Errors
    /// A disk fault.
    pub fn sources(&self) -> Result<Vec<SourceState>, StoreError> {
        sources::all(&self.conn)
    }

    /// The resources of a source, or of all, by source and id.
    ///
    /// # Errors
    /// A disk fault.
    pub fn resources(&self, source: Option<i64>) -> Result<Vec<ResourceRow>, StoreError> {
        sources::resources(&self.conn, source)
    }

    /// Calls back with each contract in scope, by uid, until the callback says to stop.
    ///
    /// # Errors
    /// A disk fault, a damaged row, or what the callback fails with.
    pub fn contracts<E: From<StoreError>>(&self, mut each: impl FnMut(Contract) -> Result<(), E>) -> Result<(), E> {
        let read = |e: rusqlite::Error| E::from(StoreError::from(e));
        let mut statement =
            self.conn.prepare_cached("SELECT uid, body FROM contract WHERE in_scope=1 ORDER BY uid").map_err(read)?;
        let mut rows = statement.query([]).map_err(read)?;
        while let Some(row) = rows.next().map_err(read)? {
            each(contract(row.get(0).map_err(read)?, row.get_ref(1).map_err(read)?).map_err(E::from)?)?;
        }
        Ok(())
    }

    /// The contract of a uid, in scope or not.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn contract(&self, uid: &Uid) -> Result<Option<Contract>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT uid, body FROM contract WHERE uid=?1")?;
        let found = statement.query_row([uid.as_str()], |r| Ok(contract(r.get(0)?, r.get_ref(1)?))).optional()?;
        found.transpose()
    }

    /// Every contract of a buyer, in the region or not, by uid.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn contracts_of(&self, buyer: Siren) -> Result<Vec<Contract>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT uid, body FROM contract WHERE siren=?1 ORDER BY uid")?;
        let mut rows = statement.query([buyer.as_str().parse::<u32>().unwrap_or_default()])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(contract(row.get(0)?, row.get_ref(1)?)?);
        }
        Ok(all)
    }

    /// The contracts whose uid begins so, at most `limit`, by uid: a reused id is asked without its suffix.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn contracts_beginning(&self, prefix: &str, limit: u32) -> Result<Vec<Uid>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT uid FROM contract WHERE uid>=?1 AND substr(uid, 1, length(?1))=?1 ORDER BY uid LIMIT ?2",
        )?;
        let rows = statement.query_map(rusqlite::params![prefix, limit], |r| r.get::<_, String>(0))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().map(Uid::from_text).collect())
    }

    /// Buyers due for a merge.
    ///
    /// # Errors
    /// A disk fault.
    pub fn dirty_count(&self) -> Result<u64, StoreError> {
        Ok(self.conn.query_row("SELECT count(*) FROM dirty", [], |r| r.get(0))?)
    }
}

fn contract(uid: String, body: rusqlite::types::ValueRef<'_>) -> Result<Contract, StoreError> {
    let damaged = |why: String| StoreError::damaged(format!("contract {uid}"), why);
    let body = body.as_blob().map_err(|e| damaged(e.to_string()))?;
    postcard::from_bytes(body).map_err(|e| damaged(e.to_string()))
}
