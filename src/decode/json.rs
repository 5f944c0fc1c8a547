//! One JSON record → a [`Tree`], with the faults of real files mended where one answer is right.
//!
//! In: the text of one record. Out: its tree and what was mended, or where it stops making sense.
//! Strict JSON takes the straight way; `NaN`, trailing commas, raw control characters, needless
//! escapes and Python's literals are noted. Quotes inside a text are tried only when nothing else
//! helps ([`Quotes`]). Depth is bounded by `MAX_DEPTH`. Knows no field name.

use std::borrow::Cow;

use super::note::{self, Note};
use super::rescue;
use super::scan::{is_scalar, text_stop};
use super::tree::Tree;
use super::{MAX_DEPTH, Reject};

/// Which quotes end a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// The first one, as in JSON.
    Strict,
    /// The first one that is followed by what may follow a text.
    Bare,
    /// As in JSON, and `'` too (a list printed by Python).
    Single,
}

/// Reads one value. With `prefix`, closing brackets and commas may follow it (the splitter could
/// not tell where the record ends).
pub(super) fn parse(text: &str, prefix: bool) -> Result<(Tree<'_>, Vec<Note>), Reject> {
    let strict = run(text, prefix, Quotes::Strict);
    match strict {
        Err(first) if first.reason == "unreadable" => run(text, prefix, Quotes::Bare).map_err(|_| first),
        other => other,
    }
}

/// Reads a list that stands printed inside a text (`"[{'id': '1'}]"`); `None` when it is none.
pub(super) fn parse_printed(text: &str) -> Option<Tree<'_>> {
    run(text, false, Quotes::Single).ok().map(|(tree, _)| tree)
}

fn run(text: &str, prefix: bool, quotes: Quotes) -> Result<(Tree<'_>, Vec<Note>), Reject> {
    let mut p = Parser { text, bytes: text.as_bytes(), at: 0, depth: 0, quotes, key: "", notes: Vec::new() };
    let tree = p.value()?;
    p.space();
    let rest = text.get(p.at..).unwrap_or_default();
    let allowed: &[char] = if prefix { &[']', '}', ',', ';', ' ', '\n', '\r', '\t', '\0'] } else { &[] };
    if !rest.trim_matches(allowed).is_empty() {
        return Err(p.fail("text after the end of the record"));
    }
    Ok((tree, p.notes))
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    quotes: Quotes,
    /// The field being read.
    key: &'a str,
    notes: Vec<Note>,
}

impl<'a> Parser<'a> {
    fn fail(&self, what: &str) -> Reject {
        Reject::new("unreadable", format!("{what}, at byte {} of the record", self.at))
    }

    fn note(&mut self, code: &'static str, value: &str) {
        if self.notes.len() < 32 {
            let value: String = value.chars().take(120).collect();
            self.notes.push(Note::new(code, self.key.to_owned(), value));
        }
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.bytes.get(self.at).copied()
    }

