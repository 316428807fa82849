//! Quantities that people write with units: sizes, rates, shares and counts.

use std::fmt;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A rate in millionths of an event per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A share in parts per billion of the whole: `5%` is 50,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u64);

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
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53 millionths")]
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

/// `value`/`unit` in decimal with at most three decimals, trailing zeros removed, rounded half up.
pub(crate) fn decimal(value: u64, unit: u64) -> String {
    let thousandths = (u128::from(value) * 1_000 + u128::from(unit) / 2) / u128::from(unit);
    let (whole, fraction) = (thousandths / 1_000, thousandths % 1_000);
    match fraction {
        0 => whole.to_string(),
        _ => format!("{whole}.{fraction:03}").trim_end_matches('0').to_owned(),
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= 1 << 40 => (1 << 40, "TiB"),
            n if n >= 1 << 30 => (1 << 30, "GiB"),
            n if n >= 1 << 20 => (1 << 20, "MiB"),
            n if n >= 1 << 10 => (1 << 10, "KiB"),
            _ => (1, "B"),
        };
        f.write_str(&decimal(self.0, unit))?;
        f.write_str(name)
    }
}
