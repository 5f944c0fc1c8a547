//! Unchanged, the same again, changed: what costs nothing and what is never missed.

use super::*;

const ETAG: [(&str, &str); 2] = [("ETag", "\"one\""), ("Last-Modified", "Mon, 23 Nov 2026 02:00:00 GMT")];

fn previous(payload: &Payload) -> Previous {
    Previous { validators: payload.validators.clone(), sha256: payload.sha256, bytes: payload.bytes }
}

async fn again(bench: &Bench, url: &str, previous: &Previous, force: bool) -> Fetched {
    bench.fetch_as(&source(url.to_owned()), url.to_owned(), Some(previous), force).await.unwrap()
}

#[tokio::test]
async fn an_unchanged_file_costs_one_request_that_carries_its_validators() {
    let upstream = Upstream::new(|r| match r.header("if-none-match") {
        Some("\"one\"") => reply(304, &[("Last-Modified", "Tue, 24 Nov 2026 02:00:00 GMT")], ""),
        _ => reply(200, &ETAG, "data"),
    })
    .await;
    let (bench, url) = (Bench::new(), upstream.url("/a"));
    let first = previous(&bench.payload(url.clone()).await);
    let Fetched::NotModified { validators } = again(&bench, &url, &first, false).await else { panic!() };
    assert_eq!(validators.etag.as_deref(), Some("\"one\""));
    assert_eq!(validators.last_modified.as_deref(), Some("Tue, 24 Nov 2026 02:00:00 GMT"));
    assert_eq!(upstream.header(1, "if-modified-since").as_deref(), Some(ETAG[1].1));
}

#[tokio::test]
async fn force_asks_for_the_whole_and_a_constant_304_is_found_out() {
    let upstream = Upstream::new(|r| match (r.header("if-none-match"), r.nth) {
        (Some(_), _) => reply(304, &[], ""),
        (None, 0) => reply(200, &ETAG, "old"),
        (None, _) => reply(200, &ETAG, "new"),
    })
    .await;
    let (bench, url) = (Bench::new(), upstream.url("/a"));
    let first = previous(&bench.payload(url.clone()).await);
    assert!(matches!(again(&bench, &url, &first, false).await, Fetched::NotModified { .. }));
    let Fetched::Payload(new) = again(&bench, &url, &first, true).await else { panic!() };
    assert_eq!(bench.text(&new.sha256), "new");
}

#[tokio::test]
async fn the_same_bytes_again_are_known_and_not_archived_again_but_their_new_validators_are_told() {
    let upstream = Upstream::new(|r| {
        let etag = format!("\"{}\"", r.nth);
        match r.path.as_str() {
            "/length" => reply(200, &[("ETag", etag.as_str())], "same"),
            // Without a length, and compressed: it can still be the same.
            "/open" => raw(&format!("HTTP/1.1 200 X\r\nETag: {etag}\r\nConnection: close\r\n\r\nsame")),
            _ => {
                let body = zstd::encode_all("same".as_bytes(), r.nth as i32 + 1).unwrap();
                reply(200, &[("ETag", etag.as_str()), ("Content-Encoding", "zstd")], body)
            }
        }
    })
    .await;
    for path in ["/length", "/open", "/packed"] {
        let (bench, url) = (Bench::new(), upstream.url(path));
        let first = previous(&bench.payload(url.clone()).await);
        let files = bench.leftovers();
        let Fetched::Same { sha256, validators } = again(&bench, &url, &first, false).await else { panic!("{path}") };
        assert_eq!(sha256, first.sha256);
        assert_eq!(validators.etag.as_deref(), Some("\"1\""));
        assert_eq!(bench.leftovers(), files);
    }
}

#[tokio::test]
async fn a_change_is_archived_whether_or_not_the_length_gave_it_away() {
    let upstream = Upstream::new(|r| ok(["aaaa", "bbbb", "a longer one", "s"][r.nth])).await;
    let (bench, url) = (Bench::new(), upstream.url("/a"));
    let mut last = previous(&bench.payload(url.clone()).await);
    for text in ["bbbb", "a longer one", "s"] {
        let Fetched::Payload(payload) = again(&bench, &url, &last, false).await else { panic!() };
        assert_eq!(bench.text(&payload.sha256), text);
        last = previous(&payload);
    }
}

#[tokio::test]
async fn a_304_nobody_asked_for_is_a_fault() {
    let upstream = Upstream::new(|_| reply(304, &[], "")).await;
    let (fault, _) = Bench::new().fault(upstream.url("/a")).await;
    assert!(matches!(fault, FetchFault::UnaskedNotModified), "{fault}");
}

#[tokio::test]
async fn without_its_payload_in_the_archive_a_file_is_asked_for_whole() {
    let upstream = Upstream::new(|r| match r.header("if-none-match") {
        Some(_) => reply(304, &[], ""),
        None => reply(200, &ETAG, "data"),
    })
    .await;
    let url = upstream.url("/a");
    let first = previous(&Bench::new().payload(url.clone()).await);
    let bench = Bench::new();
    assert!(matches!(again(&bench, &url, &first, false).await, Fetched::Payload(_)));
    assert!(bench.archive.contains(&first.sha256));
}

#[tokio::test]
async fn two_etags_that_differ_are_none() {
    let headers = [("ETag", "\"a\""), ("ETag", "\"b\""), ETAG[1]];
    let upstream = Upstream::new(move |_| reply(200, &headers, "data")).await;
    let payload = Bench::new().payload(upstream.url("/a")).await;
    assert_eq!(payload.validators.etag, None);
    assert!(payload.validators.last_modified.is_some());
}
