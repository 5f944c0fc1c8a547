//! The style sheet and the icon, compiled in.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::serve::etag::{self, ETag, Verdict};

const STYLE: &str = include_str!("../style.css");
const ICON: &str = include_str!("../favicon.svg");

static STYLE_DIGEST: LazyLock<String> = LazyLock::new(|| hex::encode(Sha256::digest(STYLE)));
static ICON_DIGEST: LazyLock<String> = LazyLock::new(|| hex::encode(Sha256::digest(ICON)));

/// Changes with the style sheet.
pub fn style_version() -> &'static str {
    STYLE_DIGEST.get(..12).unwrap_or_default()
}

/// `/style.css`; with its version in the query it may be kept for ever.
pub async fn style(uri: Uri, request: HeaderMap) -> Response {
    let versioned = uri.query().is_some_and(|q| q == format!("v={}", style_version()));
    asset(STYLE, "text/css; charset=utf-8", &STYLE_DIGEST, versioned, &request)
}

/// `/favicon.svg`.
pub async fn icon(request: HeaderMap) -> Response {
    asset(ICON, "image/svg+xml", &ICON_DIGEST, false, &request)
}

fn asset(text: &'static str, kind: &'static str, digest: &str, for_ever: bool, request: &HeaderMap) -> Response {
    let tag = ETag::of_digest(digest);
    let mut response = match etag::evaluate(request, &tag, None) {
        Verdict::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        _ => text.into_response(),
    };
    let cache = if for_ever { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(tag.as_str()) {
        headers.insert(header::ETAG, tag);
    }
    response
}
