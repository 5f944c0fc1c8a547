//! The parts of `contrats.ndjson` that the check reads (contract.md §6), typed by themselves: a
//! mistake in the program's own writer must not be excused by its own reader.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::CheckError;
use crate::record::Money;

/// A contract.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) uid: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) titulaires: Vec<Holder>,
    pub(super) montant: Option<Box<RawValue>>,
    pub(super) duree_mois: Option<u32>,
    pub(super) offres_recues: Option<u32>,
    pub(super) date_notification: Option<String>,
    pub(super) objet: Option<String>,
    #[serde(rename = "codeCPV")]
    pub(super) code_cpv: Option<String>,
    #[serde(default)]
    pub(super) modifications: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) actes_sous_traitance: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) modifications_actes_sous_traitance: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) donnees_execution: Vec<IgnoredAny>,
    pub(super) current: Current,
    pub(super) observations: Vec<Observation>,
    pub(super) region: Region,
    pub(super) withdrawn: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Current {
    pub(super) montant: Option<Box<RawValue>>,
    pub(super) duree_mois: Option<u32>,
    #[serde(default)]
    pub(super) titulaires: Vec<Holder>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Holder {
    pub(super) id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Observation {
    pub(super) source: String,
    pub(super) resource: String,
    pub(super) position: u32,
    pub(super) acheteur_id: String,
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Region {
    pub(super) in_scope: bool,
}

/// Shows each line of the file.
pub(super) fn lines(path: &Path, each: &mut dyn FnMut(Line)) -> Result<(), CheckError> {
    let fail = |why: String| CheckError { path: path.to_owned(), why };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(|e| fail(e.to_string()))?);
    let (mut text, mut number) = (String::new(), 0);
    loop {
        text.clear();
        number += 1;
        if reader.read_line(&mut text).map_err(|e| fail(format!("line {number}: {e}")))? == 0 {
            return Ok(());
        }
        each(serde_json::from_str(&text).map_err(|e| fail(format!("line {number}: {e}")))?);
    }
}

/// A JSON number as an exact amount; `Err` with its text when it is none.
pub(super) fn money(raw: Option<&RawValue>) -> Result<Option<Money>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let text = raw.get();
    let exact = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text));
    exact.map(|d| Some(Money::new(d))).map_err(|_| text.to_owned())
}
