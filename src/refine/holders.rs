//! Holders and sub-contractors: type and identifier belong together.
//!
//! In: declared holders. Out: clean ones, each once, and a finding for each repair. One without a
//! usable identifier keeps its name; one without either is kept only as declared.

use crate::decode::{RawHolder, Scalar};
use crate::record::{Holder, IdType};

use super::ids::{Reading, read_siret};
use super::out::{Out, Path};
use super::rules::Rule;
use super::words::{text, value, word};

/// The holders of a list.
pub(super) fn holders(out: &mut Out, path: Path, list: &'static str, raw: Vec<RawHolder>) -> Vec<Holder> {
    let mut clean: Vec<Holder> = Vec::with_capacity(raw.len());
    for (i, raw) in raw.iter().enumerate() {
        let at = path.under(list, i, "");
        let h = holder(out, at, raw);
        if h.key().is_none() {
            let declared = [&raw.id_type, &raw.id, &raw.name]
                .into_iter()
                .flatten()
                .map(Scalar::as_str)
                .collect::<Vec<_>>()
                .join(" ");
            out.find(Rule::HolderUnusable, at, &declared);
        } else if clean.iter().any(|c| same(c, &h)) {
            out.find(Rule::ValueRepeated, at, h.id.as_deref().or(h.name.as_deref()).unwrap_or_default());
        } else {
            clean.push(h);
        }
    }
    clean
}

/// The same holder: one identifier, or, without one, one name.
fn same(a: &Holder, b: &Holder) -> bool {
    a.id == b.id && a.id_type == b.id_type && (a.id.is_some() || a.key() == b.key())
}

/// One holder; `at` is the place of the whole.
pub(super) fn holder(out: &mut Out, at: Path, raw: &RawHolder) -> Holder {
    let name = text(out, sub(at, Part::Name), &raw.name);
    let id_type = id_type(out, sub(at, Part::Type), &raw.id_type);
    let at_id = sub(at, Part::Id);
    let Some(scalar) = value(out, at_id, &raw.id) else {
        if let Some(name) = &name {
            out.find(Rule::HolderWithoutId, at_id, name);
        }
        return Holder { id_type: id_type.filter(|_| name.is_some()), id: None, name };
    };
    let declared = scalar.as_str();
    if matches!(scalar, Scalar::Number(_)) {
        out.find(Rule::TextAsNumber, at_id, declared);
    }
    let (id_type, id) = match id_type {
        Some(IdType::Siret) | None => siret(out, at, declared, id_type),
        Some(other) => (Some(other), foreign(out, at, declared, other)),
    };
    Holder { id_type, id, name }
}

enum Part {
    Type,
    Id,
    Name,
}

/// `sousTraitant` stands inside an act, a titulaire in its list: both name their parts alike.
fn sub(at: Path, part: Part) -> Path {
    match (at.is_sub_contractor(), part) {
        (true, Part::Type) => at.field("sousTraitant.typeIdentifiant"),
        (true, Part::Id) => at.field("sousTraitant.id"),
        (true, Part::Name) => at.field("sousTraitant.denominationSociale"),
        (false, Part::Type) => at.field("typeIdentifiant"),
        (false, Part::Id) => at.field("id"),
        (false, Part::Name) => at.field("denominationSociale"),
    }
}

