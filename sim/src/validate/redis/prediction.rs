//! What the simulator says that a server will do.
//!
//! Before the requests that count, each key is asked for once: a real server has its data in the caches
//! as far as they hold it, and a simulated core that has touched nothing yet would find each key in
//! memory. On a machine whose caches hold all of 100,000 strings that made the engine's part of a GET some
//! 40 % dearer.

use super::traffic::{Traffic, preparation};
use super::{Direct, Engine, START};
use crate::client::{ClosedLoop, OpenLoop};
use crate::cost::Profile;
use crate::world::{Call, GroupId, Model, Observer, PoolId, World};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::id::ActorId;
use kvrig_base::result::HistogramData;
use kvrig_base::seam::{Counter, Counts};
use kvrig_base::time::{Span, Time};
use kvrig_redis::Node;

/// How long the world runs between two looks at what is answered.
const STRETCH: Span = Span::from_millis(10);

#[derive(Debug)]
struct Serving;

impl Model for Serving {
    type Actor = Node;
    type Requests = Traffic;
    type Arrivals = Vec<Time>;
    type Observer = Handled;
}

/// Sums what the engine's part of requests took and counted.
#[derive(Debug, Default)]
struct Handled {
    picos: u128,
    counts: Counts,
    requests: u64,
}

impl Observer<Node> for Handled {
    fn call(&mut self, call: &Call<'_>, _: &Node) {
        if call.request.is_some() {
            self.picos += u128::from(call.spent.as_picos());
            self.counts.merge(call.counts);
            self.requests += 1;
        }
    }
}

/// What a server will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// Core time for each request, in nanoseconds.
    pub cpu_ns_a_request: f64,
    /// The engine's part of it.
    pub engine_ns_a_request: f64,
    /// How often each kind of work was done for all `handled` requests.
    counts: Counts,
    handled: u64,
    /// Requests a second.
    pub throughput: f64,
    /// Median response, in nanoseconds.
    pub p50_ns: u64,
    /// Response that one in a hundred exceeds.
    pub p99_ns: u64,
    /// All responses.
    pub responses: HistogramData,
}

impl Predicted {
    /// How often a kind of work was done for each request.
    pub fn of(&self, counter: Counter) -> f64 {
        self.counts.get(counter) as f64 / self.handled.max(1) as f64
    }
}

/// A node with the prepared data in it, as a server has it after the same commands.
pub fn prepared_node(engine: Engine) -> Node {
    let mut direct = Direct::new(engine.config(), engine);
    preparation(&mut |args| direct.command(args));
    direct.into_node()
}

/// A world with one server in it, whose caches have seen all keys.
struct Warm {
    world: World<Serving>,
    pool: PoolId,
    actor: ActorId,
    /// When that was done, and how long the core had worked until then.
    since: Time,
    busy: Span,
}

impl Warm {
    fn new(engine: Engine, profile: &Profile) -> Result<Self, Diagnostic> {
        let mut world: World<Serving> = World::new(profile, START, Handled::default());
        let (actor, pool) = world.add_lone_actor(prepared_node(engine));
        let (traffic, count) = Traffic::of_all_keys();
        let group = world.add_closed_loop(ClosedLoop {
            targets: vec![actor],
            clients: 1,
            link: profile.link.clone(),
            requests: traffic,
            start: Time::START,
            requests_max: Some(count),
            patience: None,
        });
        run(&mut world, group, count)?;
        *world.observer_mut() = Handled::default();
        Ok(Self {
            since: world.now(),
            busy: busy(&world, pool),
            world,
            pool,
            actor,
        })
    }
    /// Runs until `requests` are answered and says how that went.
    fn serve(mut self, group: GroupId, requests: u64) -> Result<Predicted, Diagnostic> {
        run(&mut self.world, group, requests)?;
        let spent = busy(&self.world, self.pool).saturating_sub(self.busy);
        let responses = self.world.responses(group);
        let count = responses.count() as f64;
        let Handled {
            picos,
            counts,
            requests: handled,
        } = *self.world.observer();
        let elapsed = self.world.now().since(self.since);
        Ok(Predicted {
            cpu_ns_a_request: spent.as_picos() as f64 / 1e3 / count,
            engine_ns_a_request: picos as f64 / 1e3 / handled.max(1) as f64,
            counts,
            handled,
            throughput: count * 1e12 / elapsed.as_picos() as f64,
            p50_ns: responses.quantile(1, 2).as_nanos(),
            p99_ns: responses.quantile(99, 100).as_nanos(),
            responses: responses.to_data("predicted"),
        })
    }
}

fn run(world: &mut World<Serving>, group: GroupId, requests: u64) -> Result<(), Diagnostic> {
    while world.responses(group).count() < requests {
        let until = world.now() + STRETCH;
        world.run_until(until);
    }
    world.check_books().map(|_| ())
}

fn busy(world: &World<Serving>, pool: PoolId) -> Span {
    world.busy(pool).into_iter().sum()
}

