//! What simulating an operation costs beside executing it.
//!
//! Three contenders carry out the same pre-drawn operations, GET and SET on a million keys at
//! Zipf 0.99, on the same Redis node:
//!
//! - `engine`: the operations handed to the node one after another, nothing priced;
//! - `engine, priced`: the same with the meter of `typical-2026`, its caches included;
//! - `simulated`: an open loop of 50 connections against the node in a world: arrivals, links,
//!   turns, prices, histograms, digest.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin replay [-- ROUNDS]`

use kvrig_base::id::{ActorId, ConnId, RequestId};
use kvrig_base::quantity::Share;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Cx, Effects, Input, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_benches::cpu_time::{Contender, Measured, Round, alternate, timed};
use kvrig_redis::node::NoMessage;
use kvrig_redis::{Config, Node, resp};
use kvrig_sim::client::{Arguments, Arrivals, OpenLoop, Requests};
use kvrig_sim::cost::{Pricing, Profile, TYPICAL_2026};
use kvrig_sim::world::{DiskConfig, Model, Placement, World};
use kvrig_tables::TableKind;
use kvrig_workloads::popularity::{KeySpace, Scramble};
use kvrig_workloads::{KeyFormat, KeyId, Popularity};
use std::hint::black_box;
use std::rc::Rc;

const KEYS: u64 = 1_000_000;
const OPERATIONS: usize = 1_000_000;
const KEY_BYTES: usize = 20;
const VALUE: &[u8] = &[b'v'; 32];
const CONNECTIONS: u32 = 50;
/// Nine of ten operations read.
const READS: Share = Share::percent(90);
/// 50,000 requests a second: half of what the node can take.
const INTERARRIVAL: Span = Span::from_micros(20);
/// Fewer simulated operations a second of CPU time than this are a defect.
const TARGET_MILLIONS: f64 = 1.5;
/// More nanoseconds than this over the engine alone are a defect.
const TARGET_OVERHEAD_NANOS: f64 = 300.0;
const ROUNDS_DEFAULT: u32 = 7;

/// Keys and kinds of all operations, drawn before anything is timed.
struct Drawn {
    keys: Vec<u8>,
    reads: Vec<bool>,
}

impl Drawn {
    fn new(seed: Seed) -> Self {
        let (keys, stream) = (KeySpace::fixed(KEYS), seed.stream("scramble"));
        let popularity = Popularity::zipf(0.99, keys, Scramble::Bijection, stream)
            .expect("0.99 and a million are in range");
        let (key_draws, kind_draws) = (seed.stream("keys"), seed.stream("kinds"));
        let format = KeyFormat::default();
        let mut drawn = Self {
            keys: Vec::new(),
            reads: Vec::new(),
        };
        let mut key = Vec::new();
        for index in 0..OPERATIONS as u64 {
            let id = popularity.key(index, KEYS, &mut key_draws.draws(0, index));
            format.write(id, KEY_BYTES, &mut key);
            drawn.keys.extend_from_slice(&key);
            let word = kind_draws.at(0, index).0[0];
            drawn.reads.push(word % Share::ONE.0 < READS.0);
        }
        drawn
    }
    fn write(&self, index: usize, args: &mut Arguments) {
        let key = &self.keys[index * KEY_BYTES..(index + 1) * KEY_BYTES];
        if self.reads[index] {
            args.push(b"GET");
            args.push(key);
        } else {
            args.push(b"SET");
            args.push(key);
            args.push(VALUE);
        }
    }
}

/// The receipt, replies and effects of calls that no world makes.
struct Bare {
    work: Work,
    outbox: Outbox,
    effects: Effects<NoMessage>,
}

impl Bare {
    fn new(work: Work) -> Self {
        Self {
            work,
            outbox: Outbox::default(),
            effects: Effects::default(),
        }
    }
    fn call(&mut self, node: &mut Node, input: Input<'_, NoMessage>) {
        self.work.begin();
        let wall = Wall::from_unix_millis(0);
        let mut cx = Cx::new(
            Time::START,
            wall,
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        node.handle(&mut cx, input);
        black_box(self.work.spent());
        black_box(&self.outbox);
        self.outbox.clear();
    }
}

/// A node that holds all keys.
fn filled_node(seed: Seed) -> Node {
    let mut node = Node::new(Config::default(), TableKind::Redis70, seed);
    let mut bare = Bare::new(Work::unpriced());
    bare.call(&mut node, Input::Connected { conn: ConnId(0) });
    let (format, mut key) = (KeyFormat::default(), Vec::new());
    for id in 0..KEYS {
        format.write(KeyId(id), KEY_BYTES, &mut key);
        let args: [&[u8]; 3] = [b"SET", &key, VALUE];
        bare.call(
            &mut node,
            Input::Command {
                conn: ConnId(0),
                args: &args,
            },
        );
    }
    node
}

/// Hands all operations to a node.
fn replay(node: &mut Node, drawn: &Drawn, bare: &mut Bare) -> u64 {
    let mut args = Arguments::default();
    for index in 0..OPERATIONS {
        args.clear();
        drawn.write(index, &mut args);
        args.lend(|args| {
            bare.call(
                node,
                Input::Command {
                    conn: ConnId(0),
                    args,
                },
            );
        });
    }
    OPERATIONS as u64
}

/// The same operations as requests of an open loop.
struct Replayed {
    drawn: Rc<Drawn>,
}

impl Requests for Replayed {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        self.drawn.write(id.0 as usize % OPERATIONS, args);
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.lend(resp::request_len) as u64
    }
}

