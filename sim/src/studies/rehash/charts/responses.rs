//! Response times by nines before, during and after growth.

use super::{About, Drawn, axis, file_part, numbers, text};
use crate::run::histograms;
use crate::studies::rehash::outcome::NodeOutcome;
use crate::studies::rehash::{PHASES, label};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, HistogramData, Layer, Mark, Quantity, Scale, Series, Style};
use std::collections::BTreeMap;

/// Points of a percentile curve for each factor of ten in 1/(1-q).
const POINTS_PER_NINE: u32 = 24;

impl Drawn {
    pub(super) fn response_by_nines(
        &mut self,
        about: About<'_>,
        nodes: &[&NodeOutcome],
        limit: Option<i64>,
    ) {
        let name = format!("response-by-nines-{}", file_part(about.file));
        let doubling = about.doubling;
        let mut merged: BTreeMap<(usize, usize), (String, HistogramData)> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for node in nodes {
            let panel = label(&node.variant, &node.cell);
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
            if PHASES[phase] == "during" && !histogram.buckets.is_empty() {
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
                upper: None,
                group: Some("phase".into()),
                style: Style::Line,
                cells: None,
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
}
