//! The arrangement of a chart on its sheet: texts, legend, panels, axes and what lies in them.
//!
//! ```text
//! title
//! message
//! legend
//! vertical axis' label
//! panel's name        marks' labels
//! ┌───────────────────────────────┐ limits' labels
//! │                               │
//! └───────────────────────────────┘
//!   tick   tick   tick   tick
//!       horizontal axis' label
//! caption
//! ```

use super::filled;
use super::font::{Fonts, Weight};
use super::marks::{self, LimitLabels};
use super::palette::{self, GRID, INK, MUTED};
use super::plot::{Panel, Plot, Trace};
use super::scale::{AxisScale, Tick};
use super::scene::{Anchor, Scene};
use kvrig_base::result::{Axis, Chart, Quantity, Scale, Style};

const WIDTH: f64 = 1_120.0;
const MARGIN: f64 = 28.0;
const TITLE: f64 = 20.0;
const BODY: f64 = 14.0;
const SMALL: f64 = 12.0;
const CAPTION: f64 = 11.0;
/// Lines with at most this many points show each of them.
const MARKED_POINTS_MAX: usize = 32;
/// Strokes of one trace that still get a head.
const STEM_HEADS_MAX: usize = 200;

/// Both axes of one panel, laid in pixels.
struct Field<'a> {
    plot: &'a Plot,
    x: AxisScale,
    y: AxisScale,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Field<'_> {
    fn x_of(&self, value: i64) -> f64 {
        if self.plot.categories.is_empty() {
            return self.x.pixel(value);
        }
        #[expect(clippy::cast_precision_loss, reason = "a chart has few categories")]
        let (index, count) = (value as f64, self.plot.categories.len() as f64);
        self.left + (index + 0.5) * (self.right - self.left) / count
    }
    fn place(&self, point: (i64, i64)) -> (f64, f64) {
        (self.x_of(point.0), self.y.pixel(point.1))
    }
}

/// The whole sheet; without a caption, only what a page does not say around it itself: title, message
/// and notes are left out.
pub(super) fn scene(chart: &Chart, plot: &Plot, caption: Option<&str>, fonts: &Fonts) -> Scene {
    let mut scene = Scene {
        width: WIDTH,
        ..Scene::default()
    };
    let mut y = match caption {
        Some(_) => texts_above(&mut scene, chart, fonts),
        None => -12.0,
    };
    y = legend(&mut scene, plot, fonts, y);
    y = filled::colour_scale(&mut scene, plot, fonts, (MARGIN, y));

    let y_axis = AxisScale::vertical(&plot.y, plot.y_extent, plot.has(Style::Bars));
    let height = panel_height(plot.panels.len());
    let y_ticks = y_axis.clone().laid(height, 0.0).ticks(24.0);
    let label_width = y_ticks
        .iter()
        .map(|tick| fonts.width(&tick.label, SMALL, Weight::Regular))
        .fold(0.0, f64::max);
    let left = MARGIN + label_width + 10.0;
    let limits = LimitLabels::new(chart, fonts);
    let right = WIDTH - MARGIN.max(limits.width() + 16.0);
    let x = AxisScale::horizontal(&plot.x, plot.x_extent).laid(left, right);

    y += 20.0;
    scene.text(
        &axis_label(&plot.y),
        (MARGIN, y),
        SMALL,
        MUTED,
        Anchor::Start,
    );
    let mut bottom = y;
    for panel in &plot.panels {
        let lane = marks::Lane::new(panel, &|value| x.pixel(value), fonts, WIDTH - 8.0);
        let mut top = bottom + 12.0;
        if !panel.name.is_empty() {
            top += 12.0;
            scene.head(&panel.name, (left, top), 13.0, INK);
            top += 8.0;
        }
        top += lane.height();
        bottom = top + height;
        let y = y_axis.clone().laid(bottom, top);
        let field = Field {
            plot,
            x: x.clone(),
            y,
            left,
            right,
            top,
            bottom,
        };
        draw_panel(&mut scene, &field, panel, &y_ticks, &lane, fonts);
        limits.draw(
            &mut scene,
            &|at| field.y.pixel(at),
            (left, right),
            (top, bottom),
        );
    }

    if plot.is_empty() {
        let middle = (f64::midpoint(left, right), bottom - height / 2.0);
        scene.text(
            "Nothing of this kind was recorded.",
            middle,
            BODY,
            MUTED,
            Anchor::Middle,
        );
    }
    y = x_labels(&mut scene, plot, &x, (left, right), bottom, fonts);
    if let Some(caption) = caption {
        y = texts_below(&mut scene, plot, caption, fonts, y);
    }
    scene.height = libm::ceil(y + 16.0);
    scene
}

