//! What points find, and the samples that it comes to.

use super::bill::Bill;
use super::inputs::Inputs;
use super::month::{Ledger, Minute};
use crate::run::Sample;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of even capacity.
pub(super) const PROVISIONED: &str = "provisioned";
/// A table with the units that the study file gives.
pub(super) const AS_CREATED: &str = "as-created";
/// A table scaled by target tracking.
pub(super) const AUTO_SCALED: &str = "auto-scaled";
/// A table billed by the request.
pub(super) const ON_DEMAND: &str = "on-demand";
/// A table that is provisioned for the peak, by its share.
pub(super) const WHOLE_PEAK: &str = "100%";

const MILLION: u64 = 1_000_000;
const NANOS_PER_SEC: u64 = 1_000_000_000;

/// What one table made of its requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableOutcome {
    pub(super) table: String,
    /// The share that is meant to be used, of a table under an even load.
    pub(super) used: Option<String>,
    /// The capacity as a share of the curve's peak.
    pub(super) of_peak: Option<String>,
    /// The share that was used, of a table whose capacity is provisioned.
    pub(super) used_ppm: Option<u64>,
    pub(super) bills: Vec<Bill>,
    pub(super) ledger: Ledger,
    /// A day by the minute.
    pub(super) minutes: Vec<Minute>,
}

/// What a point has found: one curve under one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PointOutcome {
    pub(super) variant: String,
    pub(super) axes: BTreeMap<String, String>,
    pub(super) replication: u32,
    pub(super) curve: String,
    /// Peak-to-mean ratio in millionths.
    pub(super) ratio: Option<u64>,
    /// The same as an axis shows it.
    pub(super) peak_to_mean: Option<String>,
    pub(super) seconds: u64,
    pub(super) tables: Vec<TableOutcome>,
}

impl TableOutcome {
    /// The bill of a month under prices, without reserved capacity.
    pub(super) fn month(&self, prices: &str) -> Option<i64> {
        let mut bills = self.bills.iter();
        let bill = bills.find(|bill| bill.prices == prices && bill.term.is_none())?;
        Some(bill.month)
    }
    /// Whether it is provisioned for the peak of its curve.
    pub(super) fn is_for_peak(&self) -> bool {
        self.of_peak.as_deref() == Some(WHOLE_PEAK)
    }
}

impl PointOutcome {
    fn cell(&self) -> BTreeMap<String, String> {
        let mut cell = self.axes.clone();
        cell.insert("curve".into(), self.curve.clone());
        if let Some(ratio) = &self.peak_to_mean {
            cell.insert("peak_to_mean".into(), ratio.clone());
        }
        cell
    }
    fn cell_of(&self, table: &TableOutcome) -> BTreeMap<String, String> {
        let mut cell = self.cell();
        cell.insert("table".into(), table.table.clone());
        for (axis, value) in [("used", &table.used), ("of_peak", &table.of_peak)] {
            if let Some(value) = value {
                cell.insert(axis.into(), value.clone());
            }
        }
        cell
    }
    /// The table called so; one provisioned for the peak, where there are several.
    pub(super) fn table(&self, name: &str) -> Option<&TableOutcome> {
        self.tables
            .iter()
            .find(|table| table.table == name && (name != PROVISIONED || table.is_for_peak()))
    }
    /// The prices that it was billed under, by the days from which they hold.
    pub(super) fn prices(&self) -> Vec<&str> {
        let on_demand = self.table(ON_DEMAND);
        let bills = on_demand.map_or(&[][..], |table| &table.bills);
        bills.iter().map(|bill| bill.prices.as_str()).collect()
    }
}

/// Adds samples of one cell.
struct Samples<'a> {
    variant: &'a str,
    cell: BTreeMap<String, String>,
    list: &'a mut Vec<Sample>,
}

impl Samples<'_> {
    fn add(&mut self, name: &str, value: i64) {
        self.list.push(Sample {
            variant: self.variant.to_owned(),
            cell: self.cell.clone(),
            name: name.to_owned(),
            value,
        });
    }
    fn add_count(&mut self, name: &str, value: u64) {
        self.add(name, i64::try_from(value).unwrap_or(i64::MAX));
    }
    /// The samples of the same cell under prices and perhaps a term.
    fn under(&mut self, prices: &str, term: Option<&str>) -> Samples<'_> {
        let mut cell = self.cell.clone();
        cell.insert("prices".into(), prices.to_owned());
        cell.extend(term.map(|term| ("term".to_owned(), term.to_owned())));
        Samples {
            variant: self.variant,
            cell,
            list: self.list,
        }
    }
}

