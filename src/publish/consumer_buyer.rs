//! What guichet.sqlite says about a buyer: sums over its contracts, which follow each other since a
//! uid starts with the buyer's SIRET. Pure.

use super::batch::{Item, Verdict};
use crate::record::{Day, Money, Siren, Siret};

/// Amounts from here on, in euros, are taken for mistakes and kept out of sums.
const ABERRANT: i64 = 1_000_000_000;

/// What the pages say about a buyer, summed while its contracts pass.
pub(super) struct Buyer {
    pub(super) siren: Siren,
    pub(super) siret: Option<Siret>,
    pub(super) name: Option<String>,
    pub(super) departement: Option<String>,
    pub(super) contracts: u64,
    pub(super) withdrawn: u64,
    pub(super) amount: Money,
    pub(super) first: Option<Day>,
    pub(super) last: Option<Day>,
    /// When what stands in `siret` and `name` was notified.
    siret_day: Option<Day>,
    name_day: Option<Day>,
}

impl Buyer {
    /// Nothing known yet.
    pub(super) fn new(siren: Siren) -> Self {
        Self {
            siren,
            siret: None,
            name: None,
            departement: None,
            contracts: 0,
            withdrawn: 0,
            amount: Money::euros(0),
            first: None,
            last: None,
            siret_day: None,
            name_day: None,
        }
    }
    /// Adds a contract; says whether its SIRET is another than before.
    pub(super) fn add(&mut self, item: &Item) -> bool {
        let (c, r) = (&item.contract, &item.contract.record);
        let notified = r.date_notification;
        if item.verdict == Verdict::Withdrawn {
            self.withdrawn += 1;
        } else {
            self.contracts += 1;
            let amount = c.current.montant.filter(|m| *m < Money::euros(ABERRANT));
            // A sum beyond 28 digits stays what it was.
            let sum = amount.and_then(|m| self.amount.decimal().checked_add(m.decimal()));
            self.amount = sum.map_or(self.amount, Money::new);
            self.first = [self.first, notified].into_iter().flatten().min();
            self.last = [self.last, notified].into_iter().flatten().max();
        }
        if let Some(name) = item.buyer_name()
            && (self.name.is_none() || notified > self.name_day)
        {
            (self.name, self.name_day) = (Some(name.to_owned()), notified);
        }
        let other = self.siret != Some(r.acheteur);
        if self.siret.is_none() || notified > self.siret_day {
            (self.siret, self.siret_day) = (Some(r.acheteur), notified);
            let departement = item.seat.as_ref().and_then(|s| s.departement.as_ref());
            self.departement = departement.map(|d| d.0.to_string());
        }
        other
    }
}
