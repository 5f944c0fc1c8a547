//! Lists, whatever wraps them: `[…]`, `{"item": …}`, `[{"item": …}]`, `[[…]]`, one item alone, a
//! list printed inside a text.
//!
//! In: the value of a field that holds a list, and the name of its items. Out: the items, and a note
//! when no edition of the format wraps them so.

use super::decp::{Fields, Mapper};
use super::tree::Tree;
use super::{Scalar, json, note};

impl Mapper {
    pub(super) fn texts(&mut self, path: &'static str, item: &str, value: Tree<'_>) -> Vec<Scalar> {
        let usual = match &value {
            Tree::Map(fields) => fields.iter().all(|(k, v)| k == item && !matches!(v, Tree::Map(_))),
            Tree::Plain(_) | Tree::Null => true,
            _ => false,
        };
        if !usual && !value.is_empty() {
            self.note(note::LIST_SHAPE, path, value.show(200));
        }
        let mut items = Vec::new();
        flatten(value, item, &mut items);
        items.into_iter().filter_map(|item| self.scalar(path, item)).collect()
    }

    /// The items of a list of objects, whatever wraps them.
    pub(super) fn items<'a>(&mut self, path: &str, item: &str, value: Tree<'a>) -> Vec<Fields<'a>> {
        if value.is_empty() {
            return Vec::new();
        }
        if let Tree::Text(t) | Tree::Plain(t) = &value
            && let Some(list) = json::parse_printed(t)
        {
            self.note(note::LIST_SHAPE, path, &**t);
            return self.items_of(path, item, own(list));
        }
        match shape(&value, item) {
            Usual::Bare => {}
            Usual::Wrapped => self.evidence.wrapped = true,
            Usual::Not => self.note(note::LIST_SHAPE, path, value.show(200)),
        }
        self.items_of(path, item, value)
    }

    pub(super) fn items_of<'a>(&mut self, path: &str, item: &str, value: Tree<'a>) -> Vec<Fields<'a>> {
        let mut items = Vec::new();
        flatten(value, item, &mut items);
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Tree::Map(fields) if fields.iter().any(|(_, v)| !v.is_empty()) => out.push(fields),
                other if other.is_empty() => {}
                other => {
                    self.note(note::UNEXPECTED_SHAPE, path, other.show(200));
                    self.other(path, &other);
                }
            }
        }
        out
    }
}

/// How a list of objects is wrapped.
enum Usual {
    /// `[{…}]`, as in 2019.
    Bare,
    /// `[{"item": {…}}]`, as in 2022; XML's `<item>` elements.
    Wrapped,
    /// In a way that no edition has.
    Not,
}

fn shape(value: &Tree<'_>, item: &str) -> Usual {
    let wraps = |t: &Tree<'_>| matches!(t, Tree::Map(f) if f.len() == 1 && f.iter().all(|(k, v)| k == item && matches!(v, Tree::Map(_))));
    match value {
        Tree::List(items) if items.iter().all(wraps) => Usual::Wrapped,
        Tree::List(items)
            if items
                .iter()
                .all(|t| matches!(t, Tree::Map(f) if f.iter().all(|(k, v)| k != item || !is_structure(v)))) =>
        {
            Usual::Bare
        }
        // XML: one entry for each item.
        Tree::Map(fields) if fields.iter().all(|(k, v)| k == item && is_xml(v)) => Usual::Bare,
        _ => Usual::Not,
    }
}

fn is_structure(t: &Tree<'_>) -> bool {
    matches!(t, Tree::Map(_) | Tree::List(_))
}

/// Whether the tree came from XML (whose texts are untyped).
fn is_xml(t: &Tree<'_>) -> bool {
    match t {
        Tree::Plain(_) | Tree::Null => true,
        Tree::Map(fields) => fields.iter().all(|(_, v)| is_xml(v)),
        _ => false,
    }
}

/// Takes lists and wrappers apart down to the items.
fn flatten<'a>(value: Tree<'a>, item: &str, out: &mut Vec<Tree<'a>>) {
    match value {
        Tree::Null => {}
        Tree::List(items) => items.into_iter().for_each(|t| flatten(t, item, out)),
        // `tarif` holds a `tarif`: a wrapper holds nothing but structures.
        Tree::Map(fields)
            if fields.iter().all(|(k, v)| {
                k == item && (is_structure(v) || fields.len() == 1 && item != "tarif" || is_only_texts(v, item))
            }) && !fields.is_empty() =>
        {
            fields.into_iter().for_each(|(_, t)| flatten(t, item, out));
        }
        other => out.push(other),
    }
}

fn is_only_texts(v: &Tree<'_>, item: &str) -> bool {
    item != "tarif" && matches!(v, Tree::Text(_) | Tree::Plain(_) | Tree::Null)
}

/// A tree that borrows nothing from where it was printed.
fn own(tree: Tree<'_>) -> Tree<'static> {
    match tree {
        Tree::Null => Tree::Null,
        Tree::Bool(b) => Tree::Bool(b),
        Tree::Number(n) => Tree::Text(n.to_owned().into()),
        Tree::Text(t) => Tree::Text(t.into_owned().into()),
        Tree::Plain(t) => Tree::Plain(t.into_owned().into()),
        Tree::List(items) => Tree::List(items.into_iter().map(own).collect()),
        Tree::Map(fields) => Tree::Map(fields.into_iter().map(|(k, v)| (k.into_owned().into(), own(v))).collect()),
    }
}
