//! The names of natural persons that the register forbids to tell, taken out of a contract before any
//! file is written of it (records.md §10).
//!
//! In: a contract, and who is masked. Out: the same contract with the mask in the place of each such
//! name: holders, those of modifications and of the present state, sub-contractors, the buyer, the
//! values that lost, and what findings quote of them. Identifiers stay: they are the register's own
//! public key, and say no name. The store keeps what was declared. Pure.

use serde_json::Value;

use crate::record::{Contract, Field, Holder, IdType, Siren};
use crate::reference::MASK;

/// Whether anything of the contract is masked; `masked` is asked about each identifier once or more.
pub(super) fn mask<E>(contract: &mut Contract, mut masked: impl FnMut(&Siren) -> Result<bool, E>) -> Result<bool, E> {
    let mut names = Vec::new();
    let record = &mut contract.record;
    let buyer = masked(&record.acheteur.siren())?;
    if buyer {
        names.extend(record.acheteur_nom.as_mut().map(|name| std::mem::replace(name, MASK.to_owned())));
    }
    let later = record.modifications.iter_mut().flat_map(|m| &mut m.titulaires);
    let acts = record.actes.iter_mut().map(|a| &mut a.sous_traitant);
    let mut any = buyer;
    for holder in record.titulaires.iter_mut().chain(later).chain(&mut contract.current.titulaires).chain(acts) {
        if let Some(siren) = siren_of(holder)
            && masked(&siren)?
        {
            any = true;
            names.extend(holder.name.as_mut().map(|name| std::mem::replace(name, MASK.to_owned())));
        }
    }
    for conflict in &mut contract.conflicts {
        match conflict.field {
            Field::AcheteurNom if buyer => {
                names.extend(conflict.values.iter().filter_map(|(json, _)| serde_json::from_str::<String>(json).ok()));
                conflict.values.iter_mut().for_each(|(json, _)| *json = Value::from(MASK).to_string());
            }
            Field::Titulaires => {
                for (json, _) in &mut conflict.values {
                    any |= losing(json, &mut names, &mut masked)?;
                }
            }
            _ => {}
        }
    }
    if any {
        quoted(contract, &names, buyer);
    }
    Ok(any)
}

/// The unit of a holder.
fn siren_of(holder: &Holder) -> Option<Siren> {
    siren_in(holder.id.as_deref()?, holder.id_type)
}

/// The SIREN in a SIRET, in a SIREN that stands where a SIRET should, or at the end of a French VAT
/// number; other registers have nine digits too.
fn siren_in(id: &str, id_type: Option<IdType>) -> Option<Siren> {
    let digits = match (id_type, id.strip_prefix("FR")) {
        (_, Some(rest)) if rest.len() == 11 => rest.get(2..)?,
        (None | Some(IdType::Siret), None) if matches!(id.len(), 9 | 14) => id.get(..9)?,
        _ => return None,
    };
    Siren::parse(digits)
}

/// Masks the holders of a value that lost: JSON as contrats.ndjson writes it.
fn losing<E>(
    json: &mut String,
    names: &mut Vec<String>,
    masked: &mut impl FnMut(&Siren) -> Result<bool, E>,
) -> Result<bool, E> {
    let Ok(Value::Array(mut holders)) = serde_json::from_str(json) else { return Ok(false) };
    let mut any = false;
    for holder in holders.iter_mut().filter_map(Value::as_object_mut) {
        let text = |name: &str| holder.get(name).and_then(Value::as_str);
        let id_type = text("typeIdentifiant").and_then(IdType::parse);
        let siren = text("id").and_then(|id| siren_in(id, id_type));
        let Some(siren) = siren else { continue };
        if masked(&siren)? {
            any = true;
            if let Some(Value::String(name)) = holder.get_mut("denominationSociale") {
                names.push(std::mem::replace(name, MASK.to_owned()));
            }
        }
    }
    if any {
        *json = written(&holders);
    }
    Ok(any)
}

/// In the order in which the names of a holder always stand.
fn written(holders: &[Value]) -> String {
    let members = ["typeIdentifiant", "id", "denominationSociale"];
    let one = |holder: &Value| {
        let parts = members.iter().filter_map(|name| Some(format!("{}:{}", Value::from(*name), holder.get(*name)?)));
        format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
    };
    format!("[{}]", holders.iter().map(one).collect::<Vec<_>>().join(","))
}

/// Findings quote what was declared: at a holder's place any words, elsewhere the names themselves.
fn quoted(contract: &mut Contract, names: &[String], buyer: bool) {
    const HOLDERS: [&str; 4] = ["titulaires", "concessionnaires", "sousTraitant", "actesSousTraitance"];
    for (finding, _) in &mut contract.findings {
        let at_holder = HOLDERS.iter().any(|place| finding.field.contains(place));
        let at_person = at_holder || buyer && finding.field.starts_with("acheteur");
        let words = finding.value.chars().any(char::is_alphabetic) && !finding.field.ends_with("typeIdentifiant");
        let holds_name = || names.iter().any(|name| !name.is_empty() && finding.value.contains(name.as_str()));
        if at_person && words || holds_name() {
            finding.value = MASK.to_owned();
        }
    }
}

/// Whether a text that is shown as it was received names a masked unit.
pub(super) fn mentions<E>(text: &str, mut masked: impl FnMut(&Siren) -> Result<bool, E>) -> Result<bool, E> {
    for digits in text.split(|c: char| !c.is_ascii_digit()) {
        let siren = match digits.len() {
            9 | 14 => digits.get(..9),
            11 => digits.get(2..),
            _ => None,
        };
        if let Some(siren) = siren.and_then(Siren::parse)
            && masked(&siren)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_a_unit_by_its_siret_or_its_french_vat_number_and_by_no_other_register() {
        let of = |id: &str, id_type| siren_in(id, id_type).map(|s| s.to_string());
        let unit = Some("300000015".to_owned());
        assert_eq!(of("30000001500019", Some(IdType::Siret)), unit);
        assert_eq!(of("300000015", None), unit);
        assert_eq!(of("FR12300000015", Some(IdType::Tva)), unit);
        assert_eq!(of("300000015", Some(IdType::Ridet)), None);
        assert_eq!(of("DE300000015", Some(IdType::Tva)), None);
    }

    #[test]
    fn a_text_mentions_a_unit_by_its_siren_siret_or_vat_number_only() {
        let of = |text: &str| mentions(text, |s: &Siren| Ok::<_, ()>(s.as_str() == "300000015")).unwrap();
        for text in ["\"300000015\"", "id:30000001500019,", "FR12300000015", "a 300000015"] {
            assert!(of(text), "{text}");
        }
        for text in ["3000000150", "30000001", "", "1300000015"] {
            assert!(!of(text), "{text}");
        }
    }
}
