use super::*;
use std::io::{Read, Write};
use std::time::SystemTime;

/// The raw answer to a request that asks for the connection to close; an error ends it early.
fn get(upstream: &Upstream, path: &str, headers: &str) -> (String, Vec<u8>, Option<io::ErrorKind>) {
    let mut stream = TcpStream::connect(upstream.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut raw = Vec::new();
    let error = stream.read_to_end(&mut raw).err().map(|e| e.kind());
    let split = memchr::memmem::find(&raw, b"\r\n\r\n").map_or(raw.len(), |at| at + 4);
    let body = raw.split_off(split);
    (String::from_utf8(raw).unwrap(), body, error)
}

#[test]
fn a_page_comes_with_its_length_and_an_unknown_path_is_404() {
    let up = Upstream::serving(Page::json("{}")).unwrap();
    let (head, body, _) = get(&up, "/?a=1", "");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Length: 2\r\n"));
    assert_eq!(body, b"{}");
    assert!(get(&up, "/nothing", "").0.starts_with("HTTP/1.1 404"));
    assert_eq!(
        (up.requests("/"), up.requests("/nothing"), up.total()),
        (1, 1, 2)
    );
    assert_eq!(up.seen("/")[0].query("a"), Some("1"));
}

#[test]
fn a_validator_that_is_known_is_answered_304_unless_the_page_ignores_it() {
    let up = Upstream::start().unwrap();
    up.page(
        "/a",
        Page::json("[]")
            .etag("\"v1\"")
            .last_modified(SystemTime::UNIX_EPOCH),
    );
    let known = get(&up, "/a", "If-None-Match: W/\"v1\", \"x\"\r\n");
    assert!(known.0.starts_with("HTTP/1.1 304") && known.1.is_empty());
    assert!(
        get(&up, "/a", "If-None-Match: \"v2\"\r\n")
            .0
            .starts_with("HTTP/1.1 200")
    );
    let since = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    assert!(get(&up, "/a", since).0.starts_with("HTTP/1.1 304"));
    up.page("/a", Page::json("[]").etag("\"v1\"").unconditional());
    assert!(
        get(&up, "/a", "If-None-Match: \"v1\"\r\n")
            .0
            .starts_with("HTTP/1.1 200")
    );
}

#[test]
fn a_script_gives_its_pages_in_turn_and_stays_at_the_last() {
    let up = Upstream::start().unwrap();
    up.script("/s", [Page::status(503).retry_after("1"), Page::json("[]")]);
    let (head, ..) = get(&up, "/s", "");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("Retry-After: 1\r\n"));
    for _ in 0..3 {
        assert!(get(&up, "/s", "").0.starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_cut_body_ends_before_its_announced_length() {
    let up = Upstream::serving(Page::json("0123456789").cut_after(4)).unwrap();
    let (head, body, error) = get(&up, "/", "");
    assert!(head.contains("Content-Length: 10\r\n"));
    assert_eq!((body.as_slice(), error), (&b"0123"[..], None));
    up.page("/", Page::json("0123456789").chunked().cut_after(4));
    let (head, body, _) = get(&up, "/", "");
    assert!(head.contains("Transfer-Encoding: chunked"));
    assert_eq!(body, b"4\r\n0123\r\n");
    up.page("/", Page::json("0123456789").content_length(20));
    assert_eq!(get(&up, "/", "").1, b"0123456789");
}

#[test]
fn a_reset_is_one() {
    let up = Upstream::serving(Page::json(vec![b'x'; 1000]).reset_after(10)).unwrap();
    let (_, body, error) = get(&up, "/", "");
    assert_eq!(error, Some(io::ErrorKind::ConnectionReset));
    assert!(body.len() <= 10);
}

#[test]
fn no_answer_stalls_and_delays_are_what_they_say() {
    let up = Upstream::start().unwrap();
    up.page("/closed", Page::no_answer());
    up.page("/late", Page::json("[]").delay(Duration::from_millis(150)));
    up.page(
        "/drip",
        Page::json("123456").drip(2, Duration::from_millis(40)),
    );
    up.page("/stall", Page::json("123456").stall_after(3));
    assert_eq!(get(&up, "/closed", "").0, "");
    let start = Instant::now();
    assert_eq!(get(&up, "/late", "").1, b"[]");
    assert!(start.elapsed() >= Duration::from_millis(150));
    let start = Instant::now();
    assert_eq!(get(&up, "/drip", "").1, b"123456");
    assert!(start.elapsed() >= Duration::from_millis(110));
    let mut stream = TcpStream::connect(up.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    stream.write_all(b"GET /stall HTTP/1.1\r\n\r\n").unwrap();
    let mut raw = Vec::new();
    let error = stream.read_to_end(&mut raw).unwrap_err();
    assert!(raw.ends_with(b"123"), "{raw:?}");
    assert!(matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    ));
}

#[test]
fn one_connection_serves_many_requests() {
    let up = Upstream::serving(Page::json("[1]")).unwrap();
    let mut stream = TcpStream::connect(up.address()).unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
            .unwrap();
        let mut answer = [0; 80];
        let mut n = 0;
        while !answer[..n].ends_with(b"[1]") {
            n += stream.read(&mut answer[n..]).unwrap();
        }
    }
    assert_eq!(up.requests("/"), 3);
}

#[test]
fn gzip_is_sent_when_accepted_and_the_bomb_unpacks() {
    let up = Upstream::serving(Page::json("[]".repeat(500)).gzip()).unwrap();
    assert_eq!(get(&up, "/", "").1.len(), 1000);
    let (head, body, _) = get(&up, "/", "Accept-Encoding: gzip, br\r\n");
    assert!(head.contains("Content-Encoding: gzip\r\n"));
    assert!(body.len() < 200);
    up.page("/bomb", Page::gzip_bomb(3_000_000).unwrap());
    let (_, body, _) = get(&up, "/bomb", "");
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&body[..])
        .read_to_end(&mut out)
        .unwrap();
    assert_eq!(out.len(), 3_000_000);
}

#[test]
fn a_folder_is_served_with_validators_and_without_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.json"), vec![b' '; 3_000_000]).unwrap();
    let inner = dir.path().join("in");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("b.xml"), "<marches/>").unwrap();
    let up = Upstream::start().unwrap();
    up.serve_dir("/files/", dir.path());
    let (head, body, _) = get(&up, "/files/a.json", "");
    assert_eq!(body.len(), 3_000_000);
    let etag = head.lines().find_map(|l| l.strip_prefix("ETag: ")).unwrap();
    assert!(
        get(&up, "/files/a.json", &format!("If-None-Match: {etag}\r\n"))
            .0
            .starts_with("HTTP/1.1 304")
    );
    up.serve_dir("/in/", &inner);
    assert_eq!(get(&up, "/in/b.xml", "").1, b"<marches/>");
    for path in ["/in/../a.json", "/in/./b.xml", "/in//b.xml", "/in/"] {
        assert!(get(&up, path, "").0.starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn a_catalogue_is_one_answer_in_v1_and_pages_in_v2() {
    let up = Upstream::start().unwrap();
    let listed = |n: usize| Listed {
        id: format!("id-{n}"),
        title: format!("f{n}.json"),
        path: format!("/f{n}.json"),
        format: "json".to_owned(),
        bytes: Some(2),
        sha256: Some("00".repeat(32)),
        last_modified: "2026-06-01T00:00:00+00:00".to_owned(),
    };
    let dataset = Catalogue {
        id: "abc".to_owned(),
        title: "t".to_owned(),
        resources: (0..5).map(listed).collect(),
    };
    let json = |path: &str| -> serde_json::Value {
        let path = path.strip_prefix(&up.url("")).unwrap_or(path);
        serde_json::from_slice(&get(&up, path, "").1).unwrap()
    };
    let all = json(&up.datagouv_v1(&dataset));
    assert_eq!(all["resources"].as_array().unwrap().len(), 5);
    assert_eq!(all["resources"][0]["url"], up.url("/f0.json"));
    let first = json(&up.datagouv_v2(&dataset, 2));
    let mut next = first["resources"]["href"].as_str().map(str::to_owned);
    let mut ids = Vec::new();
    while let Some(url) = next {
        let page = json(&url);
        ids.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["id"].as_str().unwrap().to_owned()),
        );
        next = page["next_page"].as_str().map(str::to_owned);
    }
    assert_eq!(ids, ["id-0", "id-1", "id-2", "id-3", "id-4"]);
    assert!(
        get(&up, "/fr/datasets/r/id-1", "")
            .0
            .contains("Location: http://")
    );
}

#[test]
fn a_document_can_be_cut_inside_a_record() {
    let up = Upstream::serving(
        Page::json("[{\"id\":1},{\"id\":2},{\"id\":3}]").cut_inside_record(2, "{\"id\""),
    )
    .unwrap();
    let (head, body, _) = get(&up, "/", "");
    assert_eq!(body, b"[{\"id\":1},{\"id");
    assert!(head.contains("Content-Length: 14\r\n"));
}

#[test]
fn a_stopped_server_refuses_and_lets_nobody_hang() {
    let up = Upstream::serving(Page::never_answers()).unwrap();
    let address = up.address();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    drop(up);
    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    assert!(TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_err());
}
