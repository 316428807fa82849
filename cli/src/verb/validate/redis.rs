//! `kvrig validate redis`: a real server is measured, prices are taken from some of its loads, and
//! others are predicted.

use crate::arguments::Validate;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::{ending, output};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::random::Seed;
use kvrig_live::clock::Stillness;
use kvrig_live::load::{Commands, Observed, ServerProcess, closed_loop, open_loop};
use kvrig_reports::text;
use kvrig_sim::cost::{Profile, SHARED_VM_2026};
use kvrig_sim::validate::redis::calibration::{Calibrated, Loads, PIPELINE, calibrate};
use kvrig_sim::validate::redis::growth;
use kvrig_sim::validate::redis::prediction::{self, Predicted};
use kvrig_sim::validate::redis::traffic::{self, Asked, Traffic};
use std::io;
use std::path::{Path, PathBuf};

/// Connections of all loads but one.
const CONNECTIONS: u32 = 50;
/// Each load is measured so often; the median counts, and the range says how far to trust it.
const RUNS: usize = 5;
/// Requests of one run of a closed loop.
const REQUESTS: u64 = 150_000;
/// Seconds of one run of an open loop.
const OPEN_S: f64 = 2.0;
/// Requests a second at which a server mostly sleeps.
const LOW_RATE: f64 = 2_000.0;
/// Range of a server's own runs, as a share of their median, beyond which nothing can be told.
const RANGE_MAX: f64 = 0.30;
/// CPU time for which an idle loop is watched.
const SPIN_NS: u64 = 500_000_000;
/// Nine reads to one write.
const MIX: [Asked; 10] = {
    let mut mix = [Asked::Get; 10];
    mix[9] = Asked::Set;
    mix
};

/// One quantity, predicted and measured.
struct Row {
    name: String,
    predicted: f64,
    /// Ascending.
    measured: Vec<f64>,
    /// How far the ratio may be from one; without it, nothing hangs on it.
    tolerance: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    CannotTell,
    Shown,
}

impl Row {
    fn new(name: impl Into<String>, predicted: f64, measured: Vec<f64>, tolerance: f64) -> Self {
        let mut row = Self::shown(name, predicted, measured);
        row.tolerance = Some(tolerance);
        row
    }
    fn shown(name: impl Into<String>, predicted: f64, mut measured: Vec<f64>) -> Self {
        measured.sort_by(f64::total_cmp);
        Self {
            name: name.into(),
            predicted,
            measured,
            tolerance: None,
        }
    }
    fn median(&self) -> f64 {
        median(&self.measured)
    }
    fn ratio(&self) -> f64 {
        self.predicted / self.median()
    }
    fn range(&self) -> (f64, f64) {
        let ends = self.measured.first().zip(self.measured.last());
        ends.map_or((0.0, 0.0), |(low, high)| (*low, *high))
    }
    fn verdict(&self) -> Verdict {
        let (low, high) = self.range();
        match self.tolerance {
            None => Verdict::Shown,
            Some(tolerance) if (self.ratio() - 1.0).abs() <= tolerance => Verdict::Pass,
            Some(_) if high - low > RANGE_MAX * self.median() => Verdict::CannotTell,
            Some(_) => Verdict::Fail,
        }
    }
    fn cells(&self) -> Vec<String> {
        let (low, high) = self.range();
        vec![
            self.name.clone(),
            number(self.predicted),
            number(self.median()),
            format!("{} .. {}", number(low), number(high)),
            format!("{:.3}", self.ratio()),
            self.tolerance
                .map_or_else(String::new, |within| format!("{:.0} %", within * 100.0)),
            match self.verdict() {
                Verdict::Pass => "pass",
                Verdict::Fail => "FAIL",
                Verdict::CannotTell => "cannot tell",
                Verdict::Shown => "not gated",
            }
            .to_owned(),
        ]
    }
}

/// A number with as many digits as its size makes sensible.
fn number(value: f64) -> String {
    match value {
        value if value < 100.0 => format!("{value:.2}"),
        value => format!("{value:.0}"),
    }
}

