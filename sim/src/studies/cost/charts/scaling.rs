//! What too little capacity throttles, and how auto scaling follows demand.

use super::crossing::by_peak;
use super::lines::{Dot, layer, lines_and_bands, of_sweep, series, tidy, words_of};
use crate::studies::cost::findings::axis;
use crate::studies::cost::outcome::{AUTO_SCALED, PROVISIONED, PointOutcome};
use crate::studies::drawing::{Drawn, Spreads, axis as chart_axis};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Quantity, Scale, Style};
use kvrig_base::row::Row;

/// Money against failed requests, for tables below the peak.
pub(super) fn price_of_throttles(drawn: &mut Drawn, rows: &[Row]) {
    let latest = rows.iter().filter_map(|row| axis(row, "prices")).max();
    let bills = of_sweep(rows, "bill_month_mean", "own")
        .filter(|row| axis(row, "term").is_none() && axis(row, "prices") == latest);
    let mut dots = Vec::new();
    for bill in bills {
        let mut cell = bill.cell.clone();
        cell.remove("prices");
        for (name, words) in [
            ("throttled_share", "attempts throttled"),
            ("failed_share", "requests failed"),
        ] {
            let found = rows
                .iter()
                .find(|row| row.variant.is_empty() && row.name == name && row.cell == cell);
            if let Some(row) = found {
                let table = match (axis(bill, "table"), axis(bill, "of_peak")) {
                    (Some(PROVISIONED), _) => "provisioned",
                    (table, _) => table.unwrap_or("-"),
                };
                let line = format!("{table}: {words}");
                dots.push(Dot::alone(String::new(), line, bill.value, row.value));
            }
        }
    }
    let dots = tidy(dots);
    if dots.is_empty() {
        return;
    }
    let message = match dots.iter().max_by_key(|dot| dot.y.mean) {
        Some(worst) => format!(
            "Down to {} a month, capacity below the peak throttles up to {} of the attempts",
            format_value(Unit::MicroDollars, worst.x),
            format_value(Unit::Ppm, worst.y.mean),
        ),
        None => return,
    };
    let (name, columns) = ("throttles-by-bill", ("bill", "share"));
    drawn
        .series
        .push(series(name, columns, &dots, ("u$", "ppm")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Throttled and failed requests against the bill, own arrivals".into(),
        alt: format!("Falling shares against rising bills. {message}."),
        message,
        x: chart_axis("bill of 30 days", Quantity::MicroDollars, Scale::Linear),
        y: chart_axis("share", Quantity::Ppm, Scale::Linear),
        panels: None,
        layers: vec![
            layer(name, columns, Style::Line),
            layer(name, columns, Style::Points),
        ],
        marks: Vec::new(),
    });
}

/// What auto scaling throttles and fails as the peak rises.
pub(super) fn throttles_by_peak(drawn: &mut Drawn, rows: &[Row], spreads: &Spreads<'_>) {
    let shown = |words: &'static str| {
        move |row: &Row| {
            let table = axis(row, "table").filter(|table| *table == AUTO_SCALED)?;
            Some(format!("{table}: {words}"))
        }
    };
    let mut dots = by_peak(
        rows,
        spreads,
        "throttled_share",
        shown("attempts throttled"),
    );
    dots.extend(by_peak(
        rows,
        spreads,
        "failed_share",
        shown("requests failed"),
    ));
    let dots = tidy(dots);
    let Some(worst) = dots.iter().max_by_key(|dot| dot.y.mean) else {
        return;
    };
    let message = format!(
        "Auto scaling is too late for {} of the attempts at worst: {} of {} times the mean{}",
        format_value(Unit::Ppm, worst.y.mean),
        worst.panel,
        format_value(Unit::Milli, worst.x),
        words_of(&dots),
    );
    let (name, columns) = ("throttles-by-peak", ("peak to mean", "share"));
    drawn
        .series
        .push(series(name, columns, &dots, ("milli", "ppm")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "What auto scaling throttles against the peak of demand".into(),
        alt: format!("Lines of throttled and failed shares. {message}."),
        message,
        x: chart_axis("peak to mean", Quantity::Milli, Scale::Linear),
        y: chart_axis("share", Quantity::Ppm, Scale::Linear),
        panels: Some("panel".into()),
        layers: lines_and_bands(name, columns, &dots),
        marks: Vec::new(),
    });
}

/// Thousandths of an hour by minute of the day.
const fn hour_milli(minute: i64) -> i64 {
    minute * 1_000 / 60
}

/// A day of the auto-scaled table, by the minute.
pub(super) fn a_day(drawn: &mut Drawn, found: &[PointOutcome]) {
    let firsts = found.iter().filter(|point| {
        point.replication == 0 && point.variant.is_empty() && point.axes.is_empty()
    });
    let mut bursts: Vec<u64> = firsts
        .clone()
        .filter(|point| point.curve == "bursts")
        .filter_map(|point| point.ratio)
        .collect();
    bursts.sort_unstable();
    let middle = bursts.get(bursts.len() / 2).copied();
    let shown = firsts
        .filter(|point| point.curve == "own" || (point.curve == "bursts" && point.ratio == middle));
    let mut dots = Vec::new();
    for point in shown {
        let panel = match &point.peak_to_mean {
            None => "own arrivals".to_owned(),
            Some(ratio) => format!("bursts of {ratio} times the mean"),
        };
        let Some(table) = point.table(AUTO_SCALED) else {
            continue;
        };
        for (minute, seen) in (0_i64..).zip(&table.minutes) {
            for (line, value) in [
                ("asked for", seen.asked),
                ("consumed", seen.consumed),
                ("provisioned", seen.capacity),
            ] {
                let value = i64::try_from(value).unwrap_or(i64::MAX);
                let at = hour_milli(minute);
                dots.push(Dot::alone(panel.clone(), line.into(), at, value));
            }
        }
    }
    if dots.is_empty() {
        return;
    }
    let message =
        "Capacity follows two minutes and a delay behind a rise, and fifteen behind a fall; in \
                   between, requests are throttled or capacity stands idle"
            .to_owned();
    let (name, columns) = ("scaled-day", ("hour", "write units"));
    drawn
        .series
        .push(series(name, columns, &dots, ("milli h", "units/s")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Write capacity of the auto-scaled table over a day".into(),
        alt: format!("Steps of provisioned capacity above and below demand. {message}."),
        message,
        x: chart_axis("hour of the second day", Quantity::Milli, Scale::Linear),
        y: chart_axis("write units per second", Quantity::Count, Scale::Linear),
        panels: Some("panel".into()),
        layers: vec![layer(name, columns, Style::Steps)],
        marks: Vec::new(),
    });
}
