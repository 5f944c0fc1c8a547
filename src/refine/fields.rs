//! The fields of a record, one after another: a [`RawRecord`] becomes a [`Record`].
//!
//! In: a raw record and its identity. Out: the clean record. Each field is handed to the reader of
//! its type; what the 2019 format says otherwise is mapped up here (facts of the arrêtés).

use crate::decode::*;
use crate::record::*;

use super::dates::{When, day};
use super::holders::{holder, holders};
use super::ids::{Identity, cpv};
use super::numbers::{Amount, Notation, amount, count, months, rate};
use super::out::{Out, Path};
use super::rules::Rule;
use super::words::{boolean, code, meant, objet, text, value, word, words};

/// Above this, a number of offers deserves a look: the busiest tenders receive a few hundred.
const MANY_OFFERS: u32 = 500;

/// Reads every field but the identity. `seen`: the first day on which the record was seen.
pub(super) fn fields(out: &mut Out, raw: RawRecord, identity: Identity, seen: Day) -> Record {
    let mut r = Record::new(raw.kind, identity.buyer, identity.id);
    let concession = raw.kind == Kind::Concession;
    let notation = match (raw.cents, raw.decimal_comma) {
        (true, _) => Notation::Cents,
        (false, true) => Notation::Comma,
        (false, false) => Notation::Usual,
    };
    r.acheteur_nom = text(out, Path::of("acheteur.nom"), &raw.acheteur_nom);
    r.objet = objet(out, Path::of("objet"), &raw.objet, raw.format);
    if r.objet.as_deref().is_some_and(|o| o.len() < 24 && o.chars().filter(|c| c.is_alphabetic()).count() < 3) {
        out.find(Rule::ObjetShort, Path::of("objet"), r.objet.as_deref().unwrap_or_default());
    }
    r.techniques = words(out, "techniques", raw.techniques);
    r.modalites = words(out, "modalitesExecution", raw.modalites);
    nature(out, &mut r, raw.format, &raw.nature);
    r.cpv = cpv(out, Path::of("codeCPV"), &raw.cpv);
    r.id_accord_cadre = code(out, Path::of("idAccordCadre"), &raw.id_accord_cadre);
    r.procedure = word(out, Path::of("procedure"), &raw.procedure);
    r.lieu = place(out, &raw.lieu_code, &raw.lieu_type, &raw.lieu_nom);
    r.duree_mois = months(out, Path::of("dureeMois"), &raw.duree_mois);
    r.date_notification = day(out, Path::of("dateNotification"), &raw.date_notification, seen, When::Past);
    r.date_publication = day(out, Path::of("datePublicationDonnees"), &raw.date_publication, seen, When::Past);
    r.date_debut_execution = day(out, Path::of("dateDebutExecution"), &raw.date_debut_execution, seen, When::Any);
    r.montant = amount(out, Path::of("montant"), &raw.montant, notation, Amount::Contract);
    if raw.planned && r.montant.is_some() {
        out.find(
            Rule::AmountPlanned,
            Path::of("montant"),
            raw.montant.as_ref().map(Scalar::as_str).unwrap_or_default(),
        );
    }
    r.montant_subvention =
        amount(out, Path::of("montantSubventionPublique"), &raw.montant_subvention, Notation::Usual, Amount::Other);
    r.types_prix = words(out, "typesPrix", raw.types_prix);
    forme_prix(out, &mut r, raw.format, &raw.forme_prix);
    r.considerations_sociales = words(out, "considerationsSociales", raw.considerations_sociales);
    r.considerations_environnementales =
        words(out, "considerationsEnvironnementales", raw.considerations_environnementales);
    r.marche_innovant = boolean(out, Path::of("marcheInnovant"), &raw.marche_innovant);
    r.attribution_avance = boolean(out, Path::of("attributionAvance"), &raw.attribution_avance);
    r.taux_avance = rate(out, Path::of("tauxAvance"), &raw.taux_avance);
    r.sous_traitance_declaree = boolean(out, Path::of("sousTraitanceDeclaree"), &raw.sous_traitance_declaree);
    r.ccag = word(out, Path::of("ccag"), &raw.ccag);
    r.offres_recues = offres(out, &raw.offres_recues);
    r.groupement = word(out, Path::of("typeGroupementOperateurs"), &raw.groupement);
    r.origine_ue = rate(out, Path::of("origineUE"), &raw.origine_ue);
    r.origine_france = rate(out, Path::of("origineFrance"), &raw.origine_france);
    r.titulaires = holders(out, Path::of("titulaires"), "titulaires", raw.titulaires);
    r.donnees_execution = donnees(out, raw.donnees_execution, seen);
    r.actes = actes(out, raw.actes, seen);
    r.modifications_actes = modifications_actes(out, raw.modifications_actes, seen);
    r.modifications = modifications(out, raw.modifications, seen, notation);
    debug_assert!(!concession || r.kind == Kind::Concession);
    r
}

