//! Datasets as data.gouv.fr answers them, and as it should not.

use serde_json::{Value, json};

use super::super::{Catalog, Listing};
use super::*;
use crate::harvest::SourceAccess;
use crate::harvest::testing::*;

fn entry(id: &str) -> Value {
    json!({
        "id": id, "title": format!("{id}.json"), "url": format!("https://static.example.fr/{id}.json"),
        "format": "JSON", "type": "main", "filesize": 12,
        "checksum": {"type": "sha1", "value": "24551462ecbb24b6151a5386b3cd63eedb02e902"},
        "last_modified": "2024-05-17T01:30:58.053000+00:00", "extras": {}
    })
}

fn page(ids: &[&str], next: Value, total: u64) -> Vec<Act> {
    let data: Vec<Value> = ids.iter().map(|id| entry(id)).collect();
    ok(json!({"data": data, "next_page": next, "page": 1, "page_size": 2, "total": total}).to_string())
}

fn datagouv(url: String) -> SourceAccess {
    SourceAccess { catalog: Catalog::Datagouv, ..source(url) }
}

async fn listing(upstream: &Upstream, path: &str) -> Result<Listing, FetchError> {
    Bench::new().harvester.list(&datagouv(upstream.url(path)), now()).await
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing.resources.iter().map(|r| r.id.as_str()).collect()
}

#[tokio::test]
async fn a_dataset_of_api_v1_is_listed_from_one_answer() {
    let upstream = Upstream::new(|_| ok(json!({"id": "d", "resources": [entry("b"), entry("a")]}).to_string())).await;
    let listing = listing(&upstream, "/api/1/datasets/d/").await.unwrap();
    assert_eq!(ids(&listing), ["a", "b"]);
    assert_eq!((listing.listed, listing.incomplete), (2, None));
    let a = &listing.resources[0];
    assert_eq!((a.format.as_deref(), a.bytes), (Some("json"), Some(12)));
    assert_eq!(a.checksum.as_ref().unwrap().kind, "sha1");
    assert_eq!(a.last_modified, Some("2024-05-17T01:30:58.053Z".parse().unwrap()));
    assert_eq!(upstream.header(0, "accept").as_deref(), Some("application/json"));
}

#[tokio::test]
async fn a_dataset_of_api_v2_is_followed_to_its_pages_to_the_last() {
    let upstream = Upstream::new(|r| match r.path.as_str() {
        "/api/2/datasets/d/" => {
            let link =
                json!({"rel": "subsection", "href": "/api/2/datasets/d/resources/?page=1", "type": "GET", "total": 3});
            ok(json!({"id": "d", "resources": link}).to_string())
        }
        "/api/2/datasets/d/resources/?page=1" => page(&["c", "b"], json!("/api/2/datasets/d/resources/?page=2"), 3),
        "/api/2/datasets/d/resources/?page=2" => page(&["a"], Value::Null, 3),
        _ => reply(404, &[], ""),
    })
    .await;
    for (start, asked) in [("/api/2/datasets/d/", 3), ("/api/2/datasets/d/resources/?page=1", 5)] {
        let listing = listing(&upstream, start).await.unwrap();
        assert_eq!((ids(&listing), &listing.incomplete), (vec!["a", "b", "c"], &None));
        assert_eq!(upstream.asked(), asked);
    }
}

#[tokio::test]
async fn a_next_page_on_another_site_is_refused_and_the_list_incomplete() {
    let elsewhere = Upstream::new(|_| page(&["evil"], Value::Null, 2)).await;
    let next = elsewhere.url("/api/2/datasets/d/resources/?page=2");
    let upstream = Upstream::new(move |_| page(&["a"], json!(next), 2)).await;
    let listing = listing(&upstream, "/r").await.unwrap();
    assert_eq!(ids(&listing), ["a"]);
    assert!(listing.incomplete.unwrap().contains("another site"));
    assert_eq!(elsewhere.asked(), 0);
}

#[tokio::test]
async fn pages_that_go_in_a_circle_or_bring_nothing_new_end_the_list_as_incomplete() {
    let circle = Upstream::new(|r| match r.path.as_str() {
        "/p1" => page(&["a"], json!("/p2"), 9),
        _ => page(&["b"], json!("/p1"), 9),
    })
    .await;
    let list = listing(&circle, "/p1").await.unwrap();
    assert_eq!((ids(&list), circle.asked()), (vec!["a", "b"], 2));
    assert!(list.incomplete.unwrap().contains("circle"));
    let endless = Upstream::new(|r| {
        let n: u32 = r.path.trim_start_matches("/p").parse().unwrap();
        page(&["a"], json!(format!("/p{}", n + 1)), 1)
    })
    .await;
    let list = listing(&endless, "/p1").await.unwrap();
    assert_eq!((ids(&list), endless.asked()), (vec!["a"], 2));
    assert!(list.incomplete.unwrap().contains("nothing new"));
}

