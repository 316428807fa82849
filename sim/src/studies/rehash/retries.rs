//! The core's load by phase, and what clients with a time limit go through: attempts, timeouts,
//! failures, and work whose clients had given up.
//!
//! A stop of the store makes everybody time out at once. What they send again is queued behind what
//! they have given up, which is served all the same, so that the load after the stop can be higher
//! than before it for as long as it takes (redis issue 12602: a server at half its capacity stayed
//! at all of it during a rehash, and retries made it worse).

use super::phases::{Phase, Recorder};
use crate::studies::samples::{Samples, parts_per_million};
use crate::world::{Reply, TimedOut, TurnTaken};
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::result::Finding;
use kvrig_base::row::Row;
use kvrig_base::time::{Span, Time};

/// One phase.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Time for which the core was busy.
    busy: Span,
    /// The part of it that was spent on requests whose clients had given up.
    wasted: Span,
    /// Requests that ended: answered in time, or failed.
    ended: u64,
    /// Attempts that those took.
    attempts: u64,
    timed_out: u64,
    failed: u64,
}

/// The recorder of load and of clients' patience.
#[derive(Debug, Default)]
pub(super) struct Loads {
    phases: [Tally; 3],
    last_timeout: Option<Time>,
}

impl Loads {
    fn tally(&mut self, phase: Phase) -> &mut Tally {
        &mut self.phases[phase as usize]
    }
    /// Takes a turn of the node, which is cut where the table began to grow.
    pub(super) fn turn(&mut self, turn: &TurnTaken, recorder: &Recorder) {
        let cut = recorder
            .started()
            .map_or(turn.to, |started| started.clamp(turn.from, turn.to));
        self.tally(Phase::Before).busy += cut.since(turn.from);
        self.tally(recorder.phase_at(turn.to)).busy += turn.to.since(cut);
    }
    /// Takes a reply that came in time.
    pub(super) fn reply(&mut self, reply: &Reply, recorder: &Recorder) {
        let tally = self.tally(recorder.phase_at(reply.ended));
        tally.ended += 1;
        tally.attempts += u64::from(reply.attempt);
    }
    /// Takes a reply that came too late.
    pub(super) fn late_reply(&mut self, reply: &Reply, recorder: &Recorder) {
        self.tally(recorder.phase_at(reply.ended)).wasted += reply.service;
    }
    /// Takes an attempt that was given up.
    pub(super) fn timed_out(&mut self, event: &TimedOut, recorder: &Recorder) {
        self.last_timeout = Some(event.at);
        let tally = self.tally(recorder.phase_at(event.at));
        tally.timed_out += 1;
        if event.next.is_none() {
            tally.failed += 1;
            tally.ended += 1;
            tally.attempts += u64::from(event.attempt);
        }
    }
    /// How long after the old array was freed clients still timed out.
    pub(super) fn recovery(&self, recorder: &Recorder) -> Option<Span> {
        let freed = recorder.freed()?;
        let last = self.last_timeout.filter(|&last| last > freed);
        Some(last.map_or(Span::ZERO, |last| last.since(freed)))
    }
    /// The rows of one phase of a run that ended at `end`.
    pub(super) fn add_phase(
        &self,
        phase: Phase,
        recorder: &Recorder,
        end: Time,
        have_limit: bool,
        samples: &mut Samples<'_>,
    ) {
        let tally = &self.phases[phase as usize];
        let length = recorder.length(phase, end);
        if !length.is_zero() {
            samples.add("utilisation_mean", parts_per_million(tally.busy, length));
        }
        if !have_limit {
            return;
        }
        samples.add("timeouts_count", tally.timed_out);
        samples.add("requests_failed_count", tally.failed);
        if !tally.busy.is_zero() {
            samples.add(
                "work_wasted_mean",
                parts_per_million(tally.wasted, tally.busy),
            );
        }
        if let Some(mean) = (tally.attempts * 1_000_000).checked_div(tally.ended) {
            samples.add("attempts_mean", mean);
        }
    }
}

/// The variants whose clients give up, ask again after a pause, and ask again at once.
const TIMEOUTS: &str = "timeouts";
const RETRIES: &str = "retries";
const NO_BACKOFF: &str = "retries without backoff";

/// What retries make of the growth from `doubling`, a sentence for each table.
pub(super) fn findings(rows: &[Row], tables: &[&str], doubling: &str) -> Vec<Finding> {
    let storm = |table: &&str| {
        let cells = Cells {
            rows,
            table,
            doubling,
        };
        cells.storm()
    };
    tables.iter().filter_map(storm).collect()
}

