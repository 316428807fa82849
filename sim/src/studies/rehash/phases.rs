//! What is recorded while a node runs: pauses by cause, and responses before, during and after.

use super::outcome::{Growth, KindOfRequest, Operations, TimelineBin};
use crate::client::RequestKind;
use crate::record::Latencies;
use crate::world::Reply;
use kvrig_base::seam::{Cause, Segment};
use kvrig_base::time::{Span, Time};
use std::collections::BTreeMap;

/// Width of a bin of the time line.
const BIN: Span = Span::from_millis(10);
/// Growth work in one call from which on the requests that wait behind it are counted: ten times
/// what a request takes at 50 connections, so that no ordinary step counts as a pause.
const PAUSE_MIN: Span = Span::from_micros(100);

/// Where a request stands in relation to growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Answered before the table began to grow.
    Before,
    /// In the system while two bucket arrays existed, or while the queue behind that lasted.
    During,
    /// Sent after a request had found the server idle again.
    After,
}

impl Phase {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

/// Bytes of the reply that a value is missing: `$-1` of Redis and `END` of Memcached, and the end
/// of the line. A value makes the reply longer, even an empty one.
const MISS_BYTES: u64 = 5;

/// Responses and services of one phase.
#[derive(Debug, Default)]
pub(super) struct PhaseTimes {
    /// By kind of request.
    responses: [Latencies; 3],
    pub(super) service: Latencies,
}

impl PhaseTimes {
    /// The responses to requests of all kinds.
    pub(super) fn response(&self) -> Latencies {
        merged(&self.responses)
    }
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Latencies>) -> Latencies {
    let mut all = Latencies::new();
    parts.into_iter().for_each(|part| all.merge(part));
    all
}

/// What requests of one kind came to.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    misses: u64,
    bytes: u64,
}

/// One stretch of growth work that made requests wait.
#[derive(Clone, Copy, Debug)]
struct Pause {
    from: Time,
    to: Time,
    waiting: u64,
}

/// The recorder of one node.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    phases: [PhaseTimes; 3],
    /// By kind of request.
    traffic: [Traffic; 3],
    longest: BTreeMap<Cause, Span>,
    sums: BTreeMap<Cause, Span>,
    total: Span,
    longest_call: Span,
    bins: BTreeMap<(u64, Cause), (Time, Span)>,
    pauses: Vec<Pause>,
    /// Storage for the outermost stretches of a call.
    open: Vec<(Span, Span)>,
    most_waiting: u64,
    started: Option<Time>,
    freed: Option<Time>,
    settled: Option<Time>,
}

/// Whether a stretch is work of growth.
fn is_growth(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::RehashStep
            | Cause::RehashCron
            | Cause::RehashAll
            | Cause::AllocateTable
            | Cause::FreeTable
    )
}

impl Recorder {
    /// Takes the segments of one call that began at `start`.
    ///
    /// A segment may lie inside another (the freeing of an array inside the step that emptied it):
    /// each cause is credited with its own time only, and the call with the outermost stretches.
    pub(super) fn call(&mut self, start: Time, segments: &[Segment]) {
        let mut open = std::mem::take(&mut self.open);
        own_times(segments, &mut open, |segment, own| {
            self.credit(start + segment.from, segment.cause, own);
        });
        let of_call: Span = open.iter().map(|&(from, to)| to.saturating_sub(from)).sum();
        let first = open.iter().map(|&(from, _)| start + from).min();
        let last = open
            .iter()
            .map(|&(_, to)| start + to)
            .max()
            .unwrap_or(start);
        self.open = open;
        self.longest_call = self.longest_call.max(of_call);
        self.total += of_call;
        if let Some(from) = first.filter(|_| of_call >= PAUSE_MIN) {
            self.pauses.push(Pause {
                from,
                to: last,
                waiting: 0,
            });
        }
    }

