//! Against a real S3-compatible service: what stands on the disk stands in the bucket, whatever fails on
//! the way, and what has gone goes there too.

#[path = "../../../tests/common/bucket.rs"]
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use server::{ACCESS, BUCKET, SECRET, Server};

use super::*;
use crate::publish::tests::Case;
use crate::publish::tests::generate::contracts;
use crate::record::Day;

fn target(server: &Server) -> Target {
    Target {
        endpoint: format!("http://{}/", server.address).parse().unwrap(),
        bucket: BUCKET.to_owned(),
        region: "gra".to_owned(),
        prefix: "region/".to_owned(),
        path_style: true,
        access_key: ACCESS.to_owned(),
        secret_key: SECRET.to_owned(),
        pause: Duration::from_millis(2),
        retries: 3,
    }
}

fn upload(public: &Path, target: &Target) -> Result<Mirrored, UploadError> {
    tokio::runtime::Runtime::new().unwrap().block_on(mirror(public, target))
}

/// Every file of every publication on the disk, as keys of the bucket.
fn dumps(public: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(&public.join(DUMPS)).unwrap() {
        for file in names(&public.join(DUMPS).join(&name)).unwrap() {
            let bytes = fs::read(public.join(DUMPS).join(&name).join(&file)).unwrap();
            found.insert(format!("region/dumps/{name}/{file}"), bytes);
        }
    }
    found
}

/// The bucket's publications are those of the disk, byte for byte.
fn assert_mirrored(public: &Path, server: &Server) {
    let wanted = dumps(public);
    let keys = server.keys();
    let there: Vec<&String> = keys.iter().filter(|k| k.starts_with("region/dumps/")).collect();
    assert_eq!(there, wanted.keys().collect::<Vec<_>>());
    for (key, bytes) in wanted {
        assert!(fs::read(server.root().join(&key)).unwrap() == bytes, "{key}");
    }
}

fn puts(seen: &[String]) -> Vec<&String> {
    seen.iter().filter(|line| line.starts_with("PUT ")).collect()
}

fn day(n: i8) -> Day {
    Day::from_ymd(2026, 11, n).unwrap()
}

fn published(public: &Path, seed: u64, on: i8) -> String {
    let mut case = Case::new(public, contracts(seed, 120));
    case.day = day(on);
    case.options.accept_shrink = true;
    case.outcome().publication
}

#[test]
fn a_publication_stands_in_the_bucket_as_on_the_disk_and_the_pointer_comes_last() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let name = published(public.path(), 31, 24);
    let done = upload(public.path(), &target(&server)).unwrap();
    assert_eq!(done.latest.as_ref(), Some(&name));
    assert_mirrored(public.path(), &server);
    let manifest = fs::read(public.path().join("latest/manifest.json")).unwrap();
    assert_eq!(fs::read(server.root().join("region/latest/manifest.json")).unwrap(), manifest);
    let seen = server.seen();
    let puts = puts(&seen);
    assert_eq!(puts.len() as u64, done.sent);
    assert!(puts.last().unwrap().ends_with("/latest/manifest.json"), "{puts:?}");
    let at = |end: &str| puts.iter().position(|p| p.ends_with(end)).unwrap();
    let files = puts.iter().filter(|p| p.contains(&format!("/dumps/{name}/"))).count();
    assert_eq!(at(&format!("/dumps/{name}/manifest.json")), files - 1, "the manifest comes after its files");
    let read_back = |put: &&&String| seen.contains(&put.replacen("PUT", "GET", 1));
    assert!(puts.iter().all(|p| read_back(&p)), "every object is read back");
    // Again: it is looked at, and nothing is sent.
    let again = upload(public.path(), &target(&server)).unwrap();
    assert_eq!((again.sent, again.deleted, again.stood), (0, 0, done.sent));
    assert!(puts_are_none(&server.seen()));
}

fn puts_are_none(seen: &[String]) -> bool {
    !seen.iter().any(|l| l.starts_with("PUT") || l.starts_with("POST") || l.starts_with("DELETE"))
}

