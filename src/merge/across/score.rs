//! How much speaks for two clusters of different ids being one contract: points for and against,
//! and the same in words.
//!
//! Fields that both give are compared; what one of them lacks says nothing. The points were set by
//! hand from the labelled pairs (facts of the real feeds: amount, duration and holder are equal,
//! ids, days and texts are not) and are measured over generated worlds, never fitted to one of
//! them.

use crate::merge::identity::share;
use crate::merge::text::{LOST, same_text};
use crate::record::{Cpv, Day, Money};

use super::unit::{Unit, siren};

/// At or above this, and not tied: one contract.
pub(super) const UPPER: i32 = 60;
/// At or above this: a candidate.
pub(super) const LOWER: i32 = 30;
/// What equal objects give: the most that the text can add.
const SAME_OBJECT: i32 = 25;
/// Words of the objects that are compared one with one where letters were lost.
const MOST_LOST: usize = 64;

/// The amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Montants {
    Unknown,
    /// To the cent; `plain` where it is a round number, which many contracts share.
    Equal {
        plain: bool,
    },
    /// Within one, five or ten percent.
    Near(u8),
    Differ,
}

/// The holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holders {
    Unknown,
    Same,
    Establishment,
    Shared,
    Typo,
    Named,
    Differ,
}

/// What was found in two units, but for their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    montants: Montants,
    holders: Holders,
    /// Days between the nearest notifications.
    days: Option<u32>,
    /// Same duration, and whether it is one that many contracts have.
    duration: Option<(bool, bool)>,
    departement: Option<bool>,
    /// Digits that the codes have in common.
    cpv: Option<u8>,
}

/// A pair that may be one contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Score {
    pub points: i32,
    /// What must agree for a merge does: the amounts, to five percent, and the holders as far as both name them.
    pub sound: bool,
}

/// Everything but the texts.
pub(super) fn facts(a: &Unit, b: &Unit) -> Facts {
    Facts {
        montants: montants(&a.montants, &b.montants),
        holders: holders(a, b),
        days: nearest(&a.days, &b.days),
        duration: both(&a.durations, &b.durations).map(|same| {
            let usual = a.durations.iter().any(|d| matches!(d, 0 | 1 | 12 | 24 | 36 | 48) && b.durations.contains(d));
            (same, usual)
        }),
        departement: both(&a.departements, &b.departements),
        cpv: cpv(&a.cpvs, &b.cpvs),
    }
}

impl Facts {
    /// Whether the texts, which cost most, can still make it a candidate.
    pub fn promising(&self) -> bool {
        self.points() + SAME_OBJECT >= LOWER
    }

    fn points(&self) -> i32 {
        let montants = match self.montants {
            Montants::Unknown => 0,
            Montants::Equal { plain: false } => 30,
            Montants::Equal { plain: true } => 14,
            Montants::Near(1) => 12,
            Montants::Near(5) => 8,
            Montants::Near(_) => 2,
            Montants::Differ => -45,
        };
        let holders = match self.holders {
            Holders::Unknown => 0,
            Holders::Same => 30,
            Holders::Establishment => 28,
            Holders::Shared => 20,
            Holders::Typo | Holders::Named => 24,
            Holders::Differ => -60,
        };
        let days = match self.days {
            None | Some(8..=31) => 0,
            Some(0) => 20,
            Some(1..=7) => 12,
            Some(32..=92) => -30,
            Some(_) => -60,
        };
        let duration = match self.duration {
            None => 0,
            Some((true, false)) => 12,
            Some((true, true)) => 6,
            Some((false, _)) => -10,
        };
        let departement = match self.departement {
            None => 0,
            Some(true) => 3,
            Some(false) => -6,
        };
        let cpv = match self.cpv {
            None | Some(0 | 1) => 0,
            Some(2) => 2,
            Some(3 | 4) => 4,
            Some(5..=7) => 6,
            Some(_) => 10,
        };
        montants + holders + days + duration + departement + cpv
    }

    /// The score, with the texts.
    pub fn score(&self, a: &Unit, b: &Unit) -> Score {
        // Lots of one procedure differ by little more than a correction does.
        let amounts_agree = matches!(self.montants, Montants::Equal { .. } | Montants::Near(..=5));
        Score {
            points: self.points() + Objects::of(a, b).points(),
            sound: amounts_agree && self.holders != Holders::Differ,
        }
    }
}

