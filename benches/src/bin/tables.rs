//! Growth of the tables beside their peers: pauses, rate, memory, and where events fall.
//!
//! Sets of integers and of 20-byte strings grow from nothing to 16 M keys. Three passes:
//!
//! - *pauses*: thread CPU time is read after each insertion; the longest of a run counts;
//! - *rate*: no clock is read on the way;
//! - *memory*: the resident set of a fresh process, from 8 M to 16 M keys, less that of the keys
//!   alone.
//!
//! Contenders take turns within each run, so that what neighbours do to a shared machine hits all
//! of them; medians over the runs count. std, griddle and kvrig take part in all runs, the tables
//! of the other products in some. griddle and std hash with the same SipHash-1-3. Memcached's timer
//! and thread are called between insertions: timed as a pause of their own, and part of the rate.
//!
//! It fails where the project's own table misses one of its promises.
//!
//! Usage: `cargo run --release -p kvrig-benches --bin tables [-- [--runs N] [--other-runs N]
//! [--entries N] [--keys u64|strings] [--only CONTENDER]...]`

use kvrig_base::seam::Work;
use kvrig_benches::cpu_time::thread_cpu_time;
use kvrig_benches::growth::contenders::TableSet;
use kvrig_benches::growth::keys::{Integers, Strings};
use kvrig_benches::growth::memory::{Measurement, Memory, resident_bytes};
use kvrig_benches::growth::pauses::{Observed, Pauses};
use kvrig_benches::growth::rate::Rate;
use kvrig_benches::growth::{Contender, KeyKind, Pass};
use kvrig_sim::cost::{Pricing, Profile, TYPICAL_2026};
use kvrig_tables::{TableEvent, TableEventKind, TableKind};
use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

const ENTRIES_DEFAULT: u64 = 16_000_000;
const RUNS_DEFAULT: usize = 5;
const OTHER_RUNS_DEFAULT: usize = 1;
const MEMORY_MEASUREMENTS: u64 = 64;
/// The contender whose promises are held.
const OWN: Contender = Contender::Table(TableKind::Kvrig);
/// Longest insertion of the project's own table.
const PAUSE_MAX: Duration = Duration::from_millis(5);
/// Bytes an entry that it may take beyond the keys.
const OVERHEAD_BYTES_MAX: f64 = 28.0;
/// The option that this program gives to its own child.
const MEMORY_OF_ONE: &str = "--memory-of";

type Failure = Box<dyn Error>;

struct Options {
    runs: usize,
    other_runs: usize,
    entries: u64,
    keys: Vec<KeyKind>,
    contenders: Vec<Contender>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            runs: RUNS_DEFAULT,
            other_runs: OTHER_RUNS_DEFAULT,
            entries: ENTRIES_DEFAULT,
            keys: KeyKind::ALL.to_vec(),
            contenders: Vec::new(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--runs" => options.runs = value.parse()?,
                "--other-runs" => options.other_runs = value.parse()?,
                "--entries" => options.entries = value.parse()?,
                "--keys" => options.keys = vec![value.parse()?],
                "--only" => options.contenders.push(value.parse()?),
                _ => return Err(format!("there is no option {name}").into()),
            }
        }
        if options.runs == 0 || options.entries < MEMORY_MEASUREMENTS * 2 {
            return Err("there must be a run, and entries to insert in it".into());
        }
        if options.contenders.is_empty() {
            options.contenders = vec![Contender::Std, Contender::Griddle, OWN];
            let others = TableKind::ALL
                .iter()
                .filter(|&&kind| kind != TableKind::Kvrig);
            options
                .contenders
                .extend(others.copied().map(Contender::Table));
        }
        Ok(options)
    }
    fn runs_of(&self, contender: Contender) -> usize {
        match contender {
            Contender::Table(kind) if kind != TableKind::Kvrig => self.other_runs,
            _ => self.runs,
        }
    }
}

/// All that was found of one contender.
struct Results {
    contender: Contender,
    pauses: Vec<Observed>,
    nanos_each: Vec<f64>,
    /// Bytes beyond the keys, over the second half of the growth and at its end.
    overhead: Overhead,
}

#[derive(Clone, Copy, Debug)]
struct Overhead {
    mean: f64,
    at_end: f64,
}

fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("no measurement is NaN"));
    values.get(values.len() / 2).copied()
}

