//! What INFO and LATENCY tell of each command: how often it was sent, how long it took, how often it
//! was refused or failed (`redis:src/server.c`, call and incrCommandStatsOnError).
//!
//! Times are those that the host says were spent, as for SLOWLOG. Where commands are not timed at all,
//! nothing is told here, since counts without times would be taken for something that they are not.

use super::durations::Durations;
use super::info::Statistics;
use super::{Call, Node};
use crate::command::{CommandSpec, INDEX_PLACES as PLACES};
use crate::script::Finished;
use kvrig_base::time::Span;
use std::fmt::Write;

/// What is known of one command or subcommand.
#[derive(Clone, Debug, Default)]
pub(super) struct CommandStats {
    calls: u64,
    took: Span,
    rejected: u64,
    failed: u64,
    pub(super) durations: Durations,
}

/// What is known of all commands that were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct AllCommandStats {
    /// Each at the place of its name, or at the next that was free.
    places: Vec<Option<Box<(&'static str, CommandStats)>>>,
}

impl AllCommandStats {
    /// Those of one command.
    fn of(&mut self, spec: &CommandSpec) -> &mut CommandStats {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let mut at = usize::from(spec.place);
        // There are more places than commands.
        while matches!(&self.places[at], Some(found) if found.0 != spec.name) {
            at = (at + 1) % PLACES;
        }
        &mut self.places[at]
            .get_or_insert_with(|| Box::new((spec.name, CommandStats::default())))
            .1
    }
    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<(&'static str, &CommandStats)> {
        let found = self.places.iter().flatten();
        let mut all: Vec<_> = found.map(|found| (found.0, &found.1)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }
}

impl Statistics {
    /// Counts a command that was carried out.
    pub(super) fn note_call(&mut self, spec: &CommandSpec, took: Span, failures: u64) {
        let stats = self.by_command.of(spec);
        stats.calls += 1;
        stats.took += took;
        stats.failed += failures;
        stats.durations.add(took);
    }
    /// Counts a command that waits. Its time is counted once more when it is answered, as in Redis.
    pub(super) fn note_wait(&mut self, spec: &CommandSpec, took: Span) {
        let stats = self.by_command.of(spec);
        stats.calls += 1;
        stats.took += took;
    }
    /// Counts the answer to a command that has waited (updateStatsOnUnblock).
    pub(super) fn note_answer(&mut self, spec: &CommandSpec, took: Span, has_failed: bool) {
        let stats = self.by_command.of(spec);
        stats.took += took;
        stats.failed += u64::from(has_failed);
        stats.durations.add(took);
    }
    /// Counts a command that was refused; a name that is none counts for nothing.
    #[cold]
    pub(super) fn note_rejected(&mut self, spec: Option<&'static CommandSpec>) {
        if let Some(spec) = spec {
            self.by_command.of(spec).rejected += 1;
        }
    }
    /// Counts the errors in the reply of a script, for the command that has run it.
    pub(super) fn note_script(&mut self, finished: &Finished) {
        for text in &finished.errors {
            self.note_error(text);
        }
        // An error that a script repeats counts as a failure each time, one of its own once.
        let own = u64::from(!finished.errors.is_empty());
        self.failures = Some(own + finished.repeated_errors);
    }
    /// Counts the error that a reply is, and says how often the command has failed.
    #[inline]
    pub(super) fn failures(&mut self, reply: &[u8]) -> u64 {
        if let Some(failures) = self.failures.take() {
            return failures;
        }
        let is_error = reply.starts_with(b"-");
        if is_error {
            self.note_reply(reply);
        }
        is_error.into()
    }
}

/// INFO commandstats.
pub(super) fn commandstats(node: &Node, _: &Call<'_>, text: &mut String) {
    for (name, stats) in node.statistics.by_command.all() {
        let micros = stats.took.as_micros();
        let per_call = match stats.calls {
            0 => 0.0,
            calls => micros as f64 / calls as f64,
        };
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "cmdstat_{name}:calls={},usec={micros},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}\r\n",
            stats.calls, stats.rejected, stats.failed,
        );
    }
}

/// INFO latencystats.
pub(super) fn latencystats(node: &Node, _: &Call<'_>, text: &mut String) {
    let percentiles = &node.config.latency_tracking_percentiles;
    if !node.config.latency_tracking {
        return;
    }
    for (name, stats) in node.statistics.by_command.all() {
        if stats.durations.total() == 0 {
            continue;
        }
        let told = percentiles.iter().map(|percent| {
            let nanos = stats.durations.percentile_nanos(percent.value());
            format!("p{percent}={}.{:03}", nanos / 1_000, nanos % 1_000)
        });
        let told: Vec<String> = told.collect();
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "latency_percentiles_usec_{name}:{}\r\n",
            told.join(",")
        );
    }
}
