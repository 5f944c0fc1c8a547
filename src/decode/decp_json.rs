//! DECP in JSON: the names above the records, and what tells a record from its parts.
//!
//! In: the bytes of one record. Out: a [`RawRecord`]. The fields themselves have the same names in
//! JSON and XML: see `decp`.

use crate::record::Kind;

use super::note::{self, Note};
use super::text::{Damage, utf8};
use super::tree::Tree;
use super::{Container, RawRecord, Reject, decp, json};

/// What a name above the records stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Holds lists, or is one.
    Wrapper,
    /// A list of one kind.
    Records(Kind),
    /// Nothing of ours.
    Other,
}

/// The role of a name above the records.
pub(super) fn role(name: &[u8]) -> Role {
    match name {
        b"marches" | b"Marches" | b"MARCHES" => Role::Wrapper,
        b"marche" | b"Marche" => Role::Records(Kind::Marche),
        b"contrat-concession"
        | b"contrats-concession"
        | b"contratConcession"
        | b"contrat_concession"
        | b"concessions"
        | b"concession" => Role::Records(Kind::Concession),
        _ => Role::Other,
    }
}

/// Whether a field of this name is one that only a record has: not a holder, a modification, an
/// act, nor the object around a list.
pub(super) fn is_record_field(name: &[u8]) -> bool {
    matches!(
        name,
        b"acheteur"
            | b"acheteur_id"
            | b"acheteur.id"
            | b"autoriteConcedante"
            | b"autoriteConcedante.id"
            | b"uid"
            | b"nature"
            | b"objet"
            | b"codeCPV"
            | b"codecpv"
            | b"procedure"
            | b"lieuExecution"
            | b"formePrix"
            | b"typesPrix"
            | b"ccag"
            | b"techniques"
            | b"modalitesExecution"
            | b"marcheInnovant"
            | b"offresRecues"
            | b"concessionnaires"
            | b"considerationsSociales"
            | b"considerationsEnvironnementales"
            | b"idAccordCadre"
            | b"valeurGlobale"
            | b"typeGroupementOperateurs"
            | b"sousTraitanceDeclaree"
            | b"attributionAvance"
    )
}

/// Reads one record; `damaged` when the splitter had to guess its end.
pub(super) fn parse(bytes: &[u8], container: Container, damaged: bool) -> Result<RawRecord, Reject> {
    let (text, damage) = utf8(bytes);
    let (tree, mut notes) = json::parse(&text, damaged)?;
    damage_note(damage, &mut notes);
    match tree {
        Tree::Null => Err(Reject::new("null", "null in the place of a record")),
        Tree::Map(fields) if fields.is_empty() => Err(Reject::new("empty", "a record without any field")),
        tree @ Tree::Map(_) if tree.is_empty() => Err(Reject::new("empty", "a record without any value")),
        Tree::Map(fields) => {
            let named = match container {
                Container::Named(kind) => Some(kind),
                Container::Plain => None,
            };
            Ok(decp::record(fields, named, decp::Carrier::Json(container), notes))
        }
        other => Err(Reject::new("not-an-object", format!("{} in the place of a record", other.show(80)))),
    }
}

/// What reading the bytes as text needed.
pub(super) fn damage_note(damage: Damage, notes: &mut Vec<Note>) {
    match damage {
        Damage::None => {}
        Damage::Legacy => notes.push(Note::new(note::ENCODING_MIXED, "", "windows-1252")),
        Damage::Lossy => notes.push(Note::new(note::ENCODING_DAMAGED, "", "utf-8")),
    }
}
