//! The sentences that the rows support.

use super::commands::{Family, described, family, size_name, title};
use crate::studies::rows::{Rows, Sentence};
use crate::study::BigCommand;
use kvrig_base::quantity::exact;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;
use kvrig_base::time::Span;

/// What the rows are about.
#[derive(Debug)]
pub(super) struct Subjects {
    /// Commands, in the order of asking.
    pub(super) commands: Vec<BigCommand>,
    /// Sizes, ascending.
    pub(super) sizes: Vec<u64>,
    pub(super) element_bytes: u64,
    pub(super) window: Span,
    pub(super) limits: Vec<Span>,
}

impl Subjects {
    fn largest(&self) -> u64 {
        self.sizes.last().copied().unwrap_or(0)
    }
    fn described(&self, command: BigCommand) -> String {
        described(command, self.largest(), self.element_bytes)
    }
    fn of_family(&self, wanted: Family) -> impl Iterator<Item = BigCommand> + '_ {
        let commands = self.commands.iter().copied();
        commands.filter(move |&command| family(command) == wanted)
    }
}

/// All findings, the most important first.
pub(super) fn findings(rows: &[Row], subjects: &Subjects, warnings: &[String]) -> Vec<Finding> {
    let rows = Rows(rows);
    let mut findings = Vec::new();
    for command in longest_first(rows, subjects) {
        findings.extend(stops_everybody(rows, subjects, command));
    }
    findings.extend(unlink_beside_del(rows, subjects));
    for limit in &subjects.limits {
        findings.extend(keeps_below(rows, subjects, *limit));
    }
    findings.extend(what_replies_cost(rows, subjects));
    findings.extend(flushes(rows, subjects));
    findings.extend(warnings.iter().map(|text| Finding {
        text: text.clone(),
        rows: Vec::new(),
        warning: true,
    }));
    findings
}

/// The command of each family that stops the longest at the largest size, the longest first, and
/// KEYS, which everybody asks about.
fn longest_first(rows: Rows<'_>, subjects: &Subjects) -> Vec<BigCommand> {
    let size = size_name(subjects.largest());
    let stop = |command: &BigCommand| {
        let cell = [("command", command.name()), ("size", size.as_str())];
        rows.value(&cell, "pause_command_max")
    };
    let mut worst: Vec<BigCommand> = [Family::Read, Family::Store, Family::Del]
        .into_iter()
        .filter_map(|family| subjects.of_family(family).max_by_key(stop))
        .collect();
    if subjects.commands.contains(&BigCommand::Keys) && !worst.contains(&BigCommand::Keys) {
        worst.push(BigCommand::Keys);
    }
    worst.sort_by_key(|command| std::cmp::Reverse(stop(command)));
    worst
}

/// "KEYS * over 10^6 keys stops everybody for X: N requests wait …".
fn stops_everybody(rows: Rows<'_>, subjects: &Subjects, command: BigCommand) -> Option<Finding> {
    let size = size_name(subjects.largest());
    let cell = [("command", command.name()), ("size", size.as_str())];
    let phase = |phase| {
        [
            ("command", command.name()),
            ("phase", phase),
            ("size", size.as_str()),
        ]
    };
    let mut sentence = Sentence::about(rows);
    let stop = sentence.quote(&cell, "pause_command_max")?;
    let waiting = sentence.quote(&cell, "requests_waiting_max")?;
    let drain = sentence.quote(&cell, "drain_duration_max")?;
    let longest = sentence.quote(&phase("after"), "response_max")?;
    let after = sentence.quote(&phase("after"), "response_p99")?;
    let before = sentence.quote(&phase("before"), "response_p99")?;
    let mut text = format!(
        "{} stops everybody for {stop}: {waiting} requests wait, the longest {longest}; p99 over the {} behind it is {after}, {before} before. The queue has drained after {drain}",
        subjects.described(command),
        exact(&subjects.window),
    );
    match sentence.quote_above_zero(&cell, "throughput_lost_max") {
        Some(lost) => text.push_str(&format!("; at worst {lost} are asked and not answered.")),
        None => text.push('.'),
    }
    Some(sentence.say(text))
}

