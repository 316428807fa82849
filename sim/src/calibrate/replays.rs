//! Replays of pre-drawn commands on a Redis node, without a world around it.

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
/// A prime that divides no number of keys in use: multiples of it are all keys in another order.
const ORDER_STRIDE: u64 = 7_919;
/// Slices of the timed commands.
pub const SLICES: usize = 10;
/// Elements of each list and each sorted set.
const ELEMENTS: usize = 100;
/// Fields of each hash.
const FIELDS: usize = 20;
/// Bytes of elements, and of the values of fields.
const ELEMENT_BYTES: usize = 16;
/// Scores that members are given in turn.
const SCORES: usize = 1_000;
/// A command on a collection stands for so many on strings: it takes as many times as long, and
/// there are few collections, which are soon in the caches.
const COMMANDS_OF_COLLECTION: usize = 10;

/// A command of the grid; all its keys are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// GET.
    Get,
    /// SET of a value as long as the one there.
    Set,
    /// EXISTS with the same key so many times: look-ups of which only the first may miss.
    Exists(usize),
    /// LRANGE of so many elements.
    ListRange(usize),
    /// HGETALL.
    HashGetAll,
    /// ZADD of a member that is there.
    SortedSetAdd,
}

impl Command {
    /// What a request looks like, `EXISTS key key`.
    pub fn name(self) -> String {
        match self {
            Self::Get => "GET".to_owned(),
            Self::Set => "SET".to_owned(),
            Self::Exists(times) => format!("EXISTS of {times}"),
            Self::ListRange(elements) => format!("LRANGE of {elements}"),
            Self::HashGetAll => format!("HGETALL of {FIELDS}"),
            Self::SortedSetAdd => format!("ZADD to {ELEMENTS}"),
        }
    }
    /// What its keys hold.
    fn holds(self) -> Holds {
        match self {
            Self::Get | Self::Exists(_) => Holds::Strings,
            Self::Set => Holds::OverwrittenStrings,
            Self::ListRange(_) => Holds::Lists,
            Self::HashGetAll => Holds::Hashes,
            Self::SortedSetAdd => Holds::SortedSets,
        }
    }
}

/// What the keys of a node hold. Strings that are overwritten keep to a node of their own, because
/// they move about in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Strings,
    OverwrittenStrings,
    Lists,
    Hashes,
    SortedSets,
}

/// One point of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The command.
    pub command: Command,
    /// Keys in the node.
    pub keys: u64,
    /// Bytes of every string.
    pub value_bytes: usize,
    /// The Zipf exponent of the keys' popularity.
    pub skew: f64,
}

/// How many commands a replay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Commands before those that are timed or counted: they bring the caches to where they stay.
    /// Where there are no more keys than commands, the first of them ask for all keys, or keys that
    /// were not drawn yet would be found in memory by what is counted.
    pub warm_up: usize,
    /// Commands that are timed or counted, a multiple of [`SLICES`].
    pub counted: usize,
}

impl Length {
    fn of(self, command: Command) -> Self {
        let part = match command.holds() {
            Holds::Strings | Holds::OverwrittenStrings => 1,
            Holds::Lists | Holds::Hashes | Holds::SortedSets => COMMANDS_OF_COLLECTION,
        };
        Self {
            warm_up: self.warm_up / part,
            counted: (self.counted / part).next_multiple_of(SLICES),
        }
    }
}

/// A configuration with its keys drawn.
#[derive(Debug)]
pub struct Replay {
    /// What it replays.
    pub configuration: Configuration,
    /// How many commands it has.
    pub length: Length,
    keys: Vec<u8>,
    value: Vec<u8>,
    last_index: Vec<u8>,
    members: Vec<Vec<u8>>,
    scores: Vec<Vec<u8>>,
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
    fn command(&mut self, node: &mut Node, args: &[&[u8]]) -> Span {
        let conn = ConnId(0);
        self.call(node, Input::Command { conn, args })
    }
}

/// Nodes that configurations share.
#[derive(Debug, Default)]
pub struct Nodes(Vec<((u64, usize, Holds), Node)>);

