//! Makes a contract of its current observations: the winner of each field, where each value comes
//! from, and who disagrees (records.md §5).
//!
//! In: one contract's observations, settled, in winning order. Every value of the result is the
//! value of the observation that provenance names; nothing is computed but `current`.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{
    Conflict, Contract, Current, Field, Format, Holder, Modification, Money, ObservationIndex, ObservationRef, Record,
    Uid,
};

use super::node::Node;
use super::outcome::{Outcome, Standing};
use super::{Rule, Rules, SourceFacts, fields, json, scope, unite};

/// A contract, with what naming and reporting still need.
#[derive(Debug)]
pub(super) struct Built {
    pub contract: Contract,
    /// Node of the canonical observation.
    pub winner: u32,
    /// Its index in the contract.
    pub canonical: ObservationIndex,
    /// Lot numbers of the contract.
    pub lots: Vec<String>,
    /// Nodes that say it now: current and superseded.
    pub said: Vec<u32>,
    /// Nodes of its observations, in their order.
    pub listed: Vec<u32>,
    /// What became of each member.
    pub outcomes: Vec<(u32, Outcome)>,
}

/// A current observation: its node, its index in the contract, and its holders, which for a piece
/// of a framework are those of all pieces.
struct Voice<'a> {
    node: &'a Node,
    index: ObservationIndex,
    holders: Vec<(Holder, ObservationIndex)>,
}

impl Voice<'_> {
    fn record(&self) -> &Record {
        self.node.record()
    }
    fn holder_keys(&self) -> BTreeSet<String> {
        self.holders.iter().filter_map(|(h, _)| h.key()).collect()
    }
    fn written(&self, field: Field) -> Option<String> {
        if field == Field::Titulaires && !self.holders.is_empty() {
            return Some(json::list(self.holders.iter().map(|(h, _)| json::holder(h))));
        }
        fields::written(self.record(), field)
    }
}

/// Lists whose lines are united over all current observations.
const UNITED: [Field; 3] = [Field::ActesSousTraitance, Field::ModificationsActesSousTraitance, Field::Modifications];

/// Makes the contract; `None` when nothing stands.
pub(super) fn build(standing: &Standing, nodes: &[Node], sources: &[SourceFacts], rules: &Rules) -> Option<Built> {
    let voices = voices(standing, nodes);
    let first = voices.first()?;
    let winner = *standing.current.first()?;
    let region = scope::scope(&voices.iter().map(|v| v.node).collect::<Vec<_>>(), rules);
    let said: Vec<u32> = [standing.current.as_slice(), &standing.superseded].concat();

    let r = first.record();
    let mut record = Record::new(r.kind, r.acheteur, r.id.clone());
    let mut from: BTreeMap<Field, ObservationIndex> = BTreeMap::new();
    choose(&voices, &mut record, &mut from, rules);
    let titulaires_from = holders(&voices, &mut record, &from);
    let mut contract = Contract {
        uid: Uid::new(&record.acheteur, &record.id),
        current: Current::default(),
        only_2019: said
            .iter()
            .filter_map(|i| nodes.get(*i as usize))
            .all(|n| n.candidate.observation.format == Format::V2019),
        observations: references(&voices, sources),
        provenance: Vec::new(),
        titulaires_from,
        modifications_from: Vec::new(),
        actes_from: Vec::new(),
        modifications_actes_from: Vec::new(),
        conflicts: Vec::new(),
        findings: findings(&voices),
        region,
        withdrawn: standing.withdrawn,
        joins: Vec::new(),
        doubles: Vec::new(),
        record,
    };
    unite_lists(&voices, &mut contract, &mut from, rules);
    contract.current = after_modifications(&contract.record);
    contract.conflicts = conflicts(&voices, &from);
    contract.provenance = from.into_iter().collect();
    Some(Built {
        winner,
        canonical: first.index,
        lots: said
            .iter()
            .filter_map(|i| nodes.get(*i as usize))
            .map(|n| n.lots.clone())
            .find(|l| !l.is_empty())
            .unwrap_or_default(),
        outcomes: outcomes(standing, contract.region.in_scope),
        listed: listed(standing),
        contract,
        said,
    })
}

fn outcomes(standing: &Standing, in_scope: bool) -> Vec<(u32, Outcome)> {
    let inside = |o| if in_scope { o } else { Outcome::OutOfRegion };
    let each = |list: &[u32], o: Outcome| list.iter().map(|i| (*i, o)).collect::<Vec<_>>();
    [
        each(&standing.current, inside(Outcome::Accepted)),
        each(&standing.superseded, inside(Outcome::Superseded)),
        each(&standing.gone, Outcome::Gone),
    ]
    .concat()
}

