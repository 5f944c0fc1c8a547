//! Whether a contract validates against the official 2022 schemas, JSON (2.0.3, 2.0.4) and XSD
//! (2.0.2) both. Pure; agrees with [`super::shape_2022`], which writes what passes here.
//!
//! Order of the checks = order of the fields in the arrêté, so that the first reason is stable.

use super::reason::{Fault, Reason, amount, at_least, day, fail, need, some, text};
use crate::record::*;

/// Longest `id` and `idAccordCadre`, in characters.
const ID_MAX: usize = 16;
/// Longest `objet`, in characters.
const OBJET_MAX: usize = 1000;
/// Longest `intituleTarif`, in characters.
const TARIF_MAX: usize = 256;

/// `Ok` when the contract may stand in decp.json and decp.xml; else the first rule it breaks.
pub fn valid_2022(contract: &Contract) -> Result<(), Reason> {
    let r = &contract.record;
    text("id", Some(r.id.as_str()), ID_MAX)?;
    if need("nature", &r.nature)?.is_concession() != (r.kind == Kind::Concession) {
        return fail("nature", Fault::NotAllowed);
    }
    text("objet", r.objet.as_deref(), OBJET_MAX)?;
    if need("procedure", &r.procedure)?.is_concession() != (r.kind == Kind::Concession) {
        return fail("procedure", Fault::NotAllowed);
    }
    at_least("dureeMois", r.duree_mois, 1)?;
    match r.kind {
        Kind::Marche => marche(r)?,
        Kind::Concession => concession(r)?,
    }
    considerations(r)
}

fn marche(r: &Record) -> Result<(), Reason> {
    need("codeCPV", &r.cpv)?;
    some("techniques", &r.techniques)?;
    some("modalitesExecution", &r.modalites)?;
    if let Some(id) = r.id_accord_cadre.as_deref() {
        if id.is_empty() {
            return fail("idAccordCadre", Fault::TooShort);
        }
        text("idAccordCadre", Some(id), ID_MAX)?;
    }
    let place = need("lieuExecution", &r.lieu)?;
    text("lieuExecution.code", place.code.as_deref(), usize::MAX)?;
    need("lieuExecution.typeCode", &place.kind)?;
    day("dateNotification", r.date_notification)?;
    day("datePublicationDonnees", r.date_publication)?;
    amount("montant", r.montant, 1)?;
    need("formePrix", &r.forme_prix)?;
    some("typesPrix", &r.types_prix)?;
    need("marcheInnovant", &r.marche_innovant)?;
    need("ccag", &r.ccag)?;
    at_least("offresRecues", r.offres_recues, 1)?;
    need("attributionAvance", &r.attribution_avance)?;
    share("tauxAvance", r.taux_avance)?;
    need("typeGroupementOperateurs", &r.groupement)?;
    share("origineUE", r.origine_ue)?;
    share("origineFrance", r.origine_france)?;
    need("sousTraitanceDeclaree", &r.sous_traitance_declaree)?;
    some("titulaires", &r.titulaires)?;
    r.titulaires.iter().try_for_each(|h| holder("titulaires.typeIdentifiant", "titulaires.id", h))?;
    r.actes.iter().try_for_each(acte)?;
    r.modifications_actes.iter().try_for_each(|m| {
        at_least("modificationsActesSousTraitance.id", m.id, 1)?;
        duration("modificationsActesSousTraitance.dureeMois", m.duree_mois)?;
        day("modificationsActesSousTraitance.dateNotificationModificationSousTraitance", m.date)?;
        money("modificationsActesSousTraitance.montant", m.montant)?;
        day("modificationsActesSousTraitance.datePublicationDonnees", m.date_publication)
    })?;
    r.modifications.iter().try_for_each(|m| {
        at_least("modifications.id", m.id, 1)?;
        day("modifications.dateNotificationModification", m.date)?;
        day("modifications.datePublicationDonneesModification", m.date_publication)?;
        duration("modifications.dureeMois", m.duree_mois)?;
        money("modifications.montant", m.montant)?;
        m.titulaires
            .iter()
            .try_for_each(|h| holder("modifications.titulaires.typeIdentifiant", "modifications.titulaires.id", h))
    })
}

