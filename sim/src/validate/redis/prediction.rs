//! What the simulator says that a server will do.

use super::traffic::{Traffic, preparation};
use super::{Direct, START};
use crate::client::{ClosedLoop, OpenLoop};
use crate::cost::Profile;
use crate::world::{Call, DiskConfig, GroupId, Model, Observer, Placement, PoolId, World};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::id::ActorId;
use kvrig_base::result::HistogramData;
use kvrig_base::time::{Span, Time};
use kvrig_redis::{Config, Node};

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

/// Sums what the engine's part of requests took.
#[derive(Debug, Default)]
struct Handled {
    picos: u128,
    requests: u64,
}

impl Observer<Node> for Handled {
    fn call(&mut self, call: &Call<'_>, _: &Node) {
        if call.request.is_some() {
            self.picos += u128::from(call.spent.as_picos());
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
    /// Requests a second.
    pub throughput: f64,
    /// Median response, in nanoseconds.
    pub p50_ns: u64,
    /// Response that one in a hundred exceeds.
    pub p99_ns: u64,
    /// All responses.
    pub responses: HistogramData,
}

/// A node with the prepared data in it, as a server has it after the same commands.
pub fn prepared_node() -> Node {
    let mut direct = Direct::new(Config::default());
    preparation(&mut |args| direct.command(args));
    direct.into_node()
}

fn world(profile: &Profile) -> (World<Serving>, PoolId, ActorId) {
    let mut world: World<Serving> = World::new(profile, START, Handled::default());
    let (pool, helpers) = (world.add_pool(1), world.add_pool(1));
    let disk = world.add_disk(DiskConfig::default());
    let placement = Placement {
        pool,
        helpers,
        disk,
        store: None,
    };
    let actor = world.add_actor(prepared_node(), placement);
    (world, pool, actor)
}

/// Runs until `requests` are answered and says how that went.
fn serve(
    mut world: World<Serving>,
    pool: PoolId,
    group: GroupId,
    requests: u64,
) -> Result<Predicted, Diagnostic> {
    while world.responses(group).count() < requests {
        let until = world.now() + STRETCH;
        world.run_until(until);
    }
    world.check_books()?;
    let busy: Span = world.busy(pool).into_iter().sum();
    let responses = world.responses(group);
    let count = responses.count() as f64;
    let handled = world.observer();
    Ok(Predicted {
        cpu_ns_a_request: busy.as_picos() as f64 / 1e3 / count,
        engine_ns_a_request: handled.picos as f64 / 1e3 / handled.requests.max(1) as f64,
        throughput: count * 1e12 / world.now().since_start().as_picos() as f64,
        p50_ns: responses.quantile(1, 2).as_nanos(),
        p99_ns: responses.quantile(99, 100).as_nanos(),
        responses: responses.to_data("predicted"),
    })
}

/// An open loop whose request `n` is meant to start at `starts_ns[n]`.
///
/// # Errors
/// `KV4001` if the world lost a request.
pub fn open_loop(
    profile: &Profile,
    connections: u32,
    traffic: Traffic,
    starts_ns: &[u64],
) -> Result<Predicted, Diagnostic> {
    let (mut world, pool, actor) = world(profile);
    let start = |ns: &u64| Time::START + Span::from_nanos(*ns);
    let group = world.add_open_loop(OpenLoop {
        targets: vec![actor],
        connections,
        link: profile.link.clone(),
        requests: traffic,
        arrivals: starts_ns.iter().map(start).collect(),
        patience: None,
    });
    serve(world, pool, group, starts_ns.len() as u64)
}

/// A closed loop of clients that never think.
///
/// # Errors
/// As [`open_loop`].
pub fn closed_loop(
    profile: &Profile,
    clients: u32,
    traffic: Traffic,
    requests: u64,
) -> Result<Predicted, Diagnostic> {
    let (mut world, pool, actor) = world(profile);
    let group = world.add_closed_loop(ClosedLoop {
        targets: vec![actor],
        clients,
        link: profile.link.clone(),
        requests: traffic,
        start: Time::START,
        requests_max: Some(requests),
        patience: None,
    });
    serve(world, pool, group, requests)
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
        let predicted = closed_loop(profile, connections, single, requests.min(GUESSED))?;
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
        open_loop(profile, connections, traffic.clone(), &starts)
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
                1 => closed_loop(&profile, 50, traffic, 20_000),
                _ => pipelined(&profile, 50, &traffic, 20_000),
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
        let closed = closed_loop(&profile, 50, traffic.clone(), 20_000).expect("the books balance");
        let busiest = 1e9 / closed.cpu_ns_a_request;
        assert!(
            (0.9..1.01).contains(&(closed.throughput / busiest)),
            "{closed:?}"
        );
        let starts = super::super::traffic::starts_ns(busiest / 2.0, 20_000, Seed(1));
        let open = open_loop(&profile, 50, traffic, &starts).expect("the books balance");
        assert!(
            open.p50_ns < closed.p50_ns && open.p50_ns < open.p99_ns,
            "{open:?}"
        );
    }
}
