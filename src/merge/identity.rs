//! Same key: one contract, unless observations contradict (records.md §4, rules 1 and 2).
//!
//! Observations of a key that agree on amount, lots and holders never contradict: they form an
//! *atom*. Here: what an atom is, when two contradict, how well two fit. `cluster` joins them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::record::{Cpv, Day, Kind, Money};

use super::decided::{Decided, Side};
use super::node::Node;
use super::{Rule, Rules};

/// Most distinct texts, days or codes that an atom remembers for telling how well others fit.
const MOST_MARKS: usize = 8;

/// What still says a contract, strongest first. Each is settled without looking at the next, so
/// that an observation that is dropped, and which the store then forgets, never decided anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Tier {
    /// In a current payload.
    #[default]
    Present,
    /// Gone for a few days: it stands until it is withdrawn.
    Gone,
    /// Gone for good.
    Withdrawn,
}

impl Tier {
    fn of(n: &Node) -> Self {
        match (n.candidate.present, n.candidate.withdrawn) {
            (true, _) => Self::Present,
            (false, false) => Self::Gone,
            (false, true) => Self::Withdrawn,
        }
    }
}

/// The observations of one key that agree on amount, lots and holders; of one tier, and, where they
/// are gone, of one source.
#[derive(Debug, Default)]
pub(super) struct Atom<'a> {
    /// Index into [`Atoms::keys`].
    pub key: u32,
    /// The side on which a decision puts it; see [`Decided`].
    pub side: Side,
    /// All on its side are one contract.
    pub united: bool,
    /// Sides that it never meets, sorted.
    never: Vec<Side>,
    pub tier: Tier,
    /// Sources of the nodes, ascending.
    pub sources: Vec<u32>,
    pub nodes: Vec<u32>,
    pub montant: Option<Money>,
    /// What holders may be known by ([`Node::tokens`]), as words.
    pub tokens: Vec<Word>,
    pub objets: Vec<&'a str>,
    lots: Vec<Word>,
    holders: Vec<Word>,
    /// Its objects as words.
    texts: Vec<Word>,
    /// Some holder is named by an identifier, some by a name: what can be compared.
    named_by: (bool, bool),
    days: Vec<Day>,
    cpvs: Vec<Cpv>,
    durations: Vec<u32>,
    slices: Vec<Slice>,
}

/// A text by number: atoms are compared by the million, and texts only for being equal.
pub(super) type Word = u32;

/// Numbers equal things equally, in the order in which they come.
#[derive(Debug)]
struct Numbers<T>(HashMap<T, u32>);

impl<T: Eq + Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(thing).or_insert(next)
    }
}

impl<'a> Numbers<&'a str> {
    fn each(&mut self, texts: impl Iterator<Item = &'a str>) -> Vec<Word> {
        let mut out: Vec<Word> = texts.map(|t| self.of(t)).collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// Where and when an observation stood, with what a framework's pieces must share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    /// Source, resource and publication date, by number.
    payload: u32,
    life: Life,
    /// Object and notification date of a framework's record that names one holder, by number.
    piece: Option<u32>,
}

/// The numbers of what atoms are compared by.
struct Lexicon<'a> {
    words: Numbers<&'a str>,
    payloads: Numbers<(u32, Word, Option<Day>)>,
    pieces: Numbers<(Word, Option<Day>)>,
}

/// When an observation stood in its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    first: Day,
    /// `None` while present.
    gone: Option<Day>,
    /// Gone, and since when is not known.
    lost: bool,
}

impl Life {
    /// Whether two observations certainly stood there at the same time: both do now, or their
    /// time overlaps and they came, or went, on the same day. (One that came while the other was
    /// there and outlived it may as well be a correction that was taken back.)
    fn together(self, other: Self) -> bool {
        if self.lost || other.lost {
            return false;
        }
        let before = |a: Day, end: Option<Day>| end.is_none_or(|end| a < end);
        match (self.gone, other.gone) {
            (None, None) => true,
            (a, b) => before(self.first, b) && before(other.first, a) && (self.first == other.first || a == b),
        }
    }
}

/// Key of a group of observations: kind, establishment (only where the rule that buyers are SIRENs
/// is off), normalised id.
pub(super) type Key = (Option<Kind>, String, String);

pub(super) struct Atoms<'a> {
    pub atoms: Vec<Atom<'a>>,
    /// Sorted.
    pub keys: Vec<Key>,
}

