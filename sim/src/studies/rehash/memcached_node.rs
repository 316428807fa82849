//! A Memcached server under load, through one expansion.
//!
//! Workers, the maintenance thread and the clock share the host's cores; connections are dealt to
//! the workers in turn (`memcached:thread.c`, dispatch_conn_new). What stops a request here is not
//! what a call does, but what it waits for: the stop of all workers while arrays are swapped, or
//! an item lock that the maintenance thread has.

use super::curve::KEYS_AHEAD;
use super::growth;
use super::heat::Heat;
use super::inputs::Inputs;
use super::node::{BEGIN_PATIENCE, STRETCH, STRETCHES_PER_SAMPLE};
use super::outcome::{MemoryPoint, NodeOutcome};
use super::phases::{Phase, Recorder};
use crate::client::{Arguments, MemcachedRequests, OpenArrivals};
use crate::run::RunError;
use crate::studies::beginning::Beginning;
use crate::studies::hosting::{Clients, DISK_BYTES, FILLS_UNASKED, add_clients, out_of_range};
use crate::studies::samples::{Samples, parts_per_million, per_second};
use crate::world::{
    Call, Contents, DiskConfig, GroupId, LockWait, Model, Observer, Placement, Reply, StoreId,
    WorkersStopped, World,
};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::sync::Simulated;
use kvrig_base::seam::{Counts, Work};
use kvrig_base::time::{Span, Time};
use kvrig_memcached::{Config, ServerThread, Store, shared_store, threads};
use kvrig_tables::TableKind;
use kvrig_workloads::OpKind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long moving one bucket may take, and how much longer yet, before growing is given up: a
/// hundred times what a bucket takes, for sleeps where locks are held.
const END_PATIENCE: (Span, Span) = (Span::from_micros(50), Span::from_secs(10));

/// The types of these worlds.
#[derive(Debug)]
struct Expanding;

impl Model for Expanding {
    type Actor = ServerThread<Simulated>;
    type Requests = MemcachedRequests;
    type Arrivals = OpenArrivals;
    type Observer = Watch;

    fn foresee(worker: &ServerThread<Simulated>, requests: &[Arguments]) {
        let keys = requests.iter().filter_map(|args| args.iter().nth(1));
        worker.store().table().prefetch(keys);
    }
}

/// Watches one server: sorts replies into phases, and what stops workers by its cause.
#[derive(Debug)]
struct Watch {
    recorder: Recorder,
    load: GroupId,
    maintainer: ActorId,
    started_at_entries: u64,
    ended_at_entries: u64,
    memory_table_max: u64,
    memory_used_max: u64,
    lock_wait_max: Span,
    memory: Vec<MemoryPoint>,
    /// Responses over time, where they are asked for.
    heat: Option<Heat>,
}

impl Observer<ServerThread<Simulated>> for Watch {
    fn reply(&mut self, reply: &Reply, _: &ServerThread<Simulated>) {
        if reply.group == self.load.0 {
            self.recorder.reply(reply);
            if let Some(heat) = &mut self.heat {
                heat.add(reply.intended, reply.response);
            }
        }
    }
    fn call(&mut self, call: &Call<'_>, thread: &ServerThread<Simulated>) {
        if call.actor != self.maintainer || call.segments.is_empty() {
            return;
        }
        // The swap of the arrays needs no lock, and is told by the stop of the workers.
        if call.segments.iter().any(|part| part.lock.is_some()) {
            self.recorder.call_beside(call.at, call.segments);
        }
        let table = thread.store().table();
        if table.rehash().is_none() && self.recorder.freed().is_none() {
            let end = call.segments.iter().map(|part| part.to).max();
            self.recorder
                .growth_ended(call.at + end.unwrap_or_default());
            self.ended_at_entries = table.len();
        }
    }
    fn workers_stopped(&mut self, stop: &WorkersStopped, thread: &ServerThread<Simulated>) {
        self.recorder.growth_started(stop.asked);
        self.recorder.stopped(stop.asked, stop.resumed);
        self.started_at_entries = thread.store().table().len();
        let bytes = thread.store().table().bucket_bytes().total();
        self.memory_table_max = self.memory_table_max.max(bytes);
    }
    fn lock_waited(&mut self, wait: &LockWait, _: &ServerThread<Simulated>) {
        if wait.holder == self.maintainer {
            let span = wait.to.since(wait.from);
            self.lock_wait_max = self.lock_wait_max.max(span);
            self.recorder.waited(span);
        }
    }
}

