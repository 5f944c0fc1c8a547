//! Where buyers were found to have their seat: what a change of the register is compared with.

use std::collections::{BTreeMap, BTreeSet};

use super::{Store, StoreError};
use crate::record::{Siren, Where};

/// Numbers of the answers in the table.
const ANSWERS: [Where; 3] = [Where::Inside, Where::Outside, Where::Unknown];

impl Store {
    /// Notes where the buyers of records that were read now have their seat. To be called before their
    /// payload is made current.
    ///
    /// # Errors
    /// A disk fault.
    pub fn seats_asked(&self, source: i64, answers: BTreeMap<u32, Where>) -> Result<(), StoreError> {
        if answers.is_empty() {
            return Ok(());
        }
        self.writer.run("note the seats of buyers in", move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO seat_asked VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET answer=excluded.answer",
            )?;
            for (siren, answer) in &answers {
                let number = ANSWERS.iter().position(|a| a == answer).unwrap_or_default();
                insert.execute((source, siren, number))?;
            }
            Ok(())
        })
    }

    /// The sources with a buyer whose seat `now` finds elsewhere than when its records were read.
    ///
    /// # Errors
    /// A disk fault.
    pub fn sources_with_moved_seats(&self, now: impl Fn(&Siren) -> Where) -> Result<BTreeSet<String>, StoreError> {
        let conn = super::connect_ro(&self.path)?;
        let mut moved = BTreeSet::new();
        let mut statement = conn.prepare(
            "SELECT s.id, a.siren, a.answer FROM seat_asked a JOIN source s ON s.n=a.source ORDER BY a.source, a.siren",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (siren, answer): (u32, usize) = (row.get(1)?, row.get(2)?);
            let Some(siren) = Siren::parse(&format!("{siren:09}")) else { continue };
            if ANSWERS.get(answer) != Some(&now(&siren)) {
                moved.insert(row.get(0)?);
            }
        }
        Ok(moved)
    }
}
