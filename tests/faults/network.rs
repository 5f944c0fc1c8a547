//! Cases 1 to 4 and 13 to 18: names, connections, redirects.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use guichet::demo::{Page, Upstream};
use guichet::harvest::{Addresses, Names, Outside};

use crate::small::{QUICK, Small, document};
use crate::{Ends, good, harvested, judge, second_night};

/// What a scripted resolver says, one answer a question; the last one stays.
#[derive(Clone)]
enum Says {
    Addresses(&'static [&'static str]),
    Fails(&'static str),
    Nothing,
}

struct Script {
    answers: Vec<Says>,
    asked: AtomicUsize,
}

impl Names for Script {
    fn addresses(&self, _name: &str) -> Addresses {
        let nth = self.asked.fetch_add(1, Ordering::SeqCst);
        let says = self.answers.get(nth).or(self.answers.last()).cloned();
        Box::pin(async move {
            match says {
                Some(Says::Addresses(list)) => Ok(list.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect()),
                Some(Says::Fails(why)) => Err(io::Error::other(why)),
                Some(Says::Nothing) | None => std::future::pending().await,
            }
        })
    }
}

fn names(answers: Vec<Says>) -> Outside {
    Outside { names: Some(Arc::new(Script { answers, asked: AtomicUsize::new(0) })), ..Outside::default() }
}

/// A source behind a name, with three records in store from the night before.
fn named(upstream: &Upstream) -> Small {
    upstream.page("/f", good());
    let url = format!("http://decp.example.fr:{}/f", upstream.address().port());
    let mut small = Small::quick();
    small.outside = names(vec![Says::Addresses(&["127.0.0.1"])]);
    let small = small.source("s", &url, "");
    judge("the first night", &small.night(0), Ends::Well(3));
    small
}

#[test]
fn a_port_where_nobody_listens_is_tried_a_few_times() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    drop(upstream);
    judge("1 refused", &small.night(1), Ends::Badly { says: "no connection" });
}

#[test]
fn a_network_that_stays_silent_is_given_up_after_connect_timeout() {
    let upstream = Upstream::start().unwrap();
    let mut small = named(&upstream);
    small.harvest(
        &QUICK
            .replace("connect_timeout = \"10s\"", "connect_timeout = \"200ms\"")
            .replace("retries = 2", "retries = 1"),
    );
    small.outside = names(vec![Says::Nothing]);
    let began = std::time::Instant::now();
    judge("2 silence", &small.night(1), Ends::Badly { says: "connecting took longer than" });
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    assert_eq!(upstream.requests("/f"), 1);
}

#[test]
fn a_name_that_is_not_resolved_fails_and_one_that_is_at_last_does_not() {
    let upstream = Upstream::start().unwrap();
    let mut small = named(&upstream);
    small.outside = names(vec![Says::Fails("no such name")]);
    judge("3 NXDOMAIN", &small.night(1), Ends::Badly { says: "decp.example.fr was not resolved: no such name" });
    small.outside = names(vec![Says::Fails("server failure"), Says::Addresses(&["127.0.0.1"])]);
    judge("4 SERVFAIL, then an answer", &small.night(2), Ends::Unchanged);
    small.outside = names(vec![Says::Addresses(&[])]);
    judge("3 a name without address", &small.night(3), Ends::Badly { says: "was not resolved" });
}

/// A listener on 127.0.0.2 that must stay untouched: the guard lets 127.0.0.1 through and nothing else.
struct Inside(TcpListener);

impl Inside {
    fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.2", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }
    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
    fn untouched(&self) -> bool {
        self.0.accept().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }
}

#[test]
fn a_redirect_to_a_private_address_is_refused_however_it_is_written() {
    let inside = Inside::at(0);
    let port = inside.port();
    for target in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://0x7f.2:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://0177.0.0.2:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        format!("//127.0.0.2:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://[::1]/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://0.0.0.0/".to_owned(),
    ] {
        let ends = Ends::Badly { says: "refused to connect" };
        assert_eq!(second_night(&format!("16 {target}"), vec![Page::redirect(302, &target)], ends), 1);
    }
    assert!(inside.untouched(), "a private address was asked");
}

#[test]
fn redirects_that_lead_nowhere_end_soon() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    upstream.page("/f", Page::redirect(302, "/g"));
    upstream.page("/g", Page::redirect(307, "/f"));
    judge("13 a circle", &small.night(1), Ends::Badly { says: "go in a circle" });
    assert_eq!(upstream.total(), 3);

    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    upstream.page("/f", Page::redirect(302, "/1"));
    (1..11).for_each(|n| upstream.page(&format!("/{n}"), Page::redirect(302, &format!("/{}", n + 1))));
    upstream.page("/11", good());
    judge("14 eleven redirects", &small.night(1), Ends::Badly { says: "more than 5 redirects" });
    assert_eq!(upstream.requests("/11"), 0);

    for (name, page) in
        [("no Location", Page::empty(302)), ("a Location that is none", Page::redirect(302, "http://["))]
    {
        second_night(name, vec![page], Ends::Badly { says: "without a usable target" });
    }
    second_night(
        "a file",
        vec![Page::redirect(302, "file:///etc/passwd")],
        Ends::Badly { says: "neither http nor https" },
    );
}

#[test]
fn a_redirect_that_is_followed_keeps_the_sources_own_address() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    upstream.page("/f", Page::redirect(301, "/moved"));
    upstream.page("/moved", Page::json(document("b", 4)));
    let night = small.night(1);
    judge("a redirect", &night, Ends::Well(4));
    assert_eq!(night.resource("main").url, upstream.url("/f"));
}

#[test]
fn a_name_that_changes_its_mind_is_refused_at_the_connection() {
    let upstream = Upstream::start().unwrap();
    let inside = Inside::at(upstream.address().port());
    let mut small = named(&upstream);
    // Public first, private when it counts.
    upstream.page(
        "/f",
        Page::redirect(302, &format!("http://rebind.example.fr:{}/f", upstream.address().port()))
            .header("Connection", "close"),
    );
    small.outside = names(vec![Says::Addresses(&["127.0.0.1"]), Says::Addresses(&["127.0.0.2"])]);
    judge("17 rebinding", &small.night(1), Ends::Badly { says: "refused to connect to rebind.example.fr" });
    small.outside = names(vec![Says::Addresses(&["127.0.0.2", "::1", "169.254.169.254"])]);
    assert_eq!(small.night(2).exit(), guichet::daemon::exit::Exit::Failed);
    assert!(inside.untouched(), "a private address was asked");
}

#[test]
fn a_name_with_public_and_private_addresses_is_asked_at_the_public_ones_only() {
    let upstream = Upstream::start().unwrap();
    let inside = Inside::at(upstream.address().port());
    let mut small = named(&upstream);
    upstream.page("/f", Page::json(document("b", 4)));
    small.outside = names(vec![Says::Addresses(&["127.0.0.2", "10.0.0.1", "127.0.0.1"])]);
    judge("18 both", &small.night(1), Ends::Well(4));
    assert!(inside.untouched(), "a private address was asked");
}
