//! The ordinary: a contract in one source or several, a concession, sub-contracting; and what
//! later nights do to them.

use super::{Cx, Event};
use crate::demo::draft::{self, later};
use crate::demo::family::{Family, Fate, Notice, Slot, Wanted};
use crate::demo::quirk::Quirk;
use crate::record::{ActeSousTraitance, Format, Kind, ModificationActe, Record, VariationPrix};

/// A contract that one source publishes.
pub(super) fn single(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let (mut r, old) = if cx.rng.chance(60) {
        (cx.marche(&b)?, false)
    } else {
        (cx.marche_2019(&b)?, true)
    };
    let slot = Slot::any(if old { Wanted::V2019 } else { Wanted::V2022 });
    history(cx, &mut r);
    Some(tell(cx, &b.siren, vec![slot], &r, |_, _, _| {}))
}

/// One contract in two or three sources, under the same id or the two that the formats make of it,
/// with harmless differences.
pub(super) fn overlap(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut r = cx.marche(&b)?;
    history(cx, &mut r);
    let first = cx.rng.pick(&[Wanted::V2019, Wanted::V2022]);
    let mut slots = vec![
        Slot::any(first),
        Slot::any(cx.rng.pick(&[Wanted::V2019, Wanted::V2022])),
    ];
    if cx.rng.chance(25) {
        slots.push(Slot::perhaps(Wanted::Either));
    }
    Some(tell(cx, &b.siren, slots, &r, disguise))
}

/// A concession, in the 2022 format and mostly in the 2019 format too.
pub(super) fn concession(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let recent = cx.rng.chance(50);
    let mut r = draft::concession(&b, &cx.number('C'), recent, &mut cx.rng)?;
    history(cx, &mut r);
    let mut slots = vec![Slot::any(Wanted::V2022)];
    if cx.rng.chance(60) {
        slots.push(Slot::any(Wanted::V2019));
    }
    Some(tell(cx, &b.siren, slots, &r, |_, _, _| {}))
}

/// A marché with acts of sub-contracting and, for some, their modifications, which the 2019 format
/// does not know.
pub(super) fn sub_contracting(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let mut r = draft::marche(&b, &cx.number('M'), true, &mut cx.rng)?;
    r.sous_traitance_declaree = Some(true);
    let acts = cx.rng.between(1, 2) as u32;
    for n in 1..=acts {
        r.actes.push(ActeSousTraitance {
            id: Some(n),
            sous_traitant: crate::demo::actors::suppliers(1, &mut cx.rng).pop()?,
            duree_mois: r.duree_mois,
            date: later(r.date_notification, i64::from(10 * n)),
            date_publication: later(r.date_notification, i64::from(15 * n)),
            montant: Some(draft::cents(cx.rng.between(500_000, 3_000_000))),
            variation_prix: Some(VariationPrix::Ferme),
        });
    }
    if cx.rng.chance(50) {
        r.modifications_actes.push(ModificationActe {
            id: Some(1),
            duree_mois: None,
            date: later(r.date_notification, 60),
            date_publication: later(r.date_notification, 70),
            montant: Some(draft::cents(cx.rng.between(3_000_100, 5_000_000))),
        });
    }
    let mut slots = vec![Slot::any(Wanted::V2022)];
    if cx.rng.chance(30) {
        slots.push(Slot::any(Wanted::V2019));
    }
    cx.event = Event::None;
    Some(tell(cx, &b.siren, slots, &r, |_, _, _| {}))
}

/// Modifications known on the first night, and what happened since.
fn history(cx: &mut Cx, r: &mut Record) {
    for _ in 0..cx.rng.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 2]) {
        draft::modify(r, &mut cx.rng);
    }
    let other = draft::other_amount(r.montant, &mut cx.rng);
    match cx.event {
        Event::Modified(night) if cx.night >= night => draft::modify(r, &mut cx.rng.clone()),
        Event::Corrected(night) if cx.night >= night => {
            r.montant = Some(other);
            r.date_publication = later(r.date_publication, 100);
        }
        _ => {}
    }
}

/// One contract in all the slots, each copy after the first in the given disguise; or none of
/// it yet, or no longer.
fn tell(
    cx: &mut Cx,
    siren: &str,
    slots: Vec<Slot>,
    r: &Record,
    mut disguise: impl FnMut(&mut Cx, Format, &mut Notice),
) -> Family {
    let mut family = Family::of(siren, slots);
    if matches!(cx.event, Event::Added(night) if cx.night < night) {
        return family;
    }
    let n = family.member(r);
    let gone = matches!(cx.event, Event::Removed(night) if cx.night >= night);
    let fate = if gone {
        Fate::Gone(n)
    } else {
        Fate::Accepted(n)
    };
    for slot in 0..family.slots.len() {
        let mut notice = Notice::of(slot, fate, r);
        let format = match family.slots.get(slot).map(|s| s.format) {
            Some(Wanted::V2019) => Format::V2019,
            _ => Format::V2022,
        };
        if slot > 0 {
            disguise(cx, format, &mut notice);
        }
        family.notices.push(notice);
    }
    family
}

/// A harmless difference between two sources, and for the 2019 format the id of its rules.
fn disguise(cx: &mut Cx, format: Format, notice: &mut Notice) {
    let crate::demo::family::Content::Record(r, quirks) = &mut notice.content else {
        return;
    };
    if format == Format::V2019 && r.kind == Kind::Marche && cx.rng.chance(60) {
        let sequence = if cx.rng.chance(15) {
            r.modifications.len()
        } else {
            0
        };
        if let Some(id) = cx.id_2019(r, sequence) {
            r.id = id;
        }
    }
    quirks.push(match cx.rng.below(7) {
        0 => Quirk::ObjetInCapitals,
        1 => Quirk::ObjetSpaced,
        2 => Quirk::AmountAsText,
        3 => Quirk::CpvCheckDigit(cx.rng.below(10) as u8),
        4 => Quirk::DateWithOffset,
        5 => Quirk::ProcedureInCapitals,
        _ => {
            r.date_publication = later(r.date_publication, 1);
            return;
        }
    });
}
