//! Rules that look at more than one field of a record, once each field is clean.
//!
//! Everything here is a warning: the values stand. Rules over several contracts are not here.

use jiff::Span;

use crate::record::*;
use crate::reference::{Existence, place_exists};

use super::out::{Out, Path};
use super::rules::Rule;

/// Above this, a duration deserves a look: marchés, concessions; in months.
const LONG: (u32, u32) = (180, 360);

/// Checks a record.
pub(super) fn check(out: &mut Out, r: &Record, source: Option<&str>) {
    dates(out, r);
    duration(out, r);
    considerations(out, r);
    holders(out, r);
    sequences(out, r);
    place(out, r);
    if is_test(r, source) {
        out.find(Rule::TestRecord, Path::of("id"), r.id.as_str());
    }
}

fn dates(out: &mut Out, r: &Record) {
    if let (Some(notified), Some(published)) = (r.date_notification, r.date_publication) {
        if notified > published {
            out.find(
                Rule::NotificationAfterPublication,
                Path::of("dateNotification"),
                &format!("{notified} > {published}"),
            );
        }
        let limit = notified.date().checked_add(Span::new().months(2)).map(Day::new);
        if limit.is_ok_and(|limit| published > limit) {
            out.find(Rule::PublicationLate, Path::of("datePublicationDonnees"), &format!("{notified} → {published}"));
        }
    }
    for (i, m) in r.modifications.iter().enumerate() {
        if let (Some(notified), Some(modified)) = (r.date_notification, m.date)
            && modified < notified
        {
            let at = Path::item("modifications", i, "dateNotificationModification");
            out.find(Rule::ModificationBefore, at, &format!("{modified} < {notified}"));
        }
        if let (Some(notified), Some(published)) = (m.date, m.date_publication)
            && notified > published
        {
            let at = Path::item("modifications", i, "dateNotificationModification");
            out.find(Rule::NotificationAfterPublication, at, &format!("{notified} > {published}"));
        }
    }
}

fn duration(out: &mut Out, r: &Record) {
    let Some(months) = r.duree_mois else { return };
    let at = Path::of("dureeMois");
    let limit = if r.kind == Kind::Concession { LONG.1 } else { LONG.0 };
    // Whole years in days: 365 months would be thirty years.
    let in_days = r.kind == Kind::Marche && matches!(months, 360 | 365 | 366 | 720 | 730 | 731 | 1080 | 1095 | 1096);
    if in_days {
        out.find(Rule::DurationInDays, at, &months.to_string());
    } else if months > limit {
        out.find(Rule::DurationLong, at, &months.to_string());
    }
}

fn considerations(out: &mut Out, r: &Record) {
    let social =
        r.considerations_sociales.len() > 1 && r.considerations_sociales.contains(&ConsiderationSociale::Aucune);
    if social {
        out.find(
            Rule::ConsiderationsContradict,
            Path::of("considerationsSociales"),
            ConsiderationSociale::Aucune.label(),
        );
    }
    let environment = &r.considerations_environnementales;
    if environment.len() > 1 && environment.contains(&ConsiderationEnvironnementale::Aucune) {
        let at = Path::of("considerationsEnvironnementales");
        out.find(Rule::ConsiderationsContradict, at, ConsiderationEnvironnementale::Aucune.label());
    }
    if let (Some(ue), Some(france)) = (r.origine_ue, r.origine_france)
        && ue < france
    {
        out.find(Rule::OriginContradict, Path::of("origineUE"), &format!("{ue} < {france}"));
    }
}

fn holders(out: &mut Out, r: &Record) {
    let buyer = r.acheteur.siren();
    for (i, h) in r.titulaires.iter().enumerate() {
        if h.siren() == Some(buyer) {
            out.find(Rule::HolderIsBuyer, Path::item("titulaires", i, "id"), h.id.as_deref().unwrap_or_default());
        }
    }
}

fn sequences(out: &mut Out, r: &Record) {
    let repeated = |ids: Vec<Option<u32>>| {
        let ids: Vec<u32> = ids.into_iter().flatten().collect();
        ids.iter().enumerate().find(|(i, id)| ids.iter().take(*i).any(|before| before == *id)).map(|(_, id)| *id)
    };
    if let Some(id) = repeated(r.modifications.iter().map(|m| m.id).collect()) {
        out.find(Rule::SequenceRepeated, Path::of("modifications"), &id.to_string());
    }
    if let Some(id) = repeated(r.actes.iter().map(|a| a.id).collect()) {
        out.find(Rule::SequenceRepeated, Path::of("actesSousTraitance"), &id.to_string());
    }
}

fn place(out: &mut Out, r: &Record) {
    let Some(place) = &r.lieu else { return };
    let code = place.code.as_deref().unwrap_or_default();
    match place_exists(place) {
        Existence::Exists | Existence::Unchecked => {}
        Existence::OtherType(_) => out.find(Rule::PlaceType, Path::of("lieuExecution.typeCode"), code),
        Existence::Missing => out.find(Rule::PlaceUnknown, Path::of("lieuExecution.code"), code),
    }
}

/// Records that platforms' own tests left in their feeds.
fn is_test(r: &Record, source: Option<&str>) -> bool {
    const OBJECTS: &[&str] =
        &["test", "le marche noir", "le march noir", "le marche du siecle", "essai", "ne pas tenir compte"];
    let id = r.id.as_str();
    if source.is_some_and(|s| s.ends_with("_test")) || id.starts_with("201812345678") || id.bytes().all(|b| b == b'0') {
        return true;
    }
    // `TEST2022`, `test-1`, but not `TESTEUR`.
    let after = id.get(4..).filter(|_| id.get(..4).is_some_and(|t| t.eq_ignore_ascii_case("test")));
    if after.is_some_and(|a| !a.starts_with(|c: char| c.is_alphabetic())) {
        return true;
    }
    let Some(objet) = r.objet.as_deref().filter(|o| o.len() < 60) else {
        return false;
    };
    let lower = objet.to_ascii_lowercase();
    lower.starts_with("test ")
        || lower.starts_with("ceci est un test")
        || lower.ends_with(" test")
        || (lower.len() <= 28 && OBJECTS.contains(&&*fold(objet)))
}
