//! doublons.csv: pairs of contracts of one buyer that may be one contract which two feeds number
//! differently, and were not merged: the score, what speaks for and against, and why they stand
//! apart. RFC 4180 as decp.csv. Sorted by the two uids; each pair once.

use super::batch::{Numbered, Verdict};
use super::decp_csv::quoted;
use super::error::PublishError;
use super::format::TextFormat;
use super::json;
use super::output::Output;
use crate::record::{Contract, Double};

/// Name of the file.
pub(super) const DOUBLONS: &str = "doublons.csv";

/// Its columns, in order.
const COLUMNS: [&str; 14] = [
    "uid_a",
    "uid_b",
    "acheteur_siren",
    "score",
    "decision",
    "indices",
    "sources_a",
    "sources_b",
    "montant_a",
    "montant_b",
    "dateNotification_a",
    "dateNotification_b",
    "objet_a",
    "objet_b",
];

/// The format.
pub(super) struct DoublonsCsv;

impl TextFormat for DoublonsCsv {
    const NAME: &'static str = DOUBLONS;

    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(COLUMNS.join(",").as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn contract(&mut self, numbered: &Numbered<'_>, out: &mut Vec<u8>) -> Result<u64, PublishError> {
        let contract = &numbered.item.contract;
        if numbered.item.verdict == Verdict::Withdrawn {
            return Ok(0);
        }
        // Both contracts name the pair: the first of them writes it.
        let mut doubles: Vec<&Double> = contract.doubles.iter().filter(|d| d.uid > contract.uid).collect();
        doubles.sort_by(|a, b| a.uid.cmp(&b.uid));
        doubles.iter().for_each(|d| row(contract, d, out));
        Ok(doubles.len() as u64)
    }

    fn finish(self, _: &mut Output) -> Result<(), PublishError> {
        Ok(())
    }
}

fn row(a: &Contract, b: &Double, out: &mut Vec<u8>) {
    let mut sources: Vec<&str> = a.observations.iter().map(|o| o.source.as_str()).collect();
    sources.dedup();
    let decision = if b.tied { "ambigu" } else { "score insuffisant" };
    let r = &a.record;
    let cell = |out: &mut Vec<u8>, text: &str| {
        quoted(out, text);
        out.push(b',');
    };
    cell(out, a.uid.as_str());
    cell(out, b.uid.as_str());
    cell(out, r.acheteur.siren().as_str());
    cell(out, &format!("{}.{:02}", b.score / 100, b.score % 100));
    cell(out, decision);
    cell(out, &b.evidence);
    cell(out, &sources.join(" "));
    cell(out, &b.sources.join(" "));
    for montant in [r.montant, b.montant] {
        if let Some(montant) = montant {
            json::number(out, montant);
        }
        out.push(b',');
    }
    for day in [r.date_notification, b.date_notification] {
        if let Some(day) = day {
            json::day(out, day);
        }
        out.push(b',');
    }
    cell(out, r.objet.as_deref().unwrap_or_default());
    quoted(out, b.objet.as_deref().unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}
