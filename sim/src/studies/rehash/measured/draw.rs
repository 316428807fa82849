//! Charts of a measurement.

use super::say::nanos;
use crate::run::histograms;
use crate::studies::drawing::{axis, numbers, text};
use kvrig_base::measured::{MeasuredPoint, Measurement, Subject};
use kvrig_base::result::{Chart, HistogramData, Layer, Mark, Quantity, Scale, Series, Style};

/// Points of a percentile curve for each factor of ten in 1/(1-q).
const POINTS_PER_NINE: u32 = 24;
const PAUSES: &str = "pause-measured";
const PREDICTED: &str = "pause-predicted";
const INSERTS: &str = "insert-by-nines";

/// Charts with their series.
pub(super) struct Drawn {
    pub(super) charts: Vec<Chart>,
    pub(super) series: Vec<Series>,
}

pub(super) fn draw(
    measurement: &Measurement,
    inserts: &[((&str, Subject), HistogramData)],
) -> Drawn {
    let mut drawn = Drawn {
        charts: Vec::new(),
        series: vec![positions(&measurement.points)],
    };
    let is_alone = |point: &&MeasuredPoint| point.subject != Subject::Node;
    if measurement.points.iter().any(|point| is_alone(&point)) {
        drawn.pauses(measurement);
    }
    if !inserts.is_empty() {
        drawn.inserts(inserts);
    }
    drawn
}

/// Every growth with its positions and pauses, for other programs.
fn positions(points: &[MeasuredPoint]) -> Series {
    let column = |name: &str, unit: &str, of: &dyn Fn(&MeasuredPoint) -> Option<u64>| {
        let value = |point| of(point).map_or(-1, u64::cast_signed);
        numbers(name, unit, points.iter().map(value).collect())
    };
    let words = |name: &str, of: &dyn Fn(&MeasuredPoint) -> String| {
        text(name, points.iter().map(of).collect())
    };
    let ends = |point: &MeasuredPoint, pick: fn(&[u64]) -> Option<u64>| {
        point.measured.as_ref().and_then(|pause| pick(&pause.ns))
    };
    Series {
        name: "growths".into(),
        columns: vec![
            words("table", &|point| point.table.clone()),
            words("subject", &|point| point.subject.name().to_owned()),
            column("entries", "", &|point| Some(point.entries)),
            column("predicted", "ns", &|point| Some(point.predicted.ns)),
            words("predicted_cause", &|point| point.predicted.cause.clone()),
            column("measured", "ns", &|point| {
                Some(point.measured.as_ref()?.median_ns)
            }),
            column("measured_lo", "ns", &|point| {
                ends(point, |ns| ns.iter().copied().min())
            }),
            column("measured_hi", "ns", &|point| {
                ends(point, |ns| ns.iter().copied().max())
            }),
            words("measured_cause", &|point| {
                point
                    .measured
                    .as_ref()
                    .map_or_else(String::new, |pause| pause.cause.clone())
            }),
            column("measured_at", "", &|point| {
                Some(point.measured.as_ref()?.at)
            }),
            column("ratio", "ppm", &|point| {
                point.ratio_ppm.map(i64::cast_unsigned)
            }),
            words("verdict", &|point| point.judgement.name().to_owned()),
            column("started_simulated", "", &|point| {
                Some(point.simulated_growth.started)
            }),
            column("started_measured", "", &|point| {
                Some(point.measured_growth.started)
            }),
            column("ended_simulated", "", &|point| point.simulated_growth.ended),
            column("ended_measured", "", &|point| point.measured_growth.ended),
            column("ended_theory", "", &|point| point.theory_ended),
            column("freed_simulated", "", &|point| point.simulated_growth.freed),
            column("freed_measured", "", &|point| point.measured_growth.freed),
        ],
    }
}

