//! The HTTP client: one GET with its redirects, each hop guarded, polite and within its time.
//!
//! In: an address, the headers that may go to its own host only, and those that may go anywhere.
//! Out: the answer of the last hop, body unread, with the permit that its host gave; or a fault.
//! Follows redirects itself, because every hop must pass the guard and lose the secrets of
//! another host. Uses no proxy of the environment, sends no Referer, undoes no compression.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use super::access::Limits;
use super::coding::ACCEPT_ENCODING;
use super::fault::{FetchFault, Phase};
use super::guard::{self, AllowList};
use super::network;
use super::outside::Outside;
use super::polite::{Hosts, Permit};
use super::resolver::GuardedResolver;
use super::shown::ShownUrl;

/// Redirects followed before we give up: a permalink needs one or two.
const MAX_REDIRECTS: u32 = 5;

/// Clients kept, one per scheme and port. Ports come from catalogues too: beyond this many they are
/// forgotten (and with them their idle connections).
const DOORS_KEPT: usize = 64;

/// Idle connections are closed after this long: a nightly harvest comes back a day later.
const IDLE: Duration = Duration::from_secs(20);

/// The harvester could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct ClientError(String);

/// What one GET asks.
pub(super) struct Ask<'a> {
    pub(super) url: Url,
    /// Sent to the host of `url`, and never to another.
    pub(super) private: &'a HeaderMap,
    /// Sent at every hop.
    pub(super) open: HeaderMap,
    pub(super) per_host: Option<usize>,
    pub(super) total: Duration,
    /// Called with the status of each answer.
    pub(super) on_answer: &'a (dyn Fn(StatusCode) + Sync),
    /// Called before each request.
    pub(super) on_request: &'a (dyn Fn() + Sync),
}

/// The last hop's answer, its body still on the wire.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) url: Url,
    /// Host and port, as `polite` names it.
    pub(super) host: String,
    pub(super) _permit: Permit,
    pub(super) deadline: Instant,
}

/// Clients for every scheme and port, behind one guard.
///
/// There is one client per scheme and port because reqwest tells its resolver the name but not the
/// port, and an entry of the allow list may be for one port only.
pub(super) struct Web {
    doors: Mutex<HashMap<(bool, u16), Client>>,
    allow: Arc<AllowList>,
    outside: Outside,
    connect_timeout: Duration,
    read_timeout: Duration,
    /// False on a machine without CA certificates: https then fails, with advice.
    pub(super) has_roots: bool,
}

impl Web {
    pub(super) fn new(limits: &Limits) -> Result<Self, ClientError> {
        // Another part of the program (or a test) may have installed one: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let web = Self {
            doors: Mutex::default(),
            allow: Arc::new(limits.allow.clone()),
            outside: limits.outside.clone(),
            connect_timeout: limits.connect_timeout,
            read_timeout: limits.read_timeout,
            has_roots: true,
        };
        match web.build(true, 443, true) {
            Ok(https) => {
                web.lock().insert((true, 443), https);
                Ok(web)
            }
            Err(why) => {
                tracing::warn!("https sources cannot be verified ({why}): install the package ca-certificates");
                web.build(true, 443, false)?;
                Ok(Self { has_roots: false, ..web })
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(bool, u16), Client>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for one port. With `system_roots`, certificates are verified against those of this
    /// machine; without, none is trusted.
    fn build(&self, https: bool, port: u16, system_roots: bool) -> Result<Client, ClientError> {
        let names = self.outside.names.clone();
        let resolver = GuardedResolver { port, allow: Arc::clone(&self.allow), names };
        let mut builder = Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE)
            .https_only(https)
            .dns_resolver(resolver);
        let trusted = self.outside.roots.iter().flatten().map(|der| reqwest::Certificate::from_der(der));
        let trusted = trusted.collect::<Result<Vec<_>, _>>().map_err(|e| ClientError(network::chain(&e)))?;
        if !(https && system_roots) || self.outside.roots.is_some() {
            builder = builder.tls_certs_only(trusted);
        }
        builder.build().map_err(|e| ClientError(network::chain(&e)))
    }

    fn door(&self, https: bool, port: u16) -> Result<Client, FetchFault> {
        if let Some(client) = self.lock().get(&(https, port)) {
            return Ok(client.clone());
        }
        let client = self
            .build(https, port, self.has_roots)
            .map_err(|e| FetchFault::disk("cannot set up TLS", io::Error::other(e)))?;
        let mut doors = self.lock();
        if doors.len() >= DOORS_KEPT {
            doors.retain(|(https, port), _| (*https, *port) == (true, 443));
        }
        doors.insert((https, port), client.clone());
        Ok(client)
    }

    /// GETs an address and follows its redirects.
    pub(super) async fn get(&self, ask: Ask<'_>, hosts: &Hosts) -> Result<Answer, FetchFault> {
        let Ask { mut url, private, open, per_host, total, on_answer, on_request } = ask;
        let first = url.clone();
        let mut seen = HashSet::from([bare(&url)]);
        let mut private = Some(private);
        let mut deadline = None;
        loop {
            let host = self.admit(&url)?;
            let waited = Instant::now();
            let permit = match hosts.acquire(&host, per_host).await {
                Ok(permit) => permit,
                Err(rest) => return Err(FetchFault::HostResting { host, rest }),
            };
            // Waiting for our own politeness does not count against the far end.
            let until = deadline.map_or_else(|| Instant::now() + total, |d: Instant| d + waited.elapsed());
            deadline = Some(until);
            on_request();
            let response = self.send(&url, private, &open, until, total).await?;
            on_answer(response.status());
            if !is_redirect(response.status()) {
                return Ok(Answer { response, url, host, _permit: permit, deadline: until });
            }
            drop(permit);
            let next = target(&url, &response)?;
            if seen.len() > MAX_REDIRECTS as usize {
                return Err(FetchFault::TooManyRedirects(MAX_REDIRECTS));
            }
            if !seen.insert(bare(&next)) {
                return Err(FetchFault::RedirectLoop(ShownUrl::of(&next)));
            }
            // Once away from the first host its secrets stay behind, even when we are led back.
            if !same_origin(&first, &next) {
                private = None;
            }
            url = next;
            if private.is_some() {
                let _ = url.set_username(first.username());
                let _ = url.set_password(first.password());
            }
        }
    }

    /// Checks scheme and literal address; gives the host's name for `polite`.
    fn admit(&self, url: &Url) -> Result<String, FetchFault> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchFault::BadUrl(format!("`{}` is neither http nor https", url.scheme())));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(FetchFault::BadUrl("it names no host".into()));
        };
        // hyper connects to a literal address without asking the resolver.
        let literal = match host {
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
            Host::Domain(_) => None,
        };
        let shown = format!("{host}:{port}");
        if let Some(ip) = literal {
            guard::allowed(ip, port, &self.allow)
                .map_err(|refusal| FetchFault::Refused { host: shown.clone(), refusal })?;
        }
        Ok(shown)
    }

    async fn send(
        &self,
        url: &Url,
        private: Option<&HeaderMap>,
        open: &HeaderMap,
        deadline: Instant,
        total: Duration,
    ) -> Result<Response, FetchFault> {
        let https = url.scheme() == "https";
        let client = self.door(https, url.port_or_known_default().unwrap_or(0))?;
        let mut request = client
            .get(url.clone())
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING))
            .headers(open.clone());
        if let Some(private) = private {
            request = request.headers(private.clone());
        }
        // Connecting has its own limit, kept by the client: the first byte's comes on top of it.
        let patience = self.connect_timeout + self.read_timeout;
        let first_byte = Instant::now() + patience;
        match timeout_at(first_byte.min(deadline), request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(e)) => Err(network::fault(&e, url, self.connect_timeout, self.has_roots)),
            Err(_) if deadline <= first_byte => Err(FetchFault::Timeout { phase: Phase::Total, limit: total }),
            Err(_) => Err(FetchFault::Timeout { phase: Phase::FirstByte, limit: self.read_timeout }),
        }
    }
}

