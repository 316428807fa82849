//! The published prices by region and date, each with its source.
//!
//! A price is in force from its date until the next table of the same region.

use super::Money;
use std::borrow::Cow;

/// What one region charges from one day on, for the Standard table class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// The region, such as `us-east-1`.
    pub region: Cow<'static, str>,
    /// Year, month and day from which it is in force.
    pub from: (u16, u8, u8),
    /// Where the figures were published.
    pub source: Cow<'static, str>,
    /// A million read request units on demand.
    pub read_requests_million: Money,
    /// A million write request units on demand.
    pub write_requests_million: Money,
    /// One provisioned read unit for an hour.
    pub read_unit_hour: Money,
    /// One provisioned write unit for an hour.
    pub write_unit_hour: Money,
    /// A gigabyte of storage for a month, beyond the free tier.
    pub storage_gb_month: Money,
    /// A hundred thousand reads of a stream.
    pub stream_reads_100k: Money,
    /// Prices of reserved capacity, by kind and term.
    pub reserved: &'static [ReservedPrice],
}

/// The price of 100 provisioned units a second, reserved for a term and partly paid at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedPrice {
    /// Whether units are for reads or for writes.
    pub kind: ReservedKind,
    /// The term in years.
    pub years: u8,
    /// What is paid at the start of the term.
    pub upfront: Money,
    /// What is paid for every hour of the term.
    pub hour: Money,
}

/// What reserved units are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedKind {
    /// Read capacity units.
    Reads,
    /// Write capacity units.
    Writes,
}

/// The reserved prices of a region: of reads for one year and for three, then of writes. Each is what is
/// paid at the start, in cents, and by the hour, in millionths of a dollar.
const fn reserved(prices: [(u64, u64); 4]) -> [ReservedPrice; 4] {
    const fn price(kind: ReservedKind, years: u8, (cents, hour): (u64, u64)) -> ReservedPrice {
        ReservedPrice {
            kind,
            years,
            upfront: Money::micro_dollars(cents * 10_000),
            hour: Money::micro_dollars(hour),
        }
    }
    [
        price(ReservedKind::Reads, 1, prices[0]),
        price(ReservedKind::Reads, 3, prices[1]),
        price(ReservedKind::Writes, 1, prices[2]),
        price(ReservedKind::Writes, 3, prices[3]),
    ]
}

/// AWS, "Pricing for Provisioned Capacity", reserved capacity in us-east-1. Those of all regions amount to
/// the savings that AWS states, 54 % for one year and 77 % for three; a test holds that.
const RESERVED_US_EAST_1: &[ReservedPrice] = &reserved([
    (3_000, 2_500),
    (3_600, 1_600),
    (15_000, 12_800),
    (18_000, 8_100),
]);
/// AWS's own adviser on reserved capacity, `reco` in `awslabs/amazon-dynamodb-tools`, Ireland.
const RESERVED_EU_WEST_1: &[ReservedPrice] = &reserved([
    (3_390, 2_900),
    (4_068, 1_800),
    (16_950, 14_500),
    (20_340, 9_200),
]);
/// The same, Frankfurt.
const RESERVED_EU_CENTRAL_1: &[ReservedPrice] = &reserved([
    (3_660, 3_200),
    (4_380, 1_900),
    (18_300, 15_700),
    (21_960, 9_900),
]);

