//! The sentences that the rows support.

use super::charts::diagnosis;
use super::outcome::PointOutcome;
use crate::dynamo::Checked;
use crate::studies::rows::{Place, Rows, Sentence};
use crate::studies::traffic::balance;
use kvrig_base::quantity::parse_decimal;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// The row of a variant that has no axes.
#[derive(Clone, Copy)]
struct Variant<'a>(&'a str);

impl Place for Variant<'_> {
    fn is_of(&self, row: &Row) -> bool {
        row.variant == self.0 && row.cell.is_empty()
    }
}

/// The row of a cell of a sweep over skew.
#[derive(Clone, Copy)]
struct Skew<'a>(&'a str);

impl Place for Skew<'_> {
    fn is_of(&self, row: &Row) -> bool {
        row.variant.is_empty()
            && row.cell.len() == 1
            && row.cell.get("s").is_some_and(|s| s == self.0)
    }
}

/// One bound of the clean rate of a cell of a sweep over skew.
#[derive(Clone, Copy)]
struct Bound<'a>(&'a str, &'a str);

impl Place for Bound<'_> {
    fn is_of(&self, row: &Row) -> bool {
        row.variant.is_empty()
            && row.cell.len() == 2
            && row.cell.get("s").is_some_and(|s| s == self.0)
            && row.cell.get("bound").is_some_and(|bound| bound == self.1)
    }
}

