//! The sentences that the rows support.

use super::outcome::{REDIS, REFERENCE};
use super::replays::{BELADY, FIFO, LRU, SAMPLER};
use super::summary::workload_name;
use kvrig_base::quantity::{format_value, grouped};
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// A row with its index.
type Found<'a> = (usize, &'a Row);

/// All findings, the most important first.
pub(super) fn findings(rows: &[Row], warnings: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(workloads(rows).flat_map(|variant| what_memory_buys(rows, variant)));
    findings.extend(workloads(rows).flat_map(|variant| gap_in_parts(rows, variant)));
    findings.extend(workloads(rows).flat_map(|variant| best_and_worst(rows, variant)));
    findings.extend(workloads(rows).flat_map(|variant| sampling_is_enough(rows, variant)));
    findings.extend(workloads(rows).flat_map(|variant| beside_theory(rows, variant)));
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

/// The variants that have rows outside a sweep, in the order of rows.
fn workloads(rows: &[Row]) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = rows.iter().map(|row| row.variant.as_str()).collect();
    names.dedup();
    names.into_iter()
}

fn axis<'a>(row: &'a Row, axis: &str) -> Option<&'a str> {
    row.cell.get(axis).map(String::as_str)
}

fn number(row: &Row, name: &str) -> u64 {
    axis(row, name)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn keys(row: &Row) -> String {
    grouped(number(row, "size").cast_signed())
}

fn value(row: &Row) -> String {
    format_value(row.unit, row.value)
}

/// Rows of a metric of one policy, of the longest stretch of requests and by rising size. A cell of a
/// sweep has one axis more; sentences speak of the others.
fn curve<'a>(
    rows: &'a [Row],
    (variant, engine, policy): (&str, &str, &str),
    name: &str,
) -> Vec<Found<'a>> {
    let mut found: Vec<Found<'_>> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| {
            row.variant == variant
                && row.name == name
                && row.cell.len() == 4
                && axis(row, "engine") == Some(engine)
                && axis(row, "policy") == Some(policy)
        })
        .collect();
    let longest = found.iter().map(|(_, row)| number(row, "requests")).max();
    found.retain(|(_, row)| Some(number(row, "requests")) == longest);
    found.sort_by_key(|(_, row)| number(row, "size"));
    found
}

fn beside<'a>(rows: &'a [Row], row: &Row, policy: &str, name: &str) -> Option<Found<'a>> {
    rows.iter().enumerate().find(|(_, other)| {
        let mut cell = row.cell.clone();
        cell.insert("policy".into(), policy.to_owned());
        other.variant == row.variant && other.name == name && other.cell == cell
    })
}

fn finding(text: String, rows: Vec<usize>) -> Finding {
    Finding {
        text,
        rows,
        warning: false,
    }
}

fn what_memory_buys(rows: &[Row], variant: &str) -> Option<Finding> {
    let hits = curve(rows, (variant, REFERENCE, LRU), "hit_ratio_mean");
    let gains = curve(rows, (variant, REFERENCE, LRU), "hit_gained_mean");
    let (&(low, least), &(high, most)) = (hits.first()?, hits.last()?);
    let (&(early, first), &(late, last)) = (gains.first()?, gains.last()?);
    let (small, from) = beside(rows, least, LRU, "memory_used_max")?;
    let (large, to) = beside(rows, most, LRU, "memory_used_max")?;
    let optimum = beside(rows, most, BELADY, "hit_ratio_mean")?;
    let text = format!(
        "On {}, exact LRU finds {} of the requests with {} ({} keys) and {} with {} ({} keys); of a \
         million requests the next MiB gains {} hits at the lower end and {} at the upper, where \
         knowing the future would find {}.",
        workload_name(variant),
        value(least),
        value(from),
        keys(least),
        value(most),
        value(to),
        keys(most),
        grouped(first.value),
        grouped(last.value),
        value(optimum.1),
    );
    Some(finding(
        text,
        vec![low, small, high, large, early, late, optimum.0],
    ))
}

