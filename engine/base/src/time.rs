//! Virtual time: instants, spans and the wall clock of a simulated node.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub, SubAssign};

/// A length of time in picoseconds; at most 213 days.
///
/// Picoseconds, because prices of work are fractions of a nanosecond and must not be rounded away
/// before they are summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// A point of monotonic time in picoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A point of civil time in nanoseconds since 1970-01-01 00:00 UTC, as a node believes it to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(u64);

const PICOS_PER_NANO: u64 = 1_000;
const PICOS_PER_MICRO: u64 = 1_000_000;
const PICOS_PER_MILLI: u64 = 1_000_000_000;
const PICOS_PER_SEC: u64 = 1_000_000_000_000;
/// Why sums of times may be taken without a check at each place.
const OVERFLOW: &str = "time stays below 213 days (base::limits::RUN_SPAN_MAX)";

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span that can be written.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `n` picoseconds.
    pub const fn from_picos(n: u64) -> Self {
        Self(n)
    }
    /// A span of `n` nanoseconds.
    pub const fn from_nanos(n: u64) -> Self {
        Self(n * PICOS_PER_NANO)
    }
    /// A span of `n` microseconds.
    pub const fn from_micros(n: u64) -> Self {
        Self(n * PICOS_PER_MICRO)
    }
    /// A span of `n` milliseconds.
    pub const fn from_millis(n: u64) -> Self {
        Self(n * PICOS_PER_MILLI)
    }
    /// A span of `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Self(n * PICOS_PER_SEC)
    }
    /// The span in picoseconds.
    pub const fn as_picos(self) -> u64 {
        self.0
    }
    /// The span in whole nanoseconds, rounded down.
    pub const fn as_nanos(self) -> u64 {
        self.0 / PICOS_PER_NANO
    }
    /// The span in whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / PICOS_PER_MICRO
    }
    /// The span in seconds, for fits and charts only.
    #[expect(
        clippy::cast_precision_loss,
        reason = "for people's eyes; never decides anything"
    )]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / PICOS_PER_SEC as f64
    }
    /// Whether the span is empty.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// The sum, or nothing where it exceeds the longest span.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }
    /// The product, or nothing where it exceeds the longest span.
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor) {
            Some(product) => Some(Self(product)),
            None => None,
        }
    }
    /// What is left after taking `other` away; zero where `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Time {
    /// The start of the run.
    pub const START: Self = Self(0);
    /// Later than everything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `n` picoseconds after the start.
    pub const fn from_picos(n: u64) -> Self {
        Self(n)
    }
    /// Picoseconds since the start.
    pub const fn as_picos(self) -> u64 {
        self.0
    }
    /// Whole nanoseconds since the start, rounded down.
    pub const fn as_nanos(self) -> u64 {
        self.0 / PICOS_PER_NANO
    }
    /// The span since the start.
    pub const fn since_start(self) -> Span {
        Span(self.0)
    }
    /// The span from `earlier` to this instant; zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
    /// The instant `span` later, or [`Time::NEVER`] where that lies beyond all time.
    pub const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Wall {
    /// The instant `n` nanoseconds after the epoch.
    pub const fn from_unix_nanos(n: u64) -> Self {
        Self(n)
    }
    /// The instant `n` milliseconds after the epoch.
    pub const fn from_unix_millis(n: u64) -> Self {
        Self(n * 1_000_000)
    }
    /// Nanoseconds since the epoch.
    pub const fn unix_nanos(self) -> u64 {
        self.0
    }
    /// Whole milliseconds since the epoch.
    pub const fn unix_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// Whole seconds since the epoch.
    pub const fn unix_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }
    /// The instant `span` later.
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0 + span.as_nanos())
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect(OVERFLOW))
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(
            self.0
                .checked_sub(other.0)
                .expect("the shorter span is taken from the longer"),
        )
    }
}
impl SubAssign for Span {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}
impl Mul<u64> for Span {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0.checked_mul(factor).expect(OVERFLOW))
    }
}
impl std::iter::Sum for Span {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, |total, span| total + span)
    }
}
impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.checked_add(span.0).expect(OVERFLOW))
    }
}
impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

/// Prints with the largest unit that keeps at least one whole digit, at most three decimals.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0 => return f.write_str("0s"),
            n if n >= PICOS_PER_SEC => (PICOS_PER_SEC, "s"),
            n if n >= PICOS_PER_MILLI => (PICOS_PER_MILLI, "ms"),
            n if n >= PICOS_PER_MICRO => (PICOS_PER_MICRO, "us"),
            n if n >= PICOS_PER_NANO => (PICOS_PER_NANO, "ns"),
            _ => (1, "ps"),
        };
        f.write_str(&crate::quantity::print::decimal(self.0, unit))?;
        f.write_str(name)
    }
}
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since_start().fmt(f)
    }
}
