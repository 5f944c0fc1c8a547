//! Facts of an observation that identity and rank ask for again and again, computed once.
//!
//! Also settles that the same content from the same source is one observation, wherever and how
//! often it stands, and puts the observations into an order that owes nothing to arrival.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::Hash;

use xxhash_rust::xxh3::Xxh3Default;

use crate::record::{Day, Holder, Kind, Modalite, Money, Nature2019, Record, Siren, Technique};

use super::text::letters;
use super::{Authority, Candidate, Rule, Rules, SourceFacts, lot_numbers};

/// One distinct content of one source.
#[derive(Debug)]
pub(super) struct Node {
    /// The candidate that is kept for it: the smallest resource and position.
    pub candidate: Candidate,
    /// Ordinal of its source id among all.
    pub source: u32,
    /// Hash of what it declares.
    pub content: u128,
    /// Every resource that holds it, sorted.
    pub resources: Vec<String>,
    /// The form in which its id is compared.
    pub key: String,
    /// Lot numbers named by the object.
    pub lots: Vec<String>,
    /// The object's letters and digits, folded.
    pub objet: String,
    /// [`Holder::key`] of each holder, sorted.
    pub holders: Vec<String>,
    /// What two observations may share when they name the same holder, sorted; see [`tokens`].
    pub tokens: Vec<String>,
    /// Declared to be a framework.
    pub framework: bool,
    /// How new it is (records.md §5).
    pub effective: Option<Day>,
    /// The source is the authority for this buyer.
    pub speaks: bool,
    /// Authority that counts for this buyer.
    pub authority: Authority,
    /// How many fields have a clean value.
    pub filled: usize,
}

/// An observation whose content its source says elsewhere too.
#[derive(Debug)]
pub(super) struct Same {
    /// Its id.
    pub observation_id: i64,
    /// The node that stands for it.
    pub kept: u32,
    /// It is gone while the kept one is present.
    pub gone: bool,
}

impl Node {
    /// The clean values.
    pub fn record(&self) -> &Record {
        &self.candidate.observation.record
    }
    /// € without tax, as first declared.
    pub fn montant(&self) -> Option<Money> {
        self.record().montant
    }
    /// Source, resource, position, then content: the order of everything that is listed.
    pub fn by_place(&self, other: &Self) -> Ordering {
        let a = (self.source, &self.candidate.resource, self.candidate.position);
        let b = (other.source, &other.candidate.resource, other.candidate.position);
        a.cmp(&b).then(self.content.cmp(&other.content))
    }
}

/// Computes the facts, makes one node of each content of a source, sorts by place.
pub(super) fn prepare(
    siren: Siren,
    sources: &[SourceFacts],
    candidates: Vec<Candidate>,
    rules: &Rules,
) -> (Vec<Node>, Vec<Same>) {
    let ids = source_ids(sources, &candidates);
    let mut hashed: Vec<(u32, u128, Candidate)> = candidates
        .into_iter()
        .map(|c| {
            let id = sources.get(c.source as usize).map_or("", |s| s.id.as_str());
            (ids.binary_search(&id).unwrap_or_default() as u32, content(&c), c)
        })
        .collect();
    // No two are equal, neither here nor below: an unstable sort gives the same order, without a buffer.
    hashed.sort_unstable_by(|a, b| {
        let left = (a.0, a.1, !a.2.present, &a.2.resource, a.2.position, a.2.observation_id);
        left.cmp(&(b.0, b.1, !b.2.present, &b.2.resource, b.2.position, b.2.observation_id))
    });
    let mut nodes: Vec<Node> = Vec::with_capacity(hashed.len());
    let mut same: Vec<(i64, u32, u128, bool)> = Vec::new();
    for (source, content, c) in hashed {
        match nodes.last_mut() {
            Some(kept) if kept.source == source && kept.content == content => {
                same.push((c.observation_id, source, content, kept.candidate.present && !c.present));
                absorb(kept, c);
            }
            _ => {
                let facts = sources.get(c.source as usize);
                nodes.push(node(c, source, content, siren, facts, rules));
            }
        }
    }
    nodes.sort_unstable_by(Node::by_place);
    let place: BTreeMap<(u32, u128), u32> = (0u32..).zip(&nodes).map(|(i, n)| ((n.source, n.content), i)).collect();
    let same = same
        .into_iter()
        .filter_map(|(observation_id, source, content, gone)| {
            let kept = *place.get(&(source, content))?;
            Some(Same { observation_id, kept, gone })
        })
        .collect();
    (nodes, same)
}

