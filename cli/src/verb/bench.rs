//! `kvrig bench`: exact simulated results of the quick studies in one file, for CI.

use crate::arguments::{Bench, Settings};
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{host, output, study};
use kvrig_base::result::StudyResult;
use kvrig_reports::compare::Baseline;
use kvrig_reports::folder;
use kvrig_sim::run::{self, Points};
use std::fs;
use std::io;
use std::path::Path;

pub(crate) fn bench(arguments: &Bench, quiet: bool) -> Result<Exit, Failure> {
    let (folders, mut studies): (Vec<&String>, Vec<&String>) = arguments
        .studies
        .iter()
        .partition(|word| Path::new(word).is_dir());
    let all = "all".to_owned();
    if arguments.studies.is_empty() {
        studies.push(&all);
    }
    let mut results = Vec::new();
    for folder in folders {
        results.extend(folder::load(Path::new(folder))?);
    }
    results.extend(run_quick(&studies, arguments, quiet)?);
    let file = Baseline::of(&results)?.write();
    fs::write(&arguments.output, &file).map_err(Failure::system(arguments.output.display()))?;
    if !quiet {
        let fingerprint =
            |result: &StudyResult| [result.study.clone(), result.fingerprint.results.to_string()];
        output::print(&output::columns(
            &results.iter().map(fingerprint).collect::<Vec<_>>(),
        ))?;
    }
    Ok(Exit::Pass)
}

fn run_quick(
    words: &[&String],
    arguments: &Bench,
    quiet: bool,
) -> Result<Vec<StudyResult>, Failure> {
    let words: Vec<String> = words.iter().map(|word| (*word).clone()).collect();
    let studies = study::ready(&words, &Settings::default(), true)?;
    let jobs = host::jobs(arguments.jobs);
    let interrupt = Interrupt::listen();
    let mut results = Vec::new();
    for study in &studies {
        let progress = Progress::begin(&study.name, quiet, interrupt.clone());
        let result = run::run(&study.plan, jobs, &progress, &NoPoints);
        progress.end();
        results.push(result?);
    }
    Ok(results)
}

/// Nothing is kept: quick studies are run from the beginning.
struct NoPoints;

impl Points for NoPoints {
    fn load(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn save(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
