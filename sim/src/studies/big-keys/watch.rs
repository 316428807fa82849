//! Watching a node: what one command takes, and what everybody else sees meanwhile.

use super::outcome::TimelineBin;
use crate::record::Latencies;
use crate::world::{Call, CallKind, GroupId, Observer, Reply};
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use std::collections::BTreeMap;

/// Width of a bin of the time line.
const BIN: Span = Span::from_millis(1);
/// Width of the windows in which requests that are asked and not answered are counted; about what a
/// dashboard would never show, and a client's time limit would.
const LOST_WINDOW: Span = Span::from_millis(10);

/// Where a request stands in relation to the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Answered before the command began to be handled, in the second half of the lead-in.
    Before,
    /// In the system when it began, or meant to start within the window behind it.
    After,
}

impl Phase {
    /// Both, in order.
    pub(super) const ALL: [Self; 2] = [Self::Before, Self::After];
    /// Its name in rows.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// What the command took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// The price of its receipt.
    pub(super) receipt: Span,
    /// The same with its share of reading the request and writing the reply; zero without a reply.
    pub(super) core: Span,
    /// Bytes of its reply.
    pub(super) reply_bytes: u64,
    /// Its end, where a thread went on with it: when that was done.
    pub(super) aside_until: Option<Time>,
}

/// Watches one node.
#[derive(Debug)]
pub(super) struct Watch {
    /// The clients whose responses are told, and the one that sends the command.
    pub(super) load: GroupId,
    pub(super) operator: Option<GroupId>,
    /// From when on requests count as before the command: the first ones meet cold caches.
    warm: Time,
    /// How long after the command requests count.
    window: Span,
    pub(super) taken: Taken,
    /// When the command began to be handled, and when it ended.
    pub(super) stop: Option<(Time, Time)>,
    /// When a request found the server idle after it.
    pub(super) settled: Option<Time>,
    /// Requests that were in the system while the command had the core.
    pub(super) waiting: u64,
    responses: [Latencies; 2],
    /// Asked and answered in windows from the start of the run.
    windows: BTreeMap<u64, (u64, u64)>,
    /// The longest response, by the bin in which a request was meant to start.
    bins: BTreeMap<u64, Span>,
}

impl Watch {
    /// Watches for a command that comes after `lead_in` and whose effect is told for `window`.
    pub(super) fn new(lead_in: Span, window: Span) -> Self {
        Self {
            warm: Time::START + Span::from_picos(lead_in.as_picos() / 2),
            load: GroupId(0),
            operator: None,
            window,
            taken: Taken::default(),
            stop: None,
            settled: None,
            waiting: 0,
            responses: Default::default(),
            windows: BTreeMap::new(),
            bins: BTreeMap::new(),
        }
    }
    /// Responses of a phase.
    pub(super) fn responses(&self, phase: Phase) -> &Latencies {
        &self.responses[phase as usize]
    }
    /// Most requests a second that were asked for and not answered, in the worst window from the
    /// command on.
    pub(super) fn most_lost(&self) -> u64 {
        let Some((from, _)) = self.stop else { return 0 };
        let first = from.as_picos() / LOST_WINDOW.as_picos();
        let behind = self.windows.range(first..).map(|(_, counts)| *counts);
        let lost = behind.map(|(asked, answered)| asked.saturating_sub(answered));
        let a_second = 1_000_000_000_000 / LOST_WINDOW.as_picos();
        lost.max().unwrap_or(0) * a_second
    }
    /// The time line up to `end`.
    pub(super) fn timeline(&self, end: Time) -> Vec<TimelineBin> {
        let last = end.as_picos() / BIN.as_picos();
        let bins = self.bins.range(..=last);
        bins.map(|(bin, response)| TimelineBin {
            at_ns: bin * BIN.as_nanos(),
            response_ns: response.as_nanos(),
        })
        .collect()
    }
    /// Whether all is seen that is to be told of the command itself.
    pub(super) fn has_settled(&self) -> bool {
        self.settled.is_some() && !self.taken.core.is_zero()
    }

    fn of_load(&mut self, reply: &Reply) {
        let bin = reply.intended.as_picos() / BIN.as_picos();
        let longest = self.bins.entry(bin).or_default();
        *longest = (*longest).max(reply.response);
        let window = |at: Time| at.as_picos() / LOST_WINDOW.as_picos();
        self.windows.entry(window(reply.intended)).or_default().0 += 1;
        self.windows.entry(window(reply.ended)).or_default().1 += 1;
        let Some((from, to)) = self.stop.filter(|(from, _)| reply.ended > *from) else {
            if reply.intended >= self.warm {
                self.responses[Phase::Before as usize].record(reply.response);
            }
            return;
        };
        if reply.intended < from + self.window {
            self.responses[Phase::After as usize].record(reply.response);
        }
        self.waiting += u64::from(reply.arrived < to);
        if self.settled.is_none() && reply.arrived >= to && !reply.waited {
            self.settled = Some(reply.arrived);
        }
    }
}

impl Observer<Node> for Watch {
    fn reply(&mut self, reply: &Reply, _: &Node) {
        if reply.group == self.load.0 {
            self.of_load(reply);
        } else {
            self.taken.core = reply.service;
            self.taken.reply_bytes = reply.bytes;
        }
    }
    fn call(&mut self, call: &Call<'_>, _: &Node) {
        if call.kind == CallKind::OffloadDone {
            self.taken.aside_until = Some(call.at);
        }
        let group = call.request.map(|(group, _)| group);
        if group.is_some() && group == self.operator.map(|operator| operator.0) {
            self.taken.receipt = call.spent;
            self.stop = Some((call.at, call.at + call.spent));
        }
    }
}
