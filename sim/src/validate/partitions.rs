//! Published experiments on partitions, throttling and scaling of DynamoDB, carried out on the
//! admission host; where replicas matter, on the roles.
//!
//! Each has a shape that is expected; most sources are charts of one author, so that the shape counts
//! and not the digit. The delay of splits is the model's freest parameter: where it matters the
//! experiment is run with about 3, 8 and 15 minutes.

use crate::dynamo::{
    AutoScaling, Capacity, Cooled, Delay, Demand, Even, Generation, Host, Merged, Places, Recorded,
    Request, Retrying, Scene, Sorting, Spread, TableRules, spread_places, whole_places,
};
use kvrig_base::diagnostic::Diagnostic;
use kvrig_base::quantity::Rate;
use kvrig_base::random::Seed;
use kvrig_base::result::Table;
use kvrig_base::time::{Span, Time};
use kvrig_dynamo::capacity::ReadConsistency::{self, Eventual, Strong};
use kvrig_dynamo::partition::{initial_partitions, static_partitions};
use kvrig_dynamo::scaling::TargetTracking;
use kvrig_workloads::arrivals::Phase;
use kvrig_workloads::{Arrivals, Pacing, RateProfile};
use rayon::prelude::*;
use std::collections::BTreeSet;

const DOC: &str = "AWS Developer Guide, Burst and adaptive capacity";
const KNOWLEDGE: &str = "AWS re:Post knowledge center";
const PAPER: &str = "Elhemali et al., USENIX ATC 2022";
const BLOG: &str = "AWS Database Blog, Scaling DynamoDB";
const UUIDS: &str = "theburningmonk, 2019";
const LOAD_TEST: &str = "andrestone/dynamodb-load-test, 2020";

/// What came of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// In words, with numbers.
    pub result: String,
    /// Whether it has the expected shape.
    pub holds: bool,
}

/// One published experiment.
#[derive(Clone, Copy, Debug)]
pub struct PublishedExperiment {
    /// Its number among the targets: `V1`.
    pub id: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// What is done.
    pub what: &'static str,
    /// What shape is expected.
    pub expected: &'static str,
    /// Does it here; nothing where what it needs is not modelled, and `expected` says why.
    pub run: Option<fn() -> Result<Seen, Diagnostic>>,
    /// Whether it takes seconds of CPU time.
    pub is_long: bool,
}

macro_rules! experiments {
    ($($id:literal, $source:expr, $what:literal => $expected:literal: $run:expr, $long:expr;)*) => {
        /// All experiments, by number.
        pub const PUBLISHED: &[PublishedExperiment] = &[$(PublishedExperiment {
            id: $id,
            source: $source,
            what: $what,
            expected: $expected,
            run: $run,
            is_long: $long,
        }),*];
    };
}

