//! How large keys and values are.

use crate::alias::Alias;
use crate::error::Error;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::Bytes;
use kvrig_base::random::{Draws, below};
use serde::Deserialize;

/// A distribution of sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Always the same.
    Fixed(Bytes),
    /// Any size from `min` to `max`, both included, alike.
    Uniform {
        /// Smallest size.
        min: Bytes,
        /// Largest size.
        max: Bytes,
    },
    /// Measured sizes with their weights.
    Histogram(Histogram),
}

/// Ranges of sizes, each drawn in proportion to its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// First size and number of sizes of each range.
    ranges: Vec<(u64, u64)>,
    weights: Vec<u64>,
    alias: Alias,
}

/// The layout of CacheBench's `valSizeDistFile` (`facebook/CacheLib:cachelib/cachebench/`).
#[derive(Deserialize)]
struct CacheBenchSizes {
    #[serde(rename = "valSizeRange")]
    sizes: Vec<f64>,
    #[serde(rename = "valSizeRangeProbability")]
    weights: Vec<f64>,
}

impl Sizes {
    /// Sizes from `min` to `max` bytes, both included.
    ///
    /// # Errors
    /// If `min` exceeds `max`.
    pub fn uniform(min: Bytes, max: Bytes) -> Result<Self, Error> {
        match min <= max {
            true => Ok(Self::Uniform { min, max }),
            false => Err(Error::SizesReversed {
                min: min.0,
                max: max.0,
            }),
        }
    }
    /// Sizes with integer weights.
    ///
    /// # Errors
    /// If no weight is positive.
    pub fn histogram(sizes: &[(Bytes, u64)]) -> Result<Self, Error> {
        let (ranges, weights) = sizes
            .iter()
            .map(|&(size, weight)| ((size.0, 1), weight))
            .unzip();
        Histogram::new(ranges, weights).map(Self::Histogram)
    }
    /// Reads the sizes that CacheBench publishes: JSON with `valSizeRange` and
    /// `valSizeRangeProbability`.
    ///
    /// As CacheBench reads it, lists of equal length are sizes with their weights; one size more
    /// than weights are the edges of ranges, each range without its upper edge.
    ///
    /// # Errors
    /// If `text` is not such a file; `name` is what the message calls it.
    pub fn from_cachebench(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let refuse = |what: String| {
            Diagnostic::new(diagnostic::TRACE_RECORD, format!("{name}: {what}")).help(
                "expected `valSizeRange` and `valSizeRangeProbability`, as CacheBench has them",
            )
        };
        let read: CacheBenchSizes =
            serde_json::from_str(text).map_err(|e| refuse(e.to_string()))?;
        let whole = |list: &[f64], what: &str| {
            let numbers = list.iter().enumerate().map(|(place, &number)| {
                let fits = number >= 0.0 && number <= u64::MAX as f64 && number.fract() == 0.0;
                fits.then_some(number as u64).ok_or_else(|| {
                    refuse(format!(
                        "{what} {}, {number}, is not a whole number",
                        place + 1
                    ))
                })
            });
            numbers.collect::<Result<Vec<u64>, Diagnostic>>()
        };
        let sizes = whole(&read.sizes, "size")?;
        let weights = whole(&read.weights, "weight")?;
        let ranges = if sizes.len() == weights.len() {
            sizes.iter().map(|&size| (size, 1)).collect()
        } else if sizes.len() == weights.len() + 1 {
            let edges = sizes.windows(2).enumerate().map(|(place, edges)| {
                let count = edges[1].checked_sub(edges[0]).filter(|&count| count > 0);
                let rising =
                    || refuse(format!("size {} does not exceed the one before", place + 2));
                count.map(|count| (edges[0], count)).ok_or_else(rising)
            });
            edges.collect::<Result<_, Diagnostic>>()?
        } else {
            let (sizes, weights) = (sizes.len(), weights.len());
            return Err(refuse(format!(
                "{sizes} sizes do not go with {weights} weights"
            )));
        };
        Histogram::new(ranges, weights)
            .map(Self::Histogram)
            .map_err(|e| refuse(e.to_string()))
    }
    /// The size in bytes that the draws stand for.
    #[inline]
    pub fn bytes(&self, draws: &mut Draws) -> u64 {
        match self {
            Self::Fixed(size) => size.0,
            Self::Uniform { min, max } => {
                min.0 + below(draws.next_u64(), (max.0 - min.0).saturating_add(1))
            }
            Self::Histogram(histogram) => {
                let (first, count) = histogram.ranges[histogram.alias.pick(draws.next_u64())];
                if count == 1 {
                    first
                } else {
                    first + below(draws.next_u64(), count)
                }
            }
        }
    }
    /// The size where there is only one: then no draw is needed.
    #[inline]
    pub const fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(size) => Some(size.0),
            Self::Uniform { .. } | Self::Histogram(_) => None,
        }
    }
    /// The largest size that can be drawn.
    pub fn max(&self) -> Bytes {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { max, .. } => *max,
            Self::Histogram(histogram) => {
                let drawn = histogram.ranges.iter().zip(&histogram.weights);
                let last = |((first, count), _): (&(u64, u64), _)| first + (count - 1);
                Bytes(
                    drawn
                        .filter(|&(_, &weight)| weight > 0)
                        .map(last)
                        .max()
                        .unwrap_or(0),
                )
            }
        }
    }
    /// The mean size in bytes, rounded down; for estimates of memory.
    pub fn mean(&self) -> Bytes {
        Bytes(match self {
            Self::Fixed(size) => size.0,
            Self::Uniform { min, max } => min.0 + (max.0 - min.0) / 2,
            Self::Histogram(histogram) => {
                let total: u128 = histogram
                    .weights
                    .iter()
                    .map(|&weight| u128::from(weight))
                    .sum();
                // Quotients and remainders apart, so that no sum of products can overflow.
                let (mut whole, mut rest) = (0, 0);
                for (&(first, count), &weight) in histogram.ranges.iter().zip(&histogram.weights) {
                    let middle = u128::from(first) + u128::from(count - 1) / 2;
                    let product = middle * u128::from(weight);
                    whole += product / total;
                    rest += product % total;
                }
                (whole + rest / total) as u64
            }
        })
    }
}

