//! Alias tables: a choice among n weighted outcomes by one look-up and one integer comparison.
//!
//! Walker, "An efficient method for generating discrete random variables with general
//! distributions" (TOMS 1977), built by Vose's linear method (IEEE TSE 1991). The build is in
//! integers: outcome shares are multiples of 2^-64 of a column, so that columns come out exactly
//! full and the table depends on no rounding.

use crate::error::Error;
use kvrig_base::random::below;

/// One column: its own outcome below `threshold`, the outcome `alias` from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Parts of 2^64 of the column.
    pub(crate) threshold: u64,
    /// The outcome that fills the rest.
    pub(crate) alias: u32,
}

/// What one column holds.
const COLUMN: u128 = 1 << 64;

/// Columns for outcomes whose `shares` add up to exactly one column each on average.
fn columns(mut shares: Vec<u128>) -> Box<[Column]> {
    debug_assert_eq!(shares.iter().sum::<u128>(), shares.len() as u128 * COLUMN);
    let mut columns: Box<[Column]> = (0..shares.len())
        .map(|own| Column {
            threshold: u64::MAX,
            alias: own as u32,
        })
        .collect();
    let (mut underfull, mut overfull): (Vec<usize>, Vec<usize>) =
        (0..shares.len()).partition(|&outcome| shares[outcome] < COLUMN);
    while let (Some(&small), Some(&large)) = (underfull.last(), overfull.last()) {
        underfull.pop();
        columns[small] = Column {
            threshold: shares[small] as u64,
            alias: large as u32,
        };
        shares[large] -= COLUMN - shares[small];
        if shares[large] < COLUMN {
            overfull.pop();
            underfull.push(large);
        }
    }
    columns
}

/// Makes the shares add up to one column each by giving the rounding to the largest.
fn settle(mut shares: Vec<u128>) -> Vec<u128> {
    let whole = shares.len() as u128 * COLUMN;
    let sum: u128 = shares.iter().sum();
    if let Some(largest) = shares.iter_mut().max() {
        *largest = (*largest + whole) - sum;
    }
    shares
}

/// Columns for positive floating-point weights.
///
/// A share is off by at most 2^-64 of a column, beside the rounding of its weight.
pub(crate) fn columns_of_weights(weights: &[f64]) -> Box<[Column]> {
    let total: f64 = weights.iter().sum();
    let scale = weights.len() as f64 / total * COLUMN as f64;
    columns(settle(
        weights
            .iter()
            .map(|weight| (weight * scale) as u128)
            .collect(),
    ))
}

/// A choice among outcomes 0..n in proportion to integer weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    columns: Box<[Column]>,
}

impl Alias {
    /// The table for `weights`; an outcome of weight zero is never chosen.
    ///
    /// # Errors
    /// If there are no positive weights, or more or larger ones than 32 and 64 bits can hold.
    pub fn new(weights: &[u64]) -> Result<Self, Error> {
        let count =
            u32::try_from(weights.len()).map_err(|_| Error::TooManyWeights(weights.len()))?;
        let total = weights
            .iter()
            .try_fold(0_u64, |sum, &weight| sum.checked_add(weight))
            .ok_or(Error::WeightsTooLarge)?;
        if total == 0 {
            return Err(Error::NoWeight);
        }
        let total = u128::from(total);
        let shares = weights.iter().map(|&weight| {
            let product = u128::from(weight) * u128::from(count);
            (product / total * COLUMN) + (product % total * COLUMN) / total
        });
        Ok(Self {
            columns: columns(settle(shares.collect())),
        })
    }
    /// The number of outcomes.
    pub const fn len(&self) -> usize {
        self.columns.len()
    }
    /// Whether there are no outcomes; there always are.
    pub const fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
    /// The outcome that `word` stands for.
    #[inline]
    pub fn pick(&self, word: u64) -> usize {
        let count = self.columns.len() as u64;
        let own = below(word, count) as usize;
        let Column { threshold, alias } = self.columns[own];
        // The low half of the product is the place of the word within its column.
        if word.wrapping_mul(count) < threshold {
            own
        } else {
            alias as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::random::Seed;
    use proptest::prelude::*;

    /// The weight of each outcome as the table has it, in parts of 2^64 of a column.
    fn shares_of(columns: &[Column]) -> Vec<u128> {
        let mut shares = vec![0_u128; columns.len()];
        for (own, column) in columns.iter().enumerate() {
            let threshold = match column.alias as usize == own {
                true => COLUMN,
                false => u128::from(column.threshold),
            };
            shares[own] += threshold;
            shares[column.alias as usize] += COLUMN - threshold;
        }
        shares
    }

    proptest! {
        #[test]
        fn every_outcome_gets_its_share_to_the_last_bit(
            weights in prop::collection::vec(0_u64..1_000_000, 1..200),
        ) {
            let total: u64 = weights.iter().sum();
            prop_assume!(total > 0);
            let shares = shares_of(&Alias::new(&weights).unwrap().columns);
            let count = weights.len() as u128;
            for (share, weight) in shares.iter().zip(&weights) {
                let exact = f64::from(u32::try_from(*weight).unwrap()) / total as f64;
                let got = *share as f64 / COLUMN as f64 / count as f64;
                prop_assert!((got - exact).abs() < 1e-15, "{got} instead of {exact}");
            }
        }
    }

    #[test]
    fn outcomes_without_weight_are_never_chosen() {
        let alias = Alias::new(&[0, 3, 0, 1]).unwrap();
        let stream = Seed(1).stream("alias");
        let mut counts = [0_u32; 4];
        for index in 0..40_000 {
            counts[alias.pick(stream.at(0, index).0[0])] += 1;
        }
        assert_eq!([counts[0], counts[2]], [0, 0]);
        assert!((29_600..30_400).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn weights_that_offer_no_choice_are_refused() {
        assert_eq!(Alias::new(&[]), Err(Error::NoWeight));
        assert_eq!(Alias::new(&[0, 0]), Err(Error::NoWeight));
        assert_eq!(Alias::new(&[u64::MAX, 1]), Err(Error::WeightsTooLarge));
    }
}
