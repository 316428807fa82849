//! PHOLD: what one event costs in the kernel, beside bare loops and the simcore framework.
//!
//! The model is Fujimoto's (1990): each of N entities starts with one event; handling an event
//! draws an exponential delay (mean 1 ms) and a uniformly chosen entity, and schedules one event
//! there. So N events are always pending.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin phold [-- ROUNDS]`

use kvrig_base::id::ActorId;
use kvrig_base::random::{Bits, Seed, Stream, below, open_unit};
use kvrig_base::time::{Span, Time};
use kvrig_benches::cpu_time::{Contender, Measured, Round, alternate, timed};
use kvrig_sim::queue::{Agenda, BinaryHeapQueue, EventQueue, Key, RadixHeap, Scheduled};
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

const MEAN_DELAY_PICOS: f64 = 1e9;
const EVENTS: u64 = 2_000_000;
/// simcore is slower by so much that fewer events give the same precision.
const EVENTS_SIMCORE: u64 = 500_000;

/// An exponential delay by inversion, in picoseconds.
#[inline]
fn delay_picos(word: u64) -> u64 {
    (-libm::log(open_unit(word)) * MEAN_DELAY_PICOS) as u64
}

/// The events of the model, a closed enum as a simulated world has one.
#[derive(Clone, Copy)]
enum Event {
    Read { to: u32 },
    Write { to: u32 },
}

#[derive(Clone, Copy, Default)]
struct Entity {
    reads: u32,
    writes: u32,
}

/// The model on the agenda: dispatch over the enum, one addressed draw an event.
struct World<Q> {
    agenda: Agenda<Event, Q>,
    entities: Vec<Entity>,
    hops: Stream,
}

impl<Q: EventQueue<Scheduled<Event>> + Default> World<Q> {
    fn new(entities: u32, seed: u32) -> Self {
        let seed = Seed(u64::from(seed));
        let mut world = Self {
            agenda: Agenda::default(),
            entities: vec![Entity::default(); entities as usize],
            hops: seed.stream("hops"),
        };
        let starts = seed.stream("starts");
        for entity in 0..entities {
            world.hop(entity, starts.at(u64::from(entity), 0));
        }
        world
    }
    fn run(&mut self, events: u64) -> u64 {
        for _ in 0..events {
            let event = self.agenda.pop().expect("every event schedules another");
            // The draw belongs to the event that is handled, whoever handles it and when.
            let (emitter, number) = (event.key.actor(), event.key.sequence());
            let draw = self.hops.at(u64::from(emitter.0), number);
            self.dispatch(event.payload, draw);
        }
        events
    }
    #[inline]
    fn dispatch(&mut self, event: Event, draw: Bits) {
        match event {
            Event::Read { to } => {
                self.entities[to as usize].reads += 1;
                self.hop(to, draw);
            }
            Event::Write { to } => {
                self.entities[to as usize].writes += 1;
                self.hop(to, draw);
            }
        }
    }
    #[inline]
    fn hop(&mut self, from: u32, Bits([delay, choice]): Bits) {
        let to = below(choice, self.entities.len() as u64) as u32;
        let event = if choice % 2 == 0 {
            Event::Read { to }
        } else {
            Event::Write { to }
        };
        let at = self.agenda.now() + Span::from_picos(delay_picos(delay));
        self.agenda.schedule(ActorId(from), at, event);
    }
    fn handled(&self) -> u64 {
        let of = |entity: &Entity| u64::from(entity.reads + entity.writes);
        self.entities.iter().map(of).sum()
    }
}

fn kernel<Q: EventQueue<Scheduled<Event>> + Default>(entities: u32, seed: u32) -> Round {
    let mut world = World::<Q>::new(entities, seed);
    world.run(u64::from(entities));
    let round = timed(|| world.run(EVENTS));
    assert_eq!(world.handled(), EVENTS + u64::from(entities));
    round
}

/// xoshiro256++ (Blackman and Vigna 2019), the sequential generator of the bare loops.
struct Xoshiro([u64; 4]);

impl Xoshiro {
    fn new(seed: u32) -> Self {
        let mut draws = Seed(u64::from(seed)).stream("xoshiro").draws(0, 0);
        Self(std::array::from_fn(|_| draws.next_u64()))
    }
    #[inline]
    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
}

