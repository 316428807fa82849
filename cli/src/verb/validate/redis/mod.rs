//! `kvrig validate redis`: servers are measured, prices are taken from some of their loads, and the
//! others are predicted.

mod loads;

use crate::arguments::Validate;
use crate::calibration::{Asked as Calibrating, QUICK_RUNS};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::{ending, files, output};
use kvrig_base::calibration::Spread;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::limits::STUDY_FILE_BYTES_MAX;
use kvrig_base::result::{Finding, Section};
use kvrig_base::validation::{VALIDATION_SCHEMA, Validation};
use kvrig_live::clock::{IdleLoop, Stillness};
use kvrig_live::load::growth::{ARGUMENTS, Growing};
use kvrig_live::load::{Observed, ServerProcess};
use kvrig_live::machine;
use kvrig_reports::folder::write_validation;
use kvrig_reports::text;
use kvrig_sim::cost::Profile;
use kvrig_sim::run::histograms;
use kvrig_sim::validate::redis::Engine;
use kvrig_sim::validate::redis::calibration::{Calibrated, calibrate};
use kvrig_sim::validate::redis::charts::{self, Responses};
use kvrig_sim::validate::redis::comparison::{self, Bracket, Comparison, Verdict};
use kvrig_sim::validate::redis::growth::{self, Scanned};
use kvrig_sim::validate::redis::prediction::{self, Predicted};
use kvrig_sim::validate::redis::traffic::{Asked, VALUE_BYTES, string_key};
use loads::{
    ATTEMPTS, CONNECTIONS, Closed, Effort, MIX, Measuring, OTHERS_SHARE_MAX, Open,
    PREDICTED_PIPELINE, Predictable, Round, prepare,
};
use std::io;
use std::path::{Path, PathBuf};

/// What kvrig's own server is called, here and on the command line.
const OWN: &str = "kvrig";
/// What the real one is called where none is named.
const REAL: &str = "redis-server";
/// Shares of what a server can do at which responses are compared.
const SHARES: [f64; 2] = [0.3, 0.7];
/// Responses that are compared, in millionths.
const QUANTILES: [(&str, u64); 2] = [("p50", 500_000), ("p99", 990_000)];
/// Keys of nodes in the calibration of this machine: as many as the servers have.
const CALIBRATED_KEYS: u64 = 100_000;

/// A server that is compared.
struct Subject {
    name: String,
    program: PathBuf,
    engine: Engine,
}

impl Subject {
    fn start(&self) -> io::Result<ServerProcess> {
        match self.engine {
            Engine::Own => ServerProcess::kvrig(&self.program),
            Engine::Redis => ServerProcess::redis(&self.program, &[]),
        }
    }
    /// Where an error of the system comes from.
    fn failed(&self, error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::Interrupted {
            return Failure::Interrupted("interrupted; the server is stopped".to_owned());
        }
        let message = format!("{} cannot be measured: {error}", self.program.display());
        Failure::from(Diagnostic::new(diagnostic::NOT_SERVED, message))
    }
}

/// The servers that are meant: the one named, or the one that is found and kvrig's own.
fn subjects(server: Option<&Path>) -> io::Result<Vec<Subject>> {
    let own = || {
        io::Result::Ok(Subject {
            name: OWN.to_owned(),
            program: std::env::current_exe()?,
            engine: Engine::Own,
        })
    };
    let real = |path: &Path| Subject {
        name: REAL.to_owned(),
        program: path.to_owned(),
        engine: Engine::Redis,
    };
    match server {
        Some(path) if path == Path::new(OWN) => Ok(vec![own()?]),
        Some(path) => Ok(vec![real(path)]),
        None => Ok(vec![real(Path::new(REAL)), own()?]),
    }
}

/// All that was measured of one server, with what was predicted.
struct Validated {
    comparisons: Vec<Comparison>,
    calibrated: Vec<Calibrated>,
    responses: Vec<Responses>,
    /// Which open loops others disturbed, a clause.
    disturbed: String,
}

