//! One table of a contract's fields: whether a record has it, how to take it over, how it is written.

use crate::record::{Field, Record};

use super::json;

macro_rules! one_or_many {
    (present, one, $v:expr) => {
        $v.is_some()
    };
    (present, many, $v:expr) => {
        !$v.is_empty()
    };
    (json, one, $v:expr, $write:expr) => {
        $v.as_ref().map($write)
    };
    (json, many, $v:expr, $write:expr) => {
        (!$v.is_empty()).then(|| json::list($v.iter().map($write)))
    };
}

macro_rules! table {
    ($($field:ident $member:ident $how:ident $write:expr;)+) => {
        /// Whether the record has a value of this field.
        pub(super) fn present(r: &Record, field: Field) -> bool {
            match field {
                Field::Id | Field::Acheteur => true,
                Field::ActesSousTraitance => !r.actes.is_empty(),
                Field::ModificationsActesSousTraitance => !r.modifications_actes.is_empty(),
                Field::Modifications => !r.modifications.is_empty(),
                $(Field::$field => one_or_many!(present, $how, r.$member)),+
            }
        }

        /// Whether two records say the same of this field.
        pub(super) fn equal(a: &Record, b: &Record, field: Field) -> bool {
            match field {
                Field::Id => a.id == b.id,
                Field::Acheteur => a.acheteur == b.acheteur,
                Field::ActesSousTraitance => a.actes == b.actes,
                Field::ModificationsActesSousTraitance => a.modifications_actes == b.modifications_actes,
                Field::Modifications => a.modifications == b.modifications,
                $(Field::$field => a.$member == b.$member),+
            }
        }

        /// Takes a field over.
        pub(super) fn copy(from: &Record, to: &mut Record, field: Field) {
            match field {
                Field::Id => to.id.clone_from(&from.id),
                Field::Acheteur => to.acheteur = from.acheteur,
                Field::ActesSousTraitance => to.actes.clone_from(&from.actes),
                Field::ModificationsActesSousTraitance => {
                    to.modifications_actes.clone_from(&from.modifications_actes);
                }
                Field::Modifications => to.modifications.clone_from(&from.modifications),
                $(Field::$field => to.$member.clone_from(&from.$member)),+
            }
        }

        /// The value as contrats.ndjson writes it; `None` where absent, and for the lists that are
        /// united, of which no value wins over another.
        pub(super) fn written(r: &Record, field: Field) -> Option<String> {
            match field {
                Field::Id => Some(json::text(r.id.as_str())),
                Field::Acheteur => Some(json::text(r.acheteur.as_str())),
                Field::ActesSousTraitance
                | Field::ModificationsActesSousTraitance
                | Field::Modifications => None,
                $(Field::$field => one_or_many!(json, $how, r.$member, $write)),+
            }
        }
    };
}

table! {
    AcheteurNom acheteur_nom one |v| json::text(v);
    Nature nature one |v| json::text(v.label());
    Nature2019 nature_2019 one |v| json::text(v.label());
    Objet objet one |v| json::text(v);
    CodeCpv cpv one |v| json::text(v.as_str());
    Techniques techniques many |v| json::text(v.label());
    ModalitesExecution modalites many |v| json::text(v.label());
    IdAccordCadre id_accord_cadre one |v| json::text(v);
    Procedure procedure one |v| json::text(v.label());
    LieuExecution lieu one json::place;
    DureeMois duree_mois one |v| v.to_string();
    DateNotification date_notification one |v| json::text(&v.to_string());
    DatePublicationDonnees date_publication one |v| json::text(&v.to_string());
    DateDebutExecution date_debut_execution one |v| json::text(&v.to_string());
    Montant montant one |v| json::money(*v);
    MontantSubventionPublique montant_subvention one |v| json::money(*v);
    FormePrix forme_prix one |v| json::text(v.label());
    TypesPrix types_prix many |v| json::text(v.label());
    ConsiderationsSociales considerations_sociales many |v| json::text(v.label());
    ConsiderationsEnvironnementales considerations_environnementales many |v| json::text(v.label());
    MarcheInnovant marche_innovant one |v| v.to_string();
    AttributionAvance attribution_avance one |v| v.to_string();
    TauxAvance taux_avance one |v| json::money(*v);
    SousTraitanceDeclaree sous_traitance_declaree one |v| v.to_string();
    Ccag ccag one |v| json::text(v.label());
    OffresRecues offres_recues one |v| v.to_string();
    TypeGroupementOperateurs groupement one |v| json::text(v.label());
    OrigineUe origine_ue one |v| json::money(*v);
    OrigineFrance origine_france one |v| json::money(*v);
    Titulaires titulaires many json::holder;
    DonneesExecution donnees_execution many json::donnees;
}
