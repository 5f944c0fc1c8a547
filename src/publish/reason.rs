//! Why a contract cannot stand in an official file: the first rule of the schemas that it breaks.

use std::fmt;

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The schema requires it, and no source declares it.
    Missing,
    /// Shorter than the schema allows.
    TooShort,
    /// Longer than the schema allows.
    TooLong,
    /// Outside the numbers that the schema allows.
    OutOfRange,
    /// Not one of the words that the schema allows here.
    NotAllowed,
    /// Holds a character that XML 1.0 cannot carry.
    Unwritable,
    /// The whole record would stand twice, which the schema forbids.
    Duplicate,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::OutOfRange => "out-of-range",
            Self::NotAllowed => "not-allowed",
            Self::Unwritable => "unwritable",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A field (path in the words of the format) and its fault. Prints as `montant-missing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    /// Path of the field: `titulaires.id`.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.field, self.fault.name())
    }
}

/// Shorthand of the checks.
pub(super) fn fail<T>(field: &'static str, fault: Fault) -> Result<T, Reason> {
    Err(Reason { field, fault })
}

/// The value, or [`Fault::Missing`].
pub(super) fn need<T: Clone>(field: &'static str, value: &Option<T>) -> Result<T, Reason> {
    match value {
        Some(v) => Ok(v.clone()),
        None => fail(field, Fault::Missing),
    }
}

/// A text that must be there, of at most `max` characters, that XML can carry.
pub(super) fn text(field: &'static str, value: Option<&str>, max: usize) -> Result<(), Reason> {
    let Some(value) = value else {
        return fail(field, Fault::Missing);
    };
    if value.len() > max && value.chars().count() > max {
        return fail(field, Fault::TooLong);
    }
    if !super::xml::can_carry(value) {
        return fail(field, Fault::Unwritable);
    }
    Ok(())
}

/// A list that must not be empty.
pub(super) fn some<T>(field: &'static str, list: &[T]) -> Result<(), Reason> {
    if list.is_empty() { fail(field, Fault::Missing) } else { Ok(()) }
}

/// A day that every schema can write: `xs:date` and four digits of a year.
pub(super) fn day(field: &'static str, day: Option<crate::record::Day>) -> Result<(), Reason> {
    match day {
        None => fail(field, Fault::Missing),
        Some(d) if !(1..=9999).contains(&d.year()) => fail(field, Fault::OutOfRange),
        Some(_) => Ok(()),
    }
}

/// A whole number that must be there and be at least `min`.
pub(super) fn at_least(field: &'static str, n: Option<u32>, min: u32) -> Result<(), Reason> {
    match n {
        None => fail(field, Fault::Missing),
        Some(n) if n < min => fail(field, Fault::OutOfRange),
        Some(_) => Ok(()),
    }
}

/// An amount that must be there and be at least `min` euros.
pub(super) fn amount(field: &'static str, amount: Option<crate::record::Money>, min: i64) -> Result<(), Reason> {
    match amount {
        None => fail(field, Fault::Missing),
        Some(m) if m < crate::record::Money::euros(min) => fail(field, Fault::OutOfRange),
        Some(_) => Ok(()),
    }
}
