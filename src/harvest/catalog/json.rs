//! JSON of catalogues, read leniently: an odd value costs itself, not the document.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::harvest::fault::FetchFault;

/// A text; a number or a truth value as text; anything else is nothing.
pub(super) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    })
}

/// A whole number, also one written as text.
pub(super) fn whole<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Number(n) => n.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// Reads a document of a kind that `what` names.
pub(super) fn document<'a, T: Deserialize<'a>>(text: &'a [u8], what: &str) -> Result<T, FetchFault> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|e| FetchFault::Catalogue(format!("it is not the JSON of {what}: {e}")))
}

/// What a server says in the place of an answer, shortened for a message.
pub(super) fn said(message: Option<String>) -> String {
    message.map_or_else(String::new, |m| {
        format!(", it says: {}", m.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
    })
}
