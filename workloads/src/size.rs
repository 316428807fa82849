//! How large keys and values are.

use crate::alias::Alias;
use crate::error::Error;
use crate::law::Law;
use crate::trace::text::{self, Header, TextRecords};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::quantity::{Bytes, Share};
use kvrig_base::random::{Draws, below, open_unit};
use serde::Deserialize;

/// A distribution of sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
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
    /// A continuous law, rounded to whole bytes.
    Law(SizeLaw),
    /// Some sizes with a share each, and a continuous law for the rest.
    Mixed(Mixed),
}

/// A continuous law of sizes within limits: what falls beyond a limit is the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeLaw {
    law: Law,
    min: u64,
    max: u64,
}

/// Sizes with a share each, and a continuous law for what is left, by one inversion of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// Each size with the end of its interval, in parts of 2^64.
    ends: Vec<(u64, u64)>,
    tail: SizeLaw,
}

impl SizeLaw {
    /// Sizes by `law`, in bytes, from `min` to `max`.
    ///
    /// # Errors
    /// If the law is none or the limits are the wrong way round.
    pub fn new(law: Law, min: Bytes, max: Bytes) -> Result<Self, Error> {
        let (min, max) = (min.0, max.0);
        match min <= max {
            true => Ok(Self {
                law: law.checked()?,
                min,
                max,
            }),
            false => Err(Error::SizesReversed { min, max }),
        }
    }
    /// The size at `uniform`, rounded to the nearest byte.
    #[inline]
    fn bytes(&self, uniform: f64) -> u64 {
        // A conversion from a float saturates, so that no size can leave the limits.
        ((self.law.quantile(uniform) + 0.5) as u64).clamp(self.min, self.max)
    }
}

impl Mixed {
    /// Sizes with their shares, and `tail` for the rest.
    ///
    /// # Errors
    /// If the shares exceed the whole.
    pub fn new(shares: &[(Bytes, Share)], tail: SizeLaw) -> Result<Self, Error> {
        let mut end = 0_u64;
        let ends = shares.iter().map(|&(size, share)| {
            end = end.saturating_add(share.0);
            let parts = (u128::from(end) << 64) / u128::from(Share::ONE.0);
            match end <= Share::ONE.0 {
                // All of it ends at the last word.
                true => Ok((u64::try_from(parts).unwrap_or(u64::MAX), size.0)),
                false => Err(Error::ShareAboveWhole),
            }
        });
        Ok(Self {
            ends: ends.collect::<Result<_, Error>>()?,
            tail,
        })
    }
    #[inline]
    fn bytes(&self, word: u64) -> u64 {
        let tail_from = match self.ends.last() {
            Some(&(end, _)) if word < end => {
                let interval = self.ends.iter().find(|&&(end, _)| word < end);
                return interval.expect("the word is below the last end").1;
            }
            Some(&(end, _)) => end,
            None => 0,
        };
        // What is left of the word is uniform over what is left of the whole.
        let rest = (word - tail_from) as f64 / (WORDS - tail_from as f64);
        self.tail.bytes(rest.clamp(TAIL_FIRST, 1.0 - TAIL_FIRST))
    }
}

/// Number of 64-bit words.
const WORDS: f64 = 18_446_744_073_709_551_616.0;
/// The least share of a tail that is asked for, so that no quantile is infinite.
const TAIL_FIRST: f64 = 1.0 / 9_007_199_254_740_992.0;

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
    /// Reads sizes with weights from a CSV with a header that names the columns (`size,weight`) or
    /// without one in that order.
    ///
    /// # Errors
    /// With file and record number: a missing column, a number that is none, or weights that offer
    /// no choice.
    pub fn from_csv(name: &str, text: &str) -> Result<Self, Diagnostic> {
        const SIZES: &[&str] = &["size", "bytes", "value_size"];
        const WEIGHTS: &[&str] = &["weight", "count", "requests"];
        let header = Header::Auto(&[SIZES, WEIGHTS]);
        let mut records = TextRecords::new(name, text.as_bytes(), b',', header)?;
        let (size, weight) = (
            records.column(SIZES).unwrap_or(0),
            records.column(WEIGHTS).unwrap_or(1),
        );
        let mut pairs = Vec::new();
        while let Some(record) = records.next_record()? {
            let pair = (
                Bytes(record.number(size, "size")?),
                record.number(weight, "weight")?,
            );
            pairs.push(pair);
        }
        if pairs.is_empty() {
            return Err(text::empty(name));
        }
        Self::histogram(&pairs)
            .map_err(|error| Diagnostic::new(diagnostic::TRACE_RECORD, format!("{name}: {error}")))
    }
    /// Reads sizes in CacheBench's form if the name ends in `.json`, and a CSV otherwise.
    ///
    /// # Errors
    /// As [`Sizes::from_cachebench`] and [`Sizes::from_csv`].
    pub fn read_named(name: &str, text: &str) -> Result<Self, Diagnostic> {
        match name.to_ascii_lowercase().ends_with(".json") {
            true => Self::from_cachebench(name, text),
            false => Self::from_csv(name, text),
        }
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
            Self::Law(law) => law.bytes(open_unit(draws.next_u64())),
            Self::Mixed(mixed) => mixed.bytes(draws.next_u64()),
        }
    }
    /// The size where there is only one: then no draw is needed.
    #[inline]
    pub const fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(size) => Some(size.0),
            Self::Uniform { .. } | Self::Histogram(_) | Self::Law(_) | Self::Mixed(_) => None,
        }
    }
    /// The largest size that can be drawn.
    pub fn max(&self) -> Bytes {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { max, .. } => *max,
            Self::Law(law) => Bytes(law.max),
            Self::Mixed(mixed) => {
                let discrete = mixed.ends.iter().map(|&(_, size)| size);
                Bytes(discrete.fold(mixed.tail.max, u64::max))
            }
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
            Self::Law(_) | Self::Mixed(_) => self.mean_by_quantiles(),
        })
    }
    /// The mean of evenly spaced quantiles: it knows limits and discrete shares, and misses what
    /// lies beyond the last of them.
    fn mean_by_quantiles(&self) -> u64 {
        const QUANTILES: u64 = 1 << 14;
        let step = u64::MAX / QUANTILES;
        let total: u128 = (0..QUANTILES)
            .map(|number| {
                let word = number * step + step / 2;
                u128::from(match self {
                    Self::Law(law) => law.bytes(open_unit(word)),
                    Self::Mixed(mixed) => mixed.bytes(word),
                    Self::Fixed(_) | Self::Uniform { .. } | Self::Histogram(_) => 0,
                })
            })
            .sum();
        (total / u128::from(QUANTILES)) as u64
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
mod tests;
