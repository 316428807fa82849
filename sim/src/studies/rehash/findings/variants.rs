//! What the built-in variants show beside the plain cell.

use super::at::At;
use crate::studies::rehash::display_name;
use crate::studies::rows::{Rows, Sentence};
use kvrig_base::result::Finding;

fn at<'a>(table: &'a str, doubling: &'a str) -> At<'a> {
    At {
        table,
        doubling: Some(doubling),
        ..At::default()
    }
}

/// What a living child does to a rehash that has begun.
pub(super) fn frozen_by_a_child(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let plain = at(table, doubling);
    let saving = plain.variant("BGSAVE running");
    let life = sentence.quote_above_zero(saving, "child_overlap_max")?;
    let with = sentence.quote(saving, "rehash_duration_max")?;
    let without = sentence.quote(plain, "rehash_duration_max")?;
    let memory = sentence.quote(saving, "memory_table_max")?;
    let fork = sentence.quote(saving, "pause_fork_max")?;
    let is_longer =
        rows.value(saving, "rehash_duration_max") > rows.value(plain, "rehash_duration_max");
    let name = display_name(table);
    let text = match is_longer {
        true => format!(
            "A BGSAVE freezes the rehash of {name} from {doubling} until its child exits, {life} later: it takes {with} instead of {without}, and both bucket arrays, {memory}, stay so long. The fork itself stops the store {fork}.",
        ),
        false => format!(
            "A BGSAVE does not lengthen the growth of {name} from {doubling}, {with} against {without}; its fork stops the store {fork}, its child lives {life} beside {memory} of bucket arrays.",
        ),
    };
    Some(sentence.say(text))
}

/// What the growth guard does where memory is full, and what is lost without it.
pub(super) fn at_the_memory_limit(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let plain = at(table, doubling);
    let name = display_name(table);
    let mut parts = Vec::new();
    let guarded = plain.variant("at maxmemory");
    if let Some(evicted) = sentence.quote(guarded, "keys_evicted_count") {
        match sentence.quote(guarded, "rehash_duration_max") {
            None => parts.push(format!(
                "the guard refuses the new array, and {evicted} keys make room for those inserted"
            )),
            Some(_) => {
                let burst = sentence.quote(guarded, "eviction_burst_count")?;
                parts.push(format!(
                    "it grows all the same and evicts {burst} keys for it"
                ));
            }
        }
    }
    for (variant, how) in [
        (
            "at maxmemory, no guard",
            "without the guard {keys} keys are evicted within {time}, at most {call} in one call",
        ),
        (
            "at maxmemory, as before 6.2",
            "as before 6.2, in one piece, {keys} keys are evicted and the store stops {call} for it",
        ),
    ] {
        let off = plain.variant(variant);
        if let (Some(keys), Some(time), Some(call)) = (
            sentence.quote(off, "eviction_burst_count"),
            sentence.quote(off, "eviction_burst_max"),
            sentence.quote(off, "pause_evict_max"),
        ) {
            let part = how.replace("{keys}", &keys).replace("{time}", &time);
            parts.push(part.replace("{call}", &call));
        }
    }
    let text = format!(
        "{name} at its memory limit, {doubling} keys: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// What expiries beside the keys add.
pub(super) fn two_dictionaries(rows: Rows<'_>, table: &str, doubling: &str) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let plain = at(table, doubling);
    let both = plain.variant("two dictionaries");
    let work = sentence.quote(both, "pause_total_sum")?;
    let of_one = sentence.quote(plain, "pause_total_sum")?;
    let time = sentence.quote(both, "rehash_duration_max")?;
    let of_one_time = sentence.quote(plain, "rehash_duration_max")?;
    let memory = sentence.quote(both, "memory_table_max")?;
    let text = format!(
        "{} with a time to live on every key: keys and expiries grow from {doubling} together, which takes {work} of rehashing instead of {of_one}, in {time} instead of {of_one_time}, and {memory} of bucket arrays.",
        display_name(table),
    );
    Some(sentence.say(text))
}

/// What a fall and a rise of the number of keys cost each table.
pub(super) fn over_a_swing(rows: Rows<'_>, variants: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &variant in variants {
        let mut sentence = Sentence::about(rows);
        let mut tables: Vec<&str> = Vec::new();
        for row in rows.0.iter().filter(|row| row.variant == variant) {
            let table = row.cell.get("table").map_or("", String::as_str);
            if row.name == "table_shrinks_count" && !tables.contains(&table) {
                tables.push(table);
            }
        }
        let mut parts = Vec::new();
        for table in tables {
            let at = At {
                variant,
                table,
                ..At::default()
            };
            if let (Some(shrinks), Some(growths), Some(longest), Some(total)) = (
                sentence.quote(at, "table_shrinks_count"),
                sentence.quote(at, "table_growths_count"),
                sentence.quote(at, "pause_longest_max"),
                sentence.quote(at, "pause_total_sum"),
            ) {
                parts.push(format!(
                    "{} shrinks {shrinks} and grows {growths} times, stops {longest} at worst and {total} in all",
                    display_name(table)
                ));
            }
        }
        if !parts.is_empty() {
            let text = format!(
                "Over one {variant} of the number of keys: {}.",
                parts.join("; ")
            );
            findings.push(sentence.say(text));
        }
    }
    findings
}
