//! A plausible contract out of a stream of chance: the material that the scenarios vary.
//!
//! Everything that the 2022 format requires is filled, so that an unbroken record validates; what
//! only the 2019 format carries (names) is there too. Knows no source and no dialect.

use rust_decimal::Decimal;

use super::actors::{self, Buyer};
use super::rng::Rng;
use crate::record::{
    Ccag, ConsiderationEnvironnementale, ConsiderationSociale, Cpv, Day, DonneesAnnuelles,
    FormePrix, Groupement, Kind, LocalId, Modalite, Modification, Money, Nature, Nature2019,
    Procedure, Record, Tarif, Technique, TypePrix,
};

/// 2019-01-01: notifications of 2019 records start here.
const FIRST_DAY_2019: i64 = 17_897;
/// 2024-01-01: those of 2022 records.
const FIRST_DAY_2022: i64 = 19_723;
/// 2025-12-31, before every day on which the world can be looked at.
pub(crate) const LAST_DAY: i64 = 20_453;

const WORKS: [(&str, &str); 12] = [
    ("Réfection de la toiture", "45261910"),
    ("Aménagement des abords", "45112700"),
    ("Isolation par l'extérieur", "45321000"),
    ("Fourniture de mobilier", "39100000"),
    ("Entretien des espaces verts", "77310000"),
    ("Nettoyage des locaux", "90910000"),
    ("Maîtrise d'œuvre pour l'extension", "71221000"),
    ("Location de véhicules", "60170000"),
    ("Maintenance des chaudières", "50720000"),
    ("Impression du bulletin", "79810000"),
    ("Remplacement des menuiseries", "45421000"),
    ("Restauration collective", "55510000"),
];
const THINGS: [&str; 14] = [
    "de l'école élémentaire",
    "du gymnase",
    "de la médiathèque",
    "de la station d'épuration",
    "du groupe scolaire",
    "de la piscine intercommunale",
    "du centre technique",
    "des bâtiments communaux",
    "de la crèche",
    "de l'hôtel de ville",
    "du marché couvert",
    "de la maison de santé",
    "du réseau d'eau potable",
    "de la gare routière",
];
const NAMES: [&str; 10] = [
    "Jean-Cèdre",
    "Les Garrigues",
    "Montplaisir",
    "La Lauze",
    "Pech-Rouge",
    "du Viaur",
    "Sainte-Estelle",
    "Bel-Air",
    "des Olivettes",
    "du Séronne",
];

/// A number that no other family has: a letter, the family in base 36, a letter again, so that
/// no second key (records.md §4, rule 3) of one family meets that of another by its digits.
pub(crate) fn number(letter: char, family: u64) -> String {
    let (mut digits, mut rest) = (Vec::new(), family);
    while rest > 0 || digits.len() < 4 {
        let d = (rest % 36) as u32;
        digits.push(char::from_digit(d, 36).unwrap_or('0').to_ascii_uppercase());
        rest /= 36;
    }
    digits.push(letter);
    digits.into_iter().rev().chain(['K']).collect()
}

/// The id that the 2019 rules make of a number: year of notification, number, two digits.
pub(crate) fn id_2019(year: i16, number: &str, sequence: usize) -> String {
    format!("{year}{number}{sequence:02}")
}

/// An id that is not empty; the invented ones never are.
pub(crate) fn local_id(text: &str) -> Option<LocalId> {
    LocalId::new(text)
}

/// The day `n` days after 1970-01-01, at the latest the last day of the world.
pub(crate) fn day(n: i64) -> Option<Day> {
    Day::from_number(i32::try_from(n.min(LAST_DAY)).ok()?)
}

/// A day that many days later, at the latest the last day of the world.
pub(crate) fn later(from: Option<Day>, days: i64) -> Option<Day> {
    day(i64::from(from?.number()) + days)
}

/// Cents as an amount.
pub(crate) fn cents(n: i64) -> Money {
    Money::new(Decimal::new(n, 2))
}

/// From forty thousand euros to some four million, whole euros two times in three.
pub(crate) fn amount(rng: &mut Rng) -> Money {
    let scale = rng.pick(&[4_000_000, 4_000_000, 20_000_000, 80_000_000]);
    let n = scale + rng.between(1, scale * 4);
    cents(if rng.chance(66) { n - n % 100 } else { n })
}

