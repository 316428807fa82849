//! A node under load, and one big command.

use super::commands::{Subject, size_name, subject, words};
use super::fill::filled_node;
use super::inputs::Inputs;
use super::outcome::{Beyond, PointOutcome};
use super::watch::{Phase, Watch};
use crate::client::{ClosedLoop, OpenArrivals};
use crate::run::RunError;
use crate::studies::asks::Asks;
use crate::studies::hosting::{Asked, add_load, counters, place};
use crate::studies::samples::Samples;
use crate::study::BigCommand;
use crate::world::{Model, World};
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;
use std::collections::BTreeMap;

/// How far the run goes on between two looks at the interrupt and at what has happened.
const STRETCH: Span = Span::from_millis(20);
/// A queue that has not drained so long after the window is not going to: the load is too much for
/// the core.
const DRAIN_PATIENCE: Span = Span::from_secs(60);

/// The types of this study's worlds.
#[derive(Debug)]
struct Stopping;

impl Model for Stopping {
    type Actor = Node;
    type Requests = Asks;
    type Arrivals = OpenArrivals;
    type Observer = Watch;
    const RECORDS_LATENCIES: bool = false;
}

/// One point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    /// Which cell of the study.
    pub(super) cell: usize,
    pub(super) command: BigCommand,
    pub(super) size: u64,
    /// Which seed, from zero.
    pub(super) replication: u32,
}

impl Spec {
    /// Keys that the clients ask for: where the number of keys is what makes the command big, all
    /// of them.
    pub(super) fn small_keys(&self, inputs: &Inputs) -> u64 {
        match subject(self.command) {
            Subject::Store => self.size,
            _ => inputs.knobs.keys,
        }
    }
    /// Axes and values of its rows.
    pub(super) fn labels(&self, inputs: &Inputs) -> BTreeMap<String, String> {
        let mut labels = inputs.cell.axes.clone();
        labels.insert("command".into(), self.command.name().into());
        labels.insert("size".into(), size_name(self.size));
        labels
    }
}

/// Runs one point.
///
/// # Errors
/// [`RunError::Cancelled`], or what is wrong with the input or the simulator.
pub(super) fn run(
    inputs: &Inputs,
    spec: &Spec,
    seed: Seed,
    cancelled: &dyn Fn() -> bool,
) -> Result<(PointOutcome, u64), RunError> {
    let subject = subject(spec.command);
    let beginning = inputs.beginning(spec.small_keys(inputs), seed)?;
    let node = filled_node(inputs, subject, spec.size, &beginning, seed, cancelled)?;
    let watch = Watch::new(inputs.knobs.lead_in, inputs.knobs.window);
    let mut world: World<Stopping> = World::new(&inputs.profile, inputs.cell.start, watch);
    let (_, actor) = place(&mut world, inputs.cell.host.cores, node);
    let asked = Asked {
        workload: &inputs.cell.workload,
        link: &inputs.profile.link,
        requests: beginning.requests,
        arrivals: beginning.arrivals,
    };
    let load = add_load(&mut world, actor, asked, seed);
    let operator = world.add_closed_loop(ClosedLoop {
        targets: vec![actor],
        clients: 1,
        link: inputs.profile.link.clone(),
        requests: Asks::operator(&words(spec.command)),
        start: Time::START + inputs.knobs.lead_in,
        requests_max: Some(1),
        patience: None,
    });
    let watch = world.observer_mut();
    watch.load = load;
    watch.operator = Some(operator);
    let has_settled = go_through(&mut world, inputs, cancelled)?;
    world.check_books()?;
    let beyond = world.out_of_range().into_iter().map(|beyond| Beyond {
        what: beyond.what.to_owned(),
        limit: beyond.limit,
        worst: beyond.worst,
    });
    let beyond = beyond.collect();
    let mut warnings = Vec::new();
    if !has_settled {
        warnings.push(format!(
            "The queue behind {} of {} had not drained when the run ended after {}; its figures end there.",
            spec.command.name(),
            size_name(spec.size),
            world.now()
        ));
    }
    let counters = counters(&world, actor);
    let (now, events) = (world.now(), world.events_handled());
    let windows = world.events().windows();
    let watch = world.into_observer();
    let began = watch.stop.map_or(now, |(from, _)| from);
    let settled = watch.settled.unwrap_or(now);
    let timeline = match spec.replication {
        0 => watch.timeline(began + inputs.knobs.window.max(settled.since(began))),
        _ => Vec::new(),
    };
    let outcome = PointOutcome {
        variant: inputs.cell.variant.clone(),
        command: spec.command.name().into(),
        size: spec.size,
        samples: samples(inputs, spec, &watch, now),
        began_ns: began.as_nanos(),
        settled_ns: settled.as_nanos(),
        timeline,
        after: watch.responses(Phase::After).to_data(Phase::After.name()),
        counters,
        windows,
        beyond,
        warnings,
    };
    Ok((outcome, events))
}

/// Runs until the window is over and the queue has drained, and says whether it has.
fn go_through(
    world: &mut World<Stopping>,
    inputs: &Inputs,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, RunError> {
    let window_end = Time::START + inputs.knobs.lead_in + inputs.knobs.window;
    let give_up = window_end + DRAIN_PATIENCE;
    let mut until = Time::START;
    loop {
        if cancelled() {
            return Err(RunError::Cancelled);
        }
        until += STRETCH;
        world.run_until(until);
        // Requests that are meant to start within the window are answered one stretch later.
        if until >= window_end + STRETCH && world.observer().has_settled() {
            return Ok(true);
        }
        if until >= give_up {
            return Ok(false);
        }
    }
}

fn samples(inputs: &Inputs, spec: &Spec, watch: &Watch, now: Time) -> Vec<crate::run::Sample> {
    let mut samples = Samples {
        variant: &inputs.cell.variant,
        cell: spec.labels(inputs),
        list: Vec::new(),
    };
    // A command that never ended has no rows: a warning tells of it.
    if let Some((from, _)) = watch.stop {
        let taken = watch.taken;
        samples.add("service_command_mean", taken.receipt.as_nanos());
        samples.add("pause_command_max", taken.core.as_nanos());
        samples.add("reply_size_max", taken.reply_bytes);
        samples.add("requests_waiting_max", watch.waiting);
        samples.add("throughput_lost_max", watch.most_lost());
        let settled = watch.settled.unwrap_or(now);
        samples.add("drain_duration_max", settled.since(from).as_nanos());
        if let Some(until) = taken.aside_until {
            samples.add("offload_duration_max", until.since(from).as_nanos());
        }
    }
    for phase in Phase::ALL {
        samples.cell.insert("phase".into(), phase.name().into());
        samples.of_responses(watch.responses(phase));
    }
    samples.list
}