fn panel_height(panels: usize) -> f64 {
    match panels {
        0 | 1 => 400.0,
        2 => 215.0,
        3 => 165.0,
        _ => 130.0,
    }
}

fn texts_above(scene: &mut Scene, chart: &Chart, fonts: &Fonts) -> f64 {
    let inner = WIDTH - 2.0 * MARGIN;
    let mut y = 14.0;
    for line in fonts.wrap(&chart.title, TITLE, Weight::SemiBold, inner) {
        y += 26.0;
        scene.head(&line, (MARGIN, y), TITLE, INK);
    }
    y += 4.0;
    for line in fonts.wrap(&chart.message, BODY, Weight::Regular, inner) {
        y += 20.0;
        scene.text(&line, (MARGIN, y), BODY, INK, Anchor::Start);
    }
    y
}

fn texts_below(scene: &mut Scene, plot: &Plot, caption: &str, fonts: &Fonts, mut y: f64) -> f64 {
    let inner = WIDTH - 2.0 * MARGIN;
    let mut notes = vec![caption.to_owned()];
    if plot.below_scale() > 0 {
        notes.push(format!(
            "{} values below {} have no place on a logarithmic axis and lie at its lower edge.",
            plot.below_scale(),
            crate::number::quantity(plot.y.quantity, 1)
        ));
    }
    if plot.thinned > 0 {
        notes.push(format!(
            "{} points that would be covered by others are not drawn; the CSV file has them.",
            plot.thinned
        ));
    }
    y += 10.0;
    for note in notes {
        for line in fonts.wrap(&note, CAPTION, Weight::Regular, inner) {
            y += 15.0;
            scene.text(&line, (MARGIN, y), CAPTION, MUTED, Anchor::Start);
        }
    }
    y
}

/// Heads of the groups in rows, as many as needed; nothing for a single unnamed group.
fn legend(scene: &mut Scene, plot: &Plot, fonts: &Fonts, mut y: f64) -> f64 {
    if (plot.groups.len() < 2 && !plot.dashed) || plot.has(Style::Heat) {
        return y;
    }
    y += 28.0;
    let mut x = MARGIN;
    let mut next_place = |width: f64| {
        if x + width > WIDTH - MARGIN && x > MARGIN {
            x = MARGIN;
            y += 20.0;
        }
        let place = (x, y);
        x += width + 22.0;
        place
    };
    for (group, name) in plot.groups.iter().enumerate() {
        let name = fonts.shorten(name, 13.0, Weight::Regular, 320.0);
        let (at, base) = next_place(28.0 + fonts.width(&name, 13.0, Weight::Regular));
        swatch(scene, plot, group, (at, base - 4.5));
        scene.text(&name, (at + 28.0, base), 13.0, INK, Anchor::Start);
    }
    if plot.dashed {
        let name = "dashed: theory or fit, beyond the points extrapolated";
        let (at, base) = next_place(28.0 + fonts.width(name, 13.0, Weight::Regular));
        scene.dashed(
            vec![(at, base - 4.5), (at + 21.0, base - 4.5)],
            2.0,
            MUTED,
            (6.0, 4.0),
        );
        scene.text(name, (at + 28.0, base), 13.0, INK, Anchor::Start);
    }
    y
}

fn swatch(scene: &mut Scene, plot: &Plot, group: usize, (x, y): (f64, f64)) {
    let colour = palette::group(group);
    let traces = plot.panels.iter().flat_map(|panel| &panel.traces);
    let styles: Vec<Style> = traces
        .filter(|t| t.group == group)
        .map(|t| t.style)
        .collect();
    if styles.contains(&Style::Bars) || styles.contains(&Style::Area) {
        scene.rectangle((x + 4.0, y - 6.0), (x + 17.0, y + 6.0), colour);
        return;
    }
    if styles.contains(&Style::Band) {
        filled::band_swatch(scene, colour, (x + 10.5, y));
        if styles.iter().all(|style| *style == Style::Band) {
            return;
        }
    }
    let styles: Vec<Style> = styles.into_iter().filter(|s| *s != Style::Band).collect();
    if styles
        .iter()
        .any(|style| matches!(style, Style::Line | Style::Steps))
    {
        scene.line(vec![(x, y), (x + 21.0, y)], 2.0, colour);
    } else if !styles.is_empty() && styles.iter().all(|style| *style == Style::Dashed) {
        scene.dashed(vec![(x, y), (x + 21.0, y)], 2.0, colour, (6.0, 4.0));
        return;
    }
    scene.marker(group, (x + 10.5, y), 4.0, colour);
}

