//! The date that stands in a resource's name, for feeds whose records carry none.

use crate::record::Day;

/// A pattern of `%Y`, `%m`, `%d` and literal text, looked for anywhere in a name:
/// `%Y-%m-%d` finds 2018-12-14 in `DECP-28310001400028-2018-12-14-01.xml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceDate(String);

/// Years that a resource can be of: a number of an identifier is no year.
const YEARS: std::ops::RangeInclusive<u16> = 1990..=2099;

impl ResourceDate {
    /// Checks the pattern; the error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self, String> {
        for (code, word) in [("%Y", "year"), ("%m", "month"), ("%d", "day")] {
            match pattern.matches(code).count() {
                1 => {}
                0 => return Err(format!("the {word} (`{code}`) is missing")),
                _ => return Err(format!("`{code}` stands more than once")),
            }
        }
        let literal = pattern.replace("%Y", "").replace("%m", "").replace("%d", "");
        if literal.contains('%') {
            return Err("only `%Y`, `%m` and `%d` are known".to_owned());
        }
        Ok(Self(pattern.to_owned()))
    }
    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.0
    }
    /// The first date in `name` that the pattern matches and the calendar has.
    pub fn find(&self, name: &str) -> Option<Day> {
        let mut before = None;
        for (at, c) in name.char_indices() {
            let inside_number = before.is_some_and(|b: char| b.is_ascii_digit()) && c.is_ascii_digit();
            before = Some(c);
            if !inside_number && let Some(day) = self.match_at(name.get(at..)?) {
                return Some(day);
            }
        }
        None
    }

    fn match_at(&self, text: &str) -> Option<Day> {
        let (mut year, mut month, mut day) = (0u16, 0u16, 0u16);
        let (mut pattern, mut rest) = (self.0.as_str(), text);
        while !pattern.is_empty() {
            let field = [("%Y", 4, &mut year), ("%m", 2, &mut month), ("%d", 2, &mut day)]
                .into_iter()
                .find(|(code, ..)| pattern.starts_with(code));
            if let Some((_, length, value)) = field {
                let (digits, after) = rest.split_at_checked(length)?;
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                *value = digits.parse().ok()?;
                (pattern, rest) = (pattern.get(2..)?, after);
            } else {
                let literal = pattern.chars().next()?;
                rest = rest.strip_prefix(literal)?;
                pattern = pattern.get(literal.len_utf8()..)?;
            }
        }
        if rest.starts_with(|c: char| c.is_ascii_digit()) || !YEARS.contains(&year) {
            return None;
        }
        let parts = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Day::from_ymd(parts.0, parts.1, parts.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_found_beside_other_numbers() {
        let find = |pattern: &str, name: &str| ResourceDate::new(pattern).unwrap().find(name).map(|d| d.to_string());
        let dashed = "DECP-28310001400028-2018-12-14-01.xml";
        assert_eq!(find("%Y-%m-%d", dashed).as_deref(), Some("2018-12-14"));
        assert_eq!(find("%Y%m%d", "pes_20190211.json").as_deref(), Some("2019-02-11"));
        assert_eq!(find("le %d/%m/%Y", "publié le 01/02/2024").as_deref(), Some("2024-02-01"));
        for (pattern, name) in [
            ("%Y%m%d", "120190211"),
            ("%Y%m%d", "201902111"),
            ("%Y-%m-%d", "2023-02-30"),
            ("%Y-%m-%d", "0222-02-03"),
            ("%Y-%m-%d", "2023-é"),
            ("%Y-%m-%d", ""),
        ] {
            assert_eq!(find(pattern, name), None, "{name}");
        }
    }

    #[test]
    fn a_pattern_needs_each_part_once_and_nothing_else() {
        for bad in ["%Y-%m", "%Y%Y%m%d", "%Y-%m-%d %H", ""] {
            assert!(ResourceDate::new(bad).is_err(), "{bad}");
        }
    }
}
