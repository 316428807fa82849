//! Plain loads for experiments: keys that are asked for evenly, and requests that spread.

use super::host::Request;
use super::partitions::Demand;
use super::places::{Collection, Place, Places};
use kvrig_base::quantity::Rate;
use kvrig_base::random::{Stream, below};
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::key::KeyHash;
use kvrig_workloads::Arrivals;

/// Millionths of a request in a second, by picoseconds in a second.
const MICRO_PICOS: u128 = 1_000_000 * 1_000_000_000_000;

/// One collection in the middle of each of `partitions` even partitions.
pub fn whole_places(partitions: u32, has_sort_keys: bool) -> Places {
    let share = u128::MAX / u128::from(partitions.max(1));
    let middle = |number: u32| KeyHash::new(share * u128::from(number) + share / 2);
    Places::new((0..partitions).map(middle).collect(), has_sort_keys)
}

/// So many collections anywhere in the space.
pub fn spread_places(keys: u32, placement: Stream) -> Places {
    let hash = |key: u32| {
        let [high, low] = placement.at(0, u64::from(key)).0;
        KeyHash::new(u128::from(high) << 64 | u128::from(low))
    };
    Places::new((0..keys).map(hash).collect(), false)
}

/// Requests with even gaps, each collection at a rate of its own, the first after one gap.
#[derive(Clone, Debug)]
pub struct Even {
    from: Time,
    demand: Demand,
    /// Rate, number and time of the next request of each collection.
    next: Vec<(Rate, u64, Time)>,
}

impl Even {
    /// Collection i at the i-th of `rates` from `from` on, for ever; one with no rate never.
    pub fn new(rates: &[Rate], demand: Demand, from: Time) -> Self {
        let next = rates.iter().map(|&rate| (rate, 1, due(from, rate, 1)));
        Self {
            from,
            demand,
            next: next.collect(),
        }
    }
}

fn due(from: Time, rate: Rate, number: u64) -> Time {
    match rate.0 {
        0 => Time::NEVER,
        rate => {
            let picos = u128::from(number) * MICRO_PICOS / u128::from(rate);
            let span = u64::try_from(picos).map_or(Span::MAX, Span::from_picos);
            from.saturating_add(span)
        }
    }
}

impl Iterator for Even {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let first = (0..self.next.len()).min_by_key(|&index| (self.next[index].2, index))?;
        let (rate, number, at) = self.next[first];
        if at == Time::NEVER {
            return None;
        }
        self.next[first] = (rate, number + 1, due(self.from, rate, number + 1));
        Some(Request {
            at,
            place: Place {
                collection: Collection(first as u32),
                sort: number,
            },
            index: None,
            demand: self.demand,
        })
    }
}

/// What the sort keys of a load are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorting {
    /// Anywhere.
    Random,
    /// Ever higher.
    Increasing,
    /// Always the same: one item.
    Single,
}

/// Requests to collections that are all alike.
#[derive(Clone, Debug)]
pub struct Spread {
    /// When.
    pub starts: Arrivals,
    /// Collections, at least one.
    pub collections: u32,
    /// Their sort keys.
    pub sorting: Sorting,
    /// What is wanted.
    pub demand: Demand,
    /// Where collections and sort keys are drawn.
    pub draws: Stream,
    /// Requests so far.
    pub index: u64,
}

impl Iterator for Spread {
    type Item = Request;

    #[inline]
    fn next(&mut self) -> Option<Request> {
        let at = self.starts.next()?;
        let [collection, sort] = self.draws.at(0, self.index).0;
        self.index += 1;
        Some(Request {
            at,
            place: Place {
                collection: Collection(below(collection, u64::from(self.collections)) as u32),
                sort: match self.sorting {
                    Sorting::Random => sort,
                    Sorting::Increasing => self.index,
                    Sorting::Single => 0,
                },
            },
            index: None,
            demand: self.demand,
        })
    }
}

/// Two loads as one, in the order of time; of equal times the first load's goes first.
pub struct Merged<A: Iterator, B: Iterator> {
    one: std::iter::Peekable<A>,
    other: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Request>, B: Iterator<Item = Request>> Merged<A, B> {
    /// Both loads.
    pub fn new(one: A, other: B) -> Self {
        Self {
            one: one.peekable(),
            other: other.peekable(),
        }
    }
}

impl<A: Iterator<Item = Request>, B: Iterator<Item = Request>> Iterator for Merged<A, B> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        match (self.one.peek(), self.other.peek()) {
            (Some(one), Some(other)) if other.at < one.at => self.other.next(),
            (Some(_), _) => self.one.next(),
            (None, _) => self.other.next(),
        }
    }
}
