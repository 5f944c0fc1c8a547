//! The JSON form of a value, as contrats.ndjson writes it: money as a number with its exact
//! decimals, lists unwrapped, absent = key absent.
//!
//! Used for `conflicts`, whose values are compared and published as text.

use crate::record::{DonneesAnnuelles, Holder, Money, Place, Tarif};

/// A string with its quotes and escapes.
pub fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// A number with its exact decimals.
pub fn money(value: Money) -> String {
    value.to_string()
}

/// An array of values that are JSON already.
pub fn list(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

/// An object of the members that are present, in this order.
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let members: Vec<String> =
        members.into_iter().filter_map(|(name, value)| Some(format!("{}:{}", text(name), value?))).collect();
    format!("{{{}}}", members.join(","))
}

/// `{typeIdentifiant, id, denominationSociale}`.
pub fn holder(h: &Holder) -> String {
    object([
        ("typeIdentifiant", h.id_type.map(|t| text(t.label()))),
        ("id", h.id.as_deref().map(text)),
        ("denominationSociale", h.name.as_deref().map(text)),
    ])
}

/// `{code, typeCode, nom}`.
pub fn place(p: &Place) -> String {
    object([
        ("code", p.code.as_deref().map(text)),
        ("typeCode", p.kind.map(|k| text(k.label()))),
        ("nom", p.name.as_deref().map(text)),
    ])
}

/// One year of a concession.
pub fn donnees(d: &DonneesAnnuelles) -> String {
    let tarif = |t: &Tarif| object([("intituleTarif", t.intitule.as_deref().map(text)), ("tarif", t.tarif.map(money))]);
    object([
        ("datePublicationDonneesExecution", d.date_publication.map(|d| text(&d.to_string()))),
        ("depensesInvestissement", d.depenses_investissement.map(money)),
        ("tarifs", (!d.tarifs.is_empty()).then(|| list(d.tarifs.iter().map(tarif)))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::IdType;

    #[test]
    fn values_read_back_as_json_with_every_cent() {
        let h = Holder { id_type: Some(IdType::HorsUe), id: Some("a\"b\\\n".to_owned()), name: None };
        let back: serde_json::Value = serde_json::from_str(&holder(&h)).unwrap();
        assert_eq!(back["id"], "a\"b\\\n");
        assert_eq!(back["typeIdentifiant"], "HORS-UE");
        assert!(back.get("denominationSociale").is_none());
        assert_eq!(money(Money::new("1200.50".parse().unwrap())), "1200.5");
        assert_eq!(list([money(Money::euros(1)), text("é")]), "[1,\"é\"]");
    }
}
