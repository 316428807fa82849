//! A node under load, through one doubling.

use super::curve::KEYS_AHEAD;
use super::growth;
use super::inputs::Inputs;
use super::outcome::NodeOutcome;
use super::phases::Phase;
use super::watch::Watch;
use crate::client::{Arguments, ClosedLoop, OpenArrivals};
use crate::run::RunError;
use crate::studies::asks::Asks;
use crate::studies::beginning::Beginning;
use crate::studies::hosting::{
    Asked, FILLS_UNASKED, add_load, counters, load, out_of_range, place,
};
use crate::studies::samples::{Samples, parts_per_million, per_second};
use crate::study::{Action, Moment};
use crate::world::{Model, World};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use kvrig_tables::TableKind;
use kvrig_workloads::OpKind;
use std::collections::BTreeMap;

/// How far the run goes on between looks at what has happened and at the interrupt.
pub(super) const STRETCH: Span = Span::from_millis(20);
/// Stretches between two samples of memory.
pub(super) const STRETCHES_PER_SAMPLE: u64 = 5;
/// A table that has not begun to grow after twice its lead-in and this long is not going to: a
/// growth guard holds it back.
pub(super) const BEGIN_PATIENCE: Span = Span::from_secs(1);
/// How many times longer than steps alone would take growing may last, and how much longer yet,
/// before it is given up: room for a child that freezes it.
const END_PATIENCE: (u64, Span) = (2, Span::from_secs(10));
/// A memory limit that no store reaches.
const MEMORY_UNLIMITED: u64 = 1 << 60;

/// The types of this study's worlds.
#[derive(Debug)]
struct Rehashing;

impl Model for Rehashing {
    type Actor = Node;
    type Requests = Asks;
    type Arrivals = OpenArrivals;
    type Observer = Watch;
    const RECORDS_LATENCIES: bool = false;

    fn foresee(node: &Node, requests: &[Arguments]) {
        let mut keys = requests.iter().filter_map(|args| args.iter().nth(1));
        node.keyspace().database(0).keys().prefetch(&mut keys);
    }
}

/// Runs `inputs` with tables of `kind` through the growth at `size` entries.
pub(super) fn run(
    inputs: &Inputs,
    kind: TableKind,
    size: u64,
    mut cell: BTreeMap<String, String>,
    seed: Seed,
    keeps_heat: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<(NodeOutcome, u64), RunError> {
    let beginning = inputs.beginning(growth::entries_at_growth(kind, size), seed)?;
    let buckets = growth::buckets_before(kind, size);
    let node = filled_node(inputs, kind, size, &beginning, seed, cancelled)?;
    let watch = Watch::new(&node, buckets, keeps_heat);
    let mut world: World<Rehashing> = World::new(&inputs.profile, inputs.cell.start, watch);
    let (pool, actor) = place(&mut world, inputs.cell.host.cores, node);
    let asked = Asked {
        workload: &inputs.cell.workload,
        link: &inputs.profile.link,
        requests: beginning.requests,
        arrivals: beginning.arrivals,
    };
    let load = add_load(&mut world, actor, asked, seed);
    world.observer_mut().load = load;
    let ended = go_through(&mut world, inputs, actor, buckets, cancelled)?;
    let offered = world.check_books()?;
    let mut warnings = out_of_range(&world);
    if ended == Ended::Growing {
        warnings.push(format!(
            "{kind} had not finished growing from {} when the run ended after {}; its figures end there.",
            super::power_of_two(size),
            world.now()
        ));
    }
    let busy = world.busy(pool).into_iter().sum::<Span>();
    let now = world.now();
    let entries = world.actor(actor).keyspace().database(0).keys().len();
    let counters = counters(&world, actor);
    let evicted = world.actor(actor).evicted_keys();
    let (events, windows) = (world.events_handled(), world.events().windows());
    let watch = world.into_observer();
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell: cell.clone(),
        list: vec![],
    };
    samples.of_growth(&watch, now);
    let have_limit = inputs.cell.workload.patience.is_some();
    if let Some(recovery) = watch.loads.recovery(&watch.recorder).filter(|_| have_limit) {
        samples.add("recovery_duration_max", recovery.as_nanos());
    }
    samples.add("entries_count", entries);
    if inputs.config.maxmemory > 0 || inputs.limit_at_doubling {
        samples.of_eviction(&watch, evicted, now);
    }
    samples.of_children(&watch, now);
    samples.add("requests_offered_count", offered.offered);
    samples.add("requests_completed_count", offered.completed);
    samples.add("throughput_mean", per_second(offered.completed, now));
    samples.add(
        "utilisation_mean",
        parts_per_million(busy, now.since_start()),
    );
    let mut responses = Vec::new();
    for phase in [Phase::Before, Phase::During, Phase::After] {
        let times = watch.recorder.times(phase);
        samples.cell.insert("phase".into(), phase.name().into());
        samples.of_phase(times);
        watch
            .loads
            .add_phase(phase, &watch.recorder, now, have_limit, &mut samples);
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
        children: watch.children,
        counters,
        windows,
        warnings,
    };
    Ok((outcome, events))
}

