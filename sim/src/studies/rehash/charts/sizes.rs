//! The longest pause of a table alone against its size, with a fit.

use super::{Drawn, axis, numbers, text};
use crate::studies::rehash::outcome::CurveOutcome;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, StudyResult, Style};
use kvrig_base::time::Span;

/// The size to which the fitted curve is drawn on: 2^27 entries, where operators' reports begin
/// (redis#2716 grows from 2^27).
const EXTRAPOLATED_TO: u64 = 1 << 27;

/// The chart's name, and its series'.
const NAME: &str = "pause-against-size";

/// A pause of a table alone that was measured on the real clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredPause {
    /// The table's name.
    pub table: String,
    /// Entries at which it grew.
    pub entries: u64,
    /// The longest time that one insert took.
    pub longest: Span,
}

/// Lays measured pauses over the simulated ones, as a series of their own that the fingerprint does
/// not cover. Does nothing to a result without that chart.
pub fn add_measured_pauses(result: &mut StudyResult, pauses: &[MeasuredPause]) {
    let Some(chart) = result.charts.iter_mut().find(|chart| chart.name == NAME) else {
        return;
    };
    let series = format!("{NAME}-measured");
    let of = |value: fn(&MeasuredPause) -> u64| {
        pauses
            .iter()
            .map(|pause| value(pause).cast_signed())
            .collect()
    };
    let label = |pause: &MeasuredPause| format!("{}, measured", pause.table);
    chart.layers.push(Layer {
        series: series.clone(),
        x: "entries".into(),
        y: "pause".into(),
        upper: None,
        group: Some("table".into()),
        style: Style::Points,
        cells: None,
    });
    result.series.push(Series {
        name: series,
        columns: vec![
            text("table", pauses.iter().map(label).collect()),
            numbers("entries", "", of(|pause| pause.entries)),
            numbers("pause", "ns", of(|pause| pause.longest.as_nanos())),
        ],
    });
}

impl Drawn {
    pub(super) fn pause_against_size(&mut self, curves: &[CurveOutcome]) {
        let (mut tables, mut sizes, mut pauses, mut causes, mut ends) =
            (vec![], vec![], vec![], vec![], vec![]);
        let (mut fit_tables, mut fit_sizes, mut fit_pauses) = (vec![], vec![], vec![]);
        let mut reached: Vec<String> = Vec::new();
        for curve in curves {
            for point in &curve.sizes {
                tables.push(curve.table.clone());
                sizes.push(point.entries.cast_signed());
                pauses.push(point.longest_ns.cast_signed());
                causes.push(point.cause.clone());
                ends.push(point.ended_at.cast_signed());
            }
            let points: Vec<(u64, u64)> = curve
                .sizes
                .iter()
                .map(|point| (point.entries, point.longest_ns))
                .collect();
            // A pause that does not grow with size has no curve to draw on.
            let Some(fit) = PowerLaw::fit(&points).filter(|fit| fit.exponent > 0.0) else {
                continue;
            };
            let mut size = points[0].0;
            while size <= EXTRAPOLATED_TO {
                fit_tables.push(curve.table.clone());
                fit_sizes.push(size.cast_signed());
                fit_pauses.push(fit.at(size).cast_signed());
                size *= 2;
            }
            let at_end = format_value(Unit::Nanos, fit.at(EXTRAPOLATED_TO).cast_signed());
            reached.push(format!("{} {at_end}", curve.table));
        }
        let message = format!("Extrapolated to 2^27 entries: {}", reached.join("; "));
        self.series.push(Series {
            name: NAME.into(),
            columns: vec![
                text("table", tables),
                numbers("entries", "", sizes),
                numbers("pause", "ns", pauses),
                text("cause", causes),
                numbers("ended_at", "", ends),
            ],
        });
        self.series.push(Series {
            name: "pause-against-size-fit".into(),
            columns: vec![
                text("table", fit_tables),
                numbers("entries", "", fit_sizes),
                numbers("pause", "ns", fit_pauses),
            ],
        });
        let layer = |series: &str, style| Layer {
            series: series.into(),
            x: "entries".into(),
            y: "pause".into(),
            upper: None,
            group: Some("table".into()),
            style,
            cells: None,
        };
        self.charts.push(Chart {
            name: NAME.into(),
            title: "Longest pause of a table alone, against its size".into(),
            alt: format!("Log-log chart of pause against entries, with power-law fits. {message}."),
            message,
            x: axis(
                "entries at which the table grows",
                Quantity::PowerOfTwo,
                Scale::Log,
            ),
            y: axis("longest pause in one insert", Quantity::Nanos, Scale::Log),
            panels: None,
            layers: vec![
                layer("pause-against-size-fit", Style::Dashed),
                layer(NAME, Style::Points),
            ],
            marks: Vec::new(),
        });
    }
}

/// pause = a · entries^b, fitted by least squares on logarithms.
#[derive(Clone, Copy, Debug)]
struct PowerLaw {
    log_factor: f64,
    exponent: f64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fitted curve for drawing"
)]
impl PowerLaw {
    /// The fit, or nothing below two distinct sizes.
    fn fit(points: &[(u64, u64)]) -> Option<Self> {
        let logs: Vec<(f64, f64)> = points
            .iter()
            .filter(|point| point.0 > 0 && point.1 > 0)
            .map(|&(x, y)| (libm::log(x as f64), libm::log(y as f64)))
            .collect();
        let count = logs.len() as f64;
        let mean_x = logs.iter().map(|point| point.0).sum::<f64>() / count;
        let mean_y = logs.iter().map(|point| point.1).sum::<f64>() / count;
        let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
        if logs.len() < 2 || spread <= 0.0 {
            return None;
        }
        let common: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let exponent = common / spread;
        Some(Self {
            log_factor: mean_y - exponent * mean_x,
            exponent,
        })
    }
    fn at(self, size: u64) -> u64 {
        libm::exp(self.log_factor + self.exponent * libm::log(size as f64)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_recovered_from_its_points() {
        let fit = PowerLaw::fit(&[
            (1 << 18, 262_144),
            (1 << 20, 1_048_576),
            (1 << 22, 4_194_304),
        ]);
        let fit = fit.expect("three sizes");
        assert!((fit.exponent - 1.0).abs() < 1e-9);
        assert!(fit.at(1 << 27).abs_diff(1 << 27) < 10);
    }

    #[test]
    fn one_size_gives_no_fit() {
        assert!(PowerLaw::fit(&[(1 << 18, 100)]).is_none());
    }
}
