//! A dataset of an Opendatasoft portal (Explore API v2).
//!
//! In: the dataset's address, in any of the forms that people copy (the API's, one of its exports,
//! the portal's page), the stanza's filter and window. Out: one resource, the export, with the title
//! and licence that the dataset's description gives. The description is the only other request:
//! `/records`, which stops at 10,000, is never asked. What the export holds is not known here.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Resource;
use super::datagouv::moment;
use super::filter::Found;
use super::json;
use super::walk::Asker;
use crate::harvest::fault::{FetchError, FetchFault};

/// What the stanza says of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ods {
    /// A condition in ODSQL. `{since}` in it stands for the first day of the window.
    pub filter: Option<String>,
    /// Only the records of this last stretch of time.
    pub window: Option<Duration>,
    /// The form asked for, unless the address itself names one.
    pub export: Export,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Export {
    /// One array of flat objects.
    #[default]
    Json,
    /// A flat object a line.
    Jsonl,
    /// A table.
    Csv,
}

impl Export {
    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
    fn of(word: &str) -> Option<Self> {
        [Self::Json, Self::Jsonl, Self::Csv].into_iter().find(|e| e.word() == word)
    }
}

/// Place of the window's first day in a filter.
const SINCE: &str = "{since}";

/// A dataset's description: v2.1 gives it at the top, v2.0 under `dataset`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Described {
    dataset: Option<Box<Described>>,
    metas: Metas,
    fields: Vec<Field>,
    #[serde(deserialize_with = "json::text")]
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metas {
    default: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(deserialize_with = "json::text")]
    title: Option<String>,
    #[serde(deserialize_with = "json::text")]
    license: Option<String>,
    #[serde(deserialize_with = "json::text")]
    modified: Option<String>,
    #[serde(deserialize_with = "json::text")]
    data_processed: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Field {
    #[serde(deserialize_with = "json::text")]
    name: Option<String>,
    #[serde(rename = "type", deserialize_with = "json::text")]
    kind: Option<String>,
}

/// A dataset by its address.
#[derive(Debug, PartialEq, Eq)]
struct Dataset {
    /// The API's address of the dataset, without slash at its end.
    api: Url,
    id: String,
    /// The form that the address itself names.
    export: Option<Export>,
}

/// The export of the dataset, as one resource.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let ods = &asker.source.ods;
    let dataset = dataset(&asker.home()?).map_err(|fault| asker.error(fault))?;
    let mut found = Found::default();
    let described = match asker.page(&dataset.api).await {
        Ok(page) => describe(&page.body).map_err(|fault| asker.error(fault)),
        Err(error) => Err(error),
    };
    let described = match described {
        Ok(described) => described,
        Err(error) if needs_field(ods) || error.fault.is_transient() || is_gone(&error.fault) => return Err(error),
        // Some portals close the description and leave the export open.
        Err(error) => {
            found.warn(format!("the dataset's description cannot be read: {error}"));
            Described::default()
        }
    };
    let condition = condition(ods, &described.fields, asker.now).map_err(|fault| asker.error(fault))?;
    let meta = described.metas.default;
    let export = dataset.export.unwrap_or(ods.export);
    let title = meta.title.clone().unwrap_or_else(|| dataset.id.clone());
    let mut resource = Resource::new(
        &format!("export-{}", export.word()),
        export_url(&dataset.api, export, condition.as_deref()).as_str(),
        &title,
    );
    resource.format = Some(export.word().to_owned());
    resource.last_modified =
        [meta.data_processed, meta.modified].into_iter().flatten().filter_map(|at| moment(&at)).max();
    found.title = meta.title;
    found.licence = meta.license;
    found.add(resource);
    Ok(found)
}

fn is_gone(fault: &FetchFault) -> bool {
    matches!(fault, FetchFault::Status { code: 404 | 410, .. })
}

fn needs_field(ods: &Ods) -> bool {
    ods.window.is_some() && !ods.filter.as_ref().is_some_and(|f| f.contains(SINCE))
}

fn describe(text: &[u8]) -> Result<Described, FetchFault> {
    // Through a value: a description with one odd part still gives the others.
    let value: Value = json::document(text, "an Opendatasoft dataset")?;
    let mut described = Described::deserialize(&value).unwrap_or_default();
    if let Some(inner) = described.dataset.take() {
        described = *inner;
    }
    let known = value.get("metas").is_some() || value.get("dataset").is_some() || value.get("dataset_id").is_some();
    if !known {
        let said = json::said(described.message);
        return Err(FetchFault::Catalogue(format!("it is not the description of an Opendatasoft dataset{said}")));
    }
    Ok(described)
}

/// The dataset that an address of a portal is about.
fn dataset(url: &Url) -> Result<Dataset, FetchFault> {
    let bad = |why: &str| {
        FetchFault::Catalogue(format!(
            "{why}: give the dataset's address, https://PORTAL/api/explore/v2.1/catalog/datasets/ID"
        ))
    };
    let parts: Vec<&str> = url.path_segments().into_iter().flatten().filter(|p| !p.is_empty()).collect();
    let (base, id, rest): (&[&str], &str, &[&str]) = match parts.as_slice() {
        ["api", "explore", version, "catalog", "datasets", id, rest @ ..] if version.starts_with("v2") => {
            (parts.get(..5).unwrap_or_default(), id, rest)
        }
        ["api", "v2", "catalog", "datasets", id, rest @ ..] => (parts.get(..4).unwrap_or_default(), id, rest),
        ["explore", "dataset", id, ..] => (&["api", "explore", "v2.1", "catalog", "datasets"], id, &[]),
        ["api", "explore", .., "datasets"] | ["api", "v2", "catalog", "datasets"] => {
            return Err(bad("it names the portal's list, and no dataset"));
        }
        _ => return Err(bad("it is not the address of an Opendatasoft dataset")),
    };
    let export = match rest {
        ["exports", word, ..] => Some(
            Export::of(word)
                .ok_or_else(|| bad(&format!("the export `{word}` is not read (json, jsonl and csv are)")))?,
        ),
        _ => None,
    };
    let mut api = url.clone();
    api.set_query(None);
    api.set_fragment(None);
    api.set_path(&format!("/{}/{id}", base.join("/")));
    Ok(Dataset { api, id: id.to_owned(), export })
}

