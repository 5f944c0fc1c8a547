//! One declared fault after another, through the front door: `split`, then `parse`.

use std::io::Read;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::record::Kind;

/// What came of one slice: the id, or the reason of its refusal.
fn read_by(input: impl Read, max_record: usize) -> (Vec<String>, Split) {
    let mut out = Vec::new();
    let split = split(input, &SplitOptions { max_record, ..SplitOptions::default() }, &mut |slice| {
        out.push(match parse(&slice) {
            Ok(r) => r.id.map_or("-".into(), |id| id.as_str().trim().to_owned()),
            Err(r) => format!("!{}", r.reason),
        });
        ControlFlow::Continue(())
    });
    (out, split.unwrap())
}

fn read(text: &str) -> (Vec<String>, Split) {
    read_by(text.as_bytes(), MAX_RECORD)
}

fn ids(text: &str) -> Vec<String> {
    read(text).0
}

/// Slices as they come: bytes, offset, position, shape.
type Slices = Vec<(Vec<u8>, u64, u32, Shape)>;

fn slices(input: impl Read, max_record: usize) -> Option<(Slices, Split)> {
    let mut out = Vec::new();
    let split = split(input, &SplitOptions { max_record, ..SplitOptions::default() }, &mut |s| {
        out.push((s.bytes.to_vec(), s.offset, s.position, s.shape));
        ControlFlow::Continue(())
    });
    split.ok().map(|s| (out, s))
}

/// Gives its bytes in pieces of the sizes that it cycles through.
struct Pieces<'a>(&'a [u8], Vec<usize>, usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.2 += 1;
        let n = self.1[self.2 % self.1.len()].min(out.len()).min(self.0.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn json_2019(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","acheteur":{{"id":"21310555400017","nom":"Ville"}},"objet":"Achat {{de}} \"vis\", etc. [1]","titulaires":[{{"typeIdentifiant":"SIRET","id":"1"}},{{"typeIdentifiant":"SIRET","id":"2"}}],"modifications":[]}}"#
    )
}

fn json_2022(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","acheteur":{{"id":"21310555400017"}},"nature":"Marché","objet":"Travaux","titulaires":[{{"titulaire":{{"typeIdentifiant":"SIRET","id":"1"}}}}],"modifications":[{{"modification":{{"id":1,"montant":12}}}}]}}"#
    )
}

fn xml(id: &str) -> String {
    format!(
        "<marche><id>{id}</id><!-- a > b --><acheteur><id>21310555400017</id></acheteur><objet><![CDATA[</marche>]]> R&amp;D</objet><marcheInnovant>oui</marcheInnovant></marche>"
    )
}

fn list(records: &[String]) -> String {
    format!("{{\"marches\": [\n{}\n]}}", records.join(",\n"))
}

#[test]
fn every_container_gives_its_records() {
    let (a, b) = (json_2019("a"), json_2022("b"));
    for doc in [
        format!("{{\"marches\":[{a},{b}]}}"),
        format!("{{\"$schema\":\"x\",\"source\":\"y\",\"meta\":{{\"n\":[1,2]}},\"marches\":[{a},{b}]}}"),
        format!("{{\"marches\":{{\"marche\":[{a},{b}]}}}}"),
        format!("{{\"marches\":{{\"marche\":{a},\"contrat-concession\":[{b}]}}}}"),
        format!("[{a},{b}]"),
        format!("\u{feff} [\r\n{a} ,\r\n {b} ] "),
        format!("{a}\n{b}\n"),
        format!("[{a}][{b}]"),
        format!("{{\"data\":[{a},{b}]}}"),
        format!("{{\"marches\":[[{a}],[{b}]]}}"),
    ] {
        let (ids, split) = read(&doc);
        assert_eq!((ids, split.ending), (vec!["a".to_owned(), "b".into()], Ending::Complete), "{doc}");
    }
    assert_eq!(ids(&a), ["a"]);
    let (a, b) =
        (xml("a"), xml("b").replace("marche>", "contrat-concession>").replace("</contrat-concession>]]>", "]]>"));
    for doc in [
        format!("<?xml version=\"1.0\"?><!DOCTYPE m [<!ENTITY x \"y>\">]><marches x='>' y=\"<\">{a}{b}</marches>")
            .replace("y=\"<\"", ""),
        format!("<marches><csv>\n{a}\n{b}</csv></marches>"),
        format!("<csv>{a}<!-- <marche><id>no</id></marche> -->{b}</csv>"),
    ] {
        let (ids, split) = read(&doc);
        assert_eq!((ids, split.ending), (vec!["a".to_owned(), "b".into()], Ending::Complete), "{doc}");
    }
    assert_eq!(ids(&format!("<?xml version='1.0'?>{a}")), ["a"]);
    let prefixed = a
        .replace("<marche>", "<d:marche xmlns:d='u'>")
        .replace("vo>oui</marcheInnovant></marche>", "vo>oui</marcheInnovant></d:marche>");
    let prefixed = prefixed.replace("nnovant>oui</marcheInnovant></marche>", "nnovant>oui</marcheInnovant></d:marche>");
    assert_eq!(ids(&format!("<d:marches>{prefixed}{prefixed}</d:marches>")), ["a", "a"]);
}

