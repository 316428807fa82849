//! The metrics of one point, cell by cell.

use crate::record::Latencies;
use crate::run::Sample;
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;

/// Samples of one cell that is being filled in.
pub(super) struct Samples<'a> {
    pub(super) variant: &'a str,
    pub(super) cell: BTreeMap<String, String>,
    pub(super) list: Vec<Sample>,
}

impl Samples<'_> {
    /// Adds one value.
    pub(super) fn add(&mut self, name: &str, value: u64) {
        self.list.push(Sample {
            variant: self.variant.to_owned(),
            cell: self.cell.clone(),
            name: name.to_owned(),
            value: i64::try_from(value).unwrap_or(i64::MAX),
        });
    }
    /// Responses of one phase.
    pub(super) fn of_responses(&mut self, response: &Latencies) {
        self.add("requests_completed_count", response.count());
        if response.count() == 0 {
            return;
        }
        self.add("response_mean", response.mean().as_nanos());
        self.add("response_p50", response.quantile(50, 100).as_nanos());
        self.add("response_p99", response.quantile(99, 100).as_nanos());
        self.add("response_p999", response.quantile(999, 1_000).as_nanos());
        self.add(
            "response_p9999",
            response.quantile(9_999, 10_000).as_nanos(),
        );
        self.add("response_max", response.max().as_nanos());
    }
}

/// How many a second.
pub(super) fn per_second(count: u64, time: Time) -> u64 {
    let picos = u128::from(time.as_picos()).max(1);
    u64::try_from(u128::from(count) * 1_000_000_000_000 / picos).unwrap_or(u64::MAX)
}

/// The share of the whole in parts per million.
pub(super) fn parts_per_million(part: Span, whole: Span) -> u64 {
    let whole = u128::from(whole.as_picos()).max(1);
    u64::try_from(u128::from(part.as_picos()) * 1_000_000 / whole).unwrap_or(u64::MAX)
}
