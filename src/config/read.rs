//! Reading a table key by key: types, units and bounds checked, every fault kept with its place.
//!
//! In: a parsed TOML table with byte ranges, and (for guichet.toml) the environment. Out: values
//! with their place, and in [`Report`] all that was wrong. A reader remembers the keys it was asked
//! for: what is left at the end is unknown, and the nearest known key is named.

use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::diagnostic::{At, Diagnostic, nearest, suggest};
pub(super) use super::document::{Document, Fault, Located, Raw, Report, article};
use super::env::{Env, variable};
use super::value;

/// A table of strings: each key with its value and where that stands.
pub(super) type Pairs = Vec<(String, Located<String>)>;

/// Reads one table.
pub(super) struct Reader<'a> {
    document: Option<&'a Document>,
    table: Option<&'a DeTable<'a>>,
    /// Where the table itself stands, for keys that are missing.
    at: At,
    /// `harvest`; empty at the top. Names the variables.
    path: String,
    /// How the table is called in messages: `[harvest]`, `[[source]]`.
    shown: String,
    env: Option<&'a dyn Env>,
    report: &'a Report,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Reader<'a> {
    /// A table of a document, without the environment.
    pub(super) fn new(
        document: &'a Document,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        shown: &str,
        report: &'a Report,
    ) -> Self {
        Self {
            at: document.at(span),
            document: Some(document),
            table: Some(table),
            path: String::new(),
            shown: shown.to_owned(),
            env: None,
            report,
            asked: RefCell::default(),
        }
    }

    /// The table at the top of guichet.toml, or of nothing at all, under the environment.
    pub(super) fn top(document: Option<(&'a Document, &'a DeTable<'a>)>, env: &'a dyn Env, report: &'a Report) -> Self {
        Self {
            document: document.map(|(document, _)| document),
            table: document.map(|(_, table)| table),
            at: document.map_or(At::Path(PathBuf::new()), |(document, _)| document.at(0..0)),
            path: String::new(),
            shown: "guichet.toml".to_owned(),
            env: Some(env),
            report,
            asked: RefCell::default(),
        }
    }

    /// The table under `key`; an empty one, still open to the environment, where there is none.
    pub(super) fn table(&self, key: &'static str) -> Reader<'a> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let found = self.entry(key);
        let (table, at) = match found {
            Some((DeValue::Table(table), span)) => (Some(table), self.place(span)),
            Some((other, span)) => {
                let what = format!("`{key}` is a table, not {}", article(other.type_str()));
                self.report.push(Diagnostic::error(self.place(span), what).help(format!("write it as [{path}]")));
                (None, self.at.clone())
            }
            None => (None, self.at.clone()),
        };
        Reader {
            document: self.document,
            table,
            at,
            shown: format!("[{path}]"),
            path,
            env: self.env,
            report: self.report,
            asked: RefCell::default(),
        }
    }

    /// Each table of the list of tables under `key`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(document) = self.document else {
            return Vec::new();
        };
        let list = match self.entry(key) {
            None => return Vec::new(),
            Some((DeValue::Array(list), _)) => list,
            Some((other, span)) => {
                let what = format!("`{key}` is a list of tables, not {}", article(other.type_str()));
                self.report.push(Diagnostic::error(self.place(span), what).help(format!("write it as [[{key}]]")));
                return Vec::new();
            }
        };
        let mut readers = Vec::new();
        for item in list.iter() {
            if let DeValue::Table(table) = item.get_ref() {
                let shown = format!("[[{key}]]");
                readers.push(Reader::new(document, table, item.span(), &shown, self.report));
            } else {
                let at = document.at(item.span());
                self.report.push(Diagnostic::error(at, format!("`{key}` takes tables only")));
            }
        }
        readers
    }

    /// Whether the file itself has this key or table.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether the file or the environment gives this key, well-formed or not.
    pub(super) fn has_or_set(&self, key: &'static str) -> bool {
        let set = |env: &dyn Env| env.get(&variable(&self.path, key)).is_some();
        self.entry(key).is_some() || self.env.is_some_and(set)
    }

    /// Where the table stands.
    pub(super) fn here(&self) -> At {
        self.at.clone()
    }

    pub(super) fn report(&self) -> &'a Report {
        self.report
    }

    fn place(&self, span: Range<usize>) -> At {
        self.document.map_or_else(|| self.at.clone(), |document| document.at(span))
    }

    fn entry(&self, key: &'static str) -> Option<(&'a DeValue<'a>, Range<usize>)> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        let (_, value) = self.table?.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    /// A value that only a file can give (lists and tables).
    pub(super) fn structured<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&'a DeValue<'a>, &dyn Fn(Range<usize>) -> At) -> Result<T, Fault>,
    ) -> Option<Located<T>> {
        let (value, span) = self.entry(key)?;
        let at = self.place(span);
        match parse(value, &|span| self.place(span)) {
            Ok(value) => Some(Located { value, at }),
            Err(fault) => self.fault(key, at, fault),
        }
    }

    /// A scalar: from its variable if that is set, else from the file.
    pub(super) fn scalar<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(Raw<'_>) -> Result<T, Fault>,
    ) -> Option<Located<T>> {
        let entry = self.entry(key);
        if let Some(env) = self.env {
            let name = variable(&self.path, key);
            let set = env.get(&name);
            self.report.asked(name.clone());
            if let Some(text) = set {
                let at = At::Variable(name);
                return match parse(Raw::Text(&text)) {
                    Ok(value) => Some(Located { value, at }),
                    Err(fault) => self.fault(key, at, fault),
                };
            }
        }
        let (value, span) = entry?;
        let at = self.place(span);
        match parse(Raw::Toml(value)) {
            Ok(value) => Some(Located { value, at }),
            Err(fault) => self.fault(key, at, fault),
        }
    }

    fn fault<T>(&self, key: &str, at: At, Fault(what, help): Fault) -> Option<T> {
        let mut diagnostic = Diagnostic::error(at, format!("`{key}` in {}: {what}", self.shown));
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.report.push(diagnostic);
        None
    }

    pub(super) fn string(&self, key: &'static str) -> Option<Located<String>> {
        self.scalar(key, |raw| raw.text("").map(str::to_owned))
    }
    pub(super) fn boolean(&self, key: &'static str) -> Option<Located<bool>> {
        self.scalar(key, |raw| match raw {
            Raw::Toml(DeValue::Boolean(value)) => Ok(*value),
            Raw::Text("true") => Ok(true),
            Raw::Text("false") => Ok(false),
            _ => Err(Fault("true or false is expected".to_owned(), String::new())),
        })
    }
    pub(super) fn integer(&self, key: &'static str, least: u64, most: u64) -> Option<Located<u64>> {
        self.scalar(key, |raw| match raw.integer() {
            Some(n) if (least..=most).contains(&n) => Ok(n),
            _ => Err(Fault(format!("an integer from {least} to {most} is expected"), String::new())),
        })
    }
    pub(super) fn duration(&self, key: &'static str, least: Duration) -> Option<Located<Duration>> {
        self.scalar(key, |raw| {
            let form = value::DURATION_FORM;
            let duration = value::duration(raw.text(form)?).map_err(|what| Fault(what, form.to_owned()))?;
            if duration < least {
                return Err(Fault(format!("at least {least:?} is expected"), String::new()));
            }
            Ok(duration)
        })
    }
    pub(super) fn size(&self, key: &'static str) -> Option<Located<u64>> {
        self.scalar(key, |raw| {
            let form = value::SIZE_FORM;
            let bytes = match raw.integer() {
                Some(bytes) => bytes,
                None => value::size(raw.text(form)?).map_err(|what| Fault(what, form.to_owned()))?,
            };
            if bytes == 0 {
                return Err(Fault("nothing would be let through".to_owned(), form.to_owned()));
            }
            Ok(bytes)
        })
    }
    pub(super) fn share(&self, key: &'static str) -> Option<Located<f64>> {
        self.scalar(key, |raw| {
            let form = value::SHARE_FORM;
            value::share(raw.text(form)?).map_err(|what| Fault(what, form.to_owned()))
        })
    }
    /// One word of a list.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<Located<T>> {
        let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
        self.scalar(key, |raw| {
            let word = raw.text("")?;
            let found = words.iter().find(|(name, _)| *name == word);
            found.map(|(_, value)| *value).ok_or_else(|| Fault(format!("`{word}` is not known"), suggest(word, &names)))
        })
    }
    /// A list of strings, each with its place.
    pub(super) fn strings(&self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        self.structured(key, |value, place| {
            let expected = || Fault("a list of strings is expected".to_owned(), format!("{key} = [\"…\"]"));
            let DeValue::Array(list) = value else {
                return Err(expected());
            };
            list.iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Ok(Located { value: text.to_string(), at: place(item.span()) }),
                    _ => Err(expected()),
                })
                .collect()
        })
    }
    /// One value, or a list of them.
    pub(super) fn one_or_more<T>(
        &self,
        key: &'static str,
        parse: impl Fn(Raw<'_>) -> Result<T, Fault>,
    ) -> Vec<Located<T>> {
        let list = match self.table.and_then(|table| table.iter().find(|(name, _)| name.get_ref().as_ref() == key)) {
            Some((_, value)) => match value.get_ref() {
                DeValue::Array(list) if self.env.is_none_or(|env| env.get(&variable(&self.path, key)).is_none()) => {
                    list
                }
                _ => return self.scalar(key, parse).into_iter().collect(),
            },
            None => return self.scalar(key, parse).into_iter().collect(),
        };
        // It is known to the table and to the check of variables like any other.
        self.entry(key);
        self.report.asked(variable(&self.path, key));
        let mut values = Vec::new();
        for item in list.iter() {
            let at = self.place(item.span());
            match parse(Raw::Toml(item.get_ref())) {
                Ok(value) => values.push(Located { value, at }),
                Err(fault) => drop(self.fault::<T>(key, at, fault)),
            }
        }
        values
    }
    /// A table of strings, in the order of its keys.
    pub(super) fn string_map(&self, key: &'static str) -> Option<Located<Pairs>> {
        self.structured(key, |value, place| {
            let expected =
                || Fault("a table of strings is expected".to_owned(), format!("{key} = {{ \"…\" = \"…\" }}"));
            let DeValue::Table(table) = value else {
                return Err(expected());
            };
            table
                .iter()
                .map(|(name, item)| match item.get_ref() {
                    DeValue::String(text) => {
                        let value = Located { value: text.to_string(), at: place(item.span()) };
                        Ok((name.get_ref().to_string(), value))
                    }
                    _ => Err(expected()),
                })
                .collect()
        })
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.into_inner();
        for (name, _) in self.table.into_iter().flatten() {
            let key: &str = name.get_ref();
            if asked.contains(&key) {
                continue;
            }
            let at = self.document.map_or(At::Path(PathBuf::new()), |d| d.at(name.span()));
            let what = format!("unknown key `{key}` in {}", self.shown);
            let help = match nearest(key, asked.iter().copied()) {
                Some(right) => format!("did you mean `{right}`?"),
                None if asked.is_empty() => format!("{} has no keys in this version", self.shown),
                None => format!("known: {}", asked.join(", ")),
            };
            self.report.push(Diagnostic::error(at, what).help(help));
        }
    }
}
