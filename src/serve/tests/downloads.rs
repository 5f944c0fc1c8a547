//! Files of publications: validators, parts, variants, what is refused, what a swap does.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fixture::{Site, ask, digest};

const PLAIN: &[u8] = b"0123456789";

fn packed() -> (Vec<u8>, Vec<u8>) {
    let zst = zstd::encode_all(PLAIN, 3).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, PLAIN).unwrap();
    (zst, gz.finish().unwrap())
}

/// A site whose decp.json stands plain, as .zst and as .gz.
fn with_variants() -> (Site, Vec<u8>, Vec<u8>) {
    let (zst, gz) = packed();
    let site = Site::empty();
    site.publish(
        "2026-11-24",
        &[("decp.json", PLAIN), ("decp.json.zst", &zst), ("decp.json.gz", &gz), ("a.parquet", PLAIN)],
    );
    (site, zst, gz)
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", digest(bytes))
}

#[tokio::test]
async fn a_file_comes_with_the_manifests_digest_as_its_strong_validator() {
    let (site, ..) = with_variants();
    for path in ["/latest/decp.json", "/dumps/2026-11-24/decp.json"] {
        let answer = site.get(path).await;
        assert_eq!((answer.code(), &answer.body[..]), (200, PLAIN), "{path}");
        assert_eq!(answer.header("etag"), tag(PLAIN));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("content-length"), "10");
        assert_eq!(answer.header("last-modified"), "Tue, 24 Nov 2026 05:30:00 GMT");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("vary"), "Accept-Encoding");
    }
    let latest = site.get("/latest/decp.json").await;
    assert_eq!(latest.header("cache-control"), "no-cache");
    assert_eq!(latest.header("content-location"), "/dumps/2026-11-24/decp.json");
    let dated = site.get("/dumps/2026-11-24/decp.json").await;
    assert!(dated.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn a_known_file_is_answered_304_without_a_body() {
    let (site, ..) = with_variants();
    let list = format!("\"x\", W/{}", tag(PLAIN));
    for known in [&tag(PLAIN), &list, "*"] {
        let answer = site.get_with("/latest/decp.json", &[("if-none-match", known)]).await;
        assert_eq!((answer.code(), answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), tag(PLAIN));
        assert_eq!(answer.header("cache-control"), "no-cache");
    }
    let date = [("if-modified-since", "Tue, 24 Nov 2026 05:30:00 GMT")];
    assert_eq!(site.get_with("/latest/decp.json", &date).await.code(), 304);
    let other = [("if-none-match", "\"x\""), date[0]];
    assert_eq!(site.get_with("/latest/decp.json", &other).await.code(), 200);
    let wrong = site.get_with("/latest/decp.json", &[("if-match", "\"x\"")]).await;
    assert_eq!(wrong.code(), 412);
}

#[tokio::test]
async fn a_part_is_sent_with_its_place_and_what_lies_beyond_is_416() {
    let (site, ..) = with_variants();
    for (range, body, place) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=0-3,4-5", "012345", "bytes 0-5/10"),
    ] {
        let answer = site.get_with("/latest/decp.json", &[("range", range)]).await;
        assert_eq!((answer.code(), answer.text()), (206, body), "{range}");
        assert_eq!(answer.header("content-range"), place);
        assert_eq!(answer.header("content-length"), body.len().to_string());
        assert_eq!(answer.header("etag"), tag(PLAIN));
    }
    for range in ["bytes=0-1,8-9", "lines=1-2", "bytes=9-2"] {
        let answer = site.get_with("/latest/decp.json", &[("range", range)]).await;
        assert_eq!((answer.code(), &answer.body[..]), (200, PLAIN), "{range}");
    }
    let beyond = site.get_with("/latest/decp.json", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.code(), beyond.header("content-range")), (416, "bytes */10"));
    assert_eq!(beyond.json()["status"], 416);
    let head = site.ask("HEAD", "/latest/decp.json", &[("range", "bytes=2-4")]).await;
    assert_eq!((head.code(), head.header("content-length"), head.body.len()), (200, "10", 0));
}

