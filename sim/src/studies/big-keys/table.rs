//! The table at the end of a run: one line for each command.

use super::commands::{size_name, title};
use super::findings::Subjects;
use crate::studies::rows::Rows;
use kvrig_base::quantity::format_value;
use kvrig_base::result::Table;
use kvrig_base::row::Row;

/// Stops by size, the longest first, and what the others see at the largest.
pub(super) fn table(rows: &[Row], subjects: &Subjects) -> Table {
    let rows = Rows(rows);
    let sizes: Vec<String> = subjects.sizes.iter().map(|&size| size_name(size)).collect();
    let largest = sizes.last().map_or("", String::as_str);
    let mut head = vec!["stop for".to_owned()];
    head.extend(sizes.iter().cloned());
    head.extend(["waiting", "p99 before", "p99 after", "longest"].map(str::to_owned));
    let mut commands = subjects.commands.clone();
    commands.sort_by_key(|command| {
        let cell = [("command", command.name()), ("size", largest)];
        std::cmp::Reverse(rows.value(&cell, "pause_command_max"))
    });
    let lines = commands.iter().map(|command| {
        let value = |cell: &[(&str, &str)], name: &str| {
            let row = rows.find(cell, name);
            row.map_or_else(
                || "-".to_owned(),
                |(_, row)| format_value(row.unit, row.value),
            )
        };
        let cell = |size| [("command", command.name()), ("size", size)];
        let phase = |phase| {
            [
                ("command", command.name()),
                ("phase", phase),
                ("size", largest),
            ]
        };
        let mut line = vec![title(*command).to_owned()];
        let stops = sizes
            .iter()
            .map(|size| value(&cell(size), "pause_command_max"));
        line.extend(stops);
        line.push(value(&cell(largest), "requests_waiting_max"));
        line.push(value(&phase("before"), "response_p99"));
        line.push(value(&phase("after"), "response_p99"));
        line.push(value(&phase("after"), "response_max"));
        line
    });
    Table {
        rows: lines.collect(),
        head,
    }
}