experiments! {
    "V1", DOC, "400 WCU on 4 partitions, loads 50/50/50/150"
        => "static: clean 600 s, then throttles a sixth; instant: never": Some(v1), false;
    "V2", KNOWLEDGE, "150 RCU unused for 300 s, then 200/s"
        => "clean 900 s, then 25 % throttled": Some(v2), false;
    "V3", PAPER, "3,200, 3,600, 6,000, 5,000 WCU one after another"
        => "4x800, 4x900, 8x750, 8x625 (the paper prints 675)": Some(v3), false;
    "V4", DOC, "one item of 20 KB, strong reads" => "600/s": Some(v4), false;
    "V5", BLOG, "one partition, eventual reads, first 10 min"
        => "9,000/s; strong no more than 3,000/s": Some(v5), false;
    "V6", UUIDS, "new on-demand table, UUIDs, ramp in 1 min"
        => "none throttled up to 3,000/s; ceiling 4,000/s": Some(v6), false;
    "V7", UUIDS, "ramp 0 to 40,000 WCU in 60, 90, 120, 150 min"
        => "much throttled at 60 min, less with every longer ramp": Some(v7), true;
    "V8", UUIDS, "20,000, 30,000, 40,000 WCU, then on demand, 40,000/s at once"
        => "capacity is kept up to what was provisioned": Some(v8), false;
    "V9", LOAD_TEST, "one key filled at 900 WCU for 600 s, then 6,000 RCU"
        => "target reached, 1 to 3 % throttled: the fill had split it": Some(v9), true;
    "V10", LOAD_TEST, "the same, 9,900 RCU for 600 s"
        => "plateau at 6,000 for about 8 min, then about 9,000": Some(v10), true;
    "V11", LOAD_TEST, "the same table later, 6,000 and 12,600 RCU"
        => "none throttled at 6,000, little at 12,600": Some(v11), true;
    "V12", LOAD_TEST, "new key, 2,500 WCU and 6,000 RCU at once"
        => "heavy at first; steps of 1,000 WCU and 3,000 RCU": Some(v12), true;
    "V13", LOAD_TEST, "100 WCU and 300 RCU growing 15 % a minute, then 2,000 and 6,000"
        => "some throttled; afterwards none": Some(v13), true;
    "V14", LOAD_TEST, "4,000 WCU on one new key for 80 min"
        => "steps of 1,000 WCU at irregular times": Some(v14), true;
    "V15", PAPER, "one hot item; rising sort keys; a local index"
        => "never split, capped at 1,000 WCU": Some(v15), false;
    "V16", PAPER, "uneven load under what is paid for"
        => "99.99 % of throttling gone after the reaction (5-30 min, or none)": Some(v16), false;
    "V17", "AWS Developer Guide, Throttling", "an index of 1 WCU under 50 writes/s"
        => "the table throttles all but 1/s once burst is spent, by the index": Some(v17), false;
    "V18", "AWS Developer Guide, Auto scaling", "load of 60/s to 600/s on 100 WCU"
        => "2 min, alarm and update pass; throttled meanwhile less burst": Some(v18), false;
    "V19", PAPER, "a leader fails"
        => "about 2 s without writes and strong reads, eventual reads go on, nothing is lost":
        Some(super::failover::leader_fails), false;
    "V20", PAPER, "YCSB A and B, 100,000 to 1 M ops/s"
        => "p50 and p99 do not depend on load: within 10 % and 25 % of those at 100,000":
        Some(super::growing_load::load_grows), true;
    "V21", PAPER, "peaks of Prime Day"
        => "not modelled: context, no experiment": None, false;
}

/// The experiments as a table, `run` on those that `is_meant` picks.
///
/// # Errors
/// Books that do not balance.
pub fn table(is_meant: impl Fn(&PublishedExperiment) -> bool) -> Result<(Table, bool), Diagnostic> {
    let head = [
        "target",
        "source",
        "experiment",
        "expected",
        "here",
        "verdict",
    ];
    let meant: Vec<&PublishedExperiment> = PUBLISHED.iter().filter(|one| is_meant(one)).collect();
    // Each is by itself, so that their order does not depend on threads.
    let seen: Vec<Option<Result<Seen, Diagnostic>>> = meant
        .par_iter()
        .map(|one| one.run.map(|run| run()))
        .collect();
    let (mut rows, mut all_hold) = (Vec::new(), true);
    for (one, seen) in meant.into_iter().zip(seen) {
        let (result, verdict) = match seen {
            None => ("-".to_owned(), "not modelled"),
            Some(seen) => {
                let seen = seen?;
                all_hold &= seen.holds;
                (seen.result, if seen.holds { "pass" } else { "FAIL" })
            }
        };
        let cells = [one.id, one.source, one.what, one.expected, &result, verdict];
        rows.push(cells.map(str::to_owned).to_vec());
    }
    let table = Table {
        head: head.map(str::to_owned).to_vec(),
        rows,
    };
    Ok((table, all_hold))
}

const SECOND: Span = Span::from_secs(1);
const MINUTE: Span = Span::from_secs(60);
const WRITE: Demand = Demand::Write { bytes: 900 };
/// An item of 20 write units: as much load with a twentieth of the requests.
const LARGE_WRITE: Demand = Demand::Write { bytes: 20_000 };
const LARGE_UNITS: u64 = 20;
/// The delays under which splits are tried, in minutes.
const DELAYS: [u64; 3] = [3, 8, 15];

