//! The keys of `[study.cost]`.

use super::declare::{names, table};
use super::part::Located;
use super::scalars::{Count, Day, Dollars, Millionths};
use kvrig_base::quantity::{Bytes, Share};
use kvrig_base::time::Span;

table! {
    /// Knobs of the study `cost`.
    pub struct Cost {
        /// Region whose prices hold; any name where `prices` states them.
        region: Located<String>,
        /// Prices of a region that is not known here, or of your own contract.
        prices: StatedPrices,
        /// Shares of a provisioned table that an even load uses.
        utilisations: Vec<Located<Share>>,
        /// Capacities of provisioned tables under the workload's own arrivals, as shares of its peak.
        peak_shares: Vec<Located<Share>>,
        /// Peak-to-mean ratios of the days and bursts that are run beside the workload's own arrivals;
        /// above 1.
        peak_to_mean: Vec<Located<Millionths>>,
        /// How long a burst lasts.
        burst: Located<Span>,
        /// Share of reads that are strongly consistent.
        strong_reads: Located<Share>,
        /// What one read fetches.
        reads: Located<ReadDesign>,
        /// Orders that a customer has whose page is read; their size is `workload.value_size`.
        orders: Located<Count>,
        /// Size of the customer's own item on that page.
        customer_size: Located<Bytes>,
        /// Projections of the table's global secondary indexes, which every written item appears in.
        indexes: Vec<Located<IndexProjection>>,
        /// A provisioned table of so many units beside the others.
        provisioned: FixedCapacity,
        /// How clients ask again after they were throttled.
        retries: Located<RetryMode>,
        /// Target tracking of the table that is scaled.
        scaling: CapacityScaling,
    }
}

table! {
    /// What a region charges, in US dollars, for the Standard table class. Reserved capacity has no rows
    /// then.
    pub struct StatedPrices {
        /// Day from which it is charged, such as `2026-03-01`: rows name it.
        from: Located<Day>,
        /// A million read request units on demand.
        read_requests_million: Located<Dollars>,
        /// A million write request units on demand.
        write_requests_million: Located<Dollars>,
        /// One provisioned read capacity unit for an hour.
        read_unit_hour: Located<Dollars>,
        /// One provisioned write capacity unit for an hour.
        write_unit_hour: Located<Dollars>,
    }
}

table! {
    /// Capacity that stays as it is.
    pub struct FixedCapacity {
        /// Read capacity units.
        read: Located<Count>,
        /// Write capacity units, shared by the table and its indexes.
        write: Located<Count>,
    }
}

table! {
    /// Auto scaling by target tracking.
    pub struct CapacityScaling {
        /// Share of the capacity that is meant to be used.
        target: Located<Share>,
        /// Units at least, of reads and of writes each.
        min: Located<Count>,
        /// Units at most.
        max: Located<Count>,
        /// Longest time from the last minute that counts until the alarm acts; drawn evenly.
        alarm_delay: Located<Span>,
        /// Time from the call of UpdateTable until the new capacity holds.
        update_delay: Located<Span>,
        /// Shortest time between an increase and the change before it.
        cooldown_out: Located<Span>,
        /// Shortest time between a decrease and the change before it.
        cooldown_in: Located<Span>,
    }
}

names! {
    /// What one read fetches.
    pub enum ReadDesign expected "what a read fetches" {
        /// One item, by GetItem.
        Item = "item",
        /// A customer and all orders out of one item collection, by one Query.
        SingleTable = "single-table",
        /// A customer by GetItem out of one table, and all orders by Query out of another.
        MultiTable = "multi-table",
    }
}

names! {
    /// What a global secondary index holds of an item.
    pub enum IndexProjection expected "a projection" {
        /// All attributes.
        All = "all",
        /// The keys of table and index.
        KeysOnly = "keys-only",
    }
}

names! {
    /// How AWS's SDKs ask again.
    pub enum RetryMode expected "a retry mode of the SDKs" {
        /// Three attempts, waits drawn up to 1 s and 2 s.
        Standard = "standard",
        /// Ten attempts, waits of 50 ms doubled each time.
        Legacy = "legacy",
        /// One attempt.
        Never = "never",
    }
}
