//! Up to how many elements a command stays below a limit, read off the measured sizes.

use crate::run::Sample;
use kvrig_base::quantity::exact;
use kvrig_base::row::Row;
use kvrig_base::time::Span;
use std::collections::BTreeMap;

/// The axes of a command's rows without its size, and (size, stop) by size.
type Stops<'a> = BTreeMap<(String, BTreeMap<String, String>), Vec<(u64, u64)>>;

/// For every command and limit, up to how many elements it stays below.
///
/// Where even the largest measured size stays below a limit, or the smallest does not, there is no
/// such number: the sizes do not reach it.
pub(super) fn within(rows: &[Row], sizes: &[u64], limits: &[Span]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for ((variant, cell), stops) in stops(rows, sizes) {
        for limit in limits {
            if let Some(elements) = crossing(&stops, limit.as_nanos()) {
                let mut cell = cell.clone();
                cell.insert("limit".into(), exact(limit));
                samples.push(Sample {
                    variant: variant.clone(),
                    cell,
                    name: "elements_within_count".into(),
                    value: i64::try_from(elements).unwrap_or(i64::MAX),
                });
            }
        }
    }
    samples
}

fn stops<'a>(rows: &'a [Row], sizes: &[u64]) -> Stops<'a> {
    let mut stops = Stops::new();
    for row in rows.iter().filter(|row| row.name == "pause_command_max") {
        let mut cell = row.cell.clone();
        let size = cell.remove("size");
        let size = sizes
            .iter()
            .find(|&&known| size.as_deref() == Some(&*super::commands::size_name(known)));
        if let Some(&size) = size {
            let stop = u64::try_from(row.value).unwrap_or(0);
            let key = (row.variant.clone(), cell);
            stops.entry(key).or_default().push((size, stop));
        }
    }
    stops.values_mut().for_each(|stops| stops.sort_unstable());
    stops
}

/// Where a line through the points, straight on logarithmic axes, first reaches `limit`.
fn crossing(stops: &[(u64, u64)], limit: u64) -> Option<u64> {
    let pair = stops
        .windows(2)
        .find(|pair| pair[0].1 <= limit && pair[1].1 > limit)?;
    let [(size, stop), (next_size, next_stop)] = [pair[0], pair[1]];
    Some(between((size, stop), (next_size, next_stop), limit))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes and times are far below 2^53"
)]
fn between(low: (u64, u64), high: (u64, u64), limit: u64) -> u64 {
    let log = |n: u64| libm::log(n.max(1) as f64);
    let share = (log(limit) - log(low.1)) / (log(high.1) - log(low.1));
    libm::exp(log(low.0) + share * (log(high.0) - log(low.0))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_off_between_the_sizes_on_either_side() {
        // A thousand times the elements take a thousand times as long.
        let stops = [(1_000, 10_000), (1_000_000, 10_000_000)];
        assert!(crossing(&stops, 100_000).unwrap().abs_diff(10_000) < 2);
        assert!(crossing(&stops, 1_000_000).unwrap().abs_diff(100_000) < 2);
    }

    #[test]
    fn sizes_that_do_not_reach_a_limit_tell_nothing() {
        let stops = [(1_000, 10_000), (1_000_000, 10_000_000)];
        assert_eq!(crossing(&stops, 5_000), None);
        assert_eq!(crossing(&stops, 20_000_000), None);
        assert_eq!(crossing(&stops[..1], 10_000), None);
    }
}