#[tokio::test]
async fn a_part_is_continued_only_of_the_same_bytes() {
    let (site, zst, _) = with_variants();
    let part = ("range", "bytes=2-4");
    for (condition, code) in [
        (tag(PLAIN), 206),
        (format!("W/{}", tag(PLAIN)), 200),
        (tag(&zst), 200),
        ("\"x\"".to_owned(), 200),
        // All variants share this date, so it does not name these bytes.
        ("Tue, 24 Nov 2026 05:30:00 GMT".to_owned(), 200),
    ] {
        let headers = [part, ("if-range", condition.as_str())];
        let answer = site.get_with("/latest/decp.json", &headers).await;
        assert_eq!(answer.code(), code, "{condition}");
    }
    let headers = [part, ("if-range", "Tue, 24 Nov 2026 05:30:00 GMT")];
    assert_eq!(site.get_with("/latest/a.parquet", &headers).await.code(), 206);
}

#[tokio::test]
async fn each_client_gets_the_variant_it_can_read_with_a_validator_of_its_own() {
    let (site, zst, gz) = with_variants();
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", "zstd", &zst[..]),
        ("gzip", "gzip", &gz[..]),
        ("zstd;q=0.1, gzip;q=0.9", "gzip", &gz[..]),
        ("br", "", PLAIN),
        ("identity", "", PLAIN),
    ] {
        let answer = site.get_with("/latest/decp.json", &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.code(), answer.header("content-encoding")), (200, encoding), "{accepted}");
        assert!(answer.body == body, "{accepted}");
        assert_eq!(answer.header("etag"), tag(body));
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("vary"), "Accept-Encoding");
    }
    let own = site.get_with("/latest/decp.json.gz", &[("accept-encoding", "gzip")]).await;
    assert_eq!((own.header("content-type"), own.header("content-encoding")), ("application/gzip", ""));
    let none = site.get_with("/latest/a.parquet", &[("accept-encoding", "*;q=0")]).await;
    assert_eq!(none.code(), 406);
}

#[tokio::test]
async fn a_file_kept_compressed_only_is_given_plain_to_who_cannot_read_zstd() {
    let (site, zst, _) = with_variants();
    let dir = site.dump("2026-11-24");
    fs::remove_file(dir.join("decp.json")).unwrap();
    fs::remove_file(dir.join("decp.json.gz")).unwrap();
    let path = "/dumps/2026-11-24/decp.json";
    let plain = site.get_with(path, &[("accept-encoding", "gzip")]).await;
    assert_eq!((plain.code(), &plain.body[..]), (200, PLAIN));
    assert_eq!((plain.header("etag"), plain.header("content-encoding")), (tag(PLAIN).as_str(), ""));
    assert_eq!((plain.header("content-length"), plain.header("accept-ranges")), ("10", "none"));
    let packed = site.get_with(path, &[("accept-encoding", "zstd")]).await;
    assert!(packed.body == zst && packed.header("content-encoding") == "zstd");
    let head = site.ask("HEAD", path, &[]).await;
    assert_eq!((head.code(), head.header("content-length"), head.body.len()), (200, "10", 0));
    assert_eq!(site.get("/dumps/2026-11-24/decp.json.gz").await.code(), 404);
}

