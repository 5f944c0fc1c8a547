//! One contract, whole: its fields, and every table that tells its history and where it comes from.
//!
//! Each list is cut at [`MOST`] rows: a page is for people, the dumps hold everything.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, Row};

use super::opt;

/// Rows of one list shown at most.
pub const MOST: u32 = 500;

/// A holder or sub-contractor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// 0 = initial; k = declared by the modification of rank k.
    pub state: i64,
    /// `typeIdentifiant`.
    pub id_type: Option<String>,
    /// As declared.
    pub id: Option<String>,
    /// SIREN, for a SIRET.
    pub siren: Option<String>,
    /// As declared.
    pub name: Option<String>,
    /// Rank of the observation that declares it.
    pub observation: Option<i64>,
}

/// A modification, with what it makes of the contract.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Modification {
    /// Rank from 1.
    pub rank: i64,
    /// 2019: what changed, in words.
    pub objet: Option<String>,
    /// Day of notification.
    pub date: Option<String>,
    /// Day of publication.
    pub published: Option<String>,
    /// Months, where it declares them.
    pub months: Option<i64>,
    /// Euros, where it declares them.
    pub amount: Option<f64>,
    /// Rank of the observation that declares it.
    pub observation: Option<i64>,
}

/// A sub-contracting act, or a change of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Act {
    /// Declared number.
    pub id: Option<i64>,
    /// The sub-contractor; none for a change.
    pub holder: Option<Holder>,
    /// Months.
    pub months: Option<i64>,
    /// Day of notification.
    pub date: Option<String>,
    /// Euros.
    pub amount: Option<f64>,
    /// How its price varies.
    pub variation: Option<String>,
    /// Rank of the observation that declares it.
    pub observation: Option<i64>,
}

/// One year of a concession.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Year {
    /// Day of publication.
    pub published: Option<String>,
    /// Euros.
    pub investment: Option<f64>,
    /// Name and euros.
    pub tariffs: Vec<(Option<String>, Option<f64>)>,
}

/// A declaration that the contract is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observation {
    /// 0-based: what provenance names.
    pub rank: i64,
    /// Id of the source.
    pub source: String,
    /// Its name.
    pub source_name: Option<String>,
    /// Its licence.
    pub licence: Option<String>,
    /// Title of the file.
    pub title: Option<String>,
    /// Id of the file.
    pub resource: String,
    /// Address of the file, as declared by the catalogue: not to be trusted.
    pub url: Option<String>,
    /// 0-based place in the file.
    pub position: i64,
    /// The buyer's SIRET as declared.
    pub buyer: String,
    /// The id as declared.
    pub id: String,
    /// Day of publication as declared.
    pub published: Option<String>,
}

/// Values of one field that disagree, the one that stands first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conflict {
    /// The field.
    pub field: String,
    /// JSON text of each value, and the observation that declares it.
    pub values: Vec<(String, Option<i64>)>,
}

/// A rule that a declared value breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// Code of the rule.
    pub code: String,
    /// Path of the field.
    pub field: Option<String>,
    /// As declared.
    pub value: Option<String>,
    /// `repaired`, `warning`, `error`.
    pub severity: String,
    /// Rank of the observation.
    pub observation: Option<i64>,
}

/// The row of a contract: values by the names of the columns.
#[derive(Debug, Clone, Default)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// A text, as declared.
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
    /// A whole number.
    pub fn integer(&self, column: &str) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Integer(n)) => Some(*n),
            _ => None,
        }
    }
    /// A number.
    pub fn real(&self, column: &str) -> Option<f64> {
        match self.0.get(column) {
            Some(Value::Real(n)) => Some(*n),
            Some(Value::Integer(n)) => Some(*n as f64),
            _ => None,
        }
    }
}

/// A contract with all that the publication knows of it.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// Its row.
    pub fields: Fields,
    /// Holders of every state, in order.
    pub holders: Vec<Holder>,
    /// In order.
    pub modifications: Vec<Modification>,
    /// In order.
    pub acts: Vec<Act>,
    /// In order.
    pub act_changes: Vec<Act>,
    /// In order.
    pub years: Vec<Year>,
    /// In order of rank.
    pub observations: Vec<Observation>,
    /// In field order.
    pub conflicts: Vec<Conflict>,
    /// In order.
    pub findings: Vec<Finding>,
    /// SIRET+id pairs that observations declare besides the uid.
    pub aliases: Vec<String>,
    /// Observation of each field; empty where there is only one observation.
    pub provenance: BTreeMap<String, i64>,
}

/// Reads the contract of row `n`.
pub fn contract(db: &Connection, n: i64) -> rusqlite::Result<Contract> {
    let fields = fields(db, n)?;
    let provenance = fields.text("provenance").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    Ok(Contract {
        holders: rows(db, "SELECT * FROM titulaires WHERE contrat = ?1 ORDER BY etat, rang", n, holder)?,
        modifications: rows(db, "SELECT * FROM modifications WHERE contrat = ?1 ORDER BY rang", n, modification)?,
        acts: rows(db, "SELECT * FROM actes_sous_traitance WHERE contrat = ?1 ORDER BY rang", n, act)?,
        act_changes: rows(db, "SELECT * FROM modifications_actes WHERE contrat = ?1 ORDER BY rang", n, act_change)?,
        years: years(db, n)?,
        observations: rows(
            db,
            "SELECT o.*, s.id AS source_id, s.nom AS source_nom, s.licence, r.titre, r.url, r.id AS ressource_id
             FROM observations o JOIN sources s ON s.n = o.source LEFT JOIN ressources r ON r.n = o.ressource
             WHERE o.contrat = ?1 ORDER BY o.rang",
            n,
            observation,
        )?,
        conflicts: rows(db, "SELECT * FROM conflits WHERE contrat = ?1 ORDER BY rang", n, conflict)?,
        findings: rows(db, "SELECT * FROM constats WHERE contrat = ?1 ORDER BY rang", n, finding)?,
        aliases: aliases(db, n)?,
        fields,
        provenance,
    })
}

