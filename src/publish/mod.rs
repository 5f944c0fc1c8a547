//! A snapshot of the region → the files of a publication (contract.md §5): one file of this room per
//! format, and around them the gate, the reading back, the atomic swap and the retention.
//!
//! In: contracts in uid order, counts, what the configuration allows. Out: `dumps/<day>/`, whole or
//! not at all, and `latest` turned to it. One reading pass feeds all formats ([`pipeline`]); memory
//! does not grow with the region. Knows nothing of harvests, of the store or of HTTP.
//!
//! The way of a publication: `recover` what a kill left → build in a hidden folder → gate → read
//! back → manifest and sums → show → retention; [`upload`] then makes a bucket its mirror.

mod batch;
mod catalog;
mod changes;
mod checksums;
mod compress;
mod consumer_buyer;
mod consumer_db;
mod consumer_rows;
mod consumer_schema;
mod contract_json;
mod contrats_ndjson;
mod datapackage;
mod dcat;
mod decp2019_json;
mod decp2019_xml;
mod decp_csv;
mod decp_json;
mod decp_parquet;
mod decp_xlsx;
mod decp_xml;
mod doublons_csv;
mod emit;
mod error;
mod format;
mod gate;
mod input;
mod journal;
mod journal_csv;
mod journal_files;
mod journal_schema;
mod json;
mod liens_csv;
mod lisezmoi;
mod manifest;
mod mask;
pub mod media_type;
mod output;
mod pipeline;
mod previous;
mod quality;
mod quality_outliers;
mod quality_page;
mod quality_tally;
mod quarantine_ndjson;
mod reason;
mod retention;
mod seats;
mod shape_2019;
mod shape_2022;
mod signature;
mod swap;
mod tabular;
pub mod upload;
mod valid_2019;
mod valid_2022;
mod verify;
mod withdraw;
mod xlsx_parts;
mod xlsx_texts;
mod xml;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub use consumer_db::CONSUMER_DB;
pub use contract_json::write_contract;
pub use error::PublishError;
pub use gate::Refusal;
pub use input::{Counts, Input, OPTIONAL_FILES, Options, Outcome, ReadError, ResourceRow, Seat, Seats, SourceRow};
pub use journal::JOURNAL_DB;
pub use journal_files::{JOURNAL_FILES, is_journal};
pub use manifest::{FileEntry, LeftOut, MANIFEST, Manifest, Withdrawn};
pub use previous::Publication;
pub use quality::{BuyerCounts, GoneKey, Judged, Quality, SourceQuality};
pub use quality_outliers::Outlier;
pub use quarantine_ndjson::{MAX_RAW, QuarantineRecord, QuarantineRecords};
pub use reason::{Fault, Reason};
pub use seats::{reference_seat, seat};
pub use signature::{KeyError, SigningKey};
pub use valid_2019::valid_2019;
pub use valid_2022::valid_2022;
pub use withdraw::{Held, holding, stands, withdraw};

use catalog::Catalog;
use changes::{ChangeCounts, Changes};
use format::{TextFile, Writer};
use input::Input as In;

/// Program and version, as the files name them.
pub(crate) const GENERATOR: &str = concat!("guichet ", env!("CARGO_PKG_VERSION"));

/// What came of a request to publish.
#[derive(Debug, Clone, PartialEq)]
pub enum Published {
    /// A new publication stands.
    New(Box<Outcome>),
    /// It would have said what the last one says; none was made.
    Same {
        /// The last one.
        publication: String,
    },
}

