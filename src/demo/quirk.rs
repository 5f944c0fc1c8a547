//! How a real source spells a record, and how it breaks one: every fault is a named value, so that
//! a scenario says what it does and the truth says what has to come out.
//!
//! A quirk works on the tree before it is written, and keeps the record readable; a [`Broken`]
//! record is none any more.

use super::dialect::{Dialect, Node, amount_name, buyer_name, date_name, holders_name};
use crate::record::Record;

/// A spelling that differs from the schema's. Those before `AmountHuge` leave the record's values
/// readable; from there on one has no single right answer and stays out of the clean field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// `"montant": "12000.5"`.
    AmountAsText,
    /// `45000000-7`: this digit after the code.
    CpvCheckDigit(u8),
    /// `2024-05-01+02:00`.
    DateWithOffset,
    /// `2024-05-01T00:00:00`.
    DateWithTime,
    /// The object in capitals.
    ObjetInCapitals,
    /// Double and outer spaces in the object.
    ObjetSpaced,
    /// A control character between two words of the object.
    ObjetWithControl,
    /// The procedure in capitals, without accents.
    ProcedureInCapitals,
    /// `"oui"`, `"non"` for booleans (in JSON too).
    BooleansAsWords,
    /// `"1"`, `"0"` for booleans.
    BooleansAsDigits,
    /// `[{typeIdentifiant, id}]` where the format wraps (2022 JSON), doubly nested where it does
    /// not (2019 JSON).
    HoldersMiswrapped,
    /// One holder as an object where a list is due (JSON).
    HolderAsObject,
    /// `"techniques": "Sans objet"` where an object with a list is due (2022 JSON).
    TechniquesAsText,
    /// Spaces around the buyer's SIRET.
    BuyerSpaced,
    /// No `id`, but a `uid` from which it follows.
    IdInUidOnly,
    /// The same fields in another order, so that the bytes differ and nothing else.
    Reordered,
    /// Two quotes in the object that are not escaped (JSON): the text between them looks as if it
    /// stood outside.
    QuotesUnescaped,
    /// A single one: from there on, text looks like structure and structure like text.
    QuoteUnescaped,
    /// `NC` for the number of offers and the share of the advance.
    OffersNotCommunicated,
    /// `1e17`.
    AmountHuge,
    /// `NaN`, not even JSON.
    AmountNotANumber,
    /// A day of the year 222.
    YearTypo,
    /// `NC` for the duration.
    DurationNotCommunicated,
    /// A procedure that no list has.
    ProcedureUnknown,
    /// A SIRET of 17 digits for each holder.
    HoldersOverlong,
}

impl Quirk {
    /// Whether a reader of this dialect has to repair it (what is a fault in JSON may be the rule
    /// in XML, where everything is text).
    pub fn is_repaired(self, dialect: Dialect) -> bool {
        match self {
            Self::CpvCheckDigit(_)
            | Self::DateWithOffset
            | Self::DateWithTime
            | Self::ProcedureInCapitals
            | Self::BuyerSpaced
            | Self::IdInUidOnly => true,
            Self::AmountAsText | Self::HoldersMiswrapped | Self::HolderAsObject => {
                dialect.is_json()
            }
            _ => false,
        }
    }

    /// Whether the text of the record is damaged, and not only what it says.
    pub fn damages_text(self) -> bool {
        matches!(self, Self::QuotesUnescaped | Self::QuoteUnescaped)
    }

    /// Spells the tree of a record this way, where the dialect can.
    pub(crate) fn apply(self, r: &Record, dialect: Dialect, tree: &mut Node) {
        let (amount, date) = (amount_name(r), date_name(r));
        match self {
            Self::AmountAsText => respell(tree, amount, |n| n),
            Self::CpvCheckDigit(d) => respell(tree, "codeCPV", |t| format!("{t}-{}", d % 10)),
            Self::DateWithOffset => respell(tree, date, |t| t + "+02:00"),
            Self::DateWithTime => respell(tree, date, |t| t + "T00:00:00"),
            Self::ObjetInCapitals => respell(tree, "objet", |t| t.to_uppercase()),
            Self::ObjetSpaced => respell(tree, "objet", |t| {
                format!("  {} ", t.replacen(' ', "   ", 1))
            }),
            Self::ObjetWithControl => respell(tree, "objet", |t| t.replacen(' ', " \u{1}", 1)),
            Self::ProcedureInCapitals => respell(tree, "procedure", |t| {
                crate::record::fold(&t).to_uppercase()
            }),
            Self::BooleansAsWords => booleans(tree, ["non", "oui"]),
            Self::BooleansAsDigits => booleans(tree, ["0", "1"]),
            Self::HoldersMiswrapped if dialect.is_json() => miswrap(tree, r, dialect),
            Self::HolderAsObject if dialect.is_json() => unlist(tree, r),
            Self::TechniquesAsText if dialect.is_json() => scalar(tree),
            Self::HoldersMiswrapped | Self::HolderAsObject | Self::TechniquesAsText => {}
            Self::BuyerSpaced => {
                if let Some(buyer) = tree.field(buyer_name(r)) {
                    respell(buyer, "id", |t| format!("  {t} "));
                }
            }
            Self::IdInUidOnly => {
                tree.remove("id");
                tree.remove("uid");
                tree.push("uid", Node::text(format!("{}{}", r.acheteur, r.id)));
            }
            Self::Reordered => {
                if let Node::Fields(fields) = tree {
                    fields.rotate_right(1);
                }
            }
            // Done to the text: see `damage`.
            Self::QuotesUnescaped | Self::QuoteUnescaped => {}
            Self::OffersNotCommunicated => {
                respell(tree, "offresRecues", |_| "NC".to_owned());
                respell(tree, "tauxAvance", |_| "NC".to_owned());
            }
            Self::AmountHuge => renumber(tree, amount, "1e17"),
            Self::AmountNotANumber => renumber(tree, amount, "NaN"),
            Self::YearTypo => respell(tree, date, |t| {
                format!("0222{}", t.get(4..).unwrap_or_default())
            }),
            Self::DurationNotCommunicated => respell(tree, "dureeMois", |_| "NC".to_owned()),
            Self::ProcedureUnknown => {
                respell(tree, "procedure", |_| "Commande de gré à gré".to_owned())
            }
            Self::HoldersOverlong => overlong(tree, r),
        }
    }

