//! A fleet: many nodes behind clients that ask several of them at once, all growing together or one
//! after the other.
//!
//! Nodes that were filled alike grow alike: forty of them rehashed both dictionaries within two
//! minutes, and throughput fell by 42 % while latency rose by 75 % (redis issue 11494). A client
//! that asks several nodes waits for the slowest: one that asks all of them meets every node that
//! grows, and growth one after the other only makes that time longer.

use super::growth;
use super::inputs::Inputs;
use super::outcome::FleetOutcome;
use super::phases::Phase;
use crate::client::{Arguments, FanOut, RedisRequests, Requests};
use crate::record::Latencies;
use crate::run::RunError;
use crate::studies::hosting::load;
use crate::studies::samples::{Samples, parts_per_million};
use crate::study::{Fleet, Load};
use crate::world::{Call, DiskConfig, Gathered, Model, Observer, Placement, PoolId, World};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::RequestId;
use kvrig_base::metric::Unit;
use kvrig_base::quantity::format_value;
use kvrig_base::random::{Seed, Stream, below};
use kvrig_base::result::Finding;
use kvrig_base::row::Row;
use kvrig_base::seam::Work;
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use kvrig_tables::TableKind;
use kvrig_workloads::popularity::KeySpace;
use kvrig_workloads::{KeyId, OpKind, Operations, Workload};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far the run goes on between looks at what has happened and at the interrupt.
const STRETCH: Span = Span::from_millis(1);
/// Width of the windows in which throughput is counted.
const WINDOW: Span = Span::from_millis(1);
/// Growth that has not ended by then is given up.
const LONGEST: Span = Span::from_secs(20);

#[derive(Debug)]
struct Growing;

impl Model for Growing {
    type Actor = Node;
    type Requests = Parts;
    type Arrivals = Vec<Time>;
    type Observer = Watch;
    const RECORDS_LATENCIES: bool = false;
}

/// What clients ask: operation `id` of the workload, on a node drawn for it.
///
/// Every node has keys of its own, counted from zero: which node a key belongs to is decided by the
/// draw, as by the hash of a key in a cluster.
#[derive(Debug)]
struct Parts {
    writer: RedisRequests,
    workload: Arc<Workload>,
    nodes: Stream,
    think: Stream,
    think_mean: Span,
    /// Keys of each node.
    present: Vec<u64>,
}

impl Parts {
    fn node(&self, id: RequestId) -> u32 {
        below(self.nodes.at(0, id.0).0[0], self.present.len() as u64) as u32
    }
}

impl Requests for Parts {
    fn fill(&mut self, id: RequestId, args: &mut Arguments) {
        let node = self.node(id) as usize;
        let op = self.workload.op(id.0, self.present[node]);
        self.present[node] +=
            u64::from(op.kind == OpKind::Insert && op.key.0 == self.present[node]);
        self.writer.write(&op, args);
    }
    fn wire_bytes(&self, args: &Arguments) -> u64 {
        self.writer.wire_bytes(args)
    }
    fn connection(&mut self, id: RequestId, _: u32) -> u32 {
        self.node(id)
    }
    fn first_think(&mut self, client: u32) -> Span {
        crate::client::exponential(self.think.at(1, u64::from(client)).0[0], self.think_mean)
    }
    fn think(&mut self, id: RequestId) -> Span {
        crate::client::exponential(self.think.at(0, id.0).0[0], self.think_mean)
    }
}

/// Watches the growth of all nodes and what clients see meanwhile.
#[derive(Debug)]
struct Watch {
    /// Buckets from which growth starts.
    buckets: u64,
    /// Begin and end of each node's growth, both dictionaries together.
    growths: Vec<(Option<Time>, Option<Time>)>,
    growing: u64,
    most_growing: u64,
    started: Option<Time>,
    ended: u64,
    last_end: Time,
    responses: [Latencies; 3],
    /// Requests that ended in each window.
    windows: Vec<u64>,
}

