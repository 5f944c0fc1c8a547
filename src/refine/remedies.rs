//! What to do about a broken rule: who mends it, and how. Many rules share one remedy, since a
//! buyer mends an export or a form, not a value.
//!
//! Every rule has one: a new rule does not compile without it.

use super::rules::Rule;

macro_rules! remedies {
    ($($(#[$doc:meta])* $name:ident = $fr:literal, $en:literal;)+) => {
        /// What to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is a row of the table")]
        pub enum Remedy { $($name),+ }

        impl Remedy {
            /// In French.
            pub fn french(self) -> &'static str { match self { $(Self::$name => $fr),+ } }
            /// In English.
            pub fn english(self) -> &'static str { match self { $(Self::$name => $en),+ } }
        }
    };
}

remedies! {
    Encoding = "À signaler à l'éditeur du profil d'acheteur : l'export doit être en UTF-8 de bout en bout, et le déclarer.", "Tell the vendor of the buyer profile: the export must be UTF-8 from end to end, and say so.";
    Syntax = "À signaler à l'éditeur du profil d'acheteur : le fichier doit être produit par une bibliothèque JSON ou XML, jamais par assemblage de textes.", "Tell the vendor of the buyer profile: the file must come from a JSON or XML library, never from pieces of text.";
    Shape = "À signaler à l'éditeur du profil d'acheteur : noms, listes et objets doivent suivre le schéma officiel ; `guichet validate` montre chaque écart.", "Tell the vendor of the buyer profile: names, lists and objects must follow the official schema; `guichet validate` shows each difference.";
    Typing = "À signaler à l'éditeur du profil d'acheteur : un nombre s'écrit sans guillemets, un identifiant entre guillemets, un booléen true ou false.", "Tell the vendor of the buyer profile: a number stands without quotes, an identifier in quotes, a boolean is true or false.";
    Filler = "Laissez le champ vide plutôt que d'y écrire NC ou 0 : l'export ne doit alors pas l'écrire. S'il est obligatoire, donnez sa valeur.", "Leave the field empty rather than writing NC or 0: the export must then leave it out. If it is required, give its value.";
    Text = "Relisez le texte à la saisie : pas de mise en forme copiée d'une page web, un objet complet et compréhensible seul. S'il est coupé, l'éditeur doit agrandir la zone.", "Read the text again when you type it: no formatting pasted from a web page, a subject that is complete and can be understood alone. If it is cut, the vendor must widen the box.";
    List = "Choisissez la valeur dans la liste officielle, mot pour mot ; chaque valeur une seule fois, et jamais « Sans objet » ou « Pas de… » avec une autre.", "Pick the value from the official list, word for word; each value once, and never \"Sans objet\" or \"Pas de…\" together with another.";
    Required = "Complétez les champs cités avant de publier : sans eux, la donnée n'est pas conforme à l'arrêté et manque dans les fichiers nationaux.", "Fill in the fields named before you publish: without them the record does not follow the arrêté and is left out of national files.";
    Date = "Vérifiez la date saisie (l'année surtout) et faites-la écrire AAAA-MM-JJ, sans heure ni fuseau.", "Check the date typed (the year above all) and have it written YYYY-MM-DD, without time or zone.";
    Chronology = "Vérifiez les deux dates : notification ou signature d'abord, publication, exécution et modifications ensuite.", "Check both dates: notification or signature first, publication, execution and modifications after.";
    Delay = "Publiez les données essentielles dans les deux mois qui suivent la notification ; automatisez l'envoi depuis votre logiciel de marchés.", "Publish the essential data within two months of notification; have your procurement software send them by itself.";
    Amount = "Vérifiez le montant : en euros hors taxes, le maximum d'un accord-cadre, écrit comme un nombre (1234.56). N'inscrivez jamais un montant fictif.", "Check the amount: euros without tax, the maximum of a framework, written as a number (1234.56). Never enter a made-up amount.";
    Duration = "Donnez la durée initiale en mois entiers (un an : 12), reconductions comprises.", "Give the initial duration in whole months (one year: 12), renewals included.";
    Offers = "Donnez le nombre d'offres reçues, au moins 1 ; laissez le champ vide s'il n'est pas connu.", "Give the number of offers received, at least 1; leave the field empty if it is not known.";
    Rate = "Écrivez un taux entre 0 et 1 (5 % : 0.05), et accordez-le avec les champs dont il dépend.", "Write a rate between 0 and 1 (5 %: 0.05), in keeping with the fields it depends on.";
    Cpv = "Choisissez le code CPV de huit chiffres dans la nomenclature européenne, sans sa clé.", "Pick the CPV code of eight digits from the European list, without its check digit.";
    Siret = "Recopiez le SIRET (14 chiffres) depuis l'annuaire des entreprises, et gardez-le comme un texte pour ne pas perdre ses zéros.", "Copy the SIRET (14 digits) from the register of companies, and keep it as text so that its zeros are not lost.";
    Identifier = "Donnez à chaque titulaire un identifiant et son type : SIRET pour une entreprise française, TVA ou HORS-UE pour une autre.", "Give each holder an identifier and its type: SIRET for a French company, TVA or HORS-UE for another.";
    ContractId = "Donnez à chaque contrat un numéro unique, stable, de 16 caractères au plus, sans espace ni guillemet.", "Give each contract a number that is unique, stable, at most 16 characters long, without space or quote.";
    Buyer = "L'acheteur s'identifie par son SIRET : corrigez-le dans le paramétrage du profil, une fois pour toutes.", "The buyer is identified by its SIRET: correct it in the settings of the profile, once and for all.";
    Place = "Donnez le code et le type de lieu qui vont ensemble : 31555 avec « Code commune », 31000 avec « Code postal », 31 avec « Code département ».", "Give a code and a type of place that go together: 31555 with \"Code commune\", 31000 with \"Code postal\", 31 with \"Code département\".";
    Coherence = "Vérifiez les champs cités : ils se contredisent, l'un des deux est à corriger.", "Check the fields named: they contradict each other, one of the two is to be corrected.";
    Modification = "Déclarez chaque modification une fois, numérotée dans l'ordre, avec sa date de notification et ce qu'elle change.", "Declare each modification once, numbered in order, with its date of notification and what it changes.";
    SubContract = "Déclarez chaque acte de sous-traitance une fois, avec le SIRET du sous-traitant et le montant sous-traité.", "Declare each sub-contracting act once, with the sub-contractor's SIRET and the sub-contracted amount.";
    Test = "Retirez les données d'essai du profil de production.", "Remove test records from the live profile.";
}

impl Rule {
    /// What to do about it.
    pub fn remedy(self) -> Remedy {
        use Rule as R;
        match self {
            R::Encoding | R::EncodingDeclared | R::EncodingDamaged | R::EncodingMixed | R::ReplacementCharacter => {
                Remedy::Encoding
            }
            R::TrailingText
            | R::HtmlPage
            | R::RowShort
            | R::UnclosedText
            | R::NotANumber
            | R::TrailingComma
            | R::ControlCharacter
            | R::BadEscape
            | R::BareQuote
            | R::LiteralSpelling
            | R::DuplicateField
            | R::XmlEscape => Remedy::Syntax,
            R::ListShape | R::FieldName | R::UnknownField | R::UnexpectedShape => Remedy::Shape,
            R::NumberAsText | R::TextAsNumber | R::BooleanAsText | R::BooleanUnreadable | R::NumberUnreadable => {
                Remedy::Typing
            }
            R::Placeholder => Remedy::Filler,
            R::Whitespace | R::HtmlEntities | R::TextTooLong | R::TextTruncated | R::TextMarkup | R::ObjetShort => {
                Remedy::Text
            }
            R::EnumSpelling
            | R::EnumUnknown
            | R::ValueRepeated
            | R::Nature2019
            | R::PriceForm2019
            | R::ConsiderationsContradict
            | R::WithoutObjectContradicts => Remedy::List,
            R::RequiredMissing => Remedy::Required,
            R::DateOffset
            | R::DateTime
            | R::DateFormat
            | R::DateYear
            | R::DateUnreadable
            | R::DateOld
            | R::DateFuture => Remedy::Date,
            R::NotificationAfterPublication
            | R::ModificationBefore
            | R::StartBeforeSignature
            | R::ExecutionBeforeSignature => Remedy::Chronology,
            R::PublicationLate | R::ModificationLate => Remedy::Delay,
            R::AmountFormat
            | R::AmountFloatNoise
            | R::AmountUnreadable
            | R::AmountAmbiguous
            | R::AmountNegative
            | R::AmountAbsurd
            | R::AmountHuge
            | R::AmountTiny
            | R::AmountDigits
            | R::AmountInCents
            | R::AmountPlanned
            | R::AmountIsIdentifier
            | R::ModificationAmount
            | R::SubsidyAboveValue => Remedy::Amount,
            R::DurationFractional
            | R::DurationUnreadable
            | R::DurationZero
            | R::DurationAbsurd
            | R::DurationLong
            | R::DurationInDays => Remedy::Duration,
            R::OffersZero | R::OffersMany | R::OffersFew => Remedy::Offers,
            R::RateRange | R::RatePercent | R::OriginContradict | R::AdvanceContradicts => Remedy::Rate,
            R::CpvCheckDigit | R::CpvLeadingZero | R::CpvShort | R::CpvFormat | R::CpvUnreadable | R::CpvDivision => {
                Remedy::Cpv
            }
            R::SiretFormat | R::SiretLeadingZero | R::SiretKey | R::SiretUnusable => Remedy::Siret,
            R::IdPlaceholder
            | R::IdTypeInferred
            | R::IdTypeCorrected
            | R::IdentifierFormat
            | R::IdentifierForm
            | R::HolderUnusable
            | R::HolderWithoutId
            | R::HolderIsBuyer => Remedy::Identifier,
            R::IdFromUid | R::UidMismatch | R::IdTooLong | R::IdCharacters | R::IdForm2019 => Remedy::ContractId,
            R::BuyerSiren | R::BuyerFromTva | R::BuyerFromUid => Remedy::Buyer,
            R::PlaceLeadingZero | R::PlaceUnknown | R::PlaceType => Remedy::Place,
            R::NatureKind | R::ProcedureKind | R::ModalityWithoutFramework | R::GroupContradicts => Remedy::Coherence,
            R::SequenceRepeated | R::SequenceOrder | R::ModificationUndated | R::ModificationEmpty => {
                Remedy::Modification
            }
            R::ActWithoutHolder
            | R::ActHolderIsTitulaire
            | R::ActAmount
            | R::ActUnknown
            | R::SubContractContradicts => Remedy::SubContract,
            R::TestRecord => Remedy::Test,
        }
    }
}

/// What to do about a reason of quarantine.
pub fn remedy_of_reason(reason: &str) -> Remedy {
    match reason {
        "buyer-missing" | "buyer-unusable" => Remedy::Buyer,
        "id-missing" | "identity-damaged" => Remedy::ContractId,
        "not-an-object" | "too-deep" | "oversized" => Remedy::Shape,
        _ => Remedy::Syntax,
    }
}