/// What a bare loop needs of a queue of (time, entity).
trait BareQueue: Default {
    fn push(&mut self, time: u64, entity: u32);
    fn pop(&mut self) -> (u64, u32);
}

/// The textbook radix heap: one bucket for each highest differing bit, first in first out in ties.
struct TextbookRadix {
    last: u64,
    occupied: u128,
    buckets: Vec<Vec<(u64, u32)>>,
    served: usize,
    scratch: Vec<(u64, u32)>,
}

impl Default for TextbookRadix {
    fn default() -> Self {
        let buckets = vec![Vec::new(); 65];
        Self {
            last: 0,
            occupied: 0,
            buckets,
            served: 0,
            scratch: Vec::new(),
        }
    }
}

impl TextbookRadix {
    #[inline]
    fn place(&mut self, time: u64, entity: u32) {
        let bucket = (u64::BITS - (time ^ self.last).leading_zeros()) as usize;
        self.occupied |= 1 << bucket;
        self.buckets[bucket].push((time, entity));
    }
}

impl BareQueue for TextbookRadix {
    #[inline]
    fn push(&mut self, time: u64, entity: u32) {
        self.place(time, entity);
    }
    #[inline]
    fn pop(&mut self) -> (u64, u32) {
        if self.served == self.buckets[0].len() {
            self.buckets[0].clear();
            self.served = 0;
            self.occupied &= !1;
            let first = self.occupied.trailing_zeros() as usize;
            std::mem::swap(&mut self.scratch, &mut self.buckets[first]);
            self.occupied &= !(1 << first);
            self.last = self
                .scratch
                .iter()
                .map(|entry| entry.0)
                .min()
                .expect("not empty");
            let mut falling = std::mem::take(&mut self.scratch);
            for (time, entity) in falling.drain(..) {
                self.place(time, entity);
            }
            self.scratch = falling;
        }
        self.served += 1;
        self.buckets[0][self.served - 1]
    }
}

/// The kernel's radix heap without lanes, sequences or timers around it.
#[derive(Default)]
struct BareRadix {
    heap: RadixHeap<u32>,
    sequence: u64,
}

impl BareQueue for BareRadix {
    #[inline]
    fn push(&mut self, time: u64, entity: u32) {
        self.heap.push(
            Key::new(Time::from_picos(time), ActorId(0), self.sequence),
            entity,
        );
        self.sequence += 1;
    }
    #[inline]
    fn pop(&mut self) -> (u64, u32) {
        let (key, entity) = self.heap.pop().expect("not empty");
        (key.time().as_picos(), entity)
    }
}

/// The model in a bare loop: no dispatch, one sequential generator.
fn bare<Q: BareQueue>(entities: u32, seed: u32) -> Round {
    let mut queue = Q::default();
    let mut random = Xoshiro::new(seed);
    let mut counts = vec![0_u64; entities as usize];
    for _ in 0..entities {
        queue.push(
            delay_picos(random.next()),
            below(random.next(), entities.into()) as u32,
        );
    }
    let mut run = |events: u64| {
        for _ in 0..events {
            let (now, entity) = queue.pop();
            counts[entity as usize] += 1;
            let delay = delay_picos(random.next());
            queue.push(now + delay, below(random.next(), entities.into()) as u32);
        }
        events
    };
    run(u64::from(entities));
    let round = timed(|| run(EVENTS));
    assert_eq!(
        black_box(counts).iter().sum::<u64>(),
        EVENTS + u64::from(entities)
    );
    round
}

/// Random draws, logarithm and entity alone: what no queue can go below.
fn floor(entities: u32, seed: u32) -> Round {
    let mut random = Xoshiro::new(seed);
    let mut counts = vec![0_u64; entities as usize];
    timed(|| {
        let mut now = 0_u64;
        for _ in 0..EVENTS {
            now = now.wrapping_add(delay_picos(random.next()));
            counts[below(random.next(), entities.into()) as usize] += 1;
        }
        black_box((now, &counts));
        EVENTS
    })
}

#[derive(Clone, serde::Serialize)]
struct Hop {}

/// The entity as a simcore component, with the random numbers of the bare loops.
struct SimcoreEntity {
    context: simcore::SimulationContext,
    random: Rc<RefCell<Xoshiro>>,
    entities: u32,
    count: u64,
}

