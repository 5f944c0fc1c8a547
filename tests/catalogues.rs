//! Each kind of catalogue against a scripted upstream: what it lists, what it refuses, what it finds missing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "common/small.rs"]
mod small;

use std::sync::Arc;

use guichet::demo::{Page, Request, Upstream};
use guichet::harvest::{AllowList, Catalog, Harvester, Limits, Listing, NoProgress, Ods, Probe, SourceAccess};
use serde_json::{Value, json};

use small::{Small, document};

const SHA1: &str = "24551462ecbb24b6151a5386b3cd63eedb02e902";

fn now() -> jiff::Timestamp {
    small::FIRST.parse().unwrap()
}

fn harvester() -> Harvester {
    let limits = Limits {
        min_interval: std::time::Duration::ZERO,
        retries: 1,
        retry_base: std::time::Duration::from_millis(5),
        allow: AllowList::parse(&["127.0.0.1"]).unwrap(),
        ..Limits::default()
    };
    Harvester::new(limits, Arc::new(NoProgress)).unwrap()
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn access(catalog: Catalog, url: String) -> SourceAccess {
    SourceAccess { id: "s".into(), url, catalog, ..SourceAccess::default() }
}

fn try_list(source: &SourceAccess) -> Result<Listing, String> {
    block(harvester().list(source, now())).map_err(|e| e.to_string())
}

fn list(catalog: Catalog, url: String) -> Listing {
    try_list(&access(catalog, url)).unwrap()
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing.resources.iter().map(|r| r.id.as_str()).collect()
}

fn incomplete(listing: &Listing) -> &str {
    listing.incomplete.as_deref().unwrap_or("the list is whole")
}

// ---------------------------------------------------------------- ods

const API: &str = "/api/explore/v2.1/catalog/datasets/decp";

fn described() -> Page {
    Page::json(
        json!({"dataset_id": "decp", "has_records": true, "attachments": [{"odd": 1}],
            "fields": [{"name": "id", "type": "text"}, {"name": "parution", "type": "date"}, {"name": "limite", "type": "date"}],
            "metas": {"default": {"title": "DECP d'Albi", "license": "Licence Ouverte v2.0", "records_count": 12,
                "modified": "2026-11-01T00:00:00+00:00", "data_processed": "2026-11-23T02:00:00+00:00"}}})
        .to_string(),
    )
}

#[test]
fn ods_gives_the_export_with_filter_and_window_and_never_asks_for_records() {
    let upstream = Upstream::start().unwrap();
    upstream.page(API, described());
    for start in [API.to_owned(), format!("{API}/records?limit=100"), "/explore/dataset/decp/table/".into()] {
        let ods = Ods {
            filter: Some("dep in ('09','11')".into()),
            window: Some(std::time::Duration::from_secs(400 * 86_400)),
            ..Ods::default()
        };
        let source = SourceAccess { ods, ..access(Catalog::Ods, upstream.url(&start)) };
        let listing = try_list(&source).unwrap();
        let one = &listing.resources[0];
        assert_eq!(
            (one.id.as_str(), one.title.as_str(), one.format.as_deref()),
            ("export-json", "DECP d'Albi", Some("json"))
        );
        let url = url::Url::parse(&one.url).unwrap();
        assert_eq!(url.path(), format!("{API}/exports/json"));
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let condition = "(dep in ('09','11')) and parution >= date'2025-10-20'";
        assert_eq!(pairs, [("where".to_owned(), condition.to_owned())]);
        assert_eq!(one.last_modified, Some("2026-11-23T02:00:00Z".parse().unwrap()));
        assert_eq!(
            (listing.title.as_deref(), listing.licence.as_deref()),
            (Some("DECP d'Albi"), Some("Licence Ouverte v2.0"))
        );
        assert_eq!((listing.incomplete, listing.warnings.len()), (None, 0));
    }
    assert_eq!((upstream.requests(API), upstream.total()), (3, 3));
}

#[test]
fn ods_whose_description_is_closed_still_gives_its_export_and_one_that_is_gone_does_not() {
    let upstream = Upstream::start().unwrap();
    upstream.page(API, Page::json(r#"{"message": "forbidden"}"#).with_status(401));
    let listing = list(Catalog::Ods, upstream.url(API));
    assert_eq!((ids(&listing), listing.warnings.len()), (vec!["export-json"], 1));
    upstream.page(API, Page::status(404));
    let error = try_list(&access(Catalog::Ods, upstream.url(API))).unwrap_err();
    assert!(error.contains("404"), "{error}");
    let error = try_list(&access(Catalog::Ods, upstream.url("/data.json"))).unwrap_err();
    assert!(error.contains("/api/explore/v2.1/catalog/datasets/ID"), "{error}");
}

#[test]
fn ods_exports_are_asked_only_if_they_changed() {
    let upstream = Upstream::start().unwrap();
    upstream.page(API, described());
    let export = format!("{API}/exports/json");
    upstream.page(&export, Page::json(document("a", 2)).etag("\"1\""));
    let small = Small::quick().source("albi", &upstream.url(API), "catalog = \"ods\"\nwhere = \"x = 1\"");
    assert_eq!(small.night(0).report.sources[0].received, 2);
    let second = small.night(1);
    assert_eq!((second.report.sources[0].unchanged, second.exit()), (1, guichet::daemon::exit::Exit::Done));
    let seen = upstream.seen(&export);
    assert_eq!(seen.iter().map(|r| r.header("if-none-match")).collect::<Vec<_>>(), [None, Some("\"1\"")]);
    assert!(seen.iter().all(|r| r.query("where") == Some("x+%3D+1")));
    assert_eq!(upstream.requests(&format!("{API}/records")), 0);
}

// ---------------------------------------------------------------- ckan

const SHOW: &str = "/api/3/action/package_show";

fn package(resources: &Value, announced: u64) -> Page {
    let result = json!({"title": "DECP", "license_id": "lov2", "num_resources": announced, "resources": resources});
    Page::json(json!({"success": true, "result": result}).to_string())
}

#[test]
fn ckan_lists_what_can_be_used_and_says_what_cannot_and_what_is_missing() {
    let upstream = Upstream::start().unwrap();
    let resources = json!([
        {"id": "b", "url": "/files/same.json", "name": "same.json", "format": "JSON", "hash": SHA1, "size": "12", "last_modified": "2024-05-17T01:30:58.053000"},
        {"id": "a", "url": "https://else.example.fr/same.json", "name": "same.json", "hash": format!("md5:{}", "0".repeat(32))},
        {"id": "gone", "url": "/x", "state": "deleted"}, {"id": "a", "url": "/again"}, {"id": "no-url", "url": ""}, 7
    ]);
    upstream.page(SHOW, package(&resources, 6));
    let listing = list(Catalog::Ckan, upstream.url(&format!("{SHOW}?id=decp")));
    // Two resources of one name stay two.
    assert_eq!(ids(&listing), ["a", "b"]);
    let b = &listing.resources[1];
    assert_eq!(
        (b.url.as_str(), b.title.as_str(), b.bytes),
        (upstream.url("/files/same.json").as_str(), "same.json", Some(12))
    );
    assert_eq!(b.checksum.as_ref().unwrap().to_string(), format!("sha1:{SHA1}"));
    assert_eq!(b.last_modified, Some("2024-05-17T01:30:58.053Z".parse().unwrap()));
    assert_eq!(listing.warnings.len(), 3, "{:?}", listing.warnings);
    assert!(incomplete(&listing).contains("announced 5 resources and listed 2"), "{}", incomplete(&listing));
    assert_eq!((listing.title.as_deref(), listing.licence.as_deref()), (Some("DECP"), Some("lov2")));
}

#[test]
fn a_catalogue_that_names_a_private_address_is_listed_and_the_address_never_asked() {
    let inside = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let evil = format!("http://{}/latest/meta-data", inside.local_addr().unwrap());
    let upstream = Upstream::start().unwrap();
    upstream.page("/a.json", Page::json(document("a", 1)));
    upstream.page(SHOW, package(&json!([{"id": "a", "url": "/a.json"}, {"id": "evil", "url": evil}]), 2));
    let small = Small::quick().source("s", &upstream.url(SHOW), "catalog = \"ckan\"");
    let night = small.night(0);
    assert_eq!(night.exit(), guichet::daemon::exit::Exit::Partial);
    assert!(night.error().contains("refused to connect to 127.0.0.2"), "{}", night.error());
    assert_eq!(night.standing(), ["a"]);
    assert!(inside.accept().is_err(), "the private address was asked");
}

// ---------------------------------------------------------------- what every kind shares, through the pipeline

/// A catalogue of each kind that lists these files of one upstream, with their checksum.
fn catalogue(kind: &str, files: &[(&str, &str)]) -> Page {
    match kind {
        "ckan" => {
            let list: Vec<Value> = files
                .iter()
                .map(|(name, sha)| json!({"id": name, "name": name, "url": format!("/files/{name}"), "hash": sha}))
                .collect();
            package(&json!(list), files.len() as u64)
        }
        "dcat" => {
            let mut text = String::from(
                "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix spdx: <http://spdx.org/rdf/terms#> .\n",
            );
            for (name, sha) in files {
                text.push_str(&format!(
                    "<#{name}> a dcat:Distribution ; dcat:downloadURL </files/{name}> ; spdx:checksum [ spdx:checksumValue \"{sha}\" ] .\n"
                ));
            }
            Page::bytes(text, "text/turtle")
        }
        _ => {
            let links: String =
                files.iter().map(|(name, _)| format!("<a href=\"{name}\">{name}</a> 2024-05-17 03:04 12\n")).collect();
            Page::html(format!("<html><title>Index of /files</title><pre><a href=\"../\">..</a>\n{links}</pre>"))
        }
    }
}

fn sha(letter: &str) -> String {
    letter.repeat(40)
}

fn serve(upstream: &Upstream, kind: &str, files: &[&str]) {
    let sums: Vec<String> = files.iter().map(|_| sha("a")).collect();
    let listed: Vec<(&str, &str)> = files.iter().copied().zip(sums.iter().map(String::as_str)).collect();
    upstream.page("/files/", catalogue(kind, &listed));
}

#[test]
fn a_checksum_that_stands_saves_the_request_and_another_one_does_not() {
    for kind in ["ckan", "dcat"] {
        let upstream = Upstream::start().unwrap();
        upstream.page("/files/a.json", Page::json(document("a", 2)));
        upstream.page("/files/", catalogue(kind, &[("a.json", &sha("a"))]));
        let small = Small::quick().source("s", &upstream.url("/files/"), &format!("catalog = \"{kind}\""));
        assert_eq!(small.night(0).report.sources[0].received, 2, "{kind}");
        let second = small.night(1);
        assert_eq!((second.report.sources[0].unchanged, upstream.requests("/files/a.json")), (1, 1), "{kind}");
        upstream.page("/files/a.json", Page::json(document("a", 3)));
        upstream.page("/files/", catalogue(kind, &[("a.json", &sha("b"))]));
        assert_eq!(small.night(2).report.sources[0].received, 3, "{kind}");
        assert_eq!(upstream.requests("/files/a.json"), 2, "{kind}");
    }
}

#[test]
fn include_and_exclude_choose_before_anything_is_asked() {
    for kind in ["ckan", "dcat", "index"] {
        let upstream = Upstream::start().unwrap();
        for name in ["decp-2023.json", "decp-2024.json", "notice.pdf"] {
            upstream.page(&format!("/files/{name}"), Page::json(document(name, 1)));
        }
        serve(&upstream, kind, &["decp-2023.json", "decp-2024.json", "notice.pdf"]);
        let keys = format!("catalog = \"{kind}\"\ninclude = [\"*.JSON\"]\nexclude = [\"*/files/*2023*\"]");
        let small = Small::quick().source("s", &upstream.url("/files/"), &keys);
        let night = small.night(0);
        assert_eq!((night.standing().len(), upstream.total()), (1, 2), "{kind}");
        assert_eq!(upstream.requests("/files/decp-2024.json"), 1, "{kind}");
    }
}

#[test]
fn a_resource_that_vanishes_is_gone_and_one_that_takes_too_much_with_it_stands() {
    for kind in ["ckan", "dcat", "index"] {
        let upstream = Upstream::start().unwrap();
        for (name, n) in [("large.json", 40), ("small.json", 2)] {
            upstream.page(&format!("/files/{name}"), Page::json(document(name, n)));
        }
        serve(&upstream, kind, &["large.json", "small.json"]);
        let small = Small::quick().source("s", &upstream.url("/files/"), &format!("catalog = \"{kind}\""));
        assert_eq!(small.night(0).standing().len(), 2, "{kind}");
        serve(&upstream, kind, &["large.json"]);
        let second = small.night(1);
        assert_eq!((second.standing().len(), second.exit()), (1, guichet::daemon::exit::Exit::Done), "{kind}");
        serve(&upstream, kind, &["small.json"]);
        let third = small.night(2);
        assert_eq!((third.standing().len(), third.exit()), (2, guichet::daemon::exit::Exit::Partial), "{kind}");
        assert!(third.error().contains("`max_shrink`"), "{kind}: {}", third.error());
        // A catalogue that lists nothing at all is a failure, and nothing goes because of it.
        serve(&upstream, kind, &[]);
        let empty = small.night(3);
        assert_eq!(empty.standing().len(), 2, "{kind}");
        assert_ne!(empty.exit(), guichet::daemon::exit::Exit::Done, "{kind}");
        assert_eq!(empty.status("s").state, "degraded", "{kind}");
    }
}

// ---------------------------------------------------------------- dcat

fn dcat_page(files: &[&str], next: Option<&str>, total: Option<u64>) -> Page {
    let mut text = String::from(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:dcat=\"http://www.w3.org/ns/dcat#\" \
         xmlns:hydra=\"http://www.w3.org/ns/hydra/core#\"><hydra:PagedCollection rdf:about=\"#page\">",
    );
    if let Some(next) = next {
        text.push_str(&format!("<hydra:next rdf:resource=\"{next}\"/>"));
    }
    if let Some(total) = total {
        text.push_str(&format!("<hydra:totalItems>{total}</hydra:totalItems>"));
    }
    text.push_str("</hydra:PagedCollection>");
    for file in files {
        text.push_str(&format!(
            "<dcat:Dataset rdf:about=\"/d/{file}\"><dcat:distribution><dcat:Distribution rdf:about=\"/id/{file}\">\
             <dcat:downloadURL rdf:resource=\"/files/{file}\"/></dcat:Distribution></dcat:distribution></dcat:Dataset>"
        ));
    }
    Page::bytes(text + "</rdf:RDF>", "application/rdf+xml")
}

#[test]
fn dcat_pages_are_followed_to_the_last_on_their_own_site_only() {
    let upstream = Upstream::start().unwrap();
    upstream.page("/cat", dcat_page(&["a"], Some("/cat2"), Some(3)));
    upstream.page("/cat2", dcat_page(&["b", "c"], None, Some(3)));
    let listing = list(Catalog::Dcat, upstream.url("/cat"));
    assert_eq!((listing.resources.len(), &listing.incomplete), (3, &None));
    assert_eq!(listing.resources[0].id, upstream.url("/id/a"));
    // Fewer than announced.
    upstream.page("/cat2", dcat_page(&["b"], None, Some(3)));
    assert!(incomplete(&list(Catalog::Dcat, upstream.url("/cat"))).contains("announced 3 datasets and listed 2"));
    // A circle, a page that repeats, one that is broken.
    for (second, says) in [
        (dcat_page(&["b"], Some("/cat"), None), "circle"),
        (dcat_page(&["a"], Some("/cat3"), None), "nothing new"),
        (Page::status(500), "page 2"),
        (Page::html("<!doctype html><p>maintenance"), "web page"),
        (Page::bytes("<rdf:RDF xmlns:rdf=\"x\"", "application/rdf+xml"), "RDF/XML"),
    ] {
        upstream.page("/cat2", second);
        let listing = list(Catalog::Dcat, upstream.url("/cat"));
        assert!(incomplete(&listing).contains(says), "{says}: {}", incomplete(&listing));
        assert!(listing.resources.iter().any(|r| r.title == "a"), "{says}");
    }
    assert_eq!(upstream.requests("/cat3"), 0);
    // Another site.
    let elsewhere = Upstream::start().unwrap();
    upstream.page("/cat", dcat_page(&["a"], Some(&elsewhere.url("/cat2")), None));
    assert!(incomplete(&list(Catalog::Dcat, upstream.url("/cat"))).contains("another site"));
    assert_eq!(elsewhere.total(), 0);
}

// ---------------------------------------------------------------- index

fn folder(links: &[&str]) -> Page {
    let links: String = links.iter().map(|l| format!("<a href=\"{l}\">{l}</a>  17-May-2024 03:04  1234\n")).collect();
    Page::html(format!("<html><head><title>Index of /</title></head><pre><a href=\"../\">../</a>\n{links}</pre>"))
}

#[test]
fn index_descends_and_never_climbs_nor_leaves_the_site() {
    let elsewhere = Upstream::start().unwrap();
    let away = elsewhere.url("/data/evil.xml");
    let upstream = Upstream::start().unwrap();
    upstream.page(
        "/data/",
        folder(&["2024/", "/data/2023/", "x.xml", &away, "/secret.xml", "../up.xml", "?C=M;O=D", "self/../"]),
    );
    upstream.page("/data/2024/", folder(&["x.xml", "05/", "/data/", "/data/2024/"]));
    upstream.page("/data/2024/05/", folder(&["y.xml"]));
    upstream.page("/data/2023/", Page::status(500));
    let listing = list(Catalog::Index, upstream.url("/data/"));
    assert_eq!(ids(&listing), ["2024/05/y.xml", "2024/x.xml", "x.xml"]);
    let y = &listing.resources[0];
    assert_eq!((y.title.as_str(), y.format.as_deref(), y.bytes), ("y.xml", Some("xml"), Some(1234)));
    assert_eq!(y.last_modified, Some("2024-05-17T03:04:00Z".parse().unwrap()));
    assert!(incomplete(&listing).contains("/data/2023/"), "{}", incomplete(&listing));
    assert_eq!((elsewhere.total(), upstream.requests("/secret.xml")), (0, 0));
    // A folder that `exclude` names is not asked for.
    let before = upstream.requests("/data/2023/");
    let source = SourceAccess { exclude: vec!["*/2023/*".into()], ..access(Catalog::Index, upstream.url("/data/")) };
    let listing = try_list(&source).unwrap();
    assert_eq!((listing.resources.len(), &listing.incomplete), (3, &None));
    assert_eq!(upstream.requests("/data/2023/"), before);
}

#[test]
fn index_without_its_slash_is_found_behind_the_redirect_and_a_page_that_is_none_is_an_error() {
    let upstream = Upstream::start().unwrap();
    upstream.page("/data", Page::redirect(301, "/data/"));
    upstream.page("/data/", folder(&["x.xml"]));
    assert_eq!(ids(&list(Catalog::Index, upstream.url("/data"))), ["x.xml"]);
    upstream.page("/data/", Page::html("<html>maintenance</html>"));
    let error = try_list(&access(Catalog::Index, upstream.url("/data/"))).unwrap_err();
    assert!(error.contains("no directory listing"), "{error}");
    let endless = Upstream::start().unwrap();
    endless.answer("/", |_| folder(&["a/", "b/"]));
    (0..7).for_each(|n| endless.answer(&format!("/{}", "a/".repeat(n)), |_| folder(&["a/", "f.xml"])));
    let listing = list(Catalog::Index, endless.url("/"));
    assert!(incomplete(&listing).contains("deep") || incomplete(&listing).contains("404"), "{}", incomplete(&listing));
    assert!(endless.total() < 20);
}

// ---------------------------------------------------------------- pages

/// A page of two records out of six, which names the next one by `how`.
fn page(request: &Request, how: &str) -> Page {
    let n: usize = request.query("page").and_then(|p| p.parse().ok()).unwrap_or(1);
    let mut body: Value = serde_json::from_str(&document(&format!("p{n}"), 2)).unwrap();
    body["count"] = json!(6);
    let next = (n < 3).then(|| format!("/api?page={}", n + 1));
    match (how, next) {
        ("links", Some(next)) => body["links"] = json!({"next": next}),
        ("Link", Some(next)) => {
            return Page::json(body.to_string())
                .header("Link", &format!("</api?page=1>; rel=\"first\", <{next}>; rel=\"next\""));
        }
        ("number", Some(_)) => body["next_page"] = json!(n + 1),
        (how, Some(next)) => body[how] = json!(next),
        (_, None) => body["next"] = Value::Null,
    }
    Page::json(body.to_string())
}

#[test]
fn pages_are_read_once_each_however_they_name_the_next() {
    for how in ["next", "next_page", "links", "Link", "number"] {
        let upstream = Upstream::start().unwrap();
        upstream.answer("/api", move |request| page(request, how));
        let small = Small::quick().source("api", &upstream.url("/api"), "catalog = \"pages\"");
        let first = small.night(0);
        assert_eq!(first.standing(), ["page-0001", "page-0002", "page-0003"], "{how}");
        assert_eq!((first.report.sources[0].received, upstream.total()), (6, 3), "{how}");
        let second = small.night(1);
        assert_eq!((second.report.sources[0].unchanged, upstream.total()), (3, 6), "{how}");
        assert_eq!(second.exit(), guichet::daemon::exit::Exit::Done, "{how}");
    }
}

#[test]
fn pages_that_lead_astray_end_the_list_and_withdraw_nothing() {
    let elsewhere = Upstream::start().unwrap();
    let body = |prefix: &str, more: Value| {
        let mut body: Value = serde_json::from_str(&document(prefix, 2)).unwrap();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Page::json(body.to_string())
    };
    let first = || body("a", json!({"next": "/two"}));
    for (second, says) in [
        (body("b", json!({"next": elsewhere.url("/api")})), "another site"),
        (body("b", json!({"next": "/api"})), "circle"),
        (body("a", json!({"next": "/three"})), "repeats"),
        (body("b", json!({"next": null, "total": 5})), "announced 5 records and listed 4"),
        (body("b", json!({"next": ["x"]})), "no address"),
        (Page::json("{\"marches\": {\"marche\": [{\"id\": "), "stops inside a record"),
        (Page::html("<html>maintenance</html>"), "web page"),
        (Page::status(503), "503"),
    ] {
        let upstream = Upstream::start().unwrap();
        upstream.page("/api", first());
        upstream.page("/two", body("b", json!({"next": null})));
        let small = Small::quick().source("api", &upstream.url("/api"), "catalog = \"pages\"");
        assert_eq!(small.night(0).standing().len(), 2, "{says}");
        upstream.page("/two", second);
        let night = small.night(1);
        assert!(night.error().contains(says), "{says}: {}", night.error());
        assert_eq!(night.exit(), guichet::daemon::exit::Exit::Partial, "{says}");
        assert_eq!((night.standing().len(), night.status("api").state), (2, "degraded"), "{says}");
        assert_eq!((elsewhere.total(), upstream.requests("/three")), (0, 0), "{says}");
    }
}

#[test]
fn an_empty_page_after_the_last_is_the_end_and_one_page_is_a_whole_list() {
    let upstream = Upstream::start().unwrap();
    upstream.page("/api", Page::json(r#"{"count": 1, "results": [{"id": 1}], "next": "/api?page=2"}"#));
    upstream.page("/api?page=2", Page::json(r#"{"count": 1, "results": [], "next": null}"#));
    let listing = list(Catalog::Pages, upstream.url("/api"));
    assert_eq!((ids(&listing), &listing.incomplete), (vec!["page-0001"], &None));
    upstream.page("/api?page=2", Page::json(r#"{"results": [], "next": "/api?page=3"}"#));
    assert!(incomplete(&list(Catalog::Pages, upstream.url("/api"))).contains("nothing new"));
    upstream.page("/one", Page::json(r#"[{"id": 1}]"#));
    assert_eq!(ids(&list(Catalog::Pages, upstream.url("/one"))), ["page-0001"]);
}

#[test]
fn what_pages_gave_is_replayed_from_the_archive_without_the_network() {
    let upstream = Upstream::start().unwrap();
    upstream.answer("/api", |request| page(request, "next"));
    let small = Small::quick().source("api", &upstream.url("/api"), "catalog = \"pages\"");
    let before = small.night(0);
    let records = before.status("api").records;
    drop(upstream);
    let config = before.pipeline.config();
    drop(before);
    guichet::daemon::replay::all(&config).unwrap();
    let store = guichet::store::Store::open(&guichet::daemon::pipeline::store_path(&config)).unwrap();
    let rows = store.snapshot().unwrap().resources(None).unwrap();
    let found: Vec<_> = rows.iter().map(|r| (r.id.as_str(), r.records)).collect();
    assert_eq!(found, [("page-0001", 2), ("page-0002", 2), ("page-0003", 2)]);
    assert_eq!(records.received, 6);
}

// ---------------------------------------------------------------- probe

fn probe(upstream: &Upstream, path: &str) -> Probe {
    block(harvester().probe(&access(Catalog::None, upstream.url(path)), now())).unwrap()
}

#[test]
fn a_probe_recognises_every_kind_and_takes_no_file_for_one() {
    let upstream = Upstream::start().unwrap();
    upstream.page(API, described());
    upstream.page("/explore/dataset/decp/", Page::html("<!doctype html><title>DECP"));
    upstream.page(SHOW, package(&json!([{"id": "a", "url": "/a.json"}]), 1));
    upstream.page("/cat", dcat_page(&["a"], Some("/cat2"), None));
    upstream.page("/cat2", dcat_page(&["b"], None, None));
    upstream.page("/data/", folder(&["x.xml"]));
    upstream.answer("/api", |request| page(request, "next"));
    upstream.page("/decp.json", Page::json(document("a", 2)));
    upstream.page("/last", Page::json(r#"{"next": null, "marches": [{"id": "1"}]}"#));
    upstream.page("/site", Page::html("<html><a href=\"x.xml\">x</a>"));
    for (path, expected) in [
        (API, Catalog::Ods),
        ("/explore/dataset/decp/", Catalog::Ods),
        ("/api/3/action/package_show?id=decp", Catalog::Ckan),
        ("/cat", Catalog::Dcat),
        ("/data/", Catalog::Index),
        ("/api", Catalog::Pages),
    ] {
        let found = probe(&upstream, path).catalogue.unwrap_or_else(|| panic!("{path} is not recognised"));
        assert_eq!(found.0, expected, "{path}");
        assert!(found.1.listed > 0, "{path}");
    }
    for path in ["/decp.json", "/last", "/site", "/nothing"] {
        assert_eq!(probe(&upstream, path).catalogue, None, "{path}");
    }
}

#[test]
fn a_probe_looks_at_the_first_pages_of_a_long_catalogue_only() {
    let upstream = Upstream::start().unwrap();
    upstream.answer("/api", |request| {
        let n: usize = request.query("page").and_then(|p| p.parse().ok()).unwrap_or(1);
        Page::json(json!({"results": [{"id": n}], "next": format!("/api?page={}", n + 1)}).to_string())
    });
    let (_, listing) = probe(&upstream, "/api").catalogue.unwrap();
    assert!(incomplete(&listing).contains("more than 4 pages"), "{}", incomplete(&listing));
    assert_eq!(upstream.total(), 5);
}

#[test]
fn the_stanza_that_a_probe_prints_is_one_that_the_check_accepts_and_the_harvest_reads() {
    let upstream = Upstream::start().unwrap();
    upstream.page(API, described());
    upstream.page(&format!("{API}/exports/json"), Page::json(document("ods", 2)));
    upstream.page(SHOW, package(&json!([{"id": "a", "url": "/a.json", "format": "JSON"}]), 1));
    upstream.page("/a.json", Page::json(document("ckan", 2)));
    upstream.page("/cat", dcat_page(&["d.json"], None, None));
    upstream.page("/files/d.json", Page::json(document("dcat", 2)));
    upstream.page("/data/", folder(&["i.json"]));
    upstream.page("/data/i.json", Page::json(document("index", 2)));
    upstream.answer("/api", |request| page(request, "next"));
    let dir = tempfile::tempdir().unwrap();
    let settings = "[harvest]\nmin_interval = \"0s\"\nallow_private_hosts = [\"127.0.0.1\"]\n";
    std::fs::write(dir.path().join("guichet.toml"), settings).unwrap();
    let guichet = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_guichet"));
        command
            .current_dir(dir.path())
            .env("GUICHET_NOW", small::FIRST)
            .args(["--config", "guichet.toml"])
            .args(arguments);
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    for (path, kind, records) in [
        (API, "ods", 2),
        ("/api/3/action/package_show?id=x", "ckan", 2),
        ("/cat", "dcat", 2),
        ("/data/", "index", 2),
        ("/api", "pages", 6),
    ] {
        std::fs::write(dir.path().join("sources.toml"), "").unwrap();
        let printed = guichet(&["sources", "probe", &upstream.url(path)]);
        let stanza =
            printed.split_once("[[source]]").map(|(_, stanza)| format!("[[source]]{stanza}")).unwrap_or_default();
        assert!(stanza.contains(&format!("catalog = \"{kind}\"")), "{kind}: {printed}");
        assert!(stanza.contains("format  = \"decp-json\""), "{kind}: {printed}");
        std::fs::write(dir.path().join("sources.toml"), &stanza).unwrap();
        guichet(&["check"]);
        guichet(&["-q", "harvest"]);
        let status: Value = serde_json::from_str(&guichet(&["status", "--json"])).unwrap();
        let sources = status["sources"].as_array().unwrap();
        let source = sources.iter().find(|s| s["state"] == "ok").unwrap_or_else(|| panic!("{kind}: {status}"));
        assert_eq!(source["records"]["received"], records, "{kind}: {status}");
        let id = source["id"].as_str().unwrap();
        std::fs::write(dir.path().join("sources.toml"), "").unwrap();
        guichet(&["sources", "forget", id]);
    }
}
