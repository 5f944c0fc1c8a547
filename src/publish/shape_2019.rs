//! The members of a record in the official 2019 format, in the order of its schema. Writes what
//! [`super::valid_2019`] lets through; knows neither JSON nor XML.

use super::emit::Emit;
use super::shape_2022::year;
use super::valid_2019::{forme_prix, nature};
use crate::record::*;

/// Writes the members of a marché or of a concession.
pub(super) fn members<E: Emit>(e: &mut E, contract: &Contract) {
    let r = &contract.record;
    e.text("id", r.id.as_str());
    buyer(e, r);
    e.maybe_text("nature", nature(r));
    e.maybe_text("objet", r.objet.as_deref());
    if r.kind == Kind::Marche {
        e.maybe_text("codeCPV", r.cpv.as_ref().map(Cpv::as_str));
    }
    e.maybe_text("procedure", r.procedure.map(Procedure::label));
    if let Some(place) = &r.lieu {
        e.object("lieuExecution", |e| {
            e.maybe_text("code", place.code.as_deref());
            e.maybe_text("typeCode", place.kind.map(PlaceType::label));
            e.maybe_text("nom", place.name.as_deref());
        });
    }
    e.maybe_integer("dureeMois", r.duree_mois);
    match r.kind {
        Kind::Marche => marche(e, r),
        Kind::Concession => concession(e, r),
    }
}

fn buyer<E: Emit>(e: &mut E, r: &Record) {
    let name = match r.kind {
        Kind::Marche => "acheteur",
        Kind::Concession => "autoriteConcedante",
    };
    e.object(name, |e| {
        e.text("id", r.acheteur.as_str());
        e.maybe_text("nom", r.acheteur_nom.as_deref());
    });
}

fn marche<E: Emit>(e: &mut E, r: &Record) {
    e.maybe_day("dateNotification", r.date_notification);
    e.maybe_day("datePublicationDonnees", r.date_publication);
    e.maybe_number("montant", r.montant);
    e.maybe_text("formePrix", forme_prix(r));
    e.list("titulaires", "titulaire", &r.titulaires, |e, h| holder(e, h));
    e.list("modifications", "modification", &r.modifications, |e, m| {
        e.maybe_text("objetModification", m.objet.as_deref());
        e.maybe_day("dateNotificationModification", m.date);
        e.maybe_day("datePublicationDonneesModification", m.date_publication);
        e.maybe_integer("dureeMois", m.duree_mois);
        e.maybe_number("montant", m.montant);
        if !m.titulaires.is_empty() {
            e.list("titulaires", "titulaire", &m.titulaires, |e, h| holder(e, h));
        }
    });
}

fn concession<E: Emit>(e: &mut E, r: &Record) {
    e.maybe_day("dateSignature", r.date_notification);
    e.maybe_day("datePublicationDonnees", r.date_publication);
    e.maybe_day("dateDebutExecution", r.date_debut_execution);
    e.maybe_number("valeurGlobale", r.montant);
    e.maybe_number("montantSubventionPublique", r.montant_subvention);
    e.list("donneesExecution", "donneesAnnuelles", &r.donnees_execution, year);
    e.list("concessionnaires", "concessionnaire", &r.titulaires, |e, h| holder(e, h));
    e.list("modifications", "modification", &r.modifications, |e, m| {
        e.maybe_text("objetModification", m.objet.as_deref());
        e.maybe_day("dateSignatureModification", m.date);
        e.maybe_day("datePublicationDonneesModification", m.date_publication);
        e.maybe_integer("dureeMois", m.duree_mois);
        e.maybe_number("valeurGlobale", m.montant);
    });
}

fn holder<E: Emit>(e: &mut E, h: &Holder) {
    e.maybe_text("typeIdentifiant", h.id_type.map(IdType::label));
    e.maybe_text("id", h.id.as_deref());
    e.maybe_text("denominationSociale", h.name.as_deref());
}
