//! Which of the three forms of RDF a document has, and its statements.
//!
//! In: the bytes of a page and its address. Out: the statements that are looked at, and where the
//! document breaks off if it does; or why it is none of the three. What the server calls it is not
//! believed, nor the encoding that the document itself declares when its bytes say another: the
//! catalogues of one platform call themselves UTF-16 and are not. Turtle and JSON-LD are read by
//! `oxttl` and `oxjsonld`; a JSON-LD context is never fetched.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use oxrdf::{NamedOrBlankNode, Term};
use url::Url;

use super::graph::{Graph, Node, Object, Predicate, TooMuch};
use super::rdfxml;

/// Deepest nesting of a JSON-LD document.
const DEPTH: usize = 64;

/// What a page says.
pub(super) struct Document {
    pub(super) graph: Graph,
    /// Where and why it breaks off; what stands before is in `graph`.
    pub(super) broken: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    RdfXml,
    Turtle,
    JsonLd,
}

/// Reads a document.
pub(super) fn read(body: &[u8], base: &Url) -> Result<Document, String> {
    let text = decode(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut graph = Graph::default();
    let form = form(text)?;
    let end = match form {
        Form::RdfXml => rdfxml::read(text, base, &mut graph),
        Form::Turtle => turtle(text, base, &mut graph),
        Form::JsonLd => json_ld(text, base, &mut graph),
    };
    match end {
        Ok(()) => Ok(Document { graph, broken: None }),
        Err(why) if graph.distributions().is_empty() => Err(format!("it cannot be read as {}: {why}", form.name())),
        Err(why) => Ok(Document { graph, broken: Some(why) }),
    }
}

impl Form {
    fn name(&self) -> &'static str {
        match self {
            Self::RdfXml => "RDF/XML",
            Self::Turtle => "Turtle",
            Self::JsonLd => "JSON-LD",
        }
    }
}

/// The form by the first sign that tells.
fn form(text: &str) -> Result<Form, String> {
    let starts = |word: &str| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    let after = |sign: char| text.strip_prefix(sign).map(str::trim_start).unwrap_or_default();
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if starts("<!doctype html") || starts("<html") {
        return Err("a web page came instead of a catalogue".into());
    }
    // `[]` alone is an empty list, `[] a …` a nameless node of Turtle.
    if text.starts_with('{') || after('[').starts_with('{') || (text.starts_with('[') && after('[') == "]") {
        return Ok(Form::JsonLd);
    }
    if text.starts_with('<') {
        // `<http://…> a dcat:Catalog` is Turtle, `<rdf:RDF` is not.
        let name = after('<').split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default();
        let xml = text.starts_with("<?") || text.starts_with("<!") || !(name.is_empty() || name.contains(['/', '#']));
        return Ok(if xml { Form::RdfXml } else { Form::Turtle });
    }
    let turtle = ["@prefix", "@base", "prefix", "base", "#", "[", "_:"].iter().any(|word| starts(word));
    match turtle || text.contains("dcat:") {
        true => Ok(Form::Turtle),
        false => Err("it is neither RDF/XML, Turtle nor JSON-LD".into()),
    }
}

/// The text: by its byte order mark or its zeros, else UTF-8 where it is, else as it declares.
fn decode(body: &[u8]) -> Cow<'_, str> {
    let encoding = match body {
        [0xff, 0xfe, ..] | [b'<', 0, ..] | [b'{', 0, ..] => UTF_16LE,
        [0xfe, 0xff, ..] | [0, b'<', ..] | [0, b'{', ..] => UTF_16BE,
        _ if std::str::from_utf8(body).is_ok() => UTF_8,
        _ => declared(body).unwrap_or(WINDOWS_1252),
    };
    encoding.decode(body).0
}

/// The encoding of an XML declaration, if it is one of single bytes.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(body.get(..200.min(body.len()))?).into_owned();
    let (_, after) = head.split_once("encoding=")?;
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let label = after.get(1..)?.split(quote).next()?;
    Encoding::for_label(label.as_bytes()).filter(|e| e.is_single_byte())
}

