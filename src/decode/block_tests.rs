//! What the splitters decide for a block of bytes is what they would decide byte by byte, wherever
//! in a block a thing falls.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::block::{BLOCK, Block, up_to};
use super::scan::{Scan, Step};
use super::scan_block::Pass;
use super::{Shape, SplitOptions, split};

const COMPACT: &str = r#"{"id":"1","objet":"\"Été\" \\ [a] {b}, c: d\\","montant":-12.5e3,"oui":true,"rien":null,"lieux":[1,[2,"x",{"a":[]}],{}],"vide":{},"long":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\"","fin":[{"k":"v"},{"k":"w"}]}"#;

fn sound(which: usize) -> String {
    match which {
        0 => COMPACT.to_owned(),
        1 => COMPACT.replace(':', " : ").replace(",\"", ",\n    \""),
        2 => COMPACT.replace(",\"", ",\r\n\t\"").replace('}', "\r\n}"),
        _ => format!("{{\"a\":{}{COMPACT}{}}}", "[".repeat(70), "]".repeat(70)),
    }
}

/// The scan fed with less than a block at a time; `None` where a token is too long for that.
fn by_bytes(text: &[u8]) -> Option<Step> {
    let (mut scan, mut at) = (Scan::new(), 0);
    loop {
        let piece = &text[at..text.len().min(at + BLOCK - 1)];
        let last = at + piece.len() == text.len();
        match scan.step(piece, last) {
            Step::End(n) => return Some(Step::End(at + n)),
            Step::Damaged(n) => return Some(Step::Damaged(at + n)),
            Step::More(n) if last => return Some(Step::More(at + n)),
            Step::More(0) => return None,
            Step::More(n) => at += n,
        }
    }
}

#[test]
fn a_mask_says_where_a_byte_stands() {
    for start in (0..=255_u8).step_by(BLOCK) {
        let bytes = std::array::from_fn(|i| start + i as u8);
        let block = Block::new(&bytes);
        for wanted in 0..=255 {
            let place =
                |test: &dyn Fn(u8) -> bool| (0..BLOCK).filter(|i| test(bytes[*i])).fold(0, |mask, i| mask | 1_u64 << i);
            assert_eq!(block.eq(wanted), place(&|b| b == wanted));
            assert_eq!(block.any([wanted, b'x', 0x80]), place(&|b| b == wanted || b == b'x' || b == 0x80));
            assert_eq!(block.with(0x20).eq(wanted), place(&|b| b | 0x20 == wanted));
        }
    }
    assert_eq!((up_to(0), up_to(1), up_to(63)), (1, 3, u64::MAX));
}

#[test]
fn sound_json_is_passed_in_blocks() {
    for which in 0..3 {
        let text = sound(which);
        let (mut scan, mut at) = (Scan::new(), 1);
        assert_eq!(scan.step(b"{", false), Step::More(1));
        loop {
            let block = text.as_bytes()[at..].first_chunk().expect("the value ends in a block, or before the last");
            match scan.pass(block) {
                Pass::On(n) => at += n,
                Pass::End(n) => break assert_eq!(at + n, text.len()),
                Pass::Look => panic!("{which}: {:?} at {at}", String::from_utf8_lossy(block)),
            }
            if text.len() - at < BLOCK {
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_scan_in_blocks_comes_to_what_one_by_bytes_comes_to(
        which in 0..4_usize,
        faults in prop::collection::vec((0.0..1.0_f64, 0..3_usize, prop::sample::select(vec!["", "\"", "}", "{", "[", "]", ",", ":", "\\", "\\\\\"", " ", "\n\t ", "\u{b}", "1", "-", "true", "é", "y", "Y", "_", "\u{7f}"])), 0..3),
        pad in 0..BLOCK,
    ) {
        let mut text = sound(which).into_bytes();
        text.splice(1..1, std::iter::repeat_n(b' ', pad));
        for (at, gone, new) in faults {
            let at = (text.len() as f64 * at) as usize;
            text.splice(at..text.len().min(at + gone), new.bytes());
        }
        let follows = [&text[..], &b", {\"id\": \"a record that follows, longer than a block, with \\\" and [ and }\"}"[..]].concat();
        if let Some(wanted) = by_bytes(&follows) {
            prop_assert_eq!(Scan::new().step(&follows, true), wanted);
        }
    }
}

fn records(doc: &str) -> Vec<(String, Shape)> {
    let mut found = Vec::new();
    let _ = split(doc.as_bytes(), &SplitOptions::default(), &mut |s| {
        found.push((String::from_utf8_lossy(s.bytes).into_owned(), s.shape));
        ControlFlow::Continue(())
    });
    found
}

#[test]
fn a_tag_of_xml_is_told_wherever_it_falls_in_a_block() {
    let fields = "<code x:y='1'>2</code><marcheInnovant>a: b</marcheInnovant><marches.x/><contrat-concession-x>1</contrat-concession-x><montant>3</montant><!-- </marche> --><mo><![CDATA[<marche>]]></mo><ccag/>";
    for pad in 0..2 * BLOCK {
        let objet = "x".repeat(pad);
        let whole = format!("<marche><objet>{objet}</objet>{fields}</marche>");
        let concession = format!("<contrat-concession><objet>{objet}</objet>{fields}</contrat-concession>");
        // Its end is lost: the next start, or the end of the list, is its end.
        let lost = format!("<marche><objet>{objet}</objet>{fields}");
        let doc = format!("<marches>{whole}{lost}{concession}{lost}</marches>");
        let wanted =
            [(&whole, Shape::Xml), (&lost, Shape::DamagedXml), (&concession, Shape::Xml), (&lost, Shape::DamagedXml)];
        assert_eq!(records(&doc), wanted.map(|(text, shape)| (text.clone(), shape)));
    }
}

#[test]
fn a_prefix_met_inside_a_record_makes_every_tag_worth_a_look() {
    for pad in 0..2 * BLOCK {
        let objet = "x".repeat(pad);
        let first = format!("<marche><m:objet>{objet}</m:objet><n:note/>");
        let next = format!("<d:marche><objet>{objet}</objet></d:marche>");
        let doc = format!("<marches>{first}{next}</marches>");
        assert_eq!(records(&doc), [(first, Shape::DamagedXml), (next, Shape::Xml)]);
    }
}