/// `UE` was the word of 2019 for what is `TVA` now.
fn id_type(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<IdType> {
    match scalar {
        Some(s) if s.as_str() == "UE" => Some(IdType::Tva),
        other => word(out, at, other),
    }
}

/// An identifier that is a SIRET, or declares no type.
fn siret(out: &mut Out, at: Path, declared: &str, id_type: Option<IdType>) -> (Option<IdType>, Option<String>) {
    let at_id = sub(at, Part::Id);
    let trimmed = declared.trim();
    let reading = read_siret(trimmed);
    let found = |out: &mut Out, right: IdType| {
        let rule = if id_type.is_none() { Rule::IdTypeInferred } else { Rule::IdTypeCorrected };
        if id_type != Some(right) {
            out.find(rule, sub(at, Part::Type), id_type.map_or("", IdType::label));
        }
        Some(right)
    };
    match reading {
        Reading::Siret(siret, repair) => {
            if let Some(rule) = repair.or((trimmed.len() < declared.len()).then_some(Rule::SiretFormat)) {
                out.find(rule, at_id, declared);
            }
            if !siret.has_valid_key() {
                out.find(Rule::SiretKey, at_id, declared);
            }
            (found(out, IdType::Siret), Some(siret.to_string()))
        }
        Reading::FrenchTva(_) | Reading::OtherTva => (found(out, IdType::Tva), Some(compact(out, at_id, declared))),
        Reading::Placeholder => {
            out.find(Rule::IdPlaceholder, at_id, declared);
            (id_type, None)
        }
        Reading::Siren(_) | Reading::Other if id_type.is_some() => {
            out.find(Rule::SiretUnusable, at_id, declared);
            (id_type, None)
        }
        // No type, and no form that tells one: the identifier is kept as it is.
        Reading::Siren(_) | Reading::Other => (None, Some(trimmed.to_owned())),
    }
}

/// An identifier of another type: kept, its form checked.
fn foreign(out: &mut Out, at: Path, declared: &str, id_type: IdType) -> Option<String> {
    let at_id = sub(at, Part::Id);
    if matches!(read_siret(declared.trim()), Reading::Placeholder) {
        out.find(Rule::IdPlaceholder, at_id, declared);
        return None;
    }
    let id = match id_type {
        IdType::Tva => compact(out, at_id, declared),
        _ => {
            let id = declared.trim();
            if id.len() < declared.len() {
                out.find(Rule::IdentifierFormat, at_id, declared);
            }
            id.to_owned()
        }
    };
    if !has_form(id_type, &id) {
        out.find(Rule::IdentifierForm, at_id, declared);
    }
    (!id.is_empty()).then_some(id)
}

/// Without spaces, in capitals.
fn compact(out: &mut Out, at: Path, declared: &str) -> String {
    let id: String =
        declared.chars().filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-')).collect::<String>().to_uppercase();
    if id != declared {
        out.find(Rule::IdentifierFormat, at, declared);
    }
    id
}

fn has_form(id_type: IdType, id: &str) -> bool {
    let alnum = id.chars().all(|c| c.is_alphanumeric());
    let letters = id.get(..2).is_some_and(|s| s.bytes().all(|b| b.is_ascii_uppercase()));
    match id_type {
        IdType::Siret => true,
        IdType::Tva => letters && alnum && (4..=16).contains(&id.len()),
        IdType::Tahiti => alnum && (6..=9).contains(&id.len()),
        IdType::Ridet => alnum && (7..=10).contains(&id.len()),
        IdType::Frwf => id.starts_with("FRWF") && id.len() <= 18,
        IdType::Irep => id.len() >= 5,
        IdType::HorsUe => letters && id.chars().count() <= 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id_type: &str, id: &str) -> (String, String, String) {
        let mut out = Out::default();
        let some = |t: &str| (!t.is_empty()).then(|| Scalar::Text(t.into()));
        let raw = RawHolder { id_type: some(id_type), id: some(id), name: some("Nom") };
        let list = holders(&mut out, Path::of("titulaires"), "titulaires", vec![raw]);
        let h = &list[0];
        let codes: Vec<_> = out.findings.0.iter().map(|f| &*f.code).collect();
        (h.id_type.map_or("-", IdType::label).into(), h.id.clone().unwrap_or("-".into()), codes.join(" "))
    }

    #[test]
    fn type_and_identifier_are_made_to_agree_where_the_form_tells() {
        for (id_type, id, want) in [
            ("SIRET", "33487372600239", ("SIRET", "33487372600239", "")),
            ("SIRET", "   33487372600239", ("SIRET", "33487372600239", "siret-format")),
            ("", "33487372600239", ("SIRET", "33487372600239", "id-type-inferred")),
            ("SIRET", "33487372600230", ("SIRET", "33487372600230", "siret-key")),
            ("SIRET", "IT00802230151", ("TVA", "IT00802230151", "id-type-corrected")),
            ("SIRET", "FR53 213105554", ("TVA", "FR53213105554", "id-type-corrected identifier-format")),
            ("UE", "DE814864138", ("TVA", "DE814864138", "")),
            ("TVA_INTRACOMMUNAUTAIRE", "BE0123456789", ("TVA", "BE0123456789", "enum-spelling")),
            ("HORS_UE", "BRDASILVA", ("HORS-UE", "BRDASILVA", "enum-spelling")),
            ("TVA", "12345", ("TVA", "12345", "identifier-form")),
            ("SIRET", "33487372600239012", ("SIRET", "-", "siret-unusable")),
            ("SIRET", "Rénovation Chartraine", ("SIRET", "-", "siret-unusable")),
            ("SIRET", "00000000000000", ("SIRET", "-", "id-placeholder")),
            ("SIRET", "CDL", ("SIRET", "-", "placeholder titulaire-without-id")),
        ] {
            let (t, i, c) = one(id_type, id);
            assert_eq!((&*t, &*i, &*c), want, "{id_type} {id}");
        }
    }

    #[test]
    fn a_holder_declared_twice_stands_once_and_an_empty_one_not_at_all() {
        let mut out = Out::default();
        let raw = |id: &str| RawHolder {
            id_type: Some(Scalar::Text("SIRET".into())),
            id: Some(Scalar::Text(id.into())),
            name: None,
        };
        let list = holders(
            &mut out,
            Path::of("titulaires"),
            "titulaires",
            vec![raw("33487372600239"), raw("33487372600239"), raw("xx")],
        );
        assert_eq!(list.len(), 1);
        let codes: Vec<_> = out.findings.0.iter().map(|f| (&*f.code, &*f.field)).collect();
        assert_eq!(
            codes,
            [
                ("value-repeated", "titulaires[1]"),
                ("siret-unusable", "titulaires[2].id"),
                ("titulaire-unusable", "titulaires[2]")
            ]
        );
    }
}
