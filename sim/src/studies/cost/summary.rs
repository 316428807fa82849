//! The table at the end of a run.

use super::findings::{Found, axis};
use super::outcome::{AS_CREATED, AUTO_SCALED, ON_DEMAND, PROVISIONED, WHOLE_PEAK};
use kvrig_base::quantity::format_value;
use kvrig_base::result::Table;
use kvrig_base::row::Row;

/// Bills of a month by curve, for tables beside one another, under the latest prices.
pub(super) fn table(rows: &[Row]) -> Table {
    let head = [
        "curve",
        "peak to mean",
        "for the peak",
        "auto-scaled",
        "on-demand",
        "scaled: throttled",
        "failed",
    ];
    let latest = rows.iter().filter_map(|row| axis(row, "prices")).max();
    let is_shown = |row: &&Row| {
        row.name == "bill_month_mean"
            && axis(row, "table") == Some(ON_DEMAND)
            && axis(row, "prices") == latest
    };
    let lines = rows.iter().filter(is_shown).map(|on_demand| {
        let value = |table: &str, name: &str| {
            let mut cell = on_demand.cell.clone();
            cell.insert("table".into(), table.into());
            if table == PROVISIONED {
                cell.insert("of_peak".into(), WHOLE_PEAK.into());
            }
            if name != "bill_month_mean" {
                cell.remove("prices");
            }
            let found = rows.iter().find(|row| {
                row.variant == on_demand.variant && row.name == name && row.cell == cell
            });
            found.map_or_else(|| "-".to_owned(), |row| format_value(row.unit, row.value))
        };
        let month = |table: &str| value(table, "bill_month_mean");
        let ratio = axis(on_demand, "peak_to_mean").unwrap_or("-").to_owned();
        vec![
            curve_name(on_demand),
            ratio,
            month(PROVISIONED),
            month(AUTO_SCALED),
            month(ON_DEMAND),
            value(AUTO_SCALED, "throttled_share"),
            value(AUTO_SCALED, "failed_share"),
        ]
    });
    let mut lines: Vec<Vec<String>> = lines.collect();
    // Peaks in the order of their height: rows are in the order of their texts.
    let height = |line: &Vec<String>| line[1].parse::<f64>().unwrap_or(0.0);
    lines.sort_by(|one, other| {
        one[0]
            .cmp(&other[0])
            .then(height(one).total_cmp(&height(other)))
    });
    Table {
        head: head.map(Into::into).into(),
        rows: lines,
    }
}

/// The curve of a row in words, with its variant and its place in a sweep.
pub(super) fn curve_name(row: &Row) -> String {
    let curve = match axis(row, "curve") {
        Some("own") => "own arrivals",
        Some("even") => "even",
        Some("day") => "days",
        Some("bursts") => "bursts",
        other => other.unwrap_or("-"),
    };
    let own = [
        "curve",
        "of_peak",
        "peak_to_mean",
        "prices",
        "table",
        "term",
        "used",
    ];
    let mut parts = vec![row.variant.clone()];
    let axes = row
        .cell
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()));
    parts.extend(axes.map(|(name, value)| format!("{name}={value}")));
    parts.push(curve.to_owned());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// The table of a row in words.
pub(super) fn table_name(row: Found<'_>) -> &'static str {
    match axis(row.1, "table") {
        Some(PROVISIONED) => "a provisioned table",
        Some(AUTO_SCALED) => "an auto-scaled table",
        Some(ON_DEMAND) => "an on-demand table",
        Some(AS_CREATED) => "the table as it is created",
        _ => "a table",
    }
}
