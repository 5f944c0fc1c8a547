use super::super::{SplitOptions, parse, split};
use super::*;

fn goes(id: &str) -> impl FnMut(&Slice<'_>) -> bool {
    move |slice| parse(slice).is_ok_and(|raw| raw.id.is_some_and(|found| found.as_str() == id))
}

fn stripped_with(bytes: &[u8], id: &str, options: &SplitOptions) -> Vec<u8> {
    let mut out = Vec::new();
    strip(bytes, options, &mut goes(id)).unwrap().unwrap().file.read_to_end(&mut out).unwrap();
    out
}

fn stripped(bytes: &[u8], id: &str) -> Vec<u8> {
    stripped_with(bytes, id, &SplitOptions::default())
}

fn ids(bytes: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    split(bytes, &SplitOptions::default(), &mut |s| {
        ids.push(parse(&s).map_or_else(|e| e.reason.into(), |r| r.id.unwrap().as_str().to_owned()));
        ControlFlow::Continue(())
    })
    .unwrap();
    ids
}

fn record(id: &str) -> String {
    format!(r#"{{"id":"{id}","acheteur":{{"id":"21310555400017"}},"objet":"Réfection {id}"}}"#)
}

#[test]
fn json_stays_json_wherever_the_record_stood() {
    let (a, b, c) = (record("A1"), record("B1"), record("C1"));
    for text in [
        format!("[{a},{b},{c}]"),
        format!("{{\"marches\": [\n  {a},\n  {b} ,\n  {c}\n]}}"),
        format!("{{\"marches\":{{\"marche\":[{a},{b},{c}],\"contrat-concession\":[]}}}}"),
    ] {
        for id in ["A1", "B1", "C1"] {
            let left = stripped(text.as_bytes(), id);
            let text = String::from_utf8(left.clone()).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert!(!text.contains(id), "{text}");
            assert_eq!(ids(&left).len(), 2);
        }
        let once = stripped(text.as_bytes(), "B1");
        let twice = stripped(&stripped(&once, "C1"), "A1");
        serde_json::from_slice::<serde_json::Value>(&twice).unwrap();
        assert!(ids(&twice).is_empty());
    }
}

#[test]
fn what_lies_side_by_side_goes_together() {
    let text = format!("[{}, {},\n{}, {}]", record("A1"), record("B1"), record("B1"), record("C1"));
    let left = stripped(text.as_bytes(), "B1");
    serde_json::from_slice::<serde_json::Value>(&left).unwrap();
    assert_eq!(ids(&left), ["A1", "C1"]);
    let text = format!("[{}, {},\n{}]", record("A1"), record("B1"), record("B1"));
    let left = stripped(text.as_bytes(), "B1");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&left).unwrap().as_array().unwrap().len(), 1);
}

#[test]
fn the_only_record_leaves_an_empty_document() {
    for text in [
        format!("{{\"marches\":{{\"marche\":{}}}}}", record("A1")),
        record("A1"),
        format!("[{}]", record("A1")),
        format!("{{\"marches\":[{}]}}", record("A1")),
    ] {
        let left = stripped(text.as_bytes(), "A1");
        serde_json::from_slice::<serde_json::Value>(&left).unwrap();
        assert!(ids(&left).is_empty(), "{text}");
    }
    let lines = format!("{}\n{}\n{}\n", record("A1"), record("B1"), record("C1"));
    assert_eq!(ids(&stripped(lines.as_bytes(), "B1")), ["A1", "C1"]);
}

fn xml(ids: &[&str]) -> String {
    let one = |id: &&str| {
        format!(
            "<marche><id>{id}</id><acheteur><id>21310555400017</id></acheteur><objet>Réfection {id}</objet></marche>"
        )
    };
    format!("<marches>\n{}\n</marches>\n", ids.iter().map(one).collect::<Vec<_>>().join("\n"))
}

