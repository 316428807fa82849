//! The study's charts and the series behind them.

mod heat;
mod keys;
mod skew;
mod time;

pub(super) use heat::diagnosis;

use super::outcome::PointOutcome;
use crate::studies::drawing::Drawn;

/// Draws everything there is to draw.
pub(super) fn draw(found: &[PointOutcome]) -> Drawn {
    let mut drawn = Drawn::default();
    heat::draw(found, &mut drawn);
    skew::throttled(found, &mut drawn);
    skew::clean_rate(found, &mut drawn);
    time::draw(found, &mut drawn);
    keys::designs(found, &mut drawn);
    keys::top(found, &mut drawn);
    drawn
}

/// Runs of the first seed, shown over time: the cells of a sweep over skew nearest to 0.99 and 1.2,
/// or the first two there are.
fn shown(found: &[PointOutcome]) -> Vec<&PointOutcome> {
    let runs = || {
        found
            .iter()
            .filter(|point| point.replication == 0 && point.recorded().is_some())
    };
    let chosen: Vec<&PointOutcome> = ["0.99", "1.2"]
        .iter()
        .filter_map(|wanted| {
            runs().find(|point| {
                point.variant.is_empty() && point.axes.get("s").is_some_and(|s| s == wanted)
            })
        })
        .collect();
    match chosen.is_empty() {
        true => runs().take(2).collect(),
        false => chosen,
    }
}

/// The exponent of a cell of the sweep, in thousandths.
fn exponent_milli(point: &PointOutcome) -> Option<i64> {
    let text = point.axes.get("s").filter(|_| point.variant.is_empty())?;
    let millionths = kvrig_base::quantity::parse_decimal(text, 6).ok()?;
    i64::try_from(millionths / 1_000).ok()
}