#[tokio::test]
async fn only_the_files_of_a_publication_can_be_reached() {
    let (site, ..) = with_variants();
    fs::write(site.public().join("status.json"), "secret").unwrap();
    fs::write(site.public().parent().unwrap().join("guichet-outside"), "secret").unwrap();
    fs::write(site.dump("2026-11-24").join("unlisted.txt"), "secret").unwrap();
    for path in [
        "/dumps/..%2fstatus.json",
        "/latest/..%2f..%2fstatus.json",
        "/dumps/2026-11-24/..%2f..%2fstatus.json",
        "/latest/%2e%2e%2f%2e%2e%2fstatus.json",
        "/latest/..%5c..%5cstatus.json",
        "/latest/decp.json%00",
        "/latest/%2fetc%2fpasswd",
        "/dumps/%2e%2e/status.json",
        "/dumps/../status.json",
        "/latest/unlisted.txt",
        "/latest/.hidden",
        "/latest/%ff",
        "/dumps/latest/decp.json",
        "/dumps/2026-11-23/decp.json",
        "/dumps//decp.json",
        "/latest/decp.json/",
        "/status.json",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.code(), 404, "{path}");
        assert!(!answer.text().contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn a_withdrawn_publication_is_gone_whole() {
    let (site, ..) = with_variants();
    site.write_dump("2026-11-23", &[("decp.json", PLAIN)]);
    assert_eq!(site.get("/dumps/2026-11-23/decp.json").await.code(), 200);
    let path = site.dump("2026-11-23").join("manifest.json");
    let manifest = fs::read_to_string(&path).unwrap();
    let withdrawn = manifest.replacen('{', "{\"withdrawn\":{\"day\":\"2026-11-24\"},", 1);
    fs::write(&path, withdrawn).unwrap();
    for file in ["decp.json", "manifest.json", ""] {
        let answer = site.get(&format!("/dumps/2026-11-23/{file}")).await;
        assert_eq!(answer.code(), 410, "{file}");
        assert_eq!(answer.json()["type"], "urn:guichet:problem:withdrawn");
        assert_eq!(answer.json()["instead"], "/latest/");
    }
    assert!(site.page("/dumps/").await.text().contains("retirée"));
    assert_eq!(site.get("/latest/decp.json").await.code(), 200);
}

#[tokio::test]
async fn a_copy_in_progress_does_not_pass_for_the_file() {
    let (site, ..) = with_variants();
    fs::write(site.dump("2026-11-24").join("a.parquet"), b"0123").unwrap();
    let answer = site.get("/latest/a.parquet").await;
    assert_eq!((answer.code(), answer.header("retry-after")), (500, "60"));
}

#[tokio::test]
async fn a_browser_of_another_site_may_ask_beforehand() {
    let (site, ..) = with_variants();
    let headers = [("origin", "https://exemple.fr"), ("access-control-request-method", "GET")];
    let answer = site.ask("OPTIONS", "/latest/decp.json", &headers).await;
    assert_eq!((answer.code(), answer.header("access-control-allow-origin")), (204, "*"));
    assert!(answer.header("access-control-allow-headers").contains("Range"));
    let missing = site.get("/latest/none.json").await;
    assert_eq!((missing.code(), missing.header("access-control-allow-origin")), (404, "*"));
}

#[tokio::test]
async fn a_copy_without_its_link_or_with_a_folder_in_its_place_is_served_too() {
    let (site, ..) = with_variants();
    fs::remove_file(site.public().join("latest")).unwrap();
    site.write_dump("2026-11-22", &[("decp.json", b"older")]);
    assert_eq!(site.get("/latest/decp.json").await.body, PLAIN);
    fs::rename(site.dump("2026-11-24"), site.public().join("latest")).unwrap();
    assert_eq!(site.get("/latest/decp.json").await.body, PLAIN);
    assert_eq!(site.get("/latest/manifest.json").await.code(), 200);
}

#[tokio::test]
async fn a_link_that_leads_out_of_the_folder_leads_nowhere() {
    let (site, ..) = with_variants();
    let outside = tempfile::tempdir().unwrap();
    let link = site.public().join("latest");
    fs::remove_file(&link).unwrap();
    fs::rename(site.public().join("dumps"), outside.path().join("dumps")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("dumps/2026-11-24"), &link).unwrap();
    assert_eq!(site.get("/latest/decp.json").await.code(), 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn during_two_hundred_swaps_every_answer_is_of_one_publication() {
    let site = Site::empty();
    let body = |n: usize| format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(n % 977)).into_bytes();
    let announced: Arc<BTreeSet<String>> = Arc::new((0..200).map(|n| digest(&body(n))).collect());
    let name = |n: usize| format!("2026-11-24.{}", n + 2);
    site.publish(&name(0), &[("decp.json", &body(0))]);
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let (router, done, announced) = (site.router.clone(), done.clone(), announced.clone());
        readers.push(tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let answer = ask(&router, "GET", "/latest/decp.json", &[]).await;
                assert_eq!(answer.code(), 200, "{}", answer.text());
                let sha256 = digest(&answer.body);
                assert_eq!(answer.header("etag"), format!("\"{sha256}\""));
                assert!(announced.contains(&sha256));
                seen.insert(sha256);
            }
            seen.len()
        }));
    }
    for n in 1..200 {
        site.publish(&name(n), &[("decp.json", &body(n))]);
        if n >= 3 {
            fs::remove_dir_all(site.dump(&name(n - 3))).unwrap();
        }
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 1, "the reader saw swaps");
    }
    assert_eq!(digest(&site.get("/latest/decp.json").await.body), digest(&body(199)));
}
