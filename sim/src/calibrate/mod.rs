//! `kvrig calibrate`: prices of one machine, from what a live host has measured there.
//!
//! What is measured is laid down here, because receipts say what was done: [`replays`] carries out
//! commands on Redis nodes, [`chase`] orders the lines of rings, [`receipt`] counts both. A live host
//! times them and the [`machine`]'s parts; [`calibrate`] fits [`prices`] by non-negative least squares
//! ([`nnls`]), and [`profile_text`] writes them down with their sources.

pub mod chase;
pub mod machine;
pub mod nnls;
pub mod prices;
pub mod profile_text;
pub mod receipt;
pub mod replays;
pub mod report;

use crate::cost::{CacheLevel, MemoryPrices, Profile, Tlb};
use chase::{Ring, Spacing};
use kvrig_base::calibration::{MachineRuns, Spread, StatedCache, Timing, Unmeasured};
use kvrig_base::random::Seed;
use kvrig_base::seam::{COUNTERS, Counter, Touch, Work};
use machine::Figure;
use prices::{Given, Prices, Residual, Sample};
use receipt::{Candidate, Receipt, chase_receipts, receipts};
use replays::{Caller, Command, Configuration, Length, Nodes, Replay};

const SEED: Seed = Seed(1);
/// Exponents of the replays that are left out of the fit and predicted.
const CHECKED_SKEWS: [f64; 3] = [0.0, 0.99, 1.2];
/// Bytes of values; those of the replays left out are the smallest.
const VALUE_BYTES: [usize; 3] = [32, 256, 1_024];
/// Lists, hashes and sorted sets of a node.
const COLLECTIONS: u64 = 100;
/// The last level as it may be in effect beside what the system states: neighbours take some of a
/// shared one.
const LAST_LEVEL_BYTES: [u64; 4] = [4 << 20, 8 << 20, 16 << 20, 32 << 20];
/// Pages that a core translates without a walk; 0 is without a price for walks. AMD Zen 3 has 2,048
/// entries for data (Software Optimization Guide for AMD Family 19h, section 2.12), and one entry may
/// hold up to four neighbouring pages that lie together in memory.
const TLB_ENTRIES: [u64; 5] = [0, 2_048, 4_096, 8_192, 16_384];
/// A chase counts less in the fit than a command: its reads wait for one another, as few of a command
/// do, but no command tells the levels apart as clearly.
const CHASE_WEIGHT: f64 = 0.3;

/// What is measured of the engine and of memory.
#[derive(Clone, Debug)]
pub struct Plan {
    length: Length,
    fitted: Vec<Configuration>,
    checked: Vec<Configuration>,
    is_quick: bool,
    /// The rings that are chased.
    pub rings: Vec<Ring>,
    /// Reads of each that are timed.
    pub chase_steps: u32,
}

