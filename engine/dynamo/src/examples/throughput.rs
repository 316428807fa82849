//! On-demand peaks, warm throughput, auto scaling and decreases.

use super::{WorkedExample, examples};
use crate::scaling::{DecreaseQuota, OnDemandPeak, Scaling, TargetTracking, WarmThroughput};
use kvrig_base::time::{Span, Time, Wall};

fn warm(warm: WarmThroughput) -> String {
    format!("{} reads, {} writes", warm.reads, warm.writes)
}

/// What a table takes at once that reached `peaks`, each more than half an hour after the other.
fn after_peaks(peaks: &[u64]) -> String {
    let mut peak = OnDemandPeak::new(12_000);
    let mut now = Time::START;
    for units in peaks {
        peak.reached(*units, now);
        now += Span::from_secs(1_801);
    }
    format!("{} per second", peak.limit(now))
}

/// The same a minute after the last peak.
fn right_after(peaks: &[u64]) -> String {
    let mut peak = OnDemandPeak::new(12_000);
    let mut now = Time::START;
    for units in peaks {
        now += Span::from_secs(1_801);
        peak.reached(*units, now);
    }
    format!("{} per second", peak.limit(now + Span::from_secs(60)))
}

/// What auto scaling decides for 100 units at 70 % after `minutes` at `units` per second.
fn scaled(units: u64, minutes: usize) -> String {
    let tracking = TargetTracking {
        target_percent: 70,
        min: 1,
        max: 10_000,
    };
    match tracking.decide(100, &vec![units; minutes]) {
        Scaling::Keep => "keep".to_owned(),
        Scaling::Out(units) => format!("out to {units}"),
        Scaling::In(units) => format!("in to {units}"),
    }
}

/// Decreases that are allowed in a day where one is tried every minute.
fn decreases(minutes: u64) -> String {
    let midnight = 1_700_000_000_000 / 86_400_000 * 86_400_000;
    let mut quota = DecreaseQuota::default();
    let allowed = (0..minutes)
        .filter(|minute| quota.try_use(Wall::from_unix_millis(midnight + minute * 60_000)))
        .count();
    format!("{allowed} decreases")
}

examples! { ON_DEMAND, "AWS Developer Guide, On-demand capacity mode";
    "new table" => "12000 reads, 4000 writes": warm(WarmThroughput::ON_DEMAND);
    "switched at 100 and 100" => "12000 reads, 4000 writes":
        warm(WarmThroughput::switched_to_on_demand(100, 100));
    "switched at 24,000 RCU and 8,000 WCU" => "24000 reads, 8000 writes":
        warm(WarmThroughput::switched_to_on_demand(24_000, 8_000));
    "once at 10,000 WCU, now 10, switched" => "12000 reads, 10000 writes":
        warm(WarmThroughput::switched_to_on_demand(10_000, 10_000));
    "previous peak of 50,000 reads" => "100000 per second": after_peaks(&[50_000]);
    "then 100,000 reads sustained" => "200000 per second": after_peaks(&[50_000, 100_000]);
    "a minute after 100,000 reads" => "100000 per second": right_after(&[50_000, 100_000]);
}

examples! { WARM, "AWS Developer Guide, Understanding DynamoDB warm throughput";
    "warm 30,000 and 10,000: the same may be provisioned at once" => "true":
        WarmThroughput { reads: 30_000, writes: 10_000 }.covers(30_000, 10_000);
    "warm 30,000 reads: 50,000 may not" => "false":
        WarmThroughput { reads: 30_000, writes: 10_000 }.covers(50_000, 10_000);
    "50,000 RCU raise warm 30,000" => "50000 reads, 10000 writes":
        warm(WarmThroughput { reads: 30_000, writes: 10_000 }.raised_to(50_000, 4_000));
    "4,000 RCU leave warm 30,000" => "30000 reads, 10000 writes":
        warm(WarmThroughput { reads: 30_000, writes: 10_000 }.raised_to(4_000, 8_000));
}

examples! { SCALING, "AWS Developer Guide, Managing throughput capacity automatically with DynamoDB auto scaling";
    "target 70 %, two minutes at 71 of 100" => "out to 102": scaled(71, 2);
    "target 70 %, two minutes at 70 of 100" => "keep": scaled(70, 2);
    "target 70 %, one minute at 100 of 100" => "keep": scaled(100, 1);
    "target 70 %, fifteen minutes at 50 of 100" => "in to 72": scaled(50, 15);
    "target 70 %, fifteen minutes at 51 of 100" => "keep": scaled(51, 15);
    "target 70 %, fourteen minutes at 10 of 100" => "keep": scaled(10, 14);
    "ProductCatalog between 150 and 1,200 RCU at 70 %: 700 consumed" => "1000":
        TargetTracking { target_percent: 70, min: 150, max: 1_200 }.capacity_for(700);
    "ProductCatalog: 10 consumed" => "150":
        TargetTracking { target_percent: 70, min: 150, max: 1_200 }.capacity_for(10);
    "ProductCatalog: 5,000 consumed" => "1200":
        TargetTracking { target_percent: 70, min: 150, max: 1_200 }.capacity_for(5_000);
}

examples! { DECREASES, "AWS Developer Guide, Quotas in Amazon DynamoDB, decreasing provisioned throughput";
    "one tried every minute of the first hour" => "4 decreases": decreases(60);
    "one tried every minute of a day" => "27 decreases": decreases(24 * 60);
}
