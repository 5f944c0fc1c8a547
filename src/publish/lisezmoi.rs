//! LISEZMOI.md: what a publication holds and how to use it, in French, for a journalist.
//!
//! In: the counts and the files. Out: a text that says the same for the same contracts; it is a
//! state file, so that it names neither a time of ours nor a seq.

use std::fmt::Write as _;

use super::catalog::Catalog;
use super::input::Counts;
use super::manifest::{FileEntry, LeftOut};
use crate::record::Day;

/// Name of the file.
pub(super) const LISEZMOI: &str = "LISEZMOI.md";

/// What each file is, in one line.
pub(super) fn about(name: &str) -> &'static str {
    match name {
        "decp.json" => "Format officiel de 2022, JSON : chaque contrat est valide au schéma",
        "decp.xml" => "Format officiel de 2022, XML",
        "decp-2019.json" => "Format officiel de 2019, JSON : les contrats publiés seulement ainsi",
        "decp-2019.xml" => "Format officiel de 2019, XML : les mêmes",
        "decp.csv" => "Le tableau : une ligne par contrat, état et titulaire, aux colonnes du jeu national",
        "decp.parquet" => "Le même tableau pour DuckDB, pandas, R, Polars",
        "decp.xlsx" => "L'état présent du même tableau pour un tableur : Excel, LibreOffice",
        "liens.csv" => "Les liens entre consultations et contrats (aucun : les consultations viendront)",
        "contrats.ndjson" => {
            "Tout : un contrat par ligne, avec l'origine de chaque valeur et les désaccords entre sources"
        }
        "changes.ndjson" => "Ce qui a changé depuis la publication précédente",
        "journal.sqlite" => "Le journal : les changements de 90 jours, les dates de vue, les anciens uid",
        "observations.csv" => "Quand chaque ressource de chaque source a montré chaque contrat",
        "aliases.csv" => "Les uid qui n'existent plus, et ceux qui les remplacent",
        "doublons.csv" => {
            "Paires de contrats qui pourraient n'en faire qu'un et n'ont pas été réunies, avec le pourquoi"
        }
        "guichet.sqlite" => "Base de données à interroger en SQL ; sa table documentation l'explique",
        "quality.json" => "La qualité par source et par acheteur, en chiffres",
        "quality.html" => "La qualité par source et par acheteur, à lire",
        "quarantine.ndjson" => "Les enregistrements illisibles ou sans identité, avec leur texte d'origine",
        super::signature::PUBLIC_KEY => "La clé publique de la signature SHA256SUMS.minisig",
        LISEZMOI => "Ce texte",
        super::datapackage::DATAPACKAGE => "Description Frictionless : colonnes, types, sources",
        _ => "",
    }
}

/// The text.
pub(super) fn write(
    day: Day,
    region: Option<&str>,
    counts: &Counts,
    left_out: &LeftOut,
    catalog: &Catalog,
    files: &[FileEntry],
) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = compose(&mut out, day, region, (counts, left_out), catalog, files);
    out
}

fn compose(
    out: &mut String,
    day: Day,
    region: Option<&str>,
    (counts, left_out): (&Counts, &LeftOut),
    catalog: &Catalog,
    files: &[FileEntry],
) -> std::fmt::Result {
    writeln!(out, "# Marchés publics et concessions{}\n", region.map(|r| format!(" : {r}")).unwrap_or_default())?;
    writeln!(
        out,
        "État au {day} : {} contrats, dont {} marchés et {} concessions, rassemblés de {} sources et dédoublonnés ;\n\
         {} ont été retirés depuis par leur source. Licence Ouverte 2.0 : citez la source et la date.\n",
        number(counts.contrats),
        number(counts.marches),
        number(counts.concessions),
        counts.sources.len(),
        number(counts.withdrawn),
    )?;
    writeln!(out, "## Les fichiers\n")?;
    for file in files.iter().filter(|f| !f.name.ends_with(".gz") && !f.name.ends_with(".zst")) {
        // How much has changed depends on when we last looked: no part of a state file.
        let rows = file.rows.filter(|_| !super::journal_files::is_journal(&file.name));
        let rows = rows.map(|n| format!(" ({} lignes)", number(n))).unwrap_or_default();
        writeln!(out, "- `{}`{rows} : {}", file.name, about(&file.name))?;
    }
    out.push_str(ADVICE);
    let missing: u64 = left_out.decp.values().chain(left_out.decp_2019.values()).sum();
    writeln!(
        out,
        "- {} contrats ne respectent aucun schéma officiel et ne sont pas dans les fichiers `decp*.json` et `.xml` ;\n  \
         ils sont dans tous les autres. `manifest.json` dit pourquoi, par raison.\n\
         - Pour {} contrats, la commune du siège de l'acheteur n'est pas connue.\n",
        number(missing),
        number(counts.seat_unknown),
    )?;
    writeln!(out, "## Les sources\n")?;
    for source in &catalog.sources {
        let n = counts.sources.get(&source.id).copied().unwrap_or_default();
        if n > 0 {
            writeln!(out, "- {} : {} contrats, licence {}, {}", source.name, number(n), source.licence, source.url)?;
        }
    }
    Ok(())
}

/// How to read the data without being wrong.
const ADVICE: &str = "
## Avant de compter

- Dans `decp.csv`, un contrat à plusieurs titulaires a plusieurs lignes, et chaque modification en ajoute : comptez les
  `uid` distincts, et ne gardez que `donneesActuelles` = vrai pour l'état présent.
- `montant` vaut pour tout le contrat : ne l'additionnez pas sur les titulaires. Pour un accord-cadre c'est un maximum,
  rarement atteint. Certains montants sont faux chez l'acheteur lui-même : `quality.html` montre les plus étranges.
- Les identifiants (SIRET, CPV, codes de communes) sont du texte : leurs zéros de tête comptent. Un tableur les efface
  si on ouvre le CSV par un double clic : ouvrez `decp.xlsx`, ou passez par l'import de données et choisissez « texte ».
- Une case vide est une valeur que personne n'a déclarée, ou dont aucune lecture n'est sûre ; ce n'est pas zéro.
- Ce que deux sources disent différemment est dans `contrats.ndjson`, sous `conflicts` ; d'où vient chaque valeur, sous
  `provenance`.
";

/// A number with spaces between thousands, as French writes it.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_learns_what_is_there_and_what_to_beware_of() {
        let counts = Counts { contrats: 12_345, marches: 12_000, concessions: 345, ..Counts::default() };
        let file = FileEntry { name: "decp.csv".into(), sha256: String::new(), bytes: 1, rows: Some(1_234_567) };
        let packed = FileEntry { name: "decp.csv.gz".into(), ..file.clone() };
        let (day, catalog) = (Day::from_ymd(2026, 11, 24).unwrap(), Catalog::new(Vec::new(), Vec::new()));
        let text = write(day, Some("Occitanie"), &counts, &LeftOut::default(), &catalog, &[file, packed]);
        assert!(text.starts_with("# Marchés publics et concessions : Occitanie\n"), "{text}");
        for part in ["2026-11-24", "12\u{202f}345 contrats", "`decp.csv` (1\u{202f}234\u{202f}567 lignes)", "uid"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains(".gz"));
    }

    #[test]
    fn every_file_of_a_publication_is_explained() {
        let always = ["contrats.ndjson", "changes.ndjson", "guichet.sqlite", "quality.json", "quality.html"];
        for name in super::super::OPTIONAL_FILES.iter().chain(&always) {
            assert!(about(name).chars().count() > 10, "{name}");
        }
    }
}
