//! Every kind of damage beside every kind of neighbour: the count stays exact, and what is sound
//! comes out with its values.

use std::ops::ControlFlow;

use super::*;

/// What came of one slice: `id objet`, or the reason of its refusal.
pub(super) fn read(doc: &str) -> (Vec<String>, Ending) {
    let mut out = Vec::new();
    let split = split(doc.as_bytes(), &SplitOptions::default(), &mut |slice| {
        let text = |d: &Declared| d.as_ref().map_or("-".to_owned(), |s| s.as_str().trim().to_owned());
        out.push(match parse(&slice) {
            Ok(r) => format!("{} {}", text(&r.id), text(&r.objet)),
            Err(r) => format!("!{}", r.reason),
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    (out, split.ending)
}

const OBJET: &str = "Achat de \\\"vis\\\", lot [1] {a}";

fn record(id: &str, of_2022: bool, indented: bool) -> String {
    let json = if of_2022 {
        format!(
            r#"{{"id":"{id}","acheteur":{{"id":"21310555400017"}},"nature":"Marché","objet":"{OBJET}","montant":1234.5,"dureeMois":12,"titulaires":[{{"titulaire":{{"typeIdentifiant":"SIRET","id":"1"}}}},{{"titulaire":{{"typeIdentifiant":"SIRET","id":"2"}}}}],"modifications":[{{"modification":{{"id":1,"montant":12}}}}]}}"#
        )
    } else {
        format!(
            r#"{{"id":"{id}","acheteur":{{"id":"21310555400017","nom":"Ville"}},"nature":"Marché","objet":"{OBJET}","montant":1234.5,"dureeMois":12,"titulaires":[{{"typeIdentifiant":"SIRET","id":"1"}},{{"typeIdentifiant":"SIRET","id":"2"}}],"modifications":[]}}"#
        )
    };
    if indented { indent(&json) } else { json }
}

/// The same JSON over several lines.
fn indent(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 2, false, false);
    for c in json.chars() {
        if quoted {
            out.push(c);
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
            '}' | ']' => {
                depth -= 1;
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
                out.push(c);
            }
            ',' => {
                out.push(c);
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
            ':' => out.push_str(" : "),
            c => {
                quoted = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// Name of a damage, and what it makes of a record.
type Damage = (&'static str, fn(&str) -> String);

fn replace_once(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in {text}");
    text.replacen(from, to, 1)
}

const DAMAGES: &[Damage] = &[
    ("unescaped quotes", |r| replace_once(r, "Achat de", "Achat \"urgent\" de")),
    ("unescaped quotes and a comma", |r| replace_once(r, "Achat de", "Achat \"urgent\", \"neuf\" de")),
    ("one stray quote", |r| replace_once(r, "Achat de", "Achat\" de")),
    ("one stray quote at the end", |r| replace_once(r, "{a}\"", "{a}\"\"")),
    ("one stray quote at the start", |r| replace_once(r, "\"Achat", "\"\"Achat")),
    ("a control character", |r| replace_once(r, "Achat de", "Achat\u{1}\n de")),
    ("control characters outside", |r| replace_once(r, "\"nature\"", "\u{1}\u{2}\"nature\"")),
    ("a text without end", |r| replace_once(r, "{a}\"", "{a}")),
    ("a text without beginning", |r| replace_once(r, "\"Achat", "Achat")),
    ("a missing comma", |r| replace_once(r, "1234.5,", "1234.5 ")),
    ("a missing colon", |r| replace_once(&r.replace("\"nature\" :", "\"nature\":"), "\"nature\":", "\"nature\" ")),
    ("an extra brace", |r| replace_once(r, "17\"", "17\"}")),
    ("an extra brace at the end", |r| format!("{r}}}")),
    ("an extra brace in a list", |r| replace_once(r, "\"1\"", "\"1\"}")),
    ("an extra bracket", |r| replace_once(r, "1234.5", "1234.5]")),
    ("an extra bracket in the buyer", |r| replace_once(r, "17\"", "17\"]")),
    ("a missing brace", |r| r.replacen('}', "", if r.contains("{a}") { 1 } else { 0 })),
    ("a missing last brace", |r| r.trim_end_matches('}').to_owned()),
    ("a missing bracket", |r| r.rfind(']').map(|i| format!("{}{}", &r[..i], &r[i + 1..])).unwrap()),
    ("a broken escape", |r| replace_once(r, "Achat", "C:\\dossier \\u12 \\")),
    ("a backslash before the end", |r| replace_once(r, "{a}\"", "{a}\\\"")),
    ("NaN", |r| replace_once(r, "1234.5", "NaN")),
    ("a truncated number", |r| replace_once(r, "1234.5", "-")),
    ("two numbers", |r| replace_once(r, "1234.5", "1 234,5")),
    ("a word", |r| replace_once(r, "1234.5", "environ 3")),
    ("nothing", |r| replace_once(r, "1234.5", "")),
];

#[test]
fn every_json_damage_beside_every_neighbour_costs_no_more_than_its_record() {
    let mut wrong = Vec::new();
    for (of_2022, indented) in [(false, false), (false, true), (true, false), (true, true)] {
        let sound = |id: &str| record(id, of_2022, indented);
        let shown = |id: &str| format!("{id} Achat de \"vis\", lot [1] {{a}}");
        let early = replace_once(&sound("e"), "\"e\"", "\"e").replace("\"acheteur\"", "acheteur\"");
        let neighbours: Vec<(&str, String, String)> = vec![
            ("a sound one", sound("n"), shown("n")),
            ("null", "null".into(), "!null".into()),
            ("{}", "{}".into(), "!empty".into()),
            ("no buyer", r#"{"id":"n","objet":"x","montant":3}"#.into(), "n x".into()),
            ("no field of a record's own", r#"{"id":"n","montant":3}"#.into(), "n -".into()),
            ("damaged after its buyer", replace_once(&sound("n"), "1234.5", "1 2"), "!unreadable".into()),
            ("damaged before its buyer", replace_once(&sound("n"), "\"n\",", "\"n\" "), "!unreadable".into()),
            ("damaged in its first name", early, "!unreadable".into()),
        ];
        for (damage, break_it) in DAMAGES {
            let bad = break_it(&sound("x"));
            for (name, next, expected) in &neighbours {
                let sep = if indented { ",\n    " } else { "," };
                let list = [&sound("a"), &bad, next, &sound("z")].map(String::as_str).join(sep);
                let last = [&sound("a"), next, &bad].map(String::as_str).join(sep);
                let both = [&bad, next, next, &bad, &sound("z")].map(String::as_str).join(sep);
                let wrap = |list: &str| match of_2022 {
                    true => format!("{{\"marches\":{{\"marche\":[{list}],\"contrat-concession\":[{}]}}}}", sound("c")),
                    false => format!("{{\"marches\": [{list}]}}"),
                };
                let concession = of_2022.then(|| shown("c"));
                let mut check = |doc: String, wanted: Vec<Option<&str>>| {
                    let wanted: Vec<_> = wanted.into_iter().chain(concession.as_deref().map(Some)).collect();
                    let (got, ending) = read(&doc);
                    let fits = got.len() == wanted.len()
                        && got.iter().zip(&wanted).all(|(g, w)| w.is_none_or(|w| w == g))
                        && ending == Ending::Complete;
                    if !fits {
                        wrong.push(format!(
                            "{damage} before {name} (2022: {of_2022}, indented: {indented}): {got:?} {ending:?}"
                        ));
                    }
                };
                let (a, z) = (shown("a"), shown("z"));
                check(wrap(&list), vec![Some(&a), None, Some(expected), Some(&z)]);
                check(wrap(&last), vec![Some(&a), Some(expected), None]);
                check(wrap(&both), vec![None, Some(expected), Some(expected), None, Some(&z)]);
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_record_cut_at_any_byte_inside_a_document_costs_only_itself() {
    let mut wrong = Vec::new();
    for (of_2022, indented) in [(false, false), (false, true), (true, false), (true, true)] {
        let sound = |id: &str| record(id, of_2022, indented);
        let whole = sound("x");
        let shown = |id: &str| format!("{id} Achat de \"vis\", lot [1] {{a}}");
        for cut in (1..whole.len()).filter(|i| whole.is_char_boundary(*i)) {
            for (next, expected) in
                [(sound("n"), shown("n")), ("null".into(), "!null".into()), ("{}".into(), "!empty".into())]
            {
                let sep = if indented { ",\n    " } else { "," };
                let list = [&*sound("a"), &whole[..cut], &next, &sound("z")].join(sep);
                let (got, ending) = read(&format!("{{\"marches\":[{list}]}}"));
                let fits = got.len() == 4 && got[0] == shown("a") && got[2] == expected && got[3] == shown("z");
                if !fits || ending != Ending::Complete {
                    wrong.push(format!(
                        "{:?} before {expected} ({of_2022}, {indented}): {got:?} {ending:?}",
                        whole[..cut].chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<String>()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn where_the_text_was_read_in_pieces_does_not_decide_what_damage_above_the_records_costs() {
    let of = |before: usize, gap: usize, after: usize| {
        let space = |n| " ".repeat(n);
        read(&format!(
            r#"{{"x":"{}","marches":[{{"id":"1","acheteur":{{"id":"2"}},"objet":"x"}}]{},{{"acheteur":2,"id":"3"}}]}}{}"#,
            "a".repeat(before),
            space(gap),
            space(after)
        ))
        .0
    };
    // What has been read lies in one piece up to 256 KiB, and is let go of when half of it is done with.
    let starts = (0..300).step_by(20).chain(262_000..262_150);
    for before in starts {
        for (gap, after) in [(0, 0), (100, 0), (100, 200), (0, 5000), (200, 1000)] {
            assert_eq!(of(before, gap, after), ["1 x", "3 -"], "{before} before, {gap} between, {after} after");
        }
    }
}
