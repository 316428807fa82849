//! Keys and bucket arrays while the number of keys falls and rises.

use super::{Drawn, axis, numbers, text};
use crate::studies::rehash::label;
use crate::studies::rehash::outcome::SwingOutcome;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};

/// Bytes of one bucket: a pointer. A table of as many buckets as keys lies on the line of keys.
const BUCKET_BYTES: u64 = 8;

impl Drawn {
    pub(super) fn swing(&mut self, swings: &[SwingOutcome]) {
        let name = "table-over-a-swing";
        let (mut panels, mut at, mut kinds, mut bytes) = (vec![], vec![], vec![], vec![]);
        let mut most: Vec<String> = Vec::new();
        let mut drawn: Vec<String> = Vec::new();
        for swing in swings {
            let panel = label("", &swing.cell);
            if drawn.contains(&panel) {
                continue; // Another seed of a cell that is drawn already.
            }
            for point in &swing.sizes {
                for (kind, value) in [
                    ("8 B for each key", point.keys * BUCKET_BYTES),
                    ("all bucket arrays", point.table_bytes),
                ] {
                    panels.push(panel.clone());
                    at.push(point.at_ns.cast_signed());
                    kinds.push(kind.to_owned());
                    bytes.push(value.cast_signed());
                }
            }
            if let Some(largest) = swing.sizes.iter().map(|point| point.table_bytes).max() {
                let largest = format_value(Unit::Bytes, largest.cast_signed());
                most.push(format!("{panel} {largest}"));
            }
            drawn.push(panel);
        }
        self.series.push(Series {
            name: name.into(),
            columns: vec![
                text("table", panels),
                numbers("time", "ns", at),
                text("what", kinds),
                numbers("bytes", "B", bytes),
            ],
        });
        let message = format!("Most bytes of bucket arrays: {}", most.join("; "));
        self.charts.push(Chart {
            name: name.into(),
            title: "Bucket arrays while the number of keys falls and rises".into(),
            alt: format!("Lines of keys and of bucket bytes over time. {message}."),
            message,
            x: axis("virtual time", Quantity::Nanos, Scale::Linear),
            y: axis("bytes", Quantity::Bytes, Scale::Linear),
            panels: Some("table".into()),
            layers: vec![Layer {
                series: name.into(),
                x: "time".into(),
                y: "bytes".into(),
                upper: None,
                group: Some("what".into()),
                style: Style::Steps,
                cells: None,
            }],
            marks: Vec::new(),
        });
    }
}
