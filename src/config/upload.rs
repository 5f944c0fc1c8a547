//! `[publish.upload]`: the bucket that mirrors what is published.
//!
//! In: the table. Out: a bucket with the credentials' places, or errors with theirs. Nothing of the
//! network is asked here.

use url::Url;

use super::credential::Credential;
use super::diagnostic::Diagnostic;
use super::read::{Fault, Raw, Reader};
use super::stanza::{credential, non_empty, secret_of, web_url};

/// An S3-compatible bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where the service answers: scheme, host, port, perhaps a path.
    pub endpoint: Url,
    /// The bucket.
    pub bucket: String,
    /// The region that signatures name. Default `us-east-1`, which most compatible services expect.
    pub region: String,
    /// What every key begins with: empty, or ending in `/`. Default empty.
    pub prefix: String,
    /// Whether the bucket stands in the path rather than in the host. Default true: every service and
    /// every certificate knows it.
    pub path_style: bool,
    /// The access key.
    pub access_key: Credential,
    /// The secret key.
    pub secret_key: Credential,
}

impl Upload {
    /// The bucket as people name it, without secrets.
    pub fn shown(&self) -> String {
        format!("{}{}/{}", self.endpoint, self.bucket, self.prefix)
    }
}

/// Reads the table, where there is one.
pub(super) fn read(publish: &Reader<'_>, formats: &[String]) -> Option<Upload> {
    let written = publish.has("upload");
    let table = publish.table("upload");
    let here = table.here();
    let kind = table.choice("kind", &[("s3", ())]);
    let endpoint = table.scalar("endpoint", endpoint);
    if let Some(located) = &endpoint
        && let Some(what) = secret_of(&located.value)
    {
        table.report().push(Diagnostic::error(located.at.clone(), what).secret());
    }
    let bucket = table.scalar("bucket", bucket);
    let region = table.scalar("region", region).map_or_else(|| "us-east-1".to_owned(), |region| region.value);
    let prefix = table.scalar("prefix", prefix).map(|prefix| prefix.value).unwrap_or_default();
    let path_style = table.boolean("path_style").is_none_or(|style| style.value);
    let access_key = credential(&table, "access_key");
    let secret_key = credential(&table, "secret_key");
    let any = written || endpoint.is_some() || bucket.is_some() || kind.is_some();
    let missing: Vec<&str> = ["kind", "endpoint", "bucket", "access_key", "secret_key"]
        .into_iter()
        .filter(|key| !table.has_or_set(key))
        .collect();
    let report = table.report();
    table.finish();
    if !any {
        return None;
    }
    if !missing.is_empty() {
        let what = format!("[publish.upload] lacks {}", missing.join(", "));
        report
            .push(Diagnostic::error(here, what).help("an upload needs each of them; without the table there is none"));
        return None;
    }
    if !formats.iter().any(|name| name == "decp.parquet") {
        let what = "[publish.upload] lays decp.parquet out by year, and `formats` leaves it out";
        report.push(Diagnostic::error(here, what).help("add \"decp.parquet\" to `formats`"));
    }
    kind?;
    Some(Upload {
        endpoint: endpoint?.value,
        bucket: bucket?.value,
        region,
        prefix,
        path_style,
        access_key: access_key?.value,
        secret_key: secret_key?.value,
    })
}

fn endpoint(raw: Raw<'_>) -> Result<Url, Fault> {
    let url = web_url(&non_empty(raw)?)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Fault("it has a query or a fragment".to_owned(), "write only scheme, host and port".to_owned()));
    }
    let text = url.as_str();
    if text.ends_with('/') { Ok(url) } else { web_url(&format!("{text}/")) }
}

/// The rules of AWS, which every compatible service shares.
fn bucket(raw: Raw<'_>) -> Result<String, Fault> {
    let name = non_empty(raw)?;
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(letter) && name.bytes().last().is_some_and(letter);
    let all = name.bytes().all(|b| letter(b) || b == b'-' || b == b'.') && !name.contains("..");
    if (3..=63).contains(&name.len()) && ends && all {
        return Ok(name);
    }
    let form = "3 to 63 lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit";
    Err(Fault(format!("`{name}` is no name of a bucket"), form.to_owned()))
}

fn region(raw: Raw<'_>) -> Result<String, Fault> {
    let name = non_empty(raw)?;
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Ok(name);
    }
    Err(Fault(format!("`{name}` is no region"), "like \"gra\", \"fr-par\" or \"eu-west-3\"".to_owned()))
}

/// Plain names between slashes, so that a key reads the same in every tool.
fn prefix(raw: Raw<'_>) -> Result<String, Fault> {
    let text = non_empty(raw)?;
    let trimmed = text.trim_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ok = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    if trimmed.split('/').all(ok) {
        return Ok(format!("{trimmed}/"));
    }
    let form =
        "names of letters, digits, `-`, `_` and `.`, with `/` between them, like \"commande-publique/occitanie\"";
    Err(Fault(format!("`{text}` cannot begin a key"), form.to_owned()))
}
