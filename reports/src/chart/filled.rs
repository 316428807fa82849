//! What fills a surface: stacked areas, bands, and heat maps with their scale of colours.

use super::font::{Fonts, Weight};
use super::palette::{self, BEYOND, Colour, HEAT, INK, LIMIT, MUTED};
use super::plot::{Plot, Trace};
use super::scene::{Anchor, Position, Scene};
use kvrig_base::result::Style;
use std::collections::BTreeMap;

/// How much of an area's colour is seen: grid lines and other layers stay visible.
const AREA_OPACITY: f64 = 0.45;
/// How much of a band's colour is seen: bands of several groups lie on one another, and lines on them.
const BAND_OPACITY: f64 = 0.2;
/// Half of the width of a band that has a single place.
const MARKER_HALF: f64 = 3.0;
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
    let upper = fill(scene, trace, AREA_OPACITY, place);
    scene.line(upper, 1.5, colour);
}

/// Draws a band: filled between its edges, without a line of its own. A band of one place has no
/// width of its own, so it gets that of a marker.
pub(super) fn band(scene: &mut Scene, trace: &Trace, place: &dyn Fn((i64, i64)) -> Position) {
    if let ([(x, upper)], [lower]) = (&trace.points[..], &trace.lower[..]) {
        let ((x, top), (_, bottom)) = (place((*x, *upper)), place((*x, *lower)));
        let (left, right) = (x - MARKER_HALF, x + MARKER_HALF);
        let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
        scene.tinted(corners, palette::group(trace.group), BAND_OPACITY);
    } else {
        fill(scene, trace, BAND_OPACITY, place);
    }
}

/// The band of a legend's swatch whose middle is `(x, y)`.
pub(super) fn band_swatch(scene: &mut Scene, colour: Colour, (x, y): Position) {
    let (left, right, top, bottom) = (x - 10.5, x + 10.5, y - 6.0, y + 6.0);
    let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
    scene.tinted(corners, colour, BAND_OPACITY);
}

/// Fills what lies between the edges of a trace, and returns the upper one.
fn fill(
    scene: &mut Scene,
    trace: &Trace,
    opacity: f64,
    place: &dyn Fn((i64, i64)) -> Position,
) -> Vec<Position> {
    let upper: Vec<Position> = trace.points.iter().map(|&point| place(point)).collect();
    let lower = trace.points.iter().zip(&trace.lower);
    let lower: Vec<Position> = lower.map(|(&(x, _), &y)| place((x, y))).collect();
    let upper = simplified(&upper);
    let mut outline = upper.clone();
    outline.extend(simplified(&lower).into_iter().rev());
    scene.tinted(outline, palette::group(trace.group), opacity);
    upper
}

/// Draws the cells of a heat map: neighbours of one colour as one rectangle.
pub(super) fn heat(
    scene: &mut Scene,
    trace: &Trace,
    colours: &Colours,
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
        a.0.1 == b.0.1
            && a.1.y_to == b.1.y_to
            && a.1.x_to == b.0.0
            && colours.level(a.1.count) == colours.level(b.1.count)
    };
    for run in cells.chunk_by(joined) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let (left, bottom) = place(first.0);
        let (right, top) = place((last.1.x_to, last.1.y_to));
        let colour = colours.steps[colours.level(first.1.count)].1;
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

/// The colours of a heat map, each with the least count that it stands for, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Colours {
    steps: Vec<(i64, Colour)>,
    limit: Option<i64>,
}