/// An address without user, password and fragment: what tells a circle of redirects.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.into()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads; never from https to http.
fn target(from: &Url, response: &Response) -> Result<Url, FetchFault> {
    let bad = |why: &str| FetchFault::BadRedirect(why.to_owned());
    let location = response.headers().get(header::LOCATION).ok_or_else(|| bad("it has no Location"))?;
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| bad("its Location is not text"))?;
    let mut to = from.join(location.trim()).map_err(|e| bad(&format!("its Location: {e}")))?;
    // What a redirect writes there is not ours to send.
    let _ = to.set_username("");
    let _ = to.set_password(None);
    check_downgrade(from, &to)?;
    Ok(to)
}

/// A fault when `to` gives up the protection that `from` had.
pub(super) fn check_downgrade(from: &Url, to: &Url) -> Result<(), FetchFault> {
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(FetchFault::Downgrade(ShownUrl::of(to)));
    }
    Ok(())
}

/// Same scheme, host and port: only there may a source's headers and credential go. From http to
/// https of the same host, on the default ports, counts as staying.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    let upgraded = a.scheme() == "http" && b.scheme() == "https" && a.port().is_none() && b.port().is_none();
    a.host_str() == b.host_str()
        && ((a.scheme() == b.scheme() && a.port_or_known_default() == b.port_or_known_default()) || upgraded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn web() -> Web {
        Web::new(&Limits::default()).unwrap()
    }

    #[test]
    fn literal_addresses_are_refused_in_every_spelling() {
        let web = web();
        for text in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/latest/meta-data/",
            "http://169.254.169.254/",
            "https://10.0.0.1/",
            "http://0/",
        ] {
            assert!(matches!(web.admit(&url(text)), Err(FetchFault::Refused { .. })), "{text}");
        }
        for text in ["ftp://example.fr/x", "file:///etc/passwd", "data:text/plain,x"] {
            assert!(matches!(web.admit(&url(text)), Err(FetchFault::BadUrl(_))), "{text}");
        }
        assert_eq!(web.admit(&url("https://example.fr/x")).unwrap(), "example.fr:443");
    }

    #[test]
    fn a_redirect_never_leaves_https_for_http() {
        assert!(check_downgrade(&url("https://a.fr/"), &url("http://a.fr/")).is_err());
        assert!(check_downgrade(&url("http://a.fr/"), &url("https://a.fr/")).is_ok());
    }

    #[test]
    fn secrets_stay_with_one_scheme_host_and_port() {
        let a = url("https://a.fr/x");
        assert!(same_origin(&a, &url("https://a.fr/y?z")));
        assert!(same_origin(&url("http://a.fr/"), &a));
        for other in ["http://a.fr/", "https://b.a.fr/", "https://a.fr:8443/", "https://a.fr.evil.com/"] {
            assert!(!same_origin(&a, &url(other)), "{other}");
        }
    }

    #[test]
    fn a_machine_without_ca_certificates_can_still_ask_http() {
        assert!(web().build(true, 443, false).is_ok());
        assert!(web().build(false, 80, true).is_ok());
    }
}