pub(super) fn redis(arguments: &Validate, quiet: bool) -> Result<Exit, Failure> {
    let effort = match arguments.quick {
        true => Effort::QUICK,
        false => Effort::WHOLE,
    };
    // The first signal ends the measurement between two runs, so that a server ends with it.
    let interrupt = Interrupt::listen();
    let say = |what: &str| {
        if !quiet {
            anstream::eprintln!("{what}");
        }
    };
    let subjects =
        subjects(arguments.server.as_deref()).map_err(Failure::system("this program"))?;
    // A server that cannot be started is told before anything is measured.
    for subject in &subjects {
        drop(subject.start().map_err(|error| subject.failed(&error))?);
    }
    let base = base_prices(arguments, quiet, &interrupt)?;
    let mut idle = (Stillness::default(), IdleLoop::default());
    let mut machine = machine::describe();
    machine.load_before = machine::load();
    let (mut comparisons, mut notes, mut responses) = (Vec::new(), Vec::new(), Vec::new());
    for subject in &subjects {
        let validated = validate(subject, &base, effort, &mut idle, &interrupt, &say)?;
        notes.push(prices_in_words(&subject.name, &validated.calibrated));
        notes.push(validated.disturbed);
        comparisons.extend(validated.comparisons);
        responses.extend(validated.responses);
    }
    machine.load_after = machine::load();
    notes.extend(comparisons.iter().filter_map(Comparison::explanation));
    notes.extend(comparison::attribution(&comparisons, REAL, OWN));
    let (stillness, idle) = idle;
    notes.push(format!(
        "an idle loop, watched in every round, stood still for {:.0} us at worst, {:.0} us of it CPU \
         time of its own at most",
        idle.longest_ns() as f64 / 1e3,
        stillness.facts().floor_ns as f64 / 1e3
    ));
    let table = comparison::table(&comparisons);
    let mut page: Vec<String> = text::table(&table.head, &table.rows, ending::width());
    page.extend(notes.iter().map(|note| format!("- {note}")));
    let page = page.iter().map(|line| format!("{}\n", line.trim_end()));
    output::print(&page.collect::<String>())?;
    if let Some(folder) = &arguments.output {
        let (chart, series) = charts::responses(&responses, &idle.gaps("idle-loop"));
        let validation = Validation {
            schema: VALIDATION_SCHEMA,
            kvrig: env!("CARGO_PKG_VERSION").to_owned(),
            title: "Servers, predicted and measured".to_owned(),
            question:
                "Calibrated with GET and SET alone, how near does the simulator come to real \
                       servers?"
                    .to_owned(),
            findings: findings(&notes),
            sections: vec![Section {
                title: "All quantities".to_owned(),
                paragraphs: vec![BRACKETS.to_owned()],
                table,
            }],
            charts: vec![chart],
            series: vec![series],
            machine,
            clock: stillness.facts(),
        };
        write_validation(folder, &validation)?;
        let index = folder.join("index.html");
        output::print(&format!("open {}\n", index.display()))?;
    }
    let failed = comparisons.iter().any(|c| c.verdict() == Verdict::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Pass })
}

/// What the columns of the table mean.
const BRACKETS: &str = "Every measurement lies between two calibrations and is predicted with their \
    mean; the ratio is the median over such brackets, and its range shows what drifted faster. Where \
    a server's own runs range over more than 30 % of their median, or the brackets' ratios lie on \
    both sides of the tolerance, nothing can be told; nor where others had a part of the cores in all \
    runs of an open loop but one at most. With more runs left, the disturbed ones are left out.";

fn findings(notes: &[String]) -> Vec<Finding> {
    let finding = |note: &String| Finding {
        text: format!("{note}."),
        rows: Vec::new(),
        warning: false,
    };
    notes.iter().map(finding).collect()
}

/// Prices of the engine's work: of a profile that is named, or else measured now.
fn base_prices(
    arguments: &Validate,
    quiet: bool,
    interrupt: &Interrupt,
) -> Result<Profile, Failure> {
    if let Some(name) = &arguments.profile {
        let path = Path::new(name);
        return match path.is_file() {
            false => Ok(Profile::embedded(name)?),
            true => {
                let text = files::read(path, STUDY_FILE_BYTES_MAX)?;
                Ok(Profile::parse(name, &String::from_utf8_lossy(&text))?)
            }
        };
    }
    let directory = std::env::temp_dir();
    let calibrating = Calibrating {
        is_quick: true,
        runs: QUICK_RUNS,
        keys_max: CALIBRATED_KEYS,
        directory: &directory,
        quiet,
        interrupt,
    };
    let text = calibrating.measure()?.text("calibrated", false);
    Ok(Profile::parse("calibrated", &text)?)
}