/// Groups nodes by key, then by what they say of amount, lots and holders. Sorted by content.
pub(super) fn atoms<'a>(nodes: &'a [Node], decided: &Decided, rules: &Rules) -> Atoms<'a> {
    type Signature<'a> = (Key, (Tier, Option<u32>), &'a [String], Option<Money>, &'a [String], Side);
    let mut groups: BTreeMap<Signature<'_>, Vec<u32>> = BTreeMap::new();
    for (i, n) in (0u32..).zip(nodes) {
        let r = n.record();
        let kind = rules.on(Rule::KindInKey).then_some(r.kind);
        let establishment = if rules.on(Rule::BuyerIsSiren) { String::new() } else { r.acheteur.to_string() };
        let key = (kind, establishment, n.key.clone());
        let tier = Tier::of(n);
        let kept = (tier, (tier != Tier::Present).then_some(n.source));
        groups.entry((key, kept, &n.lots, n.montant(), &n.holders, decided.side(n))).or_default().push(i);
    }
    let mut lexicon =
        Lexicon { words: Numbers(HashMap::new()), payloads: Numbers(HashMap::new()), pieces: Numbers(HashMap::new()) };
    let mut keys: Vec<Key> = Vec::new();
    let mut atoms = Vec::with_capacity(groups.len());
    for ((key, (tier, _), lots, montant, holders, side), members) in groups {
        if keys.last() != Some(&key) {
            keys.push(key);
        }
        let (united, never) = decided.of(side);
        let mut atom = Atom {
            key: keys.len().saturating_sub(1) as u32,
            side,
            united,
            never,
            montant,
            lots: lexicon.words.each(lots.iter().map(String::as_str)),
            holders: lexicon.words.each(holders.iter().map(String::as_str)),
            tier,
            ..Atom::default()
        };
        for i in members {
            if let Some(n) = nodes.get(i as usize) {
                describe(&mut atom, n, &mut lexicon, rules);
            }
            atom.nodes.push(i);
        }
        finish(&mut atom, &mut lexicon);
        atoms.push(atom);
    }
    Atoms { atoms, keys }
}

fn describe<'a>(atom: &mut Atom<'a>, n: &'a Node, lexicon: &mut Lexicon<'a>, rules: &Rules) {
    let r = n.record();
    atom.sources.push(n.source);
    let named_by = |kind: char| n.tokens.iter().any(|t| t.starts_with(kind));
    atom.named_by.0 |= named_by('i');
    atom.named_by.1 |= named_by('n');
    atom.tokens.extend(lexicon.words.each(n.tokens.iter().map(String::as_str)));
    if !n.objet.is_empty() {
        atom.objets.push(&n.objet);
    }
    atom.days.extend(r.date_notification);
    atom.cpvs.extend(r.cpv);
    atom.durations.extend(r.duree_mois);
    let piece = (rules.on(Rule::UnitedFrameworks)
        && n.framework
        && r.titulaires.len() == 1
        && r.montant.is_some()
        && !n.objet.is_empty())
    .then(|| lexicon.pieces.of((lexicon.words.of(&n.objet), r.date_notification)));
    let life = Life {
        first: n.candidate.first_seen,
        gone: n.candidate.gone_since.filter(|_| !n.candidate.present),
        lost: !n.candidate.present && n.candidate.gone_since.is_none(),
    };
    for resource in &n.resources {
        let payload = (n.source, lexicon.words.of(resource), r.date_publication);
        atom.slices.push(Slice { payload: lexicon.payloads.of(payload), life, piece });
    }
}

fn finish<'a>(atom: &mut Atom<'a>, lexicon: &mut Lexicon<'a>) {
    fn few<T: Ord>(marks: &mut Vec<T>) {
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MOST_MARKS);
    }
    few(&mut atom.objets);
    atom.texts = lexicon.words.each(atom.objets.iter().copied());
    few(&mut atom.days);
    few(&mut atom.cpvs);
    few(&mut atom.durations);
    atom.sources.sort_unstable();
    atom.sources.dedup();
    atom.tokens.sort_unstable();
    atom.tokens.dedup();
    atom.slices.sort_unstable();
    atom.slices.dedup();
}

/// Why two atoms cannot be one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contradiction {
    /// An operator decided so.
    Decided,
    /// They name different lots.
    Lots,
    /// Disjoint holders, and different amounts.
    Parties,
    /// Different amounts, lots or holders in one payload with one publication date.
    OnePayload,
}