impl Watch {
    fn new(nodes: usize, buckets: u64) -> Self {
        Self {
            buckets,
            growths: vec![(None, None); nodes],
            growing: 0,
            most_growing: 0,
            started: None,
            ended: 0,
            last_end: Time::START,
            responses: std::array::from_fn(|_| Latencies::new()),
            windows: Vec::new(),
        }
    }
    fn all_grown(&self) -> bool {
        self.ended == self.growths.len() as u64
    }
    fn phase(&self, gathered: &Gathered) -> Phase {
        match self.started {
            None => Phase::Before,
            Some(started) if gathered.ended <= started => Phase::Before,
            Some(_) if self.all_grown() && gathered.intended >= self.last_end => Phase::After,
            Some(_) => Phase::During,
        }
    }
    /// Requests per second in the windows that lie within `from` to `to`: mean and least.
    fn throughput(&self, from: Time, to: Time) -> Option<(u64, u64)> {
        let first = from.as_picos().div_ceil(WINDOW.as_picos()) as usize;
        let last = (to.as_picos() / WINDOW.as_picos()) as usize;
        let windows = self.windows.get(first..last.max(first))?;
        let per_second =
            |count: u64, windows: u64| count * 1_000_000_000 / (WINDOW.as_nanos() * windows.max(1));
        let least = windows.iter().copied().min()?;
        let total = windows.iter().sum();
        Some((
            per_second(total, windows.len() as u64),
            per_second(least, 1),
        ))
    }
}

impl Observer<Node> for Watch {
    fn call(&mut self, call: &Call<'_>, node: &Node) {
        if call.segments.is_empty() {
            return;
        }
        let growth = &mut self.growths[call.actor.index()];
        let database = node.keyspace().database(0);
        let (keys, expires) = (database.keys(), database.expires());
        // What is left of an earlier growth is none of this one.
        let from = self.buckets;
        let moves = |rehash: Option<kvrig_tables::Rehash>| rehash.is_some_and(|it| it.from == from);
        let has_more = keys.rehash().is_none() && keys.buckets() > from;
        // A table that grows in parts has one array, and has doubled when it has twice the buckets.
        let has_doubled = has_more && keys.buckets() >= 2 * from;
        let rehashing = has_more && !has_doubled || moves(keys.rehash()) || moves(expires.rehash());
        let end = call.at + call.spent;
        if growth.0.is_none() && (rehashing || has_doubled) {
            growth.0 = Some(end);
            self.started.get_or_insert(end);
            self.growing += 1;
            self.most_growing = self.most_growing.max(self.growing);
        }
        if growth.0.is_some() && growth.1.is_none() && !rehashing && has_doubled {
            growth.1 = Some(end);
            self.growing -= 1;
            self.ended += 1;
            self.last_end = self.last_end.max(end);
        }
    }
    fn gathered(&mut self, gathered: &Gathered) {
        let phase = self.phase(gathered);
        self.responses[phase as usize].record(gathered.ended.since(gathered.intended));
        let window = (gathered.ended.as_picos() / WINDOW.as_picos()) as usize;
        if window >= self.windows.len() {
            self.windows.resize(window + 1, 0);
        }
        self.windows[window] += 1;
    }
}

