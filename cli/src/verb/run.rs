//! `kvrig run`: studies in, a result folder out.

use crate::arguments::{RowFormat, Run};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::measure::{self, Measuring};
use crate::progress::Progress;
use crate::study::{self, Ready};
use crate::{ending, host, output};
use kvrig_base::result::{Outcome, StudyResult};
use kvrig_reports::folder::Output;
use kvrig_reports::number;
use kvrig_reports::operations;
use kvrig_reports::points::PointFiles;
use kvrig_reports::rows;
use kvrig_sim::run::{self, Estimate, Points, RunError};
use std::io;

pub(crate) fn run(arguments: &Run, quiet: bool) -> Result<Exit, Failure> {
    let studies = study::ready(&arguments.studies, &arguments.settings, arguments.quick)?;
    let jobs = host::jobs(arguments.jobs);
    if arguments.dry_run {
        for study in &studies {
            output::print(&dry_run(study, jobs)?)?;
            if let Some(runs) = arguments.measure {
                output::print(&measure::estimate(study, runs))?;
            }
        }
        return Ok(Exit::Pass);
    }
    for study in &studies {
        study.plan.jobs_within_memory(jobs)?;
    }
    if arguments.measure.is_some() {
        measure::check(&studies, jobs)?;
    }
    let interrupt = Interrupt::listen();
    let started = host::now();
    let mut folder = Output::begin(&arguments.output)?;
    let mut results: Vec<StudyResult> = Vec::new();
    for study in &studies {
        let store = Stored(folder.points(&study.document));
        if !quiet {
            say_what_is_resumed(study, &store);
        }
        let progress = Progress::begin(&study.name, quiet, interrupt.clone());
        let outcome = run::run(&study.plan, jobs, &progress, &store);
        progress.end();
        results.push(outcome.map_err(|error| match error {
            RunError::Cancelled => interrupted(arguments, study, &progress),
            other => other.into(),
        })?);
    }
    if let Some(runs) = arguments.measure {
        // After all simulations: they would take the cores from what is measured.
        for (index, (study, result)) in studies.iter().zip(&results).enumerate() {
            let Some(side) = study.plan.measurable() else {
                continue;
            };
            let measuring = Measuring {
                study,
                side,
                jobs,
                runs,
                quiet,
                interrupt: &interrupt,
            };
            let store = Stored(folder.points(&study.document));
            let measured = measuring
                .measure(result, &store)
                .map_err(|error| match error {
                    RunError::Cancelled => unmeasured(arguments, study),
                    other => other.into(),
                })?;
            folder.add_measured(index, measured);
        }
    }
    folder.finish(&results, &host::run_meta(started, jobs), None)?;
    print_results(&results, arguments, quiet)?;
    Ok(exit(&results))
}

/// Finished points in the folder in the making.
struct Stored(PointFiles);

impl Points for Stored {
    fn load(&self, key: &str) -> Option<Vec<u8>> {
        self.0.load(key)
    }
    fn save(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.save(key, bytes)
    }
}

fn say_what_is_resumed(study: &Ready, store: &Stored) {
    let points = study.plan.points();
    let kept = points
        .iter()
        .filter(|point| store.load(&point.key()).is_some())
        .count();
    if kept > 0 {
        anstream::eprintln!(
            "resuming {}: {kept} of {} points are finished",
            study.name,
            points.len()
        );
    }
}

fn interrupted(arguments: &Run, study: &Ready, progress: &Progress) -> Failure {
    let (done, total) = (progress.done(), study.plan.points().len());
    let folder = arguments.output.display();
    Failure::Interrupted(format!(
        "interrupted: {done} of {total} points of {} are finished and kept in {folder}.partial; \
         the same command resumes from them",
        study.name
    ))
}

fn unmeasured(arguments: &Run, study: &Ready) -> Failure {
    let folder = arguments.output.display();
    Failure::Interrupted(format!(
        "interrupted while measuring {}: what was simulated is kept in {folder}.partial; the same \
         command measures from the beginning",
        study.name
    ))
}

fn print_results(results: &[StudyResult], arguments: &Run, quiet: bool) -> Result<(), Failure> {
    match arguments.format {
        None if quiet => Ok(()),
        None => output::print(&ending::after_run(results, arguments)),
        Some(RowFormat::Text) => {
            let ending = ending::after_run(results, arguments);
            output::print(&(operations::operations(results) + &ending))
        }
        Some(RowFormat::Json) => output::print(&rows::json(results)),
        Some(RowFormat::Csv) => output::print(&rows::csv(results)),
        Some(RowFormat::Md) => output::print(&rows::markdown(results)),
    }
}

/// Whether every threshold holds.
fn exit(results: &[StudyResult]) -> Exit {
    let mut verdicts = results.iter().flat_map(|result| &result.verdicts);
    if verdicts.any(|verdict| verdict.verdict == Outcome::Fail) {
        Exit::Failed
    } else {
        Exit::Pass
    }
}

/// What would run and what it would take.
fn dry_run(study: &Ready, jobs: usize) -> Result<String, Failure> {
    let jobs = study.plan.jobs_within_memory(jobs)?;
    let Estimate {
        points,
        events,
        memory,
        cpu,
    } = study.plan.estimate(jobs);
    let mut text = format!(
        "{}: {} points, about {} events, {} CPU time, {} at once with {}\n",
        study.name,
        points,
        count(events),
        seconds(cpu),
        memory,
        if jobs == 1 {
            "1 job".to_owned()
        } else {
            format!("{jobs} jobs")
        },
    );
    let mut table = vec![["events", "memory", "CPU time", "point"].map(str::to_owned)];
    for point in study.plan.points() {
        table.push([
            count(point.events),
            point.memory.to_string(),
            seconds(point.cpu),
            point.label.clone(),
        ]);
    }
    text.push_str(&output::columns(&table));
    Ok(text)
}

pub(crate) fn count(events: u64) -> String {
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    number::quantity(kvrig_base::result::Quantity::Count, events)
}

pub(crate) fn seconds(span: kvrig_base::time::Span) -> String {
    format!("{:.1}s", span.as_secs_f64())
}
