//! The table at the end of a run.

use kvrig_base::quantity::format_value;
use kvrig_base::result::Table;
use kvrig_base::row::Row;
use std::collections::BTreeMap;

/// Metrics of the table with their heads.
const COLUMNS: [(&str, &str); 7] = [
    ("hottest partition asked", "partition_demand_mean"),
    ("clean up to", "clean_rate_mean"),
    ("throttled", "throttled_share"),
    ("failed", "failed_share"),
    ("failed at the end", "failed_late_share"),
    ("failed for good", "failed_healed_share"),
    ("splits", "splits_count"),
];

/// Cells beside their metrics, sweep first.
pub(super) fn table(rows: &[Row]) -> Table {
    let mut cells: Vec<(&str, &BTreeMap<String, String>)> = Vec::new();
    for row in rows.iter().filter(|row| !row.cell.contains_key("bound")) {
        if !cells.contains(&(&row.variant, &row.cell)) {
            cells.push((&row.variant, &row.cell));
        }
    }
    let mut head = vec!["cell".to_owned()];
    head.extend(COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    let lines = cells.iter().map(|(variant, cell)| {
        let axes = cell.iter().map(|(axis, value)| format!("{axis} = {value}"));
        let name = match *variant {
            "" => axes.collect::<Vec<_>>().join(", "),
            variant => variant.to_owned(),
        };
        let mut line = vec![name];
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
