//! The columns of tables that hold contracts: whose header means which field.
//!
//! In: a header cell. Out: the field it stands for. Known are the national tabular dataset, the SCDL
//! model *marchés publics*, the names of DECP written flat, and the table of the Région Bretagne (see
//! `region_bretagne`); any other header is named by the source's `columns`.

use crate::record::fold;

/// A part of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Id,
    Type,
    Name,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A field of the record.
    Field(&'static str),
    /// A list in one cell.
    List(&'static str),
    /// A part of an object.
    Inside(&'static str, &'static str),
    /// A part of a holder: which one, where a row names several.
    Holder(Part, u8),
    /// A field of a modification.
    Modification(&'static str),
    /// A part of a holder after a modification.
    NewHolder(Part),
    /// Number of the state: 0 the contract as first declared, then its modifications.
    State,
    /// Known, and without a place in the model.
    Beside,
    /// Not known.
    Unknown,
}

/// A header without what does not count: case, accents, separators.
pub(super) fn plain(header: &str) -> String {
    fold(header).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The target of a header, or of a field as `columns` names it.
pub(super) fn target(header: &str) -> Target {
    let name = plain(header);
    let (stem, n) = match name.strip_suffix(|c: char| c.is_ascii_digit()) {
        Some(stem) if name.starts_with("titulaire") => {
            (stem, name.bytes().next_back().map_or(0, |b| b.saturating_sub(b'0')))
        }
        _ => (&*name, 0),
    };
    field(stem)
        .or_else(|| holder(stem, n))
        .or_else(|| modification(stem))
        .unwrap_or_else(|| if is_beside(stem) { Target::Beside } else { Target::Unknown })
}

fn field(name: &str) -> Option<Target> {
    Some(match name {
        "uid" | "marcheuid" => Target::Field("uid"),
        "id" | "marcheid" | "idmarche" | "iddumarche" => Target::Field("id"),
        "acheteurid" | "acheteursid" | "acheteursiret" | "siretacheteur" | "idacheteur" | "autoriteconcedanteid" => {
            Target::Inside("acheteur", "id")
        }
        "acheteurnom" | "acheteursnom" | "nomacheteur" | "autoriteconcedantenom" => Target::Inside("acheteur", "nom"),
        "nature" | "naturemarche" | "marchenature" => Target::Field("nature"),
        "objet" | "marcheobjet" | "objetmarche" => Target::Field("objet"),
        "codecpv" | "cpvcode" | "cpv" => Target::Field("codeCPV"),
        "procedure" => Target::Field("procedure"),
        "techniques" | "technique" => Target::List("techniques"),
        "modalitesexecution" | "modaliteexecution" => Target::List("modalitesExecution"),
        "typesprix" | "typeprix" => Target::List("typesPrix"),
        "considerationssociales" | "considerationsociale" => Target::List("considerationsSociales"),
        "considerationsenvironnementales" | "considerationenvironnementale" => {
            Target::List("considerationsEnvironnementales")
        }
        "idaccordcadre" => Target::Field("idAccordCadre"),
        "lieuexecutioncode" | "lieuexeccode" => Target::Inside("lieuExecution", "code"),
        "lieuexecutiontypecode" | "lieuexectype" => Target::Inside("lieuExecution", "typeCode"),
        "lieuexecutionnom" | "lieuexecnom" | "lieuexecution" => Target::Inside("lieuExecution", "nom"),
        "dureemois" => Target::Field("dureeMois"),
        "datenotification" | "notificationdate" => Target::Field("dateNotification"),
        "datesignature" => Target::Field("dateSignature"),
        "datedebutexecution" => Target::Field("dateDebutExecution"),
        "datepublicationdonnees" | "publicationdate" | "datepublication" | "datepublicationdesdonnees" => {
            Target::Field("datePublicationDonnees")
        }
        "montant" | "montantht" => Target::Field("montant"),
        "valeurglobale" => Target::Field("valeurGlobale"),
        "montantsubventionpublique" => Target::Field("montantSubventionPublique"),
        "formeprix" | "prixforme" => Target::Field("formePrix"),
        "marcheinnovant" => Target::Field("marcheInnovant"),
        "attributionavance" => Target::Field("attributionAvance"),
        "tauxavance" => Target::Field("tauxAvance"),
        "soustraitancedeclaree" => Target::Field("sousTraitanceDeclaree"),
        "ccag" => Target::Field("ccag"),
        "offresrecues" => Target::Field("offresRecues"),
        "typegroupementoperateurs" | "typegroupement" => Target::Field("typeGroupementOperateurs"),
        "origineue" => Target::Field("origineUE"),
        "originefrance" => Target::Field("origineFrance"),
        "modificationid" => Target::State,
        _ => return None,
    })
}

fn holder(name: &str, n: u8) -> Option<Target> {
    let rest = name
        .strip_prefix("titulaires")
        .or_else(|| name.strip_prefix("titulaire"))
        .or_else(|| name.strip_prefix("concessionnaires"))
        .or_else(|| name.strip_prefix("concessionnaire"));
    let part = match (rest, name) {
        (Some("id" | "siret" | "identifiant"), _) | (_, "sirettitulaire" | "idtitulaire") => Part::Id,
        (Some("typeidentifiant" | "idtype" | "typeid"), _) => Part::Type,
        (Some("denomination" | "denominationsociale" | "nom" | ""), _) => Part::Name,
        _ => return None,
    };
    Some(Target::Holder(part, n))
}

fn modification(name: &str) -> Option<Target> {
    let rest = name.strip_prefix("modifications").or_else(|| name.strip_prefix("modification"));
    let rest = rest.or_else(|| name.strip_prefix("modif"))?;
    Some(match rest {
        "objet" | "objetmodification" => Target::Modification("objet"),
        "notificationdate" | "datenotification" | "datenotificationmodification" | "datesignaturemodification" => {
            Target::Modification("date")
        }
        "publicationdate" | "datepublicationdonnees" | "datepublicationdonneesmodification" => {
            Target::Modification("publication")
        }
        "dureemois" => Target::Modification("duree"),
        "marchemontant" | "montant" => Target::Modification("montant"),
        "titulairesid" | "titulaireid" => Target::NewHolder(Part::Id),
        "titulairesidtype" | "titulaireidtype" | "titulairestypeidentifiant" => Target::NewHolder(Part::Type),
        "titulairesdenomination" | "titulairesnom" | "titulairesdenominationsociale" => Target::NewHolder(Part::Name),
        _ => return None,
    })
}

/// What the national dataset adds to what was declared.
fn is_beside(name: &str) -> bool {
    matches!(
        name,
        "type"
            | "dureerestantemois"
            | "donneesactuelles"
            | "sourcedataset"
            | "sourcefile"
            | "source"
            | "createdat"
            | "updatedat"
            | "titulairedistance"
    ) || ["acheteur", "titulaire"].iter().any(|who| {
        name.strip_prefix(who).is_some_and(|rest| {
            rest == "categorie"
                || rest == "latitude"
                || rest == "longitude"
                || ["commune", "departement", "region"].iter().any(|p| rest.starts_with(p))
        })
    })
}
