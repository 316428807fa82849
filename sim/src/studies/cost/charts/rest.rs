//! What else bills say: money against failures, a day of auto scaling, the article, designs of tables.

use super::lines::{Dot, layer, of_sweep, series, tidy};
use crate::studies::cost::article::LINES;
use crate::studies::cost::findings::axis;
use crate::studies::cost::outcome::{
    AUTO_SCALED, ON_DEMAND, PROVISIONED, PointOutcome, WHOLE_PEAK,
};
use crate::studies::drawing::{Drawn, axis as chart_axis, numbers, text};
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};
use kvrig_base::row::Row;

/// Thousandths of an hour by minute of the day.
const fn hour_milli(minute: i64) -> i64 {
    minute * 1_000 / 60
}

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
            format_value(kvrig_base::metric::Unit::MicroDollars, worst.x),
            format_value(kvrig_base::metric::Unit::Ppm, worst.y.mean),
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

/// The article's lines beside what they come to.
pub(super) fn of_article(drawn: &mut Drawn, rows: &[Row]) {
    let mut dots = Vec::new();
    for line in LINES {
        let of_line = |row: &&Row| {
            row.variant.is_empty()
                && axis(row, "article") == Some(line.name)
                && matches!(row.name.as_str(), "bill_article_mean" | "bill_line_mean")
        };
        // Lines of a day; months have another scale.
        if !line.name.ends_with("a day") {
            continue;
        }
        for row in rows.iter().filter(of_line) {
            let bar = match axis(row, "prices") {
                None => "the article".to_owned(),
                Some(prices) => format!("by units, from {prices}"),
            };
            let panel = line.name.trim_end_matches(", a day").to_owned();
            dots.push(Dot::alone(panel, bar, 0, row.value));
        }
    }
    let name = "article";
    let stated = |found: &Dot| found.line == "the article";
    // The article quotes the prices of the first table: what differs from those bills is its mistake.
    let first = dots
        .iter()
        .map(|dot| &dot.line)
        .filter(|line| line.starts_with("by units"))
        .min();
    let wrong = dots.iter().filter(|dot| stated(dot)).filter(|dot| {
        let mut same = dots.iter().filter(|other| other.panel == dot.panel);
        same.any(|other| Some(&other.line) == first && other.y != dot.y)
    });
    let message = format!(
        "{} of {} bills are wrong at the article's own prices: eventual reads take half a unit, 1.5 KB two",
        wrong.count(),
        dots.iter().filter(|dot| stated(dot)).count(),
    );
    drawn.series.push(Series {
        name: name.into(),
        columns: vec![
            text("line", dots.iter().map(|dot| dot.panel.clone()).collect()),
            text("bill of", dots.iter().map(|dot| dot.line.clone()).collect()),
            numbers("bill", "u$", dots.iter().map(|dot| dot.y.mean).collect()),
        ],
    });
    drawn.charts.push(Chart {
        name: name.into(),
        title: "An article's bills of a day, and the same by units".into(),
        alt: format!("Bars of bills by line. {message}."),
        message,
        x: chart_axis("line", Quantity::Category, Scale::Linear),
        y: chart_axis("bill of a day", Quantity::MicroDollars, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: name.into(),
            x: "line".into(),
            y: "bill".into(),
            upper: None,
            group: Some("bill of".into()),
            style: Style::Bars,
            cells: None,
        }],
        marks: Vec::new(),
    });
}

/// The same page out of one table and of several.
pub(super) fn designs(drawn: &mut Drawn, rows: &[Row]) {
    let latest = rows.iter().filter_map(|row| axis(row, "prices")).max();
    let mut bars = Vec::new();
    for table in [PROVISIONED, AUTO_SCALED, ON_DEMAND] {
        for variant in ["single-table", "multi-table"] {
            let found = rows.iter().find(|row| {
                row.variant == variant
                    && row.name == "bill_month_mean"
                    && axis(row, "table") == Some(table)
                    && axis(row, "prices") == latest
                    && axis(row, "term").is_none()
                    && axis(row, "of_peak").is_none_or(|share| share == WHOLE_PEAK)
            });
            if let Some(row) = found {
                let x = match table {
                    PROVISIONED => "provisioned for the peak",
                    other => other,
                };
                bars.push((x.to_owned(), variant.to_owned(), row.value));
            }
        }
    }
    let bill = |variant: &str| {
        let mut found = bars
            .iter()
            .filter(|(x, of, _)| x == ON_DEMAND && of == variant);
        found.next().map(|bar| bar.2)
    };
    let (Some(single), Some(multi)) = (bill("single-table"), bill("multi-table")) else {
        return;
    };
    let money = |value| format_value(kvrig_base::metric::Unit::MicroDollars, value);
    let message = format!(
        "On demand, the page costs {} a month out of one table and {} out of two",
        money(single),
        money(multi)
    );
    let name = "designs";
    drawn.series.push(Series {
        name: name.into(),
        columns: vec![
            text("table", bars.iter().map(|bar| bar.0.clone()).collect()),
            text("design", bars.iter().map(|bar| bar.1.clone()).collect()),
            numbers("bill", "u$", bars.iter().map(|bar| bar.2).collect()),
        ],
    });
    drawn.charts.push(Chart {
        name: name.into(),
        title: "A page of a customer and ten orders, by design of the tables".into(),
        alt: format!("Bars of bills by capacity mode and design. {message}."),
        message,
        x: chart_axis("capacity", Quantity::Category, Scale::Linear),
        y: chart_axis("bill of 30 days", Quantity::MicroDollars, Scale::Linear),
        panels: None,
        layers: vec![Layer {
            series: name.into(),
            x: "table".into(),
            y: "bill".into(),
            upper: None,
            group: Some("design".into()),
            style: Style::Bars,
            cells: None,
        }],
        marks: Vec::new(),
    });
}
