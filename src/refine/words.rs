//! Texts, booleans and words of closed vocabularies.
//!
//! In: a declared scalar. Out: the clean value, and a finding for each repair. A filler (`NC`)
//! is no value.

use crate::decode::Scalar;
use crate::record::*;

use super::out::{Out, Path};
use super::rules::Rule;

/// Longest `objet` that the schemas of 2019 and of 2022 take, in characters: what exports cut at.
const MAX_OBJET: [usize; 2] = [256, 1000];

/// Whether a text says that there is no value.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    if text.len() > 20 || text.is_empty() {
        return text.is_empty();
    }
    // Most texts of this length are numbers and days: none of the words begins with a digit.
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    matches!(
        text.to_ascii_lowercase().as_str(),
        "nc" | "n/c"
            | "n.c."
            | "n.c"
            | "mq"
            | "mq nc"
            | "cdl"
            | "inx"
            | "null"
            | "none"
            | "nan"
            | "na"
            | "n/a"
            | "#n/a"
            | "nr"
            | "n.r."
            | "non communiqué"
            | "non communique"
            | "non communiquÉ"
            | "non disponible"
            | "non renseigné"
            | "non renseigne"
            | "non renseignÉ"
            | "non renseignée"
            | "inconnu"
            | "inconnue"
            | "-"
            | "--"
            | "---"
            | "?"
            | "."
            | "undefined"
            | "[]"
            | "{}"
    )
}

/// The text of a scalar that holds a value; a filler is found and gone.
pub(super) fn value<'a>(out: &mut Out, at: Path, scalar: &'a Option<Scalar>) -> Option<&'a Scalar> {
    let scalar = scalar.as_ref()?;
    let text = scalar.as_str();
    if text.len() <= 24 && is_placeholder(text) {
        out.find(Rule::Placeholder, at, text);
        return None;
    }
    Some(scalar)
}

/// A free text: white space squeezed, entities resolved, control characters dropped.
pub(super) fn text(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<String> {
    let declared = value(out, at, scalar)?.as_str();
    let mut text = std::borrow::Cow::Borrowed(declared);
    if declared.contains('&') && declared.contains(';') {
        let resolved = unescape(declared);
        if resolved != declared {
            out.find(Rule::HtmlEntities, at, declared);
            text = resolved.into();
        }
    }
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        out.find(Rule::ControlCharacter, at, declared);
        text = text.chars().filter_map(printable).collect::<String>().into();
    }
    if !is_squeezed(&text) {
        out.find(Rule::Whitespace, at, declared);
        text = squeeze(&text).into();
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        out.find(Rule::ReplacementCharacter, at, declared);
    }
    if has_markup(&text) {
        out.find(Rule::TextMarkup, at, declared);
    }
    (!text.is_empty()).then(|| text.into_owned())
}

/// `objet`, whose length the schema of each format bounds.
pub(super) fn objet(out: &mut Out, at: Path, scalar: &Option<Scalar>, format: Format) -> Option<String> {
    let text = text(out, at, scalar)?;
    let [old, new] = MAX_OBJET;
    if text.len() < old {
        return Some(text);
    }
    let length = text.chars().count();
    if MAX_OBJET.contains(&length) {
        out.find(Rule::TextTruncated, at, &text);
    } else if length > if format == Format::V2019 { old } else { new } {
        out.find(Rule::TextTooLong, at, &text);
    }
    Some(text)
}

/// Whether a text holds a tag of HTML, or what a link must not.
fn has_markup(text: &str) -> bool {
    let tag = memchr::memchr_iter(b'<', text.as_bytes()).any(|at| {
        let rest = text.as_bytes().get(at + 1..).unwrap_or_default();
        let name = rest.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!'));
        name && memchr::memchr(b'>', rest.get(..rest.len().min(200)).unwrap_or_default()).is_some()
    });
    let script = |at| text.as_bytes().get(..at).is_some_and(|before| before.ends_with(b"javascript"));
    tag || memchr::memchr_iter(b':', text.as_bytes()).any(script)
}