fn median(ascending: &[f64]) -> f64 {
    ascending
        .get(ascending.len() / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

/// One closed loop.
#[derive(Clone, Copy)]
struct Closed<'a> {
    kinds: &'a [Asked],
    connections: u32,
    depth: u32,
}

/// The requests that both sides send.
fn commands(traffic: &Traffic, count: u64) -> Commands {
    let mut commands = Commands::default();
    for id in 0..count {
        traffic.with_args(id, &mut |args| commands.push(args));
    }
    commands
}

impl Closed<'_> {
    fn traffic(&self) -> Traffic {
        Traffic::new(self.kinds, self.depth, Seed(1))
    }
    /// CPU time of the server a request, in nanoseconds, of each run.
    fn measure(&self, server: &ServerProcess, interrupt: &Interrupt) -> io::Result<Vec<f64>> {
        let commands = commands(&self.traffic(), REQUESTS);
        let (connections, depth) = (self.connections as usize, self.depth as usize);
        let run = |_| {
            interrupt.check()?;
            closed_loop(server, connections, depth, &commands)
        };
        let runs: Vec<Observed> = (0..RUNS).map(run).collect::<io::Result<_>>()?;
        let mut cpu: Vec<f64> = runs.iter().map(Observed::cpu_ns_a_request).collect();
        cpu.sort_by(f64::total_cmp);
        Ok(cpu)
    }
}

/// An open loop of the mix at one rate.
struct Open {
    starts_ns: Vec<u64>,
    kinds: Vec<Asked>,
}

impl Open {
    fn new(kinds: &[Asked], rate: f64) -> Self {
        let count = (rate * OPEN_S) as u64;
        Self {
            starts_ns: traffic::starts_ns(rate, count, Seed(1)),
            kinds: kinds.to_vec(),
        }
    }
    fn traffic(&self) -> Traffic {
        Traffic::new(&self.kinds, 1, Seed(1))
    }
    fn measure(&self, server: &ServerProcess, interrupt: &Interrupt) -> io::Result<Vec<Observed>> {
        let commands = commands(&self.traffic(), self.starts_ns.len() as u64);
        let connections = CONNECTIONS as usize;
        let run = |_| {
            interrupt.check()?;
            open_loop(server, connections, &commands, &self.starts_ns, &|id| id)
        };
        (0..RUNS).map(run).collect()
    }
    fn predict(&self, profile: &Profile) -> Result<Predicted, Diagnostic> {
        prediction::open_loop(profile, CONNECTIONS, self.traffic(), &self.starts_ns)
    }
}

fn responses(runs: &[Observed], millionths: u64) -> Vec<f64> {
    runs.iter()
        .map(|run| run.response_ns(millionths) as f64 / 1e3)
        .collect()
}

/// Puts the data of the traffic in a server.
fn prepare(server: &ServerProcess) -> io::Result<()> {
    let mut commands = Commands::default();
    traffic::preparation(&mut |args| commands.push(args));
    closed_loop(server, 1, 64, &commands).map(|_| ())
}

pub(super) fn redis(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    let program = arguments
        .server
        .clone()
        .unwrap_or_else(|| PathBuf::from("redis-server"));
    let base = Profile::embedded(SHARED_VM_2026)?;
    let say = |what: &str| {
        if !quiet {
            anstream::eprintln!("{what}");
        }
    };
    say("watching an idle loop");
    let mut stillness = Stillness::default();
    stillness.spin(SPIN_NS);
    let floor_us = stillness.facts().floor_ns as f64 / 1e3;

    // The first signal ends the measurement between two runs, so that the server ends with it.
    let interrupt = Interrupt::listen();
    let not_served = |error: io::Error| {
        if error.kind() == io::ErrorKind::Interrupted {
            return Failure::Interrupted("interrupted; the server is stopped".to_owned());
        }
        let message = format!("{} cannot be measured: {error}", program.display());
        Failure::from(Diagnostic::new(diagnostic::NOT_SERVED, message))
    };
    let mut server = ServerProcess::redis(&program, &[]).map_err(not_served)?;
    prepare(&server).map_err(not_served)?;
    say("calibrating with GET and SET");
    let loads = loads(&server, &interrupt).map_err(not_served)?;
    let calibrated = calibrate(&base, &loads)?;

    say("measuring and predicting");
    let mut rows = memory(&mut server).map_err(not_served)?;
    rows.extend(saturation_and_responses(
        &calibrated,
        &server,
        &interrupt,
        not_served,
    )?);
    rows.extend(other_commands(
        &calibrated,
        &server,
        &interrupt,
        not_served,
    )?);
    rows.extend(growth(&program).map_err(not_served)?);
    drop(server);
    print(&rows, &calibrated, floor_us)?;
    let failed = rows.iter().any(|row| row.verdict() == Verdict::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Pass })
}

