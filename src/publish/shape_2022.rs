//! The members of a record in the official 2022 format, in the order of the arrêté. Writes what
//! [`super::valid_2022`] lets through; knows neither JSON nor XML.

use super::emit::Emit;
use crate::record::*;

/// Writes the members of a marché or of a concession.
pub(super) fn members<E: Emit>(e: &mut E, contract: &Contract) {
    match contract.record.kind {
        Kind::Marche => marche(e, &contract.record),
        Kind::Concession => concession(e, &contract.record),
    }
}

fn marche<E: Emit>(e: &mut E, r: &Record) {
    e.text("id", r.id.as_str());
    e.object("acheteur", |e| e.text("id", r.acheteur.as_str()));
    e.maybe_text("nature", r.nature.map(Nature::label));
    e.maybe_text("objet", r.objet.as_deref());
    e.maybe_text("codeCPV", r.cpv.as_ref().map(Cpv::as_str));
    words(e, "techniques", "technique", &r.techniques, Technique::label);
    words(e, "modalitesExecution", "modaliteExecution", &r.modalites, Modalite::label);
    e.maybe_text("idAccordCadre", r.id_accord_cadre.as_deref());
    e.maybe_boolean("marcheInnovant", r.marche_innovant);
    e.maybe_text("ccag", r.ccag.map(Ccag::label));
    e.maybe_integer("offresRecues", r.offres_recues);
    e.maybe_boolean("attributionAvance", r.attribution_avance);
    e.maybe_number("tauxAvance", r.taux_avance);
    e.maybe_text("typeGroupementOperateurs", r.groupement.map(Groupement::label));
    e.maybe_boolean("sousTraitanceDeclaree", r.sous_traitance_declaree);
    e.maybe_text("procedure", r.procedure.map(Procedure::label));
    if let Some(place) = &r.lieu {
        e.object("lieuExecution", |e| {
            e.maybe_text("code", place.code.as_deref());
            e.maybe_text("typeCode", place.kind.map(PlaceType::label));
        });
    }
    e.maybe_integer("dureeMois", r.duree_mois);
    e.maybe_day("dateNotification", r.date_notification);
    e.maybe_day("datePublicationDonnees", r.date_publication);
    e.maybe_number("montant", r.montant);
    words(e, "typesPrix", "typePrix", &r.types_prix, TypePrix::label);
    e.maybe_text("formePrix", r.forme_prix.map(FormePrix::label));
    e.maybe_number("origineUE", r.origine_ue);
    e.maybe_number("origineFrance", r.origine_france);
    e.list("titulaires", "titulaire", &r.titulaires, |e, h| holder(e, h));
    considerations(e, r);
    if !r.actes.is_empty() {
        e.list("actesSousTraitance", "acteSousTraitance", &r.actes, acte);
    }
    if !r.modifications_actes.is_empty() {
        // The JSON schema and the XSD disagree on one letter.
        let item = E::pick("modificationActeSousTraitance", "modificationActesSousTraitance");
        e.list("modificationsActesSousTraitance", item, &r.modifications_actes, |e, m| {
            e.maybe_integer("id", m.id);
            e.maybe_integer("dureeMois", m.duree_mois);
            e.maybe_day("dateNotificationModificationSousTraitance", m.date);
            e.maybe_number("montant", m.montant);
            e.maybe_day("datePublicationDonnees", m.date_publication);
        });
    }
    if !r.modifications.is_empty() {
        e.list("modifications", "modification", &r.modifications, |e, m| {
            e.maybe_integer("id", m.id);
            e.maybe_day("dateNotificationModification", m.date);
            e.maybe_day("datePublicationDonneesModification", m.date_publication);
            e.maybe_integer("dureeMois", m.duree_mois);
            e.maybe_number("montant", m.montant);
            if !m.titulaires.is_empty() {
                e.list("titulaires", "titulaire", &m.titulaires, |e, h| holder(e, h));
            }
        });
    }
}

fn acte<E: Emit>(e: &mut E, a: &ActeSousTraitance) {
    e.maybe_integer("id", a.id);
    e.object("sousTraitant", |e| holder(e, &a.sous_traitant));
    e.maybe_integer("dureeMois", a.duree_mois);
    e.maybe_day("dateNotification", a.date);
    e.maybe_number("montant", a.montant);
    e.maybe_text("variationPrix", a.variation_prix.map(VariationPrix::label));
    e.maybe_day("datePublicationDonnees", a.date_publication);
}

fn concession<E: Emit>(e: &mut E, r: &Record) {
    e.text("id", r.id.as_str());
    e.object("autoriteConcedante", |e| e.text("id", r.acheteur.as_str()));
    e.maybe_text("nature", r.nature.map(Nature::label));
    e.maybe_text("objet", r.objet.as_deref());
    e.maybe_text("procedure", r.procedure.map(Procedure::label));
    e.maybe_integer("dureeMois", r.duree_mois);
    e.maybe_day("dateSignature", r.date_notification);
    e.maybe_day("datePublicationDonnees", r.date_publication);
    e.maybe_day("dateDebutExecution", r.date_debut_execution);
    e.maybe_number("valeurGlobale", r.montant);
    e.maybe_number("montantSubventionPublique", r.montant_subvention);
    if !r.donnees_execution.is_empty() {
        e.list("donneesExecution", "donneesAnnuelles", &r.donnees_execution, year);
    }
    e.list("concessionnaires", "concessionnaire", &r.titulaires, |e, h| holder(e, h));
    considerations(e, r);
    if !r.modifications.is_empty() {
        e.list("modifications", "modification", &r.modifications, |e, m| {
            e.maybe_integer("id", m.id);
            e.maybe_day("dateSignatureModification", m.date);
            e.maybe_day("datePublicationDonneesModification", m.date_publication);
            e.maybe_integer("dureeMois", m.duree_mois);
            e.maybe_number("valeurGlobale", m.montant);
        });
    }
}

/// One year of a concession; the same members in 2019.
pub(super) fn year<E: Emit>(e: &mut E, d: &DonneesAnnuelles) {
    e.maybe_day("datePublicationDonneesExecution", d.date_publication);
    e.maybe_number("depensesInvestissement", d.depenses_investissement);
    e.list("tarifs", "tarif", &d.tarifs, |e, t| {
        e.maybe_text("intituleTarif", t.intitule.as_deref());
        e.maybe_number("tarif", t.tarif);
    });
}

fn considerations<E: Emit>(e: &mut E, r: &Record) {
    let social = &r.considerations_sociales;
    words(e, "considerationsSociales", "considerationSociale", social, ConsiderationSociale::label);
    words(
        e,
        "considerationsEnvironnementales",
        "considerationEnvironnementale",
        &r.considerations_environnementales,
        ConsiderationEnvironnementale::label,
    );
}

fn holder<E: Emit>(e: &mut E, h: &Holder) {
    e.maybe_text("typeIdentifiant", h.id_type.map(IdType::label));
    e.maybe_text("id", h.id.as_deref());
}

fn words<E: Emit, T: Copy>(
    e: &mut E,
    list: &'static str,
    item: &'static str,
    values: &[T],
    label: fn(T) -> &'static str,
) {
    if !values.is_empty() {
        let labels: Vec<&'static str> = values.iter().copied().map(label).collect();
        e.words(list, item, &labels);
    }
}
