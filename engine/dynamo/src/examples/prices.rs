//! Bills under the prices before and after November 2024, of a shop with 400 reads and 100 writes
//! per second for a day, and of published cases.

use super::{WorkedExample, examples};
use crate::capacity::{ReadConsistency, ReadUnits, WriteMode, WriteUnits};
use crate::price::{Money, PriceTable, price_table};

const DAY_SECS: u64 = 86_400;
const OLD: (u16, u8, u8) = (2024, 10, 31);
const NEW: (u16, u8, u8) = (2024, 11, 1);

fn prices(day: (u16, u8, u8)) -> &'static PriceTable {
    price_table("us-east-1", day).expect("both tables are there")
}

/// A day of 400 reads per second of at most 4 KB.
fn reads(day: (u16, u8, u8), consistency: ReadConsistency) -> Money {
    let one = ReadUnits::for_bytes(1_024, consistency);
    let units = ReadUnits::from_halves(one.halves() * 400 * DAY_SECS);
    prices(day).read_requests(units)
}

/// A day of 100 writes per second of `bytes` bytes.
fn writes(day: (u16, u8, u8), bytes: u64) -> Money {
    let one = WriteUnits::for_change(None, Some(bytes), WriteMode::Standard);
    prices(day).write_requests(WriteUnits(one.0 * 100 * DAY_SECS))
}

/// An amount in thousandths of a dollar.
fn mills(money: Money) -> String {
    let mills = money.as_micro_dollars() / 1_000;
    format!("${}.{:03}", mills / 1_000, mills % 1_000)
}

/// Parts per million as percent with one decimal.
fn percent(ppm: u64) -> String {
    let tenths = (ppm + 500) / 1_000;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

examples! { SHOP, "AWS, Amazon DynamoDB pricing for on-demand capacity, us-east-1";
    "400 strong reads per second, old price" => "$8.64": reads(OLD, ReadConsistency::Strong);
    "400 strong reads per second, new price" => "$4.32": reads(NEW, ReadConsistency::Strong);
    "400 eventual reads per second, old price" => "$4.32": reads(OLD, ReadConsistency::Eventual);
    "400 eventual reads per second, new price" => "$2.16": reads(NEW, ReadConsistency::Eventual);
    "100 writes of 1 KB per second, old price" => "$10.80": writes(OLD, 1_024);
    "100 writes of 1 KB per second, new price" => "$5.40": writes(NEW, 1_024);
    "100 writes of 1.5 KB per second, old price" => "$21.60": writes(OLD, 1_536);
    "100 writes of 1.5 KB per second, new price" => "$10.80": writes(NEW, 1_536);
}

examples! { PROVISIONED, "AWS, Amazon DynamoDB pricing for provisioned capacity, us-east-1";
    "400 RCU for a day" => "$1.248": mills(prices(NEW).provisioned_reads(400, DAY_SECS));
    "200 RCU for a day" => "$0.624": mills(prices(NEW).provisioned_reads(200, DAY_SECS));
    "100 WCU for a day" => "$1.56": prices(OLD).provisioned_writes(100, DAY_SECS);
    "200 WCU for a day" => "$3.12": prices(OLD).provisioned_writes(200, DAY_SECS);
    "break-even utilisation of reads, old price" => "14.4 %":
        percent(prices(OLD).break_even_reads_ppm());
    "break-even utilisation of reads, new price" => "28.9 %":
        percent(prices(NEW).break_even_reads_ppm());
    "break-even utilisation of writes, old price" => "14.4 %":
        percent(prices(OLD).break_even_writes_ppm());
    "break-even utilisation of writes, new price" => "28.9 %":
        percent(prices(NEW).break_even_writes_ppm());
}

examples! { CHECKS, "theburningmonk (2019); AWS Database Blog, Scaling DynamoDB, part 1; AWS calculator";
    "217,290,000 writes on demand, old price" => "$271.61":
        prices(OLD).write_requests(WriteUnits(217_290_000));
    "8 million eventual look-ups, old price" => "$1.00":
        prices(OLD).read_requests(ReadUnits::from_halves(8_000_000));
    "a month of 10 million items of 900 B" => "$2.50":
        prices(NEW).storage_month(9_000_000_000, 10_000_000);
    "the same in a global table" => "$2.62":
        prices(NEW).global_storage_month(9_000_000_000, 10_000_000);
    "100,000 reads of a stream" => "$0.02": prices(NEW).stream_reads(100_000);
}