/// Runs `fleet` with tables of `kind` until all have grown from `size` entries.
pub(super) fn run(
    inputs: &Inputs,
    fleet: &Fleet,
    kind: TableKind,
    size: u64,
    cell: BTreeMap<String, String>,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<(FleetOutcome, u64), RunError> {
    let Load::Closed {
        clients,
        think_time,
    } = inputs.cell.workload.load
    else {
        return Err(RunError::Failed(
            Diagnostic::new(
                diagnostic::CONTRADICTION,
                "clients of a fleet wait for their replies, but `workload.arrivals` is an open loop",
            )
            .help("give `workload.clients` instead of `workload.arrivals`"),
        ));
    };
    let entries = growth::entries_at_growth(kind, size);
    let present = first_entries(inputs, fleet, entries, seed);
    let least = present.iter().copied().min().unwrap_or(1);
    let workload = inputs.workload_over(
        "fleet",
        KeySpace {
            initial: least,
            max: entries.saturating_mul(8),
        },
        seed,
    )?;
    let writer = RedisRequests::new(Operations::new(Arc::clone(&workload)))
        .map_err(|error| Diagnostic::new(diagnostic::CONTRADICTION, error.to_string()))?;
    let buckets = growth::buckets_before(kind, size);
    let watch = Watch::new(present.len(), buckets);
    let mut world: World<Growing> = World::new(&inputs.profile, inputs.cell.start, watch);
    let helpers = world.add_pool(1);
    let disk = world.add_disk(DiskConfig::default());
    let hash_seeds = seed.stream("node");
    let (mut targets, mut pools) = (Vec::new(), Vec::new());
    for (number, &count) in present.iter().enumerate() {
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        let node_seed = Seed(hash_seeds.at(0, number as u64).0[0]);
        let node = filled(
            inputs,
            kind,
            count,
            &workload,
            &mut writer.clone(),
            node_seed,
        );
        let pool = world.add_pool(1);
        let placement = Placement {
            pool,
            helpers,
            disk,
            store: None,
        };
        targets.push(world.add_actor(node, placement));
        pools.push(pool);
    }
    world.add_fan_out(FanOut {
        targets: targets.clone(),
        clients,
        parts: fleet.parts,
        link: inputs.profile.link.clone(),
        requests: Parts {
            writer,
            workload,
            nodes: seed.stream("shards"),
            think: seed.stream("think"),
            think_mean: think_time,
            present,
        },
        start: Time::START,
    });
    let has_grown = go_through(&mut world, inputs, cancelled)?;
    let ledger = world.check_books()?;
    let mut warnings = Vec::new();
    if !has_grown {
        warnings.push(format!(
            "Not all of the {} nodes with tables {kind} had grown from {} when the run ended after {}; its figures end there.",
            targets.len(),
            super::power_of_two(size),
            world.now()
        ));
    }
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell,
        list: Vec::new(),
    };
    samples.add("requests_completed_count", ledger.completed);
    add_rows(&world, &pools, &mut samples);
    let mut counters: BTreeMap<String, u64> = BTreeMap::new();
    for &target in &targets {
        for (counter, count) in world.counts(target).iter() {
            *counters.entry(counter.name().to_owned()).or_default() += count;
        }
    }
    let outcome = FleetOutcome {
        samples: samples.list,
        counters,
        windows: world.events().windows(),
        warnings,
    };
    Ok((outcome, world.events_handled()))
}

/// Keys of each node at the beginning: those that lead to growth after the lead-in, less a drawn
/// part of the stagger.
fn first_entries(inputs: &Inputs, fleet: &Fleet, entries: u64, seed: Seed) -> Vec<u64> {
    let inserts = inputs.inserts_within(inputs.knobs.lead_in) * u64::from(fleet.parts);
    let together = entries.saturating_sub(inserts / u64::from(fleet.nodes));
    let stagger = u128::from(entries) * u128::from(fleet.stagger.0);
    let range = (stagger / u128::from(kvrig_base::quantity::Share::ONE.0)) as u64;
    let draws = seed.stream("stagger");
    (0..u64::from(fleet.nodes))
        .map(|node| {
            let less = below(draws.at(0, node).0[0], range.saturating_add(1));
            together.saturating_sub(less).max(1)
        })
        .collect()
}

/// A node that holds the first `count` keys.
fn filled(
    inputs: &Inputs,
    kind: TableKind,
    count: u64,
    workload: &Workload,
    writer: &mut RedisRequests,
    seed: Seed,
) -> Node {
    let mut node = Node::new(inputs.config.clone(), kind, seed);
    let (mut work, mut args) = (Work::unkept(), Arguments::default());
    for key in 0..count {
        let op = workload.op_on(OpKind::Set, KeyId(key));
        args.clear();
        writer.write(&op, &mut args);
        work.begin();
        args.lend(|args| load(&mut node, args, op.ttl, inputs.cell.start, &mut work));
    }
    node
}

