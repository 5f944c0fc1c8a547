//! Where a secret is, and the secret: never inline, never in a log.

use std::fmt;
use std::path::{Path, PathBuf};

use super::env::Env;

/// Where the secret of a source is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `{ env = "X" }`: an environment variable.
    Env(String),
    /// `{ file = "…" }`: a file; a relative path starts at the working root.
    File(PathBuf),
    /// `{ systemd = "name" }`: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Systemd(String),
}

/// A secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself: for the request, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Why a secret is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The environment variable is not set.
    #[error("the environment variable `{0}` of a credential is not set; set it for the service")]
    NotSet(String),
    /// The file cannot be read.
    #[error("cannot read the credential file {path}: {source}; check the path and its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not started by systemd with credentials.
    #[error(
        "the credential `{0}` is kept by systemd, but CREDENTIALS_DIRECTORY is not set; \
         add LoadCredential={0}:… to the unit"
    )]
    NoDirectory(String),
    /// Nothing but white space.
    #[error("the credential {0} is empty")]
    Empty(String),
}

impl Credential {
    /// Reads the secret, without the newline that editors put at the end.
    pub fn read(&self, env: &dyn Env) -> Result<Secret, CredentialError> {
        let text = match self {
            Self::Env(name) => env.get(name).ok_or_else(|| CredentialError::NotSet(name.clone()))?,
            Self::File(path) => read_file(path)?,
            Self::Systemd(name) => {
                let directory = env.get("CREDENTIALS_DIRECTORY");
                let directory = directory.ok_or_else(|| CredentialError::NoDirectory(name.clone()))?;
                read_file(&Path::new(&directory).join(name))?
            }
        };
        let text = text.trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            return Err(CredentialError::Empty(self.to_string()));
        }
        Ok(Secret(text.to_owned()))
    }
}

fn read_file(path: &Path) -> Result<String, CredentialError> {
    std::fs::read_to_string(path).map_err(|source| CredentialError::File { path: path.to_path_buf(), source })
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_secret_loses_its_newline_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("piste"), "s3cret\r\n").unwrap();
        let directory = dir.path().display().to_string();
        let env: BTreeMap<String, String> =
            [("CREDENTIALS_DIRECTORY".to_owned(), directory), ("EMPTY".to_owned(), " \n".to_owned())].into();
        let secret = Credential::Systemd("piste".to_owned()).read(&env).unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}")), ("s3cret", "Secret(***)".to_owned()));
        let missing = Credential::Env("NONE".to_owned()).read(&env).unwrap_err();
        assert!(missing.to_string().contains("`NONE`"));
        assert!(Credential::Env("EMPTY".to_owned()).read(&env).is_err());
    }
}
