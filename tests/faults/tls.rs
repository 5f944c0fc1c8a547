//! Cases 5 and 15: certificates that must not be trusted, versions that must not be spoken, and the way down.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;

use guichet::harvest::{Addresses, Names, Outside};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::small::{Small, document};
use crate::{Ends, judge};

const HOST: &str = "decp.example.fr";

/// Every name is this machine.
struct Here;

impl Names for Here {
    fn addresses(&self, _name: &str) -> Addresses {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

/// An authority that the harvest is told to trust.
struct Trusted(CertifiedIssuer<'static, KeyPair>);

impl Trusted {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }
    fn outside(&self) -> Outside {
        Outside { names: Some(Arc::new(Here)), roots: Some(vec![self.0.der().to_vec()]) }
    }
    /// A certificate for `name` that ends with `until`, and its key.
    fn certificate(&self, name: &str, until: i32) -> (CertificateDer<'static>, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().der().clone(), key)
    }
}

/// Answers every connection by `answer`, for as long as the test runs; gives the port.
fn listen(answer: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

/// An HTTPS server with this certificate and this one answer.
fn serve((certificate, key): (CertificateDer<'static>, KeyPair), answer: String) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    listen(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            // A client that does not trust us goes away here.
            if !matches!(stream.read(&mut byte), Ok(1)) {
                return;
            }
            head.push(byte[0]);
        }
        let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    })
}

fn payload() -> String {
    let body = document("a", 3);
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nETag: \"first\"\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn night(case: &str, trusted: &Trusted, port: u16, ends: Ends) {
    let mut small = Small::quick();
    small.outside = trusted.outside();
    let small = small.source("s", &format!("https://{HOST}:{port}/f"), "");
    judge(case, &small.night(0), ends);
}

#[test]
fn a_certificate_must_be_of_its_time_of_its_host_and_of_an_authority() {
    let trusted = Trusted::new();
    night("a good one", &trusted, serve(trusted.certificate(HOST, 2090), payload()), Ends::Well(3));
    let expired = serve(trusted.certificate(HOST, 2020), payload());
    night("5 expired", &trusted, expired, Ends::Badly { says: "expired" });
    let other = serve(trusted.certificate("other.example.fr", 2090), payload());
    night("5 another host", &trusted, other, Ends::Badly { says: "not valid for" });
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, HOST);
    let key = KeyPair::generate().unwrap();
    let alone = params.self_signed(&key).unwrap().der().clone();
    night("5 self-signed", &trusted, serve((alone, key), payload()), Ends::Badly { says: "UnknownIssuer" });
}

#[test]
fn a_server_that_knows_tls_1_0_only_is_refused() {
    let trusted = Trusted::new();
    // After the client's hello: a server's hello of TLS 1.0, with a cipher of that time.
    let hello = {
        let mut body = vec![3, 1];
        body.extend([7; 32]);
        body.extend([0, 0, 0x2f, 0]);
        let mut message = vec![2, 0, 0, body.len() as u8];
        message.extend(body);
        let mut record = vec![22, 3, 1, 0, message.len() as u8];
        record.extend(message);
        record
    };
    // Or an alert: protocol_version.
    for (case, bytes) in [("5 TLS 1.0 only", hello), ("5 TLS 1.0 only, by an alert", vec![21, 3, 1, 0, 2, 2, 70])] {
        let port = listen(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 4096]);
        });
        night(case, &trusted, port, Ends::Badly { says: "no secure connection" });
    }
}

#[test]
fn a_redirect_from_https_to_http_is_refused() {
    let trusted = Trusted::new();
    let plain = guichet::demo::Upstream::serving(crate::good()).unwrap();
    let answer =
        format!("HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", plain.url("/"));
    let port = serve(trusted.certificate(HOST, 2090), answer);
    night("15 downgrade", &trusted, port, Ends::Badly { says: "leaves https for http" });
    assert_eq!(plain.total(), 0);
}
