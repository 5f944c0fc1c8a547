//! A world: a region's contracts, their sources, and which source publishes which record in which
//! file, in a given night.
//!
//! In: seed, number of contracts, number of sources, night. Out: families in order, each with the
//! places of its records. Nothing is kept: a world of a million contracts costs as much memory as
//! one of ten, and whoever needs them plays them again.

use super::family::{Family, Fate, Slot, Voice, Wanted};
use super::profile::{Authority, MIN_SOURCES, Profile};
use super::rng::{About, Rng};
use super::scenario::{Cx, Scenario};
use crate::record::Format;

/// The last night that is told: what was removed is not yet withdrawn by then (7 days).
pub const LAST_NIGHT: u32 = 6;

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    night: u32,
    families: u64,
    contracts: usize,
    profiles: Vec<Profile>,
}

/// Where a record of a family stands: source and file.
pub(crate) type Spot = Option<(usize, usize)>;

/// Takes a family: its number, itself, the spot of each of its notices.
pub(crate) type Visit<'a, E> = dyn FnMut(u64, &Family, &[Spot]) -> Result<(), E> + 'a;

impl World {
    /// A world of at least so many contracts (a scenario is never cut in two) in so many sources
    /// (never fewer than [`MIN_SOURCES`]), as it stands in the first night. Some hundred contracts
    /// hold every scenario.
    pub fn new(seed: u64, contracts: usize, sources: usize) -> Self {
        let (mut families, mut count) = (0, 0);
        while count < contracts {
            count += Scenario::of(seed, families).contracts();
            families += 1;
        }
        Self { seed, night: 1, families, contracts: count, profiles: Profile::all(seed, sources.max(MIN_SOURCES)) }
    }

    /// The same world in another night, from 1 to [`LAST_NIGHT`]: contracts are changed, added,
    /// removed.
    #[must_use]
    pub fn night(&self, night: u32) -> Self {
        Self { night: night.clamp(1, LAST_NIGHT), ..self.clone() }
    }

    /// What everything follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// Which night it is, from 1.
    pub fn which_night(&self) -> u32 {
        self.night
    }
    /// How many contracts there are once all are published, those of other regions too.
    pub fn contracts(&self) -> usize {
        self.contracts
    }
    /// Its sources, the dead one last.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Shows every family in order, with the places of its notices.
    ///
    /// # Errors
    /// The visitor's first one.
    pub(crate) fn each<E>(&self, visit: &mut Visit<'_, E>) -> Result<(), E> {
        for number in 0..self.families {
            let scenario = Scenario::of(self.seed, number);
            let Some(family) = scenario.play(&mut Cx::new(self.seed, number, self.night)) else {
                continue;
            };
            if let Some(spots) = self.place(number, &family) {
                visit(number, &family, &spots)?;
            }
        }
        Ok(())
    }

    /// A source and a file for each slot, then a place for each notice. `None` when a slot that
    /// the family needs cannot be filled.
    fn place(&self, number: u64, family: &Family) -> Option<Vec<Spot>> {
        let mut rng = Rng::new(self.seed, About::Placement, number);
        let mut chosen: Vec<Option<(usize, usize)>> = Vec::new();
        for slot in &family.slots {
            let taken = |p: &Profile| chosen.iter().flatten().any(|(k, _)| *k == p.number);
            let fit: Vec<_> = self.profiles.iter().filter(|p| fits(p, *slot, &family.siren) && !taken(p)).collect();
            let one = fit.get(rng.skewed(fit.len())).map(|p| (p.number, rng.below(p.files.len())));
            if one.is_none() && slot.needed {
                return None;
            }
            chosen.push(one);
        }
        let spot = |n: &super::family::Notice| {
            let (source, first) = chosen.get(n.slot).copied().flatten()?;
            let files = self.profiles.get(source)?.files.len();
            // A second file is asked for where there is none: the record is not published twice.
            let again = n.resource > 0 && files == 1 && matches!(n.fate, Fate::Accepted(_));
            (!again).then_some((source, (first + n.resource) % files.max(1)))
        };
        Some(family.notices.iter().map(spot).collect())
    }
}

fn fits(profile: &Profile, slot: Slot, siren: &str) -> bool {
    let format = match slot.format {
        Wanted::Either => true,
        Wanted::V2019 => profile.dialect.format() == Format::V2019,
        Wanted::V2022 => profile.dialect.format() == Format::V2022,
    };
    let voice = match slot.voice {
        Voice::Anyone => profile.authority != Authority::Buyer,
        Voice::Buyer => profile.buyers.iter().any(|b| b == siren),
        Voice::Platform => profile.authority == Authority::Platform,
        Voice::Consolidator => profile.authority == Authority::Consolidator,
    };
    profile.is_alive() && format && voice
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    fn families(world: &World) -> Vec<(u64, Family, Vec<Spot>)> {
        let mut all = Vec::new();
        let Ok(()) = world.each::<Infallible>(&mut |n, f, s| {
            all.push((n, f.clone(), s.to_vec()));
            Ok(())
        });
        all
    }

    #[test]
    fn contracts_do_not_depend_on_how_many_sources_there_are() {
        let (few, many) = (families(&World::new(5, 400, 7)), families(&World::new(5, 400, 33)));
        assert_eq!(few.len(), many.len());
        for (a, b) in few.iter().zip(&many) {
            assert_eq!((a.0, &a.1), (b.0, &b.1));
        }
        let more = families(&World::new(5, 900, 7));
        assert_eq!(few[..], more[..few.len()]);
    }

    #[test]
    fn every_scenario_is_played_with_the_fewest_sources() {
        for seed in 0..10 {
            let world = World::new(seed, 115, MIN_SOURCES);
            let played: BTreeSet<_> = families(&world).iter().map(|f| Scenario::of(seed, f.0)).collect();
            let all: BTreeSet<_> = Scenario::ALL.into_iter().collect();
            assert_eq!(played, all);
        }
    }

    #[test]
    fn a_familys_slots_are_filled_by_different_sources() {
        for (_, family, spots) in families(&World::new(8, 500, 9)) {
            let used: BTreeSet<_> =
                family.notices.iter().zip(&spots).filter_map(|(n, s)| Some((n.slot, (*s)?.0))).collect();
            let sources: BTreeSet<_> = used.iter().map(|u| u.1).collect();
            assert_eq!(used.len(), sources.len());
        }
    }

    #[test]
    fn the_second_night_changes_adds_and_removes_a_little() {
        let world = World::new(2, 3_000, 9);
        let (first, second) = (families(&world), families(&world.night(2)));
        let differing = first.iter().zip(&second).filter(|(a, b)| a.1 != b.1).count();
        assert!((20..300).contains(&differing), "{differing}");
        let gone = |all: &[(u64, Family, Vec<Spot>)]| {
            all.iter().flat_map(|f| &f.1.notices).filter(|n| matches!(n.fate, Fate::Gone(_))).count()
        };
        assert!(gone(&first) == 0 && gone(&second) > 0);
        let members = |all: &[(u64, Family, Vec<Spot>)]| all.iter().map(|f| f.1.members.len()).sum::<usize>();
        assert!(members(&second) > members(&first));
    }
}