fn read(bytes: u64, consistency: ReadConsistency) -> Demand {
    Demand::Read { bytes, consistency }
}

fn provisioned(read: u64, write: u64) -> Capacity {
    Capacity::Provisioned { read, write }
}

/// A table that holds nobody back but by its partitions.
fn plenty(partitions: u32) -> TableRules {
    TableRules::new(
        Generation::Global2022,
        provisioned(80_000, 80_000),
        partitions,
    )
}

/// Delays from half of so many minutes to half as much again.
fn about(minutes: u64) -> Delay {
    Delay {
        min: Span::from_secs(30 * minutes),
        max: Span::from_secs(90 * minutes),
    }
}

fn run(
    table: TableRules,
    duration: Span,
    places: Places,
    requests: impl IntoIterator<Item = Request>,
) -> Result<Recorded, Diagnostic> {
    let scene = Scene {
        table,
        index: None,
        retrying: Retrying::NEVER,
        duration,
    };
    served(
        Host::new(scene, places, None, &BTreeSet::new(), Seed(1))?,
        requests,
    )
}

fn served(host: Host, requests: impl IntoIterator<Item = Request>) -> Result<Recorded, Diagnostic> {
    use crate::run::RunError;
    host.run_each(requests, &|| false)
        .map_err(|error| match error {
            RunError::Failed(diagnostic) => diagnostic,
            // Nobody cancels, and nothing is stored.
            other => Diagnostic::new(kvrig_base::diagnostic::CONSERVATION, other.to_string()),
        })
}

/// Poisson requests of a rate over time.
fn spread(
    phases: &[(Span, u64)],
    (collections, sorting): (u32, Sorting),
    demand: Demand,
    name: &str,
) -> Result<Spread, Diagnostic> {
    let phases = phases
        .iter()
        .map(|&(length, rate)| Phase::constant(length, Rate::per_second(rate)));
    let profile = RateProfile::once(phases.collect(), Rate(0)).map_err(|error| {
        Diagnostic::new(kvrig_base::diagnostic::OUT_OF_RANGE, error.to_string())
    })?;
    let seed = Seed(1);
    Ok(Spread {
        starts: Arrivals::new(Pacing::Poisson, profile, seed.stream(name), 0),
        collections,
        sorting,
        demand,
        draws: seed.stream(&format!("{name}.draws")),
        index: 0,
    })
}

const ONE_KEY: (u32, Sorting) = (1, Sorting::Random);

/// Attempts served per second between two minutes.
fn served_between(recorded: &Recorded, from_secs: u64, to_secs: u64) -> u64 {
    let sum = recorded.between(SECOND * from_secs, SECOND * to_secs);
    sum.served / (to_secs - from_secs).max(1)
}

/// The throttled share of a stretch in hundredths of a per cent.
fn throttled_between(recorded: &Recorded, from_secs: u64, to_secs: u64) -> u64 {
    let sum = recorded.between(SECOND * from_secs, SECOND * to_secs);
    sum.throttled() * 10_000 / sum.attempts.max(1)
}