/// Writes a publication. `force`: also when it would say what the last one says.
pub fn write(input: In<'_>, options: &Options, force: bool) -> Result<Published, PublishError> {
    swap::recover(&options.public)?;
    let previous = Publication::latest(&options.public)?;
    let folder = swap::build_in(&options.public)?;
    let dir = folder.path();
    let catalog = Arc::new(Catalog::new(input.sources, input.resources));
    // A journal never goes back: not even when the caller's own count was lost with a crash.
    let first_seq = match &previous {
        Some(p) if p.manifest.epoch == input.epoch => input.next_seq.max(p.manifest.last_seq + 1),
        _ => input.next_seq,
    };
    let changes = Changes::create(
        dir,
        &journal::About {
            previous: previous.as_ref(),
            epoch: input.epoch,
            first_seq,
            day: input.day,
            forget: input.forget,
            compress: options.compress,
        },
    )?;
    let formats =
        Formats { dir, catalog: &catalog, seats: input.seats, day: input.day, region: &input.region, options };
    let (read, mut files, changes) =
        pipeline::run(input.contracts, &catalog, input.seats, formats.open(input.quality, input.quarantine)?, changes)?;
    let withdrawn = Publication::withdrawn_last(&options.public)?;
    if let Some(before) = previous.as_ref().or(withdrawn.as_ref())
        && !options.accept_shrink
    {
        let allowed = allowed(options, &catalog);
        gate::check(&before.manifest.counts, &read.counts, input.redacted, &allowed)?;
    }
    let configuration = fingerprint(options, &catalog, input.region.as_deref());
    if !force && let Some(previous) = previous.as_ref().filter(|p| same(&files, &configuration, p)) {
        return Ok(Published::Same { publication: previous.name.clone() });
    }

    let (changed, changes) = changes.finish(&dir.join(CONSUMER_DB), input.removed)?;
    files.extend(changed);
    files.push(liens_csv::write(dir)?);
    if let Some(key) = &options.signing_key {
        files.push(output::put(dir, signature::PUBLIC_KEY, key.public_key().as_bytes(), None)?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let (publication, created) = (swap::name(&options.public, input.day)?, input.created.to_string());
    let region = input.region.as_deref();
    let text = lisezmoi::write(input.day, region, &read.counts, &read.left_out, &catalog, &files);
    files.push(output::put(dir, lisezmoi::LISEZMOI, text.as_bytes(), None)?);
    let about = datapackage::About { publication: &publication, created: &created, region, catalog: &catalog };
    let text = datapackage::write(&about, &files).map_err(unwritable(dir, datapackage::DATAPACKAGE))?;
    files.push(output::put(dir, datapackage::DATAPACKAGE, &text, None)?);
    let about = dcat::About {
        base: options.base_url.as_deref(),
        region,
        day: input.day,
        created: &created,
        period: dcat::period(dir, input.day)?,
    };
    let texts = dcat::write(&about, &files).map_err(PublishError::io("write the catalogue in", dir))?;
    for (name, text) in texts {
        files.push(output::put(dir, name, &text, None)?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let manifest = Manifest {
        day: input.day.to_string(),
        publication,
        created,
        generator: GENERATOR.to_owned(),
        epoch: input.epoch,
        first_seq,
        last_seq: changes.next_seq.saturating_sub(1),
        applies_to: previous.map(|p| p.name),
        counts: read.counts,
        files,
        left_out: read.left_out,
        configuration,
        withdrawn: None,
    };
    seal(folder, manifest, changes, options)
}

/// Reads everything back, adds manifest and sums, and shows the publication.
fn seal(
    folder: TempDir,
    manifest: Manifest,
    changes: ChangeCounts,
    options: &Options,
) -> Result<Published, PublishError> {
    let (dir, public) = (folder.path(), options.public.as_path());
    crash_point!("publish.before-verify");
    verify::verify(dir, &manifest.files)?;
    let text = manifest.to_json().map_err(unwritable(dir, MANIFEST))?;
    let mut all = manifest.files.clone();
    all.push(output::put(dir, MANIFEST, &text, None)?);
    let (sums, publication) = (checksums::sums(&all), manifest.publication);
    output::put(dir, "SHA256SUMS", sums.as_bytes(), None)?;
    if let Some(key) = &options.signing_key {
        output::put(dir, signature::SIGNATURE, key.sign(&sums, &publication)?.as_bytes(), None)?;
        signature::show(public, key)?;
    }
    crash_point!("publish.before-settle");
    swap::settle(dir)?;
    let dir = swap::show(public, folder, &publication)?;
    let (daily, monthly) = (options.keep_daily, options.keep_monthly);
    crash_point!("publish.before-retention");
    let removed = retention::apply(public, &publication, daily, monthly)?;
    Ok(Published::New(Box::new(Outcome {
        publication,
        dir,
        first_seq: manifest.first_seq,
        last_seq: manifest.last_seq,
        counts: manifest.counts,
        upserts: changes.upserts,
        deletes: changes.deletes,
        removed,
    })))
}

fn unwritable(dir: &Path, name: &str) -> impl FnOnce(serde_json::Error) -> PublishError {
    let path = dir.join(name);
    move |e| PublishError::Io { action: "write", path, source: e.into() }
}

/// What opens the files of a publication.
struct Formats<'a, 'i> {
    dir: &'a Path,
    catalog: &'a Arc<Catalog>,
    seats: Seats<'i>,
    day: crate::record::Day,
    region: &'a Option<String>,
    options: &'a Options,
}

impl<'i> Formats<'_, 'i> {
    fn open(
        &self,
        quality: Quality,
        quarantine: QuarantineRecords<'i>,
    ) -> Result<Vec<Box<dyn Writer + 'i>>, PublishError> {
        let (dir, day, compress) = (self.dir, self.day, self.options.compress);
        let catalog = || Arc::clone(self.catalog);
        let region = self.region.clone();
        let mut writers: Vec<Box<dyn Writer + 'i>> = vec![
            Box::new(consumer_db::ConsumerDb::create(dir, catalog(), day, region.clone())?),
            Box::new(contrats_ndjson::ContratsNdjson::create(dir, compress)?),
            text(dir, doublons_csv::DoublonsCsv, compress)?,
            Box::new(quality::QualityFiles::new(dir, catalog(), quality, day, region)),
            Box::new(quarantine_ndjson::QuarantineNdjson::create(dir, quarantine, self.seats, compress)?),
        ];
        for name in &self.options.formats {
            writers.push(match name.as_str() {
                "decp.json" => text(dir, decp_json::DecpJson::new(dir), compress)?,
                "decp.xml" => text(dir, decp_xml::DecpXml, compress)?,
                "decp-2019.json" => text(dir, decp2019_json::Decp2019Json::new(), compress)?,
                "decp-2019.xml" => text(dir, decp2019_xml::Decp2019Xml, compress)?,
                "decp.csv" => text(dir, decp_csv::DecpCsv::new(catalog(), day), compress)?,
                "decp.xlsx" => Box::new(decp_xlsx::DecpXlsx::create(dir, catalog(), day)?),
                "decp.parquet" => Box::new(decp_parquet::DecpParquet::create(dir, catalog(), day)?),
                // The configuration knows the names; one that is written always anyway adds nothing.
                _ => continue,
            });
        }
        Ok(writers)
    }
}

fn text<'i, F: format::TextFormat + 'i>(
    dir: &Path,
    format: F,
    compress: bool,
) -> Result<Box<dyn Writer + 'i>, PublishError> {
    Ok(Box::new(TextFile::create(dir, format, compress)?))
}

