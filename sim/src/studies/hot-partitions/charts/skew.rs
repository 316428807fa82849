//! What skew costs: what fails, and which rate is clean.

use super::exponent_milli;
use crate::studies::drawing::{Drawn, axis, numbers, text};
use crate::studies::hot_partitions::outcome::{EARLY, Found, PointOutcome, late, ppm};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};
use std::collections::BTreeMap;

/// Values of each seed by line and exponent.
type Lines = BTreeMap<(usize, i64), Vec<i64>>;

const THROTTLED: [&str; 4] = [
    "failed at first, before any split",
    "failed at the end of the run",
    "failed for good, all splits done",
    "attempts throttled, retries included",
];

/// Shares of requests that fail, and of attempts that are throttled, against the exponent.
pub(super) fn throttled(found: &[PointOutcome], drawn: &mut Drawn) {
    let mut lines = Lines::new();
    let mut floor: BTreeMap<i64, i64> = BTreeMap::new();
    for point in found {
        let Some(s) = exponent_milli(point) else {
            continue;
        };
        let mut add = |line, value| lines.entry((line, s)).or_default().push(value);
        match &point.found {
            Found::Run { recorded, .. } => {
                let early = recorded.between(EARLY.0, EARLY.1);
                let late = late(recorded);
                add(0, ppm(early.failed, early.offered));
                add(1, ppm(late.failed, late.offered));
                let books = &recorded.books;
                add(3, ppm(books.throttled(), books.attempts));
                floor.insert(s, point.survey.floor_ppm.cast_signed());
            }
            Found::Healed { last, .. } => add(2, ppm(last.failed, last.offered)),
            Found::Rate { .. } => {}
        }
    }
    let Some((&worst, &beyond)) = floor.last_key_value() else {
        return;
    };
    let name = "throttled-against-skew";
    add_series(name, "share", "ppm", &lines, &THROTTLED, drawn);
    drawn.series.push(Series {
        name: format!("{name}-floor"),
        columns: vec![
            text(
                "line",
                vec!["what single keys exceed a partition by".into(); floor.len()],
            ),
            numbers("s", "milli", floor.keys().copied().collect()),
            numbers("share", "ppm", floor.values().copied().collect()),
        ],
    });
    let message = format!(
        "At s = {} single keys exceed what a partition takes by {} of all requests; no split helps \
         those. Points are seeds, lines their means",
        format_value(Unit::Milli, worst),
        format_value(Unit::Ppm, beyond)
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
        layers: layers(name, "share", &format!("{name}-floor")),
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
        lines.entry((0, s)).or_default().push(clean.cast_signed());
        let survey = &point.survey;
        let rates = [survey.paid, survey.hottest_rate, survey.top_key_rate];
        for (line, rate) in rates.into_iter().enumerate() {
            // Far above what is paid for a bound would only press the rest together.
            if rate <= survey.paid.saturating_mul(2) {
                let held = bounds.entry((line, s)).or_default();
                held.push(rate.cast_signed());
            }
        }
    }
    let means: Vec<(i64, i64)> = lines.iter().map(|(&(_, s), all)| (s, mean(all))).collect();
    let (Some(first), Some(last)) = (means.first(), means.last()) else {
        return;
    };
    let name = "clean-rate";
    add_series(name, "rate", "1/s", &lines, &RATES, drawn);
    let means_of_bounds: Lines = bounds
        .into_iter()
        .map(|(place, all)| (place, vec![mean(&all)]))
        .collect();
    add_series(
        &format!("{name}-bounds"),
        "rate",
        "1/s",
        &means_of_bounds,
        &BOUNDS,
        drawn,
    );
    drawn
        .series
        .retain(|series| series.name != format!("{name}-bounds-seeds"));
    let message = format!(
        "A minute is clean up to {} at s = {} and up to {} at s = {}",
        format_value(Unit::OpsPerSecond, first.1),
        format_value(Unit::Milli, first.0),
        format_value(Unit::OpsPerSecond, last.1),
        format_value(Unit::Milli, last.0),
    );
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Highest rate at which a minute is clean".into(),
        alt: format!("A falling line of requests a second against the exponent. {message}."),
        message,
        x: axis("exponent s of Zipf's law", Quantity::Milli, Scale::Linear),
        y: axis("requests per second", Quantity::Count, Scale::Linear),
        panels: None,
        layers: layers(name, "rate", &format!("{name}-bounds")),
        marks: Vec::new(),
    });
}

/// Means as one series and seeds as another.
fn add_series(
    name: &str,
    value: &str,
    unit: &str,
    lines: &Lines,
    titles: &[&str],
    drawn: &mut Drawn,
) {
    let title = |line: usize| titles.get(line).map_or("", |title| *title).to_owned();
    let columns = |rows: Vec<(usize, i64, i64)>| {
        vec![
            text("line", rows.iter().map(|row| title(row.0)).collect()),
            numbers("s", "milli", rows.iter().map(|row| row.1).collect()),
            numbers(value, unit, rows.iter().map(|row| row.2).collect()),
        ]
    };
    let means = lines.iter().map(|(&(line, s), all)| (line, s, mean(all)));
    let seeds = lines
        .iter()
        .flat_map(|(&(line, s), all)| all.iter().map(move |&value| (line, s, value)));
    drawn.series.push(Series {
        name: name.to_owned(),
        columns: columns(means.collect()),
    });
    drawn.series.push(Series {
        name: format!("{name}-seeds"),
        columns: columns(seeds.collect()),
    });
}

fn layers(name: &str, value: &str, dashed: &str) -> Vec<Layer> {
    [
        (name.to_owned(), Style::Line),
        (format!("{name}-seeds"), Style::Points),
        (dashed.to_owned(), Style::Dashed),
    ]
    .map(|(series, style)| Layer {
        series,
        x: "s".into(),
        y: value.to_owned(),
        upper: None,
        group: Some("line".into()),
        style,
        cells: None,
    })
    .into()
}

fn mean(values: &[i64]) -> i64 {
    let count = values.len().max(1) as i64;
    (values.iter().sum::<i64>() + count / 2).div_euclid(count)
}
