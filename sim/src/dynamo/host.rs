//! The loop: requests, retries, windows and splits in the order of time.

use super::config::{Scene, TableRules};
use super::items::{Consumed, Items};
use super::partitions::{Demand, Partitions, Why};
use super::places::{Collection, Place, Places};
use super::record::{HEAT_WINDOW, KeyCount, Recorded, SECOND, ScalingStep, Second};
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
    items: Option<Box<Items>>,
    retries: Retries,
    recorded: Recorded,
    scaling: ScalingState,
    delays: Stream,
    /// Attempts since it was last asked whether to stop.
    unasked: u64,
}

/// Where requests come from, in ascending order of time.
pub trait Requests {
    /// Puts the next ones, at most `count`, behind what `block` holds: none where there are no more.
    fn next_block(&mut self, count: usize, block: &mut Vec<Request>);
}

/// Requests one by one.
struct Single<I>(I);

/// None where there are none.
impl<R: Requests> Requests for Option<R> {
    fn next_block(&mut self, count: usize, block: &mut Vec<Request>) {
        if let Some(requests) = self {
            requests.next_block(count, block);
        }
    }
}

impl<I: Iterator<Item = Request>> Requests for Single<I> {
    fn next_block(&mut self, count: usize, block: &mut Vec<Request>) {
        block.extend(self.0.by_ref().take(count));
    }
}

/// Requests that are drawn in a row: what one waits for hides behind what others compute.
const AHEAD: usize = 64;

/// Requests that have not come yet, and who sends the next one.
struct Arriving<'r> {
    requests: &'r mut dyn Requests,
    /// Requests that were drawn, of which so many have come.
    ahead: Vec<Request>,
    come: usize,
    /// When the next one comes: never where there is none before the end of the scene.
    at: Time,
    end: Time,
    number: u64,
    /// Clients and routers take turns.
    clients: Turns,
    routers: Turns,
}

/// What requests will meet, and can be told of them ahead.
#[derive(Clone, Copy)]
struct Behind<'h> {
    table: &'h Partitions,
    items: Option<&'h Items>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
struct Turns {
    count: u32,
    next: u32,
}

impl Turns {
    const fn among(count: u32) -> Self {
        let count = if count == 0 { 1 } else { count };
        Self { count, next: 0 }
    }
    #[inline]
    const fn take(&mut self) -> u32 {
        let taken = self.next;
        self.next = if taken + 1 == self.count {
            0
        } else {
            taken + 1
        };
        taken
    }
}

