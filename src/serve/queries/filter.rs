//! The filters of the list of contracts, by field name, and the cursor of a page.
//!
//! In: the pairs of a query string. Out: values that were checked and can be bound as they are, and
//! the conditions that bind them; or why the query string is refused.

use jiff::civil::Date;
use rusqlite::types::Value;

use super::list::Line;
use crate::record::Uid;

/// Most lines on one page.
pub const MAX_PAGE: u32 = 100;
/// Longest filter value, in bytes.
const MAX_VALUE: usize = 64;

/// The last line that a reader has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Its date; empty for an undated contract.
    pub date: String,
    /// Its uid.
    pub uid: String,
}

impl Cursor {
    /// The cursor after this line.
    pub fn after(line: &Line) -> Self {
        Self { date: line.date.clone().unwrap_or_default(), uid: line.uid.clone() }
    }

    /// As it stands in a URL: `2024-05-15.21310…`, `.21310…` for an undated contract.
    pub fn to_text(&self) -> String {
        format!("{}.{}", self.date, Uid::from_text(self.uid.clone()).to_url())
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, uid) = text.split_once('.')?;
        if !date.is_empty() {
            date.parse::<Date>().ok()?;
        }
        let uid = Uid::from_url(uid)?.as_str().to_owned();
        (!uid.is_empty()).then(|| Self { date: date.to_owned(), uid })
    }
}

/// What a reader filters by. Every member is checked: what is here can be bound as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// SIREN or SIRET of the buyer.
    pub acheteur: Option<String>,
    /// Identifier of a holder, or its SIREN.
    pub titulaire: Option<String>,
    /// Département of the buyer's seat.
    pub departement: Option<String>,
    /// Leading digits of the CPV code.
    pub cpv: Option<String>,
    /// `marche` or `concession`.
    pub kind: Option<String>,
    /// Year of notification.
    pub annee: Option<String>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// Lines on the page.
    pub limit: Option<u32>,
}

/// Why a query string is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such filter.
    Unknown(String),
    /// The filter cannot have this value; what it takes, in French and English.
    Value(&'static str, &'static str, &'static str),
    /// The filter stands twice.
    Twice(String),
}

/// Every filter that the list knows.
pub const KNOWN: [&str; 8] = ["acheteur", "titulaire", "departement", "cpv", "type", "annee", "cursor", "limit"];

impl Filter {
    /// Reads the pairs of a query string. A form sends its empty fields: they filter nothing.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Refused> {
        let mut out = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (key, value) in pairs {
            if key == "lang" {
                continue;
            }
            if !KNOWN.contains(&key.as_str()) {
                return Err(Refused::Unknown(key.chars().take(MAX_VALUE).collect()));
            }
            if seen.contains(&key.as_str()) {
                return Err(Refused::Twice(key.clone()));
            }
            seen.push(key);
            let value = value.trim();
            if !value.is_empty() {
                out.set(key, value)?;
            }
        }
        Ok(out)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Refused> {
        let digits =
            |n: std::ops::RangeInclusive<usize>| n.contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        let refuse = |name, fr, en| Err(Refused::Value(name, fr, en));
        let text = Some(value.to_owned());
        match key {
            "acheteur" if digits(9..=9) || digits(14..=14) => self.acheteur = text,
            "acheteur" => {
                return refuse("acheteur", "9 chiffres (SIREN) ou 14 (SIRET)", "9 digits (SIREN) or 14 (SIRET)");
            }
            "titulaire" if value.len() <= MAX_VALUE => self.titulaire = text,
            "titulaire" => {
                return refuse("titulaire", "64 caractères au plus", "at most 64 characters");
            }
            "departement" => match crate::record::DepartementCode::parse(&value.to_ascii_uppercase()) {
                Some(code) => self.departement = Some(code.as_str().to_owned()),
                None => {
                    return refuse("departement", "un code comme 31, 2A ou 971", "a code such as 31, 2A or 971");
                }
            },
            "cpv" if digits(2..=8) => self.cpv = text,
            "cpv" => return refuse("cpv", "de 2 à 8 chiffres", "2 to 8 digits"),
            "type" if matches!(value, "marche" | "concession") => self.kind = text,
            "type" => return refuse("type", "marche ou concession", "marche or concession"),
            "annee" if digits(4..=4) => self.annee = text,
            "annee" => return refuse("annee", "4 chiffres", "4 digits"),
            "cursor" => match Cursor::parse(value) {
                Some(cursor) => self.cursor = Some(cursor),
                None => {
                    return refuse(
                        "cursor",
                        "celui que la page précédente a donné",
                        "the one that the page before gave",
                    );
                }
            },
            _ => match value.parse() {
                Ok(n) if (1..=MAX_PAGE).contains(&n) => self.limit = Some(n),
                _ => return refuse("limit", "de 1 à 100", "1 to 100"),
            },
        }
        Ok(())
    }

