//! A sorted, tab-separated text as a lookup table.
//!
//! In: text embedded in the program, one row a line, sorted by bytes, key first. Out: the rows of
//! a key. Nothing is parsed ahead: a lookup bisects the text, so that a table costs no memory
//! beyond the pages it touches and no time at start. Knows no column but the key.

/// One embedded table.
#[derive(Clone, Copy)]
pub(super) struct Table(&'static str);

impl Table {
    /// The text must be sorted by the bytes of its lines (`scripts/reference.mjs` sees to it, and a
    /// test below).
    pub(super) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// The whole text, for the fingerprint.
    pub(super) fn text(self) -> &'static str {
        self.0
    }

    /// Every row.
    pub(super) fn rows(self) -> impl Iterator<Item = Row> {
        self.0.lines().map(Row)
    }

    /// The rows whose first column is exactly `key`, in the order of the text.
    pub(super) fn find(self, key: &str) -> impl Iterator<Item = Row> {
        let rest = self.0.get(self.lower_bound(key)..).unwrap_or_default();
        let key = key.to_owned();
        rest.lines().map(Row).take_while(move |row| row.key() == key)
    }

    /// The first row of `key`.
    pub(super) fn get(self, key: &str) -> Option<Row> {
        self.find(key).next()
    }

    /// Offset of the first line whose key is not below `key`.
    fn lower_bound(self, key: &str) -> usize {
        let (mut low, mut high) = (0, self.0.len()); // both always the start of a line, or the end
        while low < high {
            let middle = self.line_start(low + (high - low) / 2);
            let line = self.line_at(middle);
            if Row(line).key() < key {
                low = middle + line.len() + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn line_start(self, at: usize) -> usize {
        let before = self.0.as_bytes().get(..at).unwrap_or_default();
        memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
    }

    fn line_at(self, start: usize) -> &'static str {
        let rest = self.0.get(start..).unwrap_or_default();
        rest.split_once('\n').map_or(rest, |(line, _)| line)
    }
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row(&'static str);

impl Row {
    /// The first column.
    pub(super) fn key(self) -> &'static str {
        self.0.split_once('\t').map_or(self.0, |(key, _)| key)
    }
    /// Column `n`, 0-based; empty where the row has none.
    pub(super) fn column(self, n: usize) -> &'static str {
        self.0.split('\t').nth(n).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_with_all_its_rows_and_no_others() {
        let table = Table::new("a\t1\nb\t1\nb\t2\nba\t3\nc\t4\n");
        let of = |key| table.find(key).map(|r| r.column(1)).collect::<Vec<_>>();
        assert_eq!(of("b"), ["1", "2"]);
        assert_eq!((of("a"), of("c")), (vec!["1"], vec!["4"]));
        assert!(of("").is_empty() && of("aa").is_empty() && of("d").is_empty());
    }

    #[test]
    fn every_embedded_table_is_sorted_so_that_bisection_finds_every_key() {
        for (name, table) in super::super::TABLES {
            let mut before = "";
            for line in table.text().lines() {
                assert!(before < line, "{name}: `{line}` is not after `{before}`");
                before = line;
            }
            for row in table.rows().step_by(97) {
                assert_eq!(table.get(row.key()).unwrap().key(), row.key(), "{name}");
            }
        }
    }
}
