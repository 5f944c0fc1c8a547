//! What time it is: the only place in guichet that asks the machine.
//!
//! In: `GUICHET_NOW` or the machine's clock. Out: instants. Everything else is handed its instant
//! as an argument, so that a run can be repeated to the byte.

use jiff::{SignedDuration, Timestamp};

/// The variable that fixes the clock, for tests, drills and reproducing a publication.
pub const VARIABLE: &str = "GUICHET_NOW";

/// A source of instants. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Real,
    Fixed(Timestamp),
    /// The instant that stood for `since`, plus what tokio's timer says has passed.
    Ticking {
        origin: Timestamp,
        since: tokio::time::Instant,
    },
}

/// `GUICHET_NOW` holds something that is no instant.
#[derive(Debug, thiserror::Error)]
#[error(
    "the environment variable {VARIABLE} is `{value}`, which is not an instant: {cause}; write it like 2026-11-24T03:00:00Z, or unset it to use the machine's clock"
)]
pub struct ClockError {
    value: String,
    cause: String,
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Clock(Kind::Real)
    }

    /// A clock that always says `now`.
    pub fn fixed(now: Timestamp) -> Self {
        Clock(Kind::Fixed(now))
    }

    /// A clock that says `origin` now and then follows tokio's timer. On a paused timer whole
    /// nights pass in a test at once.
    pub fn ticking(origin: Timestamp) -> Self {
        Clock(Kind::Ticking { origin, since: tokio::time::Instant::now() })
    }

    /// The clock that the environment asks for: fixed by `GUICHET_NOW`, else the machine's.
    /// An empty variable counts as absent; one that cannot be read is an error, never ignored.
    pub fn from_env() -> Result<Self, ClockError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::real()),
            Some(value) => Self::from_setting(&value.to_string_lossy()),
        }
    }

    fn from_setting(value: &str) -> Result<Self, ClockError> {
        if value.trim().is_empty() {
            return Ok(Self::real());
        }
        value
            .trim()
            .parse()
            .map(Self::fixed)
            .map_err(|cause: jiff::Error| ClockError { value: value.to_owned(), cause: cause.to_string() })
    }

    /// Whether the operator fixed this clock.
    pub fn is_fixed(&self) -> bool {
        matches!(self.0, Kind::Fixed(_))
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Kind::Real => Timestamp::now(),
            Kind::Fixed(now) => now,
            Kind::Ticking { origin, since } => SignedDuration::try_from(since.elapsed())
                .ok()
                .and_then(|passed| origin.checked_add(passed).ok())
                .unwrap_or(Timestamp::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_says_what_the_variable_says() {
        let clock = Clock::from_setting(" 2026-11-24T03:00:00Z ").unwrap();
        assert!(clock.is_fixed());
        assert_eq!(clock.now().to_string(), "2026-11-24T03:00:00Z");
        let zoned = Clock::from_setting("2026-11-24T04:00:00+01:00").unwrap();
        assert_eq!(zoned.now(), clock.now());
    }

    #[test]
    fn an_empty_variable_means_the_real_clock() {
        assert!(!Clock::from_setting("").unwrap().is_fixed());
    }

    #[test]
    fn a_variable_that_is_no_instant_is_refused_with_an_example() {
        let error = Clock::from_setting("yesterday").unwrap_err().to_string();
        assert!(error.contains("`yesterday`") && error.contains("2026-11-24T03:00:00Z"), "{error}");
        assert!(Clock::from_setting("2026-11-24").is_err(), "a day alone is not an instant");
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticking_clock_follows_the_timer() {
        let clock = Clock::ticking("2026-11-24T03:00:00Z".parse().unwrap());
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        assert_eq!(clock.now().to_string(), "2026-11-24T04:00:00Z");
    }
}
