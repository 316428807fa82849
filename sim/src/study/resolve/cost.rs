//! The knobs of the study `cost`.

use super::{Resolver, placed};
use crate::study::cell::{CapacityScaling, CostKnobs, Placed};
use crate::study::cost::{self as doc, IndexProjection, ReadDesign, RetryMode};
use crate::study::part::Located;
use crate::study::scalars::{Count, Dollars, Millionths};
use kvrig_base::quantity::{Bytes, Share};
use kvrig_base::time::Span;
use kvrig_dynamo::limits::{GLOBAL_INDEXES_MAX, ITEM_BYTES_MAX};
use kvrig_dynamo::price::{self, Money, PriceTable};
use kvrig_dynamo::scaling::TARGET_PERCENT;
use kvrig_dynamo::schema::THROUGHPUT_MAX;
use std::ops::RangeInclusive;

const UNITS: RangeInclusive<u64> = 1..=THROUGHPUT_MAX;
/// A page of more items than this does not fit into one page of Query at any size that is of use.
const ORDERS: RangeInclusive<u64> = 1..=10_000;
/// Peak-to-mean ratios: a thousand is one second of load in a quarter of an hour.
const RATIO_MAX: Millionths = Millionths(1_000_000_000);
const RATIO_ONE: Millionths = Millionths(1_000_000);
/// An item holds at least its key with the name of an attribute; see the study's `requests`.
const ITEM_BYTES_MIN: u64 = 64;
const MINUTE: Span = Span::from_secs(60);
const DAY_MINUTES: u64 = 24 * 60;
const TARGET_DEFAULT: u64 = 70;

