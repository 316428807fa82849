//! A Redis node on its core, filled before a run: what studies of one node share.

use super::asks::Asks;
use crate::client::{ClosedLoop, OpenArrivals, OpenLoop, Patience, RedisRequests};
use crate::cost::LinkPrices;
use crate::study::{Load, Workload};
use crate::world::{Contents, DiskConfig, GroupId, Model, Placement, PoolId, World};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::{Span, Time, Wall};
use kvrig_redis::Node;
use std::collections::BTreeMap;

/// Capacity of the node's disk; more than any snapshot that fits into memory here.
pub(super) const DISK_BYTES: u64 = 1 << 40;
/// Keys filled in between two looks at the interrupt.
pub(super) const FILLS_UNASKED: usize = 65_536;

/// Puts `node` on a core of its own, its helpers and children on the others, beside a disk.
pub(super) fn place<M: Model<Actor = Node>>(
    world: &mut World<M>,
    cores: u32,
    node: Node,
) -> (PoolId, ActorId) {
    let pool = world.add_pool(1);
    let helpers = match cores {
        0 | 1 => pool,
        cores => world.add_pool(cores - 1),
    };
    // Snapshots are written and never read back here.
    let disk = world.add_disk(DiskConfig {
        capacity_bytes: DISK_BYTES,
        contents: Contents::Counted,
    });
    let placement = Placement {
        pool,
        helpers,
        disk,
        store: None,
    };
    (pool, world.add_actor(node, placement))
}

/// What went beyond the cost profile's range, in sentences.
pub(super) fn out_of_range<M: Model>(world: &World<M>) -> Vec<String> {
    let sentence = |beyond: &crate::cost::OutOfRange| {
        format!(
            "Beyond the cost profile's range: {} reached {} in {} calls, where its prices hold up to {}.",
            beyond.what, beyond.worst, beyond.calls, beyond.limit
        )
    };
    world.out_of_range().iter().map(sentence).collect()
}

/// Sums of the work that an actor has counted, by name.
pub(super) fn counters<M: Model>(world: &World<M>, actor: ActorId) -> BTreeMap<String, u64> {
    let counts = world.counts(actor).iter();
    counts
        .map(|(counter, n)| (counter.name().to_owned(), n))
        .collect()
}

/// Loads the key and the value of a SET as a snapshot's, with the time to live that it gives.
pub(super) fn load(
    node: &mut Node,
    set: &[&[u8]],
    ttl: Option<Span>,
    start: Wall,
    work: &mut Work,
) -> bool {
    match ttl {
        None => node.load(set[1], set[2], start, work),
        Some(ttl) => {
            let millis = start.unix_millis() + ttl.as_micros() / 1_000;
            let at_ms = i64::try_from(millis).unwrap_or(i64::MAX);
            node.load_expiring(set[1], set[2], at_ms, start, work)
        }
    }
}

/// How long the clients of a workload wait, and what they do then.
fn patience(workload: &Workload, seed: Seed) -> Option<Patience> {
    workload.patience.map(|patience| Patience {
        timeout: patience.timeout,
        retries: patience.retries,
        backoff: patience.backoff,
        draws: seed.stream("backoff"),
    })
}

/// The clients of a workload.
pub(super) struct Clients<'a> {
    pub(super) workload: &'a Workload,
    pub(super) link: &'a LinkPrices,
    /// Their connections go round these.
    pub(super) targets: Vec<ActorId>,
    /// When they ask, in an open loop.
    pub(super) arrivals: Option<OpenArrivals>,
}

/// Adds clients with what they ask for, which is made of the time that they think on average: none
/// in an open loop.
pub(super) fn add_clients<M: Model<Arrivals = OpenArrivals>>(
    world: &mut World<M>,
    clients: Clients<'_>,
    requests: impl FnOnce(Option<Span>) -> M::Requests,
    seed: Seed,
) -> GroupId {
    let Clients {
        workload,
        link,
        targets,
        arrivals,
    } = clients;
    let (link, patience) = (link.clone(), patience(workload, seed));
    match (&workload.load, arrivals) {
        (Load::Open { connections, .. }, Some(arrivals)) => world.add_open_loop(OpenLoop {
            targets,
            connections: *connections,
            link,
            requests: requests(None),
            arrivals,
            patience,
        }),
        (
            Load::Closed {
                clients,
                think_time,
            },
            _,
        ) => world.add_closed_loop(ClosedLoop {
            targets,
            clients: *clients,
            link,
            requests: requests(Some(*think_time)),
            start: Time::START,
            requests_max: None,
            patience,
        }),
        (Load::Open { .. }, None) => unreachable!("an open loop's arrivals are read with its cell"),
    }
}

/// What clients ask one node for, and when.
pub(super) struct Asked<'a> {
    pub(super) workload: &'a Workload,
    pub(super) link: &'a LinkPrices,
    pub(super) requests: RedisRequests,
    /// In an open loop.
    pub(super) arrivals: Option<OpenArrivals>,
}

/// Adds the clients of a workload of Redis at one node.
pub(super) fn add_load<M: Model<Requests = Asks, Arrivals = OpenArrivals>>(
    world: &mut World<M>,
    actor: ActorId,
    asked: Asked<'_>,
    seed: Seed,
) -> GroupId {
    let clients = Clients {
        workload: asked.workload,
        link: asked.link,
        targets: vec![actor],
        arrivals: asked.arrivals,
    };
    let requests = |think_time| {
        Asks::Load(Box::new(match think_time {
            Some(mean) => asked.requests.thinking(mean, seed.stream("think")),
            None => asked.requests,
        }))
    };
    add_clients(world, clients, requests, seed)
}
