//! The short table that `guichet demo` prints, and what it prints below when the truth does not
//! hold. Plain lines where no terminal reads them.

use comfy_table::{CellAlignment, Table, presets};

use super::check::Verdict;

/// The language of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// As the region's operators speak.
    #[default]
    French,
    /// As its logs do.
    English,
}

const FRENCH: [&str; 8] =
    ["sources", "enregistrements", "contrats", "réparés", "en quarantaine", "retrouvés", "manqués", "faux"];
const ENGLISH: [&str; 8] =
    ["sources", "records", "contracts", "repaired", "quarantined", "found", "missed", "wrong"];

impl Verdict {
    /// The table: with borders for a terminal, else a line of `label value` for each figure. The
    /// details follow, a line each, when the truth does not hold.
    pub fn table(&self, terminal: bool, language: Language) -> String {
        let labels = match language {
            Language::French => FRENCH,
            Language::English => ENGLISH,
        };
        let values = [
            self.sources.to_string(),
            self.records.to_string(),
            self.contracts.to_string(),
            self.repaired.to_string(),
            self.quarantined.to_string(),
            self.found.to_string(),
            self.missed.to_string(),
            self.wrong.to_string(),
        ];
        let mut out = if terminal {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED).set_header(labels).add_row(values);
            for column in table.column_iter_mut() {
                column.set_cell_alignment(CellAlignment::Right);
            }
            format!("{table}\n")
        } else {
            labels.iter().zip(&values).map(|(label, value)| format!("{label} {value}\n")).collect()
        };
        for detail in &self.details {
            out.push_str(detail);
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_borders_and_a_pipe_gets_lines() {
        let verdict = Verdict { sources: 9, records: 412, found: 301, wrong: 1, details: vec!["x: y".to_owned()], ..Verdict::default() };
        let plain = verdict.table(false, Language::English);
        assert!(plain.starts_with("sources 9\nrecords 412\n") && plain.ends_with("wrong 1\nx: y\n"));
        let shown = verdict.table(true, Language::French);
        assert!(shown.contains("enregistrements") && shown.contains('│') && shown.contains("412"));
        assert!(verdict.table(false, Language::French).contains("retrouvés 301\n"));
    }
}
