//! Bills side by side: the article's lines, and designs of tables.

use super::lines::Dot;
use crate::studies::cost::article::LINES;
use crate::studies::cost::findings::axis;
use crate::studies::cost::outcome::{AUTO_SCALED, ON_DEMAND, PROVISIONED, WHOLE_PEAK};
use crate::studies::drawing::{Drawn, axis as chart_axis, numbers, text};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Quantity, Scale, Series, Style};
use kvrig_base::row::Row;

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
    let money = |value| format_value(Unit::MicroDollars, value);
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