/// An amount that no one takes for the other: neither equal nor near.
pub(crate) fn other_amount(than: Option<Money>, rng: &mut Rng) -> Money {
    let base = than.unwrap_or(Money::euros(40_000)).decimal();
    Money::new(
        (base * Decimal::from(rng.between(2, 5)) + Decimal::from(rng.between(1_000, 9_000)))
            .round_dp(2),
    )
}

/// What the contract is about, without a lot.
pub(crate) fn objet(rng: &mut Rng) -> (String, &'static str) {
    let (work, cpv) = rng.pick(&WORKS);
    (
        format!("{work} {} {}", rng.pick(&THINGS), rng.pick(&NAMES)),
        cpv,
    )
}

/// A complete marché of this buyer. `recent` ones are notified under the 2022 rules.
pub(crate) fn marche(buyer: &Buyer, id: &str, recent: bool, rng: &mut Rng) -> Option<Record> {
    let mut r = Record::new(Kind::Marche, buyer.siret(1)?, local_id(id)?);
    let (objet, cpv) = objet(rng);
    r.objet = Some(if rng.chance(30) {
        format!("{objet} - lot {}", rng.between(1, 20))
    } else {
        objet
    });
    r.cpv = Cpv::parse(cpv);
    common(&mut r, buyer, recent, rng);
    r.nature = Some(Nature::Marche);
    r.nature_2019 = Some(Nature2019::Marche);
    r.techniques = vec![Technique::SansObjet];
    if rng.chance(20) {
        r.techniques = vec![Technique::AccordCadre];
        r.nature_2019 = Some(Nature2019::AccordCadre);
    }
    r.modalites = vec![rng.pick(&[
        Modalite::SansObjet,
        Modalite::BonsCommande,
        Modalite::Tranches,
    ])];
    r.procedure = Some(rng.pick(&[
        Procedure::Adaptee,
        Procedure::Adaptee,
        Procedure::AppelOffresOuvert,
        Procedure::Negociation,
        Procedure::SansPublicite,
    ]));
    r.forme_prix = Some(rng.pick(&[
        FormePrix::Unitaire,
        FormePrix::Forfaitaire,
        FormePrix::Mixte,
    ]));
    r.types_prix = vec![rng.pick(&[TypePrix::Ferme, TypePrix::Actualisable, TypePrix::Revisable])];
    r.marche_innovant = Some(rng.chance(3));
    r.attribution_avance = Some(rng.chance(20));
    r.taux_avance = Some(if r.attribution_avance == Some(true) {
        cents(rng.between(5, 30))
    } else {
        cents(0)
    });
    r.sous_traitance_declaree = Some(rng.chance(10));
    r.ccag = Some(rng.pick(&[
        Ccag::Travaux,
        Ccag::Fournitures,
        Ccag::MaitriseOeuvre,
        Ccag::Tic,
        Ccag::Aucun,
    ]));
    r.offres_recues = u32::try_from(rng.between(1, 12)).ok();
    let holders = rng.pick(&[1, 1, 1, 1, 2, 3]);
    r.groupement = Some(if holders > 1 {
        rng.pick(&[Groupement::Conjoint, Groupement::Solidaire])
    } else {
        Groupement::Aucun
    });
    r.titulaires = actors::suppliers(holders, rng);
    Some(r)
}

