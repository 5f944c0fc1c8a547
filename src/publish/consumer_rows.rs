//! The rows of one contract in guichet.sqlite: which value goes into which column.
//!
//! Knows the tables of [`super::consumer_schema`]; opens, counts and closes nothing.

use rusqlite::{CachedStatement, Connection, ToSql};

use super::batch::{Item, Numbered, Verdict};
use super::consumer_buyer::Buyer;
use super::consumer_db::State;
use super::contract_json::{write_conflict_values, write_provenance};
use super::input::Seat;
use super::json;
use super::tabular::{category, double, joined, siret, states};
use crate::record::*;

/// The statements that write rows, prepared once and kept by the connection.
pub(super) struct Statements<'c> {
    contrats: CachedStatement<'c>,
    titulaires: CachedStatement<'c>,
    modifications: CachedStatement<'c>,
    actes: CachedStatement<'c>,
    modifications_actes: CachedStatement<'c>,
    donnees: CachedStatement<'c>,
    tarifs: CachedStatement<'c>,
    observations: CachedStatement<'c>,
    conflits: CachedStatement<'c>,
    constats: CachedStatement<'c>,
    acheteurs: CachedStatement<'c>,
    sieges: CachedStatement<'c>,
    alias: CachedStatement<'c>,
}

/// Binds the values of a row from left to right, then inserts it.
struct Bind<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    column: usize,
}

impl<'s, 'c> Bind<'s, 'c> {
    fn new(statement: &'s mut CachedStatement<'c>) -> Self {
        Self { statement, column: 0 }
    }
    fn put(&mut self, value: impl ToSql) -> rusqlite::Result<&mut Self> {
        self.column += 1;
        self.statement.raw_bind_parameter(self.column, value)?;
        Ok(self)
    }
    fn int(&mut self, value: impl TryInto<i64>) -> rusqlite::Result<&mut Self> {
        self.put(sql_integer(value))
    }
    fn day(&mut self, value: Option<Day>) -> rusqlite::Result<&mut Self> {
        match value {
            None => self.put(None::<&str>),
            Some(day) => {
                let mut text = Vec::with_capacity(10);
                json::day(&mut text, day);
                self.put(std::str::from_utf8(&text).unwrap_or_default())
            }
        }
    }
    fn money(&mut self, value: Option<Money>) -> rusqlite::Result<&mut Self> {
        self.put(value.map(double))
    }
    fn insert(&mut self) -> rusqlite::Result<()> {
        self.statement.raw_execute().map(|_| ())
    }
}