/// The rows of one table and doubling.
struct Cells<'a> {
    rows: &'a [Row],
    table: &'a str,
    doubling: &'a str,
}

impl Cells<'_> {
    /// The row's value; its index goes to `used`.
    fn find(
        &self,
        (variant, phase, name): (&str, Option<&str>, &str),
        used: &mut Vec<usize>,
    ) -> Option<i64> {
        let index = self.rows.iter().position(|row| {
            let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
            row.variant == variant
                && row.name == name
                && axis("table") == Some(self.table)
                && axis("doubling") == Some(self.doubling)
                && axis("phase") == phase
        })?;
        used.push(index);
        Some(self.rows[index].value)
    }
    fn storm(&self) -> Option<Finding> {
        let mut used = Vec::new();
        let mut during = |name| self.find((RETRIES, Some("during"), name), &mut used);
        let (load, timeouts) = (during("utilisation_mean")?, during("timeouts_count")?);
        let before = self.find((RETRIES, Some("before"), "utilisation_mean"), &mut used)?;
        let growing = format!(
            "While {} grows from {}, a core at {} goes to {}",
            super::display_name(self.table),
            self.doubling,
            format_value(Unit::Ppm, before),
            format_value(Unit::Ppm, load),
        );
        let text = if timeouts == 0 {
            format!("{growing}, and no client with a time limit gives up: retries change nothing.")
        } else {
            let told = [
                (TIMEOUTS, "clients that give up and do not ask again"),
                (RETRIES, "clients that ask again after a pause"),
                (NO_BACKOFF, "clients that ask again at once"),
            ];
            let told = told.iter().filter_map(|&(variant, who)| {
                Some(format!("{who} {}", self.aftermath(variant, &mut used)?))
            });
            format!("{growing}: {}.", told.collect::<Vec<_>>().join("; "))
        };
        Some(Finding {
            text,
            rows: used,
            warning: false,
        })
    }
    /// What the clients of a variant send, waste, lose, and how long they time out.
    fn aftermath(&self, variant: &str, used: &mut Vec<usize>) -> Option<String> {
        let mut during = |name| self.find((variant, Some("during"), name), used);
        let (attempts, wasted) = (during("attempts_mean")?, during("work_wasted_mean")?);
        let failed = during("requests_failed_count")?;
        let recovery = self.find((variant, None, "recovery_duration_max"), used)?;
        Some(format!(
            "send {}.{:02} times, waste {} of its work, lose {} requests and time out until {} after the growth",
            attempts / 1_000_000,
            attempts % 1_000_000 / 10_000,
            format_value(Unit::Ppm, wasted),
            format_value(Unit::Ops, failed),
            format_value(Unit::Nanos, recovery),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::id::{ActorId, ConnId, RequestId};

    fn at(micros: u64) -> Time {
        Time::START + Span::from_micros(micros)
    }
    fn turn(from: u64, to: u64) -> TurnTaken {
        TurnTaken {
            actor: ActorId(0),
            from: at(from),
            to: at(to),
        }
    }
    fn timeout(micros: u64, next: Option<u64>) -> TimedOut {
        TimedOut {
            group: 0,
            request: RequestId(0),
            conn: ConnId(0),
            attempt: 2,
            intended: at(0),
            at: at(micros),
            next: next.map(at),
        }
    }

    #[test]
    fn a_turn_in_which_the_table_begins_to_grow_is_cut_there() {
        let (mut recorder, mut loads) = (Recorder::default(), Loads::default());
        loads.turn(&turn(10, 30), &recorder);
        recorder.growth_started(at(140));
        loads.turn(&turn(100, 200), &recorder);
        let busy = |phase: Phase| loads.phases[phase as usize].busy;
        assert_eq!(busy(Phase::Before), Span::from_micros(20 + 40));
        assert_eq!(busy(Phase::During), Span::from_micros(60));
    }

    #[test]
    fn recovery_lasts_to_the_last_timeout_after_growth() {
        let (mut recorder, mut loads) = (Recorder::default(), Loads::default());
        assert_eq!(loads.recovery(&recorder), None);
        recorder.growth_started(at(100));
        recorder.growth_ended(at(500));
        loads.timed_out(&timeout(400, Some(410)), &recorder);
        assert_eq!(loads.recovery(&recorder), Some(Span::ZERO));
        loads.timed_out(&timeout(900, None), &recorder);
        assert_eq!(loads.recovery(&recorder), Some(Span::from_micros(400)));
        let during = loads.phases[Phase::During as usize];
        assert_eq!((during.timed_out, during.failed), (2, 1));
        assert_eq!((during.ended, during.attempts), (1, 2));
    }
}
