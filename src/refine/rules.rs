//! Every rule that a record can break: code, field, weight, what it means in French and in English,
//! and where it comes from. Nothing is found that does not stand here: a [`Rule`] is the only way
//! to report a finding, and its weight is that of this table.

use crate::record::Severity::{self, Error, Repaired, Warning};

macro_rules! rules {
    ($($name:ident = $code:literal, $field:literal, $severity:ident, $fr:literal, $en:literal, $reference:literal;)+) => {
        /// A rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each variant is a row of the table")]
        pub enum Rule { $($name),+ }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),+];
            /// Code, kebab-case: what a finding carries.
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code),+ } }
            /// The fields it looks at; `*` for any.
            pub fn field(self) -> &'static str { match self { $(Self::$name => $field),+ } }
            /// What breaking it weighs.
            pub fn severity(self) -> Severity { match self { $(Self::$name => $severity),+ } }
            /// What it means and what to do, in French.
            pub fn french(self) -> &'static str { match self { $(Self::$name => $fr),+ } }
            /// What it means and what to do, in English.
            pub fn english(self) -> &'static str { match self { $(Self::$name => $en),+ } }
            /// The text that it follows.
            pub fn reference(self) -> &'static str { match self { $(Self::$name => $reference),+ } }
            /// The rule of this code.
            pub fn from_code(code: &str) -> Option<Self> { match code { $($code => Some(Self::$name),)+ _ => None } }
        }
    };
}