impl Drawn {
    fn pauses(&mut self, measurement: &Measurement) {
        let alone: Vec<&MeasuredPoint> = measurement
            .points
            .iter()
            .filter(|point| point.subject != Subject::Node)
            .collect();
        let series = |name: &str, kind: &str, of: &dyn Fn(&MeasuredPoint) -> Option<u64>| {
            let seen = || alone.iter().filter_map(|point| Some((point, of(point)?)));
            let group = |point: &MeasuredPoint| format!("{}, {kind}", point.subject);
            Series {
                name: name.into(),
                columns: vec![
                    text(
                        "table",
                        seen().map(|(point, _)| point.table.clone()).collect(),
                    ),
                    text("key", seen().map(|(point, _)| group(point)).collect()),
                    numbers(
                        "entries",
                        "",
                        seen()
                            .map(|(point, _)| point.entries.cast_signed())
                            .collect(),
                    ),
                    numbers(
                        "pause",
                        "ns",
                        seen().map(|(_, ns)| ns.cast_signed()).collect(),
                    ),
                ],
            }
        };
        self.series.push(series(PREDICTED, "predicted", &|point| {
            Some(point.predicted.ns)
        }));
        self.series.push(series(PAUSES, "measured", &|point| {
            Some(point.measured.as_ref()?.median_ns)
        }));
        let layer = |series: &str, style| Layer {
            series: series.into(),
            x: "entries".into(),
            y: "pause".into(),
            upper: None,
            group: Some("key".into()),
            style,
            cells: None,
        };
        let floor = nanos(measurement.clock.floor_ns);
        let message = format!(
            "Lines are predicted by {}, points are medians of {} runs on this machine, whose own \
             gaps reach {floor}.",
            measurement.profile.name, measurement.runs
        );
        self.charts.push(Chart {
            name: PAUSES.into(),
            title: "Longest pause of a table alone against its size, predicted and measured".into(),
            alt: format!("Log-log chart of pause against entries, one panel a table. {message}"),
            message,
            x: axis(
                "entries at which the table grows",
                Quantity::PowerOfTwo,
                Scale::Log,
            ),
            y: axis("longest insert", Quantity::Nanos, Scale::Log),
            panels: Some("table".into()),
            layers: vec![layer(PREDICTED, Style::Line), layer(PAUSES, Style::Points)],
            marks: vec![Mark::Horizontal {
                at: measurement.clock.floor_ns.cast_signed(),
                label: format!("the idle machine's longest gap, {floor}"),
            }],
        });
    }

    fn inserts(&mut self, inserts: &[((&str, Subject), HistogramData)]) {
        let (mut tables, mut keys, mut nines, mut values) = (vec![], vec![], vec![], vec![]);
        let mut medians: Vec<String> = Vec::new();
        for ((table, subject), histogram) in inserts {
            for (place, value) in histograms::nines(histogram, POINTS_PER_NINE) {
                tables.push((*table).to_owned());
                keys.push(subject.name().to_owned());
                nines.push(place.cast_signed());
                values.push(value.cast_signed());
            }
            if *subject == Subject::Integers {
                let median = histograms::quantile(histogram, 500_000);
                medians.push(format!("{table} {}", nanos(median)));
            }
        }
        self.series.push(Series {
            name: INSERTS.into(),
            columns: vec![
                text("table", tables),
                text("key", keys),
                numbers("nines", "1/(1-q) in millionths", nines),
                numbers("insert", "ns", values),
            ],
        });
        let message = match medians.as_slice() {
            [] => "Inserts of all runs.".to_owned(),
            medians => format!("Median insert of an integer: {}.", medians.join("; ")),
        };
        self.charts.push(Chart {
            name: INSERTS.into(),
            title: "How long inserts take on this machine".into(),
            alt: format!("Percentile curves by kind of key, one panel a table. {message}"),
            message,
            x: axis("quantile of inserts", Quantity::Nines, Scale::Log),
            y: axis("one insert", Quantity::Nanos, Scale::Log),
            panels: Some("table".into()),
            layers: vec![Layer {
                series: INSERTS.into(),
                x: "nines".into(),
                y: "insert".into(),
                upper: None,
                group: Some("key".into()),
                style: Style::Line,
                cells: None,
            }],
            marks: Vec::new(),
        });
    }
}
