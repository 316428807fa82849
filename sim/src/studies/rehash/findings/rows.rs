//! Rows found by what they are about, and sentences that remember the rows they rest on.

use kvrig_base::quantity::format_value;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// One cell's place among the rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At<'a> {
    pub(super) variant: &'a str,
    pub(super) table: &'a str,
    /// The doubling of a node under load.
    pub(super) doubling: Option<&'a str>,
    /// The size of a table alone.
    pub(super) size: Option<&'a str>,
    pub(super) phase: Option<&'a str>,
}

impl<'a> At<'a> {
    /// The same cell in a phase.
    pub(super) const fn phase(self, phase: &'a str) -> Self {
        Self {
            phase: Some(phase),
            ..self
        }
    }
    /// The same cell of a variant.
    pub(super) const fn variant(self, variant: &'a str) -> Self {
        Self { variant, ..self }
    }
}

/// Rows with their indices, found by variant, cell and metric.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a>(pub(super) &'a [Row]);

impl<'a> Rows<'a> {
    /// The row of a metric, with its index.
    pub(super) fn find(self, at: At<'_>, name: &str) -> Option<(usize, &'a Row)> {
        let is_meant = |row: &&Row| {
            let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
            row.name == name
                && row.variant == at.variant
                && axis("table") == Some(at.table)
                && axis("doubling") == at.doubling
                && axis("size") == at.size
                && axis("phase") == at.phase
        };
        let index = self.0.iter().position(|row| is_meant(&row))?;
        Some((index, &self.0[index]))
    }
    /// The row of a metric in the cell of the sweep that has just these axes, with its index.
    pub(super) fn find_cell(self, cell: &[(&str, &str)], name: &str) -> Option<(usize, &'a Row)> {
        let is_meant = |row: &&Row| {
            row.name == name
                && row.variant.is_empty()
                && row.cell.len() == cell.len()
                && cell
                    .iter()
                    .all(|&(axis, value)| row.cell.get(axis).is_some_and(|held| held == value))
        };
        let index = self.0.iter().position(|row| is_meant(&row))?;
        Some((index, &self.0[index]))
    }
    /// The value of a metric, zero where there is none.
    pub(super) fn value(self, at: At<'_>, name: &str) -> i64 {
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
    pub(super) fn quote(&mut self, at: At<'_>, name: &str) -> Option<String> {
        let found = self.rows.find(at, name)?;
        Some(self.quote_row(found))
    }
    /// The same of a cell that is named by its axes.
    pub(super) fn quote_cell(&mut self, cell: &[(&str, &str)], name: &str) -> Option<String> {
        let found = self.rows.find_cell(cell, name)?;
        Some(self.quote_row(found))
    }
    fn quote_row(&mut self, (index, row): (usize, &Row)) -> String {
        if !self.quoted.contains(&index) {
            self.quoted.push(index);
        }
        format_value(row.unit, row.value)
    }
    /// The same where the value is above zero.
    pub(super) fn quote_above_zero(&mut self, at: At<'_>, name: &str) -> Option<String> {
        (self.rows.value(at, name) > 0)
            .then(|| self.quote(at, name))
            .flatten()
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