/// An open loop whose request `n` is meant to start at `starts_ns[n]`.
///
/// # Errors
/// `KV4001` if the world lost a request.
pub fn open_loop(
    engine: Engine,
    profile: &Profile,
    connections: u32,
    traffic: Traffic,
    starts_ns: &[u64],
) -> Result<Predicted, Diagnostic> {
    let mut warm = Warm::new(engine, profile)?;
    let start = |ns: &u64| warm.since + Span::from_nanos(*ns);
    let group = warm.world.add_open_loop(OpenLoop {
        targets: vec![warm.actor],
        connections,
        link: profile.link.clone(),
        requests: traffic,
        arrivals: starts_ns.iter().map(start).collect(),
        patience: None,
    });
    warm.serve(group, starts_ns.len() as u64)
}

/// A closed loop of clients that never think.
///
/// # Errors
/// As [`open_loop`].
pub fn closed_loop(
    engine: Engine,
    profile: &Profile,
    clients: u32,
    traffic: Traffic,
    requests: u64,
) -> Result<Predicted, Diagnostic> {
    let mut warm = Warm::new(engine, profile)?;
    let group = warm.world.add_closed_loop(ClosedLoop {
        targets: vec![warm.actor],
        clients,
        link: profile.link.clone(),
        requests: traffic,
        start: warm.since,
        requests_max: Some(requests),
        patience: None,
    });
    warm.serve(group, requests)
}

/// A closed loop of clients that each send a whole pipeline once the one before is answered, on a
/// server that is busy all the time.
///
/// Pipelines arrive as fast as the server turns out to take them, half of the connections' worth
/// always waiting: so each is one read and one write, and a turn serves many, as in the closed loop.
///
/// # Errors
/// As [`open_loop`].
pub fn pipelined(
    engine: Engine,
    profile: &Profile,
    connections: u32,
    traffic: &Traffic,
    requests: u64,
) -> Result<Predicted, Diagnostic> {
    let depth = u64::from(traffic.depth.max(1));
    let mut one_ns = {
        // One at a time, less what a pipeline saves of reads and writes.
        let mut single = traffic.clone();
        single.depth = 1;
        let predicted = closed_loop(engine, profile, connections, single, requests.min(GUESSED))?;
        let both = (profile.host.read + profile.host.write).as_nanos() as f64;
        let saved = both * (depth - 1) as f64 / depth as f64;
        (predicted.cpu_ns_a_request - saved).max(1.0)
    };
    let paced = |one_ns: f64, requests: u64| {
        let waiting = u64::from(connections) / 2;
        let start = |id: u64| {
            let pipeline = (id / depth).saturating_sub(waiting);
            ((pipeline * depth) as f64 * one_ns) as u64
        };
        let starts: Vec<u64> = (0..requests).map(start).collect();
        open_loop(engine, profile, connections, traffic.clone(), &starts)
    };
    one_ns = paced(one_ns, requests.min(GUESSED))?.cpu_ns_a_request;
    paced(one_ns, requests)
}

/// Requests of the simulations that tell how fast pipelines are taken.
const GUESSED: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::super::traffic::Asked;
    use super::*;
    use crate::cost::TYPICAL_2026;
    use kvrig_base::random::Seed;

    #[test]
    fn a_pipeline_shares_one_read_and_one_write() {
        let profile = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        let cpu_ns = |depth| {
            let traffic = Traffic::new(&[Asked::Get], depth, Seed(1));
            let predicted = match depth {
                1 => closed_loop(Engine::Redis, &profile, 50, traffic, 20_000),
                _ => pipelined(Engine::Redis, &profile, 50, &traffic, 20_000),
            };
            predicted.expect("the books balance").cpu_ns_a_request
        };
        let both = (profile.host.read + profile.host.write).as_nanos() as f64;
        let saved = (cpu_ns(1) - cpu_ns(16)) / (both * 15.0 / 16.0);
        assert!((0.9..1.15).contains(&saved), "{saved}");
    }

    #[test]
    fn saturated_clients_see_what_one_core_can_do() {
        let profile = Profile::embedded(TYPICAL_2026).expect("it is embedded");
        let traffic = Traffic::new(&[Asked::Get, Asked::Set], 1, Seed(1));
        let closed = closed_loop(Engine::Redis, &profile, 50, traffic.clone(), 20_000)
            .expect("the books balance");
        let busiest = 1e9 / closed.cpu_ns_a_request;
        assert!(
            (0.9..1.01).contains(&(closed.throughput / busiest)),
            "{closed:?}"
        );
        let starts = super::super::traffic::starts_ns(busiest / 2.0, 20_000, Seed(1));
        let open =
            open_loop(Engine::Redis, &profile, 50, traffic, &starts).expect("the books balance");
        assert!(
            open.p50_ns < closed.p50_ns && open.p50_ns < open.p99_ns,
            "{open:?}"
        );
    }
}
