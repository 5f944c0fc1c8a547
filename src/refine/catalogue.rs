//! Everything that can be found in a record, as one list for people: the rules of single records,
//! what is found between several contracts, and the reasons of quarantine. `check --rules`, `docs/rules.md` and the
//! quality pages show this list and nothing else.

use std::fmt::Write as _;

use super::remedies::{Remedy, remedy_of_reason};
use super::rules::{REASONS, Rule};

/// One entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Code, as a finding carries it.
    pub code: &'static str,
    /// `error`, `warning`, `repaired`, `quarantine`.
    pub severity: &'static str,
    /// The fields it looks at; `*` for any.
    pub field: &'static str,
    /// What it means, in French.
    pub french: &'static str,
    /// What it means, in English.
    pub english: &'static str,
    /// The text that it follows; `None` for a reason of quarantine.
    pub reference: Option<&'static str>,
    /// What to do.
    pub remedy: Remedy,
}

/// What depends on several contracts: the first is found by the merge, the second by a publication.
const OF_SEVERAL: [Entry; 2] = [
    Entry {
        code: "id-reused",
        severity: "warning",
        field: "id",
        french: "L'acheteur a donné ce même identifiant à plusieurs contrats : leur uid porte un suffixe.",
        english: "The buyer gave this id to several contracts: their uids carry a suffix.",
        reference: Some("arrêté 22/12/2022, id"),
        remedy: Remedy::ContractId,
    },
    Entry {
        code: "amount-outlier",
        severity: "warning",
        field: "montant",
        french: "Montant très éloigné de ceux des contrats de même division CPV et d'acheteurs de taille comparable ; dans les fichiers de qualité seulement.",
        english: "An amount far from those of contracts of the same CPV division and of buyers of like size; in the quality files only.",
        reference: Some("règle de qualité"),
        remedy: Remedy::Amount,
    },
];

/// Every entry: rules in the order of their table, then those of several contracts, then reasons of quarantine.
pub fn entries() -> impl Iterator<Item = Entry> {
    let rules = Rule::ALL.iter().map(|rule| of_rule(*rule));
    rules.chain(OF_SEVERAL).chain(REASONS.iter().map(|r| of_reason(*r)))
}

fn of_rule(rule: Rule) -> Entry {
    Entry {
        code: rule.code(),
        severity: rule.severity().name(),
        field: rule.field(),
        french: rule.french(),
        english: rule.english(),
        reference: Some(rule.reference()),
        remedy: rule.remedy(),
    }
}

fn of_reason((code, french, english): (&'static str, &'static str, &'static str)) -> Entry {
    let remedy = remedy_of_reason(code);
    Entry { code, severity: "quarantine", field: "*", french, english, reference: None, remedy }
}

/// The entry of a code.
pub fn entry(code: &str) -> Option<Entry> {
    let rule = Rule::from_code(code).map(of_rule);
    let of_merge = || OF_SEVERAL.into_iter().find(|e| e.code == code);
    rule.or_else(of_merge).or_else(|| REASONS.iter().find(|r| r.0 == code).map(|r| of_reason(*r)))
}

/// The text of docs/rules.md.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Règles\n\n\
         Ce que guichet vérifie dans chaque donnée. Cette page est produite par le programme (`GUICHET_BLESS=1 cargo test rules_page`) ;\n\
         `guichet check --rules` donne la même liste. Une règle ne dépend que de la donnée et du premier jour où elle a été vue.\n\n\
         - `error` : aucune lecture sûre, la valeur déclarée est gardée à côté et le champ reste vide, ou un champ exigé manque ;\n\
         - `warning` : la valeur est gardée, et mérite un regard ;\n\
         - `repaired` : une seule lecture possible, la valeur est redressée et la valeur déclarée gardée à côté ;\n\
         - `quarantine` : la donnée est illisible ou n'a pas d'identité, elle est mise de côté avec sa place dans le fichier.\n",
    );
    for (severity, title) in [
        ("error", "Erreurs"),
        ("warning", "Avertissements"),
        ("repaired", "Redressements"),
        ("quarantine", "Quarantaine"),
    ] {
        let _ = write!(
            text,
            "\n## {title} (`{severity}`)\n\n| code | champ | sens | meaning | référence |\n|---|---|---|---|---|\n"
        );
        for e in entries().filter(|e| e.severity == severity) {
            let cells = [e.field, e.french, e.english, e.reference.unwrap_or("-")].map(cell);
            let _ = writeln!(text, "| `{}` | {} |", e.code, cells.join(" | "));
        }
    }
    text.push_str("\n## Que faire\n\n| codes | que faire | what to do |\n|---|---|---|\n");
    let mut remedies: Vec<(Remedy, Vec<String>)> = Vec::new();
    for e in entries() {
        let code = format!("`{}`", e.code);
        match remedies.iter_mut().find(|(r, _)| *r == e.remedy) {
            Some((_, codes)) => codes.push(code),
            None => remedies.push((e.remedy, vec![code])),
        }
    }
    remedies.sort_by_key(|(remedy, _)| *remedy);
    for (remedy, codes) in remedies {
        let _ = writeln!(text, "| {} | {} | {} |", codes.join(", "), cell(remedy.french()), cell(remedy.english()));
    }
    text
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_no_code_twice_and_every_code_is_found_again() {
        let mut codes: Vec<_> = entries().map(|e| e.code).collect();
        for code in &codes {
            assert_eq!(entry(code).map(|e| e.code), Some(*code));
        }
        let n = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), n);
        assert!(n >= 60);
        assert_eq!(entry("nothing"), None);
    }

    #[test]
    fn the_rules_page_says_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md");
        if std::env::var_os("GUICHET_BLESS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == markdown(), "docs/rules.md is out of date: GUICHET_BLESS=1 cargo test rules_page");
    }
}
