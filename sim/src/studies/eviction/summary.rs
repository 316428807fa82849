//! The table at the end of a run, and names in sentences.

use super::outcome::PointOutcome;
use super::replays::{BELADY, LRU, SAMPLER};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::Table;

/// The workload of a variant in sentences and panels.
pub(super) fn workload_name(variant: &str) -> &str {
    match variant {
        "" => "the study's workload",
        named => named,
    }
}

/// The policies of the table, which is as wide as a screen; the series have them all.
const SHOWN: [&str; 5] = [LRU, BELADY, SAMPLER, "allkeys-lru", "allkeys-lfu"];

/// One line of the table: a size and a stretch of requests of a workload.
type Line<'a> = (&'a str, String, u64, u32);

/// Policies beside one another, one line for each size.
pub(super) fn table(found: &[PointOutcome]) -> Table {
    let firsts = || found.iter().filter(|point| point.replication == 0);
    let mut policies: Vec<&str> = Vec::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for point in firsts() {
        let axes: Vec<&str> = point.axes.values().map(String::as_str).collect();
        let line = (
            point.variant.as_str(),
            axes.join(" "),
            point.requests,
            point.size,
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
        for one in &point.lines {
            if !policies.contains(&one.policy.as_str()) {
                policies.push(&one.policy);
            }
        }
    }
    policies.retain(|policy| SHOWN.contains(policy));
    let mut head: Vec<String> = ["workload", "requests", "keys", "memory"]
        .map(Into::into)
        .into();
    head.extend(policies.iter().map(|&policy| policy.to_owned()));
    let rows = lines
        .iter()
        .map(|(variant, axes, requests, size)| {
            let of_line: Vec<&PointOutcome> = firsts()
                .filter(|point| {
                    let own: Vec<&str> = point.axes.values().map(String::as_str).collect();
                    (&point.variant, own.join(" "), point.requests, point.size)
                        == (&(*variant).to_owned(), axes.clone(), *requests, *size)
                })
                .collect();
            let memory = of_line.first().map_or(0, |point| point.memory);
            let name = match *variant {
                "" => "study",
                named => named,
            };
            let mut row = vec![
                format!("{name} {axes}").trim().to_owned(),
                grouped(requests.cast_signed()),
                grouped(i64::from(*size)),
                format_value(Unit::Bytes, memory.cast_signed()),
            ];
            row.extend(policies.iter().map(|policy| {
                let mut all = of_line.iter().flat_map(|point| &point.lines);
                let line = all.find(|line| line.policy == *policy);
                line.map_or_else(
                    || "-".to_owned(),
                    |line| format_value(Unit::Ppm, line.hit_ppm),
                )
            }));
            row
        })
        .collect();
    Table { head, rows }
}