    /// Whether anything but the place in the list was asked.
    pub fn is_empty(&self) -> bool {
        let place = Self { cursor: None, limit: None, ..self.clone() };
        place == Self::default()
    }

    /// The pairs that ask for the same list, from its start.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let limit = self.limit.map(|n| n.to_string());
        [
            ("acheteur", &self.acheteur),
            ("titulaire", &self.titulaire),
            ("departement", &self.departement),
            ("cpv", &self.cpv),
            ("type", &self.kind),
            ("annee", &self.annee),
            ("limit", &limit),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .collect()
    }

    /// The conditions on `contrats c` and the values they bind, in order.
    pub fn conditions(&self) -> (String, Vec<Value>) {
        let (mut sql, mut bound) = (String::from("c.retire = 0"), Vec::new());
        let mut and = |condition: &str, values: &[&str]| {
            sql.push_str(" AND ");
            sql.push_str(condition);
            bound.extend(values.iter().map(|v| Value::Text((*v).to_owned())));
        };
        if let Some(id) = &self.acheteur {
            // The index is on the SIREN; a SIRET narrows it to one establishment.
            and("c.acheteur_siren = ?", &[id.get(..9).unwrap_or(id)]);
            if id.len() == 14 {
                and("c.acheteur_id = ?", &[id]);
            }
        }
        if let Some(id) = &self.titulaire {
            and(
                "c.n IN (SELECT contrat FROM titulaires WHERE id = ? UNION SELECT contrat FROM titulaires WHERE siren = ?)",
                &[id, id],
            );
        }
        if let Some(code) = &self.departement {
            and("c.departement = ?", &[code]);
        }
        if let Some(prefix) = &self.cpv {
            // Digits only, and `:` follows `9`: the codes that begin so.
            and("c.codeCPV >= ? AND c.codeCPV < ?", &[prefix, &format!("{prefix}:")]);
        }
        if let Some(kind) = &self.kind {
            and("c.type = ?", &[kind]);
        }
        if let Some(year) = &self.annee {
            and(
                "coalesce(c.dateNotification,'') BETWEEN ? AND ?",
                &[&format!("{year}-01-01"), &format!("{year}-12-31")],
            );
        }
        (sql, bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Filter, Refused> {
        let owned: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Filter::parse(&owned)
    }

    #[test]
    fn an_unknown_filter_is_refused_and_an_empty_one_filters_nothing() {
        assert_eq!(parse(&[("offset", "3")]), Err(Refused::Unknown("offset".into())));
        assert_eq!(parse(&[("cpv", "45"), ("cpv", "4")]), Err(Refused::Twice("cpv".into())));
        assert!(parse(&[("cpv", " "), ("lang", "en"), ("annee", "")]).unwrap().is_empty());
    }

    #[test]
    fn a_value_that_the_field_cannot_have_is_refused() {
        for (key, value) in [
            ("acheteur", "123"),
            ("acheteur", "12345678901234567"),
            ("cpv", "4"),
            ("cpv", "45%"),
            ("cpv", "453000009"),
            ("type", "marché"),
            ("annee", "24"),
            ("departement", "99999"),
            ("limit", "0"),
            ("limit", "1000000000"),
            ("limit", "-1"),
            ("cursor", "x"),
            ("cursor", "2024-02-31.a"),
            ("cursor", "2024-02-01."),
            ("cursor", ".~zz"),
        ] {
            assert!(matches!(parse(&[(key, value)]), Err(Refused::Value(..))), "{key}={value}");
        }
    }

    #[test]
    fn a_cursor_goes_through_a_url_and_back() {
        for date in ["2024-05-15", ""] {
            let cursor = Cursor { date: date.into(), uid: "213105554000172022/14 é".into() };
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
    }
}