    fn value(&mut self) -> Result<Tree<'a>, Reject> {
        match self.peek() {
            Some(b'"') => self.string(b'"', false).map(Tree::Text),
            Some(b'\'') if self.quotes == Quotes::Single => self.string(b'\'', false).map(Tree::Text),
            Some(open @ (b'{' | b'[')) => {
                if self.depth == MAX_DEPTH {
                    return Err(Reject::new("too-deep", format!("more than {MAX_DEPTH} levels")));
                }
                self.depth += 1;
                self.at += 1;
                let tree = if open == b'{' { self.map() } else { self.list() };
                self.depth -= 1;
                tree
            }
            Some(_) => self.scalar(),
            None => Err(self.fail("the text ends")),
        }
    }

    fn scalar(&mut self) -> Result<Tree<'a>, Reject> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        let (tree, code) = match token {
            "null" => (Tree::Null, None),
            "true" => (Tree::Bool(true), None),
            "false" => (Tree::Bool(false), None),
            "True" | "TRUE" => (Tree::Bool(true), Some(note::LITERAL)),
            "False" | "FALSE" => (Tree::Bool(false), Some(note::LITERAL)),
            "None" | "NULL" | "Null" | "undefined" => (Tree::Null, Some(note::LITERAL)),
            _ if token.ends_with("NaN") || token == "nan" || token.ends_with("Infinity") => {
                (Tree::Null, Some(note::NOT_A_NUMBER))
            }
            _ if is_scalar(token.as_bytes()) => (Tree::Number(token), None),
            _ => {
                self.at = start;
                return Err(self.fail("no value"));
            }
        };
        if let Some(code) = code {
            self.note(code, token);
        }
        Ok(tree)
    }

    fn list(&mut self) -> Result<Tree<'a>, Reject> {
        let mut items = Vec::new();
        loop {
            match self.peek() {
                Some(b']') => break,
                Some(b',') if !items.is_empty() => return Err(self.fail("a comma too many")),
                _ => items.push(self.value()?),
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fail("neither comma nor end of the list")),
            }
            if self.peek() == Some(b']') {
                self.note(note::TRAILING_COMMA, ",]");
            }
        }
        self.at += 1;
        Ok(Tree::List(items))
    }

    fn map(&mut self) -> Result<Tree<'a>, Reject> {
        let mut fields = Vec::with_capacity(if self.depth == 1 { 32 } else { 4 });
        loop {
            let outer = self.key;
            let quote = match self.peek() {
                Some(b'}') => break,
                Some(b'"') => b'"',
                Some(b'\'') if self.quotes == Quotes::Single => b'\'',
                _ => return Err(self.fail("no field name")),
            };
            let key = self.string(quote, true)?;
            if self.peek() != Some(b':') {
                return Err(self.fail("no colon after a field name"));
            }
            self.at += 1;
            if let Cow::Borrowed(k) = key {
                self.key = k;
            }
            let value = self.value()?;
            self.key = outer;
            fields.push((key, value));
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.fail("neither comma nor end of the object")),
            }
            if self.peek() == Some(b'}') {
                self.note(note::TRAILING_COMMA, ",}");
            }
        }
        self.at += 1;
        Ok(Tree::Map(fields))
    }

    /// A text, from its opening quote; borrowed when it holds nothing to resolve.
    fn string(&mut self, quote: u8, is_key: bool) -> Result<Cow<'a, str>, Reject> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut from = start;
        let mut control = false;
        loop {
            let stop = if quote == b'"' {
                text_stop(self.bytes, self.at)
            } else {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                rest.iter().position(|b| *b == quote || *b == b'\\' || *b < 0x20).map(|n| self.at + n)
            };
            let Some(stop) = stop else {
                return Err(self.fail("a text without end"));
            };
            self.at = stop;
            match self.bytes.get(self.at) {
                // `"C:\", "next": …`: the backslash was meant as one, and the text ends.
                Some(b'\\')
                    if self.quotes == Quotes::Bare
                        && !is_key
                        && self.bytes.get(self.at + 1) == Some(&quote)
                        && rescue::name_follows(self.bytes, self.at + 1) =>
                {
                    self.note(note::BAD_ESCAPE, "\\\"");
                    let text = owned.unwrap_or_default() + self.text.get(from..=self.at).unwrap_or_default();
                    self.at += 2;
                    return Ok(text.into());
                }
                Some(b'\\') => {
                    let out = owned.get_or_insert_default();
                    out.push_str(self.text.get(from..self.at).unwrap_or_default());
                    let c = self.escape()?;
                    if let Some(c) = c {
                        owned.get_or_insert_default().push(c);
                    }
                    from = self.at;
                }
                Some(b) if *b == quote => {
                    if self.quotes == Quotes::Bare
                        && !is_key
                        && let Some(end) = rescue::lost_quote(self.bytes, start, self.at).filter(|end| *end >= from)
                    {
                        self.note(note::UNCLOSED_TEXT, self.text.get(start..end).unwrap_or_default());
                        let text = owned.unwrap_or_default() + self.text.get(from..end).unwrap_or_default();
                        self.at = end;
                        return Ok(text.into());
                    }
                    if self.quotes == Quotes::Bare && !self.ends_text(is_key) {
                        if !self.notes.iter().any(|n| n.code == note::BARE_QUOTE && n.field == self.key) {
                            let around = self.text.get(start..).unwrap_or_default();
                            self.note(note::BARE_QUOTE, around);
                        }
                        self.at += 1;
                        continue;
                    }
                    let tail = self.text.get(from..self.at).unwrap_or_default();
                    self.at += 1;
                    if control {
                        let whole = self.text.get(start..self.at - 1).unwrap_or_default();
                        self.note(note::CONTROL_CHARACTER, whole);
                    }
                    return Ok(match owned {
                        Some(mut out) => {
                            out.push_str(tail);
                            out.into()
                        }
                        None => tail.into(),
                    });
                }
                _ => {
                    control = true;
                    self.at += 1;
                }
            }
        }
    }

    /// One escape sequence, from its backslash. `None` where it gave its characters itself.
    fn escape(&mut self) -> Result<Option<char>, Reject> {
        let after = self.text.get(self.at + 1..).and_then(|t| t.chars().next());
        let c = match after {
            None => return Err(self.fail("a text without end")),
            Some('u') => return self.unicode().map(Some),
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('\'') if self.quotes == Quotes::Single => '\'',
            Some(c) => {
                // A backslash that escapes nothing was meant as one.
                self.note(note::BAD_ESCAPE, &format!("\\{c}"));
                self.at += 1;
                return Ok(Some('\\'));
            }
        };
        self.at += 2;
        Ok(Some(c))
    }

    /// `\uXXXX`, or a pair of them.
    fn unicode(&mut self) -> Result<char, Reject> {
        let unit = |at: usize| {
            let hex = self.text.get(at..at + 4)?;
            u32::from_str_radix(hex, 16).ok()
        };
        let Some(high) = unit(self.at + 2) else {
            self.note(note::BAD_ESCAPE, "\\u");
            self.at += 1;
            return Ok('\\');
        };
        if let Some(c) = char::from_u32(high) {
            self.at += 6;
            return Ok(c);
        }
        let low = (self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u")).then(|| unit(self.at + 8)).flatten();
        if let (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) = (high, low) {
            self.at += 12;
            let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.note(note::BAD_ESCAPE, &format!("\\u{high:04x}"));
        self.at += 6;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    /// Whether the quote at hand is followed by what may follow a text: a field name by a colon, a
    /// value by a closing bracket or by a comma and, inside an object, the next field.
    fn ends_text(&self, is_key: bool) -> bool {
        if is_key {
            return self.text.get(self.at + 1..).unwrap_or_default().trim_start().starts_with(':');
        }
        rescue::ends_text(self.bytes, self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        parse(text, false).unwrap().1.iter().map(|n| n.code).collect()
    }

    fn text_of(json: &str) -> String {
        let (Tree::Map(fields), _) = parse(json, false).unwrap() else { panic!() };
        fields[0].1.show(500)
    }

    #[test]
    fn strict_json_is_read_without_a_note() {
        let json = r#"{"a":[1,-2.5e3,true,null,"é\u00e9\ud83d\ude00\n\"\/"],"b":{}}"#;
        assert_eq!(codes(json), [""; 0]);
        assert_eq!(parse(json, false).unwrap().0.show(200), r#"{"a":[1,-2.5e3,true,null,"éé😀\n\"/"],"b":{}}"#);
    }

    #[test]
    fn what_python_and_hurried_writers_leave_is_mended_and_noted() {
        assert_eq!(codes(r#"{"montant":NaN}"#), ["not-a-number"]);
        assert_eq!(codes(r#"{"montant":-Infinity}"#), ["not-a-number"]);
        assert_eq!(codes(r#"{"a":[1,],"b":2,}"#), ["trailing-comma", "trailing-comma"]);
        assert_eq!(codes("{\"objet\":\"deux\nlignes\"}"), ["control-character"]);
        assert_eq!(codes(r#"{"a":True,"b":None}"#), ["literal-spelling", "literal-spelling"]);
        assert_eq!(codes(r#"{"objet":"C:\dossier"}"#), ["bad-escape"]);
        assert_eq!(text_of(r#"{"objet":"C:\dossier"}"#), "C:\\dossier");
        assert_eq!(codes(r#"{"objet":"\ud83d seul"}"#), ["bad-escape"]);
    }

    #[test]
    fn quotes_inside_a_text_are_part_of_it() {
        let json = r#"{"objet":"Achat de "vis", "écrous" et "clous"","id":"1"}"#;
        assert_eq!(codes(json), ["bare-quote"]);
        assert_eq!(text_of(json), r#"Achat de "vis", "écrous" et "clous""#);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        for json in [r#"{"a":1 2}"#, r#"{"a" 1}"#, r#"{"a":1"#, r#"{"a":abc}"#, r#"{"a":[1,,2]}"#] {
            assert_eq!(parse(json, false).unwrap_err().reason, "unreadable", "{json}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(parse(&deep, false).unwrap_err().reason, "too-deep");
    }

    #[test]
    fn a_list_printed_by_python_is_read() {
        let tree = parse_printed("[{'typeIdentifiant': 'SIRET', 'id': None}]").unwrap();
        assert_eq!(tree.show(99), r#"[{"typeIdentifiant":"SIRET","id":null}]"#);
        assert!(parse_printed("Travaux").is_none());
    }
}
