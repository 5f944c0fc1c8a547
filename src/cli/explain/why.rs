//! Why the value of a field won: which of the rules of records.md §5 decided.

use crate::merge::{self, Criterion, Rank, Rules};
use crate::record::{Contract, Field, ObservationIndex, Record};

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The contract has one observation.
    OnlyObservation,
    /// No other observation has a usable value.
    OnlyValue,
    /// All that have a value say the same.
    Agreed,
    /// The observations before it in the order lack an amount or holders.
    Valid,
    /// Taken from an observation that agrees with the winner on amount and holders.
    Filled,
    /// Lists are united over the observations.
    United,
    /// Decided between this and the next best.
    Order(Criterion),
    /// Of the coupled fields, together from one winner, which this criterion chose.
    Coupled(Criterion),
}

impl Why {
    /// For JSON.
    pub(super) fn code(self) -> String {
        match self {
            Self::OnlyObservation => "only-observation".to_owned(),
            Self::OnlyValue => "only-value".to_owned(),
            Self::Agreed => "agreed".to_owned(),
            Self::Valid => "valid".to_owned(),
            Self::Filled => "filled".to_owned(),
            Self::United => "united".to_owned(),
            Self::Order(c) => c.name().to_owned(),
            Self::Coupled(c) => format!("coupled:{}", c.name()),
        }
    }

    /// For people.
    pub(super) fn text(self) -> String {
        match self {
            Self::OnlyObservation => "the only observation".to_owned(),
            Self::OnlyValue => "the only one with a usable value".to_owned(),
            Self::Agreed => "all that have one agree".to_owned(),
            Self::Valid => "valid: those before it lack an amount or holders".to_owned(),
            Self::Filled => "fills a gap: agrees with the winner on amount and holders".to_owned(),
            Self::United => "united over the observations".to_owned(),
            Self::Order(c) => words(c).to_owned(),
            Self::Coupled(c) => {
                format!("{}; amount, duration, price, offers, holders and notification come together", words(c))
            }
        }
    }
}

/// What a criterion says of the winner.
pub(super) fn words(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::SpeaksForBuyer => "its source speaks for the buyer",
        Criterion::Authority => "its source has the stronger authority",
        Criterion::EffectiveDate => "newer effective date",
        Criterion::MoreFields => "more valid fields",
        Criterion::Place => "first by source, resource, position",
    }
}

/// What it says of a loser.
pub(super) fn against(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::SpeaksForBuyer => "its source does not speak for the buyer",
        Criterion::Authority => "its source has the weaker authority",
        Criterion::EffectiveDate => "older effective date",
        Criterion::MoreFields => "fewer valid fields",
        Criterion::Place => "later by source, resource, position",
    }
}

/// A current observation, as the order sees it.
pub(super) struct Voice<'a> {
    pub index: ObservationIndex,
    pub rank: Rank,
    pub record: &'a Record,
}

/// The current observations of a contract in winning order.
pub(super) struct Voices<'a> {
    pub ordered: Vec<Voice<'a>>,
    pub rules: Rules,
}

/// Fields whose lines are united.
const UNITED: [Field; 3] = [Field::Modifications, Field::ActesSousTraitance, Field::ModificationsActesSousTraitance];

impl<'a> Voices<'a> {
    pub(super) fn new(mut voices: Vec<Voice<'a>>, rules: Rules) -> Self {
        // The index of an observation is its rank by place.
        voices.sort_by(|a, b| a.rank.compare(&b.rank, &rules).0.then(a.index.cmp(&b.index)));
        Self { ordered: voices, rules }
    }