/// What the calibration needs.
fn loads(server: &ServerProcess, interrupt: &Interrupt) -> io::Result<Loads> {
    let cpu = |kind: Asked, connections, depth| {
        let load = Closed {
            kinds: &[kind],
            connections,
            depth,
        };
        load.measure(server, interrupt).map(|cpu| median(&cpu))
    };
    let low = Open::new(&[Asked::Get], LOW_RATE).measure(server, interrupt)?;
    let mut response = responses(&low, 500_000);
    response.sort_by(f64::total_cmp);
    Ok(Loads {
        get_pipelined: cpu(Asked::Get, CONNECTIONS, PIPELINE)?,
        set_pipelined: cpu(Asked::Set, CONNECTIONS, PIPELINE)?,
        get: cpu(Asked::Get, CONNECTIONS, 1)?,
        get_alone: cpu(Asked::Get, 1, 1)?,
        response: median(&response) * 1e3,
    })
}

fn memory(server: &mut ServerProcess) -> io::Result<Vec<Row>> {
    let predicted = prediction::prepared_node().used_memory() as f64;
    let measured = server.info("used_memory")? as f64;
    Ok(vec![Row::new(
        "used_memory, B",
        predicted,
        vec![measured],
        0.02,
    )])
}

fn saturation_and_responses(
    calibrated: &Calibrated,
    server: &ServerProcess,
    interrupt: &Interrupt,
    not_served: impl Fn(io::Error) -> Failure,
) -> Result<Vec<Row>, Failure> {
    let profile = &calibrated.profile;
    let saturated = Closed {
        kinds: &MIX,
        connections: CONNECTIONS,
        depth: 1,
    };
    let predicted = prediction::closed_loop(profile, CONNECTIONS, saturated.traffic(), REQUESTS)?;
    let capacity = 1e9 / predicted.cpu_ns_a_request;
    let measured = saturated.measure(server, interrupt).map_err(&not_served)?;
    let measured = measured.iter().map(|cpu| 1e9 / cpu).collect();
    let name = "saturation, 90 % GET, requests a CPU-second";
    let mut rows = vec![Row::new(name, capacity, measured, 0.15)];
    for share in [0.3, 0.7] {
        let open = Open::new(&MIX, capacity * share);
        let predicted = open.predict(profile)?;
        let measured = open.measure(server, interrupt).map_err(&not_served)?;
        let quantiles = [
            ("p50", 500_000, predicted.p50_ns),
            ("p99", 990_000, predicted.p99_ns),
        ];
        for (quantile, millionths, predicted_ns) in quantiles {
            rows.push(Row::new(
                format!("response {quantile} at {:.0} %, us", share * 100.0),
                predicted_ns as f64 / 1e3,
                responses(&measured, millionths),
                0.25,
            ));
        }
    }
    Ok(rows)
}

/// Commands that the calibration has not seen: CPU time a request.
fn other_commands(
    calibrated: &Calibrated,
    server: &ServerProcess,
    interrupt: &Interrupt,
    not_served: impl Fn(io::Error) -> Failure,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for kind in [Asked::ListRange, Asked::SortedSetAdd, Asked::HashGetAll] {
        let load = Closed {
            kinds: &[kind],
            connections: CONNECTIONS,
            depth: 1,
        };
        let predicted = prediction::closed_loop(
            &calibrated.profile,
            CONNECTIONS,
            load.traffic(),
            REQUESTS / 3,
        )?;
        let measured = load.measure(server, interrupt).map_err(&not_served)?;
        let name = format!("{}, CPU ns a request", kind.name());
        rows.push(Row::shown(name, predicted.cpu_ns_a_request, measured));
    }
    Ok(rows)
}

