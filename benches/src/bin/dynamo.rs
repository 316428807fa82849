//! DynamoDB's semantics without a host: items put, found and read, and requests admitted.
//!
//! The table holds up to a million items of 900 bytes, the size of the measurements of Elhemali et
//! al. (USENIX ATC 2022, section 7). Beside it stands a std tree that copies the same bytes under
//! the same keys and knows no rule. Half of the admitted requests are eventual reads.
//!
//! The last two rounds are those of the studies' host: requests with Poisson arrivals are drawn,
//! placed among a million keys, admitted by a table that lends tokens to routers, and recorded.
//!
//! It fails where an item takes more than half as long again to put as the tree takes, whose time is
//! nearly all waiting for memory, and below 4 M requests admitted per second of CPU time on 64
//! partitions or 2.5 M on 10,000, by the partitions alone and by the host.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin dynamo [-- ROUNDS]`

use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_benches::cpu_time::{Contender, Measured, Round, alternate, timed};
use kvrig_dynamo::capacity::ReadConsistency;
use kvrig_dynamo::key::{KeyHash, KeyHasher, KeySchema, KeyValue, PrimaryKey, ScalarType};
use kvrig_dynamo::partition::{Allocation, LimitMode, PartitionBuckets, PartitionMap, Replica};
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

const ROUNDS_DEFAULT: u32 = 5;
/// Items that a full table holds.
const ITEMS: u64 = 1_000_000;
/// Requests of one round.
const REQUESTS: u64 = 200_000;
/// Requests of one round of admission, which is faster.
const ADMISSIONS: u64 = 4_000_000;
/// Bytes of an item with its names.
const ITEM_BYTES: usize = 900;
/// The speed of PutItem beside the tree's at least.
const TREE_SPEED_MIN: f64 = 1.0 / 1.5;
/// Contenders and what they must reach, in millions per second of CPU time.
const TARGETS: [(&str, f64); 4] = [
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

/// The items that a round asks for: a stride that is prime to their number visits all of them.
fn asked(round: u32) -> impl Iterator<Item = u64> {
    let first = u64::from(round) * REQUESTS;
    (first..first + REQUESTS).map(|number| number.wrapping_mul(7_919) % ITEMS)
}

fn items(rounds: u32) -> Vec<Measured> {
    let schema = TableSchema::new("items", KeySchema::simple("pk", ScalarType::String));
    let mut table = Table::new(schema, KeyHasher::default()).expect("a schema that can be");
    let mut tree: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for number in 0..ITEMS {
        put(&mut table, item(number));
        tree.insert(name(number), vec![b'x'; ITEM_BYTES]);
    }
    let table = RefCell::new(table);
    let put_round = |round: u32| {
        let items: Vec<Item> = asked(round).map(item).collect();
        timed(|| {
            for item in items {
                put(&mut table.borrow_mut(), item);
            }
            REQUESTS
        })
    };
    let tree_round = move |round: u32| {
        let entries: Vec<_> = asked(round)
            .map(|number| (name(number), vec![b'x'; ITEM_BYTES]))
            .collect();
        timed(|| {
            for (name, bytes) in entries {
                black_box(tree.insert(name, bytes));
            }
            REQUESTS
        })
    };
    let find_round = |round: u32| {
        let primary = |number: u64| PrimaryKey {
            partition: KeyValue::String(name(number).into()),
            sort: None,
        };
        let keys: Vec<PrimaryKey> = asked(round).map(primary).collect();
        let table = table.borrow();
        timed(|| keys.iter().filter(|key| table.find(key).is_some()).count() as u64)
    };
    let get_round = |round: u32| {
        let requests: Vec<GetItem> = asked(round).map(|n| GetItem::new(key(n))).collect();
        let table = table.borrow();
        timed(|| {
            for request in &requests {
                black_box(table.get(request).expect("a key of the schema"));
            }
            REQUESTS
        })
    };
    alternate(
        rounds,
        vec![
            contender("PutItem", put_round),
            contender("insert into a std tree", tree_round),
            contender("find an item", find_round),
            contender("GetItem", get_round),
        ],
    )
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
        let recorded = host.run(requests, &|| false).expect("books that balance");
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
