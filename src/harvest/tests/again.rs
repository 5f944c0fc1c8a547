//! What is asked again, when, and what is not.

use tokio::time::Instant;

use super::*;

const DATA: &str = r#"{"marches":[]}"#;

#[tokio::test]
async fn a_server_that_recovers_is_asked_until_it_answers() {
    for code in [429, 500, 502, 503, 504] {
        let upstream = Upstream::new(move |r| if r.nth < 2 { reply(code, &[], "busy") } else { ok(DATA) }).await;
        let bench = Bench::new();
        let payload = bench.payload(upstream.url("/a")).await;
        assert_eq!(bench.text(&payload.sha256), DATA);
        let traffic = bench.harvester.take_traffic("s");
        assert_eq!((traffic.requests, traffic.retries), (3, 2), "{code}");
        assert_eq!(traffic.responses, [(code, 2), (200, 1)].into());
        assert_eq!(traffic.received, DATA.len() as u64);
    }
}

#[tokio::test]
async fn statuses_that_will_not_change_are_not_asked_again_and_403_once() {
    for (code, asked) in [(400, 1), (401, 1), (404, 1), (410, 1), (206, 1), (403, 2)] {
        let upstream = Upstream::new(move |_| reply(code, &[], DATA)).await;
        let (fault, attempts) = Bench::new().fault(upstream.url("/a")).await;
        assert!(matches!(fault, FetchFault::Status { code: c, .. } if c == code), "{code}: {fault}");
        assert_eq!((attempts, upstream.asked()), (asked, asked as usize), "{code}");
    }
    let upstream = Upstream::new(|r| if r.nth == 0 { reply(403, &[], "") } else { ok(DATA) }).await;
    Bench::new().payload(upstream.url("/a")).await;
}

#[tokio::test]
async fn retry_after_in_seconds_is_waited_for_up_to_the_cap() {
    // Ten years, garbage, negative, a date of long ago: none may stop the harvest.
    let forms = [("315360000", 300), ("soon", 0), ("-5", 0), ("Mon, 24 Nov 2025 03:00:00 GMT", 0), ("0", 0)];
    for (header, at_least_ms) in forms {
        let upstream = Upstream::new(move |r| match r.nth {
            0 => reply(429, &[("Retry-After", header)], ""),
            _ => ok(DATA),
        })
        .await;
        let start = Instant::now();
        Bench::new().payload(upstream.url("/a")).await;
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(at_least_ms), "{header}: {took:?}");
        assert!(took < Duration::from_millis(at_least_ms + 5000), "{header}: {took:?}");
    }
}

#[tokio::test]
async fn retry_after_as_a_date_is_measured_by_the_servers_own_clock_or_else_by_ours() {
    let later = "Tue, 24 Nov 2026 03:10:00 GMT";
    for (date, at_least_ms) in [(Some("Tue, 24 Nov 2026 03:10:00 GMT"), 0), (None, 300)] {
        let upstream = Upstream::new(move |r| match (r.nth, date) {
            (0, Some(date)) => reply(503, &[("Retry-After", later), ("Date", date)], ""),
            (0, None) => reply(503, &[("Retry-After", later)], ""),
            _ => ok(DATA),
        })
        .await;
        let start = Instant::now();
        Bench::new().payload(upstream.url("/a")).await;
        let took = start.elapsed().as_millis();
        assert!(took >= at_least_ms && took < at_least_ms + 5000, "{date:?}: {took} ms");
    }
}

#[tokio::test]
async fn a_retry_after_holds_back_the_other_files_of_the_host() {
    let upstream = Upstream::new(|r| match (r.path.as_str(), r.nth) {
        ("/busy", 0) => reply(503, &[("Retry-After", "1")], ""),
        _ => ok(DATA),
    })
    .await;
    let bench = Bench::new();
    let start = Instant::now();
    let busy = bench.fetch(upstream.url("/busy"));
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.payload(upstream.url("/other")).await;
        start.elapsed()
    };
    let (busy, took) = tokio::join!(busy, other);
    busy.unwrap();
    assert!(took >= Duration::from_millis(300), "{took:?}");
}

#[tokio::test]
async fn a_dead_host_is_asked_a_few_times_then_left_alone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let bench = Bench::new();
    for _ in 0..3 {
        let (fault, attempts) = bench.fault(format!("http://{addr}/a")).await;
        assert!(matches!(fault, FetchFault::Connect(_)), "{fault}");
        assert_eq!(attempts, 3);
    }
    let (fault, attempts) = bench.fault(format!("http://{addr}/b")).await;
    assert!(matches!(fault, FetchFault::HostResting { .. }), "{fault}");
    assert_eq!(attempts, 1);
    assert!(fault.is_transient());
}

#[tokio::test]
async fn one_dead_file_does_not_make_the_host_rest() {
    let upstream = Upstream::new(|r| if r.path == "/good" { ok(DATA) } else { reply(500, &[], "") }).await;
    let bench = Bench::new();
    for i in 0..6 {
        bench.fault(upstream.url(&format!("/bad{i}"))).await;
    }
    bench.payload(upstream.url("/good")).await;
}

#[tokio::test]
async fn a_server_that_never_answers_stalls_or_drips_is_given_up_in_time() {
    let head = "HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n{";
    let limits = || Limits { retries: 0, total_timeout: Duration::from_millis(600), ..limits() };
    let silent = Upstream::new(|_| vec![Act::Hang]).await;
    let stall = Upstream::new(move |_| vec![Act::Send(head.into()), Act::Hang]).await;
    let drip = Upstream::new(move |_| {
        let drops = (0..500).flat_map(|_| [Act::Wait(50), Act::Send(b" ".to_vec())]);
        [Act::Send(head.into())].into_iter().chain(drops).collect()
    })
    .await;
    // The first byte's limit includes the one for connecting.
    let fast = Limits { connect_timeout: Duration::from_millis(100), ..limits() };
    for (upstream, limits, expected) in
        [(&silent, fast, Phase::FirstByte), (&stall, limits(), Phase::Stall), (&drip, limits(), Phase::Total)]
    {
        let start = Instant::now();
        let (fault, _) = Bench::with(limits).fault(upstream.url("/a")).await;
        assert!(matches!(fault, FetchFault::Timeout { phase, .. } if phase == expected), "{fault}");
        assert!(start.elapsed() < Duration::from_secs(5), "{fault}");
    }
}

#[tokio::test]
async fn an_error_says_which_source_which_address_without_secrets_why_and_what_to_do() {
    let upstream = Upstream::new(|_| reply(404, &[], "")).await;
    let url = format!("http://bob:pw@{}/decp.json?api_key=pw&page=2", upstream.addr);
    let text = Bench::new().fetch(url).await.unwrap_err().to_string();
    for part in ["source `s`", "/decp.json?api_key=hidden&page=2", "answered 404", "look for its new address"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("pw"), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_behind_https_is_asked_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/a", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read_u8().await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let (fault, attempts) = Bench::new().fault(url).await;
    assert!(matches!(fault, FetchFault::Tls(_)), "{fault}");
    assert_eq!(attempts, 1);
}
