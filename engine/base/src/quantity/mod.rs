//! Quantities that people write with units: times, sizes, rates, shares and counts.
//!
//! `parse` reads what people write, `print` writes it back. Both work in integers: no
//! quantity is ever rounded on the way in, and [`print::exact`] gives text that reads back as the
//! same quantity.

mod parse;
pub mod print;

pub use parse::{QuantityError, parse_count, parse_decimal};
pub use print::{exact, format_value, grouped};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A rate in millionths of an event per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A share in parts per billion of the whole: `5%` is 50,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u64);

/// A throughput of links and disks in bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(pub u64);

impl Bytes {
    /// `n` KiB.
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }
    /// `n` MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    /// `n` GiB.
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }
}

impl Rate {
    /// `n` events per second.
    pub const fn per_second(n: u64) -> Self {
        Self(n * 1_000_000)
    }
    /// Events per second, for fits, plots and the rare path of samplers.
    #[expect(
        clippy::cast_precision_loss,
        reason = "rates are far below 2^53 millionths"
    )]
    pub fn per_second_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Share {
    /// The whole.
    pub const ONE: Self = Self(1_000_000_000);

    /// `n` percent.
    pub const fn percent(n: u64) -> Self {
        Self(n * 10_000_000)
    }
    /// The share in parts per million, rounded down: the base unit of rows.
    pub const fn ppm(self) -> u64 {
        self.0 / 1_000
    }
}
