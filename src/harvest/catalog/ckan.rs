//! A dataset of a CKAN portal.
//!
//! In: its `package_show` address, or the portal's page of the dataset. Out: its resources with the
//! checksum, length and date that CKAN declares. One request; the answer comes whole into memory, and
//! one odd entry costs itself.

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::datagouv::moment;
use super::filter::Found;
use super::walk::{Asker, expect};
use super::{Checksum, Resource, json, none};
use crate::harvest::fault::{FetchError, FetchFault};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Package<'a> {
    #[serde(default, deserialize_with = "json::text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    license_id: Option<String>,
    #[serde(default, deserialize_with = "json::whole")]
    num_resources: Option<u64>,
    #[serde(borrow)]
    resources: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "json::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    url: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    format: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    hash: Option<String>,
    #[serde(default, deserialize_with = "json::whole")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "json::text")]
    last_modified: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    created: Option<String>,
    #[serde(default, deserialize_with = "json::text")]
    state: Option<String>,
}

/// Lists a package.
pub(super) async fn list(asker: Asker<'_>) -> Result<Found, FetchError> {
    let page = asker.page(&address(asker.home()?)).await?;
    read(&page.body, &page.from).map_err(|fault| asker.error(fault))
}

/// The API's address: as given, or of the dataset whose page was given.
fn address(given: Url) -> Url {
    let parts: Vec<&str> = given.path_segments().into_iter().flatten().filter(|p| !p.is_empty()).collect();
    let Some(at) = parts.iter().rposition(|p| *p == "dataset").filter(|_| !parts.contains(&"api")) else {
        return given;
    };
    let Some(name) = parts.get(at + 1) else { return given };
    let mut url = given.clone();
    let before = parts.get(..at).unwrap_or_default().iter().map(|p| format!("/{p}")).collect::<String>();
    url.set_path(&format!("{before}/api/3/action/package_show"));
    url.set_fragment(None);
    url.set_query(Some(&format!("id={name}")));
    url
}

fn read(text: &[u8], from: &Url) -> Result<Found, FetchFault> {
    let answer: Answer<'_> = json::document(text, "a CKAN answer")?;
    let Some(result) = answer.result else {
        let said = json::said(answer.error.map(|e| e.get().to_owned()));
        return Err(FetchFault::Catalogue(format!("it has no `result`{said}")));
    };
    let package: Package<'_> = json::document(result.get().as_bytes(), "a CKAN package")?;
    let Some(entries) = package.resources else {
        return Err(FetchFault::Catalogue(
            "its `result` has no `resources`: is the address one of package_show?".into(),
        ));
    };
    let mut found = Found::default();
    (found.title, found.licence) = (package.title, package.license_id);
    let mut removed = 0;
    for (index, raw) in entries.iter().enumerate() {
        match serde_json::from_str::<Entry>(raw.get()) {
            Ok(entry) if entry.state.as_deref() == Some("deleted") => removed += 1,
            Ok(entry) => match resource(entry, from) {
                Ok(resource) => {
                    found.add(resource);
                }
                Err(why) => found.warn(format!("resource {index} of the package {why}")),
            },
            Err(e) => found.warn(format!("resource {index} of the package is none: {e}")),
        }
    }
    let got = found.len() as u64;
    expect(&mut found, package.num_resources.map(|n| n.saturating_sub(removed)), got, "resources");
    Ok(found)
}

fn resource(entry: Entry, from: &Url) -> Result<Resource, String> {
    let id = entry.id.ok_or("has no id")?;
    let url = entry.url.ok_or("has no url")?;
    let url = from.join(&url).map_err(|e| format!("has an address that is none: {e}"))?;
    let title = entry.name.unwrap_or_else(|| none::file_name(url.as_str()));
    let mut resource = Resource::new(&id, url.as_str(), &title);
    resource.format = entry.format.map(|f| f.to_ascii_lowercase());
    // `sha1:…` or the digits alone.
    resource.checksum = entry.hash.and_then(|hash| match hash.split_once(':') {
        Some((kind, value)) => Checksum::new(Some(kind), value),
        None => Checksum::new(None, &hash),
    });
    resource.bytes = entry.size.filter(|n| *n > 0);
    resource.last_modified = entry.last_modified.or(entry.created).as_deref().and_then(moment);
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_page_of_a_dataset_leads_to_its_package() {
        let api = "https://p.fr/api/3/action/package_show?id=decp";
        assert_eq!(address(url(api)).as_str(), api);
        assert_eq!(address(url("https://p.fr/dataset/decp#x")).as_str(), api);
        assert_eq!(
            address(url("https://p.fr/fr/dataset/decp/resource/1")).as_str(),
            "https://p.fr/fr/api/3/action/package_show?id=decp"
        );
        assert_eq!(address(url("https://p.fr/dataset")).as_str(), "https://p.fr/dataset");
    }

    #[test]
    fn an_answer_without_package_says_what_the_portal_says() {
        let from = url("https://p.fr/");
        for (text, says) in [
            (r#"{"success": false, "error": {"message": "Not found"}}"#, "Not found"),
            (r#"{"success": true, "result": {"count": 3}}"#, "package_show"),
            (r#"{"success": true, "result": [1]}"#, "not the JSON of a CKAN package"),
            ("[]", "not the JSON of a CKAN answer"),
        ] {
            let said = read(text.as_bytes(), &from).err().unwrap().to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