fn fields(db: &Connection, n: i64) -> rusqlite::Result<Fields> {
    let mut statement = db.prepare_cached("SELECT * FROM contrats WHERE n = ?1")?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    statement.query_row([n], |row| {
        let pair = |(i, name): (usize, &String)| Ok((name.clone(), row.get::<_, Value>(i)?));
        names.iter().enumerate().map(pair).collect::<rusqlite::Result<_>>().map(Fields)
    })
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    n: i64,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(&format!("{sql} LIMIT {MOST}"))?.query_map([n], read)?.collect()
}

fn holder(row: &Row<'_>) -> rusqlite::Result<Holder> {
    Ok(Holder {
        state: row.get("etat")?,
        id_type: opt(row, "typeIdentifiant")?,
        id: opt(row, "id")?,
        siren: opt(row, "siren")?,
        name: opt(row, "denominationSociale")?,
        observation: opt(row, "observation")?,
    })
}

fn modification(row: &Row<'_>) -> rusqlite::Result<Modification> {
    Ok(Modification {
        rank: row.get("rang")?,
        objet: opt(row, "objetModification")?,
        date: opt(row, "dateNotificationModification")?,
        published: opt(row, "datePublicationDonneesModification")?,
        months: opt(row, "dureeMois")?,
        amount: opt(row, "montant")?,
        observation: opt(row, "observation")?,
    })
}

fn act(row: &Row<'_>) -> rusqlite::Result<Act> {
    let holder = Holder {
        id_type: opt(row, "sousTraitant_typeIdentifiant")?,
        id: opt(row, "sousTraitant_id")?,
        name: opt(row, "sousTraitant_nom")?,
        ..Holder::default()
    };
    Ok(Act {
        holder: Some(holder),
        date: opt(row, "dateNotification")?,
        variation: opt(row, "variationPrix")?,
        ..common(row)?
    })
}

fn act_change(row: &Row<'_>) -> rusqlite::Result<Act> {
    Ok(Act { date: opt(row, "dateNotificationModificationSousTraitance")?, ..common(row)? })
}

fn common(row: &Row<'_>) -> rusqlite::Result<Act> {
    Ok(Act {
        id: opt(row, "id")?,
        months: opt(row, "dureeMois")?,
        amount: opt(row, "montant")?,
        observation: opt(row, "observation")?,
        ..Act::default()
    })
}

fn years(db: &Connection, n: i64) -> rusqlite::Result<Vec<Year>> {
    let mut out: BTreeMap<i64, Year> =
        rows(db, "SELECT * FROM donnees_execution WHERE contrat = ?1 ORDER BY rang", n, |row| {
            let year = Year {
                published: opt(row, "datePublicationDonneesExecution")?,
                investment: opt(row, "depensesInvestissement")?,
                tariffs: Vec::new(),
            };
            Ok((row.get("rang")?, year))
        })?
        .into_iter()
        .collect();
    let tariffs =
        rows(db, "SELECT annee, intituleTarif, tarif FROM tarifs WHERE contrat = ?1 ORDER BY annee, rang", n, |row| {
            Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get(2)?)))
        })?;
    for (year, tariff) in tariffs {
        if let Some(year) = out.get_mut(&year) {
            year.tariffs.push(tariff);
        }
    }
    Ok(out.into_values().collect())
}

fn observation(row: &Row<'_>) -> rusqlite::Result<Observation> {
    Ok(Observation {
        rank: row.get("rang")?,
        source: row.get("source_id")?,
        source_name: opt(row, "source_nom")?,
        licence: opt(row, "licence")?,
        title: opt(row, "titre")?,
        resource: opt(row, "ressource_id")?.unwrap_or_default(),
        url: opt(row, "url")?,
        position: number(row, "position")?,
        buyer: opt(row, "acheteur_id")?.unwrap_or_default(),
        id: opt(row, "id")?.unwrap_or_default(),
        published: opt(row, "published")?,
    })
}

fn number<T: FromSql + Default>(row: &Row<'_>, name: &str) -> rusqlite::Result<T> {
    Ok(opt(row, name)?.unwrap_or_default())
}

fn conflict(row: &Row<'_>) -> rusqlite::Result<Conflict> {
    let json: String = row.get("valeurs")?;
    let values: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap_or_default();
    let one = |v: serde_json::Value| {
        let text = match v.get("value") {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        (text, v.get("observation").and_then(serde_json::Value::as_i64))
    };
    Ok(Conflict { field: row.get("champ")?, values: values.into_iter().map(one).collect() })
}

fn finding(row: &Row<'_>) -> rusqlite::Result<Finding> {
    Ok(Finding {
        code: row.get("code")?,
        field: opt(row, "champ")?,
        value: opt(row, "valeur")?,
        severity: row.get("gravite")?,
        observation: opt(row, "observation")?,
    })
}

/// The table is keyed by the name, so its other names are looked up from the declared pairs.
fn aliases(db: &Connection, n: i64) -> rusqlite::Result<Vec<String>> {
    rows(
        db,
        "SELECT DISTINCT o.acheteur_id || o.id AS cle FROM observations o
         WHERE o.contrat = ?1
           AND EXISTS (SELECT 1 FROM alias a WHERE a.cle = o.acheteur_id || o.id AND a.contrat = o.contrat)
         ORDER BY cle",
        n,
        |row| row.get(0),
    )
}
