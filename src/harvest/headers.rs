//! The headers of a source's stanza, with its secret in its place.
//!
//! In: a source's access. Out: headers that go to the source's own host and to no other, or the
//! name (never the value) of the one that HTTP cannot carry.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::access::SourceAccess;
use super::fault::FetchFault;

/// Headers that a stanza may not set: they are ours to get right.
const OUR_HEADERS: [HeaderName; 10] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::UPGRADE,
    header::ACCEPT_ENCODING,
    header::RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
];

/// Place of the secret in a header's value.
const CREDENTIAL: &str = "{credential}";

fn bad_header(name: &str, why: &'static str) -> FetchFault {
    FetchFault::BadHeader { name: name.chars().take(80).collect(), why }
}

/// The stanza's headers with the secret in its place.
pub(super) fn private(source: &SourceAccess) -> Result<HeaderMap, FetchFault> {
    let mut headers = HeaderMap::new();
    let mut placed = false;
    for (name, value) in &source.headers {
        let key: HeaderName = name.parse().map_err(|_| bad_header(name, "not a header name"))?;
        if OUR_HEADERS.contains(&key) {
            return Err(bad_header(name, "guichet sets it itself"));
        }
        let value = match &source.credential {
            Some(secret) if value.contains(CREDENTIAL) => {
                placed = true;
                value.replace(CREDENTIAL, secret.trim())
            }
            None if value.contains(CREDENTIAL) => {
                return Err(bad_header(name, "it wants a `credential`, and the source has none"));
            }
            _ => value.clone(),
        };
        headers.append(key, sensitive(name, &value)?);
    }
    if let Some(secret) = source.credential.as_deref().map(str::trim).filter(|_| !placed) {
        let value = match secret.split_once(' ') {
            Some(_) => secret.to_owned(),
            None => format!("Bearer {secret}"),
        };
        headers.insert(header::AUTHORIZATION, sensitive("Authorization", &value)?);
    }
    Ok(headers)
}

/// Text as a header's value.
pub(super) fn value(name: &str, text: &str) -> Result<HeaderValue, FetchFault> {
    HeaderValue::from_str(text).map_err(|_| bad_header(name, "its value is not printable text"))
}

fn sensitive(name: &str, text: &str) -> Result<HeaderValue, FetchFault> {
    let mut value = value(name, text)?;
    value.set_sensitive(true);
    Ok(value)
}