/// Requests at equal distances, for ever.
struct Steady;

impl Arrivals for Steady {
    fn intended_start(&mut self, id: RequestId) -> Option<Time> {
        Some(Time::START + Span::from_millis(1) + INTERARRIVAL * id.0)
    }
}

struct Replaying;

impl Model for Replaying {
    type Actor = Node;
    type Requests = Replayed;
    type Arrivals = Steady;
    type Observer = ();
}

fn world(node: Node, profile: &Profile, drawn: &Rc<Drawn>) -> World<Replaying> {
    let mut world = World::new(profile, Wall::from_unix_millis(0), ());
    let (pool, helpers) = (world.add_pool(1), world.add_pool(1));
    let disk = world.add_disk(DiskConfig::default());
    let actor = world.add_actor(
        node,
        Placement {
            pool,
            helpers,
            disk,
            store: None,
        },
    );
    world.add_open_loop(OpenLoop {
        targets: vec![actor],
        connections: CONNECTIONS,
        link: profile.link.clone(),
        requests: Replayed {
            drawn: Rc::clone(drawn),
        },
        arrivals: Steady,
        patience: None,
    });
    world
}

/// One round of the world: as many requests as there are drawn operations.
fn simulate(world: &mut World<Replaying>, round: u32) -> Round {
    let before = world.check_books().expect("the books balance").completed;
    let end = Time::START + INTERARRIVAL * (u64::from(round + 1) * OPERATIONS as u64);
    let round = timed(|| {
        world.run_until(end);
        0
    });
    let completed = world.check_books().expect("the books balance").completed;
    Round {
        units: completed - before,
        ..round
    }
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(ROUNDS_DEFAULT);
    let seed = Seed(1);
    let profile = Profile::embedded(TYPICAL_2026).expect("it is part of the program");
    let drawn = Rc::new(Drawn::new(seed));
    let (mut plain, mut priced) = (filled_node(seed), filled_node(seed));
    let mut world = world(filled_node(seed), &profile, &drawn);
    let mut unpriced = Bare::new(Work::unpriced());
    let (pricing, meter) = Pricing::new(&profile);
    pricing.add_core();
    let mut metered = Bare::new(Work::new(Box::new(meter)));
    let (first, second) = (Rc::clone(&drawn), Rc::clone(&drawn));
    let measured = alternate(
        rounds,
        vec![
            Contender {
                name: "engine",
                round: Box::new(|_| timed(|| replay(&mut plain, &first, &mut unpriced))),
            },
            Contender {
                name: "engine, priced",
                round: Box::new(|_| timed(|| replay(&mut priced, &second, &mut metered))),
            },
            Contender {
                name: "simulated",
                round: Box::new(|round| simulate(&mut world, round)),
            },
        ],
    );
    print(&measured);
    println!(
        "service {} of which the node {}; {} events for {} requests",
        world.services(kvrig_sim::world::GroupId(0)).mean(),
        Span::from_picos(
            world.worked(ActorId(0)).as_picos()
                / world.check_books().expect("the books balance").completed
        ),
        world.events_handled(),
        world.check_books().expect("the books balance").offered,
    );
}

fn print(measured: &[Measured]) {
    println!(
        "{:<16} {:>12} {:>12} {:>14}",
        "", "ns median", "ns best", "M ops/CPU-s"
    );
    for Measured {
        name,
        nanos_median,
        nanos_best,
    } in measured
    {
        println!(
            "{name:<16} {nanos_median:>12.1} {nanos_best:>12.1} {:>14.2}",
            1e3 / nanos_median
        );
    }
    let (engine, simulated) = (&measured[0], &measured[2]);
    let speed = simulated.millions_per_second();
    let overhead = simulated.nanos_median - engine.nanos_median;
    let verdict = |holds| if holds { "holds" } else { "MISSED" };
    println!(
        "simulated at least {TARGET_MILLIONS} M ops/CPU-s: {speed:.2}, {}; overhead at most \
         {TARGET_OVERHEAD_NANOS} ns: {overhead:.1}, {}",
        verdict(speed >= TARGET_MILLIONS),
        verdict(overhead <= TARGET_OVERHEAD_NANOS),
    );
}