#[tokio::test]
async fn fewer_than_announced_a_failed_page_or_none_at_all_make_an_incomplete_list() {
    let short = Upstream::new(|_| page(&["a", "a"], Value::Null, 2)).await;
    let list = listing(&short, "/r").await.unwrap();
    assert!(list.incomplete.unwrap().contains("announced 2 resources and listed 1"));
    assert_eq!(list.warnings.len(), 1);
    let broken = Upstream::new(|r| match r.path.as_str() {
        "/p1" => page(&["a"], json!("/p2"), 2),
        _ => reply(500, &[], ""),
    })
    .await;
    let list = listing(&broken, "/p1").await.unwrap();
    assert_eq!((ids(&list), broken.asked()), (vec!["a"], 4));
    assert!(list.incomplete.unwrap().contains("500"));
    let empty = Upstream::new(|_| ok(r#"{"resources": []}"#)).await;
    assert!(listing(&empty, "/r").await.unwrap().incomplete.is_some());
}

#[tokio::test]
async fn an_answer_that_is_no_dataset_is_an_error_that_says_so() {
    for (body, says) in [
        (r#"{"message": "dataset not found"}"#, "dataset not found"),
        ("[1, 2]", "not the JSON"),
        ("{\"resources\": 3}", "not the JSON"),
        ("<html>maintenance</html>", "web page"),
        ("", "empty"),
    ] {
        let upstream = Upstream::new(move |_| ok(body)).await;
        let error = listing(&upstream, "/r").await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn one_odd_entry_costs_itself() {
    let mut documentation = entry("doc");
    documentation["type"] = json!("documentation");
    let odd = json!({"data": [
        entry("a"), 3, {"id": "no-url"}, {"id": 5, "url": "https://x.fr"}, {"url": "https://x.fr"},
        {"id": "b\n", "url": "https://x.fr"}, {"id": "bare", "url": "https://x.fr/f.xml"}, documentation
    ], "next_page": "", "total": 3});
    let upstream = Upstream::new(move |_| ok(odd.to_string())).await;
    let list = listing(&upstream, "/r").await.unwrap();
    assert_eq!(ids(&list), ["a", "bare"]);
    assert_eq!(list.resources[1].title, "f.xml");
    assert_eq!((list.warnings.len(), &list.incomplete), (5, &None));
}

#[test]
fn checksums_that_contradict_vouch_for_nothing() {
    let sha1 = |c: char| c.to_string().repeat(40);
    let of = |declared: Option<&str>, analysed: Option<&str>| {
        let mut raw = entry("a");
        raw["checksum"] = declared.map_or(Value::Null, |v| json!({"type": "sha1", "value": v}));
        raw["extras"] = json!({"analysis:checksum": analysed});
        super::resource(serde_json::from_value(raw).unwrap()).unwrap().checksum.map(|c| c.value)
    };
    assert_eq!(of(Some(&sha1('a')), None), Some(sha1('a')));
    assert_eq!(of(None, Some(&sha1('b'))), Some(sha1('b')));
    assert_eq!(of(Some(&sha1('a')), Some(&sha1('a'))), Some(sha1('a')));
    assert_eq!(of(Some(&sha1('a')), Some(&sha1('b'))), None);
    assert_eq!(of(Some("garbage"), None), None);
}

#[test]
fn a_moment_without_offset_is_utc() {
    assert_eq!(moment("2019-12-14T01:00:08.596000"), moment("2019-12-14T01:00:08.596Z"));
    assert_eq!(moment("2019-12-14T02:00:08+01:00"), moment("2019-12-14T01:00:08Z"));
    assert_eq!(moment("yesterday"), None);
}

/// The real answers, where they are at hand: never part of the repository.
#[tokio::test]
async fn the_real_aife_catalogues_are_listed_whole_with_their_checksums() {
    let data = std::env::var_os("GUICHET_REAL_DATA")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), Into::into);
    for (name, count) in [("datagouv-aife-1275-resources.json", 1275), ("datagouv-aife-84-resources.json", 84)] {
        let Ok(text) = std::fs::read(data.join("catalog").join(name)) else {
            println!("skipped: {name} is not at hand");
            return;
        };
        let upstream = Upstream::new(move |_| ok(&text)).await;
        let listing = listing(&upstream, "/api/1/datasets/aife/").await.unwrap();
        assert_eq!((listing.resources.len(), listing.incomplete, listing.warnings.len()), (count, None, 0));
        for r in &listing.resources {
            assert!(r.checksum.is_some() && r.last_modified.is_some() && r.bytes.is_some(), "{r:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_says_what_answers_and_knows_a_catalogue_from_a_file() {
    let long = format!("{{\"marches\": [{}]}}", "1,".repeat(100_000));
    let upstream = Upstream::new(move |r| match r.path.as_str() {
        "/api/1/datasets/d/" => ok(json!({"resources": [entry("a")]}).to_string()),
        "/decp.json" => reply(200, &[("Content-Type", "application/json"), ("ETag", "\"x\"")], &long),
        "/login" => ok("<!doctype html><p>no"),
        _ => reply(404, &[], "gone"),
    })
    .await;
    let bench = Bench::new();
    let probe = async |path: &str| bench.harvester.probe(&source(upstream.url(path)), now()).await.unwrap();
    let catalogue = probe("/api/1/datasets/d/").await.catalogue.unwrap();
    assert_eq!((catalogue.0, catalogue.1.listed), (Catalog::Datagouv, 1));
    let file = probe("/decp.json").await;
    assert_eq!((file.status, file.conditional, file.catalogue), (200, true, None));
    assert_eq!((file.prefix.len(), file.bytes), (crate::harvest::PREFIX_BYTES, Some(200_015)));
    assert!(probe("/login").await.prefix.starts_with(b"<!doctype"));
    assert_eq!(probe("/nothing").await.status, 404);
}
