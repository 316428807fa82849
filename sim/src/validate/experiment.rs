//! One textbook system under one seed, in a world of its own.

use super::station::{
    Customers, PoissonArrivals, QueueingWorld, Service, UNIT, Watch, add_stations, units, world,
};
use crate::analysis::Series;
use crate::client::{ClosedLoop, OpenLoop};
use crate::world::PoolId;
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::id::ActorId;
use kvrig_base::random::Seed;
use kvrig_base::time::{Span, Time};

/// Places at a station of several servers: a customer finds its own free as long as fewer are
/// there. With four servers at 90 % load more are there with probability 0.9^250, 10^-12.
const PLACES: u32 = 256;
/// Virtual time between two questions whether to stop.
const STRETCH: Span = Span::from_millis(10);

/// A textbook system.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum System {
    /// One server that customers reach by Poisson arrivals: one actor, whose event loop takes all
    /// that has arrived at each turn and serves it in order.
    SingleServer {
        /// Arrivals per mean service.
        arrival_rate: f64,
        /// How long a service takes.
        service: Service,
    },
    /// Several servers with one queue: many actors on a pool of so many cores, each customer a
    /// turn of its own.
    Servers {
        /// Their number.
        servers: u32,
        /// Offered load per server.
        load: f64,
    },
    /// Clients that think 50 units on average and then visit two stations, of mean services 1 and
    /// 0.5: two pools of one core, each customer a turn of its own.
    ClosedNetwork {
        /// Their number.
        clients: u32,
    },
}

/// Mean time of thought in the closed network.
pub(super) const THINK: f64 = 50.0;
/// Mean services in the closed network.
pub(super) const SERVICES: [f64; 2] = [1.0, 0.5];

/// What one replication has measured, times in mean services.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measures {
    /// Mean wait before service.
    pub(super) wait: f64,
    /// Share of customers that waited.
    pub(super) waited: f64,
    /// Mean time in the system.
    pub(super) sojourn: f64,
    /// 99th percentile of that, from the recorder of responses.
    pub(super) sojourn_p99: f64,
    /// Customers answered per unit of time.
    pub(super) throughput: f64,
    /// Share of time in which each station's cores were busy.
    pub(super) utilisation: [f64; 2],
    /// Mean heads counted at each station, over throughput times mean stay: one, says Little.
    pub(super) little: [f64; 2],
    /// Events that it took.
    pub(super) events: u64,
}

/// Runs until `customers` are answered, with the books balanced; false if `cancelled` said so.
fn serve(
    world: &mut QueueingWorld,
    customers: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, Diagnostic> {
    let mut end = Time::START;
    while world.observer().replies() < customers {
        if cancelled() {
            return Ok(false);
        }
        end += STRETCH;
        world.run_until(end);
    }
    world.check_books()?;
    Ok(true)
}

impl System {
    /// Runs `customers` after `warm_up` more; none if `cancelled` said so.
    ///
    /// # Errors
    /// `KV4001` if customers were lost or invented.
    pub(super) fn run(
        &self,
        seed: Seed,
        warm_up: u64,
        customers: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Measures>, Diagnostic> {
        let total = warm_up + customers;
        let (mut world, pools) = self.build(seed, warm_up, total);
        if !serve(&mut world, total, cancelled)? {
            return Ok(None);
        }
        Ok(Some(Self::measure(&world, &pools)))
    }
    /// Runs `customers` from an empty system and keeps the series of their waits, picoseconds.
    ///
    /// # Errors
    /// `KV4001` if customers were lost or invented.
    pub(super) fn waits(
        &self,
        seed: Seed,
        customers: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Series>, Diagnostic> {
        let (mut world, _) = self.build(seed, 0, customers);
        world.observer_mut().waits = Some(Series::default());
        if !serve(&mut world, customers, cancelled)? {
            return Ok(None);
        }
        Ok(world.into_observer().waits)
    }
    fn build(&self, seed: Seed, warm_up: u64, total: u64) -> (QueueingWorld, Vec<PoolId>) {
        let stations = if matches!(self, Self::ClosedNetwork { .. }) {
            2
        } else {
            1
        };
        let mut world = world(Watch::new(warm_up, stations));
        let link = world.profile().link.clone();
        let mut open = |cores, places, arrival_rate: f64, service| {
            let pool = world.add_pool(cores);
            let targets = add_stations(&mut world, pool, places, |_| None);
            world.add_open_loop(OpenLoop {
                targets,
                connections: places,
                link: link.clone(),
                requests: Customers::new(&[service], 0.0, seed),
                arrivals: PoissonArrivals::new(1.0 / arrival_rate, total, seed),
                patience: None,
            });
            vec![pool]
        };
        let pools = match self {
            Self::SingleServer {
                arrival_rate,
                service,
            } => open(1, 1, *arrival_rate, service.clone()),
            Self::Servers { servers, load } => open(
                *servers,
                PLACES,
                load * f64::from(*servers),
                Service::Exponential(1.0),
            ),
            Self::ClosedNetwork { clients } => {
                let clients = *clients;
                let pools = vec![world.add_pool(1), world.add_pool(1)];
                let second = |place| Some(ActorId(clients + place));
                let targets = add_stations(&mut world, pools[0], clients, second);
                add_stations(&mut world, pools[1], clients, |_| None);
                let services = SERVICES.map(Service::Exponential);
                world.add_closed_loop(ClosedLoop {
                    targets,
                    clients,
                    link,
                    requests: Customers::new(&services, THINK, seed),
                    start: Time::START,
                    requests_max: Some(total),
                    patience: None,
                });
                pools
            }
        };
        (world, pools)
    }
    fn measure(world: &QueueingWorld, pools: &[PoolId]) -> Measures {
        let watch = world.observer();
        let count = watch.measured as f64;
        let mean = |picos: u128| picos as f64 / count / UNIT.as_picos() as f64;
        let throughput = (count - 1.0) / units(watch.last_end.since(watch.first_end));
        let mut measures = Measures {
            wait: mean(watch.wait_picos),
            waited: watch.waited as f64 / count,
            sojourn: mean(watch.sojourns.sum_picos()),
            sojourn_p99: units(watch.sojourns.quantile(99, 100)),
            throughput,
            events: world.events_handled(),
            ..Measures::default()
        };
        for (station, &pool) in pools.iter().enumerate() {
            let busy = world.busy(pool);
            let cores = busy.len() as f64;
            let busy: Span = busy.into_iter().sum();
            measures.utilisation[station] =
                units(busy) / cores / units(watch.last_end.since_start());
            let tally = watch.tallies[station];
            let present = tally.heads as f64 / watch.instants() as f64;
            measures.little[station] = present / (throughput * mean(tally.stay_picos));
        }
        measures
    }
}
