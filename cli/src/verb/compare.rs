//! `kvrig compare`: which rows and counters changed, and whether a gate minds.

use crate::arguments::{Compare, CompareFormat};
use crate::failure::{Exit, Failure};
use crate::{ending, output, study};
use kvrig_reports::compare::{Baseline, Gate, Gates, Outcome, compare as difference, render};
use kvrig_reports::folder;
use std::collections::BTreeMap;

pub(crate) fn compare(arguments: &Compare) -> Result<Exit, Failure> {
    let new = Baseline::read(&arguments.new).map_err(study::not_a_baseline)?;
    let baseline = Baseline::read(&arguments.baseline)?;
    let gates = Gates {
        metrics: gates(arguments, &new)?,
        exact: arguments.exact,
    };
    let comparison = difference(&new, &baseline, &gates);
    output::print(&match arguments.format {
        CompareFormat::Text => render::text(&comparison, ending::width()),
        CompareFormat::Json => render::json(&comparison),
        CompareFormat::Md => render::markdown(&comparison),
        CompareFormat::Junit => render::junit(&comparison, &new),
        CompareFormat::Bmf => render::bmf(&new),
        CompareFormat::Gha => render::github(&comparison),
    })?;
    Ok(match comparison.outcome {
        Outcome::Same | Outcome::Passed => Exit::Pass,
        Outcome::Worse => Exit::Failed,
    })
}

/// The gates of the studies compared: of the documents in a result folder, else of the built-in
/// studies of the same names.
fn gates(arguments: &Compare, new: &Baseline) -> Result<BTreeMap<String, Gate>, Failure> {
    let mut gates = BTreeMap::new();
    let mut add = |study: &kvrig_sim::study::Study| {
        for (metric, gate) in &study.gates {
            let worse_ppm = gate.worse.ppm();
            let floor = gate.floor.unsigned_abs();
            gates.insert(metric.clone(), Gate { worse_ppm, floor });
        }
    };
    if arguments.new.is_dir() {
        for result in folder::load(&arguments.new)? {
            add(&study::of_document(&result)?);
        }
    } else {
        for name in new.studies.keys() {
            if study::built_in(name).is_ok() {
                add(&study::plain(name)?);
            }
        }
    }
    Ok(gates)
}
