//! Who is believed: a buyer's own profile before a platform, a platform before a consolidator,
//! whatever the dates.

use super::Cx;
use crate::demo::actors;
use crate::demo::draft::{self, later};
use crate::demo::family::{Family, Notice, Slot, Voice, Wanted};
use crate::demo::truth::{Expected, Says};
use crate::record::{Day, Holder, Record};

const BUYER: Slot = Slot {
    format: Wanted::V2022,
    voice: Voice::Buyer,
    needed: true,
};
const PLATFORM: Slot = Slot {
    format: Wanted::V2022,
    voice: Voice::Platform,
    needed: true,
};
const CONSOLIDATOR: Slot = Slot {
    format: Wanted::V2022,
    voice: Voice::Consolidator,
    needed: true,
};

/// The buyer's own word is the oldest, and wins: a platform has another amount of a later day, a
/// consolidator a third one.
pub(super) fn buyer_speaks(cx: &mut Cx) -> Option<Family> {
    let b = actors::speaker(cx.seed, 0, &mut cx.rng);
    let own = draft::marche(&b, &cx.number('M'), true, &mut cx.rng)?;
    let platform = contradicted(cx, &own, 20);
    let consolidator = contradicted(cx, &platform, 20);
    let mut f = Family::of(&b.siren, [BUYER, PLATFORM, CONSOLIDATOR]);
    let n = f.alone(&own);
    f.notices.push(Notice::accepted(1, n, &platform));
    f.notices.push(Notice::accepted(2, n, &consolidator));
    Some(f)
}

/// A platform's older word beats a consolidator's newer one.
pub(super) fn platform_over_consolidator(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let platform = draft::marche(&b, &cx.number('M'), true, &mut cx.rng)?;
    let consolidator = contradicted(cx, &platform, 30);
    let mut f = Family::of(&b.siren, [PLATFORM, CONSOLIDATOR]);
    let n = f.alone(&platform);
    f.notices.push(Notice::accepted(1, n, &consolidator));
    Some(f)
}

/// A platform forges the id of a buyer that speaks for itself: what it says can be added as a
/// contract of that buyer, and replaces nothing.
pub(super) fn forged(cx: &mut Cx) -> Option<Family> {
    let b = actors::speaker(cx.seed, 0, &mut cx.rng);
    let own = draft::marche(&b, &cx.number('M'), true, &mut cx.rng)?;
    let mut forged = cx.unlike(&own);
    forged.date_publication = later(own.date_publication, 60);
    let mut f = Family::of(&b.siren, [BUYER, PLATFORM]);
    f.alone(&own);
    let n = f.member(&forged);
    f.notices.push(Notice::accepted(1, n, &forged));
    Some(f)
}

/// The newer word has no number of offers, and another amount than the older one that has: the
/// number stays out, since it was said of another amount.
pub(super) fn no_chimera(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let old = draft::marche(&b, &cx.number('M'), true, &mut cx.rng)?;
    let mut new = contradicted(cx, &old, 30);
    new.offres_recues = None;
    let mut expected = Expected::of(&new);
    expected.offres_recues = Says::Nothing;
    let newer = Slot { format: Wanted::V2019, ..PLATFORM };
    let mut f = Family::of(&b.siren, [PLATFORM, newer]);
    let n = f.member_as(expected, true);
    f.notices.push(Notice::accepted(0, n, &old));
    f.notices.push(Notice::accepted(1, n, &new));
    Some(f)
}

/// A publication date that lies after the day of the file says nothing of how new the record is:
/// the other source's word counts.
pub(super) fn dated_ahead(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let right = cx.marche_2019(&b)?;
    let mut ahead = contradicted(cx, &right, 0);
    ahead.date_publication = Day::from_ymd(2026, 9, 1);
    let slot = Slot { format: Wanted::V2019, ..PLATFORM };
    let mut f = Family::of(&b.siren, [slot, slot]);
    let n = f.alone(&right);
    f.notices.push(Notice::accepted(1, n, &ahead));
    Some(f)
}

/// The same contract with another amount and duration, published later. One holder at least stays.
fn contradicted(cx: &mut Cx, r: &Record, days: i64) -> Record {
    let mut other = r.clone();
    other.montant = Some(draft::other_amount(r.montant, &mut cx.rng));
    other.duree_mois = r.duree_mois.map(|d| d + 7);
    other.date_publication = later(r.date_publication, days);
    let extra: Vec<Holder> = if cx.rng.chance(30) {
        cx.others(&r.titulaires)
    } else {
        Vec::new()
    };
    other.titulaires.extend(extra.into_iter().take(1));
    other
}
