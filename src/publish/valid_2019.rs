//! Whether a contract validates against the official 2019 schemas (1.5), JSON and XSD both. Pure;
//! agrees with [`super::shape_2019`], which writes what passes here.

use super::reason::{Fault, Reason, amount, at_least, day, fail, need, some, text};
use crate::record::*;

/// `id` has 7 to 16 characters.
const ID: std::ops::RangeInclusive<usize> = 7..=16;
/// Longest `objet`, `objetModification` and `intituleTarif`, in characters.
const OBJET_MAX: usize = 256;
/// Longest code of a concession's place of execution, in characters.
const CONCESSION_PLACE_MAX: usize = 6;

/// `Ok` when the contract may stand in decp-2019.json and decp-2019.xml; else the first rule it
/// breaks. That no two records be equal is for the caller to see.
pub fn valid_2019(contract: &Contract) -> Result<(), Reason> {
    let r = &contract.record;
    text("id", Some(r.id.as_str()), *ID.end())?;
    if r.id.as_str().chars().count() < *ID.start() {
        return fail("id", Fault::TooShort);
    }
    text("acheteur.nom", r.acheteur_nom.as_deref(), usize::MAX)?;
    if nature(r).is_none() {
        let fault = if r.nature.is_none() { Fault::Missing } else { Fault::NotAllowed };
        return fail("nature", fault);
    }
    text("objet", r.objet.as_deref(), OBJET_MAX)?;
    if need("procedure", &r.procedure)?.is_concession() != (r.kind == Kind::Concession) {
        return fail("procedure", Fault::NotAllowed);
    }
    let place = need("lieuExecution", &r.lieu)?;
    let longest = match r.kind {
        Kind::Marche => usize::MAX,
        Kind::Concession => CONCESSION_PLACE_MAX,
    };
    text("lieuExecution.code", place.code.as_deref(), longest)?;
    need("lieuExecution.typeCode", &place.kind)?;
    text("lieuExecution.nom", place.name.as_deref(), usize::MAX)?;
    at_least("dureeMois", r.duree_mois, 1)?;
    match r.kind {
        Kind::Marche => marche(r),
        Kind::Concession => concession(r),
    }
}

/// The word of 2019 for the nature; `None` where it has none.
pub(super) fn nature(r: &Record) -> Option<&'static str> {
    match (r.kind, r.nature_2019, r.nature) {
        (Kind::Marche, Some(nature), _) => Some(nature.label()),
        (Kind::Marche, None, Some(n @ (Nature::Marche | Nature::Partenariat))) => Some(n.label()),
        (Kind::Concession, _, Some(n)) if n.is_concession() => Some(n.label()),
        _ => None,
    }
}

/// The 2019 `formePrix`: one word; `None` where there are several types, or a provisional price.
pub(super) fn forme_prix(r: &Record) -> Option<&'static str> {
    match r.types_prix.as_slice() {
        [one] => one.forme_prix_2019(),
        _ => None,
    }
}

fn marche(r: &Record) -> Result<(), Reason> {
    need("codeCPV", &r.cpv)?;
    day("dateNotification", r.date_notification)?;
    day("datePublicationDonnees", r.date_publication)?;
    amount("montant", r.montant, 0)?;
    some("formePrix", &r.types_prix)?;
    if forme_prix(r).is_none() {
        return fail("formePrix", Fault::NotAllowed);
    }
    some("titulaires", &r.titulaires)?;
    holders(["titulaires.typeIdentifiant", "titulaires.id", "titulaires.denominationSociale"], &r.titulaires)?;
    r.modifications.iter().try_for_each(|m| {
        text("modifications.objetModification", m.objet.as_deref(), OBJET_MAX)?;
        day("modifications.dateNotificationModification", m.date)?;
        day("modifications.datePublicationDonneesModification", m.date_publication)?;
        holders(
            [
                "modifications.titulaires.typeIdentifiant",
                "modifications.titulaires.id",
                "modifications.titulaires.denominationSociale",
            ],
            &m.titulaires,
        )
    })
}

fn concession(r: &Record) -> Result<(), Reason> {
    day("dateSignature", r.date_notification)?;
    day("datePublicationDonnees", r.date_publication)?;
    day("dateDebutExecution", r.date_debut_execution)?;
    need("valeurGlobale", &r.montant)?;
    amount("montantSubventionPublique", r.montant_subvention, 0)?;
    r.donnees_execution.iter().try_for_each(|d| {
        day("donneesExecution.datePublicationDonneesExecution", d.date_publication)?;
        amount("donneesExecution.depensesInvestissement", d.depenses_investissement, 0)?;
        some("donneesExecution.tarifs", &d.tarifs)?;
        d.tarifs.iter().try_for_each(|t| {
            text("donneesExecution.tarifs.intituleTarif", t.intitule.as_deref(), OBJET_MAX)?;
            amount("donneesExecution.tarifs.tarif", t.tarif, 0)
        })
    })?;
    some("concessionnaires", &r.titulaires)?;
    holders(
        ["concessionnaires.typeIdentifiant", "concessionnaires.id", "concessionnaires.denominationSociale"],
        &r.titulaires,
    )?;
    r.modifications.iter().try_for_each(|m| {
        text("modifications.objetModification", m.objet.as_deref(), OBJET_MAX)?;
        day("modifications.dateSignatureModification", m.date)?;
        day("modifications.datePublicationDonneesModification", m.date_publication)?;
        if m.duree_mois.is_some() {
            at_least("modifications.dureeMois", m.duree_mois, 1)?;
        }
        if m.montant.is_some() {
            amount("modifications.valeurGlobale", m.montant, 0)?;
        }
        Ok(())
    })
}

/// Kind, number and name of each holder, all three.
fn holders([kind, id, name]: [&'static str; 3], holders: &[Holder]) -> Result<(), Reason> {
    holders.iter().try_for_each(|h| {
        need(kind, &h.id_type)?;
        text(id, h.id.as_deref(), usize::MAX)?;
        text(name, h.name.as_deref(), usize::MAX)
    })
}
