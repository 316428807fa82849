//! The study's charts and the series behind them.

mod compare;
mod time;

use super::outcome::PointOutcome;
use crate::studies::drawing::Drawn;
use kvrig_base::row::Row;

/// Draws everything there is to draw, of the cells without a variant and axes of a sweep.
pub(super) fn draw(found: &[PointOutcome], rows: &[Row]) -> Drawn {
    let plain: Vec<&PointOutcome> = found.iter().filter(|point| point.is_plain()).collect();
    let mut drawn = Drawn::default();
    time::generations(&plain, &mut drawn);
    time::saved(&plain, &mut drawn);
    time::staircase(&plain, &mut drawn);
    compare::ramps(&plain, &mut drawn);
    time::step(&plain, &mut drawn);
    compare::matrix(rows, &mut drawn);
    drawn
}
