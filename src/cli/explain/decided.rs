//! What operators decided about a contract, and the contracts of its id that were kept apart from it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::find::Buyer;
use crate::config::{Placed, RecordKey};
use crate::merge::{self, Candidate, Contradiction};
use crate::record::{Contract, Siret};

/// Most contracts of one id that are named: a placeholder can cover thousands.
const MOST_REFUSED: usize = 50;

/// A decision that names a record of the contract.
#[derive(Debug, Serialize)]
pub(super) struct DecisionWhy {
    /// same, different, exclude.
    pub verdict: &'static str,
    /// As overrides.toml names them: SIRET and id.
    pub records: Vec<(String, String)>,
    pub who: String,
    pub why: String,
    pub when: String,
    /// File, line and column.
    pub place: String,
}

impl DecisionWhy {
    pub(super) fn of(placed: &Placed) -> Self {
        let d = &placed.decision;
        Self {
            verdict: d.verdict.name(),
            records: d.records.iter().map(|(siret, id)| (siret.to_string(), id.to_string())).collect(),
            who: d.who.clone(),
            why: d.why.clone(),
            when: d.when.to_string(),
            place: placed.place(),
        }
    }
}

/// A contract that could be this one by its id and is not.
#[derive(Debug, Serialize)]
pub(super) struct RefusedWhy {
    pub uid: String,
    /// decided, other-lots, other-parties, one-payload, fits-elsewhere.
    pub why: &'static str,
    #[serde(skip)]
    pub told: &'static str,
}

/// Records that the contract's observations declare.
pub(super) fn records(contract: &Contract) -> BTreeSet<RecordKey> {
    let key =
        |o: &crate::record::ObservationRef| Some((Siret::parse(&o.acheteur_id)?, crate::record::LocalId::new(&o.id)?));
    contract.observations.iter().filter_map(key).collect()
}

/// Decisions that name one of these records.
pub(super) fn decisions(buyer: &Buyer, own: &BTreeSet<RecordKey>) -> Vec<DecisionWhy> {
    let names = |p: &&Placed| p.decision.records.iter().any(|r| own.contains(r));
    buyer.placed.iter().filter(names).map(DecisionWhy::of).collect()
}

/// Contracts under the same id, or that a decision sets apart, with the reason.
pub(super) fn refused(buyer: &Buyer, contract: &Contract) -> Vec<RefusedWhy> {
    let own = records(contract);
    let keys = |records: &BTreeSet<RecordKey>| records.iter().map(|r| r.1.key()).collect::<BTreeSet<_>>();
    let own_keys = keys(&own);
    let decided = |others: &BTreeSet<RecordKey>| {
        buyer.decisions.iter().any(|d| {
            d.verdict == crate::config::Verdict::Different
                && d.records.iter().any(|r| own.contains(r))
                && d.records.iter().any(|r| others.contains(r))
        })
    };
    let kind = contract.record.kind;
    let others = buyer.merged.contracts.iter().filter(|c| c.uid != contract.uid && c.record.kind == kind);
    let apart = others.filter(|c| {
        let others = records(c);
        !keys(&others).is_disjoint(&own_keys) || decided(&others)
    });
    let mine = candidates(buyer, contract);
    let why = |c: &Contract| {
        let theirs = candidates(buyer, c);
        let both = [mine.as_slice(), theirs.as_slice()];
        let why = merge::refusal(buyer.siren, &buyer.sources.facts, both, &buyer.decisions, &buyer.rules);
        RefusedWhy { uid: c.uid.to_string(), why: why.map_or("fits-elsewhere", Contradiction::name), told: words(why) }
    };
    apart.take(MOST_REFUSED).map(why).collect()
}

/// What the merge was given of a contract, whatever became of it but what is gone.
fn candidates<'a>(buyer: &'a Buyer, contract: &Contract) -> Vec<&'a Candidate> {
    let place = buyer.merged.contracts.iter().position(|c| c.uid == contract.uid);
    let of = buyer.merged.contract_of.iter().filter(|(_, p)| Some(*p as usize) == place);
    of.filter_map(|(id, _)| buyer.candidates.get(id)).collect()
}

fn words(why: Option<Contradiction>) -> &'static str {
    match why {
        Some(Contradiction::Decided) => "an operator decided so",
        Some(Contradiction::Lots) => "they name different lots",
        Some(Contradiction::Parties) => "other holders and another amount",
        Some(Contradiction::OnePayload) => "another amount, lot or holder in the same file, published the same day",
        None => "its observations fit better there",
    }
}
