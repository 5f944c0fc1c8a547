//! The history of a contract: by the days that it declares, and by the days on which we knew.
//!
//! By declaration: what the first award and then each modification made of amount, duration and
//! holders. By knowledge: for each day on which an observation came or went, what the merge of the
//! contract's observations gave then.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::find::{Buyer, as_known};
use super::model::Observed;
use crate::cli::context::Failure;
use crate::daemon::merge_run;
use crate::merge::{self, json};
use crate::record::{Contract, Current, Day, Modification, ObservationIndex};

/// Days without a record after which it counts as withdrawn.
const WITHDRAWN_AFTER: i32 = crate::store::WITHDRAWN_AFTER_DAYS;

/// Both.
#[derive(Debug, Serialize)]
pub(super) struct History {
    pub declared: Vec<Declared>,
    pub known: Vec<Known>,
}

/// Amount, duration and holders at some time.
#[derive(Debug, Serialize)]
pub(super) struct State {
    pub montant: Option<Box<RawValue>>,
    #[serde(rename = "dureeMois")]
    pub duree_mois: Option<u32>,
    pub titulaires: Box<RawValue>,
}

impl State {
    fn of(current: &Current) -> Result<Self, Failure> {
        let montant = current.montant.map(|m| RawValue::from_string(json::money(m))).transpose()?;
        let titulaires = RawValue::from_string(json::list(current.titulaires.iter().map(json::holder)))?;
        Ok(Self { montant, duree_mois: current.duree_mois, titulaires })
    }
}

/// A state by declaration.
#[derive(Debug, Serialize)]
pub(super) struct Declared {
    /// Of the notification, then of each modification, as declared.
    pub date: Option<String>,
    /// When it was published, as declared.
    pub published: Option<String>,
    /// Null for the first award; else the modification's id, where it has one.
    pub modification: Option<u32>,
    pub objet: Option<String>,
    /// Index into `contract.observations`.
    pub observation: Option<ObservationIndex>,
    #[serde(flatten)]
    pub state: State,
}

/// What we knew from a day on.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    pub day: String,
    /// Places in the list `observations` of what was first seen that day.
    pub seen: Vec<usize>,
    /// Places there of what was gone from that day on.
    pub gone: Vec<usize>,
    /// One, or several where they were not yet one; none where nothing was left.
    pub contracts: Vec<KnownContract>,
}

#[derive(Debug, Serialize)]
pub(super) struct KnownContract {
    pub uid: String,
    pub withdrawn: bool,
    #[serde(flatten)]
    pub state: State,
}

/// What the modifications whose day has come by then made of the contract; one without a day counts.
pub(super) fn in_force(contract: &Contract, on: Day) -> Result<State, Failure> {
    let r = &contract.record;
    let applied = r.modifications.iter().filter(|m| m.date.is_none_or(|date| date <= on));
    State::of(&applied.fold(initial(contract), after))
}

fn initial(contract: &Contract) -> Current {
    let r = &contract.record;
    Current { montant: r.montant, duree_mois: r.duree_mois, titulaires: r.titulaires.clone() }
}

fn after(now: Current, m: &Modification) -> Current {
    Current {
        montant: m.montant.or(now.montant),
        duree_mois: m.duree_mois.or(now.duree_mois),
        titulaires: if m.titulaires.is_empty() { now.titulaires } else { m.titulaires.clone() },
    }
}

/// The history of a contract of the buyer, whose observations are these (store id, as told).
pub(super) fn history(
    buyer: &Buyer,
    contract: &Contract,
    observations: &[(i64, Observed)],
    until: Day,
) -> Result<History, Failure> {
    Ok(History { declared: declared(contract)?, known: known(buyer, observations, until)? })
}

fn declared(contract: &Contract) -> Result<Vec<Declared>, Failure> {
    let r = &contract.record;
    let text = |day: Option<Day>| day.map(|d| d.to_string());
    let mut now = initial(contract);
    let from = |field| contract.provenance.iter().find(|(f, _)| *f == field).map(|(_, i)| *i);
    let mut out = vec![Declared {
        date: text(r.date_notification),
        published: text(r.date_publication),
        modification: None,
        objet: r.objet.clone(),
        observation: from(crate::record::Field::Montant),
        state: State::of(&now)?,
    }];
    for (i, m) in r.modifications.iter().enumerate() {
        now = after(now, m);
        out.push(Declared {
            date: text(m.date),
            published: text(m.date_publication),
            modification: m.id,
            objet: m.objet.clone(),
            observation: contract.modifications_from.get(i).copied(),
            state: State::of(&now)?,
        });
    }
    Ok(out)
}

fn known(buyer: &Buyer, observations: &[(i64, Observed)], until: Day) -> Result<Vec<Known>, Failure> {
    let place = |id: i64| observations.iter().position(|(o, _)| *o == id);
    let rows: Vec<_> = buyer.rows.iter().filter_map(|row| Some((place(row.id)?, row))).collect();
    let withdrawn = |gone: Day| Day::from_number(gone.number() + WITHDRAWN_AFTER);
    let days: BTreeSet<Day> = rows
        .iter()
        .flat_map(|(_, row)| {
            let left = row.gone.filter(|_| row.withdrawn).and_then(withdrawn);
            [Some(row.first_seen), row.gone, left].into_iter().flatten()
        })
        .filter(|day| *day <= until)
        .collect();
    let mut out = Vec::new();
    for day in days {
        let then = rows.iter().filter_map(|(_, row)| as_known(row, day)).collect();
        let candidates = merge_run::candidates(then, &buyer.sources);
        let merged =
            merge::merge_decided(buyer.siren, &buyer.sources.facts, candidates, &buyer.decisions, &buyer.rules);
        let on = |of: &dyn Fn(&crate::store::MergeRow) -> Option<Day>| {
            let mut places: Vec<usize> =
                rows.iter().filter(|(_, row)| of(row) == Some(day)).map(|(place, _)| *place).collect();
            places.sort_unstable();
            places
        };
        let contracts = merged.contracts.iter().map(|c| {
            Ok(KnownContract { uid: c.uid.to_string(), withdrawn: c.withdrawn, state: State::of(&c.current)? })
        });
        out.push(Known {
            day: day.to_string(),
            seen: on(&|row| Some(row.first_seen)),
            gone: on(&|row| row.gone),
            contracts: contracts.collect::<Result<_, Failure>>()?,
        });
    }
    Ok(out)
}
