//! Where the rows of this study are found.

use crate::studies::rows::Place;
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

impl Place for At<'_> {
    fn is_of(&self, row: &Row) -> bool {
        let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
        row.variant == self.variant
            && axis("table") == Some(self.table)
            && axis("doubling") == self.doubling
            && axis("size") == self.size
            && axis("phase") == self.phase
    }
}
