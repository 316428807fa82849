//! The sentences that the rows support.

use super::article;
use super::outcome::{AUTO_SCALED, ON_DEMAND, PROVISIONED, WHOLE_PEAK};
use super::summary::table_name;
use kvrig_base::quantity::format_value;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// A row with its index.
pub(super) type Found<'a> = (usize, &'a Row);

/// The value of an axis.
pub(super) fn axis<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.cell.get(name).map(String::as_str)
}

fn value((_, row): Found<'_>) -> String {
    format_value(row.unit, row.value)
}

/// Rows of one metric of the built-in sweep or a variant, whose cell has just these axes.
struct Cells<'a> {
    rows: &'a [Row],
    variant: &'a str,
}

impl<'a> Cells<'a> {
    fn find(&self, name: &str, cell: &[(&str, &str)]) -> Option<Found<'a>> {
        self.rows.iter().enumerate().find(|(_, row)| {
            row.variant == self.variant
                && row.name == name
                && row.cell.len() == cell.len()
                && cell
                    .iter()
                    .all(|&(name, value)| axis(row, name) == Some(value))
        })
    }
    fn month(&self, curve: &[(&str, &str)], table: &str, prices: &str) -> Option<Found<'a>> {
        let mut cell = curve.to_vec();
        cell.extend([("table", table), ("prices", prices)]);
        if table == PROVISIONED {
            cell.push(("of_peak", WHOLE_PEAK));
        }
        self.find("bill_month_mean", &cell)
    }
    /// A share of the auto-scaled table.
    fn scaled(&self, curve: &[(&str, &str)], name: &str) -> Option<Found<'a>> {
        let mut cell = curve.to_vec();
        cell.push(("table", AUTO_SCALED));
        self.find(name, &cell)
    }
}

