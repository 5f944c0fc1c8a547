//! What is one contract although its records differ: they have to meet.

use super::{Cx, without_lot};
use crate::demo::draft::{self, later};
use crate::demo::family::{Family, Fate, Notice, Slot, Voice, Wanted};
use crate::demo::truth::Expected;
use crate::record::{Groupement, Nature2019, Technique};

/// `2023M00A7K00` in the 2019 format and `M00A7K` in the 2022 one.
pub(super) fn year_and_sequence(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let new = cx.marche(&b)?;
    let mut old = new.clone();
    old.id = cx.id_2019(&old, 0)?;
    if cx.rng.chance(50) {
        // An earlier word, before the amount was corrected: the object is evidence enough.
        old.montant = Some(draft::other_amount(new.montant, &mut cx.rng));
        old.date_publication = old.date_notification;
    }
    let mut f = Family::of(&b.siren, [platform(Wanted::V2022), platform(Wanted::V2019)]);
    // The older format has no number of offers; both agree on amount and holders, so it is kept.
    let expected = Expected { offres_recues: new.offres_recues.into(), ..Expected::of(&new) };
    let n = f.member_as(expected, true);
    f.notices.push(Notice::accepted(0, n, &new));
    f.notices.push(Notice::accepted(1, n, &old));
    Some(f)
}

/// `2023M00A7K00` in one source; in another, after a modification, `2023M00A7K01`.
pub(super) fn sequence_grew(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let before = cx.marche_2019(&b)?;
    let mut after = before.clone();
    draft::modify(&mut after, &mut cx.rng);
    after.id = cx.id_2019(&after, 1)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::V2019), Slot::any(Wanted::V2019)]);
    let n = f.member(&after);
    f.notices.push(Notice::accepted(0, n, &before));
    f.notices.push(Notice::accepted(1, n, &after));
    Some(f)
}

/// Modifications with an object and no number in the 2019 format, with a number and no object in
/// the 2022 one. Each source has two of the three; the second is the same in both.
pub(super) fn modified(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut all = cx.marche(&b)?;
    for _ in 0..3 {
        draft::modify(&mut all, &mut cx.rng);
    }
    let (mut early, mut late) = (all.clone(), all.clone());
    early.modifications.pop();
    late.modifications.remove(0);
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::V2022), Slot::any(Wanted::V2019)]);
    let n = f.member(&all);
    f.notices.push(Notice::accepted(0, n, &early));
    f.notices.push(Notice::accepted(1, n, &late));
    Some(f)
}

/// The buyer has moved: same SIREN, another establishment, and the amount corrected since.
pub(super) fn establishment_moved(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let before = cx.marche(&b)?;
    let mut after = before.clone();
    after.acheteur = b.siret(2)?;
    after.montant = Some(draft::other_amount(before.montant, &mut cx.rng));
    after.date_publication = later(after.date_publication, 20);
    let mut f = Family::of(&b.siren, [platform(Wanted::V2022), platform(Wanted::Either)]);
    let n = f.member(&after);
    f.notices.push(Notice::accepted(0, n, &before));
    f.notices.push(Notice::accepted(1, n, &after));
    Some(f)
}

/// `24-M00A7K/B` and `24.m00a7k_b`, the second with an amount that has been corrected since.
pub(super) fn separators_differ(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    let mut other = one.clone();
    let number = cx.number('M');
    one.id = draft::local_id(&format!("24-{number}/B"))?;
    other.id = draft::local_id(&format!("24.{}_b", number.to_lowercase()))?;
    other.montant = Some(draft::other_amount(one.montant, &mut cx.rng));
    other.date_publication = later(one.date_notification, -1);
    let mut f = Family::of(&b.siren, [platform(Wanted::V2022), platform(Wanted::Either)]);
    let n = f.member(&one);
    f.notices.push(Notice::accepted(0, n, &one));
    f.notices.push(Notice::accepted(1, n, &other));
    Some(f)
}

/// A framework published one holder a record, same object and amount: one contract, all holders.
pub(super) fn framework(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut r = cx.marche(&b)?;
    without_lot(&mut r);
    r.techniques = vec![Technique::AccordCadre];
    r.nature_2019 = Some(Nature2019::AccordCadre);
    r.groupement = Some(Groupement::Aucun);
    r.titulaires = crate::demo::actors::suppliers(3, &mut cx.rng);
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.member(&r);
    for holder in &r.titulaires {
        let mut one = r.clone();
        one.titulaires = vec![holder.clone()];
        f.notices.push(Notice::accepted(0, n, &one));
    }
    Some(f)
}

/// A source corrects an amount under a later publication date and leaves the first word in the
/// file: the later one is current.
pub(super) fn corrected_in_place(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let before = cx.marche(&b)?;
    let mut after = before.clone();
    after.montant = Some(draft::other_amount(before.montant, &mut cx.rng));
    after.date_publication = later(before.date_publication, 40);
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.member(&after);
    f.notices.push(Notice::of(0, Fate::Superseded(n), &before));
    f.notices.push(Notice::accepted(0, n, &after));
    Some(f)
}

/// Two platforms of equal authority: the later word wins, for all coupled fields at once.
pub(super) fn corrected_elsewhere(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let before = cx.marche_2019(&b)?;
    let mut after = before.clone();
    after.montant = Some(draft::other_amount(before.montant, &mut cx.rng));
    after.duree_mois = before.duree_mois.map(|d| d + 5);
    after.date_publication = later(before.date_publication, 40);
    let mut f = Family::of(&b.siren, [platform(Wanted::V2019), platform(Wanted::V2019)]);
    let n = f.member(&after);
    f.notices.push(Notice::accepted(0, n, &before));
    f.notices.push(Notice::accepted(1, n, &after));
    Some(f)
}

/// Platforms are of equal authority: the later word wins.
fn platform(format: Wanted) -> Slot {
    Slot { format, voice: Voice::Platform, needed: true }
}
