//! What is asked of a server, the same in the simulator and over real sockets.

use crate::client::{Arguments, Requests, exponential};
use kvrig_base::id::RequestId;
use kvrig_base::random::{Seed, Stream};
use kvrig_base::time::Span;
use kvrig_redis::resp;

/// Strings in the store.
pub const STRINGS: u64 = 100_000;
/// Bytes of each.
pub const VALUE_BYTES: usize = 32;
/// Lists, sorted sets and hashes in the store, of each so many.
const COLLECTIONS: u64 = 100;
/// Elements of each list and of each sorted set.
const ELEMENTS: u64 = 100;
/// Fields of each hash.
const FIELDS: u64 = 20;

/// A prime that divides no number of keys here: multiples of it are all keys, none near the one before.
const ORDER_STRIDE: u64 = 7_919;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// GET of a string that is there.
    Get,
    /// SET of a string that is there.
    Set,
    /// LRANGE over a whole list.
    ListRange,
    /// ZADD of a member that is there.
    SortedSetAdd,
    /// HGETALL.
    HashGetAll,
    /// EXISTS of two strings that are there: which of them are drawn, while the others are always the
    /// same one.
    LookUp {
        /// The first: a server that looks at requests ahead finds a key there.
        first: bool,
        /// The second, where none looks.
        second: bool,
    },
}

impl Asked {
    /// The command.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Set => "SET",
            Self::ListRange => "LRANGE",
            Self::SortedSetAdd => "ZADD",
            Self::HashGetAll => "HGETALL",
            Self::LookUp { .. } => "EXISTS",
        }
    }
}

/// Where the key of a request comes from.
#[derive(Clone, Debug)]
enum Keys {
    /// Drawn uniformly.
    Drawn(Stream),
    /// All in turn.
    InTurn,
}

/// A stream of requests on keys drawn uniformly, or on all keys in turn.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Kinds in turn: request `n` is of kind `n` modulo their number.
    pub kinds: Vec<Asked>,
    /// Requests that follow one another on each connection.
    pub depth: u32,
    keys: Keys,
}

impl Traffic {
    /// Requests of these kinds, `depth` in a row on each connection.
    pub fn new(kinds: &[Asked], depth: u32, seed: Seed) -> Self {
        Self {
            kinds: kinds.to_vec(),
            depth,
            keys: Keys::Drawn(seed.stream("keys")),
        }
    }
    /// One request for each key that there is, and how many that are: after them the caches hold of the
    /// store what they can.
    pub fn of_all_keys() -> (Self, u64) {
        let traffic = Self {
            kinds: Vec::new(),
            depth: 1,
            keys: Keys::InTurn,
        };
        (traffic, STRINGS + 3 * COLLECTIONS)
    }
    /// The kind of request `id`, the number of its key among those of the kind, and a random number.
    fn asked(&self, id: u64) -> (Asked, u64, u64) {
        let Keys::Drawn(draws) = &self.keys else {
            let turn = |number| number * ORDER_STRIDE;
            return match id.checked_sub(STRINGS) {
                None => (Asked::Get, turn(id) % STRINGS, 0),
                Some(number) => {
                    let kinds = [Asked::ListRange, Asked::SortedSetAdd, Asked::HashGetAll];
                    let kind = kinds[(number / COLLECTIONS) as usize % kinds.len()];
                    (kind, turn(number) % COLLECTIONS, 0)
                }
            };
        };
        let [draw, other] = draws.at(0, id).0;
        let kind = self.kinds[(id % self.kinds.len() as u64) as usize];
        let count = match kind {
            Asked::Get | Asked::Set | Asked::LookUp { .. } => STRINGS,
            Asked::ListRange | Asked::SortedSetAdd | Asked::HashGetAll => COLLECTIONS,
        };
        (kind, kvrig_base::random::below(draw, count), other)
    }
    /// Calls with the arguments of request `id`.
    pub fn with_args(&self, id: u64, take: &mut dyn FnMut(&[&[u8]])) {
        let (kind, number, other) = self.asked(id);
        let string = string_key(number);
        match kind {
            Asked::Get => take(&[b"GET", &string]),
            Asked::Set => take(&[b"SET", &string, &[b'w'; VALUE_BYTES]]),
            Asked::ListRange => take(&[b"LRANGE", &collection_key(b'l', number), b"0", b"-1"]),
            Asked::SortedSetAdd => {
                let (member, score) = (other % ELEMENTS, other >> 40);
                let key = collection_key(b'z', number);
                take(&[
                    b"ZADD",
                    &key,
                    text(score).as_bytes(),
                    text(member).as_bytes(),
                ]);
            }
            Asked::HashGetAll => take(&[b"HGETALL", &collection_key(b'h', number)]),
            Asked::LookUp { first, second } => {
                let key = |is_drawn| match is_drawn {
                    true => string,
                    false => string_key(0),
                };
                take(&[b"EXISTS", &key(first), &key(second)]);
            }
        }
    }
}

impl Requests for Traffic {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        self.with_args(id.0, &mut |words| {
            words.iter().for_each(|word| args.push(word));
        });
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.lend(resp::request_len) as u64
    }
    fn connection(&mut self, id: RequestId, connections: u32) -> u32 {
        let run = id.0 / u64::from(self.depth.max(1));
        (run % u64::from(connections)) as u32
    }
}

/// Intended starts of `count` requests at `rate` a second, as many independent users begin them
/// (Poisson), in nanoseconds.
pub fn starts_ns(rate: f64, count: u64, seed: Seed) -> Vec<u64> {
    let draws = seed.stream("arrivals");
    let mean = Span::from_picos((1e12 / rate) as u64);
    let mut at = Span::ZERO;
    let start = |id| {
        at += exponential(draws.at(0, id).0[0], mean);
        at.as_nanos()
    };
    (0..count).map(start).collect()
}

fn text(number: u64) -> String {
    number.to_string()
}

/// The key of a string, 20 bytes.
pub fn string_key(number: u64) -> [u8; 20] {
    let mut key = *b"user0000000000000000";
    let mut rest = number;
    for digit in key.iter_mut().rev().take(16) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn collection_key(kind: u8, number: u64) -> Vec<u8> {
    [&[kind, b':'][..], text(number).as_bytes()].concat()
}

/// Calls with the arguments of each request that fills an empty store.
pub fn preparation(take: &mut dyn FnMut(&[&[u8]])) {
    for number in 0..STRINGS {
        take(&[b"SET", &string_key(number), &[b'v'; VALUE_BYTES]]);
    }
    for number in 0..COLLECTIONS {
        let [list, set, hash] = [b'l', b'z', b'h'].map(|kind| collection_key(kind, number));
        for element in 0..ELEMENTS {
            let element = text(element);
            take(&[b"RPUSH", &list, format!("element:{element:0>8}").as_bytes()]);
            take(&[b"ZADD", &set, element.as_bytes(), element.as_bytes()]);
        }
        for field in 0..FIELDS {
            let field = format!("field:{field}");
            take(&[
                b"HSET",
                &hash,
                field.as_bytes(),
                b"a value of 24 bytes here",
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn traffic_of_all_keys_asks_for_each_key_that_is_prepared_once() {
        let mut prepared = BTreeSet::new();
        preparation(&mut |args| {
            prepared.insert(args[1].to_vec());
        });
        let (traffic, requests) = Traffic::of_all_keys();
        let mut asked = BTreeSet::new();
        for id in 0..requests {
            traffic.with_args(id, &mut |args| {
                assert!(asked.insert(args[1].to_vec()), "{args:?}");
            });
        }
        assert_eq!(asked, prepared);
    }
}
