//! A record as a small tree, the common ground of JSON and XML: what the mapping to fields walks.
//!
//! Holds one record. Borrows from its bytes wherever they stand as they mean.

use std::borrow::Cow;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree<'a> {
    /// `null`, an empty element.
    Null,
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A JSON string.
    Text(Cow<'a, str>),
    /// The text of an XML element, which has no type.
    Plain(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    /// Fields in the order written, repeated ones included.
    Map(Vec<(Cow<'a, str>, Tree<'a>)>),
}

impl Tree<'_> {
    /// No value anywhere inside.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(t) | Self::Plain(t) => t.trim().is_empty(),
            Self::List(items) => items.iter().all(Self::is_empty),
            Self::Map(fields) => fields.iter().all(|(_, v)| v.is_empty()),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// As text, to be kept beside the record; structures in the notation of JSON. At most about
    /// `limit` bytes.
    pub fn show(&self, limit: usize) -> String {
        let mut out = String::new();
        self.write(&mut out, limit, false);
        out
    }

    fn write(&self, out: &mut String, limit: usize, quoted: bool) {
        if out.len() > limit {
            return;
        }
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Number(n) => out.push_str(n),
            Self::Text(t) | Self::Plain(t) if quoted => out.push_str(&format!("{t:?}")),
            Self::Text(t) | Self::Plain(t) => out.push_str(t),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.write(out, limit, true);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                out.push('{');
                for (i, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(&format!("{key:?}:"));
                    value.write(out, limit, true);
                }
                out.push('}');
            }
        }
    }
}
