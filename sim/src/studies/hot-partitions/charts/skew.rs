//! What skew costs: what fails, and which rate is clean.

use super::exponent_milli;
use crate::studies::drawing::{
    Drawn, Spread, axis, band_of, band_words, numbers, spread_columns, text,
};
use crate::studies::hot_partitions::outcome::{EARLY, Found, PointOutcome, late, ppm};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};
use std::collections::BTreeMap;

/// A line of a chart: its title, by its place in a list of titles, and what else the cells of its
/// points have in common beside the exponent.
type Line = (usize, String);

/// Values of each seed by line and exponent.
type Lines = BTreeMap<(Line, i64), Vec<i64>>;

const THROTTLED: [&str; 4] = [
    "failed at first, before any split",
    "failed at the end of the run",
    "failed for good, all splits done",
    "attempts throttled, retries included",
];
const FLOOR: [&str; 1] = ["what single keys exceed a partition by"];

/// Axes of a sweep beside the exponent: cells that differ in them are no seeds of one another.
fn beside(point: &PointOutcome) -> String {
    let others = point.axes.iter().filter(|(axis, _)| *axis != "s");
    let others: Vec<String> = others
        .map(|(axis, value)| format!("{axis}={value}"))
        .collect();
    others.join(", ")
}

/// Shares of requests that fail, and of attempts that are throttled, against the exponent.
pub(super) fn throttled(found: &[PointOutcome], drawn: &mut Drawn) {
    let (mut lines, mut floor) = (Lines::new(), Lines::new());
    for point in found {
        let Some(s) = exponent_milli(point) else {
            continue;
        };
        let beside = beside(point);
        let mut add = |line, value| {
            let place = ((line, beside.clone()), s);
            lines.entry(place).or_default().push(value);
        };
        match &point.found {
            Found::Run { recorded, .. } => {
                let early = recorded.between(EARLY.0, EARLY.1);
                let late = late(recorded);
                add(0, ppm(early.failed, early.offered));
                add(1, ppm(late.failed, late.offered));
                let books = &recorded.books;
                add(3, ppm(books.throttled(), books.attempts));
                // It follows from the law alone.
                let beyond = point.survey.floor_ppm.cast_signed();
                floor.insert(((0, beside), s), vec![beyond]);
            }
            Found::Healed { last, .. } => add(2, ppm(last.failed, last.offered)),
            Found::Rate { .. } => {}
        }
    }
    let worst = floor.iter().max_by_key(|((_, s), _)| *s);
    let Some((&(_, worst), beyond)) = worst else {
        return;
    };
    let name = "throttled-against-skew";
    let spreads = add_series(name, ("share", "ppm"), &lines, &THROTTLED, drawn);
    let dashed = format!("{name}-floor");
    add_series(&dashed, ("share", "ppm"), &floor, &FLOOR, drawn);
    let message = format!(
        "At s = {} single keys exceed what a partition takes by {} of all requests; no split helps \
         those{}",
        format_value(Unit::Milli, worst),
        format_value(Unit::Ppm, mean(beyond)),
        band_words("means", &spreads),
    );
    drawn.charts.push(Chart {
        name: name.into(),
        title: "What fails, against skew".into(),
        alt: format!("Rising lines of the share that fails against the exponent. {message}."),
        message,
        x: axis("exponent s of Zipf's law", Quantity::Milli, Scale::Linear),
        y: axis(
            "share of requests, or of attempts",
            Quantity::Ppm,
            Scale::Linear,
        ),
        panels: None,
        layers: layers(name, "share", &spreads, &dashed),
        marks: Vec::new(),
    });
}

const RATES: [&str; 1] = ["highest clean rate, before any split"];
const BOUNDS: [&str; 3] = [
    "what is paid for",
    "limit over the hottest partition's share",
    "limit over the top key's share",
];