impl Watch {
    fn sample_memory(&mut self, at: Time, store: &Store<Simulated>) {
        let arrays = store.table().bucket_bytes();
        let used = store.used_memory();
        self.memory_used_max = self.memory_used_max.max(used);
        // Where there is one array, it is the one that entries go to.
        let (old_bytes, new_bytes) = match arrays.new {
            0 => (0, arrays.old),
            new => (arrays.old, new),
        };
        self.memory.push(MemoryPoint {
            at_ns: at.as_nanos(),
            old_bytes,
            new_bytes,
            entry_bytes: used.saturating_sub(arrays.total()),
            limit_bytes: 0,
        });
    }
}

/// Runs `inputs` with a Memcached server through the expansion from `size` buckets.
pub(super) fn run(
    inputs: &Inputs,
    size: u64,
    mut cell: BTreeMap<String, String>,
    seed: Seed,
    keeps_heat: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<(NodeOutcome, u64), RunError> {
    let kind = TableKind::Memcached16;
    let beginning = inputs.beginning(growth::entries_at_growth(kind, size), seed)?;
    let config = Config {
        hashpower: size.trailing_zeros(),
        ..Config::default()
    };
    let store = filled_store(inputs, config, size, &beginning, cancelled)?;
    let watch = Watch {
        recorder: Recorder::default(),
        load: GroupId(0),
        maintainer: ActorId(config.workers),
        started_at_entries: 0,
        ended_at_entries: 0,
        memory_table_max: store.table().bucket_bytes().total(),
        memory_used_max: store.used_memory(),
        lock_wait_max: Span::ZERO,
        memory: Vec::new(),
        heat: keeps_heat.then(Heat::default),
    };
    let mut world: World<Expanding> = World::new(&inputs.profile, inputs.cell.start, watch);
    let pool = world.add_pool(inputs.cell.host.cores.max(1));
    let disk = world.add_disk(DiskConfig {
        capacity_bytes: DISK_BYTES,
        contents: Contents::Counted,
    });
    let placement = Placement {
        pool,
        helpers: pool,
        disk,
        store: Some(StoreId(0)),
    };
    let actors: Vec<ActorId> = threads(config, &store, ActorId(0))
        .into_iter()
        .map(|thread| world.add_actor(thread, placement))
        .collect();
    let workers = &actors[..config.workers as usize];
    let load = add_load(&mut world, inputs, workers, beginning, seed);
    world.observer_mut().load = load;
    let has_ended = go_through(&mut world, inputs, &store, size, cancelled)?;
    let offered = world.check_books()?;
    let mut warnings = out_of_range(&world);
    if !has_ended {
        warnings.push(format!(
            "{kind} had not finished growing from {} when the run ended after {}; its figures end there.",
            super::power_of_two(size),
            world.now()
        ));
    }
    let busy: Span = world.busy(pool).into_iter().sum();
    let cores = u64::from(inputs.cell.host.cores.max(1));
    let now = world.now();
    let mut counts = Counts::default();
    for &actor in &actors {
        counts.merge(world.counts(actor));
    }
    let (events, windows) = (world.events_handled(), world.events().windows());
    let watch = world.into_observer();
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell: cell.clone(),
        list: vec![],
    };
    samples.of_pauses(&watch.recorder);
    samples.add("memory_table_max", watch.memory_table_max);
    samples.add("memory_used_max", watch.memory_used_max);
    samples.add("rehash_start_position", watch.started_at_entries);
    samples.add("rehash_end_position", watch.ended_at_entries);
    if let Some(started) = watch.recorder.started() {
        let freed = watch.recorder.freed().unwrap_or(now);
        samples.add("rehash_duration_max", freed.since(started).as_nanos());
    }
    samples.add("lock_wait_max", watch.lock_wait_max.as_nanos());
    samples.add("entries_count", store.table().len());
    samples.add("requests_offered_count", offered.offered);
    samples.add("requests_completed_count", offered.completed);
    samples.add("throughput_mean", per_second(offered.completed, now));
    let of_all_cores = now.since_start() * cores;
    samples.add("utilisation_mean", parts_per_million(busy, of_all_cores));
    let mut responses = Vec::new();
    for phase in [Phase::Before, Phase::During, Phase::After] {
        let times = watch.recorder.times(phase);
        samples.cell.insert("phase".into(), phase.name().into());
        samples.of_phase(times);
        responses.push(times.response().to_data(phase.name()));
    }
    cell.remove("phase");
    let outcome = NodeOutcome {
        variant: inputs.cell.variant.clone(),
        cell,
        samples: samples.list,
        responses,
        operations: watch.recorder.operations(now),
        timeline: watch.recorder.timeline(),
        growth: watch.recorder.growth(now, watch.ended_at_entries),
        heat: watch.heat.map(|heat| heat.cells()).unwrap_or_default(),
        memory: watch.memory,
        children: Vec::new(),
        counters: counts
            .iter()
            .map(|(counter, n)| (counter.name().to_owned(), n))
            .collect(),
        windows,
        warnings,
    };
    Ok((outcome, events))
}