/// How the node's sampled LRU differs from exact LRU, and by what, at each size.
fn gap_in_parts(rows: &[Row], variant: &str) -> Option<Finding> {
    let at = (variant, REDIS, "allkeys-lru");
    let bytes = curve(rows, at, "hit_bytes_gap");
    let (mut parts, mut used) = (Vec::new(), Vec::new());
    for &(index, of_bytes) in &bytes {
        let sampling = beside(rows, of_bytes, "allkeys-lru", "hit_sampling_gap")?;
        let clock = beside(rows, of_bytes, "allkeys-lru", "hit_clock_gap")?;
        let whole = sampling.1.value + clock.1.value + of_bytes.value;
        parts.push(format!(
            "{} at {} keys ({} by sampling, {} by the clock of one second, {} by counting bytes and \
             sampling neighbours)",
            signed(whole),
            keys(of_bytes),
            signed(sampling.1.value),
            signed(clock.1.value),
            signed(of_bytes.value),
        ));
        used.extend([sampling.0, clock.0, index]);
    }
    if parts.is_empty() {
        return None;
    }
    let text = format!(
        "On {}, Redis's allkeys-lru differs from exact LRU, in hits of a million requests, by {}.",
        workload_name(variant),
        parts.join(", "),
    );
    Some(finding(text, used))
}

fn signed(value: i64) -> String {
    match value {
        1.. => format!("+{}", grouped(value)),
        _ => grouped(value),
    }
}

fn best_and_worst(rows: &[Row], variant: &str) -> Option<Finding> {
    let of_node = rows.iter().enumerate().filter(|(_, row)| {
        row.variant == variant
            && row.name == "hit_ratio_mean"
            && row.cell.len() == 4
            && axis(row, "engine") == Some(REDIS)
    });
    let all: Vec<Found<'_>> = of_node.collect();
    let mut sizes: Vec<u64> = all.iter().map(|(_, row)| number(row, "size")).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let size = *sizes.get(sizes.len() / 2)?;
    let mut at_size = all
        .into_iter()
        .filter(|(_, row)| number(row, "size") == size);
    let first = at_size.next()?;
    let (mut best, mut worst) = (first, first);
    for one in at_size {
        if one.1.value > best.1.value {
            best = one;
        }
        if one.1.value < worst.1.value {
            worst = one;
        }
    }
    if best.0 == worst.0 {
        return None;
    }
    let text = format!(
        "On {}, of the node's policies with the memory of {} keys {} finds most, {}, and {} least, {}.",
        workload_name(variant),
        grouped(size.cast_signed()),
        axis(best.1, "policy")?,
        value(best.1),
        axis(worst.1, "policy")?,
        value(worst.1),
    );
    Some(finding(text, vec![best.0, worst.0]))
}

/// How far the sampler and FIFO are from exact LRU at most.
fn sampling_is_enough(rows: &[Row], variant: &str) -> Option<Finding> {
    let exact = curve(rows, (variant, REFERENCE, LRU), "hit_ratio_mean");
    let furthest = |policy: &str| {
        let pairs = exact.iter().filter_map(|&(index, lru)| {
            let (other, row) = beside(rows, lru, policy, "hit_ratio_mean")?;
            Some(((row.value - lru.value).abs(), index, other, lru))
        });
        pairs.max_by_key(|&(apart, ..)| apart)
    };
    let (sampled, lru, sampler, at) = furthest(SAMPLER)?;
    let (queued, beside_fifo, fifo, at_fifo) = furthest(FIFO)?;
    let text = format!(
        "On {}, samples with a pool of 16 and an exact clock come within {} hits of a million of exact \
         LRU at every size (furthest at {} keys); FIFO is up to {} away (at {}).",
        workload_name(variant),
        grouped(sampled),
        keys(at),
        grouped(queued),
        keys(at_fifo),
    );
    Some(finding(text, vec![lru, sampler, beside_fifo, fifo]))
}

fn beside_theory(rows: &[Row], variant: &str) -> Option<Finding> {
    let pairs = rows.iter().enumerate().filter_map(|(index, law)| {
        if law.variant != variant || law.name != "law_hit_ratio_mean" || law.cell.len() != 5 {
            return None;
        }
        let (other, found) = beside(rows, law, LRU, "hit_ratio_mean")?;
        Some(((found.value - law.value).abs(), index, other, law))
    });
    let (apart, law, found, row) = pairs.max_by_key(|&(apart, ..)| apart)?;
    let text = format!(
        "Che's approximation is within {} hits of a million of exact LRU at every size on {}, counted \
         after the first half of the requests (furthest at {} keys).",
        grouped(apart),
        workload_name(variant),
        keys(row),
    );
    Some(finding(text, vec![law, found]))
}
