//! Fits the prices of this machine to the Redis node, and checks them on replays left out.
//!
//! Nodes of several sizes are replayed GET, SET and EXISTS under several Zipf exponents; each round
//! measures every configuration once, after a warm-up of its own, and the best of the rounds
//! counts, of each round its fastest tenth: neighbours on a shared machine only ever add time, and the
//! rounds alternate over all configurations. The receipts of the same commands and the tag arrays of
//! the cache model, for several sizes of the last level and of the translation buffer, say what was
//! done; non-negative least squares give the prices.
//!
//! The check set, GET on a million keys at s = 0, 0.99 and 1.2, is measured in the same rounds and
//! has no part in the fit. Best is compared with best. Its simulated service is what the meter of the fitted profile charges for
//! the same commands. The program fails if one is not within 15 %.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin fit [-- ROUNDS [NAME DATE FILE]]`; with a
//! FILE, the profile is written to it.

use kvrig_base::random::Seed;
use kvrig_base::seam::{Counter, Work};
use kvrig_benches::cpu_time::{Contender, Measured, alternate};
use kvrig_benches::machine;
use kvrig_benches::prices::{self, Prices, Residual, Sample};
use kvrig_benches::profile_text::{Fitted, render};
use kvrig_benches::receipt::{Candidate, Receipt, receipts};
use kvrig_benches::replays::{
    COUNTED, Caller, Command, Configuration, KEY_BYTES, Replay, WARM_UP, filled_node,
};
use kvrig_redis::Node;
use kvrig_sim::cost::{
    CacheLevel, MemoryPrices, Pricing, Profile, TYPICAL_2026, Tlb, embedded_profiles,
};
use std::cell::RefCell;
use std::error::Error;
use std::process::ExitCode;

const ROUNDS_DEFAULT: u32 = 15;
const SEED: Seed = Seed(1);
/// The simulated service may differ from the measured one by so much.
const TOLERANCE: f64 = 0.15;
/// The check set: exponents at a million keys.
const CHECKED_SKEWS: [f64; 3] = [0.0, 0.99, 1.2];
const CHECKED_KEYS: u64 = 1_000_000;
/// Value bytes, the smallest of which is that of the check set.
const VALUE_BYTES: [usize; 3] = [32, 256, 1_024];
/// The last level as it may be in effect beside what the system states: neighbours take some of a
/// shared one.
const LAST_LEVEL_BYTES: [u64; 4] = [4 << 20, 8 << 20, 16 << 20, 32 << 20];
/// Pages that a core translates without a walk; 0 is without a price for walks. AMD Zen 3 has 2,048
/// entries for data (Software Optimization Guide for AMD Family 19h, section 2.12), and one entry may
/// hold up to four neighbouring pages that lie together in memory.
const TLB_ENTRIES: [u64; 5] = [0, 2_048, 4_096, 8_192, 16_384];

fn grid() -> Vec<Configuration> {
    let mut grid = Vec::new();
    let mut add = |command, keys, value_bytes, skew| {
        grid.push(Configuration {
            command,
            keys,
            value_bytes,
            skew,
        });
    };
    for keys in [1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000] {
        for skew in [0.0, 0.6, 0.9, 1.1, 1.4] {
            // The check set's own point stays out.
            if (keys, skew) != (CHECKED_KEYS, 0.0) {
                add(Command::Get, keys, VALUE_BYTES[0], skew);
            }
        }
    }
    for keys in [1_000, 100_000, 1_000_000] {
        for skew in [0.0, 0.9] {
            add(Command::Set, keys, VALUE_BYTES[0], skew);
        }
    }
    for keys in [1_000, 100_000] {
        for times in [1, 2, 4] {
            add(Command::Exists(times), keys, VALUE_BYTES[0], 0.0);
        }
        for value_bytes in &VALUE_BYTES[1..] {
            add(Command::Get, keys, *value_bytes, 0.0);
            add(Command::Set, keys, *value_bytes, 0.0);
        }
    }
    grid
}

fn check_set() -> Vec<Configuration> {
    CHECKED_SKEWS
        .map(|skew| Configuration {
            command: Command::Get,
            keys: CHECKED_KEYS,
            value_bytes: VALUE_BYTES[0],
            skew,
        })
        .to_vec()
}

/// Nodes that configurations share: those that write keep to their own, because overwritten values
/// move about in memory.
struct Nodes(Vec<((u64, usize, bool), RefCell<Node>)>);

impl Nodes {
    fn key(configuration: &Configuration) -> (u64, usize, bool) {
        let Configuration {
            command,
            keys,
            value_bytes,
            ..
        } = configuration;
        (*keys, *value_bytes, *command == Command::Set)
    }
    fn filled(replays: &[Replay]) -> Self {
        let mut nodes: Vec<((u64, usize, bool), RefCell<Node>)> = Vec::new();
        for replay in replays {
            let key = Self::key(&replay.configuration);
            if !nodes.iter().any(|(known, _)| *known == key) {
                nodes.push((key, RefCell::new(filled_node(key.0, key.1, SEED))));
            }
        }
        Self(nodes)
    }
    fn of(&self, replay: &Replay) -> &RefCell<Node> {
        let key = Self::key(&replay.configuration);
        let node = self.0.iter().find(|(known, _)| *known == key);
        &node.expect("every configuration has got a node").1
    }
    fn resident_bytes_max(&self) -> u64 {
        let bytes = self.0.iter().map(|(_, node)| node.borrow().used_memory());
        bytes.max().unwrap_or(0)
    }
}