/// A store of `size` buckets that holds the keys that are there at the beginning.
fn filled_store(
    inputs: &Inputs,
    config: Config,
    size: u64,
    beginning: &Beginning,
    cancelled: &dyn Fn() -> bool,
) -> Result<Arc<Store<Simulated>>, RunError> {
    if size < 1 << config.item_lock_power() {
        let message = format!(
            "Memcached with {} workers has 2^{} item locks and no fewer buckets, not {size}",
            config.workers,
            config.item_lock_power()
        );
        return Err(RunError::Failed(
            Diagnostic::new(diagnostic::OUT_OF_RANGE, message)
                .help("raise `study.rehash.doublings`, or leave memcached-1.6 out"),
        ));
    }
    let store = shared_store(config, inputs.cell.start);
    let mut writer = MemcachedRequests::new(beginning.requests.operations().clone());
    let mut work = Work::unkept();
    let mut sets = vec![Arguments::default(); KEYS_AHEAD as usize];
    for (number, keys) in beginning.present.chunks(sets.len()).enumerate() {
        if number % (FILLS_UNASKED / sets.len()) == 0 && cancelled() {
            return Err(RunError::Cancelled);
        }
        let sets = &mut sets[..keys.len()];
        for (args, &key) in sets.iter_mut().zip(keys) {
            args.clear();
            writer.write(&beginning.workload.op_on(OpKind::Set, key), args);
        }
        let ahead = sets.iter().filter_map(|args| args.iter().nth(1));
        store.table().prefetch(ahead);
        for args in sets {
            args.lend(|args| store.load(args[1], args[4], &mut work));
        }
    }
    if store.table().wants_to_expand() {
        let message = format!("Memcached grows from {size} buckets before the lead-in begins");
        return Err(RunError::Failed(
            Diagnostic::new(diagnostic::OUT_OF_RANGE, message)
                .help("lengthen `study.rehash.lead_in`"),
        ));
    }
    Ok(store)
}

fn add_load(
    world: &mut World<Expanding>,
    inputs: &Inputs,
    workers: &[ActorId],
    beginning: Beginning,
    seed: Seed,
) -> GroupId {
    let clients = Clients {
        workload: &inputs.cell.workload,
        link: &inputs.profile.link,
        targets: workers.to_vec(),
        arrivals: beginning.arrivals,
    };
    let requests = MemcachedRequests::new(beginning.requests.operations().clone());
    let requests = |think_time| match think_time {
        Some(mean) => requests.thinking(mean, seed.stream("think")),
        None => requests,
    };
    add_clients(world, clients, requests, seed)
}

/// Runs until the lead-out is over, or growing is given up; says whether growth that began has
/// ended.
fn go_through(
    world: &mut World<Expanding>,
    inputs: &Inputs,
    store: &Store<Simulated>,
    buckets: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, RunError> {
    let begin_by = Time::START + inputs.knobs.lead_in * 2 + BEGIN_PATIENCE;
    let patience = END_PATIENCE.0 * buckets + END_PATIENCE.1;
    let mut until = Time::START;
    let mut stretches = 0_u64;
    loop {
        until += STRETCH;
        let recorder = &world.observer().recorder;
        match (recorder.started(), recorder.freed()) {
            (_, Some(freed)) if until >= freed + inputs.knobs.lead_out => {
                world.run_until(freed + inputs.knobs.lead_out);
                return Ok(true);
            }
            (Some(started), None) if until >= started + patience => return Ok(false),
            (None, _) if until >= begin_by => return Ok(true),
            _ => {}
        }
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        world.run_until(until);
        stretches += 1;
        if stretches.is_multiple_of(STRETCHES_PER_SAMPLE) {
            world.observer_mut().sample_memory(until, store);
        }
    }
}
