//! Replays of pre-drawn commands on a Redis node, without a world around it.

use crate::cpu_time::{Round, timed};
use kvrig_base::id::ConnId;
use kvrig_base::random::Seed;
use kvrig_base::seam::{Actor, Cx, Effects, Input, Outbox, Work};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_redis::node::NoMessage;
use kvrig_redis::{Config, Node};
use kvrig_tables::TableKind;
use kvrig_workloads::popularity::{KeySpace, Scramble};
use kvrig_workloads::{KeyFormat, KeyId, Popularity};
use std::hint::black_box;
use std::ops::Range;

/// Bytes of every key: more than the node keeps in its records, so that it touches the line of the
/// key's own that receipts count. They follow Redis, where every key is a string outside its entry; a
/// shorter key costs the node one touch less than its receipt says.
pub const KEY_BYTES: usize = 24;
/// Commands before those that are timed or counted: they bring the caches to where they stay. Where
/// there are no more keys than commands, the first of them ask for all keys, or keys that were not
/// drawn yet would be found in memory by what is counted.
pub const WARM_UP: usize = 250_000;
/// Commands that are timed or counted in one round.
pub const COUNTED: usize = 100_000;

/// A prime that divides no number of keys in use: multiples of it are all keys in another order.
const ORDER_STRIDE: u64 = 7_919;
/// Slices of the timed commands.
const SLICES: usize = 10;
/// Commands of a slice.
const SLICE: usize = COUNTED / SLICES;

/// A command of the grid; all its keys are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// GET.
    Get,
    /// SET of a value as long as the one there.
    Set,
    /// EXISTS with the same key so many times: look-ups of which only the first may miss.
    Exists(usize),
}

/// One point of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The command.
    pub command: Command,
    /// Keys in the node.
    pub keys: u64,
    /// Bytes of every value.
    pub value_bytes: usize,
    /// The Zipf exponent of the keys' popularity.
    pub skew: f64,
}

/// A configuration with its keys drawn.
#[derive(Debug)]
pub struct Replay {
    /// What it replays.
    pub configuration: Configuration,
    keys: Vec<u8>,
    value: Vec<u8>,
}

/// A receipt with the buffers that calls need.
#[derive(Debug)]
pub struct Caller {
    work: Work,
    outbox: Outbox,
    effects: Effects<NoMessage>,
}

impl Caller {
    /// Calls whose receipts are priced by the meter of `work`.
    pub fn new(work: Work) -> Self {
        Self {
            work,
            outbox: Outbox::default(),
            effects: Effects::default(),
        }
    }
    #[inline]
    fn call(&mut self, node: &mut Node, input: Input<'_, NoMessage>) -> Span {
        self.work.begin();
        let mut cx = Cx::new(
            Time::START,
            Wall::from_unix_millis(0),
            &mut self.work,
            &mut self.outbox,
            &mut self.effects,
        );
        node.handle(&mut cx, input);
        black_box(&self.outbox);
        self.outbox.clear();
        self.work.spent()
    }
}

/// A node that holds `keys` keys with values of `value_bytes`.
///
/// The values come after all keys and in another order, as in a node in use: allocated in turn, a
/// key and its value would share lines and pages, which receipts do not say.
pub fn filled_node(keys: u64, value_bytes: usize, seed: Seed) -> Node {
    let mut node = Node::new(Config::default(), TableKind::Redis70, seed);
    let mut caller = Caller::new(Work::unpriced());
    let conn = ConnId(0);
    caller.call(&mut node, Input::Connected { conn });
    let (format, mut key, value) = (KeyFormat::default(), Vec::new(), value(value_bytes));
    for id in 0..keys {
        format.write(KeyId(id), KEY_BYTES, &mut key);
        let args: &[&[u8]] = &[b"SET", &key, b"0"];
        caller.call(&mut node, Input::Command { conn, args });
    }
    for index in 0..keys {
        format.write(KeyId(index * ORDER_STRIDE % keys), KEY_BYTES, &mut key);
        let args: &[&[u8]] = &[b"SET", &key, &value];
        caller.call(&mut node, Input::Command { conn, args });
    }
    // A rehash that the last keys began would take its steps in what is measured.
    while node.keyspace().database(0).keys().rehash().is_some() {
        let args: &[&[u8]] = &[b"GET", &key];
        caller.call(&mut node, Input::Command { conn, args });
    }
    node
}

/// Letters, so that no value is stored as an integer.
fn value(bytes: usize) -> Vec<u8> {
    vec![b'v'; bytes]
}

impl Replay {
    /// Draws the keys of a configuration, others for every `number`.
    pub fn new(configuration: Configuration, number: u64, seed: Seed) -> Self {
        let present = configuration.keys;
        let popularity = Popularity::zipf(
            configuration.skew,
            KeySpace::fixed(present),
            Scramble::Bijection,
            seed.stream("scramble"),
        )
        .expect("the grid's exponents and sizes are in range");
        let (stream, format) = (seed.stream("keys"), KeyFormat::default());
        let (mut keys, mut key) = (Vec::new(), Vec::new());
        for index in 0..(WARM_UP + COUNTED) as u64 {
            let id = match index < present && present <= WARM_UP as u64 {
                true => KeyId(index * ORDER_STRIDE % present),
                false => popularity.key(index, present, &mut stream.draws(number, index)),
            };
            format.write(id, KEY_BYTES, &mut key);
            keys.extend_from_slice(&key);
        }
        let value = value(configuration.value_bytes);
        Self {
            configuration,
            keys,
            value,
        }
    }
    /// Carries out the commands numbered `range` and returns their priced time.
    pub fn run(&self, node: &mut Node, caller: &mut Caller, range: Range<usize>) -> Span {
        let keys = &self.keys[range.start * KEY_BYTES..range.end * KEY_BYTES];
        let mut all: Vec<&[u8]> = Vec::new();
        let mut spent = Span::ZERO;
        for key in keys.chunks_exact(KEY_BYTES) {
            spent += match self.configuration.command {
                Command::Get => command(node, caller, &[b"GET", key]),
                Command::Set => command(node, caller, &[b"SET", key, &self.value]),
                Command::Exists(times) => {
                    all.clear();
                    all.push(b"EXISTS");
                    all.resize(1 + times, key);
                    command(node, caller, &all)
                }
            };
        }
        spent
    }
    /// Carries out the warm-up, then times the rest in slices and returns the fastest of them: a
    /// slice is short enough that some are not interrupted on a busy machine.
    pub fn time(&self, node: &mut Node, caller: &mut Caller) -> Round {
        self.run(node, caller, 0..WARM_UP);
        let slices = (0..SLICES).map(|slice| {
            let start = WARM_UP + slice * SLICE;
            timed(|| {
                black_box(self.run(node, caller, start..start + SLICE));
                SLICE as u64
            })
        });
        let fastest = slices.min_by_key(|slice| slice.time);
        fastest.expect("there are slices")
    }
}

#[inline]
fn command(node: &mut Node, caller: &mut Caller, args: &[&[u8]]) -> Span {
    let conn = ConnId(0);
    caller.call(node, Input::Command { conn, args })
}
