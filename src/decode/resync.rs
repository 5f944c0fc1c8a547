//! After damage in JSON: where does the next record begin?
//!
//! In: the text from the damaged record on. Out: the offset of the next `{` that stands in the
//! place of a list element and opens with the fields of a record, not of a holder or of a
//! modification. Looks at most [`LOOK`] bytes ahead of a candidate. The names that tell a record
//! come from `decp_json`.

use super::decp_json;
use super::scan::{Scan, Step};
use super::window::is_space;

/// How far a candidate is read: a record names its buyer or its object within its first fields.
pub(super) const LOOK: usize = 4096;

/// Whether the text opens an object that has, among its first fields, one that only a record has.
/// Damage before that field refuses it; so does the end of the text.
pub(super) fn opens_record(text: &[u8]) -> bool {
    first_fields(text, decp_json::is_record_field)
}

/// Whether one of the first fields of the object satisfies `wanted`.
fn first_fields(text: &[u8], wanted: fn(&[u8]) -> bool) -> bool {
    let text = text.get(..LOOK).unwrap_or(text);
    let mut at = 1;
    for _ in 0..16 {
        let Some(key_at) = next_byte(text, at).filter(|i| text.get(*i) == Some(&b'"')) else {
            return false;
        };
        let Some(len) = text.get(key_at + 1..).and_then(|t| memchr::memchr(b'"', t)) else {
            return false;
        };
        let key = text.get(key_at + 1..key_at + 1 + len).unwrap_or_default();
        let Some(colon) = next_byte(text, key_at + len + 2).filter(|i| text.get(*i) == Some(&b':'))
        else {
            return false;
        };
        if wanted(key) {
            return true;
        }
        let Some(value) = next_byte(text, colon + 1) else {
            return false;
        };
        let Step::End(n) = Scan::new().step(text.get(value..).unwrap_or_default(), false) else {
            return false;
        };
        let Some(comma) = next_byte(text, value + n).filter(|i| text.get(*i) == Some(&b',')) else {
            return false;
        };
        at = comma + 1;
    }
    false
}

fn next_byte(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.iter().position(|b| !is_space(*b)).map(|n| from + n)
}

/// What stands before a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nothing that precedes a list element.
    None,
    /// A comma; the fragment before it ends at this index.
    Comma(usize),
    /// Another object, without the comma between (or one a line); it ends at this index.
    Record(usize),
    /// An opening bracket: a list begins. The fragment ends at this index, before the list's name.
    List(usize),
}

/// What stands before index `at` of the text.
pub(super) fn lead(text: &[u8], at: usize) -> Lead {
    let before = text.get(..at).unwrap_or_default();
    match before.iter().rposition(|b| !is_space(*b)) {
        Some(i) if before.get(i) == Some(&b',') => Lead::Comma(i),
        Some(i) if before.get(i) == Some(&b'[') => Lead::List(i),
        Some(i) if before.get(i) == Some(&b'}') => Lead::Record(i + 1),
        Some(i)
            if before.get(i..).is_some_and(|space| space.contains(&b'\n'))
                && !matches!(before.get(i), Some(b':')) =>
        {
            Lead::Record(i + 1)
        }
        _ => Lead::None,
    }
}

/// The name of the list that opens at index `bracket`: `"contrat-concession": [`.
pub(super) fn list_name(text: &[u8], bracket: usize) -> Option<(&[u8], usize)> {
    let before = text.get(..bracket)?;
    let colon = before
        .iter()
        .rposition(|b| !is_space(*b))
        .filter(|i| before.get(*i) == Some(&b':'))?;
    let close = before
        .get(..colon)?
        .iter()
        .rposition(|b| !is_space(*b))
        .filter(|i| before.get(*i) == Some(&b'"'))?;
    let open = memchr::memrchr(b'"', before.get(..close)?)?;
    Some((before.get(open + 1..close)?, open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_told_from_a_holder_and_a_modification() {
        assert!(opens_record(br#"{"id":"1","acheteur":{"id":"2"}"#));
        assert!(opens_record(
            br#"{ "id" : "a\"b", "dureeMois": 3, "objet": "#
        ));
        assert!(!opens_record(br#"{"id":"78","typeIdentifiant":"SIRET"}"#));
        assert!(!opens_record(
            br#"{"id":1,"montant":3,"titulaires":[{"id":"3"}]}"#
        ));
        assert!(!opens_record(br#"{"titulaire":{"id":"1","nature":"x"}}"#));
    }

    #[test]
    fn the_name_of_a_list_is_read_backwards() {
        let text = br#"}],"contrat-concession" : [{"id""#;
        let at = text.iter().rposition(|b| *b == b'{').unwrap();
        let Lead::List(bracket) = lead(text, at) else {
            panic!()
        };
        assert_eq!(list_name(text, bracket).unwrap().0, b"contrat-concession");
    }
}
