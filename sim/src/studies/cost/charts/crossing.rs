//! Where bills cross: by the use of capacity, and by the peak of demand.

use super::lines::{
    Dot, laws, layer, line_of, lines_and_bands, of_sweep, series, tidy, with_ends, words_of,
};
use crate::studies::cost::findings::axis;
use crate::studies::cost::outcome::{AUTO_SCALED, ON_DEMAND, PROVISIONED, PointOutcome};
use crate::studies::cost::summary::curve_name;
use crate::studies::drawing::{Drawn, Spread, Spreads, axis as chart_axis, seeds_of};
use kvrig_base::result::{Chart, Mark, Quantity, Scale, Style};
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// A sentence on a metric under every price table, with the ends of its seeds.
fn by_prices<'a>(rows: impl Iterator<Item = &'a Row>, spreads: &Spreads<'_>) -> String {
    let parts = rows.map(|row| {
        let from = axis(row, "prices").unwrap_or("-");
        format!("{} at the prices from {from}", with_ends(row, spreads))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Bills against the share of capacity that is used: provisioned ones under an even load, and where
/// auto scaling comes to under each peak.
pub(super) fn bills_by_use(drawn: &mut Drawn, rows: &[Row], spreads: &Spreads<'_>) {
    let provisioned: Vec<&Row> = of_sweep(rows, "capacity_used_mean", "even").collect();
    let bills = of_sweep(rows, "bill_month_mean", "even").filter(|row| axis(row, "term").is_none());
    let mut dots = Vec::new();
    for bill in bills {
        let (Some(line), Some(y)) = (line_of(bill), spreads.at(bill)) else {
            continue;
        };
        let used = axis(bill, "used");
        // On-demand costs the same on every use.
        let beside = provisioned
            .iter()
            .filter(|row| used.is_none() || axis(row, "used") == used);
        dots.extend(beside.map(|row| Dot {
            panel: String::new(),
            line: line.clone(),
            x: row.value,
            y,
        }));
    }
    let dots = tidy(dots);
    if dots.is_empty() {
        return;
    }
    let found = of_sweep(rows, "break_even_used_mean", "even");
    let message = format!(
        "Provisioned capacity is cheaper once more of it is used than {}; an auto-scaled table lies on \
         the curve of provisioned ones, or below it where requests failed{}",
        by_prices(found, spreads),
        words_of(&dots),
    );
    let (name, columns) = ("bill-by-use", ("used", "bill"));
    let scaled = scaled_by_use(rows);
    let of_scaled = format!("{name}-scaled");
    let mut layers = lines_and_bands(name, columns, &dots);
    layers.push(layer(&of_scaled, columns, Style::Points));
    let units = ("ppm", "u$");
    drawn.series.push(series(name, columns, &dots, units));
    drawn
        .series
        .push(series(&of_scaled, columns, &scaled, units));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Bill of a month against the use of capacity".into(),
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
        layers,
        marks: laws(rows, "law_break_even_used_mean", "quotient of prices"),
    });
}

/// What auto-scaled tables use and cost under each peak.
fn scaled_by_use(rows: &[Row]) -> Vec<Dot> {
    let mut dots = Vec::new();
    for (curve, words) in [
        ("day", "days of each peak"),
        ("bursts", "bursts of each peak"),
    ] {
        let of_table = |row: &&Row| axis(row, "table") == Some(AUTO_SCALED);
        let latest = of_sweep(rows, "bill_month_mean", curve).filter_map(|row| axis(row, "prices"));
        let latest = latest.max();
        let bills = of_sweep(rows, "bill_month_mean", curve).filter(of_table);
        let bills =
            bills.filter(|row| axis(row, "term").is_none() && axis(row, "prices") == latest);
        for bill in bills {
            let mut cell = bill.cell.clone();
            cell.remove("prices");
            let mut used = of_sweep(rows, "capacity_used_mean", curve);
            if let Some(used) = used.find(|row| row.cell == cell) {
                let line = format!("{AUTO_SCALED}, {words}");
                dots.push(Dot::alone(String::new(), line, used.value, bill.value));
            }
        }
    }
    tidy(dots)
}

/// Dots of a metric against the peak-to-mean ratio, a panel a curve.
pub(super) fn by_peak(
    rows: &[Row],
    spreads: &Spreads<'_>,
    name: &str,
    is_shown: impl Fn(&Row) -> Option<String>,
) -> Vec<Dot> {
    let mut dots = Vec::new();
    for curve in ["day", "bursts"] {
        for row in of_sweep(rows, name, curve) {
            let ratio = axis(row, "peak_to_mean").and_then(|text| text.parse::<f64>().ok());
            if let (Some(ratio), Some(line), Some(y)) = (ratio, is_shown(row), spreads.at(row)) {
                dots.push(Dot {
                    panel: curve_name(row),
                    line,
                    x: (ratio * 1_000.0 + 0.5) as i64,
                    y,
                });
            }
        }
    }
    tidy(dots)
}

pub(super) fn bills_by_peak(drawn: &mut Drawn, rows: &[Row], spreads: &Spreads<'_>) {
    let dots = by_peak(rows, spreads, "bill_month_mean", |row| {
        axis(row, "term").is_none().then(|| line_of(row)).flatten()
    });
    if dots.is_empty() {
        return;
    }
    let found = of_sweep(rows, "break_even_peak_mean", "day");
    let message = format!(
        "A table provisioned for a daily peak costs more than on-demand where the peak is above so many \
         times the mean: {}{}",
        by_prices(
            found.filter(|row| axis(row, "table") == Some(PROVISIONED)),
            spreads
        ),
        words_of(&dots),
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
        layers: lines_and_bands(name, columns, &dots),
        marks: laws(rows, "law_break_even_peak_mean", "quotient of prices"),
    });
}

