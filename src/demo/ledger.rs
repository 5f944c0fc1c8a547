//! The truth of one night, written down: every contract with the places of its records, and what
//! the counts of every source have to be.
//!
//! In: a [`World`]. Out: what [`super::check`] compares a publication with. Holds all contracts of
//! the world (about a kilobyte each).

use std::collections::HashMap;
use std::convert::Infallible;

use super::family::{Content, Family, Fate, Notice};
use super::truth::{Counts, Place, TruthContract, TruthId, TruthRecord};
use super::world::{Spot, World};
use crate::record::{Format, Kind};

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Every contract, in the order of the families.
    pub contracts: Vec<TruthContract>,
    /// What the counts of each source have to be.
    pub counts: Vec<Counts>,
    /// The contract (an index into `contracts`) and the fate of each record that is one.
    pub places: HashMap<Place, (usize, Fate)>,
    /// The contracts that a source has ever published under a SIRET and an id.
    pub by_id: HashMap<(usize, String, String), Vec<usize>>,
}

/// A record, before the length of the list in front of it is known.
struct Told {
    contract: Option<usize>,
    /// Index in the contract's records.
    record: usize,
    fate: Fate,
}

/// The records of one file: those of its main list, and those of the list after it.
#[derive(Default)]
struct File {
    main: Vec<Told>,
    late: Vec<Told>,
}

impl World {
    /// Writes the truth of this night down.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger {
            counts: vec![Counts::default(); self.profiles().len()],
            ..Ledger::default()
        };
        let mut files: Vec<Vec<File>> = self
            .profiles()
            .iter()
            .map(|p| p.files.iter().map(|_| File::default()).collect())
            .collect();
        let Ok(()) = self.each::<Infallible>(&mut |number, family, spots| {
            enter(self, &mut ledger, &mut files, number, family, spots);
            Ok(())
        });
        for (profile, files) in self.profiles().iter().zip(&mut files) {
            for (file, spec) in files.iter_mut().zip(&profile.files) {
                if spec.cut && profile.is_alive() {
                    let fragment = Told {
                        contract: None,
                        record: 0,
                        fate: Fate::Quarantined,
                    };
                    file.late.push(fragment);
                    if let Some(counts) = ledger.counts.get_mut(profile.number) {
                        counts.add(Fate::Quarantined);
                    }
                }
            }
        }
        settle(&mut ledger, files);
        ledger
    }
}

/// Writes one family down.
fn enter(
    world: &World,
    ledger: &mut Ledger,
    files: &mut [Vec<File>],
    number: u64,
    family: &Family,
    spots: &[Spot],
) {
    let first = ledger.contracts.len();
    for (member, m) in (0..).zip(&family.members) {
        ledger.contracts.push(TruthContract {
            id: TruthId {
                family: number,
                member,
            },
            siren: family.siren.clone(),
            in_scope: m.in_scope,
            expected: m.expected.clone(),
            records: Vec::new(),
            in_2022: false,
        });
    }
    for (notice, spot) in family.notices.iter().zip(spots) {
        let Some((source, resource)) = *spot else {
            continue;
        };
        let Some(profile) = world.profiles().get(source) else {
            continue;
        };
        let contract = notice.fate.contract().map(|m| first + m as usize);
        let mut record = 0;
        if let (Some(index), Content::Record(r, _)) = (contract, &notice.content)
            && let Some(c) = ledger.contracts.get_mut(index)
        {
            record = c.records.len();
            let (acheteur_id, id) = (r.acheteur.to_string(), r.id.to_string());
            ledger
                .by_id
                .entry((source, acheteur_id.clone(), id.clone()))
                .or_default()
                .push(index);
            let counts = matches!(notice.fate, Fate::Accepted(_) | Fate::Gone(_));
            c.in_2022 |= counts && profile.dialect.format() == Format::V2022;
            c.records.push(TruthRecord {
                place: None,
                source,
                acheteur_id,
                id,
                fate: notice.fate,
            });
        }
        if let Some(counts) = ledger.counts.get_mut(source) {
            counts.add(notice.fate);
            counts.misspelled += u64::from(is_misspelled(notice, profile.dialect));
        }
        if matches!(notice.fate, Fate::Gone(_)) {
            continue;
        }
        if let Some(file) = files.get_mut(source).and_then(|f| f.get_mut(resource)) {
            let late = profile.dialect.is_late(kind(&notice.content));
            let list = if late { &mut file.late } else { &mut file.main };
            list.push(Told {
                contract,
                record,
                fate: notice.fate,
            });
        }
    }
}

/// The kind of the record, for the dialect that keeps two lists.
pub(crate) fn kind(content: &Content) -> Kind {
    match content {
        Content::Record(r, _) | Content::Broken(_, r) => r.kind,
    }
}

fn is_misspelled(notice: &Notice, dialect: super::dialect::Dialect) -> bool {
    let kept = matches!(notice.fate, Fate::Accepted(_));
    kept && matches!(&notice.content, Content::Record(_, quirks) if quirks.iter().any(|q| q.is_repaired(dialect)))
}

/// Gives each record its position.
fn settle(ledger: &mut Ledger, files: Vec<Vec<File>>) {
    for (source, files) in files.into_iter().enumerate() {
        for (resource, file) in files.into_iter().enumerate() {
            for (position, told) in (0..).zip(file.main.into_iter().chain(file.late)) {
                let place = Place {
                    source,
                    resource,
                    position,
                };
                let Some(index) = told.contract else { continue };
                ledger.places.insert(place, (index, told.fate));
                if let Some(r) = ledger
                    .contracts
                    .get_mut(index)
                    .and_then(|c| c.records.get_mut(told.record))
                {
                    r.place = Some(place);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_accounts_for_every_record() {
        let ledger = World::new(1, 600, 9).ledger();
        for c in &ledger.counts {
            assert_eq!(
                c.received,
                c.accepted + c.superseded + c.repeats + c.quarantined + c.out_of_region
            );
        }
        assert_eq!(
            ledger.counts.last(),
            Some(&Counts::default()),
            "the dead one says nothing"
        );
        assert!(ledger.counts.iter().map(|c| c.superseded).sum::<u64>() > 0);
        assert!(ledger.counts.iter().map(|c| c.repeats).sum::<u64>() > 1);
        assert!(ledger.counts.iter().map(|c| c.out_of_region).sum::<u64>() > 2);
        assert!(ledger.counts.iter().map(|c| c.quarantined).sum::<u64>() >= 8);
        assert!(ledger.contracts.iter().all(|c| !c.records.is_empty()));
        assert!(
            ledger
                .contracts
                .iter()
                .filter(|c| c.records.len() > 1)
                .count()
                > 100
        );
        assert!(ledger.contracts.iter().any(|c| !c.in_2022 && c.in_scope));
    }

    #[test]
    fn what_is_removed_keeps_its_contract_for_some_days() {
        let world = World::new(1, 2_000, 9);
        let gone = |l: &Ledger| {
            l.contracts
                .iter()
                .filter(|c| c.records.iter().all(|r| r.place.is_none()))
                .count()
        };
        assert_eq!(gone(&world.ledger()), 0);
        assert!(gone(&world.night(4).ledger()) > 0);
    }
}
