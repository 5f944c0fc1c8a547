//! What payloads are packed in, and what stands around their data.

use std::io::Write;
use std::ops::ControlFlow;

use super::*;

fn json(id: &str) -> String {
    format!(
        r#"{{"marches":[{{"id":"{id}","acheteur":{{"id":"21310555400017"}},"objet":"{}"}}]}}"#,
        "Travaux & <b>".repeat(40)
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    for (name, bytes) in entries {
        let (mut entry, config) =
            archive.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
        let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::best()));
        writer.write_all(bytes).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    out
}

fn read_with(bytes: &[u8], options: &SplitOptions) -> Result<(Vec<String>, Split), NotData> {
    let mut ids = Vec::new();
    let split = split(bytes, options, &mut |s| {
        ids.push(match parse(&s) {
            Ok(r) => r.id.map_or("-".into(), |id| id.as_str().to_owned()),
            Err(r) => format!("!{}", r.reason),
        });
        ControlFlow::Continue(())
    })?;
    assert_eq!(split.records as usize, ids.len());
    Ok((ids, split))
}

fn read(bytes: &[u8]) -> (Vec<String>, Split) {
    read_with(bytes, &SplitOptions::default()).unwrap()
}

fn code(bytes: &[u8]) -> &'static str {
    read_with(bytes, &SplitOptions::default()).unwrap_err().code()
}

#[test]
fn gzip_and_zstd_are_unpacked_one_in_another_and_several_in_a_row() {
    let plain = json("a");
    for packed in [
        gzip(plain.as_bytes()),
        zstd::encode_all(plain.as_bytes(), 3).unwrap(),
        gzip(&gzip(plain.as_bytes())),
        gzip(&zstd::encode_all(plain.as_bytes(), 3).unwrap()),
        [gzip(plain.as_bytes()), b"\0\0\0\0".to_vec()].concat(),
    ] {
        let (ids, split) = read(&packed);
        assert_eq!((ids, split.ending), (vec!["a".to_owned()], Ending::Complete));
    }
    let two = [gzip(json("a").as_bytes()), gzip(json("b").as_bytes())].concat();
    assert_eq!(read(&two).0, ["a", "b"]);
    let deep = (0..5).fold(plain.into_bytes(), |bytes, _| gzip(&bytes));
    assert_eq!(code(&deep), "packed");
}

