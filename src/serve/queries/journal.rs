//! The queries of `journal.sqlite`: the changes of 90 days, former uids.

use rusqlite::{Connection, OptionalExtension, params};

/// What the journal covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// UUID within which seq grows.
    pub epoch: String,
    /// The smallest `since` that can be answered in full.
    pub since_min: u64,
    /// Seq of the last change.
    pub last_seq: u64,
}

/// One change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: u64,
    /// `contrat`.
    pub kind: String,
    /// `upsert` or `delete`.
    pub op: String,
    /// Of what.
    pub uid: String,
    /// Why it is no longer there.
    pub reason: Option<String>,
    /// What took it over.
    pub merged_into: Option<String>,
    /// The record of an upsert that was replaced since, compressed; that of the present state is in
    /// `contrats.ndjson`.
    pub record: Option<Vec<u8>>,
}

/// What the journal covers.
pub fn extent(db: &Connection) -> rusqlite::Result<Extent> {
    let mut meta = db.prepare_cached("SELECT valeur FROM meta WHERE cle = ?1")?;
    let mut text =
        |key: &str| meta.query_row([key], |r| r.get::<_, String>(0)).optional().map(Option::unwrap_or_default);
    Ok(Extent {
        epoch: text("epoch")?,
        since_min: text("since_min")?.parse().unwrap_or(u64::MAX),
        last_seq: text("last_seq")?.parse().unwrap_or(0),
    })
}

/// The changes after `since`, at most `limit`.
pub fn changes(db: &Connection, since: u64, limit: u32) -> rusqlite::Result<Vec<Change>> {
    let since = i64::try_from(since).unwrap_or(i64::MAX);
    db.prepare_cached(
        "SELECT seq, kind, op, uid, reason, merged_into, record FROM changements WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?
    .query_map(params![since, limit], |r| {
        Ok(Change {
            seq: r.get::<_, u64>(0)?,
            kind: r.get(1)?,
            op: r.get(2)?,
            uid: r.get(3)?,
            reason: r.get(4)?,
            merged_into: r.get(5)?,
            record: r.get(6)?,
        })
    })?
    .collect()
}

/// What a former uid leads to: nothing, one uid, or several after a split.
pub fn successors(db: &Connection, former: &str) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached("SELECT uid FROM alias WHERE ancien = ?1 ORDER BY uid LIMIT 50")?
        .query_map([former], |r| r.get(0))?
        .collect()
}