/// `nature`: an accord-cadre or a marché subséquent of 2019 is a marché today.
fn nature(out: &mut Out, r: &mut Record, format: Format, scalar: &Option<Scalar>) {
    let at = Path::of("nature");
    let declared = scalar.as_ref().map(|s| s.as_str().trim()).unwrap_or_default();
    if r.kind == Kind::Concession {
        r.nature = word(out, at, scalar);
    } else {
        let old = Nature2019::exact(declared).or_else(|| meant(declared));
        match old {
            Some(Nature2019::AccordCadre | Nature2019::Subsequent) => {
                if format == Format::V2022 {
                    out.find(Rule::Nature2019, at, declared);
                } else if Nature2019::exact(declared).is_none() {
                    out.find(Rule::EnumSpelling, at, declared);
                }
                r.nature = Some(Nature::Marche);
                if old == Some(Nature2019::AccordCadre) && !r.techniques.contains(&Technique::AccordCadre) {
                    r.techniques.retain(|t| *t != Technique::SansObjet);
                    r.techniques.push(Technique::AccordCadre);
                }
            }
            _ if old.is_none() && fold(declared) == "marche fractionne a tranches" => {
                out.find(Rule::EnumSpelling, at, declared);
                r.nature = Some(Nature::Marche);
                r.modalites.push(Modalite::Tranches);
            }
            _ => r.nature = word(out, at, scalar),
        }
        r.nature_2019 = old.filter(|_| format != Format::V2022);
    }
    if r.nature.is_some_and(|n| n.is_concession() != (r.kind == Kind::Concession)) {
        out.find(Rule::NatureKind, at, declared);
    }
}

/// `formePrix`, whose words of 2019 are types of price today.
fn forme_prix(out: &mut Out, r: &mut Record, format: Format, scalar: &Option<Scalar>) {
    let at = Path::of("formePrix");
    let Some(declared) = value(out, at, scalar).map(Scalar::as_str) else {
        return;
    };
    if let Some(forme) = FormePrix::exact(declared) {
        r.forme_prix = Some(forme);
    } else if let Some(kind) = meant::<TypePrix>(declared) {
        if format == Format::V2022 {
            out.find(Rule::PriceForm2019, at, declared);
        } else if kind.forme_prix_2019() != Some(declared) {
            out.find(Rule::EnumSpelling, at, declared);
        }
        if r.types_prix.is_empty() {
            r.types_prix.push(kind);
        }
    } else {
        r.forme_prix = word(out, at, scalar);
    }
}

fn offres(out: &mut Out, scalar: &Option<Scalar>) -> Option<u32> {
    let at = Path::of("offresRecues");
    let n = count(out, at, scalar)?;
    if n == 0 {
        out.find(Rule::OffersZero, at, "0");
        return None;
    }
    if n > MANY_OFFERS {
        out.find(Rule::OffersMany, at, &n.to_string());
    }
    Some(n)
}

/// `lieuExecution`: a code without its zero is known by its length where the type fixes it.
fn place(out: &mut Out, place: &Option<Scalar>, kind: &Option<Scalar>, nom: &Option<Scalar>) -> Option<Place> {
    let at = Path::of("lieuExecution.code");
    let kind = word(out, Path::of("lieuExecution.typeCode"), kind);
    let name = text(out, Path::of("lieuExecution.nom"), nom);
    let numeric = matches!(place, Some(Scalar::Number(_)));
    let code = code(out, at, place).map(|code| {
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        let length = match kind {
            Some(PlaceType::CodePostal | PlaceType::Commune) => 5,
            Some(PlaceType::Departement | PlaceType::Region) => 2,
            _ => 0,
        };
        if digits && code.len() + 1 == length || numeric && code.len() == 4 {
            out.find(Rule::PlaceLeadingZero, at, &code);
            return format!("0{code}");
        }
        code
    });
    let place = Place { code, kind, name };
    (place.code.is_some() || place.name.is_some()).then_some(place)
}