/// A node that holds the keys that are there at the beginning, with no rehash going on.
fn filled_node(
    inputs: &Inputs,
    kind: TableKind,
    size: u64,
    beginning: &Beginning,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<Node, RunError> {
    let mut config = inputs.config.clone();
    if inputs.limit_at_doubling {
        // A limit that is never reached, so that the use of keys is tracked from the first one on.
        config.maxmemory = MEMORY_UNLIMITED;
    }
    let mut node = Node::new(config, kind, seed);
    let mut work = Work::unkept();
    let plans = beginning.workload.plans();
    let expiring = beginning.present.iter();
    let expiring = expiring.filter(|key| plans[key.space()].ttl.is_some());
    node.reserve(
        beginning.present.len() as u64,
        expiring.count() as u64,
        &mut work,
    );
    let mut writer = beginning.requests.clone();
    let mut sets = vec![(None, Arguments::default()); KEYS_AHEAD as usize];
    for (number, keys) in beginning.present.chunks(sets.len()).enumerate() {
        if number % (FILLS_UNASKED / sets.len()) == 0 && cancelled() {
            return Err(RunError::Cancelled);
        }
        let sets = &mut sets[..keys.len()];
        for ((ttl, args), &key) in sets.iter_mut().zip(keys) {
            let op = beginning.workload.op_on(OpKind::Set, key);
            args.clear();
            writer.write(&op, args);
            *ttl = op.ttl;
        }
        let mut ahead = sets.iter().filter_map(|(_, args)| args.iter().nth(1));
        node.keyspace().database(0).keys().prefetch(&mut ahead);
        for (ttl, args) in sets {
            work.begin();
            args.lend(|args| load(&mut node, args, *ttl, inputs.cell.start, &mut work));
        }
    }
    let table = node.keyspace().database(0).keys();
    let buckets = growth::buckets_before(kind, size);
    let has_begun = match table.rehash() {
        Some(rehash) => rehash.from >= buckets,
        None => table.buckets() > buckets,
    };
    if has_begun {
        return Err(RunError::Failed(
            Diagnostic::new(
                diagnostic::OUT_OF_RANGE,
                format!("the table {kind} grows from {size} entries before the lead-in begins"),
            )
            .help("lengthen `study.rehash.lead_in`"),
        ));
    }
    if inputs.limit_at_doubling {
        node.set_maxmemory(memory_at_growth(&node, kind, size, beginning.present.len()));
    }
    Ok(node)
}

/// What will be in use when the table grows: what is in use now, and as much for each key to come
/// as the present ones take.
fn memory_at_growth(node: &Node, kind: TableKind, size: u64, present: usize) -> u64 {
    let present = (present as u64).max(1);
    let to_come = growth::entries_at_growth(kind, size).saturating_sub(present);
    let database = node.keyspace().database(0);
    let arrays = database.keys().bucket_bytes().total() + database.expires().bucket_bytes().total();
    let fixed = arrays + kvrig_redis::memory::STARTUP_BYTES;
    let of_entries = node.used_memory().saturating_sub(fixed);
    node.used_memory() + of_entries / present * to_come
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The table never began to grow.
    Unchanged,
    /// It had not finished growing.
    Growing,
    /// It grew, or grows in parts, and the lead-out passed.
    Grown,
}

/// Runs until the lead-out is over, or growing is given up.
fn go_through(
    world: &mut World<Rehashing>,
    inputs: &Inputs,
    actor: ActorId,
    buckets: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Ended, RunError> {
    let mut pending: Vec<(Moment, &'static [u8])> = inputs
        .cell
        .events
        .iter()
        .map(|event| match event.action {
            Action::Bgsave => (event.at, b"BGSAVE".as_slice()),
        })
        .collect();
    let begin_by = Time::START + inputs.knobs.lead_in * 2 + BEGIN_PATIENCE;
    let steps_alone = inputs.span_of_requests(buckets);
    let mut until = Time::START;
    let mut stretches = 0_u64;
    loop {
        until += STRETCH;
        let (started, freed) = (
            world.observer().recorder.started(),
            world.observer().recorder.freed(),
        );
        pending.retain(|&(moment, command)| {
            let at = match (moment, started) {
                (Moment::At(span), _) => Time::START + span,
                (Moment::AfterDoubling(span), Some(started)) => started + span,
                (Moment::AfterDoubling(_), None) => return true,
            };
            world.add_closed_loop(ClosedLoop {
                targets: vec![actor],
                clients: 1,
                link: inputs.profile.link.clone(),
                requests: Asks::operator(&[command]),
                start: at.max(world.now()),
                requests_max: Some(1),
                patience: None,
            });
            false
        });
        // A table that grows in parts is seen growing for as long as others are seen grown.
        let grows_in_parts = world.observer().grows_in_parts;
        if let Some(from) = freed.or(started.filter(|_| grows_in_parts)) {
            let end = from + inputs.knobs.lead_out;
            if until >= end {
                world.run_until(end);
                return Ok(Ended::Grown);
            }
        }
        match (started, freed) {
            (None, _) if until >= begin_by => return Ok(Ended::Unchanged),
            (Some(started), None)
                if until >= started + steps_alone * END_PATIENCE.0 + END_PATIENCE.1 =>
            {
                return Ok(Ended::Growing);
            }
            _ => {}
        }
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        world.run_until(until);
        stretches += 1;
        if stretches.is_multiple_of(STRETCHES_PER_SAMPLE) {
            let (node, watch) = world.actor_and_observer(actor);
            watch.sample_memory(until, node);
        }
    }
}
