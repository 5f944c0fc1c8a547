//! The rows of the national tabular dataset (facts of its schema in `docs/`): contract × state ×
//! holder. CSV, Parquet and the view `decp` of guichet.sqlite are this one model.
//!
//! State 0 is the contract as first declared; each modification makes a further state that changes
//! what it declares and carries the rest forward. Pure: no file, no SQL.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use super::batch::Item;
use super::catalog::Catalog;
use super::input::Seat;
use crate::record::*;

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// UTF-8.
    Text,
    /// Whole number of 32 bits.
    Integer,
    /// Exact decimal; a double where a format has none.
    Number,
    /// true or false.
    Boolean,
    /// Calendar day.
    Date,
}

/// The columns, in the order of the national dataset.
pub(super) const COLUMNS: &[(&str, Kind)] = &[
    ("uid", Kind::Text),
    ("id", Kind::Text),
    ("nature", Kind::Text),
    ("acheteur_id", Kind::Text),
    ("acheteur_nom", Kind::Text),
    ("titulaire_id", Kind::Text),
    ("titulaire_typeIdentifiant", Kind::Text),
    ("titulaire_nom", Kind::Text),
    ("objet", Kind::Text),
    ("montant", Kind::Number),
    ("type", Kind::Text),
    ("codeCPV", Kind::Text),
    ("procedure", Kind::Text),
    ("techniques", Kind::Text),
    ("dureeMois", Kind::Integer),
    ("dureeRestanteMois", Kind::Number),
    ("offresRecues", Kind::Integer),
    ("dateNotification", Kind::Date),
    ("datePublicationDonnees", Kind::Date),
    ("formePrix", Kind::Text),
    ("typesPrix", Kind::Text),
    ("attributionAvance", Kind::Boolean),
    ("tauxAvance", Kind::Number),
    ("marcheInnovant", Kind::Boolean),
    ("modalitesExecution", Kind::Text),
    ("considerationsSociales", Kind::Text),
    ("considerationsEnvironnementales", Kind::Text),
    ("ccag", Kind::Text),
    ("sousTraitanceDeclaree", Kind::Boolean),
    ("typeGroupementOperateurs", Kind::Text),
    ("origineUE", Kind::Number),
    ("origineFrance", Kind::Number),
    ("lieuExecution_code", Kind::Text),
    ("lieuExecution_typeCode", Kind::Text),
    ("idAccordCadre", Kind::Text),
    ("titulaire_distance", Kind::Integer),
    ("acheteur_categorie", Kind::Text),
    ("acheteur_commune_code", Kind::Text),
    ("acheteur_commune_nom", Kind::Text),
    ("acheteur_departement_code", Kind::Text),
    ("acheteur_departement_nom", Kind::Text),
    ("acheteur_region_code", Kind::Text),
    ("acheteur_region_nom", Kind::Text),
    ("acheteur_latitude", Kind::Number),
    ("acheteur_longitude", Kind::Number),
    ("titulaire_categorie", Kind::Text),
    ("titulaire_commune_code", Kind::Text),
    ("titulaire_commune_nom", Kind::Text),
    ("titulaire_departement_code", Kind::Text),
    ("titulaire_departement_nom", Kind::Text),
    ("titulaire_region_code", Kind::Text),
    ("titulaire_region_nom", Kind::Text),
    ("titulaire_latitude", Kind::Number),
    ("titulaire_longitude", Kind::Number),
    ("modification_id", Kind::Integer),
    ("donneesActuelles", Kind::Boolean),
    ("sourceDataset", Kind::Text),
    ("sourceFile", Kind::Text),
];

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// Not known.
    Empty,
    /// For [`Kind::Text`].
    Text(&'a str),
    /// For [`Kind::Integer`].
    Integer(u32),
    /// For [`Kind::Number`].
    Number(Money),
    /// For [`Kind::Boolean`].
    Boolean(bool),
    /// For [`Kind::Date`].
    Date(Day),
}

/// A state of a contract: what its row says about amount, duration, dates and holders.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'a> {
    /// 0 = as first declared; then 1, 2… in the order of the modifications.
    pub(super) rank: u32,
    /// € without tax.
    pub(super) montant: Option<Money>,
    /// Months, counted from the contract's notification.
    pub(super) duree_mois: Option<u32>,
    /// Months left at the day of the publication.
    pub(super) duree_restante: Option<Money>,
    /// Of the notification of this state.
    pub(super) date_notification: Option<Day>,
    /// Of the publication of this state.
    pub(super) date_publication: Option<Day>,
    /// Who holds the contract.
    pub(super) holders: &'a [Holder],
    /// The state that declared these holders.
    pub(super) holders_rank: u32,
    /// Whether this is the present state.
    pub(super) current: bool,
}