/// The caches as the system states them, with the last level and the translations as they may be in
/// effect.
fn candidates() -> Result<Vec<Candidate>, Box<dyn Error>> {
    let mut inner = machine::caches()?;
    let stated = inner.pop().ok_or("the system states no caches")?;
    let mut candidates = Vec::new();
    for bytes in LAST_LEVEL_BYTES {
        for entries in TLB_ENTRIES {
            let last = CacheLevel {
                bytes,
                ..stated.clone()
            };
            candidates.push(Candidate {
                levels: inner.iter().cloned().chain([last]).collect(),
                tlb: (entries > 0).then_some(Tlb {
                    entries,
                    walk_ps: 0,
                }),
            });
        }
    }
    Ok(candidates)
}

fn measure(rounds: u32, replays: &[Replay], nodes: &Nodes) -> Vec<Measured> {
    let contender = |replay| {
        let mut caller = Caller::new(Work::unpriced());
        let node = nodes.of(replay);
        Contender {
            name: "",
            round: Box::new(move |_| replay.time(&mut node.borrow_mut(), &mut caller)),
        }
    };
    alternate(rounds, replays.iter().map(contender).collect())
}

/// The prices that fit best among the candidates, with all their samples.
fn fit(
    measured: &[Measured],
    receipts: &[Vec<Receipt>],
    candidates: &[Candidate],
    given: &Profile,
) -> (Prices, Residual, Vec<Sample>) {
    let fits = candidates.iter().enumerate().map(|(number, candidate)| {
        let sample = |(measured, receipts): (&Measured, &Vec<Receipt>)| Sample {
            receipt: receipts[number].clone(),
            nanos: measured.nanos_best,
        };
        let samples: Vec<Sample> = measured.iter().zip(receipts).map(sample).collect();
        let prices = prices::fit(&samples, given, candidate);
        let residual = prices.residual(&samples);
        let sizes: Vec<String> = candidate
            .levels
            .iter()
            .map(|level| format!("{}", level.bytes >> 10))
            .collect();
        println!(
            "levels of {} KiB, {} pages: residual mean {:.1} %, largest {:.1} %",
            sizes.join(", "),
            candidate.tlb.map_or(0, |tlb| tlb.entries),
            residual.mean_ppm as f64 / 1e4,
            residual.max_ppm as f64 / 1e4
        );
        (prices, residual, samples)
    });
    let best = fits.min_by_key(|(_, residual, _)| residual.mean_ppm);
    best.expect("the sizes that the system states are a candidate")
}

fn print_fit(grid: &[Replay], measured: &[Measured], prices: &Prices, samples: &[Sample]) {
    println!(
        "\n{:<10} {:>9} {:>6} {:>5} {:>10} {:>10} {:>8}  touches found in the levels and beyond, and walks",
        "command", "keys", "value", "s", "ns best", "ns fitted", "ratio"
    );
    for ((replay, measured), sample) in grid.iter().zip(measured).zip(samples) {
        let Configuration {
            command,
            keys,
            value_bytes,
            skew,
        } = &replay.configuration;
        let fitted = prices.predict(&sample.receipt);
        let hits = &sample.receipt.hits;
        let found = hits.apart.iter().zip(&hits.in_sequence);
        let found = found.map(|(apart, next)| apart + next);
        let found: Vec<String> = found
            .chain([hits.walked.iter().sum()])
            .map(|sum| format!("{:.2}", sample.receipt.per_command(sum)))
            .collect();
        println!(
            "{:<10} {keys:>9} {value_bytes:>6} {skew:>5} {:>10.1} {fitted:>10.1} {:>8.3}  {}",
            format!("{command:?}"),
            measured.nanos_best,
            fitted / measured.nanos_best,
            found.join(" ")
        );
    }
    println!("\nprices in ps:");
    for (counter, ps) in &prices.counters {
        println!("  {:<18} {ps:>8}", counter.name());
    }
    for level in &prices.levels {
        println!("  {:<18} {:>8}", level.name, level.hit_ps);
    }
    if let Some(tlb) = &prices.tlb {
        println!("  {:<18} {:>8}", "walk", tlb.walk_ps);
    }
    println!("  {:<18} {:>8}", "dram", prices.dram_ps);
    println!("  {:<18} {:>8}", "next line", prices.next_line_ps);
}

fn priced_caller(profile: &Profile) -> Caller {
    let (pricing, meter) = Pricing::new(profile);
    pricing.add_core();
    Caller::new(Work::new(Box::new(meter)))
}