    fn get(&self, index: ObservationIndex) -> Option<&Voice<'a>> {
        self.ordered.iter().find(|v| v.index == index)
    }

    /// What made `winner` win over `loser`.
    pub(super) fn criterion(&self, winner: ObservationIndex, loser: ObservationIndex) -> Criterion {
        match (self.get(winner), self.get(loser)) {
            (Some(w), Some(l)) => w.rank.compare(&l.rank, &self.rules).1,
            _ => Criterion::Place,
        }
    }

    /// The observation that the coupled fields come from: all that it has of them are its own.
    pub(super) fn lead(&self, contract: &Contract) -> Option<ObservationIndex> {
        let from = |field: Field| contract.provenance.iter().find(|(f, _)| *f == field).map(|(_, i)| *i);
        let leads = |v: &&Voice<'_>| {
            let mut own = Field::COUPLED.iter().filter(|f| merge::declares(v.record, **f)).peekable();
            own.peek().is_some() && own.all(|f| from(*f) == Some(v.index))
        };
        self.ordered.iter().find(leads).map(|v| v.index)
    }

    /// Why the value of `field` comes from `winner`.
    pub(super) fn why(&self, contract: &Contract, field: Field, winner: ObservationIndex) -> Why {
        let united = UNITED.contains(&field)
            || (field == Field::Titulaires && contract.titulaires_from.iter().any(|i| *i != winner));
        if united && self.ordered.len() > 1 {
            return Why::United;
        }
        if self.ordered.len() < 2 {
            return Why::OnlyObservation;
        }
        let mut others =
            self.ordered.iter().filter(|v| v.index != winner && merge::declares(v.record, field)).peekable();
        let coupled = Field::COUPLED.contains(&field);
        let lead = self.lead(contract);
        if coupled && lead.is_some_and(|lead| lead != winner) {
            return Why::Filled;
        }
        let Some(next) = others.peek() else { return Why::OnlyValue };
        if !contract.conflicts.iter().any(|c| c.field == field) {
            return Why::Agreed;
        }
        let first = self.ordered.first().map(|v| v.index);
        match coupled {
            true if first != Some(winner) => Why::Valid,
            true => Why::Coupled(self.criterion(winner, next.index)),
            false => Why::Order(self.criterion(winner, next.index)),
        }
    }

    /// Why a value lost: for a person, and as a code.
    pub(super) fn lost(
        &self,
        contract: &Contract,
        field: Field,
        winner: Option<ObservationIndex>,
        loser: ObservationIndex,
    ) -> (String, String) {
        let coupled = Field::COUPLED.contains(&field);
        let winner = match (coupled, self.lead(contract)) {
            (true, Some(lead)) => Some(lead),
            _ => winner,
        };
        match winner {
            None => {
                ("no observation agrees with the winner on amount and holders".to_owned(), "no-agreement".to_owned())
            }
            Some(winner) if coupled && self.first() != Some(winner) && self.before(loser, winner) => {
                ("lacks an amount or holders".to_owned(), "not-valid".to_owned())
            }
            Some(winner) => {
                let criterion = self.criterion(winner, loser);
                (against(criterion).to_owned(), criterion.name().to_owned())
            }
        }
    }

    fn first(&self) -> Option<ObservationIndex> {
        self.ordered.first().map(|v| v.index)
    }

    fn before(&self, a: ObservationIndex, b: ObservationIndex) -> bool {
        let place = |i| self.ordered.iter().position(|v| v.index == i);
        place(a) < place(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Authority;
    use crate::record::{Conflict, Day, Kind, LocalId, Money, Siret, Uid};

    fn rank(effective: &str, authority: Authority) -> Rank {
        Rank { speaks: false, authority, effective: effective.parse::<Day>().ok(), filled: 3 }
    }

    fn record(montant: i64) -> Record {
        let mut r = Record::new(Kind::Marche, Siret::parse("21310555400017").unwrap(), LocalId::new("1").unwrap());
        r.montant = Some(Money::euros(montant));
        r.objet = Some(format!("Travaux {montant}"));
        r
    }

    fn contract(record: &Record, from: ObservationIndex) -> Contract {
        Contract {
            uid: Uid::new(&record.acheteur, &record.id),
            record: record.clone(),
            current: Default::default(),
            only_2019: false,
            observations: Vec::new(),
            provenance: vec![(Field::Objet, from), (Field::Montant, from)],
            titulaires_from: Vec::new(),
            modifications_from: Vec::new(),
            actes_from: Vec::new(),
            modifications_actes_from: Vec::new(),
            conflicts: [Field::Objet, Field::Montant].map(|field| Conflict { field, values: Vec::new() }).to_vec(),
            findings: Vec::new(),
            region: Default::default(),
            withdrawn: false,
            joins: Vec::new(),
            doubles: Vec::new(),
        }
    }

    #[test]
    fn the_first_criterion_that_differs_is_named() {
        let (old, new) = (record(1), record(2));
        let voices = |ranks: [Rank; 2]| {
            let [a, b] = ranks;
            Voices::new(
                vec![Voice { index: 0, rank: a, record: &old }, Voice { index: 1, rank: b, record: &new }],
                Rules::default(),
            )
        };
        let newer = voices([rank("2024-01-01", Authority::Platform), rank("2024-06-01", Authority::Platform)]);
        let c = contract(&new, 1);
        assert_eq!(newer.why(&c, Field::Objet, 1), Why::Order(Criterion::EffectiveDate));
        assert_eq!(newer.why(&c, Field::Montant, 1), Why::Coupled(Criterion::EffectiveDate));
        assert_eq!(newer.lost(&c, Field::Objet, Some(1), 0).1, "effective-date");
        let stronger = voices([rank("2024-01-01", Authority::Platform), rank("2024-06-01", Authority::Scrape)]);
        assert_eq!(stronger.why(&contract(&old, 0), Field::Objet, 0), Why::Order(Criterion::Authority));
        let same = voices([rank("2024-01-01", Authority::Platform); 2]);
        assert_eq!(same.why(&contract(&old, 0), Field::Objet, 0), Why::Order(Criterion::Place));
    }

    #[test]
    fn one_observation_needs_no_reason_and_agreement_is_told() {
        let r = record(1);
        let one = Voices::new(
            vec![Voice { index: 0, rank: rank("2024-01-01", Authority::Platform), record: &r }],
            Rules::default(),
        );
        let mut c = contract(&r, 0);
        assert_eq!(one.why(&c, Field::Objet, 0), Why::OnlyObservation);
        let two = |index| Voice { index, rank: rank("2024-01-01", Authority::Platform), record: &r };
        c.conflicts.clear();
        assert_eq!(Voices::new(vec![two(0), two(1)], Rules::default()).why(&c, Field::Objet, 0), Why::Agreed);
    }
}