#[test]
fn an_empty_list_is_data_and_a_page_or_a_message_is_none() {
    for doc in [
        "{\"marches\":[]}",
        "{\"marches\":{\"marche\":[]}}",
        "{\"marches\":null}",
        "[]",
        "<marches/>",
        "<marches></marches>",
        "<csv></csv>",
    ] {
        assert_eq!(read(doc).1.records, 0, "{doc}");
        assert_eq!(read(doc).1.ending, Ending::Complete, "{doc}");
    }
    for (doc, code) in [
        ("", "empty"),
        (" \n", "empty"),
        ("\u{feff}", "empty"),
        ("<!DOCTYPE html><html><body>404</body></html>", "html"),
        ("\n<HTML lang=fr>", "html"),
        ("{\"error\":\"maintenance\"}", "no-records"),
        ("{\"message\":\"Not found\",\"status\":404}", "no-records"),
        ("<rss><channel/></rss>", "no-records"),
        ("PK\u{3}\u{4}", "packed"),
        ("%PDF-1.7", "unrecognised"),
        ("Service temporairement indisponible", "unrecognised"),
    ] {
        let e = split(doc.as_bytes(), &SplitOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert_eq!(e.code(), code, "{doc}");
    }
}

#[test]
fn null_and_empty_elements_are_received_and_refused() {
    let doc = format!("{{\"marches\":[null,{{}},{},\"x\",{{\"id\":null}}]}}", json_2019("a"));
    assert_eq!(ids(&doc), ["!null", "!empty", "a", "!not-an-object", "!empty"]);
    assert_eq!(ids(&format!("<marches><marche/>{}<marche></marche></marches>", xml("a"))), ["!empty", "a", "!empty"]);
}

#[test]
fn a_cut_at_any_byte_gives_every_record_before_it() {
    let json = list(&[json_2019("a"), json_2022("b"), json_2019("c")]);
    let xml = format!("<?xml version=\"1.0\"?>\n<marches>\n{}\n{}\n{}</marches>\n", xml("a"), xml("b"), xml("c"));
    for (doc, last) in [(json, ']'), (xml, '>')] {
        let ends: Vec<usize> = {
            let (s, _) = slices(doc.as_bytes(), MAX_RECORD).unwrap();
            s.iter().map(|(b, offset, ..)| *offset as usize + b.len()).collect()
        };
        let close = doc.trim_end().len();
        for cut in 1..doc.len() {
            let whole = ends.iter().filter(|e| **e <= cut).count();
            let Some((s, split)) = slices(&doc.as_bytes()[..cut], MAX_RECORD) else {
                assert!(cut < 64, "{cut}");
                continue;
            };
            let good = s.iter().filter(|(.., shape)| *shape != Shape::Cut).count();
            assert_eq!(good, whole, "cut at {cut} before {last}");
            assert!(s.len() <= whole + 1);
            assert_eq!(split.ending == Ending::Complete, cut >= close, "cut at {cut}: {:?}", split.ending);
        }
    }
}

#[test]
fn the_fragment_at_a_cut_is_one_more_record() {
    let doc = list(&[json_2019("a"), json_2019("b")]);
    assert_eq!(ids(&doc[..doc.len() - 40]), ["a", "!cut"]);
    let doc = format!("<marches>{}{}", xml("a"), xml("b"));
    assert_eq!(ids(&doc[..doc.len() - 9]), ["a", "!cut"]);
}

#[test]
fn damage_inside_a_json_record_costs_only_that_record() {
    let good = json_2019("x");
    for (name, bad) in [
        ("a quote too many", good.replace("Achat", "Achat\"")),
        ("a quote too many at the end", good.replace("[1]\"", "[1]\"\"")),
        ("a missing closing brace", good.replace("\"Ville\"}", "\"Ville\"")),
        ("a missing closing bracket", good.replace("\"2\"}]", "\"2\"}")),
        ("a missing quote", good.replace("\"objet\":\"", "\"objet\":")),
        ("an extra brace", good.replace("\"Ville\"}", "\"Ville\"}}")),
        ("control bytes", good.replace("\"objet\"", "\u{1}\u{2}\"objet\"")),
        ("an unfinished end", good[..good.len() - 20].to_owned()),
        ("two numbers", good.replace("\"modifications\":[]", "\"montant\":1 234,5")),
        ("a missing colon", good.replace("\"objet\":", "\"objet\" ")),
    ] {
        for sep in [",", ",\n  ", " , "] {
            let doc =
                format!("{{\"marches\":[{}{sep}{bad}{sep}{}{sep}{}]}}", json_2019("a"), json_2022("b"), json_2019("c"));
            let (ids, split) = read(&doc);
            assert_eq!(ids.len(), 4, "{name}: {ids:?}");
            assert_eq!((&*ids[0], &*ids[2], &*ids[3]), ("a", "b", "c"), "{name}");
            assert_eq!(split.ending, Ending::Complete, "{name}");
        }
        let last = format!("{{\"marches\":[{},{bad}]}}", json_2019("a"));
        let (ids, split) = read(&last);
        assert_eq!((ids.len(), &*ids[0]), (2, "a"), "{name} in the last record: {ids:?}");
        assert_eq!(split.ending, Ending::Complete, "{name}");
        let two = format!("{{\"marches\":{{\"marche\":[{bad}],\"contrat-concession\":[{}]}}}}", json_2022("b"));
        let (ids, split) = read(&two);
        assert_eq!((ids.len(), &*ids[1]), (2, "b"), "{name} before the second list: {ids:?}");
        assert_eq!(split.ending, Ending::Complete, "{name}");
    }
}

#[test]
fn a_missing_comma_between_records_costs_none() {
    let doc = format!("{{\"marches\":[{}\n{}]}}", json_2019("a"), json_2019("b"));
    assert_eq!(ids(&doc), ["a", "b"]);
}

#[test]
fn text_after_the_document_is_noted_and_costs_nothing() {
    let (ids, split) = read(&format!("{}\n-- generated --", list(&[json_2019("a")])));
    assert_eq!((ids, split.ending, split.notes[0].code), (vec!["a".to_owned()], Ending::Complete, "trailing-text"));
}

#[test]
fn the_concessions_after_a_damaged_marche_are_concessions() {
    let bad = json_2022("x").replace("Travaux", "Tra\"vaux");
    let doc = format!("{{\"marches\":{{\"marche\":[{bad}],\"contrat-concession\":[{}]}}}}", json_2022("b"));
    let mut kinds = Vec::new();
    split(doc.as_bytes(), &SplitOptions::default(), &mut |s| {
        kinds.push(parse(&s).map(|r| r.kind).ok());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(kinds, [Some(Kind::Marche), Some(Kind::Concession)]);
}

#[test]
fn damage_inside_an_xml_record_costs_only_that_record() {
    let good = xml("x");
    for (name, bad, rest) in [
        ("a broken end tag", good.replace("</acheteur>", "</acheter>"), 3),
        ("no end", good.replace("</marcheInnovant></marche>", "</marcheInnovant>"), 3),
        ("half a tag", good.replace("<acheteur>", "<acheteur"), 3),
        ("an unclosed comment", good.replace(" -->", ""), 3),
        ("an unclosed CDATA", good.replace("]]>", ""), 3),
    ] {
        let doc = format!("<marches>{}{bad}{}</marches>", xml("a"), xml("b"));
        let (ids, split) = read(&doc);
        assert!(ids.len() >= rest, "{name}: {ids:?}");
        assert_eq!((&*ids[0], &**ids.last().unwrap()), ("a", "b"), "{name}: {ids:?}");
        assert_eq!(split.ending, Ending::Complete, "{name}");
        let (ids, split) = read(&format!("<marches>{}{bad}</marches>", xml("a")));
        assert_eq!(&*ids[0], "a", "{name}");
        assert!(ids.len() >= 2, "{name}: {ids:?}");
        assert_eq!(split.ending, Ending::Complete, "{name} at the end");
    }
}

#[test]
fn a_record_beyond_the_limit_is_refused_and_reading_goes_on() {
    let long = json_2019("long").replace("Achat", &"A{b}\\\" ".repeat(500));
    let doc = format!("{{\"marches\":[{},{long},{}]}}", json_2019("a"), json_2019("b"));
    assert_eq!(read_by(doc.as_bytes(), 1000).0, ["a", "!oversized", "b"]);
    let long = xml("long").replace(" R&amp;D", &"x ".repeat(500));
    let doc = format!("<marches>{}{long}{}</marches>", xml("a"), xml("b"));
    assert_eq!(read_by(doc.as_bytes(), 800).0, ["a", "!oversized", "b"]);
    for n in [2_000, 9_000] {
        // Up to its `>`, the start tag of a record is part of it.
        let attributes: String = (0..n).map(|i| format!(" a{i}=\"1\"")).collect();
        let long = xml("long").replacen("<marche", &format!("<marche{attributes}"), 1);
        let doc = format!("<marches>{}{long}{}</marches>", xml("a"), xml("b"));
        assert_eq!(read_by(doc.as_bytes(), 800).0, ["a", "!oversized", "b"]);
        assert_eq!(read_by(doc.as_bytes(), MAX_RECORD).0, ["a", "long", "b"]);
    }
}

#[test]
fn white_space_and_texts_longer_than_a_record_cost_none_beside_them() {
    let (space, text) = (" \n".repeat(5_000), "sans fin ".repeat(1_000));
    let (a, b) = (json_2019("a"), json_2019("b"));
    for doc in [
        format!("{{{space}\"marches\"{space}:{space}[{space}{a}{space},{space}{b}{space}]{space}}}{space}"),
        format!("{{\"source\":\"{text}\",\"marches\":[{a},{b}]}}"),
        format!("{{\"data\":[{space}{a},{b}]}}"),
        format!("{a}{space}{b}"),
        format!("[[{a}{space}]{space},[{b}]]"),
    ] {
        let (ids, split) = read_by(doc.as_bytes(), 1000);
        assert_eq!((ids, split.ending), (vec!["a".to_owned(), "b".into()], Ending::Complete), "{doc:.60}");
    }
    let doc = format!("<marches>{text}{}{space}{text}{}{text}</marches>", xml("a"), xml("b"));
    assert_eq!(read_by(doc.as_bytes(), 1000).0, ["a", "b"]);
}

#[test]
fn a_row_of_a_table_longer_than_any_limit_is_one_row() {
    let long = "sans fin ".repeat(50_000);
    let head = "id;acheteur_id;objet;montant;titulaire_id";
    let row = |id: &str| format!("{id};21310555400017;objet;12;55208131766522");
    for (head, row, long) in [
        (head.to_owned(), row("a"), format!("x;21310555400017;{long};1;2")),
        // Rows that may be gathered go another way.
        (format!("{head};modification_id"), row("a") + ";0", format!("x;21310555400017;{long};1;2;0")),
    ] {
        let doc = format!("{head}\n{row}\n{long}\n{}\n", row.replacen('a', "b", 1));
        let (ids, split) = read_by(doc.as_bytes(), 1000);
        assert_eq!((ids, split.records), (vec!["a".to_owned(), "!oversized".into(), "b".into()], 3));
    }
}

#[test]
fn a_file_made_to_waste_time_is_read_in_little() {
    let n = 400_000;
    for doc in [
        format!("<marches><marche>{}", "<!--".repeat(n)),
        format!("<marches>{}", "<![CDATA[".repeat(n / 2)),
        format!("<marches>{}", "<!DOCTYPE[".repeat(n / 2)),
        format!("<marches><marche>{}", "<a ".repeat(n)),
        format!("{{\"marches\":[{{\"objet\" 1{}", ",{\"a\":[".repeat(n / 4)),
        format!("{{\"marches\":[{}", "{\"objet\":\"a\"b\",".repeat(n / 8)),
        format!("[{}", "[".repeat(n)),
        format!("{{\"a\":{}", "{\"a\":".repeat(n / 4)),
    ] {
        let _ = slices(doc.as_bytes(), MAX_RECORD);
    }
}

#[test]
fn the_caller_may_break_off() {
    let doc = list(&[json_2019("a"), json_2019("b")]);
    let mut n = 0;
    let split = split(doc.as_bytes(), &SplitOptions::default(), &mut |_| {
        n += 1;
        ControlFlow::Break(())
    });
    assert_eq!((n, split.unwrap().records), (1, 1));
}

#[test]
fn offsets_are_those_of_the_payload() {
    let doc = format!("\u{feff}{}", list(&[json_2019("é"), json_2019("b")]));
    for (bytes, offset, ..) in slices(doc.as_bytes(), MAX_RECORD).unwrap().0 {
        let at = offset as usize;
        assert_eq!(&doc.as_bytes()[at..at + bytes.len()], bytes);
    }
}

#[test]
fn the_edition_is_decided_for_each_record() {
    let edition = |doc: &str| {
        let mut out = Vec::new();
        split(doc.as_bytes(), &SplitOptions::default(), &mut |s| {
            let r = parse(&s).unwrap();
            out.push((r.format, r.kind));
            ControlFlow::Continue(())
        })
        .unwrap();
        out
    };
    use crate::record::Format::{V2019, V2022};
    assert_eq!(edition(&list(&[json_2019("a"), json_2022("b")])), [(V2019, Kind::Marche), (V2022, Kind::Marche)]);
    let concession = r#"{"marches":[{"id":"1","_type":"Contrat de concession","autoriteConcedante":{"id":"2","nom":"x"}},{"id":"1","nature":"Accord-cadre","objet":"y"},{"id":"1","ccag":"Travaux","objet":"y"},{"id":"3","nature":"CONCESSION DE SERVICE","objet":"z"}]}"#;
    assert_eq!(
        edition(concession),
        [(V2019, Kind::Concession), (V2019, Kind::Marche), (V2022, Kind::Marche), (V2019, Kind::Concession)]
    );
    let x = "<marches><marche><id>1</id><acheteur><id>2</id></acheteur></marche><marche><id>1</id><acheteur><id>2</id><nom>n</nom></acheteur></marche></marches>";
    assert_eq!(edition(x), [(V2022, Kind::Marche), (V2019, Kind::Marche)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_sizes_of_reads_change_nothing(
        which in 0..4_usize, at in 0.0..1.0_f64, damage in prop::sample::select(vec!["", "\"", "}", "{", "<", "]", ",", "\\", "<!--", "</marche>", "é\u{1}"]),
        cut in 0.0..1.3_f64, pieces in prop::collection::vec(1..40_usize, 1..4), max in prop::sample::select(vec![100, 300, 1_000_000]),
    ) {
        let records: Vec<String> = (0..6).map(|i| if which % 2 == 0 { json_2019(&i.to_string()) } else { json_2022(&i.to_string()) }).collect();
        let mut doc = match which {
            0 | 1 => list(&records),
            2 => format!("<marches>{}</marches>", (0..6).map(|i| xml(&i.to_string())).collect::<String>()),
            _ => records.join("\n"),
        };
        let mut i = (doc.len() as f64 * at) as usize;
        while !doc.is_char_boundary(i) { i -= 1; }
        doc.insert_str(i, damage);
        let cut = ((doc.len() as f64 * cut) as usize).min(doc.len());
        let bytes = &doc.as_bytes()[..cut];
        let at_once = slices(bytes, max);
        prop_assert_eq!(&slices(Pieces(bytes, vec![1], 0), max), &at_once);
        prop_assert_eq!(&slices(Pieces(bytes, pieces, 0), max), &at_once);
    }

    #[test]
    fn hostile_bytes_never_break_the_reader(bytes in prop::collection::vec(prop::sample::select(b"{}[]\":,\\<>/!-?&;abmarchesid1 \n\xe9\xc3\xa9\x00".to_vec()), 0..400), prefix in prop::sample::select(vec!["", "{\"marches\":[", "<marches><marche>", "[{\"objet\":", "\u{feff}"])) {
        let mut doc = prefix.as_bytes().to_vec();
        doc.extend(bytes);
        let _ = split(&doc[..], &SplitOptions { max_record: 200, ..SplitOptions::default() }, &mut |s| {
            let _ = parse(&s);
            ControlFlow::Continue(())
        });
    }
}
