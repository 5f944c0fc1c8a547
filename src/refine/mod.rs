//! Raw record → observation: normalise, validate, place in the region.
//!
//! ```text
//! RawRecord → ids (buyer and id, or quarantine) → fields (words, numbers, dates, holders) → checks
//!           → seat and place in the region → Observation | quarantine | out of region
//! ```
//!
//! Pure: the same raw record, context and tables give the same answer. A repair leaves a finding
//! and the value as declared; what has no single right answer stays as declared, out of the clean
//! field, with an error. Every rule stands in [`rules`]. Knows no format, no SQL, no network.

pub mod catalogue;
mod checks;
mod dates;
mod fields;
mod holders;
mod ids;
mod numbers;
mod out;
mod remedies;
mod report;
pub mod rules;
mod sequences;
mod words;

#[cfg(test)]
mod rules_records;
#[cfg(test)]
mod rules_tests;

#[cfg(test)]
mod tests;

use crate::decode::{self, RawRecord, Scalar};
use crate::record::{Day, Field, Finding, Format, Kind, Observation, Severity, Siren, Where};
use crate::reference;

pub use remedies::Remedy;
pub use report::{Outcome, ReadItem, read_all};
pub use rules::{REASONS, Rule};

/// Number of the rules: raise it when one of them changes an answer, so that what was stored
/// under another number is made anew from the archive.
pub const VERSION: u32 = 4;

/// What a record is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The configured region.
    pub region: &'a reference::Region,
    /// The register of legal units, where one is configured.
    pub register: Option<&'a reference::Register>,
    /// The first day on which the record was seen: what "future" means for it.
    pub seen: Day,
}

/// What came of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Refined {
    /// A record of the region, or one whose seat is unknown.
    Observation(Box<Observation>),
    /// No identity.
    Quarantine {
        /// One of [`REASONS`].
        reason: &'static str,
        /// What was declared.
        detail: String,
    },
    /// The buyer's seat is outside, and the place of execution is not inside.
    OutOfRegion {
        /// `seat-outside`.
        reason: &'static str,
        /// The buyer whose seat decided.
        buyer: Siren,
    },
}

/// Makes an observation of a raw record.
pub fn refine(mut raw: RawRecord, cx: &Context<'_>) -> Refined {
    let mut out = out::Out::default();
    let identity = match ids::identity(&mut out, &raw.acheteur, &raw.id, &raw.uid) {
        Ok(identity) => identity,
        Err((reason, detail)) => return Refined::Quarantine { reason, detail },
    };
    let notes = std::mem::take(&mut raw.notes);
    // Where quotes were repaired, an identity with quotes in it is a guess, and nothing may be merged on a guess.
    let quoted = |text: &str| text.contains('"');
    if notes.iter().any(|n| n.code == decode::BARE_QUOTE) && quoted(identity.id.as_str()) {
        return Refined::Quarantine { reason: "identity-damaged", detail: format!("the id reads `{}`", identity.id) };
    }
    for note in notes {
        if let Some(rule) = Rule::from_code(note.code) {
            out.find_at(rule, note.field, &note.value);
        }
    }
    let others = std::mem::take(&mut raw.others);
    let source = others.iter().find(|(path, _)| path == "source").map(|(_, value)| value.clone());
    for (path, value) in others {
        out.keep(&path, &value);
    }
    let (format, planned) = (raw.format, raw.declared_type.take());
    keep_type(&mut out, planned.as_ref(), raw.kind);
    let record = fields::fields(&mut out, raw, identity, cx.seen);
    checks::check(&mut out, &record, format, source.as_deref());
    sequences::check(&mut out, &record);
    let buyer = record.acheteur.siren();
    let seat = cx.region.seat(&buyer, cx.register);
    let place = record.lieu.as_ref().map_or(Where::Unknown, |p| cx.region.place(p));
    if seat == Where::Outside && place != Where::Inside {
        return Refined::OutOfRegion { reason: "seat-outside", buyer };
    }
    let mut observation = Observation { format, record, declared: Vec::new(), findings: Vec::new(), seat, place };
    require(&mut out, &observation);
    (observation.findings, observation.declared) = out.finish();
    Refined::Observation(Box::new(observation))
}

/// One finding for all that the schema requires and the record lacks, but for what another error
/// already accounts for. A table has a schema of its own.
fn require(out: &mut out::Out, observation: &Observation) {
    if observation.format == Format::Table {
        return;
    }
    let mut names = String::new();
    for field in missing(observation) {
        let name = field.name();
        let blamed = |f: &Finding| {
            f.severity == Severity::Error
                && f.field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if out.findings.0.iter().any(blamed) {
            continue;
        }
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(name);
    }
    if !names.is_empty() {
        out.find_at(Rule::RequiredMissing, "".into(), &names);
    }
}

/// What a record calls itself is kept where its place said otherwise.
fn keep_type(out: &mut out::Out, declared: Option<&Scalar>, kind: Kind) {
    if let Some(declared) = declared.map(Scalar::as_str)
        && declared.to_lowercase().contains("concession") != (kind == Kind::Concession)
    {
        out.keep("_type", declared);
    }
}

/// The fields that the official schema of its format requires and that an observation lacks, in
/// field order: what a producer is told, and what quality counts as missing.
pub fn missing(o: &Observation) -> Vec<Field> {
    let r = &o.record;
    let marche = r.kind == Kind::Marche;
    let v2022 = o.format != Format::V2019;
    let place = r.lieu.as_ref().is_some_and(|p| p.code.is_some() && p.kind.is_some());
    // Field, whether the format asks for it, whether it is there.
    let table = [
        (Field::AcheteurNom, !v2022, r.acheteur_nom.is_some()),
        (Field::Nature, true, r.nature.is_some()),
        (Field::Objet, true, r.objet.is_some()),
        (Field::CodeCpv, marche, r.cpv.is_some()),
        (Field::Techniques, marche && v2022, !r.techniques.is_empty()),
        (Field::ModalitesExecution, marche && v2022, !r.modalites.is_empty()),
        (Field::Procedure, true, r.procedure.is_some()),
        (Field::LieuExecution, marche || !v2022, place),
        (Field::DureeMois, true, r.duree_mois.is_some()),
        (Field::DateNotification, true, r.date_notification.is_some()),
        (Field::DatePublicationDonnees, true, r.date_publication.is_some()),
        (Field::DateDebutExecution, !marche, r.date_debut_execution.is_some()),
        (Field::Montant, true, r.montant.is_some()),
        (Field::MontantSubventionPublique, !marche, r.montant_subvention.is_some()),
        (Field::FormePrix, marche && v2022, r.forme_prix.is_some()),
        (Field::TypesPrix, marche, !r.types_prix.is_empty()),
        (Field::ConsiderationsSociales, v2022, !r.considerations_sociales.is_empty()),
        (Field::ConsiderationsEnvironnementales, v2022, !r.considerations_environnementales.is_empty()),
        (Field::MarcheInnovant, marche && v2022, r.marche_innovant.is_some()),
        (Field::AttributionAvance, marche && v2022, r.attribution_avance.is_some()),
        (Field::SousTraitanceDeclaree, marche && v2022, r.sous_traitance_declaree.is_some()),
        (Field::Ccag, marche && v2022, r.ccag.is_some()),
        (Field::OffresRecues, marche && v2022, r.offres_recues.is_some()),
        (Field::TypeGroupementOperateurs, marche && v2022, r.groupement.is_some()),
        (Field::Titulaires, true, !r.titulaires.is_empty()),
    ];
    table.into_iter().filter(|(_, asked, there)| *asked && !there).map(|(field, ..)| field).collect()
}