/// Every state of a contract, the first declared one first.
pub(super) fn states(record: &Record, day: Day) -> impl Iterator<Item = State<'_>> {
    let last = record.modifications.len();
    let left = move |months| months_left(record.date_notification, months, day);
    let first = State {
        rank: 0,
        montant: record.montant,
        duree_mois: record.duree_mois,
        duree_restante: left(record.duree_mois),
        date_notification: record.date_notification,
        date_publication: record.date_publication,
        holders: &record.titulaires,
        holders_rank: 0,
        current: last == 0,
    };
    let later = record.modifications.iter().scan(first, move |state, m| {
        state.rank += 1;
        state.montant = m.montant.or(state.montant);
        if m.duree_mois.is_some() {
            state.duree_mois = m.duree_mois;
            state.duree_restante = left(m.duree_mois);
        }
        (state.date_notification, state.date_publication) = (m.date, m.date_publication);
        if !m.titulaires.is_empty() {
            (state.holders, state.holders_rank) = (&m.titulaires, state.rank);
        }
        state.current = state.rank as usize == last;
        Some(*state)
    });
    std::iter::once(first).chain(later)
}

/// Months between the day of the publication and the end of the contract, rounded to a tenth, never
/// below 0. `None` where the notification or the duration is not known, or no calendar has the end.
fn months_left(notified: Option<Day>, months: Option<u32>, day: Day) -> Option<Money> {
    let span = jiff::Span::new().try_months(i64::from(months?)).ok()?;
    let end = Day::new(notified?.date().checked_add(span).ok()?);
    let days = end.days_since(day).max(0);
    // A month is 365.2425 / 12 days; half a tenth rounds up.
    let tenths = (days * 1_200_000 + 3_652_425 / 2) / 3_652_425;
    Some(Money::new(Decimal::new(tenths, 1)))
}

/// The double nearest to an exact decimal, as [`Money::to_f64`] gives it, without a detour by text
/// where both parts are exact as doubles: then one division rounds once.
pub(super) fn double(value: Money) -> f64 {
    const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
    let decimal = value.decimal();
    let mantissa = i64::try_from(decimal.mantissa()).ok().filter(|m| m.abs() < 1 << 53);
    match (mantissa, POWERS.get(decimal.scale() as usize)) {
        (Some(mantissa), Some(power)) => mantissa as f64 / power,
        _ => value.to_f64(),
    }
}

/// Travaux, Fournitures or Services, by the division of the CPV code.
pub(super) fn category(cpv: &Cpv) -> &'static str {
    match cpv.division() {
        "45" => "Travaux",
        division if division < "50" => "Fournitures",
        _ => "Services",
    }
}

/// What all rows of a contract share, worked out once.
pub(super) struct Common {
    techniques: String,
    types_prix: String,
    modalites: String,
    sociales: String,
    environnementales: String,
}

/// Joins labels with `, `; empty when there is none.
pub(super) fn joined<T: Copy>(values: &[T], label: fn(T) -> &'static str) -> String {
    let mut out = String::new();
    for value in values {
        if !out.is_empty() {
            out.push_str(", ");
        }
        // Writing into memory cannot fail.
        let _ = out.write_str(label(*value));
    }
    out
}

/// One row.
pub(super) struct Row<'a> {
    item: &'a Item,
    common: &'a Common,
    state: State<'a>,
    holder: Option<&'a Holder>,
    holder_seat: Option<&'a Seat>,
    source: Option<&'a str>,
    url: Option<&'a str>,
}

/// Calls `each` for every row of a contract.
pub(super) fn rows<E>(
    item: &Item,
    catalog: &Catalog,
    day: Day,
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<u64, E> {
    let r = &item.contract.record;
    let common = Common {
        techniques: joined(&r.techniques, Technique::label),
        types_prix: joined(&r.types_prix, TypePrix::label),
        modalites: joined(&r.modalites, Modalite::label),
        sociales: joined(&r.considerations_sociales, ConsiderationSociale::label),
        environnementales: joined(&r.considerations_environnementales, ConsiderationEnvironnementale::label),
    };
    let winner = item.contract.observations.get(item.winner);
    let url = winner.and_then(|w| catalog.resource(&w.source, &w.resource)).map(|r| r.url.as_str());
    let mut written = 0;
    for state in states(r, day) {
        // A state without holder is a row too: nothing that was declared may vanish.
        let holders = state.holders.iter().map(Some).chain(state.holders.is_empty().then_some(None));
        for holder in holders {
            each(&Row {
                item,
                common: &common,
                state,
                holder,
                holder_seat: holder.and_then(Holder::siren).and_then(|s| item.holder_seat(&s)),
                source: winner.map(|w| w.source.as_str()),
                url,
            })?;
            written += 1;
        }
    }
    Ok(written)
}

/// The SIRET of a holder that is identified by one.
pub(super) fn siret(holder: &Holder) -> Option<Siret> {
    match holder.id_type {
        Some(IdType::Siret) | None => Siret::parse(holder.id.as_deref()?),
        Some(_) => None,
    }
}

fn text(value: Option<&str>) -> Cell<'_> {
    value.filter(|v| !v.is_empty()).map_or(Cell::Empty, Cell::Text)
}
fn integer<'a>(value: Option<u32>) -> Cell<'a> {
    value.map_or(Cell::Empty, Cell::Integer)
}
fn number<'a>(value: Option<Money>) -> Cell<'a> {
    value.map_or(Cell::Empty, Cell::Number)
}
fn boolean<'a>(value: Option<bool>) -> Cell<'a> {
    value.map_or(Cell::Empty, Cell::Boolean)
}
fn date<'a>(value: Option<Day>) -> Cell<'a> {
    value.map_or(Cell::Empty, Cell::Date)
}

