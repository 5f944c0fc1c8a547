//! Comparing what people typed: folding of case, accents and separators.

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// Lower case without accents, ligatures split, typographic apostrophes and quotes made plain,
/// white space squeezed: for comparing words, never for showing them.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            c if c.is_ascii() => fold_char(c, &mut out),
            c => bare(c, |c| fold_char(c, &mut out)),
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

fn fold_char(c: char, out: &mut String) {
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

/// A character without its accents. What marks leave is the same whether a text is decomposed
/// whole or one character at a time: only marks ever change their places.
fn bare(c: char, mut each: impl FnMut(char)) {
    decompose_canonical(c, |d| {
        if !is_combining_mark(d) {
            each(d);
        }
    });
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
    for c in id.trim().chars() {
        match c {
            'A'..='Z' | '0'..='9' => out.push(c),
            c if c.is_ascii() => key_char(c, &mut out),
            c => bare(c, |c| key_char(c, &mut out)),
        }
    }
    out
}

fn key_char(c: char, out: &mut String) {
    if c.is_whitespace() || matches!(c, '.' | '/' | '\\' | '_' | '-' | ',' | ';') {
        if !out.ends_with('-') {
            out.push('-');
        }
    } else {
        out.extend(c.to_uppercase());
    }
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
    fn characters_fold_alone_as_they_do_in_their_text() {
        use unicode_normalization::UnicodeNormalization;
        for text in ["ÉLÈVE n°3 ﬁn", "e\u{301}\u{328}te\u{328}\u{301}", "한국 Ω Å \u{1e9b}\u{323}", "\u{a0}x\u{2003}y"]
        {
            let whole: String = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
            assert_eq!(fold(text), whole.split_whitespace().collect::<Vec<_>>().join(" "), "{text}");
        }
    }

    #[test]
    fn folding_compares_words_whatever_their_typography() {
        assert_eq!(fold("  Maîtrise d’Œuvre\u{a0} "), "maitrise d'oeuvre");
    }
}
