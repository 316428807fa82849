//! Responses over time as a heat map: doubling at once beside rehashing in steps.

use super::{Drawn, axis, file_part, first_seeds, numbers, text};
use crate::studies::rehash::outcome::{HeatCell, NodeOutcome};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{CellColumns, Chart, Layer, Mark, Quantity, Scale, Series, Style};
use std::collections::BTreeMap;

/// Most columns of a map: with more, cells are narrower than three pixels.
const COLUMNS_MAX: u64 = 160;
/// The tables that are compared first, where they are among those asked for.
const COMPARED: [&str; 2] = ["at-once", "redis-7.0"];

impl Drawn {
    pub(super) fn heat(&mut self, doubling: &str, nodes: &[&NodeOutcome]) {
        let all = first_seeds(nodes);
        let mut chosen: Vec<&(String, &NodeOutcome)> = all
            .iter()
            .filter(|(_, node)| COMPARED.contains(&node.cell["table"].as_str()))
            .collect();
        if chosen.is_empty() {
            chosen = all.iter().take(COMPARED.len()).collect();
        }
        let name = format!("response-heat-{}", file_part(doubling));
        let mut panels = Vec::new();
        let mut cells: Vec<HeatCell> = Vec::new();
        let (mut marks, mut longest) = (Vec::new(), Vec::new());
        for (panel, node) in chosen {
            let joined = widened(&node.heat);
            if let Some(slowest) = joined.iter().map(|cell| cell.high_ns).max() {
                let slowest = format_value(Unit::Nanos, slowest.cast_signed());
                longest.push(format!("{panel} below {slowest}"));
            }
            panels.extend(joined.iter().map(|_| panel.clone()));
            cells.extend(joined);
            marks.push(Mark::Vertical {
                at: node.growth.started_ns.cast_signed(),
                label: "growth begins".into(),
                panel: Some(panel.clone()),
            });
            if node.memory.iter().any(|point| point.old_bytes > 0) {
                marks.push(Mark::Vertical {
                    at: node.growth.freed_ns.cast_signed(),
                    label: "old array freed".into(),
                    panel: Some(panel.clone()),
                });
            }
        }
        if cells.is_empty() {
            return;
        }
        let column = |of: fn(&HeatCell) -> u64| -> Vec<i64> {
            cells.iter().map(|cell| of(cell).cast_signed()).collect()
        };
        self.series.push(Series {
            name: name.clone(),
            columns: vec![
                text("table", panels),
                numbers("from", "ns", column(|cell| cell.from_ns)),
                numbers("to", "ns", column(|cell| cell.to_ns)),
                numbers("response_from", "ns", column(|cell| cell.low_ns)),
                numbers("response_to", "ns", column(|cell| cell.high_ns)),
                numbers("requests", "", column(|cell| cell.count)),
            ],
        });
        let message = format!("Every response of one seed lies: {}", longest.join("; "));
        self.charts.push(Chart {
            title: format!("Response times over time while growing from {doubling} entries"),
            alt: format!("Heat maps of requests by intended start and response. {message}."),
            message,
            x: axis("intended start", Quantity::Nanos, Scale::Linear),
            y: axis("response from intended start", Quantity::Nanos, Scale::Log),
            panels: Some("table".into()),
            layers: vec![Layer {
                series: name.clone(),
                x: "from".into(),
                y: "response_from".into(),
                upper: None,
                group: None,
                style: Style::Heat,
                cells: Some(CellColumns {
                    x_to: "to".into(),
                    y_to: "response_to".into(),
                    count: "requests".into(),
                    limit: None,
                }),
            }],
            marks,
            name,
        });
    }
}

/// The same counts in columns so wide that there are not too many.
fn widened(cells: &[HeatCell]) -> Vec<HeatCell> {
    let (Some(first), Some(end)) = (cells.first(), cells.iter().map(|cell| cell.to_ns).max())
    else {
        return Vec::new();
    };
    let width = first.to_ns - first.from_ns;
    let width = width * (end / width).div_ceil(COLUMNS_MAX).max(1);
    let mut joined: BTreeMap<(u64, u64), HeatCell> = BTreeMap::new();
    for cell in cells {
        let from_ns = cell.from_ns / width * width;
        let entry = joined.entry((from_ns, cell.low_ns)).or_insert(HeatCell {
            from_ns,
            to_ns: from_ns + width,
            count: 0,
            ..*cell
        });
        entry.count += cell.count;
    }
    joined.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_wider_columns_and_the_same_requests() {
        let cells: Vec<HeatCell> = (0..1_000)
            .map(|column| HeatCell {
                from_ns: column * 100,
                to_ns: (column + 1) * 100,
                low_ns: 64,
                high_ns: 80,
                count: 3,
            })
            .collect();
        let joined = widened(&cells);
        assert!(joined.len() as u64 <= COLUMNS_MAX, "{}", joined.len());
        assert_eq!(joined.iter().map(|cell| cell.count).sum::<u64>(), 3_000);
    }
}
