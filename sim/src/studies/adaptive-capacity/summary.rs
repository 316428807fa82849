//! The table at the end of a run.

use kvrig_base::quantity::format_value;
use kvrig_base::result::Table;
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// Metrics of the table with their heads.
const COLUMNS: [(&str, &str); 5] = [
    ("clean for", "clean_duration_mean"),
    ("then throttled", "throttled_after_share"),
    ("healed after", "heal_duration_mean"),
    ("throttled in all", "throttled_share"),
    ("splits", "splits_count"),
];

/// Loads beside their metrics.
pub(super) fn table(rows: &[Row]) -> Table {
    let mut cells: Vec<(&str, &BTreeMap<String, String>)> = Vec::new();
    for row in rows {
        if !cells.contains(&(&row.variant, &row.cell)) {
            cells.push((&row.variant, &row.cell));
        }
    }
    let mut head: Vec<String> = vec!["load".into(), "model".into()];
    head.extend(COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    let lines = cells.iter().map(|(variant, cell)| {
        let own = |axis: &str| cell.get(axis).cloned().unwrap_or_default();
        let rest = cell
            .iter()
            .filter(|(axis, _)| !["load", "model"].contains(&axis.as_str()))
            .map(|(_, value)| value.as_str());
        let name = std::iter::once(*variant)
            .chain([cell.get("load").map_or("", String::as_str)])
            .chain(rest)
            .filter(|part| !part.is_empty());
        let mut line = vec![name.collect::<Vec<_>>().join(", "), own("model")];
        line.extend(COLUMNS.iter().map(|(_, metric)| {
            let found = rows
                .iter()
                .find(|row| row.variant == *variant && row.cell == **cell && row.name == *metric);
            found.map_or_else(|| "-".to_owned(), |row| format_value(row.unit, row.value))
        }));
        line
    });
    Table {
        head,
        rows: lines.collect(),
    }
}
