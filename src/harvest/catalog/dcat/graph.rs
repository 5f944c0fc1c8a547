//! The statements of a catalogue that are looked at, and no others.
//!
//! In: triples as a parser gives them. Out: the objects of a node by predicate, in the order of the
//! document. What a document can make us hold, and what it can make us look at, is bounded: a short
//! prefix can stand for a long address a million times.

use std::collections::HashMap;

/// Bytes of statements kept of one document.
const KEPT: usize = 64 * 1024 * 1024;

/// Bytes of statements looked at in one document, addresses written out.
const LOOKED_AT: usize = 512 * 1024 * 1024;

/// A subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    Iri(String),
    Blank(String),
}

/// What a statement says of its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Object {
    Node(Node),
    Text(String),
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Self::Iri(text) | Self::Blank(text) => text.len(),
        }
    }
    /// For a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Iri(iri) => iri.chars().filter(|c| !c.is_control()).take(120).collect(),
            Self::Blank(_) => "without name".to_owned(),
        }
    }
}

impl Object {
    /// The text, or the address of a node; nothing for a nameless one.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Node(Node::Iri(text)) => text,
            Self::Node(Node::Blank(_)) => "",
        }
    }
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Node(node) => node.len(),
        }
    }
}

/// The predicates that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Predicate {
    Type,
    Distribution,
    DownloadUrl,
    AccessUrl,
    MediaType,
    ByteSize,
    Title,
    Format,
    Modified,
    Issued,
    Licence,
    Label,
    Checksum,
    ChecksumValue,
    Algorithm,
    Next,
    TotalItems,
}

const DCAT: &str = "http://www.w3.org/ns/dcat#";
const DCT: &str = "http://purl.org/dc/terms/";
const SPDX: &str = "http://spdx.org/rdf/terms#";
const HYDRA: &str = "http://www.w3.org/ns/hydra/core#";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const RDFS: &str = "http://www.w3.org/2000/01/rdf-schema#";

impl Predicate {
    /// The predicate of a namespace and a name in it.
    pub(super) fn of(iri: &str) -> Option<Self> {
        let after = |namespace: &str| iri.strip_prefix(namespace);
        if let Some(name) = after(DCAT) {
            return Some(match name {
                "distribution" => Self::Distribution,
                "downloadURL" => Self::DownloadUrl,
                "accessURL" => Self::AccessUrl,
                "mediaType" => Self::MediaType,
                "byteSize" => Self::ByteSize,
                _ => return None,
            });
        }
        if let Some(name) = after(DCT) {
            return Some(match name {
                "title" => Self::Title,
                "format" => Self::Format,
                "modified" => Self::Modified,
                "issued" => Self::Issued,
                "license" => Self::Licence,
                _ => return None,
            });
        }
        if let Some(name) = after(SPDX) {
            return Some(match name {
                "checksum" => Self::Checksum,
                "checksumValue" => Self::ChecksumValue,
                "algorithm" => Self::Algorithm,
                _ => return None,
            });
        }
        match (after(HYDRA), after(RDF), after(RDFS)) {
            (Some("next" | "nextPage"), ..) => Some(Self::Next),
            (Some("totalItems"), ..) => Some(Self::TotalItems),
            (_, Some("type"), _) => Some(Self::Type),
            (.., Some("label")) => Some(Self::Label),
            _ => None,
        }
    }
}

/// A document said more than anybody needs to know.
#[derive(Debug)]
pub(super) struct TooMuch;

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it says more than a catalogue may, addresses written out")
    }
}

/// The statements kept.
#[derive(Debug, Default)]
pub(super) struct Graph {
    of: HashMap<Node, Vec<(Predicate, Object)>>,
    /// Subjects in the order of the document.
    order: Vec<Node>,
    kept: usize,
    looked_at: usize,
}

impl Graph {
    /// Counts a statement that is not kept.
    pub(super) fn pass(&mut self, bytes: usize) -> Result<(), TooMuch> {
        self.looked_at = self.looked_at.saturating_add(bytes);
        if self.looked_at > LOOKED_AT { Err(TooMuch) } else { Ok(()) }
    }

    /// Keeps a statement.
    pub(super) fn add(&mut self, subject: Node, predicate: Predicate, object: Object) -> Result<(), TooMuch> {
        let bytes = subject.len() + object.len() + 64;
        self.pass(bytes)?;
        self.kept += bytes;
        if self.kept > KEPT {
            return Err(TooMuch);
        }
        if !self.of.contains_key(&subject) {
            self.order.push(subject.clone());
        }
        self.of.entry(subject).or_default().push((predicate, object));
        Ok(())
    }

    /// What is said of a node, in the order of the document.
    pub(super) fn all(&self, node: &Node, predicate: Predicate) -> impl Iterator<Item = &Object> {
        let said = self.of.get(node).into_iter().flatten();
        said.filter(move |(p, _)| *p == predicate).map(|(_, o)| o)
    }

    pub(super) fn first(&self, node: &Node, predicate: Predicate) -> Option<&Object> {
        self.all(node, predicate).next()
    }

    /// What is first said so of any node.
    pub(super) fn any(&self, predicate: Predicate) -> Option<&Object> {
        self.order.iter().find_map(|node| self.first(node, predicate))
    }

    fn typed<'a>(&'a self, iri: &'a str) -> impl Iterator<Item = &'a Node> {
        self.order.iter().filter(move |node| {
            self.all(node, Predicate::Type).any(|o| o.text().strip_prefix(DCAT).is_some_and(|name| name == iri))
        })
    }

    /// The nodes that a dataset names as its distributions, and those that call themselves so.
    pub(super) fn distributions(&self) -> Vec<&Node> {
        let mut found: Vec<&Node> = self.typed("Distribution").collect();
        for node in &self.order {
            for object in self.all(node, Predicate::Distribution) {
                if let Object::Node(distribution) = object
                    && self.of.contains_key(distribution)
                {
                    found.push(distribution);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// How many datasets there are.
    pub(super) fn datasets(&self) -> u64 {
        self.typed("Dataset").count() as u64
    }

    /// Title and licence of the catalogue, else of its first dataset; the licence else of a distribution.
    pub(super) fn described(&self) -> (Option<String>, Option<String>) {
        let own = |p| {
            let nodes = self.typed("Catalog").chain(self.typed("Dataset")).chain(self.typed("Distribution"));
            nodes.filter_map(|n| self.first(n, p)).map(|o| o.text().trim()).find(|t| !t.is_empty()).map(str::to_owned)
        };
        (own(Predicate::Title), own(Predicate::Licence))
    }
}
