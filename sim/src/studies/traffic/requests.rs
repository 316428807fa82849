//! The requests of a traffic, some at a time.

use super::shared::arrivals;
use super::{Traffic, is_write};
use crate::dynamo::{Demand, Place, Request, Requests};
use kvrig_base::quantity::Rate;
use kvrig_base::random::Stream;
use kvrig_base::time::Time;
use kvrig_workloads::arrivals::{FollowedArrivals, Step};
use kvrig_workloads::{Arrivals, KeySource, OpKind, RateProfile};

/// Requests at the rates of the workload, or as a trace has them.
#[derive(Debug)]
pub(in crate::studies) struct Paced<'a> {
    traffic: &'a Traffic<'a>,
    starts: Starts,
    /// Requests drawn so far.
    index: u64,
    kinds: Stream,
    times: Vec<Time>,
}

/// When requests start.
#[derive(Debug)]
enum Starts {
    /// As they were recorded, the first one then.
    Recorded(Time),
    /// As for all who ask at these rates.
    Followed(FollowedArrivals),
    /// As for nobody else.
    Own(Arrivals),
}

impl Requests for Paced<'_> {
    fn next_block(&mut self, count: usize, block: &mut Vec<Request>) {
        let traffic = self.traffic;
        self.times.clear();
        match (&mut self.starts, &traffic.workload.plan().keys) {
            (Starts::Recorded(origin), KeySource::Recorded(replay)) => {
                let times = (self.index..).map_while(|index| replay.time(index));
                let times = times.map(|time| Time::START + time.since(*origin));
                self.times.extend(times.take(count));
            }
            // A trace alone is recorded.
            (Starts::Recorded(_), KeySource::Drawn { .. }) => {}
            (Starts::Followed(starts), _) => starts.next_block(count, &mut self.times),
            (Starts::Own(starts), _) => starts.next_block(count, &mut self.times),
        }
        let times = self.times.iter().zip(self.index..);
        self.index += self.times.len() as u64;
        match traffic.alike {
            Some(demand) => {
                block.extend(times.map(|(&at, index)| traffic.request_alike(demand, index, at)));
            }
            None => {
                let kinds = self.kinds;
                block.extend(times.map(|(&at, index)| traffic.request(kinds, index, at)));
            }
        }
    }
}

/// Requests that are asked for again at another rate: what does not depend on it is drawn once.
#[derive(Debug, Default)]
pub(in crate::studies) struct Rehearsal {
    steps: Vec<Step>,
    places: Vec<Place>,
    /// Those in the index, if there is one that requests are written to.
    index_places: Vec<Place>,
}

/// Such requests at one rate.
#[derive(Debug)]
struct Rehearsed<'a> {
    traffic: &'a Traffic<'a>,
    demand: Demand,
    starts: Arrivals,
    rehearsal: &'a mut Rehearsal,
    /// Requests so far.
    index: usize,
    times: Vec<Time>,
}

impl Rehearsal {
    /// Bytes of one request.
    pub(in crate::studies) const BYTES: u64 = (size_of::<Step>() + 2 * size_of::<Place>()) as u64;

    /// Draws requests until there are `count`.
    fn draw(&mut self, traffic: &Traffic<'_>, demand: Demand, starts: &Arrivals, count: usize) {
        let drawn = self.steps.len();
        let more = count.saturating_sub(drawn);
        starts.next_steps(drawn as u64, more, &mut self.steps);
        let requests = (drawn as u64..)
            .take(more)
            .map(|index| traffic.request_alike(demand, index, Time::START));
        for request in requests {
            self.places.push(request.place);
            self.index_places.extend(request.index);
        }
    }
}

