//! The two languages of the pages: which one a reader gets, and every text, in one table.
//!
//! Field names and the words of the official vocabularies stay French in both: they are the terms
//! of the DECP formats. Numbers and dates are written by `format`.

use super::negotiate::weighted;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// French, the default.
    Fr,
    /// English.
    En,
}

impl Lang {
    /// The tag for `lang` attributes and `?lang=`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// The language of a `?lang=` value.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The one that an `Accept-Language` weighs most; the first named among equals; French where
    /// neither is named.
    pub fn accepted(header: Option<&str>) -> Self {
        let mut best = (0, Self::Fr);
        for (tag, weight) in header.unwrap_or_default().split(',').map(weighted) {
            let primary = tag.split('-').next().unwrap_or_default();
            if let Some(lang) = Self::from_code(&primary.to_ascii_lowercase())
                && weight > best.0
            {
                best = (weight, lang);
            }
        }
        best.1
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Fr => Self::En,
            Self::En => Self::Fr,
        }
    }

    /// The texts.
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::Fr => &FR,
            Self::En => &EN,
        }
    }
}

macro_rules! texts {
    ($($key:ident: $fr:literal, $en:literal;)+) => {
        /// Every text of the pages, in one language.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each member is its text in the table below")]
        pub struct Texts { $(pub $key: &'static str),+ }
        static FR: Texts = Texts { $($key: $fr),+ };
        static EN: Texts = Texts { $($key: $en),+ };
    };
}

texts! {
    // The frame
    skip: "Aller au contenu", "Skip to content";
    nav: "Navigation principale", "Main navigation";
    nav_home: "Accueil", "Home";
    nav_contracts: "Marchés", "Contracts";
    nav_sources: "Sources", "Sources";
    nav_data: "Données", "Data";
    other_language: "English", "Français";
    language_label: "Lire cette page en anglais", "Read this page in French";
    publication: "Publication", "Publication";
    footer_licence: "Données republiées sous Licence Ouverte 2.0, source par source.", "Data republished under the French Open Licence 2.0, source by source.";
    footer_formats: "Tous les fichiers", "All files";
    footer_past: "Publications passées", "Past publications";
    // Home
    home_title: "Les marchés publics", "Public contracts";
    home_lead: "Les données essentielles de la commande publique que publient les profils d’acheteur, réunies, dédoublonnées et expliquées : d’où vient chaque valeur, ce que chaque source en dit.", "The essential procurement data that buyer profiles publish, gathered, deduplicated and explained: where each value comes from, and what each source says of it.";
    figures: "Chiffres", "Figures";
    contracts: "contrats", "contracts";
    of_which: "dont", "of which";
    marches: "marchés", "contracts (marchés)";
    concessions: "concessions", "concessions";
    buyers: "acheteurs", "buyers";
    total_amount: "montant cumulé", "total amount";
    amount_note: "Somme des montants hors taxes après modifications. Les montants aberrants (plus d’un milliard d’euros) n’y entrent pas ; ils restent visibles sur la page de leur contrat.", "Sum of amounts without tax, after modifications. Aberrant amounts (more than one billion euros) are left out; they can still be seen on the page of their contract.";
    left_out_amounts: "contrats écartés de cette somme", "contracts left out of this sum";
    updated: "mise à jour", "last update";
    stale: "Cette publication a plus de 26 heures : la dernière moisson a pu échouer.", "This publication is more than 26 hours old: the last harvest may have failed.";
    latest_contracts: "Derniers contrats notifiés", "Latest contracts";
    all_contracts: "Tous les contrats", "All contracts";
    download_title: "Télécharger les données", "Download the data";
    download_lead: "Chaque nuit, toute la région en fichiers ouverts, avec leurs empreintes.", "Every night, the whole region as open files, with their checksums.";
    see_files: "Voir tous les fichiers", "See all files";
    // Empty
    empty_title: "Aucune publication pour l’instant", "No publication yet";
    empty_text: "Les sources n’ont pas encore été moissonnées, ou la première publication est en préparation. Cette page se remplira d’elle-même.", "The sources have not been harvested yet, or the first publication is being made. This page will fill by itself.";
    empty_operator: "Si vous exploitez ce service : « guichet harvest » puis « guichet publish » font paraître une publication ; « guichet status » dit où en est chaque source.", "If you run this service: “guichet harvest” then “guichet publish” make one appear; “guichet status” tells the state of each source.";
    // Lists
    list_title: "Marchés et concessions", "Contracts and concessions";
    filters: "Filtres", "Filters";
    filter_buyer: "Acheteur (SIREN ou SIRET)", "Buyer (SIREN or SIRET)";
    filter_holder: "Titulaire (identifiant)", "Holder (identifier)";
    filter_departement: "Département", "Département";
    filter_cpv: "Code CPV (début)", "CPV code (beginning)";
    filter_type: "Type", "Type";
    filter_year: "Année de notification", "Year of notification";
    any: "Tous", "All";
    marche: "Marché", "Contract";
    concession: "Concession", "Concession";
    apply: "Filtrer", "Filter";
    clear: "Effacer les filtres", "Clear filters";
    results: "résultats", "results";
    one_result: "résultat", "result";
    more_than: "plus de", "more than";
    no_result: "Aucun contrat ne répond à ces filtres.", "No contract matches these filters.";
    next_page: "Suite de la liste", "More";
    first_page: "Début de la liste", "Back to the start";
    // Columns and fields
    col_date: "Notification", "Notified";
    col_object: "Objet", "Object";
    col_buyer: "Acheteur", "Buyer";
    col_holders: "Titulaires", "Holders";
    col_amount: "Montant HT", "Amount excl. tax";
    undated: "sans date", "undated";
    no_object: "Objet non déclaré", "No object declared";
    unknown: "non déclaré", "not declared";
    yes: "oui", "yes";
    no: "non", "no";
    months: "mois", "months";
    month: "mois", "month";
    // One contract
    withdrawn: "Retiré : plus aucune source ne publie ce contrat.", "Withdrawn: no source publishes this contract any more.";
    only_2019: "Déclaré seulement au format de 2019.", "Declared in the 2019 format only.";
    essentials: "L’essentiel", "Essentials";
    details: "Toutes les données déclarées", "All declared data";
    holders: "Titulaires", "Holders";
    holders_now: "Titulaires actuels", "Present holders";
    initial: "à l’origine", "initially";
    amount_now: "Montant actuel", "Present amount";
    duration: "Durée", "Duration";
    new_amount: "Nouveau montant", "New amount";
    new_duration: "Nouvelle durée", "New duration";
    new_holders: "Nouveaux titulaires", "New holders";
    duration_now: "Durée actuelle", "Present duration";
    field: "Champ", "Field";
    timeline: "Historique", "History";
    signed: "Contrat initial", "Initial contract";
    modification: "Modification", "Modification";
    published_on: "données publiées le", "data published on";
    subcontracting: "Sous-traitance", "Subcontracting";
    subcontractor: "Sous-traitant", "Subcontractor";
    act: "Acte", "Act";
    act_change: "Modification de l’acte", "Change of act";
    execution: "Exécution de la concession", "Execution of the concession";
    investment: "Dépenses d’investissement", "Investment";
    tariffs: "Tarifs", "Tariffs";
    tariff: "Tarif", "Tariff";
    conflicts: "Désaccords entre les sources", "Disagreements between sources";
    conflicts_note: "La première valeur est celle qui est retenue.", "The first value is the one that stands.";
    findings: "Constats de qualité", "Quality findings";
    rule: "Règle", "Rule";
    severity: "Gravité", "Severity";
    declared_value: "Valeur déclarée", "Declared value";
    repaired: "réparé", "repaired";
    warning: "à vérifier", "to be checked";
    error: "inutilisable", "unusable";
    provenance: "D’où viennent ces données", "Where this data comes from";
    provenance_note: "Chaque ligne est une déclaration reçue. Le numéro entre crochets, à côté d’une valeur, dit de laquelle elle vient.", "Each line is a declaration received. The number in brackets beside a value tells which one it comes from.";
    source: "Source", "Source";
    resource: "Fichier", "File";
    position: "position", "position";
    declared_as: "Déclaré sous", "Declared as";
    published: "Publié le", "Published";
    licence: "Licence", "Licence";
    identifiers: "Identifiants", "Identifiers";
    former_ids: "Autres identifiants déclarés", "Other declared identifiers";
    official_page: "Annuaire des entreprises", "Company register";
    // Several contracts under one id
    several_title: "Plusieurs contrats portent ce numéro", "Several contracts bear this number";
    several_text: "L’acheteur a donné le même numéro à plusieurs contrats différents. Choisissez :", "The buyer gave the same number to several different contracts. Choose:";
    // Sources
    sources_title: "Sources", "Sources";
    sources_lead: "Ce que guichet moissonne, et dans quel état se trouve chaque source.", "What guichet harvests, and the health of each source.";
    health_unknown: "L’état des sources n’est pas publié ici.", "The health of the sources is not published here.";
    state: "État", "State";
    state_ok: "à jour", "up to date";
    state_degraded: "dégradée", "degraded";
    state_failing: "en échec", "failing";
    state_disabled: "désactivée", "disabled";
    state_orphan: "orpheline", "orphan";
    state_unknown: "inconnu", "unknown";
    last_success: "Dernier succès", "Last success";
    next_run: "Prochaine moisson", "Next run";
    never: "jamais", "never";
    received: "Reçus", "Received";
    accepted: "Retenus", "Accepted";
    quarantined: "En quarantaine", "Quarantined";
    out_of_region: "Hors région", "Out of region";
    contracts_here: "Contrats", "Contracts";
    last_error: "Dernière erreur", "Last error";
    failures_in_a_row: "échecs de suite", "failures in a row";
    // Files
    files_title: "Données ouvertes", "Open data";
    files_lead: "Les fichiers de la dernière publication. Les adresses en /latest/ mènent toujours à la plus récente ; celles en /dumps/ ne changent jamais.", "The files of the latest publication. Addresses under /latest/ always lead to the newest; those under /dumps/ never change.";
    file: "Fichier", "File";
    content: "Contenu", "Content";
    size: "Taille", "Size";
    rows: "Lignes", "Rows";
    checksum: "Empreinte SHA-256", "SHA-256 checksum";
    compressed: "Compressé", "Compressed";
    past_title: "Publications", "Publications";
    past_lead: "Chaque publication est figée ; les plus anciennes ne gardent leurs textes que compressés et les rendent tels quels.", "Each publication is frozen; older ones keep large texts compressed only and give them back plain.";
    day: "Jour", "Day";
    files: "Fichiers", "Files";
    is_withdrawn: "retirée", "withdrawn";
    is_latest: "la plus récente", "latest";
    verify: "Vérifier un téléchargement", "Verify a download";
    // Errors
    error_title: "Erreur", "Error";
    error_instead: "Voir plutôt", "See instead";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_is_what_a_reader_gets_unless_english_weighs_more() {
        for (header, wanted) in [
            (None, Lang::Fr),
            (Some(""), Lang::Fr),
            (Some("de, es;q=0.5"), Lang::Fr),
            (Some("en"), Lang::En),
            (Some("en-GB,en;q=0.9,fr;q=0.8"), Lang::En),
            (Some("fr-FR,fr;q=0.9,en-US;q=0.8,en;q=0.7"), Lang::Fr),
            (Some("fr;q=0.3, EN-us;q=0.4"), Lang::En),
            (Some("en;q=0, *"), Lang::Fr),
        ] {
            assert_eq!(Lang::accepted(header), wanted, "{header:?}");
        }
    }
}
