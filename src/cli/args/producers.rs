//! Arguments of the commands that read local files, for whoever produces data.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum, ValueHint};

use crate::decode;

/// `guichet validate`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Validate {
    /// Files to read
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Their format
    #[arg(long, value_enum, value_name = "F", default_value_t)]
    pub format: InputFormat,
    /// In tables, the field that a header stands for, as `columns` in sources.toml; once for each header
    #[arg(long, value_name = "HEADER=FIELD", value_parser = column)]
    pub columns: Vec<(String, String)>,
    /// Their encoding, where they lie about it, as latin1 or windows-1252 [default: recognised]
    #[arg(long, value_name = "LABEL", value_parser = encoding)]
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Print JSON (see docs/json.md) instead of a report
    #[arg(long)]
    pub json: bool,
}

/// `HEADER=FIELD`; a header may hold `=`, a field does not.
fn column(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=').map(|(header, field)| (header.trim(), field.trim())) {
        Some((header, field)) if !header.is_empty() && decode::is_column(field) => {
            Ok((header.to_owned(), field.to_owned()))
        }
        Some((header, field)) if !header.is_empty() => {
            Err(format!("`{field}` is no field of a table; write one as acheteur.id, titulaires.id or montant"))
        }
        _ => Err("write a header, `=` and a field, as \"N° du marché=id\"".to_owned()),
    }
}

fn encoding(label: &str) -> Result<&'static encoding_rs::Encoding, String> {
    decode::encoding(label)
        .ok_or_else(|| format!("`{label}` is not an encoding; write latin1, windows-1252, utf-16le…"))
}

/// Formats that local files can be read in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Recognised from the content
    #[default]
    Auto,
    /// DECP 2019 or 2022, JSON
    DecpJson,
    /// DECP 2019 or 2022, XML
    DecpXml,
    /// DECP as a table: national columns, SCDL, Région Bretagne
    DecpCsv,
}

impl InputFormat {
    /// The format's name in sources.toml.
    pub fn name(self) -> &'static str {
        match self {
            InputFormat::Auto => "auto",
            InputFormat::DecpJson => "decp-json",
            InputFormat::DecpXml => "decp-xml",
            InputFormat::DecpCsv => "decp-csv",
        }
    }
}

/// `guichet merge`
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Merge {
    /// Files to read; each counts as a source of its own
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Join records by their ids alone, as with `[merge] across_feeds = false`
    #[arg(long)]
    pub ids_only: bool,
}