fn percent(hundredths: u64) -> String {
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

fn near(value: u64, expected: u64, allowed: u64) -> bool {
    value.abs_diff(expected) <= allowed
}

fn uneven(generation: Generation, secs: u64) -> Result<Recorded, Diagnostic> {
    let table = TableRules::new(generation, provisioned(400, 400), 4);
    let rates = [50, 50, 50, 150].map(Rate::per_second);
    let requests = Even::new(&rates, WRITE, Time::START);
    run(table, SECOND * secs, whole_places(4, false), requests)
}

fn first_second(recorded: &Recorded) -> u64 {
    recorded.first_throttled_ns.unwrap_or(u64::MAX) / 1_000_000_000
}

fn v1() -> Result<Seen, Diagnostic> {
    let old = uneven(Generation::Static2012, 1_200)?;
    let new = uneven(Generation::Adaptive2019, 1_200)?;
    let global = uneven(Generation::Global2022, 1_200)?;
    let after = throttled_between(&old, 700, 1_200);
    let never = new.books.throttled() + global.books.throttled();
    Ok(Seen {
        result: format!(
            "static: clean {} s, then {}; instant: {never} throttled",
            first_second(&old),
            percent(after)
        ),
        holds: first_second(&old) == 600 && near(after, 1_667, 5) && never == 0,
    })
}

fn v2() -> Result<Seen, Diagnostic> {
    let table = TableRules::new(Generation::Static2012, provisioned(150, 150), 1);
    let requests = Even::new(&[Rate::per_second(200)], read(4_096, Strong), Time::START);
    let recorded = run(table, SECOND * 1_500, whole_places(1, false), requests)?;
    let after = throttled_between(&recorded, 950, 1_500);
    let first = first_second(&recorded);
    Ok(Seen {
        result: format!("clean {first} s, then {}", percent(after)),
        holds: (899..=900).contains(&first) && near(after, 2_500, 10),
    })
}

fn v3() -> Result<Seen, Diagnostic> {
    let mut partitions = initial_partitions(0, 3_200, 0);
    let mut shares = Vec::new();
    for units in [3_200, 3_600, 6_000, 5_000] {
        partitions = static_partitions(partitions, 0, units);
        shares.push(format!("{partitions}x{}", units / partitions));
    }
    let result = shares.join(", ");
    Ok(Seen {
        holds: result == "4x800, 4x900, 8x750, 8x625",
        result,
    })
}

/// One item, read so often; what is served from the second minute on.
fn one_item(demand: Demand, rate: u64) -> Result<u64, Diagnostic> {
    let requests = spread(&[(MINUTE * 10, rate)], (1, Sorting::Single), demand, "item")?;
    let recorded = run(plenty(1), MINUTE * 10, whole_places(1, true), requests)?;
    Ok(served_between(&recorded, 60, 600))
}

fn v4() -> Result<Seen, Diagnostic> {
    let plateau = one_item(read(20_480, Strong), 1_500)?;
    Ok(Seen {
        result: format!("{plateau}/s"),
        holds: near(plateau, 600, 3),
    })
}

fn v5() -> Result<Seen, Diagnostic> {
    let eventual = one_item(read(1_000, Eventual), 12_000)?;
    let strong = one_item(read(1_000, Strong), 6_000)?;
    Ok(Seen {
        result: format!("{eventual}/s eventual, {strong}/s strong"),
        holds: near(eventual, 9_000, 20) && near(strong, 3_000, 10),
    })
}

/// A new table on demand with `partitions` partitions under phases of writes to UUIDs.
fn on_demand(
    partitions: u32,
    phases: &[(Span, u64)],
    demand: Demand,
) -> Result<Recorded, Diagnostic> {
    let table = TableRules::new(Generation::Global2022, Capacity::OnDemand, partitions);
    let duration = phases.iter().map(|(length, _)| *length).sum();
    let requests = spread(phases, (100_000, Sorting::Single), demand, "uuids")?;
    let places = spread_places(100_000, Seed(1).stream("uuids.places"));
    run(table, duration, places, requests)
}

/// Seconds of an even rise to a rate.
fn ramp(secs: u64, to: u64) -> Vec<(Span, u64)> {
    (0..secs)
        .map(|n| (SECOND, (to * (2 * n + 1)).div_ceil(2 * secs)))
        .collect()
}

fn v6() -> Result<Seen, Diagnostic> {
    let mut low = ramp(60, 3_000);
    low.push((MINUTE, 3_000));
    let mut high = ramp(60, 8_000);
    high.push((MINUTE, 8_000));
    let clean = on_demand(4, &low, WRITE)?.books.throttled();
    let ceiling = served_between(&on_demand(4, &high, WRITE)?, 70, 120);
    Ok(Seen {
        result: format!("{clean} throttled at 3,000/s; ceiling {ceiling}/s"),
        holds: clean == 0 && near(ceiling, 4_000, 20),
    })
}

fn v7() -> Result<Seen, Diagnostic> {
    let mut shares = Vec::new();
    for minutes in [60, 90, 120, 150] {
        let phases = ramp(minutes * 60, 40_000 / LARGE_UNITS);
        let recorded = on_demand(4, &phases, LARGE_WRITE)?;
        shares.push(throttled_between(&recorded, 0, minutes * 60));
    }
    let result: Vec<String> = shares.iter().map(|&share| percent(share)).collect();
    Ok(Seen {
        result: result.join(", "),
        holds: shares[0] > 0 && shares.windows(2).all(|pair| pair[0] > pair[1]),
    })
}

fn v8() -> Result<Seen, Diagnostic> {
    let mut served = Vec::new();
    for partitions in [20, 30, 40] {
        let phases = [(MINUTE * 2, 40_000 / LARGE_UNITS)];
        let recorded = on_demand(partitions, &phases, LARGE_WRITE)?;
        served.push(served_between(&recorded, 60, 120) * LARGE_UNITS);
    }
    let result: Vec<String> = served.iter().map(|units| format!("{units}/s")).collect();
    let kept = [20_000, 30_000, 40_000];
    Ok(Seen {
        result: result.join(", "),
        // Debts of large items and chance take a few per cent of what is just enough.
        holds: served
            .iter()
            .zip(kept)
            .all(|(&units, kept)| near(units, kept, kept / 20)),
    })
}

/// One key on a table of one partition, written to and read from in phases.
fn one_key(
    writes: &[(Span, u64)],
    reads: &[(Span, u64)],
    delay: Delay,
) -> Result<Recorded, Diagnostic> {
    let length = |phases: &[(Span, u64)]| phases.iter().map(|(length, _)| *length).sum::<Span>();
    let duration = length(writes).max(length(reads));
    let table = plenty(1).splitting_after(delay);
    let places = whole_places(1, true);
    let writes = spread(writes, ONE_KEY, WRITE, "writes")?;
    let reads = spread(reads, ONE_KEY, read(4_000, Strong), "reads")?;
    run(table, duration, places, Merged::new(writes, reads))
}

const FILL: Span = Span::from_secs(600);
/// Splits of the table that was filled and read: V10 saw one after about eight minutes of reads, and
/// the fill's came within its ten.
const SEEN_DELAY: Delay = Delay::fixed(Span::from_secs(7 * 60));

fn v9() -> Result<Seen, Diagnostic> {
    let reads = [(FILL, 0), (MINUTE * 5, 6_000)];
    let recorded = one_key(&[(FILL, 900)], &reads, SEEN_DELAY)?;
    let throttled = throttled_between(&recorded, 605, 900);
    Ok(Seen {
        result: format!(
            "{}/s, {} throttled",
            served_between(&recorded, 605, 900),
            percent(throttled)
        ),
        holds: throttled < 400 && served_between(&recorded, 605, 900) > 5_700,
    })
}

fn v10() -> Result<Seen, Diagnostic> {
    let reads = [(FILL, 0), (MINUTE * 10, 9_900)];
    let recorded = one_key(&[(FILL, 900)], &reads, SEEN_DELAY)?;
    let early = served_between(&recorded, 610, 1_050);
    let late = served_between(&recorded, 1_100, 1_200);
    let split = recorded
        .splits
        .iter()
        .filter(|event| event.cooled == Cooled::Split);
    let at = split
        .map(|event| event.at_ns / 60_000_000_000)
        .nth(1)
        .unwrap_or(0);
    Ok(Seen {
        result: format!(
            "{early}/s for {} min of reads, then {late}/s",
            at.saturating_sub(10)
        ),
        holds: near(early, 6_000, 150) && late > 8_500,
    })
}

fn v11() -> Result<Seen, Diagnostic> {
    let reads = [
        (FILL, 0),
        (MINUTE * 10, 9_900),
        (MINUTE * 20, 0),
        (MINUTE * 5, 6_000),
        (MINUTE * 5, 12_600),
    ];
    let recorded = one_key(&[(FILL, 900)], &reads, SEEN_DELAY)?;
    let low = throttled_between(&recorded, 2_400, 2_700);
    let high = throttled_between(&recorded, 2_710, 3_000);
    Ok(Seen {
        result: format!("{} at 6,000, {} at 12,600", percent(low), percent(high)),
        holds: low < 10 && high < 2_000,
    })
}

fn v12() -> Result<Seen, Diagnostic> {
    let length = MINUTE * 50;
    let mut parts = Vec::new();
    let mut holds = true;
    for minutes in DELAYS {
        let recorded = one_key(&[(length, 2_500)], &[(length, 6_000)], about(minutes))?;
        let first = throttled_between(&recorded, 10, 60);
        let last = throttled_between(&recorded, 2_700, 3_000);
        let begins = served_between(&recorded, 10, 60);
        parts.push(format!(
            "{minutes} min: {} at first, {} at the end, {} partitions",
            percent(first),
            percent(last),
            recorded.partitions
        ));
        holds &= near(begins, 4_000, 60) && first > 5_000 && last < first / 2;
    }
    Ok(Seen {
        result: parts.join("; "),
        holds,
    })
}

fn v13() -> Result<Seen, Diagnostic> {
    let mut parts = Vec::new();
    let mut holds = true;
    for minutes in DELAYS {
        let grown = |start: f64| {
            let mut rate = start;
            let mut phases = Vec::new();
            for _ in 0..20 {
                phases.push((MINUTE, rate as u64));
                rate *= 1.15;
            }
            phases
        };
        let (mut writes, mut reads) = (grown(100.0), grown(300.0));
        // The author came back later: whatever was to be split has been.
        for (phases, rate) in [(&mut writes, 2_000), (&mut reads, 6_000)] {
            let last = phases.last().map_or(0, |(_, rate)| *rate);
            phases.push((MINUTE * 40, last));
            phases.push((MINUTE * 5, rate));
        }
        let recorded = one_key(&writes, &reads, about(minutes))?;
        let growing = throttled_between(&recorded, 0, 1_200);
        let later = throttled_between(&recorded, 3_600, 3_900);
        parts.push(format!(
            "{minutes} min: {}, then {}",
            percent(growing),
            percent(later)
        ));
        holds &= growing < 2_500 && later < 200;
    }
    Ok(Seen {
        result: parts.join("; "),
        holds,
    })
}

fn v14() -> Result<Seen, Diagnostic> {
    let length = MINUTE * 80;
    let mut parts = Vec::new();
    let mut holds = true;
    for minutes in DELAYS {
        let table = plenty(1).splitting_after(about(minutes));
        let writes = spread(&[(length, 4_000)], ONE_KEY, WRITE, "writes")?;
        let recorded = run(table, length, whole_places(1, true), writes)?;
        let splits = recorded
            .splits
            .iter()
            .filter(|event| event.cooled == Cooled::Split);
        let at: Vec<String> = splits
            .take(4)
            .map(|event| (event.at_ns / 60_000_000_000).to_string())
            .collect();
        let (first, last) = (
            served_between(&recorded, 10, 60),
            served_between(&recorded, 4_500, 4_800),
        );
        parts.push(format!(
            "{minutes} min: {first}/s, splits after {} min, {last}/s",
            at.join(", ")
        ));
        holds &= near(first, 1_000, 20) && last > 3_500 && at.len() >= 3;
    }
    Ok(Seen {
        result: parts.join("; "),
        holds,
    })
}

fn v15() -> Result<Seen, Diagnostic> {
    let mut parts = Vec::new();
    let mut holds = true;
    let table = plenty(1).splitting_after(Delay::fixed(MINUTE));
    for (name, table, sorting) in [
        ("item", table, Sorting::Single),
        ("rising", table, Sorting::Increasing),
        ("local index", table.with_local_index(), Sorting::Random),
    ] {
        let requests = spread(&[(MINUTE * 12, 2_000)], (1, sorting), WRITE, "never")?;
        let recorded = run(table, MINUTE * 12, whole_places(1, true), requests)?;
        let plateau = served_between(&recorded, 660, 720);
        parts.push(format!("{name} {plateau}/s on {}", recorded.partitions));
        holds &= recorded.partitions == 1 && near(plateau, 1_000, 3);
    }
    Ok(Seen {
        result: parts.join(", "),
        holds,
    })
}

fn v16() -> Result<Seen, Diagnostic> {
    let old = uneven(Generation::Static2012, 4_800)?;
    let adapting = uneven(Generation::Adaptive2017, 4_800)?;
    let instant = uneven(Generation::Adaptive2019, 4_800)?;
    // Thirty minutes of reaction after ten of burst, and ten to adjust.
    let [without, with, at_once] =
        [&old, &adapting, &instant].map(|run| throttled_between(run, 3_000, 4_800));
    Ok(Seen {
        result: format!(
            "{} without, {} with after it reacted, {} at once",
            percent(without),
            percent(with),
            percent(at_once)
        ),
        holds: without > 1_500 && with == 0 && at_once == 0,
    })
}

fn v17() -> Result<Seen, Diagnostic> {
    let table = TableRules::new(Generation::Global2022, provisioned(100, 100), 1);
    let index = TableRules::new(Generation::Global2022, provisioned(100, 1), 1);
    let scene = Scene {
        table,
        index: Some(index),
        retrying: Retrying::NEVER,
        duration: SECOND * 600,
    };
    let requests = Even::new(&[Rate::per_second(50)], WRITE, Time::START).map(|request| Request {
        index: Some(request.place),
        ..request
    });
    let (table, index) = (whole_places(1, true), whole_places(1, true));
    let host = Host::new(scene, table, Some(index), &BTreeSet::new(), Seed(1))?;
    let recorded = served(host, requests)?;
    let last = recorded.between(SECOND * 300, SECOND * 600);
    let books = recorded.books;
    Ok(Seen {
        result: format!(
            "{} of {} writes in 300 s; {} of {} refusals by the index",
            last.served,
            last.attempts,
            books.refused_index_provisioned,
            books.throttled()
        ),
        holds: near(last.served, 300, 5) && books.refused_index_provisioned == books.throttled(),
    })
}

fn v18() -> Result<Seen, Diagnostic> {
    let table = TableRules {
        auto_scaling: Some(AutoScaling {
            target: TargetTracking {
                target_percent: 70,
                min: 100,
                max: 4_000,
            },
            alarm: Delay {
                min: Span::ZERO,
                max: MINUTE * 3,
            },
            update: Delay {
                min: MINUTE,
                max: MINUTE * 5,
            },
        }),
        ..TableRules::new(Generation::Global2022, provisioned(100, 100), 4)
    };
    // Capacity follows what is consumed, so that it takes several steps of a 0.7th each.
    let phases = [(MINUTE * 10, 60), (MINUTE * 60, 600)];
    let requests = spread(&phases, (10_000, Sorting::Single), WRITE, "step")?;
    let places = spread_places(10_000, Seed(1).stream("step.places"));
    let recorded = run(table, MINUTE * 70, places, requests)?;
    let step = recorded.scaling.first().copied();
    let secs = |ns: u64| (ns / 1_000_000_000).saturating_sub(600);
    let (decided, done) = step.map_or((0, 0), |step| (secs(step.decided_ns), secs(step.done_ns)));
    let first = first_second(&recorded).saturating_sub(600);
    let last = throttled_between(&recorded, 3_900, 4_200);
    Ok(Seen {
        result: format!(
            "decided after {decided} s, raised after {done} s; first throttled after {first} s, {} \
             at the end",
            percent(last)
        ),
        holds: step.is_some() && (120..=180).contains(&decided) && first < done && last == 0,
    })
}

#[cfg(test)]
mod tests;