fn finding(text: String, rows: &[Found<'_>]) -> Finding {
    Finding {
        text,
        rows: rows.iter().map(|&(index, _)| index).collect(),
        warning: false,
    }
}

/// All findings, the most important first.
pub(super) fn findings(rows: &[Row], warnings: &[String]) -> Vec<Finding> {
    let mut prices: Vec<&str> = rows.iter().filter_map(|row| axis(row, "prices")).collect();
    prices.sort_unstable();
    prices.dedup();
    let all = Cells { rows, variant: "" };
    let mut findings = Vec::new();
    findings.extend(break_even_used(&all, &prices));
    findings.extend(break_even_peak(&all, &prices));
    if let Some(&latest) = prices.last() {
        findings.extend(break_even_scaled(&all, latest));
        findings.extend(own_arrivals(&all, latest));
        findings.extend(
            ["day", "bursts"]
                .into_iter()
                .filter_map(|curve| scaling(&all, curve, latest)),
        );
        findings.extend(price_of_throttles(&all, latest));
        findings.extend(designs(rows, latest));
    }
    findings.extend(of_article(&all));
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

/// The value of a row with its interval over the seeds, or that they agree in all digits shown.
fn with_interval(found: Found<'_>) -> String {
    let row = found.1;
    let say = |value| format_value(row.unit, value);
    match row.lo.zip(row.hi).map(|(lo, hi)| (say(lo), say(hi))) {
        Some((lo, hi)) if lo != hi => {
            let seeds = row.seeds;
            format!(
                "{} (95 % interval of {seeds} seeds {lo} to {hi})",
                value(found)
            )
        }
        _ => value(found),
    }
}

/// `; so much at the prices from a day (so much by the quotient of prices)` for every price table.
fn by_prices<'a>(
    all: &Cells<'a>,
    prices: &[&str],
    names: (&str, &str),
    cell: &[(&str, &str)],
    used: &mut Vec<Found<'a>>,
) -> Option<String> {
    let mut parts = Vec::new();
    for &from in prices {
        let mut place = cell.to_vec();
        place.push(("prices", from));
        let found = all.find(names.0, &place)?;
        let law = all.find(names.1, &[("prices", from)])?;
        parts.push(format!(
            "{} at the prices from {from} (by the quotient of prices {})",
            with_interval(found),
            value(law)
        ));
        used.extend([found, law]);
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn break_even_used(all: &Cells<'_>, prices: &[&str]) -> Option<Finding> {
    let mut used = Vec::new();
    let names = ("break_even_used_mean", "law_break_even_used_mean");
    let parts = by_prices(all, prices, names, &[("curve", "even")], &mut used)?;
    let text = format!(
        "Under an even load, provisioned capacity costs less than on-demand once more of it is used \
         than {parts}."
    );
    Some(finding(text, &used))
}

fn break_even_peak(all: &Cells<'_>, prices: &[&str]) -> Option<Finding> {
    let mut used = Vec::new();
    let names = ("break_even_peak_mean", "law_break_even_peak_mean");
    let mut parts = Vec::new();
    for (curve, words) in [("day", "daily peaks"), ("bursts", "bursts")] {
        let cell = [("curve", curve), ("table", PROVISIONED)];
        let found = by_prices(all, prices, names, &cell, &mut used);
        parts.extend(found.map(|part| format!("for {words} above {part}")));
    }
    if parts.is_empty() {
        return None;
    }
    let text = format!(
        "A table provisioned for its peak costs more than on-demand where the peak is so many times the \
         mean: {}.",
        parts.join("; ")
    );
    Some(finding(text, &used))
}

/// Where an auto-scaled table comes to cost more than on-demand, or how near to it. Here seeds matter:
/// when alarms act and where bursts lie is drawn.
fn break_even_scaled(all: &Cells<'_>, latest: &str) -> Option<Finding> {
    let mut parts = Vec::new();
    let mut used = Vec::new();
    for (curve, words) in [("day", "days"), ("bursts", "bursts")] {
        let bills = ratios_of(all, curve).into_iter().filter_map(|ratio| {
            let cell = [("curve", curve), ("peak_to_mean", ratio)];
            let scaled = all.month(&cell, AUTO_SCALED, latest)?;
            let on_demand = all.month(&cell, ON_DEMAND, latest)?;
            let share = i128::from(scaled.1.value) * 1_000_000;
            let share = share.checked_div(i128::from(on_demand.1.value))?;
            Some((share, ratio, scaled, on_demand))
        });
        let Some((_, ratio, scaled, on_demand)) = bills.max_by_key(|&(share, ..)| share) else {
            continue;
        };
        let cell = [("curve", curve), ("table", AUTO_SCALED), ("prices", latest)];
        parts.push(match all.find("break_even_peak_mean", &cell) {
            Some(crossing) => {
                used.push(crossing);
                let (seeds, of) = (crossing.1.seeds, scaled.1.seeds);
                format!(
                    "under {words} it crosses at peaks of {} times the mean, under {seeds} of {of} seeds",
                    with_interval(crossing)
                )
            }
            None => format!("under {words} it crosses at no peak that was run"),
        });
        parts.push(format!(
            "it is dearest beside on-demand at {ratio} times the mean, {} beside {}",
            with_interval(scaled),
            value(on_demand)
        ));
        used.extend([scaled, on_demand]);
    }
    if parts.is_empty() {
        return None;
    }
    let text = format!(
        "Auto scaling beside on-demand, at the prices from {latest}: {}.",
        parts.join("; ")
    );
    Some(finding(text, &used))
}

fn own_arrivals(all: &Cells<'_>, latest: &str) -> Option<Finding> {
    let own = [("curve", "own")];
    let tables = [PROVISIONED, AUTO_SCALED, ON_DEMAND];
    let months = tables.map(|table| all.month(&own, table, latest));
    let [Some(peak), Some(scaled), Some(on_demand)] = months else {
        return None;
    };
    let cheapest = [peak, scaled, on_demand]
        .into_iter()
        .min_by_key(|found| found.1.value)?;
    let throttled = all.scaled(&own, "throttled_share")?;
    let term = |years: &'static str| {
        all.find(
            "bill_month_mean",
            &[
                ("curve", "own"),
                ("table", AUTO_SCALED),
                ("prices", latest),
                ("term", years),
            ],
        )
    };
    let mut used = vec![peak, scaled, on_demand, throttled];
    let reserved = term("1 year").map_or_else(String::new, |found| {
        used.push(found);
        format!(", or {} with what pays reserved for a year", value(found))
    });
    let text = format!(
        "The workload's own arrivals cost {} a month provisioned for their peak, {} auto-scaled{reserved} \
         (throttling {} of the attempts) and {} on demand, at the prices from {latest}: {} is the \
         cheapest.",
        value(peak),
        value(scaled),
        value(throttled),
        value(on_demand),
        table_name(cheapest),
    );
    Some(finding(text, &used))
}

/// The peaks of a curve that were run, ascending.
fn ratios_of<'a>(all: &Cells<'a>, curve: &str) -> Vec<&'a str> {
    let ratios = all.rows.iter().filter(|row| {
        row.variant == all.variant
            && axis(row, "curve") == Some(curve)
            && row.name == "failed_share"
    });
    let mut ratios: Vec<(f64, &str)> = ratios
        .filter_map(|row| axis(row, "peak_to_mean"))
        .filter_map(|text| Some((text.parse().ok()?, text)))
        .collect();
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    ratios.dedup();
    ratios.into_iter().map(|(_, text)| text).collect()
}

/// Auto scaling at the middle one of the peaks that were run.
fn scaling(all: &Cells<'_>, curve: &str, latest: &str) -> Option<Finding> {
    let ratios = ratios_of(all, curve);
    let ratio = *ratios.get(ratios.len() / 2)?;
    let cell = [("curve", curve), ("peak_to_mean", ratio)];
    let scaled = all.month(&cell, AUTO_SCALED, latest)?;
    let on_demand = all.month(&cell, ON_DEMAND, latest)?;
    let throttled = all.scaled(&cell, "throttled_share")?;
    let failed = all.scaled(&cell, "failed_share")?;
    let used = all.scaled(&cell, "capacity_used_mean")?;
    let decreases = all.scaled(&cell, "capacity_decreases_count")?;
    let words = match curve {
        "day" => "days with one peak",
        _ => "bursts",
    };
    let text = format!(
        "Under {words} of {ratio} times the mean, auto scaling keeps {} of its capacity in use and costs \
         {} a month beside {} on demand; {} of the attempts are throttled and {} of the requests fail \
         ({} decreases).",
        value(used),
        value(scaled),
        value(on_demand),
        value(throttled),
        value(failed),
        value(decreases),
    );
    Some(finding(
        text,
        &[used, scaled, on_demand, throttled, failed, decreases],
    ))
}

