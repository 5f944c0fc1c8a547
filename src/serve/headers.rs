//! The headers that every answer carries, and those by which other sites may read the data.

use axum::http::{HeaderMap, HeaderValue, header};

/// Nothing runs and nothing is framed: the pages need one style sheet, one icon and forms that ask
/// this server.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// For an HTML file of a publication, which is whole in itself: its own style, no script, no form,
/// and an origin of its own.
const FILE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox";

/// Adds what every answer has; a policy that a handler chose stands.
pub fn secure(headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
    let own = [
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in own {
        headers.insert(header::HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// Marks a file of a publication: any site may read it, and a browser never runs it here.
pub fn open_data(headers: &mut HeaderMap) {
    share(headers);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_POLICY));
}

/// Lets a page of any site read the answer, error or not.
pub fn share(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "ETag, Content-Length, Content-Range, Content-Encoding, Content-Location, \
             Last-Modified, Retry-After, Link",
        ),
    );
    headers.insert(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
}

/// The answer's headers to a browser that asks beforehand whether a page of another site may read
/// data with `Range` or conditions.
pub fn preflight(headers: &mut HeaderMap) {
    open_data(headers);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Range, If-Range, If-None-Match, If-Modified-Since, If-Match, If-Unmodified-Since",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ALLOW, "GET, HEAD, OPTIONS"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