impl Resolver<'_, '_> {
    pub(super) fn cost(&mut self, knobs: &doc::Cost) -> Option<CostKnobs> {
        let path = |key: &str| format!("study.cost.{key}");
        let region = self.need(knobs.region.as_ref(), &path("region"), "whose prices hold");
        let region = region.and_then(|region| self.region(region, knobs.prices.is_some()));
        let prices = match (&knobs.prices, &region) {
            (Some(stated), Some(region)) => Some(Box::new(self.prices(stated, &region.value)?)),
            _ => None,
        };
        let mut utilisations = self.shares(knobs.utilisations.as_deref(), "utilisations");
        utilisations.sort_unstable_by_key(|share| share.0);
        let mut peak_shares = self.shares(knobs.peak_shares.as_deref(), "peak_shares");
        peak_shares.sort_unstable_by_key(|share| std::cmp::Reverse(share.0));
        let ratios = knobs.peak_to_mean.iter().flatten();
        let mut peak_to_mean: Vec<Millionths> = ratios.map(|ratio| self.ratio(ratio)).collect();
        peak_to_mean.sort_unstable();
        peak_to_mean.dedup();
        let burst = self.need(
            knobs.burst.as_ref(),
            &path("burst"),
            "how long a burst lasts",
        );
        let burst = burst.map(|burst| self.whole(burst, "burst", MINUTE, 1));
        let scaling = self.scaling(&knobs.scaling.clone().unwrap_or_default())?;
        let reads = knobs
            .reads
            .as_ref()
            .map_or(ReadDesign::Item, |reads| reads.value);
        let orders = knobs.orders.as_ref();
        let customer = knobs.customer_size.as_ref();
        Some(CostKnobs {
            region: region?,
            prices,
            utilisations,
            peak_shares,
            peak_to_mean,
            burst: Span::from_secs(burst? * 60),
            strong_reads: knobs
                .strong_reads
                .as_ref()
                .map_or(Share(0), |share| share.value),
            reads,
            orders: orders.map_or(10, |orders| self.small(orders, "orders", ORDERS)),
            customer_bytes: customer.map_or(1_024, |size| self.item_bytes(size)),
            indexes: self.indexes(knobs),
            provisioned: match &knobs.provisioned {
                Some(units) => Some(self.provisioned(units)?),
                None => None,
            },
            retries: knobs
                .retries
                .as_ref()
                .map_or(RetryMode::Standard, |mode| mode.value),
            scaling,
        })
    }
    fn region(&mut self, region: &Located<String>, is_stated: bool) -> Option<Placed<String>> {
        let known = price::regions();
        if is_stated || known.contains(&region.value.as_str()) {
            return Some(placed(region));
        }
        let help = "no prices of this region are known; `study.cost.prices` can state them";
        self.report.unknown_name(region, &known, help);
        None
    }
    fn prices(&mut self, stated: &doc::StatedPrices, region: &str) -> Option<PriceTable> {
        let path = |key: &str| format!("study.cost.prices.{key}");
        let mut amount = |amount: &Option<Located<Dollars>>, key: &str, meaning| {
            let amount = self.need(amount.as_ref(), &path(key), meaning)?;
            if amount.value.0 == Money::ZERO {
                let message = format!("`{key}` is nothing");
                let help = "choose more than $0; AWS charges for every unit";
                self.report.out_of_range(amount.at, message, help);
            }
            Some(amount.value.0)
        };
        let read_requests_million = amount(
            &stated.read_requests_million,
            "read_requests_million",
            "what a million read request units cost",
        );
        let write_requests_million = amount(
            &stated.write_requests_million,
            "write_requests_million",
            "what a million write request units cost",
        );
        let read_unit_hour = amount(
            &stated.read_unit_hour,
            "read_unit_hour",
            "what a read capacity unit costs by the hour",
        );
        let write_unit_hour = amount(
            &stated.write_unit_hour,
            "write_unit_hour",
            "what a write capacity unit costs by the hour",
        );
        let from = self.need(stated.from.as_ref(), &path("from"), "since when");
        Some(PriceTable {
            region: region.to_owned().into(),
            from: from?.value.0,
            source: "stated by the study".into(),
            read_requests_million: read_requests_million?,
            write_requests_million: write_requests_million?,
            read_unit_hour: read_unit_hour?,
            write_unit_hour: write_unit_hour?,
            // The study asks for neither.
            storage_gb_month: Money::ZERO,
            stream_reads_100k: Money::ZERO,
            reserved: &[],
        })
    }
    /// Distinct shares above none.
    fn shares(&mut self, shares: Option<&[Located<Share>]>, name: &str) -> Vec<Share> {
        let mut distinct = Vec::new();
        for share in shares.unwrap_or_default() {
            if share.value == Share(0) || share.value > Share::ONE {
                let message = format!("`{name}` holds {}", share.value);
                self.report
                    .out_of_range(share.at, message, "choose more than 0% and at most 100%");
            }
            if !distinct.contains(&share.value) {
                distinct.push(share.value);
            }
        }
        distinct
    }
    fn ratio(&mut self, ratio: &Located<Millionths>) -> Millionths {
        if ratio.value <= RATIO_ONE || ratio.value > RATIO_MAX {
            self.report.out_of_range(
                ratio.at,
                "a peak-to-mean ratio out of range".to_owned(),
                "choose more than 1 and at most 1000; an even load is run in any case",
            );
        }
        ratio.value
    }
    fn item_bytes(&mut self, size: &Located<Bytes>) -> u64 {
        if !(ITEM_BYTES_MIN..=ITEM_BYTES_MAX).contains(&size.value.0) {
            let (least, most) = (Bytes(ITEM_BYTES_MIN), Bytes(ITEM_BYTES_MAX));
            self.report.out_of_range(
                size.at,
                format!("an item of {}", size.value),
                &format!("choose between {least} and {most}"),
            );
        }
        size.value.0
    }
    fn indexes(&mut self, knobs: &doc::Cost) -> Vec<IndexProjection> {
        let written = knobs.indexes.as_deref().unwrap_or_default();
        if let Some(beyond) = written.get(GLOBAL_INDEXES_MAX) {
            self.report.out_of_range(
                beyond.at,
                format!("{} global secondary indexes", written.len()),
                &format!("a table has at most {GLOBAL_INDEXES_MAX}"),
            );
        }
        written.iter().map(|projection| projection.value).collect()
    }
    fn provisioned(&mut self, units: &doc::FixedCapacity) -> Option<(u64, u64)> {
        let path = |key: &str| format!("study.cost.provisioned.{key}");
        let read = self.need(units.read.as_ref(), &path("read"), "how many read units");
        let read = read.map(|count| self.count(count, "read", UNITS));
        let write = self.need(units.write.as_ref(), &path("write"), "how many write units");
        let write = write.map(|count| self.count(count, "write", UNITS));
        Some((read?, write?))
    }
    fn scaling(&mut self, scaling: &doc::CapacityScaling) -> Option<CapacityScaling> {
        let target_percent = match &scaling.target {
            Some(target) => self.target(target),
            None => TARGET_DEFAULT,
        };
        let bound = |resolver: &mut Self, count: &Option<Located<Count>>, name, default| {
            let count = count.as_ref();
            count.map_or(default, |count| resolver.count(count, name, UNITS))
        };
        let min = bound(self, &scaling.min, "min", *UNITS.start());
        let max = bound(self, &scaling.max, "max", *UNITS.end());
        if min > max
            && let Some(written) = scaling.max.as_ref().or(scaling.min.as_ref())
        {
            self.report.contradiction(
                written.at,
                format!("`max` is {max}, below `min`, {min}"),
                "choose `max` at least as large as `min`",
            );
        }
        let minutes = |resolver: &mut Self, span: &Option<Located<Span>>, name, default| {
            let span = span.as_ref();
            span.map_or(default, |span| resolver.whole(span, name, MINUTE, 0))
        };
        Some(CapacityScaling {
            target_percent,
            min,
            max,
            alarm_minutes: minutes(self, &scaling.alarm_delay, "alarm_delay", 3),
            update_minutes: minutes(self, &scaling.update_delay, "update_delay", 1),
            cooldown_out_minutes: minutes(self, &scaling.cooldown_out, "cooldown_out", 0),
            cooldown_in_minutes: minutes(self, &scaling.cooldown_in, "cooldown_in", 0),
        })
    }
    fn target(&mut self, target: &Located<Share>) -> u64 {
        let percent = target.value.ppm() / 10_000;
        if !TARGET_PERCENT.contains(&percent) || Share::percent(percent) != target.value {
            let (least, most) = (TARGET_PERCENT.start(), TARGET_PERCENT.end());
            self.report.out_of_range(
                target.at,
                format!("a target of {}", target.value),
                &format!("choose whole percents between {least}% and {most}%"),
            );
        }
        percent
    }
    /// How many whole `unit`s a span is, at least `least` and at most a day.
    fn whole(&mut self, span: &Located<Span>, name: &str, unit: Span, least: u64) -> u64 {
        let units = span.value.as_picos() / unit.as_picos();
        let most = DAY_MINUTES * (MINUTE.as_picos() / unit.as_picos());
        let is_whole = span.value.as_picos().is_multiple_of(unit.as_picos());
        if !is_whole || !(least..=most).contains(&units) {
            self.report.out_of_range(
                span.at,
                format!("`{name}` is {}", span.value),
                &format!("choose a multiple of {unit} up to 24h"),
            );
        }
        units
    }
}
