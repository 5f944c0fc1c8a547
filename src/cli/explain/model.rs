//! What is told of a contract: the shape of `explain --json` (docs/json.md).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::decided::{self, DecisionWhy, RefusedWhy};
use super::find::Buyer;
use super::history::{self, History, State};
use super::why::{Voice, Voices};
use crate::cli::context::Failure;
use crate::config::{self, Verdict};
use crate::daemon::merge_run::Sources;
use crate::merge::{self, Outcome};
use crate::publish::write_contract;
use crate::record::{Contract, Day, Double, Field, Format, Joined, ObservationIndex, Record, Uid, normalised_key};
use crate::store::MergeRow;

/// The whole.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    /// What was asked for: a uid, or a SIRET and id that one of its observations declares.
    pub asked: String,
    pub uid: String,
    /// As it stands in a URL, under `/marches/`.
    pub url: String,
    /// The day that was asked for with `--as-of`.
    pub as_of: Option<String>,
    /// `current`: the store holds the contract so; `stale`: the next merge changes it; `absent`:
    /// the next merge makes it; null with `--as-of`.
    pub stored: Option<&'static str>,
    pub in_scope: bool,
    pub withdrawn: bool,
    pub fields: Vec<FieldWhy>,
    pub observations: Vec<Observed>,
    /// What made one contract of observations under different ids.
    pub joins: Vec<JoinedWhy>,
    /// Contracts that may be this one under another id, and were left apart (doublons.csv).
    pub candidates: Vec<CandidateWhy>,
    /// Contracts under the same id, or that an operator set apart, and why they are not this one.
    pub refused: Vec<RefusedWhy>,
    /// What operators decided about records of this contract.
    pub decisions: Vec<DecisionWhy>,
    /// What the modifications dated until the day asked for, else today, make of it.
    pub in_force: State,
    pub history: History,
    /// The line of contrats.ndjson.
    pub contract: Box<RawValue>,
}

/// Two parts of the contract, and why they are one.
#[derive(Debug, Serialize)]
pub(super) struct JoinedWhy {
    /// Indexes into `contract.observations`.
    pub left: Vec<ObservationIndex>,
    pub right: Vec<ObservationIndex>,
    /// From 0 to 1, two decimals.
    pub score: f64,
    /// In French.
    pub evidence: String,
}

/// A refused candidate.
#[derive(Debug, Serialize)]
pub(super) struct CandidateWhy {
    pub uid: String,
    pub score: f64,
    /// `tied`: the score suffices, but others fit as well; `score-too-low`.
    pub why: &'static str,
    pub evidence: String,
    pub sources: Vec<String>,
}

/// One field.
#[derive(Debug, Serialize)]
pub(super) struct FieldWhy {
    pub field: &'static str,
    /// As in contrats.ndjson; null where every declared value was rejected.
    pub value: Option<Box<RawValue>>,
    /// Index into `contract.observations`.
    pub observation: Option<ObservationIndex>,
    pub source: Option<String>,
    pub why: Option<String>,
    #[serde(skip)]
    pub told: String,
    pub rejected: Vec<Rejected>,
}

/// A value that lost.
#[derive(Debug, Serialize)]
pub(super) struct Rejected {
    pub value: Box<RawValue>,
    pub observation: ObservationIndex,
    pub source: String,
    pub why: String,
    #[serde(skip)]
    pub told: String,
}

/// One observation of the contract, whatever became of it.
#[derive(Debug, Serialize)]
pub(super) struct Observed {
    /// Index into `contract.observations`, where the contract is made of it.
    pub index: Option<ObservationIndex>,
    pub source: String,
    pub resource: String,
    pub position: u32,
    /// accepted, superseded, repeat, gone, out-of-region, unpublishable.
    pub outcome: &'static str,
    /// It is in a current payload of its source.
    pub present: bool,
    pub first_seen: String,
    pub gone_since: Option<String>,
    pub resource_date: Option<String>,
    /// What "newer" is judged by.
    pub effective_date: Option<String>,
    pub authority: Option<&'static str>,
    pub speaks_for_buyer: bool,
    /// Fields with a clean value.
    pub fields: usize,
    pub format: &'static str,
    /// As it declares them.
    pub acheteur_id: String,
    pub id: String,
    /// The form in which ids are compared.
    pub key: String,
    /// `same-id`: equal under that form to the canonical one; `second-key`: met without year or
    /// sequence, on the evidence of holder and amount or object; `across-feeds`: another id, the
    /// same contract by what it says (`joins`).
    pub identity: &'static str,
    /// For `second-key`: the fields on which it agrees with the observations of the canonical id.
    pub agrees_on: Vec<&'static str>,
    pub published: Option<String>,
    pub findings: usize,
}

