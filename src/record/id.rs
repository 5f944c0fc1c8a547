//! Identifiers: each its own type, so that a SIREN never stands where a SIRET is meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A fixed number of ASCII digits. `N` is the length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Digits<const N: usize>([u8; N]);

impl<const N: usize> Digits<N> {
    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; N] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_digit).then_some(Self(bytes))
    }
    /// The digits of a number that has no more than `N`.
    fn of_number(mut n: u64) -> Option<Self> {
        let mut digits = [b'0'; N];
        for digit in digits.iter_mut().rev() {
            *digit += (n % 10) as u8;
            n /= 10;
        }
        (n == 0).then_some(Self(digits))
    }
    fn number(&self) -> u64 {
        self.0.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'))
    }
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
    fn luhn(&self) -> bool {
        let sum: u32 = self
            .0
            .iter()
            .rev()
            .enumerate()
            .map(|(i, b)| {
                let d = u32::from(b - b'0') * if i % 2 == 1 { 2 } else { 1 };
                d / 10 + d % 10
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

macro_rules! digits_type {
    ($(#[$doc:meta])* $name:ident, $n:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Digits<$n>);

        impl $name {
            /// Exactly the right number of ASCII digits, nothing else; the key is not checked.
            pub fn parse(text: &str) -> Option<Self> {
                Digits::parse(text).map(Self)
            }
            /// The digits.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                self.0.number().serialize(s)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let digits = Digits::of_number(u64::deserialize(d)?);
                digits.map(Self).ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    };
}

digits_type!(
    /// Nine digits: a legal unit in the SIRENE register. Immutable for the life of the unit.
    Siren, 9
);
digits_type!(
    /// Fourteen digits: an establishment; its first nine are the unit's [`Siren`].
    Siret, 14
);
digits_type!(
    /// Eight digits of the common procurement vocabulary (2008 revision), without check digit.
    Cpv, 8
);

impl Siren {
    /// Whether the Luhn key holds, as it must for every SIREN.
    pub fn has_valid_key(&self) -> bool {
        self.0.luhn()
    }
}

impl Siret {
    /// SIREN of La Poste, whose establishments follow a rule of their own.
    const LA_POSTE: &'static str = "356000000";

    /// The legal unit.
    pub fn siren(&self) -> Siren {
        let mut siren = [b'0'; 9];
        siren.copy_from_slice(&self.0.0[..9]);
        Siren(Digits(siren))
    }
    /// Whether the Luhn key holds; for La Poste, that the digits sum to a multiple of five.
    pub fn has_valid_key(&self) -> bool {
        let sum: u32 = self.0.0.iter().map(|b| u32::from(b - b'0')).sum();
        self.0.luhn() || (self.as_str().starts_with(Self::LA_POSTE) && sum.is_multiple_of(5))
    }
    /// All digits zero: a placeholder, not an establishment.
    pub fn is_placeholder(&self) -> bool {
        self.0.0.iter().all(|b| *b == b'0')
    }
}

impl Cpv {
    /// The two digits of the division (`45` = works).
    pub fn division(&self) -> &str {
        &self.as_str()[..2]
    }
}

/// The buyer's own number for a contract, as declared and trimmed. Compare it by
/// [`super::normalised_key`], never as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LocalId(String);

impl LocalId {
    /// Trims; `None` when nothing is left.
    pub fn new(declared: &str) -> Option<Self> {
        let id = declared.trim();
        (!id.is_empty()).then(|| Self(id.to_owned()))
    }
    /// As declared, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The form in which ids are compared.
    pub fn key(&self) -> String {
        super::normalised_key(&self.0)
    }
}

impl fmt::Display for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A département code: two digits, `2A`, `2B`, or three for overseas (`971`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DepartementCode(String);

impl DepartementCode {
    /// Checks the form only; `reference` knows which codes exist.
    pub fn parse(code: &str) -> Option<Self> {
        let b = code.as_bytes();
        let ok = match b {
            [a, c] => a.is_ascii_digit() && (c.is_ascii_digit() || (*a == b'2' && matches!(c, b'A' | b'B'))),
            [b'9', b'7' | b'8', c] => c.is_ascii_digit(),
            _ => false,
        };
        ok.then(|| Self(code.to_owned()))
    }
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The published name of a contract: SIRET of the buyer + local id, as the canonical observation
/// declares them, with `~` and eight hex digits where one id covers several contracts (contract.md §6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uid(String);

impl Uid {
    /// SIRET and id, without suffix.
    pub fn new(buyer: &Siret, id: &LocalId) -> Self {
        Self(format!("{buyer}{id}"))
    }
    /// With the suffix of a reused id.
    pub fn suffixed(buyer: &Siret, id: &LocalId, suffix: &str) -> Self {
        Self(format!("{buyer}{id}~{suffix}"))
    }
    /// A uid read back from a store, a file or a command line.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The uid.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// As it stands in a URL: a byte outside `A-Za-z0-9._-` is written `~` and two lower-case hex digits.
    pub fn to_url(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for b in self.0.bytes() {
            if b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-') {
                out.push(char::from(b));
            } else {
                out.push_str(&format!("~{b:02x}"));
            }
        }
        out
    }
    /// The inverse of [`Uid::to_url`]; `None` where the escapes are not hex or not UTF-8.
    pub fn from_url(text: &str) -> Option<Self> {
        let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
        while let Some(b) = bytes.next() {
            if b == b'~' {
                let pair = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
            } else {
                out.push(b);
            }
        }
        String::from_utf8(out).ok().map(Self)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_knows_la_poste() {
        assert!(Siret::parse("21310555400017").unwrap().has_valid_key());
        assert!(!Siret::parse("21310555400018").unwrap().has_valid_key());
        assert!(Siret::parse("35600000049837").unwrap().has_valid_key());
        assert!(Siret::parse("2131055540001").is_none());
    }

    #[test]
    fn digits_survive_the_store_with_their_leading_zeros() {
        let v = (Siret::parse("00012345678901").unwrap(), Cpv::parse("03000000").unwrap());
        let b = postcard::to_allocvec(&v).unwrap();
        assert_eq!(postcard::from_bytes::<(Siret, Cpv)>(&b).unwrap(), v);
    }

    #[test]
    fn a_uid_goes_through_a_url_and_back() {
        let uid = Uid::from_text("21310555400017MAPA 2022/14 é~ab12cd34");
        assert_eq!(Uid::from_url(&uid.to_url()).unwrap(), uid);
        assert!(uid.to_url().bytes().all(|b| b.is_ascii_alphanumeric() || b"._-~".contains(&b)));
    }
}
