//! The loop: requests, retries, windows and splits in the order of time.

use super::config::Scene;
use super::partitions::{Demand, Partitions, Why};
use super::places::{Collection, Place, Places};
use super::record::{HEAT_WINDOW, KeyCount, Recorded, ScalingStep};
use super::retries::{Attempt, Retries};
use crate::run::RunError;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::{Seed, Stream};
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::scaling::Scaling;
use std::collections::BTreeSet;

/// Attempts between two questions whether to stop.
const UNASKED: u64 = 1 << 16;

/// A request as its client sends it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When.
    pub at: Time,
    /// Where in the table.
    pub place: Place,
    /// Where in the index that it is copied to, if it is a write and there is one.
    pub index: Option<Place>,
    /// What it wants.
    pub demand: Demand,
}

/// A table, its index and its clients in virtual time.
#[derive(Debug)]
pub struct Host {
    scene: Scene,
    table: Partitions,
    index: Option<Partitions>,
    retries: Retries,
    recorded: Recorded,
    scaling: ScalingState,
    delays: Stream,
}

/// Auto scaling under way.
#[derive(Debug, Default)]
struct ScalingState {
    units: u64,
    /// Average consumption of whole minutes since the last change.
    minutes: Vec<u64>,
    pending: Option<ScalingStep>,
    steps: u64,
    written_before: u64,
}

impl Host {
    /// A table whose collections lie at `places` and an index whose lie at `index_places`; attempts
    /// on the collections `counted` are counted each by itself.
    ///
    /// # Errors
    /// If there is an index and no places of it.
    pub fn new(
        scene: Scene,
        mut places: Places,
        index_places: Option<Places>,
        counted: &BTreeSet<Collection>,
        seed: Seed,
    ) -> Result<Self, Diagnostic> {
        counted.iter().for_each(|&one| places.count(one));
        let index = match (scene.index, index_places) {
            (Some(rules), Some(places)) => Some(Partitions::new(rules, places, seed, "index")),
            (None, _) => None,
            (Some(_), None) => {
                let message = "the index has no item collections";
                return Err(Diagnostic::new(diagnostic::CONTRADICTION, message));
            }
        };
        let keys = counted.iter().map(|one| KeyCount {
            collection: one.0,
            attempts: 0,
            throttled: 0,
            offered: 0,
        });
        let units = super::gate::units(scene.table.capacity).1;
        Ok(Self {
            table: Partitions::new(scene.table, places, seed, "table"),
            index,
            retries: Retries::new(scene.retrying, seed.stream("dynamo.backoff")),
            recorded: Recorded {
                keys: keys.collect(),
                ..Recorded::default()
            },
            scaling: ScalingState {
                units,
                ..ScalingState::default()
            },
            delays: seed.stream("dynamo.scaling"),
            scene,
        })
    }

