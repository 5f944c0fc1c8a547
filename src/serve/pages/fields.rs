//! The fields of a contract as its page shows them: column, field name, label, kind of value.
//!
//! A new column of the consumers' database needs one line here.

use super::Frame;
use crate::serve::format;
use crate::serve::i18n::Lang;
use crate::serve::queries::contract::{Contract, Fields};

/// How a value is written.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Day,
    Money,
    Months,
    Integer,
    Share,
    YesNo,
}

struct Column {
    /// Column of `contrats`.
    column: &'static str,
    /// Name of the field, as provenance and findings use it.
    field: &'static str,
    fr: &'static str,
    en: &'static str,
    kind: Kind,
}

const fn column(column: &'static str, field: &'static str, fr: &'static str, en: &'static str, kind: Kind) -> Column {
    Column { column, field, fr, en, kind }
}

use Kind::{Day, Integer, Money, Months, Share, Text, YesNo};

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    column("nature", "nature", "Nature", "Nature", Text),
    column("nature2019", "nature2019", "Nature (format 2019)", "Nature (2019 format)", Text),
    column("objet", "objet", "Objet", "Object", Text),
    column("codeCPV", "codeCPV", "Code CPV", "CPV code", Text),
    column("categorie", "codeCPV", "Catégorie d’après le CPV", "Category from the CPV", Text),
    column("procedure", "procedure", "Procédure", "Procedure", Text),
    column("techniques", "techniques", "Techniques d’achat", "Purchasing techniques", Text),
    column("modalitesExecution", "modalitesExecution", "Modalités d’exécution", "Terms of execution", Text),
    column("idAccordCadre", "idAccordCadre", "Accord-cadre", "Framework agreement", Text),
    column("lieuExecution_nom", "lieuExecution", "Lieu d’exécution", "Place of execution", Text),
    column("lieuExecution_code", "lieuExecution", "Code du lieu", "Code of the place", Text),
    column("lieuExecution_typeCode", "lieuExecution", "Type de code du lieu", "Kind of place code", Text),
    column("montant", "montant", "Montant initial HT", "Initial amount excl. tax", Money),
    column("dureeMois", "dureeMois", "Durée initiale", "Initial duration", Months),
    column("dateNotification", "dateNotification", "Date de notification", "Date of notification", Day),
    column("datePublicationDonnees", "datePublicationDonnees", "Publication des données", "Data published", Day),
    column("dateDebutExecution", "dateDebutExecution", "Début d’exécution", "Start of execution", Day),
    column("montantSubventionPublique", "montantSubventionPublique", "Subvention publique", "Public subsidy", Money),
    column("formePrix", "formePrix", "Forme du prix", "Form of price", Text),
    column("typesPrix", "typesPrix", "Types de prix", "Types of price", Text),
    column("offresRecues", "offresRecues", "Offres reçues", "Tenders received", Integer),
    column("considerationsSociales", "considerationsSociales", "Considérations sociales", "Social considerations", Text),
    column("considerationsEnvironnementales", "considerationsEnvironnementales", "Considérations environnementales", "Environmental considerations", Text),
    column("marcheInnovant", "marcheInnovant", "Achat innovant", "Innovative purchase", YesNo),
    column("attributionAvance", "attributionAvance", "Avance", "Advance payment", YesNo),
    column("tauxAvance", "tauxAvance", "Taux de l’avance", "Rate of the advance", Share),
    column("sousTraitanceDeclaree", "sousTraitanceDeclaree", "Sous-traitance déclarée", "Subcontracting declared", YesNo),
    column("ccag", "ccag", "CCAG", "General conditions (CCAG)", Text),
    column("typeGroupementOperateurs", "typeGroupementOperateurs", "Groupement", "Consortium", Text),
    column("origineUE", "origineUE", "Part d’origine UE", "Share of EU origin", Share),
    column("origineFrance", "origineFrance", "Part d’origine France", "Share of French origin", Share),
];

/// A field that has a value.
pub struct FieldRow {
    /// For readers.
    pub label: &'static str,
    /// For those who look it up in the files.
    pub column: &'static str,
    /// As readers write it.
    pub value: String,
    /// Number of the observation, from 1; `None` where there is only one.
    pub from: Option<i64>,
}

/// Every declared field, in order.
pub fn rows(frame: &Frame, contract: &Contract) -> Vec<FieldRow> {
    COLUMNS
        .iter()
        .filter_map(|c| {
            Some(FieldRow {
                label: if frame.lang == Lang::Fr { c.fr } else { c.en },
                column: c.column,
                value: value(frame, &contract.fields, c)?,
                from: contract.provenance.get(c.field).map(|rank| rank + 1),
            })
        })
        .collect()
}

fn value(frame: &Frame, fields: &Fields, c: &Column) -> Option<String> {
    Some(match c.kind {
        Text => fields.text(c.column).filter(|text| !text.is_empty())?.to_owned(),
        Day => frame.day(fields.text(c.column)?),
        Money => frame.money(&fields.real(c.column)?),
        Months => frame.months(&fields.integer(c.column)?),
        Integer => frame.int(&fields.integer(c.column)?),
        Share => format::percent(frame.lang, fields.real(c.column)?),
        YesNo if fields.integer(c.column)? != 0 => frame.t.yes.to_owned(),
        YesNo => frame.t.no.to_owned(),
    })
}
