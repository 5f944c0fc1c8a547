//! datapackage.json: the publication as a Frictionless Data Package, so that tools can open its
//! tables with the right types and people can read what each column means.
//!
//! In: the files of a publication, the sources, the columns of decp.csv. Out: the descriptor (Data
//! Package, v1 of the specification). Knows nothing of contracts.

use serde::Serialize;

use super::catalog::Catalog;
use super::manifest::FileEntry;
use super::tabular::{COLUMNS, Kind};

/// Name of the file.
pub(super) const DATAPACKAGE: &str = "datapackage.json";

/// What the columns of decp.csv mean: name and description, in French, in the order of the columns.
const DESCRIPTIONS: &str = include_str!("decp_columns.fr.tsv");

/// What is known of the publication besides its files.
pub(super) struct About<'a> {
    /// Its name.
    pub(super) publication: &'a str,
    /// When it was made, RFC 3339.
    pub(super) created: &'a str,
    /// Name of the region.
    pub(super) region: Option<&'a str>,
    /// Sources.
    pub(super) catalog: &'a Catalog,
}

#[derive(Serialize)]
struct Package<'a> {
    profile: &'static str,
    name: String,
    title: String,
    description: &'static str,
    version: &'a str,
    created: &'a str,
    licenses: [Licence; 1],
    sources: Vec<Source<'a>>,
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Licence {
    name: &'static str,
    title: &'static str,
    path: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    profile: &'static str,
    name: String,
    path: &'a str,
    description: &'static str,
    format: &'a str,
    mediatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    bytes: u64,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Schema>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dialect {
    delimiter: &'static str,
    line_terminator: &'static str,
    quote_char: &'static str,
    double_quote: bool,
    header: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema {
    fields: Vec<Field>,
    missing_values: [&'static str; 1],
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    r#type: &'static str,
    description: &'static str,
}

/// The text of the descriptor. Compressed forms stand beside their plain file and are not named.
pub(super) fn write(about: &About<'_>, files: &[FileEntry]) -> Result<Vec<u8>, serde_json::Error> {
    let plain = |f: &&FileEntry| !f.name.ends_with(".gz") && !f.name.ends_with(".zst");
    let package = Package {
        profile: "data-package",
        name: "marches-publics".to_owned(),
        title: match about.region {
            Some(region) => format!("Marchés publics et concessions : {region}"),
            None => "Marchés publics et concessions".to_owned(),
        },
        description: "Données essentielles de la commande publique, rassemblées de nombreuses plateformes, dédoublonnées, avec l'origine de chaque valeur.",
        version: about.publication,
        created: about.created,
        licenses: [Licence {
            name: "etalab-2.0",
            title: "Licence Ouverte 2.0",
            path: "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
        }],
        sources: about.catalog.sources.iter().map(|s| Source { title: &s.name, path: &s.url }).collect(),
        resources: files.iter().filter(plain).map(resource).collect(),
    };
    let mut text = serde_json::to_vec_pretty(&package)?;
    text.push(b'\n');
    Ok(text)
}

fn resource(file: &FileEntry) -> Resource<'_> {
    let (stem, format) = file.name.rsplit_once('.').unwrap_or((&file.name, ""));
    let table = file.name == "decp.csv";
    Resource {
        profile: if table { "tabular-data-resource" } else { "data-resource" },
        // Lower case, and no two alike: decp.csv and decp.json share a stem.
        name: format!("{stem}-{format}").to_ascii_lowercase(),
        path: &file.name,
        description: super::lisezmoi::about(&file.name),
        format,
        mediatype: super::media_type::bare(&file.name),
        encoding: (!matches!(format, "parquet" | "sqlite" | "xlsx")).then_some("utf-8"),
        bytes: file.bytes,
        hash: format!("sha256:{}", file.sha256),
        dialect: table.then_some(Dialect {
            delimiter: ",",
            line_terminator: "\r\n",
            quote_char: "\"",
            double_quote: true,
            header: true,
        }),
        schema: table.then(|| Schema { fields: fields().collect(), missing_values: [""] }),
    }
}

/// The columns of decp.csv, typed and explained.
fn fields() -> impl Iterator<Item = Field> {
    let described = DESCRIPTIONS.lines().map(|line| line.split_once('\t').unwrap_or((line, "")));
    COLUMNS.iter().zip(described).map(|((name, kind), (_, description))| Field {
        name,
        r#type: match kind {
            Kind::Text => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
        },
        description,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_described_in_its_order() {
        let described: Vec<&str> = DESCRIPTIONS.lines().filter_map(|l| Some(l.split_once('\t')?.0)).collect();
        let columns: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(described, columns);
        assert!(fields().all(|f| f.description.chars().count() > 10));
    }

    #[test]
    fn a_descriptor_names_plain_files_with_their_sums_and_the_table_with_its_types() {
        let file = |name: &str| FileEntry { name: name.into(), sha256: "ab".into(), bytes: 7, rows: Some(1) };
        let catalog = Catalog::new(Vec::new(), Vec::new());
        let about =
            About { publication: "2026-11-24", created: "2026-11-24T06:30:00Z", region: None, catalog: &catalog };
        let text = write(&about, &[file("decp.csv"), file("decp.csv.gz"), file("decp.json")]).unwrap();
        let package: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let resources = package["resources"].as_array().unwrap();
        let names: Vec<_> = resources.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["decp-csv", "decp-json"]);
        assert_eq!(resources[0]["hash"], "sha256:ab");
        let fields = resources[0]["schema"]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), COLUMNS.len());
        assert_eq!(fields[9]["type"], "number");
        assert!(resources[1]["schema"].is_null());
    }
}