/// Nodes are in order of place, so their numbers sort as the contract lists them.
fn listed(standing: &Standing) -> Vec<u32> {
    let mut listed = standing.current.clone();
    listed.sort_unstable();
    listed
}

/// The current observations in winning order, with their index in order of place.
fn voices<'a>(standing: &Standing, nodes: &'a [Node]) -> Vec<Voice<'a>> {
    let listed = listed(standing);
    let index = |i: &u32| listed.binary_search(i).unwrap_or_default() as ObservationIndex;
    let own = |i: &u32| {
        let holders = nodes.get(*i as usize).map(|n| &n.record().titulaires);
        holders.into_iter().flatten().map(|h| (h.clone(), index(i))).collect::<Vec<_>>()
    };
    standing
        .current
        .iter()
        .filter_map(|i| {
            let holders = match standing.pieces.iter().find(|p| p.binary_search(i).is_ok()) {
                Some(pieces) => pieces.iter().flat_map(own).collect(),
                None => own(i),
            };
            Some(Voice { node: nodes.get(*i as usize)?, index: index(i), holders })
        })
        .collect()
}

fn references(voices: &[Voice<'_>], sources: &[SourceFacts]) -> Vec<ObservationRef> {
    let mut listed: Vec<&Voice<'_>> = voices.iter().collect();
    listed.sort_by_key(|v| v.index);
    listed
        .into_iter()
        .map(|v| {
            let (c, r) = (&v.node.candidate, v.record());
            ObservationRef {
                source: sources.get(c.source as usize).map(|s| s.id.clone()).unwrap_or_default(),
                resource: c.resource.clone(),
                position: c.position,
                acheteur_id: r.acheteur.to_string(),
                id: r.id.to_string(),
                published: r.date_publication,
            }
        })
        .collect()
}

fn findings(voices: &[Voice<'_>]) -> Vec<(crate::record::Finding, ObservationIndex)> {
    let mut listed: Vec<&Voice<'_>> = voices.iter().collect();
    listed.sort_by_key(|v| v.index);
    listed
        .into_iter()
        .flat_map(|v| {
            let found = v.node.candidate.observation.findings.iter();
            found.map(|f| (f.clone(), v.index))
        })
        .collect()
}

/// Chooses every field but the united lists.
fn choose(voices: &[Voice<'_>], record: &mut Record, from: &mut BTreeMap<Field, ObservationIndex>, rules: &Rules) {
    let coupled = rules.on(Rule::Coupled);
    let mut take = |field: Field, voice: &Voice<'_>| {
        fields::copy(voice.record(), record, field);
        from.insert(field, voice.index);
    };
    for field in Field::ALL {
        if UNITED.contains(field) || (coupled && Field::COUPLED.contains(field)) {
            continue;
        }
        let winner = voices.iter().find(|v| fields::present(v.record(), *field));
        if let Some(v) = winner {
            take(*field, v);
        }
    }
    if coupled {
        for (field, voice) in couple(voices, rules) {
            take(field, voice);
        }
    }
}

/// The coupled fields, together from one winner; what it lacks, from one that agrees with it.
fn couple<'v, 'n>(voices: &'v [Voice<'n>], rules: &Rules) -> Vec<(Field, &'v Voice<'n>)> {
    let Some(winner) = coupled_winner(voices, rules) else {
        return Vec::new();
    };
    let mut montant = winner.record().montant;
    let mut holders = winner.holder_keys();
    let mut out = Vec::new();
    // Amount and holders first: whoever fills a later field must agree with these as well.
    let (mut first, rest): (Vec<Field>, Vec<Field>) =
        Field::COUPLED.iter().partition(|f| matches!(f, Field::Montant | Field::Titulaires));
    first.extend(rest);
    for field in first {
        if fields::present(winner.record(), field) {
            out.push((field, winner));
            continue;
        }
        let filler = voices.iter().find(|v| fields::present(v.record(), field) && agrees(v, montant, &holders));
        if let Some(v) = filler {
            montant = montant.or(v.record().montant);
            if holders.is_empty() {
                holders = v.holder_keys();
            }
            out.push((field, v));
        }
    }
    out
}

/// Valid beats invalid: the first that has an amount and holders, else the first. A source that
/// does not speak for the buyer fills gaps of one that does, but does not replace it.
fn coupled_winner<'v, 'n>(voices: &'v [Voice<'n>], rules: &Rules) -> Option<&'v Voice<'n>> {
    let valid = |v: &Voice<'_>| u8::from(v.record().montant.is_some()) + u8::from(!v.holders.is_empty());
    let first = voices.first()?;
    let guarded = first.node.speaks && rules.on(Rule::AuthorityFirst) && valid(first) > 0;
    let mut best = first;
    for v in voices.iter().filter(|v| v.node.speaks || !guarded) {
        if valid(v) > valid(best) {
            best = v;
        }
    }
    Some(best)
}

