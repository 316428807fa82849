//! Replays of reference caches on a recorded trace, without an engine.
//!
//! The trace is `orm-busy`: 5 M requests for 76,349 keys. LRU is replayed at the eight capacities
//! for which hits are published, on keys numbered beforehand; its whole curve is made in one pass.
//! With numbering: the trace is read anew from 32-bit keys in memory, numbered by sorting, and
//! replayed once.
//!
//! It fails below 10 M requests a second of CPU time for LRU at any capacity, above 2 s for the
//! curve, or where the hits of the two ways differ.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin lru [-- ROUNDS]`

use kvrig_benches::cpu_time::{Contender, Measured, Round, alternate, timed};
use kvrig_workloads::cache::{Fifo, Lru, LruCurve, belady, replay};
use kvrig_workloads::trace::{Trace, TraceFormat};
use std::cell::RefCell;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

const ROUNDS_DEFAULT: u32 = 5;
const CAPACITIES: [u32; 8] = [100, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 40_000];
/// Requests a second of CPU time.
const TARGET_MILLIONS: f64 = 10.0;
const TARGET_CURVE_SECONDS: f64 = 2.0;

/// Does the work of a round.
type Work<'a> = Box<dyn FnMut(u32) -> Round + 'a>;

fn main() -> ExitCode {
    let rounds = match std::env::args().nth(1).map(|text| text.parse()) {
        None => ROUNDS_DEFAULT,
        Some(Ok(rounds)) if rounds > 0 => rounds,
        Some(_) => {
            eprintln!("usage: lru [ROUNDS]");
            return ExitCode::from(2);
        }
    };
    match measure(rounds) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Keys that are far apart, as those of a real trace: a bijection of 32 bits.
fn scattered(key: u32) -> [u8; 4] {
    key.wrapping_mul(0x9e37_79b1).to_be_bytes()
}

fn measure(rounds: u32) -> Result<bool, Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workloads/traces/orm-busy.trace.gz");
    let trace =
        Trace::open(&file, &TraceFormat::BigEndianI32).map_err(|error| error.to_string())?;
    let (requests, keys) = (trace.keys_requested(), trace.keys());
    let sparse: Vec<u8> = requests.iter().flat_map(|&key| scattered(key)).collect();
    println!(
        "{} requests for {keys} keys, {rounds} rounds",
        requests.len()
    );
    let hits = RefCell::new(vec![0; CAPACITIES.len()]);
    let lru_rounds = CAPACITIES.iter().enumerate().map(|(place, &capacity)| {
        let hits = &hits;
        move |_: u32| -> Round {
            timed(|| {
                let tally = replay(Lru::new(keys, capacity), requests);
                hits.borrow_mut()[place] = tally.hits;
                tally.requests
            })
        }
    });
    let names: Vec<String> = CAPACITIES
        .iter()
        .map(|one| format!("LRU of {one}"))
        .collect();
    let mut contenders: Vec<Contender<'_>> = Vec::new();
    for (name, round) in names.iter().zip(lru_rounds) {
        contenders.push(Contender {
            name,
            round: Box::new(round),
        });
    }
    let curve = LruCurve::new(requests, keys);
    let others: [(&str, Work<'_>); 4] = [
        (
            "LRU of 10000, numbering included",
            Box::new(|_| {
                timed(|| {
                    let read = Trace::read("memory", sparse.as_slice(), &TraceFormat::BigEndianI32);
                    let trace = read.expect("whole records");
                    replay(Lru::new(trace.keys(), 10_000), trace.keys_requested()).requests
                })
            }),
        ),
        (
            "FIFO of 10000",
            Box::new(|_| timed(|| replay(Fifo::new(keys, 10_000), requests).requests)),
        ),
        (
            "Belady of 10000",
            Box::new(|_| timed(|| belady(requests, keys, 10_000).requests)),
        ),
        (
            "LRU curve",
            Box::new(|_| timed(|| black_box(LruCurve::new(requests, keys)).requests())),
        ),
    ];
    contenders.extend(others.map(|(name, round)| Contender { name, round }));
    let measured = alternate(rounds, contenders);
    print(&measured);
    let slowest = measured[..CAPACITIES.len()]
        .iter()
        .map(Measured::millions_per_second)
        .fold(f64::INFINITY, f64::min);
    let curve_seconds = measured.last().map_or(f64::INFINITY, |curve| {
        curve.nanos_median * requests.len() as f64 / 1e9
    });
    let hits = hits.into_inner();
    let agree = CAPACITIES
        .iter()
        .zip(&hits)
        .all(|(&capacity, &hits)| curve.hits(capacity) == hits);
    println!("hits: {hits:?}");
    let mut passed = true;
    let mut verdict = |holds: bool, what: String| {
        println!("{} {what}", if holds { "PASS  " } else { "MISSED" });
        passed &= holds;
    };
    verdict(
        slowest >= TARGET_MILLIONS,
        format!("LRU at any capacity: {slowest:.1} M/CPU-s, at least {TARGET_MILLIONS}"),
    );
    verdict(
        curve_seconds <= TARGET_CURVE_SECONDS,
        format!("whole curve: {curve_seconds:.2} s, at most {TARGET_CURVE_SECONDS}"),
    );
    verdict(agree, "replay and curve agree at all capacities".to_owned());
    Ok(passed)
}

fn print(measured: &[Measured]) {
    println!(
        "{:<34} {:>10} {:>10} {:>10}",
        "", "ns median", "ns best", "M/CPU-s"
    );
    for one in measured {
        println!(
            "{:<34} {:>10.1} {:>10.1} {:>10.1}",
            one.name,
            one.nanos_median,
            one.nanos_best,
            one.millions_per_second()
        );
    }
}
