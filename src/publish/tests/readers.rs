//! The formats agree: what one reader finds in one file, others find in the others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field as Value;
use rusqlite::types::ValueRef;

use super::generate::contracts;
use super::*;
use crate::publish::tabular::COLUMNS;

pub(super) fn ndjson(dir: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(dir.join("contrats.ndjson")).unwrap();
    text.split_terminator('\n').map(|l| serde_json::from_str(l).unwrap()).collect()
}

pub(super) fn csv_rows(dir: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(dir.join("decp.csv")).unwrap();
    let head = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |r: csv::StringRecord| r.iter().map(str::to_owned).collect();
    (head, reader.records().map(|r| row(r.unwrap())).collect())
}

/// Numbers are written alike whatever the format.
fn number(value: f64) -> String {
    format!("{value}")
}

pub(super) fn parquet_rows(dir: &Path) -> Vec<Vec<String>> {
    let file = std::fs::File::open(dir.join("decp.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Str(s) => s.clone(),
        Value::Int(n) => n.to_string(),
        Value::Double(n) => number(*n),
        Value::Bool(b) => b.to_string(),
        Value::Date(d) => Day::from_number(*d).unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().get_column_iter().map(|(_, v)| cell(v)).collect()).collect()
}

pub(super) fn view_rows(dir: &Path) -> Vec<Vec<String>> {
    let db = rusqlite::Connection::open(dir.join(CONSUMER_DB)).unwrap();
    let mut statement = db.prepare("SELECT * FROM decp").unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    assert_eq!(names, COLUMNS.iter().map(|c| c.0).collect::<Vec<_>>());
    let mut rows = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |i: usize| match row.get_ref(i).unwrap() {
            ValueRef::Null => String::new(),
            ValueRef::Text(t) => std::str::from_utf8(t).unwrap().to_owned(),
            ValueRef::Integer(n) if COLUMNS[i].1 == crate::publish::tabular::Kind::Boolean => (n == 1).to_string(),
            ValueRef::Integer(n) => n.to_string(),
            ValueRef::Real(n) => number(n),
            other => panic!("{other:?}"),
        };
        all.push((0..COLUMNS.len()).map(cell).collect());
    }
    all
}

#[test]
fn csv_parquet_and_the_view_of_sqlite_hold_the_same_rows() {
    let public = tempfile::tempdir().unwrap();
    assert_same_rows(&Case::new(public.path(), contracts(1, 1500)).outcome());
}

/// Every table says the same.
pub(super) fn assert_same_rows(outcome: &Outcome) {
    let (head, mut csv) = csv_rows(&outcome.dir);
    assert_eq!(head, COLUMNS.iter().map(|c| c.0).collect::<Vec<_>>());
    assert_eq!(csv.len() as u64, outcome.counts.lignes);
    for row in &mut csv {
        for (cell, column) in row.iter_mut().zip(COLUMNS) {
            if column.1 == crate::publish::tabular::Kind::Number && !cell.is_empty() {
                *cell = number(cell.parse().unwrap());
            }
        }
    }
    assert_eq!(csv, parquet_rows(&outcome.dir), "parquet");
    let mut view = view_rows(&outcome.dir);
    view.sort();
    csv.sort();
    assert_eq!(csv, view, "view decp");
}

#[test]
fn each_active_contract_has_one_present_state_whose_amount_is_that_of_contrats_ndjson() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(2, 800)).outcome();
    let (_, csv) = csv_rows(&outcome.dir);
    let at = |name: &str| COLUMNS.iter().position(|c| c.0 == name).unwrap();
    let mut present = BTreeMap::new();
    for row in &csv {
        if row[at("donneesActuelles")] == "true" {
            present.insert(row[at("uid")].clone(), row[at("montant")].clone());
        }
    }
    let lines = ndjson(&outcome.dir);
    assert_eq!(lines.len() as u64, outcome.counts.contrats);
    let mut active = BTreeMap::new();
    for line in lines.iter().filter(|l| l["withdrawn"] == false) {
        let amount = line["current"].get("montant").map_or(String::new(), ToString::to_string);
        active.insert(line["uid"].as_str().unwrap().to_owned(), amount);
    }
    let float = |m: &BTreeMap<String, String>| -> BTreeMap<String, Option<f64>> {
        m.iter().map(|(k, v)| (k.clone(), v.parse().ok())).collect()
    };
    assert_eq!(float(&present), float(&active));
}