/// Compares measured and simulated service; says whether all are near enough.
fn check(profile: &Profile, replays: &[Replay], measured: &[Measured], nodes: &Nodes) -> bool {
    println!(
        "\n{:<16} {:>12} {:>12} {:>12} {:>8}",
        "GET, 1 M keys", "ns median", "ns best", "ns simulated", "ratio"
    );
    let mut all_hold = true;
    for (replay, measured) in replays.iter().zip(measured) {
        let (node, mut caller) = (&mut *nodes.of(replay).borrow_mut(), priced_caller(profile));
        replay.run(node, &mut caller, 0..WARM_UP);
        let spent = replay.run(node, &mut caller, WARM_UP..WARM_UP + COUNTED);
        let simulated = spent.as_picos() as f64 / 1e3 / COUNTED as f64;
        let ratio = simulated / measured.nanos_best;
        let holds = (ratio - 1.0).abs() <= TOLERANCE;
        all_hold &= holds;
        println!(
            "s = {:<12} {:>12.1} {:>12.1} {simulated:>12.1} {ratio:>8.3}  {}",
            replay.configuration.skew,
            measured.nanos_median,
            measured.nanos_best,
            if holds { "holds" } else { "MISSED" }
        );
    }
    all_hold
}

/// What pricing costs beside the engine, with and without caches.
fn print_cost_of_pricing(rounds: u32, profile: &Profile, replay: &Replay, nodes: &Nodes) {
    let node = nodes.of(replay);
    let mut without_caches = profile.clone();
    without_caches.memory = MemoryPrices::Free;
    let contender = |name, mut caller: Caller| Contender {
        name,
        round: Box::new(move |_| replay.time(&mut node.borrow_mut(), &mut caller)),
    };
    let measured = alternate(
        rounds,
        vec![
            contender("engine", Caller::new(Work::unpriced())),
            contender("counts priced", priced_caller(&without_caches)),
            contender("caches too", priced_caller(profile)),
        ],
    );
    println!(
        "\nGET, 1 M keys, s = {}: ns median, over the engine",
        replay.configuration.skew
    );
    for contender in &measured {
        println!(
            "  {:<14} {:>8.1} {:>8.1}",
            contender.name,
            contender.nanos_median,
            contender.nanos_median - measured[0].nanos_median
        );
    }
}

fn run(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    let rounds = match arguments.first() {
        Some(text) => text
            .parse()
            .map_err(|_| format!("`{text}` is no number of rounds"))?,
        None => ROUNDS_DEFAULT,
    };
    let (name, date, file) = match arguments.get(1..) {
        None | Some([]) => ("this-machine", "1970-01-01", None),
        Some([name, date, file]) => (name.as_str(), date.as_str(), Some(file)),
        Some(_) => return Err("usage: fit [ROUNDS [NAME DATE FILE]]".into()),
    };
    let embedded = embedded_profiles()
        .iter()
        .find(|(name, _)| *name == TYPICAL_2026);
    let (_, given_text) = embedded.ok_or("the typical profile is part of the program")?;
    let given = Profile::parse(TYPICAL_2026, given_text)?;
    let candidates = candidates()?;
    let (grid, check_set) = (grid(), check_set());
    let fitted_count = grid.len();
    let replays: Vec<Replay> = (0..)
        .zip(grid.into_iter().chain(check_set))
        .map(|(number, configuration)| Replay::new(configuration, number, SEED))
        .collect();
    let nodes = Nodes::filled(&replays);
    let receipts: Vec<Vec<Receipt>> = replays[..fitted_count]
        .iter()
        .map(|replay| receipts(replay, &mut nodes.of(replay).borrow_mut(), &candidates))
        .collect();
    let measured = measure(rounds, &replays, &nodes);
    let (of_grid, of_check) = measured.split_at(fitted_count);
    let (grid, checked) = replays.split_at(fitted_count);
    let (prices, residual, samples) = fit(of_grid, &receipts, &candidates, &given);
    print_fit(grid, of_grid, &prices, &samples);
    let copied = samples
        .iter()
        .map(|sample| sample.receipt.of(Counter::BytesCopied));
    let machine = machine::processor()?;
    let method = format!(
        "GET, SET and EXISTS of {KEY_BYTES}-byte keys on 1,000 to 1,000,000 keys at Zipf 0 to 1.4, \
         CPU time, best of {rounds} alternating rounds, of each its fastest tenth"
    );
    let text = render(
        &Fitted {
            name,
            machine: &machine,
            date,
            method: &method,
            prices: &prices,
            residual,
            resident_bytes: nodes.resident_bytes_max(),
            bytes_copied: copied.fold(0.0, f64::max) as u64,
        },
        &given,
        given_text,
    );
    let profile = Profile::parse(name, &text)?;
    if let Some(file) = file {
        std::fs::write(file, &text)?;
    }
    let all_hold = check(&profile, checked, of_check, &nodes);
    print_cost_of_pricing(rounds, &profile, &checked[1], &nodes);
    Ok(all_hold)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fit: {error}");
            ExitCode::FAILURE
        }
    }
}
