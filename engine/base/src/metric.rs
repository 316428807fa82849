//! The one table that defines every metric: name, unit, direction and meaning.
//!
//! Names are `noun_qualifier_stat`, without a unit. `docs/metrics.md` and `kvrig explain` are
//! generated from here; a row whose name is not here cannot be made.

use serde::{Deserialize, Serialize};

/// The base unit of a row's value, always an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanos,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
    /// Operations, requests, keys, events.
    #[serde(rename = "ops")]
    Ops,
    /// Operations per second.
    #[serde(rename = "ops/s")]
    OpsPerSecond,
    /// Parts per million.
    #[serde(rename = "ppm")]
    Ppm,
    /// Thousandths of what is counted.
    #[serde(rename = "milli")]
    Milli,
    /// Millionths of a US dollar.
    #[serde(rename = "u$")]
    MicroDollars,
}

impl Unit {
    /// The unit as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::Bytes => "B",
            Self::Ops => "ops",
            Self::OpsPerSecond => "ops/s",
            Self::Ppm => "ppm",
            Self::Milli => "milli",
            Self::MicroDollars => "u$",
        }
    }
}

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Smaller values.
    Lower,
    /// Larger values.
    Higher,
    /// Neither.
    None,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// `noun_qualifier_stat`.
    pub name: &'static str,
    /// Base unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// What it is, in one sentence.
    pub meaning: &'static str,
}

macro_rules! metrics {
    ($($name:ident, $unit:ident, $better:ident, $meaning:literal;)*) => {
        /// All metrics, sorted by name.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: stringify!($name),
            unit: Unit::$unit,
            better: Better::$better,
            meaning: $meaning,
        }),*];
    };
}

