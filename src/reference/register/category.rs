//! Which kind of buyer a legal category is, in the words of the national tabular dataset.
//!
//! The categories are those of Insee's nomenclature, level III. What the dataset has no word for
//! stays without one: a school, a chamber, a company.

/// The word for a legal category.
pub(super) fn of_buyer(code: u16) -> Option<&'static str> {
    Some(match code {
        7210 | 7312 | 7313 | 7341 => "Commune",
        7220 => "Département",
        7225 => "Département outre-mer",
        7230 => "Région",
        // Metropolises, communities, syndicats of communes, poles.
        7314 | 7340 | 7342..=7349 | 7353 | 7357 => "Groupement de communes",
        7354 | 7355 => "Syndicat mixte",
        7364 | 7365 => "Établissement hospitalier",
        4110 | 4120 | 4130 | 4140 | 4150 => "EPIC",
        7111..=7190 => "État",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::of_buyer;

    #[test]
    fn buyers_have_the_words_of_the_national_dataset() {
        for (code, word) in [
            (7210, Some("Commune")),
            (7220, Some("Département")),
            (7230, Some("Région")),
            (7344, Some("Groupement de communes")),
            (7346, Some("Groupement de communes")),
            (7354, Some("Syndicat mixte")),
            (7364, Some("Établissement hospitalier")),
            (4140, Some("EPIC")),
            (7120, Some("État")),
            (5710, None),
            (1000, None),
        ] {
            assert_eq!(of_buyer(code), word, "{code}");
        }
    }
}