/// The ids of the sources that speak of the buyer, sorted, so that the order of the list has no influence.
fn source_ids<'a>(sources: &'a [SourceFacts], candidates: &[Candidate]) -> Vec<&'a str> {
    let mut used: Vec<u32> = candidates.iter().map(|c| c.source).collect();
    used.sort_unstable();
    used.dedup();
    let mut ids: Vec<&str> = used.iter().filter_map(|s| Some(sources.get(*s as usize)?.id.as_str())).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What the record declares: two records of a source with equal content say the same. Findings
/// and scope follow from it (and from the day), so they are no part of it.
fn content(c: &Candidate) -> u128 {
    let o = &c.observation;
    let mut hash = Xxh3Default::new();
    (o.format, &o.record, &o.declared).hash(&mut hash);
    hash.digest128()
}

/// Takes in another place of a content; a place that is gone says nothing beside a present one.
fn absorb(kept: &mut Node, c: Candidate) {
    let k = &mut kept.candidate;
    if c.present != k.present {
        return;
    }
    k.first_seen = k.first_seen.min(c.first_seen);
    k.withdrawn &= c.withdrawn;
    k.gone_since = k.gone_since.max(c.gone_since);
    kept.resources.push(c.resource);
    kept.resources.extend(c.also_in);
    kept.resources.sort_unstable();
    kept.resources.dedup();
}

fn node(
    mut c: Candidate,
    source: u32,
    content: u128,
    siren: Siren,
    facts: Option<&SourceFacts>,
    rules: &Rules,
) -> Node {
    let mut resources = std::mem::take(&mut c.also_in);
    resources.push(c.resource.clone());
    resources.sort_unstable();
    resources.dedup();
    let r = &c.observation.record;
    let objet = r.objet.as_deref().unwrap_or_default();
    let mut holders: Vec<String> = r.titulaires.iter().filter_map(Holder::key).collect();
    holders.sort_unstable();
    holders.dedup();
    Node {
        source,
        content,
        resources,
        key: if rules.on(Rule::NormalisedIds) { r.id.key() } else { r.id.as_str().to_owned() },
        lots: if rules.on(Rule::LotNumbers) { lot_numbers(objet) } else { Vec::new() },
        objet: letters(objet),
        holders,
        tokens: tokens(&r.titulaires),
        framework: is_framework(r),
        effective: effective(&c, rules),
        speaks: facts.is_some_and(|s| s.speaks_for(&siren)),
        authority: facts.map_or(Authority::Scrape, |s| s.authority_for(&siren)),
        filled: r.filled(),
        candidate: c,
    }
}

/// Names of a holder by which another source may know it too: `i` identifier, `s` SIREN, `n`
/// folded name.
pub(super) fn tokens(holders: &[Holder]) -> Vec<String> {
    let mut out = Vec::with_capacity(holders.len() * 3);
    for h in holders {
        if let Some(id) = &h.id {
            let letters = id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase);
            out.push(std::iter::once('i').chain(letters).collect());
        }
        if let Some(siren) = h.siren() {
            out.push(format!("s{siren}"));
        }
        if let Some(name) = &h.name {
            out.push(format!("n{}", letters(name)));
        }
    }
    out.retain(|t| t.len() > 1);
    out.sort_unstable();
    out.dedup();
    out
}

/// Declared as a framework in any of the ways that the two formats have.
fn is_framework(r: &Record) -> bool {
    r.kind == Kind::Marche
        && (r.nature_2019 == Some(Nature2019::AccordCadre)
            || r.techniques.contains(&Technique::AccordCadre)
            || r.modalites.iter().any(|m| matches!(m, Modalite::BonsCommande | Modalite::MarchesSubsequents)))
}

/// The latest declared day that is not after the resource's date; a record that declares none has
/// the resource's date, one whose days all lie later has none.
fn effective(c: &Candidate, rules: &Rules) -> Option<Day> {
    let resource = c.resource_date.unwrap_or(c.first_seen);
    let record = &c.observation.record;
    if record.declared_days().next().is_none() {
        return Some(resource);
    }
    record.declared_days().filter(|d| !rules.on(Rule::FutureDates) || *d <= resource).max()
}
