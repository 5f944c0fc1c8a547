//! The fields of a DECP record, 2019 and 2022, marché and concession, by their names.
//!
//! In: the tree of one record and where it stood. Out: a [`RawRecord`]: every field found, every
//! wrapping undone, the edition of the format and the kind decided, and what was odd noted. What
//! has no place in the model is kept beside (`others`). Judges no value: see `refine`.

use std::borrow::Cow;

use crate::record::{Format, Kind, fold};

use super::decp_names::{Alias, alias, scalar_name};
use super::note::{self, Note};
use super::tree::Tree;
use super::{Container, Declared, RawRecord, Scalar};

/// Fields of an object, in the order written.
pub(super) type Fields<'a> = Vec<(Cow<'a, str>, Tree<'a>)>;

/// What carried the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Json(Container),
    Xml,
}

/// Longest value kept beside the record, in bytes.
pub(super) const MAX_OTHER: usize = 2048;

/// What the record shows of its edition.
#[derive(Default)]
pub(super) struct Evidence {
    /// A field that only 2022 has.
    pub of_2022: bool,
    /// Items in wrappers of their own, as the JSON of 2022 has them.
    pub wrapped: bool,
    /// A field that only 2019 has.
    pub of_2019: bool,
}

/// A record being read: what has been found, and what tells its edition and its kind.
pub(super) struct Mapper {
    pub r: RawRecord,
    pub evidence: Evidence,
    /// `acheteur` was met.
    pub acheteur: bool,
    /// `autoriteConcedante` was met.
    pub autorite: bool,
    /// A field that only concessions have was met.
    pub concession: bool,
}

/// Makes a raw record of an object. `named` is what the list or the element calls it.
pub(super) fn record(fields: Fields<'_>, named: Option<Kind>, carrier: Carrier, notes: Vec<Note>) -> RawRecord {
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
        Self { r, evidence: Evidence::default(), acheteur: false, autorite: false, concession: false }
    }

    pub(super) fn note(&mut self, code: &'static str, field: &str, value: impl Into<String>) {
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
                // `titulaire` may stand twice, without a wrapper around both.
                self.r.titulaires.extend(list);
            }
            "concessionnaires" | "concessionnaire" => {
                self.concession = true;
                let list = self.holders("concessionnaires", "concessionnaire", value);
                // `titulaire` may stand twice, without a wrapper around both.
                self.r.titulaires.extend(list);
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

    /// A list whose items stand in one cell of a table.
    pub(super) fn list_of_cells(&mut self, name: &str, items: Vec<Tree<'_>>) {
        if let Some((list, path, _)) = self.list_of(name) {
            let texts: Vec<Scalar> = items.into_iter().filter_map(|item| self.scalar(path, item)).collect();
            *list(&mut self.r) = texts;
        }
    }

    /// The member, path and item of a list of texts.
    #[allow(clippy::type_complexity, reason = "a row of the table below")]
    fn list_of(&mut self, name: &str) -> Option<(fn(&mut RawRecord) -> &mut Vec<Scalar>, &'static str, &'static str)> {
        let row: (fn(&mut RawRecord) -> &mut Vec<Scalar>, _, _) = match name {
            "techniques" => (|r| &mut r.techniques, "techniques", "technique"),
            "modalitesExecution" => (|r| &mut r.modalites, "modalitesExecution", "modaliteExecution"),
            "typesPrix" => (|r| &mut r.types_prix, "typesPrix", "typePrix"),
            "considerationsSociales" => {
                (|r| &mut r.considerations_sociales, "considerationsSociales", "considerationSociale")
            }
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
            "valeurGlobale" | "dateSignature" | "montantSubventionPublique" => self.concession = true,
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
                self.note(note::LIST_SHAPE, path, "[…]");
                items.pop().and_then(|item| self.scalar(path, item))
            }
            other => {
                self.note(note::UNEXPECTED_SHAPE, path, other.show(MAX_OTHER));
                self.other(path, &other);
                None
            }
        }
    }
    /// Decides kind and edition.
    pub(super) fn finish(self, named: Option<Kind>, carrier: Carrier) -> RawRecord {
        let mut r = self.r;
        let folded = |scalar: &Declared| scalar.as_ref().map(|s| fold(s.as_str())).unwrap_or_default();
        let concession = |word: &str| word.contains("concession") || word.contains("delegation de service");
        r.kind = named.unwrap_or_else(|| {
            let own = folded(&r.declared_type);
            match (self.autorite, self.acheteur) {
                _ if concession(&own) => Kind::Concession,
                _ if own.contains("march") => Kind::Marche,
                (true, false) => Kind::Concession,
                (false, true) => Kind::Marche,
                _ if self.concession || concession(&folded(&r.nature)) => Kind::Concession,
                _ => Kind::Marche,
            }
        });
        let of_2019 = !self.evidence.of_2022
            && (self.evidence.of_2019 || r.declared_type.is_some() || {
                let (nature, forme) = (folded(&r.nature), folded(&r.forme_prix));
                nature.contains("accord")
                    || nature.contains("subsequent")
                    || matches!(&*forme, "ferme" | "ferme et actualisable" | "revisable")
            });
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
pub(super) fn put(member: &mut Declared, value: Declared, path: &str, notes: &mut Vec<Note>) {
    match (member.as_ref(), value) {
        (_, None) => {}
        (None, value) => *member = value,
        (Some(_), Some(second)) => notes.push(Note::new(note::DUPLICATE_FIELD, path.to_owned(), second.as_str())),
    }
}