#[test]
fn the_official_files_hold_what_the_counts_say_and_json_and_xml_the_same() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(3, 1500)).outcome();
    let text = |name: &str| std::fs::read_to_string(outcome.dir.join(name)).unwrap();
    let decp: serde_json::Value = serde_json::from_str(&text("decp.json")).unwrap();
    let lists = ["marche", "contrat-concession"].map(|k| decp["marches"][k].as_array().unwrap().len());
    assert!(lists.iter().all(|n| *n > 0), "{lists:?}");
    assert_eq!((lists[0] + lists[1]) as u64, outcome.counts.decp);
    let old: serde_json::Value = serde_json::from_str(&text("decp-2019.json")).unwrap();
    assert_eq!(old["marches"].as_array().unwrap().len() as u64, outcome.counts.decp_2019);
    for (name, n) in [("decp.xml", outcome.counts.decp), ("decp-2019.xml", outcome.counts.decp_2019)] {
        let xml = text(name);
        let records = xml.matches("<marche>").count() + xml.matches("<contrat-concession>").count();
        assert_eq!(records as u64, n, "{name}");
    }
    let manifest = Manifest::read(&outcome.dir).unwrap();
    let left = &manifest.left_out;
    let left: u64 = left.decp.values().chain(left.decp_2019.values()).sum();
    let c = &outcome.counts;
    assert_eq!(c.contrats, c.decp + c.decp_2019 + c.withdrawn + left);
    assert!(c.decp > 700 && c.decp_2019 > 100 && c.withdrawn > 5 && left > 50, "{c:?}");
}

#[test]
fn a_contract_is_found_in_contrats_ndjson_by_the_place_that_sqlite_gives() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(4, 600)).outcome();
    let bytes = std::fs::read(outcome.dir.join("contrats.ndjson")).unwrap();
    let db = rusqlite::Connection::open(outcome.dir.join(CONSUMER_DB)).unwrap();
    let mut statement = db.prepare("SELECT uid, debut, octets, n FROM contrats ORDER BY n").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut last = String::new();
    while let Some(row) = rows.next().unwrap() {
        let uid: String = row.get(0).unwrap();
        let (start, length): (usize, usize) =
            (row.get::<_, i64>(1).unwrap() as usize, row.get::<_, i64>(2).unwrap() as usize);
        let record: serde_json::Value = serde_json::from_slice(&bytes[start..start + length]).unwrap();
        assert_eq!(record["uid"], uid.as_str());
        assert!(last < uid, "numbers follow the uids");
        last = uid;
    }
}

#[test]
fn another_id_that_a_source_declares_leads_to_the_contract() {
    let public = tempfile::tempdir().unwrap();
    let all = contracts(5, 300);
    let wanted: BTreeSet<(String, String)> = all
        .iter()
        .flat_map(|c| c.observations.iter().map(|o| (format!("{}{}", o.acheteur_id, o.id), c.uid.as_str().to_owned())))
        .filter(|(key, uid)| key != uid)
        .collect();
    let outcome = Case::new(public.path(), all).outcome();
    let db = rusqlite::Connection::open(outcome.dir.join(CONSUMER_DB)).unwrap();
    let mut statement = db.prepare("SELECT a.cle, c.uid FROM alias a JOIN contrats c ON c.n = a.contrat").unwrap();
    let found = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert_eq!(found.collect::<Result<BTreeSet<(String, String)>, _>>().unwrap(), wanted);
}

#[test]
fn every_column_of_guichet_sqlite_is_documented_and_nothing_else_is() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(6, 20)).outcome();
    let db = rusqlite::Connection::open(outcome.dir.join(CONSUMER_DB)).unwrap();
    let pairs = |sql: &str| -> BTreeSet<(String, String)> {
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let real = pairs(
        "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
         UNION SELECT name, '' FROM sqlite_schema WHERE type IN ('table', 'view')",
    );
    let documented = pairs("SELECT objet, colonne FROM documentation");
    assert_eq!(documented.difference(&real).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    assert_eq!(real.difference(&documented).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
}

#[test]
fn the_default_list_is_read_from_an_index() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(7, 50)).outcome();
    let db = rusqlite::Connection::open(outcome.dir.join(CONSUMER_DB)).unwrap();
    let plan: String = db
        .query_row(
            "EXPLAIN QUERY PLAN SELECT uid FROM contrats WHERE retire = 0
             AND coalesce(dateNotification,'') <= '2024' AND NOT (coalesce(dateNotification,'') = '2024' AND n <= 7)
             ORDER BY coalesce(dateNotification,'') DESC, n LIMIT 51",
            [],
            |r| r.get(3),
        )
        .unwrap();
    assert!(plan.contains("contrats_date"), "{plan}");
}

