//! Pauses on a time line, one strip a table.

use super::{About, Drawn, axis, file_part, first_seeds, numbers, text};
use crate::studies::rehash::outcome::NodeOutcome;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};

/// What the stretch of growth is called: not every table has two arrays meanwhile.
fn growth_label(node: &NodeOutcome) -> &'static str {
    let mut arrays = node.memory.iter().map(|point| point.old_bytes);
    match arrays.any(|old| old > 0) {
        true => "two tables",
        false => "growing",
    }
}

impl Drawn {
    pub(super) fn pause_timeline(&mut self, about: About<'_>, nodes: &[&NodeOutcome]) {
        let name = format!("pause-timeline-{}", file_part(about.file));
        let doubling = about.doubling;
        let (mut panels, mut at, mut causes, mut pauses) = (vec![], vec![], vec![], vec![]);
        let mut marks = Vec::new();
        let mut longest: Vec<String> = Vec::new();
        for (panel, node) in first_seeds(nodes) {
            for bin in &node.timeline {
                panels.push(panel.clone());
                at.push(bin.at_ns.cast_signed());
                causes.push(bin.cause.clone());
                pauses.push(bin.pause_ns.cast_signed());
            }
            let longest_bin = node.timeline.iter().max_by_key(|bin| bin.pause_ns);
            if let Some(bin) = longest_bin {
                let pause = format_value(Unit::Nanos, bin.pause_ns.cast_signed());
                longest.push(format!("{panel} {pause} ({})", bin.cause));
            }
            marks.push(Mark::Band {
                from: node.growth.started_ns.cast_signed(),
                to: node.growth.freed_ns.cast_signed(),
                label: growth_label(node).into(),
                panel: Some(panel.clone()),
            });
            for child in &node.children {
                marks.push(Mark::Band {
                    from: child.forked_ns.cast_signed(),
                    to: child.exited_ns.cast_signed(),
                    label: "child lives".into(),
                    panel: Some(panel.clone()),
                });
            }
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
                upper: None,
                group: Some("cause".into()),
                style: Style::Stems,
                cells: None,
            }],
            marks,
            name,
        });
    }
}