impl Requests for Rehearsed<'_> {
    fn next_block(&mut self, count: usize, block: &mut Vec<Request>) {
        let end = self.index + count;
        self.rehearsal
            .draw(self.traffic, self.demand, &self.starts, end);
        let Rehearsal {
            steps,
            places,
            index_places,
        } = &*self.rehearsal;
        self.times.clear();
        self.starts
            .next_block_of(&steps[self.index..end], &mut self.times);
        let demand = self.demand;
        let numbered = self.times.iter().zip(self.index..);
        block.extend(numbered.map(|(&at, index)| Request {
            at,
            place: places[index],
            index: index_places.get(index).copied(),
            demand,
        }));
        self.index += self.times.len();
    }
}

impl<'a> Traffic<'a> {
    /// The requests as the workload has them.
    pub(in crate::studies) fn requests(&'a self) -> Option<Paced<'a>> {
        let (pacing, profile) = self.inputs.workload.pacing.clone()?;
        let starts = match self.recorded_origin() {
            Some(origin) => Starts::Recorded(origin),
            None => Starts::Followed(self.inputs.shared.starts(self.seed, pacing, profile)),
        };
        Some(self.starting(starts))
    }
    /// The same requests at another rate, with gaps of the same kind; `rehearsal` is kept from one rate to
    /// the next.
    pub(in crate::studies) fn requests_at(
        &'a self,
        rate: Rate,
        rehearsal: &'a mut Rehearsal,
    ) -> Option<Box<dyn Requests + 'a>> {
        let (pacing, _) = self.inputs.workload.pacing.clone()?;
        let starts = arrivals(self.seed, pacing, RateProfile::constant(rate).ok()?);
        Some(match self.alike.filter(|_| !self.workload.needs_time()) {
            Some(demand) => Box::new(Rehearsed {
                traffic: self,
                demand,
                starts,
                rehearsal,
                index: 0,
                times: Vec::new(),
            }),
            None => Box::new(self.starting(Starts::Own(starts))),
        })
    }
    fn starting(&'a self, starts: Starts) -> Paced<'a> {
        Paced {
            traffic: self,
            starts,
            index: 0,
            kinds: self.seed.stream("dynamo.kinds"),
            times: Vec::new(),
        }
    }
    /// When the first request of a trace with times was made.
    fn recorded_origin(&self) -> Option<Time> {
        match &self.workload.plan().keys {
            KeySource::Recorded(replay) => replay.time(0),
            KeySource::Drawn { .. } => None,
        }
    }

    /// Request `index` where all want the same.
    #[inline]
    fn request_alike(&self, demand: Demand, index: u64, at: Time) -> Request {
        let needs_key = self.table.follows_keys()
            || self
                .index
                .as_ref()
                .is_some_and(|layout| layout.follows_keys());
        let key = match needs_key {
            true => self.workload.drawn_key(index, at, self.keys),
            // Nothing asks for it.
            false => Some(0),
        };
        self.place_request(demand, key, index, at)
    }
    /// Request `index` of any workload.
    fn request(&self, kinds: Stream, index: u64, at: Time) -> Request {
        let Self {
            inputs, workload, ..
        } = self;
        let mut op = workload.op_at(index, at, &[self.keys]);
        if let KeySource::Recorded(replay) = &workload.plan().keys
            && !replay.trace().has_kinds()
        {
            op.kind = inputs
                .mix
                .single()
                .unwrap_or_else(|| inputs.mix.kind(kinds.at(0, index).0[0]));
        }
        // Kinds that are neither were refused when the workload was read.
        let writes = is_write(op.kind).unwrap_or(true);
        let demand = inputs.demand(writes, op.key_bytes, op.value_bytes);
        let key = (op.kind != OpKind::Insert).then(|| op.key.number());
        self.place_request(demand, key, index, at)
    }
    #[inline]
    fn place_request(&self, demand: Demand, key: Option<u64>, index: u64, at: Time) -> Request {
        let writes = matches!(demand, Demand::Write { .. });
        Request {
            at,
            place: self.table.place(key, self.values, 0, index),
            index: match &self.index {
                Some(layout) if writes => Some(layout.place(key, self.values, 1, index)),
                _ => None,
            },
            demand,
        }
    }
}