// Keep sorted by name; a test holds it.
metrics! {
    attempts_mean, Ppm, Lower, "Attempts per request that was answered in time or failed: 100 % is one each.";
    attempts_throttled_count, Ops, Lower, "Attempts that were throttled, each retry for itself.";
    bill_article_mean, MicroDollars, None, "A bill as a published article states it; the cell names its line.";
    bill_hourly_mean, MicroDollars, Lower, "Bill of 30 days for throughput if every hour were billed at the highest capacity that it had.";
    bill_line_mean, MicroDollars, Lower, "The same bill by what the requests of that line consume.";
    bill_million_mean, MicroDollars, Lower, "Bill for throughput by a million requests that were answered.";
    bill_month_mean, MicroDollars, Lower, "Bill of 30 days for throughput; storage, streams and backups are not in it.";
    break_even_peak_mean, Milli, None, "Peak-to-mean ratio from which on-demand costs less than the provisioned table of the row.";
    break_even_used_mean, Ppm, None, "Share of provisioned capacity that is used above which provisioned costs less than on-demand.";
    capacity_decreases_count, Ops, None, "Decreases of provisioned capacity by auto scaling, of reads and writes.";
    capacity_increases_count, Ops, None, "Increases of provisioned capacity by auto scaling, of reads and writes.";
    capacity_mean, OpsPerSecond, Higher, "Requests let through per second in the last five minutes.";
    capacity_used_mean, Ppm, Higher, "Share of provisioned capacity that was consumed; reads and writes weighed by their prices.";
    child_life_max, Nanos, Lower, "Longest life of a forked child.";
    child_overlap_max, Nanos, Lower, "Longest time for which a forked child lived while two bucket arrays existed.";
    clean_duration_mean, Nanos, Higher, "Time until the first attempt was throttled; the whole run where none was.";
    clean_rate_mean, OpsPerSecond, Higher, "Highest rate of requests at which a minute is clean, before any split.";
    drain_duration_max, Nanos, Lower, "Longest time from the instant at which a big command began to be handled until a request found the server idle again.";
    elements_within_count, Ops, Higher, "Elements up to which one big command keeps the core no longer than the limit: read off straight lines between the measured sizes, both axes by logarithm.";
    entries_count, Ops, None, "Entries in the table at the end of the run.";
    eviction_burst_count, Ops, Lower, "Keys evicted from the moment growth exceeded the memory limit until memory was below it again.";
    eviction_burst_max, Nanos, Lower, "Longest time from the moment growth exceeded the memory limit until memory was below it again.";
    failed_early_share, Ppm, Lower, "Share of the requests of the first two minutes, before any split, whose last attempt was throttled.";
    failed_healed_share, Ppm, Lower, "Share of the requests whose last attempt was throttled, after all splits that the keys allow.";
    failed_late_share, Ppm, Lower, "Share of the requests of the last quarter of the run whose last attempt was throttled.";
    failed_share, Ppm, Lower, "Share of the requests whose last attempt was throttled.";
    failed_share_mean, Ppm, Lower, "Share of requests that failed, throttled at their last attempt.";
    failure_saved_mean, MicroDollars, None, "Money that a table with less capacity than its peak saves for a million requests that fail there.";
    heal_duration_mean, Nanos, Lower, "Time from the first throttled attempt until a minute was clean and all after it were; to the end of the run where none was.";
    hit_bytes_gap, Ppm, None, "Hit ratio of an engine above that of the reference sampler on a clock as coarse: what limits in bytes and sampling of neighbours make of it.";
    hit_clock_gap, Ppm, None, "Hit ratio of the reference sampler on a clock of one second above that on a clock of requests.";
    hit_gained_mean, Ppm, Higher, "Hit ratio that one more MiB of memory gains, by the slope between a size and the next larger one.";
    hit_ratio_mean, Ppm, Higher, "Share of requests that found their key in the cache.";
    hit_sampling_gap, Ppm, None, "Hit ratio of the reference sampler above that of exact LRU of the same size.";
    keys_evicted_count, Ops, Lower, "Keys removed to stay below the memory limit.";
    law_break_even_peak_mean, Milli, None, "Peak-to-mean ratio from which on-demand costs less than a table provisioned for the peak, by the quotient of prices.";
    law_break_even_used_mean, Ppm, None, "Share of provisioned capacity above which provisioned costs less than on-demand, by the quotient of prices.";
    law_clean_rate, OpsPerSecond, None, "Rate of requests that a bound allows: what is paid for, the limit of a partition over the share of the hottest one, or over the share of the most popular key.";
    law_end_position, Ops, None, "Insertion that moves the last entry of a rehash by theory, under insertions alone.";
    law_failed_share, Ppm, None, "Share of the requests beyond what one partition for each partition key could take: the sum over keys of what exceeds the limit.";
    law_free_position, Ops, None, "Insertion that gives the old bucket array back by theory, under insertions alone.";
    law_hit_mean, Milli, None, "Probes of a look-up that finds its key, by theory.";
    law_hit_ratio_mean, Ppm, None, "Share of requests that find their key in exact LRU, by Che's approximation.";
    law_miss_mean, Milli, None, "Probes of a look-up that finds nothing, by theory.";
    law_start_position, Ops, None, "Insertion that begins a rehash by theory.";
    lock_wait_max, Nanos, Lower, "Longest wait of a worker for a lock that a thread had which grows the table.";
    memory_table_max, Bytes, Lower, "Largest size of all bucket arrays together, old and new.";
    memory_used_max, Bytes, Lower, "Most memory in use, in the layout of the product: keys, values, expiries and bucket arrays.";
    nodes_growing_max, Ops, None, "Most nodes of a fleet whose tables grew at the same time.";
    offload_duration_max, Nanos, None, "Longest time from the start of a command until a thread beside had released what the command handed over.";
    pages_copied_count, Ops, Lower, "Pages of 4 KiB that were copied because a forked child shared them.";
    partition_demand_mean, Ppm, Lower, "Load that the hottest partition is asked for at the start, as a share of its limit.";
    partition_hottest_share, Ppm, Lower, "Share of the requests that go to the hottest partition at the start.";
    partitions_count, Ops, None, "Partitions at the end of the run.";
    pause_allocate_max, Nanos, Lower, "Longest stretch in which one call allocated a new bucket array, or all workers stood still for it.";
    pause_command_max, Nanos, Lower, "Longest time for which one big command kept the core: its receipt, and its share of reading the request and writing the reply.";
    pause_cron_max, Nanos, Lower, "Longest stretch of rehashing by the periodic timer in one call.";
    pause_cron_sum, Nanos, Lower, "All time of rehashing by the periodic timer.";
    pause_evict_max, Nanos, Lower, "Longest stretch in which one call evicted keys, after growth had begun.";
    pause_fork_max, Nanos, Lower, "Longest time for which a fork held the core.";
    pause_free_max, Nanos, Lower, "Longest stretch in which one call freed an old bucket array.";
    pause_longest_max, Nanos, Lower, "Longest time that growth of the table held the core in one call, whatever the cause; where a thread of its own grows it, longest time that a worker was kept from its work.";
    pause_rehash_max, Nanos, Lower, "Longest stretch in which one call moved a whole table.";
    pause_step_max, Nanos, Lower, "Longest incremental step, taken on the back of one request or under one item lock.";
    pause_step_sum, Nanos, Lower, "All time of incremental steps taken on the back of requests.";
    pause_total_sum, Nanos, Lower, "All time that growth of the table held the core.";
    probes_hit_mean, Milli, Lower, "Places that a look-up meets which finds its key, in the mean: empty places and compared keys.";
    probes_lookup_mean, Milli, Lower, "Keys that a look-up compares in a chain, in the mean over all keys of the table.";
    probes_miss_mean, Milli, Lower, "Places that a look-up meets which finds nothing, in the mean: empty places and compared keys.";
    recovery_duration_max, Nanos, Lower, "Longest time after a growth during which clients still timed out.";
    rehash_duration_max, Nanos, Lower, "Longest time from the start of a rehash to its end.";
    rehash_end_position, Ops, None, "Entries in the table when the last rehash ended.";
    rehash_free_position, Ops, None, "Insertion that gave the last of the old bucket array back.";
    rehash_start_position, Ops, None, "Entries in the table after the insertion that began the last rehash.";
    reply_size_max, Bytes, None, "Longest reply to a big command.";
    requests_completed_count, Ops, Higher, "Requests that were answered.";
    requests_failed_count, Ops, Lower, "Requests that clients gave up for good, after their last attempt.";
    requests_offered_count, Ops, None, "Requests that clients meant to send.";
    requests_waiting_max, Ops, Lower, "Most requests that one pause, of growth or of a big command, made wait: they were in the system while it held the core.";
    response_max, Nanos, Lower, "Longest response time, from the intended start to the reply at the client.";
    response_mean, Nanos, Lower, "Mean response time, from the intended start.";
    response_p50, Nanos, Lower, "Median response time, from the intended start.";
    response_p99, Nanos, Lower, "99th percentile of response time, from the intended start.";
    response_p999, Nanos, Lower, "99.9th percentile of response time, from the intended start.";
    response_p9999, Nanos, Lower, "99.99th percentile of response time, from the intended start.";
    retry_wait_mean, Nanos, Lower, "Mean time that requests which were throttled and answered later spent on the way, by whole seconds.";
    service_command_mean, Nanos, Lower, "Price of the receipt of one big command; reading its request and writing its reply are not in it.";
    service_max, Nanos, Lower, "Longest service time: the server's share of a request, waiting excluded.";
    service_mean, Nanos, Lower, "Mean service time.";
    service_p99, Nanos, Lower, "99th percentile of service time.";
    service_p999, Nanos, Lower, "99.9th percentile of service time.";
    split_first_mean, Nanos, None, "Time of the first split of a hot partition, in the mean over seeds that had one.";
    splits_count, Ops, None, "Splits of hot partitions.";
    splits_refused_count, Ops, None, "Hot partitions that no split helps, each counted once: one item, keys in sequence, or a collection that must stay whole.";
    table_growths_count, Ops, None, "Times that a table took twice as many buckets.";
    table_shrinks_count, Ops, None, "Times that a table took half as many buckets, or fewer.";
    throttled_after_share, Ppm, Lower, "Share of the attempts that were throttled in the five minutes from the first throttled one on.";
    throttled_index_share, Ppm, Lower, "Share of the attempts that a global secondary index throttled.";
    throttled_share, Ppm, Lower, "Share of the attempts that were throttled, each retry for itself.";
    throttled_share_mean, Ppm, Lower, "Share of attempts that were throttled.";
    throughput_lost_max, OpsPerSecond, Lower, "Requests per second of simulated time that clients meant to send and that were not answered, in the worst window of ten milliseconds behind a big command.";
    throughput_mean, OpsPerSecond, Higher, "Requests answered per second of simulated time.";
    throughput_min, OpsPerSecond, Higher, "Requests answered per second of simulated time in the worst window of a millisecond.";
    timeouts_count, Ops, Lower, "Attempts that clients gave up because no reply had come within their time limit.";
    unclean_minutes_count, Ops, Lower, "Minutes of which more than a thousandth of the attempts was throttled.";
    units_read_mean, Milli, Lower, "Read units of one read, in the mean.";
    units_write_mean, Milli, Lower, "Write units of one write, indexes included, in the mean.";
    utilisation_mean, Ppm, Lower, "Share of time in which the core was busy.";
    work_wasted_mean, Ppm, Lower, "Share of the core's busy time that went to requests whose clients had given up.";
}

/// The metric called `name`.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS
        .binary_search_by(|metric| metric.name.cmp(name))
        .ok()
        .map(|index| &METRICS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_sorted_and_distinct() {
        for pair in METRICS.windows(2) {
            assert!(
                pair[0].name < pair[1].name,
                "{} before {}",
                pair[0].name,
                pair[1].name
            );
        }
    }
}