/// At which keys a real server's table grows, beside what its buckets say before.
fn growth(program: &Path) -> io::Result<Vec<Row>> {
    let arguments = ["--activerehashing", "no", "--enable-debug-command", "yes"];
    let mut server = ServerProcess::redis(program, &arguments)?;
    let mut keys = 0;
    // From a few keys before each place on, the server is asked after every key.
    let mut search = |server: &mut ServerProcess, place: u64, grows: bool| {
        while keys < place.saturating_sub(SEARCHED_KEYS) {
            set(server, keys)?;
            keys += 1;
        }
        while is_rehashing(server)? != grows && keys < place + SEARCHED_KEYS {
            set(server, keys)?;
            keys += 1;
        }
        io::Result::Ok(keys as f64)
    };
    search(&mut server, growth::BUCKETS + SEARCHED_KEYS, false)?;
    let occupied = occupied(&mut server)?;
    let begins_with = search(&mut server, growth::BEGINS_WITH, true)?;
    let predicted = growth::ends_with(occupied);
    let ends_with = search(&mut server, predicted, false)?;
    let beginning = growth::BEGINS_WITH as f64;
    Ok(vec![
        Row::new(
            "rehash begins with, keys",
            beginning,
            vec![begins_with],
            0.0,
        ),
        Row::new(
            "rehash ends with, keys",
            predicted as f64,
            vec![ends_with],
            0.0001,
        ),
    ])
}

/// Buckets of a table that is not being rehashed that hold something: SCAN for one key a call goes
/// through one of them each time, or through ten that are empty.
fn occupied(server: &mut ServerProcess) -> io::Result<u64> {
    let (mut cursor, mut occupied) = (b"0".to_vec(), 0);
    loop {
        let reply = server.ask(&[b"SCAN", &cursor, b"COUNT", b"1"])?;
        let lines: Vec<&[u8]> = reply.split(|byte| *byte == b'\n').collect();
        let line = |index: usize| lines.get(index).map_or(&[][..], |line| line.trim_ascii());
        cursor = line(2).to_vec();
        occupied += u64::from(line(3) != b"*0");
        if cursor == b"0" || cursor.is_empty() {
            return Ok(occupied);
        }
    }
}

/// Keys on either side of a predicted place among which the real one is looked for.
const SEARCHED_KEYS: u64 = 200;

fn set(server: &mut ServerProcess, number: u64) -> io::Result<()> {
    let value = [b'v'; traffic::VALUE_BYTES];
    server
        .ask(&[b"SET", &traffic::string_key(number), &value])
        .map(|_| ())
}

fn is_rehashing(server: &mut ServerProcess) -> io::Result<bool> {
    let reply = server.ask(&[b"DEBUG", b"HTSTATS", b"0"])?;
    let text = String::from_utf8_lossy(&reply).into_owned();
    let keys = text.split("[Expires HT]").next().unwrap_or_default();
    Ok(keys.contains("rehashing target"))
}

fn print(rows: &[Row], calibrated: &Calibrated, floor_us: f64) -> Result<(), Failure> {
    let head = [
        "quantity",
        "predicted",
        "measured",
        "range",
        "ratio",
        "within",
        "verdict",
    ];
    let head: Vec<String> = head.map(str::to_owned).to_vec();
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    let lines = text::table(&head, &cells, ending::width());
    let mut page: String = lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    page.push_str(&format!(
        "calibrated with GET and SET: a command {:.0} ns beside the engine's work, a read and a \
         write {:.0} ns, a turn {:.0} ns, a wake-up {:.0} ns, allocations {:.2} times the \
         profile's\nthe idle loop stood still for {floor_us:.0} us at worst; medians of {RUNS} runs\n",
        calibrated.command_ns,
        calibrated.read_and_write_ns,
        calibrated.turn_ns,
        calibrated.wake_up_ns,
        calibrated.allocation_scale,
    ));
    output::print(&page)
}