impl Plan {
    /// The whole grid, or with `is_quick` a part of it, on nodes of at most `keys_max` keys.
    pub fn new(is_quick: bool, keys_max: u64) -> Self {
        let length = match is_quick {
            false => Length {
                warm_up: 250_000,
                counted: 100_000,
            },
            true => Length {
                warm_up: 50_000,
                counted: 20_000,
            },
        };
        let steps: &[u64] = match is_quick {
            false => &[1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
            true => &[1_000, 10_000, 100_000],
        };
        let mut sizes: Vec<u64> = steps.to_vec();
        sizes.retain(|keys| *keys <= keys_max);
        if sizes.is_empty() {
            sizes.push(keys_max.max(1));
        }
        let largest = sizes[sizes.len() - 1];
        Self {
            length,
            fitted: grid(&sizes, is_quick),
            checked: CHECKED_SKEWS
                .map(|skew| strings(Command::Get, largest, VALUE_BYTES[0], skew))
                .to_vec(),
            is_quick,
            rings: rings(is_quick),
            chase_steps: if is_quick { 100_000 } else { 400_000 },
        }
    }
    /// The lines of a ring in the order in which they are read.
    pub fn order(ring: &Ring) -> Vec<u32> {
        ring.order(SEED)
    }
}

const fn strings(command: Command, keys: u64, value_bytes: usize, skew: f64) -> Configuration {
    Configuration {
        command,
        keys,
        value_bytes,
        skew,
    }
}

fn grid(sizes: &[u64], is_quick: bool) -> Vec<Configuration> {
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    let middle = sizes[sizes.len() / 2];
    let mut ends = vec![first, middle, last];
    ends.dedup();
    let skews: &[f64] = match is_quick {
        false => &[0.0, 0.6, 0.9, 1.1, 1.4],
        true => &[0.0, 0.9, 1.4],
    };
    let mut grid = Vec::new();
    for &keys in sizes {
        for &skew in skews {
            // What is left out to be predicted stays out.
            if (keys, skew) != (last, CHECKED_SKEWS[0]) {
                grid.push(strings(Command::Get, keys, VALUE_BYTES[0], skew));
            }
        }
    }
    for &keys in &ends {
        for skew in [0.0, 0.9] {
            grid.push(strings(Command::Set, keys, VALUE_BYTES[0], skew));
        }
    }
    for &keys in &ends[..ends.len().min(2)] {
        for times in [1, 2, 4] {
            grid.push(strings(Command::Exists(times), keys, VALUE_BYTES[0], 0.0));
        }
        for value_bytes in &VALUE_BYTES[1..] {
            grid.push(strings(Command::Get, keys, *value_bytes, 0.0));
            grid.push(strings(Command::Set, keys, *value_bytes, 0.0));
        }
    }
    for command in [
        Command::ListRange(10),
        Command::ListRange(100),
        Command::HashGetAll,
        Command::SortedSetAdd,
    ] {
        grid.push(strings(command, COLLECTIONS.min(last), 0, 0.0));
    }
    grid
}

fn rings(is_quick: bool) -> Vec<Ring> {
    const KIB: u32 = 1 << 10;
    const MIB: u32 = 1 << 20;
    let packed: &[u32] = match is_quick {
        false => &[
            16 * KIB,
            256 * KIB,
            512 * KIB,
            2 * MIB,
            8 * MIB,
            32 * MIB,
            128 * MIB,
        ],
        true => &[16 * KIB, 256 * KIB, 4 * MIB, 64 * MIB],
    };
    let pages: &[u32] = match is_quick {
        false => &[256, 1_024, 4_096, 16_384, 65_536],
        true => &[256, 4_096],
    };
    let of_pages = |&lines: &u32| Ring {
        spacing: Spacing::OneAPage,
        lines,
    };
    let of_bytes = |&bytes: &u32| Ring::of_bytes(Spacing::Packed, bytes);
    let sequence = Ring::of_bytes(Spacing::InSequence, 64 * MIB);
    let rings = packed
        .iter()
        .map(of_bytes)
        .chain(pages.iter().map(of_pages));
    rings.chain([sequence]).collect()
}

/// Nodes with the replays that are carried out on them.
#[derive(Debug)]
pub struct Subjects {
    replays: Vec<Replay>,
    node_of: Vec<usize>,
    nodes: Nodes,
    caller: Caller,
    /// So many of the replays are fitted; the others are predicted.
    fitted: usize,
}

impl Subjects {
    /// Draws the replays of a plan and fills their nodes.
    pub fn new(plan: &Plan) -> Self {
        let all = plan.fitted.iter().chain(&plan.checked).cloned();
        let replays: Vec<Replay> = (0..)
            .zip(all)
            .map(|(number, configuration)| Replay::new(configuration, plan.length, number, SEED))
            .collect();
        let mut nodes = Nodes::default();
        let node_of = replays
            .iter()
            .map(|replay| nodes.of(&replay.configuration, SEED))
            .collect();
        Self {
            replays,
            node_of,
            nodes,
            caller: Caller::new(Work::unpriced()),
            fitted: plan.fitted.len(),
        }
    }
    /// Number of replays.
    pub fn len(&self) -> usize {
        self.replays.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.replays.is_empty()
    }
    /// Carries out the commands of a replay that bring the caches to where they stay.
    pub fn warm_up(&mut self, replay: usize) {
        let range = self.replays[replay].warm_up();
        self.run(replay, range);
    }
    /// Commands in a slice of a replay.
    pub fn slice_commands(&self, replay: usize) -> u32 {
        u32::try_from(self.replays[replay].slice(0).len()).unwrap_or(u32::MAX)
    }
    /// Carries out one slice of a replay, of [`replays::SLICES`].
    pub fn slice(&mut self, replay: usize, slice: usize) {
        let range = self.replays[replay].slice(slice);
        self.run(replay, range);
    }
    fn run(&mut self, replay: usize, range: std::ops::Range<usize>) {
        let node = self.nodes.get(self.node_of[replay]);
        self.replays[replay].run(node, &mut self.caller, range);
    }
    fn receipts(&mut self, candidates: &[Candidate]) -> Vec<Vec<Receipt>> {
        let mut all = Vec::new();
        for (replay, node) in self.replays.iter().zip(&self.node_of) {
            all.push(receipts(replay, self.nodes.get(*node), candidates));
        }
        all
    }
}

/// All that a live host has measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The parts of the machine.
    pub machine: MachineRuns,
    /// The caches that the system states; none where it states none.
    pub caches: Vec<StatedCache>,
    /// Of each replay, the time of one command in each run.
    pub replays: Vec<Vec<Timing>>,
    /// Of each ring, the time of one read in each run.
    pub chases: Vec<Vec<Timing>>,
}