    /// Takes the segments of one call of a thread that grows the table beside the others, under
    /// locks. It stops nobody who wants other locks; waits for these are told by
    /// [`Recorder::waited`].
    pub(super) fn call_beside(&mut self, start: Time, segments: &[Segment]) {
        let mut open = std::mem::take(&mut self.open);
        own_times(segments, &mut open, |segment, own| {
            self.credit(start + segment.from, segment.cause, own);
            self.total += own;
        });
        self.open = open;
    }
    /// All workers stood still while a new array was allocated.
    pub(super) fn stopped(&mut self, from: Time, to: Time) {
        let span = to.since(from);
        self.credit(from, Cause::AllocateTable, span);
        self.longest_call = self.longest_call.max(span);
        self.total += span;
        self.pauses.push(Pause {
            from,
            to,
            waiting: 0,
        });
    }
    /// A worker has waited so long for a lock that growth had.
    pub(super) fn waited(&mut self, span: Span) {
        self.longest_call = self.longest_call.max(span);
    }

    fn credit(&mut self, at: Time, cause: Cause, own: Span) {
        let longest = self.longest.entry(cause).or_default();
        *longest = (*longest).max(own);
        *self.sums.entry(cause).or_default() += own;
        let bin = at.as_picos() / BIN.as_picos();
        let entry = self.bins.entry((bin, cause)).or_insert((at, Span::ZERO));
        if own > entry.1 {
            *entry = (at, own);
        }
    }

    /// The table began to grow at `at`; only the first growth of a run counts.
    pub(super) fn growth_started(&mut self, at: Time) {
        self.started.get_or_insert(at);
    }
    /// The old array was given back at `at`.
    pub(super) fn growth_ended(&mut self, at: Time) {
        if self.started.is_some() {
            self.freed.get_or_insert(at);
        }
    }
    /// When the old array was given back, if it was.
    pub(super) fn freed(&self) -> Option<Time> {
        self.freed
    }
    /// When the table began to grow, if it did.
    pub(super) fn started(&self) -> Option<Time> {
        self.started
    }

    /// Takes one reply.
    pub(super) fn reply(&mut self, reply: &Reply) {
        let (intended, end, kind) = (reply.intended, reply.ended, reply.kind);
        let phase = self.phase(intended, end, reply.waited);
        let times = &mut self.phases[phase as usize];
        times.responses[kind as usize].record(end.since(intended));
        times.service.record(reply.service);
        let traffic = &mut self.traffic[kind as usize];
        let is_miss = kind == RequestKind::Get && reply.bytes == MISS_BYTES;
        traffic.misses += u64::from(is_miss);
        traffic.bytes += reply.asked_bytes + reply.bytes;
        // Pauses are in order of time, so only the last ones can touch this request.
        for pause in self.pauses.iter_mut().rev() {
            if pause.to <= intended {
                break;
            }
            if pause.from < end {
                pause.waiting += 1;
                self.most_waiting = self.most_waiting.max(pause.waiting);
            }
        }
    }

    fn phase(&mut self, intended: Time, end: Time, waited: bool) -> Phase {
        match (self.started, self.freed) {
            (None, _) => Phase::Before,
            (Some(started), _) if end <= started => Phase::Before,
            (Some(_), None) => Phase::During,
            (Some(_), Some(freed)) => {
                if self.settled.is_none() && intended >= freed && !waited {
                    self.settled = Some(intended);
                }
                match self.settled {
                    Some(settled) if intended >= settled => Phase::After,
                    _ => Phase::During,
                }
            }
        }
    }

