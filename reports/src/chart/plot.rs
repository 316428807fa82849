//! From a chart's specification and its series to the traces that are drawn, whatever draws them.

use super::ChartError;
use super::filled::{self, CellEnd};
use kvrig_base::result::{
    Axis, Chart, Column, Layer, Mark, Quantity, Scale, Series, Style, Values,
};
use std::collections::BTreeMap;

/// Most points of one trace that are drawn. At one point a pixel more cannot be told apart; the
/// CSV file keeps them all.
const DRAWN_POINTS_MAX: usize = 1_200;

/// A chart with its points, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Categories of the horizontal axis in order of appearance; empty for numbers.
    pub categories: Vec<String>,
    /// Names of groups in order of appearance: the legend, and the order of colours.
    pub groups: Vec<String>,
    /// Whether some layer is dashed, which the legend explains.
    pub dashed: bool,
    /// Panels from top to bottom; one without a name where the chart is not split.
    pub panels: Vec<Panel>,
    /// Smallest and largest value of the horizontal axis, marks included.
    pub x_extent: (i64, i64),
    /// Smallest and largest value of the vertical axis, marks included.
    pub y_extent: (i64, i64),
    /// The limit that heat maps tell apart by colour, if their counts have one.
    pub heat_limit: Option<i64>,
    /// Points that were left out because they would cover one another.
    pub thinned: usize,
}

/// One panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The value of the panel column, or empty.
    pub name: String,
    /// What is drawn, in layer order.
    pub traces: Vec<Trace>,
    /// The chart's marks that belong here.
    pub marks: Vec<Mark>,
}

/// Points of one group in one layer and panel, ascending in x.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Index into [`Plot::groups`].
    pub group: usize,
    /// How it is drawn.
    pub style: Style,
    /// The points; of an area or band its upper edge, of a heat map the lower corners of its cells.
    pub points: Vec<(i64, i64)>,
    /// The lower edge of an area or band at each point; empty for other styles.
    pub lower: Vec<i64>,
    /// What completes each cell of a heat map; empty for other styles.
    pub cells: Vec<CellEnd>,
}

/// One row of a series on its way into a trace.
#[derive(Clone, Copy)]
struct Gathered {
    at: (i64, i64),
    /// The upper edge of a band, whose lower one is in `at`.
    upper: Option<i64>,
    end: Option<CellEnd>,
}

impl Plot {
    /// Gathers what `chart` draws out of `series`.
    ///
    /// # Errors
    /// Where a layer names a series or column that does not exist or is of the wrong kind.
    pub fn new(chart: &Chart, series: &[Series]) -> Result<Self, ChartError> {
        let mut plot = Self {
            x: chart.x.clone(),
            y: chart.y.clone(),
            categories: Vec::new(),
            groups: Vec::new(),
            dashed: false,
            panels: Vec::new(),
            x_extent: (i64::MAX, i64::MIN),
            y_extent: (i64::MAX, i64::MIN),
            heat_limit: None,
            thinned: 0,
        };
        plot.name_panels(chart, series)?;
        for layer in 0..chart.layers.len() {
            plot.add_layer(chart, series, layer)?;
        }
        plot.add_marks(chart);
        if plot.is_empty() {
            // An axis needs some range; nothing is drawn in it.
            plot.x_extent = (1, 10);
            plot.y_extent = (1, 10);
        }
        Ok(plot)
    }

