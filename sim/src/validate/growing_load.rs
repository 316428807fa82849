//! How long requests take as the load of a table grows tenfold, on DynamoDB's roles.
//!
//! YCSB A (half writes) and B (a twentieth) on items of 900 bytes, all keys alike, as behind figures 5 and 6
//! of the paper. Routers, storage nodes and partitions grow with the load, as the service's fleet does, so
//! that every host and partition has as much to do under any load. What does not grow is what all share: one
//! server that lends the tokens of the table to all routers, one that keeps the directory, which is longer
//! and asked for by more, and the logs that wait for the slower of more pairs of hosts. Whether these stay
//! out of the requests' way is what is tried.

use super::partitions::Seen;
use crate::analysis::{Interval, replication_interval};
use crate::client::{Arguments, OpenLoop, Requests};
use crate::cost::Profile;
use crate::dynamo_cluster::Topology;
use crate::world::{Model, Observer, Reply, World};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::RequestId;
use kvrig_base::quantity::Rate;
use kvrig_base::random::{Seed, Stream, below};
use kvrig_base::time::{Span, Time, Wall};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHasher, KeySchema, ScalarType};
use kvrig_dynamo::roles::{Arguments as Written, KeyspaceId, Limits, Request, Role, SplitPolicy};
use kvrig_dynamo::schema::Throughput;
use kvrig_dynamo::table::{GetItem, PutItem};
use kvrig_dynamo::{Item, TableSchema};
use kvrig_workloads::arrivals::Phase;
use kvrig_workloads::{Arrivals, Pacing, RateProfile};
use rayon::prelude::*;

const TABLE: &str = "usertable";
const KEY: &str = "pk";
const VALUE: &str = "v";
/// An item with its names and key.
const ITEM_BYTES: usize = 900;
/// Requests a second, in the order of growth.
const LOADS: [u64; 3] = [100_000, 300_000, 1_000_000];
/// YCSB's workloads, with their percentage of writes.
const WORKLOADS: [(&str, u64); 2] = [("A", 50), ("B", 5)];
const SEEDS: u64 = 3;
const CONFIDENCE: f64 = 0.95;
/// Until then routers hear of the directory and are lent tokens, under a hundredth of the largest load.
const TRICKLE: Span = Span::from_millis(240);
const TRICKLE_RATE: u64 = 10_000;
/// From the full load until requests count. By then routers ask for the directory anew.
const SETTLING: Span = Span::from_millis(10);
/// Requests that count, of a seed.
const COUNTED: u64 = 40_000;
/// What the percentiles of the loads may differ by, as shares of the smallest: the paper has charts and no
/// digits. Medians are flat there, and tails nearly.
const MEDIAN_TOLERANCE: f64 = 0.1;
const TAIL_TOLERANCE: f64 = 0.25;

/// What serves a load.
#[derive(Clone, Copy, Debug)]
struct Fleet {
    routers: u32,
    nodes: u32,
    partitions: u32,
}

impl Fleet {
    /// The fleet for so many requests a second. A router has 25,000 of them, so that requests meet others
    /// there, and a partition half of the writes that it can take under A.
    const fn of(load: u64) -> Self {
        let tens = (load / 100_000) as u32;
        Self {
            routers: 4 * tens,
            nodes: 8 * tens,
            partitions: 100 * tens,
        }
    }
    /// Keys: more than enough for partitions to be alike.
    const fn keys(self) -> u64 {
        self.partitions as u64 * 50
    }
}

/// Requests of one kind.
#[derive(Debug)]
struct Ycsb {
    writes: bool,
    keys: Stream,
    count: u64,
}

fn key(number: u64) -> Item {
    Item::from([(KEY, format!("user{number:08}").as_str().into())])
}

fn item(number: u64) -> Item {
    let mut item = key(number);
    let filling = ITEM_BYTES - item.size_bytes() as usize - VALUE.len();
    item.insert(VALUE, "x".repeat(filling).as_str().into());
    item
}

fn put(number: u64) -> PutItem {
    PutItem {
        item: item(number),
        ..PutItem::default()
    }
}

