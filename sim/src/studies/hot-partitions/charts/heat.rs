//! The map of partitions: who is asked for how much, when, and where the table was split.

use super::shown;
use crate::dynamo::{Cooled, HEAT_WINDOW, HeatCell, Kept, SplitEvent};
use crate::studies::drawing::{Drawn, axis, numbers, text};
use crate::studies::hot_partitions::outcome::PointOutcome;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::{CellColumns, Chart, Layer, Mark, Quantity, Scale, Series, Style};
use kvrig_dynamo::partition::PARTITION_WRITES_MAX;
use std::collections::BTreeMap;

/// Most columns of a map: with more, cells are narrower than six pixels.
const COLUMNS_MAX: u32 = 160;
/// Splits that are named above a panel; all are seen in the map.
const NAMED_MAX: usize = 3;
const SPACE: u32 = 1_000_000;

pub(super) fn draw(found: &[PointOutcome], drawn: &mut Drawn) {
    let mut all = Vec::new();
    for point in shown(found) {
        let Some(recorded) = point.recorded() else {
            continue;
        };
        let (cells, splits) = recorded.kept(Kept::Table);
        if !cells.is_empty() {
            all.push((point.name(), point, cells, splits));
        }
    }
    // A uniform pair of panels says nothing without the design that is hot for ever.
    if all.is_empty() {
        return;
    }
    map("partition-heat", &all, drawn);
}

type Shown<'a> = (String, &'a PointOutcome, &'a [HeatCell], &'a [SplitEvent]);

fn map(name: &str, all: &[Shown<'_>], drawn: &mut Drawn) {
    let (mut panels, mut marks, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let (mut from, mut to, mut low, mut high, mut asked) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (panel, point, cells, splits) in all {
        for tile in tiles(cells) {
            panels.push(panel.clone());
            from.push(tile.from_ns);
            to.push(tile.to_ns);
            low.push(i64::from(tile.low));
            high.push(i64::from(tile.high));
            asked.push(tile.asked);
        }
        words.push(format!("{panel}: {}", diagnosis(point)));
        let real = splits.iter().filter(|event| event.cooled == Cooled::Split);
        for event in real.clone().take(NAMED_MAX) {
            marks.push(Mark::Vertical {
                at: event.at_ns.cast_signed(),
                label: format!("split: {} partitions", event.partitions),
                panel: Some(panel.clone()),
            });
        }
    }
    drawn.series.push(Series {
        name: name.to_owned(),
        columns: vec![
            text("cell", panels),
            numbers("from", "ns", from),
            numbers("to", "ns", to),
            numbers("key_from", "ppm", low),
            numbers("key_to", "ppm", high),
            numbers("asked units per second", "1/s", asked),
        ],
    });
    let message = words.join(" ");
    drawn.charts.push(Chart {
        name: name.to_owned(),
        title: "What each partition is asked for".into(),
        alt: format!("Heat maps of units per second by time and place of the key. {message}"),
        message,
        x: axis("time", Quantity::Nanos, Scale::Linear),
        y: axis(
            "place of keys by their hash; each band is a partition",
            Quantity::Ppm,
            Scale::Linear,
        ),
        panels: Some("cell".into()),
        layers: vec![Layer {
            series: name.to_owned(),
            x: "from".into(),
            y: "key_from".into(),
            upper: None,
            group: None,
            style: Style::Heat,
            cells: Some(CellColumns {
                x_to: "to".into(),
                y_to: "key_to".into(),
                count: "asked units per second".into(),
                limit: Some(PARTITION_WRITES_MAX.cast_signed()),
            }),
        }],
        marks,
    });
}

/// What a reviewer is told of a cell: whether one key or a range of them is too hot.
pub(in crate::studies::hot_partitions) fn diagnosis(point: &PointOutcome) -> String {
    let survey = &point.survey;
    let asked = format_value(Unit::Ppm, survey.demand_ppm.cast_signed());
    let key = u128::from(survey.demand_ppm) * u128::from(survey.hottest_key_ppm) / 1_000_000;
    let key_text = format_value(Unit::Ppm, i64::try_from(key).unwrap_or(i64::MAX));
    let partition = grouped(i64::from(survey.hottest));
    match (survey.demand_ppm > 1_000_000, key > 1_000_000) {
        (_, true) => format!(
            "danger: partition {partition} is asked for {asked} of its limit, and one key alone for \
             {key_text}: no split helps it."
        ),
        (true, false) => format!(
            "warning: partition {partition} is asked for {asked} of its limit by a range of keys, \
             the first of which takes {key_text}; a split helps."
        ),
        (false, false) => {
            format!("partition {partition}, the hottest, is asked for {asked} of its limit.")
        }
    }
}

struct Tile {
    from_ns: i64,
    to_ns: i64,
    low: u32,
    high: u32,
    asked: i64,
}

/// Cells of windows so wide that there are not too many, each from its beginning to the next one's.
fn tiles(cells: &[HeatCell]) -> Vec<Tile> {
    let windows = cells.last().map_or(0, |cell| cell.window + 1);
    let joined = windows.div_ceil(COLUMNS_MAX).max(1);
    let mut columns: BTreeMap<u32, BTreeMap<u32, u64>> = BTreeMap::new();
    for cell in cells {
        let column = columns.entry(cell.window / joined).or_default();
        *column.entry(cell.from_ppm).or_default() += asked(cell);
    }
    let window_ns = HEAT_WINDOW.as_nanos();
    let seconds = window_ns / 1_000_000_000;
    let mut tiles = Vec::new();
    for (column, beginnings) in columns {
        let lows: Vec<u32> = beginnings.keys().copied().collect();
        let first = column * joined;
        let last = (first + joined).min(windows);
        let ends = lows.iter().skip(1).copied().chain([SPACE]);
        for ((low, units), high) in beginnings.into_iter().zip(ends) {
            let per_second = units / (seconds * u64::from(last - first));
            tiles.push(Tile {
                from_ns: (u64::from(first) * window_ns).cast_signed(),
                to_ns: (u64::from(last) * window_ns).cast_signed(),
                low,
                high,
                asked: per_second.cast_signed(),
            });
        }
    }
    tiles
}

/// Write units let through and refused, reads in thirds of them: a partition takes three times as
/// many.
const fn asked(cell: &HeatCell) -> u64 {
    cell.written + cell.refused_written + (cell.read + cell.refused_read) / 6
}