/// The cells of each sheet of a decp.xlsx, by (row, column) from 0, as text; with the name of the sheet.
fn sheets(path: &Path) -> Vec<(String, Vec<Vec<String>>)> {
    let bytes = std::fs::read(path).unwrap();
    let zip = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let part = |name: &str| {
        let mut entries = zip.entries();
        while let Some(entry) = entries.next_entry().unwrap() {
            if entry.file_path().as_ref() == name.as_bytes() {
                let found = zip.get_entry(entry.wayfinder()).unwrap();
                let mut text = String::new();
                let read = flate2::read::DeflateDecoder::new(found.data());
                std::io::Read::read_to_string(&mut found.verifying_reader(read), &mut text).unwrap();
                return text;
            }
        }
        panic!("there is no {name}")
    };
    let unescape = |text: &str| quick_xml::escape::unescape(text).unwrap().into_owned();
    let between = |text: &str, start: &str, end: &str| {
        text.split_once(start).map(|(_, rest)| unescape(rest.split_once(end).unwrap().0)).unwrap_or_default()
    };
    let shared: Vec<String> =
        part("xl/sharedStrings.xml").split("<si>").skip(1).map(|s| between(s, "preserve\">", "</t>")).collect();
    let workbook = part("xl/workbook.xml");
    let names = workbook.split("<sheet name=\"").skip(1).map(|s| s.split('"').next().unwrap().to_owned());
    let rows = |n: usize| -> Vec<Vec<String>> {
        let text = part(&format!("xl/worksheets/sheet{n}.xml"));
        let mut rows = Vec::new();
        for (i, row) in text.split("<row r=\"").skip(1).enumerate() {
            assert_eq!(row.split('"').next().unwrap(), (i + 1).to_string());
            let mut cells = vec![String::new(); COLUMNS.len()];
            for cell in row.split("<c r=\"").skip(1) {
                let place = cell.split('"').next().unwrap();
                let letters = place.trim_end_matches(|c: char| c.is_ascii_digit());
                assert_eq!(&place[letters.len()..], (i + 1).to_string());
                let column = letters.bytes().fold(0, |n, b| n * 26 + usize::from(b - b'A') + 1) - 1;
                let value = between(cell, "<v>", "</v>");
                cells[column] = if cell.contains("t=\"s\"") {
                    shared[value.parse::<usize>().unwrap()].clone()
                } else if cell.contains("t=\"b\"") {
                    (value == "1").to_string()
                } else if cell.contains("s=\"1\"") {
                    Day::from_number(value.parse::<i32>().unwrap() - 25_569).unwrap().to_string()
                } else if cell.contains("inlineStr") {
                    unescape(cell.split_once("<t").unwrap().1.split_once('>').unwrap().1.split_once("</t>").unwrap().0)
                } else {
                    value
                };
            }
            rows.push(cells);
        }
        rows
    };
    names.enumerate().map(|(i, name)| (name, rows(i + 1))).collect()
}

/// As decp.xlsx writes what XML cannot carry.
fn for_a_spreadsheet(text: &str) -> String {
    text.replace('\r', "_x000D_").replace('\u{1}', "_x0001_")
}

#[test]
fn the_spreadsheet_holds_the_present_rows_of_the_table_and_nothing_else() {
    let public = tempfile::tempdir().unwrap();
    let outcome = Case::new(public.path(), contracts(23, 700)).outcome();
    let (head, rows) = csv_rows(&outcome.dir);
    let current = head.iter().position(|c| c == "donneesActuelles").unwrap();
    let present = rows.into_iter().filter(|r| r[current] == "true");
    let mut expected: Vec<Vec<String>> = present.map(|r| r.iter().map(|c| for_a_spreadsheet(c)).collect()).collect();
    expected.insert(0, head);
    let found = sheets(&outcome.dir.join("decp.xlsx"));
    let [(name, found)] = &found[..] else { panic!("{} sheets", found.len()) };
    assert_eq!(name, "decp");
    assert!(found == &expected, "the rows differ");
}

#[test]
fn beyond_the_limit_of_a_sheet_each_year_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = std::sync::Arc::new(Catalog::new(Vec::new(), Vec::new()));
    let day = Day::from_ymd(2026, 11, 24).unwrap();
    let write = |dir: &Path, limit| {
        let mut xlsx = decp_xlsx::DecpXlsx::with_limit(dir, std::sync::Arc::clone(&catalog), day, limit).unwrap();
        let mut batch = batch::Batch { first: 1, ..batch::Batch::default() };
        for contract in contracts(24, 300) {
            batch.push(contract, batch::Verdict::Decp, batch::ItemSeats::default(), 0);
        }
        format::Writer::batch(&mut xlsx, &batch).unwrap();
        format::Writer::finish(Box::new(xlsx)).unwrap();
        let found = sheets(&dir.join("decp.xlsx"));
        std::fs::remove_file(dir.join("decp.xlsx")).unwrap();
        found
    };
    let one = write(dir.path(), 100_000);
    let several = write(dir.path(), 21);
    assert!(several.len() > 5);
    let year = COLUMNS.iter().position(|c| c.0 == "dateNotification").unwrap();
    let modified = COLUMNS.iter().position(|c| c.0 == "modification_id").unwrap();
    let mut gathered = Vec::new();
    for (name, rows) in &several {
        assert!(rows.len() <= 21 && rows[0] == one[0].1[0], "{name}");
        for row in &rows[1..] {
            // A later state has its own date; the sheet is that of the contract.
            let plain = name.split(' ').next().unwrap();
            assert!(
                row[modified] != "0" || !plain.starts_with("20") || row[year].starts_with(plain),
                "{name}: {row:?}"
            );
        }
        gathered.extend(rows[1..].iter().cloned());
    }
    let mut expected = one[0].1[1..].to_vec();
    expected.sort();
    gathered.sort();
    assert!(gathered == expected, "the rows differ");
}
