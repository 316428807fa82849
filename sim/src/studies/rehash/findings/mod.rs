//! The sentences that the rows support.

use super::{display_name, retries};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// Rows with their indices, found by variant, cell and metric.
pub(super) struct Rows<'a>(pub(super) &'a [Row]);

/// One cell's place among the rows.
#[derive(Clone, Copy)]
struct At<'a> {
    variant: &'a str,
    table: &'a str,
    doubling: &'a str,
    phase: Option<&'a str>,
}

impl Rows<'_> {
    fn find(&self, at: At<'_>, name: &str) -> Option<(usize, i64)> {
        self.0
            .iter()
            .position(|row| {
                let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
                row.name == name
                    && row.variant == at.variant
                    && axis("table") == Some(at.table)
                    && axis("doubling") == Some(at.doubling)
                    && axis("phase") == at.phase
            })
            .map(|index| (index, self.0[index].value))
    }
}

/// All findings, the most important first.
pub(super) fn findings(
    rows: &[Row],
    tables: &[String],
    doublings: &[String],
    warnings: &[String],
) -> Vec<Finding> {
    let rows = Rows(rows);
    let mut findings = Vec::new();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    for doubling in doublings {
        findings.extend(who_stops(&rows, &tables, doubling));
        findings.extend(who_waits(&rows, &tables, doubling));
    }
    for doubling in doublings {
        for &table in &tables {
            findings.extend(what_sets_the_tail(&rows, table, doubling));
            findings.extend(without_the_timer(&rows, table, doubling));
            findings.extend(frozen_by_a_child(&rows, table, doubling));
            findings.extend(where_it_ends(&rows, table, doubling));
        }
        for &table in &tables {
            findings.extend(at_the_memory_limit(&rows, table, doubling));
        }
        findings.extend(retries::findings(rows.0, &tables, doubling));
    }
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

fn time(value: i64) -> String {
    format_value(Unit::Nanos, value)
}

const CAUSES: [(&str, &str); 5] = [
    ("pause_free_max", "freeing the old bucket array"),
    ("pause_rehash_max", "moving every entry in one call"),
    ("pause_cron_max", "the timer's slice"),
    ("pause_allocate_max", "allocating the new bucket array"),
    ("pause_step_max", "a step on the back of a request"),
];

/// "Redis 7.0 stops 1.6 ms at worst …; a step takes 2 us; doubling at once stops the store for …".
fn who_stops(rows: &Rows<'_>, tables: &[&str], doubling: &str) -> Option<Finding> {
    let mut parts = Vec::new();
    let mut used = Vec::new();
    for &table in tables {
        let at = At {
            variant: "",
            table,
            doubling,
            phase: None,
        };
        let Some((index, longest)) = rows.find(at, "pause_longest_max") else {
            continue;
        };
        used.push(index);
        let cause = CAUSES
            .iter()
            .filter_map(|&(metric, text)| rows.find(at, metric).map(|found| (found, text)))
            .max_by_key(|&((_, value), _)| value);
        let mut part = format!("{} stops it {}", display_name(table), time(longest));
        if let Some(((index, _), text)) = cause.filter(|((_, value), _)| *value > 0) {
            used.push(index);
            part.push_str(&format!(" ({text})"));
        }
        if let Some((index, step)) = rows.find(at, "pause_step_max").filter(|step| step.1 > 0) {
            used.push(index);
            part.push_str(&format!(", one step at most {}", time(step)));
        }
        parts.push(part);
    }
    let text = format!(
        "Longest stop of the store while it grows from {doubling}: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then_some(Finding {
        text,
        rows: used,
        warning: false,
    })
}

/// "N requests wait behind the longest pause …".
fn who_waits(rows: &Rows<'_>, tables: &[&str], doubling: &str) -> Option<Finding> {
    let mut parts = Vec::new();
    let mut used = Vec::new();
    for &table in tables {
        let at = At {
            variant: "",
            table,
            doubling,
            phase: None,
        };
        let during = At {
            phase: Some("during"),
            ..at
        };
        let (Some(waiting), Some(p999)) = (
            rows.find(at, "requests_waiting_max"),
            rows.find(during, "response_p999"),
        ) else {
            continue;
        };
        used.extend([waiting.0, p999.0]);
        parts.push(format!(
            "{} with {} (p99.9 {})",
            format_value(Unit::Ops, waiting.1),
            display_name(table),
            time(p999.1)
        ));
    }
    let text = format!("Requests that wait behind that stop: {}.", parts.join("; "));
    (!parts.is_empty()).then_some(Finding {
        text,
        rows: used,
        warning: false,
    })
}

