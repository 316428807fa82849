//! `kvrig validate queueing`: textbook systems in the simulator, beside their closed forms.

use super::closed_form::{
    erlang_c, md1_wait, mean_value_analysis, mm1_sojourn_quantile, mm1_wait, mmc_wait,
    pollaczek_khinchine_wait,
};
use super::experiment::{Measures, SERVICES, System, THINK};
use super::measured::{self, Services};
use super::station::Service;
use crate::analysis::{Interval, bonferroni, replication_interval};
use crate::run::{Observer, RunError};
use kvrig_base::random::Seed;
use kvrig_base::result::{Outcome, Table};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Confidence that all gated intervals cover their targets, if the simulator is right.
pub const FAMILY_CONFIDENCE: f64 = 0.999;
/// How far a gated estimate may be from its target, as a share of it.
pub const RELATIVE_ERROR_MAX: f64 = 0.01;
/// Seeds of every system. Each seed's mean is nearly normal, so that Student's t holds far out.
const REPLICATIONS: u32 = 20;
/// The seed that the replications are derived from.
const SEED: Seed = Seed(1);
/// Customers that each replication serves before it measures. The slowest system here forgets its
/// start in some 400 services (M/M/1 at load 0.9: 1/(1 - sqrt(load))^2), so this is 50 times that.
const WARM_UP: u64 = 20_000;

/// One closed form beside its estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The system, `M/M/1 load 0.8`.
    pub model: String,
    /// The quantity, `mean wait`; times are in mean services.
    pub quantity: &'static str,
    /// What theory says.
    pub target: f64,
    /// What the simulator says: the mean over the replications.
    pub estimate: f64,
    /// Lower end of the interval.
    pub lo: f64,
    /// Upper end of the interval.
    pub hi: f64,
    /// Confidence of this one interval; see [`FAMILY_CONFIDENCE`] for all of them.
    pub level: f64,
    /// Customers measured, over all replications.
    pub customers: u64,
    /// Customers dropped as warm-up, over all replications.
    pub warm_up: u64,
    /// Replications behind the interval.
    pub replications: u32,
    /// Whether the interval covers the target and the estimate is within [`RELATIVE_ERROR_MAX`].
    pub verdict: Outcome,
    /// Whether a failure counts.
    pub gated: bool,
}

impl Check {
    /// How far the estimate is from the target, as a share of it.
    pub fn relative_error(&self) -> f64 {
        (self.estimate - self.target) / self.target
    }
}

/// Number of a case, and of its replication.
type Point = (usize, u32);

/// A point and what it measured.
type Measured = (Point, Measures);

/// A quantity of a system: its name, its exact value, and where a replication has it.
struct Quantity {
    name: &'static str,
    target: f64,
    of: fn(&Measures) -> f64,
}

/// A system with what is known about it.
struct Case {
    model: String,
    system: System,
    /// Customers over all replications, chosen for a standard error of a mean of about 0.4 %.
    customers: u64,
    /// Customers that each replication serves before it measures.
    warm_up: u64,
    quantities: Vec<Quantity>,
    gated: bool,
}

const fn quantity(name: &'static str, target: f64, of: fn(&Measures) -> f64) -> Quantity {
    Quantity { name, target, of }
}

fn mm1(load: f64, customers: u64) -> Case {
    let service = Service::Exponential(1.0);
    Case {
        model: format!("M/M/1 load {load}"),
        system: System::SingleServer {
            arrival_rate: load,
            service,
        },
        customers,
        warm_up: WARM_UP,
        quantities: vec![
            quantity("mean wait", mm1_wait(load), |m| m.wait),
            quantity("p99 sojourn", mm1_sojourn_quantile(load, 0.99), |m| {
                m.sojourn_p99
            }),
            quantity("utilisation", load, |m| m.utilisation[0]),
            quantity("L / (lambda T)", 1.0, |m| m.little[0]),
        ],
        gated: true,
    }
}

fn md1(load: f64, customers: u64) -> Case {
    Case {
        model: format!("M/D/1 load {load}"),
        system: System::SingleServer {
            arrival_rate: load,
            service: Service::Deterministic,
        },
        customers,
        warm_up: WARM_UP,
        quantities: vec![quantity("mean wait", md1_wait(load), |m| m.wait)],
        gated: true,
    }
}

fn mm4(load: f64, customers: u64) -> Case {
    Case {
        model: format!("M/M/4 load {load}"),
        system: System::Servers { servers: 4, load },
        customers,
        warm_up: WARM_UP,
        quantities: vec![
            quantity("share that waits", erlang_c(4, load), |m| m.waited),
            quantity("mean wait", mmc_wait(4, load), |m| m.wait),
        ],
        gated: true,
    }
}