impl Contradiction {
    /// A short name, for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Lots => "other-lots",
            Self::Parties => "other-parties",
            Self::OnePayload => "one-payload",
        }
    }
}

/// Whether two atoms cannot be one contract.
pub(super) fn contradict(a: &Atom, b: &Atom, rules: &Rules) -> bool {
    contradiction(a, b, rules).is_some()
}

/// Why two atoms cannot be one contract, if they cannot; a decision is stronger than any rule.
pub(super) fn contradiction(a: &Atom, b: &Atom, rules: &Rules) -> Option<Contradiction> {
    if !a.never.is_empty() && a.never.binary_search(&b.side).is_ok() {
        return Some(Contradiction::Decided);
    }
    if !rules.on(Rule::Contradictions) || (a.united && a.side == b.side) {
        return None;
    }
    let lots = !a.lots.is_empty() && !b.lots.is_empty() && a.lots != b.lots;
    let montants = matches!((a.montant, b.montant), (Some(x), Some(y)) if x != y);
    let holders = !a.holders.is_empty() && !b.holders.is_empty() && a.holders != b.holders;
    // `Lot 2` here and `lots 2 et 3` there is two ways to type one object when the amount is equal.
    let other_lots = lots && (montants || !share(&a.lots, &b.lots));
    let other_parties = rules.on(Rule::DisjointHolders) && montants && disjoint(a, b);
    if other_lots {
        return Some(Contradiction::Lots);
    }
    if other_parties {
        return Some(Contradiction::Parties);
    }
    let together = rules.on(Rule::OnePayload) && (montants || holders || lots) && stood_together(a, b, montants);
    together.then_some(Contradiction::OnePayload)
}

/// Whether an observation of `a` and one of `b` stood in one payload with one publication date,
/// and are not two pieces of one framework.
fn stood_together(a: &Atom, b: &Atom, montants: bool) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.slices.get(i), b.slices.get(j)) {
        match x.payload.cmp(&y.payload) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                let here = x.payload;
                let run = |all: &[Slice], from: usize| all.iter().skip(from).take_while(|s| s.payload == here).count();
                let (n, m) = (run(&a.slices, i), run(&b.slices, j));
                let clash = a.slices.iter().skip(i).take(n).any(|x| {
                    b.slices.iter().skip(j).take(m).any(|y| {
                        let pieces = !montants && x.piece.is_some() && x.piece == y.piece;
                        x.life.together(y.life) && !pieces
                    })
                });
                if clash {
                    return true;
                }
                (i, j) = (i + n, j + m);
            }
        }
    }
    false
}

/// Both name holders in comparable ways, and share none.
fn disjoint(a: &Atom, b: &Atom) -> bool {
    let comparable = (a.named_by.0 && b.named_by.0) || (a.named_by.1 && b.named_by.1);
    comparable && !share(&a.tokens, &b.tokens)
}

/// Whether two sorted lists have a member in common.
pub(super) fn share<T: Ord>(a: &[T], b: &[T]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.iter().any(|x| long.binary_search(x).is_ok())
}

/// How well two atoms fit, 0 where fitting is not asked for: the greater, the better. Lots, amount and holders weigh most, object
/// and notification date half as much, what many contracts of a buyer share least.
pub(super) fn fit(a: &Atom, b: &Atom, rules: &Rules) -> u32 {
    if !rules.on(Rule::BestFit) {
        return 0;
    }
    let mut score = 0;
    if !a.lots.is_empty() && a.lots == b.lots {
        score += 8;
    }
    match (a.montant, b.montant) {
        (Some(x), Some(y)) if x == y => score += 8,
        (Some(x), Some(y)) if near(x, y) => score += 2,
        _ => {}
    }
    if !a.holders.is_empty() && a.holders == b.holders {
        score += 8;
    } else if share(&a.tokens, &b.tokens) {
        score += 4;
    }
    score += 4 * u32::from(share(&a.texts, &b.texts));
    score += 4 * u32::from(share(&a.days, &b.days));
    score += u32::from(share(&a.cpvs, &b.cpvs));
    score + u32::from(share(&a.durations, &b.durations))
}

/// Within a tenth of each other.
fn near(a: Money, b: Money) -> bool {
    let (a, b) = (a.decimal().abs(), b.decimal().abs());
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    high - low <= high / rust_decimal::Decimal::TEN
}