/// What the store holds under the contract's name.
pub(super) enum Stored {
    /// It was not asked: another day is told of.
    NotAsked,
    /// This.
    As(Option<Box<Contract>>),
}

/// Explains one contract of a buyer, as of the end of a day.
pub(super) fn explain(
    asked: &str,
    buyer: &Buyer,
    contract: &Contract,
    stored: &Stored,
    on: Day,
) -> Result<Explained, Failure> {
    let mut line = Vec::new();
    write_contract(&mut line, contract);
    let observations = observations(buyer, contract);
    let voices = voices(buyer, contract, &observations);
    Ok(Explained {
        asked: asked.to_owned(),
        uid: contract.uid.to_string(),
        url: contract.uid.to_url(),
        as_of: matches!(stored, Stored::NotAsked).then(|| on.to_string()),
        stored: match stored {
            Stored::NotAsked => None,
            Stored::As(Some(stored)) if **stored == *contract => Some("current"),
            Stored::As(Some(_)) => Some("stale"),
            Stored::As(None) => Some("absent"),
        },
        in_scope: contract.region.in_scope,
        withdrawn: contract.withdrawn,
        fields: fields(contract, &voices, &line)?,
        in_force: history::in_force(contract, on)?,
        history: history::history(buyer, contract, &observations, on)?,
        refused: decided::refused(buyer, contract),
        decisions: decided::decisions(buyer, &decided::records(contract)),
        observations: observations.into_iter().map(|(_, o)| o).collect(),
        joins: contract.joins.iter().map(joined).collect(),
        candidates: contract.doubles.iter().map(candidate).collect(),
        contract: serde_json::from_slice(&line)?,
    })
}

fn joined(j: &Joined) -> JoinedWhy {
    JoinedWhy { left: j.left.clone(), right: j.right.clone(), score: share(j.score), evidence: j.evidence.clone() }
}

fn candidate(d: &Double) -> CandidateWhy {
    CandidateWhy {
        uid: d.uid.to_string(),
        score: share(d.score),
        why: if d.tied { "tied" } else { "score-too-low" },
        evidence: d.evidence.clone(),
        sources: d.sources.clone(),
    }
}

/// Points out of 100 as a share.
fn share(points: u32) -> f64 {
    f64::from(points) / 100.0
}

/// How an observation came to its contract: its key, the canonical one, and the keys of the
/// observations that rule 4 joined to it.
fn identity(contract: &Contract, buyer: &Buyer, record: &Record, key: &str, canonical: &str) -> &'static str {
    if key == canonical {
        return "same-id";
    }
    if one_by_decision(buyer, &contract.record, record) {
        return "decision";
    }
    let key_of = |i: &ObservationIndex| contract.observations.get(*i as usize).map(|o| normalised_key(&o.id));
    let has = |part: &[ObservationIndex], key: &str| part.iter().filter_map(key_of).any(|k| k == key);
    let parted = contract
        .joins
        .iter()
        .any(|j| (has(&j.left, key) && has(&j.right, canonical)) || (has(&j.right, key) && has(&j.left, canonical)));
    if parted { "across-feeds" } else { "second-key" }
}

/// Whether operators decided that two records are one contract, directly or through others.
fn one_by_decision(buyer: &Buyer, a: &Record, b: &Record) -> bool {
    let groups = config::groups(buyer.decisions.iter().filter(|d| d.verdict == Verdict::Same));
    let of = |r: &Record| groups.get(&(r.acheteur, r.id.clone()));
    of(a).is_some() && of(a) == of(b)
}

