//! Parts of charts and series that studies share.

use kvrig_base::result::{Axis, Chart, Column, HistogramData, Quantity, Scale, Series, Values};

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
