//! RDF/XML (W3C, 2014), as far as catalogues go: nodes and properties in turn.
//!
//! In: the text of a document and its address. Out: its statements, in its order, into a [`Graph`].
//! Reads node elements, property elements with text, nodes, `rdf:resource`, `rdf:nodeID` or a
//! `rdf:parseType`, property attributes, `rdf:ID`, `rdf:about`, `xml:base`. Collections give each
//! member as an object; literal XML gives its text. Written here because the ready reader stands on
//! an XML parser that is open to two known attacks (RUSTSEC-2026-0194 and -0195). Entities of a
//! DTD are not expanded, nothing is fetched; depth is bounded, and no call goes deeper with the document.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};
use url::Url;

use super::graph::{Graph, Node, Object, Predicate};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Deepest element.
const DEPTH: usize = 64;

/// What an open element is.
enum Frame {
    /// `rdf:RDF`: nodes inside.
    Root,
    /// A node: properties inside.
    Node(Node),
    /// A property of `of`: text or a node inside, unless `done`.
    Property { of: Node, predicate: Option<Predicate>, text: String, done: bool, repeat: bool },
    /// Literal XML or what is not understood: its text goes to the property it is in.
    Within,
}

struct Open {
    frame: Frame,
    base: Url,
}

/// An attribute: namespace and local name in one, and its value.
type Attribute = (String, String);

struct Reader<'g> {
    graph: &'g mut Graph,
    stack: Vec<Open>,
    base: Url,
    /// Nameless nodes so far.
    blanks: u32,
}

/// Reads a document into `graph`. The error is where it breaks off.
pub(super) fn read(text: &str, base: &Url, graph: &mut Graph) -> Result<(), String> {
    let mut xml = NsReader::from_str(text);
    xml.config_mut().check_end_names = true;
    let mut reader = Reader { graph, stack: Vec::new(), base: base.clone(), blanks: 0 };
    loop {
        let at = xml.buffer_position();
        let step = match xml.read_event() {
            Err(e) => Err(e.to_string()),
            Ok(Event::Eof) if reader.stack.is_empty() => return Ok(()),
            Ok(Event::Eof) => Err("it ends before its end".to_owned()),
            Ok(Event::Start(e)) => start(&xml, &e).and_then(|(name, attributes)| reader.start(&name, attributes)),
            Ok(Event::Empty(e)) => start(&xml, &e).and_then(|(name, attributes)| {
                reader.start(&name, attributes)?;
                reader.end()
            }),
            Ok(Event::End(_)) => reader.end(),
            Ok(Event::Text(t)) => reader.text(&t.xml10_content()),
            Ok(Event::CData(t)) => reader.text(&t.xml10_content()),
            Ok(Event::GeneralRef(r)) => match r.resolve_char_ref() {
                Ok(Some(c)) => reader.text(c.encode_utf8(&mut [0; 4])),
                _ => {
                    let name = r.xml10_content();
                    match quick_xml::escape::resolve_predefined_entity(&name) {
                        Some(text) => reader.text(text),
                        None => reader.text(&format!("&{name};")),
                    }
                }
            },
            Ok(_) => Ok(()),
        };
        step.map_err(|why| format!("{why} (at byte {at})"))?;
    }
}

/// The name of an element and its attributes, each with its namespace before it.
fn start(xml: &NsReader<&[u8]>, e: &BytesStart<'_>) -> Result<(String, Vec<Attribute>), String> {
    let whole = |namespace: ResolveResult<'_>, local: &str| match namespace {
        ResolveResult::Bound(ns) => format!("{}{local}", ns.as_ref()),
        _ => local.to_owned(),
    };
    let (namespace, local) = xml.resolver().resolve_element(e.name());
    let name = whole(namespace, local.as_ref());
    let mut attributes = Vec::new();
    for attribute in e.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = xml.resolver().resolve_attribute(attribute.key);
        // An entity of the DTD stays as it is written.
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_or_else(|_| attribute.value.to_string(), |v| v.into_owned());
        attributes.push((whole(namespace, local.as_ref()), value));
    }
    Ok((name, attributes))
}

fn rdf(name: &str) -> Option<&str> {
    name.strip_prefix(RDF)
}

fn value<'a>(attributes: &'a [Attribute], local: &str) -> Option<&'a str> {
    // Old documents leave the prefix out.
    let named = attributes.iter().find(|(name, _)| rdf(name) == Some(local));
    named.or_else(|| attributes.iter().find(|(name, _)| name == local)).map(|(_, value)| value.as_str())
}