    /// The phase of an instant that has come: a request that starts then belongs to it.
    pub(super) fn phase_at(&self, at: Time) -> Phase {
        match (self.started, self.settled) {
            (Some(_), Some(settled)) if at >= settled => Phase::After,
            (Some(started), _) if at >= started => Phase::During,
            _ => Phase::Before,
        }
    }
    /// How long a phase lasted in a run that ended at `end`.
    pub(super) fn length(&self, phase: Phase, end: Time) -> Span {
        let started = self.started.unwrap_or(end);
        let settled = self.settled.unwrap_or(end);
        match phase {
            Phase::Before => started.since_start(),
            Phase::During => settled.since(started),
            Phase::After => end.since(settled),
        }
    }
    /// Times of the phase.
    pub(super) fn times(&self, phase: Phase) -> &PhaseTimes {
        &self.phases[phase as usize]
    }
    /// What was asked in a run that ended at `end`, by kind of request.
    pub(super) fn operations(&self, end: Time) -> Operations {
        let kinds = RequestKind::ALL.map(|kind| {
            let Traffic { misses, bytes } = self.traffic[kind as usize];
            let responses = self
                .phases
                .iter()
                .map(|times| &times.responses[kind as usize]);
            KindOfRequest {
                response: merged(responses).to_data(kind.name()),
                misses,
                bytes,
            }
        });
        Operations {
            run_ns: end.as_nanos(),
            kinds,
        }
    }
    /// Longest own time of one cause in one call.
    pub(super) fn longest(&self, cause: Cause) -> Span {
        self.longest.get(&cause).copied().unwrap_or_default()
    }
    /// All own time of one cause.
    pub(super) fn sum(&self, cause: Cause) -> Span {
        self.sums.get(&cause).copied().unwrap_or_default()
    }
    /// Longest growth work in one call, all causes together.
    pub(super) fn longest_call(&self) -> Span {
        self.longest_call
    }
    /// All growth work.
    pub(super) fn total(&self) -> Span {
        self.total
    }
    /// Most requests that one pause made wait.
    pub(super) fn most_waiting(&self) -> u64 {
        self.most_waiting
    }
    /// The time line.
    pub(super) fn timeline(&self) -> Vec<TimelineBin> {
        self.bins
            .iter()
            .filter(|(_, (_, pause))| !pause.is_zero())
            .map(|((_, cause), (at, pause))| TimelineBin {
                at_ns: at.as_nanos(),
                cause: cause.name().to_owned(),
                pause_ns: pause.as_nanos(),
            })
            .collect()
    }
    /// When the table grew; moments that did not come are at `end`.
    pub(super) fn growth(&self, end: Time, ended_at_entries: u64) -> Growth {
        let or_end = |moment: Option<Time>| moment.unwrap_or(end).as_nanos();
        Growth {
            started_ns: or_end(self.started),
            ended_ns: or_end(self.freed),
            freed_ns: or_end(self.freed),
            settled_ns: or_end(self.settled),
            ended_at_entries,
        }
    }
}