impl Nodes {
    fn key(configuration: &Configuration) -> (u64, usize, Holds) {
        let Configuration {
            command,
            keys,
            value_bytes,
            ..
        } = configuration;
        (*keys, *value_bytes, command.holds())
    }
    /// The number of the node that a configuration is replayed on, filled if it is the first.
    pub fn of(&mut self, configuration: &Configuration, seed: Seed) -> usize {
        let key = Self::key(configuration);
        match self.0.iter().position(|(known, _)| *known == key) {
            Some(number) => number,
            None => {
                self.0.push((key, filled_node(key, seed)));
                self.0.len() - 1
            }
        }
    }
    /// A node by its number.
    pub fn get(&mut self, number: usize) -> &mut Node {
        &mut self.0[number].1
    }
    /// The most memory that one of them uses, in bytes.
    pub fn used_bytes_max(&self) -> u64 {
        let bytes = self.0.iter().map(|(_, node)| node.used_memory());
        bytes.max().unwrap_or(0)
    }
}

/// A node that holds `keys` keys.
///
/// The values of strings come after all keys and in another order, as in a node in use: allocated in
/// turn, a key and its value would share lines and pages, which receipts do not say.
fn filled_node((keys, value_bytes, holds): (u64, usize, Holds), seed: Seed) -> Node {
    let mut node = Node::new(Config::default(), TableKind::Redis70, seed);
    let mut caller = Caller::new(Work::unpriced());
    let conn = ConnId(0);
    caller.call(&mut node, Input::Connected { conn });
    let (format, mut key) = (KeyFormat::default(), Vec::new());
    let (value, element) = (value(value_bytes), value(ELEMENT_BYTES));
    for id in 0..keys {
        format.write(KeyId(id), KEY_BYTES, &mut key);
        match holds {
            Holds::Strings | Holds::OverwrittenStrings => {
                caller.command(&mut node, &[b"SET", &key, b"0"]);
            }
            Holds::Lists => (0..ELEMENTS).for_each(|_| {
                caller.command(&mut node, &[b"RPUSH", &key, &element]);
            }),
            Holds::Hashes => (0..FIELDS).for_each(|field| {
                let field = format!("field:{field:0>10}");
                caller.command(&mut node, &[b"HSET", &key, field.as_bytes(), &element]);
            }),
            Holds::SortedSets => (0..ELEMENTS).for_each(|member| {
                let member = number(member);
                caller.command(&mut node, &[b"ZADD", &key, &member, &member]);
            }),
        }
    }
    if matches!(holds, Holds::Strings | Holds::OverwrittenStrings) {
        for index in 0..keys {
            format.write(KeyId(index * ORDER_STRIDE % keys), KEY_BYTES, &mut key);
            caller.command(&mut node, &[b"SET", &key, &value]);
        }
    }
    // A rehash that the last keys began would take its steps in what is measured.
    while node.keyspace().database(0).keys().rehash().is_some() {
        caller.command(&mut node, &[b"EXISTS", &key]);
    }
    node
}

/// Letters, so that no value is stored as an integer.
fn value(bytes: usize) -> Vec<u8> {
    vec![b'v'; bytes]
}

fn number(number: usize) -> Vec<u8> {
    number.to_string().into_bytes()
}