/// Runs until the lead-out after the last growth is over; false if growth did not end.
fn go_through(
    world: &mut World<Growing>,
    inputs: &Inputs,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, RunError> {
    loop {
        let watch = world.observer();
        if watch.all_grown() && world.now() >= watch.last_end + inputs.knobs.lead_out {
            return Ok(true);
        }
        if world.now() >= Time::START + LONGEST {
            return Ok(false);
        }
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        let until = world.now() + STRETCH;
        world.run_until(until);
    }
}

fn add_rows(world: &World<Growing>, pools: &[PoolId], samples: &mut Samples<'_>) {
    let (watch, now) = (world.observer(), world.now());
    let busy: Span = pools.iter().flat_map(|&pool| world.busy(pool)).sum();
    let all = now.since_start() * pools.len() as u64;
    samples.add("utilisation_mean", parts_per_million(busy, all));
    samples.add("nodes_growing_max", watch.most_growing);
    let started = watch.started.unwrap_or(now);
    let ended = if watch.all_grown() {
        watch.last_end
    } else {
        now
    };
    samples.add("rehash_duration_max", ended.since(started).as_nanos());
    // Connecting and filling the pipes is not the steady state before growth.
    let settled = Time::START + WINDOW;
    for (phase, from, to) in [
        (Phase::Before, settled, started),
        (Phase::During, started, ended),
        (Phase::After, ended, now),
    ] {
        samples.cell.insert("phase".into(), phase.name().into());
        let times = &watch.responses[phase as usize];
        samples.add("requests_completed_count", times.count());
        if times.count() > 0 {
            samples.add("response_mean", times.mean().as_nanos());
            samples.add("response_p50", times.quantile(50, 100).as_nanos());
            samples.add("response_p99", times.quantile(99, 100).as_nanos());
            samples.add("response_p999", times.quantile(999, 1_000).as_nanos());
            samples.add("response_max", times.max().as_nanos());
        }
        if let Some((mean, least)) = watch.throughput(from, to) {
            samples.add("throughput_mean", mean);
            samples.add("throughput_min", least);
        }
    }
    samples.cell.remove("phase");
}

/// The variants whose nodes grow together, and one after the other.
const TOGETHER: &str = "forty nodes together";
const APART: &str = "forty nodes apart";

/// What it costs that nodes grow at the same time, a sentence for each table and doubling.
pub(super) fn findings(rows: &[Row]) -> Vec<Finding> {
    let mut cells: Vec<(&str, &str)> = Vec::new();
    for row in rows.iter().filter(|row| row.variant == TOGETHER) {
        if let (Some(table), Some(doubling)) = (row.cell.get("table"), row.cell.get("doubling"))
            && !cells.contains(&(table, doubling))
        {
            cells.push((table, doubling));
        }
    }
    cells
        .into_iter()
        .filter_map(|(table, doubling)| together(rows, table, doubling))
        .collect()
}

fn together(rows: &[Row], table: &str, doubling: &str) -> Option<Finding> {
    let mut used = Vec::new();
    let mut find = |variant: &str, phase: Option<&str>, name: &str| {
        let index = rows.iter().position(|row| {
            let axis = |axis: &str| row.cell.get(axis).map(String::as_str);
            row.variant == variant
                && row.name == name
                && axis("table") == Some(table)
                && axis("doubling") == Some(doubling)
                && axis("phase") == phase
        })?;
        used.push(index);
        Some(rows[index].value)
    };
    let mut told = |variant: &str| {
        let most = find(variant, None, "nodes_growing_max")?;
        let lasts = find(variant, None, "rehash_duration_max")?;
        let before = find(variant, Some("before"), "throughput_mean")?;
        let mean = find(variant, Some("during"), "throughput_mean")?;
        let calm = find(variant, Some("before"), "response_p99")?;
        let p99 = find(variant, Some("during"), "response_p99")?;
        Some(format!(
            "{most} at once for {}, throughput {} and p99 {}",
            format_value(Unit::Nanos, lasts),
            change(before, mean),
            change(calm, p99),
        ))
    };
    let text = format!(
        "Nodes of a fleet that grow from {doubling} entries each ({}): {}; with sizes that differ, {}.",
        super::display_name(table),
        told(TOGETHER)?,
        told(APART)?,
    );
    Some(Finding {
        text,
        rows: used,
        warning: false,
    })
}

/// By how much `after` differs from `before`: `-42.0 %`.
fn change(before: i64, after: i64) -> String {
    let tenths = (i128::from(after) - i128::from(before)) * 1_000 / i128::from(before.max(1));
    let sign = if tenths < 0 { '-' } else { '+' };
    let size = tenths.unsigned_abs();
    format!("{sign}{}.{} %", size / 10, size % 10)
}
