//! `kvrig list`: the built-in studies and workloads.

use crate::failure::{Exit, Failure};
use crate::output;
use kvrig_sim::studies::BUILT_IN;
use kvrig_workloads::presets::PRESETS;

pub(crate) fn list() -> Result<Exit, Failure> {
    let studies: Vec<[String; 2]> = BUILT_IN
        .iter()
        .map(|study| [study.name.to_owned(), study.question.to_owned()])
        .collect();
    let workloads: Vec<[String; 2]> = PRESETS
        .iter()
        .map(|preset| [preset.name.to_owned(), preset.about.to_owned()])
        .collect();
    output::print(&format!(
        "{}\nWorkloads for --workload:\n{}",
        output::columns(&studies),
        output::columns(&workloads)
    ))?;
    Ok(Exit::Pass)
}