fn closed(clients: u32, customers: u64) -> Case {
    let exact = mean_value_analysis(&SERVICES, THINK, clients);
    let throughput = exact.throughput;
    let mut quantities = vec![
        quantity("throughput", throughput, |m| m.throughput),
        quantity("mean response", exact.response, |m| m.sojourn),
        quantity("utilisation 2", throughput * SERVICES[1], |m| {
            m.utilisation[1]
        }),
        quantity("L / (X R), station 1", 1.0, |m| m.little[0]),
        quantity("L / (X R), station 2", 1.0, |m| m.little[1]),
    ];
    // A saturated station is always busy: its utilisation has no spread, and the last customers of
    // the run, behind whom nobody comes, would decide.
    if throughput * SERVICES[0] < 0.999 {
        quantities.push(quantity("utilisation 1", throughput * SERVICES[0], |m| {
            m.utilisation[0]
        }));
    }
    Case {
        model: format!("closed network, {clients} clients"),
        system: System::ClosedNetwork { clients },
        customers,
        warm_up: WARM_UP,
        quantities,
        gated: true,
    }
}

/// Deterministic service with rare stalls: what a pause of the store does to everybody.
fn stalls(stall: u64, one_in: u64, customers: u64, gated: bool) -> Case {
    let (length, chance) = (stall as f64, 1.0 / one_in as f64);
    let mean = 1.0 + chance * length;
    let square = 1.0 + chance * (2.0 * length + length * length);
    Case {
        model: format!("M/G/1 rate 0.5, 1 in {one_in} stalls for {stall}"),
        system: System::SingleServer {
            arrival_rate: 0.5,
            service: Service::Stalling { stall, one_in },
        },
        customers,
        warm_up: WARM_UP,
        quantities: vec![quantity(
            "mean wait",
            pollaczek_khinchine_wait(0.5, mean, square),
            |m| m.wait,
        )],
        gated,
    }
}

/// Services that a node had while its table grew, its pauses among them.
fn measured(services: &Services, load: f64, customers: u64) -> Case {
    let rate = load / services.mean;
    Case {
        model: format!("M/G/1 load {load}, turns of a rehashing node"),
        system: System::SingleServer {
            arrival_rate: rate,
            service: Service::Measured(Arc::clone(&services.spans)),
        },
        customers,
        warm_up: WARM_UP,
        quantities: vec![quantity(
            "mean wait",
            pollaczek_khinchine_wait(rate, services.mean, services.square),
            |m| m.wait,
        )],
        gated: true,
    }
}

fn cases(services: &Services) -> Vec<Case> {
    vec![
        mm1(0.5, 8_000_000),
        mm1(0.8, 12_000_000),
        mm1(0.9, 40_000_000),
        md1(0.5, 2_000_000),
        md1(0.8, 6_000_000),
        md1(0.9, 12_000_000),
        mm4(0.5, 20_000_000),
        mm4(0.8, 8_000_000),
        mm4(0.9, 20_000_000),
        closed(1, 400_000),
        closed(10, 1_000_000),
        closed(50, 3_000_000),
        closed(100, 2_000_000),
        stalls(100, 1_000, 60_000_000, true),
        stalls(1_000, 10_000, 10_000_000, false),
        measured(services, 0.5, 12_000_000),
    ]
}

/// Runs all systems, at most `jobs` replications at once, and compares them with theory.
///
/// The order and the values of the checks do not depend on `jobs`.
///
/// # Errors
/// [`RunError::Cancelled`] when the observer asks for it; `KV4001` if a world lost a customer.
pub fn queueing(observer: &dyn Observer, jobs: usize) -> Result<Vec<Check>, RunError> {
    run_cases(&cases(&measured::services()?), observer, jobs)
}

fn run_cases(cases: &[Case], observer: &dyn Observer, jobs: usize) -> Result<Vec<Check>, RunError> {
    let mut points: Vec<Point> = (0..cases.len())
        .flat_map(|case| (0..REPLICATIONS).map(move |replication| (case, replication)))
        .collect();
    // The longest first, so that no long one is left for the end.
    points.sort_by_key(|&(case, _)| std::cmp::Reverse(cases[case].customers));
    let done = AtomicUsize::new(0);
    let run = |&(number, replication): &Point| {
        let case = &cases[number];
        let measures = case
            .system
            .run(
                SEED.replication(replication),
                case.warm_up,
                case.customers / u64::from(REPLICATIONS),
                &|| observer.cancelled(),
            )?
            .ok_or(RunError::Cancelled)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        observer.point_finished(done, points.len(), measures.events);
        Ok(((number, replication), measures))
    };
    let outcomes: Vec<Result<Measured, RunError>> = on_threads(jobs, || {
        points.par_iter().with_max_len(1).map(run).collect()
    })?;
    let mut outcomes = outcomes.into_iter().collect::<Result<Vec<_>, RunError>>()?;
    outcomes.sort_by_key(|&(point, _)| point);
    let level = bonferroni(FAMILY_CONFIDENCE, gated_quantities(cases));
    let mut checks = Vec::new();
    for (case, outcomes) in cases
        .iter()
        .zip(outcomes.chunks_exact(REPLICATIONS as usize))
    {
        for quantity in &case.quantities {
            let values: Vec<f64> = outcomes
                .iter()
                .map(|(_, measures)| (quantity.of)(measures))
                .collect();
            checks.push(check(
                case,
                quantity,
                replication_interval(&values, level),
                level,
            ));
        }
    }
    Ok(checks)
}

