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

/// Below this many euros nobody signs for thirty years.
const MODEST: i64 = 5_000_000;

/// Checks a record.
pub(super) fn check(out: &mut Out, r: &Record, format: Format, source: Option<&str>) {
    id(out, r, format);
    dates(out, r);
    duration(out, r);
    amount(out, r);
    considerations(out, r);
    procedure(out, r);
    holders(out, r);
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
        if is_late(notified, published) {
            out.find(Rule::PublicationLate, Path::of("datePublicationDonnees"), &format!("{notified} → {published}"));
        }
    }
    if let (Some(signed), Some(start)) = (r.date_notification, r.date_debut_execution)
        && start < signed
    {
        out.find(Rule::StartBeforeSignature, Path::of("dateDebutExecution"), &format!("{start} < {signed}"));
    }
}

/// More than the two months that a buyer has to publish.
pub(super) fn is_late(notified: Day, published: Day) -> bool {
    // Two months are 62 days at most: most records need no calendar.
    let days = published.days_since(notified);
    days > 58 && notified.date().checked_add(Span::new().months(2)).map(Day::new).is_ok_and(|limit| published > limit)
}

/// The id of 2019 begins with the year and ends with a number of two digits.
fn id(out: &mut Out, r: &Record, format: Format) {
    let id = r.id.as_str();
    let year = id.get(..4).and_then(|y| y.parse::<u16>().ok()).is_some_and(|y| (1990..2100).contains(&y));
    if format == Format::V2019 && !(year && id.chars().count() >= 7) {
        out.find(Rule::IdForm2019, Path::of("id"), id);
    }
}

fn duration(out: &mut Out, r: &Record) {
    let Some(months) = r.duree_mois else { return };
    let at = Path::of("dureeMois");
    let limit = if r.kind == Kind::Concession { LONG.1 } else { LONG.0 };
    // Whole years in days: 365 months would be thirty years.
    let modest = r.montant.is_none_or(|m| m < Money::euros(MODEST));
    let in_days =
        r.kind == Kind::Marche && modest && matches!(months, 360 | 365 | 366 | 720 | 730 | 731 | 1080 | 1095 | 1096);
    if in_days {
        out.find(Rule::DurationInDays, at, &months.to_string());
    } else if months > limit {
        out.find(Rule::DurationLong, at, &months.to_string());
    }
}

/// A subsidy above the whole; the digits of another field in the place of the amount.
fn amount(out: &mut Out, r: &Record) {
    if let (Some(subsidy), Some(value)) = (r.montant_subvention, r.montant)
        && subsidy > value
    {
        out.find(Rule::SubsidyAboveValue, Path::of("montantSubventionPublique"), &format!("{subsidy} > {value}"));
    }
    // Shorter than a CPV code, it cannot be one; most amounts end here.
    let Some(amount) = r.montant.filter(|m| *m >= Money::euros(10_000_000)) else { return };
    let digits = amount.to_string();
    let holder =
        |h: &Holder| h.id.as_deref().is_some_and(|id| id == digits || h.siren().is_some_and(|s| s.as_str() == digits));
    if r.cpv.is_some_and(|c| c.as_str() == digits)
        || r.acheteur.siren().as_str() == digits
        || r.titulaires.iter().any(holder)
    {
        out.find(Rule::AmountIsIdentifier, Path::of("montant"), &digits);
    }
}

/// How it was bought, against what it is.
fn procedure(out: &mut Out, r: &Record) {
    if let Some(p) = r.procedure.filter(|p| p.is_concession() != (r.kind == Kind::Concession)) {
        out.find(Rule::ProcedureKind, Path::of("procedure"), p.label());
    }
    if r.techniques.len() > 1 && r.techniques.contains(&Technique::SansObjet) {
        out.find(Rule::WithoutObjectContradicts, Path::of("techniques"), Technique::SansObjet.label());
    }
    if r.modalites.len() > 1 && r.modalites.contains(&Modalite::SansObjet) {
        out.find(Rule::WithoutObjectContradicts, Path::of("modalitesExecution"), Modalite::SansObjet.label());
    }
    let order = r.modalites.iter().find(|m| matches!(m, Modalite::BonsCommande | Modalite::MarchesSubsequents));
    if let Some(order) = order.filter(|_| !r.techniques.is_empty() && !is_framework(r)) {
        out.find(Rule::ModalityWithoutFramework, Path::of("modalitesExecution"), order.label());
    }
    if r.attribution_avance == Some(false) && r.taux_avance.is_some_and(|t| t > Rate::euros(0)) {
        let rate = r.taux_avance.map(|t| t.to_string()).unwrap_or_default();
        out.find(Rule::AdvanceContradicts, Path::of("tauxAvance"), &rate);
    }
}

/// A framework, or a contract under one or under a dynamic system, where several may hold.
fn is_framework(r: &Record) -> bool {
    let many = [Technique::AccordCadre, Technique::AcquisitionDynamique, Technique::Qualification];
    r.id_accord_cadre.is_some() || r.techniques.iter().any(|t| many.contains(t))
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
    let alone = r.groupement.is_none_or(|g| g == Groupement::Aucun) && !is_framework(r);
    if r.titulaires.len() > 1 && alone {
        if r.groupement.is_some() {
            let n = format!("{} titulaires", r.titulaires.len());
            out.find(Rule::GroupContradicts, Path::of("typeGroupementOperateurs"), &n);
        }
        if let Some(offers) = r.offres_recues.filter(|n| (*n as usize) < r.titulaires.len()) {
            let n = format!("{offers} < {}", r.titulaires.len());
            out.find(Rule::OffersFew, Path::of("offresRecues"), &n);
        }
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