impl simcore::EventHandler for SimcoreEntity {
    fn on(&mut self, event: simcore::Event) {
        simcore::cast!(match event.data {
            Hop {} => {
                self.count += 1;
                self.hop();
            }
        });
    }
}

impl SimcoreEntity {
    fn hop(&self) {
        let mut random = self.random.borrow_mut();
        let delay = delay_picos(random.next()) as f64 * 1e-12;
        let to = below(random.next(), self.entities.into()) as u32;
        self.context.emit(Hop {}, to, delay);
    }
}

fn simcore_round(entities: u32, seed: u32) -> Round {
    let mut simulation = simcore::Simulation::new(u64::from(seed));
    let random = Rc::new(RefCell::new(Xoshiro::new(seed)));
    let mut all = Vec::new();
    for number in 0..entities {
        let name = format!("entity{number}");
        let context = simulation.create_context(&name);
        assert_eq!(
            context.id(),
            number,
            "components are numbered in the order of creation"
        );
        let random = random.clone();
        let entity = Rc::new(RefCell::new(SimcoreEntity {
            context,
            random,
            entities,
            count: 0,
        }));
        simulation.add_handler(&name, entity.clone());
        all.push(entity);
    }
    for entity in &all {
        entity.borrow().hop();
    }
    simulation.steps(u64::from(entities));
    let round = timed(|| {
        simulation.steps(EVENTS_SIMCORE);
        EVENTS_SIMCORE
    });
    let handled: u64 = all.iter().map(|entity| entity.borrow().count).sum();
    assert_eq!(handled, EVENTS_SIMCORE + u64::from(entities));
    round
}

fn contender<'a>(name: &'a str, round: impl FnMut(u32) -> Round + 'a) -> Contender<'a> {
    Contender {
        name,
        round: Box::new(round),
    }
}

/// Prints one size and returns whether it reaches its goals.
fn measure(entities: u32, rounds: u32, over_simcore: f64) -> bool {
    let measured = alternate(
        rounds,
        vec![
            contender(
                "kernel: agenda on radix heap, dispatch, addressed draws",
                |seed| kernel::<RadixHeap<_>>(entities, seed),
            ),
            contender("kernel: the same on the binary heap", |seed| {
                kernel::<BinaryHeapQueue<_>>(entities, seed)
            }),
            contender(
                "bare loop on the kernel's radix heap, xoshiro256++",
                |seed| bare::<BareRadix>(entities, seed),
            ),
            contender("bare loop on a textbook radix heap, xoshiro256++", |seed| {
                bare::<TextbookRadix>(entities, seed)
            }),
            contender("floor: draws, logarithm, entity; no queue", |seed| {
                floor(entities, seed)
            }),
            contender("simcore 0.1, callbacks, xoshiro256++", |seed| {
                simcore_round(entities, seed)
            }),
        ],
    );
    println!("PHOLD, {entities} entities, {rounds} alternating rounds, CPU time");
    println!(
        "{:58} {:>9} {:>9} {:>9}",
        "", "M ev/s", "ns median", "ns best"
    );
    for Measured {
        name,
        nanos_median,
        nanos_best,
    } in &measured
    {
        let rate = 1_000.0 / nanos_median;
        println!("{name:58} {rate:9.2} {nanos_median:9.1} {nanos_best:9.1}");
    }
    let [kernel, _, own, textbook, _, simcore] = &measured[..] else {
        unreachable!("six contenders are measured")
    };
    let mut reached = true;
    for (what, ratio, goal) in [
        (
            "over the bare loop on the same heap",
            kernel.speed_over(own),
            0.6,
        ),
        (
            "over the bare loop on a textbook heap",
            kernel.speed_over(textbook),
            0.6,
        ),
        ("over simcore", kernel.speed_over(simcore), over_simcore),
    ] {
        let verdict = if ratio >= goal { "reached" } else { "MISSED" };
        reached &= ratio >= goal;
        println!("  kernel {what}: {ratio:.2}x (goal {goal}x: {verdict})");
    }
    println!();
    reached
}

fn main() -> std::process::ExitCode {
    let rounds = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 7,
        Some(Ok(rounds @ 1..)) => rounds,
        Some(_) => {
            eprintln!("usage: phold [ROUNDS]");
            return std::process::ExitCode::from(2);
        }
    };
    let small = measure(1_024, rounds, 1.5);
    let large = measure(65_536, rounds, 4.0);
    if small && large {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::from(3)
    }
}
