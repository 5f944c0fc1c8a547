//! Rules over the lists of a record: modifications, sub-contracting acts, yearly data of execution.
//!
//! As in `checks`, the values stand; only what a list item cannot do without is an error.

use crate::record::*;

use super::checks::is_late;
use super::out::{Out, Path};
use super::rules::Rule;

/// From this many times the first amount on, a modified amount deserves a look.
const MANY_TIMES: i64 = 10;

/// Checks a record's lists.
pub(super) fn check(out: &mut Out, r: &Record) {
    modifications(out, r);
    acts(out, r);
    if let Some(signed) = r.date_notification {
        for (i, d) in r.donnees_execution.iter().enumerate() {
            if let Some(published) = d.date_publication.filter(|p| *p < signed) {
                let at = Path::item("donneesExecution", i, "datePublicationDonneesExecution");
                out.find(Rule::ExecutionBeforeSignature, at, &format!("{published} < {signed}"));
            }
        }
    }
}

fn modifications(out: &mut Out, r: &Record) {
    for (i, m) in r.modifications.iter().enumerate() {
        modification(out, r, m, Path::item("modifications", i, ""));
    }
    numbers(out, "modifications", r.modifications.iter().map(|m| (m.date, m.id)).collect());
}

fn modification(out: &mut Out, r: &Record, m: &Modification, at: Path) {
    let date = at.field("dateNotificationModification");
    let Some(modified) = m.date else {
        let id = m.id.map(|id| id.to_string()).unwrap_or_default();
        out.find(Rule::ModificationUndated, date, &id);
        return;
    };
    if let Some(notified) = r.date_notification.filter(|n| modified < *n) {
        out.find(Rule::ModificationBefore, date, &format!("{modified} < {notified}"));
    }
    if let Some(published) = m.date_publication {
        if modified > published {
            out.find(Rule::NotificationAfterPublication, date, &format!("{modified} > {published}"));
        }
        if is_late(modified, published) {
            let at = at.field("datePublicationDonneesModification");
            out.find(Rule::ModificationLate, at, &format!("{modified} → {published}"));
        }
    }
    if m.montant.is_none() && m.duree_mois.is_none() && m.titulaires.is_empty() && m.objet.is_none() {
        out.find(Rule::ModificationEmpty, at, &modified.to_string());
    }
    if let (Some(first), Some(now)) = (r.montant, m.montant)
        && first > Money::euros(1)
        && now.decimal() / Money::euros(MANY_TIMES).decimal() > first.decimal()
    {
        out.find(Rule::ModificationAmount, at.field("montant"), &format!("{first} → {now}"));
    }
}

fn acts(out: &mut Out, r: &Record) {
    // What the contract came to be worth at most.
    let worth = r.montant.into_iter().chain(r.modifications.iter().filter_map(|m| m.montant)).max();
    for (i, a) in r.actes.iter().enumerate() {
        let at = Path::item("actesSousTraitance", i, "");
        let holder = at.field("sousTraitant");
        if a.sous_traitant.key().is_none() {
            out.find(Rule::ActWithoutHolder, holder, &a.id.map(|id| id.to_string()).unwrap_or_default());
        } else if a.sous_traitant.siren().is_some_and(|s| r.titulaires.iter().any(|h| h.siren() == Some(s))) {
            out.find(Rule::ActHolderIsTitulaire, holder, a.sous_traitant.id.as_deref().unwrap_or_default());
        }
        if let (Some(act), Some(worth)) = (a.montant, worth)
            && act > worth
        {
            out.find(Rule::ActAmount, at.field("montant"), &format!("{act} > {worth}"));
        }
    }
    for (i, m) in r.modifications_actes.iter().enumerate() {
        if let Some(id) = m.id.filter(|id| !r.actes.iter().any(|a| a.id == Some(*id))) {
            let at = Path::item("modificationsActesSousTraitance", i, "id");
            out.find(Rule::ActUnknown, at, &id.to_string());
        }
    }
    if r.sous_traitance_declaree == Some(false) && !r.actes.is_empty() {
        let n = format!("{} actes", r.actes.len());
        out.find(Rule::SubContractContradicts, Path::of("sousTraitanceDeclaree"), &n);
    }
    numbers(out, "actesSousTraitance", r.actes.iter().map(|a| (a.date, a.id)).collect());
}

/// Numbers of a list: each once, and growing with the days of notification.
fn numbers(out: &mut Out, list: &'static str, mut items: Vec<(Option<Day>, Option<u32>)>) {
    if items.len() < 2 {
        return;
    }
    let mut ids: Vec<u32> = items.iter().filter_map(|(_, id)| *id).collect();
    ids.sort_unstable();
    if let Some((id, _)) = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a == b) {
        out.find(Rule::SequenceRepeated, Path::of(list), &id.to_string());
    }
    // By day, those of one day by number: then only a number that falls is wrong.
    items.retain(|(day, id)| day.is_some() && id.is_some());
    items.sort_unstable();
    let ids: Vec<u32> = items.into_iter().filter_map(|(_, id)| id).collect();
    if let Some((a, b)) = ids.iter().zip(ids.iter().skip(1)).find(|(a, b)| a > b) {
        out.find(Rule::SequenceOrder, Path::of(list), &format!("{a} > {b}"));
    }
}
