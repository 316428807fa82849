//! DynamoDB's semantics without a host: items put, found and read, and requests admitted.
//!
//! The table holds up to a million items of 900 bytes, the size of the measurements of Elhemali et
//! al. (USENIX ATC 2022, section 7). Beside it stands a std tree that holds the same bytes under
//! the same keys and knows no rule. A served table has buckets before its items. Half of its requests
//! and of the admitted ones are eventual reads.
//!
//! Requests are made by the hundreds and then answered, so that they lie in the caches as if they had
//! just been received; making them does not count. The served table is told of sixteen at a time before
//! it answers the first of them.
//!
//! The last two rounds are those of the studies' host: requests with Poisson arrivals are drawn,
//! placed among a million keys, admitted by a table that lends tokens to routers, and recorded.
//!
//! It fails below 0.5 M items put per second of CPU time or the speed of the tree, whose time is nearly
//! all waiting for memory, below 1 M requests served per second, and below 4 M requests admitted per second on 64 partitions or 2.5 M on
//! 10,000, by the partitions alone and by the host.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin dynamo [-- ROUNDS]`

use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_benches::cpu_time::{Contender, Measured, Round, alternate, timed};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHash, KeyHasher, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::partition::{Allocation, LimitMode, PartitionBuckets, PartitionMap, Replica};
use kvrig_dynamo::roles::{Direct, Fidelity, LOOK_AHEAD_MAX, Request};
use kvrig_dynamo::table::{GetItem, PutItem};
use kvrig_dynamo::{Item, Table, TableSchema};
use kvrig_sim::dynamo::{
    Capacity, Demand, Generation, Host, Retrying, Scene, Sorting, Spread, TableRules, spread_places,
};
use kvrig_workloads::{Arrivals, Pacing, RateProfile};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

