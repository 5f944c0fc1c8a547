//! What is wrong with the configuration, where, and what to do: for people and for programs.
//!
//! In: places in files (byte ranges), environment variables, paths. Out: the line itself with a
//! caret under `file:line:column`, or JSON. Keeps the text of each file that has a finding, so that
//! the line can be shown after the file has changed.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// It is used, but probably not as its author meant.
    Warning,
}

/// A configuration file as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// Absolute; shown relative to the current folder where that is shorter.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
    /// Offset of the start of each line.
    lines: Vec<usize>,
}

impl SourceText {
    /// A file's path and text.
    pub fn new(path: PathBuf, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { path, text, lines }
    }

    /// 1-based line, 1-based column in characters.
    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let offset = floor(&self.text, offset);
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|i| self.lines.get(i)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// Where a diagnostic points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A range of bytes of a file.
    Span(Arc<SourceText>, Range<usize>),
    /// A file or folder as a whole.
    Path(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl At {
    /// `sources.toml:12:5`, a path, or `GUICHET_…`.
    pub fn place(&self) -> String {
        match self {
            At::Span(file, span) => {
                let (line, column) = file.line_and_column(span.start);
                format!("{}:{line}:{column}", shown(&file.path))
            }
            At::Path(path) => shown(path),
            At::Variable(name) => name.clone(),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Refused or used all the same.
    pub severity: Severity,
    /// Where.
    pub at: At,
    /// What is wrong.
    pub what: String,
    /// What to do: the nearest right word, or the form expected.
    pub help: Option<String>,
    /// The range is a secret: it is shown as stars.
    pub secret: bool,
}

impl Diagnostic {
    /// Something for which the configuration is refused.
    pub fn error(at: At, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at, what: what.into(), help: None, secret: false }
    }
    /// Something that the operator should know.
    pub fn warning(at: At, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, what) }
    }
    /// The same, with what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
    /// The same, not showing what stands there.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// `sources.toml:12:5`, a path, or `GUICHET_…`.
    pub fn place(&self) -> String {
        self.at.place()
    }

    /// `{severity, file, line, column, variable, message, help}`; what does not apply is absent.
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::Map::new();
        let mut put = |key: &str, value: serde_json::Value| json.insert(key.to_owned(), value);
        put("severity", self.severity.name().into());
        match &self.at {
            At::Span(file, span) => {
                let (line, column) = file.line_and_column(span.start);
                put("file", shown(&file.path).into());
                put("line", line.into());
                put("column", column.into());
            }
            At::Path(path) => {
                put("file", shown(path).into());
            }
            At::Variable(name) => {
                put("variable", name.clone().into());
            }
        }
        put("message", self.what.clone().into());
        if let Some(help) = &self.help {
            put("help", help.clone().into());
        }
        json.into()
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let help = self.help.as_deref().map(|help| Level::HELP.message(help));
        let group: Group<'_> = match &self.at {
            At::Span(file, span) => {
                let (line, _) = file.line_and_column(span.start);
                let (text, span) = line_of(&file.text, span.clone());
                let text = if self.secret { masked(text, &span) } else { text.to_owned() };
                let snippet = Snippet::source(text)
                    .path(shown(&file.path))
                    .line_start(line)
                    .annotation(AnnotationKind::Primary.span(span));
                level.primary_title(self.what.as_str()).element(snippet)
            }
            _ => Group::with_title(level.primary_title(format!("{}: {}", self.place(), self.what))),
        };
        renderer.render(&[group.elements(help)])
    }
}

impl Severity {
    /// `error` or `warning`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A path as the operator would type it: relative to the folder they are in, if it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    below.unwrap_or(path).display().to_string()
}

/// The nearest character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The line in which a range begins, and the part of the range in it. Only that line is handed to
/// the renderer: a range can be a whole table, and a file with ten thousand faults must not be
/// laid out ten thousand times.
fn line_of(text: &str, span: Range<usize>) -> (&str, Range<usize>) {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = start + after.find(['\n', '\r']).unwrap_or(after.len());
    let line = text.get(line_start..line_end).unwrap_or_default();
    (line, start - line_start..end.min(line_end) - line_start)
}

