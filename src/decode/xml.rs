//! One XML record → a [`Tree`], with the faults of real files mended where one answer is right.
//!
//! In: the text of one element. Out: its name, its tree and what was mended, or why it makes no
//! sense. Attributes carry nothing in this format and are passed. Text that entities split is put
//! together again; DTD entities are never expanded. Depth is bounded by `MAX_DEPTH`. Knows no name.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::note::{self, Note};
use super::tree::Tree;
use super::{MAX_DEPTH, Reject};

/// What [`parse`] reads of one element.
pub(super) struct Element<'a> {
    /// Local name.
    pub name: String,
    pub tree: Tree<'a>,
    pub notes: Vec<Note>,
}

/// Reads one element.
pub(super) fn parse(text: &str) -> Result<Element<'static>, Reject> {
    match run(text) {
        Err(first) if first.reason == "unreadable" => {
            let mended = escape_strays(text);
            let mut element = mended.as_deref().map_or(Err(()), |m| run(m).map_err(|_| ())).map_err(|()| first)?;
            element.notes.push(Note::new(note::XML_ESCAPE, "", "& <"));
            Ok(element)
        }
        other => other,
    }
}

/// An element being read.
#[derive(Default)]
struct Open {
    name: String,
    fields: Vec<(Cow<'static, str>, Tree<'static>)>,
    text: String,
}

impl Open {
    fn close(self) -> (String, Tree<'static>) {
        let text = self.text.trim();
        let tree = match (self.fields.is_empty(), text.is_empty()) {
            (true, true) => Tree::Null,
            (true, false) => {
                Tree::Plain(if text.len() == self.text.len() { self.text.into() } else { text.to_owned().into() })
            }
            (false, _) => {
                let mut fields = self.fields;
                if !text.is_empty() {
                    fields.push(("#text".into(), Tree::Plain(text.to_owned().into())));
                }
                Tree::Map(fields)
            }
        };
        (self.name, tree)
    }
}

fn run(text: &str) -> Result<Element<'static>, Reject> {
    let mut reader = Reader::from_str(text);
    let mut stack: Vec<Open> = Vec::with_capacity(8);
    let mut notes = Vec::new();
    let unreadable = |what: String, at: u64| Reject::new("unreadable", format!("{what}, at byte {at} of the record"));
    loop {
        let event = reader.read_event().map_err(|e| unreadable(e.to_string(), reader.error_position()))?;
        let closed = match event {
            Event::Start(start) => {
                if stack.len() == MAX_DEPTH {
                    return Err(Reject::new("too-deep", format!("more than {MAX_DEPTH} levels")));
                }
                stack.push(Open { name: local(start.name().as_ref()).to_owned(), ..Open::default() });
                None
            }
            Event::Empty(start) => Some((local(start.name().as_ref()).to_owned(), Tree::Null)),
            Event::End(_) => stack.pop().map(Open::close),
            Event::Text(t) => {
                append(&mut stack, &t);
                None
            }
            Event::CData(t) => {
                append(&mut stack, &t);
                None
            }
            Event::GeneralRef(entity) => {
                let (resolved, known) = resolve(&entity);
                if !known {
                    let field = stack.last().map(|o| o.name.clone()).unwrap_or_default();
                    notes.push(Note::new(note::XML_ESCAPE, field, format!("&{};", &*entity)));
                }
                append(&mut stack, &resolved);
                None
            }
            Event::Eof => {
                return Err(unreadable("the element does not end".into(), reader.buffer_position()));
            }
            _ => None,
        };
        if let Some((name, tree)) = closed {
            match stack.last_mut() {
                Some(parent) => parent.fields.push((name.into(), tree)),
                None => return Ok(Element { name, tree, notes }),
            }
        }
    }
}

fn append(stack: &mut [Open], text: &str) {
    if let Some(open) = stack.last_mut() {
        if !open.text.is_empty() {
            open.text.push_str(text);
        } else if !text.trim_start().is_empty() {
            // Indentation between fields is no text.
            open.text = text.to_owned();
        }
    }
}

fn local(name: &str) -> &str {
    memchr::memrchr(b':', name.as_bytes()).and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

/// What an entity stands for, and whether XML itself defines it.
fn resolve(entity: &str) -> (Cow<'static, str>, bool) {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        };
        return match code.and_then(char::from_u32) {
            Some(c) => (c.to_string().into(), true),
            None => ("\u{fffd}".into(), false),
        };
    }
    let text = match entity {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        other => {
            let named = html_entity(other).map(|c| c.to_string());
            return (named.unwrap_or_else(|| format!("&{other};")).into(), false);
        }
    };
    (text.into(), true)
}