const ROUNDS_DEFAULT: u32 = 5;
/// Items that a full table holds.
const ITEMS: u64 = 1_000_000;
/// Requests of one round.
const REQUESTS: u64 = 200_000;
/// Requests of one round of admission, which is faster.
const ADMISSIONS: u64 = 4_000_000;
/// Bytes of an item with its names.
const ITEM_BYTES: usize = 900;
/// Requests that are made before they are answered: their items fill a quarter of a MiB.
const BATCH: u64 = 250;
/// The speed of PutItem beside the tree's at least.
const TREE_SPEED_MIN: f64 = 1.0;
/// Contenders and what they must reach, in millions per second of CPU time.
const TARGETS: [(&str, f64); 6] = [
    ("PutItem", 0.5),
    ("serve items", 1.0),
    ("admit on 64 partitions", 4.0),
    ("admit on 10,000 partitions", 2.5),
    ("host with 64 partitions", 4.0),
    ("host with 10,000 partitions", 2.5),
];

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).map(|text| text.parse()) {
        None => ROUNDS_DEFAULT,
        Some(Ok(rounds)) if rounds > 0 => rounds,
        Some(_) => {
            eprintln!("usage: dynamo [ROUNDS]");
            return ExitCode::from(2);
        }
    };
    println!("{ITEMS} items of {ITEM_BYTES} B, {rounds} rounds");
    let mut measured = items(rounds);
    measured.extend(admission(rounds));
    for one in &measured {
        println!(
            "{:28} {:8.2} M/s {:8.1} ns",
            one.name,
            one.millions_per_second(),
            one.nanos_median
        );
    }
    let falls_short = TARGETS.iter().any(|(name, millions)| {
        let found = measured.iter().find(|one| one.name == *name);
        found.is_none_or(|one| one.millions_per_second() < *millions)
    });
    let beside_tree = measured[0].speed_over(&measured[1]);
    println!("PutItem has {beside_tree:.2} of the speed of the std tree");
    match falls_short || beside_tree < TREE_SPEED_MIN {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// The key of item `number`, in an order that no tree likes.
fn name(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn key(number: u64) -> Item {
    Item::from([("pk", name(number).into())])
}

fn item(number: u64) -> Item {
    let mut item = key(number);
    let rest = ITEM_BYTES - item.size_bytes() as usize - 1;
    item.insert("v", "x".repeat(rest).into());
    item
}

/// Makes and answers the requests of a round one by one.
fn round_of<R>(round: u32, make: impl Fn(u64) -> R, mut answer: impl FnMut(R)) -> Round {
    batches_of(round, make, |requests| {
        requests.into_iter().for_each(&mut answer);
    })
}

/// Makes the requests of a round and has them answered batch by batch. A stride that is prime to the
/// number of items visits all.
fn batches_of<R>(round: u32, make: impl Fn(u64) -> R, mut answer: impl FnMut(Vec<R>)) -> Round {
    let first = u64::from(round) * REQUESTS;
    let mut whole = Round {
        units: 0,
        time: Duration::ZERO,
    };
    for batch in (first..first + REQUESTS).step_by(BATCH as usize) {
        let asked = (batch..batch + BATCH).map(|number| number.wrapping_mul(7_919) % ITEMS);
        let requests: Vec<R> = asked.map(&make).collect();
        let part = timed(|| {
            answer(requests);
            BATCH
        });
        whole.units += part.units;
        whole.time += part.time;
    }
    whole
}

fn schema() -> TableSchema {
    TableSchema::new("items", KeySchema::simple("pk", ScalarType::String))
}

fn items(rounds: u32) -> Vec<Measured> {
    let mut table = Table::new(schema(), KeyHasher::default()).expect("a schema that can be");
    let mut tree: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for number in 0..ITEMS {
        put(&mut table, item(number));
        tree.insert(name(number), vec![b'x'; ITEM_BYTES]);
    }
    let table = RefCell::new(table);
    let put_round = |round| round_of(round, item, |item| put(&mut table.borrow_mut(), item));
    let tree_round = move |round| {
        let entry = |number| (name(number), vec![b'x'; ITEM_BYTES]);
        round_of(round, entry, |(name, bytes)| {
            black_box(tree.insert(name, bytes));
        })
    };
    let find_round = |round| {
        let primary = |number| PrimaryKey {
            partition: KeyValue::String(name(number).into()),
            sort: None,
        };
        round_of(round, primary, |key| {
            black_box(table.borrow().find(&key)).expect("an item of the table");
        })
    };
    let get_round = |round| {
        let request = |number| GetItem::new(key(number));
        round_of(round, request, |request| {
            black_box(table.borrow().get(&request)).expect("a key of the schema");
        })
    };
    let mut measured = alternate(
        rounds,
        vec![
            contender("PutItem", put_round),
            contender("insert into a std tree", tree_round),
            contender("find an item", find_round),
            contender("GetItem", get_round),
        ],
    );
    drop(table);
    measured.extend(served(rounds));
    measured
}

/// Requests to a table that admits them: on 64 partitions, which never throttle so few.
fn served(rounds: u32) -> Vec<Measured> {
    let partitions = (64, LimitMode::Independent);
    let (hasher, start) = (KeyHasher::default(), Time::START);
    let mut table = Direct::new(schema(), hasher, partitions, Fidelity::Items, start)
        .expect("a schema that can be");
    let mut now = start;
    let mut serve = |requests: Vec<Request>| {
        let mut waiting = requests.into_iter();
        while !waiting.as_slice().is_empty() {
            table.look_ahead(waiting.as_slice());
            for request in waiting.by_ref().take(LOOK_AHEAD_MAX) {
                now += Span::from_micros(50);
                black_box(table.handle(request, now)).expect("a request that is not throttled");
            }
        }
    };
    let write = |number| {
        let item = item(number);
        Request::Put(PutItem {
            item,
            ..PutItem::default()
        })
    };
    (0..ITEMS).for_each(|number| serve(vec![write(number)]));
    let request = |number: u64| match number % 2 {
        0 => Request::Get(GetItem::new(key(number))),
        _ => write(number),
    };
    let round = |round| batches_of(round, request, &mut serve);
    alternate(rounds, vec![contender("serve items", round)])
}

fn put(table: &mut Table, item: Item) {
    let request = PutItem {
        item,
        ..PutItem::default()
    };
    black_box(table.put(request).expect("an acceptable item"));
}

fn contender<'a>(name: &'a str, round: impl FnMut(u32) -> Round + 'a) -> Contender<'a> {
    Contender {
        name,
        round: Box::new(round),
    }
}

fn admission(rounds: u32) -> Vec<Measured> {
    alternate(
        rounds,
        vec![
            contender("admit on 64 partitions", |_| admit(64)),
            contender("admit on 10,000 partitions", |_| admit(10_000)),
            contender("host with 64 partitions", |_| host(64)),
            contender("host with 10,000 partitions", |_| host(10_000)),
        ],
    )
}

/// Writes to so many partitions, half of what each takes.
fn host(partitions: u32) -> Round {
    let per_second = u64::from(partitions) * 500;
    let capacity = Capacity::Provisioned {
        read: per_second,
        write: per_second * 2,
    };
    let seed = Seed(1);
    let scene = Scene {
        table: TableRules::new(Generation::Global2022, capacity, partitions),
        index: None,
        retrying: Retrying::NEVER,
        duration: Span::from_picos(ADMISSIONS * (1_000_000_000_000 / per_second)),
    };
    let profile = RateProfile::constant(Rate::per_second(per_second)).expect("a rate");
    let requests = Spread {
        starts: Arrivals::new(Pacing::Poisson, profile, seed.stream("arrivals"), 0),
        collections: ITEMS as u32,
        sorting: Sorting::Single,
        demand: Demand::Write {
            bytes: ITEM_BYTES as u64,
        },
        draws: seed.stream("draws"),
        index: 0,
    };
    let places = spread_places(ITEMS as u32, seed.stream("places"));
    let host = Host::new(scene, places, None, &BTreeSet::new(), seed).expect("a table");
    timed(|| {
        let recorded = host
            .run_each(requests, &|| false)
            .expect("books that balance");
        black_box(recorded).books.offered
    })
}

/// A million requests a second of virtual time, spread over all partitions.
fn admit(partitions: u32) -> Round {
    let map = PartitionMap::even(partitions);
    let share = Allocation::full(2_000, Time::START);
    let one = PartitionBuckets::new(share, share, LimitMode::Independent, Time::START);
    let mut buckets = vec![one; map.partitions().len()];
    timed(|| {
        let mut now = Time::START;
        for number in 0..ADMISSIONS {
            now += Span::from_micros(1);
            let place = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            let buckets = &mut buckets[map.index_of(KeyHash::new(place), None)];
            let _ = black_box(match number % 2 {
                0 => buckets.admit_write(1, None, now),
                _ => {
                    let replica = Replica::for_read(number);
                    buckets.admit_read(900, ReadConsistency::Eventual, replica, None, now)
                }
            });
        }
        ADMISSIONS
    })
}