fn modifications(out: &mut Out, raw: Vec<RawModification>, seen: Day, notation: Notation) -> Vec<Modification> {
    let list = "modifications";
    let mut clean = Vec::with_capacity(raw.len());
    for (i, m) in raw.into_iter().enumerate() {
        let at = Path::item(list, i, "");
        clean.push(Modification {
            id: count(out, at.field("id"), &m.id),
            objet: objet(out, at.field("objetModification"), &m.objet, Format::V2019),
            date: day(out, at.field("dateNotificationModification"), &m.date, seen, When::Past),
            date_publication: day(
                out,
                at.field("datePublicationDonneesModification"),
                &m.date_publication,
                seen,
                When::Past,
            ),
            duree_mois: months(out, at.field("dureeMois"), &m.duree_mois),
            montant: amount(out, at.field("montant"), &m.montant, notation, Amount::Contract),
            titulaires: holders(out, at, "titulaires", m.titulaires),
        });
    }
    clean.retain(|m| *m != Modification::default());
    clean
}

fn actes(out: &mut Out, raw: Vec<RawActe>, seen: Day) -> Vec<ActeSousTraitance> {
    let mut clean = Vec::with_capacity(raw.len());
    for (i, a) in raw.into_iter().enumerate() {
        let at = Path::item("actesSousTraitance", i, "");
        clean.push(ActeSousTraitance {
            id: count(out, at.field("id"), &a.id),
            sous_traitant: holder(out, at, &a.sous_traitant),
            duree_mois: months(out, at.field("dureeMois"), &a.duree_mois),
            date: day(out, at.field("dateNotification"), &a.date, seen, When::Past),
            date_publication: day(out, at.field("datePublicationDonnees"), &a.date_publication, seen, When::Past),
            montant: amount(out, at.field("montant"), &a.montant, Notation::Usual, Amount::Contract),
            variation_prix: word(out, at.field("variationPrix"), &a.variation_prix),
        });
    }
    clean.retain(|a| *a != ActeSousTraitance::default());
    clean
}

fn modifications_actes(out: &mut Out, raw: Vec<RawModificationActe>, seen: Day) -> Vec<ModificationActe> {
    let mut clean = Vec::with_capacity(raw.len());
    for (i, m) in raw.into_iter().enumerate() {
        let at = Path::item("modificationsActesSousTraitance", i, "");
        clean.push(ModificationActe {
            id: count(out, at.field("id"), &m.id),
            duree_mois: months(out, at.field("dureeMois"), &m.duree_mois),
            date: day(out, at.field("dateNotificationModificationSousTraitance"), &m.date, seen, When::Past),
            date_publication: day(out, at.field("datePublicationDonnees"), &m.date_publication, seen, When::Past),
            montant: amount(out, at.field("montant"), &m.montant, Notation::Usual, Amount::Contract),
        });
    }
    clean.retain(|m| *m != ModificationActe::default());
    clean
}

fn donnees(out: &mut Out, raw: Vec<RawDonnees>, seen: Day) -> Vec<DonneesAnnuelles> {
    let mut clean = Vec::with_capacity(raw.len());
    for (i, d) in raw.into_iter().enumerate() {
        let at = Path::item("donneesExecution", i, "");
        let mut tarifs = Vec::with_capacity(d.tarifs.len());
        for (j, (intitule, tarif)) in d.tarifs.into_iter().enumerate() {
            let at = at.under("tarifs", j, "");
            tarifs.push(Tarif {
                intitule: text(out, at.field("intituleTarif"), &intitule),
                tarif: amount(out, at.field("tarif"), &tarif, Notation::Usual, Amount::Other),
            });
        }
        tarifs.retain(|t| *t != Tarif::default());
        clean.push(DonneesAnnuelles {
            date_publication: day(
                out,
                at.field("datePublicationDonneesExecution"),
                &d.date_publication,
                seen,
                When::Past,
            ),
            depenses_investissement: amount(
                out,
                at.field("depensesInvestissement"),
                &d.depenses_investissement,
                Notation::Usual,
                Amount::Other,
            ),
            tarifs,
        });
    }
    clean.retain(|d| *d != DonneesAnnuelles::default());
    clean
}
