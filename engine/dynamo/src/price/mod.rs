//! Prices: dated tables as data, and bills in exact money.
//!
//! A layer of its own: nothing else in this crate knows what a unit costs. Money is counted in
//! integers of 10^-12 dollars, in which every published price is whole, and is rounded only where
//! it is printed or reported.

mod tables;

pub use tables::{
    PRICE_TABLES, PriceTable, ReservedKind, ReservedPrice, price_table, price_tables, regions,
};

use crate::capacity::{ReadUnits, WriteUnits};
use crate::limits::STORAGE_OVERHEAD_BYTES;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

/// Seconds of the month that AWS's calculator bills by: 30 days.
pub const MONTH_SECS: u64 = 2_592_000;
/// Bytes of the gigabyte that storage is billed by, in AWS's calculator.
pub const STORAGE_GB_BYTES: u64 = 1_000_000_000;
/// Bytes that storage of a global table counts for each item beside the usual overhead, in AWS's
/// calculator.
pub const GLOBAL_TABLE_OVERHEAD_BYTES: u64 = 48;

/// Units per million requests: prices of requests are quoted so.
const MILLION: u128 = 1_000_000;
const HOUR_SECS: u128 = 3_600;

/// An amount of money in 10^-12 US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u128);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `n` millionths of a dollar.
    pub const fn micro_dollars(n: u64) -> Self {
        Self(n as u128 * 1_000_000)
    }
    /// `n` thousand-millionths of a dollar.
    pub const fn nano_dollars(n: u64) -> Self {
        Self(n as u128 * 1_000)
    }
    /// `n` times 10^-12 dollars.
    pub const fn pico_dollars(n: u64) -> Self {
        Self(n as u128)
    }
    /// The amount in 10^-12 dollars.
    pub const fn as_pico_dollars(self) -> u128 {
        self.0
    }
    /// `n` dollars.
    pub const fn dollars(n: u64) -> Self {
        Self(n as u128 * 1_000_000_000_000)
    }
    /// The amount in millionths of a dollar, the base unit of rows; halves are rounded up.
    pub const fn as_micro_dollars(self) -> u128 {
        self.rounded(1_000_000)
    }
    /// The amount in cents; halves are rounded up.
    pub const fn as_cents(self) -> u128 {
        self.rounded(10_000_000_000)
    }
    /// The part `numerator` of `denominator` equal parts, rounded down to 10^-12 dollars; the whole
    /// where there are no parts.
    #[must_use]
    pub const fn part(self, numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return self;
        }
        Self(self.0.saturating_mul(numerator as u128) / denominator as u128)
    }

    const fn rounded(self, unit: u128) -> u128 {
        (self.0 / unit) + (self.0 % unit >= unit / 2) as u128
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Mul<u64> for Money {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(factor)))
    }
}
impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}
/// Dollars and cents, such as `$8.64`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.as_cents();
        write!(f, "${}.{:02}", cents / 100, cents % 100)
    }
}