fn draw_panel(
    scene: &mut Scene,
    field: &Field<'_>,
    panel: &Panel,
    y_ticks: &[Tick],
    lane: &marks::Lane,
    fonts: &Fonts,
) {
    lane.draw_bands(scene, (field.left, field.right), (field.top, field.bottom));
    for tick in y_ticks {
        let y = field.y.pixel(tick.at);
        scene.line(vec![(field.left, y), (field.right, y)], 1.0, GRID);
        scene.text(
            &tick.label,
            (field.left - 10.0, y + 4.0),
            SMALL,
            MUTED,
            Anchor::End,
        );
    }
    if field.plot.categories.is_empty() {
        for tick in field.x.ticks(90.0) {
            let x = field.x.pixel(tick.at);
            scene.line(vec![(x, field.top), (x, field.bottom)], 1.0, GRID);
        }
    }
    let place = |point| field.place(point);
    let colours = filled::Colours::of(field.plot);
    for trace in &panel.traces {
        match trace.style {
            Style::Stems => stems(scene, field, trace),
            Style::Area => filled::area(scene, trace, &place),
            Style::Band => filled::band(scene, trace, &place),
            Style::Heat => filled::heat(scene, trace, &colours, &place),
            _ => {}
        }
    }
    bars(scene, field, panel, fonts);
    scene.line(
        vec![(field.left, field.bottom), (field.right, field.bottom)],
        1.5,
        MUTED,
    );
    lane.draw_lines(scene, (field.top, field.bottom));
    for (index, trace) in panel.traces.iter().enumerate() {
        match trace.style {
            Style::Line | Style::Dashed | Style::Steps => {
                let covered = panel.traces[index + 1..]
                    .iter()
                    .any(|later| covers(field, trace, later));
                line(scene, field, trace, if covered { 6.0 } else { 2.0 });
            }
            Style::Points => {
                for &point in &trace.points {
                    let at = field.place(point);
                    scene.marker(trace.group, at, 4.0, palette::group(trace.group));
                }
            }
            Style::Stems | Style::Bars | Style::Area | Style::Band | Style::Heat => {}
        }
    }
    lane.draw_labels(scene, field.top);
}

fn stems(scene: &mut Scene, field: &Field<'_>, trace: &Trace) {
    let colour = palette::group(trace.group);
    let tops: Vec<_> = trace
        .points
        .iter()
        .map(|&point| field.place(point))
        .collect();
    let few = tops.len() <= STEM_HEADS_MAX;
    scene.shapes.push(super::scene::Shape::Comb {
        base: field.y.low_edge(),
        tops: tops.clone(),
        width: if few { 1.5 } else { 1.0 },
        colour,
    });
    if few {
        for top in tops {
            scene.marker(trace.group, top, 3.0, colour);
        }
    }
}

fn line(scene: &mut Scene, field: &Field<'_>, trace: &Trace, width: f64) {
    let colour = palette::group(trace.group);
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(trace.points.len());
    for &point in &trace.points {
        let at = field.place(point);
        if let (Style::Steps, Some(&(_, before))) = (trace.style, points.last()) {
            points.push((at.0, before));
        }
        points.push(at);
    }
    points.dedup();
    let corners = points.clone();
    if points.len() > 1 {
        if trace.style == Style::Dashed {
            scene.dashed(points, 2.0, colour, (7.0, 5.0));
        } else {
            scene.line(points, width, colour);
        }
    }
    if trace.style == Style::Line && corners.len() <= MARKED_POINTS_MAX {
        for at in corners {
            scene.marker(trace.group, at, 3.5, colour);
        }
    }
}

