//! What must hold for any bytes, over documents damaged at random in every format and packing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

#[path = "../fuzz/relations.rs"]
mod relations;

use std::io::Write;

use proptest::prelude::*;

fn records(format: usize) -> String {
    let json = |i: usize| {
        format!(
            r#"{{"id":"{i}","acheteur":{{"id":"21310555400017","nom":"Ville"}},"objet":"Été \"1\" [a] {{b}}","montant":{i}.5,"titulaires":[{{"typeIdentifiant":"SIRET","id":"{i}"}},{{"typeIdentifiant":"SIRET","id":"2"}}],"modifications":[]}}"#
        )
    };
    let xml = |i: usize| {
        format!(
            "<marche><id>{i}</id><!-- a > b --><acheteur><id>21310555400017</id></acheteur><objet><![CDATA[</marche>]]> R&amp;D é</objet></marche>"
        )
    };
    let row = |i: usize| format!("{};21310555400017;\"Été; \"\"{i}\"\"\nsuite\";12,5;{i};{}", i % 3, i % 2);
    let all = |one: &dyn Fn(usize) -> String, between: &str| (0..6).map(one).collect::<Vec<_>>().join(between);
    match format {
        0 => format!("{{\"marches\":[{}]}}", all(&json, ",")),
        1 => {
            format!("{{\"marches\":{{\"marche\":[\n  {}],\n\"contrat-concession\":[null,{{}}]}}}}", all(&json, ",\n  "))
        }
        2 => all(&json, "\n"),
        3 => format!("<marches>{}</marches>", all(&xml, "")),
        4 => format!("<?xml version=\"1.0\"?>\n<csv>\n{}\n</csv>", all(&xml, "\n")),
        5 => format!("id;acheteur_id;objet;montant;titulaire_id;modification_id\n{}\n", all(&row, "\n")),
        6 => format!("id;acheteur_id;objet;montant;divers;autre\r\n{}", all(&row, "\r\n")),
        _ => format!("<html><head></head>{{\"marches\":[{}]}}</html>", all(&json, ",")),
    }
}

fn packed(doc: &[u8], how: usize) -> Vec<u8> {
    match how {
        0 => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(doc).unwrap();
            out.finish().unwrap()
        }
        1 => zstd::encode_all(doc, 1).unwrap(),
        2 => encoding_rs::WINDOWS_1252.encode(&String::from_utf8_lossy(doc)).0.into_owned(),
        _ => doc.to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn damage_cuts_and_the_sizes_of_reads_keep_every_count(
        format in 0..8_usize,
        faults in prop::collection::vec((0.0..1.0_f64, prop::sample::select(vec!["\"", "}", "{", "<", "]", ",", "\\", "<!--", "]]>", "</marche>", "<marche>", "é\u{1}", "\n", ";", "\";\"", "null", ",null,", "&quot;", "\u{feff}"]), 0..12_usize), 0..4),
        how in 0..8_usize,
        cut in 0.0..1.5_f64,
        step in 1..200_usize,
        max in prop::sample::select(vec![100, 400, 100_000]),
    ) {
        let mut doc = records(format).into_bytes();
        for (at, fault, gone) in faults {
            let at = (doc.len() as f64 * at) as usize;
            let gone = gone.min(doc.len() - at);
            doc.splice(at..at + gone, fault.bytes());
        }
        let mut doc = packed(&doc, how);
        doc.truncate((doc.len() as f64 * cut) as usize);
        relations::chunking_does_not_matter(&doc, max, step);
        relations::counts_balance(&doc, max);
        relations::every_record_has_an_outcome(&doc);
    }
}