impl Requests for Ycsb {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        let draw = self.keys.at(u64::from(self.writes), id.0).0[0];
        let number = below(draw, self.count);
        let request = match self.writes {
            true => Request::Put(put(number)),
            false => {
                let get = GetItem::new(key(number));
                Request::Get(get.consistency(ReadConsistency::Eventual))
            }
        };
        let written = Written::write(TABLE, &request);
        let written = written.expect("a request without a condition can be written");
        written.iter().for_each(|argument| args.push(argument));
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        args.iter().map(|argument| argument.len() as u64).sum()
    }
}

/// Responses of reads and of writes that were asked when all had settled, and who was not served.
#[derive(Debug)]
struct Responses {
    from: Time,
    spans: [Vec<Span>; 2],
    /// Bytes of the answers to each kind: those of exceptions are others.
    answers: [Option<u64>; 2],
    odd: u64,
}

impl Observer<Role> for Responses {
    fn reply(&mut self, reply: &Reply, _: &Role) {
        let kind = reply.group as usize;
        let expected = *self.answers[kind].get_or_insert(reply.bytes);
        self.odd += u64::from(reply.bytes != expected);
        if reply.intended >= self.from {
            self.spans[kind].push(reply.response);
        }
    }
}

#[derive(Debug)]
struct Roles;

impl Model for Roles {
    type Actor = Role;
    type Requests = Ycsb;
    type Arrivals = Vec<Time>;
    type Observer = Responses;
    const RECORDS_LATENCIES: bool = false;
}

fn broken(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(diagnostic::CONSERVATION, message.into())
}

/// Median and 99th percentile, in nanoseconds, of reads and of writes.
type Percentiles = [[f64; 2]; 2];

/// What requests of a load take from a fleet under a seed.
fn responses(
    load: u64,
    writes_percent: u64,
    fleet: Fleet,
    seed: Seed,
) -> Result<Percentiles, Diagnostic> {
    let profile = Profile::embedded("typical-2026")?;
    let from = Time::START + TRICKLE + SETTLING;
    let counted = Span::from_micros(COUNTED * 1_000_000 / load);
    let observer = Responses {
        from,
        spans: [Vec::new(), Vec::new()],
        answers: [None; 2],
        odd: 0,
    };
    let mut world = World::<Roles>::new(&profile, Wall::from_unix_millis(0), observer);
    let schema = TableSchema::new(TABLE, KeySchema::simple(KEY, ScalarType::String));
    let topology = Topology {
        // A table's quota of 40,000 units is a default, which AWS raises on request (Developer Guide, "Quotas
        // in Amazon DynamoDB"). This one has twice what the load needs at most.
        tables: vec![(
            schema
                .throughput(Throughput::Provisioned {
                    read: 2 * load,
                    write: 2 * load,
                })
                .throughput_quota(2 * load),
            fleet.partitions,
        )],
        routers: fleet.routers,
        nodes: fleet.nodes,
        cores: 1,
        link: profile.link.clone(),
        hasher: KeyHasher::default(),
        limits: Limits::default(),
        splits: SplitPolicy { delay: None },
    };
    let refused = |error: kvrig_dynamo::Error| broken(error.to_string());
    let service = topology.build(&mut world).map_err(refused)?;
    {
        let mut contents = service.contents.borrow_mut();
        let table = contents.table_mut(KeyspaceId(0));
        let table = table.ok_or_else(|| broken("the service has no table"))?;
        for number in 0..fleet.keys() {
            table.put(put(number)).map_err(refused)?;
        }
    }
    for (writes, percent) in [(false, 100 - writes_percent), (true, writes_percent)] {
        let rate = |load: u64| Rate::per_second(load * percent / 100);
        let phases = vec![
            Phase::constant(TRICKLE, rate(TRICKLE_RATE)),
            Phase::constant(SETTLING + counted, rate(load)),
        ];
        let profile_of_rate = RateProfile::once(phases, Rate(0))
            .map_err(|error| Diagnostic::new(diagnostic::OUT_OF_RANGE, error.to_string()))?;
        let stream = seed.stream("arrivals");
        let starts = Arrivals::new(Pacing::Poisson, profile_of_rate, stream, u64::from(writes));
        world.add_open_loop(OpenLoop {
            targets: service.routers.clone(),
            // So many to each router that requests in flight need not share one.
            connections: fleet.routers * 32,
            link: profile.link.clone(),
            requests: Ycsb {
                writes,
                keys: seed.stream("keys"),
                count: fleet.keys(),
            },
            arrivals: starts.collect(),
            patience: None,
        });
    }
    world.run_until(from + counted + Span::from_secs(1));
    let books = world.check_books()?;
    // A fleet that is too small has not answered all by then; what it has answered says enough.
    let Responses { mut spans, odd, .. } = world.into_observer();
    if books.completed == books.offered && odd > 0 {
        return Err(broken(format!(
            "{odd} of {} requests were refused",
            books.offered
        )));
    }
    Ok([0, 1].map(|kind| {
        let spans = &mut spans[kind];
        spans.sort_unstable();
        // The smallest that no fewer than this percentage are at or below.
        let at = |percent: usize| (spans.len() * percent).div_ceil(100).saturating_sub(1);
        [50, 99].map(|percent| {
            let span = spans.get(at(percent)).copied().unwrap_or(Span::MAX);
            span.as_nanos() as f64
        })
    }))
}

