//! Which precompressed variant a client gets (RFC 9110 §12.5.3).
//!
//! In: the `Accept-Encoding` header and the encodings that exist for a file. Out: one of them, or
//! none acceptable. Pure; knows no file.

/// An encoding in which a file can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// The `.gz` beside it.
    Gzip,
    /// The `.zst` beside it.
    Zstd,
}

impl Encoding {
    /// From the one the server likes least to the one it likes best, by size.
    pub const ALL: [Encoding; 3] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];

    /// The name in `Content-Encoding`; `None` for the plain file.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What is appended to the plain file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// Chooses among `available`: the highest weight, the smaller one among equals. `None` when the
/// client refuses every one of them. Without the header only the plain file is sent: clients that
/// say nothing seldom decode anything.
pub fn choose(header: Option<&str>, available: &[Encoding]) -> Option<Encoding> {
    let weights = header.map(Weights::parse).unwrap_or_default();
    available.iter().copied().map(|e| (weights.of(e), e)).filter(|(weight, _)| *weight > 0).max().map(|(_, e)| e)
}

/// Weights in thousandths.
#[derive(Debug, Default)]
struct Weights {
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    any: Option<u16>,
}

impl Weights {
    fn parse(header: &str) -> Self {
        let mut found = Self::default();
        for item in header.split(',') {
            let (name, weight) = super::negotiate::weighted(item);
            let slot = match name.to_ascii_lowercase().as_str() {
                "zstd" => &mut found.zstd,
                "gzip" | "x-gzip" => &mut found.gzip,
                "identity" => &mut found.identity,
                "*" => &mut found.any,
                _ => continue,
            };
            *slot = Some(weight);
        }
        found
    }

    fn of(&self, encoding: Encoding) -> u16 {
        match encoding {
            Encoding::Zstd => self.zstd.or(self.any).unwrap_or(0),
            Encoding::Gzip => self.gzip.or(self.any).unwrap_or(0),
            // Not named, the plain file stays acceptable, after everything that was asked for.
            Encoding::Identity => self.identity.unwrap_or(if self.any == Some(0) { 0 } else { 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoding::*, *};

    #[test]
    fn the_clients_weights_decide_and_size_breaks_ties() {
        for (header, wanted) in [
            (None, Some(Identity)),
            (Some(""), Some(Identity)),
            (Some("gzip"), Some(Gzip)),
            (Some("gzip, deflate, br, zstd"), Some(Zstd)),
            (Some("gzip;q=1.0, zstd;q=0.5"), Some(Gzip)),
            (Some("zstd;q=0, gzip"), Some(Gzip)),
            (Some("*"), Some(Zstd)),
            (Some("*;q=0"), None),
            (Some("*;q=0, identity"), Some(Identity)),
            (Some("identity;q=1, gzip;q=0.2"), Some(Identity)),
            (Some("identity;q=0, br"), None),
            (Some("br"), Some(Identity)),
            (Some("X-GZIP ; q=0.001"), Some(Gzip)),
            (Some("gzip;q=potato"), Some(Identity)),
        ] {
            assert_eq!(choose(header, &Encoding::ALL), wanted, "{header:?}");
        }
    }

    #[test]
    fn only_what_exists_is_chosen() {
        assert_eq!(choose(Some("zstd, gzip;q=0.1"), &[Identity, Gzip]), Some(Gzip));
        assert_eq!(choose(Some("zstd"), &[Identity]), Some(Identity));
    }
}
