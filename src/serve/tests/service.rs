//! What every request passes: health, readiness, metrics, errors, methods, headers, limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

use super::fixture::{Site, ask};
use crate::serve::{ConnectionLimits, Limits, run, run_within};

#[tokio::test]
async fn an_empty_folder_is_alive_but_not_ready_and_has_a_friendly_page() {
    let site = Site::empty();
    assert_eq!(site.get("/healthz").await.code(), 200);
    let ready = site.get("/readyz").await;
    assert_eq!((ready.code(), ready.header("retry-after")), (503, "60"));
    assert_eq!(ready.json()["type"], "urn:guichet:problem:no-publication");
    let home = site.page("/").await;
    assert_eq!(home.code(), 200);
    assert!(home.text().contains("Aucune publication pour l’instant"));
    assert_eq!(site.page("/sources").await.code(), 200);
    assert_eq!(site.page("/dumps/").await.code(), 200);
    for path in ["/marches", "/donnees", "/latest/", "/latest/decp.json"] {
        assert_eq!(site.page(path).await.code(), 503, "{path}");
    }
    site.publish("2026-11-24", &[]);
    let ready = site.get("/readyz").await;
    assert_eq!((ready.code(), ready.text()), (200, "ready 2026-11-24\n"));
}

#[tokio::test]
async fn a_publication_with_a_newer_database_is_not_ready_but_its_files_are_served() {
    let site = Site::published();
    site.sql("2026-11-24", "UPDATE meta SET valeur = '2' WHERE cle = 'schema'");
    assert_eq!(site.get("/readyz").await.code(), 500);
    assert_eq!(site.get("/latest/decp.json").await.code(), 200);
    assert_eq!(site.page("/").await.code(), 200);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = Site::published();
    for path in ["/", "/marches", "/nowhere", "/latest/decp.json", "/healthz", "/style.css", "/marches?x=1"] {
        let answer = site.page(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn an_error_is_a_problem_for_programs_and_a_page_for_people() {
    let site = Site::published();
    let program = site.get("/nowhere").await;
    assert_eq!((program.code(), &program.json()["status"]), (404, &404.into()));
    let people = site.page("/nowhere").await;
    assert_eq!(people.header("content-type"), "text/html; charset=utf-8");
    assert!(people.text().contains("<html lang=\"fr\">") && people.text().contains("404"));
    let english = site.get_with("/nowhere", &[("accept-language", "en")]).await;
    assert!(english.json()["detail"].as_str().unwrap().starts_with("There is nothing"));
    let head = site.ask("HEAD", "/nowhere", &[]).await;
    assert_eq!((head.code(), head.body.len()), (404, 0));
}

#[tokio::test]
async fn nothing_can_be_changed_from_outside() {
    let site = Site::published();
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        for path in ["/", "/latest/decp.json", "/marches", "/healthz"] {
            let answer = site.ask(method, path, &[]).await;
            assert_eq!(answer.code(), 405, "{method} {path}");
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_page_is_refused_to_who_takes_no_html() {
    let site = Site::published();
    let answer = site.get_with("/marches", &[("accept", "application/json")]).await;
    assert_eq!((answer.code(), &answer.json()["instead"]), (406, &"/donnees".into()));
    assert_eq!(site.get_with("/marches", &[("accept", "*/*")]).await.code(), 200);
}

#[tokio::test]
async fn too_long_an_address_or_too_large_a_body_is_refused() {
    let site = Site::published();
    let long = format!("/marches?cpv={}", "4".repeat(9000));
    assert_eq!(site.get(&long).await.code(), 414);
    let body = [("content-length", "10000000")];
    assert_eq!(site.get_with("/", &body).await.code(), 413);
    let host = [("host", "evil.example\u{22}><script>".trim())];
    assert!(!site.get_with("/nowhere", &host).await.text().contains("evil"));
}

#[tokio::test]
async fn metrics_are_read_from_the_machine_itself_only() {
    let site = Site::published();
    std::fs::write(
        site.public().join("status.json"),
        r#"{"sources":[{"id":"toulouse","consecutive_failures":1,"records":{"accepted":3}}]}"#,
    )
    .unwrap();
    site.get("/latest/decp.json").await;
    let local = site.get("/metrics").await;
    assert_eq!(local.code(), 200);
    let text = local.text();
    for line in [
        "guichet_source_consecutive_failures{source=\"toulouse\"} 1",
        "guichet_records_total{source=\"toulouse\",outcome=\"accepted\"} 3",
        "guichet_publication_timestamp_seconds 1795498200",
        "guichet_http_request_duration_seconds_count{method=\"GET\",route=\"/latest/{file}\",code=\"200\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in {text}");
    }
    let proxied = site.get_with("/metrics", &[("x-forwarded-for", "127.0.0.1")]).await;
    assert_eq!(proxied.code(), 403);
    let open = site.get_with("/metrics", &[("accept", "application/openmetrics-text")]).await;
    assert!(open.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn beyond_its_limit_the_server_says_when_to_come_back_and_stays_alive() {
    let none = Limits { requests: 0, ..Limits::default() };
    let site = Site::with(|options| options.limits = none);
    site.publish("2026-11-24", &[]);
    let answer = site.get("/marches").await;
    assert_eq!((answer.code(), answer.header("retry-after")), (503, "2"));
    assert_eq!(site.get("/healthz").await.code(), 200);
}

#[tokio::test]
async fn a_file_is_sent_only_while_there_is_room_for_one_more() {
    let one = Limits { downloads: 1, ..Limits::default() };
    let site = Site::with(|options| options.limits = one);
    site.publish("2026-11-24", &[("decp.json", b"{}")]);
    let request = || Request::get("/latest/decp.json").body(Body::empty()).unwrap();
    let under_way = site.router.clone().oneshot(request()).await.unwrap();
    assert_eq!(under_way.status(), 200);
    assert_eq!(site.get("/latest/decp.json").await.code(), 503);
    drop(under_way);
    assert_eq!(site.get("/latest/decp.json").await.code(), 200);
    assert_eq!(site.get("/latest/decp.json").await.code(), 200);
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_stopped() {
    let none = Limits { query_time: Duration::ZERO, ..Limits::default() };
    let site = Site::with(|options| options.limits = none);
    site.publish("2026-11-24", &[]);
    let many = "INSERT INTO alias WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
                SELECT 'x' || i, 1 FROM n;
                INSERT INTO titulaires SELECT 1, 1, rowid, 'SIRET', 'T', NULL, NULL, 0 FROM
                (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i AS rowid FROM n);";
    site.sql("2026-11-24", many);
    let answer = site.get("/marches?titulaire=T").await;
    assert_eq!((answer.code(), answer.header("retry-after")), (503, "2"));
}

#[tokio::test]
async fn a_real_server_answers_and_drains_when_told_to_stop() {
    let site = Site::published();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(run(listener, site.router.clone(), async {
        let _ = stopped.await;
    }));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_holds_no_connection_and_others_are_answered() {
    let site = Site::published();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ConnectionLimits { connections: 2, quiet: Duration::from_millis(400), ..ConnectionLimits::default() };
    let serving = run_within(listener, site.router.clone(), limits, std::future::pending());
    let server = tokio::spawn(serving);
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        slow.push(tokio::spawn(async move {
            while client.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }));
    }
    // Both places are taken; the third client is answered as soon as they are free again.
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut text = String::new();
    let answered = tokio::time::timeout(Duration::from_secs(20), client.read_to_string(&mut text));
    answered.await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    for client in slow {
        tokio::time::timeout(Duration::from_secs(20), client).await.unwrap().unwrap();
    }
    server.abort();
}

#[tokio::test]
async fn what_the_daemon_adds_to_the_metrics_is_there() {
    let site = Site::with(|options| {
        options.metrics.extra = Some(Arc::new(|out: &mut String| {
            out.push_str("# TYPE guichet_merge_duration_seconds gauge\nguichet_merge_duration_seconds 2\n");
        }));
    });
    let answer = ask(&site.router, "GET", "/metrics", &[]).await;
    assert!(answer.text().contains("guichet_merge_duration_seconds 2\n"));
}
