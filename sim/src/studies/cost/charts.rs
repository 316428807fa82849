//! The study's charts and the series behind them.

use super::article::LINES;
use super::findings::axis;
use super::outcome::{AUTO_SCALED, ON_DEMAND, PROVISIONED, PointOutcome, WHOLE_PEAK};
use super::summary::curve_name;
use crate::studies::drawing::{Drawn, axis as chart_axis, numbers, text};
use kvrig_base::quantity::format_value;
use kvrig_base::result::{Chart, Layer, Mark, Quantity, Scale, Series, Style};
use kvrig_base::row::Row;

/// Thousandths of an hour by minute of the day.
const fn hour_milli(minute: i64) -> i64 {
    minute * 1_000 / 60
}

/// One point of a line.
struct Dot {
    panel: String,
    line: String,
    x: i64,
    y: i64,
}

/// Draws everything there is to draw.
pub(super) fn draw(found: &[PointOutcome], rows: &[Row]) -> Drawn {
    let mut drawn = Drawn::default();
    bills_by_use(&mut drawn, rows);
    bills_by_peak(&mut drawn, rows);
    throttles_by_peak(&mut drawn, rows);
    price_of_throttles(&mut drawn, rows);
    a_day(&mut drawn, found);
    of_article(&mut drawn, rows);
    designs(&mut drawn, rows);
    drawn
}

fn of_sweep<'a>(rows: &'a [Row], name: &'a str, curve: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| {
        row.variant.is_empty() && row.name == name && axis(row, "curve") == Some(curve)
    })
}

/// On-demand is told apart by its prices; provisioned capacity has the same in every table.
fn line_of(row: &Row) -> Option<String> {
    let prices = axis(row, "prices")?;
    let table = axis(row, "table")?;
    Some(match table {
        ON_DEMAND => format!("on-demand from {prices}"),
        _ => table.to_owned(),
    })
}

fn series(name: &str, names: (&str, &str), dots: &[Dot], units: (&str, &str)) -> Series {
    Series {
        name: name.to_owned(),
        columns: vec![
            text("panel", dots.iter().map(|dot| dot.panel.clone()).collect()),
            text("line", dots.iter().map(|dot| dot.line.clone()).collect()),
            numbers(names.0, units.0, dots.iter().map(|dot| dot.x).collect()),
            numbers(names.1, units.1, dots.iter().map(|dot| dot.y).collect()),
        ],
    }
}

fn layer(series: &str, (x, y): (&str, &str), style: Style) -> Layer {
    Layer {
        series: series.to_owned(),
        x: x.to_owned(),
        y: y.to_owned(),
        upper: None,
        group: Some("line".to_owned()),
        style,
        cells: None,
    }
}

/// Keeps each (panel, line, x) once, by rising x.
fn tidy(mut dots: Vec<Dot>) -> Vec<Dot> {
    dots.sort_by(|a, b| (&a.panel, &a.line, a.x).cmp(&(&b.panel, &b.line, b.x)));
    dots.dedup_by(|a, b| (&a.panel, &a.line, a.x) == (&b.panel, &b.line, b.x));
    dots
}

/// The rows of a law as vertical marks.
fn laws(rows: &[Row], name: &str, words: &str) -> Vec<Mark> {
    let of_law = rows
        .iter()
        .filter(|row| row.name == name && row.variant.is_empty());
    of_law
        .map(|row| Mark::Vertical {
            at: row.value,
            label: format!(
                "{words} {} from {}",
                format_value(row.unit, row.value),
                axis(row, "prices").unwrap_or("-")
            ),
            panel: None,
        })
        .collect()
}