/// Whether `later`, drawn over `trace`, would hide most of it: then `trace` is drawn wider, so that
/// both are seen.
fn covers(field: &Field<'_>, trace: &Trace, later: &Trace) -> bool {
    const NEAR: f64 = 2.5;
    if trace.style != later.style || trace.points.len() != later.points.len() {
        return false;
    }
    let pairs = trace.points.iter().zip(&later.points);
    let near = pairs.filter(|(a, b)| {
        let (a, b) = (field.place(**a), field.place(**b));
        (a.0 - b.0).abs() < NEAR && (a.1 - b.1).abs() < NEAR
    });
    near.count() * 2 > trace.points.len()
}

/// Bars of all groups side by side at each place, from the lower edge.
fn bars(scene: &mut Scene, field: &Field<'_>, panel: &Panel, fonts: &Fonts) {
    let traces: Vec<&Trace> = panel
        .traces
        .iter()
        .filter(|t| t.style == Style::Bars)
        .collect();
    if traces.is_empty() {
        return;
    }
    let mut places: Vec<f64> = traces
        .iter()
        .flat_map(|t| &t.points)
        .map(|&(x, _)| field.x_of(x))
        .collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let slot = places.windows(2).map(|pair| pair[1] - pair[0]).fold(
        (field.right - field.left) / places.len().max(1) as f64,
        f64::min,
    );
    let width = (slot * 0.72 / traces.len() as f64).clamp(1.0, 64.0);
    let base = match field.plot.y.scale {
        Scale::Linear => field.y.pixel(0),
        Scale::Log => field.y.low_edge(),
    };
    // All bars carry their value or none does.
    let text = |y| crate::number::quantity(field.plot.y.quantity, y);
    let labelled = traces.iter().flat_map(|t| &t.points).all(|&(_, y)| {
        fonts.width(&text(y), CAPTION, Weight::Regular) <= width - 4.0
            && field.y.pixel(y) - 2.0 - CAPTION > field.top
    });
    for (index, trace) in traces.iter().enumerate() {
        let shift = (index as f64 - traces.len() as f64 / 2.0) * width;
        for &(x, y) in &trace.points {
            let left = field.x_of(x) + shift;
            let top = field.y.pixel(y);
            let (upper, lower) = (top.min(base), top.max(base));
            let inset = (width * 0.06).min(2.0);
            scene.rectangle(
                (left + inset, upper),
                (left + width - inset, lower),
                palette::group(trace.group),
            );
            if labelled {
                let at = (left + width / 2.0, upper - 4.0);
                scene.text(&text(y), at, CAPTION, INK, Anchor::Middle);
            }
        }
    }
}

/// Tick labels and the label of the horizontal axis, below the last panel.
fn x_labels(
    scene: &mut Scene,
    plot: &Plot,
    x: &AxisScale,
    (left, right): (f64, f64),
    bottom: f64,
    fonts: &Fonts,
) -> f64 {
    let mut y = bottom + 19.0;
    if plot.categories.is_empty() {
        for tick in x.ticks(90.0) {
            let at = x.pixel(tick.at);
            scene.line(vec![(at, bottom), (at, bottom + 5.0)], 1.5, MUTED);
            scene.text(&tick.label, (at, y), SMALL, MUTED, Anchor::Middle);
        }
    } else {
        let slot = (right - left) / plot.categories.len() as f64;
        let mut deepest = 0;
        for (index, name) in plot.categories.iter().enumerate() {
            let at = left + (index as f64 + 0.5) * slot;
            let lines = fonts.wrap(name, SMALL, Weight::Regular, slot - 8.0);
            deepest = deepest.max(lines.len().saturating_sub(1));
            for (row, text) in lines.iter().enumerate() {
                let base = y + row as f64 * 15.0;
                scene.text(text, (at, base), SMALL, MUTED, Anchor::Middle);
            }
        }
        y += deepest as f64 * 15.0;
    }
    y += 21.0;
    scene.text(
        &axis_label(&plot.x),
        (f64::midpoint(left, right), y),
        SMALL,
        MUTED,
        Anchor::Middle,
    );
    y
}

fn axis_label(axis: &Axis) -> String {
    let plain = matches!(axis.quantity, Quantity::Nines | Quantity::Category);
    match axis.scale {
        Scale::Log if !plain => format!("{} (log scale)", axis.label),
        _ => axis.label.clone(),
    }
}