fn acte(a: &ActeSousTraitance) -> Result<(), Reason> {
    at_least("actesSousTraitance.id", a.id, 1)?;
    holder("actesSousTraitance.sousTraitant.typeIdentifiant", "actesSousTraitance.sousTraitant.id", &a.sous_traitant)?;
    at_least("actesSousTraitance.dureeMois", a.duree_mois, 1)?;
    day("actesSousTraitance.dateNotification", a.date)?;
    day("actesSousTraitance.datePublicationDonnees", a.date_publication)?;
    amount("actesSousTraitance.montant", a.montant, 1)?;
    need("actesSousTraitance.variationPrix", &a.variation_prix).map(|_| ())
}

fn concession(r: &Record) -> Result<(), Reason> {
    day("dateSignature", r.date_notification)?;
    day("datePublicationDonnees", r.date_publication)?;
    day("dateDebutExecution", r.date_debut_execution)?;
    amount("valeurGlobale", r.montant, 1)?;
    amount("montantSubventionPublique", r.montant_subvention, 0)?;
    some("concessionnaires", &r.titulaires)?;
    r.titulaires.iter().try_for_each(|h| holder("concessionnaires.typeIdentifiant", "concessionnaires.id", h))?;
    r.donnees_execution.iter().try_for_each(|d| {
        day("donneesExecution.datePublicationDonneesExecution", d.date_publication)?;
        amount("donneesExecution.depensesInvestissement", d.depenses_investissement, 0)?;
        some("donneesExecution.tarifs", &d.tarifs)?;
        d.tarifs.iter().try_for_each(|t| {
            text("donneesExecution.tarifs.intituleTarif", t.intitule.as_deref(), TARIF_MAX)?;
            amount("donneesExecution.tarifs.tarif", t.tarif, 0)
        })
    })?;
    r.modifications.iter().try_for_each(|m| {
        at_least("modifications.id", m.id, 1)?;
        day("modifications.dateSignatureModification", m.date)?;
        day("modifications.datePublicationDonneesModification", m.date_publication)?;
        duration("modifications.dureeMois", m.duree_mois)?;
        money("modifications.valeurGlobale", m.montant)
    })
}

fn considerations(r: &Record) -> Result<(), Reason> {
    some("considerationsSociales", &r.considerations_sociales)?;
    let foreign = match r.kind {
        Kind::Marche => ConsiderationSociale::ConcessionReservee,
        Kind::Concession => ConsiderationSociale::MarcheReserve,
    };
    if r.considerations_sociales.contains(&foreign) {
        return fail("considerationsSociales", Fault::NotAllowed);
    }
    some("considerationsEnvironnementales", &r.considerations_environnementales)
}

/// A holder or a sub-contractor: kind and number, both.
fn holder(kind: &'static str, id: &'static str, holder: &Holder) -> Result<(), Reason> {
    need(kind, &holder.id_type)?;
    text(id, holder.id.as_deref(), usize::MAX)
}

/// A duration that may be absent.
fn duration(field: &'static str, months: Option<u32>) -> Result<(), Reason> {
    months.map_or(Ok(()), |_| at_least(field, months, 1))
}

/// An amount that may be absent.
fn money(field: &'static str, value: Option<Money>) -> Result<(), Reason> {
    value.map_or(Ok(()), |_| amount(field, value, 1))
}

/// A share between 0 and 1 that may be absent.
fn share(field: &'static str, value: Option<Rate>) -> Result<(), Reason> {
    match value {
        Some(v) if v < Rate::euros(0) || v > Rate::euros(1) => fail(field, Fault::OutOfRange),
        _ => Ok(()),
    }
}