/// A sentence on a metric under every price table: `14.43 % (2018-11-28), 28.9 % (2024-11-01)`.
fn by_prices<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let parts = rows.map(|row| {
        let from = axis(row, "prices").unwrap_or("-");
        format!(
            "{} at the prices from {from}",
            format_value(row.unit, row.value)
        )
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn bills_by_use(drawn: &mut Drawn, rows: &[Row]) {
    let provisioned: Vec<&Row> = of_sweep(rows, "capacity_used_mean", "even").collect();
    let bills = of_sweep(rows, "bill_month_mean", "even").filter(|row| axis(row, "term").is_none());
    let mut dots = Vec::new();
    for bill in bills {
        let Some(line) = line_of(bill) else { continue };
        let used = axis(bill, "used");
        // On-demand costs the same on every use.
        let beside = provisioned
            .iter()
            .filter(|row| used.is_none() || axis(row, "used") == used);
        dots.extend(beside.map(|row| Dot {
            panel: String::new(),
            line: line.clone(),
            x: row.value,
            y: bill.value,
        }));
    }
    let dots = tidy(dots);
    if dots.is_empty() {
        return;
    }
    let found = of_sweep(rows, "break_even_used_mean", "even");
    let message = format!(
        "Provisioned capacity is cheaper once more of it is used than {}",
        by_prices(found)
    );
    let (name, columns) = ("bill-by-use", ("used", "bill"));
    drawn
        .series
        .push(series(name, columns, &dots, ("ppm", "u$")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Bill of a month against the use of provisioned capacity, even load".into(),
        alt: format!(
            "A falling line of provisioned bills crosses level lines of on-demand. {message}."
        ),
        message,
        x: chart_axis(
            "share of capacity that is used",
            Quantity::Ppm,
            Scale::Linear,
        ),
        y: chart_axis("bill of 30 days", Quantity::MicroDollars, Scale::Log),
        panels: None,
        layers: vec![layer(name, columns, Style::Line)],
        marks: laws(rows, "law_break_even_used_mean", "quotient of prices"),
    });
}

/// Dots of a metric against the peak-to-mean ratio, a panel a curve.
fn by_peak(rows: &[Row], name: &str, is_shown: impl Fn(&Row) -> Option<String>) -> Vec<Dot> {
    let mut dots = Vec::new();
    for curve in ["day", "bursts"] {
        for row in of_sweep(rows, name, curve) {
            let ratio = axis(row, "peak_to_mean").and_then(|text| text.parse::<f64>().ok());
            if let (Some(ratio), Some(line)) = (ratio, is_shown(row)) {
                dots.push(Dot {
                    panel: curve_name(row),
                    line,
                    x: (ratio * 1_000.0 + 0.5) as i64,
                    y: row.value,
                });
            }
        }
    }
    tidy(dots)
}

fn bills_by_peak(drawn: &mut Drawn, rows: &[Row]) {
    let dots = by_peak(rows, "bill_month_mean", |row| {
        axis(row, "term").is_none().then(|| line_of(row)).flatten()
    });
    if dots.is_empty() {
        return;
    }
    let found = of_sweep(rows, "break_even_peak_mean", "day");
    let message = format!(
        "A table provisioned for a daily peak costs more than on-demand where the peak is above so many \
         times the mean: {}",
        by_prices(found.filter(|row| axis(row, "table") == Some(PROVISIONED)))
    );
    let (name, columns) = ("bill-by-peak", ("peak to mean", "bill"));
    drawn
        .series
        .push(series(name, columns, &dots, ("milli", "u$")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Bill of a month against the peak of demand".into(),
        alt: format!(
            "Rising lines of provisioned bills cross level lines of on-demand. {message}."
        ),
        message,
        x: chart_axis("peak to mean", Quantity::Milli, Scale::Linear),
        y: chart_axis("bill of 30 days", Quantity::MicroDollars, Scale::Log),
        panels: Some("panel".into()),
        layers: vec![layer(name, columns, Style::Line)],
        marks: laws(rows, "law_break_even_peak_mean", "quotient of prices"),
    });
}

fn throttles_by_peak(drawn: &mut Drawn, rows: &[Row]) {
    let shown = |words: &'static str| {
        move |row: &Row| {
            let table = axis(row, "table").filter(|table| *table == AUTO_SCALED)?;
            Some(format!("{table}: {words}"))
        }
    };
    let mut dots = by_peak(rows, "throttled_share", shown("attempts throttled"));
    dots.extend(by_peak(rows, "failed_share", shown("requests failed")));
    let dots = tidy(dots);
    let Some(worst) = dots.iter().max_by_key(|dot| dot.y) else {
        return;
    };
    let message = format!(
        "Auto scaling is too late for {} of the attempts at worst: {} of {} times the mean",
        format_value(kvrig_base::metric::Unit::Ppm, worst.y),
        worst.panel,
        format_value(kvrig_base::metric::Unit::Milli, worst.x),
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
        layers: vec![layer(name, columns, Style::Line)],
        marks: Vec::new(),
    });
}

/// Money against failed requests, for tables below the peak.
fn price_of_throttles(drawn: &mut Drawn, rows: &[Row]) {
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
                dots.push(Dot {
                    panel: String::new(),
                    line: format!("{table}: {words}"),
                    x: bill.value,
                    y: row.value,
                });
            }
        }
    }
    let dots = tidy(dots);
    if dots.is_empty() {
        return;
    }
    let message = match dots.iter().max_by_key(|dot| dot.y) {
        Some(worst) => format!(
            "Down to {} a month, capacity below the peak throttles up to {} of the attempts",
            format_value(kvrig_base::metric::Unit::MicroDollars, worst.x),
            format_value(kvrig_base::metric::Unit::Ppm, worst.y),
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
fn a_day(drawn: &mut Drawn, found: &[PointOutcome]) {
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
                dots.push(Dot {
                    panel: panel.clone(),
                    line: line.into(),
                    x: hour_milli(minute),
                    y: i64::try_from(value).unwrap_or(i64::MAX),
                });
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
fn of_article(drawn: &mut Drawn, rows: &[Row]) {
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
            dots.push(Dot {
                panel: line.name.trim_end_matches(", a day").to_owned(),
                line: bar,
                x: 0,
                y: row.value,
            });
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
            numbers("bill", "u$", dots.iter().map(|dot| dot.y).collect()),
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
fn designs(drawn: &mut Drawn, rows: &[Row]) {
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
