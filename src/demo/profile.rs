//! The buyer profiles, platforms and consolidators of the simulated region: who they are, in which
//! dialect they publish, how one gets at it, and what is odd about their files.
//!
//! A profile follows from its number and from how many there are: the first ones have each its
//! own oddity, the next ones repeat them, and the last one is dead.

use super::actors;
use super::dialect::Dialect;

/// The fewest sources with which every scenario can be played: both formats twice, a buyer's own
/// profile, a platform, a consolidator, a slow one, a dead one.
pub const MIN_SOURCES: usize = 7;
/// The one that takes its time.
const SLOW: usize = 5;

/// With which authority a profile speaks (contract.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// A buyer's own profile.
    Buyer,
    /// A platform of many buyers.
    Platform,
    /// Somebody who gathers what platforms publish.
    Consolidator,
}

impl Authority {
    /// The word of sources.toml.
    pub fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Platform => "platform",
            Self::Consolidator => "consolidator",
        }
    }
}

/// How one gets at its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One file under one address.
    Plain,
    /// A data.gouv-like catalogue, API v1.
    DatagouvV1,
    /// The same, API v2, in pages.
    DatagouvV2,
}

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Prompt,
    /// Late, and in small pieces.
    Slow,
    /// The first time with a 503.
    Flaky,
    /// Nothing listens on its port.
    Dead,
}

/// In which bytes a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 after a byte order mark.
    Utf8Bom,
    /// JSON with nothing but ASCII.
    Ascii,
    /// Windows-1252; XML says so, JSON cannot.
    Windows1252,
}

/// One file of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// Its id: a UUID in a catalogue, in ascending order; empty for a plain address, where the
    /// harvest names the resource.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub encoding: Encoding,
    /// Compressed on the way.
    pub gzip: bool,
    /// The document ends inside its last record, though the transfer is complete.
    pub cut: bool,
}

/// A source of the simulated region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its place in sources.toml, from 0.
    pub number: usize,
    /// Its id there.
    pub id: String,
    /// Its name there.
    pub name: String,
    /// The format and notation of all its files.
    pub dialect: Dialect,
    /// How it is believed.
    pub authority: Authority,
    /// SIRENs that it speaks for.
    pub buyers: Vec<String>,
    /// How one gets at its files.
    pub access: Access,
    /// How it answers.
    pub manner: Manner,
    /// Its files, in the order of their ids.
    pub files: Vec<FileSpec>,
}

impl Profile {
    /// All sources of a world of this many (at least [`MIN_SOURCES`]).
    pub(crate) fn all(seed: u64, sources: usize) -> Vec<Self> {
        (0..sources).map(|k| Self::new(seed, k, sources)).collect()
    }

    fn new(seed: u64, k: usize, sources: usize) -> Self {
        let dialect = [
            Dialect::Json2022,
            Dialect::Xml2019,
            Dialect::Xml2022,
            Dialect::Json2019,
        ][k % 4];
        let manner = match k {
            SLOW => Manner::Slow,
            k if k + 1 == sources => Manner::Dead,
            k if k % 8 == 4 => Manner::Flaky,
            _ => Manner::Prompt,
        };
        let (authority, what, id) = match k % 8 {
            2 => (Authority::Buyer, "Profil d'acheteur", "acheteur"),
            4 => (Authority::Consolidator, "Regroupement", "regroupement"),
            _ => (Authority::Platform, "Plateforme", "plateforme"),
        };
        let buyers = if authority == Authority::Buyer {
            actors::spoken_for(seed, k / 8)
        } else {
            Vec::new()
        };
        let (access, files) = match k % 8 {
            0 => (Access::DatagouvV2, 4),
            3 => (Access::DatagouvV1, 2),
            6 => (Access::DatagouvV2, 3),
            _ => (Access::Plain, 1),
        };
        Self {
            number: k,
            id: format!("{id}-{k:02}"),
            name: format!("{what} n° {k}"),
            dialect,
            authority,
            buyers,
            access,
            manner,
            files: (0..files)
                .map(|r| file(k, r, files, dialect, access))
                .collect(),
        }
    }

    /// Whether its records can be had.
    pub fn is_alive(&self) -> bool {
        self.manner != Manner::Dead
    }

    /// Whether the harvest of it ends incomplete, whatever the program does.
    pub fn is_degraded(&self) -> bool {
        !self.is_alive() || self.files.iter().any(|f| f.cut)
    }
}

fn file(k: usize, r: usize, of: usize, dialect: Dialect, access: Access) -> FileSpec {
    let encoding = match (k % 8, r) {
        (0, 2) => Encoding::Ascii,
        (2, _) | (3, 0) => Encoding::Utf8Bom,
        (1, _) | (3, 1) => Encoding::Windows1252,
        _ => Encoding::Utf8,
    };
    let plain = access == Access::Plain;
    FileSpec {
        id: if plain {
            String::new()
        } else {
            format!("{k:08x}-0000-4000-8000-{r:012x}")
        },
        name: if plain {
            format!("decp.{}", dialect.extension())
        } else {
            format!("decp-{}.{}", 2022 + r, dialect.extension())
        },
        encoding,
        gzip: matches!((k % 8, r), (0, 1) | (4, 0)),
        cut: of > 2 && r + 1 == of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Format;

    #[test]
    fn the_fewest_sources_can_play_everything() {
        let all = Profile::all(1, MIN_SOURCES);
        let n =
            |f: &dyn Fn(&&Profile) -> bool| all.iter().filter(|p| p.is_alive()).filter(f).count();
        assert!(
            n(&|p| p.dialect.format() == Format::V2019 && p.authority == Authority::Platform) >= 2
        );
        assert!(
            n(&|p| p.dialect.format() == Format::V2022 && p.authority != Authority::Buyer) >= 2
        );
        assert!(
            n(&|p| p.dialect.format() == Format::V2022 && p.authority == Authority::Platform) >= 1
        );
        assert!(
            n(&|p| p.dialect.format() == Format::V2022 && p.authority == Authority::Consolidator)
                == 1
        );
        assert!(n(&|p| p.manner == Manner::Slow) == 1 && !all[MIN_SOURCES - 1].is_alive());
        assert!(n(&|p| p.files.iter().any(|f| f.cut)) == 1);
    }

    #[test]
    fn ids_are_those_that_the_configuration_allows_and_differ() {
        let all = Profile::all(1, 40);
        let ids: std::collections::BTreeSet<_> = all.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids.len(), 40);
        assert!(ids.iter().all(|id| {
            id.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        }));
        assert_eq!(all.iter().filter(|p| p.manner == Manner::Dead).count(), 1);
    }
}