impl Row<'_> {
    /// Whether it shows the present state.
    pub(super) fn is_current(&self) -> bool {
        self.state.current
    }
    /// The year in which its contract was notified.
    pub(super) fn contract_year(&self) -> Option<i16> {
        self.item.contract.record.date_notification.map(Day::year)
    }
    /// Every cell, in the order of [`COLUMNS`].
    pub(super) fn cells(&self) -> [Cell<'_>; COLUMNS.len()] {
        let (contract, state) = (&self.item.contract, &self.state);
        let r = &contract.record;
        let place = r.lieu.as_ref();
        let [b0, b1, b2, b3, b4, b5] = seat(self.item.seat.as_deref());
        let [h0, h1, h2, h3, h4, h5] = seat(self.holder_seat);
        let holder_name = self.holder_seat.and_then(|s| s.name.as_deref());
        let none = Cell::Empty;
        [
            Cell::Text(contract.uid.as_str()),
            Cell::Text(r.id.as_str()),
            text(r.nature.map(Nature::label)),
            Cell::Text(r.acheteur.as_str()),
            text(self.item.buyer_name()),
            text(self.holder.and_then(|h| h.id.as_deref())),
            text(self.holder.and_then(|h| h.id_type).map(IdType::label)),
            text(holder_name.or(self.holder.and_then(|h| h.name.as_deref()))),
            text(r.objet.as_deref()),
            number(state.montant),
            text(r.cpv.as_ref().map(category)),
            text(r.cpv.as_ref().map(Cpv::as_str)),
            text(r.procedure.map(Procedure::label)),
            text(Some(&self.common.techniques)),
            integer(state.duree_mois),
            number(state.duree_restante),
            integer(r.offres_recues),
            date(state.date_notification),
            date(state.date_publication),
            text(r.forme_prix.map(FormePrix::label)),
            text(Some(&self.common.types_prix)),
            boolean(r.attribution_avance),
            number(r.taux_avance),
            boolean(r.marche_innovant),
            text(Some(&self.common.modalites)),
            text(Some(&self.common.sociales)),
            text(Some(&self.common.environnementales)),
            text(r.ccag.map(Ccag::label)),
            boolean(r.sous_traitance_declaree),
            text(r.groupement.map(Groupement::label)),
            number(r.origine_ue),
            number(r.origine_france),
            text(place.and_then(|p| p.code.as_deref())),
            text(place.and_then(|p| p.kind).map(PlaceType::label)),
            text(r.id_accord_cadre.as_deref()),
            none, // titulaire_distance: no geocoded register
            text(self.item.seat.as_ref().and_then(|s| s.category)),
            b0,
            b1,
            b2,
            b3,
            b4,
            b5,
            none,
            none, // acheteur_latitude, acheteur_longitude
            text(self.holder_seat.and_then(|s| s.size)),
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            none,
            none, // titulaire_latitude, titulaire_longitude
            Cell::Integer(state.rank),
            Cell::Boolean(state.current),
            text(self.source),
            text(self.url),
        ]
    }
}

/// Codes and names of commune, département and région.
fn seat(seat: Option<&Seat>) -> [Cell<'_>; 6] {
    let Some(seat) = seat else {
        return [Cell::Empty; 6];
    };
    let (c, d, r) = (seat.commune.as_ref(), seat.departement.as_ref(), seat.region.as_ref());
    [
        text(c.map(|p| &*p.0)),
        text(c.map(|p| &*p.1)),
        text(d.map(|p| &*p.0)),
        text(d.map(|p| &*p.1)),
        text(r.map(|p| &*p.0)),
        text(r.map(|p| &*p.1)),
    ]
}

/// How many rows a contract makes.
pub(super) fn row_count(record: &Record) -> u64 {
    let mut holders = record.titulaires.len().max(1);
    let mut rows = holders;
    for m in &record.modifications {
        if !m.titulaires.is_empty() {
            holders = m.titulaires.len();
        }
        rows += holders;
    }
    rows as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_to_a_double_gives_the_nearest_one(mantissa in any::<i64>(), scale in 0_u32..12) {
            let value = Money::new(Decimal::new(mantissa >> (scale * 3), scale));
            prop_assert_eq!(double(value), value.to_f64());
        }
    }

    #[test]
    fn months_are_counted_from_the_notification_and_never_below_zero() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let left = |months, today| months_left(Some(day("2024-01-31")), Some(months), day(today)).unwrap().to_string();
        assert_eq!(left(1, "2024-01-31"), "1"); // 2024-02-29
        assert_eq!(left(12, "2024-07-31"), "6");
        assert_eq!(left(12, "2030-01-01"), "0");
        assert_eq!(left(1, "2024-02-14"), "0.5");
        assert_eq!(months_left(Some(day("2024-01-31")), Some(u32::MAX), day("2024-01-31")), None);
        assert_eq!(months_left(None, Some(3), day("2024-01-31")), None);
    }
}