    fn name_panels(&mut self, chart: &Chart, series: &[Series]) -> Result<(), ChartError> {
        let mut names: Vec<String> = Vec::new();
        if let Some(column) = &chart.panels {
            for layer in &chart.layers {
                let found = find_series(chart, series, &layer.series)?;
                let Some(values) = found.columns.iter().find(|c| &c.name == column) else {
                    continue;
                };
                for row in 0..length(values) {
                    let name = text_at(values, row);
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        if names.is_empty() {
            names.push(String::new());
        }
        self.panels = names
            .into_iter()
            .map(|name| Panel {
                name,
                traces: Vec::new(),
                marks: Vec::new(),
            })
            .collect();
        Ok(())
    }

    fn add_layer(
        &mut self,
        chart: &Chart,
        series: &[Series],
        layer: usize,
    ) -> Result<(), ChartError> {
        let layer = &chart.layers[layer];
        let found = find_series(chart, series, &layer.series)?;
        let x = find_column(chart, found, &layer.x)?;
        let y = numbers(chart, found, find_column(chart, found, &layer.y)?)?;
        let group = match &layer.group {
            Some(name) => Some(find_column(chart, found, name)?),
            None => None,
        };
        let panel_column = chart
            .panels
            .as_ref()
            .and_then(|name| found.columns.iter().find(|c| &c.name == name));
        if length(x) != y.len() {
            return Err(ragged(found));
        }
        let ends = match &layer.cells {
            Some(columns) => {
                let column = |name| numbers(chart, found, find_column(chart, found, name)?);
                let (x_to, y_to) = (column(&columns.x_to)?, column(&columns.y_to)?);
                let count = column(&columns.count)?;
                if x_to.len() != y.len() || y_to.len() != y.len() || count.len() != y.len() {
                    return Err(ragged(found));
                }
                self.heat_limit = self.heat_limit.or(columns.limit);
                filled::cell_ends(x_to, y_to, count)
            }
            None => Vec::new(),
        };

        let upper = match layer.style {
            Style::Band => Some(upper_edge(chart, found, layer)?),
            _ => None,
        };

        let category = self.x.quantity == Quantity::Category;
        let mut gathered: BTreeMap<(usize, usize), Vec<Gathered>> = BTreeMap::new();
        for row in 0..y.len() {
            let at = if category {
                position_of(&mut self.categories, text_at(x, row))
            } else {
                match &x.values {
                    Values::Int(values) => values[row],
                    Values::Text(_) => return Err(not_a_number(chart, found, x)),
                }
            };
            let of_layer = layer.cells.as_ref().map_or(&layer.y, |cells| &cells.count);
            let group_name = group.map_or_else(|| of_layer.clone(), |column| text_at(column, row));
            let group_index = usize::try_from(position_of(&mut self.groups, group_name))
                .expect("positions are small and not negative");
            let panel = panel_column.map_or(0, |column| {
                let name = text_at(column, row);
                self.panels
                    .iter()
                    .position(|panel| panel.name == name)
                    .unwrap_or(0)
            });
            let point = Gathered {
                at: (at, y[row]),
                upper: upper.map(|edge| edge[row]),
                end: ends.get(row).copied(),
            };
            // A series without the panel column belongs to every panel.
            let panels = match panel_column {
                Some(_) => panel..panel + 1,
                None => 0..self.panels.len(),
            };
            for panel in panels {
                let points = gathered.entry((panel, group_index)).or_default();
                points.push(point);
            }
        }

        self.dashed |= layer.style == Style::Dashed;
        for ((panel, group), mut gathered) in gathered {
            gathered.sort_by_key(|point| (point.at, point.upper));
            let cells: Vec<CellEnd> = gathered.iter().filter_map(|point| point.end).collect();
            let mut points: Vec<(i64, i64)> = gathered.iter().map(|point| point.at).collect();
            let traces = &mut self.panels[panel].traces;
            let lower = match layer.style {
                Style::Area => filled::stack(traces, &mut points),
                Style::Band => {
                    let upper = gathered.iter().filter_map(|point| point.upper);
                    let edges = points.iter_mut().zip(upper);
                    edges
                        .map(|((_, y), upper)| std::mem::replace(y, upper))
                        .collect()
                }
                _ => Vec::new(),
            };
            for &(x, y) in &points {
                widen(&mut self.x_extent, x);
                widen(&mut self.y_extent, y);
            }
            if layer.style == Style::Band {
                for &y in &lower {
                    widen(&mut self.y_extent, y);
                }
            }
            for cell in &cells {
                widen(&mut self.x_extent, cell.x_to);
                widen(&mut self.y_extent, cell.y_to);
            }
            if layer.style == Style::Area {
                widen(&mut self.y_extent, 0);
            }
            let is_filled = matches!(layer.style, Style::Area | Style::Band | Style::Heat);
            let before = points.len();
            if !is_filled {
                points = thin(points, layer.style);
            }
            self.thinned += before - points.len();
            traces.push(Trace {
                group,
                style: layer.style,
                points,
                lower,
                cells,
            });
        }
        Ok(())
    }

    fn add_marks(&mut self, chart: &Chart) {
        for mark in &chart.marks {
            let only = match mark {
                Mark::Horizontal { at, .. } => {
                    widen(&mut self.y_extent, *at);
                    None
                }
                Mark::Vertical { at, panel, .. } => {
                    widen(&mut self.x_extent, *at);
                    panel.as_ref()
                }
                Mark::Band {
                    from, to, panel, ..
                } => {
                    widen(&mut self.x_extent, *from);
                    widen(&mut self.x_extent, *to);
                    panel.as_ref()
                }
            };
            for panel in &mut self.panels {
                if only.is_none_or(|name| name == &panel.name) {
                    panel.marks.push(mark.clone());
                }
            }
        }
    }

    /// Whether there is no point at all: the study met nothing of the kind that the chart shows.
    pub fn is_empty(&self) -> bool {
        self.panels
            .iter()
            .all(|panel| panel.traces.iter().all(|trace| trace.points.is_empty()))
    }

    /// Whether any trace has this style.
    pub fn has(&self, style: Style) -> bool {
        self.panels
            .iter()
            .flat_map(|panel| &panel.traces)
            .any(|trace| trace.style == style)
    }

    /// Values at or below zero that a logarithmic axis draws at its lower edge.
    pub fn below_scale(&self) -> usize {
        if self.y.scale != Scale::Log {
            return 0;
        }
        let below = |y: i64| usize::from(y < 1);
        let traces = self.panels.iter().flat_map(|panel| &panel.traces);
        traces
            .map(|trace| {
                let points: usize = trace.points.iter().map(|&(_, y)| below(y)).sum();
                // An area begins at zero by its nature; the edge of a band is a value.
                let lower: usize = match trace.style {
                    Style::Band => trace.lower.iter().map(|&y| below(y)).sum(),
                    _ => 0,
                };
                points + lower
            })
            .sum()
    }
}

/// Keeps what can be told apart: of many points in one stretch of the axis, the lowest and the
/// highest (the highest alone where strokes come up from the lower edge).
fn thin(points: Vec<(i64, i64)>, style: Style) -> Vec<(i64, i64)> {
    if points.len() <= DRAWN_POINTS_MAX {
        return points;
    }
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    let keep_lowest = style != Style::Stems && style != Style::Bars;
    let stretches = if keep_lowest {
        DRAWN_POINTS_MAX / 2
    } else {
        DRAWN_POINTS_MAX
    };
    let width = i128::from(last) - i128::from(first) + 1;
    let stretch_of = |x: i64| (i128::from(x) - i128::from(first)) * stretches as i128 / width;
    let mut kept = Vec::new();
    for stretch in points.chunk_by(|a, b| stretch_of(a.0) == stretch_of(b.0)) {
        let Some(highest) = stretch.iter().max_by_key(|&&(_, y)| y) else {
            continue;
        };
        let Some(lowest) = stretch.iter().min_by_key(|&&(_, y)| y) else {
            continue;
        };
        if keep_lowest && lowest.1 != highest.1 {
            let (a, b) = if lowest.0 <= highest.0 {
                (lowest, highest)
            } else {
                (highest, lowest)
            };
            kept.extend([*a, *b]);
        } else {
            kept.push(*highest);
        }
    }
    kept
}

fn widen(extent: &mut (i64, i64), value: i64) {
    extent.0 = extent.0.min(value);
    extent.1 = extent.1.max(value);
}

fn position_of(names: &mut Vec<String>, name: String) -> i64 {
    let position = names
        .iter()
        .position(|known| known == &name)
        .unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
    i64::try_from(position).expect("a chart has few categories")
}

fn find_series<'a>(
    chart: &Chart,
    series: &'a [Series],
    name: &str,
) -> Result<&'a Series, ChartError> {
    series
        .iter()
        .find(|s| s.name == name)
        .ok_or_else(|| ChartError::NoSeries {
            chart: chart.name.clone(),
            series: name.to_owned(),
        })
}

fn find_column<'a>(
    chart: &Chart,
    series: &'a Series,
    name: &str,
) -> Result<&'a Column, ChartError> {
    series
        .columns
        .iter()
        .find(|c| c.name == name)
        .ok_or_else(|| ChartError::NoColumn {
            chart: chart.name.clone(),
            series: series.name.clone(),
            column: name.to_owned(),
        })
}

