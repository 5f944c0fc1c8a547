//! A record on its way to text: a small tree in which a list still knows what each of its items is
//! called, since JSON 2019 drops that name, JSON 2022 wraps each item in it, and XML makes it an
//! element.

use std::fmt::Write as _;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Text(String),
    /// Written as it is, without quotes.
    Number(String),
    Bool(bool),
    Fields(Vec<(&'static str, Node)>),
    /// Objects, each called by this name.
    Items(Item, Vec<Node>),
    /// Words of a vocabulary, each called by this name.
    Words(&'static str, Vec<Node>),
    /// A list that no format asks for: written bare in JSON, and repeated in XML.
    Bare(Vec<Node>),
}

/// What an item of a list is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) json: &'static str,
    pub(crate) xml: &'static str,
}

impl Item {
    pub(crate) const fn of(name: &'static str) -> Self {
        Self {
            json: name,
            xml: name,
        }
    }
}

impl Node {
    /// Text of anything that prints.
    pub(crate) fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// The field of this name.
    pub(crate) fn field(&mut self, name: &str) -> Option<&mut Node> {
        match self {
            Self::Fields(fields) => fields.iter_mut().find(|(n, _)| *n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Takes a field out.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Self::Fields(fields) = self {
            fields.retain(|(n, _)| *n != name);
        }
    }

    /// Adds a field at the end.
    pub(crate) fn push(&mut self, name: &'static str, value: Node) {
        if let Self::Fields(fields) = self {
            fields.push((name, value));
        }
    }
}

/// How a JSON dialect is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Json {
    /// Whether each item of a list is wrapped in its name (2022).
    pub(crate) wrapped: bool,
    /// Whether only ASCII is written, the rest as `\u` escapes.
    pub(crate) ascii: bool,
    /// Whether each value has its line.
    pub(crate) pretty: bool,
}

/// Appends the JSON of a value; `depth` is that of the line it stands on.
pub(crate) fn json(node: &Node, style: Json, depth: usize, out: &mut String) {
    match node {
        Node::Text(t) => quoted(t, style.ascii, out),
        Node::Number(n) => out.push_str(n),
        Node::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Node::Fields(fields) => {
            let mut list = List::open('{', style, depth, out);
            for (name, value) in fields {
                list.next(out);
                quoted(name, style.ascii, out);
                out.push_str(if style.pretty { ": " } else { ":" });
                json(value, style, depth + 1, out);
            }
            list.close('}', out);
        }
        Node::Items(item, nodes) => {
            let mut list = List::open('[', style, depth, out);
            for node in nodes {
                list.next(out);
                if style.wrapped {
                    let mut one = List::open('{', style, depth + 1, out);
                    one.next(out);
                    quoted(item.json, style.ascii, out);
                    out.push(':');
                    json(node, style, depth + 2, out);
                    one.close('}', out);
                } else {
                    json(node, style, depth + 1, out);
                }
            }
            list.close(']', out);
        }
        Node::Words(item, words) => {
            let mut one = List::open('{', style, depth, out);
            one.next(out);
            quoted(item, style.ascii, out);
            out.push(':');
            bare(words, style, depth + 1, out);
            one.close('}', out);
        }
        Node::Bare(nodes) => bare(nodes, style, depth, out),
    }
}

fn bare(nodes: &[Node], style: Json, depth: usize, out: &mut String) {
    let mut list = List::open('[', style, depth, out);
    for node in nodes {
        list.next(out);
        json(node, style, depth + 1, out);
    }
    list.close(']', out);
}

/// Commas and line breaks of an object or array.
struct List {
    first: bool,
    pretty: bool,
    depth: usize,
}

impl List {
    fn open(bracket: char, style: Json, depth: usize, out: &mut String) -> Self {
        out.push(bracket);
        Self {
            first: true,
            pretty: style.pretty,
            depth,
        }
    }
    fn next(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.first) {
            out.push(',');
        }
        self.line(1, out);
    }
    fn close(&mut self, bracket: char, out: &mut String) {
        if !self.first {
            self.line(0, out);
        }
        out.push(bracket);
    }
    fn line(&self, more: usize, out: &mut String) {
        if self.pretty {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", self.depth + more));
        }
    }
}

/// A control character is written as it is: it stands in a text only where a scenario wants the
/// fault.
fn quoted(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends the element `name` with this value, each on its line.
pub(crate) fn xml(name: &str, node: &Node, depth: usize, out: &mut String) {
    match node {
        Node::Text(t) => element(name, t, depth, out),
        Node::Number(n) => element(name, n, depth, out),
        Node::Bool(b) => element(name, if *b { "oui" } else { "non" }, depth, out),
        Node::Bare(nodes) => nodes.iter().for_each(|n| xml(name, n, depth, out)),
        Node::Fields(fields) => nested(name, depth, out, |out| {
            fields.iter().for_each(|(n, v)| xml(n, v, depth + 1, out));
        }),
        Node::Items(item, nodes) => nested(name, depth, out, |out| {
            nodes.iter().for_each(|n| xml(item.xml, n, depth + 1, out));
        }),
        Node::Words(item, words) => nested(name, depth, out, |out| {
            words.iter().for_each(|w| xml(item, w, depth + 1, out));
        }),
    }
}

fn nested(name: &str, depth: usize, out: &mut String, inside: impl FnOnce(&mut String)) {
    indent(depth, out);
    let _ = write!(out, "<{name}>");
    inside(out);
    indent(depth, out);
    let _ = write!(out, "</{name}>");
}

fn element(name: &str, text: &str, depth: usize, out: &mut String) {
    indent(depth, out);
    let _ = write!(out, "<{name}>");
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    let _ = write!(out, "</{name}>");
}

fn indent(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}
