//! The same contract under ids that have nothing in common, as a feed of payments numbers anew what
//! a profile has published (records.md §4, rule 4); and what looks like it and is not.

use rust_decimal::Decimal;

use super::{Cx, without_lot};
use crate::demo::draft::{self, later};
use crate::demo::family::{Family, Notice, Slot, Voice, Wanted};
use crate::record::{Groupement, Money, Nature2019, Record, Technique};

/// How the ids of the feed that numbers anew begin; no profile's does.
pub(crate) const NUMBERED_ANEW: &str = "PAIE-";

/// One contract in a profile and in a feed that numbers it anew, words its object otherwise and,
/// for some, gives no day. The profile's word is the newer one.
pub(super) fn renumbered(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let one = cx.marche(&b)?;
    let mut other = anew(cx, &one, 0)?;
    if cx.rng.chance(50) {
        other.date_notification = None;
    }
    let [profile, feed] = two();
    let mut f = Family::of(&b.siren, [profile, Slot { format: Wanted::V2019, ..feed }]);
    let n = f.member(&one);
    f.notices.push(Notice::accepted(0, n, &one));
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// Three lots with one holder, of one day: the amounts tell which is which.
pub(super) fn lots(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut lot = cx.marche(&b)?;
    without_lot(&mut lot);
    let mut f = Family::of(&b.siren, two());
    for n in 0..3 {
        lot.id = draft::local_id(&format!("{}{}", cx.number('L'), ["A", "B", "C"][n]))?;
        let other = anew(cx, &lot, n)?;
        let member = f.member(&lot);
        f.notices.push(Notice::accepted(0, member, &lot));
        f.notices.push(Notice::accepted(1, member, &other));
        lot.montant = Some(draft::other_amount(lot.montant, &mut cx.rng));
    }
    Some(f)
}

/// The feed has two digits of the holder's SIRET in the wrong order.
pub(super) fn transposed(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    one.titulaires.truncate(1);
    one.groupement = Some(Groupement::Aucun);
    let mut other = anew(cx, &one, 0)?;
    for h in &mut other.titulaires {
        if let Some(id) = &mut h.id {
            let mut digits: Vec<char> = id.chars().collect();
            let at = (2..8).find(|i| digits.get(*i) != digits.get(i + 1))?;
            digits.swap(at, at + 1);
            *id = digits.into_iter().collect();
        }
    }
    let mut f = Family::of(&b.siren, two());
    let n = f.member(&one);
    f.notices.push(Notice::accepted(0, n, &one));
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// The buyer has moved: the feed names its old establishment.
pub(super) fn moved(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    one.acheteur = b.siret(2)?;
    let mut other = anew(cx, &one, 0)?;
    other.acheteur = b.siret(1)?;
    let mut f = Family::of(&b.siren, two());
    let n = f.member(&one);
    f.notices.push(Notice::accepted(0, n, &one));
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// The feed gives an amount that the profile has corrected by a few percent since.
pub(super) fn corrected(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let one = cx.marche(&b)?;
    let mut other = anew(cx, &one, 0)?;
    other.objet = one.objet.clone();
    other.montant = one.montant.map(|m| Money::new((m.decimal() * Decimal::new(103, 2)).round_dp(2)));
    let mut f = Family::of(&b.siren, two());
    let n = f.member(&one);
    f.notices.push(Notice::accepted(0, n, &one));
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// A framework: the profile publishes a record a holder, the feed one with all of them.
pub(super) fn framework(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut r = cx.marche(&b)?;
    without_lot(&mut r);
    r.techniques = vec![Technique::AccordCadre];
    r.nature_2019 = Some(Nature2019::AccordCadre);
    r.groupement = Some(Groupement::Aucun);
    r.titulaires = crate::demo::actors::suppliers(3, &mut cx.rng);
    let other = anew(cx, &r, 0)?;
    let mut f = Family::of(&b.siren, two());
    let n = f.member(&r);
    for holder in &r.titulaires {
        let mut one = r.clone();
        one.titulaires = vec![holder.clone()];
        f.notices.push(Notice::accepted(0, n, &one));
    }
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// The profile gave one id to two contracts; the feed numbers each for itself.
pub(super) fn reused(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let second = cx.unlike(&one);
    let mut f = Family::of(&b.siren, two());
    for (n, r) in [one, second].iter().enumerate() {
        let other = anew(cx, r, n)?;
        let member = f.member(r);
        f.notices.push(Notice::accepted(0, member, r));
        f.notices.push(Notice::accepted(1, member, &other));
    }
    Some(f)
}

/// Two contracts of one firm, alike but for the day, in both sources under four ids: each meets
/// its own, and no source's two meet.
pub(super) fn alike_in_each_source(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let mut f = Family::of(&b.siren, two());
    for n in 0..2 {
        one.id = draft::local_id(&format!("{}{}", cx.number('L'), ["A", "B"][n]))?;
        let other = anew(cx, &one, n)?;
        let member = f.member(&one);
        f.notices.push(Notice::accepted(0, member, &one));
        f.notices.push(Notice::accepted(1, member, &other));
        one.date_notification = later(one.date_notification, -20);
    }
    Some(f)
}

/// Two contracts alike, each in both sources. The profile leaves the day of the second out, which so
/// fits both of the feed's equally; the first fits only one of them, and the other is left for it.
pub(super) fn by_elimination(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut first = cx.marche(&b)?;
    without_lot(&mut first);
    first.id = draft::local_id(&format!("{}A", cx.number('L')))?;
    first.date_publication = later(first.date_notification, 60);
    let mut second = first.clone();
    second.id = draft::local_id(&format!("{}B", cx.number('L')))?;
    second.date_publication = later(first.date_notification, 150);
    let (mut of_first, mut of_second) = (anew(cx, &first, 0)?, anew(cx, &second, 1)?);
    of_first.date_notification = later(first.date_notification, 10);
    of_second.date_notification = later(first.date_notification, 100);
    second.date_notification = of_second.date_notification;
    let [profile, feed] = two();
    let mut f = Family::of(&b.siren, [Slot { format: Wanted::V2019, ..profile }, feed]);
    let (one, two) = (f.member(&first), f.member(&second));
    // What the winner leaves out is filled by who agrees with it.
    second.date_notification = None;
    f.notices.push(Notice::accepted(0, one, &first));
    f.notices.push(Notice::accepted(0, two, &second));
    f.notices.push(Notice::accepted(1, one, &of_first));
    f.notices.push(Notice::accepted(1, two, &of_second));
    Some(f)
}

/// Two contracts of the profile that are alike in everything; the feed has one of them, and nothing
/// says which: three contracts stand, and the candidates are told.
pub(super) fn alike_in_one_source(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let other = anew(cx, &one, 0)?;
    let mut f = Family::of(&b.siren, two());
    for letter in ["A", "B"] {
        one.id = draft::local_id(&format!("{}{letter}", cx.number('L')))?;
        f.alone(&one);
    }
    let n = f.member(&other);
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// The same service, bought from the same firm at the same price a year later.
pub(super) fn yearly_renewal(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let one = cx.marche(&b)?;
    let mut next = anew(cx, &one, 0)?;
    next.objet = one.objet.clone();
    next.date_notification = later(one.date_notification, -365);
    let mut f = Family::of(&b.siren, two());
    f.alone(&one);
    let n = f.member(&next);
    f.notices.push(Notice::accepted(1, n, &next));
    Some(f)
}

/// Lot 2 in the profile, lot 3 in the feed: one firm, one price, one day.
pub(super) fn lots_across(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let objet = one.objet.take()?;
    let mut other = anew(cx, &one, 0)?;
    one.objet = Some(format!("{objet} - lot 2"));
    other.objet = Some(format!("{objet} - lot 3"));
    let mut f = Family::of(&b.siren, two());
    f.alone(&one);
    let n = f.member(&other);
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// A profile and a feed of equal authority, both of which may say all that a contract has.
fn two() -> [Slot; 2] {
    let slot = Slot { format: Wanted::V2022, voice: Voice::Platform, needed: true };
    [slot, Slot { format: Wanted::Either, ..slot }]
}

/// What the feed makes of a record: the `n`-th new number of the family, an earlier word, other
/// words.
fn anew(cx: &mut Cx, r: &Record, n: usize) -> Option<Record> {
    let mut other = r.clone();
    other.id = draft::local_id(&format!("{NUMBERED_ANEW}{}{}", cx.number('Z'), ["A", "B", "C"].get(n)?))?;
    other.date_publication = later(r.date_notification, -1);
    let lot = r.objet.as_deref().and_then(|o| o.split_once(" - lot ")).map(|(_, lot)| lot.to_owned());
    let plain = r.objet.as_deref().map(|o| o.split(" - lot ").next().unwrap_or(o).to_uppercase());
    other.objet = plain.map(|text| {
        let words: Vec<&str> = text.split(' ').filter(|w| w.chars().count() > 2).collect();
        let kept = words.iter().rev().take(2).copied().collect::<Vec<_>>().join(" ");
        match &lot {
            Some(lot) => format!("MARCHE {kept} - LOT {lot}"),
            None => format!("MARCHE {kept}"),
        }
    });
    Some(other)
}