fn closed(kinds: &[Asked], depth: u32, requests: u64) -> Closed {
    Closed {
        kinds: kinds.to_vec(),
        connections: CONNECTIONS,
        depth,
        requests,
    }
}

fn predict(
    engine: Engine,
    load: &Closed,
    calibrated: &Calibrated,
) -> Result<Predicted, Diagnostic> {
    let profile = calibrated.of_depth(load.depth);
    match load.depth {
        1 => prediction::closed_loop(
            engine,
            profile,
            load.connections,
            load.traffic(),
            load.requests,
        ),
        _ => prediction::pipelined(
            engine,
            profile,
            load.connections,
            &load.traffic(),
            load.requests,
        ),
    }
}

fn validate(
    subject: &Subject,
    base: &Profile,
    effort: Effort,
    (stillness, idle): &mut (Stillness, IdleLoop),
    interrupt: &Interrupt,
    say: &dyn Fn(&str),
) -> Result<Validated, Failure> {
    let failed = |error: io::Error| subject.failed(&error);
    let mut server = subject.start().map_err(failed)?;
    prepare(&server).map_err(failed)?;
    let mut comparisons = vec![memory(subject, &mut server).map_err(failed)?];
    let measuring = Measuring {
        server: &server,
        effort,
        interrupt,
    };
    say(&format!("{}: calibrating with GET and SET", subject.name));
    let first = calibrate(
        subject.engine,
        base,
        &measuring.calibrate().map_err(failed)?,
    )?;
    let saturated = closed(&MIX, 1, effort.requests);
    let capacity = 1e9 / predict(subject.engine, &saturated, &first)?.cpu_ns_a_request;
    let predictable = Predictable {
        closed: vec![
            saturated,
            closed(&[Asked::Get], PREDICTED_PIPELINE, effort.requests),
            closed(&[Asked::Set], PREDICTED_PIPELINE, effort.requests),
            closed(&[Asked::ListRange], 1, effort.requests / 3),
            closed(&[Asked::SortedSetAdd], 1, effort.requests / 3),
            closed(&[Asked::HashGetAll], 1, effort.requests / 3),
        ],
        open: SHARES
            .map(|share| Open::new(&MIX, capacity * share, effort.open_s))
            .into_iter()
            .collect(),
    };
    let rounds = measuring
        .rounds(&predictable, (stillness, idle), |round| {
            say(&format!(
                "{}: measuring, round {round} of {}",
                subject.name, effort.rounds
            ));
        })
        .map_err(failed)?;
    drop(server);
    say(&format!("{}: predicting", subject.name));
    let calibrated: Vec<Calibrated> = rounds
        .iter()
        .map(|round| calibrate(subject.engine, base, &round.loads))
        .collect::<Result<_, _>>()?;
    comparisons.push(saturation(subject, &predictable, &rounds, &calibrated)?);
    let (of_responses, responses) = responses(subject, &predictable, &rounds, &calibrated)?;
    comparisons.extend(of_responses);
    comparisons.extend(commands(subject, &predictable, &rounds, &calibrated)?);
    if subject.engine == Engine::Redis {
        say(&format!("{}: growing a table", subject.name));
        comparisons.extend(grown(subject).map_err(failed)?);
    }
    Ok(Validated {
        comparisons,
        calibrated,
        responses,
        disturbed: disturbed(&subject.name, &rounds),
    })
}

/// The data of the traffic by itself: loads change scores of sorted sets, and so their sizes.
fn memory(subject: &Subject, process: &mut ServerProcess) -> io::Result<Comparison> {
    let predicted = prediction::prepared_node(subject.engine).used_memory() as f64;
    let measured = process.info("used_memory")? as f64;
    Ok(Comparison {
        server: subject.name.clone(),
        quantity: "used_memory, B".to_owned(),
        brackets: vec![Bracket::new(predicted, measured)],
        tolerance: Some(0.02),
        points_at: "the node's layout of values is not the server's",
    })
}