fn masked(text: &str, span: &Range<usize>) -> String {
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    let stars: String = part(span.clone()).bytes().map(|_| '*').collect();
    format!("{}{stars}{}", part(0..span.start), part(span.end..text.len()))
}

/// All that was found, errors and warnings, in the order of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts by place, keeping the order in which files were read.
    pub fn new(mut list: Vec<Diagnostic>) -> Self {
        let mut files: Vec<PathBuf> = Vec::new();
        for diagnostic in &list {
            if let At::Span(file, _) = &diagnostic.at
                && !files.contains(&file.path)
            {
                files.push(file.path.clone());
            }
        }
        let rank = |path: &Path| files.iter().position(|f| f == path).unwrap_or(usize::MAX);
        list.sort_by_key(|d| match &d.at {
            At::Span(file, span) => (rank(&file.path), span.start),
            At::Path(path) => (rank(path), 0),
            At::Variable(_) => (usize::MAX, 0),
        });
        list.dedup();
        Self(list)
    }
    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
    /// How many are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.severity == severity).count()
    }
    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether the configuration is refused.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }
    /// Adds those of another list behind.
    pub fn extend(&mut self, others: Diagnostics) {
        self.0.extend(others.0);
    }
    /// For people: each with its line and caret, a blank line between, and the count at the end.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for diagnostic in &self.0 {
            out.push_str(&diagnostic.render(&renderer));
            out.push_str("\n\n");
        }
        let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        out.push_str(&format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")));
        out
    }
    /// For programs: `{"errors": n, "warnings": n, "diagnostics": [...]}`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "diagnostics": self.0.iter().map(Diagnostic::to_json).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostics {}

/// The word of `known` that was probably meant; `None` when none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `x`?``, else the list of what is known.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceText> {
        Arc::new(SourceText::new("sources.toml".into(), text.to_owned()))
    }

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "é = 1\nà = 'x'\n";
        let file = file(text);
        let at = |word: &str| file.line_and_column(text.find(word).unwrap());
        assert_eq!((at("é"), at("= 1"), at("'x'")), ((1, 1), (1, 3), (2, 5)));
        assert_eq!(file.line_and_column(10_000), (3, 1));
    }

    #[test]
    fn a_diagnostic_shows_its_line_its_caret_and_the_way_out() {
        let text = "[[source]]\nid = \"a\"\ncatalgo = \"ods\"\n";
        let start = text.find("catalgo").unwrap();
        let found = Diagnostic::error(At::Span(file(text), start..start + 7), "unknown key `catalgo`")
            .help(suggest("catalgo", &["catalog", "columns"]));
        let shown = Diagnostics::new(vec![found.clone()]).render(false);
        let expected = "\
error: unknown key `catalgo`
 --> sources.toml:3:1
  |
3 | catalgo = \"ods\"
  | ^^^^^^^
  |
  = help: did you mean `catalog`?

1 error, 0 warnings
";
        assert_eq!(shown, expected);
        let json = found.to_json();
        assert_eq!((json["line"].clone(), json["column"].clone()), (3.into(), 1.into()));
        assert!(Diagnostics::new(vec![found]).render(true).contains('\u{1b}'));
    }

    #[test]
    fn a_secret_is_shown_as_stars() {
        let text = "credential = \"hunter2\"";
        let found = Diagnostic::error(At::Span(file(text), 13..22), "inline").secret();
        let shown = Diagnostics::new(vec![found]).render(false);
        assert!(!shown.contains("hunter2") && shown.contains("*********"), "{shown}");
    }

    #[test]
    fn a_span_over_several_lines_or_beyond_the_end_is_cut() {
        assert_eq!(line_of("x\nab\ncd", 3..6), ("ab", 1..2));
        assert_eq!(line_of("é", 1..9), ("é", 0..2));
        assert_eq!(line_of("a\n", 2..9), ("", 0..0));
        assert_eq!(line_of("", 4..9), ("", 0..0));
    }
}
