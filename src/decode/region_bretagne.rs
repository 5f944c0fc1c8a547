//! The table of the Région Bretagne, as CSV and as the XML made of it: columns of its own, alone or
//! among DECP fields.
//!
//! In: the fields of one `<marche>` or of one row. Out: a [`RawRecord`]. One is one contract × holder; the
//! merge unites the holders. The XML loses the decimal comma: `38 800,00` in the table is
//! `3880000` in the XML, without exception in the 2019 file, so its amounts are hundredths of a euro.

use std::borrow::Cow;

use crate::record::{Format, Kind};

use super::decp::{Carrier, Fields, Mapper};
use super::note::Note;
use super::tree::Tree;
use super::{Declared, RawModification, RawRecord, Scalar};

/// Whether the fields hold columns of this table.
pub(super) fn is_ours(fields: &Fields<'_>) -> bool {
    fields.iter().any(|(name, _)| matches!(&**name, "MontantinitialHt" | "Montantprevu" | "Iddumarche"))
}

/// The column that a header of the CSV means, by its name in the XML.
pub(super) fn column(plain: &str) -> Option<&'static str> {
    const COLUMNS: &[&str] = &[
        "Annee",
        "Iddumarche",
        "Nomacheteur",
        "SIRETacheteur",
        "Nature",
        "Objetmarche",
        "CodeCPV",
        "LiblelleCPV",
        "Procedure",
        "Lieuexecution",
        "Dureemois",
        "Datenotification",
        "Datepublicationdesdonnees",
        "MontantinitialHt",
        "MontantmodifieHt",
        "Montantprevu",
        "Typeprix",
        "Role",
        "CodePostal_Titulaire",
        "CodeInsee_Titulaire",
        "Commune_Titulaire",
        "Siret_Titulaire",
        "siren_Titualire",
        "Avance",
        "Nbavenantscptables",
        "Delaismoyenmandatementjours",
    ];
    if plain == "titulairemandataire" {
        return Some("TitulairMandataire");
    }
    COLUMNS.iter().find(|c| c.replace('_', "").eq_ignore_ascii_case(plain)).copied()
}

/// Makes a raw record. `lossy`: amounts of digits alone are hundredths, since the comma was lost.
pub(super) fn record(fields: Fields<'_>, notes: Vec<Note>, lossy: bool) -> RawRecord {
    let mut m = Mapper::new(notes);
    let is_table = fields.iter().any(|(name, _)| name == "Iddumarche");
    let (mut initial, mut modified, mut planned) = (None, None, None);
    let mut holder: Vec<(Cow<'_, str>, Tree<'_>)> = Vec::new();
    for (name, value) in fields {
        match &*name {
            "MontantinitialHt" => initial = m.scalar("montant", value),
            "MontantmodifieHt" => modified = m.scalar("montant", value),
            "Montantprevu" => planned = m.scalar("montant", value),
            "Siret_Titulaire" => holder.push(("id".into(), value)),
            "TitulairMandataire" if is_table => holder.push(("denominationSociale".into(), value)),
            column => match field_of(column) {
                Some(Place::Field(field)) => m.field(field, value),
                Some(Place::Inside(outer, inner)) => m.field(outer, Tree::Map(vec![(inner.into(), value)])),
                Some(Place::Beside) => m.other(column, &value),
                None => m.field(column, value),
            },
        }
    }
    if holder.iter().any(|(_, v)| !v.is_empty()) {
        holder.push(("typeIdentifiant".into(), Tree::Plain("SIRET".into())));
        m.field("titulaires", Tree::Map(vec![("titulaire".into(), Tree::Map(holder))]));
    }
    let mut r = m.finish(Some(Kind::Marche), Carrier::Xml);
    r.format = if is_table { Format::Table } else { Format::V2019 };
    r.cents = lossy && [&initial, &modified, &planned].into_iter().flatten().all(is_digits);
    r.planned = initial.is_none() && planned.is_some();
    if let Some(changed) = modified.filter(|m| initial.as_ref().is_some_and(|i| i != m)) {
        r.modifications.push(RawModification { montant: Some(changed), ..RawModification::default() });
    }
    match (initial, planned) {
        (Some(initial), planned) => {
            r.montant = Some(initial);
            keep(&mut r, planned);
        }
        (None, planned) => r.montant = planned,
    }
    r
}

/// The planned amount stands beside the agreed one.
fn keep(r: &mut RawRecord, planned: Declared) {
    if let Some(planned) = planned {
        r.others.push(("Montantprevu".into(), planned.as_str().to_owned()));
    }
}

fn is_digits(amount: &Scalar) -> bool {
    amount.as_str().trim().bytes().all(|b| b.is_ascii_digit())
}

/// Where a column goes.
enum Place {
    Field(&'static str),
    Inside(&'static str, &'static str),
    /// Known, and without a place in the model.
    Beside,
}

fn field_of(column: &str) -> Option<Place> {
    Some(match column {
        "Iddumarche" => Place::Field("id"),
        "SIRETacheteur" => Place::Inside("acheteur", "id"),
        "Nomacheteur" => Place::Inside("acheteur", "nom"),
        "Nature" => Place::Field("nature"),
        "Objetmarche" => Place::Field("objet"),
        "CodeCPV" => Place::Field("codeCPV"),
        "Procedure" => Place::Field("procedure"),
        "Lieuexecution" => Place::Inside("lieuExecution", "nom"),
        "Dureemois" => Place::Field("dureeMois"),
        "Datenotification" => Place::Field("dateNotification"),
        "Datepublicationdesdonnees" => Place::Field("datePublicationDonnees"),
        // The 2019 vocabulary of price forms, in the plural.
        "Typeprix" => Place::Field("formePrix"),
        "Avance" => Place::Field("attributionAvance"),
        "Annee"
        | "LiblelleCPV"
        | "Role"
        | "CodePostal_Titulaire"
        | "CodeInsee_Titulaire"
        | "Commune_Titulaire"
        | "siren_Titualire"
        | "Nbavenantscptables"
        | "Delaismoyenmandatementjours"
        | "TitulaireMandataire" => Place::Beside,
        _ => return None,
    })
}