impl Colours {
    /// Colours of a chart's heat maps up to its largest count.
    pub(super) fn of(plot: &Plot) -> Self {
        let most = most(plot).unwrap_or(1);
        match plot.heat_limit {
            Some(limit) => Self::around(limit.max(1), most),
            None => Self::logarithmic(most),
        }
    }
    /// Even steps on a logarithmic scale.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "colours are coarser than 2^-53"
    )]
    fn logarithmic(most: i64) -> Self {
        let step = libm::log(most.max(2) as f64) / HEAT.len() as f64;
        let least = |level: usize| libm::ceil(libm::exp(step * level as f64) * (1.0 - 1e-9)) as i64;
        let steps = HEAT.iter().enumerate();
        Self {
            steps: steps
                .map(|(level, &colour)| (least(level), colour))
                .collect(),
            limit: None,
        }
    }
    /// Even steps to a limit, and beyond it doubling ones: 1, 1.25, 1.5 and 2 times the limit.
    fn around(limit: i64, most: i64) -> Self {
        let cool = HEAT.len() as i64;
        let below = (0_i64..).zip(HEAT);
        let below = below.map(|(level, colour)| (limit.saturating_mul(level) / cool, colour));
        let quarters = [4, 5, 6, 8].into_iter().zip(BEYOND);
        let beyond = quarters.map(|(n, colour)| (limit.saturating_mul(n) / 4, colour));
        let mut steps: Vec<(i64, Colour)> = below.chain(beyond).collect();
        steps.retain(|(least, _)| *least <= most.max(limit));
        Self {
            steps,
            limit: Some(limit),
        }
    }
    fn level(&self, count: i64) -> usize {
        let found = self.steps.iter().rposition(|(least, _)| count >= *least);
        found.unwrap_or(0)
    }
}

/// The largest count of all cells, if the chart has a heat map.
fn most(plot: &Plot) -> Option<i64> {
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
    if most(plot).is_none() {
        return y;
    }
    let colours = Colours::of(plot);
    let name = plot.groups.first().map_or("", String::as_str);
    let base = y + 30.0;
    scene.text(name, (left, base), SIZE, INK, Anchor::Start);
    let mut x = left + fonts.width(name, SIZE, Weight::Regular) + 14.0;
    for &(least, colour) in &colours.steps {
        let label = crate::number::quantity(kvrig_base::result::Quantity::Count, least);
        let is_limit = colours.limit == Some(least);
        if is_limit {
            x += 6.0;
            let ends = vec![(x - 5.0, base - 15.0), (x - 5.0, base + 14.0)];
            scene.line(ends, 2.0, LIMIT);
        }
        scene.rectangle((x, base - 11.0), (x + SWATCH, base - 1.0), colour);
        let (label, ink) = match is_limit {
            true => (format!("{label} = limit"), LIMIT),
            false => (label, MUTED),
        };
        let width = fonts.width(&label, 10.0, Weight::Regular) + 6.0;
        scene.text(&label, (x, base + 12.0), 10.0, ink, Anchor::Start);
        let next = match is_limit {
            // The next label keeps clear of this longer one.
            true => width.max(SWATCH + 4.0),
            false => SWATCH + 4.0,
        };
        scene.rectangle(
            (x + SWATCH, base - 11.0),
            (x + next - 4.0, base - 1.0),
            colour,
        );
        x += next;
    }
    scene.text("and more", (x + 4.0, base), SIZE, MUTED, Anchor::Start);
    base + 14.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_even_steps_on_a_logarithmic_scale() {
        let colours = Colours::logarithmic(100_000_000);
        let least: Vec<i64> = colours.steps.iter().map(|(least, _)| *least).collect();
        assert_eq!((least[0], least[1], least[7]), (1, 10, 10_000_000));
        let levels = [1, 9, 10, 100_000_000].map(|count| colours.level(count));
        assert_eq!(levels, [0, 0, 1, 7]);
        assert_eq!(Colours::logarithmic(1).level(1), 0);
    }

    #[test]
    fn colours_change_at_a_limit_and_go_no_further_than_needed() {
        let colours = Colours::around(1_000, 1_300);
        let least: Vec<i64> = colours.steps.iter().map(|(least, _)| *least).collect();
        assert_eq!(least, [0, 125, 250, 375, 500, 625, 750, 875, 1_000, 1_250]);
        let colour = |count| colours.steps[colours.level(count)].1;
        assert_eq!(colour(999), HEAT[7]);
        assert_eq!(colour(1_000), BEYOND[0]);
        assert_eq!(colour(9_999), BEYOND[1]);
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
