//! The arithmetic of a published article on capacity, redone by what its requests consume.
//!
//! The article plans a shop with 400 reads of 2 KB and 100 writes of 1.5 KB a second in us-east-1.
//! For on-demand capacity it prices requests and not units: eventual reads as if they were strong,
//! and items of 1.5 KB as if they were of 1 KB.

use super::bill::micro;
use super::requests::{TableUse, one_item};
use crate::run::Sample;
use kvrig_dynamo::Error;
use kvrig_dynamo::capacity::{ReadUnits, WriteUnits};
use kvrig_dynamo::price::{Money, PriceTable, price_tables};
use std::collections::BTreeMap;

/// The region of the article.
const REGION: &str = "us-east-1";
const DAY_SECS: u64 = 86_400;
/// The article's month of provisioned capacity: 730 hours.
const MONTH_SECS: u64 = 730 * 3_600;
/// The article's month of on-demand capacity, in days.
const MONTH_DAYS: u64 = 30;
const READ_BYTES: u64 = 2_048;

/// The line whose sum the article ends with.
pub(super) const SHOP: &str = "the shop on demand, 30 days";
/// The same provisioned.
pub(super) const PROVISIONED: &str = "240 RCU and 200 WCU, 730 hours";
/// Reads as the article prices them.
pub(super) const STRONG_READS: &str = "400 strong reads/s, a day";
/// Reads as they are by default.
pub(super) const EVENTUAL_READS: &str = "400 eventual reads/s, a day";
/// Writes as the article prices them.
pub(super) const SMALL_WRITES: &str = "100 writes/s of 1 KB, a day";
/// Writes as the article plans them.
pub(super) const WRITES: &str = "100 writes/s of 1.5 KB, a day";

/// A line of the article.
pub(super) struct Line {
    pub(super) name: &'static str,
    /// What the article states, in cents.
    pub(super) stated_cents: u64,
    bill: fn(&PriceTable, &Shop) -> Money,
}

/// What the shop's requests consume.
struct Shop {
    read: TableUse,
    small: TableUse,
    large: TableUse,
}

impl Shop {
    fn new() -> Result<Self, Error> {
        Ok(Self {
            read: one_item(READ_BYTES, &[])?,
            small: one_item(1_024, &[])?,
            large: one_item(1_536, &[])?,
        })
    }
    /// Reads a second for a day, eventual and strong.
    fn reads(&self, prices: &PriceTable, eventual: u64, strong: u64) -> Money {
        let [one_eventual, one_strong] = self.read.read_halves;
        let halves = eventual * one_eventual + strong * one_strong;
        prices.read_requests(ReadUnits::from_halves(halves * DAY_SECS))
    }
    /// Units of the capacity that the article provisions.
    fn units(&self) -> (u64, u64) {
        let [eventual, strong] = self.read.read_halves;
        (
            (320 * eventual + 80 * strong).div_ceil(2),
            100 * self.large.write_units,
        )
    }
}

/// A hundred writes a second for a day.
fn writes(prices: &PriceTable, item: TableUse) -> Money {
    prices.write_requests(WriteUnits(item.write_units * 100 * DAY_SECS))
}

/// The lines in the order of the article.
pub(super) const LINES: &[Line] = &[
    Line {
        name: "240 RCU, 730 hours",
        stated_cents: 2_278,
        bill: |prices, shop| prices.provisioned_reads(shop.units().0, MONTH_SECS),
    },
    Line {
        name: "200 WCU, 730 hours",
        stated_cents: 9_490,
        bill: |prices, shop| prices.provisioned_writes(shop.units().1, MONTH_SECS),
    },
    Line {
        name: PROVISIONED,
        stated_cents: 11_800,
        bill: |prices, shop| {
            let (reads, writes) = shop.units();
            prices.provisioned_reads(reads, MONTH_SECS)
                + prices.provisioned_writes(writes, MONTH_SECS)
        },
    },
    Line {
        name: STRONG_READS,
        stated_cents: 864,
        bill: |prices, shop| shop.reads(prices, 0, 400),
    },
    Line {
        name: EVENTUAL_READS,
        stated_cents: 864,
        bill: |prices, shop| shop.reads(prices, 400, 0),
    },
    Line {
        name: SMALL_WRITES,
        stated_cents: 1_080,
        bill: |prices, shop| writes(prices, shop.small),
    },
    Line {
        name: WRITES,
        stated_cents: 1_080,
        bill: |prices, shop| writes(prices, shop.large),
    },
    Line {
        name: "the shop on demand, a day",
        stated_cents: 1_944,
        bill: shop_day,
    },
    Line {
        name: SHOP,
        stated_cents: 58_300,
        bill: |prices, shop| shop_day(prices, shop) * MONTH_DAYS,
    },
];

/// 320 eventual and 80 strong reads, and 100 writes of 1.5 KB a second.
fn shop_day(prices: &PriceTable, shop: &Shop) -> Money {
    shop.reads(prices, 320, 80) + writes(prices, shop.large)
}

/// The article's figures, and beside them those of every price table.
///
/// # Errors
/// If DynamoDB refused the article's items.
pub(super) fn samples(variant: &str) -> Result<Vec<Sample>, Error> {
    let shop = Shop::new()?;
    let mut samples = Vec::new();
    let mut add = |line: &Line, prices: Option<&PriceTable>, name: &str, money: Money| {
        let mut cell = BTreeMap::from([("article".to_owned(), line.name.to_owned())]);
        cell.extend(prices.map(|prices| ("prices".to_owned(), prices.from_text())));
        samples.push(Sample {
            variant: variant.to_owned(),
            cell,
            name: name.to_owned(),
            value: micro(money),
        });
    };
    for line in LINES {
        let stated = Money::micro_dollars(line.stated_cents * 10_000);
        add(line, None, "bill_article_mean", stated);
        for prices in price_tables(REGION) {
            add(
                line,
                Some(prices),
                "bill_line_mean",
                (line.bill)(prices, &shop),
            );
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `reference` figures of a day: published prices times units, to the cent.
    #[test]
    fn a_day_of_the_shop_costs_what_units_and_published_prices_give() {
        let samples = samples("").expect("the article's items");
        let cents = |line: &str, prices: &str| {
            let sample = samples.iter().find(|sample| {
                sample.cell.get("article").is_some_and(|name| name == line)
                    && sample.cell.get("prices").is_some_and(|from| from == prices)
            });
            (sample.expect(line).value + 5_000) / 10_000
        };
        for (line, old, new) in [
            (STRONG_READS, 864, 432),
            (EVENTUAL_READS, 432, 216),
            (SMALL_WRITES, 1_080, 540),
            (WRITES, 2_160, 1_080),
        ] {
            assert_eq!(cents(line, "2018-11-28"), old, "{line}");
            assert_eq!(cents(line, "2024-11-01"), new, "{line}");
        }
        // Provisioned prices did not change, and the article's are right.
        for line in ["240 RCU, 730 hours", "200 WCU, 730 hours"] {
            assert_eq!(cents(line, "2018-11-28"), cents(line, "2024-11-01"));
        }
        assert_eq!(cents("240 RCU, 730 hours", "2024-11-01"), 2_278);
        assert_eq!(cents("200 WCU, 730 hours", "2024-11-01"), 9_490);
    }
}
