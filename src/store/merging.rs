//! The thin part that moves rows for the merge: a buyer's observations out, its contracts in.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::{Snapshot, Store, StoreError, meta};
use crate::record::{Contract, Day, Observation, Siren};

/// The fact that names the rules by which the contracts were made.
const RULES: &str = "merging";

/// The fact that names the decisions by which they were made, by buyer.
const DECISIONS: &str = "decided";

/// Days of whole payloads without a record before it is withdrawn (records.md §6).
pub const WITHDRAWN_AFTER_DAYS: i32 = 7;

/// One observation that stands, as the merge needs it.
#[derive(Debug, Clone)]
pub struct MergeRow {
    /// Id in the store.
    pub id: i64,
    /// Number of the source.
    pub source: i64,
    /// Id of the resource that holds it, or held it last.
    pub resource: String,
    /// 0-based place there.
    pub position: u32,
    /// Other resources of the source that hold it now.
    pub also_in: Vec<String>,
    /// The day since when it is in no payload of its source.
    pub gone: Option<Day>,
    /// Gone for so many days of whole payloads that it counts as withdrawn.
    pub withdrawn: bool,
    /// Date of the resource.
    pub resource_date: Option<Day>,
    /// First day it was seen.
    pub first_seen: Day,
    /// What it says.
    pub observation: Observation,
}

/// What stood before a merge, to tell what it changed: (observation, outcome code, same_as).
type Before = Vec<(i64, u8, Option<i64>)>;

/// All that stands of one buyer.
#[derive(Debug, Clone)]
pub struct BuyerInput {
    /// The buyer.
    pub siren: Siren,
    /// Its observations, in no particular order.
    pub rows: Vec<MergeRow>,
    before: Before,
}

impl BuyerInput {
    /// Takes the rows out; what is left is enough for [`Store::change`].
    pub fn take_rows(&mut self) -> Vec<MergeRow> {
        std::mem::take(&mut self.rows)
    }
}

/// What a merge gives for one buyer: the store's codes of outcomes (those of the table `standing`, and
/// 7: excluded by a decision), and every contract.
#[derive(Debug, Clone, Default)]
pub struct MergedBuyer {
    /// (observation, outcome code, same_as).
    pub outcomes: Vec<(i64, u8, Option<i64>)>,
    /// Contracts of the buyer.
    pub contracts: Vec<Contract>,
}

/// What of a buyer changed in the store, encoded and ready to be written.
#[derive(Debug, Default)]
pub struct BuyerChange {
    siren: u32,
    mark: i64,
    outcomes: Vec<(i64, u8, Option<i64>)>,
    upserts: Vec<ContractRow>,
    deletes: Vec<i64>,
}

impl BuyerChange {
    /// Bytes of the contracts to be written.
    pub fn bytes(&self) -> usize {
        self.upserts.iter().map(|row| row.body.len()).sum()
    }
}

#[derive(Debug)]
struct ContractRow {
    uid: String,
    in_scope: bool,
    withdrawn: bool,
    body: Vec<u8>,
}

impl Store {
    /// Buyers due for a merge, ascending, each with the mark that its merge clears.
    ///
    /// # Errors
    /// A disk fault.
    pub fn dirty_buyers(&self) -> Result<Vec<(Siren, i64)>, StoreError> {
        let conn = super::connect_ro(&self.path)?;
        let mut statement = conn.prepare("SELECT siren, mark FROM dirty ORDER BY siren")?;
        let rows = statement.query_map([], |r| Ok((r.get::<_, u32>(0)?, r.get(1)?)))?;
        rows.map(|row| row.map_err(StoreError::from).and_then(|(n, mark)| Ok((siren(n)?, mark)))).collect()
    }

    /// Notes the rules by which contracts are made from now on. Where those before were others,
    /// every buyer becomes due, and true comes back; in a store without contracts nothing is due
    /// because of it.
    ///
    /// # Errors
    /// A disk fault.
    pub fn merge_by(&self, rules: String) -> Result<bool, StoreError> {
        if self.fact(RULES)?.as_ref() == Some(&rules) {
            return Ok(false);
        }
        self.writer.run("mark buyers as due in", move |tx| {
            meta::set(tx, RULES, &rules)?;
            let made = tx.query_row("SELECT EXISTS (SELECT 1 FROM contract)", [], |r| r.get::<_, bool>(0))?;
            if made {
                tx.execute(
                    "INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE true ON CONFLICT DO UPDATE SET mark=mark+1",
                    [],
                )?;
            }
            Ok(made)
        })
    }