#[test]
fn xml_loses_the_element_in_its_own_encoding() {
    let text = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n{}", xml(&["A1", "B1", "C1"]));
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let left = stripped(&latin, "B1");
    assert!(left.windows(10).any(|w| w == b"R\xe9fection ") && !left.windows(2).any(|w| w == b"B1"));
    assert_eq!(ids(&left), ["A1", "C1"]);
    let wide: Vec<u8> = format!("\u{feff}{}", xml(&["A1", "B1"])).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let left = stripped(&wide, "A1");
    assert!(left.starts_with(b"\xFF\xFE"));
    assert_eq!(ids(&left), ["B1"]);
    assert!(ids(&stripped(xml(&["A1"]).as_bytes(), "A1")).is_empty());
}

#[test]
fn the_only_letter_that_told_the_encoding_may_go() {
    let text = format!("[{},{}]", record("A1"), record("B1").replace('é', "e"));
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    assert_eq!(ids(&stripped(&latin, "A1")), ["B1"]);
}

#[test]
fn a_table_loses_every_row_of_the_contract() {
    let head = "uid;id;acheteur.id;objet;montant;dateNotification;titulaire.id;modification_id\n";
    let row = |id: &str, n: u32| {
        format!("21310555400017{id};{id};21310555400017;\"Réfection\n{id}\";1000;2024-01-0{n};12345678901234;{n}\n")
    };
    let text = format!("{head}{}{}{}{}", row("A1", 1), row("B1", 1), row("A1", 2), row("C1", 1));
    let left = stripped(text.as_bytes(), "A1");
    let left = String::from_utf8(left).unwrap();
    assert_eq!(left, format!("{head}{}{}", row("B1", 1), row("C1", 1)));
    assert_eq!(stripped(format!("{head}{}", row("A1", 1)).as_bytes(), "A1"), head.as_bytes());
}

#[test]
fn what_is_packed_comes_out_unpacked_and_several_documents_as_one_zip() {
    let doc = |a: &str, b: &str| format!("[{},{}]", record(a), record(b));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(doc("A1", "B1").as_bytes()).unwrap();
    let left = stripped(&gz.finish().unwrap(), "A1");
    assert_eq!(ids(&left), ["B1"]);
    assert!(left.starts_with(b"["));
    let mut all = All::None;
    for text in [doc("A1", "B1"), doc("C1", "A1"), xml(&["D1"])] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        all.add(file).unwrap();
    }
    let (mut zip, mut bytes) = (all.finish().unwrap(), Vec::new());
    zip.seek(SeekFrom::Start(0)).unwrap();
    zip.read_to_end(&mut bytes).unwrap();
    assert_eq!(ids(&bytes), ["A1", "B1", "C1", "A1", "D1"]);
    assert_eq!(ids(&stripped(&bytes, "A1")), ["B1", "C1", "D1"]);
}

#[test]
fn json_in_a_web_page_goes_with_or_without_its_entities() {
    let json = format!("[{},{}]", record("A1"), record("B1"));
    let page = format!("<!DOCTYPE html><html><body><pre>{json}</pre></body></html>");
    let left = stripped(page.as_bytes(), "A1");
    assert!(left.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(ids(&left), ["B1"]);
    let page = page.replace(&json, &json.replace('"', "&quot;"));
    assert_eq!(ids(&stripped(page.as_bytes(), "B1")), ["A1"]);
}

#[test]
fn a_payload_without_the_record_is_left_alone() {
    assert!(strip(xml(&["A1"]).as_bytes(), &SplitOptions::default(), &mut goes("Z9")).unwrap().is_none());
}

#[test]
fn what_does_not_read_as_before_is_refused() {
    // A byte that the encoding of the stanza does not have cannot be written as it came.
    let text = format!("[{},{}]", record("A1"), record("B1")).replace('é', "e");
    let bytes: Vec<u8> = text.replace("Refection B1", "Refection \u{0}").into_bytes();
    let bytes: Vec<u8> = bytes.into_iter().map(|b| if b == 0 { 0xAA } else { b }).collect();
    let options = SplitOptions { encoding: super::super::encoding("windows-1253"), ..SplitOptions::default() };
    let refused = strip(&bytes[..], &options, &mut goes("A1"));
    assert!(matches!(refused, Err(StripError::Unfit)), "{refused:?}");
    assert!(stripped_with(&bytes, "B1", &options).windows(2).any(|w| w == b"A1"));
}
