//! Every kind of damage in XML beside every kind of neighbour: the count stays exact, and what is
//! sound comes out with its values.

use super::damage_tests::read;
use super::*;

fn record(id: &str, name: &str, indented: bool) -> String {
    let xml = format!(
        "<{name}><id>{id}</id><!-- a > b --><acheteur><id>21310555400017</id></acheteur><nature>Marché</nature><objet>Achat &amp; <![CDATA[</marche> <b>]]> pose</objet><montant>12.5</montant><titulaires><titulaire><typeIdentifiant>SIRET</typeIdentifiant><id>1</id></titulaire></titulaires><marcheInnovant>oui</marcheInnovant></{name}>"
    );
    if indented { xml.replace("><", ">\n    <") } else { xml }
}

/// Name of a damage, and what it makes of a record.
type Damage = (&'static str, fn(&str) -> String);

fn once(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

const DAMAGES: &[Damage] = &[
    ("an unclosed child", |r| once(r, "</nature>", "")),
    ("an unclosed child at the end", |r| once(r, "</marcheInnovant>", "")),
    ("a wrong end tag", |r| once(r, "</nature>", "</natur>")),
    ("a wrong end tag of the record", |r| format!("{}</march>", r.strip_suffix("</marche>").unwrap())),
    ("no end tag of the record", |r| r.strip_suffix("</marche>").unwrap().to_owned()),
    ("half an end tag of the record", |r| r.strip_suffix("e>").unwrap().to_owned()),
    ("an end tag without its >", |r| r.strip_suffix('>').unwrap().to_owned()),
    ("a start tag without its >", |r| once(r, "<nature>", "<nature")),
    ("a start tag of the record without its >", |r| once(r, "<marche>", "<marche")),
    ("a stray <", |r| once(r, "Achat", "Achat < 3")),
    ("a stray < before a letter", |r| once(r, "Achat", "Achat <marche public de x")),
    ("a stray &", |r| once(r, "Achat", "Achat & vente")),
    ("a stray >", |r| once(r, "Achat", "Achat > 3")),
    ("bad character references", |r| once(r, "Achat", "&#0; &#x110000; &#xyz; &#; &eacute; &inconnu; &amp")),
    ("control characters", |r| once(r, "Achat", "\u{1}\u{0}Achat\u{b}")),
    ("attributes that are none", |r| once(r, "<nature>", "<nature a=\"b c=d 'e' =>")),
    ("attributes of the record that are none", |r| once(r, "<marche>", "<marche id=3 x='>")),
    ("an unclosed comment", |r| once(r, " -->", "")),
    ("an unclosed CDATA", |r| once(r, "]]>", "")),
    ("a CDATA end without its begin", |r| once(r, "<![CDATA[</marche> <b>", "")),
    ("a comment end without its begin", |r| once(r, "<!-- ", "")),
    ("an instruction without end", |r| once(r, "<nature>", "<?php echo <nature>")),
    ("an empty tag", |r| once(r, "<nature>", "<><nature>")),
    ("a declaration inside", |r| once(r, "<nature>", "<!DOCTYPE x [<!ENTITY a \"b\">]><nature>")),
    ("the end tag twice", |r| format!("{r}</marche>")),
    ("crossed tags", |r| {
        once(&once(r, "</titulaire>", "</x>"), "</titulaires>", "</titulaire>").replace("</x>", "</titulaires>")
    }),
];

#[test]
fn every_xml_damage_beside_every_neighbour_costs_no_more_than_its_record() {
    let mut wrong = Vec::new();
    for indented in [false, true] {
        let sound = |id: &str| record(id, "marche", indented);
        let shown = |id: &str| format!("{id} Achat & </marche> <b> pose");
        let neighbours: Vec<(&str, String, Option<String>)> = vec![
            ("a sound one", sound("n"), Some(shown("n"))),
            ("a concession", record("n", "contrat-concession", indented), Some(shown("n"))),
            ("an empty one", "<marche/>".into(), Some("!empty".into())),
            ("one without fields", "<marche></marche>".into(), Some("!empty".into())),
            ("no buyer", "<marche><id>n</id></marche>".into(), Some("n -".into())),
            ("another unclosed one", sound("n").replace("</acheteur>", ""), Some("!unreadable".into())),
        ];
        for (damage, break_it) in DAMAGES {
            let bad = break_it(&sound("x"));
            for (name, next, expected) in &neighbours {
                for between in ["", "\n", "junk & <b>more</b> <!-- c -->", "\n<?x y?>\n"] {
                    for (head, tail) in [
                        ("<marches>", "</marches>"),
                        ("<?xml version=\"1.0\"?>\n<csv>\n", "\n</csv>\n"),
                        ("<marches></marches><marches>", "</marches>\n"),
                    ] {
                        let list = [&sound("a"), &bad, next, &sound("z")].map(String::as_str).join(between);
                        let last = [&sound("a"), next, &bad].map(String::as_str).join(between);
                        let both = [&bad, next, next, &bad, &sound("z")].map(String::as_str).join(between);
                        let mut check = |list: String, wanted: Vec<Option<&str>>| {
                            let (got, ending) = read(&format!("{head}{list}{tail}"));
                            let fits = got.len() == wanted.len()
                                && got.iter().zip(&wanted).all(|(g, w)| w.is_none_or(|w| w == g))
                                && ending == Ending::Complete;
                            if !fits {
                                wrong.push(format!("{damage} before {name} (indented: {indented}, {between:?}, {head:?}): {got:?} {ending:?}"));
                            }
                        };
                        let (a, z) = (shown("a"), shown("z"));
                        let expected = expected.as_deref();
                        check(list, vec![Some(&a), None, expected, Some(&z)]);
                        check(last, vec![Some(&a), expected, None]);
                        check(both, vec![None, expected, expected, None, Some(&z)]);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_xml_document_damaged_and_then_cut_gives_the_records_between() {
    for (damage, break_it) in DAMAGES {
        let sound = |id: &str| record(id, "marche", false);
        let whole = format!("<marches>{}{}{}{}", sound("a"), break_it(&sound("x")), sound("n"), sound("z"));
        let (got, ending) = read(&whole[..whole.len() - 20]);
        let ids: Vec<&str> = got.iter().map(|s| s.split(' ').next().unwrap()).collect();
        assert_eq!((ids.len(), ids[0], ids[2], ids[3]), (4, "a", "n", "!cut"), "{damage}: {got:?}");
        assert!(matches!(ending, Ending::Cut { .. }), "{damage}");
    }
}