/// SQLite's integers are signed; no count comes near their end.
pub(super) fn sql_integer(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn json_text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

impl<'c> Statements<'c> {
    /// From the cache of the connection.
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let insert = |table: &str, columns: usize| {
            let marks = vec!["?"; columns].join(",");
            connection.prepare_cached(&format!("INSERT INTO {table} VALUES ({marks})"))
        };
        Ok(Self {
            contrats: insert("contrats", 51)?,
            titulaires: insert("titulaires", 8)?,
            modifications: insert("modifications", 13)?,
            actes: insert("actes_sous_traitance", 12)?,
            modifications_actes: insert("modifications_actes", 8)?,
            donnees: insert("donnees_execution", 4)?,
            tarifs: insert("tarifs", 5)?,
            observations: insert("observations", 8)?,
            conflits: insert("conflits", 4)?,
            constats: insert("constats", 7)?,
            acheteurs: insert("acheteurs", 9)?,
            sieges: connection.prepare_cached("INSERT OR IGNORE INTO sieges VALUES (?,?,?,?,?,?,?,?,?,?)")?,
            alias: connection.prepare_cached("INSERT OR IGNORE INTO alias VALUES (?,?)")?,
        })
    }

    /// The row of the contract itself.
    pub(super) fn contract(&mut self, state: &mut State, one: &Numbered<'_>) -> rusqlite::Result<()> {
        let (c, r) = (&one.item.contract, &one.item.contract.record);
        let mut row = Bind::new(&mut self.contrats);
        let siren = r.acheteur.siren();
        let departement = one.item.seat.as_ref().and_then(|s| s.departement.as_ref());
        row.int(one.number)?
            .put(c.uid.as_str())?
            .put(r.kind.name())?
            .put(one.item.verdict == Verdict::Withdrawn)?
            .put(c.only_2019)?
            .put(r.id.as_str())?
            .put(r.acheteur.as_str())?
            .put(siren.as_str())?
            .put(one.item.buyer_name())?
            .put(departement.map(|d| &*d.0))?;
        described(&mut row, r, state.day)?;
        row.money(c.current.montant)?.put(c.current.duree_mois)?;
        row.put(some(&holder_names(one.item)))?;
        let winner = c.observations.get(one.item.winner);
        let numbers = winner.map(|w| state.numbers(&w.source, &w.resource));
        row.put(numbers.map(|n| sql_integer(n.0)))?.put(numbers.map(|n| sql_integer(n.1)))?;
        row.put(some(&c.region.reasons.join(", ")))?;
        let several = c.observations.len() > 1;
        row.put(several.then(|| json_text(|out| write_provenance(out, &c.provenance))))?;
        row.int(one.offset)?.int(one.line.len().saturating_sub(1))?.insert()
    }

    /// The holders of each state that declares some, and the modifications. Says how many rows of
    /// the view `decp` these make.
    pub(super) fn holders(&mut self, state: &mut State, one: &Numbered<'_>) -> rusqlite::Result<u64> {
        let c = &one.item.contract;
        let mut lines = 0;
        for s in states(&c.record, state.day) {
            lines += s.holders.len().max(1) as u64;
            let modification = (s.rank as usize).checked_sub(1);
            let from = modification.and_then(|i| c.modifications_from.get(i)).copied();
            if s.holders_rank == s.rank {
                for (rank, h) in s.holders.iter().enumerate() {
                    let from = from.or_else(|| c.titulaires_from.get(rank).copied());
                    self.holder(one, s.rank, rank, h, from)?;
                }
            }
            let Some(m) = modification.and_then(|i| c.record.modifications.get(i)) else {
                continue;
            };
            let mut row = Bind::new(&mut self.modifications);
            row.int(one.number)?.int(s.rank)?.put(m.id)?.put(m.objet.as_deref())?;
            row.day(m.date)?.day(m.date_publication)?.put(m.duree_mois)?.money(m.montant)?;
            row.put(s.duree_mois)?.money(s.duree_restante)?.money(s.montant)?;
            row.int(s.holders_rank)?.put(from)?.insert()?;
        }
        Ok(lines)
    }

    fn holder(
        &mut self,
        one: &Numbered<'_>,
        etat: u32,
        rank: usize,
        holder: &Holder,
        from: Option<u32>,
    ) -> rusqlite::Result<()> {
        let siret = siret(holder);
        let siren = siret.map(|s| s.siren());
        let mut row = Bind::new(&mut self.titulaires);
        row.int(one.number)?.int(etat)?.int(rank)?.put(holder.id_type.map(IdType::label))?;
        row.put(holder.id.as_deref())?.put(siren.as_ref().map(Siren::as_str))?;
        row.put(holder.name.as_deref())?.put(from)?.insert()?;
        match siret.and_then(|s| Some((s, one.item.holder_seat(&s.siren())?))) {
            Some((siret, seat)) => self.seat(&siret, seat),
            None => Ok(()),
        }
    }

    /// Everything else that hangs on the contract.
    pub(super) fn children(&mut self, state: &mut State, one: &Numbered<'_>) -> rusqlite::Result<()> {
        let (n, c) = (one.number, &one.item.contract);
        self.observations(state, n, c)?;
        self.actes(n, c)?;
        for (rank, d) in c.record.donnees_execution.iter().enumerate() {
            let mut row = Bind::new(&mut self.donnees);
            row.int(n)?.int(rank)?.day(d.date_publication)?;
            row.money(d.depenses_investissement)?.insert()?;
            for (i, t) in d.tarifs.iter().enumerate() {
                let mut row = Bind::new(&mut self.tarifs);
                row.int(n)?.int(rank)?.int(i)?.put(t.intitule.as_deref())?;
                row.money(t.tarif)?.insert()?;
            }
        }
        for (rank, conflict) in c.conflicts.iter().enumerate() {
            let values = json_text(|out| write_conflict_values(out, conflict));
            let mut row = Bind::new(&mut self.conflits);
            row.int(n)?.int(rank)?.put(conflict.field.name())?.put(values)?.insert()?;
        }
        for (rank, (f, from)) in c.findings.iter().enumerate() {
            let mut row = Bind::new(&mut self.constats);
            row.int(n)?.int(rank)?.put(&*f.code)?.put(&*f.field)?.put(f.value.as_str())?;
            row.put(f.severity.name())?.int(*from)?.insert()?;
        }
        Ok(())
    }

    fn observations(&mut self, state: &mut State, n: u64, c: &Contract) -> rusqlite::Result<()> {
        let mut counted: Option<usize> = None;
        for (rank, o) in c.observations.iter().enumerate() {
            let (source, resource) = state.numbers(&o.source, &o.resource);
            if let Some([contracts, observations]) = state.per_source.get_mut(source) {
                *observations += 1;
                // Observations are sorted by source.
                *contracts += u64::from(counted.replace(source) != Some(source));
            }
            let mut row = Bind::new(&mut self.observations);
            row.int(n)?.int(rank)?.int(source)?.int(resource)?.int(o.position)?;
            row.put(o.acheteur_id.as_str())?.put(o.id.as_str())?.day(o.published)?.insert()?;
            let uid = c.uid.as_str();
            if uid.strip_prefix(o.acheteur_id.as_str()) != Some(o.id.as_str()) {
                let mut row = Bind::new(&mut self.alias);
                row.put(format!("{}{}", o.acheteur_id, o.id))?.int(n)?.insert()?;
            }
        }
        Ok(())
    }

    fn actes(&mut self, n: u64, c: &Contract) -> rusqlite::Result<()> {
        for (rank, a) in c.record.actes.iter().enumerate() {
            let h = &a.sous_traitant;
            let mut row = Bind::new(&mut self.actes);
            row.int(n)?.int(rank)?.put(a.id)?.put(h.id_type.map(IdType::label))?;
            row.put(h.id.as_deref())?.put(h.name.as_deref())?.put(a.duree_mois)?;
            row.day(a.date)?.day(a.date_publication)?.money(a.montant)?;
            row.put(a.variation_prix.map(VariationPrix::label))?;
            row.put(c.actes_from.get(rank).copied())?.insert()?;
        }
        for (rank, m) in c.record.modifications_actes.iter().enumerate() {
            let mut row = Bind::new(&mut self.modifications_actes);
            row.int(n)?.int(rank)?.put(m.id)?.put(m.duree_mois)?.day(m.date)?;
            row.day(m.date_publication)?.money(m.montant)?;
            row.put(c.modifications_actes_from.get(rank).copied())?.insert()?;
        }
        Ok(())
    }

    /// The seat of a buyer or holder; a second time changes nothing.
    pub(super) fn seat(&mut self, siret: &Siret, seat: &Seat) -> rusqlite::Result<()> {
        let mut row = Bind::new(&mut self.sieges);
        row.put(siret.as_str())?;
        for pair in [&seat.commune, &seat.departement, &seat.region] {
            row.put(pair.as_ref().map(|p| &*p.0))?.put(pair.as_ref().map(|p| &*p.1))?;
        }
        row.put(seat.name.as_deref())?.put(seat.category)?.put(seat.size)?.insert()
    }

    /// The row of a buyer whose contracts have all come.
    pub(super) fn buyer(&mut self, buyer: &Buyer) -> rusqlite::Result<()> {
        let mut row = Bind::new(&mut self.acheteurs);
        row.put(buyer.siren.as_str())?.put(buyer.siret.as_ref().map(Siret::as_str))?;
        row.put(buyer.name.as_deref())?.put(buyer.departement.as_deref())?;
        row.int(buyer.contracts)?.int(buyer.withdrawn)?.money(Some(buyer.amount))?;
        row.day(buyer.first)?.day(buyer.last)?.insert()
    }
}