/// A code or an identifier: a text that a number may have stood for.
pub(super) fn code(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<String> {
    let declared = value(out, at, scalar)?;
    if matches!(declared, Scalar::Number(_)) {
        out.find(Rule::TextAsNumber, at, declared.as_str());
    }
    text(out, at, scalar)
}

/// A character fit for a text. The control characters U+0080 to U+009F are letters and signs of
/// Windows-1252 that were read as Latin-1 (`c\u{9c}ur` is `cœur`); other ones mean nothing.
fn printable(c: char) -> Option<char> {
    if !c.is_control() || c.is_whitespace() {
        return Some(c);
    }
    let byte = [u8::try_from(u32::from(c)).ok().filter(|b| *b >= 0x80)?];
    let (letter, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
    letter.chars().next().filter(|c| !c.is_control())
}

fn is_squeezed(text: &str) -> bool {
    let mut space = true;
    for c in text.chars() {
        if c.is_whitespace() {
            if space || c != ' ' {
                return false;
            }
            space = true;
        } else {
            space = false;
        }
    }
    !space || text.is_empty()
}

/// Resolves entities, twice where they were escaped twice; what is none stays.
fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for _ in 0..2 {
        let mut next = String::with_capacity(out.len());
        let mut rest = out.as_str();
        while let Some((before, after)) = rest.split_once('&') {
            next.push_str(before);
            let entity = after.split_once(';').filter(|(name, _)| name.len() <= 10);
            match entity.and_then(|(name, tail)| Some((entity_char(name)?, tail))) {
                Some((c, tail)) => {
                    next.push(c);
                    rest = tail;
                }
                None => {
                    next.push('&');
                    rest = after;
                }
            }
        }
        next.push_str(rest);
        if next == out {
            break;
        }
        out = next;
    }
    out
}

fn entity_char(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#') {
            Some(n) => {
                let code = match n.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => n.parse().ok(),
                };
                code.and_then(char::from_u32).filter(|c| !c.is_control())
            }
            None => crate::decode::html_entity(name),
        },
    }
}

/// A closed vocabulary of `record`.
pub(super) trait Word: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    fn exact(text: &str) -> Option<Self>;
    fn parse(text: &str) -> Option<Self>;
    fn label(self) -> &'static str;
}

macro_rules! words {
    ($($name:ident),+) => {$(
        impl Word for $name {
            const ALL: &'static [Self] = $name::ALL;
            fn exact(text: &str) -> Option<Self> { $name::exact(text) }
            fn parse(text: &str) -> Option<Self> { $name::parse(text) }
            fn label(self) -> &'static str { $name::label(self) }
        }
    )+};
}
words!(
    Nature,
    Nature2019,
    Procedure,
    PlaceType,
    IdType,
    Technique,
    Modalite,
    FormePrix,
    TypePrix,
    ConsiderationSociale,
    ConsiderationEnvironnementale,
    Ccag,
    Groupement,
    VariationPrix
);

/// The word meant by a text, whatever its case, accents, lost letters or entities.
pub(super) fn meant<T: Word>(text: &str) -> Option<T> {
    if let Some(w) = T::parse(text) {
        return Some(w);
    }
    let text = if text.contains('&') { unescape(text) } else { text.to_owned() };
    if let Some(w) = T::parse(&text) {
        return Some(w);
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        let wanted: Vec<char> = squeeze(&text).to_lowercase().chars().collect();
        let mut fits = T::ALL.iter().copied().filter(|w| {
            let label: Vec<char> = w.label().to_lowercase().chars().collect();
            label.len() == wanted.len()
                && label.iter().zip(&wanted).all(|(a, b)| a == b || *b == char::REPLACEMENT_CHARACTER)
        });
        return fits.next().filter(|_| fits.next().is_none());
    }
    None
}

/// A word of a vocabulary.
pub(super) fn word<T: Word>(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<T> {
    if let Some(w) = scalar.as_ref().and_then(|s| T::exact(s.as_str())) {
        return Some(w);
    }
    let text = value(out, at, scalar)?.as_str();
    let found = meant(text);
    out.find(if found.is_some() { Rule::EnumSpelling } else { Rule::EnumUnknown }, at, text);
    found
}

/// A list of words, each once.
pub(super) fn words<T: Word>(out: &mut Out, name: &'static str, scalars: Vec<Scalar>) -> Vec<T> {
    let mut list = Vec::with_capacity(scalars.len());
    for (i, scalar) in scalars.into_iter().enumerate() {
        let at = Path::item(name, i, "");
        let scalar = Some(scalar);
        if let Some(w) = word::<T>(out, at, &scalar) {
            if list.contains(&w) {
                out.find(Rule::ValueRepeated, at, w.label());
            } else {
                list.push(w);
            }
        }
    }
    list
}

/// A boolean. XML writes `oui`, `non`, `true`, `false`, `0`, `1`; JSON only `true` and `false`.
pub(super) fn boolean(out: &mut Out, at: Path, scalar: &Option<Scalar>) -> Option<bool> {
    if let Some(Scalar::Bool(b)) = scalar {
        return Some(*b);
    }
    let scalar = value(out, at, scalar)?;
    let text = scalar.as_str();
    let plain = matches!(scalar, Scalar::Plain(_));
    let found = match (text, fold(text).as_str()) {
        ("oui" | "true" | "1", _) if plain => return Some(true),
        ("non" | "false" | "0", _) if plain => return Some(false),
        (_, "oui" | "true" | "1" | "vrai" | "o" | "yes") => Some(true),
        (_, "non" | "false" | "0" | "faux" | "n" | "no") => Some(false),
        _ => None,
    };
    out.find(if found.is_some() { Rule::BooleanAsText } else { Rule::BooleanUnreadable }, at, text);
    found
}
