//! What growth does to a node under load: who stops, who waits, what sets the tail.

use super::at::At;
use crate::studies::rehash::display_name;
use crate::studies::rows::{Rows, Sentence};
use kvrig_base::result::Finding;

const CAUSES: [(&str, &str); 5] = [
    ("pause_free_max", "freeing the old bucket array"),
    ("pause_rehash_max", "moving every entry in one call"),
    ("pause_cron_max", "the timer's slice"),
    ("pause_allocate_max", "allocating the new bucket array"),
    ("pause_step_max", "a step on the back of a request"),
];

fn at<'a>(table: &'a str, doubling: &'a str) -> At<'a> {
    At {
        table,
        doubling: Some(doubling),
        ..At::default()
    }
}

/// "Redis 7.0 stops 1.6 ms at worst …; a step takes 2 us; doubling at once stops the store for …".
pub(super) fn who_stops(rows: Rows<'_>, tables: &[&str], doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for &table in tables {
        let at = at(table, doubling);
        let Some(longest) = sentence.quote(at, "pause_longest_max") else {
            continue;
        };
        // What took longer was done by a thread beside the workers.
        let longest_value = rows.value(at, "pause_longest_max");
        let cause = CAUSES
            .iter()
            .filter(|&&(metric, _)| rows.value(at, metric) <= longest_value)
            .max_by_key(|&&(metric, _)| rows.value(at, metric))
            .filter(|&&(metric, _)| rows.value(at, metric) > 0);
        let mut part = format!("{} stops it {longest}", display_name(table));
        if let Some(&(metric, text)) = cause {
            let length = sentence.quote(at, metric)?;
            match length == longest {
                true => part.push_str(&format!(" ({text})")),
                false => part.push_str(&format!(" ({length} of it {text})")),
            }
        }
        if let Some(step) = sentence.quote_above_zero(at, "pause_step_max") {
            part.push_str(&format!(", one step at most {step}"));
        }
        parts.push(part);
    }
    let text = format!(
        "Longest stop of the store while it grows from {doubling}: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// What a thread that grows the table beside the workers holds, and who met it.
pub(super) fn beside_the_workers(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let at = at(table, doubling);
    let mut sentence = Sentence::about(rows);
    let wait = sentence.quote(at, "lock_wait_max")?;
    let free = sentence.quote_above_zero(at, "pause_free_max")?;
    let text = format!(
        "{} from {doubling}: a thread of its own moves bucket after bucket beside the workers and frees \
         the old array in {free}, under one item lock; no worker waited longer than {wait} for a lock of \
         that thread.",
        display_name(table),
    );
    Some(sentence.say(text))
}

/// "N requests wait behind the longest pause …".
pub(super) fn who_waits(rows: Rows<'_>, tables: &[&str], doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for &table in tables {
        let at = at(table, doubling);
        if let (Some(waiting), Some(p999)) = (
            sentence.quote(at, "requests_waiting_max"),
            sentence.quote(at.phase("during"), "response_p999"),
        ) {
            parts.push(format!(
                "{waiting} with {} (p99.9 {p999})",
                display_name(table)
            ));
        }
    }
    let text = format!(
        "Requests that wait behind one stop while it grows from {doubling}: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// What the timer's slices do to the tail, and what is left of them with `activerehashing no`.
pub(super) fn what_sets_the_tail(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let at = at(table, doubling);
    let off = at.variant("activerehashing no");
    let cron = sentence.quote_above_zero(at, "pause_cron_max")?;
    let calm = sentence.quote(at.phase("before"), "response_p99")?;
    let busy = sentence.quote(at.phase("during"), "response_p99")?;
    let mut text = format!(
        "{} from {doubling}: the timer moves entries for up to {cron} a tick; p99 is {busy} meanwhile, {calm} before.",
        display_name(table),
    );
    if let (Some(without), Some(slow), Some(quick)) = (
        sentence.quote(off.phase("during"), "response_p99"),
        sentence.quote(off, "rehash_duration_max"),
        sentence.quote(at, "rehash_duration_max"),
    ) {
        text.push_str(&format!(
            " With `activerehashing no` it is {without}, and the rehash takes {slow} instead of {quick}.",
        ));
    }
    Some(sentence.say(text))
}

/// Where the rehash ended under load.
pub(super) fn where_it_ends(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let at = at(table, doubling);
    // A table that moves everything in one call has two arrays within that call only, and one that
    // grows bucket by bucket never has.
    let position = |name| rows.value(at, name);
    if position("rehash_end_position") <= position("rehash_start_position") {
        return None;
    }
    let duration = sentence.quote_above_zero(at, "rehash_duration_max")?;
    let start = sentence.quote(at, "rehash_start_position")?;
    let end = sentence.quote(at, "rehash_end_position")?;
    let text = format!(
        "{} under this load: growth from {doubling} begins with entry {start} and ends {duration} later, when {end} are in.",
        display_name(table),
    );
    Some(sentence.say(text))
}