/// Credits each stretch of growth in one call with its own time, stretches inside it not counted,
/// and leaves the outermost ones in `outermost`.
///
/// Segments are listed inner ones first, so that those not yet enclosed lie on a stack: one eviction
/// may take a hundred thousand steps in one call.
pub(super) fn own_times(
    segments: &[Segment],
    outermost: &mut Vec<(Span, Span)>,
    mut credit: impl FnMut(&Segment, Span),
) {
    outermost.clear();
    for segment in segments.iter().filter(|segment| is_growth(segment.cause)) {
        let mut own = segment.to.saturating_sub(segment.from);
        while let Some(&(from, to)) = outermost.last()
            && segment.from <= from
            && to <= segment.to
        {
            own = own.saturating_sub(to.saturating_sub(from));
            outermost.pop();
        }
        credit(segment, own);
        outermost.push((segment.from, segment.to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::id::{ActorId, ConnId, RequestId};

    fn segment(cause: Cause, from: u64, to: u64) -> Segment {
        let (from, to) = (Span::from_micros(from), Span::from_micros(to));
        Segment {
            cause,
            lock: None,
            from,
            to,
        }
    }
    fn at(micros: u64) -> Time {
        Time::START + Span::from_micros(micros)
    }

    /// A reply to a GET that was meant to start and ended at these microseconds.
    fn reply([intended, ended]: [u64; 2], waited: bool) -> Reply {
        Reply {
            group: 0,
            request: RequestId(0),
            conn: ConnId(0),
            actor: ActorId(0),
            attempt: 1,
            kind: RequestKind::Get,
            asked_bytes: 30,
            intended: at(intended),
            arrived: at(intended),
            waited,
            started: at(intended),
            ended: at(ended),
            handled: Span::ZERO,
            service: Span::from_micros(10),
            response: Span::from_micros(ended - intended),
            bytes: 40,
            digest: 0,
        }
    }

    #[test]
    fn requests_are_counted_by_kind_whatever_their_phase() {
        let mut recorder = Recorder::default();
        let miss = Reply {
            bytes: MISS_BYTES,
            ..reply([0, 20], false)
        };
        let set = Reply {
            kind: RequestKind::Set,
            bytes: MISS_BYTES,
            ..reply([110, 150], false)
        };
        recorder.reply(&reply([0, 10], false));
        recorder.reply(&miss);
        recorder.growth_started(at(100));
        recorder.reply(&reply([110, 140], false));
        recorder.reply(&set);
        let operations = recorder.operations(at(1_000));
        let counts = operations.kinds.map(|of_kind| {
            let replies: u64 = of_kind.response.buckets.iter().map(|bucket| bucket.1).sum();
            (replies, of_kind.misses, of_kind.bytes, of_kind.response.max)
        });
        assert_eq!(
            counts,
            [(1, 0, 35, 40_000), (3, 1, 175, 30_000), (0, 0, 0, 0)]
        );
        assert_eq!(operations.run_ns, 1_000_000);
    }

    #[test]
    fn a_nested_segment_is_credited_once() {
        let mut recorder = Recorder::default();
        recorder.call(
            at(0),
            &[
                segment(Cause::FreeTable, 5, 205),
                segment(Cause::RehashStep, 2, 206),
            ],
        );
        assert_eq!(recorder.longest(Cause::FreeTable), Span::from_micros(200));
        assert_eq!(recorder.longest(Cause::RehashStep), Span::from_micros(4));
        assert_eq!(recorder.longest_call(), Span::from_micros(204));
        assert_eq!(recorder.total(), Span::from_micros(204));
    }

    #[test]
    fn stretches_side_by_side_within_another_are_both_taken_off() {
        let mut recorder = Recorder::default();
        let nested = [
            segment(Cause::FreeTable, 10, 20),
            segment(Cause::AllocateTable, 30, 70),
            segment(Cause::RehashCron, 5, 100),
            segment(Cause::RehashStep, 200, 203),
        ];
        recorder.call(at(0), &nested);
        assert_eq!(recorder.longest(Cause::RehashCron), Span::from_micros(45));
        assert_eq!(recorder.longest_call(), Span::from_micros(98));
        assert_eq!(recorder.sum(Cause::AllocateTable), Span::from_micros(40));
    }

    #[test]
    fn two_steps_of_one_call_are_one_pause() {
        let mut recorder = Recorder::default();
        let steps = [
            segment(Cause::RehashStep, 0, 3),
            segment(Cause::RehashStep, 4, 6),
        ];
        recorder.call(at(0), &steps);
        assert_eq!(recorder.longest(Cause::RehashStep), Span::from_micros(3));
        assert_eq!(recorder.longest_call(), Span::from_micros(5));
    }

    #[test]
    fn requests_are_counted_behind_the_pause_that_they_overlap() {
        let mut recorder = Recorder::default();
        recorder.growth_started(at(100));
        recorder.call(at(100), &[segment(Cause::RehashAll, 0, 400)]);
        recorder.reply(&reply([50, 90], false));
        recorder.reply(&reply([90, 510], false));
        recorder.reply(&reply([400, 520], true));
        recorder.reply(&reply([500, 530], true));
        assert_eq!(recorder.most_waiting(), 2);
    }

    #[test]
    fn the_queue_behind_a_pause_belongs_to_it() {
        let mut recorder = Recorder::default();
        recorder.reply(&reply([0, 10], false));
        recorder.growth_started(at(100));
        recorder.growth_ended(at(500));
        recorder.reply(&reply([400, 520], true));
        recorder.reply(&reply([510, 530], true));
        recorder.reply(&reply([540, 550], false));
        recorder.reply(&reply([545, 560], true));
        let counts = [Phase::Before, Phase::During, Phase::After]
            .map(|phase| recorder.times(phase).response().count());
        assert_eq!(counts, [1, 2, 2]);
    }
}