/// Whether an observation says the same amount and the same holders, of which at least one is known;
/// what is not known yet cannot be disagreed with.
fn agrees(v: &Voice<'_>, montant: Option<Money>, holders: &BTreeSet<String>) -> bool {
    let same_amount = montant.is_none() || v.record().montant == montant;
    let same_holders = holders.is_empty() || v.holder_keys() == *holders;
    (montant.is_some() || !holders.is_empty()) && same_amount && same_holders
}

/// Puts the holders of all pieces in place when the winner is a piece of a framework; gives the
/// observation of each holder.
fn holders(
    voices: &[Voice<'_>],
    record: &mut Record,
    from: &BTreeMap<Field, ObservationIndex>,
) -> Vec<ObservationIndex> {
    let winner = from.get(&Field::Titulaires);
    let Some(voice) = voices.iter().find(|v| Some(&v.index) == winner) else {
        return Vec::new();
    };
    record.titulaires = voice.holders.iter().map(|(h, _)| h.clone()).collect();
    voice.holders.iter().map(|(_, i)| *i).collect()
}

/// Unites modifications and acts, each line with its observation.
fn unite_lists(
    voices: &[Voice<'_>],
    contract: &mut Contract,
    from: &mut BTreeMap<Field, ObservationIndex>,
    rules: &Rules,
) {
    fn united<T: unite::Line>(
        voices: &[Voice<'_>],
        list: impl Fn(&Record) -> &[T],
        rules: &Rules,
    ) -> (Vec<T>, Vec<ObservationIndex>, Option<ObservationIndex>) {
        let mut told: Vec<(ObservationIndex, &[T])> =
            voices.iter().map(|v| (v.index, list(v.record()))).filter(|(_, l)| !l.is_empty()).collect();
        if !rules.on(Rule::UnitedModifications) {
            told.truncate(1);
        }
        let winner = told.first().map(|(i, _)| *i);
        let (lines, from) = unite::unite(told).into_iter().unzip();
        (lines, from, winner)
    }
    let r = &mut contract.record;
    let winner;
    (r.modifications, contract.modifications_from, winner) = united(voices, |r| &r.modifications, rules);
    from.extend(winner.map(|i| (Field::Modifications, i)));
    let winner;
    (r.actes, contract.actes_from, winner) = united(voices, |r| &r.actes, rules);
    from.extend(winner.map(|i| (Field::ActesSousTraitance, i)));
    let winner;
    (r.modifications_actes, contract.modifications_actes_from, winner) =
        united(voices, |r| &r.modifications_actes, rules);
    from.extend(winner.map(|i| (Field::ModificationsActesSousTraitance, i)));
}

/// Amount, duration and holders once every modification is applied, in order.
fn after_modifications(r: &Record) -> Current {
    let start = Current { montant: r.montant, duree_mois: r.duree_mois, titulaires: r.titulaires.clone() };
    r.modifications.iter().fold(start, |now, m: &Modification| Current {
        montant: m.montant.or(now.montant),
        duree_mois: m.duree_mois.or(now.duree_mois),
        titulaires: if m.titulaires.is_empty() { now.titulaires } else { m.titulaires.clone() },
    })
}

/// Every field of which current observations say different things: the chosen value first, then
/// the others in winning order. A value that was not chosen stays visible even where the contract
/// has none, as when nobody agrees with the winner of the coupled fields.
fn conflicts(voices: &[Voice<'_>], from: &BTreeMap<Field, ObservationIndex>) -> Vec<Conflict> {
    let Some((first, others)) = voices.split_first().filter(|(_, o)| !o.is_empty()) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for field in Field::ALL.iter().filter(|f| !UNITED.contains(f)) {
        let same = |v: &Voice<'_>| fields::equal(v.record(), first.record(), *field);
        if others.iter().all(same) && (from.contains_key(field) || first.written(*field).is_none()) {
            continue;
        }
        let chosen = from.get(field);
        let mut values: Vec<(String, ObservationIndex)> = Vec::new();
        let ordered = voices
            .iter()
            .filter(|v| Some(&v.index) == chosen)
            .chain(voices.iter().filter(|v| Some(&v.index) != chosen));
        for v in ordered {
            let Some(value) = v.written(*field) else {
                continue;
            };
            if !values.iter().any(|(known, _)| *known == value) {
                values.push((value, v.index));
            }
        }
        if values.len() > 1 || (values.len() == 1 && chosen.is_none()) {
            out.push(Conflict { field: *field, values });
        }
    }
    out
}
