//! Which clusters are compared at all: those that share an amount, a holder's SIREN, or a
//! notification within some days.
//!
//! Bounds: a block of more than [`MOST_UNITS`] is parted by a second and a third of these keys; what
//! is larger still is a crowd that agrees in amount, holder and day, in which nothing tells one
//! from the other, and it is not compared. So each cluster is compared with at most
//! [`MOST_UNITS`] others in each of its blocks, and the work grows with the clusters, not with their
//! square.

use std::hash::Hash;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::record::Money;

use super::unit::{Unit, siren};

/// Largest block of which all pairs are compared.
pub(super) const MOST_UNITS: usize = 128;
/// Width of the buckets of days, two neighbours of which meet: 7 days apart always meet.
const DAYS: i32 = 8;

/// What a key is made of; also a bit in the mask of kinds already used.
const MONTANT: u8 = 1;
const HOLDER: u8 = 2;
const DAY: u8 = 4;

/// Shows every pair of units that share a key and of which one at least is not settled, smaller
/// index first; a pair may come several times.
pub(super) fn pairs(units: &[Unit], settled: usize, each: &mut dyn FnMut(usize, usize)) {
    let keys: Vec<Vec<(u8, u64)>> = units.iter().map(keys).collect();
    let all: Vec<u32> = (0..units.len() as u32).collect();
    let mut walk = Walk { keys: &keys, settled, each };
    walk.part(&all, 0);
}

struct Walk<'a> {
    keys: &'a [Vec<(u8, u64)>],
    settled: usize,
    each: &'a mut dyn FnMut(usize, usize),
}

impl Walk<'_> {
    /// Compares within each block of these units under keys of kinds not yet used.
    fn part(&mut self, units: &[u32], used: u8) {
        let mut places: Vec<(u8, u64, u32)> = Vec::new();
        for unit in units {
            let keys = self.keys.get(*unit as usize).map_or(&[][..], Vec::as_slice);
            places.extend(keys.iter().filter(|(kind, _)| kind & used == 0).map(|(kind, key)| (*kind, *key, *unit)));
        }
        places.sort_unstable();
        places.dedup();
        for block in places.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|b| b.len() > 1) {
            let members: Vec<u32> = block.iter().map(|(_, _, unit)| *unit).collect();
            if members.len() > MOST_UNITS {
                let kind = block.first().map_or(0, |b| b.0);
                self.part(&members, used | kind);
                continue;
            }
            for (k, i) in members.iter().enumerate() {
                for j in members.iter().skip(k + 1) {
                    if *j as usize >= self.settled {
                        (self.each)(*i as usize, *j as usize);
                    }
                }
            }
        }
    }
}

fn keys(unit: &Unit) -> Vec<(u8, u64)> {
    let mut out = Vec::with_capacity(4);
    for montant in unit.montants.iter().filter(|m| **m > Money::euros(1)) {
        let mut hash = Xxh3Default::new();
        montant.hash(&mut hash);
        out.push((MONTANT, hash.digest()));
    }
    for holder in &unit.holders {
        out.push((HOLDER, xxh3_64(siren(holder).unwrap_or(holder).as_bytes())));
    }
    for day in &unit.days {
        let bucket = i64::from(day.number().div_euclid(DAYS));
        out.extend([bucket, bucket + 1].map(|b| (DAY, b as u64)));
    }
    out.sort_unstable();
    out.dedup();
    out
}
