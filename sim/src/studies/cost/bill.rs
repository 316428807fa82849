//! What the capacity of a table costs, under every price table of a region.

use super::month::Ledger;
use kvrig_dynamo::capacity::{ReadUnits, WriteUnits};
use kvrig_dynamo::price::{MONTH_SECS, Money, PriceTable, ReservedKind, ReservedPrice};
use serde::{Deserialize, Serialize};

const HOUR_SECS: u64 = 3_600;
/// Terms of reserved capacity, in years.
const TERMS: [u8; 2] = [1, 3];

/// One bill, in millionths of a dollar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bill {
    /// The day from which its prices are in force.
    pub(super) prices: String,
    /// The term for which capacity is reserved, if any is: `1 year`.
    pub(super) term: Option<String>,
    /// Throughput of 30 days.
    pub(super) month: i64,
    /// The same if every hour were billed at its highest capacity, for provisioned tables.
    pub(super) hourly: Option<i64>,
}

/// Money in the base unit of rows.
pub(super) fn micro(money: Money) -> i64 {
    i64::try_from(money.as_micro_dollars()).unwrap_or(i64::MAX)
}

/// What the requests of a table cost on demand.
pub(super) fn on_demand(prices: &PriceTable, ledger: &Ledger, run_secs: u64) -> Bill {
    let [halves, writes] = ledger.consumed;
    let money = prices.read_requests(ReadUnits::from_halves(halves))
        + prices.write_requests(WriteUnits(writes));
    Bill {
        prices: prices.from_text(),
        term: None,
        month: month(money, run_secs),
        hourly: None,
    }
}

/// What the provisioned capacity of a table costs by the hour, and with some of it reserved.
pub(super) fn provisioned(prices: &PriceTable, ledger: &Ledger, run_secs: u64) -> Vec<Bill> {
    let hours = |hours: &[[u64; 2]]| {
        let sum = |side: usize| hours.iter().map(|hour| hour[side]).sum::<u64>();
        prices.provisioned_reads(sum(0), 1) + prices.provisioned_writes(sum(1), 1)
    };
    let lengths = (0..).map(|hour| run_secs.saturating_sub(hour * HOUR_SECS).min(HOUR_SECS));
    let highest: Vec<[u64; 2]> = ledger
        .hours_max
        .iter()
        .zip(lengths)
        .map(|(units, secs)| units.map(|units| units * secs))
        .collect();
    let mut bills = vec![Bill {
        prices: prices.from_text(),
        term: None,
        month: month(hours(&ledger.hours), run_secs),
        hourly: Some(month(hours(&highest), run_secs)),
    }];
    for years in TERMS {
        let sides = [ReservedKind::Reads, ReservedKind::Writes].map(|kind| {
            let block = prices.reserved_block(kind, years)?;
            Some(with_reserved(prices, block, ledger, run_secs))
        });
        if let [Some(reads), Some(writes)] = sides {
            bills.push(Bill {
                prices: prices.from_text(),
                term: Some(format!("{years} year{}", if years == 1 { "" } else { "s" })),
                month: month(reads + writes, run_secs),
                hourly: None,
            });
        }
    }
    bills
}

/// The lowest bill of one kind of capacity with any number of reserved blocks.
fn with_reserved(
    prices: &PriceTable,
    block: &ReservedPrice,
    ledger: &Ledger,
    run_secs: u64,
) -> Money {
    let side = match block.kind {
        ReservedKind::Reads => 0,
        ReservedKind::Writes => 1,
    };
    let by_hour = |unit_secs: u64| match block.kind {
        ReservedKind::Reads => prices.provisioned_reads(unit_secs, 1),
        ReservedKind::Writes => prices.provisioned_writes(unit_secs, 1),
    };
    let most = ledger.hours_max.iter().map(|hour| hour[side]).max();
    let blocks_max = most.unwrap_or(0).div_ceil(ReservedPrice::BLOCK_UNITS);
    let bill = |blocks: u64| {
        let reserved_secs = blocks * ReservedPrice::BLOCK_UNITS * HOUR_SECS;
        let beyond = ledger
            .hours
            .iter()
            .map(|hour| hour[side].saturating_sub(reserved_secs));
        block.block_for(run_secs) * blocks + by_hour(beyond.sum())
    };
    (0..=blocks_max).map(bill).min().unwrap_or(Money::ZERO)
}

/// The share of provisioned capacity that was consumed, in parts per million; reads and writes weigh
/// what their units cost.
pub(super) fn used_ppm(prices: &PriceTable, ledger: &Ledger) -> u64 {
    let weights = [prices.read_unit_hour, prices.write_unit_hour];
    let [read, write] = weights.map(Money::as_micro_dollars);
    let [halves, writes] = ledger.consumed.map(u128::from);
    let provisioned = |side: usize| ledger.hours.iter().map(|hour| u128::from(hour[side])).sum();
    let (reads_provisioned, writes_provisioned): (u128, u128) = (provisioned(0), provisioned(1));
    let consumed = halves * read + 2 * writes * write;
    let whole = 2 * (reads_provisioned * read + writes_provisioned * write);
    u64::try_from(consumed * 1_000_000 / whole.max(1)).unwrap_or(u64::MAX)
}

/// A bill of the run as one of 30 days.
fn month(money: Money, run_secs: u64) -> i64 {
    micro(money.part(MONTH_SECS, run_secs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_dynamo::price::price_table;

    /// An even table over 30 days.
    fn ledger(units: [u64; 2]) -> Ledger {
        Ledger {
            hours: vec![units.map(|units| units * HOUR_SECS); 720],
            hours_max: vec![units; 720],
            ..Ledger::default()
        }
    }

    #[test]
    fn a_month_of_even_capacity_costs_720_hours() {
        let prices = price_table("us-east-1", (2025, 1, 1)).expect("prices");
        let bills = provisioned(prices, &ledger([240, 200]), MONTH_SECS);
        // 240 x 0.00013 x 720 + 200 x 0.00065 x 720.
        assert_eq!(bills[0].month, 22_464_000 + 93_600_000);
        assert_eq!(bills[0].hourly, Some(bills[0].month));
    }

    #[test]
    fn reserved_blocks_are_bought_where_they_pay() {
        let prices = price_table("us-east-1", (2025, 1, 1)).expect("prices");
        let bills = provisioned(prices, &ledger([240, 200]), MONTH_SECS);
        // Two blocks of reads and of writes for a year, 40 read units by the hour.
        let year = |upfront: f64, hour: f64| (upfront + hour * 8_760.0) * 720.0 / 8_760.0;
        let dollars = 2.0 * (year(30.0, 0.0025) + year(150.0, 0.0128)) + 40.0 * 0.00013 * 720.0;
        let billed = bills[1].month as f64 / 1e6;
        assert!((billed - dollars).abs() < 0.001, "{billed} {dollars}");
        assert!(bills[2].month < bills[1].month);
        // A block of which less than half is used costs more than it saves.
        let bills = provisioned(prices, &ledger([0, 40]), MONTH_SECS);
        assert_eq!(bills[1].month, bills[0].month);
    }
}