    /// Notes the decisions under which contracts are made from now on: a text for each buyer that
    /// one names. Buyers whose text is another than before become due, and their number comes back.
    /// All that they ever said is looked at again, also what is gone and was replaced: under other
    /// decisions it might stand.
    ///
    /// # Errors
    /// A disk fault.
    pub fn decide_by(&self, decisions: std::collections::BTreeMap<Siren, String>) -> Result<usize, StoreError> {
        let read =
            |text: Option<String>| text.map(|t| serde_json::from_str(&t).unwrap_or_default()).unwrap_or_default();
        let new: std::collections::BTreeMap<String, String> =
            decisions.into_iter().map(|(siren, text)| (siren.to_string(), text)).collect();
        let old: std::collections::BTreeMap<String, String> = read(self.fact(DECISIONS)?);
        if old == new {
            return Ok(0);
        }
        self.writer.run("mark the buyers of decisions as due in", move |tx| {
            let changed = old.keys().chain(new.keys()).filter(|siren| old.get(*siren) != new.get(*siren));
            let changed: std::collections::BTreeSet<&String> = changed.collect();
            for siren in changed.iter().filter_map(|siren| Siren::parse(siren)) {
                reopen(tx, siren_number(siren))?;
            }
            let text = serde_json::to_string(&new).map_err(|e| StoreError::damaged("the list of decisions", e))?;
            meta::set(tx, DECISIONS, &text)?;
            Ok(changed.len())
        })
    }

    /// Writes what merges changed of several buyers, in one transaction. Gives the number of
    /// contracts changed.
    pub fn merged(&self, changes: Vec<BuyerChange>) -> super::writer::Pending<usize> {
        self.writer.submit("write merged contracts to", move |tx| write(tx, &changes))
    }
}

impl Snapshot {
    /// What a merge of the buyer changed; `mark` is the one that it clears.
    ///
    /// # Errors
    /// A disk fault.
    pub fn change(&self, input: &BuyerInput, mark: i64, merged: MergedBuyer) -> Result<BuyerChange, StoreError> {
        diff(self, input, mark, merged)
    }

    /// All that stands of a buyer. Memory: the buyer's observations.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn buyer(&self, buyer: Siren) -> Result<BuyerInput, StoreError> {
        self.buyer_rows(buyer, "AND s.outcome<>5")
    }

    /// All that was ever said of a buyer and is kept, also what is gone and no part of a contract
    /// any more: for whoever explains a contract's history.
    ///
    /// # Errors
    /// A disk fault or a damaged row.
    pub fn buyer_with_gone(&self, buyer: Siren) -> Result<BuyerInput, StoreError> {
        self.buyer_rows(buyer, "")
    }

    /// Whether any source ever said anything.
    ///
    /// # Errors
    /// A disk fault.
    pub fn has_observations(&self) -> Result<bool, StoreError> {
        Ok(self.conn.query_row("SELECT EXISTS (SELECT 1 FROM observation)", [], |r| r.get(0))?)
    }

    fn buyer_rows(&self, buyer: Siren, which: &str) -> Result<BuyerInput, StoreError> {
        let held = self.held()?;
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT o.id, o.source, s.resource, s.position, s.gone, o.first_seen, s.outcome, s.same_as, o.body
             FROM observation o JOIN standing s ON s.id=o.id WHERE o.siren=?1 {which}"
        ))?;
        let mut rows = statement.query([siren_number(buyer)])?;
        let mut also = self
            .conn
            .prepare_cached("SELECT r.id FROM also a JOIN resource r ON r.n=a.resource WHERE a.id=?1 ORDER BY r.id")?;
        let (mut found, mut before) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let damaged = |why: &dyn std::fmt::Display| StoreError::damaged(format!("observation {id}"), why);
            let resource = held
                .resources
                .get(&row.get::<_, i64>(2)?)
                .ok_or_else(|| damaged(&"it stands in a resource that is not there"))?;
            let gone: Option<i32> = row.get(4)?;
            let body = row.get_ref(8)?.as_blob().map_err(|e| damaged(&e))?;
            found.push(MergeRow {
                id,
                source: row.get(1)?,
                resource: resource.id.clone(),
                position: row.get(3)?,
                also_in: match held.shared {
                    true => also.query_map([id], |r| r.get(0))?.collect::<Result<_, _>>()?,
                    false => Vec::new(),
                },
                gone: gone.and_then(Day::from_number),
                withdrawn: gone
                    .zip(resource.whole_day)
                    .is_some_and(|(gone, whole)| whole - gone >= WITHDRAWN_AFTER_DAYS),
                resource_date: resource.date,
                first_seen: Day::from_number(row.get(5)?).ok_or_else(|| damaged(&"its day is no day"))?,
                observation: postcard::from_bytes(body).map_err(|e| damaged(&e))?,
            });
            before.push((id, row.get(6)?, row.get(7)?));
        }
        Ok(BuyerInput { siren: buyer, rows: found, before })
    }

    /// What every buyer's rows refer to: read once, since a snapshot does not change.
    fn held(&self) -> Result<&Held, StoreError> {
        if let Some(held) = self.held.get() {
            return Ok(held);
        }
        let mut statement = self.conn.prepare("SELECT n, id, whole_day, resource_date FROM resource")?;
        let resource = |r: &rusqlite::Row<'_>| {
            let date = r.get::<_, Option<i32>>(3)?.and_then(Day::from_number);
            Ok((r.get(0)?, HeldResource { id: r.get(1)?, whole_day: r.get(2)?, date }))
        };
        let resources = statement.query_map([], resource)?.collect::<Result<_, _>>()?;
        let shared = self.conn.query_row("SELECT EXISTS (SELECT 1 FROM also)", [], |r| r.get(0))?;
        Ok(self.held.get_or_init(|| Held { resources, shared }))
    }
}

