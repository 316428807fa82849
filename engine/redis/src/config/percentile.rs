//! Percentages of `latency-tracking-info-percentiles`.

use std::fmt;

/// Of one percent, as many parts as Redis prints of it (`%f`).
const PARTS_PER_PERCENT: f64 = 1_000_000.0;

/// A percentage with six decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    millionths: u32,
}

impl Percentile {
    /// Those of Redis: 50, 99 and 99.9.
    pub const DEFAULT: [Self; 3] = [
        Self {
            millionths: 50_000_000,
        },
        Self {
            millionths: 99_000_000,
        },
        Self {
            millionths: 99_900_000,
        },
    ];
    /// Reads a number from 0 to 100.
    pub fn parse(text: &str) -> Option<Self> {
        let percent: f64 = text.parse().ok()?;
        (0.0..=100.0).contains(&percent).then_some(Self {
            millionths: (percent * PARTS_PER_PERCENT + 0.5) as u32,
        })
    }
    /// The percentage.
    pub fn value(self) -> f64 {
        f64::from(self.millionths) / PARTS_PER_PERCENT
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.6}", self.value());
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::Percentile;

    #[test]
    fn percentages_are_printed_without_zeros_at_the_end() {
        for (text, printed) in [
            ("50.0", "50"),
            ("99.90", "99.9"),
            ("0", "0"),
            ("100", "100"),
        ] {
            let percentile = Percentile::parse(text).expect("a percentage");
            assert_eq!(percentile.to_string(), printed);
        }
        for text in ["-1", "100.1", "x", "", "nan"] {
            assert_eq!(Percentile::parse(text), None, "{text}");
        }
    }
}
