//! Unites the modifications and acts of a contract's current observations (records.md §5).
//!
//! Two are the same when their dates agree and no field contradicts, absent agreeing with
//! anything: a 2019 modification (objet, no id) and a 2022 one (id, no objet) meet. The one of the
//! observation that wins is kept as it is, never completed from another, so that every value
//! stays that of the observation it names. Lines of one observation are as many as it declares.

use std::collections::BTreeSet;

use crate::record::{ActeSousTraitance, Day, Holder, Modification, ModificationActe, ObservationIndex};

use super::text::{letters, same_text};

/// Most entries that are compared one by one; beyond, only equal ones are found to be the same.
const MOST_COMPARED: usize = 1000;

/// A line of a list that is united.
pub(super) trait Line: Clone + Ord {
    /// How well another describes the same event: `None` when it does not, else how many fields
    /// say the same.
    fn agrees(&self, other: &Self) -> Option<u32>;
    /// Notification, publication, id.
    fn moment(&self) -> (Option<Day>, Option<Day>, Option<u32>);
}

/// What two optional values say of each other.
struct Agreement(Option<u32>);

impl Agreement {
    fn new() -> Self {
        Self(Some(0))
    }
    fn on<T>(self, a: Option<T>, b: Option<T>, same: impl FnOnce(&T, &T) -> bool) -> Self {
        Self(self.0.and_then(|n| match (&a, &b) {
            (Some(x), Some(y)) => same(x, y).then_some(n + 1),
            _ => Some(n),
        }))
    }
    fn equal<T: PartialEq>(self, a: Option<T>, b: Option<T>) -> Self {
        self.on(a, b, |x, y| x == y)
    }
    /// Agreement once the days are looked at. A platform publishes a modification on another day
    /// than the buyer; so other publication days are the same event when the notification day and
    /// at least one other field are.
    fn days(self, a: (Option<Day>, Option<Day>), b: (Option<Day>, Option<Day>)) -> Option<u32> {
        let n = self.0?;
        let notified = Self::new().equal(a.0, b.0).0?;
        match Self::new().equal(a.1, b.1).0 {
            Some(published) => Some(n + notified + published),
            None => (notified > 0 && n > 0).then_some(n + notified),
        }
    }
}

fn holders(list: &[Holder]) -> Option<BTreeSet<String>> {
    let keys: BTreeSet<String> = list.iter().filter_map(Holder::key).collect();
    (!keys.is_empty()).then_some(keys)
}

impl Line for Modification {
    fn agrees(&self, o: &Self) -> Option<u32> {
        Agreement::new()
            .equal(self.id, o.id)
            .on(self.objet.as_ref(), o.objet.as_ref(), |a, b| same_text(&letters(a), &letters(b)))
            .equal(self.duree_mois, o.duree_mois)
            .equal(self.montant, o.montant)
            .equal(holders(&self.titulaires), holders(&o.titulaires))
            .days((self.date, self.date_publication), (o.date, o.date_publication))
    }
    fn moment(&self) -> (Option<Day>, Option<Day>, Option<u32>) {
        (self.date, self.date_publication, self.id)
    }
}

impl Line for ActeSousTraitance {
    fn agrees(&self, o: &Self) -> Option<u32> {
        Agreement::new()
            .equal(self.id, o.id)
            .equal(self.sous_traitant.key(), o.sous_traitant.key())
            .equal(self.duree_mois, o.duree_mois)
            .equal(self.montant, o.montant)
            .equal(self.variation_prix, o.variation_prix)
            .days((self.date, self.date_publication), (o.date, o.date_publication))
    }
    fn moment(&self) -> (Option<Day>, Option<Day>, Option<u32>) {
        (self.date, self.date_publication, self.id)
    }
}

impl Line for ModificationActe {
    fn agrees(&self, o: &Self) -> Option<u32> {
        Agreement::new()
            .equal(self.id, o.id)
            .equal(self.duree_mois, o.duree_mois)
            .equal(self.montant, o.montant)
            .days((self.date, self.date_publication), (o.date, o.date_publication))
    }
    fn moment(&self) -> (Option<Day>, Option<Day>, Option<u32>) {
        (self.date, self.date_publication, self.id)
    }
}

/// One event, with every line found to tell it.
struct Event<'a, T> {
    told: Vec<&'a T>,
    from: ObservationIndex,
    /// The last observation that told it: it does not tell it twice.
    last: ObservationIndex,
}

