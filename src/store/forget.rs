//! Removing what an ended source said (law L4): the store becomes what it would be without it.

use rusqlite::{OptionalExtension, Transaction};

use super::{Store, StoreError};

/// What `forget` removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Resources.
    pub resources: u64,
    /// Observations, all versions.
    pub observations: u64,
    /// Buyers to merge again.
    pub buyers: u64,
}

impl Store {
    /// Removes a source and all it said; its buyers become due for a merge.
    ///
    /// # Errors
    /// [`StoreError::UnknownSource`], or a disk fault; nothing is then removed.
    pub fn forget(&self, id: &str) -> Result<Forgotten, StoreError> {
        let id = id.to_owned();
        self.writer.run("forget a source in", move |tx| {
            let forgotten = unsay(tx, &id)?;
            tx.execute("DELETE FROM source WHERE id=?1", [&id])?;
            Ok(forgotten)
        })
    }

    /// Removes all that a source said and keeps the source: what is known of it beside its payloads.
    /// Its buyers become due for a merge.
    ///
    /// # Errors
    /// As [`Store::forget`].
    pub fn unsay(&self, id: &str) -> Result<Forgotten, StoreError> {
        let id = id.to_owned();
        self.writer.run("empty a source in", move |tx| unsay(tx, &id))
    }
}

fn unsay(tx: &Transaction<'_>, id: &str) -> Result<Forgotten, StoreError> {
    let n: Option<i64> = tx.query_row("SELECT n FROM source WHERE id=?1", [id], |r| r.get(0)).optional()?;
    let Some(n) = n else { return Err(StoreError::UnknownSource(id.to_owned())) };
    let buyers = tx.execute("INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE source=?1 ON CONFLICT DO UPDATE SET mark=mark+1", [n])? as u64;
    // What was replaced by something of this source may stand again without it.
    tx.execute(
        "UPDATE standing SET outcome=1, same_as=NULL WHERE outcome=5 AND id IN (SELECT id FROM observation
                 WHERE siren IN (SELECT DISTINCT siren FROM observation WHERE source=?1))",
        [n],
    )?;
    tx.execute("DELETE FROM standing WHERE id IN (SELECT id FROM observation WHERE source=?1)", [n])?;
    for table in ["place", "quarantine", "also"] {
        tx.execute(&format!("DELETE FROM {table} WHERE resource IN (SELECT n FROM resource WHERE source=?1)"), [n])?;
    }
    let observations = tx.execute("DELETE FROM observation WHERE source=?1", [n])? as u64;
    let resources = tx.execute("DELETE FROM resource WHERE source=?1", [n])? as u64;
    tx.execute("DELETE FROM seat_asked WHERE source=?1", [n])?;
    Ok(Forgotten { resources, observations, buyers })
}