/// The columns from `nature` to `origineFrance`.
fn described(row: &mut Bind<'_, '_>, r: &Record, day: Day) -> rusqlite::Result<()> {
    let place = r.lieu.as_ref();
    let left = states(r, day).next().and_then(|s| s.duree_restante);
    row.put(r.nature.map(Nature::label))?
        .put(r.nature_2019.map(Nature2019::label))?
        .put(r.objet.as_deref())?
        .put(r.cpv.as_ref().map(Cpv::as_str))?
        .put(r.cpv.as_ref().map(category))?
        .put(r.procedure.map(Procedure::label))?
        .put(some(&joined(&r.techniques, Technique::label)))?
        .put(some(&joined(&r.modalites, Modalite::label)))?
        .put(r.id_accord_cadre.as_deref())?
        .put(place.and_then(|p| p.code.as_deref()))?
        .put(place.and_then(|p| p.kind).map(PlaceType::label))?
        .put(place.and_then(|p| p.name.as_deref()))?
        .put(r.duree_mois)?
        .money(left)?
        .day(r.date_notification)?
        .day(r.date_publication)?
        .day(r.date_debut_execution)?
        .money(r.montant)?
        .money(r.montant_subvention)?
        .put(r.forme_prix.map(FormePrix::label))?
        .put(some(&joined(&r.types_prix, TypePrix::label)))?
        .put(some(&joined(&r.considerations_sociales, ConsiderationSociale::label)))?
        .put(some(&joined(&r.considerations_environnementales, ConsiderationEnvironnementale::label)))?
        .put(r.marche_innovant)?
        .put(r.attribution_avance)?
        .money(r.taux_avance)?
        .put(r.sous_traitance_declaree)?
        .put(r.ccag.map(Ccag::label))?
        .put(r.offres_recues)?
        .put(r.groupement.map(Groupement::label))?
        .money(r.origine_ue)?
        .money(r.origine_france)
        .map(|_| ())
}

/// The holders of the present state: the register's name, else the declared one, else the identifier.
fn holder_names(item: &Item) -> String {
    let holders = &item.contract.current.titulaires;
    let told = |h: &Holder| h.siren().and_then(|s| item.holder_seat(&s)).and_then(|seat| seat.name.as_deref());
    let name = |h: &'_ Holder| told(h).or(h.name.as_deref()).or(h.id.as_deref()).map(str::to_owned);
    let names: Vec<String> = holders.iter().filter_map(name).collect();
    names.join(", ")
}
