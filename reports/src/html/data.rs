//! The points of a page's charts as JSON for its script.

use crate::chart::ChartError;
use crate::chart::plot::{Panel, Plot};
use crate::chart::scale::AxisScale;
use kvrig_base::result::{Axis, Chart, Mark, Quantity, Scale, Style};
use serde::Serialize;

#[derive(Serialize)]
struct ChartPoints<'a> {
    name: &'a str,
    alt: &'a str,
    interactive: bool,
    x: AxisPoints<'a>,
    y: AxisPoints<'a>,
    categories: &'a [String],
    groups: &'a [String],
    panels: Vec<PanelPoints<'a>>,
}

#[derive(Serialize)]
struct AxisPoints<'a> {
    label: &'a str,
    quantity: Quantity,
    scale: Scale,
    range: (i64, i64),
}

#[derive(Serialize)]
struct PanelPoints<'a> {
    name: &'a str,
    traces: Vec<TracePoints>,
    marks: Vec<MarkPoints<'a>>,
}

#[derive(Serialize)]
struct TracePoints {
    group: usize,
    style: Style,
    x: Vec<i64>,
    y: Vec<i64>,
    /// The lower edge of a band, whose upper one is `y`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lower: Vec<i64>,
}

#[derive(Serialize)]
struct MarkPoints<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    horizontal: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vertical: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    band: Option<(i64, i64)>,
}

/// Whether the page's script draws the chart; it leaves bars, categories and filled surfaces to the
/// static drawing.
pub(super) fn interactive(plot: &Plot) -> bool {
    let is_static = [Style::Bars, Style::Area, Style::Heat]
        .iter()
        .any(|&style| plot.has(style));
    plot.categories.is_empty() && !is_static && !plot.is_empty()
}

/// The points of all charts of a page.
pub(super) fn points(charts: &[Chart], plots: &[Plot]) -> Result<String, ChartError> {
    let charts: Vec<ChartPoints<'_>> = charts
        .iter()
        .zip(plots)
        .map(|(chart, plot)| {
            let x = AxisScale::horizontal(&plot.x, plot.x_extent);
            let y = AxisScale::vertical(&plot.y, plot.y_extent, plot.has(Style::Bars));
            ChartPoints {
                name: &chart.name,
                alt: &chart.alt,
                interactive: interactive(plot),
                x: axis(&plot.x, &x),
                y: axis(&plot.y, &y),
                categories: &plot.categories,
                groups: &plot.groups,
                panels: plot.panels.iter().map(|one| panel(one, plot)).collect(),
            }
        })
        .collect();
    let text = serde_json::to_string(&charts).map_err(|e| ChartError::Backend(e.to_string()))?;
    // Inside a script element only `<` could end the element or begin another.
    Ok(text.replace('<', "\\u003c"))
}

fn axis<'a>(axis: &'a Axis, scale: &AxisScale) -> AxisPoints<'a> {
    AxisPoints {
        label: &axis.label,
        quantity: axis.quantity,
        scale: axis.scale,
        range: scale.range(),
    }
}

fn panel<'a>(panel: &'a Panel, plot: &Plot) -> PanelPoints<'a> {
    // Values that have no place on a logarithmic axis go to its lower edge, as in the drawing.
    let least = |scale: Scale| if scale == Scale::Log { 1 } else { i64::MIN };
    let (least_x, least_y) = (least(plot.x.scale), least(plot.y.scale));
    let traces = panel.traces.iter().map(|trace| TracePoints {
        group: trace.group,
        style: trace.style,
        x: trace.points.iter().map(|&(x, _)| x.max(least_x)).collect(),
        y: trace.points.iter().map(|&(_, y)| y.max(least_y)).collect(),
        lower: match trace.style {
            Style::Band => trace.lower.iter().map(|&y| y.max(least_y)).collect(),
            _ => Vec::new(),
        },
    });
    let marks = panel.marks.iter().map(|mark| {
        let empty = MarkPoints {
            label: "",
            horizontal: None,
            vertical: None,
            band: None,
        };
        match mark {
            Mark::Horizontal { at, label } => MarkPoints {
                label,
                horizontal: Some(*at),
                ..empty
            },
            Mark::Vertical { at, label, .. } => MarkPoints {
                label,
                vertical: Some(*at),
                ..empty
            },
            Mark::Band {
                from, to, label, ..
            } => MarkPoints {
                label,
                band: Some((*from, *to)),
                ..empty
            },
        }
    });
    PanelPoints {
        name: &panel.name,
        traces: traces.collect(),
        marks: marks.collect(),
    }
}
