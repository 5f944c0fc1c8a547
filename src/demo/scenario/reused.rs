//! What is several contracts although its records look alike: they must not meet (records.md §4
//! and the labelled pairs of the real files, of which these are the kinds).

use rust_decimal::Decimal;

use super::{Cx, without_lot};
use crate::demo::draft;
use crate::demo::family::{Family, Notice, Slot, Voice, Wanted};
use crate::record::{Money, Record};

/// Three lots under one id: other lot numbers, holders and amounts.
pub(super) fn lots(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let first = cx.marche(&b)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    for lot in three_lots(cx, first) {
        f.alone(&lot);
    }
    Some(f)
}

/// Two lots under one id, won by the same firm at the same price: only the lot tells them apart.
pub(super) fn lots_alike(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let mut other = one.clone();
    let objet = one.objet.take()?;
    one.objet = Some(format!("{objet} - lot 2"));
    other.objet = Some(format!("{objet} - lot 3"));
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(&one);
    f.alone(&other);
    Some(f)
}

/// Three contracts under one id with the same text and no lot number: other holders and amounts.
pub(super) fn same_text(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut r = cx.marche(&b)?;
    without_lot(&mut r);
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(&r);
    for _ in 0..2 {
        r.montant = Some(draft::other_amount(r.montant, &mut cx.rng));
        r.titulaires = cx.others(&r.titulaires);
        f.alone(&r);
    }
    Some(f)
}

/// Two contracts of one firm under one id, in one payload and with one date: other amounts.
pub(super) fn same_holder(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let mut other = one.clone();
    other.montant = Some(draft::other_amount(one.montant, &mut cx.rng));
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(&one);
    f.alone(&other);
    Some(f)
}

/// The buyer gave a number twice: two contracts that have nothing in common, in one payload or in
/// two sources.
pub(super) fn unrelated(cx: &mut Cx, elsewhere: bool) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let mut other = cx.unlike(&one);
    other.date_publication = draft::later(one.date_publication, 30);
    let mut slots = vec![Slot::any(Wanted::Either)];
    if elsewhere {
        slots.push(Slot::any(Wanted::Either));
    }
    let mut f = Family::of(&b.siren, slots);
    f.alone(&one);
    let n = f.member(&other);
    f.notices
        .push(Notice::accepted(usize::from(elsewhere), n, &other));
    Some(f)
}

/// `T00A7K10` and `T00A7K17`: same firm, amount and object, in two sources each. Two digits at the
/// end are a sequence only where one of them is `00`.
pub(super) fn last_two_digits(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    let mut other = one.clone();
    one.id = draft::local_id(&format!("{}10", cx.number('T')))?;
    other.id = draft::local_id(&format!("{}17", cx.number('T')))?;
    Some(in_both(
        &b.siren,
        [Slot::any(Wanted::V2022), Slot::any(Wanted::Either)],
        &[one, other],
    ))
}

/// The 2019 form of such ids (`2023T00A7K1000`, `2023T00A7K1700`) meets each its own.
pub(super) fn sequences_of_lots(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let first = cx.marche(&b)?;
    let second = cx.unlike(&first);
    let mut f = Family::of(
        &b.siren,
        [Slot::any(Wanted::V2022), Slot::any(Wanted::V2019)],
    );
    for (mut r, digits) in [(first, 10), (second, 17)] {
        let number = format!("{}{digits}", cx.number('T'));
        r.id = draft::local_id(&number)?;
        let mut old = r.clone();
        old.id = draft::local_id(&draft::id_2019(r.date_notification?.year(), &number, 0))?;
        let n = f.member(&r);
        f.notices.push(Notice::accepted(0, n, &r));
        f.notices.push(Notice::accepted(1, n, &old));
    }
    Some(f)
}

/// Two contracts alike in holder, amount and object, numbered `T00A7K10` and `T00A7K17`; a third
/// source gives the stem of both (`T00A7K`), with the day and duration of the second. It joins that
/// one, and does not pull the first in.
pub(super) fn through_a_third(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche(&b)?;
    without_lot(&mut one);
    let mut other = one.clone();
    other.date_notification = draft::later(one.date_notification, -40);
    other.duree_mois = one.duree_mois.map(|d| d + 12);
    let mut stem = other.clone();
    one.id = draft::local_id(&format!("{}10", cx.number('T')))?;
    other.id = draft::local_id(&format!("{}17", cx.number('T')))?;
    stem.id = draft::local_id(&cx.number('T'))?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::V2022), Slot::any(Wanted::Either)]);
    f.alone(&one);
    let n = f.alone(&other);
    f.notices.push(Notice::accepted(1, n, &stem));
    Some(f)
}

