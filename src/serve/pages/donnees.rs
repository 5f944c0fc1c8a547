//! `/donnees` and the folders `/latest/`, `/dumps/`, `/dumps/{publication}/`: what can be downloaded.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Frame, Reader};
use crate::serve::app::{App, Parts, parts};
use crate::serve::encoding::Encoding;
use crate::serve::files;
use crate::serve::i18n::Lang;
use crate::serve::problem::Problem;
use crate::serve::queries;
use crate::serve::snapshot::Publication;

/// One file and its compressed variants.
pub struct FileRow {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub href: String,
    /// What is in it.
    pub about: &'static str,
    /// Bytes, where announced.
    pub bytes: Option<u64>,
    /// Rows, where announced.
    pub rows: Option<u64>,
    /// Hexadecimal digest.
    pub sha256: String,
    /// Ending, address and bytes of each compressed variant.
    pub variants: Vec<(&'static str, String, Option<u64>)>,
}

impl FileRow {
    /// The beginning of the digest: enough to compare by eye.
    pub fn digest_start(&self) -> &str {
        self.sha256.get(..16).unwrap_or(&self.sha256)
    }
}

/// The files of a publication as rows, variants gathered under their plain file.
pub fn rows(publication: &Publication, lang: Lang, folder: &str) -> Vec<FileRow> {
    let compressed = [Encoding::Zstd, Encoding::Gzip];
    let is_variant = |name: &str| {
        compressed
            .iter()
            .any(|e| name.strip_suffix(e.suffix()).is_some_and(|plain| publication.files.contains_key(plain)))
    };
    publication
        .files
        .iter()
        .filter(|(name, _)| !is_variant(name))
        .map(|(name, entry)| FileRow {
            href: format!("{folder}{name}"),
            about: about(name, lang),
            bytes: entry.bytes,
            rows: entry.rows,
            sha256: entry.sha256.clone(),
            variants: compressed
                .iter()
                .filter_map(|e| {
                    let file = format!("{name}{}", e.suffix());
                    let found = publication.files.get(&file)?;
                    Some((e.suffix(), format!("{folder}{file}"), found.bytes))
                })
                .collect(),
            name: name.clone(),
        })
        .collect()
}

/// What a file holds, in a few words.
fn about(name: &str, lang: Lang) -> &'static str {
    let (fr, en) = match name {
        "decp.json" => ("Format officiel 2022, JSON", "Official 2022 format, JSON"),
        "decp.xml" => ("Format officiel 2022, XML", "Official 2022 format, XML"),
        "decp-2019.json" => {
            ("Contrats connus au seul format 2019, JSON", "Contracts known in the 2019 format only, JSON")
        }
        "decp-2019.xml" => ("Contrats connus au seul format 2019, XML", "Contracts known in the 2019 format only, XML"),
        "decp.csv" => {
            ("Tableau : une ligne par contrat, état et titulaire", "Table: one row per contract, state and holder")
        }
        "decp.parquet" => ("Le même tableau, Parquet", "The same table, Parquet"),
        "decp.xlsx" => ("Le même tableau pour tableur, état actuel", "The same table for a spreadsheet, present state"),
        "contrats.ndjson" => (
            "Tout : provenance, désaccords, constats ; un contrat par ligne",
            "Everything: provenance, conflicts, findings; one contract per line",
        ),
        "guichet.sqlite" => (
            "Base SQLite documentée, celle que lisent ces pages",
            "Documented SQLite database, the one these pages read",
        ),
        "changes.ndjson" => {
            ("Ce qui a changé depuis la publication précédente", "What changed since the publication before")
        }
        "quality.json" => ("Qualité par source et par acheteur", "Quality by source and by buyer"),
        "quality.html" => ("Qualité, à lire", "Quality, to read"),
        "quarantine.ndjson" => {
            ("Enregistrements inutilisables, avec la raison", "Records that cannot be used, with the reason")
        }
        "observations.csv" => ("Quand chaque source a été vue disant quoi", "When each source was seen saying what"),
        "aliases.csv" => ("Anciens identifiants", "Former identifiers"),
        "doublons.csv" => {
            ("Doublons possibles, non fusionnés, et pourquoi", "Possible duplicates, not merged, and why")
        }
        "liens.csv" => ("Liens entre consultations et contrats", "Links between consultations and contracts"),
        "manifest.json" => ("Liste des fichiers, empreintes, comptes", "List of files, checksums, counts"),
        "SHA256SUMS" => ("Empreintes de tous les fichiers", "Checksums of all files"),
        "SHA256SUMS.minisig" => ("Signature des empreintes", "Signature of the checksums"),
        "LISEZMOI.md" => ("Mode d’emploi", "How to use it (in French)"),
        "datapackage.json" => ("Description Frictionless", "Frictionless description"),
        "catalog.jsonld" | "catalog.ttl" => ("Catalogue DCAT-AP", "DCAT-AP catalogue"),
        _ => ("", ""),
    };
    if lang == Lang::Fr { fr } else { en }
}

