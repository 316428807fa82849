//! Offered, served, throttled and failed over time.

use super::shown;
use crate::dynamo::{Cooled, SECOND, Second};
use crate::studies::drawing::{Drawn, axis, numbers, text};
use crate::studies::hot_partitions::outcome::PointOutcome;
use kvrig_base::quantity::grouped;
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};

/// Seconds that are drawn as one point: the noise of single seconds would hide the steps.
const JOINED: usize = 10;

pub(super) fn draw(found: &[PointOutcome], drawn: &mut Drawn) {
    let name = "requests-over-time";
    let (mut panels, mut what, mut at, mut rates) = (vec![], vec![], vec![], vec![]);
    let (mut marks, mut words) = (Vec::new(), Vec::new());
    for point in shown(found) {
        let Some(recorded) = point.recorded() else {
            continue;
        };
        let panel = point.name();
        for (place, seconds) in recorded.seconds.chunks(JOINED).enumerate() {
            let sum = seconds
                .iter()
                .fold(Second::default(), |sum, second| sum.plus(*second));
            let length = seconds.len() as u64;
            for (line, count) in [
                ("requests offered", sum.offered),
                ("attempts served", sum.served),
                ("attempts throttled", sum.throttled()),
                ("requests failed", sum.failed),
            ] {
                panels.push(panel.clone());
                what.push(line.to_owned());
                at.push((place as u64 * JOINED as u64 * SECOND.as_nanos()).cast_signed());
                rates.push((count / length).cast_signed());
            }
        }
        let splits = recorded
            .splits
            .iter()
            .filter(|event| event.cooled == Cooled::Split);
        words.push(format!(
            "{panel}: {} of {} requests failed, {} splits",
            grouped(recorded.books.failed.cast_signed()),
            grouped(recorded.books.offered.cast_signed()),
            splits.clone().count()
        ));
        marks.extend(splits.take(4).map(|event| Mark::Vertical {
            at: event.at_ns.cast_signed(),
            label: "split".into(),
            panel: Some(panel.clone()),
        }));
    }
    if panels.is_empty() {
        return;
    }
    drawn.series.push(Series {
        name: name.into(),
        columns: vec![
            text("cell", panels),
            text("what", what),
            numbers("time", "ns", at),
            numbers("rate", "1/s", rates),
        ],
    });
    let message = words.join("; ");
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Offered, served, throttled and failed over time".into(),
        alt: format!("Lines of requests per second over time. {message}."),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis(
            "per second, in the mean of ten seconds",
            Quantity::Count,
            Scale::Linear,
        ),
        panels: Some("cell".into()),
        layers: vec![Layer {
            series: name.into(),
            x: "time".into(),
            y: "rate".into(),
            upper: None,
            group: Some("what".into()),
            style: Style::Line,
            cells: None,
        }],
        marks,
    });
}
