//! Stations and customers of queueing theory, as actors and clients of an ordinary [`World`].
//!
//! A customer is a request that carries the service it demands; a station is an actor that counts
//! that much work, in a profile where nothing else has a price. Arrivals, event loop, cores,
//! messages, closed-loop clients and recorders are those of every study.

use crate::analysis::Series;
use crate::client::{Arguments, Arrivals, Requests};
use crate::cost::Profile;
use crate::record::Latencies;
use crate::world::{Call, CallKind, DiskConfig, Model, Observer, Placement, PoolId, Reply, World};
use kvrig_base::id::{ActorId, ConnId, RequestId};
use kvrig_base::random::{Probability, Seed, Stream, below, open_unit};
use kvrig_base::seam::{Actor, Counter, Cx, Effect, Input};
use kvrig_base::time::{Span, Time, Wall};
use std::sync::Arc;

/// The mean service, the unit of all times here.
pub(super) const UNIT: Span = Span::from_micros(1);

/// How long a service takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Service {
    /// Exponential with a mean of this many units.
    Exponential(f64),
    /// One unit.
    Deterministic,
    /// One unit, and with this probability a stall of so many more.
    Stalling { stall: u64, one_in: u64 },
    /// One of these, each as likely as the others.
    Measured(Arc<[Span]>),
}

impl Service {
    /// The service that a random word stands for.
    fn draw(&self, word: u64) -> Span {
        match self {
            Self::Exponential(mean) => exponential(word, *mean),
            Self::Deterministic => UNIT,
            Self::Stalling { stall, one_in } if Probability::ratio(1, *one_in).happens(word) => {
                UNIT * (1 + *stall)
            }
            Self::Stalling { .. } => UNIT,
            Self::Measured(spans) => spans[below(word, spans.len() as u64) as usize],
        }
    }
}

/// An exponential span with a mean of `mean` units, by inversion: one word, one draw.
fn exponential(word: u64, mean: f64) -> Span {
    let units = -libm::log(open_unit(word)) * mean;
    Span::from_picos((units * UNIT.as_picos() as f64) as u64)
}

/// A span in units.
pub(super) fn units(span: Span) -> f64 {
    span.as_picos() as f64 / UNIT.as_picos() as f64
}

/// The profile in which only the demanded service has a price.
pub(super) fn profile() -> Profile {
    Profile::parse("queueing", include_str!("station.toml")).expect("a test reads the same text")
}

/// A server, or the place of one customer at it.
#[derive(Debug)]
pub(super) struct Station {
    /// Where a customer goes next; without one it is answered.
    pub(super) next: Option<ActorId>,
}

/// A customer on the way to the next station.
#[derive(Clone, Copy, Debug)]
pub(super) struct Customer {
    conn: ConnId,
    service: u64,
}

impl Actor for Station {
    type Message = Customer;

    fn handle(&mut self, cx: &mut Cx<'_, Customer>, input: Input<'_, Customer>) {
        match input {
            Input::Command { conn, args } => {
                let demand = |index: usize| {
                    let bytes = args[index].try_into().expect("a demand has eight bytes");
                    u64::from_le_bytes(bytes)
                };
                cx.work.count(Counter::Commands, demand(0));
                match self.next {
                    None => {
                        let _ = cx.reply(conn);
                    }
                    Some(to) => {
                        let message = Customer {
                            conn,
                            service: demand(1),
                        };
                        cx.effect(Effect::Send {
                            to,
                            message,
                            bytes: 0,
                        });
                    }
                }
            }
            Input::Peer {
                message: Customer { conn, service },
                ..
            } => {
                cx.work.count(Counter::Commands, service);
                let _ = cx.reply(conn);
            }
            _ => {}
        }
    }
    fn next_deadline(&self) -> Option<Time> {
        None
    }
}

/// Customers that demand drawn services and, in a closed loop, think.
#[derive(Debug)]
pub(super) struct Customers {
    /// The service at each station, with its stream.
    services: Vec<(Service, Stream)>,
    think_mean: f64,
    think: Stream,
}

impl Customers {
    pub(super) fn new(services: &[Service], think_mean: f64, seed: Seed) -> Self {
        let names = ["first service", "second service"];
        let services = services.iter().zip(names);
        Self {
            services: services
                .map(|(service, name)| (service.clone(), seed.stream(name)))
                .collect(),
            think_mean,
            think: seed.stream("think"),
        }
    }
}

impl Requests for Customers {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        for (service, stream) in &self.services {
            let span = service.draw(stream.at(0, id.0).0[0]);
            args.push(&span.as_picos().to_le_bytes());
        }
    }
    fn wire_bytes(&self, _: &Arguments) -> u64 {
        0
    }
    fn think(&mut self, id: RequestId) -> Span {
        exponential(self.think.at(0, id.0).0[0], self.think_mean)
    }
}

/// Poisson arrivals of a number of customers.
#[derive(Debug)]
pub(super) struct PoissonArrivals {
    gap_mean: f64,
    gaps: Stream,
    customers: u64,
    last: Time,
}

