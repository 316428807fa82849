//! `kvrig list`: the built-in studies.

use crate::failure::{Exit, Failure};
use crate::output;
use kvrig_sim::studies::BUILT_IN;

pub(crate) fn list() -> Result<Exit, Failure> {
    let rows: Vec<[String; 2]> = BUILT_IN
        .iter()
        .map(|study| [study.name.to_owned(), study.question.to_owned()])
        .collect();
    output::print(&output::columns(&rows))?;
    Ok(Exit::Pass)
}
