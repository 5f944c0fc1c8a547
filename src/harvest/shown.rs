//! An address as it may be shown: in logs, in errors, in the archive's log, on pages.
//!
//! In: an address from the configuration, a catalogue or a redirect. Out: the same without user,
//! password and the query parameters that usually carry a key. Knows nothing of the network.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// Query parameters whose value is a secret wherever it is seen, compared without case, `-` and `_`.
const SECRET_PARAMETERS: &[&str] = &[
    "accesstoken",
    "apikey",
    "auth",
    "authorization",
    "clientsecret",
    "code",
    "credential",
    "jwt",
    "key",
    "passwd",
    "password",
    "pwd",
    "sas",
    "secret",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
    "xapikey",
];

/// What stands in the place of a secret.
const HIDDEN: &str = "hidden";

/// Longest address shown, in characters: a hostile one may be a megabyte.
const SHOWN_CHARS: usize = 500;

/// An address without secrets. Only this form may leave the room `harvest` as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownUrl(Box<str>);

impl ShownUrl {
    /// Hides user, password, fragment and secret parameters of `url`.
    pub fn of(url: &Url) -> Self {
        let mut shown = url.clone();
        // Both fail only for addresses that cannot have a user: nothing to hide there.
        let _ = shown.set_password(None);
        let _ = shown.set_username("");
        shown.set_fragment(None);
        if shown.query().is_some_and(|q| !q.is_empty()) && url.query_pairs().any(|(k, _)| secret(&k)) {
            let pairs: Vec<(String, String)> = url
                .query_pairs()
                .map(|(k, v)| {
                    let v = if secret(&k) { HIDDEN.to_owned() } else { v.into_owned() };
                    (k.into_owned(), v)
                })
                .collect();
            shown.query_pairs_mut().clear().extend_pairs(pairs);
        }
        Self(shorten(shown.as_str()).into())
    }

    /// As [`ShownUrl::of`], for text that may not be an address at all.
    pub fn of_text(text: &str) -> Self {
        match Url::parse(text.trim()) {
            Ok(url) => Self::of(&url),
            // No structure to find a secret in: show what comes before any `?` and `@`.
            Err(_) => {
                let head = text.split(['?', '#']).next().unwrap_or_default();
                let head = head.rsplit('@').next().unwrap_or_default();
                Self(shorten(&head.escape_debug().to_string()).into())
            }
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShownUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn secret(parameter: &str) -> bool {
    let plain: String =
        parameter.chars().filter(|c| !matches!(c, '-' | '_' | '.')).flat_map(char::to_lowercase).collect();
    SECRET_PARAMETERS.contains(&plain.as_str())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_user_password_and_keys() {
        let shown =
            ShownUrl::of_text("https://bob:s3cret@example.fr/data?page=2&api_key=k1&Access-Token=k2&q=a%20b#frag");
        assert_eq!(shown.as_str(), "https://example.fr/data?page=2&api_key=hidden&Access-Token=hidden&q=a+b");
    }

    #[test]
    fn an_address_without_secrets_is_shown_as_it_is() {
        let text = "https://www.data.gouv.fr/api/2/datasets/x/resources/?page=1&page_size=50";
        assert_eq!(ShownUrl::of_text(text).as_str(), text);
    }

    #[test]
    fn text_that_is_no_address_shows_neither_its_query_nor_its_user() {
        assert_eq!(ShownUrl::of_text("//bob:pw@host/x?key=1").as_str(), "host/x");
        assert!(ShownUrl::of_text(&"x".repeat(5000)).as_str().chars().count() < 600);
    }
}
