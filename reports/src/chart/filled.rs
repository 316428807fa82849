//! What fills a surface: stacked areas, and heat maps with their scale of colours.

use super::font::{Fonts, Weight};
use super::palette::{self, HEAT, INK, MUTED};
use super::plot::{Plot, Trace};
use super::scene::{Anchor, Position, Scene};
use kvrig_base::result::Style;
use std::collections::BTreeMap;

/// How much of an area's colour is seen: grid lines and other layers stay visible.
const AREA_OPACITY: f64 = 0.45;
/// Size of the texts of a scale of colours.
const SIZE: f64 = 12.0;
/// Width of one colour on the scale.
const SWATCH: f64 = 26.0;

/// What completes a cell of a heat map besides its lower corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellEnd {
    /// Upper end on the horizontal axis.
    pub x_to: i64,
    /// Upper end on the vertical axis.
    pub y_to: i64,
    /// What lies in it.
    pub count: i64,
}

/// The ends of cells from their three columns, which have one length.
pub(super) fn cell_ends(x_to: &[i64], y_to: &[i64], count: &[i64]) -> Vec<CellEnd> {
    x_to.iter()
        .zip(y_to)
        .zip(count)
        .map(|((&x_to, &y_to), &count)| CellEnd { x_to, y_to, count })
        .collect()
}

/// Lays `points` on top of the areas that the panel has already, and returns their lower edge.
pub(super) fn stack(traces: &[Trace], points: &mut [(i64, i64)]) -> Vec<i64> {
    let below = traces.iter().rfind(|trace| trace.style == Style::Area);
    let heights: BTreeMap<i64, i64> = below
        .map(|trace| trace.points.iter().copied().collect())
        .unwrap_or_default();
    points
        .iter_mut()
        .map(|(x, y)| {
            let lower = heights.get(x).copied().unwrap_or(0);
            *y = y.saturating_add(lower);
            lower
        })
        .collect()
}

/// Draws an area: filled between its edges, with a line along the upper one.
pub(super) fn area(scene: &mut Scene, trace: &Trace, place: &dyn Fn((i64, i64)) -> Position) {
    let colour = palette::group(trace.group);
    let upper: Vec<Position> = trace.points.iter().map(|&point| place(point)).collect();
    let lower = trace.points.iter().zip(&trace.lower);
    let lower: Vec<Position> = lower.map(|(&(x, _), &y)| place((x, y))).collect();
    let mut outline = simplified(&upper);
    outline.extend(simplified(&lower).into_iter().rev());
    scene.tinted(outline, colour, AREA_OPACITY);
    scene.line(simplified(&upper), 1.5, colour);
}

/// Draws the cells of a heat map: neighbours of one colour as one rectangle.
pub(super) fn heat(
    scene: &mut Scene,
    trace: &Trace,
    most: i64,
    place: &dyn Fn((i64, i64)) -> Position,
) {
    // Rows first, so that neighbours on the horizontal axis follow one another.
    let mut cells: Vec<((i64, i64), CellEnd)> = trace
        .points
        .iter()
        .copied()
        .zip(trace.cells.iter().copied())
        .collect();
    cells.sort_by_key(|&((x, y), _)| (y, x));
    let joined = |a: &((i64, i64), CellEnd), b: &((i64, i64), CellEnd)| {
        a.0.1 == b.0.1 && a.1.x_to == b.0.0 && level(a.1.count, most) == level(b.1.count, most)
    };
    for run in cells.chunk_by(joined) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let (left, bottom) = place(first.0);
        let (right, top) = place((last.1.x_to, last.1.y_to));
        let colour = HEAT[level(first.1.count, most)];
        scene.rectangle((left, top), (right, bottom), colour);
    }
}

/// Drops points that lie on the way between their neighbours.
fn simplified(points: &[Position]) -> Vec<Position> {
    const FLAT: f64 = 1e-6;
    let mut kept: Vec<Position> = Vec::new();
    for (index, &point) in points.iter().enumerate() {
        let is_between = match (kept.last(), points.get(index + 1)) {
            (Some(before), Some(after)) => {
                (before.1 - point.1).abs() < FLAT && (after.1 - point.1).abs() < FLAT
            }
            _ => false,
        };
        if !is_between {
            kept.push(point);
        }
    }
    kept
}

/// Which colour stands for `count`, where `most` is the largest: even steps on a logarithmic scale.
fn level(count: i64, most: i64) -> usize {
    thresholds(most)
        .iter()
        .rposition(|&least| count >= least)
        .unwrap_or(0)
}

/// The least count of each colour, ascending from 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "colours are coarser than 2^-53"
)]
fn thresholds(most: i64) -> [i64; HEAT.len()] {
    let step = libm::log(most.max(2) as f64) / HEAT.len() as f64;
    std::array::from_fn(|level| libm::ceil(libm::exp(step * level as f64) * (1.0 - 1e-9)) as i64)
}

/// The largest count of all cells, if the chart has a heat map.
pub(super) fn most(plot: &Plot) -> Option<i64> {
    let traces = plot.panels.iter().flat_map(|panel| &panel.traces);
    traces
        .flat_map(|trace| &trace.cells)
        .map(|cell| cell.count)
        .max()
}

/// The scale of colours in place of a legend; returns the new base line.
pub(super) fn colour_scale(
    scene: &mut Scene,
    plot: &Plot,
    fonts: &Fonts,
    (left, y): Position,
) -> f64 {
    let Some(most) = most(plot) else {
        return y;
    };
    let name = plot.groups.first().map_or("", String::as_str);
    let base = y + 30.0;
    scene.text(name, (left, base), SIZE, INK, Anchor::Start);
    let mut x = left + fonts.width(name, SIZE, Weight::Regular) + 14.0;
    for (colour, least) in HEAT.iter().zip(thresholds(most)) {
        scene.rectangle((x, base - 11.0), (x + SWATCH, base - 1.0), *colour);
        let label = crate::number::quantity(kvrig_base::result::Quantity::Count, least);
        scene.text(&label, (x, base + 12.0), 10.0, MUTED, Anchor::Start);
        x += SWATCH + 4.0;
    }
    scene.text("and more", (x + 4.0, base), SIZE, MUTED, Anchor::Start);
    base + 14.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_even_steps_on_a_logarithmic_scale() {
        let steps = thresholds(100_000_000);
        assert_eq!(steps[0], 1);
        assert_eq!(steps[1], 10);
        assert_eq!(steps[7], 10_000_000);
        assert_eq!(level(1, 100_000_000), 0);
        assert_eq!(level(9, 100_000_000), 0);
        assert_eq!(level(10, 100_000_000), 1);
        assert_eq!(level(100_000_000, 100_000_000), 7);
        assert_eq!(level(1, 1), 0);
    }

    #[test]
    fn areas_lie_on_top_of_one_another() {
        let trace = |points: Vec<(i64, i64)>, lower| Trace {
            group: 0,
            style: Style::Area,
            points,
            lower,
            cells: Vec::new(),
        };
        let mut first = vec![(0, 5), (1, 6)];
        let lower = stack(&[], &mut first);
        assert_eq!(
            (first.clone(), lower.clone()),
            (vec![(0, 5), (1, 6)], vec![0, 0])
        );
        let mut second = vec![(0, 1), (1, 2)];
        let lower = stack(&[trace(first, lower)], &mut second);
        assert_eq!((second, lower), (vec![(0, 6), (1, 8)], vec![5, 6]));
    }
}
