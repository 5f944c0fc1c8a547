//! The line of contrats.ndjson (contract.md §6): everything that guichet knows about one contract.
//!
//! In: a contract. Out: one JSON object, no line feed inside, same contract = same bytes. An absent
//! value has no key; `current`, `observations`, `provenance`, `conflicts`, `findings`, `region` and
//! `withdrawn` are always there. `changes.ndjson`, `guichet merge` and the API write the same bytes.

use super::emit::Emit;
use super::json::{Json, integer, string};
use crate::record::*;

/// Appends the JSON object of one contract, without line feed.
pub fn write_contract(out: &mut Vec<u8>, contract: &Contract) {
    Json::object_into(out, |j| {
        j.text("uid", contract.uid.as_str());
        j.text("type", contract.record.kind.name());
        fields(j, &contract.record);
        lists(j, contract);
        current(j, &contract.current);
        observations(j, &contract.observations);
        provenance(j, &contract.provenance);
        conflicts(j, &contract.conflicts);
        findings(j, &contract.findings);
        j.object("region", |j| {
            j.boolean("in_scope", contract.region.in_scope);
            j.array("reasons", &contract.region.reasons, |out, r| string(out, r));
        });
        j.boolean("withdrawn", contract.withdrawn);
    });
}

fn fields(j: &mut Json<'_>, r: &Record) {
    j.text("id", r.id.as_str());
    j.object("acheteur", |j| {
        j.text("id", r.acheteur.as_str());
        j.maybe_text("nom", r.acheteur_nom.as_deref());
    });
    j.maybe_text("nature", r.nature.map(Nature::label));
    j.maybe_text("nature2019", r.nature_2019.map(Nature2019::label));
    j.maybe_text("objet", r.objet.as_deref());
    j.maybe_text("codeCPV", r.cpv.as_ref().map(Cpv::as_str));
    words(j, "techniques", &r.techniques, Technique::label);
    words(j, "modalitesExecution", &r.modalites, Modalite::label);
    j.maybe_text("idAccordCadre", r.id_accord_cadre.as_deref());
    j.maybe_text("procedure", r.procedure.map(Procedure::label));
    if let Some(place) = &r.lieu {
        j.object("lieuExecution", |j| {
            j.maybe_text("code", place.code.as_deref());
            j.maybe_text("typeCode", place.kind.map(PlaceType::label));
            j.maybe_text("nom", place.name.as_deref());
        });
    }
    j.maybe_integer("dureeMois", r.duree_mois);
    j.maybe_day("dateNotification", r.date_notification);
    j.maybe_day("datePublicationDonnees", r.date_publication);
    j.maybe_day("dateDebutExecution", r.date_debut_execution);
    j.maybe_number("montant", r.montant);
    j.maybe_number("montantSubventionPublique", r.montant_subvention);
    j.maybe_text("formePrix", r.forme_prix.map(FormePrix::label));
    words(j, "typesPrix", &r.types_prix, TypePrix::label);
    words(j, "considerationsSociales", &r.considerations_sociales, ConsiderationSociale::label);
    words(
        j,
        "considerationsEnvironnementales",
        &r.considerations_environnementales,
        ConsiderationEnvironnementale::label,
    );
    j.maybe_boolean("marcheInnovant", r.marche_innovant);
    j.maybe_boolean("attributionAvance", r.attribution_avance);
    j.maybe_number("tauxAvance", r.taux_avance);
    j.maybe_boolean("sousTraitanceDeclaree", r.sous_traitance_declaree);
    j.maybe_text("ccag", r.ccag.map(Ccag::label));
    j.maybe_integer("offresRecues", r.offres_recues);
    j.maybe_text("typeGroupementOperateurs", r.groupement.map(Groupement::label));
    j.maybe_number("origineUE", r.origine_ue);
    j.maybe_number("origineFrance", r.origine_france);
}

fn lists(j: &mut Json<'_>, c: &Contract) {
    let r = &c.record;
    whole_list(j, "titulaires", &r.titulaires, &c.titulaires_from, holder);
    if !r.donnees_execution.is_empty() {
        j.array("donneesExecution", &r.donnees_execution, |out, d| {
            Json::object_into(out, |j| {
                j.maybe_day("datePublicationDonneesExecution", d.date_publication);
                j.maybe_number("depensesInvestissement", d.depenses_investissement);
                if !d.tarifs.is_empty() {
                    j.array("tarifs", &d.tarifs, |out, t| {
                        Json::object_into(out, |j| {
                            j.maybe_text("intituleTarif", t.intitule.as_deref());
                            j.maybe_number("tarif", t.tarif);
                        });
                    });
                }
            });
        });
    }
    whole_list(j, "actesSousTraitance", &r.actes, &c.actes_from, acte);
    let (changed, from) = (&r.modifications_actes, &c.modifications_actes_from);
    whole_list(j, "modificationsActesSousTraitance", changed, from, |j, m| {
        j.maybe_integer("id", m.id);
        j.maybe_integer("dureeMois", m.duree_mois);
        j.maybe_day("dateNotificationModificationSousTraitance", m.date);
        j.maybe_number("montant", m.montant);
        j.maybe_day("datePublicationDonnees", m.date_publication);
    });
    let (date, amount) = match r.kind {
        Kind::Marche => ("dateNotificationModification", "montant"),
        Kind::Concession => ("dateSignatureModification", "valeurGlobale"),
    };
    whole_list(j, "modifications", &r.modifications, &c.modifications_from, |j, m| {
        j.maybe_integer("id", m.id);
        j.maybe_text("objetModification", m.objet.as_deref());
        j.maybe_day(date, m.date);
        j.maybe_day("datePublicationDonneesModification", m.date_publication);
        j.maybe_integer("dureeMois", m.duree_mois);
        j.maybe_number(amount, m.montant);
        holders(j, &m.titulaires);
    });
}