/// The highest clean rate against the exponent, beside what bounds it.
pub(super) fn clean_rate(found: &[PointOutcome], drawn: &mut Drawn) {
    let (mut lines, mut bounds) = (Lines::new(), Lines::new());
    for point in found {
        let (Some(s), Found::Rate { clean, .. }) = (exponent_milli(point), &point.found) else {
            continue;
        };
        let beside = beside(point);
        let place = ((0, beside.clone()), s);
        lines.entry(place).or_default().push(clean.cast_signed());
        let survey = &point.survey;
        let rates = [survey.paid, survey.hottest_rate, survey.top_key_rate];
        for (line, rate) in rates.into_iter().enumerate() {
            // Above what is paid for a bound holds nobody, and would only press the rest together.
            if rate <= survey.paid {
                let held = bounds.entry(((line, beside.clone()), s)).or_default();
                held.push(rate.cast_signed());
            }
        }
    }
    let means = lines.iter().map(|((_, s), all)| (*s, mean(all)));
    let (Some(first), Some(last)) = (
        means.clone().min_by_key(|&(s, _)| s),
        means.max_by_key(|&(s, _)| s),
    ) else {
        return;
    };
    let name = "clean-rate";
    let spreads = add_series(name, ("rate", "1/s"), &lines, &RATES, drawn);
    let dashed = format!("{name}-bounds");
    add_series(&dashed, ("rate", "1/s"), &bounds, &BOUNDS, drawn);
    let message = format!(
        "A minute is clean up to {} at s = {} and up to {} at s = {}{}",
        format_value(Unit::OpsPerSecond, first.1),
        format_value(Unit::Milli, first.0),
        format_value(Unit::OpsPerSecond, last.1),
        format_value(Unit::Milli, last.0),
        band_words("means", &spreads),
    );
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Highest rate at which a minute is clean".into(),
        alt: format!("A falling line of requests a second against the exponent. {message}."),
        message,
        x: axis("exponent s of Zipf's law", Quantity::Milli, Scale::Linear),
        y: axis("requests per second", Quantity::Count, Scale::Linear),
        panels: None,
        layers: layers(name, "rate", &spreads, &dashed),
        marks: Vec::new(),
    });
}

/// Adds a series of lines, with the ends of the seeds beside each mean.
fn add_series(
    name: &str,
    (value, unit): (&str, &str),
    lines: &Lines,
    titles: &[&str],
    drawn: &mut Drawn,
) -> Vec<Spread> {
    let title = |(line, beside): &Line| {
        let title = titles.get(*line).map_or("", |title| *title);
        match beside.as_str() {
            "" => title.to_owned(),
            beside => format!("{title}, {beside}"),
        }
    };
    let places = lines.keys();
    let spreads: Vec<Spread> = lines.values().filter_map(|all| Spread::of(all)).collect();
    let mut columns = vec![
        text(
            "line",
            places.clone().map(|(line, _)| title(line)).collect(),
        ),
        numbers("s", "milli", places.map(|(_, s)| *s).collect()),
    ];
    columns.extend(spread_columns(value, unit, &spreads));
    drawn.series.push(Series {
        name: name.to_owned(),
        columns,
    });
    spreads
}

/// Lines of `name` with their bands, if there are seeds to compare, and the lines of `dashed`.
fn layers(name: &str, value: &str, spreads: &[Spread], dashed: &str) -> Vec<Layer> {
    let layer = |series: &str, style| Layer {
        series: series.to_owned(),
        x: "s".into(),
        y: value.to_owned(),
        upper: None,
        group: Some("line".into()),
        style,
        cells: None,
    };
    let line = layer(name, Style::Line);
    let mut layers = vec![line.clone()];
    layers.extend(band_of(&line, spreads));
    layers.push(layer(dashed, Style::Dashed));
    layers
}

fn mean(values: &[i64]) -> i64 {
    Spread::of(values).map_or(0, |spread| spread.mean)
}