/// The condition of the export: the stanza's own, and the window's.
fn condition(ods: &Ods, fields: &[Field], now: Timestamp) -> Result<Option<String>, FetchFault> {
    let Some(window) = ods.window else { return Ok(ods.filter.clone()) };
    let since = now.checked_sub(window).unwrap_or(Timestamp::MIN).to_zoned_datetime(TimeZone::UTC).date();
    match &ods.filter {
        Some(filter) if filter.contains(SINCE) => Ok(Some(filter.replace(SINCE, &since.to_string()))),
        filter => {
            let window = format!("{} >= date'{since}'", dated(fields)?);
            Ok(Some(filter.as_ref().map_or(window.clone(), |f| format!("({f}) and {window}"))))
        }
    }
}

/// The field that a window is measured on: the first that holds a day, else a moment. A dataset that
/// is to be measured on another says so in its filter.
fn dated(fields: &[Field]) -> Result<&str, FetchFault> {
    let of = |kind: &str| fields.iter().find(|f| f.kind.as_deref() == Some(kind)).and_then(|f| f.name.as_deref());
    let name =
        of("date").or_else(|| of("datetime")).filter(|n| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    name.ok_or_else(|| {
        FetchFault::Catalogue(
            "`window` needs a field of type date, and the dataset has none: write the condition into `where`, \
             with {since} in the place of the day"
                .into(),
        )
    })
}

fn export_url(api: &Url, export: Export, condition: Option<&str>) -> Url {
    let mut url = api.clone();
    url.set_path(&format!("{}/exports/{}", api.path(), export.word()));
    if let Some(condition) = condition {
        url.query_pairs_mut().append_pair("where", condition);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn fields(list: &[(&str, &str)]) -> Vec<Field> {
        list.iter().map(|(n, k)| Field { name: Some((*n).into()), kind: Some((*k).into()) }).collect()
    }

    #[test]
    fn every_address_that_people_copy_leads_to_the_dataset() {
        let api = "https://p.fr/api/explore/v2.1/catalog/datasets/decp";
        for (given, export) in [
            (api.to_owned(), None),
            (format!("{api}/"), None),
            (format!("{api}/records?limit=20"), None),
            (format!("{api}/exports/csv?delimiter=%3B"), Some(Export::Csv)),
            ("https://p.fr/explore/dataset/decp/information/?sort=x#y".into(), None),
        ] {
            let found = dataset(&url(&given)).unwrap();
            assert_eq!((found.api.as_str(), found.id.as_str(), found.export), (api, "decp", export), "{given}");
        }
        let old = dataset(&url("https://p.fr/api/v2/catalog/datasets/decp-crb0/exports/json")).unwrap();
        assert_eq!(old.api.as_str(), "https://p.fr/api/v2/catalog/datasets/decp-crb0");
        for bad in ["https://p.fr/", "https://p.fr/api/explore/v2.1/catalog/datasets/", "https://p.fr/data.json"] {
            assert!(dataset(&url(bad)).is_err(), "{bad}");
        }
        let parquet = dataset(&url(&format!("{api}/exports/parquet"))).unwrap_err().to_string();
        assert!(parquet.contains("`parquet` is not read"), "{parquet}");
    }

    #[test]
    fn a_window_is_measured_on_the_first_date_or_where_the_filter_says() {
        let now = "2026-11-24T03:00:00Z".parse().unwrap();
        let all = fields(&[("id", "text"), ("envoi", "datetime"), ("parution", "date"), ("limite", "date")]);
        let of = |filter: Option<&str>, days: Option<u64>, fields: &[Field]| {
            let ods = Ods {
                filter: filter.map(str::to_owned),
                window: days.map(|d| Duration::from_secs(d * 86_400)),
                export: Export::Json,
            };
            condition(&ods, fields, now)
        };
        assert_eq!(of(None, None, &all).unwrap(), None);
        assert_eq!(of(Some("a = 1"), None, &all).unwrap().unwrap(), "a = 1");
        assert_eq!(of(None, Some(400), &all).unwrap().unwrap(), "parution >= date'2025-10-20'");
        assert_eq!(
            of(Some("a = 1 or b = 2"), Some(1), &all).unwrap().unwrap(),
            "(a = 1 or b = 2) and parution >= date'2026-11-23'"
        );
        assert_eq!(of(Some("limite > date'{since}'"), Some(1), &[]).unwrap().unwrap(), "limite > date'2026-11-23'");
        assert!(of(None, Some(1), &fields(&[("id", "text")])).unwrap_err().to_string().contains("`window`"));
        assert!(of(None, Some(1), &fields(&[("x or 1=1", "date")])).is_err());
    }

    #[test]
    fn the_condition_is_part_of_the_exports_address() {
        let api = url("https://p.fr/api/explore/v2.1/catalog/datasets/decp");
        assert_eq!(
            export_url(&api, Export::Json, Some("d in ('09','11')")).as_str(),
            "https://p.fr/api/explore/v2.1/catalog/datasets/decp/exports/json?where=d+in+%28%2709%27%2C%2711%27%29"
        );
        assert!(export_url(&api, Export::Csv, None).as_str().ends_with("/decp/exports/csv"));
    }
}
