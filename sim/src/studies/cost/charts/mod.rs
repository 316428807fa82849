//! The study's charts and the series behind them.

mod bars;
mod crossing;
mod lines;
mod scaling;

use super::outcome::PointOutcome;
use crate::run::Sample;
use crate::studies::drawing::{Drawn, Spreads};
use kvrig_base::row::Row;

/// Draws everything there is to draw: from rows, from the samples of single seeds that they are means
/// of, and from the minutes of points.
pub(super) fn draw(found: &[PointOutcome], rows: &[Row], samples: &[Sample]) -> Drawn {
    let mut drawn = Drawn::default();
    let spreads = Spreads::of(samples);
    crossing::bills_by_use(&mut drawn, rows, &spreads);
    crossing::bills_by_peak(&mut drawn, rows, &spreads);
    crossing::break_even(&mut drawn, found, rows, &spreads);
    scaling::throttles_by_peak(&mut drawn, rows, &spreads);
    scaling::price_of_throttles(&mut drawn, rows);
    scaling::a_day(&mut drawn, found);
    bars::of_article(&mut drawn, rows);
    bars::designs(&mut drawn, rows);
    drawn
}