impl Replay {
    /// Draws the keys of a configuration, others for every `number`.
    pub fn new(configuration: Configuration, length: Length, number: u64, seed: Seed) -> Self {
        let length = length.of(configuration.command);
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
        for index in 0..(length.warm_up + length.counted) as u64 {
            let id = match index < present && present <= length.warm_up as u64 {
                true => KeyId(index * ORDER_STRIDE % present),
                false => popularity.key(index, present, &mut stream.draws(number, index)),
            };
            format.write(id, KEY_BYTES, &mut key);
            keys.extend_from_slice(&key);
        }
        let last_index = match configuration.command {
            Command::ListRange(elements) => self::number(elements.saturating_sub(1)),
            _ => Vec::new(),
        };
        Self {
            value: value(configuration.value_bytes),
            configuration,
            length,
            keys,
            last_index,
            members: (0..ELEMENTS).map(self::number).collect(),
            scores: (0..SCORES).map(self::number).collect(),
        }
    }
    /// The commands before those that count.
    pub fn warm_up(&self) -> Range<usize> {
        0..self.length.warm_up
    }
    /// The commands that count.
    pub fn counted(&self) -> Range<usize> {
        self.length.warm_up..self.length.warm_up + self.length.counted
    }
    /// One of [`SLICES`] equal parts of those.
    pub fn slice(&self, slice: usize) -> Range<usize> {
        let commands = self.length.counted / SLICES;
        let start = self.length.warm_up + slice * commands;
        start..start + commands
    }
    /// Carries out the commands numbered `range` and returns their priced time.
    pub fn run(&self, node: &mut Node, caller: &mut Caller, range: Range<usize>) -> Span {
        let keys = &self.keys[range.start * KEY_BYTES..range.end * KEY_BYTES];
        let mut all: Vec<&[u8]> = Vec::new();
        let mut spent = Span::ZERO;
        for (index, key) in range.zip(keys.chunks_exact(KEY_BYTES)) {
            spent += match self.configuration.command {
                Command::Get => caller.command(node, &[b"GET", key]),
                Command::Set => caller.command(node, &[b"SET", key, &self.value]),
                Command::Exists(times) => {
                    all.clear();
                    all.push(b"EXISTS");
                    all.resize(1 + times, key);
                    caller.command(node, &all)
                }
                Command::ListRange(_) => {
                    caller.command(node, &[b"LRANGE", key, b"0", &self.last_index])
                }
                Command::HashGetAll => caller.command(node, &[b"HGETALL", key]),
                Command::SortedSetAdd => {
                    let of = |texts: &'_ [Vec<u8>]| index * ORDER_STRIDE as usize % texts.len();
                    let (member, score) = (of(&self.members), of(&self.scores));
                    let (member, score) = (&self.members[member], &self.scores[score]);
                    caller.command(node, &[b"ZADD", key, score, member])
                }
            };
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kvrig_base::seam::Counter;

    const LENGTH: Length = Length {
        warm_up: 200,
        counted: 100,
    };

    #[test]
    fn every_command_finds_what_it_asks_for() {
        for (command, reply_bytes_min) in [
            (Command::Get, 32),
            (Command::Set, 5),
            (Command::Exists(3), 4),
            (Command::ListRange(10), 10 * ELEMENT_BYTES),
            (Command::HashGetAll, FIELDS * ELEMENT_BYTES),
            (Command::SortedSetAdd, 4),
        ] {
            let configuration = Configuration {
                command,
                keys: 20,
                value_bytes: 32,
                skew: 0.0,
            };
            let mut nodes = Nodes::default();
            let number = nodes.of(&configuration, Seed(1));
            let replay = Replay::new(configuration, LENGTH, 0, Seed(1));
            let mut caller = Caller::new(Work::unpriced());
            let node = nodes.get(number);
            let memory = node.used_memory();
            replay.run(node, &mut caller, replay.counted());
            assert!(caller.work.counts().get(Counter::Commands) > 0);
            // Nothing is added: what is asked for is there.
            assert!(node.used_memory().abs_diff(memory) < 1_000, "{command:?}");
            let key = &replay.keys[..KEY_BYTES];
            let args: &[&[u8]] = match command {
                Command::ListRange(_) => &[b"LRANGE", key, b"0", &replay.last_index],
                Command::HashGetAll => &[b"HGETALL", key],
                _ => &[b"EXISTS", key],
            };
            let conn = ConnId(0);
            caller.work.begin();
            let mut cx = Cx::new(
                Time::START,
                Wall::from_unix_millis(0),
                &mut caller.work,
                &mut caller.outbox,
                &mut caller.effects,
            );
            node.handle(&mut cx, Input::Command { conn, args });
            let (_, reply) = caller.outbox.iter().next().expect("a reply");
            let is_range = matches!(command, Command::ListRange(_) | Command::HashGetAll);
            assert!(!is_range || reply.len() > reply_bytes_min, "{command:?}");
            assert!(is_range || reply == b":1\r\n", "{command:?}");
        }
    }

    #[test]
    fn slices_are_the_counted_commands_in_parts() {
        let configuration = Configuration {
            command: Command::ListRange(100),
            keys: 10,
            value_bytes: 0,
            skew: 0.0,
        };
        let replay = Replay::new(configuration, LENGTH, 0, Seed(1));
        assert_eq!(replay.length.warm_up, 20);
        let ends = (0..SLICES).map(|slice| replay.slice(slice));
        let all: Vec<usize> = ends.flatten().collect();
        assert_eq!(all, replay.counted().collect::<Vec<_>>());
    }
}
