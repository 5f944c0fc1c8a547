//! When to ask again: exponential pauses with full jitter, and what Retry-After means.
//!
//! In: a Retry-After header and the moment it is read, or the number of attempts made. Out: a
//! pause. Pure but for the random jitter; reads no clock.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;

use super::access::Limits;

/// What a Retry-After header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// No header, or one that says nothing usable (garbage, negative).
    Unsaid,
    /// Wait this long; zero for a date that has passed.
    Wait(Duration),
    /// It asked for more than we are ready to wait: wait `max`.
    Capped {
        /// What it asked for.
        asked: Duration,
        /// What it gets.
        max: Duration,
    },
}

impl RetryAfter {
    /// The pause to make, if the header asked for any.
    pub fn pause(self) -> Option<Duration> {
        match self {
            Self::Unsaid => None,
            Self::Wait(pause) | Self::Capped { max: pause, .. } => Some(pause),
        }
    }
}

/// Reads Retry-After (RFC 9110 §10.2.3): seconds, or an HTTP date compared with `now`.
pub fn retry_after(header: &str, now: Timestamp, max: Duration) -> RetryAfter {
    let text = header.trim();
    let asked = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit mean "for ever".
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        match httpdate::parse_http_date(text).map(Timestamp::try_from) {
            Ok(Ok(date)) => {
                let left = date.duration_since(now);
                Duration::try_from(left).unwrap_or(Duration::ZERO)
            }
            _ => return RetryAfter::Unsaid,
        }
    };
    if asked > max { RetryAfter::Capped { asked, max } } else { RetryAfter::Wait(asked) }
}

/// The upper bounds of the pauses before the retries, one for each.
pub(super) fn ladder(limits: &Limits) -> impl Iterator<Item = Duration> + Send + Sync + use<> {
    ExponentialBuilder::default()
        .with_min_delay(limits.retry_base)
        .with_max_delay(limits.retry_after_max.max(limits.retry_base))
        .with_factor(2.0)
        .with_max_times(limits.retries as usize)
        .build()
}

/// Full jitter: any pause up to `bound`, so that sources that failed together do not return together.
pub(super) fn jittered(bound: Duration) -> Duration {
    bound.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(300);

    fn read(header: &str) -> RetryAfter {
        retry_after(header, "2026-11-24T03:00:00Z".parse().unwrap(), MAX)
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(read("120"), RetryAfter::Wait(Duration::from_secs(120)));
        assert_eq!(read(" 0 "), RetryAfter::Wait(Duration::ZERO));
        for date in ["Tue, 24 Nov 2026 03:01:30 GMT", "Tuesday, 24-Nov-26 03:01:30 GMT", "Tue Nov 24 03:01:30 2026"] {
            assert_eq!(read(date), RetryAfter::Wait(Duration::from_secs(90)), "{date}");
        }
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_wait() {
        assert_eq!(read("Mon, 23 Nov 2026 03:00:00 GMT"), RetryAfter::Wait(Duration::ZERO));
    }

    #[test]
    fn ten_years_are_capped_however_they_are_written() {
        for header in ["315360000", "Mon, 24 Nov 2036 03:00:00 GMT", "99999999999999999999999"] {
            assert_eq!(read(header).pause(), Some(MAX), "{header}");
            assert!(matches!(read(header), RetryAfter::Capped { .. }), "{header}");
        }
    }

    #[test]
    fn garbage_and_negative_numbers_say_nothing() {
        for header in ["", "-5", "soon", "12.5", "1e9", "Tue, 99 Nov 2026 03:00:00 GMT"] {
            assert_eq!(read(header), RetryAfter::Unsaid, "{header}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_jitter_never_exceeds_them() {
        let limits = Limits {
            retries: 5,
            retry_base: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(6),
            ..Limits::default()
        };
        let bounds: Vec<u64> = ladder(&limits).map(|d| d.as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 6, 6]);
        for bound in ladder(&limits) {
            assert!((0..100).all(|_| jittered(bound) <= bound));
        }
    }
}
