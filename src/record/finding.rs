//! What a value broke: a rule, where, and what the source had declared.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// One right answer existed: the clean value stands, the declared one beside it.
    Repaired,
    /// The value stands, and deserves a look.
    Warning,
    /// No single right answer: the clean field is empty, the declared value stands beside.
    Error,
}

impl Severity {
    /// The word in files: `repaired`, `warning`, `error`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repaired => "repaired",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule that a value broke. `code` names a rule of the table in `refine::rules` (or of the
/// merge, such as `id-reused`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Code of the rule, kebab-case.
    pub code: Cow<'static, str>,
    /// Path of the field as the 2022 format names it: `montant`, `titulaires[0].id`.
    pub field: Cow<'static, str>,
    /// What the source declared, as text (at most [`Finding::MAX_VALUE`] bytes).
    pub value: String,
    /// How much it weighs.
    pub severity: Severity,
}

impl Finding {
    /// Longest declared value that a finding carries, in bytes; the whole one is in the archive.
    pub const MAX_VALUE: usize = 512;
}

/// Collects findings while a record is refined.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds one; the declared value is cut at [`Finding::MAX_VALUE`] bytes, at a character.
    pub fn push(&mut self, code: &'static str, field: impl Into<Cow<'static, str>>, value: &str, severity: Severity) {
        let mut end = value.len().min(Finding::MAX_VALUE);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push(Finding {
            code: Cow::Borrowed(code),
            field: field.into(),
            value: value[..end].to_owned(),
            severity,
        });
    }
}
