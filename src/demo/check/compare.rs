//! Whether a published contract has the values that the truth gives it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::value::RawValue;

use super::published::{Holder, Line, money};
use crate::demo::truth::{Says, TruthContract};
use crate::record::{Day, Money, fold};

/// Adds a problem for each value that differs.
pub(super) fn values(truth: &TruthContract, line: &Line, problems: &mut Vec<String>) {
    let e = &truth.expected;
    let mut differs = Differs(problems);
    differs.unless(e.kind.name() == line.kind, "type", &e.kind.name(), &line.kind);
    differs.amount("montant", &e.montant, line.montant.as_deref());
    differs.value("dureeMois", &e.duree_mois, line.duree_mois.as_ref());
    differs.value("titulaires", &e.titulaires, keys(&line.titulaires).as_ref());
    match line.date_notification.as_deref().map(str::parse::<Day>).transpose() {
        Ok(day) => differs.value("dateNotification", &e.date, day.as_ref()),
        Err(error) => differs.0.push(format!("dateNotification is no day: {error}")),
    }
    differs.value("objet", &e.objet, line.objet.as_deref().map(fold).as_ref());
    differs.value("codeCPV", &e.cpv, line.code_cpv.as_ref());
    differs.value("offresRecues", &e.offres_recues, line.offres_recues.as_ref());
    differs.count("modifications", e.modifications, line.modifications.len());
    differs.count("actesSousTraitance", e.actes, line.actes_sous_traitance.len());
    let modified = line.modifications_actes_sous_traitance.len();
    differs.count("modificationsActesSousTraitance", e.modifications_actes, modified);
    differs.count("donneesExecution", e.annees, line.donnees_execution.len());
    differs.amount("current.montant", &e.current_montant, line.current.montant.as_deref());
    differs.value("current.dureeMois", &e.current_duree_mois, line.current.duree_mois.as_ref());
    differs.value("current.titulaires", &e.current_titulaires, keys(&line.current.titulaires).as_ref());
    if !line.region.in_scope {
        differs.0.push("it is published although it says that it is out of the region".to_owned());
    }
    if line.withdrawn {
        differs.0.push("it is withdrawn".to_owned());
    }
}

fn keys(holders: &[Holder]) -> Option<BTreeSet<String>> {
    let keys: BTreeSet<_> = holders.iter().filter_map(|h| h.id.clone()).collect();
    (!keys.is_empty()).then_some(keys)
}

struct Differs<'a>(&'a mut Vec<String>);

impl Differs<'_> {
    fn unless(&mut self, right: bool, field: &str, truth: &dyn Debug, said: &dyn Debug) {
        if !right {
            self.0.push(format!("{field} is {said:?}, in truth {truth:?}"));
        }
    }

    fn value<T: PartialEq + Debug>(&mut self, field: &str, truth: &Says<T>, said: Option<&T>) {
        self.unless(truth.accepts(said), field, truth, &said);
    }

    fn count(&mut self, field: &str, truth: usize, said: usize) {
        self.unless(truth == said, field, &truth, &said);
    }

    fn amount(&mut self, field: &str, truth: &Says<Money>, said: Option<&RawValue>) {
        match money(said) {
            Ok(said) => self.value(field, truth, said.as_ref()),
            Err(text) => self.0.push(format!("{field} is no number: {text}")),
        }
    }
}
