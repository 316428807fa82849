//! How many partitions there are, and what they let through.

use super::{WorkedExample, examples};
use crate::capacity::ReadConsistency;
use crate::partition::{
    Allocation, LimitMode, PARTITION_READS_MAX, PARTITION_WRITES_MAX, PartitionBuckets, Replica,
    initial_partitions, static_partitions, warm_partitions,
};
use kvrig_base::time::{Span, Time};

const GIB: u64 = 1 << 30;

/// A partition that no share holds back.
fn unlimited() -> PartitionBuckets {
    let plenty = Allocation::full(1_000_000, Time::START);
    PartitionBuckets::new(plenty, plenty, LimitMode::Independent, Time::START)
}

/// Requests of one kind that a partition lets through in a second after its limits were used up,
/// where `attempts` are made.
fn admitted(
    mut buckets: PartitionBuckets,
    attempts: u64,
    mut admit: impl FnMut(&mut PartitionBuckets, u64, Time) -> bool,
) -> u64 {
    let step = Span::from_picos(Span::from_secs(1).as_picos() / attempts);
    let mut now = Time::START;
    let mut passed = 0;
    for number in 0..2 * attempts {
        now += step;
        if admit(&mut buckets, number, now) && number >= attempts {
            passed += 1;
        }
    }
    passed
}

fn reads(bytes: u64, consistency: ReadConsistency) -> u64 {
    admitted(unlimited(), 40_000, |buckets, number, now| {
        let replica = Replica::for_read(number);
        buckets
            .admit_read(bytes, consistency, replica, None, now)
            .is_ok()
    })
}

fn writes(units: u64) -> u64 {
    admitted(unlimited(), 10_000, |buckets, _, now| {
        buckets.admit_write(units, None, now).is_ok()
    })
}

/// Seconds until a share of 150 units per second, unused for five minutes, refuses the first of 200
/// requests per second, and the share that it refuses from then on.
fn burst_of_five_minutes() -> String {
    // Counted in half units, as reads are.
    let share = Allocation::full(300, Time::START);
    let mut buckets = PartitionBuckets::new(share, share, LimitMode::Independent, Time::START);
    let mut first_refused = None;
    let (mut attempts, mut refused) = (0_u64, 0_u64);
    for number in 1..=200 * 1_200 {
        let now = Time::START + Span::from_millis(5) * number;
        let replica = Replica::Leader;
        let verdict = buckets.admit_read(4_096, ReadConsistency::Strong, replica, None, now);
        if verdict.is_err() {
            first_refused.get_or_insert(now);
            refused += 1;
        }
        attempts += u64::from(first_refused.is_some());
    }
    let at = first_refused.map_or(0, |at| at.since_start().as_nanos() / 1_000_000_000);
    format!(
        "{at} s, then {} %",
        (refused * 100 + attempts / 2) / attempts.max(1)
    )
}

/// Seconds until one of four partitions that share 400 write units, written to 150 times a second,
/// refuses a write: with its equal share, and where that is raised to its load after `raised` seconds.
fn hot_of_four(raised: Option<u64>) -> String {
    let equal = Allocation::full(100, Time::START);
    let mut buckets = PartitionBuckets::new(equal, equal, LimitMode::Independent, Time::START);
    for number in 1..=150 * 1_200_u64 {
        let now = Time::START + Span::from_picos(Span::from_secs(1).as_picos() / 150 * number);
        if raised.is_some_and(|secs| now.since_start() >= Span::from_secs(secs)) {
            buckets.writes_mut().set_rate(150, now);
        }
        if buckets.admit_write(1, None, now).is_err() {
            let secs = now.since_start().as_nanos() / 1_000_000_000;
            return format!("refused after {secs} s");
        }
    }
    "never refused".to_owned()
}

examples! { COUNTS, "AWS Developer Guide, Partitions and data distribution; Best practices for partition keys";
    "5,500 RCU and 1,500 WCU" => "4 partitions":
        format!("{} partitions", initial_partitions(5_500, 1_500, 0));
    "3,000 RCU" => "1 partitions": format!("{} partitions", initial_partitions(3_000, 0, 0));
    "1,000 WCU and one RCU" => "2 partitions":
        format!("{} partitions", initial_partitions(1, 1_000, 0));
    "25 GB" => "3 partitions": format!("{} partitions", initial_partitions(1, 1, 25 * GIB));
    "new on-demand table" => "4 partitions":
        format!("{} partitions", warm_partitions(12_000, 4_000));
}

examples! { STATIC, "Elhemali et al., USENIX ATC 2022, section 4";
    "3,200 WCU on a new table" => "4 x 800 WCU": shares(&[3_200]);
    "raised to 3,600 WCU" => "4 x 900 WCU": shares(&[3_200, 3_600]);
    "raised to 6,000 WCU" => "8 x 750 WCU": shares(&[3_200, 3_600, 6_000]);
    "lowered to 5,000 WCU (the paper prints 675)" => "8 x 625 WCU":
        shares(&[3_200, 3_600, 6_000, 5_000]);
}

/// Partitions and their share after a sequence of provisioned write units.
fn shares(steps: &[u64]) -> String {
    let mut partitions = initial_partitions(0, steps[0], 0);
    for step in steps {
        partitions = static_partitions(partitions, 0, *step);
    }
    format!("{partitions} x {} WCU", steps[steps.len() - 1] / partitions)
}

examples! { BURST, "AWS Developer Guide, Burst and adaptive capacity; AWS re:Post knowledge center";
    "150 RCU unused for 300 s, then 200 reads per second" => "900 s, then 25 %":
        burst_of_five_minutes();
    "400 WCU on 4 partitions, one at 150 per second, shares equal" => "refused after 600 s":
        hot_of_four(None);
    "the same, its share raised before its burst is spent" => "never refused":
        hot_of_four(Some(300));
    "the same, its share raised at once" => "never refused": hot_of_four(Some(0));
}

examples! { LIMITS, "AWS Developer Guide, Burst and adaptive capacity; AWS Database Blog, Scaling DynamoDB, part 2";
    "strong reads of one partition" => "3000 per second":
        format!("{} per second", reads(1_000, ReadConsistency::Strong));
    "eventual reads of one partition, 4,500 units" => "9000 per second":
        format!("{} per second", reads(1_000, ReadConsistency::Eventual));
    "strong reads of a hot item of 20 KB" => "600 per second":
        format!("{} per second", reads(20_480, ReadConsistency::Strong));
    "writes of 1 KB to one partition" => "1000 per second": format!("{} per second", writes(1));
    "writes of 4 KB to one partition" => "250 per second": format!("{} per second", writes(4));
    "limits of a partition" => "3000 RCU and 1000 WCU":
        format!("{PARTITION_READS_MAX} RCU and {PARTITION_WRITES_MAX} WCU");
}
