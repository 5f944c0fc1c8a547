//! The words of the report, in French and in English.

use super::Weight;

/// The language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    French,
    English,
}

impl Language {
    /// French where the user's locale is, else English.
    pub(super) fn of_the_user() -> Self {
        // The first that is set decides, as for every program that follows POSIX.
        let locale =
            ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
        Self::of(&locale.unwrap_or_default().to_string_lossy())
    }

    fn of(locale: &str) -> Self {
        let word = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
        if word.eq_ignore_ascii_case("fr") { Self::French } else { Self::English }
    }

    /// The one of two texts.
    pub(super) fn pick<'a>(self, fr: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::French => fr,
            Self::English => en,
        }
    }

    /// The heading of a severity.
    pub(super) fn weight(self, weight: Weight) -> &'static str {
        match (self, weight) {
            (Self::French, Weight::Quarantine) => "ÉCARTÉ",
            (Self::French, Weight::Error) => "ERREUR",
            (Self::French, Weight::Warning) => "ATTENTION",
            (Self::French, Weight::Repaired) => "REDRESSÉ",
            (Self::English, Weight::Quarantine) => "SET ASIDE",
            (Self::English, Weight::Error) => "ERROR",
            (Self::English, Weight::Warning) => "WARNING",
            (Self::English, Weight::Repaired) => "REPAIRED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_of_the_user_decides() {
        for (locale, language) in [
            ("fr_FR.UTF-8", Language::French),
            ("fr", Language::French),
            ("fr_CA", Language::French),
            ("C", Language::English),
            ("fro_FR", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(locale), language, "{locale}");
        }
    }
}