/// One closed loop in all rounds, by a value of the CPU time a request.
fn of_closed(
    engine: Engine,
    load: usize,
    predictable: &Predictable,
    rounds: &[Round],
    calibrated: &[Calibrated],
    value: fn(f64) -> f64,
) -> Result<Vec<Bracket>, Diagnostic> {
    let rounds = rounds.iter().zip(calibrated);
    rounds
        .map(|(round, calibrated)| {
            let predicted = predict(engine, &predictable.closed[load], calibrated)?;
            let measured = value(round.closed[load]);
            Ok(Bracket::new(value(predicted.cpu_ns_a_request), measured))
        })
        .collect()
}

fn saturation(
    subject: &Subject,
    predictable: &Predictable,
    rounds: &[Round],
    calibrated: &[Calibrated],
) -> Result<Comparison, Diagnostic> {
    let brackets = of_closed(
        subject.engine,
        0,
        predictable,
        rounds,
        calibrated,
        |cpu_ns| 1e9 / cpu_ns,
    )?;
    Ok(Comparison {
        server: subject.name.clone(),
        quantity: "saturation, 90 % GET, requests a CPU-second".to_owned(),
        brackets,
        tolerance: Some(0.15),
        points_at: "a mix does not cost what its parts cost by themselves",
    })
}

fn responses(
    subject: &Subject,
    predictable: &Predictable,
    rounds: &[Round],
    calibrated: &[Calibrated],
) -> Result<(Vec<Comparison>, Vec<Responses>), Diagnostic> {
    let (mut comparisons, mut all) = (Vec::new(), Vec::new());
    for (place, (open, share)) in predictable.open.iter().zip(SHARES).enumerate() {
        let mut brackets = vec![Vec::new(); QUANTILES.len()];
        let (mut measured, mut predictions) = (Vec::new(), Vec::new());
        for (round, calibrated) in rounds.iter().zip(calibrated) {
            let (observed, low): &(Observed, f64) = &round.open[place];
            let profile = calibrated
                .with_response(round.loads.get_alone, *low)
                .profile;
            let predicted = prediction::open_loop(
                subject.engine,
                &profile,
                CONNECTIONS,
                open.traffic(),
                &open.starts_ns,
            )?;
            let predicted_ns = [predicted.p50_ns, predicted.p99_ns];
            for ((brackets, (_, millionths)), ns) in
                brackets.iter_mut().zip(QUANTILES).zip(predicted_ns)
            {
                brackets.push(Bracket {
                    predicted: ns as f64 / 1e3,
                    measured: observed.response_ns(millionths) as f64 / 1e3,
                    is_disturbed: observed.others_share() > OTHERS_SHARE_MAX,
                });
            }
            measured.push(observed.responses("measured"));
            predictions.push(predicted.responses);
        }
        all.push(Responses {
            server: subject.name.clone(),
            load_percent: (share * 100.0).round() as u32,
            measured: histograms::merge("measured", &measured),
            predicted: histograms::merge("predicted", &predictions),
        });
        for ((quantile, _), brackets) in QUANTILES.into_iter().zip(brackets) {
            comparisons.push(Comparison {
                server: subject.name.clone(),
                quantity: format!("response {quantile} at {:.0} %, us", share * 100.0),
                brackets,
                tolerance: Some(0.25),
                points_at: match quantile {
                    "p50" => {
                        "half of the requests find the server asleep or one turn busy, so the \
                              wake-up and the turn decide"
                    }
                    _ => "queueing decides, or pauses of the machine that no profile has",
                },
            });
        }
    }
    Ok((comparisons, all))
}

/// Pipelines, and commands that the calibration has not seen: CPU time a request.
fn commands(
    subject: &Subject,
    predictable: &Predictable,
    rounds: &[Round],
    calibrated: &[Calibrated],
) -> Result<Vec<Comparison>, Diagnostic> {
    let mut comparisons = Vec::new();
    for (place, load) in predictable.closed.iter().enumerate().skip(1) {
        let name = load.kinds.first().map_or("", |kind| kind.name());
        let is_pipeline = load.depth > 1;
        comparisons.push(Comparison {
            server: subject.name.clone(),
            quantity: match is_pipeline {
                true => format!("{name} in pipelines of {}, CPU ns a request", load.depth),
                false => format!("{name}, CPU ns a request"),
            },
            brackets: of_closed(
                subject.engine,
                place,
                predictable,
                rounds,
                calibrated,
                |cpu_ns| cpu_ns,
            )?,
            tolerance: is_pipeline.then_some(0.15),
            points_at: match is_pipeline {
                true => "a read and a write are not shared out over a pipeline as taken",
                false => {
                    "nothing of it is calibrated on this server: elements, comparisons and \
                          copies have the prices of kvrig's own engine"
                }
            },
        });
    }
    Ok(comparisons)
}

