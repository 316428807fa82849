//! Memory over time: entries, the bucket arrays on top of them, and the limit.

use super::{About, Drawn, axis, file_part, first_seeds, numbers, text};
use crate::studies::rehash::outcome::{MemoryPoint, NodeOutcome};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};

/// Reads one part off a point.
type Bytes = fn(&MemoryPoint) -> u64;

/// What is stacked, from below, and how it is read off a point.
const PARTS: [(&str, Bytes); 3] = [
    ("entries", |point| point.entry_bytes),
    ("new bucket array", |point| point.new_bytes),
    ("old bucket array", |point| point.old_bytes),
];

impl Drawn {
    pub(super) fn memory(&mut self, about: About<'_>, nodes: &[&NodeOutcome]) {
        let name = format!("memory-{}", file_part(about.file));
        let limits = format!("{name}-limit");
        let (mut panels, mut at, mut parts, mut bytes) = (vec![], vec![], vec![], vec![]);
        let (mut limit_panels, mut limit_at, mut limit_bytes) = (vec![], vec![], vec![]);
        let (mut marks, mut most) = (Vec::new(), Vec::new());
        for (panel, node) in first_seeds(nodes) {
            for point in &node.memory {
                for (part, value) in PARTS {
                    panels.push(panel.clone());
                    at.push(point.at_ns.cast_signed());
                    parts.push(part.to_owned());
                    bytes.push(value(point).cast_signed());
                }
            }
            let mut limited = node.memory.iter().filter(|point| point.limit_bytes > 0);
            let ends = limited.clone().take(1).chain(limited.next_back());
            for point in ends {
                limit_panels.push(panel.clone());
                limit_at.push(point.at_ns.cast_signed());
                limit_bytes.push(point.limit_bytes.cast_signed());
            }
            let arrays = |point: &MemoryPoint| point.old_bytes + point.new_bytes;
            if let Some(arrays) = node.memory.iter().map(arrays).max() {
                let arrays = format_value(Unit::Bytes, arrays.cast_signed());
                most.push(format!("{panel} {arrays}"));
            }
            for child in &node.children {
                marks.push(Mark::Band {
                    from: child.forked_ns.cast_signed(),
                    to: child.exited_ns.cast_signed(),
                    label: "child lives".into(),
                    panel: Some(panel.clone()),
                });
            }
        }
        let layer = |series: &str, group: &str, y: &str, style| Layer {
            series: series.into(),
            x: "time".into(),
            y: y.into(),
            upper: None,
            group: (!group.is_empty()).then(|| group.into()),
            style,
            cells: None,
        };
        let mut layers = vec![layer(&name, "part", "bytes", Style::Area)];
        if !limit_bytes.is_empty() {
            layers.push(layer(&limits, "", "maxmemory", Style::Steps));
            self.series.push(Series {
                name: limits,
                columns: vec![
                    text("table", limit_panels),
                    numbers("time", "ns", limit_at),
                    numbers("maxmemory", "B", limit_bytes),
                ],
            });
        }
        self.series.push(Series {
            name: name.clone(),
            columns: vec![
                text("table", panels),
                numbers("time", "ns", at),
                text("part", parts),
                numbers("bytes", "B", bytes),
            ],
        });
        let message = format!("Most bytes of bucket arrays: {}", most.join("; "));
        self.charts.push(Chart {
            title: format!("Memory while growing from {} entries", about.doubling),
            alt: format!("Stacked areas of memory over time, one strip a table. {message}."),
            message,
            x: axis("virtual time", Quantity::Nanos, Scale::Linear),
            y: axis("used memory", Quantity::Bytes, Scale::Linear),
            panels: Some("table".into()),
            layers,
            marks,
            name,
        });
    }
}