/// What the timer's slices do to the tail while a rehash goes on.
fn what_sets_the_tail(rows: &Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = At {
        variant: "",
        table,
        doubling,
        phase: None,
    };
    let during = At {
        phase: Some("during"),
        ..at
    };
    let before = At {
        phase: Some("before"),
        ..at
    };
    let cron = rows.find(at, "pause_cron_max").filter(|cron| cron.1 > 0)?;
    let p99 = rows.find(during, "response_p99")?;
    let calm = rows.find(before, "response_p99")?;
    let verb = if p99.1 > calm.1 + calm.1 / 10 {
        "rises"
    } else {
        "goes"
    };
    let text = format!(
        "{} from {doubling}: p99 {verb} from {} before to {} while the timer rehashes for up to {} a tick.",
        display_name(table),
        time(calm.1),
        time(p99.1),
        time(cron.1),
    );
    Some(Finding {
        text,
        rows: vec![cron.0, p99.0, calm.0],
        warning: false,
    })
}

/// What `activerehashing no` changes.
fn without_the_timer(rows: &Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = At {
        variant: "",
        table,
        doubling,
        phase: None,
    };
    let off = At {
        variant: "activerehashing no",
        ..at
    };
    let with = rows.find(at, "rehash_duration_max")?;
    let without = rows.find(off, "rehash_duration_max")?;
    let p99 = rows.find(
        At {
            phase: Some("during"),
            ..at
        },
        "response_p99",
    )?;
    let p99_without = rows.find(
        At {
            phase: Some("during"),
            ..off
        },
        "response_p99",
    )?;
    let text = format!(
        "{} from {doubling}: with `activerehashing no` the rehash takes {} instead of {}, and p99 meanwhile is {} instead of {}.",
        display_name(table),
        time(without.1),
        time(with.1),
        time(p99_without.1),
        time(p99.1),
    );
    let rows = vec![without.0, with.0, p99_without.0, p99.0];
    Some(Finding {
        text,
        rows,
        warning: false,
    })
}

/// What a living child does to a rehash that has begun.
fn frozen_by_a_child(rows: &Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = At {
        variant: "",
        table,
        doubling,
        phase: None,
    };
    let frozen = At {
        variant: "BGSAVE running",
        ..at
    };
    let with = rows.find(frozen, "rehash_duration_max")?;
    let without = rows.find(at, "rehash_duration_max")?;
    let memory = rows.find(frozen, "memory_table_max")?;
    let verb = if with.1 > without.1 {
        "freezes"
    } else {
        "does not lengthen"
    };
    let text = format!(
        "A BGSAVE one second in {verb} the rehash of {} from {doubling}: it takes {} instead of {}; both bucket arrays, {}, stay until then.",
        display_name(table),
        time(with.1),
        time(without.1),
        format_value(Unit::Bytes, memory.1),
    );
    Some(Finding {
        text,
        rows: vec![with.0, without.0, memory.0],
        warning: false,
    })
}

/// What the growth guard does where memory is full.
fn at_the_memory_limit(rows: &Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = At {
        variant: "at maxmemory",
        table,
        doubling,
        phase: None,
    };
    let evicted = rows.find(at, "keys_evicted_count")?;
    let longest = rows.find(at, "pause_longest_max")?;
    let count = format_value(Unit::Ops, evicted.1);
    let text = match rows.find(at, "rehash_duration_max") {
        Some(_) => format!(
            "At the memory limit, {} grows from {doubling} all the same: {count} keys are evicted, and growth stops the store {} at worst.",
            display_name(table),
            time(longest.1),
        ),
        None => format!(
            "At the memory limit, {} does not grow from {doubling}: its guard refuses the new array, and {count} keys are evicted to make room for those inserted.",
            display_name(table),
        ),
    };
    Some(Finding {
        text,
        rows: vec![evicted.0, longest.0],
        warning: false,
    })
}

/// Where the rehash ended.
fn where_it_ends(rows: &Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = At {
        variant: "",
        table,
        doubling,
        phase: None,
    };
    // A table that moves everything in one call has two arrays within that call only.
    rows.find(at, "pause_step_max").filter(|step| step.1 > 0)?;
    let duration = rows
        .find(at, "rehash_duration_max")
        .filter(|row| row.1 > 0)?;
    let position = rows.find(at, "rehash_end_position")?;
    let text = format!(
        "{} from {doubling}: two bucket arrays exist for {} at most; the last entry moves when {} entries are in.",
        display_name(table),
        time(duration.1),
        format_value(Unit::Ops, position.1),
    );
    Some(Finding {
        text,
        rows: vec![duration.0, position.0],
        warning: false,
    })
}