/// What the 50th and 99th percentiles are called.
const PERCENTILES: [(&str, f64); 2] = [("p50", MEDIAN_TOLERANCE), ("p99", TAIL_TOLERANCE)];

/// Responses of loads, each from its fleet, and whether they are alike.
fn judged(
    workloads: &[(&str, u64)],
    fleets: &[(u64, Fleet)],
    seeds: u64,
) -> Result<Seen, Diagnostic> {
    let (mut parts, mut holds) = (Vec::new(), true);
    for &(workload, writes_percent) in workloads {
        let points = fleets
            .iter()
            .flat_map(|&(load, fleet)| (1..=seeds).map(move |seed| (load, fleet, Seed(seed))));
        let points: Vec<(u64, Fleet, Seed)> = points.collect();
        let found: Vec<Percentiles> = points
            .par_iter()
            .map(|&(load, fleet, seed)| responses(load, writes_percent, fleet, seed))
            .collect::<Result<_, Diagnostic>>()?;
        for (kind, what) in ["reads", "writes"].into_iter().enumerate() {
            for (number, (name, tolerance)) in PERCENTILES.into_iter().enumerate() {
                let of_loads = found.chunks(points.len() / fleets.len());
                let intervals: Vec<Interval> = of_loads
                    .map(|of_seeds| {
                        let values = of_seeds.iter().map(|one| one[kind][number]);
                        let values: Vec<f64> = values.collect();
                        replication_interval(&values, CONFIDENCE)
                    })
                    .collect();
                let smallest = intervals[0].estimate;
                holds &= intervals.iter().all(|interval| {
                    // An interval that is wider than what is asked for could not tell.
                    let differs = (interval.estimate - smallest).abs() > tolerance * smallest;
                    !differs && interval.half_width() <= tolerance * smallest
                });
                let texts = intervals.iter().map(|interval| {
                    let (micros, half) = (interval.estimate / 1e3, interval.half_width() / 1e3);
                    format!("{micros:.0}±{half:.0}")
                });
                let texts: Vec<String> = texts.collect();
                parts.push(format!("{workload} {what} {name} {}", texts.join("/")));
            }
        }
    }
    Ok(Seen {
        result: format!("{} us", parts.join(", ")),
        holds,
    })
}

/// The load grows from 100,000 to a million requests a second, and the fleet with it: V20.
///
/// # Errors
/// Requests that are refused.
pub(super) fn load_grows() -> Result<Seen, Diagnostic> {
    judged(
        &WORKLOADS,
        &LOADS.map(|load| (load, Fleet::of(load))),
        SEEDS,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two loads below a million, so that a test takes seconds.
    fn seen(fleet: fn(u64) -> Fleet) -> Seen {
        let fleets = [LOADS[0], LOADS[1]].map(|load| (load, fleet(load)));
        judged(&WORKLOADS[..1], &fleets, 2).unwrap()
    }

    #[test]
    fn a_fleet_that_grows_with_the_load_answers_as_before() {
        let seen = seen(Fleet::of);
        assert!(seen.holds, "{}", seen.result);
    }

    #[test]
    fn a_fleet_that_stays_as_it_was_answers_late_and_the_experiment_fails() {
        // Its partitions are as many as the load needs: nobody is throttled.
        let seen = seen(|load| Fleet {
            partitions: Fleet::of(load).partitions,
            ..Fleet::of(LOADS[0])
        });
        assert!(!seen.holds, "{}", seen.result);
    }
}