fn numbers<'a>(
    chart: &Chart,
    series: &Series,
    column: &'a Column,
) -> Result<&'a [i64], ChartError> {
    match &column.values {
        Values::Int(values) => Ok(values),
        Values::Text(_) => Err(not_a_number(chart, series, column)),
    }
}

/// The upper edge of a band, nowhere below its lower one.
fn upper_edge<'a>(
    chart: &Chart,
    series: &'a Series,
    layer: &Layer,
) -> Result<&'a [i64], ChartError> {
    let Some(name) = &layer.upper else {
        return Err(ChartError::NoUpper {
            chart: chart.name.clone(),
            series: series.name.clone(),
        });
    };
    let column = |name| numbers(chart, series, find_column(chart, series, name)?);
    let (lower, upper) = (column(&layer.y)?, column(name)?);
    if lower.len() != upper.len() {
        return Err(ragged(series));
    }
    let mut edges = lower.iter().zip(upper);
    match edges.position(|(lower, upper)| lower > upper) {
        Some(row) => Err(ChartError::Crossed {
            chart: chart.name.clone(),
            series: series.name.clone(),
            row: row + 1,
            lower_column: layer.y.clone(),
            lower: lower[row],
            upper_column: name.clone(),
            upper: upper[row],
        }),
        None => Ok(upper),
    }
}