/// On what an observation agrees with one of the canonical id.
fn agreement(buyer: &Buyer, contract: &Contract, record: &Record) -> Vec<&'static str> {
    let canonical = contract.record.id.key();
    let others = buyer.candidates.values().map(|c| &c.observation.record).filter(|r| r.id.key() == canonical);
    let best = others.map(|other| merge::agreement(record, other)).max_by_key(Vec::len);
    best.unwrap_or_default().into_iter().map(Field::name).collect()
}

/// The current observations as the order sees them.
fn voices<'a>(buyer: &'a Buyer, contract: &Contract, observations: &[(i64, Observed)]) -> Voices<'a> {
    let voice = |(id, o): &(i64, Observed)| {
        let candidate = buyer.candidates.get(id)?;
        let rank = merge::rank(contract.record.acheteur.siren(), &buyer.sources.facts, candidate, &buyer.rules)?;
        Some(Voice { index: o.index?, rank, record: &candidate.observation.record })
    };
    Voices::new(observations.iter().filter_map(voice).collect(), buyer.rules)
}

fn fields(contract: &Contract, voices: &Voices<'_>, line: &[u8]) -> Result<Vec<FieldWhy>, Failure> {
    let values: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(line)?;
    let acheteur: BTreeMap<String, Box<RawValue>> = match values.get("acheteur") {
        Some(raw) => serde_json::from_str(raw.get())?,
        None => BTreeMap::new(),
    };
    let value = |field: Field| match field {
        Field::Acheteur => acheteur.get("id").cloned(),
        Field::AcheteurNom => acheteur.get("nom").cloned(),
        _ => values.get(field.name()).cloned(),
    };
    let source = |i: ObservationIndex| contract.observations.get(i as usize).map(|o| o.source.clone());
    let mut told = Vec::new();
    for field in Field::ALL {
        let winner = contract.provenance.iter().find(|(f, _)| f == field).map(|(_, i)| *i);
        let conflict = contract.conflicts.iter().find(|c| c.field == *field);
        if winner.is_none() && conflict.is_none() {
            continue;
        }
        let why = winner.map(|w| voices.why(contract, *field, w));
        let lost = conflict.map_or(&[][..], |c| c.values.get(usize::from(winner.is_some())..).unwrap_or_default());
        let mut rejected = Vec::new();
        for (value, observation) in lost {
            let (text, code) = voices.lost(contract, *field, winner, *observation);
            rejected.push(Rejected {
                value: RawValue::from_string(value.clone())?,
                observation: *observation,
                source: source(*observation).unwrap_or_default(),
                why: code,
                told: text,
            });
        }
        told.push(FieldWhy {
            field: field.name(),
            value: value(*field).filter(|_| winner.is_some()),
            observation: winner,
            source: winner.and_then(source),
            why: why.map(|w| w.code()),
            told: why.map_or_else(|| "every declared value was rejected".to_owned(), |w| w.text()),
            rejected,
        });
    }
    Ok(told)
}

/// Every observation of the contract, with its id: current ones by index, then the others by the
/// day they were first seen.
fn observations(buyer: &Buyer, contract: &Contract) -> Vec<(i64, Observed)> {
    let canonical = contract.record.id.key();
    let belonging = belonging(buyer, &contract.uid);
    let mut all: Vec<(i64, Observed)> = buyer
        .rows
        .iter()
        .filter_map(|row| {
            let outcome = match belonging.iter().find(|(id, _)| *id == row.id) {
                Some((_, outcome)) => name(*outcome),
                // What a source says whose licence is unknown is kept, and speaks in no contract.
                None if !buyer.candidates.contains_key(&row.id) && row.observation.record.id.key() == canonical => {
                    "unpublishable"
                }
                None => return None,
            };
            Some((row.id, observed(buyer, contract, row, outcome, &canonical)))
        })
        .collect();
    all.sort_by(|(_, a), (_, b)| {
        let place = |o: &Observed| {
            (o.index.is_none(), o.index, o.first_seen.clone(), o.source.clone(), o.resource.clone(), o.position)
        };
        place(a).cmp(&place(b))
    });
    all
}

