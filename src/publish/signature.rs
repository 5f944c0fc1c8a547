//! SHA256SUMS.minisig: the sums of a publication, signed in the form of minisign, so that a copy can be
//! held against the key of who made it, wherever it was downloaded.
//!
//! The key is one without password (`minisign -G -W`): a daemon has nobody to ask. The public key stands
//! in each publication and in `public/`.

use std::fmt;
use std::io::Cursor;
use std::io::Write as _;
use std::path::Path;

use minisign::{PublicKey, SecretKey, SecretKeyBox};

use super::error::PublishError;

/// The signature's file.
pub(super) const SIGNATURE: &str = "SHA256SUMS.minisig";
/// The public key's file.
pub(super) const PUBLIC_KEY: &str = "minisign.pub";

/// The key that signs publications. `Debug` does not show it.
pub struct SigningKey {
    secret: SecretKey,
    public: PublicKey,
}

/// Why a text is no key that can sign.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is no minisign secret key without password ({0}); make one with `minisign -G -W -p minisign.pub -s guichet.key`"
)]
pub struct KeyError(String);

impl SigningKey {
    /// Reads a secret key as minisign writes it, or its second line alone, as an environment variable may
    /// hold it.
    ///
    /// # Errors
    /// The text is no secret key, or it is one with a password.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let fault = |e: minisign::PError| KeyError(e.to_string());
        let text = text.trim();
        let whole = if text.contains('\n') { text.to_owned() } else { format!("untrusted comment: guichet\n{text}") };
        let boxed = SecretKeyBox::from_string(&whole).map_err(fault)?;
        let secret = boxed.into_unencrypted_secret_key().map_err(fault)?;
        let public = PublicKey::from_secret_key(&secret).map_err(fault)?;
        Ok(Self { secret, public })
    }

    /// The text of `minisign.pub`.
    pub(super) fn public_key(&self) -> String {
        let id: String = self.public.keynum().iter().rev().map(|b| format!("{b:02X}")).collect();
        format!("untrusted comment: minisign public key {id}\n{}\n", self.public.to_base64())
    }

    /// Signs SHA256SUMS. The publication's name is signed too: an old one cannot pass for a new one.
    pub(super) fn sign(&self, sums: &str, publication: &str) -> Result<String, PublishError> {
        let trusted = format!("guichet {publication} SHA256SUMS");
        let signed = minisign::sign(
            Some(&self.public),
            &self.secret,
            Cursor::new(sums.as_bytes()),
            Some(&trusted),
            Some("signature of SHA256SUMS, to be verified with minisign.pub"),
        );
        signed.map(|s| s.to_string()).map_err(|e| PublishError::Sign { what: e.to_string() })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.to_base64()).finish()
    }
}

/// Puts the public key into `public/`, whole or not at all; one that is there already stays.
pub(super) fn show(public: &Path, key: &SigningKey) -> Result<(), PublishError> {
    use std::os::unix::fs::PermissionsExt as _;

    let (path, text) = (public.join(PUBLIC_KEY), key.public_key());
    if std::fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
        return Ok(());
    }
    let put = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(public)?;
        file.write_all(text.as_bytes())?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    put().map_err(PublishError::io("write", &path))
}
