//! Cases 6 to 40 of what a server can answer, byte by byte.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use guichet::daemon::exit::Exit;
use guichet::demo::{Page, Upstream};

use crate::small::{QUICK, Small, document};
use crate::{Ends, harvested, judge, second_night, second_night_with};

/// One answer, or several in turn; how the night ends; how often the source is asked.
struct Case(&'static str, Vec<Page>, Ends, u64);

fn new(n: usize) -> Page {
    Page::json(document("b", n)).etag("\"second\"")
}

fn check(cases: Vec<Case>) {
    for Case(name, pages, ends, asked) in cases {
        assert_eq!(second_night(name, pages, ends), asked, "{name}");
    }
}

/// Limits that run out soon, for servers that stay silent.
const SHORT: &str = "min_interval = \"0s\"\nretries = 0\nconnect_timeout = \"300ms\"\nread_timeout = \"800ms\"\ntotal_timeout = \"3s\"\n";

#[test]
fn a_server_that_falls_silent_is_given_up_in_time() {
    let whole = document("b", 3);
    for (name, page, says) in [
        ("6 accepts and never answers", Page::never_answers(), "no answer came within"),
        ("7 headers, then silence", new(3).stall_after(0), "stood still"),
        ("7 half a body, then silence", new(3).stall_after(700), "stood still"),
        (
            "8 a byte now and then for ever",
            Page::json(whole).drip(1, Duration::from_millis(40)),
            "whole transfer took longer",
        ),
    ] {
        let began = std::time::Instant::now();
        assert_eq!(second_night_with(name, SHORT, vec![page], Ends::Badly { says }), 1, "{name}");
        assert!(began.elapsed() < Duration::from_secs(60), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn a_transfer_that_breaks_is_tried_again_and_nothing_of_it_is_kept() {
    let badly = |says| Ends::Badly { says };
    check(vec![
        Case("9 reset inside the body", vec![new(3).reset_after(700)], badly("cut after"), 3),
        Case("9 reset once, then whole", vec![new(3).reset_after(700), new(3)], Ends::Well(3), 2),
        Case("10 announces more than it sends", vec![new(3).cut_after(700)], badly("cut after"), 3),
        Case("12 chunked without its end", vec![new(3).chunked().cut_after(700)], badly("cut after"), 3),
        Case("closes before any answer", vec![Page::no_answer()], badly("cut after 0"), 3),
    ]);
}

#[test]
fn a_document_that_its_server_cuts_gives_the_records_before() {
    let body = document("b", 3);
    let half = body.len() as u64 * 4 / 5;
    let cut = Ends::Partly { records: 2, says: "stops inside" };
    // The body as announced is whole: the document in it is not.
    let asked = second_night("11 announces less than it has", vec![new(3).content_length(half)], cut);
    assert_eq!(asked, 1);
}

#[test]
fn headers_beyond_any_measure_are_refused_and_large_ones_read() {
    let large = new(4).header("X-Large", &"x".repeat(64 * 1024));
    let many = (0..10_000).fold(new(4), |page, i| page.header(&format!("X-{i}"), "1"));
    check(vec![
        Case("19 a header of 64 KB", vec![large], Ends::Well(4), 1),
        Case("20 ten thousand headers", vec![many], Ends::Badly { says: "not proper HTTP" }, 2),
    ]);
}

#[test]
fn a_retry_after_is_heeded_in_every_form_and_never_for_years() {
    let later = "Tue, 24 Nov 2026 05:00:00 GMT";
    for value in ["1", later, "Mon, 01 Jan 2001 00:00:00 GMT", "-5", "315360000", "soon", "0"] {
        for status in [429, 503] {
            let name = format!("21 {status} with Retry-After {value}");
            let upstream = Upstream::start().unwrap();
            let small = harvested(&upstream);
            let busy = Page::status(status).retry_after(value);
            upstream.script("/f", [busy, new(4)]);
            judge(&name, &small.night(1), Ends::Well(4));
            let seen = upstream.seen("/f");
            assert_eq!(seen.len(), 3, "{name}");
            let pause = seen[2].at - seen[1].at;
            // `retry_after_max` is 100 ms here: what asks for more gets that.
            let asks = ["1", "315360000"].contains(&value);
            assert!(!asks || pause >= Duration::from_millis(95), "{name}: {pause:?}");
            assert!(pause < Duration::from_secs(10), "{name}: {pause:?}");
        }
    }
}

#[test]
fn a_status_that_may_pass_is_asked_again_and_one_that_will_not_is_not() {
    let status = |code| vec![Page::status(code)];
    let badly = |says| Ends::Badly { says };
    check(vec![
        Case("21 429 to the end", vec![Page::status(429).retry_after("1")], badly("answered 429"), 3),
        Case("22 503, then the payload", vec![Page::status(503), new(4)], Ends::Well(4), 2),
        Case("22 503 to the end", status(503), badly("answered 503"), 3),
        Case("23 403, then the payload", vec![Page::status(403), new(4)], Ends::Well(4), 2),
        Case("23 403 to the end", status(403), badly("answered 403"), 2),
        Case("404", status(404), badly("look for its new address"), 1),
        Case("410", status(410), badly("removed for good"), 1),
        Case("401", status(401), badly("`credential`"), 1),
        Case("400", status(400), badly("answered 400"), 1),
        Case("202 with nothing", vec![Page::empty(202)], badly("not ready"), 3),
    ]);
}

#[test]
fn a_304_that_nobody_asked_for_is_a_failure() {
    let upstream = Upstream::start().unwrap();
    upstream.page("/f", Page::status(304));
    let small = Small::quick().source("s", &upstream.url("/f"), "");
    let night = small.night(0);
    judge("24 304 to a first request", &night, Ends::Badly { says: "did not ask whether anything changed" });
    assert_eq!((upstream.requests("/f"), night.resources().len()), (2, 0));
    let status = night.status("s");
    assert_eq!((status.last_success, status.records.received), (None, 0));
}

#[test]
fn validators_are_stored_as_they_were_given_and_only_when_they_agree() {
    let (one, two) = ("Mon, 23 Nov 2026 02:00:00 GMT", "Mon, 23 Nov 2026 03:00:00 GMT");
    let body = || Page::json(document("a", 3));
    let cases: [(&str, Page, Ends, Option<&str>); 5] = [
        ("26 the same bytes under another ETag", body().etag("\"third\""), Ends::Unchanged, Some("\"third\"")),
        ("27 a weak ETag", Page::json(document("b", 3)).etag("W/\"w\""), Ends::Well(3), Some("W/\"w\"")),
        (
            "28 two ETags",
            Page::json(document("b", 3)).header("ETag", "\"x\"").header("ETag", "\"y\""),
            Ends::Well(3),
            None,
        ),
        (
            "28 one ETag twice",
            Page::json(document("b", 3)).header("ETag", "\"x\"").header("ETag", "\"x\""),
            Ends::Well(3),
            Some("\"x\""),
        ),
        ("an ETag that is no text", Page::json(document("b", 3)).header("ETag", "\"\u{e9}\""), Ends::Well(3), None),
    ];
    for (name, page, ends, etag) in cases {
        let upstream = Upstream::start().unwrap();
        let small = harvested(&upstream);
        upstream.page("/f", page.header("Last-Modified", one).unconditional());
        let night = small.night(1);
        judge(name, &night, ends);
        let kept = night.resource("main").validators;
        assert_eq!((kept.etag.as_deref(), kept.last_modified.as_deref()), (etag, Some(one)), "{name}");
        upstream.page("/f", Page::json(document("c", 3)).header("Last-Modified", two).unconditional());
        small.night(2);
        let asked = upstream.seen("/f").pop().unwrap();
        assert_eq!(asked.header("if-none-match").filter(|t| t.is_ascii()), etag, "{name}");
        assert_eq!(asked.header("if-modified-since"), Some(one), "{name}");
    }
}

#[test]
fn what_is_no_data_is_a_failure_whatever_its_status() {
    let badly = |says| Ends::Badly { says };
    let page = "<!DOCTYPE html><html><title>Connexion</title>";
    check(vec![
        Case("29 a login page", vec![Page::html(page)], badly("web page"), 1),
        Case("29 a login page that calls itself JSON", vec![Page::json(page)], badly("web page"), 1),
        Case("30 200 with nothing", vec![Page::json("")], badly("empty"), 1),
        Case("30 200 with white space", vec![Page::json(" \n")], badly("empty"), 1),
        Case("31 204", vec![Page::status(204)], badly("empty"), 1),
        Case("32 an error as JSON", vec![Page::json(r#"{"error": "not found"}"#)], badly("no list of contracts"), 1),
    ]);
}

#[test]
fn a_content_type_is_not_believed_nor_the_encoding_that_a_document_claims() {
    let text = document("b", 4);
    let wide: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(vec![
        Case("33 JSON called HTML", vec![Page::bytes(text.clone(), "text/html")], Ends::Well(4), 1),
        Case("33 JSON called an image", vec![Page::bytes(text.clone(), "image/png")], Ends::Well(4), 1),
        Case("34 a byte order mark", vec![Page::json(format!("\u{feff}{text}"))], Ends::Well(4), 1),
        Case("34 UTF-16", vec![Page::bytes(wide, "application/json; charset=utf-8")], Ends::Well(4), 1),
        Case("34 windows-1252", vec![Page::json(latin(&text))], Ends::Well(4), 1),
    ]);
}

fn latin(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: Vec<u8>) -> Page {
    Page::json(body).header("Content-Encoding", coding)
}

#[test]
fn compression_is_undone_within_bounds_or_refused() {
    let badly = |says| Ends::Badly { says };
    let text = document("b", 4);
    let packed = gzip(text.as_bytes());
    let zeros = vec![b' '; 16 * 1024 * 1024];
    let zstd_bomb = zstd::encode_all(zeros.as_slice(), 3).unwrap();
    let mut bad_sum = packed.clone();
    let at = bad_sum.len() - 6;
    bad_sum[at] ^= 0xff;
    let half = text.len() / 2;
    let members = [gzip(&text.as_bytes()[..half]), gzip(&text.as_bytes()[half..])].concat();
    check(vec![
        Case("gzip", vec![coded("gzip", packed.clone())], Ends::Well(4), 1),
        Case("zstd", vec![coded("zstd", zstd::encode_all(text.as_bytes(), 3).unwrap())], Ends::Well(4), 1),
        Case("35 a gzip bomb", vec![Page::gzip_bomb(64 * 1024 * 1024).unwrap()], badly("beyond a ratio"), 1),
        Case("36 a zstd bomb", vec![coded("zstd", zstd_bomb)], badly("beyond a ratio"), 1),
        Case("36 brotli, which nobody asked for", vec![coded("br", packed.clone())], badly("coding `br`"), 1),
        Case("37 gzip in gzip", vec![coded("gzip, gzip", gzip(&packed))], badly("coding `gzip, gzip`"), 1),
        Case(
            "38 gzip cut short",
            vec![coded("gzip", packed[..packed.len() - 9].to_vec())],
            badly("does not decompress"),
            2,
        ),
        Case("38 gzip with a wrong checksum", vec![coded("gzip", bad_sum)], badly("does not decompress"), 2),
        Case(
            "38 gzip with something behind",
            vec![coded("gzip", [packed.clone(), b"\0\0junk".to_vec()].concat())],
            Ends::Well(4),
            1,
        ),
        Case("38 two members", vec![coded("gzip", members)], Ends::Well(4), 1),
        Case("39 gzip that is none", vec![coded("gzip", text.clone().into_bytes())], badly("does not decompress"), 2),
        Case("39 once, then right", vec![coded("gzip", text.into_bytes()), new(4)], Ends::Well(4), 2),
    ]);
}

#[test]
fn a_payload_beyond_its_limit_is_refused_announced_or_not() {
    let limit = format!("{QUICK}max_bytes = 10000\n");
    let large = document("b", 60);
    for (name, page) in [
        ("announced", Page::json(large.clone())),
        ("not announced", Page::json(large.clone()).chunked()),
        ("compressed", coded("gzip", gzip(large.as_bytes()))),
    ] {
        let ends = Ends::Badly { says: "larger than 10000 bytes" };
        assert_eq!(second_night_with(name, &limit, vec![page], ends), 1, "{name}");
    }
}

/// A stored member of this name: enough of a zip for whoever would unpack it.
fn zip(name: &str) -> Vec<u8> {
    let body = b"{}";
    let mut out = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0".to_vec();
    out.extend(0xa3d3_7cd5u32.to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend((name.len() as u16).to_le_bytes());
    out.extend([0, 0]);
    out.extend(name.as_bytes());
    out.extend(body);
    out
}

#[test]
fn names_that_a_feed_gives_never_become_names_of_files() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    let disposition = "attachment; filename=\"../../evil.json\"";
    upstream.page(
        "/f",
        Page::bytes(zip("../../../../evil.json"), "application/zip").header("Content-Disposition", disposition),
    );
    let night = small.night(1);
    assert_ne!(night.exit(), Exit::Done, "40 an archive without a record");
    assert_eq!(night.resource("main").records, 3);
    let names: Vec<String> = small.files().iter().map(|p| p.to_string_lossy().into_owned()).collect();
    assert!(!names.iter().any(|n| n.contains("evil")), "{names:?}");
}

#[test]
fn a_date_of_the_server_becomes_the_date_of_the_resource() {
    let upstream = Upstream::start().unwrap();
    let small = harvested(&upstream);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    upstream.page("/f", new(4).last_modified(at));
    let night = small.night(1);
    assert_eq!(night.resource("main").resource_date.unwrap().to_string(), "2023-11-14");
}