fn ragged(series: &Series) -> ChartError {
    ChartError::Ragged {
        series: series.name.clone(),
    }
}

fn not_a_number(chart: &Chart, series: &Series, column: &Column) -> ChartError {
    ChartError::NotNumbers {
        chart: chart.name.clone(),
        series: series.name.clone(),
        column: column.name.clone(),
    }
}

fn length(column: &Column) -> usize {
    match &column.values {
        Values::Int(values) => values.len(),
        Values::Text(values) => values.len(),
    }
}

fn text_at(column: &Column, row: usize) -> String {
    match &column.values {
        Values::Int(values) => values.get(row).map(ToString::to_string).unwrap_or_default(),
        Values::Text(values) => values.get(row).cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thinning_keeps_the_extremes_and_the_order(
            ys in proptest::collection::vec(-1_000_i64..1_000_000, 1..5_000),
        ) {
            let points: Vec<_> = (0_i64..).zip(ys.iter().copied()).collect();
            let kept = thin(points, Style::Line);
            prop_assert!(kept.len() <= DRAWN_POINTS_MAX);
            prop_assert_eq!(kept.iter().map(|p| p.1).max(), ys.iter().copied().max());
            prop_assert_eq!(kept.iter().map(|p| p.1).min(), ys.iter().copied().min());
            prop_assert!(kept.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        }
    }
}
