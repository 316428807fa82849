//! The study's charts and the series behind them.

use super::outcome::{CurveOutcome, NodeOutcome};
use super::{PHASES, label};
use crate::run::histograms;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{
    Axis, Chart, Column, HistogramData, Layer, Mark, Quantity, Scale, Series, Style, Values,
};
use std::collections::BTreeMap;

/// Points of a percentile curve for each factor of ten in 1/(1-q).
const POINTS_PER_NINE: u32 = 24;
/// The size to which the fitted curve is drawn on: 2^27 entries, where operators' reports begin
/// (redis#2716 grows from 2^27).
const EXTRAPOLATED_TO: u64 = 1 << 27;

/// Series, charts and percentile files.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub(super) series: Vec<Series>,
    pub(super) charts: Vec<Chart>,
    pub(super) histograms: Vec<HistogramData>,
}

/// Draws everything there is to draw.
pub(super) fn draw(nodes: &[NodeOutcome], curves: &[CurveOutcome], limit: Option<i64>) -> Drawn {
    let mut drawn = Drawn::default();
    for doubling in doublings(nodes) {
        let of_doubling: Vec<&NodeOutcome> = nodes
            .iter()
            .filter(|node| node.cell["doubling"] == doubling)
            .collect();
        drawn.pause_timeline(&doubling, &of_doubling);
        drawn.response_by_nines(&doubling, &of_doubling, limit);
    }
    if !curves.is_empty() {
        drawn.pause_against_size(curves);
    }
    drawn
}

/// The doublings, in the order in which they were asked for.
fn doublings(nodes: &[NodeOutcome]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in nodes {
        if !names.contains(&node.cell["doubling"]) {
            names.push(node.cell["doubling"].clone());
        }
    }
    names
}