impl PoissonArrivals {
    pub(super) fn new(gap_mean: f64, customers: u64, seed: Seed) -> Self {
        Self {
            gap_mean,
            gaps: seed.stream("arrivals"),
            customers,
            last: Time::START,
        }
    }
}

impl Arrivals for PoissonArrivals {
    fn intended_start(&mut self, id: RequestId) -> Option<Time> {
        if id.0 == self.customers {
            return None;
        }
        self.last += exponential(self.gaps.at(0, id.0).0[0], self.gap_mean);
        Some(self.last)
    }
}

/// A tally of one station: who was there at regular instants, and for how long.
///
/// The census counts heads at instants 7.3 units apart. It knows nothing of the length of a stay
/// but who was present when, which is what makes Little's law a test.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) heads: u64,
    pub(super) stay_picos: u128,
}

const CENSUS_STEP_PICOS: u64 = UNIT.as_picos() * 73 / 10;

/// Instants of the census before `time`.
fn instants_before(time: Time) -> u64 {
    time.as_picos().div_ceil(CENSUS_STEP_PICOS)
}

impl Tally {
    fn add(&mut self, from: Time, to: Time) {
        self.heads += instants_before(to) - instants_before(from);
        self.stay_picos += u128::from(to.since(from).as_picos());
    }
}

/// What is seen of the customers after the warm-up.
#[derive(Debug)]
pub(super) struct Watch {
    warm_up: u64,
    stations: usize,
    replies: u64,
    /// When the first and the last measured customer was answered.
    pub(super) first_end: Time,
    pub(super) last_end: Time,
    pub(super) measured: u64,
    pub(super) waited: u64,
    pub(super) wait_picos: u128,
    pub(super) sojourns: Latencies,
    pub(super) tallies: [Tally; 2],
    /// The waits one by one, where they are asked for.
    pub(super) waits: Option<Series>,
    /// When the customer of each client left the first of two stations.
    left_first: Vec<Time>,
}

impl Watch {
    pub(super) fn new(warm_up: u64, stations: usize) -> Self {
        Self {
            warm_up,
            stations,
            replies: 0,
            first_end: Time::START,
            last_end: Time::START,
            measured: 0,
            waited: 0,
            wait_picos: 0,
            sojourns: Latencies::new(),
            tallies: [Tally::default(); 2],
            waits: None,
            left_first: Vec::new(),
        }
    }
    /// All customers answered so far.
    pub(super) fn replies(&self) -> u64 {
        self.replies
    }
    /// Instants of the census in the measured time.
    pub(super) fn instants(&self) -> u64 {
        instants_before(self.last_end) - instants_before(self.first_end)
    }
}

impl Observer<Station> for Watch {
    fn call(&mut self, call: &Call<'_>, _: &Station) {
        if self.stations == 1 || call.kind != CallKind::Command {
            return;
        }
        // With two stations, client and actor have the same number.
        let client = call.actor.index();
        if client >= self.left_first.len() {
            self.left_first.resize(client + 1, Time::START);
        }
        self.left_first[client] = call.at + call.spent;
    }
    fn reply(&mut self, reply: &Reply, _: &Station) {
        self.replies += 1;
        if self.replies <= self.warm_up {
            return;
        }
        let arrived = reply.intended;
        if self.stations == 1 {
            let left = reply.started + reply.handled;
            let wait = reply.started.since(arrived);
            self.waited += u64::from(!wait.is_zero());
            self.wait_picos += u128::from(wait.as_picos());
            if let Some(waits) = &mut self.waits {
                waits.push(wait.as_picos());
            }
            self.sojourns.record(left.since(arrived));
            self.tallies[0].add(arrived, left);
            self.last_end = left;
        } else {
            let between = self.left_first[reply.conn.index()];
            self.sojourns.record(reply.response);
            self.tallies[0].add(arrived, between);
            self.tallies[1].add(between, reply.ended);
            self.last_end = reply.ended;
        }
        if self.measured == 0 {
            self.first_end = self.last_end;
        }
        self.measured += 1;
    }
}

/// The types of these worlds.
#[derive(Debug)]
pub(super) struct Queueing;

impl Model for Queueing {
    type Actor = Station;
    type Requests = Customers;
    type Arrivals = PoissonArrivals;
    type Observer = Watch;
    const RECORDS_LATENCIES: bool = false;
}

pub(super) type QueueingWorld = World<Queueing>;

/// An empty world.
pub(super) fn world(watch: Watch) -> QueueingWorld {
    World::new(&profile(), Wall::from_unix_millis(0), watch)
}

/// Adds `places` stations that share the cores of `pool`.
pub(super) fn add_stations(
    world: &mut QueueingWorld,
    pool: PoolId,
    places: u32,
    next: impl Fn(u32) -> Option<ActorId>,
) -> Vec<ActorId> {
    let disk = world.add_disk(DiskConfig::default());
    let placement = Placement {
        pool,
        helpers: pool,
        disk,
        store: None,
    };
    (0..places)
        .map(|place| world.add_actor(Station { next: next(place) }, placement))
        .collect()
}
