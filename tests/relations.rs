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
        relations::decoded_re_encodes_to_the_same(&doc);
        relations::packing_changes_nothing(&doc);
    }

    #[test]
    fn a_configuration_damaged_anywhere_is_understood_whole_or_refused(
        faults in prop::collection::vec((0.0..1.0_f64, prop::sample::select(vec!["\"", "\n", "[", "]", "=", "#", "{", "}", "é", "\u{0}", "'", "[[source]]\n", "id = \"b\"\n", " "]), 0..6_usize), 0..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut doc = CONFIGURATION.as_bytes().to_vec();
        for (at, fault, gone) in faults {
            let at = (doc.len() as f64 * at) as usize;
            let gone = gone.min(doc.len() - at);
            doc.splice(at..at + gone, fault.bytes());
        }
        relations::a_configuration_re_encodes_to_the_same(dir.path(), &doc);
    }

    #[test]
    fn any_retry_after_is_bounded(
        header in prop_oneof!["[0-9]{0,22}", "[ -~]{0,40}", ".{0,20}", "(Mon|Tue|Sat), [0-3][0-9] (Jan|Nov) [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] GMT"],
        now in 0..4_000_000_000_i64,
        max in 0..100_000_u64,
    ) {
        let now = jiff::Timestamp::from_second(now).unwrap();
        relations::a_retry_after_is_bounded(&header, now, std::time::Duration::from_secs(max));
    }
}

const CONFIGURATION: &str = r#"
[defaults]
schedule = "17 3 * * *"

[[source]]
id = "a"
name = "Ville \"d'Albi\" é"
url = "https://albi.example.org/decp.json?x=1#y"
licence = "etalab-2.0"
authority = "buyer"
buyers = ["218100048"]

[[source]]
id = "tableau"
name = '\ tableau'
url = "https://tableau.example.org/"
licence = "unknown"
format = "decp-csv"
columns = { "N° de marché" = "id", "Siret = acheteur" = "acheteur.id" }
encoding = "windows-1252"
max_bytes = "2MiB"
enabled = false
disabled_reason = "fermé"
"#;
