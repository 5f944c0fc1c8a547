//! Records that come twice, are misspelled, hold what nobody can use, or are none.

use super::Cx;
use crate::demo::actors::Buyer;
use crate::demo::draft;
use crate::demo::family::{Content, Family, Fate, Notice, Slot, Wanted};
use crate::demo::quirk::{Broken, Quirk};
use crate::demo::truth::{Expected, Says};

/// The same bytes twice in one file.
pub(super) fn repeated(cx: &mut Cx) -> Option<Family> {
    twice(cx, None)
}

/// The same content twice in one file, its fields in another order.
pub(super) fn repeated_in_other_order(cx: &mut Cx) -> Option<Family> {
    twice(cx, Some(Quirk::Reordered))
}

fn twice(cx: &mut Cx, quirk: Option<Quirk>) -> Option<Family> {
    let b = cx.buyer();
    let r = cx.marche(&b)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.alone(&r);
    let again = Notice::of(0, Fate::Repeat(n), &r);
    f.notices
        .push(quirk.into_iter().fold(again, Notice::spelled));
    Some(f)
}

/// The same bytes in two files of one source (a yearly and a cumulative one): both count.
pub(super) fn repeated_in_other_file(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let r = cx.marche(&b)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.alone(&r);
    f.notices.push(Notice {
        resource: 1,
        ..Notice::accepted(0, n, &r)
    });
    Some(f)
}

/// Everything at once that has one right reading.
pub(super) fn misspelled(cx: &mut Cx) -> Option<Family> {
    let b = cx.buyer();
    let r = cx.marche(&b)?;
    let mut notice = Notice::accepted(0, 0, &r);
    let mut quirks = vec![
        Quirk::AmountAsText,
        Quirk::CpvCheckDigit(cx.rng.below(10) as u8),
        cx.rng.pick(&[Quirk::DateWithOffset, Quirk::DateWithTime]),
        cx.rng.pick(&[
            Quirk::ObjetInCapitals,
            Quirk::ObjetSpaced,
            Quirk::ObjetWithControl,
        ]),
        cx.rng
            .pick(&[Quirk::BooleansAsWords, Quirk::BooleansAsDigits]),
        Quirk::ProcedureInCapitals,
        Quirk::TechniquesAsText,
        if r.titulaires.len() == 1 && cx.rng.chance(50) {
            Quirk::HolderAsObject
        } else {
            Quirk::HoldersMiswrapped
        },
    ];
    if cx.rng.chance(50) {
        quirks.push(Quirk::BuyerSpaced);
    } else {
        quirks.push(Quirk::IdInUidOnly);
    }
    notice = quirks.into_iter().fold(notice, Notice::spelled);
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.member(&r);
    f.notices.push(notice);
    Some(f)
}

/// A value with no single right reading: it stays out of the clean field, the contract stands.
pub(super) fn unusable(cx: &mut Cx, quirk: Quirk) -> Option<Family> {
    let b = cx.buyer();
    let r = cx.marche(&b)?;
    let mut expected = Expected::of(&r);
    match quirk {
        Quirk::AmountHuge | Quirk::AmountNotANumber => {
            expected.montant = Says::Nothing;
            expected.current_montant = Says::Nothing;
        }
        // The record stands; where the quotes belong is the reader's guess.
        Quirk::QuotesUnescaped | Quirk::QuoteUnescaped => expected.objet = Says::Anything,
        Quirk::YearTypo => expected.date = Says::Nothing,
        Quirk::DurationNotCommunicated => {
            expected.duree_mois = Says::Nothing;
            expected.current_duree_mois = Says::Nothing;
        }
        Quirk::HoldersOverlong => {
            // The name may still stand, or the whole holder be left out.
            expected.titulaires = Says::Anything;
            expected.current_titulaires = Says::Anything;
        }
        _ => {}
    }
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    let n = f.member_as(expected, true);
    f.notices.push(Notice::accepted(0, n, &r).spelled(quirk));
    if quirk.damages_text() {
        sound_one_after(cx, &b, &mut f)?;
    }
    Some(f)
}

/// A record that is none: it costs itself only.
pub(super) fn broken(cx: &mut Cx, broken: Broken) -> Option<Family> {
    let b = cx.buyer();
    let r = cx.marche(&b)?;
    let mut f = Family::of(&b.siren, [Slot::any(Wanted::Either)]);
    f.notices.push(Notice {
        slot: 0,
        resource: 0,
        content: Content::Broken(broken, Box::new(r)),
        fate: Fate::Quarantined,
    });
    if broken.damages_text() {
        sound_one_after(cx, &b, &mut f)?;
    }
    Some(f)
}

/// After damage stands a sound record, in the same file: it shows that the damage cost one record,
/// and where two damaged ones meet nobody can say where the first of them ends.
fn sound_one_after(cx: &mut Cx, b: &Buyer, f: &mut Family) -> Option<u32> {
    let r = draft::marche(b, &cx.number('S'), true, &mut cx.rng)?;
    Some(f.alone(&r))
}
