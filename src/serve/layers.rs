//! What every request passes, from the outside in: observation, headers and the face of errors;
//! panics; limits.
//!
//! In: the routes. Out: the router that is served. Nothing here reads data.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tower_http::catch_panic::CatchPanicLayer;

use super::app::App;
use super::net::Peer;
use super::pages::Frame;
use super::problem::Problem;
use super::{headers, negotiate, pages};

/// Longest request target, in bytes: ten times any link that the pages make.
const MAX_URI: usize = 8 << 10;
/// Longest request body, in bytes: no route reads one.
const MAX_BODY: u64 = 64 << 10;

/// Who asks, as far as it can be known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Client {
    /// The address of the visitor; `None` where it is not known, or only claimed.
    pub address: Option<IpAddr>,
}

/// Adds the layers and the state.
pub fn wrap(routes: Router<Arc<App>>, app: Arc<App>) -> Router {
    routes
        .layer(middleware::from_fn_with_state(app.clone(), limit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

/// Measures, completes headers, and gives a problem the form that its reader can read.
async fn observe(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let accept = text(request.headers(), header::ACCEPT);
    let frame = Frame::of(&app, request.uri(), request.headers());
    let route = request.extensions().get::<MatchedPath>().map(|m| m.as_str().to_owned());
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|c| c.0.0.ip());
    let address = client(peer, request.headers(), &app.options.trusted_proxies);
    request.extensions_mut().insert(Client { address });

    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = show(&problem, &response, &frame, accept.as_deref());
    }
    headers::secure(response.headers_mut());
    if route.as_deref().is_some_and(|r| r.ends_with("/{file}")) {
        headers::share(response.headers_mut());
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    let route = route.as_deref().unwrap_or("other");
    let code = response.status().as_u16();
    app.requests.observe(method_name(&method), route, code, start.elapsed());
    tracing::debug!(
        http.method = %method, http.route = route, http.status = code,
        took_ms = start.elapsed().as_millis() as u64, "{method} {route} {code}"
    );
    response
}

/// A problem as a page for people or as a document for programs. Headers that the handler added
/// (validators, `Content-Range`, CORS) stay.
fn show(problem: &Problem, from: &Response, frame: &Frame, accept: Option<&str>) -> Response {
    let page = if negotiate::wants_html(accept) { pages::error(frame, problem) } else { None };
    let mut response = match page {
        Some(html) => problem.answer("text/html; charset=utf-8", frame.lang, html),
        None => problem.answer("application/problem+json", frame.lang, problem.json(frame.lang)),
    };
    for (name, value) in from.headers() {
        if name != header::CONTENT_LENGTH && !response.headers().contains_key(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(length) = response.body().size_hint_exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Sizes, the number of requests at once, and time.
async fn limit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_URI) {
        return Problem::new(
            StatusCode::URI_TOO_LONG,
            "uri-too-long",
            "L’adresse est trop longue.",
            "The address is too long.",
        )
        .into_response();
    }
    let announced = text(request.headers(), header::CONTENT_LENGTH).and_then(|n| n.parse().ok());
    if announced.unwrap_or(0u64) > MAX_BODY {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload-too-large",
            "Ce serveur ne lit pas de corps de requête.",
            "This server reads no request body.",
        )
        .into_response();
    }
    let alive = request.uri().path() == "/healthz";
    let slot = app.slots.clone().try_acquire_owned();
    if slot.is_err() && !alive {
        return Problem::busy().into_response();
    }
    match tokio::time::timeout(app.options.limits.request_time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::busy().into_response(),
    }
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = what, "a handler panicked; the request got a 500, the server goes on");
    Problem::internal().into_response()
}

/// The visitor's address: the last one that no trusted proxy wrote. A connection that carries
/// `X-Forwarded-For` or `Forwarded` without coming from a trusted proxy comes from an unknown
/// proxy, and its own address says nothing about the visitor.
fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let mut address = peer?.to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&address) {
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
        return (!forwarded).then_some(address);
    }
    let hops: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().flat_map(|v| v.to_str().unwrap_or_default().split(',')).collect();
    for hop in hops.into_iter().rev() {
        address = hop.trim().parse::<IpAddr>().ok()?.to_canonical();
        if !is_trusted(&address) {
            break;
        }
    }
    Some(address)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Only known methods become a label.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        _ => "other",
    }
}

/// The exact size of a body that is in memory.
trait SizeHint {
    fn size_hint_exact(&self) -> Option<u64>;
}

impl SizeHint for Body {
    fn size_hint_exact(&self) -> Option<u64> {
        axum::body::HttpBody::size_hint(self).exact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|n| n.parse().unwrap()).collect();
        client(Some(peer.parse().unwrap()), &headers, &trusted).map(|ip| ip.to_string())
    }

    #[test]
    fn a_forwarded_address_is_believed_only_from_a_trusted_proxy() {
        let (local, net) = ("127.0.0.1", "127.0.0.0/8");
        assert_eq!(asked(local, &[], &[]).as_deref(), Some(local));
        assert_eq!(asked("::ffff:127.0.0.1", &[], &[]).as_deref(), Some(local));
        assert_eq!(asked(local, &["127.0.0.1"], &[]), None);
        assert_eq!(asked(local, &["192.0.2.7"], &[net]).as_deref(), Some("192.0.2.7"));
        // The visitor wrote the first address; only what the proxy appended counts.
        assert_eq!(asked(local, &["127.0.0.1, 192.0.2.7"], &[net]).as_deref(), Some("192.0.2.7"));
        assert_eq!(asked(local, &["127.0.0.1", "192.0.2.7"], &[net]).as_deref(), Some("192.0.2.7"));
        assert_eq!(asked(local, &["rubbish"], &[net]), None);
    }
}