/// The samples of all points, with what follows from several of them.
pub(super) fn samples(points: &[PointOutcome], cells: &[Inputs]) -> Vec<Sample> {
    let mut list = Vec::new();
    for point in points {
        for table in &point.tables {
            of_table(point, table, &mut list);
        }
        savings(point, &mut list);
        break_even_used(point, &mut list);
    }
    break_even_peaks(points, &mut list);
    for inputs in cells {
        laws(inputs, &mut list);
    }
    list
}

fn of_table(point: &PointOutcome, table: &TableOutcome, list: &mut Vec<Sample>) {
    let ledger = &table.ledger;
    let mut samples = Samples {
        variant: &point.variant,
        cell: point.cell_of(table),
        list,
    };
    let share = |part: u64, whole: u64| {
        let ppm = u128::from(part) * u128::from(MILLION) / u128::from(whole.max(1));
        u64::try_from(ppm).unwrap_or(u64::MAX)
    };
    samples.add_count("throttled_share", share(ledger.throttled, ledger.attempts));
    samples.add_count("failed_share", share(ledger.failed, ledger.requests));
    if let Some(nanos) = (ledger.late_secs * NANOS_PER_SEC).checked_div(ledger.answered_late) {
        samples.add_count("retry_wait_mean", nanos);
    }
    if let Some(used) = table.used_ppm {
        samples.add_count("capacity_used_mean", used);
    }
    if table.table == AUTO_SCALED {
        samples.add_count("capacity_increases_count", ledger.increases);
        samples.add_count("capacity_decreases_count", ledger.decreases);
    }
    for bill in &table.bills {
        let mut priced = samples.under(&bill.prices, bill.term.as_deref());
        priced.add("bill_month_mean", bill.month);
        if bill.term.is_some() {
            continue;
        }
        if let (Some(hourly), AUTO_SCALED) = (bill.hourly, table.table.as_str()) {
            priced.add("bill_hourly_mean", hourly);
        }
        if let Some(million) = of_million(bill.month, ledger.answered, point.seconds) {
            priced.add("bill_million_mean", million);
        }
    }
}

/// The part of a bill of 30 days that a million answered requests make up.
fn of_million(month: i64, answered: u64, seconds: u64) -> Option<i64> {
    let month_secs = i128::from(kvrig_dynamo::price::MONTH_SECS);
    let of_run = i128::from(month) * i128::from(seconds);
    let millionths = of_run * i128::from(MILLION) / month_secs;
    i64::try_from(millionths.checked_div(i128::from(answered))?).ok()
}

/// What a table below the peak saves for a million requests that fail.
fn savings(point: &PointOutcome, list: &mut Vec<Sample>) {
    let Some(whole) = point.table(PROVISIONED) else {
        return;
    };
    for table in point.tables.iter().filter(|table| table.of_peak.is_some()) {
        let seconds = i128::from(point.seconds);
        let month_secs = i128::from(kvrig_dynamo::price::MONTH_SECS);
        let failed = i128::from(table.ledger.failed);
        for bill in table.bills.iter().filter(|bill| bill.term.is_none()) {
            let Some(most) = whole.month(&bill.prices) else {
                continue;
            };
            let saved = i128::from(most - bill.month) * seconds / month_secs;
            if let Some(saved) = (saved * i128::from(MILLION)).checked_div(failed)
                && let Ok(saved) = i64::try_from(saved)
            {
                let mut samples = Samples {
                    variant: &point.variant,
                    cell: point.cell_of(table),
                    list,
                };
                samples
                    .under(&bill.prices, None)
                    .add("failure_saved_mean", saved);
            }
        }
    }
}

/// Where provisioned and on-demand bills cross under an even load.
fn break_even_used(point: &PointOutcome, list: &mut Vec<Sample>) {
    for prices in point.prices() {
        let on_demand = point.table(ON_DEMAND).and_then(|table| table.month(prices));
        let provisioned = point.tables.iter().filter(|table| table.used.is_some());
        let mut curve: Vec<(u64, i64, i64)> = provisioned
            .filter_map(|table| Some((table.used_ppm?, on_demand?, table.month(prices)?)))
            .collect();
        curve.sort_unstable();
        if let Some(used) = crossing(&curve) {
            let mut samples = Samples {
                variant: &point.variant,
                cell: point.cell(),
                list,
            };
            samples
                .under(prices, None)
                .add("break_even_used_mean", used);
        }
    }
}

