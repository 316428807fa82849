//! Key designs side by side, and the most popular keys.

use super::shown;
use crate::studies::drawing::{Drawn, axis, numbers, text};
use crate::studies::hot_partitions::outcome::{EARLY, Found, PointOutcome, late, ppm};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};

const STAGES: [&str; 3] = [
    "at first, before any split",
    "at the end of the run",
    "for good, all splits done",
];

/// Bars of what fails, one group a design: the sweep's cell nearest to 0.99 stands for `user_id`.
pub(super) fn designs(found: &[PointOutcome], drawn: &mut Drawn) {
    let hot_users = shown(found).first().map(|point| point.axes.clone());
    let is_meant = |point: &&PointOutcome| {
        point.replication == 0
            && (!point.variant.is_empty() || Some(&point.axes) == hot_users.as_ref())
    };
    let has_variants = found.iter().any(|point| !point.variant.is_empty());
    if !has_variants {
        return;
    }
    let mut bars: Vec<(String, usize, i64)> = Vec::new();
    for point in found.iter().filter(is_meant) {
        let name = match point.variant.is_empty() {
            true => format!("user_id, {}", point.name()),
            false => point.variant.clone(),
        };
        match &point.found {
            Found::Run { recorded, .. } => {
                let early = recorded.between(EARLY.0, EARLY.1);
                let late = late(recorded);
                bars.push((name.clone(), 0, ppm(early.failed, early.offered)));
                bars.push((name, 1, ppm(late.failed, late.offered)));
            }
            Found::Healed { last, .. } => bars.push((name, 2, ppm(last.failed, last.offered))),
            Found::Rate { .. } => {}
        }
    }
    let Some(worst) = bars
        .iter()
        .filter(|(_, stage, _)| *stage == 2)
        .max_by_key(|(_, _, share)| *share)
    else {
        return;
    };
    let message = format!(
        "Worst for good: {}, where {} of the requests fail",
        worst.0,
        format_value(Unit::Ppm, worst.2)
    );
    let name = "key-designs";
    let stage = |stage: usize| STAGES[stage].to_owned();
    drawn.series.push(Series {
        name: name.into(),
        columns: vec![
            text("design", bars.iter().map(|bar| bar.0.clone()).collect()),
            text("stage", bars.iter().map(|bar| stage(bar.1)).collect()),
            numbers("failed", "ppm", bars.iter().map(|bar| bar.2).collect()),
        ],
    });
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Designs of partition keys under the same rate".into(),
        alt: format!("Bars of the share of requests that fail, by design. {message}."),
        message,
        x: axis("partition key", Quantity::Category, Scale::Linear),
        y: axis("requests that fail", Quantity::Ppm, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: name.into(),
            x: "design".into(),
            y: "failed".into(),
            upper: None,
            group: Some("stage".into()),
            style: Style::Bars,
            cells: None,
        }],
        marks: Vec::new(),
    });
}

/// Characters at the end of a key's name that tell it apart below a bar.
const TAIL: usize = 8;

/// The end of a long name: numbered keys differ there.
fn tail(name: &str) -> String {
    match name.char_indices().rev().nth(TAIL - 1) {
        Some((start, _)) if start > 1 => format!("\u{2026}{}", &name[start..]),
        _ => name.to_owned(),
    }
}

/// The most popular keys of the first cell shown: expected, asked and throttled.
pub(super) fn top(found: &[PointOutcome], drawn: &mut Drawn) {
    let Some(point) = shown(found).first().copied() else {
        return;
    };
    let Found::Run { top, recorded } = &point.found else {
        return;
    };
    let seconds = recorded.seconds.len().max(1) as u64;
    let (mut keys, mut what, mut rates) = (vec![], vec![], vec![]);
    let mut first = None;
    for key in top {
        let counted = recorded
            .keys
            .iter()
            .find(|one| one.collection == key.collection);
        let Some(counted) = counted else { continue };
        let expected = u128::from(recorded.books.offered) * u128::from(key.share_ppm) / 1_000_000;
        let expected = u64::try_from(expected).unwrap_or(u64::MAX);
        for (line, count) in [
            ("requests expected", expected),
            ("requests offered", counted.offered),
            ("attempts throttled", counted.throttled),
        ] {
            keys.push(tail(&key.name));
            what.push(line.to_owned());
            rates.push((count / seconds).cast_signed());
        }
        first.get_or_insert((key.name.clone(), counted.offered, expected));
    }
    let Some((key, offered, expected)) = first else {
        return;
    };
    let per_second = |count: u64| format_value(Unit::OpsPerSecond, (count / seconds).cast_signed());
    let message = format!(
        "{}: {key} is asked for {} where {} was expected",
        point.name(),
        per_second(offered),
        per_second(expected)
    );
    let name = "top-keys";
    drawn.series.push(Series {
        name: name.into(),
        columns: vec![
            text("key", keys),
            text("what", what),
            numbers("rate", "1/s", rates),
        ],
    });
    drawn.charts.push(Chart {
        name: name.into(),
        title: "The most popular keys".into(),
        alt: format!("Bars of requests per second, by key. {message}."),
        message,
        x: axis("key", Quantity::Category, Scale::Linear),
        y: axis("per second", Quantity::Count, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: name.into(),
            x: "key".into(),
            y: "rate".into(),
            upper: None,
            group: Some("what".into()),
            style: Style::Bars,
            cells: None,
        }],
        marks: Vec::new(),
    });
}