/// Unites lists given in winning order; sorted by date, publication and id, undated lines last.
pub(super) fn unite<'a, T: Line + 'a>(
    lists: impl IntoIterator<Item = (ObservationIndex, &'a [T])>,
) -> Vec<(T, ObservationIndex)> {
    let mut events: Vec<Event<'a, T>> = Vec::new();
    let mut known: BTreeSet<&T> = BTreeSet::new();
    for (from, list) in lists {
        for line in list {
            if !known.insert(line) {
                continue;
            }
            match best(&mut events, line, from) {
                Some(event) => {
                    event.told.push(line);
                    event.last = from;
                }
                None => events.push(Event { told: vec![line], from, last: from }),
            }
        }
    }
    let mut out: Vec<(T, ObservationIndex)> =
        events.into_iter().filter_map(|e| Some((T::clone(e.told.first()?), e.from))).collect();
    out.sort_by(|(a, i), (b, j)| when(a).cmp(&when(b)).then_with(|| a.cmp(b)).then(i.cmp(j)));
    out
}

/// The event that a line of another observation tells best: every line told of it agrees.
fn best<'e, 'a, T: Line>(
    events: &'e mut [Event<'a, T>],
    line: &T,
    from: ObservationIndex,
) -> Option<&'e mut Event<'a, T>> {
    if events.len() > MOST_COMPARED {
        return None;
    }
    let mut found: Option<(u32, &'e mut Event<'a, T>)> = None;
    for event in events.iter_mut().filter(|e| e.last != from) {
        let score = event.told.iter().try_fold(0, |most, t| Some(line.agrees(t)?.max(most)));
        if let Some(score) = score
            && found.as_ref().is_none_or(|(most, _)| score > *most)
        {
            found = Some((score, event));
        }
    }
    found.map(|(_, event)| event)
}

type When = (bool, Option<Day>, Option<Day>, Option<u32>);

fn when<T: Line>(line: &T) -> When {
    let (date, published, id) = line.moment();
    let day = date.or(published);
    (day.is_none(), day, published, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Money;

    fn day(d: i8) -> Option<Day> {
        Day::from_ymd(2024, 3, d)
    }

    #[test]
    fn a_2019_modification_and_a_2022_one_of_the_same_dates_are_one() {
        let old = Modification {
            objet: Some("Avenant 1".to_owned()),
            date: day(4),
            date_publication: day(9),
            montant: Some(Money::euros(120)),
            ..Modification::default()
        };
        let new = Modification { id: Some(1), objet: None, ..old.clone() };
        let other = Modification { id: Some(2), date: day(20), date_publication: day(21), ..Modification::default() };
        let united = unite([(1, [other.clone(), new.clone()].as_slice()), (0, [old.clone()].as_slice())]);
        assert_eq!(united, [(new, 1), (other, 1)]);
    }

    #[test]
    fn modifications_that_contradict_or_stand_in_one_record_stay_two() {
        let a = Modification { date: day(4), montant: Some(Money::euros(120)), ..Modification::default() };
        let b = Modification { montant: Some(Money::euros(130)), ..a.clone() };
        let c = Modification { date: day(4), duree_mois: Some(12), ..Modification::default() };
        assert_eq!(unite([(0, [a.clone()].as_slice()), (1, [b].as_slice())]).len(), 2);
        assert_eq!(unite([(0, [a.clone(), c].as_slice())]).len(), 2);
        assert_eq!(unite([(0, [a.clone(), a].as_slice())]).len(), 1);
    }

    #[test]
    fn the_same_modification_published_on_another_day_by_a_platform_is_one() {
        let a = Modification {
            date: day(4),
            date_publication: day(5),
            montant: Some(Money::euros(120)),
            ..Modification::default()
        };
        let b = Modification { date_publication: day(8), ..a.clone() };
        let unlike =
            Modification { date: day(4), date_publication: day(8), duree_mois: Some(3), ..Modification::default() };
        assert_eq!(unite([(0, [a.clone()].as_slice()), (1, [b].as_slice())]).len(), 1);
        assert_eq!(unite([(0, [a].as_slice()), (1, [unlike].as_slice())]).len(), 2);
    }

    #[test]
    fn acts_of_two_subcontractors_stay_two_and_an_act_told_twice_is_one() {
        let act = |id, siret: &str| ActeSousTraitance {
            id,
            sous_traitant: Holder { id: Some(siret.to_owned()), ..Holder::default() },
            date: day(1),
            ..ActeSousTraitance::default()
        };
        let lists = [vec![act(Some(1), "1"), act(Some(2), "2")], vec![act(None, "2")]];
        let united = unite([(0, lists[0].as_slice()), (1, lists[1].as_slice())]);
        assert_eq!(united.len(), 2);
    }
}