#[test]
fn an_upload_that_was_cut_short_goes_on_where_it_stopped() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let name = published(public.path(), 32, 24);
    let mut left = 9;
    server.faults(move |method, _| {
        left -= i32::from(method == "PUT" && left > 0);
        (method == "PUT" && left == 0).then_some((500, None, "<Error><Code>InternalError</Code></Error>"))
    });
    let error = upload(public.path(), &target(&server)).unwrap_err();
    assert!(matches!(&error, UploadError::Refused { status: 500, .. }), "{error}");
    assert!(!server.keys().iter().any(|k| k.ends_with("manifest.json")), "half a publication has no manifest");
    let before: Vec<String> = server.keys().into_iter().filter(|k| k.starts_with("region/")).collect();
    assert_eq!(before.len(), 8);
    server.no_faults();
    server.seen();
    let done = upload(public.path(), &target(&server)).unwrap();
    assert_eq!((done.stood, done.latest), (8, Some(name)));
    let seen = server.seen();
    for key in before {
        assert!(!seen.contains(&format!("PUT /{BUCKET}/{key}")), "{key} was sent twice");
        assert!(seen.contains(&format!("GET /{BUCKET}/{key}")), "{key} was never read back");
    }
    assert_mirrored(public.path(), &server);
}

#[test]
fn a_service_in_trouble_is_asked_again() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    published(public.path(), 33, 24);
    let mut n = 0;
    server.faults(move |_, _| {
        n += 1;
        (n % 3 == 0).then_some((if n % 2 == 0 { 503 } else { 500 }, None, ""))
    });
    upload(public.path(), &target(&server)).unwrap();
    server.no_faults();
    assert_mirrored(public.path(), &server);
}

#[test]
fn what_the_operator_got_wrong_is_told_with_what_to_do() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    published(public.path(), 34, 24);
    let told = |change: &dyn Fn(&mut Target)| {
        let mut target = target(&server);
        change(&mut target);
        let error = upload(public.path(), &target).unwrap_err().to_string();
        assert!(!error.contains(SECRET) && !error.contains("X-Amz"), "{error}");
        error
    };
    let error = told(&|t| t.secret_key = "another".to_owned());
    assert!(error.contains("SignatureDoesNotMatch") && error.contains("check `secret_key`"), "{error}");
    let error = told(&|t| t.access_key = "AKNOBODY".to_owned());
    assert!(error.contains("keys of [publish.upload]") || error.contains("check `access_key`"), "{error}");
    let error = told(&|t| t.bucket = "no-such-bucket".to_owned());
    assert!(error.contains("NoSuchBucket") && error.contains("create the bucket"), "{error}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = told(&|t| t.endpoint = format!("http://{free}/").parse().unwrap());
    assert!(error.contains("list `region/dumps/`"), "{error}");
    assert!(server.keys().is_empty());
}

#[test]
fn a_redirect_is_an_error_and_carries_no_signature_elsewhere() {
    let (public, server, other) = (tempfile::tempdir().unwrap(), Server::start(), Server::start());
    published(public.path(), 35, 24);
    let elsewhere = format!("http://{}/", other.address);
    server.faults(move |_, path| Some((307, Some(("location", format!("{elsewhere}{path}"))), "")));
    let error = upload(public.path(), &target(&server)).unwrap_err().to_string();
    assert!(error.contains("307") && error.contains("no redirect is followed"), "{error}");
    assert!(other.seen().is_empty());
}

#[test]
fn what_does_not_read_back_as_it_was_sent_is_sent_again_and_else_deleted() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    published(public.path(), 36, 24);
    let rotten = |times: i32| {
        let mut left = times;
        move |method: &str, path: &str| {
            let hit = method == "GET" && path.ends_with("/decp.csv") && left > 0;
            left -= i32::from(hit);
            hit.then_some((200, None, "rotten"))
        }
    };
    server.faults(rotten(99));
    let error = upload(public.path(), &target(&server)).unwrap_err();
    assert!(matches!(&error, UploadError::Verify { key, .. } if key.ends_with("/decp.csv")), "{error}");
    assert!(!server.keys().iter().any(|k| k.ends_with("/decp.csv")));
    server.faults(rotten(1));
    upload(public.path(), &target(&server)).unwrap();
    assert_mirrored(public.path(), &server);
}

#[test]
fn a_file_that_is_not_what_its_manifest_says_is_not_uploaded() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let name = published(public.path(), 37, 24);
    let path = public.path().join(DUMPS).join(&name).join("decp.xml");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = upload(public.path(), &target(&server)).unwrap_err();
    assert!(matches!(&error, UploadError::Changed { .. }), "{error}");
    assert!(!server.keys().iter().any(|k| k.ends_with("decp.xml")));
}

