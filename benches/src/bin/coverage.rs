//! How often 95 % intervals cover the truth: many runs of M/M/1 at 80 % load, whose mean wait is
//! known.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin coverage [-- RUNS CUSTOMERS]`
//!
//! Exits with 3 if the share is outside 93 to 97 %.

use kvrig_sim::run::Observer;
use kvrig_sim::validate::coverage;
use std::process::ExitCode;

/// Runs without a word.
struct Silent;

impl Observer for Silent {
    fn point_finished(&self, _: usize, _: usize, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

fn main() -> ExitCode {
    let arguments: Result<Vec<u64>, _> = std::env::args()
        .skip(1)
        .map(|text| text.replace('_', "").parse())
        .collect();
    let (runs, customers) = match arguments.as_deref() {
        Ok([]) => (1_000, 400_000),
        Ok(&[runs, customers]) if (1..=1_000_000).contains(&runs) => (runs as u32, customers),
        _ => {
            eprintln!("usage: coverage [RUNS CUSTOMERS]");
            return ExitCode::from(2);
        }
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let found = match coverage(runs, customers, &Silent, jobs) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let share = 100.0 * found.share();
    println!(
        "M/M/1 load 0.8, {} runs of {} customers",
        found.runs, found.customers
    );
    println!(
        "95 % intervals that cover the mean wait: {} ({share:.1} %)",
        found.covered
    );
    println!(
        "mean half-width: {:.2} % of the mean wait",
        100.0 * found.half_width_mean
    );
    println!(
        "mean warm-up dropped by MSER-5: {:.0} customers",
        found.warm_up_mean
    );
    println!(
        "runs with correlated batches: {}, not settled: {}",
        found.correlated, found.unsettled
    );
    if (93.0..=97.0).contains(&share) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    }
}
