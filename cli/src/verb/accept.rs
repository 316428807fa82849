//! `kvrig accept`: results become the baseline, with the reason why they are right.

use crate::arguments::Accept;
use crate::failure::{Exit, Failure};
use crate::study;
use kvrig_base::diagnostic::{self, Diagnostic};
use kvrig_reports::compare::Baseline;
use std::fs;

pub(crate) fn accept(arguments: &Accept) -> Result<Exit, Failure> {
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        let message = "`--reason` is empty";
        return Err(Diagnostic::new(diagnostic::USAGE, message)
            .help("say in a sentence why the change of results is right")
            .into());
    }
    let new = Baseline::read(&arguments.new).map_err(study::not_a_baseline)?;
    fs::write(&arguments.baseline, new.accepted(reason).write())
        .map_err(Failure::system(arguments.baseline.display()))?;
    anstream::eprintln!("{} is the baseline now", arguments.baseline.display());
    Ok(Exit::Pass)
}