impl Results {
    fn longest(&self) -> Option<Duration> {
        median(self.pauses.iter().map(|run| run.longest))
    }
    fn millions_per_second(&self) -> Option<f64> {
        Some(1e3 / median(self.nanos_each.iter().copied())?)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let passed = match arguments.first().map(String::as_str) {
        Some(MEMORY_OF_ONE) => memory_of_one(&arguments[1..]).map(|()| true),
        _ => match Options::parse(arguments.into_iter()) {
            Ok(options) => compare(&options),
            Err(error) => {
                eprintln!("{error}; the usage is at the top of the source");
                return ExitCode::from(2);
            }
        },
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn grow<P, Found>(contender: Contender, keys: KeyKind, pass: P) -> Found
where
    P: Pass<Integers, Found = Found> + Pass<Strings, Found = Found>,
{
    match keys {
        KeyKind::Integers => contender.grow_integers(pass),
        KeyKind::Strings => contender.grow_strings(pass),
    }
}

fn compare(options: &Options) -> Result<bool, Failure> {
    println!(
        "{} keys, {} runs ({} of the other products' tables); one reading of the clock takes {}",
        options.entries,
        options.runs,
        options.other_runs,
        nanos(clock_cost()),
    );
    let mut passed = true;
    for &keys in &options.keys {
        let results = measure(options, keys)?;
        print_results(keys, &results);
        print_runs(&results);
        if keys == KeyKind::Integers {
            print_events(&results, options.entries);
        }
        passed &= check(keys, &results);
    }
    if options.contenders.contains(&OWN) && options.keys.contains(&KeyKind::Integers) {
        passed &= check_events(options.entries)?;
    }
    println!(
        "{}",
        if passed {
            "all promises are kept"
        } else {
            "a promise is MISSED"
        }
    );
    Ok(passed)
}

fn measure(options: &Options, keys: KeyKind) -> Result<Vec<Results>, Failure> {
    let entries = options.entries;
    let alone = memory(Contender::Keys, keys, entries)?;
    let mut results = Vec::new();
    for &contender in &options.contenders {
        let of_set = memory(contender, keys, entries)?;
        results.push(Results {
            contender,
            pauses: Vec::new(),
            nanos_each: Vec::new(),
            overhead: overhead(&of_set, &alone),
        });
    }
    for run in 0..options.runs {
        for result in &mut results {
            let contender = result.contender;
            if run >= options.runs_of(contender) {
                continue;
            }
            result
                .pauses
                .push(grow(contender, keys, Pauses { entries }));
            let round = grow(contender, keys, Rate { entries });
            result
                .nanos_each
                .push(round.time.as_secs_f64() * 1e9 / round.units as f64);
        }
        eprintln!(
            "{keys}: run {} of {} done, {} MiB resident between sets",
            run + 1,
            options.runs,
            resident_bytes()? >> 20,
        );
    }
    Ok(results)
}

/// What a reading of the clock takes.
fn clock_cost() -> Duration {
    const READINGS: u32 = 100_000;
    let start = thread_cpu_time();
    let end = (0..READINGS).fold(start, |_, _| thread_cpu_time());
    (end - start) / READINGS
}

/// The memory of one contender, measured in a process of its own.
fn memory(contender: Contender, keys: KeyKind, entries: u64) -> Result<Vec<Measurement>, Failure> {
    let child = Command::new(std::env::current_exe()?)
        .args([
            MEMORY_OF_ONE,
            contender.name(),
            keys.name(),
            &entries.to_string(),
        ])
        .output()?;
    if !child.status.success() {
        return Err(format!("{contender}: {}", String::from_utf8_lossy(&child.stderr)).into());
    }
    let mut measured = Vec::new();
    for line in String::from_utf8(child.stdout)?.lines() {
        let (entries, bytes_each) = line.split_once(' ').ok_or("a line without two numbers")?;
        measured.push(Measurement {
            entries: entries.parse()?,
            bytes_each: bytes_each.parse()?,
        });
    }
    Ok(measured)
}

/// What the child does: prints a line for each size.
fn memory_of_one(arguments: &[String]) -> Result<(), Failure> {
    let [contender, keys, entries] = arguments else {
        return Err("a contender, its keys and their number".into());
    };
    let pass = Memory {
        entries: entries.parse()?,
        measurements: MEMORY_MEASUREMENTS,
    };
    for one in grow(contender.parse()?, keys.parse()?, pass)? {
        println!("{} {}", one.entries, one.bytes_each);
    }
    Ok(())
}

fn overhead(of_set: &[Measurement], of_keys: &[Measurement]) -> Overhead {
    let beyond: Vec<f64> = of_set
        .iter()
        .zip(of_keys)
        .map(|(set, keys)| set.bytes_each - keys.bytes_each)
        .collect();
    Overhead {
        mean: beyond.iter().sum::<f64>() / beyond.len() as f64,
        at_end: beyond.last().copied().unwrap_or(f64::NAN),
    }
}

fn nanos(time: Duration) -> String {
    match time.as_nanos() {
        nanos @ 0..10_000 => format!("{nanos} ns"),
        nanos @ 10_000..10_000_000 => format!("{:.1} us", nanos as f64 / 1e3),
        nanos => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}

fn print_results(keys: KeyKind, results: &[Results]) {
    println!(
        "\n{:<8} {:<14} {:>12} {:>12} {:>12} {:>12} {:>10} {:>10} {:>10} {:>10}",
        "keys",
        "set",
        "longest",
        "at key",
        "p99.99",
        "timer",
        "ns/insert",
        "M/CPU-s",
        "B beyond",
        "at end"
    );
    for result in results {
        let Some(longest) = result.longest() else {
            continue;
        };
        let run = result.pauses.iter().find(|run| run.longest == longest);
        let tending = median(result.pauses.iter().filter_map(|run| run.longest_tending));
        let p9999 = median(result.pauses.iter().map(|run| run.p9999));
        let speed = result.millions_per_second().unwrap_or(f64::NAN);
        println!(
            "{:<8} {:<14} {:>12} {:>12} {:>12} {:>12} {:>10.1} {:>10.2} {:>10.2} {:>10.2}",
            keys.name(),
            result.contender.name(),
            nanos(longest),
            run.map_or(0, |run| run.longest_at),
            p9999.map_or_else(String::new, nanos),
            tending.map_or_else(|| "-".to_owned(), nanos),
            1e3 / speed,
            speed,
            result.overhead.mean,
            result.overhead.at_end,
        );
    }
}

/// Every run, so that a reader sees how far they spread.
fn print_runs(results: &[Results]) {
    for result in results {
        let longest = result.pauses.iter().map(|run| nanos(run.longest));
        let longest: Vec<String> = longest.collect();
        let speeds = result
            .nanos_each
            .iter()
            .map(|nanos| format!("{:.2}", 1e3 / nanos));
        let speeds: Vec<String> = speeds.collect();
        println!(
            "  {:<14} longest of each run: {}; M/CPU-s: {}",
            result.contender.name(),
            longest.join(", "),
            speeds.join(", ")
        );
    }
}

/// The events of the second half of the growth.
fn print_events(results: &[Results], entries: u64) {
    println!("\nevents of the last doublings, by the number of keys inserted:");
    for result in results {
        let Some(run) = result.pauses.last() else {
            continue;
        };
        for (at, event) in run.events.iter().filter(|(at, _)| *at > entries / 4) {
            println!(
                "  {:<14} {at:>12}  {}",
                result.contender.name(),
                told(event)
            );
        }
    }
}

fn told(event: &TableEvent) -> String {
    match event.kind {
        TableEventKind::Started { from, to } => format!("start, {from} to {to} buckets"),
        TableEventKind::Ended { from, to, moved } => {
            format!("end, {from} to {to} buckets, {moved} entries moved")
        }
        TableEventKind::Freed { buckets, pages } => {
            format!("freed, {buckets} buckets, {pages} pages")
        }
        TableEventKind::AllocationRefused { buckets } => format!("refused, {buckets} buckets"),
    }
}

fn verdict(what: &str, holds: bool) -> bool {
    println!("{} {what}", if holds { "PASS  " } else { "MISSED" });
    holds
}

fn check(keys: KeyKind, results: &[Results]) -> bool {
    let of = |contender| results.iter().find(|result| result.contender == contender);
    let (Some(own), Some(std)) = (of(OWN), of(Contender::Std)) else {
        return true;
    };
    let longest = own.longest().unwrap_or(Duration::MAX);
    let speed = |results: &Results| results.millions_per_second().unwrap_or(f64::NAN);
    let (ours, theirs) = (speed(own), speed(std));
    println!();
    [
        verdict(
            &format!(
                "{keys}: longest insertion {}, at most {}",
                nanos(longest),
                nanos(PAUSE_MAX)
            ),
            longest <= PAUSE_MAX,
        ),
        verdict(
            &format!("{keys}: {ours:.2} M/CPU-s, at least the {theirs:.2} of std"),
            ours >= theirs,
        ),
        verdict(
            &format!(
                "{keys}: {:.2} bytes an entry beyond the key over the second half, {:.2} at the \
                 end, at most {OVERHEAD_BYTES_MAX}",
                own.overhead.mean, own.overhead.at_end
            ),
            own.overhead.mean <= OVERHEAD_BYTES_MAX && own.overhead.at_end <= OVERHEAD_BYTES_MAX,
        ),
    ]
    .iter()
    .all(|&holds| holds)
}

/// Events fall at the same insertions whether work is priced, as in a simulation, or not.
fn check_events(entries: u64) -> Result<bool, Failure> {
    let profile = Profile::embedded(TYPICAL_2026)?;
    let (pricing, meter) = Pricing::new(&profile);
    pricing.add_core();
    let simulated = TableSet::new(TableKind::Kvrig, Work::new(Box::new(meter)));
    let pass = Pauses { entries };
    let simulated = Pass::<Integers>::run(pass, simulated);
    let measured = OWN.grow_integers(pass);
    Ok(verdict(
        &format!(
            "{} events of {OWN} come at the same insertions, priced and unpriced",
            measured.events.len()
        ),
        !measured.events.is_empty() && measured.events == simulated.events,
    ))
}
