//! Comparing what people typed: folding of case, accents and separators.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents, ligatures split, typographic apostrophes and quotes made plain,
/// white space squeezed: for comparing words, never for showing them.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'œ' | 'Œ' => out.push_str("oe"),
            'æ' | 'Æ' => out.push_str("ae"),
            '’' | 'ʼ' | '`' | '´' => out.push('\''),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Trims, and makes each run of white space one space.
pub fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The form in which two local ids are compared (records.md §4, rule 1): trimmed, upper case,
/// accents folded, every run of separators (space `. / \ _ - , ;`) made one `-`. Leading zeros stay.
pub fn normalised_key(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for c in id.trim().nfd().filter(|c| !is_combining_mark(*c)) {
        if c.is_whitespace() || matches!(c, '.' | '/' | '\\' | '_' | '-' | ',' | ';') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_case_and_accents_do_not_make_another_id() {
        for id in ["2022/14", " 2022.14 ", "2022 - 14", "2022\\_14"] {
            assert_eq!(normalised_key(id), "2022-14");
        }
        assert_eq!(normalised_key("é007"), "E007");
        assert_ne!(normalised_key("0014"), normalised_key("14"));
    }

    #[test]
    fn folding_compares_words_whatever_their_typography() {
        assert_eq!(fold("  Maîtrise d’Œuvre\u{a0} "), "maitrise d'oeuvre");
    }
}