/// The letters and signs of HTML that stray into French XML.
pub(crate) fn html_entity(name: &str) -> Option<char> {
    const NAMES: &[(&str, char)] = &[
        ("nbsp", '\u{a0}'),
        ("laquo", '«'),
        ("raquo", '»'),
        ("deg", '°'),
        ("euro", '€'),
        ("rsquo", '’'),
        ("lsquo", '‘'),
        ("ldquo", '“'),
        ("rdquo", '”'),
        ("hellip", '…'),
        ("ndash", '–'),
        ("mdash", '—'),
        ("bull", '•'),
        ("sup2", '²'),
        ("agrave", 'à'),
        ("acirc", 'â'),
        ("auml", 'ä'),
        ("aelig", 'æ'),
        ("ccedil", 'ç'),
        ("eacute", 'é'),
        ("egrave", 'è'),
        ("ecirc", 'ê'),
        ("euml", 'ë'),
        ("icirc", 'î'),
        ("iuml", 'ï'),
        ("ocirc", 'ô'),
        ("ouml", 'ö'),
        ("oelig", 'œ'),
        ("ugrave", 'ù'),
        ("ucirc", 'û'),
        ("uuml", 'ü'),
        ("Agrave", 'À'),
        ("Acirc", 'Â'),
        ("Ccedil", 'Ç'),
        ("Eacute", 'É'),
        ("Egrave", 'È'),
        ("Ecirc", 'Ê'),
        ("Icirc", 'Î'),
        ("Ocirc", 'Ô'),
        ("OElig", 'Œ'),
        ("Ugrave", 'Ù'),
        ("Ucirc", 'Û'),
    ];
    NAMES.iter().find(|(n, _)| *n == name).map(|(_, c)| *c)
}

/// Escapes each `&` that begins no entity and each `<` that begins no tag; `None` when there is none.
fn escape_strays(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut changed = false;
    while let Some(i) = rest.find(['&', '<']) {
        let (before, from) = rest.split_at(i);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let stray = if from.starts_with('&') {
            let name = after.split_once(';').map_or("", |(name, _)| name);
            name.is_empty() || name.len() > 16 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
        } else {
            let next = after.trim_start_matches('/').chars().next();
            !next.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '!' | '?'))
        };
        match (stray, from.starts_with('&')) {
            (true, true) => out.push_str("&amp;"),
            (true, false) => out.push_str("&lt;"),
            (false, amp) => out.push(if amp { '&' } else { '<' }),
        }
        changed |= stray;
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(xml: &str) -> String {
        parse(xml).map_or_else(|r| r.reason.to_owned(), |e| e.tree.show(500))
    }

    #[test]
    fn text_that_entities_split_is_one_text() {
        assert_eq!(show("<m><objet>R&amp;D &#233;t&#xE9; &lt;3</objet></m>"), r#"{"objet":"R&D été <3"}"#);
        assert_eq!(show("<m><objet><![CDATA[a<b & c]]> et d</objet></m>"), r#"{"objet":"a<b & c et d"}"#);
    }

    #[test]
    fn prefixes_attributes_and_comments_carry_nothing() {
        let xml = "<d:m xmlns:d='x>y'><!-- <id>no</id> --><d:id a=\"<\">1</d:id><vide/></d:m>";
        assert_eq!(show(&xml.replace("a=\"<\"", "a='b'")), r#"{"id":"1","vide":null}"#);
    }

    #[test]
    fn what_was_not_escaped_is_mended_and_noted() {
        let e = parse("<m><objet>Dupont & fils, durée < 3 mois</objet></m>").unwrap();
        assert_eq!(e.tree.show(99), r#"{"objet":"Dupont & fils, durée < 3 mois"}"#);
        assert_eq!(e.notes[0].code, "xml-escape");
        assert_eq!(show("<m><nom>Caf&eacute; &inconnu;</nom></m>"), r#"{"nom":"Café &inconnu;"}"#);
    }

    #[test]
    fn a_broken_or_unfinished_element_is_refused() {
        assert_eq!(show("<m><objet>x</objt></m>"), "unreadable");
        assert_eq!(show("<m><objet>x"), "unreadable");
        let deep = "<a>".repeat(80) + &"</a>".repeat(80);
        assert_eq!(show(&deep), "too-deep");
    }
}
