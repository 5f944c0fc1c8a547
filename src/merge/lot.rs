//! Reads lot numbers from the text of an object: neither format has a field for them.
//!
//! `Lot n°3`, `LOT 02`, `lot 1A`, `LOT5`, `lots 1, 2 et 4`, `Lots 2 à 6`, `Lot B :`. Not read:
//! a count (`17 lots`), a name (`lotissement`, `Lot-et-Garonne`), a lot named by its trade
//! (`lot Peinture`). U+FFFD stands for the degree sign or the `à` that a wrong encoding ate.

/// The lot numbers that a text names: leading zeros dropped, letters in capitals, sorted, each once.
pub fn lot_numbers(objet: &str) -> Vec<String> {
    if !objet.as_bytes().windows(3).any(|w| w.eq_ignore_ascii_case(b"lot")) {
        return Vec::new();
    }
    let text: Vec<char> = objet.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 3 <= text.len() {
        match lot_word(&text, at) {
            Some((after, plural)) => {
                at = labels(&text, after, plural, &mut found).max(at + 3);
            }
            None => at += 1,
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Longest run that a range (`lots 2 à 6`) is spelled out for; a wider one is no range of lots.
const WIDEST_RANGE: u32 = 100;

fn at(text: &[char], i: usize) -> char {
    text.get(i).copied().unwrap_or(' ')
}

fn is(text: &[char], i: usize, lower: char) -> bool {
    at(text, i).to_ascii_lowercase() == lower
}

/// The word `lot` or `lots` at `i`: where it ends, and whether it is a plural that a count does
/// not precede.
fn lot_word(text: &[char], i: usize) -> Option<(usize, bool)> {
    if !(is(text, i, 'l') && is(text, i + 1, 'o') && is(text, i + 2, 't')) {
        return None;
    }
    if i > 0 && at(text, i - 1).is_alphanumeric() {
        return None;
    }
    let plural = is(text, i + 3, 's');
    let counted = text
        .get(..i)
        .and_then(|before| before.iter().rev().find(|c| !c.is_whitespace()))
        .is_some_and(char::is_ascii_digit);
    if plural && counted {
        return None;
    }
    Some((i + 3 + usize::from(plural), plural))
}

/// Reads the numbers that follow the word; gives the place after them.
fn labels(text: &[char], after: usize, plural: bool, found: &mut Vec<String>) -> usize {
    let start = skip_marker(text, skip(text, after, " \u{a0}\t\n\r:.#(-"));
    let Some((first, mut end)) = label(text, start, after) else {
        return after;
    };
    let mut last = first.clone();
    found.push(first);
    if !plural {
        return end;
    }
    while let Some((range, next)) = joint(text, end) {
        let next = skip_marker(text, next);
        let Some((value, after)) = number(text, next) else {
            break;
        };
        if range {
            spell_range(&last, &value, found);
        }
        found.push(value.clone());
        (last, end) = (value, after);
    }
    end
}

fn spell_range(from: &str, to: &str, found: &mut Vec<String>) {
    if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>())
        && from < to
        && to - from <= WIDEST_RANGE
    {
        found.extend((from + 1..to).map(|n| n.to_string()));
    }
}

fn skip(text: &[char], mut i: usize, set: &str) -> usize {
    while text.get(i).is_some_and(|c| set.contains(*c)) {
        i += 1;
    }
    i
}

/// Skips `n°`, `no`, `num.`, `numéro` and their damaged forms where a number follows.
fn skip_marker(text: &[char], i: usize) -> usize {
    if !is(text, i, 'n') {
        let plain = skip(text, i, "°º \u{a0}\u{fffd}:.");
        return if at(text, plain).is_ascii_digit() { plain } else { i };
    }
    let mut end = i + 1;
    for word in ["umeros", "umero", "uméros", "uméro", "um", "os", "o"] {
        let matches = word.chars().enumerate().all(|(k, c)| at(text, i + 1 + k).to_lowercase().eq(c.to_lowercase()));
        if matches {
            end = i + 1 + word.chars().count();
            break;
        }
    }
    let end = skip(text, end, "°º \u{a0}\u{fffd}:.s");
    if at(text, end).is_ascii_digit() { end } else { i }
}

/// A lot's label: a number, or capitals such as `B`, `K1`, `II` set off by punctuation.
fn label(text: &[char], i: usize, word_end: usize) -> Option<(String, usize)> {
    if let Some(found) = number(text, i) {
        return Some(found);
    }
    // `LotB` is no lot; capitals need a gap before them and punctuation, a digit or the end after.
    if i == word_end || !at(text, word_end).is_whitespace() {
        return None;
    }
    let mut end = i;
    while at(text, end).is_ascii_uppercase() && end < text.len() {
        end += 1;
    }
    let letters: String = text.get(i..end)?.iter().collect();
    let roman = !letters.is_empty() && letters.chars().all(|c| "IVX".contains(c));
    if letters.len() != 1 && !(roman && letters.len() <= 4) {
        return None;
    }
    if let Some((digits, after)) = number(text, end) {
        return Some((letters + &digits, after));
    }
    let next = skip(text, end, " \u{a0}");
    let closed = next >= text.len() || ":-–—),;/".contains(at(text, next));
    closed.then_some((letters, end))
}

/// Digits, with sub-numbers (`2.1`) and one letter (`1A`); leading zeros dropped.
fn number(text: &[char], i: usize) -> Option<(String, usize)> {
    let mut end = i;
    while at(text, end).is_ascii_digit() {
        end += 1;
    }
    if end == i {
        return None;
    }
    let digits: String = text.get(i..end)?.iter().collect();
    let plain = digits.trim_start_matches('0');
    let mut out = if plain.is_empty() { "0" } else { plain }.to_owned();
    while at(text, end) == '.' && at(text, end + 1).is_ascii_digit() {
        out.push('.');
        end += 1;
        while at(text, end).is_ascii_digit() {
            out.push(at(text, end));
            end += 1;
        }
    }
    if at(text, end).is_ascii_alphabetic() && !at(text, end + 1).is_alphanumeric() {
        out.push(at(text, end).to_ascii_uppercase());
        end += 1;
    }
    Some((out, end))
}

/// What joins two numbers of a list: whether it is a range, and where the next number starts.
fn joint(text: &[char], end: usize) -> Option<(bool, usize)> {
    let i = skip(text, end, " \u{a0}");
    let (range, after) = match at(text, i) {
        ',' | ';' | '/' | '&' | '+' | '-' | '–' => (false, i + 1),
        'à' | 'À' | '\u{fffd}' => (true, i + 1),
        'a' | 'A' if at(text, i + 1).is_whitespace() => (true, i + 1),
        'e' | 'E' if is(text, i + 1, 't') => (false, i + 2),
        _ => return None,
    };
    let mut next = skip(text, after, " \u{a0}");
    if is(text, next, 'e') && is(text, next + 1, 't') {
        next = skip(text, next + 2, " \u{a0}");
    }
    Some((range, next))
}

#[cfg(test)]
mod tests {
    use super::lot_numbers;

    #[test]
    fn lot_numbers_are_read_however_they_are_typed() {
        for (text, lots) in [
            ("Réhabilitation de l'école (17 lots): Lot 1 : gros oeuvre", "1"),
            ("Travaux - Lot n° 2 : mobiliers", "2"),
            ("Lot 3Problématiques juridiques", "3"),
            ("LOT 02 - CHARPENTE", "2"),
            ("LOT08", "8"),
            ("Lot 20-Protection", "20"),
            ("service de télécommunications LOT 2 : TÉLÉPHONIE", "2"),
            ("Lot n\u{fffd}12 (relance)", "12"),
            ("lot n07 cloisons", "7"),
            ("Lot nO 4 MENUISERIE", "4"),
            ("Lot no 2 Menuiserie", "2"),
            ("lot numéro 3", "3"),
            ("lot :2 Collecte", "2"),
            ("LOT 01A TERRASSEMENT", "1A"),
            ("Lot 2.1 : enduits", "2.1"),
            ("lot K1 (collège)", "K1"),
            ("Marché A, Lot B : peinture", "B"),
            ("Lot II : espaces verts", "II"),
            ("Travaux, lot n°10.", "10"),
        ] {
            assert_eq!(lot_numbers(text).join(" "), lots, "{text}");
        }
    }

    #[test]
    fn lists_and_ranges_of_lots_name_each() {
        for (text, lots) in [
            ("lots 1 et 2", "1 2"),
            ("Relance des lots 7 - 14  et 15", "14 15 7"),
            ("Lots 1/2/3/4/5/7/", "1 2 3 4 5 7"),
            ("lots 6A, 6B, 8 et 9", "6A 6B 8 9"),
            ("Lots 2 à 6", "2 3 4 5 6"),
            ("Lots 2 \u{fffd} 4", "2 3 4"),
            ("Lot 2 : LOT 2 et Lot 3", "2 3"),
            ("lots n°1, n°2", "1 2"),
        ] {
            assert_eq!(lot_numbers(text).join(" "), lots, "{text}");
        }
    }

    #[test]
    fn counts_names_and_trades_are_no_lot_numbers() {
        for text in [
            "Réhabilitation (17 lots)",
            "Lotissement 3 Chemins",
            "Département du Lot-et-Garonne 47",
            "Lot Menuiserie et 3 portes",
            "LOT UNIQUE",
            "allotissement 2",
            "lot de mobilier",
            "LOT A REALISER",
            "pilot 3",
            "2 lots : 1 fourniture",
            "",
            "lot",
            "lots",
            "LOT n",
        ] {
            assert!(lot_numbers(text).is_empty(), "{text}: {:?}", lot_numbers(text));
        }
    }
}
