//! What belongs to the region: the buyer's seat, else the place, else a sibling's place.

use super::Cx;
use crate::demo::actors::{self, Buyer};
use crate::demo::draft;
use crate::demo::family::{Family, Fate, Notice, Slot, Wanted};
use crate::demo::truth::Expected;
use crate::record::{Record, Where};

fn marche(cx: &mut Cx, buyer: &Buyer, place: Where) -> Option<Record> {
    let mut r = draft::marche(buyer, &cx.number('R'), true, &mut cx.rng)?;
    r.lieu = Some(actors::place(place, &mut cx.rng));
    Some(r)
}

/// Another region's buyer, and nothing here.
pub(super) fn outside_seat(cx: &mut Cx) -> Option<Family> {
    let b = actors::foreign_buyer(cx.seed, &mut cx.rng);
    let r = marche(cx, &b, Where::Outside)?;
    Some(not_ours(&b, &r))
}

/// A body whose seat is unknown, and nothing here.
pub(super) fn unknown_seat_elsewhere(cx: &mut Cx) -> Option<Family> {
    let b = actors::private_buyer(&mut cx.rng);
    let place = cx.rng.pick(&[Where::Outside, Where::Unknown]);
    let r = marche(cx, &b, place)?;
    Some(not_ours(&b, &r))
}

/// Another region's buyer has work done here.
pub(super) fn place_decides(cx: &mut Cx) -> Option<Family> {
    let b = actors::foreign_buyer(cx.seed, &mut cx.rng);
    let r = marche(cx, &b, Where::Inside)?;
    Some(ours(&b, &r))
}

/// A body whose seat is unknown has work done here.
pub(super) fn unknown_seat(cx: &mut Cx) -> Option<Family> {
    let b = actors::private_buyer(&mut cx.rng);
    let r = marche(cx, &b, Where::Inside)?;
    Some(ours(&b, &r))
}

/// A buyer of the region has work done elsewhere.
pub(super) fn seat_decides(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let r = marche(cx, &b, Where::Outside)?;
    Some(ours(&b, &r))
}

/// The seat is unknown, and of two records of the contract only one says that its place lies here.
pub(super) fn sibling_shows(cx: &mut Cx) -> Option<Family> {
    let b = actors::private_buyer(&mut cx.rng);
    let here = marche(cx, &b, Where::Inside)?;
    let mut vague = here.clone();
    vague.lieu = Some(actors::place(Where::Unknown, &mut cx.rng));
    let mut f = Family::of(
        &b.siren,
        [Slot::any(Wanted::V2022), Slot::any(Wanted::Either)],
    );
    let n = f.alone(&here);
    f.notices.push(Notice::accepted(1, n, &vague));
    Some(f)
}

/// The seat is known to lie elsewhere: the record that does not say that its place lies here is
/// dropped at the door, though its sibling is in.
pub(super) fn left_at_the_door(cx: &mut Cx) -> Option<Family> {
    let b = actors::foreign_buyer(cx.seed, &mut cx.rng);
    let here = marche(cx, &b, Where::Inside)?;
    let mut vague = here.clone();
    vague.lieu = Some(actors::place(Where::Unknown, &mut cx.rng));
    let mut f = Family::of(
        &b.siren,
        [Slot::any(Wanted::V2022), Slot::any(Wanted::Either)],
    );
    let n = f.alone(&here);
    f.notices.push(Notice::of(1, Fate::OutOfRegion(n), &vague));
    Some(f)
}

fn ours(b: &Buyer, r: &Record) -> Family {
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.alone(r);
    f
}

fn not_ours(b: &Buyer, r: &Record) -> Family {
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.member_as(Expected::of(r), false);
    f.notices.push(Notice::of(0, Fate::OutOfRegion(n), r));
    f
}
