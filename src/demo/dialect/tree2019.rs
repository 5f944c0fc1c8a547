//! A record as the arrêté of 22 March 2019 lays it out (v1.5). What that format lacks is left out;
//! a price form that it has no word for, too.

use super::node::{Item, Node};
use super::tree2022::{amount_name, buyer_name, date_name, holders_name, number, put};
use crate::record::{Holder, IdType, Kind, Modification, Record};

/// Longest `objet` of the format, in characters.
const OBJET: usize = 256;

/// The whole record.
pub(crate) fn tree(r: &Record) -> Node {
    let concession = r.kind == Kind::Concession;
    let mut f = vec![
        ("id", Node::text(&r.id)),
        ("uid", Node::text(format!("{}{}", r.acheteur, r.id))),
    ];
    let mut buyer = vec![("id", Node::text(r.acheteur))];
    put(&mut buyer, "nom", r.acheteur_nom.as_ref().map(Node::text));
    f.push((buyer_name(r), Node::Fields(buyer)));
    let nature = r
        .nature_2019
        .map(|n| n.label())
        .or(r.nature.map(|n| n.label()));
    put(&mut f, "nature", nature.map(Node::text));
    put(
        &mut f,
        "objet",
        r.objet
            .as_ref()
            .map(|o| Node::Text(o.chars().take(OBJET).collect())),
    );
    put(&mut f, "codeCPV", r.cpv.map(Node::text));
    put(&mut f, "procedure", r.procedure.map(Node::text));
    if let Some(place) = &r.lieu {
        let mut p = Vec::new();
        put(&mut p, "code", place.code.as_ref().map(Node::text));
        put(&mut p, "typeCode", place.kind.map(Node::text));
        put(&mut p, "nom", place.name.as_ref().map(Node::text));
        f.push(("lieuExecution", Node::Fields(p)));
    }
    put(&mut f, "dureeMois", r.duree_mois.map(number));
    put(&mut f, date_name(r), r.date_notification.map(Node::text));
    put(
        &mut f,
        "dateDebutExecution",
        r.date_debut_execution.map(Node::text),
    );
    put(
        &mut f,
        "datePublicationDonnees",
        r.date_publication.map(Node::text),
    );
    put(&mut f, amount_name(r), r.montant.map(number));
    put(
        &mut f,
        "montantSubventionPublique",
        r.montant_subvention.map(number),
    );
    if !concession {
        let form = r.types_prix.first().and_then(|t| t.forme_prix_2019());
        put(&mut f, "formePrix", form.map(Node::text));
    }
    let (list, item) = holders_name(r);
    f.push((list, holders(item, &r.titulaires)));
    if concession {
        f.push(("donneesExecution", super::tree2022::years(r)));
    }
    let mods = r
        .modifications
        .iter()
        .map(|m| modification(m, concession))
        .collect();
    f.push(("modifications", Node::Items(Item::of("modification"), mods)));
    Node::Fields(f)
}

fn holders(item: &'static str, holders: &[Holder]) -> Node {
    let one = |h: &Holder| {
        let mut f = Vec::new();
        // What is TVA today was called UE then.
        let kind = h
            .id_type
            .map(|t| if t == IdType::Tva { "UE" } else { t.label() });
        put(&mut f, "typeIdentifiant", kind.map(Node::text));
        put(&mut f, "id", h.id.as_ref().map(Node::text));
        put(
            &mut f,
            "denominationSociale",
            h.name.as_ref().map(Node::text),
        );
        Node::Fields(f)
    };
    Node::Items(Item::of(item), holders.iter().map(one).collect())
}

fn modification(m: &Modification, concession: bool) -> Node {
    let (date, amount) = if concession {
        ("dateSignatureModification", "valeurGlobale")
    } else {
        ("dateNotificationModification", "montant")
    };
    let mut f = Vec::new();
    put(
        &mut f,
        "objetModification",
        m.objet.as_ref().map(Node::text),
    );
    put(&mut f, date, m.date.map(Node::text));
    put(
        &mut f,
        "datePublicationDonneesModification",
        m.date_publication.map(Node::text),
    );
    put(&mut f, "dureeMois", m.duree_mois.map(number));
    put(&mut f, amount, m.montant.map(number));
    if !m.titulaires.is_empty() {
        f.push(("titulaires", holders("titulaire", &m.titulaires)));
    }
    Node::Fields(f)
}