rules! {
    Encoding = "encoding", "*", Repaired, "Le fichier n'est pas en UTF-8 ; il a été converti. Publiez en UTF-8.", "The file is not UTF-8; it was converted. Publish UTF-8.", "arrêté 22/12/2022, annexe";
    EncodingDeclared = "encoding-declared", "*", Repaired, "L'encodage déclaré n'est pas celui du fichier. Corrigez la déclaration.", "The declared encoding is not that of the file. Correct the declaration.", "XML 1.0 §4.3.3";
    EncodingDamaged = "encoding-damaged", "*", Warning, "Des octets n'ont pas de sens dans cet encodage : des caractères sont perdus.", "Some bytes mean nothing in this encoding: characters are lost.", "RFC 3629";
    EncodingMixed = "encoding-mixed", "*", Repaired, "Cette donnée est en Windows-1252 dans un fichier UTF-8 ; elle a été convertie.", "This record is Windows-1252 inside a UTF-8 file; it was converted.", "RFC 3629";
    TrailingText = "trailing-text", "*", Repaired, "Texte après la fin du document : ignoré.", "Text after the end of the document: passed over.", "RFC 8259 §2";
    HtmlPage = "html-page", "*", Repaired, "Les données sont à l'intérieur d'une page web : elles en ont été tirées. Publiez le fichier seul.", "The data stand inside a web page, from which they were taken. Publish the file alone.", "RFC 8259 §11";
    RowShort = "row-short", "*", Repaired, "Ligne de tableau avec moins de cellules que l'en-tête : les dernières sont lues comme vides.", "A row of a table with fewer cells than its header: the last ones are read as empty.", "RFC 4180 §2";
    NotANumber = "not-a-number", "*", Repaired, "NaN ou Infinity n'est pas une valeur JSON : lu comme absent. N'écrivez pas le champ.", "NaN or Infinity is no JSON value: read as absent. Leave the field out.", "RFC 8259 §6";
    TrailingComma = "trailing-comma", "*", Repaired, "Virgule en trop avant une fermeture.", "A comma too many before a closing bracket.", "RFC 8259 §4";
    ControlCharacter = "control-character", "*", Repaired, "Caractère de contrôle dans un texte : retiré ou lu comme une espace.", "A control character in a text: dropped or read as a space.", "RFC 8259 §7, XML 1.0 §2.2";
    BadEscape = "bad-escape", "*", Repaired, "Barre oblique inverse devant un caractère qui n'en demande pas, ou code Unicode isolé.", "A backslash before a character that needs none, or half a Unicode pair.", "RFC 8259 §7";
    BareQuote = "bare-quote", "*", Repaired, "Guillemets non échappés dans un texte.", "Quotes inside a text are not escaped.", "RFC 8259 §7";
    UnclosedText = "unclosed-text", "*", Repaired, "Texte sans guillemet fermant : il s'arrête avant le champ suivant.", "A text without its closing quote: it ends before the next field.", "RFC 8259 §7";
    LiteralSpelling = "literal-spelling", "*", Repaired, "true, false ou null mal écrit (True, None…).", "true, false or null misspelt (True, None…).", "RFC 8259 §3";
    DuplicateField = "duplicate-field", "*", Repaired, "Champ présent deux fois : la première valeur est gardée.", "A field stands twice: the first value is kept.", "RFC 8259 §4, XSD";
    XmlEscape = "xml-escape", "*", Repaired, "« & » ou « < » non échappé, ou entité inconnue de XML.", "\"&\" or \"<\" is not escaped, or an entity XML does not know.", "XML 1.0 §2.4";
    ListShape = "list-shape", "*", Repaired, "Liste ou objet dans une autre forme que celle du schéma ; elle a été redressée.", "A list or an object in another shape than the schema's; it was straightened.", "schéma DECP 2.0.4";
    FieldName = "field-name", "*", Repaired, "Champ sous un autre nom que celui du schéma.", "A field under another name than the schema's.", "schéma DECP 2.0.4";
    UnknownField = "unknown-field", "*", Warning, "Champ inconnu du format : gardé à part.", "A field the format does not know: kept beside.", "schéma DECP 2.0.4";
    UnexpectedShape = "unexpected-shape", "*", Error, "Le champ n'a pas la forme attendue : gardé tel quel à part.", "The field has not the expected shape: kept as it is, beside.", "schéma DECP 2.0.4";

    Placeholder = "placeholder", "*", Repaired, "Mention sans valeur (NC, non disponible…) : lue comme absente. N'écrivez pas le champ.", "A filler (NC, not available…): read as absent. Leave the field out.", "schéma DECP 2.0.4";
    Whitespace = "whitespace", "*", Repaired, "Espaces superflues ou retours à la ligne.", "Needless spaces or line breaks.", "schéma DECP 2.0.4";
    HtmlEntities = "html-entities", "*", Repaired, "Entités HTML dans un texte (&amp;, &#8217;…) : remplacées par leurs caractères.", "HTML entities in a text (&amp;, &#8217;…): replaced by their characters.", "schéma DECP 2.0.4";
    ReplacementCharacter = "replacement-character", "*", Warning, "Caractère perdu (�) avant publication : corrigez l'export.", "A character was lost (�) before publication: correct the export.", "Unicode §5.22";
    TextTooLong = "text-too-long", "objet, objetModification", Warning, "Texte plus long que le format ne l'admet (256 caractères en 2019, 1000 en 2022).", "A text longer than its format takes (256 characters in 2019, 1000 in 2022).", "schéma DECP 1.5 et 2.0.4, objet";
    TextTruncated = "text-truncated", "objet, objetModification", Warning, "Texte d'exactement 256 ou 1000 caractères : la fin a sans doute été coupée.", "A text of exactly 256 or 1000 characters: its end was probably cut off.", "règle de qualité";
    TextMarkup = "text-markup", "*", Warning, "Balises HTML ou code de script dans un texte.", "HTML tags or script code in a text.", "règle de qualité";
    ObjetShort = "objet-short", "objet", Warning, "Objet de moins de trois lettres : il ne dit pas ce qui est acheté.", "A subject of fewer than three letters: it does not say what is bought.", "règle de qualité";
    RequiredMissing = "required-missing", "*", Error, "Des champs que le format officiel exige sont absents, ou ne portent qu'une mention sans valeur.", "Fields that the official format requires are absent, or hold a mere filler.", "schéma DECP 1.5 et 2.0.4, required";
    NumberAsText = "number-as-text", "*", Repaired, "Nombre écrit comme un texte.", "A number written as text.", "schéma DECP 2.0.4";
    TextAsNumber = "text-as-number", "*", Repaired, "Identifiant ou code écrit comme un nombre : des zéros peuvent être perdus.", "An identifier or a code written as a number: zeros may be lost.", "schéma DECP 2.0.4";
    BooleanAsText = "boolean-as-text", "*", Repaired, "Booléen écrit comme un texte ou un nombre.", "A boolean written as text or number.", "schéma DECP 2.0.4";
    BooleanUnreadable = "boolean-unreadable", "*", Error, "Ni vrai ni faux.", "Neither true nor false.", "schéma DECP 2.0.4";
    EnumSpelling = "enum-spelling", "*", Repaired, "Valeur de liste mal orthographiée (casse, accents, ancien libellé).", "A value of a list misspelt (case, accents, former label).", "schéma DECP 2.0.4";
    EnumUnknown = "enum-unknown", "*", Error, "Valeur absente de la liste officielle.", "A value that is not in the official list.", "schéma DECP 2.0.4";
    ValueRepeated = "value-repeated", "*", Repaired, "Élément répété dans une liste.", "An item repeated in a list.", "schéma DECP 2.0.4, uniqueItems";
    NumberUnreadable = "number-unreadable", "*", Error, "Ce n'est pas un nombre de la forme attendue.", "Not a number of the expected form.", "schéma DECP 2.0.4";

    DateOffset = "date-offset", "*", Repaired, "Date suivie d'un fuseau horaire : seul le jour est gardé.", "A date followed by a time zone: only the day is kept.", "arrêté 22/03/2019";
    DateTime = "date-time", "*", Repaired, "Date avec une heure : seul le jour (heure de Paris) est gardé.", "A date with a time: only the day (in Paris) is kept.", "schéma DECP 2.0.4";
    DateFormat = "date-format", "*", Repaired, "Date dans un autre format que AAAA-MM-JJ.", "A date in another format than YYYY-MM-DD.", "ISO 8601";
    DateYear = "date-year", "*", Error, "Année impossible.", "An impossible year.", "schéma DECP 2.0.4";
    DateUnreadable = "date-unreadable", "*", Error, "Ce n'est pas une date du calendrier.", "Not a day of the calendar.", "ISO 8601";
    DateOld = "date-old", "*", Warning, "Date antérieure à 2000.", "A date before 2000.", "règle de qualité";
    DateFuture = "date-future", "*", Warning, "Date postérieure au jour où la donnée a été vue.", "A date after the day the record was first seen.", "règle de qualité";

    AmountFormat = "amount-format", "montant", Repaired, "Montant avec séparateurs ou symbole.", "An amount with separators or a currency sign.", "schéma DECP 2.0.4, montant";
    AmountFloatNoise = "amount-float-noise", "montant", Repaired, "Montant déformé par un calcul en virgule flottante ; arrondi au centime.", "An amount bent by floating-point arithmetic; rounded to the cent.", "règle de qualité";
    AmountUnreadable = "amount-unreadable", "montant", Error, "Ce n'est pas un montant.", "Not an amount.", "schéma DECP 2.0.4, montant";
    AmountAmbiguous = "amount-ambiguous", "montant", Error, "Le séparateur peut être décimal ou de milliers.", "The separator may be of decimals or of thousands.", "schéma DECP 2.0.4, montant";
    AmountNegative = "amount-negative", "montant", Error, "Montant négatif.", "A negative amount.", "schéma DECP 2.0.4, montant";
    AmountAbsurd = "amount-absurd", "montant", Error, "Montant de 100 milliards d'euros ou plus.", "An amount of 100 billion euros or more.", "règle de qualité";
    AmountHuge = "amount-huge", "montant", Warning, "Montant d'un milliard d'euros ou plus : à vérifier.", "An amount of one billion euros or more: check it.", "règle de qualité";
    AmountTiny = "amount-tiny", "montant", Warning, "Montant d'un euro ou moins.", "An amount of one euro or less.", "schéma DECP 2.0.4, montant";
    AmountDigits = "amount-digits", "montant", Warning, "Montant fait d'un même chiffre ou d'une suite (999999, 123456) : sans doute fictif.", "An amount of one repeated digit or a run (999999, 123456): probably made up.", "règle de qualité";
    AmountInCents = "amount-in-cents", "montant", Repaired, "L'export a perdu la virgule décimale : le montant est en centimes.", "The export lost the decimal comma: the amount is in cents.", "table de la Région Bretagne";
    AmountPlanned = "amount-planned", "montant", Repaired, "Aucun montant conclu : le montant prévu en tient lieu.", "No agreed amount: the planned one stands for it.", "arrêté 22/12/2022, montant (forfaitaire ou estimé maximum)";
    AmountIsIdentifier = "amount-is-identifier", "montant", Warning, "Le montant est fait des chiffres d'un autre champ (SIREN, SIRET ou CPV) : sans doute un décalage de colonnes.", "The amount has the digits of another field (SIREN, SIRET or CPV): columns have probably slipped.", "règle de qualité";

    DurationFractional = "duration-fractional", "dureeMois", Repaired, "Durée avec une fraction de mois : arrondie au mois supérieur.", "A duration with a fraction of a month: rounded up.", "schéma DECP 2.0.4, dureeMois";
    DurationUnreadable = "duration-unreadable", "dureeMois", Error, "Ce n'est pas une durée en mois.", "Not a duration in months.", "schéma DECP 2.0.4, dureeMois";
    DurationZero = "duration-zero", "dureeMois", Error, "Durée nulle ou négative.", "A duration of zero or less.", "schéma DECP 2.0.4, dureeMois";
    DurationAbsurd = "duration-absurd", "dureeMois", Error, "Durée de plus de cent ans.", "A duration of more than a hundred years.", "règle de qualité";
    DurationLong = "duration-long", "dureeMois", Warning, "Durée de plus de 15 ans (30 pour une concession).", "A duration of more than 15 years (30 for a concession).", "règle de qualité";
    DurationInDays = "duration-in-days", "dureeMois", Warning, "Durée sans doute donnée en jours : 360, 365 ou 366 (ou un multiple) pour un montant modeste.", "The duration is probably in days: 360, 365 or 366 (or a multiple) for a modest amount.", "règle de qualité";
    OffersZero = "offers-zero", "offresRecues", Error, "Aucune offre reçue, et pourtant un contrat.", "No offer received, and yet a contract.", "schéma DECP 2.0.4, offresRecues";
    OffersMany = "offers-many", "offresRecues", Warning, "Plus de 500 offres reçues : à vérifier.", "More than 500 offers received: check it.", "règle de qualité";
    OffersFew = "offers-fewer-than-titulaires", "offresRecues", Warning, "Moins d'offres reçues que de titulaires, sans groupement.", "Fewer offers received than holders, without a group of operators.", "arrêté 22/12/2022, offresRecues";
    RateRange = "rate-out-of-range", "tauxAvance", Error, "Un taux est compris entre 0 et 1.", "A rate lies between 0 and 1.", "schéma DECP 2.0.4, tauxAvance";
    RatePercent = "rate-percent", "tauxAvance", Repaired, "Taux écrit en pourcentage.", "A rate written as a percentage.", "schéma DECP 2.0.4, tauxAvance";

    CpvCheckDigit = "cpv-check-digit", "codeCPV", Repaired, "Code CPV avec sa clé ; la clé est ôtée.", "A CPV code with its check digit, which is dropped.", "schéma DECP 2.0.4, codeCPV";
    CpvLeadingZero = "cpv-leading-zero", "codeCPV", Repaired, "Code CPV qui a perdu son zéro initial.", "A CPV code that lost its leading zero.", "règlement (CE) 213/2008";
    CpvShort = "cpv-short", "codeCPV", Repaired, "Code CPV abrégé ; complété par des zéros.", "A CPV code cut short; filled up with zeros.", "règlement (CE) 213/2008";
    CpvFormat = "cpv-format", "codeCPV", Repaired, "Code CPV avec d'autres signes.", "A CPV code among other signs.", "schéma DECP 2.0.4, codeCPV";
    CpvUnreadable = "cpv-unreadable", "codeCPV", Error, "Ce n'est pas un code CPV, ou deux lectures sont possibles.", "Not a CPV code, or one that can be read in two ways.", "règlement (CE) 213/2008";
    CpvDivision = "cpv-division", "codeCPV", Warning, "La division de ce code CPV n'existe pas.", "The division of this CPV code does not exist.", "règlement (CE) 213/2008";

    SiretFormat = "siret-format", "acheteur.id, titulaires.id", Repaired, "SIRET avec des espaces ou des signes.", "A SIRET with spaces or signs.", "code de commerce R123-221";
    SiretLeadingZero = "siret-leading-zero", "acheteur.id, titulaires.id", Repaired, "SIRET qui a perdu ses zéros initiaux ; la clé le confirme.", "A SIRET that lost its leading zeros; the key confirms it.", "code de commerce R123-221";
    SiretKey = "siret-key", "acheteur.id, titulaires.id", Warning, "La clé de ce SIRET est fausse.", "The key of this SIRET is wrong.", "code de commerce R123-221";
    SiretUnusable = "siret-unusable", "titulaires.id", Error, "Ce n'est pas un SIRET.", "Not a SIRET.", "code de commerce R123-221";
    IdPlaceholder = "id-placeholder", "titulaires.id", Error, "Identifiant de remplissage (zéros, chiffre répété).", "A filler in place of an identifier (zeros, one digit repeated).", "règle de qualité";
    IdTypeInferred = "id-type-inferred", "titulaires.typeIdentifiant", Repaired, "Type d'identifiant absent ; déduit de la forme.", "The identifier's type is missing; it follows from the form.", "schéma DECP 2.0.4, typeIdentifiant";
    IdTypeCorrected = "id-type-corrected", "titulaires.typeIdentifiant", Repaired, "Le type déclaré n'est pas celui de l'identifiant ; corrigé.", "The declared type is not the identifier's; corrected.", "schéma DECP 2.0.4, typeIdentifiant";
    IdentifierFormat = "identifier-format", "titulaires.id", Repaired, "Identifiant avec des espaces ou en minuscules.", "An identifier with spaces or in lower case.", "schéma DECP 2.0.4";
    IdentifierForm = "identifier-form", "titulaires.id", Warning, "L'identifiant n'a pas la forme de son type.", "The identifier has not the form of its type.", "notice DECP";
    BuyerSiren = "buyer-siren", "acheteur.id", Repaired, "Acheteur donné par son SIREN ; lu comme son premier établissement.", "The buyer is given by its SIREN; read as its first establishment.", "code de commerce R123-221";
    BuyerFromTva = "buyer-from-tva", "acheteur.id", Repaired, "Acheteur donné par son numéro de TVA, qui contient son SIREN.", "The buyer is given by its VAT number, which holds its SIREN.", "CGI art. 286 ter";
    BuyerFromUid = "buyer-from-uid", "acheteur.id", Repaired, "SIRET de l'acheteur repris de l'uid.", "The buyer's SIRET is taken from the uid.", "arrêté 22/03/2019, uid";
    IdFromUid = "id-from-uid", "id", Repaired, "Identifiant du marché repris de l'uid.", "The contract's id is taken from the uid.", "arrêté 22/03/2019, uid";
    UidMismatch = "uid-mismatch", "uid", Warning, "L'uid n'est pas le SIRET de l'acheteur suivi de l'id.", "The uid is not the buyer's SIRET followed by the id.", "arrêté 22/03/2019, uid";
    IdTooLong = "id-too-long", "id", Warning, "Identifiant de plus de 16 caractères : ne peut figurer dans le format officiel.", "An id of more than 16 characters: it cannot stand in the official format.", "schéma DECP 2.0.4, id";
    IdCharacters = "id-characters", "id", Warning, "Identifiant avec un caractère déconseillé : espace, guillemet, &, \\, <, virgule ou point-virgule.", "An id with a character to avoid: space, quote, &, \\, <, comma or semicolon.", "notice DECP, id";
    IdForm2019 = "id-form-2019", "id", Warning, "L'identifiant de 2019 compte 7 à 16 caractères et commence par l'année de notification.", "An id of 2019 has 7 to 16 characters and begins with the year of notification.", "arrêté 22/03/2019, id";
    HolderUnusable = "titulaire-unusable", "titulaires", Error, "Titulaire sans identifiant ni nom utilisables.", "A holder without usable identifier or name.", "schéma DECP 2.0.4, titulaires";
    HolderIsBuyer = "titulaire-is-acheteur", "titulaires", Warning, "Le titulaire est l'acheteur lui-même.", "The holder is the buyer itself.", "règle de qualité";
    HolderWithoutId = "titulaire-without-id", "titulaires.id, sousTraitant.id", Warning, "Titulaire ou sous-traitant connu par son seul nom : il manque son identifiant.", "A holder or sub-contractor known by its name alone: its identifier is missing.", "schéma DECP 2.0.4, titulaires";
    GroupContradicts = "groupement-contradict", "typeGroupementOperateurs", Warning, "« Pas de groupement » avec plusieurs titulaires, hors accord-cadre.", "\"Pas de groupement\" with several holders, outside a framework.", "arrêté 22/12/2022, typeGroupementOperateurs";
    ActWithoutHolder = "acte-without-sous-traitant", "actesSousTraitance.sousTraitant", Error, "Acte de sous-traitance sans sous-traitant utilisable.", "A sub-contracting act without a usable sub-contractor.", "schéma DECP 2.0.4, actesSousTraitance";
    ActHolderIsTitulaire = "sous-traitant-is-titulaire", "actesSousTraitance.sousTraitant", Warning, "Le sous-traitant est le titulaire lui-même.", "The sub-contractor is the holder itself.", "code de la commande publique L2193-2";
    ActAmount = "acte-amount", "actesSousTraitance.montant", Warning, "Montant sous-traité supérieur à celui du marché.", "The sub-contracted amount is above that of the contract.", "règle de qualité";
    ActUnknown = "acte-unknown", "modificationsActesSousTraitance.id", Warning, "Modification d'un acte de sous-traitance qui n'est pas déclaré.", "A modification of a sub-contracting act that is not declared.", "schéma DECP 2.0.4, modificationsActesSousTraitance";
    SubContractContradicts = "sous-traitance-contradict", "sousTraitanceDeclaree", Warning, "« Pas de sous-traitance » et pourtant des actes de sous-traitance.", "No sub-contracting declared, and yet sub-contracting acts.", "arrêté 22/12/2022, sousTraitanceDeclaree";

    PlaceLeadingZero = "place-leading-zero", "lieuExecution.code", Repaired, "Code de lieu qui a perdu son zéro initial.", "A place's code that lost its leading zero.", "Code officiel géographique";
    PlaceUnknown = "place-unknown", "lieuExecution.code", Warning, "Ce lieu n'existe pas.", "This place does not exist.", "Code officiel géographique";
    PlaceType = "place-type", "lieuExecution.typeCode", Warning, "Ce code existe sous un autre type de lieu.", "This code exists as another type of place.", "Code officiel géographique";
    Nature2019 = "nature-2019", "nature", Repaired, "Nature du format 2019 : l'accord-cadre est devenu une technique.", "A nature of the 2019 format: the framework became a technique.", "arrêté 22/12/2022";
    NatureKind = "nature-kind", "nature", Warning, "La nature contredit le type (marché ou concession).", "The nature contradicts the type (marché or concession).", "schéma DECP 2.0.4";
    ProcedureKind = "procedure-kind", "procedure", Warning, "La procédure contredit le type (marché ou concession).", "The procedure contradicts the type (marché or concession).", "schéma DECP 2.0.4";
    ModalityWithoutFramework = "modalite-without-accord-cadre", "modalitesExecution", Warning, "Bons de commande ou marchés subséquents sans la technique « Accord-cadre ».", "Purchase orders or subsequent contracts without the technique \"Accord-cadre\".", "code de la commande publique R2162-2";
    WithoutObjectContradicts = "sans-objet-contradict", "techniques, modalitesExecution", Warning, "« Sans objet » avec une autre valeur.", "\"Sans objet\" together with another value.", "schéma DECP 2.0.4";
    AdvanceContradicts = "avance-contradict", "tauxAvance", Warning, "Taux d'avance positif, et pourtant aucune avance attribuée.", "An advance rate above zero, and yet no advance granted.", "arrêté 22/12/2022, tauxAvance";
    PriceForm2019 = "price-form-2019", "formePrix", Repaired, "Forme de prix du format 2019 : c'est un type de prix.", "A price form of the 2019 format: it is a type of price.", "arrêté 22/12/2022";

    NotificationAfterPublication = "notification-after-publication", "dateNotification", Warning, "Notifié après sa publication.", "Notified after its publication.", "règle de qualité";
    PublicationLate = "publication-late", "datePublicationDonnees", Warning, "Publié plus de deux mois après la notification.", "Published more than two months after notification.", "code de la commande publique R2196-1";
    ModificationBefore = "modification-before-notification", "modifications", Warning, "Modifié avant d'être notifié.", "Modified before it was notified.", "règle de qualité";
    SequenceRepeated = "sequence-repeated", "modifications.id", Warning, "Deux modifications, ou deux actes, de même numéro.", "Two modifications, or two acts, of one number.", "arrêté 22/12/2022";
    SequenceOrder = "sequence-order", "modifications.id", Warning, "Les numéros ne croissent pas dans l'ordre des notifications.", "The numbers do not grow in the order of notification.", "notice DECP, modifications.id";
    ModificationUndated = "modification-undated", "modifications", Error, "Modification sans date de notification utilisable.", "A modification without a usable date of notification.", "schéma DECP 2.0.4, modifications";
    ModificationEmpty = "modification-empty", "modifications", Warning, "Modification qui ne change rien : ni montant, ni durée, ni titulaires.", "A modification that changes nothing: neither amount, nor duration, nor holders.", "arrêté 22/12/2022, modifications";
    ModificationAmount = "modification-amount", "modifications.montant", Warning, "Montant modifié plus de dix fois supérieur au montant initial : à vérifier.", "The modified amount is more than ten times the first one: check it.", "code de la commande publique R2194-3";
    ModificationLate = "modification-late", "modifications", Warning, "Modification publiée plus de deux mois après sa notification.", "A modification published more than two months after its notification.", "code de la commande publique R2196-1";
    StartBeforeSignature = "start-before-signature", "dateDebutExecution", Warning, "Exécution commencée avant la signature.", "Execution began before the signature.", "règle de qualité";
    ExecutionBeforeSignature = "execution-before-signature", "donneesExecution", Warning, "Données d'exécution publiées avant la signature.", "Execution data published before the signature.", "règle de qualité";
    SubsidyAboveValue = "subvention-above-value", "montantSubventionPublique", Warning, "Subvention supérieure à la valeur de la concession.", "A subsidy above the value of the concession.", "règle de qualité";
    ConsiderationsContradict = "considerations-contradict", "considerationsSociales", Warning, "« Pas de considération » avec une autre valeur.", "\"No consideration\" together with another value.", "schéma DECP 2.0.4";
    OriginContradict = "origin-contradict", "origineUE", Warning, "La part européenne est inférieure à la part française.", "The European share is below the French one.", "arrêté 22/12/2022, origineUE";
    TestRecord = "test-record", "*", Warning, "Donnée d'essai : à retirer de la publication.", "A test record: remove it from publication.", "règle de qualité";
}