#[test]
fn a_withdrawn_publication_goes_from_the_bucket_even_when_none_takes_its_place() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let first = published(public.path(), 38, 23);
    let second = published(public.path(), 39, 24);
    upload(public.path(), &target(&server)).unwrap();
    assert_mirrored(public.path(), &server);
    crate::publish::withdraw(public.path(), std::slice::from_ref(&second), "2026-11-24T08:00:00Z", "redacted").unwrap();
    assert!(Publication::latest(public.path()).unwrap().is_none());
    let done = upload(public.path(), &target(&server)).unwrap();
    assert_eq!(done.latest, None);
    assert_mirrored(public.path(), &server);
    let keys = server.keys();
    let of_second: Vec<_> = keys.iter().filter(|k| k.contains(&format!("/{second}/"))).collect();
    assert_eq!(of_second, [&format!("region/dumps/{second}/manifest.json")]);
    let manifest = fs::read_to_string(server.root().join(of_second[0])).unwrap();
    assert!(manifest.contains("redacted"));
    assert!(!keys.iter().any(|k| k.starts_with("region/latest/") || k.starts_with("region/decp/")), "{keys:?}");
    assert!(keys.contains(&format!("region/dumps/{first}/decp.csv")), "the others stay");
    // The next one leads there again.
    let third = published(public.path(), 38, 25);
    assert_eq!(upload(public.path(), &target(&server)).unwrap().latest, Some(third));
    assert_mirrored(public.path(), &server);
}

#[test]
fn retention_reaches_the_bucket_and_what_is_not_ours_stays() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let others = ["region/dumps/lost+found/a", "region/decp/README", "other/dumps/2020-01-01/manifest.json"];
    for key in others {
        let path = server.root().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    for (seed, on) in [(40, 20), (41, 21), (42, 22)] {
        published(public.path(), seed, on);
    }
    upload(public.path(), &target(&server)).unwrap();
    fs::remove_dir_all(public.path().join("dumps/2026-11-20")).unwrap();
    fs::remove_file(public.path().join("dumps/2026-11-21/decp.csv")).unwrap();
    let before = wanted(public.path()).unwrap();
    let done = upload(public.path(), &target(&server)).unwrap();
    assert!(done.deleted > 10 && done.sent == 0, "{done:?}");
    assert_eq!(wanted(public.path()).unwrap(), before, "an upload changes nothing on the disk");
    let keys = server.keys();
    assert!(others.iter().all(|k| keys.iter().any(|key| key == k)));
    assert!(!keys.iter().any(|k| k.contains("2026-11-20") || k.ends_with("2026-11-21/decp.csv")));
    assert!(keys.contains(&"region/dumps/2026-11-21/decp.xml".to_owned()));
}

#[test]
fn an_empty_or_another_data_directory_never_empties_a_bucket() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    published(public.path(), 43, 20);
    upload(public.path(), &target(&server)).unwrap();
    let keys = server.keys();
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(wanted(empty.path()).unwrap(), None);
    assert_eq!(upload(empty.path(), &target(&server)).unwrap(), Mirrored::default());
    published(empty.path(), 44, 24);
    let error = upload(empty.path(), &target(&server)).unwrap_err();
    assert!(matches!(&error, UploadError::Foreign { found, .. } if found == "2026-11-20"), "{error}");
    assert_eq!(server.keys(), keys);
}

