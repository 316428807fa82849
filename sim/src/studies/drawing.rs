//! Parts of charts and series that studies share.

use crate::run::Sample;
use kvrig_base::result::{
    Axis, Chart, Column, HistogramData, Layer, Quantity, Scale, Series, Style, Values,
};
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// Series, charts and percentile files.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) series: Vec<Series>,
    pub(super) charts: Vec<Chart>,
    pub(super) histograms: Vec<HistogramData>,
}

/// A text such as `2^20` as part of a file name.
pub(super) fn file_part(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}

/// An axis.
pub(super) fn axis(label: &str, quantity: Quantity, scale: Scale) -> Axis {
    Axis {
        label: label.into(),
        quantity,
        scale,
    }
}
/// A column of texts.
pub(super) fn text(name: &str, values: Vec<String>) -> Column {
    Column {
        name: name.into(),
        unit: String::new(),
        values: Values::Text(values),
    }
}
/// A column of integers.
pub(super) fn numbers(name: &str, unit: &str, values: Vec<i64>) -> Column {
    Column {
        name: name.into(),
        unit: unit.into(),
        values: Values::Int(values),
    }
}

/// What the seeds came to at one place of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) lowest: i64,
    /// Rounded, halves up, as the mean of a row.
    pub(super) mean: i64,
    pub(super) highest: i64,
    pub(super) seeds: usize,
}

impl Spread {
    /// Of one value a seed; nothing of none.
    pub(super) fn of(values: &[i64]) -> Option<Self> {
        let (&lowest, &highest) = (values.iter().min()?, values.iter().max()?);
        let count = values.len() as i128;
        let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
        Some(Self {
            lowest,
            mean: i64::try_from((sum + count / 2).div_euclid(count)).ok()?,
            highest,
            seeds: values.len(),
        })
    }
}

/// Variant, cell and metric of a row.
type RowKey<'a> = (&'a str, &'a BTreeMap<String, String>, &'a str);

/// The samples of single seeds, found by the row that is their mean.
pub(super) struct Spreads<'a>(BTreeMap<RowKey<'a>, Vec<i64>>);

impl<'a> Spreads<'a> {
    pub(super) fn of(samples: &'a [Sample]) -> Self {
        let mut held: BTreeMap<RowKey<'a>, Vec<i64>> = BTreeMap::new();
        for sample in samples {
            let key = (sample.variant.as_str(), &sample.cell, sample.name.as_str());
            held.entry(key).or_default().push(sample.value);
        }
        Self(held)
    }
    /// What the seeds behind a row came to.
    pub(super) fn at(&self, row: &Row) -> Option<Spread> {
        let key = (row.variant.as_str(), &row.cell, row.name.as_str());
        Spread::of(self.0.get(&key)?)
    }
}

/// Columns of a line with its band: the means called `value`, and `lowest` and `highest` of the seeds.
pub(super) fn spread_columns(value: &str, unit: &str, spreads: &[Spread]) -> [Column; 3] {
    let column =
        |name: &str, of: fn(&Spread) -> i64| numbers(name, unit, spreads.iter().map(of).collect());
    [
        column(value, |spread| spread.mean),
        column("lowest", |spread| spread.lowest),
        column("highest", |spread| spread.highest),
    ]
}

/// The band of `line`, a layer of a series that has [`spread_columns`]; none where there is one seed.
pub(super) fn band_of<'a>(
    line: &Layer,
    spreads: impl IntoIterator<Item = &'a Spread>,
) -> Option<Layer> {
    seeds_of(spreads).map(|_| Layer {
        y: "lowest".into(),
        upper: Some("highest".into()),
        style: Style::Band,
        ..line.clone()
    })
}

/// What `lines` of a chart and their bands are, as the end of a message; nothing where there is one
/// seed, so no band.
pub(super) fn band_words<'a>(lines: &str, spreads: impl IntoIterator<Item = &'a Spread>) -> String {
    seeds_of(spreads).map_or_else(String::new, |seeds| {
        format!(". Lines are {lines}, bands reach from the lowest to the highest of {seeds} seeds")
    })
}

/// The most seeds that lie behind a place, where there are several.
pub(super) fn seeds_of<'a>(spreads: impl IntoIterator<Item = &'a Spread>) -> Option<usize> {
    let seeds = spreads.into_iter().map(|spread| spread.seeds).max();
    seeds.filter(|&seeds| seeds > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_ends_and_the_rounded_mean_of_its_seeds() {
        let spread = Spread::of(&[7, -2, 4]).expect("three seeds");
        let held = (spread.lowest, spread.mean, spread.highest, spread.seeds);
        assert_eq!(held, (-2, 3, 7, 3));
        let mean = |values: &[i64]| Spread::of(values).map(|spread| spread.mean);
        assert_eq!(mean(&[1, 2]), Some(2), "halves go up");
        assert_eq!(mean(&[-1, -2]), Some(-1), "halves go up");
        assert_eq!(mean(&[i64::MAX, i64::MAX]), Some(i64::MAX));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn one_seed_has_no_band_to_speak_of() {
        let one = Spread::of(&[4]).expect("a seed");
        let two = Spread::of(&[4, 5]).expect("two seeds");
        assert_eq!(band_words("means", &[one]), "");
        let words = band_words("means", &[one, two]);
        assert!(
            words.ends_with("the lowest to the highest of 2 seeds"),
            "{words}"
        );
    }
}
