//! The fields of a DECP record, 2019 and 2022, marché and concession, by their names.
//!
//! In: the tree of one record and where it stood. Out: a [`RawRecord`]: every field found, every
//! wrapping undone, the edition of the format and the kind decided, and what was odd noted. What
//! has no place in the model is kept beside (`others`). Judges no value: see `refine`.

use std::borrow::Cow;

use crate::record::{Format, Kind, fold};

use super::note::{self, Note};
use super::tree::Tree;
use super::{
    Container, Declared, RawActe, RawDonnees, RawHolder, RawModification, RawModificationActe,
    RawRecord, Scalar, json,
};

/// Fields of an object, in the order written.
pub(super) type Fields<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

/// What carried the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Json(Container),
    Xml,
}

/// Longest value kept beside the record, in bytes.
const MAX_OTHER: usize = 2048;

/// What the record shows of its edition.
#[derive(Default)]
struct Evidence {
    of_2022: bool,
    wrapped: bool,
    of_2019: bool,
}

pub(super) struct Mapper {
    pub(super) r: RawRecord,
    evidence: Evidence,
    acheteur: bool,
    autorite: bool,
    concession: bool,
}

/// Makes a raw record of an object. `named` is what the list or the element calls it.
pub(super) fn record(
    fields: Fields<'_>,
    named: Option<Kind>,
    carrier: Carrier,
    notes: Vec<Note>,
) -> RawRecord {
    let mut m = Mapper::new(notes);
    for (name, value) in fields {
        m.field(&name, value);
    }
    m.finish(named, carrier)
}

impl Mapper {
    pub(super) fn new(notes: Vec<Note>) -> Self {
        let mut r = RawRecord::new();
        r.notes = notes;
        Self {
            r,
            evidence: Evidence::default(),
            acheteur: false,
            autorite: false,
            concession: false,
        }
    }

    fn note(&mut self, code: &'static str, field: &str, value: impl Into<String>) {
        self.r.notes.push(Note::new(code, field.to_owned(), value));
    }

    pub(super) fn other(&mut self, path: &str, value: &Tree<'_>) {
        if !value.is_empty() {
            self.r.others.push((path.to_owned(), value.show(MAX_OTHER)));
        }
    }

    /// One field of the record.
    pub(super) fn field(&mut self, name: &str, value: Tree<'_>) {
        match name {
            "acheteur" | "autoriteConcedante" => self.buyer(name, value),
            "lieuExecution" => self.place(value),
            "titulaires" | "titulaire" => {
                let list = self.holders("titulaires", "titulaire", value);
                merge_list(&mut self.r.titulaires, list);
            }
            "concessionnaires" | "concessionnaire" => {
                self.concession = true;
                let list = self.holders("concessionnaires", "concessionnaire", value);
                merge_list(&mut self.r.titulaires, list);
            }
            "modifications" => self.modifications(value),
            "actesSousTraitance" => self.actes(value),
            "modificationsActesSousTraitance" => self.modifications_actes(value),
            "donneesExecution" => self.donnees(value),
            _ => self.scalar_or_list(name, value),
        }
    }

    fn scalar_or_list(&mut self, name: &str, value: Tree<'_>) {
        if let Some((list, path, item)) = self.list_of(name) {
            let texts = self.texts(path, item, value);
            let list = list(&mut self.r);
            if list.is_empty() {
                *list = texts;
            }
            return;
        }
        if let Some(path) = scalar_name(name) {
            self.set(path, value);
            return;
        }
        match alias(name) {
            Some(Alias::Field(right)) => {
                if !value.is_empty() {
                    self.note(note::FIELD_NAME, right, name);
                }
                self.field(right, value);
            }
            Some(Alias::Inside(outer, inner)) => {
                if !value.is_empty() {
                    self.note(note::FIELD_NAME, outer, name);
                }
                self.field(outer, Tree::Map(vec![(inner.into(), value)]));
            }
            Some(Alias::Known) => self.other(name, &value),
            None if value.is_empty() => {}
            None => {
                self.note(note::UNKNOWN_FIELD, name, value.show(MAX_OTHER));
                self.other(name, &value);
            }
        }
    }