/// `2^20` as part of a file name.
fn file_part(text: &str) -> String {
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

impl Drawn {
    fn pause_timeline(&mut self, doubling: &str, nodes: &[&NodeOutcome]) {
        let name = format!("pause-timeline-{}", file_part(doubling));
        let (mut panels, mut at, mut causes, mut pauses) = (vec![], vec![], vec![], vec![]);
        let mut marks = Vec::new();
        let mut longest: Vec<String> = Vec::new();
        let mut drawn: Vec<String> = Vec::new();
        for node in nodes {
            let panel = label(node);
            if drawn.contains(&panel) {
                continue; // Another seed of a cell that is drawn already.
            }
            for bin in &node.timeline {
                panels.push(panel.clone());
                at.push(bin.at_ns.cast_signed());
                causes.push(bin.cause.clone());
                pauses.push(bin.pause_ns.cast_signed());
            }
            let longest_bin = node.timeline.iter().max_by_key(|bin| bin.pause_ns);
            if let Some(bin) = longest_bin.filter(|_| node.variant.is_empty()) {
                let pause = format_value(Unit::Nanos, bin.pause_ns.cast_signed());
                longest.push(format!("{panel} {pause} ({})", bin.cause));
            }
            marks.push(Mark::Band {
                from: node.growth.started_ns.cast_signed(),
                to: node.growth.freed_ns.cast_signed(),
                label: "two tables".into(),
                panel: Some(panel.clone()),
            });
            drawn.push(panel);
        }
        self.series.push(Series {
            name: name.clone(),
            columns: vec![
                text("table", panels),
                numbers("time", "ns", at),
                text("cause", causes),
                numbers("pause", "ns", pauses),
            ],
        });
        let message = format!("Longest pause: {}", longest.join("; "));
        self.charts.push(Chart {
            title: format!("Pauses while growing from {doubling} entries, by cause"),
            alt: format!(
                "Time line of pauses, one strip a table, on a logarithmic scale. {message}."
            ),
            message,
            x: axis("virtual time", Quantity::Nanos, Scale::Linear),
            y: axis("longest pause in 10 ms", Quantity::Nanos, Scale::Log),
            panels: Some("table".into()),
            layers: vec![Layer {
                series: name.clone(),
                x: "time".into(),
                y: "pause".into(),
                group: Some("cause".into()),
                style: Style::Stems,
            }],
            marks,
            name,
        });
    }

    fn response_by_nines(&mut self, doubling: &str, nodes: &[&NodeOutcome], limit: Option<i64>) {
        let name = format!("response-by-nines-{}", file_part(doubling));
        let mut merged: BTreeMap<(usize, usize), (String, HistogramData)> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for node in nodes {
            let panel = label(node);
            if !order.contains(&panel) {
                order.push(panel.clone());
            }
            let place = order.iter().position(|other| *other == panel).unwrap_or(0);
            for response in &node.responses {
                let phase = PHASES
                    .iter()
                    .position(|phase| *phase == response.name)
                    .unwrap_or(0);
                let file = format!(
                    "{}-{}-{}",
                    file_part(&panel),
                    file_part(doubling),
                    response.name
                );
                let entry = merged.entry((place, phase)).or_insert_with(|| {
                    (panel.clone(), histograms::merge(&file, std::iter::empty()))
                });
                entry.1 = histograms::merge(&file, [&entry.1, response]);
            }
        }
        let (mut panels, mut phases, mut nines, mut values) = (vec![], vec![], vec![], vec![]);
        let mut worst: Vec<String> = Vec::new();
        for ((_, phase), (panel, histogram)) in merged {
            for (place, value) in histograms::nines(&histogram, POINTS_PER_NINE) {
                panels.push(panel.clone());
                phases.push(PHASES[phase].to_owned());
                nines.push(place.cast_signed());
                values.push(value.cast_signed());
            }
            let is_own_cell = !panel.contains(" · ");
            if PHASES[phase] == "during" && is_own_cell && !histogram.buckets.is_empty() {
                let p999 = histograms::quantile(&histogram, 999_000).cast_signed();
                worst.push(format!("{panel} {}", format_value(Unit::Nanos, p999)));
            }
            self.histograms.push(histogram);
        }
        self.series.push(Series {
            name: name.clone(),
            columns: vec![
                text("table", panels),
                text("phase", phases),
                numbers("nines", "1/(1-q) in millionths", nines),
                numbers("response", "ns", values),
            ],
        });
        let message = format!("p99.9 while growing: {}", worst.join("; "));
        self.charts.push(Chart {
            title: format!(
                "Response time before, during and after growing from {doubling} entries"
            ),
            alt: format!("Percentile curves by phase, one panel a table. {message}."),
            message,
            x: axis("quantile", Quantity::Nines, Scale::Log),
            y: axis("response from intended start", Quantity::Nanos, Scale::Log),
            panels: Some("table".into()),
            layers: vec![Layer {
                series: name.clone(),
                x: "nines".into(),
                y: "response".into(),
                group: Some("phase".into()),
                style: Style::Line,
            }],
            marks: limit
                .map(|at| Mark::Horizontal {
                    at,
                    label: "objective".into(),
                })
                .into_iter()
                .collect(),
            name,
        });
    }

    fn pause_against_size(&mut self, curves: &[CurveOutcome]) {
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
                ends.push(point.ended_at_entries.cast_signed());
            }
            let points: Vec<(u64, u64)> = curve
                .sizes
                .iter()
                .map(|point| (point.entries, point.longest_ns))
                .collect();
            let Some(fit) = PowerLaw::fit(&points) else {
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
            name: "pause-against-size".into(),
            columns: vec![
                text("table", tables),
                numbers("entries", "", sizes),
                numbers("pause", "ns", pauses),
                text("cause", causes),
                numbers("ended_at_entries", "", ends),
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
            group: Some("table".into()),
            style,
        };
        self.charts.push(Chart {
            name: "pause-against-size".into(),
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
                layer("pause-against-size", Style::Points),
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

fn axis(label: &str, quantity: Quantity, scale: Scale) -> Axis {
    Axis {
        label: label.into(),
        quantity,
        scale,
    }
}
fn text(name: &str, values: Vec<String>) -> Column {
    Column {
        name: name.into(),
        unit: String::new(),
        values: Values::Text(values),
    }
}
fn numbers(name: &str, unit: &str, values: Vec<i64>) -> Column {
    Column {
        name: name.into(),
        unit: unit.into(),
        values: Values::Int(values),
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