fn montants(a: &[Money], b: &[Money]) -> Montants {
    // 0 or 1 € stands where no amount is known.
    let known = |m: &&Money| **m > Money::euros(1);
    if let Some(same) = a.iter().filter(known).find(|m| b.binary_search(m).is_ok()) {
        let plain = (same.decimal() % rust_decimal::Decimal::ONE_THOUSAND).is_zero();
        return Montants::Equal { plain };
    }
    let apart = |x: &Money, y: &Money| {
        let (x, y) = (x.to_f64(), y.to_f64());
        (x - y).abs() / x.max(y)
    };
    let pairs = a.iter().filter(known).flat_map(|x| b.iter().filter(known).map(move |y| apart(x, y)));
    match pairs.min_by(f64::total_cmp) {
        None => Montants::Unknown,
        Some(d) if d <= 0.01 => Montants::Near(1),
        Some(d) if d <= 0.05 => Montants::Near(5),
        Some(d) if d <= 0.10 => Montants::Near(10),
        Some(_) => Montants::Differ,
    }
}

fn holders(a: &Unit, b: &Unit) -> Holders {
    if share(&a.holders, &b.holders) {
        return if a.holders == b.holders { Holders::Same } else { Holders::Shared };
    }
    let any = |test: &dyn Fn(&str, &str) -> bool| a.holders.iter().any(|x| b.holders.iter().any(|y| test(x, y)));
    if any(&|x, y| siren(x).is_some() && siren(x) == siren(y)) {
        return Holders::Establishment;
    }
    if any(&|x, y| x.len() >= 9 && y.len() >= 9 && one_slip(x.as_bytes(), y.as_bytes())) {
        return Holders::Typo;
    }
    let named = |x: &&str| b.names.iter().any(|y| same_text(x, y));
    if a.names.iter().any(named) {
        return Holders::Named;
    }
    let comparable = (!a.holders.is_empty() && !b.holders.is_empty()) || (!a.names.is_empty() && !b.names.is_empty());
    if comparable { Holders::Differ } else { Holders::Unknown }
}

/// One character changed, added, left out, or two neighbours that changed places.
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([], []) => true,
        ([x, a_rest @ ..], [y, b_rest @ ..]) if a.len() == b.len() => {
            let swapped = matches!((a_rest, b_rest), ([x2, ar @ ..], [y2, br @ ..]) if (x, x2) == (y2, y) && ar == br);
            a_rest == b_rest || swapped
        }
        _ => b.len() == a.len() + 1 && a == &b[1..],
    }
}

fn nearest(a: &[Day], b: &[Day]) -> Option<u32> {
    a.iter().flat_map(|x| b.iter().map(|y| x.days_since(*y).unsigned_abs() as u32)).min()
}

/// Whether both give values, and share one.
fn both<T: Ord>(a: &[T], b: &[T]) -> Option<bool> {
    (!a.is_empty() && !b.is_empty()).then(|| share(a, b))
}

fn cpv(a: &[Cpv], b: &[Cpv]) -> Option<u8> {
    let common =
        |x: &Cpv, y: &Cpv| x.as_str().bytes().zip(y.as_str().bytes()).take_while(|(x, y)| x == y).count() as u8;
    a.iter().flat_map(|x| b.iter().map(move |y| common(x, y))).max()
}

/// How the objects of two units compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Objects {
    Unknown,
    Same,
    /// Percent of the words of the shorter one that the other has too.
    Words(u32),
}

impl Objects {
    fn of(a: &Unit, b: &Unit) -> Self {
        if a.objets.is_empty() || b.objets.is_empty() {
            return Self::Unknown;
        }
        if share(&a.objets, &b.objets) || a.objets.iter().any(|x| b.objets.iter().any(|y| same_text(x, y))) {
            return Self::Same;
        }
        let (short, long) =
            if a.words().len() <= b.words().len() { (a.words(), b.words()) } else { (b.words(), a.words()) };
        let lost = || long.iter().filter(|w| w.contains(LOST)).take(MOST_LOST);
        let common = |w: &&String| {
            long.binary_search(w).is_ok()
                || lost().any(|l| same_text(w, l))
                || (w.contains(LOST) && long.iter().take(MOST_LOST).any(|l| same_text(w, l)))
        };
        let common = short.iter().filter(common).count();
        // One word in common is none: `travaux`.
        if common < 2 || short.is_empty() { Self::Words(0) } else { Self::Words((100 * common / short.len()) as u32) }
    }

    fn points(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::Same => SAME_OBJECT,
            Self::Words(75..) => 16,
            Self::Words(50..) => 10,
            Self::Words(30..) => 5,
            Self::Words(_) => 0,
        }
    }
}

