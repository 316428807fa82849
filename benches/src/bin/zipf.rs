//! Zipf draws: how fast beside `rand_distr`, and how true beside theory.
//!
//! Speed: every draw is addressed on its own, as an operation of a workload is
//! (`stream.draws(0, i)`), and that is part of its time. The peer runs over xoshiro256++, the
//! fastest generator it is commonly given, and over the same addressed words.
//!
//! Truth (`--check`): 20 million draws for each of 40 combinations of exponent and number of keys,
//! by chi-square against harmonic numbers, with the shares of the top keys beside theory.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin zipf [-- ROUNDS | --check [DRAWS]]`

use kvrig_base::random::{Draws, Seed};
use kvrig_benches::cpu_time::{Contender, Measured, alternate, timed};
use kvrig_workloads::goodness::chi_square;
use kvrig_workloads::popularity::{Zipf, rank_bins};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{SeedableRng, TryRng};
use rand_distr::{Distribution, Pareto};
use std::convert::Infallible;
use std::hint::black_box;
use std::process::ExitCode;

const KEYS: u64 = 100_000_000;
const DRAWS_PER_ROUND: u64 = 2_000_000;
/// Exponents with the factor by which draws are to beat the peer.
const TARGETS: [(f64, f64); 3] = [(0.99, 3.0), (1.0, 2.5), (1.2, 4.0)];

/// Addressed words as a generator for the peer.
struct Addressed(Draws);

impl TryRng for Addressed {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.0.next_u64() >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.0.next_u64().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| match arguments.get(at) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|&number| number > 0),
    };
    let passed = match arguments.first().map(String::as_str) {
        Some("--check") => number(1, 20_000_000).map(check),
        _ => number(0, 15)
            .and_then(|rounds| u32::try_from(rounds).ok())
            .map(speed),
    };
    match passed {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            eprintln!("usage: zipf [ROUNDS | --check [DRAWS]]");
            ExitCode::from(2)
        }
    }
}

/// Which mathematics the peer was built with: cargo unites the features of `num-traits` over all
/// packages that are built together, and `std` takes precedence over `libm`.
#[expect(
    clippy::disallowed_methods,
    reason = "to recognise the platform's power function"
)]
fn peer_mathematics() -> &'static str {
    let stream = Seed(1).stream("mathematics");
    let matches = |power: fn(f64, f64) -> f64| {
        (0..2_000).all(|index| {
            let uniform: f64 =
                rand_distr::OpenClosed01.sample(&mut Addressed(stream.draws(0, index)));
            let pareto = Pareto::new(1.0, 0.7).expect("a shape above zero");
            let drawn: f64 = pareto.sample(&mut Addressed(stream.draws(0, index)));
            drawn == power(uniform, -1.0 / 0.7)
        })
    };
    match (matches(f64::powf), matches(libm::pow)) {
        (true, false) => "the platform's mathematics",
        (false, true) => "libm",
        _ => "mathematics not told apart",
    }
}

fn speed(rounds: u32) -> bool {
    println!(
        "{KEYS} keys, {rounds} rounds of {DRAWS_PER_ROUND} draws; rand_distr 0.6 with {}",
        peer_mathematics()
    );
    println!("  s     sampler                            ns/draw    best   factor  required");
    let mut passed = true;
    for (s, required) in TARGETS {
        let measured = measure(s, rounds);
        let [addressed, peer, ..] = measured.as_slice() else {
            unreachable!("three contenders")
        };
        let factor = addressed.speed_over(peer);
        passed &= factor >= required;
        for Measured {
            name,
            nanos_median,
            nanos_best,
        } in &measured
        {
            print!("{s:5}   {name:32} {nanos_median:8.2} {nanos_best:8.2}");
            match *name == peer.name {
                true => println!("   {factor:6.2}    {required:6.2}"),
                false => println!(),
            }
        }
    }
    println!(
        "{}",
        if passed {
            "all factors are met"
        } else {
            "a factor is missed"
        }
    );
    passed
}