/// Where the bills of provisioned and scaled tables exceed that of on-demand as the peak rises.
fn break_even_peaks(points: &[PointOutcome], list: &mut Vec<Sample>) {
    let firsts = points.iter().enumerate().filter(|(index, point)| {
        point.ratio.is_some() && !points[..*index].iter().any(|other| is_beside(other, point))
    });
    for (_, first) in firsts {
        for table in [PROVISIONED, AUTO_SCALED] {
            for prices in first.prices() {
                let beside = points.iter().filter(|other| is_beside(other, first));
                let mut curve: Vec<(u64, i64, i64)> = beside
                    .filter_map(|point| {
                        let month = point.table(table)?.month(prices)?;
                        let on_demand = point.table(ON_DEMAND)?.month(prices)?;
                        Some((point.ratio?, month, on_demand))
                    })
                    .collect();
                curve.sort_unstable();
                if let Some(ratio) = crossing(&curve) {
                    let mut cell = first.cell();
                    cell.remove("peak_to_mean");
                    cell.insert("table".into(), table.into());
                    let mut samples = Samples {
                        variant: &first.variant,
                        cell,
                        list,
                    };
                    // Ratios are in millionths, rows in thousandths.
                    let milli = (ratio + 500) / 1_000;
                    samples
                        .under(prices, None)
                        .add("break_even_peak_mean", milli);
                }
            }
        }
    }
}

/// Whether two points differ in nothing but the peak-to-mean ratio.
fn is_beside(one: &PointOutcome, other: &PointOutcome) -> bool {
    (&one.variant, &one.axes, one.replication, &one.curve)
        == (&other.variant, &other.axes, other.replication, &other.curve)
        && one.ratio.is_some() == other.ratio.is_some()
}

/// The place at which the first bill of (place, first, second) grows beyond the second, between the
/// two points around it. The quotient of both is a straight line where nothing is throttled.
fn crossing(curve: &[(u64, i64, i64)]) -> Option<i64> {
    let quotient = |&(place, first, second): &(u64, i64, i64)| {
        const SCALE: i128 = 1_000_000_000_000;
        let quotient = (i128::from(first) * SCALE).checked_div(i128::from(second))?;
        Some((i128::from(place), quotient - SCALE))
    };
    curve.windows(2).find_map(|pair| {
        let (low, below) = quotient(&pair[0])?;
        let (high, above) = quotient(&pair[1])?;
        if below > 0 || above <= 0 {
            return None;
        }
        let place = low + (high - low) * -below / (above - below);
        i64::try_from(place).ok()
    })
}

/// What requests consume, and what the quotients of prices say.
fn laws(inputs: &Inputs, list: &mut Vec<Sample>) {
    let knobs = &inputs.knobs;
    let (read, write) = inputs.mean_units();
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell: inputs.cell.axes.clone(),
        list,
    };
    samples.add_count("units_read_mean", read);
    samples.add_count("units_write_mean", write);
    for prices in &inputs.prices {
        let mut samples = Samples {
            variant: &inputs.cell.variant,
            cell: inputs.cell.axes.clone(),
            list,
        };
        let text = prices.from_text();
        let mut samples = samples.under(&text, None);
        // In some regions reads cross a little below writes, since requests are priced in round figures.
        let (reads, writes) = inputs.mix_units();
        let used = prices.break_even_ppm(reads, writes);
        if !knobs.utilisations.is_empty() {
            samples.add_count("law_break_even_used_mean", used);
        }
        if !knobs.peak_to_mean.is_empty()
            && let Some(milli) = (MILLION * 1_000 + used / 2).checked_div(used)
        {
            samples.add_count("law_break_even_peak_mean", milli);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_lies_where_the_quotient_is_one() {
        // Quotients of 1/2, 3/4, 3/2.
        assert_eq!(crossing(&[(10, 1, 2), (20, 3, 4), (50, 3, 2)]), Some(30));
        assert_eq!(crossing(&[(10, 1, 2), (20, 3, 4)]), None);
        assert_eq!(crossing(&[(10, 3, 2), (20, 7, 4)]), None);
    }
}