    /// Runs requests in ascending order of time up to the end of the scene.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] where `cancelled` says so, and books that do not balance.
    pub fn run(
        mut self,
        requests: impl IntoIterator<Item = Request>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Recorded, RunError> {
        let end = Time::START + self.scene.duration;
        let mut requests = requests.into_iter().take_while(|request| request.at < end);
        let mut arrival = requests.next();
        let mut window = Time::START + HEAT_WINDOW;
        let mut number = 0;
        loop {
            let next = arrival.map_or(end, |request| request.at);
            let retry = self.retries.next_at().unwrap_or(Time::NEVER);
            // What happens to the table goes before the requests of the same instant.
            let wake = self.next_wake(window);
            let now = next.min(retry).min(wake);
            if now >= end && wake > end {
                break;
            }
            if wake == now {
                if window == now {
                    self.end_window(now);
                    window = now + HEAT_WINDOW;
                }
                self.fire(now);
                continue;
            }
            let attempt = match retry < next {
                true => match self.retries.pop() {
                    Some((_, attempt)) => attempt,
                    None => break,
                },
                false => {
                    let Some(request) = arrival else { break };
                    arrival = requests.next();
                    number += 1;
                    self.recorded.books.offered += 1;
                    self.recorded.second(now).offered += 1;
                    Attempt {
                        request,
                        number: number - 1,
                        sent: 0,
                    }
                }
            };
            self.attempt(attempt, now);
            if self.recorded.books.attempts.is_multiple_of(UNASKED) && cancelled() {
                return Err(RunError::Cancelled);
            }
        }
        Ok(self.finish(end)?)
    }

    #[inline]
    fn next_wake(&self, window: Time) -> Time {
        let mut wake = window;
        for due in [
            self.table.next_due(),
            self.index.as_ref().and_then(Partitions::next_due),
        ] {
            wake = wake.min(due.unwrap_or(Time::NEVER));
        }
        match self.scaling.pending {
            Some(step) => wake.min(Time::START + Span::from_nanos(step.done_ns)),
            None => wake,
        }
    }

    fn attempt(&mut self, mut attempt: Attempt, now: Time) {
        let request = attempt.request;
        attempt.sent += 1;
        self.recorded.books.attempts += 1;
        let router = (attempt.number % u64::from(self.scene.table.routers.max(1))) as u32;
        let verdict = self.admit(&request, router, now);
        let second = self.recorded.second(now);
        second.attempts += 1;
        let is_served = verdict.is_ok();
        let mut is_failed = false;
        if is_served {
            second.served += 1;
            self.recorded.books.served += 1;
            self.retries.succeeded(&attempt);
        } else {
            self.recorded
                .first_throttled_ns
                .get_or_insert(now.as_nanos());
            is_failed = !self.retries.throttled(attempt, now);
            self.recorded.books.failed += u64::from(is_failed);
        }
        if is_failed {
            self.recorded.second(now).failed += 1;
        }
        if self.table.is_counted(request.place)
            && let Some(key) = self.recorded.key(request.place.collection)
        {
            key.attempts += 1;
            key.offered += u64::from(attempt.sent == 1);
            key.throttled += u64::from(!is_served);
        }
    }

    /// Lets a request through everywhere or nowhere.
    #[inline]
    fn admit(&mut self, request: &Request, router: u32, now: Time) -> Result<(), ()> {
        let books = &mut self.recorded.books;
        let opened = match self.table.open(request.place, request.demand, router, now) {
            Ok(opened) => opened,
            Err(Why::KeyRange) => {
                books.refused_key_range += 1;
                return Err(());
            }
            Err(Why::Provisioned) => {
                books.refused_provisioned += 1;
                return Err(());
            }
        };
        if let (Some(index), Some(place)) = (&mut self.index, request.index) {
            match index.open(place, request.demand, router, now) {
                Ok(opened) => index.charge(&opened, place, router, now),
                Err(Why::KeyRange) => {
                    books.refused_index_key_range += 1;
                    return Err(());
                }
                Err(Why::Provisioned) => {
                    books.refused_index_provisioned += 1;
                    return Err(());
                }
            }
        }
        self.table.charge(&opened, request.place, router, now);
        Ok(())
    }

    fn end_window(&mut self, now: Time) {
        self.table.end_window(now);
        if let Some(index) = &mut self.index {
            index.end_window(now);
        }
        let is_minute = now
            .as_picos()
            .is_multiple_of(Span::from_secs(60).as_picos());
        if is_minute {
            self.scale(now);
        }
    }

    fn fire(&mut self, now: Time) {
        self.table.fire(now);
        if let Some(index) = &mut self.index {
            index.fire(now);
        }
        if let Some(step) = self.scaling.pending
            && Time::START + Span::from_nanos(step.done_ns) <= now
        {
            self.scaling.pending = None;
            self.scaling.minutes.clear();
            self.scaling.units = step.units;
            self.table.set_writes(step.units, now);
            self.recorded.scaling.push(step);
        }
    }

    /// A minute has ended: decides on a new capacity unless one is on its way.
    fn scale(&mut self, now: Time) {
        let Some(rule) = self.scene.table.auto_scaling else {
            return;
        };
        let written = self.table.given();
        let state = &mut self.scaling;
        state
            .minutes
            .push((written - state.written_before).div_ceil(60));
        state.written_before = written;
        if state.pending.is_some() {
            return;
        }
        let units = match rule.target.decide(state.units, &state.minutes) {
            Scaling::Keep => return,
            Scaling::Out(units) | Scaling::In(units) => units,
        };
        let alarm = now + rule.alarm.draw(self.delays, 0, state.steps);
        let done = alarm + rule.update.draw(self.delays, 1, state.steps);
        state.steps += 1;
        state.pending = Some(ScalingStep {
            decided_ns: now.as_nanos(),
            alarm_ns: alarm.as_nanos(),
            done_ns: done.as_nanos(),
            units,
        });
    }

    fn finish(mut self, end: Time) -> Result<Recorded, Diagnostic> {
        let books = &mut self.recorded.books;
        books.waiting = self.retries.waiting();
        books.retries = self.retries.planned();
        books.check()?;
        self.table.check(end)?;
        if let Some(index) = &self.index {
            index.check(end)?;
        }
        let mut recorded = self.recorded;
        recorded.partitions = self.table.count();
        recorded.cells = self.table.cells;
        recorded.splits = self.table.splits;
        recorded.tokens = self.table.tokens;
        if let Some(index) = self.index {
            recorded.index_cells = index.cells;
            recorded.index_splits = index.splits;
        }
        Ok(recorded)
    }
}