/// The forms that two formats make of one number, but nothing else in common than the amount.
pub(super) fn stem_without_evidence(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut new = cx.marche(&b)?;
    without_lot(&mut new);
    let mut old = cx.unlike(&new);
    old.montant = new.montant;
    old.id = cx.id_2019(&old, 0)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::V2022), Slot::any(Wanted::V2019)]);
    f.alone(&new);
    let n = f.member(&old);
    f.notices.push(Notice::accepted(1, n, &old));
    Some(f)
}

/// Two contracts of one firm under one id; another platform knows the second of them only, with an
/// amount corrected since. Nothing forbids that it were the first: object, day and the nearer
/// amount say which it is.
pub(super) fn best_fit(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche_2019(&b)?;
    without_lot(&mut one);
    let mut other = cx.unlike(&one);
    other.titulaires = one.titulaires.clone();
    other.date_notification = draft::later(one.date_notification, -50);
    let mut corrected = other.clone();
    corrected.montant = other.montant.map(|m| Money::new((m.decimal() * Decimal::new(105, 2)).round_dp(2)));
    corrected.date_publication = draft::later(other.date_publication, 30);
    let slot = Slot { format: Wanted::V2019, voice: Voice::Platform, needed: true };
    let mut f = Family::of(&b.siren, [slot, slot]);
    f.alone(&one);
    let n = f.member(&corrected);
    f.notices.push(Notice::accepted(0, n, &other));
    f.notices.push(Notice::accepted(1, n, &corrected));
    Some(f)
}

/// A marché and a concession of one id, alike in all that both have.
pub(super) fn kinds_of_one_id(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let recent = cx.rng.chance(50);
    let mut marche = draft::marche(&b, &cx.number('M'), recent, &mut cx.rng)?;
    without_lot(&mut marche);
    let mut concession = draft::concession(&b, &cx.number('M'), recent, &mut cx.rng)?;
    concession.objet = marche.objet.clone();
    concession.montant = marche.montant;
    concession.titulaires = marche.titulaires.clone();
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(&marche);
    f.alone(&concession);
    Some(f)
}

/// `2021M00A7K` and `2022M00A7K`: the number starts anew each year.
pub(super) fn years_of_one_stem(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut one = cx.marche_2019(&b)?;
    without_lot(&mut one);
    let mut other = cx.unlike(&one);
    other.date_notification = draft::later(one.date_notification, 366);
    other.date_publication = draft::later(other.date_notification, 10);
    for r in [&mut one, &mut other] {
        r.id = draft::local_id(&format!(
            "{}{}",
            r.date_notification?.year(),
            cx.number('M')
        ))?;
    }
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(&one);
    f.alone(&other);
    Some(f)
}

/// Two lots of one id in each of two sources: each joins the one it fits.
pub(super) fn lots_in_two_sources(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let first = cx.marche(&b)?;
    let mut lots = three_lots(cx, first);
    lots.truncate(2);
    Some(in_both(
        &b.siren,
        [Slot::any(Wanted::V2022), Slot::any(Wanted::Either)],
        &lots,
    ))
}

fn three_lots(cx: &mut Cx, mut r: Record) -> Vec<Record> {
    without_lot(&mut r);
    let objet = r.objet.take().unwrap_or_default();
    let mut lots = Vec::new();
    for n in 1..=3 {
        r.objet = Some(format!("{objet} - lot {n}"));
        lots.push(r.clone());
        r.montant = Some(draft::other_amount(r.montant, &mut cx.rng));
        r.titulaires = cx.others(&r.titulaires);
    }
    lots
}

/// Each of these contracts in both slots.
fn in_both(siren: &str, slots: [Slot; 2], contracts: &[Record]) -> Family {
    let mut f = Family::of(siren, slots);
    for r in contracts {
        let n = f.member(r);
        f.notices.push(Notice::accepted(0, n, r));
    }
    for (n, r) in (0..).zip(contracts) {
        f.notices.push(Notice::accepted(1, n, r));
    }
    f
}