/// What a line of the fit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A command that prices were fitted to.
    Fitted,
    /// A chase that prices were fitted to.
    Chased,
    /// A command that has no part in the fit, so that predicting it is a test of the fit.
    LeftOut,
}

/// One measured point beside what the fitted prices say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// What it is in the fit.
    pub role: Role,
    /// CPU time of one command or read over the runs, in nanoseconds.
    pub cpu_ns: Spread,
    /// Elapsed time, the same.
    pub elapsed_ns: Spread,
    /// By the fitted prices, in nanoseconds.
    pub fitted_ns: f64,
}

impl Line {
    /// How many times what was measured the fitted prices say.
    pub fn ratio(&self) -> f64 {
        self.fitted_ns / self.cpu_ns.median
    }
}

/// A fitted price by its key in the profile.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPrice {
    /// Its key; levels of cache are called by their name, `cache.L2.hit_ps`.
    pub key: String,
    /// The price, fitted to the medians of all runs, in picoseconds.
    pub ps: u64,
    /// What each run by itself gives.
    pub runs: Spread,
}

/// What a calibration has found.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// Measured parts of the machine.
    pub figures: Vec<Figure>,
    /// What could not be measured.
    pub unmeasured: Vec<Unmeasured>,
    /// Prices of the engine's work and of memory.
    pub prices: Prices,
    /// The same with what single runs give.
    pub fitted: Vec<FittedPrice>,
    /// All points.
    pub lines: Vec<Line>,
    /// How far the prices are from the commands that they were fitted to.
    pub residual: Residual,
    /// How far they are from the chases.
    pub residual_of_chases: Residual,
    /// How far they are from the commands that were left out.
    pub residual_left_out: Residual,
    /// The most memory that a measured node used, in bytes.
    pub resident_bytes: u64,
    /// The most bytes that a measured command copied.
    pub bytes_copied: u64,
    /// Runs.
    pub runs: usize,
    /// How the commands were replayed, a clause.
    pub method: String,
}

