//! Validators and conditional requests (RFC 9110 §8.8, §13).
//!
//! In: request headers and what is known of the representation chosen. Out: send it, "not
//! modified", or "precondition failed". Pure; every tag made here is strong.

use axum::http::{HeaderMap, header};

/// A strong entity tag, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// From the lower-case hexadecimal digest of the very bytes that are sent.
    pub fn of_digest(hex: &str) -> Self {
        Self(format!("\"{hex}\""))
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a conditional request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the representation.
    Send,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since` in the order
/// of the RFC. `modified` is in seconds since 1970.
pub fn evaluate(headers: &HeaderMap, tag: &ETag, modified: Option<u64>) -> Verdict {
    let list = |name| joined(headers, name);
    let date = |name: header::HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        seconds(text)
    };
    if let Some(wanted) = list(header::IF_MATCH) {
        if !matches(&wanted, tag, Strength::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(limit), Some(modified)) = (date(header::IF_UNMODIFIED_SINCE), modified)
        && modified > limit
    {
        return Verdict::Failed;
    }
    if let Some(known) = list(header::IF_NONE_MATCH) {
        if matches(&known, tag, Strength::Weak) {
            return Verdict::NotModified;
        }
    } else if let (Some(limit), Some(modified)) = (date(header::IF_MODIFIED_SINCE), modified)
        && modified <= limit
    {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// Whether a `Range` may be honoured: there is no `If-Range`, or it names these very bytes. A date
/// does so only for a file that has no variant, since all variants share their date.
pub fn range_applies(headers: &HeaderMap, tag: &ETag, modified: Option<u64>, has_variants: bool) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else {
        return true;
    };
    let Ok(condition) = condition.to_str().map(str::trim) else {
        return false;
    };
    if condition.starts_with('"') || condition.starts_with("W/") {
        return condition == tag.as_str();
    }
    !has_variants && modified.is_some() && seconds(condition) == modified
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

/// All values of a header that may be repeated, as one list.
fn joined(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let all: Vec<&str> = headers.get_all(name).iter().map(|v| v.to_str().unwrap_or_default()).collect();
    (!all.is_empty()).then(|| all.join(","))
}

/// Whether the list names the tag. A tag may hold commas, so it is read by its quotes.
fn matches(list: &str, tag: &ETag, strength: Strength) -> bool {
    let mut rest = list.trim();
    if rest == "*" {
        return true;
    }
    while let Some(start) = rest.find('"') {
        let weak = rest[..start].trim_end().ends_with("W/");
        let Some(len) = rest[start + 1..].find('"') else {
            return false;
        };
        let end = start + 1 + len;
        if &rest[start..=end] == tag.as_str() && (strength == Strength::Weak || !weak) {
            return true;
        }
        rest = &rest[end + 1..];
    }
    false
}

fn seconds(date: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(date.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const NOON: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn verdict(pairs: &[(header::HeaderName, &str)]) -> Verdict {
        evaluate(&headers(pairs), &ETag::of_digest("abc"), Some(NOON))
    }
    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn a_known_tag_is_not_sent_again() {
        for known in ["\"abc\"", "*", "\"x,y\" , \"abc\"", "W/\"abc\"", "\"x\",W/\"y\",\"abc\""] {
            assert_eq!(verdict(&[(header::IF_NONE_MATCH, known)]), Verdict::NotModified, "{known}");
        }
        for other in ["\"abcd\"", "abc", "\"abc", "", "\"x\"\"y\""] {
            assert_eq!(verdict(&[(header::IF_NONE_MATCH, other)]), Verdict::Send, "{other}");
        }
        let twice = [(header::IF_NONE_MATCH, "\"x\""), (header::IF_NONE_MATCH, "\"abc\"")];
        assert_eq!(verdict(&twice), Verdict::NotModified);
    }

    #[test]
    fn a_date_counts_only_without_a_tag() {
        let same = "Sun, 06 Nov 1994 08:49:37 GMT";
        let before = "Sun, 06 Nov 1994 08:49:36 GMT";
        assert_eq!(verdict(&[(header::IF_MODIFIED_SINCE, same)]), Verdict::NotModified);
        assert_eq!(verdict(&[(header::IF_MODIFIED_SINCE, before)]), Verdict::Send);
        assert_eq!(verdict(&[(header::IF_MODIFIED_SINCE, "yesterday")]), Verdict::Send);
        let both = [(header::IF_MODIFIED_SINCE, same), (header::IF_NONE_MATCH, "\"x\"")];
        assert_eq!(verdict(&both), Verdict::Send);
        assert_eq!(verdict(&[(header::IF_UNMODIFIED_SINCE, before)]), Verdict::Failed);
    }

    #[test]
    fn if_match_compares_strongly() {
        assert_eq!(verdict(&[(header::IF_MATCH, "\"abc\"")]), Verdict::Send);
        assert_eq!(verdict(&[(header::IF_MATCH, "W/\"abc\"")]), Verdict::Failed);
        assert_eq!(verdict(&[(header::IF_MATCH, "\"x\"")]), Verdict::Failed);
    }

    #[test]
    fn if_range_takes_only_the_very_same_bytes() {
        let tag = ETag::of_digest("abc");
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (condition, variants, wanted) in [
            ("\"abc\"", true, true),
            ("W/\"abc\"", false, false),
            ("\"x\"", false, false),
            (date, false, true),
            (date, true, false),
            ("Sun, 06 Nov 1994 08:49:38 GMT", false, false),
            ("rubbish", false, false),
        ] {
            let map = headers(&[(header::IF_RANGE, condition)]);
            assert_eq!(range_applies(&map, &tag, Some(NOON), variants), wanted, "{condition}");
        }
    }
}