/// What UNLINK leaves of the stop of DEL, value by value.
fn unlink_beside_del(rows: Rows<'_>, subjects: &Subjects) -> Option<Finding> {
    use BigCommand as C;
    let size = size_name(subjects.largest());
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for (del, unlink, what) in [
        (C::DelList, C::UnlinkList, "list"),
        (C::DelSet, C::UnlinkSet, "set"),
        (C::DelHash, C::UnlinkHash, "hash"),
        (C::DelZset, C::UnlinkZset, "sorted set"),
        (C::DelString, C::UnlinkString, "string"),
    ] {
        let cell = |command: C| [("command", command.name()), ("size", size.as_str())];
        let (del, unlink) = (cell(del), cell(unlink));
        if let (Some(long), Some(short)) = (
            sentence.quote(&del, "pause_command_max"),
            sentence.quote(&unlink, "pause_command_max"),
        ) {
            let aside = sentence.quote_above_zero(&unlink, "offload_duration_max");
            let aside = match aside {
                Some(aside) => format!("a thread is done after {aside}"),
                None => "no thread helps".to_owned(),
            };
            parts.push(format!("{what} {long} and {short} ({aside})"));
        }
    }
    let text = format!(
        "DEL and UNLINK of {size} elements stop everybody for: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// Up to which size each command stays below a limit.
fn keeps_below(rows: Rows<'_>, subjects: &Subjects, limit: Span) -> Option<Finding> {
    let mut sentence = Sentence::about(rows);
    let limit_name = exact(&limit);
    let nanos = i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX);
    let (mut bounded, mut always, mut never) = (vec![], vec![], vec![]);
    let ends = [subjects.sizes.first(), subjects.sizes.last()];
    for &command in &subjects.commands {
        let cell = [("command", command.name()), ("limit", limit_name.as_str())];
        if let Some(elements) = sentence.quote(&cell, "elements_within_count") {
            bounded.push(format!("{} {elements}", title(command)));
            continue;
        }
        let [Some(first), Some(last)] = ends.map(|size| {
            let size = size_name(*size?);
            let cell = [("command", command.name()), ("size", size.as_str())];
            rows.find(&cell, "pause_command_max")
        }) else {
            continue;
        };
        let (row, list) = match last.1.value <= nanos {
            true => (last, &mut always),
            false => (first, &mut never),
        };
        sentence.rest_on(row.0);
        list.push(title(command));
    }
    let mut parts = Vec::new();
    if !bounded.is_empty() {
        parts.push(format!("up to {}", bounded.join(", ")));
    }
    if !always.is_empty() {
        parts.push(format!("at every size measured {}", always.join(", ")));
    }
    if !never.is_empty() {
        parts.push(format!("at no size measured {}", never.join(", ")));
    }
    let text = format!(
        "A stop of at most {limit_name} is kept, in elements: {}.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// How much of a read's stop is the work of the command, and how much the reply.
fn what_replies_cost(rows: Rows<'_>, subjects: &Subjects) -> Option<Finding> {
    let size = size_name(subjects.largest());
    let mut sentence = Sentence::about(rows);
    let mut parts = Vec::new();
    for command in subjects.of_family(Family::Read) {
        let cell = [("command", command.name()), ("size", size.as_str())];
        if let (Some(stop), Some(receipt), Some(reply)) = (
            sentence.quote(&cell, "pause_command_max"),
            sentence.quote(&cell, "service_command_mean"),
            sentence.quote(&cell, "reply_size_max"),
        ) {
            parts.push(format!(
                "{} {stop}, {receipt} of it the command ({reply} of reply)",
                title(command)
            ));
        }
    }
    let text = format!(
        "Reading {size} elements: {}; the rest is writing the reply in one go.",
        parts.join("; ")
    );
    (!parts.is_empty()).then(|| sentence.say(text))
}

/// What a flush costs, and what is left of it with ASYNC.
fn flushes(rows: Rows<'_>, subjects: &Subjects) -> Option<Finding> {
    let size = size_name(subjects.largest());
    let cell = |command: BigCommand| [("command", command.name()), ("size", size.as_str())];
    let (sync, aside) = (cell(BigCommand::Flushall), cell(BigCommand::FlushallAsync));
    let mut sentence = Sentence::about(rows);
    let long = sentence.quote(&sync, "pause_command_max")?;
    let short = sentence.quote(&aside, "pause_command_max")?;
    let until = sentence.quote(&aside, "offload_duration_max")?;
    let text = format!(
        "FLUSHALL over {size} keys stops everybody for {long}, with ASYNC for {short}; a thread has released the rest after {until}."
    );
    Some(sentence.say(text))
}