    /// The member, path and item of a list of texts.
    #[allow(clippy::type_complexity, reason = "a row of the table below")]
    fn list_of(
        &mut self,
        name: &str,
    ) -> Option<(
        fn(&mut RawRecord) -> &mut Vec<Scalar>,
        &'static str,
        &'static str,
    )> {
        let row: (fn(&mut RawRecord) -> &mut Vec<Scalar>, _, _) = match name {
            "techniques" => (|r| &mut r.techniques, "techniques", "technique"),
            "modalitesExecution" => (
                |r| &mut r.modalites,
                "modalitesExecution",
                "modaliteExecution",
            ),
            "typesPrix" => (|r| &mut r.types_prix, "typesPrix", "typePrix"),
            "considerationsSociales" => (
                |r| &mut r.considerations_sociales,
                "considerationsSociales",
                "considerationSociale",
            ),
            "considerationsEnvironnementales" => (
                |r| &mut r.considerations_environnementales,
                "considerationsEnvironnementales",
                "considerationEnvironnementale",
            ),
            _ => return None,
        };
        self.evidence.of_2022 = true;
        Some(row)
    }

    /// Sets a scalar; of a field that stands twice, the first stays.
    fn set(&mut self, path: &'static str, value: Tree<'_>) {
        let Some(value) = self.scalar(path, value) else {
            return;
        };
        match path {
            "valeurGlobale" | "dateSignature" | "montantSubventionPublique" => {
                self.concession = true
            }
            "ccag"
            | "marcheInnovant"
            | "attributionAvance"
            | "tauxAvance"
            | "sousTraitanceDeclaree"
            | "offresRecues"
            | "typeGroupementOperateurs"
            | "origineUE"
            | "origineFrance"
            | "idAccordCadre" => self.evidence.of_2022 = true,
            _ => {}
        }
        let r = &mut self.r;
        let member = match path {
            "id" => &mut r.id,
            "uid" => &mut r.uid,
            "_type" => &mut r.declared_type,
            "nature" => &mut r.nature,
            "objet" => &mut r.objet,
            "codeCPV" => &mut r.cpv,
            "idAccordCadre" => &mut r.id_accord_cadre,
            "procedure" => &mut r.procedure,
            "dureeMois" => &mut r.duree_mois,
            "dateNotification" | "dateSignature" => &mut r.date_notification,
            "datePublicationDonnees" => &mut r.date_publication,
            "dateDebutExecution" => &mut r.date_debut_execution,
            "montant" | "valeurGlobale" => &mut r.montant,
            "montantSubventionPublique" => &mut r.montant_subvention,
            "formePrix" => &mut r.forme_prix,
            "marcheInnovant" => &mut r.marche_innovant,
            "attributionAvance" => &mut r.attribution_avance,
            "tauxAvance" => &mut r.taux_avance,
            "sousTraitanceDeclaree" => &mut r.sous_traitance_declaree,
            "ccag" => &mut r.ccag,
            "offresRecues" => &mut r.offres_recues,
            "typeGroupementOperateurs" => &mut r.groupement,
            "origineUE" => &mut r.origine_ue,
            _ => &mut r.origine_france,
        };
        put(member, Some(value), path, &mut r.notes);
    }

