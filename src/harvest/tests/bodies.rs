//! Bodies: cut, compressed, too large, not data.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;

const DATA: &str = r#"{"marches":[{"id":"2024-01"}]}"#;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

async fn fault(script: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> FetchFault {
    let upstream = Upstream::new(script).await;
    Bench::new().fault(upstream.url("/a")).await.0
}

#[tokio::test]
async fn a_payload_is_archived_as_it_was_sent_with_what_its_answer_said() {
    let headers =
        [("ETag", "W/\"a\""), ("Last-Modified", "Mon, 23 Nov 2026 02:00:00 GMT"), ("Content-Type", "text/plain")];
    let upstream = Upstream::new(move |_| reply(200, &headers, DATA)).await;
    let bench = Bench::new();
    let payload = bench.payload(upstream.url("/a?token=t")).await;
    assert_eq!(bench.text(&payload.sha256), DATA);
    assert_eq!(payload.sha256, Sha256::of(DATA.as_bytes()));
    assert_eq!(payload.bytes, DATA.len() as u64);
    assert_eq!(payload.validators.etag.as_deref(), Some("W/\"a\""));
    assert_eq!(payload.last_modified, Some("2026-11-23T02:00:00Z".parse().unwrap()));
    assert_eq!(payload.content_type.as_deref(), Some("text/plain"));
    assert!(payload.final_url.as_str().ends_with("/a?token=hidden"));
    let agent = upstream.header(0, "user-agent").unwrap();
    assert!(agent.starts_with("guichet/"), "{agent}");
    assert_eq!(upstream.header(0, "referer"), None);
    assert_eq!(upstream.header(0, "accept-encoding").as_deref(), Some("gzip, zstd, deflate"));
}

#[tokio::test]
async fn a_transfer_that_is_cut_or_reset_failed_and_nothing_of_it_is_kept() {
    let short = "HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{\"marches\":[";
    let chunked = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"marches\":[\r\n";
    for (text, reset) in [(short, false), (short, true), (chunked, false), (chunked, true)] {
        let fault = fault(move |_| {
            let mut acts = raw(text);
            acts.push(Act::Wait(20));
            if reset {
                acts.push(Act::Reset);
            }
            acts
        })
        .await;
        assert!(matches!(fault, FetchFault::Cut { received: 12, .. }), "{fault}");
        assert!(fault.is_transient());
    }
}

#[tokio::test]
async fn a_cut_transfer_is_tried_again_and_then_whole() {
    let upstream = Upstream::new(|r| match r.nth {
        0 => raw("HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{"),
        _ => ok(DATA),
    })
    .await;
    let bench = Bench::new();
    let payload = bench.payload(upstream.url("/a")).await;
    assert_eq!(bench.text(&payload.sha256), DATA);
}

#[tokio::test]
async fn a_connection_closed_before_any_answer_is_a_cut_and_nonsense_is_no_http() {
    let closed = fault(|_| vec![]).await;
    assert!(matches!(closed, FetchFault::Cut { .. }), "{closed}");
    let reset = fault(|_| vec![Act::Reset]).await;
    assert!(matches!(reset, FetchFault::Cut { .. }), "{reset}");
    let nonsense = fault(|_| raw("SSH-2.0-OpenSSH_9.2\r\n\r\n")).await;
    assert!(matches!(nonsense, FetchFault::Protocol(_)), "{nonsense}");
    let many: String = (0..10_000).map(|i| format!("X-{i}: 1\r\n")).collect();
    let headers = fault(move |_| raw(&format!("HTTP/1.1 200 X\r\n{many}\r\n"))).await;
    assert!(matches!(headers, FetchFault::Protocol(_)), "{headers}");
}

#[tokio::test]
async fn compressed_bodies_are_archived_decompressed_under_the_hash_of_what_they_are() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(DATA.as_bytes()).unwrap();
    let forms = [
        ("gzip", gzip(DATA.as_bytes())),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(DATA.as_bytes(), 3).unwrap()),
    ];
    for (coding, body) in forms {
        let upstream = Upstream::new(move |_| reply(200, &[("Content-Encoding", coding)], &body)).await;
        let payload = Bench::new().payload(upstream.url("/a")).await;
        assert_eq!(payload.sha256, Sha256::of(DATA.as_bytes()), "{coding}");
    }
}