fn allowed(options: &Options, catalog: &Catalog) -> gate::Allowed {
    let own = |s: &SourceRow| Some((s.id.clone(), s.max_shrink?));
    gate::Allowed {
        max_drop: options.max_drop,
        max_shrink: options.max_shrink,
        per_source: catalog.sources.iter().filter_map(own).collect(),
    }
}

/// Whether the new files say what a publication says: the same contracts and candidates, under the same
/// configuration. (What the day alone decides, dureeRestanteMois, is no change.)
fn same(files: &[FileEntry], configuration: &str, previous: &Publication) -> bool {
    let alike = |name| {
        let now = files.iter().find(|f| f.name == name).map(|f| &f.sha256);
        now.is_some() && now == previous.manifest.file(name).map(|f| &f.sha256)
    };
    alike(contrats_ndjson::CONTRATS)
        && alike(doublons_csv::DOUBLONS)
        && configuration == previous.manifest.configuration
}

/// Everything but the contracts that decides what the state files say.
fn fingerprint(options: &Options, catalog: &Catalog, region: Option<&str>) -> String {
    let mut hasher = Sha256::new();
    let mut put = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    put(GENERATOR);
    put(&options.configuration);
    put(region.unwrap_or_default());
    let mut formats = options.formats.clone();
    formats.sort();
    formats.dedup();
    formats.iter().for_each(|f| put(f));
    put(if options.compress { "compress" } else { "plain" });
    put(&options.signing_key.as_ref().map(|key| key.public_key()).unwrap_or_default());
    put(options.base_url.as_deref().unwrap_or_default());
    for s in &catalog.sources {
        [&s.id, &s.name, &s.url, &s.licence, &s.format, &s.authority].into_iter().for_each(|t| put(t));
    }
    for r in &catalog.resources {
        [&r.source, &r.id, &r.url].into_iter().for_each(|t| put(t));
        put(r.title.as_deref().unwrap_or_default());
    }
    hex::encode(hasher.finalize())
}