    /// A scalar out of whatever holds it: itself, or a list or an object of one.
    pub(super) fn scalar(&mut self, path: &str, value: Tree<'_>) -> Declared {
        match value {
            Tree::Null => None,
            Tree::Bool(b) => Some(Scalar::Bool(b)),
            Tree::Number(n) => Some(Scalar::Number(n.to_owned())),
            Tree::Text(t) => (!t.trim().is_empty()).then(|| Scalar::Text(t.into_owned())),
            Tree::Plain(t) => (!t.trim().is_empty()).then(|| Scalar::Plain(t.into_owned())),
            other if other.is_empty() => None,
            Tree::List(mut items) if items.len() == 1 => {
                self.note(note::UNEXPECTED_SHAPE, path, "[…]");
                items.pop().and_then(|item| self.scalar(path, item))
            }
            other => {
                self.note(note::UNEXPECTED_SHAPE, path, other.show(MAX_OTHER));
                self.other(path, &other);
                None
            }
        }
    }

    /// `acheteur`, `autoriteConcedante`: an object, or the identifier alone.
    fn buyer(&mut self, name: &str, value: Tree<'_>) {
        if value.is_empty() {
            return;
        }
        self.autorite |= name == "autoriteConcedante";
        self.acheteur |= name == "acheteur";
        let fields = match value {
            Tree::Map(fields) => fields,
            Tree::List(mut items) if items.len() == 1 => {
                return self.buyer(name, items.pop().unwrap_or(Tree::Null));
            }
            other => {
                self.note(note::UNEXPECTED_SHAPE, "acheteur", other.show(120));
                vec![("id".into(), other)]
            }
        };
        for (key, value) in fields {
            match &*key {
                "id" | "siret" | "SIRET" => {
                    let v = self.scalar("acheteur.id", value);
                    put(&mut self.r.acheteur, v, "acheteur.id", &mut self.r.notes);
                }
                "nom" => {
                    self.evidence.of_2019 |= !value.is_empty();
                    let v = self.scalar("acheteur.nom", value);
                    put(
                        &mut self.r.acheteur_nom,
                        v,
                        "acheteur.nom",
                        &mut self.r.notes,
                    );
                }
                "#text" => {}
                key => self.inner_other("acheteur", key, &value),
            }
        }
    }

    fn inner_other(&mut self, outer: &str, key: &str, value: &Tree<'_>) {
        if value.is_empty() {
            return;
        }
        let path = format!("{outer}.{key}");
        // Fields of the PES variant, and names that 2022 dropped: known, and without a place.
        if !matches!(key, "urlProfilAcheteur" | "nom" | "denominationSociale") {
            self.note(note::UNKNOWN_FIELD, &path, value.show(120));
        }
        self.other(&path, value);
    }

    fn place(&mut self, value: Tree<'_>) {
        let fields = match value {
            Tree::Map(fields) => fields,
            Tree::List(mut items) if items.len() == 1 => {
                return self.place(items.pop().unwrap_or(Tree::Null));
            }
            other => {
                // A place without a code is a name.
                let name = self.scalar("lieuExecution", other);
                if let Some(name) = name {
                    self.note(note::UNEXPECTED_SHAPE, "lieuExecution", name.as_str());
                    self.r.lieu_nom.get_or_insert(name);
                }
                return;
            }
        };
        for (key, value) in fields {
            let (path, is_nom) = match &*key {
                "code" => ("lieuExecution.code", false),
                "typeCode" | "typecode" | "type" => ("lieuExecution.typeCode", false),
                "nom" => ("lieuExecution.nom", true),
                key => {
                    self.inner_other("lieuExecution", key, &value);
                    continue;
                }
            };
            self.evidence.of_2019 |= is_nom && !value.is_empty();
            let v = self.scalar(path, value);
            let r = &mut self.r;
            let member = match path {
                "lieuExecution.code" => &mut r.lieu_code,
                "lieuExecution.typeCode" => &mut r.lieu_type,
                _ => &mut r.lieu_nom,
            };
            put(member, v, path, &mut r.notes);
        }
    }