#[test]
fn packed_data_cut_at_any_byte_give_the_records_before_and_say_so() {
    let records: Vec<String> = (0..200)
        .map(|i| {
            format!(
                r#"{{"id":"{i}","acheteur":{{"id":"21310555400017"}},"objet":"{:x}"}}"#,
                (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            )
        })
        .collect();
    let doc = format!("{{\"marches\":[{}]}}", records.join(","));
    let packed = gzip(doc.as_bytes());
    let mut most = 0;
    for cut in (1..packed.len() - 8).step_by(97) {
        match read_with(&packed[..cut], &SplitOptions::default()) {
            Ok((ids, split)) => {
                assert!(matches!(split.ending, Ending::Cut { .. }), "{cut}");
                let whole = ids.iter().filter(|i| !i.starts_with('!')).count();
                assert!(ids[..whole].iter().enumerate().all(|(i, id)| *id == i.to_string()));
                most = most.max(whole);
            }
            Err(e) => assert!(
                cut < 1000 && matches!(e.code(), "packed" | "empty" | "no-records" | "unrecognised"),
                "{cut}: {e}"
            ),
        }
    }
    assert!(most > 150, "{most}");
}

#[test]
fn every_entry_of_an_archive_is_read_whatever_its_name() {
    let (a, b, c) = (json("a"), json("b"), "<marches><marche><id>c</id><objet>x</objet></marche></marches>");
    let inner = zip(&[("x", b.as_bytes())]);
    let archive = zip(&[
        ("../../../etc/passwd", a.as_bytes()),
        ("LISEZMOI.txt", b"Bonjour, voici les fichiers du mois de mars."),
        ("C:\\windows\\system32\\x.json", &gzip(c.as_bytes())),
        ("/abs", &inner),
        ("vide/", b""),
        ("rien.json", b""),
        ("a", json("d").as_bytes()),
        ("a", json("e").as_bytes()),
    ]);
    let (ids, split) = read(&archive);
    assert_eq!((ids, split.ending), (["a", "c", "b", "d", "e"].map(str::to_owned).to_vec(), Ending::Complete));
    assert_eq!(code(&zip(&[("page.html", b"<!DOCTYPE html><html>")])), "html");
    assert_eq!(code(&zip(&[])), "empty");
    assert_eq!(code(&archive[..archive.len() / 2]), "packed");
    assert_eq!(code(b"PK\x03\x04 and nothing of an archive"), "packed");
}

#[test]
fn the_places_of_an_archive_go_on_from_entry_to_entry() {
    let (a, b) = (json("a"), json("b"));
    let (mut places, mut offsets) = (Vec::new(), Vec::new());
    split(&zip(&[("1", a.as_bytes()), ("2", b.as_bytes())])[..], &SplitOptions::default(), &mut |s| {
        places.push(s.position);
        offsets.push(s.offset);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(places, [0, 1]);
    assert_eq!(offsets, [12, a.len() as u64 + 12]);
}

#[test]
fn a_bomb_is_refused_before_it_has_unpacked_much() {
    let mut zeros = b"{\"marches\":[".to_vec();
    zeros.resize(40 << 20, b' ');
    let options = SplitOptions { max_bytes: 1 << 20, ..SplitOptions::default() };
    let bomb = gzip(&zeros);
    assert_eq!(code(&bomb), "too-large", "by its ratio");
    for packed in [
        bomb.clone(),
        gzip(&bomb),
        zip(&[("a", &zeros[..2 << 20])]),
        zip(&[("a", &bomb)]),
        zstd::encode_all(&zeros[..], 1).unwrap(),
    ] {
        assert_eq!(read_with(&packed, &options).unwrap_err().code(), "too-large");
    }
    // Many small entries together.
    let part = &zeros[..300 << 10];
    assert_eq!(
        read_with(&zip(&[("a", part), ("b", part), ("c", part), ("d", part)]), &options).unwrap_err().code(),
        "too-large"
    );
}

#[test]
fn damage_inside_an_archive_costs_what_is_damaged() {
    let archive = zip(&[("1", json("a").as_bytes()), ("2", json("b").as_bytes())]);
    let mut broken = archive.clone();
    let at = broken.windows(4).skip(4).position(|w| w == b"PK\x03\x04").unwrap() + 4 + 40;
    broken[at] ^= 0xFF;
    let (ids, split) = read(&broken);
    assert_eq!(ids[0], "a");
    assert!(matches!(split.ending, Ending::Cut { .. }), "{ids:?} {:?}", split.ending);
}

#[test]
fn json_inside_a_web_page_is_found_plain_and_escaped() {
    let data = json("a");
    let escaped = data.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    for page in [
        format!("<!DOCTYPE html><html><head><title>x</title></head>{data}</html>"),
        format!("\u{feff}<html><head><script>var a = {{b: [1]}};</script></head>\n{data}"),
        format!("<!doctype html><html><body><pre>{escaped}</pre></body></html>"),
        format!(
            "<html><p>Marchés&nbsp;:</p><div>{}</div></html>",
            escaped.replace("&quot;", "&#34;").replacen("&#34;", "&quot;", 1)
        ),
    ] {
        let (ids, split) = read(page.as_bytes());
        assert_eq!((ids, split.ending), (vec!["a".to_owned()], Ending::Complete), "{page}");
        assert!(split.notes.iter().any(|n| n.code == "html-page"));
        let mut objet = None;
        super::split(page.as_bytes(), &SplitOptions::default(), &mut |s| {
            objet = parse(&s).unwrap().objet;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(objet.unwrap().as_str(), "Travaux & <b>".repeat(40));
    }
    assert_eq!(code(b"<!DOCTYPE html><html><script>var x = {\"a\":[1]};</script>404</html>"), "html");
}

#[test]
fn documents_follow_one_another_on_lines_or_without_anything_between() {
    let one = |id: &str| format!(r#"{{"id":"{id}","acheteur":{{"id":"21310555400017"}}}}"#);
    for doc in [
        format!("{}\n{}\n{}\n", one("a"), one("b"), one("c")),
        format!("{}\r\n\r\n{}\r\n{}", one("a"), one("b"), one("c")),
        format!("{}{}{}", one("a"), one("b"), one("c")),
        format!("\u{1e}{}\n\u{1e}{}\n\u{1e}{}\n", one("a"), one("b"), one("c")),
        format!("{}[{},{}]", json("a"), one("b"), one("c")),
    ] {
        let (ids, split) = read(doc.as_bytes());
        assert_eq!((ids, split.ending), (["a", "b", "c"].map(str::to_owned).to_vec(), Ending::Complete), "{doc}");
    }
    let damaged = format!("{}\n{}\n{}\n", one("a"), one("b").replace("\"id\":\"b\"", "\"id\":\"b\" 3 4"), one("c"));
    let (ids, _) = read(damaged.as_bytes());
    assert_eq!((ids.len(), &*ids[0], &*ids[2]), (3, "a", "c"), "{ids:?}");
}

#[test]
fn the_format_and_the_encoding_that_are_asked_for_hold() {
    let options = SplitOptions { format: Some(Dialect::DecpXml), ..SplitOptions::default() };
    assert_eq!(read_with(json("a").as_bytes(), &options).unwrap_err().code(), "other-format");
    let options =
        SplitOptions { format: Some(Dialect::DecpJson), encoding: encoding("latin1"), ..SplitOptions::default() };
    let mut objet = None;
    split("{\"marches\":[{\"id\":\"1\",\"objet\":\"Ã©\"}]}".as_bytes(), &options, &mut |s| {
        objet = parse(&s).unwrap().objet;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(objet.unwrap().as_str(), "\u{c3}\u{192}\u{c2}\u{a9}");
}