/// Bills beside that of on-demand as the peak rises, and where they cross it.
pub(super) fn break_even(
    drawn: &mut Drawn,
    found: &[PointOutcome],
    rows: &[Row],
    spreads: &Spreads<'_>,
) {
    // The seeds of a place: (curve, line, ratio in thousandths).
    let mut shares: BTreeMap<(&str, String, u64), Vec<i64>> = BTreeMap::new();
    let swept = found
        .iter()
        .filter(|point| point.variant.is_empty() && point.axes.is_empty());
    for point in swept {
        let Some(ratio) = point.ratio else { continue };
        for prices in point.prices() {
            let month = |table| point.table(table)?.month(prices);
            for table in [PROVISIONED, AUTO_SCALED] {
                let (Some(bill), Some(on_demand)) = (month(table), month(ON_DEMAND)) else {
                    continue;
                };
                let share = (i128::from(bill) * 1_000_000).checked_div(i128::from(on_demand));
                if let Some(share) = share.and_then(|share| i64::try_from(share).ok()) {
                    let line = format!("{table} from {prices}");
                    let place = (point.curve.as_str(), line, ratio / 1_000);
                    shares.entry(place).or_default().push(share);
                }
            }
        }
    }
    let dots = shares.iter().filter_map(|((curve, line, ratio), all)| {
        Some(Dot {
            panel: panel_of(curve).to_owned(),
            line: line.clone(),
            x: ratio.cast_signed(),
            y: Spread::of(all)?,
        })
    });
    let dots = near_crossing(tidy(dots.collect()));
    if dots.is_empty() {
        return;
    }
    let crossings = ["day", "bursts"].into_iter().flat_map(|curve| {
        let found = of_sweep(rows, "break_even_peak_mean", curve);
        found.filter(|row| row.cell.len() == 3)
    });
    let seeds = seeds_of(dots.iter().map(|dot| &dot.y)).unwrap_or(1);
    let marks = crossings.map(|row| {
        let table = axis(row, "table").unwrap_or("-");
        let from = axis(row, "prices").unwrap_or("-");
        let crossed = spreads.at(row).map_or(seeds, |spread| spread.seeds);
        let under = match crossed == seeds {
            true => String::new(),
            false => format!(", under {crossed} of {seeds} seeds"),
        };
        Mark::Vertical {
            at: row.value,
            label: format!("{table} from {from}: {}{under}", with_ends(row, spreads)),
            panel: axis(row, "curve").map(|curve| panel_of(curve).to_owned()),
        }
    });
    let mut marks: Vec<Mark> = marks.collect();
    let message = match marks.is_empty() {
        true => "No bill crosses that of on-demand between the peaks that were run",
        false => {
            "Marks say where a bill crosses that of on-demand, and in brackets the lowest and the \
             highest seed"
        }
    };
    let message = format!("{message}{}", words_of(&dots));
    marks.push(Mark::Horizontal {
        at: 1_000_000,
        label: "the bill on demand".into(),
    });
    let (name, columns) = ("break-even", ("peak to mean", "share"));
    drawn
        .series
        .push(series(name, columns, &dots, ("milli", "ppm")));
    drawn.charts.push(Chart {
        name: name.into(),
        title: "Where bills cross that of on-demand".into(),
        alt: format!("Lines of bills as shares of the bill on demand. {message}."),
        message,
        x: chart_axis("peak to mean", Quantity::Milli, Scale::Linear),
        // The quotient of bills is straight between peaks, so lines cross where the marks stand.
        y: chart_axis("share of the bill on demand", Quantity::Ppm, Scale::Linear),
        panels: Some("panel".into()),
        layers: lines_and_bands(name, columns, &dots),
        marks,
    });
}

/// Bills so far above that of on-demand, in millionths of it, would only press the crossings together.
const FAR_PPM: i64 = 1_500_000;

/// The dots of lines up to [`FAR_PPM`], and those by which a line leaves or enters that range.
fn near_crossing(dots: Vec<Dot>) -> Vec<Dot> {
    let is_near: Vec<bool> = (0..dots.len())
        .map(|place| {
            let dot = &dots[place];
            let around = &dots[place.saturating_sub(1)..dots.len().min(place + 2)];
            around.iter().any(|other| {
                let same = (&other.panel, &other.line) == (&dot.panel, &dot.line);
                same && other.y.mean <= FAR_PPM
            })
        })
        .collect();
    let pairs = dots.into_iter().zip(is_near);
    pairs
        .filter_map(|(dot, near)| near.then_some(dot))
        .collect()
}

/// A curve of the sweep as the name of a panel.
fn panel_of(curve: &str) -> &str {
    match curve {
        "day" => "days",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_have_left_the_crossing_far_behind() {
        let dot = |line: &str, x, ppm| Dot::alone(String::new(), line.into(), x, ppm);
        let dots = vec![
            dot("a", 1, 900_000),
            dot("a", 2, 3_000_000),
            dot("a", 3, 4_000_000),
            dot("b", 1, 1_600_000),
            dot("b", 2, 1_500_000),
        ];
        let near: Vec<(String, i64)> = near_crossing(dots)
            .into_iter()
            .map(|dot| (dot.line, dot.x))
            .collect();
        let expected = [("a", 1), ("a", 2), ("b", 1), ("b", 2)];
        assert_eq!(near, expected.map(|(line, x)| (line.to_owned(), x)));
    }
}