    fn texts(&mut self, path: &'static str, item: &str, value: Tree<'_>) -> Vec<Scalar> {
        let usual = match &value {
            Tree::Map(fields) => fields
                .iter()
                .all(|(k, v)| k == item && !matches!(v, Tree::Map(_))),
            Tree::Plain(_) | Tree::Null => true,
            _ => false,
        };
        if !usual && !value.is_empty() {
            self.note(note::LIST_SHAPE, path, value.show(200));
        }
        let mut items = Vec::new();
        flatten(value, item, &mut items);
        items
            .into_iter()
            .filter_map(|item| self.scalar(path, item))
            .collect()
    }

    /// The items of a list of objects, whatever wraps them.
    fn items<'a>(&mut self, path: &str, item: &str, value: Tree<'a>) -> Vec<Fields<'a>> {
        if value.is_empty() {
            return Vec::new();
        }
        if let Tree::Text(t) | Tree::Plain(t) = &value
            && let Some(list) = json::parse_printed(t)
        {
            self.note(note::LIST_SHAPE, path, &**t);
            return self.items_of(path, item, own(list));
        }
        match shape(&value, item) {
            Usual::Bare => {}
            Usual::Wrapped => self.evidence.wrapped = true,
            Usual::Not => self.note(note::LIST_SHAPE, path, value.show(200)),
        }
        self.items_of(path, item, value)
    }

    fn items_of<'a>(&mut self, path: &str, item: &str, value: Tree<'a>) -> Vec<Fields<'a>> {
        let mut items = Vec::new();
        flatten(value, item, &mut items);
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Tree::Map(fields) if fields.iter().any(|(_, v)| !v.is_empty()) => out.push(fields),
                other if other.is_empty() => {}
                other => {
                    self.note(note::UNEXPECTED_SHAPE, path, other.show(200));
                    self.other(path, &other);
                }
            }
        }
        out
    }

    pub(super) fn holders(&mut self, list: &str, item: &str, value: Tree<'_>) -> Vec<RawHolder> {
        let items = self.items(list, item, value);
        items
            .into_iter()
            .map(|fields| self.holder(list, fields))
            .collect()
    }

    fn holder(&mut self, path: &str, fields: Fields<'_>) -> RawHolder {
        let mut h = RawHolder::default();
        for (key, value) in fields {
            let member = match &*key {
                "typeIdentifiant" | "typeidentifiant" | "type_identifiant" => &mut h.id_type,
                "id" | "siret" | "identifiant" => &mut h.id,
                "denominationSociale" | "denominationsociale" | "denomination_sociale" | "nom" => {
                    self.evidence.of_2019 |= !value.is_empty();
                    &mut h.name
                }
                key => {
                    self.inner_other(path, key, &value);
                    continue;
                }
            };
            let v = self.scalar(path, value);
            put(member, v, path, &mut self.r.notes);
        }
        h
    }

    fn modifications(&mut self, value: Tree<'_>) {
        let path = "modifications";
        for fields in self.items(path, "modification", value) {
            let mut m = RawModification::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut m.id,
                    "objetModification" | "objet" => {
                        self.evidence.of_2019 |= !value.is_empty();
                        &mut m.objet
                    }
                    "dateNotificationModification" | "dateNotification" => &mut m.date,
                    "dateSignatureModification" | "dateSignature" => &mut m.date,
                    "datePublicationDonneesModification" | "datePublicationDonnees" => {
                        &mut m.date_publication
                    }
                    "dureeMois" | "dureeMoisModification" => &mut m.duree_mois,
                    "montant" | "valeurGlobale" | "montantModification" => &mut m.montant,
                    "titulaires" | "titulaire" | "titulairesModification" => {
                        m.titulaires = self.holders("modifications.titulaires", "titulaire", value);
                        continue;
                    }
                    "concessionnaires" | "concessionnaire" => {
                        m.titulaires =
                            self.holders("modifications.titulaires", "concessionnaire", value);
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.modifications.push(m);
        }
    }

    fn actes(&mut self, value: Tree<'_>) {
        let path = "actesSousTraitance";
        for fields in self.items(path, "acteSousTraitance", value) {
            self.evidence.of_2022 = true;
            let mut a = RawActe::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut a.id,
                    "dureeMois" => &mut a.duree_mois,
                    "dateNotification" => &mut a.date,
                    "datePublicationDonnees" => &mut a.date_publication,
                    "montant" => &mut a.montant,
                    "variationPrix" => &mut a.variation_prix,
                    "sousTraitant" => {
                        let mut holders =
                            self.holders("actesSousTraitance.sousTraitant", "sousTraitant", value);
                        a.sous_traitant = holders.pop().unwrap_or_default();
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.actes.push(a);
        }
    }

    fn modifications_actes(&mut self, value: Tree<'_>) {
        let path = "modificationsActesSousTraitance";
        // The XSD writes the item in the plural, the JSON schema in the singular.
        let item = match &value {
            Tree::Map(fields)
                if fields
                    .iter()
                    .any(|(k, _)| k == "modificationActesSousTraitance") =>
            {
                "modificationActesSousTraitance"
            }
            _ => "modificationActeSousTraitance",
        };
        for fields in self.items(path, item, value) {
            self.evidence.of_2022 = true;
            let mut a = RawModificationActe::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut a.id,
                    "dureeMois" => &mut a.duree_mois,
                    "dateNotificationModificationSousTraitance"
                    | "dateNotificationModification" => &mut a.date,
                    "datePublicationDonnees" | "datePublicationDonneesModification" => {
                        &mut a.date_publication
                    }
                    "montant" => &mut a.montant,
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.modifications_actes.push(a);
        }
    }

    fn donnees(&mut self, value: Tree<'_>) {
        let path = "donneesExecution";
        for fields in self.items(path, "donneesAnnuelles", value) {
            self.concession = true;
            let mut d = RawDonnees::default();
            for (key, value) in fields {
                let member = match &*key {
                    "datePublicationDonneesExecution" => &mut d.date_publication,
                    "depensesInvestissement" => &mut d.depenses_investissement,
                    "tarifs" => {
                        d.tarifs = self.tarifs(value);
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.donnees_execution.push(d);
        }
    }

    /// `tarifs`, whose items and their amounts are both called `tarif`.
    fn tarifs(&mut self, value: Tree<'_>) -> Vec<(Declared, Declared)> {
        let path = "donneesExecution.tarifs";
        let mut out = Vec::new();
        for fields in self.items(path, "tarif", value) {
            let (mut intitule, mut tarif) = (None, None);
            for (key, value) in fields {
                let member = match &*key {
                    "intituleTarif" => &mut intitule,
                    "tarif" => &mut tarif,
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            out.push((intitule, tarif));
        }
        out
    }

    /// Decides kind and edition.
    pub(super) fn finish(self, named: Option<Kind>, carrier: Carrier) -> RawRecord {
        let mut r = self.r;
        let nature = r
            .nature
            .as_ref()
            .map(|n| fold(n.as_str()))
            .unwrap_or_default();
        let own = r
            .declared_type
            .as_ref()
            .map(|t| fold(t.as_str()))
            .unwrap_or_default();
        let concession =
            |word: &str| word.contains("concession") || word.contains("delegation de service");
        r.kind = match named {
            Some(kind) => kind,
            None if concession(&own) => Kind::Concession,
            None if own.contains("march") => Kind::Marche,
            None if self.autorite != self.acheteur => {
                if self.autorite {
                    Kind::Concession
                } else {
                    Kind::Marche
                }
            }
            None if concession(&nature) || self.concession => Kind::Concession,
            None => Kind::Marche,
        };
        let forme = r
            .forme_prix
            .as_ref()
            .map(|f| fold(f.as_str()))
            .unwrap_or_default();
        let of_2019 = self.evidence.of_2019
            || r.declared_type.is_some()
            || nature.contains("accord")
            || nature.contains("subsequent")
            || matches!(&*forme, "ferme" | "ferme et actualisable" | "revisable");
        r.format = match carrier {
            _ if self.evidence.of_2022 => Format::V2022,
            _ if of_2019 => Format::V2019,
            Carrier::Json(Container::Named(_)) | Carrier::Xml => Format::V2022,
            Carrier::Json(Container::Plain) if self.evidence.wrapped => Format::V2022,
            Carrier::Json(Container::Plain) => Format::V2019,
        };
        r
    }
}

/// Puts a value in its member; the first stays, the second is noted.
fn put(member: &mut Declared, value: Declared, path: &str, notes: &mut Vec<Note>) {
    match (member.as_ref(), value) {
        (_, None) => {}
        (None, value) => *member = value,
        (Some(_), Some(second)) => notes.push(Note::new(
            note::DUPLICATE_FIELD,
            path.to_owned(),
            second.as_str(),
        )),
    }
}

/// The second of two lists of one field adds to the first (`titulaire` repeated without a wrapper).
fn merge_list<T>(list: &mut Vec<T>, mut more: Vec<T>) {
    list.append(&mut more);
}

/// How a list of objects is wrapped.
enum Usual {
    /// `[{…}]`, as in 2019.
    Bare,
    /// `[{"item": {…}}]`, as in 2022; XML's `<item>` elements.
    Wrapped,
    /// In a way that no edition has.
    Not,
}

fn shape(value: &Tree<'_>, item: &str) -> Usual {
    let wraps = |t: &Tree<'_>| matches!(t, Tree::Map(f) if f.len() == 1 && f.iter().all(|(k, v)| k == item && matches!(v, Tree::Map(_))));
    match value {
        Tree::List(items) if items.iter().all(wraps) => Usual::Wrapped,
        Tree::List(items) if items.iter().all(|t| matches!(t, Tree::Map(f) if f.iter().all(|(k, v)| k != item || !is_structure(v)))) => Usual::Bare,
        // XML: one entry for each item.
        Tree::Map(fields) if fields.iter().all(|(k, v)| k == item && is_xml(v)) => Usual::Bare,
        _ => Usual::Not,
    }
}

fn is_structure(t: &Tree<'_>) -> bool {
    matches!(t, Tree::Map(_) | Tree::List(_))
}

/// Whether the tree came from XML (whose texts are untyped).
fn is_xml(t: &Tree<'_>) -> bool {
    match t {
        Tree::Plain(_) | Tree::Null => true,
        Tree::Map(fields) => fields.iter().all(|(_, v)| is_xml(v)),
        _ => false,
    }
}

/// Takes lists and wrappers apart down to the items.
fn flatten<'a>(value: Tree<'a>, item: &str, out: &mut Vec<Tree<'a>>) {
    match value {
        Tree::Null => {}
        Tree::List(items) => items.into_iter().for_each(|t| flatten(t, item, out)),
        // `tarif` holds a `tarif`: a wrapper holds nothing but structures.
        Tree::Map(fields)
            if fields.iter().all(|(k, v)| {
                k == item
                    && (is_structure(v)
                        || fields.len() == 1 && item != "tarif"
                        || is_only_texts(v, item))
            }) && !fields.is_empty() =>
        {
            fields.into_iter().for_each(|(_, t)| flatten(t, item, out));
        }
        other => out.push(other),
    }
}

fn is_only_texts(v: &Tree<'_>, item: &str) -> bool {
    item != "tarif" && matches!(v, Tree::Text(_) | Tree::Plain(_) | Tree::Null)
}

/// A tree that borrows nothing from where it was printed.
fn own(tree: Tree<'_>) -> Tree<'static> {
    match tree {
        Tree::Null => Tree::Null,
        Tree::Bool(b) => Tree::Bool(b),
        Tree::Number(n) => Tree::Text(n.to_owned().into()),
        Tree::Text(t) => Tree::Text(t.into_owned().into()),
        Tree::Plain(t) => Tree::Plain(t.into_owned().into()),
        Tree::List(items) => Tree::List(items.into_iter().map(own).collect()),
        Tree::Map(fields) => Tree::Map(
            fields
                .into_iter()
                .map(|(k, v)| (k.into_owned().into(), own(v)))
                .collect(),
        ),
    }
}

/// The scalar fields, by their names in either edition.
fn scalar_name(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "id",
        "uid",
        "_type",
        "nature",
        "objet",
        "codeCPV",
        "idAccordCadre",
        "procedure",
        "dureeMois",
        "dateNotification",
        "dateSignature",
        "datePublicationDonnees",
        "dateDebutExecution",
        "montant",
        "valeurGlobale",
        "montantSubventionPublique",
        "formePrix",
        "marcheInnovant",
        "attributionAvance",
        "tauxAvance",
        "sousTraitanceDeclaree",
        "ccag",
        "offresRecues",
        "typeGroupementOperateurs",
        "origineUE",
        "origineFrance",
    ];
    NAMES.iter().find(|n| **n == name).copied()
}

/// What a name that is none of the format's stands for.
enum Alias {
    /// A field under another name.
    Field(&'static str),
    /// A part of a field, under a flat name.
    Inside(&'static str, &'static str),
    /// A field that is known and has no place in the model.
    Known,
}

/// Names seen in real files beside those of the format: the singular ones of the arrêté's annex,
/// flat ones, and any difference in case or separators.
fn alias(name: &str) -> Option<Alias> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Some(match plain.as_str() {
        "type" | "typecontrat" => Alias::Field("_type"),
        "technique" => Alias::Field("techniques"),
        "modaliteexecution" => Alias::Field("modalitesExecution"),
        "typeprix" | "typesprix" => Alias::Field("typesPrix"),
        "considerationsociale" => Alias::Field("considerationsSociales"),
        "considerationenvironnementale" => Alias::Field("considerationsEnvironnementales"),
        "typegroupement" => Alias::Field("typeGroupementOperateurs"),
        "acheteurid" | "acheteursiret" | "idacheteur" => Alias::Inside("acheteur", "id"),
        "acheteurnom" | "nomacheteur" => Alias::Inside("acheteur", "nom"),
        "autoriteconcedanteid" => Alias::Inside("autoriteConcedante", "id"),
        "autoriteconcedantenom" => Alias::Inside("autoriteConcedante", "nom"),
        "lieuexecutioncode" => Alias::Inside("lieuExecution", "code"),
        "lieuexecutiontypecode" => Alias::Inside("lieuExecution", "typeCode"),
        "lieuexecutionnom" => Alias::Inside("lieuExecution", "nom"),
        "source"
        | "datetransmissiondonneesetalab"
        | "createdat"
        | "updatedat"
        | "schema"
        | "text" => Alias::Known,
        _ => {
            const LISTS: &[&str] = &[
                "acheteur",
                "autoriteConcedante",
                "lieuExecution",
                "titulaires",
                "concessionnaires",
                "modifications",
                "actesSousTraitance",
                "modificationsActesSousTraitance",
                "donneesExecution",
                "techniques",
                "modalitesExecution",
                "considerationsSociales",
                "considerationsEnvironnementales",
                "id",
                "uid",
                "nature",
                "objet",
                "codeCPV",
                "idAccordCadre",
                "procedure",
                "dureeMois",
                "dateNotification",
                "dateSignature",
                "datePublicationDonnees",
                "dateDebutExecution",
                "montant",
                "valeurGlobale",
                "montantSubventionPublique",
                "formePrix",
                "marcheInnovant",
                "attributionAvance",
                "tauxAvance",
                "sousTraitanceDeclaree",
                "ccag",
                "offresRecues",
                "typeGroupementOperateurs",
                "origineUE",
                "origineFrance",
            ];
            // Only another spelling: the right one would come back here for ever.
            return LISTS
                .iter()
                .find(|n| n.eq_ignore_ascii_case(&plain) && **n != name)
                .map(|n| Alias::Field(n));
        }
    })
}
