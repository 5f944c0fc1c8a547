//! What the tests of the command line share: the binary, a region in a temporary folder, records.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

/// The binary, in an environment without configuration and without the user's locale.
pub fn guichet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    for (name, _) in std::env::vars() {
        if name.starts_with("GUICHET_") || name.starts_with("LC_") || name == "LANG" || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The guichet.toml of the repository.
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/guichet.toml")
}

/// A working root of its own, without limit of region.
pub struct Region(tempfile::TempDir);

impl Region {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("config")).unwrap();
        let settings = "data_dir = \"var\"\n[harvest]\nmin_interval = \"0s\"\nretries = 0\nallow_private_hosts = [\"127.0.0.1\"]\n";
        std::fs::write(dir.path().join("config/guichet.toml"), settings).unwrap();
        Self(dir)
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub fn sources(&self, toml: &str) {
        std::fs::write(self.path("sources.toml"), toml).unwrap();
    }
    /// One source of a plain URL.
    pub fn source(&self, id: &str, url: &str) {
        self.sources(&stanza(id, url));
    }
    /// The binary in this root, at a fixed time.
    pub fn guichet(&self) -> Command {
        let mut command = guichet();
        command.current_dir(self.0.path()).env("GUICHET_NOW", "2026-11-24T03:00:00Z");
        command
    }
}

pub fn stanza(id: &str, url: &str) -> String {
    format!("[[source]]\nid = \"{id}\"\nname = \"Profil {id}\"\nurl = \"{url}\"\nlicence = \"etalab-2.0\"\n")
}

/// Buyer of [`marche`].
pub const BUYER: &str = "21310555400017";

/// A faultless marché of the 2022 format, for the tests to spoil.
pub fn marche(id: &str, montant: u64, published: &str) -> Value {
    json!({
        "id": id,
        "acheteur": {"id": BUYER},
        "nature": "Marché",
        "objet": format!("Réfection de la toiture du gymnase, marché {id}"),
        "codeCPV": "45261000",
        "techniques": {"technique": ["Sans objet"]},
        "modalitesExecution": {"modaliteExecution": ["Sans objet"]},
        "procedure": "Procédure adaptée",
        "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
        "dureeMois": 6,
        "dateNotification": "2024-03-01",
        "datePublicationDonnees": published,
        "montant": montant,
        "formePrix": "Forfaitaire",
        "typesPrix": {"typePrix": ["Définitif ferme"]},
        "considerationsSociales": {"considerationSociale": ["Pas de considération sociale"]},
        "considerationsEnvironnementales": {"considerationEnvironnementale": ["Pas de considération environnementale"]},
        "marcheInnovant": false,
        "attributionAvance": false,
        "sousTraitanceDeclaree": false,
        "ccag": "Travaux",
        "offresRecues": 3,
        "typeGroupementOperateurs": "Pas de groupement",
        "titulaires": [{"titulaire": {"id": "55208131766522", "typeIdentifiant": "SIRET"}}]
    })
}

/// The document of the 2022 format that holds these.
pub fn document(marches: &[Value]) -> String {
    json!({"marches": {"marche": marches, "contrat-concession": []}}).to_string()
}
