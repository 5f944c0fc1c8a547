//! A record as the arrêté of 22 December 2022 lays it out (2.0.x).

use super::node::{Item, Node};
use crate::record::{ActeSousTraitance, Holder, Kind, Modification, ModificationActe, Record};

/// The name of an act's modification differs between the JSON and the XML schema.
const MODIFICATION_ACTE: Item = Item {
    json: "modificationActeSousTraitance",
    xml: "modificationActesSousTraitance",
};

/// The whole record.
pub(crate) fn tree(r: &Record) -> Node {
    let concession = r.kind == Kind::Concession;
    let mut f = vec![
        ("id", Node::text(&r.id)),
        (
            buyer_name(r),
            Node::Fields(vec![("id", Node::text(r.acheteur))]),
        ),
    ];
    put(&mut f, "nature", r.nature.map(Node::text));
    put(&mut f, "objet", r.objet.as_ref().map(Node::text));
    if concession {
        put(&mut f, "procedure", r.procedure.map(Node::text));
        put(
            &mut f,
            "dateDebutExecution",
            r.date_debut_execution.map(Node::text),
        );
        put(
            &mut f,
            "montantSubventionPublique",
            r.montant_subvention.map(number),
        );
        f.push(("donneesExecution", years(r)));
    } else {
        marche(r, &mut f);
    }
    put(&mut f, "dureeMois", r.duree_mois.map(number));
    put(&mut f, date_name(r), r.date_notification.map(Node::text));
    put(
        &mut f,
        "datePublicationDonnees",
        r.date_publication.map(Node::text),
    );
    put(&mut f, amount_name(r), r.montant.map(number));
    f.push((
        "considerationsSociales",
        words("considerationSociale", &r.considerations_sociales),
    ));
    f.push((
        "considerationsEnvironnementales",
        words(
            "considerationEnvironnementale",
            &r.considerations_environnementales,
        ),
    ));
    let (list, item) = holders_name(r);
    f.push((list, holders(item, &r.titulaires)));
    if !r.modifications.is_empty() {
        let mods = r
            .modifications
            .iter()
            .map(|m| modification(m, concession))
            .collect();
        f.push(("modifications", Node::Items(Item::of("modification"), mods)));
    }
    Node::Fields(f)
}

