//! A stanza of sources.toml as text: what a source's stanza is understood to say, or a new one.
//!
//! Secrets never pass here: a credential is shown by the place that keeps it.

use std::time::Duration;

use crate::config::{Credential, Source};
use crate::harvest::ShownUrl;

/// Lines of `key = value`, aligned.
#[derive(Default)]
pub(super) struct Stanza {
    lines: Vec<(String, String, Option<String>)>,
}

impl Stanza {
    /// A key whose value is TOML already.
    pub(super) fn raw(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.lines.push((key.to_owned(), value.into(), None));
        self
    }
    /// A key with a text.
    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.raw(key, quoted(value))
    }
    /// A key with a list of texts; nothing for an empty list.
    fn list<T: AsRef<str>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) -> &mut Self {
        let values: Vec<String> = values.into_iter().map(|v| quoted(v.as_ref())).collect();
        if values.is_empty() { self } else { self.raw(key, format!("[{}]", values.join(", "))) }
    }
    fn maybe(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }
    /// A remark behind the last line.
    pub(super) fn remark(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some(last) = self.lines.last_mut() {
            last.2 = Some(text.into());
        }
        self
    }
}

impl std::fmt::Display for Stanza {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.lines.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
        writeln!(f, "[[source]]")?;
        for (key, value, remark) in &self.lines {
            write!(f, "{key:width$} = {value}")?;
            match remark {
                Some(remark) => writeln!(f, "  # {remark}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A duration in the largest unit that tells it exactly.
fn duration(d: Duration) -> String {
    let ms = d.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms > 0 && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// Where a secret is, with stars in its place.
pub(super) fn credential(c: &Credential) -> String {
    let (key, value) = match c {
        Credential::Env(name) => ("env", name.clone()),
        Credential::File(path) => ("file", path.display().to_string()),
        Credential::Systemd(name) => ("systemd", name.clone()),
    };
    format!("{{ {key} = {} }}", quoted(&value))
}

/// A header's value; stars for one that may carry a key in spite of the rule that none does.
fn header<'a>(name: &str, value: &'a str) -> &'a str {
    let name = name.to_ascii_lowercase();
    let telling = ["auth", "key", "token", "cookie", "secret", "password"];
    if telling.iter().any(|word| name.contains(word)) && !value.contains("{credential}") { "********" } else { value }
}

/// The stanza as it is understood, every key inherited or defaulted.
pub(super) fn effective(s: &Source) -> Stanza {
    let mut t = Stanza::default();
    t.text("id", &s.id)
        .text("name", &s.name)
        .text("url", ShownUrl::of(&s.url).as_str())
        .text("catalog", s.catalog.word())
        .text("format", s.format.word())
        .text("authority", s.authority.word())
        .list("buyers", s.buyers.iter().map(|b| b.as_str()))
        .text("licence", s.licence.id());
    if !s.licence.allows_republication() {
        t.remark("kept, never published");
    }
    t.text("schedule", &s.schedule.line);
    if s.schedule.spread {
        t.remark("spread over the hour that follows");
    }
    t.text("timezone", &s.schedule.timezone).raw("enabled", s.enabled.to_string());
    t.maybe("disabled_reason", s.disabled_reason.as_deref())
        .list("include", s.include.patterns())
        .list("exclude", s.exclude.patterns());
    if !s.headers.is_empty() {
        let pairs: Vec<String> =
            s.headers.iter().map(|(k, v)| format!("{} = {}", quoted(k), quoted(header(k, v)))).collect();
        t.raw("headers", format!("{{ {} }}", pairs.join(", ")));
    }
    if let Some(c) = &s.credential {
        t.raw("credential", credential(c)).remark("********");
    }
    t.raw("max_bytes", s.max_bytes.to_string())
        .text("timeout", &duration(s.timeout))
        .raw("per_host", s.per_host.to_string());
    if let Some(n) = s.min_records {
        t.raw("min_records", n.to_string());
    }
    t.text("max_shrink", &format!("{}%", s.max_shrink * 100.0))
        .maybe("user_agent", s.user_agent.as_deref())
        .text("snapshot", s.snapshot.word())
        .maybe("encoding", s.encoding.as_deref())
        .maybe("resource_date", s.resource_date.as_ref().map(|d| d.pattern()));
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_that_is_printed_can_be_read_back() {
        let mut t = Stanza::default();
        t.text("id", "a")
            .text("name", "Ville d'\"Albi\" \\ é")
            .remark("look")
            .list("buyers", ["1", "2"])
            .list("none", [""; 0]);
        let read: toml::Value = toml::from_str(&t.to_string()).unwrap();
        let source = &read["source"][0];
        assert_eq!(source["name"].as_str(), Some("Ville d'\"Albi\" \\ é"));
        assert_eq!(source["buyers"].as_array().unwrap().len(), 2);
        assert!(source.get("none").is_none());
    }

    #[test]
    fn durations_are_told_in_their_largest_unit() {
        let told = [0, 200, 30_000, 900_000, 90_000, 86_400_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(told, ["0ms", "200ms", "30s", "15m", "90s", "1d"]);
    }
}
