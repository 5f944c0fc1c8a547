//! A configuration file as text and as a table, and the report that all files share.
//!
//! In: a path. Out: the parsed TOML with byte ranges. Every syntax error goes to the [`Report`], and
//! what could be read is used all the same. Knows no key: see `read`.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::diagnostic::{At, Diagnostic, Diagnostics, SourceText};

/// Collects what is wrong, over all files.
#[derive(Default)]
pub(super) struct Report {
    list: RefCell<Vec<Diagnostic>>,
    /// Every environment variable that a reader asked for.
    variables: RefCell<Vec<String>>,
}

impl Report {
    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.list.borrow_mut().push(diagnostic);
    }
    /// Remembers a variable that would have been used.
    pub(super) fn asked(&self, variable: String) {
        self.variables.borrow_mut().push(variable);
    }
    pub(super) fn variables(&self) -> Vec<String> {
        self.variables.borrow().clone()
    }
    pub(super) fn finish(self) -> Diagnostics {
        Diagnostics::new(self.list.into_inner())
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// What is wrong with a value, and the form expected.
pub(super) struct Fault(pub(super) String, pub(super) String);

/// A value as written: in a file, or as text in the environment.
pub(super) enum Raw<'a> {
    Toml(&'a DeValue<'a>),
    Text(&'a str),
}

impl Raw<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Toml(value) => value.type_str(),
            Self::Text(_) => "text",
        }
    }
    /// The text; a fault with the form expected where it is none.
    pub(super) fn text(&self, form: &str) -> Result<&str, Fault> {
        match self {
            Self::Toml(DeValue::String(text)) => Ok(text),
            Self::Text(text) => Ok(text),
            Self::Toml(_) => Err(Fault(format!("a string is expected, not {}", article(self.kind())), form.to_owned())),
        }
    }
    /// A number that is not negative.
    pub(super) fn integer(&self) -> Option<u64> {
        match self {
            Self::Toml(DeValue::Integer(n)) => u64::from_str_radix(n.as_str(), n.radix()).ok(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Toml(_) => None,
        }
    }
}

/// `a table`, `an array`.
pub(super) fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

/// A file that was read and parsed; syntax errors are in the report already.
pub(super) struct Document {
    pub(super) text: Arc<SourceText>,
}

impl Document {
    /// Reads a file; a file that cannot be read or is not UTF-8 is reported.
    pub(super) fn open(path: &Path, report: &Report) -> Option<Self> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let at = At::Path(path.to_path_buf());
                report.push(
                    Diagnostic::error(at, format!("cannot be read: {error}"))
                        .help("check the path and the permissions"),
                );
                return None;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Some(Self::from_text(path.to_path_buf(), text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes().iter().take(valid).filter(|b| **b == b'\n').count() + 1;
                let what = format!("is not UTF-8 (line {line}, byte {valid})");
                report.push(
                    Diagnostic::error(At::Path(path.to_path_buf()), what)
                        .help("save the file as UTF-8, without any other encoding"),
                );
                None
            }
        }
    }

    pub(super) fn from_text(path: PathBuf, text: String) -> Self {
        Self { text: Arc::new(SourceText::new(path, text)) }
    }

    /// The table of the document; every syntax error is reported, and what could be read is used,
    /// so that one slip does not hide the others.
    pub(super) fn table(&self, report: &Report) -> DeTable<'_> {
        let (table, errors) = DeTable::parse_recoverable(&self.text.text);
        for error in errors {
            let end = self.text.text.len();
            let span = error.span().unwrap_or(end..end);
            report.push(Diagnostic::error(At::Span(self.text.clone(), span), error.message()));
        }
        table.into_inner()
    }

    pub(super) fn at(&self, span: Range<usize>) -> At {
        At::Span(self.text.clone(), span)
    }
}