/// Does `body` with parallel iterators on `jobs` threads.
pub(super) fn on_threads<T: Send>(
    jobs: usize,
    body: impl FnOnce() -> T + Send,
) -> Result<T, RunError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .build()
        .map_err(|error| RunError::Store(std::io::Error::other(error)))?;
    Ok(pool.install(body))
}

/// How many intervals must hold together.
fn gated_quantities(cases: &[Case]) -> usize {
    cases
        .iter()
        .filter(|case| case.gated)
        .map(|case| case.quantities.len())
        .sum()
}

fn check(case: &Case, quantity: &Quantity, interval: Interval, level: f64) -> Check {
    let mut check = Check {
        model: case.model.clone(),
        quantity: quantity.name,
        target: quantity.target,
        estimate: interval.estimate,
        lo: interval.lo,
        hi: interval.hi,
        level,
        customers: case.customers,
        warm_up: case.warm_up * u64::from(REPLICATIONS),
        replications: REPLICATIONS,
        verdict: Outcome::Fail,
        gated: case.gated,
    };
    let close = libm::fabs(check.relative_error()) <= RELATIVE_ERROR_MAX;
    if interval.contains(quantity.target) && close {
        check.verdict = Outcome::Pass;
    }
    check
}

/// The checks as a table, ready to print.
pub fn table(checks: &[Check]) -> Table {
    let head = [
        "system",
        "quantity",
        "target",
        "estimate",
        "interval",
        "error",
        "customers",
        "verdict",
    ];
    let rows = checks
        .iter()
        .map(|check| {
            let verdict = match (check.verdict, check.gated) {
                (Outcome::Pass, true) => "pass",
                (Outcome::Fail, true) => "FAIL",
                (Outcome::Pass, false) => "pass (not gated)",
                (Outcome::Fail, false) => "off (not gated)",
            };
            vec![
                check.model.clone(),
                check.quantity.to_owned(),
                format!("{:.4}", check.target),
                format!("{:.4}", check.estimate),
                format!("{:.4} .. {:.4}", check.lo, check.hi),
                format!("{:+.2} %", 100.0 * check.relative_error()),
                format!("{:.1} M", check.customers as f64 / 1e6),
                verdict.to_owned(),
            ]
        })
        .collect();
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;
    impl Observer for Silent {
        fn point_finished(&self, _: usize, _: usize, _: u64) {}
        fn cancelled(&self) -> bool {
            false
        }
    }

    /// The verdict on coverage alone: runs this short are not within one per cent.
    fn covers(check: &Check) -> bool {
        (check.lo..=check.hi).contains(&check.target)
    }

    /// The case with a start that suits a lightly loaded system.
    fn short(case: Case) -> Case {
        Case {
            warm_up: 1_000,
            ..case
        }
    }

    #[test]
    fn short_versions_of_each_kind_of_system_cover_their_closed_forms() {
        let services = measured::services().expect("the books balance");
        let cases = [
            mm1(0.5, 200_000),
            md1(0.5, 100_000),
            mm4(0.5, 400_000),
            closed(10, 100_000),
            measured(&services, 0.5, 400_000),
        ];
        let checks = run_cases(&cases.map(short), &Silent, 1).expect("nothing cancels it");
        assert_eq!(checks.len(), 4 + 1 + 2 + 6 + 1);
        for check in &checks {
            assert!(covers(check), "{check:?}");
        }
    }

    #[test]
    fn a_server_with_another_law_of_service_is_found_out() {
        let mut wrong = short(md1(0.5, 100_000));
        wrong.quantities[0].target = mm1_wait(0.5);
        let checks = run_cases(&[wrong], &Silent, 1).expect("nothing cancels it");
        assert_eq!(checks[0].verdict, Outcome::Fail);
        assert!(!covers(&checks[0]), "{:?}", checks[0]);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let cases = [mm1(0.5, 20_000), md1(0.8, 2_000)].map(short);
        let run = |jobs| run_cases(&cases, &Silent, jobs).expect("nothing cancels it");
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn a_cancelled_validation_says_so() {
        struct Stopped;
        impl Observer for Stopped {
            fn point_finished(&self, _: usize, _: usize, _: u64) {}
            fn cancelled(&self) -> bool {
                true
            }
        }
        let error = run_cases(&[mm1(0.5, 20_000)], &Stopped, 1).expect_err("it was cancelled");
        assert!(matches!(error, RunError::Cancelled));
    }

    #[test]
    fn the_family_has_a_confidence_of_999_in_1000() {
        let services = measured::services().expect("the books balance");
        let gated = gated_quantities(&cases(&services));
        let level = bonferroni(FAMILY_CONFIDENCE, gated);
        assert!(gated > 40 && (1.0 - level) * gated as f64 <= 0.001 + 1e-12);
    }
}