/// The caches as the system states them, with the last level and the translations as they may be in
/// effect; where it states none, those of the given profile.
fn candidates(caches: &[StatedCache], given: &Profile, is_quick: bool) -> Vec<Candidate> {
    let stated = caches.iter().filter_map(level_of);
    let mut inner: Vec<CacheLevel> = stated.collect();
    if let (true, MemoryPrices::Cache { levels, .. }) = (inner.is_empty(), &given.memory) {
        inner.clone_from(levels);
    }
    let Some(stated) = inner.pop() else {
        return vec![Candidate {
            levels: Vec::new(),
            tlb: None,
        }];
    };
    let below = inner.last().map_or(0, |level| level.bytes);
    let mut sizes: Vec<u64> = LAST_LEVEL_BYTES
        .into_iter()
        .filter(|bytes| stated.shared && *bytes < stated.bytes && *bytes > below)
        .chain([stated.bytes])
        .collect();
    let entries: &[u64] = match is_quick {
        false => &TLB_ENTRIES,
        true => {
            sizes.drain(..sizes.len().saturating_sub(2));
            &[0, 2_048, 16_384]
        }
    };
    let mut candidates = Vec::new();
    for bytes in sizes {
        for &entries in entries {
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
    candidates
}

/// A cache in the form of the model: four ways, and the largest power of two of bytes that it has.
fn level_of(cache: &StatedCache) -> Option<CacheLevel> {
    const WAYS: u32 = 4;
    let exponent = cache.bytes.checked_ilog2()?;
    (cache.bytes >= 2 * u64::from(WAYS) * Touch::LINE_BYTES).then(|| CacheLevel {
        name: format!("L{}", cache.level),
        bytes: 1 << exponent,
        ways: WAYS,
        shared: cache.is_shared,
        hit_ps: 0,
    })
}

/// A point with its receipts, one for each candidate.
struct Point {
    name: String,
    role: Role,
    receipts: Vec<Receipt>,
    timings: Vec<Timing>,
}

impl Point {
    fn spread(&self, value: fn(&Timing) -> f64) -> Option<Spread> {
        let values: Vec<f64> = self.timings.iter().map(value).collect();
        Spread::of(&values)
    }
    /// The sample of one run, or of the medians.
    fn sample(&self, candidate: usize, run: Option<usize>) -> Option<Sample> {
        let nanos = match run {
            Some(run) => self.timings.get(run)?.cpu_ns,
            None => self.spread(|timing| timing.cpu_ns)?.median,
        };
        (nanos > 0.0).then(|| Sample {
            receipt: self.receipts[candidate].clone(),
            nanos,
            weight: match self.role {
                Role::Chased => CHASE_WEIGHT,
                Role::Fitted | Role::LeftOut => 1.0,
            },
        })
    }
}

fn samples(
    points: &[Point],
    candidate: usize,
    run: Option<usize>,
    has: impl Fn(Role) -> bool,
) -> Vec<Sample> {
    let points = points.iter().filter(|point| has(point.role));
    points
        .filter_map(|point| point.sample(candidate, run))
        .collect()
}

/// Fits prices to what was measured; what was not has the prices of `given`.
///
/// # Panics
/// If replays or chases have other numbers than the plan has, or no run.
pub fn calibrate(
    plan: &Plan,
    subjects: &mut Subjects,
    measured: &Measured,
    given: &Profile,
) -> Calibration {
    assert_eq!(
        measured.replays.len(),
        subjects.len(),
        "each replay is timed"
    );
    assert_eq!(
        measured.chases.len(),
        plan.rings.len(),
        "each ring is chased"
    );
    let figures = machine::figures(&measured.machine);
    let candidates = candidates(&measured.caches, given, plan.is_quick);
    let points = points(plan, subjects, measured, &candidates);
    // The smallest ring lies in the first level.
    let first = points.iter().find(|point| point.role == Role::Chased);
    let first = first.and_then(|point| point.spread(|timing| timing.cpu_ns * 1e3));
    let mut known = Given {
        counters: given.prices_ps,
        first_ps: first.map_or(0, |spread| spread.median.round() as u64),
    };
    for (price, counter) in known.counters.iter_mut().zip(COUNTERS) {
        let key = format!("price_ps.{}", counter.name());
        if let Some(figure) = figures.iter().find(|figure| figure.key == Some(&key)) {
            *price = figure.rounded();
        }
    }
    let is_fitted = |role| role != Role::LeftOut;
    let fits = candidates.iter().enumerate().map(|(number, candidate)| {
        let samples = samples(&points, number, None, is_fitted);
        let prices = prices::fit(&samples, &known, candidate);
        (prices.residual(&samples), number, prices)
    });
    let (_, best, prices) = fits
        .min_by_key(|(residual, ..)| residual.mean_ppm)
        .expect("there is a candidate");
    let runs = points.iter().map(|point| point.timings.len()).min();
    let runs = runs.unwrap_or(0);
    let by_run: Vec<Prices> = (0..runs)
        .map(|run| {
            let samples = samples(&points, best, Some(run), is_fitted);
            prices::fit(&samples, &known, &candidates[best])
        })
        .collect();
    let residual = |role| prices.residual(&samples(&points, best, None, |of| of == role));
    let copied = points.iter().map(|point| {
        let receipt = &point.receipts[best];
        receipt.of(Counter::BytesCopied)
    });
    Calibration {
        fitted: fitted_prices(&prices, &by_run, first),
        residual: residual(Role::Fitted),
        residual_of_chases: residual(Role::Chased),
        residual_left_out: residual(Role::LeftOut),
        resident_bytes: subjects.nodes.used_bytes_max(),
        bytes_copied: copied.fold(0.0, f64::max) as u64,
        lines: lines(&points, best, &prices),
        figures,
        unmeasured: measured.machine.unmeasured.clone(),
        runs,
        method: method(plan, runs),
        prices,
    }
}

fn points(
    plan: &Plan,
    subjects: &mut Subjects,
    measured: &Measured,
    candidates: &[Candidate],
) -> Vec<Point> {
    let receipts = subjects.receipts(candidates);
    let commands = subjects.replays.iter().zip(receipts).zip(&measured.replays);
    let commands = commands
        .enumerate()
        .map(|(number, ((replay, receipts), timings))| {
            let Configuration {
                command,
                keys,
                value_bytes,
                skew,
            } = &replay.configuration;
            let value = match value_bytes {
                0 => String::new(),
                bytes => format!(", {bytes} B, s = {skew}"),
            };
            Point {
                name: format!("{}, {keys} keys{value}", command.name()),
                role: match number < subjects.fitted {
                    true => Role::Fitted,
                    false => Role::LeftOut,
                },
                receipts,
                timings: timings.clone(),
            }
        });
    let mut points: Vec<Point> = commands.collect();
    points.extend(
        plan.rings
            .iter()
            .zip(&measured.chases)
            .map(|(ring, timings)| Point {
                name: ring.name(),
                role: Role::Chased,
                receipts: chase_receipts(&Plan::order(ring), plan.chase_steps, candidates),
                timings: timings.clone(),
            }),
    );
    points
}

fn lines(points: &[Point], candidate: usize, prices: &Prices) -> Vec<Line> {
    let line = |point: &Point| {
        Some(Line {
            name: point.name.clone(),
            role: point.role,
            cpu_ns: point.spread(|timing| timing.cpu_ns)?,
            elapsed_ns: point.spread(|timing| timing.elapsed_ns)?,
            fitted_ns: prices.predict(&point.receipts[candidate]),
        })
    };
    points.iter().filter_map(line).collect()
}

/// The fitted prices by name, each with what single runs give.
fn fitted_prices(prices: &Prices, by_run: &[Prices], first: Option<Spread>) -> Vec<FittedPrice> {
    let mut fitted = Vec::new();
    let mut add = |key: String, of: &dyn Fn(&Prices) -> u64| {
        let runs: Vec<f64> = by_run.iter().map(|prices| of(prices) as f64).collect();
        if let Some(runs) = Spread::of(&runs) {
            let ps = of(prices);
            fitted.push(FittedPrice { key, ps, runs });
        }
    };
    for &counter in COUNTERS {
        if prices::is_fitted(counter) {
            let key = format!("price_ps.{}", counter.name());
            add(key, &|prices| prices.counters[counter as usize]);
        }
    }
    for (number, level) in prices.levels.iter().enumerate() {
        let key = format!("cache.{}.hit_ps", level.name);
        add(key, &|prices| prices.levels[number].hit_ps);
    }
    if prices.tlb.is_some() {
        add("tlb.walk_ps".to_owned(), &|prices| {
            prices.tlb.map_or(0, |tlb| tlb.walk_ps)
        });
    }
    add("memory.dram_ps".to_owned(), &|prices| prices.dram_ps);
    add("memory.next_line_ps".to_owned(), &|prices| {
        prices.next_line_ps
    });
    let first_level = prices.levels.first();
    let first_level = first_level.map(|level| format!("cache.{}.hit_ps", level.name));
    if let (Some(key), Some(first)) = (first_level, first)
        && let Some(price) = fitted.iter_mut().find(|price| price.key == key)
    {
        price.runs = first;
    }
    fitted
}

fn method(plan: &Plan, runs: usize) -> String {
    let keys = plan.fitted.iter().map(|configuration| configuration.keys);
    let (least, most) = (keys.clone().min(), keys.max());
    format!(
        "GET, SET, EXISTS, LRANGE, HGETALL and ZADD on {} to {} keys, and chases of {}; CPU time, \
         medians of {runs} alternating runs, of each its fastest tenth",
        least.unwrap_or(0),
        most.unwrap_or(0),
        match (
            plan.rings.first(),
            plan.rings.iter().max_by_key(|ring| ring.span_bytes())
        ) {
            (Some(first), Some(largest)) => format!("{} to {}", first.name(), largest.name()),
            _ => "none".to_owned(),
        }
    )
}
