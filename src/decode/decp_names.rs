//! The names of DECP fields, right and otherwise.
//!
//! In: a name as a record writes it. Out: the field it means.

/// The scalar fields, by their names in either edition.
const SCALARS: &[&str] = &[
    "id",
    "uid",
    "_type",
    "nature",
    "objet",
    "codeCPV",
    "idAccordCadre",
    "procedure",
    "dureeMois",
    "dateNotification",
    "dateSignature",
    "datePublicationDonnees",
    "dateDebutExecution",
    "montant",
    "valeurGlobale",
    "montantSubventionPublique",
    "formePrix",
    "marcheInnovant",
    "attributionAvance",
    "tauxAvance",
    "sousTraitanceDeclaree",
    "ccag",
    "offresRecues",
    "typeGroupementOperateurs",
    "origineUE",
    "origineFrance",
];

/// A scalar field by its exact name.
pub(super) fn scalar_name(name: &str) -> Option<&'static str> {
    SCALARS.iter().find(|n| **n == name).copied()
}

/// Whether a field of this name belongs to a part of a record (a holder, a modification, an act, a
/// tariff, or what wraps one), never to the record itself.
pub(super) fn is_part(name: &[u8]) -> bool {
    matches!(
        name,
        b"typeIdentifiant"
            | b"denominationSociale"
            | b"titulaire"
            | b"concessionnaire"
            | b"modification"
            | b"acteSousTraitance"
            | b"modificationActeSousTraitance"
            | b"sousTraitant"
            | b"variationPrix"
            | b"objetModification"
            | b"dateNotificationModification"
            | b"dateSignatureModification"
            | b"datePublicationDonneesModification"
            | b"dateNotificationModificationSousTraitance"
            | b"donneesAnnuelles"
            | b"datePublicationDonneesExecution"
            | b"depensesInvestissement"
            | b"intituleTarif"
            | b"tarif"
    )
}

/// Whether a field of this name stands anywhere in the format.
pub(super) fn is_name(name: &str) -> bool {
    scalar_name(name).is_some()
        || is_part(name.as_bytes())
        || matches!(
            name,
            "nom"
                | "code"
                | "typeCode"
                | "urlProfilAcheteur"
                | "tarifs"
                | "technique"
                | "modaliteExecution"
                | "typePrix"
        )
        || NESTED.contains(&name)
}

/// What a name that is none of the format's stands for.
pub(super) enum Alias {
    /// A field under another name.
    Field(&'static str),
    /// A part of a field, under a flat name.
    Inside(&'static str, &'static str),
    /// A field that is known and has no place in the model.
    Known,
}

/// The fields that hold others, or lists, in either edition.
const NESTED: &[&str] = &[
    "acheteur",
    "autoriteConcedante",
    "lieuExecution",
    "titulaires",
    "concessionnaires",
    "modifications",
    "actesSousTraitance",
    "modificationsActesSousTraitance",
    "donneesExecution",
    "techniques",
    "modalitesExecution",
    "considerationsSociales",
    "considerationsEnvironnementales",
    "typesPrix",
];

/// Names seen in real files beside those of the format: the singular ones of the arrêté's annex,
/// flat ones, and any difference in case or separators.
pub(super) fn alias(name: &str) -> Option<Alias> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match plain.as_str() {
        "type" | "typecontrat" => Alias::Field("_type"),
        "technique" => Alias::Field("techniques"),
        "modaliteexecution" => Alias::Field("modalitesExecution"),
        "typeprix" | "typesprix" => Alias::Field("typesPrix"),
        "considerationsociale" => Alias::Field("considerationsSociales"),
        "considerationenvironnementale" => Alias::Field("considerationsEnvironnementales"),
        "typegroupement" => Alias::Field("typeGroupementOperateurs"),
        "acheteurid" | "acheteursiret" | "idacheteur" => Alias::Inside("acheteur", "id"),
        "acheteurnom" | "nomacheteur" => Alias::Inside("acheteur", "nom"),
        "autoriteconcedanteid" => Alias::Inside("autoriteConcedante", "id"),
        "autoriteconcedantenom" => Alias::Inside("autoriteConcedante", "nom"),
        "lieuexecutioncode" => Alias::Inside("lieuExecution", "code"),
        "lieuexecutiontypecode" => Alias::Inside("lieuExecution", "typeCode"),
        "lieuexecutionnom" => Alias::Inside("lieuExecution", "nom"),
        "source" | "datetransmissiondonneesetalab" | "createdat" | "updatedat" | "schema" | "text" => Alias::Known,
        _ => {
            // Only another spelling: the right one would come back here for ever.
            return NESTED
                .iter()
                .chain(SCALARS)
                .find(|n| n.eq_ignore_ascii_case(&plain) && **n != name)
                .map(|n| Alias::Field(n));
        }
    })
}
