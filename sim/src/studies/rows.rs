//! Rows found by what they are about, and sentences that remember the rows they rest on.

use kvrig_base::quantity::format_value;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// Where rows are found: one cell.
pub(super) trait Place {
    /// Whether the row is of this cell.
    fn is_of(&self, row: &Row) -> bool;
}

/// The cell of the sweep that has just these axes.
impl Place for &[(&str, &str)] {
    fn is_of(&self, row: &Row) -> bool {
        row.variant.is_empty()
            && row.cell.len() == self.len()
            && self
                .iter()
                .all(|&(axis, value)| row.cell.get(axis).is_some_and(|held| held == value))
    }
}

impl<const N: usize> Place for &[(&str, &str); N] {
    fn is_of(&self, row: &Row) -> bool {
        self.as_slice().is_of(row)
    }
}

/// Rows with their indices, found by variant, cell and metric.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a>(pub(super) &'a [Row]);

impl<'a> Rows<'a> {
    /// The row of a metric, with its index.
    pub(super) fn find(self, at: impl Place + Copy, name: &str) -> Option<(usize, &'a Row)> {
        let is_meant = |row: &&Row| row.name == name && at.is_of(row);
        let index = self.0.iter().position(|row| is_meant(&row))?;
        Some((index, &self.0[index]))
    }
    /// The value of a metric, zero where there is none.
    pub(super) fn value(self, at: impl Place + Copy, name: &str) -> i64 {
        self.find(at, name).map_or(0, |(_, row)| row.value)
    }
}

/// A sentence that is being written: what it quotes becomes its evidence.
pub(super) struct Sentence<'a> {
    rows: Rows<'a>,
    quoted: Vec<usize>,
}

impl<'a> Sentence<'a> {
    pub(super) const fn about(rows: Rows<'a>) -> Self {
        Self {
            rows,
            quoted: Vec::new(),
        }
    }
    /// The value of a metric as text; nothing where there is no such row.
    pub(super) fn quote(&mut self, at: impl Place + Copy, name: &str) -> Option<String> {
        let found = self.rows.find(at, name)?;
        Some(self.quote_row(found))
    }
    fn quote_row(&mut self, (index, row): (usize, &Row)) -> String {
        self.rest_on(index);
        format_value(row.unit, row.value)
    }
    /// The same where the value is above zero.
    pub(super) fn quote_above_zero(&mut self, at: impl Place + Copy, name: &str) -> Option<String> {
        (self.rows.value(at, name) > 0)
            .then(|| self.quote(at, name))
            .flatten()
    }
    /// Rests on a row, given by its index, whose value is not quoted.
    pub(super) fn rest_on(&mut self, index: usize) {
        if !self.quoted.contains(&index) {
            self.quoted.push(index);
        }
    }
    /// The sentence, with its evidence.
    pub(super) fn say(self, text: String) -> Finding {
        Finding {
            text,
            rows: self.quoted,
            warning: false,
        }
    }
}
