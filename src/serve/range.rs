//! The `Range` header (RFC 9110 §14): which bytes of a representation were asked for.
//!
//! In: the header's text and the representation's length in bytes. Out: the whole, one part, or
//! "not satisfiable". Pure; knows no file. Several separate parts at once are answered with the
//! whole, as the RFC allows: no client of dumps needs `multipart/byteranges`, and a list of a
//! thousand one-byte parts is an attack.

/// Parts in one header beyond which it is ignored.
const MAX_PARTS: usize = 32;

/// What a `Range` header asks for, once it is laid over a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// No usable range: answer 200 with everything.
    Whole,
    /// Answer 206 with these bytes, `first` to `last` inclusive.
    Part {
        /// 0-based offset of the first byte.
        first: u64,
        /// 0-based offset of the last byte, inside the representation.
        last: u64,
    },
    /// Answer 416: every part lies beyond the end.
    Unsatisfiable,
}

/// Lays the header over a representation of `len` bytes. What is malformed, of another unit, or
/// asks for several parts that do not touch, is [`Asked::Whole`].
pub fn asked(header: &str, len: u64) -> Asked {
    let Some((unit, set)) = header.trim().split_once('=') else {
        return Asked::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let mut parts: Vec<(u64, u64)> = Vec::new();
    for (n, spec) in set.split(',').map(str::trim).filter(|s| !s.is_empty()).enumerate() {
        if n >= MAX_PARTS {
            return Asked::Whole;
        }
        match part(spec, len) {
            None => return Asked::Whole,
            Some(None) => {}
            Some(Some(found)) => parts.push(found),
        }
    }
    if set.split(',').all(|s| s.trim().is_empty()) {
        return Asked::Whole;
    }
    parts.sort_unstable();
    let Some(&(first, mut last)) = parts.first() else {
        return Asked::Unsatisfiable;
    };
    for &(from, to) in parts.iter().skip(1) {
        if from > last.saturating_add(1) {
            return Asked::Whole;
        }
        last = last.max(to);
    }
    Asked::Part { first, last }
}

/// One `first-last`, `first-` or `-suffix`: `None` when malformed, `Some(None)` when it lies
/// beyond the end.
fn part(spec: &str, len: u64) -> Option<Option<(u64, u64)>> {
    let (from, to) = spec.split_once('-')?;
    let end = len.checked_sub(1);
    match (from, to) {
        ("", suffix) => {
            let wanted = number(suffix)?;
            Some(end.filter(|_| wanted > 0).map(|end| (len.saturating_sub(wanted), end)))
        }
        (from, "") => {
            let from = number(from)?;
            Some(end.filter(|end| from <= *end).map(|end| (from, end)))
        }
        (from, to) => {
            let (from, to) = (number(from)?, number(to)?);
            if from > to {
                return None;
            }
            Some(end.filter(|end| from <= *end).map(|end| (from, to.min(end))))
        }
    }
}

/// Digits only; what is beyond 64 bits is beyond every file.
fn number(digits: &str) -> Option<u64> {
    let ok = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    ok.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Asked::*, *};

    #[test]
    fn one_part_is_cut_at_the_end_of_the_file() {
        for (header, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=2-5", 2, 5),
            ("bytes=7-", 7, 9),
            ("bytes=-3", 7, 9),
            ("bytes=-30", 0, 9),
            ("bytes=4-99999999999999999999999", 4, 9),
            ("BYTES= 1-2", 1, 2),
            ("bytes=1-2,,", 1, 2),
        ] {
            assert_eq!(asked(header, 10), Part { first, last }, "{header}");
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_not_satisfiable() {
        for header in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=20-30,40-50"] {
            assert_eq!(asked(header, 10), Unsatisfiable, "{header}");
        }
        assert_eq!(asked("bytes=0-", 0), Unsatisfiable);
        assert_eq!(asked("bytes=-5", 0), Unsatisfiable);
    }

    #[test]
    fn what_is_malformed_or_of_another_unit_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=1-2-3",
            "records=0-1",
            "bytes=0x1-2",
            "bytes=+1-2",
            "bytes=-1-",
            "bytes=1 - 2",
        ] {
            assert_eq!(asked(header, 10), Whole, "{header}");
        }
    }

    #[test]
    fn several_parts_are_joined_when_they_touch_and_give_the_whole_when_not() {
        assert_eq!(asked("bytes=4-5,0-3", 10), Part { first: 0, last: 5 });
        assert_eq!(asked("bytes=0-8,2-3", 10), Part { first: 0, last: 8 });
        assert_eq!(asked("bytes=0-1,20-30", 10), Part { first: 0, last: 1 });
        assert_eq!(asked("bytes=0-0,9-9", 10), Whole);
        let attack = format!("bytes={}", vec!["0-"; 1000].join(","));
        assert_eq!(asked(&attack, 10), Whole);
    }

    proptest::proptest! {
        #[test]
        fn a_part_always_lies_inside_the_file(header in ".{0,40}", len in 0u64..50) {
            if let Part { first, last } = asked(&format!("bytes={header}"), len) {
                proptest::prop_assert!(first <= last && last < len);
            }
        }
    }
}
