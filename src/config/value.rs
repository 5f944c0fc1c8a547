//! Values with a unit, as text: durations, sizes, shares.
//!
//! In: `"15m"`, `"512MiB"`, `"2%"`. Out: seconds, bytes, a fraction; or what is wrong, with the form
//! expected. A bare number is refused where the unit could be mistaken.

use std::time::Duration;

/// Units of a duration and their milliseconds.
const DURATION_UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Units of a size and their bytes. Decimal and binary ones differ, as everywhere.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Longest duration that is accepted: ten years. Beyond, someone mistook the unit, and sums of
/// instants could overflow.
const LONGEST: Duration = Duration::from_secs(3_660 * 86_400);

/// The form of a duration, for messages.
pub(super) const DURATION_FORM: &str = "write a number and a unit, like \"200ms\", \"30s\", \"15m\", \"6h\", \"400d\"";
/// The form of a size, for messages.
pub(super) const SIZE_FORM: &str = "write an integer of bytes, or a number and a unit, like \"512MiB\" or \"2GB\"";
/// The form of a share, for messages.
pub(super) const SHARE_FORM: &str = "write a percentage, like \"2%\" or \"0.5%\"";

/// `"15m"`, or several parts from large to small, `"1h30m"`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration");
    let mut rest = text.trim();
    let mut milliseconds = 0u64;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(bad)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end).ok_or_else(bad)?;
        let unit = unit.trim();
        let (_, scale) = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*scale)).ok_or_else(bad)?;
        milliseconds = milliseconds.checked_add(part).ok_or_else(bad)?;
        rest = next;
    }
    let duration = Duration::from_millis(milliseconds);
    if duration > LONGEST {
        return Err(format!("`{text}` is more than ten years"));
    }
    Ok(duration)
}

/// `"512MiB"`, or digits alone for bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("`{text}` is not a size");
    let (number, unit) = split_number(text.trim()).ok_or_else(bad)?;
    let scale = match unit.trim() {
        "" => 1,
        unit => SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?.1,
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(scale)).ok_or_else(bad)
}

/// `"2%"` → 0.02.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let bad = || format!("`{text}` is not a share");
    let number = text.trim().strip_suffix('%').ok_or_else(bad)?.trim_end();
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(bad());
    }
    let percent: f64 = number.parse().map_err(|_| bad())?;
    if percent > 100.0 {
        return Err(format!("`{text}` is more than everything"));
    }
    Ok(percent / 100.0)
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_may_have_several_parts() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!((ms("200ms"), ms("30s"), ms("15m")), (Ok(200), Ok(30_000), Ok(900_000)));
        assert_eq!((ms("400d"), ms("1h30m"), ms("0s")), (Ok(34_560_000_000), Ok(5_400_000), Ok(0)));
        assert_eq!(ms(" 5 m "), Ok(300_000));
        for bad in ["", "30", "s", "-3s", "1.5h", "30 sec", "1y", "99999999999999999999s", "5000w", "é", "3é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        assert_eq!((size("512MiB"), size("2GB"), size("1024")), (Ok(512 << 20), Ok(2_000_000_000), Ok(1024)));
        for bad in ["", "MiB", "1.5MiB", "12mb", "99999999999TiB", "-1", "é"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_are_percentages_up_to_all() {
        assert_eq!((share("2%"), share("0.5%"), share("100 %")), (Ok(0.02), Ok(0.005), Ok(1.0)));
        for bad in ["2", "0.02", "101%", "-1%", "%", "NaN%", "inf%", "1e1%", ".%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
