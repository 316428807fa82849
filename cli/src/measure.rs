//! `--measure`: what a study names grows on this machine, in rounds.

use crate::interrupt::Interrupt;
use crate::progress::{self, Progress};
use crate::study::Ready;
use crate::verb::run::{count, seconds};
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_base::measured::{MeasuredResult, Run};
use kvrig_base::result::StudyResult;
use kvrig_live::clock::Stillness;
use kvrig_live::grow::{self, GrowError, NodeGrowth, TableGrowth};
use kvrig_live::machine;
use kvrig_sim::run::{Measurable, Measured, Points, RunError, TaskKind};

/// CPU time for which an idle loop is watched before each round and after the last.
const SPIN_NS: u64 = 1_000_000_000;

/// One study that is measured.
#[derive(Clone, Copy)]
pub(crate) struct Measuring<'a> {
    pub(crate) study: &'a Ready,
    pub(crate) side: &'a dyn Measurable,
    pub(crate) jobs: usize,
    pub(crate) runs: u32,
    pub(crate) quiet: bool,
    pub(crate) interrupt: &'a Interrupt,
}

/// Refuses what cannot be measured, before anything is run.
pub(crate) fn check(studies: &[Ready], jobs: usize) -> Result<(), Diagnostic> {
    let sides = || {
        studies
            .iter()
            .filter_map(|study| Some((study, study.plan.measurable()?)))
    };
    if sides().next().is_none() {
        let names: Vec<&str> = studies.iter().map(|study| study.name.as_str()).collect();
        let message = format!(
            "{} has neither a curve of sizes nor a node without a memory limit to measure",
            names.join(", ")
        );
        return Err(Diagnostic::new(diagnostic::NOT_MEASURABLE, message)
            .help("set `study.rehash.size_curve`, or leave `--measure` out"));
    }
    for (study, side) in sides() {
        study
            .plan
            .predictions_within_memory(&side.predictions(), jobs)?;
    }
    Ok(())
}

/// What measuring would take.
pub(crate) fn estimate(study: &Ready, runs: u32) -> String {
    let Some(side) = study.plan.measurable() else {
        return format!("{}: nothing to measure\n", study.name);
    };
    let points = side.predictions();
    let cpu = points.iter().map(|point| point.cpu).sum();
    format!(
        "{}: then {} predictions, {} CPU time, and {} rounds of measuring, about {} with a core to \
         itself\n",
        study.name,
        count(points.len() as u64),
        seconds(cpu),
        runs,
        seconds(side.round_cpu() * u64::from(runs)),
    )
}

impl Measuring<'_> {
    /// Predicts, measures and compares.
    pub(crate) fn measure(
        &self,
        result: &StudyResult,
        store: &dyn Points,
    ) -> Result<MeasuredResult, RunError> {
        let label = format!("{} predictions", self.study.name);
        let progress = Progress::begin(&label, self.quiet, self.interrupt.clone());
        let predictions = self
            .study
            .plan
            .predict(self.side, self.jobs, &progress, store);
        progress.end();
        let predictions = predictions?;
        let measured = self.grow(&predictions)?;
        self.side.compare(result, &predictions, &measured)
    }

    fn grow(&self, predictions: &[kvrig_sim::run::Outcome]) -> Result<Measured, RunError> {
        let tasks = self.side.tasks(predictions)?;
        let total = tasks.len() as u64 * u64::from(self.runs);
        let bar = progress::rounds(&format!("measuring {}", self.study.name), total, self.quiet);
        let mut machine = machine::describe();
        machine.load_before = machine::load();
        let mut stillness = Stillness::default();
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); tasks.len()];
        for round in 1..=self.runs {
            stillness.spin(SPIN_NS);
            for (task, runs) in tasks.iter().zip(&mut runs) {
                bar.set_message(format!("{}, round {round} of {}", task.label, self.runs));
                runs.push(self.grow_one(&task.what)?);
                bar.inc(1);
            }
        }
        stillness.spin(SPIN_NS);
        machine.load_after = machine::load();
        bar.finish_and_clear();
        Ok(Measured {
            kvrig: env!("CARGO_PKG_VERSION").to_owned(),
            machine,
            clock: stillness.facts(),
            runs,
        })
    }

    fn grow_one(&self, what: &TaskKind) -> Result<Run, RunError> {
        let cancelled = || self.interrupt.requested();
        let run = match what {
            &TaskKind::Table {
                kind,
                strings,
                inserts,
                hash_key,
            } => {
                let task = TableGrowth {
                    kind,
                    strings,
                    inserts,
                    hash_key,
                };
                grow::grow_table(&task, &cancelled)
            }
            TaskKind::Node {
                kind,
                config,
                seed,
                filled,
                key_bytes,
                value_bytes,
                buckets,
                keys_max,
            } => {
                let task = NodeGrowth {
                    kind: *kind,
                    config: config.as_ref().clone(),
                    seed: *seed,
                    filled: *filled,
                    key_bytes: *key_bytes,
                    value_bytes: *value_bytes,
                    buckets: *buckets,
                    keys_max: *keys_max,
                };
                grow::grow_node(&task, &cancelled)
            }
        };
        run.map_err(|error| match error {
            GrowError::Cancelled => RunError::Cancelled,
            GrowError::Host(error) => RunError::Failed(error.into()),
            other => RunError::Failed(Diagnostic::new(
                diagnostic::NOT_MEASURABLE,
                other.to_string(),
            )),
        })
    }
}