/// All findings, the most important first.
pub(super) fn findings(rows: &[Row], found: &[PointOutcome], warnings: &[String]) -> Vec<Finding> {
    let all = Rows(rows);
    let skews = skews(rows);
    let mut findings = Vec::new();
    findings.extend(where_it_begins(all, &skews));
    findings.extend(for_good(all, &skews));
    findings.extend(clean_rates(all, &skews));
    for row in rows {
        if row.name == "failed_early_share" && !row.variant.is_empty() && row.cell.is_empty() {
            findings.extend(design(all, &row.variant));
        }
    }
    findings.extend(retries(all, &skews));
    findings.extend(outside_a_sweep(all, found));
    let checked = found.iter().map(|point| point.found.checked());
    let checked = checked.fold(Checked::default(), Checked::plus);
    findings.push(balance(rows, "requests_offered_count", &checked));
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

/// The exponents of the sweep, ascending, as the cells write them.
fn skews(rows: &[Row]) -> Vec<&str> {
    let mut skews: Vec<&str> = rows
        .iter()
        .filter(|row| row.variant.is_empty() && row.cell.len() == 1)
        .filter_map(|row| row.cell.get("s").map(String::as_str))
        .collect();
    skews.sort_by_key(|text| parse_decimal(text, 6).unwrap_or(0));
    skews.dedup();
    skews
}

/// "Clean to s = 0.9; at 0.99 the hottest partition is asked for 120 % of its limit until it splits".
fn where_it_begins(rows: Rows<'_>, skews: &[&str]) -> Option<Finding> {
    const CLEAN_PPM: i64 = 1_000;
    let is_clean = |s: &&&str| rows.value(Skew(s), "failed_early_share") <= CLEAN_PPM;
    let mut sentence = Sentence::about(rows);
    let last_clean = skews.iter().take_while(is_clean).last();
    let first = skews.iter().find(|s| !is_clean(s))?;
    let mut text = match last_clean {
        Some(s) => {
            let demand = sentence.quote(Skew(s), "partition_demand_mean")?;
            format!(
                "Requests pass up to s = {s}, where the hottest partition is asked for {demand} of its limit; "
            )
        }
        None => String::new(),
    };
    let demand = sentence.quote(Skew(first), "partition_demand_mean")?;
    let early = sentence.quote(Skew(first), "failed_early_share")?;
    let late = sentence.quote(Skew(first), "failed_late_share")?;
    text.push_str(&format!(
        "at s = {first} it is asked for {demand}, and {early} of the requests fail at first, {late} at \
         the end of the run"
    ));
    if let Some(at) = sentence.quote(Skew(first), "split_first_mean") {
        text.push_str(&format!("; the first split comes after {at}"));
    }
    text.push('.');
    Some(sentence.say(text))
}

/// "From s = 1.1 the top key alone exceeds a partition: 2.4 % fail for good; 9.0 % at 1.2".
fn for_good(rows: Rows<'_>, skews: &[&str]) -> Option<Finding> {
    let beyond = skews
        .iter()
        .filter(|s| rows.value(Skew(s), "law_failed_share") > 0);
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for s in beyond {
        let floor = sentence.quote(Skew(s), "law_failed_share")?;
        let healed = sentence.quote(Skew(s), "failed_healed_share")?;
        parts.push(format!(
            "{floor} at s = {s} by arithmetic, {healed} as simulated"
        ));
    }
    let text = format!(
        "Where single keys exceed a partition no split helps, and requests fail for good: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

fn clean_rates(rows: Rows<'_>, skews: &[&str]) -> Option<Finding> {
    let (first, last) = (skews.first()?, skews.last()?);
    let middle = skews.iter().find(|s| **s == "0.99").unwrap_or(last);
    let mut sentence = Sentence::about(rows);
    let least = sentence.quote(Skew(first), "clean_rate_mean")?;
    let held = sentence.quote(Skew(middle), "clean_rate_mean")?;
    let paid = sentence.quote(Bound(middle, "paid"), "law_clean_rate")?;
    let hottest = sentence.quote(Bound(middle, "hottest partition"), "law_clean_rate")?;
    let top = sentence.quote(Bound(middle, "top key"), "law_clean_rate")?;
    let text = format!(
        "A minute is clean up to {least} at s = {first} and up to {held} at s = {middle}, where {paid} \
         is paid for: the hottest partition is full at {hottest}, and no number of partitions carries \
         more than {top}, at which the top key fills one."
    );
    Some(sentence.say(text))
}

fn design(rows: Rows<'_>, variant: &str) -> Option<Finding> {
    let at = Variant(variant);
    let mut sentence = Sentence::about(rows);
    let early = sentence.quote(at, "failed_early_share")?;
    let late = sentence.quote(at, "failed_late_share")?;
    let floor = sentence.quote(at, "law_failed_share")?;
    let mut text = format!(
        "{variant}: {early} of the requests fail at first ({floor} because single keys exceed a \
         partition) and {late} at the end"
    );
    if let Some(healed) = sentence.quote(at, "failed_healed_share") {
        text.push_str(&format!(", {healed} once all splits are done"));
    }
    if rows.value(at, "splits_count") == 0 {
        text.push_str(match rows.value(at, "splits_refused_count") {
            0 => "; nothing was hot enough to be split",
            _ => "; no split helps",
        });
    } else {
        let splits = sentence.quote(at, "splits_count")?;
        text.push_str(&format!(", after {splits} splits in the mean"));
    }
    if let Some(share) = sentence.quote_above_zero(at, "throttled_index_share") {
        text.push_str(&format!(
            "; the index throttles {share} of the attempts on a table that is even itself"
        ));
    }
    text.push('.');
    Some(sentence.say(text))
}

/// What retries make of it.
fn retries(rows: Rows<'_>, skews: &[&str]) -> Option<Finding> {
    let last = skews.last()?;
    let mut sentence = Sentence::about(rows);
    let attempts = sentence.quote(Skew(last), "attempts_mean")?;
    let throttled = sentence.quote(Skew(last), "throttled_share")?;
    let failed = sentence.quote(Skew(last), "failed_share")?;
    Some(sentence.say(format!(
        "At s = {last} clients send {attempts} of the requests as attempts; {throttled} of those are \
         throttled and {failed} of the requests fail: retries add load where there is no capacity."
    )))
}

/// Where there is no sweep over skew: what was seen, in a sentence for each cell.
fn outside_a_sweep(rows: Rows<'_>, found: &[PointOutcome]) -> Vec<Finding> {
    let none: &[(&str, &str)] = &[];
    let plain = found.iter().find(|point| {
        point.variant.is_empty() && point.axes.is_empty() && point.recorded().is_some()
    });
    let Some(point) = plain else {
        return Vec::new();
    };
    let mut sentence = Sentence::about(rows);
    let sentence_of = |sentence: &mut Sentence<'_>| {
        let early = sentence.quote(none, "failed_early_share")?;
        let late = sentence.quote(none, "failed_late_share")?;
        let healed = sentence.quote(none, "failed_healed_share")?;
        Some(format!(
            "The study's workload: {} {early} of the requests fail at first, {late} at the end, \
             {healed} once all splits are done.",
            diagnosis(point)
        ))
    };
    let text = sentence_of(&mut sentence);
    text.map(|text| sentence.say(text)).into_iter().collect()
}