#[tokio::test]
async fn stacked_unknown_or_broken_codings_are_faults() {
    let twice = gzip(&gzip(DATA.as_bytes()));
    let stacked = fault(move |_| reply(200, &[("Content-Encoding", "gzip, gzip")], &twice)).await;
    assert!(matches!(stacked, FetchFault::Coding(_)), "{stacked}");
    let brotli = fault(|_| reply(200, &[("Content-Encoding", "br")], "x")).await;
    assert!(matches!(brotli, FetchFault::Coding(_)), "{brotli}");
    let plain = fault(|_| reply(200, &[("Content-Encoding", "gzip")], DATA)).await;
    assert!(matches!(plain, FetchFault::Corrupt { coding: "gzip", .. }), "{plain}");
    let half = gzip(DATA.as_bytes());
    let half = half[..half.len() - 9].to_vec();
    let cut = fault(move |_| reply(200, &[("Content-Encoding", "gzip")], &half)).await;
    assert!(matches!(cut, FetchFault::Corrupt { coding: "gzip", .. }), "{cut}");
}

#[tokio::test]
async fn bombs_and_giants_are_stopped_by_what_they_become_not_by_what_they_weigh() {
    let zeros = vec![b'['; 30 * 1024 * 1024];
    let gzip_bomb = gzip(&zeros);
    let zstd_bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
    for (coding, bomb) in [("gzip", gzip_bomb), ("zstd", zstd_bomb)] {
        let fault = fault(move |_| reply(200, &[("Content-Encoding", coding)], &bomb)).await;
        match fault {
            FetchFault::Bomb { decoded, .. } => {
                assert!(decoded < 11 * 1024 * 1024, "{coding}: {decoded}")
            }
            other => panic!("{coding}: {other}"),
        }
    }
    let limits = || Limits { max_bytes: 100_000, ..limits() };
    let packed = gzip(&[b'['; 200_000]);
    let giant = Upstream::new(move |r| match r.path.as_str() {
        "/announced" => ok(vec![b'['; 200_000]),
        "/packed" => reply(200, &[("Content-Encoding", "gzip")], &packed),
        _ => vec![Act::Send(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\n".to_vec()), Act::Send(vec![b'['; 200_000])],
    })
    .await;
    for path in ["/announced", "/packed", "/endless"] {
        let (fault, attempts) = Bench::with(limits()).fault(giant.url(path)).await;
        assert!(matches!(fault, FetchFault::TooLarge { limit: 100_000 }), "{path}: {fault}");
        assert_eq!(attempts, 1);
    }
    let own = SourceAccess { max_bytes: Some(300_000), ..source(giant.url("/packed")) };
    Bench::with(limits()).fetch_as(&own, giant.url("/packed"), None, false).await.unwrap();
}

#[tokio::test]
async fn what_is_no_data_is_a_failed_fetch_even_with_status_200() {
    let login = "\u{feff}\n<!DOCTYPE html><html><title>Connexion</title></html>";
    let html = fault(move |_| reply(200, &[("Content-Type", "application/json")], login)).await;
    assert!(matches!(&html, FetchFault::Html(start) if start.starts_with("<!DOCTYPE")), "{html}");
    for body in ["", " \n"] {
        let empty = fault(move |_| ok(body)).await;
        assert!(matches!(empty, FetchFault::Empty), "{empty}");
    }
    let packed = fault(|_| reply(200, &[("Content-Encoding", "gzip")], "")).await;
    assert!(matches!(packed, FetchFault::Empty), "{packed}");
    let none = fault(|_| reply(204, &[], "")).await;
    assert!(matches!(none, FetchFault::Empty), "{none}");
    let later = fault(|_| reply(202, &[], "")).await;
    assert!(matches!(later, FetchFault::NotReady), "{later}");
}

#[tokio::test]
async fn a_transfer_that_is_dropped_leaves_nothing_and_gives_its_place_back() {
    let upstream = Upstream::new(|r| match r.path.as_str() {
        "/slow" => vec![Act::Send(b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{".to_vec()), Act::Hang],
        _ => ok(DATA),
    })
    .await;
    let bench = Bench::with(Limits { per_host: 1, concurrency: 1, ..limits() });
    let slow = tokio::time::timeout(Duration::from_millis(100), bench.fetch(upstream.url("/slow"))).await;
    assert!(slow.is_err());
    bench.payload(upstream.url("/a")).await;
    // The blocking side notices in its own time.
    for _ in 0..50 {
        if bench.leftovers() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the dropped transfer left a file");
}