/// Every table that is known, by region and then by date.
pub const PRICE_TABLES: &[PriceTable] = &[
    PriceTable {
        region: Cow::Borrowed("eu-central-1"),
        from: (2024, 11, 1),
        source: Cow::Borrowed(
            "AWS Price List, offer AmazonDynamoDB of 15 August 2026, requests and storage; `reco` in awslabs/amazon-dynamodb-tools and Infracost's estimates, units by the hour; Infracost, streams",
        ),
        read_requests_million: Money::micro_dollars(152_500),
        write_requests_million: Money::micro_dollars(762_500),
        read_unit_hour: Money::nano_dollars(158_600),
        write_unit_hour: Money::micro_dollars(793),
        storage_gb_month: Money::micro_dollars(306_000),
        stream_reads_100k: Money::micro_dollars(24_500),
        reserved: RESERVED_EU_CENTRAL_1,
    },
    PriceTable {
        region: Cow::Borrowed("eu-west-1"),
        from: (2018, 11, 28),
        source: Cow::Borrowed(
            "AWS Price List, offer AmazonDynamoDB of 10 June 2019, requests and storage; `reco` in awslabs/amazon-dynamodb-tools, units by the hour; Infracost's estimates, requests and streams",
        ),
        read_requests_million: Money::micro_dollars(283_000),
        write_requests_million: Money::micro_dollars(1_413_500),
        read_unit_hour: Money::micro_dollars(147),
        write_unit_hour: Money::micro_dollars(735),
        storage_gb_month: Money::micro_dollars(283_000),
        stream_reads_100k: Money::micro_dollars(22_600),
        reserved: RESERVED_EU_WEST_1,
    },
    PriceTable {
        region: Cow::Borrowed("eu-west-1"),
        from: (2024, 11, 1),
        source: Cow::Borrowed(
            "AWS Price List, offer AmazonDynamoDB of 15 August 2026, requests and storage; units by the hour and streams as before, which was not changed on 1 November 2024",
        ),
        read_requests_million: Money::micro_dollars(141_500),
        write_requests_million: Money::micro_dollars(705_000),
        read_unit_hour: Money::micro_dollars(147),
        write_unit_hour: Money::micro_dollars(735),
        storage_gb_month: Money::micro_dollars(283_000),
        stream_reads_100k: Money::micro_dollars(22_600),
        reserved: RESERVED_EU_WEST_1,
    },
    PriceTable {
        region: Cow::Borrowed("us-east-1"),
        from: (2018, 11, 28),
        source: Cow::Borrowed(
            "AWS, Amazon DynamoDB pricing, as it was from the start of on-demand to October 2024",
        ),
        read_requests_million: Money::micro_dollars(250_000),
        write_requests_million: Money::micro_dollars(1_250_000),
        read_unit_hour: Money::micro_dollars(130),
        write_unit_hour: Money::micro_dollars(650),
        storage_gb_month: Money::micro_dollars(250_000),
        stream_reads_100k: Money::micro_dollars(20_000),
        reserved: RESERVED_US_EAST_1,
    },
    PriceTable {
        region: Cow::Borrowed("us-east-1"),
        from: (2024, 11, 1),
        source: Cow::Borrowed(
            "AWS, Amazon DynamoDB pricing, since on-demand throughput was halved on 1 November 2024",
        ),
        read_requests_million: Money::micro_dollars(125_000),
        write_requests_million: Money::micro_dollars(625_000),
        read_unit_hour: Money::micro_dollars(130),
        write_unit_hour: Money::micro_dollars(650),
        storage_gb_month: Money::micro_dollars(250_000),
        stream_reads_100k: Money::micro_dollars(20_000),
        reserved: RESERVED_US_EAST_1,
    },
];

/// The regions of which prices are known, each once.
pub fn regions() -> Vec<&'static str> {
    let mut regions: Vec<&str> = PRICE_TABLES.iter().map(|table| &*table.region).collect();
    regions.dedup();
    regions
}

/// The tables of `region`, by date.
pub fn price_tables(region: &str) -> impl Iterator<Item = &'static PriceTable> {
    PRICE_TABLES
        .iter()
        .filter(move |table| table.region == region)
}

/// The table of `region` that is in force on a day given as year, month and day.
pub fn price_table(region: &str, day: (u16, u8, u8)) -> Option<&'static PriceTable> {
    PRICE_TABLES
        .iter()
        .rfind(|table| table.region == region && table.from <= day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_a_region_follow_one_another() {
        for pair in PRICE_TABLES.windows(2) {
            assert!((&pair[0].region, pair[0].from) < (&pair[1].region, pair[1].from));
        }
    }

    #[test]
    fn reserved_capacity_saves_what_aws_states() {
        for table in PRICE_TABLES {
            for reserved in table.reserved {
                let hour = match reserved.kind {
                    ReservedKind::Reads => table.read_unit_hour,
                    ReservedKind::Writes => table.write_unit_hour,
                };
                let full = hour * 100 * u64::from(reserved.years) * 365 * 24;
                let saved = full.as_cents() - reserved.term_total().as_cents();
                let percent = (saved * 100 + full.as_cents() / 2) / full.as_cents();
                // To the point: hours are published in ten thousandths of a dollar.
                let stated = if reserved.years == 1 { 54 } else { 77 };
                assert!(percent.abs_diff(stated) <= 1, "{}: {percent}", table.region);
            }
        }
    }

    #[test]
    fn every_region_has_units_that_cost_the_same_beside_one_another() {
        for table in PRICE_TABLES {
            // A write unit is five read units everywhere, and requests nearly so.
            assert_eq!(table.write_unit_hour, table.read_unit_hour * 5);
            let (write, read) = (
                table.write_requests_million.as_micro_dollars(),
                table.read_requests_million.as_micro_dollars(),
            );
            assert!(
                (read * 5).abs_diff(write) * 250 <= write,
                "{}",
                table.region
            );
        }
    }

    #[test]
    fn the_day_chooses_the_table() {
        let from = |day| price_table("us-east-1", day).map(|table| table.from.0);
        assert_eq!(from((2024, 10, 31)), Some(2018));
        assert_eq!(from((2024, 11, 1)), Some(2024));
        assert_eq!(from((2018, 1, 1)), None);
        assert_eq!(price_table("nowhere", (2025, 1, 1)), None);
        // What Frankfurt charged before was not found.
        assert_eq!(price_table("eu-central-1", (2024, 10, 31)), None);
    }
}