    /// Damages the text of a record, for the quirks that no tree can hold.
    pub(crate) fn damage(self, dialect: Dialect, text: String) -> String {
        let quotes = match self {
            Self::QuotesUnescaped if dialect.is_json() => 2,
            Self::QuoteUnescaped if dialect.is_json() => 1,
            _ => return text,
        };
        let Some((_, objet)) = text.split_once("\"objet\":").and_then(|(_, rest)| rest.split_once('"')) else {
            return text;
        };
        let at = text.len() - objet.len();
        let quoted = objet.replacen(' ', " \"", quotes);
        format!("{}{quoted}", text.get(..at).unwrap_or_default())
    }
}

fn respell(tree: &mut Node, name: &str, how: impl FnOnce(String) -> String) {
    if let Some(node) = tree.field(name) {
        if let Node::Text(t) | Node::Number(t) = node {
            *node = Node::Text(how(std::mem::take(t)));
        }
    }
}

fn renumber(tree: &mut Node, name: &str, number: &str) {
    if let Some(node) = tree.field(name) {
        *node = Node::Number(number.to_owned());
    }
}

fn booleans(tree: &mut Node, words: [&str; 2]) {
    if let Node::Fields(fields) = tree {
        for (_, node) in fields {
            if let Node::Bool(b) = node {
                *node = Node::text(words[usize::from(*b)]);
            }
        }
    }
}

fn miswrap(tree: &mut Node, r: &Record, dialect: Dialect) {
    if let Some(node) = tree.field(holders_name(r).0) {
        if let Node::Items(_, items) = node {
            let items = std::mem::take(items);
            *node = match dialect {
                Dialect::Json2019 => Node::Bare(vec![Node::Bare(items)]),
                _ => Node::Bare(items),
            };
        }
    }
}

fn unlist(tree: &mut Node, r: &Record) {
    if let Some(node) = tree.field(holders_name(r).0) {
        if let Node::Items(_, items) = node
            && items.len() == 1
            && let Some(one) = items.pop()
        {
            *node = one;
        }
    }
}

fn scalar(tree: &mut Node) {
    if let Some(node) = tree.field("techniques") {
        if let Node::Words(_, words) = node
            && words.len() == 1
            && let Some(one) = words.pop()
        {
            *node = one;
        }
    }
}

fn overlong(tree: &mut Node, r: &Record) {
    if let Some(Node::Items(_, items)) = tree.field(holders_name(r).0) {
        items
            .iter_mut()
            .for_each(|h| respell(h, "id", |t| t + "123"));
    }
}

/// What stands where a record is due, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// `null`; in XML an element that closes itself.
    Null,
    /// `{}`; in XML an element with nothing in it.
    Empty,
    /// Nobody buys.
    NoBuyer,
    /// Without an id, and without a uid to find it in.
    NoId,
    /// The buyer's SIRET has 17 digits.
    BuyerOverlong,
    /// No colon after the name `id` (JSON); an element in the object that nothing closes (XML).
    Garbled,
    /// The first half of a record, and then the next one.
    Torn,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Null,
        Self::Empty,
        Self::NoBuyer,
        Self::NoId,
        Self::BuyerOverlong,
        Self::Garbled,
        Self::Torn,
    ];

    /// Whether the text of the record is damaged, and not only what it says.
    pub fn damages_text(self) -> bool {
        matches!(self, Self::Garbled | Self::Torn)
    }

    /// Takes the identity out of the tree, for the kinds that still are well formed.
    pub(crate) fn apply(self, r: &Record, tree: &mut Node) {
        tree.remove("uid");
        match self {
            Self::Null => {}
            Self::Empty => *tree = Node::Fields(Vec::new()),
            Self::NoBuyer => tree.remove(buyer_name(r)),
            Self::NoId => tree.remove("id"),
            Self::BuyerOverlong => {
                if let Some(buyer) = tree.field(buyer_name(r)) {
                    respell(buyer, "id", |t| t + "123");
                }
            }
            Self::Garbled | Self::Torn => {}
        }
    }

    /// Breaks the text of a record, for the kinds that are not well formed.
    pub(crate) fn damage(self, r: &Record, dialect: Dialect, mut text: String) -> String {
        match (self, dialect.is_json()) {
            (Self::Null, true) => "null".to_owned(),
            (Self::Null, false) => format!("<{}/>", dialect.element(r)),
            (Self::Garbled, true) => text.replacen("\"id\":", "\"id\"", 1),
            (Self::Garbled, false) => text.replacen("<objet>", "<objet><b>", 1),
            (Self::Torn, _) => {
                let mut half = text.len() / 2;
                while !text.is_char_boundary(half) {
                    half -= 1;
                }
                text.truncate(half);
                text
            }
            _ => text,
        }
    }
}