impl Reader<'_> {
    fn base(&self) -> &Url {
        self.stack.last().map_or(&self.base, |open| &open.base)
    }

    fn iri(&self, text: &str, base: &Url) -> Node {
        Node::Iri(base.join(text.trim()).map_or_else(|_| text.trim().to_owned(), Into::into))
    }

    fn blank(&mut self) -> Node {
        self.blanks = self.blanks.saturating_add(1);
        Node::Blank(format!("b{}", self.blanks))
    }

    fn start(&mut self, name: &str, attributes: Vec<Attribute>) -> Result<(), String> {
        if self.stack.len() >= DEPTH {
            return Err(format!("it is nested more than {DEPTH} deep"));
        }
        let own = attributes.iter().find(|(n, _)| n.strip_prefix(XML) == Some("base"));
        let base = own.and_then(|(_, b)| self.base().join(b).ok()).unwrap_or_else(|| self.base().clone());
        let frame = match self.stack.last().map(|open| &open.frame) {
            None if rdf(name) == Some("RDF") => Frame::Root,
            None | Some(Frame::Root) => Frame::Node(self.node(name, &attributes, &base)?),
            Some(Frame::Node(of)) => {
                let of = of.clone();
                self.property(of, name, &attributes, &base)?
            }
            Some(Frame::Property { done: true, .. } | Frame::Within) => Frame::Within,
            Some(Frame::Property { .. }) => {
                let node = self.node(name, &attributes, &base)?;
                self.object(Object::Node(node.clone()))?;
                Frame::Node(node)
            }
        };
        self.stack.push(Open { frame, base });
        Ok(())
    }

    /// Gives the open property its object.
    fn object(&mut self, object: Object) -> Result<(), String> {
        let Some(Open { frame: Frame::Property { of, predicate, done, repeat, .. }, .. }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        *done = !*repeat;
        let (of, predicate) = (of.clone(), *predicate);
        self.state(of, predicate, object)
    }

    fn state(&mut self, of: Node, predicate: Option<Predicate>, object: Object) -> Result<(), String> {
        let stated = match predicate {
            Some(predicate) => self.graph.add(of, predicate, object),
            None => self.graph.pass(64),
        };
        stated.map_err(|e| e.to_string())
    }

    /// A node element: its name is its type, its other attributes are properties.
    fn node(&mut self, name: &str, attributes: &[Attribute], base: &Url) -> Result<Node, String> {
        let node = match (value(attributes, "about"), value(attributes, "ID"), value(attributes, "nodeID")) {
            (Some(iri), ..) => self.iri(iri, base),
            (_, Some(id), _) => self.iri(&format!("#{id}"), base),
            (.., Some(id)) => Node::Blank(format!("n-{id}")),
            _ => self.blank(),
        };
        if rdf(name) != Some("Description") {
            self.state(node.clone(), Some(Predicate::Type), Object::Node(Node::Iri(name.to_owned())))?;
        }
        self.attributes(&node, attributes, base)?;
        Ok(node)
    }

    fn attributes(&mut self, node: &Node, attributes: &[Attribute], base: &Url) -> Result<(), String> {
        for (name, text) in attributes {
            let object = match rdf(name) {
                Some("type") => Object::Node(self.iri(text, base)),
                _ => Object::Text(text.clone()),
            };
            self.state(node.clone(), Predicate::of(name), object)?;
        }
        Ok(())
    }

    fn property(&mut self, of: Node, name: &str, attributes: &[Attribute], base: &Url) -> Result<Frame, String> {
        let predicate = Predicate::of(name);
        let open = |done, repeat| Frame::Property { of: of.clone(), predicate, text: String::new(), done, repeat };
        let object = match (value(attributes, "resource"), value(attributes, "nodeID")) {
            (Some(iri), _) => Some(self.iri(iri, base)),
            (_, Some(id)) => Some(Node::Blank(format!("n-{id}"))),
            _ => None,
        };
        match value(attributes, "parseType") {
            Some("Resource") => {
                let node = self.blank();
                self.state(of, predicate, Object::Node(node.clone()))?;
                return Ok(Frame::Node(node));
            }
            Some("Collection") => return Ok(open(false, true)),
            // The text inside is all that is wanted.
            Some(_) => return Ok(open(false, false)),
            None => {}
        }
        let described = attributes.iter().any(|(name, _)| Predicate::of(name).is_some());
        let object = match object {
            None if described => Some(self.blank()),
            object => object,
        };
        if let Some(node) = object {
            self.attributes(&node, attributes, base)?;
            let frame = open(true, false);
            self.state(of, predicate, Object::Node(node))?;
            return Ok(frame);
        }
        Ok(open(false, false))
    }

    fn text(&mut self, more: &str) -> Result<(), String> {
        self.graph.pass(more.len()).map_err(|e| e.to_string())?;
        let property = self.stack.iter_mut().rev().find(|open| !matches!(open.frame, Frame::Within));
        if let Some(Open { frame: Frame::Property { text, predicate: Some(_), done: false, .. }, .. }) = property {
            text.push_str(more);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.stack.pop().map(|open| open.frame) {
            Some(Frame::Property { of, predicate, text, done: false, repeat: false }) => {
                self.state(of, predicate, Object::Text(text))
            }
            _ => Ok(()),
        }
    }
}