impl Histogram {
    fn new(ranges: Vec<(u64, u64)>, weights: Vec<u64>) -> Result<Self, Error> {
        let alias = Alias::new(&weights)?;
        Ok(Self {
            ranges,
            weights,
            alias,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::digest::Rolling;
    use kvrig_base::random::Seed;

    fn sizes_drawn(sizes: &Sizes, count: u64) -> Vec<u64> {
        let stream = Seed(42).stream("sizes");
        (0..count)
            .map(|index| sizes.bytes(&mut stream.draws(0, index)))
            .collect()
    }

    const PUBLISHED: &str =
        r#"{"valSizeRangeProbability": [2, 1, 1], "valSizeRange": [64.0, 100, 4096]}"#;

    #[test]
    fn every_size_of_a_range_is_drawn_and_no_other() {
        let sizes = Sizes::uniform(Bytes(3), Bytes(6)).unwrap();
        let mut drawn = sizes_drawn(&sizes, 1_000);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5, 6]);
        assert_eq!((sizes.max(), sizes.mean()), (Bytes(6), Bytes(4)));
        let all = Sizes::uniform(Bytes(0), Bytes(u64::MAX)).unwrap();
        assert_eq!(sizes_drawn(&all, 10).len(), 10);
    }

    #[test]
    fn published_sizes_come_in_their_shares() {
        let sizes = Sizes::from_cachebench("sizes.json", PUBLISHED).unwrap();
        let drawn = sizes_drawn(&sizes, 40_000);
        let count = |size| drawn.iter().filter(|&&drawn| drawn == size).count();
        assert_eq!(count(64) + count(100) + count(4_096), 40_000);
        assert!((19_600..20_400).contains(&count(64)));
        assert!((9_600..10_400).contains(&count(100)));
        assert_eq!((sizes.max(), sizes.mean()), (Bytes(4_096), Bytes(1_081)));
    }

    /// The published sizes of a production cache: their mean, median and largest.
    #[test]
    fn production_sizes_are_read() {
        let text = include_str!("../traces/meta-kvcache-reg-sizes.json");
        let sizes = Sizes::from_cachebench("meta-kvcache-reg-sizes.json", text).unwrap();
        assert_eq!((sizes.mean(), sizes.max()), (Bytes(335), Bytes(523_487)));
        let mut drawn = sizes_drawn(&sizes, 100_001);
        drawn.sort_unstable();
        assert!(
            (156..=162).contains(&drawn[50_000]),
            "median {}",
            drawn[50_000]
        );
    }

    #[test]
    fn one_edge_more_than_weights_makes_ranges() {
        let text = r#"{"valSizeRange": [1, 3, 10], "valSizeRangeProbability": [1, 0]}"#;
        let sizes = Sizes::from_cachebench("sizes.json", text).unwrap();
        let mut drawn = sizes_drawn(&sizes, 100);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [1, 2]);
        assert_eq!(sizes.max(), Bytes(2));
    }

    #[test]
    fn broken_size_files_are_refused() {
        for (text, part) in [
            ("", "EOF"),
            ("{}", "missing field `valSizeRange`"),
            (
                r#"{"valSizeRange": [1], "valSizeRangeProbability": []}"#,
                "all zero",
            ),
            (
                r#"{"valSizeRange": [1], "valSizeRangeProbability": [1, 2]}"#,
                "1 sizes do not go with 2",
            ),
            (
                r#"{"valSizeRange": [-1], "valSizeRangeProbability": [1]}"#,
                "size 1, -1, is not",
            ),
            (
                r#"{"valSizeRange": [1], "valSizeRangeProbability": [0.5]}"#,
                "weight 1, 0.5, is not",
            ),
            (
                r#"{"valSizeRange": [5, 5], "valSizeRangeProbability": [1]}"#,
                "size 2 does not exceed",
            ),
        ] {
            let error = Sizes::from_cachebench("sizes.json", text)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("KV2002: sizes.json: ") && error.contains(part),
                "{error}"
            );
        }
        assert!(Sizes::uniform(Bytes(2), Bytes(1)).is_err());
    }

    #[test]
    fn golden_sizes_hold() {
        let mut digest = Rolling::default();
        let uniform = Sizes::uniform(Bytes(10), Bytes(1_000)).unwrap();
        let histogram = Sizes::from_cachebench("sizes.json", PUBLISHED).unwrap();
        for sizes in [uniform, histogram] {
            for size in sizes_drawn(&sizes, 1_000) {
                digest.fold(size);
            }
        }
        assert_eq!(format!("{:016x}", digest.value()), "2db24ddc7c75f0fa");
    }
}
