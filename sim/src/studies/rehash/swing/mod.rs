//! A node whose number of keys falls and rises once, as between a night and a day.
//!
//! Redis reports of a cache that swings between 2.6 and 40 million keys every day, whose table
//! shrinks and doubles by turns and stops trivial commands for 10 to 100 ms each time (redis#8611).

mod requests;

use super::inputs::Inputs;
use super::outcome::{SwingOutcome, SwingPoint};
use super::phases::Recorder;
use crate::client::OpenArrivals;
use crate::record::Latencies;
use crate::run::RunError;
use crate::studies::hosting::{Clients, add_clients, counters, out_of_range, place};
use crate::studies::samples::{Samples, parts_per_million};
use crate::study::Swing;
use crate::world::{Call, Model, Observer, Reply, World};
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::seam::Work;
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use kvrig_tables::TableKind;
use requests::SwingRequests;
use std::collections::BTreeMap;

/// How far the run goes on between looks at the sizes and at the interrupt.
const STRETCH: Span = Span::from_millis(100);
/// The halves of a swing, in order.
pub(super) const HALVES: [&str; 2] = ["falling", "rising"];

/// The types of this world.
#[derive(Debug)]
struct Swinging;

impl Model for Swinging {
    type Actor = Node;
    type Requests = SwingRequests;
    type Arrivals = OpenArrivals;
    type Observer = Watch;
}

/// Watches the pauses of all resizes, and responses by half.
#[derive(Debug)]
struct Watch {
    recorder: Recorder,
    turns_at: Time,
    responses: [Latencies; 2],
    /// Buckets that the table of keys had last, counting the new array while there are two.
    buckets: u64,
    growths: u64,
    shrinks: u64,
    memory_table_max: u64,
}

impl Observer<Node> for Watch {
    fn reply(&mut self, reply: &Reply, _: &Node) {
        self.recorder.reply(reply);
        let half = usize::from(reply.intended >= self.turns_at);
        self.responses[half].record(reply.response);
    }
    fn call(&mut self, call: &Call<'_>, actor: &Node) {
        if call.segments.is_empty() {
            return;
        }
        self.recorder.call(call.at, call.segments);
        let table = actor.keyspace().database(0).keys();
        self.memory_table_max = self.memory_table_max.max(table.bucket_bytes().total());
        let buckets = table.rehash().map_or(table.buckets(), |rehash| rehash.to);
        // A table that grows by one bucket at a time has grown when it has twice as many.
        if buckets >= 2 * self.buckets {
            self.growths += 1;
            self.buckets = buckets;
        } else if buckets <= self.buckets / 2 {
            self.shrinks += 1;
            self.buckets = buckets;
        }
    }
}

/// Runs `inputs` with tables of `kind` through one `swing`.
pub(super) fn run(
    inputs: &Inputs,
    swing: Swing,
    kind: TableKind,
    cell: BTreeMap<String, String>,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<(SwingOutcome, u64), RunError> {
    let mut requests = SwingRequests::new(inputs, swing, seed)?;
    let mut node = Node::new(inputs.config.clone(), kind, seed);
    let mut work = Work::unkept();
    requests.fill_node(&mut node, inputs, &mut work);
    let watch = Watch {
        recorder: Recorder::default(),
        turns_at: Time::START + Span::from_picos(swing.period.as_picos() / 2),
        responses: Default::default(),
        buckets: node.keyspace().database(0).keys().buckets(),
        growths: 0,
        shrinks: 0,
        memory_table_max: 0,
    };
    let mut world: World<Swinging> = World::new(&inputs.profile, inputs.cell.start, watch);
    // Pauses count from the start: there is no growth that they could belong to.
    world.observer_mut().recorder.growth_started(Time::START);
    let (pool, actor) = place(&mut world, inputs.cell.host.cores, node);
    add_load(&mut world, inputs, actor, requests, seed);
    let end = Time::START + swing.period;
    let mut sizes = Vec::new();
    let mut until = Time::START;
    while until < end {
        sizes.push(point(&world, actor));
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        until = (until + STRETCH).min(end);
        world.run_until(until);
    }
    sizes.push(point(&world, actor));
    let offered = world.check_books()?;
    let warnings = out_of_range(&world);
    let busy = world.busy(pool).into_iter().sum::<Span>();
    let counters = counters(&world, actor);
    let entries = world.actor(actor).keyspace().database(0).keys().len();
    let (events, windows) = (world.events_handled(), world.events().windows());
    let watch = world.into_observer();
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell: cell.clone(),
        list: vec![],
    };
    samples.of_pauses(&watch.recorder);
    for (name, value) in [
        ("table_growths_count", watch.growths),
        ("table_shrinks_count", watch.shrinks),
        ("memory_table_max", watch.memory_table_max),
        ("entries_count", entries),
        ("requests_offered_count", offered.offered),
        ("requests_completed_count", offered.completed),
        ("utilisation_mean", parts_per_million(busy, swing.period)),
    ] {
        samples.add(name, value);
    }
    for (half, responses) in HALVES.iter().zip(&watch.responses) {
        samples.cell.insert("phase".into(), (*half).into());
        samples.of_responses(responses);
    }
    let outcome = SwingOutcome {
        variant: inputs.cell.variant.clone(),
        cell,
        samples: samples.list,
        sizes,
        counters,
        windows,
        warnings,
    };
    Ok((outcome, events))
}

fn point(world: &World<Swinging>, actor: ActorId) -> SwingPoint {
    let table = world.actor(actor).keyspace().database(0).keys();
    SwingPoint {
        at_ns: world.now().as_nanos(),
        keys: table.len(),
        table_bytes: table.bucket_bytes().total(),
    }
}

fn add_load(
    world: &mut World<Swinging>,
    inputs: &Inputs,
    actor: ActorId,
    requests: SwingRequests,
    seed: Seed,
) {
    let clients = Clients {
        workload: &inputs.cell.workload,
        link: &inputs.profile.link,
        targets: vec![actor],
        arrivals: inputs.drawn_arrivals(seed),
    };
    let requests = |think_time| match think_time {
        Some(pause) => requests.thinking(pause),
        None => requests,
    };
    add_clients(world, clients, requests, seed);
}
