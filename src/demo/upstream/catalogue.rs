//! data.gouv-like catalogues: API v1, a dataset with its resources inline; API v2, a dataset that
//! points to pages of resources, each with the address of the next. Only what a harvester reads.

use serde_json::{Value, json};

use super::{Page, Request, Upstream};

/// One resource of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// A UUID.
    pub id: String,
    /// Name of the file.
    pub title: String,
    /// Path on this server.
    pub path: String,
    /// `json`, `xml`, `pdf`.
    pub format: String,
    /// Bytes; `None` when the catalogue does not know.
    pub bytes: Option<u64>,
    /// sha256 in hex; `None` when it does not know.
    pub sha256: Option<String>,
    /// RFC 3339.
    pub last_modified: String,
}

/// A dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// 24 hex digits.
    pub id: String,
    /// Name of the dataset.
    pub title: String,
    /// Its resources, in the order in which they are listed.
    pub resources: Vec<Listed>,
}

impl Upstream {
    /// Serves `/api/1/datasets/ID/`, and each resource's stable address. Returns its URL.
    pub fn datagouv_v1(&self, dataset: &Catalogue) -> String {
        let resources: Vec<_> = dataset.resources.iter().map(|r| self.resource(r)).collect();
        let path = format!("/api/1/datasets/{}/", dataset.id);
        let body = json!({
            "id": dataset.id, "title": dataset.title, "slug": dataset.id, "license": "lov2",
            "frequency": "daily", "private": false, "deleted": null, "resources": resources,
        });
        self.page(&path, Page::json(body.to_string()));
        self.url(&path)
    }

    /// Serves `/api/2/datasets/ID/` and its pages of at most `page_size` resources, whatever size
    /// the request asks for. Returns the URL of the dataset.
    pub fn datagouv_v2(&self, dataset: &Catalogue, page_size: usize) -> String {
        let page_size = page_size.max(1);
        let resources: Vec<_> = dataset.resources.iter().map(|r| self.resource(r)).collect();
        let path = format!("/api/2/datasets/{}/", dataset.id);
        let pages = format!("{path}resources/");
        let pages_url = self.url(&pages);
        let body = json!({
            "id": dataset.id, "title": dataset.title, "slug": dataset.id, "license": "lov2",
            "resources": {
                "rel": "subsection", "type": "GET", "total": resources.len(),
                "href": format!("{pages_url}?page=1&page_size={page_size}"),
            },
        });
        self.page(&path, Page::json(body.to_string()));
        self.answer(&pages, move |request| {
            page(request, &resources, page_size, &pages_url)
        });
        self.url(&path)
    }

    fn resource(&self, r: &Listed) -> Value {
        let stable = format!("/fr/datasets/r/{}", r.id);
        self.page(&stable, Page::redirect(302, &self.url(&r.path)));
        json!({
            "id": r.id, "title": r.title, "description": null, "type": "main", "filetype": "file",
            "format": r.format, "mime": format!("application/{}", r.format), "filesize": r.bytes,
            "checksum": r.sha256.as_ref().map(|value| json!({"type": "sha256", "value": value})),
            "url": self.url(&r.path), "latest": self.url(&stable),
            "created_at": r.last_modified, "last_modified": r.last_modified, "extras": {},
        })
    }
}

fn page(request: &Request, resources: &[Value], size: usize, url: &str) -> Page {
    let number = request
        .query("page")
        .and_then(|p| p.parse::<usize>().ok())
        .unwrap_or(1)
        .max(1);
    let address = |n: usize| format!("{url}?page={n}&page_size={size}");
    let from = (number - 1).saturating_mul(size);
    let data: Vec<_> = resources.iter().skip(from).take(size).collect();
    let more = from.saturating_add(size) < resources.len();
    let body = json!({
        "data": data, "page": number, "page_size": size, "total": resources.len(),
        "next_page": more.then(|| address(number + 1)),
        "previous_page": (number > 1).then(|| address(number - 1)),
    });
    Page::json(body.to_string())
}
