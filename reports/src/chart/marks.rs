//! Marks: limits with their labels in the right margin, events with theirs above the panel, so that
//! no label ever lies on the data or on another label.

use super::font::{Fonts, Weight};
use super::palette::{BAND, LIMIT, MUTED, PAPER};
use super::plot::Panel;
use super::scene::{Anchor, Scene};
use kvrig_base::result::{Chart, Mark};

const SIZE: f64 = 11.0;
const LINE_HEIGHT: f64 = 14.0;
/// Widest label of a limit before it is broken into lines.
const LIMIT_WIDTH_MAX: f64 = 130.0;

/// Labels of horizontal marks, broken into lines.
pub(super) struct LimitLabels {
    labels: Vec<(i64, Vec<String>)>,
    width: f64,
}

impl LimitLabels {
    pub(super) fn new(chart: &Chart, fonts: &Fonts) -> Self {
        let mut labels = Vec::new();
        for mark in &chart.marks {
            if let Mark::Horizontal { at, label } = mark {
                labels.push((
                    *at,
                    fonts.wrap(label, SIZE, Weight::Regular, LIMIT_WIDTH_MAX),
                ));
            }
        }
        // From the top of the chart to the bottom.
        labels.sort_by_key(|&(at, _)| std::cmp::Reverse(at));
        let lines = labels.iter().flat_map(|(_, lines)| lines);
        let width = lines
            .map(|line| fonts.width(line, SIZE, Weight::Regular))
            .fold(0.0, f64::max);
        Self { labels, width }
    }

    /// Room that they take beside the panels.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    pub(super) fn draw(
        &self,
        scene: &mut Scene,
        place: &dyn Fn(i64) -> f64,
        (left, right): (f64, f64),
        (top, bottom): (f64, f64),
    ) {
        let heights: Vec<f64> = self
            .labels
            .iter()
            .map(|(_, lines)| lines.len() as f64 * LINE_HEIGHT)
            .collect();
        let mut tops: Vec<f64> = self
            .labels
            .iter()
            .zip(&heights)
            .map(|(l, h)| place(l.0) - h / 2.0)
            .collect();
        push_apart(&mut tops, &heights, top, bottom);
        for ((at, lines), label_top) in self.labels.iter().zip(tops) {
            let y = place(*at);
            scene.dashed(vec![(left, y), (right, y)], 1.25, LIMIT, (5.0, 4.0));
            for (row, text) in lines.iter().enumerate() {
                let base = label_top + row as f64 * LINE_HEIGHT + SIZE;
                scene.text(text, (right + 8.0, base), SIZE, LIMIT, Anchor::Start);
            }
        }
    }
}

/// Moves labels down where they would cover the one above, and up again where they would leave the
/// panel; `tops` are ascending.
fn push_apart(tops: &mut [f64], heights: &[f64], top: f64, bottom: f64) {
    let mut free_from = top - LINE_HEIGHT / 2.0;
    for (label, height) in tops.iter_mut().zip(heights) {
        *label = label.max(free_from);
        free_from = *label + height;
    }
    let mut free_to = bottom + LINE_HEIGHT / 2.0;
    for (label, height) in tops.iter_mut().zip(heights).rev() {
        *label = label.min(free_to - height);
        free_to = *label;
    }
}

/// Labels of vertical marks and bands of one panel, in rows above it.
pub(super) struct Lane {
    events: Vec<Event>,
    rows: usize,
}

struct Event {
    from: f64,
    to: Option<f64>,
    label: String,
    label_from: f64,
    label_to: f64,
    row: usize,
}

impl Lane {
    pub(super) fn new(
        panel: &Panel,
        place: &dyn Fn(i64) -> f64,
        fonts: &Fonts,
        right_edge: f64,
    ) -> Self {
        let mut events = Vec::new();
        for mark in &panel.marks {
            let (from, to, label) = match mark {
                Mark::Vertical { at, label, .. } => (place(*at), None, label),
                Mark::Band {
                    from, to, label, ..
                } => (place(*from), Some(place(*to)), label),
                Mark::Horizontal { .. } => continue,
            };
            let label = fonts.shorten(label, SIZE, Weight::Regular, 360.0);
            let width = fonts.width(&label, SIZE, Weight::Regular) + 10.0;
            let label_from = from.min(right_edge - width);
            events.push(Event {
                from,
                to,
                label,
                label_from,
                label_to: label_from + width,
                row: 0,
            });
        }
        events.sort_by(|a, b| a.label_from.total_cmp(&b.label_from));
        // Each label goes to the first row whose last label ends before it begins.
        let mut row_ends: Vec<f64> = Vec::new();
        for event in &mut events {
            let free = row_ends.iter().position(|end| *end <= event.label_from);
            event.row = free.unwrap_or(row_ends.len());
            if free.is_none() {
                row_ends.push(0.0);
            }
            row_ends[event.row] = event.label_to;
        }
        Self {
            rows: row_ends.len(),
            events,
        }
    }

    /// Room that the labels take above the panel.
    pub(super) fn height(&self) -> f64 {
        if self.rows == 0 {
            0.0
        } else {
            self.rows as f64 * LINE_HEIGHT + 4.0
        }
    }

    pub(super) fn draw_bands(
        &self,
        scene: &mut Scene,
        (left, right): (f64, f64),
        (top, bottom): (f64, f64),
    ) {
        for event in &self.events {
            if let Some(to) = event.to {
                let (from, to) = (event.from.max(left), to.min(right).max(event.from + 1.0));
                scene.rectangle((from, top), (to, bottom), BAND);
            }
        }
    }

    /// Each line ends below its own label.
    pub(super) fn draw_lines(&self, scene: &mut Scene, (top, bottom): (f64, f64)) {
        for event in self.events.iter().filter(|event| event.to.is_none()) {
            let upper = top - 2.0 - event.row as f64 * LINE_HEIGHT;
            scene.dashed(
                vec![(event.from, upper), (event.from, bottom)],
                1.0,
                MUTED,
                (3.0, 3.0),
            );
        }
    }

    pub(super) fn draw_labels(&self, scene: &mut Scene, top: f64) {
        for event in &self.events {
            let base = top - 5.0 - event.row as f64 * LINE_HEIGHT;
            let corner = (event.label_from - 1.0, base - SIZE + 1.0);
            scene.rectangle(corner, (event.label_to - 4.0, base + 3.0), PAPER);
            scene.text(
                &event.label,
                (event.label_from + 2.0, base),
                SIZE,
                MUTED,
                Anchor::Start,
            );
        }
    }
}