/// What less capacity than the peak saves, and what it costs in failures.
fn price_of_throttles(all: &Cells<'_>, latest: &str) -> Option<Finding> {
    let own = [("curve", "own")];
    let whole = all.month(&own, PROVISIONED, latest)?;
    let mut parts = Vec::new();
    let mut used = vec![whole];
    let saved = all.rows.iter().enumerate().filter(|(_, row)| {
        row.variant == all.variant
            && row.name == "failure_saved_mean"
            && axis(row, "curve") == Some("own")
            && axis(row, "prices") == Some(latest)
            && row.cell.len() == 4
    });
    for saved in saved {
        let share = axis(saved.1, "of_peak")?;
        let place = [("curve", "own"), ("table", PROVISIONED), ("of_peak", share)];
        let mut priced = place.to_vec();
        priced.push(("prices", latest));
        let month = all.find("bill_month_mean", &priced)?;
        let failed = all.find("failed_share", &place)?;
        parts.push((
            month.1.value,
            format!(
                "{share} of the peak costs {} and fails {} of the requests: {} saved for a million failures",
                value(month),
                value(failed),
                value(saved),
            ),
        ));
        used.extend([month, failed, saved]);
    }
    parts.sort_unstable_by_key(|&(month, _)| std::cmp::Reverse(month));
    let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    if parts.is_empty() {
        return None;
    }
    let text = format!(
        "Capacity for less than the peak of the workload's own arrivals ({} a month) saves money at the \
         price of requests: {}.",
        value(whole),
        parts.join("; "),
    );
    Some(finding(text, &used))
}

/// One table beside several for the same page.
fn designs(rows: &[Row], latest: &str) -> Option<Finding> {
    let of = |variant| Cells { rows, variant };
    let (single, multi) = (of("single-table"), of("multi-table"));
    let own = [("curve", "own")];
    let units = |cells: &Cells<'_>| {
        let index = rows.iter().position(|row| {
            row.variant == cells.variant && row.name == "units_read_mean" && row.cell.is_empty()
        })?;
        Some((index, &rows[index]))
    };
    let (one, two) = (units(&single)?, units(&multi)?);
    let on_demand = |cells: &Cells<'_>| {
        let index = cells.month(&own, ON_DEMAND, latest)?.0;
        Some((index, &rows[index]))
    };
    let (one_bill, two_bill) = (on_demand(&single)?, on_demand(&multi)?);
    let text = format!(
        "A page of a customer and all orders takes {} read units in a single table and {} out of two, so \
         the month on demand costs {} instead of {}; DynamoDB charges nothing for a table as such.",
        value(one),
        value(two),
        value(one_bill),
        value(two_bill),
    );
    Some(finding(text, &[one, two, one_bill, two_bill]))
}

/// The article's arithmetic by what requests consume.
fn of_article(all: &Cells<'_>) -> Option<Finding> {
    let stated = |line| all.find("bill_article_mean", &[("article", line)]);
    let mut prices: Vec<&str> = all
        .rows
        .iter()
        .filter(|row| row.name == "bill_line_mean")
        .filter_map(|row| axis(row, "prices"))
        .collect();
    prices.sort_unstable();
    prices.dedup();
    let (&old, &new) = (prices.first()?, prices.last()?);
    let line = |line, from| all.find("bill_line_mean", &[("article", line), ("prices", from)]);
    let reads = (
        stated(article::EVENTUAL_READS)?,
        line(article::EVENTUAL_READS, old)?,
    );
    let writes = (stated(article::WRITES)?, line(article::WRITES, old)?);
    let shop = (stated(article::SHOP)?, line(article::SHOP, old)?);
    let shop_new = line(article::SHOP, new)?;
    let provisioned = line(article::PROVISIONED, new)?;
    let text = format!(
        "The article prices requests instead of units: eventual reads cost {} a day and not {}, writes of \
         1.5 KB {} and not {}; its shop on demand costs {} a month and not {}, and {} at the prices from \
         {new}, beside {} provisioned.",
        value(reads.1),
        value(reads.0),
        value(writes.1),
        value(writes.0),
        value(shop.1),
        value(shop.0),
        value(shop_new),
        value(provisioned),
    );
    let rows = [
        reads.0,
        reads.1,
        writes.0,
        writes.1,
        shop.0,
        shop.1,
        shop_new,
        provisioned,
    ];
    Some(finding(text, &rows))
}