fn turtle(text: &str, base: &Url, graph: &mut Graph) -> Result<(), String> {
    let parser = oxttl::TurtleParser::new().lenient().with_base_iri(base.as_str()).map_err(|e| e.to_string())?;
    for triple in parser.for_slice(text.as_bytes()) {
        let t = triple.map_err(|e| e.to_string())?;
        keep(graph, t.subject, t.predicate.as_str(), t.object).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn json_ld(text: &str, base: &Url, graph: &mut Graph) -> Result<(), String> {
    check_depth(text)?;
    let parser = oxjsonld::JsonLdParser::new().lenient().with_base_iri(base.as_str()).map_err(|e| e.to_string())?;
    for quad in parser.for_slice(text.as_bytes()) {
        let q = quad.map_err(|e| e.to_string())?;
        keep(graph, q.subject, q.predicate.as_str(), q.object).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// A parser that walks down a document must not be led down a thousand floors.
fn check_depth(text: &str) -> Result<(), String> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return Err(format!("it is nested more than {DEPTH} deep"));
        }
    }
    Ok(())
}

fn keep(graph: &mut Graph, subject: NamedOrBlankNode, predicate: &str, object: Term) -> Result<(), TooMuch> {
    let subject = match subject {
        NamedOrBlankNode::NamedNode(n) => Node::Iri(n.into_string()),
        NamedOrBlankNode::BlankNode(b) => Node::Blank(b.into_string()),
    };
    let object = match object {
        Term::NamedNode(n) => Object::Node(Node::Iri(n.into_string())),
        Term::BlankNode(b) => Object::Node(Node::Blank(b.into_string())),
        Term::Literal(l) => Object::Text(l.destruct().0),
    };
    match Predicate::of(predicate) {
        Some(known) => graph.add(subject, known, object),
        None => graph.pass(object.text().len() + predicate.len() + 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_the_content() {
        for (text, expected) in [
            ("<?xml version='1.0'?><rdf:RDF/>", Form::RdfXml),
            ("<rdf:RDF xmlns:rdf='x'>", Form::RdfXml),
            ("<!DOCTYPE rdf:RDF []><rdf:RDF/>", Form::RdfXml),
            ("<https://a.fr/> a <http://www.w3.org/ns/dcat#Catalog> .", Form::Turtle),
            ("<#c> a <x:y> .", Form::Turtle),
            ("@prefix dcat: <http://www.w3.org/ns/dcat#> .", Form::Turtle),
            ("PREFIX dcat: <http://www.w3.org/ns/dcat#>", Form::Turtle),
            ("[] a <x:y> .", Form::Turtle),
            ("{\"@graph\": []}", Form::JsonLd),
            ("[ {\"@id\": \"x\"}]", Form::JsonLd),
        ] {
            assert_eq!(form(text), Ok(expected), "{text}");
        }
        for bad in ["", "<!DOCTYPE html><p>", "<HTML>", "siret;url;urlDCAT"] {
            assert!(form(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_bytes_tell_the_encoding_whatever_the_document_declares() {
        assert_eq!(decode("<?xml encoding=\"utf-16\"?>é".as_bytes()), "<?xml encoding=\"utf-16\"?>é");
        assert_eq!(decode(b"<?xml encoding='iso-8859-1'?>\xe9"), "<?xml encoding='iso-8859-1'?>é");
        assert_eq!(decode(b"<a>\x80\xe9"), "<a>€é");
        let wide: Vec<u8> = "<a>é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&wide), "<a>é");
        let wide: Vec<u8> = "\u{feff}<a>é".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&wide), "<a>é");
    }

    #[test]
    fn a_document_that_goes_down_too_far_or_says_too_much_is_refused() {
        let base: Url = "https://a.fr/".parse().unwrap();
        let deep = format!("{{\"@graph\": {}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert!(read(deep.as_bytes(), &base).err().unwrap().contains("deep"));
        assert!(check_depth(&format!("\"{}\"", "[".repeat(5000))).is_ok());
        let long = format!("https://a.fr/{}", "x".repeat(1_000_000));
        let bomb = format!("@prefix d: <{long}> . {}", "d:a d:b d:c . ".repeat(1000));
        let why = read(bomb.as_bytes(), &base).err().unwrap();
        assert!(why.contains("more than a catalogue may"), "{why}");
    }

    #[test]
    fn a_context_on_another_site_is_not_fetched() {
        let base: Url = "https://a.fr/".parse().unwrap();
        let remote = r#"{"@context": "http://127.0.0.1:1/context.jsonld", "@id": "x", "title": "t"}"#;
        assert!(read(remote.as_bytes(), &base).is_err());
    }
}