#[derive(Template)]
#[template(path = "donnees.html")]
struct Files<'a> {
    f: &'a Frame,
    /// The publication's name where this is a folder; `None` on the page about the data.
    folder: Option<String>,
    name: &'a str,
    rows: Vec<FileRow>,
}

/// `/donnees`.
pub async fn page(State(app): State<Arc<App>>, reader: Reader) -> Result<Response, Problem> {
    let publication = app.latest().await?;
    listing(&app, reader, publication, "/latest/".to_owned(), None).await
}

/// `/latest/`.
pub async fn latest_index(State(app): State<Arc<App>>, reader: Reader) -> Result<Response, Problem> {
    let publication = app.latest().await?;
    listing(&app, reader, publication, "/latest/".to_owned(), Some("/latest/".to_owned())).await
}

/// `/dumps/{publication}/`.
pub async fn dated_index(
    State(app): State<Arc<App>>,
    path: Parts<String>,
    reader: Reader,
) -> Result<Response, Problem> {
    let publication = app.dated(parts(path)?).await?;
    if publication.manifest.is_withdrawn() {
        return Err(files::withdrawn(&publication));
    }
    let folder = format!("/dumps/{}/", publication.name);
    listing(&app, reader, publication, folder.clone(), Some(folder)).await
}

async fn listing(
    app: &App,
    mut reader: Reader,
    publication: Arc<Publication>,
    prefix: String,
    folder: Option<String>,
) -> Result<Response, Problem> {
    if publication.manifest.is_withdrawn() {
        return Err(files::withdrawn(&publication));
    }
    reader.frame.region = app.ask(&publication, queries::region).await.unwrap_or_default();
    reader.frame.showing(&publication);
    let rows = rows(&publication, reader.frame.lang, &prefix);
    reader.page(&Files { f: &reader.frame, folder, name: &publication.name, rows })
}

/// One publication in the list of all.
struct Past {
    name: String,
    day: String,
    files: usize,
    withdrawn: bool,
    latest: bool,
}

#[derive(Template)]
#[template(path = "dumps.html")]
struct Dumps<'a> {
    f: &'a Frame,
    past: Vec<Past>,
}

/// `/dumps/`.
pub async fn past(State(app): State<Arc<App>>, mut reader: Reader) -> Result<Response, Problem> {
    let current = app.current().await?;
    let publications = app.publications.clone();
    let latest = current.as_ref().map(|p| p.name.clone());
    let past = files::blocking(move || {
        let names = publications.names().unwrap_or_default();
        let known = names.into_iter().filter_map(|name| publications.dated(&name).ok().flatten());
        known
            .map(|p| Past {
                name: p.name.clone(),
                day: p.name.split('.').next().unwrap_or_default().to_owned(),
                files: p.files.len(),
                withdrawn: p.manifest.is_withdrawn(),
                latest: latest.as_ref() == Some(&p.name),
            })
            .collect()
    })
    .await?;
    if let Some(publication) = &current {
        reader.frame.region = app.ask(publication, queries::region).await.unwrap_or_default();
        reader.frame.showing(publication);
    }
    reader.page(&Dumps { f: &reader.frame, past })
}
