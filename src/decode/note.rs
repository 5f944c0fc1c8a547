//! What a decoder had to do to read a document or a record. Each code is a rule of
//! `refine::rules`, which says what it weighs and what it means.

use std::borrow::Cow;

macro_rules! notes {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        $($(#[$doc])* pub(crate) const $name: &str = $code;)+
        /// Every code that a decoder can note.
        pub const NOTES: &[&str] = &[$($name),+];
    };
}

notes! {
    /// Not UTF-8: transcoded.
    ENCODING = "encoding",
    /// The declared encoding is not that of the bytes.
    ENCODING_DECLARED = "encoding-declared",
    /// Bytes without meaning in the encoding.
    ENCODING_DAMAGED = "encoding-damaged",
    /// Something after the end of the document.
    TRAILING_TEXT = "trailing-text",
    /// The data stand inside a web page.
    HTML_PAGE = "html-page",
    /// A row of a table with fewer cells than its header.
    ROW_SHORT = "row-short",
    /// One record in another encoding than the rest.
    ENCODING_MIXED = "encoding-mixed",
    /// `NaN`, `Infinity`: no number, so no value.
    NOT_A_NUMBER = "not-a-number",
    /// A comma before a closing bracket.
    TRAILING_COMMA = "trailing-comma",
    /// A raw control character in a text.
    CONTROL_CHARACTER = "control-character",
    /// A backslash before a character that needs none.
    BAD_ESCAPE = "bad-escape",
    /// Quotes inside a text, not escaped.
    BARE_QUOTE = "bare-quote",
    /// A text that lost its closing quote.
    UNCLOSED_TEXT = "unclosed-text",
    /// `true` in another spelling (`True`), `None`.
    LITERAL = "literal-spelling",
    /// A field twice: the first stands.
    DUPLICATE_FIELD = "duplicate-field",
    /// `&` or `<` not escaped, or an entity that XML does not know.
    XML_ESCAPE = "xml-escape",
    /// A list in another shape than its format's.
    LIST_SHAPE = "list-shape",
    /// A field under another name than its format's.
    FIELD_NAME = "field-name",
    /// A field that no edition of the format knows.
    UNKNOWN_FIELD = "unknown-field",
    /// A value where the format has none (an object for a text).
    UNEXPECTED_SHAPE = "unexpected-shape",
}

/// Something that a decoder had to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Code of the rule.
    pub code: &'static str,
    /// Path of the field, as the 2022 format names it; empty for the whole.
    pub field: Cow<'static, str>,
    /// What stood there, as declared; may be shortened.
    pub value: String,
}

impl Note {
    pub(super) fn new(code: &'static str, field: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { code, field: field.into(), value: value.into() }
    }
}
