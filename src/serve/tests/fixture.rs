//! Makes `public/` folders: publications with a manifest, sums, files and a small consumers'
//! database, and sends requests to a router over them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::serve::{Peer, ServeOptions, router};

pub const NOW: &str = "2026-11-24T08:00:00Z";

pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A folder and a router over it.
pub struct Site {
    pub dir: TempDir,
    pub router: Router,
}

impl Site {
    pub fn empty() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::new(dir.path(), Arc::new(|| NOW.parse().unwrap()));
        change(&mut options);
        Self { dir, router: router(options) }
    }

    /// A site with one publication, the current one.
    pub fn published() -> Self {
        let site = Self::empty();
        site.publish("2026-11-24", &[("decp.json", b"{\"marches\":[]}")]);
        site
    }

    pub fn public(&self) -> &Path {
        self.dir.path()
    }

    pub fn dump(&self, name: &str) -> PathBuf {
        self.public().join("dumps").join(name)
    }

    /// Writes a publication with these files and makes it the current one.
    pub fn publish(&self, name: &str, files: &[(&str, &[u8])]) {
        self.write_dump(name, files);
        self.point_latest_at(name);
    }

    pub fn write_dump(&self, name: &str, files: &[(&str, &[u8])]) {
        let dir = self.dump(name);
        fs::create_dir_all(&dir).unwrap();
        for (file, bytes) in files {
            fs::write(dir.join(file), bytes).unwrap();
        }
        let db = dir.join("guichet.sqlite");
        database(&db);
        let sqlite = fs::read(&db).unwrap();
        let listed: Vec<String> = files
            .iter()
            .copied()
            .chain([("guichet.sqlite", &sqlite[..])])
            .map(|(file, bytes)| {
                format!(r#"{{"name":"{file}","sha256":"{}","bytes":{},"rows":3}}"#, digest(bytes), bytes.len())
            })
            .collect();
        let manifest = format!(
            r#"{{"day":"{}","publication":"{name}","created":"2026-11-24T05:30:00Z","generator":"guichet",
               "epoch":"e","first_seq":1,"last_seq":9,"counts":{{}},"files":[{}]}}"#,
            &name[..10],
            listed.join(",")
        );
        fs::write(dir.join("manifest.json"), manifest).unwrap();
    }

    /// Swaps `latest` as publish does: a new link renamed over the old one.
    pub fn point_latest_at(&self, name: &str) {
        let new = self.public().join(".latest.new");
        symlink(format!("dumps/{name}"), &new).unwrap();
        fs::rename(new, self.public().join("latest")).unwrap();
    }

    pub fn sql(&self, name: &str, sql: &str) {
        let path = self.dump(name).join("guichet.sqlite");
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers).await
    }

    /// A page as a browser asks for it.
    pub async fn page(&self, path: &str) -> Answer {
        self.get_with(path, &[("accept", "text/html,*/*;q=0.8")]).await
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        ask(&self.router, method, path, headers).await
    }
}

pub async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer = Peer("127.0.0.1:4000".parse().unwrap());
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
    pub fn code(&self) -> u16 {
        self.status.as_u16()
    }
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/problem+json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The consumers' database, three contracts of two buyers.
fn database(path: &Path) {
    let _ = fs::remove_file(path);
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA journal_mode = memory; PRAGMA synchronous = off; BEGIN").unwrap();
    db.execute_batch(include_str!("fixture.sql")).unwrap();
    for (n, uid, kind, id, objet, date, amount) in [
        (1, "213105554000172022-01", "marche", "2022-01", "Travaux de voirie", "2022-03-01", 1234.56),
        (2, "213105554000172022/02 é~ab12cd34", "marche", "2022/02 é", "Fournitures", "2022-04-01", 20000.0),
        (3, "21310555400017C1", "concession", "C1", "Concession de plage", "2023-05-02", 3e9),
    ] {
        db.execute(
            "INSERT INTO contrats (n, uid, type, retire, seul2019, id, acheteur_id, acheteur_siren, acheteur_nom,
               departement, objet, codeCPV, categorie, montant, montantActuel, dureeMois, dureeMoisActuelle,
               dateNotification, titulaires, source, ressource, lieuExecution_code)
             VALUES (?1, ?2, ?3, 0, 0, ?4, '21310555400017', '213105554', 'Ville de Toulouse',
               '31', ?5, '45233140', 'Travaux', ?6, ?6, 12, 12, ?7, 'Entreprise Durand', 1, 1, '31555')",
            params![n, uid, kind, id, objet, amount, date],
        )
        .unwrap();
        db.execute(
            "INSERT INTO observations VALUES (?1, 0, 1, 1, 7, '21310555400017', ?2, '2022-05-01')",
            params![n, id],
        )
        .unwrap();
        db.execute(
            "INSERT INTO titulaires VALUES (?1, 0, 0, 'SIRET', '35600000000048', '356000000', 'Entreprise Durand', 0)",
            params![n],
        )
        .unwrap();
    }
    db.execute_batch("COMMIT").unwrap();
}