/// What speaks for and against, in French, as doublons.csv and explain give it.
pub(super) fn words(a: &Unit, b: &Unit) -> String {
    let facts = facts(a, b);
    let mut said: Vec<String> = Vec::new();
    said.extend(match facts.montants {
        Montants::Unknown => None,
        Montants::Equal { plain } => {
            let amount = a.montants.iter().find(|m| **m > Money::euros(1) && b.montants.contains(m));
            let round = if plain { ", montant rond" } else { "" };
            Some(format!("même montant ({} €{round})", amount.map(Money::to_string).unwrap_or_default()))
        }
        Montants::Near(percent) => Some(format!("montants voisins à {percent} % près ({})", amounts(a, b))),
        Montants::Differ => Some(format!("montants différents ({})", amounts(a, b))),
    });
    said.extend(match facts.holders {
        Holders::Unknown => None,
        Holders::Same => Some(format!("mêmes titulaires ({})", a.holders.join(", "))),
        Holders::Shared => Some("un titulaire commun au moins".to_owned()),
        Holders::Establishment => Some(format!("même titulaire, autre établissement ({})", parties(a, b))),
        Holders::Typo => Some(format!("identifiants de titulaire à une faute de frappe près ({})", parties(a, b))),
        Holders::Named => Some("même nom de titulaire".to_owned()),
        Holders::Differ => Some(format!("titulaires différents ({})", parties(a, b))),
    });
    said.extend(facts.days.map(|days| match days {
        0 => "même date de notification".to_owned(),
        1 => "dates de notification à un jour d'écart".to_owned(),
        n => format!("dates de notification à {n} jours d'écart"),
    }));
    let months = |u: &Unit| u.durations.first().map(u32::to_string).unwrap_or_default();
    said.extend(facts.duration.map(|(same, _)| match same {
        true => format!("même durée ({} mois)", months(a)),
        false => format!("durées différentes ({} et {} mois)", months(a), months(b)),
    }));
    let first = |list: &[String]| list.first().cloned().unwrap_or_default();
    said.extend(facts.departement.map(|same| match same {
        true => format!("même département d'exécution ({})", first(&a.departements)),
        false => {
            format!("départements d'exécution différents ({} et {})", first(&a.departements), first(&b.departements))
        }
    }));
    let code = |u: &Unit| u.cpvs.first().map(Cpv::to_string).unwrap_or_default();
    said.extend(facts.cpv.map(|digits| match digits {
        8.. => format!("même code CPV ({})", code(a)),
        2..8 => format!("codes CPV proches ({} et {})", code(a), code(b)),
        _ => format!("codes CPV différents ({} et {})", code(a), code(b)),
    }));
    match Objects::of(a, b) {
        Objects::Unknown => {}
        Objects::Same => said.push("même objet".to_owned()),
        Objects::Words(0..30) => said.push("objets rédigés autrement".to_owned()),
        Objects::Words(percent) => said.push(format!("objets proches ({percent} % des mots en commun)")),
    }
    said.join(" ; ")
}

fn amounts(a: &Unit, b: &Unit) -> String {
    let text = |u: &Unit| u.montants.first().map(Money::to_string).unwrap_or_default();
    format!("{} € et {} €", text(a), text(b))
}

fn parties(a: &Unit, b: &Unit) -> String {
    let text = |u: &Unit| match u.holders.is_empty() {
        true => u.names.join(", "),
        false => u.holders.join(", "),
    };
    format!("{} / {}", text(a), text(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_is_a_letter_changed_added_left_out_or_two_swapped() {
        let slip = |a: &str, b: &str| one_slip(a.as_bytes(), b.as_bytes()) && one_slip(b.as_bytes(), a.as_bytes());
        assert!(slip("35354717900045", "35345717900045"), "two digits swapped");
        assert!(slip("35354717900045", "35354717900046"));
        assert!(slip("35354717900045", "3535471790045"));
        assert!(slip("12", "12"));
        assert!(!slip("35354717900045", "35345717900046"), "swapped, and another");
        assert!(!slip("1234", "2143"), "two pairs swapped");
        assert!(!slip("123", "1"));
    }

    #[test]
    fn an_amount_of_0_or_1_says_nothing() {
        let euros = |n| [Money::euros(n)];
        assert_eq!(montants(&euros(1), &euros(1)), Montants::Unknown);
        assert_eq!(montants(&euros(47_224), &euros(47_224)), Montants::Equal { plain: false });
        assert_eq!(montants(&euros(40_000), &euros(40_000)), Montants::Equal { plain: true });
        assert_eq!(montants(&euros(128_380), &euros(128_620)), Montants::Near(1));
        assert_eq!(montants(&euros(44_325), &euros(45_480)), Montants::Near(5));
        assert_eq!(montants(&euros(100), &euros(200)), Montants::Differ);
    }
}