/// A complete concession of this buyer, with a year of execution.
pub(crate) fn concession(buyer: &Buyer, id: &str, recent: bool, rng: &mut Rng) -> Option<Record> {
    let mut r = Record::new(Kind::Concession, buyer.siret(1)?, local_id(id)?);
    let (objet, _) = objet(rng);
    r.objet = Some(format!("Exploitation et {}", objet.to_lowercase()));
    common(&mut r, buyer, recent, rng);
    r.nature = Some(rng.pick(&[
        Nature::ConcessionTravaux,
        Nature::ConcessionService,
        Nature::ConcessionServicePublic,
        Nature::DelegationServicePublic,
    ]));
    r.procedure = Some(rng.pick(&[
        Procedure::NegocieeOuverte,
        Procedure::NonNegocieeOuverte,
        Procedure::NegocieeRestreinte,
    ]));
    r.date_debut_execution = later(r.date_notification, rng.between(10, 40));
    r.montant_subvention = Some(Money::euros(rng.between(0, 3) * 1000));
    r.titulaires = actors::suppliers(1, rng);
    let published = later(r.date_notification, rng.between(100, 300));
    r.donnees_execution = vec![DonneesAnnuelles {
        date_publication: published,
        depenses_investissement: Some(cents(rng.between(100_000, 9_000_000))),
        tarifs: (1..=rng.between(1, 3))
            .map(|n| Tarif {
                intitule: Some(format!("Entrée, tarif {n}")),
                tarif: Some(cents(rng.between(100, 4_000))),
            })
            .collect(),
    }];
    Some(r)
}

/// What both kinds have.
fn common(r: &mut Record, buyer: &Buyer, recent: bool, rng: &mut Rng) {
    let (first, span) = if recent {
        (FIRST_DAY_2022, 500)
    } else {
        (FIRST_DAY_2019, 1_700)
    };
    r.acheteur_nom = Some(buyer.name.clone());
    r.lieu = Some(buyer.place(rng));
    r.duree_mois = Some(rng.pick(&[3, 6, 12, 12, 24, 36, 48, 48, 60]));
    r.date_notification = day(first + rng.between(0, span));
    r.date_publication = later(r.date_notification, rng.between(1, 45));
    r.montant = Some(amount(rng));
    r.considerations_sociales = vec![rng.pick(&[
        ConsiderationSociale::Aucune,
        ConsiderationSociale::Clause,
        ConsiderationSociale::Critere,
    ])];
    r.considerations_environnementales = vec![rng.pick(&[
        ConsiderationEnvironnementale::Aucune,
        ConsiderationEnvironnementale::Clause,
        ConsiderationEnvironnementale::Critere,
    ])];
}

/// Adds the next modification: a new amount, and for some a new duration or new holders.
pub(crate) fn modify(r: &mut Record, rng: &mut Rng) {
    let n = r.modifications.len() as i64 + 1;
    let before = r
        .modifications
        .last()
        .and_then(|m| m.date)
        .or(r.date_notification);
    let Some(date) = later(before, rng.between(20, 60)) else {
        return;
    };
    let base = r.montant.unwrap_or(Money::euros(50_000)).decimal();
    let mut m = Modification {
        id: u32::try_from(n).ok(),
        objet: Some(format!("Avenant n°{n}")),
        date: Some(date),
        date_publication: later(Some(date), rng.between(1, 20)),
        montant: Some(Money::new(
            (base * Decimal::new(100 + 7 * n, 2)).round_dp(2),
        )),
        ..Modification::default()
    };
    if rng.chance(40) {
        m.duree_mois = r.duree_mois.map(|d| d + 6 * n as u32);
    }
    // A concession's holders cannot change in either format.
    if r.kind == Kind::Marche && rng.chance(15) {
        m.titulaires = actors::suppliers(1, rng);
    }
    r.modifications.push(m);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::rng::About;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_differ_and_end_in_a_letter() {
        let all: BTreeSet<_> = (0..100_000).map(|i| number('M', i)).collect();
        assert_eq!(all.len(), 100_000);
        assert_eq!(number('M', 35), "M000ZK");
        assert!(all.iter().all(|n| n.len() <= 10));
    }

    #[test]
    fn a_draft_is_complete_and_in_the_past() {
        let mut rng = Rng::new(4, About::Family, 0);
        for i in 0..200 {
            let b = actors::buyer(4, &mut rng);
            let mut r = marche(&b, &number('M', i), i % 2 == 0, &mut rng).unwrap();
            modify(&mut r, &mut rng);
            assert!(r.filled() >= 24, "{r:?}");
            assert!(r.declared_days().all(|d| i64::from(d.number()) <= LAST_DAY));
            assert!(r.date_notification < r.modifications[0].date);
            let c = concession(&b, &number('C', i), true, &mut rng).unwrap();
            assert!(c.filled() >= 15 && !c.donnees_execution[0].tarifs.is_empty());
        }
    }
}
