//! What refining a record leaves beside the clean values: findings, and the values as declared.

use std::borrow::Cow;

use crate::record::{Declared, Finding, Findings, Severity};

use super::rules::Rule;

/// Where a value stands in a record; written out only when something is found there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    list: &'static str,
    index: usize,
    inner: &'static str,
    inner_index: usize,
    name: &'static str,
}

impl Path {
    /// A field of the record.
    pub const fn of(name: &'static str) -> Self {
        Self { list: "", index: 0, inner: "", inner_index: 0, name }
    }
    /// A field of an item: `titulaires[0].id`.
    pub const fn item(list: &'static str, index: usize, name: &'static str) -> Self {
        Self { list, index, inner: "", inner_index: 0, name }
    }
    /// An item of a list of the same item: `modifications[0].titulaires[1].id`.
    pub fn under(self, list: &'static str, index: usize, name: &'static str) -> Self {
        match self.list {
            "" => Self::item(list, index, name),
            _ => Self { inner: list, inner_index: index, name, ..self },
        }
    }
    /// Another field in the same place.
    pub const fn field(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Whether this is a place inside a sub-contracting act.
    pub fn is_sub_contractor(self) -> bool {
        self.list == "actesSousTraitance"
    }

    pub fn text(self) -> Cow<'static, str> {
        let dot = if self.name.is_empty() { "" } else { "." };
        match (self.list, self.inner) {
            ("", _) => self.name.into(),
            (list, "") => format!("{list}[{}]{dot}{}", self.index, self.name).into(),
            (list, inner) => format!("{list}[{}].{inner}[{}]{dot}{}", self.index, self.inner_index, self.name).into(),
        }
    }
}

/// Collects what is found.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub findings: Findings,
    pub declared: Vec<Declared>,
}

impl Out {
    /// Reports a rule that a value broke; a value that the clean record replaces or lacks is kept.
    pub fn find(&mut self, rule: Rule, at: Path, value: &str) {
        self.find_at(rule, at.text(), value);
    }

    /// The same, for a path already written.
    pub fn find_at(&mut self, rule: Rule, field: Cow<'static, str>, value: &str) {
        if rule.severity() != Severity::Warning && !value.is_empty() && !field.is_empty() {
            self.keep(&field, value);
        }
        self.findings.push(rule.code(), field, value, rule.severity());
    }

    /// Keeps a declared value, once.
    pub fn keep(&mut self, field: &str, value: &str) {
        if !self.declared.iter().any(|d| d.field == field && d.value == value) {
            self.declared.push(Declared { field: field.to_owned(), value: value.to_owned() });
        }
    }

    /// Sorted and without repetition, so that the same record always gives the same observation.
    pub fn finish(self) -> (Vec<Finding>, Vec<Declared>) {
        let (mut findings, mut declared) = (self.findings.0, self.declared);
        findings.sort();
        findings.dedup();
        declared.sort();
        declared.dedup();
        (findings, declared)
    }
}
