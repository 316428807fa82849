//! The sentences that the rows support.

use super::load::in_minutes;
use crate::studies::rows::{Place, Rows, Sentence};
use crate::study::AdaptiveCapacityKnobs;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;

/// A row of a load, under a model and with one more axis where it has one.
#[derive(Clone, Copy)]
struct At<'a> {
    load: &'a str,
    model: &'a str,
    axes: &'a [(&'a str, &'a str)],
}

impl Place for At<'_> {
    fn is_of(&self, row: &Row) -> bool {
        let holds = |axis: &str, value: &str| row.cell.get(axis).is_some_and(|held| held == value);
        row.variant.is_empty()
            && row.cell.len() == 2 + self.axes.len()
            && holds("load", self.load)
            && holds("model", self.model)
            && self.axes.iter().all(|(axis, value)| holds(axis, value))
    }
}

const fn at<'a>(load: &'a str, model: &'a str) -> At<'a> {
    At {
        load,
        model,
        axes: &[],
    }
}

/// All findings, the most important first.
pub(super) fn findings(
    rows: &[Row],
    knobs: &AdaptiveCapacityKnobs,
    warnings: &[String],
) -> Vec<Finding> {
    let all = Rows(rows);
    let models: Vec<&str> = knobs.models.iter().map(|model| model.name()).collect();
    let newest = models.last().copied().unwrap_or("gac-2022");
    let delays: Vec<String> = knobs
        .split_delays
        .iter()
        .map(|&span| in_minutes(span))
        .collect();
    let ramps: Vec<String> = knobs.ramps.iter().map(|&span| in_minutes(span)).collect();
    let mut findings = Vec::new();
    findings.extend(uneven(all, &models));
    findings.extend(saved(all, models.first().copied().unwrap_or(newest)));
    let oldest = models.first().copied().unwrap_or(newest);
    findings.extend(one_key(all, (oldest, newest), &delays));
    findings.extend(never(all, newest, &delays));
    findings.extend(ramp(all, &ramps));
    findings.extend(step(all));
    findings.extend(workload(all, &models));
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

fn uneven(rows: Rows<'_>, models: &[&str]) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for model in models {
        let at = at("uneven", model);
        let throttled = sentence.quote(at, "throttled_share")?;
        parts.push(match rows.value(at, "throttled_share") {
            0 => format!("{model} throttles nothing"),
            _ => {
                let clean = sentence.quote(at, "clean_duration_mean")?;
                let after = sentence.quote(at, "throttled_after_share")?;
                let heal = sentence.quote(at, "heal_duration_mean")?;
                match *model {
                    "static-2012" => format!(
                        "{model} is clean for {clean} on what it had saved and then throttles {after}"
                    ),
                    _ => format!(
                        "{model} throttles {after} after {clean}, and is healed {heal} later \
                         ({throttled} in all)"
                    ),
                }
            }
        });
    }
    let text = format!(
        "An uneven load below what is paid for: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

fn saved(rows: Rows<'_>, model: &str) -> Option<Finding> {
    let at = at("saved reads", model);
    let mut sentence = Sentence::about(rows);
    let clean = sentence.quote(at, "clean_duration_mean")?;
    let after = sentence.quote(at, "throttled_after_share")?;
    Some(sentence.say(format!(
        "What 150 read units saved in five minutes carries the reads beyond them for {clean}; then \
         {after} are throttled."
    )))
}

fn one_key(rows: Rows<'_>, (oldest, model): (&str, &str), delays: &[String]) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    let mut first = None;
    for delay in delays {
        let axes = [("delay", delay.as_str()), ("sort", "random")];
        let at = At {
            load: "one key",
            model,
            axes: &axes,
        };
        let Some(in_all) = sentence.quote(at, "throttled_share") else {
            continue;
        };
        if first.is_none() {
            // Of the oldest model, which splits nothing.
            first = sentence.quote(
                At {
                    model: oldest,
                    ..at
                },
                "throttled_share",
            );
        }
        let capacity = sentence.quote(at, "capacity_mean")?;
        let splits = rows.value(at, "splits_count");
        parts.push(format!(
            "about {delay} each: {in_all} in all, {capacity} at the end after {splits} splits"
        ));
    }
    let first = first?;
    Some(sentence.say(format!(
        "Of the writes to one hot key {first} are throttled under {oldest}; under {model} splits heal \
         it, after {}.",
        parts.join("; ")
    )))
}

fn never(rows: Rows<'_>, model: &str, delays: &[String]) -> Option<Finding> {
    let delay = delays.first()?;
    let mut sentence = Sentence::about(rows);
    let mut quote = |sort: &str| {
        let axes = [("delay", delay.as_str()), ("sort", sort)];
        let at = At {
            load: "one key",
            model,
            axes: &axes,
        };
        sentence.quote(at, "throttled_share")
    };
    let (rising, whole) = (quote("increasing")?, quote("random, local index")?);
    Some(sentence.say(format!(
        "With sort keys that rise it is never split and {rising} of its writes are throttled for good; \
         with a local secondary index likewise, {whole}."
    )))
}

fn ramp(rows: Rows<'_>, ramps: &[String]) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for length in ramps {
        let axes = [("ramp", length.as_str())];
        let at = At {
            load: "ramp",
            model: "gac-2022",
            axes: &axes,
        };
        let share = sentence.quote(at, "throttled_share")?;
        parts.push(format!("{share} over {length}"));
    }
    let text = format!(
        "A new table on demand, ramped up from nothing, throttles {}.",
        parts.join(", ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

fn step(rows: Rows<'_>) -> Option<Finding> {
    let at = at("step", "gac-2022");
    let mut sentence = Sentence::about(rows);
    let count = sentence.quote(at, "attempts_throttled_count")?;
    let heal = sentence.quote(at, "heal_duration_mean")?;
    let after = sentence.quote(at, "throttled_after_share")?;
    Some(sentence.say(format!(
        "A tenfold step under auto scaling: when the saved units are spent {after} of the requests are \
         throttled, {count} in the mean, until {heal} later the capacity has followed."
    )))
}

fn workload(rows: Rows<'_>, models: &[&str]) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for model in models {
        let share = sentence.quote(at("workload", model), "throttled_share")?;
        parts.push(format!("{share} under {model}"));
    }
    let text = format!(
        "Of the study's workload is throttled: {}.",
        parts.join(", ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}