/// See [`Snapshot::held`].
pub(super) struct Held {
    resources: HashMap<i64, HeldResource>,
    /// Whether any observation stands in two resources.
    shared: bool,
}

struct HeldResource {
    id: String,
    whole_day: Option<i32>,
    date: Option<Day>,
}

fn diff(snapshot: &Snapshot, input: &BuyerInput, mark: i64, merged: MergedBuyer) -> Result<BuyerChange, StoreError> {
    let siren = siren_number(input.siren);
    let mut change = BuyerChange { siren, mark, ..BuyerChange::default() };
    let before: HashMap<i64, (u8, Option<i64>)> =
        input.before.iter().map(|(id, outcome, same)| (*id, (*outcome, *same))).collect();
    change.outcomes =
        merged.outcomes.into_iter().filter(|(id, outcome, same)| before.get(id) != Some(&(*outcome, *same))).collect();
    let (mut made, mut encoded) = (Vec::with_capacity(merged.contracts.len()), Vec::new());
    for contract in merged.contracts {
        encoded.clear();
        encoded = postcard::to_extend(&contract, encoded).map_err(|e| StoreError::damaged("a contract", e))?;
        made.push(ContractRow {
            uid: contract.uid.as_str().to_owned(),
            in_scope: contract.region.in_scope,
            withdrawn: contract.withdrawn,
            body: encoded.as_slice().to_vec(),
        });
    }
    made.sort_unstable_by(|a, b| a.uid.cmp(&b.uid));
    let mut stands = vec![false; made.len()];
    let mut statement =
        snapshot.conn.prepare_cached("SELECT n, uid, in_scope, withdrawn, body FROM contract WHERE siren=?1")?;
    let mut rows = statement.query([siren])?;
    while let Some(row) = rows.next()? {
        let damaged = |e: rusqlite::types::FromSqlError| StoreError::damaged("a contract", e);
        let uid = row.get_ref(1)?.as_str().map_err(damaged)?;
        match made.binary_search_by(|m| m.uid.as_str().cmp(uid)) {
            Ok(i) => {
                let body = row.get_ref(4)?.as_blob().map_err(damaged)?;
                let scope: (bool, bool) = (row.get(2)?, row.get(3)?);
                let same = made.get(i).is_some_and(|m| (m.in_scope, m.withdrawn) == scope && m.body == body);
                if let Some(stands) = stands.get_mut(i) {
                    *stands = same;
                }
            }
            Err(_) => change.deletes.push(row.get(0)?),
        }
    }
    change.upserts = made.into_iter().zip(stands).filter_map(|(row, stands)| (!stands).then_some(row)).collect();
    change.deletes.sort_unstable();
    Ok(change)
}

fn write(tx: &Transaction<'_>, changes: &[BuyerChange]) -> Result<usize, StoreError> {
    let mut outcome = tx.prepare_cached("UPDATE standing SET outcome=?2, same_as=?3 WHERE id=?1")?;
    let mut delete = tx.prepare_cached("DELETE FROM contract WHERE n=?1")?;
    let mut upsert = tx.prepare_cached(
        "INSERT INTO contract (uid, siren, in_scope, withdrawn, body) VALUES (?1,?2,?3,?4,?5) ON CONFLICT (uid) DO UPDATE SET
         siren=excluded.siren, in_scope=excluded.in_scope, withdrawn=excluded.withdrawn, body=excluded.body",
    )?;
    let mut clean = tx.prepare_cached("DELETE FROM dirty WHERE siren=?1 AND mark=?2")?;
    let mut touched = 0;
    for change in changes {
        for (id, code, same) in &change.outcomes {
            outcome.execute(params![id, code, same])?;
        }
        for n in &change.deletes {
            delete.execute([n])?;
        }
        for row in &change.upserts {
            upsert.execute(params![row.uid, change.siren, row.in_scope, row.withdrawn, row.body])?;
        }
        crash_point!("merge.batch");
        clean.execute(params![change.siren, change.mark])?;
        touched += change.deletes.len() + change.upserts.len();
    }
    if touched > 0 {
        meta::bump_state(tx)?;
    }
    Ok(touched)
}

/// Makes a buyer due, all that it ever said included: what is gone and was replaced is merged again.
pub(super) fn reopen(tx: &Transaction<'_>, siren: u32) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE standing SET outcome=1, same_as=NULL WHERE outcome=5 AND id IN (SELECT id FROM observation WHERE siren=?1)",
    )?
    .execute([siren])?;
    tx.prepare_cached(
        "INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE siren=?1 ON CONFLICT DO UPDATE SET mark=mark+1",
    )?
    .execute([siren])?;
    Ok(())
}

/// A SIREN as the store's integer.
pub(super) fn siren_number(siren: Siren) -> u32 {
    siren.as_str().parse().unwrap_or_default()
}

pub(super) fn siren(number: u32) -> Result<Siren, StoreError> {
    Siren::parse(&format!("{number:09}")).ok_or_else(|| StoreError::damaged("a buyer", format!("{number} is no SIREN")))
}