/// At which keys a real server's table grows, beside what its buckets say before.
fn grown(subject: &Subject) -> io::Result<Vec<Comparison>> {
    let server = ServerProcess::redis(&subject.program, &ARGUMENTS)?;
    let mut growing = Growing::new(server, |id| string_key(id).to_vec(), &[b'v'; VALUE_BYTES]);
    growing.fill(growth::BUCKETS)?;
    growing.until(false, growth::BUCKETS)?;
    let calls: Vec<Scanned> = growing
        .scan()?
        .into_iter()
        .map(|(from, to, found)| Scanned { from, to, found })
        .collect();
    let occupied = growth::occupied(&calls).ok_or_else(|| {
        io::Error::other("SCAN did not go through the buckets of its table one by one")
    })?;
    let begins_with = growing.until(true, growth::BEGINS_WITH)?;
    let expected = growth::ends_with(&occupied);
    let ends_with = growing.until(false, expected)?;
    let comparison = |quantity: &str, predicted: u64, measured: u64| Comparison {
        server: subject.name.clone(),
        quantity: quantity.to_owned(),
        brackets: vec![Bracket::new(predicted as f64, measured as f64)],
        tolerance: Some(0.0),
        points_at: "the server's table does not follow the rules of the node's",
    };
    Ok(vec![
        comparison("rehash begins with, keys", growth::BEGINS_WITH, begins_with),
        comparison("rehash ends with, keys", expected, ends_with),
    ])
}

/// Which open loops were set aside because others had a part of the machine, and which were kept although
/// they had.
fn disturbed(server: &str, rounds: &[Round]) -> String {
    let set_aside = rounds.iter().flat_map(|round| &round.set_aside);
    let open = rounds.iter().flat_map(|round| &round.open);
    let kept: Vec<f64> = open.map(|(observed, _)| observed.others_share()).collect();
    let is_disturbed = |share: &&f64| **share > OTHERS_SHARE_MAX;
    let worst = kept.iter().chain(set_aside.clone()).copied();
    format!(
        "{server}: {} of {} open loops were set aside because other processes or the host had more than \
         {:.0} % of a core meanwhile, {:.0} % at worst; {} of the {} that are left were disturbed as well, \
         each the least of {ATTEMPTS}",
        set_aside.clone().count(),
        set_aside.count() + kept.len(),
        OTHERS_SHARE_MAX * 100.0,
        worst.fold(0.0, f64::max) * 100.0,
        kept.iter().filter(is_disturbed).count(),
        kept.len(),
    )
}

/// What the calibrations on a server found, and how far they drifted.
fn prices_in_words(server: &str, calibrated: &[Calibrated]) -> String {
    let drift = |value: fn(&Calibrated) -> f64, unit: &str, digits: usize| {
        let values: Vec<f64> = calibrated.iter().map(value).collect();
        Spread::of(&values).map_or_else(String::new, |spread| {
            format!("{:.digits$} to {:.digits$}{unit}", spread.min, spread.max)
        })
    };
    let scaled = match calibrated.iter().any(|c| c.engine_scale < 1.0) {
        true => format!(
            "; the profile's prices of the engine's work come to more than all that was measured, and \
             {} of each is taken",
            drift(|c| c.engine_scale, "", 2)
        ),
        false => String::new(),
    };
    format!(
        "{server}, calibrated with GET and SET around each round: a command {} beside the engine's \
         work, a read and a write {}, a turn {}, a wake-up {}, an allocation with its free {}; \
         in pipelines {} of each wait for memory is left{scaled}",
        drift(|c| c.command_ns, " ns", 0),
        drift(|c| c.read_and_write_ns, " ns", 0),
        drift(|c| c.turn_ns, " ns", 0),
        drift(|c| c.wake_up_ns / 1e3, " us", 1),
        drift(|c| c.allocation_and_free_ns, " ns", 0),
        drift(|c| c.waits_left, "", 2),
    )
}