/// Observations that are part of the contract, or were before they were gone, and what became of them.
fn belonging(buyer: &Buyer, uid: &Uid) -> Vec<(i64, Outcome)> {
    let members = |merged: &merge::Merged, place: u32| -> Vec<(i64, Outcome)> {
        let of = merged.contract_of.iter().filter(|(_, p)| *p == place).map(|(id, _)| *id);
        of.filter_map(|id| merged.outcomes.iter().find(|(o, _)| *o == id).copied()).collect()
    };
    let Some(place) = buyer.merged.contracts.iter().position(|c| c.uid == *uid) else { return Vec::new() };
    let mut own = members(&buyer.merged, place as u32);
    // What is gone met this contract where it shares an observation with it.
    let with_gone =
        buyer.with_gone.contract_of.iter().find(|(id, _)| own.iter().any(|(o, _)| o == id)).map(|(_, p)| *p);
    for (id, outcome) in with_gone.map(|p| members(&buyer.with_gone, p)).unwrap_or_default() {
        let elsewhere = buyer.merged.contract_of.iter().any(|(o, _)| *o == id);
        if !elsewhere {
            own.push((
                id,
                if outcome == Outcome::Accepted || outcome == Outcome::Superseded { Outcome::Gone } else { outcome },
            ));
        }
    }
    own
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Superseded => "superseded",
        Outcome::SameAs(_) => "repeat",
        Outcome::OutOfRegion => "out-of-region",
        Outcome::Gone => "gone",
        Outcome::Excluded => "excluded",
    }
}

fn observed(buyer: &Buyer, contract: &Contract, row: &MergeRow, outcome: &'static str, canonical: &str) -> Observed {
    let record = &row.observation.record;
    let source = buyer.states.get(&row.source).map(|s| s.source.id.clone()).unwrap_or_default();
    let stands = matches!(outcome, "accepted" | "out-of-region");
    let index = contract
        .observations
        .iter()
        .position(|o| stands && o.source == source && o.resource == row.resource && o.position == row.position)
        .map(|i| i as ObservationIndex);
    let candidate = buyer.candidates.get(&row.id);
    let rank = candidate.and_then(|c| merge::rank(buyer.siren, &buyer.sources.facts, c, &buyer.rules));
    let key = record.id.key();
    let identity = identity(contract, buyer, record, &key, canonical);
    Observed {
        index,
        resource: row.resource.clone(),
        position: row.position,
        outcome,
        present: row.gone.is_none(),
        first_seen: row.first_seen.to_string(),
        gone_since: row.gone.map(|d| d.to_string()),
        resource_date: row.resource_date.map(|d| d.to_string()),
        effective_date: rank.and_then(|r| r.effective).map(|d| d.to_string()),
        authority: rank.map(|r| authority(r.authority)),
        speaks_for_buyer: speaks(&buyer.sources, candidate, buyer),
        fields: record.filled(),
        format: match row.observation.format {
            Format::V2019 => "2019",
            Format::V2022 => "2022",
            Format::Table => "table",
        },
        acheteur_id: record.acheteur.to_string(),
        id: record.id.to_string(),
        identity,
        agrees_on: if identity == "second-key" { agreement(buyer, contract, record) } else { Vec::new() },
        key,
        published: record.date_publication.map(|d| d.to_string()),
        findings: row.observation.findings.len(),
        source,
    }
}

fn speaks(sources: &Sources, candidate: Option<&merge::Candidate>, buyer: &Buyer) -> bool {
    candidate.and_then(|c| sources.facts.get(c.source as usize)).is_some_and(|s| s.speaks_for(&buyer.siren))
}

fn authority(a: merge::Authority) -> &'static str {
    match a {
        merge::Authority::Buyer => "buyer",
        merge::Authority::Platform => "platform",
        merge::Authority::Consolidator => "consolidator",
        merge::Authority::Scrape => "scrape",
    }
}
