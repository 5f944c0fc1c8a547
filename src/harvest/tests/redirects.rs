//! Redirects, the guard at every hop, and which host gets which secret.

use super::*;

const DATA: &str = r#"{"marches":[]}"#;

#[tokio::test]
async fn up_to_five_redirects_are_followed_and_the_last_address_told() {
    let upstream = Upstream::new(|r| match r.path.strip_prefix("/hop") {
        Some("0") => ok(DATA),
        Some(n) => redirect(&format!("hop{}", n.parse::<u32>().unwrap() - 1)),
        None => reply(404, &[], ""),
    })
    .await;
    let payload = Bench::new().payload(upstream.url("/hop5")).await;
    assert_eq!(payload.final_url.as_str(), upstream.url("/hop0"));
    let (fault, _) = Bench::new().fault(upstream.url("/hop6")).await;
    assert!(matches!(fault, FetchFault::TooManyRedirects(5)), "{fault}");
}

#[tokio::test]
async fn a_circle_or_a_target_that_is_none_ends_at_once() {
    let upstream = Upstream::new(|r| match r.path.as_str() {
        "/a" => redirect("/b"),
        "/b" => redirect("/a"),
        "/nowhere" => reply(302, &[], ""),
        "/file" => redirect("file:///etc/passwd"),
        _ => redirect("http://[::"),
    })
    .await;
    let bench = Bench::new();
    let (fault, attempts) = bench.fault(upstream.url("/a")).await;
    assert!(matches!(fault, FetchFault::RedirectLoop(_)), "{fault}");
    assert_eq!((attempts, upstream.asked()), (1, 2));
    for path in ["/nowhere", "/broken"] {
        let (fault, _) = bench.fault(upstream.url(path)).await;
        assert!(matches!(fault, FetchFault::BadRedirect(_)), "{fault}");
    }
    let (fault, _) = bench.fault(upstream.url("/file")).await;
    assert!(matches!(fault, FetchFault::BadUrl(_)), "{fault}");
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused_before_anything_is_sent() {
    let inside = Upstream::on("127.0.0.2:0", |_| ok(DATA)).await;
    let port = inside.addr.port();
    for target in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://0x7f.2:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".into(),
        "http://[::1]/".into(),
        "http://0.0.0.0/".into(),
    ] {
        let to = target.clone();
        let upstream = Upstream::new(move |_| redirect(&to)).await;
        let (fault, attempts) = Bench::new().fault(upstream.url("/a")).await;
        assert!(matches!(fault, FetchFault::Refused { .. }), "{target}: {fault}");
        assert_eq!(attempts, 1);
    }
    assert_eq!(inside.asked(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_by_the_resolver_for_that_port_only() {
    let upstream = Upstream::new(|_| ok(DATA)).await;
    let port = upstream.addr.port();
    let local = format!("http://localhost:{port}/a");
    let closed = Bench::with(Limits { allow: AllowList::default(), ..limits() });
    let (fault, attempts) = closed.fault(local.clone()).await;
    assert!(matches!(fault, FetchFault::Refused { refusal: Refusal::Loopback, .. }), "{fault}");
    assert_eq!((attempts, upstream.asked()), (1, 0));
    let elsewhere = Bench::with(Limits { allow: AllowList::parse(&["127.0.0.1:1"]).unwrap(), ..limits() });
    assert!(matches!(elsewhere.fault(local.clone()).await.0, FetchFault::Refused { .. }));
    let open = AllowList::parse(&[format!("127.0.0.1:{port}")]).unwrap();
    Bench::with(Limits { allow: open, ..limits() }).payload(local).await;
}

#[tokio::test]
async fn headers_and_credential_stay_with_the_sources_own_host_even_when_led_back() {
    let back = Arc::new(Mutex::new(String::new()));
    let other = {
        let back = Arc::clone(&back);
        Upstream::new(move |r| if r.path == "/x" { redirect(&back.lock().unwrap()) } else { ok(DATA) }).await
    };
    let away = other.url("/x");
    let own = Upstream::new(move |r| match r.path.as_str() {
        "/start" => redirect("/here"),
        "/here" => redirect(&away),
        _ => ok(DATA),
    })
    .await;
    *back.lock().unwrap() = own.url("/end");
    let access = SourceAccess {
        headers: vec![("X-API-KEY".into(), "k-{credential}".into()), ("Accept-Language".into(), "fr".into())],
        credential: Some("s3cret\n".into()),
        ..source(own.url("/start"))
    };
    let bench = Bench::new();
    bench.fetch_as(&access, own.url("/start"), None, false).await.unwrap();
    assert_eq!(own.paths(), ["/start", "/here", "/end"]);
    for hop in 0..2 {
        assert_eq!(own.header(hop, "x-api-key").as_deref(), Some("k-s3cret"));
        assert_eq!(own.header(hop, "authorization"), None);
    }
    assert_eq!(other.header(0, "x-api-key"), None);
    assert_eq!(own.header(2, "x-api-key"), None);
    // A file that the catalogue places on another host gets none either.
    bench.fetch_as(&access, other.url("/y"), None, false).await.unwrap();
    assert_eq!(other.header(1, "x-api-key"), None);
}

#[tokio::test]
async fn a_credential_without_a_place_is_sent_as_authorization_and_so_are_user_and_password() {
    let upstream = Upstream::new(|_| ok(DATA)).await;
    let url = upstream.url("/a");
    let bench = Bench::new();
    for (secret, expected) in [("abc", "Bearer abc"), ("Basic Ym9i", "Basic Ym9i")] {
        let access = SourceAccess { credential: Some(secret.into()), ..source(url.clone()) };
        bench.fetch_as(&access, url.clone(), None, true).await.unwrap();
        assert_eq!(upstream.header(upstream.asked() - 1, "authorization").as_deref(), Some(expected));
    }
    bench.fetch(url.replace("http://", "http://bob:pw@")).await.unwrap();
    assert_eq!(upstream.header(upstream.asked() - 1, "authorization").as_deref(), Some("Basic Ym9iOnB3"));
}

#[tokio::test]
async fn a_header_that_is_ours_or_cannot_be_sent_is_named_without_its_value() {
    let upstream = Upstream::new(|_| ok(DATA)).await;
    for (name, value) in [("Range", "bytes=0-1"), ("bad name", "v"), ("X-Key", "a\nb"), ("X-Key", "{credential}")] {
        let access = SourceAccess { headers: vec![(name.into(), value.into())], ..source(upstream.url("/a")) };
        let error = Bench::new().fetch_as(&access, upstream.url("/a"), None, false).await.unwrap_err();
        assert!(matches!(error.fault, FetchFault::BadHeader { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(upstream.asked(), 0);
}
