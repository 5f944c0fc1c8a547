//! Money, rates and days: exact, comparable, compact in the store.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in euros without tax, exact (never a float). Trailing zeros of the declared text are
/// not kept, so that `12000` and `12000.00` are equal and print alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(Decimal);

impl Money {
    /// Wraps a decimal number of euros.
    pub fn new(euros: Decimal) -> Self {
        Self(euros.normalize())
    }
    /// Whole euros.
    pub fn euros(n: i64) -> Self {
        Self(Decimal::from(n))
    }
    /// The exact decimal number of euros.
    pub fn decimal(self) -> Decimal {
        self.0
    }
    /// The nearest binary floating number, for columns whose format has no decimal type.
    pub fn to_f64(self) -> f64 {
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share between 0 and 1 (tauxAvance, origineUE, origineFrance), or a tariff: an exact decimal
/// that is not an amount of the contract.
pub type Rate = Money;

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (self.0.mantissa(), self.0.scale() as u8).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (mantissa, scale) = <(i128, u8)>::deserialize(d)?;
        Decimal::try_from_i128_with_scale(mantissa, u32::from(scale)).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A calendar day, without time or zone. Prints and parses as `2024-05-15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Wraps a civil date.
    pub fn new(date: Date) -> Self {
        Self(date)
    }
    /// A day from its parts; `None` where the calendar has no such day.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }
    /// The civil date.
    pub fn date(self) -> Date {
        self.0
    }
    /// Year, as in the Gregorian calendar.
    pub fn year(self) -> i16 {
        self.0.year()
    }
    /// Days from `earlier` to `self`; negative when `self` is before.
    pub fn days_since(self, earlier: Day) -> i64 {
        i64::from(self.number()) - i64::from(earlier.number())
    }
    /// Days since 1970-01-01, negative before.
    pub fn number(self) -> i32 {
        (self.0 - Date::constant(1970, 1, 1)).get_days()
    }
    /// The inverse of [`Day::number`]; `None` outside the calendar.
    pub fn from_number(days: i32) -> Option<Self> {
        let epoch = Date::constant(1970, 1, 1);
        epoch.checked_add(jiff::Span::new().try_days(days).ok()?).ok().map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Day {
    type Err = jiff::Error;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let d = self.0;
        (i32::from(d.year()) * 512 + i32::from(d.month()) * 32 + i32::from(d.day())).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let n = i32::deserialize(d)?;
        let (year, month, day) = (n.div_euclid(512), n.rem_euclid(512) / 32, n.rem_euclid(32));
        let year = i16::try_from(year).map_err(serde::de::Error::custom)?;
        Day::from_ymd(year, month as i8, day as i8).ok_or_else(|| serde::de::Error::custom("not a calendar day"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_forgets_trailing_zeros_and_keeps_every_cent() {
        let a = Money::new("12000.00".parse().unwrap());
        assert_eq!((a, a.to_string().as_str()), (Money::euros(12000), "12000"));
        let b = Money::new("0.10".parse().unwrap());
        assert_eq!(b.to_string(), "0.1");
    }

    #[test]
    fn money_and_days_survive_the_store() {
        let values = (Money::new("-123456789.255".parse().unwrap()), Day::from_ymd(1969, 12, 31).unwrap());
        let bytes = postcard::to_allocvec(&values).unwrap();
        assert_eq!(postcard::from_bytes::<(Money, Day)>(&bytes).unwrap(), values);
        assert_eq!(Day::from_number(values.1.number()), Some(values.1));
    }
}
