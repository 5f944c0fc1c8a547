//! What a rebuilt store takes over from the one it replaces: what no payload says.

use rusqlite::params;

use super::{Snapshot, Store, StoreError};

impl Store {
    /// Takes over the health of sources, the validators of payloads that are still current, and
    /// the list of publications.
    ///
    /// # Errors
    /// A disk fault.
    pub fn carry_over(&self, old: &Snapshot) -> Result<(), StoreError> {
        let states = old.sources()?;
        let names: std::collections::HashMap<i64, String> =
            states.iter().map(|s| (s.source.n, s.source.id.clone())).collect();
        let resources = old.resources(None)?;
        let publications = old.publications()?;
        self.writer.run("carry over to", move |tx| {
            let mut source = tx.prepare_cached(
                "UPDATE source SET last_attempt=?2, last_success=?3, next_run=?4, consecutive_failures=?5, last_error=?6, partial=?7, first_attempt=?8 WHERE id=?1",
            )?;
            for s in &states {
                source.execute(params![s.source.id, s.last_attempt, s.last_success, s.next_run, s.consecutive_failures, s.last_error, s.partial, s.first_attempt])?;
            }
            let mut resource = tx.prepare_cached(
                "UPDATE resource SET etag=?4, last_modified=?5, checksum=?6, full_fetch=?7, error=?8
                 WHERE id=?2 AND sha256=?3 AND source=(SELECT n FROM source WHERE id=?1)",
            )?;
            for r in &resources {
                let day = r.full_fetch.map(crate::record::Day::number);
                resource.execute(params![
                    names.get(&r.source),
                    r.id,
                    r.sha256,
                    r.validators.etag,
                    r.validators.last_modified,
                    r.checksum,
                    day,
                    r.error
                ])?;
            }
            for p in &publications {
                super::meta::insert_publication(tx, p)?;
            }
            Ok(())
        })
    }
}