fn measure(s: f64, rounds: u32) -> Vec<Measured> {
    let zipf = Zipf::new(KEYS, s).expect("a valid exponent");
    let peer = rand_distr::Zipf::new(KEYS as f64, s).expect("a valid exponent");
    let stream_of = |round: u32| Seed(u64::from(round)).stream("zipf");
    let addressed = |round| {
        let stream = stream_of(round);
        timed(|| sum((0..DRAWS_PER_ROUND).map(|index| zipf.rank(&mut stream.draws(0, index)))))
    };
    let peer_sequential = |round| {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(u64::from(round));
        timed(|| sum((0..DRAWS_PER_ROUND).map(|_| peer.sample(&mut generator) as u64)))
    };
    let peer_addressed = |round| {
        let stream = stream_of(round);
        let draw = |index| peer.sample(&mut Addressed(stream.draws(0, index))) as u64;
        timed(|| sum((0..DRAWS_PER_ROUND).map(draw)))
    };
    alternate(
        rounds,
        vec![
            Contender {
                name: "kvrig, addressed",
                round: Box::new(addressed),
            },
            Contender {
                name: "rand_distr over xoshiro256++",
                round: Box::new(peer_sequential),
            },
            Contender {
                name: "rand_distr over addressed words",
                round: Box::new(peer_addressed),
            },
        ],
    )
}

/// Uses every rank, so that none is left undrawn; answers with the number of draws.
fn sum(ranks: impl Iterator<Item = u64>) -> u64 {
    black_box(ranks.fold(0_u64, u64::wrapping_add));
    DRAWS_PER_ROUND
}

fn check(draws: u64) -> bool {
    println!("{draws} draws; shares in %: measured / exact");
    println!("  s            n  bins        z          p   top 1             top 10");
    let stream = Seed(20_260_101).stream("zipf");
    let mut passed = true;
    let exponents = [0.0, 0.5, 0.8, 0.99, 1.0, 1.2, 2.0, 2.68];
    let sizes = [1, 2, 3, 1_000_000, 100_000_000];
    let combinations = exponents.iter().flat_map(|&s| sizes.map(|n| (s, n)));
    for (number, (s, n)) in (0..).zip(combinations) {
        passed &= check_one(s, n, draws, |index| stream.draws(number, index));
    }
    println!(
        "{}",
        if passed {
            "all pass: p > 1e-4"
        } else {
            "a distribution is rejected"
        }
    );
    passed
}

fn check_one(s: f64, n: u64, draws: u64, draws_at: impl Fn(u64) -> Draws) -> bool {
    let zipf = Zipf::new(n, s).expect("a valid exponent");
    let bins = rank_bins(n, s, draws as f64);
    let bin_of = |rank: u64| bins.partition_point(|bin| bin.last < rank) as u32;
    let first_bins: Vec<u32> = (0..=n.min(1 << 16)).map(bin_of).collect();
    let mut observed = vec![0_u64; bins.len()];
    let (mut top_1, mut top_10, mut outside) = (0_u64, 0_u64, 0_u64);
    for index in 0..draws {
        let rank = zipf.rank(&mut draws_at(index));
        outside += u64::from(rank < 1 || rank > n);
        top_1 += u64::from(rank == 1);
        top_10 += u64::from(rank <= 10);
        let bin = first_bins
            .get(rank as usize)
            .copied()
            .unwrap_or_else(|| bin_of(rank));
        observed[bin as usize] += 1;
    }
    let expected: Vec<f64> = bins.iter().map(|bin| bin.share * draws as f64).collect();
    let fit = chi_square(&observed, &expected);
    let percent = |count: u64| count as f64 * 100.0 / draws as f64;
    let exact = |k: u64| zipf.top_share(k) * 100.0;
    println!(
        "{s:5} {n:11} {:5} {:8.2} {:10.6}   {:8.4} / {:8.4}   {:8.4} / {:8.4}",
        bins.len(),
        fit.z(),
        fit.p,
        percent(top_1),
        exact(1),
        percent(top_10),
        exact(10),
    );
    fit.p > 1e-4 && outside == 0
}
