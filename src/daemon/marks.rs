//! What a decision for good keeps of a record: HMAC-SHA256 marks under a secret, no word of it.
//!
//! In: a record, a raw record's hash, a uid, a SIREN. Out: the texts that are marked, and their marks. Marks
//! of years ago must still be found: the texts never change.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::record::{Holder, Record, Siren};

/// Bytes of a secret, as of the hash.
pub(super) const SECRET_BYTES: usize = 32;

/// An HMAC, written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub(super) [u8; 32]);

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl Serialize for Mark {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(String::deserialize(d)?, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// How narrowly a decision takes hold of an observation, the widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Type, SIREN and normalised id: whatever else it says.
    Identity,
    /// And its holders and day of notification: for an id that several contracts bear.
    Parties,
    /// And its amount, object and duration.
    Content,
}

impl Level {
    /// All of them, the widest first.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Parties, Self::Content];

    /// What of a record this level takes. Marks of years ago must still be found: the form never changes.
    pub fn of(self, record: &Record) -> String {
        let mut text = self.identity(record.kind.name(), &record.acheteur.siren(), &record.id.key());
        let mut put = |part: Option<String>| {
            text.push('\u{1f}');
            text.push_str(&part.unwrap_or_default());
        };
        if self >= Self::Parties {
            let holders: BTreeSet<String> = record.titulaires.iter().filter_map(Holder::key).collect();
            put(Some(holders.into_iter().collect::<Vec<_>>().join("\u{1e}")));
            put(record.date_notification.map(|d| d.to_string()));
        }
        if self >= Self::Content {
            put(record.montant.map(|m| m.to_string()));
            put(record.objet.clone());
            put(record.duree_mois.map(|m| m.to_string()));
        }
        text
    }

    fn identity(self, kind: &str, buyer: &Siren, key: &str) -> String {
        let level = match self {
            Self::Identity => "identity",
            Self::Parties => "parties",
            Self::Content => "content",
        };
        format!("{level}\u{1f}{kind}\u{1f}{buyer}\u{1f}{key}")
    }
}

/// The text of which a raw record's mark is made.
pub(super) fn raw_text(raw: u128) -> String {
    format!("raw\u{1f}{raw:032x}")
}

pub(super) fn uid_text(uid: &str) -> String {
    format!("uid\u{1f}{uid}")
}

pub(super) fn unit_text(siren: &Siren) -> String {
    format!("unit\u{1f}{siren}")
}

/// A secret in hand.
pub(super) type Secret = [u8; SECRET_BYTES];

/// The mark of a text under a secret.
pub(super) fn mark(secret: &Secret, text: &str) -> Mark {
    // RFC 2104 fills a key up with zeros to the hash's block.
    let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (to, from) in key.iter_mut().zip(secret) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&key);
    mac.update(text.as_bytes());
    Mark(mac.finalize().into_bytes().into())
}

/// What a new decision is about, before it is marked.
#[derive(Debug, Clone, Default)]
pub struct About {
    uids: Vec<String>,
    records: Vec<String>,
    units: Vec<Siren>,
}

impl About {
    /// A contract, by its published name.
    pub fn uid(&mut self, uid: &str) {
        self.uids.push(uid.to_owned());
    }
    /// A record, by what a [`Level`] takes of it.
    pub fn record(&mut self, text: String) {
        self.records.push(text);
    }
    /// A raw record.
    pub fn raw(&mut self, raw: u128) {
        self.records.push(raw_text(raw));
    }
    /// A natural person.
    pub fn unit(&mut self, siren: Siren) {
        self.units.push(siren);
    }
    /// Its marks under a secret.
    pub(super) fn marks(&self, secret: &Secret) -> BTreeSet<Mark> {
        let texts = self.uids.iter().map(|uid| uid_text(uid)).chain(self.records.iter().cloned());
        texts.chain(self.units.iter().map(unit_text)).map(|text| mark(secret, &text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_hmac_of_rfc_4231() {
        // Its first case has a key of 20 bytes; zeros behind it change nothing.
        let mut secret = [0; SECRET_BYTES];
        secret[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(format!("{:?}", mark(&secret, "Hi There")), expected);
    }
}