fn acte(j: &mut Json<'_>, a: &ActeSousTraitance) {
    j.maybe_integer("id", a.id);
    if a.sous_traitant != Holder::default() {
        j.object("sousTraitant", |j| holder(j, &a.sous_traitant));
    }
    j.maybe_integer("dureeMois", a.duree_mois);
    j.maybe_day("dateNotification", a.date);
    j.maybe_day("datePublicationDonnees", a.date_publication);
    j.maybe_number("montant", a.montant);
    j.maybe_text("variationPrix", a.variation_prix.map(VariationPrix::label));
}

fn holder(j: &mut Json<'_>, h: &Holder) {
    j.maybe_text("typeIdentifiant", h.id_type.map(IdType::label));
    j.maybe_text("id", h.id.as_deref());
    j.maybe_text("denominationSociale", h.name.as_deref());
}

fn holders(j: &mut Json<'_>, holders: &[Holder]) {
    if !holders.is_empty() {
        j.array("titulaires", holders, |out, h| Json::object_into(out, |j| holder(j, h)));
    }
}

/// A united list: each item says which observation it comes from. Absent when empty.
fn whole_list<T>(
    j: &mut Json<'_>,
    name: &str,
    items: &[T],
    from: &[ObservationIndex],
    mut members: impl FnMut(&mut Json<'_>, &T),
) {
    if items.is_empty() {
        return;
    }
    j.array(name, items.iter().enumerate(), |out, (i, item)| {
        Json::object_into(out, |j| {
            members(j, item);
            j.maybe_integer("observation", from.get(i).copied());
        });
    });
}

fn current(j: &mut Json<'_>, current: &Current) {
    j.object("current", |j| {
        j.maybe_number("montant", current.montant);
        j.maybe_integer("dureeMois", current.duree_mois);
        holders(j, &current.titulaires);
    });
}

fn observations(j: &mut Json<'_>, observations: &[ObservationRef]) {
    j.array("observations", observations, |out, o| {
        Json::object_into(out, |j| {
            j.text("source", &o.source);
            j.text("resource", &o.resource);
            j.integer("position", o.position);
            j.text("acheteur_id", &o.acheteur_id);
            j.text("id", &o.id);
            j.maybe_day("published", o.published);
        });
    });
}

fn provenance(j: &mut Json<'_>, provenance: &[(Field, ObservationIndex)]) {
    j.object("provenance", |j| {
        for (field, observation) in provenance {
            j.integer(field.name(), *observation);
        }
    });
}

/// Appends `{"field": observation…}`, as it stands under `provenance`.
pub(super) fn write_provenance(out: &mut Vec<u8>, provenance: &[(Field, ObservationIndex)]) {
    Json::object_into(out, |j| {
        for (field, observation) in provenance {
            j.integer(field.name(), *observation);
        }
    });
}

fn conflicts(j: &mut Json<'_>, conflicts: &[Conflict]) {
    j.array("conflicts", conflicts, |out, conflict| {
        Json::object_into(out, |j| {
            j.text("field", conflict.field.name());
            let out = j.key("values");
            write_conflict_values(out, conflict);
        });
    });
}

/// Appends `[{"value": …, "observation": n}…]`. The values are JSON already; a line feed in one, which
/// would be white space between its tokens, is made a space so that the record stays one line.
pub(super) fn write_conflict_values(out: &mut Vec<u8>, conflict: &Conflict) {
    out.push(b'[');
    for (i, (value, observation)) in conflict.values.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"value\":");
        out.extend(value.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
        out.extend_from_slice(b",\"observation\":");
        integer(out, i64::from(*observation));
        out.push(b'}');
    }
    out.push(b']');
}

fn findings(j: &mut Json<'_>, findings: &[(Finding, ObservationIndex)]) {
    j.array("findings", findings, |out, (finding, observation)| {
        Json::object_into(out, |j| {
            j.text("code", &finding.code);
            j.text("field", &finding.field);
            j.text("value", &finding.value);
            j.text("severity", finding.severity.name());
            j.integer("observation", *observation);
        });
    });
}

fn words<T: Copy>(j: &mut Json<'_>, name: &'static str, values: &[T], label: fn(T) -> &'static str) {
    if !values.is_empty() {
        j.array(name, values, |out, v| string(out, label(*v)));
    }
}

/// The uid that a line of contrats.ndjson starts with; `None` where the line is no such line.
pub(super) fn uid_of_line(line: &[u8]) -> Option<String> {
    let text = line.strip_prefix(b"{\"uid\":")?;
    // The rest of the line is not looked at: the stream stops after the first value.
    serde_json::Deserializer::from_slice(text).into_iter::<String>().next()?.ok()
}