/// Why a record goes to quarantine, in French and in English.
pub const REASONS: &[(&str, &str, &str)] = &[
    ("cut", "Le document s'arrête au milieu de cette donnée.", "The document stops inside this record."),
    ("null", "null à la place d'une donnée.", "null in the place of a record."),
    ("empty", "Donnée sans aucun champ.", "A record without any field."),
    ("not-an-object", "Autre chose qu'une donnée dans la liste.", "Something else than a record in the list."),
    ("unreadable", "Donnée illisible : syntaxe fausse.", "An unreadable record: broken syntax."),
    ("too-deep", "Trop de niveaux imbriqués.", "Nested too deep."),
    ("oversized", "Donnée plus longue que la limite.", "A record longer than the limit."),
    ("buyer-missing", "Aucun acheteur déclaré.", "No buyer declared."),
    ("buyer-unusable", "L'identifiant de l'acheteur n'est pas un SIRET.", "The buyer's identifier is no SIRET."),
    (
        "identity-damaged",
        "L'identifiant est abîmé par des guillemets non protégés.",
        "The id is damaged by quotes that are not escaped.",
    ),
    ("id-missing", "Aucun identifiant de contrat.", "No contract id."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_of_a_decoder_is_a_rule() {
        for code in crate::decode::NOTES {
            assert!(Rule::from_code(code).is_some(), "{code}");
        }
    }

    #[test]
    fn codes_are_unique_and_say_something_in_both_languages() {
        let mut codes: Vec<_> = Rule::ALL.iter().map(|r| r.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert_eq!(Rule::from_code(rule.code()), Some(*rule));
            assert!(rule.french().len() > 10 && rule.english().len() > 10 && !rule.reference().is_empty());
            assert!(rule.code().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
