//! A legal unit, as the table holds it: what is read of an extract, how it is packed.
//!
//! Packed: SIREN (4 bytes), flags, legal category (2), commune of the seat (3), length of the name
//! (2), name. Pure.

use super::category;
use crate::record::Siren;

/// Longest name that is kept, in bytes; Insee's are below 500.
pub(super) const MAX_NAME: usize = 1024;

/// Bytes of a packed unit before its name.
pub(super) const HEAD: usize = 12;

/// Size class of an enterprise, as Insee works it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// Small or medium.
    Pme,
    /// Between the two.
    Eti,
    /// Large.
    Ge,
}

impl Size {
    /// `PME`, `ETI`, `GE`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pme => "PME",
            Self::Eti => "ETI",
            Self::Ge => "GE",
        }
    }
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Pme, Self::Eti, Self::Ge].into_iter().find(|s| s.label().eq_ignore_ascii_case(text))
    }
}

/// What the register says of a legal unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// Denomination, or first and last name; `None` where the register has or tells none.
    pub name: Option<String>,
    /// Legal category (catégorie juridique), four digits.
    pub legal_category: Option<u16>,
    /// Size class.
    pub size: Option<Size>,
    /// Insee code of the commune of its seat.
    pub commune: Option<String>,
    /// Diffusion status `P` (until March 2023 `N`): its data may be told in part only.
    pub partial: bool,
}

impl Unit {
    /// A natural person. One in partial diffusion whose category is not told counts as one.
    pub fn is_natural_person(&self) -> bool {
        match self.legal_category {
            Some(code) => code / 1000 == 1,
            None => self.partial,
        }
    }
    /// Whether its name must not be published.
    pub fn is_masked(&self) -> bool {
        self.partial && self.is_natural_person()
    }
    /// What kind of buyer it is, in the words of the national dataset; `None` for kinds it has no
    /// word for.
    pub fn buyer_category(&self) -> Option<&'static str> {
        category::of_buyer(self.legal_category?)
    }

    /// Appends the packed unit.
    pub(super) fn pack(&self, siren: u32, out: &mut Vec<u8>) {
        let size = self.size.map_or(0, |s| s as u8 + 1);
        out.extend_from_slice(&siren.to_be_bytes());
        out.push(u8::from(self.partial) | size << 1);
        out.extend_from_slice(&self.legal_category.unwrap_or(0).to_be_bytes());
        let commune = self.commune.as_deref().and_then(commune_number).unwrap_or(0);
        out.extend_from_slice(commune.to_be_bytes().get(1..).unwrap_or_default());
        let name = self.name.as_deref().filter(|_| !self.is_masked()).unwrap_or_default();
        let name = name.get(..name.floor_char_boundary(MAX_NAME)).unwrap_or_default();
        out.extend_from_slice(&u16::try_from(name.len()).unwrap_or_default().to_be_bytes());
        out.extend_from_slice(name.as_bytes());
    }

    /// The first packed unit of these bytes: its SIREN, and how long it is. `None`: damaged.
    pub(super) fn head(bytes: &[u8]) -> Option<(u32, usize)> {
        let siren = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let name = u16::from_be_bytes(bytes.get(HEAD - 2..HEAD)?.try_into().ok()?);
        Some((siren, HEAD + usize::from(name)))
    }

    /// The inverse of [`Unit::pack`].
    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        let (_, length) = Self::head(bytes)?;
        let flags = *bytes.get(4)?;
        let category = u16::from_be_bytes(bytes.get(5..7)?.try_into().ok()?);
        let [a, b, c] = bytes.get(7..10)?.try_into().ok()?;
        let name = std::str::from_utf8(bytes.get(HEAD..length)?).ok()?;
        Some(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            legal_category: (category != 0).then_some(category),
            size: [None, Some(Size::Pme), Some(Size::Eti), Some(Size::Ge)].get(usize::from(flags >> 1 & 3)).copied()?,
            commune: commune_of_number(u32::from_be_bytes([0, a, b, c])),
            partial: flags & 1 == 1,
        })
    }
}

/// What the five characters of a commune's code may be: digits, and A and B for Corsica.
const LETTERS: &[u8; 12] = b"0123456789AB";

/// A commune's code as a number from 1 on; `None` where it is none.
pub(super) fn commune_number(code: &str) -> Option<u32> {
    let bytes: [u8; 5] = code.as_bytes().try_into().ok()?;
    let mut number = 0;
    for b in bytes {
        let digit = LETTERS.iter().position(|l| *l == b.to_ascii_uppercase())?;
        number = number * 12 + u32::try_from(digit).ok()?;
    }
    Some(number + 1)
}

fn commune_of_number(number: u32) -> Option<String> {
    let mut rest = number.checked_sub(1)?;
    let mut code = [b'0'; 5];
    for slot in code.iter_mut().rev() {
        *slot = *LETTERS.get((rest % 12) as usize)?;
        rest /= 12;
    }
    Some(String::from_utf8_lossy(&code).into_owned())
}

/// The number of a SIREN: nine digits fit in 32 bits.
pub(super) fn number(siren: &Siren) -> u32 {
    siren.as_str().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_packed_and_read_back() {
        for (partial, legal_category, size, commune) in [
            (false, Some(7210), None, Some("31555")),
            (true, Some(5499), Some(Size::Ge), Some("2A004")),
            (false, None, Some(Size::Pme), None),
        ] {
            let unit = Unit {
                name: Some("RÉGIE ŒUVRE".to_owned()),
                legal_category,
                size,
                commune: commune.map(str::to_owned),
                partial,
            };
            let mut bytes = Vec::new();
            unit.pack(12_345_678, &mut bytes);
            assert_eq!(Unit::head(&bytes), Some((12_345_678, bytes.len())));
            assert_eq!(Unit::unpack(&bytes), Some(unit));
            assert!((0..bytes.len()).all(|n| Unit::unpack(&bytes[..n]).is_none()), "a cut one is none");
        }
    }

    #[test]
    fn the_name_of_a_natural_person_in_partial_diffusion_is_never_packed() {
        for legal_category in [Some(1000), Some(1100), None] {
            let unit = Unit { name: Some("JEANNE EXEMPLE".into()), partial: true, legal_category, ..Unit::default() };
            let mut bytes = Vec::new();
            unit.pack(1, &mut bytes);
            assert_eq!(bytes.len(), HEAD);
            assert!(Unit::unpack(&bytes).unwrap().is_masked());
        }
        let company = Unit { partial: true, legal_category: Some(5710), ..Unit::default() };
        assert!(!company.is_masked(), "a company has no personal data in its name");
    }
}