#[test]
fn a_large_file_goes_in_parts_and_leaves_none_behind_when_it_fails() {
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::start());
    let path = dir.path().join("large.sqlite");
    let bytes: Vec<u8> = (0..(2 * send::PART + 12_345)).map(|n| (n * 7 % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    let content = Content { sha256: hex::encode(Sha256::digest(&bytes)), bytes: bytes.len() as u64 };
    let bucket = Bucket::new(&target(&server)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let go = || runtime.block_on(ensure(&bucket, "dumps/2026-11-24/large.sqlite", &path, &content, false));
    let mut parts = 0;
    server.faults(move |method, _| {
        parts += i32::from(method == "PUT");
        (method == "PUT" && parts >= 3).then_some((503, None, ""))
    });
    assert!(go().is_err());
    assert!(server.seen().last().unwrap().starts_with("DELETE "), "the parts are given up");
    server.no_faults();
    assert_eq!(go().unwrap(), Sent::Now);
    assert_eq!(server.seen().iter().filter(|l| l.starts_with("PUT ")).count(), 3);
    assert!(fs::read(server.root().join("region/dumps/2026-11-24/large.sqlite")).unwrap() == bytes);
    assert_eq!(go().unwrap(), Sent::Stood);
}

/// Rows by year as decp.parquet holds them: uid and the year of dateNotification.
fn by_year(path: &Path) -> BTreeMap<Option<i16>, Vec<String>> {
    use parquet::file::reader::FileReader as _;
    use parquet::record::Field;
    let reader = parquet::file::reader::SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let mut found: BTreeMap<Option<i16>, Vec<String>> = BTreeMap::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let year = row.get_column_iter().find(|(name, _)| *name == "dateNotification").and_then(|(_, v)| match v {
            Field::Date(n) => Day::from_number(*n).map(|d| d.year()),
            _ => None,
        });
        // The generated contracts hold slips of a key too: the year 1020 is none.
        let year = year.filter(|y| (1980..=2100).contains(y));
        let cells: Vec<String> = row.get_column_iter().map(|(_, v)| format!("{v:?}")).collect();
        found.entry(year).or_default().push(cells.join("|"));
    }
    found
}

#[test]
fn the_layout_by_year_holds_the_rows_of_decp_parquet_in_their_order_and_the_same_bytes_each_time() {
    let public = tempfile::tempdir().unwrap();
    // More rows than are held at once, some of them without a date.
    let all = contracts(45, 24_000).into_iter().enumerate().map(|(n, mut contract)| {
        if n % 50 == 0 {
            contract.record.date_notification = None;
        }
        contract
    });
    let outcome = Case::new(public.path(), all).outcome();
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = hive::split(&outcome.dir, a.path()).unwrap();
    let second = hive::split(&outcome.dir, b.path()).unwrap();
    let whole = by_year(&outcome.dir.join("decp.parquet"));
    assert!(whole.contains_key(&None) && whole.len() > 3, "{:?}", whole.keys());
    assert_eq!(first.iter().map(|p| p.rows).sum::<u64>(), outcome.counts.lignes);
    assert_eq!(first.len(), whole.len());
    for (p, again) in first.iter().zip(&second) {
        assert_eq!((&p.key, &p.content), (&again.key, &again.content));
        assert!(hive::is_partition(&p.key), "{}", p.key);
        let bytes = fs::read(&p.path).unwrap();
        assert_eq!(
            (hex::encode(Sha256::digest(&bytes)), bytes.len() as u64),
            (p.content.sha256.clone(), p.content.bytes)
        );
        let name = p.key.strip_prefix("decp/annee=").unwrap().strip_suffix("/decp.parquet").unwrap();
        let year: Option<i16> = name.parse().ok();
        let rows = by_year(&p.path);
        assert_eq!(rows.len(), 1, "{}", p.key);
        assert!(rows[&year] == whole[&year], "{}", p.key);
    }
}

#[test]
fn duckdb_reads_the_layout_in_place() {
    let (public, server) = (tempfile::tempdir().unwrap(), Server::start());
    let outcome = Case::new(public.path(), contracts(46, 400)).outcome();
    upload(public.path(), &target(&server)).unwrap();
    let script = "import sys, duckdb\n\
        rows = duckdb.sql(f\"select count(*), count(distinct annee), \
        count(*) filter (annee <> year(dateNotification)) from read_parquet('{sys.argv[1]}/**/*.parquet', \
        hive_partitioning = true)\").fetchall()[0]\nprint(*rows)";
    let folder = server.root().join("region/decp");
    let output = std::process::Command::new("python3").args(["-c", script]).arg(&folder).output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("No module named") => {
            panic!("{}", String::from_utf8_lossy(&output.stderr))
        }
        _ => return println!("skipped: python3 with duckdb is not installed"),
    };
    let told = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = told.split_whitespace().map(|n| n.parse().unwrap()).collect();
    assert_eq!((numbers[0], numbers[2]), (outcome.counts.lignes, 0), "{told}");
    assert!(numbers[1] > 1, "{told}");
}

#[test]
fn only_our_own_keys_are_partitions() {
    for ours in ["decp/annee=2024/decp.parquet", "decp/annee=__HIVE_DEFAULT_PARTITION__/decp.parquet"] {
        assert!(hive::is_partition(ours));
    }
    for other in ["decp/annee=/decp.parquet", "decp/annee=20x4/decp.parquet", "decp/annee=2024/mine.parquet", "decp/a"]
    {
        assert!(!hive::is_partition(other), "{other}");
    }
}