impl<'r> Arriving<'r> {
    fn new(requests: &'r mut dyn Requests, scene: &Scene, behind: Behind<'_>) -> Self {
        let mut arriving = Self {
            requests,
            ahead: Vec::with_capacity(AHEAD),
            come: 0,
            at: Time::NEVER,
            end: Time::START + scene.duration,
            number: 0,
            clients: Turns::among(scene.retrying.clients),
            routers: Turns::among(scene.table.routers),
        };
        arriving.advance(behind);
        arriving
    }
    #[inline]
    fn advance(&mut self, behind: Behind<'_>) {
        if self.come == self.ahead.len() {
            self.draw(behind);
        }
        let next = self.ahead.get(self.come).map(|request| request.at);
        self.at = next.filter(|at| *at < self.end).unwrap_or(Time::NEVER);
    }
    #[inline(never)]
    fn draw(&mut self, behind: Behind<'_>) {
        self.come = 0;
        self.ahead.clear();
        self.requests.next_block(AHEAD, &mut self.ahead);
        let Behind { table, items } = behind;
        let places = || self.ahead.iter().map(|request| request.place);
        table.warm(places());
        if let Some(items) = items {
            items.warm(places().map(|place| (place, table.hash(place))));
        }
    }
    /// The next request as its client sends it first.
    #[inline]
    fn take(&mut self, behind: Behind<'_>) -> Option<Attempt> {
        let request = *self.ahead.get(self.come)?;
        self.come += 1;
        self.advance(behind);
        let number = self.number;
        self.number += 1;
        Some(Attempt {
            request,
            number,
            sent: 0,
            client: self.clients.take(),
            router: self.routers.take(),
        })
    }
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
            (Some(rules), Some(places)) => {
                // What is written to an index comes through the routers of its table.
                let routers = scene.table.routers;
                let rules = TableRules { routers, ..rules };
                Some(Partitions::new(rules, places, seed, "index"))
            }
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
            items: None,
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
            unasked: 0,
            scene,
        })
    }

    /// The same where the table has items: they say what requests are charged.
    #[must_use]
    pub fn keeping(self, items: Items) -> Self {
        Self {
            items: Some(Box::new(items)),
            ..self
        }
    }

    /// Runs requests in ascending order of time up to the end of the scene.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] where `cancelled` says so, and books that do not balance.
    pub fn run(
        self,
        requests: &mut dyn Requests,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Recorded, RunError> {
        Ok(self.run_and_keep(requests, cancelled)?.0)
    }
    /// The same with requests that come one by one.
    ///
    /// # Errors
    /// As before.
    pub fn run_each(
        self,
        requests: impl IntoIterator<Item = Request>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Recorded, RunError> {
        self.run(&mut Single(requests.into_iter().fuse()), cancelled)
    }
    /// The same, and what has become of the items.
    ///
    /// # Errors
    /// As before.
    pub fn run_and_keep(
        mut self,
        requests: &mut dyn Requests,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(Recorded, Option<Items>), RunError> {
        let end = Time::START + self.scene.duration;
        let mut arriving = Arriving::new(requests, &self.scene, self.behind());
        let mut window = Time::START + HEAT_WINDOW;
        loop {
            // Nothing that clients do changes what happens to the table by itself next, and that
            // goes before the requests of the same instant.
            let wake = self.next_wake(window);
            self.attempt_until(wake.min(end), &mut arriving, cancelled)?;
            if wake > end {
                break;
            }
            if window == wake {
                self.end_window(wake);
                window = wake + HEAT_WINDOW;
            }
            self.fire(wake);
        }
        let items = self.check_items()?;
        Ok((self.finish(end)?, items))
    }

    #[inline]
    fn behind(&self) -> Behind<'_> {
        Behind {
            table: &self.table,
            items: self.items.as_deref(),
        }
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

    /// Lets clients send and send again all that is due before `until`.
    fn attempt_until(
        &mut self,
        until: Time,
        arriving: &mut Arriving<'_>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), RunError> {
        let mut second = Second::default();
        let mut second_ends = Time::START;
        let mut last = Time::START;
        loop {
            let (next, retry) = (arriving.at, self.retries.next_at());
            let now = next.min(retry);
            if now >= until {
                break;
            }
            if now >= second_ends {
                if second.attempts > 0 {
                    self.recorded.add(last, std::mem::take(&mut second));
                }
                let picos = SECOND.as_picos();
                second_ends = Time::from_picos((now.as_picos() / picos + 1) * picos);
            }
            last = now;
            let attempt = match retry < next {
                true => self.retries.pop(),
                false => arriving.take(self.behind()),
            };
            let Some(attempt) = attempt else { break };
            second.offered += u64::from(attempt.sent == 0);
            self.attempt(attempt, now, &mut second);
            self.unasked += 1;
            if self.unasked == UNASKED {
                self.unasked = 0;
                if cancelled() {
                    return Err(RunError::Cancelled);
                }
            }
        }
        if second.attempts > 0 {
            self.recorded.add(last, second);
        }
        Ok(())
    }

    #[inline]
    fn attempt(&mut self, mut attempt: Attempt, now: Time, second: &mut Second) {
        attempt.sent += 1;
        second.attempts += 1;
        let place = attempt.request.place;
        let is_served = match self.items.is_some() {
            false => self.admit(&attempt.request, attempt.router, now).is_ok(),
            true => self.admit_to_items(&attempt, now),
        };
        if is_served {
            second.served += 1;
            self.recorded.books.served += 1;
            self.retries.succeeded(&attempt);
        } else {
            self.recorded
                .first_throttled_ns
                .get_or_insert(now.as_nanos());
            second.failed += u64::from(!self.retries.throttled(attempt, now));
        }
        if self.table.is_counted(place)
            && let Some(key) = self.recorded.key(place.collection)
        {
            key.attempts += 1;
            key.offered += u64::from(attempt.sent == 1);
            key.throttled += u64::from(!is_served);
        }
    }

    /// Lets a request through by what it meets, and carries it out.
    #[inline(never)]
    fn admit_to_items(&mut self, attempt: &Attempt, now: Time) -> bool {
        let Some(items) = &self.items else {
            return false;
        };
        let demand = items.demand(&attempt.request, attempt.number);
        let met = Request {
            demand,
            ..attempt.request
        };
        let is_served = self.admit(&met, attempt.router, now).is_ok();
        if is_served && let Some(items) = &mut self.items {
            items.carry_out(&attempt.request, attempt.number);
        }
        is_served
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

    /// Takes the items out, which must have consumed what was charged.
    fn check_items(&mut self) -> Result<Option<Items>, Diagnostic> {
        let Some(items) = self.items.take() else {
            return Ok(None);
        };
        items.check(Consumed {
            written: self.table.given(),
            read_halves: self.table.given_halves(),
            index_written: self.index.as_ref().map_or(0, Partitions::given),
        })?;
        Ok(Some(*items))
    }
    fn finish(mut self, end: Time) -> Result<Recorded, Diagnostic> {
        let all = self.recorded.all();
        let books = &mut self.recorded.books;
        (books.offered, books.attempts, books.failed) = (all.offered, all.attempts, all.failed);
        books.waiting = self.retries.waiting();
        books.retries = self.retries.planned();
        books.check()?;
        for table in std::iter::once(&self.table).chain(&self.index) {
            table.check(end)?;
            self.recorded.buckets += table.check_tokens()?;
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