/// The fields that only a marché has.
fn marche(r: &Record, f: &mut Vec<(&'static str, Node)>) {
    put(f, "codeCPV", r.cpv.map(Node::text));
    f.push(("techniques", words("technique", &r.techniques)));
    f.push((
        "modalitesExecution",
        words("modaliteExecution", &r.modalites),
    ));
    put(
        f,
        "idAccordCadre",
        r.id_accord_cadre.as_ref().map(Node::text),
    );
    put(f, "procedure", r.procedure.map(Node::text));
    if let Some(place) = &r.lieu {
        let mut p = Vec::new();
        put(&mut p, "code", place.code.as_ref().map(Node::text));
        put(&mut p, "typeCode", place.kind.map(Node::text));
        f.push(("lieuExecution", Node::Fields(p)));
    }
    put(f, "formePrix", r.forme_prix.map(Node::text));
    f.push(("typesPrix", words("typePrix", &r.types_prix)));
    put(f, "marcheInnovant", r.marche_innovant.map(Node::Bool));
    put(f, "attributionAvance", r.attribution_avance.map(Node::Bool));
    put(f, "tauxAvance", r.taux_avance.map(number));
    put(
        f,
        "sousTraitanceDeclaree",
        r.sous_traitance_declaree.map(Node::Bool),
    );
    put(f, "ccag", r.ccag.map(Node::text));
    put(f, "offresRecues", r.offres_recues.map(number));
    put(f, "typeGroupementOperateurs", r.groupement.map(Node::text));
    put(f, "origineUE", r.origine_ue.map(number));
    put(f, "origineFrance", r.origine_france.map(number));
    if !r.actes.is_empty() {
        let acts = r.actes.iter().map(acte).collect();
        f.push((
            "actesSousTraitance",
            Node::Items(Item::of("acteSousTraitance"), acts),
        ));
    }
    if !r.modifications_actes.is_empty() {
        let mods = r
            .modifications_actes
            .iter()
            .map(modification_acte)
            .collect();
        f.push((
            "modificationsActesSousTraitance",
            Node::Items(MODIFICATION_ACTE, mods),
        ));
    }
}

fn holder(h: &Holder) -> Node {
    let mut f = Vec::new();
    put(&mut f, "typeIdentifiant", h.id_type.map(Node::text));
    put(&mut f, "id", h.id.as_ref().map(Node::text));
    Node::Fields(f)
}

fn holders(item: &'static str, holders: &[Holder]) -> Node {
    Node::Items(Item::of(item), holders.iter().map(holder).collect())
}

fn modification(m: &Modification, concession: bool) -> Node {
    let (date, amount) = if concession {
        ("dateSignatureModification", "valeurGlobale")
    } else {
        ("dateNotificationModification", "montant")
    };
    let mut f = Vec::new();
    put(&mut f, "id", m.id.map(number));
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

fn acte(a: &ActeSousTraitance) -> Node {
    let mut f = Vec::new();
    put(&mut f, "id", a.id.map(number));
    f.push(("sousTraitant", holder(&a.sous_traitant)));
    put(&mut f, "dureeMois", a.duree_mois.map(number));
    put(&mut f, "dateNotification", a.date.map(Node::text));
    put(
        &mut f,
        "datePublicationDonnees",
        a.date_publication.map(Node::text),
    );
    put(&mut f, "montant", a.montant.map(number));
    put(&mut f, "variationPrix", a.variation_prix.map(Node::text));
    Node::Fields(f)
}

fn modification_acte(m: &ModificationActe) -> Node {
    let mut f = Vec::new();
    put(&mut f, "id", m.id.map(number));
    put(&mut f, "dureeMois", m.duree_mois.map(number));
    put(&mut f, "montant", m.montant.map(number));
    put(
        &mut f,
        "dateNotificationModificationSousTraitance",
        m.date.map(Node::text),
    );
    put(
        &mut f,
        "datePublicationDonnees",
        m.date_publication.map(Node::text),
    );
    Node::Fields(f)
}

/// `donneesExecution`, the same in both formats but for the wrapping.
pub(super) fn years(r: &Record) -> Node {
    let years = r.donnees_execution.iter().map(|d| {
        let mut f = Vec::new();
        put(
            &mut f,
            "datePublicationDonneesExecution",
            d.date_publication.map(Node::text),
        );
        put(
            &mut f,
            "depensesInvestissement",
            d.depenses_investissement.map(number),
        );
        let tariffs = d.tarifs.iter().map(|t| {
            let mut f = Vec::new();
            put(&mut f, "intituleTarif", t.intitule.as_ref().map(Node::text));
            put(&mut f, "tarif", t.tarif.map(number));
            Node::Fields(f)
        });
        f.push(("tarifs", Node::Items(Item::of("tarif"), tariffs.collect())));
        Node::Fields(f)
    });
    Node::Items(Item::of("donneesAnnuelles"), years.collect())
}

/// What both formats call the buyer of this kind of contract.
pub(crate) fn buyer_name(r: &Record) -> &'static str {
    if r.kind == Kind::Concession {
        "autoriteConcedante"
    } else {
        "acheteur"
    }
}
/// Its amount.
pub(crate) fn amount_name(r: &Record) -> &'static str {
    if r.kind == Kind::Concession {
        "valeurGlobale"
    } else {
        "montant"
    }
}
/// Its day.
pub(crate) fn date_name(r: &Record) -> &'static str {
    if r.kind == Kind::Concession {
        "dateSignature"
    } else {
        "dateNotification"
    }
}
/// Its holders, all and one.
pub(crate) fn holders_name(r: &Record) -> (&'static str, &'static str) {
    if r.kind == Kind::Concession {
        ("concessionnaires", "concessionnaire")
    } else {
        ("titulaires", "titulaire")
    }
}

/// A number, written without quotes.
pub(super) fn number(n: impl ToString) -> Node {
    Node::Number(n.to_string())
}

/// Adds a field that is there.
pub(super) fn put(fields: &mut Vec<(&'static str, Node)>, name: &'static str, value: Option<Node>) {
    fields.extend(value.map(|v| (name, v)));
}

fn words<T: ToString>(item: &'static str, words: &[T]) -> Node {
    Node::Words(
        item,
        words.iter().map(|w| Node::text(w.to_string())).collect(),
    )
}