impl PriceTable {
    /// On-demand reads: half units are billed as halves.
    pub const fn read_requests(&self, units: ReadUnits) -> Money {
        let halves = (self.read_requests_million.0).saturating_mul(units.halves() as u128);
        Money(halves / (2 * MILLION))
    }
    /// On-demand writes.
    pub const fn write_requests(&self, units: WriteUnits) -> Money {
        Money(
            self.write_requests_million
                .0
                .saturating_mul(units.0 as u128)
                / MILLION,
        )
    }
    /// Provisioned read units for some seconds; AWS bills by the hour, so fractions of hours are
    /// those of an average.
    pub const fn provisioned_reads(&self, units_per_sec: u64, secs: u64) -> Money {
        Money(provisioned(self.read_unit_hour, units_per_sec, secs))
    }
    /// Provisioned write units for some seconds, in the same way.
    pub const fn provisioned_writes(&self, units_per_sec: u64, secs: u64) -> Money {
        Money(provisioned(self.write_unit_hour, units_per_sec, secs))
    }
    /// A month's storage of `items` items of `bytes` bytes in all; an index counts as a table.
    pub const fn storage_month(&self, bytes: u64, items: u64) -> Money {
        let overhead = items as u128 * STORAGE_OVERHEAD_BYTES as u128;
        self.storage_of(bytes as u128 + overhead)
    }
    /// The same for one replica of a global table.
    pub const fn global_storage_month(&self, bytes: u64, items: u64) -> Money {
        let overhead = STORAGE_OVERHEAD_BYTES + GLOBAL_TABLE_OVERHEAD_BYTES;
        self.storage_of(bytes as u128 + items as u128 * overhead as u128)
    }
    /// Reads of a stream by GetRecords.
    pub const fn stream_reads(&self, requests: u64) -> Money {
        Money(self.stream_reads_100k.0.saturating_mul(requests as u128) / 100_000)
    }
    /// The price of one block of reserved capacity, where there is such a term.
    pub fn reserved_block(&self, kind: ReservedKind, years: u8) -> Option<&ReservedPrice> {
        let mut reserved = self.reserved.iter();
        reserved.find(|block| (block.kind, block.years) == (kind, years))
    }
    /// The day from which it is in force: `2024-11-01`.
    pub fn from_text(&self) -> String {
        let (year, month, day) = self.from;
        format!("{year}-{month:02}-{day:02}")
    }
    /// The utilisation, in parts per million, above which provisioned reads cost less than reads on
    /// demand.
    pub const fn break_even_reads_ppm(&self) -> u64 {
        break_even_ppm(self.read_unit_hour, self.read_requests_million)
    }
    /// The same for writes.
    pub const fn break_even_writes_ppm(&self) -> u64 {
        break_even_ppm(self.write_unit_hour, self.write_requests_million)
    }

    /// The same for requests that consume so much together: where both kinds cross at one share, that one.
    pub const fn break_even_ppm(&self, reads: ReadUnits, writes: WriteUnits) -> u64 {
        let (halves, writes) = (reads.halves() as u128, writes.0 as u128);
        // Whole read units would lose the half.
        let hour = self.read_unit_hour.0 * halves + self.write_unit_hour.0 * writes * 2;
        let million =
            self.read_requests_million.0 * halves + self.write_requests_million.0 * writes * 2;
        break_even_ppm(Money(hour), Money(million))
    }

    const fn storage_of(&self, bytes: u128) -> Money {
        Money(self.storage_gb_month.0.saturating_mul(bytes) / STORAGE_GB_BYTES as u128)
    }
}

impl ReservedPrice {
    /// Units per second that are reserved together (AWS, "Pricing for Provisioned Capacity").
    pub const BLOCK_UNITS: u64 = 100;

    /// What the whole term costs for one block.
    pub const fn term_total(&self) -> Money {
        let hours = self.years as u128 * 365 * 24;
        Money(self.upfront.0 + self.hour.0 * hours)
    }
    /// The part of it that falls on `secs` seconds, what was paid at the start spread evenly.
    pub const fn block_for(&self, secs: u64) -> Money {
        let term_secs = self.years as u64 * 365 * 24 * HOUR_SECS as u64;
        self.term_total().part(secs, term_secs)
    }
}

const fn provisioned(hour: Money, units_per_sec: u64, secs: u64) -> u128 {
    hour.0
        .saturating_mul(units_per_sec as u128)
        .saturating_mul(secs as u128)
        / HOUR_SECS
}

/// An hour of one unit a second at full use is 3,600 requests.
const fn break_even_ppm(hour: Money, million: Money) -> u64 {
    if million.0 == 0 {
        return 0;
    }
    (hour.0.saturating_mul(MILLION * MILLION) / HOUR_SECS.saturating_mul(million.0)) as u64
}
